//! Who may do what.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use futures::StreamExt as _;
use hearken_model::{Document, InteractionId, Role};
use hearken_query::audit::AuditLog;
use hearken_query::http::{Gate, Needs, Peer};
use hearken_query::keys::{KeyFile, LiveKeys, NewKey, Permission};
use serde_json::json;
use tempfile::TempDir;
use tower::ServiceExt as _;

use crate::strangers::said;
use crate::world::{Answer, World, chat, encoded};

/// A server with keys.
pub(crate) struct Guarded {
    pub(crate) world: World,
    keys: LiveKeys,
    _folder: TempDir,
}

impl Guarded {
    pub(crate) fn new(documents: &[Document]) -> Guarded {
        let folder = TempDir::new().unwrap();
        let keys = LiveKeys::open(KeyFile::new(folder.path().join("keys.toml"))).unwrap();
        Guarded { world: World::with_keys(keys.clone(), documents), keys, _folder: folder }
    }

    pub(crate) fn key(&self, organizations: &[&str], permissions: &[Permission]) -> String {
        let name = format!("{}-{permissions:?}-{}", organizations.join(","), self.keys.current().all().len());
        let organizations = organizations.iter().map(|name| (*name).to_owned()).collect();
        let new =
            NewKey { name, organizations, permissions: permissions.iter().copied().collect(), expires: None };
        let (_, token) = self.keys.file().create(new).unwrap();
        self.keys.reload().unwrap();
        token.expose().to_owned()
    }

    async fn ask(&self, method: Method, uri: &str, key: Option<&str>) -> Answer {
        let mut request = Request::builder().method(method).uri(uri);
        if let Some(key) = key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        self.world.send(request.body(Body::empty()).unwrap()).await
    }

    /// The status of an answer, without reading a body that may never end.
    async fn status(&self, method: Method, uri: &str, key: &str) -> StatusCode {
        let request =
            Request::builder().method(method).uri(uri).header("authorization", format!("Bearer {key}"));
        self.world.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status()
    }

    async fn get(&self, uri: &str, key: &str) -> Answer {
        self.ask(Method::GET, uri, Some(key)).await
    }
}

