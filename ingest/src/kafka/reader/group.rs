//! Follows the consumer group, which decides which partitions are ours.
//!
//! - An assigned partition is read from its committed offset, or from its beginning. The commit's metadata holds the
//!   rest of a checkpoint, so that a recreated topic is noticed.
//! - A revoked partition is kept until the pipeline has made everything of it durable and the group has the commit. If
//!   that takes too long, the next owner rereads the end of it, which changes nothing.
//!
//! The client waits meanwhile, and fetches nothing new.

use std::time::Duration;

use hearken_index::checkpoint::{Anchor, Checkpoint, Fingerprint, PartitionPosition};
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList, TopicPartitionListElem};
use serde::{Deserialize, Serialize};
use tracing::{debug, error, info, warn};

use super::super::consumer::Rebalance;
use super::{BROKER_TIMEOUT, Begin, KafkaReader, PartitionState};
use crate::source::{SourceItem, TopicPartition};

/// What the group has asked for and is still waiting for.
#[derive(Debug)]
pub(super) enum Rebalancing {
    /// Nothing.
    Done,
    /// These partitions are ours, and the brokers have not said yet where to begin.
    TakingOver(Vec<TopicPartition>),
    /// These are given up once the pipeline says so.
    Revoking(Vec<TopicPartition>),
}

/// What is committed along with an offset.
#[derive(Debug, Default, Serialize, Deserialize)]
struct CommitMetadata {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fingerprint: Option<Fingerprint>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    anchor: Option<Anchor>,
}

/// Adds what the checkpoint holds for the partition besides its offset.
pub(super) fn set_metadata(
    element: &mut TopicPartitionListElem<'_>,
    checkpoint: &Checkpoint,
    (topic, partition): (&str, i32),
) {
    let fingerprint = checkpoint.position(topic, partition).and_then(|position| position.fingerprint);
    let metadata = CommitMetadata { fingerprint, anchor: checkpoint.anchor(topic, partition) };
    // Numbers always serialise; without them, only a recreated topic would go unnoticed.
    element.set_metadata(serde_json::to_string(&metadata).unwrap_or_default());
}

impl KafkaReader {
    /// Carries out the group's next request.
    pub(super) fn follow_group(&mut self) {
        if !matches!(self.rebalancing, Rebalancing::Done) {
            return;
        }
        match self.brokers.next_rebalance() {
            None => {}
            Some(Rebalance::Assigned(partitions)) => {
                self.rebalancing = Rebalancing::TakingOver(partitions);
                self.take_over();
            }
            Some(Rebalance::Revoked(partitions)) => {
                for key in &partitions {
                    if let Some(partition) = self.partitions.get_mut(key) {
                        partition.reading = PartitionState::Revoked;
                    }
                }
                self.rebalancing = Rebalancing::Revoking(partitions.clone());
                self.send(SourceItem::Revoked(partitions), 0);
            }
        }
    }

    /// Begins to read what was assigned; must be called again if the brokers do not answer.
    pub(super) fn take_over(&mut self) {
        let Rebalancing::TakingOver(partitions) = &self.rebalancing else { return };
        let partitions = partitions.clone();
        if let Err(error) = self.find_committed(&partitions) {
            return warn!(%error, "cannot get the group's offsets yet");
        }
        let mut list = TopicPartitionList::new();
        let mut resumed = TopicPartitionList::new();
        for key in &partitions {
            self.partitions.remove(key); // from an earlier attempt
            self.brokers.own(key.clone());
            let offset = match self.begin(key) {
                Begin::At(offset) => Offset::Offset(offset),
                Begin::Stopped => Offset::End,
                Begin::Unknown => return,
            };
            if offset != Offset::End {
                resumed.add_partition(&key.0, key.1);
            }
            if let Err(error) = list.add_partition_offset(&key.0, key.1, offset) {
                error!(topic = %key.0, partition = key.1, %error, "cannot read from the group's offset");
            }
        }
        if let Err(error) = self.consumer.incremental_assign(&list) {
            error!(%error, "the partitions that the group assigned cannot be read");
        }
        // A partition may have been given up while it was halted.
        if let Err(error) = self.consumer.resume(&resumed) {
            debug!(%error, "partitions were not resumed");
        }
        for key in partitions.iter().filter(|key| self.is_stopped(key)) {
            self.unassign(key);
        }
        info!(num_partitions = partitions.len(), "the group has assigned partitions");
        self.rebalancing = Rebalancing::Done;
        if !self.is_all_answered {
            self.is_all_answered = true;
            self.send(SourceItem::AllAssigned, 0);
        }
    }

