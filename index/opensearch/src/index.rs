//! The index on a cluster, and what its handles share.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use hearken_index::Durable;
use parking_lot::Mutex;

use super::client::Client;
use super::error::OpenSearchError;
use super::follow::ChangeFollower;
use super::monitor::OpenSearchMonitor;
use super::options::OpenSearchOptions;
use super::pit::SharedPit;
use super::prepare;
use super::reader::OpenSearchReader;
use super::store::OpenSearchStore;

/// An index on a cluster, made by [`crate::prepare`].
pub struct OpenSearchIndex {
    shared: Arc<Shared>,
}

/// What the handles share.
pub(crate) struct Shared {
    pub(crate) client: Client,
    pub(crate) alias: String,
    /// Whether that is an alias, or an index that is being filled.
    pub(crate) is_alias: bool,
    pub(crate) refresh_on_write: bool,
    pub(crate) patience: Duration,
    pub(crate) pits: SharedPit,
    pub(crate) follower: ChangeFollower,
    pub(crate) durable: Mutex<Arc<Durable>>,
    pub(crate) num_refused: AtomicU64,
}

impl OpenSearchIndex {
    /// Connects to an index that is there and fits.
    ///
    /// # Errors
    /// [`OpenSearchError`].
    pub fn connect(options: OpenSearchOptions) -> Result<Self, OpenSearchError> {
        let (client, index) = open(&options)?;
        prepare::check(&client, &index)?;
        Ok(OpenSearchIndex { shared: Shared::new(client, index, options) })
    }

    /// What is stored in an index of this or another version, to be written to a new one: it need not fit.
    ///
    /// # Errors
    /// [`OpenSearchError`], but for [`OpenSearchError::DoesNotFit`].
    pub fn stored(options: OpenSearchOptions) -> Result<OpenSearchReader, OpenSearchError> {
        let (client, index) = open(&options)?;
        Ok(OpenSearchReader::new(Shared::new(client, index, options)))
    }

    /// A writer. There may be several, in this process and in others.
    pub fn store(&self) -> OpenSearchStore {
        OpenSearchStore::new(Arc::clone(&self.shared))
    }

    /// A reader.
    pub fn reader(&self) -> OpenSearchReader {
        OpenSearchReader::new(Arc::clone(&self.shared))
    }

    /// A monitor.
    pub fn monitor(&self) -> OpenSearchMonitor {
        OpenSearchMonitor::new(Arc::clone(&self.shared))
    }
}

/// The index behind the alias, and a client to ask it with.
fn open(options: &OpenSearchOptions) -> Result<(Client, String), OpenSearchError> {
    let client = Client::new(options)?;
    let alias = &options.index_prefix;
    match prepare::behind(&client, alias)? {
        Some(index) => Ok((client, index)),
        None => Err(OpenSearchError::NotPrepared(alias.clone())),
    }
}

impl Shared {
    fn new(client: Client, index: String, options: OpenSearchOptions) -> Arc<Self> {
        let alias = options.index_prefix;
        Arc::new(Shared {
            client,
            is_alias: index != alias,
            alias,
            refresh_on_write: options.refresh_on_write,
            patience: options.patience,
            pits: SharedPit::default(),
            follower: ChangeFollower::default(),
            durable: Mutex::default(),
            num_refused: AtomicU64::new(0),
        })
    }
}
