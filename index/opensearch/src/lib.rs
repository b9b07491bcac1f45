//! The OpenSearch engine of the interaction index, for more data or load than one machine can take.
//!
//! - [`options`], [`client`]: the nodes, and requests to whichever of them answers. [`error`]: what can go wrong.
//! - [`prepare`]: making the index; [`mapping`]: its fields. [`index`]: the index as ingest and query see it.
//! - [`document`], [`words`]: a document as it is sent. [`store`]: writing it by revision.
//! - [`lower`]: the query tree as the query DSL. [`reader`]: searching, with [`counts`] for facets and charts, [`answer`],
//!   [`cursor`] and [`pit`], points in time.
//! - [`follow`]: what changed lately. [`monitor`]: sizes, and cleaning up after erasures.
//!
//! `docs/scale-out.md` says what differs from the embedded engine.
//!
//! ```no_run
//! use hearken_index::Lookup as _;
//! use hearken_index_opensearch::{OpenSearchIndex, OpenSearchOptions, prepare};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let options = OpenSearchOptions::new(vec!["http://localhost:9200".to_owned()], "hearken".to_owned());
//! prepare(&options)?;
//! let index = OpenSearchIndex::connect(options)?;
//! println!("{} interactions in progress", index.reader().count_in_progress()?);
//! # Ok(())
//! # }
//! ```

mod answer;
mod client;
mod counts;
mod cursor;
mod document;
mod error;
mod follow;
mod index;
mod lower;
mod mapping;
mod monitor;
mod options;
mod pit;
mod prepare;
mod reader;
mod store;
mod words;

pub use error::{OpenSearchError, RequestError};
pub use index::OpenSearchIndex;
pub use monitor::OpenSearchMonitor;
pub use options::OpenSearchOptions;
pub use prepare::{Prepared, Rebuild, prepare};
pub use reader::OpenSearchReader;
pub use store::OpenSearchStore;
