//! Human-readable times, durations, counts and amounts. All pure: the clock is an argument.

use hearken_model::{Money, Timestamp};
use maud::{Markup, html};

use crate::clock::Clock;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Currencies whose amounts have no decimal places, by ISO 4217.
const WITHOUT_CENTS: [&str; 16] = [
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF",
    "XPF",
];

/// How long ago an instant was, with the exact time in its title and in print. Scripts keep it up to date.
pub(crate) fn ago(at: Timestamp, clock: &Clock) -> Markup {
    html! { time datetime=(at) title=(title(at, clock)) data-ago=(exact(at, clock)) { (distance(at, clock)) } }
}

/// The exact time of an instant.
pub(crate) fn instant(at: Timestamp, clock: &Clock) -> Markup {
    html! { time datetime=(at) title=(title(at, clock)) { (exact(at, clock)) } }
}

/// `22 Nov 2026, 21:05:09 CET`, the only format of instants on the pages.
pub(crate) fn exact(at: Timestamp, clock: &Clock) -> String {
    clock.local(at).format("%-d %b %Y, %H:%M:%S %Z").to_string()
}

/// `22 Nov 2026`, the only format of days.
pub(crate) fn day(at: Timestamp, clock: &Clock) -> String {
    clock.local(at).format("%-d %b %Y").to_string()
}

fn title(at: Timestamp, clock: &Clock) -> String {
    format!("{} {} ({at})", clock.local(at).format("%A"), exact(at, clock))
}

fn distance(at: Timestamp, clock: &Clock) -> String {
    match clock.now.millis_since(at) {
        ms if ms < -MINUTE_MS => exact(at, clock),
        ms if ms < MINUTE_MS => "just now".to_owned(),
        ms if ms < HOUR_MS => format!("{} min ago", ms / MINUTE_MS),
        ms if ms < DAY_MS => format!("{} h ago", ms / HOUR_MS),
        ms if ms < 7 * DAY_MS => format!("{} d ago", ms / DAY_MS),
        _ => day(at, clock),
    }
}

/// An offset within an interaction: `0:07`, `1:02:03`, `−0:03` before its start.
pub(crate) fn offset(ms: i64) -> String {
    let sign = if ms < 0 { "−" } else { "" };
    let seconds = ms.unsigned_abs() / 1_000;
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{sign}{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{sign}{minutes}:{seconds:02}")
    }
}

/// Seconds as `0.8 s`, `42 s`, `4m 12s`, `1h 02m` or `3d 4h`.
pub(crate) fn duration(seconds: f64) -> String {
    if !seconds.is_finite() {
        return "not available".to_owned();
    }
    if seconds < 0.0 {
        return format!("−{}", duration(-seconds));
    }
    if seconds < 9.95 && seconds.fract() != 0.0 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3_600 => format!("{}m {:02}s", whole / 60, whole % 60),
        3_600..86_400 => format!("{}h {:02}m", whole / 3_600, whole / 60 % 60),
        _ => format!("{}d {}h", whole / 86_400, whole / 3_600 % 24),
    }
}

/// A round number of seconds on an axis: `0.5 s`, `30 s`, `2 m`, `1 h 30 m`, `3 d`.
pub(crate) fn duration_tick(seconds: f64) -> String {
    if seconds < 60.0 {
        return format!("{} s", (seconds * 1_000.0).round() / 1_000.0);
    }
    let minutes = (seconds / 60.0).round() as u64;
    let parts = [(minutes / 1_440, "d"), (minutes / 60 % 24, "h"), (minutes % 60, "m")];
    let parts: Vec<String> =
        parts.iter().filter(|(n, _)| *n > 0).map(|(number, unit)| format!("{number} {unit}")).collect();
    parts.join(" ")
}

