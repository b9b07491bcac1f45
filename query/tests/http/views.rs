//! Saved views over HTTP.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};

use crate::world::{Answer, World, small};

async fn send(world: &World, method: &str, uri: &str, headers: &[(&str, &str)], body: Value) -> Answer {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    world.send(request.body(Body::from(body.to_string())).unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn views_are_saved_renamed_and_deleted() {
    let world = small();
    let created =
        send(&world, "POST", "/v1/views", &[], json!({"name": "Rückgaben / DE", "query": "q=refund"})).await;
    assert_eq!((created.status, created.json()["query"].clone()), (StatusCode::CREATED, json!("q=refund")));
    let again = send(&world, "POST", "/v1/views", &[], json!({"name": "rückgaben / de", "query": ""})).await;
    assert_eq!((again.status, again.code()), (StatusCode::CONFLICT, "view_exists".to_owned()));
    let one = "/v1/views/R%C3%BCckgaben%20%2F%20DE";
    let changed = send(&world, "PATCH", one, &[], json!({"name": "Returns"})).await;
    assert_eq!(changed.json(), json!({"name": "Returns", "query": "q=refund"}));
    assert_eq!(
        world.get("/v1/views").await.json(),
        json!({"views": [{"name": "Returns", "query": "q=refund"}]})
    );
    assert_eq!(send(&world, "DELETE", one, &[], Value::Null).await.status, StatusCode::NOT_FOUND);
    let gone = send(&world, "DELETE", "/v1/views/returns", &[], Value::Null).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert_eq!(world.get("/v1/views").await.json(), json!({"views": []}));
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_sites_change_nothing() {
    let world = small();
    let view = || json!({"name": "a", "query": "q=b"});
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("origin", "http://localhost:8080.evil.example"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        let headers = [("host", "localhost:8080"), (name, value)];
        let refused = send(&world, "POST", "/v1/views", &headers, view()).await;
        assert_eq!(
            (refused.status, refused.code()),
            (StatusCode::FORBIDDEN, "cross_origin".to_owned()),
            "{value}"
        );
    }
    assert_eq!(world.get("/v1/views").await.json(), json!({"views": []}));
    let ours = [("host", "localhost:8080"), ("origin", "http://localhost:8080")];
    assert_eq!(send(&world, "POST", "/v1/views", &ours, view()).await.status, StatusCode::CREATED);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_view_is_refused() {
    let world = small();
    for body in
        [json!([]), json!({"name": "a"}), json!({"name": "", "query": ""}), json!({"name": 1, "query": ""})]
    {
        assert_eq!(send(&world, "POST", "/v1/views", &[], body).await.status, StatusCode::BAD_REQUEST);
    }
    let strange = send(&world, "PATCH", "/v1/views/a", &[], json!({"nam": "b"})).await;
    assert_eq!((strange.status, strange.code()), (StatusCode::BAD_REQUEST, "invalid_body".to_owned()));
}
