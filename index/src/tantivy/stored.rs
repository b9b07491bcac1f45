//! Reading stored documents back.

use hearken_model::{Document, Glimpse};
use serde::Deserialize;
use tantivy::schema::OwnedValue;
use tantivy::schema::document::{DeserializeError, DocumentDeserialize, DocumentDeserializer};
use tantivy::{DocAddress, Searcher, TantivyError};

/// The one stored value of a document: its JSON.
struct Json(String);

impl DocumentDeserialize for Json {
    fn deserialize<'de, D>(mut deserializer: D) -> Result<Self, DeserializeError>
    where
        D: DocumentDeserializer<'de>,
    {
        match deserializer.next_field::<OwnedValue>()? {
            Some((_, OwnedValue::Str(json))) => Ok(Json(json)),
            Some((_, _)) | None => Ok(Json(String::new())),
        }
    }
}

/// The document at that address.
pub(super) fn document(searcher: &Searcher, address: DocAddress) -> tantivy::Result<Document> {
    let Json(json) = searcher.doc(address)?;
    serde_json::from_str(&json).map_err(unreadable)
}

/// What a page shows of it.
pub(super) fn glimpse(searcher: &Searcher, address: DocAddress) -> tantivy::Result<Glimpse> {
    let Json(json) = searcher.doc(address)?;
    Glimpse::of_stored(json).map_err(unreadable)
}

/// Its id alone.
pub(super) fn id(searcher: &Searcher, address: DocAddress) -> tantivy::Result<String> {
    #[derive(Deserialize)]
    struct Named {
        state: State,
    }
    #[derive(Deserialize)]
    struct State {
        id: String,
    }
    let Json(json) = searcher.doc(address)?;
    serde_json::from_str(&json).map(|named: Named| named.state.id).map_err(unreadable)
}

fn unreadable(error: serde_json::Error) -> TantivyError {
    TantivyError::InternalError(format!("a stored document cannot be read: {error}"))
}
