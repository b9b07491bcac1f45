//! The thread that turns records into searchable documents, batch by batch.
//!
//! ```text
//! source ──queue──► decode ─► enrich ─► fold ─► derive ─► put ─► refresh ──► searchable
//!          20,000     │                                             │
//!          32 MiB     └──► dead letters, acknowledged before ───────┘  flush thread ──► durable ─► commit to the group
//! ```
//!
//! Documents and the offsets after them are one commit. The thread only moves data; the rules are plain values without
//! a clock: when a batch is due ([`batch`]), what is left of the backlog ([`backlog`]), how far ingest is behind
//! ([`lag`]), and when periodic tasks are due ([`schedule`]).

mod backlog;
mod batch;
mod lag;
mod schedule;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Receiver, unbounded};
use futures::channel::oneshot;
use hearken_config::{IngestConfig, KafkaConfig, PrivacyConfig};
use hearken_geoip::GeoIp;
use hearken_index::checkpoint::{Checkpoint, PartitionPosition};
use hearken_index::{Lookup, SearchError, Store, StoreError};
use hearken_model::{Event, FoldOutcome, InteractionId, State, Timestamp, error_chain};
use tracing::{debug, error, info, info_span, warn};

use crate::decode::{Decoded, ORGANIZATION_HEADER, RejectionKind, decode, invalid_id};
use crate::derive::Deriver;
use crate::enrich::Enrichment;
use crate::erasure::{Eraser, ErasureOrder};
use crate::fold::{FoldError, FoldResult, OpenInteractions};
use crate::halted::HaltedPartitions;
use crate::kafka::{DeadLetters, KafkaError, KafkaSource};
use crate::log::LocalLog;
use crate::metrics::{IngestMetrics, RecordOutcome};
use crate::patience::PatientLookup;
use crate::queue::{QueueReceiver, queue};
use crate::record::RawRecord;
use crate::retention::Retention;
use crate::source::{
    Assignment, SourceCommand, SourceError, SourceItem, Sources, TopicPartition, fingerprint,
};
use crate::status::IngestStatus;
use backlog::Backlog;
use batch::{Batch, Deadline};
use lag::{Lag, num_records_between};
use schedule::Schedule;

/// Most records and bytes between the source and the pipeline.
const QUEUE_RECORDS_MAX: usize = 20_000;
const QUEUE_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Most idle interactions judged in one sweep; the rest waits for the next.
const SWEEP_SIZE: usize = 1_000;
/// Most erasure orders per batch, each of at most a thousand interactions.
const ERASURES_MAX: usize = 16;
/// Pause before retrying repeated conflicts: it grows by the first each time, up to the second.
const CONFLICT_INTERVAL: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(500));
/// How often conflicts are retried when ingest is to stop.
const CONFLICT_TRIES_AT_STOP: u32 = 5;
/// A batch that takes this long after its last record is logged.
const SLOW_BATCH: Duration = Duration::from_secs(2);
/// Pause before a retry.
const RETRY_INTERVAL: Duration = Duration::from_millis(500);

/// The parts of ingest.
pub struct IngestParts {
    /// The brokers that events come from, if any.
    pub kafka: Option<KafkaConfig>,
    /// Who decides which of their partitions are read here.
    pub assignment: Assignment,
    /// The log of events received over HTTP. With neither source, only the passing of time changes anything.
    pub log: Option<LocalLog>,
    /// The intervals.
    pub config: IngestConfig,
    /// What to keep about people.
    pub privacy: PrivacyConfig,
    /// How long to keep it.
    pub retention: Retention,
    /// Locates addresses.
    pub geoip: GeoIp,
    /// Analysis, billing and the other rules of docs/reference.md.
    pub deriver: Deriver,
    /// The index.
    pub writer: Box<dyn Store>,
    /// The index's newest view.
    pub reader: Arc<dyn Lookup>,
    /// Counters.
    pub metrics: IngestMetrics,
}

/// A running ingest. [`Ingest::stop`] it, or it runs until the process ends.
pub struct Ingest {
    thread: JoinHandle<Result<(), IngestError>>,
    is_stopping: Arc<AtomicBool>,
    status: IngestStatus,
    eraser: Eraser,
}

