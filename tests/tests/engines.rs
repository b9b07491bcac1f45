//! The engines themselves: that each starts, answers, and comes back with its data.
#![allow(clippy::unwrap_used)]

use hearken_tests::engine_or_skip;
use hearken_tests::engines::{Kafka, OpenSearch, Prometheus, chromium, promtool};
use hearken_tests::kafka_io::{Producer, Record, num_records, read_all};
use hearken_tests::wait_until;
use serde_json::{Value, json};
use std::time::Duration;

#[test]
fn kafka_gives_records_back_unchanged_also_after_a_restart_and_a_crash() {
    let mut kafka = engine_or_skip!(Kafka::start());
    kafka.create_topic("things", 2).unwrap();
    let record = |partition: i32, value: Option<&str>| Record {
        partition,
        key: Some(b"key".to_vec()),
        value: value.map(|value| value.as_bytes().to_vec()),
        headers: vec![("a".into(), Some(vec![0xff])), ("a".into(), None), ("b".into(), Some(Vec::new()))],
        timestamp_ms: 1_000,
    };
    let records = [record(0, Some("one")), record(1, None), record(1, Some(""))];
    let producer = Producer::new(&kafka.bootstrap_servers(), "things").unwrap();
    for record in &records {
        producer.send(record).unwrap();
    }
    producer.flush().unwrap();

    let read = || read_all(&kafka.bootstrap_servers(), "things").unwrap();
    let found = read();
    assert_eq!(found.iter().map(|read| read.record.clone()).collect::<Vec<_>>(), records);
    assert_eq!(found.iter().map(|read| read.offset).collect::<Vec<_>>(), [0, 0, 1]);

    kafka.restart().unwrap();
    kafka.kill();
    kafka.restart().unwrap();
    // A broker that has just come back elects leaders first.
    wait_until(Duration::from_secs(60), "the records of before the crash", || {
        num_records(&kafka.bootstrap_servers(), "things").is_ok_and(|count| count == 3)
    });
}

#[test]
fn prometheus_scrapes_its_target_and_answers_queries() {
    let page = "# HELP things_total Things.\n# TYPE things_total counter\nthings_total 7\n";
    let target = serve_forever(page);
    let prometheus = engine_or_skip!(Prometheus::start(&target, &[]));
    wait_until(Duration::from_secs(60), "the scraped value in Prometheus", || {
        prometheus.query_value("things_total").is_ok_and(|value| value == 7.0)
    });
    assert!(prometheus.query("things_total{").is_err());
    assert!(engine_or_skip!(promtool(&["check", "metrics"], page)).status.success());
    assert!(!engine_or_skip!(promtool(&["check", "metrics"], "Things 1\n")).status.success());
}

#[test]
fn opensearch_finds_what_was_indexed_also_after_a_crash() {
    let mut node = engine_or_skip!(OpenSearch::start());
    let client = reqwest::blocking::Client::new();
    let url = format!("{}/things/_doc/1?refresh=true", node.base_url());
    let answer = client.put(url).json(&json!({"text": "a small thing"})).send().unwrap();
    assert!(answer.status().is_success(), "{:?}", answer.text());
    node.kill();
    node.restart().unwrap();
    let url = format!("{}/things/_search?q=text:small", node.base_url());
    let found: Value = client.get(url).send().unwrap().json().unwrap();
    assert_eq!(found.pointer("/hits/total/value"), Some(&json!(1)), "{found}");
}

#[test]
fn chromium_is_found_with_its_version() {
    let chromium = engine_or_skip!(chromium::find());
    assert!(chromium.version.starts_with("Chromium "), "{chromium:?}");
}

/// A server on loopback that answers every request with `body`, until the test process ends.
fn serve_forever(body: &'static str) -> String {
    use std::io::{BufRead as _, BufReader, Write as _};
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let head =
                BufReader::new(&stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
            head.for_each(drop);
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
        }
    });
    address
}
