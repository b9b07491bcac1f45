//! Opens the configured engine. Only this module and the commands that maintain an index name a concrete engine.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use hearken_config::{Config, IndexEngine, OpenSearchConfig, OpenSearchCredentials, Secret};
use hearken_index::{Lookup, Maintain, Search, Store};
use hearken_index_opensearch::{OpenSearchIndex, OpenSearchOptions};
use hearken_index_tantivy::{FlushReport, Index, IndexReader, IndexWriter};
use prometheus::Registry;
use tracing::warn;

/// An open index, through the port that each user needs.
pub struct Engine {
    /// For ingest to write.
    pub store: Box<dyn Store>,
    /// For ingest to look up what it writes.
    pub lookup: Arc<dyn Lookup>,
    /// For queries.
    pub search: Arc<dyn Search>,
    /// For the server to maintain it.
    pub maintain: Arc<dyn Maintain>,
}

impl From<(IndexWriter, IndexReader)> for Engine {
    fn from((writer, reader): (IndexWriter, IndexReader)) -> Self {
        Engine {
            maintain: Arc::new(writer.monitor()),
            store: Box::new(writer),
            lookup: Arc::new(reader.clone()),
            search: Arc::new(reader),
        }
    }
}

impl From<&OpenSearchIndex> for Engine {
    fn from(index: &OpenSearchIndex) -> Self {
        Engine {
            store: Box::new(index.store()),
            lookup: Arc::new(index.reader()),
            search: Arc::new(index.reader()),
            maintain: Arc::new(index.monitor()),
        }
    }
}

/// Opens the index.
///
/// # Errors
/// The index is in use, damaged, of another version, not prepared, or cannot be reached.
pub fn open(config: &Config, registry: &Registry) -> anyhow::Result<Engine> {
    match &config.index.engine {
        IndexEngine::Tantivy => Ok(open_tantivy(config, registry)?.into()),
        IndexEngine::OpenSearch(settings) => {
            // Saved views and erasure receipts are kept beside it.
            if let Some(folder) = config.index.path.parent() {
                std::fs::create_dir_all(folder)
                    .with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
            }
            Ok((&OpenSearchIndex::connect(opensearch_options(settings)?)?).into())
        }
    }
}

/// Opens the index in `index.path`, and measures its flush times.
///
/// # Errors
/// The index is in use, damaged, of another version, or cannot be reached.
pub fn open_tantivy(config: &Config, registry: &Registry) -> anyhow::Result<(IndexWriter, IndexReader)> {
    let flush_seconds = crate::metrics::flush_seconds(registry)?;
    let opened = Index::open(&config.index.path, |options| {
        options.flush_interval = config.ingest.flush_interval;
        options.live_bytes_max = config.ingest.live_mebibytes as usize * 1024 * 1024;
        options.on_flush = Some(Arc::new(move |report: &FlushReport| {
            flush_seconds.observe(report.duration.as_secs_f64());
            if let Some(error) = &report.error {
                warn!(error, "flush failed; trying again");
            }
        }));
    });
    Ok(opened?)
}

/// The cluster's connection options, including secrets.
///
/// # Errors
/// A file with a secret or certificates cannot be read.
pub fn opensearch_options(settings: &OpenSearchConfig) -> anyhow::Result<OpenSearchOptions> {
    let secret = |key: &str, path: &Path| {
        let secret = Secret::from_file(path);
        secret.with_context(|| format!("cannot read `index.opensearch.{key}` `{}`", path.display()))
    };
    let mut options = OpenSearchOptions::new(settings.urls.clone(), settings.index_prefix.clone());
    match &settings.credentials {
        None => {}
        Some(OpenSearchCredentials::Password { username, password_file }) => {
            options.username = Some(username.clone());
            options.password = Some(secret("password_file", password_file)?.expose().to_owned());
        }
        Some(OpenSearchCredentials::ApiKey(path)) => {
            options.api_key = Some(secret("api_key_file", path)?.expose().to_owned());
        }
    }
    if let Some(path) = &settings.ca_file {
        let pem = std::fs::read(path);
        options.ca_pem = Some(
            pem.with_context(|| format!("cannot read `index.opensearch.ca_file` `{}`", path.display()))?,
        );
    }
    (options.shards, options.replicas) = (settings.shards, settings.replicas);
    options.refresh_interval = settings.refresh_interval;
    Ok(options)
}

/// Refuses commands that only work with the files of the tantivy engine.
///
/// # Errors
/// The engine is OpenSearch; the message says what to do `instead`.
pub fn refuse_opensearch(config: &Config, instead: &str) -> anyhow::Result<()> {
    match &config.index.engine {
        IndexEngine::Tantivy => Ok(()),
        IndexEngine::OpenSearch(_) => bail!("`index.engine` is \"opensearch\": {instead}"),
    }
}
