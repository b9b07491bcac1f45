//! The engine behind the port: each trait is the methods of the same names.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use hearken_index::changes::{ChangePoint, ChangesSince};
use hearken_index::checkpoint::Checkpoint;
use hearken_index::overview::{Overview, OverviewRequest};
use hearken_index::search::{Filter, SearchRequest, SearchResponse, Selection, SortKey};
use hearken_index::{
    Access, Durable, FlushTrouble, IndexStats, Lookup, Maintain, Search, SearchError, Store, StoreError,
};
use hearken_model::{Document, InteractionId, Timestamp};

use super::{IndexReader, IndexWriter, Monitor};

impl Search for IndexReader {
    fn get(&self, id: &InteractionId, access: &Access) -> Result<Option<Document>, SearchError> {
        IndexReader::get(self, id, access)
    }

    fn holds(&self, id: &InteractionId, access: &Access) -> Result<bool, SearchError> {
        IndexReader::holds(self, id, access)
    }

    fn search(&self, request: &SearchRequest) -> Result<SearchResponse, SearchError> {
        IndexReader::search(self, request)
    }

    fn overview(&self, request: &OverviewRequest) -> Result<Overview, SearchError> {
        IndexReader::overview(self, request)
    }

    fn overviews(&self, requests: &[OverviewRequest]) -> Result<Vec<Overview>, SearchError> {
        IndexReader::overviews(self, requests)
    }

    fn for_each(
        &self,
        selection: &Selection,
        sort: &[SortKey],
        visit: &mut dyn FnMut(Document) -> ControlFlow<()>,
    ) -> Result<(), SearchError> {
        IndexReader::for_each(self, selection, sort, visit)
    }

    fn changes_now(&self) -> ChangePoint {
        IndexReader::changes_now(self)
    }

    fn changes_since(&self, point: ChangePoint, max: usize) -> ChangesSince {
        IndexReader::changes_since(self, point, max)
    }
}

impl Lookup for IndexReader {
    fn get(&self, id: &InteractionId, access: &Access) -> Result<Option<Document>, SearchError> {
        IndexReader::get(self, id, access)
    }

    fn idle_since(&self, cutoff: Timestamp, limit: usize) -> Result<Vec<InteractionId>, SearchError> {
        IndexReader::idle_since(self, cutoff, limit)
    }

    fn llm_pending(&self, rested_since: Timestamp, limit: usize) -> Result<Vec<InteractionId>, SearchError> {
        IndexReader::llm_pending(self, rested_since, limit)
    }

    fn silent_since(
        &self,
        cutoff: Timestamp,
        filters: &BTreeMap<String, Filter>,
        limit: usize,
    ) -> Result<Vec<InteractionId>, SearchError> {
        IndexReader::silent_since(self, cutoff, filters, limit)
    }

    fn count_in_progress(&self) -> Result<u64, SearchError> {
        IndexReader::count_in_progress(self)
    }
}

impl Store for IndexWriter {
    fn put(&mut self, document: Arc<Document>) {
        IndexWriter::put(self, document);
    }

    fn remove(&mut self, id: InteractionId, _revision: u64) {
        IndexWriter::remove(self, id);
    }

    fn refresh(&mut self, checkpoint: &Checkpoint) -> Result<Vec<InteractionId>, StoreError> {
        IndexWriter::refresh(self, checkpoint)?;
        Ok(Vec::new()) // nobody else writes here
    }

    fn flush(&self) -> Result<(), StoreError> {
        self.flush_now()
    }

    fn durable(&self) -> Arc<Durable> {
        IndexWriter::durable(self)
    }
}

impl Maintain for Monitor {
    fn stats(&self) -> IndexStats {
        Monitor::stats(self)
    }

    fn durable(&self) -> Arc<Durable> {
        Monitor::durable(self)
    }

    fn clean_files(&self) -> Result<(), StoreError> {
        Monitor::clean_files(self)
    }

    fn trouble(&self) -> Option<FlushTrouble> {
        Monitor::trouble(self)
    }
}
