//! Facets: counted values to choose (any of), exclude or search for; "not available" is a value too.

use hearken_model::InteractionType;
use hearken_query::index::search::FacetCount;
use hearken_query::search::SearchAnswer;
use maud::{Markup, html};

use crate::labels;
use crate::location::Location;

/// Facets shown unless the address names others.
pub(crate) const FACETS_SHOWN: [&str; 21] = [
    "sentiment",
    "csat",
    "status",
    "topic",
    "type",
    "country",
    "agent",
    "agent_version",
    "organization",
    "llm_model",
    "language",
    "worst_moment",
    "sentiment_change",
    "rating",
    "browser",
    "os",
    "device",
    "url_host",
    "tools",
    "failed_tools",
    "interruptions",
];

/// Fields in seconds whose values are counted by range, and where the ranges begin.
pub(crate) const RANGES_SHOWN: [(&str, &[f64]); 4] = [
    ("duration", &[60.0, 300.0, 900.0]),
    ("first_response", &[2.0, 5.0, 15.0, 60.0]),
    ("slowest_response", &[2.0, 5.0, 15.0, 60.0]),
    ("longest_silence", &[2.0, 5.0, 10.0]),
];

/// Facets that are open; the others open on demand or when one of their values is chosen.
const NUM_OPEN: usize = 7;
/// Values of a facet shown at first.
const VALUES_SHOWN: usize = 8;
/// Values shown on demand.
const VALUES_MORE: usize = 100;

/// The panel, whose links lead to the page at `path`. Filters can be removed even without an answer.
pub(crate) fn panel(
    location: &Location,
    api: &Location,
    answer: Option<&SearchAnswer>,
    path: &str,
) -> Markup {
    let facets = answer.map(|answer| answer.facets.as_slice()).unwrap_or_default();
    let kind = only_kind(location, facets);
    html! {
        section #filters.filters aria-label="Filters" tabindex="-1" data-search=(api.selection().href("/v1/interactions")) data-path=(path) {
            div.narrow-only.between { h2 { "Filters" } a.button href="#main" { "Show results" } }
            @for (idx, (name, counts)) in facets.iter().enumerate() { (facet(location, path, idx, name, counts, kind)) }
        }
    }
}

/// The kind that all interactions found are of, if they are of one.
fn only_kind(location: &Location, facets: &[(String, Vec<FacetCount>)]) -> Option<InteractionType> {
    // A facet also counts the values that were not chosen.
    let chosen: Vec<&str> = location.all("type").collect();
    let (_, counts) = facets.iter().find(|(name, _)| name == "type")?;
    let counted = counts.iter().filter(|counted| counted.count > 0);
    let found: Vec<String> = counted.map(|counted| text_of(&counted.value)).collect();
    let mut found = found.iter().filter(|value| {
        let is_chosen = chosen.is_empty() || chosen.contains(&value.as_str());
        is_chosen && !location.has("-type", value)
    });
    let only = found.next()?;
    if found.next().is_some() { None } else { InteractionType::from_name(only) }
}

