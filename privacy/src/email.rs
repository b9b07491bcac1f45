//! E-mail addresses, international ones included, and how people spell them out for a speech recogniser.

use std::ops::Range;

use crate::normalized::{NormalizedText, is_unspaced};

/// Longest local part, and longest domain, that is considered.
const LOCAL_MAX: usize = 128;
const DOMAIN_MAX: usize = 253;

pub(crate) fn find(text: &NormalizedText, found: &mut impl FnMut(Range<usize>)) {
    let mut from = 0;
    for at in 0..text.chars.len() {
        if at < from {
            continue;
        }
        let address = match text.chars[at] {
            '@' => written(text, at),
            ' ' => spoken(text, at),
            _ => None,
        };
        if let Some(address) = address {
            from = address.end;
            found(address);
        }
    }
}

/// The address around an at sign.
fn written(text: &NormalizedText, at: usize) -> Option<Range<usize>> {
    let start = local_start(text, at)?;
    match domain_end(text, at + 1) {
        Some(end) => Some(start..end),
        // Cut off: the domain, or its end, is in the next message.
        None => {
            let rest = domain_prefix_end(text, at + 1);
            let is_domain = !text.get(at + 1).is_some_and(|c| c.is_numeric()); // `icon@2x.png`, `package@1.2.3`
            let is_cut = at - start >= 2 && rest == text.chars.len() && is_domain;
            is_cut.then_some(start..rest)
        }
    }
}

fn local_start(text: &NormalizedText, at: usize) -> Option<usize> {
    if text.before(at) == Some('"') {
        let quoted = at.saturating_sub(66)..at.saturating_sub(1);
        return quoted.rev().find(|index| text.chars[*index] == '"');
    }
    let nearest = text.before(at)?;
    let may_stand = |c: char| {
        (c.is_alphanumeric() || is_mark(c)) && (is_unspaced(nearest) || !is_unspaced(c))
            || "._%+-'&~".contains(c)
    };
    let mut start = at;
    while start > 0 && at - start < LOCAL_MAX && may_stand(text.chars[start - 1]) {
        start -= 1;
    }
    while start < at && !text.chars[start].is_alphanumeric() && text.chars[start] != '_' {
        start += 1; // a quote or a dash before the address
    }
    (start < at).then_some(start)
}

/// Where a complete domain ends: labels with dots between them, the last one of letters. What was typed on after the
/// letters, as in `jane@example.com1`, belongs to it: people mistype addresses and run them into the next word.
fn domain_end(text: &NormalizedText, start: usize) -> Option<usize> {
    let mut end = None;
    let mut label_start = start;
    loop {
        let label_end = label_end(text, label_start);
        if label_end == label_start || label_end - start > DOMAIN_MAX {
            break;
        }
        let label = &text.chars[label_start..label_end];
        let is_first = label_start == start;
        let is_scale = is_first && matches!(label, [digit, 'x'] if digit.is_ascii_digit()); // `icon@2x.png`
        if is_scale {
            return None;
        }
        let is_letter = |c: char| c.is_alphabetic() || is_mark(c) || c == '-';
        let letters = label.iter().take_while(|c| is_letter(**c)).count();
        let is_release = letters < label.len() && text.chars[start].is_numeric(); // `package@1.2.rc1`
        let is_top_level = letters >= 2 && !is_release || label.starts_with(&['x', 'n', '-', '-']);
        if !is_first && is_top_level {
            end = Some(label_end);
        }
        if text.get(label_end) != Some('.') {
            break;
        }
        label_start = label_end + 1;
    }
    end.map(|end| trimmed(text, start, end))
}

/// Where a possible domain, complete or not, ends.
fn domain_prefix_end(text: &NormalizedText, start: usize) -> usize {
    let mut at = start;
    while at - start < DOMAIN_MAX && text.get(at).is_some_and(|c| c.is_alphanumeric() || c == '-' || c == '.')
    {
        at += 1;
    }
    at
}

