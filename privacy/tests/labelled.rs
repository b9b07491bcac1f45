//! Misses and false alarms on texts that the project wrote, in six languages: `labelled.jsonl`. `presidio.py` beside it
//! prints the same table for Presidio. `docs/privacy.md` shows both.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::ops::Range;

use hearken_model::PersonalData;
use hearken_privacy::Redactor;
use serde::Deserialize;

#[derive(Deserialize)]
struct Row {
    language: String,
    text: String,
    /// Kind and text of each piece of personal data, in order.
    spans: Vec<(String, String)>,
}

#[derive(Default)]
struct Tally {
    labelled: usize,
    missed: usize,
    false_alarms: usize,
}

impl Row {
    fn labelled(&self) -> Vec<(&str, Range<usize>)> {
        let mut from = 0;
        let mut places = Vec::new();
        for (kind, text) in &self.spans {
            let start = from + self.text[from..].find(text.as_str()).unwrap();
            from = start + text.len();
            places.push((kind.as_str(), start..from));
        }
        places
    }
}

#[test]
fn little_is_missed_and_little_else_is_taken_in_any_language() {
    let rows = include_str!("labelled.jsonl").lines().map(|line| serde_json::from_str::<Row>(line).unwrap());
    let redactor = Redactor::new(PersonalData::ALL);
    let mut by_kind: BTreeMap<String, Tally> = BTreeMap::new();
    let mut by_language: BTreeMap<String, Tally> = BTreeMap::new();
    for row in rows {
        let found = redactor.find(&row.text);
        let labelled = row.labelled();
        for (kind, place) in &labelled {
            let is_found =
                found.iter().any(|(_, found)| found.start <= place.start && place.end <= found.end);
            if !is_found {
                eprintln!("missed: {kind} in `{}`", row.text);
            }
            for tally in [
                by_kind.entry((*kind).to_owned()).or_default(),
                by_language.entry(row.language.clone()).or_default(),
            ] {
                tally.labelled += 1;
                tally.missed += usize::from(!is_found);
            }
        }
        for (kind, place) in &found {
            let is_labelled =
                labelled.iter().any(|(_, labelled)| labelled.start < place.end && place.start < labelled.end);
            if !is_labelled {
                eprintln!("false alarm: {kind} `{}` in `{}`", &row.text[place.clone()], row.text);
                by_kind.entry(kind.to_string()).or_default().false_alarms += 1;
                by_language.entry(row.language.clone()).or_default().false_alarms += 1;
            }
        }
    }
    let mut all = Tally::default();
    for (name, tally) in by_kind.iter().chain(&by_language) {
        eprintln!("| {name} | {} | {} | {} |", tally.labelled, tally.missed, tally.false_alarms);
    }
    for tally in by_language.values() {
        all.labelled += tally.labelled;
        all.missed += tally.missed;
        all.false_alarms += tally.false_alarms;
    }
    eprintln!("| all | {} | {} | {} |", all.labelled, all.missed, all.false_alarms);
    assert_eq!(by_language.len(), 6);
    assert!(all.labelled >= 70 && all.missed * 50 <= all.labelled && all.false_alarms <= 1);
}
