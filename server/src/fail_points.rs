//! Fail points: places where the crash tests stop, delay or kill the server.
//!
//! They only exist in builds with the feature `failpoints` of the crate `fail`. `cargo test --workspace` turns it on; a
//! build of the server alone, as for a release, does not.

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, bail};
use fail::FailScenario;

/// `name=n`: the process aborts at the n-th pass of the fail point, without unwinding or writing anything. `FAILPOINTS`
/// has no such action.
const ABORT_VARIABLE: &str = "FAILPOINTS_ABORT";

/// Applies `FAILPOINTS` (see the crate `fail`) and `FAILPOINTS_ABORT`, for as long as the result lives.
///
/// # Errors
/// `FAILPOINTS_ABORT` is not `name=n`, or this build has no fail points.
pub fn arm() -> anyhow::Result<Option<FailScenario<'static>>> {
    let abort = std::env::var(ABORT_VARIABLE).ok();
    if !fail::has_failpoints() {
        if abort.is_some() {
            bail!("`{ABORT_VARIABLE}` is set and this build has no fail points");
        }
        return Ok(None);
    }
    let scenario = FailScenario::setup();
    if let Some(abort) = abort {
        let parsed = abort.split_once('=').and_then(|(name, pass)| Some((name, pass.parse::<u64>().ok()?)));
        let (name, pass) = parsed.with_context(|| format!("`{ABORT_VARIABLE}={abort}` is not `name=n`"))?;
        let passes = AtomicU64::new(0);
        let end_at_pass = move || {
            if passes.fetch_add(1, Ordering::Relaxed) + 1 == pass {
                std::process::abort();
            }
        };
        fail::cfg_callback(name, end_at_pass).map_err(anyhow::Error::msg)?;
    }
    Ok(Some(scenario))
}
