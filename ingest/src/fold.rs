//! The interactions that are being talked about right now: a bounded cache in front of the index.
//!
//! The stored document is the truth; an interaction that was dropped from the cache is read back from the index,
//! and the only thing lost is the analysers' memo, which is computed again.
//!
//! A document is written whole, so one that grows by a message fifty times a second costs with the square of its length.
//! Those over [`LARGE_BYTES`] are written once a second at the most, all together; until then they are *deferred*.

use std::time::{Duration, Instant};

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

/// Interactions with more text are written less often: about a thousand messages.
const LARGE_BYTES: usize = 256 * 1024;
/// How often large interactions are written, at the most.
const LARGE_INTERVAL: Duration = Duration::from_secs(1);

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
    /// Changed since the last write.
    dirty: Vec<InteractionId>,
    /// Changed, large, and left out of the last write.
    deferred: Vec<InteractionId>,
    large_written: Option<Instant>,
    bytes: usize,
}

/// What folding an event did.
pub(crate) struct Folded {
    pub(crate) outcome: FoldOutcome,
    /// The interaction may be deferred by the next write.
    pub(crate) is_large: bool,
}

impl OpenInteractions {
    pub(crate) fn new() -> Self {
        OpenInteractions {
            open: LruCache::unbounded(),
            dirty: Vec::new(),
            deferred: Vec::new(),
            large_written: None,
            bytes: 0,
        }
    }

    /// Folds one event into its interaction.
    pub(crate) fn fold(
        &mut self,
        event: Event,
        address: Option<Address>,
        reader: &IndexReader,
    ) -> Result<Folded, FoldError> {
        let id = event.interaction_id.clone();
        let open = self.load(&id, reader)?;
        let outcome = open.document.state.fold(event, address)?;
        let is_large = open.bytes > LARGE_BYTES;
        if outcome == FoldOutcome::Applied {
            self.mark_dirty(id);
        }
        Ok(Folded { outcome, is_large })
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

    /// Whether there is nothing that a write at this moment would write.
    pub(crate) fn is_clean(&self, at: Instant) -> bool {
        self.dirty.is_empty() && (self.deferred.is_empty() || !self.is_large_due(at))
    }

    /// Whether the last write left anything out: what was folded is then not all in the index.
    pub(crate) fn has_deferred(&self) -> bool {
        !self.deferred.is_empty()
    }

    fn is_large_due(&self, at: Instant) -> bool {
        // Only what is written can be forgotten.
        self.bytes > OPEN_BYTES_MAX
            || self.large_written.is_none_or(|last| at.saturating_duration_since(last) >= LARGE_INTERVAL)
    }

    /// Derives the changed documents, but for large ones that are not due at `at`, and gives them to `put`; then forgets
    /// the least recently used ones.
    ///
    /// # Errors
    /// The first error of `put`; the cache must be cleared then, since the index has lost what it was given.
    pub(crate) fn write_dirty<E>(
        &mut self,
        deriver: &mut Deriver,
        at: Instant,
        now: Option<Timestamp>,
        mut put: impl FnMut(&Document) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut ids = std::mem::take(&mut self.dirty);
        let is_large_due = self.is_large_due(at);
        if is_large_due {
            ids.append(&mut self.deferred);
        }
        for id in ids {
            let Some(open) = self.open.peek_mut(&id) else { continue };
            self.bytes -= open.bytes;
            open.bytes = open.document.state.bytes();
            self.bytes += open.bytes;
            if open.bytes > LARGE_BYTES {
                if !is_large_due {
                    self.deferred.push(id);
                    continue;
                }
                self.large_written = Some(at);
            }
            open.is_dirty = false;
            let state = &open.document.state;
            if state.erased {
                open.document = Document::tombstone(id);
                open.memo = Memo::default();
            } else {
                open.document.derived = deriver.derive(state, &mut open.memo, now);
            }
            put(&open.document)?;
        }
        while self.deferred.is_empty()
            && (self.open.len() > OPEN_INTERACTIONS_MAX || self.bytes > OPEN_BYTES_MAX)
        {
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::convert::Infallible;

    use hearken_analysis::Analyzer;
    use hearken_billing::{Billing, BillingSettings};
    use hearken_index::Index;

    use super::*;
    use crate::decode::decode;
    use crate::metrics::IngestMetrics;
    use crate::record::RawRecord;

    struct World {
        open: OpenInteractions,
        deriver: Deriver,
        reader: IndexReader,
        num_said: usize,
        started: Instant,
        _folder: tempfile::TempDir,
    }

    impl World {
        fn new() -> World {
            let folder = tempfile::tempdir().unwrap();
            let (_writer, reader) = Index::open(&folder.path().join("index"), |_| {}).unwrap();
            let billing = Billing::new(BillingSettings::default(), Vec::new());
            let idle = Duration::from_secs(1_000_000_000);
            let deriver = Deriver::new(Analyzer::built_in(), billing, idle, IngestMetrics::for_test());
            let open = OpenInteractions::new();
            World { open, deriver, reader, num_said: 0, started: Instant::now(), _folder: folder }
        }

        fn say(&mut self, interaction: &str, text: &str) {
            self.num_said += 1;
            let event = serde_json::json!({"event": "interaction.message", "interaction_id": interaction,
                "message_id": format!("m-{}", self.num_said), "role": "user", "message": text});
            let record = RawRecord {
                topic: "interactions".into(),
                partition: 0,
                offset: 0,
                key: None,
                value: Some(event.to_string().into_bytes()),
                timestamp: None,
                headers: Vec::new(),
            };
            let event = decode(&record, Timestamp::from_nanos(1)).unwrap();
            self.open.fold(event, None, &self.reader).unwrap();
        }

        /// What a write so many milliseconds after the beginning puts: ids and their numbers of messages.
        fn write(&mut self, after_ms: u64) -> Vec<(String, usize)> {
            let at = self.started + Duration::from_millis(after_ms);
            let mut put = Vec::new();
            let written = self.open.write_dirty::<Infallible>(&mut self.deriver, at, None, |document| {
                put.push((document.id().to_string(), document.state.messages.len()));
                Ok(())
            });
            written.unwrap();
            put
        }
    }

    #[test]
    fn a_large_interaction_is_written_once_a_second_and_holds_nobody_up() {
        let mut world = World::new();
        world.say("large", &"word ".repeat(LARGE_BYTES / 4));
        assert_eq!(world.write(0), [("large".to_owned(), 1)], "nothing was written before");
        for (after_ms, number) in [(20, 2), (40, 3), (999, 4)] {
            world.say("large", "and another thing");
            world.say("small", "hello");
            assert_eq!(world.write(after_ms), [("small".to_owned(), number - 1)]);
            assert!(world.open.has_deferred() && world.open.is_clean(world.started));
        }
        let due = world.started + LARGE_INTERVAL;
        assert!(!world.open.is_clean(due), "it is due without another event");
        assert_eq!(world.write(1_000), [("large".to_owned(), 4)], "with all that was said meanwhile");
        assert!(!world.open.has_deferred());
    }
}
