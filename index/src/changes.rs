//! Which interactions changed lately: what event streams follow.
//!
//! The writer publishes the ids of each batch when it has become visible to searches; readers ask what came after a
//! point. Only the last [`CHANGES_MAX`] are kept, in memory: whoever was away for longer, or across a restart, learns
//! so and searches again.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use hearken_model::InteractionId;
use parking_lot::Mutex;

/// Most changes that are kept; at ids of 36 bytes about 8 MB.
pub const CHANGES_MAX: usize = 65_536;

/// A point between two changes. Points of another run of the process are told apart by `run`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangePoint {
    /// The run of the process, microseconds since 1970 at its start.
    pub run: u64,
    /// Changes before this point.
    pub num_changes: u64,
}

/// What came after a point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangesSince {
    /// The interactions, oldest change first; one may come more than once.
    pub ids: Vec<InteractionId>,
    /// The point behind the last of them.
    pub until: ChangePoint,
    /// Whether changes between the point and the first of these are no longer known.
    pub is_gap: bool,
}

/// The latest changes, for engines. None at first. Clones share them.
#[derive(Clone)]
pub struct Changes {
    kept: Arc<Mutex<KeptChanges>>,
}

struct KeptChanges {
    run: u64,
    /// Changes ever published; the last `ids.len()` of them are kept.
    num_changes: u64,
    ids: VecDeque<InteractionId>,
}

impl Default for Changes {
    fn default() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let kept = KeptChanges { run: now.as_micros() as u64, num_changes: 0, ids: VecDeque::new() };
        Changes { kept: Arc::new(Mutex::new(kept)) }
    }
}

impl Changes {
    /// Searches see these now.
    pub fn publish(&self, ids: impl ExactSizeIterator<Item = InteractionId>) {
        let mut kept = self.kept.lock();
        kept.num_changes += ids.len() as u64;
        kept.ids.extend(ids);
        let too_many = kept.ids.len().saturating_sub(CHANGES_MAX);
        kept.ids.drain(..too_many);
    }

    /// The point behind the latest change.
    pub fn now(&self) -> ChangePoint {
        let kept = self.kept.lock();
        ChangePoint { run: kept.run, num_changes: kept.num_changes }
    }

    /// At most `max` changes after that point.
    pub fn since(&self, point: ChangePoint, max: usize) -> ChangesSince {
        let kept = self.kept.lock();
        let oldest = kept.num_changes - kept.ids.len() as u64;
        let is_known = point.run == kept.run && (oldest..=kept.num_changes).contains(&point.num_changes);
        // Across a gap there is nothing to catch up with: continue from now.
        let from = if is_known { point.num_changes } else { kept.num_changes };
        let skipped = (from - oldest) as usize;
        let ids: Vec<_> = kept.ids.iter().skip(skipped).take(max).cloned().collect();
        let until = ChangePoint { run: kept.run, num_changes: from + ids.len() as u64 };
        ChangesSince { ids, until, is_gap: !is_known }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn ids(numbers: std::ops::Range<usize>) -> Vec<InteractionId> {
        numbers.map(|n| InteractionId::try_new(n.to_string()).unwrap()).collect()
    }

    #[test]
    fn a_follower_gets_every_change_once_in_order() {
        let changes = Changes::default();
        let mut point = changes.now();
        changes.publish(ids(0..3).into_iter());
        changes.publish(ids(3..5).into_iter());
        let mut seen = Vec::new();
        loop {
            let since = changes.since(point, 2);
            assert!(!since.is_gap);
            if since.ids.is_empty() {
                break;
            }
            seen.extend(since.ids);
            point = since.until;
        }
        assert_eq!(seen, ids(0..5));
    }

    #[test]
    fn a_reader_that_was_away_too_long_or_comes_from_another_run_learns_so() {
        let changes = Changes::default();
        let start = changes.now();
        changes.publish(ids(0..CHANGES_MAX + 1).into_iter());
        let since = changes.since(start, 10);
        assert_eq!((since.is_gap, since.ids, since.until), (true, Vec::new(), changes.now()));
        let other_run = ChangePoint { run: start.run + 1, ..start };
        assert!(changes.since(other_run, 10).is_gap);
        let future = ChangePoint { num_changes: u64::MAX, ..start };
        assert!(changes.since(future, 10).is_gap);
        assert!(!changes.since(ChangePoint { num_changes: 1, ..start }, 10).is_gap);
    }
}
