//! tantivy's directory: plain files on the disk, each with a checksum, replaced so that a crash at any instant leaves one
//! whole commit.
//!
//! Files are written as tantivy writes them and made durable when a `meta.json` is about to name them: one that nothing
//! ever names is never synced. What is on the disk is always one whole commit: its files, and the checkpoint of the source
//! that belongs to them.
//!
//! 1. Sync the files that the new `meta.json` names and that are not durable yet.
//! 2. Sync the directory. Now these files are durable.
//! 3. `meta.json` under another name, synced; from here on either commit may be the durable one; rename it into place.
//! 4. Sync the directory. Now this commit is the durable one.
//! 5. Unlink what neither it nor tantivy names.
//!
//! After a failure the directory is closed and opened again: files whose sync failed are never synced again, because the
//! kernel may have marked their pages clean, and no name is used twice.
//!
//! - [`storage`]: the few file operations used, as a seam for faults.
//! - [`manifest`]: `meta.json`, and the checksums it carries on the disk.
//! - [`check`]: verifies that the files are what was written.
//!
//! Fail points, with the feature `failpoints`, in the order they are passed: `index-sync-file` (each file),
//! `index-sync-directory` (twice), `index-rename-meta`, `index-meta-renamed`, `index-committed`; `index-merge-end` when a
//! merge takes effect.
//!
//! Rules that must hold at every instant:
//! 1. No file that a `meta.json` names which is, or may be, the durable one is unlinked or written to.
//! 2. A `meta.json` is put in place only after every file that it names is durable, entry and content.
//! 3. No name is used twice in the life of a directory.

mod check;
mod manifest;
#[cfg(test)]
pub(crate) mod simulated;
mod storage;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::{Mutex, MutexGuard};
use tantivy::directory::error::{DeleteError, LockError, OpenReadError, OpenWriteError};
use tantivy::directory::{
    AntiCallToken, DirectoryLock, FileHandle, INDEX_WRITER_LOCK, Lock, META_LOCK, TerminatingWrite,
    WatchCallback, WatchHandle, WritePtr,
};

use self::manifest::{Commit, FileSums, MANAGED, META_NEXT};
use self::storage::StorageFile;
use super::background::lower_priority_while_merging;

pub(crate) use self::check::verify;
pub use self::check::{Damage, FileFault};
pub(crate) use self::manifest::{FileSum, META};
pub(crate) use self::storage::{DiskStorage, LockRefused, Storage, StorageLock};

/// Syncs under way at a time: a journal takes several in one turn, which halves a commit while the disk is busy.
const SYNC_THREADS: usize = 4;

/// A tantivy directory whose commits survive crashes and power failures. Clones share it.
#[derive(Clone)]
pub(crate) struct DurableDirectory {
    shared: Arc<Shared>,
}

struct Shared {
    storage: Arc<dyn Storage>,
    state: Mutex<DirectoryState>,
    /// One `meta.json` at a time.
    committing: Mutex<()>,
    /// tantivy's locks; the one between processes is taken once for all, see [`Storage::lock`].
    meta_lock: SendLock,
    writer_lock: SendLock,
    /// Since the last write that failed, until a commit succeeds.
    disk_fails: Arc<AtomicBool>,
}

#[derive(Default)]
struct DirectoryState {
    /// What tantivy sees, apart from the two JSON files.
    files: HashMap<String, FileEntry>,
    /// Written, and not synced yet.
    unsynced: HashMap<String, Box<dyn StorageFile>>,
    /// tantivy's newest `meta.json`; `None` before the index is created.
    live: Option<LiveCommit>,
    /// tantivy's `.managed.json`; rebuilt at open, never written.
    managed: Option<Vec<u8>>,
    /// Files being written now.
    writing: HashSet<String>,
    /// Names that may have an entry on the disk.
    on_disk: BTreeSet<String>,
    durable: DurableCommit,
    /// Whether `durable` is what a power failure would leave. Not so at open, because a process may have been killed
    /// between renaming `meta.json` and syncing the directory, and not after such a failure of our own.
    is_durable_certain: bool,
    /// Named by another `meta.json` that may be the durable one while that is not certain.
    maybe_durable: HashSet<String>,
    num_merges: u64,
    /// Set before the directory is opened again: threads of the old instance may live on and must not write.
    closed: bool,
}

struct LiveCommit {
    meta: Arc<[u8]>,
    commit: Commit,
}

/// What the disk holds for certain.
#[derive(Default)]
struct DurableCommit {
    payload: Option<String>,
    sums: Arc<FileSums>,
}

struct FileEntry {
    handle: Arc<dyn FileHandle>,
    sum: FileSum,
}

