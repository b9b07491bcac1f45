//! `POST /v1/webhooks/{platform}`, `/v1/logs` and `/v1/traces`, with a sink that refuses what says `bad`.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Body;
use axum::http::Request;
use hearken_query::events::{Accepting, EventItem, EventSink, EventsAnswer, RejectedItem};
use hearken_query::http::{Caller, Peer, router};
use hearken_query::keys::Permission;
use hearken_query::webhooks::Platform;
use hearken_query::{AppState, Limits};
use hmac::{Hmac, KeyInit as _, Mac as _};
use tower::ServiceExt;

use crate::world::{Answer, World, small};

const BODY: &str = r#"{"event": "call_ended"}"#;

#[derive(Default)]
struct Sink {
    taken: Mutex<Vec<EventItem>>,
}

impl EventSink for Sink {
    fn accept<'a>(&'a self, events: Vec<EventItem>, caller: &'a Caller) -> Accepting<'a> {
        Box::pin(async move {
            assert!(caller.may(Permission::Ingest) && caller.may(Permission::Erase));
            let mut answer = EventsAnswer::default();
            for (index, event) in events.into_iter().enumerate() {
                match event.value.windows(3).any(|part| part == b"bad") {
                    true => answer.rejected.push(RejectedItem { index, reason: "it says bad".into() }),
                    false => {
                        answer.accepted += 1;
                        self.taken.lock().unwrap().push(event);
                    }
                }
            }
            Ok(answer)
        })
    }
}

async fn send(world: &World, sink: &Arc<Sink>, request: Request<Body>) -> Answer {
    let secrets = [Platform::ElevenLabs, Platform::Vapi].map(|platform| (platform, b"secret".to_vec()));
    let state = AppState::builder(world.state.reader().clone(), prometheus::Registry::new())
        .webhook_secrets(BTreeMap::from(secrets))
        .events(Arc::clone(sink) as Arc<dyn EventSink>);
    let response = router(state.build().unwrap()).oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec();
    Answer { status: parts.status, headers: parts.headers, body }
}

