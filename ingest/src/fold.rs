//! The interactions that are being talked about right now: a bounded cache in front of the index.
//!
//! The stored document is the truth; an interaction that was dropped from the cache is read back from the index,
//! and the only thing lost is the analysers' memo, which is computed again.

use hearken_analysis::Memo;
use hearken_index::{IndexReader, SearchError};
use hearken_model::state::Address;
use hearken_model::{Document, Event, FoldOutcome, InteractionId, LimitExceeded, State, Timestamp};
use lru::LruCache;

use crate::derive::Deriver;

/// Most interactions that are kept between batches.
const OPEN_INTERACTIONS_MAX: usize = 50_000;
/// Most bytes of text that are kept between batches; structure comes on top, about as much again.
const OPEN_BYTES_MAX: usize = 64 * 1024 * 1024;

struct Open {
    document: Document,
    memo: Memo,
    is_dirty: bool,
    bytes: usize,
}

/// Why an event could not be folded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FoldError {
    /// The event is a dead letter.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
    /// The stored document could not be read.
    #[error("cannot read the interaction back from the index")]
    Index(#[from] SearchError),
}

/// The cache.
pub(crate) struct OpenInteractions {
    open: LruCache<InteractionId, Open>,
    dirty: Vec<InteractionId>,
    bytes: usize,
}

impl OpenInteractions {
    pub(crate) fn new() -> Self {
        OpenInteractions { open: LruCache::unbounded(), dirty: Vec::new(), bytes: 0 }
    }

    /// Folds one event into its interaction.
    pub(crate) fn fold(
        &mut self,
        event: Event,
        address: Option<Address>,
        reader: &IndexReader,
    ) -> Result<FoldOutcome, FoldError> {
        let id = event.interaction_id.clone();
        let open = self.load(&id, reader)?;
        let outcome = open.document.state.fold(event, address)?;
        if outcome == FoldOutcome::Applied {
            self.mark_dirty(id);
        }
        Ok(outcome)
    }

    /// Marks a stored interaction for deriving anew, for instance because time has passed. False if there is none.
    pub(crate) fn touch(&mut self, id: &InteractionId, reader: &IndexReader) -> Result<(), SearchError> {
        self.load(id, reader)?;
        self.mark_dirty(id.clone());
        Ok(())
    }

    fn load(&mut self, id: &InteractionId, reader: &IndexReader) -> Result<&mut Open, SearchError> {
        if !self.open.contains(id) {
            let stored = reader.get(id)?;
            let document = stored
                .unwrap_or_else(|| Document { state: State::new(id.clone()), derived: Default::default() });
            let bytes = document.state.bytes();
            self.bytes += bytes;
            self.open.put(id.clone(), Open { document, memo: Memo::default(), is_dirty: false, bytes });
        }
        Ok(self.open.get_mut(id).expect("it was put there just now if it was not there before"))
    }

    fn mark_dirty(&mut self, id: InteractionId) {
        if let Some(open) = self.open.get_mut(&id)
            && !open.is_dirty
        {
            open.is_dirty = true;
            self.dirty.push(id);
        }
    }

    /// Whether the batch should end here because of what it holds in memory.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes > 2 * OPEN_BYTES_MAX
    }

    /// Whether anything has changed since the last call of [`OpenInteractions::write_dirty`].
    pub(crate) fn is_clean(&self) -> bool {
        self.dirty.is_empty()
    }

    /// Derives every changed document and gives it to `put`; then forgets the least recently used ones.
    ///
    /// # Errors
    /// The first error of `put`; the cache must be cleared then, since the index has lost what it was given.
    pub(crate) fn write_dirty<E>(
        &mut self,
        deriver: &mut Deriver,
        now: Option<Timestamp>,
        mut put: impl FnMut(&Document) -> Result<(), E>,
    ) -> Result<(), E> {
        for id in std::mem::take(&mut self.dirty) {
            let Some(open) = self.open.peek_mut(&id) else { continue };
            open.is_dirty = false;
            let state = &open.document.state;
            if state.erased {
                open.document = Document::tombstone(id);
                open.memo = Memo::default();
            } else {
                open.document.derived = deriver.derive(state, &mut open.memo, now);
            }
            self.bytes -= open.bytes;
            open.bytes = open.document.state.bytes();
            self.bytes += open.bytes;
            put(&open.document)?;
        }
        while self.open.len() > OPEN_INTERACTIONS_MAX || self.bytes > OPEN_BYTES_MAX {
            let Some((_, open)) = self.open.pop_lru() else { break };
            self.bytes -= open.bytes;
        }
        Ok(())
    }

    /// Forgets everything, after the index went back to its durable state.
    pub(crate) fn clear(&mut self) {
        *self = OpenInteractions::new();
    }
}
