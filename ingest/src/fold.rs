//! The open interactions: a bounded cache in front of the index.
//!
//! The stored document is the truth; an interaction dropped from the cache is read back from the index, and the only
//! loss is the analysers' memo, which is recomputed.
//!
//! A document is always written whole, so one that grows by a message fifty times a second costs the square of its
//! length. Those over [`LARGE_BYTES`] are written together, and not before a time that grows with what was written: at
//! most [`LARGE_BYTES_PER_SECOND`]. Until then they are *deferred*.

mod log;
#[cfg(test)]
mod writers;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hearken_analysis::Memo;
use hearken_index::{Access, Lookup, SearchError};
use hearken_model::state::{Address, INTERACTION_BYTES_MAX};
use hearken_model::{
    Document, Event, FoldOutcome, InteractionId, LimitExceeded, MessageUpdate, State, Timestamp, Versioned,
};
use lru::LruCache;

use crate::derive::Deriver;

/// What is kept between batches; a batch ends once it has loaded as many bytes again.
#[derive(Debug, Clone, Copy)]
struct CacheLimits {
    interactions_max: usize,
    /// See [`memory_bytes`].
    bytes_max: usize,
}

const LIMITS: CacheLimits = CacheLimits { interactions_max: 50_000, bytes_max: 96 * 1024 * 1024 };
/// Memory of an interaction in addition to its text and messages: state and derived values with their strings, the
/// analysis memo, entries in maps.
const STRUCTURE_BYTES: usize = 4_000;
/// Memory of a message in addition to its text: one and a half times its struct, because maps are rarely full, plus its
/// strings and the analysis memo.
const MESSAGE_BYTES: usize = size_of::<Versioned<MessageUpdate>>() * 3 / 2 + 300;

/// Interactions with more text than this, about a thousand messages, are written less often.
const LARGE_BYTES: usize = 256 * 1024;
/// How much of them is written per second; the largest one, [`INTERACTION_BYTES_MAX`], once a second.
const LARGE_BYTES_PER_SECOND: usize = INTERACTION_BYTES_MAX;
/// The longest they wait, however many there are.
const LARGE_INTERVAL_MAX: Duration = Duration::from_secs(1);

struct Open {
    document: Arc<Document>,
    memo: Memo,
    is_dirty: bool,
    /// See [`memory_bytes`].
    bytes: usize,
}

