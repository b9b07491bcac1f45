//! `hearken audit`: checks the audit log.

use std::io::Write as _;

use anyhow::Context as _;
use hearken_config::Config;
use hearken_query::audit::{self, ChainReport};

/// Follows the chain of the audit log.
///
/// # Errors
/// The log was tampered with, or cannot be read.
pub fn check(config: &Config) -> anyhow::Result<()> {
    let path = config.http.audit_log.as_ref().context("there is no `http.audit_log` to check")?;
    let ChainReport { first, last, hash } = audit::check(path)?;
    let mut out = std::io::stdout().lock();
    match last {
        0 => writeln!(out, "nothing is recorded yet")?,
        _ => writeln!(out, "lines {first} to {last} follow each other; the last hash is {hash}")?,
    }
    Ok(())
}
