//! The numbers behind the plots: one overview of the index per stretch of time and per compared value.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use hearken_model::{Money, Timestamp};
use hearken_query::index::overview::{Distribution, Overview, OverviewRequest};
use hearken_query::index::query::{Edge, Query, Range};
use hearken_query::index::search::{Boundaries, FacetCount, Filter, FilterValue, RangeFacet, Selection};
use hearken_query::index::{Search, SearchError};

use super::stretches::Stretches;
use crate::clock::Clock;
use crate::location::Location;
use crate::period::Period;

/// The dimensions whose values are compared.
pub(crate) const DIMENSIONS: [&str; 5] = ["topic", "agent", "agent_version", "country", "llm_model"];
/// Values of a dimension shown at first; each costs two overviews.
const VALUES_SHOWN: usize = 6;
/// Values shown when all are asked for.
const VALUES_ALL: usize = 50;
/// Values of a dimension that are counted.
pub(super) const VALUES_COUNTED: usize = 200;
/// Interactions in the previous period below which a difference says more about chance than about change.
pub(super) const COMPARED_MIN: u64 = 10;
/// Fields whose percentiles are shown.
pub(crate) const DISTRIBUTIONS: [&str; 7] = [
    "duration",
    "first_response",
    "slowest_response",
    "longest_silence",
    "interruptions",
    "messages_count",
    "total_costs",
];
/// Stretches of time on the page; each costs one overview.
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

    /// The costs as a float, precise enough for a plot.
    pub(crate) fn cost_as_number(&self) -> Option<f64> {
        self.cost.and_then(|cost| cost.to_string().parse().ok())
    }

    fn of(overview: &Overview) -> Self {
        let sentiment = |name: &str| {
            let counted = counts(overview, "sentiment").iter().find(|counted| counted.value == name);
            counted.map_or(0, |counted| counted.count)
        };
        let distribution =
            |name: &str| overview.distributions.iter().find(|(field, _)| field == name).map(|(_, d)| d);
        Numbers {
            total: overview.total,
            positive: sentiment("positive"),
            neutral: sentiment("neutral"),
            negative: sentiment("negative"),
            csat: mean(counts(overview, "csat")),
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

/// One value of a dimension.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Value {
    /// `None` means missing.
    pub(crate) value: Option<String>,
    pub(crate) now: Numbers,
    /// The numbers of the previous period, if there is one.
    pub(crate) before: Option<Numbers>,
}

impl Value {
    /// How many more interactions there are than in the previous period.
    fn growth(&self) -> Option<f64> {
        Some(self.now.total as f64 - self.before.as_ref()?.total as f64)
    }
}

/// A dimension's values, in the requested order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Dimension {
    pub(crate) field: &'static str,
    pub(crate) values: Vec<Value>,
    /// How many values there are in both periods, at most [`VALUES_COUNTED`] in each.
    pub(crate) num_values: usize,
    /// How many of them, the most frequent, were looked at to find the first in order.
    pub(crate) num_ranked: usize,
}

/// What a dimension's values are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rank {
    Interactions,
    Change,
    Negative,
    Csat,
    Cost,
    Duration,
}

impl Rank {
    /// Every rank with its name in addresses.
    pub(crate) const ALL: [(Rank, &'static str); 6] = [
        (Rank::Interactions, "interactions"),
        (Rank::Change, "change"),
        (Rank::Negative, "negative"),
        (Rank::Csat, "csat"),
        (Rank::Cost, "cost"),
        (Rank::Duration, "duration"),
    ];

    fn of(self, value: &Value) -> Option<f64> {
        match self {
            Rank::Interactions => Some(value.now.total as f64),
            Rank::Change => value.growth(),
            Rank::Negative => value.now.negative_percent(),
            Rank::Csat => value.now.csat,
            Rank::Cost => value.now.cost_as_number(),
            Rank::Duration => value.now.duration,
        }
    }
}

/// How dimensions are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Comparison {
    pub(crate) rank: Rank,
    pub(crate) descending: bool,
    /// The dimension that shows all its values.
    pub(crate) all: Option<&'static str>,
}

