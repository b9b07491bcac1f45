//! Reads the topics from the checkpoint onwards, on a separate thread.
//!
//! 1. Ask the brokers for the topics' partitions, and keep asking for topics that do not exist yet; or follow the
//!    [consumer group](group).
//! 2. Assign each partition at its checkpoint, or at the beginning if it has none. If the checkpoint has a fingerprint,
//!    reading begins one record earlier and compares: otherwise a topic that was deleted, created again and has
//!    outgrown our offset would be read from an offset that means something else.
//! 3. Poll and hand on. The client's own metadata refresh finds new partitions; [anchors](super::anchors) find a topic
//!    that is recreated while it is read.
//!
//! A partition that cannot continue (offset out of range, another topic of the same name) is stopped loudly while the
//! others keep going; nothing is skipped silently.

mod group;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use hearken_config::KafkaConfig;
use hearken_index::checkpoint::{Anchor, Checkpoint, Fingerprint};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message as _;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tracing::{debug, error, info, warn};

use super::anchors::{AnchorCheck, CHECK_INTERVAL, Verdict};
use super::consumer::{Brokers, KafkaContext};
use super::source::raw_record;
use crate::queue::QueueSender;
use crate::record::RawRecord;
use crate::source::{Assignment, SourceCommand, SourceItem, TopicPartition, fingerprint};
use group::Rebalancing;

/// How long one poll waits; commands and the stop signal are noticed this often.
const POLL_TIMEOUT: Duration = Duration::from_millis(50);
/// Most records per round; commands are handled between rounds.
const ROUND_RECORDS_MAX: usize = 10_000;
/// Timeout for a request to the brokers.
const BROKER_TIMEOUT: Duration = Duration::from_secs(5);
/// How long asking the group for its offsets may take.
const COMMITTED_TIMEOUT: Duration = Duration::from_secs(2);
/// How long to keep resending a commit that the group does not have.
const COMMIT_PATIENCE: Duration = Duration::from_secs(5);
/// The first few statistics after reading began may still describe what was read before.
const SETTLING_STATISTICS: u64 = 3;
/// How often to ask again for a missing topic.
const DISCOVERY_INTERVAL: Duration = Duration::from_secs(1);

/// A partition that is being read.
#[derive(Debug, Clone, Copy)]
struct Partition {
    reading: PartitionState,
    /// The offset after the last record seen.
    next_offset: i64,
    /// A record that was still in its place after later ones had been read.
    anchor: Option<Anchor>,
    /// Its end was reached and no record has come since: everything it had then was handed on.
    is_at_end: bool,
    /// How many statistics had arrived when reading began.
    begun_at: u64,
    /// A record read since then; becomes the anchor if the current one is found in its place.
    candidate: Option<Anchor>,
}

#[derive(Debug, Clone, Copy)]
enum PartitionState {
    /// Records are handed on.
    On,
    /// The first record must match this one (offset, fingerprint), or the topic is not the one read before.
    Comparing(i64, Fingerprint),
    /// Nothing is handed on until the pipeline says where to resume.
    Halted,
    /// Nothing is handed on until an operator acts.
    Stopped,
    /// Nothing is handed on: the group is taking it away.
    Revoked,
}

/// Where reading a partition begins.
enum Begin {
    /// At this offset.
    At(i64),
    /// Nowhere: it is stopped.
    Stopped,
    /// The brokers did not answer.
    Unknown,
}

pub(super) struct KafkaReader {
    consumer: BaseConsumer<KafkaContext>,
    topics: Vec<Arc<str>>,
    group_id: String,
    assignment: Assignment,
    rebalancing: Rebalancing,
    checkpoint: Checkpoint,
    items: QueueSender<SourceItem>,
    commands: Receiver<SourceCommand>,
    partitions: BTreeMap<TopicPartition, Partition>,
    missing_topics: Vec<String>,
    /// Whether [`SourceItem::AllAssigned`] was sent.
    is_all_answered: bool,
    /// Whether some partition's offset does not exist, and the brokers have not said yet which.
    is_out_of_range: bool,
    brokers: Brokers,
    /// How many statistics [`KafkaReader::pass_marks`] has processed.
    num_statistics: u64,
    /// Where those statistics reached the ends; used once the queue has been empty again.
    met_ends: HashMap<TopicPartition, i64>,
    anchor_check: AnchorCheck,
    next_anchor_check: Instant,
    /// What was last committed to the group.
    committed: Checkpoint,
    /// Whether the group is known to have it.
    is_confirmed: bool,
    is_stopping: Arc<AtomicBool>,
}

