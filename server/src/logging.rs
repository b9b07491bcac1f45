//! Log lines: text for people, JSON for machines, on stderr.

use hearken_config::{LogConfig, LogFormat};
use tracing_subscriber::EnvFilter;

/// Starts logging. A second call in one process changes nothing.
///
/// # Errors
/// tracing does not understand the level.
pub fn start(config: &LogConfig) -> anyhow::Result<()> {
    // rmcp tells of every request that it begins and ends, and repeats what strangers sent. tantivy's `end_merge` warns
    // "couldn't find segment" when a commit has emptied one of the segments meanwhile, as happens where interactions grow:
    // their documents are replaced every second. It then drops the merge, which is tried again after a later commit, and
    // nothing is lost. A level of its own for either in the configuration counts more, for it comes later.
    let filter =
        EnvFilter::try_new(format!("rmcp=error,tantivy::indexer::segment_manager=error,{}", config.level))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let lines = lines.with_ansi(console::colors_enabled_stderr()); // none in files, nor with NO_COLOR
    // An error means that logging has started already, which is fine.
    let _ = match config.format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    Ok(())
}
