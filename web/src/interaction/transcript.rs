//! The transcript: time, speaker, message, sentiment; tool calls folded, matches marked.

use hearken_model::{Interaction, Message, Role, ToolCall};
use hearken_query::index::highlight::Highlight;
use maud::{Markup, html};

use super::speech::Speech;
use crate::clock::Clock;
use crate::location::message_anchor;
use crate::{format, labels, marked};

pub(super) fn transcript(
    interaction: &Interaction,
    messages: &[Message],
    speech: Option<&Speech<'_>>,
    quotes: Option<&[Highlight]>,
    clock: &Clock,
) -> Markup {
    if messages.is_empty() {
        return html! { p.empty { "Nothing has been said yet." } };
    }
    html! {
        h2.visually-hidden { "Transcript" }
        ol #messages.messages {
            @for (idx, message) in messages.iter().enumerate() {
                @let quote = quotes.and_then(|quotes| quotes.iter().find(|quote| quote.is_of_message(&message.id)));
                @let before = idx.checked_sub(1).and_then(|before| messages.get(before));
                @let pause = speech.zip(before).and_then(|(speech, before)| speech.pause(before, message));
                (row(interaction, message, pause, quote, clock))
            }
        }
    }
}

fn row(
    interaction: &Interaction,
    message: &Message,
    pause: Option<Markup>,
    quote: Option<&Highlight>,
    clock: &Clock,
) -> Markup {
    let anchor = message_anchor(&message.id);
    let agent = interaction.agent.as_deref().filter(|_| message.role == Role::Assistant);
    html! {
        li id=(anchor) class={ "message " (message.role.as_str()) } tabindex="-1" data-match[quote.is_some()] data-from=(message.timestamp) {
            a.at href={ "#" (anchor) } title={ "Link to this message, " (format::exact(message.at, clock)) } {
                (format::offset(message.timestamp))
            }
            span.speaker {
                @if let Some(agent) = agent { bdi title=(agent) { (agent) } " " span.role { (message.role) } }
                @else { (labels::speaker(message.role, None)) }
            }
            div.said {
                @if let Some(pause) = pause { (pause) }
                @match &message.tool {
                    Some(tool) => (tool_call(interaction, message, tool, quote)),
                    None if message.role == Role::System => details open[quote.is_some()] {
                        summary { "Instructions" }
                        (words(interaction, message, quote))
                    },
                    None => (words(interaction, message, quote)),
                }
            }
            span.mark-feel {
                @if let Some(sentiment) = message.sentiment { (labels::sentiment(sentiment)) }
                @if message.interrupted == Some(true) { span.note { "interrupted" } }
                @if let Some(confidence) = message.confidence.filter(|confidence| *confidence < 0.6) {
                    span.note title="The speech recogniser's confidence" { (format!("{:.0} % confidence", confidence * 100.0)) }
                }
            }
        }
    }
}

fn words(interaction: &Interaction, message: &Message, quote: Option<&Highlight>) -> Markup {
    let ranges = quote.map(|quote| quote.ranges.as_slice()).unwrap_or_default();
    html! {
        p.words dir="auto" lang=[interaction.language.as_deref().filter(|tag| is_language_tag(tag))] {
            (marked::ranges(&message.message, ranges))
        }
    }
}

fn tool_call(
    interaction: &Interaction,
    message: &Message,
    tool: &ToolCall,
    quote: Option<&Highlight>,
) -> Markup {
    html! {
        details.tool open[quote.is_some()] {
            summary {
                "Tool " code { (tool.name) }
                @match tool.ok {
                    Some(true) => span.status.finished { "ok" },
                    Some(false) => span.status.failed { "failed" },
                    None => {},
                }
                @if let Some(end) = message.end_offset_ms {
                    span.faint { " " (format::count(end.saturating_sub(message.timestamp).max(0).unsigned_abs())) " ms" }
                }
            }
            @if !message.message.is_empty() { (words(interaction, message, quote)) }
            @if let Some(arguments) = &tool.arguments { h3 { "Arguments" } pre tabindex="0" { code { (pretty(arguments)) } } }
            @if let Some(result) = &tool.result { h3 { "Result" } pre tabindex="0" { code { (pretty(result)) } } }
        }
    }
}

fn pretty(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        other => serde_json::to_string_pretty(other).unwrap_or_default(),
    }
}

/// Whether `tag` may be used in `lang`: an invalid one would mislead screen readers.
fn is_language_tag(tag: &str) -> bool {
    let mut subtags = tag.split('-');
    let primary = subtags.next().unwrap_or_default();
    (2..=3).contains(&primary.len())
        && primary.bytes().all(|byte| byte.is_ascii_alphabetic())
        && subtags
            .all(|tag| (1..=8).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}
