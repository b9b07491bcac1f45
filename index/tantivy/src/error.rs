//! What can go wrong between the index and its disk.

use std::io;
use std::path::PathBuf;

use super::directory::Damage;

/// Errors of opening and checking the index.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Another process, or another writer of this one, has the index open.
    #[error("the index at `{}` is in use by another process{}; stop it first, or use another `index.path`",
        path.display(), pid.map(|pid| format!(" (process id {pid})")).unwrap_or_default())]
    InUse {
        /// The index directory.
        path: PathBuf,
        /// The holder's process id, where it could be read.
        pid: Option<u32>,
    },
    /// Files that are not what was written. Nothing of the index is served.
    #[error("the index at `{}` is damaged: {}; see `hearken index check` and `hearken index rebuild`",
        path.display(), list(damage))]
    Damaged {
        /// The index directory.
        path: PathBuf,
        /// Every damaged file.
        damage: Vec<Damage>,
    },
    /// Segment files without the `meta.json` that says what they are; a crash never leaves such a directory.
    #[error("the directory `{}` holds no `meta.json` that says what its segment files are; restore that file, or \
        empty the directory to index everything again", path.display())]
    MetaMissing {
        /// The index directory.
        path: PathBuf,
    },
    /// The index was made by a version of Hearken with other fields.
    #[error("the index at `{}` has the fields of another version; run `hearken index rebuild`", path.display())]
    SchemaChanged {
        /// The index directory.
        path: PathBuf,
    },
    /// The directory cannot be used.
    #[error("cannot use the index directory `{}`", path.display())]
    Io {
        /// The index directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// tantivy failed, or panicked, while the index was opened.
    #[error("cannot open the index at `{}`: {reason}", path.display())]
    Unusable {
        /// The index directory.
        path: PathBuf,
        /// What tantivy said.
        reason: String,
    },
}

fn list(damage: &[Damage]) -> String {
    damage.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
