//! The demo's own GeoIP file: it places the address ranges reserved for documentation in cities around the world.
//!
//! No real address is in these ranges (RFC 5737, RFC 3849), so the demo shows countries and cities without revealing
//! anything about anyone. The file uses the nested structure of the usual city databases.

use std::collections::{BTreeMap, HashMap};

use anyhow::Context;
use maxminddb_writer::Database;
use maxminddb_writer::metadata::IpVersion;
use maxminddb_writer::paths::IpAddrWithMask;
use serde::Serialize;

/// Network, country code, English country name, English city name. An empty name is left out of the record, as in real
/// files: Switzerland has only its code, so its name comes from CLDR.
const NETWORKS: [(&str, &str, &str, &str); 34] = [
    // 192.0.2.0/24: the Americas and Australia.
    ("192.0.2.0/27", "US", "United States", "New York"),
    ("192.0.2.32/27", "US", "United States", "Austin"),
    ("192.0.2.64/27", "US", "United States", "Chicago"),
    ("192.0.2.96/27", "US", "United States", "San Francisco"),
    ("192.0.2.128/27", "CA", "Canada", "Toronto"),
    ("192.0.2.160/27", "MX", "Mexico", "Mexico City"),
    ("192.0.2.192/27", "BR", "Brazil", "São Paulo"),
    ("192.0.2.224/27", "AU", "Australia", "Sydney"),
    // 198.51.100.0/24: the European Union.
    ("198.51.100.0/27", "DE", "Germany", "Berlin"),
    ("198.51.100.32/27", "DE", "Germany", "Hamburg"),
    ("198.51.100.64/27", "DE", "Germany", "Munich"),
    ("198.51.100.96/27", "AT", "Austria", "Vienna"),
    ("198.51.100.128/27", "FR", "France", "Paris"),
    ("198.51.100.160/27", "FR", "France", "Lyon"),
    ("198.51.100.192/27", "ES", "Spain", "Madrid"),
    ("198.51.100.224/27", "ES", "Spain", "Barcelona"),
    // 203.0.113.0/24: the United Kingdom, Asia and Africa.
    ("203.0.113.0/27", "GB", "United Kingdom", "London"),
    ("203.0.113.32/27", "GB", "United Kingdom", "Manchester"),
    ("203.0.113.64/27", "JP", "Japan", "Tokyo"),
    ("203.0.113.96/27", "JP", "Japan", "Osaka"),
    ("203.0.113.128/27", "CN", "China", "Shanghai"),
    ("203.0.113.160/27", "CN", "China", "Beijing"),
    ("203.0.113.192/27", "IN", "India", "Mumbai"),
    ("203.0.113.224/27", "EG", "Egypt", "Cairo"),
    // 2001:db8::/32: the third group is the country's calling code.
    ("2001:db8:1::/48", "US", "United States", "New York"),
    ("2001:db8:31::/48", "NL", "Netherlands", "Amsterdam"),
    ("2001:db8:33::/48", "FR", "France", "Paris"),
    ("2001:db8:34::/48", "ES", "Spain", "Madrid"),
    ("2001:db8:41::/48", "CH", "", ""),
    ("2001:db8:44::/48", "GB", "United Kingdom", "London"),
    ("2001:db8:49::/48", "DE", "Germany", "Berlin"),
    ("2001:db8:81::/48", "JP", "Japan", "Tokyo"),
    ("2001:db8:86::/48", "CN", "China", "Shanghai"),
    ("2001:db8:351::/48", "PT", "Portugal", "Lisbon"),
];

#[derive(Serialize)]
struct City {
    #[serde(skip_serializing_if = "Option::is_none")]
    city: Option<Names>,
    country: Country,
}

#[derive(Serialize)]
struct Country {
    iso_code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    names: Option<BTreeMap<&'static str, &'static str>>,
}

#[derive(Serialize)]
struct Names {
    names: BTreeMap<&'static str, &'static str>,
}

