//! `POST /v1/logs` and `POST /v1/traces`: OTLP over HTTP, as the exporters of OpenTelemetry's SDKs send it, in protobuf
//! or JSON. Each request becomes one record.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};

use super::Caller;
use super::events::{received, sink, take};
use crate::events::EventItem;
use crate::problem::Problem;
use crate::state::AppState;

const PROTOBUF: &str = "application/x-protobuf";

/// `POST /v1/logs`, `POST /v1/traces`
pub(super) async fn accept(
    State(state): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let sink = sink(&state)?;
    let (body, _room) = received(&state, &headers, body).await?;
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_protobuf = content_type.is_some_and(|content_type| content_type.starts_with(PROTOBUF));
    // The answer when nothing was rejected; in protobuf it is empty.
    let answer = || match is_protobuf {
        true => ([(header::CONTENT_TYPE, PROTOBUF)], "").into_response(),
        false => ([(header::CONTENT_TYPE, "application/json")], "{}").into_response(),
    };
    if body.is_empty() {
        return Ok(answer()); // an empty export
    }
    let item = EventItem { value: body, ..EventItem::default() };
    let mut taken = take(&state, &*sink, vec![item], &caller).await?;
    match taken.rejected.pop() {
        Some(rejected) => Err(Problem::new("invalid_body", rejected.reason)),
        None => Ok(answer()),
    }
}
