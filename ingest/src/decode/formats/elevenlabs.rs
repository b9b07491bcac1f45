//! ElevenLabs agents: the post-call webhook.
//!
//! All times are in seconds; `cost` is in credits and `cost_fiat` in US dollars; input tokens exclude cached ones.

use hearken_model::{
    Direction, End, Event, InteractionType, MessageUpdate, Rating, Role, Status, Timestamp, Usage,
};
use serde_json::Value;

use super::json::{
    count, dollars, fields, first_text, interaction_id, items, list, parsed, seconds_as_millis, text,
    unix_seconds,
};
use super::metadata::{Metadata, adopt, adopt_analysis};
use super::shape::Mark;
use super::transcript::{TimeOrigin, TranscriptBuilder};
use super::{Context, Format};
use crate::decode::{Decoded, Rejection};

const TYPES: &[&str] = &["post_call_transcription", "post_call_audio", "call_initiation_failure"];

pub(super) static FORMAT: Format = Format {
    name: "ElevenLabs webhook",
    marks: &[
        Mark::one_of(&["type"], TYPES),
        Mark::object(&["data"]),
        Mark::text(&["data.conversation_id"]),
        Mark::number(&["event_timestamp"]),
    ],
    read,
};

fn read(body: &Value, context: &Context<'_>) -> Result<Decoded, Rejection> {
    match body["type"].as_str() {
        Some("post_call_transcription") => {
            conversation(body, context).map(|event| Decoded::Events(vec![event]))
        }
        Some(other) => Ok(Decoded::Ignored(format!("ElevenLabs `{other}`"))),
        None => Ok(Decoded::Ignored("ElevenLabs webhook without a type".to_owned())),
    }
}

fn conversation(body: &Value, context: &Context<'_>) -> Result<Event, Rejection> {
    let data = &body["data"];
    let metadata = &data["metadata"];
    let id = interaction_id(body, "data.conversation_id")?;
    let time = unix_seconds(&body["event_timestamp"]).unwrap_or(context.recorded_at);
    let mut event = Event::new(id, time, context.recorded_at);

    let turns = list(data, "transcript")?;
    let mut transcript = TranscriptBuilder::new(&event.interaction_id, TimeOrigin::Start);
    turns.iter().for_each(|turn| read_turn(turn, &mut transcript));
    event.messages = transcript.into_messages();

    let start_time = unix_seconds(&metadata["start_time_unix_secs"]);
    started(&mut event, data, start_time);
    event.end = end(data, start_time, time);
    event.rating = rating(&metadata["feedback"]);
    analysis(&mut event, &data["analysis"]);
    Ok(event)
}

fn started(event: &mut Event, data: &Value, start_time: Option<Timestamp>) {
    let metadata = &data["metadata"];
    let phone = &metadata["phone_call"];
    let variables = &data["conversation_initiation_client_data"]["dynamic_variables"];
    let started = &mut event.started;
    started.integration = Some("elevenlabs".to_owned());
    started.agent = first_text([&data["agent_name"], &data["agent_id"]]);
    started.agent_version = text(&data["version_id"]);
    started.interaction_type = Some(match metadata["text_only"].as_bool() {
        Some(true) => InteractionType::TextChat,
        _ => InteractionType::VoiceCall,
    });
    started.start_time = start_time;
    started.direction = phone["direction"].as_str().and_then(Direction::from_name);
    started.caller = text(&phone["external_number"]);
    started.language = text(&metadata["main_language"]);
    started.user_id = text(&data["user_id"]);
    adopt(started, variables);

    let mut gathered = Metadata::default();
    for name in ["agent_id", "branch_id", "environment"] {
        gathered.add(name, &data[name]);
    }
    gathered.add("source", &metadata["conversation_initiation_source"]);
    gathered.add("timezone", &metadata["timezone"]);
    gathered.add("cost_credits", &metadata["cost"]);
    gathered.add("feedback", &metadata["feedback"]["overall_score"]);
    gathered.add("call_successful", &data["analysis"]["call_successful"]);
    gathered.add("call_success_score", &data["analysis"]["call_success_score"]);
    gathered.add("error", &metadata["error"]["reason"]);
    for name in ["agent_number", "call_sid"] {
        gathered.add(&format!("phone_call.{name}"), &phone[name]);
    }
    for (name, criterion) in fields(&data["analysis"]["evaluation_criteria_results"]) {
        gathered.add(&format!("evaluation.{name}"), &criterion["result"]);
    }
    for (name, collected) in fields(&data["analysis"]["data_collection_results"]) {
        gathered.add(&format!("data_collection.{name}"), &collected["value"]);
    }
    // ElevenLabs' own variables repeat other fields.
    for (name, value) in fields(variables).filter(|(name, _)| !name.starts_with("system__")) {
        gathered.add(&format!("dynamic_variables.{name}"), value);
    }
    event.started.metadata = gathered.into_map();
}

