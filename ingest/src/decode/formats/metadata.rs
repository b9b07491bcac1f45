//! Everything else a system says about a conversation: bounded metadata, and the few names that map to our own fields.

use std::collections::BTreeMap;

use hearken_model::event::METADATA_KEYS_MAX;
use hearken_model::{Assessment, Scalar, Sentiment, StartedFields};
use serde_json::Value;

use super::json;

/// Most bytes of a key; longer keys are left out.
const KEY_BYTES_MAX: usize = 256;
/// Most bytes of a value; longer values are cut.
const VALUE_BYTES_MAX: usize = 4_096;
/// Deepest nesting of objects that is read.
const DEPTH_MAX: usize = 8;
/// Names of the customer's address, which is subject to the privacy settings and never becomes metadata.
const ADDRESSES: [&str; 2] = ["ip", "ip_address"];

/// Metadata being collected; if there is too much, what was added first is kept.
#[derive(Default)]
pub(super) struct Metadata {
    flat: BTreeMap<String, Scalar>,
}

impl Metadata {
    /// Adds a value under a key, with nested objects joined by dots. Lists of plain values become one text. Whatever
    /// exceeds the bounds is left out, because a conversation is not refused for its metadata.
    pub(super) fn add(&mut self, key: &str, value: &Value) {
        self.add_nested(key, value, 0);
    }

    /// Adds each field of an object under its own name.
    pub(super) fn add_fields(&mut self, object: &Value) {
        for (name, value) in json::fields(object) {
            self.add(name, value);
        }
    }

    fn add_nested(&mut self, key: &str, value: &Value, depth: usize) {
        let scalar = match value {
            Value::Null => return,
            Value::Bool(value) => Scalar::Bool(*value),
            Value::Number(value) => Scalar::Number(value.clone()),
            Value::String(value) => Scalar::Text(cut(value)),
            Value::Array(values) => match joined(values) {
                Some(text) => Scalar::Text(cut(&text)),
                None => return,
            },
            Value::Object(object) => {
                for (name, value) in object.iter().filter(|_| depth < DEPTH_MAX) {
                    self.add_nested(&format!("{key}.{name}"), value, depth + 1);
                }
                return;
            }
        };
        let is_empty = matches!(&scalar, Scalar::Text(text) if text.is_empty());
        let is_address = key.rsplit('.').next().is_some_and(|name| ADDRESSES.contains(&name));
        let fits = !is_address && self.flat.len() < METADATA_KEYS_MAX && key.len() <= KEY_BYTES_MAX;
        if fits && !is_empty && !key.is_empty() {
            self.flat.entry(key.to_owned()).or_insert(scalar);
        }
    }

    pub(super) fn into_map(self) -> BTreeMap<String, Scalar> {
        self.flat
    }
}

fn joined(values: &[Value]) -> Option<String> {
    let texts: Option<Vec<_>> = values
        .iter()
        .map(|value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
            _ => None,
        })
        .collect();
    texts.map(|texts| texts.join(", "))
}

fn cut(text: &str) -> String {
    let mut end = text.len().min(VALUE_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

/// Takes fields for which a system has no place, and which operators put into its free metadata, unless they are
/// already set.
pub(super) fn adopt(started: &mut StartedFields, free: &Value) {
    let set = |field: &mut Option<String>, names: &[&str]| {
        if field.is_none() {
            *field = names.iter().find_map(|name| json::text(&free[*name]));
        }
    };
    set(&mut started.organization, &["organization"]);
    set(&mut started.agent_version, &["agent_version"]);
    set(&mut started.user_id, &["user_id"]);
    set(&mut started.url, &["url", "page_url"]);
    set(&mut started.user_agent, &["user_agent"]);
    set(&mut started.ip_address, &ADDRESSES);
    set(&mut started.language, &["language"]);
}

/// Takes analysis that operators have configured in their system under names of their own.
pub(super) fn adopt_analysis(
    analysis: &mut Assessment,
    name: &str,
    value: &Value,
    description: Option<String>,
) {
    match name {
        "csat" => {
            let csat = json::number(value).filter(|csat| csat.fract() == 0.0 && (1.0..=5.0).contains(csat));
            if analysis.csat.is_none() && csat.is_some() {
                analysis.csat = csat.map(|csat| csat as u8);
                analysis.csat_description = description;
            }
        }
        "sentiment" => {
            let sentiment = sentiment(value);
            if analysis.sentiment.is_none() && sentiment.is_some() {
                analysis.sentiment = sentiment;
                analysis.sentiment_description = description;
            }
        }
        "topic" if analysis.topic.is_none() => analysis.topic = json::text(value),
        "summary" if analysis.summary.is_none() => analysis.summary = json::text(value),
        "keywords" if analysis.keywords.is_none() => {
            let keywords: Vec<_> = json::items(value).iter().filter_map(json::text).collect();
            analysis.keywords = (!keywords.is_empty()).then_some(keywords);
        }
        _ => {}
    }
}

/// A sentiment by its English name, ignoring case.
pub(super) fn sentiment(value: &Value) -> Option<Sentiment> {
    Sentiment::from_name(&value.as_str()?.to_ascii_lowercase())
}