fn label_end(text: &NormalizedText, start: usize) -> usize {
    let Some(first) = text.get(start) else { return start };
    let mut at = start;
    while text.get(at).is_some_and(|c| {
        (c.is_alphanumeric() || is_mark(c) || c == '-') && (is_unspaced(first) || !is_unspaced(c))
    }) {
        at += 1;
    }
    at
}

fn trimmed(text: &NormalizedText, start: usize, mut end: usize) -> usize {
    while end > start && text.chars[end - 1] == '-' {
        end -= 1;
    }
    end
}

/// Combining marks: accents that stand apart, vowel signs.
fn is_mark(c: char) -> bool {
    matches!(u32::from(c), 0x300..=0x36f | 0x591..=0x5c7 | 0x64b..=0x65f | 0x900..=0x903 | 0x93a..=0x94f)
}

const AT: &[&str] = &["at", "ät", "arobase", "arobas", "arroba", "chiocciola", "apenstaartje"];
const DOT: &[&str] = &["dot", "punkt", "point", "punto", "ponto", "punt"];
/// Common top-level domains, the only ones accepted when spelled out: others are ordinary words.
const SPOKEN_ENDS: &[&str] = &[
    "com", "net", "org", "edu", "gov", "io", "co", "de", "fr", "es", "it", "pt", "br", "uk", "at", "ch",
    "nl", "eu",
];

/// `jane dot doe at example dot com`: the space before `at` is given.
fn spoken(text: &NormalizedText, space: usize) -> Option<Range<usize>> {
    let (word, after) = word_after(text, space)?;
    if !AT.contains(&word.as_str()) {
        return None;
    }
    // The domain: a word, then `dot` and a word, as often as there is one; the last is a common end.
    let (_, mut end) = word_after(text, after)?;
    let mut is_complete = false;
    while let Some((dot, after_dot)) = word_after(text, end) {
        let Some((label, after_label)) = word_after(text, after_dot).filter(|_| DOT.contains(&dot.as_str()))
        else {
            break;
        };
        is_complete = SPOKEN_ENDS.contains(&label.as_str());
        end = after_label;
    }
    if !is_complete {
        return None;
    }
    let mut start = word_start(text, space)?;
    while let Some(before) = start.checked_sub(1).filter(|before| text.chars[*before] == ' ') {
        let Some(dot_start) = word_start(text, before) else { break };
        let dot: String = text.chars[dot_start..before].iter().flat_map(|c| c.to_lowercase()).collect();
        let joins = DOT.contains(&dot.as_str())
            || matches!(dot.as_str(), "underscore" | "dash" | "minus" | "bindestrich");
        let Some(earlier) = dot_start.checked_sub(1).filter(|at| joins && text.chars[*at] == ' ') else {
            break;
        };
        let Some(earlier_start) = word_start(text, earlier) else { break };
        if space - earlier_start > LOCAL_MAX {
            break;
        }
        start = earlier_start;
    }
    Some(start..end)
}

/// The word after that space, in lower case, and where it ends.
fn word_after(text: &NormalizedText, space: usize) -> Option<(String, usize)> {
    if text.get(space) != Some(' ') {
        return None;
    }
    let end = (space + 1..).find(|at| !text.get(*at).is_some_and(|c| c.is_alphanumeric() || c == '-'))?;
    (end > space + 1 && end - space < 64)
        .then(|| (text.chars[space + 1..end].iter().flat_map(|c| c.to_lowercase()).collect(), end))
}

/// Where the word begins that ends there.
fn word_start(text: &NormalizedText, end: usize) -> Option<usize> {
    let is_part = |c: char| c.is_alphanumeric() || "._-+".contains(c);
    let mut start = end;
    while start > 0 && end - start < 64 && is_part(text.chars[start - 1]) {
        start -= 1;
    }
    (start < end).then_some(start)
}

/// Whether a text without an at sign could contain an address that is spelled out.
pub(crate) fn may_be_spoken(text: &str) -> bool {
    let words =
        |list: &[&str]| text.split(' ').any(|word| list.iter().any(|known| word.eq_ignore_ascii_case(known)));
    words(DOT) && words(AT)
}