fn facet(
    location: &Location,
    path: &str,
    idx: usize,
    name: &str,
    counts: &[FacetCount],
    kind: Option<InteractionType>,
) -> Markup {
    let excluded_name = format!("-{name}");
    let num_chosen =
        location.pairs().iter().filter(|(known, _)| known == name || *known == excluded_name).count();
    let is_of_ranges = counts.iter().any(|counted| counted.ends.is_some());
    let mut values = values(location, name, &excluded_name, counts);
    // Empty ranges say where values are not, unless there are no values at all.
    let is_missing = |value: &Value| value.text.is_empty();
    if is_of_ranges && !values.iter().any(|value| !is_missing(value) && value.count > Some(0)) {
        values.retain(|value| is_missing(value) || value.is_set());
    }
    if !values.iter().any(|value| value.count > Some(0) || value.is_set()) {
        return html! {};
    }
    let absent = match kind {
        Some(kind) if !labels::applies(name, kind) => labels::DOES_NOT_APPLY,
        _ => labels::NOT_AVAILABLE,
    };
    let shown = if location.get("facet_size").is_some() { VALUES_MORE } else { VALUES_SHOWN };
    let is_long = counts.len() > shown;
    html! {
        details.facet open[idx < NUM_OPEN || num_chosen > 0] data-facet=(name) {
            summary { (labels::field(name)) @if num_chosen > 0 { span.chosen { (num_chosen) " chosen" } } }
            @if is_long && !is_of_ranges {
                input.find.js-only type="search" placeholder="Find…" autocomplete="off"
                    aria-label={ "Find a value of " (labels::field(name)) };
            }
            ul {
                @for value in values.iter().enumerate().filter(|(at, value)| *at < shown || value.is_set()).map(|(_, v)| v) {
                    (value.row(location, path, name, &excluded_name, absent))
                }
            }
            @if is_long && shown == VALUES_SHOWN {
                a.quiet.more href=(location.first_page().set("facet_size", &VALUES_MORE.to_string()).href(path)) {
                    "More" span.visually-hidden { " values of " (labels::field(name)) }
                }
            }
        }
    }
}

/// A value as the panel shows it.
struct Value {
    /// As the parameter has it; empty means missing.
    text: String,
    /// `None` for a chosen value that was not counted.
    count: Option<u64>,
    is_chosen: bool,
    is_excluded: bool,
}

fn values(location: &Location, name: &str, excluded_name: &str, counts: &[FacetCount]) -> Vec<Value> {
    let value = |text: String, count| Value {
        is_chosen: location.has(name, &text),
        is_excluded: location.has(excluded_name, &text),
        text,
        count,
    };
    let mut values: Vec<Value> =
        counts.iter().map(|counted| value(text_of(&counted.value), Some(counted.count))).collect();
    if ["csat", "rating"].contains(&name) {
        // A scale is listed from the top; a missing value is not part of it.
        values.sort_by(|a, b| b.text.cmp(&a.text));
    }
    for (known, text) in location.pairs() {
        let is_ours = known == name || known == excluded_name;
        if is_ours && !values.iter().any(|value| value.text == *text) {
            values.push(value(text.clone(), None));
        }
    }
    values
}

