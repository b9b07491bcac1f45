//! Parses addresses as clients and proxies write them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The address in a text as clients and proxies send it, or `None` if there is none.
///
/// It accepts a bare address, one with a port (`192.0.2.1:55`, `[2001:db8::1]:443`), an IPv6 zone (`fe80::1%eth0`), an
/// IPv4-mapped address (answered as IPv4), double quotes, spaces, the lists of `X-Forwarded-For` (`client, proxy1, proxy2`) and the
/// `for=` of RFC 7239. From a list it takes the first valid address: the client comes first, and what precedes it, such as
/// `unknown`, is not an address. Whether to trust the list is up to the sender.
///
/// Linear in the text's length; never panics.
pub fn parse_address(text: &str) -> Option<IpAddr> {
    text.split(',').find_map(parse_element)
}

/// One element of a list: an address, or pairs such as `for=192.0.2.1;proto=https` of which only `for` is the client.
fn parse_element(element: &str) -> Option<IpAddr> {
    if !element.contains('=') {
        return parse_node(element);
    }
    let mut pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    pairs.find(|(name, _)| trim(name).eq_ignore_ascii_case("for")).and_then(|(_, node)| parse_node(node))
}

/// One address with its optional quotes, brackets, zone and port.
fn parse_node(node: &str) -> Option<IpAddr> {
    let node = trim(trim(node).trim_matches('"'));
    if let Some(bracketed) = node.strip_prefix('[') {
        let (address, port) = bracketed.split_once(']')?;
        return if port.is_empty() || port.strip_prefix(':').is_some_and(is_port) {
            parse_v6(address)
        } else {
            None
        };
    }
    if let Some(address) = parse_v6(node) {
        return Some(address);
    }
    let address = match node.split_once(':') {
        Some((address, port)) if is_port(port) => address,
        Some(_) => return None,
        None => node,
    };
    address.parse::<Ipv4Addr>().ok().map(IpAddr::V4)
}

/// An IPv6 address without brackets; its zone names an interface of the sender and is dropped.
fn parse_v6(text: &str) -> Option<IpAddr> {
    let address = match text.split_once('%') {
        Some((address, zone)) if is_zone(zone) => address,
        Some(_) => return None,
        None => text,
    };
    address.parse::<Ipv6Addr>().ok().map(|address| IpAddr::V6(address).to_canonical())
}

fn is_zone(zone: &str) -> bool {
    !zone.is_empty() && zone.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-~%".contains(&byte))
}

/// A port number, or the made-up one (`_hidden`) that RFC 7239 allows.
fn is_port(port: &str) -> bool {
    let made_up = port.strip_prefix('_').is_some_and(is_zone);
    made_up || (port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok())
}

/// Without the white space that HTTP allows around a value. A line break does not count: it is a sign of tampering.
fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        let expected = expected.map(|address| address.parse::<IpAddr>().unwrap());
        assert_eq!(parse_address(text), expected, "{text:?}");
    }

    #[test]
    fn everything_that_clients_send_is_understood() {
        check("1.2.3.4", Some("1.2.3.4"));
        check("  1.2.3.4\t", Some("1.2.3.4"));
        check("\"1.2.3.4\"", Some("1.2.3.4"));
        check("1.2.3.4:55", Some("1.2.3.4"));
        check("1.2.3.4:_hidden", Some("1.2.3.4"));
        check("2001:db8::1", Some("2001:db8::1"));
        check("2001:DB8:0:0:0:0:0:1", Some("2001:db8::1"));
        check("[2001:db8::1]", Some("2001:db8::1"));
        check("[2001:db8::1]:443", Some("2001:db8::1"));
        check("::ffff:1.2.3.4", Some("1.2.3.4"));
        check("::FFFF:102:304", Some("1.2.3.4"));
        check("[::ffff:1.2.3.4]:8080", Some("1.2.3.4"));
        check("fe80::1%eth0", Some("fe80::1"));
        check("[fe80::1%25en0]:443", Some("fe80::1"));
    }

    #[test]
    fn the_first_address_of_a_list_is_the_client() {
        check("203.0.113.9, 10.0.0.1, 172.16.0.9", Some("203.0.113.9"));
        check("10.0.0.1,203.0.113.9", Some("10.0.0.1"));
        check("unknown, 203.0.113.9", Some("203.0.113.9"));
        check(" , \"[2001:db8::1]:80\" , 10.0.0.1", Some("2001:db8::1"));
        check("for=192.0.2.60;proto=http;by=203.0.113.43", Some("192.0.2.60"));
        check("For=\"[2001:db8:cafe::17]:4711\", for=192.0.2.60", Some("2001:db8:cafe::17"));
        check("proto=https; for=192.0.2.60", Some("192.0.2.60"));
        check("by=203.0.113.43, for=192.0.2.60", Some("192.0.2.60"));
        check("for=unknown, for=_SEVKISEK, for=192.0.2.60:47011", Some("192.0.2.60"));
    }

    #[test]
    fn garbage_is_not_an_address() {
        let rubbish = [
            "",
            " ",
            ",",
            "-",
            "null",
            "unknown",
            "localhost",
            "example.com",
            "256.1.1.1",
            "1.2.3",
            "1.2.3.4.5",
            "01.02.03.04",
            "0x7f.1",
            "2130706433",
            "1.2.3.4/24",
            "::ffff:999.1.1.1",
            "2001:db8:::1",
            "12345::1",
            "1.2.3.4\n",
            "１.２.３.４",
            "1.2.3.4; DROP TABLE",
            "::1::",
            "1.2.3.4:",
            "1.2.3.4:65536",
            "1.2.3.4:x",
            "1.2.3.4:+5",
            "[1.2.3.4]",
            "[::1",
            "[::1]x",
            "::1]",
            "fe80::1%",
            "fe80::1%a b",
            "1.2.3.4%eth0",
            "by=1.2.3.4",
            "for=",
            "=",
            "1.2.3.4\0",
        ];
        for text in rubbish {
            check(text, None);
        }
        check(&"1,".repeat(500_000), None);
    }

    proptest! {
        #[test]
        fn any_text_is_harmless(text in "[0-9a-f:.,%=\";\\[\\] for]{0,40}|\\PC{0,40}") {
            parse_address(&text);
        }

        #[test]
        fn any_address_is_read_in_every_dress(bits: u128, narrow: bool, port: u16) {
            let address = if narrow { IpAddr::V4((bits as u32).into()) } else { IpAddr::V6(bits.into()).to_canonical() };
            let with_port = std::net::SocketAddr::new(address, port).to_string();
            for text in [address.to_string(), with_port.clone(), format!("for=\"{with_port}\";proto=https"), format!("{address}, ::1")] {
                prop_assert_eq!(parse_address(&text), Some(address), "{}", text);
            }
        }
    }
}
