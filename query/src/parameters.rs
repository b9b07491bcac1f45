//! Search parameters (docs/reference.md#search): pairs of names and values, from a query string or a JSON object, become
//! one checked [`SearchParameters`].

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

/// Hits of a page unless `limit` says otherwise.
pub const LIMIT_DEFAULT: usize = 20;
/// Most hits of a page.
pub const LIMIT_MAX: usize = 100;
/// Values of a facet unless `facet_size` says otherwise.
pub const FACET_SIZE_DEFAULT: usize = 10;
/// Most values of a facet.
pub const FACET_SIZE_MAX: usize = 1_000;
/// Most facets of one search.
pub const FACETS_MAX: usize = 40;
/// Most filter values of one search.
pub const FILTER_VALUES_MAX: usize = 1_000;

/// What a search asks for, checked except for the query's text.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchParameters {
    /// The query as the user wrote it; `None` and blank ask for everything.
    pub q: Option<String>,
    /// Fields whose values are counted, each once.
    pub facets: Vec<String>,
    /// Most values of one facet, 1 to [`FACET_SIZE_MAX`].
    pub facet_size: usize,
    /// Fields whose values are counted by ranges, each once and not among `facets`.
    pub ranges: Vec<RangeFacet>,
    /// Filters by field.
    pub filters: BTreeMap<String, Filter>,
    /// See [`Selection::from`].
    pub from: Option<Timestamp>,
    /// See [`Selection::to`].
    pub to: Option<Timestamp>,
    /// Whose days and weeks intervals are.
    pub zone: Zone,
    /// Started at or after the first and before the second. The pages set it; requests say it in the query, as
    /// `start_time:[a TO b}`.
    pub started: (Option<Timestamp>, Option<Timestamp>),
    /// As asked for; `None` leaves it to [`SearchParameters::effective_sort`].
    pub sort: Option<Sort>,
    /// Most hits, 0 to [`LIMIT_MAX`].
    pub limit: usize,
    /// Where to continue, as an answer's `next_cursor` gave it.
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
    /// Checks parameters. Names in `extra` belong to the route; their values come back in that order.
    ///
    /// # Errors
    /// A name nobody knows, a value its parameter cannot have, or a single-valued parameter given twice.
    pub fn parse<const N: usize>(
        pairs: Vec<Pair>,
        extra: [&str; N],
    ) -> Result<(Self, [Option<String>; N]), ParameterError> {
        parse::parse(pairs, extra)
    }

    /// The query's text as it was written, so that positions in it are those of `q`; `None` when it is blank.
    pub fn text(&self) -> Option<&str> {
        self.q.as_deref().filter(|text| !text.trim().is_empty())
    }

    /// The order: as asked for, else by relevance when the query searches words, else newest first.
    pub fn effective_sort(&self, query: &Query) -> Sort {
        match &self.sort {
            Some(sort) => sort.clone(),
            None if query.searches_words() => Sort::Relevance,
            None => Sort::Fields(vec![SortKey { field: "start_time".to_owned(), descending: true }]),
        }
    }

    /// Which interactions are meant, of those that the caller may see.
    pub fn selection(&self, query: Query, access: Access) -> Selection {
        let query = self.with_start(query);
        Selection { query, filters: self.filters.clone(), access, from: self.from, to: self.to }
    }

    /// The query and when what it finds must have started.
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
