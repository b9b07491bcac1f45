//! Vapi: server messages, of which only the end-of-call report and deletions matter here.
//!
//! Times are in milliseconds since the epoch or RFC 3339; money is in US dollars.

use hearken_model::{Direction, End, Event, InteractionType, MessageUpdate, Role, Status, Timestamp, Usage};
use serde_json::Value;

use super::json::{
    checked_interaction_id, count, dollars, fields, first_text, interaction_id, items, list, parsed, rfc3339,
    text, unix_millis,
};
use super::metadata::{Metadata, adopt, adopt_analysis};
use super::shape::Mark;
use super::transcript::{TimeOrigin, TranscriptBuilder};
use super::{Context, Format};
use crate::decode::{Decoded, Rejection};

/// All types known to the server SDK; those with a suffix (`transcript[transcriptType="final"]`) start with one of
/// these.
const TYPES: &[&str] = &[
    "end-of-call-report",
    "call.",
    "session.",
    "chat.",
    "assistant.",
    "assistant-request",
    "campaign.",
    "conversation-update",
    "function-call",
    "handoff-destination-request",
    "hang",
    "knowledge-base-request",
    "language-change-detected",
    "model-output",
    "phone-call-control",
    "speech-update",
    "status-update",
    "tool-calls",
    "transcript",
    "transfer-destination-request",
    "transfer-update",
    "user-interrupted",
    "voice-input",
    "voice-request",
];

pub(super) static FORMAT: Format = Format {
    name: "Vapi server message",
    marks: &[Mark::object(&["message"]), Mark::beginning(&["message.type"], TYPES)],
    read,
};

fn read(body: &Value, context: &Context<'_>) -> Result<Decoded, Rejection> {
    let message = &body["message"];
    match message["type"].as_str().unwrap_or_default() {
        "end-of-call-report" => report(message, context).map(|event| Decoded::Events(vec![event])),
        "call.deleted" => erased(message, "call", context),
        "session.deleted" => erased(message, "session", context),
        other => Ok(Decoded::Ignored(format!("Vapi `{other}`"))),
    }
}

fn erased(message: &Value, what: &str, context: &Context<'_>) -> Result<Decoded, Rejection> {
    let id = first_text([&message[what]["id"], &message[&*format!("{what}Id")]]);
    let path = format!("message.{what}.id");
    let id = checked_interaction_id(super::json::required(id, &path)?, &path)?;
    let time = unix_millis(&message["timestamp"]).unwrap_or(context.recorded_at);
    Ok(Decoded::Events(vec![Event { erase: true, ..Event::new(id, time, context.recorded_at) }]))
}

fn report(message: &Value, context: &Context<'_>) -> Result<Event, Rejection> {
    let id = interaction_id(message, "call.id")?;
    let call = &message["call"];
    let ended_at = rfc3339(&message["endedAt"]).or_else(|| rfc3339(&call["endedAt"]));
    let time = unix_millis(&message["timestamp"]).or(ended_at).unwrap_or(context.recorded_at);
    let mut event = Event::new(id, time, context.recorded_at);

    let said = list(message, "artifact.messages")?;
    let started_at = rfc3339(&message["startedAt"]).or_else(|| rfc3339(&call["startedAt"]));
    // A call that was never answered has no start, but it has a creation time.
    let start_time = started_at
        .or_else(|| said.first().and_then(|said| unix_millis(&said["time"])))
        .or_else(|| rfc3339(&call["createdAt"]));
    let start = start_time.unwrap_or(time);
    let mut transcript = TranscriptBuilder::new(&event.interaction_id, TimeOrigin::Epoch { start });
    said.iter().for_each(|said| read_message(said, start, &mut transcript));
    let costs = items(&message["costs"]);
    use_tokens(costs, &mut transcript);
    event.messages = transcript.into_messages();

    started(&mut event, message, start_time);
    event.end = Some(end(message, ended_at.unwrap_or(time)));
    analysis(&mut event, message);
    Ok(event)
}

fn started(event: &mut Event, message: &Value, start_time: Option<Timestamp>) {
    let call = &message["call"];
    let assistant = if message["assistant"].is_object() { &message["assistant"] } else { &call["assistant"] };
    let customer = if message["customer"].is_object() { &message["customer"] } else { &call["customer"] };
    let kind = call["type"].as_str().unwrap_or_default();
    let started = &mut event.started;
    started.integration = Some("vapi".to_owned());
    started.agent = first_text([&assistant["name"], &call["assistantId"], &assistant["id"]]);
    started.llm_model = text(&assistant["model"]["model"]);
    started.interaction_type = Some(InteractionType::VoiceCall);
    started.direction = match kind {
        "inboundPhoneCall" => Some(Direction::Inbound),
        "outboundPhoneCall" => Some(Direction::Outbound),
        _ => None,
    };
    started.start_time = start_time;
    started.caller = first_text([&customer["number"], &customer["sipUri"]]);
    started.user_id = text(&customer["externalId"]);
    let free = [&call["metadata"], &assistant["metadata"], &message["artifact"]["variableValues"]];
    free.into_iter().for_each(|free| adopt(started, free));
    started.organization = started.organization.take().or_else(|| text(&call["orgId"]));

    let mut gathered = Metadata::default();
    gathered.add("call_type", &call["type"]);
    gathered.add("assistant_id", &call["assistantId"]);
    gathered.add("phone_number", &message["phoneNumber"]["number"]);
    gathered.add("customer_name", &customer["name"]);
    gathered.add("success_evaluation", &message["analysis"]["successEvaluation"]);
    let [of_call, of_assistant, variables] = free;
    gathered.add_fields(of_call);
    gathered.add_fields(of_assistant);
    gathered.add("structured_data", &message["analysis"]["structuredData"]);
    for (id, output) in fields(&message["artifact"]["structuredOutputs"]) {
        let name = output["name"].as_str().unwrap_or(id);
        gathered.add(&format!("structured_outputs.{name}"), &output["result"]);
    }
    gathered.add("variables", variables);
    event.started.metadata = gathered.into_map();
}

