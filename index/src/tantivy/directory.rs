//! The directory that makes refresh cheap: new small files stay in RAM until a flush makes them durable.
//!
//! tantivy writes a handful of small files at every commit and wants each of them on the disk. Here they stay in
//! RAM, as `meta.json` does, so that a commit costs no sync and can happen every 20 ms. [`TieredDirectory::flush`]
//! brings the state of the last commit to the disk, in the order that a crash at any instant forgives. What is on the disk is
//! always one whole commit: its files, and the checkpoint of the source that belongs to them.
//!
//! - [`storage`]: the few file operations used, as a seam for faults.
//! - [`manifest`]: `meta.json`, and the checksums it carries on the disk.
//! - [`file_writer`]: a file being written: buffered, and on the disk past a size.
//! - [`flush`]: RAM → disk, and the collection of what nothing names any more.
//! - [`check`]: are the files what they were when they were written?
//!
//! Fail points, with the feature `failpoints`, in the order they are passed: `index-refresh`, `index-refreshed`,
//! `index-persist-file` (each file), `index-sync-directory` (twice), `index-rename-meta`, `index-meta-renamed`,
//! `index-flushed`; `index-merge-end` when a merge takes effect.
//!
//! Rules that must hold at every instant:
//! 1. No file that a `meta.json` names which is, or may be, the durable one is unlinked or written to.
//! 2. A `meta.json` is put in place only after every file that it names is durable, entry and content.
//! 3. No name is used twice in the life of a directory.

