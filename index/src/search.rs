//! What can be asked of the index, and what it answers: the words of the port, independent of any engine.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::time::Instant;

use hearken_model::field::{Field, FieldKind, field};
use hearken_model::{Details, Interaction, LazyDocument, MessageText, Money, Timestamp};
use serde::{Deserialize, Serialize};

use crate::access::Access;
use crate::interval::Interval;
use crate::query::{Edge, Query, Range};
use crate::values::{self, FieldRef};

/// A filter on one field: any of the wanted values, none of the unwanted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    /// Any-of; empty accepts every value.
    pub any_of: Vec<FilterValue>,
    /// None-of.
    pub none_of: Vec<FilterValue>,
}

/// What a filter wants or refuses.
#[derive(Debug, Clone, PartialEq)]
pub enum FilterValue {
    /// No value at all.
    Missing,
    /// This value of a field that holds text, letter case included.
    Is(String),
    /// Any value in this range of a field that holds numbers or times; one value is the range of just that.
    Within(Range),
}

/// Which interactions are meant: everything but how the answer is presented.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection {
    /// The parsed query.
    pub query: Query,
    /// Filters by field name; all fields must agree.
    pub filters: BTreeMap<String, Filter>,
    /// Whose interactions. Not widened by anything.
    pub access: Access,
    /// Active in `[from, to)`: start < to and end (or last message) ≥ from.
    pub from: Option<Timestamp>,
    /// See `from`.
    pub to: Option<Timestamp>,
}

impl Selection {
    /// What a query finds of what may be seen, not filtered further.
    pub fn new(query: Query, access: Access) -> Self {
        Selection { query, filters: BTreeMap::new(), access, from: None, to: None }
    }
}

/// What results are ordered by. Missing values come last in both directions; ties are broken by a hash of the id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sort {
    /// Best first, ties by newest.
    Relevance,
    /// By sortable fields of [`hearken_model::field::FIELDS`], the first deciding; at most [`SORT_KEYS_MAX`].
    Fields(Vec<SortKey>),
}

/// Most fields one sort may name.
pub const SORT_KEYS_MAX: usize = 4;

/// One field of a sort.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SortKey {
    /// The field.
    pub field: String,
    /// Largest first.
    pub descending: bool,
}

/// What one search asks for, not checked yet: [`SearchRequest::try_new`].
#[derive(Debug, Clone, PartialEq)]
pub struct SearchParts {
    /// Which interactions.
    pub selection: Selection,
    /// Fields whose values are counted. Each leaves out its own filter.
    pub facets: Vec<String>,
    /// Most values of one facet, 1 to [`FACET_SIZE_MAX`].
    pub facet_size: usize,
    /// Fields whose values are counted by ranges. Each leaves out its own filter.
    pub ranges: Vec<RangeFacet>,
    /// The order.
    pub sort: Sort,
    /// Most hits, 0 to [`LIMIT_MAX`]; over HTTP 100.
    pub limit: usize,
    /// Where the page before ended.
    pub cursor: Option<Cursor>,
    /// When the search must have stopped.
    pub deadline: Option<Instant>,
}

/// Most hits of one page.
pub const LIMIT_MAX: usize = 1_000;
/// Most values of one facet.
pub const FACET_SIZE_MAX: usize = 1_000;

/// One search whose limits, sort, facets and ranges can be answered by any engine, which need not look at them again. The
/// query, the filters and the cursor are the engine's to check.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchRequest(SearchParts);

/// A search asks for what no engine can answer: what, and what there is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidRequest(pub(crate) String);

impl From<InvalidRequest> for SearchError {
    fn from(InvalidRequest(why): InvalidRequest) -> SearchError {
        SearchError::Invalid(why)
    }
}