fn read_turn(turn: &Value, transcript: &mut TranscriptBuilder) {
    let at_ms = seconds_as_millis(&turn["time_in_call_secs"]);
    let role = match turn["role"].as_str() {
        Some("user") => Role::User,
        Some("agent") => Role::Assistant,
        _ => Role::System,
    };
    let mut used = model_usage(&turn["llm_usage"]["model_usage"]);
    let mut use_tokens = |message: &mut MessageUpdate| {
        if let Some((model, usage)) = used.take() {
            message.llm_model = Some(model);
            message.usage = Some(usage);
        }
    };
    if let Some(said) = text(&turn["message"]) {
        let message = transcript.push(None, at_ms, role, said);
        message.interrupted = turn["interrupted"].as_bool();
        use_tokens(message);
    }
    for call in items(&turn["tool_calls"]) {
        let name = text(&call["tool_name"]).unwrap_or_else(|| "tool".to_owned());
        let arguments = parsed(&call["params_as_json"]);
        use_tokens(transcript.call(text(&call["request_id"]), at_ms, name, arguments));
    }
    for result in items(&turn["tool_results"]) {
        let took_ms = seconds_as_millis(&result["tool_latency_secs"]);
        let ended_ms = at_ms.map(|at_ms| at_ms.saturating_add(took_ms.unwrap_or(0)));
        let ok = result["is_error"].as_bool().map(|is_error| !is_error);
        let call_id = result["request_id"].as_str();
        transcript.result(call_id, ended_ms, text(&result["tool_name"]), parsed(&result["result_value"]), ok);
    }
}

/// The model that used the most tokens, because a message names only one.
fn model_usage(by_model: &Value) -> Option<(String, Usage)> {
    let tokens = |used: &Value, kind: &str| count(&used[kind]["tokens"]).unwrap_or(0);
    let usages = fields(by_model).map(|(model, used)| {
        let cached = tokens(used, "input_cache_read");
        let fresh = tokens(used, "input").saturating_add(tokens(used, "input_cache_write"));
        let usage = Usage {
            input_tokens: fresh.saturating_add(cached),
            cached_input_tokens: cached,
            output_tokens: tokens(used, "output_total"),
        };
        (model.clone(), usage)
    });
    usages.max_by_key(|(_, usage)| usage.input_tokens.saturating_add(usage.output_tokens))
}

fn end(data: &Value, start_time: Option<Timestamp>, time: Timestamp) -> Option<End> {
    let metadata = &data["metadata"];
    let end_reason = first_text([&metadata["termination_reason"], &metadata["error"]["reason"]]);
    let status = match data["status"].as_str() {
        Some("initiated" | "in-progress") => return None,
        Some("failed") => Status::Failed,
        _ if end_reason.as_deref().is_some_and(|reason| reason.to_ascii_lowercase().contains("transfer")) => {
            Status::Transferred
        }
        _ => Status::Finished,
    };
    let duration_ms = seconds_as_millis(&metadata["call_duration_secs"]);
    let end_time = start_time.zip(duration_ms).map(|(start, duration_ms)| start.plus_millis(duration_ms));
    let cost = dollars(&metadata["cost_fiat"], 0);
    Some(End { end_time: end_time.or(Some(time)), status, end_reason, recording_url: None, cost })
}

/// Stars are a rating; a thumb is not a number, and stays in the metadata.
fn rating(feedback: &Value) -> Option<Rating> {
    let rating = count(&feedback["rating"]).filter(|rating| (1..=5).contains(rating))?;
    Some(Rating { rating: rating as u8, rating_comment: text(&feedback["comment"]) })
}

fn analysis(event: &mut Event, analysis: &Value) {
    event.assessment.summary = text(&analysis["transcript_summary"]);
    for (name, collected) in fields(&analysis["data_collection_results"]) {
        adopt_analysis(&mut event.assessment, name, &collected["value"], text(&collected["rationale"]));
    }
    if event.assessment.topic.is_none() {
        event.assessment.topic = text(&analysis["call_summary_title"]);
    }
}
