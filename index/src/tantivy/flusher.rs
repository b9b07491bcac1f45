//! The thread that flushes: once an interval, and when asked.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};
use parking_lot::Mutex;

use super::background::be_nice;
use super::directory::TieredDirectory;
use super::panic_message;
use crate::checkpoint::Checkpoint;

/// What is durable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Durable {
    /// How far the source need not be read again.
    pub checkpoint: Arc<Checkpoint>,
    /// Counts the commits that became durable since the process started.
    pub sequence: u64,
}

/// One flush, for metrics and logs.
#[derive(Debug, Clone)]
pub struct FlushReport {
    /// How long it took.
    pub duration: Duration,
    /// Files written.
    pub num_files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// What is durable now, if that changed.
    pub advanced: Option<Durable>,
    /// Why it failed, if it did.
    pub error: Option<String>,
}

/// Called on the flush thread after each flush that did something or failed; it should return soon.
pub type OnFlush = Arc<dyn Fn(&FlushReport) + Send + Sync>;

/// A disk that does not take what it is given.
#[derive(Debug, Clone)]
pub struct FlushTrouble {
    /// What was being done at the last try, and what the disk said.
    pub cause: String,
    /// Since when nothing became durable.
    pub since: Instant,
    /// How often a flush was tried in vain.
    pub num_attempts: u64,
}

/// What the flush thread shares with the writer and with whoever watches.
pub(super) struct FlushState {
    pub(super) durable: ArcSwap<Durable>,
    pub(super) trouble: Mutex<Option<FlushTrouble>>,
    /// A file's content was lost before it was durable: only going back to the durable state helps.
    pub(super) content_lost: AtomicBool,
    pub(super) on_flush: Option<OnFlush>,
}

impl FlushState {
    pub(super) fn new(on_flush: Option<OnFlush>) -> Self {
        Self {
            durable: ArcSwap::default(),
            trouble: Mutex::new(None),
            content_lost: AtomicBool::new(false),
            on_flush,
        }
    }

    pub(super) fn set_durable(&self, checkpoint: Checkpoint) {
        let sequence = self.durable.load().sequence + 1;
        self.durable.store(Arc::new(Durable { checkpoint: Arc::new(checkpoint), sequence }));
    }

    pub(super) fn note_trouble(&self, cause: &str) {
        let mut trouble = self.trouble.lock();
        match &mut *trouble {
            Some(trouble) => {
                trouble.num_attempts += 1;
                cause.clone_into(&mut trouble.cause);
            }
            None => {
                tracing::error!(cause, "flush failed; searches go on, the next flush tries again");
                let since = Instant::now();
                *trouble = Some(FlushTrouble { cause: cause.to_owned(), since, num_attempts: 1 });
            }
        }
    }

    pub(super) fn cause_of_trouble(&self) -> Option<String> {
        self.trouble.lock().as_ref().map(|trouble| trouble.cause.clone())
    }
}

/// Asks the flush thread.
#[derive(Clone)]
pub(super) struct FlushHandle {
    requests: Sender<Request>,
    /// Whether a request without an answer is on its way; one is enough.
    nudged: Arc<AtomicBool>,
}

enum Request {
    /// Flush soon.
    Nudge,
    /// Flush, and say how it went.
    Now(Sender<Result<(), String>>),
    Stop,
}

impl FlushHandle {
    pub(super) fn nudge(&self) {
        if !self.nudged.swap(true, Ordering::AcqRel) {
            // The thread is gone only after the writer: nobody is left to care.
            let _ = self.requests.send(Request::Nudge);
        }
    }

    /// Flushes what is committed now. The answer comes when it is durable, or says why it is not; it is an error
    /// of the channel when the thread has ended.
    pub(super) fn flush(&self) -> Receiver<Result<(), String>> {
        let (answer_tx, answer_rx) = bounded(1);
        let _ = self.requests.send(Request::Now(answer_tx));
        answer_rx
    }
}

