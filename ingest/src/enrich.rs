//! Processing of an event before it is folded: its address is looked up, and then personal data is removed as the
//! privacy settings require. It cannot fail.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hearken_config::{IpPolicy, PrivacyConfig};
use hearken_geoip::{GeoIp, parse_address};
use hearken_model::Event;
use hearken_model::state::Address;
use hearken_privacy::Redactor;

use crate::metrics::IngestMetrics;

/// Most bytes of an unparsable address to keep.
const UNPARSABLE_BYTES_MAX: usize = 64;

/// Every event passes through here, whatever its source, before anything else sees it.
pub(crate) struct Enrichment {
    geoip: GeoIp,
    ip_policy: IpPolicy,
    redactor: Redactor,
}

impl Enrichment {
    pub(crate) fn new(geoip: GeoIp, privacy: &PrivacyConfig) -> Self {
        let redactor = Redactor::new(privacy.redact.iter().copied());
        Enrichment { geoip, ip_policy: privacy.ip, redactor }
    }

    /// The event as it may be stored, and what may be stored of its address.
    pub(crate) fn apply(&self, mut event: Event, metrics: &IngestMetrics) -> (Event, Option<Address>) {
        let address = event.started.ip_address.take();
        let address = address.map(|text| locate(&text, &self.geoip, self.ip_policy, metrics));
        self.redactor.redact(&mut event);
        (event, address.map(|address| self.without_rubbish(address)))
    }

    /// A text that is not an address may be anything: a name, some other number.
    fn without_rubbish(&self, mut address: Address) -> Address {
        let is_rubbish = |text: &String| self.redactor.is_active() && parse_address(text).is_none();
        address.ip_address = address.ip_address.filter(|text| !is_rubbish(text));
        address
    }
}

/// Looks up an address, then reduces it to what the privacy settings allow.
///
/// A text that is not an address is kept unchanged (what the producer sent may be a clue), unless the privacy settings
/// ask for less: what cannot be parsed cannot be truncated.
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

/// The network of an address: /24 for IPv4, /48 for IPv6, as is customary in web analytics.
fn truncated(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) => Ipv4Addr::from_bits(ip.to_bits() & (u32::MAX << 8)).into(),
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & (u128::MAX << 80)).into(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use hearken_model::{InteractionId, PersonalData, Timestamp};

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

    #[test]
    fn an_event_is_redacted_after_its_address_was_looked_up() {
        let event = || {
            let id = InteractionId::try_new("i").unwrap();
            let mut event = Event::new(id, Timestamp::EPOCH, Timestamp::EPOCH);
            event.started.ip_address = Some("203.0.113.77".into());
            event.started.user_id = Some("jane@example.com".into());
            event
        };
        let metrics = IngestMetrics::for_test();
        let apply = |privacy: PrivacyConfig, event: Event| {
            Enrichment::new(GeoIp::empty(), &privacy).apply(event, &metrics)
        };
        let privacy = || PrivacyConfig { redact: PersonalData::ALL.to_vec(), ..PrivacyConfig::default() };
        let (redacted, address) = apply(privacy(), event());
        assert_eq!(redacted.started.user_id.as_deref(), Some("[email]"));
        assert_eq!(address.unwrap().ip_address.as_deref(), Some("203.0.113.77"), "`ip` decides");

        let mut with_rubbish = event();
        with_rubbish.started.ip_address = Some("jane's phone".into());
        assert_eq!(apply(privacy(), with_rubbish).1, Some(Address::default()));
        let (event, address) = apply(PrivacyConfig { ip: IpPolicy::Drop, ..Default::default() }, event());
        assert_eq!((event.started.ip_address, address), (None, Some(Address::default())));
    }
}
