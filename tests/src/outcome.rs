//! What happens when an engine or the data is missing.
//!
//! On a developer's machine a test that needs it says `skipped: …` and returns; where
//! `HEARKEN_REQUIRE_ENGINES=1` is set, as in CI, it fails, so that nothing is skipped in silence.

use std::fmt;
use std::io::Write as _;

/// The environment variable that turns skipping into failing.
pub const REQUIRE_ENGINES: &str = "HEARKEN_REQUIRE_ENGINES";

/// Something a test needs is not here.
#[derive(Debug)]
pub struct Unavailable {
    /// What is missing, for instance `real Kafka`.
    pub what: &'static str,
    /// Why, and how to get it.
    pub why: String,
}

impl Unavailable {
    /// `what` is missing for the reason `why`, with the remedy `remedy`.
    pub fn new(what: &'static str, why: impl fmt::Display, remedy: &str) -> Self {
        Unavailable { what, why: format!("{why:#} ({remedy})") }
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not available: {}", self.what, self.why)
    }
}

impl std::error::Error for Unavailable {}

/// Whether a missing engine must fail the test.
pub fn engines_required() -> bool {
    std::env::var(REQUIRE_ENGINES).is_ok_and(|value| value == "1")
}

/// The engine, or `None` after a line that says what was skipped.
///
/// # Panics
/// The engine is missing and [`engines_required`].
#[track_caller]
pub fn available_or_skip<T>(outcome: Result<T, Unavailable>) -> Option<T> {
    match outcome {
        Ok(engine) => Some(engine),
        Err(missing) if engines_required() => panic!("{missing}; required because {REQUIRE_ENGINES}=1"),
        Err(missing) => {
            // Written past the test runner's capture: a skipped test must be seen in an ordinary run.
            let _ = writeln!(std::io::stderr(), "skipped: {missing}");
            None
        }
    }
}

/// The value of an outcome, or a return from the test with a line `skipped: …`; see [`outcome`](crate::outcome).
#[macro_export]
macro_rules! engine_or_skip {
    ($outcome:expr) => {
        match $crate::outcome::available_or_skip($outcome) {
            Some(engine) => engine,
            None => return,
        }
    };
}
