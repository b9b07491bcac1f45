//! Reads the topics from where the checkpoint says, on a thread of its own.
//!
//! 1. Ask the brokers for the topics' partitions, and again for topics that do not exist yet.
//! 2. Assign each partition at its checkpoint, or at the beginning if it has none. Where the checkpoint has a
//!    fingerprint, reading begins one record earlier and compares: a topic that was deleted and created anew would
//!    otherwise be read from an offset that means something else (pitfalls 26).
//! 3. Poll and hand on. New partitions are found through the client's own metadata refresh.
//!
//! A partition that cannot go on (offset out of range, another topic of the same name) is stopped loudly and the
//! others keep going; nothing is skipped in silence.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use hearken_config::KafkaConfig;
use hearken_index::checkpoint::{Checkpoint, Fingerprint};
use hearken_model::Timestamp;
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::statistics::Statistics;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tracing::{debug, error, info, warn};

use crate::queue::QueueSender;
use crate::record::RawRecord;

/// How long one poll waits; commands and the stop signal are seen this often.
const POLL_TIMEOUT: Duration = Duration::from_millis(50);
/// How long a question to the brokers may take.
const BROKER_TIMEOUT: Duration = Duration::from_secs(5);
/// How often a missing topic is asked for again.
const DISCOVERY_INTERVAL: Duration = Duration::from_secs(1);

/// A topic's partition.
pub(crate) type TopicPartition = (String, i32);

/// What the source tells the pipeline, in order.
#[derive(Debug)]
pub(crate) enum SourceItem {
    /// A partition is being read; its end was at `end_offset` when reading began.
    Assigned {
        /// The partition.
        partition: (String, i32),
        /// Where reading begins.
        next_offset: i64,
        /// The end at that moment.
        end_offset: i64,
    },
    /// A record.
    Record(RawRecord),
    /// Everything that the partition has was handed on; its last offsets may be no records (transactions,
    /// compaction).
    AtEnd((String, i32)),
    /// The answer to [`SourceCommand::Halt`]: nothing of the partition follows until a restart.
    Halted((String, i32)),
    /// A partition was stopped and stays so until an operator acts.
    Stopped {
        /// The partition.
        partition: (String, i32),
        /// Why, and what to do.
        reason: String,
    },
    /// The brokers have answered for every topic that is configured; those that exist are assigned.
    AllAssigned,
}

/// What the pipeline tells the source.
#[derive(Debug)]
pub(crate) enum SourceCommand {
    /// These offsets are durable: commit them to the group.
    Commit(Checkpoint),
    /// Stop reading this partition for now: its dead letters cannot be written.
    Halt((String, i32)),
    /// Read this partition again from this offset.
    Restart((String, i32), i64),
}

/// A running source.
pub(crate) struct KafkaSource {
    thread: Option<JoinHandle<()>>,
    is_stopping: Arc<AtomicBool>,
    ends: Ends,
}

/// The brokers' ends of all partitions, as last heard of.
type Ends = Arc<Mutex<HashMap<TopicPartition, i64>>>;

impl KafkaSource {
    /// Starts reading from `checkpoint` into `items`.
    ///
    /// # Errors
    /// librdkafka refuses the settings; the brokers are not asked here.
    pub(crate) fn start(
        config: &KafkaConfig,
        checkpoint: Checkpoint,
        items: QueueSender<SourceItem>,
        commands: Receiver<SourceCommand>,
    ) -> Result<Self, KafkaError> {
        let ends = Ends::default();
        let context = Context { ends: Arc::clone(&ends) };
        let consumer: BaseConsumer<Context> = consumer_config(config).create_with_context(context)?;
        let is_stopping = Arc::new(AtomicBool::new(false));
        let mut reader = Reader {
            consumer,
            topics: config.topics.clone(),
            checkpoint,
            items,
            commands,
            partitions: BTreeMap::new(),
            missing_topics: config.topics.clone(),
            is_all_answered: false,
            is_stopping: Arc::clone(&is_stopping),
            ends: Arc::clone(&ends),
        };
        let thread = std::thread::Builder::new()
            .name("kafka-source".into())
            .spawn(move || reader.run())
            .map_err(|_| KafkaError::ClientCreation("the system refused a thread".into()))?;
        Ok(KafkaSource { thread: Some(thread), is_stopping, ends })
    }

