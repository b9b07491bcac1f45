//! `/`: search box, range, chips, facets and the list.

mod chips;
mod empty;
mod facets;
mod row;
mod search_box;
mod toolbar;

use hearken_model::Timestamp;
use hearken_query::Problem;
use hearken_query::search::SearchAnswer;
use maud::{Markup, html};

use crate::layout::{self, Page, Section};
use crate::location::Location;
use crate::overview::Volume;

pub(crate) use chips::chips;
pub(crate) use empty::WayOut;
pub(crate) use facets::FACETS_SHOWN;
pub(crate) use row::headline;
pub(crate) use search_box::search_box;
pub(crate) use toolbar::range;

/// What the list page shows.
pub(crate) struct ListView<'v> {
    /// Its address.
    pub(crate) location: &'v Location,
    /// The clock.
    pub(crate) now: Timestamp,
    /// Where events can be sent to, for the first command that a new user copies.
    pub(crate) base_url: &'v str,
    /// What was found, or why nothing could be.
    pub(crate) answer: Result<SearchAnswer, Problem>,
    /// Counts over time of the same selection, when they could be had.
    pub(crate) volume: Option<Volume>,
    /// What taking off each filter would give; filled when nothing was found.
    pub(crate) ways_out: Vec<WayOut>,
}

/// The document.
pub(crate) fn page(view: &ListView<'_>) -> Markup {
    let location = view.location;
    let problem = view.answer.as_ref().err();
    let main = html! {
        h1.visually-hidden { "Interactions" }
        (search_box(location, problem, "/"))
        div.strip {
            (range(location, view.now, "/"))
            @if let Some(volume) = &view.volume { (volume.strip(location)) }
            (outcome(view))
        }
        (chips(location, "/"))
        div.split {
            (facets::panel(location, view.answer.as_ref().ok()))
            div.results {
                @match &view.answer {
                    Ok(answer) if answer.items.is_empty() => (empty::empty(view)),
                    Ok(answer) => {
                        (toolbar::bar(location))
                        (list(view, answer))
                        (toolbar::pages(location, answer))
                    }
                    Err(problem) => (failed(location, problem)),
                }
            }
        }
    };
    let title = location.get("q").map_or("Interactions".to_owned(), |q| q.chars().take(60).collect());
    layout::document(Page {
        title: &title,
        section: Section::Interactions,
        selection: location.selection().query(),
        scripts: &["suggest.js", "list.js"],
        main,
    })
}

/// How many, and how fast.
fn outcome(view: &ListView<'_>) -> Markup {
    let Ok(answer) = &view.answer else { return html! {} };
    html! {
        p.outcome role="status" {
            strong data-total=(answer.total) { (crate::format::interactions(answer.total)) }
            span.faint { " · " (milliseconds(answer.took_ms)) }
        }
    }
}

fn milliseconds(ms: f64) -> String {
    if ms < 10.0 { format!("{ms:.1} ms") } else { format!("{ms:.0} ms") }
}

fn list(view: &ListView<'_>, answer: &SearchAnswer) -> Markup {
    // The stream takes the parameters of a search, without what is about this page only.
    let stream = view.location.selection().href("/v1/interactions/stream");
    html! {
        button #fresh.fresh type="button" hidden data-stream=(stream)
            data-live[view.location.get("cursor").is_none()] {}
        ol #rows.rows {
            @for item in &answer.items { (row::row(item, view.location, view.now)) }
        }
    }
}

/// An error that is not in the search box is said where the list would be.
fn failed(location: &Location, problem: &Problem) -> Markup {
    let again = match (problem.code, problem.parameter.as_deref()) {
        ("cursor_expired" | "invalid_cursor", _) => {
            Some((location.first_page(), "Start from the first page".to_owned()))
        }
        (_, Some("q")) | (_, None) => None,
        (_, Some(name)) => Some((location.without(name), format!("Leave out {name}"))),
    };
    html! {
        div.empty {
            h2 { (problem.title) }
            @if problem.parameter.as_deref() == Some("q") {
                p { "The mistake is marked under the search box." }
            } @else {
                p { (layout::sentence(&problem.detail)) }
                @if let Some(hint) = &problem.hint { p { (layout::sentence(hint)) } }
            }
            @if let Some((location, label)) = again { p { a.button href=(location.href("/")) { (label) } } }
        }
    }
}
