//! Intervals of time by the clocks of a zone: which one an instant lies in, where it begins and ends.

use std::sync::Arc;
use std::time::Duration;

use crate::search::InvalidRequest;

const HOUR_NANOS: i64 = 60 * 60 * 1_000_000_000;
const WEEK_NANOS: i64 = 7 * 24 * HOUR_NANOS;
/// 5 January 1970: weeks begin on Mondays (ISO 8601).
const FIRST_MONDAY_NANOS: i64 = 4 * 24 * HOUR_NANOS;

/// Intervals side by side. They begin where the clocks of the zone show multiples of the length, counted from the
/// beginning of 1970, weeks and multiples of a week from a Monday. Where clocks are put forward or back, an interval that is
/// longer than an hour is shorter or longer: days have 23 or 25 hours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interval {
    /// How long one lasts, at least a millisecond.
    pub length: Duration,
    /// Whose clocks.
    pub zone: Zone,
}

impl From<Duration> for Interval {
    /// In UTC.
    fn from(length: Duration) -> Self {
        Interval { length, zone: Zone::default() }
    }
}

/// What clocks of a zone show: their distance from UTC, from one instant to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(Arc<[Offset]>);

/// A distance from UTC, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Offset {
    /// From this instant on.
    since: i64,
    ahead: i64,
}

impl Default for Zone {
    /// UTC.
    fn default() -> Self {
        Zone::new(0, [])
    }
}

impl Zone {
    /// A zone whose clocks are `first` seconds ahead of UTC, and of each following pair, from its instant (seconds since
    /// 1970, ascending) on, this many seconds.
    pub fn new(first: i32, changes: impl IntoIterator<Item = (i64, i32)>) -> Self {
        let nanos = |seconds: i64| seconds.saturating_mul(1_000_000_000);
        let changes = changes
            .into_iter()
            .map(|(since, ahead)| Offset { since: nanos(since), ahead: nanos(ahead.into()) });
        let first = Offset { since: i64::MIN, ahead: nanos(first.into()) };
        Zone(std::iter::once(first).chain(changes).collect())
    }

    fn ahead(&self, instant: i64) -> i64 {
        let idx = self.0.partition_point(|offset| offset.since <= instant).saturating_sub(1);
        self.0[idx].ahead
    }

    /// The first instant at which clocks show this time or have passed it.
    fn instant(&self, local: i128) -> Option<i64> {
        // Clocks differ from UTC by less than two days.
        let near = i64::try_from(local - i128::from(48 * HOUR_NANOS)).unwrap_or(i64::MIN);
        let first = self.0.partition_point(|offset| offset.since <= near).saturating_sub(1);
        self.0[first..].iter().enumerate().find_map(|(idx, offset)| {
            let end = self.0.get(first + idx + 1).map_or(i128::MAX, |next| i128::from(next.since));
            // The first has always been.
            let since = if first + idx == 0 { i128::MIN } else { offset.since.into() };
            let at = (local - i128::from(offset.ahead)).max(since);
            if at < end { Some(i64::try_from(at).ok()) } else { None }
        })?
    }
}

impl Interval {
    /// Whether anything can be counted in it.
    ///
    /// # Errors
    /// [`InvalidRequest`]: it is too short.
    pub(crate) fn check(&self) -> Result<(), InvalidRequest> {
        if self.length < Duration::from_millis(1) {
            return Err(InvalidRequest("the interval is too short".to_owned()));
        }
        Ok(())
    }

