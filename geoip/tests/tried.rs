//! Addresses that people reported to be read wrongly elsewhere; `docs/tried.md` lists the reports.
#![allow(clippy::unwrap_used)]

use std::net::IpAddr;

use hearken_geoip::parse_address;

#[test]
fn addresses_are_read_however_they_are_written() {
    for (text, address) in [
        ("::ffff:123.202.30.78", Some("123.202.30.78")),
        ("::FFFF:222.1.41.90", Some("222.1.41.90")),
        ("0:0:0:0:0:FFFF:222.1.41.90", Some("222.1.41.90")),
        ("0:0:0:0:0:ffff:9e26:3e00", Some("158.38.62.0")),
        ("2001:218::1", Some("2001:218::1")),
        ("2001:ee0:500d:7550:bcf3:f785:e882:c470", Some("2001:ee0:500d:7550:bcf3:f785:e882:c470")),
        ("10.10.123.190", Some("10.10.123.190")),
        ("10.0.0.1, 2001:218::1", Some("10.0.0.1")),
        ("nonsense", None),
    ] {
        assert_eq!(parse_address(text), address.map(|text| text.parse::<IpAddr>().unwrap()), "{text}");
    }
}
