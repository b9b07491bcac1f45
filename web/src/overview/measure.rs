//! The numbers behind the plots: one overview of the index for each stretch of time and each value that is compared.

use std::time::{Duration, Instant};

use hearken_index::overview::{Overview, OverviewRequest};
use hearken_index::query::{Edge, Query, Range};
use hearken_index::search::{FacetCount, Filter, SearchRequest, Selection, Sort, SortKey};
use hearken_index::{IndexReader, SearchError};
use hearken_model::{Money, Timestamp};

/// What plots compare values of.
pub(crate) const DIMENSIONS: [&str; 4] = ["country", "agent", "llm_model", "topic"];
/// Values of a dimension that are compared; each costs an overview.
const VALUES_MAX: usize = 6;
/// Stretches of time on the page; each costs an overview.
const STRETCHES: usize = 24;

const SECOND_MS: i64 = 1_000;
const HOUR_MS: i64 = 3_600 * SECOND_MS;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Lengths of a stretch that readers can name; beyond the last, multiples of it.
const LENGTHS_MS: [i64; 14] = [
    60 * SECOND_MS,
    300 * SECOND_MS,
    900 * SECOND_MS,
    HOUR_MS,
    2 * HOUR_MS,
    3 * HOUR_MS,
    6 * HOUR_MS,
    12 * HOUR_MS,
    DAY_MS,
    2 * DAY_MS,
    7 * DAY_MS,
    14 * DAY_MS,
    28 * DAY_MS,
    91 * DAY_MS,
];

/// The numbers of one set of interactions.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Numbers {
    pub(crate) total: u64,
    pub(crate) positive: u64,
    pub(crate) neutral: u64,
    pub(crate) negative: u64,
    /// Mean of detected CSAT.
    pub(crate) csat: Option<f64>,
    /// Sum of the known costs; `None` when none is known.
    pub(crate) cost: Option<Money>,
    /// Median, seconds.
    pub(crate) duration: Option<f64>,
}

impl Numbers {
    /// Share of the judged interactions that are negative, percent.
    pub(crate) fn negative_percent(&self) -> Option<f64> {
        let judged = self.positive + self.neutral + self.negative;
        (judged > 0).then(|| self.negative as f64 * 100.0 / judged as f64)
    }

    fn of(overview: &Overview) -> Self {
        let counts = |name: &str| {
            overview
                .facets
                .iter()
                .find(|(facet, _)| facet == name)
                .map_or(&[][..], |(_, counts)| counts.as_slice())
        };
        let sentiment = |name: &str| {
            counts("sentiment")
                .iter()
                .find(|counted| counted.value == name)
                .map_or(0, |counted| counted.count)
        };
        let distribution =
            |name: &str| overview.distributions.iter().find(|(field, _)| field == name).map(|(_, d)| d);
        Numbers {
            total: overview.total,
            positive: sentiment("positive"),
            neutral: sentiment("neutral"),
            negative: sentiment("negative"),
            csat: mean(counts("csat")),
            cost: distribution("total_costs").and_then(|costs| costs.sum.as_str()?.parse().ok()),
            duration: distribution("duration").and_then(|duration| duration.p50.as_f64()),
        }
    }
}

fn mean(counts: &[FacetCount]) -> Option<f64> {
    let known = counts.iter().filter_map(|counted| Some((counted.value.as_f64()?, counted.count as f64)));
    let (sum, count) =
        known.fold((0.0, 0.0), |(sum, total), (value, count)| (sum + value * count, total + count));
    (count > 0.0).then(|| sum / count)
}

/// The numbers of each value of a dimension; `None` is missing.
pub(crate) type ByValue = Vec<(Option<String>, Numbers)>;

/// Everything on the overview page.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Measured {
    pub(crate) whole: Numbers,
    /// The period of the same length before, when the selection says where it begins.
    pub(crate) before: Option<Numbers>,
    /// Begin of each stretch.
    pub(crate) over_time: Vec<(Timestamp, Numbers)>,
    pub(crate) stretch_ms: i64,
    /// By dimension: values with most interactions first.
    pub(crate) by: Vec<(&'static str, ByValue)>,
    /// Of the costs, ISO 4217.
    pub(crate) currency: Option<String>,
}

