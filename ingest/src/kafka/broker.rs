//! The broker built into librdkafka, for the demo and the quick tests: no process, and the real protocol on a loopback
//! port.

use std::time::Duration;

use hearken_model::Timestamp;
use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};

/// A broker in this process, and a producer for it. It keeps about 5 MB per partition, and loses everything when
/// dropped.
pub struct InProcessBroker {
    producer: ThreadedProducer<DefaultProducerContext>,
    cluster: MockCluster<'static, DefaultProducerContext>,
}

/// A record to produce.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OutgoingRecord {
    /// The key, which decides the partition unless one is named.
    pub key: Option<Vec<u8>>,
    /// The value; `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Headers in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The record's timestamp; `None` means now.
    pub timestamp: Option<Timestamp>,
    /// The partition; `None` lets the key decide.
    pub partition: Option<i32>,
}

impl InProcessBroker {
    /// What a consumer of this broker must set. The broker answers an empty fetch only when its time is up, whatever
    /// arrives meanwhile.
    pub const CONSUMER_SETTINGS: [(&str, &str); 1] = [("fetch.wait.max.ms", "5")];

    /// Starts a broker with these topics.
    ///
    /// # Errors
    /// librdkafka cannot start it, for instance because no port is free.
    pub fn start(topics: &[&str], partitions: i32) -> Result<Self, KafkaError> {
        let cluster = MockCluster::new(1)?;
        for topic in topics {
            cluster.create_topic(topic, partitions, 1)?;
        }
        let producer = ClientConfig::new()
            .set("bootstrap.servers", cluster.bootstrap_servers())
            .set("linger.ms", "2")
            .create()?;
        Ok(InProcessBroker { producer, cluster })
    }

    /// `host:port` of the broker.
    pub fn bootstrap_servers(&self) -> String {
        self.cluster.bootstrap_servers()
    }

    /// Produces one record; waits while the producer's own queue is full.
    ///
    /// # Errors
    /// The record cannot be produced, for instance because it is too large.
    pub fn produce(&self, topic: &str, record: &OutgoingRecord) -> Result<(), KafkaError> {
        loop {
            let mut headers = OwnedHeaders::new();
            for (key, value) in &record.headers {
                headers = headers.insert(Header { key, value: Some(value) });
            }
            let mut outgoing = BaseRecord::<[u8], [u8]>::to(topic).headers(headers);
            outgoing.key = record.key.as_deref();
            outgoing.payload = record.value.as_deref();
            outgoing.partition = record.partition;
            outgoing.timestamp = record.timestamp.map(Timestamp::as_millis);
            match self.producer.send(outgoing) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                    self.producer.flush(Duration::from_millis(100)).ok(); // the next round shows if it is still full
                }
                Err((error, _)) => return Err(error),
            }
        }
    }

    /// Waits until everything produced so far is on the broker.
    ///
    /// # Errors
    /// It takes longer than `timeout`.
    pub fn flush(&self, timeout: Duration) -> Result<(), KafkaError> {
        self.producer.flush(timeout)
    }
}
