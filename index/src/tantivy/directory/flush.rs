//! RAM → disk: the newest commit becomes the durable one.
//!
//! 1. Under the lock, for a moment: the newest `meta.json` and references to the files that it names.
//! 2. Write the files that are only in RAM, all of them, then sync them.
//! 3. Sync the directory. Now these files are durable and leave RAM.
//! 4. `meta.json` under another name, synced; from here on either commit may be the durable one; rename it into place.
//! 5. Sync the directory. Now this commit is the durable one.
//! 6. Unlink what is neither live nor named by a commit that may be durable.
//!
//! After a failure the durable commit stays what it was. Files whose write, or whose directory's sync, failed
//! are written anew next time and never synced again, because the kernel may have marked their pages clean.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tantivy::directory::FileHandle;

use super::manifest::{self, FileSum, FileSums, META, META_NEXT};
use super::storage::{Storage, StorageFile};
use super::{DurableCommit, State, Tier, TieredDirectory};

/// Files open at a time: far below the usual limit of 1,024 descriptors.
const OPEN_FILES_MAX: usize = 64;

/// Syncs under way at a time: a journal takes several in one turn, which halves a flush while the disk is busy.
const SYNC_THREADS: usize = 4;

/// What one flush did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Flushed {
    /// Whether a newer commit is durable now.
    pub(crate) advanced: bool,
    /// Files written, `meta.json` not counted.
    pub(crate) num_files: usize,
    /// Their size.
    pub(crate) bytes: u64,
}

/// A flush that failed; the durable commit is what it was.
#[derive(Debug)]
pub(crate) struct FlushError {
    /// What was being done.
    pub(crate) step: FlushStep,
    /// What the disk said.
    pub(crate) source: io::Error,
}

#[derive(Debug)]
pub(crate) enum FlushStep {
    Begin,
    Write(String),
    SyncDirectory,
    WriteMeta,
    RenameMeta,
}

impl fmt::Display for FlushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.step {
            FlushStep::Begin => f.write_str("starting a flush"),
            FlushStep::Write(name) => write!(f, "writing `{name}`"),
            FlushStep::SyncDirectory => f.write_str("syncing the directory"),
            FlushStep::WriteMeta => write!(f, "writing `{META_NEXT}`"),
            FlushStep::RenameMeta => write!(f, "renaming `{META_NEXT}` to `{META}`"),
        }?;
        write!(f, ": {}", self.source)
    }
}

impl FlushStep {
    fn failed(self) -> impl FnOnce(io::Error) -> FlushError {
        move |source| FlushError { step: self, source }
    }
}

/// The commit that a flush makes durable.
struct Snapshot {
    meta: Arc<[u8]>,
    payload: Option<String>,
    sums: FileSums,
    to_write: Vec<Pending>,
    /// On the disk, but their directory entries are not durable yet.
    spilled: HashMap<String, u64>,
}

struct Pending {
    name: String,
    generation: u64,
    sum: FileSum,
    handle: Arc<dyn FileHandle>,
}

impl TieredDirectory {
    /// Makes the newest commit durable; `advanced` is false when it already was.
    pub(crate) fn flush(&self) -> Result<Flushed, FlushError> {
        let _one_at_a_time = self.shared.flushing.lock();
        let flushed = match self.begin_flush().map_err(FlushStep::Begin.failed())? {
            Some(snapshot) => self.persist(snapshot),
            None => Ok(Flushed::default()),
        };
        self.shared.disk_fails.store(flushed.is_err(), Ordering::Relaxed);
        // Also after a failure: what nothing names is in the way when the disk is full.
        self.collect_garbage();
        flushed
    }

    fn begin_flush(&self) -> io::Result<Option<Snapshot>> {
        let mut state = self.state();
        state.refuse_if_closed()?;
        let State { live, durable, files, is_durable_certain, on_disk, .. } = &mut *state;
        let Some(live) = live else { return Ok(None) };
        // Told apart by the bytes: the end of a merge keeps payload and opstamp.
        if durable.meta.as_ref() == Some(&live.meta) && *is_durable_certain {
            return Ok(None);
        }
        let mut snapshot = Snapshot {
            meta: Arc::clone(&live.meta),
            payload: live.commit.payload.clone(),
            sums: FileSums::new(),
            to_write: Vec::new(),
            spilled: HashMap::new(),
        };
        for name in live.commit.files() {
            let file = files.get(&name).ok_or_else(|| {
                io::Error::new(io::ErrorKind::NotFound, format!("`{name}` of the last commit is gone"))
            })?;
            snapshot.sums.insert(name.clone(), file.sum);
            match file.tier {
                Tier::Disk => {}
                Tier::Spilled => {
                    snapshot.spilled.insert(name, file.generation);
                }
                Tier::Ram | Tier::Suspect => {
                    on_disk.insert(name.clone());
                    let (generation, sum, handle) = (file.generation, file.sum, Arc::clone(&file.handle));
                    snapshot.to_write.push(Pending { name, generation, sum, handle });
                }
            }
        }
        Ok(Some(snapshot))
    }