    /// Loads what is committed for these partitions into the checkpoint.
    fn find_committed(&mut self, partitions: &[TopicPartition]) -> Result<(), KafkaError> {
        let mut list = TopicPartitionList::new();
        for (topic, partition) in partitions {
            list.add_partition(topic, *partition);
        }
        if partitions.is_empty() {
            return Ok(());
        }
        let committed = self.consumer.committed_offsets(list, BROKER_TIMEOUT)?;
        for element in committed.elements() {
            element.error()?;
            let (topic, partition) = (element.topic(), element.partition());
            self.checkpoint.remove(topic, partition);
            let Offset::Offset(next_offset) = element.offset() else { continue };
            // Other tools commit without metadata, or with their own.
            let metadata: CommitMetadata = serde_json::from_str(element.metadata()).unwrap_or_default();
            let position = PartitionPosition { next_offset, fingerprint: metadata.fingerprint };
            self.checkpoint.set(topic, partition, position);
            if let Some(anchor) = metadata.anchor {
                self.checkpoint.set_anchor(topic, partition, anchor);
            }
        }
        Ok(())
    }

    /// The pipeline is done with these partitions: everything of them is committed. The group must have that commit
    /// before another process asks it where to resume.
    pub(super) fn give_up(&mut self, partitions: &[TopicPartition]) {
        let is_known = self.is_confirmed || !self.consumer.assignment_lost() && self.ensure_committed();
        if !is_known {
            warn!(
                "the group may not know how far its partitions were read; the next owner may reread the end of them"
            );
        }
        info!(num_partitions = partitions.len(), "gave up partitions");
        self.leave(partitions);
        for key in partitions {
            self.partitions.remove(key);
            self.brokers.disown(key);
            self.checkpoint.remove(&key.0, key.1);
            self.committed.remove(&key.0, key.1);
        }
        self.rebalancing = Rebalancing::Done;
    }

    /// Lets the client give up these partitions.
    fn leave(&self, partitions: &[TopicPartition]) {
        let mut list = TopicPartitionList::new();
        for (topic, partition) in partitions {
            list.add_partition(topic, *partition);
        }
        if let Err(error) = self.consumer.incremental_unassign(&list) {
            error!(%error, "partitions could not be given up");
        }
    }

    /// Resumes a partition that was paused.
    pub(super) fn resume_from(&mut self, (topic, partition): &TopicPartition, offset: i64) {
        let mut list = TopicPartitionList::new();
        list.add_partition(topic, *partition);
        // The order matters, or records from where it was paused come first.
        let sought = self.consumer.seek(topic, *partition, Offset::Offset(offset), Duration::ZERO);
        if let Err(error) = sought.and_then(|()| self.consumer.resume(&list)) {
            let reason =
                format!("cannot continue to read the partition ({error}); restart the process to try again");
            self.stop_partition((topic.clone(), *partition), reason);
        }
    }

    /// Answers the group one last time, so that it does not wait for this process.
    pub(super) fn leave_group(&mut self) {
        self.brokers.set_closing();
        let under_way = match std::mem::replace(&mut self.rebalancing, Rebalancing::Done) {
            Rebalancing::Done => None,
            Rebalancing::TakingOver(partitions) => Some(Rebalance::Assigned(partitions)),
            Rebalancing::Revoking(partitions) => Some(Rebalance::Revoked(partitions)),
        };
        let next = std::iter::from_fn(|| self.brokers.next_rebalance());
        for rebalance in under_way.into_iter().chain(next) {
            match rebalance {
                Rebalance::Revoked(partitions) => self.leave(&partitions),
                Rebalance::Assigned(partitions) => {
                    let mut list = TopicPartitionList::new();
                    for (topic, partition) in &partitions {
                        list.add_partition_offset(topic, *partition, Offset::End).ok(); // nothing is read any more
                    }
                    if let Err(error) = self.consumer.incremental_assign(&list) {
                        debug!(%error, "could not answer the group");
                    }
                }
            }
        }
    }
}
