//! The thread that owns tantivy and makes what changed durable: once an interval, and when asked.
//!
//! A flush that fails keeps what it was to write. Searches continue, and the next flush opens tantivy again from its durable
//! state and writes it then.
//!
//! Fail points, with the feature `failpoints`, in the order they are passed: `index-freeze`, `index-write`,
//! `index-written`, those of [`super::directory`], `index-release`, `index-released`.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};
use hearken_index::checkpoint::Checkpoint;
use hearken_index::{Durable, FlushTrouble};
use hearken_model::error_chain;
use parking_lot::Mutex;

use tantivy::index::SegmentId;
use tantivy::schema::Schema;
use tantivy::tokenizer::TokenizerManager;

use super::background::lower_priority;
use super::committer::{CommitFailure, Committer};
use super::directory::{DurableDirectory, Storage, StorageLock};
use super::document::DocumentBuilder;
use super::options::WriterOptions;
use super::shared::{Shared, ToFlush};

/// One flush, for metrics and logs.
#[derive(Debug, Clone)]
pub struct FlushReport {
    /// How long it took.
    pub duration: Duration,
    /// Documents written.
    pub num_documents: usize,
    /// What is durable now, if that changed.
    pub advanced: Option<Durable>,
    /// Why it failed, if it did.
    pub error: Option<String>,
}

/// Called on the flush thread after each flush that did something or failed; it should return soon.
pub type OnFlush = Arc<dyn Fn(&FlushReport) + Send + Sync>;

/// What the flush thread shares with the writer and with monitors.
pub(super) struct FlushState {
    pub(super) durable: ArcSwap<Durable>,
    pub(super) trouble: Mutex<Option<FlushTrouble>>,
    /// The open index, or the last one while it cannot be opened again.
    pub(super) directory: ArcSwap<DurableDirectory>,
    pub(super) on_flush: Option<OnFlush>,
}

impl FlushState {
    pub(super) fn set_durable(&self, checkpoint: Arc<Checkpoint>) {
        let sequence = self.durable.load().sequence + 1;
        self.durable.store(Arc::new(Durable { checkpoint, sequence }));
    }

