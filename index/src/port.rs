//! The traits that an engine implements: [`Search`] for queries, [`Store`] for the thread that writes, with [`Lookup`] for what
//! ingest reads meanwhile, [`Maintain`] for the server. All calls block.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use hearken_model::{Document, InteractionId, Timestamp};

use crate::access::Access;
use crate::changes::{ChangePoint, ChangesSince};
use crate::checkpoint::Checkpoint;
use crate::overview::{Overview, OverviewRequest};
use crate::search::{Filter, SearchError, SearchRequest, SearchResponse, Selection, SortKey};

/// Answers questions about what was made searchable last.
pub trait Search: Send + Sync {
    /// The document of one interaction, `None` if it was never seen or may not be. A caller that may see everything gets a
    /// tombstone of what was erased; for others it is not there.
    ///
    /// # Errors
    /// [`SearchError::Engine`].
    fn get(&self, id: &InteractionId, access: &Access) -> Result<Option<Document>, SearchError>;

    /// Whether [`Search::get`] finds something.
    ///
    /// # Errors
    /// [`SearchError::Engine`].
    fn holds(&self, id: &InteractionId, access: &Access) -> Result<bool, SearchError>;

    /// Answers a search.
    ///
    /// # Errors
    /// Every [`SearchError`].
    fn search(&self, request: &SearchRequest) -> Result<SearchResponse, SearchError>;

    /// Numbers for charts.
    ///
    /// # Errors
    /// Every [`SearchError`] but [`SearchError::CursorExpired`].
    fn overview(&self, request: &OverviewRequest) -> Result<Overview, SearchError>;

    /// Several of them, all of one view, so that they can be compared.
    ///
    /// # Errors
    /// Every [`SearchError`] but [`SearchError::CursorExpired`].
    fn overviews(&self, requests: &[OverviewRequest]) -> Result<Vec<Overview>, SearchError>;

    /// Calls `visit` with every match in order, in one view, with memory that does not grow with the matches.
    ///
    /// # Errors
    /// Every [`SearchError`] but [`SearchError::DeadlineExceeded`]: `visit` says when to stop.
    fn for_each(
        &self,
        selection: &Selection,
        sort: &[SortKey],
        visit: &mut dyn FnMut(Document) -> ControlFlow<()>,
    ) -> Result<(), SearchError>;

    /// The point behind everything that searches see, for [`Search::changes_since`].
    fn changes_now(&self) -> ChangePoint;

    /// Interactions that were put and became visible after that point, at most `max`. These are ids of every
    /// organization: show only what a search under the caller's [`Access`] finds again.
    fn changes_since(&self, point: ChangePoint, max: usize) -> ChangesSince;
}

/// What ingest asks about what was made searchable last, on behalf of no caller.
pub trait Lookup: Send + Sync {
    /// See [`Search::get`]; but this sees also what any process has put and no search finds yet, where there are several.
    ///
    /// # Errors
    /// [`SearchError::Engine`].
    fn get(&self, id: &InteractionId, access: &Access) -> Result<Option<Document>, SearchError>;

    /// Interactions in progress whose newest event is not after `cutoff`, longest idle first, at most `limit`.
    ///
    /// # Errors
    /// [`SearchError::Engine`].
    fn idle_since(&self, cutoff: Timestamp, limit: usize) -> Result<Vec<InteractionId>, SearchError>;

    /// Interactions that a language model has still to be asked about and that have ended, or whose newest event is
    /// not after `rested_since`; the newest first, at most `limit`.
    ///
    /// # Errors
    /// [`SearchError::Engine`].
    fn llm_pending(&self, rested_since: Timestamp, limit: usize) -> Result<Vec<InteractionId>, SearchError>;

    /// What these filters find of which the newest event is not after `cutoff`, the oldest first, at most `limit`.
    ///
    /// # Errors
    /// [`SearchError::Invalid`] for filters on unknown fields, [`SearchError::Engine`].
    fn silent_since(
        &self,
        cutoff: Timestamp,
        filters: &BTreeMap<String, Filter>,
        limit: usize,
    ) -> Result<Vec<InteractionId>, SearchError>;

    /// How many interactions have not ended.
    ///
    /// # Errors
    /// [`SearchError::Engine`].
    fn count_in_progress(&self) -> Result<u64, SearchError>;
}

/// Takes documents in. One thread owns it.
///
/// | | searches find it | survives a crash |
/// |---|---|---|
/// | [`Store::put`], [`Store::remove`] | no | no |
/// | [`Store::refresh`] | yes | no: the source is read again from the durable checkpoint |
/// | a flush, periodically or by [`Store::flush`] | | yes, together with the checkpoint given to the refresh |
pub trait Store: Send {
    /// Replaces the document with the same id, which must have a smaller [`Document::revision`]: see
    /// [`Store::refresh`]. Visible after the next refresh.
    fn put(&mut self, document: Arc<Document>);

