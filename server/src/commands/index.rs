//! `hearken index check|rebuild|stats|reset-offset`: while the server is stopped.

use std::io::Write as _;
use std::str::FromStr;

use anyhow::bail;
use hearken_config::Config;
use hearken_index::checkpoint::{Checkpoint, PartitionPosition};
use prometheus::Registry;

use crate::app::open_index;

/// Where to continue reading a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetTo {
    /// The oldest record that the broker still has.
    Earliest,
    /// This offset.
    Offset(i64),
}

impl FromStr for ResetTo {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "earliest" => Ok(ResetTo::Earliest),
            number => match number.parse() {
                Ok(offset) if offset >= 0 => Ok(ResetTo::Offset(offset)),
                _ => Err(format!("`{number}` is neither `earliest` nor an offset")),
            },
        }
    }
}

/// Verifies every file of the index.
///
/// # Errors
/// Something is damaged, or the index cannot be read.
pub fn check(config: &Config) -> anyhow::Result<()> {
    let report = hearken_index_tantivy::check(&config.index.path)?;
    let mut out = std::io::stdout();
    writeln!(
        out,
        "{} files, {} bytes, {} documents verified",
        report.num_files, report.bytes, report.num_documents
    )?;
    for damage in &report.damage {
        writeln!(out, "damaged: {damage}")?;
    }
    if !report.damage.is_empty() {
        bail!("the index is damaged; `hearken index rebuild` keeps what can still be read");
    }
    Ok(())
}

/// Rewrites the index with today's schema and analysis from its stored documents.
///
/// # Errors
/// The index cannot be read or written.
pub fn rebuild(config: &Config) -> anyhow::Result<()> {
    crate::rebuild::run(config)
}

/// Prints sizes and counts.
///
/// # Errors
/// The index cannot be opened.
pub fn stats(config: &Config, json: bool) -> anyhow::Result<()> {
    let (writer, _) = open_index(config, &Registry::new())?;
    let stats = writer.monitor().stats();
    let checkpoint = writer.checkpoint();
    let mut out = std::io::stdout();
    if json {
        let stats = serde_json::json!({
            "documents": stats.num_documents,
            "segments": stats.num_segments,
            "bytes": stats.index_bytes,
            "checkpoint": &*checkpoint,
        });
        writeln!(out, "{stats}")?;
    } else {
        writeln!(
            out,
            "{} documents in {} segments, {} bytes",
            stats.num_documents, stats.num_segments, stats.index_bytes
        )?;
        for (topic, partitions) in &checkpoint.topics {
            for (partition, position) in partitions {
                writeln!(out, "{topic} {partition}: read up to offset {}", position.next_offset)?;
            }
        }
    }
    Ok(())
}

/// Sets where to continue reading a partition.
///
/// # Errors
/// The index cannot be opened or written; the server must be stopped.
pub fn reset_offset(config: &Config, topic: &str, partition: i32, to: ResetTo) -> anyhow::Result<()> {
    let (mut writer, _) = open_index(config, &Registry::new())?;
    let mut checkpoint = Checkpoint::clone(&writer.checkpoint());
    let before = checkpoint.position(topic, partition);
    // The local log may be damaged before any of it was read.
    if before.is_none() && topic != "http" {
        bail!(
            "the index has never read partition {partition} of topic `{topic}`; `hearken index stats` lists what it has"
        );
    }
    checkpoint.remove(topic, partition);
    if let ResetTo::Offset(next_offset) = to {
        checkpoint.set(topic, partition, PartitionPosition { next_offset, fingerprint: None });
    }
    writer.refresh(&checkpoint)?;
    writer.flush_now()?;
    writeln!(
        std::io::stdout(),
        "{topic} {partition}: was at offset {}, now at {to:?}",
        before.map_or(0, |before| before.next_offset)
    )?;
    Ok(())
}