impl KafkaReader {
    pub(super) fn new(
        consumer: BaseConsumer<KafkaContext>,
        (config, assignment): (&KafkaConfig, Assignment),
        checkpoint: Checkpoint,
        (items, commands): (QueueSender<SourceItem>, Receiver<SourceCommand>),
        (brokers, anchor_check): (Brokers, AnchorCheck),
        is_stopping: Arc<AtomicBool>,
    ) -> Self {
        KafkaReader {
            consumer,
            missing_topics: config.topics.clone(),
            topics: config.topics.iter().map(|topic| topic.as_str().into()).collect(),
            group_id: config.group_id.clone(),
            assignment,
            rebalancing: Rebalancing::Done,
            checkpoint,
            items,
            commands,
            partitions: BTreeMap::new(),
            is_all_answered: false,
            is_out_of_range: false,
            brokers,
            num_statistics: 0,
            met_ends: HashMap::new(),
            anchor_check,
            next_anchor_check: Instant::now(),
            committed: Checkpoint::default(),
            is_confirmed: true,
            is_stopping,
        }
    }

    pub(super) fn run(&mut self) {
        let mut next_discovery = Instant::now();
        while !self.is_stopping.load(Ordering::Acquire) {
            if Instant::now() >= next_discovery {
                self.run_periodic_tasks();
                next_discovery = Instant::now() + DISCOVERY_INTERVAL;
            }
            while let Ok(command) = self.commands.try_recv() {
                self.handle(command);
            }
            if self.assignment == Assignment::ByGroup {
                self.follow_group();
            }
            let Some(polled) = self.poll(POLL_TIMEOUT) else {
                self.pass_marks();
                continue;
            };
            if !self.take_round(polled) {
                break; // the pipeline is gone
            }
        }
        // The pipeline's last commit may still be queued, or was only just handed to the client: the group should have
        // it before the client closes.
        while let Ok(command) = self.commands.try_recv() {
            if let SourceCommand::Commit(checkpoint) = command {
                self.commit(checkpoint);
            }
        }
        if !self.ensure_committed() {
            warn!("the group may not know how far its partitions were read");
        }
        if self.assignment == Assignment::ByGroup {
            self.leave_group();
        }
    }

    fn poll(&self, timeout: Duration) -> Option<Result<RawRecord, KafkaError>> {
        let message = self.consumer.poll(timeout)?;
        Some(message.map(|message| {
            let known = self.topics.iter().find(|topic| ***topic == *message.topic());
            raw_record(known.map_or_else(|| message.topic().into(), Arc::clone), &message)
        }))
    }

    /// Hands on the polled record and everything fetched with it. False if the pipeline is gone.
    fn take_round(&mut self, first: Result<RawRecord, KafkaError>) -> bool {
        let mut polled = Some(first);
        for num_left in (0..ROUND_RECORDS_MAX).rev() {
            let is_open = match polled {
                Some(Ok(record)) => self.hand_on(record),
                Some(Err(error)) => self.on_error(error),
                None => break,
            };
            if !is_open {
                return false;
            }
            polled = if num_left > 0 { self.poll(Duration::ZERO) } else { None };
        }
        true
    }

    /// Everything that is not done per record: discovery, anchors, lost offsets.
    fn run_periodic_tasks(&mut self) {
        match self.assignment {
            Assignment::ByHand => {
                self.assign_new_partitions();
                if !self.missing_topics.is_empty() {
                    self.discover();
                }
            }
            Assignment::ByGroup => {
                self.take_over();
                self.commit_again();
            }
            Assignment::Nothing => {}
        }
        if self.is_out_of_range {
            self.find_out_of_range();
        }
        self.check_anchors();
    }

    /// Asks for the topics not seen yet and assigns their partitions. A topic that does not exist has nothing to read
    /// and delays nothing; it is looked up again, and read from its beginning once it appears.
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

