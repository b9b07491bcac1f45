//! Waits for a remote index: while it does not answer, the pipeline waits, the queue fills, and the broker keeps the
//! rest.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hearken_index::search::Filter;
use hearken_index::{Access, Lookup, SearchError};
use hearken_model::{Document, InteractionId, Timestamp, error_chain};
use tracing::warn;

use crate::status::IngestStatus;

/// Pause before asking again.
const PAUSE: Duration = Duration::from_millis(500);

/// Asks until there is an answer, or ingest stops.
pub(crate) struct PatientLookup {
    pub(crate) reader: Arc<dyn Lookup>,
    /// Is told while there is no answer.
    pub(crate) status: IngestStatus,
    pub(crate) is_stopping: Arc<AtomicBool>,
}

impl PatientLookup {
    fn wait_for<T>(&self, ask: impl Fn(&dyn Lookup) -> Result<T, SearchError>) -> Result<T, SearchError> {
        let mut has_waited = false;
        loop {
            match ask(&*self.reader) {
                Err(error @ SearchError::Engine(_)) if !self.is_stopping.load(Ordering::Acquire) => {
                    let reason = error_chain(&error);
                    if !has_waited {
                        warn!(reason, "the index does not answer; retrying until it does");
                    }
                    self.status.set_trouble(Some(format!("the index does not answer: {reason}")));
                    has_waited = true;
                    std::thread::sleep(PAUSE);
                }
                answer => {
                    if has_waited {
                        self.status.set_trouble(None);
                    }
                    return answer;
                }
            }
        }
    }
}

impl Lookup for PatientLookup {
    fn get(&self, id: &InteractionId, access: &Access) -> Result<Option<Document>, SearchError> {
        self.wait_for(|reader| reader.get(id, access))
    }

    fn idle_since(&self, cutoff: Timestamp, limit: usize) -> Result<Vec<InteractionId>, SearchError> {
        self.wait_for(|reader| reader.idle_since(cutoff, limit))
    }

    fn llm_pending(&self, rested_since: Timestamp, limit: usize) -> Result<Vec<InteractionId>, SearchError> {
        self.wait_for(|reader| reader.llm_pending(rested_since, limit))
    }

    fn silent_since(
        &self,
        cutoff: Timestamp,
        filters: &BTreeMap<String, Filter>,
        limit: usize,
    ) -> Result<Vec<InteractionId>, SearchError> {
        self.wait_for(|reader| reader.silent_since(cutoff, filters, limit))
    }

    fn count_in_progress(&self) -> Result<u64, SearchError> {
        self.wait_for(|reader| reader.count_in_progress())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::cell::Cell;

    use super::*;

    #[test]
    fn what_is_not_answered_is_asked_again_but_not_when_ingest_stops() {
        let (_store, reader) = hearken_index_memory::open();
        let status = IngestStatus::default();
        let patient = PatientLookup {
            reader: Arc::new(reader),
            status: status.clone(),
            is_stopping: Arc::new(AtomicBool::new(false)),
        };
        let num_asked = Cell::new(0);
        let fails_once = |_: &dyn Lookup| {
            num_asked.set(num_asked.get() + 1);
            match num_asked.get() {
                1 => Err(SearchError::Engine("no node answers".into())),
                _ => Ok(status.reasons().join(" ")),
            }
        };
        assert!(
            patient.wait_for(fails_once).unwrap().contains("no node answers"),
            "readiness says so meanwhile"
        );
        assert!(!status.reasons().join(" ").contains("no node answers"));
        let refused = patient.wait_for(|_| Err::<(), _>(SearchError::Invalid("no such field".to_owned())));
        assert!(matches!(refused, Err(SearchError::Invalid(_))), "it would never be answered");
        patient.is_stopping.store(true, Ordering::Release);
        let gives_up = patient.wait_for(|_| Err::<(), _>(SearchError::Engine("no node answers".into())));
        assert!(gives_up.is_err());
    }
}
