//! Documents that have any of a range of whole values.

use std::sync::Arc;

use tantivy::query::{BitSetDocSet, ConstScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::schema::Field;
use tantivy::{BitSet, DocId, Score, SegmentReader};

use super::budget::SearchBudget;
use super::expansion::Expansion;
use super::words::insert_all;

/// Any term of any of the ranges.
#[derive(Clone)]
pub(super) struct ValueTermsQuery {
    pub(super) field: Field,
    pub(super) ranges: Vec<Expansion>,
    pub(super) budget: Arc<SearchBudget>,
}

impl std::fmt::Debug for ValueTermsQuery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ValueTermsQuery").field("num_ranges", &self.ranges.len()).finish_non_exhaustive()
    }
}

impl Query for ValueTermsQuery {
    fn weight(&self, _: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for ValueTermsQuery {
    fn scorer(&self, reader: &SegmentReader, _boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let index = reader.inverted_index(self.field)?;
        let mut documents = BitSet::with_max_value(reader.max_doc());
        for range in &self.ranges {
            range.for_each(&index, &self.budget, |info| {
                insert_all(&index, info, &mut documents)?;
                Ok(true)
            })?;
        }
        // Conditions on values filter and do not rank.
        Ok(Box::new(ConstScorer::new(BitSetDocSet::from(documents), 0.0)))
    }

    fn explain(&self, _reader: &SegmentReader, _doc: DocId) -> tantivy::Result<Explanation> {
        Ok(Explanation::new("values", 0.0))
    }
}
