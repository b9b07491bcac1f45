//! Where the customer was: the event's address through GeoIP and the privacy settings. Cannot fail.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hearken_config::IpPolicy;
use hearken_geoip::{GeoIp, parse_address};
use hearken_model::state::Address;

use crate::metrics::IngestMetrics;

/// Most bytes of an unparsable address that are kept.
const UNPARSABLE_BYTES_MAX: usize = 64;

/// Looks an address up, then keeps of it what privacy allows.
///
/// A text that is no address is kept as it is (what the producer sent may be a clue), unless privacy asks for
/// less: what cannot be parsed cannot be truncated.
pub(crate) fn locate(text: &str, geoip: &GeoIp, privacy: IpPolicy, metrics: &IngestMetrics) -> Address {
    let Some(ip) = parse_address(text) else {
        metrics.lookup("geoip", "invalid");
        let kept = privacy == IpPolicy::Keep && text.len() <= UNPARSABLE_BYTES_MAX;
        return Address { ip_address: kept.then(|| text.trim().to_owned()), ..Address::default() };
    };
    let ip_address = match privacy {
        IpPolicy::Keep => Some(ip.to_string()),
        IpPolicy::Truncate => Some(truncated(ip).to_string()),
        IpPolicy::Drop => None,
    };
    if geoip.is_empty() {
        return Address { ip_address, ..Address::default() };
    }
    let location = geoip.lookup(ip);
    metrics.lookup("geoip", if location.is_some() { "found" } else { "not_found" });
    let location = location.unwrap_or_default();
    Address {
        ip_address,
        country_code: location.country_code,
        country: location.country,
        city: location.city,
    }
}

/// The network of an address: /24 for IPv4, /48 for IPv6, as web analytics has long done.
fn truncated(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) => Ipv4Addr::from_bits(ip.to_bits() & (u32::MAX << 8)).into(),
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & (u128::MAX << 80)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn privacy_keeps_truncates_or_drops_and_never_lets_rubbish_through_truncation() {
        let metrics = IngestMetrics::for_test();
        let kept = |text, privacy| locate(text, &GeoIp::empty(), privacy, &metrics).ip_address;
        assert_eq!(kept("203.0.113.77:443", IpPolicy::Keep).as_deref(), Some("203.0.113.77"));
        assert_eq!(kept("203.0.113.77", IpPolicy::Truncate).as_deref(), Some("203.0.113.0"));
        assert_eq!(kept("2001:db8:1:2::3", IpPolicy::Truncate).as_deref(), Some("2001:db8:1::"));
        assert_eq!(kept("203.0.113.77", IpPolicy::Drop), None);
        assert_eq!(kept("my house", IpPolicy::Keep).as_deref(), Some("my house"));
        assert_eq!(kept("my house 203.0.113.77", IpPolicy::Truncate), None);
    }
}
