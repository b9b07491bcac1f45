//! When interactions must have started: an address's `since` and `until`, in the reader's zone.
//!
//! Each is a day (`2026-11-15`), a span of days (`today`, `yesterday`, `this-week`, `last-week`,
//! `this-month`, `last-month`), or an instant in RFC 3339. `since` takes the beginning of a span and `until`
//! its end; an instant as `until` is exclusive. `since` may also be a distance from now (`24h`, `7d`), so
//! that a saved view means the last week whenever it is opened.

use chrono::{Datelike as _, Months, NaiveDate, TimeDelta};
use hearken_model::Timestamp;
use hearken_query::Problem;

use crate::clock::Clock;
use crate::format;
use crate::location::Location;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Most units in a distance: more than the years that a timestamp can hold.
const UNITS_MAX: i64 = 100_000;

/// A preset period: `since`, `until` and its name.
pub(crate) type Preset = (&'static str, Option<&'static str>, &'static str);

pub(crate) const PRESETS: [Preset; 10] = [
    ("today", None, "Today"),
    ("yesterday", Some("yesterday"), "Yesterday"),
    ("24h", None, "Last 24 hours"),
    ("7d", None, "Last 7 days"),
    ("this-week", None, "This week"),
    ("last-week", Some("last-week"), "Last week"),
    ("30d", None, "Last 30 days"),
    ("this-month", None, "This month"),
    ("last-month", Some("last-month"), "Last month"),
    ("90d", None, "Last 90 days"),
];

/// From the first instant, until just before the second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Period {
    pub(crate) since: Option<Timestamp>,
    pub(crate) until: Option<Timestamp>,
}

/// A bound in an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PeriodBound {
    Instant(Timestamp),
    Day(NaiveDate),
    BackMs(i64),
    Span(CalendarSpan),
}

/// A calendar span, relative to a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CalendarSpan {
    Day {
        ago: i64,
    },
    /// Begins on Monday.
    Week {
        ago: i64,
    },
    Month {
        ago: u32,
    },
}

/// The names of spans.
const SPANS: [(&str, CalendarSpan); 6] = [
    ("today", CalendarSpan::Day { ago: 0 }),
    ("yesterday", CalendarSpan::Day { ago: 1 }),
    ("this-week", CalendarSpan::Week { ago: 0 }),
    ("last-week", CalendarSpan::Week { ago: 1 }),
    ("this-month", CalendarSpan::Month { ago: 0 }),
    ("last-month", CalendarSpan::Month { ago: 1 }),
];

impl CalendarSpan {
    /// The first day, and the day after the last.
    fn days(self, today: NaiveDate) -> Option<(NaiveDate, NaiveDate)> {
        match self {
            CalendarSpan::Day { ago } => {
                let day = today.checked_sub_signed(TimeDelta::days(ago))?;
                Some((day, day.succ_opt()?))
            }
            CalendarSpan::Week { ago } => {
                let since_monday = i64::from(today.weekday().num_days_from_monday());
                let monday = today.checked_sub_signed(TimeDelta::days(since_monday + 7 * ago))?;
                Some((monday, monday.checked_add_signed(TimeDelta::days(7))?))
            }
            CalendarSpan::Month { ago } => {
                let first = today.with_day(1)?.checked_sub_months(Months::new(ago))?;
                Some((first, first.checked_add_months(Months::new(1))?))
            }
        }
    }
}

impl Period {
    /// The period of an address. Distances count from its `as_of`, so that all pages of a search share one
    /// period.
    ///
    /// # Errors
    /// An invalid bound, or an end before the beginning.
    pub(crate) fn parse(location: &Location, clock: &Clock) -> Result<Self, Problem> {
        let as_of = location.get("as_of").and_then(|at| Timestamp::parse(at).ok()).unwrap_or(clock.now);
        let bound = |name: &str| {
            let Some(text) = location.get(name) else { return Ok(None) };
            let instant = PeriodBound::parse(text)
                .filter(|bound| name == "since" || !matches!(bound, PeriodBound::BackMs(_)))
                .and_then(|bound| bound.instant(&clock.at(as_of), name == "until"));
            instant.map(Some).ok_or_else(|| wrong(name, text))
        };
        let period = Period { since: bound("since")?, until: bound("until")? };
        match (period.since, period.until) {
            (Some(since), Some(until)) if since > until => {
                let problem = Problem::new("invalid_parameter", "the period ends before it begins");
                Err(Problem { parameter: Some("until".into()), ..problem })
            }
            _ => Ok(period),
        }
    }

    /// Both ends, as search parameters.
    pub(crate) fn bounds(self) -> (Option<Timestamp>, Option<Timestamp>) {
        (self.since, self.until)
    }

