//! `/`: search box, range, chips, facets and the list.

mod chips;
mod columns;
mod empty;
mod facets;
mod failed;
mod row;
mod search_box;
mod toolbar;

use std::collections::BTreeSet;

use hearken_query::Problem;
use hearken_query::language::Notice;
use hearken_query::search::SearchAnswer;
use hearken_query::views::SavedView;
use maud::{Markup, html};

use columns::Columns;

use crate::clock::Clock;
use crate::current_user::CurrentUser;
use crate::layout::{self, Page, Section};
use crate::location::Location;
use crate::overview::Volume;
use crate::views;

pub(crate) use chips::{chips, constraints, is_facet};
pub(crate) use empty::WayOut;
pub(crate) use facets::{FACETS_SHOWN, RANGES_SHOWN, panel as facets_panel};
pub(crate) use failed::failed;
pub(crate) use search_box::search_box;
pub(crate) use toolbar::{range, sort_name};

/// What the list page shows.
pub(crate) struct ListView<'v> {
    /// Its address.
    pub(crate) location: &'v Location,
    /// The same search for the API.
    pub(crate) api: &'v Location,
    /// The reader.
    pub(crate) user: &'v CurrentUser,
    pub(crate) clock: &'v Clock,
    /// This server's address, for the first command that a new user copies.
    pub(crate) base_url: &'v str,
    /// What was found, or why the search failed.
    pub(crate) answer: Result<SearchAnswer, Problem>,
    /// The same selection's counts over time, if available.
    pub(crate) volume: Option<Volume>,
    /// The saved views.
    pub(crate) views: &'v [SavedView],
    /// What removing each filter would find; filled if nothing was found.
    pub(crate) ways_out: Vec<WayOut>,
    /// Where its event stream resumes.
    pub(crate) point: &'v str,
}

pub(crate) fn page(view: &ListView<'_>) -> Markup {
    let location = view.location;
    let problem = view.answer.as_ref().err();
    let main = html! {
        h1.visually-hidden { "Interactions" }
        (search_box(location, problem, "/", views::menu(location, view.views)))
        @if let Ok(answer) = &view.answer { (notices(location, &answer.notices)) }
        div.strip {
            (range(location, view.clock, "/"))
            @if let Some(volume) = &view.volume { (volume.strip(location, view.clock)) }
            (outcome(view))
        }
        (chips(location, view.clock, "/"))
        div.split {
            (facets::panel(location, view.api, view.answer.as_ref().ok(), "/"))
            div #results.results tabindex="-1" {
                @match &view.answer {
                    Ok(answer) if answer.items.is_empty() => (empty::empty(view)),
                    Ok(answer) => {
                        (toolbar::bar(location, view.api, metadata_keys(answer).into_iter()))
                        (list(view, answer))
                        (toolbar::pages(location, answer, view.clock))
                    }
                    Err(problem) => (failed(location, problem, "/")),
                }
            }
        }
    };
    let title = location.get("q").map_or("Interactions".to_owned(), |q| q.chars().take(60).collect());
    layout::document(Page {
        title: &title,
        section: Section::Interactions,
        kept: location.clone(),
        user: Some(view.user),
        clock: view.clock,
        scripts: &["suggest.js", "plots.js", "facets.js", "list.js"],
        main,
    })
}

/// Likely mistakes in the search, each with a link to what was probably meant.
fn notices(location: &Location, notices: &[Notice]) -> Markup {
    html! {
        @if !notices.is_empty() {
            ul.notices aria-label="About this search" {
                @for notice in notices {
                    li {
                        (layout::sentence(&notice.message)) " "
                        a href=(location.set("q", &notice.corrected).href("/")) { "Search for " code { bdi { (notice.corrected) } } }
                    }
                }
            }
        }
    }
}

/// How many were found, and how fast.
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

/// Metadata keys of the listed interactions, to offer as columns.
fn metadata_keys(answer: &SearchAnswer) -> BTreeSet<&str> {
    const KEYS_MAX: usize = 16;
    let keys = answer.items.iter().flat_map(|item| item.interaction.metadata.keys());
    let mut keys: BTreeSet<&str> = keys.map(String::as_str).collect();
    while keys.len() > KEYS_MAX {
        keys.pop_last();
    }
    keys
}

fn list(view: &ListView<'_>, answer: &SearchAnswer) -> Markup {
    // The stream takes the search's parameters, but none that concern only this page.
    let stream = view.api.selection().href("/v1/stream");
    let items = answer.items.iter();
    let columns = Columns::of(view.location).aligned(items.map(|item| &item.interaction));
    html! {
        button #fresh.fresh type="button" hidden data-stream=(stream) data-point=(view.point)
            data-first[view.location.get("cursor").is_none()] {}
        div.list {
            (columns.head(view.location, toolbar::sort(view.location)))
            ol #rows.rows {
                @for item in &answer.items { (row::row(item, view, &columns)) }
            }
        }
    }
}
