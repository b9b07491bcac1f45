//! Implements the commands of `hearken index` for an index on an OpenSearch cluster.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Write as _;
use std::ops::ControlFlow;

use anyhow::{Context as _, ensure};
use hearken_config::{Config, OpenSearchConfig};
use hearken_index::Store;
use hearken_index::checkpoint::Checkpoint;
use hearken_index_opensearch::{
    OpenSearchIndex, OpenSearchOptions, OpenSearchReader, Rebuild, prepare as prepare_index,
};
use hearken_index_tantivy::OldIndex;
use hearken_ingest::{Deriver, IngestMetrics};
use hearken_model::Document;
use indicatif::ProgressBar;

use crate::engine::opensearch_options;
use crate::{fail_points, logging};

/// Approximate memory of the documents written in one request: a request of a few hundred kilobytes already keeps the
/// cluster busy for much longer than the transfer takes.
const BATCH_BYTES: usize = 512 << 10;
/// What a document takes besides its texts.
const DOCUMENT_BYTES: usize = 4 << 10;

/// Creates the index, unless a matching one exists.
///
/// # Errors
/// The existing index does not match (the message lists the differences), or the cluster cannot be reached.
pub(crate) fn prepare(settings: &OpenSearchConfig) -> anyhow::Result<()> {
    let prepared = prepare_index(&opensearch_options(settings)?)?;
    let done = if prepared.is_new { "created the index" } else { "the index is already there and matches:" };
    writeln!(std::io::stdout(), "{done} `{}`, aliased as `{}`", prepared.index, settings.index_prefix)?;
    Ok(())
}

/// Reads every document, to verify that all of them can be read.
///
/// # Errors
/// A document cannot be read, or the index is missing or does not match.
pub(crate) fn check(settings: &OpenSearchConfig) -> anyhow::Result<()> {
    let index = OpenSearchIndex::connect(opensearch_options(settings)?)?;
    let found = Checksum::of_cluster(&index.reader())?;
    writeln!(std::io::stdout(), "{} documents verified", found.num_documents)?;
    Ok(())
}

/// Rewrites every document with the current fields and analysis into a new index, which then replaces the old one. The
/// old one, whatever its version, is kept.
///
/// # Errors
/// The old index cannot be read, or the new one cannot be written; then the old one stays in place, and the new one is
/// removed.
pub(crate) fn rebuild(config: &Config, settings: &OpenSearchConfig) -> anyhow::Result<()> {
    logging::start(&config.log)?;
    let _fail_points = fail_points::arm()?;
    let mut deriver = crate::app::deriver(config, IngestMetrics::new(&prometheus::Registry::new())?)?;
    let options = opensearch_options(settings)?;
    let old = OpenSearchIndex::stored(options.clone())?;
    let rebuild = Rebuild::begin(&options)?;
    let name = rebuild.index.clone();
    match rewrite(&old, OpenSearchOptions { index_prefix: name.clone(), ..options }, &mut deriver) {
        Ok(num_documents) => {
            rebuild.switch()?;
            let alias = &settings.index_prefix;
            eprintln!(
                "rebuilt {num_documents} documents; `{name}` is now `{alias}`, and the index before it is kept"
            );
            Ok(())
        }
        Err(error) => {
            rebuild.give_up();
            Err(error)
        }
    }
}

/// Fills the new index, and returns the number of its documents.
fn rewrite(old: &OpenSearchReader, new: OpenSearchOptions, deriver: &mut Deriver) -> anyhow::Result<u64> {
    let new = OpenSearchIndex::connect(new)?;
    let mut copying = Copying::new(Box::new(new.store()), ProgressBar::new(old.num_stored()?));
    let visited = old.for_each_stored(&mut |document| {
        copying.put(crate::rebuild::rewritten(document, deriver)) // keeps its revision
    });
    visited.context("cannot read the index")?;
    let num_put = copying.finish()?.num_put;
    let num_stored = new.reader().num_stored()?;
    ensure!(num_stored == num_put, "the new index has {num_stored} of {num_put} documents; see the log");
    Ok(num_stored)
}

