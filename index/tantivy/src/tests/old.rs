//! Indexes of earlier versions.

use std::ops::ControlFlow;
use std::sync::Arc;

use hearken_model::{Document, Event, InteractionId, MessageTime, MessageUpdate, Role, State, Timestamp};
use tantivy::schema::{STORED, STRING, Schema};
use tantivy::tokenizer::TokenizerManager;
use tantivy::{TantivyDocument, Term};

use super::super::committer::Committer;
use super::super::directory::{DiskStorage, Storage};
use super::super::document::Replacement;
use super::{checkpoint, options};
use crate::{EngineError, Index, OldIndex};

/// Before a document was stored as what a list shows and the rest, it was one JSON text.
#[test]
fn an_index_with_other_fields_is_refused_and_its_documents_can_still_be_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("index");
    assert!(matches!(OldIndex::open(&path), Err(EngineError::Io { .. })));
    assert!(!path.exists());
    let mut state = State::new(InteractionId::try_new("i-1").unwrap());
    let event = Event::new(state.id.clone(), Timestamp::EPOCH, Timestamp::EPOCH);
    let said = MessageUpdate::new(MessageTime::At(Timestamp::EPOCH), Role::User, "Where is my parcel?");
    state.fold(Event { messages: vec![("m1".to_owned(), said)], ..event }, None).unwrap();
    let document = Document::new(state);

    let mut schema = Schema::builder();
    let (id, stored) = (schema.add_text_field("id", STRING), schema.add_text_field("stored", STORED));
    let storage: Arc<dyn Storage> = Arc::new(DiskStorage::open(&path).unwrap());
    let parts = (&schema.build(), &TokenizerManager::default());
    let mut committer = Committer::open(&path, &storage, parts, &options(), true).unwrap();
    let mut built = TantivyDocument::default();
    built.add_text(id, "i-1");
    built.add_text(stored, serde_json::to_string(&document).unwrap());
    let terms = vec![Term::from_field_text(id, "i-1")];
    committer.replace([Replacement { terms, document: Some(built) }]).unwrap();
    committer.commit(&checkpoint(7)).unwrap();
    drop(committer);

    assert!(matches!(Index::open(&path, |_| {}), Err(EngineError::SchemaChanged { .. })));
    let old = OldIndex::open(&path).unwrap();
    assert_eq!((old.num_documents(), old.checkpoint()), (1, &checkpoint(7)));
    assert!(matches!(Index::open(&path, |_| {}), Err(EngineError::InUse { .. })));
    let mut read = Vec::new();
    old.for_each(|document| {
        read.push(document);
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(read, [document]);
}
