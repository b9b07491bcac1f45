//! Normal operation: refresh, flush, merges and garbage collection, with concurrent searches.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hearken_index::Access;
use hearken_index::query::{Query, Scope, TextForm};
use hearken_index::search::{SearchError, SearchParts, SearchRequest, Selection, Sort};
use hearken_model::InteractionId;
use tantivy::schema::IndexRecordOption;
use tantivy::{DocSet, TERMINATED};

use super::super::committer::Committer;
use super::super::directory::Storage;
use super::super::directory::simulated::SimulatedDisk;
use super::super::document::DocumentBuilder;
use super::super::live::Cutter;
use super::super::schema::schema;
use super::super::{Index, WriterOptions};
use super::{checkpoint, contents, delete, document, find, interaction, offset_of, open, options, put};
use crate::reader::Counts;

#[test]
fn a_replaced_document_is_found_after_refresh_and_only_the_new_one() {
    let disk = SimulatedDisk::new();
    let (mut writer, reader) = open(&disk, options()).unwrap();
    put(&mut writer, "a", 1);
    assert!(find(&reader, "a").is_empty());
    writer.refresh(&checkpoint(1)).unwrap();
    assert_eq!(find(&reader, "a"), [1]);
    put(&mut writer, "a", 2);
    writer.refresh(&checkpoint(2)).unwrap();
    assert_eq!(find(&reader, "a"), [2]);
    assert_eq!(writer.monitor().stats().num_documents, 1);
}

#[test]
fn what_was_removed_is_gone_without_a_trace_and_may_come_again() {
    let disk = SimulatedDisk::new();
    let (mut writer, reader) = open(&disk, options()).unwrap();
    let id = InteractionId::try_new("a").unwrap();
    put(&mut writer, "a", 1);
    writer.refresh(&checkpoint(1)).unwrap();
    writer.flush_now().unwrap();
    for is_flushed in [false, true] {
        writer.remove(id.clone());
        writer.refresh(&checkpoint(2)).unwrap();
        if is_flushed {
            writer.flush_now().unwrap();
            assert_eq!(writer.monitor().stats().num_documents, 0);
        }
        assert!(find(&reader, "a").is_empty());
        assert!(reader.get(&id, &Access::All).unwrap().is_none());
        assert!(!reader.holds(&id, &Access::All).unwrap());
        put(&mut writer, "a", 3);
        writer.refresh(&checkpoint(3)).unwrap();
        assert_eq!(find(&reader, "a"), [3]);
    }
}

/// Whether any file below holds that text.
fn is_on_disk(path: &Path, text: &str) -> bool {
    let holds = |entry: std::io::Result<fs::DirEntry>| {
        let bytes = fs::read(entry.unwrap().path()).unwrap_or_default(); // one that is gone meanwhile holds nothing
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    };
    fs::read_dir(path).unwrap().any(holds)
}

#[test]
fn an_erased_interaction_leaves_the_files_and_stays_away_under_a_hash_of_its_id() {
    let folder = tempfile::tempdir().unwrap();
    let id = InteractionId::try_new("jane@example.com/7").unwrap();
    let (mut writer, reader) = Index::open(folder.path(), |adjust| *adjust = options()).unwrap();
    for (n, name) in [(7, id.as_str()), (8, "other"), (9, "third")] {
        put(&mut writer, name, n);
    }
    writer.refresh(&checkpoint(1)).unwrap();
    writer.flush_now().unwrap();
    assert!(is_on_disk(folder.path(), "value7") && is_on_disk(folder.path(), id.as_str()));
    let page = SearchParts {
        selection: Selection::new(
            Query::Text { scope: Scope::Default, text: "value".into(), form: TextForm::Prefix },
            Access::All,
        ),
        facets: vec![],
        facet_size: 1,
        ranges: vec![],
        sort: Sort::Relevance,
        limit: 1,
        cursor: None,
        deadline: None,
    };
    let ask = |page: &SearchParts| reader.search(&SearchRequest::try_new(page.clone()).unwrap());
    let cursor = ask(&page).unwrap().next;
    assert!(cursor.is_some());

    delete(&mut writer, id.as_str());
    writer.refresh(&checkpoint(2)).unwrap();
    assert!(find(&reader, id.as_str()).is_empty());
    let next = ask(&SearchParts { cursor, ..page.clone() });
    assert!(matches!(next, Err(SearchError::CursorExpired)), "a pinned view may show it");
    writer.monitor().clean_files().unwrap();
    assert!(!is_on_disk(folder.path(), "value7") && !is_on_disk(folder.path(), id.as_str()));
    assert_eq!((find(&reader, "other"), find(&reader, "third")), (vec![8], vec![9]));

    // The hash is enough to know it again: over a restart, and for a second erasure of it.
    writer.close().unwrap();
    drop(reader);
    let (mut writer, reader) = Index::open(folder.path(), |adjust| *adjust = options()).unwrap();
    for _ in 0..2 {
        let tombstone = reader.get(&id, &Access::All).unwrap().unwrap();
        assert!(tombstone.state.erased && tombstone.id() == &id && reader.holds(&id, &Access::All).unwrap());
        assert_eq!(reader.counts().unwrap(), Counts { interactions: 2, erased: 1 });
        delete(&mut writer, id.as_str());
        writer.refresh(&checkpoint(3)).unwrap();
        writer.flush_now().unwrap();
    }
    assert!(!is_on_disk(folder.path(), id.as_str()));
}