fn read_message(said: &Value, start: Timestamp, transcript: &mut TranscriptBuilder) {
    let from_start =
        || said["secondsFromStart"].as_f64().map(|seconds| start.plus_millis((seconds * 1e3).round() as i64));
    let at_ms = unix_millis(&said["time"]).or_else(from_start).map(Timestamp::as_millis);
    let role = match said["role"].as_str().unwrap_or_default() {
        "tool_calls" => {
            for call in items(&said["toolCalls"]) {
                let name = text(&call["function"]["name"]).unwrap_or_else(|| "tool".to_owned());
                transcript.call(text(&call["id"]), at_ms, name, parsed(&call["function"]["arguments"]));
            }
            return;
        }
        "tool_call_result" => {
            let call_id = said["toolCallId"].as_str();
            let (result, ok) = match &said["error"] {
                Value::Null => (parsed(&said["result"]), None),
                error => (parsed(error), Some(false)),
            };
            transcript.result(call_id, at_ms, text(&said["name"]), result, ok);
            return;
        }
        "user" => Role::User,
        "bot" | "assistant" => Role::Assistant,
        _ => Role::System,
    };
    let Some(words) = text(&said["message"]) else { return };
    let end_ms = unix_millis(&said["endTime"]).map(Timestamp::as_millis);
    let end_offset_ms = end_ms.map(|end_ms| transcript.end_offset_ms(end_ms));
    transcript.push(None, at_ms, role, words).end_offset_ms = end_offset_ms;
}

/// Vapi only counts tokens per call: they are attributed to the agent's last message.
fn use_tokens(costs: &[Value], transcript: &mut TranscriptBuilder) {
    let models = costs.iter().filter(|cost| cost["type"] == "model");
    let used = models.map(|cost| {
        let tokens = |name: &str| count(&cost[name]).unwrap_or(0);
        let usage = Usage {
            input_tokens: tokens("promptTokens"),
            cached_input_tokens: tokens("cachedPromptTokens"),
            output_tokens: tokens("completionTokens"),
        };
        (first_text([&cost["model"]["model"], &cost["model"]]), usage)
    });
    let most = used.max_by_key(|(_, usage)| usage.input_tokens.saturating_add(usage.output_tokens));
    if let (Some((llm_model, usage)), Some(message)) = (most, transcript.last_assistant()) {
        let message: &mut MessageUpdate = message;
        message.llm_model = llm_model;
        message.usage = Some(usage);
    }
}

fn end(message: &Value, end_time: Timestamp) -> End {
    let call = &message["call"];
    let end_reason = first_text([&message["endedReason"], &call["endedReason"]]);
    let artifact = &message["artifact"];
    let recordings =
        [&artifact["recordingUrl"], &artifact["recording"]["mono"]["combinedUrl"], &message["recordingUrl"]];
    let cost = [&message["cost"], &call["cost"], &call["costBreakdown"]["total"]];
    End {
        end_time: Some(end_time),
        status: status(end_reason.as_deref().unwrap_or_default()),
        end_reason,
        recording_url: first_text(recordings),
        cost: cost.into_iter().find_map(|cost| dollars(cost, 0)),
    }
}

/// There are hundreds of reasons, but they follow a pattern.
fn status(end_reason: &str) -> Status {
    let says = |words: &[&str]| words.iter().any(|word| end_reason.contains(word));
    if says(&["forwarded", "transfer"]) && !says(&["error", "failed"]) {
        Status::Transferred
    } else if says(&[
        "error",
        "fault",
        "failed",
        "did-not-answer",
        "busy",
        "rejected",
        "misdialed",
        "pipeline-",
    ]) {
        Status::Failed
    } else if says(&["silence-timed-out", "did-not-give-microphone-permission"]) {
        Status::Abandoned
    } else {
        Status::Finished
    }
}

fn analysis(event: &mut Event, message: &Value) {
    let upstream = &message["analysis"];
    event.assessment.summary = text(&upstream["summary"]);
    for (name, value) in fields(&upstream["structuredData"]) {
        adopt_analysis(&mut event.assessment, name, value, None);
    }
    for (_, output) in fields(&message["artifact"]["structuredOutputs"]) {
        let name = output["name"].as_str().unwrap_or_default();
        adopt_analysis(&mut event.assessment, &name.to_ascii_lowercase(), &output["result"], None);
    }
}
