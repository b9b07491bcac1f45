//! Records that cannot be understood: docs/reference.md#bad-records.

use serde_json::json;

use super::fact::rfc3339;
use crate::kafka_io::{Headers, Record};

/// How many kinds [`record`] knows.
pub const NUM_KINDS: usize = 26;

/// The malformed record of kind `kind % NUM_KINDS` that claims to be about `interaction_id`.
pub fn record(kind: usize, interaction_id: &str, partition: i32, timestamp_ms: i64) -> Record {
    let id = interaction_id;
    let event = |data: serde_json::Value| {
        let mut event = json!({"event": "interaction.message", "interaction_id": id, "message_id": "bad",
                               "role": "user", "message": "never to be found: zyxwvut", "at": rfc3339(timestamp_ms)});
        for (name, value) in data.as_object().into_iter().flatten() {
            match value.as_str() {
                Some("<remove>") => drop(event.as_object_mut().and_then(|event| event.remove(name))),
                _ => event[name] = value.clone(),
            }
        }
        event.to_string().into_bytes()
    };
    let mut headers: Headers = vec![
        ("trace".into(), Some(vec![0xff, 0x00, 0x01])), // not text
        ("trace".into(), Some(b"a name may repeat".to_vec())),
        ("empty".into(), Some(Vec::new())),
    ];
    let mut key = Some(id.as_bytes().to_vec());
    let value = match kind % NUM_KINDS {
        0 => Some(b"not JSON at all".to_vec()),
        1 => Some(event(json!({})).into_iter().take(60).collect()), // cut off
        2 => Some(b"[]".to_vec()),
        3 => Some(b"[{\"event\": \"interaction.message\"}]".to_vec()),
        4 => Some(Vec::new()),
        5 => None,
        6 => Some(b"42".to_vec()),
        7 => Some(b"{}".to_vec()),
        8 => Some(vec![0xff, 0xfe, 0x00, 0x7b]), // not UTF-8
        9 => Some(event(json!({"event": "interaction.whispered"}))),
        10 => Some(event(json!({"interaction_id": "<remove>"}))),
        11 => Some(event(json!({"interaction_id": ""}))),
        12 => Some(event(json!({"interaction_id": "x".repeat(513)}))),
        13 => Some(event(json!({"interaction_id": 17}))),
        14 => Some(event(json!({"role": "robot"}))),
        15 => Some(event(json!({"role": "<remove>"}))),
        16 => Some(event(json!({"message": "<remove>"}))),
        17 => Some(event(json!({"message": ["a", "list"]}))),
        18 => Some(event(json!({"at": "yesterday, about noon"}))),
        19 => Some(event(json!({"event": "interaction.rated", "rating": 6}))),
        20 => Some(event(json!({"event": "interaction.rated"}))),
        21 => Some(event(json!({"event": "interaction.ended", "status": "vanished"}))),
        22 => Some(event(json!({"event": "interaction.started", "type": "telepathy"}))),
        23 => {
            // Structured, with a time that is none.
            let event = json!({"specversion": "1.0", "type": "interaction.ended", "source": "/tests", "id": "1",
                               "time": "2026-13-45T99:00:00Z", "data": {"interaction_id": id}});
            Some(event.to_string().into_bytes())
        }
        24 => {
            // Binary, of a type that nobody knows.
            let attributes = [
                ("ce_specversion", "1.0"),
                ("ce_type", "com.example.unknown"),
                ("ce_source", "/tests"),
                ("ce_id", "1"),
            ];
            headers
                .extend(attributes.map(|(name, value)| (name.to_owned(), Some(value.as_bytes().to_vec()))));
            Some(json!({"interaction_id": id}).to_string().into_bytes())
        }
        _ => {
            key = None;
            Some(event(json!({"event": "interaction.analyzed", "sentiment": "grumpy"})))
        }
    };
    Record { partition, key, value, headers, timestamp_ms }
}
