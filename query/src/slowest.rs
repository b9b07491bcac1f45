//! The slowest searches of the last hour, for operators.
//!
//! The log has a line for every search that takes a second, with its request but never with what was searched for. That
//! is kept here, in memory only. Callers who could search everything themselves see it; others see its shape: the query
//! without its words and values.

use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use hearken_index::Access;
use hearken_index::search::Sort;
use hearken_model::Timestamp;
use serde::Serialize;

use crate::http::Caller;
use crate::keys::{Permission, now};
use crate::language::{self, HIDDEN, shown_field};
use crate::parameters::SearchParameters;
use crate::problem::Problem;

/// How many to keep.
const SEARCHES_MAX: usize = 20;
/// How long to keep them.
const KEPT_FOR: Duration = Duration::from_secs(60 * 60);
/// Longest shape, and longest query that is kept, in characters.
const SHAPE_CHARS_MAX: usize = 300;
const Q_CHARS_MAX: usize = 1_000;

/// The kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SearchKind {
    /// A page of interactions, with facets.
    Search,
    /// The numbers for charts.
    Overview,
}

/// One of the slowest searches.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SlowSearch {
    /// When it ended.
    pub at: Timestamp,
    /// How long it ran, not counting the wait for a place in the pool.
    pub seconds: f64,
    /// The kind of request.
    pub kind: SearchKind,
    /// Number of matching interactions; `None` if it ran out of time, or for callers who may not know.
    pub total: Option<u64>,
    /// The query and the other parameters, with `…` in place of words, values and metadata keys.
    pub shape: String,
    /// The query as written, for callers who may know it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub q: Option<String>,
}

/// The slowest searches, slowest first.
#[derive(Debug, Default)]
pub(crate) struct SlowSearches(Mutex<Vec<(Instant, SlowSearch)>>);

impl SlowSearches {
    /// Runs a search, and keeps it if it is one of the slowest. Refused searches are not kept.
    pub(crate) fn time<T>(
        &self,
        kind: SearchKind,
        parameters: &SearchParameters,
        search: impl FnOnce() -> Result<T, Problem>,
        total: impl FnOnce(&T) -> u64,
    ) -> Result<T, Problem> {
        let started = Instant::now();
        let answered = search();
        let ended = Instant::now();
        let total = match &answered {
            Ok(answer) => Some(total(answer)),
            Err(problem) if problem.status == StatusCode::SERVICE_UNAVAILABLE => None,
            Err(_) => return answered,
        };
        self.keep(ended, (ended - started).as_secs_f64(), |seconds| SlowSearch {
            at: now(),
            seconds,
            kind,
            total,
            shape: shape(parameters),
            q: parameters.text().map(|text| text.chars().take(Q_CHARS_MAX).collect()),
        });
        answered
    }

    fn keep(&self, ended: Instant, seconds: f64, search: impl FnOnce(f64) -> SlowSearch) {
        let is_slow = |kept: &[(Instant, SlowSearch)]| {
            kept.len() < SEARCHES_MAX || kept.last().is_none_or(|(_, fastest)| fastest.seconds < seconds)
        };
        if !is_slow(&self.fresh(ended)) {
            return;
        }
        let search = search((seconds * 1e6).round() / 1e6); // outside the lock
        let mut kept = self.fresh(ended);
        let place = kept.partition_point(|(_, slower)| slower.seconds >= search.seconds);
        kept.insert(place, (ended, search));
        kept.truncate(SEARCHES_MAX);
    }

    /// Drops those that are too old.
    fn fresh(&self, now: Instant) -> MutexGuard<'_, Vec<(Instant, SlowSearch)>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner); // nothing panics while holding it
        kept.retain(|(ended, _)| now.saturating_duration_since(*ended) < KEPT_FOR);
        kept
    }

    /// What the caller may know: queries and match counts only if they could search all interactions themselves.
    pub(crate) fn shown_to(&self, caller: &Caller) -> Vec<SlowSearch> {
        let may_know = *caller.access() == Access::All && caller.may(Permission::Search);
        let kept = self.fresh(Instant::now());
        let shown = kept.iter().map(|(_, search)| SlowSearch {
            q: search.q.clone().filter(|_| may_know),
            total: search.total.filter(|_| may_know),
            ..search.clone()
        });
        shown.collect()
    }
}

