//! OpenTelemetry GenAI: logs and spans of language model calls, as OTLP in JSON or protobuf.
//!
//! Times are in nanoseconds since the epoch; input tokens include cached ones.
//!
//! Every call repeats the whole history, so a turn is identified by what was said: its role, its text, and how often
//! the same was said before it. Of several observations of a turn, the output of the call itself wins, because it knows
//! the model, tokens and time; otherwise the earliest, because it is closest to when the turn was said. Folding keeps
//! the latest version of a message, so each observation gets a version that yields this order, however they arrive: see
//! [`Rank`].

use std::collections::HashMap;

use hearken_model::{Event, InteractionType, MessageTime, MessageUpdate, Role, Timestamp, ToolCall, Usage};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;
use serde_json::Value;
use uuid::Uuid;

use super::json::{checked_interaction_id, count, first_text, items, number, parsed, shown, text};
use super::metadata::{Metadata, adopt_analysis};
use super::shape::Mark;
use super::transcript::tool_text;
use super::{Context, Format};
use crate::decode::{Decoded, Rejection, RejectionKind};

pub(super) static FORMAT: Format =
    Format { name: "OTLP", marks: &[Mark::list(&["resourceLogs", "resourceSpans"])], read };

/// Attributes that name the conversation, the most specific first; without any, the trace is the conversation.
const CONVERSATION: [&str; 3] = ["gen_ai.conversation.id", "session.id", "langfuse.session.id"];

/// Converts an OTLP request in protobuf to the equivalent JSON; `None` if it is not one.
pub(super) fn of_protobuf(bytes: &[u8]) -> Option<Value> {
    if let Ok(logs) = ExportLogsServiceRequest::decode(bytes) {
        let mut scopes = logs.resource_logs.iter().flat_map(|resource| &resource.scope_logs);
        if scopes.any(|scope| !scope.log_records.is_empty()) {
            return serde_json::to_value(logs).ok();
        }
    }
    let spans = ExportTraceServiceRequest::decode(bytes).ok()?;
    let mut scopes = spans.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
    if scopes.any(|scope| !scope.spans.is_empty()) { serde_json::to_value(&spans).ok() } else { None }
}

fn read(body: &Value, context: &Context<'_>) -> Result<Decoded, Rejection> {
    let mut calls: Vec<Call> = Vec::new();
    let mut by_span: HashMap<(String, String), usize> = HashMap::new();
    for record in records(body, context) {
        let record = record?;
        let Some(kind) = Kind::of(&record) else { continue };
        // Older conventions have one event per message; all events of a span belong to one call.
        let span = record.span_key().filter(|_| matches!(kind, Kind::Input | Kind::Choice));
        let known = span.as_ref().and_then(|span| by_span.get(span));
        match known.and_then(|place| calls.get_mut(*place)) {
            Some(call) => {
                call.turns.take(kind, &record)?;
                call.record.end = call.record.end.max(record.end);
            }
            None => {
                if let Some(span) = span {
                    by_span.insert(span, calls.len());
                }
                let mut turns = Turns::default();
                turns.take(kind, &record)?;
                calls.push(Call { record, turns });
            }
        }
    }
    let mut events = Vec::new();
    for call in calls {
        call.events(context, &mut events)?;
    }
    if events.is_empty() {
        return Ok(Decoded::Ignored("OTLP without any GenAI event or span".to_owned()));
    }
    Ok(Decoded::Events(events))
}

/// A log record or a span, with its attributes as plain JSON.
struct Record {
    name: String,
    start: Timestamp,
    end: Timestamp,
    trace_id: Option<String>,
    span_id: Option<String>,
    attributes: Value,
    body: Value,
    resource: Value,
    scope: String,
    /// Its place in the payload, for error messages.
    place: String,
}

impl Record {
    /// An attribute of the record, or else of its resource.
    fn attribute(&self, name: &str) -> &Value {
        match &self.attributes[name] {
            Value::Null => &self.resource[name],
            value => value,
        }
    }

    fn span_key(&self) -> Option<(String, String)> {
        self.trace_id.clone().zip(self.span_id.clone())
    }

    /// The messages in an attribute: JSON, or a string that contains JSON.
    fn messages(&self, name: &str) -> Result<Vec<Value>, Rejection> {
        match parsed(&self.attributes[name]) {
            None => Ok(Vec::new()),
            Some(Value::Array(messages)) => Ok(messages),
            Some(other) => Err(RejectionKind::InvalidValue.because(format!(
                "`{name}` of {} is {}; it must be an array of messages, or a string that holds one in JSON",
                self.place,
                shown(&other)
            ))),
        }
    }
}