/// Why a directory could not be opened.
#[derive(Debug)]
pub(crate) enum OpenError {
    /// Segment files without the `meta.json` that says what they are: never the result of a crash.
    MetaMissing,
    /// Files that are not what was written.
    Damaged(Vec<Damage>),
    /// The disk refused.
    Io(io::Error),
}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// What a directory holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DirectoryStats {
    /// All files of the newest commit and of merges under way.
    pub(crate) index_bytes: u64,
    pub(crate) num_segments: usize,
    /// Merges finished since the directory was opened.
    pub(crate) num_merges: u64,
}

impl DurableDirectory {
    /// Opens what is on the disk, and writes nothing.
    ///
    /// The caller holds [`Storage::lock`]. With `verify`, every byte is read and compared with its checksum.
    pub(crate) fn open(storage: Arc<dyn Storage>, verify: bool) -> Result<Self, OpenError> {
        let names = storage.list()?;
        let mut state = DirectoryState::default();
        if names.iter().any(|name| name == META) {
            state.load_durable(&*storage, verify)?;
        } else if names.iter().any(|name| manifest::is_segment_file(name)) {
            return Err(OpenError::MetaMissing);
        }
        for name in names.into_iter().filter(|name| manifest::is_ours(name)) {
            if !state.files.contains_key(&name) {
                state.maybe_durable.insert(name.clone());
                state.on_disk.insert(name);
            }
        }
        Ok(Self {
            shared: Arc::new(Shared {
                storage,
                state: Mutex::new(state),
                committing: Mutex::new(()),
                meta_lock: SendLock::new(),
                writer_lock: SendLock::new(),
                disk_fails: Arc::default(),
            }),
        })
    }

    /// Makes what was found durable for certain, then removes every file of ours that it does not name: erased text may
    /// sit there.
    pub(crate) fn settle(&self) -> io::Result<()> {
        let live = self.state().live.as_ref().map(|live| Arc::clone(&live.meta));
        match live {
            Some(meta) => self.take_meta(&meta),
            None => Ok(()),
        }
    }

    /// Stops all writing, not reading.
    pub(crate) fn close(&self) {
        let _no_commit_under_way = self.shared.committing.lock();
        self.state().closed = true;
    }

    /// The commit payload that is durable, and the sums of the files that belong to it.
    pub(crate) fn durable(&self) -> (Option<String>, Arc<FileSums>) {
        let state = self.state();
        (state.durable.payload.clone(), Arc::clone(&state.durable.sums))
    }

    /// Files that the durable commit does not name: of merges under way, and of before, while a view needs them.
    pub(crate) fn unnamed_files(&self) -> BTreeSet<String> {
        let state = self.state();
        let is_unnamed = |name: &&String| !state.durable.sums.contains_key(*name);
        state.on_disk.iter().filter(is_unnamed).cloned().collect()
    }

    /// Whether the last write failed.
    pub(crate) fn disk_fails(&self) -> &Arc<AtomicBool> {
        &self.shared.disk_fails
    }

    pub(crate) fn storage(&self) -> &Arc<dyn Storage> {
        &self.shared.storage
    }

    pub(crate) fn stats(&self) -> DirectoryStats {
        let state = self.state();
        DirectoryStats {
            index_bytes: state.files.values().map(|file| file.sum.bytes).sum(),
            num_segments: state.live.as_ref().map_or(0, |live| live.commit.num_segments()),
            num_merges: state.num_merges,
        }
    }