impl Comparison {
    /// Reads an address's `order` (written like `sort`) and `all`.
    pub(crate) fn of(location: &Location) -> Self {
        let order = location.get("order").unwrap_or("-interactions");
        let name = order.strip_prefix('-').unwrap_or(order);
        let rank =
            Rank::ALL.into_iter().find(|(_, known)| *known == name).map_or(Rank::Interactions, |(r, _)| r);
        let all = location.get("all").and_then(|all| DIMENSIONS.into_iter().find(|name| *name == all));
        Comparison { rank, descending: order.starts_with('-'), all }
    }

    /// The same where costs cannot be compared.
    fn without_costs(self) -> Self {
        match self.rank {
            Rank::Cost => Comparison { rank: Rank::Interactions, descending: true, ..self },
            _ => self,
        }
    }

    fn shown(&self, dimension: &str) -> usize {
        if self.all == Some(dimension) { VALUES_ALL } else { VALUES_SHOWN }
    }

    /// The values to measure, most interesting first, and how many values there are, given how often each
    /// occurs now and in the previous period.
    fn candidates(
        &self,
        dimension: &str,
        now: &[FacetCount],
        before: &[FacetCount],
    ) -> (Vec<Option<String>>, usize) {
        let mut counts: HashMap<Option<&str>, (u64, u64)> = HashMap::new();
        for counted in now {
            counts.entry(counted.value.as_str()).or_default().0 = counted.count;
        }
        for counted in before {
            counts.entry(counted.value.as_str()).or_default().1 = counted.count;
        }
        let num_values = counts.len();
        let mut values: Vec<(Option<&str>, (u64, u64))> = counts.into_iter().collect();
        values.sort_by(|(a, (a_now, a_before)), (b, (b_now, b_before))| {
            let growth = |now: u64, before: u64| i128::from(now) - i128::from(before);
            let by_count = b_now.cmp(a_now).then(b_before.cmp(a_before)).then(a.cmp(b));
            match (self.rank, self.descending) {
                (Rank::Change, true) => {
                    growth(*b_now, *b_before).cmp(&growth(*a_now, *a_before)).then(by_count)
                }
                (Rank::Change, false) => {
                    growth(*a_now, *a_before).cmp(&growth(*b_now, *b_before)).then(by_count)
                }
                (Rank::Interactions, false) => a_now.cmp(b_now).then(by_count),
                _ => by_count,
            }
        });
        // Counts are known of every value; everything else has to be measured first.
        let ranked = match self.rank {
            Rank::Interactions | Rank::Change => self.shown(dimension),
            _ => VALUES_ALL,
        };
        let values = values.into_iter().take(ranked).map(|(value, _)| value.map(str::to_owned));
        (values.collect(), num_values)
    }

    /// Sorts measured values; unknown numbers come last in either direction.
    fn ranked(&self, dimension: &str, mut values: Vec<Value>) -> Vec<Value> {
        values.sort_by(|a, b| match (self.rank.of(a), self.rank.of(b)) {
            (Some(a), Some(b)) if self.descending => b.total_cmp(&a),
            (Some(a), Some(b)) => a.total_cmp(&b),
            (a, b) => b.is_some().cmp(&a.is_some()),
        });
        values.truncate(self.shown(dimension));
        values
    }
}

/// Everything on the overview page.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Measured {
    pub(crate) whole: Numbers,
    /// The previous period of the same length, if the selection says where its own begins.
    pub(crate) before: Option<Numbers>,
    /// Per stretch of time.
    pub(crate) over_time: Vec<Numbers>,
    pub(crate) stretches: Stretches,
    /// Per dimension.
    pub(crate) by: Vec<Dimension>,
    /// The distributions of [`DISTRIBUTIONS`], with those of the previous period.
    pub(crate) distributions: Vec<(String, Distribution, Option<Distribution>)>,
    /// The currencies of the costs, ISO 4217, the most frequent first.
    pub(crate) currencies: Vec<String>,
    /// How values were compared.
    pub(crate) comparison: Comparison,
}

