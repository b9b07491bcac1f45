//! When the pipeline runs its periodic work, apart from the batches.

use std::time::{Duration, Instant};

/// How often durable offsets are committed, and how often the lag is measured while nothing arrives.
const HOUSEKEEPING_INTERVAL: Duration = Duration::from_millis(500);
/// How often interactions in progress are counted; that takes a separate search.
const COUNT_INTERVAL: Duration = Duration::from_secs(5);
/// Bounds of the interval at which idle interactions are looked for.
const SWEEP_INTERVAL: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));
/// How often interactions past their retention are looked for.
const RETENTION_INTERVAL: Duration = Duration::from_secs(60);

/// The periodic tasks. Each is due at once at the start.
#[derive(Debug)]
pub(super) struct Schedule {
    /// Commits offsets and measures the lag.
    pub(super) housekeeping: Periodic,
    /// Counts interactions in progress.
    pub(super) count: Periodic,
    /// Looks for idle interactions.
    pub(super) sweep: Periodic,
    /// Looks for interactions past their retention.
    pub(super) retention: Periodic,
}

impl Schedule {
    /// An interaction is abandoned `idle_timeout` after its last event; the sweep notices within a fifth of that time.
    pub(super) fn new(idle_timeout: Duration) -> Self {
        Schedule {
            housekeeping: Periodic::every(HOUSEKEEPING_INTERVAL),
            count: Periodic::every(COUNT_INTERVAL),
            sweep: Periodic::every((idle_timeout / 5).clamp(SWEEP_INTERVAL.0, SWEEP_INTERVAL.1)),
            retention: Periodic::every(RETENTION_INTERVAL),
        }
    }
}

/// A task that runs once per interval.
#[derive(Debug)]
pub(super) struct Periodic {
    interval: Duration,
    /// `None` means now.
    due: Option<Instant>,
}

impl Periodic {
    fn every(interval: Duration) -> Self {
        Periodic { interval, due: None }
    }

    /// Whether it is due. If so, the next time is an interval after `now`: missed runs are not made up for.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        let is_due = self.due.is_none_or(|due| now >= due);
        if is_due {
            self.due = Some(now + self.interval);
        }
        is_due
    }

    /// Makes it due at once, because there is more to do.
    pub(super) fn repeat(&mut self) {
        self.due = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_due_at_once_and_then_an_interval_after_it_was_done() {
        let began = Instant::now();
        let after = |millis| began + Duration::from_millis(millis);
        let mut periodic = Periodic::every(Duration::from_millis(500));
        assert!(periodic.is_due(began));
        assert!(!periodic.is_due(after(499)));
        assert!(periodic.is_due(after(1_700)), "late");
        assert!(!periodic.is_due(after(2_199)), "missed runs are not made up for");
        assert!(periodic.is_due(after(2_200)));
        periodic.repeat();
        assert!(periodic.is_due(after(2_200)));
    }

    #[test]
    fn idle_interactions_are_looked_for_five_times_in_an_idle_timeout_within_bounds() {
        let interval = |idle_timeout| Schedule::new(idle_timeout).sweep.interval;
        assert_eq!(interval(Duration::from_secs(20)), Duration::from_secs(4));
        assert_eq!(interval(Duration::from_millis(1)), Duration::from_millis(200));
        assert_eq!(interval(Duration::from_secs(1_800)), Duration::from_secs(10));
    }
}
