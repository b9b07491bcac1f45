//! Finds the interactions that a language model still has to be asked about, asks, sends the answer, and waits until it
//! has come back.

use std::collections::{HashSet, VecDeque};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use hearken_analysis::llm::{AskError, Excerpt, LlmClient, Reply, Unusable, with_retries};
use hearken_billing::Billing;
use hearken_config::KafkaConfig;
use hearken_index::{Access, Lookup};
use hearken_model::{Assessment, Document, InteractionId, State, Usage};
use lru::LruCache;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::budget::DailyBudget;
use super::event::{self, Answered};
use super::excerpt;
use crate::kafka::{EventProducer, KafkaError};
use crate::metrics::IngestMetrics;
use crate::pipeline::now;
use crate::status::IngestStatus;

/// How often the index is queried while there is room for requests.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// Interactions that one query adds to the line.
const LINE_MAX: usize = 100;
/// Attempts to get a usable answer: models may well answer differently the second time.
const TRIES_MAX: usize = 2;
/// How long an answer may take from the topic into the index before its slot is reused.
const RETURN_PATIENCE: Duration = Duration::from_secs(10 * 60);
/// How often to check the index for it.
const RETURN_INTERVAL: Duration = Duration::from_millis(50);
/// How many interactions that were set aside are remembered.
const ASIDE_MAX: usize = 10_000;
/// How long an interaction is set aside after the endpoint failed on it.
const ASIDE_AFTER_TROUBLE: Duration = Duration::from_secs(10 * 60);
/// How often to check interactions that were set aside for changed text, [`LINE_MAX`] at a time.
const ASIDE_LOOK_INTERVAL: Duration = Duration::from_secs(5);
/// Pause of all requests after the endpoint failed; doubles with each consecutive failure.
const PAUSE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(5 * 60));
/// Longest pause that an endpoint can ask for.
const PAUSE_ASKED_MAX: Duration = Duration::from_secs(3_600);
/// Pause before a record is sent again: the first, and the longest.
const SEND_PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// How long requests in flight may take when the server stops; they are paid for.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// The analyst's parts.
pub struct LlmParts {
    /// Where answers are sent: to the first topic.
    pub kafka: KafkaConfig,
    /// The model.
    pub client: LlmClient,
    /// The size limit of an excerpt, the same as the deriver's.
    pub excerpt_bytes: usize,
    /// Retries per request.
    pub retries: u32,
    /// Most requests at the same time.
    pub concurrency: usize,
    /// An interaction without an end is asked about after this long without an event.
    pub rest_after: Duration,
    /// The spending limit.
    pub budget: DailyBudget,
    /// Prices of tokens.
    pub billing: Billing,
    /// Finds interactions.
    pub reader: Arc<dyn Lookup>,
    /// While ingest is not ready, nothing is asked: the answer may already be on the broker.
    pub status: IngestStatus,
    /// Counters.
    pub metrics: IngestMetrics,
}

/// A running analyst. [`LlmAnalyst::stop`] it before the ingest that brings its answers back.
pub struct LlmAnalyst {
    task: JoinHandle<()>,
    stopping: watch::Sender<bool>,
}

impl LlmAnalyst {
    /// Starts on the current tokio runtime. Neither the endpoint nor the brokers are contacted here.
    ///
    /// # Errors
    /// librdkafka refuses the settings.
    pub fn start(parts: LlmParts) -> Result<Self, KafkaError> {
        let producer = EventProducer::open(&parts.kafka)?;
        let (stopping, stopped) = watch::channel(false);
        let model = parts.client.model();
        if parts.billing.price_usage(model, Usage { input_tokens: 1, ..Usage::default() }, now()).is_none() {
            warn!(
                model,
                "the model has no price, so `analysis.openai.budget_per_day` cannot limit it; give it one in [[billing.prices]]"
            );
        }
        info!(model, "a language model analyses interactions that have ended or gone quiet");
        let finder = Finder {
            shared: Arc::new(Shared { parts, producer }),
            line: VecDeque::new(),
            under_way: HashSet::new(),
            aside: LruCache::new(NonZeroUsize::new(ASIDE_MAX).expect("it is not 0")),
            calls: JoinSet::new(),
            pause_until: None,
            num_troubles: 0,
            is_spent: false,
        };
        Ok(LlmAnalyst { task: tokio::spawn(finder.run(stopped)), stopping })
    }

    /// Whether it has ended on its own, which only a panic causes.
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }

    /// Sends no further requests, and gives those in flight a few seconds to finish.
    pub async fn stop(self) {
        let _ = self.stopping.send(true); // fails only if the task has already ended
        if let Err(error) = self.task.await {
            warn!(%error, "the analyst had already ended");
        }
    }
}

struct Shared {
    parts: LlmParts,
    producer: EventProducer,
}

/// Decides what to ask next.
struct Finder {
    shared: Arc<Shared>,
    /// Found but not checked yet.
    line: VecDeque<InteractionId>,
    under_way: HashSet<InteractionId>,
    aside: LruCache<InteractionId, Aside>,
    calls: JoinSet<(Job, AskOutcome)>,
    pause_until: Option<Instant>,
    /// Consecutive failures of the endpoint.
    num_troubles: u32,
    /// Whether today's budget is known to be spent.
    is_spent: bool,
}

