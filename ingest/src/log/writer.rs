//! The writing thread: whatever arrives during one `fdatasync` goes into the next (group commit), so a thousand
//! requests a second need no more syncs than the disk can do, and a single request never waits for others.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use tracing::{info, warn};

use super::segment::{self, Segment};
use super::{LogError, Pending, SEGMENT_AGE_MAX, SEGMENT_BYTES_MAX, Shared, remove_files};

pub(super) struct LogWriter {
    shared: Arc<Shared>,
    /// The last segment's file, while it may be appended to.
    file: Option<File>,
    /// Whether the last write failed, so that this is logged only once.
    is_failing: bool,
}

enum Work {
    Write(Pending),
    Remove(Vec<PathBuf>),
    Close,
}

impl LogWriter {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        LogWriter { shared, file: None, is_failing: false }
    }

    pub(super) fn run(mut self) {
        loop {
            match self.next_work() {
                Work::Write(batch) => self.write_batch(batch),
                Work::Remove(paths) => remove_files(paths),
                Work::Close => return,
            }
        }
    }

    /// Waits until there is something to do, without a timeout.
    fn next_work(&mut self) -> Work {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        loop {
            if !state.pending.frames.is_empty() {
                let next = Pending::from(state.pending.next);
                return Work::Write(std::mem::replace(&mut state.pending, next));
            }
            let age_left = state.open_since.map(|since| SEGMENT_AGE_MAX.saturating_sub(since.elapsed()));
            if age_left.is_some_and(|left| left.is_zero()) {
                (state.open_since, self.file) = (None, None);
            }
            let released = state.take_released();
            if !released.is_empty() {
                return Work::Remove(released);
            }
            if state.is_closing {
                return Work::Close;
            }
            state = match age_left.filter(|left| !left.is_zero()) {
                None => shared.to_write.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(left) => {
                    shared.to_write.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    fn write_batch(&mut self, batch: Pending) {
        let outcome = self.write(&batch);
        let mut state = self.shared.lock();
        match &outcome {
            Ok(()) => {
                if std::mem::take(&mut self.is_failing) {
                    info!("the local log can be written again");
                }
                if let Some(last) = state.segments.back_mut() {
                    last.end = batch.next;
                    last.bytes += batch.frames.len() as u64;
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut self.is_failing, true) {
                    warn!(%error, "nothing is accepted until the local log can be written again");
                }
                // The partial write is cut off, and its offsets are reused. The file is not touched from now on: after
                // a failed sync it is unknown how much of it is on disk.
                (state.open_since, self.file) = (None, None);
                if let Some(last) = state.segments.back()
                    && let Err(error) = truncate(last)
                {
                    warn!(path = %last.path.display(), %error, "could not cut off a partial write; the next segment marks the end");
                }
                if state.segments.back().is_some_and(|last| last.first == last.end) {
                    state.segments.pop_back();
                }
                let next = Pending::from(batch.first);
                let waiting = std::mem::replace(&mut state.pending, next);
                let _ = waiting.outcome.send(Some(Err(error.clone()))); // whoever waited is gone
            }
        }
        drop(state);
        fail::fail_point!("log-durable");
        let _ = batch.outcome.send(Some(outcome)); // the caller may be gone; it is accepted anyway
        self.shared.to_read.notify_all();
    }

    /// Writes a batch and makes it durable.
    fn write(&mut self, batch: &Pending) -> Result<(), LogError> {
        let path = self.begin_segment(batch.first)?;
        let file = self.file.as_mut().expect("it was just opened");
        let written = (|| -> io::Result<()> {
            fail::fail_point!("log-write", |_| Err(io::Error::other("a fail point")));
            file.write_all(&batch.frames)?;
            fail::fail_point!("log-sync", |_| Err(io::Error::other("a fail point")));
            file.sync_data()
        })();
        written.map_err(|cause| LogError::io(&path, cause))
    }

    /// Creates a new segment if the last one must not be appended to, and returns the one to write to.
    fn begin_segment(&mut self, first: i64) -> Result<PathBuf, LogError> {
        let folder = self.shared.folder.clone();
        let mut state = self.shared.lock();
        if state.open_since.is_some_and(|since| since.elapsed() >= SEGMENT_AGE_MAX)
            || state.segments.back().is_some_and(|last| last.bytes >= SEGMENT_BYTES_MAX)
        {
            (state.open_since, self.file) = (None, None);
        }
        if self.file.is_some()
            && let Some(last) = state.segments.back()
        {
            return Ok(last.path.clone());
        }
        drop(state);
        let created = segment::create(&folder, first);
        let (segment, file) =
            created.map_err(|cause| LogError::io(&segment::path_of(&folder, first), cause))?;
        fail::fail_point!("log-segment-created");
        let path = segment.path.clone();
        let mut state = self.shared.lock();
        state.segments.push_back(segment);
        (state.open_since, self.file) = (Some(Instant::now()), Some(file));
        Ok(path)
    }
}

fn truncate(segment: &Segment) -> io::Result<()> {
    let file = std::fs::OpenOptions::new().write(true).open(&segment.path)?;
    file.set_len(segment.bytes)?;
    file.sync_all()
}
