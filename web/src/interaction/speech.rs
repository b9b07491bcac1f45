//! How a voice call went in time: who spoke when, silence, and speaking over each other.

use hearken_model::speech::silences;
use hearken_model::{Interaction, InteractionType, Message, Role};
use maud::{Markup, html};

use crate::format;
use crate::location::message_anchor;

/// Silence that callers notice.
const SILENCE_MS: i64 = 2_000;
const WIDTH: f64 = 720.0;
const LANE: f64 = 14.0;
/// Room for the names of the lanes.
const LEFT: f64 = 64.0;

/// Two lanes of speech over the call's time; nothing for chats and for calls without ends of messages.
pub(super) fn timeline(interaction: &Interaction, messages: &[Message]) -> Markup {
    let spans: Vec<(&Message, i64)> = messages
        .iter()
        .filter_map(|message| Some((message, message.end_offset_ms?)))
        .filter(is_speech)
        .collect();
    let end_ms = spans.iter().map(|(_, end)| *end).max().unwrap_or(0);
    if interaction.interaction_type != Some(InteractionType::VoiceCall) || end_ms <= 0 {
        return html! {};
    }
    let x = |ms: i64| LEFT + ms.clamp(0, end_ms) as f64 / end_ms as f64 * (WIDTH - LEFT);
    let spoken = |caller: bool| -> i64 {
        spans
            .iter()
            .filter(|(message, _)| (message.role == Role::User) == caller)
            .map(|(m, end)| end - m.timestamp)
            .sum()
    };
    let described =
        format!("Caller spoke {}, agent {}", format::offset(spoken(true)), format::offset(spoken(false)));
    html! {
        figure.speech {
            figcaption { "Speech" span.faint { " " (described) ", " (format::offset(end_ms)) " in all" } }
            svg viewBox={ "0 0 " (WIDTH) " " (3.0 * LANE) } role="group" aria-label=(described) {
                text x="0" y=(LANE - 3.0) { "agent" }
                text x="0" y=(3.0 * LANE - 3.0) { "caller" }
                line.axis x1=(LEFT) x2=(WIDTH) y1=(1.5 * LANE) y2=(1.5 * LANE) {}
                @for (from, to) in long_silences(&spans) {
                    rect.silence x=(format!("{:.1}", x(from))) y=(1.5 * LANE - 3.0) width=(format!("{:.1}", x(to) - x(from))) height="6" rx="3" {
                        title { (format!("{:.1} s of silence", (to - from) as f64 / 1_000.0)) }
                    }
                }
                @for (message, end) in &spans {
                    @let lane = if message.role == Role::User { 2.0 * LANE } else { 0.0 };
                    @let text = format!("{} {} to {}", message.role, format::offset(message.timestamp), format::offset(*end));
                    a href={ "#" (message_anchor(&message.id)) } aria-label=(text) {
                        rect class={ "span " (message.role.as_str()) @if message.interrupted == Some(true) { " cut" } }
                            x=(format!("{:.1}", x(message.timestamp))) y=(lane)
                            width=(format!("{:.1}", (x(*end) - x(message.timestamp)).max(2.0))) height=(LANE) rx="2" {
                            title { (text) }
                        }
                    }
                }
            }
        }
    }
}

/// Where nobody speaks for longer than callers bear in comfort.
fn long_silences(spans: &[(&Message, i64)]) -> Vec<(i64, i64)> {
    let mut silences = silences(spans.iter().map(|(message, end)| (message.timestamp, *end)));
    silences.retain(|(from, to)| to.saturating_sub(*from) >= SILENCE_MS);
    silences
}

fn is_speech((message, end): &(&Message, i64)) -> bool {
    matches!(message.role, Role::User | Role::Assistant | Role::Human) && *end >= message.timestamp
}

/// Silence before a message, or that it began while the one before was still being spoken.
pub(super) fn pause(before: &Message, message: &Message) -> Option<Markup> {
    let gap_ms = message.timestamp.saturating_sub(before.end_offset_ms?);
    if gap_ms >= SILENCE_MS {
        return Some(html! { p.pause { (format!("{:.1} s of silence", gap_ms as f64 / 1_000.0)) } });
    }
    let speaks_over = gap_ms < 0 && before.role != message.role;
    speaks_over.then(|| html! { p.pause.over { (format!("speaks over {:.1} s", gap_ms as f64 / -1_000.0)) } })
}