/// The running thread; ends when dropped.
pub(super) struct Flusher {
    handle: FlushHandle,
    thread: Option<JoinHandle<()>>,
}

impl Flusher {
    pub(super) fn start(
        directory: TieredDirectory,
        state: Arc<FlushState>,
        interval: Duration,
    ) -> std::io::Result<Self> {
        let (requests, requests_rx) = unbounded();
        let nudged = Arc::new(AtomicBool::new(false));
        let handle = FlushHandle { requests, nudged: Arc::clone(&nudged) };
        let thread = std::thread::Builder::new().name("index-flush".to_owned()).spawn(move || {
            be_nice();
            run(&directory, &state, interval, &requests_rx, &nudged);
        })?;
        Ok(Self { handle, thread: Some(thread) })
    }

    pub(super) fn handle(&self) -> &FlushHandle {
        &self.handle
    }
}

impl Drop for Flusher {
    /// Waits for a flush under way; what is not durable then stays in the source.
    fn drop(&mut self) {
        let _ = self.handle.requests.send(Request::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(
    directory: &TieredDirectory,
    state: &FlushState,
    interval: Duration,
    requests: &Receiver<Request>,
    nudged: &AtomicBool,
) {
    let mut due = Instant::now() + interval;
    loop {
        let mut answers = Vec::new();
        let mut stop = false;
        let mut take = |request| match request {
            Request::Nudge => {}
            Request::Now(answer) => answers.push(answer),
            Request::Stop => stop = true,
        };
        match requests.recv_deadline(due) {
            Ok(request) => take(request),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        // Everyone who asked before the flush begins is served by it.
        requests.try_iter().for_each(take);
        if stop {
            return;
        }
        nudged.store(false, Ordering::Release);
        // From start to start: what a flush takes does not add to the interval.
        due = Instant::now() + interval;
        let outcome = flush(directory, state);
        for answer in answers {
            let _ = answer.send(outcome.clone());
        }
    }
}

fn flush(directory: &TieredDirectory, state: &FlushState) -> Result<(), String> {
    let started = Instant::now();
    let flushed = catch_unwind(AssertUnwindSafe(|| directory.flush()));
    let mut report =
        FlushReport { duration: started.elapsed(), num_files: 0, bytes: 0, advanced: None, error: None };
    match flushed {
        Ok(Ok(flushed)) => {
            (report.num_files, report.bytes) = (flushed.num_files, flushed.bytes);
            if flushed.advanced {
                state.set_durable(durable_checkpoint(directory));
                report.advanced = Some(Durable::clone(&state.durable.load()));
            }
            if let Some(trouble) = state.trouble.lock().take() {
                tracing::info!(num_attempts = trouble.num_attempts, "the index is durable again");
            }
        }
        Ok(Err(e)) => {
            if e.source.kind() == std::io::ErrorKind::InvalidData {
                state.content_lost.store(true, Ordering::Release);
            }
            report.error = Some(e.to_string());
        }
        Err(panic) => report.error = Some(format!("panic: {}", panic_message(&*panic))),
    }
    if let Some(cause) = &report.error {
        state.note_trouble(cause);
    }
    if let Some(on_flush) = &state.on_flush
        && (report.advanced.is_some() || report.error.is_some())
    {
        on_flush(&report);
    }
    report.error.map_or(Ok(()), Err)
}

/// The checkpoint of the durable commit; that of a new index is empty.
pub(super) fn durable_checkpoint(directory: &TieredDirectory) -> Checkpoint {
    let (payload, _) = directory.durable();
    checkpoint_of(payload.as_deref())
}

/// Reads a commit's payload. One that is no checkpoint cannot come from [`super::Writer`] and means "from the start".
pub(super) fn checkpoint_of(payload: Option<&str>) -> Checkpoint {
    payload.and_then(|payload| Checkpoint::from_json(payload).ok()).unwrap_or_default()
}
