//! `hearken config check|sample`.

use std::io::Write as _;
use std::path::Path;

use hearken_config::Config;

/// Explains what is wrong with a file, or says that nothing is.
///
/// # Errors
/// The file cannot be read, or something is wrong with it or with a `HEARKEN_…` variable.
pub fn check(file: &Path, variables: &[(String, String)]) -> anyhow::Result<()> {
    let text = crate::cli::read_config(file)?;
    let config = Config::load(Some((file, &text)), variables.to_vec())?;
    config.http.refuse_exposure()?;
    writeln!(std::io::stdout(), "{} is fine", file.display())?;
    Ok(())
}

/// Prints the commented sample.
///
/// # Errors
/// Standard output is closed.
pub fn sample() -> anyhow::Result<()> {
    write!(std::io::stdout(), "{}", hearken_config::sample())?;
    Ok(())
}