    /// Whether librdkafka accepts the settings; no broker is asked.
    ///
    /// # Errors
    /// It does not.
    pub(crate) fn check(config: &KafkaConfig) -> Result<(), KafkaError> {
        consumer_config(config).create::<BaseConsumer>().map(drop)
    }

    /// The brokers' end of every partition that is read, as last heard of.
    pub(crate) fn end_offsets(&self) -> Vec<(TopicPartition, i64)> {
        let ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        ends.iter().map(|(partition, end)| (partition.clone(), *end)).filter(|(_, end)| *end >= 0).collect()
    }
}

impl Drop for KafkaSource {
    fn drop(&mut self) {
        self.is_stopping.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            error!("the kafka source's thread panicked");
        }
    }
}

fn consumer_config(config: &KafkaConfig) -> rdkafka::ClientConfig {
    let mut client = super::client_config(config);
    client
        .set("group.id", &config.group_id)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        // Offsets come from the index; where one does not exist any more, that is said and nothing is skipped.
        .set("auto.offset.reset", "error")
        .set("enable.partition.eof", "true")
        .set("statistics.interval.ms", "1000")
        .set("topic.metadata.refresh.interval.ms", "5000");
    for (name, default) in [
        ("check.crcs", "true"),           // off by default, and a flipped bit would be indexed
        ("fetch.queue.backoff.ms", "20"), // 1000 by default: a full queue would stall for a second
        // A fetch ends after 5 ms or 64 KiB. With librdkafka's 1 byte each event of a slow stream is a fetch of its own:
        // at 1,000 events/s that cost the broker 0.2 cores and us 0.05 more than this (docs/benchmarks.md).
        ("fetch.wait.max.ms", "5"),
        ("fetch.min.bytes", "65536"),
        ("fetch.error.backoff.ms", "100"),       // after a broker's restart
        ("reconnect.backoff.max.ms", "1000"), // 10 s by default: too long for a stream that should be fresh
        ("queued.max.messages.kbytes", "16384"), // 64 MB by default, for each partition
        ("queued.min.messages", "10000"),
    ] {
        if config.librdkafka.get(name).is_none() {
            client.set(name, default);
        }
    }
    client
}

/// Hears librdkafka's statistics and errors.
struct Context {
    ends: Ends,
}

impl ClientContext for Context {
    fn stats(&self, statistics: Statistics) {
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        for (topic, statistics) in statistics.topics {
            for (partition, statistics) in statistics.partitions {
                if partition >= 0 {
                    let end = ends.entry((topic.clone(), partition)).or_insert(-1);
                    *end = (*end).max(statistics.hi_offset.max(statistics.ls_offset));
                }
            }
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // The end of a partition is no trouble, and the poll tells it too.
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::PartitionEOF) {
            warn!(%error, reason, "kafka client reports an error and keeps trying");
        }
    }
}

impl ConsumerContext for Context {}

/// What is known of a partition while it is being read.
#[derive(Debug, Clone, Copy)]
enum Reading {
    /// Records are handed on.
    On,
    /// The first record must look like this one (offset, fingerprint), or the topic is not the one that was read.
    Comparing(i64, Fingerprint),
    /// Nothing is handed on until a restart.
    Stopped,
}

struct Reader {
    consumer: BaseConsumer<Context>,
    topics: Vec<String>,
    checkpoint: Checkpoint,
    items: QueueSender<SourceItem>,
    commands: Receiver<SourceCommand>,
    partitions: BTreeMap<TopicPartition, Reading>,
    missing_topics: Vec<String>,
    /// Whether [`SourceItem::AllAssigned`] was sent.
    is_all_answered: bool,
    is_stopping: Arc<AtomicBool>,
    ends: Ends,
}

