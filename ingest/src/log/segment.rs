//! One file of the log: `00000000000000000042.log` begins with offset 42.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use tracing::warn;

use super::LogError;
use super::frame::{Frame, NoFrame, find_frames};
use crate::record::RawRecord;

pub(super) const EXTENSION: &str = "log";

/// A segment, and which of its records count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) path: PathBuf,
    /// The offset of the first record, if there is any.
    pub(super) first: i64,
    /// The offset after the last record. Anything after it in the file was never accepted.
    pub(super) end: i64,
    /// Bytes up to there.
    pub(super) bytes: u64,
}

pub(super) fn path_of(folder: &Path, first: i64) -> PathBuf {
    folder.join(format!("{first:020}.{EXTENSION}"))
}

/// Creates a segment's file, durably.
pub(super) fn create(folder: &Path, first: i64) -> io::Result<(Segment, File)> {
    std::fs::create_dir_all(folder)?;
    let path = path_of(folder, first);
    // A file with this name cannot hold an accepted record, because this offset was not accepted.
    let file = OpenOptions::new().write(true).create(true).truncate(true).open(&path)?;
    sync_folder(folder)?;
    if let Some(parent) = folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        sync_folder(parent)?;
    }
    Ok((Segment { path, first, end: first, bytes: 0 }, file))
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Scans all segments, oldest first, when the log is opened. `position` is where the index resumes: what it already has
/// is not needed, and may be damaged. Segments that it has entirely are removed.
pub(super) fn open_segments(folder: &Path, position: Option<i64>) -> Result<VecDeque<Segment>, LogError> {
    let files = list(folder).map_err(|cause| LogError::io(folder, cause))?;
    let mut segments = VecDeque::new();
    for (idx, (first, path)) in files.iter().enumerate() {
        let next_first = files.get(idx + 1).map(|(first, _)| *first);
        let segment = scan(path, *first, next_first, position)?;
        if segment.end <= position.unwrap_or(0) || segment.end == segment.first {
            if let Err(error) = std::fs::remove_file(path) {
                warn!(path = %path.display(), %error, "could not remove a segment of the local log that is in the index");
            }
            continue;
        }
        segments.push_back(segment);
    }
    Ok(segments)
}

fn list(folder: &Path) -> io::Result<Vec<(i64, PathBuf)>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let is_ours = path.extension().is_some_and(|extension| extension == EXTENSION);
        let first = path.file_stem().and_then(|stem| stem.to_str()?.parse::<i64>().ok());
        if let Some(first) = first.filter(|first| is_ours && *first >= 0) {
            files.push((first, path));
        }
    }
    files.sort();
    Ok(files)
}

/// Reads a segment as far as it counts: up to the next segment, or to the last complete write. The rest is cut off.
fn scan(
    path: &Path,
    first: i64,
    next_first: Option<i64>,
    position: Option<i64>,
) -> Result<Segment, LogError> {
    let failed = |cause| LogError::io(path, cause);
    let mut reader = BufReader::new(File::open(path).map_err(failed)?);
    let mut segment = Segment { path: path.to_owned(), first, end: first, bytes: 0 };
    while next_first.is_none_or(|next| segment.end < next) {
        match Frame::read(&mut reader) {
            Ok(frame) if frame.offset == segment.end => {
                segment.end += 1;
                segment.bytes += frame.size_bytes();
            }
            Err(NoFrame::Io(cause)) => return Err(failed(cause)),
            Err(NoFrame::End) if next_first.is_none() => break,
            Ok(_) | Err(NoFrame::End | NoFrame::Broken) => {
                let Some(resume) = find_resume(&segment, next_first).map_err(failed)? else {
                    cut(&segment).map_err(failed)?;
                    break;
                };
                if position.is_none_or(|position| resume.offset > position) {
                    let (offset, resume) = (segment.end, resume.offset);
                    return Err(LogError::Damaged { path: path.to_owned(), offset, resume });
                }
                // The index has all of this.
                segment.end = resume.offset;
                let Some(bytes) = resume.bytes else { break };
                segment.bytes = bytes;
                reader.seek(SeekFrom::Start(bytes)).map_err(failed)?;
            }
        }
    }
    Ok(segment)
}

