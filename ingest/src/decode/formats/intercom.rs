//! Intercom: conversations with their parts, as its API exports them and its webhooks carry them.
//!
//! Times are in seconds since the epoch; texts are HTML. Admins are people, except for answers marked as the AI
//! agent's.

use hearken_model::{End, Event, InteractionType, MessageTime, MessageUpdate, Rating, Role, Status};
use serde_json::Value;

use super::json::{checked_interaction_id, count, first_text, id, items, list, required, text, unix_seconds};
use super::metadata::{Metadata, adopt};
use super::shape::Mark;
use super::{Context, Format, html};
use crate::decode::{Decoded, Rejection};

pub(super) static WEBHOOK: Format = Format {
    name: "Intercom webhook",
    marks: &[
        Mark::one_of(&["type"], &["notification_event"]),
        Mark::text(&["topic"]),
        Mark::object(&["data.item"]),
    ],
    read: |body, context| {
        let item = &body["data"]["item"];
        if item["type"] == "conversation" {
            return conversation(item, context).map(|event| Decoded::Events(vec![event]));
        }
        Ok(Decoded::Ignored(format!("Intercom `{}`", body["topic"].as_str().unwrap_or_default())))
    },
};

pub(super) static CONVERSATION: Format = Format {
    name: "Intercom conversation",
    marks: &[Mark::one_of(&["type"], &["conversation"]), Mark::something(&["id"]), Mark::object(&["source"])],
    read: |body, context| conversation(body, context).map(|event| Decoded::Events(vec![event])),
};

fn conversation(body: &Value, context: &Context<'_>) -> Result<Event, Rejection> {
    let number = required(id(&body["id"]), "id")?;
    let interaction = checked_interaction_id(format!("intercom/{number}"), "id")?;
    let created = unix_seconds(&body["created_at"]);
    let updated = unix_seconds(&body["updated_at"]).or(created);
    let mut event = Event::new(interaction, updated.unwrap_or(context.recorded_at), context.recorded_at);
    started(&mut event, body);
    event.started.start_time = created;

    take_part(&mut event, &body["source"], &body["created_at"]);
    for part in list(&body["conversation_parts"], "conversation_parts")? {
        take_part(&mut event, part, &part["created_at"]);
    }
    if body["state"] == "closed" || body["open"] == false {
        let statistics = &body["statistics"];
        let closed = unix_seconds(&statistics["last_close_at"]).or(updated);
        event.end = Some(End {
            end_time: closed,
            status: Status::Finished,
            end_reason: Some("closed".to_owned()),
            recording_url: None,
            cost: None,
        });
    }
    let rating = &body["conversation_rating"];
    if let Some(stars) = count(&rating["rating"]).filter(|stars| (1..=5).contains(stars)) {
        event.rating = Some(Rating { rating: stars as u8, rating_comment: text(&rating["remark"]) });
    }
    Ok(event)
}

fn started(event: &mut Event, body: &Value) {
    let source = &body["source"];
    let contact = body["contacts"]["contacts"].get(0).unwrap_or(&Value::Null);
    let custom = &body["custom_attributes"];
    let started = &mut event.started;
    started.integration = Some("intercom".to_owned());
    started.interaction_type = Some(InteractionType::TextChat);
    started.url = text(&source["url"]);
    started.user_id = first_text([&contact["external_id"], &source["author"]["email"], &contact["id"]]);
    adopt(started, custom);
    if body["ai_agent_participated"] == true {
        started.agent = Some("Fin".to_owned());
    }
    event.assessment.topic = text(&custom["AI Topic"]);
    let mut gathered = Metadata::default();
    gathered.add("source", &source["type"]);
    gathered.add("subject", &Value::from(html::text(source["subject"].as_str().unwrap_or_default())));
    gathered.add("state", &body["state"]);
    gathered.add("priority", &body["priority"]);
    gathered.add("resolution_state", &body["ai_agent"]["resolution_state"]);
    let tags: Vec<_> = items(&body["tags"]["tags"]).iter().map(|tag| tag["name"].clone()).collect();
    gathered.add("tags", &Value::from(tags));
    gathered.add_fields(custom);
    event.started.metadata = gathered.into_map();
}

fn take_part(event: &mut Event, part: &Value, created_at: &Value) {
    let Some(words) = text(&part["body"]).map(|words| html::text(&words)).filter(|words| !words.is_empty())
    else {
        return;
    };
    // The customer does not see notes.
    if matches!(part["part_type"].as_str(), Some("note" | "note_and_reopen")) {
        return;
    }
    let author = &part["author"];
    let role = match author["type"].as_str().unwrap_or_default() {
        "user" | "lead" | "contact" => Role::User,
        "bot" => Role::Assistant,
        "admin" | "team" if author["from_ai_agent"] == true => Role::Assistant,
        "admin" | "team" => Role::Human,
        _ => Role::System,
    };
    let position = event.messages.len();
    let at = unix_seconds(created_at).unwrap_or(event.time);
    let message_id = id(&part["id"]).unwrap_or_else(|| format!("{}#{position}", event.interaction_id));
    let mut update = MessageUpdate::new(MessageTime::At(at), role, words);
    update.position = u32::try_from(position).unwrap_or(u32::MAX);
    event.messages.push((message_id, update));
}
