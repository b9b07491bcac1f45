//! Copies of the durable commit, which is whole on the disk at every instant: its files never change, and `meta.json`
//! names them with their checksums.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use super::check::{CheckReport, report};
use super::committer::open_error;
use super::directory::{Damage, DiskStorage, FileSum, META, read_commit, verify};
use super::error::EngineError;

/// How often a newer commit may remove a file before it was copied.
const ATTEMPTS_MAX: usize = 100;

/// Copies the durable commit of an index, which may be open and in use meanwhile, into a directory that is empty or does not
/// exist, and verifies the copy. Files are linked where both are on one disk.
///
/// # Errors
/// The index or the directory cannot be used, or the index is damaged.
pub fn create_backup(index: &Path, into: &Path) -> Result<CheckReport, EngineError> {
    copy_commit(index, into, |from, to| fs::hard_link(from, to).or_else(|_| copy(from, to)))?;
    verified(into)
}

/// Restores a backup where the index is empty or does not exist. A damaged backup is refused.
///
/// # Errors
/// The backup is damaged, or one of the directories cannot be used.
pub fn restore_backup(backup: &Path, index: &Path) -> Result<CheckReport, EngineError> {
    let report = verified(backup)?;
    if !report.damage.is_empty() {
        return Err(EngineError::Damaged { path: backup.to_owned(), damage: report.damage });
    }
    copy_commit(backup, index, copy)?;
    Ok(report)
}

/// What a backup holds. It may lie where nothing can be written.
fn verified(backup: &Path) -> Result<CheckReport, EngineError> {
    if !backup.join(META).is_file() {
        return Err(EngineError::MetaMissing { path: backup.to_owned() });
    }
    let storage = DiskStorage::open(backup);
    let storage = storage.map_err(|source| EngineError::Io { path: backup.to_owned(), source })?;
    report(&storage, backup)
}

fn copy_commit(
    from: &Path,
    into: &Path,
    copy_file: impl Fn(&Path, &Path) -> io::Result<()>,
) -> Result<(), EngineError> {
    let failed = |path: &Path, source| EngineError::Io { path: path.to_owned(), source };
    if !from.join(META).is_file() {
        return Err(EngineError::MetaMissing { path: from.to_owned() });
    }
    fs::create_dir_all(into).map_err(|error| failed(into, error))?;
    if fs::read_dir(into).map_err(|error| failed(into, error))?.next().is_some() {
        let error =
            io::Error::new(io::ErrorKind::DirectoryNotEmpty, "it is not empty; name another directory");
        return Err(failed(into, error));
    }
    let source = DiskStorage::open(from).map_err(|error| failed(from, error))?;
    let mut copied: BTreeMap<String, FileSum> = BTreeMap::new();
    for _ in 0..ATTEMPTS_MAX {
        let (meta, sums) = read_commit(&source).map_err(|error| open_error(from, error))?;
        let stale: Vec<String> = copied.keys().filter(|name| !sums.contains_key(*name)).cloned().collect();
        for name in stale {
            fs::remove_file(into.join(&name)).map_err(|error| failed(into, error))?;
            copied.remove(&name);
        }
        let mut is_overtaken = false;
        for (name, sum) in sums.iter().filter(|(name, _)| !copied.contains_key(*name)).collect::<Vec<_>>() {
            match copy_file(&from.join(name), &into.join(name)) {
                Ok(()) => {
                    copied.insert(name.clone(), *sum);
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    is_overtaken = true;
                    break;
                }
                Err(error) => return Err(failed(into, error)),
            }
        }
        if is_overtaken {
            continue;
        }
        let target = DiskStorage::open(into).map_err(|error| failed(into, error))?;
        let damage: Vec<Damage> = verify(&target, &sums);
        if !damage.is_empty() {
            return Err(EngineError::Damaged { path: from.to_owned(), damage });
        }
        return put_meta(into, &meta).map_err(|error| failed(into, error));
    }
    Err(failed(from, io::Error::other("its files are replaced faster than they can be copied")))
}

/// Last, so that what was broken off is not a backup.
fn put_meta(into: &Path, meta: &[u8]) -> io::Result<()> {
    File::open(into)?.sync_all()?;
    let mut file = File::create(into.join(META))?;
    file.write_all(meta)?;
    file.sync_all()?;
    File::open(into)?.sync_all()
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::copy(from, to)?;
    File::open(to)?.sync_all()
}
