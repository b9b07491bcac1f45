//! The three forms in which a fact is written as a record: docs/reference.md#carriers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value, json};

use super::fact::{Fact, Said, When, rfc3339};
use crate::kafka_io::{Headers, Record};

/// How a fact is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// CloudEvents, structured, with its content type.
    Structured,
    /// CloudEvents, structured, recognisable only by `specversion`.
    StructuredUnannounced,
    /// CloudEvents, structured, data in base64.
    StructuredBase64,
    /// CloudEvents, binary: attributes in `ce_*` headers.
    Binary,
    /// A bare JSON object with `event`.
    Bare,
}

/// What picks a form: mostly the three that people use, sometimes a variation.
pub const FORMS: [Form; 13] = [
    Form::Structured,
    Form::Binary,
    Form::Bare,
    Form::Structured,
    Form::Binary,
    Form::Bare,
    Form::Structured,
    Form::Binary,
    Form::Bare,
    Form::Structured,
    Form::Bare,
    Form::StructuredUnannounced,
    Form::StructuredBase64,
];

impl Form {
    /// Whether an event in this form has CloudEvents attributes, `time` among them.
    pub fn is_cloud_event(self) -> bool {
        self != Form::Bare
    }
}

/// The record that carries `fact`. In a CloudEvents form, `fact.own_time_ms` becomes the attribute `time`.
pub fn record(fact: &Fact, form: Form, partition: i32, event_id: &str) -> Record {
    let mut headers: Headers = vec![("traceparent".into(), Some(event_id.as_bytes().to_vec()))];
    let data = data(fact);
    let event_type = fact.said.event_type();
    let time = fact.own_time_ms.map(rfc3339);
    let value = match form {
        Form::Bare => {
            let mut bare = Map::from_iter([("event".to_owned(), Value::from(event_type))]);
            bare.extend(data);
            if let Said::Message(message) = &fact.said {
                // A message's id may be named by the event's instead.
                if message.id.len() % 2 == 0 {
                    bare.remove("message_id");
                    bare.insert("id".into(), Value::from(message.id.as_str()));
                }
            }
            Value::from(bare).to_string()
        }
        Form::Binary => {
            let mut attributes = vec![
                ("ce_specversion", "1.0".to_owned()),
                ("ce_type", event_type.to_owned()),
                ("ce_source", "/tests/real-input".to_owned()),
                ("ce_id", event_id.to_owned()),
                ("content-type", "application/json".to_owned()),
            ];
            attributes.extend(time.map(|time| ("ce_time", time)));
            headers.extend(
                attributes.into_iter().map(|(name, value)| (name.to_owned(), Some(value.into_bytes()))),
            );
            Value::from(data).to_string()
        }
        Form::Structured | Form::StructuredUnannounced | Form::StructuredBase64 => {
            let mut event = json!({
                "specversion": "1.0", "type": event_type, "source": "/tests/real-input", "id": event_id,
                "subject": fact.interaction_id, "datacontenttype": "application/json",
            });
            if let Some(time) = time {
                event["time"] = Value::from(time);
            }
            if form == Form::StructuredBase64 {
                event["data_base64"] = Value::from(BASE64.encode(Value::from(data).to_string()));
            } else {
                event["data"] = Value::from(data);
            }
            if form != Form::StructuredUnannounced {
                let content_type = b"application/cloudevents+json; charset=UTF-8".to_vec();
                headers.push(("content-type".into(), Some(content_type)));
            }
            event.to_string()
        }
    };
    Record {
        partition,
        key: Some(fact.interaction_id.clone().into_bytes()),
        value: Some(value.into_bytes()),
        headers,
        timestamp_ms: fact.recorded_ms,
    }
}

/// The data of docs/reference.md#event-types, with a field that no consumer knows.
fn data(fact: &Fact) -> Map<String, Value> {
    let mut data = Map::new();
    data.insert("interaction_id".into(), Value::from(fact.interaction_id.as_str()));
    data.extend(fact.fields.clone());
    data.insert("x_unknown".into(), json!({"ignored": [1, null]}));
    match &fact.said {
        Said::Started | Said::Erased => {}
        Said::Message(message) => {
            data.insert("message_id".into(), Value::from(message.id.as_str()));
            data.extend(message.fields.clone());
            match message.when {
                When::AtMs(at) => drop(data.insert("at".into(), Value::from(rfc3339(at)))),
                When::OffsetMs(offset) => drop(data.insert("offset_ms".into(), Value::from(offset))),
                When::EventTime => {}
            }
        }
        Said::Ended { end_time_ms, status, end_reason, recording_url } => {
            let given = [
                ("end_time", end_time_ms.map(rfc3339).map(Value::from)),
                ("status", status.map(Value::from)),
                ("end_reason", end_reason.map(Value::from)),
                ("recording_url", recording_url.clone().map(Value::from)),
            ];
            data.extend(given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        }
        Said::Rated { rating, comment } => {
            data.insert("rating".into(), Value::from(*rating));
            data.extend(comment.map(|comment| ("rating_comment".to_owned(), Value::from(comment))));
        }
        Said::Analyzed(analysis) => data.extend(analysis.clone()),
    }
    data
}
