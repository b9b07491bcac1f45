//! Answers, found by looking at every document.

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use hearken_index::oracle;
use hearken_index::overview::{Distribution, INTERVALS_MAX, IntervalCount, Overview, OverviewRequest};
use hearken_index::query::{Edge, Range};
use hearken_index::search::{
    Boundaries, Cursor, FacetCount, Hit, RangeFacet, SearchError, SearchRequest, SearchResponse, Selection,
    Sort, SortKey,
};
use hearken_index::values::{self, FieldRef};
use hearken_model::field::{FieldKind, field};
use hearken_model::{Document, LazyDocument, Timestamp};
use serde::{Deserialize, Serialize};

use super::Documents;

/// Where a page ended: the sort keys and the id of its last hit.
#[derive(Serialize, Deserialize)]
struct PageEnd {
    keys: Vec<Option<i64>>,
    id: String,
}

pub(super) fn all(documents: &Documents) -> impl Iterator<Item = &Document> {
    documents.values().map(|document| &**document)
}

/// By the sort, ties by id.
pub(super) fn in_order<'d>(mut found: Vec<&'d Document>, sort: &[SortKey]) -> Vec<&'d Document> {
    found.sort_by(|a, b| oracle::compare(a, b, sort).then_with(|| a.id().cmp(b.id())));
    found
}

pub(super) fn search(documents: &Documents, request: &SearchRequest) -> Result<SearchResponse, SearchError> {
    in_time(request.deadline)?;
    // There is no relevance here, and where all matches are as good the newest comes first.
    let newest = [SortKey { field: "start_time".to_owned(), descending: true }];
    let sort: &[SortKey] = match &request.sort {
        Sort::Fields(keys) => keys,
        Sort::Relevance => &newest,
    };
    let found = in_order(oracle::find(all(documents), &request.selection), sort);
    let total = found.len() as u64;
    let from = match &request.cursor {
        None => 0,
        Some(cursor) => {
            let end = read(cursor, sort)?;
            found.partition_point(|document| order(document, &end, sort).is_le())
        }
    };
    let to = from.saturating_add(request.limit).min(found.len());
    let page = &found[from..to];
    let next = page.last().filter(|_| to < found.len()).map(|last| written(last, sort));

    let unfiltered = |name: &str| -> Vec<&Document> {
        let mut selection = Selection::clone(&request.selection);
        match selection.filters.remove(name) {
            Some(_) => oracle::find(all(documents), &selection),
            None => found.clone(),
        }
    };
    let facets = request
        .facets
        .iter()
        .map(|name| Ok::<_, SearchError>(facet(&unfiltered(name), name, request.facet_size)));
    let ranges = request.ranges.iter().map(|facet| ranges(&unfiltered(&facet.field), facet));
    let hits = page.iter().map(|document| Hit {
        document: LazyDocument::in_memory(Arc::new((*document).clone())),
        score: None,
    });
    Ok(SearchResponse {
        total,
        hits: hits.collect(),
        facets: facets.chain(ranges).collect::<Result<_, _>>()?,
        next,
    })
}

pub(super) fn overview(documents: &Documents, request: &OverviewRequest) -> Result<Overview, SearchError> {
    in_time(request.deadline)?;
    let found = oracle::find(all(documents), &request.selection);
    let boundaries = Boundaries::Every(request.interval.clone());
    let intervals = oracle::ranges(&found, &RangeFacet { field: "start_time".to_owned(), boundaries });
    let few_enough = intervals.len() <= INTERVALS_MAX + 1; // one may be of those without a start
    few_enough.then_some(()).ok_or_else(too_many_intervals)?;
    let (mut over_time, mut without_start) = (Vec::new(), 0);
    for (range, count) in intervals {
        match range {
            None => without_start = count,
            Some(Range::Time(Edge::Inclusive(from), _)) => over_time.push(IntervalCount { from, count }),
            Some(_) => over_time.push(IntervalCount { from: Timestamp::from_nanos(i64::MIN), count }),
        }
    }
    let facets =
        request.facets.iter().map(|name| Ok::<_, SearchError>(facet(&found, name, request.facet_size)));
    let ranges = request.ranges.iter().map(|facet| ranges(&found, facet));
    Ok(Overview {
        total: found.len() as u64,
        over_time,
        without_start,
        facets: facets.chain(ranges).collect::<Result<_, _>>()?,
        distributions: request.distributions.iter().map(|name| distribution(&found, name)).collect(),
    })
}

fn in_time(deadline: Option<Instant>) -> Result<(), SearchError> {
    match deadline {
        Some(deadline) if deadline <= Instant::now() => Err(SearchError::DeadlineExceeded),
        _ => Ok(()),
    }
}

fn keys(document: &Document, sort: &[SortKey]) -> Vec<Option<i64>> {
    sort.iter().map(|key| values::number(document, &key.field)).collect()
}

