use std::io::Read;
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::Request;
use futures::StreamExt;
use hearken_model::{Document, Role};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::world::{World, chat, documents, small};

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_the_same_compressed() {
    let world = small();
    let plain = world.get("/v1/export").await.body;
    let request = Request::get("/v1/export").header("accept-encoding", "gzip, br").body(Body::empty());
    let answer = world.send(request.unwrap()).await;
    assert_eq!(answer.headers["content-encoding"], "gzip");
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(answer.body.as_slice()).read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked, plain);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_has_every_match_whole() {
    let chats: Vec<Document> =
        (0..500).map(|n| chat(&format!("c{n}"), n, &[(Role::User, &"many words ".repeat(40))])).collect();
    let world = World::new(&chats);
    let answer = world.get("/v1/export?q=words&sort=start_time&limit=3").await;
    assert_eq!(answer.headers["content-type"], "application/x-ndjson");
    let lines: Vec<Value> = answer.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 500);
    for (number, line) in lines.iter().enumerate() {
        assert_eq!(line["id"], format!("c{number}"));
        assert_eq!(line["transcript"].as_array().unwrap().len(), 1);
    }
    let answer = world.get("/v1/export?format=csv&id=c7").await;
    let text = answer.text();
    assert!(text.starts_with("id,organization,"), "{text}");
    assert!(text.contains("\r\nc7,"), "{text}");
    assert!(text.contains("user: many words"), "{text}");
    assert_eq!(answer.headers["content-disposition"], "attachment; filename=\"interactions.csv\"");
    let answer = world.get("/v1/export?format=csv&bom=true&id=c7").await;
    assert_eq!(answer.text(), format!("\u{FEFF}{text}"), "for Excel");
    for (wrong, parameter) in [("bom=true", "bom"), ("format=csv&bom=1", "bom"), ("format=xlsx", "format")] {
        assert_eq!(world.get(&format!("/v1/export?{wrong}")).await.json()["parameter"], parameter);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_ends_when_its_client_goes_away() {
    let chats: Vec<Document> =
        (0..400).map(|n| chat(&format!("c{n}"), n, &[(Role::User, &"many words ".repeat(400))])).collect();
    let limits = hearken_query::Limits { exports_max: 1, ..hearken_query::Limits::default() };
    let world = World::with(&chats, Vec::new(), limits);
    let request = || Request::get("/v1/export").body(Body::empty()).unwrap();
    let response = world.router.clone().oneshot(request()).await.unwrap();
    let mut body = response.into_body().into_data_stream();
    assert!(body.next().await.unwrap().is_ok());
    assert_eq!(world.get("/v1/export").await.code(), "too_many_searches");
    drop(body);
    let freed = async {
        while world.get("/v1/export?limit=1&id=c1").await.status != 200 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), freed)
        .await
        .expect("the export went on without its client");
}

#[tokio::test(flavor = "multi_thread")]
async fn open_event_streams_leave_exports_their_places() {
    let limits = hearken_query::Limits { streams_max: 2, ..hearken_query::Limits::default() };
    let world = World::with(&documents(), Vec::new(), limits);
    let mut streams = vec![Events::open(&world, "/v1/stream", None).await];
    streams.push(Events::open(&world, "/v1/stream?q=refund", None).await);
    let refused = world.get("/v1/stream").await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (429, "too_many_searches"));
    assert!(refused.json()["detail"].as_str().unwrap().contains("event streams"));
    assert_eq!(world.get("/v1/export").await.status, 200);
    assert_eq!(world.get("/v1/interactions").await.status, 200);
}

/// The events of a stream, one block at a time.
pub(crate) struct Events {
    body: BodyDataStream,
    buffer: String,
}

impl Events {
    pub(crate) async fn open(world: &World, uri: &str, last_event_id: Option<&str>) -> Events {
        Events::open_with(world, uri, last_event_id, None).await
    }

    pub(crate) async fn open_with(
        world: &World,
        uri: &str,
        last_event_id: Option<&str>,
        key: Option<&str>,
    ) -> Events {
        let mut request = Request::get(uri);
        if let Some(key) = key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let response = world.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Events { body: response.into_body().into_data_stream(), buffer: String::new() }
    }

