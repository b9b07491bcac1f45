//! The three carriers: CloudEvents 1.0 in structured and binary mode, and bare objects. Whatever is not a native event
//! is passed to [`formats`], no matter how it was carried.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hearken_model::Timestamp;
use serde_json::{Map, Value};

use super::fields::{ObjectFields, kind_of};
use super::formats::{self, Payload};
use super::{Rejection, RejectionKind, json, native};
use crate::record::RawRecord;

/// The content of a carrier.
pub(super) enum CarrierContent {
    /// One of Hearken's own events.
    Native(Envelope),
    /// Another system's payload.
    Foreign(Payload),
}

/// The common form of native events in every carrier.
pub(super) struct Envelope {
    /// The event's type, such as `interaction.message`.
    pub(super) event_type: String,
    /// The event's id; only bare objects may lack it.
    pub(super) id: Option<String>,
    /// The CloudEvents `time`.
    pub(super) time: Option<Timestamp>,
    /// The event's data.
    pub(super) data: Map<String, Value>,
}

pub(super) fn open(record: &RawRecord) -> Result<CarrierContent, Rejection> {
    let value = json::without_byte_order_mark(record.value.as_deref().unwrap_or_default());
    if value.iter().all(u8::is_ascii_whitespace) {
        return Err(RejectionKind::Empty.because("the record is empty; send one JSON object"));
    }
    let binary = record
        .headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("ce_specversion") || name.eq_ignore_ascii_case("ce_type"));
    let object = match json::parse(value) {
        Ok(Value::Object(object)) => object,
        Ok(other) => {
            return Err(RejectionKind::NotAnObject
                .because(format!("the record is {}; send one JSON object", kind_of(&other))));
        }
        Err(error) => {
            return formats::recognise_bytes(value)
                .map(CarrierContent::Foreign)
                .ok_or_else(|| RejectionKind::NotJson.because(format!("the record is not JSON: {error}")));
        }
    };
    let structured =
        record.header("content-type").is_some_and(is_cloudevents) || object.contains_key("specversion");
    if binary {
        native_or_foreign(open_binary(record, object)?)
    } else if structured {
        native_or_foreign(open_structured(object)?)
    } else {
        open_bare(object)
    }
}

/// A CloudEvent of a type that is not ours may carry a foreign payload.
fn native_or_foreign(envelope: Envelope) -> Result<CarrierContent, Rejection> {
    if native::is_type(&envelope.event_type) {
        return Ok(CarrierContent::Native(envelope));
    }
    let payload = formats::recognise(envelope.data);
    payload
        .map(CarrierContent::Foreign)
        .map_err(|unknown| native::unknown_type(&envelope.event_type, &unknown))
}

/// Whether it is `application/cloudevents+json`, ignoring parameters such as a charset.
fn is_cloudevents(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/cloudevents+json")
}

fn open_binary(record: &RawRecord, data: Map<String, Value>) -> Result<Envelope, Rejection> {
    let mut attributes = Map::new();
    for name in ["specversion", "id", "source", "type", "time"] {
        if let Some(text) = record.header(&format!("ce_{name}")) {
            attributes.insert(name.to_owned(), Value::String(text.to_owned()));
        }
    }
    let mut attributes = ObjectFields::new(attributes, "header `ce_");
    envelope(&mut attributes, data)
}

fn open_structured(object: Map<String, Value>) -> Result<Envelope, Rejection> {
    let mut attributes = ObjectFields::new(object, "`");
    let data = match (attributes.take("data"), attributes.take("data_base64")) {
        (Some(Value::Object(data)), _) => data,
        (Some(other), _) => {
            return Err(RejectionKind::NotAnObject
                .because(format!("`data` is {}; it must be an object", kind_of(&other))));
        }
        (None, Some(Value::String(text))) => decode_base64(&text)?,
        (None, Some(_)) => return Err(RejectionKind::InvalidValue.because("`data_base64` must be a string")),
        (None, None) => {
            return Err(RejectionKind::MissingField.because("`data` is missing from the CloudEvent"));
        }
    };
    envelope(&mut attributes, data)
}

fn decode_base64(text: &str) -> Result<Map<String, Value>, Rejection> {
    let bytes = BASE64.decode(text).map_err(|error| {
        RejectionKind::InvalidValue.because(format!("`data_base64` is not base64: {error}"))
    })?;
    match json::parse(&bytes) {
        Ok(Value::Object(data)) => Ok(data),
        Ok(other) => Err(RejectionKind::NotAnObject
            .because(format!("`data_base64` holds {}; it must hold an object", kind_of(&other)))),
        Err(error) => {
            Err(RejectionKind::NotJson.because(format!("`data_base64` does not hold JSON: {error}")))
        }
    }
}

/// The attributes that CloudEvents 1.0 requires are required here, too: without them it is not a CloudEvent.
fn envelope(attributes: &mut ObjectFields, data: Map<String, Value>) -> Result<Envelope, Rejection> {
    let specversion = attributes.required_text("specversion")?;
    if specversion != "1.0" {
        return Err(RejectionKind::UnknownFormat
            .because(format!("CloudEvents `specversion` is `{specversion}`; only `1.0` is understood")));
    }
    let event_type = attributes.required_text("type")?;
    let id = attributes.required_text("id")?;
    attributes.required_text("source")?;
    let time = attributes.time("time")?;
    Ok(Envelope { event_type, id: Some(id), time, data })
}

fn open_bare(object: Map<String, Value>) -> Result<CarrierContent, Rejection> {
    let is_native = object.get("event").and_then(Value::as_str).is_some_and(native::is_type);
    if !is_native {
        let event_type = object.get("event").and_then(Value::as_str).map(str::to_owned);
        return formats::recognise(object).map(CarrierContent::Foreign).map_err(|unknown| match event_type {
            Some(event_type) => native::unknown_type(&event_type, &unknown),
            None => RejectionKind::UnknownFormat.because(format!(
                "the record is neither a CloudEvent (no `specversion`) nor a bare event (no `event`, or not a string), \
                 {unknown}"
            )),
        });
    }
    let mut fields = ObjectFields::new(object, "`");
    let event_type = fields.required_text("event")?;
    let id = fields.text("id")?;
    let time = fields.time("time")?;
    Ok(CarrierContent::Native(Envelope { event_type, id, time, data: fields.into_rest() }))
}
