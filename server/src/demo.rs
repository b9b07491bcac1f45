//! What the demo is made of: conversations of our own writing, recordings of their calls, and a GeoIP file over
//! documentation addresses.

pub mod geoip;
pub mod recordings;
pub mod script;
