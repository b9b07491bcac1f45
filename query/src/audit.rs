//! The audit log: who searched, read, exported, erased, sent events, changed views and keys, and signed in and out.
//!
//! Lines of JSON that are only ever appended. Each has the hash of the previous line and, last, its own: the BLAKE3
//! hash of the line without `,"hash":"…"`. So removing, changing or inserting a line means rewriting everything after
//! it, which [`check`] detects. A chain cannot show that its end was cut off: keep copies elsewhere, or the last hash.
//!
//! No line holds what people said, what was searched for, or a key: a line says who called which route, and for which
//! interaction or view.
//!
//! An entry reserves a place in a bounded queue before its request is answered, and a thread writes the queue. While it
//! cannot, for instance because the disk is full, the server is not ready and refuses whatever it could not record.

mod chain;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use hearken_model::{Timestamp, error_chain};
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::http::Caller;
use crate::problem::Problem;

pub use chain::{ChainReport, append, check};

/// Most entries waiting to be written, including those of requests in progress.
const WAITING_MAX: usize = 4_096;
/// How long a request waits for a place in the queue before the client is asked to retry.
const PLACE_TIMEOUT: Duration = Duration::from_secs(2);
/// Pause before a failed write is retried.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// Longest object in characters: ids have no more bytes than that.
const OBJECT_CHARS_MAX: usize = 512;
/// Failed writes per line in the server's log.
const FAILURES_PER_LINE: u32 = 60;

/// One thing that somebody did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// The id of the key; absent if none was shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The name of the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The user signed on by a proxy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The client's address; absent for commands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The request id, as in the answer and the server's log; absent for commands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// What was done: a method and a route, or a command.
    pub action: String,
    /// The interaction, view or key concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// The HTTP status of the answer; absent for commands, and if the client was gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
}

impl AuditEntry {
    /// What is known before anything is done.
    pub fn new(at: Timestamp, action: String) -> Self {
        AuditEntry {
            at,
            key: None,
            name: None,
            user: None,
            address: None,
            request_id: None,
            action,
            object: None,
            status: None,
        }
    }

    fn done_by(&mut self, caller: &Caller) {
        self.key = caller.key().map(|key| key.id.clone());
        self.name = caller.key().map(|key| key.name.clone());
        self.user = caller.user().map(str::to_owned);
    }
}

/// What a request was about, if its path does not say: an extension of its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditObject(pub String);

/// Why the log could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// A file cannot be read or written.
    #[error("cannot use the audit log `{}`", .0.display())]
    File(PathBuf, #[source] io::Error),
    /// The chain is broken.
    #[error("the audit log is broken at line {line} of `{}`: {reason}", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// The line number in the file, from 1.
        line: usize,
        /// What is wrong.
        reason: &'static str,
    },
}

/// Writes entries on a separate thread. Clones share it; dropping the last one waits until all is written.
#[derive(Debug, Clone)]
pub struct AuditLog {
    writer: Arc<AuditWriter>,
}

#[derive(Debug)]
struct AuditWriter {
    items_tx: Sender<QueueItem>,
    room: Arc<Semaphore>,
    thread: Mutex<Option<JoinHandle<()>>>,
    file: Arc<LogFile>,
}

#[derive(Debug)]
enum QueueItem {
    /// An entry and its place in the queue, which is freed once the entry is written.
    Entry(AuditEntry, OwnedSemaphorePermit),
    /// Nothing comes after this.
    End,
}

/// What the writing thread shares with its callers.
#[derive(Debug)]
struct LogFile {
    path: PathBuf,
    is_closing: AtomicBool,
    /// Why it cannot be written at the moment, if so.
    trouble: Mutex<Option<String>>,
}

/// An entry in progress. It is written on drop, whatever became of its request.
#[derive(Debug)]
pub(crate) struct PendingEntry {
    log: AuditLog,
    entry: Option<(AuditEntry, OwnedSemaphorePermit)>,
}

impl AuditLog {
    /// Starts writing to that file.
    ///
    /// # Errors
    /// It cannot be written, or its last line is damaged.
    pub fn open(path: PathBuf) -> Result<Self, AuditError> {
        append(&path, &[])?;
        let file = Arc::new(LogFile { path, is_closing: AtomicBool::new(false), trouble: Mutex::default() });
        let (items_tx, items) = channel();
        let thread = std::thread::Builder::new().name("audit".to_owned()).spawn({
            let file = Arc::clone(&file);
            move || write_all(&file, &items)
        });
        let thread = thread.map_err(|error| AuditError::File(file.path.clone(), error))?;
        let room = Arc::new(Semaphore::new(WAITING_MAX));
        let writer = AuditWriter { items_tx, room, thread: Mutex::new(Some(thread)), file };
        Ok(AuditLog { writer: Arc::new(writer) })
    }

    /// Why it cannot be written at the moment, if so.
    pub fn trouble(&self) -> Option<String> {
        self.writer.file.trouble().clone()
    }

    /// Begins an entry and reserves its place.
    ///
    /// # Errors
    /// `audit_unavailable`: it cannot be written at the moment, so the action must not happen.
    pub(crate) async fn begin(&self, entry: AuditEntry) -> Result<PendingEntry, Problem> {
        let place = Arc::clone(&self.writer.room).acquire_owned();
        let place = tokio::time::timeout(PLACE_TIMEOUT, place).await;
        let (None, Ok(Ok(place))) = (self.trouble(), place) else {
            let detail = "requests that cannot be recorded in the audit log are refused; try again later";
            let problem = Problem::new("audit_unavailable", detail);
            return Err(Problem { retry_after: Some(5), ..problem });
        };
        Ok(PendingEntry { log: self.clone(), entry: Some((entry, place)) })
    }

