//! An id for every request: in its answer, in every log line about it, and in the audit log.

use std::time::Instant;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::{Instrument as _, debug, info_span};

use super::metrics::{label_of, route_of};
use crate::keys::hex;

/// The header in which clients and proxies send an id, and answers repeat it.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longer ids are replaced.
const REQUEST_ID_BYTES_MAX: usize = 64;

/// A request's id, among its extensions.
#[derive(Debug, Clone)]
pub(super) struct RequestId(pub(super) String);

/// Runs a request in a span with its id, method and route, but not its parameters: they hold what is searched for.
///
/// tower-http's layers for request ids would accept whatever a client sends, however long it is.
pub(super) async fn trace(mut request: Request, next: Next) -> Response {
    let id = given(request.headers()).unwrap_or_else(made_up);
    let shown = id.to_str().unwrap_or_default();
    let span =
        info_span!("request", id = shown, method = label_of(request.method()), route = route_of(&request));
    request.extensions_mut().insert(RequestId(shown.to_owned()));
    let started = Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    let seconds = started.elapsed().as_secs_f64();
    span.in_scope(|| debug!(status = response.status().as_u16(), seconds, "answered"));
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// The id that the request came with, if it is fit for a log line.
fn given(headers: &HeaderMap) -> Option<HeaderValue> {
    let id = headers.get(REQUEST_ID)?;
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(byte);
    let bytes = id.as_bytes();
    let is_name = !bytes.is_empty() && bytes.len() <= REQUEST_ID_BYTES_MAX && bytes.iter().all(is_plain);
    is_name.then(|| id.clone())
}

fn made_up() -> HeaderValue {
    let mut random = [0; 8];
    // Without random numbers requests share an id, which is better than no answer.
    let _ = getrandom::fill(&mut random);
    HeaderValue::try_from(hex(&random)).expect("hexadecimal digits")
}
