//! The routes: parameters in, documents out. Everything shown comes from the searches of the API.

use std::time::SystemTime;

use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hearken_index::IndexReader;
use hearken_index::query::Query;
use hearken_index::search::Selection;
use hearken_model::Timestamp;
use hearken_query::parameters::{SearchParameters, pairs_of_query};
use hearken_query::search::{self, SearchAnswer};
use hearken_query::{AppState, Problem};
use maud::Markup;

use crate::interaction::{self, InteractionView};
use crate::interactions::{self, FACETS_SHOWN, ListView, WayOut};
use crate::location::Location;
use crate::overview::{self, OverviewView, Volume};
use crate::{assets, layout};

/// What pages may do: load the embedded assets, talk to this server, nothing else.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
    img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Values of a facet that are counted: more than are shown, so that a chosen one keeps its count and a long facet is
/// known to be long.
const FACET_SIZE_COUNTED: usize = 101;

/// The routes of the pages, to be merged with those of the API before limits and headers are added.
pub fn routes() -> Router<AppState> {
    Router::new()
        .route("/", get(list))
        .route("/overview", get(show_overview))
        .route("/interactions/{id}", get(show))
        .route("/interactions/{id}/text", get(show_text))
        .route("/assets/{version}/{name}", get(assets::serve))
}

/// The pages alone, ready to serve.
pub fn router(state: AppState) -> Router {
    routes().with_state(state)
}

async fn list(State(state): State<AppState>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let query = query.unwrap_or_default();
    let location = Location::parse(&query);
    let answer = find(&state, &query).await;
    let mut ways_out = Vec::new();
    if let Ok(answer) = &answer
        && answer.items.is_empty()
        && location.get("cursor").is_none()
    {
        ways_out = WayOut::all(&location);
        for way in &mut ways_out {
            way.total = count(&state, &way.constraint.without).await;
        }
    }
    let status = answer.as_ref().err().map_or(StatusCode::OK, |problem| problem.status);
    let base_url = base_url(&headers);
    let volume = if answer.is_ok() { volume(&state, &location).await } else { None };
    let view = ListView { location: &location, now: now(), base_url: &base_url, answer, volume, ways_out };
    html(status, interactions::page(&view))
}

async fn find(state: &AppState, query: &str) -> Result<SearchAnswer, Problem> {
    let (mut parameters, []) = SearchParameters::parse(pairs_of_query(query)?, [])?;
    if parameters.facets.is_empty() {
        parameters.facets = FACETS_SHOWN.map(str::to_owned).into();
    }
    parameters.facet_size = parameters.facet_size.max(FACET_SIZE_COUNTED);
    search::search(state, parameters, None).await
}

async fn count(state: &AppState, location: &Location) -> Option<u64> {
    let parameters = SearchParameters { limit: 0, ..parameters(&location.selection()).ok()? };
    search::search(state, parameters, None).await.ok().map(|answer| answer.total)
}

/// Counts over time of what is listed; a list without them is still a list.
async fn volume(state: &AppState, location: &Location) -> Option<Volume> {
    let parameters = parameters(&location.selection()).ok()?;
    let work = move |reader: &IndexReader, deadline| {
        let selection = selection(reader, &parameters)?;
        Ok::<_, Problem>(overview::volume(reader, &selection, now(), overview::BARS, deadline)?)
    };
    let (counts, stretch_ms) = state.run(work).await.ok()?;
    (counts.len() > 1).then_some(Volume { counts, stretch_ms })
}

async fn show_overview(State(state): State<AppState>, RawQuery(query): RawQuery) -> Response {
    let location = Location::parse(query.as_deref().unwrap_or_default()).selection();
    let measured = match parameters(&location) {
        Err(problem) => Err(problem),
        Ok(parameters) => {
            let work = move |reader: &IndexReader, deadline| {
                let selection = selection(reader, &parameters)?;
                Ok::<_, Problem>(overview::measure(reader, &selection, now(), deadline)?)
            };
            state.run(work).await
        }
    };
    let status = measured.as_ref().err().map_or(StatusCode::OK, |problem| problem.status);
    html(status, overview::page(&OverviewView { location: &location, now: now(), measured }))
}

fn parameters(location: &Location) -> Result<SearchParameters, Problem> {
    let (parameters, []) = SearchParameters::parse(pairs_of_query(&location.query())?, [])?;
    Ok(parameters)
}

fn selection(reader: &IndexReader, parameters: &SearchParameters) -> Result<Selection, Problem> {
    let query = parameters.text().map_or(Ok(Query::All), |text| search::resolve(reader, text))?;
    Ok(parameters.selection(query, None))
}

async fn show(State(state): State<AppState>, Path(id): Path<String>, RawQuery(query): RawQuery) -> Response {
    let location = Location::parse(query.as_deref().unwrap_or_default()).only(|name, _| name == "q");
    let q = location.get("q").map(str::to_owned);
    let (answer, problem) = match search::interaction(&state, id.clone(), q, None).await {
        // A search that cannot be understood must not hide the conversation.
        Err(problem) if problem.parameter.as_deref() == Some("q") => {
            (search::interaction(&state, id, None, None).await, Some(problem))
        }
        answer => (answer, None),
    };
    let answer = match answer {
        Ok(answer) => answer,
        Err(problem) => return failure(&problem),
    };
    let view = InteractionView {
        location: &location,
        now: now(),
        interaction: &answer.interaction,
        quotes: answer.highlights.as_deref(),
        problem: problem.as_ref(),
    };
    html(StatusCode::OK, interaction::page(&view))
}

async fn show_text(State(state): State<AppState>, Path(id): Path<String>) -> Response {
    match search::interaction(&state, id, None, None).await {
        Ok(answer) => {
            let mut response = interaction::plain_text(&answer.interaction).into_response();
            secure(response.headers_mut());
            response
        }
        Err(problem) => failure(&problem),
    }
}

fn failure(problem: &Problem) -> Response {
    html(problem.status, layout::trouble(problem.title, &problem.detail, problem.hint.as_deref()))
}

fn html(status: StatusCode, page: Markup) -> Response {
    let mut response = (status, page).into_response();
    secure(response.headers_mut());
    response
}

fn secure(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

/// How the reader reached this server, as far as it can be copied into a command without harm.
fn base_url(headers: &HeaderMap) -> String {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".:-[]".contains(&byte);
    let host = if !host.is_empty() && host.bytes().all(is_plain) { host } else { "localhost:8080" };
    format!("http://{host}")
}
