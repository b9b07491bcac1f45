//! `/interactions/{id}`: one conversation, its transcript first.

mod details;
mod mood;
mod speech;
mod text;
mod transcript;

use hearken_model::{Interaction, Status};
use hearken_query::index::highlight::{self, Highlight};
use hearken_query::keys::Permission;
use maud::{Markup, html};

use crate::clock::Clock;
use crate::current_user::CurrentUser;
use crate::interactions::search_box;
use crate::layout::{self, Page, Section};
use crate::location::{Location, interaction_href};
use crate::place::ListPosition;
use crate::recording::is_playable;
use crate::{erase, format, labels, marked};

pub(crate) use text::plain_text;

/// What the page of one interaction shows.
pub(crate) struct InteractionView<'v> {
    /// The address's parameters: those of the list it was opened from.
    pub(crate) location: &'v Location,
    /// The reader.
    pub(crate) user: &'v CurrentUser,
    /// Its position in that list.
    pub(crate) place: Option<&'v ListPosition>,
    pub(crate) clock: &'v Clock,
    pub(crate) interaction: &'v Interaction,
    /// The messages and details that match `q`; `None` when there is no such search.
    pub(crate) quotes: Option<&'v [Highlight]>,
    /// Why the search for `q` failed.
    pub(crate) problem: Option<&'v hearken_query::Problem>,
    /// Where its event stream resumes.
    pub(crate) point: &'v str,
    /// Hosts whose recordings may be played.
    pub(crate) recording_hosts: &'v [String],
}

pub(crate) fn page(view: &InteractionView<'_>) -> Markup {
    let interaction = view.interaction;
    let is_growing = interaction.status == Some(Status::InProgress);
    let messages = interaction.transcript.as_deref().unwrap_or_default();
    let speech = speech::Speech::of(interaction, messages);
    // The `id` filter works for every id, whatever characters it contains.
    let stream = Location::default().with("id", &interaction.id).href("/v1/stream");
    let main = html! {
        (search_box(&view.location.only(|name, _| name == "q" || name == "tz"), view.problem, "/", html! {}))
        article #interaction data-id=(interaction.id) data-stream=[is_growing.then_some(&stream)]
            data-point=(view.point) {
            div.sticky {
                (actions(view))
                (header(view))
                (recording(view))
            }
            div.conversation {
                div.transcript {
                    (details_found(view.quotes.unwrap_or_default()))
                    @if view.user.may(Permission::Read) {
                        (mood::chart(messages))
                        @if let Some(speech) = &speech { (speech.timeline()) }
                        (transcript::transcript(interaction, messages, speech.as_ref(), view.quotes, view.clock))
                    } @else {
                        p.empty { "Your key does not have the permission “read”, which transcripts need." }
                    }
                }
                aside.panel aria-label="About this interaction" { (details::panel(interaction, view.clock)) }
            }
        }
    };
    let title = title(interaction);
    layout::document(Page {
        title: &title,
        section: Section::Neither,
        kept: view.location.clone(),
        user: Some(view.user),
        clock: view.clock,
        scripts: &["suggest.js", "plots.js", "interaction.js"],
        main,
    })
}

fn actions(view: &InteractionView<'_>) -> Markup {
    let id = &view.interaction.id;
    let text = interaction_href(id, &view.location.only(|name, _| name == "tz").with("format", "text"));
    let quotes = view.quotes.unwrap_or_default();
    html! {
        nav.actions aria-label="This interaction" {
            @match view.place {
                Some(place) => {
                    a #back href=(place.row) { "← Back to results" }
                    span #place.faint {
                        (format::count(place.position as u64)) " of " (format::count(place.total))
                    }
                    @if let Some(previous) = &place.previous {
                        a #previous.button href=(previous) rel="prev" title="Previous interaction: [" aria-label="Previous interaction" { "‹" }
                    }
                    @if let Some(following) = &place.following {
                        a #following.button href=(following) rel="next" title="Next interaction: ]" aria-label="Next interaction" { "›" }
                    }
                }
                None => a #back href=(view.location.href("/")) { "← Back to results" },
            }
            span.grow {}
            @if view.quotes.is_some() && !is_in_messages(quotes) {
                span.faint {
                    @if quotes.is_empty() { "The search does not match what was said here" }
                    @else { "The search matches details, not what was said here" }
                }
            }
            button.js-only type="button" data-copy-link { "Copy link" }
            @if view.user.may(Permission::Read) {
                button.js-only type="button" data-copy-from=(text) { "Copy text" }
                a.button href=(text) { "Text" }
            }
            a.button href={ "/v1" (interaction_href(id, &Location::default())) } { "JSON" }
            @if view.user.may(Permission::Erase) {
                a.button.danger href=(erase::ask_href(id)) { "Erase…" }
            }
        }
    }
}

/// The player, if the recording's host is allowed. It loads nothing before playback.
fn recording(view: &InteractionView<'_>) -> Markup {
    let url = view.interaction.recording_url.as_deref();
    let url = url.filter(|url| is_playable(url, view.recording_hosts));
    html! {
        @if let Some(url) = url.filter(|_| view.user.may(Permission::Read)) {
            audio #recording src=(url) controls preload="none" aria-label="Recording of the call" {}
        }
    }
}

/// Matching details, above the transcript: in the panel they would be beside it, or far below it.
fn details_found(quotes: &[Highlight]) -> Markup {
    let found: Vec<Markup> = quotes
        .iter()
        .filter_map(|quote| match &quote.place {
            highlight::HighlightPlace::Detail { field } => Some(marked::detail(field, &quote.fragments)),
            highlight::HighlightPlace::Message { .. } => None,
        })
        .collect();
    html! {
        @if !found.is_empty() {
            section.card.found { h2 { "Matching details" } ul.quotes { @for line in found { (line) } } }
        }
    }
}

/// What it was about, or its id if nothing else is known.
fn title(interaction: &Interaction) -> String {
    interaction.title().unwrap_or_else(|| interaction.id.clone())
}

fn is_in_messages(quotes: &[Highlight]) -> bool {
    quotes.iter().any(|quote| matches!(quote.place, highlight::HighlightPlace::Message { .. }))
}

fn header(view: &InteractionView<'_>) -> Markup {
    let (interaction, clock) = (view.interaction, view.clock);
    html! {
        header.headline {
            div.title-line {
                h1 title=(title(interaction)) { bdi { (title(interaction)) } }
                @if view.quotes.is_some_and(is_in_messages) {
                    span #matches.js-only {
                        span data-matches {}
                        button #match-previous type="button" title="Previous match (p)" aria-label="Previous match" { "↑" }
                        button #match-next type="button" title="Next match (n)" aria-label="Next match" { "↓" }
                    }
                }
            }
            p #summary-line.summary-line {
                @if let Some(sentiment) = interaction.topics_summary.sentiment {
                    span { (labels::feeling(sentiment, interaction.worst_moment, interaction.sentiment_change)) }
                }
                @if let Some(csat) = interaction.csat { span { "CSAT " (labels::score(csat)) } }
                @if let Some(status) = interaction.status {
                    span class={ "status " (status.as_str()) } { (labels::sentence_case(status.as_str())) }
                }
                @if let Some(duration) = interaction.duration { span { (format::duration(duration)) } }
                @if let Some(amount) = interaction.total_costs.amount {
                    span { (format::money(amount, interaction.total_costs.currency.as_deref())) }
                }
                @if let Some(start) = interaction.start_time { span { (format::ago(start, clock)) } }
            }
        }
    }
}
