//! The HTTP API: routes, and what holds for all of them.

mod interactions;
pub(crate) mod metrics;
mod operations;
mod serve;
mod streams;
pub mod views;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, Method, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, patch};
use tower_http::compression::CompressionLayer;

use crate::problem::Problem;
use crate::state::AppState;

pub use interactions::AskedId;
pub use serve::serve;

/// Every route of this API with its methods, for the documentation's test.
pub const ROUTES: &[(&str, &[&str])] = &[
    ("/v1/interactions", &["GET"]),
    ("/v1/search", &["POST"]),
    ("/v1/export", &["GET"]),
    ("/v1/stream", &["GET"]),
    ("/v1/interactions/{id}", &["GET"]),
    ("/v1/overview", &["GET"]),
    ("/v1/views", &["GET", "POST"]),
    ("/v1/views/{name}", &["PATCH", "DELETE"]),
    ("/healthz", &["GET"]),
    ("/readyz", &["GET"]),
    ("/metrics", &["GET"]),
    ("/openapi.json", &["GET"]),
];

/// The routes of the API. Merge other routes (events in, pages) with [`finish`], so that all of them get the same
/// limits, headers and metrics.
pub fn routes() -> Router<AppState> {
    Router::new()
        .route("/v1/interactions", answering(get(interactions::search_by_query)))
        .route("/v1/search", answering(axum::routing::post(interactions::search_by_body)))
        .route("/v1/export", answering(get(streams::export_all)))
        .route("/v1/stream", answering(get(streams::stream_changes)))
        .route("/v1/overview", answering(get(streams::show_overview)))
        .route("/v1/interactions/", answering(get(interactions::show)))
        .route("/v1/interactions/{*id}", answering(get(interactions::show)))
        .route("/v1/views", answering(get(views::all).post(views::create)))
        .route("/v1/views/{name}", answering(patch(views::update).delete(views::delete)))
        .route("/healthz", answering(get(operations::healthz)))
        .route("/readyz", answering(get(operations::readyz)))
        .route("/metrics", answering(get(operations::metrics)))
        .route("/openapi.json", answering(get(operations::openapi)))
}

/// The API alone, ready to serve.
pub fn router(state: AppState) -> Router {
    finish(routes(), state)
}

/// Adds what holds for every route: limits, security headers, compression, metrics, problems for unknown routes.
pub fn finish(routes: Router<AppState>, state: AppState) -> Router {
    let body_bytes_max = state.limits().body_bytes_max;
    routes
        .fallback(no_such_route)
        .layer(DefaultBodyLimit::max(body_bytes_max))
        .layer(middleware::from_fn_with_state(state.clone(), metrics::observe))
        .layer(middleware::from_fn_with_state(state.clone(), guard))
        .layer(CompressionLayer::new())
        .with_state(state)
}

/// A route that answers other methods with a problem instead of an empty page.
fn answering(route: MethodRouter<AppState>) -> MethodRouter<AppState> {
    route.fallback(method_not_allowed)
}

async fn no_such_route(request: Request) -> Problem {
    Problem::new("not_found", format!("there is nothing at `{}`", shown(request.uri().path())))
}

async fn method_not_allowed(method: Method, request: Request) -> Problem {
    let path = shown(request.uri().path());
    Problem::new("method_not_allowed", format!("`{method}` is not possible at `{path}`"))
}

fn shown(text: &str) -> String {
    text.chars().take(100).collect()
}

/// Refuses addresses beyond the limit and adds the headers that every answer carries unless it says otherwise.
async fn guard(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let uri_bytes_max = state.limits().uri_bytes_max;
    let uri = request.uri();
    let uri_bytes = uri.path().len() + uri.query().map_or(0, |query| query.len() + 1);
    let mut response = if uri_bytes > uri_bytes_max {
        let detail =
            format!("at most {uri_bytes_max} bytes are allowed; long searches go by POST /v1/search");
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
