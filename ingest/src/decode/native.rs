//! The native event types (docs/reference.md#event-types).

use std::collections::BTreeMap;

use hearken_model::{
    Assessment, Cost, Direction, End, Event, InteractionId, InteractionType, LlmAnalysis, MessageTime,
    MessageUpdate, Rating, Role, Sentiment, StartedFields, Status, Timestamp, ToolCall, Usage,
    event::ID_BYTES_MAX,
};
use uuid::Uuid;

use super::carrier::Envelope;
use super::fields::ObjectFields;
use super::formats::Unknown;
use super::{Rejection, RejectionKind};

const TYPES: &[&str] = &[
    "interaction.started",
    "interaction.message",
    "interaction.ended",
    "interaction.rated",
    "interaction.analyzed",
    "interaction.completed",
    "interaction.erased",
];

const END_STATUSES: &[&str] = &["finished", "abandoned", "transferred", "failed"];
const STATUSES: &[&str] = &["in_progress", "finished", "abandoned", "transferred", "failed"];
const SENTIMENTS: &[&str] = &["positive", "neutral", "negative"];

/// An offset larger than this (ten years) is really a timestamp, not a distance from the start.
const OFFSET_MS_MAX: i64 = 10 * 366 * 24 * 3600 * 1000;

/// Whether an event type is native.
pub(super) fn is_type(event_type: &str) -> bool {
    TYPES.contains(&event_type)
}

/// The rejection of a record with a foreign event type and data of no known format.
pub(super) fn unknown_type(event_type: &str, unknown: &Unknown) -> Rejection {
    let shown: String = event_type.chars().take(80).collect();
    let hint = hearken_model::field::nearest(event_type, TYPES.iter().copied()).map_or_else(
        || format!("known types are {}.", TYPES.join(", ")),
        |name| format!("did you mean `{name}`?"),
    );
    RejectionKind::UnknownType
        .because(format!("the event type `{shown}` is unknown; {hint} The data is {unknown}"))
}

/// Reads an event for whose type [`is_type`] holds.
pub(super) fn read(envelope: Envelope, recorded_at: Timestamp) -> Result<Event, Rejection> {
    let event_type = envelope.event_type.as_str();
    let mut data = ObjectFields::new(envelope.data, "`");
    let id = InteractionId::try_new(data.required_text("interaction_id")?)
        .map_err(|error| RejectionKind::InvalidValue.because(format!("`interaction_id`: {error}")))?;

    let started = started_fields(&mut data)?;
    let at = data.time("at")?;
    let end_time = data.time("end_time")?;
    let time = envelope.time.or(at).or(end_time).or(started.start_time).unwrap_or(recorded_at);
    let mut event = Event { started, ..Event::new(id, time, recorded_at) };

    match event_type {
        "interaction.message" => {
            let given_id = data.text("message_id")?.or(envelope.id);
            let message = message(&mut data, at, 0, time)?;
            let message_id = match given_id {
                Some(id) => checked_message_id(id)?,
                None => content_id(&event.interaction_id, time, &message),
            };
            event.messages.push((message_id, message));
        }
        "interaction.ended" => {
            let status = data.named("status", END_STATUSES, Status::from_name)?;
            event.end = Some(end(&mut data, status, Some(end_time.unwrap_or(time)))?);
        }
        "interaction.completed" => {
            event.started.llm_model = data.text("llm_model")?;
            let status = data.named("status", STATUSES, Status::from_name)?;
            // An exported interaction that was still running is read back without an end.
            if status != Some(Status::InProgress) {
                event.end = Some(end(&mut data, status, end_time)?);
            }
            event.messages = transcript(&mut data, event.interaction_id.as_str(), time)?;
        }
        "interaction.rated" => {
            let rating = data.integer("rating", 1, 5)?;
            event.rating = Some(Rating {
                rating: data.required("rating", rating)? as u8,
                rating_comment: data.text("rating_comment")?,
            });
        }
        "interaction.analyzed" => analyzed(&mut data, &mut event)?,
        "interaction.erased" => event.erase = true,
        _ => event.started.llm_model = data.text("llm_model")?, // `interaction.started`, read above, except for this
    }
    Ok(event)
}

