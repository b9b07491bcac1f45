//! Kafka: the event source, the dead letters and the offsets for lag tools. Only this module names rdkafka.
//!
//! If the index belongs to this process alone, partitions are assigned by hand from the index's checkpoint: a rebalance
//! would move partitions away from their data. Offsets are still committed to the group once durable, so that the usual
//! lag tools show the truth. If several processes write to one index, the group assigns partitions, and the committed
//! offsets are the truth: see [`Assignment`](crate::source::Assignment).

mod anchors;
mod broker;
mod consumer;
mod dead_letters;
mod producer;
mod reader;
mod source;

pub use broker::{InProcessBroker, OutgoingRecord};
pub(crate) use dead_letters::DeadLetters;
pub(crate) use producer::EventProducer;
pub use rdkafka::error::KafkaError;
pub(crate) use source::KafkaSource;

use hearken_config::KafkaConfig;
use rdkafka::ClientConfig;

/// The settings common to producer and consumer: the brokers, and the operator's settings, passed through.
fn client_config(config: &KafkaConfig) -> ClientConfig {
    let mut client = ClientConfig::new();
    for (name, value) in config.librdkafka.iter() {
        client.set(name, value);
    }
    client.set("bootstrap.servers", &config.bootstrap_servers);
    if config.librdkafka.get("client.id").is_none() {
        client.set("client.id", "hearken");
    }
    client
}
