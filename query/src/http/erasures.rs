//! `DELETE /v1/interactions/{id}` and `/v1/erasures`: removal from every answer and every file.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, RawQuery, State};
use axum::response::IntoResponse;
use axum::{Extension, Json};
use serde_json::Value;

use super::caller::Caller;
use super::interactions::{AskedId, refused_body};
use crate::audit::AuditObject;
use crate::erasures::{ErasureReceipt, Matches};
use crate::parameters::{Pair, SearchParameters, pairs_of_json, pairs_of_query};
use crate::problem::Problem;
use crate::state::AppState;

/// How long `wait=true` waits; after that the receipt says that the files are pending.
const WAIT_MAX: Duration = Duration::from_secs(300);
/// Most ids in one request.
const IDS_MAX: usize = 1_000;

/// `DELETE /v1/interactions/{id}`
pub(super) async fn erase_one(
    State(state): State<AppState>,
    caller: Caller,
    AskedId(id): AskedId,
    path: Option<Path<String>>,
    RawQuery(query): RawQuery,
) -> Result<Json<ErasureReceipt>, Problem> {
    let pairs = pairs_of_query(query.as_deref().unwrap_or_default())?;
    let waits = waits(pairs.into_iter().filter(|(name, _)| path.is_some() || name != "id"))?;
    let receipt = erase_id(&state, &caller, id).await?;
    Ok(Json(settled(&state, receipt, waits).await))
}

/// Erases one interaction; the receipt says what happened to it.
///
/// # Errors
/// `not_found` if the caller can see no interaction with this id, `erasure_failed`.
pub async fn erase_id(state: &AppState, caller: &Caller, id: String) -> Result<ErasureReceipt, Problem> {
    let access = caller.access().clone();
    let matches = state.run(move |reader, _| Matches::of_ids(reader, [id], &access)).await?;
    if matches.matched == 0 {
        return Err(Problem::no_such_interaction());
    }
    erase(state, caller, matches).await
}

/// `POST /v1/erasures`
pub(super) async fn erase_many(
    State(state): State<AppState>,
    caller: Caller,
    RawQuery(query): RawQuery,
    body: Result<Bytes, BytesRejection>,
) -> Result<impl IntoResponse, Problem> {
    let waits = waits(pairs_of_query(query.as_deref().unwrap_or_default())?)?;
    let body = body.map_err(|rejection| refused_body(&rejection))?;
    let access = caller.access().clone();
    let matches = match ids_of(&body)? {
        Some(ids) => state.run(move |reader, _| Matches::of_ids(reader, ids, &access)).await?,
        None => {
            let parameters = search_of(&body)?;
            // The search timeout does not apply: finding everything of an organization may take longer.
            let place = state.export_place()?;
            let reader = state.reader().clone();
            let found = tokio::task::spawn_blocking(move || {
                let matches = Matches::of_search(&*reader, &parameters, access);
                drop(place);
                matches
            });
            found.await.map_err(|panicked| Problem::internal(&panicked))??
        }
    };
    let receipt = settled(&state, erase(&state, &caller, matches).await?, waits).await;
    // The audit log needs the receipt's id, because the address does not name what was erased.
    Ok((Extension(AuditObject(receipt.id.clone())), Json(receipt)))
}

/// `GET /v1/erasures/{id}`
pub(super) async fn show(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<ErasureReceipt>, Problem> {
    let waits = waits(pairs_of_query(query.as_deref().unwrap_or_default())?)?;
    let receipt = state.erasures().receipt(&id, caller.access());
    let receipt = receipt.ok_or_else(|| Problem::new("not_found", "there is no erasure with this id"))?;
    Ok(Json(settled(&state, receipt, waits).await))
}

async fn erase(state: &AppState, caller: &Caller, matches: Matches) -> Result<ErasureReceipt, Problem> {
    // On its own task, so that an erasure gets its receipt even if the client hangs up.
    let (erasures, access) = (state.erasures().clone(), caller.access().clone());
    let erased = tokio::spawn(async move { erasures.erase(matches, &access).await });
    erased.await.map_err(|panicked| Problem::internal(&panicked))?
}

async fn settled(state: &AppState, receipt: ErasureReceipt, waits: bool) -> ErasureReceipt {
    if waits { state.erasures().wait_for_files(receipt, WAIT_MAX).await } else { receipt }
}

/// Whether to wait for the files; the address may hold no other parameter.
fn waits(pairs: impl IntoIterator<Item = Pair>) -> Result<bool, Problem> {
    let mut waits = false;
    for (name, value) in pairs {
        if name != "wait" {
            return Err(Problem::only_parameter("wait", &name));
        }
        waits = match value.as_deref() {
            Some("true" | "") | None => true,
            Some("false") => false,
            Some(_) => {
                let problem = Problem::new("invalid_parameter", "`wait` is neither `true` nor `false`");
                return Err(Problem { parameter: Some("wait".into()), ..problem });
            }
        };
    }
    Ok(waits)
}

/// The ids, if the body names ids.
fn ids_of(body: &[u8]) -> Result<Option<Vec<String>>, Problem> {
    let parsed: Value = serde_json::from_slice(body)
        .map_err(|error| invalid_body(format!("the body is not JSON: {error}")))?;
    let Some(ids) = parsed.get("ids") else { return Ok(None) };
    let texts = ids.as_array().map(|ids| ids.iter().map(|id| id.as_str().map(str::to_owned)).collect());
    let Some(Some(ids)) = texts else {
        return Err(invalid_body("`ids` is not an array of strings".to_owned()));
    };
    let ids: Vec<String> = ids;
    if parsed.as_object().is_some_and(|object| object.len() > 1) {
        return Err(invalid_body("`ids` cannot be combined with a query or filters".to_owned()));
    }
    if ids.len() > IDS_MAX {
        return Err(invalid_body(format!("there are {} ids, at most {IDS_MAX} are allowed", ids.len())));
    }
    Ok(Some(ids))
}

/// The search in a body: only what selects interactions, not what shapes the answer.
fn search_of(body: &[u8]) -> Result<SearchParameters, Problem> {
    let pairs = pairs_of_json(body)?;
    const SHOWN: &[&str] = &["facets", "facet_size", "ranges", "sort", "limit", "cursor"];
    if let Some((name, _)) = pairs.iter().find(|(name, _)| SHOWN.contains(&name.as_str())) {
        let detail = format!("`{name}` means nothing here: everything that matches is erased");
        return Err(Problem {
            parameter: Some(name.as_str().into()),
            ..Problem::new("invalid_parameter", detail)
        });
    }
    let (parameters, []) = SearchParameters::parse(pairs, [])?;
    let is_everything = parameters.text().is_none()
        && parameters.filters.is_empty()
        && parameters.from.is_none()
        && parameters.to.is_none();
    if is_everything {
        return Err(invalid_body("the body names nothing to erase".to_owned()));
    }
    Ok(parameters)
}

fn invalid_body(detail: String) -> Problem {
    let hint = "send `{\"ids\": [\"…\"]}`, or the `q` and filters of a search";
    Problem { hint: Some(hint.to_owned()), ..Problem::new("invalid_body", detail) }
}
