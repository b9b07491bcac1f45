//! Real engines, each started for one test with its own ports and temporary directory, stopped by process id.
//!
//! - [`Kafka`]: Apache Kafka from Maven, one broker in KRaft mode.
//! - [`Prometheus`]: Debian's, with `promtool`.
//! - [`OpenSearch`]: the minimal distribution from Maven.
//! - [`chromium`]: finds Debian's browser; [`node`]: programs that drive it.
//! - [`python`]: clients of other makers, from PyPI.
//!
//! What comes from Maven, npm and PyPI is fetched once into `target/engines` and shared by all test binaries.

mod cache;
pub mod chromium;
mod java;
mod kafka;
pub mod node;
mod opensearch;
mod prometheus;
pub mod python;

use std::net::TcpListener;
use std::path::PathBuf;

use anyhow::{Context, Result};
use tempfile::TempDir;

pub use kafka::Kafka;
pub use opensearch::OpenSearch;
pub use prometheus::{Prometheus, promtool};

/// A port on loopback that was free a moment ago. The engines here cannot pick one themselves.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("no free port on loopback")?;
    Ok(listener.local_addr()?.port())
}

/// A directory of a test's own, removed when the test succeeds and kept, named on stderr, when it fails.
#[derive(Debug)]
pub struct TestDir(Option<TempDir>);

impl TestDir {
    /// A new, empty directory whose name begins with `prefix`.
    pub fn new(prefix: &str) -> Result<TestDir> {
        let dir = tempfile::Builder::new()
            .prefix(prefix)
            .tempdir()
            .context("cannot create a temporary directory")?;
        Ok(TestDir(Some(dir)))
    }

    /// The directory.
    pub fn path(&self) -> PathBuf {
        self.0.as_ref().map(|dir| dir.path().to_owned()).unwrap_or_default()
    }
}

impl Drop for TestDir {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(dir) = self.0.take()
        {
            eprintln!("--- kept for inspection: {}", dir.keep().display());
        }
    }
}
