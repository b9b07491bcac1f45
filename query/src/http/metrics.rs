//! Metrics of requests and searches.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use prometheus::{Histogram, HistogramOpts, HistogramVec, Registry};

use crate::state::AppState;

/// From half a millisecond, the time of a search on a small index, up to the search timeout.
const BUCKETS_SECONDS: &[f64] =
    &[0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0];

/// The metrics of the HTTP API.
pub(crate) struct HttpMetrics {
    requests: HistogramVec,
    pub(crate) search_seconds: Histogram,
}

impl HttpMetrics {
    pub(crate) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let requests = HistogramOpts::new(
            "hearken_http_request_duration_seconds",
            "Time from a request's head to its answer's head.",
        );
        let requests =
            HistogramVec::new(requests.buckets(BUCKETS_SECONDS.to_vec()), &["route", "method", "status"])?;
        let searches = HistogramOpts::new(
            "hearken_search_duration_seconds",
            "Time that searches ran, not counting the wait for a place in the pool.",
        );
        let search_seconds = Histogram::with_opts(searches.buckets(BUCKETS_SECONDS.to_vec()))?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(search_seconds.clone()))?;
        Ok(HttpMetrics { requests, search_seconds })
    }
}

/// Observes every request under the route it matched, never under its own path, so that there are few labels.
pub(super) async fn observe(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let route = route_of(&request);
    let method = label_of(request.method());
    let started = Instant::now();
    let response = next.run(request).await;
    let status = response.status();
    let labels = [&route, method, status.as_str()];
    state.metrics().requests.with_label_values(&labels).observe(started.elapsed().as_secs_f64());
    response
}

/// The route that a request matched, as the documentation has it.
pub(super) fn route_of(request: &Request) -> String {
    let route = request.extensions().get::<MatchedPath>();
    // A parameter that accepts slashes is written like the others.
    route.map_or("unknown", MatchedPath::as_str).replace("{*", "{")
}

/// Clients may invent methods, so unknown ones share a label.
pub(super) fn label_of(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
