//! GeoIP files: no bytes make opening them or looking an address up panic.
#![no_main]

use std::cell::RefCell;
use std::io::{Seek as _, Write as _};

use hearken_geoip::{GeoIp, parse_address};
use libfuzzer_sys::fuzz_target;
use tempfile::NamedTempFile;

thread_local! {
    static FILE: RefCell<NamedTempFile> = RefCell::new(NamedTempFile::new().expect("a temporary file"));
}

fuzz_target!(|bytes: &[u8]| {
    FILE.with_borrow_mut(|file| {
        file.as_file().set_len(0).expect("an empty file");
        file.rewind().expect("its beginning");
        file.write_all(bytes).expect("its content");
        if let Ok(geoip) = GeoIp::open(&[file.path().to_owned()]) {
            for address in ["203.0.113.77", "2001:db8::1", "::ffff:10.0.0.1", "255.255.255.255"] {
                let _ = parse_address(address).and_then(|address| geoip.lookup(address));
            }
        }
    });
});
