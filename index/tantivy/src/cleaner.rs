//! Gets what was erased or removed out of the files.
//!
//! A replaced document stays in its segment, marked as deleted, until the segment is merged away, and the segment's files
//! stay as long as a view of that time is in use. So segments with traces of what is gone are rewritten, one at a time so
//! that flushes go on in between, and then the files that no commit names are waited for.
//!
//! A trace is a deleted document of an interaction of which there is nothing more, or a tombstone, which has the hash in the
//! column [`TIE`] that the interaction had. Nothing else is remembered, so traces are found after a restart, too. Old versions
//! of an interaction that is still there say no more than it does, and wait for a merge.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hearken_index::StoreError;
use tantivy::index::SegmentId;
use tantivy::schema::IndexRecordOption;
use tantivy::{DocSet, Searcher, TERMINATED, Term};

use super::flusher::{FlushHandle, FlushState};
use super::index::answer;
use super::schema::{HIDDEN, TIE, TOMBSTONE};
use super::shared::Shared;

/// How often traces, and files that a view may still need, are looked for: at first, and when it takes long.
const LOOK_INTERVAL: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// How long a view may need them: an export that a client takes slowly.
const VIEWS_PATIENCE: Duration = Duration::from_secs(10 * 60);
/// How many times traces are looked for; again only because a merge under way carries some on.
const ROUNDS_MAX: usize = 100;

/// Gets what was erased or removed out of the files of an index.
pub(super) struct Cleaner<'i> {
    pub(super) shared: &'i Arc<Shared>,
    pub(super) state: &'i Arc<FlushState>,
    pub(super) flush: &'i FlushHandle,
}

impl Cleaner<'_> {
    /// See [`hearken_index::Maintain::clean_files`].
    pub(super) fn clean(&self) -> Result<(), StoreError> {
        answer(self.flush.flush().recv())?;
        let mut pause = LOOK_INTERVAL.0;
        for round in 0..ROUNDS_MAX {
            // A log gives up what was erased as well; it may go on growing, so its past is looked for once.
            let traces = self.segments_with_traces(round == 0)?;
            if traces.is_empty() {
                self.wait_for_views()?;
                // A merge that was under way may have carried a trace on under a new name.
                if self.segments_with_traces(false)?.is_empty() {
                    return Ok(());
                }
                continue;
            }
            for segment in traces {
                answer(self.flush.rewrite(segment).recv())?;
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(LOOK_INTERVAL.1);
        }
        Err(failed("merges did not settle"))
    }

    fn segments_with_traces(&self, with_logs: bool) -> Result<BTreeSet<SegmentId>, StoreError> {
        let view = self.shared.view();
        let found = self.find_traces(&view.searcher, with_logs);
        found.map_err(|error| StoreError::Unreadable { cause: error.to_string() })
    }

    /// Segments with a deleted document of an interaction that is gone, and those `with_logs` of which interactions are
    /// made.
    fn find_traces(&self, searcher: &Searcher, with_logs: bool) -> tantivy::Result<BTreeSet<SegmentId>> {
        let mut deleted = HashSet::new();
        for reader in searcher.segment_readers().iter().filter(|reader| reader.has_deletes()) {
            let ties = self.shared.columns.of(reader).unsigned(TIE)?;
            deleted.extend(
                (0..reader.max_doc()).filter(|doc| reader.is_deleted(*doc)).filter_map(|doc| ties.first(doc)),
            );
        }
        if deleted.is_empty() {
            return Ok(BTreeSet::new());
        }
        let emptied = self.ties_of(searcher, if with_logs { HIDDEN } else { TOMBSTONE })?;
        let mut living = HashSet::new();
        for reader in searcher.segment_readers() {
            let ties = self.shared.columns.of(reader).unsigned(TIE)?;
            let alive = (0..reader.max_doc()).filter(|doc| !reader.is_deleted(*doc));
            living.extend(alive.filter_map(|doc| ties.first(doc)).filter(|tie| deleted.contains(tie)));
        }
        let gone: HashSet<u64> =
            deleted.into_iter().filter(|tie| emptied.contains(tie) || !living.contains(tie)).collect();
        let mut segments = BTreeSet::new();
        for reader in searcher.segment_readers().iter().filter(|reader| reader.has_deletes()) {
            let ties = self.shared.columns.of(reader).unsigned(TIE)?;
            let is_trace =
                |doc| reader.is_deleted(doc) && ties.first(doc).is_some_and(|tie| gone.contains(&tie));
            if (0..reader.max_doc()).any(is_trace) {
                segments.insert(reader.segment_id());
            }
        }
        Ok(segments)
    }

    /// The hashes of the living documents with that term.
    fn ties_of(&self, searcher: &Searcher, term: &str) -> tantivy::Result<HashSet<u64>> {
        let term = Term::from_field_text(self.shared.fields.terms, term);
        let mut found = HashSet::new();
        for reader in searcher.segment_readers() {
            let index = reader.inverted_index(self.shared.fields.terms)?;
            let Some(mut postings) = index.read_postings(&term, IndexRecordOption::Basic)? else { continue };
            let ties = self.shared.columns.of(reader).unsigned(TIE)?;
            while postings.doc() != TERMINATED {
                if !reader.is_deleted(postings.doc()) {
                    found.extend(ties.first(postings.doc()));
                }
                postings.advance();
            }
        }
        Ok(found)
    }

    /// Waits until every file that no durable commit names is gone, or named.
    fn wait_for_views(&self) -> Result<(), StoreError> {
        let deadline = Instant::now() + VIEWS_PATIENCE;
        let mut pause = LOOK_INTERVAL.0;
        answer(self.flush.collect_garbage().recv())?;
        let mut waited_for = self.state.directory.load().unnamed_files();
        while !waited_for.is_empty() {
            if Instant::now() >= deadline {
                return Err(failed("a search or an export still reads an older view"));
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(LOOK_INTERVAL.1);
            answer(self.flush.collect_garbage().recv())?;
            let unnamed = self.state.directory.load().unnamed_files();
            waited_for.retain(|file| unnamed.contains(file));
        }
        Ok(())
    }
}

fn failed(cause: &str) -> StoreError {
    StoreError::FlushFailed { cause: cause.to_owned() }
}
