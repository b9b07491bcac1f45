//! Endpoints for operators: liveness, readiness, metrics, the slowest searches, the API's description.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus::{Encoder, TextEncoder};
use serde_json::json;

use super::Caller;
use super::description::description;
use crate::problem::Problem;
use crate::state::AppState;

/// `GET /healthz`: the process answers.
pub(super) async fn healthz() -> Response {
    Json(json!({"status": "ok"})).into_response()
}

/// `GET /readyz`: whether everything that was on the broker at start is searchable, and if not, why.
pub(super) async fn readyz(State(state): State<AppState>) -> Response {
    let reasons = state.reasons_not_ready();
    if reasons.is_empty() {
        Json(json!({"status": "ready", "reasons": reasons})).into_response()
    } else {
        let body = Json(json!({"status": "not_ready", "reasons": reasons}));
        (StatusCode::SERVICE_UNAVAILABLE, body).into_response()
    }
}

/// `GET /metrics`: Prometheus text.
pub(super) async fn metrics(State(state): State<AppState>) -> Result<Response, Problem> {
    let encoder = TextEncoder::new();
    let mut text = Vec::new();
    encoder.encode(&state.registry().gather(), &mut text).map_err(|error| Problem::internal(&error))?;
    Ok(([(header::CONTENT_TYPE, encoder.format_type().to_owned())], text).into_response())
}

/// `GET /v1/searches/slowest`: the slowest searches of the last hour.
pub(super) async fn slowest(State(state): State<AppState>, caller: Caller) -> Response {
    Json(json!({"searches": state.slowest().shown_to(&caller)})).into_response()
}

/// `GET /openapi.json`
pub(super) async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], description()).into_response()
}
