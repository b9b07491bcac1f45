//! An undisturbed life: refresh, flush, merges and collection of garbage, with searches beside them.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::super::directory::simulated::SimulatedDisk;
use super::super::{Writer, WriterOptions};
use super::{checkpoint, contents, find, offset_of, open, options, put};

#[test]
fn a_replaced_document_is_found_after_refresh_and_only_the_new_one() {
    let disk = SimulatedDisk::new();
    let mut writer = open(&disk, options()).unwrap();
    let reader = writer.reader();
    put(&mut writer, "a", 1).unwrap();
    assert!(find(&reader.searcher(), "a").is_empty());
    writer.refresh(&checkpoint(1)).unwrap();
    assert_eq!(find(&reader.searcher(), "a"), [1]);
    put(&mut writer, "a", 2).unwrap();
    writer.refresh(&checkpoint(2)).unwrap();
    assert_eq!(find(&reader.searcher(), "a"), [2]);
    assert_eq!(writer.monitor().stats().num_documents, 1);
}

/// A merge of the old commit's segments may begin while the first batch after a start is being made. It must neither
/// take the batch's first replacement for a part of that commit nor lose it.
#[test]
fn the_first_replacement_after_a_start_outlives_a_merge_that_begins_before_its_refresh() {
    let disk = SimulatedDisk::new();
    let mut writer = open(&disk, options()).unwrap();
    for n in 1..5 {
        put(&mut writer, &n.to_string(), n).unwrap();
    }
    writer.refresh(&checkpoint(1)).unwrap();
    put(&mut writer, "1", 10).unwrap(); // the last commit has a deletion in the large segment, and a small one
    writer.refresh(&checkpoint(2)).unwrap();
    writer.close().unwrap();

    let mut writer = open(&disk, options()).unwrap();
    put(&mut writer, "2", 20).unwrap();
    writer.merge_all().unwrap();
    writer.refresh(&checkpoint(3)).unwrap();
    assert_eq!(find(&writer.reader().searcher(), "2"), [20]);
}

#[test]
fn a_refresh_touches_the_disk_not_at_all() {
    let disk = SimulatedDisk::new();
    let mut writer = open(&disk, WriterOptions { spill_bytes: 1 << 20, ..options() }).unwrap();
    let before = disk.num_operations();
    for n in 0..5 {
        put(&mut writer, &n.to_string(), n).unwrap();
        writer.refresh(&checkpoint(n as usize)).unwrap();
    }
    assert_eq!(disk.num_operations(), before);
    let waiting = writer.monitor().stats().ram_bytes;
    assert!(waiting > 0);
    writer.flush_now().unwrap();
    assert_eq!(writer.monitor().stats().ram_bytes, 0);
    assert_eq!(writer.monitor().stats().index_bytes, waiting);
}

#[test]
fn the_flush_thread_makes_commits_durable_by_itself() {
    let (durable_tx, durable_rx) = std::sync::mpsc::channel();
    let on_flush: super::super::OnFlush = Arc::new(move |report| {
        if let Some(durable) = &report.advanced {
            let _ = durable_tx.send(offset_of(&durable.checkpoint));
        }
    });
    let disk = SimulatedDisk::new();
    let flush_interval = Duration::from_millis(1);
    let mut writer =
        open(&disk, WriterOptions { flush_interval, on_flush: Some(on_flush), ..options() }).unwrap();
    for n in 1..=3 {
        put(&mut writer, "a", n).unwrap();
        writer.refresh(&checkpoint(n as usize)).unwrap();
        assert_eq!(durable_rx.recv_timeout(Duration::from_secs(30)), Ok(n as usize));
    }
}

#[test]
fn the_number_of_files_stays_bounded() {
    let directory = tempfile::tempdir().unwrap();
    let mut writer = Writer::open(directory.path(), options()).unwrap();
    let mut num_files_max = 0;
    for round in 0..150_usize {
        for n in 0..4 {
            put(&mut writer, &format!("{}", (round * 3 + n) % 100), (round % 97) as u64).unwrap();
        }
        writer.refresh(&checkpoint(round)).unwrap();
        if round % 5 == 0 {
            writer.flush_now().unwrap();
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
    let mut writer = Writer::open(directory.path(), options).unwrap();
    for n in 0..20 {
        put(&mut writer, &n.to_string(), 0).unwrap();
    }
    writer.refresh(&checkpoint(0)).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = writer.reader();
        let stop = &stop;
        let searches = scope.spawn(move || {
            let mut num_searches = 0;
            while !stop.load(Ordering::Acquire) || num_searches == 0 {
                assert_eq!(contents(&reader).len(), 20, "replaced, never missing, never twice");
                num_searches += 1;
            }
        });
        for round in 1..100_u64 {
            put(&mut writer, &(round % 20).to_string(), round).unwrap();
            writer.refresh(&checkpoint(round as usize)).unwrap();
        }
        stop.store(true, Ordering::Release);
        searches.join().unwrap();
    });
    assert!(writer.monitor().stats().num_merges > 0);
}

#[test]
fn the_files_that_the_directory_knows_are_those_that_tantivy_names() {
    let directory = tempfile::tempdir().unwrap();
    let mut writer = Writer::open(directory.path(), options()).unwrap();
    put(&mut writer, "a", 1).unwrap();
    put(&mut writer, "b", 1).unwrap();
    writer.refresh(&checkpoint(1)).unwrap();
    put(&mut writer, "a", 2).unwrap();
    writer.refresh(&checkpoint(2)).unwrap();
    writer.flush_now().unwrap();
    let metas = writer.reader().searcher().index().load_metas().unwrap();
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
    let mut writer = Writer::open(directory.path(), options()).unwrap();
    put(&mut writer, "a", 1).unwrap();
    writer.refresh(&checkpoint(1)).unwrap();
    writer.flush_now().unwrap();
    drop(writer);
    let index = tantivy::Index::open_in_dir(directory.path()).unwrap();
    assert_eq!(index.reader().unwrap().searcher().num_docs(), 1);
}