    /// The client's statistics show partitions added while running.
    fn assign_new_partitions(&mut self) {
        let heard_of = self.brokers.ends().into_iter().map(|(partition, _)| partition);
        let new: Vec<TopicPartition> = heard_of
            .filter(|key| self.topics.contains(&key.0) && !self.partitions.contains_key(key))
            .collect();
        for (topic, partition) in new {
            info!(%topic, partition, "a partition was added");
            self.assign(&topic, partition);
        }
    }

    /// Assigns one partition at its checkpoint, or stops it. False if the brokers did not answer.
    fn assign(&mut self, topic: &str, partition: i32) -> bool {
        let key = (Arc::from(topic), partition);
        if self.partitions.contains_key(&key) {
            return true;
        }
        match self.begin(&key) {
            Begin::At(start) => self.read_from(&key, start),
            Begin::Stopped => {}
            Begin::Unknown => {
                // It stays unknown until the next discovery.
                if !self.missing_topics.iter().any(|missing| missing == topic) {
                    self.missing_topics.push(topic.to_owned());
                }
                return false;
            }
        }
        true
    }

    /// Finds out where to resume a partition, or stops it; fetching is up to the caller.
    fn begin(&mut self, key: &TopicPartition) -> Begin {
        let (topic, partition) = (&*key.0, key.1);
        let (begin, end) = match self.consumer.fetch_watermarks(topic, partition, BROKER_TIMEOUT) {
            Ok(watermarks) => watermarks,
            Err(error) => {
                warn!(topic, partition, %error, "cannot get the partition's offsets yet");
                return Begin::Unknown;
            }
        };
        self.brokers.heard_connected(true); // statistics would show it up to a second later
        self.brokers.set_end(key.clone(), end);
        let position = self.checkpoint.position(topic, partition);
        let next_offset = position.map_or(begin, |position| position.next_offset);
        if let Some(reason) = self.out_of_range(key, next_offset, (begin, end)) {
            self.stop_partition(key.clone(), reason);
            return Begin::Stopped;
        }
        let fingerprint = position.and_then(|position| position.fingerprint);
        let (start, reading) = match fingerprint {
            Some(fingerprint) if next_offset > begin => {
                (next_offset - 1, PartitionState::Comparing(next_offset - 1, fingerprint))
            }
            _ => (next_offset, PartitionState::On),
        };
        info!(topic, partition, next_offset, end, "reading the partition");
        let anchor = self.checkpoint.anchor(topic, partition);
        let read = Partition {
            reading,
            next_offset: start,
            is_at_end: false,
            begun_at: self.num_statistics,
            anchor,
            candidate: None,
        };
        self.partitions.insert(key.clone(), read);
        self.send(SourceItem::Assigned { partition: key.clone(), next_offset, end_offset: end }, 0);
        Begin::At(start)
    }

    /// Begins to fetch, or stops the partition.
    fn read_from(&mut self, partition: &TopicPartition, offset: i64) {
        if self.assignment == Assignment::ByGroup {
            return self.resume_from(partition, offset);
        }
        let mut list = TopicPartitionList::new();
        let added = list.add_partition_offset(&partition.0, partition.1, Offset::Offset(offset));
        if let Err(error) = added.and_then(|()| self.consumer.incremental_assign(&list)) {
            let reason =
                format!("the partition cannot be assigned ({error}); restart the server to try again");
            self.stop_partition(partition.clone(), reason);
        }
    }

    /// Hands a record on unless it was only read for comparison. False if the pipeline is gone.
    fn hand_on(&mut self, record: RawRecord) -> bool {
        let key = (record.topic.clone(), record.partition);
        let is_checking = self.anchor_check.is_under_way();
        let Some(partition) = self.partitions.get_mut(&key) else { return true };
        partition.next_offset = record.offset + 1;
        partition.is_at_end = false;
        if !self.met_ends.is_empty() {
            self.met_ends.remove(&key);
        }
        match partition.reading {
            PartitionState::On => {}
            PartitionState::Comparing(offset, expected) => {
                let is_same = record.offset != offset || fingerprint(&record) == expected;
                if !is_same {
                    let reason = self.another_topic(&key, offset);
                    self.stop_partition(key, reason);
                    return true;
                }
                partition.reading = PartitionState::On;
                if record.offset == offset {
                    return true; // read before
                }
                // Retention or compaction removed the record to compare with; nothing argues against continuing.
            }
            PartitionState::Halted | PartitionState::Stopped | PartitionState::Revoked => return true,
        }
        // Records read during a check may belong to another topic than the one the check saw.
        if partition.candidate.is_none() && !is_checking {
            partition.candidate = Some(Anchor { offset: record.offset, fingerprint: fingerprint(&record) });
        }
        let size_bytes = record.size_bytes();
        self.send(SourceItem::Record(record), size_bytes)
    }