mod check;
mod file_writer;
mod flush;
mod manifest;
#[cfg(test)]
pub(super) mod simulated;
mod storage;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io::{self, BufWriter, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::{Mutex, MutexGuard};
use tantivy::directory::error::{DeleteError, LockError, OpenReadError, OpenWriteError};
use tantivy::directory::{
    DirectoryLock, FileHandle, INDEX_WRITER_LOCK, Lock, META_LOCK, WatchCallback, WatchHandle, WritePtr,
};

use self::file_writer::FileWriter;
use self::manifest::{Commit, FileSum, FileSums, MANAGED, META};
use super::background::be_nice_while_merging;

pub(crate) use self::check::verify;
pub use self::check::{Damage, Problem};
pub(crate) use self::storage::{DiskStorage, LockRefused, Storage, StorageLock};

/// A tantivy directory in two tiers, RAM and disk. Clones share it.
#[derive(Clone)]
pub(crate) struct TieredDirectory {
    shared: Arc<Shared>,
}

struct Shared {
    storage: Arc<dyn Storage>,
    /// A file that outgrows this goes to the disk while it is written, so that results of merges do not sit in RAM.
    spill_bytes: usize,
    state: Mutex<State>,
    /// One flush at a time.
    flushing: Mutex<()>,
    /// tantivy's locks; the one between processes is taken once for all, see [`Storage::lock`].
    meta_lock: Token,
    writer_lock: Token,
    /// Held in buffers of files being written.
    buffered_bytes: AtomicU64,
    /// Since the last write or flush that failed, until a flush succeeds.
    disk_fails: Arc<AtomicBool>,
}

#[derive(Default)]
struct State {
    /// What tantivy sees, apart from the two JSON files.
    files: HashMap<String, FileEntry>,
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
    ram_bytes: u64,
    num_merges: u64,
    next_generation: u64,
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
    meta: Option<Arc<[u8]>>,
    payload: Option<String>,
    sums: Arc<FileSums>,
}

struct FileEntry {
    handle: Arc<dyn FileHandle>,
    sum: FileSum,
    tier: Tier,
    /// A file is known by this and not by its name alone.
    generation: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tier {
    /// Only in memory.
    Ram,
    /// Content durable, directory entry not yet.
    Spilled,
    /// As [`Tier::Spilled`], but a directory sync failed since: written anew by the next flush.
    Suspect,
    /// Durable.
    Disk,
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
    /// Only in memory, buffers of files being written included. Readers may hold on to more for a moment.
    pub(crate) ram_bytes: u64,
    /// All files of the newest commit and of merges under way, RAM and disk.
    pub(crate) index_bytes: u64,
    pub(crate) num_segments: usize,
    pub(crate) num_documents: u64,
    /// Merges finished since the directory was opened.
    pub(crate) num_merges: u64,
}

impl TieredDirectory {
    /// Opens what is on the disk. The first flush makes it durable for certain and then removes every file of ours
    /// that it does not name: erased text may sit there.
    ///
    /// The caller holds [`Storage::lock`]. With `verify`, every byte is read and compared with its checksum.
    pub(crate) fn open(
        storage: Arc<dyn Storage>,
        spill_bytes: usize,
        verify: bool,
    ) -> Result<Self, OpenError> {
        let names = storage.list()?;
        let mut state = State::default();
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
                spill_bytes,
                state: Mutex::new(state),
                flushing: Mutex::new(()),
                meta_lock: Token::new(),
                writer_lock: Token::new(),
                buffered_bytes: AtomicU64::new(0),
                disk_fails: Arc::default(),
            }),
        })
    }

    /// From now on nothing is written any more, neither by tantivy's threads nor by a flush. Reading goes on.
    pub(crate) fn close(&self) {
        let _no_flush_under_way = self.shared.flushing.lock();
        self.state().closed = true;
    }

    /// The commit payload that is durable, and the sums of the files that belong to it.
    pub(crate) fn durable(&self) -> (Option<String>, Arc<FileSums>) {
        let state = self.state();
        (state.durable.payload.clone(), Arc::clone(&state.durable.sums))
    }

    /// Whether the disk holds a commit at all: only a new index has none.
    pub(crate) fn has_durable_commit(&self) -> bool {
        self.state().durable.meta.is_some()
    }

    /// Whether the last write or flush failed.
    pub(crate) fn disk_fails(&self) -> &Arc<AtomicBool> {
        &self.shared.disk_fails
    }

    pub(crate) fn storage(&self) -> &Arc<dyn Storage> {
        &self.shared.storage
    }

    pub(crate) fn stats(&self) -> DirectoryStats {
        let state = self.state();
        let commit = state.live.as_ref().map(|live| &live.commit);
        DirectoryStats {
            ram_bytes: state.ram_bytes + self.shared.buffered_bytes.load(Ordering::Relaxed),
            index_bytes: state.files.values().map(|file| file.sum.bytes).sum(),
            num_segments: commit.map_or(0, Commit::num_segments),
            num_documents: commit.map_or(0, Commit::num_documents),
            num_merges: state.num_merges,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock()
    }
}

impl State {
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
                    OpenError::Damaged(vec![Damage { file: name.clone(), problem: Problem::Missing }])
                }
                _ => OpenError::Io(e),
            })?;
            if handle.len() as u64 != sum.bytes {
                let problem = Problem::Length { expected: sum.bytes, found: handle.len() as u64 };
                return Err(OpenError::Damaged(vec![Damage { file: name.clone(), problem }]));
            }
            self.insert(name.clone(), handle, *sum, Tier::Disk);
            self.on_disk.insert(name.clone());
        }
        let managed: Vec<&str> = sums.keys().map(String::as_str).chain([META]).collect();
        self.managed = Some(serde_json::to_vec(&managed).expect("a list of strings"));
        let meta: Arc<[u8]> = meta.into();
        self.durable = DurableCommit {
            meta: Some(Arc::clone(&meta)),
            payload: commit.payload.clone(),
            sums: Arc::new(sums),
        };
        self.live = Some(LiveCommit { meta, commit });
        Ok(())
    }

    fn insert(&mut self, name: String, handle: Arc<dyn FileHandle>, sum: FileSum, tier: Tier) {
        let generation = self.next_generation;
        self.next_generation += 1;
        if tier == Tier::Ram {
            self.ram_bytes += sum.bytes;
        }
        self.files.insert(name, FileEntry { handle, sum, tier, generation });
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
        OpenError::Damaged(vec![Damage { file: META.to_owned(), problem: Problem::Meta(reason) }])
    })
}

