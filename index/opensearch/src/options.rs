//! Where the cluster is and how to talk to it.

use std::fmt;
use std::time::Duration;

/// Where the cluster is, and how its index is made. [`OpenSearchOptions::new`] has the defaults.
#[derive(Clone)]
pub struct OpenSearchOptions {
    /// Nodes, `http` or `https`, without credentials and without a slash at the end; at least one.
    pub urls: Vec<String>,
    /// The alias that is read and written; the names of all indices begin with it.
    pub index_prefix: String,
    /// For basic authentication, with `password`.
    pub username: Option<String>,
    /// Goes with `username`.
    pub password: Option<String>,
    /// Sent instead of user name and password: id and key, in base64 as OpenSearch and Elasticsearch hand them out.
    pub api_key: Option<String>,
    /// Certificates to trust instead of the system's, PEM.
    pub ca_pem: Option<Vec<u8>>,
    /// Time-out of one request to one node.
    pub timeout: Duration,
    /// How long a [refresh](hearken_index::Store::refresh) tries a cluster that is busy or away before it says
    /// [`NotWritten`](hearken_index::StoreError::NotWritten).
    pub patience: Duration,
    /// Primary shards of a new index; they cannot be changed later.
    pub shards: u32,
    /// Copies of each shard beside the primary.
    pub replicas: u32,
    /// How long it may take until searches see what was written.
    pub refresh_interval: Duration,
    /// Whether a [refresh](hearken_index::Store::refresh) makes the cluster show at once what it wrote. Each batch then makes
    /// a segment: for tests.
    pub refresh_on_write: bool,
}

impl OpenSearchOptions {
    /// One shard, one replica, a refresh a second, no credentials.
    pub fn new(urls: Vec<String>, index_prefix: String) -> Self {
        OpenSearchOptions {
            urls,
            index_prefix,
            username: None,
            password: None,
            api_key: None,
            ca_pem: None,
            timeout: Duration::from_secs(30),
            patience: Duration::from_secs(20),
            shards: 1,
            replicas: 1,
            refresh_interval: Duration::from_secs(1),
            refresh_on_write: false,
        }
    }
}

impl fmt::Debug for OpenSearchOptions {
    /// Without secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenSearchOptions")
            .field("urls", &self.urls)
            .field("index_prefix", &self.index_prefix)
            .field("username", &self.username)
            .field("shards", &self.shards)
            .field("replicas", &self.replicas)
            .finish_non_exhaustive()
    }
}
