//! Files that may be replaced while the server runs.

use std::error::Error;
use std::time::Duration;

use hearken_model::error_chain;

/// What looking at a file found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reloaded {
    /// What is in use now is new.
    Changed,
    /// What could not be read is readable again, and says the same as what is in use.
    Readable,
    /// It cannot be used, for this reason; what was read before stays in use.
    Failed(String),
}

/// Calls `reload`, which says whether anything has changed, every `interval` for as long as the server runs, and `report`
/// with what is worth a log line: the same failure is reported once. `reload` may block.
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
        let Ok((returned, outcome)) = reloading.await else { return }; // the runtime is going down
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
