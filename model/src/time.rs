//! The instant that events, versions and messages are ordered by.

use std::fmt;

use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

const NANOS_PER_MILLI: i64 = 1_000_000;
const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// An instant in UTC with nanosecond precision, between 1678 and 2261 (what 64 bits of nanoseconds hold).
///
/// Serialises as RFC 3339 with `Z` and as many fraction digits (0, 3, 6 or 9) as it needs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A text that is not an instant Hearken can hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTime {
    /// Not RFC 3339.
    #[error("`{0}` is not an RFC 3339 time such as 2026-05-01T12:00:00Z")]
    Unparsable(String),
    /// RFC 3339, but outside the years that a timestamp can hold.
    #[error("`{0}` is outside the years 1678 to 2261")]
    OutOfRange(String),
}

impl Timestamp {
    /// The epoch, 1970-01-01T00:00:00Z.
    pub const EPOCH: Timestamp = Timestamp(0);

    /// From nanoseconds since the epoch.
    pub const fn from_nanos(nanos: i64) -> Self {
        Timestamp(nanos)
    }

    /// From milliseconds since the epoch; saturates at the bounds of the type.
    pub const fn from_millis(millis: i64) -> Self {
        Timestamp(millis.saturating_mul(NANOS_PER_MILLI))
    }

    /// From a chrono instant, `None` outside the years 1678 to 2261.
    pub fn from_datetime(datetime: DateTime<Utc>) -> Option<Self> {
        datetime.timestamp_nanos_opt().map(Timestamp)
    }

    /// Parses RFC 3339; any offset is accepted and turned into UTC.
    pub fn parse(text: &str) -> Result<Self, InvalidTime> {
        let shown = || text.chars().take(64).collect::<String>();
        let parsed = DateTime::parse_from_rfc3339(text).map_err(|_| InvalidTime::Unparsable(shown()))?;
        Self::from_datetime(parsed.with_timezone(&Utc)).ok_or_else(|| InvalidTime::OutOfRange(shown()))
    }

    /// Nanoseconds since the epoch.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Whole milliseconds since the epoch, rounded down.
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(NANOS_PER_MILLI)
    }

    /// This instant without its fraction of a millisecond.
    pub const fn floor_millis(self) -> Self {
        Timestamp(self.0 - self.0.rem_euclid(NANOS_PER_MILLI))
    }

    /// Seconds since the epoch.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / NANOS_PER_SECOND as f64
    }

    /// This instant moved by `millis`; saturates at the bounds of the type.
    pub const fn plus_millis(self, millis: i64) -> Self {
        Timestamp(self.0.saturating_add(millis.saturating_mul(NANOS_PER_MILLI)))
    }

    /// Nanoseconds from `earlier` to here; negative when `earlier` is later; saturates.
    pub const fn nanos_since(self, earlier: Timestamp) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Milliseconds from `earlier` to here, rounded down; negative when `earlier` is later.
    pub const fn millis_since(self, earlier: Timestamp) -> i64 {
        self.nanos_since(earlier).div_euclid(NANOS_PER_MILLI)
    }

    /// The chrono instant.
    pub fn to_datetime(self) -> DateTime<Utc> {
        DateTime::from_timestamp_nanos(self.0)
    }
}

impl From<SystemTime> for Timestamp {
    /// Saturates at the epoch, which no clock that is set shows, and at the end of the type.
    fn from(time: SystemTime) -> Self {
        let since_epoch = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_datetime().to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Timestamp;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an RFC 3339 time")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
                Timestamp::parse(text).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

/// Serialises a timestamp as integer nanoseconds: compact and quick, for the hidden parts of a stored document.
pub mod nanos {
    use super::{Deserialize, Deserializer, Serializer, Timestamp};

    /// Writes the nanoseconds since the epoch.
    pub fn serialize<S: Serializer>(timestamp: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(timestamp.as_nanos())
    }

    /// Reads nanoseconds since the epoch.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        i64::deserialize(deserializer).map(Timestamp::from_nanos)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn offsets_become_utc_and_fractions_are_kept() {
        let text = |t: &str| Timestamp::parse(t).unwrap().to_string();
        assert_eq!(text("2026-05-01T14:00:00+02:00"), "2026-05-01T12:00:00Z");
        assert_eq!(text("2026-05-01T12:00:00.250Z"), "2026-05-01T12:00:00.250Z");
        assert_eq!(text("2026-05-01T12:00:00.000000001Z"), "2026-05-01T12:00:00.000000001Z");
    }

    #[test]
    fn what_is_not_an_instant_is_refused_with_the_text() {
        assert!(matches!(Timestamp::parse("yesterday"), Err(InvalidTime::Unparsable(t)) if t == "yesterday"));
        assert!(matches!(Timestamp::parse("9999-01-01T00:00:00Z"), Err(InvalidTime::OutOfRange(_))));
    }

    #[test]
    fn differences_round_down_also_before_the_epoch() {
        let start = Timestamp::from_millis(1_000);
        assert_eq!(Timestamp::from_nanos(999_999_999).millis_since(start), -1);
        assert_eq!(Timestamp::from_nanos(-1).as_millis(), -1);
        assert_eq!(Timestamp::from_nanos(-1).floor_millis(), Timestamp::from_millis(-1));
        assert_eq!(Timestamp::from_nanos(1_999_999).floor_millis(), Timestamp::from_millis(1));
        assert_eq!(Timestamp::from_nanos(i64::MAX).floor_millis().as_millis(), i64::MAX / 1_000_000);
    }
}
