//! A batch, and when it is due.

use std::time::{Duration, Instant};
use std::vec::Drain;

use hearken_model::Timestamp;

use crate::decode::Rejection;
use crate::record::RawRecord;

/// A batch ends at this size even if the queue is never empty.
const BATCH_RECORDS_MAX: usize = 50_000;
const BATCH_BYTES_MAX: usize = 64 * 1024 * 1024;
const BATCH_INTERVAL_MAX: Duration = Duration::from_millis(500);
/// How long to wait for a batch's first record before doing other work.
const FIRST_RECORD_TIMEOUT: Duration = Duration::from_millis(50);

/// What was read since the last refresh.
#[derive(Debug, Default)]
pub(super) struct Batch {
    num_records: usize,
    bytes: usize,
    /// Something besides records must be published: a partition was moved past offsets that are not records, or
    /// something past its retention was removed.
    has_other_changes: bool,
    /// Things past their retention that go with the next refresh: interactions, and what logs said about them.
    num_removed: u64,
    /// Refused records, to be written before anything passes their offsets.
    pub(super) dead_letters: Vec<(RawRecord, Rejection)>,
    recorded: Vec<Timestamp>,
    /// Source times of events of large interactions, which the refresh may leave out.
    recorded_large: Vec<Timestamp>,
}

impl Batch {
    /// Counts a record of this size.
    pub(super) fn add(&mut self, size_bytes: usize) {
        self.num_records += 1;
        self.bytes += size_bytes;
    }

    /// Notes when a folded record was written to its source.
    pub(super) fn add_folded(&mut self, recorded_at: Option<Timestamp>, is_large: bool) {
        let recorded = if is_large { &mut self.recorded_large } else { &mut self.recorded };
        recorded.extend(recorded_at);
    }

    /// Notes that something other than a record must be published.
    pub(super) fn add_other_change(&mut self) {
        self.has_other_changes = true;
    }

    /// Counts interactions, or what logs said about them, that are removed because they are past their retention.
    pub(super) fn add_removed(&mut self, num_removed: u64) {
        self.has_other_changes |= num_removed > 0;
        self.num_removed += num_removed;
    }

    /// How many were counted since the last call.
    pub(super) fn take_removed(&mut self) -> u64 {
        std::mem::take(&mut self.num_removed)
    }

    /// How many records it has.
    pub(super) fn num_records(&self) -> usize {
        self.num_records
    }

    /// Whether there is nothing to publish except, perhaps, interactions changed earlier.
    pub(super) fn is_empty(&self) -> bool {
        self.num_records == 0 && !self.has_other_changes
    }

    /// Whether it ends here although the queue has more.
    pub(super) fn is_full(&self) -> bool {
        self.num_records >= BATCH_RECORDS_MAX || self.bytes >= BATCH_BYTES_MAX
    }

    /// Empties the batch, which is now searchable except for `has_deferred` large interactions. Returns when its
    /// searchable records were written to their source.
    pub(super) fn finish(&mut self, has_deferred: bool) -> Drain<'_, Timestamp> {
        (self.num_records, self.bytes, self.has_other_changes) = (0, 0, false);
        if !has_deferred {
            self.recorded.append(&mut self.recorded_large);
        }
        self.recorded.drain(..)
    }
}

/// When the current batch is due.
///
/// That is once the queue is empty and the refresh interval has passed since the last batch, so that a slow stream is
/// published event by event. While there is a backlog the queue is never empty, and the batch grows up to its bounds: a
/// backfill uses large batches and then returns to small ones, without configuration.
#[derive(Debug)]
pub(super) struct Deadline {
    /// From here on, the batch ends when the queue is empty.
    earliest: Instant,
    /// Here it ends even if the queue is not empty.
    latest: Instant,
}

impl Deadline {
    /// The deadline of a batch that begins at `began`.
    pub(super) fn new(began: Instant, last_batch: Option<Instant>, refresh_interval: Duration) -> Self {
        Deadline {
            earliest: last_batch.map_or(began, |last| last + refresh_interval),
            latest: began + BATCH_INTERVAL_MAX.max(refresh_interval),
        }
    }

    /// How long to wait for another record; the batch is due if none comes. `is_idle` means that there is nothing to
    /// publish.
    pub(super) fn timeout(&self, now: Instant, is_idle: bool) -> Duration {
        if is_idle { FIRST_RECORD_TIMEOUT } else { self.earliest.saturating_duration_since(now) }
    }

    /// Whether the batch is due although there may be more records.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        now >= self.latest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFRESH_INTERVAL: Duration = Duration::from_millis(5);

    #[test]
    fn a_batch_waits_for_the_refresh_interval_since_the_last_one_and_no_longer_than_the_queue_has_records() {
        let began = Instant::now();
        let after = |millis| began + Duration::from_millis(millis);
        let first = Deadline::new(began, None, REFRESH_INTERVAL);
        assert_eq!(first.timeout(began, false), Duration::ZERO, "no batch before it: due at once");

        let next = Deadline::new(after(1), Some(began), REFRESH_INTERVAL);
        assert_eq!(next.timeout(after(1), false), Duration::from_millis(4));
        assert_eq!(next.timeout(after(5), false), Duration::ZERO);
        assert_eq!(next.timeout(after(400), false), Duration::ZERO);
        assert!(!next.is_over(after(500)));
        assert!(next.is_over(after(501)), "half a second after it began, whatever is in the queue");
    }

    #[test]
    fn with_nothing_to_publish_it_waits_for_a_record_and_not_for_the_clock() {
        let began = Instant::now();
        let deadline = Deadline::new(began, Some(began), REFRESH_INTERVAL);
        assert_eq!(deadline.timeout(began, true), FIRST_RECORD_TIMEOUT);
        assert_eq!(deadline.timeout(began + Duration::from_secs(1), true), FIRST_RECORD_TIMEOUT);
    }

    #[test]
    fn a_refresh_interval_longer_than_a_batch_may_take_is_kept() {
        let (began, interval) = (Instant::now(), Duration::from_secs(3));
        let deadline = Deadline::new(began, Some(began), interval);
        assert!(!deadline.is_over(began + BATCH_INTERVAL_MAX));
        assert!(deadline.is_over(began + interval));
    }

    #[test]
    fn a_batch_is_full_by_records_or_by_bytes() {
        let mut many = Batch::default();
        (1..BATCH_RECORDS_MAX).for_each(|_| many.add(1));
        assert!(!many.is_full());
        many.add(1);
        assert!(many.is_full());

        let mut large = Batch::default();
        large.add(BATCH_BYTES_MAX);
        assert!(large.is_full());
    }

    #[test]
    fn deferred_events_are_reported_with_the_refresh_that_has_them() {
        let mut batch = Batch::default();
        let time = |millis| Timestamp::from_millis(millis);
        batch.add(10);
        batch.add_folded(Some(time(1)), false);
        batch.add_folded(Some(time(2)), true);
        batch.add_folded(None, false);
        assert_eq!(batch.finish(true).collect::<Vec<_>>(), [time(1)]);
        assert!(batch.is_empty());
        batch.add_other_change();
        assert!(!batch.is_empty());
        assert_eq!(batch.finish(false).collect::<Vec<_>>(), [time(2)]);
        assert!(batch.is_empty());
    }
}
