//! The tantivy engine of the interaction index: the only crate that names tantivy.
//!
//! - [`index`]: the index as ingest and query see it; [`reader`]: searching it.
//! - [`live`]: what changed since the last flush, in memory. [`view`]: what a search sees, the last commit with that over
//!   it. [`shared`]: how views come about.
//! - [`flusher`]: the thread that makes what changed durable; [`committer`]: tantivy's writer, which it owns.
//!   [`cleaner`]: removes what was erased from the files.
//! - [`schema`], [`document`], [`encoding`]: what is indexed, counted and stored of an interaction.
//! - [`lower`]: the query tree as tantivy queries, with [`words`], [`value_terms`] and [`expansion`] of our own.
//! - [`collect`], [`sort`], [`facets`], [`ranges`], [`statistics`], [`stored`]: one pass over the matches, within a
//!   [`budget`]; [`columns`]: opened once.
//! - [`merge`]: how many segments, and how large. [`old`]: an index of an earlier version. [`check`]: one that nobody
//!   has open. [`backup`]: copies of one, open or not.
//! - [`directory`]: files with checksums, replaced so that a crash leaves a whole commit.
//!
//! ```
//! use hearken_index::checkpoint::Checkpoint;
//! use hearken_index_tantivy::Index;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! let (mut writer, reader) = Index::open(&folder.path().join("index"), |_| {})?;
//! writer.refresh(&Checkpoint::default())?;
//! assert_eq!(reader.count_in_progress()?, 0);
//! # Ok(())
//! # }
//! ```

mod background;
mod backup;
mod budget;
mod check;
mod cleaner;
mod collect;
mod columns;
mod committer;
mod cursor;
mod directory;
mod document;
mod encoding;
mod error;
mod expansion;
mod facets;
mod flusher;
mod index;
mod live;
mod lower;
mod merge;
mod old;
mod options;
mod port;
mod ranges;
mod reader;
mod schema;
#[cfg(test)]
mod search_tests;
mod shared;
mod sort;
mod statistics;
mod stored;
#[cfg(test)]
mod tests;
mod value_terms;
mod view;
mod words;

pub use backup::{create_backup, restore_backup};
pub use check::{CheckReport, check};
#[cfg(test)]
pub(crate) use directory::simulated::SimulatedDisk;
pub use directory::{Damage, FileFault};
pub use error::EngineError;
pub use flusher::{FlushReport, OnFlush};
pub use index::{Index, IndexWriter, Monitor};
pub use merge::MergeBounds;
pub use old::OldIndex;
pub use options::WriterOptions;
pub use reader::{Counts, IndexReader, RELEVANCE_HITS_MAX, VIEW_PINNED_FOR, VIEWS_MAX};

/// The message of a panic.
fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message")
}

/// What a log keeps quiet of tantivy, as a directive of tracing's `EnvFilter`: `end_merge` warns "couldn't find segment" when a
/// commit has emptied one of the segments meanwhile, as happens where interactions grow, for their documents are replaced every
/// second. It then drops the merge, which is tried again after a later commit, and nothing is lost.
pub const QUIET: &str = "tantivy::indexer::segment_manager=error";
