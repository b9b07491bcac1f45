//! What one search may use: a deadline that is looked at wherever much work is done, and a count of costs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use parking_lot::Mutex;

use crate::search::SearchError;

/// Most text and value conditions in one query.
pub(super) const CONDITIONS_MAX: usize = 1_024;
/// Most words in all texts of one query.
pub(super) const WORDS_MAX: usize = 2_048;
/// Most words that a prefix or a fuzzy word inside a phrase may stand for, in one segment.
pub(super) const PHRASE_EXPANSIONS_MAX: usize = 512;

/// Shared by all parts of one search.
#[derive(Debug, Default)]
pub(super) struct Budget {
    deadline: Option<Instant>,
    stopped: AtomicBool,
    too_expensive: Mutex<Option<String>>,
}

impl Budget {
    pub(super) fn new(deadline: Option<Instant>) -> Self {
        Budget { deadline, ..Budget::default() }
    }

    /// Whether all work must end now. Costs a look at the clock: ask every few thousand steps.
    pub(super) fn is_spent(&self) -> bool {
        if self.stopped.load(Ordering::Relaxed) {
            return true;
        }
        let spent = self.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        if spent {
            self.stopped.store(true, Ordering::Relaxed);
        }
        spent
    }

    /// Ends all work because of what it would cost.
    pub(super) fn refuse(&self, reason: String) {
        *self.too_expensive.lock() = Some(reason);
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// The error if the work was ended.
    pub(super) fn check(&self) -> Result<(), SearchError> {
        if !self.is_spent() {
            return Ok(());
        }
        Err(match self.too_expensive.lock().take() {
            Some(reason) => SearchError::TooExpensive(reason),
            None => SearchError::DeadlineExceeded,
        })
    }
}