    fn state(&self) -> MutexGuard<'_, DirectoryState> {
        self.shared.state.lock()
    }

    /// Puts a `meta.json` of tantivy's in place, see the top of this file.
    fn take_meta(&self, data: &[u8]) -> io::Result<()> {
        let commit = Commit::parse(data)?;
        let _one_at_a_time = self.shared.committing.lock();
        let put = self.put_meta(data, commit);
        self.shared.disk_fails.store(put.is_err(), Ordering::Relaxed);
        let is_merge_end = put?;
        self.collect_garbage();
        if is_merge_end {
            fail::fail_point!("index-merge-end");
        } else {
            fail::fail_point!("index-committed");
        }
        Ok(())
    }

    /// Whether it was the end of a merge.
    fn put_meta(&self, data: &[u8], commit: Commit) -> io::Result<bool> {
        let storage = &*self.shared.storage;
        let mut sums = FileSums::new();
        let mut to_sync = Vec::new();
        {
            let mut state = self.state();
            state.refuse_if_closed()?;
            for name in commit.files() {
                let file = state.files.get(&name).ok_or_else(|| {
                    io::Error::new(io::ErrorKind::NotFound, format!("`{name}` of the commit is gone"))
                })?;
                sums.insert(name.clone(), file.sum);
                to_sync.extend(state.unsynced.remove(&name).map(|file| (name, file)));
            }
        }
        if !to_sync.is_empty() {
            sync_files(&mut to_sync)?;
            drop(to_sync);
            self.sync_directory(storage)?;
        }
        let mut next = storage.create(META_NEXT).map_err(at("creating", META_NEXT))?;
        next.write_all(&manifest::encode(data, &sums)).map_err(at("writing", META_NEXT))?;
        next.sync().map_err(at("syncing", META_NEXT))?;
        self.doubt(&sums);
        fail::fail_point!("index-rename-meta");
        storage.rename(META_NEXT, META).map_err(at("renaming", META_NEXT))?;
        fail::fail_point!("index-meta-renamed");
        self.sync_directory(storage)?;

        let mut state = self.state();
        // A commit has a new opstamp; the end of a merge writes the last one again with other segments.
        let is_merge_end = state
            .live
            .as_ref()
            .is_some_and(|live| live.commit.opstamp == commit.opstamp && live.commit != commit);
        state.num_merges += u64::from(is_merge_end);
        state.durable = DurableCommit { payload: commit.payload.clone(), sums: Arc::new(sums) };
        state.is_durable_certain = true;
        state.maybe_durable.clear();
        state.live = Some(LiveCommit { meta: data.into(), commit });
        Ok(is_merge_end)
    }

    /// From here on either commit may be the durable one.
    fn doubt(&self, sums: &FileSums) {
        let mut state = self.state();
        state.is_durable_certain = false;
        state.maybe_durable.extend(sums.keys().cloned());
    }

    fn sync_directory(&self, storage: &dyn Storage) -> io::Result<()> {
        fail::fail_point!("index-sync-directory");
        storage.sync_directory().map_err(at("syncing", "the directory"))
    }

    /// Unlinks what is on the disk and neither tantivy's nor named by a commit that may be durable. A file that cannot be
    /// unlinked is tried again with the next commit, and at the next open.
    fn collect_garbage(&self) {
        let garbage: Vec<String> = {
            let state = self.state();
            state.on_disk.iter().filter(|name| state.is_garbage(name)).cloned().collect()
        };
        garbage.iter().for_each(|name| self.unlink(name));
    }

    fn unlink(&self, name: &str) {
        match self.shared.storage.remove(name) {
            // Only now may the name be forgotten: until here nothing can be written under it.
            Ok(()) => {
                self.state().on_disk.remove(name);
            }
            Err(error) => {
                tracing::warn!(file = name, %error, "a file that nothing names cannot be removed");
            }
        }
    }
}

/// Says what was being done.
fn at(doing: &'static str, what: &str) -> impl FnOnce(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("{doing} `{what}`: {error}"))
}

fn sync_files(files: &mut [(String, Box<dyn StorageFile>)]) -> io::Result<()> {
    let sync = |(name, file): &mut (String, Box<dyn StorageFile>)| {
        fail::fail_point!("index-sync-file");
        file.sync().map_err(at("syncing", name))
    };
    std::thread::scope(|scope| {
        let share = files.len().div_ceil(SYNC_THREADS).max(1);
        let mut shares = files.chunks_mut(share);
        let own = shares.next();
        let threads: Vec<_> =
            shares.map(|files| scope.spawn(move || files.iter_mut().try_for_each(sync))).collect();
        let synced = own.map_or(Ok(()), |files| files.iter_mut().try_for_each(sync));
        // All of them end before the scope does; the first failure is told.
        threads
            .into_iter()
            .fold(synced, |synced, thread| synced.and(thread.join().expect("a sync does not panic")))
    })
}

impl DirectoryState {
    fn load_durable(&mut self, storage: &dyn Storage, verify_content: bool) -> Result<(), OpenError> {
        let (meta, commit, sums) = read_meta(storage)?;
        if verify_content {
            let damage = verify(storage, &sums);
            if !damage.is_empty() {
                return Err(OpenError::Damaged(damage));
            }
        }
        for (name, sum) in &sums {
            let handle = storage.map(name).map_err(|e| match e.kind() {
                io::ErrorKind::NotFound => {
                    OpenError::Damaged(vec![Damage { file: name.clone(), fault: FileFault::Missing }])
                }
                _ => OpenError::Io(e),
            })?;
            if handle.len() as u64 != sum.bytes {
                let fault = FileFault::Length { expected: sum.bytes, found: handle.len() as u64 };
                return Err(OpenError::Damaged(vec![Damage { file: name.clone(), fault }]));
            }
            self.files.insert(name.clone(), FileEntry { handle, sum: *sum });
            self.on_disk.insert(name.clone());
        }
        let managed: Vec<&str> = sums.keys().map(String::as_str).chain([META]).collect();
        self.managed = Some(serde_json::to_vec(&managed).expect("a list of strings"));
        let meta: Arc<[u8]> = meta.into();
        self.durable = DurableCommit { payload: commit.payload.clone(), sums: Arc::new(sums) };
        self.live = Some(LiveCommit { meta, commit });
        Ok(())
    }

