//! A record becomes an event, or a reason why not.
//!
//! The carrier (CloudEvents structured or binary, or a bare object) is opened by [`carrier`]; what it says is read
//! by [`native`] through the field readers of [`fields`], which name the place and the rule of everything they
//! refuse.

mod carrier;
mod fields;
mod native;

use hearken_model::{Event, Timestamp};

use crate::record::RawRecord;

/// Why a record is a dead letter: what, where and how to mend it, in one line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Rejection(pub String);

/// Decodes one record. `accepted_at` stands in for a missing record timestamp.
///
/// # Errors
/// The record cannot be understood; it belongs in the dead-letter topic with this reason.
pub fn decode(record: &RawRecord, accepted_at: Timestamp) -> Result<Event, Rejection> {
    let recorded_at = record.timestamp.unwrap_or(accepted_at);
    let envelope = carrier::open(record)?;
    native::read(envelope, recorded_at)
}

#[cfg(test)]
mod tests;