    /// The next block's name, id and data.
    pub(crate) async fn next(&mut self) -> (String, String, Value) {
        let read = async {
            loop {
                if let Some((block, rest)) = self.buffer.split_once("\n\n") {
                    let field = |name: &str| {
                        block
                            .lines()
                            .find_map(|line| line.strip_prefix(name))
                            .unwrap_or_default()
                            .trim()
                            .to_owned()
                    };
                    let data = serde_json::from_str(&field("data:")).unwrap_or_default();
                    let told = (field("event:"), field("id:"), data);
                    self.buffer = rest.to_owned();
                    return told;
                }
                let chunk = self.body.next().await.unwrap().unwrap();
                self.buffer.push_str(std::str::from_utf8(&chunk).unwrap());
            }
        };
        tokio::time::timeout(Duration::from_secs(20), read).await.expect("no event came")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_reports_matching_changes_and_resumes_where_it_stopped() {
    let mut world = small();
    let mut events = Events::open(&world, "/v1/stream?q=refund", None).await;
    let (name, start, _) = events.next().await;
    assert_eq!(name, "");

    let new = chat("new-5", 40, &[(Role::User, "another refund")]);
    let other = chat("other-6", 41, &[(Role::User, "hello")]);
    world.put(&[other, new]);
    let (name, id, item) = events.next().await;
    assert_eq!((name.as_str(), &item["id"]), ("interaction", &json!("new-5")));
    assert_eq!(item["highlights"][0]["fragments"][0], "another <mark>refund</mark>");
    drop(events);

    world.put(&[chat("while-away-7", 42, &[(Role::User, "refund please")])]);
    let mut events = Events::open(&world, "/v1/stream?q=refund", Some(&id)).await;
    events.next().await;
    assert_eq!(events.next().await.2["id"], "while-away-7");

    let mut events = Events::open(&world, "/v1/stream?q=refund", Some(&start)).await;
    events.next().await;
    let ids = [events.next().await.2["id"].clone(), events.next().await.2["id"].clone()];
    assert_eq!(ids, ["new-5", "while-away-7"]);

    // Clients that cannot send the header put the id into the address; the header is newer.
    let address = format!("/v1/stream?q=refund&last_event_id={start}");
    let mut events = Events::open(&world, &address, None).await;
    events.next().await;
    assert_eq!(events.next().await.2["id"], "new-5");
    let mut events = Events::open(&world, &address, Some(&id)).await;
    events.next().await;
    assert_eq!(events.next().await.2["id"], "while-away-7");

    let mut events = Events::open(&world, "/v1/stream?q=refund", Some("1-1")).await;
    events.next().await;
    assert_eq!(events.next().await.0, "gap");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_when_the_server_stops() {
    let world = small();
    let mut events = Events::open(&world, "/v1/stream", None).await;
    events.next().await;
    world.stop.send(true).unwrap();
    let end = tokio::time::timeout(Duration::from_secs(20), events.body.next()).await;
    assert!(end.expect("the stream did not end").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overview_sums_up_the_same_selection() {
    let world = World::new(&documents());
    let answer = world.get("/v1/overview?interval=15m&-country=").await.json();
    assert_eq!(answer["total"], 3);
    assert_eq!(answer["interval"], 900);
    assert_eq!(
        answer["over_time"],
        json!([{"from": "2026-05-01T10:00:00Z", "count": 2}, {"from": "2026-05-01T10:15:00Z", "count": 1}])
    );
    assert_eq!(
        answer["facets"]["sentiment"],
        json!([{"value": "negative", "count": 2}, {"value": "positive", "count": 1}])
    );
    let costs = &answer["distributions"]["total_costs"];
    assert_eq!((&costs["sum"], &costs["p50"], &costs["count"]), (&json!("0.4"), &json!("0.1"), &json!(3)));
    assert_eq!(answer["distributions"]["duration"]["max"], 20.0);
}
