//! Chosen filters as chips that can be taken off.

use hearken_model::field::{METADATA_PREFIX, field};
use maud::{Markup, html};

use crate::labels;
use crate::location::Location;

/// One thing that narrows the selection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Constraint {
    /// As people read it.
    pub(crate) label: String,
    /// The address without it.
    pub(crate) without: Location,
}

/// Everything that narrows the selection, in the address's order.
pub(crate) fn constraints(location: &Location) -> Vec<Constraint> {
    location.pairs().iter().filter_map(|(name, value)| constraint(location, name, value)).collect()
}

fn constraint(location: &Location, name: &str, value: &str) -> Option<Constraint> {
    let label = match name {
        "q" => format!("Search: {value}"),
        "from" => format!("From {value}"),
        "to" => format!("Before {value}"),
        _ => {
            let (bare, verb) = match name.strip_prefix('-') {
                Some(bare) => (bare, "is not"),
                None => (name, "is"),
            };
            if !is_facet(bare) {
                return None;
            }
            format!("{} {verb} {}", labels::field(bare), labels::value(bare, value))
        }
    };
    Some(Constraint { label, without: location.without_value(name, value) })
}

pub(crate) fn is_facet(name: &str) -> bool {
    name.starts_with(METADATA_PREFIX) || field(name).is_some_and(|field| field.facet)
}

/// The chips, nothing when nothing is chosen. The search text stands in its box and needs none.
pub(crate) fn chips(location: &Location, path: &str) -> Markup {
    let chosen = location.only(|name, _| name != "q");
    let chosen: Vec<Constraint> =
        chosen.pairs().iter().filter_map(|(name, value)| constraint(location, name, value)).collect();
    html! {
        @if !chosen.is_empty() {
            ul.chips aria-label="Chosen filters" {
                @for constraint in &chosen {
                    li { a.chip href=(constraint.without.href(path)) aria-label={ "Remove filter " (constraint.label) } {
                        bdi { (constraint.label) } span.cross aria-hidden="true" { "×" }
                    } }
                }
                @if chosen.len() > 1 {
                    @let cleared = location.only(|name, _| ["q", "sort", "facets", "facet_size", "limit"].contains(&name));
                    li { a.quiet href=(cleared.href(path)) { "Clear all" } }
                }
            }
        }
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
        let chips: Vec<(String, String)> =
            constraints(&here).into_iter().map(|chip| (chip.label, chip.without.query())).collect();
        let rest = |query: &str| query.to_owned();
        assert_eq!(
            chips,
            [
                (
                    "Search: refund".into(),
                    rest("country=Germany&country=&-agent=Ada&from=2026-11-01&sort=-csat")
                ),
                (
                    "Country is Germany".into(),
                    rest("q=refund&country=&-agent=Ada&from=2026-11-01&sort=-csat")
                ),
                (
                    "Country is not available".into(),
                    rest("q=refund&country=Germany&-agent=Ada&from=2026-11-01&sort=-csat")
                ),
                (
                    "Agent is not Ada".into(),
                    rest("q=refund&country=Germany&country=&from=2026-11-01&sort=-csat")
                ),
                ("From 2026-11-01".into(), rest("q=refund&country=Germany&country=&-agent=Ada&sort=-csat")),
            ]
        );
    }
}
