//! Writing: documents in bulk, by revision, until each is written, refused or in conflict.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hearken_index::checkpoint::Checkpoint;
use hearken_index::{Durable, Store, StoreError};
use hearken_model::{Document, InteractionId};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::client::{NodeAnswer, Request};
use super::document::{key, key_of, source};
use super::error::RequestError;
use super::index::Shared;
use super::words::Cutter;

/// Bytes of one request: at first, at least and at most.
const BATCH_BYTES: usize = 4 << 20;
const BATCH_BYTES_MIN: usize = 64 << 10;
const BATCH_BYTES_MAX: usize = 16 << 20;
/// Most requests at a time.
const IN_FLIGHT_MAX: usize = 4;
const PAUSE: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// Writes to the cluster. One thread owns it.
pub struct OpenSearchStore {
    shared: Arc<Shared>,
    cutter: Cutter,
    /// What is still to be written, by `_id`; the last put counts.
    pending: BTreeMap<String, Write>,
    /// Not reported yet, because the refresh that ran into them failed.
    conflicts: Vec<InteractionId>,
    last_stamp: i64,
    pace: SendRate,
    /// A tombstone, or a removal, was put since the last refresh.
    has_erased: bool,
    /// Anything was put since then.
    has_written: bool,
}

struct Write {
    id: InteractionId,
    revision: u64,
    /// `None` for a removal.
    document: Option<Arc<Document>>,
}

/// How much is sent at a time: more while the cluster takes it, less when it does not.
struct SendRate {
    batch_bytes: usize,
    in_flight: usize,
}

impl SendRate {
    fn more(&mut self) {
        self.batch_bytes = (self.batch_bytes + self.batch_bytes / 8).min(BATCH_BYTES_MAX);
        self.in_flight = (self.in_flight + 1).min(IN_FLIGHT_MAX);
    }

    fn less(&mut self) {
        self.batch_bytes = (self.batch_bytes / 2).max(BATCH_BYTES_MIN);
        self.in_flight = (self.in_flight / 2).max(1);
    }
}

/// The outcome of one write.
enum WriteOutcome {
    Written,
    Conflict,
    /// The cluster is busy or away.
    Later(String),
    /// The cluster will never take it.
    Refused(String),
}

/// Several writes in one request.
struct BulkRequest {
    writes: Vec<(String, Write)>,
    lines: Vec<u8>,
}

impl OpenSearchStore {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let pace = SendRate { batch_bytes: BATCH_BYTES, in_flight: 1 };
        OpenSearchStore {
            shared,
            cutter: Cutter::default(),
            pending: BTreeMap::new(),
            conflicts: Vec::new(),
            last_stamp: 0,
            pace,
            has_erased: false,
            has_written: false,
        }
    }

    /// Writes everything that is pending. What could not be written stays pending.
    fn write_pending(&mut self) -> Result<(), StoreError> {
        let give_up_at = Instant::now() + self.shared.patience;
        let mut pause = PAUSE;
        while !self.pending.is_empty() {
            let batches = self.next_batches();
            let requests = batches.iter().map(|batch| self.request(batch.lines.clone())).collect();
            let answers = self.shared.client.send_all(requests);
            let mut later = None;
            for (batch, answer) in batches.into_iter().zip(answers) {
                let is_alone = batch.writes.len() == 1;
                match answer {
                    Ok(answer) if answer.status == 200 => {
                        later = self.settle(batch.writes, &answer).or(later)
                    }
                    Ok(answer) if answer.status == 413 && is_alone => {
                        let why = answer.refusal().to_string();
                        batch.writes.into_iter().for_each(|(key, write)| self.refuse(&key, &write, &why));
                    }
                    Ok(answer) if matches!(answer.status, 408 | 413 | 429 | 502 | 503 | 504) => {
                        later = Some(answer.refusal().to_string());
                        self.pending.extend(batch.writes);
                    }
                    Ok(answer) => {
                        later = Some(answer.refusal().to_string());
                        self.pending.extend(batch.writes);
                        pause = PAUSE_MAX; // a wrong password, an index that is gone: somebody must mend it
                    }
                    Err(error) => {
                        later = Some(error.to_string());
                        self.pending.extend(batch.writes);
                    }
                }
            }
            let Some(cause) = later else {
                self.pace.more();
                pause = PAUSE;
                continue;
            };
            self.pace.less();
            if Instant::now() + pause >= give_up_at {
                return Err(StoreError::NotWritten { num_waiting: self.pending.len(), cause });
            }
            std::thread::sleep(pause.mul_f32(0.5 + fastrand::f32() / 2.0));
            pause = (pause * 2).min(PAUSE_MAX);
        }
        Ok(())
    }

    /// Takes from what is pending as much as may be sent at a time.
    fn next_batches(&mut self) -> Vec<BulkRequest> {
        let mut batches = Vec::new();
        while batches.len() < self.pace.in_flight && !self.pending.is_empty() {
            let mut batch = BulkRequest { writes: Vec::new(), lines: Vec::new() };
            while batch.lines.len() < self.pace.batch_bytes {
                let Some((key, write)) = self.pending.pop_first() else { break };
                self.push_lines(&key, &write, &mut batch.lines);
                batch.writes.push((key, write));
            }
            batches.push(batch);
        }
        batches
    }

    fn push_lines(&mut self, key: &str, write: &Write, lines: &mut Vec<u8>) {
        let action = if write.document.is_some() { "index" } else { "delete" };
        let action = json!({action: {"_id": key, "version": write.revision, "version_type": "external"}});
        let mut push = |line: &Value| {
            lines.extend_from_slice(line.to_string().as_bytes());
            lines.push(b'\n');
        };
        push(&action);
        if let Some(document) = &write.document {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
            // No two writes of one writer have the same stamp.
            self.last_stamp = i64::try_from(now).unwrap_or(i64::MAX).max(self.last_stamp + 1);
            push(&source(document, self.last_stamp, &self.cutter));
        }
    }

    fn request(&self, lines: Vec<u8>) -> Request {
        let Shared { alias, is_alias, .. } = &*self.shared;
        // Without it, a missing alias would make the cluster create an index of that name, without our mapping.
        let path =
            format!("/{alias}/_bulk?require_alias={is_alias}&filter_path=items.*.status,items.*.error");
        Request::new(Method::POST, path).lines(lines)
    }

    /// Reads the outcome of each write; if some must be tried again, says why.
    fn settle(&mut self, writes: Vec<(String, Write)>, answer: &NodeAnswer) -> Option<String> {
        #[derive(Deserialize)]
        struct Items {
            items: Vec<Map<String, Value>>,
        }
        let items = match answer.read::<Items>() {
            Ok(Items { items }) if items.len() == writes.len() => items,
            read => {
                let why =
                    read.err().unwrap_or_else(|| RequestError::Unreadable("items are missing".to_owned()));
                self.pending.extend(writes);
                return Some(why.to_string());
            }
        };
        let mut later = None;
        for ((key, write), item) in writes.into_iter().zip(items) {
            match outcome(item.values().next().unwrap_or(&Value::Null)) {
                WriteOutcome::Written => {}
                WriteOutcome::Conflict => self.conflicts.push(write.id),
                WriteOutcome::Refused(why) => self.refuse(&key, &write, &why),
                WriteOutcome::Later(why) => {
                    later = Some(why);
                    self.pending.insert(key, write);
                }
            }
        }
        later
    }

    /// The cluster will never take it: what was there before stays, and the log says why.
    fn refuse(&self, key: &str, write: &Write, why: &str) {
        self.shared.num_refused.fetch_add(1, Ordering::Relaxed);
        tracing::error!(document = key, revision = write.revision, why, "OpenSearch refuses a document");
    }
}