    /// Removes the document without a trace: another one of its id may be put later. The removal has a revision like what
    /// is put, and conflicts like it. Out of every answer after the next refresh, and out of the files after
    /// [`Maintain::clean_files`].
    fn remove(&mut self, id: InteractionId, revision: u64);

    /// Makes everything that was put visible to searches, in one step with the checkpoint it belongs to. What a tombstone
    /// replaces is out of every answer then: cursors into an older state have expired.
    ///
    /// Answers with the *conflicts*: interactions that were not written, because another process has put a newer document
    /// in place of the one that ours was made from. Everything else was; the checkpoint was not taken if there are any.
    /// The caller reads them again with [`Lookup::get`], joins, puts, and refreshes again. An engine with one writer has
    /// none.
    ///
    /// # Errors
    /// [`StoreError::Full`], [`StoreError::NotWritten`] and [`StoreError::Unreadable`]: call again. Whatever was put and not
    /// written is tried again then.
    fn refresh(&mut self, checkpoint: &Checkpoint) -> Result<Vec<InteractionId>, StoreError>;

    /// Makes everything up to the last refresh durable and waits for it.
    ///
    /// # Errors
    /// [`StoreError::FlushFailed`].
    fn flush(&self) -> Result<(), StoreError>;

    /// What is durable now: its checkpoint is where to resume reading the source after a start.
    fn durable(&self) -> Arc<Durable>;
}

/// Reports the state of an index.
pub trait Maintain: Send + Sync {
    /// Sizes and counts.
    fn stats(&self) -> IndexStats;

    /// What is durable now.
    fn durable(&self) -> Arc<Durable>;

    /// Returns when no file holds anything of an interaction that had been erased or removed, and refreshed, when this was
    /// called. Blocks for as long as rewriting takes and a search or an export holds on to what was there before.
    ///
    /// # Errors
    /// [`StoreError::FlushFailed`]: the disk fails, or an old state is in use for too long; [`StoreError::Unreadable`]. It
    /// is safe to call again.
    fn clean_files(&self) -> Result<(), StoreError>;

    /// Why nothing becomes durable; `None` while all is well.
    fn trouble(&self) -> Option<FlushTrouble>;
}

/// What is durable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Durable {
    /// The offsets before which the source need not be read again.
    pub checkpoint: Arc<Checkpoint>,
    /// Counts the times that something became durable since the process started.
    pub sequence: u64,
}

/// Trouble with the disk.
#[derive(Debug, Clone)]
pub struct FlushTrouble {
    /// What was being done at the last try, and what the disk said.
    pub cause: String,
    /// Since when nothing became durable.
    pub since: Instant,
    /// Failed attempts to flush.
    pub num_attempts: u64,
}

/// Sizes and counts of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexStats {
    /// Approximate memory of the documents that are not durable yet.
    pub live_bytes: u64,
    /// How many these are.
    pub num_live_documents: u64,
    /// All files.
    pub index_bytes: u64,
    /// Segments of the durable documents.
    pub num_segments: usize,
    /// Documents that searches see, tombstones included.
    pub num_documents: u64,
    /// How often parts were merged since the index was opened.
    pub num_merges: u64,
}

/// Why documents were not taken in, or did not become durable.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Too much waits for a flush, which is under way or fails. Nothing was changed: try the same call again later.
    #[error("{live_bytes} bytes wait in memory for a flush, more than {live_bytes_max}{}",
        cause.as_ref().map(|cause| format!("; the last flush failed: {cause}")).unwrap_or_default())]
    Full {
        /// In memory now.
        live_bytes: usize,
        /// The bound.
        live_bytes_max: usize,
        /// Why the last flush failed, if it did.
        cause: Option<String>,
    },
    /// A cluster has not taken everything: it is busy, cannot be reached, or refuses. What is left is kept: try the same
    /// call again later.
    #[error("{num_waiting} documents wait to be written: {cause}")]
    NotWritten {
        /// How many are left; none if only the refresh after the writes failed.
        num_waiting: usize,
        /// What the cluster said last.
        cause: String,
    },
    /// What the index holds could not be looked up. Nothing was changed.
    #[error("the index cannot be read: {cause}")]
    Unreadable {
        /// What the engine said.
        cause: String,
    },
    /// A flush failed; the durable state is what it was, and the next flush tries again.
    #[error("flush failed: {cause}")]
    FlushFailed {
        /// What was being done, and what the disk said.
        cause: String,
    },
}
