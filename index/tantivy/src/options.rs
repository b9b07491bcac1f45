//! How the index is written.

use std::time::Duration;

use super::flusher::OnFlush;
use super::merge::MergeBounds;

/// How the index is written.
#[derive(Clone)]
pub struct WriterOptions {
    /// How often what changed is made durable.
    pub flush_interval: Duration,
    /// Approximate memory of the documents that are not durable yet. Beyond it [`IndexWriter::refresh`] waits for a
    /// flush; a batch is let in whole, so one comes on top.
    ///
    /// [`IndexWriter::refresh`]: super::IndexWriter::refresh
    pub live_bytes_max: usize,
    /// How long a refresh waits for that flush before it says [`StoreError::Full`]; also when the flush fails at
    /// once, so that the caller may try again without a pause of its own.
    ///
    /// [`StoreError::Full`]: hearken_index::StoreError::Full
    pub flush_wait_max: Duration,
    /// What the indexing thread may buffer before it ends a segment on its own. At least 15 MB, tantivy's own bound. Each
    /// commit walks a table whose size tantivy takes from this, so more makes small commits dearer.
    pub batch_bytes_max: usize,
    /// The bounds of merging.
    pub merge: MergeBounds,
    /// Read every byte of the index at open and compare checksums, about a second for each gigabyte and core.
    pub verify_at_open: bool,
    /// Told of every flush.
    pub on_flush: Option<OnFlush>,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self {
            flush_interval: Duration::from_secs(1),
            live_bytes_max: 128 << 20,
            flush_wait_max: Duration::from_secs(1),
            batch_bytes_max: 24_000_000,
            merge: MergeBounds::default(),
            verify_at_open: true,
            on_flush: None,
        }
    }
}
