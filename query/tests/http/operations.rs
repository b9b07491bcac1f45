use axum::body::Body;
use axum::http::{Request, StatusCode};
use hearken_query::Limits;
use serde_json::json;

use crate::world::{World, documents, small};

#[tokio::test]
async fn readiness_tells_why_not() {
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

#[tokio::test]
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

#[tokio::test]
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

#[tokio::test]
async fn answers_are_compressed_when_asked() {
    let world = World::new(&documents());
    let request =
        Request::get("/v1/interactions").header("accept-encoding", "gzip").body(Body::empty()).unwrap();
    let answer = world.send(request).await;
    assert_eq!(answer.headers["content-encoding"], "gzip");
    assert!(answer.body.starts_with(&[0x1f, 0x8b]));
}