fn post(path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Request<Body> {
    let request =
        headers.iter().fold(Request::post(path), |request, (name, value)| request.header(*name, *value));
    request.body(body.into()).unwrap()
}

fn elevenlabs_signature(seconds_ago: u64, body: &str) -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() - seconds_ago;
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(b"secret").unwrap();
    mac.update(format!("{seconds}.{body}").as_bytes());
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={seconds},v0={hex}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_accepted_only_with_the_platforms_signature() {
    let (world, sink) = (small(), Arc::new(Sink::default()));
    let (now, hour_ago) = (elevenlabs_signature(0, BODY), elevenlabs_signature(3_600, BODY));
    let of_another = elevenlabs_signature(0, "{}");
    for (platform, headers, status) in [
        ("elevenlabs", vec![("ElevenLabs-Signature", now.as_str())], 200),
        ("elevenlabs", vec![("ElevenLabs-Signature", hour_ago.as_str())], 401),
        ("elevenlabs", vec![("ElevenLabs-Signature", of_another.as_str())], 401),
        ("elevenlabs", vec![], 401),
        ("vapi", vec![("X-Vapi-Secret", "secret")], 200),
        ("vapi", vec![("X-Vapi-Secret", "guess")], 401),
        // Without a secret, keys decide, and this server has none.
        ("retell", vec![], 200),
        ("retell", vec![("Sec-Fetch-Site", "cross-site"), ("Origin", "https://evil.example")], 403),
        ("twilio", vec![], 404),
    ] {
        let before = sink.taken.lock().unwrap().len();
        let answer = send(&world, &sink, post(&format!("/v1/webhooks/{platform}"), &headers, BODY)).await;
        assert_eq!(answer.status, status, "{platform} {headers:?} {}", String::from_utf8_lossy(&answer.body));
        let taken = sink.taken.lock().unwrap().len() - before;
        assert_eq!(taken, usize::from(status == 200), "{platform} {headers:?}");
    }
    assert_eq!(sink.taken.lock().unwrap()[0].value, BODY.as_bytes());
    let answer = send(&world, &sink, post("/v1/webhooks/vapi", &[("X-Vapi-Secret", "secret")], "bad")).await;
    assert_eq!((answer.status.as_u16(), answer.json()["detail"].as_str()), (400, Some("it says bad")));
}

#[tokio::test(flavor = "multi_thread")]
async fn unsigned_bodies_are_not_waited_for_and_delay_only_their_sender() {
    let (world, sink) = (small(), Arc::new(Sink::default()));
    let limits = Limits {
        events_bytes_max: 64 * 1024,
        events_room_bytes: 64 * 1024,
        unsigned_room_bytes: 256 * 1024,
        ..Limits::default()
    };
    let secrets = [Platform::ElevenLabs, Platform::Vapi].map(|platform| (platform, b"secret".to_vec()));
    let state = AppState::builder(world.state.reader().clone(), prometheus::Registry::new())
        .limits(limits)
        .webhook_secrets(BTreeMap::from(secrets))
        .events(Arc::clone(&sink) as Arc<dyn EventSink>);
    let router = router(state.build().unwrap());
    // A body that never comes, and signals when somebody waits for it.
    let endless = || {
        let (waited_for, waiting) = tokio::sync::oneshot::channel::<()>();
        let mut waited_for = Some(waited_for);
        let body = Body::from_stream(futures::stream::poll_fn(move |_| {
            drop(waited_for.take());
            Poll::<Option<std::io::Result<Vec<u8>>>>::Pending
        }));
        (body, waiting)
    };
    let send = async |from: [u8; 4], path: &str, headers: &[(&str, &str)], body: Body| {
        let mut request = post(path, headers, body);
        request.extensions_mut().insert(Peer::direct(from.into(), false));
        router.clone().oneshot(request).await.unwrap().status().as_u16()
    };
    let (stranger, platform) = ([192, 0, 2, 1], [198, 51, 100, 1]);
    let signed = elevenlabs_signature(0, BODY);
    let signed = [("ElevenLabs-Signature", signed.as_str())];
    for (path, headers) in [
        ("/v1/webhooks/elevenlabs", &[][..]),
        ("/v1/webhooks/elevenlabs", &[("ElevenLabs-Signature", "t=1,v0=00")]),
        ("/v1/webhooks/vapi", &[("X-Vapi-Secret", "guess")]),
    ] {
        assert_eq!(send(stranger, path, headers, endless().0).await, 401, "{path} {headers:?}");
    }
    // A body whose header could be right is waited for, even if a stranger has copied the header.
    let mut held = Vec::new();
    for number in 0..3 {
        let (body, waiting) = endless();
        let mut request = post("/v1/webhooks/elevenlabs", &signed, body);
        request.extensions_mut().insert(Peer::direct(stranger.into(), false));
        held.push(tokio::spawn(router.clone().oneshot(request)));
        if number == 0 {
            assert!(waiting.await.is_err(), "dropped when the body is asked for");
        }
    }
    assert_eq!(send(platform, "/v1/webhooks/elevenlabs", &signed, BODY.into()).await, 200);
    assert_eq!(send(stranger, "/v1/events", &[], BODY.into()).await, 202);
    assert!(held.iter().all(|task| !task.is_finished()));
    held.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test(flavor = "multi_thread")]
async fn exporters_of_opentelemetry_get_the_answers_that_they_await() {
    let (world, sink) = (small(), Arc::new(Sink::default()));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(b"\x0a\x00otlp").unwrap();
    let gzip = gzip.finish().unwrap();
    let protobuf = [("Content-Type", "application/x-protobuf"), ("Content-Encoding", "gzip")];
    let answer = send(&world, &sink, post("/v1/logs", &protobuf, gzip)).await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (200, 0));
    assert_eq!(answer.headers["content-type"], "application/x-protobuf");
    assert_eq!(sink.taken.lock().unwrap()[0].value, b"\x0a\x00otlp");
    let json = [("Content-Type", "application/json")];
    let answer = send(&world, &sink, post("/v1/traces", &json, r#"{"resourceSpans": []}"#)).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_slice()), (200, &b"{}"[..]));
    assert_eq!(
        send(&world, &sink, post("/v1/logs", &protobuf[..1], "")).await.status,
        200,
        "nothing to export"
    );
    let answer = send(&world, &sink, post("/v1/logs", &json, "bad")).await;
    assert_eq!((answer.status.as_u16(), answer.json()["detail"].as_str()), (400, Some("it says bad")));
}
