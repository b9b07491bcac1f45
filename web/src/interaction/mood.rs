//! The mood along the conversation: a point for each message that has a score.

use hearken_model::Message;
use maud::{Markup, html};

use crate::location::message_anchor;
use crate::plot::percent;
use crate::{format, labels};

/// Height in CSS pixels; −1 is at the bottom, 1 at the top.
const HEIGHT: f64 = 48.0;
/// Room for a point above the highest and below the lowest score.
const MARGIN: f64 = 6.0;
/// Most points; of more messages only those have one at which the mood turned.
const POINTS_MAX: usize = 120;
/// The smallest swing of the mood that is a turn, where there are too many messages for a point each.
const SWING_MIN: f64 = 0.25;

/// The chart; nothing when fewer than two messages have a score, because a line needs two.
pub(super) fn chart(messages: &[Message]) -> Markup {
    let scored: Vec<(&Message, f64)> = messages
        .iter()
        .filter_map(|message| Some((message, message.sentiment_score.filter(|score| score.is_finite())?)))
        .collect();
    if scored.len() < 2 {
        return html! {};
    }
    let steps = (scored.len() - 1) as f64;
    let y = |score: f64| HEIGHT / 2.0 - score.clamp(-1.0, 1.0) * (HEIGHT / 2.0 - MARGIN);
    let line: Vec<String> =
        scored.iter().enumerate().map(|(idx, (_, score))| format!("{idx},{:.1}", y(*score))).collect();
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
            svg height=(HEIGHT) role="group" aria-label=(described) {
                line.axis x1="0" x2="100%" y1=(HEIGHT / 2.0) y2=(HEIGHT / 2.0) {}
                // Only the line is stretched; points stay round.
                svg viewBox={ "0 0 " (steps) " " (HEIGHT) } preserveAspectRatio="none" aria-hidden="true" {
                    polyline.line points=(line.join(" ")) {}
                }
                @for (idx, (message, score)) in points(&scored) {
                    @let text = described_point(message, score);
                    a href={ "#" (message_anchor(&message.id)) } aria-label=(text) {
                        circle class={ "point " (sentiment_class(message, score)) } cx=(percent(idx as f64 / steps * 100.0)) cy=(format!("{:.1}", y(score))) r="4" {
                            title { (text) }
                        }
                    }
                }
            }
        }
    }
}

/// The messages that get a point, with their places: all of them, or those at which the mood turned.
fn points<'m>(scored: &[(&'m Message, f64)]) -> Vec<(usize, (&'m Message, f64))> {
    let all = scored.iter().copied().enumerate();
    if scored.len() <= POINTS_MAX {
        return all.collect();
    }
    let scores: Vec<f64> = scored.iter().map(|(_, score)| *score).collect();
    let mut swing = SWING_MIN;
    let mut turns = turns(&scores, swing);
    while turns.len() > POINTS_MAX {
        swing *= 2.0;
        turns = self::turns(&scores, swing);
    }
    all.filter(|(idx, _)| turns.contains(idx)).collect()
}

/// Where the scores turned by at least `swing`, with the lowest, the highest and the end of the last turn.
fn turns(scores: &[f64], swing: f64) -> Vec<usize> {
    let mut turns = Vec::new();
    // The furthest since the last turn.
    let (mut furthest, mut direction) = (0, 1.0);
    for (idx, score) in scores.iter().enumerate() {
        let further = (score - scores[furthest]) * direction;
        if further > 0.0 {
            furthest = idx;
        } else if further <= -swing {
            turns.push(furthest);
            (furthest, direction) = (idx, -direction);
        }
    }
    turns.push(furthest);
    let by_score = |a: &usize, b: &usize| scores[*a].total_cmp(&scores[*b]);
    turns.extend((0..scores.len()).min_by(by_score));
    turns.extend((0..scores.len()).max_by(by_score));
    turns.sort_unstable();
    turns.dedup();
    turns
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_mood_turns_at_its_peaks_and_not_at_every_wobble() {
        let scores = [0.0, 0.6, 0.5, 0.8, 0.7, -0.9, -0.8, 0.1, 0.2, 0.1];
        assert_eq!(turns(&scores, 0.25), [3, 5, 8]);
        assert_eq!(turns(&scores, 4.0), [3, 5], "the highest and the lowest are always there");
    }

    #[test]
    fn a_long_conversation_has_points_too_but_not_too_many() {
        let message = |idx: i32| {
            let score = if idx % 2 == 0 { 0.9 } else { -0.9 };
            let at = "2026-11-22T11:00:00Z";
            let message = json!({"id": idx.to_string(), "role": "user", "timestamp": idx, "at": at, "message": "x",
                                 "sentiment_score": score, "billable": true});
            serde_json::from_value(message).unwrap()
        };
        let messages: Vec<Message> = (0..1_000).map(message).collect();
        let points = chart(&messages).into_string().matches("<circle").count();
        assert!((2..=POINTS_MAX).contains(&points), "{points}");
    }
}