impl SearchRequest {
    /// Checks what a search asks for.
    ///
    /// # Errors
    /// [`InvalidRequest`].
    pub fn try_new(parts: SearchParts) -> Result<Self, InvalidRequest> {
        if parts.limit > LIMIT_MAX {
            return Err(InvalidRequest(format!("a page has at most {LIMIT_MAX} hits")));
        }
        if !(1..=FACET_SIZE_MAX).contains(&parts.facet_size) {
            return Err(InvalidRequest(format!("a facet has 1 to {FACET_SIZE_MAX} values")));
        }
        if let Sort::Fields(keys) = &parts.sort {
            check_sort(keys)?;
        }
        parts.facets.iter().try_for_each(|name| check_facet(name))?;
        parts.ranges.iter().try_for_each(|facet| facet.numbers().map(drop))?;
        Ok(SearchRequest(parts))
    }
}

impl Deref for SearchRequest {
    type Target = SearchParts;

    fn deref(&self) -> &SearchParts {
        &self.0
    }
}

/// Whether results can be sorted so.
///
/// # Errors
/// [`InvalidRequest`].
pub fn check_sort(keys: &[SortKey]) -> Result<(), InvalidRequest> {
    if keys.is_empty() || keys.len() > SORT_KEYS_MAX {
        return Err(InvalidRequest(format!("a sort has 1 to {SORT_KEYS_MAX} fields")));
    }
    for key in keys {
        let is_sortable =
            field(&key.field).is_some_and(|field| field.sort && field.kind != FieldKind::Keyword);
        if !is_sortable {
            return Err(InvalidRequest(format!("results cannot be sorted by `{}`", key.field)));
        }
    }
    Ok(())
}

/// Whether the values of that field can be counted.
///
/// # Errors
/// [`InvalidRequest`].
pub(crate) fn check_facet(name: &str) -> Result<(), InvalidRequest> {
    match FieldRef::find(name) {
        None => Err(InvalidRequest(format!("there is no field `{name}`"))),
        Some(FieldRef::Known(field)) if !field.facet => {
            Err(InvalidRequest(format!("`{name}` is not a facet")))
        }
        Some(_) => Ok(()),
    }
}

/// Where a page ended: a token that the engine makes and reads, for the same selection and sort. It is not a secret, and may
/// come back as anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(String);

impl Cursor {
    /// A token of the engine's making.
    pub fn new(token: String) -> Self {
        Cursor(token)
    }

    /// The token.
    pub fn token(&self) -> &str {
        &self.0
    }
}

/// One hit.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// What the page shows of it.
    pub document: LazyDocument,
    /// BM25, when sorted by relevance and not all matches score alike.
    pub score: Option<f32>,
}

impl Hit {
    /// The interaction.
    ///
    /// # Errors
    /// What is stored is not a document.
    pub fn id(&self) -> Result<String, SearchError> {
        self.document.id().map_err(unreadable)
    }

    /// What a list shows of it.
    ///
    /// # Errors
    /// What is stored is not a document.
    pub fn head(&self) -> Result<Interaction, SearchError> {
        self.document.head().map_err(unreadable)
    }

    /// What people paste to find it, other than what was said.
    ///
    /// # Errors
    /// What is stored is not a document.
    pub fn details(&self) -> Result<Details, SearchError> {
        self.document.details().map_err(unreadable)
    }

    /// What was said, in the order of the transcript.
    ///
    /// # Errors
    /// What is stored is not a document.
    pub fn message_texts(&self) -> Result<Vec<MessageText<'_>>, SearchError> {
        self.document.message_texts().map_err(unreadable)
    }
}

fn unreadable(error: serde_json::Error) -> SearchError {
    SearchError::Engine(Box::new(error))
}

/// A field that holds numbers or times, to be counted by ranges of its values.
#[derive(Debug, Clone, PartialEq)]
pub struct RangeFacet {
    /// The field.
    pub field: String,
    /// Where one range ends and the next begins.
    pub boundaries: Boundaries,
}

