//! Writes events to the topic that is read: a language model's answers, erasures, and events accepted over HTTP or from
//! files.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hearken_config::KafkaConfig;
use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, FutureProducer, FutureRecord};

use super::OutgoingRecord;
use super::consumer::Quiet;
use hearken_model::Timestamp;

/// How long a record may take; after that, the caller retries.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(30);

/// A producer created for its first record. Most servers seldom write one, and an idle producer is not free: rdkafka's
/// polling thread spins for the last millisecond of every poll, 0.6 % of a core. Clones share the connection.
#[derive(Clone)]
pub(super) struct LazyProducer {
    client: ClientConfig,
    producer: Arc<Mutex<Option<FutureProducer<Quiet>>>>,
}

impl LazyProducer {
    /// Settings that a producer refuses are an error here already, not only at the first record.
    pub(super) fn new(client: ClientConfig) -> Result<Self, KafkaError> {
        client.create::<BaseProducer>()?;
        Ok(LazyProducer { client, producer: Arc::default() })
    }

    pub(super) fn get(&self) -> Result<FutureProducer<Quiet>, KafkaError> {
        let mut producer = self.producer.lock().unwrap_or_else(PoisonError::into_inner);
        match &*producer {
            Some(producer) => Ok(producer.clone()),
            None => Ok(producer.insert(self.client.create_with_context(Quiet)?).clone()),
        }
    }
}

/// A producer for the first of the topics that are read.
#[derive(Clone)]
pub(crate) struct EventProducer {
    producer: LazyProducer,
    topic: String,
}

impl EventProducer {
    pub(crate) fn open(config: &KafkaConfig) -> Result<Self, KafkaError> {
        let mut client = super::client_config(config);
        client
            .set("acks", "all")
            .set("enable.idempotence", "true")
            .set("linger.ms", "0")
            .set("message.timeout.ms", DELIVERY_TIMEOUT.as_millis().to_string());
        if config.librdkafka.get("partitioner").is_none() {
            // Partitions by key as Java's clients do, so that an interaction mostly stays in one partition.
            client.set("partitioner", "murmur2_random");
        }
        let topic = config.topics.first().cloned().unwrap_or_default(); // the settings have at least one
        Ok(EventProducer { producer: LazyProducer::new(client)?, topic })
    }

    /// Writes a record and waits until all in-sync replicas have it.
    pub(crate) async fn write(&self, record: &OutgoingRecord) -> Result<(), KafkaError> {
        let mut headers = OwnedHeaders::new();
        for (key, value) in &record.headers {
            headers = headers.insert(Header { key, value: Some(value) });
        }
        let mut message = FutureRecord::<[u8], [u8]>::to(&self.topic).headers(headers);
        message.key = record.key.as_deref();
        message.payload = record.value.as_deref();
        message.timestamp = record.timestamp.map(Timestamp::as_millis);
        let delivery = self.producer.get()?.send_result(message).map_err(|(error, _)| error)?;
        match delivery.await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err((error, _))) => Err(error),
            Err(_) => Err(KafkaError::Canceled), // the producer was dropped before it answered
        }
    }
}
