//! Phone numbers: international ones by the world's numbering plans, national ones where their form or the words before
//! them say what they are.

use std::ops::Range;

use phonenumber::country;

use crate::context::{self, FieldHint};
use crate::normalized::{NormalizedText, is_word};
use crate::numbers::{Group, digits, each_number, goes_on, groups};

const DIGITS_MIN: usize = 7;
const DIGITS_MAX: usize = 15;
/// Most look-ups in numbering plans for one text; beyond that, form alone decides.
const LOOKUPS_MAX: u32 = 200;

/// Plans in which a national number begins with a zero.
const WITH_ZERO: &[country::Id] = &[
    country::DE,
    country::FR,
    country::GB,
    country::IT,
    country::JP,
    country::AT,
    country::CH,
    country::NL,
    country::BE,
    country::AU,
    country::SE,
    country::BR,
    country::IN,
    country::TR,
    country::ZA,
    country::PL,
    country::KR,
    country::CN,
];
/// Plans in which it does not.
const WITHOUT_ZERO: &[country::Id] =
    &[country::ES, country::IT, country::PT, country::BR, country::MX, country::PL, country::CN];

pub(crate) fn find(text: &NormalizedText, hint: FieldHint, found: &mut impl FnMut(Range<usize>)) {
    let mut lookups = Lookups { left: LOOKUPS_MAX };
    each_number(text, |start| at_digit(text, start, hint, &mut lookups), found);
}

struct Lookups {
    left: u32,
}

impl Lookups {
    fn is_valid(&mut self, country: Option<country::Id>, number: &str) -> bool {
        if self.left == 0 {
            return true;
        }
        self.left -= 1;
        phonenumber::parse(country, number).is_ok_and(|number| number.is_valid())
    }

    fn is_valid_in_any(&mut self, countries: &[country::Id], number: &str) -> bool {
        countries.iter().any(|country| self.is_valid(Some(*country), number))
    }
}

fn at_digit(
    text: &NormalizedText,
    digit: usize,
    hint: FieldHint,
    lookups: &mut Lookups,
) -> Option<Range<usize>> {
    let opening = text.before(digit).filter(|c| matches!(c, '(' | '+'));
    let mut start = digit - usize::from(opening.is_some());
    let mut has_plus = opening == Some('+');
    if opening == Some('(') && text.before(start) == Some('+') {
        start -= 1;
        has_plus = true;
    } else if has_plus && text.before(start) == Some('(') {
        start -= 1;
    }
    let goes_before = text
        .before(start)
        .is_some_and(|c| is_word(c) || matches!(c, '.' | ',' | '-' | '/' | '_' | '#' | '$' | '€' | '£'));
    // A plus begins a number wherever it stands, also right behind another number.
    if goes_before && !has_plus {
        return None;
    }
    let groups = groups(text, digit, |between| {
        matches!(
            between,
            [' ' | '-' | '.' | '/' | '(' | ')']
                | [' ', '(']
                | [')', ' ' | '-']
                | [' ', '-' | '/', ' ']
                | ['-', '(']
                | [')', '-', ' ']
        )
    });
    (1..=groups.len()).rev().find_map(|num_groups| {
        let groups = &groups[..num_groups];
        let end = groups[num_groups - 1].end;
        let digits = digits(text, groups);
        if !(DIGITS_MIN..=DIGITS_MAX).contains(&digits.len()) || goes_on(text, end) {
            return None;
        }
        let candidate = Candidate { text, start, has_plus, groups, digits: &digits };
        candidate.is_phone(hint, lookups).then(|| start..end + usize::from(closes(text, start, end)))
    })
}

/// Whether a bracket that opened at the beginning closes right behind.
fn closes(text: &NormalizedText, start: usize, end: usize) -> bool {
    let opened = text.chars[start..end].iter().filter(|c| **c == '(').count();
    let closed = text.chars[start..end].iter().filter(|c| **c == ')').count();
    opened > closed && text.get(end) == Some(')')
}

struct Candidate<'t> {
    text: &'t NormalizedText,
    start: usize,
    has_plus: bool,
    groups: &'t [Group],
    digits: &'t [u8],
}

