//! Points in time: views of the index that do not change.

use std::time::{Duration, Instant};

use hearken_index::SearchError;
use parking_lot::Mutex;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::Request;
use super::index::Shared;

/// How long one lives after its last use. The cluster keeps the files of its moment for as long.
const KEPT_FOR: &str = "2m";
/// The same for an export, whose reader may be slow.
const KEPT_FOR_EXPORT: &str = "15m";
/// For how long new cursors share one: a node can have only 300 open by default.
const SHARED_FOR: Duration = Duration::from_millis(500);

/// A point in time.
pub(crate) struct Pit {
    id: String,
    kept_for: &'static str,
}

impl Pit {
    /// Opens one of what is visible now.
    pub(crate) fn open(shared: &Shared, deadline: Option<Instant>) -> Result<Self, SearchError> {
        Self::open_for(KEPT_FOR, shared, deadline)
    }

    /// Opens one for an export.
    pub(crate) fn open_for_export(shared: &Shared) -> Result<Self, SearchError> {
        Self::open_for(KEPT_FOR_EXPORT, shared, None)
    }

    fn open_for(
        kept_for: &'static str,
        shared: &Shared,
        deadline: Option<Instant>,
    ) -> Result<Self, SearchError> {
        #[derive(Deserialize)]
        struct Opened {
            pit_id: String,
        }
        let path = format!("/{}/_search/point_in_time?keep_alive={kept_for}", shared.alias);
        let opened: Opened = shared.client.ask(Request::new(Method::POST, path).by(deadline))?;
        Ok(Pit { id: opened.pit_id, kept_for })
    }

    /// One that was opened before.
    pub(crate) fn known(id: String) -> Self {
        Pit { id, kept_for: KEPT_FOR }
    }

    /// The part of a search's body that names it.
    pub(crate) fn body(&self) -> Value {
        json!({"id": self.id, "keep_alive": self.kept_for})
    }

    /// Closes it. If that fails, the cluster does so by itself later.
    pub(crate) fn close(self, shared: &Shared) {
        let request =
            Request::new(Method::DELETE, "/_search/point_in_time").json(&json!({"pit_id": [self.id]}));
        if let Err(error) = shared.client.send(request) {
            tracing::debug!(%error, "a point in time was not closed");
        }
    }
}

/// The one that new cursors share.
#[derive(Default)]
pub(crate) struct SharedPit(Mutex<Option<(String, Instant)>>);

impl SharedPit {
    /// The id of one that was opened a moment ago, or else now.
    pub(crate) fn shared(&self, shared: &Shared, deadline: Option<Instant>) -> Result<String, SearchError> {
        let mut latest = self.0.lock();
        if let Some((id, opened)) = &*latest
            && opened.elapsed() < SHARED_FOR
        {
            return Ok(id.clone());
        }
        let opened = Instant::now();
        let Pit { id, .. } = Pit::open(shared, deadline)?;
        *latest = Some((id.clone(), opened));
        Ok(id)
    }

    /// Something was written: the next cursor gets a new one.
    pub(crate) fn forget(&self) {
        *self.0.lock() = None;
    }
}
