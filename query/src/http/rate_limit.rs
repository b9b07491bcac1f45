//! Limits how many events each sender may send, if configured.

use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use lru::LruCache;

use super::Caller;

/// What a sender that was quiet may send at once, in seconds of its rate. A single request may exceed it: it is taken
/// whole, and the next one waits longer.
const BURST: Duration = Duration::from_secs(1);
/// How many senders are remembered; the one that has been quiet longest is dropped first.
const REMEMBERED_MAX: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();

/// When each sender will be back within its rate.
pub(crate) struct RateLimiter {
    per_second: Option<NonZeroU32>,
    caught_up_at: Mutex<LruCache<String, Instant>>,
}

impl RateLimiter {
    /// Allows this many events per second for each key, or each user signed on by a proxy; `None` means no limit.
    pub(crate) fn new(per_second: Option<NonZeroU32>) -> Self {
        RateLimiter { per_second, caught_up_at: Mutex::new(LruCache::new(REMEMBERED_MAX)) }
    }

    /// Counts events; if the sender is ahead of its rate, counts none and returns how long to wait.
    pub(super) fn admit(&self, caller: &Caller, num_events: usize, now: Instant) -> Result<(), Duration> {
        let Some(per_second) = self.per_second else { return Ok(()) };
        let sender = match (caller.key(), caller.user()) {
            (Some(key), _) => format!("key {}", key.id),
            (None, Some(user)) => format!("user {user}"),
            (None, None) => String::new(),
        };
        let mut caught_up_at = self.caught_up_at.lock().unwrap_or_else(PoisonError::into_inner);
        let before = caught_up_at.get(&sender).copied().filter(|at| *at > now).unwrap_or(now);
        if let Some(wait) = (before - now).checked_sub(BURST).filter(|wait| !wait.is_zero()) {
            return Err(wait);
        }
        let takes = Duration::from_secs_f64(num_events as f64 / f64::from(per_second.get()));
        caught_up_at.put(sender, before + takes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_sender_faster_than_the_rate_waits_and_then_continues() {
        let limiter = RateLimiter::new(NonZeroU32::new(100));
        let start = Instant::now();
        let caller = Caller::anybody();
        let admit = |num_events, after_ms| {
            limiter.admit(&caller, num_events, start + Duration::from_millis(after_ms))
        };
        assert_eq!(admit(50, 0), Ok(()));
        assert_eq!(admit(50, 0), Ok(()), "a second's worth at once");
        assert_eq!(admit(1_000, 0), Ok(()), "a request is accepted as a whole");
        let wait = admit(1, 0).unwrap_err();
        assert_eq!(wait, Duration::from_secs(10));
        assert_eq!(admit(1, 0), Err(wait), "refused events do not count");
        assert!(admit(1, 9_999).is_err());
        assert_eq!(admit(1, 10_000), Ok(()));
        assert_eq!(RateLimiter::new(None).admit(&caller, usize::MAX, start), Ok(()));
    }
}
