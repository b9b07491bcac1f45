//! The files of the audit log, and the chain of their lines.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::{AuditEntry, AuditError};
use crate::durable::folder_of;

/// A file that has reached this size is set aside, and a new one begun.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Longest line that is read back; written lines are far shorter.
const LINE_BYTES_MAX: u64 = 64 * 1024;
/// The hash that precedes the very first line.
const BEGINNING: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// What comes before and after the hash, which ends a line.
const HASH_BEGINS: &str = ",\"hash\":\"";
const HASH_ENDS: &str = "\"}";

/// The result of [`check`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainReport {
    /// The number of the first line; not 1 if older files were removed.
    pub first: u64,
    /// The number of the last line; 0 if there is none.
    pub last: u64,
    /// The hash of the last line.
    pub hash: String,
}

/// A line to write, without its hash.
#[derive(Serialize)]
struct NewLine<'a> {
    /// Line number, from 1.
    number: u64,
    #[serde(flatten)]
    entry: &'a AuditEntry,
    /// The hash of the previous line.
    previous: &'a str,
}

/// What ties a line to its place in the chain.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Link {
    number: u64,
    previous: String,
    hash: String,
}

/// Adds entries one after the other, excluding other processes. On failure, none of them is added.
///
/// # Errors
/// The log cannot be written, or its last line is damaged.
pub fn append(path: &Path, entries: &[AuditEntry]) -> Result<(), AuditError> {
    append_to(path, entries, FILE_BYTES_MAX).map_err(|error| AuditError::File(path.to_owned(), error))
}

fn append_to(path: &Path, entries: &[AuditEntry], file_bytes_max: u64) -> io::Result<()> {
    fs::create_dir_all(folder_of(path))?;
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true).mode(0o600);
    let lock = options.open(lock_path(path))?;
    flock(&lock, FlockOperation::LockExclusive)?;
    let mut file = options.open(path)?;
    let length = without_unfinished_line(path, &mut file)?;
    let before = match last_link(&mut file)? {
        Some(link) => Some(link),
        None => match set_aside(path)?.last() {
            Some((_, before)) => last_link(&mut File::open(before)?)?,
            None => None,
        },
    };
    let (mut number, mut hash) = before.map_or((0, BEGINNING.to_owned()), |link| (link.number, link.hash));
    let mut text = String::new();
    for entry in entries {
        number += 1;
        let line = serde_json::to_string(&NewLine { number, entry, previous: &hash })?;
        hash = blake3::hash(line.as_bytes()).to_hex().to_string();
        text.push_str(line.strip_suffix('}').unwrap_or(&line));
        text.extend([HASH_BEGINS, &hash, HASH_ENDS, "\n"]);
    }
    if let Err(error) = file.write_all(text.as_bytes()).and_then(|()| file.sync_data()) {
        file.set_len(length)?; // the write will be retried
        return Err(error);
    }
    if file.metadata()?.len() >= file_bytes_max {
        let mut aside = path.as_os_str().to_owned();
        aside.push(format!(".{number:012}"));
        fs::rename(path, aside)?;
        File::open(folder_of(path))?.sync_all()?;
    }
    Ok(())
}

/// Follows the chain through all files.
///
/// # Errors
/// The chain is broken, or a file cannot be read.
pub fn check(path: &Path) -> Result<ChainReport, AuditError> {
    let failed = |path: &Path, error| AuditError::File(path.to_owned(), error);
    // With the lock, a line that a server is just writing is read whole. The lock may not be accessible.
    let lock = File::open(lock_path(path)).ok();
    if let Some(lock) = &lock {
        flock(lock, FlockOperation::LockShared).map_err(|error| failed(path, error.into()))?;
    }
    let aside = set_aside(path).map_err(|error| failed(path, error))?;
    let mut files: Vec<PathBuf> = aside.into_iter().map(|(_, file)| file).collect();
    if path.exists() {
        files.push(path.to_owned());
    }
    let mut first = None;
    let mut before: Option<Link> = None;
    for file in files {
        let mut reader = BufReader::new(File::open(&file).map_err(|error| failed(&file, error))?);
        for line in 1.. {
            let mut text = Vec::new();
            let read = reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut text);
            if read.map_err(|error| failed(&file, error))? == 0 {
                break;
            }
            let followed = link(&text).and_then(|link| link.follows(before.as_ref()));
            let broken = |reason| AuditError::Broken { path: file.clone(), line, reason };
            let link = followed.map_err(broken)?;
            first = first.or(Some(link.number));
            before = Some(link);
        }
    }
    Ok(match before {
        None => ChainReport { first: 1, last: 0, hash: BEGINNING.to_owned() },
        Some(link) => ChainReport { first: first.unwrap_or(1), last: link.number, hash: link.hash },
    })
}

/// Parses a line, including its line end, and checks its own hash.
fn link(line: &[u8]) -> Result<Link, &'static str> {
    let Some(line) = line.strip_suffix(b"\n") else {
        return Err("it has no end: the program was interrupted while writing it, or the file was cut off");
    };
    let link: Link = serde_json::from_slice(line).map_err(|_| "it is not a line of an audit log")?;
    let end = format!("{HASH_BEGINS}{}{HASH_ENDS}", link.hash);
    let told = line.strip_suffix(end.as_bytes()).ok_or("it is not a line of an audit log")?;
    let mut hasher = blake3::Hasher::new();
    hasher.update(told).update(b"}");
    if hasher.finalize().to_hex().as_str() != link.hash {
        return Err("it was changed");
    }
    Ok(link)
}