/// An interaction that is not asked about for now, as long as its text stays the same.
struct Aside {
    of: String,
    /// `None`: until the text changes, or the process ends.
    until: Option<Instant>,
    look_at: Instant,
}

/// One interaction to ask about.
struct Job {
    state: State,
    excerpt: Excerpt,
    /// The excerpt's fingerprint.
    of: String,
}

/// The outcome of asking.
enum AskOutcome {
    Answered,
    Unusable(Unusable),
    Trouble(AskError),
}

impl AskOutcome {
    const fn outcome(&self) -> &'static str {
        match self {
            AskOutcome::Answered => "ok",
            AskOutcome::Unusable(Unusable::Garbage(_)) => "garbage",
            AskOutcome::Unusable(Unusable::Truncated) => "truncated",
            AskOutcome::Unusable(Unusable::Refused) => "refused",
            AskOutcome::Trouble(AskError::Unavailable { .. }) => "unavailable",
            AskOutcome::Trouble(AskError::Rejected { .. }) => "rejected",
        }
    }
}

impl Finder {
    async fn run(mut self, mut stopped: watch::Receiver<bool>) {
        loop {
            self.fill().await;
            tokio::select! {
                _ = stopped.wait_for(|stopped| *stopped) => break, // an error: the sender is gone, and so is the server
                Some(ended) = self.calls.join_next() => match ended {
                    Ok((job, end)) => self.note(job, end),
                    // A panic. Its interaction stays in flight, so that it cannot panic over and over.
                    Err(error) => warn!(%error, "a request to the language model was lost"),
                },
                () = tokio::time::sleep(LOOK_INTERVAL) => {}
            }
        }
        let drained = async { while self.calls.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN_TIMEOUT, drained).await.is_err() {
            warn!("some requests to the language model did not end in time and were cut off");
        }
    }

    /// Starts requests while there are free slots, work and money.
    async fn fill(&mut self) {
        let is_paused = self.pause_until.is_some_and(|until| Instant::now() < until);
        let status = &self.shared.parts.status;
        if is_paused || !status.leads() || !status.reasons().is_empty() || !self.may_spend() {
            return;
        }
        if self.line.is_empty() {
            self.look().await;
        }
        while self.calls.len() < self.shared.parts.concurrency {
            let Some(id) = self.line.pop_front() else { return };
            if let Some(job) = self.job(&id).await {
                let shared = Arc::clone(&self.shared);
                self.under_way.insert(id);
                self.calls.spawn(async move {
                    let end = shared.call(&job).await;
                    (job, end)
                });
            }
        }
    }

    fn may_spend(&mut self) -> bool {
        let budget = &self.shared.parts.budget;
        let is_spent = !budget.is_left(now());
        self.shared.parts.metrics.llm_budget(budget.spent(now()), is_spent);
        if is_spent && !self.is_spent {
            warn!(
                "`analysis.openai.budget_per_day` is spent; the language model is asked again tomorrow (UTC)"
            );
        }
        self.is_spent = is_spent;
        !is_spent
    }

    /// Adds interactions to the line that the index lists as pending.
    async fn look(&mut self) {
        let parts = &self.shared.parts;
        let rest_ms = i64::try_from(parts.rest_after.as_millis()).unwrap_or(i64::MAX);
        let rested_since = now().plus_millis(rest_ms.saturating_neg());
        let limit = LINE_MAX + self.under_way.len() + self.aside.len();
        let reader = parts.reader.clone();
        let found = tokio::task::spawn_blocking(move || reader.llm_pending(rested_since, limit)).await;
        let found = match found {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => return warn!(%error, "cannot look for interactions to analyse"),
            Err(error) => return warn!(%error, "cannot look for interactions to analyse"),
        };
        let now = Instant::now();
        let is_free = |id: &InteractionId| {
            !self.under_way.contains(id) && self.aside.peek(id).is_none_or(|aside| now >= aside.look_at)
        };
        self.line = found.into_iter().filter(is_free).take(LINE_MAX).collect();
    }

    /// The interaction as it is now, if there is still anything to ask.
    async fn job(&mut self, id: &InteractionId) -> Option<Job> {
        let document = self.shared.document(id).await?;
        if self.under_way.contains(id) || !document.derived.llm_pending {
            return None;
        }
        let excerpt = excerpt(&document.state.transcript(), self.shared.parts.excerpt_bytes)?;
        let of = excerpt.fingerprint();
        if let Some(aside) = self.aside.get_mut(id) {
            let now = Instant::now();
            if aside.of == of && aside.until.is_none_or(|until| now < until) {
                aside.look_at = now + ASIDE_LOOK_INTERVAL;
                return None;
            }
            self.aside.pop(id);
        }
        Some(Job { state: document.state, excerpt, of })
    }

