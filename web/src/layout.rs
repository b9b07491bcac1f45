//! The frame of every page: head, header, symbols, help.

use maud::{DOCTYPE, Markup, html};

use crate::assets;
use crate::clock::Clock;
use crate::current_user::CurrentUser;
use crate::location::Location;

/// Which entry of the navigation is current.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    Interactions,
    Overview,
    Neither,
}

/// A page to frame.
pub(crate) struct Page<'p> {
    /// Before ` · Hearken`.
    pub(crate) title: &'p str,
    pub(crate) section: Section,
    /// The parameters that navigation links keep.
    pub(crate) kept: Location,
    /// The reader, if known.
    pub(crate) user: Option<&'p CurrentUser>,
    /// Provides the name of the time zone.
    pub(crate) clock: &'p Clock,
    /// Scripts besides the common ones.
    pub(crate) scripts: &'static [&'static str],
    pub(crate) main: Markup,
}

/// The whole document.
pub(crate) fn document(page: Page<'_>) -> Markup {
    let kept = page.kept.first_page();
    let link = |path: &str| kept.href(path);
    let current = |section| (page.section == section).then_some("page");
    html! {
        (DOCTYPE)
        html lang="en" data-zone=(page.clock.zone_name()) data-streams=(assets::href("streams.js")) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (page.title) " · Hearken" }
                link rel="icon" href=(assets::href("icon.svg")) type="image/svg+xml";
                link rel="stylesheet" href=(assets::href("hearken.css"));
                script src=(assets::href("theme.js")) {}
                @for script in ["common.js"].iter().chain(page.scripts) {
                    script src=(assets::href(script)) defer {}
                }
            }
            body {
                @match page.section {
                    Section::Interactions => a.skip href="#results" { "Skip to the results" },
                    Section::Overview | Section::Neither => a.skip href="#main" { "Skip to content" },
                }
                (symbols())
                header.top {
                    a.brand href="/" { img src=(assets::href("icon.svg")) alt="" width="20" height="20"; "Hearken" }
                    nav aria-label="Pages" {
                        a href=(link("/")) aria-current=[current(Section::Interactions)] { "Interactions" }
                        a href=(link("/overview")) aria-current=[current(Section::Overview)] { "Overview" }
                    }
                    span.grow {}
                    (CurrentUser::account(page.user))
                    span #live.js-only hidden { span.dot {} span data-live-text { "live" } }
                    button #theme.quiet.js-only type="button" title="Light or dark" { "Theme" }
                    button #keys-button.quiet.js-only type="button" title="Keyboard shortcuts (?)" { "Shortcuts" }
                }
                main #main tabindex="-1" { (page.main) }
                (keys())
                p #announcer.visually-hidden role="status" aria-live="polite" {}
            }
        }
    }
}

/// An error page: what went wrong, the hint about what to do, and any other options.
pub(crate) fn trouble(
    title: &str,
    detail: &str,
    hint: Option<&str>,
    offered: &Markup,
    clock: &Clock,
) -> Markup {
    document(Page {
        title,
        section: Section::Neither,
        kept: Location::default(),
        user: None,
        clock,
        scripts: &[],
        main: html! {
            div.empty {
                h1 { (title) }
                p { (sentence(detail)) }
                @if let Some(hint) = hint { p { (sentence(hint)) } }
                (offered)
                p { a href="/" { "All interactions" } }
            }
        },
    })
}

/// An API message as a sentence of a page. Text in backticks becomes code.
pub(crate) fn sentence(text: &str) -> Markup {
    let mut characters = text.chars();
    let capitalized: String =
        characters.next().into_iter().flat_map(char::to_uppercase).chain(characters).collect();
    let is_open = text.is_empty() || text.ends_with(['.', '?', '!']);
    html! {
        @for (idx, part) in capitalized.split('`').enumerate() {
            @if idx % 2 == 1 { code { bdi { (part) } } } @else { (part) }
        }
        @if !is_open { "." }
    }
}

fn keys() -> Markup {
    const KEYS: [(&str, &str); 12] = [
        ("/", "Search"),
        ("j", "Next row or message"),
        ("k", "Previous row or message"),
        ("Enter", "Open"),
        ("n", "Next match, or page of the list"),
        ("p", "Previous match, or page of the list"),
        ("[", "Previous interaction"),
        ("]", "Next interaction"),
        ("f", "Filters"),
        ("e", "Export"),
        ("?", "This help"),
        ("Esc", "Leave, or back to the results"),
    ];
    html! {
        dialog #keys aria-labelledby="keys-title" {
            h2 #keys-title { "Keyboard shortcuts" }
            dl { @for (key, does) in KEYS { div { dt { kbd { (key) } } dd { (does) } } } }
            form method="dialog" { button { "Close" } }
        }
    }
}

/// Drawn once, used by reference. Shape carries the meaning, colour only supports it.
fn symbols() -> Markup {
    html! {
        svg.visually-hidden aria-hidden="true" width="0" height="0" {
            pattern id="hatch" width="4" height="4" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                rect.hatching width="2" height="4" {}
            }
            symbol id="icon-positive" viewBox="0 0 16 16" {
                circle cx="8" cy="8" r="6.25" fill="none" stroke="currentColor" stroke-width="1.5" {}
                path d="M5.6 6.2v.6M10.4 6.2v.6M5 9.4a3.4 3.4 0 0 0 6 0" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" {}
            }
            symbol id="icon-neutral" viewBox="0 0 16 16" {
                circle cx="8" cy="8" r="6.25" fill="none" stroke="currentColor" stroke-width="1.5" {}
                path d="M5.6 6.2v.6M10.4 6.2v.6M5.2 10.2h5.6" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" {}
            }
            symbol id="icon-negative" viewBox="0 0 16 16" {
                circle cx="8" cy="8" r="6.25" fill="none" stroke="currentColor" stroke-width="1.5" {}
                path d="M5.6 6.2v.6M10.4 6.2v.6M5 11.200a3.4 3.4 0 0 1 6 0" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" {}
            }
            symbol id="icon-voice_call" viewBox="0 0 16 16" {
                path d="M2.500 6.500v3M5.250 4v8M8 2.500v11M10.750 5v6M13.500 6.500v3" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" {}
            }
            symbol id="icon-text_chat" viewBox="0 0 16 16" {
                path d="M2.500 3.500h11v7.500H7L4 13.500V11H2.500z" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linejoin="round" {}
            }
        }
    }
}
