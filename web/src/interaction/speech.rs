//! The timing of a voice call: who spoke when, silences, and people speaking over each other.

use hearken_model::speech::silences;
use hearken_model::{Interaction, InteractionType, Message, Role};
use maud::{Markup, html};

use crate::format;
use crate::location::message_anchor;
use crate::plot::percent;

/// The shortest silence that callers notice, and that is shown.
const SHOWN_MS: i64 = 2_000;
/// Heights in CSS pixels: a lane, the room below it, and the times below all.
const LANE: f64 = 14.0;
const GAP: f64 = 5.0;
const TIMES: f64 = 16.0;
/// Most times named along the call after its beginning: as many as fit on a phone.
const TIMES_MAX: i64 = 5;
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
        let share = |ms: i64| ms.clamp(0, end_ms) as f64 / end_ms as f64 * 100.0;
        let x = |ms: i64| percent(share(ms));
        // Agent and caller have a lane in every call, a human agent only after taking over.
        let lanes: Vec<(Role, &str)> = LANES
            .into_iter()
            .filter(|(role, _)| *role != Role::Human || self.spans.iter().any(|(m, _)| m.role == Role::Human))
            .collect();
        let height = lanes.len() as f64 * (LANE + GAP);
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
            figure.speech data-end=(end_ms) {
                figcaption { "Speech" span.faint { " " (described) "; " (format::offset(end_ms)) " in all" } }
                div.chart {
                    div.lanes aria-hidden="true" { @for (_, name) in &lanes { span { (name) } } }
                    svg height=(height + TIMES) role="group" aria-label={ "Speech: " (described) } {
                        @for at in times(end_ms) {
                            line.axis x1=(x(at)) x2=(x(at)) y1="0" y2=(height) {}
                            text x=(x(at)) y=(height + TIMES - 4.0) text-anchor=(match share(at) {
                                share if share < 3.0 => "start",
                                share if share > 97.0 => "end",
                                _ => "middle",
                            }) { (format::offset(at)) }
                        }
                        line.axis x1="0" x2="100%" y1=(silence_y) y2=(silence_y) {}
                        @for (from, to, _) in &self.silences {
                            rect.silence x=(x(*from)) y=(silence_y - 3.0) width=(percent(share(*to) - share(*from))) height="6" rx="3" {
                                title { (said(to - from)) }
                            }
                        }
                        @for (message, end) in &self.spans {
                            @let lane = lanes.iter().position(|(role, _)| *role == message.role).unwrap_or(0);
                            @let name = lanes[lane].1;
                            @let text = format!("{name}, {} to {}", format::offset(message.timestamp), format::offset(*end));
                            a href={ "#" (message_anchor(&message.id)) } aria-label=(text) {
                                rect class={ "span " (message.role.as_str()) @if message.interrupted == Some(true) { " cut" } }
                                    x=(x(message.timestamp)) y=(y(lane))
                                    width=(percent((share(*end) - share(message.timestamp)).max(0.4))) height=(LANE) rx="2" {
                                    title { (text) }
                                }
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

/// Round times along a call, from its beginning.
fn times(end_ms: i64) -> impl Iterator<Item = i64> {
    const SECOND_MS: i64 = 1_000;
    const HOUR_S: i64 = 3_600;
    const STEPS_S: [i64; 12] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800];
    let fits = |step: &i64| end_ms / (step * SECOND_MS) <= TIMES_MAX;
    let hours = end_ms / (TIMES_MAX * HOUR_S * SECOND_MS) + 1;
    let step = STEPS_S.into_iter().find(fits).unwrap_or(hours.saturating_mul(HOUR_S));
    (0..=end_ms / (step * SECOND_MS)).map(move |number| number * step * SECOND_MS)
}

fn said(silence_ms: i64) -> String {
    format!("{:.1} s of silence", silence_ms as f64 / 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_along_a_call_are_round_and_few() {
        let named = |end_ms| times(end_ms).map(format::offset).collect::<Vec<_>>().join(" ");
        assert_eq!(named(700), "0:00");
        assert_eq!(named(134_000), "0:00 0:30 1:00 1:30 2:00");
        assert_eq!(named(3 * 3_600_000), "0:00 1:00:00 2:00:00 3:00:00");
        for end_ms in [1, 59_999, 7_654_321, i64::MAX / 4] {
            assert!(times(end_ms).count() <= 1 + TIMES_MAX as usize, "{end_ms}");
        }
    }
}
