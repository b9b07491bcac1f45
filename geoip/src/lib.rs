//! IP address → country and city, from MaxMind DB files.
//!
//! ```text
//!   address       what clients and proxies send → IpAddr
//!   database      one file: read into memory, checked, decoded
//!   record        the two record shapes of such files → GeoLocation
//!   handle        GeoIp: several files as one, replaced while the program runs
//!   error         why a file is refused
//!   territories   country code → CLDR's English name (generated)
//! ```
//!
//! The file decides: no address range is filtered, private or otherwise. An address that is not in it has no location.
//! Files are read into memory and never memory-mapped: a mapped file that is rewritten in place kills the process (SIGBUS).
//!
//! ```no_run
//! use hearken_geoip::{GeoIp, parse_address};
//!
//! # fn main() -> Result<(), hearken_geoip::GeoIpError> {
//! let geoip = GeoIp::open(&["city.mmdb".into()])?;
//! let address = parse_address("203.0.113.7:443, 10.0.0.1"); // as in `X-Forwarded-For`
//! let country = address.and_then(|address| geoip.lookup(address)?.country);
//! # let _ = country;
//! # Ok(())
//! # }
//! ```

mod address;
mod database;
mod error;
mod handle;
mod record;
mod territories;

pub use address::parse_address;
pub use error::GeoIpError;
pub use handle::GeoIp;
pub use record::GeoLocation;
