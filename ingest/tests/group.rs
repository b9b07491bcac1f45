//! Several processes that write to one index as members of one consumer group; the in-process broker stands in for
//! Kafka, and an in-memory index for a cluster.

#![allow(clippy::unwrap_used)]

mod wait;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use hearken_analysis::Analyzer;
use hearken_billing::{Billing, BillingSettings};
use hearken_config::{IngestConfig, KafkaConfig, PrivacyConfig};
use hearken_geoip::GeoIp;
use hearken_index::{Access, Lookup};
use hearken_index_memory::{MemoryReader, MemoryStore};
use hearken_ingest::{
    Assignment, Deriver, InProcessBroker, Ingest, IngestMetrics, IngestParts, OutgoingRecord, Retention,
};
use hearken_model::{Document, InteractionId};
use prometheus::Registry;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde_json::json;
use wait::wait_for;

const TOPIC: &str = "interactions";
const DEAD_LETTERS: &str = "interactions.dlq";
const PARTITIONS: i32 = 4;
/// At each rebalance, this broker makes a new group wait for 3 s, and an existing group's members for a second less
/// than their session timeout.
const IMPATIENT: [(&str, &str); 2] = [("session.timeout.ms", "4000"), ("heartbeat.interval.ms", "100")];
const FOREVER: Duration = Duration::from_secs(1_000_000_000);

/// One process.
struct Member {
    ingest: Ingest,
    registry: Registry,
}

impl Member {
    fn start(
        broker: &InProcessBroker,
        assignment: Assignment,
        store: MemoryStore,
        reader: &MemoryReader,
    ) -> Member {
        let registry = Registry::new();
        let metrics = IngestMetrics::new(&registry).unwrap();
        let billing = Billing::new(BillingSettings::default());
        let ingest = Ingest::start(IngestParts {
            kafka: Some(KafkaConfig {
                bootstrap_servers: broker.bootstrap_servers(),
                topics: vec![TOPIC.into()],
                group_id: "hearken".into(),
                dead_letter_topic: DEAD_LETTERS.into(),
                librdkafka: InProcessBroker::CONSUMER_SETTINGS.into_iter().chain(IMPATIENT).collect(),
            }),
            assignment,
            log: None,
            config: IngestConfig { idle_timeout: FOREVER, ..IngestConfig::default() },
            privacy: PrivacyConfig::default(),
            retention: Retention::default(),
            geoip: GeoIp::empty(),
            deriver: Deriver::new(Analyzer::built_in(), billing, FOREVER, metrics.clone()),
            writer: Box::new(store),
            reader: Arc::new(reader.clone()),
            metrics,
        });
        Member { ingest: ingest.unwrap(), registry }
    }

    fn wait_ready(&self) {
        wait_for("readiness", || self.ingest.status().reasons().is_empty().then_some(()));
    }

    /// The partitions it reports a lag for: those it has.
    fn partitions(&self) -> BTreeSet<i32> {
        let families = self.registry.gather();
        let lag = families.iter().find(|family| family.name() == "hearken_ingest_lag_records");
        let metrics = lag.map(|family| family.get_metric()).unwrap_or_default();
        let labels = metrics.iter().flat_map(|metric| metric.get_label());
        labels
            .filter(|label| label.name() == "partition")
            .map(|label| label.value().parse().unwrap())
            .collect()
    }

    fn num_records(&self) -> u64 {
        let families = self.registry.gather();
        let records = families.iter().find(|family| family.name() == "hearken_ingest_records_total");
        let metrics = records.map(|family| family.get_metric()).unwrap_or_default();
        metrics.iter().map(|metric| metric.get_counter().get_value() as u64).sum()
    }
}

