//! Makes answers short enough for a model's context: nothing absent is listed, and no text is longer than necessary.

use hearken_index::highlight::{Highlight, HighlightPlace};
use hearken_model::{Interaction, Message};
use serde_json::{Map, Value, json};

/// Longest text, except for a message's own.
const TEXT_CHARS_MAX: usize = 300;
/// Longest JSON of a tool's arguments, and of its result.
const TOOL_CHARS_MAX: usize = 200;
/// Most matching messages and details per interaction on a page.
const HIGHLIGHTS_MAX: usize = 3;

/// What a page shows of an interaction: a name, and where the value is.
const FACTS: &[(&str, &str)] = &[
    ("id", "/id"),
    ("organization", "/organization"),
    ("agent", "/agent"),
    ("type", "/type"),
    ("status", "/status"),
    ("start_time", "/start_time"),
    ("duration", "/duration"),
    ("messages_count", "/messages_count"),
    ("country", "/country"),
    ("language", "/language"),
    ("csat", "/csat"),
    ("rating", "/rating"),
    ("sentiment", "/topics_summary/sentiment"),
    ("topic", "/topics_summary/topic"),
    ("summary", "/topics_summary/summary"),
    ("total_costs", "/total_costs/amount"),
    ("currency", "/total_costs/currency"),
];

/// An interaction on a page.
pub(super) fn facts(interaction: &Interaction) -> Value {
    let whole = serde_json::to_value(interaction).unwrap_or_default();
    let facts = FACTS.iter().filter_map(|(name, pointer)| {
        let fact = tidy(whole.pointer(pointer)?.clone())?;
        Some(((*name).to_owned(), if *name == "id" { interaction.id.clone().into() } else { fact }))
    });
    Value::Object(facts.collect())
}

/// Everything about an interaction except its messages.
pub(super) fn head(interaction: &Interaction) -> Value {
    let mut whole = serde_json::to_value(interaction).unwrap_or_default();
    if let Some(whole) = whole.as_object_mut() {
        whole.remove("transcript");
    }
    let mut head = tidy(whole).unwrap_or_default();
    head["id"] = interaction.id.clone().into();
    head
}

/// The matching messages and details, with their fragments.
pub(super) fn highlights(highlights: &[Highlight]) -> Vec<Value> {
    let shown = highlights.iter().take(HIGHLIGHTS_MAX);
    shown
        .filter_map(|Highlight { place, fragments, .. }| {
            tidy(match place {
                HighlightPlace::Message { role, offset_ms, .. } => {
                    json!({"role": role, "offset_ms": offset_ms, "fragments": fragments})
                }
                HighlightPlace::Detail { field } => json!({"field": field, "fragments": fragments}),
            })
        })
        .collect()
}

/// A value with its counts, as in a facet or an interval.
pub(super) fn count(mut row: Value) -> Value {
    if let Some(Value::String(text)) = row.get_mut("value") {
        *text = cut(std::mem::take(text), TEXT_CHARS_MAX);
    }
    row
}

/// A message without its text, which the caller has to add.
pub(super) fn message(number: usize, message: &Message) -> Map<String, Value> {
    let json_of = |value: &Option<Value>| value.as_ref().map(|value| cut(value.to_string(), TOOL_CHARS_MAX));
    let tool = message.tool.as_ref().map(|tool| {
        json!({
            "name": tool.name, "ok": tool.ok, "arguments": json_of(&tool.arguments), "result": json_of(&tool.result),
        })
    });
    let shown = json!({
        "n": number, "role": message.role, "offset_ms": message.timestamp, "sentiment": message.sentiment,
        "interrupted": message.interrupted, "tool": tool,
    });
    match tidy(shown) {
        Some(Value::Object(shown)) => shown,
        _ => Map::new(),
    }
}

/// As much of the text as fits into this many bytes of JSON, at least one character.
pub(super) fn beginning(text: &str, bytes_max: usize) -> &str {
    let mut num_bytes = 2;
    for (at, c) in text.char_indices() {
        num_bytes += match c {
            '"' | '\\' | '\n' | '\r' | '\t' => 2,
            c if c.is_control() => 6,
            c => c.len_utf8(),
        };
        if num_bytes > bytes_max && at > 0 {
            return &text[..at];
        }
    }
    text
}

/// Drops `null`s and empty values, and cuts long texts; `None` if nothing is left.
fn tidy(value: Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(cut(text, TEXT_CHARS_MAX).into()),
        Value::Array(values) => {
            let values: Vec<_> = values.into_iter().filter_map(tidy).collect();
            (!values.is_empty()).then_some(Value::Array(values))
        }
        Value::Object(object) => {
            let object: Map<_, _> =
                object.into_iter().filter_map(|(name, value)| Some((name, tidy(value)?))).collect();
            (!object.is_empty()).then_some(Value::Object(object))
        }
        value => Some(value),
    }
}

fn cut(mut text: String, chars_max: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(chars_max) {
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_beginning_takes_no_more_bytes_than_it_may() {
        for text in ["plain words", "\u{1}\u{2}\"\\\n\t\r\u{7f}\u{85}", "我要退款", "\u{1F600}x"] {
            for bytes_max in 0..80 {
                let beginning = beginning(text, bytes_max);
                let num_chars = beginning.chars().count();
                assert!(num_chars >= 1 && text.starts_with(beginning));
                let num_bytes = serde_json::to_string(beginning).unwrap().len();
                assert!(num_bytes <= bytes_max || num_chars == 1, "{text:?} in {bytes_max}: {beginning:?}");
            }
            assert_eq!(beginning(text, 80), text);
        }
    }

    #[test]
    fn what_is_absent_is_left_out_and_what_is_long_is_cut() {
        let value = json!({"a": null, "b": [], "c": {"d": null}, "e": "x".repeat(400), "f": 0, "g": false});
        let mut long = "x".repeat(300);
        long.push('…');
        assert_eq!(tidy(value), Some(json!({"e": long, "f": 0, "g": false})));
        assert_eq!(tidy(json!([{}])), None);
    }
}