/// A counted value as the text of its parameter.
fn text_of(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

impl Value {
    fn is_set(&self) -> bool {
        self.is_chosen || self.is_excluded
    }

    /// The value as a line; `absent` is what a missing one is called.
    fn row(&self, location: &Location, path: &str, name: &str, excluded_name: &str, absent: &str) -> Markup {
        let value = labels::value(name, &self.text);
        let label = if self.text.is_empty() { absent } else { &*value };
        let cleared = location.without_value(name, &self.text).without_value(excluded_name, &self.text);
        let chosen = if self.is_chosen { cleared.clone() } else { cleared.with(name, &self.text) };
        let excluded = if self.is_excluded { cleared } else { cleared.with(excluded_name, &self.text) };
        let count = self.count.map_or("–".to_owned(), crate::format::count);
        html! {
            li class=[self.is_excluded.then_some("excluded")] data-value=(self.text) {
                a.value href=(chosen.href(path)) aria-current=[self.is_chosen.then_some("true")] {
                    span.check aria-hidden="true" {}
                    bdi.name.missing[self.text.is_empty()] title=(label) { (label) }
                    span.count { (count) }
                }
                a.exclude href=(excluded.href(path))
                    aria-label={ (if self.is_excluded { "Include " } else { "Exclude " }) (label) }
                    title=(if self.is_excluded { "Include again" } else { "Exclude" }) {
                    (if self.is_excluded { "+" } else { "−" })
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rendered(query: &str, counts: &[(serde_json::Value, u64)]) -> String {
        let counts: Vec<FacetCount> = counts
            .iter()
            .map(|(value, count)| FacetCount { value: value.clone(), ends: None, count: *count })
            .collect();
        facet(&Location::parse(query), "/", 0, "country", &counts, None).into_string()
    }

    #[test]
    fn choosing_a_second_value_keeps_the_first() {
        let html =
            rendered("country=Germany", &[(json!("Germany"), 9), (json!("France"), 4), (json!(null), 1)]);
        assert!(html.contains("href=\"/?country=Germany&amp;country=France\""), "{html}");
        assert!(html.contains("href=\"/?country=Germany&amp;country=\""), "missing is a value");
        assert!(html.contains("href=\"/\" aria-current=\"true\""), "a chosen value can be removed");
        assert!(html.contains("href=\"/?-country=Germany\""), "excluding a chosen value removes the choice");
    }

    #[test]
    fn a_chosen_value_stays_visible_when_it_is_no_longer_counted() {
        let html = rendered("-country=Chad", &[(json!("Germany"), 9)]);
        assert!(html.contains("class=\"excluded\"") && html.contains("Chad"));
    }

    #[test]
    fn a_scale_is_read_from_its_top() {
        let steps = [(json!(3), 1), (json!(5), 7), (json!(null), 9), (json!(1), 2), (json!(4), 7)];
        let counts: Vec<FacetCount> =
            steps.into_iter().map(|(value, count)| FacetCount { value, ends: None, count }).collect();
        let html = facet(&Location::parse(""), "/", 0, "csat", &counts, None).into_string();
        let order: Vec<&str> =
            html.split("data-value=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        assert_eq!(order, ["5", "4", "3", "1", ""]);
    }

    #[test]
    fn ranges_read_as_words_and_are_chosen_as_they_are_written() {
        let counts = json!([
            {"value": "[* TO 60}", "from": null, "to": 60.0, "count": 2},
            {"value": "[60 TO 300}", "from": 60.0, "to": 300.0, "count": 0},
            {"value": null, "count": 1},
        ]);
        let counts: Vec<FacetCount> = serde_json::from_value(counts).unwrap();
        let html =
            facet(&Location::parse("duration=[60+TO+300}"), "/", 0, "duration", &counts, None).into_string();
        assert!(html.contains(">under 1m 00s<") && html.contains(">1m 00s to under 5m 00s<"), "{html}");
        assert!(html.contains("href=\"/?duration=%5B60+TO+300%7D&amp;duration=%5B*+TO+60%7D\""), "{html}");
        assert!(html.contains("1 chosen") && html.contains("href=\"/\" aria-current=\"true\""), "{html}");
    }

    #[test]
    fn what_chats_cannot_have_does_not_apply_and_what_nothing_has_is_not_offered() {
        let facets: Vec<(String, Vec<FacetCount>)> = serde_json::from_value(json!([
            ["type", [{"value": "text_chat", "count": 9}, {"value": "voice_call", "count": 4}]],
        ]))
        .unwrap();
        let kind = |query: &str| only_kind(&Location::parse(query), &facets);
        assert_eq!(kind(""), None);
        assert_eq!(kind("type=text_chat"), Some(InteractionType::TextChat));
        assert_eq!(kind("-type=text_chat"), Some(InteractionType::VoiceCall));

        let shown = |missing: u64, query: &str| {
            let counts: Vec<FacetCount> = serde_json::from_value(json!([
                {"value": "[* TO 2}", "from": null, "to": 2.0, "count": 0},
                {"value": "[2 TO *]", "from": 2.0, "to": null, "count": 0},
                {"value": null, "count": missing},
            ]))
            .unwrap();
            facet(&Location::parse(query), "/", 0, "longest_silence", &counts, kind(query)).into_string()
        };
        let chats = shown(9, "type=text_chat");
        assert!(chats.contains(">does not apply<") && !chats.contains("under 2 s"), "{chats}");
        assert!(shown(9, "").contains(">not available<"));
        assert_eq!(shown(0, ""), "");
    }

    #[test]
    fn hostile_values_stay_text() {
        let html = rendered("", &[(json!("\"><script>alert(1)</script>"), 9)]);
        assert!(!html.contains("<script"), "{html}");
        assert!(html.contains("country=%22%3E%3Cscript%3E"));
    }
}
