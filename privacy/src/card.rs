//! Payment card numbers: a network's prefix and length, and the check digit.

use std::ops::Range;

use crate::context::{self, FieldHint};
use crate::normalized::{NormalizedText, is_unspaced};
use crate::numbers::{Group, digits, each_number, goes_on, groups, passes_luhn};

const DIGITS_MIN: usize = 13;
const DIGITS_MAX: usize = 19;

pub(crate) fn find(text: &NormalizedText, hint: FieldHint, found: &mut impl FnMut(Range<usize>)) {
    each_number(text, |start| at_digit(text, start, hint), found);
}

fn at_digit(text: &NormalizedText, start: usize, hint: FieldHint) -> Option<Range<usize>> {
    if !may_begin(text, start) {
        return None;
    }
    let groups =
        groups(text, start, |between| matches!(between, [' ' | '-' | '.'] | [' ', '-', ' '] | [' ', ' ']));
    let num_digits: usize = groups.iter().map(|group| group.len()).sum();
    // The longest first: a card of 19 digits may hold one of 16.
    for end in (1..=groups.len()).rev() {
        let groups = &groups[..end];
        let digits = digits(text, groups);
        if (DIGITS_MIN..=DIGITS_MAX).contains(&digits.len()) && is_card(text, groups, &digits, hint) {
            return Some(start..groups[end - 1].end);
        }
    }
    cut(text, &groups, num_digits, hint)
}

/// Whether a number stands on its own: no digits before it, no decimal part after it. A word may precede it (`card4111…`).
fn may_begin(text: &NormalizedText, start: usize) -> bool {
    match text.before(start) {
        None => true,
        Some(c) if c.is_alphabetic() && !is_unspaced(c) => {
            let before = text.chars[..start].iter().rev();
            let word: Vec<char> = before.take(20).copied().take_while(|c| c.is_alphanumeric()).collect();
            word.len() < 20
                && word.iter().all(|c| c.is_alphabetic())
                && word.iter().any(|c| !c.is_ascii_hexdigit())
        }
        Some('.' | ',') => {
            !start.checked_sub(2).and_then(|at| text.get(at)).is_some_and(|c| c.is_ascii_digit())
        }
        Some('-') => !start.checked_sub(2).and_then(|at| text.get(at)).is_some_and(|c| c.is_ascii_hexdigit()),
        Some(c) => !c.is_ascii_digit(),
    }
}

fn is_card(text: &NormalizedText, groups: &[Group], digits: &[u8], hint: FieldHint) -> bool {
    let (start, end) = (groups[0].start, groups[groups.len() - 1].end);
    if goes_on(text, end) || !is_of_a_network(digits) {
        return false;
    }
    let is_dotted = groups.windows(2).any(|pair| text.get(pair[0].end) == Some('.'));
    if is_dotted && !is_in_fours(groups) {
        return false;
    }
    let is_said = hint.is_card || context::is_card(text, start);
    if !passes_luhn(digits) {
        // Mistyped, but still personal.
        return is_said && digits.len() == 16 && (groups.len() == 1 || is_in_fours(groups));
    }
    match digits.len() {
        // Visa's old length is also that of a timestamp in milliseconds.
        13 => is_said,
        _ => is_said || groups.len() > 1 || !context::is_thing(text, start),
    }
}

/// Groups of four at the very beginning or end of a text: the rest is in another message.
fn cut(text: &NormalizedText, groups: &[Group], num_digits: usize, hint: FieldHint) -> Option<Range<usize>> {
    let (start, end) = (groups.first()?.start, groups.last()?.end);
    let (begins, ends) = (text.is_at_start(start), text.is_at_end(end));
    let is_short = (8..16).contains(&num_digits) && groups.len() >= 2;
    if !is_short
        || !(begins || ends)
        || !groups[..groups.len() - 1].iter().all(|group| group.len() == 4)
        || groups.last()?.len() > 4
    {
        return None;
    }
    let is_beginning = ends && is_prefix(&digits(text, groups));
    let is_said = hint.is_card || context::is_card(text, start);
    let is_all = begins && ends;
    let is_enough = is_said || is_all && num_digits == 8 || num_digits >= 12;
    ((is_beginning || begins) && is_enough && !context::is_phone(text, start)).then_some(start..end)
}

fn is_in_fours(groups: &[Group]) -> bool {
    groups[..groups.len() - 1].iter().all(|group| group.len() == 4)
}

fn is_prefix(digits: &[u8]) -> bool {
    matches!(digits.first(), Some(3..=6)) || (22..=27).contains(&number(digits, 2))
}

/// The number that the first digits write.
fn number(digits: &[u8], length: usize) -> u32 {
    digits.iter().take(length).fold(0, |number, digit| number * 10 + u32::from(*digit))
}

/// Prefixes and lengths of the networks' numbers.
fn is_of_a_network(digits: &[u8]) -> bool {
    let (two, three, four, six) =
        (number(digits, 2), number(digits, 3), number(digits, 4), number(digits, 6));
    match digits.len() {
        13 => digits[0] == 4,
        14 => matches!(three, 300..=305 | 309) || matches!(two, 36 | 38 | 39),
        15 => matches!(two, 34 | 37),
        16 => {
            digits[0] == 4                                    // Visa
                || matches!(two, 51..=55)                     // Mastercard
                || matches!(four, 2221..=2720)                // Mastercard's second series
                || matches!(four, 2200..=2204)                // Mir
                || matches!(four, 3528..=3589)                // JCB
                || matches!(two, 36 | 38 | 39 | 50 | 56..=58) // Diners, Maestro
                || matches!(two, 60..=69)                     // Discover, UnionPay, Maestro, RuPay
                || matches!(two, 81 | 82) && six >= 810_000   // RuPay, UnionPay
                || matches!(four, 9792) // Troy
        }
        17..=19 => digits[0] == 4 && digits.len() == 19 || matches!(two, 35 | 36 | 50 | 56..=58 | 60..=69),
        _ => false,
    }
}
