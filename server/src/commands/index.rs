//! `hearken index prepare|check|rebuild|copy|stats|reset-offset`, for use while the server, or whatever writes to a
//! cluster, is stopped.

use std::io::Write as _;
use std::str::FromStr;

use anyhow::bail;
use clap::ValueEnum;
use hearken_config::{Config, IndexEngine};
use hearken_index::checkpoint::{Checkpoint, PartitionPosition};
use prometheus::Registry;

use crate::cluster;
use crate::engine::{self, open_tantivy};

/// Where to continue reading a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetTo {
    /// The oldest record that the broker still has.
    Earliest,
    /// This offset.
    Offset(i64),
}

/// The engine to copy from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CopyFrom {
    /// The index in `index.path`
    Tantivy,
}

/// The engine to copy to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CopyTo {
    /// The cluster of `[index.opensearch]`
    #[value(name = "opensearch")]
    OpenSearch,
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

/// Creates the index on a cluster.
///
/// # Errors
/// The existing index does not match, or no cluster is configured.
pub fn prepare(config: &Config) -> anyhow::Result<()> {
    match &config.index.engine {
        IndexEngine::OpenSearch(settings) => cluster::prepare(settings),
        IndexEngine::Tantivy => {
            bail!("`index.engine` is \"tantivy\", whose index the server creates by itself")
        }
    }
}

/// Copies the index of one engine into that of another, and compares them.
///
/// # Errors
/// One of them cannot be read or written, or they differ afterwards.
pub fn copy(config: &Config, from: CopyFrom, to: CopyTo) -> anyhow::Result<()> {
    match (from, to, &config.index.engine) {
        (CopyFrom::Tantivy, CopyTo::OpenSearch, IndexEngine::OpenSearch(settings)) => {
            cluster::copy_from_tantivy(config, settings)
        }
        (CopyFrom::Tantivy, CopyTo::OpenSearch, IndexEngine::Tantivy) => bail!(
            "`index.engine` is \"tantivy\"; make it \"opensearch\" first, and set `index.path` to the index to copy"
        ),
    }
}

/// Verifies every file of the index, or every document on a cluster.
///
/// # Errors
/// Something is damaged, or the index cannot be read.
pub fn check(config: &Config) -> anyhow::Result<()> {
    if let IndexEngine::OpenSearch(settings) = &config.index.engine {
        return cluster::check(settings);
    }
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

/// Rewrites the index from its stored documents with the current schema and analysis.
///
/// # Errors
/// The index cannot be read or written.
pub fn rebuild(config: &Config) -> anyhow::Result<()> {
    match &config.index.engine {
        IndexEngine::Tantivy => crate::rebuild::run(config),
        IndexEngine::OpenSearch(settings) => cluster::rebuild(config, settings),
    }
}

/// Prints sizes and counts.
///
/// # Errors
/// The index cannot be opened.
pub fn stats(config: &Config, json: bool) -> anyhow::Result<()> {
    let engine = engine::open(config, &Registry::new())?;
    let stats = engine.maintain.stats();
    let checkpoint = Checkpoint::clone(&engine.store.durable().checkpoint);
    let mut out = std::io::stdout();
    if json {
        let stats = serde_json::json!({
            "documents": stats.num_documents,
            "segments": stats.num_segments,
            "bytes": stats.index_bytes,
            "checkpoint": checkpoint,
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
    engine::refuse_opensearch(
        config,
        "the consumer group knows how far it has read; use `kafka-consumer-groups.sh --reset-offsets`",
    )?;
    let (mut writer, _) = open_tantivy(config, &Registry::new())?;
    let mut checkpoint = Checkpoint::clone(&writer.checkpoint());
    let before = checkpoint.position(topic, partition);
    // The local log may be damaged before anything was read from it.
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