/// Measures a selection.
///
/// # Errors
/// Those of a search.
pub(crate) fn measure(
    reader: &IndexReader,
    selection: &Selection,
    now: Timestamp,
    deadline: Instant,
) -> Result<Measured, SearchError> {
    let numbers = |selection: Selection, facets: &[&str]| {
        let facets = ["sentiment", "csat"].iter().chain(facets).map(|name| (*name).to_owned()).collect();
        overview(reader, selection, facets, &["total_costs", "duration"], DAY_MS * 91, deadline)
    };
    let whole = numbers(selection.clone(), &DIMENSIONS)?;
    let before = before(selection, now).map(|before| numbers(before, &[])).transpose()?;

    let (begins, stretch_ms) = stretches(reader, selection, now, STRETCHES, deadline)?;
    let mut over_time = Vec::with_capacity(begins.len());
    for begin in begins {
        let stretch = started_in(selection, begin, begin.plus_millis(stretch_ms));
        over_time.push((begin, Numbers::of(&numbers(stretch, &[])?)));
    }

    let mut by = Vec::with_capacity(DIMENSIONS.len());
    for dimension in DIMENSIONS {
        let counts = whole.facets.iter().find(|(facet, _)| facet == dimension).map(|(_, counts)| counts);
        let mut values = Vec::new();
        for counted in counts.into_iter().flatten().take(VALUES_MAX) {
            let value = counted.value.as_str().map(str::to_owned);
            values.push((value.clone(), Numbers::of(&numbers(only(selection, dimension, value), &[])?)));
        }
        by.push((dimension, values));
    }
    let currency = currency(reader, selection, deadline)?;
    let before = before.as_ref().map(Numbers::of);
    Ok(Measured { whole: Numbers::of(&whole), before, over_time, stretch_ms, by, currency })
}

/// Counts over time, without gaps: begins and counts, and the length of a stretch.
///
/// # Errors
/// Those of a search.
pub(crate) fn volume(
    reader: &IndexReader,
    selection: &Selection,
    now: Timestamp,
    bars: usize,
    deadline: Instant,
) -> Result<(Vec<(Timestamp, u64)>, i64), SearchError> {
    let (begins, stretch_ms) = stretches(reader, selection, now, bars, deadline)?;
    let (Some(first), Some(last)) = (begins.first(), begins.last()) else {
        return Ok((Vec::new(), stretch_ms));
    };
    let counted = overview(
        reader,
        started_in(selection, *first, last.plus_millis(stretch_ms)),
        Vec::new(),
        &[],
        stretch_ms,
        deadline,
    )?;
    let count = |begin: Timestamp| {
        let found = counted.over_time.binary_search_by_key(&begin, |interval| interval.from);
        found.map_or(0, |idx| counted.over_time[idx].count)
    };
    Ok((begins.iter().map(|begin| (*begin, count(*begin))).collect(), stretch_ms))
}

fn overview(
    reader: &IndexReader,
    selection: Selection,
    facets: Vec<String>,
    distributions: &[&str],
    interval_ms: i64,
    deadline: Instant,
) -> Result<Overview, SearchError> {
    reader.overview(&OverviewRequest {
        selection,
        interval: Duration::from_millis(interval_ms.unsigned_abs()),
        facets,
        facet_size: VALUES_MAX,
        distributions: distributions.iter().map(|name| (*name).to_owned()).collect(),
        deadline: Some(deadline),
    })
}

/// Equal stretches that cover the selection, at multiples of their length since 1970 UTC, at most `wanted` and one.
fn stretches(
    reader: &IndexReader,
    selection: &Selection,
    now: Timestamp,
    wanted: usize,
    deadline: Instant,
) -> Result<(Vec<Timestamp>, i64), SearchError> {
    let first = extreme(reader, selection, false, deadline)?;
    let last = extreme(reader, selection, true, deadline)?;
    let (Some(first), Some(last)) = (first, last) else { return Ok((Vec::new(), DAY_MS)) };
    // What was active at the begin of the range may have started before it.
    let first = selection.from.map_or(first, |from| first.max(from));
    let last = selection.to.map_or(last, |to| last.max(to.plus_millis(-1).min(now))).max(first);
    Ok(cut(first, last, wanted))
}

