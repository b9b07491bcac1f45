//! Parses names and values into [`SearchParameters`].

use std::collections::BTreeSet;

use hearken_index::interval::Zone;
use hearken_index::search::{Boundaries, FilterValue, SORT_KEYS_MAX, Sort, SortKey};
use hearken_model::Timestamp;
use hearken_model::field::{FIELDS, FieldKind, METADATA_PREFIX, field, nearest};
use serde_json::Value;

use super::ranges::{range, range_facet};
use super::{FACET_SIZE_MAX, FACETS_MAX, FILTER_VALUES_MAX, LIMIT_MAX, SearchParameters};
use crate::language::span;
use crate::zone::zone;

/// A parameter's name and one of its values; `None` is JSON's `null`.
pub type Pair = (String, Option<String>);

/// Names with a meaning other than fields.
const NAMES: &[&str] =
    &["q", "facets", "facet_size", "ranges", "from", "to", "tz", "sort", "limit", "cursor"];

/// A parameter that cannot be accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParameterError {
    /// The kind of mistake.
    pub kind: ParameterErrorKind,
    /// The parameter; `None` if the request's body as a whole is wrong.
    pub parameter: Option<String>,
    /// What is wrong.
    pub message: String,
    /// How to fix it.
    pub hint: Option<String>,
}

/// The kinds of mistakes, each with a stable code in answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterErrorKind {
    /// There is no parameter with this name.
    Unknown,
    /// The value is invalid.
    Invalid,
    /// The body is not a JSON object of parameters.
    Body,
}

impl ParameterErrorKind {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            ParameterErrorKind::Unknown => "unknown_parameter",
            ParameterErrorKind::Invalid => "invalid_parameter",
            ParameterErrorKind::Body => "invalid_body",
        }
    }
}

pub(super) fn invalid(parameter: &str, message: impl Into<String>) -> ParameterError {
    let kind = ParameterErrorKind::Invalid;
    ParameterError { kind, parameter: Some(shown(parameter)), message: message.into(), hint: None }
}

pub(super) fn shown(text: &str) -> String {
    text.chars().take(64).collect()
}

/// The pairs of a query string.
///
/// # Errors
/// It is not UTF-8 after decoding.
pub fn pairs_of_query(query: &str) -> Result<Vec<Pair>, ParameterError> {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).map_err(|_| ParameterError {
        kind: ParameterErrorKind::Invalid,
        parameter: None,
        message: "the query string cannot be decoded".to_owned(),
        hint: Some("percent-encode it as UTF-8".to_owned()),
    })?;
    Ok(pairs.into_iter().map(|(name, value)| (name, Some(value))).collect())
}

/// The pairs of a JSON object: values are strings, numbers, booleans, `null`, or arrays of these.
///
/// # Errors
/// It is not JSON, not an object, or has values of other types.
pub fn pairs_of_json(body: &[u8]) -> Result<Vec<Pair>, ParameterError> {
    let wrong = |parameter: Option<&str>, message: String| ParameterError {
        kind: ParameterErrorKind::Body,
        parameter: parameter.map(shown),
        message,
        hint: Some("send the search parameters as one JSON object".to_owned()),
    };
    let parsed = serde_json::from_slice(body)
        .map_err(|error| wrong(None, format!("the body is not JSON: {error}")))?;
    let Value::Object(object) = parsed else {
        return Err(wrong(None, "the body is not a JSON object".to_owned()));
    };
    let mut pairs = Vec::new();
    for (name, value) in object {
        let values = match value {
            Value::Array(values) => values,
            // Except in filters, `null` means absent.
            Value::Null if NAMES.contains(&name.as_str()) => continue,
            value => vec![value],
        };
        for value in values {
            let value = match value {
                Value::Null => None,
                Value::String(text) => Some(text),
                Value::Number(number) => Some(number.to_string()),
                Value::Bool(value) => Some(value.to_string()),
                Value::Array(_) | Value::Object(_) => {
                    return Err(wrong(
                        Some(&name),
                        format!("`{}` is neither a text nor a number", shown(&name)),
                    ));
                }
            };
            pairs.push((name.clone(), value));
        }
    }
    Ok(pairs)
}

