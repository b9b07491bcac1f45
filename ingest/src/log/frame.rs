//! The form of a record in a segment: a frame with its length, its checksum, its offset, and the offset of the first
//! record of the same write.
//!
//! ```text
//! magic  length  crc32  offset  first  payload
//! 4      4       4      8       8      length      bytes, numbers big-endian
//! ```
//!
//! The checksum covers everything but the magic and itself. A payload is one line of JSON, the head, followed by the
//! event as received. Both are UTF-8, so the magic's first byte occurs in neither, and frames can be found again after
//! damage.
//!
//! `first` tells damage from an interrupted write. All records of one write have the same `first`, and nothing is
//! written before the previous write is durable. So a frame whose `first` lies beyond a place proves that this place
//! was once durable, and accepted. Without such a frame after it, unreadable data was never accepted: the disk may have
//! kept the end of a write but not its beginning.

use std::io::{self, Read};

use crc32fast::Hasher;
use hearken_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::PARTITION;
use crate::record::RawRecord;

const MAGIC: [u8; 4] = [0xff, b'H', b'K', b'1'];
const HEADER_BYTES: usize = 28;
/// Longest payload; the intake refuses longer ones.
const PAYLOAD_BYTES_MAX: usize = 256 * 1024 * 1024;

/// An event as received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogRecord {
    /// When it was accepted, or the time given instead.
    pub(crate) timestamp: Timestamp,
    /// What came with it, such as `content-type`.
    pub(crate) headers: Vec<(String, String)>,
    /// The event; UTF-8.
    pub(crate) value: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct Head {
    timestamp_ns: i64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    headers: Vec<(String, String)>,
}

/// A record that lacks only its offset.
pub(super) struct EncodedRecord {
    payload: Vec<u8>,
    checksum: Hasher,
}

pub(super) fn prepare(record: &LogRecord) -> EncodedRecord {
    let head = Head { timestamp_ns: record.timestamp.as_nanos(), headers: record.headers.clone() };
    let mut payload = serde_json::to_vec(&head).expect("strings and a number always serialise");
    payload.push(b'\n');
    payload.extend_from_slice(&record.value);
    let mut checksum = Hasher::new();
    checksum.update(&payload);
    EncodedRecord { payload, checksum }
}

impl EncodedRecord {
    pub(super) fn size_bytes(&self) -> usize {
        HEADER_BYTES + self.payload.len()
    }

    pub(super) fn write(&self, offset: i64, first: i64, frames: &mut Vec<u8>) {
        let length = u32::try_from(self.payload.len()).unwrap_or(u32::MAX); // bounded at intake
        let mut checksum = self.checksum.clone();
        seal(&mut checksum, length, offset, first);
        frames.extend_from_slice(&MAGIC);
        frames.extend_from_slice(&length.to_be_bytes());
        frames.extend_from_slice(&checksum.finalize().to_be_bytes());
        frames.extend_from_slice(&offset.to_be_bytes());
        frames.extend_from_slice(&first.to_be_bytes());
        frames.extend_from_slice(&self.payload);
    }
}

fn seal(checksum: &mut Hasher, length: u32, offset: i64, first: i64) {
    checksum.update(&length.to_be_bytes());
    checksum.update(&offset.to_be_bytes());
    checksum.update(&first.to_be_bytes());
}

/// A frame with a valid checksum.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) offset: i64,
    pub(super) first: i64,
    payload: Vec<u8>,
}

/// Why there is no further frame.
#[derive(Debug)]
pub(super) enum NoFrame {
    /// The exact end.
    End,
    /// Bytes that are not a frame.
    Broken,
    /// The file cannot be read.
    Io(io::Error),
}

impl Frame {
    /// Reads one frame.
    pub(super) fn read(reader: &mut impl Read) -> Result<Self, NoFrame> {
        let mut header = [0; HEADER_BYTES];
        match read_fully(reader, &mut header).map_err(NoFrame::Io)? {
            0 => return Err(NoFrame::End),
            HEADER_BYTES => {}
            _ => return Err(NoFrame::Broken),
        }
        let Some((length, checksum, offset, first)) = read_header(&header) else {
            return Err(NoFrame::Broken);
        };
        // Grows with the data that is there, because the length may be bogus.
        let mut payload = Vec::new();
        let num_read = reader.take(length as u64).read_to_end(&mut payload).map_err(NoFrame::Io)?;
        if num_read != length || checksum_of(&payload, offset, first) != checksum {
            return Err(NoFrame::Broken);
        }
        Ok(Frame { offset, first, payload })
    }

    /// The size of the frame in bytes.
    pub(super) fn size_bytes(&self) -> u64 {
        (HEADER_BYTES + self.payload.len()) as u64
    }

    /// Converts it to a record for the pipeline.
    ///
    /// # Errors
    /// The payload is not of this version.
    pub(super) fn into_record(self) -> Result<RawRecord, serde_json::Error> {
        let Frame { offset, mut payload, .. } = self;
        let end_of_head = payload.iter().position(|byte| *byte == b'\n').unwrap_or(payload.len());
        let head: Head = serde_json::from_slice(&payload[..end_of_head])?;
        payload.drain(..(end_of_head + 1).min(payload.len()));
        let headers = head.headers.into_iter().map(|(name, value)| (name, Some(value.into_bytes())));
        Ok(RawRecord {
            topic: super::topic(),
            partition: PARTITION,
            offset,
            key: None,
            value: Some(payload),
            timestamp: Some(Timestamp::from_nanos(head.timestamp_ns)),
            headers: headers.collect(),
        })
    }
}

fn checksum_of(payload: &[u8], offset: i64, first: i64) -> u32 {
    let mut checksum = Hasher::new();
    checksum.update(payload);
    seal(&mut checksum, u32::try_from(payload.len()).unwrap_or(u32::MAX), offset, first);
    checksum.finalize()
}

/// Length, checksum, offset and first, if these bytes can be a header.
fn read_header(header: &[u8; HEADER_BYTES]) -> Option<(usize, u32, i64, i64)> {
    let (magic, rest) = header.split_first_chunk::<4>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (checksum, rest) = rest.split_first_chunk::<4>()?;
    let (offset, rest) = rest.split_first_chunk::<8>()?;
    let (first, _) = rest.split_first_chunk::<8>()?;
    let length = u32::from_be_bytes(*length) as usize;
    let (offset, first) = (i64::from_be_bytes(*offset), i64::from_be_bytes(*first));
    let is_possible = *magic == MAGIC && length <= PAYLOAD_BYTES_MAX && first >= 0 && first <= offset;
    is_possible.then(|| (length, u32::from_be_bytes(*checksum), offset, first))
}

/// The complete frames anywhere in these bytes, each with its position.
pub(super) fn find_frames(bytes: &[u8]) -> impl Iterator<Item = (usize, Frame)> {
    let mut position = 0;
    std::iter::from_fn(move || {
        loop {
            position += bytes[position..].windows(MAGIC.len()).position(|window| window == MAGIC)?;
            match Frame::read(&mut &bytes[position..]) {
                Ok(frame) => {
                    let at = position;
                    position += frame.size_bytes() as usize;
                    return Some((at, frame));
                }
                Err(_) => position += MAGIC.len(),
            }
        }
    })
}

/// Reads as many bytes as there are.
fn read_fully(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut num_read = 0;
    while num_read < buffer.len() {
        match reader.read(&mut buffer[num_read..]) {
            Ok(0) => break,
            Ok(more) => num_read += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(num_read)
}