/// The parameters without anything that was searched for.
fn shape(parameters: &SearchParameters) -> String {
    let SearchParameters { facets, ranges, filters, from, to, started, sort, limit, cursor, .. } = parameters;
    let mut shape = String::new();
    // An id is not a query, and is hidden anyway.
    match parameters.text().map(language::parse) {
        Some(Ok(query)) => shape.push_str(&language::shape(&query)),
        Some(Err(_)) => shape.push_str(HIDDEN),
        None => shape.push('*'),
    }
    let times =
        [("from", from.is_some() || started.0.is_some()), ("to", to.is_some() || started.1.is_some())];
    let names = filters.keys().map(|name| shown_field(name));
    let given = names.chain(times.into_iter().filter(|(_, is_given)| *is_given).map(|(name, _)| name));
    for name in given {
        let _ = write!(shape, " {name}={HIDDEN}"); // writing to a String cannot fail
    }
    let lists = [
        ("facets", facets.iter().map(|name| shown_field(name)).collect::<Vec<_>>()),
        ("ranges", ranges.iter().map(|facet| shown_field(&facet.field)).collect()),
    ];
    for (name, fields) in lists.into_iter().filter(|(_, fields)| !fields.is_empty()) {
        let _ = write!(shape, " {name}={}", fields.join(","));
    }
    match sort {
        None => {}
        Some(Sort::Relevance) => shape.push_str(" sort=relevance"),
        Some(Sort::Fields(keys)) => {
            let sign = |descending| if descending { "-" } else { "" };
            let keys = keys.iter().map(|key| format!("{}{}", sign(key.descending), shown_field(&key.field)));
            let _ = write!(shape, " sort={}", keys.collect::<Vec<_>>().join(","));
        }
    }
    let _ = write!(shape, " limit={limit}");
    if cursor.is_some() {
        let _ = write!(shape, " cursor={HIDDEN}");
    }
    if let Some((end, _)) = shape.char_indices().nth(SHAPE_CHARS_MAX) {
        shape.truncate(end);
        shape.push_str(HIDDEN);
    }
    shape
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::parameters::pairs_of_query;

    fn parameters(query: &str) -> SearchParameters {
        SearchParameters::parse(pairs_of_query(query).unwrap(), []).unwrap().0
    }

    #[test]
    fn a_shape_has_nothing_that_was_searched_for() {
        for (query, expected) in [
            ("", "* limit=20"),
            ("q=Zoe+Lovelace", "… … limit=20"),
            ("q=user:Zoe+OR+%22Zoe+L%22~3+-Zo*+Zoee~1", "user:… OR \"… …\"~3 NOT …* …~1 limit=20"),
            ("q=country:Zoe+csat:%3C%3D2+rating:*", "country:… csat:[… TO …] rating:* limit=20"),
            ("q=metadata.zoe:1815+agent:Zo*", "metadata.…:… agent:…* limit=20"),
            (
                "country=Zoe&metadata.zoe=Zoe&from=1815-12-10T00:00:00Z&facets=city,metadata.zoe&limit=0",
                "* country=… metadata.…=… from=… facets=city,metadata.… limit=0",
            ),
            ("ranges=duration:1815&sort=-csat,duration", "* ranges=duration sort=-csat,duration limit=20"),
        ] {
            let shape = shape(&parameters(query));
            assert_eq!(shape, expected, "{query}");
            assert!(!shape.to_lowercase().contains("zo") && !shape.contains("1815"), "{shape}");
        }
        let long = shape(&parameters(&format!("q={}", "a+OR+".repeat(500) + "b")));
        assert_eq!(long.chars().count(), SHAPE_CHARS_MAX + 1, "{long}");
    }

    #[test]
    fn the_slowest_of_the_last_hour_are_kept() {
        let searches = SlowSearches::default();
        let start = Instant::now();
        let keep = |after_s: u64, seconds: f64| {
            searches.keep(start + Duration::from_secs(after_s), seconds, |seconds| SlowSearch {
                at: now(),
                seconds,
                kind: SearchKind::Search,
                total: Some(1),
                shape: String::new(),
                q: None,
            });
        };
        let kept = |after_s: u64| -> Vec<f64> {
            let kept = searches.fresh(start + Duration::from_secs(after_s));
            kept.iter().map(|(_, search)| search.seconds).collect()
        };
        keep(0, 100.0);
        for number in 1..=30 {
            keep(1_000, f64::from(number % 15) + f64::from(number) / 100.0);
        }
        let all = kept(1_000);
        assert_eq!((all.len(), all[0], all[1]), (SEARCHES_MAX, 100.0, 14.29), "{all:?}");
        assert!(all.is_sorted_by(|one, other| one > other), "{all:?}");
        assert_eq!(kept(3_600)[0], 14.29);
        keep(3_600, 0.01);
        assert_eq!(kept(3_600).len(), SEARCHES_MAX, "there is room again for a fast one");
        assert_eq!(kept(4_600), [0.01]);
    }

    #[test]
    fn what_runs_out_of_time_is_kept_and_what_is_refused_is_not() {
        let searches = SlowSearches::default();
        let run = |answer: Result<u64, Problem>| {
            drop(searches.time(SearchKind::Search, &parameters("q=refund"), || answer, |total| *total));
        };
        run(Ok(3));
        run(Err(Problem::search_timeout()));
        run(Err(Problem::new("query_too_large", "it is")));
        let mut totals: Vec<_> =
            searches.shown_to(&Caller::anybody()).into_iter().map(|search| search.total).collect();
        totals.sort();
        assert_eq!(totals, [None, Some(3)]);
    }
}
