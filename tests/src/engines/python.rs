//! Python programs of the tests: what they need comes from PyPI once, into `target/engines`.

use std::fs;
use std::hash::{DefaultHasher, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::cache::{engines_dir, fetched_once};
use crate::outcome::Unavailable;

/// The interpreter of a virtual environment with the packages that `requirements` names. Changed requirements get an
/// environment of their own.
pub fn installed(requirements: &Path) -> Result<PathBuf, Unavailable> {
    install(requirements).map_err(|why| Unavailable::new("Python", why, "`apt-get install python3-venv`"))
}

fn install(requirements: &Path) -> Result<PathBuf> {
    let mut hasher = DefaultHasher::new();
    hasher.write(&fs::read(requirements)?);
    let name = format!("python-{:016x}", hasher.finish());
    let environment = fetched_once(&engines_dir()?, &name, |target| {
        run(Command::new("python3").args(["-m", "venv"]).arg(target))?;
        let mut pip = Command::new(target.join("bin/python"));
        run(pip.args(["-m", "pip", "install", "--quiet", "--no-compile", "--requirement"]).arg(requirements))
    })?;
    // Scripts of the environment name the place in which it was made; the interpreter finds its own.
    Ok(environment.join("bin/python"))
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
