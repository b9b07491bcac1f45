//! Partitions stopped at a dead letter that cannot be written.
//!
//! Such a partition is not read until its dead letter has been written; the others are. Attempts run on a separate
//! thread, one at a time, because a failing one takes seconds.

use std::collections::BTreeMap;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tracing::warn;

use crate::decode::Rejection;
use crate::kafka::{DeadLetters, KafkaError};
use crate::record::RawRecord;
use crate::source::TopicPartition;

/// Pause after a failed attempt.
const RETRY_INTERVAL: Duration = Duration::from_secs(2);

/// The stopped partitions, each with the one dead letter it waits for.
#[derive(Default)]
pub(crate) struct HaltedPartitions {
    halted: BTreeMap<TopicPartition, Halt>,
    attempt: Option<(TopicPartition, JoinHandle<Result<(), KafkaError>>)>,
}

struct Halt {
    dead_letter: (RawRecord, Rejection),
    /// Whether the source has let go of the partition, so that nothing it had already read can follow.
    is_released: bool,
    retry_at: Instant,
}

impl HaltedPartitions {
    /// Whether the partition is stopped: its records are ignored, and read again when it resumes.
    pub(crate) fn contains(&self, partition: &TopicPartition) -> bool {
        !self.halted.is_empty() && self.halted.contains_key(partition)
    }

    /// Stops a partition until this dead letter, which could not be written, is written.
    pub(crate) fn halt(&mut self, record: RawRecord, rejection: Rejection, now: Instant) {
        let partition = (record.topic.clone(), record.partition);
        let retry_at = now + RETRY_INTERVAL;
        let halt = Halt { dead_letter: (record, rejection), is_released: false, retry_at };
        self.halted.insert(partition, halt);
    }

    /// Notes that nothing read before the halt follows any more.
    pub(crate) fn release(&mut self, partition: &TopicPartition) {
        if let Some(halt) = self.halted.get_mut(partition) {
            halt.is_released = true;
        }
    }

    /// Forgets a partition that has stopped for another reason.
    pub(crate) fn remove(&mut self, partition: &TopicPartition) {
        self.halted.remove(partition);
    }

    /// Checks the running attempt or begins one. Returns a partition that can resume, and its next offset: that of the
    /// dead letter, which is then written once more.
    pub(crate) fn retry(
        &mut self,
        dead_letters: &DeadLetters,
        now: Instant,
    ) -> Option<(TopicPartition, i64)> {
        let is_over = self.attempt.as_ref().is_some_and(|(_, thread)| thread.is_finished());
        if let Some((partition, thread)) = self.attempt.take_if(|_| is_over) {
            let is_written = matches!(thread.join(), Ok(Ok(())));
            if is_written && let Some(halt) = self.halted.remove(&partition) {
                return Some((partition, halt.dead_letter.0.offset));
            }
            if let Some(halt) = self.halted.get_mut(&partition) {
                halt.retry_at = now + RETRY_INTERVAL;
            }
        }
        if self.attempt.is_none() {
            self.begin(dead_letters, now);
        }
        None
    }

    /// The partition whose dead letter is to be retried at `now`; of several, the one that has waited longest.
    fn due(&self, now: Instant) -> Option<(&TopicPartition, &Halt)> {
        let due = self.halted.iter().filter(|(_, halt)| halt.is_released && halt.retry_at <= now);
        due.min_by_key(|(_, halt)| halt.retry_at)
    }

    fn begin(&mut self, dead_letters: &DeadLetters, now: Instant) {
        let Some((partition, halt)) = self.due(now) else { return };
        let (dead_letters, dead_letter) = (dead_letters.clone(), halt.dead_letter.clone());
        let thread = std::thread::Builder::new().name("dead-letter-retry".into()).spawn(move || {
            dead_letters.create_missing_topic();
            dead_letters.write(&[dead_letter]).pop().unwrap_or(Ok(()))
        });
        match thread {
            Ok(thread) => self.attempt = Some((partition.clone(), thread)),
            Err(error) => warn!(%error, "could not retry a dead letter"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::RejectionKind;

    #[test]
    fn a_dead_letter_is_tried_again_after_two_seconds_once_the_source_has_let_go_of_its_partition() {
        let began = Instant::now();
        let after = |millis| began + Duration::from_millis(millis);
        let mut halted = HaltedPartitions::default();
        for (partition, millis) in [(0, 500), (1, 0)] {
            let record = RawRecord {
                topic: "interactions".into(),
                partition,
                offset: 7,
                key: None,
                value: None,
                timestamp: None,
                headers: Vec::new(),
            };
            halted.halt(record, RejectionKind::Empty.because("empty"), after(millis));
        }
        let partition = |partition| ("interactions".into(), partition);
        let due = |halted: &HaltedPartitions, millis| halted.due(after(millis)).map(|(due, _)| due.clone());
        assert_eq!(due(&halted, 9_000), None, "records read earlier may still follow");
        halted.release(&partition(0));
        assert_eq!(due(&halted, 2_499), None);
        assert_eq!(due(&halted, 2_500), Some(partition(0)));
        halted.release(&partition(1));
        assert_eq!(due(&halted, 2_000), Some(partition(1)));
        assert_eq!(due(&halted, 2_500), Some(partition(1)), "it has waited longer");
        halted.remove(&partition(1));
        assert_eq!(due(&halted, 2_500), Some(partition(0)));
    }
}
