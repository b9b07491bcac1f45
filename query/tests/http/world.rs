//! A small index, and the router over it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use hearken_index::checkpoint::Checkpoint;
use hearken_index_tantivy::{Index, IndexWriter};
use hearken_model::{
    Document, Event, InteractionId, InteractionType, MessageTime, MessageUpdate, Role, Scalar, Sentiment,
    State, Status, Timestamp,
};
use hearken_query::audit::AuditLog;
use hearken_query::erasures::{Erase, EraseFailed, Erasures};
use hearken_query::http::Gate;
use hearken_query::keys::LiveKeys;
use hearken_query::{AppState, Limits};
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt;

/// Records what it is asked to erase.
#[derive(Default)]
pub(crate) struct NotingEraser(pub(crate) Mutex<Vec<String>>);

impl Erase for NotingEraser {
    fn erase(&self, ids: Vec<InteractionId>) -> BoxFuture<'_, Result<(), EraseFailed>> {
        self.0.lock().unwrap().extend(ids.into_iter().map(String::from));
        std::future::ready(Ok(())).boxed()
    }

    fn clean_files(&self) -> BoxFuture<'_, Result<(), EraseFailed>> {
        std::future::ready(Ok(())).boxed()
    }

    fn out_of_reach(&self) -> Vec<String> {
        vec!["backups".to_owned()]
    }
}

pub(crate) struct World {
    pub(crate) writer: IndexWriter,
    pub(crate) state: AppState,
    pub(crate) router: Router,
    pub(crate) eraser: Arc<NotingEraser>,
    /// Tells the server to stop.
    pub(crate) stop: tokio::sync::watch::Sender<bool>,
    _directory: TempDir,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The ids on a page.
    pub(crate) fn ids(&self) -> Vec<String> {
        let json = self.json();
        let items = json["items"].as_array().unwrap_or_else(|| panic!("{}", self.text()));
        items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    }

    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

impl World {
    pub(crate) fn new(documents: &[Document]) -> World {
        World::with(documents, Vec::new(), Limits::default())
    }

    pub(crate) fn with(documents: &[Document], reasons: Vec<String>, limits: Limits) -> World {
        World::behind(Gate::default(), documents, reasons, limits)
    }

    /// A world whose callers need keys.
    pub(crate) fn with_keys(keys: LiveKeys, documents: &[Document]) -> World {
        World::behind(Gate::with_keys(keys), documents, Vec::new(), Limits::default())
    }

    /// A world that writes an audit log, and the log's file.
    pub(crate) fn audited(keys: LiveKeys, documents: &[Document], log: AuditLog) -> World {
        World::made(Gate::with_keys(keys), documents, Vec::new(), Limits::default(), Some(log))
    }

    pub(crate) fn behind(gate: Gate, documents: &[Document], reasons: Vec<String>, limits: Limits) -> World {
        World::made(gate, documents, reasons, limits, None)
    }

    fn made(
        gate: Gate,
        documents: &[Document],
        reasons: Vec<String>,
        limits: Limits,
        audit: Option<AuditLog>,
    ) -> World {
        let directory = TempDir::new().unwrap();
        let (mut writer, reader) = Index::open(directory.path(), |_| {}).unwrap();
        for document in documents {
            writer.put(document.clone());
        }
        writer.refresh(&Checkpoint::default()).unwrap();
        let registry = prometheus::Registry::new();
        let readiness = Arc::new(move || reasons.clone());
        let (stop, stopping) = tokio::sync::watch::channel(false);
        let builder = AppState::builder(Arc::new(reader), registry)
            .gate(gate)
            .audit(audit)
            .readiness(readiness)
            .limits(limits);
        let eraser = Arc::new(NotingEraser::default());
        let erasures = Erasures::open(eraser.clone(), directory.path().join("erasures.json")).unwrap();
        let state = builder.stopping(stopping).erasures(erasures).build().unwrap();
        let router = hearken_query::http::router(state.clone());
        World { writer, state, router, eraser, stop, _directory: directory }
    }

    pub(crate) async fn get(&self, uri: &str) -> Answer {
        self.send(Request::get(uri).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, uri: &str, body: impl Into<Body>) -> Answer {
        self.send(Request::post(uri).body(body.into()).unwrap()).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// Adds documents and makes them visible.
    pub(crate) fn put(&mut self, documents: &[Document]) {
        for document in documents {
            self.writer.put(document.clone());
        }
        self.writer.refresh(&Checkpoint::default()).unwrap();
    }

    /// Searches for `q`, which is percent-encoded here.
    pub(crate) async fn search(&self, q: &str) -> Answer {
        self.get(&format!("/v1/interactions?q={}", encoded(q))).await
    }
}

pub(crate) fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

pub(crate) fn minute(minutes: i64) -> Timestamp {
    Timestamp::parse("2026-05-01T10:00:00Z").unwrap().plus_millis(minutes * 60_000)
}

/// A chat that begins at this minute, with one message a second.
pub(crate) fn chat(id: &str, start: i64, messages: &[(Role, &str)]) -> Document {
    let id = InteractionId::try_new(id).unwrap();
    let mut event = Event::new(id.clone(), minute(start), minute(start));
    event.started.start_time = Some(minute(start));
    for (number, (role, message)) in messages.iter().enumerate() {
        let time = MessageTime::OffsetMs(number as i64 * 1_000);
        let update = MessageUpdate::new(time, *role, *message);
        event.messages.push((format!("m{number}"), update));
    }
    let mut state = State::new(id.clone());
    state.fold(event, None).unwrap();
    let mut document = Document::new(state);
    let head = &mut document.derived.head;
    head.id = id.to_string();
    head.interaction_type = Some(InteractionType::TextChat);
    head.status = Some(Status::Finished);
    head.messages_count = messages.len() as u64;
    head.start_time = Some(minute(start));
    head.duration = Some(messages.len() as f64 * 10.0);
    document
}

/// Four chats about different topics.
pub(crate) fn documents() -> Vec<Document> {
    let mut refund = chat(
        "refund/1 ä",
        0,
        &[
            (Role::User, "I want a <b>refund</b>, order 55-A12"),
            (Role::Assistant, "Your refunds are on the way"),
        ],
    );
    let mut delivery =
        chat("delivery-2", 10, &[(Role::User, "Where is my parcel?"), (Role::Assistant, "Sorry!")]);
    let mut praise =
        chat("praise-3", 20, &[(Role::User, "Great service, thank you"), (Role::Human, "A pleasure")]);
    let chinese = chat("chinese-4", 30, &[(Role::User, "我要退款")]);
    let set = |document: &mut Document, country: &str, sentiment, csat, costs: &str| {
        let head = &mut document.derived.head;
        head.country = Some(country.to_owned());
        head.topics_summary.sentiment = Some(sentiment);
        head.csat = Some(csat);
        head.total_costs.amount = Some(costs.parse().unwrap());
        head.agent = Some("Ada L".to_owned());
    };
    set(&mut refund, "Germany", Sentiment::Negative, 2, "0.10");
    set(&mut delivery, "France", Sentiment::Negative, 1, "0.25");
    set(&mut praise, "Germany", Sentiment::Positive, 5, "0.05");
    refund.derived.head.metadata.insert("plan".to_owned(), Scalar::Text("pro".to_owned()));
    vec![refund, delivery, praise, chinese]
}

pub(crate) fn small() -> World {
    World::new(&documents())
}

/// Limits low enough for a test to reach them.
pub(crate) fn tight() -> Limits {
    Limits { searches_max: 1, waiting_max: 0, search_timeout: Duration::from_secs(5), ..Limits::default() }
}
