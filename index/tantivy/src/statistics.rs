//! Counts over time and distributions, collected together with hits and facets.

use std::collections::BTreeMap;

use hearken_index::interval::Interval;
use hearken_index::overview::{
    DISTRIBUTION_BUCKETS, Distribution, INTERVALS_MAX, IntervalCount, distribution_bucket,
};
use hearken_index::query::{Edge, Range};
use hearken_index::search::SearchError;
use hearken_index::values;
use hearken_model::Timestamp;
use hearken_model::field::{FieldKind, field};
use tantivy::columnar::Column;
use tantivy::{COLLECT_BLOCK_BUFFER_LEN, DocId};

use super::columns::SegmentColumns;

/// Counts interactions by the interval that an instant of theirs lies in.
pub(super) struct Histogram {
    /// The field of the instant.
    field: &'static str,
    interval: Interval,
    /// By begin, of which the earliest may be unknown: the end and how many.
    counts: BTreeMap<Option<i64>, (Option<i64>, u64)>,
    pub(super) num_missing: u64,
    /// The interval of the instant before, in which the next one mostly lies, too.
    last: Option<(Option<i64>, Option<i64>)>,
}

impl Histogram {
    pub(super) fn new(field: &'static str, interval: Interval) -> Self {
        Histogram { field, interval, counts: BTreeMap::new(), num_missing: 0, last: None }
    }

    pub(super) fn open(&self, columns: &SegmentColumns) -> tantivy::Result<Column<i64>> {
        columns.integers(self.field)
    }

    pub(super) fn collect(&mut self, column: &Column<i64>, docs: &[DocId]) {
        let mut instants = [None; COLLECT_BLOCK_BUFFER_LEN];
        column.first_vals(docs, &mut instants[..docs.len()]);
        instants[..docs.len()].iter().for_each(|instant| self.add(*instant));
    }

    /// Counts one interaction.
    pub(super) fn add(&mut self, instant: Option<i64>) {
        let Some(instant) = instant else {
            self.num_missing += 1;
            return;
        };
        let is_inside = |(begin, end): (Option<i64>, Option<i64>)| {
            begin.is_none_or(|begin| begin <= instant) && end.is_none_or(|end| instant < end)
        };
        let (begin, end) = match self.last.filter(|last| is_inside(*last)) {
            Some(same) => same,
            None => self.interval.around(instant),
        };
        self.last = Some((begin, end));
        self.counts.entry(begin).or_insert((end, 0)).1 += 1;
    }

    /// The field whose instants are counted.
    pub(super) fn field(&self) -> &'static str {
        self.field
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
        let count = |(begin, (_, count)): (&Option<i64>, &(Option<i64>, u64))| IntervalCount {
            from: Timestamp::from_nanos(begin.unwrap_or(i64::MIN)),
            count: *count,
        };
        self.counts.iter().map(count).collect()
    }

    /// The same as ranges: open where an end is beyond what a timestamp can hold.
    pub(super) fn ranges(&self) -> Vec<(Range, u64)> {
        let instant = |nanos: &Option<i64>| nanos.map(Timestamp::from_nanos);
        let range = |(begin, (end, count)): (&Option<i64>, &(Option<i64>, u64))| {
            let from = instant(begin).map_or(Edge::Open, Edge::Inclusive);
            (Range::Time(from, instant(end).map_or(Edge::Open, Edge::Exclusive)), *count)
        };
        self.counts.iter().map(range).collect()
    }
}

/// How the values of one field are distributed.
pub(super) struct Values {
    name: &'static str,
    kind: FieldKind,
    count: u64,
    sum: i128,
    smallest: i64,
    buckets: Buckets,
}

impl Values {
    pub(super) fn new(name: &str) -> Result<Self, SearchError> {
        let summable = |kind| matches!(kind, FieldKind::Integer | FieldKind::Seconds | FieldKind::Money);
        match field(name).filter(|field| summable(field.kind)) {
            Some(field) => Ok(Values {
                name: field.name,
                kind: field.kind,
                count: 0,
                sum: 0,
                smallest: i64::MAX,
                buckets: Buckets::new(),
            }),
            None => Err(SearchError::Invalid(format!("`{name}` cannot be summed up"))),
        }
    }

    pub(super) fn open(&self, columns: &SegmentColumns) -> tantivy::Result<Column<i64>> {
        columns.integers(self.name)
    }

    pub(super) fn collect(&mut self, column: &Column<i64>, docs: &[DocId]) {
        let mut values = [None; COLLECT_BLOCK_BUFFER_LEN];
        column.first_vals(docs, &mut values[..docs.len()]);
        values[..docs.len()].iter().flatten().for_each(|value| self.add(*value));
    }

    /// Takes one value in.
    pub(super) fn add(&mut self, value: i64) {
        self.count += 1;
        self.sum += i128::from(value);
        self.smallest = self.smallest.min(value);
        self.buckets.add(value);
    }

    /// The field whose values are summed up.
    pub(super) fn field(&self) -> &'static str {
        self.name
    }

    pub(super) fn finish(self) -> (String, Distribution) {
        let Values { name, kind, count, sum, smallest, buckets } = self;
        let none = serde_json::Value::Null;
        let distribution = if count == 0 {
            let [sum, min, p50, p90, p99, max] = [const { serde_json::Value::Null }; 6];
            Distribution { count, sum, min, p50, p90, p99, max }
        } else {
            let percentile = |percent: u64| {
                let value = buckets.at_rank((count * percent).div_ceil(100));
                value.map_or(none.clone(), |value| values::shown(kind, value))
            };
            Distribution {
                count,
                sum: values::shown_sum(kind, sum),
                min: values::shown(kind, smallest),
                p50: percentile(50),
                p90: percentile(90),
                p99: percentile(99),
                max: percentile(100),
            }
        };
        (name.to_owned(), distribution)
    }
}

/// Counts values that are near each other together, and remembers the largest of them: half a megabyte, however many
/// values there are.
struct Buckets(Vec<Bucket>);

#[derive(Clone)]
struct Bucket {
    count: u64,
    largest: i64,
}

impl Buckets {
    fn new() -> Self {
        Buckets(vec![Bucket { count: 0, largest: i64::MIN }; DISTRIBUTION_BUCKETS])
    }

    fn add(&mut self, value: i64) {
        let bucket = &mut self.0[usize::from(distribution_bucket(value))];
        bucket.count += 1;
        bucket.largest = bucket.largest.max(value);
    }

    /// The value of that rank, from 1; a little larger if others are near it.
    fn at_rank(&self, rank: u64) -> Option<i64> {
        let mut num_before = 0;
        let bucket = self.0.iter().find(|bucket| {
            num_before += bucket.count;
            num_before >= rank
        });
        bucket.map(|bucket| bucket.largest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_percentile_is_a_value_that_occurs_and_hardly_larger_than_the_true_one(
            mut values in prop::collection::vec(prop_oneof![-300_i64..300, any::<i64>(), 1_i64..10_000_000], 1..200),
            share in 0.0..1.0,
        ) {
            let mut buckets = Buckets::new();
            values.iter().for_each(|value| buckets.add(*value));
            values.sort_unstable();
            let idx = ((values.len() as f64 * share) as usize).min(values.len() - 1);
            let (exact, found) = (values[idx], buckets.at_rank(idx as u64 + 1));
            prop_assert!(found.is_some_and(|found| values.contains(&found) && found >= exact));
            let error = i128::from(found.unwrap_or(i64::MAX)) - i128::from(exact);
            prop_assert!(error <= i128::from(exact).abs() / 256, "{found:?} for {exact}");
        }
    }
}
