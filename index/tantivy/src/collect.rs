//! One pass over the matches of a query: counted, sorted, faceted, within a budget.

use hearken_index::search::SearchError;
use hearken_index::values;
use tantivy::columnar::Column;
use tantivy::query::{EnableScoring, Query};
use tantivy::{COLLECT_BLOCK_BUFFER_LEN, DocId, DocSet, Score, SegmentReader, TERMINATED};

use super::budget::SearchBudget;
use super::columns::{ColumnCache, SegmentColumns};
use super::facets::{Facet, SegmentFacet};
use super::live::LiveQuery;
use super::lower::Lowered;
use super::ranges::RangeCounts;
use super::sort::{SegmentKeys, Top};
use super::statistics::{Histogram, Values};
use super::view::{DocLocation, View};
use super::words::WordScorer;

/// What is wanted of the matches, and what was found.
#[derive(Default)]
pub(super) struct Collection {
    pub(super) total: u64,
    pub(super) top: Option<Top>,
    pub(super) facets: Vec<Facet>,
    pub(super) ranges: Vec<RangeCounts>,
    pub(super) histogram: Option<Histogram>,
    pub(super) values: Vec<Values>,
}

/// Blocks of documents between two looks at the clock.
const LOOK_EVERY: usize = 64;

impl Collection {
    /// Runs the query over the commit and what lies over it.
    pub(super) fn run(
        &mut self,
        view: &View,
        columns: &ColumnCache,
        query: Lowered,
        budget: &SearchBudget,
    ) -> Result<(), SearchError> {
        budget.check()?;
        let Lowered { engine, live } = query;
        self.run_commit(view, columns, &*engine, budget)?;
        self.run_live(view, live, budget)
    }

    fn run_live(
        &mut self,
        view: &View,
        mut query: LiveQuery,
        budget: &SearchBudget,
    ) -> Result<(), SearchError> {
        const LOOK_EVERY: usize = 1_024;
        for (number, (place, document)) in view.overlay().places().enumerate() {
            if number % LOOK_EVERY == 0 {
                budget.check()?;
            }
            let DocLocation::Live(vocabulary, _) = place else { continue };
            let Some(score) = query.score(document, vocabulary as usize) else { continue };
            let document = &*document.document;
            self.total += 1;
            if let Some(top) = &mut self.top {
                top.collect_live(view, place, document, score).map_err(engine)?;
            }
            self.facets.iter_mut().for_each(|facet| facet.add(&document.document));
            for ranges in &mut self.ranges {
                let number = values::number(&document.document, ranges.field());
                ranges.add(number);
            }
            if let Some(histogram) = &mut self.histogram {
                histogram.add(values::number(&document.document, histogram.field()));
            }
            for values in &mut self.values {
                let number = values::number(&document.document, values.field());
                number.into_iter().for_each(|number| values.add(number));
            }
        }
        budget.check()?;
        self.check_bounds()
    }

    /// Refuses what would grow without bounds.
    fn check_bounds(&self) -> Result<(), SearchError> {
        self.histogram.as_ref().map_or(Ok(()), Histogram::check)?;
        self.ranges.iter().try_for_each(RangeCounts::check)?;
        self.facets.iter().try_for_each(Facet::check)
    }

    fn run_commit(
        &mut self,
        view: &View,
        columns: &ColumnCache,
        query: &dyn Query,
        budget: &SearchBudget,
    ) -> Result<(), SearchError> {
        let searcher = &view.searcher;
        let scores = self.top.as_ref().is_some_and(Top::scores);
        let scoring = if scores {
            EnableScoring::enabled_from_searcher(searcher)
        } else {
            EnableScoring::disabled_from_searcher(searcher)
        };
        let weight = query.weight(scoring).map_err(engine)?;
        for (segment, reader) in searcher.segment_readers().iter().enumerate() {
            budget.check()?;
            let mut scorer = weight.scorer(reader, 1.0).map_err(engine)?;
            budget.check()?;
            if scorer.doc() == TERMINATED {
                continue;
            }
            let mut part = self.open(&columns.of(reader)).map_err(engine)?;
            let mut replaced = view.overlay().replaced(segment);
            let mut docs = [0; COLLECT_BLOCK_BUFFER_LEN];
            let mut scored = [0.0; COLLECT_BLOCK_BUFFER_LEN];
            for block in 1.. {
                let num_read = if scores {
                    let at_least = self.top.as_ref().map_or(0.0, Top::score_at_least);
                    read_scored(&mut *scorer, at_least, &mut docs, &mut scored)
                } else {
                    scorer.fill_buffer(&mut docs)
                };
                if num_read == 0 {
                    break;
                }
                let num_alive = retain_alive(reader, &mut docs, &mut scored, num_read);
                let num_alive = drop_replaced(&mut replaced, &mut docs, &mut scored, num_alive);
                let scored = if scores { &scored[..num_alive] } else { &[] };
                self.collect(view, segment as u32, &mut part, &docs[..num_alive], scored).map_err(engine)?;
                if block % LOOK_EVERY == 0 {
                    budget.check()?;
                }
            }
            // A scorer that the budget stopped looks like one that found everything.
            budget.check()?;
            for (facet, counts) in self.facets.iter_mut().zip(part.facets) {
                facet.merge(counts)?;
            }
            self.check_bounds()?;
        }
        Ok(())
    }

