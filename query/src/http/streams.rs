//! `/v1/export`, `/v1/stream` and `/v1/overview`.

use std::convert::Infallible;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, stream};
use tracing::{Instrument as _, Span};

use crate::export::{ExportFormat, export};
use crate::follow::{FollowEvent, SearchFollower};
use crate::overview::{INTERVAL_DEFAULT, OverviewAnswer, overview, parse_interval};
use crate::parameters::{SearchParameters, pairs_of_query};
use crate::problem::Problem;
use crate::state::AppState;

use super::Caller;

/// How long a browser waits before it reconnects.
const COME_BACK_AFTER: Duration = Duration::from_secs(1);

/// `GET /v1/export`
pub(super) async fn export_all(
    State(state): State<AppState>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let pairs = pairs_of_query(query.as_deref().unwrap_or_default())?;
    let (parameters, [format, bom]) = SearchParameters::parse(pairs, ["format", "bom"])?;
    let format = ExportFormat::from_parameters(format.as_deref(), bom.as_deref())?;
    let chunks = export(&state, parameters, &caller, format).await?;
    let disposition = format!("attachment; filename=\"{}\"", format.file_name());
    let headers =
        [(header::CONTENT_TYPE, format.media_type().to_owned()), (header::CONTENT_DISPOSITION, disposition)];
    Ok((headers, Body::from_stream(chunks)).into_response())
}

/// `GET /v1/stream`
pub(super) async fn stream_changes(
    State(state): State<AppState>,
    caller: Caller,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let pairs = pairs_of_query(query.as_deref().unwrap_or_default())?;
    let (parameters, [last_event_id]) = SearchParameters::parse(pairs, ["last_event_id"])?;
    // A client that starts anew cannot send the header; one that reconnects sends both, and the header is newer.
    let point = headers.get("last-event-id").and_then(|id| id.to_str().ok()).or(last_event_id.as_deref());
    let run = state.reader().changes_now().run;
    let point = point.map(|text| state.seal().point(text, run));
    let follower = SearchFollower::open(&state, parameters, &caller, point).await?;
    let mut response = Sse::new(events(state, follower)).into_response();
    // Keeps proxies from buffering events.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

fn events(state: AppState, follower: SearchFollower) -> impl Stream<Item = Result<Event, Infallible>> {
    let point = follower.point();
    // It carries data, so that scripts learn the point, too, but no event name that anyone listens for.
    let first = Event::default().id(state.seal().text(point)).retry(COME_BACK_AFTER).data("{}");
    let span = Span::current(); // the body outlives the call that entered the span
    let rest = stream::unfold((state, follower), move |(state, mut follower)| {
        let next = async move {
            let event = event(&state, &follower.next().await?);
            Some((Ok(event), (state, follower)))
        };
        next.instrument(span.clone())
    });
    stream::StreamExt::chain(stream::once(async { Ok(first) }), rest)
}

fn event(state: &AppState, told: &FollowEvent) -> Event {
    match told {
        FollowEvent::Changed { item, point } => {
            let json =
                serde_json::to_string(item).expect("interactions have only string keys and plain values");
            Event::default().event("interaction").id(state.seal().text(*point)).data(json)
        }
        FollowEvent::Gap { point } => {
            let data = r#"{"reason":"changes since the last event are no longer known; search again"}"#;
            Event::default().event("gap").id(state.seal().text(*point)).data(data)
        }
        // Without data it is no event, but it still advances the client's Last-Event-ID.
        FollowEvent::Quiet { point } => Event::default().id(state.seal().text(*point)).comment("quiet"),
    }
}

/// `GET /v1/overview`
pub(super) async fn show_overview(
    State(state): State<AppState>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Json<OverviewAnswer>, Problem> {
    let pairs = pairs_of_query(query.as_deref().unwrap_or_default())?;
    let (parameters, [interval]) = SearchParameters::parse(pairs, ["interval"])?;
    let interval = interval.as_deref().map_or(Ok(INTERVAL_DEFAULT), parse_interval)?;
    overview(&state, parameters, &caller, interval).await.map(Json)
}
