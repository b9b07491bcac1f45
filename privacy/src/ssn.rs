//! Social security numbers of the United States, by the rules for what has ever been issued.

use std::ops::Range;

use crate::context::{self, FieldHint};
use crate::normalized::{NormalizedText, is_word};
use crate::numbers::{digits, each_number, goes_on, groups};

pub(crate) fn find(text: &NormalizedText, hint: FieldHint, found: &mut impl FnMut(Range<usize>)) {
    each_number(text, |start| at_digit(text, start, hint), found);
}

fn at_digit(text: &NormalizedText, start: usize, hint: FieldHint) -> Option<Range<usize>> {
    let goes_before =
        text.before(start).is_some_and(|c| is_word(c) || matches!(c, '-' | '+' | '.' | ',' | '/' | '_'));
    if goes_before {
        return None;
    }
    let groups = groups(text, start, |between| matches!(between, ['-' | ' ' | '.']));
    let is_said = || hint.is_ssn || context::is_ssn(text, start);
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    let (parts, is_likely) = match lengths[..] {
        [3, 2, 4, ..] => {
            let between = |index: usize| text.get(groups[index].end);
            (3, between(0) == between(1) && (between(0) == Some('-') || is_said()))
        }
        [9, ..] => (1, is_said()),
        // The last digits are in the next message.
        [3, 2] if text.is_at_end(groups[1].end) => (2, is_said()),
        _ => return None,
    };
    let end = groups[parts - 1].end;
    let digits = digits(text, &groups[..parts]);
    (is_likely && !goes_on(text, end) && was_issued(&digits)).then_some(start..end)
}

fn was_issued(digits: &[u8]) -> bool {
    let number = |range: Range<usize>| {
        digits.get(range).map(|part| part.iter().fold(0, |n, digit| n * 10 + u32::from(*digit)))
    };
    let area = number(0..3).unwrap_or(0);
    area != 0 && area != 666 && area < 900 && number(3..5) != Some(0) && number(5..9) != Some(0)
}
