//! Turns conversations into the records that the demo sends through Kafka.
//!
//! The bundled ones come first, each once, spread over the last days: [`script`]. Then [`Day`] continues without end
//! with the people who write and call on any day: the past week at once, the rest in real time. Both are pure functions
//! of `now` and of the recordings' address, so two runs at the same instant send the same bytes.

use std::time::Duration;

use hearken_model::Timestamp;
use serde_json::{Map, Value, json};

use self::carrier::carry;
use self::conversation::{Carrier, DemoConversation, DemoMessage};
use super::recordings;

mod carrier;
mod conversation;
mod day;
mod scenario;

pub use day::Day;

/// How far back history goes.
const HISTORY_MS: i64 = 7 * 24 * 60 * 60 * 1_000;
/// History ends this long before now, so that a conversation without an end is past the idle timeout of 30 minutes.
const HISTORY_GAP_MS: i64 = 90 * 60 * 1_000;
/// The step in which history is laid out.
const SLOT_MS: i64 = 15 * 60 * 1_000;
/// How busy each hour of the day (UTC) is: quiet nights, a peak before noon and one in the evening.
const ACTIVITY: [u64; 24] =
    [9, 9, 9, 9, 9, 9, 9, 10, 13, 17, 19, 18, 15, 16, 17, 17, 16, 15, 16, 17, 14, 11, 9, 9];

/// One record for the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoRecord {
    /// Kafka key: the interaction's id.
    pub key: String,
    /// Kafka headers.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Kafka value.
    pub value: Vec<u8>,
    /// When to send it, counted from the demo's start; zero for history.
    pub due: Duration,
    /// Malformed on purpose: ends up in the dead-letter topic.
    pub malformed: bool,
}

/// The bundled conversations as records in the order of their event times, all before `now`. `recordings` is the base
/// address of the call recordings.
pub fn script(now: Timestamp, recordings: &str) -> Vec<DemoRecord> {
    // Rounded to milliseconds: events carry their times as text, and offsets count milliseconds.
    let now = Timestamp::from_millis(now.as_millis());
    let mut records = malformed(now);
    for (number, conversation) in (1..).zip(&conversation::bundled()) {
        records.extend(records_of(conversation, history_start(number, now), now, recordings));
    }
    records.sort_by_key(|(at, _)| *at);
    records.into_iter().map(|(_, record)| record).collect()
}

/// A conversation that begins at `start`, as records with their event times.
fn records_of(
    conversation: &DemoConversation,
    start: Timestamp,
    now: Timestamp,
    recordings: &str,
) -> impl Iterator<Item = (Timestamp, DemoRecord)> {
    events(conversation, start, recordings).into_iter().enumerate().map(move |(index, event)| {
        let due = Duration::from_millis(event.at.millis_since(now).try_into().unwrap_or(0));
        let (headers, value) = carry(conversation, index, &event);
        let record = DemoRecord { key: conversation.id.clone(), headers, value, due, malformed: false };
        (event.at, record)
    })
}

/// When the conversation with this number in history began: spread evenly over the busy hours, with neighbours in the
/// file far apart.
fn history_start(number: u64, now: Timestamp) -> Timestamp {
    let oldest = now.plus_millis(-HISTORY_MS);
    let slots = (HISTORY_MS - HISTORY_GAP_MS) / SLOT_MS;
    let slot_start = |slot: i64| oldest.plus_millis(slot * SLOT_MS);
    let activity =
        |slot: i64| ACTIVITY[slot_start(slot).as_millis().div_euclid(3_600_000).rem_euclid(24) as usize];
    let total: u64 = (0..slots).map(activity).sum();
    // Multiples of the golden ratio, modulo one, fill the unit interval evenly for any count.
    let fraction = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut rest = ((u128::from(fraction) * u128::from(total)) >> 64) as u64;
    for slot in 0..slots {
        let weight = activity(slot);
        if rest < weight {
            let jitter = fraction.rotate_left(32) % SLOT_MS.unsigned_abs();
            return slot_start(slot).plus_millis(jitter as i64);
        }
        rest -= weight;
    }
    oldest // unreachable: `rest` is below the sum of all weights
}

/// An event before it is wrapped in a carrier.
struct DemoEvent {
    at: Timestamp,
    kind: &'static str,
    /// Without `interaction_id`, which every carrier adds.
    data: Map<String, Value>,
}

