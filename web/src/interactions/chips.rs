//! Active filters as chips that can be removed.

use chrono::NaiveDate;
use hearken_model::Timestamp;
use hearken_model::field::{METADATA_PREFIX, field};
use maud::{Markup, html};

use crate::clock::Clock;
use crate::location::Location;
use crate::{format, labels, period};

/// One filter of the selection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Constraint {
    /// Its human-readable label; for the text of the search box, the text.
    pub(crate) label: String,
    /// Whether it is the text of the search box.
    pub(crate) is_text: bool,
    /// The address without it.
    pub(crate) without: Location,
}

/// Every filter of the selection, in the address's order.
pub(crate) fn constraints(location: &Location, clock: &Clock) -> Vec<Constraint> {
    location.pairs().iter().filter_map(|(name, value)| constraint(location, clock, name, value)).collect()
}

fn constraint(location: &Location, clock: &Clock, name: &str, value: &str) -> Option<Constraint> {
    let label = match name {
        "q" => value.to_owned(),
        "from" => format!("Active from {}", instant(value, clock)),
        "to" => format!("Active before {}", instant(value, clock)),
        // `since` and `until` are one period.
        "until" if location.get("since").is_some() => return None,
        "since" | "until" => {
            let label = format!("Started: {}", period::label(location, clock)?);
            let without = location.without("since").without("until");
            return Some(Constraint { label, is_text: false, without });
        }
        _ => {
            let (bare, is_excluded) = name.strip_prefix('-').map_or((name, false), |bare| (bare, true));
            if !is_filter(bare) {
                return None;
            }
            labels::filter(bare, value, is_excluded, clock)
        }
    };
    Some(Constraint { label, is_text: name == "q", without: location.without_value(name, value) })
}

/// An instant or a day of the API in the format of the pages.
fn instant(value: &str, clock: &Clock) -> String {
    match (Timestamp::parse(value), NaiveDate::parse_from_str(value, "%Y-%m-%d")) {
        (Ok(at), _) => format::exact(at, clock),
        (_, Ok(day)) => format!("{} UTC", day.format("%-d %b %Y")),
        _ => value.to_owned(),
    }
}

fn is_filter(name: &str) -> bool {
    name.starts_with(METADATA_PREFIX) || field(name).is_some()
}

/// Whether the values of a field can be counted.
pub(crate) fn is_facet(name: &str) -> bool {
    name.starts_with(METADATA_PREFIX) || field(name).is_some_and(|field| field.facet)
}

/// The chips; nothing if no filter is active. The search text has its box and the period its menu, so neither
/// needs a chip. Paper has none of these, so it says the whole search in a line.
pub(crate) fn chips(location: &Location, clock: &Clock, path: &str) -> Markup {
    let has_place = |name: &str| ["q", "since", "until"].contains(&name);
    let chosen = location.pairs().iter().filter(|(name, _)| !has_place(name));
    let chosen: Vec<Constraint> =
        chosen.filter_map(|(name, value)| constraint(location, clock, name, value)).collect();
    html! {
        p.searched.print-only { (searched(location, clock)) }
        @if !chosen.is_empty() {
            ul.chips aria-label="Chosen filters" {
                @for constraint in &chosen {
                    li { a.chip href=(constraint.without.href(path)) aria-label={ "Remove filter " (constraint.label) } {
                        bdi { (constraint.label) } span.cross aria-hidden="true" { "×" }
                    } }
                }
                @if chosen.len() > 1 {
                    @let cleared = location.first_page().only(|name, _| {
                        !is_filter(name.strip_prefix('-').unwrap_or(name)) && !["from", "to"].contains(&name)
                    });
                    li { a.quiet href=(cleared.href(path)) { "Clear all" } }
                }
            }
        }
    }
}

/// The whole search in words.
fn searched(location: &Location, clock: &Clock) -> Markup {
    let constraints = constraints(location, clock);
    html! {
        @if constraints.is_empty() { "All interactions" }
        @for (idx, constraint) in constraints.iter().enumerate() {
            @if idx > 0 { " · " }
            @if constraint.is_text { "“" bdi { (constraint.label) } "”" } @else { bdi { (constraint.label) } }
        }
        " · Times in " (clock.zone_name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_chip_takes_off_itself_alone() {
        let here = Location::parse(
            "q=refund&country=Germany&country=&-agent=Ada&from=2026-11-01&sort=-csat&cursor=c",
        );
        let clock = Clock::utc(hearken_model::Timestamp::EPOCH);
        let chips: Vec<(String, String)> =
            constraints(&here, &clock).into_iter().map(|chip| (chip.label, chip.without.query())).collect();
        let rest = |query: &str| query.to_owned();
        assert_eq!(
            chips,
            [
                ("refund".into(), rest("country=Germany&country=&-agent=Ada&from=2026-11-01&sort=-csat")),
                (
                    "Country is Germany".into(),
                    rest("q=refund&country=&-agent=Ada&from=2026-11-01&sort=-csat")
                ),
                (
                    "Country is missing".into(),
                    rest("q=refund&country=Germany&-agent=Ada&from=2026-11-01&sort=-csat")
                ),
                (
                    "Agent is not Ada".into(),
                    rest("q=refund&country=Germany&country=&from=2026-11-01&sort=-csat")
                ),
                (
                    "Active from 1 Nov 2026 UTC".into(),
                    rest("q=refund&country=Germany&country=&-agent=Ada&sort=-csat")
                ),
            ]
        );
        let here = Location::parse(
            "duration=[60 TO 300}&-csat=[* TO 2}&total_costs=>0.25&duration=60&country=[x&start_time=2026-05-01\
             &interruptions=>=1&csat=[4 TO 5]&csat=abc&-country=",
        );
        let labels: Vec<String> = constraints(&here, &clock).into_iter().map(|chip| chip.label).collect();
        assert_eq!(
            labels,
            [
                "Duration: 1m 00s to under 5m 00s",
                "CSAT: not under 2",
                "Total Costs: over 0.25",
                "Duration: 1m 00s",
                "Country is [x",
                "Start Time: 1 May 2026, 00:00:00 UTC to before 2 May 2026, 00:00:00 UTC",
                "Interruptions: at least 1",
                "CSAT: 4 to 5",
                "CSAT is abc",
                "Country is known",
            ]
        );
        let here = Location::parse("start_time=>2026-05-01T00:00:00Z");
        let tokyo = Clock::in_zone(hearken_model::Timestamp::EPOCH, "Asia/Tokyo").unwrap();
        assert_eq!(constraints(&here, &tokyo)[0].label, "Start Time: after 1 May 2026, 09:00:00 JST");
        let here = Location::parse("q=a&since=7d&until=2026-11-20&csat=1&tz=Asia/Tokyo");
        let chip = &constraints(&here, &clock)[1];
        assert_eq!(chip.label, "Started: 7d – 20 Nov 2026");
        assert_eq!(chip.without.query(), "q=a&csat=1&tz=Asia%2FTokyo", "both ends are removed together");
    }
}
