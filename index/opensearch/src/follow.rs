//! Which interactions changed lately, whoever wrote them: the cluster is asked, and followers are told from memory.
//!
//! Every write is stamped by its writer's clock. A follower asks for everything stamped since a little before the newest stamp
//! it knows, and leaves out what it has seen: clocks may differ and writes may become visible out of order, by less than
//! [`OVERLAP`] in all. It asks only when somebody wants to know, and at most every [`POLL_EVERY`].

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hearken_index::SearchError;
use hearken_index::changes::{ChangePoint, Changes, ChangesSince};
use hearken_model::InteractionId;
use parking_lot::Mutex;
use reqwest::Method;
use serde_json::{Value, json};

use super::answer::ClusterResponse;
use super::client::Request;
use super::index::Shared;
use super::mapping::{TIE, WRITTEN_AT, value_field};

const POLL_EVERY: Duration = Duration::from_millis(250);
const OVERLAP: Duration = Duration::from_secs(10);
const PAGE: usize = 5_000;

/// Follows what is written, from when it is first asked.
#[derive(Default)]
pub(crate) struct ChangeFollower {
    changes: Changes,
    seen: Mutex<Seen>,
    is_due: AtomicBool,
}

#[derive(Default)]
struct Seen {
    /// The newest stamp; `None` before the first look.
    newest: Option<i64>,
    /// Version and stamp of everything stamped since [`OVERLAP`] before that, by `_id`.
    lately: HashMap<String, (u64, i64)>,
    looked_at: Option<Instant>,
}

impl ChangeFollower {
    /// This process has made something visible: whoever asks next looks at once.
    pub(crate) fn is_due(&self) {
        self.is_due.store(true, Ordering::Relaxed);
    }

    pub(crate) fn now(&self, shared: &Shared) -> ChangePoint {
        self.look(shared);
        self.changes.now()
    }

    pub(crate) fn since(&self, shared: &Shared, point: ChangePoint, max: usize) -> ChangesSince {
        self.look(shared);
        self.changes.since(point, max)
    }

    fn look(&self, shared: &Shared) {
        let mut seen = self.seen.lock();
        let is_due = self.is_due.swap(false, Ordering::Relaxed);
        if !is_due && seen.looked_at.is_some_and(|at| at.elapsed() < POLL_EVERY) {
            return;
        }
        seen.looked_at = Some(Instant::now());
        match seen.look(shared) {
            Ok(changed) => self.changes.publish(changed.into_iter()),
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "cannot ask the cluster what has changed"
                );
            }
        }
    }
}

impl Seen {
    /// What has not been seen before, oldest first.
    fn look(&mut self, shared: &Shared) -> Result<Vec<InteractionId>, SearchError> {
        let overlap = i64::try_from(OVERLAP.as_micros()).unwrap_or(i64::MAX);
        let is_first = self.newest.is_none();
        let newest = match self.newest {
            Some(newest) => newest,
            None => newest_stamp(shared)?,
        };
        let mut latest = newest;
        let mut changed = Vec::new();
        let mut after: Option<Vec<Value>> = None;
        let id = value_field("id");
        loop {
            let mut body = json!({
                "size": PAGE, "track_total_hits": false, "_source": false, "version": true, "docvalue_fields": [id],
                "query": {"range": {WRITTEN_AT: {"gte": newest.saturating_sub(overlap)}}},
                "sort": [{WRITTEN_AT: "asc"}, {TIE: "asc"}],
            });
            if let Some(after) = after.take() {
                body["search_after"] = Value::Array(after);
            }
            let answer = ask(shared, &body)?;
            let num_found = answer.hits.hits.len();
            for found in answer.hits.hits {
                let stamp = found.sort.first().and_then(Value::as_i64).unwrap_or(latest);
                latest = latest.max(stamp);
                let before = self.lately.insert(found.key.clone(), (found.version, stamp));
                let is_new = before.is_none_or(|(version, _)| version != found.version);
                // A tombstone does not know its id.
                if is_new
                    && !is_first
                    && let Some(id) = found.field(&id)
                {
                    changed.extend(InteractionId::try_new(id).ok());
                }
                after = Some(found.sort);
            }
            if num_found < PAGE {
                break;
            }
        }
        self.newest = Some(latest);
        let oldest = latest.saturating_sub(overlap);
        self.lately.retain(|_, (_, stamp)| *stamp >= oldest);
        Ok(changed)
    }
}

/// The newest stamp in the index; 0 if it is empty.
fn newest_stamp(shared: &Shared) -> Result<i64, SearchError> {
    let body = json!({
        "size": 1, "track_total_hits": false, "_source": false, "query": {"match_all": {}}, "sort": [{WRITTEN_AT: "desc"}],
    });
    let answer = ask(shared, &body)?;
    Ok(answer.hits.hits.first().and_then(|found| found.sort.first()?.as_i64()).unwrap_or(0))
}

fn ask(shared: &Shared, body: &Value) -> Result<ClusterResponse, SearchError> {
    let path = format!("/{}/_search?allow_partial_search_results=false", shared.alias);
    let answer: ClusterResponse = shared.client.ask(Request::new(Method::POST, path).json(body))?;
    Ok(answer.check()?)
}
