//! Numbers as people write them: groups of digits with something between them.

use std::ops::Range;

use crate::normalized::{NormalizedText, is_word};

/// A run of digits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Group {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Group {
    pub(crate) fn len(self) -> usize {
        self.end - self.start
    }
}

/// Most groups of one number: a card that is spelled out digit by digit.
const GROUPS_MAX: usize = 19;

/// Calls `found` with what `at_digit` makes of each number, tried at its first digit; what is found is not tried again.
pub(crate) fn each_number(
    text: &NormalizedText,
    mut at_digit: impl FnMut(usize) -> Option<Range<usize>>,
    found: &mut impl FnMut(Range<usize>),
) {
    let mut at = 0;
    while at < text.chars.len() {
        if !text.chars[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        match at_digit(at) {
            Some(number) => {
                at = number.end;
                found(number);
            }
            None => at = end_of_digits(text, at),
        }
    }
}

/// The group that begins at that digit and those that follow it, as long as `joins` says that what stands between two
/// of them may stand within a number.
pub(crate) fn groups(text: &NormalizedText, start: usize, joins: impl Fn(&[char]) -> bool) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut at = start;
    while groups.len() < GROUPS_MAX {
        let end = end_of_digits(text, at);
        groups.push(Group { start: at, end });
        let next =
            (end..).find(|index| text.get(*index).is_none_or(|c| c.is_ascii_digit() || index - end > 3));
        let Some(next) = next.filter(|next| text.get(*next).is_some_and(|c| c.is_ascii_digit())) else {
            break;
        };
        if !joins(&text.chars[end..next]) {
            break;
        }
        at = next;
    }
    groups
}

/// Where the digits end that begin there.
pub(crate) fn end_of_digits(text: &NormalizedText, start: usize) -> usize {
    (start..).find(|index| !text.get(*index).is_some_and(|c| c.is_ascii_digit())).unwrap_or(start)
}

/// The digits of these groups.
pub(crate) fn digits(text: &NormalizedText, groups: &[Group]) -> Vec<u8> {
    let chars = groups.iter().flat_map(|group| &text.chars[group.start..group.end]);
    chars.filter_map(|c| c.to_digit(10)).map(|digit| digit as u8).collect()
}

/// Whether what ends there continues: a letter, or the decimal part of an amount.
pub(crate) fn goes_on(text: &NormalizedText, end: usize) -> bool {
    match text.get(end) {
        Some('.' | ',' | ':' | '/' | '-' | '_') => text.get(end + 1).is_some_and(|c| c.is_ascii_digit()),
        Some(c) => is_word(c),
        None => false,
    }
}

/// The check digit of card numbers and many others.
pub(crate) fn passes_luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .zip([false, true].into_iter().cycle())
        .map(|(digit, doubled)| match u32::from(*digit) * if doubled { 2 } else { 1 } {
            large @ 10.. => large - 9,
            small => small,
        })
        .sum();
    sum.is_multiple_of(10)
}