    fn note(&mut self, job: Job, end: AskOutcome) {
        let id = job.state.id;
        self.under_way.remove(&id);
        let set_aside = |until: Option<Instant>| {
            let look_at = Instant::now() + ASIDE_LOOK_INTERVAL;
            self.aside.put(id.clone(), Aside { of: job.of, until, look_at });
        };
        match end {
            AskOutcome::Answered => self.num_troubles = 0,
            AskOutcome::Unusable(why) => {
                info!(interaction = %id, %why, "keeping the built-in analysis");
                set_aside(None);
                self.num_troubles = 0;
            }
            AskOutcome::Trouble(error) => {
                set_aside(Some(Instant::now() + ASIDE_AFTER_TROUBLE));
                let doubled = PAUSE.0.saturating_mul(1 << self.num_troubles.min(10)).min(PAUSE.1);
                let pause = doubled.max(error.retry_after().unwrap_or_default().min(PAUSE_ASKED_MAX));
                self.num_troubles += 1;
                self.pause_until = Some(Instant::now() + pause);
                warn!(%error, pause_seconds = pause.as_secs(), "keeping the built-in analysis for now; see [analysis.openai]");
            }
        }
    }
}

impl Shared {
    async fn call(&self, job: &Job) -> AskOutcome {
        let started = Instant::now();
        let mut used = Usage::default();
        let asked = self.ask(job, &mut used).await;
        let end = match &asked {
            Ok(_) => AskOutcome::Answered,
            Err(AskFailure::Unusable(why)) => AskOutcome::Unusable(why.clone()),
            Err(AskFailure::Trouble(error)) => AskOutcome::Trouble(error.clone()),
        };
        self.parts.metrics.llm_analysed(end.outcome(), started.elapsed().as_secs_f64());
        if let Ok(assessment) = asked {
            let model = self.parts.client.model();
            let answered = Answered { state: &job.state, of: &job.of, model, assessment: &assessment, used };
            self.send(&answered).await;
            self.wait_for_return(job).await;
        }
        end
    }

    /// Asks until there is a usable answer, or no hope of one.
    async fn ask(&self, job: &Job, used: &mut Usage) -> Result<Assessment, AskFailure> {
        let mut num_tries = 0;
        loop {
            let attempt = || async {
                let reply = self.parts.client.ask(&job.excerpt).await;
                self.charge(job, &reply);
                reply
            };
            let reply = with_retries(self.parts.retries, attempt, tokio::time::sleep).await;
            let Reply { answer, usage } = reply.map_err(AskFailure::Trouble)?;
            *used += usage.unwrap_or_default();
            num_tries += 1;
            match answer {
                Err(Unusable::Garbage(why)) if num_tries < TRIES_MAX => debug!(why, "asking once more"),
                answer => return answer.map_err(AskFailure::Unusable),
            }
        }
    }

    /// Charges a request to the budget, even if its answer came too late.
    fn charge(&self, job: &Job, reply: &Result<Reply, AskError>) {
        let usage = match reply {
            Ok(Reply { usage: Some(usage), .. }) => *usage,
            Ok(_) | Err(AskError::Unavailable { may_be_billed: true, .. }) => {
                self.parts.client.estimate(&job.excerpt)
            }
            Err(_) => return,
        };
        let Some(cost) = self.parts.billing.price_usage(self.parts.client.model(), usage, now()) else {
            return;
        };
        if let Err(error) = self.parts.budget.spend(cost, now()) {
            warn!(%error, "cannot record what was spent; a restart would forget it");
        }
    }

    /// Sends the answer, retrying for as long as it takes: it is paid for, and until it is sent its slot stays taken.
    async fn send(&self, answered: &Answered<'_>) {
        let record = event::record(answered, now());
        let mut pause = SEND_PAUSE.0;
        while let Err(error) = self.producer.write(&record).await {
            warn!(%error, "an analysis cannot be sent; trying again. Hearken must be allowed to write to the first of `kafka.topics`");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(SEND_PAUSE.1);
        }
    }

    /// Waits until the answer is in the index, or no longer needed.
    async fn wait_for_return(&self, job: &Job) {
        let deadline = Instant::now() + RETURN_PATIENCE;
        while Instant::now() < deadline {
            match self.document(&job.state.id).await {
                Some(Document { state, derived, .. }) if derived.llm_pending => {
                    if state.llm_analysis.is_some_and(|llm| llm.value.of == job.of) {
                        return; // something was said since
                    }
                }
                _ => return,
            }
            tokio::time::sleep(RETURN_INTERVAL).await;
        }
        warn!(interaction = %job.state.id, "an analysis was sent but did not come back");
    }

    async fn document(&self, id: &InteractionId) -> Option<Document> {
        let (reader, id) = (self.parts.reader.clone(), id.clone());
        match tokio::task::spawn_blocking(move || reader.get(&id, &Access::All)).await {
            Ok(Ok(document)) => document,
            Ok(Err(error)) => {
                warn!(%error, "cannot read an interaction to analyse");
                None
            }
            Err(_) => None, // the runtime is shutting down
        }
    }
}

/// Why there is no answer.
enum AskFailure {
    Unusable(Unusable),
    Trouble(AskError),
}
