//! The empty list: how to send the first event, or which filter to remove.

use hearken_query::keys::Permission;
use maud::{Markup, html};

use super::ListView;
use super::chips::{Constraint, constraints};
use crate::clock::Clock;
use crate::format;
use crate::labels::excerpt;
use crate::location::Location;

/// A filter to remove, and what that would find.
#[derive(Debug, Clone)]
pub(crate) struct WayOut {
    /// The filter.
    pub(crate) constraint: Constraint,
    /// Interactions without it; `None` if they could not be counted.
    pub(crate) total: Option<u64>,
}

impl WayOut {
    /// Most filters to try.
    pub(crate) const MAX: usize = 6;

    /// The filters of an address that could be removed, still to be counted.
    pub(crate) fn all(location: &Location, clock: &Clock) -> Vec<WayOut> {
        let constraints = constraints(location, clock).into_iter().take(Self::MAX);
        constraints.map(|constraint| WayOut { constraint, total: None }).collect()
    }
}

pub(super) fn empty(view: &ListView<'_>) -> Markup {
    if view.location.get("cursor").is_some() {
        return html! {
            div.empty {
                h2 { "No more interactions" }
                p { a.button href=(view.location.first_page().href("/")) { "Back to the first page" } }
            }
        };
    }
    if view.ways_out.is_empty() { no_data(view) } else { no_match(view.ways_out.clone()) }
}

fn no_match(mut ways_out: Vec<WayOut>) -> Markup {
    // A filter without which there is still nothing is no way out.
    ways_out.retain(|way| way.total != Some(0));
    ways_out.sort_by_key(|way| std::cmp::Reverse(way.total));
    let is_home = |way: &WayOut| way.constraint.without.pairs().is_empty();
    html! {
        div.empty {
            h2 { "No interaction matches" }
            @if ways_out.is_empty() { p { "Without any single one of the filters there is still nothing." } }
            ul.ways-out {
                @for way in &ways_out {
                    li {
                        a href=(way.constraint.without.href("/")) {
                            "Without " @if way.constraint.is_text { "the words " } "“" bdi { (excerpt(&way.constraint.label)) } "”"
                        }
                        @if let Some(total) = way.total { span.faint { " " (format::interactions(total)) } }
                    }
                }
            }
            @if !ways_out.iter().any(is_home) { p.ways-out { a href="/" { "All interactions" } } }
        }
    }
}

fn no_data(view: &ListView<'_>) -> Markup {
    let key = view.user.name.as_ref().map_or("", |_| " -H \"authorization: Bearer $HEARKEN_KEY\"");
    let command = format!(
        "curl{key} {}/v1/events -H 'content-type: application/json' -d '\
         {{\"event\":\"interaction.message\",\"interaction_id\":\"hello-1\",\"message_id\":\"1\",\
         \"role\":\"user\",\"message\":\"Hello Hearken\"}}'",
        view.base_url
    );
    html! {
        div.empty {
            h2 { "No interactions yet" }
            @if view.user.may(Permission::Ingest) {
                p { "Send the first event, or configure " code { "[kafka]" } " and restart:" }
                div.command {
                    pre tabindex="0" { code #first-event { (command) } }
                    button.js-only type="button" data-copy="#first-event" { "Copy" }
                }
            }
            p { "To look around with bundled conversations, run " code { "hearken demo" } "." }
            span #waiting hidden data-stream="/v1/stream" data-point=(view.point) {}
        }
    }
}
