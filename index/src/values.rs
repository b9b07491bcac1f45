//! The values of a document that can be filtered, counted, sorted and searched as a whole: one reading of the field
//! table for every engine and for the tests' oracle.

use std::collections::BTreeSet;

use hearken_model::field::{Field, FieldAccessor, FieldKind, METADATA_PREFIX, field};
use hearken_model::{Document, Money, Timestamp};
use rust_decimal::prelude::ToPrimitive;

use crate::decimal::Decimal;
use crate::query::{Edge, Range};
use crate::search::RangeEnds;

const NANOS_PER_SECOND: f64 = 1e9;
/// Money is compared in billionths; what is finer is rounded.
const MONEY_SCALE: i64 = 1_000_000_000;

/// What a field name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldRef<'a> {
    /// A row of the table.
    Known(&'static Field),
    /// `metadata.<key>`.
    Metadata(&'a str),
}

impl<'a> FieldRef<'a> {
    /// `None` if there is no such field.
    pub fn find(name: &'a str) -> Option<Self> {
        match name.strip_prefix(METADATA_PREFIX) {
            Some("") => None,
            Some(key) => Some(FieldRef::Metadata(key)),
            None => field(name).map(FieldRef::Known),
        }
    }

    /// The field if its values are text.
    pub fn is_keyword(self) -> bool {
        match self {
            FieldRef::Known(field) => field.kind == FieldKind::Keyword,
            FieldRef::Metadata(_) => true,
        }
    }
}

/// Calls `visit` with every value of one keyword field of the table; no value comes twice.
pub fn for_each_value<'d>(document: &'d Document, field: &str, visit: impl FnMut(&'d str)) {
    if let Some(field) = self::field(field) {
        for_each_text(document, field, visit);
    }
}

/// The same for a row of the table that is known already.
pub fn for_each_text<'d>(document: &'d Document, field: &Field, mut visit: impl FnMut(&'d str)) {
    const FEW: usize = 16;
    let head = &document.derived.head;
    match field.reading {
        FieldAccessor::Text(read) => read(head).into_iter().for_each(visit),
        FieldAccessor::Texts(read) => {
            let values = read(head);
            if values.len() <= FEW {
                let first_ones =
                    values.iter().enumerate().filter(|(at, value)| !values[..*at].contains(value));
                first_ones.for_each(|(_, value)| visit(value));
            } else {
                values.iter().map(String::as_str).collect::<BTreeSet<_>>().into_iter().for_each(visit);
            }
        }
        FieldAccessor::Count(_)
        | FieldAccessor::Seconds(_)
        | FieldAccessor::Money(_)
        | FieldAccessor::Time(_) => {}
    }
}

/// The value of a field that is not a keyword, as the integer it is compared by: itself, nanoseconds, or billionths.
pub fn number(document: &Document, field: &str) -> Option<i64> {
    number_of(document, self::field(field)?)
}

/// The same for a row of the table that is known already.
pub fn number_of(document: &Document, field: &Field) -> Option<i64> {
    let head = &document.derived.head;
    match field.reading {
        FieldAccessor::Count(read) => read(head).map(|count| i64::try_from(count).unwrap_or(i64::MAX)),
        FieldAccessor::Seconds(read) => read(head).map(seconds),
        FieldAccessor::Money(read) => read(head).map(money),
        FieldAccessor::Time(read) => read(head).map(Timestamp::as_nanos),
        FieldAccessor::Text(_) | FieldAccessor::Texts(_) => None,
    }
}

/// When the interaction was last active: its end, else its last message's end, else its start.
pub fn active_until(document: &Document) -> Option<i64> {
    let head = &document.derived.head;
    let start = head.start_time.map(Timestamp::as_nanos);
    let end = head.end_time.map(Timestamp::as_nanos);
    end.or_else(|| Some(start?.saturating_add(head.duration.map_or(0, seconds))))
}

/// Nanoseconds; saturates.
pub fn seconds(seconds: f64) -> i64 {
    (seconds * NANOS_PER_SECOND).round() as i64
}

/// Billionths; saturates.
pub fn money(amount: Money) -> i64 {
    let saturated = if amount.is_sign_negative() { i64::MIN } else { i64::MAX };
    let scaled = amount.checked_mul(Money::from(MONEY_SCALE)).map(|scaled| scaled.round());
    scaled.and_then(|scaled| scaled.to_i64()).unwrap_or(saturated)
}

/// The value that [`number`] stands for, as a facet shows it.
pub fn shown(kind: FieldKind, number: i64) -> serde_json::Value {
    match kind {
        FieldKind::Money => {
            let amount = Money::from(number) / Money::from(MONEY_SCALE);
            serde_json::Value::String(amount.normalize().to_string())
        }
        FieldKind::Seconds => (number as f64 / NANOS_PER_SECOND).into(),
        FieldKind::Time => Timestamp::from_nanos(number).to_string().into(),
        FieldKind::Integer | FieldKind::Keyword => number.into(),
    }
}

/// The ends of a range, shown the same way.
pub fn shown_ends(range: &Range) -> RangeEnds {
    fn both<T>(from: &Edge<T>, to: &Edge<T>, shown: impl Fn(&T) -> serde_json::Value) -> RangeEnds {
        let end = |edge: &Edge<T>| match edge {
            Edge::Open => serde_json::Value::Null,
            Edge::Inclusive(value) | Edge::Exclusive(value) => shown(value),
        };
        RangeEnds { from: end(from), to: end(to) }
    }
    match range {
        Range::Integer(from, to) => both(from, to, |number| (*number).into()),
        Range::Seconds(from, to) => both(from, to, |seconds| (*seconds).into()),
        Range::Number(from, to) => both(from, to, |number| number.to_string().into()),
        Range::Money(from, to) => both(from, to, |amount| amount.normalize().to_string().into()),
        Range::Time(from, to) => both(from, to, |instant| instant.to_string().into()),
    }
}

/// Whether a metadata value is a number between these ends, compared exactly.
pub fn number_within(value: &str, from: &Edge<Decimal>, to: &Edge<Decimal>) -> bool {
    let Some(number) = Decimal::parse(value) else { return false };
    let is_above = match from {
        Edge::Open => true,
        Edge::Inclusive(from) => number >= *from,
        Edge::Exclusive(from) => number > *from,
    };
    is_above
        && match to {
            Edge::Open => true,
            Edge::Inclusive(to) => number <= *to,
            Edge::Exclusive(to) => number < *to,
        }
}

/// A sum of such numbers, shown the same way.
pub fn shown_sum(kind: FieldKind, sum: i128) -> serde_json::Value {
    match kind {
        FieldKind::Money => {
            let amount = Money::try_from_i128_with_scale(sum, MONEY_SCALE.ilog10());
            amount.map_or(serde_json::Value::Null, |amount| amount.normalize().to_string().into())
        }
        FieldKind::Seconds => (sum as f64 / NANOS_PER_SECOND).into(),
        _ => i64::try_from(sum).unwrap_or(i64::MAX).into(),
    }
}

/// The number that a filter's text stands for; `None` if it is none.
pub fn parse(kind: FieldKind, text: &str) -> Option<i64> {
    match kind {
        FieldKind::Integer => text.parse().ok(),
        FieldKind::Seconds => text.parse().ok().filter(|s: &f64| s.is_finite()).map(seconds),
        FieldKind::Money => text.parse().ok().map(money),
        FieldKind::Time => Timestamp::parse(text).ok().map(Timestamp::as_nanos),
        FieldKind::Keyword => None,
    }
}