fn say(broker: &InProcessBroker, interaction: usize, message: usize) {
    let event = json!({"event": "interaction.message", "interaction_id": format!("i-{interaction}"),
        "message_id": format!("m-{message}"), "role": "user", "message": "hello", "at": "2026-05-01T12:00:00Z"});
    let record = OutgoingRecord {
        key: Some(format!("i-{interaction}").into_bytes()),
        value: Some(event.to_string().into_bytes()),
        partition: Some(i32::try_from(interaction).unwrap() % PARTITIONS),
        ..OutgoingRecord::default()
    };
    broker.produce(TOPIC, &record).unwrap();
}

fn document(reader: &MemoryReader, interaction: usize) -> Option<Document> {
    let id = InteractionId::try_new(format!("i-{interaction}")).unwrap();
    Lookup::get(reader, &id, &Access::All).unwrap()
}

fn wait_messages(reader: &MemoryReader, num_messages: usize) {
    for interaction in 0..8 {
        wait_for("all messages", || {
            let found = document(reader, interaction).map_or(0, |document| document.state.messages.len());
            (found == num_messages).then_some(())
        });
    }
}

/// Where the group would resume.
fn committed(broker: &InProcessBroker) -> Vec<Offset> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", broker.bootstrap_servers())
        .set("group.id", "hearken")
        .create()
        .unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_range(TOPIC, 0, PARTITIONS - 1);
    let committed = consumer.committed_offsets(list, Duration::from_secs(10)).unwrap();
    committed.elements().iter().map(|element| element.offset()).collect()
}

#[test]
fn partitions_move_between_processes_and_every_event_is_in_the_index_once() {
    let _ = tracing_subscriber::fmt().with_env_filter("hearken_ingest=debug").with_test_writer().try_init();
    let broker = InProcessBroker::start(&[TOPIC, DEAD_LETTERS], PARTITIONS).unwrap();
    let (store, reader) = hearken_index_memory::open();
    let another = || store.another_writer();
    let all: BTreeSet<i32> = (0..PARTITIONS).collect();
    let say_to_all = |message| (0..8).for_each(|interaction| say(&broker, interaction, message));

    say_to_all(0);
    let first = Member::start(&broker, Assignment::ByGroup, another(), &reader);
    wait_messages(&reader, 1);
    first.wait_ready();
    assert_eq!(first.partitions(), all);
    // This broker, unlike Kafka, refuses a commit while the group rebalances.
    wait_for("the first commit", || (committed(&broker) == vec![Offset::Offset(2); 4]).then_some(()));

    // Another process takes some partitions, and resumes where the first one stopped.
    let second = Member::start(&broker, Assignment::ByGroup, another(), &reader);
    wait_for("the second process to have its share", || (second.partitions().len() == 2).then_some(()));
    wait_for("the first one to have given them up", || {
        first.partitions().is_disjoint(&second.partitions()).then_some(())
    });
    say_to_all(1);
    wait_messages(&reader, 2);
    second.wait_ready();
    assert_eq!((first.num_records(), second.num_records()), (12, 4), "nothing was read twice");

    // It gets the rest when the first one ends.
    first.ingest.stop().unwrap();
    wait_for("the second process to have all", || (second.partitions() == all).then_some(()));
    say_to_all(2);
    wait_messages(&reader, 3);
    assert_eq!(second.num_records(), 12);
    second.ingest.stop().unwrap();
    assert_eq!(committed(&broker), vec![Offset::Offset(6); 4]);

    // A process that reads nothing can still erase, whoever wrote the interaction last.
    let reads_nothing = Member::start(&broker, Assignment::Nothing, another(), &reader);
    reads_nothing.wait_ready();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let id = InteractionId::try_new("i-0").unwrap();
    runtime.block_on(reads_nothing.ingest.eraser().erase(std::slice::from_ref(&id))).unwrap();
    assert!(document(&reader, 0).unwrap().state.erased);
    assert_eq!(reads_nothing.num_records(), 0);
    reads_nothing.ingest.stop().unwrap();

    // A group that comes back resumes where it was: the erasure is on the topic, too.
    let third = Member::start(&broker, Assignment::ByGroup, another(), &reader);
    third.wait_ready();
    assert_eq!(third.num_records(), 1);
    third.ingest.stop().unwrap();
}
