//! The ends of ranges: how a text is read as a value of a field, and where a day begins and ends.

use hearken_index::decimal::Decimal;
use hearken_index::query::{Edge, Query, Range};
use hearken_index::search::Boundaries;
use hearken_model::field::{Field, FieldKind};
use hearken_model::{Money, Timestamp};

use super::error::{ErrorAtByte, ParseError, shown};
use super::target::Target;

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// How one end of a range was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RangeEnd {
    /// `*`, or nothing.
    Open,
    /// A value, and whether the range includes it.
    At { text: String, byte: usize, inclusive: bool },
}

impl RangeEnd {
    fn inclusive(text: &str, byte: usize) -> RangeEnd {
        RangeEnd::At { text: text.to_owned(), byte, inclusive: true }
    }
}

/// The query for `field:value` on a field of numbers or times: a range of that one value.
pub(super) fn exactly(target: &Target, text: &str, byte: usize) -> Result<Query, ErrorAtByte> {
    range(target, RangeEnd::inclusive(text, byte), RangeEnd::inclusive(text, byte), byte)
}

/// The query for a range.
///
/// # Errors
/// The field holds text, an end is not a value of the field, or the range ends before it begins.
pub(super) fn range(
    target: &Target,
    from: RangeEnd,
    to: RangeEnd,
    byte: usize,
) -> Result<Query, ErrorAtByte> {
    let field = target.name().to_owned();
    if from == RangeEnd::Open && to == RangeEnd::Open {
        return match target {
            Target::Words(_) | Target::Keyword(_) => Err(text_has_no_ranges(target, byte)),
            _ => Ok(Query::Exists { field }),
        };
    }
    let range = match target {
        Target::Words(_) | Target::Keyword(_) => return Err(text_has_no_ranges(target, byte)),
        Target::Metadata(_) => {
            let (from, to) = plain_edges(from, to, byte, decimal)?;
            Range::Number(from, to)
        }
        Target::Number(field) => match field.kind {
            FieldKind::Integer | FieldKind::Keyword => {
                let (from, to) = plain_edges(from, to, byte, |text, byte| integer(text, byte, field))?;
                Range::Integer(from, to)
            }
            FieldKind::Seconds => {
                let (from, to) = plain_edges(from, to, byte, |text, byte| seconds(text, byte, field))?;
                Range::Seconds(from, to)
            }
            FieldKind::Money => {
                let (from, to) = plain_edges(from, to, byte, |text, byte| money(text, byte, field))?;
                Range::Money(from, to)
            }
            FieldKind::Time => {
                let from = time_from(from, field)?;
                let to = time_to(to, field)?;
                not_upside_down(&from, &to, byte)?;
                Range::Time(from, to)
            }
        },
    };
    Ok(Query::Range { field, range })
}

/// Every value that a field can have.
pub(super) fn everything(kind: FieldKind) -> Range {
    match kind {
        FieldKind::Integer | FieldKind::Keyword => Range::Integer(Edge::Open, Edge::Open),
        FieldKind::Seconds => Range::Seconds(Edge::Open, Edge::Open),
        FieldKind::Money => Range::Money(Edge::Open, Edge::Open),
        FieldKind::Time => Range::Time(Edge::Open, Edge::Open),
    }
}

/// The boundaries given as texts; `None` for a field that holds neither whole numbers, seconds nor money.
///
/// # Errors
/// One is not a value of the field, or not above its predecessor.
pub(crate) fn boundaries(field: &Field, texts: &[&str]) -> Option<Result<Boundaries, ParseError>> {
    let boundaries = match field.kind {
        FieldKind::Integer => ascending(texts, |text| integer(text, 0, field)).map(Boundaries::Integer),
        FieldKind::Seconds => ascending(texts, |text| seconds(text, 0, field)).map(Boundaries::Seconds),
        FieldKind::Money => {
            ascending(texts, |text| Ok(money(text, 0, field)?.normalize())).map(Boundaries::Money)
        }
        FieldKind::Keyword | FieldKind::Time => return None,
    };
    Some(boundaries.map_err(|error| error.in_text("")))
}

