//! Facts → the interactions expected of them, by docs/reference.md alone: plain maps, no cleverness.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Map, Value};

use super::fact::{Fact, MessageFact, Said, When};

/// What decides between two values: event time, then record timestamp. The third key of docs/reference.md#folding, the
/// value's bytes, never decides here: the workload says no two different things at the same time twice over.
type Version = (i64, i64);

/// Everything that has been said, by interaction.
#[derive(Debug, Default)]
pub struct Fold {
    interactions: HashMap<String, Known>,
}

#[derive(Debug, Default)]
struct Known {
    erased: bool,
    fields: HashMap<String, (Version, Value)>,
    metadata: HashMap<String, (Version, Value)>,
    messages: HashMap<String, (Version, MessageFact)>,
    end: Option<(Version, End)>,
    rating: Option<(Version, (u64, Option<&'static str>))>,
    analysis: HashMap<String, (Version, Value)>,
}

#[derive(Debug, Clone, PartialEq)]
struct End {
    end_time_ms: i64,
    status: &'static str,
    end_reason: Option<&'static str>,
    recording_url: Option<String>,
}

/// A message as the API must answer it.
#[derive(Debug, Clone, PartialEq)]
pub struct ExpectedMessage {
    /// Its id.
    pub id: String,
    /// When, milliseconds since the epoch.
    pub at_ms: i64,
    /// `role`, `message` and optional fields.
    pub fields: Map<String, Value>,
}

impl ExpectedMessage {
    /// The field `name` as text, empty when missing.
    pub fn text(&self, name: &str) -> &str {
        self.fields.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}

/// An interaction as the API must answer it.
#[derive(Debug, Clone)]
pub struct Expected {
    /// Its id.
    pub id: String,
    /// Fields that `started` gives, flattened metadata apart.
    pub fields: BTreeMap<String, Value>,
    /// Flattened metadata.
    pub metadata: BTreeMap<String, Value>,
    /// See docs/reference.md#status; what has no end is long silent, so abandoned.
    pub status: &'static str,
    /// As the newest end gives it.
    pub end_reason: Option<&'static str>,
    /// As the newest end gives it.
    pub recording_url: Option<String>,
    /// User, assistant and human messages.
    pub messages_count: usize,
    /// As given, else the earliest message.
    pub start_ms: i64,
    /// `None` without an end.
    pub end_ms: Option<i64>,
    /// To the end, or to the last message.
    pub duration_ms: i64,
    /// That of most assistant messages, tie: the later; else the given one.
    pub llm_model: Option<String>,
    /// Those that messages name.
    pub llm_models: BTreeSet<String>,
    /// Sums of input, cached input and output tokens; `None` when no message gives any.
    pub usage: Option<[u64; 3]>,
    /// What the customer answered.
    pub rating: Option<(u64, Option<&'static str>)>,
    /// Fields of `analyzed`.
    pub analysis: BTreeMap<String, Value>,
    /// In order.
    pub transcript: Vec<ExpectedMessage>,
}

impl Fold {
    /// Takes one fact in.
    pub fn add(&mut self, fact: &Fact) {
        let known = self.interactions.entry(fact.interaction_id.clone()).or_default();
        let version = (fact.time_ms(), fact.recorded_ms);
        for (name, value) in &fact.fields {
            if name == "metadata" {
                flatten(value, "", &mut |key, value| keep(&mut known.metadata, key, version, value));
            } else {
                keep(&mut known.fields, name.clone(), version, value.clone());
            }
        }
        match &fact.said {
            Said::Started => {}
            Said::Message(message) => {
                let mut message = message.clone();
                if message.when == When::EventTime {
                    message.when = When::AtMs(fact.time_ms());
                }
                keep(&mut known.messages, message.id.clone(), version, message);
            }
            Said::Ended { end_time_ms, status, end_reason, recording_url } => {
                let end = End {
                    end_time_ms: end_time_ms.unwrap_or(fact.time_ms()),
                    status: status.unwrap_or("finished"),
                    end_reason: *end_reason,
                    recording_url: recording_url.clone(),
                };
                if known.end.as_ref().is_none_or(|(kept, _)| version > *kept) {
                    known.end = Some((version, end));
                }
            }
            Said::Rated { rating, comment } => {
                if known.rating.as_ref().is_none_or(|(kept, _)| version > *kept) {
                    known.rating = Some((version, (*rating, *comment)));
                }
            }
            Said::Analyzed(analysis) => {
                for (name, value) in analysis {
                    keep(&mut known.analysis, name.clone(), version, value.clone());
                }
            }
            Said::Erased => known.erased = true,
        }
    }

    /// Ids that must not be found.
    pub fn erased(&self) -> Vec<&str> {
        let erased = self.interactions.iter().filter(|(_, known)| known.erased);
        let mut erased: Vec<_> = erased.map(|(id, _)| id.as_str()).collect();
        erased.sort_unstable();
        erased
    }

    /// Every interaction that must be found, by id.
    pub fn expected(&self) -> Vec<Expected> {
        let live = self.interactions.iter().filter(|(_, known)| !known.erased);
        let mut expected: Vec<_> = live.map(|(id, known)| known.expected(id)).collect();
        expected.sort_by(|a, b| a.id.cmp(&b.id));
        expected
    }
}

impl Known {
    fn expected(&self, id: &str) -> Expected {
        let mut fields: BTreeMap<_, _> =
            self.fields.iter().map(|(name, (_, value))| (name.clone(), value.clone())).collect();
        let given_start =
            fields.remove("start_time").and_then(|text| super::fact::parse_rfc3339(text.as_str()?));
        let earliest = self.messages.values().filter_map(|(_, message)| match message.when {
            When::AtMs(at) => Some(at),
            _ => None,
        });
        let start_ms = given_start.or(earliest.min()).unwrap_or_default();

        let mut transcript: Vec<_> =
            self.messages.values().map(|(_, message)| expected_message(message, start_ms)).collect();
        // Each event brings one message, so positions are equal and ids decide.
        transcript.sort_by(|a, b| (a.at_ms, &a.id).cmp(&(b.at_ms, &b.id)));

        let end = self.end.as_ref().map(|(_, end)| end);
        let last_ms = transcript.last().map_or(start_ms, |message| message.at_ms);
        let (llm_model, llm_models) = models(&transcript);
        Expected {
            id: id.to_owned(),
            metadata: self.metadata.iter().map(|(key, (_, value))| (key.clone(), value.clone())).collect(),
            status: end.map_or("abandoned", |end| end.status),
            end_reason: end.and_then(|end| end.end_reason),
            recording_url: end.and_then(|end| end.recording_url.clone()),
            messages_count: transcript
                .iter()
                .filter(|m| matches!(m.text("role"), "user" | "assistant" | "human"))
                .count(),
            start_ms,
            end_ms: end.map(|end| end.end_time_ms),
            duration_ms: end.map_or(last_ms, |end| end.end_time_ms) - start_ms,
            llm_model: llm_model.or_else(|| fields.get("llm_model")?.as_str().map(str::to_owned)),
            llm_models,
            usage: usage(&transcript),
            rating: self.rating.map(|(_, rating)| rating),
            analysis: self.analysis.iter().map(|(name, (_, value))| (name.clone(), value.clone())).collect(),
            transcript,
            fields,
        }
    }
}

fn keep<T>(slots: &mut HashMap<String, (Version, T)>, name: String, version: Version, value: T) {
    match slots.get(&name) {
        Some((kept, _)) if *kept >= version => {}
        _ => drop(slots.insert(name, (version, value))),
    }
}

fn flatten(value: &Value, prefix: &str, keep: &mut impl FnMut(String, Value)) {
    for (key, value) in value.as_object().into_iter().flatten() {
        let key = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        if value.is_object() { flatten(value, &key, keep) } else { keep(key, value.clone()) }
    }
}

fn expected_message(message: &MessageFact, start_ms: i64) -> ExpectedMessage {
    let at_ms = match message.when {
        When::AtMs(at) => at,
        When::OffsetMs(offset) => start_ms + offset,
        When::EventTime => unreachable!("resolved when the fact was taken in"),
    };
    ExpectedMessage { id: message.id.clone(), at_ms, fields: message.fields.clone() }
}

fn models(transcript: &[ExpectedMessage]) -> (Option<String>, BTreeSet<String>) {
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new(); // model → (count, place of the last)
    let named = transcript.iter().enumerate().filter(|(_, message)| message.fields.contains_key("llm_model"));
    for (place, message) in named {
        let count = counts.entry(message.text("llm_model")).or_default();
        *count = (count.0 + 1, place);
    }
    let most = counts.iter().max_by_key(|(_, count)| **count).map(|(model, _)| (*model).to_owned());
    (most, counts.keys().map(|model| (*model).to_owned()).collect())
}

fn usage(transcript: &[ExpectedMessage]) -> Option<[u64; 3]> {
    let usages: Vec<_> = transcript.iter().filter_map(|message| message.fields.get("usage")).collect();
    let sum = |name: &str| usages.iter().filter_map(|usage| usage.get(name)?.as_u64()).sum();
    (!usages.is_empty()).then(|| [sum("input_tokens"), sum("cached_input_tokens"), sum("output_tokens")])
}
