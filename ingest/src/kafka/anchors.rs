//! Checks whether a topic is still the one being read.
//!
//! A topic that was deleted and created again has the same name, and once it holds as many records as the old one, the
//! client silently reads on in it, past everything it held before. So every [`CHECK_INTERVAL`], one record of each
//! partition that was read before, its anchor, is fetched again and compared. If it is still there, the topic is the
//! old one, and so was every record read before the fetch began: one of them is the next anchor.
//!
//! This has its own client and thread, because it must not disturb reading.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use hearken_config::KafkaConfig;
use hearken_index::checkpoint::Anchor;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tracing::{debug, error};

use super::client_config;
use super::consumer::Quiet;
use super::source::raw_record;
use crate::source::{TopicPartition, fingerprint};

/// How often anchors are compared: one small fetch for each partition.
pub(super) const CHECK_INTERVAL: Duration = Duration::from_secs(5);
/// How long the brokers may take to answer.
const CHECK_TIMEOUT: Duration = Duration::from_secs(5);
const POLL_TIMEOUT: Duration = Duration::from_millis(100);

/// Whether a partition's anchor is where it was. No verdict means that the brokers did not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is, or retention or compaction has removed it and nothing suggests another topic.
    Same,
    /// Another record is in its place, or the partition ends before it.
    Other,
}

type Anchors = Vec<(TopicPartition, Anchor)>;
type Verdicts = Vec<(TopicPartition, Verdict)>;

/// Compares anchors on a separate thread, one round at a time.
pub(super) struct AnchorCheck {
    rounds: Option<Sender<Anchors>>,
    verdicts: Receiver<Verdicts>,
    is_under_way: bool,
    is_stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl AnchorCheck {
    /// Starts the thread; it does not contact the brokers before the first round.
    pub(super) fn start(config: &KafkaConfig) -> std::io::Result<Self> {
        let (rounds_tx, rounds_rx) = bounded::<Anchors>(1);
        let (verdicts_tx, verdicts_rx) = bounded(1);
        let is_stopping = Arc::new(AtomicBool::new(false));
        let checker = Checker { config: checker_config(config), is_stopping: Arc::clone(&is_stopping) };
        let thread = std::thread::Builder::new().name("kafka-anchors".into()).spawn(move || {
            let mut consumer = None;
            for anchors in rounds_rx {
                if verdicts_tx.send(checker.check(&mut consumer, anchors)).is_err() {
                    break; // the source is gone
                }
            }
        })?;
        Ok(AnchorCheck {
            rounds: Some(rounds_tx),
            verdicts: verdicts_rx,
            is_under_way: false,
            is_stopping,
            thread: Some(thread),
        })
    }

    pub(super) fn is_under_way(&self) -> bool {
        self.is_under_way
    }

    /// Begins a round, unless one is running.
    pub(super) fn begin(&mut self, anchors: Anchors) {
        if let Some(rounds) = &self.rounds
            && !self.is_under_way
            && !anchors.is_empty()
        {
            self.is_under_way = rounds.try_send(anchors).is_ok();
        }
    }

    /// The verdicts of the last round, once it has finished; returned only once.
    pub(super) fn finished(&mut self) -> Option<Verdicts> {
        let verdicts = self.verdicts.try_recv().ok()?;
        self.is_under_way = false;
        Some(verdicts)
    }
}

impl Drop for AnchorCheck {
    fn drop(&mut self) {
        self.is_stopping.store(true, Ordering::Release);
        self.rounds = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            error!("the thread that compares anchors panicked");
        }
    }
}

fn checker_config(config: &KafkaConfig) -> ClientConfig {
    let mut client = client_config(config);
    client
        .set("group.id", &config.group_id) // librdkafka requires one; the group is never joined
        .set("enable.auto.commit", "false")
        // For an anchor out of range, this yields the first record, whose offset gives it away.
        .set("auto.offset.reset", "earliest")
        .set("fetch.wait.max.ms", "100")
        .set("fetch.min.bytes", "1")
        .set("queued.min.messages", "1")
        .set("fetch.message.max.bytes", "16384");
    client
}

struct Checker {
    config: ClientConfig,
    is_stopping: Arc<AtomicBool>,
}

impl Checker {
    /// One round. The client is kept for the next one only if everything was answered: a client that met a recreated
    /// topic may hold on to the old leader epoch and never hear of the new one.
    fn check(&self, kept: &mut Option<BaseConsumer<Quiet>>, anchors: Anchors) -> Verdicts {
        let num_anchors = anchors.len();
        let consumer = match kept.take().map_or_else(|| self.config.create_with_context(Quiet), Ok) {
            Ok(consumer) => consumer,
            Err(error) => {
                debug!(%error, "no client to compare anchors with");
                return Verdicts::new();
            }
        };
        let verdicts = self.compare(&consumer, anchors).unwrap_or_else(|error| {
            debug!(%error, "anchors cannot be compared");
            Verdicts::new()
        });
        if verdicts.len() == num_anchors && consumer.unassign().is_ok() {
            *kept = Some(consumer);
        }
        verdicts
    }

    fn compare(&self, consumer: &BaseConsumer<Quiet>, anchors: Anchors) -> Result<Verdicts, KafkaError> {
        let mut list = TopicPartitionList::new();
        for ((topic, partition), anchor) in &anchors {
            list.add_partition_offset(topic, *partition, Offset::Offset(anchor.offset))?;
        }
        consumer.assign(&list)?;
        let mut pending: BTreeMap<TopicPartition, Anchor> = anchors.into_iter().collect();
        let mut verdicts = Verdicts::new();
        let deadline = Instant::now() + CHECK_TIMEOUT;
        while !pending.is_empty() && Instant::now() < deadline && !self.is_stopping.load(Ordering::Acquire) {
            // The source reports errors; here they only mean that there is no answer.
            let Some(Ok(message)) = consumer.poll(POLL_TIMEOUT) else { continue };
            let partition = (Arc::from(message.topic()), message.partition());
            let Some(anchor) = pending.remove(&partition) else { continue };
            let is_same = match message.offset().cmp(&anchor.offset) {
                std::cmp::Ordering::Equal => {
                    fingerprint(&raw_record(Arc::clone(&partition.0), &message)) == anchor.fingerprint
                }
                std::cmp::Ordering::Greater => true,
                std::cmp::Ordering::Less => false,
            };
            verdicts.push((partition, if is_same { Verdict::Same } else { Verdict::Other }));
        }
        Ok(verdicts)
    }
}
