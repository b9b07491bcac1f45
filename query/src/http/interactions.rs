//! `/v1/interactions` and `/v1/search`: search, and one interaction.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequestParts, OptionalFromRequestParts, Path, RawQuery, State};
use axum::http::header;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};

use crate::parameters::{SearchParameters, pairs_of_json, pairs_of_query};
use crate::problem::Problem;
use crate::search::{self, InteractionAnswer};
use crate::state::AppState;

use super::Caller;

/// `GET /v1/interactions`
pub(super) async fn search_by_query(
    State(state): State<AppState>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let pairs = pairs_of_query(query.as_deref().unwrap_or_default())?;
    let (parameters, []) = SearchParameters::parse(pairs, [])?;
    search::search_json(&state, parameters, &caller).await.map(json)
}

/// `POST /v1/search`
pub(super) async fn search_by_body(
    State(state): State<AppState>,
    caller: Caller,
    RawQuery(query): RawQuery,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let body = body.map_err(|rejection| refused_body(&rejection))?;
    if query.is_some_and(|query| !query.is_empty()) {
        return Err(Problem::new("invalid_body", "parameters belong in the body, not in the address"));
    }
    let (parameters, []) = SearchParameters::parse(pairs_of_json(&body)?, [])?;
    search::search_json(&state, parameters, &caller).await.map(json)
}

/// The id of the interaction at an address. It may hold anything: slashes, percent-encoded or not, and any other
/// percent-encoded character. The ids `.` and `..` go into the query, `/v1/interactions/?id=..`, because clients that
/// follow the URL standard drop them from paths, encoded or not.
#[derive(Debug)]
pub struct AskedId(pub String);

impl<S: Send + Sync> FromRequestParts<S> for AskedId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = <Path<String> as OptionalFromRequestParts<S>>::from_request_parts(parts, state).await;
        // No id has bytes that are not UTF-8.
        if let Some(Path(id)) = path.map_err(|_| Problem::no_such_interaction())? {
            return Ok(AskedId(id));
        }
        let pairs = pairs_of_query(parts.uri.query().unwrap_or_default())?;
        let id = pairs.into_iter().find_map(|(name, value)| value.filter(|_| name == "id"));
        id.map(AskedId).ok_or_else(Problem::no_such_interaction)
    }
}

/// `GET /v1/interactions/{id}`
pub(super) async fn show(
    State(state): State<AppState>,
    caller: Caller,
    AskedId(id): AskedId,
    path: Option<Path<String>>,
    RawQuery(query): RawQuery,
) -> Result<Json<InteractionAnswer>, Problem> {
    let mut q = None;
    for (name, value) in pairs_of_query(query.as_deref().unwrap_or_default())? {
        if name == "id" && path.is_none() {
            continue;
        }
        if name != "q" {
            return Err(Problem::only_parameter("q", &name));
        }
        q = value;
    }
    search::interaction(&state, id, q, &caller).await.map(Json)
}

fn json(body: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// Why a body was not read.
pub(super) fn refused_body(rejection: &BytesRejection) -> Problem {
    match rejection.status() {
        axum::http::StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new("body_too_large", "the body is too large for this route")
        }
        _ => Problem::new("invalid_body", "the body could not be read"),
    }
}
