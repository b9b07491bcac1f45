//! `/v1/views`: saved searches with a name.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::{Extension, Json};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Caller;
use crate::audit::AuditObject;
use crate::problem::Problem;
use crate::state::AppState;
use crate::views::{SavedView, SavedViews, ViewChange};

/// The answer to `GET /v1/views`.
#[derive(Serialize)]
pub(super) struct ViewsAnswer {
    views: Vec<SavedView>,
}

/// `GET /v1/views`
pub(super) async fn all(State(state): State<AppState>, caller: Caller) -> Json<ViewsAnswer> {
    Json(ViewsAnswer { views: state.views().all(caller.access()) })
}

/// `POST /v1/views`
pub(super) async fn create(
    State(state): State<AppState>,
    caller: Caller,
    body: Result<Bytes, BytesRejection>,
) -> Result<impl IntoResponse, Problem> {
    let view: SavedView = parsed(body)?;
    let created = change(&state, move |views| views.create(view, caller.access())).await?;
    let object = AuditObject(created.name.clone());
    Ok((StatusCode::CREATED, Extension(object), Json(created)))
}

/// `PATCH /v1/views/{name}`
pub(super) async fn update(
    State(state): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<SavedView>, Problem> {
    let wanted: ViewChange = parsed(body)?;
    change(&state, move |views| views.update(&name, wanted, caller.access())).await.map(Json)
}

/// `DELETE /v1/views/{name}`
pub(super) async fn delete(
    State(state): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    change(&state, move |views| views.delete(&name, caller.access())).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Changes the views on a thread that may block on the disk.
///
/// # Errors
/// Those of the change.
pub async fn change<T: Send + 'static>(
    state: &AppState,
    change: impl FnOnce(&SavedViews) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let views = state.views().clone();
    let done = tokio::task::spawn_blocking(move || change(&views)).await;
    done.map_err(|panicked| Problem::internal(&panicked))?
}

fn parsed<T: DeserializeOwned>(body: Result<Bytes, BytesRejection>) -> Result<T, Problem> {
    let body =
        body.map_err(|_| Problem::new("invalid_body", "the body could not be read or is too large"))?;
    serde_json::from_slice(&body).map_err(|error| {
        let problem = Problem::new("invalid_body", format!("the body is not a view: {error}"));
        Problem { hint: Some("send `{\"name\": …, \"query\": …}`".to_owned()), ..problem }
    })
}
