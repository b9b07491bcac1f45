//! Analysis by a language model, end to end on Apache Kafka: asked once, kept as an event, found like everything else.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use hearken_tests::engines::Kafka;
use hearken_tests::kafka_io::{Producer, ReadRecord, Record, read_all};
use hearken_tests::llm_server::{LlmReply, LlmServer};
use hearken_tests::{Hearken, HearkenConfig, engine_or_skip, wait_until};
use serde_json::{Value, json};

const TOPIC: &str = "interactions";
const PATIENCE: Duration = Duration::from_secs(120);
const KEY: &str = "sk-secret-4711";

/// A server with a language model that costs a dollar for a thousand tokens, whatever they are.
fn config(kafka: &Kafka, llm: &LlmServer) -> HearkenConfig {
    let mut config = HearkenConfig::for_kafka(kafka.bootstrap_servers());
    config.more = format!(
        "[analysis]\nengine = \"openai\"\n[analysis.openai]\nurl = \"{}\"\nmodel = \"a-model\"\n\
         api_key_file = \"key\"\nbudget_per_day = \"100\"\n[log]\nlevel = \"debug\"\n\
         [[billing.prices]]\nmodel = \"a-model\"\ninput_per_million = \"1000\"\noutput_per_million = \"1000\"\n",
        llm.url()
    );
    config.files = vec![("key".into(), KEY.into())];
    config
}

fn send(kafka: &Kafka, id: &str, events: &[Value]) {
    let producer = Producer::new(&kafka.bootstrap_servers(), TOPIC).unwrap();
    for (n, event) in (0..).zip(events) {
        let mut event = event.clone();
        event["interaction_id"] = id.into();
        let record = Record {
            partition: n % 2,
            key: Some(id.as_bytes().to_vec()),
            value: Some(event.to_string().into_bytes()),
            headers: Vec::new(),
            timestamp_ms: 1_777_636_800_000 + i64::from(n),
        };
        producer.send(&record).unwrap();
    }
    producer.flush().unwrap();
}

/// A conversation that ends.
fn converse(kafka: &Kafka, id: &str, said: &str) {
    let events = [
        json!({"event": "interaction.started", "type": "text_chat", "time": "2026-05-01T12:00:00Z"}),
        json!({"event": "interaction.message", "role": "user", "message": said, "at": "2026-05-01T12:00:01Z"}),
        json!({"event": "interaction.message", "role": "assistant", "message": "I am sorry, it cannot be found.",
               "at": "2026-05-01T12:00:09Z"}),
        json!({"event": "interaction.ended", "end_time": "2026-05-01T12:01:00Z"}),
    ];
    send(kafka, id, &events);
}

fn interaction(hearken: &Hearken, id: &str) -> Value {
    hearken.get_json(&format!("/v1/interactions/{id}")).unwrap_or_default()
}

#[track_caller]
fn wait_analysed_by(hearken: &Hearken, id: &str, by: &str) -> Value {
    wait_until(PATIENCE, "the analysis", || interaction(hearken, id)["analysis"]["by"] == by);
    interaction(hearken, id)
}

/// The answers in the topic.
fn answers(kafka: &Kafka) -> Vec<ReadRecord> {
    let mut records = read_all(&kafka.bootstrap_servers(), TOPIC).unwrap();
    records.retain(|read| {
        read.record
            .value
            .as_ref()
            .is_some_and(|value| String::from_utf8_lossy(value).contains("interaction.analyzed"))
    });
    records
}

