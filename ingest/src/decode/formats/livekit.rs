//! LiveKit agents: session reports.
//!
//! Times are in seconds since the epoch, with fractions; input tokens include cached ones. A turn's `created_at` may be
//! later than that of its answer, so the order of the items is kept.

use hearken_model::{End, Event, InteractionType, Role, Status, Timestamp, Usage};
use serde_json::Value;

use super::json::{
    at, checked_interaction_id, count, first_text, items, list, number, parsed, required, text, unix_seconds,
};
use super::metadata::{Metadata, adopt};
use super::shape::Mark;
use super::transcript::{TimeOrigin, TranscriptBuilder};
use super::{Context, Format};
use crate::decode::{Decoded, Rejection};

pub(super) static FORMAT: Format = Format {
    name: "LiveKit session report",
    marks: &[Mark::list(&["chat_history.items"]), Mark::text(&["job_id", "room_id", "room"])],
    read,
};

fn read(body: &Value, context: &Context<'_>) -> Result<Decoded, Rejection> {
    // A room may host several sessions, each of which is a job.
    let id = required(first_text([&body["job_id"], &body["room_id"], &body["room"]]), "job_id")?;
    let id = checked_interaction_id(id, "job_id")?;
    let reported_at = unix_seconds(&body["timestamp"]);
    let history = list(body, "chat_history.items")?;
    let times = history.iter().flat_map(|item| {
        let times = ["metrics.started_speaking_at", "created_at"];
        times.into_iter().filter_map(|path| unix_seconds(at(item, path)))
    });
    let start = times.chain(unix_seconds(&body["audio_recording_started_at"])).min();
    let time = reported_at.or(start).unwrap_or(context.recorded_at);

    let mut event = Event::new(id, time, context.recorded_at);
    let mut transcript =
        TranscriptBuilder::new(&event.interaction_id, TimeOrigin::Epoch { start: start.unwrap_or(time) });
    history.iter().for_each(|item| read_item(item, &mut transcript));
    use_tokens(&body["usage"], &mut transcript);
    event.messages = transcript.into_messages();
    started(&mut event, body, start);
    event.end = Some(end(body, reported_at));
    Ok(Decoded::Events(vec![event]))
}

fn started(event: &mut Event, body: &Value, start: Option<Timestamp>) {
    let started = &mut event.started;
    started.integration = Some("livekit".to_owned());
    started.agent = first_text([&body["agent_name"], &body["options"]["agent_name"]]);
    started.interaction_type = Some(InteractionType::VoiceCall);
    started.start_time = start;
    adopt(started, &body["metadata"]);
    let mut gathered = Metadata::default();
    for name in ["room", "room_id", "sdk_version"] {
        gathered.add(name, &body[name]);
    }
    gathered.add_fields(&body["metadata"]);
    event.started.metadata = gathered.into_map();
}

fn read_item(item: &Value, transcript: &mut TranscriptBuilder) {
    let metrics = &item["metrics"];
    let began = unix_seconds(&metrics["started_speaking_at"]).or_else(|| unix_seconds(&item["created_at"]));
    let at_ms = began.map(Timestamp::as_millis);
    let call_id = item["call_id"].as_str();
    match item["type"].as_str() {
        Some("message") => {}
        Some("function_call") => {
            let name = text(&item["name"]).unwrap_or_else(|| "tool".to_owned());
            transcript.call(call_id.map(str::to_owned), at_ms, name, parsed(&item["arguments"]));
            return;
        }
        Some("function_call_output") => {
            let ok = item["is_error"].as_bool().map(|is_error| !is_error);
            transcript.result(call_id, at_ms, text(&item["name"]), parsed(&item["output"]), ok);
            return;
        }
        _ => return,
    }
    let role = match item["role"].as_str() {
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        _ => Role::System,
    };
    let parts = items(&item["content"]).iter();
    let words: Vec<_> = parts.filter_map(|part| part.as_str().or(part["transcript"].as_str())).collect();
    let words = words.join("\n");
    if words.is_empty() {
        return;
    }
    let ended = unix_seconds(&metrics["stopped_speaking_at"]).map(Timestamp::as_millis);
    let end_offset_ms = ended.map(|ended_ms| transcript.end_offset_ms(ended_ms));
    let message = transcript.push(text(&item["id"]), at_ms, role, words);
    message.end_offset_ms = end_offset_ms;
    message.interrupted = item["interrupted"].as_bool().filter(|_| role == Role::Assistant);
    message.confidence = number(&item["transcript_confidence"]).filter(|share| (0.0..=1.0).contains(share));
}

/// LiveKit only counts tokens per session: those of the model that used the most are attributed to the agent's last
/// message.
fn use_tokens(usage: &Value, transcript: &mut TranscriptBuilder) {
    let models = items(usage).iter().filter(|usage| usage["type"] == "llm_usage");
    let used = models.map(|used| {
        let tokens = |name: &str| count(&used[name]).unwrap_or(0);
        let usage = Usage {
            input_tokens: tokens("input_tokens"),
            cached_input_tokens: tokens("input_cached_tokens"),
            output_tokens: tokens("output_tokens"),
        };
        (text(&used["model"]), usage)
    });
    let most = used.max_by_key(|(_, usage)| usage.input_tokens.saturating_add(usage.output_tokens));
    if let (Some((llm_model, usage)), Some(message)) = (most, transcript.last_assistant()) {
        message.llm_model = llm_model;
        message.usage = Some(usage);
    }
}

fn end(body: &Value, reported_at: Option<Timestamp>) -> End {
    let close = items(&body["events"]).iter().rev().find(|event| event["type"] == "close");
    let end_reason = close.and_then(|close| text(&close["reason"]));
    let closed_at = close.and_then(|close| unix_seconds(&close["created_at"]));
    let is_error =
        close.is_some_and(|close| !close["error"].is_null()) || end_reason.as_deref() == Some("error");
    End {
        end_time: closed_at.or(reported_at),
        status: if is_error { Status::Failed } else { Status::Finished },
        end_reason,
        recording_url: text(&body["audio_recording_path"]),
        cost: None,
    }
}
