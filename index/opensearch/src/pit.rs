//! Points in time: views of the index that do not change.

use std::time::{Duration, Instant};

use hearken_index::SearchError;
use parking_lot::Mutex;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::Request;
use super::index::Shared;

/// How long one lives after its last use. The cluster holds on to the files of its moment for so long.
const KEPT_FOR: &str = "2m";
/// The same of one that somebody reads from who may be slow.
const KEPT_FOR_EXPORT: &str = "15m";
/// How long cursors are given the same one: a node has few to give (300 by default).
const SHARED_FOR: Duration = Duration::from_millis(500);

/// A point in time.
pub(crate) struct Pit {
    id: String,
    kept_for: &'static str,
}

impl Pit {
    /// What is visible now.
    pub(crate) fn open(shared: &Shared, deadline: Option<Instant>) -> Result<Self, SearchError> {
        Self::open_for(KEPT_FOR, shared, deadline)
    }

    /// The same for an export.
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

    /// One that is open.
    pub(crate) fn known(id: String) -> Self {
        Pit { id, kept_for: KEPT_FOR }
    }

    /// What a search in it says.
    pub(crate) fn body(&self) -> Value {
        json!({"id": self.id, "keep_alive": self.kept_for})
    }

    /// Lets go of it. Failing that, the cluster does by itself.
    pub(crate) fn close(self, shared: &Shared) {
        let request =
            Request::new(Method::DELETE, "/_search/point_in_time").json(&json!({"pit_id": [self.id]}));
        if let Err(error) = shared.client.send(request) {
            tracing::debug!(%error, "a point in time was not closed");
        }
    }
}

/// The one that cursors are given.
#[derive(Default)]
pub(crate) struct SharedPit(Mutex<Option<(String, Instant)>>);

impl SharedPit {
    /// The id of one that was opened lately, or now.
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

    /// Something was written: the next is a new one.
    pub(crate) fn forget(&self) {
        *self.0.lock() = None;
    }
}
