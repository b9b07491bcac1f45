//! Generated files: every shape of record, several files at once, and files replaced while the program runs.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use hearken_geoip::{GeoIp, GeoIpError, GeoLocation};
use maxminddb_writer::Database;
use maxminddb_writer::metadata::IpVersion;
use maxminddb_writer::paths::IpAddrWithMask;
use serde_json::{Value, json};
use tempfile::TempDir;

#[test]
fn every_shape_of_record_is_understood() {
    let full = Some(("DE", "Germany", "Berlin"));
    check(
        json!({"country": {"iso_code": "DE", "names": {"en": "Germany", "de": "Deutschland"}}, "city": {"names": {"en": "Berlin"}}}),
        full,
    );
    check(json!({"country_code": "DE", "country": "Germany", "city": "Berlin"}), full);
    check(json!({"country_code": "DE", "country_name": "Germany", "city": "Berlin"}), full);
    check(json!({"country": "DE", "city": "Berlin"}), full);
    check(json!({"country": "DE", "country_name": "Germany", "city": "Berlin"}), full);
    check(json!({"country_code": "DE", "city": {"names": {"en": "Berlin"}}, "state1": "Berlin"}), full);
    // The file's name wins over CLDR's; a missing one is CLDR's.
    check(json!({"country_code": "TR", "country": "Turkey"}), Some(("TR", "Turkey", "")));
    check(json!({"country_code": "TR"}), Some(("TR", "Türkiye", "")));
    check(json!({"country": {"iso_code": "TR", "names": {"de": "Türkei"}}}), Some(("TR", "Türkiye", "")));
    // Absent data stays absent.
    check(json!({"country_code": "Q9"}), Some(("Q9", "", "")));
    check(json!({"city": "Berlin"}), Some(("", "", "Berlin")));
    check(json!({"country_code": "", "city": "Berlin"}), Some(("", "", "Berlin")));
    check(json!({"country_code": "", "country": "", "city": ""}), None);
    check(json!({"autonomous_system_number": 64496}), None);
}

fn check(record: Value, expected: Option<(&str, &str, &str)>) {
    let folder = TempDir::new().unwrap();
    // The second record keeps a file whose first one names nothing from being refused as a whole.
    let path = write(
        folder.path(),
        "geo.mmdb",
        IpVersion::V6,
        &[("192.0.2.0", 24, record.clone()), ("198.51.100.0", 24, place("FR", "Paris"))],
    );
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let expected = expected.map(|(code, country, city)| GeoLocation {
        country_code: text(code),
        country: text(country),
        city: text(city),
    });
    assert_eq!(GeoIp::open(&[path]).unwrap().lookup(ip("192.0.2.1")), expected, "{record}");
}

#[test]
fn no_range_is_filtered_private_addresses_included() {
    let folder = TempDir::new().unwrap();
    let office = [
        ("10.0.0.0", 8, place("CH", "Aarau")),
        ("127.0.0.0", 8, place("CH", "Bern")),
        ("fd00::", 8, place("CH", "Chur")),
    ];
    let geoip = GeoIp::open(&[write(folder.path(), "office.mmdb", IpVersion::V6, &office)]).unwrap();
    assert_eq!(city(&geoip, "10.1.2.3").as_deref(), Some("Aarau"));
    assert_eq!(city(&geoip, "127.0.0.1").as_deref(), Some("Bern"));
    assert_eq!(city(&geoip, "fd12::1").as_deref(), Some("Chur"));
    assert_eq!(city(&geoip, "192.168.0.1"), None);
}

#[test]
fn one_file_per_family_and_the_first_that_knows_decides() {
    let folder = TempDir::new().unwrap();
    let v4 = write(folder.path(), "v4.mmdb", IpVersion::V4, &[("192.0.2.0", 24, place("NL", "Weert"))]);
    let v6 = write(
        folder.path(),
        "v6.mmdb",
        IpVersion::V6,
        &[("2001:db8::", 32, place("FR", "Paris")), ("192.0.2.0", 23, place("FR", "Lyon"))],
    );
    for files in [[v4.clone(), v6.clone()], [v6.clone(), v4.clone()]] {
        let geoip = GeoIp::open(&files).unwrap();
        assert_eq!(city(&geoip, "2001:db8::1").as_deref(), Some("Paris"));
        assert_eq!(city(&geoip, "2001:db9::1"), None);
    }
    assert_eq!(city(&GeoIp::open(&[v4.clone(), v6.clone()]).unwrap(), "192.0.2.1").as_deref(), Some("Weert"));
    assert_eq!(city(&GeoIp::open(&[v4, v6.clone()]).unwrap(), "::ffff:192.0.2.1").as_deref(), Some("Weert"));
    assert_eq!(city(&GeoIp::open(&[v6]).unwrap(), "192.0.2.1").as_deref(), Some("Lyon"));
}

#[test]
fn without_a_file_nothing_is_known() {
    let geoip = GeoIp::empty();
    assert!(geoip.is_empty());
    assert_eq!(city(&geoip, "192.0.2.1"), None);
    assert_eq!(geoip.reload_if_changed(), Ok(false));
}