pub(super) fn parse<const N: usize>(
    pairs: Vec<Pair>,
    extra: [&str; N],
) -> Result<(SearchParameters, [Option<String>; N]), ParameterError> {
    let mut parameters = SearchParameters::default();
    let mut extras = [const { None }; N];
    let mut seen = BTreeSet::new();
    let mut sort_keys = Vec::new();
    let mut num_filter_values = 0;
    for (name, value) in pairs {
        let several = matches!(name.as_str(), "facets" | "ranges" | "sort") || filter_target(&name).is_some();
        if !several && !seen.insert(name.clone()) {
            return Err(invalid(&name, format!("`{}` is given twice", shown(&name))));
        }
        let text = value.clone().unwrap_or_default();
        match name.as_str() {
            "q" => parameters.q = Some(text),
            "cursor" => parameters.cursor = Some(text).filter(|text| !text.is_empty()),
            "limit" => parameters.limit = number(&name, &text, 0, LIMIT_MAX)?,
            "facet_size" => parameters.facet_size = number(&name, &text, 1, FACET_SIZE_MAX)?,
            "from" => parameters.from = moment(&name, &text)?,
            "to" => parameters.to = moment(&name, &text)?,
            "tz" => parameters.zone = time_zone(&name, &text)?,
            "facets" => add_facets(&mut parameters.facets, &text)?,
            "ranges" => add_range_facet(&mut parameters, &text)?,
            "sort" => sort_keys.extend(text.split(',').map(str::trim).map(str::to_owned)),
            _ => {
                if let Some(idx) = extra.iter().position(|extra| *extra == name) {
                    extras[idx] = Some(text);
                } else {
                    num_filter_values += 1;
                    add_filter(&mut parameters, &name, value, &extra)?;
                }
            }
        }
    }
    if num_filter_values > FILTER_VALUES_MAX {
        return Err(invalid("filters", format!("at most {FILTER_VALUES_MAX} filter values are allowed")));
    }
    if let Some(twice) = parameters.ranges.iter().find(|facet| parameters.facets.contains(&facet.field)) {
        let message = format!("`{}` is counted by ranges and by value", twice.field);
        let hint = Some("leave it out of `facets` or out of `ranges`".to_owned());
        return Err(ParameterError { hint, ..invalid("ranges", message) });
    }
    for facet in &mut parameters.ranges {
        if let Boundaries::Every(interval) = &mut facet.boundaries {
            interval.zone = parameters.zone.clone();
        }
    }
    parameters.sort = sort(&sort_keys)?;
    Ok((parameters, extras))
}

fn number(name: &str, text: &str, min: usize, max: usize) -> Result<usize, ParameterError> {
    let parsed = text.parse().ok().filter(|number| (min..=max).contains(number));
    parsed.ok_or_else(|| invalid(name, format!("`{name}` must be a whole number from {min} to {max}")))
}

/// RFC 3339, or the first instant of a day, month or year; empty means none.
fn moment(name: &str, text: &str) -> Result<Option<Timestamp>, ParameterError> {
    if text.is_empty() {
        return Ok(None);
    }
    let moment = span(text).ok_or_else(|| ParameterError {
        hint: Some(format!(
            "for instance `{name}=2026-05-01` or `{name}=2026-05-01T12:00:00Z`; write `+` as `%2B`"
        )),
        ..invalid(name, format!("`{}` is not a time", shown(text)))
    })?;
    Ok(Some(moment.begin))
}

/// A name from the IANA database; empty means UTC.
fn time_zone(name: &str, text: &str) -> Result<Zone, ParameterError> {
    if text.is_empty() {
        return Ok(Zone::default());
    }
    zone(text).map_err(|meant| ParameterError {
        hint: Some(match meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "write an IANA time zone name, for instance `Europe/Berlin`".to_owned(),
        }),
        ..invalid(name, format!("there is no time zone `{}`", shown(text)))
    })
}

fn add_facets(facets: &mut Vec<String>, text: &str) -> Result<(), ParameterError> {
    for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        if facets.iter().any(|facet| facet == name) {
            continue;
        }
        if !is_facet(name) {
            let hint = match field(name) {
                Some(field) if field.kind != FieldKind::Keyword => {
                    Some(format!("its values can be counted by ranges: `ranges={name}:…`"))
                }
                _ => nearest(name, facet_names()).map(|meant| format!("did you mean `{meant}`?")),
            };
            return Err(ParameterError {
                hint,
                ..invalid("facets", format!("`{}` is not a facet", shown(name)))
            });
        }
        facets.push(name.to_owned());
    }
    if facets.len() > FACETS_MAX {
        return Err(invalid("facets", format!("at most {FACETS_MAX} facets can be counted at once")));
    }
    Ok(())
}

