//! Facets, ranges, intervals and distributions: what is asked of the cluster, and how its answer is read.

use std::collections::BTreeMap;

use hearken_index::interval::Interval;
use hearken_index::overview::{DISTRIBUTION_BUCKETS, Distribution, INTERVALS_MAX, IntervalCount};
use hearken_index::query::{Edge, Range};
use hearken_index::search::{FacetCount, RangeFacet, SearchError};
use hearken_index::values::{self, FieldRef};
use hearken_model::Timestamp;
use hearken_model::field::{Field, FieldKind};
use serde_json::{Map, Value, json};

use super::error::RequestError;
use super::lower::{exists, number_range};
use super::mapping::{
    BILLIONTHS_A_THOUSANDTH, METADATA, bucket_field, metadata_key, milliseconds_field, money_fields,
    value_field,
};

/// So many values more than are shown are asked for, to see whether any of them may belong among those.
const VALUES_BESIDE: usize = 20;
/// Of how many times as many each shard tells. Where that is too few for exact counts, all are counted, page by page.
const SHARD_FACTOR: usize = 4;
/// Most different values of one facet; beyond it the search is refused, never counted wrongly.
pub(crate) const FACET_VALUES_MAX: usize = 1_000_000;
/// Values or steps of one page.
pub(crate) const PAGE: usize = 10_000;
/// Most steps that intervals are made of.
const STEPS_MAX: usize = 1_000_000;
const NANOS_PER_MILLISECOND: i64 = 1_000_000;

/// One facet.
pub(crate) struct Facet<'a> {
    pub(crate) name: &'a str,
    field: FieldRef<'a>,
    size: usize,
}

impl<'a> Facet<'a> {
    pub(crate) fn new(name: &'a str, size: usize) -> Result<Self, SearchError> {
        let field = FieldRef::find(name);
        let field = field.ok_or_else(|| SearchError::Invalid(format!("there is no field `{name}`")))?;
        Ok(Facet { name, field, size })
    }

    fn column(&self) -> String {
        match self.field {
            FieldRef::Known(field) => value_field(field.name),
            FieldRef::Metadata(_) => METADATA.to_owned(),
        }
    }

    /// What its terms begin with beside the values.
    fn prefix(&self) -> String {
        match self.field {
            FieldRef::Known(_) => String::new(),
            FieldRef::Metadata(key) => format!("{}\0", metadata_key(key)),
        }
    }

    /// What is asked: the most frequent values, and how many have none.
    pub(crate) fn aggregations(&self) -> Value {
        let size = self.size + VALUES_BESIDE;
        let mut terms = json!({
            "field": self.column(), "size": size, "shard_size": SHARD_FACTOR * size,
            "order": [{"_count": "desc"}, {"_key": "asc"}], "show_term_doc_count_error": true,
        });
        let prefix = self.prefix();
        if !prefix.is_empty() {
            terms["include"] = format!("{}.*", quoted(&prefix)).into();
        }
        json!({
            "values": {"terms": terms},
            "missing": {"filter": {"bool": {"must_not": [exists(self.field)]}}},
        })
    }

    /// The counts; `None` if the values are too many to be counted exactly so.
    pub(crate) fn read(&self, answer: &Value) -> Result<Option<Vec<FacetCount>>, SearchError> {
        let values = &answer["values"];
        let buckets = values["buckets"].as_array().ok_or_else(|| unreadable(self.name))?;
        let mut counts = Vec::with_capacity(buckets.len() + 1);
        for bucket in buckets {
            counts.push((bucket["key"].clone(), count(bucket)?));
        }
        // What a value that a shard did not tell of can have there at the most.
        let error_of = |bucket: &Value| bucket["doc_count_error_upper_bound"].as_u64().unwrap_or(0);
        let error_max = error_of(values);
        if error_max > 0 {
            let shown = buckets.len().min(self.size);
            let least_shown = counts[..shown].last().map_or(0, |(_, count)| *count);
            let are_exact = buckets[..shown].iter().all(|bucket| error_of(bucket) == 0);
            let beside = counts[shown..].iter().zip(&buckets[shown..]);
            let is_below = |((_, count), bucket): (&(Value, u64), &Value)| {
                error_of(bucket) == 0 || count + error_of(bucket) < least_shown
            };
            let unseen_max = counts.last().map_or(0, |(_, count)| *count) + error_max;
            if !are_exact || !beside.into_iter().all(is_below) || unseen_max >= least_shown {
                return Ok(None);
            }
        }
        counts.truncate(self.size);
        Ok(Some(self.finish(counts, count(&answer["missing"])?)?))
    }

    /// What is asked to count every value, page by page; [`super::reader`] reads the pages.
    pub(crate) fn source(&self) -> Value {
        json!({"value": {"terms": {"field": self.column()}}})
    }

    /// From which value on, in a composite of all values.
    pub(crate) fn first_after(&self) -> Option<Value> {
        match self.field {
            FieldRef::Known(_) => None,
            FieldRef::Metadata(key) => Some(json!({"value": metadata_key(key)})),
        }
    }