fn started_fields(data: &mut ObjectFields) -> Result<StartedFields, Rejection> {
    Ok(StartedFields {
        organization: data.text("organization")?,
        agent: data.text("agent")?,
        agent_version: data.text("agent_version")?,
        llm_model: None, // in a message event the name means the message's model, so the caller reads it
        interaction_type: data.named("type", &["text_chat", "voice_call"], InteractionType::from_name)?,
        integration: data.text("integration")?,
        direction: data.named("direction", &["inbound", "outbound"], Direction::from_name)?,
        start_time: data.time("start_time")?,
        user_agent: data.text("user_agent")?,
        ip_address: data.text("ip_address")?,
        url: data.text("url")?,
        language: data.text("language")?,
        user_id: data.text("user_id")?,
        caller: data.text("caller")?,
        metadata: data.metadata("metadata")?,
    })
}

/// Reads a message. `at` has already been read, because it may also be the event's time.
fn message(
    data: &mut ObjectFields,
    at: Option<Timestamp>,
    position: u32,
    time: Timestamp,
) -> Result<MessageUpdate, Rejection> {
    const ROLES: &[&str] = &["user", "assistant", "human", "system", "tool"];
    let role = data.named("role", ROLES, Role::from_name)?;
    let offset_ms = match data.integer("offset_ms", -OFFSET_MS_MAX, OFFSET_MS_MAX)? {
        Some(offset_ms) => Some(offset_ms),
        // What Hearken itself outputs as `timestamp` is the same number; any other value with that name is not ours.
        None => data.integer("timestamp", -OFFSET_MS_MAX, OFFSET_MS_MAX).unwrap_or(None),
    };
    let message_time = match (at, offset_ms) {
        (Some(at), _) => MessageTime::At(at),
        (None, Some(offset_ms)) => MessageTime::OffsetMs(offset_ms),
        (None, None) => MessageTime::At(time),
    };
    Ok(MessageUpdate {
        position,
        time: message_time,
        role: data.required("role", role)?,
        message: data.required_any_text("message")?,
        end_offset_ms: data.integer("end_offset_ms", -OFFSET_MS_MAX, OFFSET_MS_MAX)?,
        sentiment: data.named("sentiment", SENTIMENTS, Sentiment::from_name)?,
        sentiment_score: data.number("sentiment_score", -1.0, 1.0)?,
        llm_model: data.text("llm_model")?,
        usage: usage(data)?,
        billable: data.boolean("billable")?,
        interrupted: data.boolean("interrupted")?,
        confidence: data.number("confidence", 0.0, 1.0)?,
        tool: tool(data)?,
    })
}

fn usage(data: &mut ObjectFields) -> Result<Option<Usage>, Rejection> {
    let Some(mut usage) = data.object("usage")? else { return Ok(None) };
    let mut tokens = |name| usage.integer(name, 0, i64::MAX).map(|tokens| tokens.unwrap_or(0) as u64);
    Ok(Some(Usage {
        input_tokens: tokens("input_tokens")?,
        cached_input_tokens: tokens("cached_input_tokens")?,
        output_tokens: tokens("output_tokens")?,
    }))
}

fn tool(data: &mut ObjectFields) -> Result<Option<ToolCall>, Rejection> {
    let Some(mut tool) = data.object("tool")? else { return Ok(None) };
    Ok(Some(ToolCall {
        name: tool.required_text("name")?,
        arguments: tool.take("arguments"),
        result: tool.take("result"),
        ok: tool.boolean("ok")?,
    }))
}

/// The transcript of a completed interaction; a message without an id becomes `<interaction_id>#<n>`, with n from 0.
fn transcript(
    data: &mut ObjectFields,
    interaction_id: &str,
    time: Timestamp,
) -> Result<Vec<(String, MessageUpdate)>, Rejection> {
    let messages = data.objects("transcript")?;
    let messages = data.required("transcript", messages)?;
    let mut transcript = Vec::with_capacity(messages.len());
    for (position, mut fields) in messages.into_iter().enumerate() {
        let id = match (fields.text("id")?, fields.text("message_id")?) {
            (Some(id), _) | (None, Some(id)) => checked_message_id(id)?,
            (None, None) => format!("{interaction_id}#{position}"),
        };
        let at = fields.time("at")?;
        transcript.push((id, message(&mut fields, at, position as u32, time)?));
    }
    Ok(transcript)
}

