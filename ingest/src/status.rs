//! Ingest's part of the readiness check.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::source::TopicPartition;

/// How long the brokers may be unreachable before readiness reports it: a restart or an election is not an outage.
pub(crate) const BROKER_PATIENCE: Duration = Duration::from_secs(10);

/// Why ingest is not ready, if so. Shared between the pipeline and the readiness check; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct IngestStatus(Arc<Mutex<Reasons>>);

#[derive(Debug, Default)]
struct Reasons {
    is_backlog_read: bool,
    leads: bool,
    /// Why the pipeline cannot continue for now.
    trouble: Option<String>,
    /// What is left to read of the backlog.
    backlog: Option<String>,
    /// No broker can be reached.
    outage: Option<Outage>,
    stopped: BTreeMap<TopicPartition, String>,
    /// Interactions that retention has removed from every answer since the process started.
    num_removed: u64,
}

/// A period without any connection to a broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outage {
    /// When the last connection was lost, or the first one was attempted.
    pub(crate) since: Instant,
    /// The client's last error.
    pub(crate) cause: Option<String>,
}

impl IngestStatus {
    fn lock(&self) -> MutexGuard<'_, Reasons> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One sentence for each thing that is wrong or unfinished; empty when everything that was on the broker at start
    /// is searchable, the brokers can be reached and nothing is stopped.
    pub fn reasons(&self) -> Vec<String> {
        let reasons = self.lock();
        let backlog = (!reasons.is_backlog_read)
            .then(|| reasons.backlog.clone().unwrap_or_else(|| "waiting for kafka".to_owned()));
        let outage = reasons.outage.as_ref().and_then(outage_reason);
        let stopped = reasons.stopped.iter().map(|((topic, partition), reason)| {
            format!("partition {partition} of topic {topic} is stopped: {reason}")
        });
        reasons.trouble.iter().cloned().chain(outage).chain(backlog).chain(stopped).collect()
    }

    /// How many interactions retention has removed from every answer since the process started; the files may still
    /// hold them.
    pub fn num_removed(&self) -> u64 {
        self.lock().num_removed
    }

    pub(crate) fn add_removed(&self, num_removed: u64) {
        self.lock().num_removed += num_removed;
    }

    /// Whether the backlog has been read once since the process started.
    pub(crate) fn is_backlog_read(&self) -> bool {
        self.lock().is_backlog_read
    }

    /// Whether this process does the work that one process does for all: what the passing of time changes, and asking a
    /// language model. In a group, it is the one that has the first partition of the first topic.
    pub(crate) fn leads(&self) -> bool {
        self.lock().leads
    }

    pub(crate) fn set_leads(&self, leads: bool) {
        self.lock().leads = leads;
    }

    pub(crate) fn set_backlog_read(&self) {
        self.lock().is_backlog_read = true;
    }

    pub(crate) fn set_backlog(&self, what: String) {
        self.lock().backlog = Some(what);
    }

    pub(crate) fn set_trouble(&self, trouble: Option<String>) {
        self.lock().trouble = trouble;
    }

    pub(crate) fn set_outage(&self, outage: Option<Outage>) {
        self.lock().outage = outage;
    }

    pub(crate) fn set_stopped(&self, partition: TopicPartition, reason: Option<String>) {
        let mut reasons = self.lock();
        match reason {
            Some(reason) => reasons.stopped.insert(partition, reason),
            None => reasons.stopped.remove(&partition),
        };
    }
}

fn outage_reason(outage: &Outage) -> Option<String> {
    let lasted = outage.since.elapsed();
    let cause = outage.cause.as_deref().unwrap_or("no answer");
    (lasted >= BROKER_PATIENCE)
        .then(|| format!("no kafka broker could be reached for {} s: {cause}", lasted.as_secs()))
}
