//! Erasures that are asked for here, and not by an event in the stream.
//!
//! With Kafka an `interaction.erased` is written first, so that anything that reads the topics again, such as Hearken with an empty index
//! among them, honours it. Then the pipeline replaces the documents with tombstones, and answers when they are
//! durable.

use std::time::Duration;

use crossbeam_channel::Sender;
use futures::channel::oneshot;
use futures::future::try_join_all;
use hearken_config::KafkaConfig;
use hearken_model::{InteractionId, Timestamp};
use serde_json::json;
use uuid::Uuid;

use crate::kafka::{EventProducer, KafkaError, OutgoingRecord};
use crate::log::LocalLog;
use crate::pipeline::now;

/// Interactions that are erased, and made durable, together.
const BATCH_SIZE: usize = 1_000;
/// How long the local log may take to remove a file whose events are in the index.
const LOG_PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// Asks the pipeline to erase. Clones ask the same one.
#[derive(Clone)]
pub struct Eraser {
    orders: Sender<ErasureOrder>,
    kafka: Option<(EventProducer, Vec<String>)>,
    log: Option<LocalLog>,
}

/// What the pipeline is asked for.
pub(crate) struct ErasureOrder {
    pub(crate) ids: Vec<InteractionId>,
    /// Receives whether it is durable, or why not; dropped when the pipeline had to start again before.
    pub(crate) answer: oneshot::Sender<Result<(), String>>,
}

/// Why something could not be erased. It is safe to ask again.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// Brokers do not take the event that tells other readers of the topics.
    #[error(
        "`interaction.erased` could not be written to kafka, so nothing was erased; try again when the brokers can be reached"
    )]
    Kafka(#[from] KafkaError),
    /// The index could not make it durable.
    #[error("the erasure is not durable ({0}); try again")]
    Index(String),
    /// The local log still has events of that time.
    #[error("the local log still holds events of that time, which the index does not have yet")]
    Log,
    /// The pipeline restarted or has ended.
    #[error("ingest had to start over before the erasure was durable; try again")]
    Interrupted,
}

impl Eraser {
    pub(crate) fn new(
        orders: Sender<ErasureOrder>,
        kafka: Option<&KafkaConfig>,
        log: Option<LocalLog>,
    ) -> Result<Self, KafkaError> {
        let producer =
            |kafka: &KafkaConfig| Ok::<_, KafkaError>((EventProducer::open(kafka)?, kafka.topics.clone()));
        Ok(Eraser { orders, kafka: kafka.map(producer).transpose()?, log })
    }

    /// Erases these interactions: when it returns they are in no search result, and no crash brings them back.
    ///
    /// # Errors
    /// See [`EraseError`]. Some may be erased then.
    pub async fn erase(&self, ids: &[InteractionId]) -> Result<(), EraseError> {
        for ids in ids.chunks(BATCH_SIZE) {
            if let Some((producer, _)) = &self.kafka {
                let records: Vec<_> = ids.iter().map(|id| record(id, now())).collect();
                try_join_all(records.iter().map(|record| producer.write(record))).await?;
            }
            self.order(ids.to_vec()).await?;
        }
        Ok(())
    }

    /// Returns when no file of the local log holds anything of what was erased before. What was there leaves the log once it
    /// is in the index durably, so this only waits.
    ///
    /// # Errors
    /// [`EraseError::Log`]: it takes too long, because the index does not keep up.
    pub async fn clean_log(&self) -> Result<(), EraseError> {
        let Some(log) = &self.log else { return Ok(()) };
        let end = log.end();
        let cleaned = tokio::time::timeout(LOG_PATIENCE, async {
            while log.holds_before(end) {
                tokio::time::sleep(LOOK_INTERVAL).await;
            }
        });
        cleaned.await.map_err(|_| EraseError::Log)
    }

    /// The topics whose records keep what they say until Kafka removes them.
    pub fn topics(&self) -> &[String] {
        self.kafka.as_ref().map_or(&[], |(_, topics)| topics)
    }

    async fn order(&self, ids: Vec<InteractionId>) -> Result<(), EraseError> {
        let (answer, answered) = oneshot::channel();
        self.orders.send(ErasureOrder { ids, answer }).map_err(|_| EraseError::Interrupted)?;
        answered.await.map_err(|_| EraseError::Interrupted)?.map_err(EraseError::Index)
    }
}

/// The event, named after its interaction: however often it is sent, it is the same one.
fn record(id: &InteractionId, now: Timestamp) -> OutgoingRecord {
    let event = json!({
        "specversion": "1.0",
        "type": "interaction.erased",
        "source": "hearken",
        "id": Uuid::new_v5(&Uuid::NAMESPACE_OID, id.as_str().as_bytes()).to_string(),
        "time": now,
        "datacontenttype": "application/json",
        "data": { "interaction_id": id },
    });
    OutgoingRecord {
        key: Some(id.as_str().as_bytes().to_vec()),
        value: Some(event.to_string().into_bytes()),
        headers: vec![("content-type".to_owned(), b"application/cloudevents+json".to_vec())],
        timestamp: Some(now),
        partition: None,
    }
}