/// A conversation as the events that its producer would have sent.
fn events(conversation: &DemoConversation, start: Timestamp, recordings: &str) -> Vec<DemoEvent> {
    let spoken = timeline(conversation);
    let ended = |at| ended(conversation, &spoken, at, recordings);
    let ended_at = start.plus_millis(spoken.iter().map(|time| time.end_ms).max().unwrap_or(0) + 1_500);
    let mut events = Vec::new();
    if conversation.completed {
        let mut data = started(conversation, start);
        data.extend(ended(ended_at));
        let transcript = conversation.messages.iter().zip(&spoken);
        let transcript =
            transcript.map(|(message, time)| Value::from(said(conversation, message, time, start)));
        data.insert("transcript".into(), transcript.collect());
        events.push(DemoEvent { at: ended_at, kind: "interaction.completed", data });
    } else {
        // A bare producer attaches the metadata to its first message; the others announce the start.
        let mut riding = started(conversation, start);
        if conversation.carrier != Carrier::Bare {
            let data = std::mem::take(&mut riding);
            events.push(DemoEvent { at: start, kind: "interaction.started", data });
        }
        for (index, (message, time)) in conversation.messages.iter().zip(&spoken).enumerate() {
            let mut data = std::mem::take(&mut riding);
            // In structured mode, the message's id is that of the event.
            if conversation.carrier != Carrier::Structured {
                data.insert("message_id".into(), format!("{}-m{}", conversation.id, index + 1).into());
            }
            data.extend(said(conversation, message, time, start));
            events.push(DemoEvent {
                at: start.plus_millis(time.start_ms),
                kind: "interaction.message",
                data,
            });
        }
        if conversation.status.is_some() {
            events.push(DemoEvent { at: ended_at, kind: "interaction.ended", data: ended(ended_at) });
        }
    }
    if let Some(rating) = conversation.rating {
        let at = ended_at.plus_millis(25_000);
        let mut data = object(json!({ "rating": rating, "rating_comment": conversation.rating_comment }));
        data.retain(|_, value| !value.is_null());
        events.push(DemoEvent { at, kind: "interaction.rated", data });
    }
    if let Some(analysis) = &conversation.analysis {
        let at = ended_at.plus_millis(90_000);
        events.push(DemoEvent { at, kind: "interaction.analyzed", data: analysis.clone() });
    }
    events
}

/// When a message is spoken, in milliseconds from the start.
struct SpeechTimes {
    start_ms: i64,
    end_ms: i64,
}

/// When each message is spoken.
fn timeline(conversation: &DemoConversation) -> Vec<SpeechTimes> {
    let mut start_ms = 0;
    let said = |message: &DemoMessage| {
        start_ms += message.after_ms;
        SpeechTimes { start_ms, end_ms: start_ms + message.end_after_ms.unwrap_or(0) }
    };
    conversation.messages.iter().map(said).collect()
}

/// The fields of `interaction.started`.
fn started(conversation: &DemoConversation, start: Timestamp) -> Map<String, Value> {
    let mut data = object(json!({
        "organization": conversation.organization,
        "agent": conversation.agent,
        "agent_version": conversation.agent_version,
        "llm_model": conversation.llm_model,
        "type": conversation.r#type,
        "integration": conversation.integration,
        "direction": conversation.direction,
        "start_time": start.to_string(),
        "user_agent": conversation.user_agent,
        "ip_address": conversation.ip_address,
        "url": conversation.url,
        "language": conversation.language,
        "user_id": conversation.user_id,
        "caller": conversation.caller,
        "metadata": conversation.metadata,
    }));
    data.retain(|_, value| !value.is_null());
    data
}

/// The fields of `interaction.message` that describe the message.
fn said(
    conversation: &DemoConversation,
    message: &DemoMessage,
    time: &SpeechTimes,
    start: Timestamp,
) -> Map<String, Value> {
    let mut data = object(json!(message));
    if message.role == "assistant" {
        data.insert("llm_model".into(), conversation.llm_model.clone().into());
    }
    if let Some(end_ms) = message.end_after_ms.map(|_| time.end_ms) {
        data.insert("end_offset_ms".into(), end_ms.into());
    }
    // Telephony counts from the start of the call. A bare message has no other time, so it carries a timestamp.
    let has_other_time = conversation.carrier != Carrier::Bare || conversation.completed;
    if conversation.r#type == "voice_call" && has_other_time {
        data.insert("offset_ms".into(), time.start_ms.into());
    } else {
        data.insert("at".into(), start.plus_millis(time.start_ms).to_string().into());
    }
    data
}

/// The fields of `interaction.ended`.
fn ended(
    conversation: &DemoConversation,
    spoken: &[SpeechTimes],
    ended_at: Timestamp,
    recordings: &str,
) -> Map<String, Value> {
    let spans = conversation.messages.iter().zip(spoken);
    let spans = spans.map(|(message, time)| (message.role.as_str(), time.start_ms, time.end_ms));
    let is_call = conversation.r#type == "voice_call";
    let recording = is_call.then(|| format!("{recordings}/{}", recordings::name(spans)));
    let mut data = object(json!({
        "end_time": ended_at.to_string(),
        "status": conversation.status,
        "end_reason": conversation.end_reason,
        "recording_url": recording,
        "cost": conversation.cost,
    }));
    data.retain(|_, value| !value.is_null());
    data
}

/// Two malformed records, so that there are dead letters to show: one truncated, one of a type that does not exist.
fn malformed(now: Timestamp) -> Vec<(Timestamp, DemoRecord)> {
    let cut_off =
        r#"{"specversion":"1.0","id":"demo-cut-off","type":"interaction.message","data":{"interaction_id":"#;
    let unknown = r#"{"event":"interaction.paused","interaction_id":"demo-unknown-type"}"#;
    let record = |key: &str, value: &str| DemoRecord {
        key: key.to_owned(),
        headers: Vec::new(),
        value: value.as_bytes().to_vec(),
        due: Duration::ZERO,
        malformed: true,
    };
    let at = now.plus_millis(-HISTORY_GAP_MS);
    vec![(at, record("demo-cut-off", cut_off)), (at, record("demo-unknown-type", unknown))]
}

/// The map of a JSON object.
fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(), // unreachable: only called with object literals
    }
}

#[cfg(test)]
mod tests;