fn records<'a>(
    body: &'a Value,
    context: &'a Context<'_>,
) -> impl Iterator<Item = Result<Record, Rejection>> + 'a {
    const KINDS: [[&str; 3]; 2] =
        [["resourceLogs", "scopeLogs", "logRecords"], ["resourceSpans", "scopeSpans", "spans"]];
    KINDS.into_iter().flat_map(move |[resources, scopes, records]| {
        items(&body[resources]).iter().enumerate().flat_map(move |(r, resource)| {
            let of_resource = attributes(&resource["resource"]["attributes"]);
            items(&resource[scopes]).iter().enumerate().flat_map(move |(s, scope)| {
                let of_resource = of_resource.clone();
                items(&scope[records]).iter().enumerate().map(move |(n, record)| {
                    let place = format!("`{resources}[{r}].{scopes}[{s}].{records}[{n}]`");
                    read_record(record, place, scope, of_resource.clone(), context)
                })
            })
        })
    })
}

fn read_record(
    record: &Value,
    place: String,
    scope: &Value,
    resource: Value,
    context: &Context<'_>,
) -> Result<Record, Rejection> {
    if !record.is_object() {
        return Err(
            RejectionKind::NotAnObject.because(format!("{place} is {}; it must be an object", shown(record)))
        );
    }
    let attributes = attributes(&record["attributes"]);
    let at = ["timeUnixNano", "endTimeUnixNano", "observedTimeUnixNano", "startTimeUnixNano"];
    let end = at.iter().find_map(|name| unix_nanos(&record[*name])).unwrap_or(context.recorded_at);
    let start = unix_nanos(&record["startTimeUnixNano"]).unwrap_or(end);
    let name = first_text([&record["eventName"], &attributes["event.name"], &record["name"]]);
    Ok(Record {
        name: name.unwrap_or_default(),
        start,
        end,
        trace_id: trace_id(&record["traceId"]),
        span_id: trace_id(&record["spanId"]),
        attributes,
        body: any_value(&record["body"]),
        resource,
        scope: text(&scope["scope"]["name"]).unwrap_or_default(),
        place,
    })
}

fn unix_nanos(value: &Value) -> Option<Timestamp> {
    let nanos = value.as_i64().or_else(|| value.as_str()?.parse().ok())?;
    (nanos > 0).then(|| Timestamp::from_nanos(nanos))
}

/// An all-zero id means no id.
fn trace_id(value: &Value) -> Option<String> {
    text(value).filter(|id| id.bytes().any(|byte| byte != b'0')).map(|id| id.to_ascii_lowercase())
}

fn attributes(list: &Value) -> Value {
    let fields =
        items(list).iter().filter_map(|entry| Some((text(&entry["key"])?, any_value(&entry["value"]))));
    Value::Object(fields.collect())
}

/// An OTLP value as plain JSON.
fn any_value(value: &Value) -> Value {
    let Some((kind, held)) = value.as_object().and_then(|object| object.iter().next()) else {
        return Value::Null;
    };
    match kind.as_str() {
        "intValue" => held.as_i64().or_else(|| held.as_str()?.parse().ok()).map_or(Value::Null, Value::from),
        "arrayValue" => Value::Array(items(&held["values"]).iter().map(any_value).collect()),
        "kvlistValue" => attributes(&held["values"]),
        "stringValue" | "boolValue" | "doubleValue" | "bytesValue" => held.clone(),
        _ => Value::Null,
    }
}

/// What a record describes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A call to a model, with its whole history.
    Call,
    /// One message of a call's history, in the older conventions.
    Input,
    /// One answer, in the older conventions.
    Choice,
    /// A tool call that was executed.
    Tool,
    /// An evaluation of the conversation.
    Evaluation,
}

impl Kind {
    fn of(record: &Record) -> Option<Kind> {
        match record.name.as_str() {
            "gen_ai.client.inference.operation.details" => return Some(Kind::Call),
            "gen_ai.evaluation.result" => return Some(Kind::Evaluation),
            "gen_ai.choice" => return Some(Kind::Choice),
            "gen_ai.system.message"
            | "gen_ai.user.message"
            | "gen_ai.assistant.message"
            | "gen_ai.tool.message" => {
                return Some(Kind::Input);
            }
            _ => {}
        }
        match record.attributes["gen_ai.operation.name"].as_str()? {
            "chat" | "generate_content" | "text_completion" | "invoke_agent" => Some(Kind::Call),
            "execute_tool" => Some(Kind::Tool),
            _ => None,
        }
    }
}

