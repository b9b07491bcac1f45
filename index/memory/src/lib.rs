//! An index in memory, for tests: the plain scan of [`hearken_index::oracle`] behind the port. It is slow,
//! knows no relevance, and is gone with the process: "durable" means nothing here. Several may write to it.
//!
//! ```
//! use std::sync::Arc;
//!
//! use hearken_index::checkpoint::Checkpoint;
//! use hearken_index::{Lookup as _, Store as _};
//! use hearken_model::{Document, InteractionId, State};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (mut store, reader) = hearken_index_memory::open();
//! let state = State::new(InteractionId::try_new("chat-1")?);
//! store.put(Arc::new(Document::new(state)));
//! store.refresh(&Checkpoint::default())?;
//! assert_eq!(reader.count_in_progress()?, 0);
//! # Ok(())
//! # }
//! ```

mod answer;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use hearken_index::changes::{ChangePoint, Changes, ChangesSince};
use hearken_index::checkpoint::Checkpoint;
use hearken_index::overview::{Overview, OverviewRequest};
use hearken_index::query::Query;
use hearken_index::search::{Filter, SearchRequest, SearchResponse, Selection, SortKey, check_sort};
use hearken_index::{Access, Durable, Lookup, Search, SearchError, Store, StoreError, oracle};
use hearken_model::{Document, InteractionId, Status, Timestamp};
use parking_lot::RwLock;

/// Documents by id, as searches see them.
type Documents = BTreeMap<InteractionId, Arc<Document>>;

/// Opens an empty index.
pub fn open() -> (MemoryStore, MemoryReader) {
    let shared = Arc::new(RwLock::new(Arc::new(Documents::new())));
    let changes = Changes::default();
    let reader = MemoryReader { shared: Arc::clone(&shared), changes: changes.clone() };
    (MemoryStore::new(shared, changes), reader)
}

/// The writing half.
pub struct MemoryStore {
    shared: Arc<RwLock<Arc<Documents>>>,
    changes: Changes,
    /// What replaces the document of each id, by its revision; `None` removes it.
    pending: BTreeMap<InteractionId, (u64, Option<Arc<Document>>)>,
    checkpoint: Checkpoint,
    durable: RwLock<Arc<Durable>>,
}

/// The reading half. Clones share everything.
#[derive(Clone)]
pub struct MemoryReader {
    shared: Arc<RwLock<Arc<Documents>>>,
    changes: Changes,
}

impl MemoryStore {
    fn new(shared: Arc<RwLock<Arc<Documents>>>, changes: Changes) -> Self {
        let durable = RwLock::new(Arc::new(Durable { sequence: 1, ..Durable::default() }));
        MemoryStore { shared, changes, pending: BTreeMap::new(), checkpoint: Checkpoint::default(), durable }
    }

    /// Another writer to the same index, as another process would be.
    pub fn another_writer(&self) -> MemoryStore {
        MemoryStore::new(Arc::clone(&self.shared), self.changes.clone())
    }
}

impl Store for MemoryStore {
    fn put(&mut self, document: Arc<Document>) {
        self.pending.insert(document.id().clone(), (document.revision, Some(document)));
    }

    fn remove(&mut self, id: InteractionId, revision: u64) {
        self.pending.insert(id, (revision, None));
    }

    fn refresh(&mut self, checkpoint: &Checkpoint) -> Result<Vec<InteractionId>, StoreError> {
        let mut shared = self.shared.write();
        let mut documents = Documents::clone(&shared);
        let (mut written, mut conflicts) = (Vec::new(), Vec::new());
        for (id, (revision, document)) in std::mem::take(&mut self.pending) {
            if documents.get(&id).is_some_and(|stored| stored.revision >= revision) {
                conflicts.push(id);
                continue;
            }
            match document {
                Some(document) => documents.insert(id.clone(), document),
                None => documents.remove(&id),
            };
            written.push(id);
        }
        *shared = Arc::new(documents);
        drop(shared);
        if conflicts.is_empty() {
            self.checkpoint = checkpoint.clone();
        }
        self.changes.publish(written.into_iter());
        // Nothing is ever written anywhere else, so what can be searched is as durable as it gets: as over a cluster, which
        // has everything on its disks when it answers.
        self.flush()?;
        Ok(conflicts)
    }

    fn flush(&self) -> Result<(), StoreError> {
        let mut durable = self.durable.write();
        let sequence = durable.sequence + 1;
        *durable = Arc::new(Durable { checkpoint: Arc::new(self.checkpoint.clone()), sequence });
        Ok(())
    }

    fn durable(&self) -> Arc<Durable> {
        Arc::clone(&self.durable.read())
    }
}

impl MemoryReader {
    /// What searches see now.
    fn view(&self) -> Arc<Documents> {
        Arc::clone(&self.shared.read())
    }

    fn find(&self, id: &InteractionId, access: &Access) -> Option<Document> {
        let document = self.view().get(id).map(|document| Document::clone(document))?;
        access.admits(document.derived.head.organization.as_deref()).then_some(document)
    }

    /// The ids of what `wanted` accepts, the longest without an event first.
    fn by_newest_event(&self, wanted: impl Fn(&Document) -> bool) -> Vec<InteractionId> {
        let view = self.view();
        let mut found: Vec<&Arc<Document>> =
            view.values().filter(|document| !document.state.is_hidden() && wanted(document)).collect();
        found.sort_by_key(|document| document.state.newest_event);
        found.into_iter().map(|document| document.id().clone()).collect()
    }
}

