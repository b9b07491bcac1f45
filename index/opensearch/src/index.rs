//! The index on a cluster: what its handles share.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

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
    /// Whether that is an alias, and not an index that is being filled.
    pub(crate) is_alias: bool,
    pub(crate) refresh_on_write: bool,
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
        let client = Client::new(&options)?;
        let alias = options.index_prefix;
        let index =
            prepare::behind(&client, &alias)?.ok_or_else(|| OpenSearchError::NotPrepared(alias.clone()))?;
        prepare::check(&client, &index)?;
        Ok(OpenSearchIndex {
            shared: Arc::new(Shared {
                client,
                is_alias: index != alias,
                alias,
                refresh_on_write: options.refresh_on_write,
                pits: SharedPit::default(),
                follower: ChangeFollower::default(),
                durable: Mutex::default(),
                num_refused: AtomicU64::new(0),
            }),
        })
    }

    /// What writes. There may be several, here and elsewhere.
    pub fn store(&self) -> OpenSearchStore {
        OpenSearchStore::new(Arc::clone(&self.shared))
    }

    /// What asks.
    pub fn reader(&self) -> OpenSearchReader {
        OpenSearchReader::new(Arc::clone(&self.shared))
    }

    /// What tells how the index fares.
    pub fn monitor(&self) -> OpenSearchMonitor {
        OpenSearchMonitor::new(Arc::clone(&self.shared))
    }
}