pub(crate) fn of(organization: &str, mut document: Document) -> Document {
    document.derived.head.organization = Some(organization.to_owned());
    document
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_asks_for_what_it_says() {
    let guarded = Guarded::new(&[]);
    let keys: Vec<_> =
        Permission::ALL.iter().map(|permission| (*permission, guarded.key(&["*"], &[*permission]))).collect();
    for (number, route) in hearken_query::http::routes().table().iter().enumerate() {
        let uri = route.path.replace("{*id}", "x").replace("{name}", "x").replace("{platform}", "vapi");
        let at = format!("{} {uri}", route.method);
        let without = guarded.ask(route.method.clone(), &uri, None).await;
        if route.needs == Needs::Nothing {
            assert!(["/healthz", "/readyz", "/openapi.json"].contains(&route.path), "{at} needs nothing");
            assert_eq!(without.status, StatusCode::OK, "{at}");
            continue;
        }
        for answer in
            [without, guarded.ask(route.method.clone(), &uri, Some(&format!("hk_{number:08x}_0"))).await]
        {
            assert_eq!(
                (answer.status, answer.code()),
                (StatusCode::UNAUTHORIZED, "unauthorized".to_owned()),
                "{at}"
            );
            assert!(answer.headers["www-authenticate"].to_str().unwrap().starts_with("Bearer"), "{at}");
        }
        for (permission, key) in &keys {
            let is_permitted = match route.needs {
                Needs::Nothing | Needs::Key => true,
                Needs::Permission(needed) | Needs::SignatureOr(needed) => needed == *permission,
                Needs::AnyOf(needed) => needed.contains(permission),
            };
            let status = guarded.status(route.method.clone(), &uri, key).await;
            assert_eq!(status != StatusCode::FORBIDDEN, is_permitted, "{at} with {permission}: {status}");
            assert_ne!(status, StatusCode::UNAUTHORIZED, "{at} with {permission}");
            if !is_permitted {
                let answer = guarded.ask(route.method.clone(), &uri, Some(key)).await;
                assert_eq!(answer.code(), "forbidden");
                assert!(answer.json()["detail"].as_str().unwrap().contains('`'), "{}", answer.text());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_shown_as_a_bearer_token_and_nothing_else() {
    let guarded = Guarded::new(&[]);
    let key = guarded.key(&["*"], &[Permission::Search]);
    let with = async |headers: &[(&str, &str)]| {
        let request = Request::get("/v1/interactions");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        guarded.world.send(request.body(Body::empty()).unwrap()).await.status
    };
    let [bearer, lower, basic] = ["Bearer", "bearer", "Basic"].map(|scheme| format!("{scheme} {key}"));
    assert_eq!(with(&[("authorization", &bearer)]).await, StatusCode::OK);
    assert_eq!(with(&[("authorization", &lower)]).await, StatusCode::OK);
    for headers in [
        &[("authorization", key.as_str())][..],
        &[("authorization", &basic)],
        &[("authorization", "Bearer")],
        &[("authorization", "")],
        &[("authorization", &bearer), ("authorization", &bearer)],
        &[("x-api-key", &key)],
        &[("cookie", &format!("hearken_session={key}"))],
    ] {
        assert_eq!(with(headers).await, StatusCode::UNAUTHORIZED, "{headers:?}");
    }
    assert_eq!(
        guarded.ask(Method::GET, &format!("/v1/interactions?key={key}"), None).await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_its_streams_and_its_sessions_end() {
    let guarded = Guarded::new(&[]);
    let key = guarded.key(&["*"], &[Permission::Search]);
    let request = Request::get("/v1/stream").header("authorization", format!("Bearer {key}"));
    let stream = guarded.world.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(stream.status(), StatusCode::OK);
    let mut chunks = stream.into_body().into_data_stream();
    chunks.next().await.unwrap().unwrap();
    assert_eq!(guarded.get("/v1/interactions", &key).await.status, StatusCode::OK);
    let (parts, ()) = Request::post("/signin").body(()).unwrap().into_parts();
    let (cookie, _) = guarded.world.state.gate().sign_in(&parts, &key).unwrap();
    let in_session = async || {
        let cookie = cookie.to_str().unwrap().split(';').next().unwrap();
        let request = Request::get("/v1/interactions").header("cookie", cookie);
        guarded.world.send(request.body(Body::empty()).unwrap()).await.status
    };
    assert_eq!(in_session().await, StatusCode::OK);

    guarded.keys.file().revoke(key.split('_').nth(1).unwrap()).unwrap();
    guarded.keys.reload().unwrap();
    assert_eq!(guarded.get("/v1/interactions", &key).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(in_session().await, StatusCode::UNAUTHORIZED);
    let ended = async { while chunks.next().await.is_some_and(|chunk| chunk.is_ok()) {} };
    tokio::time::timeout(Duration::from_secs(30), ended).await.expect("the stream ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_keys_are_slowed_down_and_right_ones_are_not() {
    let guarded = Guarded::new(&[]);
    let key = guarded.key(&["*"], &[Permission::Search]);
    let from = async |address: &str, key: &str| {
        let request = Request::get("/v1/interactions").header("authorization", format!("Bearer {key}"));
        let mut request = request.body(Body::empty()).unwrap();
        request.extensions_mut().insert(Peer::direct(address.parse().unwrap(), false));
        guarded.world.send(request).await
    };
    let mut statuses = Vec::new();
    for number in 0..30 {
        statuses.push(from("192.0.2.1", &format!("hk_{number:08x}_0")).await.status);
    }
    assert_eq!(statuses[0], StatusCode::UNAUTHORIZED);
    assert_eq!(statuses[29], StatusCode::TOO_MANY_REQUESTS);
    let slowed = from("192.0.2.1", "hk_00000000_0").await;
    assert_eq!(slowed.code(), "too_many_attempts");
    assert!(slowed.headers["retry-after"].to_str().unwrap().parse::<u16>().unwrap() > 0);
    assert_eq!(from("192.0.2.2", "hk_ffffffff_0").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(from("192.0.2.1", &key).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_keys_other_names_and_other_sites_are_refused() {
    let gate = Gate::without_keys("127.0.0.1:8080".parse().unwrap(), &["Wiki.example".to_owned()]);
    let world = World::behind(gate, &[], Vec::new(), hearken_query::Limits::default());
    let with = async |headers: &[(&str, &str)]| {
        let request = Request::get("/v1/interactions");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let answer = world.send(request.body(Body::empty()).unwrap()).await;
        if answer.status == StatusCode::OK { String::new() } else { answer.code() }
    };
    for host in [
        "localhost",
        "localhost:8080",
        "127.0.0.1:1",
        "[::1]:8080",
        "LOCALHOST",
        "wiki.example:80",
        "a.localhost",
    ] {
        assert_eq!(with(&[("host", host)]).await, "", "{host}");
    }
    for host in [
        "evil.example",
        "evil.example:8080",
        "localhost.evil.example",
        "192.0.2.1",
        "",
        "127.0.0.1@evil.example",
    ] {
        assert_eq!(with(&[("host", host)]).await, "unknown_host", "{host}");
    }
    let site = |site| [("host", "localhost"), ("sec-fetch-site", site), ("sec-fetch-mode", "cors")];
    assert_eq!(with(&site("same-origin")).await, "");
    assert_eq!(with(&site("none")).await, "");
    assert_eq!(with(&site("cross-site")).await, "cross_origin");
    assert_eq!(with(&site("same-site")).await, "cross_origin");
    assert_eq!(with(&[("host", "localhost"), ("origin", "http://evil.example")]).await, "cross_origin");
    let link = [
        ("host", "localhost"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
    ];
    assert_eq!(with(&link).await, "", "a link from elsewhere may lead here");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_of_another_organization_is_answered_as_one_that_does_not_exist() {
    let guarded = Guarded::new(&[
        of("acme", chat("ours", 0, &[(Role::User, "refund")])),
        of("globex", chat("theirs", 0, &[(Role::User, "refund zanzibar")])),
        of("globex", chat("theirs:(1", 0, &[(Role::User, "refund zanzibar")])),
        chat("nobody's", 0, &[(Role::User, "refund zanzibar")]),
    ]);
    let key = guarded.key(&["acme"], &[Permission::Search, Permission::Read]);
    let texts = async |uri: String| {
        let answer = guarded.get(&uri, &key).await;
        let text = answer.text();
        let took = text.find("\"took_ms\":").map(|from| from..from + text[from..].find(',').unwrap());
        (answer.status, took.map_or(text.clone(), |took| text.replacen(&text[took], "", 1)))
    };
    // The third is not a valid query: who may see it finds it by pasting it, and everyone else gets a syntax error.
    for (other, never) in [("theirs", "sriehet"), ("nobody's", "s'ydobon"), ("theirs:(1", "theirs:(2")] {
        for uri in [
            "/v1/interactions/",
            "/v1/interactions?q=",
            "/v1/export?q=",
            "/v1/overview?q=",
            "/v1/interactions?id=",
        ] {
            let (asked, unknown) = (format!("{uri}{}", encoded(other)), format!("{uri}{}", encoded(never)));
            assert_eq!(texts(asked.clone()).await, texts(unknown).await, "{asked}");
        }
    }
    assert_eq!(guarded.get("/v1/interactions/ours", &key).await.status, StatusCode::OK);
    assert_eq!(guarded.get("/v1/interactions?q=refund", &key).await.ids(), ["ours"]);
    let theirs = guarded.key(&["globex"], &[Permission::Search]);
    let pasted = format!("/v1/interactions?q={}", encoded("theirs:(1"));
    assert_eq!(guarded.get(&pasted, &theirs).await.ids(), ["theirs:(1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_for_metadata_alone_reveals_no_words() {
    let mut document = of("acme", chat("c1", 0, &[(Role::User, "zanzibar"), (Role::Assistant, "zanzibar")]));
    let head = &mut document.derived.head;
    head.country = Some("Germany".to_owned());
    head.csat_description = Some("zanzibar".to_owned());
    head.rating_comment = Some("zanzibar".to_owned());
    head.recording_url = Some("https://example.com/zanzibar".to_owned());
    head.topics_summary.topic = Some("travel".to_owned());
    head.topics_summary.summary = Some("zanzibar".to_owned());
    head.topics_summary.sentiment_description = Some("zanzibar".to_owned());
    head.topics_summary.keywords = vec!["zanzibar".to_owned()];
    let guarded = Guarded::new(&[document]);
    let facts = guarded.key(&["acme"], &[Permission::Metadata]);
    for uri in [
        "/v1/interactions?facets=country,topic",
        "/v1/interactions?q=country:Germany",
        "/v1/interactions/c1",
        "/v1/export?format=ndjson",
        "/v1/export?format=csv",
        "/v1/overview",
    ] {
        let answer = guarded.get(uri, &facts).await;
        assert_eq!(answer.status, StatusCode::OK, "{uri}: {}", answer.text());
        assert!(answer.text().contains("Germany"), "{uri}: {}", answer.text());
        assert!(!answer.text().contains("zanzibar"), "{uri}: {}", answer.text());
    }
    for uri in [
        "/v1/interactions?q=zanzibar",
        "/v1/interactions?q=nothing",
        "/v1/interactions?q=-zanzibar",
        "/v1/interactions?q=country:Germany%20AND%20user:zanzibar",
        "/v1/interactions?q=keywords:zanzibar",
        "/v1/interactions?q=keywords:*",
        "/v1/interactions?facets=keywords",
        "/v1/interactions?keywords=zanzibar",
        "/v1/interactions?-keywords=",
        "/v1/interactions/c1?q=zanzibar",
        "/v1/export?q=zanzibar",
        "/v1/overview?q=zanzibar",
        "/v1/overview?facets=keywords",
        "/v1/stream?q=zanzibar",
    ] {
        let answer = guarded.get(uri, &facts).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::FORBIDDEN, "forbidden".to_owned()), "{uri}");
    }
    let searcher = guarded.key(&["acme"], &[Permission::Search]);
    assert_eq!(guarded.get("/v1/interactions?q=zanzibar", &searcher).await.ids(), ["c1"]);
    let exported = guarded.get("/v1/export", &searcher).await.text();
    assert!(exported.contains("zanzibar") && !exported.contains("\"transcript\""), "{exported}");
    let reader = guarded.key(&["acme"], &[Permission::Read, Permission::Search]);
    assert!(guarded.get("/v1/export", &reader).await.text().contains("\"transcript\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_erases_what_it_sees_and_learns_of_nothing_else() {
    let refund = |id: &str| chat(id, 0, &[(Role::User, "refund")]);
    let guarded = Guarded::new(&[
        of("acme", refund("ours")),
        of("acme", refund("ours too")),
        of("globex", refund("theirs")),
        refund("unknown"),
        Document::tombstone(InteractionId::try_new("erased").unwrap()),
    ]);
    let acme = guarded.key(&["acme"], &[Permission::Erase]);
    let globex = guarded.key(&["globex"], &[Permission::Erase]);
    let all = guarded.key(&["*"], &[Permission::Erase]);
    let erase = async |body: serde_json::Value| {
        let request = Request::post("/v1/erasures").header("authorization", format!("Bearer {acme}"));
        guarded.world.send(request.body(body.to_string().into()).unwrap()).await.json()
    };
    let noted = || std::mem::take(&mut *guarded.world.eraser.0.lock().unwrap());

    let unheard_of = guarded.ask(Method::DELETE, "/v1/interactions/never", Some(&acme)).await;
    assert_eq!(unheard_of.status, StatusCode::NOT_FOUND);
    for id in ["theirs", "unknown", "erased"] {
        let refused = guarded.ask(Method::DELETE, &format!("/v1/interactions/{id}"), Some(&acme)).await;
        assert_eq!(said(&refused), said(&unheard_of), "{id}");
    }
    assert_eq!(noted(), Vec::<String>::new());

    let receipt = erase(json!({"ids": ["ours", "theirs", "unknown", "erased", "never", "ours"]})).await;
    assert_eq!((&receipt["matched"], &receipt["erased"]), (&json!(1), &json!(1)), "{receipt}");
    assert_eq!(noted(), ["ours"]);
    for body in
        [json!({"q": "refund"}), json!({"to": "2100-01-01"}), json!({"organization": ["acme", "globex"]})]
    {
        let receipt = erase(body).await;
        assert_eq!(receipt["matched"], 2, "{receipt}");
        let mut ids = noted();
        ids.sort();
        assert_eq!(ids, ["ours", "ours too"]);
    }
    assert_eq!(erase(json!({"organization": "globex"})).await["matched"], 0);
    assert_eq!(noted(), Vec::<String>::new());

    // A receipt is only shown to those who could have made it.
    let uri = format!("/v1/erasures/{}", receipt["id"].as_str().unwrap());
    let statuses =
        [guarded.get(&uri, &acme).await, guarded.get(&uri, &globex).await, guarded.get(&uri, &all).await];
    let statuses = statuses.map(|answer| answer.status);
    assert_eq!(statuses, [StatusCode::OK, StatusCode::NOT_FOUND, StatusCode::OK]);
    let erased_before = guarded.ask(Method::DELETE, "/v1/interactions/erased", Some(&all)).await.json();
    assert_eq!((&erased_before["matched"], &erased_before["erased"]), (&json!(1), &json!(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_searched_for_is_shown_to_those_who_could_search_it_themselves() {
    let guarded = Guarded::new(&[of("acme", chat("call-1", 0, &[(Role::User, "Ada wants a refund")]))]);
    let searching = guarded.key(&["acme"], &[Permission::Search]);
    for uri in
        ["/v1/interactions?q=Ada+refund&agent=Eve&facets=metadata.Ada", "/v1/overview?q=Ada&metadata.Ada=Ada"]
    {
        assert_eq!(guarded.get(uri, &searching).await.status, StatusCode::OK);
    }
    let refused = guarded.get("/v1/interactions?q=%28Ada", &searching).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let both = [Permission::Metrics, Permission::Search];
    let facts = [Permission::Metrics, Permission::Metadata];
    for (organizations, permissions, may_know) in [
        ("*", &both[..], true),
        ("*", &facts[..], false),
        ("acme", &both[..], false),
        ("acme", &both[..1], false),
    ] {
        let key = guarded.key(&[organizations], permissions);
        let answer = guarded.get("/v1/searches/slowest", &key).await;
        let searches = answer.json()["searches"].as_array().unwrap().clone();
        let of_kind = |kind: &str| searches.iter().find(|search| search["kind"] == kind).unwrap();
        assert_eq!(searches.len(), 2, "{searches:?}");
        assert_eq!(of_kind("search")["shape"], "… … agent=… facets=metadata.… limit=20");
        assert_eq!(of_kind("overview")["shape"], "… metadata.…=… limit=20");
        let q = may_know.then_some("Ada refund");
        assert_eq!(of_kind("search")["q"].as_str(), q, "{organizations} {permissions:?}");
        assert_eq!(of_kind("search")["total"].is_number(), may_know, "{organizations} {permissions:?}");
        assert_eq!(
            answer.text().contains("Ada"),
            may_know,
            "{organizations} {permissions:?}: {}",
            answer.text()
        );
        assert!(!answer.text().contains("Eve"), "{}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cursors_and_views_stay_with_their_organizations() {
    let documents: Vec<_> = (0..6)
        .map(|number| of("acme", chat(&format!("c{number}"), number, &[(Role::User, "refund")])))
        .collect();
    let guarded = Guarded::new(&documents);
    let permissions = [Permission::Search];
    let [acme, globex, every] =
        [&["acme"][..], &["globex"], &["*"]].map(|organizations| guarded.key(organizations, &permissions));
    for sort in ["start_time", "relevance"] {
        let first =
            guarded.get(&format!("/v1/interactions?q=refund&limit=2&sort={sort}"), &acme).await.json();
        let cursor = first["next_cursor"].as_str().unwrap();
        let uri = format!("/v1/interactions?q=refund&limit=2&sort={sort}&cursor={cursor}");
        assert_eq!(guarded.get(&uri, &acme).await.ids().len(), 2);
        assert_eq!(guarded.get(&uri, &globex).await.code(), "invalid_cursor");
        assert_eq!(guarded.get(&uri, &every).await.code(), "invalid_cursor");
    }
    let create = Request::post("/v1/views").header("authorization", format!("Bearer {acme}"));
    let created =
        guarded.world.send(create.body(Body::from(r#"{"name":"secret","query":"q=b"}"#)).unwrap()).await;
    assert_eq!(created.status, StatusCode::CREATED);
    assert!(guarded.get("/v1/views", &acme).await.text().contains("secret"));
    assert!(guarded.get("/v1/views", &every).await.text().contains("secret"));
    assert!(!guarded.get("/v1/views", &globex).await.text().contains("secret"));
    let unknown = guarded.ask(Method::DELETE, "/v1/views/never", Some(&globex)).await;
    let theirs = guarded.ask(Method::DELETE, "/v1/views/secret", Some(&globex)).await;
    assert_eq!((theirs.status, theirs.text()), (unknown.status, unknown.text()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_says_who_did_what_and_not_what_was_said() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("audit.jsonl");
    let keys = LiveKeys::open(KeyFile::new(folder.path().join("keys.toml"))).unwrap();
    let documents = [of("acme", chat("a b/c", 0, &[(Role::User, "zanzibar")]))];
    let world = World::audited(keys.clone(), &documents, AuditLog::open(path.clone()).unwrap());
    let guarded = Guarded { world, keys, _folder: folder };
    let key = guarded.key(&["acme"], &[Permission::Search, Permission::Read, Permission::Erase]);
    let view = Request::post("/v1/views").header("authorization", format!("Bearer {key}"));
    let view = view.body(Body::from(r#"{"name":"mine","query":"q=zanzibar"}"#)).unwrap();
    let view = guarded.world.send(view).await;
    assert_eq!(view.status, StatusCode::CREATED);
    for (method, uri) in [
        (Method::GET, "/v1/interactions?q=zanzibar"),
        (Method::GET, "/v1/interactions/a%20b%2Fc"),
        (Method::GET, "/v1/export?q=zanzibar"),
        (Method::GET, "/healthz"),
        (Method::GET, "/v1/interactions/x"),
        (Method::POST, "/v1/events?zanzibar"),
        (Method::POST, "/v1/webhooks/vapi"),
    ] {
        guarded.ask(method, uri, Some(&key)).await;
    }
    let erasure = Request::post("/v1/erasures").header("authorization", format!("Bearer {key}"));
    let erasure = guarded.world.send(erasure.body(Body::from(r#"{"ids":["a b/c"]}"#)).unwrap()).await;
    let receipt = erasure.json()["id"].as_str().unwrap().to_owned();
    // A client without a valid key achieves nothing, and could only fill the log.
    guarded.ask(Method::GET, "/v1/interactions", None).await;
    guarded.ask(Method::POST, "/v1/webhooks/vapi", None).await;
    let Guarded { world, _folder, .. } = guarded;
    drop(world); // waits until everything is written
    assert_eq!(hearken_query::audit::check(&path).unwrap().last, 8);
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let named = view.headers["x-request-id"].to_str().unwrap();
    assert_eq!(lines[0]["request_id"], named, "as the answer and the server's log call it");
    let told: Vec<_> = lines
        .iter()
        .map(|line| (line["action"].as_str().unwrap(), line["object"].as_str(), line["status"].as_u64()))
        .collect();
    assert_eq!(
        told,
        [
            ("POST /v1/views", Some("mine"), Some(201)),
            ("GET /v1/interactions", None, Some(200)),
            ("GET /v1/interactions/{*id}", Some("a b/c"), Some(200)),
            ("GET /v1/export", None, Some(200)),
            ("GET /v1/interactions/{*id}", Some("x"), Some(404)),
            ("POST /v1/events", None, Some(403)),
            ("POST /v1/webhooks/{platform}", Some("vapi"), Some(403)),
            ("POST /v1/erasures", Some(receipt.as_str()), Some(200)),
        ]
    );
    assert!(lines[..6].iter().all(|line| line["key"].as_str() == key.split('_').nth(1)));
    assert!(!text.contains("zanzibar") && !text.contains(key.rsplit('_').next().unwrap()), "{text}");
}