#[test]
fn a_models_answer_is_found_costs_and_comes_back_from_kafka_without_asking_again() {
    let kafka = engine_or_skip!(Kafka::start());
    kafka.create_topic(TOPIC, 2).unwrap();
    kafka.create_topic("interactions.dlq", 1).unwrap();
    let llm = LlmServer::start([LlmReply::error(500, &[])], LlmReply::analysis("Zebra parcels")).unwrap();
    let mut hearken = Hearken::start(&config(&kafka, &llm)).unwrap();
    hearken.wait_ready(PATIENCE).unwrap();
    converse(&kafka, "i-1", "Where is my parcel? It should have been here a week ago!");

    let found = wait_analysed_by(&hearken, "i-1", "a-model");
    assert_eq!(found["topics_summary"]["topic"], "Zebra parcels");
    assert_eq!(found["topics_summary"]["keywords"], json!(["zebra parcel", "lost delivery"]));
    assert_eq!((&found["csat"], &found["status"]), (&json!(1), &json!("finished")));
    assert_eq!(found["total_costs"]["analysis"], "1.05");
    assert_eq!(found["total_costs"]["amount"], "1.05");
    let hits =
        hearken.search(&[("q", "summary:zebra"), ("facets", "topic,sentiment,csat,keywords")]).unwrap();
    assert_eq!(hits["total"], 1);
    assert_eq!(hits["facets"]["topic"], json!([{"value": "Zebra parcels", "count": 1}]));
    assert_eq!(hits["facets"]["keywords"][0]["count"], 1);
    assert_eq!(hits["facets"]["csat"], json!([{"value": 1, "count": 1}]));
    assert_eq!(llm.requests().len(), 2, "an error and an answer");
    wait_until(PATIENCE, "the metric", || {
        let labels = [("engine", "openai"), ("outcome", "ok")];
        hearken.metric("hearken_analysis_total", &labels).is_ok_and(|asked| asked == 1.0)
    });

    let answers = answers(&kafka);
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].record.key.as_deref(), Some(b"i-1".as_slice()));
    let event: Value = serde_json::from_slice(answers[0].record.value.as_ref().unwrap()).unwrap();
    assert_eq!(event["type"], "interaction.analyzed");
    assert_eq!(event["data"]["analysis"]["by"], "a-model");

    // Killed, and the index is gone: everything comes back from the topic, this answer included.
    assert!(!hearken.log().contains(KEY), "the key is in no log");
    hearken.kill();
    std::fs::remove_dir_all(hearken.dir().join("index")).unwrap();
    hearken.restart().unwrap();
    hearken.wait_ready(PATIENCE).unwrap();
    assert_eq!(interaction(&hearken, "i-1"), found);
    // Another conversation is asked about, so that the first had its chance to be asked about again.
    converse(&kafka, "i-2", "I want a refund for this order, please.");
    wait_analysed_by(&hearken, "i-2", "a-model");
    assert_eq!(llm.requests().len(), 3);
    hearken.terminate().unwrap();
    for request in llm.requests() {
        assert!(request.headers.iter().any(|line| line.ends_with(KEY)), "the key arrives");
    }
}

#[test]
fn a_server_that_answers_only_garbage_changes_nothing() {
    let kafka = engine_or_skip!(Kafka::start());
    kafka.create_topic(TOPIC, 2).unwrap();
    kafka.create_topic("interactions.dlq", 1).unwrap();
    let llm = LlmServer::start([], LlmReply::Http(200, Vec::new(), "<html>welcome</html>".into())).unwrap();
    let mut hearken = Hearken::start(&config(&kafka, &llm)).unwrap();
    hearken.wait_ready(PATIENCE).unwrap();
    converse(&kafka, "i-1", "Where is my parcel? It should have been here a week ago!");
    wait_until(PATIENCE, "the garbage to be counted", || {
        let labels = [("engine", "openai"), ("outcome", "garbage")];
        hearken.metric("hearken_analysis_total", &labels).is_ok_and(|asked| asked == 1.0)
    });
    let found = interaction(&hearken, "i-1");
    assert_eq!(found["analysis"]["by"], "built-in");
    assert!(found["csat"].is_number() && found["topics_summary"]["sentiment"].is_string());
    assert_eq!(found["total_costs"]["analysis"], Value::Null);
    assert!(answers(&kafka).is_empty());
    hearken.terminate().unwrap();
}
