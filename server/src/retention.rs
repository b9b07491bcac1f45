//! What retention removes disappears from answers at once; this removes it from the files, too.

use std::sync::Arc;
use std::time::Duration;

use hearken_index::{Maintain, StoreError};
use hearken_ingest::IngestStatus;
use tracing::{info, warn};

/// Pause between cleanings: each rewrites the segments in which something has expired, and something expires every
/// minute. docs/privacy.md says how long that takes.
const CLEAN_INTERVAL: Duration = Duration::from_secs(30 * 60);
/// Pause before a retry.
const RETRY_INTERVAL: Duration = Duration::from_secs(60);
/// How often to check whether anything was removed.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Cleans the files whenever something was removed since the last time, as long as the server runs.
pub(crate) async fn keep_files_clean(status: IngestStatus, index: Arc<dyn Maintain>) {
    // An earlier process may have removed something without cleaning it out of the files.
    let mut cleaned = clean(&index).await.is_ok().then_some(0);
    loop {
        let num_removed = status.num_removed();
        if cleaned == Some(num_removed) {
            tokio::time::sleep(LOOK_INTERVAL).await;
            continue;
        }
        match clean(&index).await {
            Ok(()) => {
                info!("the files no longer hold interactions past their retention");
                cleaned = Some(num_removed);
                tokio::time::sleep(CLEAN_INTERVAL).await;
            }
            Err(error) => {
                warn!(%error, "the files still hold interactions past their retention; trying again");
                tokio::time::sleep(RETRY_INTERVAL).await;
            }
        }
    }
}

async fn clean(index: &Arc<dyn Maintain>) -> Result<(), StoreError> {
    let index = Arc::clone(index);
    let cleaned = tokio::task::spawn_blocking(move || index.clean_files()).await;
    cleaned.unwrap_or_else(|panicked| Err(StoreError::FlushFailed { cause: panicked.to_string() }))
}
