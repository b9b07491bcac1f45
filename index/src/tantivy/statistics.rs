//! Counts over time and distributions, collected beside hits and facets.

use std::collections::BTreeMap;
use std::time::Duration;

use hearken_model::Timestamp;
use hearken_model::field::{FieldKind, field};
use tantivy::columnar::Column;
use tantivy::{COLLECT_BLOCK_BUFFER_LEN, DocId, SegmentReader};

use super::sort::column;
use crate::overview::{Distribution, INTERVALS_MAX, IntervalCount};
use crate::search::SearchError;
use crate::values;

/// Counts interactions by the interval in which they start.
pub(super) struct Histogram {
    interval_nanos: i64,
    counts: BTreeMap<i64, u64>,
    pub(super) without_start: u64,
}

impl Histogram {
    pub(super) fn new(interval: Duration) -> Result<Self, SearchError> {
        let interval_nanos = i64::try_from(interval.as_nanos()).unwrap_or(i64::MAX);
        if interval < Duration::from_millis(1) {
            return Err(SearchError::Invalid("the interval is too short".to_owned()));
        }
        Ok(Histogram { interval_nanos, counts: BTreeMap::new(), without_start: 0 })
    }

    pub(super) fn open(&self, reader: &SegmentReader) -> tantivy::Result<Column<i64>> {
        column(reader, "start_time")
    }

    pub(super) fn collect(&mut self, column: &Column<i64>, docs: &[DocId]) {
        let mut starts = [None; COLLECT_BLOCK_BUFFER_LEN];
        column.first_vals(docs, &mut starts[..docs.len()]);
        for start in &starts[..docs.len()] {
            match start {
                Some(start) => *self.counts.entry(start.div_euclid(self.interval_nanos)).or_default() += 1,
                None => self.without_start += 1,
            }
        }
    }

    /// Refuses what would grow without bounds.
    pub(super) fn check(&self) -> Result<(), SearchError> {
        if self.counts.len() > INTERVALS_MAX {
            return Err(SearchError::TooExpensive(format!(
                "more than {INTERVALS_MAX} intervals; choose a longer one"
            )));
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Vec<IntervalCount> {
        let interval_nanos = self.interval_nanos;
        let count = |(interval, count): (i64, u64)| IntervalCount {
            from: Timestamp::from_nanos(interval.saturating_mul(interval_nanos)),
            count,
        };
        self.counts.into_iter().map(count).collect()
    }
}

/// Collects the values of one field: eight bytes for each interaction.
pub(super) struct Values {
    name: &'static str,
    kind: FieldKind,
    values: Vec<i64>,
}

impl Values {
    pub(super) fn new(name: &str) -> Result<Self, SearchError> {
        let summable = |kind| matches!(kind, FieldKind::Integer | FieldKind::Seconds | FieldKind::Money);
        match field(name).filter(|field| summable(field.kind)) {
            Some(field) => Ok(Values { name: field.name, kind: field.kind, values: Vec::new() }),
            None => Err(SearchError::Invalid(format!("`{name}` cannot be summed up"))),
        }
    }

    pub(super) fn open(&self, reader: &SegmentReader) -> tantivy::Result<Column<i64>> {
        column(reader, self.name)
    }

    pub(super) fn collect(&mut self, column: &Column<i64>, docs: &[DocId]) {
        let mut values = [None; COLLECT_BLOCK_BUFFER_LEN];
        column.first_vals(docs, &mut values[..docs.len()]);
        self.values.extend(values[..docs.len()].iter().flatten());
    }

    pub(super) fn finish(mut self) -> (String, Distribution) {
        let sum: i128 = self.values.iter().map(|value| i128::from(*value)).sum();
        let shown = |value: Option<i64>| {
            value.map_or(serde_json::Value::Null, |value| values::shown(self.kind, value))
        };
        let sum = if self.values.is_empty() { shown(None) } else { values::shown_sum(self.kind, sum) };
        let min = shown(self.values.iter().min().copied());
        let max = shown(self.values.iter().max().copied());
        let mut percentile = |percent: usize| {
            let rank = (self.values.len() * percent).div_ceil(100).checked_sub(1)?;
            Some(*self.values.select_nth_unstable(rank).1)
        };
        let [p50, p90, p99] = [50, 90, 99].map(&mut percentile);
        let [p50, p90, p99] = [p50, p90, p99].map(shown);
        let count = self.values.len() as u64;
        (self.name.to_owned(), Distribution { count, sum, min, p50, p90, p99, max })
    }
}
