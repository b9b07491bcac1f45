//! Sort order, period, export and paging.

use hearken_query::language;
use hearken_query::search::SearchAnswer;
use maud::{Markup, html};

use super::columns;
use crate::clock::{Clock, ZONES_OFFERED};
use crate::location::Location;
use crate::paging;
use crate::period::{self, PRESETS};

/// The sort orders: parameter and name.
pub(super) const SORTS: [(&str, &str); 14] = [
    ("relevance", "Best match"),
    ("-start_time", "Newest"),
    ("start_time", "Oldest"),
    ("csat", "CSAT, lowest first"),
    ("-csat", "CSAT, highest first"),
    ("rating", "Rating, lowest first"),
    ("-duration", "Longest"),
    ("duration", "Shortest"),
    ("-slowest_response", "Slowest response"),
    ("-longest_silence", "Longest silence"),
    ("-interruptions", "Most interruptions"),
    ("-messages_count", "Most messages"),
    ("-total_costs", "Most expensive"),
    ("-billable_messages", "Most billable messages"),
];

/// Filters (on narrow screens), sort order, columns and export. `api` is the same search for the API.
pub(super) fn bar<'k>(location: &Location, api: &Location, keys: impl Iterator<Item = &'k str>) -> Markup {
    let current = sort(location);
    let name = sort_name(current);
    // An export cannot be sorted by relevance: it falls back to newest first.
    let exported = api.first_page().only(|name, value| {
        !["limit", "facets", "facet_size", "ranges"].contains(&name)
            && (name != "sort" || value != "relevance")
    });
    let export = |format: &str| exported.with("format", format);
    let csv = export("csv");
    html! {
        div.bar {
            a.button.narrow-only href="#filters" { "Filters" }
            details.menu {
                summary { span.faint { "Sort" } " " strong { (name) } }
                ul { @for (sort, name) in SORTS {
                    li { a href=(location.set("sort", sort).href("/")) aria-current=[(sort == current).then_some("true")] { (name) } }
                } }
            }
            span.grow {}
            (columns::menu(location, keys))
            details #export.menu.end {
                summary { "Export" }
                ul {
                    li { a href=(csv.href("/v1/export")) download="interactions.csv" { "CSV, every match" } }
                    li { a href=(csv.with("bom", "true").href("/v1/export")) download="interactions.csv" { "CSV for Excel" } }
                    li { a href=(export("ndjson").href("/v1/export")) download="interactions.ndjson" { "NDJSON, every match" } }
                    li { a href=(api.href("/v1/interactions")) { "This page as JSON" } }
                }
            }
        }
    }
}

/// A human-readable sort order.
pub(crate) fn sort_name(sort: &str) -> &str {
    SORTS.iter().find(|(known, _)| *known == sort).map_or(sort, |(_, name)| *name)
}

/// The list's sort order.
pub(super) fn sort(location: &Location) -> &str {
    location.get("sort").unwrap_or(if searches_words(location) { "relevance" } else { "-start_time" })
}

fn searches_words(location: &Location) -> bool {
    let q = location.get("q").map(str::trim).filter(|q| !q.is_empty());
    q.and_then(|q| language::parse(q).ok()).is_some_and(|query| query.searches_words())
}

/// Links to the previous and the next page.
pub(super) fn pages(location: &Location, answer: &SearchAnswer, clock: &Clock) -> Markup {
    let cursor = location.get("cursor");
    if cursor.is_none() && answer.next_cursor.is_none() {
        return html! {};
    }
    html! {
        nav.pages aria-label="Result pages" {
            @if cursor.is_some() {
                @if let Some(previous) = paging::previous(location) {
                    a #previous.button rel="prev" href=(previous.href("/")) { "← Previous page" }
                }
                a.quiet href=(location.first_page().href("/")) { "First page" }
            }
            span.faint { "Page " (paging::number(location)) }
            span.grow {}
            @if let Some(next_cursor) = &answer.next_cursor {
                a #next.button rel="next" href=(paging::next(location, next_cursor, clock).href("/")) { "Next page →" }
            }
        }
    }
}

/// When interactions started: presets, two days to choose, and the time zone.
pub(crate) fn range(location: &Location, clock: &Clock, path: &str) -> Markup {
    let rest = location.without("since").without("until");
    let label = period::label(location, clock);
    html! {
        div.period { details #range.menu {
            summary { strong { (label.as_deref().unwrap_or("All time")) } " " span.faint { (clock.zone_name()) } }
            div {
                ul {
                    li { a href=(rest.href(path)) aria-current=[label.is_none().then_some("true")] { "All time" } }
                    @for preset in &PRESETS {
                        @let (since, until, name) = preset;
                        @let asked = until.iter().fold(rest.with("since", since), |asked, until| asked.with("until", until));
                        li { a href=(asked.href(path)) aria-current=[period::is_of(preset, location).then_some("true")] { (name) } }
                    }
                }
                form.days action=(path) method="get" {
                    @for (name, value) in rest.without("tz").pairs() { input type="hidden" name=(name) value=(value); }
                    label { "From" input type="date" name="since" value=[period::day(location, "since", clock)]; }
                    label { "Through" input type="date" name="until" value=[period::day(location, "until", clock)]; }
                    label { "Time zone" input #tz type="text" name="tz" list="zones" value=(clock.zone_name()) autocomplete="off" spellcheck="false"; }
                    datalist #zones { @for zone in ZONES_OFFERED { option value=(zone) {} } }
                    button.primary type="submit" { "Apply" }
                }
            }
        }
        @if let Some(label) = &label {
            a.quiet href=(rest.href(path)) title="All time" aria-label={ "Remove filter Started: " (label) } { span.cross aria-hidden="true" { "×" } }
        } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(query: &str) -> String {
        let location = Location::parse(query);
        super::bar(&location, &location.api(location.get("q")), std::iter::empty()).into_string()
    }

    fn clock() -> Clock {
        Clock::utc(hearken_model::Timestamp::parse("2026-11-22T12:34:56Z").unwrap())
    }

    #[test]
    fn export_is_of_exactly_what_is_shown() {
        let html =
            bar("q=refund&country=Germany&sort=csat&cursor=c&facet_size=100&tz=Asia/Tokyo&columns=csat");
        let wanted = "/v1/export?q=refund&amp;country=Germany&amp;sort=csat&amp;format=csv";
        assert!(html.contains(wanted), "{html}");
        assert!(html.contains(&format!("{wanted}&amp;bom=true")), "{html}");
        assert!(bar("q=a&sort=relevance").contains("/v1/export?q=a&amp;format=csv"));
    }

    #[test]
    fn the_order_is_named_even_when_nobody_chose_it() {
        assert!(bar("q=refund").contains("<strong>Best match</strong>"));
        assert!(bar("q=csat:1").contains("<strong>Newest</strong>"));
        assert!(bar("sort=-duration").contains("<strong>Longest</strong>"));
    }

    #[test]
    fn a_range_replaces_the_one_before_and_keeps_the_zone() {
        let location = Location::parse("since=2020-01-01&until=2020-02-01&q=x&tz=UTC");
        let html = range(&location, &clock(), "/").into_string();
        assert!(html.contains("href=\"/?q=x&amp;tz=UTC&amp;since=7d\""), "{html}");
        assert!(html.contains("1 Jan 2020 – 1 Feb 2020"));
        assert!(html.contains("name=\"until\" value=\"2020-02-01\""));
    }
}
