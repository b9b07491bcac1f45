//! One GeoIP file: read into memory, checked once, then asked without further errors.

use std::collections::HashSet;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use maxminddb::{Reader, WithinOptions};
use tracing::info;

use crate::error::GeoIpError;
use crate::record::{GeoLocation, Record};

/// How often to re-read a file that changes while being read, before refusing it as still being written.
const READ_ATTEMPTS_MAX: usize = 3;

/// A tree of N nodes has N + 1 leaves, and files alias the IPv4 part a few times. More leaves than that is a damaged tree,
/// which could keep a walk busy forever.
const LEAVES_PER_NODE_MAX: usize = 3;

/// First bytes of the archives that GeoIP files are delivered in.
const ARCHIVES: [(&[u8], &str); 4] =
    [(b"\x1f\x8b", "gzip"), (b"PK\x03\x04", "zip"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"BZh", "bzip2")];

/// A checked file in memory.
#[derive(Debug)]
pub(crate) struct Database {
    path: PathBuf,
    stamp: Stamp,
    reader: Reader<Vec<u8>>,
}

impl Database {
    /// Reads and checks a file. The whole file is checked, so that a damaged one is refused here and a lookup never fails later;
    /// that takes in the order of a second for the largest files, and memory for the file itself.
    pub(crate) fn open(path: &Path) -> Result<Self, GeoIpError> {
        let (bytes, stamp) = read_stable(path)?;
        if let Some((_, format)) = ARCHIVES.iter().find(|(start, _)| bytes.starts_with(start)) {
            return Err(GeoIpError::Compressed { path: path.to_owned(), format });
        }
        let broken = |error: maxminddb::MaxMindDbError| GeoIpError::Broken {
            path: path.to_owned(),
            reason: error.to_string(),
        };
        let reader = Reader::from_source(bytes).map_err(broken)?;
        let metadata = reader.metadata();
        // The verifier refuses files without a description, which several tools write; for those the walk alone decides.
        if !metadata.database_type.is_empty() && !metadata.description.is_empty() {
            reader.verify().map_err(broken)?;
        }
        let locations = count_locations(&reader).map_err(broken)?;
        if locations == 0 {
            return Err(GeoIpError::WrongKind {
                path: path.to_owned(),
                database_type: metadata.database_type.clone(),
            });
        }
        info!(path = %path.display(), database_type = metadata.database_type, build_epoch = metadata.build_epoch, locations, "geoip file read");
        Ok(Self { path: path.to_owned(), stamp, reader })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn stamp(&self) -> &Stamp {
        &self.stamp
    }

    /// The location of an address in canonical form, or `None` if the file has none for it.
    pub(crate) fn lookup(&self, ip: IpAddr) -> Option<GeoLocation> {
        if ip.is_ipv6() && self.reader.metadata().ip_version == 4 {
            return None;
        }
        // Every record was decoded when the file was opened: one that fails here is not about a place.
        self.reader.lookup(ip).ok()?.decode::<Record<'_>>().ok()??.location()
    }
}

/// Identifies a version of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stamp {
    modified: Option<SystemTime>,
    size_bytes: u64,
    inode: Inode,
}

/// Device, inode and time of the last change of content or attributes: they catch a replacement that keeps size and modification time.
#[cfg(unix)]
type Inode = (u64, u64, i64, i64);
#[cfg(not(unix))]
type Inode = ();

impl Stamp {
    /// The stamp of the file that is at a path now; a symbolic link is followed.
    pub(crate) fn read(path: &Path) -> Result<Self, GeoIpError> {
        fs::metadata(path).map(|metadata| Self::of(&metadata)).map_err(|error| unreadable(path, &error))
    }

    fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        let inode = {
            use std::os::unix::fs::MetadataExt;
            (metadata.dev(), metadata.ino(), metadata.ctime(), metadata.ctime_nsec())
        };
        #[cfg(not(unix))]
        let inode = ();
        Self { modified: metadata.modified().ok(), size_bytes: metadata.len(), inode }
    }
}

/// The file's bytes, and the stamp it had both before and after they were read.
fn read_stable(path: &Path) -> Result<(Vec<u8>, Stamp), GeoIpError> {
    let read = || -> io::Result<Option<(Vec<u8>, Stamp)>> {
        let mut file = File::open(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("it is not a file"));
        }
        let stamp = Stamp::of(&file.metadata()?);
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok((Stamp::of(&file.metadata()?) == stamp).then_some((bytes, stamp)))
    };
    for _ in 0..READ_ATTEMPTS_MAX {
        if let Some(stable) = read().map_err(|error| unreadable(path, &error))? {
            return Ok(stable);
        }
    }
    Err(GeoIpError::StillBeingWritten { path: path.to_owned() })
}

fn unreadable(path: &Path, error: &io::Error) -> GeoIpError {
    GeoIpError::Unreadable { path: path.to_owned(), reason: error.to_string() }
}

/// Decodes every record once, as a lookup would, and counts those that name a country or a city.
fn count_locations(reader: &Reader<Vec<u8>>) -> Result<usize, maxminddb::MaxMindDbError> {
    let leaves_max = LEAVES_PER_NODE_MAX.saturating_mul(reader.metadata().node_count as usize);
    let mut seen = HashSet::new();
    let mut locations = 0;
    // Leaves without data are walked too: the bound on leaves is what ends the walk of a damaged tree.
    for (leaf_idx, leaf) in
        reader.networks(WithinOptions::default().include_networks_without_data())?.enumerate()
    {
        if leaf_idx > leaves_max {
            return Err(maxminddb::MaxMindDbError::invalid_database("the search tree runs in circles"));
        }
        let leaf = leaf?;
        let Some(offset) = leaf.offset() else { continue };
        if !seen.insert(offset) {
            continue;
        }
        let names_a_place = match leaf.decode::<Record<'_>>() {
            Ok(record) => record.is_some_and(|record| record.location().is_some()),
            // Sound, but of another shape: this record is not about a place.
            Err(maxminddb::MaxMindDbError::Decoding { .. }) => false,
            Err(error) => return Err(error),
        };
        if names_a_place {
            locations += 1;
        }
    }
    Ok(locations)
}
