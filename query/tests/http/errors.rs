use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use axum::response::IntoResponse;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hearken_index::{Search, SearchError};
use hearken_query::problem::CODES;
use hearken_query::{Limits, Problem};

use crate::world::{World, documents, encoded, small, tight};

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_are_problems_with_a_stable_code() {
    let world = small();
    let long = format!("/v1/interactions?q={}", "a".repeat(40_000));
    for (uri, code) in [
        ("/v1/interactions?q=contry:Germany", "unknown_field"),
        ("/v1/interactions?q=%28a", "invalid_query"),
        ("/v1/interactions?q=csat:high", "invalid_query_value"),
        ("/v1/interactions?contry=Germany", "unknown_parameter"),
        ("/v1/interactions?duration=long", "invalid_parameter"),
        ("/v1/interactions?duration=%5B60%20TO", "invalid_parameter"),
        ("/v1/interactions?duration=%5B300%20TO%2060%7D", "invalid_parameter"),
        ("/v1/interactions?duration=%5B1%20TO%202%5D%203", "invalid_parameter"),
        ("/v1/interactions?csat=country:Germany", "invalid_parameter"),
        ("/v1/interactions?csat=(1%20OR%202)", "invalid_parameter"),
        ("/v1/interactions?-start_time=soon", "invalid_parameter"),
        ("/v1/interactions?facets=duration", "invalid_parameter"),
        ("/v1/overview?ranges=country:1", "invalid_parameter"),
        ("/v1/interactions?limit=101", "invalid_parameter"),
        ("/v1/interactions?limit=-1", "invalid_parameter"),
        ("/v1/interactions?facet_size=0", "invalid_parameter"),
        ("/v1/interactions?facets=countries", "invalid_parameter"),
        ("/v1/interactions?facets=id", "invalid_parameter"),
        ("/v1/interactions?sort=country", "invalid_parameter"),
        ("/v1/interactions?sort=csat,rating,duration,start_time,end_time", "invalid_parameter"),
        ("/v1/interactions?from=yesterday", "invalid_parameter"),
        ("/v1/interactions?csat=high", "invalid_parameter"),
        ("/v1/interactions?q=a&q=b", "invalid_parameter"),
        ("/v1/interactions?cursor=x", "invalid_cursor"),
        ("/v1/export?format=xlsx", "invalid_parameter"),
        ("/v1/export?q=%28a", "invalid_query"),
        ("/v1/stream?q=%28a", "invalid_query"),
        ("/v1/overview?interval=1s", "invalid_parameter"),
        ("/v1/overview?q=%28a", "invalid_query"),
        ("/v1/interactions/unknown", "not_found"),
        ("/v1/interactions/praise-3?x=1", "unknown_parameter"),
        ("/v2", "not_found"),
        (long.as_str(), "uri_too_long"),
    ] {
        let answer = world.get(uri).await;
        assert_eq!(answer.code(), code, "{uri}");
        let (_, status, title) = CODES.iter().find(|(known, ..)| *known == code).unwrap();
        assert_eq!(answer.status, *status, "{uri}");
        assert_eq!(answer.json()["title"], *title);
        assert_eq!(answer.json()["status"], status.as_u16());
        assert!(!answer.json()["detail"].as_str().unwrap().is_empty());
        assert_eq!(answer.headers["content-type"], "application/problem+json");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_error_says_where_and_how_to_fix_it() {
    let world = small();
    let answer = world.search("größe contry:Germany").await.json();
    assert_eq!(answer["position"], 6);
    assert!(answer["hint"].as_str().unwrap().contains("`country:`"), "{answer}");
    let answer = world.get("/v1/interactions?contry=Germany").await.json();
    assert!(answer["hint"].as_str().unwrap().contains("`country`"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_methods_and_bodies_are_problems_too() {
    let world = small();
    let wrong = Request::builder().method(Method::PUT).uri("/v1/interactions").body(Body::empty()).unwrap();
    let answer = world.send(wrong).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed")
    );
    assert!(answer.headers["allow"].to_str().unwrap().contains("GET"));
    for body in ["", "[]", "{", "{\"country\": {}}", "{\"country\": [[\"a\"]]}"] {
        assert_eq!(world.post("/v1/search", body).await.code(), "invalid_body", "{body}");
    }
    let large = format!("{{\"q\": \"{}\"}}", "a".repeat(300_000));
    let answer = world.post("/v1/search", large).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_of_another_search_is_refused() {
    let world = small();
    let first = world.get("/v1/interactions?limit=2").await.json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let next = world.get(&format!("/v1/interactions?limit=1&cursor={cursor}")).await;
    assert_eq!(next.ids(), ["delivery-2"]);
    let other = world.get(&format!("/v1/interactions?country=Germany&cursor={cursor}")).await;
    assert_eq!(other.code(), "invalid_cursor");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_whose_view_is_gone_has_expired() {
    let world = small();
    let search = "/v1/interactions?sort=relevance&limit=1";
    let cursor = world.get(search).await.json()["next_cursor"].as_str().unwrap().to_owned();
    let mut place: serde_json::Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(cursor).unwrap()).unwrap();
    let mut end: serde_json::Value = serde_json::from_str(place["c"].as_str().unwrap()).unwrap();
    end["Pinned"]["view"] = 1.into();
    place["c"] = end.to_string().into();
    let gone = URL_SAFE_NO_PAD.encode(place.to_string());
    let answer = world.get(&format!("{search}&cursor={gone}")).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::GONE, "cursor_expired"));
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_pool_is_full_the_answer_is_to_come_back_later() {
    let world = World::with(&documents(), Vec::new(), tight());
    let release = Arc::new(AtomicBool::new(false));
    let (started_tx, started_rx) = tokio::sync::oneshot::channel();
    let blocking = {
        let (state, release) = (world.state.clone(), Arc::clone(&release));
        tokio::spawn(async move {
            let work = move |_: &dyn Search, _: Instant| {
                started_tx.send(()).unwrap();
                while !release.load(Ordering::Acquire) {
                    std::thread::yield_now();
                }
                Ok::<_, Problem>(())
            };
            state.run(work).await
        })
    };
    started_rx.await.unwrap();
    let answer = world.search("refund").await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::TOO_MANY_REQUESTS, "too_many_searches"));
    assert_eq!(answer.headers["retry-after"], "1");
    release.store(true, Ordering::Release);
    blocking.await.unwrap().unwrap();
    assert_eq!(world.search("refund").await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_past_its_deadline_is_a_timeout() {
    let limits = Limits { search_timeout: std::time::Duration::ZERO, ..Limits::default() };
    let world = World::with(&documents(), Vec::new(), limits);
    let answer = world.search("refund").await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "search_timeout"));
}

/// No engine here can be unavailable; the conformance suite on OpenSearch shows when one says so.
#[test]
fn an_index_that_is_away_is_a_reason_to_ask_again() {
    let answer = Problem::from(SearchError::Unavailable("no node answers".into())).into_response();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers()["retry-after"], "5");
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_queries_are_answered_or_refused() {
    let world = small();
    let nested = format!("{}a{}", "(".repeat(5_000), ")".repeat(3_000));
    let ten_thousand = "word ".repeat(10_000);
    let alternatives = (0..900).map(|n| format!("w{n}")).collect::<Vec<_>>().join(" OR ");
    let fuzzy = (0..300).map(|n| format!("refundorder{n}~2")).collect::<Vec<_>>().join(" OR ");
    let near = format!("\"{}\"~50", "a ".repeat(14));
    let prefixes = ('a'..='z').map(|c| format!("{c}*")).collect::<Vec<_>>().join(" OR ");
    let (answered, refused) = (StatusCode::OK, StatusCode::BAD_REQUEST);
    for (q, status) in [
        (nested.as_str(), refused),
        (&ten_thousand, refused),
        (&"word ".repeat(1_600), refused),
        (&"NOT ".repeat(2_000), refused),
        (&format!("{}~2", "a".repeat(100)), refused),
        ("\"a b\"~51", refused),
        (&alternatives, answered),
        (&fuzzy, answered),
        (&near, answered),
        (&prefixes, answered),
        ("a*", answered),
        ("*", answered),
        ("-*", answered),
        ("a~2 b~2 c~2", answered),
    ] {
        let body = serde_json::json!({"q": q, "facets": "country,sentiment,agent"}).to_string();
        let answer = world.post("/v1/search", body).await;
        assert_eq!(answer.status, status, "{}: {}", &q[..q.len().min(40)], answer.text());
    }
    assert_eq!(world.get(&format!("/v1/interactions?q={}", encoded("*"))).await.json()["total"], 4);
}
