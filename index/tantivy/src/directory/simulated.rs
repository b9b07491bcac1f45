//! A disk for tests that fails when it is told to, stalls, and forgets at a crash what was not synced.
//!
//! It is stricter than most: after a failed sync the data counts as clean, so that syncing once more says all is well
//! and makes nothing durable; the same goes for the entries of a directory.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Cursor, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Condvar, Mutex};
use tantivy::directory::{FileHandle, OwnedBytes};

use super::storage::{LockRefused, Storage, StorageFile, StorageLock};

/// What is left of unsynced data after a power loss. All of it survives the process: [`SimulatedDisk::kill`].
#[derive(Debug, Clone, Copy)]
pub(crate) enum Crash {
    /// Nothing: the power failed.
    Lost,
    /// Any part of it, by this seed.
    Torn(u64),
}

#[derive(Clone)]
pub(crate) struct SimulatedDisk {
    shared: Arc<(Mutex<DiskState>, Condvar)>,
    locked: Arc<AtomicBool>,
}

#[derive(Default)]
struct DiskState {
    inodes: HashMap<u64, Inode>,
    next_inode: u64,
    entries: BTreeMap<String, u64>,
    durable_entries: BTreeMap<String, u64>,
    /// Since the last sync of the directory; each change is whole or not at all.
    dirty_entries: Vec<Vec<(String, Option<u64>)>>,
    /// Changes whose sync failed: they count as clean and may be durable or not.
    doubtful_entries: Vec<Vec<(String, Option<u64>)>>,
    /// Syncs of the directory that succeed before one fails.
    fail_directory_sync_after: Option<usize>,
    num_operations: usize,
    /// From the n-th operation on, this many fail.
    fail: Option<(usize, usize, io::ErrorKind)>,
    power_off_at: Option<usize>,
    stalled: bool,
}

#[derive(Default, Clone)]
struct Inode {
    content: Vec<u8>,
    durable: Vec<u8>,
    dirty: bool,
}

impl SimulatedDisk {
    pub(crate) fn new() -> Self {
        Self::with(DiskState::default())
    }

    fn with(state: DiskState) -> Self {
        Self { shared: Arc::new((Mutex::new(state), Condvar::new())), locked: Arc::default() }
    }

    /// How many operations that may fail there have been.
    pub(crate) fn num_operations(&self) -> usize {
        self.shared.0.lock().num_operations
    }

    /// Lets `count` operations fail, the first of them the one after `after` more.
    pub(crate) fn fail_after(&self, after: usize, count: usize, kind: io::ErrorKind) {
        let mut state = self.shared.0.lock();
        state.fail = Some((state.num_operations + after, count, kind));
    }

    /// Lets one sync of the directory fail, after this many that succeed.
    pub(crate) fn fail_directory_sync_after(&self, after: usize) {
        self.shared.0.lock().fail_directory_sync_after = Some(after);
    }

    /// The fault clears.
    pub(crate) fn heal(&self) {
        let mut state = self.shared.0.lock();
        (state.fail, state.stalled) = (None, false);
        self.shared.1.notify_all();
    }

    /// After this many more operations nothing happens.
    pub(crate) fn power_off_after(&self, after: usize) {
        let mut state = self.shared.0.lock();
        state.power_off_at = Some(state.num_operations + after);
    }

    /// Only the process died: another one goes on with the same disk, what was not synced still is not.
    pub(crate) fn kill(&self) -> Self {
        let mut state = self.shared.0.lock();
        (state.fail, state.power_off_at) = (None, None);
        Self { shared: Arc::clone(&self.shared), locked: Arc::default() }
    }

    /// Every operation waits until the disk heals.
    pub(crate) fn stall(&self) {
        self.shared.0.lock().stalled = true;
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.shared.0.lock().entries.keys().cloned().collect()
    }

    /// The disk as it is found after a crash now.
    pub(crate) fn crash(&self, crash: Crash) -> Self {
        let state = self.shared.0.lock();
        let mut random = match crash {
            Crash::Torn(seed) => seed,
            _ => 0,
        };
        let mut entries = state.durable_entries.clone();
        for change in state.doubtful_entries.iter().chain(&state.dirty_entries) {
            let survives = match crash {
                Crash::Lost => false,
                Crash::Torn(_) => next(&mut random).is_multiple_of(2),
            };
            if survives {
                apply(&mut entries, change);
            }
        }
        let mut after = DiskState { next_inode: state.next_inode, ..DiskState::default() };
        for inode in entries.values() {
            let Inode { content, durable, .. } = &state.inodes[inode];
            let content = match crash {
                Crash::Lost => durable.clone(),
                Crash::Torn(_) if content == durable => content.clone(),
                Crash::Torn(_) => content[..next(&mut random) as usize % (content.len() + 1)].to_vec(),
            };
            after.inodes.insert(*inode, Inode { durable: content.clone(), content, dirty: false });
        }
        (after.durable_entries, after.entries) = (entries.clone(), entries);
        Self::with(after)
    }

