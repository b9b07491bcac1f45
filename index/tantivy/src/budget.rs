//! What one search may use: a deadline, checked wherever much work is done, and a count of costs.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::Mutex;

use hearken_index::search::SearchError;

/// Most words that a prefix or a fuzzy word inside a phrase may stand for, in one segment.
pub(super) const PHRASE_EXPANSIONS_MAX: usize = 512;

/// Most postings of all the words and values that the prefixes, fuzzy words and ranges of one search stand for: about a
/// second of work. `a*` has ten in each interaction.
pub(super) const EXPANDED_POSTINGS_MAX: u64 = 50_000_000;

/// Shared by all parts of one search.
#[derive(Debug, Default)]
pub(super) struct SearchBudget {
    deadline: Option<Instant>,
    stopped: AtomicBool,
    num_expanded_postings: AtomicU64,
    too_expensive: Mutex<Option<String>>,
}

impl SearchBudget {
    pub(super) fn new(deadline: Option<Instant>) -> Self {
        SearchBudget { deadline, ..SearchBudget::default() }
    }

    /// Whether all work must end now. It reads the clock, so ask every few thousand steps.
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

    /// Counts work on what a prefix, fuzzy word or range stands for, and refuses too much of it.
    pub(super) fn read_postings(&self, num_postings: u64) {
        let before = self.num_expanded_postings.fetch_add(num_postings, Ordering::Relaxed);
        if before + num_postings > EXPANDED_POSTINGS_MAX {
            self.refuse("a `*`, `~` or range stands for too many words; write more of the word".to_owned());
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_for_too_many_words_is_refused_and_everything_stops() {
        let budget = SearchBudget::new(None);
        budget.read_postings(EXPANDED_POSTINGS_MAX);
        assert!(budget.check().is_ok());
        budget.read_postings(1);
        assert!(budget.is_spent());
        assert!(matches!(budget.check(), Err(SearchError::TooExpensive(_))));
    }
}
