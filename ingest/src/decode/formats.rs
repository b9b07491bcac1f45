//! Other systems' payloads, recognised by shape and mapped to the same events; one module per format.
//!
//! A format has a name, the [`marks`](shape::Mark) that identify its payloads, and a function that reads one.
//! [`FORMATS`] lists the formats; the first whose marks are all present reads the payload. `docs/formats.md` says what
//! maps to what, and what is dropped.
//!
//! Vendors add and rename fields all the time. So only the essentials (the conversation's id, the list of messages) are
//! checked and refused with their place; everything else is used if it has the expected form, and left out otherwise.

mod chatwoot;
mod contact_lens;
mod elevenlabs;
mod html;
mod intercom;
mod json;
mod livekit;
mod metadata;
mod otel;
pub(crate) mod rasa;
mod retell;
mod shape;
mod transcript;
mod vapi;
mod zendesk;

#[cfg(test)]
mod tests;

use std::fmt;

use hearken_model::Timestamp;
use serde_json::{Map, Value};

use self::shape::Mark;
use super::{Decoded, Rejection};
use crate::record::RawRecord;

/// All formats, in the order they are tried.
static FORMATS: &[&Format] = &[
    &elevenlabs::FORMAT,
    &vapi::FORMAT,
    &retell::FORMAT,
    &rasa::FORMAT,
    &otel::FORMAT,
    &livekit::FORMAT,
    &contact_lens::FORMAT,
    &chatwoot::WEBHOOK,
    &chatwoot::EXPORT,
    &intercom::WEBHOOK,
    &intercom::CONVERSATION,
    &zendesk::FORMAT,
];

/// One format.
struct Format {
    /// Its name, for people.
    name: &'static str,
    /// What every payload of it has, the most distinctive first.
    marks: &'static [Mark],
    /// Reads a payload that has all marks.
    read: fn(&Value, &Context<'_>) -> Result<Decoded, Rejection>,
}

/// What a reader may need besides the payload.
pub(super) struct Context<'a> {
    /// The record that carried it.
    pub(super) record: &'a RawRecord,
    /// Its timestamp, or else the time of acceptance.
    pub(super) recorded_at: Timestamp,
}

/// A payload whose format is known.
pub(super) struct Payload {
    format: &'static Format,
    body: Value,
}

impl Payload {
    pub(super) fn read(&self, context: &Context<'_>) -> Result<Decoded, Rejection> {
        (self.format.read)(&self.body, context)
    }
}

/// An object of no known format. Displays as the end of a sentence that begins with what else it is not.
pub(super) struct Unknown {
    /// The format with the most matching marks, and the first mark that is missing.
    nearest: Option<(&'static Format, String)>,
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = FORMATS.iter().map(|format| format.name).collect();
        write!(f, "nor of a known format (tried {})", names.join(", "))?;
        match &self.nearest {
            Some((format, miss)) => write!(f, "; nearest is {}, but {miss}", format.name),
            None => Ok(()),
        }
    }
}

/// Recognises a record that is not JSON.
pub(super) fn recognise_bytes(bytes: &[u8]) -> Option<Payload> {
    otel::of_protobuf(bytes).map(|body| Payload { format: &otel::FORMAT, body })
}

/// Recognises an object.
pub(super) fn recognise(object: Map<String, Value>) -> Result<Payload, Unknown> {
    let body = Value::Object(object);
    let mut nearest: Option<(usize, &Format, String)> = None;
    for format in FORMATS {
        match shape::missing(format.marks, &body) {
            None => return Ok(Payload { format, body }),
            Some(miss) if miss.matched > nearest.as_ref().map_or(0, |(matched, ..)| *matched) => {
                nearest = Some((miss.matched, format, miss.reason));
            }
            Some(_) => {}
        }
    }
    Err(Unknown { nearest: nearest.map(|(_, format, reason)| (format, reason)) })
}
