//! A name for every request: in its answer, in every log line about it, and in the audit log.

use std::time::Instant;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::{Instrument as _, debug, info_span};

use super::metrics::{label_of, route_of};
use crate::keys::hex;

/// The header that clients and proxies name a request with, and answers repeat.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longer names are replaced.
const REQUEST_ID_BYTES_MAX: usize = 64;

/// A request's name, among its extensions.
#[derive(Debug, Clone)]
pub(super) struct RequestId(pub(super) String);

/// Runs a request in a span that has its name, method and route. Not its parameters: they hold what is searched for.
///
/// tower-http has layers for the name, but they take over whatever a client sends, however long it is.
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

/// The name that the request came with, if it is one that a log line can hold.
fn given(headers: &HeaderMap) -> Option<HeaderValue> {
    let id = headers.get(REQUEST_ID)?;
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(byte);
    let bytes = id.as_bytes();
    let is_name = !bytes.is_empty() && bytes.len() <= REQUEST_ID_BYTES_MAX && bytes.iter().all(is_plain);
    is_name.then(|| id.clone())
}

fn made_up() -> HeaderValue {
    let mut random = [0; 8];
    // Without random numbers requests share a name, which is better than no answer.
    let _ = getrandom::fill(&mut random);
    HeaderValue::try_from(hex(&random)).expect("hexadecimal digits")
}
