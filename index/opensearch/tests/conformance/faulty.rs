//! A node that answers as the real one behind it does, unless a test says otherwise.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use rcgen::{CertifiedKey, KeyPair};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A request that came in.
pub(crate) struct Request {
    method: String,
    pub(crate) path: String,
    authorization: Option<String>,
    pub(crate) body: String,
    /// The paths of all requests so far, this one included.
    paths: Vec<String>,
}

impl Request {
    /// Which request this is, counted from 1, of those whose path contains `part`.
    pub(crate) fn number_of(&self, part: &str) -> usize {
        self.paths.iter().filter(|path| path.contains(part)).count()
    }
}

/// Sends the request on with another body, and gives the status and text of the answer.
type Forward<'f> = &'f dyn Fn(&str) -> (u16, String);

/// What a test makes of a request.
type Answer = dyn Fn(&Request, Forward<'_>) -> (u16, String) + Send + Sync;

/// The node. It serves until the process ends.
pub(crate) struct Faulty {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Request>>>,
}

/// What a connection is read from and written to.
trait Stream: Read + Write {}
impl<S: Read + Write> Stream for S {}

impl Faulty {
    /// Stands before the node at `url`.
    pub(crate) fn before(
        url: &str,
        answer: impl Fn(&Request, Forward<'_>) -> (u16, String) + Send + Sync + 'static,
    ) -> Faulty {
        Self::stand(url, "http://127.0.0.1", Arc::new(answer), |stream| Box::new(stream))
    }

    /// The same over TLS, as `localhost`, with this certificate; it changes nothing.
    pub(crate) fn before_with_tls(url: &str, certificate: &CertifiedKey<KeyPair>) -> Faulty {
        let key = PrivateKeyDer::try_from(certificate.signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.cert.der().clone()], key);
        let config = Arc::new(config.unwrap());
        let encrypted = move |stream| -> Box<dyn Stream> {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            Box::new(StreamOwned::new(connection, stream))
        };
        Self::stand(
            url,
            "https://localhost",
            Arc::new(|request: &Request, forward: Forward<'_>| forward(&request.body)),
            encrypted,
        )
    }

    fn stand(
        url: &str,
        ours: &str,
        answer: Arc<Answer>,
        opened: impl Fn(TcpStream) -> Box<dyn Stream> + Send + Sync + 'static,
    ) -> Faulty {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = format!("{ours}:{}", listener.local_addr().unwrap().port());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (node, requests, opened) = (url.to_owned(), Arc::clone(&seen), Arc::new(opened));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (node, requests, answer, opened) =
                    (node.clone(), Arc::clone(&requests), Arc::clone(&answer), Arc::clone(&opened));
                thread::spawn(move || {
                    let mut stream = BufReader::new(opened(stream));
                    while serve(&mut stream, &node, &requests, &*answer).is_some() {}
                });
            }
        });
        Faulty { url: ours, seen }
    }

    /// The bodies of the requests whose path contains `part`.
    pub(crate) fn bodies(&self, part: &str) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        seen.iter()
            .filter(|request| request.path.contains(part))
            .map(|request| request.body.clone())
            .collect()
    }

    /// The credentials of the requests since this was last called.
    pub(crate) fn take_authorizations(&self) -> Vec<String> {
        let seen = std::mem::take(&mut *self.seen.lock().unwrap());
        seen.into_iter().map(|request| request.authorization.unwrap_or_default()).collect()
    }
}

/// Answers one request; `None` when the client has gone.
fn serve(
    stream: &mut BufReader<Box<dyn Stream>>,
    node: &str,
    seen: &Mutex<Vec<Request>>,
    answer: &Answer,
) -> Option<()> {
    let mut line = String::new();
    stream.read_line(&mut line).ok().filter(|num_read| *num_read > 0)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let (mut length, mut authorization) = (0, None);
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "authorization" => authorization = Some(value.to_owned()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    let body = String::from_utf8(body).ok()?;
    let mut paths: Vec<String> = seen.lock().unwrap().iter().map(|request| request.path.clone()).collect();
    paths.push(path.clone());
    let request = Request { method, path, authorization, body, paths };
    let forward = |body: &str| {
        let method = request.method.parse().unwrap();
        let sent = reqwest::blocking::Client::new().request(method, format!("{node}{}", request.path));
        let kind = if request.path.contains("_bulk") { "application/x-ndjson" } else { "application/json" };
        let answer = sent.header("content-type", kind).body(body.to_owned()).send().unwrap();
        (answer.status().as_u16(), answer.text().unwrap())
    };
    let (status, text) = answer(&request, &forward);
    seen.lock().unwrap().push(request);
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        text.len()
    );
    let stream = stream.get_mut();
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(text.as_bytes()).ok()?;
    stream.flush().ok()
}
