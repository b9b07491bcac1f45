//! Numbers for charts over a selection: what can be asked, and the answer.

use std::time::Instant;

use hearken_model::Timestamp;
use hearken_model::field::{FieldKind, field};
use serde::Serialize;

use crate::interval::Interval;
use crate::search::{FacetCount, RangeFacet, SearchError, Selection, check_facet};

/// Most intervals that one overview counts in.
pub const INTERVALS_MAX: usize = 10_000;

/// How finely a [`Distribution`] tells values apart: values below it are, larger ones when they differ by more than one part
/// of it.
const PRECISION: i32 = 256;
/// Buckets of the values that are not negative: the small ones, then [`PRECISION`] for each doubling.
const BUCKETS_A_SIGN: i32 = PRECISION * (64 - PRECISION.ilog2() as i32 + 1);
/// How many buckets of a distribution there are.
pub const DISTRIBUTION_BUCKETS: usize = 2 * BUCKETS_A_SIGN as usize;

/// Which bucket of a distribution a value, in the numbers of [`crate::values`], is in: from 0, below [`DISTRIBUTION_BUCKETS`],
/// ascending with the value.
pub fn distribution_bucket(value: i64) -> u16 {
    let magnitude = value.unsigned_abs();
    let doublings = magnitude.checked_ilog2().unwrap_or(0).saturating_sub(PRECISION.ilog2());
    let place = PRECISION * doublings as i32 + (magnitude >> doublings) as i32;
    let bucket = if value < 0 { BUCKETS_A_SIGN - 1 - place } else { BUCKETS_A_SIGN + place };
    bucket as u16
}

/// One overview.
#[derive(Debug, Clone, PartialEq)]
pub struct OverviewRequest {
    /// Which interactions.
    pub selection: Selection,
    /// Interactions are counted by the interval in which they start.
    pub interval: Interval,
    /// Fields whose values are counted. Unlike a search, each keeps its own filter: all numbers are of one selection.
    pub facets: Vec<String>,
    /// Most values of one facet.
    pub facet_size: usize,
    /// Fields whose values are counted by ranges, with their own filters, too.
    pub ranges: Vec<RangeFacet>,
    /// Fields that hold numbers, seconds or money, to sum up.
    pub distributions: Vec<String>,
    /// When the work must have stopped.
    pub deadline: Option<Instant>,
}

impl OverviewRequest {
    /// Whether it can be answered at all, whatever the engine. The query and the filters are the engine's to check.
    ///
    /// # Errors
    /// [`SearchError::Invalid`].
    pub fn check(&self) -> Result<(), SearchError> {
        self.interval.check()?;
        self.facets.iter().try_for_each(|name| check_facet(name))?;
        self.ranges.iter().try_for_each(|facet| facet.numbers().map(drop))?;
        let is_summable = |name: &str| {
            let kind = field(name).map(|field| field.kind);
            matches!(kind, Some(FieldKind::Integer | FieldKind::Seconds | FieldKind::Money))
        };
        match self.distributions.iter().find(|name| !is_summable(name)) {
            Some(name) => Err(SearchError::Invalid(format!("`{name}` cannot be summed up"))),
            None => Ok(()),
        }
    }
}

/// The answer. Everything is exact but percentiles, see [`Distribution`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Overview {
    /// Interactions that match.
    pub total: u64,
    /// Intervals in which interactions started, in order; intervals without any are left out.
    pub over_time: Vec<IntervalCount>,
    /// Interactions without a start.
    pub without_start: u64,
    /// For each facet and then each of the ranges asked for, see [`crate::search::SearchResponse::facets`].
    pub facets: Vec<(String, Vec<FacetCount>)>,
    /// For each field asked for, in that order.
    pub distributions: Vec<(String, Distribution)>,
}

/// The interactions that started in one interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct IntervalCount {
    /// Its beginning.
    pub from: Timestamp,
    /// Interactions.
    pub count: u64,
}

/// How the values of one field are distributed. Values are shown as facets show them: money as a decimal text, all
/// else as a number; all are `null` without any value. Percentiles are of the nearest rank, and values that occur, but
/// values that differ by less than one part in 256 count as equal to the largest of them: a percentile is at most 0.4 %
/// too large. So an overview takes the same memory however many interactions it is of.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Distribution {
    /// Interactions that have a value.
    pub count: u64,
    /// Of all values; `null` without any, because an unknown cost is not 0.
    pub sum: serde_json::Value,
    /// The smallest.
    pub min: serde_json::Value,
    /// Half of the values are not larger.
    pub p50: serde_json::Value,
    /// 90 % are not larger.
    pub p90: serde_json::Value,
    /// 99 % are not larger.
    pub p99: serde_json::Value,
    /// The largest.
    pub max: serde_json::Value,
}
