//! Writing the index: replace documents, refresh so that they are found, flush so that they stay.
//!
//! | | visible to searches | survives a crash |
//! |---|---|---|
//! | [`Writer::replace`] | no | no |
//! | [`Writer::refresh`] | yes | no: the source is read again from the durable checkpoint |
//! | a flush, every `flush_interval` | | yes, together with the checkpoint given to the refresh |
//!
//! One thread owns the [`Writer`]; [`Reader`] and [`Monitor`] are for everybody. All calls block and belong on
//! threads of their own, never on the async runtime.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tantivy::indexer::IndexWriterOptions;
use tantivy::schema::Schema;
use tantivy::tokenizer::TokenizerManager;
use tantivy::{
    Index, IndexReader, IndexSettings, IndexWriter, ReloadPolicy, Searcher, TantivyDocument, TantivyError,
    Term,
};

use super::columns::ColumnCache;
use super::directory::{
    Damage, DiskStorage, LockRefused, OpenError, Storage, StorageLock, TieredDirectory, read_durable, verify,
};
use super::error::EngineError;
use super::flusher::{
    Durable, FlushState, FlushTrouble, Flusher, OnFlush, checkpoint_of, durable_checkpoint,
};
use super::merge::{BoundedMergePolicy, MergeBounds};
use super::panic_message;
use crate::checkpoint::Checkpoint;

/// How the index is written.
#[derive(Clone)]
pub struct WriterOptions {
    /// The fields. An index with other fields is refused.
    pub schema: Schema,
    /// The analysers that the text fields name.
    pub tokenizers: TokenizerManager,
    /// How often the newest commit is made durable.
    pub flush_interval: Duration,
    /// A refresh waits for a flush while more than this is only in RAM. Files of one batch and of its merges come on
    /// top.
    pub ram_bytes_max: u64,
    /// How long a refresh waits for that flush before it says [`EngineError::RamTierFull`]; also when the flush fails
    /// at once, so that the caller may try again without a pause of its own.
    pub flush_wait_max: Duration,
    /// A file that outgrows this is on the disk from the start.
    pub spill_bytes: usize,
    /// What the indexing thread may buffer before it ends a segment by itself. At least 15 MB, tantivy's own bound.
    pub batch_bytes_max: usize,
    /// The bounds of merging.
    pub merge: MergeBounds,
    /// Read every byte of the index at open and compare checksums, about a second for each gigabyte and core.
    pub verify_at_open: bool,
    /// Told of every flush.
    pub on_flush: Option<OnFlush>,
}

impl WriterOptions {
    /// The defaults for such an index.
    pub fn new(schema: Schema, tokenizers: TokenizerManager) -> Self {
        Self {
            schema,
            tokenizers,
            flush_interval: Duration::from_secs(1),
            ram_bytes_max: 256 << 20,
            flush_wait_max: Duration::from_secs(1),
            spill_bytes: 4 << 20,
            batch_bytes_max: 64_000_000,
            merge: MergeBounds::default(),
            verify_at_open: true,
            on_flush: None,
        }
    }
}

/// How long the parts of a refresh took.
#[derive(Debug, Clone, Copy)]
pub struct RefreshReport {
    /// All of it.
    pub duration: Duration,
    /// Until the batch was committed in RAM; the rest opened it for searches.
    pub commit: Duration,
}

/// The one writer of an index.
pub struct Writer {
    path: PathBuf,
    storage: Arc<dyn Storage>,
    options: WriterOptions,
    flush_state: Arc<FlushState>,
    reader: Reader,
    current: Arc<ArcSwap<TieredDirectory>>,
    /// `None` only while going back to the durable state fails. Dropped before the lock.
    engine: Option<Engine>,
    /// The failure that the durable state was, or is to be, gone back for; told at the next call.
    failed: Option<String>,
    _lock: StorageLock,
}

/// What is opened again after a failure. The flusher ends first.
struct Engine {
    flusher: Flusher,
    writer: IndexWriter,
    directory: TieredDirectory,
}

