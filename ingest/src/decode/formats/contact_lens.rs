//! Amazon Connect Contact Lens: the analysis of a contact, a call or a chat.
//!
//! Offsets are in milliseconds from the start. The agent is a person. Scores range from −5 to +5.

use hearken_model::{End, Event, InteractionType, Role, Sentiment, Status, Timestamp};
use serde_json::Value;
use uuid::Uuid;

use super::json::{at, checked_interaction_id, first_text, items, list, millis, number, rfc3339, text};
use super::metadata::{Metadata, sentiment};
use super::shape::Mark;
use super::transcript::{TimeOrigin, TranscriptBuilder};
use super::{Context, Format};
use crate::decode::{Decoded, Rejection};

pub(super) static FORMAT: Format = Format {
    name: "Amazon Connect Contact Lens",
    marks: &[
        Mark::list(&["Transcript"]),
        Mark::list(&["Participants"]),
        Mark::one_of(&["Channel"], &["VOICE", "CHAT"]),
    ],
    read,
};

/// Scores this close to 0 count as neutral.
const NEUTRAL_MAX: f64 = 1.0;

fn read(body: &Value, context: &Context<'_>) -> Result<Decoded, Rejection> {
    let about = &body["CustomerMetadata"];
    // Files without a contact id are identified by the record's key, or else by a hash of their content.
    let of_key = || context.record.key.as_deref().and_then(|key| std::str::from_utf8(key).ok());
    let of_content =
        || format!("contact-lens/{}", Uuid::new_v5(&Uuid::NAMESPACE_OID, body.to_string().as_bytes()));
    let id = first_text([&about["ContactId"], &body["ContactId"]])
        .or_else(|| of_key().filter(|key| !key.is_empty()).map(str::to_owned))
        .unwrap_or_else(of_content);
    let id = checked_interaction_id(id, "CustomerMetadata.ContactId")?;

    let said = list(body, "Transcript")?;
    let start = said.iter().filter_map(|said| rfc3339(&said["AbsoluteTime"])).min();
    let start = start.or_else(|| about["InputS3Uri"].as_str().and_then(time_in_name));
    let characteristics = &body["ConversationCharacteristics"];
    let duration_ms = millis(&characteristics["TotalConversationDurationMillis"]);
    let end_time = start.zip(duration_ms).map(|(start, duration_ms)| start.plus_millis(duration_ms));
    let time = end_time.or(start).unwrap_or(context.recorded_at);

    let mut event = Event::new(id, time, context.recorded_at);
    let mut transcript = TranscriptBuilder::new(&event.interaction_id, TimeOrigin::Start);
    for said in said {
        read_said(said, &body["Participants"], start, &mut transcript);
    }
    event.messages = transcript.into_messages();
    event.started.integration = Some("amazon-connect".to_owned());
    event.started.interaction_type = Some(match body["Channel"].as_str() {
        Some("CHAT") => InteractionType::TextChat,
        _ => InteractionType::VoiceCall,
    });
    event.started.start_time = start;
    event.started.language = text(&body["LanguageCode"]);
    let mut gathered = Metadata::default();
    gathered.add("account_id", &body["AccountId"]);
    gathered.add("instance_id", &about["InstanceId"]);
    gathered.add("categories", &body["Categories"]["MatchedCategories"]);
    event.started.metadata = gathered.into_map();
    event.end =
        Some(End { end_time, status: Status::Finished, end_reason: None, recording_url: None, cost: None });
    analysis(&mut event, characteristics);
    Ok(Decoded::Events(vec![event]))
}

/// `…/<contact id>_20240131T09:59_UTC.wav` tells when the contact began.
fn time_in_name(uri: &str) -> Option<Timestamp> {
    let (before, _) = uri.rsplit_once("_UTC")?;
    let (_, time) = before.rsplit_once('_')?;
    let (date, time) = time.split_once('T')?;
    if date.len() != 8 || !date.is_ascii() {
        return None;
    }
    Timestamp::parse(&format!("{}-{}-{}T{time}:00Z", &date[..4], &date[4..6], &date[6..])).ok()
}

fn read_said(
    said: &Value,
    participants: &Value,
    start: Option<Timestamp>,
    transcript: &mut TranscriptBuilder,
) {
    let Some(words) = text(&said["Content"]) else { return };
    let role = items(participants)
        .iter()
        .find(|participant| participant["ParticipantId"] == said["ParticipantId"])
        .map_or(&said["ParticipantId"], |participant| &participant["ParticipantRole"]);
    let role = match role.as_str() {
        Some("CUSTOMER") => Role::User,
        Some("AGENT" | "SUPERVISOR") => Role::Human,
        Some("CUSTOM_BOT" | "BOT") => Role::Assistant,
        _ => Role::System,
    };
    let since_start = || Some(rfc3339(&said["AbsoluteTime"])?.millis_since(start?));
    let at_ms = millis(&said["BeginOffsetMillis"]).or_else(since_start);
    let message = transcript.push(text(&said["Id"]), at_ms, role, words);
    message.end_offset_ms = millis(&said["EndOffsetMillis"]);
    message.sentiment = sentiment(&said["Sentiment"]);
}

fn analysis(event: &mut Event, characteristics: &Value) {
    event.assessment.summary = text(at(characteristics, "ContactSummary.PostContactSummary.Content"));
    if let Some(score) = number(at(characteristics, "Sentiment.OverallSentiment.CUSTOMER")) {
        event.assessment.sentiment = Some(match score {
            score if score >= NEUTRAL_MAX => Sentiment::Positive,
            score if score <= -NEUTRAL_MAX => Sentiment::Negative,
            _ => Sentiment::Neutral,
        });
        event.assessment.sentiment_description =
            Some(format!("Contact Lens scores the customer {score} from -5 to 5."));
    }
}