/// Which observation of a message wins. Its version is its event time, and the largest wins.
#[derive(Clone, Copy)]
enum Rank {
    /// A tool call without its result: anything that knows more wins.
    Bare(Timestamp),
    /// From a history: the earliest wins.
    Repeated(Timestamp),
    /// From the call that produced it: beats both others, and the latest wins.
    Original(Timestamp),
}

impl Rank {
    fn version(self) -> Timestamp {
        match self {
            Rank::Original(at) => at,
            Rank::Repeated(at) => Timestamp::from_nanos(at.as_nanos().saturating_neg()),
            Rank::Bare(at) => Timestamp::from_nanos((i64::MIN / 2).saturating_sub(at.as_nanos())),
        }
    }
}

/// One thing that was said. A tool's call and its result are separate, because they come from different calls of the
/// model.
enum ModelMessage {
    Text { role: Role, text: String },
    ToolCall { call_id: Option<String>, tool: ToolCall },
    ToolResult { call_id: Option<String>, tool: ToolCall },
}

/// The input and output of a call to a model.
#[derive(Default)]
struct Turns {
    inputs: Vec<ModelMessage>,
    outputs: Vec<ModelMessage>,
}

impl Turns {
    fn take(&mut self, kind: Kind, record: &Record) -> Result<(), Rejection> {
        match kind {
            Kind::Call => {
                push_parts(&mut self.inputs, Role::System, &record.messages("gen_ai.system_instructions")?);
                for message in record.messages("gen_ai.input.messages")? {
                    push_message(&mut self.inputs, &message);
                }
                for message in record.messages("gen_ai.output.messages")? {
                    push_message(&mut self.outputs, &message);
                }
            }
            Kind::Input => push_old_message(&mut self.inputs, &record.name, &record.body),
            Kind::Choice => {
                push_old_message(&mut self.outputs, "gen_ai.assistant.message", &record.body["message"]);
            }
            Kind::Tool => {
                let attribute = |name: &str| &record.attributes[name];
                let tool = ToolCall {
                    name: tool_name(attribute("gen_ai.tool.name")),
                    arguments: parsed(attribute("gen_ai.tool.call.arguments")),
                    result: parsed(attribute("gen_ai.tool.call.result")),
                    ok: (!attribute("error.type").is_null()).then_some(false),
                };
                let call_id = text(attribute("gen_ai.tool.call.id"));
                self.outputs.push(ModelMessage::ToolResult { call_id, tool });
            }
            Kind::Evaluation => {}
        }
        Ok(())
    }
}

/// One call to a model or a tool.
struct Call {
    record: Record,
    turns: Turns,
}

impl Call {
    fn events(self, context: &Context<'_>, events: &mut Vec<Event>) -> Result<(), Rejection> {
        let record = &self.record;
        let conversation = CONVERSATION.iter().find_map(|name| text(record.attribute(name)));
        let Some(conversation) = conversation.or_else(|| record.trace_id.clone()) else {
            return Err(RejectionKind::MissingField.because(format!(
                "{} has neither `gen_ai.conversation.id` nor `traceId`; one of them must identify the conversation",
                record.place
            )));
        };
        let id = checked_interaction_id(conversation, "gen_ai.conversation.id")?;
        let (start, end) = (record.start, record.end);
        let event = |rank: Rank| Event::new(id.clone(), rank.version(), context.recorded_at);
        let mut original = event(Rank::Original(end));
        let mut repeated = event(Rank::Repeated(start));
        let mut bare = event(Rank::Bare(start));
        started(&mut original, record);
        evaluation(&mut original, record);

        let mut names = Names::default();
        let mut tokens = usage(&record.attributes);
        let Turns { inputs, outputs } = self.turns;
        let num_inputs = inputs.len();
        for (position, said) in inputs.into_iter().chain(outputs).enumerate() {
            let is_input = position < num_inputs;
            let message_id = names.id(&said);
            let is_bare = matches!(&said, ModelMessage::ToolResult { tool, .. } if tool.result.is_none());
            let (role, text, tool) = match said {
                ModelMessage::Text { role, text } => (role, text, None),
                ModelMessage::ToolCall { tool, .. } | ModelMessage::ToolResult { tool, .. } => {
                    (Role::Tool, String::new(), Some(tool))
                }
            };
            let at = MessageTime::At(if is_input { start } else { end });
            let mut message = MessageUpdate { tool, ..MessageUpdate::new(at, role, text) };
            message.position = u32::try_from(position).unwrap_or(u32::MAX);
            if message.tool.is_some() {
                message.message = tool_text(&message);
            }
            if !is_input && let Some(usage) = tokens.take() {
                message.usage = Some(usage);
            }
            if !is_input {
                message.llm_model = model(&record.attributes);
            }
            let observed = match (is_input, is_bare) {
                (_, true) => &mut bare,
                (true, false) => &mut repeated,
                (false, false) => &mut original,
            };
            observed.messages.push((message_id, message));
        }
        events.push(original);
        events.extend([repeated, bare].into_iter().filter(|event| !event.messages.is_empty()));
        Ok(())
    }
}

