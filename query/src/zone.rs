//! Time zones by their names in the IANA database.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use chrono::{DateTime, Offset as _, TimeZone as _};
use chrono_tz::Tz;
use hearken_index::interval::Zone;
use hearken_model::field::nearest;

/// The range for which clock changes are computed: 1970 to 2100.
const YEARS: [i64; 2] = [0, 4_102_444_800];
/// No clock changes twice within this time.
const STEP: i64 = 24 * 60 * 60;

/// The zone with this name, or at a fixed offset from UTC: `+08:00`. Finding its changes takes milliseconds, so zones
/// are cached.
///
/// # Errors
/// There is none; the value suggests what may have been meant.
pub(crate) fn zone(name: &str) -> Result<Zone, Option<&'static str>> {
    if let Some(ahead) = offset(name) {
        return Ok(Zone::new(ahead, []));
    }
    static KNOWN: LazyLock<Mutex<HashMap<Tz, Zone>>> = LazyLock::new(Mutex::default);
    let tz: Tz =
        name.parse().map_err(|_| nearest(name, chrono_tz::TZ_VARIANTS.iter().map(|tz| tz.name())))?;
    // A poisoned map still holds valid zones.
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(known.entry(tz).or_insert_with(|| changes(tz)).clone())
}

/// Seconds of `+08:00`, `-0330` or `+8`. A plus that was not percent-encoded arrives as a space.
fn offset(text: &str) -> Option<i32> {
    let (sign, text) = match text.split_at_checked(1)? {
        ("+" | " ", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = match (text.split_once(':'), text.len()) {
        (Some(parts), _) => parts,
        (None, 4) => text.split_at_checked(2)?,
        (None, _) => (text, "0"),
    };
    let number = |text: &str, max: i32| {
        let is_number = matches!(text.len(), 1 | 2) && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|number| is_number && (0..=max).contains(number))
    };
    Some(sign * (number(hours, 18)? * 3_600 + number(minutes, 59)? * 60))
}

fn changes(tz: Tz) -> Zone {
    let ahead = |at: i64| {
        let at = DateTime::from_timestamp(at, 0).unwrap_or_default();
        tz.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc()
    };
    let [begin, end] = YEARS;
    let mut changes = Vec::new();
    let mut before = ahead(begin);
    let mut at = begin;
    while at < end {
        let next = ahead(at + STEP);
        if next != before {
            // Search for the first second at which the clocks differ.
            let (mut same, mut different) = (at, at + STEP);
            while different - same > 1 {
                let middle = same + (different - same) / 2;
                if ahead(middle) == before { same = middle } else { different = middle }
            }
            changes.push((different, next));
            before = next;
        }
        at += STEP;
    }
    Zone::new(ahead(begin), changes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_from_utc_are_zones_too() {
        for (text, seconds) in [("+08:00", 28_800), (" 08:00", 28_800), ("-0330", -12_600), ("+5", 18_000)] {
            assert_eq!(zone(text), Ok(Zone::new(seconds, [])), "{text}");
        }
        for text in ["+", "+99", "+8:60", "+1:2:3", "+é", "--8", "+080"] {
            assert!(zone(text).is_err(), "{text}");
        }
    }

    #[test]
    fn zones_change_where_the_database_says() {
        let berlin = zone("Europe/Berlin").unwrap();
        let expected = Zone::new(3_600, [(1_774_746_000, 7_200), (1_792_890_000, 3_600)]);
        let day = |zone: &Zone| hearken_index::interval::Interval {
            length: std::time::Duration::from_secs(86_400),
            zone: zone.clone(),
        };
        assert_ne!(day(&berlin), day(&expected), "later changes are known, too");
        assert_eq!(zone("UTC").unwrap(), Zone::default());
        assert_eq!(zone("Europe/Berln"), Err(Some("Europe/Berlin")));
        assert_eq!(zone("nowhere at all"), Err(None));
    }
}