#[test]
fn what_was_removed_leaves_the_files_whenever_that_was_and_whatever_it_was_before() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Index::open(folder.path(), |adjust| *adjust = options()).unwrap();
    let (mut writer, reader) = open();
    for (name, value) in [("gone", 1_201), ("too", 5_501), ("there", 8_801), ("third", 7_101)] {
        put(&mut writer, name, value);
    }
    // So many that nothing is merged for what little is removed.
    (0..20).for_each(|number| put(&mut writer, &format!("other{number}"), 3_001));
    writer.refresh(&checkpoint(1)).unwrap();
    writer.flush_now().unwrap();
    put(&mut writer, "gone", 9_401);
    writer.refresh(&checkpoint(2)).unwrap();
    writer.flush_now().unwrap();
    // The number alone, of what was written by itself: the compressed store keeps what repeats as a reference.
    assert!(is_on_disk(folder.path(), "9401"));
    writer.remove(InteractionId::try_new("gone").unwrap());
    writer.refresh(&checkpoint(3)).unwrap();
    writer.monitor().clean_files().unwrap();
    for text in ["1201", "9401", "gone"] {
        assert!(!is_on_disk(folder.path(), text), "{text}");
    }

    writer.remove(InteractionId::try_new("too").unwrap());
    writer.refresh(&checkpoint(4)).unwrap();
    writer.close().unwrap();
    drop(reader);
    let (writer, reader) = open();
    writer.monitor().clean_files().unwrap();
    assert!(!is_on_disk(folder.path(), "5501"));
    assert_eq!((find(&reader, "there"), find(&reader, "third")), (vec![8_801], vec![7_101]));
}

/// A merge of the old commit's segments may begin while the first batch after a start is being written. It must neither
/// take the batch's first replacement for a part of that commit nor lose it.
#[test]
fn the_first_replacement_after_a_start_outlives_a_merge_that_begins_before_its_commit() {
    let storage: Arc<dyn Storage> = Arc::new(SimulatedDisk::new());
    let (schema, fields, tokenizers) = schema();
    let open = || {
        Committer::open(Path::new("simulated"), &storage, (&schema, &tokenizers), &options(), true).unwrap()
    };
    let (mut cutter, mut builder) = (Cutter::new(), DocumentBuilder::new(fields.clone()));
    let mut build = |id: &str, value| builder.build(&cutter.cut(Arc::new(document(id, value))));
    let mut committer = open();
    committer.replace((1..5).map(|n| build(&n.to_string(), n))).unwrap();
    committer.commit(&checkpoint(1)).unwrap();
    // The last commit has a deletion in the large segment, and a small one.
    committer.replace([build("1", 10)]).unwrap();
    committer.commit(&checkpoint(2)).unwrap();
    drop(committer);

    let mut committer = open();
    committer.replace([build("2", 20)]).unwrap();
    committer.merge_all().unwrap();
    committer.commit(&checkpoint(3)).unwrap();
    let searcher = committer.reload().unwrap();
    let alive = |reader: &tantivy::SegmentReader| {
        let index = reader.inverted_index(fields.terms).unwrap();
        let term = fields.id_term(&interaction("2"));
        let postings = index.read_postings(&term, IndexRecordOption::Basic).unwrap();
        let mut docs = Vec::new();
        if let Some(mut postings) = postings {
            while postings.doc() != TERMINATED {
                docs.extend((!reader.is_deleted(postings.doc())).then_some(postings.doc()));
                postings.advance();
            }
        }
        docs.len()
    };
    assert_eq!(searcher.segment_readers().iter().map(alive).sum::<usize>(), 1);
}

#[test]
fn a_refresh_does_not_touch_the_disk() {
    let disk = SimulatedDisk::new();
    let (mut writer, reader) = open(&disk, options()).unwrap();
    let before = disk.num_operations();
    for n in 0..5 {
        put(&mut writer, &n.to_string(), n);
        writer.refresh(&checkpoint(n as usize)).unwrap();
    }
    assert_eq!(disk.num_operations(), before);
    assert_eq!(contents(&reader).len(), 5);
    assert_eq!(writer.monitor().stats().num_live_documents, 5);
    writer.flush_now().unwrap();
    assert!(disk.num_operations() > before);
    let stats = writer.monitor().stats();
    assert_eq!((stats.num_live_documents, stats.live_bytes, stats.num_documents), (0, 0, 5));
    // And what is durable already is not written again.
    let before = disk.num_operations();
    writer.flush_now().unwrap();
    assert_eq!(disk.num_operations(), before);
}

