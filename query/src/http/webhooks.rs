//! `POST /v1/webhooks/{platform}`: payloads of platforms that sign them; each becomes one record.

use std::net::{IpAddr, Ipv4Addr};
use std::time::SystemTime;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};

use hearken_model::Timestamp;

use super::events::{decompressed, expected_bytes, in_time, received, sink, take};
use super::unsigned::UnsignedPlace;
use super::{Caller, Peer};
use crate::events::EventItem;
use crate::keys::Permission;
use crate::problem::Problem;
use crate::state::AppState;
use crate::webhooks::{InvalidSignature, Platform};

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
            format!("webhooks are accepted from {names}; send everything else to `/v1/events`"),
        )
    })?;
    let (caller, body, _room): (_, _, Box<dyn Send>) = match state.webhook_secret(platform) {
        Some(secret) => {
            let (body, place) = signed_body(&state, platform, secret, &parts, body).await?;
            (None, body, Box::new(place))
        }
        // Without a secret, the sender of the webhook needs a key like everyone else.
        None => {
            let caller = state.gate().caller(&parts)?;
            caller.require(Permission::Ingest)?;
            let (body, room) = received(&state, &parts.headers, body).await?;
            (Some(caller), body, Box::new(room))
        }
    };
    let sink = sink(&state)?;
    let item = EventItem { value: body, ..EventItem::default() };
    let anybody = Caller::anybody();
    let mut answer = take(&state, &*sink, vec![item], caller.as_ref().unwrap_or(&anybody)).await?;
    match answer.rejected.pop() {
        Some(rejected) => Err(Problem::new("invalid_body", rejected.reason)),
        None => {
            let mut response = Json(answer).into_response();
            if let Some(caller) = caller {
                response.extensions_mut().insert(caller);
            }
            Ok(response)
        }
    }
}

/// The body, if its signature is right, and the room it takes. Whatever the headers alone can tell is checked before
/// waiting for the body.
async fn signed_body(
    state: &AppState,
    platform: Platform,
    secret: &[u8],
    parts: &Parts,
    body: Body,
) -> Result<(Vec<u8>, Option<UnsignedPlace>), Problem> {
    let unauthorized = |error: InvalidSignature| Problem::new("unauthorized", error.to_string());
    let header = parts.headers.get(platform.header()).and_then(|value| value.to_str().ok());
    platform.check_head(secret, header, now_ms()).map_err(unauthorized)?;
    let address =
        parts.extensions.get::<Peer>().map_or(IpAddr::from(Ipv4Addr::UNSPECIFIED), |peer| peer.address);
    let num_bytes = expected_bytes(state, &parts.headers)?;
    let place = in_time(state.unsigned_room().take(address, num_bytes)).await?;
    let body = decompressed(state, &parts.headers, body).await?;
    platform.check(secret, header, &body, now_ms()).map_err(unauthorized)?;
    Ok((body, place))
}

fn now_ms() -> i64 {
    Timestamp::from(SystemTime::now()).as_millis()
}
