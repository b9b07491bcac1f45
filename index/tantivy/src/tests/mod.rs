//! The index on a disk that fails, stalls, loses power or flips bits.
#![allow(clippy::unwrap_used)]

mod crash;
mod damage;
mod faults;
mod old;
mod running;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hearken_index::checkpoint::{Checkpoint, PartitionPosition};
use hearken_index::query::{Query, Scope, TextForm, ValueMatch};
use hearken_index::search::{SearchParts, SearchRequest, Selection, Sort, SortKey};
use hearken_index::{Access, StoreError};
use hearken_model::{Document, Event, InteractionId, MessageTime, MessageUpdate, Role, State, Timestamp};

use super::directory::simulated::SimulatedDisk;
use super::{EngineError, Index, IndexReader, IndexWriter, WriterOptions};

/// One step of a test's story.
#[derive(Debug, Clone)]
enum Step {
    Put(u8, u32),
    Delete(u8),
    Refresh,
    Flush,
    MergeAll,
}

/// What the index should hold: id → value.
type Model = BTreeMap<String, u64>;

/// The index after the first `num_steps` of a story.
fn model_of(story: &[Step], num_steps: usize) -> Model {
    let mut model = Model::new();
    for step in &story[..num_steps] {
        match step {
            Step::Put(id, value) => {
                model.insert(id_of(*id), u64::from(*value));
            }
            Step::Delete(id) => {
                model.remove(&id_of(*id));
            }
            _ => {}
        }
    }
    model
}

fn id_of(id: u8) -> String {
    format!("interaction-{id}")
}

/// Flushes only when told to.
fn options() -> WriterOptions {
    WriterOptions {
        flush_interval: Duration::from_secs(3_600),
        batch_bytes_max: 15_000_000,
        ..WriterOptions::default()
    }
}

fn open(disk: &SimulatedDisk, options: WriterOptions) -> Result<(IndexWriter, IndexReader), EngineError> {
    Index::open_storage(PathBuf::from("simulated"), Arc::new(disk.clone()), options)
}

fn interaction(id: &str) -> InteractionId {
    InteractionId::try_new(id).unwrap()
}

/// An interaction of that value, from a few words to a few kilobytes of them.
fn document(id: &str, value: u64) -> Document {
    let mut state = State::new(interaction(id));
    let words: Vec<String> = (0..value % 300).map(|n| format!("word{}", n * value)).collect();
    let said = format!("value{value} {}", words.join(" "));
    let message = MessageUpdate::new(MessageTime::At(Timestamp::EPOCH), Role::User, said);
    let event = Event::new(state.id.clone(), Timestamp::EPOCH, Timestamp::EPOCH);
    state.fold(Event { messages: vec![("m".to_owned(), message)], ..event }, None).unwrap();
    let mut document = Document::new(state);
    document.derived.head.id = id.to_owned();
    document.derived.head.messages_count = value;
    document
}

fn put(writer: &mut IndexWriter, id: &str, value: u64) {
    writer.put(document(id, value));
}

fn delete(writer: &mut IndexWriter, id: &str) {
    writer.put(Document::tombstone(interaction(id)));
}

fn checkpoint(next_offset: usize) -> Checkpoint {
    let mut checkpoint = Checkpoint::default();
    let position = PartitionPosition { next_offset: next_offset as i64, fingerprint: None };
    checkpoint.set("story", 0, position);
    checkpoint
}

fn offset_of(checkpoint: &Checkpoint) -> usize {
    checkpoint.position("story", 0).map_or(0, |position| position.next_offset as usize)
}

/// Every document, in a scan; each is found by its id, and each is there once.
fn contents(reader: &IndexReader) -> Model {
    let mut model = Model::new();
    let sort = [SortKey { field: "start_time".to_owned(), descending: false }];
    let visit = |document: Document| {
        let (id, value) = (document.id().as_str().to_owned(), document.derived.head.messages_count);
        assert_eq!(model.insert(id, value), None, "one document an id");
        ControlFlow::Continue(())
    };
    reader.for_each(&Selection::new(Query::All, Access::All), &sort, visit).unwrap();
    model
}

