//! `POST /mcp`: the tools of [`crate::mcp`] over MCP's streamable HTTP. There are no sessions: each message is answered
//! on its own, so each needs a key and nothing is kept in between.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};

use crate::mcp::Mcp;
use crate::problem::Problem;
use crate::state::AppState;

/// Longest explanation of why a message is invalid.
const EXPLANATION_BYTES_MAX: usize = 16 * 1024;

/// `POST /mcp`
pub(super) async fn answer(State(state): State<AppState>, mut request: Request) -> Response {
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_max_request_body_bytes(state.limits().body_bytes_max)
        .disable_allowed_hosts();
    // The gate has already refused other sites and unknown host names.
    request.headers_mut().insert(header::HOST, HeaderValue::from_static("localhost"));
    // Everyone gets JSON, whether or not they claim to accept it.
    let headers = request.headers_mut();
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let tools = move || Ok(Mcp { state: state.clone() });
    let service = StreamableHttpService::new(tools, Arc::new(NeverSessionManager::default()), config);
    let response = service.handle(request).await.map(Body::new);
    let is_json = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    if response.status().is_success() || is_json {
        return response;
    }
    let (parts, body) = response.into_parts();
    let explanation = to_bytes(body, EXPLANATION_BYTES_MAX).await.unwrap_or_default();
    let explanation: String = String::from_utf8_lossy(&explanation).chars().take(300).collect();
    match parts.status {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new("body_too_large", "the body is too large for a message").into_response()
        }
        status if status.is_server_error() => {
            Problem::internal(&std::io::Error::other(explanation)).into_response()
        }
        _ => {
            Problem::new("invalid_body", format!("this is not an MCP message: {explanation}")).into_response()
        }
    }
}
