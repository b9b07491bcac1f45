//! Erasures requested here rather than by an event in the stream.
//!
//! With Kafka, an `interaction.erased` is written first, so that anything that reads the topics again, including
//! Hearken with an empty index, honours it. Then the pipeline replaces the documents with tombstones, and answers once
//! they are durable.

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

/// Interactions that are erased and made durable together.
const BATCH_SIZE: usize = 1_000;
/// How long to wait for the local log to remove a file whose events are in the index.
const LOG_PATIENCE: Duration = Duration::from_secs(60);
/// How often to check for that.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// Asks the pipeline to erase. Clones ask the same pipeline.
#[derive(Clone)]
pub struct Eraser {
    orders: Sender<ErasureOrder>,
    kafka: Option<(EventProducer, Vec<String>)>,
    log: Option<LocalLog>,
}

/// A request to the pipeline.
pub(crate) struct ErasureOrder {
    pub(crate) ids: Vec<InteractionId>,
    /// Receives whether the erasure is durable, or why not; dropped if the pipeline had to start over first.
    pub(crate) answer: oneshot::Sender<Result<(), String>>,
}

/// Why something could not be erased. It is safe to retry.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// The brokers do not accept the event that tells other readers of the topics.
    #[error(
        "`interaction.erased` could not be written to kafka, so nothing was erased; try again when the brokers are reachable"
    )]
    Kafka(#[from] KafkaError),
    /// The index could not make it durable.
    #[error("the erasure is not durable ({0}); try again")]
    Index(String),
    /// The local log still has events from that time.
    #[error("the local log still holds events from that time, which the index does not have yet")]
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

    /// Erases these interactions: once it returns, no search finds them, and no crash brings them back.
    ///
    /// # Errors
    /// See [`EraseError`]. Some may have been erased already.
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

    /// Returns once no file of the local log holds anything that was erased before. Events leave the log once they are
    /// durable in the index, so this only waits.
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

    /// The topics whose records keep their content until Kafka removes them.
    pub fn topics(&self) -> &[String] {
        self.kafka.as_ref().map_or(&[], |(_, topics)| topics)
    }

    async fn order(&self, ids: Vec<InteractionId>) -> Result<(), EraseError> {
        let (answer, answered) = oneshot::channel();
        self.orders.send(ErasureOrder { ids, answer }).map_err(|_| EraseError::Interrupted)?;
        answered.await.map_err(|_| EraseError::Interrupted)?.map_err(EraseError::Index)
    }
}

/// The event, named after its interaction, so that it is the same event however often it is sent.
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