#[test]
fn the_flush_thread_makes_commits_durable_on_its_own() {
    let (durable_tx, durable_rx) = std::sync::mpsc::channel();
    let on_flush: super::super::OnFlush = Arc::new(move |report| {
        if let Some(durable) = &report.advanced {
            let _ = durable_tx.send(offset_of(&durable.checkpoint));
        }
    });
    let disk = SimulatedDisk::new();
    let flush_interval = Duration::from_millis(1);
    let options = WriterOptions { flush_interval, on_flush: Some(on_flush), ..options() };
    let (mut writer, _) = open(&disk, options).unwrap();
    for n in 1..=3 {
        put(&mut writer, "a", n);
        writer.refresh(&checkpoint(n as usize)).unwrap();
        assert_eq!(durable_rx.recv_timeout(Duration::from_secs(30)), Ok(n as usize));
    }
}

#[test]
fn the_number_of_files_stays_bounded() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, _) = Index::open(directory.path(), |default| *default = options()).unwrap();
    let mut num_files_max = 0;
    for round in 0..150_usize {
        for n in 0..4 {
            put(&mut writer, &format!("{}", (round * 3 + n) % 100), (round % 97) as u64);
        }
        writer.refresh(&checkpoint(round)).unwrap();
        writer.flush_now().unwrap();
        if round % 5 == 0 {
            num_files_max = num_files_max.max(fs::read_dir(directory.path()).unwrap().count());
        }
    }
    let monitor = writer.monitor();
    assert!(monitor.stats().num_merges > 0);
    // Seven files a segment of the durable commit, and those of merges that ended since.
    assert!(num_files_max < 7 * 60, "{num_files_max} files");
    writer.merge_all().unwrap();
    writer.refresh(&checkpoint(1_000)).unwrap();
    writer.flush_now().unwrap();
    writer.flush_now().unwrap();
    // One segment of six files without deletions, `meta.json`, the lock.
    assert_eq!(monitor.stats().num_segments, 1);
    let names: Vec<_> = fs::read_dir(directory.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names.len(), 8, "{names:?}");
}

#[test]
fn searches_go_on_during_merges_flushes_and_collection() {
    let directory = tempfile::tempdir().unwrap();
    let options = WriterOptions { flush_interval: Duration::from_millis(1), ..options() };
    let (mut writer, reader) = Index::open(directory.path(), |default| *default = options).unwrap();
    for n in 0..20 {
        put(&mut writer, &n.to_string(), 0);
    }
    writer.refresh(&checkpoint(0)).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (reader, stop) = (&reader, &stop);
        let searches = scope.spawn(move || {
            let mut num_searches = 0;
            while !stop.load(Ordering::Acquire) || num_searches == 0 {
                assert_eq!(contents(reader).len(), 20, "replaced, never missing, never twice");
                num_searches += 1;
            }
        });
        for round in 1..100_u64 {
            put(&mut writer, &(round % 20).to_string(), round);
            writer.refresh(&checkpoint(round as usize)).unwrap();
            writer.flush_now().unwrap();
        }
        stop.store(true, Ordering::Release);
        searches.join().unwrap();
    });
    assert!(writer.monitor().stats().num_merges > 0);
}

#[test]
fn the_files_that_the_directory_knows_are_those_that_tantivy_names() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, _) = Index::open(directory.path(), |default| *default = options()).unwrap();
    put(&mut writer, "a", 1);
    put(&mut writer, "b", 1);
    writer.refresh(&checkpoint(1)).unwrap();
    writer.flush_now().unwrap();
    put(&mut writer, "a", 2);
    writer.refresh(&checkpoint(2)).unwrap();
    writer.flush_now().unwrap();
    let metas = tantivy::Index::open_in_dir(directory.path()).unwrap().load_metas().unwrap();
    let mut named: Vec<String> = metas
        .list_segment_files()
        .into_iter()
        .map(|path| path.to_str().unwrap().to_owned())
        // Candidates that do not exist: deletions of a segment without any, and a file of merges under way.
        .filter(|name| !name.ends_with(".0.del") && !name.ends_with(".store.temp"))
        .collect();
    named.sort();
    let mut on_disk: Vec<String> = fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "meta.json" && !name.starts_with('.'))
        .collect();
    on_disk.sort();
    assert_eq!(on_disk, named);
}

#[test]
fn plain_tantivy_reads_what_was_flushed() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, _) = Index::open(directory.path(), |default| *default = options()).unwrap();
    put(&mut writer, "a", 1);
    writer.refresh(&checkpoint(1)).unwrap();
    writer.flush_now().unwrap();
    drop(writer);
    let index = tantivy::Index::open_in_dir(directory.path()).unwrap();
    assert_eq!(index.reader().unwrap().searcher().num_docs(), 1);
}
