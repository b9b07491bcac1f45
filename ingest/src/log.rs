//! The local log: events received without Kafka, on disk before they are acknowledged.
//!
//! It is the second event source. Its records have offsets, and each commit of the index includes how far the index has
//! read, under topic `http`, partition 0, just as for a partition of Kafka. So the same rules give the same
//! exactly-once effect across restarts and kills.
//!
//! - [`frame`]: the on-disk form of a record, and how damage is told from an interrupted write.
//! - [`segment`]: one file, and what is found in it when the log is opened.
//! - [`writer`]: the writing thread: one `fdatasync` for all waiting requests.
//! - [`source`]: the thread that reads for the pipeline.
//!
//! A segment is removed once everything in it is durable in the index. Nothing is appended to one older than
//! [`SEGMENT_AGE_MAX`], so an event leaves the log soon after it has reached the index.

mod frame;
mod segment;
mod source;
mod writer;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hearken_index::checkpoint::Checkpoint;
use tokio::sync::watch;
use tracing::{error, info, warn};

pub(crate) use self::frame::LogRecord;
use self::segment::{Segment, open_segments};
use self::writer::LogWriter;
pub(crate) use source::LogSource;

use crate::source::{SourceCommand, TopicPartition};

/// The log's name among the source topics; no Kafka topic may have it.
pub(crate) const TOPIC: &str = "http";
/// Its only partition.
pub(crate) const PARTITION: i32 = 0;

/// A segment that has reached this size is no longer appended to.
const SEGMENT_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// … nor one that was begun this long ago.
const SEGMENT_AGE_MAX: Duration = Duration::from_secs(10);
/// Most bytes waiting to be written; more are refused.
const PENDING_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Most bytes on disk that are not durable in the index yet; beyond that, events are refused until it has caught up.
const UNREAD_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// The log. Clones share it; its thread ends with the last one.
#[derive(Clone)]
pub struct LocalLog {
    shared: Arc<Shared>,
    _thread: Arc<WriterThread>,
}

/// Why the log cannot be opened, or accepts nothing.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LogError {
    /// A file cannot be read or written.
    #[error("cannot use `{path}` for the local log: {cause}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        cause: Arc<io::Error>,
    },
    /// Accepted events can no longer be read.
    #[error(
        "the local log `{path}` is damaged: from offset {offset} on, {until} cannot be read, and was accepted; restore the \
         file, or run `hearken index reset-offset --topic {TOPIC} --partition {PARTITION} --to {resume}` to continue without it",
        until = if *resume == offset + 1 { "one event".to_owned() } else { format!("{} events", resume - offset) }
    )]
    Damaged {
        /// The segment.
        path: PathBuf,
        /// The first offset that cannot be read.
        offset: i64,
        /// The first readable offset after the damage.
        resume: i64,
    },
    /// The disk does not keep up with incoming events.
    #[error("the local log is full: the disk cannot keep up with incoming events")]
    DiskBehind,
    /// The index does not keep up with incoming events.
    #[error("the local log is full: the index cannot keep up with incoming events")]
    IndexBehind,
    /// The log is being closed.
    #[error("the local log is being closed")]
    Closed,
}

impl LogError {
    fn io(path: &Path, cause: io::Error) -> Self {
        LogError::Io { path: path.to_owned(), cause: Arc::new(cause) }
    }
}

/// Tells when the appended records are durable.
pub(crate) struct AppendReceipt(watch::Receiver<Option<Result<(), LogError>>>);

impl AppendReceipt {
    /// Waits until they are on disk, or cannot be.
    pub(crate) async fn durable(mut self) -> Result<(), LogError> {
        let outcome = self.0.wait_for(Option::is_some).await;
        outcome.map_or(Err(LogError::Closed), |outcome| outcome.clone().unwrap_or(Err(LogError::Closed)))
    }
}

struct Shared {
    folder: PathBuf,
    state: Mutex<LogState>,
    /// Signals work for the writer.
    to_write: Condvar,
    /// Signals work for the source.
    to_read: Condvar,
}

struct LogState {
    /// Oldest first; without gaps from the oldest offset that may still be read.
    segments: VecDeque<Segment>,
    /// When the last segment was begun, while it may be appended to.
    open_since: Option<Instant>,
    pending: Pending,
    /// Everything before this offset is durable in the index.
    released: i64,
    /// Commands that the source has not carried out yet.
    commands: VecDeque<SourceCommand>,
    is_source_stopping: bool,
    is_closing: bool,
}

impl LogState {
    /// The end of what is durable.
    fn durable_end(&self) -> i64 {
        self.segments.back().map_or(self.released, |segment| segment.end.max(self.released))
    }

    /// Forgets the segments that the index no longer needs, and returns their files.
    fn take_released(&mut self) -> Vec<PathBuf> {
        let mut paths = Vec::new();
        while let Some(oldest) = self.segments.front() {
            let is_open = self.segments.len() == 1 && self.open_since.is_some();
            if is_open || oldest.end > self.released {
                break;
            }
            paths.extend(self.segments.pop_front().map(|segment| segment.path));
        }
        paths
    }
}

