//! Lenient readers of JSON values: an unexpected type reads as absent.

use hearken_model::{Cost, InteractionId, Money, Timestamp};
use serde_json::{Map, Value};

use super::super::{Rejection, RejectionKind};

/// Most characters of a refused value that a reason quotes.
const SHOWN_CHARS_MAX: usize = 80;

/// The value at a dotted path; `null` if there is none.
pub(super) fn at<'a>(body: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(body, |value, name| &value[name])
}

/// A value as reasons quote it.
pub(super) fn shown(value: &Value) -> String {
    let text = value.to_string();
    let mut shown: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

/// A non-empty text.
pub(super) fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The first of these that is a text.
pub(super) fn first_text<const N: usize>(values: [&Value; N]) -> Option<String> {
    values.into_iter().find_map(text)
}

/// A text or an integer, as ids are.
pub(super) fn id(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
        other => text(other),
    }
}

/// The items of an array.
pub(super) fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The fields of an object.
pub(super) fn fields(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().map(Map::iter).into_iter().flatten()
}

/// A number, even if written as a text.
pub(super) fn number(value: &Value) -> Option<f64> {
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
    number.is_finite().then_some(number)
}

/// A count, 0 or more; fractions are rounded.
pub(super) fn count(value: &Value) -> Option<u64> {
    value
        .as_u64()
        .or_else(|| number(value).filter(|number| *number >= 0.0).map(|number| number.round() as u64))
}

/// A number of seconds as milliseconds.
pub(super) fn seconds_as_millis(value: &Value) -> Option<i64> {
    number(value).map(|seconds| (seconds * 1_000.0).round() as i64)
}

/// A number of milliseconds.
pub(super) fn millis(value: &Value) -> Option<i64> {
    number(value).map(|millis| millis.round() as i64)
}

/// A time in seconds since the epoch, with fractions kept to the microsecond. Several systems write 0 for unknown.
pub(super) fn unix_seconds(value: &Value) -> Option<Timestamp> {
    const NANOS_PER_MICRO: i64 = 1_000;
    let micros = (number(value).filter(|seconds| *seconds > 0.0)? * 1e6).round();
    (micros < i64::MAX as f64 / 1e3).then(|| Timestamp::from_nanos(micros as i64 * NANOS_PER_MICRO))
}

/// A time in milliseconds since the epoch; 0 means unknown.
pub(super) fn unix_millis(value: &Value) -> Option<Timestamp> {
    let millis = number(value).filter(|millis| *millis > 0.0 && *millis < i64::MAX as f64 / 1e6)?;
    Some(Timestamp::from_millis(millis.round() as i64))
}

/// A time in RFC 3339.
pub(super) fn rfc3339(value: &Value) -> Option<Timestamp> {
    Timestamp::parse(value.as_str()?).ok()
}

/// An amount of 0 or more in units of `10^-scale` US dollars; with scale 2, in cents.
pub(super) fn dollars(value: &Value, scale: u32) -> Option<Cost> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let units = text.parse::<Money>().or_else(|_| Money::from_scientific(&text)).ok()?;
    let amount = units.checked_mul(Money::new(1, scale))?.normalize();
    (!amount.is_sign_negative()).then(|| Cost { amount, currency: "USD".to_owned() })
}

/// Parses JSON given as a text, as tool arguments often are; any other text is kept as text.
pub(super) fn parsed(value: &Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::String(text) if text.trim_start().starts_with(['{', '[']) => {
            Some(serde_json::from_str(text).unwrap_or_else(|_| value.clone()))
        }
        other => Some(other.clone()),
    }
}

/// A required value.
pub(super) fn required<T>(value: Option<T>, path: &str) -> Result<T, Rejection> {
    value.ok_or_else(|| RejectionKind::MissingField.because(format!("`{path}` is missing")))
}

/// The interaction id at a path.
pub(super) fn interaction_id(body: &Value, path: &str) -> Result<InteractionId, Rejection> {
    checked_interaction_id(required(id(at(body, path)), path)?, path)
}

/// Checks the bounds of an interaction id that was derived from the value at `path`.
pub(super) fn checked_interaction_id(id: String, path: &str) -> Result<InteractionId, Rejection> {
    InteractionId::try_new(id)
        .map_err(|error| RejectionKind::InvalidValue.because(format!("`{path}`: {error}")))
}

/// The array at a path; empty if absent.
pub(super) fn list<'a>(body: &'a Value, path: &str) -> Result<&'a [Value], Rejection> {
    match at(body, path) {
        Value::Null => Ok(&[]),
        Value::Array(items) => Ok(items),
        other => {
            Err(RejectionKind::InvalidValue
                .because(format!("`{path}` is {}; it must be an array", shown(other))))
        }
    }
}
