//! What depends on who connects, and how: proxies, encryption, slow bodies.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use hearken_model::Role;
use hearken_query::Limits;
use hearken_query::http::{Gate, LiveTls, Peer, Proxies, ServeOptions, SignOn, TlsError};
use hearken_query::keys::{KeyFile, LiveKeys, NewKey, Permission};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::world::{World, chat};

/// The address of the trusted proxy in these tests. Strangers come from other loopback addresses.
const PROXY: &str = "127.0.0.2";
const STRANGER: &str = "127.0.0.3";

/// Serves a world on its own port as long as the test runs.
async fn served(world: &World, options: ServeOptions) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let stopped = world.stop.subscribe();
    tokio::spawn(hearken_query::http::serve(listener, world.router.clone(), options, stopped));
    address
}

fn options() -> ServeOptions {
    ServeOptions { connections_max: 16, ..ServeOptions::default() }
}

async fn connected(from: &str, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
    socket.connect(to).await.unwrap()
}

/// Requests a path, and returns the answer's status and body.
async fn asked(stream: impl AsyncRead + AsyncWrite, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!("GET {path} HTTP/1.1\r\nhost: hearken.test\r\nconnection: close\r\n{headers}\r\n");
    let mut stream = Box::pin(stream);
    stream.write_all(head.as_bytes()).await.unwrap();
    answered(stream).await
}

