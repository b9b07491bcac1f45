//! Rasa's event broker: a stream of everything that happens to a sender.
//!
//! Times are in seconds since the epoch, with fractions. Events have no ids, arrive out of order and repeatedly, revoke
//! earlier ones, and name their sender but not their conversation. So each one is kept, as an entry of the sender's
//! *log*, and the conversations are derived from the log: no matter in which order the entries arrived, [`sessions`]
//! reads them in the order of their times.

use hearken_model::state::Address;
use hearken_model::{
    End, Event, InteractionId, InteractionType, MessageTime, MessageUpdate, Role, State, Status, Timestamp,
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::json::{checked_interaction_id, required, text, unix_seconds};
use super::metadata::{Metadata, adopt};
use super::shape::Mark;
use super::{Context, Format};
use crate::decode::{Decoded, Rejection};

/// All events known to Rasa.
const EVENTS: &[&str] = &[
    "user",
    "bot",
    "action",
    "session_started",
    "session_ended",
    "rewind",
    "undo",
    "restart",
    "slot",
    "reset_slots",
    "active_loop",
    "form",
    "loop_interrupted",
    "form_validation",
    "action_execution_rejected",
    "followup",
    "reminder",
    "cancel_reminder",
    "pause",
    "resume",
    "entities",
    "user_featurization",
    "agent",
    "export",
    "stack",
    "flow_started",
    "flow_completed",
    "flow_interrupted",
    "flow_resumed",
    "flow_cancelled",
    "story",
    "routing_session_ended",
];

pub(super) static FORMAT: Format = Format {
    name: "Rasa event broker",
    marks: &[Mark::text(&["sender_id"]), Mark::one_of(&["event"], EVENTS), Mark::number(&["timestamp"])],
    read,
};

/// A sender's first conversation, if its beginning is unknown.
const UNKNOWN_START: &str = "start";

fn read(body: &Value, _: &Context<'_>) -> Result<Decoded, Rejection> {
    let name = body["event"].as_str().unwrap_or_default();
    let is_of_session = body["name"] == "session_started_metadata";
    match name {
        "user" | "bot" | "action" | "session_started" | "session_ended" | "rewind" | "undo" | "restart" => {}
        "slot" if is_of_session => {}
        other => return Ok(Decoded::Ignored(format!("Rasa `{other}`"))),
    }
    let sender = required(text(&body["sender_id"]), "sender_id")?;
    let time = required(unix_seconds(&body["timestamp"]), "timestamp")?;
    // Long ids leave room for the session's start.
    checked_interaction_id(format!("{sender}@{time}"), "sender_id")?;
    let log = checked_interaction_id(format!("{LOG}{sender}"), "sender_id")?;

    // An event that is sent again is the same entry: its id and version come from its content.
    let mut event = Event::new(log, time, time);
    event.is_log_entry = true;
    let mut entry = entry(body);
    let free = if is_of_session { &mut entry["value"] } else { &mut entry["metadata"] };
    if let Value::Object(free) = free {
        // The privacy settings apply to this address as to all others.
        let address = ["ip_address", "ip"].iter().filter_map(|name| free.remove(*name)).next();
        event.started.ip_address = address.as_ref().and_then(text);
        free.remove("ip");
        // The sender's organization must be known at intake, where a key's organizations are checked.
        event.started.organization = free.remove("organization").as_ref().and_then(text);
    }
    let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, body.to_string().as_bytes()).to_string();
    let entry = MessageUpdate::new(MessageTime::At(time), Role::System, entry.to_string());
    event.messages.push((id, entry));
    Ok(Decoded::Events(vec![event]))
}

/// The part of an event that is kept. The start of a session outlives its erasure, because it bounds the session
/// before; so nothing personal is kept with it.
fn entry(body: &Value) -> Value {
    let kept = match body["event"].as_str().unwrap_or_default() {
        "user" => &["event", "text", "input_channel", "metadata"][..],
        "bot" => &["event", "text", "data", "metadata"],
        "slot" => &["event", "name", "value"],
        "session_started" => {
            return json!({"event": "session_started", "metadata": {
                "assistant_id": body["metadata"]["assistant_id"], "model_id": body["metadata"]["model_id"]}});
        }
        _ => &["event"],
    };
    let fields = kept.iter().map(|name| ((*name).to_owned(), body[*name].clone()));
    Value::Object(fields.filter(|(_, value)| !value.is_null()).collect::<Map<_, _>>())
}

