//! Equal stretches of time that begin at round local times.

use std::time::Instant;

use chrono::{Datelike as _, NaiveDate, NaiveDateTime, TimeDelta, Timelike as _};
use hearken_model::{Interaction, Timestamp};
use hearken_query::index::search::{Hit, SearchParts, SearchRequest, Selection, Sort, SortKey};
use hearken_query::index::{Search, SearchError};

use crate::clock::Clock;
use crate::period::Period;

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;
pub(super) const DAY_MS: i64 = 24 * HOUR_MS;
/// Lengths with a name of their own; beyond the last, multiples of it.
const LENGTHS_MS: [i64; 14] = [
    MINUTE_MS,
    5 * MINUTE_MS,
    15 * MINUTE_MS,
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

/// Consecutive stretches of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stretches {
    /// Ascending; each stretch lasts from one bound until just before the next. Fewer than two bounds make no
    /// stretch.
    bounds: Vec<Timestamp>,
    /// The length of a stretch, except where clocks change.
    pub(crate) length_ms: i64,
}

impl Stretches {
    /// The stretches that cover a selection whose interactions started in `period`: at most `wanted + 1`.
    ///
    /// # Errors
    /// The errors of a search.
    pub(crate) fn of(
        reader: &dyn Search,
        selection: &Selection,
        period: Period,
        clock: &Clock,
        wanted: usize,
        deadline: Instant,
    ) -> Result<Self, SearchError> {
        let extreme = |descending| -> Result<Option<Timestamp>, SearchError> {
            let found = first_by(reader, selection, "start_time", descending, deadline)?;
            Ok(found.and_then(|interaction| interaction.start_time))
        };
        let nothing = Stretches { bounds: Vec::new(), length_ms: DAY_MS };
        let first = match period.since {
            Some(since) => since,
            None => match extreme(false)? {
                Some(first) => first,
                None => return Ok(nothing),
            },
        };
        // A chosen period without an end lasts until now, or until the last start if a producer's clock is
        // ahead.
        let last = match period.until {
            Some(until) => until.plus_millis(-1),
            None => match (extreme(true)?, period.since) {
                (Some(last), None) => last,
                (last, Some(_)) => last.map_or(clock.now, |last| last.max(clock.now)),
                (None, None) => return Ok(nothing),
            },
        };
        Ok(Self::cut(first, last.max(first), clock, wanted))
    }

    fn cut(first: Timestamp, last: Timestamp, clock: &Clock, wanted: usize) -> Self {
        let wanted = i64::try_from(wanted.max(1)).unwrap_or(i64::MAX);
        let span_ms = last.as_millis() - first.as_millis(); // `millis_since` saturates after 292 years
        let longest = LENGTHS_MS[LENGTHS_MS.len() - 1];
        let length_ms = LENGTHS_MS
            .into_iter()
            .find(|length| length.saturating_mul(wanted) > span_ms)
            .unwrap_or_else(|| (span_ms / wanted / longest + 1).saturating_mul(longest));
        let length = TimeDelta::milliseconds(length_ms);
        let mut bounds: Vec<Timestamp> = Vec::new();
        // Begin one stretch early: the first bound may be later than the local time that it stands for.
        let begin = round_down(clock.local(first).naive_local(), length_ms);
        let before = begin.and_then(|begin| begin.checked_sub_signed(length));
        let mut local = before.filter(|before| clock.instant(*before).is_some()).or(begin);
        while let Some(at) = local.and_then(|local| clock.instant(local)) {
            if at <= first {
                bounds.clear();
            }
            if bounds.last().is_none_or(|before| *before < at) {
                bounds.push(at);
            }
            if at > last {
                break;
            }
            local = local.and_then(|local| local.checked_add_signed(length));
        }
        Stretches { bounds, length_ms }
    }

    /// Every stretch: its beginning and the first instant after it.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Timestamp, Timestamp)> + '_ {
        self.bounds.windows(2).map(|bounds| (bounds[0], bounds[1]))
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.bounds.len().saturating_sub(1)
    }

    /// Every bound, ascending.
    pub(crate) fn bounds(&self) -> &[Timestamp] {
        &self.bounds
    }
}