    /// Counts an operation and lets it fail if it is its turn.
    fn operation(&self) -> io::Result<parking_lot::MutexGuard<'_, DiskState>> {
        let (state, healed) = &*self.shared;
        let mut state = state.lock();
        while state.stalled {
            healed.wait(&mut state);
        }
        let operation = state.num_operations;
        if state.power_off_at.is_some_and(|at| operation >= at) {
            return Err(io::Error::other("the power is off"));
        }
        state.num_operations += 1;
        match state.fail {
            Some((from, count, kind)) if operation >= from && operation - from < count => Err(kind.into()),
            _ => Ok(state),
        }
    }

    fn content(&self, name: &str) -> io::Result<Vec<u8>> {
        let state = self.shared.0.lock();
        let inode = state.entries.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(state.inodes[inode].content.clone())
    }
}

impl DiskState {
    fn change(&mut self, change: Vec<(String, Option<u64>)>) {
        apply(&mut self.entries, &change);
        self.dirty_entries.push(change);
    }
}

fn apply(entries: &mut BTreeMap<String, u64>, change: &[(String, Option<u64>)]) {
    for (name, inode) in change {
        match inode {
            Some(inode) => entries.insert(name.clone(), *inode),
            None => entries.remove(name),
        };
    }
}

/// SplitMix64.
fn next(random: &mut u64) -> u64 {
    *random = random.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *random;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

impl Storage for SimulatedDisk {
    fn lock(&self) -> Result<StorageLock, LockRefused> {
        if self.locked.swap(true, Ordering::AcqRel) {
            return Err(LockRefused::Held(Some(1)));
        }
        struct Guard(Arc<AtomicBool>);
        impl Drop for Guard {
            fn drop(&mut self) {
                self.0.store(false, Ordering::Release);
            }
        }
        Ok(Box::new(Guard(Arc::clone(&self.locked))))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.names())
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(Cursor::new(self.content(name)?)))
    }

    fn map(&self, name: &str) -> io::Result<Arc<dyn FileHandle>> {
        Ok(Arc::new(OwnedBytes::new(self.content(name)?)))
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn StorageFile>> {
        let mut state = self.operation()?;
        if state.entries.contains_key(name) {
            state.change(vec![(name.to_owned(), None)]);
        }
        let inode = state.next_inode;
        state.next_inode += 1;
        state.inodes.insert(inode, Inode::default());
        state.change(vec![(name.to_owned(), Some(inode))]);
        Ok(Box::new(SimulatedFile { disk: self.clone(), inode }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.operation()?;
        let inode = *state.entries.get(from).ok_or(io::ErrorKind::NotFound)?;
        state.change(vec![(from.to_owned(), None), (to.to_owned(), Some(inode))]);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.operation()?;
        if state.entries.contains_key(name) {
            state.change(vec![(name.to_owned(), None)]);
        }
        Ok(())
    }

    fn sync_directory(&self) -> io::Result<()> {
        let mut synced = self.operation().map(drop);
        let mut state = self.shared.0.lock();
        state.fail_directory_sync_after = match state.fail_directory_sync_after {
            Some(0) => {
                synced = Err(io::ErrorKind::Other.into());
                None
            }
            after => after.map(|after| after - 1),
        };
        let dirty = std::mem::take(&mut state.dirty_entries);
        if synced.is_ok() {
            for change in dirty {
                apply(&mut state.durable_entries, &change);
                for doubtful in &mut state.doubtful_entries {
                    doubtful.retain(|(name, _)| change.iter().all(|(changed, _)| changed != name));
                }
            }
        } else if state.power_off_at.is_some_and(|at| state.num_operations >= at) {
            state.dirty_entries = dirty;
        } else {
            state.doubtful_entries.extend(dirty);
        }
        synced
    }
}

impl std::fmt::Debug for SimulatedDisk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SimulatedDisk")
    }
}

struct SimulatedFile {
    disk: SimulatedDisk,
    inode: u64,
}

impl Write for SimulatedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.disk.operation()?;
        let inode = state.inodes.get_mut(&self.inode).expect("inodes are kept for ever");
        inode.content.extend_from_slice(bytes);
        inode.dirty = true;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl StorageFile for SimulatedFile {
    fn sync(&mut self) -> io::Result<()> {
        let synced = self.disk.operation().map(drop);
        let mut state = self.disk.shared.0.lock();
        let power_is_off = state.power_off_at.is_some_and(|at| state.num_operations >= at);
        let inode = state.inodes.get_mut(&self.inode).expect("inodes are kept for ever");
        if synced.is_ok() && inode.dirty {
            inode.durable = inode.content.clone();
        }
        if synced.is_ok() || !power_is_off {
            inode.dirty = false;
        }
        synced
    }
}