    /// Whether a term is one of the facet's; those that are follow each other.
    pub(crate) fn has(&self, term: &Value) -> bool {
        let prefix = self.prefix();
        prefix.is_empty() || term.as_str().is_some_and(|term| term.starts_with(&prefix))
    }

    /// The most frequent of all values, and the missing.
    pub(crate) fn first(
        &self,
        mut all: Vec<(Value, u64)>,
        num_missing: u64,
    ) -> Result<Vec<FacetCount>, SearchError> {
        // They come in the order of the values, which a stable sort keeps.
        all.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        all.truncate(self.size);
        self.finish(all, num_missing)
    }

    fn finish(&self, counts: Vec<(Value, u64)>, num_missing: u64) -> Result<Vec<FacetCount>, SearchError> {
        let prefix = self.prefix();
        let shown = |term: Value| match (self.field, term) {
            (FieldRef::Known(field), Value::Number(number)) => {
                Ok(values::shown(field.kind, number.as_i64().ok_or_else(|| unreadable(self.name))?))
            }
            (_, Value::String(text)) => Ok(text.strip_prefix(&prefix).unwrap_or(&text).into()),
            _ => Err(unreadable(self.name)),
        };
        let mut facet = Vec::with_capacity(counts.len() + 1);
        for (term, count) in counts {
            facet.push(FacetCount { value: shown(term)?, ends: None, count });
        }
        push_missing(&mut facet, num_missing);
        Ok(facet)
    }
}

/// A literal text as a regular expression of Lucene.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if c.is_ascii_punctuation() {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted
}

/// Ranges between boundaries that are listed.
pub(crate) fn ranges_aggregations(field: &Field, boundaries: &[i64]) -> Value {
    let name = value_field(field.name);
    let begins = std::iter::once(Edge::Open).chain(boundaries.iter().copied().map(Edge::Inclusive));
    let ends = boundaries.iter().copied().map(Edge::Exclusive).chain(std::iter::once(Edge::Open));
    // Not the cluster's own aggregation of ranges, whose boundaries are floats.
    let filters: Vec<Value> = begins.zip(ends).map(|(from, to)| number_range(&name, from, to)).collect();
    json!({
        "ranges": {"filters": {"filters": filters}},
        "missing": {"missing": {"field": name}},
    })
}

/// The counts of those.
pub(crate) fn read_ranges(facet: &RangeFacet, answer: &Value) -> Result<Vec<FacetCount>, SearchError> {
    let ranges = facet.boundaries.ranges();
    let buckets = answer["ranges"]["buckets"].as_array().filter(|buckets| buckets.len() == ranges.len());
    let buckets = buckets.ok_or_else(|| unreadable(&facet.field))?;
    let mut counts = Vec::with_capacity(ranges.len() + 1);
    for (range, bucket) in ranges.into_iter().zip(buckets) {
        counts.push(of_range(&range, count(bucket)?));
    }
    push_missing(&mut counts, count(&answer["missing"])?);
    Ok(counts)
}

fn of_range(range: &Range, count: u64) -> FacetCount {
    FacetCount { value: range.to_string().into(), ends: Some(values::shown_ends(range)), count }
}

fn push_missing(counts: &mut Vec<FacetCount>, num_missing: u64) {
    if num_missing > 0 {
        counts.push(FacetCount { value: Value::Null, ends: None, count: num_missing });
    }
}

/// Counts by intervals, from counts by steps that are short enough for every interval to be whole steps.
pub(crate) struct Intervals<'a> {
    pub(crate) field: &'a str,
    interval: &'a Interval,
    /// By begin, of which the earliest may be unknown: the end and how many.
    counts: BTreeMap<Option<i64>, (Option<i64>, u64)>,
    pub(crate) num_missing: u64,
    num_steps: usize,
}

impl<'a> Intervals<'a> {
    pub(crate) fn new(field: &'a str, interval: &'a Interval) -> Self {
        Intervals { field, interval, counts: BTreeMap::new(), num_missing: 0, num_steps: 0 }
    }

    /// What is asked first: between which instants there is anything, and how many have none.
    pub(crate) fn span(&self) -> Value {
        let field = milliseconds_field(self.field);
        json!({
            "first": {"min": {"field": field}},
            "last": {"max": {"field": field}},
            "missing": {"missing": {"field": value_field(self.field)}},
        })
    }

    /// Reads that, and says what the steps are counted by; `None` if there are no instants.
    pub(crate) fn source(
        &mut self,
        first: &Value,
        last: &Value,
        missing: &Value,
    ) -> Result<Option<Value>, SearchError> {
        self.num_missing = count(missing)?;
        let (Some(first), Some(last)) = (first["value"].as_f64(), last["value"].as_f64()) else {
            return Ok(None);
        };
        let from = (first as i64).saturating_mul(NANOS_PER_MILLISECOND);
        let to = (last as i64).saturating_add(1).saturating_mul(NANOS_PER_MILLISECOND);
        let step = self.interval.step_millis(from, to).ok_or_else(|| {
            SearchError::Invalid("OpenSearch counts by intervals of whole milliseconds only".to_owned())
        })?;
        Ok(Some(json!({"step": {"histogram": {"field": milliseconds_field(self.field), "interval": step}}})))
    }