impl Reader {
    fn run(&mut self) {
        let mut next_discovery = Instant::now();
        while !self.is_stopping.load(Ordering::Acquire) {
            if Instant::now() >= next_discovery {
                self.assign_new_partitions();
                if !self.missing_topics.is_empty() {
                    self.discover();
                }
                next_discovery = Instant::now() + DISCOVERY_INTERVAL;
            }
            while let Ok(command) = self.commands.try_recv() {
                self.obey(command);
            }
            let polled = match self.consumer.poll(POLL_TIMEOUT) {
                None => continue,
                Some(Ok(message)) => Ok(raw_record(&message)),
                Some(Err(error)) => Err(error),
            };
            let is_open = match polled {
                Ok(record) => self.hand_on(record),
                Err(error) => self.on_error(error),
            };
            if !is_open {
                break; // the pipeline is gone
            }
        }
        // The pipeline's last word is what has become durable; the group should know before the client goes.
        while let Ok(command) = self.commands.try_recv() {
            if let SourceCommand::Commit(checkpoint) = command {
                self.commit(&checkpoint, CommitMode::Sync);
            }
        }
    }

    /// Asks for the topics that have not been seen yet and assigns their partitions. A topic that does not exist has
    /// nothing to read and keeps nobody waiting; it is asked for again, and read from its beginning when it appears.
    fn discover(&mut self) {
        let mut is_answered = true;
        for topic in std::mem::take(&mut self.missing_topics) {
            let partitions = match self.consumer.fetch_metadata(Some(&topic), BROKER_TIMEOUT) {
                Ok(metadata) => metadata
                    .topics()
                    .iter()
                    .filter(|found| found.name() == topic && found.error().is_none())
                    .flat_map(|found| found.partitions().iter().map(|partition| partition.id()))
                    .collect::<Vec<_>>(),
                Err(error) => {
                    warn!(topic, %error, "cannot reach the brokers yet");
                    is_answered = false;
                    Vec::new()
                }
            };
            if partitions.is_empty() {
                if is_answered && !self.is_all_answered {
                    warn!(topic, "the topic does not exist yet; waiting for it");
                }
                self.missing_topics.push(topic);
                continue;
            }
            for partition in partitions {
                is_answered &= self.assign(&topic, partition);
            }
        }
        if is_answered && !self.is_all_answered {
            self.is_all_answered = true;
            self.send(SourceItem::AllAssigned, 0);
        }
    }

    /// Partitions that were added while running are seen in the client's statistics.
    fn assign_new_partitions(&mut self) {
        let known: Vec<TopicPartition> = {
            let ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
            ends.keys()
                .filter(|key| self.topics.contains(&key.0) && !self.partitions.contains_key(*key))
                .cloned()
                .collect()
        };
        for (topic, partition) in known {
            info!(topic, partition, "a partition was added");
            self.assign(&topic, partition);
        }
    }

