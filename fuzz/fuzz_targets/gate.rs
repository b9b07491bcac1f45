//! Heads of requests, session cookies among them: nobody is let in with what was made up, and nothing in a head makes the
//! gate panic, with a session beside it or without.
#![no_main]

use std::sync::LazyLock;

use hearken_query::http::Gate;
use hearken_query::keys::{KeyFile, LiveKeys, NewKey, Permission};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Request, header};
use libfuzzer_sys::fuzz_target;

struct World {
    gate: Gate,
    /// The cookie of an open session, as a browser sends it.
    cookie: HeaderValue,
    _folder: tempfile::TempDir,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let file = KeyFile::new(folder.path().join("keys.toml"));
    let new = NewKey {
        name: "fuzz".to_owned(),
        organizations: vec!["*".to_owned()],
        permissions: [Permission::Search].into_iter().collect(),
        expires: None,
    };
    let (_, token) = file.create(new).expect("a key");
    let gate = Gate::with_keys(LiveKeys::open(file).expect("keys"));
    let (set, _) = gate.sign_in(&parts(&[]), token.expose()).expect("a session");
    let set = set.to_str().expect("a cookie");
    let cookie = set.split(';').next().and_then(|pair| HeaderValue::from_str(pair).ok()).expect("a cookie");
    let mut with_session = parts(&[]);
    with_session.headers.insert(header::COOKIE, cookie.clone());
    assert!(gate.caller(&with_session).is_ok(), "the session is open");
    World { gate, cookie, _folder: folder }
});

/// The head of a request: a line for each header. One without a name is a cookie.
fn parts(head: &[u8]) -> Parts {
    let (mut parts, ()) = Request::new(()).into_parts();
    for line in head.split(|byte| *byte == b'\n').take(20) {
        let (name, value) = match line.iter().position(|byte| *byte == b':') {
            Some(at) => (HeaderName::from_bytes(&line[..at]), &line[at + 1..]),
            None => (Ok(header::COOKIE), line),
        };
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value.trim_ascii())) {
            parts.headers.append(name, value);
        }
    }
    parts
}

fuzz_target!(|head: &[u8]| {
    let World { gate, cookie, .. } = &*WORLD;
    let mut parts = parts(head);
    assert!(gate.caller(&parts).is_err(), "let in with {head:?}");
    gate.sign_out(&parts);
    parts.headers.append(header::COOKIE, cookie.clone());
    if let Ok(caller) = gate.caller(&parts) {
        assert_eq!(caller.name(), Some("fuzz"));
    }
    let _ = gate.sign_in(&parts, &String::from_utf8_lossy(head));
});