/// The last round local time that is not later: by the clock within a day, in whole days from a Monday
/// beyond.
fn round_down(local: NaiveDateTime, length_ms: i64) -> Option<NaiveDateTime> {
    if length_ms < DAY_MS {
        let of_day_ms = i64::from(local.num_seconds_from_midnight()) * SECOND_MS;
        let midnight = local.date().and_hms_opt(0, 0, 0)?;
        return midnight.checked_add_signed(TimeDelta::milliseconds(of_day_ms / length_ms * length_ms));
    }
    let days = i32::try_from(length_ms / DAY_MS).ok()?;
    let since_monday = local.date().num_days_from_ce() - 1; // the first day of year 1 was a Monday
    NaiveDate::from_num_days_from_ce_opt(since_monday.div_euclid(days) * days + 1)?.and_hms_opt(0, 0, 0)
}

/// The first interaction when sorted by one field.
fn first_by(
    reader: &dyn Search,
    selection: &Selection,
    field: &str,
    descending: bool,
    deadline: Instant,
) -> Result<Option<Interaction>, SearchError> {
    let request = SearchRequest::try_new(SearchParts {
        selection: selection.clone(),
        facets: Vec::new(),
        facet_size: 1,
        ranges: Vec::new(),
        sort: Sort::Fields(vec![SortKey { field: field.to_owned(), descending }]),
        limit: 1,
        cursor: None,
        deadline: Some(deadline),
    })?;
    let response = reader.search(&request)?;
    response.hits.first().map(Hit::head).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn cut(first: &str, last: &str, zone: &str, wanted: usize) -> Stretches {
        let clock = Clock::in_zone(Timestamp::EPOCH, zone).unwrap();
        Stretches::cut(at(first), at(last), &clock, wanted)
    }

    #[test]
    fn stretches_have_lengths_that_can_be_named_and_cover_everything() {
        let stretches = cut("2026-11-15T10:07:00Z", "2026-11-22T09:59:00Z", "UTC", 24);
        assert_eq!(stretches.length_ms, 12 * HOUR_MS);
        assert_eq!(stretches.iter().next().unwrap().0, at("2026-11-15T00:00:00Z"));
        assert_eq!(stretches.len(), 15);
        let alone = cut("2026-11-15T10:07:00Z", "2026-11-15T10:07:00Z", "UTC", 24);
        assert_eq!(
            alone.iter().collect::<Vec<_>>(),
            [(at("2026-11-15T10:07:00Z"), at("2026-11-15T10:08:00Z"))]
        );
        for zone in ["UTC", "Asia/Kathmandu", "America/Caracas"] {
            let all = cut("1800-01-01T00:00:00Z", "2200-01-01T00:00:00Z", zone, 24);
            assert!((20..=26).contains(&all.len()), "{}", all.len());
        }
    }

    #[test]
    fn days_begin_at_local_midnight_also_when_clocks_change() {
        let stretches = cut("2026-10-20T10:00:00Z", "2026-10-30T10:00:00Z", "Europe/Berlin", 12);
        let begins: Vec<String> = stretches.iter().map(|(begin, _)| begin.to_string()).collect();
        assert_eq!(begins[0], "2026-10-19T22:00:00Z");
        assert_eq!(begins[10], "2026-10-29T23:00:00Z");
        assert_eq!(begins.len(), 11);
        let hours: Vec<i64> =
            stretches.iter().map(|(begin, end)| end.millis_since(begin) / HOUR_MS).collect();
        assert_eq!(hours, [24, 24, 24, 24, 24, 25, 24, 24, 24, 24, 24]);
        let stretches = cut("2026-03-27T10:00:00Z", "2026-03-31T10:00:00Z", "Europe/Berlin", 5);
        let hours: Vec<i64> =
            stretches.iter().map(|(begin, end)| end.millis_since(begin) / HOUR_MS).collect();
        assert_eq!(hours, [24, 24, 23, 24, 24], "clocks are put forward on Sunday");
    }

    #[test]
    fn weeks_begin_on_mondays() {
        let stretches = cut("2026-06-03T00:00:00Z", "2026-11-22T00:00:00Z", "UTC", 30);
        assert_eq!(stretches.length_ms, 7 * DAY_MS);
        assert_eq!(stretches.iter().next().unwrap().0, at("2026-06-01T00:00:00Z"));
        let stretches = cut("2026-06-03T00:00:00Z", "2026-11-22T00:00:00Z", "America/Los_Angeles", 30);
        assert_eq!(stretches.iter().next().unwrap().0, at("2026-06-01T07:00:00Z"), "on Monday, 0:00 there");
        let last = stretches.iter().last().unwrap();
        assert_eq!(last, (at("2026-11-16T08:00:00Z"), at("2026-11-23T08:00:00Z")));
    }
}
