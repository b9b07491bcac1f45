//! Erasing one interaction: a page that says what will be lost and asks, the form that erases, and the
//! receipt.

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use hearken_model::Interaction;
use hearken_query::audit::AuditObject;
use hearken_query::erasures::{ErasureFiles, ErasureReceipt};
use hearken_query::http::Caller;
use hearken_query::http::erasures::erase_id;
use hearken_query::{AppState, Problem, search};
use maud::{Markup, html};
use percent_encoding::utf8_percent_encode;

use crate::clock::Clock;
use crate::current_user::CurrentUser;
use crate::format;
use crate::handlers::{clock, failure, html as page};
use crate::layout::{self, Page, Section};
use crate::location::{Location, SEGMENT, interaction_href};
use crate::views::see_other;

/// The address of the confirmation page.
pub(crate) fn ask_href(id: &str) -> String {
    Location::default().with("id", id).href("/erase")
}

/// `GET /erase?id=…`: what would be erased, and the form that does it.
pub(crate) async fn ask(
    State(state): State<AppState>,
    caller: Caller,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let location = Location::parse(query.as_deref().unwrap_or_default());
    let (clock, _) = clock(&location, &headers);
    let id = location.get("id").unwrap_or_default();
    match search::interaction(&state, id.to_owned(), None, &caller).await {
        Ok(answer) => {
            let user = CurrentUser::new(&caller);
            page(StatusCode::OK, question(&answer.interaction, &user, &clock))
        }
        Err(problem) => failure(&problem, &clock),
    }
}

/// `POST /erase`: erases, then redirects to the receipt.
pub(crate) async fn erase(
    State(state): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let form = Location::parse(&String::from_utf8_lossy(&body));
    let id = form.get("id").unwrap_or_default().to_owned();
    match erase_id(&state, &caller, id).await {
        Ok(receipt) => {
            let mut response = see_other(&format!("/erasures/{}", utf8_percent_encode(&receipt.id, SEGMENT)));
            response.extensions_mut().insert(AuditObject(receipt.id));
            response
        }
        Err(problem) => {
            let (clock, _) = clock(&Location::default(), &headers);
            failure(&problem, &clock)
        }
    }
}

/// `GET /erasures/{id}`: the receipt.
pub(crate) async fn receipt(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let (clock, _) = clock(&Location::default(), &headers);
    match state.erasures().receipt(&id, caller.access()) {
        Some(receipt) => page(StatusCode::OK, shown(&receipt, &CurrentUser::new(&caller), &clock)),
        None => failure(&Problem::new("not_found", "there is no erasure with this ID"), &clock),
    }
}

fn question(interaction: &Interaction, user: &CurrentUser, clock: &Clock) -> Markup {
    let line = |name: &str, value: Option<Markup>| {
        html! { @if let Some(value) = value { div { dt { (name) } dd { (value) } } } }
    };
    let text = |value: Option<&str>| value.map(|value| html! { bdi { (value) } });
    // Permission to erase does not imply permission to read.
    let opens = user.opens_interactions();
    framed(
        "Erase an interaction",
        user,
        clock,
        html! {
            h1 { "Erase this interaction?" }
            div.card { dl {
                @if opens { (line("About", text(interaction.title().as_deref()))) }
                (line("ID", text(Some(&interaction.id))))
                @if opens {
                    (line("Organization", text(interaction.organization.as_deref())))
                    (line("Agent", text(interaction.agent.as_deref())))
                    (line("Start Time", interaction.start_time.map(|at| format::instant(at, clock))))
                    (line("Messages Count", Some(html! { (format::count(interaction.messages_count)) })))
                }
            } }
            p { "Its transcript and everything else that is known about it will be gone: from every search result at once, and from every file of this server soon after. " strong { "This cannot be undone." } " Events that arrive for it later are dropped." }
            form.buttons action="/erase" method="post" {
                input type="hidden" name="id" value=(interaction.id);
                button.danger type="submit" { "Erase for good" }
                a.button href=(if opens { interaction_href(&interaction.id, &Location::default()) } else { "/".to_owned() }) { "Keep it" }
            }
        },
    )
}

fn shown(receipt: &ErasureReceipt, user: &CurrentUser, clock: &Clock) -> Markup {
    framed(
        "Receipt of an erasure",
        user,
        clock,
        html! {
            h1 { "Erased" }
            div.card { dl {
                div { dt { "Receipt" } dd { code { (receipt.id) } } }
                div { dt { "Interactions" } dd { (format::count(receipt.erased)) @if receipt.erased < receipt.matched { " (" (format::count(receipt.matched - receipt.erased)) " had been erased before)" } } }
                div { dt { "In search results" } dd { "no longer, since " (format::instant(receipt.erased_at, clock)) } }
                div { dt { "In files" } dd { @match (receipt.files, receipt.verified_at) {
                    (ErasureFiles::Verified, Some(at)) => { "no longer, verified " (format::instant(at, clock)) },
                    (ErasureFiles::Verified, None) => "no longer, verified",
                    (ErasureFiles::Pending, _) => { "perhaps still; they are being rewritten. " a href="" { "Look again" } },
                } } }
            } }
            @if !receipt.out_of_reach.is_empty() {
                p { "This server cannot reach copies elsewhere. Look for them in:" }
                ul.plain { @for place in &receipt.out_of_reach { li { bdi { (place) } } } }
            }
            p { a.button href="/" { "All interactions" } }
        },
    )
}

fn framed(title: &str, user: &CurrentUser, clock: &Clock, content: Markup) -> Markup {
    layout::document(Page {
        title,
        section: Section::Neither,
        kept: Location::default(),
        user: Some(user),
        clock,
        scripts: &[],
        main: html! { div.empty { (content) } },
    })
}