impl Measured {
    /// Whether there is enough to compare with.
    pub(crate) fn has_before(&self) -> bool {
        self.before.as_ref().is_some_and(|before| before.total >= COMPARED_MIN)
    }

    /// Whether costs can be added up and compared.
    pub(crate) fn has_one_currency(&self) -> bool {
        self.currencies.len() <= 1
    }

    /// The currency of all costs, if it is one.
    pub(crate) fn currency(&self) -> Option<&str> {
        self.currencies.first().filter(|_| self.has_one_currency()).map(String::as_str)
    }
}

/// Measures the interactions of a selection that started in a period.
///
/// # Errors
/// The errors of a search.
pub(crate) fn measure(
    reader: &dyn Search,
    unbounded: &Selection,
    period: Period,
    clock: &Clock,
    comparison: Comparison,
    deadline: Instant,
) -> Result<Measured, SearchError> {
    let asked = |selection: Selection, facets: &[&str], distributions: &[&str]| {
        let facets = facets.iter().map(|name| (*name).to_owned()).collect();
        request(selection, facets, Vec::new(), distributions, deadline)
    };
    let numbers = |selection| asked(selection, &["sentiment", "csat"], &["total_costs", "duration"]);
    let everything: Vec<&str> = ["sentiment", "csat", "currency"].into_iter().chain(DIMENSIONS).collect();
    let selection = &started_in(unbounded, period.since, period.until);
    let earlier = before(period, clock).map(|(from, to)| started_in(unbounded, Some(from), Some(to)));
    let both = [Some(selection), earlier.as_ref()].into_iter().flatten();
    let both: Vec<OverviewRequest> =
        both.map(|selection| asked(selection.clone(), &everything, &DISTRIBUTIONS)).collect();
    let both = reader.overviews(&both)?;
    let Some((whole, before)) = both.split_first() else { return Err(SearchError::DeadlineExceeded) };
    let before = before.first();
    let currencies = currencies(whole);
    let comparison = if currencies.len() > 1 { comparison.without_costs() } else { comparison };
    let stretches = Stretches::of(reader, selection, period, clock, STRETCHES, deadline)?;

    // Request all compared numbers at once.
    let each_stretch = stretches.iter().map(|(from, to)| started_in(selection, Some(from), Some(to)));
    let values = DIMENSIONS.map(|dimension| {
        let (now, before) =
            (counts(whole, dimension), before.map_or(&[][..], |before| counts(before, dimension)));
        (dimension, comparison.candidates(dimension, now, before))
    });
    let mut asked: Vec<OverviewRequest> = each_stretch.map(numbers).collect();
    for (dimension, value) in
        values.iter().flat_map(|(field, (values, _))| values.iter().map(move |value| (field, value)))
    {
        asked.push(numbers(only(selection, dimension, value.clone())));
        // Only mood and count are compared with the previous period.
        let earlier = earlier.as_ref().map(|earlier| only(earlier, dimension, value.clone()));
        asked.extend(
            earlier.map(|earlier| request(earlier, vec!["sentiment".to_owned()], Vec::new(), &[], deadline)),
        );
    }
    let answers = reader.overviews(&asked)?;
    let mut answers = answers.iter().map(Numbers::of);

    let over_time: Vec<Numbers> = answers.by_ref().take(stretches.len()).collect();
    let mut by = Vec::with_capacity(DIMENSIONS.len());
    for (dimension, (candidates, num_values)) in values {
        let num_ranked = candidates.len();
        let mut values = Vec::with_capacity(candidates.len());
        for value in candidates {
            let Some(now) = answers.next() else { break };
            values.push(Value { value, now, before: before.and_then(|_| answers.next()) });
        }
        let values = comparison.ranked(dimension, values);
        by.push(Dimension { field: dimension, values, num_values, num_ranked });
    }
    let costs_compare = before.is_some_and(|before| self::currencies(before) == currencies);
    let distributions = whole.distributions.iter().map(|(field, distribution)| {
        let before = before.filter(|_| field != "total_costs" || costs_compare);
        let before = before.and_then(|before| before.distributions.iter().find(|(known, _)| known == field));
        (field.clone(), distribution.clone(), before.map(|(_, before)| before.clone()))
    });
    let distributions = distributions.collect();
    let before = before
        .map(Numbers::of)
        .map(|before| Numbers { cost: before.cost.filter(|_| costs_compare), ..before });
    let whole = Numbers::of(whole);
    Ok(Measured { whole, before, over_time, stretches, by, distributions, currencies, comparison })
}