#[test]
fn a_replaced_or_rewritten_file_is_taken_over_by_every_handle() {
    let folder = TempDir::new().unwrap();
    let path = write(folder.path(), "geo.mmdb", IpVersion::V4, &[("192.0.2.0", 24, place("NL", "Weert"))]);
    let geoip = GeoIp::open(std::slice::from_ref(&path)).unwrap();
    let other_handle = geoip.clone();
    assert_eq!(geoip.reload_if_changed(), Ok(false));

    let beside = write(folder.path(), "new.mmdb", IpVersion::V4, &[("192.0.2.0", 24, place("FR", "Paris"))]);
    fs::rename(beside, &path).unwrap();
    assert_eq!(city(&geoip, "192.0.2.1").as_deref(), Some("Weert"));
    assert_eq!(geoip.reload_if_changed(), Ok(true));
    assert_eq!(city(&other_handle, "192.0.2.1").as_deref(), Some("Paris"));

    write(folder.path(), "geo.mmdb", IpVersion::V4, &[("192.0.2.0", 24, place("IT", "Reggio nell'Emilia"))]);
    assert_eq!(other_handle.reload_if_changed(), Ok(true));
    assert_eq!(city(&geoip, "192.0.2.1").as_deref(), Some("Reggio nell'Emilia"));
    assert_eq!(geoip.reload_if_changed(), Ok(false));
}

#[test]
fn a_broken_replacement_is_reported_once_and_changes_nothing() {
    let folder = TempDir::new().unwrap();
    let first = write(folder.path(), "first.mmdb", IpVersion::V4, &[("192.0.2.0", 24, place("NL", "Weert"))]);
    let second =
        write(folder.path(), "second.mmdb", IpVersion::V4, &[("198.51.100.0", 24, place("FR", "Paris"))]);
    let geoip = GeoIp::open(&[first.clone(), second.clone()]).unwrap();

    fs::write(&first, "half a file").unwrap();
    write(folder.path(), "second.mmdb", IpVersion::V4, &[("198.51.100.0", 24, place("FR", "Marseille"))]);
    assert!(matches!(geoip.reload_if_changed(), Err(GeoIpError::Broken { path, .. }) if path == first));
    assert_eq!(city(&geoip, "192.0.2.1").as_deref(), Some("Weert"));
    assert_eq!(city(&geoip, "198.51.100.1").as_deref(), Some("Marseille"));
    assert_eq!(geoip.reload_if_changed(), Ok(false));

    fs::remove_file(&first).unwrap();
    assert!(matches!(geoip.reload_if_changed(), Err(GeoIpError::Unreadable { .. })));
    assert_eq!(geoip.reload_if_changed(), Ok(false));
    assert_eq!(city(&geoip, "192.0.2.1").as_deref(), Some("Weert"));

    write(folder.path(), "first.mmdb", IpVersion::V4, &[("192.0.2.0", 24, place("BE", "Gent"))]);
    assert_eq!(geoip.reload_if_changed(), Ok(true));
    assert_eq!(city(&geoip, "192.0.2.1").as_deref(), Some("Gent"));
}

#[test]
fn a_folder_or_an_archive_is_refused() {
    let folder = TempDir::new().unwrap();
    let error = GeoIp::open(&[folder.path().to_owned()]).unwrap_err();
    assert!(matches!(error, GeoIpError::Unreadable { .. }), "{error}");
    let archive = folder.path().join("geo.mmdb.gz");
    fs::write(&archive, b"\x1f\x8b\x08 and so on").unwrap();
    let error = GeoIp::open(&[archive]).unwrap_err();
    assert!(error.to_string().contains("compressed (gzip); unpack it"), "{error}");
}

fn place(country_code: &str, city: &str) -> Value {
    json!({"country_code": country_code, "city": city})
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn city(geoip: &GeoIp, text: &str) -> Option<String> {
    geoip.lookup(ip(text)).and_then(|location| location.city)
}

/// Writes a file as tools write it that leave the description out.
fn write(folder: &Path, name: &str, version: IpVersion, networks: &[(&str, u8, Value)]) -> PathBuf {
    let mut database = Database::default();
    database.metadata.ip_version = version;
    database.metadata.binary_format_major_version = 2;
    database.metadata.database_type = "Test".to_owned();
    for (address, prefix, record) in networks {
        let data = database.insert_value(record).unwrap();
        // IPv4 networks of an IPv6 file live under ::/96.
        let (address, prefix) = match (ip(address), version) {
            (IpAddr::V4(address), IpVersion::V6) => {
                (IpAddr::V6(u128::from(u32::from(address)).into()), prefix + 96)
            }
            (address, _) => (address, *prefix),
        };
        database.insert_node(IpAddrWithMask::new(address, prefix), data);
    }
    let path = folder.join(name);
    fs::write(&path, database.write_to(Vec::new()).unwrap()).unwrap();
    path
}
