//! IP address → country and city, from MaxMind DB files.
//!
//! ```text
//!   address       what clients and proxies send → IpAddr
//!   database      one file: read into memory, checked, decoded
//!   record        the two record shapes of such files → Location
//!   handle        GeoIp: several files as one, replaced while the program runs
//!   error         why a file is refused
//!   territories   country code → CLDR's English name (generated)
//! ```
//!
//! The file decides: no address range is filtered, private or otherwise. An address in the file is answered, one that is not is nothing.
//! Files are read into memory and never memory-mapped: a mapped file that is rewritten in place ends the process (SIGBUS).

mod address;
mod database;
mod error;
mod handle;
mod record;
mod territories;

pub use address::parse_address;
pub use error::GeoIpError;
pub use handle::GeoIp;
pub use record::Location;