impl Candidate<'_> {
    fn is_phone(&self, hint: FieldHint, lookups: &mut Lookups) -> bool {
        let number: String = self.digits.iter().map(|digit| char::from(b'0' + digit)).collect();
        if self.has_plus {
            // An invalid number that begins with a plus is redacted if its length is plausible: it has a digit too many.
            return lookups.is_valid(None, &format!("+{number}")) || self.digits.len() >= 10;
        }
        if self.is_date_or_amount() {
            return false;
        }
        if let Some(international) = number.strip_prefix("00").filter(|rest| rest.len() >= 8)
            && lookups.is_valid(None, &format!("+{international}"))
        {
            return true;
        }
        if hint.is_phone || context::is_phone(self.text, self.start) {
            return true;
        }
        if context::is_thing(self.text, self.start) {
            return false;
        }
        self.is_north_american() || self.is_national(&number, lookups)
    }

    /// `(212) 736-5000`, `212-736-5000`, `1-800-736-5000`: the form is enough, because fictional numbers have it too.
    fn is_north_american(&self) -> bool {
        let lengths: Vec<usize> = self.groups.iter().map(|group| group.len()).collect();
        let digits = match lengths[..] {
            [3, 3, 4] => self.digits,
            [1, 3, 3, 4] if self.digits[0] == 1 => &self.digits[1..],
            _ => return false,
        };
        digits[0] >= 2 && digits[3] >= 2
    }

    fn is_national(&self, number: &str, lookups: &mut Lookups) -> bool {
        let has_zero = self.digits[0] == 0;
        let num_digits = self.digits.len();
        if has_zero && self.digits[1] != 0 && (9..=12).contains(&num_digits) {
            // Without a space it may be any number: then only mobile ones, whose length is fixed.
            return (self.groups.len() > 1 || matches!(num_digits, 10 | 11))
                && lookups.is_valid_in_any(WITH_ZERO, number);
        }
        let is_spaced = self.groups.len() > 1 && self.groups.iter().all(|group| group.len() >= 2);
        let has_dots =
            self.groups.windows(2).any(|pair| matches!(self.text.get(pair[0].end), Some('.' | '/')));
        is_spaced
            && !has_dots
            && (9..=11).contains(&num_digits)
            && lookups.is_valid_in_any(WITHOUT_ZERO, number)
    }

    /// `2026-05-01`, `01.05.2026 12`, `1 234 567`, `1.234.567`, `192.168.0.1`.
    fn is_date_or_amount(&self) -> bool {
        let lengths: Vec<usize> = self.groups.iter().map(|group| group.len()).collect();
        let value = |index: usize| {
            let group = self.groups[index];
            self.text.chars[group.start..group.end]
                .iter()
                .fold(0_u64, |n, c| n * 10 + u64::from(c.to_digit(10).unwrap_or(0)))
        };
        let is_year = |index: usize| lengths[index] == 4 && (1900..=2100).contains(&value(index));
        let is_short = |index: usize, max: u64| lengths[index] <= 2 && value(index) <= max;
        let is_date = match lengths.len() {
            3.. => {
                is_year(0) && is_short(1, 12) && is_short(2, 31)
                    || is_short(0, 31) && is_short(1, 31) && is_year(2)
            }
            2 => is_year(0) && is_year(1),
            _ => lengths[0] == 8 && matches!(value(0) / 10_000, 1900..=2100) && value(0) / 100 % 100 <= 12,
        };
        let separators: Vec<char> =
            self.groups.windows(2).filter_map(|pair| self.text.get(pair[0].end)).collect();
        let is_amount = lengths.len() >= 2
            && lengths[0] <= 3
            && lengths[1..].iter().all(|length| *length == 3)
            && (separators.iter().all(|c| *c == '.')
                || lengths[0] < 3 && separators.iter().all(|c| *c == ' '));
        let is_address = lengths.len() == 4
            && separators.iter().all(|c| *c == '.')
            && (0..4).all(|index| value(index) < 256);
        is_date || is_amount && !separators.is_empty() || is_address
    }
}
