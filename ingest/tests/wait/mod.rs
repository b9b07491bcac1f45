//! Waits for a condition with a deadline, instead of sleeping.

use std::time::{Duration, Instant};

/// Polls until there is a result, for at most a minute.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited 60 s for {what}");
        std::thread::yield_now();
    }
}
