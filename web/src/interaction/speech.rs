//! The timing of a voice call: who spoke when, silences, and people speaking over each other.

use hearken_model::speech::silences;
use hearken_model::{Interaction, InteractionType, Message, Role};
use maud::{Markup, html};

use crate::format;
use crate::location::message_anchor;

/// The shortest silence that callers notice, and that is shown.
const SHOWN_MS: i64 = 2_000;
const WIDTH: f64 = 720.0;
const LANE: f64 = 14.0;
/// Between two lanes.
const GAP: f64 = 5.0;
/// Room for the lane names.
const LEFT: f64 = 88.0;
/// Who may speak, and the name of their lane, from the top.
const LANES: [(Role, &str); 3] =
    [(Role::Assistant, "agent"), (Role::Human, "human agent"), (Role::User, "caller")];

/// The speech in a call.
pub(super) struct Speech<'m> {
    /// Utterances whose end is known, in milliseconds from the start.
    spans: Vec<(&'m Message, i64)>,
    /// Noticeable silences, from and to, with the message that broke each.
    silences: Vec<(i64, i64, &'m Message)>,
}

impl<'m> Speech<'m> {
    /// The speech of a call; `None` for chats.
    pub(super) fn of(interaction: &Interaction, messages: &'m [Message]) -> Option<Self> {
        if interaction.interaction_type != Some(InteractionType::VoiceCall) {
            return None;
        }
        let spoken: Vec<(&Message, Option<i64>)> = messages
            .iter()
            .filter(|message| LANES.iter().any(|(role, _)| *role == message.role))
            .map(|message| (message, message.end_offset_ms.map(|end| end.max(message.timestamp))))
            .collect();
        let times: Vec<(i64, Option<i64>)> =
            spoken.iter().map(|(message, end)| (message.timestamp, *end)).collect();
        let broken_by = |at: i64| spoken.iter().map(|(message, _)| *message).find(|m| m.timestamp == at);
        let silences = silences(&times).unwrap_or_default().into_iter();
        let silences = silences.filter(|(from, to)| to.saturating_sub(*from) >= SHOWN_MS);
        Some(Speech {
            silences: silences.filter_map(|(from, to)| Some((from, to, broken_by(to)?))).collect(),
            spans: spoken.into_iter().filter_map(|(message, end)| Some((message, end?))).collect(),
        })
    }

    /// A lane for each speaker over the length of the call; nothing if no utterance has a known end.
    pub(super) fn timeline(&self) -> Markup {
        let end_ms = self.spans.iter().map(|(_, end)| *end).max().unwrap_or(0);
        if end_ms <= 0 {
            return html! {};
        }
        let x = |ms: i64| LEFT + ms.clamp(0, end_ms) as f64 / end_ms as f64 * (WIDTH - LEFT);
        // Agent and caller have a lane in every call, a human agent only after taking over.
        let lanes: Vec<(Role, &str)> = LANES
            .into_iter()
            .filter(|(role, _)| *role != Role::Human || self.spans.iter().any(|(m, _)| m.role == Role::Human))
            .collect();
        let height = lanes.len() as f64 * (LANE + GAP) + GAP;
        let y = |lane: usize| lane as f64 * (LANE + GAP);
        let silence_y = y(lanes.len() - 1) - GAP / 2.0;
        let spoken = |role: Role| -> i64 {
            let of_role = self.spans.iter().filter(|(message, _)| message.role == role);
            of_role.map(|(message, end)| end.saturating_sub(message.timestamp)).sum()
        };
        let described: Vec<String> =
            lanes.iter().map(|(role, name)| format!("{name} {}", format::offset(spoken(*role)))).collect();
        let described = described.join(", ");
        html! {
            figure.speech data-end=(end_ms) data-left=(format!("{:.4}", LEFT / WIDTH)) {
                figcaption { "Speech" span.faint { " " (described) "; " (format::offset(end_ms)) " in all" } }
                svg viewBox={ "0 0 " (WIDTH) " " (height) } role="group" aria-label={ "Speech: " (described) } {
                    @for (lane, (_, name)) in lanes.iter().enumerate() {
                        text x="0" y=(y(lane) + LANE - 3.0) { (name) }
                    }
                    line.axis x1=(LEFT) x2=(WIDTH) y1=(silence_y) y2=(silence_y) {}
                    @for (from, to, _) in &self.silences {
                        rect.silence x=(format!("{:.1}", x(*from))) y=(silence_y - 3.0) width=(format!("{:.1}", x(*to) - x(*from))) height="6" rx="3" {
                            title { (said(to - from)) }
                        }
                    }
                    @for (message, end) in &self.spans {
                        @let lane = lanes.iter().position(|(role, _)| *role == message.role).unwrap_or(0);
                        @let name = lanes[lane].1;
                        @let text = format!("{name}, {} to {}", format::offset(message.timestamp), format::offset(*end));
                        a href={ "#" (message_anchor(&message.id)) } aria-label=(text) {
                            rect class={ "span " (message.role.as_str()) @if message.interrupted == Some(true) { " cut" } }
                                x=(format!("{:.1}", x(message.timestamp))) y=(y(lane))
                                width=(format!("{:.1}", (x(*end) - x(message.timestamp)).max(2.0))) height=(LANE) rx="2" {
                                title { (text) }
                            }
                        }
                    }
                }
            }
        }
    }

    /// The note between two messages: the silence that the second one broke, or how long it overlapped the
    /// first.
    pub(super) fn pause(&self, before: &Message, message: &Message) -> Option<Markup> {
        let broken = self.silences.iter().find(|(.., breaking)| std::ptr::eq(*breaking, message));
        if let Some((from, to, _)) = broken {
            return Some(html! { p.pause { (said(to - from)) } });
        }
        let over_ms = before.end_offset_ms?.saturating_sub(message.timestamp);
        let is_spoken = |message: &Message| LANES.iter().any(|(role, _)| *role == message.role);
        let speaks_over =
            over_ms > 0 && before.role != message.role && is_spoken(before) && is_spoken(message);
        speaks_over.then(
            || html! { p.pause.over { (format!("speaks over the other for {:.1} s", over_ms as f64 / 1_000.0)) } },
        )
    }
}

fn said(silence_ms: i64) -> String {
    format!("{:.1} s of silence", silence_ms as f64 / 1_000.0)
}
