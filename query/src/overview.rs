//! The numbers for charts over a search.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hearken_index::Search;
use hearken_index::interval::Interval;
use hearken_index::overview::{Distribution, IntervalCount, OverviewRequest};
use hearken_index::query::Query;
use hearken_index::search::FacetCount;
use serde::Serialize;

use crate::http::Caller;
use crate::parameters::{self, SearchParameters};
use crate::problem::Problem;
use crate::search::{in_order, resolve};
use crate::slowest::SearchKind;
use crate::state::AppState;
use crate::words;

/// The facets unless `facets` names others.
pub const FACETS: &[&str] = &["sentiment", "csat", "country", "agent", "llm_model", "topic"];
/// The fields whose sums and percentiles are computed.
pub const DISTRIBUTIONS: &[&str] = &[
    "total_costs",
    "duration",
    "messages_count",
    "first_response",
    "slowest_response",
    "longest_silence",
    "interruptions",
];
/// The interval unless `interval` says otherwise.
pub const INTERVAL_DEFAULT: Duration = Duration::from_secs(24 * 60 * 60);

/// The answer to an overview. Everything is exact except percentiles, which are at most 0.4 % too large. All numbers
/// are about the same interactions, with all filters applied.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OverviewAnswer {
    /// The number of matching interactions.
    pub total: u64,
    /// The length of an interval in seconds, except where clocks change. Intervals begin at multiples of it by local
    /// time in the zone, weeks on Mondays.
    pub interval: u64,
    /// Intervals in which interactions started, in order; empty ones are left out.
    pub over_time: Vec<IntervalCount>,
    /// Interactions whose start is unknown.
    pub without_start: u64,
    /// Counts by value, then by range.
    #[serde(serialize_with = "in_order")]
    pub facets: Vec<(String, Vec<FacetCount>)>,
    /// Sums and percentiles by field.
    #[serde(serialize_with = "in_order")]
    pub distributions: Vec<(String, Distribution)>,
}

/// Answers an overview.
///
/// # Errors
/// Those of a search.
pub async fn overview(
    state: &AppState,
    parameters: SearchParameters,
    caller: &Caller,
    interval: Duration,
) -> Result<OverviewAnswer, Problem> {
    let (caller, slowest) = (caller.clone(), Arc::clone(state.slowest()));
    let work = move |reader: &dyn Search, deadline| {
        let overview = || answer(reader, &parameters, &caller, interval, deadline);
        slowest.time(SearchKind::Overview, &parameters, overview, |answer| answer.total)
    };
    state.run(work).await
}

fn answer(
    reader: &dyn Search,
    parameters: &SearchParameters,
    caller: &Caller,
    interval: Duration,
    deadline: Instant,
) -> Result<OverviewAnswer, Problem> {
    let access = caller.access();
    let query = parameters.text().map_or(Ok(Query::All), |text| resolve(reader, text, access))?;
    words::refuse(caller, &query, parameters)?;
    let has_ranges = |name: &str| parameters.ranges.iter().any(|facet| facet.field == name);
    let default_facets = || FACETS.iter().filter(|name| !has_ranges(name)).map(|name| (*name).to_owned());
    let facets = &parameters.facets;
    let request = OverviewRequest {
        selection: parameters.selection(query, access.clone()),
        interval: Interval { length: interval, zone: parameters.zone.clone() },
        facets: if facets.is_empty() { default_facets().collect() } else { facets.clone() },
        facet_size: parameters.facet_size,
        ranges: parameters.ranges.clone(),
        distributions: DISTRIBUTIONS.iter().map(|name| (*name).to_owned()).collect(),
        deadline: Some(deadline),
    };
    let overview = reader.overview(&request)?;
    Ok(OverviewAnswer {
        total: overview.total,
        interval: interval.as_secs(),
        over_time: overview.over_time,
        without_start: overview.without_start,
        facets: overview.facets,
        distributions: overview.distributions,
    })
}

/// Parses the interval parameter: `minute`, `hour`, `day`, `week`, or a number with `m`, `h`, `d` or `w`.
///
/// # Errors
/// It is not an interval.
pub fn parse_interval(text: &str) -> Result<Duration, Problem> {
    parameters::parse_interval(text).ok_or_else(|| {
        let problem = Problem::new("invalid_parameter", "`interval` is not an interval");
        let hint = Some(parameters::INTERVAL_HINT.to_owned());
        Problem { parameter: Some("interval".into()), hint, ..problem }
    })
}
