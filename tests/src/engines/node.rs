//! Node.js programs of the tests: what they need comes from npm once, into `target/engines`.

use std::fs;
use std::hash::{DefaultHasher, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::cache::{engines_dir, fetched_once};
use crate::outcome::Unavailable;

/// A directory that holds a copy of the program in `dir` (scripts, `package.json`, `package-lock.json`) beside the
/// packages that it needs. A changed program gets a directory of its own.
pub fn installed(dir: &Path) -> Result<PathBuf, Unavailable> {
    install(dir).map_err(|why| Unavailable::new("Node.js", why, "`apt-get install nodejs npm`"))
}

fn install(dir: &Path) -> Result<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(dir)?.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in &files {
        hasher.write(&fs::read(file)?);
    }
    fetched_once(&engines_dir()?, &format!("node-{:016x}", hasher.finish()), |target| {
        for file in &files {
            fs::copy(file, target.join(file.file_name().context("a file has a name")?))?;
        }
        let output = Command::new("npm")
            .args(["ci", "--no-audit", "--no-fund"])
            .current_dir(target)
            .output()
            .context("cannot run `npm`")?;
        if !output.status.success() {
            bail!("`npm ci` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(())
    })
}
