//! Questions, and whether an answer is what a scan finds.

use std::collections::BTreeMap;

use hearken_model::Document;

use super::World;
use crate::oracle;
use crate::query::{Query, Scope, TextForm};
use crate::search::{FacetCount, Hit, RangeFacet, SearchParts, SearchRequest, Selection, Sort, SortKey};
use crate::{Access, Search};

pub fn parts(selection: Selection) -> SearchParts {
    SearchParts {
        selection,
        facets: Vec::new(),
        facet_size: 1_000,
        ranges: Vec::new(),
        sort: Sort::Fields(vec![SortKey { field: "start_time".to_owned(), descending: true }]),
        limit: 1_000,
        cursor: None,
        deadline: None,
    }
}

/// The request of these parts, which can be answered.
pub fn checked(parts: &SearchParts) -> SearchRequest {
    SearchRequest::try_new(parts.clone()).unwrap()
}

pub fn ids<'d>(documents: impl IntoIterator<Item = &'d Document>) -> Vec<String> {
    let mut ids: Vec<String> = documents.into_iter().map(|d| d.id().as_str().to_owned()).collect();
    ids.sort();
    ids
}

pub fn hit_ids(hits: &[Hit]) -> Vec<String> {
    let mut ids: Vec<String> = hits.iter().map(|hit| hit.id().unwrap()).collect();
    ids.sort();
    ids
}

pub const FACETS: &[&str] = &[
    "country",
    "organization",
    "agent",
    "llm_models",
    "keywords",
    "topic",
    "type",
    "status",
    "csat",
    "total_costs",
    "messages_count",
    "metadata.plan",
    "metadata.seats",
    "metadata.plan.seats\0odd",
    "metadata.none",
    "sentiment",
];

/// A facet's value as the oracle writes it.
pub fn shown(value: &serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// Same interactions, totals and counts; every page in order; relevance finds the same.
pub fn check(world: &World, selection: &Selection) {
    let expected = oracle::find(&world.documents, selection);
    let mut asked = parts(selection.clone());
    asked.facets = FACETS.iter().map(|name| (*name).to_owned()).collect();
    let answer = world.search.search(&checked(&asked)).unwrap();
    assert_eq!(hit_ids(&answer.hits), ids(expected.iter().copied()), "{selection:?}");
    assert_eq!(answer.total, expected.len() as u64);
    for (name, counts) in &answer.facets {
        let counted: BTreeMap<_, _> = counts.iter().map(|c| (shown(&c.value), c.count)).collect();
        assert_eq!(counted.len(), counts.len(), "a value of `{name}` comes twice");
        let mut unfiltered = selection.clone();
        let has_filter = unfiltered.filters.remove(name).is_some();
        let matches = if has_filter { oracle::find(&world.documents, &unfiltered) } else { expected.clone() };
        assert_eq!(counted, oracle::facet(&matches, name), "facet {name} of {selection:?}");
    }
    let names: Vec<&String> = answer.facets.iter().map(|(name, _)| name).collect();
    assert_eq!(names, asked.facets.iter().collect::<Vec<_>>());

    let relevant = SearchParts { sort: Sort::Relevance, ..parts(selection.clone()) };
    let relevant = world.search.search(&checked(&relevant)).unwrap();
    assert_eq!(hit_ids(&relevant.hits), ids(expected.iter().copied()));
    assert!(relevant.hits.windows(2).all(|pair| pair[0].score >= pair[1].score));
}

/// Same counts by ranges, each without its own filter, and their ends.
pub fn check_ranges(world: &World, selection: &Selection, ranges: &[RangeFacet]) {
    let mut asked = SearchParts { limit: 0, ranges: ranges.to_vec(), ..parts(selection.clone()) };
    asked.facets = vec!["sentiment".to_owned()];
    let answer = world.search.search(&checked(&asked)).unwrap();
    let names: Vec<&String> = answer.facets.iter().map(|(name, _)| name).collect();
    assert_eq!(names, asked.facets.iter().chain(ranges.iter().map(|facet| &facet.field)).collect::<Vec<_>>());
    let expected = oracle::find(&world.documents, selection);
    for (facet, (name, counts)) in ranges.iter().zip(&answer.facets[1..]) {
        let mut unfiltered = selection.clone();
        let has_filter = unfiltered.filters.remove(name).is_some();
        let matches = if has_filter { oracle::find(&world.documents, &unfiltered) } else { expected.clone() };
        assert_eq!(counted_ranges(counts), scanned_ranges(&matches, facet), "{facet:?} of {selection:?}");
    }
}

pub fn counted_ranges(counts: &[FacetCount]) -> Vec<(Option<String>, u64)> {
    counts.iter().map(|counted| (shown(&counted.value), counted.count)).collect()
}

pub fn scanned_ranges(matches: &[&Document], facet: &RangeFacet) -> Vec<(Option<String>, u64)> {
    let counts = oracle::ranges(matches, facet).into_iter();
    counts.map(|(range, count)| (range.map(|range| range.to_string()), count)).collect()
}

pub fn by(field: &str, descending: bool) -> SortKey {
    SortKey { field: field.to_owned(), descending }
}

pub fn words(text: &str) -> Selection {
    let query = Query::Text { scope: Scope::Default, text: text.to_owned(), form: TextForm::Word };
    Selection::new(query, Access::All)
}

/// The ids of all pages, which change nothing but the cursor.
pub fn page_through(search: &dyn Search, mut request: SearchParts, mut between: impl FnMut()) -> Vec<String> {
    let mut seen = Vec::new();
    loop {
        let answer = search.search(&checked(&request)).unwrap();
        assert!(answer.hits.len() <= request.limit);
        seen.extend(answer.hits.iter().map(|hit| hit.id().unwrap()));
        let Some(next) = answer.next else { return seen };
        assert_eq!(answer.hits.len(), request.limit, "only the last page is short");
        request.cursor = Some(next);
        between();
    }
}
