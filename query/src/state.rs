//! What every answer needs, built once by `server` and shared by the API and the pages.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hearken_index::IndexReader;
use tokio::sync::Semaphore;

use crate::http::metrics::HttpMetrics;
use crate::problem::Problem;

/// Bounds on what requests may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Searches that run at the same time.
    pub searches_max: usize,
    /// Searches that may wait for a place; more are answered 429.
    pub waiting_max: usize,
    /// How long one search may wait and run together; then 503.
    pub search_timeout: Duration,
    /// Longest request target, path and query.
    pub uri_bytes_max: usize,
    /// Largest body of a search.
    pub body_bytes_max: usize,
    /// Exports and event streams at the same time; more are answered 429.
    pub streams_max: usize,
}

impl Default for Limits {
    /// As many searches as the machine has cores, at least two, so that one slow search does not block all.
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Limits {
            searches_max: cores.max(2),
            waiting_max: 64,
            search_timeout: Duration::from_secs(10),
            uri_bytes_max: 32 * 1024,
            body_bytes_max: 256 * 1024,
            streams_max: 32,
        }
    }
}

/// Tells why the server is not ready; nothing when it is.
pub type Readiness = Arc<dyn Fn() -> Vec<String> + Send + Sync>;

/// The state of all routes. Clones share everything.
#[derive(Clone)]
pub struct AppState {
    inner: Arc<Inner>,
}

struct Inner {
    reader: IndexReader,
    registry: prometheus::Registry,
    readiness: Readiness,
    limits: Limits,
    metrics: HttpMetrics,
    /// Searches that run or wait.
    admitted: Arc<Semaphore>,
    running: Arc<Semaphore>,
    streams: Arc<Semaphore>,
}

impl AppState {
    /// A state that is always ready and has the default limits. The HTTP metrics are registered in `registry`, which
    /// `/metrics` shows as a whole.
    ///
    /// # Errors
    /// The registry already has metrics of these names.
    pub fn try_new(reader: IndexReader, registry: prometheus::Registry) -> Result<Self, prometheus::Error> {
        Self::with_limits(reader, registry, Arc::new(Vec::new), Limits::default())
    }

    /// A state with all its parts given.
    ///
    /// # Errors
    /// The registry already has metrics of these names.
    pub fn with_limits(
        reader: IndexReader,
        registry: prometheus::Registry,
        readiness: Readiness,
        limits: Limits,
    ) -> Result<Self, prometheus::Error> {
        let metrics = HttpMetrics::register(&registry)?;
        let inner = Inner {
            reader,
            registry,
            readiness,
            limits,
            metrics,
            admitted: Arc::new(Semaphore::new(limits.searches_max + limits.waiting_max)),
            running: Arc::new(Semaphore::new(limits.searches_max)),
            streams: Arc::new(Semaphore::new(limits.streams_max)),
        };
        Ok(AppState { inner: Arc::new(inner) })
    }

    /// The index.
    pub fn reader(&self) -> &IndexReader {
        &self.inner.reader
    }

    /// The bounds.
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// Why the server is not ready; empty when it is.
    pub fn reasons_not_ready(&self) -> Vec<String> {
        (self.inner.readiness)()
    }

    pub(crate) fn registry(&self) -> &prometheus::Registry {
        &self.inner.registry
    }

    pub(crate) fn metrics(&self) -> &HttpMetrics {
        &self.inner.metrics
    }

    /// Runs blocking work on the search pool. `work` gets the deadline that it must keep.
    ///
    /// # Errors
    /// The pool is full, no place came free in time, or the work failed.
    pub async fn run<T, E>(
        &self,
        work: impl FnOnce(&IndexReader, Instant) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Problem>
    where
        T: Send + 'static,
        E: Into<Problem> + Send + 'static,
    {
        let deadline = Instant::now() + self.limits().search_timeout;
        let admitted = Arc::clone(&self.inner.admitted).try_acquire_owned();
        let admitted = admitted.map_err(|_| Problem::too_many_searches())?;
        let place = Arc::clone(&self.inner.running).acquire_owned();
        let place = tokio::time::timeout_at(deadline.into(), place).await;
        let place =
            place.map_err(|_| Problem::search_timeout())?.map_err(|closed| Problem::internal(&closed))?;
        let reader = self.inner.reader.clone();
        let started = Instant::now();
        // The places go with the work: when the client goes away, the work still counts until it ends.
        let done = tokio::task::spawn_blocking(move || {
            let done = work(&reader, deadline);
            drop((place, admitted));
            done
        });
        let done = done.await.map_err(|panicked| Problem::internal(&panicked))?;
        self.metrics().search_seconds.observe(started.elapsed().as_secs_f64());
        done.map_err(Into::into)
    }

    /// A place for an export or an event stream, held until it is dropped.
    ///
    /// # Errors
    /// All are taken.
    pub(crate) fn stream_place(&self) -> Result<tokio::sync::OwnedSemaphorePermit, Problem> {
        Arc::clone(&self.inner.streams).try_acquire_owned().map_err(|_| Problem::too_many_searches())
    }
}
