//! Zendesk: tickets with their comments, as its API exports them.
//!
//! Times are in RFC 3339. The requester is the customer; everyone else is a person, except the system itself.

use hearken_model::{End, Event, InteractionType, MessageTime, MessageUpdate, Role, Status, Timestamp};
use serde_json::Value;

use super::json::{at, checked_interaction_id, first_text, id, items, list, required, rfc3339, text};
use super::metadata::Metadata;
use super::shape::Mark;
use super::{Context, Format, html};
use crate::decode::{Decoded, Rejection};

pub(super) static FORMAT: Format = Format {
    name: "Zendesk ticket",
    marks: &[
        Mark::list(&["comments", "ticket.comments"]),
        Mark::something(&["ticket.id", "id"]),
        Mark::something(&["ticket.requester_id", "requester_id"]),
    ],
    read,
};

fn read(body: &Value, context: &Context<'_>) -> Result<Decoded, Rejection> {
    let (ticket, path) =
        if body["ticket"].is_object() { (&body["ticket"], "ticket.id") } else { (body, "id") };
    let number = required(id(&ticket["id"]), path)?;
    let interaction = checked_interaction_id(format!("zendesk/{number}"), path)?;
    let created = rfc3339(&ticket["created_at"]);
    let updated = rfc3339(&ticket["updated_at"]).or(created);
    let mut event = Event::new(interaction, updated.unwrap_or(context.recorded_at), context.recorded_at);
    started(&mut event, ticket, created);
    let path = if body["comments"].is_array() { "comments" } else { "ticket.comments" };
    for comment in list(body, path)? {
        take_comment(&mut event, comment, ticket, &body["users"]);
    }
    event.end = end(ticket, updated);
    Ok(Decoded::Events(vec![event]))
}

fn started(event: &mut Event, ticket: &Value, created: Option<Timestamp>) {
    let channel = at(ticket, "via.channel").as_str().unwrap_or_default();
    let started = &mut event.started;
    started.integration = Some("zendesk".to_owned());
    started.interaction_type = Some(match channel {
        "voice" => InteractionType::VoiceCall,
        _ => InteractionType::TextChat,
    });
    started.start_time = created;
    started.user_id = id(&ticket["requester_id"]);
    let mut gathered = Metadata::default();
    gathered.add("channel", at(ticket, "via.channel"));
    for name in [
        "subject",
        "status",
        "priority",
        "type",
        "tags",
        "brand_id",
        "group_id",
        "assignee_id",
        "external_id",
    ] {
        gathered.add(name, &ticket[name]);
    }
    // "Good" and "bad" are not stars.
    gathered.add("satisfaction", at(ticket, "satisfaction_rating.score"));
    gathered.add("satisfaction_comment", at(ticket, "satisfaction_rating.comment"));
    for field in items(&ticket["custom_fields"]) {
        if let Some(number) = id(&field["id"]) {
            gathered.add(&format!("custom_fields.{number}"), &field["value"]);
        }
    }
    event.started.metadata = gathered.into_map();
}

fn take_comment(event: &mut Event, comment: &Value, ticket: &Value, users: &Value) {
    // The customer does not see internal notes.
    if comment["public"] == false {
        return;
    }
    let words = first_text([&comment["plain_body"], &comment["body"]])
        .or_else(|| text(&comment["html_body"]).map(|words| html::text(&words)));
    let Some(words) = words else { return };
    let author = &comment["author_id"];
    let of_author = items(users)
        .iter()
        .find(|user| user["id"] == *author)
        .map_or("", |user| user["role"].as_str().unwrap_or_default());
    let role = match of_author {
        _ if *author == ticket["requester_id"] => Role::User,
        _ if author.as_i64() == Some(-1) => Role::System,
        "end-user" => Role::User,
        _ => Role::Human,
    };
    let position = event.messages.len();
    let at = rfc3339(&comment["created_at"]).unwrap_or(event.time);
    let message_id = id(&comment["id"]).unwrap_or_else(|| format!("{}#{position}", event.interaction_id));
    let mut update = MessageUpdate::new(MessageTime::At(at), role, words);
    update.position = u32::try_from(position).unwrap_or(u32::MAX);
    event.messages.push((message_id, update));
}

fn end(ticket: &Value, updated: Option<Timestamp>) -> Option<End> {
    let status = ticket["status"].as_str().filter(|status| matches!(*status, "solved" | "closed"))?;
    let solved = rfc3339(at(ticket, "metric_set.solved_at"));
    Some(End {
        end_time: solved.or(updated),
        status: Status::Finished,
        end_reason: Some(status.to_owned()),
        recording_url: None,
        cost: None,
    })
}
