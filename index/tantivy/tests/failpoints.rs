//! At every named fail point the files are copied, as a process that is killed there would leave them, and opened:
//! what is found is one whole commit, never less than what was durable before.
//!
//! `cargo test -p hearken-index-tantivy --features failpoints --test failpoints`
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use hearken_index::checkpoint::{Checkpoint, PartitionPosition};
use hearken_index_tantivy::{Index, IndexReader, IndexWriter};
use hearken_model::{Document, InteractionId, State, Timestamp};

const FAIL_POINTS: [&str; 13] = [
    "index-refresh",
    "index-refreshed",
    "index-freeze",
    "index-write",
    "index-written",
    "index-sync-file",
    "index-sync-directory",
    "index-rename-meta",
    "index-meta-renamed",
    "index-committed",
    "index-release",
    "index-released",
    "index-merge-end",
];

fn open(path: &Path) -> (IndexWriter, IndexReader) {
    let opened = Index::open(path, |options| {
        options.flush_interval = std::time::Duration::from_secs(3_600);
        options.batch_bytes_max = 15_000_000;
    });
    opened.unwrap()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// Every offset up to the checkpoint is one document.
fn num_documents_of_whole_commit((writer, reader): &(IndexWriter, IndexReader)) -> u64 {
    let next_offset = writer.checkpoint().position("t", 0).map_or(0, |position| position.next_offset);
    let num_documents = reader.counts().unwrap().interactions;
    assert_eq!(num_documents, next_offset as u64);
    num_documents
}

fn document(id: &str) -> Document {
    let mut state = State::new(InteractionId::try_new(id).unwrap());
    state.newest_event = Timestamp::EPOCH;
    let mut document = Document::new(state);
    document.derived.head.id = id.to_owned();
    document
}

#[test]
fn killed_at_any_fail_point_the_index_is_one_whole_commit() {
    let scenario = fail::FailScenario::setup();
    let directory = tempfile::tempdir().unwrap();
    let live = directory.path().join("live");
    let (mut writer, _reader) = open(&live);
    let monitor = writer.monitor();
    // Each copy with what was durable at least.
    let copies: Arc<Mutex<Vec<(&str, PathBuf, i64)>>> = Arc::default();
    for fail_point in FAIL_POINTS {
        let (copies, live, monitor) = (Arc::clone(&copies), live.clone(), monitor.clone());
        fail::cfg_callback(fail_point, move || {
            let mut copies = copies.lock().unwrap();
            let to = live.with_file_name(format!("{}-{fail_point}", copies.len()));
            copy(&live, &to);
            let durable = monitor.durable().checkpoint.position("t", 0).map_or(0, |p| p.next_offset);
            copies.push((fail_point, to, durable));
        })
        .unwrap();
    }
    for offset in 0..6 {
        writer.put(document(&offset.to_string()));
        let mut checkpoint = Checkpoint::default();
        checkpoint.set("t", 0, PartitionPosition { next_offset: offset + 1, fingerprint: None });
        writer.refresh(&checkpoint).unwrap();
        match offset {
            1 | 5 => writer.flush_now().unwrap(),
            3 => writer.merge_all().unwrap(),
            _ => {}
        }
    }
    scenario.teardown();

    let copies = std::mem::take(&mut *copies.lock().unwrap());
    let passed: BTreeSet<&str> = copies.iter().map(|(fail_point, ..)| *fail_point).collect();
    assert_eq!(passed, BTreeSet::from(FAIL_POINTS));
    let mut found = BTreeSet::new();
    for (fail_point, path, durable) in copies {
        let num_documents = num_documents_of_whole_commit(&open(&path));
        assert!(num_documents as i64 >= durable, "{fail_point}: {num_documents} of {durable}");
        found.insert(num_documents);
    }
    assert_eq!(found, BTreeSet::from([0, 2, 4, 6]), "before, between and after the flushes");
}