impl Writer {
    /// Opens the index in that directory, or creates it.
    ///
    /// Verifies it, removes files that no commit names, and makes an empty index durable before it returns.
    ///
    /// # Errors
    /// Everything but [`EngineError::Restart`] and [`EngineError::RamTierFull`].
    pub fn open(path: &Path, options: WriterOptions) -> Result<Self, EngineError> {
        let storage =
            DiskStorage::open(path).map_err(|source| EngineError::Io { path: path.to_owned(), source })?;
        Self::open_storage(path.to_owned(), Arc::new(storage), options)
    }

    pub(super) fn open_storage(
        path: PathBuf,
        storage: Arc<dyn Storage>,
        options: WriterOptions,
    ) -> Result<Self, EngineError> {
        let lock = lock(&*storage, &path)?;
        let flush_state = Arc::new(FlushState::new(options.on_flush.clone()));
        let (engine, reader) = Engine::open(&path, &storage, &options, options.verify_at_open, &flush_state)?;
        let reader = Reader { current: Arc::new(ArcSwap::from_pointee(reader)), columns: Arc::default() };
        let current = Arc::new(ArcSwap::from_pointee(engine.directory.clone()));
        let engine = Some(engine);
        Ok(Self { path, storage, options, flush_state, reader, current, engine, failed: None, _lock: lock })
    }

    /// Puts the document in the place of every one that has the term. Visible after the next refresh.
    ///
    /// # Errors
    /// [`EngineError::Restart`].
    pub fn replace(&mut self, id: Term, document: TantivyDocument) -> Result<(), EngineError> {
        self.delete(id)?;
        let writer = &mut self.engine()?.writer;
        let Err(e) = writer.add_document(document) else { return Ok(()) };
        // The indexing thread is dead; it says why when it is joined.
        let cause = catch(|| writer.prepare_commit().map(drop)).err().unwrap_or_else(|| e.to_string());
        Err(self.restart(cause))
    }

    /// Deletes every document that has the term. Takes effect with the next refresh.
    ///
    /// # Errors
    /// [`EngineError::Restart`].
    pub fn delete(&mut self, id: Term) -> Result<(), EngineError> {
        self.engine()?.writer.delete_term(id);
        Ok(())
    }

    /// Makes everything since the last refresh visible to searches, in one step with the checkpoint it belongs to.
    ///
    /// # Errors
    /// [`EngineError::RamTierFull`] changes nothing; call again. [`EngineError::Restart`] tells where to go on
    /// reading. While the durable state cannot be read either, what [`Writer::open`] says; call again.
    pub fn refresh(&mut self, checkpoint: &Checkpoint) -> Result<RefreshReport, EngineError> {
        self.engine()?;
        self.wait_for_room()?;
        if self.flush_state.content_lost.load(Ordering::Acquire) {
            return Err(self.restart("the disk lost a file before it was durable".to_owned()));
        }
        fail::fail_point!("index-refresh");
        let started = Instant::now();
        let (reader, columns) = (self.reader.current.load_full(), Arc::clone(&self.reader.columns));
        let engine = self.engine()?;
        let committed = catch(|| {
            let mut commit = engine.writer.prepare_commit()?;
            commit.set_payload(&checkpoint.to_json());
            commit.commit()?;
            let commit = started.elapsed();
            reader.reload()?;
            columns.retain(&reader.searcher());
            Ok(RefreshReport { duration: started.elapsed(), commit })
        });
        fail::fail_point!("index-refreshed");
        committed.map_err(|cause| self.restart(cause))
    }

    /// Makes everything up to the last refresh durable and waits for it.
    ///
    /// # Errors
    /// [`EngineError::FlushFailed`].
    pub fn flush_now(&self) -> Result<(), EngineError> {
        let Some(engine) = &self.engine else {
            return Err(EngineError::FlushFailed { cause: "the index could not be opened again".to_owned() });
        };
        match engine.flusher.handle().flush().recv() {
            Ok(outcome) => outcome.map_err(|cause| EngineError::FlushFailed { cause }),
            Err(_) => Err(EngineError::FlushFailed { cause: "the flush thread has ended".to_owned() }),
        }
    }

