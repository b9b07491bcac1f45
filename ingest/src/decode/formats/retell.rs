//! Retell: call and chat webhooks, sent when a conversation starts, ends, and is analysed.
//!
//! Times are in milliseconds since the epoch, those of words in seconds from the start; money is in cents.

use hearken_model::{
    Assessment, Direction, End, Event, InteractionType, MessageUpdate, Role, Status, Timestamp,
};
use serde_json::Value;

use super::json::{
    at, dollars, fields, first_text, id, interaction_id, items, list, millis, parsed, seconds_as_millis,
    text, unix_millis,
};
use super::metadata::{Metadata, adopt, adopt_analysis, sentiment};
use super::shape::Mark;
use super::transcript::{TimeOrigin, TranscriptBuilder};
use super::{Context, Format};
use crate::decode::{Decoded, Rejection};

const EVENTS: &[&str] = &["call_", "chat_", "transcript_updated", "transfer_"];

pub(super) static FORMAT: Format = Format {
    name: "Retell webhook",
    marks: &[
        Mark::text(&["call.call_id", "chat.chat_id"]),
        Mark::beginning(&["event", "event_type"], EVENTS),
    ],
    read,
};

fn read(body: &Value, context: &Context<'_>) -> Result<Decoded, Rejection> {
    let name = first_text([&body["event"], &body["event_type"]]).unwrap_or_default();
    let stage = match name.as_str() {
        "call_started" | "chat_started" => Stage::Started,
        "call_ended" | "chat_ended" => Stage::Ended,
        "call_analyzed" | "chat_analyzed" => Stage::Analyzed,
        _ => return Ok(Decoded::Ignored(format!("Retell `{name}`"))),
    };
    let event =
        if body["call"].is_object() { call(body, stage, context) } else { chat(body, stage, context) };
    event.map(|event| Decoded::Events(vec![event]))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Started,
    Ended,
    Analyzed,
}

impl Stage {
    /// Webhooks carry no time of their own. A later stage wins, even if an earlier one is repeated after it. The
    /// analysis has the same time as the end, so it is dated a millisecond later.
    fn time(self, body: &Value, context: &Context<'_>) -> Timestamp {
        let start = unix_millis(&body["start_timestamp"]);
        let end = unix_millis(&body["end_timestamp"]).or(start);
        match self {
            Stage::Started => start,
            Stage::Ended => end,
            Stage::Analyzed => end.map(|end| end.plus_millis(1)),
        }
        .unwrap_or(context.recorded_at)
    }
}

fn call(body: &Value, stage: Stage, context: &Context<'_>) -> Result<Event, Rejection> {
    let call_id = interaction_id(body, "call.call_id")?;
    let call = &body["call"];
    let mut event = Event::new(call_id, stage.time(call, context), context.recorded_at);
    started(&mut event, call, InteractionType::VoiceCall);
    event.started.direction = call["direction"].as_str().and_then(Direction::from_name);
    let customer = match event.started.direction {
        Some(Direction::Outbound) => &call["to_number"],
        _ => &call["from_number"],
    };
    event.started.caller = text(customer);
    if stage == Stage::Started {
        return Ok(event);
    }

    // A call without a start was never connected, so nothing was said.
    let listed = list(body, "call.transcript_with_tool_calls")?;
    let listed = if listed.is_empty() { list(body, "call.transcript_object")? } else { listed };
    let mut transcript = TranscriptBuilder::new(&event.interaction_id, TimeOrigin::Start);
    // If both lists are sent, perhaps only the shorter one has the times of words.
    let mut timed = list(body, "call.transcript_object")?.iter();
    for said in listed {
        let is_said = matches!(said["role"].as_str(), Some("agent" | "user" | "transfer_target"));
        let same = if is_said { timed.next() } else { None };
        read_said(said, same.unwrap_or(said), &mut transcript);
    }
    event.messages = transcript.into_messages();
    event.end = end(call, "call_status");
    if stage == Stage::Analyzed {
        event.assessment = analysis(&call["call_analysis"], "call_summary");
    }
    Ok(event)
}

fn chat(body: &Value, stage: Stage, context: &Context<'_>) -> Result<Event, Rejection> {
    let chat_id = interaction_id(body, "chat.chat_id")?;
    let chat = &body["chat"];
    let mut event = Event::new(chat_id, stage.time(chat, context), context.recorded_at);
    started(&mut event, chat, InteractionType::TextChat);
    if stage == Stage::Started {
        return Ok(event);
    }
    let start = unix_millis(&chat["start_timestamp"]).unwrap_or(event.time);
    let mut transcript = TranscriptBuilder::new(&event.interaction_id, TimeOrigin::Epoch { start });
    for said in list(body, "chat.message_with_tool_calls")? {
        read_said(said, said, &mut transcript);
    }
    event.messages = transcript.into_messages();
    event.end = end(chat, "chat_status");
    if stage == Stage::Analyzed {
        event.assessment = analysis(&chat["chat_analysis"], "chat_summary");
    }
    Ok(event)
}