fn ascending<T: PartialOrd>(
    texts: &[&str],
    parse: impl Fn(&str) -> Result<T, ErrorAtByte>,
) -> Result<Vec<T>, ErrorAtByte> {
    let mut values: Vec<T> = Vec::with_capacity(texts.len());
    for text in texts {
        let value = parse(text)?;
        if values.last().is_some_and(|before| *before >= value) {
            let message = format!("the boundary `{}` is not above the one before it", shown(text));
            return Err(
                ErrorAtByte::value(0, message).hint("write the boundaries in ascending order, each once")
            );
        }
        values.push(value);
    }
    Ok(values)
}

fn text_has_no_ranges(target: &Target, byte: usize) -> ErrorAtByte {
    let name = target.name();
    ErrorAtByte::value(byte, format!("`{name}` holds text, which has no ranges"))
        .hint("ranges work on numbers, costs, durations and times, for instance `csat:<=2`")
}

/// Both ends of a range over single values.
fn plain_edges<T: PartialOrd>(
    from: RangeEnd,
    to: RangeEnd,
    byte: usize,
    parse: impl Fn(&str, usize) -> Result<T, ErrorAtByte>,
) -> Result<(Edge<T>, Edge<T>), ErrorAtByte> {
    let edge = |bound: RangeEnd| {
        Ok(match bound {
            RangeEnd::Open => Edge::Open,
            RangeEnd::At { text, byte, inclusive: true } => Edge::Inclusive(parse(&text, byte)?),
            RangeEnd::At { text, byte, inclusive: false } => Edge::Exclusive(parse(&text, byte)?),
        })
    };
    let (from, to) = (edge(from)?, edge(to)?);
    not_upside_down(&from, &to, byte)?;
    Ok((from, to))
}

fn not_upside_down<T: PartialOrd>(from: &Edge<T>, to: &Edge<T>, byte: usize) -> Result<(), ErrorAtByte> {
    fn value<T>(edge: &Edge<T>) -> Option<&T> {
        match edge {
            Edge::Open => None,
            Edge::Inclusive(value) | Edge::Exclusive(value) => Some(value),
        }
    }
    match (value(from), value(to)) {
        (Some(from), Some(to)) if from > to => {
            Err(ErrorAtByte::value(byte, "the range ends before it begins").hint("swap its two ends"))
        }
        _ => Ok(()),
    }
}

fn integer(text: &str, byte: usize, field: &Field) -> Result<i64, ErrorAtByte> {
    text.parse().map_err(|_| {
        ErrorAtByte::value(
            byte,
            format!("`{}` is not a whole number, as `{}` needs", shown(text), field.name),
        )
        .hint(format!("for instance `{}:>=2`", field.name))
    })
}

fn decimal(text: &str, byte: usize) -> Result<Decimal, ErrorAtByte> {
    Decimal::parse(text).ok_or_else(|| {
        let message = format!("`{}` is not a number, as a range of `metadata.<key>` needs", shown(text));
        ErrorAtByte::value(byte, message)
    })
}

/// Seconds, or a number with `s`, `m` or `h`.
fn seconds(text: &str, byte: usize, field: &Field) -> Result<f64, ErrorAtByte> {
    let (number, unit) = match text.char_indices().last() {
        Some((last, 's')) => (&text[..last], 1.0),
        Some((last, 'm')) => (&text[..last], 60.0),
        Some((last, 'h')) => (&text[..last], 3600.0),
        _ => (text, 1.0),
    };
    let seconds = number.parse().ok().map(|number: f64| number * unit + 0.0);
    seconds.filter(|seconds| seconds.is_finite()).ok_or_else(|| {
        ErrorAtByte::value(byte, format!("`{}` is not a number of seconds", shown(text)))
            .hint(format!("for instance `{name}:>60` or `{name}:[5m TO 1h]`", name = field.name))
    })
}

