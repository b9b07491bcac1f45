//! Topics that come and grow while the server runs, on a real Kafka.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use hearken_tests::engines::Kafka;
use hearken_tests::kafka_io::{Producer, Record};
use hearken_tests::{Hearken, HearkenConfig, engine_or_skip, wait_until};
use serde_json::json;

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_topic_that_does_not_exist_keeps_nobody_waiting_and_is_read_when_it_appears() {
    let kafka = engine_or_skip!(Kafka::start());
    let mut hearken = Hearken::start(&HearkenConfig::for_kafka(kafka.bootstrap_servers())).unwrap();
    hearken.wait_ready(PATIENCE).unwrap();

    kafka.create_topic("interactions", 2).unwrap();
    let producer = Producer::new(&kafka.bootstrap_servers(), "interactions").unwrap();
    for partition in 0..2 {
        let event = json!({"event": "interaction.message", "interaction_id": format!("i-{partition}"), "role": "user",
                           "message": "first words"});
        let record = Record {
            partition,
            key: Some(b"key".to_vec()),
            value: Some(event.to_string().into_bytes()),
            headers: Vec::new(),
            timestamp_ms: 1_760_000_000_000,
        };
        producer.send(&record).unwrap();
    }
    producer.flush().unwrap();
    wait_until(PATIENCE, "both first messages to be found", || {
        hearken.search(&[("q", "first")]).is_ok_and(|answer| answer["total"] == 2)
    });
    hearken.terminate().unwrap();
}