/// An empty text is not a facet, just as in `facets`.
fn add_range_facet(parameters: &mut SearchParameters, text: &str) -> Result<(), ParameterError> {
    if text.is_empty() {
        return Ok(());
    }
    let facet = range_facet(text)?;
    if parameters.ranges.iter().any(|known| known.field == facet.field) {
        return Err(invalid("ranges", format!("`{}` is given twice", facet.field)));
    }
    parameters.ranges.push(facet);
    Ok(())
}

/// Fields whose values can be counted.
fn facet_names() -> impl Iterator<Item = &'static str> {
    FIELDS.iter().filter(|field| field.facet).map(|field| field.name)
}

fn is_facet(name: &str) -> bool {
    is_metadata(name) || facet_names().any(|facet| facet == name)
}

fn is_filter(name: &str) -> bool {
    is_metadata(name) || field(name).is_some()
}

fn is_metadata(name: &str) -> bool {
    name.strip_prefix(METADATA_PREFIX).is_some_and(|key| !key.is_empty())
}

/// The field named by a filter parameter, and whether its values are excluded.
fn filter_target(name: &str) -> Option<(&str, bool)> {
    let (field, is_exclusion) = name.strip_prefix('-').map_or((name, false), |field| (field, true));
    is_filter(field).then_some((field, is_exclusion))
}

fn add_filter(
    parameters: &mut SearchParameters,
    name: &str,
    value: Option<String>,
    extra: &[&str],
) -> Result<(), ParameterError> {
    let Some((field_name, is_exclusion)) = filter_target(name) else {
        return Err(unknown(name, extra));
    };
    let numbers = field(field_name).filter(|field| field.kind != FieldKind::Keyword);
    let value = match (value.filter(|value| !value.is_empty()), numbers) {
        (None, _) => FilterValue::Missing,
        (Some(text), Some(field)) => FilterValue::Within(range(name, field, &text)?),
        (Some(text), None) => FilterValue::Is(text),
    };
    let filter = parameters.filters.entry(field_name.to_owned()).or_default();
    let values = if is_exclusion { &mut filter.none_of } else { &mut filter.any_of };
    if !values.contains(&value) {
        values.push(value);
    }
    Ok(())
}

fn unknown(name: &str, extra: &[&str]) -> ParameterError {
    let bare = name.strip_prefix('-').unwrap_or(name);
    let names =
        FIELDS.iter().map(|field| field.name).chain(NAMES.iter().copied()).chain(extra.iter().copied());
    let hint = nearest(bare, names).map(|meant| format!("did you mean `{meant}`?"));
    let message = format!("there is no parameter `{}`", shown(name));
    ParameterError { kind: ParameterErrorKind::Unknown, parameter: Some(shown(name)), message, hint }
}

fn sort(keys: &[String]) -> Result<Option<Sort>, ParameterError> {
    let keys: Vec<&str> = keys.iter().map(String::as_str).filter(|key| !key.is_empty()).collect();
    match keys.as_slice() {
        [] => return Ok(None),
        ["relevance" | "-relevance"] => return Ok(Some(Sort::Relevance)),
        _ => {}
    }
    if keys.len() > SORT_KEYS_MAX {
        return Err(invalid("sort", format!("results are sorted by at most {SORT_KEYS_MAX} fields")));
    }
    let sortable = || FIELDS.iter().filter(|field| field.sort).map(|field| field.name);
    let mut parsed: Vec<SortKey> = Vec::new();
    for key in keys {
        let (name, descending) = key.strip_prefix('-').map_or((key, false), |name| (name, true));
        if name == "relevance" {
            return Err(invalid("sort", "`relevance` cannot be combined with fields"));
        }
        if !sortable().any(|sortable| sortable == name) {
            let hint = match nearest(name, sortable()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("sort by relevance, {}", sortable().collect::<Vec<_>>().join(", ")),
            };
            return Err(ParameterError {
                hint: Some(hint),
                ..invalid("sort", format!("results cannot be sorted by `{}`", shown(name)))
            });
        }
        if parsed.iter().any(|key| key.field == name) {
            return Err(invalid("sort", format!("`{name}` is given twice")));
        }
        parsed.push(SortKey { field: name.to_owned(), descending });
    }
    Ok(Some(Sort::Fields(parsed)))
}
