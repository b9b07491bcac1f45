//! What can be asked of the index, and what it answers: the words of the port, independent of any engine.

use std::collections::BTreeMap;
use std::time::Instant;

use hearken_model::{Glimpse, Interaction, Said, Timestamp};
use serde::{Deserialize, Serialize};

use crate::query::Query;

/// A filter on one facet field: any of the wanted values, none of the unwanted. `None` is "missing".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Any-of; empty accepts every value.
    pub any_of: Vec<Option<String>>,
    /// None-of.
    pub none_of: Vec<Option<String>>,
}

/// Which interactions are meant: everything but how the answer is presented.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection {
    /// The parsed query.
    pub query: Query,
    /// Filters by field name; all fields must agree. Values match exactly, letter case included.
    pub filters: BTreeMap<String, Filter>,
    /// Only interactions of these organizations; `None` is all of them. Part of every query, not widened by anything.
    pub organizations: Option<Vec<String>>,
    /// Active in `[from, to)`: start < to and end (or last message) ≥ from.
    pub from: Option<Timestamp>,
    /// See `from`.
    pub to: Option<Timestamp>,
}

impl Default for Selection {
    fn default() -> Self {
        Selection { query: Query::All, filters: BTreeMap::new(), organizations: None, from: None, to: None }
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

/// One search.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchRequest {
    /// Which interactions.
    pub selection: Selection,
    /// Fields whose values are counted. Each leaves out its own filter.
    pub facets: Vec<String>,
    /// Most values of one facet, 1 to 1,000.
    pub facet_size: usize,
    /// The order.
    pub sort: Sort,
    /// Most hits, 0 to 100 over HTTP; the index itself allows up to 1,000 (export pages).
    pub limit: usize,
    /// Where the page before ended.
    pub cursor: Option<Cursor>,
    /// When the search must have stopped.
    pub deadline: Option<Instant>,
}

/// Where a page ended. Opaque to users; `query` turns it into text and back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Cursor {
    /// After the hit with these sort keys (the engine's own encoding, `None` is missing) and this tie-breaker.
    After {
        /// One for each key of the sort.
        keys: Vec<Option<i64>>,
        /// Hash of the id.
        tie: u64,
        /// The id itself: two ids may share a hash.
        id: String,
    },
    /// A position in a pinned view.
    Pinned {
        /// The view.
        view: u64,
        /// Hits before.
        offset: usize,
    },
}

/// One hit.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// What the page shows of it.
    pub glimpse: Glimpse,
    /// BM25, when sorted by relevance.
    pub score: Option<f32>,
}

impl Hit {
    /// The interaction.
    ///
    /// # Errors
    /// What is stored is no document.
    pub fn id(&self) -> Result<String, SearchError> {
        self.glimpse.id().map_err(unreadable)
    }

    /// What a list shows of it.
    ///
    /// # Errors
    /// What is stored is no document.
    pub fn head(&self) -> Result<Interaction, SearchError> {
        self.glimpse.head().map_err(unreadable)
    }

    /// What was said, in the order of the transcript.
    ///
    /// # Errors
    /// What is stored is no document.
    pub fn said(&self) -> Result<Vec<Said<'_>>, SearchError> {
        self.glimpse.said().map_err(unreadable)
    }
}

fn unreadable(error: serde_json::Error) -> SearchError {
    SearchError::Engine(Box::new(error))
}

/// One counted value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FacetCount {
    /// The value: text, a number for numeric fields, or `null` for missing.
    pub value: serde_json::Value,
    /// Interactions that have it, exact.
    pub count: u64,
}

/// The answer to a [`SearchRequest`].
#[derive(Debug, Clone, PartialEq)]
pub struct SearchResponse {
    /// Interactions that match, exact.
    pub total: u64,
    /// The page.
    pub hits: Vec<Hit>,
    /// For each facet asked for, in that order: values by count, then value; missing is one entry with `null`.
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
    /// The engine failed.
    #[error("the index failed")]
    Engine(#[source] Box<dyn std::error::Error + Send + Sync>),
}