    /// The longest step, in whole milliseconds, that no interval begins within: instants between `from` and `to` that lie in
    /// the same step, counted from the beginning of 1970, lie in the same interval. `None` if a millisecond is too long. For
    /// engines that count by steps.
    pub fn step_millis(&self, from: i64, to: i64) -> Option<i64> {
        const NANOS_PER_MILLISECOND: i128 = 1_000_000;
        let length = i128::try_from(self.length.as_nanos()).unwrap_or(i128::MAX).max(1);
        let origin = if length % i128::from(WEEK_NANOS) == 0 { FIRST_MONDAY_NANOS } else { 0 };
        let mut step = greatest_common_divisor(length, origin.into());
        for (idx, offset) in self.zone.0.iter().enumerate() {
            let is_over = self.zone.0.get(idx + 1).is_some_and(|next| next.since <= from);
            if is_over || offset.since > to {
                continue;
            }
            step = greatest_common_divisor(step, offset.ahead.into());
            if offset.since > from {
                step = greatest_common_divisor(step, offset.since.into());
            }
        }
        (step % NANOS_PER_MILLISECOND == 0)
            .then(|| i64::try_from(step / NANOS_PER_MILLISECOND).unwrap_or(i64::MAX))
    }

    /// The interval that an instant lies in, in nanoseconds: its begin and the first instant after it; `None` for an end
    /// beyond what a timestamp can hold.
    pub fn around(&self, instant: i64) -> (Option<i64>, Option<i64>) {
        let length = i128::try_from(self.length.as_nanos()).unwrap_or(i128::MAX).max(1);
        let origin = if length % i128::from(WEEK_NANOS) == 0 { FIRST_MONDAY_NANOS.into() } else { 0 };
        let ahead = i128::from(self.zone.ahead(instant));
        let local = i128::from(instant) + ahead;
        let begin = local - (local - origin).rem_euclid(length);
        if length <= i128::from(HOUR_NANOS) {
            // An hour that clocks show twice is two hours.
            let at = |local: i128| i64::try_from(local - ahead).ok();
            (at(begin), at(begin + length))
        } else {
            (self.zone.instant(begin), self.zone.instant(begin + length))
        }
    }
}