/// `1,284`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (idx, digit) in digits.chars().enumerate() {
        if idx > 0 && (digits.len() - idx).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1,284 interactions`, `1 interaction`.
pub(crate) fn interactions(number: u64) -> String {
    let noun = if number == 1 { "interaction" } else { "interactions" };
    format!("{} {noun}", count(number))
}

/// An amount with its currency: `$0.0142`, `12.30 EUR`. Small amounts keep three significant digits, because a
/// conversation often costs less than a cent.
pub(crate) fn money(amount: Money, currency: Option<&str>) -> String {
    money_of(amount, currency, digits([amount]))
}

/// Decimal places for amounts written below each other, so that their decimal points align.
pub(crate) fn digits(amounts: impl IntoIterator<Item = Money>) -> u32 {
    /// Next to amounts of one unit or more, less than a hundredth of a cent says nothing.
    const BESIDE_LARGE_MAX: u32 = 4;
    let (mut digits, mut is_large) = (2, false); // cents are always written
    for amount in amounts {
        if amount.abs() >= Money::ONE {
            is_large = true;
        } else if !amount.is_zero() {
            digits = digits.max(amount.round_sf(3).unwrap_or(amount).normalize().scale());
        }
    }
    if is_large { digits.min(BESIDE_LARGE_MAX) } else { digits }
}

/// An amount with that many decimal places, or fewer where they would be cents of a currency without any.
pub(crate) fn money_of(amount: Money, currency: Option<&str>, digits: u32) -> String {
    let digits = match currency {
        Some(currency) if WITHOUT_CENTS.contains(&currency) => {
            digits.min(amount.round_sf(3).unwrap_or(amount).normalize().scale())
        }
        _ => digits,
    };
    let mut rounded = amount.round_dp(digits);
    rounded.rescale(digits);
    let digits = rounded.to_string();
    match currency {
        Some("USD") => match digits.strip_prefix('-') {
            Some(digits) => format!("−${digits}"),
            None => format!("${digits}"),
        },
        Some(currency) => format!("{digits} {currency}"),
        None => digits,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_inside_an_interaction_read_like_a_player() {
        assert_eq!(offset(7_400), "0:07");
        assert_eq!(offset(3_723_000), "1:02:03");
        assert_eq!(offset(-3_000), "−0:03");
        assert_eq!(offset(i64::MIN), "−2562047788015:12:55");
    }

    #[test]
    fn durations_keep_two_units() {
        let texts: Vec<String> = [0.84, 42.0, 252.4, 3_725.0, 273_600.0, 0.0].map(duration).into();
        assert_eq!(texts, ["0.8 s", "42 s", "4m 12s", "1h 02m", "3d 4h", "0 s"]);
    }

    #[test]
    fn small_amounts_are_not_rounded_to_nothing() {
        let amount = |text: &str| money(text.parse().unwrap(), Some("USD"));
        assert_eq!(amount("0.000012345"), "$0.0000123");
        assert_eq!(amount("0.01420"), "$0.0142");
        assert_eq!(amount("0.4"), "$0.40");
        assert_eq!(amount("12.3"), "$12.30");
        assert_eq!(amount("0"), "$0.00");
        assert_eq!(money("3".parse().unwrap(), Some("EUR")), "3.00 EUR");
        let yen =
            ["230", "23.4", "0.0142", "1234.5", "0"].map(|text| money(text.parse().unwrap(), Some("JPY")));
        assert_eq!(yen, ["230 JPY", "23.4 JPY", "0.0142 JPY", "1234 JPY", "0 JPY"]);
    }

    #[test]
    fn amounts_under_each_other_have_the_same_digits() {
        let aligned = |texts: &[&str]| -> Vec<String> {
            let amounts: Vec<Money> = texts.iter().map(|text| text.parse().unwrap()).collect();
            let digits = digits(amounts.iter().copied());
            amounts.into_iter().map(|amount| money_of(amount, None, digits)).collect()
        };
        assert_eq!(aligned(&["0.0142", "0.3", "0"]), ["0.0142", "0.3000", "0.0000"]);
        assert_eq!(aligned(&["12.3", "0.0000123"]), ["12.3000", "0.0000"]);
        assert_eq!(aligned(&["12.3", "0.5"]), ["12.30", "0.50"]);
    }

    #[test]
    fn axes_name_durations_in_round_units() {
        let texts = [0.5, 30.0, 60.0, 120.0, 5_400.0, 259_200.0].map(duration_tick);
        assert_eq!(texts, ["0.5 s", "30 s", "1 m", "2 m", "1 h 30 m", "3 d"]);
    }

    #[test]
    fn counts_are_grouped() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(interactions(1), "1 interaction");
    }

    #[test]
    fn distances_grow_coarser() {
        let now = Timestamp::parse("2026-11-22T12:00:00Z").unwrap();
        let at = |ms: i64| distance(now.plus_millis(-ms), &Clock::utc(now));
        assert_eq!(at(5_000), "just now");
        assert_eq!(at(3 * MINUTE_MS), "3 min ago");
        assert_eq!(at(5 * HOUR_MS), "5 h ago");
        assert_eq!(at(3 * DAY_MS), "3 d ago");
        assert_eq!(at(30 * DAY_MS), "23 Oct 2026");
        assert_eq!(at(-HOUR_MS), "22 Nov 2026, 13:00:00 UTC");
        let tokyo = Clock::in_zone(now, "Asia/Tokyo").unwrap();
        assert_eq!(exact(now, &tokyo), "22 Nov 2026, 21:00:00 JST");
    }
}
