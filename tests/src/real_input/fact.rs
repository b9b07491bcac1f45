//! What one record says, in the tests' own words.

use chrono::{DateTime, SecondsFormat};
use serde_json::{Map, Value};

/// What a producer reports of one interaction.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// The interaction.
    pub interaction_id: String,
    /// When it happened as the event itself says it, milliseconds since the epoch; `None` where nothing in the
    /// event is a time, so that the record's timestamp counts.
    pub own_time_ms: Option<i64>,
    /// The record's timestamp.
    pub recorded_ms: i64,
    /// What happened.
    pub said: Said,
    /// Fields of `started` that came with it, under the names of docs/reference.md#event-types; the whole of a `started`.
    pub fields: Map<String, Value>,
}

impl Fact {
    /// Event time by docs/reference.md#folding, milliseconds since the epoch.
    pub fn time_ms(&self) -> i64 {
        self.own_time_ms.unwrap_or(self.recorded_ms)
    }
}

/// The kinds of events.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// `interaction.started`.
    Started,
    /// `interaction.message`.
    Message(MessageFact),
    /// `interaction.ended`, data under the names of docs/reference.md#event-types; `end_time` in milliseconds.
    Ended {
        /// `None`: the event time.
        end_time_ms: Option<i64>,
        /// `None`: finished.
        status: Option<&'static str>,
        /// As given.
        end_reason: Option<&'static str>,
        /// As given.
        recording_url: Option<String>,
    },
    /// `interaction.rated`.
    Rated {
        /// 1 to 5.
        rating: u64,
        /// As given.
        comment: Option<&'static str>,
    },
    /// `interaction.analyzed`, data under the names of docs/reference.md#event-types.
    Analyzed(Map<String, Value>),
    /// `interaction.erased`.
    Erased,
}

impl Said {
    /// The event type.
    pub fn event_type(&self) -> &'static str {
        match self {
            Said::Started => "interaction.started",
            Said::Message(_) => "interaction.message",
            Said::Ended { .. } => "interaction.ended",
            Said::Rated { .. } => "interaction.rated",
            Said::Analyzed(_) => "interaction.analyzed",
            Said::Erased => "interaction.erased",
        }
    }
}

/// When a message was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Milliseconds since the epoch.
    AtMs(i64),
    /// Milliseconds since the interaction's start.
    OffsetMs(i64),
    /// The event time.
    EventTime,
}

/// One message.
#[derive(Debug, Clone, PartialEq)]
pub struct MessageFact {
    /// Unique in the interaction.
    pub id: String,
    /// When.
    pub when: When,
    /// `role`, `message` and the optional fields of docs/reference.md#message, under their names.
    pub fields: Map<String, Value>,
}

/// RFC 3339 in UTC with milliseconds.
pub fn rfc3339(ms: i64) -> String {
    DateTime::from_timestamp_millis(ms).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Milliseconds of an RFC 3339 time, rounded down.
pub fn parse_rfc3339(text: &str) -> Option<i64> {
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp_millis())
}
