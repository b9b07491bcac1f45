//! The Kafka event source: starts and stops the reader's thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use hearken_config::KafkaConfig;
use hearken_index::checkpoint::Checkpoint;
use hearken_model::Timestamp;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers, Message};
use tracing::{error, warn};

use super::anchors::AnchorCheck;
use super::consumer::{Brokers, KafkaContext, consumer_config};
use super::reader::KafkaReader;
use crate::queue::QueueSender;
use crate::record::RawRecord;
use crate::source::{Assignment, SourceCommand, SourceItem, TopicPartition};
use crate::status::Outage;

/// How long to wait for the client to end.
const CLIENT_END_TIMEOUT: Duration = Duration::from_secs(2);

/// A running Kafka source.
pub(crate) struct KafkaSource {
    thread: Option<JoinHandle<()>>,
    /// Signalled when the reader has ended, and again when its client is gone.
    ended: Receiver<()>,
    is_stopping: Arc<AtomicBool>,
    brokers: Brokers,
}

impl KafkaSource {
    /// Starts reading from `checkpoint` into `items`.
    ///
    /// # Errors
    /// librdkafka refuses the settings; the brokers are not contacted here.
    pub(crate) fn start(
        (config, assignment): (&KafkaConfig, Assignment),
        checkpoint: Checkpoint,
        items: QueueSender<SourceItem>,
        commands: Receiver<SourceCommand>,
    ) -> Result<Self, KafkaError> {
        let refused = |_| KafkaError::ClientCreation("the system refused to start a thread".into());
        let brokers = Brokers::new(assignment);
        let context = KafkaContext { brokers: brokers.clone() };
        let consumer: BaseConsumer<KafkaContext> =
            consumer_config(config, assignment).create_with_context(context)?;
        if assignment == Assignment::ByGroup {
            let topics: Vec<&str> = config.topics.iter().map(String::as_str).collect();
            consumer.subscribe(&topics)?;
        }
        let anchor_check = AnchorCheck::start(config).map_err(refused)?;
        let is_stopping = Arc::new(AtomicBool::new(false));
        let mut reader = KafkaReader::new(
            consumer,
            (config, assignment),
            checkpoint,
            (items, commands),
            (brokers.clone(), anchor_check),
            Arc::clone(&is_stopping),
        );
        let (ended_tx, ended) = bounded(2);
        let read = move || {
            reader.run();
            let _ = ended_tx.send(()); // nobody may be waiting
            drop(reader);
            let _ = ended_tx.send(());
        };
        let thread = std::thread::Builder::new().name("kafka-source".into()).spawn(read).map_err(refused)?;
        Ok(KafkaSource { thread: Some(thread), ended, is_stopping, brokers })
    }

    /// Checks whether librdkafka accepts the settings, without contacting a broker.
    ///
    /// # Errors
    /// It does not.
    pub(crate) fn check(config: &KafkaConfig, assignment: Assignment) -> Result<(), KafkaError> {
        consumer_config(config, assignment).create::<BaseConsumer>().map(drop)
    }

    /// The last known end of every partition that is read.
    pub(crate) fn end_offsets(&self) -> Vec<(TopicPartition, i64)> {
        self.brokers.ends().into_iter().filter(|(_, end)| *end >= 0).collect()
    }

    /// The current outage, if no broker can be reached.
    pub(crate) fn outage(&self) -> Option<Outage> {
        self.brokers.outage()
    }
}

impl Drop for KafkaSource {
    fn drop(&mut self) {
        self.is_stopping.store(true, Ordering::Release);
        let _ = self.ended.recv(); // an error means that it panicked, which is reported below
        // The client cannot end while a commit is unanswered, which happens while the brokers are away.
        if self.ended.recv_timeout(CLIENT_END_TIMEOUT) == Err(RecvTimeoutError::Timeout) {
            return warn!("the kafka client still waits for the brokers; stopping without it");
        }
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            error!("the kafka source's thread panicked");
        }
    }
}

pub(super) fn raw_record(topic: Arc<str>, message: &BorrowedMessage<'_>) -> RawRecord {
    let headers = message.headers().map(|headers| {
        headers.iter().map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect()
    });
    RawRecord {
        topic,
        partition: message.partition(),
        offset: message.offset(),
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        timestamp: message.timestamp().to_millis().map(Timestamp::from_millis),
        headers: headers.unwrap_or_default(),
    }
}
