//! Turns a record into events, or into a reason why it cannot be.
//!
//! [`carrier`] opens the carrier (CloudEvents structured or binary, or a bare object), and separates native events from
//! other systems' payloads. [`native`] reads the native ones through the field readers of [`fields`], which name the
//! place and the rule of everything they refuse; [`formats`] reads all others, with one module per format.

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
    /// The record is empty.
    Empty,
    /// It is not JSON, or a field that should hold JSON does not.
    NotJson,
    /// JSON, but not an object where one is required.
    NotAnObject,
    /// Neither a CloudEvents 1.0 event, nor a bare event, nor a known foreign format.
    UnknownFormat,
    /// An event of an unknown type.
    UnknownType,
    /// A required field is missing.
    MissingField,
    /// A value of the wrong type, or outside its allowed set.
    InvalidValue,
    /// Valid, but beyond the limits of an interaction.
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

    /// Makes a rejection of this kind.
    pub fn because(self, reason: impl Into<String>) -> Rejection {
        Rejection { kind: self, reason: reason.into() }
    }
}

/// The header that names the organization to which everything in the record belongs. It is written when events are
/// accepted from senders that are limited to some organizations; producers to Kafka are trusted.
pub(crate) const ORGANIZATION_HEADER: &str = "hearken-organization";

/// The header with the time at which an event was accepted, or which its sender gave instead. Kafka's own timestamps
/// are in whole milliseconds, so two equal messages sent together would become one.
pub(crate) const ACCEPTED_AT_HEADER: &str = "hearken-accepted-at";

/// The answer to a sender about somebody else's interaction, which must not reveal that it exists.
pub(crate) fn invalid_id() -> Rejection {
    RejectionKind::InvalidValue.because("`interaction_id` is not valid")
}

impl Rejection {
    /// The reason as it may be shown: in full, or without values.
    pub(crate) fn shown_reason(&self, withholds_values: bool) -> Cow<'_, str> {
        if withholds_values { self.reason_without_values() } else { Cow::Borrowed(&self.reason) }
    }

    /// The reason for places where the record's values must not appear. All it keeps of the record is the field's name,
    /// and only if it is one of ours.
    fn reason_without_values(&self) -> Cow<'_, str> {
        match self.kind {
            RejectionKind::Empty
            | RejectionKind::NotJson
            | RejectionKind::NotAnObject
            | RejectionKind::MissingField
            | RejectionKind::OverLimit => Cow::Borrowed(&self.reason),
            RejectionKind::UnknownFormat => Cow::Borrowed("the record's format is unknown"),
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
                    Some(field) => format!("`{field}` has an invalid value").into(),
                    None => "a field has an invalid value".into(),
                }
            }
        }
    }
}

/// The result of decoding a record.
#[derive(Debug, Clone, PartialEq)]
pub enum Decoded {
    /// At least one event. A native record is exactly one; a foreign payload may bring several, which are folded all or
    /// none.
    Events(Vec<Event>),
    /// A known payload that says nothing about an interaction, with a description of what it is.
    Ignored(String),
    /// Not understood; it goes to the dead-letter topic with this reason.
    Rejected(Rejection),
}

/// Decodes one record. `accepted_at` replaces a missing record timestamp; nothing else depends on the clock, so the
/// same record always yields the same events.
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