    /// Writes everything that is waiting, and ends; later entries are lost, which the server's log reports. Blocks.
    pub fn close(&self) {
        self.writer.close();
    }
}

impl PendingEntry {
    /// Completes the entry with the answer, and with the caller and object if they were not known before.
    pub(crate) fn answered(mut self, status: u16, caller: Option<&Caller>, object: Option<&AuditObject>) {
        if let Some((entry, _)) = &mut self.entry {
            entry.status = Some(status);
            if let Some(caller) = caller {
                entry.done_by(caller);
            }
            if let Some(AuditObject(object)) = object {
                entry.object = Some(bounded(object));
            }
        }
    }

    /// Drops the entry: nothing happened that must be recorded.
    pub(crate) fn forget(mut self) {
        self.entry = None;
    }
}

impl Drop for PendingEntry {
    fn drop(&mut self) {
        let Some((entry, place)) = self.entry.take() else { return };
        if self.log.writer.items_tx.send(QueueItem::Entry(entry, place)).is_err() {
            tracing::error!("lost an audit log entry: the server has stopped");
        }
    }
}

impl AuditWriter {
    fn close(&self) {
        self.file.is_closing.store(true, Ordering::Relaxed);
        let _ = self.items_tx.send(QueueItem::End); // the thread may have ended already
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join(); // it has reported its own failure
        }
    }
}

impl Drop for AuditWriter {
    fn drop(&mut self) {
        self.close();
    }
}

fn write_all(file: &LogFile, items: &Receiver<QueueItem>) {
    while let Ok(QueueItem::Entry(entry, place)) = items.recv() {
        let (mut batch, mut places, mut ends) = (vec![entry], vec![place], false);
        for item in items.try_iter() {
            match item {
                QueueItem::Entry(entry, place) => {
                    batch.push(entry);
                    places.push(place);
                }
                QueueItem::End => {
                    ends = true;
                    break;
                }
            }
        }
        file.write(&batch);
        if ends {
            return;
        }
    }
}

impl LogFile {
    /// Retries until it is written, or until the log is to close.
    fn write(&self, batch: &[AuditEntry]) {
        for failures in 0_u32.. {
            let error = match append(&self.path, batch) {
                Ok(()) => {
                    if self.trouble().take().is_some() {
                        tracing::info!("the audit log can be written again");
                    }
                    return;
                }
                Err(error) => error_chain(&error),
            };
            if failures % FAILURES_PER_LINE == 0 {
                tracing::error!(error, "the audit log cannot be written: requests are refused until it can");
            }
            *self.trouble() = Some(error);
            if self.is_closing.load(Ordering::Relaxed) {
                tracing::error!(entries = batch.len(), "lost audit log entries");
                return;
            }
            std::thread::sleep(TRY_AGAIN_AFTER);
        }
    }

    fn trouble(&self) -> MutexGuard<'_, Option<String>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As much of a text from outside as a line may hold.
pub(crate) fn bounded(text: &str) -> String {
    text.chars().take(OBJECT_CHARS_MAX).collect()
}

/// The beginning of an entry about a caller.
pub(crate) fn entry(at: Timestamp, action: String, caller: Option<&Caller>) -> AuditEntry {
    let mut entry = AuditEntry::new(at, action);
    if let Some(caller) = caller {
        entry.done_by(caller);
    }
    entry
}

/// Adds one entry for a command, which runs outside the server.
///
/// # Errors
/// The log cannot be written.
pub fn note(path: &Path, at: Timestamp, action: &str, object: String) -> Result<(), AuditError> {
    append(path, &[AuditEntry { object: Some(object), ..AuditEntry::new(at, action.to_owned()) }])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn entry() -> AuditEntry {
        AuditEntry::new(Timestamp::EPOCH, "GET /v1/export".to_owned())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn everything_is_written_when_the_log_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        let log = AuditLog::open(path.clone()).unwrap();
        let add = async |log: AuditLog| {
            for _ in 0..500 {
                log.begin(entry()).await.unwrap().answered(200, None, None);
            }
            log.begin(entry()).await.unwrap().forget();
        };
        let added: Vec<_> = (0..4).map(|_| tokio::spawn(add(log.clone()))).collect();
        for task in added {
            task.await.unwrap();
        }
        drop(log);
        assert_eq!(check(&path).unwrap().last, 2_000);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn requests_that_cannot_be_recorded_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs/audit.jsonl");
        let log = AuditLog::open(path.clone()).unwrap();
        drop(log.begin(entry()).await.unwrap());
        // A file takes the folder's place, so that nothing can be written below it.
        let aside = folder.path().join("aside");
        while log.writer.room.available_permits() < WAITING_MAX {
            tokio::task::yield_now().await;
        }
        std::fs::rename(folder.path().join("logs"), &aside).unwrap();
        std::fs::write(folder.path().join("logs"), "").unwrap();
        log.begin(entry()).await.unwrap().answered(200, None, None);
        while log.trouble().is_none() {
            tokio::task::yield_now().await;
        }
        assert_eq!(log.begin(entry()).await.unwrap_err().code, "audit_unavailable");

        std::fs::remove_file(folder.path().join("logs")).unwrap();
        std::fs::rename(&aside, folder.path().join("logs")).unwrap();
        while log.trouble().is_some() {
            tokio::task::yield_now().await;
        }
        log.begin(entry()).await.unwrap().answered(200, None, None);
        log.close();
        assert_eq!(check(&path).unwrap().last, 3, "answered entries are not lost");
    }
}