fn greatest_common_divisor(a: i128, b: i128) -> i128 {
    let (mut a, mut b) = (a.abs(), b.abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use hearken_model::Timestamp;
    use proptest::prelude::*;

    use super::*;

    const HOUR: i32 = 3_600;

    fn seconds(text: &str) -> i64 {
        Timestamp::parse(text).unwrap().as_millis() / 1_000
    }

    fn around(zone: &Zone, hours: u64, at: &str) -> [String; 2] {
        let interval = Interval { length: Duration::from_secs(hours * 3_600), zone: zone.clone() };
        let (begin, end) = interval.around(Timestamp::parse(at).unwrap().as_nanos());
        [begin, end].map(|nanos| Timestamp::from_nanos(nanos.unwrap()).to_string())
    }

    fn los_angeles() -> Zone {
        let changes = [("2026-03-08T10:00:00Z", -7 * HOUR), ("2026-11-01T09:00:00Z", -8 * HOUR)];
        Zone::new(-8 * HOUR, changes.map(|(at, ahead)| (seconds(at), ahead)))
    }

    #[test]
    fn days_and_weeks_are_those_of_the_zone() {
        let zone = los_angeles();
        // Sunday, 19:00: still the week that began on Monday the 9th.
        let week = around(&zone, 7 * 24, "2026-11-16T03:00:00Z");
        assert_eq!(week, ["2026-11-09T08:00:00Z", "2026-11-16T08:00:00Z"]);
        let day = around(&zone, 24, "2026-11-16T03:00:00Z");
        assert_eq!(day, ["2026-11-15T08:00:00Z", "2026-11-16T08:00:00Z"]);
        assert_eq!(around(&Zone::default(), 24, "2026-11-16T03:00:00Z")[0], "2026-11-16T00:00:00Z");
    }

    #[test]
    fn days_have_23_and_25_hours_where_clocks_change() {
        let zone = los_angeles();
        for at in ["2026-03-08T08:00:00Z", "2026-03-09T06:59:59Z"] {
            assert_eq!(around(&zone, 24, at), ["2026-03-08T08:00:00Z", "2026-03-09T07:00:00Z"]);
        }
        for at in ["2026-11-01T07:00:00Z", "2026-11-02T07:59:59Z"] {
            assert_eq!(around(&zone, 24, at), ["2026-11-01T07:00:00Z", "2026-11-02T08:00:00Z"]);
        }
        assert_eq!(
            around(&zone, 7 * 24, "2026-11-01T20:00:00Z"),
            ["2026-10-26T07:00:00Z", "2026-11-02T08:00:00Z"]
        );
    }

    #[test]
    fn an_hour_that_clocks_show_twice_is_two() {
        let zone = los_angeles();
        assert_eq!(
            around(&zone, 1, "2026-11-01T08:30:00Z"),
            ["2026-11-01T08:00:00Z", "2026-11-01T09:00:00Z"]
        );
        assert_eq!(
            around(&zone, 1, "2026-11-01T09:30:00Z"),
            ["2026-11-01T09:00:00Z", "2026-11-01T10:00:00Z"]
        );
        assert_eq!(
            around(&zone, 6, "2026-11-01T09:30:00Z"),
            ["2026-11-01T07:00:00Z", "2026-11-01T14:00:00Z"]
        );
    }

    #[test]
    fn a_day_whose_midnight_is_skipped_begins_when_it_begins() {
        // Clocks go from 0:00 to 1:00, and back from 0:00 to 23:00.
        let changes = [("2026-09-06T04:00:00Z", -3 * HOUR), ("2027-04-04T03:00:00Z", -4 * HOUR)];
        let zone = Zone::new(-4 * HOUR, changes.map(|(at, ahead)| (seconds(at), ahead)));
        assert_eq!(
            around(&zone, 24, "2026-09-06T12:00:00Z"),
            ["2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z"]
        );
        assert_eq!(
            around(&zone, 24, "2027-04-04T03:30:00Z"),
            ["2027-04-03T03:00:00Z", "2027-04-04T04:00:00Z"]
        );
    }

    #[test]
    fn instants_of_one_step_lie_in_one_interval() {
        let berlin = Zone::new(
            HOUR,
            [(seconds("2026-03-29T01:00:00Z"), 2 * HOUR), (seconds("2026-10-25T01:00:00Z"), HOUR)],
        );
        let nanos = |text| seconds(text) * 1_000_000_000;
        let (from, to) = (nanos("2026-01-01T00:00:00Z"), nanos("2026-12-31T00:00:00Z"));
        let day = 24 * 60 * 60 * 1_000;
        for (zone, days, millis) in
            [(Zone::default(), 1, day), (Zone::default(), 7, day), (berlin, 7, day / 24)]
        {
            let interval = Interval { length: Duration::from_secs(days * 24 * 60 * 60), zone };
            assert_eq!(interval.step_millis(from, to), Some(millis));
            for step in (from / 1_000_000).div_euclid(millis)..(to / 1_000_000).div_euclid(millis) {
                let (first, last) = (step * millis * 1_000_000, (step + 1) * millis * 1_000_000 - 1);
                assert_eq!(interval.around(first), interval.around(last));
            }
        }
        let odd = Interval::from(Duration::from_nanos(1_500_000));
        assert_eq!(odd.step_millis(from, to), None);
    }

    proptest! {
        #[test]
        fn intervals_follow_each_other_and_hold_their_instants(
            instant: i64,
            near in 0..400 * 24 * HOUR,
            minutes in prop::sample::select(vec![1_u64, 15, 60, 120, 360, 1_440, 2_880, 10_080, 20_160]),
        ) {
            let interval = Interval { length: Duration::from_secs(60 * minutes), zone: los_angeles() };
            let near = (seconds("2026-01-01T00:00:00Z") + i64::from(near)) * 1_000_000_000;
            for instant in [instant, near] {
                let (begin, end) = interval.around(instant);
                prop_assert!(begin.is_none_or(|begin| begin <= instant));
                prop_assert!(end.is_none_or(|end| instant < end));
                if let Some(end) = end {
                    prop_assert_eq!(interval.around(end).0, Some(end));
                    prop_assert_eq!(interval.around(end - 1), (begin, Some(end)));
                }
            }
        }
    }
}
