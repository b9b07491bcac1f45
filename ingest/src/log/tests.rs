#![allow(clippy::unwrap_used)]
use std::fs::OpenOptions;
use std::io::{Seek as _, SeekFrom, Write as _};

use futures::executor::block_on;
use hearken_index::checkpoint::PartitionPosition;
use hearken_model::Timestamp;
use proptest::prelude::*;
use tempfile::TempDir;

use super::segment::SegmentReader;
use super::*;
use crate::queue::{QueueReceiver, queue};
use crate::source::SourceItem;

fn record(text: &str) -> LogRecord {
    LogRecord {
        timestamp: Timestamp::from_nanos(1_767_225_600_000_000_123),
        headers: vec![("content-type".into(), "application/json".into())],
        value: text.as_bytes().to_vec(),
    }
}

fn checkpoint(next_offset: i64) -> Checkpoint {
    let mut checkpoint = Checkpoint::default();
    checkpoint.set(TOPIC, PARTITION, PartitionPosition { next_offset, fingerprint: None });
    checkpoint
}

fn open(folder: &TempDir, checkpoint: &Checkpoint) -> LocalLog {
    LocalLog::open(&folder.path().join("log"), checkpoint).unwrap()
}

fn append(log: &LocalLog, texts: &[&str]) {
    let records: Vec<_> = texts.iter().map(|text| record(text)).collect();
    block_on(log.append(&records).unwrap().durable()).unwrap();
}

/// What a source hands on from the checkpoint to the end, as (offset, value).
fn read(log: &LocalLog, checkpoint: &Checkpoint) -> Vec<(i64, String)> {
    let (items_tx, items_rx) = queue(10_000, 1 << 30);
    let _source = LogSource::start(log, checkpoint, items_tx).unwrap();
    let mut records = Vec::new();
    let mut end = None;
    loop {
        match items_rx.pop(Duration::from_secs(60)).expect("the source goes on") {
            SourceItem::Assigned { next_offset, end_offset, .. } => end = Some((next_offset, end_offset)),
            SourceItem::Record(record) => {
                records.push((record.offset, String::from_utf8(record.value.unwrap()).unwrap()));
            }
            SourceItem::Stopped { reason, .. } => panic!("{reason}"),
            _ => {}
        }
        if end.is_some_and(|(next, end)| end - next <= records.len() as i64) {
            drop(items_rx);
            return records;
        }
    }
}

fn stopped(items: &QueueReceiver<SourceItem>) -> String {
    loop {
        if let SourceItem::Stopped { reason, .. } = items.pop(Duration::from_secs(60)).expect("an end") {
            return reason;
        }
    }
}

