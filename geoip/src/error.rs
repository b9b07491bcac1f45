//! Why a GeoIP file is refused. Each message names the file, what is wrong and how to fix it.

use std::path::PathBuf;

use thiserror::Error;

/// Why a GeoIP file is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum GeoIpError {
    /// The file cannot be read at all.
    #[error("cannot read GeoIP file `{}`: {reason}; check the path in `geoip.database` and that this user may read it", path.display())]
    Unreadable {
        /// The file as configured.
        path: PathBuf,
        /// What the operating system says.
        reason: String,
    },
    /// The file kept changing while it was read.
    #[error("GeoIP file `{}` keeps changing while it is read; write the new file beside it and rename it over", path.display())]
    StillBeingWritten {
        /// The file as configured.
        path: PathBuf,
    },
    /// The file is an archive, as these files are delivered.
    #[error("GeoIP file `{}` is compressed ({format}); unpack it and name the .mmdb file inside", path.display())]
    Compressed {
        /// The file as configured.
        path: PathBuf,
        /// The archive's format, for instance `gzip`.
        format: &'static str,
    },
    /// The file is not a MaxMind DB, or is cut off or damaged.
    #[error("GeoIP file `{}` is not a sound MaxMind DB file: {reason}; download it again", path.display())]
    Broken {
        /// The file as configured.
        path: PathBuf,
        /// The first problem found.
        reason: String,
    },
    /// The file is sound, but none of its records names a country or a city, for instance an ASN file.
    #[error(
        "GeoIP file `{}` (of type `{database_type}`) names neither countries nor cities; use a City or Country file in MaxMind DB format",
        path.display()
    )]
    WrongKind {
        /// The file as configured.
        path: PathBuf,
        /// What the file says about itself.
        database_type: String,
    },
}
