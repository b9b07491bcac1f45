//! Interactions over time as bars, each of which leads to the interactions it counts.

use hearken_model::Timestamp;
use maud::{Markup, html};

use super::stretches::{DAY_MS, Stretches};
use crate::clock::Clock;
use crate::format;
use crate::location::Location;
use crate::period::Period;
use crate::plot;

/// Bars of the strip above the list.
pub(crate) const BARS: usize = 60;
/// Longer stretches are labelled by month.
const SEASON_MS: i64 = 28 * DAY_MS;

/// Counts per stretch of time, without gaps.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Volume {
    pub(crate) stretches: Stretches,
    /// Interactions that started in each.
    pub(crate) counts: Vec<u64>,
    /// The period in which the counted interactions started.
    pub(crate) period: Period,
}

impl Volume {
    /// The strip above the list. Scripts allow brushing from bound to bound.
    pub(crate) fn strip(&self, location: &Location, clock: &Clock) -> Markup {
        let bars: Vec<plot::Bar> = self
            .stretches
            .iter()
            .zip(&self.counts)
            .map(|(stretch, count)| plot::Bar {
                label: format!("{}: {}", named(stretch, self.period, clock), format::interactions(*count)),
                value: *count as f64,
                href: (*count > 0).then(|| href(location, self.period.clip(stretch.0, stretch.1), "/")),
                is_partial: is_partial(stretch, self.period, clock),
            })
            .collect();
        let most = self.counts.iter().max().copied().unwrap_or(0);
        let ends = self.stretches.iter().next().zip(self.stretches.iter().last());
        // The times of day at both ends of more than a day say nothing.
        let length_ms = self.stretches.length_ms;
        let is_of_days = length_ms.saturating_mul(self.stretches.len() as i64) > DAY_MS;
        let named_ms = if is_of_days { length_ms.max(DAY_MS) } else { length_ms };
        html! {
            figure.histogram data-bounds=(bounds(&self.stretches, self.period)) {
                (plot::strip("Interactions by start", &bars))
                @if let Some(((first, _), last)) = ends {
                    figcaption.scale {
                        span { (tick(first, named_ms, clock)) }
                        span { "peak " (format::count(most)) " " (each(length_ms)) }
                        span { (last_tick(last, self.period, named_ms, clock)) }
                    }
                }
            }
        }
    }
}

/// Bounds of the stretches, clipped to a period, in milliseconds, for brushing.
pub(super) fn bounds(stretches: &Stretches, period: Period) -> String {
    let clipped: Vec<_> = stretches.iter().map(|(from, to)| period.clip(from, to)).collect();
    let bounds = clipped.iter().map(|(from, _)| *from).chain(clipped.last().map(|(_, to)| *to));
    bounds.map(|bound| bound.as_millis().to_string()).collect::<Vec<_>>().join(" ")
}

/// Whether a stretch extends beyond the period, or is not over.
pub(super) fn is_partial((from, to): (Timestamp, Timestamp), period: Period, clock: &Clock) -> bool {
    period.clip(from, to) != (from, to) || to > clock.now
}

/// The part of a stretch that is in the period: `15 Nov 2026`, `9 Nov 2026 – 15 Nov 2026`, `15 Nov 2026, 06:00 – 12:00`.
pub(super) fn named(stretch: (Timestamp, Timestamp), period: Period, clock: &Clock) -> String {
    let (from, to) = period.clip(stretch.0, stretch.1);
    let last = to.plus_millis(-1);
    let (first_day, last_day) = (format::day(from, clock), format::day(last, clock));
    let time = |at: Timestamp| clock.local(at).format("%H:%M").to_string();
    let said = match (time(from).as_str(), time(to).as_str()) {
        ("00:00", "00:00") if first_day == last_day => first_day,
        ("00:00", "00:00") => format!("{first_day} – {last_day}"),
        (begin, end) if first_day == last_day => format!("{first_day}, {begin} – {end}"),
        (begin, end) => format!("{first_day}, {begin} – {}, {end}", format::day(to, clock)),
    };
    let note = if is_partial(stretch, period, clock) { ", in part" } else { "" };
    said + note
}

