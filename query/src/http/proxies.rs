//! Proxies trusted to say who a client is: `X-Forwarded-For` or `Forwarded`, and `X-Forwarded-Proto`.
//!
//! Each proxy appends the address it saw to what came before, which anyone may have forged. So a client's address is
//! the last one that does not belong to a trusted proxy.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::http::HeaderMap;
use ipnet::IpNet;

/// Where a request came from; an extension of every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// The client.
    pub address: IpAddr,
    /// Whether the request was encrypted on its way.
    pub is_encrypted: bool,
    /// Whether a trusted proxy passed the request on, and may thus name its user.
    pub is_vouched_for: bool,
}

impl Peer {
    /// A client connected without a trusted proxy in between.
    pub fn direct(address: IpAddr, is_encrypted: bool) -> Self {
        Peer { address: address.to_canonical(), is_encrypted, is_vouched_for: false }
    }
}

/// The trusted proxies, none by default. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    networks: Arc<[IpNet]>,
}

impl Proxies {
    /// Trusts all proxies in these networks.
    pub fn new(networks: &[IpNet]) -> Self {
        Proxies { networks: networks.into() }
    }

    /// Whether this address belongs to a trusted proxy.
    pub(super) fn trust(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// Where a request with these headers came from, on a connection from this address.
    pub fn peer(&self, connected: IpAddr, is_encrypted: bool, headers: &HeaderMap) -> Peer {
        let peer = Peer::direct(connected, is_encrypted);
        if !self.trust(peer.address) {
            return peer;
        }
        let x_forwarded_for = joined(headers, "x-forwarded-for");
        let forwarded = joined(headers, "forwarded");
        let x_client = x_forwarded_for
            .as_deref()
            .map(|hops| self.client(peer.address, hops.rsplit(',').map(address_of)));
        let hops = forwarded.as_deref().map(hops_of);
        let client = hops.as_ref().map(|hops| {
            let for_each = hops.iter().rev().map(|hop| value_of(hop, "for").and_then(address_of));
            self.client(peer.address, for_each)
        });
        let address = match (x_client, client) {
            // A proxy that sets one header may pass on the other as the client forged it.
            (Some(one), Some(other)) if one != other => peer.address,
            (one, other) => one.or(other).unwrap_or(peer.address),
        };
        let x_proto = joined(headers, "x-forwarded-proto");
        let x_proto = x_proto.as_deref().and_then(|protos| protos.rsplit(',').next());
        let proto = x_proto.or_else(|| value_of(hops.as_ref()?.last()?, "proto"));
        let is_encrypted = proto.map_or(is_encrypted, |proto| proto.trim().eq_ignore_ascii_case("https"));
        Peer { address, is_encrypted, is_vouched_for: true }
    }

    /// Walks back from the trusted `proxy`, hop by hop, last hop first.
    fn client(&self, proxy: IpAddr, hops: impl Iterator<Item = Option<IpAddr>>) -> IpAddr {
        let mut client = proxy;
        for hop in hops {
            let Some(address) = hop else { break };
            client = address;
            if !self.trust(client) {
                break;
            }
        }
        client
    }
}

/// The values of a header that may occur several times but is one list.
fn joined(headers: &HeaderMap, name: &str) -> Option<String> {
    let values: Vec<_> =
        headers.get_all(name).iter().map(|value| value.to_str().unwrap_or_default()).collect();
    (!values.is_empty()).then(|| values.join(","))
}

/// An address as such headers hold it: with or without a port, quotes and brackets.
fn address_of(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"');
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse::<IpAddr>();
    let address = address.or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()));
    address.ok().map(|address| address.to_canonical())
}

/// The elements of `Forwarded`. Commas inside quotes do not separate.
fn hops_of(forwarded: &str) -> Vec<&str> {
    let mut is_quoted = false;
    let parts = forwarded.split(|character| {
        is_quoted ^= character == '"';
        character == ',' && !is_quoted
    });
    parts.collect()
}