    /// Collects the results of the anchor check, and starts the next one when it is due.
    fn check_anchors(&mut self) {
        for (key, verdict) in self.anchor_check.finished().into_iter().flatten() {
            let Some(partition) = self.partitions.get_mut(&key) else { continue };
            if matches!(partition.reading, PartitionState::Stopped | PartitionState::Revoked) {
                continue;
            }
            match (verdict, partition.candidate.take()) {
                (Verdict::Same, Some(anchor)) => {
                    partition.anchor = Some(anchor);
                    self.send(SourceItem::Anchored(key, anchor), 0);
                }
                (Verdict::Same, None) => {}
                (Verdict::Other, _) => {
                    let offset = partition.anchor.map_or(0, |anchor| anchor.offset);
                    let reason = self.another_topic(&key, offset);
                    self.stop_partition(key, reason);
                }
            }
        }
        if self.anchor_check.is_under_way() || Instant::now() < self.next_anchor_check {
            return;
        }
        self.next_anchor_check = Instant::now() + CHECK_INTERVAL;
        let mut anchors = Vec::new();
        let mut first_anchors = Vec::new();
        for (key, partition) in &mut self.partitions {
            if matches!(partition.reading, PartitionState::Stopped | PartitionState::Revoked) {
                continue;
            }
            if partition.anchor.is_none()
                && let Some(first) = partition.candidate.take()
            {
                // Nothing was read before this record, so it belongs to the topic being read.
                partition.anchor = Some(first);
                first_anchors.push((key.clone(), first));
            }
            anchors.extend(partition.anchor.map(|anchor| (key.clone(), anchor)));
        }
        for (key, anchor) in first_anchors {
            self.send(SourceItem::Anchored(key, anchor), 0);
        }
        self.anchor_check.begin(anchors);
    }

    fn on_error(&mut self, error: KafkaError) -> bool {
        match &error {
            KafkaError::PartitionEOF(partition) => return self.on_partition_end(*partition),
            // The client is of no further use: another process has taken this one's `group.instance.id`.
            KafkaError::MessageConsumptionFatal(_) => {
                return self.send(SourceItem::Failed(format!("the kafka client has failed: {error}")), 0);
            }
            _ if error.rdkafka_error_code() == Some(RDKafkaErrorCode::AutoOffsetReset) => {
                self.is_out_of_range = true;
            }
            // The client's context already reports failed connections, once.
            _ if self.brokers.outage().is_some() => debug!(%error, "reading from kafka failed; retrying"),
            _ => warn!(%error, "reading from kafka failed; retrying"),
        }
        true
    }

    /// librdkafka names the partition but not the topic. With several topics, only those whose position says so are
    /// taken to be at their end.
    fn on_partition_end(&mut self, partition: i32) -> bool {
        let Ok(positions) = self.consumer.position() else { return true };
        let is_only_topic = self.topics.len() == 1;
        for topic in self.topics.clone() {
            let key = (topic, partition);
            let position = positions.find_partition(&key.0, partition).map(|element| element.offset());
            let end = self.brokers.end(&key);
            let is_at_end = is_only_topic
                || matches!((position, end), (Some(Offset::Offset(position)), Some(end)) if position >= end);
            let Some(partition) = self.partitions.get_mut(&key) else { continue };
            partition.is_at_end |= is_at_end;
            if is_at_end && !self.send(SourceItem::AtEnd(key), 0) {
                return false;
            }
        }
        true
    }

