//! Order, range, export and pages.

use hearken_model::Timestamp;
use hearken_query::search::SearchAnswer;
use hearken_query::{language, parameters};
use maud::{Markup, html};

use crate::format;
use crate::location::Location;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// Orders that can be chosen: the parameter and its name.
const SORTS: [(&str, &str); 11] = [
    ("relevance", "Best match"),
    ("-start_time", "Newest"),
    ("start_time", "Oldest"),
    ("csat", "CSAT, lowest first"),
    ("-csat", "CSAT, highest first"),
    ("rating", "Rating, lowest first"),
    ("-duration", "Longest"),
    ("duration", "Shortest"),
    ("-messages_count", "Most messages"),
    ("-total_costs", "Most expensive"),
    ("-billable_messages", "Most billable messages"),
];

/// Filters (on narrow screens), order and export.
pub(super) fn bar(location: &Location) -> Markup {
    let current =
        location.get("sort").unwrap_or(if searches_words(location) { "relevance" } else { "-start_time" });
    let name = SORTS.iter().find(|(sort, _)| *sort == current).map_or(current, |(_, name)| *name);
    let selection = location.selection();
    let export =
        |format: &str| selection.only(|_, _| true).with("format", format).href("/v1/interactions/export");
    html! {
        div.bar {
            a.button.narrow-only href="#filters" { "Filters" }
            details.menu {
                summary { "Sort: " strong { (name) } }
                ul { @for (sort, name) in SORTS {
                    li { a href=(location.set("sort", sort).href("/")) aria-current=[(sort == current).then_some("true")] { (name) } }
                } }
            }
            span.grow {}
            details #export.menu.end {
                summary { "Export" }
                ul {
                    li { a href=(export("csv")) download="interactions.csv" { "CSV, every match" } }
                    li { a href=(export("ndjson")) download="interactions.ndjson" { "NDJSON, every match" } }
                    li { a href=(location.href("/v1/interactions")) { "This page as JSON" } }
                }
            }
        }
    }
}

fn searches_words(location: &Location) -> bool {
    let q = location.get("q").map(str::trim).filter(|q| !q.is_empty());
    q.and_then(|q| language::parse(q).ok()).is_some_and(|query| parameters::searches_words(&query))
}

/// First and next page; back is the browser's.
pub(super) fn pages(location: &Location, answer: &SearchAnswer) -> Markup {
    let is_later = location.get("cursor").is_some();
    html! {
        @if is_later || answer.next_cursor.is_some() {
            nav.pages aria-label="Result pages" {
                @if is_later { a.button href=(location.first_page().href("/")) { "First page" } }
                span.grow {}
                @if let Some(cursor) = &answer.next_cursor {
                    a #next.button rel="next" href=(next(location, cursor)) { "Next page" }
                }
            }
        }
    }
}

fn next(location: &Location, cursor: &str) -> String {
    // `set` begins at the first page; here the page is what changes.
    location.first_page().with("cursor", cursor).href("/")
}

/// The range of time: presets, and two days to choose.
pub(crate) fn range(location: &Location, now: Timestamp, path: &str) -> Markup {
    let begin_of_hour = Timestamp::from_millis(now.as_millis() / 3_600_000 * 3_600_000);
    let back = |days: i64| begin_of_hour.plus_millis(-days * DAY_MS).to_string();
    let presets = [
        ("Last 24 hours", back(1)),
        ("Last 7 days", back(7)),
        ("Last 30 days", back(30)),
        ("Last 90 days", back(90)),
        ("Today", format::day(now)),
    ];
    let (from, to) = (location.get("from"), location.get("to"));
    let preset = presets.iter().find(|(_, begin)| to.is_none() && from == Some(begin)).map(|(name, _)| *name);
    let name = match (preset, from, to) {
        (Some(name), ..) => name.to_owned(),
        (_, None, None) => "All time".to_owned(),
        (_, from, to) => format!("{} – {}", from.map_or("…", short), to.map_or("now", short)),
    };
    let rest = location.only(|name, _| !["from", "to", "cursor"].contains(&name));
    html! {
        details.menu.range {
            summary { strong { (name) } }
            div {
                ul {
                    li { a href=(rest.href(path)) aria-current=[(from.or(to).is_none()).then_some("true")] { "All time" } }
                    @for (name, begin) in &presets {
                        li { a href=(rest.with("from", begin).href(path)) aria-current=[(preset == Some(name)).then_some("true")] { (name) } }
                    }
                }
                form.days action=(path) method="get" {
                    @for (name, value) in rest.pairs() { input type="hidden" name=(name) value=(value); }
                    label { "From" input type="date" name="from" value=[from.map(short)]; }
                    label { "Before" input type="date" name="to" value=[to.map(short)]; }
                    button type="submit" { "Apply" }
                    p.faint { "Days begin at midnight UTC." }
                }
            }
        }
    }
}

/// The day of an RFC 3339 time.
fn short(time: &str) -> &str {
    time.get(..10).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn export_is_of_exactly_what_is_shown() {
        let here =
            Location::parse("q=refund&country=Germany&sort=csat&cursor=c&facet_size=100&from=2026-11-01");
        let html = bar(&here).into_string();
        let wanted =
            "/v1/interactions/export?q=refund&amp;country=Germany&amp;from=2026-11-01&amp;format=csv";
        assert!(html.contains(wanted), "{html}");
    }

    #[test]
    fn the_order_is_named_even_when_nobody_chose_it() {
        assert!(bar(&Location::parse("q=refund")).into_string().contains("<strong>Best match</strong>"));
        assert!(bar(&Location::parse("q=csat:1")).into_string().contains("<strong>Newest</strong>"));
        assert!(bar(&Location::parse("sort=-duration")).into_string().contains("<strong>Longest</strong>"));
    }

    #[test]
    fn a_range_replaces_the_one_before() {
        let now = Timestamp::parse("2026-11-22T12:34:56Z").unwrap();
        let html = range(&Location::parse("from=2020-01-01&to=2020-02-01&q=x"), now, "/").into_string();
        assert!(html.contains("href=\"/?q=x&amp;from=2026-11-15T12%3A00%3A00Z\""), "{html}");
        assert!(html.contains("2020-01-01 – 2020-02-01"));
    }
}
