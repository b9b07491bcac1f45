//! Labelled rows, and what each part of them may be used for.

use std::collections::HashSet;
use std::io::Read;
use std::path::PathBuf;

use serde_json::Value;

use crate::customer;

/// The purpose of a row, decided by a hash of its id, never by its place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// 75 %: weights.
    Train,
    /// 10 %: temperature and settings.
    Tune,
    /// 15 %: read only for the report.
    Test,
}

/// Where rows come from. Training gives each source its own bias, so that the frequency of a label in one
/// source does not distort the weights of words.
pub(crate) const SOURCES: [&str; 7] =
    ["goemotions", "tweets", "amazon", "movies", "editorials", "customer (own)", "dialogues (weak)"];

/// Index in [`SOURCES`] of the project's own messages.
pub(crate) const CUSTOMER: usize = 5;
/// Index in [`SOURCES`] of unlabelled dialogue turns that are clearly matter-of-fact or express thanks.
pub(crate) const DIALOGUES: usize = 6;

/// The weight of a row by source: messages most, sentences from reviews and editorials less.
pub(crate) const WEIGHTS: [f32; SOURCES.len()] = [1.0, 1.0, 0.7, 0.4, 0.6, 0.5, 0.3];

/// One text with its label.
pub(crate) struct Row {
    pub(crate) text: String,
    /// Probabilities of negative, neutral and positive: one-hot, or soft where raters disagreed.
    pub(crate) target: [f32; 3],
    /// 0 negative, 1 neutral, 2 positive.
    pub(crate) label: usize,
    pub(crate) source: usize,
    pub(crate) weight: f32,
    pub(crate) part: Part,
}

/// All rows, with the files' own labels mapped to indexes.
pub(crate) fn load() -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    read("sentiment/goemotions.jsonl.zst", |row| push_labelled(row, 0, &mut rows))?;
    read("sentiment/vader_gt.jsonl.zst", |row| {
        let source = match row["source"].as_str().unwrap_or_default() {
            "vader_gt/tweets" => 1,
            "vader_gt/amazonReviewSnippets" => 2,
            "vader_gt/movieReviewSnippets" => 3,
            _ => 4,
        };
        push_labelled(row, source, &mut rows);
    })?;
    drop_repeats_of_test(&mut rows);
    rows.extend(customer::rows()?);
    for file in ["sgd", "multidogo", "multiwoz_1k", "woz2_multilingual", "taskmaster_traces"] {
        read(&format!("dialogues/{file}.jsonl.zst"), |row| push_dialogue(row, &mut rows))?;
    }
    Ok(rows)
}

fn push_labelled(row: &Value, source: usize, rows: &mut Vec<Row>) {
    let text = row["text"].as_str().unwrap_or_default().to_owned();
    let label = match row["label"].as_str() {
        Some("negative") => 0,
        Some("positive") => 2,
        _ => 1,
    };
    let mut target = [0.0; 3];
    target[label] = 1.0;
    if let Some(score) = row["score"].as_f64() {
        target = soften(score as f32, target);
    }
    let id = row["id"].as_str().unwrap_or_default();
    // Keep snippets of one review in the same part.
    let group =
        if source == 2 || source == 4 { id.rsplit_once('_').map_or(id, |(review, _)| review) } else { id };
    rows.push(Row { text, target, label, source, weight: WEIGHTS[source], part: part(group) });
}

/// Near the threshold, the mean of twenty raters is split evenly between both labels.
fn soften(score: f32, hard: [f32; 3]) -> [f32; 3] {
    let strength = (score.abs() / 0.25).min(1.0);
    let soft =
        [if score < 0.0 { strength } else { 0.0 }, 1.0 - strength, if score > 0.0 { strength } else { 0.0 }];
    std::array::from_fn(|idx| 0.5 * hard[idx] + 0.5 * soft[idx])
}

fn part(id: &str) -> Part {
    let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    match (hash >> 20) % 100 {
        0..15 => Part::Test,
        15..25 => Part::Tune,
        _ => Part::Train,
    }
}

/// A short text may occur twice under different ids; training must not see what the test asks.
fn drop_repeats_of_test(rows: &mut Vec<Row>) {
    let test: HashSet<String> =
        rows.iter().filter(|row| row.part == Part::Test).map(|row| row.text.to_lowercase()).collect();
    rows.retain(|row| row.part == Part::Test || !test.contains(&row.text.to_lowercase()));
}

/// Customer turns of task dialogues without a strong word are matter-of-fact; those that express thanks are
/// positive.
fn push_dialogue(row: &Value, rows: &mut Vec<Row>) {
    if row["language"].as_str().is_some_and(|language| language != "en") {
        return;
    }
    let id = row["dialogue_id"].as_str().unwrap_or_default();
    let turns = row["turns"].as_array().map(Vec::as_slice).unwrap_or_default();
    for (idx, turn) in turns.iter().enumerate().filter(|(_, turn)| turn["role"] == "user") {
        let text = turn["text"].as_str().unwrap_or_default();
        let key = format!("{id}/{idx}");
        // One turn in twelve is enough.
        if text.len() < 2 || part(&key) != Part::Tune || key.len() % 2 == 0 {
            continue;
        }
        let Some(label) = fit_label(text) else { continue };
        let mut target = [0.1, 0.9, 0.0];
        if label == 2 {
            target = [0.0, 0.2, 0.8];
        }
        rows.push(Row {
            text: text.to_owned(),
            target,
            label,
            source: DIALOGUES,
            weight: WEIGHTS[DIALOGUES],
            part: Part::Train,
        });
    }
}

fn fit_label(text: &str) -> Option<usize> {
    use hearken_analysis::sentiment::features::{PLAIN, extract};
    use hearken_analysis::sentiment::lexicon::Lexicon;
    struct Nothing;
    impl hearken_analysis::sentiment::features::Sink for Nothing {
        fn feature(&mut self, _: usize, _: u64) {}
        fn word(&mut self, _: u64) {}
    }
    let plain = extract(text, Lexicon::english(), &mut Vec::new(), &mut Nothing);
    let values: [f32; PLAIN] = plain.values;
    match (values[0], values[9]) {
        (compound, _) if compound.abs() < 0.1 => Some(1),
        (compound, thanks) if compound > 0.4 && thanks > 0.0 => Some(2),
        _ => None,
    }
}

/// Calls `each` with every row of a compressed file of JSON lines.
pub(crate) fn read(file: &str, mut each: impl FnMut(&Value)) -> Result<(), String> {
    let path = folder().join(file);
    let describe = |err: &dyn std::fmt::Display| format!("{}: {err}", path.display());
    let compressed = std::fs::File::open(&path).map_err(|err| describe(&err))?;
    let mut text = String::new();
    zstd::Decoder::new(compressed)
        .and_then(|mut decoder| decoder.read_to_string(&mut text))
        .map_err(|err| describe(&err))?;
    for line in text.lines() {
        each(&serde_json::from_str(line).map_err(|err| describe(&err))?);
    }
    Ok(())
}

/// The folder of the shared data.
pub(crate) fn folder() -> PathBuf {
    std::env::var_os("HEARKEN_TEST_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"), PathBuf::from)
}