/// Where records are readable again after damage.
struct Resume {
    offset: i64,
    /// Bytes of the segment before it; `None` if it is in the next segment.
    bytes: Option<u64>,
}

/// Searches beyond a place that cannot be read; `None` if what was there was never accepted.
fn find_resume(segment: &Segment, next_first: Option<i64>) -> io::Result<Option<Resume>> {
    let bytes = read_from(&segment.path, segment.bytes)?;
    let limit = next_first.unwrap_or(i64::MAX);
    let mut behind = find_frames(&bytes)
        .filter(|(_, frame)| frame.offset > segment.end && frame.offset < limit)
        .peekable();
    let nearest = behind.peek().map(|(at, frame)| (*at, frame.offset));
    // Another write began only after this one was durable, and so did another segment.
    let is_proven = next_first.is_some() || behind.any(|(_, frame)| frame.first > segment.end);
    let in_segment = nearest.map(|(at, offset)| Resume { offset, bytes: Some(segment.bytes + at as u64) });
    let in_next = next_first.map(|offset| Resume { offset, bytes: None });
    Ok(in_segment.or(in_next).filter(|_| is_proven))
}

fn read_from(path: &Path, position: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(position))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads the records of one segment in order.
pub(super) struct SegmentReader {
    segment: Segment,
    reader: BufReader<File>,
    offset: i64,
}

impl SegmentReader {
    /// Starts at the record with this offset, which must be in the segment.
    pub(super) fn open(segment: &Segment, offset: i64) -> Result<Self, LogError> {
        let failed = |cause| LogError::io(&segment.path, cause);
        let mut reader = BufReader::new(File::open(&segment.path).map_err(failed)?);
        let mut position = 0;
        while let Ok(frame) = Frame::read(&mut reader) {
            if frame.offset >= offset {
                break;
            }
            position += frame.size_bytes();
        }
        reader.seek(SeekFrom::Start(position)).map_err(failed)?;
        let is_there = Frame::read(&mut reader).is_ok_and(|frame| frame.offset == offset);
        if !is_there {
            // Beyond damage in what is no longer needed.
            let bytes = read_from(&segment.path, position).map_err(failed)?;
            let found = find_frames(&bytes).find(|(_, frame)| frame.offset == offset);
            position += found.map_or(0, |(at, _)| at as u64);
        }
        reader.seek(SeekFrom::Start(position)).map_err(failed)?;
        Ok(SegmentReader { segment: segment.clone(), reader, offset })
    }

    /// Whether this reader's next record is the one with that offset in that segment.
    pub(super) fn is_at(&self, segment: &Segment, offset: i64) -> bool {
        self.segment.path == segment.path && self.offset == offset
    }

    /// The next record, which must be durable.
    pub(super) fn next(&mut self) -> Result<RawRecord, LogError> {
        let record = match Frame::read(&mut self.reader) {
            Ok(frame) if frame.offset == self.offset => frame.into_record().ok(),
            Err(NoFrame::Io(cause)) => return Err(LogError::io(&self.segment.path, cause)),
            Ok(_) | Err(NoFrame::End | NoFrame::Broken) => None,
        };
        let Some(record) = record else {
            let (path, offset) = (self.segment.path.clone(), self.offset);
            let bytes = read_from(&path, 0).map_err(|cause| LogError::io(&path, cause))?;
            let resume = find_frames(&bytes).map(|(_, frame)| frame.offset).find(|found| *found > offset);
            let resume = resume.unwrap_or(self.segment.end.max(offset + 1));
            return Err(LogError::Damaged { path, offset, resume });
        };
        self.offset += 1;
        Ok(record)
    }
}

fn cut(segment: &Segment) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(&segment.path)?;
    file.set_len(segment.bytes)?;
    file.sync_all()
}
