//! The demo's material: conversations written for it, recordings of their calls, and a GeoIP file over documentation
//! addresses.

pub mod geoip;
pub mod recordings;
pub mod script;