/// The currencies of an overview's costs.
fn currencies(overview: &Overview) -> Vec<String> {
    let known = counts(overview, "currency").iter().filter_map(|counted| counted.value.as_str());
    known.map(str::to_owned).collect()
}

/// Counts per stretch of time.
///
/// # Errors
/// The errors of a search.
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
        // Ranges before the first bound and after the last hold what arrived during the count.
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
        interval: Duration::MAX.into(), // start times are counted by ranges instead
        facets,
        facet_size: VALUES_COUNTED,
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

/// The counts of a facet.
fn counts<'o>(overview: &'o Overview, name: &str) -> &'o [FacetCount] {
    let facet = overview.facets.iter().find(|(facet, _)| facet == name);
    facet.map_or(&[][..], |(_, counts)| counts.as_slice())
}

/// The previous period of the same length, if this one says where it begins. A period still in progress is
/// compared with the same part of the previous one; lengths are in local time, so that days are compared with
/// days when clocks change.
fn before(period: Period, clock: &Clock) -> Option<(Timestamp, Timestamp)> {
    let since = period.since?;
    let until = period.until.map_or(clock.now, |until| until.min(clock.now).max(since));
    let [begin, end] = [since, until].map(|at| clock.local(at).naive_local());
    let from = clock.instant(begin.checked_sub_signed(end.signed_duration_since(begin))?)?;
    (from < since).then_some((from, since))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn days_are_compared_with_days_when_clocks_change() {
        let berlin = Clock::in_zone(at("2026-10-28T11:00:00Z"), "Europe/Berlin").unwrap();
        let period =
            |since: &str, until: Option<&str>| Period { since: Some(at(since)), until: until.map(at) };
        // The Monday after clocks were put back, with the Sunday of 25 hours.
        assert_eq!(
            before(period("2026-10-25T23:00:00Z", Some("2026-10-26T23:00:00Z")), &berlin),
            Some((at("2026-10-24T22:00:00Z"), at("2026-10-25T23:00:00Z")))
        );
        // The week up to now, Wednesday noon, with the same length of time before it.
        assert_eq!(
            before(period("2026-10-25T23:00:00Z", Some("2026-11-01T23:00:00Z")), &berlin),
            Some((at("2026-10-23T10:00:00Z"), at("2026-10-25T23:00:00Z")))
        );
        assert_eq!(before(Period::default(), &berlin), None);
    }

    #[test]
    fn values_that_grew_or_went_come_first_when_change_is_asked_for() {
        let counted = |value: &str, count| FacetCount { value: value.into(), ends: None, count };
        let now = [counted("steady", 9), counted("grown", 7)];
        let before = [counted("steady", 9), counted("gone", 5), counted("grown", 1)];
        let names = |order: &str| {
            let comparison = Comparison::of(&Location::parse(&format!("order={order}")));
            let (values, _) = comparison.candidates("topic", &now, &before);
            values.into_iter().map(Option::unwrap).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(names("-interactions"), "steady grown gone");
        assert_eq!(names("interactions"), "gone grown steady");
        assert_eq!(names("-change"), "grown steady gone");
        assert_eq!(names("change"), "gone steady grown");
    }

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
