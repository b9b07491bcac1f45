//! `POST /v1/webhooks/{platform}`: payloads of platforms that sign them, each of which is one record.

use std::time::SystemTime;

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};

use hearken_model::Timestamp;

use super::Caller;
use super::events::{received, sink, take};
use crate::events::EventItem;
use crate::keys::Permission;
use crate::problem::Problem;
use crate::state::AppState;
use crate::webhooks::Platform;

/// `POST /v1/webhooks/{platform}`
pub(super) async fn accept(
    State(state): State<AppState>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let platform = Platform::ALL.into_iter().find(|platform| platform.name() == name).ok_or_else(|| {
        let names = Platform::ALL.map(Platform::name).join(", ");
        Problem::new(
            "not_found",
            format!("there are webhooks of {names}; everything else goes to `/v1/events`"),
        )
    })?;
    let by_key = match state.webhook_secret(platform) {
        Some(_) => None,
        None => Some(caller_by_key(&state, &parts)?),
    };
    let sink = sink(&state)?;
    let (body, _room) = received(&state, &parts.headers, body).await?;
    let caller = match (&by_key, state.webhook_secret(platform)) {
        (Some(caller), _) => caller.clone(),
        (None, Some(secret)) => {
            let header = parts.headers.get(platform.header()).and_then(|value| value.to_str().ok());
            let checked = platform.check(secret, header, &body, now_ms());
            checked.map_err(|error| Problem::new("unauthorized", error.to_string()))?;
            Caller::anybody()
        }
        (None, None) => return Err(Problem::new("unauthorized", "a signature or a key is needed")),
    };
    let item = EventItem { value: body, ..EventItem::default() };
    let mut answer = take(&state, &*sink, vec![item], &caller).await?;
    match answer.rejected.pop() {
        Some(rejected) => Err(Problem::new("invalid_body", rejected.reason)),
        None => {
            let mut response = Json(answer).into_response();
            if let Some(caller) = by_key {
                response.extensions_mut().insert(caller);
            }
            Ok(response)
        }
    }
}

/// Without a secret, whoever sends the webhook needs a key like everybody.
fn caller_by_key(state: &AppState, parts: &Parts) -> Result<Caller, Problem> {
    let caller = state.gate().caller(parts)?;
    caller.require(Permission::Ingest)?;
    Ok(caller)
}

fn now_ms() -> i64 {
    Timestamp::from(SystemTime::now()).as_millis()
}
