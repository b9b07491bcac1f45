//! The pages in a real browser: what `browser/pages.mjs` checks, against the real binary fed through Kafka's protocol.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use hearken_tests::engine_or_skip;
use hearken_tests::engines::{chromium, node};
use hearken_tests::hearken::{Hearken, HearkenConfig, workspace_root};
use hearken_tests::kafka_io::{Producer, Record};
use rdkafka::mocking::MockCluster;
use serde_json::Value;

#[test]
fn the_pages_work_in_a_browser() {
    let chromium = engine_or_skip!(chromium::find());
    let program = engine_or_skip!(node::installed(&workspace_root().join("tests/browser")));
    let broker = MockCluster::new(1).unwrap();
    broker.create_topic("interactions", 1, 1).unwrap();
    let config = HearkenConfig::for_in_process_broker(broker.bootstrap_servers());
    let http = "recording_hosts = [\"calls.example\"]".to_owned();
    let mut hearken = Hearken::start(&HearkenConfig { http, ..config }).unwrap();
    hearken.wait_ready(Duration::from_secs(60)).unwrap();
    let producer = Producer::new(&broker.bootstrap_servers(), "interactions").unwrap();

    let mut script = Command::new("node")
        .args(["pages.mjs", hearken.base_url()])
        .arg(&chromium.path)
        .current_dir(program)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    for line in BufReader::new(script.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        match line.strip_prefix("send ") {
            Some(event) => producer.send(&record(event)).unwrap(), // sent within milliseconds
            None => eprintln!("{line}"),
        }
    }
    producer.flush().unwrap();
    assert!(script.wait().unwrap().success(), "the checks that failed are named above");
}

/// An event as the bare JSON record of its interaction.
fn record(event: &str) -> Record {
    let parsed: Value = serde_json::from_str(event).unwrap();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Record {
        partition: 0,
        key: parsed["interaction_id"].as_str().map(|id| id.as_bytes().to_vec()),
        value: Some(event.as_bytes().to_vec()),
        headers: Vec::new(),
        timestamp_ms: i64::try_from(now.as_millis()).unwrap(),
    }
}