fn money(text: &str, byte: usize, field: &Field) -> Result<Money, ErrorAtByte> {
    text.parse().map_err(|_| {
        ErrorAtByte::value(byte, format!("`{}` is not an amount", shown(text)))
            .hint(format!("write a decimal number, for instance `{}:>=0.05`", field.name))
    })
}

fn time_from(bound: RangeEnd, field: &Field) -> Result<Edge<Timestamp>, ErrorAtByte> {
    let RangeEnd::At { text, byte, inclusive } = bound else { return Ok(Edge::Open) };
    Ok(match (time(&text, byte, field)?, inclusive) {
        (TimeSpan { begin, end: None }, true) => Edge::Inclusive(begin),
        (TimeSpan { begin, end: None }, false) => Edge::Exclusive(begin),
        (TimeSpan { begin, .. }, true) => Edge::Inclusive(begin),
        (TimeSpan { end: Some(end), .. }, false) => Edge::Inclusive(end),
    })
}

fn time_to(bound: RangeEnd, field: &Field) -> Result<Edge<Timestamp>, ErrorAtByte> {
    let RangeEnd::At { text, byte, inclusive } = bound else { return Ok(Edge::Open) };
    Ok(match (time(&text, byte, field)?, inclusive) {
        (TimeSpan { begin, end: None }, true) => Edge::Inclusive(begin),
        (TimeSpan { begin, end: None }, false) => Edge::Exclusive(begin),
        (TimeSpan { end: Some(end), .. }, true) => Edge::Exclusive(end),
        (TimeSpan { begin, .. }, false) => Edge::Exclusive(begin),
    })
}

/// An instant, or the span of a day, month or year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimeSpan {
    /// Its first instant.
    pub(crate) begin: Timestamp,
    /// The first instant after it; `None` for an instant.
    pub(crate) end: Option<Timestamp>,
}

fn time(text: &str, byte: usize, field: &Field) -> Result<TimeSpan, ErrorAtByte> {
    span(text).ok_or_else(|| {
        ErrorAtByte::value(byte, format!("`{}` is not a time", shown(text))).hint(format!(
            "write a day or a time with its offset, for instance `{name}:>=2026-05-01` or \
             `{name}:[2026-05-01T12:00:00Z TO *]`",
            name = field.name
        ))
    })
}

/// Reads a text as a time: RFC 3339, `YYYY-MM-DD`, `YYYY-MM` or `YYYY`, in UTC.
pub(crate) fn span(text: &str) -> Option<TimeSpan> {
    let is_date = text.len() <= 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    if !is_date {
        return Timestamp::parse(text).ok().map(|begin| TimeSpan { begin, end: None });
    }
    let midnight = |year: i32, month: u32, day: &str| {
        Timestamp::parse(&format!("{year:04}-{month:02}-{day}T00:00:00Z")).ok()
    };
    let mut parts = text.split('-');
    let year: i32 = parts.next().filter(|year| year.len() == 4)?.parse().ok()?;
    let Some(month) = parts.next() else {
        return Some(TimeSpan { begin: midnight(year, 1, "01")?, end: midnight(year + 1, 1, "01") });
    };
    let month: u32 = Some(month).filter(|month| month.len() == 2)?.parse().ok()?;
    let Some(day) = parts.next() else {
        let end = if month == 12 { midnight(year + 1, 1, "01") } else { midnight(year, month + 1, "01") };
        return Some(TimeSpan { begin: midnight(year, month, "01")?, end });
    };
    let begin = Some(day).filter(|day| day.len() == 2).and_then(|day| midnight(year, month, day))?;
    parts.next().is_none().then_some(TimeSpan { begin, end: Some(begin.plus_millis(DAY_MILLIS)) })
}
