//! How far a checkpoint is behind the sources.

use std::collections::BTreeMap;

use hearken_index::checkpoint::Checkpoint;

use crate::source::TopicPartition;

/// Where reading of each partition began; earlier offsets do not count, because retention has removed them.
#[derive(Debug, Default)]
pub(super) struct Lag {
    starts: BTreeMap<TopicPartition, i64>,
}

impl Lag {
    /// Reading of a partition begins at `next_offset`.
    pub(super) fn begin(&mut self, partition: TopicPartition, next_offset: i64) {
        self.starts.insert(partition, next_offset);
    }

    /// The partition is no longer read here.
    pub(super) fn end(&mut self, partition: &TopicPartition) {
        self.starts.remove(partition);
    }

    /// Whether the partition is read here.
    pub(super) fn is_read(&self, partition: &TopicPartition) -> bool {
        self.starts.contains_key(partition)
    }

    /// How many partitions are read.
    pub(super) fn num_partitions(&self) -> usize {
        self.starts.len()
    }

    /// How many offsets of a partition that ends at `end_offset` come after the checkpoint. Never negative: the known
    /// end may be older than the checkpoint.
    pub(super) fn num_records(
        &self,
        checkpoint: &Checkpoint,
        partition: &TopicPartition,
        end_offset: i64,
    ) -> i64 {
        let position = checkpoint.position(&partition.0, partition.1);
        let start = || self.starts.get(partition).copied().unwrap_or(0);
        (end_offset - position.map_or_else(start, |position| position.next_offset)).max(0)
    }
}

/// How many offsets `to` is ahead of `from`, in the partitions where it is.
pub(super) fn num_records_between(from: &Checkpoint, to: &Checkpoint) -> u64 {
    let partitions = to.topics.iter().flat_map(|(topic, partitions)| {
        partitions.iter().filter_map(move |(partition, position)| {
            let from = from.position(topic, *partition)?;
            u64::try_from(position.next_offset - from.next_offset).ok()
        })
    });
    partitions.sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::checkpoint;

    #[test]
    fn it_counts_from_the_checkpoint_or_from_where_reading_began() {
        let mut lag = Lag::default();
        let partition = |partition| ("interactions".into(), partition);
        lag.begin(partition(0), 100);
        lag.begin(partition(1), 100);
        let at = checkpoint(&[(0, 120)]);
        assert_eq!(lag.num_records(&at, &partition(0), 150), 30);
        assert_eq!(lag.num_records(&at, &partition(1), 150), 50, "retention removed everything before 100");
        assert_eq!(lag.num_records(&at, &partition(2), 150), 150, "its beginning is unknown");
        assert_eq!(lag.num_records(&at, &partition(0), 110), 0, "the known end is outdated");
    }

    #[test]
    fn records_between_two_checkpoints_are_those_that_are_read_again() {
        let (durable, read) = (checkpoint(&[(0, 10), (1, 10)]), checkpoint(&[(0, 25), (1, 4), (2, 9)]));
        assert_eq!(num_records_between(&durable, &read), 15);
        assert_eq!(num_records_between(&read, &durable), 6);
        assert_eq!(num_records_between(&durable, &durable), 0);
    }
}
