//! What Hearken does when the broker, a topic or a partition fails, on Apache Kafka; docs/reliability.md states it.
#![allow(clippy::unwrap_used)]

use std::ops::Range;
use std::time::{Duration, Instant};

use hearken_tests::engines::Kafka;
use hearken_tests::kafka_io::{Producer, ReadRecord, Record, TransactionalProducer, read_all};
use hearken_tests::real_input::compare::total;
use hearken_tests::{Hearken, HearkenConfig, engine_or_skip, wait_until};
use serde_json::json;

const TOPIC: &str = "interactions";
const DEAD_LETTER_TOPIC: &str = "interactions.dlq";
const PATIENCE: Duration = Duration::from_secs(120);
/// How long the broker stays away at least; otherwise until readiness has reported it.
const OUTAGE_SECONDS: &str = "HEARKEN_OUTAGE_SECONDS";
const STOPPED_PARTITIONS: &str = "hearken_ingest_stopped_partitions";

#[test]
fn a_broker_that_is_away_is_waited_for_and_nothing_is_lost() {
    let mut kafka = engine_or_skip!(Kafka::start());
    kafka.create_topic(TOPIC, 2).unwrap();
    let mut hearken = start(&kafka);
    produce(&kafka, 0, 0..100);
    wait_total(&hearken, 100);
    wait_until(PATIENCE, "the connection to be reported", || {
        hearken.metric("hearken_ingest_broker_connected", &[]).unwrap() == 1.0
    });

    produce(&kafka, 1, 100..5_100); // acknowledged, perhaps not read yet
    kafka.kill();
    let outage_s = std::env::var(OUTAGE_SECONDS).map_or(0, |seconds| seconds.parse().unwrap());
    let mut num_searches = 0;
    wait_until(PATIENCE, "readiness to report the outage", || {
        assert!(total(&hearken, &[]) >= 100, "searches answer while the broker is gone");
        num_searches += 1;
        let (status, body) = hearken.get("/readyz").unwrap();
        let since = body.split_once("no kafka broker could be reached for ").map(|(_, since)| since);
        let seconds = since.and_then(|since| since.split(' ').next()?.parse::<u64>().ok());
        status == 503 && seconds.is_some_and(|seconds| seconds >= outage_s)
    });
    assert_eq!(hearken.metric("hearken_ingest_broker_connected", &[]).unwrap(), 0.0);
    assert!(hearken.log().contains("lost the connection to every kafka broker"));

    kafka.restart().unwrap();
    let restarted = Instant::now();
    produce(&kafka, 0, 5_100..5_200);
    wait_total(&hearken, 5_200);
    eprintln!("{num_searches} searches during the outage; all found {:?} after its end", restarted.elapsed());
    hearken.wait_ready(PATIENCE).unwrap();

    // The same with a server that is started meanwhile.
    kafka.kill();
    hearken.restart().unwrap();
    wait_not_ready(&hearken, "waiting for kafka");
    assert_eq!(total(&hearken, &[]), 5_200, "searches answer though the broker has never been seen");
    kafka.restart().unwrap();
    hearken.wait_ready(PATIENCE).unwrap();
    produce(&kafka, 1, 5_200..5_210);
    wait_total(&hearken, 5_210);

    // And a partition that is added is read from its beginning.
    kafka.add_partitions(TOPIC, 3).unwrap();
    produce(&kafka, 2, 5_210..5_220);
    wait_total(&hearken, 5_220);
    assert_eq!(hearken.metric(STOPPED_PARTITIONS, &[]).unwrap(), 0.0);
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
    expect_stopped(&hearken, "ends at");
    assert_eq!(total(&hearken, &[]), 10, "what is indexed stays searchable");
    reset_and_restart(&mut hearken);
    wait_total(&hearken, 13);
    wait_durable(&hearken, 3);

    // Once more while the server is stopped; the new topic has outgrown our offset.
    hearken.terminate().unwrap();
    recreate(&kafka);
    produce(&kafka, 0, 13..33);
    hearken.restart().unwrap();
    expect_stopped(&hearken, "deleted and created again");
    reset_and_restart(&mut hearken);
    wait_total(&hearken, 33);
    wait_durable(&hearken, 20);

    // Retention passes our offset while the server is stopped.
    hearken.terminate().unwrap();
    produce(&kafka, 0, 33..43);
    kafka.delete_records(TOPIC, 0, 25).unwrap();
    hearken.restart().unwrap();
    expect_stopped(&hearken, "retention has removed records");
    reset_and_restart(&mut hearken);
    wait_total(&hearken, 33 + 5);
    wait_durable(&hearken, 30);

    // And while it runs, but is too slow.
    hearken.pause().unwrap();
    produce(&kafka, 0, 43..48); // may be on the way to it already
    produce(&kafka, 0, 48..53);
    kafka.delete_records(TOPIC, 0, 37).unwrap();
    hearken.resume().unwrap();
    expect_stopped(&hearken, "retention has removed records");
    reset_and_restart(&mut hearken);
    wait_durable(&hearken, 40);
    for number in 50..53 {
        wait_until(PATIENCE, "what was left to be searchable", || {
            hearken.get_json(&format!("/v1/interactions/i-{number}")).is_ok()
        });
    }
}

