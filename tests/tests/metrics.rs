//! What the server reports of itself: scraped by a real Prometheus, checked by promtool.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use hearken_tests::engines::{Prometheus, promtool};
use hearken_tests::hearken::workspace_root;
use hearken_tests::kafka_io::{Producer, Record};
use hearken_tests::{Hearken, HearkenConfig, engine_or_skip, wait_until};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use serde_json::json;

const TOPIC: &str = "interactions";
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn prometheus_knows_the_ingest_rate_and_the_rules_of_ops_work_on_it() {
    let rules = workspace_root().join("ops/prometheus/rules.yml");
    let mut stack = Stack::start();
    let target = stack.hearken.base_url().trim_start_matches("http://").to_owned();
    let prometheus = engine_or_skip!(Prometheus::start(&target, &[&rules]));

    wait_until(PATIENCE, "an ingest rate above zero in Prometheus", || {
        stack.send_messages(10);
        let rate = "sum(rate(hearken_ingest_records_total{outcome=\"applied\"}[10s]))";
        prometheus.query_value(rate).is_ok_and(|rate| rate > 0.0)
    });
    let num_sent = stack.num_sent as f64;
    wait_until(PATIENCE, "every record to be counted in Prometheus", || {
        prometheus.query_value("sum(hearken_ingest_records_total)").is_ok_and(|count| count == num_sent)
    });
    wait_until(PATIENCE, "the recorded ingest rate", || {
        prometheus.query_value("sum(hearken:ingest_records:rate1m)").is_ok_and(|rate| rate > 0.0)
    });
}

#[test]
fn metrics_are_clean_and_hold_every_metric_that_the_rules_name() {
    let mut stack = Stack::start();
    stack.send_messages(1);
    wait_until(PATIENCE, "the record to be found", || {
        stack.hearken.search(&[("q", "hello")]).is_ok_and(|answer| answer["total"] == 1)
    });
    let (status, metrics) = stack.hearken.get("/metrics").unwrap();
    assert_eq!(status, 200);

    let rules = std::fs::read_to_string(workspace_root().join("ops/prometheus/rules.yml")).unwrap();
    for name in metric_names(&rules) {
        assert!(
            metrics.contains(&name),
            "ops/prometheus/rules.yml names `{name}`, which /metrics does not have"
        );
    }
    let families =
        ["hearken_ingest_records_total", "hearken_index_documents", "hearken_http_request_duration_seconds"];
    for family in families {
        assert!(metrics.contains(&format!("# TYPE {family} ")), "no family `{family}`");
    }

    let checked = engine_or_skip!(promtool(&["check", "metrics"], &metrics));
    let said =
        String::from_utf8_lossy(&checked.stdout).into_owned() + &String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success() && said.trim().is_empty(), "promtool check metrics says:\n{said}");
}

/// A server that reads from the in-process broker.
struct Stack {
    hearken: Hearken,
    producer: Producer,
    num_sent: u64,
    _cluster: MockCluster<'static, DefaultProducerContext>,
}

impl Stack {
    fn start() -> Stack {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic(TOPIC, 2, 1).unwrap();
        cluster.create_topic("interactions.dlq", 1, 1).unwrap();
        let producer = Producer::new(&cluster.bootstrap_servers(), TOPIC).unwrap();
        let mut hearken = Hearken::start(&HearkenConfig::for_kafka(cluster.bootstrap_servers())).unwrap();
        hearken.wait_ready(PATIENCE).unwrap();
        Stack { hearken, producer, num_sent: 0, _cluster: cluster }
    }

    fn send_messages(&mut self, num: u64) {
        for _ in 0..num {
            self.num_sent += 1;
            let id = format!("interaction-{}", self.num_sent);
            let event = json!({"event": "interaction.message", "interaction_id": id, "id": "m1",
                               "role": "user", "message": "hello"});
            let record = Record {
                partition: (self.num_sent % 2) as i32,
                key: Some(id.into_bytes()),
                value: Some(event.to_string().into_bytes()),
                headers: Vec::new(),
                timestamp_ms: 1_760_000_000_000 + self.num_sent as i64,
            };
            self.producer.send(&record).unwrap();
        }
        self.producer.flush().unwrap();
    }
}

/// Words of the rules that begin with the prefix; a histogram's parts are looked for as they are.
fn metric_names(rules: &str) -> Vec<String> {
    let words = rules.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':');
    let mut names: Vec<_> = words.filter(|word| word.starts_with("hearken_")).map(str::to_owned).collect();
    names.sort();
    names.dedup();
    names
}