    /// The part of a stretch of time inside the period.
    pub(crate) fn clip(self, from: Timestamp, to: Timestamp) -> (Timestamp, Timestamp) {
        (self.since.map_or(from, |since| since.max(from)), self.until.map_or(to, |until| until.min(to)))
    }
}

/// The human-readable period of an address; `None` means all time. An unreadable bound is shown as it is.
pub(crate) fn label(location: &Location, clock: &Clock) -> Option<String> {
    let (since, until) = (location.get("since"), location.get("until"));
    let preset = PRESETS.iter().find(|preset| is_of(preset, location));
    let shown = |text: &str, is_end: bool| match PeriodBound::parse(text) {
        Some(PeriodBound::Instant(at)) => clock.local(at).format("%-d %b %Y, %H:%M").to_string(),
        Some(PeriodBound::Day(day)) => day.format("%-d %b %Y").to_string(),
        Some(bound @ PeriodBound::Span(_)) => match bound.instant(clock, is_end) {
            Some(end) if is_end => format::day(end.plus_millis(-1), clock),
            Some(begin) => format::day(begin, clock),
            None => text.to_owned(),
        },
        Some(PeriodBound::BackMs(_)) | None => text.to_owned(),
    };
    match (preset, since, until) {
        (Some((.., name)), ..) => Some((*name).to_owned()),
        (None, None, None) => None,
        (None, Some(since), None) => Some(match PeriodBound::parse(since) {
            Some(PeriodBound::BackMs(ms)) if ms > DAY_MS && ms % DAY_MS == 0 => {
                format!("Last {} days", ms / DAY_MS)
            }
            Some(PeriodBound::BackMs(ms)) => format!("Last {} hours", ms / HOUR_MS),
            _ => format!("Since {}", shown(since, false)),
        }),
        (None, None, Some(until)) => Some(format!("Until {}", shown(until, true))),
        (None, Some(since), Some(until)) => {
            let (since, until) = (shown(since, false), shown(until, true));
            Some(if since == until { since } else { format!("{since} – {until}") })
        }
    }
}

/// Whether an address asks for this preset.
pub(crate) fn is_of((since, until, _): &Preset, location: &Location) -> bool {
    location.get("since") == Some(since) && location.get("until") == *until
}

/// The day of a bound, to start from when choosing another.
pub(crate) fn day(location: &Location, name: &str, clock: &Clock) -> Option<String> {
    let date = match PeriodBound::parse(location.get(name)?)? {
        PeriodBound::Day(day) => day,
        // An exclusive end belongs to the day before it.
        bound if name == "until" => clock.local(bound.instant(clock, true)?.plus_millis(-1)).date_naive(),
        bound => clock.local(bound.instant(clock, false)?).date_naive(),
    };
    Some(date.format("%Y-%m-%d").to_string())
}

/// Whether a period depends on the current time.
pub(crate) fn is_relative(location: &Location) -> bool {
    let bounds = ["since", "until"].into_iter().filter_map(|name| PeriodBound::parse(location.get(name)?));
    bounds.into_iter().any(|bound| matches!(bound, PeriodBound::BackMs(_) | PeriodBound::Span(_)))
}

impl PeriodBound {
    fn parse(text: &str) -> Option<PeriodBound> {
        if let Ok(at) = Timestamp::parse(text) {
            return Some(PeriodBound::Instant(at));
        }
        if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            return Some(PeriodBound::Day(day));
        }
        if let Some((_, span)) = SPANS.iter().find(|(name, _)| *name == text) {
            return Some(PeriodBound::Span(*span));
        }
        let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let unit_hours = match unit {
            "h" => 1,
            "d" => 24,
            "w" => 7 * 24,
            _ => return None,
        };
        let number = number.parse::<i64>().ok().filter(|number| (1..=UNITS_MAX).contains(number))?;
        Some(PeriodBound::BackMs(number * unit_hours * HOUR_MS))
    }

    /// The instant; a day as an upper bound is included.
    fn instant(self, clock: &Clock, is_end: bool) -> Option<Timestamp> {
        match self {
            PeriodBound::Instant(at) => Some(at),
            PeriodBound::Day(day) if is_end => clock.begin_of_day(day.succ_opt()?),
            PeriodBound::Day(day) => clock.begin_of_day(day),
            PeriodBound::BackMs(ms) => Some(clock.now.plus_millis(-ms)),
            PeriodBound::Span(span) => {
                let (first, behind) = span.days(clock.local(clock.now).date_naive())?;
                clock.begin_of_day(if is_end { behind } else { first })
            }
        }
    }
}

