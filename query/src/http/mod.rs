//! The HTTP API: its routes, and what applies to all of them.

mod attempts;
mod bodies;
mod caller;
mod connections;
mod description;
pub mod erasures;
mod events;
mod gate;
mod interactions;
mod mcp;
pub(crate) mod metrics;
mod operations;
mod otlp;
mod proxies;
pub(crate) mod rate_limit;
mod request_id;
pub mod routes;
mod serve;
mod sessions;
mod sign_on;
mod streams;
mod tls;
pub(crate) mod unsigned;
pub mod views;
mod webhooks;

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, Method, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router};
use tower_http::compression::CompressionLayer;

use crate::keys::Permission;
use crate::problem::Problem;
use crate::state::AppState;

pub use caller::Caller;
pub use gate::Gate;
pub use interactions::AskedId;
pub use proxies::{Peer, Proxies};
use routes::Refusal;
pub use routes::{Needs, Routes};
pub use serve::{ServeOptions, serve};
pub use sessions::SESSION_IDLE_MAX;
pub use sign_on::{InvalidSignOn, SignOn};
pub use tls::{LiveTls, TlsError};

/// The routes of the API. Merge others (pages) and [`finish`] them, so that all get the same limits, headers and
/// metrics.
pub fn routes() -> Routes {
    Routes::new()
        .post("/v1/events", Needs::Permission(Permission::Ingest), events::accept)
        .post("/v1/webhooks/{platform}", Needs::SignatureOr(Permission::Ingest), webhooks::accept)
        .post("/v1/logs", Needs::Permission(Permission::Ingest), otlp::accept)
        .post("/v1/traces", Needs::Permission(Permission::Ingest), otlp::accept)
        .get("/v1/interactions", Needs::SEARCH, interactions::search_by_query)
        .post("/v1/search", Needs::SEARCH, interactions::search_by_body)
        .get("/v1/export", Needs::SEARCH, streams::export_all)
        .get("/v1/stream", Needs::SEARCH, streams::stream_changes)
        .get("/v1/overview", Needs::SEARCH, streams::show_overview)
        .get("/v1/interactions/", Needs::READ, interactions::show)
        .get("/v1/interactions/{*id}", Needs::READ, interactions::show)
        .delete("/v1/interactions/", Needs::Permission(Permission::Erase), erasures::erase_one)
        .delete("/v1/interactions/{*id}", Needs::Permission(Permission::Erase), erasures::erase_one)
        .post("/v1/erasures", Needs::Permission(Permission::Erase), erasures::erase_many)
        .get("/v1/erasures/{id}", Needs::Permission(Permission::Erase), erasures::show)
        .get("/v1/views", Needs::SEARCH, views::all)
        .post("/v1/views", Needs::SEARCH, views::create)
        .patch("/v1/views/{name}", Needs::SEARCH, views::update)
        .delete("/v1/views/{name}", Needs::SEARCH, views::delete)
        .get("/v1/searches/slowest", Needs::Permission(Permission::Metrics), operations::slowest)
        .post("/mcp", Needs::MCP, mcp::answer)
        .get("/openapi.json", Needs::Nothing, operations::openapi)
        .merge(routes_of_operations())
}

/// The routes that show how the process is doing: the whole API of a process that answers no searches.
pub fn routes_of_operations() -> Routes {
    Routes::new()
        .get("/healthz", Needs::Nothing, operations::healthz)
        .get("/readyz", Needs::Nothing, operations::readyz)
        .get("/metrics", Needs::Permission(Permission::Metrics), operations::metrics)
}

/// The API on its own, ready to serve.
pub fn router(state: AppState) -> Router {
    finish(routes(), state)
}

/// Only the metrics, for a separate address that requires no key.
pub fn metrics_alone(state: AppState) -> Router {
    let routes = Routes::new().get("/metrics", Needs::Nothing, operations::metrics);
    finish(routes, state)
}

/// Adds what applies to every route: authorization, limits, security headers, compression, metrics, request ids in the
/// log, and problems for unknown routes.
pub fn finish(routes: Routes, state: AppState) -> Router {
    let body_bytes_max = state.limits().body_bytes_max;
    let pages = routes.refusal_of_pages();
    routes
        .router(method_not_allowed)
        .fallback(move |request: Request| std::future::ready(no_such_route(pages, request)))
        .layer(Extension(state.clone()))
        .layer(DefaultBodyLimit::max(body_bytes_max))
        .layer(middleware::from_fn_with_state(state.clone(), bodies::limit_time))
        .layer(middleware::from_fn_with_state(state.clone(), metrics::observe))
        .layer(middleware::from_fn_with_state(state.clone(), guard))
        .layer(middleware::from_fn(request_id::trace))
        .layer(CompressionLayer::new())
        .with_state(state)
}

fn no_such_route(pages: Option<Refusal>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let problem = Problem::new("not_found", format!("there is nothing at `{}`", shown(parts.uri.path())));
    let accepted = parts.headers.get_all(header::ACCEPT).iter().filter_map(|types| types.to_str().ok());
    let is_browser = accepted.into_iter().any(|types| types.contains("text/html"));
    let is_page = is_browser && !parts.uri.path().starts_with("/v1/");
    match pages.filter(|_| is_page) {
        Some(refuse) => refuse(problem, &parts),
        None => problem.into_response(),
    }
}

async fn method_not_allowed(method: Method, request: Request) -> Problem {
    let path = shown(request.uri().path());
    Problem::new("method_not_allowed", format!("`{method}` is not allowed at `{path}`"))
}

fn shown(text: &str) -> String {
    text.chars().take(100).collect()
}

/// Refuses addresses beyond the limit, and adds the headers that every answer carries unless it sets its own.
async fn guard(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let uri_bytes_max = state.limits().uri_bytes_max;
    let uri = request.uri();
    let uri_bytes = uri.path().len() + uri.query().map_or(0, |query| query.len() + 1);
    let mut response = if uri_bytes > uri_bytes_max {
        let detail =
            format!("at most {uri_bytes_max} bytes are allowed; send long searches with POST /v1/search");
        Problem::new("uri_too_long", detail).into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
