//! Reads the shared dialogues and questions in place.

use std::path::{Path, PathBuf};

use hearken_analysis::{Analysis, Analyzer, Conversation, Memo, Utterance};
use hearken_model::{Assessment, Role, Status};
use serde_json::Value;

/// One labelled dialogue.
pub(crate) struct Dialogue {
    pub(crate) id: String,
    pub(crate) language: String,
    pub(crate) turns: Vec<(Role, String)>,
    pub(crate) labels: Value,
}

/// Which rows: one half was read while the analysers were written, the other was only measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Half {
    Read,
    Unread,
}

/// The folder of shared data. `None` if it is absent, after printing so; panics if it is required.
pub(crate) fn folder() -> Option<PathBuf> {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let folder = std::env::var_os("HEARKEN_TEST_DATA").map_or_else(default, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    let required = std::env::var("HEARKEN_REQUIRE_ENGINES").is_ok_and(|value| value == "1");
    assert!(!required, "no shared data in {}", folder.display());
    eprintln!("skipped: no shared data in {}", folder.display());
    None
}

/// The rows of one file.
pub(crate) fn rows(folder: &Path, file: &str) -> Vec<Value> {
    let bytes = std::fs::read(folder.join(file)).unwrap();
    let text = String::from_utf8(zstd::decode_all(&bytes[..]).unwrap()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The dialogues of one file.
pub(crate) fn dialogues(folder: &Path, name: &str) -> Vec<Dialogue> {
    rows(folder, &format!("dialogues/{name}.jsonl.zst")).iter().map(dialogue).collect()
}

pub(crate) const DIALOGUE_FILES: [&str; 12] = [
    "abcd_sample",
    "casino",
    "ccpe",
    "crosswoz",
    "ms_ckm_calls",
    "multidogo",
    "multiwoz_1k",
    "sgd",
    "taskmaster4",
    "taskmaster_traces",
    "woz2_multilingual",
    "x_risawoz",
];

fn dialogue(row: &Value) -> Dialogue {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let turns = row["turns"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|turn| Some((Role::from_name(turn["role"].as_str()?)?, text(&turn["text"]))));
    Dialogue {
        id: text(&row["dialogue_id"]),
        language: text(&row["language"]),
        turns: turns.collect(),
        labels: row["labels"].clone(),
    }
}

impl Dialogue {
    /// Chosen by a hash of the id, so that no dialogue is in both.
    pub(crate) fn half(&self) -> Half {
        half_of(&self.id)
    }

    /// The labels under `key`, a list or one value.
    pub(crate) fn label(&self, key: &str) -> Vec<&str> {
        match &self.labels[key] {
            Value::Array(values) => values.iter().filter_map(Value::as_str).collect(),
            Value::String(value) => vec![value],
            _ => Vec::new(),
        }
    }

    /// Analyses the dialogue as ingest would after its end.
    pub(crate) fn analyze(&self, analyzer: &Analyzer) -> Assessment {
        analyze(analyzer, &self.turns, Status::Finished).assessment
    }
}

pub(crate) fn half_of(id: &str) -> Half {
    if hash_of(id) >> 63 == 0 { Half::Read } else { Half::Unread }
}

pub(crate) fn hash_of(text: &str) -> u64 {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    hash.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

pub(crate) fn analyze(analyzer: &Analyzer, turns: &[(Role, String)], status: Status) -> Analysis {
    let utterances: Vec<Utterance<'_>> = turns
        .iter()
        .map(|(role, text)| Utterance { id: "", role: *role, text, at_ms: 0, given_mood: None })
        .collect();
    let conversation = Conversation {
        utterances: &utterances,
        status,
        ended: status != Status::InProgress,
        end_reason: None,
        language: None,
    };
    analyzer.analyze(&conversation, &mut Memo::default())
}
