//! Search parameters (docs/reference.md#search): turns pairs of names and values, from a query string or a JSON object,
//! into one checked [`SearchParameters`].

mod cursor;
mod parse;
mod ranges;

use std::collections::BTreeMap;

use hearken_index::Access;
use hearken_index::interval::Zone;
use hearken_index::query::{Edge, Query, Range};
use hearken_index::search::{Filter, RangeFacet, Selection, Sort, SortKey};
use hearken_model::Timestamp;

pub use cursor::{InvalidCursor, decode_cursor, encode_cursor};
pub use parse::{Pair, ParameterError, ParameterErrorKind, pairs_of_json, pairs_of_query};
pub(crate) use ranges::{INTERVAL_HINT, parse_interval};

/// Hits per page unless `limit` says otherwise.
pub const LIMIT_DEFAULT: usize = 20;
/// Most hits per page.
pub const LIMIT_MAX: usize = 100;
/// Values per facet unless `facet_size` says otherwise.
pub const FACET_SIZE_DEFAULT: usize = 10;
/// Most values per facet.
pub const FACET_SIZE_MAX: usize = 1_000;
/// Most facets per search.
pub const FACETS_MAX: usize = 40;
/// Most filter values per search.
pub const FILTER_VALUES_MAX: usize = 1_000;

/// A search request, checked except for the query's text.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchParameters {
    /// The query as the user wrote it; `None` and blank mean everything.
    pub q: Option<String>,
    /// Fields to count by value, each once.
    pub facets: Vec<String>,
    /// Most values per facet, 1 to [`FACET_SIZE_MAX`].
    pub facet_size: usize,
    /// Fields to count by ranges, each once and not among `facets`.
    pub ranges: Vec<RangeFacet>,
    /// Filters by field.
    pub filters: BTreeMap<String, Filter>,
    /// See [`Selection::from`].
    pub from: Option<Timestamp>,
    /// See [`Selection::to`].
    pub to: Option<Timestamp>,
    /// The time zone of days, weeks and other intervals.
    pub zone: Zone,
    /// Only interactions that started at or after the first time and before the second. Set by the pages; requests say
    /// it in the query, as `start_time:[a TO b}`.
    pub started: (Option<Timestamp>, Option<Timestamp>),
    /// The requested order; if `None`, [`SearchParameters::effective_sort`] decides.
    pub sort: Option<Sort>,
    /// Most hits, 0 to [`LIMIT_MAX`].
    pub limit: usize,
    /// Where to continue: an answer's `next_cursor`.
    pub cursor: Option<String>,
}

impl Default for SearchParameters {
    fn default() -> Self {
        SearchParameters {
            q: None,
            facets: Vec::new(),
            facet_size: FACET_SIZE_DEFAULT,
            ranges: Vec::new(),
            filters: BTreeMap::new(),
            from: None,
            to: None,
            zone: Zone::default(),
            started: (None, None),
            sort: None,
            limit: LIMIT_DEFAULT,
            cursor: None,
        }
    }
}

impl SearchParameters {
    /// Checks parameters. Names in `extra` belong to the route; their values are returned in that order.
    ///
    /// # Errors
    /// An unknown name, an invalid value, or a single-valued parameter given twice.
    pub fn parse<const N: usize>(
        pairs: Vec<Pair>,
        extra: [&str; N],
    ) -> Result<(Self, [Option<String>; N]), ParameterError> {
        parse::parse(pairs, extra)
    }

    /// The query's text as written, so that positions in it are those in `q`; `None` if it is blank.
    pub fn text(&self) -> Option<&str> {
        self.q.as_deref().filter(|text| !text.trim().is_empty())
    }

    /// The order: as requested, else by relevance if the query searches words, else newest first.
    pub fn effective_sort(&self, query: &Query) -> Sort {
        match &self.sort {
            Some(sort) => sort.clone(),
            None if query.searches_words() => Sort::Relevance,
            None => Sort::Fields(vec![SortKey { field: "start_time".to_owned(), descending: true }]),
        }
    }

    /// The selected interactions, out of those the caller may see.
    pub fn selection(&self, query: Query, access: Access) -> Selection {
        let query = self.with_start(query);
        Selection { query, filters: self.filters.clone(), access, from: self.from, to: self.to }
    }

    /// The query, combined with the required time of start.
    pub fn with_start(&self, query: Query) -> Query {
        let range = match self.started {
            (None, None) => return query,
            (from, to) => {
                Range::Time(from.map_or(Edge::Open, Edge::Inclusive), to.map_or(Edge::Open, Edge::Exclusive))
            }
        };
        let started = Query::Range { field: "start_time".to_owned(), range };
        match query {
            Query::All => started,
            query => Query::And(vec![query, started]),
        }
    }
}
