//! Reading stored documents back.

use std::sync::Arc;

use hearken_model::{Document, LazyDocument};
use tantivy::schema::OwnedValue;
use tantivy::schema::document::{DeserializeError, DocumentDeserialize, DocumentDeserializer};
use tantivy::{DocAddress, Searcher, TantivyError};

use super::view::{DocLocation, View};

/// The two stored values of a document, in that order. The second is empty where an earlier version of Hearken stored
/// all of it as one.
struct StoredValues {
    head: String,
    rest: String,
}

impl DocumentDeserialize for StoredValues {
    fn deserialize<'de, D>(mut deserializer: D) -> Result<Self, DeserializeError>
    where
        D: DocumentDeserializer<'de>,
    {
        let mut text = || {
            Ok::<_, DeserializeError>(match deserializer.next_field::<OwnedValue>()? {
                Some((_, OwnedValue::Str(text))) => text,
                Some((_, _)) | None => String::new(),
            })
        };
        Ok(StoredValues { head: text()?, rest: text()? })
    }
}

/// The document at that place.
pub(super) fn document(view: &View, place: DocLocation) -> tantivy::Result<Document> {
    match place {
        DocLocation::Live(vocabulary, at) => {
            Ok(Document::clone(&view.overlay().document(vocabulary, at).document))
        }
        DocLocation::Stored(address) => stored_document(&view.searcher, address),
    }
}

/// The document at that address of the commit.
pub(super) fn stored_document(searcher: &Searcher, address: DocAddress) -> tantivy::Result<Document> {
    let StoredValues { head, rest } = searcher.doc(address)?;
    let document =
        if rest.is_empty() { serde_json::from_str(&head) } else { Document::read_stored(&head, &rest) };
    document.map_err(unreadable)
}

/// The document at that place, read only as far as a page needs it.
pub(super) fn lazy_document(view: &View, place: DocLocation) -> tantivy::Result<LazyDocument> {
    match place {
        DocLocation::Live(vocabulary, at) => {
            Ok(LazyDocument::in_memory(Arc::clone(&view.overlay().document(vocabulary, at).document)))
        }
        DocLocation::Stored(address) => {
            let StoredValues { head, rest } = view.searcher.doc(address)?;
            Ok(LazyDocument::stored(head, rest))
        }
    }
}

/// Its id alone.
pub(super) fn id(view: &View, place: DocLocation) -> tantivy::Result<String> {
    lazy_document(view, place)?.id().map_err(unreadable)
}

fn unreadable(error: serde_json::Error) -> TantivyError {
    TantivyError::InternalError(format!("a stored document cannot be read: {error}"))
}
