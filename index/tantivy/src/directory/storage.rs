//! The seam to the disk: the few file operations whose order durability rests on.
//!
//! [`DiskStorage`] is the real one; the tests put a simulated disk in its place that fails the n-th operation and
//! forgets, at a crash, what was not synced.

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tantivy::Directory as _;
use tantivy::directory::error::{LockError, OpenReadError};
use tantivy::directory::{DirectoryLock, FileHandle, INDEX_WRITER_LOCK, MmapDirectory};

/// File operations in one flat directory; names carry no path.
pub(crate) trait Storage: Debug + Send + Sync + 'static {
    /// Keeps every other process (and every other writer of this one) out until the guard is dropped.
    fn lock(&self) -> Result<StorageLock, LockRefused>;

    /// The names of all plain files.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Reads a file front to back, past the page cache's mappings: a bad sector is an error and not a signal.
    fn open(&self, name: &str) -> io::Result<Box<dyn Read + Send>>;

    /// Maps a file for reading. A later file of the same name does not change the mapping.
    fn map(&self, name: &str) -> io::Result<Arc<dyn FileHandle>>;

    /// Creates a file: one of the same name is unlinked first, never overwritten, because pages whose sync
    /// failed once can count as clean without being on the disk.
    fn create(&self, name: &str) -> io::Result<Box<dyn StorageFile>>;

    /// Replaces `to` with `from`, atomically for readers; durable with the next [`Self::sync_directory`].
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Unlinks a file; a missing file is not an error.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes creations, renames and removals durable.
    fn sync_directory(&self) -> io::Result<()>;
}

/// A file being written.
pub(crate) trait StorageFile: Write + Send + Sync {
    /// Makes the content durable. After an error the file must be created again, never synced again.
    fn sync(&mut self) -> io::Result<()>;
}

/// Releases the lock when dropped.
pub(crate) type StorageLock = Box<dyn Send + Sync>;

/// Why the lock was not given.
#[derive(Debug)]
pub(crate) enum LockRefused {
    /// Another process holds it, with that id if it is known.
    Held(Option<u32>),
    /// The lock file cannot be used.
    Io(io::Error),
}

/// A directory of a real file system.
#[derive(Debug)]
pub(crate) struct DiskStorage {
    root: PathBuf,
}

impl DiskStorage {
    /// Uses the directory, creating it if need be.
    pub(crate) fn open(root: &Path) -> io::Result<Self> {
        if !root.is_dir() {
            fs::create_dir_all(root)?;
            if let Some(parent) = root.canonicalize()?.parent() {
                File::open(parent)?.sync_all()?;
            }
        }
        Ok(Self { root: root.canonicalize()? })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// A fresh instance each time, because tantivy's keeps mappings by path alone.
    fn mmap_directory(&self) -> io::Result<MmapDirectory> {
        MmapDirectory::open(&self.root).map_err(io::Error::other)
    }
}

impl Storage for DiskStorage {
    fn lock(&self) -> Result<StorageLock, LockRefused> {
        let lock_file = self.root.join(&INDEX_WRITER_LOCK.filepath);
        let directory = self.mmap_directory().map_err(LockRefused::Io)?;
        let guard: DirectoryLock = directory.acquire_lock(&INDEX_WRITER_LOCK).map_err(|e| match e {
            LockError::LockBusy => {
                LockRefused::Held(fs::read_to_string(&lock_file).ok().and_then(|pid| pid.trim().parse().ok()))
            }
            LockError::IoError(e) => LockRefused::Io(io::Error::new(e.kind(), e)),
        })?;
        // The kernel's lock decides; the number only helps a person to find the holder.
        fs::write(&lock_file, format!("{}\n", std::process::id())).map_err(LockRefused::Io)?;
        Ok(Box::new(guard))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.root)? {
            let entry = entry?;
            if entry.file_type()?.is_file()
                && let Ok(name) = entry.file_name().into_string()
            {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(File::open(self.path(name))?))
    }

    fn map(&self, name: &str) -> io::Result<Arc<dyn FileHandle>> {
        self.mmap_directory()?.get_file_handle(Path::new(name)).map_err(|e| match e {
            OpenReadError::FileDoesNotExist(_) => io::Error::from(io::ErrorKind::NotFound),
            OpenReadError::IoError { io_error, .. } => io::Error::new(io_error.kind(), io_error),
            other @ OpenReadError::IncompatibleIndex(_) => io::Error::other(other),
        })
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn StorageFile>> {
        self.remove(name)?;
        let file = OpenOptions::new().write(true).create_new(true).open(self.path(name))?;
        Ok(Box::new(DiskFile(file)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path(from), self.path(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.path(name)) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    fn sync_directory(&self) -> io::Result<()> {
        File::open(&self.root)?.sync_all()
    }
}

struct DiskFile(File);

impl Write for DiskFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl StorageFile for DiskFile {
    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }
}
