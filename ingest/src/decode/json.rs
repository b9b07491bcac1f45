//! Reads JSON as producers really write it, including what other parsers accept but the specification or serde_json
//! would refuse.

use std::borrow::Cow;

use serde_json::Value;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// The text without the byte order mark that some editors and Windows programs write first.
pub(super) fn without_byte_order_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)
}

/// Parses one JSON text. A leading byte order mark is skipped, and half of a surrogate pair is read as U+FFFD: programs
/// that cut text after a number of UTF-16 units leave half an emoji, and their JSON writers escape it.
///
/// # Errors
/// It is not JSON. The position in the error counts from the start of the text, including the mark.
pub(super) fn parse(text: &[u8]) -> serde_json::Result<Value> {
    let text = without_byte_order_mark(text);
    serde_json::from_slice(text).or_else(|error| match with_whole_characters(text) {
        Cow::Borrowed(_) => Err(error),
        Cow::Owned(repaired) => serde_json::from_slice(&repaired),
    })
}

/// The text with U+FFFD in place of every half of a surrogate pair, escaped or not; its length does not change.
///
/// In JSON, backslashes only occur in strings, so there is no need to know where strings begin and end.
fn with_whole_characters(text: &[u8]) -> Cow<'_, [u8]> {
    let mut repaired = Cow::Borrowed(text);
    let mut at = 0;
    while at < text.len() {
        at += match (text[at], escaped_unit(&text[at..])) {
            (b'\\', Some(0xD800..=0xDBFF))
                if matches!(escaped_unit(&text[at + 6..]), Some(0xDC00..=0xDFFF)) =>
            {
                12
            }
            (b'\\', Some(0xD800..=0xDFFF)) => {
                repaired.to_mut()[at..at + 6].copy_from_slice(br"\ufffd");
                6
            }
            (b'\\', Some(_)) => 6,
            (b'\\', None) => 2,
            // How UTF-8 would encode a surrogate, if that were allowed.
            (0xED, _) if matches!(text[at + 1..], [0xA0..=0xBF, 0x80..=0xBF, ..]) => {
                repaired.to_mut()[at..at + 3].copy_from_slice("\u{FFFD}".as_bytes());
                3
            }
            _ => 1,
        };
    }
    repaired
}

/// The UTF-16 unit of the escape at the start of the text, such as `\u00e9`.
fn escaped_unit(text: &[u8]) -> Option<u16> {
    let digits = text.strip_prefix(br"\u")?.get(..4)?;
    digits.iter().try_fold(0, |unit, digit| {
        let value = char::from(*digit).to_digit(16)?;
        Some(unit << 4 | value as u16)
    })
}