/// The values of all documents with that id: searched for, and read.
fn find(reader: &IndexReader, id: &str) -> Vec<u64> {
    let value = ValueMatch::Is(id.to_owned());
    let mut values = values_of(reader, Query::Value { field: "id".to_owned(), value });
    let read = reader.get(&interaction(id), &Access::All).unwrap();
    let read =
        read.filter(|document| !document.state.erased).map(|document| document.derived.head.messages_count);
    assert_eq!(values, read.into_iter().collect::<Vec<_>>());
    // And by what was said.
    for value in &values {
        let said = Query::Text { scope: Scope::Default, text: format!("value{value}"), form: TextForm::Word };
        assert!(values_of(reader, said).contains(value), "found by its words");
    }
    values.sort_unstable();
    values
}

fn values_of(reader: &IndexReader, query: Query) -> Vec<u64> {
    let request = SearchParts {
        selection: Selection::new(query, Access::All),
        facets: Vec::new(),
        facet_size: 1,
        ranges: Vec::new(),
        sort: Sort::Fields(vec![SortKey { field: "start_time".to_owned(), descending: false }]),
        limit: 1_000,
        cursor: None,
        deadline: None,
    };
    let hits = reader.search(&SearchRequest::try_new(request).unwrap()).unwrap().hits;
    hits.iter().map(|hit| hit.head().unwrap().messages_count).collect()
}

/// Plays a story from a step on, as a source does that is read again from the durable checkpoint by the next process.
///
/// Gives the step from which on nothing is known to be durable: everything before it was flushed successfully.
fn play(
    writer: &mut IndexWriter,
    story: &[Step],
    from: usize,
    tries_max: usize,
) -> Result<usize, StoreError> {
    play_watched(writer, story, from, tries_max, &mut |_| {})
}

/// The same; `after_flush` is told, after each flush, good or bad, what is known to be durable.
fn play_watched(
    writer: &mut IndexWriter,
    story: &[Step],
    from: usize,
    tries_max: usize,
    after_flush: &mut dyn FnMut(usize),
) -> Result<usize, StoreError> {
    let (mut refreshed, mut durable, mut num_failures) = (from, from, 0);
    for (at, step) in story.iter().enumerate().skip(from) {
        match step {
            Step::Put(id, value) => put(writer, &id_of(*id), u64::from(*value)),
            Step::Delete(id) => delete(writer, &id_of(*id)),
            Step::Refresh => {
                writer.refresh(&checkpoint(at + 1))?;
                refreshed = at + 1;
            }
            Step::Flush | Step::MergeAll => {
                let outcome =
                    if matches!(step, Step::Flush) { writer.flush_now() } else { writer.merge_all() };
                match outcome {
                    Ok(()) => durable = refreshed,
                    Err(error) => {
                        num_failures += 1;
                        if num_failures > tries_max {
                            return Err(error);
                        }
                    }
                }
                after_flush(durable);
            }
        }
        assert!(offset_of(&writer.checkpoint()) >= durable, "what was durable stays durable");
    }
    Ok(durable)
}

/// Small and large documents, replacements, deletions, merges, several flushes.
fn small_story() -> Vec<Step> {
    use Step::{Delete, Flush, MergeAll, Put, Refresh};
    vec![
        Put(1, 10),
        Put(2, 250),
        Refresh,
        Flush,
        Put(1, 11),
        Put(3, 3),
        Refresh,
        Put(4, 299),
        Delete(2),
        Refresh,
        Flush,
        MergeAll,
        Put(3, 200),
        Refresh,
        Flush,
        Delete(1),
        Put(5, 5),
        Refresh,
        MergeAll,
        Flush,
    ]
}
