//! The backlog that readiness waits for: the records that were on the broker, or in the local log, when reading began.

use std::collections::BTreeMap;

use hearken_index::checkpoint::Checkpoint;

use crate::source::TopicPartition;

/// Where each partition ended when reading it began, until it has been read up to there.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// Sources that have not assigned all of their partitions yet, so that what they have to read is unknown.
    num_sources_pending: usize,
    ends: BTreeMap<TopicPartition, i64>,
}

impl Backlog {
    /// The backlog of this many sources, none of which has reported its partitions yet.
    pub(super) fn new(num_sources: usize) -> Self {
        Backlog { num_sources_pending: num_sources, ends: BTreeMap::new() }
    }

    /// Reading of a partition begins at `next_offset`, while the partition ends at `end_offset`.
    pub(super) fn assign(&mut self, partition: TopicPartition, next_offset: i64, end_offset: i64) {
        if next_offset < end_offset {
            self.ends.insert(partition, end_offset);
        }
    }

    /// Records that one more source has assigned all of its partitions. Returns whether all sources have.
    pub(super) fn finish_assignment(&mut self) -> bool {
        self.num_sources_pending = self.num_sources_pending.saturating_sub(1);
        self.is_assigned()
    }

    /// Records that everything before `next_offset` has been read.
    pub(super) fn advance(&mut self, partition: &TopicPartition, next_offset: i64) {
        if self.ends.get(partition).is_some_and(|end| next_offset >= *end) {
            self.ends.remove(partition);
        }
    }

    /// Stops waiting for a partition: it has been read to its end, or cannot be read.
    pub(super) fn remove(&mut self, partition: &TopicPartition) {
        self.ends.remove(partition);
    }

    /// Whether nothing is left to read.
    pub(super) fn is_read(&self) -> bool {
        self.is_assigned() && self.ends.is_empty()
    }

    /// How many offsets are left to read after `next`; `None` until all sources have reported their partitions.
    pub(super) fn num_records_left(&self, next: &Checkpoint) -> Option<i64> {
        let left = self.ends.iter().map(|((topic, partition), end)| {
            let next_offset = next.position(topic, *partition).map_or(0, |position| position.next_offset);
            (end - next_offset).max(0)
        });
        self.is_assigned().then(|| left.sum())
    }

    fn is_assigned(&self) -> bool {
        self.num_sources_pending == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::checkpoint;

    fn partition(partition: i32) -> TopicPartition {
        ("interactions".into(), partition)
    }

    #[test]
    fn it_is_read_when_every_partition_has_been_read_up_to_where_it_ended_at_the_beginning() {
        let mut backlog = Backlog::new(1);
        backlog.assign(partition(0), 10, 30);
        backlog.assign(partition(1), 0, 5);
        assert_eq!(backlog.num_records_left(&checkpoint(&[(0, 10)])), None);
        assert!(backlog.finish_assignment());
        assert_eq!(backlog.num_records_left(&checkpoint(&[(0, 10)])), Some(20 + 5));

        backlog.advance(&partition(0), 29);
        assert_eq!(backlog.num_records_left(&checkpoint(&[(0, 29), (1, 0)])), Some(1 + 5));
        backlog.advance(&partition(0), 30);
        assert!(!backlog.is_read());
        backlog.advance(&partition(1), 7); // more came meanwhile
        assert!(backlog.is_read());
        assert_eq!(backlog.num_records_left(&checkpoint(&[(0, 30), (1, 7)])), Some(0));
    }

    #[test]
    fn it_is_not_read_before_every_source_has_assigned_its_partitions() {
        let mut backlog = Backlog::new(2);
        assert!(!backlog.finish_assignment());
        assert!(!backlog.is_read());
        assert!(backlog.finish_assignment());
        assert!(backlog.is_read());
        assert!(backlog.finish_assignment(), "a repeated report changes nothing");
    }

    #[test]
    fn a_partition_that_is_at_its_end_or_is_stopped_is_not_waited_for() {
        let mut backlog = Backlog::new(1);
        backlog.assign(partition(0), 30, 30);
        backlog.assign(partition(1), 0, 5);
        backlog.finish_assignment();
        assert!(!backlog.is_read());
        backlog.remove(&partition(1));
        assert!(backlog.is_read());
    }
}
