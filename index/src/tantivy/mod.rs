//! The tantivy engine: the only place that names tantivy.
//!
//! - [`writer`]: replace, refresh, flush; what a crash leaves behind.
//! - [`flusher`]: the thread that makes commits durable.
//! - [`merge`]: how many segments, and how large.
//! - [`directory`]: new files in RAM, durable ones on the disk.

mod directory;
mod error;
mod flusher;
mod merge;
#[cfg(test)]
mod tests;
mod writer;

pub use directory::{Damage, Problem};
pub use error::EngineError;
pub use flusher::{Durable, FlushReport, FlushTrouble, OnFlush};
pub use merge::MergeBounds;
pub use writer::{CheckReport, IndexStats, Monitor, Reader, RefreshReport, Writer, WriterOptions, check};

/// What a panic said.
fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message")
}
