//! What Hearken does when the broker, a topic or a partition fails, on Apache Kafka; docs/reliability.md states it.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use hearken_tests::engines::Kafka;
use hearken_tests::kafka_io::{Producer, Record};
use hearken_tests::real_input::compare::total;
use hearken_tests::{Hearken, HearkenConfig, engine_or_skip, wait_until};
use serde_json::json;

const TOPIC: &str = "interactions";
const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn a_broker_that_dies_is_waited_for_and_nothing_is_lost() {
    let mut kafka = engine_or_skip!(Kafka::start());
    kafka.create_topic(TOPIC, 2).unwrap();
    let hearken = start(&kafka);
    produce(&kafka, 0, 0..100);
    wait_total(&hearken, 100);
    produce(&kafka, 1, 100..200); // acknowledged, perhaps not read yet
    kafka.kill();
    assert!(total(&hearken, &[]) >= 100, "searches answer while the broker is gone");
    kafka.restart().unwrap();
    produce(&kafka, 0, 200..300);
    wait_total(&hearken, 300);
    assert_eq!(hearken.metric("hearken_ingest_stopped_partitions", &[]).unwrap(), 0.0);
}

#[test]
fn a_partition_that_is_added_is_picked_up() {
    let kafka = engine_or_skip!(Kafka::start());
    kafka.create_topic(TOPIC, 1).unwrap();
    let hearken = start(&kafka);
    produce(&kafka, 0, 0..10);
    wait_total(&hearken, 10);
    kafka.add_partitions(TOPIC, 2).unwrap();
    produce(&kafka, 1, 10..20);
    wait_total(&hearken, 20);
}

#[test]
fn another_topic_of_the_same_name_or_a_gap_stops_the_partition_until_it_is_reset() {
    let kafka = engine_or_skip!(Kafka::start());
    kafka.create_topic(TOPIC, 1).unwrap();
    let mut hearken = start(&kafka);
    produce(&kafka, 0, 0..10);
    wait_durable(&hearken, 10);

    // Deleted and created again, with fewer records, under a running server.
    recreate(&kafka);
    produce(&kafka, 0, 10..13);
    expect_stopped(&hearken);
    assert_eq!(total(&hearken, &[]), 10, "what is indexed stays searchable");
    reset_and_restart(&mut hearken);
    wait_total(&hearken, 13);
    wait_durable(&hearken, 3);

    // Once more while the server is stopped; the new topic has outgrown our offset.
    hearken.terminate().unwrap();
    recreate(&kafka);
    produce(&kafka, 0, 13..33);
    hearken.restart().unwrap();
    expect_stopped(&hearken);
    reset_and_restart(&mut hearken);
    wait_total(&hearken, 33);
    wait_durable(&hearken, 20);

    // Retention passes our offset.
    hearken.terminate().unwrap();
    produce(&kafka, 0, 33..43);
    kafka.delete_records(TOPIC, 0, 25).unwrap();
    hearken.restart().unwrap();
    expect_stopped(&hearken);
    reset_and_restart(&mut hearken);
    wait_total(&hearken, 33 + 5);
}

fn start(kafka: &Kafka) -> Hearken {
    let mut hearken = Hearken::start(&HearkenConfig::for_kafka(kafka.bootstrap_servers())).unwrap();
    hearken.wait_ready(PATIENCE).unwrap();
    hearken
}

fn produce(kafka: &Kafka, partition: i32, numbers: std::ops::Range<i64>) {
    let producer = Producer::new(&kafka.bootstrap_servers(), TOPIC).unwrap();
    for number in numbers {
        let event = json!({"event": "interaction.started", "interaction_id": format!("i-{number}")});
        let record = Record {
            partition,
            key: Some(format!("i-{number}").into_bytes()),
            value: Some(event.to_string().into_bytes()),
            headers: Vec::new(),
            timestamp_ms: 1_740_816_000_000 + number,
        };
        producer.send(&record).unwrap();
    }
    producer.flush().unwrap();
}

fn recreate(kafka: &Kafka) {
    kafka.delete_topic(TOPIC).unwrap();
    // The name is free once the broker has heard of the deletion.
    wait_until(PATIENCE, "the topic to be created again", || kafka.create_topic(TOPIC, 1).is_ok());
}

#[track_caller]
fn wait_total(hearken: &Hearken, wanted: usize) {
    wait_until(PATIENCE, "every interaction to be searchable", || total(hearken, &[]) == wanted);
}

#[track_caller]
fn wait_durable(hearken: &Hearken, offset: i64) {
    wait_until(PATIENCE, "the offset to be durable", || {
        hearken.metric("hearken_ingest_durable_offset", &[]).is_ok_and(|durable| durable == offset as f64)
    });
}

/// Readiness names the partition and the command; a metric counts it.
#[track_caller]
fn expect_stopped(hearken: &Hearken) {
    let named = format!("partition 0 of topic {TOPIC} is stopped");
    let command = format!("hearken index reset-offset --topic {TOPIC} --partition 0 --to earliest");
    wait_until(PATIENCE, "readiness to name the stopped partition and the command", || {
        hearken
            .get("/readyz")
            .is_ok_and(|(status, body)| status == 503 && body.contains(&named) && body.contains(&command))
    });
    assert_eq!(hearken.metric("hearken_ingest_stopped_partitions", &[]).unwrap(), 1.0);
}

/// What readiness asks the operator to do.
fn reset_and_restart(hearken: &mut Hearken) {
    hearken.terminate().unwrap();
    let reset = ["index", "reset-offset", "--topic", TOPIC, "--partition", "0", "--to", "earliest"];
    let output = hearken.command(&reset).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    hearken.restart().unwrap();
    hearken.wait_ready(PATIENCE).unwrap();
}
