//! Saved views: a menu beside the search box, a page to manage them, and an address for each.
//!
//! Everything is plain forms and links. Changes are POST requests, accepted only from pages of this server.

mod pages;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hearken_query::audit::AuditObject;
use hearken_query::http::Caller;
use hearken_query::http::views::change as change_views;
use hearken_query::index::Access;
use hearken_query::views::{SavedView, ViewChange};
use hearken_query::{AppState, Problem};
use percent_encoding::utf8_percent_encode;

use crate::current_user::CurrentUser;
use crate::handlers::{clock, failure, html, secure};
use crate::location::{Location, SEGMENT};

pub(crate) use pages::menu;

/// The address that leads to a view, even after its search changes.
fn path(name: &str) -> String {
    format!("/views/{}", utf8_percent_encode(name, SEGMENT))
}

/// The search of a view as an address of the list.
fn address(view: &SavedView) -> String {
    Location::parse(&view.query).first_page().href("/")
}

/// `GET /views`
pub(crate) async fn show_all(State(state): State<AppState>, caller: Caller, headers: HeaderMap) -> Response {
    let (clock, _) = clock(&Location::default(), &headers);
    let views = state.views().all(caller.access());
    html(StatusCode::OK, pages::all(&views, &CurrentUser::new(&caller), &clock))
}

/// `GET /views/{name}`
pub(crate) async fn lead_to(
    State(state): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    match state.views().get(&name, caller.access()) {
        Some(view) => see_other(&address(&view)),
        None => {
            let (clock, _) = clock(&Location::default(), &headers);
            failure(&Problem::new("not_found", "there is no view with this name"), &clock)
        }
    }
}

/// `POST /views`: applies a form, then redirects to a page that shows the result.
pub(crate) async fn change(
    State(state): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (clock, _) = clock(&Location::default(), &headers);
    let form = Location::parse(&String::from_utf8_lossy(&body));
    match changed(&state, caller.access().clone(), &form).await {
        Ok(leads_to) => {
            let mut response = see_other(&leads_to);
            let name = form.get("view").or(form.get("name")).unwrap_or_default();
            let object = format!("{}: {name}", form.get("do").unwrap_or_default());
            response.extensions_mut().insert(AuditObject(object));
            response
        }
        Err(problem) => html(problem.status, pages::refused(&problem, &form, &clock)),
    }
}

async fn changed(state: &AppState, access: Access, form: &Location) -> Result<String, Problem> {
    let field = |name: &str| form.get(name).unwrap_or_default().to_owned();
    let (name, view) = (field("name"), field("view"));
    match form.get("do") {
        Some("create") => {
            let view = SavedView { name, query: field("query") };
            change_views(state, move |views| views.create(view, &access)).await.map(|view| address(&view))
        }
        Some("replace") => {
            let wanted = ViewChange { name: None, query: Some(field("query")) };
            change_views(state, move |views| views.update(&name, wanted, &access))
                .await
                .map(|view| address(&view))
        }
        Some("rename") => {
            let wanted = ViewChange { name: Some(name), query: None };
            change_views(state, move |views| views.update(&view, wanted, &access)).await?;
            Ok("/views".to_owned())
        }
        Some("delete") => {
            change_views(state, move |views| views.delete(&view, &access)).await?;
            Ok("/views".to_owned())
        }
        _ => Err(Problem::new("invalid_body", "the form does not say what to do with a view")),
    }
}

/// The response to a form: a redirect to the next page.
pub(crate) fn see_other(address: &str) -> Response {
    let address = HeaderValue::try_from(address).unwrap_or(HeaderValue::from_static("/")); // encoded, so always valid
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, address)]).into_response();
    secure(response.headers_mut());
    response
}
