//! As little HTTP as a measurement needs: one kept connection, answers with a length. A general client would add its
//! own threads to every time.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use anyhow::{Context, Result, bail};

/// One connection to one server.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    host: String,
    body: Vec<u8>,
}

impl Connection {
    /// Connects to `http://HOST:PORT`.
    pub(crate) fn open(base_url: &str) -> Result<Connection> {
        let host = base_url.strip_prefix("http://").context("not an http:// address")?.trim_end_matches('/');
        let stream = TcpStream::connect(host).with_context(|| format!("cannot connect to {host}"))?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream: BufReader::new(stream), host: host.to_owned(), body: Vec::new() })
    }

    /// Sends a request and returns the body of its answer, which must be a success.
    pub(crate) fn ask(&mut self, method: &str, target: &str, body: &str) -> Result<&[u8]> {
        let head = format!(
            "{method} {target} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-ndjson\r\nContent-Length: {}\r\n\r\n",
            self.host,
            body.len()
        );
        self.stream.get_mut().write_all([head.as_bytes(), body.as_bytes()].concat().as_slice())?;
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status: u16 = line.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        let mut length = None;
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().ok();
            }
        }
        let length: usize = length.with_context(|| format!("{target} answers {status} without a length"))?;
        self.body.resize(length, 0);
        self.stream.read_exact(&mut self.body)?;
        if !(200..300).contains(&status) {
            bail!("{target} answers {status}: {}", String::from_utf8_lossy(&self.body));
        }
        Ok(&self.body)
    }

    /// The same as JSON.
    pub(crate) fn ask_json(&mut self, method: &str, target: &str, body: &str) -> Result<serde_json::Value> {
        Ok(serde_json::from_slice(self.ask(method, target, body)?)?)
    }
}

/// A text as a part of a query string.
pub(crate) fn encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}