/// Assigns ids to messages.
#[derive(Default)]
struct Names {
    said: HashMap<(Role, String), u32>,
}

impl Names {
    fn id(&mut self, said: &ModelMessage) -> String {
        let (role, what) = match said {
            ModelMessage::Text { role, text } => (*role, text.trim().to_owned()),
            ModelMessage::ToolCall { call_id: Some(id), .. } => return format!("call:{}", hashed(id)),
            ModelMessage::ToolResult { call_id: Some(id), .. } => return format!("result:{}", hashed(id)),
            ModelMessage::ToolCall { tool, .. } => {
                (Role::Tool, format!("call {} {:?}", tool.name, tool.arguments))
            }
            ModelMessage::ToolResult { tool, .. } => {
                (Role::Tool, format!("result {} {:?}", tool.name, tool.result))
            }
        };
        let times = self.said.entry((role, what.clone())).or_default();
        *times += 1;
        hashed(&format!("{role} {times} {what}"))
    }
}

fn hashed(text: &str) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, text.as_bytes()).to_string()
}

fn tool_name(value: &Value) -> String {
    text(value).unwrap_or_else(|| "tool".to_owned())
}

fn role(name: &Value) -> Role {
    match name.as_str().unwrap_or_default() {
        "user" => Role::User,
        "assistant" | "model" => Role::Assistant,
        "tool" => Role::Tool,
        _ => Role::System,
    }
}

fn push_message(said: &mut Vec<ModelMessage>, message: &Value) {
    let role = role(&message["role"]);
    match &message["parts"] {
        Value::Array(parts) => push_parts(said, role, parts),
        _ => push_text(said, role, content(&message["content"])),
    }
}

/// All texts of a message are joined; tool calls and results stay separate. A model's thoughts are not part of what was
/// said.
fn push_parts(said: &mut Vec<ModelMessage>, role: Role, parts: &[Value]) {
    let mut texts = String::new();
    let mut tools = Vec::new();
    for part in parts {
        let call_id = || text(&part["id"]);
        let mut add = |more: &str| {
            if !texts.is_empty() && !more.is_empty() {
                texts.push('\n');
            }
            texts.push_str(more);
        };
        match part["type"].as_str().unwrap_or_default() {
            "text" => add(part["content"].as_str().or(part["text"].as_str()).unwrap_or_default()),
            "tool_call" | "server_tool_call" => {
                let arguments = parsed(&part["arguments"]).or_else(|| parsed(&part["server_tool_call"]));
                let tool = ToolCall { name: tool_name(&part["name"]), arguments, result: None, ok: None };
                tools.push(ModelMessage::ToolCall { call_id: call_id(), tool });
            }
            "tool_call_response" | "server_tool_call_response" => {
                let results = ["response", "result", "server_tool_call_response"];
                let result = results.iter().find_map(|name| parsed(&part[*name]));
                let tool = ToolCall {
                    name: called(said, &tools, part["id"].as_str()),
                    arguments: None,
                    result,
                    ok: None,
                };
                tools.push(ModelMessage::ToolResult { call_id: call_id(), tool });
            }
            "blob" | "file" | "uri" => add(&format!("[{}]", part["modality"].as_str().unwrap_or("file"))),
            _ => {}
        }
    }
    push_text(said, role, texts);
    said.extend(tools);
}

/// The name of the tool that a result belongs to.
fn called(said: &[ModelMessage], tools: &[ModelMessage], call_id: Option<&str>) -> String {
    let mut newest_first = tools.iter().rev().chain(said.iter().rev());
    let name = newest_first.find_map(|said| match said {
        ModelMessage::ToolCall { call_id: Some(id), tool } if Some(id.as_str()) == call_id => {
            Some(tool.name.clone())
        }
        _ => None,
    });
    name.unwrap_or_else(|| "tool".to_owned())
}

