//! What every answer needs; built once by `server` and shared by the API and the pages.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hearken_index::Search;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::audit::AuditLog;
use crate::erasures::Erasures;
use crate::events::EventSink;
use crate::follow::Seal;
use crate::http::Gate;
use crate::http::metrics::HttpMetrics;
use crate::http::rate_limit::RateLimiter;
use crate::http::unsigned::UnsignedRoom;
use crate::problem::Problem;
use crate::slowest::SlowSearches;
use crate::views::SavedViews;
use crate::webhooks::Platform;

/// Bounds on what requests may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most concurrent searches.
    pub searches_max: usize,
    /// Most searches waiting for a place; further ones are answered 429.
    pub waiting_max: usize,
    /// How long a search may take, waiting included; after that, 503.
    pub search_timeout: Duration,
    /// A search that takes this long, waiting included, is logged.
    pub slow_search: Duration,
    /// Longest request target: path and query.
    pub uri_bytes_max: usize,
    /// Largest body of a search.
    pub body_bytes_max: usize,
    /// Most bytes per request with events, decompressed or not.
    pub events_bytes_max: usize,
    /// Events per second that each key, or user, may send; `None` means no limit. More are answered 429.
    pub events_per_second: Option<NonZeroU32>,
    /// Bytes of event requests that may be in memory at the same time; more wait.
    pub events_room_bytes: usize,
    /// Bytes of webhooks that may be in memory before their signatures are verified; one address gets at most
    /// `events_bytes_max` of them, and more wait.
    pub unsigned_room_bytes: usize,
    /// How long a request body may take, in addition to a second for every 32 KiB received; after that, 408.
    pub body_timeout: Duration,
    /// Most concurrent exports; more are answered 429.
    pub exports_max: usize,
    /// Most concurrent event streams; more are answered 429. Exports have a separate limit, so that readers who keep
    /// pages open do not hold up exports.
    pub streams_max: usize,
    /// Most concurrent connections; more wait to be accepted. Far below the usual limit of 1,024 descriptors, because
    /// the index needs some, too.
    pub connections_max: usize,
}

impl Default for Limits {
    /// One search per core, at least two, so that a single slow search does not block all others.
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Limits {
            searches_max: cores.max(2),
            waiting_max: 64,
            search_timeout: Duration::from_secs(10),
            slow_search: Duration::from_secs(1),
            uri_bytes_max: 32 * 1024,
            body_bytes_max: 256 * 1024,
            // An interaction may have 8 MB of text, and JSON may double it.
            events_bytes_max: 16 * 1024 * 1024,
            events_per_second: None,
            events_room_bytes: 128 * 1024 * 1024,
            unsigned_room_bytes: 64 * 1024 * 1024,
            body_timeout: Duration::from_secs(20),
            exports_max: 16,
            streams_max: 32,
            connections_max: 512,
        }
    }
}

/// Returns why the server is not ready; nothing if it is.
pub type Readiness = Arc<dyn Fn() -> Vec<String> + Send + Sync>;

/// The state of all routes. Clones share everything.
#[derive(Clone)]
pub struct AppState {
    inner: Arc<Inner>,
}

struct Inner {
    reader: Arc<dyn Search>,
    registry: prometheus::Registry,
    readiness: Readiness,
    limits: Limits,
    metrics: HttpMetrics,
    slowest: Arc<SlowSearches>,
    /// Permits for searches that run or wait.
    admitted: Arc<Semaphore>,
    running: Arc<Semaphore>,
    exports: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    /// Permits for events, one per KiB.
    events_room: Arc<Semaphore>,
    rate_limiter: RateLimiter,
    unsigned_room: UnsignedRoom,
    events: Option<Arc<dyn EventSink>>,
    webhook_secrets: BTreeMap<Platform, Vec<u8>>,
    stopping: watch::Receiver<bool>,
    views: Arc<SavedViews>,
    erasures: Arc<Erasures>,
    gate: Gate,
    audit: Option<AuditLog>,
    seal: Seal,
    recording_hosts: Vec<String>,
}

/// Builds an [`AppState`].
pub struct AppStateBuilder {
    reader: Arc<dyn Search>,
    registry: prometheus::Registry,
    readiness: Readiness,
    limits: Limits,
    stopping: watch::Receiver<bool>,
    views: SavedViews,
    erasures: Arc<Erasures>,
    gate: Gate,
    audit: Option<AuditLog>,
    events: Option<Arc<dyn EventSink>>,
    webhook_secrets: BTreeMap<Platform, Vec<u8>>,
    recording_hosts: Vec<String>,
}

impl AppStateBuilder {
    /// The source of `/readyz`; by default the server is always ready.
    pub fn readiness(mut self, readiness: Readiness) -> Self {
        self.readiness = readiness;
        self
    }