fn wrong(name: &str, text: &str) -> Problem {
    let shown: String = text.chars().take(64).collect();
    let problem = Problem::new("invalid_parameter", format!("`{shown}` is not a time"));
    let hint = match name {
        "since" => {
            "write a day, an RFC 3339 time, a span such as `today` or `last-week`, or a distance such as `7d`"
        }
        _ => "write a day, an RFC 3339 time, or a span such as `yesterday` or `last-week`",
    };
    Problem { parameter: Some(name.into()), hint: Some(hint.to_owned()), ..problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(zone: &str) -> Clock {
        Clock::in_zone(Timestamp::parse("2026-11-22T12:30:00Z").unwrap(), zone).unwrap()
    }

    fn period(query: &str, zone: &str) -> (String, String) {
        let period = Period::parse(&Location::parse(query), &clock(zone)).unwrap();
        let shown = |at: Option<Timestamp>| at.map_or("…".to_owned(), |at| at.to_string());
        (shown(period.since), shown(period.until))
    }

    fn pair(since: &str, until: &str) -> (String, String) {
        (since.to_owned(), until.to_owned())
    }

    #[test]
    fn days_are_those_of_the_zone_and_the_last_one_counts() {
        assert_eq!(
            period("since=2026-11-15&until=2026-11-15", "UTC"),
            pair("2026-11-15T00:00:00Z", "2026-11-16T00:00:00Z")
        );
        assert_eq!(
            period("since=2026-11-15&until=2026-11-20", "Asia/Kolkata"),
            pair("2026-11-14T18:30:00Z", "2026-11-20T18:30:00Z")
        );
    }

    #[test]
    fn distances_count_from_the_first_page() {
        assert_eq!(period("since=24h", "UTC"), pair("2026-11-21T12:30:00Z", "…"));
        assert_eq!(period("since=2w&as_of=2026-11-20T00:00:00Z", "UTC"), pair("2026-11-06T00:00:00Z", "…"));
        assert_eq!(period("since=today", "Pacific/Auckland"), pair("2026-11-22T11:00:00Z", "…"));
    }

    #[test]
    fn spans_are_whole_days_weeks_and_months_of_the_zone() {
        // It is Sunday, 22 November.
        for (span, zone, expected) in [
            ("yesterday", "UTC", pair("2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z")),
            ("last-week", "Europe/Berlin", pair("2026-11-08T23:00:00Z", "2026-11-15T23:00:00Z")),
            ("this-week", "UTC", pair("2026-11-16T00:00:00Z", "2026-11-23T00:00:00Z")),
            // In Auckland it is already Monday.
            ("last-week", "Pacific/Auckland", pair("2026-11-15T11:00:00Z", "2026-11-22T11:00:00Z")),
            ("this-month", "UTC", pair("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z")),
            // Clocks were put back on 25 October.
            ("last-month", "Europe/Berlin", pair("2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z")),
        ] {
            assert_eq!(period(&format!("since={span}&until={span}"), zone), expected, "{span}");
        }
        assert_eq!(
            period("since=last-week&until=yesterday", "UTC"),
            pair("2026-11-09T00:00:00Z", "2026-11-22T00:00:00Z")
        );
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for query in [
            "since=soon",
            "until=7d",
            "since=0d",
            "since=999999999d",
            "since=2026-11-31",
            "until=é",
            "since=d",
        ] {
            let problem = Period::parse(&Location::parse(query), &clock("UTC")).unwrap_err();
            assert_eq!(problem.parameter.as_deref(), query.split('=').next(), "{query}");
        }
        let upside_down = Location::parse("since=2026-11-20&until=2026-11-01");
        assert!(Period::parse(&upside_down, &clock("UTC")).is_err());
    }

    #[test]
    fn periods_read_as_people_say_them() {
        let label = |query: &str| label(&Location::parse(query), &clock("Europe/Berlin"));
        assert_eq!(label("q=x"), None);
        assert_eq!(label("since=7d").as_deref(), Some("Last 7 days"));
        assert_eq!(label("since=2w").as_deref(), Some("Last 14 days"));
        assert_eq!(label("since=36h").as_deref(), Some("Last 36 hours"));
        assert_eq!(label("since=2026-11-15&until=2026-11-15").as_deref(), Some("15 Nov 2026"));
        assert_eq!(
            label("since=2026-11-15T23:00:00Z&until=2026-11-16T11:00:00Z").as_deref(),
            Some("16 Nov 2026, 00:00 – 16 Nov 2026, 12:00")
        );
        assert_eq!(label("since=last-week&until=last-week").as_deref(), Some("Last week"));
        assert_eq!(label("since=this-week").as_deref(), Some("This week"));
        assert_eq!(label("since=last-week&until=yesterday").as_deref(), Some("9 Nov 2026 – 21 Nov 2026"));
        assert_eq!(label("until=2026-11-01").as_deref(), Some("Until 1 Nov 2026"));
    }
}
