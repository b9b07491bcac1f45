//! Events received over HTTP: a body is split into items, and a sink provided by `server` makes them durable. The sink
//! decides what an event must look like.

use std::fmt;
use std::future::Future;
use std::io::{self, Read};
use std::pin::Pin;

use axum::http::HeaderMap;
use hearken_model::Timestamp;
use serde::Serialize;
use serde::de::IgnoredAny;

use crate::http::Caller;

/// An event in a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventItem {
    /// The event as received.
    pub value: Vec<u8>,
    /// What came with it, under the names of Kafka's headers: `content-type`, `ce_id`, ….
    pub headers: Vec<(String, String)>,
    /// Replaces the time of acceptance, if the sender gives it.
    pub accepted_at: Option<Timestamp>,
}

/// The answer to a request with events.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct EventsAnswer {
    /// How many of the request's items are durable.
    pub accepted: usize,
    /// The items that were not accepted.
    pub rejected: Vec<RejectedItem>,
}

/// An item that was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RejectedItem {
    /// Its position in the request, from 0.
    pub index: usize,
    /// What is wrong, and how to fix it.
    pub reason: String,
}

/// The events may not be durable: send them again. The text says why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotDurable(pub String);

impl fmt::Display for NotDurable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Answers once the events are durable.
pub type Accepting<'a> = Pin<Box<dyn Future<Output = Result<EventsAnswer, NotDurable>> + Send + 'a>>;

/// Where events go.
pub trait EventSink: Send + Sync {
    /// Checks each event and makes the good ones durable, all of them or none.
    fn accept<'a>(&'a self, events: Vec<EventItem>, caller: &'a Caller) -> Accepting<'a>;
}

/// Why a body holds no items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyError {
    /// It is larger than allowed once it is decompressed.
    TooLarge,
    /// It does not match its headers, or no item can be recognised in it.
    Invalid(String),
    /// The encoding is not supported.
    UnknownEncoding(String),
}

/// Undoes `Content-Encoding`, up to `bytes_max`.
///
/// # Errors
/// See [`BodyError`].
pub fn decompress(body: Vec<u8>, encoding: Option<&str>, bytes_max: usize) -> Result<Vec<u8>, BodyError> {
    let encoding = encoding.unwrap_or_default().trim().to_ascii_lowercase();
    let failed = |error: io::Error| BodyError::Invalid(format!("the body is not {encoding}: {error}"));
    match encoding.as_str() {
        "" | "identity" => Ok(body),
        "gzip" | "x-gzip" => {
            read_bounded(flate2::read::MultiGzDecoder::new(body.as_slice()), bytes_max, failed)
        }
        "zstd" => {
            let decoder = zstd::stream::read::Decoder::new(body.as_slice()).map_err(failed)?;
            read_bounded(decoder, bytes_max, failed)
        }
        _ => Err(BodyError::UnknownEncoding(encoding.chars().take(40).collect())),
    }
}

fn read_bounded(
    reader: impl Read,
    bytes_max: usize,
    failed: impl Fn(io::Error) -> BodyError,
) -> Result<Vec<u8>, BodyError> {
    let mut bytes = Vec::new();
    reader.take(bytes_max as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > bytes_max { Err(BodyError::TooLarge) } else { Ok(bytes) }
}

/// The items of a request: a single CloudEvent if its attributes are in the headers (binary mode), otherwise the parts
/// into which the body is [split]. The body is already decompressed.
///
/// # Errors
/// No item can be recognised.
pub fn items(body: Vec<u8>, headers: &HeaderMap) -> Result<Vec<EventItem>, BodyError> {
    let attributes = attributes(headers);
    if !attributes.is_empty() {
        return Ok(vec![EventItem { value: body, headers: attributes, accepted_at: None }]);
    }
    let items = split(&body)?;
    Ok(items.into_iter().map(|item| EventItem { value: item.to_vec(), ..EventItem::default() }).collect())
}

/// The attributes of a CloudEvent in binary mode, under the names they have in Kafka.
fn attributes(headers: &HeaderMap) -> Vec<(String, String)> {
    if !headers.contains_key("ce-specversion") && !headers.contains_key("ce-type") {
        return Vec::new();
    }
    let attributes = headers.iter().filter_map(|(name, value)| {
        let attribute = name.as_str().strip_prefix("ce-")?;
        let value = value.to_str().ok()?;
        // Attributes that HTTP headers cannot hold as text are percent-encoded.
        let value = percent_encoding::percent_decode_str(value).decode_utf8_lossy();
        Some((format!("ce_{attribute}"), value.into_owned()))
    });
    attributes.collect()
}

/// Splits a body into items: the elements of a JSON array, the lines of NDJSON, or one JSON value. An item need not be
/// JSON, as long as another one is.
///
/// # Errors
/// No item can be recognised.
pub fn split(body: &[u8]) -> Result<Vec<&[u8]>, BodyError> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii();
    let one_value = serde_json::from_slice::<IgnoredAny>(body);
    match (body.first(), &one_value) {
        (None, _) => Err(BodyError::Invalid("the body is empty; send an event as JSON".to_owned())),
        (Some(b'['), Ok(_)) => array_items(&body[1..]),
        (_, Ok(_)) => Ok(vec![body]),
        (_, Err(error)) => {
            let lines = body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
            let lines: Vec<_> = lines.filter(|line| !line.is_empty()).collect();
            let is_json = |line: &&[u8]| serde_json::from_slice::<IgnoredAny>(line).is_ok();
            if lines.len() > 1 && lines.iter().any(is_json) {
                return Ok(lines);
            }
            let hint = "send an event, an array of events, or one event a line";
            Err(BodyError::Invalid(format!("the body is not JSON: {error}; {hint}")))
        }
    }
}

