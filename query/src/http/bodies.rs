//! Limits how long a request body may take in total, so that a client that sends one byte at a time holds its place no
//! longer than the largest body takes at the slowest tolerated speed.

use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body::{Frame, SizeHint};
use tokio::time::Sleep;

use crate::problem::Problem;
use crate::state::AppState;

/// The slowest average speed that is tolerated: that of a phone with poor reception.
const BYTES_PER_SECOND_MIN: u64 = 32 * 1024;

/// Answers 408 if a body takes too long.
pub(super) async fn limit_time(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let timeout = state.limits().body_timeout;
    let is_late = Arc::new(AtomicBool::new(false));
    let request = request.map(|body| {
        if body.is_end_stream() {
            return body;
        }
        Body::new(TimedBody { body, timeout, reading: None, is_late: Arc::clone(&is_late) })
    });
    let response = next.run(request).await;
    if !is_late.load(Ordering::Relaxed) {
        return response;
    }
    let detail = format!(
        "after {timeout:?}, a body must arrive at {} KiB/s or faster; send less at a time",
        BYTES_PER_SECOND_MIN / 1024
    );
    let mut response = Problem::new("request_timeout", detail).into_response();
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// A body that fails when it takes too long.
struct TimedBody {
    body: Body,
    timeout: Duration,
    /// Set on the first read: until then the delay is the server's, not the client's.
    reading: Option<BodyRead>,
    is_late: Arc<AtomicBool>,
}

struct BodyRead {
    deadline: Pin<Box<Sleep>>,
    num_bytes: u64,
}

#[derive(Debug, thiserror::Error)]
#[error("the body took too long")]
struct Late;

impl HttpBody for TimedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let TimedBody { body, timeout, reading, is_late } = &mut *self;
        let BodyRead { deadline, num_bytes } = reading.get_or_insert_with(|| BodyRead {
            deadline: Box::pin(tokio::time::sleep(*timeout)),
            num_bytes: 0,
        });
        if deadline.as_mut().poll(cx).is_ready() {
            is_late.store(true, Ordering::Relaxed);
            return Poll::Ready(Some(Err(axum::Error::new(Late))));
        }
        let frame = ready!(Pin::new(body).poll_frame(cx));
        if let Some(Ok(frame)) = &frame {
            // Bytes received extend the deadline by the time they would take at the slowest tolerated speed.
            let before = *num_bytes / BYTES_PER_SECOND_MIN;
            *num_bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
            let more = Duration::from_secs(*num_bytes / BYTES_PER_SECOND_MIN - before);
            let moved = deadline.deadline() + more;
            deadline.as_mut().reset(moved);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
