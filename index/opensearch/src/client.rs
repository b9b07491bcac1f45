//! Requests to whichever node answers.
//!
//! The port's calls block, and come from threads of any kind, also from those of an asynchronous runtime. So requests run on
//! a small runtime of their own, and a caller waits for its answer on a channel.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use parking_lot::Mutex;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Certificate, Method, redirect};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use super::error::{OpenSearchError, RequestError};
use super::options::OpenSearchOptions;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a node that did not answer is left alone; doubles with each further failure.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// Most characters of the cluster's error that ours repeats.
const REASON_CHARS_MAX: usize = 500;

/// Speaks to the nodes. Clones share everything.
#[derive(Clone)]
pub(crate) struct Client(Arc<Inner>);

struct Inner {
    http: reqwest::Client,
    nodes: Vec<Node>,
    next: AtomicUsize,
    authorization: Option<HeaderValue>,
    timeout: Duration,
    /// `None` only while this is being dropped.
    runtime: Option<Runtime>,
}

struct Node {
    url: String,
    /// Until when it is left alone, and for how long altogether.
    down: Mutex<Option<(Instant, Duration)>>,
}

/// One request.
#[derive(Clone)]
pub(crate) struct Request {
    method: Method,
    path: String,
    body: Option<Arc<Vec<u8>>>,
    is_bulk: bool,
    deadline: Option<Instant>,
    timeout: Option<Duration>,
}

impl Request {
    pub(crate) fn new(method: Method, path: impl Into<String>) -> Self {
        Request { method, path: path.into(), body: None, is_bulk: false, deadline: None, timeout: None }
    }

    pub(crate) fn json(mut self, body: &Value) -> Self {
        self.body = Some(Arc::new(body.to_string().into_bytes()));
        self
    }

    /// Lines of JSON.
    pub(crate) fn lines(mut self, body: Vec<u8>) -> Self {
        self.body = Some(Arc::new(body));
        self.is_bulk = true;
        self
    }

    pub(crate) fn by(mut self, deadline: Option<Instant>) -> Self {
        self.deadline = deadline;
        self
    }

    /// For requests that may take longer than others.
    pub(crate) fn within(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}

/// A node's answer, whatever its status.
pub(crate) struct NodeAnswer {
    pub(crate) status: u16,
    body: Vec<u8>,
}

impl NodeAnswer {
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, RequestError> {
        serde_json::from_slice(&self.body).map_err(|error| RequestError::Unreadable(error.to_string()))
    }

    /// The answer as an error, with the types and reasons that it names.
    pub(crate) fn refusal(&self) -> RequestError {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let error = &body["error"];
        let mut causes = Vec::new();
        collect_causes(error, &mut causes, 0);
        let (kinds, reasons): (Vec<&str>, Vec<&str>) = causes.into_iter().unzip();
        let text = |texts: Vec<&str>| texts.join(", ").chars().take(REASON_CHARS_MAX).collect::<String>();
        let reason = match error {
            Value::String(text) => text.chars().take(REASON_CHARS_MAX).collect(),
            _ => text(reasons),
        };
        RequestError::Refused { status: self.status, kind: text(kinds), reason }
    }
}

/// Types and reasons of an error and of its causes.
fn collect_causes<'e>(error: &'e Value, causes: &mut Vec<(&'e str, &'e str)>, depth: usize) {
    const DEPTH_MAX: usize = 5;
    if let Some(kind) = error["type"].as_str() {
        causes.push((kind, error["reason"].as_str().unwrap_or_default()));
    }
    if depth < DEPTH_MAX {
        collect_causes(&error["caused_by"], causes, depth + 1);
        let below = [&error["root_cause"], &error["failed_shards"]];
        for cause in below.into_iter().filter_map(|causes| causes.as_array()?.first()) {
            collect_causes(
                if cause["reason"].is_object() { &cause["reason"] } else { cause },
                causes,
                depth + 1,
            );
        }
    }
}

impl Client {
    pub(crate) fn new(options: &OpenSearchOptions) -> Result<Self, OpenSearchError> {
        if options.urls.is_empty() {
            return Err(OpenSearchError::Options("no address is given".to_owned()));
        }
        let mut http =
            reqwest::Client::builder().connect_timeout(CONNECT_TIMEOUT).redirect(redirect::Policy::none());
        if let Some(pem) = &options.ca_pem {
            let unusable =
                |error: reqwest::Error| OpenSearchError::Options(format!("the certificates: {error}"));
            let certificates = Certificate::from_pem_bundle(pem).map_err(unusable)?;
            http = http.tls_certs_only(certificates);
        }
        let http = http.build().map_err(|error| OpenSearchError::Options(error.to_string()))?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("opensearch")
            .enable_all()
            .build()
            .map_err(|error| OpenSearchError::Options(error.to_string()))?;
        let node = |url: &String| Node { url: url.trim_end_matches('/').to_owned(), down: Mutex::new(None) };
        Ok(Client(Arc::new(Inner {
            http,
            nodes: options.urls.iter().map(node).collect(),
            next: AtomicUsize::new(0),
            authorization: authorization(options)?,
            timeout: options.timeout,
            runtime: Some(runtime),
        })))
    }