/// The items of an array that is known to be JSON, starting after its opening bracket.
fn array_items(mut rest: &[u8]) -> Result<Vec<&[u8]>, BodyError> {
    let mut items = Vec::new();
    loop {
        rest = rest.trim_ascii_start();
        rest = rest.strip_prefix(b",").unwrap_or(rest).trim_ascii_start();
        if rest.is_empty() || rest.starts_with(b"]") {
            return Ok(items);
        }
        let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<IgnoredAny>();
        let Some(Ok(_)) = values.next() else {
            return Err(BodyError::Invalid("the body is not JSON".to_owned()));
        };
        let (item, behind) = rest.split_at(values.byte_offset());
        items.push(item.trim_ascii());
        rest = behind;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Write as _;

    use super::*;

    fn texts(body: &str) -> Vec<String> {
        let items = split(body.as_bytes()).unwrap();
        items.into_iter().map(|item| String::from_utf8(item.to_vec()).unwrap()).collect()
    }

    #[test]
    fn one_event_an_array_and_lines_are_told_apart() {
        assert_eq!(texts(" {\"a\":\n [1]} \n"), ["{\"a\":\n [1]}"]);
        assert_eq!(
            texts("\u{feff}[ {\"a\": \"],{\"} ,2,\"x,\" , [3] ]"),
            ["{\"a\": \"],{\"}", "2", "\"x,\"", "[3]"]
        );
        assert_eq!(texts("[]"), [""; 0]);
        assert_eq!(texts("{\"a\":1}\r\n\n{\"b\":2}\n"), ["{\"a\":1}", "{\"b\":2}"]);
        assert_eq!(texts("{\"a\":1}\n{broken\n[1]"), ["{\"a\":1}", "{broken", "[1]"]);
    }

    #[test]
    fn a_body_that_cannot_be_split_is_reported() {
        for body in ["", " \n", "{broken", "[{},", "[{}] x", "{broken\n{also", "\u{0}\u{1}"] {
            assert!(matches!(split(body.as_bytes()), Err(BodyError::Invalid(_))), "{body:?}");
        }
    }

    #[test]
    fn compressed_bodies_are_read_and_bombs_are_not() {
        let text = b"x".repeat(100_000);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&text).unwrap();
        let gzip = gzip.finish().unwrap();
        let zstd = zstd::encode_all(text.as_slice(), 1).unwrap();
        for (encoding, body) in [("gzip", gzip), (" ZSTD", zstd), ("identity", text.clone())] {
            assert_eq!(decompress(body.clone(), Some(encoding), 100_000).unwrap(), text);
            if encoding != "identity" {
                assert_eq!(decompress(body.clone(), Some(encoding), 99_999), Err(BodyError::TooLarge));
                let cut = body[..body.len() / 2].to_vec();
                assert!(matches!(decompress(cut, Some(encoding), 100_000), Err(BodyError::Invalid(_))));
            }
        }
        assert!(matches!(decompress(text, Some("br"), 1), Err(BodyError::UnknownEncoding(_))));
    }
}