    /// Whether the name is taken, now or in what a crash would bring back.
    fn is_used(&self, name: &str) -> bool {
        self.files.contains_key(name)
            || self.writing.contains(name)
            || self.on_disk.contains(name)
            || self.is_protected(name)
    }

    /// Whether the durable commit names it, or one that may be durable.
    fn is_protected(&self, name: &str) -> bool {
        self.durable.sums.contains_key(name) || self.maybe_durable.contains(name)
    }

    fn is_garbage(&self, name: &str) -> bool {
        !self.files.contains_key(name) && !self.writing.contains(name) && !self.is_protected(name)
    }

    fn refuse_if_closed(&self) -> io::Result<()> {
        if self.closed {
            return Err(io::Error::other("the index was opened again from its durable state"));
        }
        Ok(())
    }
}

/// Reads and checks `meta.json`.
fn read_meta(storage: &dyn Storage) -> Result<(Vec<u8>, Commit, FileSums), OpenError> {
    let mut bytes = Vec::new();
    storage.open(META)?.read_to_end(&mut bytes)?;
    manifest::decode(&bytes).map_err(|reason| {
        OpenError::Damaged(vec![Damage { file: META.to_owned(), fault: FileFault::Meta(reason) }])
    })
}

/// The durable `meta.json` as it lies on the disk, and the sums that it holds, without opening the index.
pub(crate) fn read_commit(storage: &dyn Storage) -> Result<(Vec<u8>, FileSums), OpenError> {
    let mut bytes = Vec::new();
    storage.open(META)?.read_to_end(&mut bytes)?;
    let decoded = manifest::decode(&bytes);
    let (_, _, sums) = decoded.map_err(|reason| {
        OpenError::Damaged(vec![Damage { file: META.to_owned(), fault: FileFault::Meta(reason) }])
    })?;
    Ok((bytes, sums))
}

/// The sums that the durable `meta.json` holds, and its payload, without opening the index.
pub(crate) fn read_durable(storage: &dyn Storage) -> Result<(FileSums, Option<String>, u64), OpenError> {
    let (_, commit, sums) = read_meta(storage)?;
    Ok((sums, commit.payload.clone(), commit.num_documents()))
}

