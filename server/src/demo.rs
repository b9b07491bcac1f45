//! What the demo is made of: conversations of our own writing and a GeoIP file over documentation addresses.

pub mod geoip;
pub mod script;
