//! The index on a disk that fails, stalls, loses power or flips bits.
#![allow(clippy::unwrap_used)]

mod crash;
mod damage;
mod faults;
mod old;
mod running;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tantivy::schema::{FAST, Field, STORED, STRING, Schema, TEXT, Value};
use tantivy::tokenizer::TokenizerManager;
use tantivy::{DocSet, TERMINATED, TantivyDocument, Term};

use super::directory::simulated::SimulatedDisk;
use super::{EngineError, Reader, Writer, WriterOptions};
use crate::checkpoint::{Checkpoint, PartitionPosition};

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

fn schema() -> (Schema, Field, Field, Field) {
    let mut schema = Schema::builder();
    let id = schema.add_text_field("id", STRING | STORED);
    let value = schema.add_u64_field("value", STORED | FAST);
    let body = schema.add_text_field("body", TEXT | STORED);
    (schema.build(), id, value, body)
}

/// Flushes only when told to; files over 1,000 bytes are on the disk from the start.
fn options() -> WriterOptions {
    WriterOptions {
        flush_interval: Duration::from_secs(3_600),
        spill_bytes: 1_000,
        batch_bytes_max: 15_000_000,
        ..WriterOptions::new(schema().0, TokenizerManager::default())
    }
}

fn open(disk: &SimulatedDisk, options: WriterOptions) -> Result<Writer, EngineError> {
    Writer::open_storage(PathBuf::from("simulated"), Arc::new(disk.clone()), options)
}

fn put(writer: &mut Writer, id: &str, value: u64) -> Result<(), EngineError> {
    let (_, id_field, value_field, body_field) = schema();
    let mut document = TantivyDocument::new();
    document.add_text(id_field, id);
    document.add_u64(value_field, value);
    // From a few bytes to a few kilobytes, so that some files stay in RAM and some do not.
    let words: Vec<String> = (0..value % 300).map(|n| format!("word{}", n * value)).collect();
    document.add_text(body_field, words.join(" "));
    writer.replace(Term::from_field_text(id_field, id), document)
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

/// Every document, read back from the store; each id once.
fn contents(reader: &Reader) -> Model {
    let (_, id_field, value_field, _) = schema();
    let searcher = reader.searcher();
    let mut model = Model::new();
    for segment in searcher.segment_readers() {
        let store = segment.get_store_reader(1).unwrap();
        for doc in segment.doc_ids_alive() {
            let document: TantivyDocument = store.get(doc).unwrap();
            let id = document.get_first(id_field).unwrap().as_str().unwrap().to_owned();
            let value = document.get_first(value_field).unwrap().as_u64().unwrap();
            assert_eq!(find(&searcher, &id), [value], "found by its id");
            assert_eq!(model.insert(id, value), None, "one document an id");
        }
    }
    model
}

/// The values of all documents with that id, by the inverted index and the fast field.
fn find(searcher: &tantivy::Searcher, id: &str) -> Vec<u64> {
    let (_, id_field, ..) = schema();
    let term = Term::from_field_text(id_field, id);
    let mut values = Vec::new();
    for segment in searcher.segment_readers() {
        let fast = segment.fast_fields().u64("value").unwrap();
        let postings = segment.inverted_index(id_field).unwrap();
        let Some(mut postings) =
            postings.read_postings(&term, tantivy::schema::IndexRecordOption::Basic).unwrap()
        else {
            continue;
        };
        while postings.doc() != TERMINATED {
            if !segment.is_deleted(postings.doc()) {
                values.push(fast.first(postings.doc()).unwrap());
            }
            postings.advance();
        }
    }
    values
}

/// Plays a story from a step on, going back to the durable checkpoint whenever the writer says so.
///
/// Gives the step from which on nothing is known to be durable: everything before it was flushed successfully.
fn play(writer: &mut Writer, story: &[Step], from: usize, tries_max: usize) -> Result<usize, EngineError> {
    play_watched(writer, story, from, tries_max, &mut |_| {})
}

/// The same; `after_flush` is told, after each flush, good or bad, what is known to be durable.
fn play_watched(
    writer: &mut Writer,
    story: &[Step],
    from: usize,
    tries_max: usize,
    after_flush: &mut dyn FnMut(usize),
) -> Result<usize, EngineError> {
    let mut next = from;
    let mut refreshed = from;
    let mut durable = from;
    let mut tries = 0;
    while next < story.len() {
        let outcome = match &story[next] {
            Step::Put(id, value) => put(writer, &id_of(*id), u64::from(*value)),
            Step::Delete(id) => writer.delete(Term::from_field_text(schema().1, &id_of(*id))),
            Step::MergeAll => writer.merge_all(),
            Step::Refresh => {
                let outcome = writer.refresh(&checkpoint(next + 1)).map(drop);
                if outcome.is_ok() {
                    refreshed = next + 1;
                }
                outcome
            }
            Step::Flush => {
                if writer.flush_now().is_ok() {
                    durable = refreshed;
                }
                after_flush(durable);
                Ok(())
            }
        };
        match outcome {
            Ok(()) => next += 1,
            Err(EngineError::Restart { checkpoint, .. }) => {
                next = offset_of(&checkpoint);
                assert!(next >= durable, "what was durable stays durable");
                refreshed = next;
                tries += 1;
            }
            Err(_) => tries += 1,
        }
        if tries > tries_max {
            return Err(EngineError::FlushFailed { cause: "gave up".to_owned() });
        }
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