/// What waits for the next write.
struct Pending {
    frames: Vec<u8>,
    /// The offset of the first record.
    first: i64,
    /// The offset after the last record.
    next: i64,
    outcome: watch::Sender<Option<Result<(), LogError>>>,
}

impl Pending {
    fn from(offset: i64) -> Self {
        Pending { frames: Vec::new(), first: offset, next: offset, outcome: watch::channel(None).0 }
    }
}

impl Shared {
    /// A panic while holding the lock leaves the state intact: nothing in between can fail.
    fn lock(&self) -> MutexGuard<'_, LogState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the writer when the last clone of the log is dropped.
struct WriterThread {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for WriterThread {
    fn drop(&mut self) {
        self.shared.lock().is_closing = true;
        self.shared.to_write.notify_all();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            error!("the local log's thread panicked");
        }
    }
}

impl LocalLog {
    /// Opens the log in this folder, which need not exist: it is created with the first event. `checkpoint` is what is
    /// durable in the index.
    ///
    /// What a crash left of an interrupted write is removed: it was never acknowledged.
    ///
    /// # Errors
    /// A file cannot be read, or accepted events that the index does not have are damaged.
    pub fn open(folder: &Path, checkpoint: &Checkpoint) -> Result<Self, LogError> {
        let position = checkpoint.position(TOPIC, PARTITION).map(|position| position.next_offset);
        let segments = open_segments(folder, position)?;
        let oldest = segments.front().map(|segment| segment.first);
        let mut state = LogState {
            segments,
            open_since: None,
            pending: Pending::from(0),
            released: position.or(oldest).unwrap_or(0),
            commands: VecDeque::new(),
            is_source_stopping: false,
            is_closing: false,
        };
        let end = state.durable_end();
        state.pending = Pending::from(end);
        let num_unread = end - state.released;
        if num_unread > 0 {
            info!(folder = %folder.display(), num_unread, "the local log has events that are not yet in the index");
        }
        let shared = Arc::new(Shared {
            folder: folder.to_owned(),
            state: Mutex::new(state),
            to_write: Condvar::new(),
            to_read: Condvar::new(),
        });
        let writer = LogWriter::new(Arc::clone(&shared));
        let thread = std::thread::Builder::new().name("local-log".into()).spawn(move || writer.run());
        let thread = thread.map_err(|cause| LogError::io(folder, cause))?;
        let thread = WriterThread { shared: Arc::clone(&shared), thread: Some(thread) };
        Ok(LocalLog { shared, _thread: Arc::new(thread) })
    }

    /// Appends these records and has them written at once. They are accepted only once the receipt says so, all or
    /// none.
    pub(crate) fn append(&self, records: &[LogRecord]) -> Result<AppendReceipt, LogError> {
        let prepared: Vec<_> = records.iter().map(frame::prepare).collect();
        let num_bytes: usize = prepared.iter().map(frame::EncodedRecord::size_bytes).sum();
        let mut state = self.shared.lock();
        if state.is_closing {
            return Err(LogError::Closed);
        }
        if !state.pending.frames.is_empty() && state.pending.frames.len() + num_bytes > PENDING_BYTES_MAX {
            return Err(LogError::DiskBehind);
        }
        let released = state.released;
        let unread = state.segments.iter().filter(|segment| segment.end > released);
        if unread.map(|segment| segment.bytes).sum::<u64>() > UNREAD_BYTES_MAX {
            return Err(LogError::IndexBehind);
        }
        let pending = &mut state.pending;
        for record in &prepared {
            record.write(pending.next, pending.first, &mut pending.frames);
            pending.next += 1;
        }
        let receipt = AppendReceipt(pending.outcome.subscribe());
        drop(state);
        fail::fail_point!("log-appended");
        self.shared.to_write.notify_one();
        Ok(receipt)
    }

    /// The offset after everything appended.
    pub(crate) fn end(&self) -> i64 {
        self.shared.lock().pending.next
    }

    /// Whether a file may still hold anything from before this offset.
    pub(crate) fn holds_before(&self, offset: i64) -> bool {
        let is_segment = |path: &Path| path.extension() == Some(segment::EXTENSION.as_ref());
        let end = segment::path_of(&self.shared.folder, offset);
        // A file is named after its first offset, with as many digits as the largest has.
        let files = std::fs::read_dir(&self.shared.folder).into_iter().flatten().flatten();
        files.map(|file| file.path()).any(|path| is_segment(&path) && path < end)
    }

    /// How many events are on disk and not yet in the durable index.
    pub fn num_unread(&self) -> u64 {
        let state = self.shared.lock();
        u64::try_from(state.durable_end() - state.released).unwrap_or(0)
    }
}

/// [`TOPIC`], shared by all records.
pub(crate) fn topic() -> Arc<str> {
    static SHARED: LazyLock<Arc<str>> = LazyLock::new(|| TOPIC.into());
    Arc::clone(&SHARED)
}

/// The name by which the pipeline knows the log.
pub(crate) fn topic_partition() -> TopicPartition {
    (topic(), PARTITION)
}

fn remove_files(paths: Vec<PathBuf>) {
    for path in paths {
        fail::fail_point!("log-segment-remove");
        if let Err(error) = std::fs::remove_file(&path) {
            warn!(path = %path.display(), %error, "could not remove a segment of the local log that is in the index");
        }
    }
}
