//! Signing in with a key, and signing out: pages use the API's keys through a session cookie.

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use hearken_query::http::{Caller, SESSION_IDLE_MAX};
use hearken_query::keys::Permission;
use hearken_query::{AppState, Problem};
use maud::{DOCTYPE, Markup, html};

use crate::clock::Clock;
use crate::current_user::CurrentUser;
use crate::format;
use crate::handlers::{clock, failure, html as page, secure};
use crate::layout::{self, Page, Section};
use crate::location::Location;
use crate::views::see_other;

/// `GET /signin`: asks for a key.
pub(crate) async fn ask(State(state): State<AppState>, RawQuery(query): RawQuery, parts: Parts) -> Response {
    let location = Location::parse(query.as_deref().unwrap_or_default());
    if !state.gate().has_keys() {
        return see_other(destination(location.get("to")));
    }
    let (clock, _) = clock(&location, &parts.headers);
    page(StatusCode::OK, form(destination(location.get("to")), None, &clock))
}

/// `POST /signin`: starts a session if the key is valid.
pub(crate) async fn sign_in(State(state): State<AppState>, parts: Parts, body: Bytes) -> Response {
    let form_data = Location::parse(&String::from_utf8_lossy(&body));
    let to = destination(form_data.get("to"));
    match state.gate().sign_in(&parts, form_data.get("key").unwrap_or_default()) {
        Ok((cookie, caller)) => {
            let mut response = with_cookie(see_other(to), cookie);
            response.extensions_mut().insert(caller); // for the audit log
            response
        }
        Err(problem) => {
            let (clock, _) = clock(&Location::default(), &parts.headers);
            let mut response = page(problem.status, form(to, Some(&problem), &clock));
            if let Some(seconds) = problem.retry_after {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            }
            response
        }
    }
}

/// `POST /signout`: ends the session.
pub(crate) async fn sign_out(State(state): State<AppState>, parts: Parts) -> Response {
    with_cookie(see_other("/signin"), state.gate().sign_out(&parts))
}

/// `GET /account`: who is signed in.
pub(crate) async fn show(caller: Caller, parts: Parts) -> Response {
    let (clock, _) = clock(&Location::default(), &parts.headers);
    let main = match caller.key() {
        None if caller.user().is_none() => html! {
            h1 { "Account" }
            p { "This server has no keys: anyone who can reach it may do everything." }
        },
        key => html! {
            h1 { "Account" }
            div.card { dl {
                @match key {
                    Some(key) => div { dt { "Signed in with the key" } dd { bdi { (key.name) } } },
                    None => div { dt { "Signed in by the proxy" } dd { bdi { (caller.user().unwrap_or_default()) } } },
                }
                div { dt { "Organizations" } dd { (organizations(&caller.organizations())) } }
                div { dt { "Permissions" } dd { ul { @for permission in caller.permissions().iter() { li { (permits(permission)) } } } } }
                @if let Some(expires) = key.and_then(|key| key.expires) { div { dt { "Expires" } dd { (format::instant(expires, &clock)) } } }
            } }
            @if caller.is_signed_in() {
                form action="/signout" method="post" { button.primary type="submit" { "Sign out" } }
            }
        },
    };
    page(
        StatusCode::OK,
        layout::document(Page {
            title: "Account",
            section: Section::Neither,
            kept: Location::default(),
            user: Some(&CurrentUser::new(&caller)),
            clock: &clock,
            scripts: &[],
            main,
        }),
    )
}

/// The response in place of a page that the caller may not see: without a key, it leads to the sign-in page.
pub(crate) fn refuse(problem: Problem, parts: &Parts) -> Response {
    let address = parts.uri.path_and_query().map_or("/", |address| address.as_str());
    if problem.code != "unauthorized" || parts.method != Method::GET {
        let (clock, _) = clock(&Location::default(), &parts.headers);
        return failure(&problem, &clock);
    }
    // A link from another site arrives without the cookie even if the reader is signed in: the browser sends
    // the cookie only when one of our own pages asks.
    if parts.headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site") {
        return page(StatusCode::UNAUTHORIZED, once_more(destination(Some(address))));
    }
    see_other(&Location::default().with("to", address).href("/signin"))
}

fn with_cookie(mut response: Response, cookie: HeaderValue) -> Response {
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    secure(response.headers_mut());
    response
}

/// A path on this server to lead to; never another site.
fn destination(to: Option<&str>) -> &str {
    let is_ours = |to: &&str| {
        to.starts_with('/')
            && !to.starts_with("//")
            && to.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
    };
    to.filter(is_ours).unwrap_or("/")
}

fn form(to: &str, problem: Option<&Problem>, clock: &Clock) -> Markup {
    let hours = SESSION_IDLE_MAX.as_secs() / 3_600;
    layout::document(Page {
        title: "Sign in",
        section: Section::Neither,
        kept: Location::default(),
        user: None,
        clock,
        scripts: &[],
        main: html! {
            div.empty {
                h1 { "Sign in" }
                @if let Some(problem) = problem { p role="alert" { (layout::sentence(&problem.detail)) } }
                form action="/signin" method="post" {
                    input type="hidden" name="to" value=(to);
                    input type="password" name="key" required autofocus autocomplete="current-password" placeholder="hk_…" aria-label="API key";
                    button.primary type="submit" { "Sign in" }
                }
                p.note { "With an API key, made by " code { "hearken keys create" } ". You stay signed in until you sign out or are idle for " (hours) " hours." }
            }
        },
    })
}

fn once_more(address: &str) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="refresh" content={ "0; url=" (address) };
                title { "Hearken" }
            }
            body { p { a href=(address) { "Continue" } } }
        }
    }
}

fn organizations(names: &[String]) -> Markup {
    html! {
        @if names == ["*"] { "all of them" } @else {
            ul { @for name in names { li { bdi { (name) } } } }
        }
    }
}

fn permits(permission: Permission) -> &'static str {
    match permission {
        Permission::Search => "search what people said",
        Permission::Read => "read transcripts",
        Permission::Metadata => "see everything but the words people said",
        Permission::Ingest => "send events",
        Permission::Erase => "erase interactions",
        Permission::Metrics => "read the server's metrics",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_in_leads_to_nobody_else() {
        for ours in ["/", "/overview?q=a", "/interactions/a%2Fb"] {
            assert_eq!(destination(Some(ours)), ours);
        }
        for theirs in ["", "//evil.example", "/\\evil.example", "https://evil.example", "evil", "/a\nb", "/ä"]
        {
            assert_eq!(destination(Some(theirs)), "/", "{theirs}");
        }
    }
}
