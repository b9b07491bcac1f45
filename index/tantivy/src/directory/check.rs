//! Verifies that the files are what was written.
//!
//! tantivy verifies checksums only on request, skips files that its list does not know, missing ones included, and
//! tends to panic on what it cannot make sense of. So every byte is verified here, before tantivy sees the files.

use std::fmt;
use std::io::{self, Read};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::manifest::{FileSum, FileSums};
use super::storage::Storage;

/// A reading thread each, up to this many: one core sums about as fast as one disk delivers.
const THREADS_MAX: usize = 4;
const BUFFER_BYTES: usize = 256 * 1024;

/// One file of the index that is not what was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The file's name in the index directory.
    pub file: String,
    /// What is wrong with it.
    pub fault: FileFault,
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileFault {
    /// It is not there.
    Missing,
    /// It is longer or shorter than what was written, in bytes.
    Length {
        /// As written.
        expected: u64,
        /// As found.
        found: u64,
    },
    /// Its content is not what was written.
    Checksum,
    /// The disk cannot read it.
    Unreadable(String),
    /// `meta.json` itself does not match its checksum, or is no `meta.json`.
    Meta(String),
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: ", self.file)?;
        match &self.fault {
            FileFault::Missing => f.write_str("missing"),
            FileFault::Length { expected, found } => write!(f, "{found} bytes long instead of {expected}"),
            FileFault::Checksum => f.write_str("checksum does not match"),
            FileFault::Unreadable(reason) => write!(f, "cannot be read: {reason}"),
            FileFault::Meta(reason) => f.write_str(reason),
        }
    }
}

/// Reads every file and compares length and checksum; the answer is in the order of the names.
pub(crate) fn verify(storage: &dyn Storage, sums: &FileSums) -> Vec<Damage> {
    let files: Vec<(&String, &FileSum)> = sums.iter().collect();
    let num_threads =
        std::thread::available_parallelism().map_or(1, |n| n.get().min(THREADS_MAX)).min(files.len().max(1));
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut damage = Vec::new();
        let mut buffer = vec![0; BUFFER_BYTES];
        while let Some((name, sum)) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Some(fault) = fault_of(storage, name, **sum, &mut buffer) {
                damage.push(Damage { file: (*name).clone(), fault });
            }
        }
        damage
    };
    let mut damage: Vec<Damage> = std::thread::scope(|scope| {
        let threads: Vec<_> = (1..num_threads).map(|_| scope.spawn(worker)).collect();
        let mut damage = worker();
        for thread in threads {
            damage.extend(thread.join().expect("reading and summing do not panic"));
        }
        damage
    });
    damage.sort_by(|a, b| a.file.cmp(&b.file));
    damage
}

fn fault_of(storage: &dyn Storage, name: &str, expected: FileSum, buffer: &mut [u8]) -> Option<FileFault> {
    match storage.open(name).and_then(|file| sum(file, buffer)) {
        Ok(found) if found == expected => None,
        Ok(found) if found.bytes != expected.bytes => {
            Some(FileFault::Length { expected: expected.bytes, found: found.bytes })
        }
        Ok(_) => Some(FileFault::Checksum),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Some(FileFault::Missing),
        Err(e) => Some(FileFault::Unreadable(e.to_string())),
    }
}

fn sum(mut file: Box<dyn Read + Send>, buffer: &mut [u8]) -> io::Result<FileSum> {
    let mut hasher = crc32fast::Hasher::new();
    let mut bytes = 0;
    loop {
        let read = match file.read(buffer) {
            Ok(0) => return Ok(FileSum { bytes, crc32: hasher.finalize() }),
            Ok(read) => read,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        hasher.update(&buffer[..read]);
        bytes += read as u64;
    }
}
