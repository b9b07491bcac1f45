//! IP addresses.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use crate::normalized::{NormalizedText, is_word};

/// Longest address: IPv6 with the last 32 bits as IPv4.
const LENGTH_MAX: usize = 45;

pub(crate) fn find(text: &NormalizedText, found: &mut impl FnMut(Range<usize>)) {
    let is_part = |c: char| c.is_ascii_hexdigit() || c == '.' || c == ':';
    let mut at = 0;
    while at < text.chars.len() {
        if !is_part(text.chars[at]) {
            at += 1;
            continue;
        }
        let end = (at..).find(|index| !text.get(*index).is_some_and(is_part)).unwrap_or(at);
        let is_alone =
            !text.before(at).is_some_and(|c| is_word(c) || c == '_') && !text.get(end).is_some_and(is_word);
        if is_alone && let Some(address) = within(text, at, end) {
            found(address);
        }
        at = end;
    }
}

fn within(text: &NormalizedText, start: usize, mut end: usize) -> Option<Range<usize>> {
    while end > start && matches!(text.chars[end - 1], '.' | ':') && !ends_in_two_colons(text, start, end) {
        end -= 1; // the sentence's
    }
    if end - start > LENGTH_MAX + 6 {
        return None;
    }
    let candidate: String = text.chars[start..end].iter().collect();
    let is_version = || {
        let before = text.before_lowercase(start, 12);
        [
            "version",
            "versión",
            "versione",
            "バージョン",
            "版本",
            "release",
            "firmware",
            "build",
            "chrome/",
            "/",
        ]
        .iter()
        .any(|word| before.trim_end().ends_with(word))
    };
    // A port may follow an IPv4 address.
    let v4 = candidate.split_once(':').map_or(candidate.as_str(), |(v4, _)| v4);
    if v4.parse::<Ipv4Addr>().is_ok() {
        return (!is_version()).then_some(start..start + v4.len());
    }
    let v6 = candidate.parse::<Ipv6Addr>().ok()?;
    // `a::b` is a path in a program.
    let is_address =
        !v6.is_unspecified() && candidate.contains(|c: char| c.is_ascii_digit()) && candidate.len() > 3;
    is_address.then_some(start..end)
}

fn ends_in_two_colons(text: &NormalizedText, start: usize, end: usize) -> bool {
    end - start >= 2 && text.chars[end - 2..end] == [':', ':']
}
