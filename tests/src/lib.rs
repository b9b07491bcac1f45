//! The harness of the whole-stack tests: real engines, the real binary, real input, and what must come of it.
//!
//! - [`outcome`]: what happens when an engine or the data is missing: skipped in plain words, or failed in CI.
//! - [`wait`]: patience with a deadline, instead of sleeping.
//! - [`process`]: a child process that is stopped by its id and keeps its log when a test fails.
//! - [`engines`]: Apache Kafka, Prometheus, OpenSearch and Chromium, each with its own ports and directory.
//! - [`kafka_io`]: produce and read records as a plain Kafka client does.
//! - [`llm_server`]: a language model's server that answers what a test says.
//! - [`hearken`]: the `hearken` binary under test.
//! - [`data`]: the dialogues, User-Agents and addresses that are read in place.
//! - [`real_input`]: dialogues turned into a stream of records, and the interactions, dead letters and search
//!   totals expected of it, computed without any code of the product.
//!
//! Nothing here sleeps for a fixed time, and nothing listens beyond loopback.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use hearken_tests::{Hearken, HearkenConfig};
//!
//! # fn main() -> anyhow::Result<()> {
//! let mut hearken = Hearken::start(&HearkenConfig::default())?;
//! hearken.wait_ready(Duration::from_secs(60))?;
//! assert_eq!(hearken.search(&[("q", "refund")])?["total"], 0);
//! # Ok(())
//! # }
//! ```

pub mod data;
pub mod engines;
pub mod hearken;
pub mod kafka_io;
pub mod llm_server;
pub mod outcome;
pub mod process;
pub mod real_input;
pub mod wait;

pub use hearken::{Hearken, HearkenConfig};
pub use outcome::Unavailable;
pub use wait::wait_until;
