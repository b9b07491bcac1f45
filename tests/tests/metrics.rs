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
fn metrics_count_every_record_and_say_how_far_it_is_durable() {
    let mut stack = Stack::start();
    stack.send_messages(10);
    stack.send(b"{not json".to_vec());
    stack.send(b"{\"event\": \"interaction.rated\", \"interaction_id\": \"i\", \"rating\": 6}".to_vec());
    stack.send(b"{\"event\": \"interaction.sung\", \"interaction_id\": \"i\"}".to_vec());
    stack.send(Vec::new());
    stack.producer.flush().unwrap();
    let metric = |name: &str, labels: &[(&str, &str)]| stack.hearken.metric(name, labels).unwrap();
    let dead_letters = |reason| metric("hearken_ingest_dead_letters_total", &[("reason", reason)]);
    wait_until(PATIENCE, "every record to be durable", || {
        metric("hearken_ingest_durable_offset", &[]) == 14.0
            && metric("hearken_ingest_lag_records", &[]) == 0.0
            && metric("hearken_ingest_durable_lag_records", &[]) == 0.0
    });
    for reason in ["not_json", "invalid_value", "unknown_type", "empty"] {
        assert_eq!(dead_letters(reason), 1.0, "{reason}");
    }
    assert_eq!(metric("hearken_ingest_dead_letters_total", &[]), 4.0);
    assert_eq!(metric("hearken_ingest_records_total", &[("outcome", "dead_letter")]), 4.0);
    assert_eq!(metric("hearken_ingest_records_total", &[("outcome", "applied")]), 10.0);
    for partition in ["0", "1"] {
        assert_eq!(metric("hearken_ingest_durable_offset", &[("partition", partition)]), 7.0);
        assert_eq!(metric("hearken_ingest_stopped_partitions", &[("partition", partition)]), 0.0);
    }
    assert_eq!(metric("hearken_index_documents", &[]), 10.0);
    assert_eq!(metric("hearken_ingest_replayed_records_total", &[]), 0.0);
    assert_eq!(metric("hearken_ingest_freshness_seconds_count", &[]), 10.0);
    for at_least_once in
        ["hearken_index_refresh_seconds_count", "hearken_index_flush_seconds_count", "hearken_index_segments"]
    {
        assert!(metric(at_least_once, &[]) >= 1.0, "{at_least_once}");
    }
    assert!(metric("hearken_index_bytes", &[]) > 0.0);
    let (_, page) = stack.hearken.get("/metrics").unwrap();
    for family in ["hearken_index_live_bytes", "hearken_index_merges"] {
        assert!(has_samples(&page, family), "{family}");
    }
}

#[test]
fn metrics_are_clean_and_hold_every_metric_that_the_rules_name() {
    let mut stack = Stack::start();
    stack.send_messages(1);
    wait_until(PATIENCE, "the record to be durable", || {
        stack.hearken.search(&[("q", "hello")]).is_ok_and(|answer| answer["total"] == 1)
            && stack.hearken.metric("hearken_ingest_durable_offset", &[]).unwrap() == 1.0
    });
    let (status, metrics) = stack.hearken.get("/metrics").unwrap();
    assert_eq!(status, 200);

    let rules = std::fs::read_to_string(workspace_root().join("ops/prometheus/rules.yml")).unwrap();
    for name in metric_names(&rules) {
        assert!(
            has_samples(&metrics, &name),
            "ops/prometheus/rules.yml names `{name}`, which /metrics does not have"
        );
    }
    let queries = dashboard_queries();
    assert!(queries.len() > 20, "{queries:?}");
    for query in &queries {
        for name in metric_names(query) {
            assert!(
                has_samples(&metrics, &name),
                "ops/grafana/hearken.json names `{name}`, which /metrics does not have"
            );
        }
    }
    let dashboard = queries.join("\n");
    let families = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    for family in families.filter(|family| !["hearken_build_info"].contains(family)) {
        assert!(
            dashboard.contains(family) || family.starts_with("hearken_enrich_"),
            "no panel shows `{family}`"
        );
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
            let id = format!("interaction-{}", self.num_sent);
            let event = json!({"event": "interaction.message", "interaction_id": id, "id": "m1",
                               "role": "user", "message": "hello"});
            self.send(event.to_string().into_bytes());
        }
        self.producer.flush().unwrap();
    }

    /// Sends one record to the partitions in turn.
    fn send(&mut self, value: Vec<u8>) {
        self.num_sent += 1;
        let record = Record {
            partition: (self.num_sent % 2) as i32,
            key: Some(format!("key-{}", self.num_sent).into_bytes()),
            value: Some(value),
            headers: Vec::new(),
            timestamp_ms: 1_760_000_000_000 + self.num_sent as i64,
        };
        self.producer.send(&record).unwrap();
    }
}

/// Whether a metric of this name, or a histogram's part, has a sample.
fn has_samples(metrics: &str, name: &str) -> bool {
    metrics.lines().any(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])))
}

/// The queries of all panels of `ops/grafana/hearken.json`.
fn dashboard_queries() -> Vec<String> {
    let dashboard = std::fs::read_to_string(workspace_root().join("ops/grafana/hearken.json")).unwrap();
    let dashboard: serde_json::Value = serde_json::from_str(&dashboard).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    targets.map(|target| target["expr"].as_str().unwrap().to_owned()).collect()
}

/// Words of the rules that begin with the prefix; a histogram's parts are looked for as they are.
fn metric_names(rules: &str) -> Vec<String> {
    let words = rules.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':');
    let mut names: Vec<_> = words.filter(|word| word.starts_with("hearken_")).map(str::to_owned).collect();
    names.sort();
    names.dedup();
    names
}
