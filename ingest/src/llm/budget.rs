//! The daily spending limit.

use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hearken_model::{Money, Timestamp};
use serde::{Deserialize, Serialize};

/// A spending limit per UTC day. The amount spent is kept in a small file, so that a restart does not forget it.
#[derive(Debug)]
pub struct DailyBudget {
    per_day: Money,
    file: Option<PathBuf>,
    spent: Mutex<Spent>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Spent {
    /// Such as `2026-05-01`.
    day: String,
    amount: Money,
}

impl DailyBudget {
    /// A limit, minus what `file` says was already spent; `None` keeps it in memory only.
    ///
    /// # Errors
    /// The file exists but cannot be read: starting from zero might spend the same money twice.
    pub fn open(per_day: Money, file: Option<PathBuf>) -> io::Result<Self> {
        let spent = match file.as_ref().map(std::fs::read) {
            None => Spent::default(),
            Some(Err(error)) if error.kind() == io::ErrorKind::NotFound => Spent::default(),
            Some(Err(error)) => return Err(error),
            Some(Ok(bytes)) => serde_json::from_slice(&bytes)?,
        };
        Ok(DailyBudget { per_day, file, spent: Mutex::new(spent) })
    }

    /// Whether anything is left to spend.
    pub(super) fn is_left(&self, now: Timestamp) -> bool {
        self.today(now).amount < self.per_day
    }

    /// The amount spent on this day.
    pub(super) fn spent(&self, now: Timestamp) -> Money {
        self.today(now).amount
    }

    /// Adds an expense and records it.
    ///
    /// # Errors
    /// It cannot be written; it still counts until the process ends.
    pub(super) fn spend(&self, amount: Money, now: Timestamp) -> io::Result<()> {
        let mut spent = self.today(now);
        spent.amount = spent.amount.saturating_add(amount);
        let Some(file) = &self.file else { return Ok(()) };
        let next = file.with_extension("next");
        std::fs::write(&next, serde_json::to_vec(&*spent)?)?;
        std::fs::rename(&next, file)
    }

    fn today(&self, now: Timestamp) -> MutexGuard<'_, Spent> {
        let day = now.to_datetime().date_naive().to_string();
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        if spent.day != day {
            *spent = Spent { day, amount: Money::ZERO };
        }
        spent
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_day_has_its_limit_across_restarts_and_the_next_day_has_another() {
        let folder = tempfile::tempdir().unwrap();
        let open = || DailyBudget::open(Money::new(10, 2), Some(folder.path().join("spent.json"))).unwrap();
        let at = |text| Timestamp::parse(text).unwrap();
        let (morning, evening) = (at("2026-05-01T08:00:00Z"), at("2026-05-01T23:59:59Z"));
        let budget = open();
        budget.spend(Money::new(6, 2), morning).unwrap();
        assert!(budget.is_left(evening));
        budget.spend(Money::new(5, 2), evening).unwrap();
        assert!(!budget.is_left(evening));
        assert!(!open().is_left(evening), "a restart remembers");
        assert!(open().is_left(at("2026-05-02T00:00:00Z")));
        assert!(!DailyBudget::open(Money::ZERO, None).unwrap().is_left(morning));
        std::fs::write(folder.path().join("spent.json"), "{").unwrap();
        assert!(DailyBudget::open(Money::ONE, Some(folder.path().join("spent.json"))).is_err());
    }
}
