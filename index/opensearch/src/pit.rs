//! Points in time: views of the index that do not change.

use std::time::{Duration, Instant};

use hearken_index::SearchError;
use parking_lot::Mutex;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::Request;
use super::index::Shared;

/// How long one lives after its last use, and up to a minute longer until the cluster looks. It keeps the files of its moment
/// for as long.
const KEPT_FOR: &str = "1m";
/// The same for an export, whose reader may be slow.
const KEPT_FOR_EXPORT: &str = "15m";
/// For how long new cursors share one: a node has room for 300 by default, and each shard copy on it takes one.
const SHARED_FOR: Duration = Duration::from_secs(2);
/// For how long they do if the cluster has no room for another one: some of its life must be left for the next page.
const SHARED_FOR_MAX: Duration = Duration::from_secs(30);

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
pub(crate) struct SharedPit(Mutex<Option<Opened>>);

/// One that was opened for cursors.
#[derive(Clone)]
pub(crate) struct Opened {
    pub(crate) id: String,
    /// How many tombstones there were just before.
    pub(crate) num_erased: u64,
    at: Instant,
}

impl SharedPit {
    /// One that was opened a moment ago, or else now; `num_erased` counts tombstones.
    pub(crate) fn shared(
        &self,
        shared: &Shared,
        num_erased: impl FnOnce() -> Result<u64, SearchError>,
        deadline: Option<Instant>,
    ) -> Result<Opened, SearchError> {
        let mut latest = self.0.lock();
        let younger_than =
            |age: Duration| latest.as_ref().filter(|opened| opened.at.elapsed() < age).cloned();
        if let Some(opened) = younger_than(SHARED_FOR) {
            return Ok(opened);
        }
        let (at, num_erased) = (Instant::now(), num_erased()?);
        match Pit::open(shared, deadline) {
            Ok(Pit { id, .. }) => {
                let opened = Opened { id, num_erased, at };
                *latest = Some(opened.clone());
                Ok(opened)
            }
            Err(error) => match younger_than(SHARED_FOR_MAX) {
                Some(opened) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the cluster opens no point in time, so pages by relevance use an older one"
                    );
                    Ok(opened)
                }
                None => Err(error),
            },
        }
    }

    /// Something was written: the next cursor gets a new one.
    pub(crate) fn forget(&self) {
        *self.0.lock() = None;
    }
}
