//! Every request has an id, by which its lines are found in the log.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use hearken_query::Limits;
use tracing::{Dispatch, dispatcher};

use crate::world::{Answer, World, documents, small};

async fn named(world: &World, uri: &str, id: &str) -> Answer {
    world.send(Request::get(uri).header("x-request-id", id).body(Body::empty()).unwrap()).await
}

fn id(answer: &Answer) -> &str {
    answer.headers["x-request-id"].to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_names_its_request() {
    let world = small();
    let (one, other) = (world.search("refund").await, world.search("refund").await);
    assert!(!id(&one).is_empty());
    assert_ne!(id(&one), id(&other));
    for (uri, status) in [
        ("/v1/interactions?q=refund", StatusCode::OK),
        ("/v1/interactions?q=%28", StatusCode::BAD_REQUEST),
        ("/made/up", StatusCode::NOT_FOUND),
        ("/v1/export", StatusCode::OK),
    ] {
        let answer = named(&world, uri, "lb-7/a=1").await;
        assert_eq!((answer.status, id(&answer)), (status, "lb-7/a=1"), "{uri}");
    }
    for made_up in ["", "two words", "<script>", &"x".repeat(65)] {
        let answer = named(&world, "/healthz", made_up).await;
        assert_ne!(id(&answer), made_up);
        assert!(!id(&answer).is_empty());
    }
}

/// Collects the log lines of threads for which it is the default.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn dispatch(&self) -> Dispatch {
        let log = self.clone();
        Dispatch::new(tracing_subscriber::fmt().with_ansi(false).with_writer(move || log.clone()).finish())
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The MCP library answers in separate tasks, so every thread of this runtime logs here.
#[test]
fn what_an_agent_asks_is_in_the_log_under_its_request() {
    let log = Log::default();
    let dispatch = log.dispatch();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .on_thread_start(move || std::mem::forget(dispatcher::set_default(&dispatch)))
        .build()
        .unwrap();
    let _inside = runtime.enter();
    let limits = Limits { slow_search: Duration::ZERO, ..Limits::default() };
    let world = World::with(&documents(), Vec::new(), limits);
    let asked = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search","arguments":{"q":"refund"}}}"#;
    let request = Request::post("/mcp").header("x-request-id", "agent-7").body(Body::from(asked)).unwrap();
    let answer =
        runtime.block_on(async { tokio::spawn(async move { world.send(request).await }).await.unwrap() });
    assert_eq!(answer.status, StatusCode::OK);
    let log = log.text();
    let line = log.lines().find(|line| line.contains("a slow search")).unwrap_or_else(|| panic!("{log}"));
    assert!(line.contains("agent-7") && line.contains("/mcp") && !line.contains("refund"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_search_is_in_the_log_under_its_request_and_without_its_words() {
    let log = Log::default();
    let _logging = dispatcher::set_default(&log.dispatch());
    let limits = Limits { slow_search: Duration::ZERO, ..Limits::default() };
    let world = World::with(&documents(), Vec::new(), limits);
    assert_eq!(named(&world, "/v1/interactions?q=refund", "slow-1").await.status, StatusCode::OK);
    let log = log.text();
    let line = log.lines().find(|line| line.contains("a slow search")).unwrap_or_else(|| panic!("{log}"));
    for part in ["WARN", "slow-1", "/v1/interactions", "seconds="] {
        assert!(line.contains(part), "`{part}` is not in {line}");
    }
    assert!(!log.contains("refund"), "{log}");
}
