//! A disk that is full, broken or slow: nothing is lost, searches go on, and the reason is reported.

use std::io::ErrorKind;
use std::time::Duration;

use hearken_index::StoreError;

use super::super::directory::simulated::{Crash, SimulatedDisk};
use super::super::{IndexWriter, WriterOptions};
use super::crash::assert_whole;
use super::{
    checkpoint, contents, id_of, model_of, offset_of, open, options, play, play_watched, put, small_story,
};

/// The kinds of trouble: no space left, and an input/output error.
const TROUBLE: [ErrorKind; 2] = [ErrorKind::StorageFull, ErrorKind::Other];

fn num_operations_of_small_story() -> usize {
    let disk = SimulatedDisk::new();
    let (mut writer, _) = open(&disk, options()).unwrap();
    play(&mut writer, &small_story(), 0, 0).unwrap();
    disk.num_operations()
}

#[test]
fn any_one_failed_operation_changes_nothing_in_the_end() {
    let story = small_story();
    for after in 0..num_operations_of_small_story() {
        let disk = SimulatedDisk::new();
        disk.fail_after(after, 1, TROUBLE[after % 2]);
        let (mut writer, reader) = open(&disk, options()).or_else(|_| open(&disk, options())).unwrap();
        let hint = format!("operation {after}");
        // After each flush, and most of all after the failed one: what was said to be durable is.
        let mut after_flush = |durable| {
            assert_whole(&disk.crash(Crash::Lost), &story, durable, &hint);
            assert_whole(&disk.crash(Crash::Torn(after as u64)), &story, durable, &hint);
        };
        play_watched(&mut writer, &story, 0, 3, &mut after_flush).unwrap();
        assert_eq!(contents(&reader), model_of(&story, story.len()), "{hint}");
        // And the next flush brings everything.
        writer.flush_now().unwrap();
        let (_writer, crashed) = open(&disk.crash(Crash::Lost), options()).unwrap();
        assert_eq!(contents(&crashed), model_of(&story, story.len()), "{hint}");
    }
}

#[test]
fn a_commit_that_may_be_durable_keeps_its_files() {
    use super::Step::{Flush, Put, Refresh};
    let story = [Put(1, 10), Refresh, Flush, Put(2, 250), Refresh, Flush, Put(1, 3), Refresh, Flush];
    let disk = SimulatedDisk::new();
    let (mut writer, reader) = open(&disk, options()).unwrap();
    assert_eq!(play(&mut writer, &story[..5], 0, 0).unwrap(), 2);
    // The second flush fails after it renamed `meta.json`, the third at once: when nothing of its own is in place,
    // and the files of the second are no longer live.
    disk.fail_directory_sync_after(1);
    writer.flush_now().unwrap_err();
    put(&mut writer, &id_of(1), 3);
    writer.refresh(&checkpoint(8)).unwrap();
    disk.fail_after(0, usize::MAX, ErrorKind::Other);
    writer.flush_now().unwrap_err();
    assert_eq!(contents(&reader), model_of(&story, 8), "searches see all of it");
    let found: std::collections::BTreeSet<usize> =
        (0..64).map(|seed| assert_whole(&disk.crash(Crash::Torn(seed)), &story, 2, "in doubt")).collect();
    assert_eq!(found, [2, 5].into(), "either may be the durable one");
    disk.heal();
    writer.flush_now().unwrap();
    assert_eq!(assert_whole(&disk.crash(Crash::Lost), &story, 8, "after all"), 8);
}

#[test]
fn a_disk_that_fails_for_a_while_is_caught_up_with() {
    let story = small_story();
    for after in (0..num_operations_of_small_story()).step_by(3) {
        let disk = SimulatedDisk::new();
        let (mut writer, reader) = open(&disk, options()).unwrap();
        disk.fail_after(after, usize::MAX, TROUBLE[after % 2]);
        let _ = play(&mut writer, &story, 0, 3);
        let visible = contents(&reader);
        assert!((0..=story.len()).any(|n| visible == model_of(&story, n)), "searches show a whole commit");
        disk.heal();
        // The source plays again what the writer does not acknowledge; here simply everything.
        play(&mut writer, &story, 0, 3).unwrap();
        writer.flush_now().unwrap();
        assert!(writer.monitor().trouble().is_none());
        let (_writer, crashed) = open(&disk.crash(Crash::Lost), options()).unwrap();
        assert_eq!(contents(&crashed), model_of(&story, story.len()), "operation {after}");
    }
}

#[test]
fn while_the_disk_is_full_searches_answer_and_the_monitor_says_why() {
    let disk = SimulatedDisk::new();
    let (mut writer, reader) = open(&disk, options()).unwrap();
    let monitor = writer.monitor();
    put(&mut writer, "before", 1);
    writer.refresh(&checkpoint(1)).unwrap();
    writer.flush_now().unwrap();

    disk.fail_after(0, usize::MAX, ErrorKind::StorageFull);
    put(&mut writer, "during", 2);
    writer.refresh(&checkpoint(2)).unwrap();
    assert!(matches!(writer.flush_now(), Err(StoreError::FlushFailed { .. })));
    assert_eq!(contents(&reader).len(), 2);
    let trouble = monitor.trouble().unwrap();
    assert!(trouble.cause.contains("no storage space"), "{}", trouble.cause);
    assert_eq!(offset_of(&monitor.durable().checkpoint), 1);

    disk.heal();
    writer.flush_now().unwrap();
    assert!(monitor.trouble().is_none());
    assert_eq!(offset_of(&monitor.durable().checkpoint), 2);
}

/// Refreshes until the writer pushes back and gives the number of refreshes.
fn refresh_until_full(writer: &mut IndexWriter, live_bytes_max: usize) -> usize {
    for n in 0..10_000 {
        put(writer, &format!("interaction-{n}"), 20);
        match writer.refresh(&checkpoint(n)) {
            Ok(()) => {}
            Err(StoreError::Full { live_bytes, .. }) => {
                // One batch of one small document may come on top.
                assert!(live_bytes < live_bytes_max + 10_000, "{live_bytes}");
                return n;
            }
            Err(e) => panic!("{e}"),
        }
    }
    panic!("memory grows without bound");
}

fn tight() -> WriterOptions {
    WriterOptions { live_bytes_max: 100_000, flush_wait_max: Duration::from_millis(1), ..options() }
}

#[test]
fn a_failing_disk_bounds_what_waits_in_memory() {
    let disk = SimulatedDisk::new();
    let (mut writer, reader) = open(&disk, tight()).unwrap();
    disk.fail_after(0, usize::MAX, ErrorKind::StorageFull);
    let num_refreshed = refresh_until_full(&mut writer, tight().live_bytes_max);
    assert_eq!(contents(&reader).len(), num_refreshed, "searches go on");
    disk.heal();
    writer.flush_now().unwrap();
    writer.refresh(&checkpoint(99_999)).unwrap();
    assert_eq!(contents(&reader).len(), num_refreshed + 1);
}

#[test]
fn a_stalled_disk_bounds_what_waits_in_memory() {
    let disk = SimulatedDisk::new();
    let (mut writer, reader) = open(&disk, tight()).unwrap();
    disk.stall();
    let num_refreshed = refresh_until_full(&mut writer, tight().live_bytes_max);
    assert_eq!(contents(&reader).len(), num_refreshed, "searches go on");
    disk.heal();
    writer.flush_now().unwrap();
    writer.refresh(&checkpoint(99_999)).unwrap();
    assert_eq!(contents(&reader).len(), num_refreshed + 1);
}
