//! Verifying an index that nobody has open.

use std::path::Path;

use hearken_index::checkpoint::Checkpoint;

use super::committer::{lock, open_error};
use super::directory::{Damage, DiskStorage, OpenError, read_durable, verify};
use super::error::EngineError;
use super::flusher::checkpoint_of;

/// What [`check`] found.
#[derive(Debug, Clone)]
pub struct CheckReport {
    /// Files verified, `meta.json` not counted.
    pub num_files: usize,
    /// Their bytes, as written.
    pub bytes: u64,
    /// Documents, as `meta.json` says.
    pub num_documents: u64,
    /// How far the source was read.
    pub checkpoint: Checkpoint,
    /// Every damaged file; empty when all is well.
    pub damage: Vec<Damage>,
}

/// Verifies an index that nobody has open, without changing it.
///
/// # Errors
/// [`EngineError::InUse`], [`EngineError::Io`]; a directory without an index is [`EngineError::MetaMissing`].
pub fn check(path: &Path) -> Result<CheckReport, EngineError> {
    let io_error = |source| EngineError::Io { path: path.to_owned(), source };
    if !path.is_dir() {
        return Err(io_error(std::io::ErrorKind::NotFound.into()));
    }
    let storage = DiskStorage::open(path).map_err(io_error)?;
    let _lock = lock(&storage, path)?;
    report(&storage, path)
}

/// Verifies what is on that storage; nobody may write to it meanwhile.
pub(super) fn report(storage: &DiskStorage, path: &Path) -> Result<CheckReport, EngineError> {
    match read_durable(storage) {
        Ok((sums, payload, num_documents)) => Ok(CheckReport {
            num_files: sums.len(),
            bytes: sums.values().map(|sum| sum.bytes).sum(),
            num_documents,
            checkpoint: checkpoint_of(payload.as_deref()),
            damage: verify(storage, &sums),
        }),
        Err(OpenError::Damaged(damage)) => Ok(CheckReport {
            num_files: 0,
            bytes: 0,
            num_documents: 0,
            checkpoint: Checkpoint::default(),
            damage,
        }),
        Err(OpenError::Io(e)) if e.kind() == std::io::ErrorKind::NotFound => {
            Err(EngineError::MetaMissing { path: path.to_owned() })
        }
        Err(e) => Err(open_error(path, e)),
    }
}