/// Approximate memory of an open interaction.
fn memory_bytes(state: &State) -> usize {
    STRUCTURE_BYTES + MESSAGE_BYTES * state.messages.len() + state.bytes()
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

/// The cache of open interactions.
pub(crate) struct OpenInteractions {
    open: LruCache<InteractionId, Open>,
    /// Changed since the last write.
    dirty: Vec<InteractionId>,
    /// Changed, large, and left out of the last write.
    deferred: Vec<InteractionId>,
    /// Logs that mentioned interactions that were too old while the backlog was being read.
    unjudged_logs: BTreeSet<InteractionId>,
    /// When large interactions may be written again.
    large_due: Option<Instant>,
    bytes: usize,
    limits: CacheLimits,
}

/// See [`OpenInteractions::may_fold`].
pub(crate) fn is_permitted(state: &State, organization: &str, event: &Event) -> bool {
    let is_theirs = state.organization.as_ref().is_some_and(|known| known.value == organization);
    let is_new = *state == State::new(event.interaction_id.clone());
    let names_another = event.started.organization.as_ref().is_some_and(|named| named != organization);
    !names_another && (is_theirs || state.erased || (is_new && !event.erase))
}

/// The result of folding an event.
pub(crate) struct FoldResult {
    pub(crate) outcome: FoldOutcome,
    /// Whether the next write may defer the interaction.
    pub(crate) is_large: bool,
}

impl OpenInteractions {
    pub(crate) fn new() -> Self {
        Self::with_limits(LIMITS)
    }

    fn with_limits(limits: CacheLimits) -> Self {
        OpenInteractions {
            open: LruCache::unbounded(),
            dirty: Vec::new(),
            deferred: Vec::new(),
            unjudged_logs: BTreeSet::new(),
            large_due: None,
            bytes: 0,
            limits,
        }
    }

    /// Folds one event into its interaction.
    pub(crate) fn fold(
        &mut self,
        event: Event,
        address: Option<Address>,
        reader: &dyn Lookup,
    ) -> Result<FoldResult, FoldError> {
        let id = event.interaction_id.clone();
        let (event, address) = log::entry(event, address);
        let is_erasure = event.erase;
        let open = self.load(&id, reader)?;
        let state = &mut Arc::make_mut(&mut open.document).state;
        let log = state.projected.as_ref().filter(|_| is_erasure).map(|projected| projected.log.clone());
        let outcome = state.fold(event, address)?;
        let is_large = state.bytes() > LARGE_BYTES;
        if let Some(log) = log {
            self.touch(&log, reader)?; // its text must leave the log, too
        }
        if outcome == FoldOutcome::Applied {
            self.mark_dirty(id);
        }
        Ok(FoldResult { outcome, is_large })
    }

    /// Folds the events of one record, each with its address: all of them, or none if one exceeds a limit.
    pub(crate) fn fold_all(
        &mut self,
        events: Vec<(Event, Option<Address>)>,
        reader: &dyn Lookup,
    ) -> Result<FoldResult, FoldError> {
        if events.len() > 1 {
            let mut tried: HashMap<&InteractionId, State> = HashMap::new();
            for (event, address) in &events {
                let id = &event.interaction_id;
                if !tried.contains_key(id) {
                    tried.insert(id, self.load(id, reader)?.document.state.clone());
                }
                if let Some(state) = tried.get_mut(id) {
                    state.fold(event.clone(), address.clone())?;
                }
            }
        }
        let mut all = FoldResult { outcome: FoldOutcome::Duplicate, is_large: false };
        for (event, address) in events {
            let FoldResult { outcome, is_large } = self.fold(event, address, reader)?;
            all.is_large |= is_large;
            if all.outcome != FoldOutcome::Applied && outcome != FoldOutcome::Duplicate {
                all.outcome = outcome;
            }
        }
        Ok(all)
    }

    /// Whether a sender for that organization may send this: the event must be about one of their interactions or an
    /// unknown one; they can erase only their own.
    pub(crate) fn may_fold(
        &mut self,
        organization: &str,
        event: &Event,
        reader: &dyn Lookup,
    ) -> Result<bool, SearchError> {
        let state = &self.load(&event.interaction_id, reader)?.document.state;
        Ok(is_permitted(state, organization, event))
    }

    /// The current document of an interaction, including what has not been written yet.
    pub(crate) fn document(
        &mut self,
        id: &InteractionId,
        reader: &dyn Lookup,
    ) -> Result<&Document, SearchError> {
        Ok(&self.load(id, reader)?.document)
    }

    /// Joins in what another process has stored since the document behind an interaction of the last write. The
    /// interaction is written again if that leaves anything to write.
    pub(crate) fn rejoin(&mut self, id: &InteractionId, reader: &dyn Lookup) -> Result<(), SearchError> {
        // If it was removed and forgotten, the next retention pass finds it again.
        let Some(open) = self.open.get_mut(id) else { return Ok(()) };
        let theirs = reader.get(id, &Access::All)?.unwrap_or_else(|| Document::new(State::new(id.clone())));
        let mut state = open.document.state.clone();
        let log = state.join_copy(theirs.state.clone());
        if state == theirs.state {
            open.document = Arc::new(theirs); // we know nothing that they do not
            self.bytes -= open.bytes;
            open.bytes = memory_bytes(&open.document.state);
            self.bytes += open.bytes;
        } else {
            let document = Arc::make_mut(&mut open.document);
            (document.state, document.revision) = (state, theirs.revision);
            self.mark_dirty(id.clone());
        }
        match log {
            // It may have grown there, too.
            Some(log) => {
                self.rejoin(&log, reader)?;
                self.touch(&log, reader)
            }
            None => Ok(()),
        }
    }

    /// Drops an interaction from the cache; the next event reads it back from the index.
    pub(crate) fn forget(&mut self, id: &InteractionId) {
        self.bytes -= self.open.pop(id).map_or(0, |open| open.bytes);
    }

    /// Marks a stored interaction to be derived again, for instance because time has passed. False if it does not
    /// exist.
    pub(crate) fn touch(&mut self, id: &InteractionId, reader: &dyn Lookup) -> Result<(), SearchError> {
        self.load(id, reader)?;
        self.mark_dirty(id.clone());
        Ok(())
    }

    fn load(&mut self, id: &InteractionId, reader: &dyn Lookup) -> Result<&mut Open, SearchError> {
        if !self.open.contains(id) {
            let stored = reader.get(id, &Access::All)?;
            let document = stored.unwrap_or_else(|| Document::new(State::new(id.clone())));
            let bytes = memory_bytes(&document.state);
            let document = Arc::new(document);
            self.bytes += bytes;
            self.open.put(id.clone(), Open { document, memo: Memo::default(), is_dirty: false, bytes });
        }
        Ok(self.open.get_mut(id).expect("it was inserted just now if it was missing"))
    }

    fn mark_dirty(&mut self, id: InteractionId) {
        if let Some(open) = self.open.get_mut(&id)
            && !open.is_dirty
        {
            open.is_dirty = true;
            self.dirty.push(id);
        }
    }

    /// Whether the batch should end here because of its memory.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes > 2 * self.limits.bytes_max
    }

    /// Whether a write at this moment would write nothing.
    pub(crate) fn is_clean(&self, at: Instant) -> bool {
        self.dirty.is_empty() && (self.deferred.is_empty() || !self.is_large_due(at))
    }

    /// Whether the last write left anything out, so that not everything folded is in the index.
    pub(crate) fn has_deferred(&self) -> bool {
        !self.deferred.is_empty()
    }

    /// Makes the next write leave nothing out.
    pub(crate) fn hurry(&mut self) {
        self.large_due = None;
    }

    fn is_large_due(&self, at: Instant) -> bool {
        // Only what has been written can be forgotten.
        self.bytes > self.limits.bytes_max || self.large_due.is_none_or(|due| at >= due)
    }

    /// Derives the changed documents, except large ones that are not due at `at`, and passes them to `put`.
    pub(crate) fn write_dirty(
        &mut self,
        deriver: &mut Deriver,
        at: Instant,
        now: Option<Timestamp>,
        mut put: impl FnMut(Arc<Document>),
    ) {
        let mut ids = std::mem::take(&mut self.dirty);
        let is_large_due = self.is_large_due(at);
        if is_large_due {
            ids.append(&mut self.deferred);
        }
        let mut large_bytes = 0;
        for id in ids {
            let Some(open) = self.open.peek_mut(&id) else { continue };
            self.bytes -= open.bytes;
            open.bytes = memory_bytes(&open.document.state);
            self.bytes += open.bytes;
            let text_bytes = open.document.state.bytes();
            if text_bytes > LARGE_BYTES {
                if !is_large_due {
                    self.deferred.push(id);
                    continue;
                }
                large_bytes += text_bytes;
            }
            open.is_dirty = false;
            let document = Arc::make_mut(&mut open.document);
            if document.state.erased {
                *document = Document { revision: document.revision, ..Document::tombstone(id) };
                open.memo = Memo::default();
            } else if document.state.is_hidden() {
                document.derive_nothing();
            } else {
                document.derived = deriver.derive(&document.state, &mut open.memo, now);
            }
            document.revision += 1;
            put(Arc::clone(&open.document));
        }
        if large_bytes > 0 {
            let pause = Duration::from_secs_f64(large_bytes as f64 / LARGE_BYTES_PER_SECOND as f64);
            self.large_due = Some(at + pause.min(LARGE_INTERVAL_MAX));
        }
    }

    /// Forgets the least recently used interactions until the limits hold. Everything put has been written by now.
    pub(crate) fn shrink(&mut self) {
        let CacheLimits { interactions_max, bytes_max } = self.limits;
        while self.deferred.is_empty() && (self.open.len() > interactions_max || self.bytes > bytes_max) {
            let Some((_, open)) = self.open.pop_lru() else { break };
            self.bytes -= open.bytes;
        }
    }

    /// Forgets everything, after the index went back to its durable state.
    pub(crate) fn clear(&mut self) {
        let unjudged_logs = std::mem::take(&mut self.unjudged_logs);
        *self = OpenInteractions { unjudged_logs, ..Self::with_limits(self.limits) };
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use hearken_analysis::Analyzer;
    use hearken_billing::{Billing, BillingSettings};
    use hearken_index_tantivy::{Index, IndexReader, IndexWriter};
    use hearken_model::{MessageTime, MessageUpdate, Role};

    use super::*;
    use crate::metrics::IngestMetrics;

    const TEXT_BYTES: usize = 1_000;

    fn event(interaction: &str, message: usize, text: String) -> Event {
        let time = Timestamp::from_millis(1_700_000_000_000 + message as i64);
        let mut event = Event::new(InteractionId::try_new(interaction).unwrap(), time, time);
        let update = MessageUpdate::new(MessageTime::At(time), Role::User, text);
        event.messages.push((format!("m-{message}"), update));
        event
    }

    fn index(folder: &tempfile::TempDir) -> (IndexWriter, IndexReader) {
        Index::open(&folder.path().join("index"), |_| {}).unwrap()
    }

    fn deriver() -> Deriver {
        let billing = Billing::new(BillingSettings::default());
        Deriver::new(Analyzer::built_in(), billing, Duration::from_secs(60), IngestMetrics::for_test())
    }

    #[test]
    fn interactions_that_are_too_many_or_too_large_are_forgotten_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let (mut writer, reader) = index(&folder);
        let mut deriver = deriver();
        let mut write = |open: &mut OpenInteractions| {
            open.write_dirty(&mut deriver, Instant::now(), None, |document| writer.put(document));
            writer.refresh(&Default::default()).unwrap();
            open.shrink();
        };
        let by_number = CacheLimits { interactions_max: 3, bytes_max: usize::MAX / 4 };
        let by_bytes = CacheLimits { interactions_max: usize::MAX, bytes_max: 5 * TEXT_BYTES };
        for (limits, messages) in [(by_number, 0..5), (by_bytes, 5..10)] {
            let mut open = OpenInteractions::with_limits(limits);
            for message in messages {
                for interaction in 0..10 {
                    let event = event(&format!("i-{interaction}"), message, "x".repeat(TEXT_BYTES));
                    open.fold(event, None, &reader).unwrap();
                    if open.is_full() {
                        // The cache was not full before the last load, of an interaction with ten messages at most.
                        assert!(open.bytes <= 2 * limits.bytes_max + 11 * TEXT_BYTES, "{}", open.bytes);
                    } else if interaction % 4 > 0 {
                        continue;
                    }
                    write(&mut open);
                    assert!(open.open.len() <= limits.interactions_max, "{}", open.open.len());
                    assert!(open.bytes <= limits.bytes_max, "{}", open.bytes);
                }
                write(&mut open);
            }
        }
        for interaction in 0..10 {
            let id = InteractionId::try_new(format!("i-{interaction}")).unwrap();
            assert_eq!(reader.get(&id, &Access::All).unwrap().unwrap().state.messages.len(), 10);
        }
    }

    #[test]
    fn the_events_of_one_record_are_folded_all_or_none() {
        let folder = tempfile::tempdir().unwrap();
        let (_writer, reader) = index(&folder);
        let mut open = OpenInteractions::new();
        let texts = |open: &mut OpenInteractions, id: &str| {
            let id = InteractionId::try_new(id).unwrap();
            open.load(&id, &reader).unwrap().document.state.messages.len()
        };
        let half = "x".repeat(hearken_model::state::INTERACTION_BYTES_MAX / 2);
        let batch = |text: &str| {
            ["a", "b", "a"]
                .iter()
                .zip(0..)
                .map(|(id, n)| (event(id, n, text.to_owned()), None))
                .collect::<Vec<_>>()
        };
        assert!(matches!(open.fold_all(batch(&half), &reader), Err(FoldError::Limit(_))));
        assert_eq!((texts(&mut open, "a"), texts(&mut open, "b")), (0, 0));
        assert_eq!(open.fold_all(batch("hi"), &reader).unwrap().outcome, FoldOutcome::Applied);
        assert_eq!((texts(&mut open, "a"), texts(&mut open, "b")), (2, 1));
        assert_eq!(open.fold_all(batch("hi"), &reader).unwrap().outcome, FoldOutcome::Duplicate);
    }

    #[test]
    fn a_large_interaction_is_put_less_often_the_larger_it_is_and_does_not_delay_others() {
        let folder = tempfile::tempdir().unwrap();
        let (_writer, reader) = index(&folder);
        let (mut deriver, mut open, started) = (deriver(), OpenInteractions::new(), Instant::now());
        // What a write that many milliseconds after the beginning puts: ids, and their numbers of messages.
        let mut write = |open: &mut OpenInteractions, after_ms: u64| {
            let at = started + Duration::from_millis(after_ms);
            let mut put = Vec::new();
            open.write_dirty(&mut deriver, at, None, |document| {
                put.push((document.id().to_string(), document.state.messages.len()));
            });
            put
        };
        let say = |open: &mut OpenInteractions, interaction: &str, message: usize, text: &str| {
            open.fold(event(interaction, message, text.to_owned()), None, &reader).unwrap();
        };
        let after = |after_ms: u64| started + Duration::from_millis(after_ms);
        say(&mut open, "large", 0, &"word ".repeat(LARGE_BYTES / 4));
        assert_eq!(write(&mut open, 0), [("large".to_owned(), 1)], "nothing was written before");
        for (number, after_ms) in [(1, 10), (2, 20), (3, 39)] {
            say(&mut open, "large", number, "and another thing");
            say(&mut open, "small", number, "hello");
            assert_eq!(write(&mut open, after_ms), [("small".to_owned(), number)]);
            assert!(open.has_deferred() && open.is_clean(after(after_ms)));
        }
        assert!(!open.is_clean(after(40)), "it is due without another event");
        assert_eq!(write(&mut open, 40), [("large".to_owned(), 4)], "with everything said meanwhile");
        assert!(!open.has_deferred());

        // The largest possible one, and others with it, a second later.
        let half = "word ".repeat(INTERACTION_BYTES_MAX / 12);
        for (interaction, message) in [("large", 5), ("huge", 6), ("huge", 7)] {
            say(&mut open, interaction, message, &half);
        }
        let mut put = write(&mut open, 100);
        put.sort();
        assert_eq!(put, [("huge".to_owned(), 2), ("large".to_owned(), 5)]);
        say(&mut open, "large", 8, "and another thing");
        assert_eq!(write(&mut open, 1_099), []);
        assert_eq!(write(&mut open, 1_100), [("large".to_owned(), 6)]);
    }
}
