//! Patience with a deadline.

use std::fmt::Debug;
use std::time::{Duration, Instant};

/// Pause between two looks at a condition: short against any start-up, long against the work of looking.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Looks at `condition` until it holds.
///
/// # Panics
/// It did not hold within `patience`; the message names `what` was waited for.
#[track_caller]
pub fn wait_until(patience: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    let held = poll(patience, || condition().then_some(()).ok_or("not yet"));
    assert!(held.is_ok(), "waited {patience:?} in vain for: {what}");
}

/// Asks until the answer is `Ok` and gives it back, or the last error once `patience` is used up.
///
/// # Errors
/// The error of the last attempt.
pub fn poll<T, E: Debug>(patience: Duration, mut ask: impl FnMut() -> Result<T, E>) -> Result<T, E> {
    let deadline = Instant::now() + patience;
    loop {
        match ask() {
            Ok(answer) => return Ok(answer),
            Err(error) if Instant::now() >= deadline => return Err(error),
            Err(_) => std::thread::sleep(POLL_INTERVAL),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_that_becomes_true_ends_the_wait() {
        let mut looks = 0;
        wait_until(Duration::from_secs(60), "the third look", || {
            looks += 1;
            looks == 3
        });
    }

    #[test]
    #[should_panic(expected = "in vain for: a day with 25 hours")]
    fn a_condition_that_stays_false_is_named() {
        wait_until(Duration::ZERO, "a day with 25 hours", || false);
    }
}