    pub(super) fn note_trouble(&self, cause: &str) {
        let mut trouble = self.trouble.lock();
        match &mut *trouble {
            Some(trouble) => {
                trouble.num_attempts += 1;
                cause.clone_into(&mut trouble.cause);
            }
            None => {
                tracing::error!(cause, "flush failed; searches continue, the next flush tries again");
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
    commands: Sender<FlushCommand>,
    /// Whether a command without an answer is on its way; one is enough.
    nudged: Arc<AtomicBool>,
}

enum FlushCommand {
    /// Flush soon.
    Nudge,
    /// Flush, and say how it went.
    Now(Answer),
    /// Flush, merge everything, and say how it went.
    MergeAll(Answer),
    /// Write a segment again, without what is deleted in it.
    Rewrite(SegmentId, Answer),
    /// Unlink what nobody needs any more.
    CollectGarbage(Answer),
    Stop,
}

type Answer = Sender<Result<(), String>>;

impl FlushHandle {
    pub(super) fn nudge(&self) {
        if !self.nudged.swap(true, Ordering::AcqRel) {
            // The thread is gone only after the writer: nobody is waiting any longer.
            let _ = self.commands.send(FlushCommand::Nudge);
        }
    }

    /// Flushes what was refreshed until now. The answer comes when it is durable, or says why it is not; it is an error
    /// of the channel when the thread has ended.
    pub(super) fn flush(&self) -> Receiver<Result<(), String>> {
        self.ask(FlushCommand::Now)
    }

    /// The same, and merges all segments then.
    pub(super) fn merge_all(&self) -> Receiver<Result<(), String>> {
        self.ask(FlushCommand::MergeAll)
    }

    /// Writes a segment again, if it is still there, without what is deleted in it.
    pub(super) fn rewrite(&self, segment: SegmentId) -> Receiver<Result<(), String>> {
        self.ask(|answer| FlushCommand::Rewrite(segment, answer))
    }

    /// Unlinks the files that nobody needs any longer.
    pub(super) fn collect_garbage(&self) -> Receiver<Result<(), String>> {
        self.ask(FlushCommand::CollectGarbage)
    }

    fn ask(&self, command: impl FnOnce(Answer) -> FlushCommand) -> Receiver<Result<(), String>> {
        let (answer_tx, answer_rx) = bounded(1);
        let _ = self.commands.send(command(answer_tx));
        answer_rx
    }
}

/// The running thread; ends when dropped.
pub(super) struct Flusher {
    handle: FlushHandle,
    thread: Option<JoinHandle<()>>,
}

impl Flusher {
    pub(super) fn start(mut flushing: Flushing) -> std::io::Result<Self> {
        let (commands, commands_rx) = unbounded();
        let nudged = Arc::new(AtomicBool::new(false));
        let handle = FlushHandle { commands, nudged: Arc::clone(&nudged) };
        let thread = std::thread::Builder::new().name("index-flush".to_owned()).spawn(move || {
            lower_priority();
            flushing.run(&commands_rx, &nudged);
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
        let _ = self.handle.commands.send(FlushCommand::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What the flush thread owns.
pub(super) struct Flushing {
    pub(super) path: PathBuf,
    pub(super) storage: Arc<dyn Storage>,
    pub(super) schema: Schema,
    pub(super) tokenizers: TokenizerManager,
    pub(super) options: WriterOptions,
    pub(super) shared: Arc<Shared>,
    pub(super) state: Arc<FlushState>,
    pub(super) builder: DocumentBuilder,
    /// `None` after a failure, until it could be opened again.
    pub(super) committer: Option<Committer>,
    /// Released when all else is.
    pub(super) _lock: StorageLock,
}

impl Flushing {
    fn run(&mut self, commands: &Receiver<FlushCommand>, nudged: &AtomicBool) {
        let interval = self.options.flush_interval;
        let mut due = Instant::now() + interval;
        loop {
            let (mut answers, mut merges) = (Vec::new(), Vec::new());
            let (mut rewrites, mut collections) = (Vec::new(), Vec::new());
            let mut stop = false;
            let mut take = |command| match command {
                FlushCommand::Nudge => {}
                FlushCommand::Now(answer) => answers.push(answer),
                FlushCommand::MergeAll(answer) => merges.push(answer),
                FlushCommand::Rewrite(segment, answer) => rewrites.push((segment, answer)),
                FlushCommand::CollectGarbage(answer) => collections.push(answer),
                FlushCommand::Stop => stop = true,
            };
            match commands.recv_deadline(due) {
                Ok(command) => take(command),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            // Every command given before the flush begins is answered by it.
            commands.try_iter().for_each(take);
            if stop {
                return;
            }
            nudged.store(false, Ordering::Release);
            // From start to start: the duration of a flush does not add to the interval.
            due = Instant::now() + interval;
            let mut outcome = self.flush_and_report();
            for answer in answers {
                let _ = answer.send(outcome.clone());
            }
            if !merges.is_empty() && outcome.is_ok() {
                outcome = self.with_committer(|_, committer| committer.merge_all());
            }
            for answer in merges {
                let _ = answer.send(outcome.clone());
            }
            for (segment, answer) in rewrites {
                let _ = answer.send(self.with_committer(|_, committer| committer.rewrite(segment)));
            }
            for answer in collections {
                let _ = answer.send(self.with_committer(|_, committer| committer.collect_garbage()));
            }
        }
    }

    fn flush_and_report(&mut self) -> Result<(), String> {
        let started = Instant::now();
        let mut report =
            FlushReport { duration: Duration::ZERO, num_documents: 0, advanced: None, error: None };
        match self.flush() {
            Ok(None) => return Ok(()),
            Ok(Some(num_documents)) => {
                report.num_documents = num_documents;
                report.advanced = Some(Durable::clone(&self.state.durable.load()));
                if let Some(trouble) = self.state.trouble.lock().take() {
                    tracing::info!(num_attempts = trouble.num_attempts, "the index is durable again");
                }
            }
            Err(cause) => {
                self.state.note_trouble(&cause);
                report.error = Some(cause);
            }
        }
        report.duration = started.elapsed();
        if let Some(on_flush) = &self.state.on_flush {
            on_flush(&report);
        }
        report.error.map_or(Ok(()), Err)
    }

    /// How many documents were written; `None` if there was nothing to do. What an earlier flush could not write comes
    /// first, what changed since then after it.
    fn flush(&mut self) -> Result<Option<usize>, String> {
        let mut num_written = None;
        while let Some(to_flush) = self.shared.freeze(&self.state.durable.load().checkpoint) {
            let is_retry = to_flush.is_retry;
            *num_written.get_or_insert(0) += self.write(to_flush)?;
            if !is_retry {
                break;
            }
        }
        Ok(num_written)
    }

    fn write(&mut self, ToFlush { documents, checkpoint, .. }: ToFlush) -> Result<usize, String> {
        fail::fail_point!("index-freeze");
        let mut num_documents = 0;
        self.with_committer(|builder, committer| {
            let documents = documents.iter().map(|entry| {
                num_documents += 1;
                builder.build(&entry.document)
            });
            fail::fail_point!("index-write");
            committer.replace(documents)?;
            fail::fail_point!("index-written");
            committer.commit(&checkpoint)
        })?;
        self.state.set_durable(checkpoint);
        Ok(num_documents)
    }

    /// Does something with the open index and lets searches see what came of it. After a failure the index is closed, to
    /// be opened again from what is durable.
    fn with_committer(
        &mut self,
        work: impl FnOnce(&mut DocumentBuilder, &mut Committer) -> Result<(), CommitFailure>,
    ) -> Result<(), String> {
        let mut committer = match self.committer.take() {
            Some(committer) => committer,
            None => self.open_again()?,
        };
        let worked = work(&mut self.builder, &mut committer).and_then(|()| {
            fail::fail_point!("index-release");
            let searcher = committer.reload()?;
            self.shared.release(searcher).map_err(CommitFailure::Error)
        });
        match worked {
            Ok(()) => {
                fail::fail_point!("index-released");
                self.committer = Some(committer);
                Ok(())
            }
            Err(failure) => {
                committer.close();
                Err(failure.to_string())
            }
        }
    }

    fn open_again(&self) -> Result<Committer, String> {
        // Lengths are compared; reading all of it at each try would load a disk that is already failing.
        let parts = (&self.schema, &self.tokenizers);
        let committer = Committer::open(&self.path, &self.storage, parts, &self.options, false);
        let committer = committer.map_err(|error| error_chain(&error))?;
        self.state.directory.store(Arc::new(committer.directory.clone()));
        Ok(committer)
    }
}

/// The checkpoint of the durable commit; that of a new index is empty.
pub(super) fn durable_checkpoint(directory: &DurableDirectory) -> Checkpoint {
    let (payload, _) = directory.durable();
    checkpoint_of(payload.as_deref())
}

/// Reads a commit's payload. One that is not a checkpoint cannot be of ours and means "from the start".
pub(super) fn checkpoint_of(payload: Option<&str>) -> Checkpoint {
    payload.and_then(|payload| Checkpoint::from_json(payload).ok()).unwrap_or_default()
}
