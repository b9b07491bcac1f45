//! The numbers behind the plots: one overview of the index for each stretch of time and each value that is compared.

use std::time::{Duration, Instant};

use hearken_model::{Money, Timestamp};
use hearken_query::index::overview::{Overview, OverviewRequest};
use hearken_query::index::query::{Edge, Query, Range};
use hearken_query::index::search::{Boundaries, FacetCount, Filter, FilterValue, RangeFacet, Selection};
use hearken_query::index::{Search, SearchError};

use super::stretches::{Stretches, first_by};
use crate::clock::Clock;
use crate::period::Period;

/// What plots compare values of.
pub(crate) const DIMENSIONS: [&str; 4] = ["country", "agent", "llm_model", "topic"];
/// Values of a dimension that are compared; each costs an overview.
const VALUES_MAX: usize = 6;
/// Stretches of time on the page; each costs an overview.
const STRETCHES: usize = 24;

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
        self.percent_of_judged(self.negative)
    }

    /// Share of the judged interactions that are positive, percent.
    pub(crate) fn positive_percent(&self) -> Option<f64> {
        self.percent_of_judged(self.positive)
    }

    fn percent_of_judged(&self, count: u64) -> Option<f64> {
        let judged = self.positive + self.neutral + self.negative;
        (judged > 0).then(|| count as f64 * 100.0 / judged as f64)
    }

    /// The costs, near enough for a plot.
    pub(crate) fn cost_as_number(&self) -> Option<f64> {
        self.cost.and_then(|cost| cost.to_string().parse().ok())
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
    /// By stretch of time.
    pub(crate) over_time: Vec<Numbers>,
    pub(crate) stretches: Stretches,
    /// By dimension: values with most interactions first.
    pub(crate) by: Vec<(&'static str, ByValue)>,
    /// Of the costs, ISO 4217.
    pub(crate) currency: Option<String>,
}

/// Measures the interactions of a selection that started in a period.
///
/// # Errors
/// Those of a search.
pub(crate) fn measure(
    reader: &dyn Search,
    unbounded: &Selection,
    period: Period,
    clock: &Clock,
    deadline: Instant,
) -> Result<Measured, SearchError> {
    let numbers = |selection: Selection, facets: &[&str]| {
        let facets = ["sentiment", "csat"].iter().chain(facets).map(|name| (*name).to_owned()).collect();
        request(selection, facets, Vec::new(), &["total_costs", "duration"], deadline)
    };
    let selection = &started_in(unbounded, period.since, period.until);
    let whole = reader.overview(&numbers(selection.clone(), &DIMENSIONS))?;
    let stretches = Stretches::of(reader, selection, period, clock, STRETCHES, deadline)?;

    // Everything that is compared is asked for at once.
    let before = before(period, clock.now);
    let earlier = before.map(|(from, to)| started_in(unbounded, Some(from), Some(to)));
    let each_stretch = stretches.iter().map(|(from, to)| started_in(selection, Some(from), Some(to)));
    let values = DIMENSIONS.map(|dimension| {
        let counts = whole.facets.iter().find(|(facet, _)| facet == dimension).map(|(_, counts)| counts);
        let counts = counts.into_iter().flatten().take(VALUES_MAX);
        let values: Vec<Option<String>> =
            counts.map(|counted| counted.value.as_str().map(str::to_owned)).collect();
        (dimension, values)
    });
    let each_value = values.iter().flat_map(|(dimension, values)| {
        values.iter().map(move |value| only(selection, dimension, value.clone()))
    });
    let asked: Vec<OverviewRequest> =
        earlier.into_iter().chain(each_stretch).chain(each_value).map(|asked| numbers(asked, &[])).collect();
    let answers = reader.overviews(&asked)?;
    let mut answers = answers.iter().map(Numbers::of);

    let before = before.and_then(|_| answers.next());
    let over_time: Vec<Numbers> = answers.by_ref().take(stretches.len()).collect();
    let mut by = Vec::with_capacity(DIMENSIONS.len());
    for (dimension, values) in values {
        by.push((dimension, values.into_iter().zip(answers.by_ref()).collect()));
    }
    // All costs are in one currency: that of the largest.
    let dearest = first_by(reader, selection, "total_costs", true, deadline)?;
    let currency = dearest.and_then(|interaction| interaction.total_costs.currency);
    Ok(Measured { whole: Numbers::of(&whole), before, over_time, stretches, by, currency })
}

/// Counts by stretch of time.
///
/// # Errors
/// Those of a search.
pub(crate) fn volume(
    reader: &dyn Search,
    selection: &Selection,
    period: Period,
    clock: &Clock,
    bars: usize,
    deadline: Instant,
) -> Result<(Stretches, Vec<u64>), SearchError> {
    let stretches = Stretches::of(reader, selection, period, clock, bars, deadline)?;
    let mut counts = vec![0; stretches.len()];
    if !counts.is_empty() {
        let boundaries = Boundaries::Instants(stretches.bounds().to_vec());
        let ranges = vec![RangeFacet { field: "start_time".to_owned(), boundaries }];
        let counted = reader.overview(&request(selection.clone(), Vec::new(), ranges, &[], deadline))?;
        // Before the first bound and behind the last is what came while this was counted.
        let by_range = counted.facets.first().map_or(&[][..], |(_, ranges)| ranges);
        for (count, range) in counts.iter_mut().zip(by_range.iter().skip(1)) {
            *count = range.count;
        }
    }
    Ok((stretches, counts))
}

fn request(
    selection: Selection,
    facets: Vec<String>,
    ranges: Vec<RangeFacet>,
    distributions: &[&str],
    deadline: Instant,
) -> OverviewRequest {
    OverviewRequest {
        selection,
        interval: Duration::MAX.into(), // what started when is counted by ranges
        facets,
        facet_size: VALUES_MAX,
        ranges,
        distributions: distributions.iter().map(|name| (*name).to_owned()).collect(),
        deadline: Some(deadline),
    }
}

fn started_in(selection: &Selection, from: Option<Timestamp>, to: Option<Timestamp>) -> Selection {
    if from.is_none() && to.is_none() {
        return selection.clone();
    }
    let range = Range::Time(from.map_or(Edge::Open, Edge::Inclusive), to.map_or(Edge::Open, Edge::Exclusive));
    let started = Query::Range { field: "start_time".to_owned(), range };
    Selection { query: Query::And(vec![selection.query.clone(), started]), ..selection.clone() }
}

fn only(selection: &Selection, field: &str, value: Option<String>) -> Selection {
    let mut narrowed = selection.clone();
    let filter = narrowed.filters.remove(field).unwrap_or_default();
    let value = value.map_or(FilterValue::Missing, FilterValue::Is);
    narrowed.filters.insert(field.to_owned(), Filter { any_of: vec![value], ..filter });
    narrowed
}

/// The period of the same length before one that says where it begins.
fn before(period: Period, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
    let since = period.since?;
    let length_ms = period.until.unwrap_or(now).millis_since(since);
    (length_ms > 0).then(|| (since.plus_millis(-length_ms), since))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_leaves_out_what_is_missing() {
        let counted = |value, count| FacetCount { value, ends: None, count };
        assert_eq!(
            mean(&[counted(5.into(), 3), counted(1.into(), 1), counted(serde_json::Value::Null, 9)]),
            Some(4.0)
        );
        assert_eq!(mean(&[counted(serde_json::Value::Null, 9)]), None);
    }
}