async fn answered(mut stream: impl AsyncRead + Unpin) -> (u16, String) {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// A server with keys, behind a proxy that signs users on.
struct Behind {
    world: World,
    keys: LiveKeys,
    address: SocketAddr,
    _folder: TempDir,
}

impl Behind {
    async fn new() -> Behind {
        let folder = TempDir::new().unwrap();
        let keys = LiveKeys::open(KeyFile::new(folder.path().join("keys.toml"))).unwrap();
        let sign_on = SignOn::new("X-User", "X-Groups", &["search".to_owned(), "read".to_owned()]).unwrap();
        let gate = Gate::with_keys(keys.clone()).signed_on_by_proxy(Some(sign_on));
        let documents = ["acme", "globex"].map(|organization| {
            let mut document = chat(organization, 0, &[(Role::User, "refund")]);
            document.derived.head.organization = Some(organization.to_owned());
            document
        });
        let world = World::behind(gate, &documents, Vec::new(), Limits::default());
        let proxies = Proxies::new(&[format!("{PROXY}/32").parse().unwrap()]);
        let address = served(&world, ServeOptions { proxies, ..options() }).await;
        Behind { world, keys, address, _folder: folder }
    }

    fn key(&self) -> String {
        let new = NewKey {
            name: "everything".to_owned(),
            organizations: vec!["*".to_owned()],
            permissions: [Permission::Search].into_iter().collect(),
            expires: None,
        };
        let (_, token) = self.keys.file().create(new).unwrap();
        self.keys.reload().unwrap();
        format!("Bearer {}", token.expose())
    }

    /// The ids that a search finds, or the problem's code.
    async fn search(&self, from: &str, headers: &[(&str, &str)]) -> Result<Vec<String>, String> {
        let stream = connected(from, self.address).await;
        let (status, body) = asked(stream, "/v1/interactions?sort=start_time", headers).await;
        let body: Value = serde_json::from_str(&body).unwrap();
        if status != 200 {
            return Err(body["code"].as_str().unwrap().to_owned());
        }
        let items = body["items"].as_array().unwrap().iter();
        Ok(items.map(|item| item["id"].as_str().unwrap().to_owned()).collect())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_whom_the_proxy_signs_on_sees_their_organizations() {
    let behind = Behind::new().await;
    let ann = [("x-user", "Ann Ödegård"), ("x-groups", "acme, initech")];
    assert_eq!(behind.search(PROXY, &ann).await, Ok(vec!["acme".to_owned()]));
    let every = [("x-user", "root"), ("x-groups", "*")];
    assert_eq!(behind.search(PROXY, &every).await.unwrap().len(), 2);
    let stream = connected(PROXY, behind.address).await;
    assert_eq!(asked(stream, "/v1/interactions/globex", &ann).await.0, 404);
    let stream = connected(PROXY, behind.address).await;
    assert_eq!(asked(stream, "/metrics", &ann).await.0, 403, "it permits no more than is configured");

    for (headers, code) in [
        (&[][..], "unauthorized"),
        (&[("x-groups", "acme")], "unauthorized"),
        (&[("x-user", "ann")], "forbidden"),
        (&[("x-user", "ann"), ("x-groups", " , ")], "forbidden"),
        (&[("x-user", "ann"), ("x-groups", "*, acme")], "forbidden"),
        (&[("x-user", "ann"), ("x-user", "bob"), ("x-groups", "acme")], "forbidden"),
        (&[("x-user", " "), ("x-groups", "acme")], "forbidden"),
        (&[("x-user", "ann"), ("x-groups", "acme"), ("sec-fetch-site", "cross-site")], "cross_origin"),
    ] {
        assert_eq!(behind.search(PROXY, headers).await, Err(code.to_owned()), "{headers:?}");
    }
    let key = behind.key();
    let with_key = [ann[0], ann[1], ("authorization", key.as_str())];
    assert_eq!(behind.search(PROXY, &with_key).await.unwrap().len(), 2, "a key goes before");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_who_sends_the_proxys_headers_is_not_signed_on() {
    let behind = Behind::new().await;
    let ann = [("x-user", "ann"), ("x-groups", "acme")];
    assert!(behind.search(PROXY, &ann).await.is_ok());
    for more in [
        &[][..],
        &[("x-forwarded-for", PROXY)],
        &[("forwarded", "for=127.0.0.2;by=127.0.0.2")],
        &[("x-real-ip", PROXY), ("via", "1.1 127.0.0.2")],
    ] {
        let headers = [&ann, more].concat();
        assert_eq!(behind.search(STRANGER, &headers).await, Err("unauthorized".to_owned()), "{more:?}");
    }
    // Nor does the proxy vouch for a stranger it passed on, unless it says so itself.
    let passed_on = [("x-forwarded-for", STRANGER)];
    assert_eq!(behind.search(PROXY, &passed_on).await, Err("unauthorized".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_client_of_a_proxy_has_failures_of_its_own() {
    let behind = Behind::new().await;
    let failed = async |from: &str, hops: String, number: u32| {
        let key = format!("Bearer hk_{number:08x}_0");
        behind.search(from, &[("authorization", &key), ("x-forwarded-for", &hops)]).await.unwrap_err()
    };
    for number in 0..30 {
        // What the client wrote comes first, what the proxy saw comes last.
        let code = failed(PROXY, format!("192.0.2.1, 198.51.100.{number}"), number).await;
        assert_eq!(code, "unauthorized");
    }
    let mut last = String::new();
    for number in 100..130 {
        last = failed(STRANGER, format!("192.0.2.{number}"), number).await;
    }
    assert_eq!(last, "too_many_attempts", "anybody may claim to be anybody");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cookie_of_a_session_is_secure_when_the_connection_is() {
    let behind = Behind::new().await;
    let key = behind.key();
    for is_encrypted in [false, true] {
        let (mut parts, ()) = Request::post("/signin").body(()).unwrap().into_parts();
        parts.extensions.insert(Peer::direct("192.0.2.1".parse().unwrap(), is_encrypted));
        let gate = behind.world.state.gate();
        let (cookie, caller) = gate.sign_in(&parts, key.strip_prefix("Bearer ").unwrap()).unwrap();
        assert_eq!(cookie.to_str().unwrap().contains("; Secure"), is_encrypted);
        assert_eq!(caller.name(), Some("everything"));
        assert_eq!(gate.sign_out(&parts).to_str().unwrap().contains("; Secure"), is_encrypted);
    }
}

/// A self-signed certificate and its key.
struct Certificate {
    pem: String,
    key: String,
    roots: RootCertStore,
}

impl Certificate {
    fn new() -> Certificate {
        let made = rcgen::generate_simple_self_signed(vec!["hearken.test".to_owned()]).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        Certificate { pem: made.cert.pem(), key: made.signing_key.serialize_pem(), roots }
    }

    fn write(&self, folder: &Path) {
        fs::write(folder.join("tls.crt"), &self.pem).unwrap();
        fs::write(folder.join("tls.key"), &self.key).unwrap();
    }

    /// Connects if the server proves that it has this certificate.
    async fn connect(&self, from: &str, to: SocketAddr) -> std::io::Result<TlsStream<TcpStream>> {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.roots.clone())
            .with_no_client_auth();
        let connector = TlsConnector::from(Arc::new(config));
        connector.connect("hearken.test".try_into().unwrap(), connected(from, to).await).await
    }
}

fn open_tls(folder: &Path) -> Result<LiveTls, TlsError> {
    LiveTls::open(folder.join("tls.crt"), folder.join("tls.key"))
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_encrypted_with_the_certificate_that_is_there_now() {
    let folder = TempDir::new().unwrap();
    let (old, new) = (Certificate::new(), Certificate::new());
    old.write(folder.path());
    let tls = open_tls(folder.path()).unwrap();
    let world = World::new(&[]);
    let address = served(&world, ServeOptions { tls: Some(tls.clone()), ..options() }).await;
    let stream = old.connect("127.0.0.1", address).await.unwrap();
    assert_eq!(asked(stream, "/healthz", &[]).await.0, 200);
    assert!(new.connect("127.0.0.1", address).await.is_err());

    // With only one file replaced, everything stays as it was.
    assert!(!tls.reload().unwrap());
    fs::write(folder.path().join("tls.crt"), &new.pem).unwrap();
    assert!(matches!(tls.reload(), Err(TlsError::Unusable { .. })));
    assert!(old.connect("127.0.0.1", address).await.is_ok());
    new.write(folder.path());
    assert!(tls.reload().unwrap());
    let stream = new.connect("127.0.0.1", address).await.unwrap();
    assert_eq!(asked(stream, "/healthz", &[]).await.0, 200);
    assert!(old.connect("127.0.0.1", address).await.is_err());

    // An unencrypted client gets no answer.
    let mut plain = connected("127.0.0.1", address).await;
    plain.write_all(b"GET /healthz HTTP/1.1\r\nhost: hearken.test\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await; // closed or reset
    assert!(!String::from_utf8_lossy(&answer).contains("HTTP/1.1 200"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_handshake_keeps_nobody_out() {
    let folder = TempDir::new().unwrap();
    let certificate = Certificate::new();
    certificate.write(folder.path());
    let tls = Some(open_tls(folder.path()).unwrap());
    let world = World::new(&[]);
    let address = served(&world, ServeOptions { connections_max: 4, tls, ..options() }).await;
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(connected(STRANGER, address).await);
        let stream = certificate.connect("127.0.0.1", address).await.unwrap();
        assert_eq!(asked(stream, "/healthz", &[]).await.0, 200);
    }
}

/// Reads until the server closes the connection, which it must do without answering.
async fn closed_without_an_answer(mut stream: impl AsyncRead + Unpin) {
    let mut answer = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
    let _ = closed.expect("it is still open"); // closed or reset
    assert_eq!(String::from_utf8_lossy(&answer), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_slow_to_send_a_request_is_disconnected_encrypted_or_not() {
    let folder = TempDir::new().unwrap();
    let certificate = Certificate::new();
    certificate.write(folder.path());
    let world = World::new(&[]);
    let soon = Duration::from_millis(100);
    let tls = Some(open_tls(folder.path()).unwrap());
    let impatient = ServeOptions { handshake_timeout: soon, ..options() };
    let address = served(&world, ServeOptions { tls: tls.clone(), ..impatient }).await;
    let silent = connected(STRANGER, address).await;
    let mut slow = connected(STRANGER, address).await;
    slow.write_all(&[0x16, 0x03, 0x01]).await.unwrap(); // a handshake begins like this
    closed_without_an_answer(silent).await;
    closed_without_an_answer(slow).await;

    let impatient = ServeOptions { head_timeout: soon, ..options() };
    let begun = b"GET /healthz HTTP/1.1\r\nhost: hear";
    let address = served(&world, impatient.clone()).await;
    let mut plain = connected(STRANGER, address).await;
    plain.write_all(begun).await.unwrap();
    closed_without_an_answer(plain).await;
    let address = served(&world, ServeOptions { tls, ..impatient }).await;
    let mut encrypted = certificate.connect(STRANGER, address).await.unwrap();
    encrypted.write_all(begun).await.unwrap();
    closed_without_an_answer(encrypted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_a_proxy_that_holds_every_place_keeps_no_other_client_out() {
    let behind = Behind::new().await;
    let key = behind.key();
    let mut held = Vec::new();
    for number in 0..64 {
        // The proxy has opened a connection for each client; the body never comes.
        let mut stream = connected(PROXY, behind.address).await;
        let head = format!(
            "POST /v1/search HTTP/1.1\r\nhost: hearken.test\r\nx-forwarded-for: 192.0.2.1\r\nauthorization: {key}\r\n\
             content-length: 100\r\n\r\n{{"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        held.push(stream);
        if number % 8 == 0 {
            let other = [("x-forwarded-for", "198.51.100.1"), ("authorization", key.as_str())];
            assert_eq!(behind.search(PROXY, &other).await.unwrap().len(), 2);
        }
    }
}

#[test]
fn bad_files_of_a_certificate_are_named() {
    let folder = TempDir::new().unwrap();
    let told = || {
        let error = open_tls(folder.path()).unwrap_err();
        assert!(error.to_string().contains("tls."), "{error}");
        error
    };
    assert!(matches!(told(), TlsError::Unreadable(..)));
    let (one, other) = (Certificate::new(), Certificate::new());
    one.write(folder.path());
    open_tls(folder.path()).unwrap();
    fs::write(folder.path().join("tls.key"), &other.key).unwrap();
    assert!(matches!(told(), TlsError::Unusable { .. }));
    fs::write(folder.path().join("tls.key"), "no key").unwrap();
    assert!(matches!(told(), TlsError::NoKey(..)));
    for none in ["", "no certificate", &one.key] {
        fs::write(folder.path().join("tls.crt"), none).unwrap();
        assert!(matches!(told(), TlsError::NoCertificate(..)));
    }
    fs::write(folder.path().join("tls.crt"), "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n")
        .unwrap();
    assert!(matches!(told(), TlsError::NoCertificate(..)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_comes_too_slowly_is_answered_408() {
    let limits = Limits { body_timeout: Duration::from_millis(100), ..Limits::default() };
    let world = World::with(&[], Vec::new(), limits);
    let address = served(&world, options()).await;
    let mut stream = connected("127.0.0.1", address).await;
    let head = "POST /v1/search HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    let (status, body) = answered(stream).await; // which ends because the connection does
    assert_eq!(status, 408, "{body}");
    assert!(body.contains("request_timeout"), "{body}");

    // A body that arrives in time is answered as ever, as is a request without one.
    let answer = world.post("/v1/search", Body::from("{}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(world.get("/healthz").await.status, StatusCode::OK);
}