#[test]
fn transaction_markers_and_what_retention_removed_before_do_not_count_as_lag() {
    let kafka = engine_or_skip!(Kafka::start());
    kafka.create_topic(TOPIC, 3).unwrap();
    // Partition 1 was emptied before anybody read it.
    produce(&kafka, 1, 0..10);
    kafka.delete_records(TOPIC, 1, 10).unwrap();
    let mut hearken = start(&kafka);
    let in_transactions = TransactionalProducer::new(&kafka.bootstrap_servers(), TOPIC).unwrap();
    let events = |numbers: Range<i64>| -> Vec<String> {
        let started =
            |number| json!({"event": "interaction.started", "interaction_id": format!("i-{number}")});
        numbers.map(|number| started(number).to_string()).collect()
    };
    in_transactions.send(0, &events(10..13), true).unwrap();
    in_transactions.send(0, &events(13..15), false).unwrap();
    in_transactions.send(2, &events(15..17), false).unwrap(); // nothing else
    wait_total(&hearken, 3);
    let wait_no_lag = |hearken: &Hearken| {
        wait_until(PATIENCE, "the lag to be gone", || {
            let lag = |partition: &str| {
                hearken.metric("hearken_ingest_lag_records", &[("partition", partition)]).unwrap()
            };
            ["0", "1", "2"].iter().all(|partition| lag(partition) == 0.0)
        });
    };
    wait_no_lag(&hearken);
    assert_eq!(total(&hearken, &[]), 3, "what was aborted was never said");
    wait_until(PATIENCE, "the marks to be passed for good", || {
        hearken.metric("hearken_ingest_durable_offset", &[("partition", "0")]).unwrap() == 7.0
    });

    // Everything up to the last mark is deleted while the server is stopped: nothing was lost, and it goes on.
    hearken.terminate().unwrap();
    kafka.delete_records(TOPIC, 0, 7).unwrap();
    hearken.restart().unwrap();
    hearken.wait_ready(PATIENCE).unwrap();
    assert_eq!(hearken.metric(STOPPED_PARTITIONS, &[]).unwrap(), 0.0);
    in_transactions.send(0, &events(17..19), true).unwrap();
    produce(&kafka, 1, 19..20);
    wait_total(&hearken, 6);
    wait_no_lag(&hearken);
}

#[test]
fn a_topic_that_is_created_again_and_filled_under_a_running_server_is_noticed_and_so_is_it_after_a_restart() {
    let mut kafka = engine_or_skip!(Kafka::start());
    kafka.create_topic(TOPIC, 1).unwrap();
    kafka.restart().unwrap(); // the old topic's leader epoch is now higher than a new one's
    let mut hearken = start(&kafka);
    produce(&kafka, 0, 0..10);
    wait_durable(&hearken, 10);

    recreate(&kafka);
    produce(&kafka, 0, 10..40);
    expect_stopped(&hearken, "deleted and created again");
    // The offset alone, or the record before it, may be of the new topic by now.
    hearken.restart().unwrap();
    expect_stopped(&hearken, "deleted and created again");
    reset_and_restart(&mut hearken);
    wait_total(&hearken, 40);
    wait_durable(&hearken, 30);
    assert_eq!(hearken.metric(STOPPED_PARTITIONS, &[]).unwrap(), 0.0);
}

