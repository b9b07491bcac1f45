//! The index as ingest and query see it: documents in, searches out.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use hearken_index::changes::Changes;
use hearken_index::checkpoint::Checkpoint;
use hearken_index::{Durable, FlushTrouble, IndexStats, StoreError};
use hearken_model::{Document, InteractionId};

use super::cleaner::Cleaner;
use super::committer::{Committer, lock};
use super::directory::{Damage, DiskStorage, Storage, verify};
use super::document::DocumentBuilder;
use super::error::EngineError;
use super::flusher::{FlushHandle, FlushState, Flusher, Flushing, durable_checkpoint};
use super::live::{Cutter, LiveDocument};
use super::options::WriterOptions;
use super::reader::{IndexReader, PinnedViews};
use super::schema::schema;
use super::shared::Shared;

/// Opens an index.
pub struct Index;

impl Index {
    /// Opens the index in that directory, or creates it. `adjust` may change how it is written.
    ///
    /// Verifies it and removes files that its last commit does not name.
    ///
    /// # Errors
    /// Every [`EngineError`].
    pub fn open(
        path: &Path,
        adjust: impl FnOnce(&mut WriterOptions),
    ) -> Result<(IndexWriter, IndexReader), EngineError> {
        let storage =
            DiskStorage::open(path).map_err(|source| EngineError::Io { path: path.to_owned(), source })?;
        let mut options = WriterOptions::default();
        adjust(&mut options);
        Self::open_storage(path.to_owned(), Arc::new(storage), options)
    }

    pub(crate) fn open_storage(
        path: PathBuf,
        storage: Arc<dyn Storage>,
        options: WriterOptions,
    ) -> Result<(IndexWriter, IndexReader), EngineError> {
        let (schema, fields, tokenizers) = schema();
        let lock = lock(&*storage, &path)?;
        let committer =
            Committer::open(&path, &storage, (&schema, &tokenizers), &options, options.verify_at_open)?;
        let unusable = |reason: String| EngineError::Unusable { path: path.clone(), reason };
        let searcher = committer.reload().map_err(|failure| unusable(failure.to_string()))?;
        let checkpoint = Arc::new(durable_checkpoint(&committer.directory));
        let shared = Arc::new(Shared::new(fields.clone(), searcher, Arc::clone(&checkpoint)));
        let state = Arc::new(FlushState {
            durable: ArcSwap::from_pointee(Durable { checkpoint, sequence: 1 }),
            trouble: Default::default(),
            directory: ArcSwap::from_pointee(committer.directory.clone()),
            on_flush: options.on_flush.clone(),
        });
        let (live_bytes_max, flush_wait_max) = (options.live_bytes_max, options.flush_wait_max);
        let flusher = Flusher::start(Flushing {
            path: path.clone(),
            storage,
            schema,
            tokenizers,
            options,
            shared: Arc::clone(&shared),
            state: Arc::clone(&state),
            builder: DocumentBuilder::new(fields),
            committer: Some(committer),
            _lock: lock,
        });
        let flusher = flusher.map_err(|source| EngineError::Io { path, source })?;
        let changes = Changes::default();
        let views = PinnedViews::new();
        let reader = IndexReader::new(Arc::clone(&shared), views.clone(), changes.clone());
        let writer = IndexWriter {
            shared,
            state,
            flusher,
            cutter: Cutter::new(),
            pending: Vec::new(),
            views,
            changes,
            live_bytes_max,
            flush_wait_max,
        };
        Ok((writer, reader))
    }
}

/// Writes interactions. One thread owns it; all calls block.
///
/// | | searches find it | survives a crash |
/// |---|---|---|
/// | [`IndexWriter::put`] | no | no |
/// | [`IndexWriter::refresh`] | yes | no: the source is read again from the durable checkpoint |
/// | a flush, every `flush_interval` | | yes, together with the checkpoint given to the refresh |
pub struct IndexWriter {
    shared: Arc<Shared>,
    state: Arc<FlushState>,
    flusher: Flusher,
    cutter: Cutter,
    /// Put since the last refresh.
    pending: Vec<Arc<LiveDocument>>,
    views: PinnedViews,
    changes: Changes,
    live_bytes_max: usize,
    flush_wait_max: Duration,
}

impl IndexWriter {
    /// Replaces the document with the same id. Visible after the next refresh.
    pub fn put(&mut self, document: impl Into<Arc<Document>>) {
        self.pending.push(Arc::new(self.cutter.cut(document.into())));
    }

    /// Removes the document without a trace: another one of its id may be put later. In effect after the next refresh.
    pub fn remove(&mut self, id: InteractionId) {
        let mut removal = self.cutter.cut(Arc::new(Document::tombstone(id)));
        removal.is_removal = true;
        self.pending.push(Arc::new(removal));
    }

    /// Makes everything that was put visible to searches, in one step with the checkpoint it belongs to.
    ///
    /// # Errors
    /// [`StoreError::Full`] and [`StoreError::Unreadable`]; nothing was changed, call again.
    pub fn refresh(&mut self, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        self.wait_for_room()?;
        fail::fail_point!("index-refresh");
        let ids: Vec<InteractionId> =
            self.pending.iter().map(|document| document.document.id().clone()).collect();
        let erases = self.pending.iter().any(|document| document.document.state.erased);
        let refreshed = self.shared.refresh(&mut self.pending, checkpoint);
        refreshed.map_err(|error| StoreError::Unreadable { cause: error.to_string() })?;
        if erases {
            self.views.expire_before(&self.shared.view());
        }
        self.changes.publish(ids.into_iter());
        fail::fail_point!("index-refreshed");
        Ok(())
    }