    /// Takes in a page of steps.
    pub(crate) fn add(&mut self, buckets: &[Value]) -> Result<(), SearchError> {
        for bucket in buckets {
            let begin = bucket["key"]["step"].as_f64().ok_or_else(|| unreadable(self.field))?;
            let (begin, end) = self.interval.around((begin as i64).saturating_mul(NANOS_PER_MILLISECOND));
            self.counts.entry(begin).or_insert((end, 0)).1 += count(bucket)?;
        }
        self.num_steps += buckets.len();
        if self.counts.len() > INTERVALS_MAX || self.num_steps > STEPS_MAX {
            return Err(SearchError::TooExpensive(format!(
                "more than {INTERVALS_MAX} intervals; choose a longer one"
            )));
        }
        Ok(())
    }

    pub(crate) fn over_time(&self) -> Vec<IntervalCount> {
        let count = |(begin, (_, count)): (&Option<i64>, &(Option<i64>, u64))| IntervalCount {
            from: Timestamp::from_nanos(begin.unwrap_or(i64::MIN)),
            count: *count,
        };
        self.counts.iter().map(count).collect()
    }

    /// The same as a facet.
    pub(crate) fn facet(&self) -> Vec<FacetCount> {
        let instant = |nanos: &Option<i64>| nanos.map(Timestamp::from_nanos);
        let range = |(begin, (end, count)): (&Option<i64>, &(Option<i64>, u64))| {
            let from = instant(begin).map_or(Edge::Open, Edge::Inclusive);
            of_range(&Range::Time(from, instant(end).map_or(Edge::Open, Edge::Exclusive)), *count)
        };
        let mut counts: Vec<FacetCount> = self.counts.iter().map(range).collect();
        push_missing(&mut counts, self.num_missing);
        counts
    }
}

/// What is asked of a distribution.
pub(crate) fn distribution_aggregations(field: &Field) -> Map<String, Value> {
    let value = value_field(field.name);
    let sum = |field: &str| json!({"sum": {"field": field}});
    let mut aggregations = Map::new();
    aggregations.insert("smallest".to_owned(), json!({"min": {"field": value}}));
    aggregations.insert(
        "buckets".to_owned(),
        json!({
            "terms": {"field": bucket_field(field.name), "size": DISTRIBUTION_BUCKETS, "order": {"_key": "asc"}},
            "aggs": {"largest": {"max": {"field": value}}},
        }),
    );
    if field.kind == FieldKind::Money {
        let [thousandths, billionths] = money_fields(field.name);
        aggregations.insert("thousandths".to_owned(), sum(&thousandths));
        aggregations.insert("billionths".to_owned(), sum(&billionths));
    } else {
        aggregations.insert("sum".to_owned(), sum(&value));
    }
    aggregations
}

/// The distribution.
pub(crate) fn read_distribution(field: &Field, answer: &Value) -> Result<Distribution, SearchError> {
    let number = |value: &Value| value["value"].as_f64().ok_or_else(|| unreadable(field.name));
    let buckets = answer["buckets"]["buckets"].as_array().ok_or_else(|| unreadable(field.name))?;
    let mut counted = Vec::with_capacity(buckets.len());
    let mut num_values = 0;
    for bucket in buckets {
        num_values += count(bucket)?;
        counted.push((num_values, number(&bucket["largest"])? as i64));
    }
    if num_values == 0 {
        let [sum, min, p50, p90, p99, max] = [const { Value::Null }; 6];
        return Ok(Distribution { count: 0, sum, min, p50, p90, p99, max });
    }
    let sum = if field.kind == FieldKind::Money {
        let thousandths = number(&answer["thousandths"])? as i128;
        thousandths * i128::from(BILLIONTHS_A_THOUSANDTH) + number(&answer["billionths"])? as i128
    } else {
        number(&answer["sum"])? as i128
    };
    let percentile = |percent: u64| {
        let rank = (num_values * percent).div_ceil(100);
        let value = counted.iter().find(|(num_until, _)| *num_until >= rank).map(|(_, largest)| *largest);
        value.map_or(Value::Null, |value| values::shown(field.kind, value))
    };
    Ok(Distribution {
        count: num_values,
        sum: values::shown_sum(field.kind, sum),
        min: values::shown(field.kind, number(&answer["smallest"])? as i64),
        p50: percentile(50),
        p90: percentile(90),
        p99: percentile(99),
        max: percentile(100),
    })
}

pub(crate) fn count(bucket: &Value) -> Result<u64, SearchError> {
    bucket["doc_count"].as_u64().ok_or_else(|| unreadable("doc_count"))
}

pub(crate) fn unreadable(what: &str) -> SearchError {
    RequestError::Unreadable(format!("the counts of `{what}`")).into()
}