fn files(folder: &TempDir) -> Vec<PathBuf> {
    let mut files: Vec<_> =
        std::fs::read_dir(folder.path().join("log")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn overwrite(path: &Path, position: u64, bytes: &[u8]) {
    let mut file = OpenOptions::new().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(position)).unwrap();
    file.write_all(bytes).unwrap();
}

#[test]
fn what_was_accepted_is_read_in_order_with_everything_that_came_with_it() {
    let folder = TempDir::new().unwrap();
    let log = open(&folder, &Checkpoint::default());
    append(&log, &["{\"a\":1}", "{\"b\":\n2}"]);
    append(&log, &[""]);
    let wanted =
        [(0, "{\"a\":1}"), (1, "{\"b\":\n2}"), (2, "")].map(|(offset, text)| (offset, text.to_owned()));
    assert_eq!(read(&log, &Checkpoint::default()), wanted);
    assert_eq!(read(&log, &checkpoint(1)), wanted[1..]);
    drop(log);
    let log = open(&folder, &Checkpoint::default());
    assert_eq!(log.num_unread(), 3);
    assert_eq!(read(&log, &Checkpoint::default()), wanted);
    let segment = log.shared.lock().segments[0].clone();
    let record = SegmentReader::open(&segment, 1).unwrap().next().unwrap();
    assert_eq!(record.timestamp, Some(Timestamp::from_nanos(1_767_225_600_000_000_123)));
    assert_eq!(record.header("Content-Type"), Some("application/json"));
}

#[test]
fn nothing_is_on_the_disk_before_the_first_event() {
    let folder = TempDir::new().unwrap();
    drop(open(&folder, &Checkpoint::default()));
    assert!(!folder.path().join("log").exists());
}

#[test]
fn offsets_continue_after_what_the_index_has_even_if_the_log_is_gone() {
    let folder = TempDir::new().unwrap();
    let log = open(&folder, &checkpoint(40));
    append(&log, &["x"]);
    assert_eq!(read(&log, &checkpoint(40)), [(40, "x".to_owned())]);
}

#[test]
fn a_segment_goes_once_the_index_has_it_durably() {
    let folder = TempDir::new().unwrap();
    let log = open(&folder, &Checkpoint::default());
    append(&log, &["a", "b"]);
    drop(log); // a reopened log is not appended to
    let log = open(&folder, &checkpoint(1));
    append(&log, &["c"]);
    assert_eq!(files(&folder).len(), 2);
    assert_eq!(log.num_unread(), 2);
    let (items_tx, _items_rx) = queue(10, 1_000);
    let source = LogSource::start(&log, &checkpoint(1), items_tx).unwrap();
    source.handle(&SourceCommand::Commit(checkpoint(2)));
    let deadline = Instant::now() + Duration::from_secs(60);
    while files(&folder).len() > 1 {
        assert!(Instant::now() < deadline, "{:?}", files(&folder));
        std::thread::yield_now();
    }
    drop(_items_rx);
    drop(source);
    assert_eq!(read(&log, &checkpoint(2)), [(2, "c".to_owned())]);
    drop(log);
    drop(open(&folder, &checkpoint(3)));
    assert_eq!(files(&folder).len(), 0, "nothing of it stays once all is in the index");
}

/// A log of three writes with two records each.
fn three_writes(folder: &TempDir) -> (PathBuf, Vec<u64>) {
    let log = open(folder, &Checkpoint::default());
    let mut sizes = vec![0];
    for pair in [["a0", "a1"], ["b0", "b1"], ["c0", "c1"]] {
        append(&log, &pair);
        sizes.push(std::fs::metadata(&files(folder)[0]).unwrap().len());
    }
    (files(folder).remove(0), sizes)
}

#[test]
fn a_write_cut_short_by_a_crash_is_not_an_error_however_much_reached_the_disk() {
    for cut in [1, 27, 28, 40] {
        let folder = TempDir::new().unwrap();
        let (path, sizes) = three_writes(&folder);
        OpenOptions::new().write(true).open(&path).unwrap().set_len(sizes[2] + cut).unwrap();
        let log = open(&folder, &Checkpoint::default());
        assert_eq!(read(&log, &Checkpoint::default()).len(), 4, "cut {cut} bytes into the third write");
        append(&log, &["d"]);
        assert_eq!(read(&log, &checkpoint(4)), [(4, "d".to_owned())]);
    }
    // The end of the last write is there, but not its beginning.
    let folder = TempDir::new().unwrap();
    let (path, sizes) = three_writes(&folder);
    overwrite(&path, sizes[2], &[0; 20]);
    let log = open(&folder, &Checkpoint::default());
    assert_eq!(read(&log, &Checkpoint::default()).len(), 4);
}

#[test]
fn damage_to_accepted_events_is_reported_with_how_to_continue() {
    let folder = TempDir::new().unwrap();
    let (path, sizes) = three_writes(&folder);
    overwrite(&path, sizes[1] + 30, b"~"); // in the payload of b0, offset 2
    let error = LocalLog::open(&folder.path().join("log"), &Checkpoint::default()).err().unwrap().to_string();
    assert!(error.contains("from offset 2 on, one event cannot be read"), "{error}");
    assert!(error.contains("reset-offset --topic http --partition 0 --to 3"), "{error}");
    assert!(LocalLog::open(&folder.path().join("log"), &checkpoint(2)).is_err());
    let log = open(&folder, &checkpoint(3));
    let wanted = [(3, "b1"), (4, "c0"), (5, "c1")].map(|(offset, text)| (offset, text.to_owned()));
    assert_eq!(read(&log, &checkpoint(3)), wanted);
}

#[test]
fn a_segment_that_is_missing_or_damaged_later_stops_the_partition() {
    let folder = TempDir::new().unwrap();
    let (path, sizes) = three_writes(&folder);
    let log = open(&folder, &Checkpoint::default());
    overwrite(&path, sizes[1] + 30, b"~");
    let (items_tx, items_rx) = queue(10, 1_000);
    let source = LogSource::start(&log, &Checkpoint::default(), items_tx).unwrap();
    let reason = stopped(&items_rx);
    assert!(reason.contains("from offset 2 on, one event"), "{reason}");
    drop((items_rx, source, log));

    std::fs::rename(&path, path.with_file_name("00000000000000000007.log")).unwrap();
    std::fs::remove_file(path.with_file_name("00000000000000000007.log")).unwrap();
    let log = open(&folder, &checkpoint(6));
    append(&log, &["d"]);
    let (items_tx, items_rx) = queue(10, 1_000);
    let source = LogSource::start(&log, &checkpoint(3), items_tx).unwrap();
    let reason = stopped(&items_rx);
    assert!(reason.contains("must resume at offset 3") && reason.contains("is 6"), "{reason}");
    drop((items_rx, source));
}

#[test]
fn concurrent_senders_share_a_write_and_each_gets_an_answer() {
    let folder = TempDir::new().unwrap();
    let log = open(&folder, &Checkpoint::default());
    std::thread::scope(|scope| {
        for sender in 0..8 {
            let log = &log;
            scope.spawn(move || {
                for number in 0..50 {
                    append(log, &[&format!("{sender}-{number}")]);
                }
            });
        }
    });
    let records = read(&log, &Checkpoint::default());
    assert_eq!(records.len(), 400);
    for sender in 0..8 {
        let own: Vec<_> =
            records.iter().filter(|(_, text)| text.starts_with(&format!("{sender}-"))).collect();
        let wanted: Vec<_> = (0..50).map(|number| format!("{sender}-{number}")).collect();
        assert_eq!(own.iter().map(|(_, text)| text.clone()).collect::<Vec<_>>(), wanted, "in the order sent");
    }
}

proptest! {
    /// Whatever is cut off or overwritten: no panic, and either what was written is read, or there is an error.
    #[test]
    fn any_damage_is_a_cut_or_an_error_and_never_another_record(
        writes in prop::collection::vec(prop::collection::vec("[a-z]{0,40}", 1..4), 1..6),
        at in 0.0..1.0f64,
        noise in prop::collection::vec(any::<u8>(), 0..60),
        cut in any::<bool>(),
    ) {
        let folder = TempDir::new().unwrap();
        let log = open(&folder, &Checkpoint::default());
        for texts in &writes {
            append(&log, &texts.iter().map(String::as_str).collect::<Vec<_>>());
        }
        drop(log);
        let path = files(&folder).remove(0);
        let length = std::fs::metadata(&path).unwrap().len();
        let position = (length as f64 * at) as u64;
        if cut {
            OpenOptions::new().write(true).open(&path).unwrap().set_len(position).unwrap();
        }
        overwrite(&path, position, &noise);
        let wanted: Vec<String> = writes.concat();
        match LocalLog::open(&folder.path().join("log"), &Checkpoint::default()) {
            Ok(log) => for (offset, text) in read(&log, &Checkpoint::default()) {
                prop_assert_eq!(&text, &wanted[offset as usize]);
            },
            Err(LogError::Damaged { offset, resume, .. }) => prop_assert!(offset < resume),
            Err(error) => prop_assert!(false, "{error}"),
        }
    }
}
