//! Rewrites the index from its stored documents, with the current schema, analysis and prices; needs no Kafka. The
//! index may have been written by an earlier version.
//!
//! The new index is built next to the old one and replaces it only once it is complete and durable, so an interruption
//! at any point leaves one whole index.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use hearken_analysis::Memo;
use hearken_config::Config;
use hearken_index::checkpoint::Checkpoint;
use hearken_index_tantivy::{Index, OldIndex};
use hearken_ingest::{Deriver, IngestMetrics};
use hearken_model::{Document, Status};
use indicatif::ProgressBar;

/// Documents per commit: large enough to be fast, small enough to bound memory.
const BATCH_DOCUMENTS: usize = 5_000;

/// Rebuilds the configured index.
///
/// # Errors
/// The old index cannot be read, or the new one cannot be written; the old one is then untouched.
pub fn run(config: &Config) -> anyhow::Result<()> {
    let path = &config.index.path;
    let (building, old) = (beside(path, "rebuilding"), beside(path, "replaced"));
    for leftover in [&building, &old] {
        if leftover.exists() {
            std::fs::remove_dir_all(leftover).with_context(|| {
                format!("cannot remove `{}`, left by an earlier rebuild", leftover.display())
            })?;
        }
    }
    let num_documents = rewrite(config, path, &building)?;
    std::fs::rename(path, &old).with_context(|| format!("cannot move `{}` away", path.display()))?;
    std::fs::rename(&building, path).with_context(|| {
        format!("cannot move the new index to `{}`; it is in `{}`", path.display(), building.display())
    })?;
    std::fs::remove_dir_all(&old)
        .with_context(|| format!("cannot remove the old index `{}`", old.display()))?;
    eprintln!("rebuilt {num_documents} interactions");
    Ok(())
}

fn rewrite(config: &Config, from: &Path, to: &Path) -> anyhow::Result<u64> {
    let source = OldIndex::open(from)?;
    let (mut target, _) = Index::open(to, |options| options.flush_interval = config.ingest.flush_interval)?;
    let mut deriver = crate::app::deriver(config, IngestMetrics::new(&prometheus::Registry::new())?)?;
    let bar = ProgressBar::new(source.num_documents());

    let mut num_documents = 0;
    let mut failure = None;
    let visited = source.for_each(|document: Document| {
        num_documents += 1;
        bar.inc(1);
        target.put(rewritten(document, &mut deriver));
        // Offsets come only with the last batch: a half-built index must not claim to have read anything.
        if num_documents % BATCH_DOCUMENTS as u64 == 0
            && let Err(error) = target.refresh(&Checkpoint::default())
        {
            failure = Some(error);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    });
    visited.context("cannot read the index")?;
    if let Some(error) = failure {
        return Err(error).context("cannot write the new index");
    }
    target.refresh(source.checkpoint())?;
    target.flush_now()?;
    bar.finish_and_clear();
    Ok(num_documents)
}

/// The document as it would be written today.
pub(crate) fn rewritten(document: Document, deriver: &mut Deriver) -> Document {
    if document.state.is_hidden() {
        return document;
    }
    // Abandonment was decided by the clock; the decision stands until the server makes a new one.
    let was_abandoned = document.derived.head.status == Some(Status::Abandoned);
    let now = was_abandoned.then_some(hearken_model::Timestamp::from_nanos(i64::MAX));
    let derived = deriver.derive(&document.state, &mut Memo::default(), now);
    Document { derived, ..document }
}

/// `index` → `index.rebuilding`, a sibling, so that the last step is a rename within one file system.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    PathBuf::from(name)
}
