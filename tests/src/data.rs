//! Real dialogues, User-Agents and addresses, read in place and never copied into the project.
//!
//! The folder is that of `HEARKEN_TEST_DATA`, else `../shared/data` beside the workspace; its README gives the
//! sources and licences.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::hearken::workspace_root;
use crate::outcome::Unavailable;

/// One real dialogue.
#[derive(Debug, Clone, Deserialize)]
pub struct Dialogue {
    /// The collection it comes from.
    pub dataset: String,
    /// Unique within the collection.
    pub dialogue_id: String,
    /// `chat` or `voice`.
    pub channel: String,
    /// BCP 47.
    pub language: String,
    /// What was said, in order.
    pub turns: Vec<Turn>,
    /// What the collection says about it.
    #[serde(default)]
    pub labels: Map<String, Value>,
}

impl Dialogue {
    /// The interaction id that the tests give it; has slashes and other marks that a URL must escape.
    pub fn interaction_id(&self) -> String {
        format!("{}/{}", self.dataset, self.dialogue_id)
    }
}

/// One turn of a dialogue.
#[derive(Debug, Clone, Deserialize)]
pub struct Turn {
    /// `user`, `assistant`, `tool`, `system` or `unknown`.
    pub role: String,
    /// What was said; empty where the assistant only calls a tool.
    pub text: String,
    /// Tool name → arguments; one entry.
    #[serde(default)]
    pub tool_call: Map<String, Value>,
}

/// A User-Agent and what it truly is.
#[derive(Debug, Clone, Deserialize)]
pub struct UserAgent {
    /// The header's value.
    pub ua: String,
    /// Its share of today's traffic.
    pub weight: f64,
    /// The browser's family as uap-core names it.
    pub browser: Option<String>,
    /// The system as uap-core names it.
    pub os: Option<String>,
    /// `desktop`, `mobile` or `tablet`.
    pub device: Option<String>,
}

/// An address and what the sample GeoIP file says of it.
#[derive(Debug, Clone, Deserialize)]
pub struct Address {
    /// IPv4 or IPv6.
    pub ip: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// The file's name of the city.
    pub city: Option<String>,
}

/// The folder, which must hold the dialogues.
pub fn data_dir() -> Result<PathBuf, Unavailable> {
    let dir = match std::env::var_os("HEARKEN_TEST_DATA") {
        Some(dir) => PathBuf::from(dir),
        None => workspace_root().join("../shared/data"),
    };
    if dir.join("dialogues").is_dir() {
        return Ok(dir);
    }
    let why = format!("no `dialogues` in {}", dir.display());
    Err(Unavailable::new("the real test data", why, "set HEARKEN_TEST_DATA to its folder"))
}

/// Every dialogue, in the order of the files' names.
pub fn dialogues(data_dir: &Path) -> Result<Vec<Dialogue>> {
    let entries = fs::read_dir(data_dir.join("dialogues"))?.flatten().map(|entry| entry.path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|ext| ext == "zst")).collect();
    files.sort();
    let mut dialogues = Vec::new();
    for file in files {
        dialogues.extend(rows::<Dialogue>(&file)?);
    }
    if dialogues.is_empty() { bail!("no dialogues in {}", data_dir.display()) } else { Ok(dialogues) }
}

/// Today's User-Agents with their weights.
pub fn user_agents(data_dir: &Path) -> Result<Vec<UserAgent>> {
    rows(&data_dir.join("ua/ua_weighted.jsonl.zst"))
}

/// Addresses that the sample GeoIP files know.
pub fn addresses(data_dir: &Path) -> Result<Vec<Address>> {
    rows(&data_dir.join("geoip/ips.jsonl.zst"))
}

/// The sample GeoIP file with nested records.
pub fn geoip_database(data_dir: &Path) -> PathBuf {
    data_dir.join("geoip/sample-city-nested.mmdb")
}

fn rows<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
    let file = fs::File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let lines = BufReader::new(zstd::Decoder::new(file)?).lines();
    let parse = |(number, line): (usize, std::io::Result<String>)| -> Result<T> {
        serde_json::from_str(&line?).with_context(|| format!("{}:{}", path.display(), number + 1))
    };
    lines.enumerate().map(parse).collect()
}
