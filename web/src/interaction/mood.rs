//! The mood along the conversation: a point for each message that has a score.

use hearken_model::Message;
use maud::{Markup, html};

use crate::location::message_anchor;
use crate::{format, labels};

/// Height in CSS pixels; −1 is at the bottom, 1 at the top.
const HEIGHT: f64 = 48.0;
const WIDTH: f64 = 720.0;
const MARGIN: f64 = 6.0;
/// Most messages for which points are drawn; in longer ones the line alone says more.
const POINTS_MAX: usize = 120;

/// The chart; nothing when fewer than two messages have a score, because a line needs two.
pub(super) fn chart(messages: &[Message]) -> Markup {
    let scored: Vec<(&Message, f64)> = messages
        .iter()
        .filter_map(|message| Some((message, message.sentiment_score.filter(|score| score.is_finite())?)))
        .collect();
    if scored.len() < 2 {
        return html! {};
    }
    let step = (WIDTH - 2.0 * MARGIN) / (scored.len() - 1) as f64;
    let x = |idx: usize| MARGIN + idx as f64 * step;
    let y = |score: f64| HEIGHT / 2.0 - score.clamp(-1.0, 1.0) * (HEIGHT / 2.0 - MARGIN);
    let line: Vec<String> = scored
        .iter()
        .enumerate()
        .map(|(idx, (_, score))| format!("{:.1},{:.1}", x(idx), y(*score)))
        .collect();
    let (first, last) = (scored.first(), scored.last());
    let described = match (first, last) {
        (Some((_, first)), Some((_, last))) => {
            format!("Mood from {first:+.1} to {last:+.1} on a scale of −1 to 1")
        }
        _ => String::new(),
    };
    html! {
        figure.mood {
            figcaption { "Mood" span.faint { " from negative (below the line) to positive" } }
            svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="group" aria-label=(described) {
                line.axis x1="0" x2=(WIDTH) y1=(HEIGHT / 2.0) y2=(HEIGHT / 2.0) {}
                polyline.line points=(line.join(" ")) {}
                @if scored.len() <= POINTS_MAX {
                    @for (idx, (message, score)) in scored.iter().enumerate() {
                        @let text = described_point(message, *score);
                        a href={ "#" (message_anchor(&message.id)) } aria-label=(text) {
                            circle class={ "point " (sentiment_class(message, *score)) } cx=(format!("{:.1}", x(idx))) cy=(format!("{:.1}", y(*score))) r="4" {
                                title { (text) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn described_point(message: &Message, score: f64) -> String {
    let said: String = message.message.chars().take(60).collect();
    format!(
        "{} {} {score:+.1}: {said}",
        format::offset(message.timestamp),
        labels::speaker(message.role, None)
    )
}

/// The colour of the message's own label, so that a point never says something else than the transcript beside it.
fn sentiment_class(message: &Message, score: f64) -> &'static str {
    match message.sentiment {
        Some(sentiment) => sentiment.as_str(),
        None if score > 0.15 => "positive",
        None if score < -0.15 => "negative",
        None => "neutral",
    }
}
