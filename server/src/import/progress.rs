//! How far each file has come, in one small file for each, so that an interrupted import continues where it stopped.
//!
//! They are kept in the user's state folder until the whole import is done. A file that has changed since is imported
//! from the start.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::files::ImportFile;

/// Where progress is kept for imports into one destination.
pub struct Progress {
    folder: PathBuf,
    destination: String,
    finished: Vec<PathBuf>,
}

/// How far a file has come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Reached {
    /// Which file, into which destination.
    identity: String,
    /// Events that are durable at the destination or were skipped.
    pub(super) num_items: u64,
    /// When the file was last modified, as of the start of the import.
    pub(super) modified_us: Option<i64>,
    pub(super) is_finished: bool,
}

impl Progress {
    /// Progress is kept in `folder`, which is created when needed.
    pub fn new(folder: PathBuf, destination: impl Into<String>) -> Self {
        Progress { folder, destination: destination.into(), finished: Vec::new() }
    }

    /// How far an earlier import of this file into the same destination has come.
    pub(super) fn of(&self, source: &ImportFile) -> Option<Reached> {
        let (identity, path) = self.place(source)?;
        let reached: Reached = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
        (reached.identity == identity).then_some(reached)
    }

    /// Records how far the file has come.
    pub(super) fn keep(
        &mut self,
        source: &ImportFile,
        num_items: u64,
        modified_us: i64,
        is_finished: bool,
    ) -> anyhow::Result<()> {
        let Some((identity, path)) = self.place(source) else { return Ok(()) };
        let reached = Reached { identity, num_items, modified_us: Some(modified_us), is_finished };
        write(&path, &reached)
            .with_context(|| format!("cannot keep the progress in `{}`", path.display()))?;
        if is_finished {
            self.finished.push(path);
        }
        Ok(())
    }

    /// Deletes the progress of this run's files, all of which are done.
    pub(super) fn forget_finished(&mut self) {
        for path in self.finished.drain(..) {
            let _ = std::fs::remove_file(path); // a file left behind only skips an import that is not needed
        }
    }

    /// Standard input has none: it cannot be read again.
    fn place(&self, source: &ImportFile) -> Option<(String, PathBuf)> {
        let path = source.path.as_deref()?;
        let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let identity = format!(
            "{} {} {} {:?} {}",
            self.destination,
            source.size_bytes,
            source.modified_us,
            source.kind,
            path.display()
        );
        let name = format!("{:08x}.json", crc32fast::hash(identity.as_bytes()));
        Some((identity, self.folder.join(name)))
    }
}

/// Writes the file atomically.
fn write(path: &Path, reached: &Reached) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let new = path.with_extension("new");
    std::fs::write(&new, serde_json::to_vec(reached)?)?;
    Ok(std::fs::rename(new, path)?)
}
