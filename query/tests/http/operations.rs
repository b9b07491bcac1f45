use axum::body::Body;
use axum::http::{Request, StatusCode};
use hearken_query::Limits;
use hearken_query::http::ServeOptions;
use serde_json::json;
use tokio::net::TcpStream;

use crate::world::{World, documents, small};

#[tokio::test(flavor = "multi_thread")]
async fn readiness_says_why_not() {
    let world = small();
    assert_eq!(world.get("/healthz").await.status, StatusCode::OK);
    assert_eq!(world.get("/readyz").await.status, StatusCode::OK);
    let reasons = vec!["topic interactions, partition 0: 12 records to go".to_owned()];
    let world = World::with(&[], reasons.clone(), Limits::default());
    let answer = world.get("/readyz").await;
    assert_eq!(
        (answer.status, &answer.json()["reasons"]),
        (StatusCode::SERVICE_UNAVAILABLE, &json!(reasons))
    );
    assert_eq!(world.get("/healthz").await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_counted_by_route_and_never_by_path() {
    let world = small();
    world.search("refund").await;
    world.get("/v1/interactions/praise-3").await;
    world.get("/v1/interactions/nobody").await;
    world.get("/made/up").await;
    let text = world.get("/metrics").await.text();
    for line in [
        r#"hearken_http_request_duration_seconds_count{method="GET",route="/v1/interactions",status="200"} 1"#,
        r#"hearken_http_request_duration_seconds_count{method="GET",route="/v1/interactions/{id}",status="404"} 1"#,
        r#"hearken_http_request_duration_seconds_count{method="GET",route="unknown",status="404"} 1"#,
        "hearken_search_duration_seconds_count 3",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("nobody") && !text.contains("made"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_carries_the_security_headers() {
    let world = small();
    for uri in ["/v1/interactions", "/v1/interactions?q=%28", "/nothing", "/metrics"] {
        let headers = world.get(uri).await.headers;
        assert_eq!(headers["x-content-type-options"], "nosniff", "{uri}");
        assert_eq!(headers["content-security-policy"], "default-src 'none'; frame-ancestors 'none'", "{uri}");
        assert_eq!(headers["cache-control"], "no-store", "{uri}");
        assert!(!headers.contains_key("access-control-allow-origin"), "{uri}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_compressed_when_asked() {
    let world = World::new(&documents());
    let request =
        Request::get("/v1/interactions").header("accept-encoding", "gzip").body(Body::empty()).unwrap();
    let answer = world.send(request).await;
    assert_eq!(answer.headers["content-encoding"], "gzip");
    assert!(answer.body.starts_with(&[0x1f, 0x8b]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_opens_too_many_connections_closes_only_its_own() {
    let world = small();
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let stopped = world.stop.subscribe();
    let options = ServeOptions { connections_max: 8, ..ServeOptions::default() };
    let server = tokio::spawn(hearken_query::http::serve(listener, world.router.clone(), options, stopped));
    let connect = async |from: &str| {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
        socket.connect(address).await.unwrap()
    };

    let ours = connect("127.0.0.2").await;
    ask(&ours);
    assert_answered(&ours).await;
    let mut half_open = Vec::new();
    for _ in 0..100 {
        let stream = connect("127.0.0.1").await;
        let sent = stream.try_write(b"GET /healthz HTTP/1.1\r\nhost: loc").unwrap();
        assert!(sent > 0);
        half_open.push(stream);
        // Neither existing nor new clients are kept waiting.
        ask(&ours);
        assert_answered(&ours).await;
        let another = connect("127.0.0.3").await;
        ask(&another);
        assert_answered(&another).await;
    }
    let mut num_closed = 0;
    for stream in half_open {
        let mut stream = stream.into_std().unwrap();
        let read = std::io::Read::read(&mut stream, &mut [0; 1]);
        num_closed += usize::from(!read.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock));
    }
    assert!(num_closed >= 80, "{num_closed}");

    drop(ours);
    world.stop.send(true).unwrap();
    server.await.unwrap().unwrap();
}

fn ask(stream: &TcpStream) {
    let request = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";
    assert_eq!(stream.try_write(request).unwrap(), request.len());
}

async fn assert_answered(stream: &TcpStream) {
    let mut answer = Vec::new();
    while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
        stream.readable().await.unwrap();
        let mut part = [0; 4096];
        match stream.try_read(&mut part) {
            Ok(0) => panic!("closed after {}", String::from_utf8_lossy(&answer)),
            Ok(length) => answer.extend_from_slice(&part[..length]),
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock),
        }
    }
    assert!(answer.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&answer));
}