fn cut(first: Timestamp, last: Timestamp, wanted: usize) -> (Vec<Timestamp>, i64) {
    let wanted = i64::try_from(wanted.max(1)).unwrap_or(i64::MAX);
    let span_ms = last.millis_since(first);
    let longest = LENGTHS_MS[LENGTHS_MS.len() - 1];
    let length_ms = LENGTHS_MS
        .into_iter()
        .find(|length| length.saturating_mul(wanted) > span_ms)
        .unwrap_or_else(|| (span_ms / wanted / longest + 1) * longest);
    let begin = Timestamp::from_millis(first.as_millis().div_euclid(length_ms) * length_ms);
    let num = last.millis_since(begin) / length_ms + 1;
    ((0..num).map(|idx| begin.plus_millis(idx * length_ms)).collect(), length_ms)
}

/// The first or the last start.
fn extreme(
    reader: &IndexReader,
    selection: &Selection,
    descending: bool,
    deadline: Instant,
) -> Result<Option<Timestamp>, SearchError> {
    let hit = first_by(reader, selection, "start_time", descending, deadline)?;
    Ok(hit.and_then(|head| head.start_time))
}

/// The currency of the costs: that of the largest, as all are in one.
fn currency(
    reader: &IndexReader,
    selection: &Selection,
    deadline: Instant,
) -> Result<Option<String>, SearchError> {
    let hit = first_by(reader, selection, "total_costs", true, deadline)?;
    Ok(hit.and_then(|head| head.total_costs.currency))
}

fn first_by(
    reader: &IndexReader,
    selection: &Selection,
    field: &str,
    descending: bool,
    deadline: Instant,
) -> Result<Option<hearken_model::Interaction>, SearchError> {
    let response = reader.search(&SearchRequest {
        selection: selection.clone(),
        facets: Vec::new(),
        facet_size: 1,
        sort: Sort::Fields(vec![SortKey { field: field.to_owned(), descending }]),
        limit: 1,
        cursor: None,
        deadline: Some(deadline),
    })?;
    Ok(response.hits.into_iter().next().map(|hit| hit.document.derived.head))
}

fn started_in(selection: &Selection, from: Timestamp, to: Timestamp) -> Selection {
    let range = Range::Time(Edge::Inclusive(from), Edge::Exclusive(to));
    let started = Query::Range { field: "start_time".to_owned(), range };
    Selection { query: Query::And(vec![selection.query.clone(), started]), ..selection.clone() }
}

fn only(selection: &Selection, field: &str, value: Option<String>) -> Selection {
    let mut narrowed = selection.clone();
    let filter = narrowed.filters.remove(field).unwrap_or_default();
    narrowed.filters.insert(field.to_owned(), Filter { any_of: vec![value], ..filter });
    narrowed
}

/// The period of the same length before a selection that says where it begins.
fn before(selection: &Selection, now: Timestamp) -> Option<Selection> {
    let from = selection.from?;
    let length_ms = selection.to.unwrap_or(now).millis_since(from);
    (length_ms > 0).then(|| Selection {
        from: Some(from.plus_millis(-length_ms)),
        to: Some(from),
        ..selection.clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_have_lengths_that_can_be_named_and_cover_everything() {
        let at = |text: &str| Timestamp::parse(text).unwrap();
        let (begins, length_ms) = cut(at("2026-11-15T10:07:00Z"), at("2026-11-22T09:59:00Z"), 24);
        assert_eq!(length_ms, 12 * HOUR_MS);
        assert_eq!(begins[0], at("2026-11-15T00:00:00Z"));
        assert_eq!(begins.len(), 15);
        let (begins, _) = cut(at("2026-11-15T10:07:00Z"), at("2026-11-15T10:07:00Z"), 24);
        assert_eq!(begins, [at("2026-11-15T10:07:00Z")]);
        let (begins, _) = cut(at("1700-01-01T00:00:00Z"), at("2260-01-01T00:00:00Z"), 24);
        assert!(begins.len() <= 25, "{}", begins.len());
    }

    #[test]
    fn a_mean_leaves_out_what_is_missing() {
        let counted = |value, count| FacetCount { value, count };
        assert_eq!(
            mean(&[counted(5.into(), 3), counted(1.into(), 1), counted(serde_json::Value::Null, 9)]),
            Some(4.0)
        );
        assert_eq!(mean(&[counted(serde_json::Value::Null, 9)]), None);
    }
}