fn end(
    data: &mut ObjectFields,
    status: Option<Status>,
    end_time: Option<Timestamp>,
) -> Result<End, Rejection> {
    Ok(End {
        end_time,
        status: status.unwrap_or(Status::Finished),
        end_reason: data.text("end_reason")?,
        recording_url: data.text("recording_url")?,
        cost: cost(data)?,
    })
}

fn cost(data: &mut ObjectFields) -> Result<Option<Cost>, Rejection> {
    let Some(mut cost) = data.object("cost")? else { return Ok(None) };
    let amount = cost.money("amount")?;
    let amount = cost.required("amount", amount)?;
    let currency = cost.required_text("currency")?;
    let currency_code = currency.len() == 3 && currency.bytes().all(|byte| byte.is_ascii_alphabetic());
    if !currency_code {
        let shown: String = currency.chars().take(20).collect();
        return Err(RejectionKind::InvalidValue
            .because(format!("`cost.currency` is `{shown}`; it must be an ISO 4217 code such as USD")));
    }
    Ok(Some(Cost { amount, currency: currency.to_ascii_uppercase() }))
}

fn assessment(data: &mut ObjectFields) -> Result<Assessment, Rejection> {
    Ok(Assessment {
        csat: data.integer("csat", 1, 5)?.map(|csat| csat as u8),
        csat_description: data.text("csat_description")?,
        topic: data.text("topic")?,
        summary: data.text("summary")?,
        sentiment: data.named("sentiment", SENTIMENTS, Sentiment::from_name)?,
        sentiment_description: data.text("sentiment_description")?,
        keywords: data.texts("keywords")?,
    })
}

/// Who analysed, from what, and at what cost; written by [`crate::llm`], never by upstream.
struct Analyst {
    by: String,
    version: String,
    of: String,
    usage: BTreeMap<String, Usage>,
}

/// The `analysis` of an `interaction.analyzed`. A field of that name that is not ours counts as unknown.
fn analyst(data: &mut ObjectFields) -> Option<Analyst> {
    let mut analysis = data.object("analysis").ok()??;
    let mut text = |name| analysis.text(name).ok()?;
    let (by, version, of) = (text("by")?, text("version")?, text("of")?);
    let mut by_model = BTreeMap::new();
    for mut used in analysis.objects("usage").ok()?.unwrap_or_default() {
        let mut tokens = |name| used.integer(name, 0, i64::MAX).map(|tokens| tokens.unwrap_or(0) as u64);
        let usage = Usage {
            input_tokens: tokens("input_tokens").ok()?,
            cached_input_tokens: tokens("cached_input_tokens").ok()?,
            output_tokens: tokens("output_tokens").ok()?,
        };
        by_model.insert(used.required_text("llm_model").ok()?, usage);
    }
    Some(Analyst { by, version, of, usage: by_model })
}

/// Upstream's analysis, or a language model's.
fn analyzed(data: &mut ObjectFields, event: &mut Event) -> Result<(), Rejection> {
    let assessment = assessment(data)?;
    match analyst(data) {
        None => event.assessment = assessment,
        Some(Analyst { by, version, of, usage }) => {
            event.llm_analysis = Some(LlmAnalysis { by, version, of, assessment, usage });
        }
    }
    Ok(())
}

fn checked_message_id(id: String) -> Result<String, Rejection> {
    if id.len() > ID_BYTES_MAX {
        return Err(RejectionKind::InvalidValue
            .because(format!("the message id has {} bytes, at most {ID_BYTES_MAX} are allowed", id.len())));
    }
    Ok(id)
}

/// The id of a message whose event has none: the same record yields the same id however often it is read.
fn content_id(interaction_id: &InteractionId, time: Timestamp, message: &MessageUpdate) -> String {
    let content = serde_json::to_vec(&(interaction_id, time.as_nanos(), message)).unwrap_or_default();
    Uuid::new_v5(&Uuid::NAMESPACE_OID, &content).to_string()
}
