//! When and how often a request is retried.

use std::time::Duration;

use super::client::AskError;

/// Upper bound of the pause before the first retry; it doubles with each further one …
const BACKOFF_FIRST: Duration = Duration::from_millis(500);
/// … up to this.
const BACKOFF_MAX: Duration = Duration::from_secs(30);
/// The longest `Retry-After` that is waited for; beyond it, the caller decides.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);

/// Runs `attempt` until it succeeds, fails for good, or has been retried `retries_max` times; `pause` waits.
///
/// Only [`AskError::Unavailable`] is retried. Each pause is of random length up to a bound that doubles
/// ("full jitter"), so that clients which failed together do not come back together, and never shorter than
/// what the server asked for. (`backon` adds its jitter to a delay that still grows, so its pauses do not
/// spread over the whole range.)
///
/// # Errors
/// The last attempt's.
pub async fn with_retries<T, Attempt, Pause>(
    retries_max: u32,
    mut attempt: impl FnMut() -> Attempt,
    mut pause: impl FnMut(Duration) -> Pause,
) -> Result<T, AskError>
where
    Attempt: Future<Output = Result<T, AskError>>,
    Pause: Future<Output = ()>,
{
    let mut num_retries = 0;
    loop {
        let error = match attempt().await {
            Err(error @ AskError::Unavailable { .. }) if num_retries < retries_max => error,
            outcome => return outcome,
        };
        let retry_after = error.retry_after().unwrap_or_default();
        if retry_after > RETRY_AFTER_MAX {
            return Err(error);
        }
        pause(jittered(num_retries).max(retry_after)).await;
        num_retries += 1;
    }
}

fn jittered(num_retries: u32) -> Duration {
    let bound = BACKOFF_FIRST.saturating_mul(1 << num_retries.min(16)).min(BACKOFF_MAX);
    bound.mul_f64(fastrand::f64())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::cell::RefCell;

    use super::*;

    fn unavailable(after_secs: Option<u64>) -> AskError {
        AskError::Unavailable {
            reason: "429".to_owned(),
            retry_after: after_secs.map(Duration::from_secs),
            may_be_billed: false,
        }
    }

    /// The outcome of these attempts, their number, and the pauses.
    fn run(
        retries_max: u32,
        outcomes: Vec<Result<u8, AskError>>,
    ) -> (Result<u8, AskError>, usize, Vec<Duration>) {
        let (made, pauses) = (RefCell::new(0), RefCell::new(Vec::new()));
        let mut outcomes = outcomes.into_iter();
        let attempt = || {
            *made.borrow_mut() += 1;
            std::future::ready(outcomes.next().unwrap())
        };
        let pause = |pause| {
            pauses.borrow_mut().push(pause);
            std::future::ready(())
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let outcome = runtime.block_on(with_retries(retries_max, attempt, pause));
        (outcome, made.into_inner(), pauses.into_inner())
    }

    #[test]
    fn what_may_pass_is_tried_again_and_what_cannot_is_not() {
        let (outcome, made, _) = run(3, vec![Err(unavailable(None)), Err(unavailable(None)), Ok(7)]);
        assert_eq!((outcome.unwrap(), made), (7, 3));
        let (outcome, made, _) =
            run(2, vec![Err(unavailable(None)), Err(unavailable(None)), Err(unavailable(None))]);
        assert!(outcome.is_err() && made == 3);
        let (outcome, made, _) = run(5, vec![Err(AskError::Rejected { status: 401, code: None })]);
        assert!(outcome.is_err() && made == 1);
        assert_eq!(run(0, vec![Err(unavailable(None))]).1, 1);
    }

    #[test]
    fn pauses_are_as_long_as_the_server_asks_and_within_a_growing_bound() {
        let (_, _, pauses) = run(2, vec![Err(unavailable(Some(20))), Err(unavailable(None)), Ok(1)]);
        assert_eq!(pauses[0], Duration::from_secs(20));
        assert!(pauses[1] <= Duration::from_secs(1));
        let (_, _, pauses) = run(10, (0..11).map(|_| Err(unavailable(None))).collect());
        for (n, pause) in (0_u32..).zip(pauses) {
            assert!(pause <= BACKOFF_FIRST * 2_u32.pow(n) && pause <= BACKOFF_MAX);
        }
        // An hour is left for the caller to wait.
        let (outcome, made, pauses) = run(3, vec![Err(unavailable(Some(3_600)))]);
        assert_eq!(outcome.unwrap_err().retry_after(), Some(Duration::from_secs(3_600)));
        assert_eq!((made, pauses.len()), (1, 0));
    }
}