    /// Moves partitions whose end was reached to that end: between it and their last record there are only transaction
    /// markers, or records that were aborted or compacted away, which no consumer ever sees. Called when the queue is
    /// empty.
    ///
    /// Statistics may be ahead of the queue. What the client had read when it reached an end has been handed on only
    /// once the queue was empty afterwards, so statistics take effect in the call after the one that saw them.
    fn pass_marks(&mut self) {
        for (key, end) in std::mem::take(&mut self.met_ends) {
            let Some(partition) = self.partitions.get_mut(&key) else { continue };
            let reads = matches!(partition.reading, PartitionState::On | PartitionState::Comparing(..));
            let is_news = self.num_statistics >= partition.begun_at + SETTLING_STATISTICS;
            if reads && (partition.is_at_end || is_news) && end > partition.next_offset {
                debug!(topic = %key.0, partition = key.1, end, "only transaction markers are left before the end");
                partition.next_offset = end;
                self.send(SourceItem::Passed { partition: key.clone(), next_offset: end }, 0);
                self.send(SourceItem::AtEnd(key), 0);
            }
        }
        if let Some((num_statistics, met_ends)) = self.brokers.met_ends_since(self.num_statistics) {
            (self.num_statistics, self.met_ends) = (num_statistics, met_ends);
        }
    }

    /// Some partition's offset no longer exists, and the client has stopped fetching it; the error does not say which
    /// one, so the brokers are asked until they answer. A partition that turns out to be in range (its leader lagged
    /// for a moment) is fetched again.
    fn find_out_of_range(&mut self) {
        let reading = self.partitions.iter().filter(|(_, partition)| {
            matches!(partition.reading, PartitionState::On | PartitionState::Comparing(..))
        });
        let reading: Vec<_> = reading.map(|(key, partition)| (key.clone(), partition.next_offset)).collect();
        let mut is_answered = true;
        for (key, next_offset) in reading {
            let Ok(watermarks) = self.consumer.fetch_watermarks(&key.0, key.1, BROKER_TIMEOUT) else {
                is_answered = false;
                continue;
            };
            match self.out_of_range(&key, next_offset, watermarks) {
                Some(reason) => self.stop_partition(key, reason),
                None => {
                    self.unassign(&key);
                    self.read_from(&key, next_offset);
                }
            }
        }
        self.is_out_of_range = !is_answered;
    }

    fn stop_partition(&mut self, key: TopicPartition, reason: String) {
        error!(topic = %key.0, partition = key.1, reason, "stopped the partition");
        self.unassign(&key);
        let partition = Partition {
            reading: PartitionState::Stopped,
            next_offset: -1,
            is_at_end: false,
            begun_at: 0,
            anchor: None,
            candidate: None,
        };
        self.partitions.insert(key.clone(), partition);
        self.send(SourceItem::Stopped { partition: key, reason }, 0);
    }

    fn out_of_range(&self, key: &TopicPartition, next_offset: i64, watermarks: (i64, i64)) -> Option<String> {
        out_of_range(next_offset, watermarks, &self.how_to_reset(key))
    }

    fn another_topic(&self, key: &TopicPartition, offset: i64) -> String {
        let reset = self.how_to_reset(key);
        format!(
            "the record at offset {offset} is not the one that the index has read: the topic was deleted and created again; \
             {reset} to read the new one"
        )
    }

    fn how_to_reset(&self, (topic, partition): &TopicPartition) -> String {
        if self.assignment == Assignment::ByGroup {
            return format!(
                "stop every process of the group and run Kafka's own `kafka-consumer-groups.sh --group {} \
                 --topic {topic}:{partition} --reset-offsets --to-earliest --execute`",
                self.group_id
            );
        }
        format!(
            "stop the server and run `hearken index reset-offset --topic {topic} --partition {partition} --to earliest`"
        )
    }

    fn is_stopped(&self, key: &TopicPartition) -> bool {
        self.partitions.get(key).is_some_and(|partition| matches!(partition.reading, PartitionState::Stopped))
    }

    /// Stops fetching the partition. With a group, it must stay assigned until the group takes it away.
    fn unassign(&self, (topic, partition): &TopicPartition) {
        let mut list = TopicPartitionList::new();
        list.add_partition(topic, *partition);
        let unassigned = match self.assignment {
            Assignment::ByGroup => self.consumer.pause(&list),
            _ => self.consumer.incremental_unassign(&list),
        };
        if let Err(error) = unassigned {
            debug!(%topic, partition, %error, "the partition was not assigned");
        }
    }