    /// Limits other than the default.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Ends event streams once it becomes true; otherwise they only end with their clients.
    pub fn stopping(mut self, stopping: watch::Receiver<bool>) -> Self {
        self.stopping = stopping;
        self
    }

    /// Where received events go; by default they are refused.
    pub fn events(mut self, events: Arc<dyn EventSink>) -> Self {
        self.events = Some(events);
        self
    }

    /// The secrets with which platforms sign their webhooks; by default webhooks need a key.
    pub fn webhook_secrets(mut self, secrets: BTreeMap<Platform, Vec<u8>>) -> Self {
        self.webhook_secrets = secrets;
        self
    }

    /// The saved views; by default there are none, and new ones are kept in memory.
    pub fn views(mut self, views: SavedViews) -> Self {
        self.views = views;
        self
    }

    /// Performs erasures and keeps their receipts; by default nothing can be erased.
    pub fn erasures(mut self, erasures: Arc<Erasures>) -> Self {
        self.erasures = erasures;
        self
    }

    /// The audit log; by default there is none.
    pub fn audit(mut self, audit: Option<AuditLog>) -> Self {
        self.audit = audit;
        self
    }

    /// Hosts whose recordings the pages may play, with a leading `*.` for all hosts below; by default none.
    pub fn recording_hosts(mut self, hosts: Vec<String>) -> Self {
        self.recording_hosts = hosts;
        self
    }

    /// Decides who gets in; by default everyone may do everything.
    pub fn gate(mut self, gate: Gate) -> Self {
        self.gate = gate;
        self
    }

    /// Registers the HTTP metrics and builds the state.
    ///
    /// # Errors
    /// The registry already has metrics with these names.
    pub fn build(self) -> Result<AppState, prometheus::Error> {
        let AppStateBuilder {
            reader,
            registry,
            readiness,
            limits,
            stopping,
            views,
            erasures,
            gate,
            audit,
            events,
            webhook_secrets,
            recording_hosts,
        } = self;
        let inner = Inner {
            metrics: HttpMetrics::register(&registry)?,
            slowest: Arc::default(),
            admitted: Arc::new(Semaphore::new(limits.searches_max + limits.waiting_max)),
            running: Arc::new(Semaphore::new(limits.searches_max)),
            exports: Arc::new(Semaphore::new(limits.exports_max)),
            streams: Arc::new(Semaphore::new(limits.streams_max)),
            events_room: Arc::new(Semaphore::new((limits.events_room_bytes / 1024).max(1))),
            rate_limiter: RateLimiter::new(limits.events_per_second),
            unsigned_room: UnsignedRoom::new(limits.unsigned_room_bytes, limits.events_bytes_max),
            events,
            webhook_secrets,
            reader,
            registry,
            readiness,
            limits,
            stopping,
            views: Arc::new(views),
            erasures,
            gate,
            audit,
            seal: Seal::new(),
            recording_hosts,
        };
        Ok(AppState { inner: Arc::new(inner) })
    }
}

impl AppState {
    /// Starts building a state on top of this index. `/metrics` shows the whole registry.
    pub fn builder(reader: Arc<dyn Search>, registry: prometheus::Registry) -> AppStateBuilder {
        let readiness: Readiness = Arc::new(Vec::new);
        let (_, stopping) = watch::channel(false);
        AppStateBuilder {
            reader,
            registry,
            readiness,
            limits: Limits::default(),
            stopping,
            views: SavedViews::default(),
            erasures: Arc::default(),
            gate: Gate::default(),
            audit: None,
            events: None,
            webhook_secrets: BTreeMap::new(),
            recording_hosts: Vec::new(),
        }
    }

    /// The index.
    pub fn reader(&self) -> &Arc<dyn Search> {
        &self.inner.reader
    }

    /// The saved views.
    pub fn views(&self) -> &Arc<SavedViews> {
        &self.inner.views
    }

    /// The erasures.
    pub fn erasures(&self) -> &Arc<Erasures> {
        &self.inner.erasures
    }

    /// Hosts whose recordings the pages may play; see [`AppStateBuilder::recording_hosts`].
    pub fn recording_hosts(&self) -> &[String] {
        &self.inner.recording_hosts
    }

    /// Decides who gets in.
    pub fn gate(&self) -> &Gate {
        &self.inner.gate
    }

    pub(crate) fn audit(&self) -> Option<&AuditLog> {
        self.inner.audit.as_ref()
    }

    pub(crate) fn seal(&self) -> &Seal {
        &self.inner.seal
    }

