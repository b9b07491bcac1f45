//! JSON in any arrangement: one value per line, an array, or consecutive values over any number of lines.

use std::io::{self, BufRead, Cursor, Read as _};

use anyhow::Context as _;
use serde::de::IgnoredAny;

use super::{Item, Items};

/// Longest value; an interaction has at most 8 MB of text.
const VALUE_BYTES_MAX: usize = 64 * 1024 * 1024;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

pub(super) fn items(text: Box<dyn BufRead>) -> Items {
    let mut arrangement = None;
    let mut unread = Some(text);
    Box::new(std::iter::from_fn(move || {
        if let Some(text) = unread.take() {
            match Arrangement::of(text).context("cannot read the file") {
                Ok(found) => arrangement = Some(found),
                Err(error) => return Some(Err(error)),
            }
        }
        let next = arrangement.as_mut()?.next().context("cannot continue to read the file");
        if !matches!(next, Ok(Some(_))) {
            arrangement = None;
        }
        next.transpose()
    }))
}

enum Arrangement {
    Lines { first: Option<Vec<u8>>, text: Box<dyn BufRead> },
    Values { text: Box<dyn BufRead>, in_array: bool },
}

impl Arrangement {
    fn of(mut text: Box<dyn BufRead>) -> io::Result<Self> {
        if text.fill_buf()?.starts_with(BYTE_ORDER_MARK) {
            text.consume(BYTE_ORDER_MARK.len());
        }
        if skip_white(&mut text, false)? == Some(b'[') {
            return Ok(Arrangement::Values { text, in_array: false });
        }
        let first = read_line(&mut text)?.unwrap_or_default();
        match serde_json::from_slice::<IgnoredAny>(&first) {
            Err(error) if error.is_eof() && !first.trim_ascii().is_empty() => {
                let text = Box::new(Cursor::new(first).chain(text));
                Ok(Arrangement::Values { text, in_array: false })
            }
            _ => Ok(Arrangement::Lines { first: Some(first), text }),
        }
    }

    fn next(&mut self) -> io::Result<Option<Item>> {
        match self {
            Arrangement::Lines { first, text } => loop {
                let line = match first.take() {
                    Some(line) => line,
                    None => match read_line(text)? {
                        Some(line) => line,
                        None => return Ok(None),
                    },
                };
                let line = line.trim_ascii();
                if !line.is_empty() {
                    return Ok(Some(checked(line.to_vec())));
                }
            },
            Arrangement::Values { text, in_array } => loop {
                match skip_white(text, *in_array)? {
                    None => return Ok(None),
                    Some(b']') if *in_array => *in_array = false,
                    Some(b'[') if !*in_array => *in_array = true, // one array after another
                    Some(_) => return Ok(Some(checked(read_value(text)?))),
                }
                text.consume(1);
            },
        }
    }
}

/// Reports invalid JSON with its place in the file, instead of sending it.
fn checked(value: Vec<u8>) -> Item {
    match serde_json::from_slice::<IgnoredAny>(&value) {
        Ok(_) => Ok(value),
        Err(error) => Err(format!("not JSON: {error}")),
    }
}

/// The next byte that is not white space (nor, in arrays, a comma); it is left unread.
fn skip_white(text: &mut impl BufRead, in_array: bool) -> io::Result<Option<u8>> {
    loop {
        let bytes = text.fill_buf()?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let is_white = |byte: &u8| byte.is_ascii_whitespace() || (in_array && *byte == b',');
        match bytes.iter().position(|byte| !is_white(byte)) {
            Some(at) => {
                let byte = bytes[at];
                text.consume(at);
                return Ok(Some(byte));
            }
            None => {
                let num_bytes = bytes.len();
                text.consume(num_bytes);
            }
        }
    }
}

fn read_line(text: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    text.take(VALUE_BYTES_MAX as u64 + 1).read_until(b'\n', &mut line)?;
    if line.len() > VALUE_BYTES_MAX {
        return Err(too_long());
    }
    Ok((!line.is_empty()).then_some(line))
}

/// One value, from its first byte to its last: an object or array up to its closing bracket, anything else up to a
/// separator.
fn read_value(text: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut value = Vec::new();
    let (mut depth, mut in_string, mut is_escaped) = (0_usize, false, false);
    loop {
        let bytes = text.fill_buf()?;
        if bytes.is_empty() {
            return Ok(value);
        }
        let mut end = None;
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                _ if is_escaped => is_escaped = false,
                b'\\' if in_string => is_escaped = true,
                b'"' => in_string = !in_string,
                _ if in_string => {}
                b'{' | b'[' => depth += 1,
                b'}' | b']' if depth > 1 => depth -= 1,
                b'}' | b']' if depth == 1 => {
                    end = Some(at + 1);
                    break;
                }
                b',' | b']' | b'}' if depth == 0 => {
                    // At least one byte, so that invalid text is skipped rather than read forever.
                    end = Some(if value.is_empty() { at.max(1) } else { at });
                    break;
                }
                byte if depth == 0 && byte.is_ascii_whitespace() => {
                    end = Some(at);
                    break;
                }
                _ => {}
            }
        }
        let taken = end.unwrap_or(bytes.len());
        value.extend_from_slice(&bytes[..taken]);
        text.consume(taken);
        if value.len() > VALUE_BYTES_MAX {
            return Err(too_long());
        }
        if end.is_some() {
            return Ok(value);
        }
    }
}

fn too_long() -> io::Error {
    let problem = format!("a value is longer than {VALUE_BYTES_MAX} bytes; send the conversation in parts");
    io::Error::new(io::ErrorKind::InvalidData, problem)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(text: &str) -> Vec<String> {
        // In small pieces, so that values span them.
        let pieces = io::BufReader::with_capacity(3, Cursor::new(text.to_owned()));
        let shown = |item: Item| {
            item.map_or_else(|reason| format!("! {reason}"), |value| String::from_utf8(value).unwrap())
        };
        items(Box::new(pieces)).map(|item| shown(item.unwrap())).collect()
    }

    #[test]
    fn every_arrangement_gives_the_same_values() {
        let wanted = ["{\"a\":\"]},{\\\"\"}", "{\"b\":[{}]}"];
        for text in [
            "{\"a\":\"]},{\\\"\"}\n{\"b\":[{}]}\n",
            "\u{feff}{\"a\":\"]},{\\\"\"}\r\n\r\n{\"b\":[{}]}",
            "[{\"a\":\"]},{\\\"\"} ,\n {\"b\":[{}]}]\n",
        ] {
            assert_eq!(read(text), wanted, "{text}");
        }
        assert_eq!(read("{\n \"a\": 1\n}\n{\n \"b\": 2\n}\n"), ["{\n \"a\": 1\n}", "{\n \"b\": 2\n}"]);
        assert_eq!(read("[1, \"x\" ,null]"), ["1", "\"x\"", "null"]);
        assert_eq!(read("[1,2]\n[3]\n 4"), ["1", "2", "3", "4"]);
        assert_eq!(read(""), [""; 0]);
        assert_eq!(read("[]"), [""; 0]);
    }

    #[test]
    fn what_is_not_json_is_reported_and_the_rest_is_imported() {
        let read_lines = read("{\"a\":1}\n{broken}\n{\"b\":2}");
        assert_eq!((read_lines[0].as_str(), read_lines[2].as_str()), ("{\"a\":1}", "{\"b\":2}"));
        assert!(read_lines[1].starts_with("! not JSON"), "{read_lines:?}");
        for text in ["}", "[}", "[1 2}]", "{", "[[[", "\"", "]]"] {
            read(text); // must terminate
        }
    }
}
