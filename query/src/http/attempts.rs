//! Throttles clients that guess keys.
//!
//! Nobody can guess 192 random bits, so this does not protect the keys; it keeps the log readable and the CPU free. A
//! valid key is therefore always let in, whatever its address and however many others failed. Otherwise anyone who
//! knows the public part of a key, or shares its holder's address, could lock the holder out.

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use lru::LruCache;

use super::connections::network;

/// Failures that are answered at once; further ones have to wait.
const BURST: u32 = 20;
/// How long until one more failure is answered at once.
const REFILL: Duration = Duration::from_secs(3);
/// How many addresses and keys are remembered; the one whose last failure is oldest is dropped first.
const REMEMBERED_MAX: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();

/// What failures are counted against.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum AttemptSource {
    /// A client; for IPv6, the network that one customer gets.
    Address(IpAddr),
    /// The public part of a key.
    KeyId(String),
}

/// When each source will have worked off its failures.
pub(super) struct Attempts {
    made_up_at: Mutex<LruCache<AttemptSource, Instant>>,
}

impl std::fmt::Debug for Attempts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attempts").finish_non_exhaustive()
    }
}

impl Default for Attempts {
    fn default() -> Self {
        Attempts { made_up_at: Mutex::new(LruCache::new(REMEMBERED_MAX)) }
    }
}

impl Attempts {
    /// Forgets a client's failures once it has shown a valid key.
    pub(super) fn succeeded(&self, address: Option<IpAddr>, key_id: &str) {
        let mut made_up_at = self.made_up_at.lock().unwrap_or_else(PoisonError::into_inner);
        if made_up_at.is_empty() {
            return;
        }
        made_up_at.pop(&AttemptSource::KeyId(key_id.to_owned()));
        if let Some(address) = address {
            made_up_at.pop(&AttemptSource::Address(network(address)));
        }
    }

    /// Counts a failure; returns how long to wait if there were too many.
    pub(super) fn failed(
        &self,
        address: Option<IpAddr>,
        key_id: Option<&str>,
        now: Instant,
    ) -> Option<Duration> {
        let sources = [
            address.map(|address| AttemptSource::Address(network(address))),
            key_id.map(|id| AttemptSource::KeyId(id.to_owned())),
        ];
        let mut made_up_at = self.made_up_at.lock().unwrap_or_else(PoisonError::into_inner);
        let mut wait = None;
        for source in sources.into_iter().flatten() {
            let known = made_up_at.get(&source).copied().filter(|at| *at > now).unwrap_or(now);
            let debt = known - now;
            if debt > REFILL * (BURST - 1) {
                // Further attempts do not lengthen the wait, so waiting always helps.
                wait = wait.max(Some(debt - REFILL * (BURST - 1)));
            } else {
                made_up_at.put(source, known + REFILL);
            }
        }
        wait
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn after_some_failures_each_further_one_has_to_wait() {
        let attempts = Attempts::default();
        let start = Instant::now();
        let address: IpAddr = "2001:db8::1".parse().unwrap();
        let neighbour: IpAddr = "2001:db8::2".parse().unwrap();
        for _ in 0..BURST {
            assert_eq!(attempts.failed(Some(address), None, start), None);
        }
        let wait = attempts.failed(Some(neighbour), None, start).unwrap();
        assert_eq!(attempts.failed(Some(neighbour), None, start), Some(wait), "waiting helps");
        assert_eq!(attempts.failed(Some("192.0.2.1".parse().unwrap()), None, start), None);
        assert_eq!(attempts.failed(Some(address), None, start + wait), None);

        for _ in 0..BURST {
            assert_eq!(attempts.failed(None, Some("0a"), start), None);
        }
        assert!(attempts.failed(Some("192.0.2.2".parse().unwrap()), Some("0a"), start).is_some());
        assert_eq!(attempts.failed(None, None, start), None);

        attempts.succeeded(Some(neighbour), "0a");
        for _ in 0..BURST {
            assert_eq!(attempts.failed(Some(address), Some("0a"), start), None);
        }
    }

    #[test]
    fn memory_is_bounded() {
        let attempts = Attempts::default();
        for address in 0..20_000_u32 {
            attempts.failed(Some(IpAddr::V4(address.into())), None, Instant::now());
        }
        assert_eq!(attempts.made_up_at.lock().unwrap().len(), REMEMBERED_MAX.get());
    }
}