/// The value of one parameter in an element of `Forwarded`.
fn value_of<'h>(hop: &'h str, name: &str) -> Option<&'h str> {
    let mut pairs = hop.split(';').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(known, _)| known.trim().eq_ignore_ascii_case(name))?;
    Some(value.trim().trim_matches('"'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn proxies() -> Proxies {
        Proxies::new(&["10.0.0.0/8".parse().unwrap(), "2001:db8::1/128".parse().unwrap()])
    }

    fn peer(connected: &str, headers: &[(&'static str, &str)]) -> Peer {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        proxies().peer(connected.parse().unwrap(), false, &map)
    }

    fn client(connected: &str, headers: &[(&'static str, &str)]) -> String {
        peer(connected, headers).address.to_string()
    }

    #[test]
    fn the_client_is_the_last_address_that_is_not_a_proxy() {
        let through = |hops| client("10.0.0.1", &[("x-forwarded-for", hops)]);
        assert_eq!(through("198.51.100.7"), "198.51.100.7");
        assert_eq!(through("192.0.2.1, 198.51.100.7,10.0.0.2"), "198.51.100.7", "the first is forged");
        assert_eq!(through("192.0.2.1:4711"), "192.0.2.1");
        assert_eq!(through("[2001:db8::7]:80"), "2001:db8::7");
        assert_eq!(through("2001:db8::7, 2001:db8::1"), "2001:db8::7");
        assert_eq!(through("::ffff:192.0.2.1"), "192.0.2.1");
        assert_eq!(through("192.0.2.1, nonsense"), "10.0.0.1");
        assert_eq!(through("10.0.0.9, 10.0.0.2"), "10.0.0.9");
        assert_eq!(through(""), "10.0.0.1");
        let lines = [("x-forwarded-for", "192.0.2.1"), ("x-forwarded-for", "192.0.2.2")];
        assert_eq!(client("10.0.0.1", &lines), "192.0.2.2");
        assert_eq!(client("::ffff:10.0.0.1", &lines), "192.0.2.2");

        let forwarded = |hops| client("10.0.0.1", &[("forwarded", hops)]);
        assert_eq!(
            forwarded("for=192.0.2.1, For=\"[2001:db8::7]:4711\";proto=https;by=10.0.0.2"),
            "2001:db8::7"
        );
        assert_eq!(forwarded("for=192.0.2.1, for=unknown"), "10.0.0.1");
        assert_eq!(forwarded("for=192.0.2.1;x=\"a, for=192.0.2.2\""), "192.0.2.1");
    }

    #[test]
    fn only_trusted_proxies_are_believed_and_contradictions_are_not() {
        let made_up = [("x-forwarded-for", "192.0.2.1"), ("x-forwarded-proto", "https")];
        assert_eq!(peer("203.0.113.1", &made_up), Peer::direct("203.0.113.1".parse().unwrap(), false));
        assert!(peer("10.0.0.1", &made_up).is_vouched_for);
        let both = [("x-forwarded-for", "192.0.2.1"), ("forwarded", "for=192.0.2.2")];
        assert_eq!(client("10.0.0.1", &both), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &[both[0], ("forwarded", "for=192.0.2.1")]), "192.0.2.1");
    }

    #[test]
    fn the_proxy_knows_whether_its_client_is_encrypted() {
        let is_encrypted = |headers: &[(&'static str, &str)]| peer("10.0.0.1", headers).is_encrypted;
        assert!(is_encrypted(&[("x-forwarded-proto", "https")]));
        assert!(is_encrypted(&[("forwarded", "for=192.0.2.1;proto=https")]));
        assert!(!is_encrypted(&[("x-forwarded-proto", "https, http")]));
        assert!(!is_encrypted(&[]));
        let mut headers = HeaderMap::new();
        assert!(proxies().peer("10.0.0.1".parse().unwrap(), true, &headers).is_encrypted);
        headers.insert("x-forwarded-proto", "http".parse().unwrap());
        assert!(!proxies().peer("10.0.0.1".parse().unwrap(), true, &headers).is_encrypted);
    }
}
