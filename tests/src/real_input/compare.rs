//! What a running Hearken answers against what is expected of it. Every function panics with the first differences.
#![allow(clippy::unwrap_used)] // a test that cannot ask has failed

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Expected;
use super::check::{Truth, differences};
use crate::Hearken;
use crate::kafka_io::{ReadRecord, Record, read_all};

/// A broken build differs everywhere; the first few differences say as much as all.
const DIFFERENCES_SHOWN: usize = 20;

/// `total` of a search with these parameters.
pub fn total(hearken: &Hearken, parameters: &[(&str, &str)]) -> usize {
    let parameters: Vec<_> = parameters.iter().copied().chain([("limit", "0")]).collect();
    let answer = hearken.search(&parameters).unwrap();
    answer["total"].as_u64().unwrap() as usize
}

/// The path of an interaction, escaped.
pub fn interaction_path(id: &str) -> String {
    let mut url = url::Url::parse("http://localhost/v1/interactions").unwrap();
    url.path_segments_mut().unwrap().push(id); // escapes slashes and the like
    url.path().to_owned()
}

/// What the API answers for each expected interaction, in the same order; `Null` for one that is not found.
pub fn fetch_all(hearken: &Hearken, expected: &[Expected]) -> Vec<Value> {
    const NUM_THREADS: usize = 4;
    let chunk_len = expected.len().div_ceil(NUM_THREADS).max(1);
    std::thread::scope(|scope| {
        let fetch = |chunk: &[Expected]| -> Vec<Value> {
            chunk
                .iter()
                .map(|interaction| hearken.get_json(&interaction_path(&interaction.id)).unwrap_or_default())
                .collect()
        };
        let threads: Vec<_> =
            expected.chunks(chunk_len).map(|chunk| scope.spawn(move || fetch(chunk))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

/// Field by field, by the second opinion.
pub fn compare_interactions(expected: &[Expected], answers: &[Value], truth: &Truth<'_>) {
    let mut found = Vec::new();
    for (interaction, answer) in expected.iter().zip(answers) {
        let differing = differences(interaction, answer, truth);
        found
            .extend((!differing.is_empty()).then(|| format!("{}: {}", interaction.id, differing.join("; "))));
    }
    assert_none_differ("interactions", &found, expected.len());
}

/// Every malformed record, by partition and offset of `topic`, is there at least once, as it came; and no good one.
pub fn compare_dead_letters(
    (bootstrap_servers, topic): (&str, &str),
    dead_letter_topic: &str,
    malformed: &BTreeMap<(i32, i64), Record>,
) {
    let dead_letters = read_all(bootstrap_servers, dead_letter_topic).unwrap();
    let mut missing: BTreeSet<_> = malformed.keys().copied().collect();
    let mut found = Vec::new();
    for ReadRecord { record, offset } in &dead_letters {
        let number = |name: &str| record.header(name).and_then(|value| value.parse::<i64>().ok());
        let (partition, source_offset) = (number("hearken-partition"), number("hearken-offset"));
        let source = partition.zip(source_offset).map(|(partition, offset)| (partition as i32, offset));
        let Some((source, original)) = source.and_then(|source| Some((source, malformed.get(&source)?)))
        else {
            found.push(format!(
                "dead letter {offset} is of a good record: {source:?}, {:?}",
                record.header("hearken-reason")
            ));
            continue;
        };
        missing.remove(&source); // may come again: dead letters are written at least once
        let unchanged = (&record.key, &record.value, record.timestamp_ms)
            == (&original.key, &original.value, original.timestamp_ms);
        let headers: Vec<_> =
            record.headers.iter().filter(|(name, _)| !name.starts_with("hearken-")).cloned().collect();
        if !unchanged || headers != original.headers {
            found.push(format!(
                "the dead letter of {source:?} is not as it came: {record:?} instead of {original:?}"
            ));
        }
        if record.header("hearken-topic") != Some(topic)
            || record.header("hearken-reason").is_none_or(str::is_empty)
        {
            found.push(format!(
                "the dead letter of {source:?} does not say topic and reason: {:?}",
                record.headers
            ));
        }
    }
    found.extend(
        missing.iter().map(|source| format!("no dead letter for {source:?}: {:?}", malformed[source])),
    );
    assert_none_differ("dead letters", &found, malformed.len());
}

/// Panics unless `found`, the differences among this many things compared, is empty.
#[track_caller]
pub fn assert_none_differ(what: &str, found: &[String], num_compared: usize) {
    let shown = found.iter().take(DIFFERENCES_SHOWN).map(|line| format!("  {line}\n")).collect::<String>();
    assert!(found.is_empty(), "{} of {num_compared} {what} differ, among them:\n{shown}", found.len());
}