    /// Makes everything up to the last refresh durable and waits for it.
    ///
    /// # Errors
    /// [`StoreError::FlushFailed`].
    pub fn flush_now(&self) -> Result<(), StoreError> {
        answer(self.flusher.handle().flush().recv())
    }

    /// Makes everything up to the last refresh durable, and merges all segments into as few as the bound on their size
    /// allows: after a backfill, or to get deleted text out of the files.
    ///
    /// # Errors
    /// [`StoreError::FlushFailed`].
    pub fn merge_all(&self) -> Result<(), StoreError> {
        answer(self.flusher.handle().merge_all().recv())
    }

    /// Makes everything up to the last refresh durable and closes the index. Merges under way are given up.
    ///
    /// # Errors
    /// [`StoreError::FlushFailed`]; the index is closed anyway, and what is not durable stays in the source.
    pub fn close(self) -> Result<(), StoreError> {
        self.flush_now()
    }

    /// The offsets before which the source need not be read again: where to resume after [`Index::open`].
    pub fn checkpoint(&self) -> Arc<Checkpoint> {
        Arc::clone(&self.durable().checkpoint)
    }

    /// What is durable now.
    pub fn durable(&self) -> Arc<Durable> {
        self.state.durable.load_full()
    }

    /// For metrics, readiness and the source.
    pub fn monitor(&self) -> Monitor {
        Monitor {
            shared: Arc::clone(&self.shared),
            state: Arc::clone(&self.state),
            flush: self.flusher.handle().clone(),
        }
    }

    /// Back-pressure: what waits for the disk is bounded, and past the bound so is what is read from the source.
    fn wait_for_room(&self) -> Result<(), StoreError> {
        let live_bytes = self.shared.live_bytes();
        if live_bytes <= self.live_bytes_max {
            if live_bytes > self.live_bytes_max / 2 {
                self.flusher.handle().nudge();
            }
            return Ok(());
        }
        let deadline = Instant::now() + self.flush_wait_max;
        // Whether it succeeds or times out: what counts is the room.
        let flushed = self.flusher.handle().flush().recv_deadline(deadline);
        if !matches!(flushed, Ok(Ok(()))) {
            // Otherwise a disk that fails at once would be tried again, and logged, without a pause.
            std::thread::sleep(deadline.saturating_duration_since(Instant::now()));
        }
        let live_bytes = self.shared.live_bytes();
        if live_bytes <= self.live_bytes_max {
            return Ok(());
        }
        let cause = self.state.cause_of_trouble();
        Err(StoreError::Full { live_bytes, live_bytes_max: self.live_bytes_max, cause })
    }
}

/// The flush thread's answer, as an error of the store.
pub(super) fn answer(
    answer: Result<Result<(), String>, crossbeam_channel::RecvError>,
) -> Result<(), StoreError> {
    let outcome = answer.unwrap_or_else(|_| Err("the flush thread has ended".to_owned()));
    outcome.map_err(|cause| StoreError::FlushFailed { cause })
}

/// Watches an index; clones share it.
#[derive(Clone)]
pub struct Monitor {
    shared: Arc<Shared>,
    state: Arc<FlushState>,
    flush: FlushHandle,
}

impl Monitor {
    /// Sizes and counts.
    pub fn stats(&self) -> IndexStats {
        let files = self.state.directory.load().stats();
        let view = self.shared.view();
        IndexStats {
            live_bytes: view.live_bytes as u64,
            num_live_documents: view.overlay().num_documents() as u64,
            index_bytes: files.index_bytes,
            num_segments: files.num_segments,
            num_documents: view.num_documents(),
            num_merges: files.num_merges,
        }
    }

    /// What is durable now.
    pub fn durable(&self) -> Arc<Durable> {
        self.state.durable.load_full()
    }

    /// Why nothing becomes durable; `None` while all is well.
    pub fn trouble(&self) -> Option<FlushTrouble> {
        self.state.trouble.lock().clone()
    }

    /// Returns when no file holds anything of an interaction that had been erased or removed, and refreshed, when this was
    /// called. Blocks for as long as rewriting takes and a search or an export holds on to an older view.
    ///
    /// # Errors
    /// [`StoreError::FlushFailed`]: the disk fails, or a view is in use for too long; [`StoreError::Unreadable`]. It is
    /// safe to call again.
    pub fn clean_files(&self) -> Result<(), StoreError> {
        Cleaner { shared: &self.shared, state: &self.state, flush: &self.flush }.clean()
    }

    /// Reads every durable file and compares checksums, while everything else continues.
    pub fn check(&self) -> Vec<Damage> {
        let directory = self.state.directory.load_full();
        let (_, sums) = directory.durable();
        let mut damage = verify(&**directory.storage(), &sums);
        // Whatever a newer commit let go of meanwhile may be gone, and rightly so.
        let (_, sums) = self.state.directory.load().durable();
        damage.retain(|damage| sums.contains_key(&damage.file));
        damage
    }
}