impl tantivy::Directory for DurableDirectory {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        let state = self.state();
        name_of(path)
            .and_then(|name| state.files.get(name))
            .map(|file| Arc::clone(&file.handle))
            .ok_or_else(|| OpenReadError::FileDoesNotExist(path.to_owned()))
    }

    /// Unlinks the file, or leaves that to the next commit while one that may be durable names it.
    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        let does_not_exist = || DeleteError::FileDoesNotExist(path.to_owned());
        let name = name_of(path).ok_or_else(does_not_exist)?;
        let is_garbage = {
            let mut state = self.state();
            state.files.remove(name).ok_or_else(does_not_exist)?;
            state.unsynced.remove(name);
            !state.closed && state.is_garbage(name)
        };
        if is_garbage {
            self.unlink(name);
        }
        Ok(())
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        let state = self.state();
        Ok(match name_of(path) {
            Some(META) => state.live.is_some(),
            Some(MANAGED) => state.managed.is_some(),
            Some(name) => state.files.contains_key(name) || state.writing.contains(name),
            None => false,
        })
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        let io_error = |e| OpenWriteError::wrap_io_error(e, path.to_owned());
        let name = name_of(path).ok_or_else(|| io_error(io::ErrorKind::InvalidFilename.into()))?;
        lower_priority_while_merging();
        let mut state = self.state();
        state.refuse_if_closed().map_err(io_error)?;
        if state.is_used(name) {
            return Err(OpenWriteError::FileAlreadyExists(path.to_owned()));
        }
        state.writing.insert(name.to_owned());
        state.on_disk.insert(name.to_owned());
        drop(state);
        let directory = self.clone();
        let file = self.shared.storage.create(name);
        let hasher = crc32fast::Hasher::new();
        let mut writer = FileWriter { directory, name: name.to_owned(), file: None, bytes: 0, hasher };
        let file = file.map_err(at("creating", name)).inspect_err(|_| writer.note_failure());
        writer.file = Some(file.map_err(io_error)?);
        Ok(BufWriter::new(Box::new(writer)))
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        let state = self.state();
        match name_of(path) {
            Some(META) => state.live.as_ref().map(|live| live.meta.to_vec()),
            Some(MANAGED) => state.managed.clone(),
            _ => None,
        }
        .ok_or_else(|| OpenReadError::FileDoesNotExist(path.to_owned()))
    }

    /// Takes `.managed.json` into memory and puts `meta.json` in place; tantivy writes no other file this way.
    fn atomic_write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        match name_of(path) {
            Some(META) => self.take_meta(data),
            Some(MANAGED) => {
                let mut state = self.state();
                state.refuse_if_closed()?;
                state.managed = Some(data.to_vec());
                Ok(())
            }
            _ => Err(io::Error::new(io::ErrorKind::InvalidFilename, path.display().to_string())),
        }
    }

    /// Nothing to do: `meta.json` does it.
    fn sync_directory(&self) -> io::Result<()> {
        Ok(())
    }

    /// Both of tantivy's locks are held between threads of this process only.
    fn acquire_lock(&self, lock: &Lock) -> Result<DirectoryLock, LockError> {
        if lock.filepath == META_LOCK.filepath {
            Ok(DirectoryLock::from(Box::new(self.shared.meta_lock.lock())))
        } else if lock.filepath == INDEX_WRITER_LOCK.filepath {
            let guard = self.shared.writer_lock.try_lock().ok_or(LockError::LockBusy)?;
            Ok(DirectoryLock::from(Box::new(guard)))
        } else {
            Err(LockError::wrap_io_error(io::ErrorKind::Unsupported.into()))
        }
    }

    /// Readers are reloaded by the writer, after each refresh.
    fn watch(&self, _: WatchCallback) -> tantivy::Result<WatchHandle> {
        Ok(WatchHandle::empty())
    }
}

/// A file being written. It is synced when a `meta.json` names it.
struct FileWriter {
    directory: DurableDirectory,
    name: String,
    /// Until the file is complete.
    file: Option<Box<dyn StorageFile>>,
    bytes: u64,
    hasher: crc32fast::Hasher,
}

impl FileWriter {
    fn note_failure(&self) {
        self.directory.shared.disk_fails.store(true, Ordering::Relaxed);
    }
}

impl Write for FileWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let file = self.file.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        file.write_all(bytes).map_err(at("writing", &self.name)).inspect_err(|_| self.note_failure())?;
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl TerminatingWrite for FileWriter {
    fn terminate_ref(&mut self, _: AntiCallToken) -> io::Result<()> {
        let sum = FileSum { bytes: self.bytes, crc32: std::mem::take(&mut self.hasher).finalize() };
        let handle = self.directory.shared.storage.map(&self.name);
        let handle = handle.inspect_err(|_| self.note_failure())?;
        let mut state = self.directory.state();
        state.refuse_if_closed()?;
        state.files.insert(self.name.clone(), FileEntry { handle, sum });
        let file = self.file.take().ok_or(io::ErrorKind::BrokenPipe)?;
        state.unsynced.insert(self.name.clone(), file);
        Ok(())
    }
}

impl Drop for FileWriter {
    /// A file that was not completed was never there; what it left on the disk is collected with the next commit.
    fn drop(&mut self) {
        self.directory.state().writing.remove(&self.name);
    }
}

impl std::fmt::Debug for DurableDirectory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DurableDirectory({:?})", self.shared.storage)
    }
}

/// Files are flat: the path is the name.
fn name_of(path: &Path) -> Option<&str> {
    path.to_str().filter(|name| !name.contains('/'))
}

/// A lock whose guard borrows nothing and may be released on another thread, as tantivy asks of its locks.
struct SendLock {
    unlock: Sender<()>,
    lock: Receiver<()>,
}

struct LockGuard(Sender<()>);

impl SendLock {
    fn new() -> Self {
        let (unlock, lock) = bounded(1);
        drop(LockGuard(unlock.clone())); // unlocked in the beginning
        Self { unlock, lock }
    }

    fn lock(&self) -> LockGuard {
        self.lock.recv().expect("the sender lives beside the receiver");
        LockGuard(self.unlock.clone())
    }

    fn try_lock(&self) -> Option<LockGuard> {
        self.lock.try_recv().ok()?;
        Some(LockGuard(self.unlock.clone()))
    }
}

impl Drop for LockGuard {
    fn drop(&mut self) {
        // Never full: it holds one unit, and this guard has it.
        let _ = self.0.try_send(());
    }
}