/// Copies every document of the embedded engine's index, including those of erased interactions, and compares the two.
/// Documents that the cluster has in the same or a newer revision are left alone.
///
/// # Errors
/// One of the two cannot be read or written, or they differ in the end. It is safe to run it again.
pub(crate) fn copy_from_tantivy(config: &Config, settings: &OpenSearchConfig) -> anyhow::Result<()> {
    logging::start(&config.log)?;
    let _fail_points = fail_points::arm()?;
    let source = OldIndex::open(&config.index.path)
        .with_context(|| format!("cannot copy the index `{}`", config.index.path.display()))?;
    let target = OpenSearchIndex::connect(opensearch_options(settings)?)?;
    let mut copying = Copying::new(Box::new(target.store()), ProgressBar::new(source.num_documents()));
    let mut wanted = Checksum::default();
    let visited = source.for_each(|document: Document| {
        if let Err(error) = wanted.add(&document) {
            return copying.fail(error);
        }
        copying.put(Document { revision: document.revision.max(1), ..document })
    });
    visited.context("cannot read the index")?;
    let Copied { num_put, num_left } = copying.finish()?;
    let found = Checksum::of_cluster(&target.reader())?;
    eprintln!("copied {} documents; {num_left} were there already", num_put - num_left);
    let (alias, path) = (&settings.index_prefix, config.index.path.display());
    ensure!(
        wanted.num_documents == found.num_documents,
        "`{alias}` has {} documents and `{path}` has {}: something else has written to `{alias}`, or the cluster has refused \
         some; see the log",
        found.num_documents,
        wanted.num_documents
    );
    ensure!(
        wanted == found,
        "some of the {} documents of `{alias}` are not what `{path}` has: something else has written to `{alias}`, and newer \
         documents were left",
        found.num_documents
    );
    writeln!(
        std::io::stdout(),
        "{} documents verified: counts and checksums are equal",
        found.num_documents
    )?;
    Ok(())
}

/// Documents on their way to another index.
struct Copying {
    store: Box<dyn Store>,
    bar: ProgressBar,
    /// Size of the documents not written yet.
    num_bytes: usize,
    done: Copied,
    failure: Option<anyhow::Error>,
}

/// The outcome.
#[derive(Debug, Clone, Copy, Default)]
struct Copied {
    num_put: u64,
    /// Documents that were there already, in the same or a newer revision.
    num_left: u64,
}

impl Copying {
    fn new(store: Box<dyn Store>, bar: ProgressBar) -> Self {
        Copying { store, bar, num_bytes: 0, done: Copied::default(), failure: None }
    }

    fn put(&mut self, document: Document) -> ControlFlow<()> {
        self.num_bytes += DOCUMENT_BYTES + document.state.bytes();
        self.store.put(document.into());
        self.done.num_put += 1;
        self.bar.inc(1);
        match (self.num_bytes >= BATCH_BYTES).then(|| self.write()) {
            Some(Err(error)) => self.fail(error),
            _ => ControlFlow::Continue(()),
        }
    }

    fn fail(&mut self, error: anyhow::Error) -> ControlFlow<()> {
        self.failure = Some(error);
        ControlFlow::Break(())
    }

    fn write(&mut self) -> anyhow::Result<()> {
        let conflicts = self.store.refresh(&Checkpoint::default()).context("cannot write the new index")?;
        self.done.num_left += conflicts.len() as u64;
        self.num_bytes = 0;
        fail::fail_point!("index-batch-copied");
        Ok(())
    }

    fn finish(mut self) -> anyhow::Result<Copied> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        self.write()?;
        self.bar.finish_and_clear();
        Ok(self.done)
    }
}

/// A checksum of a set of documents, independent of their order and revisions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Checksum {
    num_documents: u64,
    sum: u64,
}

impl Checksum {
    fn add(&mut self, document: &Document) -> anyhow::Result<()> {
        let mut hasher = DefaultHasher::new();
        serde_json::to_vec(&(&document.state, &document.derived))?.hash(&mut hasher);
        self.num_documents += 1;
        self.sum = self.sum.wrapping_add(hasher.finish());
        Ok(())
    }

    fn of_cluster(reader: &OpenSearchReader) -> anyhow::Result<Checksum> {
        let (mut checksum, mut failure) = (Checksum::default(), None);
        let bar = ProgressBar::new(reader.num_stored()?);
        reader.for_each_stored(&mut |document| {
            bar.inc(1);
            match checksum.add(&document) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failure = Some(error);
                    ControlFlow::Break(())
                }
            }
        })?;
        bar.finish_and_clear();
        match failure {
            Some(error) => Err(error.context("a document cannot be compared")),
            None => Ok(checksum),
        }
    }
}