    /// Makes everything up to the last refresh durable and closes the index. Merges under way are given up.
    ///
    /// # Errors
    /// [`EngineError::FlushFailed`]; the index is closed all the same, and what is not durable stays in the source.
    pub fn close(self) -> Result<(), EngineError> {
        self.flush_now()
    }

    /// Searches see what was last refreshed.
    pub fn reader(&self) -> Reader {
        self.reader.clone()
    }

    /// For metrics, readiness and the source.
    pub fn monitor(&self) -> Monitor {
        Monitor { current: Arc::clone(&self.current), flush_state: Arc::clone(&self.flush_state) }
    }

    /// Where to go on reading after [`Writer::open`].
    pub fn checkpoint(&self) -> Arc<Checkpoint> {
        Arc::clone(&self.flush_state.durable.load().checkpoint)
    }

    /// Merges all segments into as few as the bound on their size allows: after a backfill, or to get deleted text
    /// out of the files. Visible after the next refresh, durable after the next flush.
    ///
    /// # Errors
    /// [`EngineError::Restart`].
    pub fn merge_all(&mut self) -> Result<(), EngineError> {
        let documents_max = u64::from(self.options.merge.segment_documents_max);
        let engine = self.engine()?;
        let merged = catch(|| {
            // Ids only: as long as tantivy's own descriptions are held, it keeps the files.
            let metas = engine.writer.index().searchable_segment_metas()?;
            let mut segments: Vec<_> = metas.iter().map(|meta| (meta.num_docs(), meta.id())).collect();
            drop(metas);
            segments.sort_unstable_by_key(|segment| segment.0);
            let mut documents = 0;
            let mut group = Vec::new();
            for (num_documents, id) in segments {
                documents += u64::from(num_documents);
                if documents > documents_max && !group.is_empty() {
                    engine.writer.merge(&std::mem::take(&mut group)).wait()?;
                    documents = u64::from(num_documents);
                }
                group.push(id);
            }
            if !group.is_empty() {
                engine.writer.merge(&group).wait()?;
            }
            Ok(())
        });
        merged.map_err(|cause| self.restart(cause))
    }

    /// Back-pressure: what waits for the disk is bounded, and past the bound so is what is read from the source.
    fn wait_for_room(&mut self) -> Result<(), EngineError> {
        let ram_bytes_max = self.options.ram_bytes_max;
        let flush_wait_max = self.options.flush_wait_max;
        let engine = self.engine()?;
        let ram_bytes = engine.directory.stats().ram_bytes;
        if ram_bytes > ram_bytes_max {
            let deadline = Instant::now() + flush_wait_max;
            // However it ends, and whether it ends in time: what counts is the room.
            let flushed = engine.flusher.handle().flush().recv_deadline(deadline);
            if !matches!(flushed, Ok(Ok(()))) {
                // A disk that fails at once would otherwise be tried again, and complained about, without pause.
                std::thread::sleep(deadline.saturating_duration_since(Instant::now()));
            }
            let ram_bytes = engine.directory.stats().ram_bytes;
            if ram_bytes > ram_bytes_max {
                let cause = self.flush_state.cause_of_trouble();
                return Err(EngineError::RamTierFull { ram_bytes, ram_bytes_max, cause });
            }
        } else if ram_bytes > ram_bytes_max / 2 {
            engine.flusher.handle().nudge();
        }
        Ok(())
    }

    /// The open index; after a failure the one opened again, which the caller must be told of once.
    fn engine(&mut self) -> Result<&mut Engine, EngineError> {
        if let Some(cause) = self.failed.take() {
            return Err(self.restart(cause));
        }
        Ok(self.engine.as_mut().expect("there is an engine unless `failed` says why not"))
    }

    /// Goes back to the durable state. After a failed commit tantivy counts segments as committed that no `meta.json`
    /// names; the only state that is known for certain is the durable one.
    fn restart(&mut self, cause: String) -> EngineError {
        tracing::error!(cause, "writing the index failed; going back to its durable state");
        if let Some(Engine { flusher, writer, directory }) = self.engine.take() {
            drop(flusher);
            directory.close();
            drop(writer);
        }
        self.flush_state.content_lost.store(false, Ordering::Release);
        match Engine::open(&self.path, &self.storage, &self.options, true, &self.flush_state) {
            Ok((engine, reader)) => {
                self.reader.current.store(Arc::new(reader));
                self.current.store(Arc::new(engine.directory.clone()));
                self.engine = Some(engine);
                EngineError::Restart { checkpoint: self.checkpoint(), cause }
            }
            Err(e) => {
                self.failed = Some(cause);
                e
            }
        }
    }
}

