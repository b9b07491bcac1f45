//! Where the cluster is, and how it is spoken to.

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
    /// See `username`.
    pub password: Option<String>,
    /// Sent instead of user name and password: the base64 form of id and key.
    pub api_key: Option<String>,
    /// Certificates to trust instead of the system's, PEM.
    pub ca_pem: Option<Vec<u8>>,
    /// For one request to one node.
    pub timeout: Duration,
    /// Primary shards of an index that is made; fixed from then on.
    pub shards: u32,
    /// Copies of each shard beside the primary.
    pub replicas: u32,
    /// After how long searches see what was written.
    pub refresh_interval: Duration,
    /// Whether a [refresh](hearken_index::Store::refresh) makes the cluster show at once what it wrote. It costs a segment a
    /// batch: for tests, or for little traffic.
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
