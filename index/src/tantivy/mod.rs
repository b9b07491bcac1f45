//! The tantivy engine: the only place that names tantivy.
//!
//! - [`index`]: the index as ingest and query see it; [`reader`]: searching it.
//! - [`schema`], [`document`], [`encoding`]: what is indexed, counted and stored of an interaction.
//! - [`lower`]: the query tree as tantivy queries, with [`words`], [`value_terms`] and [`expansion`] of our own.
//! - [`collect`], [`sort`], [`facets`], [`ranges`], [`statistics`], [`stored`]: one pass over the matches, within a
//!   [`budget`]; [`columns`]: opened once.
//! - [`writer`]: replace, refresh, flush; what a crash leaves behind.
//! - [`flusher`]: the thread that makes commits durable.
//! - [`merge`]: how many segments, and how large. [`old`]: an index of an earlier version.
//! - [`directory`]: new files in RAM, durable ones on the disk.

mod background;
mod budget;
mod collect;
mod columns;
mod directory;
mod document;
mod encoding;
mod error;
mod expansion;
mod facets;
mod flusher;
mod index;
mod lower;
mod merge;
mod old;
mod ranges;
mod reader;
mod schema;
mod sort;
mod statistics;
mod stored;
#[cfg(test)]
mod tests;
mod value_terms;
mod words;
mod writer;

pub use directory::{Damage, Problem};
pub use error::EngineError;
pub use flusher::{Durable, FlushReport, FlushTrouble, OnFlush};
pub use index::{Index, IndexWriter};
pub use merge::MergeBounds;
pub use old::OldIndex;
pub use reader::{Counts, IndexReader, LIMIT_MAX, RELEVANCE_HITS_MAX, VIEW_PINNED_FOR, VIEWS_MAX};
pub use writer::{CheckReport, IndexStats, Monitor, Reader, RefreshReport, Writer, WriterOptions, check};

/// What a panic said.
fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message")
}