/// The id prefix of logs.
const LOG: &str = "rasa-log/";

/// Adds the customer's location to an entry, because the log's own address would be that of the newest entry.
pub(crate) fn set_address(event: &mut Event, address: Address) {
    for (_, entry) in &mut event.messages {
        if let Ok(mut fields) = serde_json::from_str::<Value>(&entry.message) {
            fields["address"] = json!(address);
            entry.message = fields.to_string();
        }
    }
}

/// One conversation of a log.
pub(crate) struct Session {
    pub(crate) id: InteractionId,
    /// What is known about it; `None` if it has no entries (any more).
    pub(crate) told: Option<(Event, Option<Address>)>,
    /// The ids of its entries that contain what was said.
    pub(crate) entries: Vec<String>,
}

struct TrackerEntry<'a> {
    id: &'a str,
    at: Timestamp,
    kind: Kind,
    fields: Value,
}

/// Orders entries with the same time; smaller comes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    SessionStarted,
    Restart,
    Slot,
    User,
    Action,
    Bot,
    Undo,
    Rewind,
    SessionEnded,
}

impl Kind {
    fn of(fields: &Value) -> Option<Kind> {
        match fields["event"].as_str()? {
            "session_started" => Some(Kind::SessionStarted),
            "restart" => Some(Kind::Restart),
            "slot" => Some(Kind::Slot),
            "user" => Some(Kind::User),
            "action" => Some(Kind::Action),
            "bot" => Some(Kind::Bot),
            "undo" => Some(Kind::Undo),
            "rewind" => Some(Kind::Rewind),
            "session_ended" => Some(Kind::SessionEnded),
            _ => None,
        }
    }
}

/// The conversations of a log in order. The first has an unknown start, and may be empty.
pub(crate) fn sessions(log: &State) -> Vec<Session> {
    let Some(sender) = log.id.as_str().strip_prefix(LOG) else { return Vec::new() };
    let entries = log.messages.iter().filter_map(|(id, entry)| {
        let fields: Value = serde_json::from_str(&entry.value.message).ok()?;
        Some(TrackerEntry { id, at: entry.time, kind: Kind::of(&fields)?, fields })
    });
    let mut entries: Vec<_> = entries.collect();
    entries.sort_by(|a, b| (a.at, a.kind, a.id).cmp(&(b.at, b.kind, b.id)));

    let mut sessions = Vec::new();
    let mut rest = &entries[..];
    let mut start = None;
    loop {
        let next = rest.iter().position(|entry| entry.kind == Kind::SessionStarted);
        let (of_session, more) = rest.split_at(next.unwrap_or(rest.len()));
        sessions.extend(session(sender, start, of_session));
        if let Some((event, _)) = sessions.last_mut().and_then(|session: &mut Session| session.told.as_mut())
        {
            event.started.organization =
                log.organization.as_ref().map(|organization| organization.value.clone());
        }
        let Some((started, more)) = more.split_first() else { break };
        start = Some(started);
        rest = more;
    }
    sessions
}

