//! `meta.json`, as tantivy writes it and as it lies on the disk.
//!
//! tantivy's own file has no checksum and does not say how long its segment files are. On the disk two members are
//! put in front, which tantivy ignores when it reads the file: a checksum over all that follows, and the length and
//! checksum of every file that the commit consists of. A flipped bit anywhere is therefore found and named.
//!
//! ```text
//! {"checksum":"9ae0daaf",
//! "files":{"0d8a….idx":{"bytes":1234,"crc32":567},…},
//!   "index_settings": …
//! ```

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The name on the disk, tantivy's own.
pub(crate) const META: &str = "meta.json";
/// Where the next `meta.json` is prepared.
pub(super) const META_NEXT: &str = "meta.json.next";
/// tantivy's list of files, which never reaches the disk.
pub(super) const MANAGED: &str = ".managed.json";

/// Every segment has exactly these files, and one of deletions when it has any. A test holds the list to tantivy's.
const COMPONENTS: [&str; 6] = ["fast", "fieldnorm", "idx", "pos", "store", "term"];

/// Length and checksum of a whole file, tantivy's footer included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileSum {
    /// Length.
    pub(crate) bytes: u64,
    /// CRC-32 (IEEE) of the content.
    pub(crate) crc32: u32,
}

/// File name → sum, for every file that a commit consists of.
pub(crate) type FileSums = BTreeMap<String, FileSum>;

/// What of tantivy's `meta.json` matters to the directory.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Commit {
    segments: Vec<CommitSegment>,
    /// Grows with every commit; the end of a merge writes the same commit again with other segments.
    pub(super) opstamp: u64,
    /// The checkpoint, in JSON. A new index has none.
    #[serde(default)]
    pub(super) payload: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct CommitSegment {
    segment_id: String,
    max_doc: u64,
    deletes: Option<CommitDeletes>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct CommitDeletes {
    num_deleted_docs: u64,
    opstamp: u64,
}

impl Commit {
    /// Reads tantivy's bytes.
    pub(super) fn parse(meta: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(meta)
    }

    /// The names of all files that it consists of.
    pub(super) fn files(&self) -> impl Iterator<Item = String> + '_ {
        self.segments.iter().flat_map(|segment| {
            let id = segment.segment_id.replace('-', "");
            let deletes = segment.deletes.as_ref().map(|deletes| format!("{id}.{}.del", deletes.opstamp));
            COMPONENTS.iter().map(move |component| format!("{id}.{component}")).chain(deletes)
        })
    }

    /// How many segments.
    pub(super) fn num_segments(&self) -> usize {
        self.segments.len()
    }

    /// How many documents that are not deleted.
    pub(super) fn num_documents(&self) -> u64 {
        self.segments
            .iter()
            .map(|s| s.max_doc.saturating_sub(s.deletes.as_ref().map_or(0, |d| d.num_deleted_docs)))
            .sum()
    }
}

/// Whether only the index gives files such a name, so that a stray one may be removed.
pub(super) fn is_ours(name: &str) -> bool {
    name == META_NEXT || is_segment_file(name)
}

/// `<32 hexadecimal digits>.<component>`
pub(super) fn is_segment_file(name: &str) -> bool {
    let Some((id, component)) = name.split_once('.') else { return false };
    id.len() == 32
        && id.bytes().all(|b| b.is_ascii_hexdigit())
        && (COMPONENTS.contains(&component) || component.ends_with(".del") || component == "store.temp")
}

const CHECKSUM_PREFIX: &str = "{\"checksum\":\"";
const CHECKSUM_SUFFIX: &str = "\",\n";
const CHECKED_FROM: usize = CHECKSUM_PREFIX.len() + 8 + CHECKSUM_SUFFIX.len();

/// tantivy's bytes and the sums, as they go to the disk.
pub(super) fn encode(meta: &[u8], sums: &FileSums) -> Vec<u8> {
    let files = serde_json::to_string(sums).expect("string keys and integers");
    let mut checked = format!("\"files\":{files},\n").into_bytes();
    checked.extend_from_slice(meta.strip_prefix(b"{").unwrap_or(meta));
    let mut bytes =
        format!("{CHECKSUM_PREFIX}{:08x}{CHECKSUM_SUFFIX}", crc32fast::hash(&checked)).into_bytes();
    bytes.extend_from_slice(&checked);
    bytes
}

/// The reverse: tantivy's bytes, what they say, and the sums of exactly the files that they name.
///
/// # Errors
/// Says what is wrong with the file.
pub(super) fn decode(bytes: &[u8]) -> Result<(Vec<u8>, Commit, FileSums), String> {
    let checked = bytes.get(CHECKED_FROM..).ok_or("too short")?;
    let prefix = format!("{CHECKSUM_PREFIX}{:08x}{CHECKSUM_SUFFIX}", crc32fast::hash(checked));
    if bytes[..CHECKED_FROM] != *prefix.as_bytes() {
        return Err("checksum does not match".to_owned());
    }
    let line_end = checked.iter().position(|&b| b == b'\n').ok_or("no list of files")?;
    let files = checked[..line_end]
        .strip_prefix(b"\"files\":".as_slice())
        .and_then(|line| line.strip_suffix(b",".as_slice()))
        .ok_or("no list of files")?;
    let sums: FileSums = serde_json::from_slice(files).map_err(|e| e.to_string())?;
    let mut meta = b"{".to_vec();
    meta.extend_from_slice(&checked[line_end + 1..]);
    let commit = Commit::parse(&meta).map_err(|e| e.to_string())?;
    let mut named: Vec<String> = commit.files().collect();
    named.sort_unstable();
    if !named.iter().eq(sums.keys()) {
        return Err("the list of files is not that of the segments".to_owned());
    }
    Ok((meta, commit, sums))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const EMPTY: &[u8] = b"{\n  \"segments\": [],\n  \"opstamp\": 7\n}\n";

    #[test]
    fn what_was_encoded_is_decoded() {
        let bytes = encode(EMPTY, &FileSums::new());
        let (meta, commit, sums) = decode(&bytes).unwrap();
        assert_eq!(meta, EMPTY);
        assert_eq!((commit.opstamp, commit.payload, sums.len()), (7, None, 0));
        // And it still is JSON, which tantivy reads as it is.
        assert_eq!(serde_json::from_slice::<Commit>(&bytes).unwrap().opstamp, 7);
    }

    #[test]
    fn every_flipped_bit_of_meta_is_found() {
        let bytes = encode(EMPTY, &FileSums::new());
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&flipped).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn every_truncation_of_meta_is_found() {
        let bytes = encode(EMPTY, &FileSums::new());
        for length in 0..bytes.len() {
            assert!(decode(&bytes[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn only_the_names_of_segment_files_are_ours() {
        let id = "a5c4dfcbdfe645089129e308e26d5523";
        for component in ["idx", "store", "17.del", "store.temp"] {
            assert!(is_ours(&format!("{id}.{component}")), "{component}");
        }
        for name in ["notes.txt", "meta.json", ".tantivy-writer.lock", "photo.store", "a5c4.idx"] {
            assert!(!is_ours(name), "{name}");
        }
    }
}
