//! Chromium: finds Debian's browser. Driving it is left to the tests of the pages.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::outcome::Unavailable;

/// A browser that can be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chromium {
    /// The executable.
    pub path: PathBuf,
    /// What it says of itself, for instance `Chromium 156.0.8078.79 …`.
    pub version: String,
}

/// Looks for `chromium` on the path.
pub fn find() -> Result<Chromium, Unavailable> {
    look().map_err(|why| Unavailable::new("Chromium", why, "`apt-get install chromium`"))
}

fn look() -> Result<Chromium> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found = std::env::split_paths(&path).map(|dir| dir.join("chromium"));
    let path = found.find(|path| path.is_file()).context("no `chromium` on the path")?;
    let output = Command::new(&path).args(["--version", "--no-sandbox"]).output()?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if !output.status.success() || version.is_empty() {
        bail!("`{} --version` failed", path.display());
    }
    Ok(Chromium { path, version })
}
