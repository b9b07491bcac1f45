//! What the engine's cursors say.

use hearken_index::SearchError;
use hearken_index::search::Cursor;
use serde::{Deserialize, Serialize};

/// Where a page ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum PageEnd {
    /// After the hit with these sort keys (in the encoding of [`super::sort`], `None` is missing) and this tie-breaker.
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

impl PageEnd {
    pub(super) fn to_cursor(&self) -> Cursor {
        Cursor::new(serde_json::to_string(self).expect("plain numbers and texts"))
    }

    pub(super) fn from_cursor(cursor: &Cursor) -> Result<Self, SearchError> {
        let malformed = |_| SearchError::Invalid("this is not a cursor".to_owned());
        serde_json::from_str(cursor.token()).map_err(malformed)
    }
}
