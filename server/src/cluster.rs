//! What the commands of `hearken index` do with an index on an OpenSearch cluster.

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
use hearken_ingest::IngestMetrics;
use hearken_model::Document;
use indicatif::ProgressBar;

use crate::engine::opensearch_options;

/// Documents between two refreshes: large enough to be quick, small enough to bound memory.
const BATCH_DOCUMENTS: u64 = 1_000;

/// Makes the index, unless it is there and fits.
///
/// # Errors
/// The index that is there does not fit; the message has the differences. Or the cluster cannot be reached.
pub(crate) fn prepare(settings: &OpenSearchConfig) -> anyhow::Result<()> {
    let prepared = prepare_index(&opensearch_options(settings)?)?;
    let done = if prepared.is_new { "made the index" } else { "there is already, and fits, the index" };
    writeln!(std::io::stdout(), "{done} `{}`, which is `{}`", prepared.index, settings.index_prefix)?;
    Ok(())
}

/// Reads every document.
///
/// # Errors
/// One cannot be read, or the index is not there or does not fit.
pub(crate) fn check(settings: &OpenSearchConfig) -> anyhow::Result<()> {
    let index = OpenSearchIndex::connect(opensearch_options(settings)?)?;
    let found = Checksum::of_cluster(&index.reader())?;
    writeln!(std::io::stdout(), "{} documents verified", found.num_documents)?;
    Ok(())
}

/// Writes every document anew, with today's fields and analysis, into a new index, which then takes the place of the old one.
/// The old one stays beside it.
///
/// # Errors
/// The old index cannot be read, or the new one not written; the old one is in its place then.
pub(crate) fn rebuild(config: &Config, settings: &OpenSearchConfig) -> anyhow::Result<()> {
    let mut deriver = crate::app::deriver(config, IngestMetrics::new(&prometheus::Registry::new())?)?;
    let options = opensearch_options(settings)?;
    let old = OpenSearchIndex::connect(options.clone())?.reader();
    let rebuild = Rebuild::begin(&options).context("delete the index that an earlier rebuild has left")?;
    let name = rebuild.index.clone();
    let new =
        OpenSearchIndex::connect(for_copying(OpenSearchOptions { index_prefix: name.clone(), ..options }))?;
    let bar = ProgressBar::new(old.num_stored()?);
    let mut copying = Copying::new(Box::new(new.store()), bar);
    let visited = old.for_each_stored(&mut |document| {
        copying.put(crate::rebuild::rewritten(document, &mut deriver)) // its revision stays
    });
    visited.context("cannot read the index")?;
    let num_documents = copying.finish()?.num_put;
    rebuild.switch()?;
    eprintln!("rebuilt {num_documents} documents; `{name}` is now `{}`", settings.index_prefix);
    Ok(())
}

/// Copies every document of the embedded engine's index, those of erased interactions included, and compares both. What the
/// cluster has of the same revision, or a newer one, is left.
///
/// # Errors
/// One of both cannot be read or written, or they differ in the end. It is safe to run it again.
pub(crate) fn copy_from_tantivy(config: &Config, settings: &OpenSearchConfig) -> anyhow::Result<()> {
    let source = OldIndex::open(&config.index.path)
        .with_context(|| format!("cannot copy the index `{}`", config.index.path.display()))?;
    let target = OpenSearchIndex::connect(for_copying(opensearch_options(settings)?))?;
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
    ensure!(
        wanted == found,
        "`{}` has {} documents and the index had {}, or some of them differ: others have written to it; if they have not, \
         run the command again",
        settings.index_prefix,
        found.num_documents,
        wanted.num_documents
    );
    writeln!(
        std::io::stdout(),
        "{} documents verified: counts and checksums are equal",
        found.num_documents
    )?;
    Ok(())
}

/// What was copied is seen at once, to be counted.
fn for_copying(options: OpenSearchOptions) -> OpenSearchOptions {
    OpenSearchOptions { refresh_on_write: true, ..options }
}

/// Documents on their way to another index.
struct Copying {
    store: Box<dyn Store>,
    bar: ProgressBar,
    done: Copied,
    failure: Option<anyhow::Error>,
}

/// How it went.
#[derive(Debug, Clone, Copy, Default)]
struct Copied {
    num_put: u64,
    /// Were there already.
    num_left: u64,
}

impl Copying {
    fn new(store: Box<dyn Store>, bar: ProgressBar) -> Self {
        Copying { store, bar, done: Copied::default(), failure: None }
    }

    fn put(&mut self, document: Document) -> ControlFlow<()> {
        self.store.put(document.into());
        self.done.num_put += 1;
        self.bar.inc(1);
        match self.done.num_put.is_multiple_of(BATCH_DOCUMENTS).then(|| self.write()) {
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

/// A sum over documents, whatever their order and revision.
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