/// Why ingest cannot run at all.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// librdkafka refuses the settings.
    #[error("kafka rejects its settings; see [kafka] and [kafka.librdkafka] in the configuration")]
    Kafka(#[from] KafkaError),
    /// The system refuses to start a thread.
    #[error("cannot start the ingest thread")]
    Thread(#[from] std::io::Error),
    /// The last flush failed; what it would have made durable is read again at the next start.
    #[error("the last flush failed; what it would have made durable is read again at the next start")]
    LastFlush(#[source] StoreError),
    /// The pipeline panicked.
    #[error("the ingest thread panicked; see the log")]
    Panicked,
}

impl Ingest {
    /// Starts the pipeline and the source, each on its own thread.
    ///
    /// # Errors
    /// The settings are refused. Unreachable brokers are no error: ingest waits for them, and [`Ingest::status`] says
    /// so.
    pub fn start(mut parts: IngestParts) -> Result<Self, IngestError> {
        let withholds_payloads = parts.privacy.withholds_payloads();
        let dead_letters = parts.kafka.as_ref();
        let dead_letters =
            dead_letters.map(|kafka| DeadLetters::open(kafka, withholds_payloads)).transpose()?;
        if let Some(kafka) = &parts.kafka {
            KafkaSource::check(kafka, parts.assignment)?;
        }
        let (orders_tx, orders) = unbounded();
        let eraser = Eraser::new(orders_tx, parts.kafka.as_ref(), parts.log.clone())?;
        let is_stopping = Arc::new(AtomicBool::new(false));
        let status = IngestStatus::default();
        if parts.assignment != Assignment::ByHand {
            let (status, is_stopping) = (status.clone(), Arc::clone(&is_stopping));
            parts.reader = Arc::new(PatientLookup { reader: parts.reader, status, is_stopping });
        }
        let pipeline = Pipeline {
            next: Checkpoint::default(),
            searchable: Checkpoint::default(),
            open: OpenInteractions::new(),
            enrichment: Enrichment::new(parts.geoip.clone(), &parts.privacy),
            dead_letters,
            backlog: Backlog::default(),
            lag: Lag::default(),
            halted: HaltedPartitions::default(),
            batch: Batch::default(),
            num_batches: 0,
            status: status.clone(),
            is_stopping: Arc::clone(&is_stopping),
            last_batch: None,
            committed_sequence: None,
            schedule: Schedule::new(parts.config.idle_timeout),
            orders,
            erasing: Vec::new(),
            revoked: Vec::new(),
            parts,
        };
        let thread = std::thread::Builder::new().name("ingest".into()).spawn(move || pipeline.run())?;
        Ok(Ingest { thread, is_stopping, status, eraser })
    }

    /// The status for the readiness check.
    pub fn status(&self) -> IngestStatus {
        self.status.clone()
    }

    /// A handle to request erasures.
    pub fn eraser(&self) -> Eraser {
        self.eraser.clone()
    }

    /// Whether the thread has ended on its own, which only a panic causes.
    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// Finishes the current batch, makes everything durable, commits the offsets and ends.
    ///
    /// # Errors
    /// See [`IngestError`].
    pub fn stop(self) -> Result<(), IngestError> {
        self.is_stopping.store(true, Ordering::Release);
        self.thread.join().unwrap_or(Err(IngestError::Panicked))
    }
}

struct Pipeline {
    parts: IngestParts,
    /// The offsets after everything folded.
    next: Checkpoint,
    /// The offsets after everything searchable: those of the last refresh. They stay behind `next` after a refresh
    /// while large interactions are deferred, so that after a crash their events are read again.
    searchable: Checkpoint,
    open: OpenInteractions,
    enrichment: Enrichment,
    dead_letters: Option<DeadLetters>,
    backlog: Backlog,
    lag: Lag,
    halted: HaltedPartitions,
    batch: Batch,
    /// Batches made searchable since the start; also numbers the current one in the log.
    num_batches: u64,
    status: IngestStatus,
    is_stopping: Arc<AtomicBool>,
    last_batch: Option<Instant>,
    /// The last flush whose offsets were committed to the group.
    committed_sequence: Option<u64>,
    schedule: Schedule,
    orders: Receiver<ErasureOrder>,
    /// Notified once what was folded is durable. Dropped if the index goes back before that.
    erasing: Vec<oneshot::Sender<Result<(), String>>>,
    /// Partitions that the group is taking away.
    revoked: Vec<TopicPartition>,
}

/// The index went back to its durable state: read again from there.
struct Restart(String);

impl From<SourceError> for Restart {
    fn from(error: SourceError) -> Self {
        Restart(error_chain(&error))
    }
}

impl From<SearchError> for Restart {
    fn from(error: SearchError) -> Self {
        Restart(format!("the index cannot be read: {}", error_chain(&error)))
    }
}

impl Pipeline {
    fn run(mut self) -> Result<(), IngestError> {
        while !self.is_stopping() {
            let durable = match self.parts.assignment {
                Assignment::ByHand => Checkpoint::clone(&self.parts.writer.durable().checkpoint),
                // The group decides which partitions, and from where.
                Assignment::ByGroup | Assignment::Nothing => Checkpoint::default(),
            };
            self.parts.metrics.replayed(num_records_between(&durable, &self.next));
            self.next = durable;
            self.searchable = self.next.clone();
            self.open.clear();
            self.batch = Batch::default();
            self.halted = HaltedPartitions::default();
            self.erasing.clear();
            self.revoked.clear();
            self.lag = Lag::default();
            self.parts.metrics.partitions(0);
            self.status.set_leads(self.parts.assignment == Assignment::ByHand);
            if let Err(Restart(reason)) = self.consume() {
                error!(reason, "reading again from the durable offsets");
                self.parts.metrics.restarted("index");
                self.status.set_trouble(Some(reason));
                std::thread::sleep(RETRY_INTERVAL);
            }
        }
        self.parts.writer.flush().map_err(IngestError::LastFlush)
    }

    fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Acquire)
    }

    /// Reads until told to stop.
    fn consume(&mut self) -> Result<(), Restart> {
        let (items_tx, items_rx) = queue(QUEUE_RECORDS_MAX, QUEUE_BYTES_MAX);
        let kafka = self.parts.kafka.as_ref().map(|kafka| (kafka, self.parts.assignment));
        let sources = Sources::start(kafka, self.parts.log.as_ref(), &self.next, &items_tx)?;
        drop(items_tx);
        self.backlog = Backlog::new(sources.len());
        let consumed = self.consume_from(&sources, &items_rx);
        drop(items_rx); // unblocks a source that waits for room
        consumed
    }

    fn consume_from(&mut self, sources: &Sources, items: &QueueReceiver<SourceItem>) -> Result<(), Restart> {
        while !self.is_stopping() {
            let span = info_span!("batch", batch = self.num_batches).entered();
            self.gather(items)?;
            self.fold_erasures()?;
            self.finish_batch(sources)?;
            self.finish_erasures();
            self.give_up_revoked(sources)?;
            drop(span);
            self.run_periodic_tasks(sources)?;
        }
        // Make everything folded durable while the sources still live, so that they can tell the group.
        match self.parts.writer.flush() {
            Ok(()) => self.commit_durable_offsets(sources),
            Err(error) => warn!(%error, "the last flush failed"),
        }
        Ok(())
    }

    /// Replaces the interactions to erase with tombstones.
    fn fold_erasures(&mut self) -> Result<(), Restart> {
        while self.erasing.len() < ERASURES_MAX
            && let Ok(ErasureOrder { ids, answer }) = self.orders.try_recv()
        {
            for id in ids {
                let erasure = Event { erase: true, ..Event::new(id, now(), now()) };
                match self.open.fold_all(vec![(erasure, None)], &*self.parts.reader) {
                    Err(FoldError::Index(error)) => return Err(error.into()),
                    Ok(_) | Err(FoldError::Limit(_)) => {} // an erasure adds nothing that could exceed a limit
                }
            }
            self.erasing.push(answer);
        }
        Ok(())
    }

    /// Makes erasures durable once no search finds their interactions, and reports them done.
    fn finish_erasures(&mut self) {
        // A deferred document may be a log that mentions what was erased.
        if self.erasing.is_empty() || self.open.has_deferred() {
            return;
        }
        let outcome = self.parts.writer.flush().map_err(|error| error_chain(&error));
        for answer in self.erasing.drain(..) {
            let _ = answer.send(outcome.clone()); // the caller may be gone
        }
    }

    /// Gives up the partitions that the group is taking away, once everything of them is durable.
    fn give_up_revoked(&mut self, sources: &Sources) -> Result<(), Restart> {
        if self.revoked.is_empty() {
            return Ok(());
        }
        while self.open.has_deferred() {
            self.open.hurry();
            self.finish_batch(sources)?;
        }
        self.parts.writer.flush().map_err(restart)?;
        self.commit_durable_offsets(sources);
        let revoked = std::mem::take(&mut self.revoked);
        for partition in &revoked {
            self.next.remove(&partition.0, partition.1);
            self.searchable.remove(&partition.0, partition.1);
            self.backlog.remove(partition);
            self.lag.end(partition);
            self.halted.remove(partition);
            self.report_stopped(partition.clone(), None);
            if self.is_leading(partition) {
                self.status.set_leads(false);
            }
            self.parts.metrics.forget(&partition.0, partition.1);
        }
        self.parts.metrics.partitions(self.lag.num_partitions());
        // Other processes continue with these interactions.
        self.open.clear();
        sources.send(SourceCommand::GiveUp(revoked));
        Ok(())
    }

    /// Whether the process that has this partition is the leader: see [`IngestStatus::leads`].
    fn is_leading(&self, (topic, partition): &TopicPartition) -> bool {
        let first = self.parts.kafka.as_ref().and_then(|kafka| kafka.topics.first());
        *partition == 0 && first.is_some_and(|first| **first == **topic)
    }

    /// Takes items from the sources until the batch is due.
    fn gather(&mut self, items: &QueueReceiver<SourceItem>) -> Result<(), Restart> {
        let deadline = Deadline::new(Instant::now(), self.last_batch, self.parts.config.refresh_interval);
        loop {
            let now = Instant::now();
            let is_idle = self.batch.num_records() == 0 && self.open.is_clean(now);
            match items.pop(deadline.timeout(now, is_idle)) {
                Some(item) => self.process(item)?,
                None => return Ok(()),
            }
            let is_full = self.batch.is_full() || self.open.is_full() || !self.revoked.is_empty();
            if is_full || deadline.is_over(Instant::now()) {
                return Ok(());
            }
        }
    }

    fn process(&mut self, item: SourceItem) -> Result<(), Restart> {
        match item {
            SourceItem::Record(record) => self.process_record(record)?,
            SourceItem::Assigned { partition, next_offset, end_offset } => {
                self.backlog.assign(partition.clone(), next_offset, end_offset);
                self.lag.begin(partition.clone(), next_offset);
                self.parts.metrics.partitions(self.lag.num_partitions());
                if self.is_leading(&partition) {
                    self.status.set_leads(true);
                }
                self.report_stopped(partition, None);
            }
            SourceItem::Anchored((topic, partition), anchor) => {
                // It goes with the next commit; until then the previous anchor is as good.
                self.next.set_anchor(&topic, partition, anchor);
            }
            SourceItem::AtEnd(partition) => self.backlog.remove(&partition),
            SourceItem::Passed { partition, next_offset } => self.skip_to(&partition, next_offset),
            SourceItem::AllAssigned => {
                if self.backlog.finish_assignment()
                    && let Some(dead_letters) = &self.dead_letters
                {
                    dead_letters.ensure_topic();
                }
            }
            SourceItem::Halted(partition) => self.halted.release(&partition),
            SourceItem::Revoked(partitions) => self.revoked.extend(partitions),
            SourceItem::Failed(reason) => return Err(Restart(reason)),
            SourceItem::Stopped { partition, reason } => {
                self.backlog.remove(&partition);
                self.halted.remove(&partition);
                self.report_stopped(partition, Some(reason));
            }
        }
        Ok(())
    }

    /// Moves a partition past offsets that are not records. The fingerprint stays: if there is a record at the previous
    /// offset, this is another topic.
    fn skip_to(&mut self, key: &TopicPartition, next_offset: i64) {
        let position = self.next.position(&key.0, key.1);
        if self.halted.contains(key) || position.is_some_and(|position| position.next_offset >= next_offset) {
            return;
        }
        let fingerprint = position.and_then(|position| position.fingerprint);
        self.next.set(&key.0, key.1, PartitionPosition { next_offset, fingerprint });
        self.batch.add_other_change();
    }

    /// Decodes, enriches and folds one record.
    fn process_record(&mut self, record: RawRecord) -> Result<(), Restart> {
        let key = (record.topic.clone(), record.partition);
        if self.halted.contains(&key) {
            return Ok(()); // it is read again when the partition resumes
        }
        let size_bytes = record.size_bytes();
        self.parts.metrics.read(&record.topic, size_bytes);
        self.batch.add(size_bytes);
        let position =
            PartitionPosition { next_offset: record.offset + 1, fingerprint: Some(fingerprint(&record)) };
        fail::fail_point!("decode");
        let decoded = decode(&record, now());
        fail::fail_point!("decoded");
        let decoded = self.reject_other_organizations(&record, decoded)?;
        let metrics = &self.parts.metrics;
        let rejected = match decoded {
            Decoded::Rejected(rejection) => Some(rejection),
            Decoded::Ignored(what) => {
                debug!(
                    topic = %record.topic,
                    partition = record.partition,
                    offset = record.offset,
                    what,
                    "ignored"
                );
                metrics.record(&record.topic, RecordOutcome::Ignored);
                None
            }
            Decoded::Events(events) => {
                let events = events.into_iter().map(|event| self.enrichment.apply(event, metrics)).collect();
                match self.open.fold_all(events, &*self.parts.reader) {
                    Ok(FoldResult { outcome, is_large }) => {
                        self.batch.add_folded(record.timestamp, is_large);
                        let outcome = match outcome {
                            FoldOutcome::Applied => RecordOutcome::Applied,
                            FoldOutcome::Duplicate => RecordOutcome::Duplicate,
                            FoldOutcome::Erased => RecordOutcome::Erased,
                        };
                        metrics.record(&record.topic, outcome);
                        None
                    }
                    Err(FoldError::Limit(limit)) => Some(RejectionKind::OverLimit.because(limit.to_string())),
                    Err(FoldError::Index(error)) => return Err(error.into()),
                }
            }
        };
        fail::fail_point!("folded");
        self.backlog.advance(&key, position.next_offset);
        self.next.set(&record.topic, record.partition, position);
        if let Some(rejection) = rejected {
            self.batch.dead_letters.push((record, rejection));
        }
        Ok(())
    }

    /// Refuses a record that is bound to one organization but mentions another one's interaction. The intake has
    /// already refused it, unless the interaction was unknown then.
    fn reject_other_organizations(
        &mut self,
        record: &RawRecord,
        decoded: Decoded,
    ) -> Result<Decoded, Restart> {
        if let (Decoded::Events(events), Some(organization)) = (&decoded, record.header(ORGANIZATION_HEADER))
        {
            for event in events {
                if !self.open.may_fold(organization, event, &*self.parts.reader)? {
                    return Ok(Decoded::Rejected(invalid_id()));
                }
            }
        }
        Ok(decoded)
    }

    /// Makes the batch searchable: dead letters first, then documents and offsets in one commit. What another process
    /// has written meanwhile is joined and written again until nothing is left; the offsets come with the last write.
    fn finish_batch(&mut self, sources: &Sources) -> Result<(), Restart> {
        let at = Instant::now();
        if self.batch.is_empty() && self.open.is_clean(at) {
            self.report_backlog();
            return Ok(());
        }
        self.last_batch = Some(at);
        self.write_dead_letters(sources);
        let now_judged = self.status.is_backlog_read().then(now);
        let mut removed = self.put_dirty(at, now_judged)?;
        for num_tries in 0.. {
            let conflicts = self.refresh()?;
            if conflicts.is_empty() {
                break;
            }
            self.parts.metrics.conflicts(conflicts.len());
            self.rejoin(&conflicts, num_tries)?;
            removed.retain(|id| !conflicts.contains(id));
            removed.extend(self.put_dirty(at, now_judged)?);
        }
        self.open.shrink();
        self.status.add_removed(self.batch.take_removed() + removed.len() as u64);
        if now_judged.is_some() {
            // While the backlog is being read, what comes next about them may be recent enough.
            removed.iter().for_each(|id| self.open.forget(id));
        }
        if !self.open.has_deferred() {
            self.searchable = self.next.clone();
        }
        self.report_batch(at.elapsed());
        let searchable_at = now();
        for recorded_at in self.batch.finish(self.open.has_deferred()) {
            self.parts.metrics.searchable(recorded_at, searchable_at);
        }
        self.report_lag(sources);
        self.status.set_trouble(None);
        self.report_backlog();
        Ok(())
    }

    fn report_batch(&mut self, took: Duration) {
        let (records, seconds) = (self.batch.num_records(), took.as_secs_f64());
        if took >= SLOW_BATCH {
            info!(records, seconds, "a slow batch");
        } else {
            debug!(records, seconds, "made a batch searchable");
        }
        self.num_batches += 1;
    }

    /// Derives and writes what has changed; returns what is past its retention and was removed instead.
    fn put_dirty(
        &mut self,
        at: Instant,
        now_judged: Option<Timestamp>,
    ) -> Result<Vec<InteractionId>, Restart> {
        let (retention, written_at, mut removed) = (&self.parts.retention, now(), Vec::new());
        let is_over = |state: &State| retention.is_over(state, written_at);
        let num_cut = self.open.project_logs(&*self.parts.reader, &is_over, now_judged.is_some())?;
        self.batch.add_removed(num_cut);
        let writer = &mut self.parts.writer;
        self.open.write_dirty(&mut self.parts.deriver, at, now_judged, |document| {
            fail::fail_point!("document-replace");
            if retention.is_over(&document.state, written_at) {
                writer.remove(document.id().clone(), document.revision);
                removed.push(document.id().clone());
            } else {
                writer.put(document);
            }
        });
        Ok(removed)
    }

    /// Joins what another process has written with what is known here, to be written again. A process that keeps losing
    /// waits a little, so that the other one gets ahead.
    fn rejoin(&mut self, conflicts: &[InteractionId], num_tries: u32) -> Result<(), Restart> {
        if num_tries >= CONFLICT_TRIES_AT_STOP && self.is_stopping() {
            return Err(Restart("stopped before everything was written".to_owned()));
        }
        if num_tries > 0 {
            std::thread::sleep(CONFLICT_INTERVAL.0.saturating_mul(num_tries).min(CONFLICT_INTERVAL.1));
        }
        for id in conflicts {
            self.open.rejoin(id, &*self.parts.reader)?;
        }
        Ok(())
    }

    /// Publishes the batch. While the disk or the cluster does not keep up, it waits and lets the queue fill. Returns
    /// conflicts.
    fn refresh(&mut self) -> Result<Vec<InteractionId>, Restart> {
        let checkpoint = if self.open.has_deferred() { &self.searchable } else { &self.next };
        let started = Instant::now();
        let conflicts = loop {
            match self.parts.writer.refresh(checkpoint) {
                Ok(conflicts) => break conflicts,
                Err(error @ (StoreError::Full { .. } | StoreError::NotWritten { .. }))
                    if !self.is_stopping() =>
                {
                    warn!(%error, "waiting for the index");
                    self.status.set_trouble(Some(error_chain(&error)));
                }
                Err(error) => return Err(restart(error)),
            }
        };
        self.parts.metrics.refreshed(started.elapsed().as_secs_f64());
        Ok(conflicts)
    }

    /// Writes the batch's dead letters. If one cannot be written, its partition stops before it; what was folded after
    /// it stays, because folding it again changes nothing.
    fn write_dead_letters(&mut self, sources: &Sources) {
        if self.batch.dead_letters.is_empty() {
            return;
        }
        let records = std::mem::take(&mut self.batch.dead_letters);
        let Some(dead_letters) = &self.dead_letters else {
            // Without Kafka there is no topic for them. The intake has refused whatever is wrong with an event by
            // itself; what remains is events that do not fit into their interaction.
            for (record, rejection) in records {
                let reason = rejection.shown_reason(self.parts.privacy.withholds_payloads());
                warn!(topic = %record.topic, offset = record.offset, %reason, "dropped an event");
                self.parts.metrics.dead_letter(&record.topic, rejection.kind);
            }
            return;
        };
        let topic = dead_letters.topic().to_owned();
        let outcomes = dead_letters.write(&records);
        debug_assert_eq!(outcomes.len(), records.len(), "an outcome for each dead letter");
        fail::fail_point!("dead-letters-flushed");
        for ((record, rejection), outcome) in records.into_iter().zip(outcomes) {
            let key = (record.topic.clone(), record.partition);
            match outcome {
                Ok(()) => {
                    debug!(
                        topic = %record.topic,
                        partition = record.partition,
                        offset = record.offset,
                        reason = %dead_letters.shown_reason(&rejection),
                        "dead letter"
                    );
                    self.parts.metrics.dead_letter(&record.topic, rejection.kind);
                }
                Err(_) if self.halted.contains(&key) => {}
                Err(error) => {
                    let reason = format!(
                        "its dead letters cannot be written to `{topic}` ({error}); make the topic writable, the \
                         partition then resumes on its own"
                    );
                    error!(
                        topic = %key.0,
                        partition = key.1,
                        offset = record.offset,
                        reason,
                        "stopped the partition"
                    );
                    self.report_stopped(key.clone(), Some(reason));
                    let position = PartitionPosition { next_offset: record.offset, fingerprint: None };
                    self.next.set(&key.0, key.1, position);
                    self.halted.halt(record, rejection, Instant::now());
                    sources.send(SourceCommand::Halt(key));
                }
            }
        }
    }

    /// Tells the readiness check how much of the backlog is left, once known, and when all of it is searchable.
    fn report_backlog(&mut self) {
        if self.status.is_backlog_read() {
            return;
        }
        if self.backlog.is_read() && !self.open.has_deferred() {
            info!("everything that was on the broker at start is searchable");
            self.status.set_backlog_read();
            return;
        }
        self.status.set_backlog(match self.backlog.num_records_left(&self.next) {
            Some(left) => format!("reading the backlog: {left} records left"),
            None => "waiting for kafka: not every topic could be read yet".to_owned(),
        });
    }

    /// Runs the periodic tasks, independently of batches.
    fn run_periodic_tasks(&mut self, sources: &Sources) -> Result<(), Restart> {
        let now = Instant::now();
        if self.schedule.housekeeping.is_due(now) {
            self.commit_durable_offsets(sources);
            self.report_lag(sources);
            self.report_durable_lag(sources);
            let outage = sources.outage();
            self.parts.metrics.broker_connected(outage.is_none());
            self.status.set_outage(outage);
            self.retry_halted(sources);
        }
        if self.schedule.count.is_due(now) {
            self.parts.metrics.open_interactions(self.parts.reader.count_in_progress()?);
        }
        if !self.status.leads() {
            return Ok(());
        }
        // Unread records may concern interactions that seem idle or old.
        let is_backlog_read = self.status.is_backlog_read();
        if is_backlog_read && self.schedule.sweep.is_due(now) {
            self.sweep()?;
        }
        if is_backlog_read && self.parts.retention.is_any() && self.schedule.retention.is_due(now) {
            self.remove_old()?;
        }
        Ok(())
    }

    /// Commits to the consumer group what has become durable since the last time.
    fn commit_durable_offsets(&mut self, sources: &Sources) {
        let durable = self.parts.writer.durable();
        if self.committed_sequence == Some(durable.sequence) {
            return;
        }
        self.committed_sequence = Some(durable.sequence);
        for (topic, partitions) in &durable.checkpoint.topics {
            for (partition, position) in partitions {
                self.parts.metrics.durable_offset(topic, *partition, position.next_offset);
            }
        }
        sources.send(SourceCommand::Commit(Checkpoint::clone(&durable.checkpoint)));
    }

    /// Measures how many records would have to be read again after a crash now.
    fn report_durable_lag(&self, sources: &Sources) {
        let durable = self.parts.writer.durable();
        for (partition, end_offset) in self.ends(sources) {
            let num_records = self.lag.num_records(&durable.checkpoint, &partition, end_offset);
            self.parts.metrics.durable_lag(&partition.0, partition.1, num_records);
        }
    }

    /// The last known ends of what is read here; the source still lists partitions that are being given up.
    fn ends(&self, sources: &Sources) -> Vec<(TopicPartition, i64)> {
        let mut ends = sources.end_offsets();
        ends.retain(|(partition, _)| self.lag.is_read(partition));
        ends
    }

    /// Measures how many records are not searchable yet.
    fn report_lag(&self, sources: &Sources) {
        for (partition, end_offset) in self.ends(sources) {
            let num_records = self.lag.num_records(&self.searchable, &partition, end_offset);
            self.parts.metrics.lag(&partition.0, partition.1, num_records);
        }
    }

    /// Resumes a partition whose dead letter could finally be written.
    fn retry_halted(&mut self, sources: &Sources) {
        let Some(dead_letters) = &self.dead_letters else { return };
        if let Some((partition, next_offset)) = self.halted.retry(dead_letters, Instant::now()) {
            info!(
                topic = %partition.0,
                partition = partition.1,
                offset = next_offset,
                "dead letters can be written again; resuming the partition"
            );
            self.report_stopped(partition.clone(), None);
            sources.send(SourceCommand::Restart(partition, next_offset));
        }
    }

    /// Tells readiness and metrics why a partition is stopped, or that it no longer is.
    fn report_stopped(&self, partition: TopicPartition, reason: Option<String>) {
        self.parts.metrics.stopped(&partition.0, partition.1, reason.is_some());
        self.status.set_stopped(partition, reason);
    }

    /// Removes what is past its retention; found by queries rather than from memory.
    fn remove_old(&mut self) -> Result<(), Restart> {
        let now = now();
        let mut num_removed = 0;
        self.open.touch_unjudged_logs(&*self.parts.reader)?;
        for (filters, cutoff) in self.parts.retention.cutoffs(now) {
            for id in self.parts.reader.silent_since(cutoff, &filters, SWEEP_SIZE)? {
                // The cache, or another process, may know of an event that searches do not find yet.
                let document = self.open.document(&id, &*self.parts.reader)?;
                if self.parts.retention.is_over(&document.state, now) {
                    self.parts.writer.remove(id.clone(), document.revision + 1);
                    self.open.touch_log_of(&id, &*self.parts.reader)?;
                    self.open.forget(&id);
                    self.batch.add_removed(1);
                    num_removed += 1;
                }
            }
        }
        if num_removed > 0 {
            info!(num_removed, "removed interactions that are older than their retention");
            self.schedule.retention.repeat(); // there may be more
        }
        Ok(())
    }

    /// Finds interactions that have been silent for the idle timeout, by a query rather than from memory.
    fn sweep(&mut self) -> Result<(), Restart> {
        let idle_ms = i64::try_from(self.parts.config.idle_timeout.as_millis()).unwrap_or(i64::MAX);
        let cutoff = now().plus_millis(idle_ms.saturating_neg());
        for id in self.parts.reader.idle_since(cutoff, SWEEP_SIZE)? {
            self.open.touch(&id, &*self.parts.reader)?;
        }
        Ok(())
    }
}

pub(crate) fn now() -> Timestamp {
    SystemTime::now().into()
}

fn restart(error: StoreError) -> Restart {
    Restart(error_chain(&error))
}

/// Next offsets by partition of the topic `interactions`.
#[cfg(test)]
fn checkpoint(positions: &[(i32, i64)]) -> Checkpoint {
    let mut checkpoint = Checkpoint::default();
    for (partition, next_offset) in positions {
        let position = PartitionPosition { next_offset: *next_offset, fingerprint: None };
        checkpoint.set("interactions", *partition, position);
    }
    checkpoint
}