impl Engine {
    fn open(
        path: &Path,
        storage: &Arc<dyn Storage>,
        options: &WriterOptions,
        verify: bool,
        flush_state: &Arc<FlushState>,
    ) -> Result<(Self, IndexReader), EngineError> {
        let directory = TieredDirectory::open(Arc::clone(storage), options.spill_bytes, verify)
            .map_err(|e| open_error(path, e))?;
        let (writer, reader) = catch(|| open_index(&directory, options)).map_err(|reason| {
            if reason.contains("schema does not match") {
                EngineError::SchemaChanged { path: path.to_owned() }
            } else {
                EngineError::Unusable { path: path.to_owned(), reason }
            }
        })?;
        // Makes a new index valid, and what was found durable for certain. An old one also opens while the disk is full.
        let flushed = directory.flush();
        if let Err(e) = flushed {
            if !directory.has_durable_commit() {
                return Err(EngineError::FlushFailed { cause: e.to_string() });
            }
            flush_state.note_trouble(&e.to_string());
        }
        flush_state.set_durable(durable_checkpoint(&directory));
        let flusher = Flusher::start(directory.clone(), Arc::clone(flush_state), options.flush_interval)
            .map_err(|source| EngineError::Io { path: path.to_owned(), source })?;
        Ok((Self { flusher, writer, directory }, reader))
    }
}

fn open_index(
    directory: &TieredDirectory,
    options: &WriterOptions,
) -> Result<(IndexWriter, IndexReader), TantivyError> {
    let settings = IndexSettings {
        // Segments are small and many: a thread for each costs more than it saves.
        docstore_compress_dedicated_thread: false,
        ..IndexSettings::default()
    };
    let index = Index::builder()
        .schema(options.schema.clone())
        .settings(settings)
        .tokenizers(options.tokenizers.clone())
        .open_or_create(directory.clone())?;
    // One indexing thread: each that saw a document makes a segment of its own at every commit.
    let writer = index.writer_with_options(
        IndexWriterOptions::builder()
            .num_worker_threads(1)
            .memory_budget_per_thread(options.batch_bytes_max)
            .num_merge_threads(options.merge.num_threads)
            .build(),
    )?;
    // tantivy 0.27 counts on from the commit's own number, so the first deletion would bear it, too. A merge that begins
    // before the next commit takes in deletions up to that number: this one from some segments, but not from those whose
    // deletions the commit has brought up to it, and then never again (one kill of 1,000 left a second copy of an
    // interaction). So nobody gets that number.
    writer.run([])?;
    writer.set_merge_policy(Box::new(BoundedMergePolicy {
        bounds: options.merge.clone(),
        disk_fails: Arc::clone(directory.disk_fails()),
    }));
    let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
    Ok((writer, reader))
}

/// What searches use; clones share it. It always shows the last refresh, also after a restart.
#[derive(Clone)]
pub struct Reader {
    current: Arc<ArcSwap<IndexReader>>,
    pub(super) columns: Arc<ColumnCache>,
}

impl Reader {
    /// The view of the last refresh; it does not change while it is held, but holds on to the RAM of its files.
    pub fn searcher(&self) -> Searcher {
        self.current.load().searcher()
    }
}

/// Watches an index; clones share it.
#[derive(Clone)]
pub struct Monitor {
    current: Arc<ArcSwap<TieredDirectory>>,
    flush_state: Arc<FlushState>,
}

/// Sizes and counts of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexStats {
    /// Only in RAM, not durable yet.
    pub ram_bytes: u64,
    /// All files, RAM and disk.
    pub index_bytes: u64,
    /// Segments of the last refresh.
    pub num_segments: usize,
    /// Documents of the last refresh.
    pub num_documents: u64,
    /// Merges finished since the index was opened.
    pub num_merges: u64,
}

