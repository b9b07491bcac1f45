//! Chatwoot: webhooks about conversations and messages, and conversations as its API exports them.
//!
//! Times are in seconds since the epoch or RFC 3339. Agents are people; agent bots are not.

use hearken_model::{
    End, Event, InteractionType, MessageTime, MessageUpdate, Rating, Role, Status, Timestamp,
};
use serde_json::Value;

use super::json::{
    checked_interaction_id, count, first_text, id, list, required, rfc3339, text, unix_seconds,
};
use super::metadata::{Metadata, adopt};
use super::shape::Mark;
use super::{Context, Format, html};
use crate::decode::{Decoded, Rejection};

/// The known webhooks; those about conversations and messages are read.
const EVENTS: &[&str] = &["conversation_", "message_", "webwidget_triggered", "contact_", "inbox_"];

pub(super) static WEBHOOK: Format = Format {
    name: "Chatwoot webhook",
    marks: &[Mark::beginning(&["event"], EVENTS), Mark::something(&["account.id", "account_id", "id"])],
    read: read_webhook,
};

pub(super) static EXPORT: Format = Format {
    name: "Chatwoot conversation",
    marks: &[
        Mark::list(&["messages"]),
        Mark::something(&["inbox_id"]),
        Mark::something(&["id"]),
        Mark::something(&["account_id", "meta.sender"]),
    ],
    read: |body, context| conversation(body, context).map(|event| Decoded::Events(vec![event])),
};

fn read_webhook(body: &Value, context: &Context<'_>) -> Result<Decoded, Rejection> {
    let event = match body["event"].as_str().unwrap_or_default() {
        "message_created" | "message_updated" => message_webhook(body, context)?,
        "conversation_created"
        | "conversation_status_changed"
        | "conversation_updated"
        | "conversation_resolved" => conversation(body, context)?,
        other => return Ok(Decoded::Ignored(format!("Chatwoot `{other}`"))),
    };
    Ok(Decoded::Events(vec![event]))
}

/// Chatwoot numbers conversations per account.
fn conversation_id(
    account: &Value,
    conversation: &Value,
    path: &str,
) -> Result<hearken_model::InteractionId, Rejection> {
    let conversation = required(id(conversation), path)?;
    let account = id(account).unwrap_or_default();
    checked_interaction_id(format!("chatwoot/{account}/{conversation}"), path)
}

fn instant(value: &Value) -> Option<Timestamp> {
    rfc3339(value).or_else(|| unix_seconds(value))
}

fn message_webhook(body: &Value, context: &Context<'_>) -> Result<Event, Rejection> {
    let conversation = &body["conversation"];
    let number = if conversation["id"].is_null() { &conversation["display_id"] } else { &conversation["id"] };
    let interaction = conversation_id(&body["account"]["id"], number, "conversation.id")?;
    let time =
        instant(&body["updated_at"]).or_else(|| instant(&body["created_at"])).unwrap_or(context.recorded_at);
    let mut event = Event::new(interaction, time, context.recorded_at);
    started(&mut event, conversation, &body["account"]);
    event.started.agent = text(&body["inbox"]["name"]);
    take_message(&mut event, body);
    Ok(event)
}

fn conversation(body: &Value, context: &Context<'_>) -> Result<Event, Rejection> {
    let messages = list(body, "messages")?;
    let account = [
        &body["account"]["id"],
        &body["account_id"],
        &messages.first().map_or(Value::Null, |m| m["account_id"].clone()),
    ]
    .into_iter()
    .find(|account| !account.is_null())
    .cloned()
    .unwrap_or(Value::Null);
    let number = if body["id"].is_null() { &body["display_id"] } else { &body["id"] };
    let interaction = conversation_id(&account, number, "id")?;
    let newest = ["updated_at", "timestamp", "last_activity_at", "created_at"];
    let time = newest.iter().find_map(|name| instant(&body[*name])).unwrap_or(context.recorded_at);
    let mut event = Event::new(interaction, time, context.recorded_at);
    started(&mut event, body, &body["account"]);
    event.started.start_time = instant(&body["created_at"]);
    messages.iter().for_each(|message| take_message(&mut event, message));
    if body["status"] == "resolved" {
        event.end = Some(End {
            end_time: Some(instant(&body["last_activity_at"]).unwrap_or(time)),
            status: Status::Finished,
            end_reason: Some("resolved".to_owned()),
            recording_url: None,
            cost: None,
        });
    }
    Ok(event)
}

fn started(event: &mut Event, conversation: &Value, account: &Value) {
    let additional = &conversation["additional_attributes"];
    let sender = &conversation["meta"]["sender"];
    let started = &mut event.started;
    started.integration = Some("chatwoot".to_owned());
    started.interaction_type = Some(InteractionType::TextChat);
    started.user_id = first_text([&sender["identifier"], &sender["email"]]).or_else(|| id(&sender["id"]));
    started.caller = text(&sender["phone_number"]);
    started.url = text(&additional["referer"]);
    started.language = text(&additional["browser_language"]);
    adopt(started, &conversation["custom_attributes"]);
    let mut gathered = Metadata::default();
    gathered.add("account", &account["name"]);
    gathered.add("channel", &conversation["channel"]);
    gathered.add("inbox_id", &conversation["inbox_id"]);
    gathered.add("assignee", &conversation["meta"]["assignee"]["name"]);
    gathered.add("labels", &conversation["labels"]);
    gathered.add("browser", &additional["browser"]["browser_name"]);
    gathered.add_fields(&conversation["custom_attributes"]);
    event.started.metadata = gathered.into_map();
}

fn take_message(event: &mut Event, message: &Value) {
    let answer = &message["content_attributes"]["submitted_values"]["csat_survey_response"];
    if let Some(rating) = count(&answer["rating"]).filter(|rating| (1..=5).contains(rating)) {
        event.rating =
            Some(Rating { rating: rating as u8, rating_comment: text(&answer["feedback_message"]) });
    }
    // The customer does not see surveys and private notes.
    if message["private"] == true || message["content_type"] == "input_csat" {
        return;
    }
    let sender = first_text([&message["sender"]["type"], &message["sender_type"]]).unwrap_or_default();
    let role = match (&message["message_type"], sender.to_ascii_lowercase().as_str()) {
        (Value::String(kind), _) if kind == "incoming" => Role::User,
        (Value::Number(kind), _) if kind.as_u64() == Some(0) => Role::User,
        (Value::String(kind), _) if kind == "activity" => Role::System,
        (Value::Number(kind), _) if kind.as_u64() == Some(2) => Role::System,
        (_, "agent_bot" | "agentbot" | "captain_assistant" | "captain::assistant") => Role::Assistant,
        (_, "user") => Role::Human,
        _ => Role::Assistant, // templates, which no person sent
    };
    let Some(words) = text(&message["content"]).map(|words| html::text(&words)) else { return };
    let at = instant(&message["created_at"]).unwrap_or(event.time);
    let position = event.messages.len();
    let message_id = id(&message["id"]).unwrap_or_else(|| format!("{}#{position}", event.interaction_id));
    let mut update = MessageUpdate::new(MessageTime::At(at), role, words);
    update.position = u32::try_from(position).unwrap_or(u32::MAX);
    event.messages.push((message_id, update));
}