/// The sums that the durable `meta.json` holds, and its payload, without opening the index.
pub(crate) fn read_durable(storage: &dyn Storage) -> Result<(FileSums, Option<String>, u64), OpenError> {
    let (_, commit, sums) = read_meta(storage)?;
    Ok((sums, commit.payload.clone(), commit.num_documents()))
}

impl tantivy::Directory for TieredDirectory {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        let state = self.state();
        name_of(path)
            .and_then(|name| state.files.get(name))
            .map(|file| Arc::clone(&file.handle))
            .ok_or_else(|| OpenReadError::FileDoesNotExist(path.to_owned()))
    }

    /// Forgets the file; the disk keeps it until no durable commit names it.
    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        let mut state = self.state();
        match name_of(path).and_then(|name| state.files.remove(name)) {
            Some(file) => {
                if file.tier == Tier::Ram {
                    state.ram_bytes -= file.sum.bytes;
                }
                Ok(())
            }
            None => Err(DeleteError::FileDoesNotExist(path.to_owned())),
        }
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
        be_nice_while_merging();
        let mut state = self.state();
        state.refuse_if_closed().map_err(io_error)?;
        if state.is_used(name) {
            return Err(OpenWriteError::FileAlreadyExists(path.to_owned()));
        }
        state.writing.insert(name.to_owned());
        Ok(BufWriter::new(Box::new(FileWriter::new(Arc::clone(&self.shared), name.to_owned()))))
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

    /// Takes `meta.json` and `.managed.json` into RAM; tantivy writes no other file this way.
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

    /// Nothing to do: the flush syncs.
    fn sync_directory(&self) -> io::Result<()> {
        Ok(())
    }

    /// Both of tantivy's locks are between the threads of this process.
    fn acquire_lock(&self, lock: &Lock) -> Result<DirectoryLock, LockError> {
        if lock.filepath == META_LOCK.filepath {
            Ok(DirectoryLock::from(Box::new(self.shared.meta_lock.wait())))
        } else if lock.filepath == INDEX_WRITER_LOCK.filepath {
            let guard = self.shared.writer_lock.try_take().ok_or(LockError::LockBusy)?;
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

impl TieredDirectory {
    fn take_meta(&self, data: &[u8]) -> io::Result<()> {
        let commit = Commit::parse(data)?;
        let mut state = self.state();
        state.refuse_if_closed()?;
        // A commit has a new opstamp; the end of a merge writes the last one again with other segments.
        let merged = state
            .live
            .as_ref()
            .is_some_and(|live| live.commit.opstamp == commit.opstamp && live.commit != commit);
        if merged {
            state.num_merges += 1;
        }
        state.live = Some(LiveCommit { meta: data.into(), commit });
        drop(state);
        if merged {
            fail::fail_point!("index-merge-end");
        }
        Ok(())
    }
}

impl std::fmt::Debug for TieredDirectory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TieredDirectory({:?})", self.shared.storage)
    }
}

/// Files are flat: the path is the name.
fn name_of(path: &Path) -> Option<&str> {
    path.to_str().filter(|name| !name.contains('/'))
}

/// A lock whose guard may wander between threads and outlive its place of taking.
struct Token {
    put_back: Sender<()>,
    take: Receiver<()>,
}

struct TokenGuard(Sender<()>);

impl Token {
    fn new() -> Self {
        let (put_back, take) = bounded(1);
        drop(TokenGuard(put_back.clone())); // the one token
        Self { put_back, take }
    }

    fn wait(&self) -> TokenGuard {
        self.take.recv().expect("the sender lives beside the receiver");
        TokenGuard(self.put_back.clone())
    }

    fn try_take(&self) -> Option<TokenGuard> {
        self.take.try_recv().ok()?;
        Some(TokenGuard(self.put_back.clone()))
    }
}

impl Drop for TokenGuard {
    fn drop(&mut self) {
        // Never full: there is one token, and this guard has it.
        let _ = self.0.try_send(());
    }
}
