//! Cursors as text: opaque to users, and bound to their search.

use std::hash::{DefaultHasher, Hash, Hasher};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hearken_index::search::{Cursor, FilterValue, Selection, Sort};
use serde::{Deserialize, Serialize};

/// The text is not a cursor of this search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCursor {
    /// Not a cursor at all.
    #[error("this is not a cursor")]
    Malformed,
    /// A cursor with another query, other filters or another order.
    #[error("this cursor belongs to another search")]
    OtherSearch,
}

#[derive(Serialize, Deserialize)]
struct Envelope {
    /// A hash of the search.
    s: u64,
    /// The position.
    c: Cursor,
}

/// A cursor for this search, as text.
pub fn encode_cursor(cursor: &Cursor, selection: &Selection, sort: &Sort) -> String {
    let envelope = Envelope { s: search_hash(selection, sort), c: cursor.clone() };
    let json = serde_json::to_vec(&envelope).expect("cursors are plain numbers and texts");
    URL_SAFE_NO_PAD.encode(json)
}

/// The position in this search that a text encodes.
///
/// # Errors
/// It is not a cursor, or belongs to another search.
pub fn decode_cursor(text: &str, selection: &Selection, sort: &Sort) -> Result<Cursor, InvalidCursor> {
    let json = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidCursor::Malformed)?;
    let envelope: Envelope = serde_json::from_slice(&json).map_err(|_| InvalidCursor::Malformed)?;
    if envelope.s != search_hash(selection, sort) {
        return Err(InvalidCursor::OtherSearch);
    }
    Ok(envelope.c)
}

/// Tells searches apart. It is no secret: a forged cursor only decides where its author's own search continues.
fn search_hash(selection: &Selection, sort: &Sort) -> u64 {
    let mut hasher = DefaultHasher::new();
    crate::language::print(&selection.query).hash(&mut hasher);
    let text = |value: &FilterValue| match value {
        FilterValue::Missing => None,
        FilterValue::Is(text) => Some(text.clone()),
        FilterValue::Within(range) => Some(range.to_string()),
    };
    for (name, filter) in &selection.filters {
        let texts =
            [&filter.any_of, &filter.none_of].map(|values| values.iter().map(text).collect::<Vec<_>>());
        (name, texts).hash(&mut hasher);
    }
    selection.access.hash(&mut hasher);
    (selection.from, selection.to).hash(&mut hasher);
    match sort {
        Sort::Relevance => 0.hash(&mut hasher),
        Sort::Fields(keys) => keys.iter().for_each(|key| (&key.field, key.descending).hash(&mut hasher)),
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use hearken_index::query::Query;
    use hearken_index::search::SortKey;
    use hearken_index::{Access, Organizations};

    use super::*;

    #[test]
    fn a_cursor_comes_back_only_to_its_own_search() {
        let sort = Sort::Fields(vec![SortKey { field: "start_time".to_owned(), descending: true }]);
        let cursor = Cursor::new(r#"{"id":"é/1"}"#.to_owned());
        let selection = Selection::new(Query::All, Access::All);
        let text = encode_cursor(&cursor, &selection, &sort);
        assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')), "{text}");
        assert_eq!(decode_cursor(&text, &selection, &sort), Ok(cursor));

        let other = Selection::new(Query::Not(Box::new(Query::All)), Access::All);
        assert_eq!(decode_cursor(&text, &other, &sort), Err(InvalidCursor::OtherSearch));
        let theirs = Access::Only(Organizations::try_new(["acme"]).unwrap());
        let narrower = Selection { access: theirs, ..selection.clone() };
        assert_eq!(decode_cursor(&text, &narrower, &sort), Err(InvalidCursor::OtherSearch));
        assert_eq!(decode_cursor(&text, &selection, &Sort::Relevance), Err(InvalidCursor::OtherSearch));
        for malformed in ["", "x", "{}", "e30", &text[1..]] {
            assert_eq!(
                decode_cursor(malformed, &selection, &sort),
                Err(InvalidCursor::Malformed),
                "{malformed}"
            );
        }
    }
}
