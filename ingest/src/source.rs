//! The port between the event sources and the pipeline: what a source reports, the commands it takes, and the sources
//! that run side by side, Kafka and the [local log](crate::log).

use std::sync::Arc;

use crossbeam_channel::{Sender, unbounded};
use hearken_config::KafkaConfig;
use hearken_index::checkpoint::{Anchor, Checkpoint, Fingerprint};
use hearken_model::Timestamp;

use crate::kafka::{KafkaError, KafkaSource};
use crate::log::{LocalLog, LogSource};
use crate::queue::QueueSender;
use crate::record::RawRecord;
use crate::status::Outage;

/// A topic's partition.
pub(crate) type TopicPartition = (Arc<str>, i32);

/// Who decides which of Kafka's partitions this process reads, and from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assignment {
    /// This process reads all of them, from the checkpoint of its own index.
    ByHand,
    /// The consumer group, from the offsets committed to it: several processes write to one index.
    ByGroup,
    /// Nobody: other processes read, this one reads none. It still handles erasures.
    Nothing,
}

/// What a source reports to the pipeline, in order.
#[derive(Debug)]
pub(crate) enum SourceItem {
    /// A partition is being read; its end was at `end_offset` when reading began.
    Assigned {
        /// The partition.
        partition: TopicPartition,
        /// Where reading begins.
        next_offset: i64,
        /// The end at that moment.
        end_offset: i64,
    },
    /// A record.
    Record(RawRecord),
    /// The topic was confirmed to be the same one after this record was read.
    Anchored(TopicPartition, Anchor),
    /// Everything in the partition was handed on; its last offsets may not be records (transactions, compaction).
    AtEnd(TopicPartition),
    /// Every record before this offset, the partition's end, was handed on: the last offsets are transaction markers.
    Passed {
        /// The partition.
        partition: TopicPartition,
        /// Where reading resumes.
        next_offset: i64,
    },
    /// The answer to [`SourceCommand::Halt`]: nothing more of the partition follows until a restart.
    Halted(TopicPartition),
    /// A partition was stopped, and stays so until an operator acts.
    Stopped {
        /// The partition.
        partition: TopicPartition,
        /// Why, and what to do.
        reason: String,
    },
    /// Everything the source can read now is assigned; each source reports this once.
    AllAssigned,
    /// The group is taking these partitions away, and nothing more of them follows. They are kept until everything of
    /// them is durable and [`SourceCommand::GiveUp`] says so.
    Revoked(Vec<TopicPartition>),
    /// The source cannot continue and has to be restarted.
    Failed(String),
}

/// Commands from the pipeline to the sources.
#[derive(Debug, Clone)]
pub(crate) enum SourceCommand {
    /// These offsets are durable: commit them to the group.
    Commit(Checkpoint),
    /// Stop reading this partition for now: its dead letters cannot be written.
    Halt(TopicPartition),
    /// Read this partition again from this offset, unless it was stopped in the meantime.
    Restart(TopicPartition, i64),
    /// Leave these revoked partitions to others.
    GiveUp(Vec<TopicPartition>),
}

/// Why a source cannot be started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    #[error("cannot read from kafka")]
    Kafka(#[from] KafkaError),
    #[error("cannot start a thread that reads the local log")]
    Log(#[from] std::io::Error),
}

/// The running sources. Dropping them ends their threads, which must not be waiting for room in the queue at that
/// point: close its other end first.
pub(crate) struct Sources {
    kafka: Option<(KafkaSource, Sender<SourceCommand>)>,
    log: Option<LogSource>,
}

impl Sources {
    /// Starts reading from `checkpoint` into `items`.
    ///
    /// # Errors
    /// librdkafka refuses the settings, or the system refuses to start a thread.
    pub(crate) fn start(
        kafka: Option<(&KafkaConfig, Assignment)>,
        log: Option<&LocalLog>,
        checkpoint: &Checkpoint,
        items: &QueueSender<SourceItem>,
    ) -> Result<Self, SourceError> {
        let kafka = match kafka {
            None | Some((_, Assignment::Nothing)) => None,
            Some(config) => {
                let (commands_tx, commands_rx) = unbounded();
                let source = KafkaSource::start(config, checkpoint.clone(), items.clone(), commands_rx)?;
                Some((source, commands_tx))
            }
        };
        let log = log.map(|log| LogSource::start(log, checkpoint, items.clone())).transpose()?;
        Ok(Sources { kafka, log })
    }

    /// How many sources run, and thus how many [`SourceItem::AllAssigned`] will come.
    pub(crate) fn len(&self) -> usize {
        usize::from(self.kafka.is_some()) + usize::from(self.log.is_some())
    }

    /// Sends a command to every source; a command about a partition is handled by the source that has it.
    pub(crate) fn send(&self, command: SourceCommand) {
        if let Some(log) = &self.log {
            log.handle(&command);
        }
        if let Some((_, commands)) = &self.kafka {
            let _ = commands.send(command); // it is gone only if the pipeline is stopping anyway
        }
    }

    /// The last known end of every partition that is read.
    pub(crate) fn end_offsets(&self) -> Vec<(TopicPartition, i64)> {
        let mut ends = self.kafka.as_ref().map(|(kafka, _)| kafka.end_offsets()).unwrap_or_default();
        ends.extend(self.log.as_ref().and_then(LogSource::end_offset));
        ends
    }

    /// The current outage, if no broker can be reached.
    pub(crate) fn outage(&self) -> Option<Outage> {
        self.kafka.as_ref().and_then(|(kafka, _)| kafka.outage())
    }
}

/// Distinguishes a record from another at the same offset of a topic with the same name. FNV-1a, because it never
/// changes, and only accidents have to be caught.
pub(crate) fn fingerprint(record: &RawRecord) -> Fingerprint {
    const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let key = record.key.as_deref().unwrap_or_default();
    let key_hash = key.iter().fold(OFFSET_BASIS, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME));
    let timestamp_ms = record.timestamp.map_or(-1, Timestamp::as_millis);
    Fingerprint { timestamp_ms, key_hash }
}
