//! Sizes and counts of the index, and waiting until erased data has left its files.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use hearken_index::{Durable, FlushTrouble, IndexStats, Maintain, StoreError};
use reqwest::Method;
use serde_json::Value;

use super::client::Request;
use super::error::RequestError;
use super::index::Shared;

/// How long erased data may take to leave the files.
const CLEANING_PATIENCE: Duration = Duration::from_secs(15 * 60);
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Looks after the index. Clones share everything.
#[derive(Clone)]
pub struct OpenSearchMonitor {
    shared: Arc<Shared>,
}

impl OpenSearchMonitor {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        OpenSearchMonitor { shared }
    }

    /// How many documents the cluster has refused for good since this process started. The log names each.
    pub fn num_refused(&self) -> u64 {
        self.shared.num_refused.load(Ordering::Relaxed)
    }

    fn flush_cluster(&self) -> Result<(), RequestError> {
        self.ask(Method::POST, "_flush?wait_if_ongoing=true").map(drop)
    }

    fn ask(&self, method: Method, what: &str) -> Result<Value, RequestError> {
        let request = Request::new(method, format!("/{}/{what}", self.shared.alias));
        self.shared.client.ask(request.within(CLEANING_PATIENCE))
    }

    /// For each copy of a shard, how many writes it has seen, and how many of those, from the first on, no other copy may still
    /// ask it for.
    fn writes(&self) -> Result<BTreeMap<String, (i64, i64)>, RequestError> {
        let answer = self.ask(Method::GET, "_stats/docs?level=shards")?;
        let mut writes = BTreeMap::new();
        for (index, of_index) in entries(&answer["indices"]) {
            for (shard, copies) in entries(&of_index["shards"]) {
                for copy in copies.as_array().into_iter().flatten() {
                    let node = copy["routing"]["node"].as_str().unwrap_or_default();
                    let num_seen = copy["seq_no"]["max_seq_no"].as_i64().unwrap_or(-1) + 1;
                    let leases = copy["retention_leases"]["leases"].as_array().into_iter().flatten();
                    let needed_from = leases.filter_map(|lease| lease["retaining_seq_no"].as_i64()).min();
                    let needed_from = needed_from.unwrap_or(num_seen);
                    writes.insert(format!("{index}/{shard}/{node}"), (num_seen, needed_from));
                }
            }
        }
        Ok(writes)
    }

    /// The segments that still hold replaced or erased documents, by shard copy and name.
    fn segments_with_deletes(&self) -> Result<BTreeSet<String>, RequestError> {
        let answer = self.ask(Method::GET, "_segments?filter_path=indices")?;
        let mut found = BTreeSet::new();
        for (index, of_index) in entries(&answer["indices"]) {
            for (shard, copies) in entries(&of_index["shards"]) {
                for copy in copies.as_array().into_iter().flatten() {
                    let node = copy["routing"]["node"].as_str().unwrap_or_default();
                    for (segment, about) in entries(&copy["segments"]) {
                        if about["deleted_docs"].as_u64().unwrap_or(0) > 0 {
                            found.insert(format!("{index}/{shard}/{node}/{segment}"));
                        }
                    }
                }
            }
        }
        Ok(found)
    }
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

impl Maintain for OpenSearchMonitor {
    fn stats(&self) -> IndexStats {
        let answer = self.ask(Method::GET, "_stats/docs,store,segments,merge").unwrap_or_else(|error| {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "cannot ask the cluster for the size of the index"
            );
            Value::Null
        });
        let (primaries, total) = (&answer["_all"]["primaries"], &answer["_all"]["total"]);
        let number = |value: &Value| value.as_u64().unwrap_or(0);
        IndexStats {
            live_bytes: 0,
            num_live_documents: 0,
            index_bytes: number(&total["store"]["size_in_bytes"]),
            num_segments: number(&primaries["segments"]["count"]) as usize,
            num_documents: number(&primaries["docs"]["count"]),
            num_merges: number(&primaries["merges"]["total"]),
        }
    }

    fn durable(&self) -> Arc<Durable> {
        Arc::clone(&self.shared.durable.lock())
    }

    /// Shards keep what was replaced for copies that have fallen behind: waits until none may still ask for what had been
    /// written when this was called, half a minute as a rule. Then has the segments rewritten that hold replaced documents,
    /// until none of them is left.
    fn clean_files(&self) -> Result<(), StoreError> {
        let give_up_at = Instant::now() + CLEANING_PATIENCE;
        let failed = |error: RequestError| StoreError::FlushFailed { cause: error.to_string() };
        let in_time = |what: &str| {
            let is_late = Instant::now() >= give_up_at;
            std::thread::sleep(LOOK_EVERY);
            if is_late { Err(StoreError::FlushFailed { cause: what.to_owned() }) } else { Ok(()) }
        };
        self.ask(Method::POST, "_refresh").map_err(failed)?;
        self.flush_cluster().map_err(failed)?;
        let before = self.writes().map_err(failed)?;
        loop {
            let now = self.writes().map_err(failed)?;
            let is_needed = |(shard, (num_seen, _)): (&String, &(i64, i64))| {
                now.get(shard).is_some_and(|(_, needed_from)| needed_from < num_seen)
            };
            if !before.iter().any(is_needed) {
                break;
            }
            in_time("copies of shards still need what was erased")?;
        }
        self.flush_cluster().map_err(failed)?;
        let before = self.segments_with_deletes().map_err(failed)?;
        loop {
            let left = self.segments_with_deletes().map_err(failed)?;
            if left.is_disjoint(&before) {
                // This flush drops the translog of what was written before.
                return self.flush_cluster().map_err(failed);
            }
            self.ask(Method::POST, "_forcemerge?only_expunge_deletes=true").map_err(failed)?;
            self.flush_cluster().map_err(failed)?;
            in_time("segments with what was erased are still there")?;
        }
    }

    /// Never: a refresh itself fails when the cluster takes nothing.
    fn trouble(&self) -> Option<FlushTrouble> {
        None
    }
}
