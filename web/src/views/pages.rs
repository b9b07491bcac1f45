//! The menu and the pages of views.

use hearken_query::Problem;
use hearken_query::views::{NAME_CHARS_MAX, SavedView};
use maud::{Markup, html};

use super::{address, path};
use crate::clock::Clock;
use crate::current_user::CurrentUser;
use crate::interactions::{constraints, sort_name};
use crate::layout::{self, Page, Section};
use crate::location::Location;

/// The menu beside the search box: the views, and a form that saves the current search as one.
pub(crate) fn menu(location: &Location, views: &[SavedView]) -> Markup {
    let here = location.first_page();
    let is_here = |view: &SavedView| address(view) == here.href("/");
    html! {
        details #views.menu.end {
            summary { @match views.iter().find(|view| is_here(view)) {
                Some(view) => { span.faint { "View" } " " strong.name { bdi { (view.name) } } },
                None => "Views",
            } }
            div {
                @if views.is_empty() { p.note { "A view is a search that you will need again: words, filters, period, order and columns." } }
                ul { @for view in views {
                    li { a href=(address(view)) aria-current=[is_here(view).then_some("true")] { bdi { (view.name) } } }
                } }
                form.save action="/views" method="post" {
                    input type="hidden" name="query" value=(here.query());
                    input type="text" name="name" required maxlength=(NAME_CHARS_MAX) placeholder="Name of this search" aria-label="Name of this search" autocomplete="off" dir="auto";
                    button.primary type="submit" name="do" value="create" { "Save" }
                }
                @if !views.is_empty() { a.quiet href="/views" { "Rename or delete views" } }
            }
        }
    }
}

/// The page to manage views.
pub(super) fn all(views: &[SavedView], user: &CurrentUser, clock: &Clock) -> Markup {
    layout::document(Page {
        title: "Views",
        section: Section::Neither,
        kept: Location::default(),
        user: Some(user),
        clock,
        scripts: &[],
        main: html! {
            h1 { "Views" }
            @if views.is_empty() {
                div.empty {
                    p { "No search has been saved yet. Search, filter and sort the list as you like it, then save it under “Views” beside the search box." }
                    p { a.button href="/" { "Interactions" } }
                }
            }
            ul.views { @for (idx, view) in views.iter().enumerate() { (entry(idx, view, clock)) } }
        },
    })
}

fn entry(idx: usize, view: &SavedView, clock: &Clock) -> Markup {
    let search = Location::parse(&view.query);
    let parts = constraints(&search, clock);
    let id = format!("view-{idx}");
    html! {
        li.card aria-labelledby=(id) {
            h2 #(id) { a href=(path(&view.name)) { bdi { (view.name) } } }
            p.faint {
                @if parts.is_empty() { "Every interaction" }
                @for (idx, part) in parts.iter().enumerate() { @if idx > 0 { " · " } bdi { (part.label) } }
                @if let Some(sort) = search.get("sort") { " · " (sort_name(sort)) }
            }
            form action="/views" method="post" {
                input type="hidden" name="view" value=(view.name);
                input type="text" name="name" value=(view.name) required maxlength=(NAME_CHARS_MAX) aria-label={ "New name of " (view.name) } autocomplete="off" dir="auto";
                button type="submit" name="do" value="rename" { "Rename" }
                button type="submit" name="do" value="delete" aria-label={ "Delete " (view.name) } { "Delete" }
            }
        }
    }
}

/// Why a form was refused. If the name is taken, it can be reassigned to the new search.
pub(super) fn refused(problem: &Problem, form: &Location, clock: &Clock) -> Markup {
    let may_replace = problem.code == "view_exists" && form.get("do") == Some("create");
    let offered = html! {
        @if may_replace {
            form action="/views" method="post" {
                @for name in ["name", "query"] { input type="hidden" name=(name) value=[form.get(name)]; }
                button.primary type="submit" name="do" value="replace" { "Replace its search" }
            }
        }
        p { a href="/views" { "All views" } }
    };
    layout::trouble(problem.title, &problem.detail, problem.hint.as_deref(), &offered, clock)
}