    fn open(&self, columns: &SegmentColumns) -> tantivy::Result<Part> {
        Ok(Part {
            keys: self.top.as_ref().map(|top| top.open(columns)).transpose()?,
            facets: self.facets.iter().map(|facet| facet.open(columns)).collect::<tantivy::Result<_>>()?,
            ranges: self.ranges.iter().map(|ranges| ranges.open(columns)).collect::<tantivy::Result<_>>()?,
            starts: self.histogram.as_ref().map(|histogram| histogram.open(columns)).transpose()?,
            values: self.values.iter().map(|values| values.open(columns)).collect::<tantivy::Result<_>>()?,
        })
    }

    fn collect(
        &mut self,
        view: &View,
        segment: u32,
        part: &mut Part,
        docs: &[DocId],
        scores: &[Score],
    ) -> tantivy::Result<()> {
        self.total += docs.len() as u64;
        if let (Some(top), Some(keys)) = (&mut self.top, &part.keys) {
            top.collect(view, segment, keys, docs, scores)?;
        }
        for facet in &mut part.facets {
            facet.collect(docs);
        }
        for (ranges, column) in self.ranges.iter_mut().zip(&part.ranges) {
            ranges.collect(column, docs);
        }
        if let (Some(histogram), Some(starts)) = (&mut self.histogram, &part.starts) {
            histogram.collect(starts, docs);
        }
        for (values, column) in self.values.iter_mut().zip(&part.values) {
            values.collect(column, docs);
        }
        Ok(())
    }
}

/// What one segment needs.
struct Part {
    keys: Option<SegmentKeys>,
    facets: Vec<SegmentFacet>,
    ranges: Vec<Column<i64>>,
    starts: Option<Column<i64>>,
    values: Vec<Column<i64>>,
}

/// Scores below `at_least` need not be exact.
fn read_scored(
    scorer: &mut dyn tantivy::query::Scorer,
    at_least: Score,
    docs: &mut [DocId; COLLECT_BLOCK_BUFFER_LEN],
    scores: &mut [Score; COLLECT_BLOCK_BUFFER_LEN],
) -> usize {
    if let Some(word) = scorer.downcast_mut::<WordScorer>() {
        return word.take_scored(at_least, docs, scores);
    }
    let mut num_read = 0;
    while num_read < docs.len() && scorer.doc() != TERMINATED {
        docs[num_read] = scorer.doc();
        scores[num_read] = scorer.score();
        num_read += 1;
        scorer.advance();
    }
    num_read
}

/// Moves the documents that are not deleted to the front and says how many there are.
fn retain_alive(
    reader: &SegmentReader,
    docs: &mut [DocId; COLLECT_BLOCK_BUFFER_LEN],
    scores: &mut [Score; COLLECT_BLOCK_BUFFER_LEN],
    num_read: usize,
) -> usize {
    let Some(alive) = reader.alive_bitset() else { return num_read };
    let mut num_alive = 0;
    for at in 0..num_read {
        docs[num_alive] = docs[at];
        scores[num_alive] = scores[at];
        num_alive += usize::from(alive.is_alive(docs[at]));
    }
    num_alive
}

/// Moves the documents that are not replaced to the front and says how many there are. `replaced` is ascending, as
/// documents are; what is behind them is taken off.
fn drop_replaced(
    replaced: &mut &[DocId],
    docs: &mut [DocId; COLLECT_BLOCK_BUFFER_LEN],
    scores: &mut [Score; COLLECT_BLOCK_BUFFER_LEN],
    num_docs: usize,
) -> usize {
    if replaced.is_empty() {
        return num_docs;
    }
    let mut num_kept = 0;
    for at in 0..num_docs {
        let doc = docs[at];
        while replaced.first().is_some_and(|first| *first < doc) {
            *replaced = &replaced[1..];
        }
        docs[num_kept] = doc;
        scores[num_kept] = scores[at];
        num_kept += usize::from(replaced.first() != Some(&doc));
    }
    num_kept
}

pub(super) fn engine(error: tantivy::TantivyError) -> SearchError {
    SearchError::Engine(Box::new(error))
}
