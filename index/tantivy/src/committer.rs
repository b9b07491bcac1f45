//! Writing tantivy: documents and a checkpoint become one durable commit, or nothing happened.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use hearken_index::checkpoint::Checkpoint;
use tantivy::directory::error::OpenReadError;
use tantivy::index::SegmentId;
use tantivy::indexer::IndexWriterOptions;
use tantivy::schema::Schema;
use tantivy::tokenizer::TokenizerManager;
use tantivy::{Index, IndexReader, IndexSettings, IndexWriter, ReloadPolicy, Searcher, TantivyError};

use super::directory::{DurableDirectory, LockRefused, OpenError, Storage, StorageLock};
use super::document::Replacement;
use super::error::EngineError;
use super::merge::BoundedMergePolicy;
use super::options::WriterOptions;
use super::panic_message;

/// An open tantivy index. After a failure it must be opened again, because tantivy then counts segments as committed that
/// no `meta.json` names.
pub(super) struct Committer {
    pub(super) directory: DurableDirectory,
    writer: IndexWriter,
    reader: IndexReader,
    segment_documents_max: u32,
}

impl Committer {
    /// Opens the index on that storage, or creates it. With `verify`, every byte is compared with its checksum.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub(super) fn open(
        path: &Path,
        storage: &Arc<dyn Storage>,
        (schema, tokenizers): (&Schema, &TokenizerManager),
        options: &WriterOptions,
        verify: bool,
    ) -> Result<Self, EngineError> {
        let directory =
            DurableDirectory::open(Arc::clone(storage), verify).map_err(|error| open_error(path, error))?;
        // An index also opens while the disk takes nothing; the next commit settles what is found.
        if let Err(error) = directory.settle() {
            tracing::warn!(%error, "cannot sync the commit that was found; the next commit tries again");
        }
        let opened = catch(|| {
            let index = Index::builder()
                .schema(schema.clone())
                // A thread for each segment's documents costs more than it saves.
                .settings(IndexSettings {
                    docstore_compress_dedicated_thread: false,
                    ..IndexSettings::default()
                })
                .tokenizers(tokenizers.clone())
                .open_or_create(directory.clone())?;
            // One indexing thread: each that saw a document makes a segment of its own at every commit.
            let writer = index.writer_with_options(
                IndexWriterOptions::builder()
                    .num_worker_threads(1)
                    .memory_budget_per_thread(options.batch_bytes_max)
                    .num_merge_threads(options.merge.num_threads)
                    .build(),
            )?;
            // tantivy 0.27 counts on from the commit's own number, so the first deletion would have it, too. A merge that
            // begins before the next commit takes in deletions up to that number: this one from some segments, but not
            // from those whose deletions the commit has brought up to it, and then never again (one kill of 1,000 left a
            // second copy of an interaction). So nobody gets that number.
            writer.run([])?;
            writer.set_merge_policy(Box::new(BoundedMergePolicy {
                bounds: options.merge.clone(),
                disk_fails: Arc::clone(directory.disk_fails()),
            }));
            let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
            Ok((writer, reader))
        });
        let (writer, reader) = opened.map_err(|failure| failure.at_open(path))?;
        let segment_documents_max = options.merge.segment_documents_max;
        Ok(Committer { directory, writer, reader, segment_documents_max })
    }

    /// Replaces the documents that have the given terms, with others or with nothing. Takes effect with the next commit.
    pub(super) fn replace(
        &mut self,
        replacements: impl IntoIterator<Item = Replacement>,
    ) -> Result<(), CommitFailure> {
        catch(|| {
            for Replacement { terms, document } in replacements {
                for term in terms {
                    self.writer.delete_term(term);
                }
                let Some(document) = document else { continue };
                if let Err(error) = self.writer.add_document(document) {
                    // The indexing thread is dead; it says why when it is joined.
                    self.writer.prepare_commit()?;
                    return Err(error);
                }
            }
            Ok(())
        })
    }

    /// Makes what was replaced durable, with the checkpoint that it belongs to.
    pub(super) fn commit(&mut self, checkpoint: &Checkpoint) -> Result<(), CommitFailure> {
        catch(|| {
            let mut commit = self.writer.prepare_commit()?;
            commit.set_payload(&checkpoint.to_json());
            commit.commit()?;
            Ok(())
        })
    }

    /// What searches may see from now on: the last commit, and merges that have ended since.
    pub(super) fn reload(&self) -> Result<Searcher, CommitFailure> {
        catch(|| {
            self.reader.reload()?;
            Ok(self.reader.searcher())
        })
    }

    /// Merges all segments into as few as the bound on their size allows.
    pub(super) fn merge_all(&mut self) -> Result<(), CommitFailure> {
        let documents_max = u64::from(self.segment_documents_max);
        catch(|| {
            // Ids only: as long as tantivy's own descriptions are held, it keeps the files.
            let metas = self.writer.index().searchable_segment_metas()?;
            let mut segments: Vec<_> = metas.iter().map(|meta| (meta.num_docs(), meta.id())).collect();
            drop(metas);
            segments.sort_unstable_by_key(|segment| segment.0);
            let mut documents = 0;
            let mut group = Vec::new();
            for (num_documents, id) in segments {
                documents += u64::from(num_documents);
                if documents > documents_max && !group.is_empty() {
                    self.writer.merge(&std::mem::take(&mut group)).wait()?;
                    documents = u64::from(num_documents);
                }
                group.push(id);
            }
            if !group.is_empty() {
                self.writer.merge(&group).wait()?;
            }
            Ok(())
        })
    }

    /// Rewrites a segment without its deleted documents, if it still exists and no merge is working on it.
    pub(super) fn rewrite(&mut self, segment: SegmentId) -> Result<(), CommitFailure> {
        catch(|| {
            let segments = self.writer.index().searchable_segment_ids()?;
            if segments.contains(&segment)
                && let Err(error) = self.writer.merge(&[segment]).wait()
            {
                // Usually another merge has it; the caller tries again.
                tracing::debug!(%error, "a segment was not rewritten");
            }
            Ok(())
        })
    }

    /// Unlinks the files that neither a commit nor a view needs.
    pub(super) fn collect_garbage(&self) -> Result<(), CommitFailure> {
        catch(|| self.writer.garbage_collect_files().wait().map(|_| ()))
    }

    /// Closes the index: threads of tantivy that still run can no longer write.
    pub(super) fn close(self) {
        self.directory.close();
    }
}

/// Why tantivy could not do something.
#[derive(Debug)]
pub(super) enum CommitFailure {
    /// It said so.
    Error(TantivyError),
    /// It panicked, as it does on some kinds of damage.
    Panic(String),
}

impl std::fmt::Display for CommitFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            CommitFailure::Error(error) => error.fmt(f),
            CommitFailure::Panic(message) => write!(f, "panic: {message}"),
        }
    }
}

impl CommitFailure {
    fn at_open(self, path: &Path) -> EngineError {
        let path = path.to_owned();
        match self {
            CommitFailure::Error(
                TantivyError::SchemaError(_)
                | TantivyError::OpenReadError(OpenReadError::IncompatibleIndex(_)),
            ) => EngineError::SchemaChanged { path },
            failure => EngineError::Unusable { path, reason: failure.to_string() },
        }
    }
}

/// Runs tantivy's code; a panic is a failure like any other.
pub(super) fn catch<T>(work: impl FnOnce() -> tantivy::Result<T>) -> Result<T, CommitFailure> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(CommitFailure::Error(error)),
        Err(panic) => Err(CommitFailure::Panic(panic_message(&*panic).to_owned())),
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
