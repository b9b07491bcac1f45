//! Decimal numbers of any length, compared exactly.
//!
//! Numbers in metadata are what somebody else wrote: order numbers of twenty digits, amounts with thirty. A float makes two
//! of them one, a type of fixed width refuses some. Here a number is its digits and the place of its point, so comparing
//! needs no arithmetic, and an exponent costs no memory.

use std::cmp::Ordering;
use std::fmt;

/// Largest distance of the point from the first digit.
const POINT_MAX: i64 = 1_000_000;

/// A decimal number. Equal numbers are equal however they are written: `1.50`, `15e-1`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Decimal {
    is_negative: bool,
    /// Without zeros at either end; empty for zero.
    digits: Box<str>,
    /// How many digits stand before the point: 2 for `12.5`, -1 for `0.05`; 0 for zero.
    point: i64,
}

impl Decimal {
    /// Reads digits with a sign, a point and an exponent, each optional; `None` for anything else.
    pub fn parse(text: &str) -> Option<Decimal> {
        let is_negative = text.starts_with('-');
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, Some(exponent)),
            None => (unsigned, None),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.len() + fraction.len() == 0 || !are_digits(whole) || !are_digits(fraction) {
            return None;
        }
        let exponent = exponent.map_or(Some(0), |exponent| {
            let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
            if digits.is_empty() || !are_digits(digits) { None } else { exponent.parse::<i64>().ok() }
        })?;
        let all = [whole, fraction].concat();
        let from_first = all.trim_start_matches('0');
        let digits = from_first.trim_end_matches('0');
        if digits.is_empty() {
            return Some(Decimal { is_negative: false, digits: "".into(), point: 0 });
        }
        let leading_zeros = i64::try_from(all.len() - from_first.len()).ok()?;
        let point = i64::try_from(whole.len()).ok()?.checked_sub(leading_zeros)?.checked_add(exponent)?;
        (point.abs() <= POINT_MAX).then(|| Decimal { is_negative, digits: digits.into(), point })
    }

    /// A text of digits and signs that is in order among those of other numbers, byte by byte, as the numbers are, and the
    /// same for equal numbers: for engines that know the order of texts alone.
    pub fn sort_key(&self) -> String {
        // The point moved to where it is never negative, in as many digits for all.
        let size = format!("{:07}{}", self.point + POINT_MAX, self.digits);
        match self.sign() {
            0 => "1".to_owned(),
            1 => format!("2{size}"),
            // The larger, the smaller; and what ends first is the larger.
            _ => {
                let turned = size.bytes().map(|digit| char::from(b'0' + b'9' - digit));
                format!("0{}~", turned.collect::<String>())
            }
        }
    }

    fn sign(&self) -> i8 {
        match (self.digits.is_empty(), self.is_negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        }
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        // Digits without zeros at their ends compare as texts do.
        let size = || self.point.cmp(&other.point).then_with(|| self.digits.cmp(&other.digits));
        self.sign().cmp(&other.sign()).then_with(|| if self.is_negative { size().reverse() } else { size() })
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Decimal {
    /// Digits with a point where it stands in or near them, else with an exponent. [`Decimal::parse`] reads it back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ZEROS_MAX: i64 = 20;
        let digits = &*self.digits;
        let num_digits = i64::try_from(digits.len()).unwrap_or(i64::MAX);
        if self.is_negative {
            f.write_str("-")?;
        }
        let zeros = |num: i64| "0".repeat(usize::try_from(num).unwrap_or_default());
        match self.point {
            _ if digits.is_empty() => f.write_str("0"),
            point if (1..num_digits).contains(&point) => {
                let (whole, fraction) = digits.split_at(usize::try_from(point).unwrap_or_default());
                write!(f, "{whole}.{fraction}")
            }
            point if (num_digits..=num_digits + ZEROS_MAX).contains(&point) => {
                write!(f, "{digits}{}", zeros(point - num_digits))
            }
            point if (-ZEROS_MAX..=0).contains(&point) => write!(f, "0.{}{digits}", zeros(-point)),
            point => write!(f, "0.{digits}e{point}"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn numbers_are_in_order_however_long_they_are() {
        let ascending = [
            "-1e400",
            "-9007199254740993",
            "-9007199254740992",
            "-1.5",
            "-1",
            "-0.5",
            "-1e-400",
            "0",
            "1e-400",
            "0.05",
            "0.1",
            "0.30000000000000000000000000000000001",
            "1",
            "1.5",
            "9",
            "10",
            "9007199254740992",
            "9007199254740993",
            "123456789012345678901234567890123456788",
            "123456789012345678901234567890123456789",
            "1e400",
        ];
        for (at, one) in ascending.iter().enumerate() {
            for (other_at, other) in ascending.iter().enumerate() {
                assert_eq!(decimal(one).cmp(&decimal(other)), at.cmp(&other_at), "{one} {other}");
            }
        }
    }

    #[test]
    fn equal_numbers_are_equal_however_they_are_written() {
        for (one, other) in [
            ("1.50", "15e-1"),
            ("0", "-0.000"),
            ("0", "0e99"),
            ("+7", "007."),
            (".5", "0.50"),
            ("1E3", "1000"),
            ("1e+3", "1000"),
            ("12.5e2", "1250"),
        ] {
            assert_eq!(decimal(one), decimal(other), "{one} {other}");
            assert_eq!(decimal(one).cmp(&decimal(other)), Ordering::Equal);
        }
        for none in [
            "",
            "-",
            ".",
            "e5",
            "1e",
            "1e+",
            "1.2.3",
            "1,5",
            "inf",
            "NaN",
            "0x1",
            "1 ",
            "--1",
            "1e99999999999999999999",
            "1e9999999",
            "١",
        ] {
            assert_eq!(Decimal::parse(none), None, "{none}");
        }
    }

    #[test]
    fn numbers_are_shown_as_they_are_usually_written() {
        for (text, shown) in [
            ("3.50", "3.5"),
            ("-1", "-1"),
            ("1000", "1000"),
            ("0.05", "0.05"),
            ("-0", "0"),
            ("1e300", "0.1e301"),
            ("9007199254740993", "9007199254740993"),
        ] {
            assert_eq!(decimal(text).to_string(), shown);
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_back(text in "[+-]?[0-9]{1,30}(\\.[0-9]{0,30})?(e-?[0-9]{1,4})?") {
            let number = decimal(&text);
            prop_assert_eq!(decimal(&number.to_string()), number);
        }

        #[test]
        fn sort_keys_are_in_the_order_of_the_numbers(
            a in "-?[0-9]{0,3}(\\.[0-9]{0,3})?0{0,2}[0-9](e-?[0-9]{1,2})?", b in "-?[0-9]{0,3}(\\.[0-9]{0,3})?[0-9]",
        ) {
            let (a, b) = (decimal(&a), decimal(&b));
            prop_assert_eq!(a.sort_key().cmp(&b.sort_key()), a.cmp(&b));
        }

        #[test]
        fn integers_compare_as_integers_do(a: i64, b: i64) {
            prop_assert_eq!(decimal(&a.to_string()).cmp(&decimal(&b.to_string())), a.cmp(&b));
        }
    }
}