    /// Assigns one partition where its checkpoint says, or stops it. False if the brokers did not answer.
    fn assign(&mut self, topic: &str, partition: i32) -> bool {
        let key = (topic.to_owned(), partition);
        let (begin, end) = match self.consumer.fetch_watermarks(topic, partition, BROKER_TIMEOUT) {
            Ok(watermarks) => watermarks,
            Err(error) => {
                // It stays unknown and is tried again with the next discovery.
                warn!(topic, partition, %error, "cannot ask for the partition's offsets yet");
                if !self.missing_topics.iter().any(|missing| missing == topic) {
                    self.missing_topics.push(topic.to_owned());
                }
                return false;
            }
        };
        if self.partitions.contains_key(&key) {
            return true;
        }
        self.ends.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), end);
        let position = self.checkpoint.position(topic, partition);
        let next_offset = position.map_or(begin, |position| position.next_offset);
        let reset =
            format!("`hearken index reset-offset --topic {topic} --partition {partition} --to earliest`");
        if next_offset > end {
            let reason = format!(
                "the index has read up to offset {next_offset} and the partition ends at {end}: the topic was probably \
                 deleted and created again; stop the server and run {reset} to read the new one"
            );
            self.stop_partition(key, reason);
            return true;
        }
        if next_offset < begin {
            let reason = format!(
                "the index must read on at offset {next_offset} and the broker's oldest record is {begin}: retention has \
                 removed records that were never read; stop the server and run {reset} to go on without them"
            );
            self.stop_partition(key, reason);
            return true;
        }
        let fingerprint = position.and_then(|position| position.fingerprint);
        let (start, reading) = match fingerprint {
            Some(fingerprint) if next_offset > begin => {
                (next_offset - 1, Reading::Comparing(next_offset - 1, fingerprint))
            }
            _ => (next_offset, Reading::On),
        };
        info!(topic, partition, next_offset, end, "reading the partition");
        self.partitions.insert(key.clone(), reading);
        self.send(SourceItem::Assigned { partition: key, next_offset, end_offset: end }, 0);
        let mut list = TopicPartitionList::new();
        let added = list.add_partition_offset(topic, partition, Offset::Offset(start));
        if let Err(error) = added.and_then(|()| self.consumer.incremental_assign(&list)) {
            self.stop_partition(
                (topic.to_owned(), partition),
                format!("the partition cannot be assigned: {error}"),
            );
        }
        true
    }

    /// Hands a record on unless it is there for comparison only. False when the pipeline is gone.
    fn hand_on(&mut self, record: RawRecord) -> bool {
        let key = (record.topic.clone(), record.partition);
        match self.partitions.get(&key).copied() {
            Some(Reading::On) => {}
            Some(Reading::Comparing(offset, expected)) => {
                let is_same = record.offset != offset || fingerprint(&record) == expected;
                if !is_same {
                    let reason = format!(
                        "the record at offset {offset} is not the one that the index has read: the topic was deleted and \
                         created again; stop the server and run `hearken index reset-offset --topic {} --partition {} --to \
                         earliest` to read the new one",
                        record.topic, record.partition
                    );
                    self.stop_partition(key, reason);
                    return true;
                }
                self.partitions.insert(key, Reading::On);
                if record.offset == offset {
                    return true; // read before
                }
                // Retention or compaction removed the record that was to be compared; nothing speaks against going on.
            }
            Some(Reading::Stopped) | None => return true,
        }
        let size_bytes = record.size_bytes();
        self.send(SourceItem::Record(record), size_bytes)
    }

    fn on_error(&mut self, error: KafkaError) -> bool {
        match &error {
            KafkaError::PartitionEOF(partition) => return self.on_partition_end(*partition),
            _ if error.rdkafka_error_code() == Some(RDKafkaErrorCode::AutoOffsetReset) => {
                self.stop_out_of_range()
            }
            _ => warn!(%error, "reading from kafka failed; trying on"),
        }
        true
    }

    /// librdkafka names the partition and not the topic. With several topics only those are taken to be at their end
    /// whose position says so.
    fn on_partition_end(&mut self, partition: i32) -> bool {
        let Ok(positions) = self.consumer.position() else { return true };
        let is_only_topic = self.topics.len() == 1;
        for topic in self.topics.clone() {
            let key = (topic, partition);
            let position = positions.find_partition(&key.0, partition).map(|element| element.offset());
            let end = self.ends.lock().unwrap_or_else(PoisonError::into_inner).get(&key).copied();
            let is_at_end = is_only_topic
                || matches!((position, end), (Some(Offset::Offset(position)), Some(end)) if position >= end);
            let is_known = self.partitions.contains_key(&key);
            if is_known && is_at_end && !self.send(SourceItem::AtEnd(key), 0) {
                return false;
            }
        }
        true
    }

    /// Some partition's offset does not exist any more; the error does not say which, so the brokers are asked.
    fn stop_out_of_range(&mut self) {
        let reading: Vec<_> = self.partitions.keys().cloned().collect();
        let Ok(positions) = self.consumer.position() else { return };
        for (topic, partition) in reading {
            let Ok((begin, end)) = self.consumer.fetch_watermarks(&topic, partition, BROKER_TIMEOUT) else {
                continue;
            };
            let at = match positions.find_partition(&topic, partition).map(|element| element.offset()) {
                Some(Offset::Offset(offset)) => offset,
                _ => {
                    self.checkpoint.position(&topic, partition).map_or(begin, |position| position.next_offset)
                }
            };
            if (begin..=end).contains(&at) {
                continue;
            }
            let reason = format!(
                "offset {at} is out of range, the broker has {begin} to {end}; stop the server and run `hearken index \
                 reset-offset --topic {topic} --partition {partition} --to earliest`"
            );
            self.stop_partition((topic, partition), reason);
        }
    }

    fn stop_partition(&mut self, partition: TopicPartition, reason: String) {
        error!(topic = partition.0, partition = partition.1, reason, "stopped the partition");
        self.unassign(&partition);
        self.partitions.insert(partition.clone(), Reading::Stopped);
        self.send(SourceItem::Stopped { partition, reason }, 0);
    }

    fn unassign(&self, (topic, partition): &TopicPartition) {
        let mut list = TopicPartitionList::new();
        list.add_partition(topic, *partition);
        if let Err(error) = self.consumer.incremental_unassign(&list) {
            debug!(topic, partition, %error, "the partition was not assigned");
        }
    }

    fn obey(&mut self, command: SourceCommand) {
        match command {
            SourceCommand::Commit(checkpoint) => self.commit(&checkpoint, CommitMode::Async),
            SourceCommand::Halt(partition) => {
                self.unassign(&partition);
                self.partitions.insert(partition.clone(), Reading::Stopped);
                self.send(SourceItem::Halted(partition), 0);
            }
            SourceCommand::Restart((topic, partition), next_offset) => {
                let mut list = TopicPartitionList::new();
                let added = list.add_partition_offset(&topic, partition, Offset::Offset(next_offset));
                match added.and_then(|()| self.consumer.incremental_assign(&list)) {
                    Ok(()) => {
                        self.partitions.insert((topic, partition), Reading::On);
                    }
                    Err(error) => warn!(topic, partition, %error, "the partition cannot be read again yet"),
                }
            }
        }
    }

    /// For lag tools only: Hearken itself never reads these offsets.
    fn commit(&self, checkpoint: &Checkpoint, mode: CommitMode) {
        fail::fail_point!("offset-commit");
        let mut list = TopicPartitionList::new();
        for (topic, partitions) in &checkpoint.topics {
            for (partition, position) in partitions {
                if self.partitions.contains_key(&(topic.clone(), *partition)) {
                    let added =
                        list.add_partition_offset(topic, *partition, Offset::Offset(position.next_offset));
                    if let Err(error) = added {
                        debug!(topic, partition, %error, "not a committable offset");
                    }
                }
            }
        }
        if list.count() > 0
            && let Err(error) = self.consumer.commit(&list, mode)
        {
            debug!(%error, "offsets were not committed to the group");
        }
    }

    fn send(&self, item: SourceItem, size_bytes: usize) -> bool {
        self.items.push(item, size_bytes).is_ok()
    }
}

fn raw_record(message: &BorrowedMessage<'_>) -> RawRecord {
    let headers = message.headers().map(|headers| {
        headers.iter().map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect()
    });
    RawRecord {
        topic: message.topic().to_owned(),
        partition: message.partition(),
        offset: message.offset(),
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        timestamp: message.timestamp().to_millis().map(Timestamp::from_millis),
        headers: headers.unwrap_or_default(),
    }
}

/// Tells a record from another at the same offset of a topic of the same name. FNV-1a: stable for ever, and an
/// accident is all it guards against.
pub(crate) fn fingerprint(record: &RawRecord) -> Fingerprint {
    const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let key = record.key.as_deref().unwrap_or_default();
    let key_hash = key.iter().fold(OFFSET_BASIS, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME));
    let timestamp_ms = record.timestamp.map_or(-1, Timestamp::as_millis);
    Fingerprint { timestamp_ms, key_hash }
}
