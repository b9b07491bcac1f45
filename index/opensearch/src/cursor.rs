//! What a cursor holds.

use hearken_index::SearchError;
use hearken_index::search::Cursor;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where a page ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PageEnd {
    /// The sort values of its last hit.
    pub(crate) after: Vec<Value>,
    /// By relevance: the point in time that the pages are of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pit: Option<String>,
    /// How many hits there were up to it.
    pub(crate) num_before: usize,
    /// By relevance: how many tombstones there were.
    #[serde(default)]
    pub(crate) num_erased: u64,
}

impl PageEnd {
    pub(crate) fn to_cursor(&self) -> Cursor {
        Cursor::new(serde_json::to_string(self).expect("plain numbers and texts"))
    }

    /// Reads a cursor of that order. It comes from outside and may be anything.
    pub(crate) fn read(cursor: &Cursor, order: &[Value]) -> Result<Self, SearchError> {
        let none = || SearchError::Invalid("this is not a cursor".to_owned());
        let end: PageEnd = serde_json::from_str(cursor.token()).map_err(|_| none())?;
        let are_plain = end.after.iter().all(|value| value.is_number() || value.is_string());
        if !are_plain {
            return Err(none());
        }
        if end.after.len() != order.len() {
            return Err(SearchError::Invalid("the cursor belongs to another sort".to_owned()));
        }
        Ok(end)
    }
}
