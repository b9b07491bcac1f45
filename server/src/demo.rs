//! What the demo is made of: conversations written for it and a GeoIP file over documentation addresses.

pub mod geoip;
pub mod script;
