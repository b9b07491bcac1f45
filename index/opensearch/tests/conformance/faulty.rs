//! A node that answers as the real one behind it does, unless a test says otherwise.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What came in.
pub(crate) struct Request {
    method: String,
    pub(crate) path: String,
    authorization: Option<String>,
    pub(crate) body: String,
    /// The paths so far, this one included.
    paths: Vec<String>,
}

impl Request {
    /// The how-manieth request it is of those with that in their path, from 1.
    pub(crate) fn number_of(&self, part: &str) -> usize {
        self.paths.iter().filter(|path| path.contains(part)).count()
    }
}

/// Sends a body in the place of the request's, and gives the status and the answer.
type Forward<'f> = &'f dyn Fn(&str) -> (u16, String);

/// The node. It serves until the process ends.
pub(crate) struct Faulty {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Faulty {
    /// Stands before the node at `url`.
    pub(crate) fn before(
        url: &str,
        answer: impl Fn(&Request, Forward<'_>) -> (u16, String) + Send + Sync + 'static,
    ) -> Faulty {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (node, requests, answer) = (url.to_owned(), Arc::clone(&seen), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (node, requests, answer) = (node.clone(), Arc::clone(&requests), Arc::clone(&answer));
                thread::spawn(move || while serve(&stream, &node, &requests, &*answer).is_some() {});
            }
        });
        Faulty { url: ours, seen }
    }

    /// The bodies of the requests with that in their path.
    pub(crate) fn bodies(&self, part: &str) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        seen.iter()
            .filter(|request| request.path.contains(part))
            .map(|request| request.body.clone())
            .collect()
    }

    /// The credentials of the requests since the last time.
    pub(crate) fn take_authorizations(&self) -> Vec<String> {
        let seen = std::mem::take(&mut *self.seen.lock().unwrap());
        seen.into_iter().map(|request| request.authorization.unwrap_or_default()).collect()
    }
}

/// Answers one request; `None` when the client has gone.
fn serve(
    mut stream: &TcpStream,
    node: &str,
    seen: &Mutex<Vec<Request>>,
    answer: &(dyn Fn(&Request, Forward<'_>) -> (u16, String) + Send + Sync),
) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|num_read| *num_read > 0)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let (mut length, mut authorization) = (0, None);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "authorization" => authorization = Some(value.to_owned()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
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
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(text.as_bytes()).ok()
}
