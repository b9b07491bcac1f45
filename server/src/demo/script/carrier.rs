//! Writes an event in one of the three native forms (docs/reference.md#carriers).

use serde_json::{Map, Value, json};

use super::conversation::{Carrier, DemoConversation};
use super::{DemoEvent, object};

/// The Kafka headers and value for an event of a conversation; `index` counts the conversation's events from 0.
pub(super) fn carry(
    conversation: &DemoConversation,
    index: usize,
    event: &DemoEvent,
) -> (Vec<(String, Vec<u8>)>, Vec<u8>) {
    let mut data = object(json!({ "interaction_id": conversation.id }));
    data.extend(event.data.clone());
    let attributes = [
        ("specversion", "1.0".to_owned()),
        ("id", format!("{}-{}", conversation.id, index + 1)),
        ("source", format!("/{}/agents/{}", conversation.organization, conversation.agent)),
        ("type", event.kind.to_owned()),
        ("time", event.at.to_string()),
    ];
    let header = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
    let (headers, value) = match conversation.carrier {
        Carrier::Structured => {
            let mut value = Map::new();
            value.extend(attributes.map(|(name, text)| (name.to_owned(), text.into())));
            value.insert("datacontenttype".into(), "application/json".into());
            value.insert("data".into(), data.into());
            (vec![header("content-type", "application/cloudevents+json; charset=UTF-8")], value)
        }
        Carrier::Binary => {
            let mut headers = attributes.map(|(name, text)| header(&format!("ce_{name}"), &text)).to_vec();
            headers.push(header("content-type", "application/json"));
            (headers, data)
        }
        Carrier::Bare => {
            let mut value = object(json!({ "event": event.kind }));
            value.extend(data);
            // Events after the end have no field of their own for their time.
            if matches!(event.kind, "interaction.rated" | "interaction.analyzed") {
                value.insert("at".into(), event.at.to_string().into());
            }
            (Vec::new(), value)
        }
    };
    (headers, Value::from(value).to_string().into_bytes())
}