    /// The limits.
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// Why the server is not ready; empty if it is.
    pub fn reasons_not_ready(&self) -> Vec<String> {
        let mut reasons = (self.inner.readiness)();
        if let Some(trouble) = self.audit().and_then(AuditLog::trouble) {
            tracing::debug!(trouble, "not ready");
            reasons.push("the audit log cannot be written; the server's log says why".to_owned());
        }
        reasons
    }

    pub(crate) fn registry(&self) -> &prometheus::Registry {
        &self.inner.registry
    }

    /// Waits until the server begins to stop; forever if nothing signals that.
    pub(crate) async fn stopping(&self) {
        let mut stopping = self.inner.stopping.clone();
        if stopping.wait_for(|stopping| *stopping).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    pub(crate) fn metrics(&self) -> &HttpMetrics {
        &self.inner.metrics
    }

    pub(crate) fn slowest(&self) -> &Arc<SlowSearches> {
        &self.inner.slowest
    }

    /// Runs blocking work, of which only a limited amount runs at a time. `work` gets the deadline it must keep.
    /// Anything else that the calling task awaits stalls meanwhile: spawn what must continue. Needs a multi-threaded
    /// runtime.
    ///
    /// # Errors
    /// The pool is full, no place became free in time, or the work failed.
    pub async fn run<T, E>(
        &self,
        work: impl FnOnce(&dyn Search, Instant) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Problem>
    where
        T: Send + 'static,
        E: Into<Problem> + Send + 'static,
    {
        let asked = Instant::now();
        let deadline = asked + self.limits().search_timeout;
        let admitted = Arc::clone(&self.inner.admitted).try_acquire_owned();
        let admitted = admitted.map_err(|_| Problem::too_many_searches())?;
        let place = Arc::clone(&self.inner.running).acquire_owned();
        let place = tokio::time::timeout_at(deadline.into(), place).await;
        let place =
            place.map_err(|_| Problem::search_timeout())?.map_err(|closed| Problem::internal(&closed))?;
        let reader = Arc::clone(&self.inner.reader);
        let started = Instant::now();
        // The work keeps its permits: if the client goes away, it still counts until it ends.
        let work = move || {
            let done = work(&*reader, deadline);
            drop((place, admitted));
            done
        };
        // Run on this thread, while the runtime continues elsewhere: waking another thread and being woken by it takes
        // as long as many a search.
        let done = tokio::task::block_in_place(|| catch_unwind(AssertUnwindSafe(work)));
        let done = done.map_err(|_| Problem::internal(&std::io::Error::other("a search panicked")))?;
        let (waited, ran) = (started - asked, started.elapsed());
        self.metrics().search_seconds.observe(ran.as_secs_f64());
        if waited + ran >= self.limits().slow_search {
            // What was searched for is never logged; the request's span tells which one it was.
            tracing::warn!(
                waited_seconds = waited.as_secs_f64(),
                seconds = ran.as_secs_f64(),
                "a slow search"
            );
        }
        done.map_err(Into::into)
    }

    /// The secret with which a platform signs its webhooks.
    pub(crate) fn webhook_secret(&self, platform: Platform) -> Option<&[u8]> {
        self.inner.webhook_secrets.get(&platform).map(Vec::as_slice)
    }

    /// Limits the rate of events per sender.
    pub(crate) fn rate_limiter(&self) -> &RateLimiter {
        &self.inner.rate_limiter
    }

    /// Where received events go.
    pub(crate) fn events(&self) -> Option<&Arc<dyn EventSink>> {
        self.inner.events.as_ref()
    }

    /// Waits until there is room for this many bytes of events, and holds it until dropped.
    pub(crate) async fn events_room(&self, num_bytes: usize) -> Option<OwnedSemaphorePermit> {
        let room_max = (self.limits().events_room_bytes / 1024).max(1);
        let places = (num_bytes / 1024 + 1).min(room_max);
        let places = u32::try_from(places).unwrap_or(u32::MAX);
        // This semaphore is never closed.
        Arc::clone(&self.inner.events_room).acquire_many_owned(places).await.ok()
    }

    /// The room for bodies from unverified senders.
    pub(crate) fn unsigned_room(&self) -> &UnsignedRoom {
        &self.inner.unsigned_room
    }

    /// A place for an export, held until dropped.
    ///
    /// # Errors
    /// All are taken.
    pub(crate) fn export_place(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let place = Arc::clone(&self.inner.exports).try_acquire_owned();
        place.map_err(|_| Problem::too_many("exports", self.limits().exports_max))
    }

    /// A place for an event stream, held until dropped.
    ///
    /// # Errors
    /// All are taken.
    pub(crate) fn stream_place(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let place = Arc::clone(&self.inner.streams).try_acquire_owned();
        place.map_err(|_| Problem::too_many("event streams", self.limits().streams_max))
    }
}
