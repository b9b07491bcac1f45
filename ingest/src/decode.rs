//! A record becomes events, or a reason why not.
//!
//! The carrier (CloudEvents structured or binary, or a bare object) is opened by [`carrier`], which also separates native
//! events from other systems' payloads. Native ones are read by [`native`] through the field readers of [`fields`],
//! which name the place and the rule of everything they refuse; all others by [`formats`], one module a format.

mod carrier;
mod fields;
mod formats;
mod json;
mod native;

use std::borrow::Cow;

use hearken_model::{Event, Timestamp};

pub(crate) use self::formats::rasa;

use self::carrier::CarrierContent;
use self::formats::Context;
use crate::record::RawRecord;

/// Why a record is a dead letter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Rejection {
    /// The kind of mistake, for counting.
    pub kind: RejectionKind,
    /// What, where and how to fix it, in one line.
    pub reason: String,
}

/// The kinds of mistakes that make a record a dead letter: a closed set, so that they can be a metric's label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectionKind {
    /// Nothing in it.
    Empty,
    /// It is not JSON, or what should hold JSON does not.
    NotJson,
    /// JSON, but not an object where one must be.
    NotAnObject,
    /// Neither a CloudEvent 1.0, nor a bare event, nor a known foreign format.
    UnknownFormat,
    /// An event of a type that does not exist.
    UnknownType,
    /// A required field is missing.
    MissingField,
    /// A value outside its type or set.
    InvalidValue,
    /// Understood, but beyond the limits of an interaction.
    OverLimit,
}

impl RejectionKind {
    /// All of them.
    pub const ALL: [RejectionKind; 8] = [
        RejectionKind::Empty,
        RejectionKind::NotJson,
        RejectionKind::NotAnObject,
        RejectionKind::UnknownFormat,
        RejectionKind::UnknownType,
        RejectionKind::MissingField,
        RejectionKind::InvalidValue,
        RejectionKind::OverLimit,
    ];

    /// The label's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            RejectionKind::Empty => "empty",
            RejectionKind::NotJson => "not_json",
            RejectionKind::NotAnObject => "not_an_object",
            RejectionKind::UnknownFormat => "unknown_format",
            RejectionKind::UnknownType => "unknown_type",
            RejectionKind::MissingField => "missing_field",
            RejectionKind::InvalidValue => "invalid_value",
            RejectionKind::OverLimit => "over_limit",
        }
    }

    /// A rejection of this kind.
    pub fn because(self, reason: impl Into<String>) -> Rejection {
        Rejection { kind: self, reason: reason.into() }
    }
}

/// A header that says to which organization everything in the record belongs. It is written where events are taken in
/// from senders that are limited to some organizations; producers to Kafka are trusted.
pub(crate) const ORGANIZATION_HEADER: &str = "hearken-organization";

/// A header with the time at which an event was accepted, or the one that its sender gave for it. Kafka's own timestamp is in
/// whole milliseconds, so two equal messages that were sent together would become one.
pub(crate) const ACCEPTED_AT_HEADER: &str = "hearken-accepted-at";

/// The answer to a sender about an interaction of someone else's: it must not reveal that there is one.
pub(crate) fn invalid_id() -> Rejection {
    RejectionKind::InvalidValue.because("`interaction_id` is not valid")
}

impl Rejection {
    /// The reason as it may be shown: whole, or without values.
    pub(crate) fn shown_reason(&self, withholds_values: bool) -> Cow<'_, str> {
        if withholds_values { self.reason_without_values() } else { Cow::Borrowed(&self.reason) }
    }

    /// The reason without anything from the record but the field's name, and that only if it is one of ours: for places
    /// where its values must not appear.
    fn reason_without_values(&self) -> Cow<'_, str> {
        match self.kind {
            RejectionKind::Empty
            | RejectionKind::NotJson
            | RejectionKind::NotAnObject
            | RejectionKind::MissingField
            | RejectionKind::OverLimit => Cow::Borrowed(&self.reason),
            RejectionKind::UnknownFormat => Cow::Borrowed("the record is of no known format"),
            RejectionKind::UnknownType => Cow::Borrowed("the event type is unknown"),
            RejectionKind::InvalidValue => {
                let field =
                    self.reason.strip_prefix('`').and_then(|rest| rest.split_once('`')).map(|(name, _)| name);
                let is_ours = |name: &&str| {
                    !name.starts_with("metadata")
                        && name
                            .chars()
                            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_.[]".contains(c))
                };
                match field.filter(is_ours) {
                    Some(field) => format!("`{field}` has a value that it cannot have").into(),
                    None => "a field has a value that it cannot have".into(),
                }
            }
        }
    }
}

/// What a record turned out to be.
#[derive(Debug, Clone, PartialEq)]
pub enum Decoded {
    /// At least one event. A native record is exactly one; a foreign payload may bring several, of which all are
    /// folded or none.
    Events(Vec<Event>),
    /// A known payload that says nothing about an interaction, and what it is.
    Ignored(String),
    /// It cannot be understood and belongs in the dead-letter topic with this reason.
    Rejected(Rejection),
}

/// Decodes one record. `accepted_at` stands in for a missing record timestamp; nothing else depends on the clock, so
/// the same record always gives the same events.
pub fn decode(record: &RawRecord, accepted_at: Timestamp) -> Decoded {
    let exactly = record.header(ACCEPTED_AT_HEADER).and_then(|time| Timestamp::parse(time).ok());
    let recorded_at = exactly.or(record.timestamp).unwrap_or(accepted_at);
    let decoded = carrier::open(record).and_then(|opened| match opened {
        CarrierContent::Native(envelope) => {
            native::read(envelope, recorded_at).map(|event| Decoded::Events(vec![event]))
        }
        CarrierContent::Foreign(payload) => payload.read(&Context { record, recorded_at }),
    });
    let mut decoded = decoded.unwrap_or_else(Decoded::Rejected);
    if let (Decoded::Events(events), Some(organization)) = (&mut decoded, record.header(ORGANIZATION_HEADER))
    {
        for event in events {
            event.started.organization.get_or_insert_with(|| organization.to_owned());
        }
    }
    decoded
}

#[cfg(test)]
mod tests;