impl RangeFacet {
    /// The field, and where each range but the first begins, in the numbers of [`crate::values`]; of intervals nothing.
    ///
    /// # Errors
    /// [`InvalidRequest`]: there are no such ranges of the field.
    pub fn numbers(&self) -> Result<(&'static Field, Vec<i64>), InvalidRequest> {
        let invalid = |why: &str| InvalidRequest(format!("`{}` {why}", self.field));
        let field = field(&self.field).ok_or_else(|| invalid("is not a field"))?;
        let numbers: Vec<i64> = match (&self.boundaries, field.kind) {
            (Boundaries::Integer(boundaries), FieldKind::Integer) => boundaries.clone(),
            (Boundaries::Seconds(boundaries), FieldKind::Seconds) => {
                boundaries.iter().copied().map(values::seconds).collect()
            }
            (Boundaries::Money(boundaries), FieldKind::Money) => {
                boundaries.iter().copied().map(values::money).collect()
            }
            (Boundaries::Instants(boundaries), FieldKind::Time) => {
                boundaries.iter().map(|boundary| boundary.as_nanos()).collect()
            }
            (Boundaries::Every(interval), FieldKind::Time) => {
                interval.check()?;
                return Ok((field, Vec::new()));
            }
            _ => return Err(invalid("cannot be counted by such ranges")),
        };
        if numbers.is_empty() || numbers.len() > BOUNDARIES_MAX || !numbers.is_sorted() {
            return Err(invalid("is counted by ranges between boundaries that ascend"));
        }
        Ok((field, numbers))
    }
}

/// Most boundaries between the ranges of one facet.
pub const BOUNDARIES_MAX: usize = 100;

/// Where one range of a facet ends and the next begins, by what the field holds. A boundary belongs to the range above
/// it. Of those that are listed there are 1 to [`BOUNDARIES_MAX`], ascending.
#[derive(Debug, Clone, PartialEq)]
pub enum Boundaries {
    /// Of an integer field.
    Integer(Vec<i64>),
    /// Of a field of seconds.
    Seconds(Vec<f64>),
    /// Of a field of money.
    Money(Vec<Money>),
    /// Of a field of instants: these.
    Instants(Vec<Timestamp>),
    /// Of a field of instants: such intervals.
    Every(Interval),
}

impl Boundaries {
    /// The ranges around the boundaries that are listed, ascending: below the first, between two, from the last on.
    /// None for intervals, which depend on the instants that there are.
    pub fn ranges(&self) -> Vec<Range> {
        match self {
            Boundaries::Integer(boundaries) => between(boundaries, Range::Integer),
            Boundaries::Seconds(boundaries) => between(boundaries, Range::Seconds),
            Boundaries::Money(boundaries) => between(boundaries, Range::Money),
            Boundaries::Instants(boundaries) => between(boundaries, Range::Time),
            Boundaries::Every(_) => Vec::new(),
        }
    }
}

fn between<T: Copy>(boundaries: &[T], range: fn(Edge<T>, Edge<T>) -> Range) -> Vec<Range> {
    let begins = std::iter::once(Edge::Open).chain(boundaries.iter().copied().map(Edge::Inclusive));
    let ends = boundaries.iter().copied().map(Edge::Exclusive).chain(std::iter::once(Edge::Open));
    begins.zip(ends).map(|(from, to)| range(from, to)).collect()
}

/// One counted value or range of values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FacetCount {
    /// The value: text, a number for numeric fields, a range as the query language writes it, or `null` for missing.
    pub value: serde_json::Value,
    /// The ends of a range; absent for values and for missing.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<RangeEnds>,
    /// Interactions that have it, exact.
    pub count: u64,
}

/// The ends of a range as values of its field are shown; `null` is open.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RangeEnds {
    /// The first value that belongs to it.
    pub from: serde_json::Value,
    /// The first value above that does not.
    pub to: serde_json::Value,
}

