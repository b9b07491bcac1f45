//! Scenarios, `server/demo/scenarios.json`: conversations with alternatives, so that no two are alike.
//!
//! A scenario has an opening and several endings. For each line one wording is picked, and each of the `{slots}` gets
//! one of its values for the whole conversation; `{number}` and `{amount}` are random.

use std::collections::BTreeMap;

use fastrand::Rng;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::conversation::{Carrier, DemoConversation, DemoMessage};

const SCENARIOS: &str = include_str!("../../../demo/scenarios.json");

/// The scenarios in file order.
pub(super) fn scenarios() -> Vec<Scenario> {
    serde_json::from_str(SCENARIOS).expect("the scenarios are well formed: a test reads them")
}

/// A kind of conversation.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scenario {
    pub organization: String,
    agent: String,
    pub r#type: String,
    pub language: String,
    integration: String,
    /// How often it happens, relative to others.
    pub weight: u32,
    url: Option<String>,
    /// The values of each slot.
    slots: BTreeMap<String, Vec<String>>,
    opening: Vec<Line>,
    pub endings: Vec<Ending>,
}

/// How it continues after the opening.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ending {
    weight: u32,
    /// Without it, the conversation just stops.
    pub status: Option<String>,
    end_reason: Option<String>,
    /// The ratings that customers give; `null` means none.
    ratings: Vec<Option<u8>>,
    lines: Vec<Line>,
}

/// A line with its speaker, in one of these wordings.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum Line {
    User(Vec<String>),
    Assistant(Vec<String>),
    /// The assistant, interrupted.
    Cut(Vec<String>),
    /// A human who took over.
    Human(Vec<String>),
    Tool {
        name: String,
        text: String,
        #[serde(default = "worked")]
        ok: bool,
    },
}

const fn worked() -> bool {
    true
}

/// Most customers do not answer when they are asked for a rating.
const RATED_SHARE: f64 = 0.4;

impl Scenario {
    /// Generates one conversation with `rng`. The customer and their whereabouts are still to be filled in.
    pub(super) fn play(&self, rng: &mut Rng) -> DemoConversation {
        let ending = chosen(&self.endings, |ending| ending.weight, rng);
        let slots = self.filled_slots(rng);
        let fill = |text: &str| filled(text, &slots);
        let mut messages: Vec<DemoMessage> = Vec::new();
        for line in self.opening.iter().chain(&ending.lines) {
            let message = self.said(line, messages.last(), &fill, rng);
            messages.push(message);
        }
        let rating = match rng.f64() < RATED_SHARE {
            true => rng.choice(&ending.ratings).copied().flatten(),
            false => None,
        };
        DemoConversation {
            id: String::new(),
            organization: self.organization.clone(),
            agent: self.agent.clone(),
            agent_version: None,
            llm_model: String::new(),
            r#type: self.r#type.clone(),
            language: self.language.clone(),
            direction: "inbound".to_owned(),
            integration: self.integration.clone(),
            caller: None,
            user_agent: None,
            ip_address: None,
            url: self.url.as_deref().map(fill),
            user_id: String::new(),
            metadata: Map::new(),
            carrier: [Carrier::Structured, Carrier::Binary, Carrier::Bare][rng.usize(..3)],
            completed: false,
            status: ending.status.clone(),
            end_reason: ending.end_reason.clone(),
            cost: None,
            rating,
            rating_comment: None,
            analysis: None,
            messages,
        }
    }

    pub(super) fn is_call(&self) -> bool {
        self.r#type == "voice_call"
    }

    /// A value for each slot; values may contain other slots.
    fn filled_slots(&self, rng: &mut Rng) -> Vec<(String, String)> {
        let mut slots = vec![
            ("{number}".to_owned(), rng.u32(1_000..10_000).to_string()),
            ("{amount}".to_owned(), rng.u32(12..90).to_string()),
        ];
        for (name, values) in &self.slots {
            let value = rng.choice(values).map_or("", String::as_str);
            slots.push((format!("{{{name}}}"), filled(value, &slots)));
        }
        slots
    }

    fn said(
        &self,
        line: &Line,
        before: Option<&DemoMessage>,
        fill: &impl Fn(&str) -> String,
        rng: &mut Rng,
    ) -> DemoMessage {
        let (role, text, tool) = match line {
            Line::User(wordings) => ("user", wording(wordings, rng), None),
            Line::Assistant(wordings) | Line::Cut(wordings) => ("assistant", wording(wordings, rng), None),
            Line::Human(wordings) => ("human", wording(wordings, rng), None),
            Line::Tool { name, text, ok } => ("tool", text.as_str(), Some((name, *ok))),
        };
        let text = fill(text);
        let num_words = text.split_whitespace().count() as i64;
        let is_speech = self.is_call() && tool.is_none();
        let spoken_ms = is_speech.then(|| num_words * rng.i64(330..430) + 300);
        let after_ms = match (before, is_speech) {
            (None, _) => rng.i64(400..1_200),
            // An interrupted speaker has not finished.
            (Some(before), true) if before.interrupted == Some(true) => {
                before.end_after_ms.unwrap_or(0) - rng.i64(300..900)
            }
            (Some(before), true) => before.end_after_ms.unwrap_or(0) + rng.i64(350..1_900),
            (Some(before), false) => match role {
                "tool" => before.end_after_ms.unwrap_or(0) + rng.i64(400..1_500),
                "human" => rng.i64(12_000..45_000),
                // Sometimes a model is slow.
                "assistant" if rng.u32(..12) == 0 => rng.i64(8_000..16_000),
                "assistant" => rng.i64(1_100..3_800),
                _ => 3_000 + num_words * rng.i64(500..1_300),
            },
        };
        DemoMessage {
            after_ms: after_ms.max(200),
            end_after_ms: spoken_ms,
            role: role.to_owned(),
            interrupted: match (line, self.is_call()) {
                (Line::Cut(_), true) => Some(true),
                (Line::Assistant(_), true) => Some(false),
                _ => None,
            },
            confidence: (is_speech && role == "user").then(|| f64::from(rng.u32(84..100)) / 100.0),
            tool: tool.map(|(name, ok)| json!({"name": name, "arguments": {}, "result": text, "ok": ok})),
            usage: (role == "assistant").then(|| usage(num_words, rng)),
            text,
        }
    }
}

/// Token usage of an answer with this many words.
fn usage(num_words: i64, rng: &mut Rng) -> Value {
    let input = rng.i64(900..2_600);
    json!({
        "input_tokens": input,
        "cached_input_tokens": if rng.bool() { input / 2 } else { 0 },
        "output_tokens": num_words * 4 / 3 + 1,
    })
}

fn wording<'w>(wordings: &'w [String], rng: &mut Rng) -> &'w str {
    rng.choice(wordings).map_or("", String::as_str)
}

fn filled(text: &str, slots: &[(String, String)]) -> String {
    slots.iter().rev().fold(text.to_owned(), |text, (slot, value)| text.replace(slot, value))
}

/// One of them, picked by weight.
pub(super) fn chosen<'t, T>(all: &'t [T], weight: impl Fn(&T) -> u32, rng: &mut Rng) -> &'t T {
    let total: u32 = all.iter().map(&weight).sum();
    let mut rest = rng.u32(..total.max(1));
    for one in all {
        match rest.checked_sub(weight(one)) {
            Some(less) => rest = less,
            None => return one,
        }
    }
    &all[0] // unreachable: `rest` is below the sum of all weights
}
