//! The Kafka that a run goes through.

use anyhow::{Context, Result};
use hearken_tests::engines::Kafka;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

/// The topic that Hearken reads.
pub(crate) const TOPIC: &str = "interactions";
/// Partitions of the topic.
pub(crate) const NUM_PARTITIONS: i32 = 4;
const DEAD_LETTER_TOPIC: &str = "interactions.dlq";
/// The in-process broker keeps about 5 MB a partition and forgets what is older; this many dialogues fit.
const IN_PROCESS_INTERACTIONS_MAX: usize = 800;

/// A running broker with the two topics.
pub(crate) enum Broker {
    /// Apache Kafka, a process of its own.
    Apache(Kafka),
    /// The broker inside librdkafka, threads of this process.
    InProcess(MockCluster<'static, DefaultProducerContext>),
}

impl Broker {
    /// Starts Apache Kafka, or, after a line that says why not, the broker inside librdkafka.
    pub(crate) fn start() -> Result<Broker> {
        eprintln!("starting Apache Kafka");
        match Kafka::start() {
            Ok(kafka) => {
                kafka.create_topic(TOPIC, NUM_PARTITIONS)?;
                kafka.create_topic(DEAD_LETTER_TOPIC, 1)?;
                Ok(Broker::Apache(kafka))
            }
            Err(missing) => {
                eprintln!("{missing}; the broker inside librdkafka serves instead");
                let cluster = MockCluster::new(1).context("cannot start the in-process broker")?;
                cluster.create_topic(TOPIC, NUM_PARTITIONS, 1)?;
                cluster.create_topic(DEAD_LETTER_TOPIC, 1, 1)?;
                Ok(Broker::InProcess(cluster))
            }
        }
    }

    /// What it is, for the report.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Broker::Apache(_) => "Apache Kafka 4.1.0, one broker on this machine",
            Broker::InProcess(_) => {
                "the broker inside librdkafka, in this process (no real Kafka was available)"
            }
        }
    }

    /// Its process, if it has one of its own.
    pub(crate) fn process_id(&self) -> Option<u32> {
        match self {
            Broker::Apache(kafka) => kafka.process_id(),
            Broker::InProcess(_) => None,
        }
    }

    /// What clients connect to.
    pub(crate) fn bootstrap_servers(&self) -> String {
        match self {
            Broker::Apache(kafka) => kafka.bootstrap_servers(),
            Broker::InProcess(cluster) => cluster.bootstrap_servers(),
        }
    }

    /// How many interactions a run may have without losing any.
    pub(crate) fn interactions_max(&self) -> usize {
        match self {
            Broker::Apache(_) => usize::MAX,
            Broker::InProcess(_) => IN_PROCESS_INTERACTIONS_MAX,
        }
    }
}
