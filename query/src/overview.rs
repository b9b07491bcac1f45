//! The numbers for charts over a search.

use std::time::Duration;

use hearken_index::IndexReader;
use hearken_index::overview::{Distribution, IntervalCount, OverviewRequest};
use hearken_index::query::Query;
use hearken_index::search::FacetCount;
use serde::Serialize;

use crate::parameters::SearchParameters;
use crate::problem::Problem;
use crate::search::{Organizations, in_order, resolve};
use crate::state::AppState;

/// What is counted unless `facets` says otherwise.
pub const FACETS: &[&str] = &["sentiment", "csat", "country", "agent", "llm_model", "topic"];
/// What is summed up.
pub const DISTRIBUTIONS: &[&str] = &["total_costs", "duration", "messages_count"];
/// The interval unless `interval` says otherwise.
pub const INTERVAL_DEFAULT: Duration = Duration::from_secs(24 * 60 * 60);

/// The answer to an overview. Everything is exact but percentiles, which are at most 0.4 % too large, and of the same
/// interactions, filters included.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OverviewAnswer {
    /// Interactions that match.
    pub total: u64,
    /// Seconds that one interval lasts; intervals begin at multiples of it since 1970 UTC, weeks on Mondays.
    pub interval: u64,
    /// Intervals in which interactions started, in order; those without any are left out.
    pub over_time: Vec<IntervalCount>,
    /// Interactions whose start is unknown.
    pub without_start: u64,
    /// Counts by value.
    #[serde(serialize_with = "in_order")]
    pub facets: Vec<(String, Vec<FacetCount>)>,
    /// Sums and percentiles by field.
    #[serde(serialize_with = "in_order")]
    pub distributions: Vec<(String, Distribution)>,
}

/// Answers an overview.
///
/// # Errors
/// Like a search.
pub async fn overview(
    state: &AppState,
    parameters: SearchParameters,
    organizations: Organizations,
    interval: Duration,
) -> Result<OverviewAnswer, Problem> {
    let work = move |reader: &IndexReader, deadline| {
        let query = parameters.text().map_or(Ok(Query::All), |text| resolve(reader, text))?;
        let default_facets = || FACETS.iter().map(|name| (*name).to_owned()).collect();
        let request = OverviewRequest {
            selection: parameters.selection(query, organizations),
            interval,
            facets: if parameters.facets.is_empty() { default_facets() } else { parameters.facets },
            facet_size: parameters.facet_size,
            distributions: DISTRIBUTIONS.iter().map(|name| (*name).to_owned()).collect(),
            deadline: Some(deadline),
        };
        let overview = reader.overview(&request)?;
        Ok::<_, Problem>(OverviewAnswer {
            total: overview.total,
            interval: interval.as_secs(),
            over_time: overview.over_time,
            without_start: overview.without_start,
            facets: overview.facets,
            distributions: overview.distributions,
        })
    };
    state.run(work).await
}

/// The interval that a text names: `minute`, `hour`, `day`, `week`, or a number with `m`, `h`, `d` or `w`.
///
/// # Errors
/// It names none.
pub fn parse_interval(text: &str) -> Result<Duration, Problem> {
    let (number, unit) = match text {
        "minute" | "hour" | "day" | "week" => ("1", &text[..1]),
        _ => text.split_at(text.char_indices().last().map_or(0, |(last, _)| last)),
    };
    let unit_seconds = match unit {
        "m" => Some(60_u64),
        "h" => Some(60 * 60),
        "d" => Some(24 * 60 * 60),
        "w" => Some(7 * 24 * 60 * 60),
        _ => None,
    };
    let number = number.parse::<u32>().ok().filter(|number| (1..=100_000).contains(number));
    match (number, unit_seconds) {
        (Some(number), Some(seconds)) => Ok(Duration::from_secs(u64::from(number) * seconds)),
        _ => {
            let problem = Problem::new("invalid_parameter", "`interval` is no interval");
            let hint = Some("write `minute`, `hour`, `day`, `week`, or for instance `15m`".to_owned());
            Err(Problem { parameter: Some("interval".into()), hint, ..problem })
        }
    }
}
