//! A backup that is made while events come in is one whole moment, and a damaged one is refused.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hearken_tests::hearken::{Hearken, HearkenConfig};
use hearken_tests::wait::wait_until;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);

/// Two messages of one call, which come in one request.
fn call(number: usize) -> String {
    let message = |message: usize| {
        json!({"event": "interaction.message", "interaction_id": format!("call-{number}"), "role": "user",
            "message_id": format!("m-{message}"), "message": "where is my parcel", "at": "2026-05-01T12:00:00Z"})
    };
    json!([message(0), message(1)]).to_string()
}

#[test]
fn a_backup_under_load_is_restored_whole_and_a_damaged_one_is_refused() {
    let mut hearken = Hearken::start(&HearkenConfig::default()).unwrap();
    let (url, is_done) = (format!("{}/v1/events", hearken.base_url()), AtomicBool::new(false));
    let (backup, num_before) = std::thread::scope(|scope| {
        let load = scope.spawn(|| {
            let client = reqwest::blocking::Client::new();
            let mut num_calls = 0;
            while !is_done.load(Ordering::Acquire) {
                let body = call(num_calls);
                let sent = client.post(&url).header("content-type", "application/json").body(body).send();
                assert_eq!(sent.unwrap().status().as_u16(), 202);
                num_calls += 1;
            }
        });
        let total = || hearken.search(&[("limit", "0")]).unwrap()["total"].as_u64().unwrap();
        wait_until(PATIENCE, "some calls", || total() >= 50);
        // Durable a second later at most; the backup has at least what was durable before it began.
        let durable = || hearken.metric("hearken_ingest_durable_offset", &[("topic", "http")]).unwrap_or(0.0);
        wait_until(PATIENCE, "something durable", || durable() >= 100.0);
        let num_before = durable() as usize;
        let backup = hearken.dir().join("backup");
        let made = hearken.command(&["backup", "create", backup.to_str().unwrap()]).unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        is_done.store(true, Ordering::Release);
        load.join().unwrap();
        let again = hearken.command(&["backup", "create", backup.to_str().unwrap()]).unwrap();
        assert!(!again.status.success(), "a backup is not written over");
        (backup, num_before)
    });
    hearken.terminate().unwrap();

    let there = hearken.command(&["backup", "restore", backup.to_str().unwrap()]).unwrap();
    assert!(!there.status.success(), "there is an index");
    // As on another machine: neither an index nor the local log beside it.
    for entry in fs::read_dir(hearken.dir()).unwrap().flatten().map(|entry| entry.path()) {
        if entry.file_name().is_some_and(|name| name.to_string_lossy().starts_with("index")) && entry.is_dir()
        {
            fs::remove_dir_all(entry).unwrap();
        }
    }
    let segment = fs::read_dir(backup.join("index")).unwrap().flatten();
    let segment =
        segment.map(|file| file.path()).find(|path| path.extension().is_some_and(|e| e == "store")).unwrap();
    let good = fs::read(&segment).unwrap();
    let mut bad = good.clone();
    bad[good.len() / 2] ^= 1;
    fs::remove_file(&segment).unwrap(); // it may be linked
    fs::write(&segment, bad).unwrap();
    let damaged = hearken.command(&["backup", "restore", backup.to_str().unwrap()]).unwrap();
    let said = String::from_utf8_lossy(&damaged.stderr).into_owned();
    let name = segment.file_name().unwrap().to_str().unwrap();
    assert!(!damaged.status.success() && said.contains(name), "{said}");
    assert!(!hearken.dir().join("index").join("meta.json").exists());

    fs::write(&segment, good).unwrap();
    let restored = hearken.command(&["backup", "restore", backup.to_str().unwrap()]).unwrap();
    assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
    let said = String::from_utf8(restored.stdout).unwrap();
    let offset =
        said.lines().find_map(|line| line.strip_prefix("resumes at: topic http, partition 0, offset "));
    let offset: usize = offset.unwrap_or_else(|| panic!("{said}")).parse().unwrap();
    assert!(offset >= num_before, "{offset} of {num_before}");

    // It is one moment: every event before its offset, and none behind it.
    hearken.restart().unwrap();
    let (_, all) = hearken.get("/v1/export?format=ndjson&q=parcel").unwrap();
    let interactions = all.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let counts: BTreeMap<String, u64> = interactions
        .map(|one| (one["id"].as_str().unwrap().to_owned(), one["messages_count"].as_u64().unwrap()))
        .collect();
    let expected =
        (0..offset.div_ceil(2)).map(|number| (format!("call-{number}"), 2.min(offset - 2 * number) as u64));
    assert_eq!(counts, expected.collect());

    // And it continues from there.
    let sent = reqwest::blocking::Client::new().post(format!("{}/v1/events", hearken.base_url()));
    let sent = sent.header("content-type", "application/json").body(call(1_000_000)).send().unwrap();
    assert_eq!(sent.status().as_u16(), 202);
    let total = || hearken.search(&[("limit", "0")]).unwrap()["total"].as_u64().unwrap();
    wait_until(PATIENCE, "a call after the restore", || total() == counts.len() as u64 + 1);
}