impl Link {
    /// Whether it directly follows `before`. The first existing line need not be the very first.
    fn follows(self, before: Option<&Link>) -> Result<Link, &'static str> {
        let is_next = match before {
            Some(before) => self.number == before.number + 1 && self.previous == before.hash,
            None => self.number > 1 || self.previous == BEGINNING,
        };
        if is_next {
            Ok(self)
        } else {
            Err("it does not follow the previous line: a line is missing, changed or inserted")
        }
    }
}

fn lock_path(path: &Path) -> PathBuf {
    let mut lock = path.as_os_str().to_owned();
    lock.push(".lock");
    lock.into()
}

/// The files that were set aside, oldest first.
fn set_aside(path: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut files = Vec::new();
    let entries = match fs::read_dir(folder_of(path)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(files),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let file_name = entry.file_name().to_string_lossy().into_owned();
        let number = file_name.strip_prefix(&name).and_then(|rest| rest.strip_prefix('.')?.parse().ok());
        if let Some(number) = number {
            files.push((number, entry.path()));
        }
    }
    files.sort();
    Ok(files)
}

/// The end of a file, at most as long as a line may be.
fn tail(file: &mut File) -> io::Result<Vec<u8>> {
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LINE_BYTES_MAX)))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    Ok(tail)
}

/// Cuts off an unfinished last line: an interruption left it, and its action was never answered. Returns the length of
/// the file.
fn without_unfinished_line(path: &Path, file: &mut File) -> io::Result<u64> {
    let length = file.metadata()?.len();
    let tail = tail(file)?;
    let unfinished = tail.iter().rev().take_while(|byte| **byte != b'\n').count() as u64;
    if unfinished > 0 && unfinished < LINE_BYTES_MAX {
        let file_name = path.display();
        tracing::warn!(file = %file_name, bytes = unfinished, "removed an unfinished line from the audit log");
        file.set_len(length - unfinished)?;
        return Ok(length - unfinished);
    }
    Ok(length)
}

fn last_link(file: &mut File) -> io::Result<Option<Link>> {
    let tail = tail(file)?;
    let Some(last) = tail.split_inclusive(|byte| *byte == b'\n').next_back() else { return Ok(None) };
    let damaged = |_| io::Error::other("its last line is damaged; `hearken audit check` says more");
    link(last).map(Some).map_err(damaged)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use hearken_model::Timestamp;

    use super::*;

    fn entry(object: &str) -> AuditEntry {
        let entry = AuditEntry::new(Timestamp::EPOCH, "GET /v1/interactions/{id}".to_owned());
        AuditEntry { name: Some("team".to_owned()), object: Some(object.to_owned()), ..entry }
    }

    fn line_of_break(path: &Path) -> usize {
        match check(path) {
            Err(AuditError::Broken { line, .. }) => line,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn any_tampering_with_the_log_is_found_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        assert_eq!(check(&path).unwrap().last, 0);
        append(&path, &[entry("a\n\"b"), entry("c")]).unwrap();
        append(&path, &[entry("d"), entry("e"), entry("f")]).unwrap();
        let good = check(&path).unwrap();
        assert_eq!((good.first, good.last), (1, 5));
        append(&path, &[]).unwrap();
        assert_eq!(check(&path).unwrap(), good);

        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let third = lines[2];
        let with_third = |new: &str| [lines[0], lines[1], new, lines[3], lines[4]].concat();
        for (bad, line) in [
            (with_third(&third.replace("team", "teem")), 3),
            (with_third(&third.replacen('{', "{\"x\":1,", 1)), 3),
            (with_third(&third.replace(",\"hash\"", ",\"x\":1,\"hash\"")), 3),
            (with_third(&third.replacen('{', "", 1)), 3),
            (with_third(""), 3),
            (with_third(&[third, third].concat()), 4),
            (with_third("\n"), 3),
            ([lines[0], lines[2], lines[1], lines[3], lines[4]].concat(), 2),
            (text.trim_end().to_owned(), 5),
        ] {
            fs::write(&path, bad).unwrap();
            assert_eq!(line_of_break(&path), line);
        }
        // A line with a recomputed hash of its own still breaks the chain after it.
        let forged = third.replace("team", "teem");
        let told = forged.split(HASH_BEGINS).next().unwrap();
        let hash = blake3::hash(format!("{told}}}").as_bytes()).to_hex();
        let forged = format!("{told}{HASH_BEGINS}{hash}{HASH_ENDS}\n");
        fs::write(&path, with_third(&forged)).unwrap();
        assert_eq!(line_of_break(&path), 4);
    }

    #[test]
    fn the_chain_continues_across_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        for number in 0..20 {
            append_to(&path, &[entry(&number.to_string())], 1_000).unwrap();
        }
        let aside = set_aside(&path).unwrap();
        assert!(aside.len() > 2, "{aside:?}");
        let checked = check(&path).unwrap();
        assert_eq!((checked.first, checked.last), (1, 20));
        // Old files may be removed, others may not.
        fs::remove_file(&aside[0].1).unwrap();
        assert_eq!(check(&path).unwrap(), ChainReport { first: aside[0].0 + 1, ..checked });
        fs::remove_file(&aside[2].1).unwrap();
        assert_eq!(line_of_break(&path), 1);
    }

    #[test]
    fn a_line_left_unfinished_by_an_interruption_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        append(&path, &[entry("a"), entry("b")]).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        for length in [text.len() - 1, text.len() - 40, text.find('\n').unwrap() + 2] {
            fs::write(&path, &text[..length]).unwrap();
            append(&path, &[entry("c")]).unwrap();
            let read = fs::read_to_string(&path).unwrap();
            assert!(check(&path).unwrap().last == 2 && read.contains("\"c\"") && !read.contains("\"b\""));
        }
    }
}