#[test]
fn a_dead_letter_that_cannot_be_written_stops_its_partition_until_it_can() {
    let kafka = engine_or_skip!(Kafka::start());
    kafka.create_topic(TOPIC, 2).unwrap();
    kafka.create_topic(DEAD_LETTER_TOPIC, 1).unwrap();
    kafka.configure_topic(DEAD_LETTER_TOPIC, "max.message.bytes", "1000").unwrap();
    let mut hearken = start(&kafka);

    // Even what is left of it after cutting is too large, so it cannot be written at all.
    let large = malformed(0, 300_000);
    send(&kafka, std::slice::from_ref(&large));
    wait_not_ready(
        &hearken,
        "partition 0 of topic interactions is stopped: its dead letters cannot be written",
    );
    produce(&kafka, 1, 0..10);
    wait_total(&hearken, 10); // the other partition goes on
    let of_partition_0 = [("partition", "0")];
    assert_eq!(hearken.metric(STOPPED_PARTITIONS, &of_partition_0).unwrap(), 1.0);
    assert_eq!(hearken.metric(STOPPED_PARTITIONS, &[("partition", "1")]).unwrap(), 0.0);
    assert_eq!(hearken.metric("hearken_ingest_durable_offset", &of_partition_0).unwrap(), 0.0);
    assert!(hearken.log().contains("stopped the partition"), "{}", hearken.log());

    // The topic takes 100 kB from now on: too little for the whole record, enough for what is left of it.
    kafka.configure_topic(DEAD_LETTER_TOPIC, "max.message.bytes", "100000").unwrap();
    hearken.wait_ready(PATIENCE).unwrap();
    produce(&kafka, 0, 10..20);
    wait_total(&hearken, 20);
    assert_eq!(hearken.metric(STOPPED_PARTITIONS, &[]).unwrap(), 0.0);
    let cut = &dead_letters(&kafka, 1)[0].record;
    assert_eq!(cut.value.as_deref().unwrap(), &large.value.as_deref().unwrap()[..64 * 1024]);
    assert_eq!(cut.header("hearken-truncated"), Some("true"));
    assert_eq!((cut.header("hearken-offset"), cut.key.as_deref()), (Some("0"), large.key.as_deref()));

    // Small ones are not cut because of a large one beside them, or because all of them together are too large.
    let mut mixed: Vec<_> = (0..5).map(|_| malformed(1, 40_000)).collect();
    mixed.insert(2, malformed(1, 200_000));
    send(&kafka, &mixed);
    let found = dead_letters(&kafka, 1 + mixed.len());
    for (offset, sent) in (10..).zip(&mixed) {
        let offset: i32 = offset;
        let found = found.iter().map(|read| &read.record).find(|record| {
            record.header("hearken-partition") == Some("1")
                && record.header("hearken-offset") == Some(offset.to_string().as_str())
        });
        let found = found.unwrap_or_else(|| panic!("no dead letter for offset {offset}"));
        let is_cut = sent.value.as_ref().unwrap().len() > 100_000;
        assert_eq!(found.header("hearken-truncated").is_some(), is_cut);
        assert_eq!(found.value == sent.value, !is_cut);
    }
    let not_json = [("reason", "not_json")];
    wait_until(PATIENCE, "all dead letters to be counted", || {
        let counted = hearken.metric("hearken_ingest_dead_letters_total", &not_json).unwrap();
        counted == 1.0 + mixed.len() as f64
    });

    // A dead-letter topic that somebody deletes is created again where the brokers allow it.
    kafka.delete_topic(DEAD_LETTER_TOPIC).unwrap();
    send(&kafka, &[malformed(0, 10)]);
    wait_until(PATIENCE, "a dead letter in the new topic", || {
        read_all(&kafka.bootstrap_servers(), DEAD_LETTER_TOPIC).is_ok_and(|found| !found.is_empty())
    });
    hearken.wait_ready(PATIENCE).unwrap();
}