/// The file's bytes in the MaxMind DB format, for IPv4 and IPv6; the same on every call.
///
/// # Errors
/// Only if a network above is malformed; a test builds the file.
pub fn database() -> anyhow::Result<Vec<u8>> {
    let mut database = Database::default();
    database.metadata.ip_version = IpVersion::V6;
    database.metadata.database_type = "Hearken-Demo-City".to_owned();
    database.metadata.languages = vec!["en".to_owned()];
    database.metadata.description = HashMap::from([(
        "en".to_owned(),
        "Documentation address ranges given to cities for Hearken's demo".to_owned(),
    )]);
    // The writer leaves the format version at 0, which readers refuse.
    database.metadata.binary_format_major_version = 2;

    for (network, iso_code, country, city) in NETWORKS {
        let named = |name: &'static str| (!name.is_empty()).then(|| BTreeMap::from([("en", name)]));
        let record = City {
            city: named(city).map(|names| Names { names }),
            country: Country { iso_code, names: named(country) },
        };
        let record = database.insert_value(record).with_context(|| format!("record of {network}"))?;
        database.insert_node(in_ipv6_tree(network)?, record);
    }
    database.write_to(Vec::new()).context("writing the demo's GeoIP file")
}

/// A network's place in a tree of IPv6 addresses, which holds IPv4 in `::/96`.
fn in_ipv6_tree(network: &str) -> anyhow::Result<IpAddrWithMask> {
    let network: IpAddrWithMask = network.parse().with_context(|| format!("network {network}"))?;
    Ok(match network.addr {
        std::net::IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            let mapped = std::net::Ipv6Addr::from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d]);
            IpAddrWithMask::new(mapped.into(), network.mask + 96)
        }
        std::net::IpAddr::V6(_) => network,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::net::IpAddr;

    use serde_json::{Value, json};

    use super::*;

    fn lookup(address: &str) -> Option<Value> {
        let reader = maxminddb::Reader::from_source(database().unwrap()).unwrap();
        reader.lookup(address.parse::<IpAddr>().unwrap()).unwrap().decode().unwrap()
    }

    #[test]
    fn an_address_gives_its_country_and_city_in_the_nested_shape() {
        let paris = json!({
            "city": {"names": {"en": "Paris"}},
            "country": {"iso_code": "FR", "names": {"en": "France"}},
        });
        assert_eq!(lookup("198.51.100.130"), Some(paris.clone()));
        assert_eq!(lookup("2001:db8:33::7"), Some(paris));
        assert_eq!(lookup("192.0.2.200").unwrap()["city"]["names"]["en"], "São Paulo");
        assert_eq!(lookup("2001:db8:41::1"), Some(json!({"country": {"iso_code": "CH"}})));
    }

    #[test]
    fn first_and_last_address_of_every_network_belong_to_it_and_no_other_does() {
        for (network, iso_code, _, city) in NETWORKS {
            let (first, mask) = network.split_once('/').unwrap();
            let host_bits = match first.parse().unwrap() {
                IpAddr::V4(_) => 32 - mask.parse::<u32>().unwrap(),
                IpAddr::V6(_) => 128 - mask.parse::<u32>().unwrap(),
            };
            let last = match first.parse().unwrap() {
                IpAddr::V4(first) => IpAddr::V4((u32::from(first) | ((1 << host_bits) - 1)).into()),
                IpAddr::V6(first) => IpAddr::V6((u128::from(first) | ((1 << host_bits) - 1)).into()),
            };
            for address in [first.to_owned(), last.to_string()] {
                let record = lookup(&address).unwrap();
                assert_eq!(record["country"]["iso_code"], iso_code, "{address}");
                assert_eq!(record["city"]["names"]["en"].as_str().unwrap_or(""), city, "{address}");
            }
        }
        for outside in
            ["192.0.1.255", "192.0.3.0", "198.51.101.0", "203.0.112.255", "8.8.8.8", "2001:db8:2::1", "::1"]
        {
            assert_eq!(lookup(outside), None, "{outside}");
        }
    }

    #[test]
    fn the_file_is_the_same_on_every_call() {
        assert_eq!(database().unwrap(), database().unwrap());
    }
}
