//! `POST /v1/events`: events in.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hearken_model::Timestamp;
use tokio::sync::OwnedSemaphorePermit;

use super::Caller;
use crate::events::{BodyError, EventItem, EventSink, EventsAnswer, decompress, items};
use crate::parameters::pairs_of_query;
use crate::problem::Problem;
use crate::state::AppState;

/// How long a request waits for room before the client is told to retry.
const ROOM_TIMEOUT: Duration = Duration::from_secs(10);

/// `POST /v1/events`
pub(super) async fn accept(
    State(state): State<AppState>,
    caller: Caller,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let accepted_at = accepted_at(query.as_deref().unwrap_or_default())?;
    let sink = sink(&state)?;
    let (body, _room) = received(&state, &headers, body).await?;
    let items = tokio::task::block_in_place(|| items(body, &headers));
    let mut events = items.map_err(|error| refused(error, state.limits().events_bytes_max))?;
    if let Some(accepted_at) = accepted_at {
        for (idx, event) in events.iter_mut().enumerate() {
            // Events sent together keep their order.
            let nanos = i64::try_from(idx).unwrap_or(i64::MAX).saturating_mul(1_000);
            event.accepted_at = Some(Timestamp::from_nanos(accepted_at.as_nanos().saturating_add(nanos)));
        }
    }
    let answer = take(&state, &*sink, events, &caller).await?;
    Ok((StatusCode::ACCEPTED, Json(answer)).into_response())
}

/// Where events go.
pub(super) fn sink(state: &AppState) -> Result<Arc<dyn EventSink>, Problem> {
    state.events().cloned().ok_or_else(|| Problem::not_durable("this server accepts no events"))
}

/// Hands events on and waits until they are durable, unless their sender exceeds its rate.
pub(super) async fn take(
    state: &AppState,
    sink: &dyn EventSink,
    events: Vec<EventItem>,
    caller: &Caller,
) -> Result<EventsAnswer, Problem> {
    state.rate_limiter().admit(caller, events.len(), Instant::now()).map_err(Problem::too_many_events)?;
    sink.accept(events, caller).await.map_err(|error| Problem::not_durable(error.to_string()))
}

/// The decompressed body, and the room it takes while it is processed.
pub(super) async fn received(
    state: &AppState,
    headers: &HeaderMap,
    body: Body,
) -> Result<(Vec<u8>, Option<OwnedSemaphorePermit>), Problem> {
    let room = in_time(state.events_room(expected_bytes(state, headers)?)).await?;
    Ok((decompressed(state, headers, body).await?, room))
}

/// The most bytes that a body may decompress to.
pub(super) fn expected_bytes(state: &AppState, headers: &HeaderMap) -> Result<usize, Problem> {
    let bytes_max = state.limits().events_bytes_max;
    let length =
        headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > bytes_max) {
        return Err(too_large(bytes_max));
    }
    // The final size of a compressed body, or of one without a length, is not known in advance.
    Ok(length.filter(|_| !headers.contains_key(header::CONTENT_ENCODING)).unwrap_or(bytes_max))
}

/// Waits for room, but no longer than [`ROOM_TIMEOUT`].
pub(super) async fn in_time<T>(room: impl Future<Output = T>) -> Result<T, Problem> {
    let room = tokio::time::timeout(ROOM_TIMEOUT, room).await;
    room.map_err(|_| Problem::not_durable("too many events are being taken in"))
}

/// The body, decompressed.
pub(super) async fn decompressed(
    state: &AppState,
    headers: &HeaderMap,
    body: Body,
) -> Result<Vec<u8>, Problem> {
    let bytes_max = state.limits().events_bytes_max;
    let encoding =
        headers.get(header::CONTENT_ENCODING).map(|value| value.to_str().unwrap_or("?").to_owned());
    let body = to_bytes(body, bytes_max).await.map_err(|error| unread(&error, bytes_max))?;
    let body = tokio::task::block_in_place(|| decompress(body.into(), encoding.as_deref(), bytes_max));
    body.map_err(|error| refused(error, bytes_max))
}

/// The only parameter: a time to use instead of the time of acceptance, so that resending events without times yields
/// the same events.
fn accepted_at(query: &str) -> Result<Option<Timestamp>, Problem> {
    let mut accepted_at = None;
    for (name, value) in pairs_of_query(query)? {
        if name != "accepted_at" {
            return Err(Problem::only_parameter("accepted_at", &name));
        }
        let time = value.as_deref().and_then(|value| Timestamp::parse(value).ok());
        accepted_at = Some(time.ok_or_else(|| {
            let problem =
                Problem::new("invalid_parameter", "`accepted_at` is a time such as `2026-05-01T12:00:00Z`");
            Problem { parameter: Some("accepted_at".into()), ..problem }
        })?);
    }
    Ok(accepted_at)
}

fn unread(error: &axum::Error, bytes_max: usize) -> Problem {
    let is_over_limit = std::error::Error::source(error)
        .is_some_and(|source| source.to_string().contains("length limit exceeded"));
    if is_over_limit {
        too_large(bytes_max)
    } else {
        Problem::new("invalid_body", "the body could not be read")
    }
}

fn refused(error: BodyError, bytes_max: usize) -> Problem {
    match error {
        BodyError::TooLarge => too_large(bytes_max),
        BodyError::Invalid(detail) => Problem::new("invalid_body", detail),
        BodyError::UnknownEncoding(encoding) => {
            let detail = format!("`Content-Encoding: {encoding}` is not supported; send gzip, zstd, or none");
            Problem::new("unknown_encoding", detail)
        }
    }
}

fn too_large(bytes_max: usize) -> Problem {
    let detail = format!("at most {bytes_max} bytes are accepted at once, decompressed; send less at a time");
    Problem::new("body_too_large", detail)
}