    fn persist(&self, snapshot: Snapshot) -> Result<Flushed, FlushError> {
        let storage = &*self.shared.storage;
        for files in snapshot.to_write.chunks(OPEN_FILES_MAX) {
            write_and_sync(storage, files)?;
        }
        self.sync_directory_or_suspect()?;
        self.mark_on_disk(&snapshot)?;

        write_meta(storage, &snapshot).map_err(FlushStep::WriteMeta.failed())?;
        self.doubt(&snapshot);
        fail::fail_point!("index-rename-meta");
        storage.rename(META_NEXT, META).map_err(FlushStep::RenameMeta.failed())?;
        fail::fail_point!("index-meta-renamed");
        self.sync_directory_or_suspect()?;

        let flushed = Flushed {
            advanced: true,
            num_files: snapshot.to_write.len(),
            bytes: snapshot.to_write.iter().map(|file| file.sum.bytes).sum(),
        };
        let mut state = self.state();
        state.durable = DurableCommit {
            meta: Some(snapshot.meta),
            payload: snapshot.payload,
            sums: Arc::new(snapshot.sums),
        };
        state.is_durable_certain = true;
        state.maybe_durable.clear();
        drop(state);
        fail::fail_point!("index-flushed");
        Ok(flushed)
    }

    /// From here on either commit may be the durable one.
    fn doubt(&self, snapshot: &Snapshot) {
        let mut state = self.state();
        state.is_durable_certain = false;
        state.maybe_durable.extend(snapshot.sums.keys().cloned());
    }

    fn sync_directory_or_suspect(&self) -> Result<(), FlushError> {
        fail::fail_point!("index-sync-directory");
        self.shared.storage.sync_directory().map_err(|e| {
            // Entries made since the last good sync may be lost and count as clean.
            for file in self.state().files.values_mut().filter(|file| file.tier == Tier::Spilled) {
                file.tier = Tier::Suspect;
            }
            FlushStep::SyncDirectory.failed()(e)
        })
    }

    /// Lets go of the RAM: readers that are opened from now on read the disk's copy.
    fn mark_on_disk(&self, snapshot: &Snapshot) -> Result<(), FlushError> {
        let mut written = Vec::with_capacity(snapshot.to_write.len());
        for file in &snapshot.to_write {
            let handle = self.shared.storage.map(&file.name);
            let handle = handle.map_err(FlushStep::Write(file.name.clone()).failed())?;
            written.push((file, handle));
        }
        let mut state = self.state();
        let State { files, ram_bytes, .. } = &mut *state;
        for (file, handle) in written {
            if let Some(entry) = files.get_mut(&file.name).filter(|entry| entry.generation == file.generation)
            {
                if entry.tier == Tier::Ram {
                    *ram_bytes -= entry.sum.bytes;
                }
                entry.tier = Tier::Disk;
                entry.handle = handle;
            }
        }
        for (name, generation) in &snapshot.spilled {
            if let Some(entry) = files.get_mut(name).filter(|entry| entry.generation == *generation) {
                entry.tier = Tier::Disk;
            }
        }
        Ok(())
    }

    /// Unlinks what is on the disk and neither live nor named by a commit that may be durable. A file that cannot be
    /// unlinked is tried again at the next flush, and at the next open.
    fn collect_garbage(&self) {
        let garbage: Vec<String> = {
            let state = self.state();
            let is_garbage = |name: &&String| {
                !state.files.contains_key(*name)
                    && !state.writing.contains(*name)
                    && !state.is_protected(name)
            };
            state.on_disk.iter().filter(is_garbage).cloned().collect()
        };
        for name in garbage {
            match self.shared.storage.remove(&name) {
                // Only now may the name be forgotten: until here nothing can be written under it.
                Ok(()) => {
                    self.state().on_disk.remove(&name);
                }
                Err(e) => {
                    tracing::warn!(file = name, error = %e, "file that nothing names cannot be removed")
                }
            }
        }
    }
}

/// Writes all, then syncs all.
fn write_and_sync(storage: &dyn Storage, files: &[Pending]) -> Result<(), FlushError> {
    let mut open = Vec::with_capacity(files.len());
    for file in files {
        fail::fail_point!("index-persist-file");
        let written = write_file(storage, file).map_err(FlushStep::Write(file.name.clone()).failed())?;
        open.push((file, written));
    }
    std::thread::scope(|scope| {
        let share = open.len().div_ceil(SYNC_THREADS).max(1);
        let threads: Vec<_> = open.chunks_mut(share).map(|files| scope.spawn(|| sync_all(files))).collect();
        // All of them end before the scope does; the first failure is told.
        threads.into_iter().try_for_each(|thread| thread.join().expect("a sync does not panic"))
    })
}

fn sync_all(files: &mut [(&Pending, Box<dyn StorageFile>)]) -> Result<(), FlushError> {
    for (file, written) in files {
        written.sync().map_err(FlushStep::Write(file.name.clone()).failed())?;
    }
    Ok(())
}

fn write_file(storage: &dyn Storage, file: &Pending) -> io::Result<Box<dyn StorageFile>> {
    let bytes = file.handle.read_bytes(0..file.handle.len())?;
    // Also what lay in RAM, or in pages that a failed sync left behind, must be what tantivy wrote.
    if (FileSum { bytes: bytes.len() as u64, crc32: crc32fast::hash(&bytes) }) != file.sum {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "content changed since it was written"));
    }
    let mut written = storage.create(&file.name)?;
    written.write_all(&bytes)?;
    Ok(written)
}

fn write_meta(storage: &dyn Storage, snapshot: &Snapshot) -> io::Result<()> {
    let mut file = storage.create(META_NEXT)?;
    file.write_all(&manifest::encode(&snapshot.meta, &snapshot.sums))?;
    file.sync()
}
