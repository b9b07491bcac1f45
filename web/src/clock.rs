//! The reader's clock: the current time, and the zone in which times are shown and typed. The API stays in
//! UTC.

use chrono::{DateTime, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone as _};
use chrono_tz::Tz;
use hearken_model::Timestamp;

/// Zones that are offered; any other name in the IANA database can be typed.
pub(crate) const ZONES_OFFERED: [&str; 24] = [
    "UTC",
    "Europe/London",
    "Europe/Berlin",
    "Europe/Athens",
    "Europe/Istanbul",
    "Africa/Cairo",
    "Africa/Johannesburg",
    "Africa/Lagos",
    "Asia/Dubai",
    "Asia/Kolkata",
    "Asia/Bangkok",
    "Asia/Singapore",
    "Asia/Shanghai",
    "Asia/Tokyo",
    "Asia/Seoul",
    "Australia/Sydney",
    "Pacific/Auckland",
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "America/Mexico_City",
    "America/Bogota",
    "America/Sao_Paulo",
];

/// The current time and zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Clock {
    /// The current time.
    pub(crate) now: Timestamp,
    zone: Tz,
}

impl Clock {
    /// A clock in a zone of the IANA database; `None` for unknown names.
    pub(crate) fn in_zone(now: Timestamp, zone: &str) -> Option<Self> {
        zone.parse().ok().map(|zone| Clock { now, zone })
    }

    /// A clock in UTC.
    pub(crate) fn utc(now: Timestamp) -> Self {
        Clock { now, zone: Tz::UTC }
    }

    /// A clock in the same zone at another time.
    pub(crate) fn at(&self, now: Timestamp) -> Self {
        Clock { now, ..*self }
    }

    /// The zone's name.
    pub(crate) fn zone_name(&self) -> &'static str {
        self.zone.name()
    }

    /// An instant in local time.
    pub(crate) fn local(&self, at: Timestamp) -> DateTime<Tz> {
        at.to_datetime().with_timezone(&self.zone)
    }

    /// The instant of a local time: the first if clocks show it twice, the next that they show if they skip
    /// it. `None` outside the years that a timestamp can hold.
    pub(crate) fn instant(&self, local: NaiveDateTime) -> Option<Timestamp> {
        // Zones that moved across the date line skipped a whole day.
        const STEP: TimeDelta = TimeDelta::minutes(15);
        const STEPS_MAX: usize = 25 * 4;
        let mut local = local;
        for _ in 0..STEPS_MAX {
            match self.zone.from_local_datetime(&local) {
                LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => {
                    return Timestamp::from_datetime(at.to_utc());
                }
                LocalResult::None => local = local.checked_add_signed(STEP)?,
            }
        }
        None
    }

    /// The first instant of a day.
    pub(crate) fn begin_of_day(&self, day: NaiveDate) -> Option<Timestamp> {
        self.instant(day.and_time(NaiveTime::MIN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn berlin() -> Clock {
        Clock::in_zone(Timestamp::EPOCH, "Europe/Berlin").unwrap()
    }

    fn at(clock: Clock, local: &str) -> String {
        clock.instant(local.parse().unwrap()).unwrap().to_string()
    }

    #[test]
    fn local_times_are_the_zones() {
        assert_eq!(at(berlin(), "2026-11-22T00:00:00"), "2026-11-21T23:00:00Z");
        assert_eq!(at(berlin(), "2026-07-01T00:00:00"), "2026-06-30T22:00:00Z");
    }

    #[test]
    fn a_skipped_time_is_the_next_one_and_a_repeated_one_the_first() {
        assert_eq!(at(berlin(), "2026-03-29T02:30:00"), "2026-03-29T01:00:00Z");
        assert_eq!(at(berlin(), "2026-10-25T02:30:00"), "2026-10-25T00:30:00Z");
        let apia = Clock::in_zone(Timestamp::EPOCH, "Pacific/Apia").unwrap();
        assert_eq!(at(apia, "2011-12-30T00:00:00"), "2011-12-30T10:00:00Z", "Samoa skipped that day");
    }

    #[test]
    fn offered_zones_exist_and_others_are_no_zones() {
        assert!(ZONES_OFFERED.iter().all(|zone| Clock::in_zone(Timestamp::EPOCH, zone).is_some()));
        assert_eq!(Clock::in_zone(Timestamp::EPOCH, "Europe/Atlantis"), None);
    }
}
