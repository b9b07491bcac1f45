//! Files that may be replaced while the server runs.

use std::error::Error;
use std::time::Duration;

use hearken_model::error_chain;

/// The result of checking a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reloaded {
    /// New content is now in use.
    Changed,
    /// The file is readable again, with the same content as before.
    Readable,
    /// It cannot be used, for this reason; the old content stays in use.
    Failed(String),
}

/// Calls `reload`, which says whether anything has changed, every `interval` as long as the server runs, and `report`
/// with whatever is worth a log line: the same failure is reported only once. `reload` may block.
pub async fn reload_on_change<E: Error + Send + 'static>(
    interval: Duration,
    mut reload: impl FnMut() -> Result<bool, E> + Send + 'static,
    mut report: impl FnMut(Reloaded),
) {
    let mut last_error = None;
    loop {
        tokio::time::sleep(interval).await;
        let reloading = tokio::task::spawn_blocking(move || {
            let outcome = reload().map_err(|error| error_chain(&error));
            (reload, outcome)
        });
        let Ok((returned, outcome)) = reloading.await else { return }; // the runtime is shutting down
        reload = returned;
        if let Some(reloaded) = news(outcome, &mut last_error) {
            report(reloaded);
        }
    }
}

fn news(outcome: Result<bool, String>, last_error: &mut Option<String>) -> Option<Reloaded> {
    match outcome {
        Ok(has_changed) => match (has_changed, last_error.take()) {
            (true, _) => Some(Reloaded::Changed),
            (false, Some(_)) => Some(Reloaded::Readable),
            (false, None) => None,
        },
        Err(error) if last_error.as_ref() == Some(&error) => None,
        Err(error) => {
            *last_error = Some(error.clone());
            Some(Reloaded::Failed(error))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_and_its_end_are_logged_once() {
        let mut last_error = None;
        let mut news = |outcome: Result<bool, &str>| news(outcome.map_err(str::to_owned), &mut last_error);
        assert_eq!(news(Ok(false)), None);
        assert_eq!(news(Ok(true)), Some(Reloaded::Changed));
        assert_eq!(news(Err("gone")), Some(Reloaded::Failed("gone".to_owned())));
        assert_eq!(news(Err("gone")), None);
        assert_eq!(news(Err("broken")), Some(Reloaded::Failed("broken".to_owned())));
        assert_eq!(news(Ok(false)), Some(Reloaded::Readable));
        assert_eq!(news(Ok(false)), None);
        assert_eq!(news(Err("broken")), Some(Reloaded::Failed("broken".to_owned())));
        assert_eq!(news(Ok(true)), Some(Reloaded::Changed));
    }
}