fn written(last: &Document, sort: &[SortKey]) -> Cursor {
    let end = PageEnd { keys: keys(last, sort), id: last.id().to_string() };
    Cursor::new(serde_json::to_string(&end).expect("plain numbers and a text"))
}

fn read(cursor: &Cursor, sort: &[SortKey]) -> Result<PageEnd, SearchError> {
    let end: Option<PageEnd> = serde_json::from_str(cursor.token()).ok();
    let is_of_this_sort = |end: &PageEnd| end.keys.len() == sort.len();
    end.filter(is_of_this_sort).ok_or_else(|| SearchError::Invalid("this is not a cursor".to_owned()))
}

/// The document against the end of a page.
fn order(document: &Document, end: &PageEnd, sort: &[SortKey]) -> Ordering {
    let keys = keys(document, sort);
    let by_keys = sort.iter().zip(keys.iter().zip(&end.keys)).fold(Ordering::Equal, |order, (key, pair)| {
        order.then_with(|| match pair {
            (Some(a), Some(b)) if key.descending => b.cmp(a),
            (Some(a), Some(b)) => a.cmp(b),
            (a, b) => a.is_none().cmp(&b.is_none()),
        })
    });
    by_keys.then_with(|| document.id().as_str().cmp(&end.id))
}

fn facet(found: &[&Document], name: &str, size: usize) -> (String, Vec<FacetCount>) {
    let kind = match FieldRef::find(name) {
        Some(FieldRef::Known(field)) if field.kind != FieldKind::Keyword => Some(field.kind),
        _ => None,
    };
    let mut num_missing = 0;
    let mut counted = match kind {
        None => {
            let mut counts = oracle::facet(found, name);
            num_missing = counts.remove(&None).unwrap_or(0);
            let mut counts: Vec<(String, u64)> =
                counts.into_iter().filter_map(|(value, count)| Some((value?, count))).collect();
            counts.sort_by_key(|(_, count)| Reverse(*count)); // stable: values of one count stay in their order
            counts.into_iter().map(|(value, count)| (value.into(), count)).collect::<Vec<_>>()
        }
        Some(kind) => {
            let mut counts: BTreeMap<i64, u64> = BTreeMap::new();
            for document in found {
                match values::number(document, name) {
                    Some(number) => *counts.entry(number).or_default() += 1,
                    None => num_missing += 1,
                }
            }
            let mut counts: Vec<(i64, u64)> = counts.into_iter().collect();
            counts.sort_by_key(|(_, count)| Reverse(*count));
            counts.into_iter().map(|(number, count)| (values::shown(kind, number), count)).collect()
        }
    };
    counted.truncate(size);
    if num_missing > 0 {
        counted.push((serde_json::Value::Null, num_missing));
    }
    let counts = counted.into_iter().map(|(value, count)| FacetCount { value, ends: None, count });
    (name.to_owned(), counts.collect())
}

fn ranges(found: &[&Document], facet: &RangeFacet) -> Result<(String, Vec<FacetCount>), SearchError> {
    let counted = oracle::ranges(found, facet);
    let num_ranges = counted.iter().filter(|(range, _)| range.is_some()).count();
    if num_ranges > INTERVALS_MAX {
        return Err(too_many_intervals());
    }
    let counts = counted.into_iter().map(|(range, count)| match range {
        Some(range) => {
            FacetCount { value: range.to_string().into(), ends: Some(values::shown_ends(&range)), count }
        }
        None => FacetCount { value: serde_json::Value::Null, ends: None, count },
    });
    Ok((facet.field.clone(), counts.collect()))
}

fn too_many_intervals() -> SearchError {
    SearchError::TooExpensive(format!("more than {INTERVALS_MAX} intervals; choose a longer one"))
}

fn distribution(found: &[&Document], name: &str) -> (String, Distribution) {
    let kind = field(name).map_or(FieldKind::Integer, |field| field.kind);
    let mut numbers: Vec<i64> = found.iter().filter_map(|document| values::number(document, name)).collect();
    numbers.sort_unstable();
    let percentile = |percent: usize| {
        let rank = (numbers.len() * percent).div_ceil(100).max(1);
        numbers.get(rank - 1).map_or(serde_json::Value::Null, |number| values::shown(kind, *number))
    };
    let sum: i128 = numbers.iter().map(|number| i128::from(*number)).sum();
    let distribution = Distribution {
        count: numbers.len() as u64,
        sum: if numbers.is_empty() { serde_json::Value::Null } else { values::shown_sum(kind, sum) },
        min: percentile(0),
        p50: percentile(50),
        p90: percentile(90),
        p99: percentile(99),
        max: percentile(100),
    };
    (name.to_owned(), distribution)
}