impl Search for MemoryReader {
    fn get(&self, id: &InteractionId, access: &Access) -> Result<Option<Document>, SearchError> {
        Ok(self.find(id, access))
    }

    fn holds(&self, id: &InteractionId, access: &Access) -> Result<bool, SearchError> {
        Ok(self.find(id, access).is_some())
    }

    fn search(&self, request: &SearchRequest) -> Result<SearchResponse, SearchError> {
        answer::search(&self.view(), request)
    }

    fn overview(&self, request: &OverviewRequest) -> Result<Overview, SearchError> {
        request.check()?;
        answer::overview(&self.view(), request)
    }

    fn overviews(&self, requests: &[OverviewRequest]) -> Result<Vec<Overview>, SearchError> {
        let view = self.view();
        let overview = |request: &OverviewRequest| {
            request.check()?;
            answer::overview(&view, request)
        };
        requests.iter().map(overview).collect()
    }

    fn for_each(
        &self,
        selection: &Selection,
        sort: &[SortKey],
        visit: &mut dyn FnMut(Document) -> ControlFlow<()>,
    ) -> Result<(), SearchError> {
        check_sort(sort)?;
        let view = self.view();
        for document in answer::in_order(oracle::find(answer::all(&view), selection), sort) {
            if visit(document.clone()).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn changes_now(&self) -> ChangePoint {
        self.changes.now()
    }

    fn changes_since(&self, point: ChangePoint, max: usize) -> ChangesSince {
        self.changes.since(point, max)
    }
}

impl Lookup for MemoryReader {
    fn get(&self, id: &InteractionId, access: &Access) -> Result<Option<Document>, SearchError> {
        Ok(self.find(id, access))
    }

    fn idle_since(&self, cutoff: Timestamp, limit: usize) -> Result<Vec<InteractionId>, SearchError> {
        let is_idle = |document: &Document| is_in_progress(document) && document.state.newest_event <= cutoff;
        let mut found = self.by_newest_event(is_idle);
        found.truncate(limit);
        Ok(found)
    }

    fn llm_pending(&self, rested_since: Timestamp, limit: usize) -> Result<Vec<InteractionId>, SearchError> {
        let is_pending = |document: &Document| {
            let rests = !is_in_progress(document) || document.state.newest_event <= rested_since;
            document.derived.llm_pending && rests
        };
        let mut found = self.by_newest_event(is_pending);
        found.reverse();
        found.truncate(limit);
        Ok(found)
    }

    fn silent_since(
        &self,
        cutoff: Timestamp,
        filters: &BTreeMap<String, Filter>,
        limit: usize,
    ) -> Result<Vec<InteractionId>, SearchError> {
        let selection = Selection { filters: filters.clone(), ..Selection::new(Query::All, Access::All) };
        let view = self.view();
        let mut found = oracle::find(answer::all(&view), &selection);
        found.retain(|document| document.state.newest_event <= cutoff);
        found.sort_by_key(|document| document.state.newest_event);
        Ok(found.into_iter().take(limit).map(|document| document.id().clone()).collect())
    }

    fn count_in_progress(&self) -> Result<u64, SearchError> {
        Ok(self.by_newest_event(is_in_progress).len() as u64)
    }
}

fn is_in_progress(document: &Document) -> bool {
    document.derived.head.status == Some(Status::InProgress)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use hearken_index::checkpoint::PartitionPosition;
    use hearken_index::conformance::OpenEngine;

    use super::*;

    fn opened(batches: &[Vec<Document>]) -> OpenEngine {
        let (mut store, reader) = open();
        for batch in batches {
            batch.iter().for_each(|document| store.put(Arc::new(document.clone())));
            store.refresh(&Checkpoint::default()).unwrap();
        }
        OpenEngine { store: Box::new(store), search: Arc::new(reader.clone()), lookup: Arc::new(reader) }
    }

    hearken_index::conformance_tests!(opened);

    #[test]
    fn no_writer_overwrites_what_another_has_written_meanwhile() {
        let (mut first, reader) = open();
        let mut second = first.another_writer();
        let id = InteractionId::try_new("a").unwrap();
        let revision = |number| Arc::new(Document { revision: number, ..Document::tombstone(id.clone()) });
        let checkpoint = |next_offset| {
            let position = PartitionPosition { next_offset, fingerprint: None };
            let mut checkpoint = Checkpoint::default();
            checkpoint.set("topic", 0, position);
            checkpoint
        };
        first.put(revision(1));
        assert_eq!(first.refresh(&checkpoint(1)).unwrap(), []);
        for (number, conflicts) in [(1, vec![id.clone()]), (2, vec![])] {
            second.put(revision(number));
            assert_eq!(second.refresh(&checkpoint(7)).unwrap(), conflicts);
            second.flush().unwrap();
            assert_eq!(second.durable().checkpoint.position("topic", 0).is_some(), conflicts.is_empty());
        }
        first.remove(id.clone(), 2);
        assert_eq!(first.refresh(&checkpoint(2)).unwrap(), std::slice::from_ref(&id));
        assert_eq!(Lookup::get(&reader, &id, &Access::All).unwrap().unwrap().revision, 2);
        first.remove(id.clone(), 3);
        assert_eq!(first.refresh(&checkpoint(2)).unwrap(), []);
        assert_eq!(Lookup::get(&reader, &id, &Access::All).unwrap(), None);
    }
}
