//! Lookups in real GeoIP files against what those files are known to say, and files broken on purpose.
//! Data: `HEARKEN_TEST_DATA`, else `../shared/data` beside the project; without it these tests are skipped.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::fs;
use std::path::{Path, PathBuf};

use hearken_geoip::{GeoIp, GeoIpError, GeoLocation, parse_address};
use proptest::prelude::*;
use serde_json::Value;

#[test]
fn every_address_is_answered_as_the_file_says() {
    let Some(data) = test_data() else { return };
    for file in ["sample-city-flat.mmdb", "sample-city-nested.mmdb"] {
        let geoip = GeoIp::open(&[data.join(file)]).unwrap();
        let rows = rows(&data.join("ips.jsonl.zst"));
        assert!(rows.len() > 3000);
        for row in &rows {
            let ip = parse_address(row["ip"].as_str().unwrap()).unwrap();
            let location = geoip.lookup(ip).unwrap();
            assert_eq!(location.country_code.as_deref(), row["country"].as_str(), "{file} {row}");
            assert_eq!(location.city.as_deref(), row["city"].as_str(), "{file} {row}");
            assert!(location.country.is_some_and(|country| country.len() > 2), "{file} {row}");
        }
    }
}

#[test]
fn odd_addresses_are_answered_or_nothing_and_never_wrong() {
    let Some(data) = test_data() else { return };
    for file in ["sample-city-flat.mmdb", "sample-city-nested.mmdb"] {
        let geoip = GeoIp::open(&[data.join(file)]).unwrap();
        for row in rows(&data.join("ips_edge.jsonl.zst")) {
            let found = parse_address(row["ip"].as_str().unwrap()).and_then(|ip| geoip.lookup(ip));
            // Translated addresses (NAT64, 6to4) are answered if the file has an alias for them.
            if found.is_none() && matches!(row["kind"].as_str(), Some("nat64" | "6to4")) {
                continue;
            }
            let expected = &row["expect"];
            assert_eq!(
                found.as_ref().and_then(|found| found.country_code.as_deref()),
                expected["country"].as_str(),
                "{file} {row}"
            );
            assert_eq!(
                found.and_then(|found| found.city).as_deref(),
                expected["city"].as_str(),
                "{file} {row}"
            );
        }
    }
}

#[test]
fn maxminds_own_files_are_read() {
    let Some(data) = test_data() else { return };
    let folder = data.join("maxmind-test");
    let lookup =
        |file: &str, ip: &str| GeoIp::open(&[folder.join(file)]).unwrap().lookup(parse_address(ip).unwrap());
    let london = location(Some("GB"), Some("United Kingdom"), Some("London"));
    for file in ["GeoIP2-City-Test.mmdb", "GeoLite2-City-Test.mmdb"] {
        assert_eq!(lookup(file, "81.2.69.142"), london, "{file}");
        assert_eq!(lookup(file, "::ffff:81.2.69.142"), london, "{file}");
        assert_eq!(lookup(file, "203.0.113.1"), None, "{file}");
    }
    for file in ["GeoIP2-Country-Test.mmdb", "GeoLite2-Country-Test.mmdb"] {
        assert_eq!(lookup(file, "81.2.69.142"), location(Some("GB"), Some("United Kingdom"), None), "{file}");
    }
}

#[test]
fn broken_and_foreign_files_are_refused_with_their_name_and_a_cure() {
    let Some(data) = test_data() else { return };
    for (file, complaint) in [
        ("GeoIP2-City-Test-Broken-Double-Format.mmdb", "not a sound MaxMind DB file"),
        ("GeoIP2-City-Test-Invalid-Node-Count.mmdb", "not a sound MaxMind DB file"),
        ("MaxMind-DB-test-broken-pointers-24.mmdb", "not a sound MaxMind DB file"),
        ("MaxMind-DB-no-ipv4-search-tree.mmdb", "neither countries nor cities"),
        ("GeoIP2-Anonymous-IP-Test.mmdb", "(of type `GeoIP2-Anonymous-IP`) names neither"),
        ("GeoLite2-ASN-Test.mmdb", "(of type `GeoLite2-ASN`) names neither"),
        ("LICENSE-MIT", "could not find MaxMind DB metadata"),
        ("no-such-file.mmdb", "cannot read"),
    ] {
        let error = GeoIp::open(&[data.join("maxmind-test").join(file)]).unwrap_err().to_string();
        assert!(error.contains(complaint) && error.contains(file) && error.contains(';'), "{file}: {error}");
        println!("{error}");
    }
}

#[test]
fn damaged_files_are_refused_or_read_but_never_panic() {
    let Some(data) = test_data() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.mmdb");
    let originals =
        ["GeoLite2-Country-Test.mmdb", "GeoIP2-City-Test.mmdb", "MaxMind-DB-no-ipv4-search-tree.mmdb"]
            .map(|file| fs::read(data.join("maxmind-test").join(file)).unwrap());
    let damage = (
        0..originals.len(),
        any::<prop::sample::Index>(),
        any::<u8>(),
        any::<prop::sample::Index>(),
        any::<bool>(),
    );
    proptest!(ProptestConfig::with_cases(300), |((file, at, byte, other, cut) in damage, ips: [u128; 8])| {
        let mut bytes = originals[file].clone();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        // The metadata, at the end, deserves its share of the damage.
        let late = bytes.len() - 1 - other.index(200.min(bytes.len()));
        bytes[late] ^= byte;
        if cut {
            bytes.truncate(at);
        }
        fs::write(&path, bytes).unwrap();
        if let Ok(geoip) = GeoIp::open(std::slice::from_ref(&path)) {
            for ip in ips {
                geoip.lookup(std::net::IpAddr::V6(ip.into()));
                geoip.lookup(std::net::IpAddr::V4((ip as u32).into()));
            }
        }
    });
}

#[test]
fn a_compressed_file_is_named_as_such() {
    let Some(data) = test_data() else { return };
    let path = data.join("ips.jsonl.zst");
    let error = GeoIp::open(std::slice::from_ref(&path)).unwrap_err();
    assert_eq!(error, GeoIpError::Compressed { path, format: "zstd" });
}

fn location(country_code: Option<&str>, country: Option<&str>, city: Option<&str>) -> Option<GeoLocation> {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    Some(GeoLocation { country_code: owned(country_code), country: owned(country), city: owned(city) })
}

fn rows(path: &Path) -> Vec<Value> {
    let text = zstd::decode_all(fs::File::open(path).unwrap()).unwrap();
    String::from_utf8(text).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn test_data() -> Option<PathBuf> {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let folder = std::env::var_os("HEARKEN_TEST_DATA").map_or_else(default, PathBuf::from).join("geoip");
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(
        std::env::var_os("HEARKEN_REQUIRE_ENGINES").is_none_or(|value| value != "1"),
        "no test data at {}",
        folder.display()
    );
    println!("skipped: no test data at {}", folder.display());
    None
}