#[test]
fn a_broker_with_tls_and_scram_is_read_and_a_wrong_password_is_reported() {
    let kafka = engine_or_skip!(Kafka::start_secured("hearken", "a long secret"));
    kafka.create_topic(TOPIC, 1).unwrap();
    produce(&kafka, 0, 0..10);
    let (servers, certificate) = kafka.secured().unwrap();
    let config = |password: &str, ca: bool| {
        let ca = if ca { format!("\"ssl.ca.location\" = {certificate:?}\n") } else { String::new() };
        HearkenConfig {
            more: format!(
                "[kafka.librdkafka]\n\"security.protocol\" = \"SASL_SSL\"\n\"sasl.mechanism\" = \"SCRAM-SHA-512\"\n\
                 \"sasl.username\" = \"hearken\"\n\"sasl.password\" = \"{password}\"\n{ca}"
            ),
            ..HearkenConfig::for_kafka(&servers)
        }
    };
    let mut hearken = Hearken::start(&config("a long secret", true)).unwrap();
    hearken.wait_ready(PATIENCE).unwrap();
    wait_total(&hearken, 10);
    send(&kafka, &[malformed(0, 10)]); // the producer of dead letters has to log in as well
    dead_letters(&kafka, 1);

    for (refused, why) in [
        (config("a wrong secret", true), "Authentication failed"),
        (config("a long secret", false), "certificate verify failed"),
    ] {
        let mut hearken = Hearken::start(&refused).unwrap();
        wait_not_ready(&hearken, "no kafka broker could be reached for ");
        wait_not_ready(&hearken, why);
        assert!(hearken.log().contains(why), "{}", hearken.log());
        assert!(!hearken.log().contains("secret"), "a password is in the log");
        assert_eq!(total(&hearken, &[]), 0);
        hearken.terminate().unwrap();
    }
}

fn start(kafka: &Kafka) -> Hearken {
    let mut hearken = Hearken::start(&HearkenConfig::for_kafka(kafka.bootstrap_servers())).unwrap();
    hearken.wait_ready(PATIENCE).unwrap();
    hearken
}

fn produce(kafka: &Kafka, partition: i32, numbers: Range<i64>) {
    let records = numbers.map(|number| {
        let event = json!({"event": "interaction.started", "interaction_id": format!("i-{number}")});
        Record {
            partition,
            key: Some(format!("i-{number}").into_bytes()),
            value: Some(event.to_string().into_bytes()),
            headers: Vec::new(),
            timestamp_ms: 1_740_816_000_000 + number,
        }
    });
    send(kafka, &records.collect::<Vec<_>>());
}

/// Something that is not JSON.
fn malformed(partition: i32, size_bytes: usize) -> Record {
    let value: Vec<u8> = (0..size_bytes).map(|at| b'a' + (at % 23) as u8).collect();
    Record {
        partition,
        key: Some(b"some key".to_vec()),
        value: Some(value),
        headers: Vec::new(),
        timestamp_ms: 1_740_816_000_000,
    }
}

fn send(kafka: &Kafka, records: &[Record]) {
    let producer = Producer::new(&kafka.bootstrap_servers(), TOPIC).unwrap();
    for record in records {
        producer.send(record).unwrap();
    }
    producer.flush().unwrap();
}

/// Everything in the dead-letter topic, once there are letters of this many records.
#[track_caller]
fn dead_letters(kafka: &Kafka, num_records: usize) -> Vec<ReadRecord> {
    let mut found = Vec::new();
    wait_until(PATIENCE, "the dead letters", || {
        found = read_all(&kafka.bootstrap_servers(), DEAD_LETTER_TOPIC).unwrap_or_default();
        let mut sources: Vec<_> = found
            .iter()
            .map(|read| (read.record.header("hearken-partition"), read.record.header("hearken-offset")))
            .collect();
        sources.sort_unstable();
        sources.dedup();
        sources.len() >= num_records
    });
    found
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

#[track_caller]
fn wait_not_ready(hearken: &Hearken, why: &str) {
    wait_until(PATIENCE, &format!("readiness to say `{why}`"), || {
        hearken.get("/readyz").is_ok_and(|(status, body)| status == 503 && body.contains(why))
    });
}

/// Readiness names the partition, the reason and the command; so do a metric and a log line.
#[track_caller]
fn expect_stopped(hearken: &Hearken, reason: &str) {
    wait_not_ready(hearken, &format!("partition 0 of topic {TOPIC} is stopped"));
    wait_not_ready(hearken, reason);
    wait_not_ready(
        hearken,
        &format!("hearken index reset-offset --topic {TOPIC} --partition 0 --to earliest"),
    );
    assert_eq!(hearken.metric(STOPPED_PARTITIONS, &[]).unwrap(), 1.0);
    assert!(hearken.log().contains("stopped the partition"));
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