fn push_text(said: &mut Vec<ModelMessage>, role: Role, text: String) {
    if text.trim().is_empty() {
        return;
    }
    match role {
        Role::Tool => {
            let tool =
                ToolCall { name: "tool".to_owned(), arguments: None, result: Some(text.into()), ok: None };
            said.push(ModelMessage::ToolResult { call_id: None, tool });
        }
        role => said.push(ModelMessage::Text { role, text }),
    }
}

/// A text, or a list of parts with texts.
fn content(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts = parts.iter().filter_map(|part| part.as_str().or(part["text"].as_str()));
            texts.collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

/// The body of a single-message event: `content`, `tool_calls`, and for a tool's result `id`.
fn push_old_message(said: &mut Vec<ModelMessage>, event: &str, body: &Value) {
    let kind = event.trim_start_matches("gen_ai.").trim_end_matches(".message");
    let text_of = if body.is_string() { content(body) } else { content(&body["content"]) };
    if kind == "tool" {
        let call_id = text(&body["id"]);
        let name = called(said, &[], call_id.as_deref());
        let result = parsed(&body["content"]);
        let tool = ToolCall { name, arguments: None, result, ok: None };
        return said.push(ModelMessage::ToolResult { call_id, tool });
    }
    push_text(said, role(&Value::from(kind)), text_of);
    for call in items(&body["tool_calls"]) {
        let function = &call["function"];
        let arguments = parsed(&function["arguments"]);
        let tool = ToolCall { name: tool_name(&function["name"]), arguments, result: None, ok: None };
        said.push(ModelMessage::ToolCall { call_id: text(&call["id"]), tool });
    }
}

fn model(attributes: &Value) -> Option<String> {
    first_text([&attributes["gen_ai.response.model"], &attributes["gen_ai.request.model"]])
}

fn usage(attributes: &Value) -> Option<Usage> {
    let tokens = |names: [&str; 2]| names.iter().find_map(|name| count(&attributes[*name]));
    let input = tokens(["gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"]);
    let output = tokens(["gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"]);
    let cached = tokens(["gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens"]);
    (input.is_some() || output.is_some()).then(|| Usage {
        input_tokens: input.unwrap_or(0),
        cached_input_tokens: cached.unwrap_or(0),
        output_tokens: output.unwrap_or(0),
    })
}

fn started(event: &mut Event, record: &Record) {
    let of_first = |names: &[&str]| names.iter().find_map(|name| text(record.attribute(name)));
    let is_voice = record.attributes["gen_ai.output.type"] == "speech" || record.scope.starts_with("livekit");
    let started = &mut event.started;
    started.integration = Some("opentelemetry".to_owned());
    started.agent = of_first(&["gen_ai.agent.name", "gen_ai.agent.id", "service.name"]);
    started.agent_version = of_first(&["gen_ai.agent.version", "service.version"]);
    started.organization = of_first(&["organization"]);
    started.user_id = of_first(&["user.id", "enduser.id"]);
    started.user_agent = of_first(&["user_agent.original"]);
    started.ip_address = of_first(&["client.address"]);
    started.url = of_first(&["url.full"]);
    started.interaction_type =
        Some(if is_voice { InteractionType::VoiceCall } else { InteractionType::TextChat });
    let mut gathered = Metadata::default();
    for (name, key) in [
        ("gen_ai.agent.id", "agent_id"),
        ("gen_ai.provider.name", "provider"),
        ("service.name", "service.name"),
        ("deployment.environment.name", "environment"),
    ] {
        gathered.add(key, record.attribute(name));
    }
    gathered.add("error_type", &record.attributes["error.type"]);
    event.started.metadata = gathered.into_map();
}

/// `csat` and similar names are analysis; any other evaluation is metadata.
fn evaluation(event: &mut Event, record: &Record) {
    let Some(name) = text(&record.attributes["gen_ai.evaluation.name"]) else { return };
    let [label, score, explanation] = ["score.label", "score.value", "explanation"]
        .map(|field| &record.attributes[&*format!("gen_ai.evaluation.{field}")]);
    let value = if name == "csat" && number(score).is_some() { score } else { label };
    adopt_analysis(&mut event.assessment, &name.to_ascii_lowercase(), value, text(explanation));
    let shown = if label.is_null() { score } else { label };
    let mut gathered = Metadata::default();
    gathered.add(&format!("evaluation.{name}"), shown);
    event.started.metadata.extend(gathered.into_map());
}