impl Monitor {
    /// Sizes and counts.
    pub fn stats(&self) -> IndexStats {
        let stats = self.current.load().stats();
        IndexStats {
            ram_bytes: stats.ram_bytes,
            index_bytes: stats.index_bytes,
            num_segments: stats.num_segments,
            num_documents: stats.num_documents,
            num_merges: stats.num_merges,
        }
    }

    /// What is durable now.
    pub fn durable(&self) -> Arc<Durable> {
        self.flush_state.durable.load_full()
    }

    /// Why nothing becomes durable; `None` while all is well.
    pub fn trouble(&self) -> Option<FlushTrouble> {
        self.flush_state.trouble.lock().clone()
    }

    /// Reads every durable file and compares checksums, beside everything else that goes on.
    pub fn check(&self) -> Vec<Damage> {
        let directory = self.current.load_full();
        let (_, sums) = directory.durable();
        let mut damage = verify(&**directory.storage(), &sums);
        // Whatever a newer commit let go of meanwhile may be gone, and rightly so.
        let (_, sums) = directory.durable();
        damage.retain(|damage| sums.contains_key(&damage.file));
        damage
    }
}

/// What [`check`] found.
#[derive(Debug, Clone)]
pub struct CheckReport {
    /// Files verified, `meta.json` not counted.
    pub num_files: usize,
    /// Their bytes, as written.
    pub bytes: u64,
    /// Documents, as `meta.json` says.
    pub num_documents: u64,
    /// How far the source was read.
    pub checkpoint: Checkpoint,
    /// Every damaged file; empty when all is well.
    pub damage: Vec<Damage>,
}

/// Verifies an index that nobody has open, without changing it.
///
/// # Errors
/// [`EngineError::InUse`], [`EngineError::Io`]; a directory without an index is [`EngineError::MetaMissing`].
pub fn check(path: &Path) -> Result<CheckReport, EngineError> {
    let io_error = |source| EngineError::Io { path: path.to_owned(), source };
    if !path.is_dir() {
        return Err(io_error(std::io::ErrorKind::NotFound.into()));
    }
    let storage = DiskStorage::open(path).map_err(io_error)?;
    let _lock = lock(&storage, path)?;
    match read_durable(&storage) {
        Ok((sums, payload, num_documents)) => Ok(CheckReport {
            num_files: sums.len(),
            bytes: sums.values().map(|sum| sum.bytes).sum(),
            num_documents,
            checkpoint: checkpoint_of(payload.as_deref()),
            damage: verify(&storage, &sums),
        }),
        Err(OpenError::Damaged(damage)) => Ok(CheckReport {
            num_files: 0,
            bytes: 0,
            num_documents: 0,
            checkpoint: Checkpoint::default(),
            damage,
        }),
        Err(OpenError::Io(e)) if e.kind() == std::io::ErrorKind::NotFound => {
            Err(EngineError::MetaMissing { path: path.to_owned() })
        }
        Err(e) => Err(open_error(path, e)),
    }
}

pub(super) fn lock(storage: &dyn Storage, path: &Path) -> Result<StorageLock, EngineError> {
    storage.lock().map_err(|refused| match refused {
        LockRefused::Held(pid) => EngineError::InUse { path: path.to_owned(), pid },
        LockRefused::Io(source) => EngineError::Io { path: path.to_owned(), source },
    })
}

pub(super) fn open_error(path: &Path, error: OpenError) -> EngineError {
    let path = path.to_owned();
    match error {
        OpenError::MetaMissing => EngineError::MetaMissing { path },
        OpenError::Damaged(damage) => EngineError::Damaged { path, damage },
        OpenError::Io(source) => EngineError::Io { path, source },
    }
}

/// tantivy panics on some kinds of damage: a panic is a failure with a reason like any other.
pub(super) fn catch<T>(work: impl FnOnce() -> tantivy::Result<T>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(e)) => Err(e.to_string()),
        Err(panic) => Err(format!("panic: {}", panic_message(&*panic))),
    }
}
