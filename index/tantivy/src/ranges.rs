//! Exact counts by ranges of a field's values: numbers between boundaries, instants by interval.

use hearken_index::query::Range;
use hearken_index::search::{Boundaries, FacetCount, RangeFacet, SearchError};
use hearken_index::values;
use tantivy::columnar::Column;
use tantivy::{COLLECT_BLOCK_BUFFER_LEN, DocId};

use super::columns::SegmentColumns;
use super::statistics::Histogram;

/// Counts one field.
pub(super) enum RangeCounts {
    Numbers {
        field: &'static str,
        /// One more than boundaries.
        ranges: Vec<Range>,
        /// Ascending; each is the first number of the range after it.
        boundaries: Vec<i64>,
        /// One for each range.
        counts: Vec<u64>,
        num_missing: u64,
    },
    Instants(&'static str, Histogram),
}

impl RangeCounts {
    pub(super) fn new(facet: &RangeFacet) -> Result<Self, SearchError> {
        let (field, boundaries) = facet.numbers()?;
        if let Boundaries::Every(interval) = &facet.boundaries {
            return Ok(RangeCounts::Instants(field.name, Histogram::new(field.name, interval.clone())));
        }
        let ranges = facet.boundaries.ranges();
        let counts = vec![0; ranges.len()];
        Ok(RangeCounts::Numbers { field: field.name, ranges, boundaries, counts, num_missing: 0 })
    }

    pub(super) fn open(&self, columns: &SegmentColumns) -> tantivy::Result<Column<i64>> {
        match self {
            RangeCounts::Numbers { field, .. } => columns.integers(field),
            RangeCounts::Instants(_, histogram) => histogram.open(columns),
        }
    }

    /// `docs` are at most [`COLLECT_BLOCK_BUFFER_LEN`].
    pub(super) fn collect(&mut self, column: &Column<i64>, docs: &[DocId]) {
        match self {
            RangeCounts::Instants(_, histogram) => histogram.collect(column, docs),
            RangeCounts::Numbers { .. } => {
                let mut numbers = [None; COLLECT_BLOCK_BUFFER_LEN];
                column.first_vals(docs, &mut numbers[..docs.len()]);
                numbers[..docs.len()].iter().for_each(|number| self.add(*number));
            }
        }
    }

    /// Counts one interaction.
    pub(super) fn add(&mut self, number: Option<i64>) {
        match self {
            RangeCounts::Instants(_, histogram) => histogram.add(number),
            RangeCounts::Numbers { boundaries, counts, num_missing, .. } => match number {
                Some(number) => counts[boundaries.partition_point(|first| *first <= number)] += 1,
                None => *num_missing += 1,
            },
        }
    }

    /// The field whose values are counted.
    pub(super) fn field(&self) -> &'static str {
        match self {
            RangeCounts::Numbers { field, .. } | RangeCounts::Instants(field, _) => field,
        }
    }

    /// Refuses what would grow without bounds.
    pub(super) fn check(&self) -> Result<(), SearchError> {
        match self {
            RangeCounts::Numbers { .. } => Ok(()),
            RangeCounts::Instants(_, histogram) => histogram.check(),
        }
    }

    /// The ranges, ascending, then how many have no value.
    pub(super) fn finish(self) -> (String, Vec<FacetCount>) {
        let (field, counted, num_missing) = match self {
            RangeCounts::Numbers { field, ranges, counts, num_missing, .. } => {
                (field, ranges.into_iter().zip(counts).collect(), num_missing)
            }
            RangeCounts::Instants(field, histogram) => (field, histogram.ranges(), histogram.num_missing),
        };
        let range = |(range, count): (Range, u64)| {
            let value = range.to_string().into();
            FacetCount { value, ends: Some(values::shown_ends(&range)), count }
        };
        let mut counts: Vec<FacetCount> = counted.into_iter().map(range).collect();
        if num_missing > 0 {
            counts.push(FacetCount { value: serde_json::Value::Null, ends: None, count: num_missing });
        }
        (field.to_owned(), counts)
    }
}