    /// Sends a request and reads what a successful answer holds.
    pub(crate) fn ask<T: DeserializeOwned>(&self, request: Request) -> Result<T, RequestError> {
        let answer = self.send(request)?;
        if (200..300).contains(&answer.status) { answer.read() } else { Err(answer.refusal()) }
    }

    /// Sends a request; any status is an answer.
    pub(crate) fn send(&self, request: Request) -> Result<NodeAnswer, RequestError> {
        let mut answers = self.send_all(vec![request]);
        answers.pop().unwrap_or_else(|| Err(RequestError::Unreachable("nothing was sent".to_owned())))
    }

    /// Sends several requests at once; the answers are in their order.
    pub(crate) fn send_all(&self, requests: Vec<Request>) -> Vec<Result<NodeAnswer, RequestError>> {
        let num_requests = requests.len();
        let inner = Arc::clone(&self.0);
        let sent = async move {
            futures::future::join_all(requests.into_iter().map(|request| inner.send(request))).await
        };
        self.wait(sent).unwrap_or_else(|| {
            let stopped = || Err(RequestError::Unreachable("the client has stopped".to_owned()));
            (0..num_requests).map(|_| stopped()).collect()
        })
    }

    /// Runs it on the client's runtime and blocks until it is done.
    fn wait<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Option<T> {
        let (done, outcome) = mpsc::sync_channel(1);
        self.0.runtime.as_ref()?.spawn(async move { done.send(work.await) });
        outcome.recv().ok()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // In the background: the last clone may be dropped on a thread that must not block.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Inner {
    /// Tries every node at most once: first those that are up, in turn, then those that are being left alone.
    async fn send(&self, request: Request) -> Result<NodeAnswer, RequestError> {
        let mut failures = Vec::new();
        for node in self.in_turn() {
            let time_left =
                request.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if time_left.is_some_and(|left| left.is_zero()) {
                return Err(RequestError::DeadlineExceeded);
            }
            let timeout = request.timeout.unwrap_or(self.timeout);
            let timeout = time_left.map_or(timeout, |left| left.min(timeout));
            match self.try_node(node, &request, timeout).await {
                // A node that has lost its cluster answers 503. If the whole cluster does, the last node's answer stands.
                Ok(answer) if answer.status == 503 && self.nodes.len() > failures.len() + 1 => {
                    node.is_down();
                    failures.push(format!("{} answers 503", node.url));
                }
                Ok(answer) => {
                    node.is_up();
                    return Ok(answer);
                }
                Err(error) => {
                    node.is_down();
                    if request.deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                        return Err(RequestError::DeadlineExceeded);
                    }
                    failures.push(format!("{}: {}", node.url, innermost(&error)));
                }
            }
        }
        Err(RequestError::Unreachable(failures.join("; ")))
    }

    async fn try_node(
        &self,
        node: &Node,
        request: &Request,
        timeout: Duration,
    ) -> reqwest::Result<NodeAnswer> {
        let url = format!("{}{}", node.url, request.path);
        let mut sent = self.http.request(request.method.clone(), url).timeout(timeout);
        if let Some(authorization) = &self.authorization {
            sent = sent.header(AUTHORIZATION, authorization.clone());
        }
        if let Some(body) = &request.body {
            let kind = if request.is_bulk { "application/x-ndjson" } else { "application/json" };
            sent = sent.header(CONTENT_TYPE, kind).body(body.to_vec());
        }
        let answer = sent.send().await?;
        let status = answer.status().as_u16();
        Ok(NodeAnswer { status, body: answer.bytes().await?.to_vec() })
    }

    fn in_turn(&self) -> Vec<&Node> {
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let turns =
            (0..self.nodes.len()).map(|turn| &self.nodes[(first.wrapping_add(turn)) % self.nodes.len()]);
        let now = Instant::now();
        let mut nodes: Vec<&Node> = turns.collect();
        nodes.sort_by_key(|node| node.down.lock().map(|(until, _)| until).filter(|until| *until > now));
        nodes
    }
}

impl Node {
    fn is_up(&self) {
        *self.down.lock() = None;
    }

    fn is_down(&self) {
        let mut down = self.down.lock();
        let pause = down.map_or(PAUSE, |(_, pause)| (pause * 2).min(PAUSE_MAX));
        *down = Some((Instant::now() + pause, pause));
    }
}

fn authorization(options: &OpenSearchOptions) -> Result<Option<HeaderValue>, OpenSearchError> {
    let text = match (&options.api_key, &options.username) {
        (Some(key), _) => format!("ApiKey {key}"),
        (None, Some(username)) => {
            let password = options.password.as_deref().unwrap_or_default();
            let both = base64::engine::general_purpose::STANDARD.encode(format!("{username}:{password}"));
            format!("Basic {both}")
        }
        (None, None) => return Ok(None),
    };
    let unsendable = || OpenSearchError::Options("the API key has characters that cannot be sent".to_owned());
    let mut value = HeaderValue::try_from(text).map_err(|_| unsendable())?;
    value.set_sensitive(true);
    Ok(Some(value))
}

/// The root cause of an error: what is around it only says that a request failed, and where.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