    fn handle(&mut self, command: SourceCommand) {
        match command {
            SourceCommand::Commit(checkpoint) => self.commit(checkpoint),
            SourceCommand::GiveUp(partitions) => self.give_up(&partitions),
            SourceCommand::Halt(key) => {
                if let Some(partition) = self.partitions.get_mut(&key)
                    && !matches!(partition.reading, PartitionState::Stopped | PartitionState::Revoked)
                {
                    partition.reading = PartitionState::Halted;
                    self.unassign(&key);
                    self.send(SourceItem::Halted(key), 0);
                }
            }
            SourceCommand::Restart(key, next_offset) => {
                if let Some(partition) = self.partitions.get_mut(&key)
                    && matches!(partition.reading, PartitionState::Halted)
                {
                    (partition.reading, partition.next_offset) = (PartitionState::On, next_offset);
                    (partition.is_at_end, partition.begun_at) = (false, self.num_statistics);
                    self.read_from(&key, next_offset);
                }
            }
        }
    }

    /// Unless a group assigns partitions, these offsets are only for lag tools: Hearken itself never reads them.
    fn commit(&mut self, checkpoint: Checkpoint) {
        fail::fail_point!("offset-commit");
        (self.committed, self.is_confirmed) = (checkpoint, false);
        if self.brokers.outage().is_some() {
            return; // the next commit includes it
        }
        let list = self.committed_here();
        if list.count() == 0 {
            return;
        }
        if let Err(error) = self.consumer.commit(&list, CommitMode::Async) {
            debug!(%error, "offsets were not committed to the group");
        }
    }

    /// What was last committed, for the partitions read here.
    fn committed_here(&self) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for (topic, partitions) in &self.committed.topics {
            for (partition, position) in partitions {
                if self.partitions.contains_key(&(topic.as_str().into(), *partition)) {
                    let mut element = list.add_partition(topic, *partition);
                    if let Err(error) = element.set_offset(Offset::Offset(position.next_offset)) {
                        debug!(topic, partition, %error, "not a committable offset");
                    }
                    if self.assignment == Assignment::ByGroup {
                        group::set_metadata(&mut element, &self.committed, (topic, *partition));
                    }
                }
            }
        }
        list
    }

    /// Asks the group what was last committed, because the client does not tell what became of a commit. That takes a
    /// round trip, or [`COMMITTED_TIMEOUT`] while the brokers are away. Returns whether the group has it.
    fn confirm(&mut self) -> Result<bool, KafkaError> {
        let wanted = self.committed_here().to_topic_map();
        let mut asked = TopicPartitionList::new();
        for (topic, partition) in wanted.keys() {
            asked.add_partition(topic, *partition);
        }
        self.is_confirmed = wanted.is_empty()
            || self.consumer.committed_offsets(asked, COMMITTED_TIMEOUT)?.to_topic_map() == wanted;
        Ok(self.is_confirmed)
    }

    /// Repeats a commit that the group has not accepted, as can happen during a rebalance.
    fn commit_again(&mut self) {
        if self.is_confirmed || self.brokers.outage().is_some() {
            return;
        }
        match self.confirm() {
            Ok(true) => {}
            Ok(false) => {
                let checkpoint = std::mem::take(&mut self.committed);
                self.commit(checkpoint);
            }
            Err(error) => debug!(%error, "cannot ask the group what is committed"),
        }
    }

    /// Waits until the group has what was last committed, committing again where necessary; returns whether it has. The
    /// wait is short: a server must be able to stop while the brokers are away, which librdkafka's own waiting would
    /// prevent.
    fn ensure_committed(&mut self) -> bool {
        let deadline = Instant::now() + COMMIT_PATIENCE;
        loop {
            self.commit_again();
            if self.is_confirmed || self.brokers.outage().is_some() || Instant::now() >= deadline {
                return self.is_confirmed;
            }
            std::thread::sleep(POLL_TIMEOUT);
        }
    }

    fn send(&self, item: SourceItem, size_bytes: usize) -> bool {
        self.items.push(item, size_bytes).is_ok()
    }
}

/// Why a partition cannot be read from that offset, if so; `reset` says how to continue.
fn out_of_range(next_offset: i64, (begin, end): (i64, i64), reset: &str) -> Option<String> {
    if next_offset > end {
        return Some(format!(
            "the index has read up to offset {next_offset} and the partition ends at {end}: the topic was probably \
             deleted and created again; {reset} to read the new one"
        ));
    }
    (next_offset < begin).then(|| {
        format!(
            "the index must resume at offset {next_offset} and the broker's oldest record is {begin}: retention has \
             removed records that were never read; {reset} to continue without them"
        )
    })
}