/// The answer to a [`SearchRequest`].
#[derive(Debug, Clone, PartialEq)]
pub struct SearchResponse {
    /// Interactions that match, exact.
    pub total: u64,
    /// The page.
    pub hits: Vec<Hit>,
    /// For each facet asked for, in that order: values by count, then value; missing is one entry with `null`. Then for
    /// each of [`SearchParts::ranges`], in that order: every range, of intervals those that are not empty, ascending,
    /// and missing last.
    pub facets: Vec<(String, Vec<FacetCount>)>,
    /// Where the next page begins, unless this one was the last.
    pub next: Option<Cursor>,
}

/// Why a search gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The deadline passed; the work was stopped.
    #[error("the search took too long and was stopped")]
    DeadlineExceeded,
    /// The query would cost too much; nothing was done.
    #[error("the query is too expensive: {0}")]
    TooExpensive(String),
    /// The pinned view of a relevance cursor is gone.
    #[error("the cursor has expired; search again")]
    CursorExpired,
    /// The request names something that does not exist or cannot be done.
    #[error("{0}")]
    Invalid(String),
    /// The engine is away, or too busy to answer; the same search may be answered a little later.
    #[error("the index is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The engine failed.
    #[error("the index failed")]
    Engine(#[source] Box<dyn std::error::Error + Send + Sync>),
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn parts() -> SearchParts {
        SearchParts {
            selection: Selection::new(Query::All, Access::All),
            facets: vec!["country".to_owned(), "metadata.plan".to_owned()],
            facet_size: FACET_SIZE_MAX,
            ranges: Vec::new(),
            sort: Sort::Relevance,
            limit: LIMIT_MAX,
            cursor: None,
            deadline: None,
        }
    }

    #[test]
    fn what_no_engine_can_answer_is_refused() {
        assert!(SearchRequest::try_new(parts()).is_ok());
        let by = |field: &str| SortKey { field: field.to_owned(), descending: true };
        for refused in [
            SearchParts { facets: vec!["nope".to_owned()], ..parts() },
            SearchParts { facets: vec!["id".to_owned()], ..parts() },
            SearchParts { facet_size: 0, ..parts() },
            SearchParts { facet_size: FACET_SIZE_MAX + 1, ..parts() },
            SearchParts { sort: Sort::Fields(vec![by("country")]), ..parts() },
            SearchParts { sort: Sort::Fields(vec![by("nope")]), ..parts() },
            SearchParts { sort: Sort::Fields(vec![by("csat"); SORT_KEYS_MAX + 1]), ..parts() },
            SearchParts { sort: Sort::Fields(Vec::new()), ..parts() },
            SearchParts { limit: LIMIT_MAX + 1, ..parts() },
        ] {
            let why = SearchRequest::try_new(refused.clone()).map_err(|error| error.to_string());
            assert!(why.is_err_and(|why| !why.is_empty()), "{refused:?}");
        }
    }

    #[test]
    fn ranges_that_cannot_be_counted_are_refused() {
        let facet = |field: &str, boundaries| RangeFacet { field: field.to_owned(), boundaries };
        for refused in [
            facet("nope", Boundaries::Integer(vec![1])),
            facet("country", Boundaries::Integer(vec![1])),
            facet("metadata.seats", Boundaries::Integer(vec![1])),
            facet("csat", Boundaries::Seconds(vec![1.0])),
            facet("duration", Boundaries::Every(Duration::from_secs(1).into())),
            facet("csat", Boundaries::Integer(vec![])),
            facet("csat", Boundaries::Integer(vec![2, 1])),
            facet("csat", Boundaries::Integer((0..=BOUNDARIES_MAX as i64).collect())),
            facet("start_time", Boundaries::Every(Duration::ZERO.into())),
        ] {
            let asked = SearchParts { ranges: vec![refused.clone()], ..parts() };
            assert!(SearchRequest::try_new(asked).is_err(), "{refused:?}");
        }
    }
}
