//! One word: its bounds, case, hash and stem.

use super::hash::{FNV_START, finish, fnv, fnv_bytes};
use super::{Case, Class, Gap, Token, TokenKind, char_at, class_of, offset};

/// Scans the word that starts at byte `start`.
pub(super) fn scan_word(text: &str, start: usize, gap: Gap) -> Token {
    let bytes = text.as_bytes();
    let mut word = LowerWord::default();
    let mut digits = false;
    let (mut letters, mut capitals) = (0u32, 0u32);
    let mut first_capital = false;
    let mut at = start;
    while at < bytes.len() {
        let byte = bytes[at];
        if byte.is_ascii_alphanumeric() {
            let capital = byte.is_ascii_uppercase();
            digits |= byte.is_ascii_digit();
            first_capital |= capital && at == start;
            letters += 1;
            capitals += u32::from(capital);
            word.push(byte.to_ascii_lowercase());
            at += 1;
            continue;
        }
        let (c, size) = char_at(text, at);
        match class_of(c) {
            Class::Letter => {
                let capital = c.is_uppercase();
                digits |= c.is_numeric();
                first_capital |= capital && at == start;
                letters += 1;
                capitals += u32::from(capital);
                word.push_char(c);
                at += size;
            }
            Class::Apostrophe if is_contraction(bytes, at + size) => at += size,
            _ => break,
        }
    }
    let (hash, stem) = word.hashes();
    Token {
        hash,
        stem,
        start: offset(start),
        end: offset(at),
        kind: if digits { TokenKind::Number } else { TokenKind::Word },
        case: match () {
            () if letters >= 2 && capitals == letters => Case::Upper,
            () if first_capital => Case::Title,
            () => Case::Lower,
        },
        gap,
    }
}

/// `don't`, `I'm`, `we've`: the part after the apostrophe belongs to the word, unlike in `l'hôtel`.
fn is_contraction(bytes: &[u8], at: usize) -> bool {
    let rest = &bytes[at.min(bytes.len())..];
    let len = rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    ["s", "t", "m", "d", "re", "ve", "ll"]
        .iter()
        .any(|tail| rest[..len].eq_ignore_ascii_case(tail.as_bytes()))
}

/// The lower-cased word being read: hashed as it grows, and kept for stemming while it is short ASCII.
struct LowerWord {
    hash: u64,
    ascii: [u8; STEM_BYTES_MAX],
    len: usize,
}

/// Longer words are not stemmed.
const STEM_BYTES_MAX: usize = 20;

impl Default for LowerWord {
    fn default() -> Self {
        LowerWord { hash: FNV_START, ascii: [0; STEM_BYTES_MAX], len: 0 }
    }
}

impl LowerWord {
    fn push(&mut self, byte: u8) {
        self.hash = fnv(self.hash, byte);
        if let Some(slot) = self.ascii.get_mut(self.len) {
            *slot = byte;
        }
        self.len += 1;
    }

    fn push_char(&mut self, c: char) {
        self.len = STEM_BYTES_MAX + 1;
        let mut buffer = [0; 4];
        for lower in c.to_lowercase() {
            self.hash = fnv_bytes(self.hash, lower.encode_utf8(&mut buffer).as_bytes());
        }
    }

    fn hashes(&self) -> (u64, u64) {
        let hash = finish(self.hash);
        if self.len > STEM_BYTES_MAX {
            return (hash, hash);
        }
        let word = &self.ascii[..self.len];
        let (kept, tail) = stem(word);
        if kept == word.len() && tail.is_none() {
            return (hash, hash);
        }
        let stemmed = fnv_bytes(FNV_START, &word[..kept]);
        (hash, finish(tail.map_or(stemmed, |byte| fnv(stemmed, byte))))
    }
}

/// How many bytes of the word its stem keeps, and a letter to add. Handles only plurals, past forms, gerunds,
/// final e and doubled consonants: enough for `booking`, `booked` and `book` to match, and applied equally to
/// taxonomy and text.
fn stem(word: &[u8]) -> (usize, Option<u8>) {
    let mut kept = word.len();
    if kept > 4 && word.ends_with(b"ies") {
        return (kept - 3, Some(b'y'));
    }
    if kept > 3 && word.ends_with(b"s") && !matches!(word[kept - 2], b's' | b'u' | b'i') {
        kept -= 1;
    }
    if kept > 6 && word[..kept].ends_with(b"ing") {
        kept -= 3;
    } else if kept > 5 && word[..kept].ends_with(b"ed") {
        kept -= 2;
    } else if kept > 3 && word[kept - 1] == b'e' {
        kept -= 1;
    }
    if kept > 3 && word[kept - 1] == word[kept - 2] {
        kept -= 1;
    }
    (kept, None)
}