/// Where a stretch begins, as short as its length allows.
pub(super) fn tick(begin: Timestamp, length_ms: i64, clock: &Clock) -> String {
    let form = match length_ms {
        ..DAY_MS => {
            let is_midnight = clock.local(begin).time() == chrono::NaiveTime::MIN;
            if length_ms >= DAY_MS / 4 || is_midnight { "%-d %b" } else { "%H:%M" }
        }
        DAY_MS..SEASON_MS => "%-d %b",
        _ => "%b %Y",
    };
    clock.local(begin).format(form).to_string()
}

/// Where the last stretch ends within the period and the past, in the same form; of days, the last of them.
fn last_tick((from, to): (Timestamp, Timestamp), period: Period, length_ms: i64, clock: &Clock) -> String {
    let end = period.clip(from, to).1.min(clock.now.max(from));
    tick(if length_ms < DAY_MS { end } else { end.plus_millis(-1) }, length_ms, clock)
}

/// How often something is counted: `a week`, `in 6 hours`.
fn each(length_ms: i64) -> String {
    const UNITS: [(i64, &str, &str); 4] = [
        (7 * DAY_MS, "a week", "weeks"),
        (DAY_MS, "a day", "days"),
        (DAY_MS / 24, "an hour", "hours"),
        (DAY_MS / 1_440, "a minute", "minutes"),
    ];
    match UNITS.iter().find(|(unit, ..)| length_ms % unit == 0) {
        Some((unit, one, _)) if length_ms == *unit => (*one).to_owned(),
        Some((unit, _, many)) => format!("in {} {many}", length_ms / unit),
        None => String::new(),
    }
}

/// The address of the interactions that started in a stretch.
pub(super) fn href(location: &Location, (from, to): (Timestamp, Timestamp), path: &str) -> String {
    location.set("since", &from.to_string()).set("until", &to.to_string()).href(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_bar_is_labelled_by_its_last_day_and_the_peak_by_its_length() {
        let at = |text: &str| Timestamp::parse(text).unwrap();
        let clock = Clock::utc(at("2026-11-22T10:00:00Z"));
        let last = |from: &str, to: &str, length_ms| {
            last_tick((at(from), at(to)), Period::default(), length_ms, &clock)
        };
        assert_eq!(last("2026-11-09T00:00:00Z", "2026-11-16T00:00:00Z", 7 * DAY_MS), "15 Nov");
        assert_eq!(last("2026-11-16T00:00:00Z", "2026-11-23T00:00:00Z", 7 * DAY_MS), "22 Nov");
        assert_eq!(last("2026-11-22T08:00:00Z", "2026-11-22T09:00:00Z", DAY_MS / 24), "09:00");
        let each = [7, 14].map(|days| each(days * DAY_MS));
        assert_eq!(each, ["a week", "in 2 weeks"]);
        assert_eq!(super::each(DAY_MS / 4), "in 6 hours");
    }

    #[test]
    fn stretches_are_named_by_what_they_cover() {
        let at = |text: &str| Timestamp::parse(text).unwrap();
        let berlin = Clock::in_zone(at("2026-11-22T10:00:00Z"), "Europe/Berlin").unwrap();
        let named = |from: &str, to: &str, since: Option<&str>| {
            named((at(from), at(to)), Period { since: since.map(at), until: None }, &berlin)
        };
        assert_eq!(named("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z", None), "25 Oct 2026");
        assert_eq!(named("2026-11-08T23:00:00Z", "2026-11-15T23:00:00Z", None), "9 Nov 2026 – 15 Nov 2026");
        assert_eq!(named("2026-11-15T05:00:00Z", "2026-11-15T11:00:00Z", None), "15 Nov 2026, 06:00 – 12:00");
        assert_eq!(
            named("2026-11-14T23:00:00Z", "2026-11-15T23:00:00Z", Some("2026-11-15T13:30:00Z")),
            "15 Nov 2026, 14:30 – 00:00, in part"
        );
        assert_eq!(named("2026-11-21T23:00:00Z", "2026-11-22T23:00:00Z", None), "22 Nov 2026, in part");
    }
}
