//! Time zones by their names in the IANA database.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use chrono::{DateTime, Offset as _, TimeZone as _};
use chrono_tz::Tz;
use hearken_index::interval::Zone;
use hearken_model::field::nearest;

/// Clocks are known from 1970 to 2100.
const YEARS: [i64; 2] = [0, 4_102_444_800];
/// No clock is changed twice in less.
const STEP: i64 = 24 * 60 * 60;

/// The zone of that name. Looking for its changes takes milliseconds, so it is remembered.
///
/// # Errors
/// There is none; what may have been meant.
pub(crate) fn zone(name: &str) -> Result<Zone, Option<&'static str>> {
    static KNOWN: LazyLock<Mutex<HashMap<Tz, Zone>>> = LazyLock::new(Mutex::default);
    let tz: Tz =
        name.parse().map_err(|_| nearest(name, chrono_tz::TZ_VARIANTS.iter().map(|tz| tz.name())))?;
    // A poisoned map is still a map of zones.
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(known.entry(tz).or_insert_with(|| changes(tz)).clone())
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
            // The first second at which clocks are different.
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
    fn zones_change_where_the_database_says() {
        let berlin = zone("Europe/Berlin").unwrap();
        let expected = Zone::new(3_600, [(1_774_746_000, 7_200), (1_792_890_000, 3_600)]);
        let day = |zone: &Zone| hearken_index::interval::Interval {
            length: std::time::Duration::from_secs(86_400),
            zone: zone.clone(),
        };
        assert_ne!(day(&berlin), day(&expected), "there are more changes than those of 2026");
        assert_eq!(zone("UTC").unwrap(), Zone::default());
        assert_eq!(zone("Europe/Berln"), Err(Some("Europe/Berlin")));
        assert_eq!(zone("nowhere at all"), Err(None));
    }
}