fn outcome(item: &Value) -> WriteOutcome {
    let why = || {
        let error = &item["error"];
        let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
        format!("{}: {}", text("type"), text("reason"))
    };
    match item["status"].as_u64() {
        Some(200 | 201) => WriteOutcome::Written,
        // There was nothing to remove.
        Some(404) if item["error"].is_null() => WriteOutcome::Written,
        Some(409) => WriteOutcome::Conflict,
        Some(status @ (400 | 413)) => WriteOutcome::Refused(format!("{status} {}", why())),
        status => WriteOutcome::Later(format!("{} {}", status.unwrap_or_default(), why())),
    }
}

impl Store for OpenSearchStore {
    fn put(&mut self, document: Arc<Document>) {
        let write = Write {
            id: document.id().clone(),
            revision: document.revision,
            document: Some(Arc::clone(&document)),
        };
        self.has_written = true;
        self.has_erased |= document.state.erased;
        self.pending.insert(key_of(&document), write);
    }

    fn remove(&mut self, id: InteractionId, revision: u64) {
        (self.has_written, self.has_erased) = (true, true);
        self.pending.insert(key(&id), Write { id, revision, document: None });
    }

    fn refresh(&mut self, checkpoint: &Checkpoint) -> Result<Vec<InteractionId>, StoreError> {
        self.write_pending()?;
        // What is erased is out of every answer when this returns, whatever else searches see later.
        if self.has_erased || (self.has_written && self.shared.refresh_on_write) {
            let request = Request::new(Method::POST, format!("/{}/_refresh", self.shared.alias));
            let refreshed: Result<Value, RequestError> = self.shared.client.ask(request);
            // The caller tries again, as it does when something could not be written.
            refreshed.map_err(|error| StoreError::NotWritten { num_waiting: 0, cause: error.to_string() })?;
        }
        (self.has_written, self.has_erased) = (false, false);
        self.shared.pits.forget();
        self.shared.follower.is_due();
        let conflicts = std::mem::take(&mut self.conflicts);
        if conflicts.is_empty() {
            let mut durable = self.shared.durable.lock();
            let sequence = durable.sequence + 1;
            *durable = Arc::new(Durable { checkpoint: Arc::new(checkpoint.clone()), sequence });
        }
        Ok(conflicts)
    }

    /// What a refresh has written is durable already: the cluster answers once it is in its translog.
    fn flush(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn durable(&self) -> Arc<Durable> {
        Arc::clone(&self.shared.durable.lock())
    }
}
