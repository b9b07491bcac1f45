//! `ranges=field:…`, and filters on fields of numbers or times; both use the query language's syntax.

use std::time::Duration;

use hearken_index::query::Range;
use hearken_index::search::{BOUNDARIES_MAX, Boundaries, RangeFacet};
use hearken_model::field::{FIELDS, Field, FieldKind, METADATA_PREFIX, field, nearest};

use super::parse::{ParameterError, invalid, shown};
use crate::language;

/// The field and boundaries in a value of `ranges`.
pub(super) fn range_facet(text: &str) -> Result<RangeFacet, ParameterError> {
    let (name, boundaries) = text.split_once(':').unwrap_or((text, ""));
    let field = countable(name.trim())?;
    let texts: Vec<&str> = boundaries.split(',').map(str::trim).filter(|text| !text.is_empty()).collect();
    let wrong = |message: String, hint: Option<String>| ParameterError {
        hint: hint.or_else(|| Some(format!("for instance `ranges={}`", example(field)))),
        ..invalid("ranges", message)
    };
    if texts.is_empty() {
        return Err(wrong(
            format!("`{}` is counted by ranges, but the boundaries are missing", field.name),
            None,
        ));
    }
    if texts.len() > BOUNDARIES_MAX {
        return Err(wrong(format!("`{}` is given more than {BOUNDARIES_MAX} boundaries", field.name), None));
    }
    let boundaries = match language::boundaries(field, &texts) {
        Some(listed) => listed.map_err(|error| wrong(error.message, error.hint))?,
        None => match (texts.as_slice(), parse_interval(texts[0])) {
            ([_], Some(length)) => Boundaries::Every(length.into()),
            _ => {
                let message =
                    format!("`{}` is not an interval, as `{}` needs", shown(boundaries), field.name);
                return Err(wrong(message, Some(INTERVAL_HINT.to_owned())));
            }
        },
    };
    Ok(RangeFacet { field: field.name.to_owned(), boundaries })
}

/// The field with this name, if its values can be counted by ranges.
fn countable(name: &str) -> Result<&'static Field, ParameterError> {
    let error = |message: &str, hint: Option<String>| ParameterError {
        hint,
        ..invalid("ranges", format!("`{}` {message}", shown(name)))
    };
    match field(name) {
        Some(field) if field.kind != FieldKind::Keyword => Ok(field),
        None if !name.starts_with(METADATA_PREFIX) => {
            let names =
                || FIELDS.iter().filter(|field| field.kind != FieldKind::Keyword).map(|field| field.name);
            let hint = match nearest(name, names()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("these can be counted by ranges: {}", names().collect::<Vec<_>>().join(", ")),
            };
            Err(error("is not a field of numbers or times", Some(hint)))
        }
        _ => {
            let hint = format!("count its values: `facets={}`", shown(name));
            Err(error("holds text, which has no ranges", Some(hint)))
        }
    }
}

fn example(field: &Field) -> String {
    let boundaries = match field.kind {
        FieldKind::Seconds => "60,300,900",
        FieldKind::Money => "0.05,0.25,1",
        FieldKind::Time => "day",
        FieldKind::Integer | FieldKind::Keyword => "2,4",
    };
    format!("{}:{boundaries}", field.name)
}

/// The value or range given by a filter on such a field.
pub(super) fn range(parameter: &str, field: &'static Field, text: &str) -> Result<Range, ParameterError> {
    language::parse_range(field, text)
        .map_err(|error| ParameterError { hint: error.hint, ..invalid(parameter, error.message) })
}

/// How to write intervals, for errors.
pub(crate) const INTERVAL_HINT: &str = "write `minute`, `hour`, `day`, `week`, or for instance `15m`";

/// The interval named by a text: `minute`, `hour`, `day`, `week`, or a number with `m`, `h`, `d` or `w`.
pub(crate) fn parse_interval(text: &str) -> Option<Duration> {
    let (number, unit) = match text {
        "minute" | "hour" | "day" | "week" => ("1", &text[..1]),
        _ => text.split_at(text.char_indices().last().map_or(0, |(last, _)| last)),
    };
    let unit_seconds = match unit {
        "m" => 60_u64,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        "w" => 7 * 24 * 60 * 60,
        _ => return None,
    };
    let number = number.parse::<u32>().ok().filter(|number| (1..=100_000).contains(number))?;
    Some(Duration::from_secs(u64::from(number) * unit_seconds))
}
