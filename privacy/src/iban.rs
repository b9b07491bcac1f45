//! International bank account numbers: a country, its length, and the remainder of 97.

use std::ops::Range;

use crate::normalized::{NormalizedText, is_word};

/// Countries with the length of their numbers, as the registry of ISO 13616 lists them.
const LENGTHS: &[(&str, usize)] = &[
    ("AD", 24),
    ("AE", 23),
    ("AL", 28),
    ("AT", 20),
    ("AZ", 28),
    ("BA", 20),
    ("BE", 16),
    ("BG", 22),
    ("BH", 22),
    ("BI", 27),
    ("BR", 29),
    ("BY", 28),
    ("CH", 21),
    ("CR", 22),
    ("CY", 28),
    ("CZ", 24),
    ("DE", 22),
    ("DJ", 27),
    ("DK", 18),
    ("DO", 28),
    ("EE", 20),
    ("EG", 29),
    ("ES", 24),
    ("FI", 18),
    ("FK", 18),
    ("FO", 18),
    ("FR", 27),
    ("GB", 22),
    ("GE", 22),
    ("GI", 23),
    ("GL", 18),
    ("GR", 27),
    ("GT", 28),
    ("HN", 28),
    ("HR", 21),
    ("HU", 28),
    ("IE", 22),
    ("IL", 23),
    ("IQ", 23),
    ("IS", 26),
    ("IT", 27),
    ("JO", 30),
    ("KW", 30),
    ("KZ", 20),
    ("LB", 28),
    ("LC", 32),
    ("LI", 21),
    ("LT", 20),
    ("LU", 20),
    ("LV", 21),
    ("LY", 25),
    ("MC", 27),
    ("MD", 24),
    ("ME", 22),
    ("MK", 19),
    ("MN", 20),
    ("MR", 27),
    ("MT", 31),
    ("MU", 30),
    ("NI", 28),
    ("NL", 18),
    ("NO", 15),
    ("OM", 23),
    ("PK", 24),
    ("PL", 28),
    ("PS", 29),
    ("PT", 25),
    ("QA", 29),
    ("RO", 24),
    ("RS", 22),
    ("RU", 33),
    ("SA", 24),
    ("SC", 31),
    ("SD", 18),
    ("SE", 24),
    ("SI", 19),
    ("SK", 24),
    ("SM", 27),
    ("SO", 23),
    ("ST", 25),
    ("SV", 28),
    ("TL", 23),
    ("TN", 24),
    ("TR", 26),
    ("UA", 29),
    ("VA", 22),
    ("VG", 24),
    ("XK", 20),
    ("YE", 30),
];

/// Fewest characters of a number that is cut off by the end of the text.
const CUT_MIN: usize = 12;

pub(crate) fn find(text: &NormalizedText, found: &mut impl FnMut(Range<usize>)) {
    let mut from = 0;
    for start in 0..text.chars.len() {
        if start < from || !text.chars[start].is_ascii_alphabetic() || text.before(start).is_some_and(is_word)
        {
            continue;
        }
        if let Some(end) = end_of_iban(text, start) {
            from = end;
            found(start..end);
        }
    }
}

fn end_of_iban(text: &NormalizedText, start: usize) -> Option<usize> {
    let country: String = text.chars.get(start..start + 2)?.iter().map(char::to_ascii_uppercase).collect();
    let length = LENGTHS.iter().find_map(|(code, length)| (*code == country).then_some(*length))?;
    if !text.chars.get(start + 2..start + 4)?.iter().all(char::is_ascii_digit) {
        return None;
    }
    let mut number = Vec::with_capacity(length);
    let mut at = start;
    while number.len() < length {
        match text.get(at) {
            Some(c) if c.is_ascii_alphanumeric() => number.push(c.to_ascii_uppercase()),
            Some(' ' | '-' | '.') if text.before(at).is_some_and(|c| c.is_ascii_alphanumeric()) => {}
            _ => break,
        }
        at += 1;
    }
    if number.len() == length {
        // A mistyped one is still personal, where a word says what it is.
        let is_right = remainder_of_97(&number) == 1 || text.before_lowercase(start, 16).contains("iban");
        return (!text.get(at).is_some_and(is_word) && is_right).then_some(at);
    }
    // Cut off by the end of a message. In every country mostly digits follow the check digits, which rules words out.
    let num_digits = number.iter().filter(|c| c.is_ascii_digit()).count();
    (number.len() >= CUT_MIN && num_digits * 2 > number.len() && text.is_at_end(at)).then_some(at)
}

fn remainder_of_97(number: &[char]) -> u32 {
    number[4..]
        .iter()
        .chain(&number[..4])
        .filter_map(|c| c.to_digit(36))
        .fold(0, |remainder, value| (remainder * if value < 10 { 10 } else { 100 } + value) % 97)
}