fn session(sender: &str, start: Option<&TrackerEntry<'_>>, entries: &[TrackerEntry<'_>]) -> Option<Session> {
    let start_name = start.map_or_else(|| UNKNOWN_START.to_owned(), |start| start.at.to_string());
    let id = InteractionId::try_new(format!("{sender}@{start_name}")).ok()?;
    let all = || start.into_iter().chain(entries);
    let Some(newest) = all().map(|entry| entry.at).max() else {
        return Some(Session { id, told: None, entries: Vec::new() });
    };
    let mut event = Event::new(id.clone(), newest, newest);
    event.started.integration = Some("rasa".to_owned());
    event.started.start_time = all().map(|entry| entry.at).min();
    let mut gathered = Metadata::default();
    let mut address = None;
    let mut is_voice = false;
    for entry in all() {
        let free = if entry.kind == Kind::Slot { &entry.fields["value"] } else { &entry.fields["metadata"] };
        adopt(&mut event.started, free);
        if let Some(assistant) = text(&free["assistant_id"]) {
            event.started.agent = Some(assistant);
        }
        if let Some(model) = text(&free["model_id"]) {
            event.started.agent_version = Some(model);
        }
        if let Some(channel) = text(&entry.fields["input_channel"]) {
            is_voice |= is_voice_channel(&channel);
            gathered.add("channel", &Value::String(channel));
        }
        if let Some(fields) = free.as_object().filter(|_| entry.kind != Kind::Bot) {
            let said_elsewhere = ["assistant_id", "model_id"];
            for (name, value) in fields.iter().filter(|(name, _)| !said_elsewhere.contains(&name.as_str())) {
                gathered.add(name, value);
            }
        }
        address = serde_json::from_value(entry.fields["address"].clone()).ok().or(address);
        if entry.kind == Kind::SessionEnded {
            event.end = Some(End {
                end_time: Some(entry.at),
                status: Status::Finished,
                end_reason: Some("session_ended".to_owned()),
                recording_url: None,
                cost: None,
            });
        }
    }
    event.started.metadata = gathered.into_map();
    event.started.interaction_type =
        Some(if is_voice { InteractionType::VoiceCall } else { InteractionType::TextChat });
    for (position, entry) in standing(entries).into_iter().enumerate() {
        let role = if entry.kind == Kind::User { Role::User } else { Role::Assistant };
        let Some(words) = words(&entry.fields) else { continue };
        let mut message = MessageUpdate::new(MessageTime::At(entry.at), role, words);
        message.position = u32::try_from(position).unwrap_or(u32::MAX);
        event.messages.push((entry.id.to_owned(), message));
    }
    let entries = entries.iter().map(|entry| entry.id.to_owned()).collect();
    Some(Session { id, told: Some((event, address)), entries })
}

/// What was said and not revoked, by the rules of Rasa's own tracker: a rewind revokes everything since the customer's
/// last message, including the action before it that was listening for it; an undo everything since the last action; a
/// restart everything. If the broker is not sent the events of actions, an undo revokes what the bot said last.
fn standing<'e, 'a>(entries: &'e [TrackerEntry<'a>]) -> Vec<&'e TrackerEntry<'a>> {
    let mut standing: Vec<&TrackerEntry<'_>> = Vec::new();
    for entry in entries {
        let last = |kind: Kind| standing.iter().rposition(|entry| entry.kind == kind);
        match entry.kind {
            Kind::User | Kind::Action | Kind::Bot => standing.push(entry),
            Kind::Restart => standing.clear(),
            Kind::Undo => {
                let said_before =
                    || standing.iter().rposition(|entry| entry.kind != Kind::Bot).map(|place| place + 1);
                let from = last(Kind::Action).or_else(said_before).unwrap_or(0);
                standing.truncate(from);
            }
            Kind::Rewind => {
                let Some(from) = last(Kind::User) else { continue };
                let waited = from > 0 && standing[from - 1].kind == Kind::Action;
                standing.truncate(if waited { from - 1 } else { from });
            }
            Kind::SessionStarted | Kind::Slot | Kind::SessionEnded => {}
        }
    }
    standing.retain(|entry| entry.kind != Kind::Action);
    standing
}

/// The text, or, if a bot shows something without text, what that is.
fn words(fields: &Value) -> Option<String> {
    let data = &fields["data"];
    let shown = || ["image", "attachment"].into_iter().find(|kind| !data[*kind].is_null());
    text(&fields["text"]).or_else(|| shown().map(|kind| format!("[{kind}]")))
}

fn is_voice_channel(channel: &str) -> bool {
    let channel = channel.to_ascii_lowercase();
    ["voice", "audio", "jambonz", "genesys", "twilio_media"].iter().any(|name| channel.contains(name))
}
