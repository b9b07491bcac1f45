//! `hearken backup create|restore`: copies what is durable while the server runs.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use hearken_config::Config;
use hearken_index_tantivy::{CheckReport, create_backup, restore_backup};
use hearken_query::{erasures, views};

use crate::engine::refuse_opensearch;

/// Copies the durable state of the index, with saved views and erasure receipts, into a new directory.
///
/// # Errors
/// The index cannot be read, or the directory is not empty or cannot be written.
pub fn create(config: &Config, into: &Path) -> anyhow::Result<()> {
    refuse_opensearch(config, "use the snapshots of OpenSearch")?;
    let report = create_backup(&config.index.path, &into.join("index"))
        .with_context(|| format!("cannot create a backup in `{}`", into.display()))?;
    for (beside, name) in beside(config) {
        if beside.exists() {
            fs::copy(&beside, into.join(name))
                .with_context(|| format!("cannot copy `{}`", beside.display()))?;
        }
    }
    tell(&report, "backed up")
}

/// Restores a backup where there is no index. The server then resumes from the point of the backup.
///
/// # Errors
/// The backup is damaged or contains no index, or an index already exists.
pub fn restore(config: &Config, from: &Path) -> anyhow::Result<()> {
    refuse_opensearch(config, "use the snapshots of OpenSearch")?;
    let report = restore_backup(&from.join("index"), &config.index.path)
        .with_context(|| format!("nothing was restored from `{}`", from.display()))?;
    for (beside, name) in beside(config) {
        if from.join(name).exists() {
            fs::copy(from.join(name), &beside)
                .with_context(|| format!("cannot write `{}`", beside.display()))?;
        }
    }
    tell(&report, "restored")
}

/// Small files next to the index, and their names in a backup.
fn beside(config: &Config) -> [(PathBuf, &'static str); 2] {
    let index = &config.index.path;
    [(views::path_beside(index), "views.json"), (erasures::path_beside(index), "erasures.json")]
}

fn tell(report: &CheckReport, done: &str) -> anyhow::Result<()> {
    let CheckReport { num_files, bytes, num_documents, checkpoint, .. } = report;
    let mut out = std::io::stdout();
    writeln!(out, "{done} and verified: {num_files} files, {bytes} bytes, {num_documents} documents")?;
    for (topic, partitions) in &checkpoint.topics {
        for (partition, position) in partitions {
            writeln!(
                out,
                "resumes at: topic {topic}, partition {partition}, offset {}",
                position.next_offset
            )?;
        }
    }
    Ok(())
}
