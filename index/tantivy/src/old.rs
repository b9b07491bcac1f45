//! An index of this or an earlier version, opened only to read what it stores and write it to a new one.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use hearken_model::Document;
use tantivy::{DocAddress, ReloadPolicy, Searcher};

use super::collect::engine;
use super::committer::{catch, lock, open_error};
use super::directory::{DiskStorage, DurableDirectory, Storage, StorageLock};
use super::error::EngineError;
use super::flusher::durable_checkpoint;
use super::stored;

use hearken_index::checkpoint::Checkpoint;
use hearken_index::search::SearchError;

/// The stored documents of an index, whatever its other fields. Nobody else can use the index meanwhile.
pub struct OldIndex {
    searcher: Searcher,
    checkpoint: Checkpoint,
    _lock: StorageLock,
}

impl OldIndex {
    /// Opens the index in that directory and verifies it.
    ///
    /// # Errors
    /// There is none, it is damaged, or another process uses it.
    pub fn open(path: &Path) -> Result<Self, EngineError> {
        let unusable = |source| EngineError::Io { path: path.to_owned(), source };
        if !path.is_dir() {
            return Err(unusable(std::io::ErrorKind::NotFound.into())); // to open storage would create it
        }
        let storage: Arc<dyn Storage> = Arc::new(DiskStorage::open(path).map_err(unusable)?);
        let lock = lock(&*storage, path)?;
        let directory = DurableDirectory::open(storage, true).map_err(|error| open_error(path, error))?;
        let searcher = catch(|| {
            let index = tantivy::Index::open(directory.clone())?;
            let reader: tantivy::IndexReader =
                index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
            Ok(reader.searcher())
        });
        let searcher = searcher.map_err(|failure| EngineError::Unusable {
            path: path.to_owned(),
            reason: failure.to_string(),
        })?;
        Ok(OldIndex { searcher, checkpoint: durable_checkpoint(&directory), _lock: lock })
    }

    /// How far the index had read.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Interactions and tombstones.
    pub fn num_documents(&self) -> u64 {
        self.searcher.num_docs()
    }

    /// Calls `visit` with every stored document, tombstones of erased interactions included, in no order.
    ///
    /// # Errors
    /// [`SearchError::Engine`].
    pub fn for_each(&self, mut visit: impl FnMut(Document) -> ControlFlow<()>) -> Result<(), SearchError> {
        for (segment_ord, segment) in (0_u32..).zip(self.searcher.segment_readers()) {
            for doc_id in segment.doc_ids_alive() {
                let address = DocAddress::new(segment_ord, doc_id);
                let document = stored::stored_document(&self.searcher, address).map_err(engine)?;
                if visit(document).is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}