fn started(event: &mut Event, body: &Value, interaction_type: InteractionType) {
    let started = &mut event.started;
    started.integration = Some("retell".to_owned());
    started.agent = first_text([&body["agent_name"], &body["agent_id"]]);
    started.agent_version = [&body["agent_version"], &body["version"]].into_iter().find_map(id);
    started.interaction_type = Some(interaction_type);
    started.start_time = unix_millis(&body["start_timestamp"]);
    let variables = &body["retell_llm_dynamic_variables"];
    for free in [&body["metadata"], variables] {
        adopt(started, free);
    }
    let mut gathered = Metadata::default();
    for name in ["agent_id", "agent_tag", "call_type", "chat_type", "from_number", "to_number"] {
        gathered.add(name, &body[name]);
    }
    for analysis in [&body["call_analysis"], &body["chat_analysis"]] {
        for name in ["call_successful", "chat_successful", "in_voicemail"] {
            gathered.add(name, &analysis[name]);
        }
    }
    gathered.add_fields(&body["metadata"]);
    for analysis in [&body["call_analysis"], &body["chat_analysis"]] {
        gathered.add("analysis", &analysis["custom_analysis_data"]);
    }
    gathered.add("dynamic_variables", variables);
    gathered.add("collected", &body["collected_dynamic_variables"]);
    gathered.add("telephony", &body["telephony_identifier"]);
    event.started.metadata = gathered.into_map();
}

/// Reads one entry; `timed` is the same entry with the times of its words.
fn read_said(said: &Value, timed: &Value, transcript: &mut TranscriptBuilder) {
    let words = items(&timed["words"]);
    let words = if words.is_empty() { items(&said["words"]) } else { words };
    let at_ms = words
        .first()
        .and_then(|word| seconds_as_millis(&word["start"]))
        .or_else(|| millis(&said["created_timestamp"]))
        .or_else(|| seconds_as_millis(&said["time_sec"]));
    let end_ms = words.last().and_then(|word| seconds_as_millis(&word["end"]));
    let call_id = said["tool_call_id"].as_str();
    let words = match said["role"].as_str().unwrap_or_default() {
        "tool_call_invocation" => {
            let name = text(&said["name"]).unwrap_or_else(|| "tool".to_owned());
            transcript.call(call_id.map(str::to_owned), at_ms, name, parsed(&said["arguments"]));
            return;
        }
        "tool_call_result" => {
            transcript.result(call_id, at_ms, None, parsed(&said["content"]), said["successful"].as_bool());
            return;
        }
        "node_transition" => {
            let [from, to] =
                ["former_node_name", "new_node_name"].map(|name| text(&said[name]).unwrap_or_default());
            Some((Role::System, format!("{from} → {to}")))
        }
        "dtmf" => text(&said["digit"]).map(|digit| (Role::User, format!("[pressed {digit}]"))),
        "user" => text(&said["content"]).map(|words| (Role::User, words)),
        "agent" => text(&said["content"]).map(|words| (Role::Assistant, words)),
        "transfer_target" => text(&said["content"]).map(|words| (Role::Human, words)),
        _ => text(&said["content"]).map(|words| (Role::System, words)),
    };
    let Some((role, words)) = words else { return };
    let end_offset_ms = end_ms.map(|end_ms| transcript.end_offset_ms(end_ms));
    let message: &mut MessageUpdate = transcript.push(text(&said["message_id"]), at_ms, role, words);
    message.end_offset_ms = end_offset_ms;
}

fn end(body: &Value, status: &str) -> Option<End> {
    let end_reason = text(&body["disconnection_reason"]);
    let reason = end_reason.as_deref().unwrap_or_default();
    let status = match at(body, status).as_str().unwrap_or_default() {
        "registered" | "ongoing" => return None,
        "error" | "not_connected" => Status::Failed,
        _ if reason.contains("transfer") && !reason.contains("cancelled") => Status::Transferred,
        _ if reason.starts_with("error") || reason.starts_with("dial_") => Status::Failed,
        _ if reason == "inactivity" => Status::Abandoned,
        _ => Status::Finished,
    };
    let recordings = [&body["scrubbed_recording_url"], &body["recording_url"]];
    let cost = [&body["call_cost"]["combined_cost"], &body["chat_cost"]["combined_cost"]];
    Some(End {
        end_time: unix_millis(&body["end_timestamp"]),
        status,
        end_reason,
        recording_url: first_text(recordings),
        cost: cost.into_iter().find_map(|cents| dollars(cents, 2)),
    })
}

fn analysis(upstream: &Value, summary: &str) -> Assessment {
    let mut update = Assessment {
        summary: text(&upstream[summary]),
        sentiment: sentiment(&upstream["user_sentiment"]),
        ..Assessment::default()
    };
    for (name, value) in fields(&upstream["custom_analysis_data"]) {
        adopt_analysis(&mut update, name, value, None);
    }
    update
}
