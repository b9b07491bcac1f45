//! `POST /v1/events`, with a sink that accepts whatever has an `event`.

use std::io::Write as _;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::Request;
use hearken_query::events::{Accepting, EventItem, EventSink, EventsAnswer, NotDurable, RejectedItem};
use hearken_query::http::{Caller, router};
use hearken_query::{AppState, Limits};
use serde_json::json;
use tower::ServiceExt;

use crate::world::{Answer, World, small};

#[derive(Default)]
struct Sink {
    taken: Mutex<Vec<EventItem>>,
    is_broken: bool,
}

impl EventSink for Sink {
    fn accept<'a>(&'a self, events: Vec<EventItem>, _: &'a Caller) -> Accepting<'a> {
        Box::pin(async move {
            if self.is_broken {
                return Err(NotDurable("the disk is gone".into()));
            }
            let mut answer = EventsAnswer::default();
            for (index, event) in events.iter().enumerate() {
                match event.value.windows(7).any(|part| part == b"\"event\"") || !event.headers.is_empty() {
                    true => answer.accepted += 1,
                    false => answer.rejected.push(RejectedItem { index, reason: "no event".into() }),
                }
            }
            self.taken.lock().unwrap().extend(events);
            Ok(answer)
        })
    }
}

async fn send(world: &World, sink: &Arc<Sink>, request: Request<Body>) -> Answer {
    let limits = Limits { events_bytes_max: 1_000, ..Limits::default() };
    let state = AppState::builder(world.state.reader().clone(), prometheus::Registry::new()).limits(limits);
    let router = router(state.events(Arc::clone(sink) as Arc<dyn EventSink>).build().unwrap());
    let response = router.oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec();
    Answer { status: parts.status, headers: parts.headers, body }
}

fn post(body: impl Into<Body>) -> Request<Body> {
    Request::post("/v1/events").body(body.into()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn items_are_counted_and_each_refused_one_is_reported() {
    let (world, sink) = (small(), Arc::new(Sink::default()));
    for (body, accepted, rejected) in [
        (r#"{"event": "x"}"#, 1, vec![]),
        (r#"[{"event": "x"}, 7, {"event": "y"}, {}]"#, 2, vec![1, 3]),
        ("{\"event\": \"x\"}\n{broken\n{\"event\": \"y\"}\n", 2, vec![1]),
        ("[]", 0, vec![]),
    ] {
        let answer = send(&world, &sink, post(body)).await;
        assert_eq!(answer.status, 202, "{body}");
        let answer = answer.json();
        assert_eq!(answer["accepted"], accepted, "{body}");
        let indexes: Vec<_> =
            answer["rejected"].as_array().unwrap().iter().map(|item| item["index"].clone()).collect();
        assert_eq!(json!(indexes), json!(rejected), "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_bodies_say_why() {
    let (world, sink) = (small(), Arc::new(Sink::default()));
    for (body, encoding, status, code) in [
        ("".to_owned(), "", 400, "invalid_body"),
        ("{broken".to_owned(), "", 400, "invalid_body"),
        ("{}".to_owned(), "gzip", 400, "invalid_body"),
        ("{}".to_owned(), "br", 415, "unknown_encoding"),
        (format!("[{}]", "1,".repeat(600)), "", 413, "body_too_large"),
    ] {
        let request =
            Request::post("/v1/events").header("content-encoding", encoding).body(body.clone().into());
        let answer = send(&world, &sink, request.unwrap()).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{body} {encoding}");
    }
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    bomb.write_all(&[b' '; 100_000]).unwrap();
    let request =
        Request::post("/v1/events").header("content-encoding", "gzip").body(bomb.finish().unwrap().into());
    assert_eq!(send(&world, &sink, request.unwrap()).await.status, 413);
    assert!(sink.taken.lock().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_is_too_fast_learns_when_to_retry() {
    let (world, sink) = (small(), Arc::new(Sink::default()));
    let limits = Limits { events_per_second: NonZeroU32::new(1), ..Limits::default() };
    let state = AppState::builder(world.state.reader().clone(), prometheus::Registry::new()).limits(limits);
    let router = router(state.events(Arc::clone(&sink) as Arc<dyn EventSink>).build().unwrap());
    let many = || post("{\"event\": \"x\"}\n".repeat(500));
    assert_eq!(router.clone().oneshot(many()).await.unwrap().status(), 202);
    let otlp = Request::post("/v1/logs").body(Body::from("{}")).unwrap();
    for request in [many(), otlp] {
        let refused = router.clone().oneshot(request).await.unwrap();
        let wait: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        assert!(refused.status() == 429 && (400..=500).contains(&wait), "{} {wait}", refused.status());
    }
    assert_eq!(sink.taken.lock().unwrap().len(), 500, "nothing of what was refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_durable_is_asked_for_again() {
    let broken = Arc::new(Sink { is_broken: true, ..Sink::default() });
    let answer = send(&small(), &broken, post("{}")).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (503, "not_durable"));
    assert_eq!(answer.headers["retry-after"], "1");
    assert_eq!(small().post("/v1/events", "{}").await.status, 503, "a server without a sink");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cloud_event_in_binary_mode_keeps_its_attributes() {
    let (world, sink) = (small(), Arc::new(Sink::default()));
    let request = post(r#"{"interaction_id": "i"}"#);
    let (mut parts, body) = request.into_parts();
    for (name, value) in [("ce-specversion", "1.0"), ("ce-type", "interaction.started"), ("ce-id", "a%20b")] {
        parts.headers.insert(name, value.parse().unwrap());
    }
    assert_eq!(send(&world, &sink, Request::from_parts(parts, body)).await.json()["accepted"], 1);
    let mut headers = sink.taken.lock().unwrap()[0].headers.clone();
    headers.sort();
    let wanted = [("ce_id", "a b"), ("ce_specversion", "1.0"), ("ce_type", "interaction.started")];
    assert_eq!(headers, wanted.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_that_stands_for_acceptance_is_the_senders_to_say() {
    let (world, sink) = (small(), Arc::new(Sink::default()));
    let sent = |uri: &str| {
        Request::post(uri.to_owned()).body(Body::from("[{\"event\": 1}, {\"event\": 2}]")).unwrap()
    };
    assert_eq!(send(&world, &sink, sent("/v1/events?accepted_at=2026-05-01T10:00:00Z")).await.status, 202);
    let taken: Vec<_> =
        sink.taken.lock().unwrap().iter().map(|item| item.accepted_at.unwrap().to_string()).collect();
    assert_eq!(taken, ["2026-05-01T10:00:00Z", "2026-05-01T10:00:00.000001Z"]);
    let answer = send(&world, &sink, sent("/v1/events?accepted_at=soon")).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "invalid_parameter"));
    assert_eq!(send(&world, &sink, sent("/v1/events?at=1")).await.code(), "unknown_parameter");
}
