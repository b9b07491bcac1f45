//! Organizations do not leak: every answer is that of a server which holds only what the key may see.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use hearken_model::{Document, Role, Scalar};
use hearken_query::keys::Permission;
use serde_json::{Value, json};

use crate::keys::{Guarded, of};
use crate::streams::Events;
use crate::world::{Answer, chat, encoded};

/// A request: method, address and body.
#[derive(Debug, Clone)]
struct Asked {
    method: Method,
    uri: String,
    body: Option<Value>,
}

impl Asked {
    fn get(uri: impl Into<String>) -> Self {
        Asked { method: Method::GET, uri: uri.into(), body: None }
    }

    fn post(uri: &str, body: Value) -> Self {
        Asked { method: Method::POST, uri: uri.to_owned(), body: Some(body) }
    }

    fn tool(name: &str, arguments: Value) -> Self {
        let params = json!({"name": name, "arguments": arguments});
        Asked::post("/mcp", json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}))
    }

    async fn answer(&self, guarded: &Guarded, key: &str) -> Answer {
        let request = Request::builder().method(&self.method).uri(&self.uri);
        let request = request.header("authorization", format!("Bearer {key}"));
        let body = self.body.as_ref().map_or(Body::empty(), |body| Body::from(body.to_string()));
        guarded.world.send(request.body(body).unwrap()).await
    }
}

/// An answer's content, without what differs between moments, requests or accesses.
pub(crate) fn said(answer: &Answer) -> (StatusCode, String) {
    let text = answer.text();
    let told = match serde_json::from_str(&text) {
        Ok(mut json) => {
            take_out_what_differs(&mut json);
            json.to_string()
        }
        Err(_) => format!("{:x?}", answer.body), // Parquet is not text
    };
    (answer.status, told)
}

fn take_out_what_differs(json: &mut Value) {
    match json {
        Value::Object(object) => {
            object.remove("took_ms");
            if let Some(cursor) = object.get_mut("next_cursor") {
                *cursor = (!cursor.is_null()).into();
            }
            if object.contains_key("out_of_reach") {
                // A receipt.
                ["id", "erased_at", "verified_at"].iter().for_each(|name| drop(object.remove(*name)));
            }
            object.values_mut().for_each(take_out_what_differs);
        }
        Value::Array(values) => values.iter_mut().for_each(take_out_what_differs),
        // A tool's answer is JSON in a text.
        Value::String(text) if text.starts_with('{') => {
            if let Ok(mut inner) = serde_json::from_str(text) {
                take_out_what_differs(&mut inner);
                *text = inner.to_string();
            }
        }
        _ => {}
    }
}

/// Forty interactions of three organizations and of none, the same in every run.
fn generated() -> Vec<Document> {
    const ORGANIZATIONS: [&str; 3] = ["acme", "globex", "Acme"];
    const WORDS: [&str; 5] = ["refund", "zanzibar", "delivery", "refunds", "klaus"];
    let mut seed = 7_u64;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    let mut documents = Vec::new();
    for number in 0..40 {
        let text = format!("{} {}", WORDS[random(5)], WORDS[random(5)]);
        let mut document = chat(&format!("id-{number}"), number, &[(Role::User, text.as_str())]);
        let head = &mut document.derived.head;
        head.organization = ORGANIZATIONS.get(random(4)).map(|name| (*name).to_owned());
        head.country = Some(["Germany", "France", "Peru"][random(3)].to_owned());
        head.agent = Some(format!("agent-{}", random(4)));
        head.csat = Some(1 + random(5) as u8);
        head.metadata.insert(format!("key{}", random(3)), Scalar::Text(WORDS[random(5)].to_owned()));
        documents.push(document);
    }
    documents
}

/// Every kind of request about interactions.
fn questions() -> Vec<Asked> {
    let searches = [
        "",
        "q=refund",
        "q=zanzibar%20OR%20klaus",
        "q=refnud~1",
        "q=zan*",
        "q=-refund",
        "q=organization:globex",
        "q=metadata.key1:*",
        "organization=globex",
        "-organization=acme",
        "organization=",
        "country=Germany&country=Peru",
        "metadata.key0=klaus",
        "csat=[2%20TO%204]",
        "id=id-3&id=id-4&id=id-5&id=id-6",
        "q=id-3",
        "q=id-4",
        "q=id-5",
        "q=(",
        "q=contry:x",
        "q=metadata.kez1:x",
        "to=2026-05-01T10:20:00Z",
    ];
    let facets = "facets=organization,country,agent,metadata.key0,metadata.key1&ranges=csat:2,4&ranges=start_time:hour";
    let mut asked: Vec<_> =
        (0..40).map(|number| Asked::get(format!("/v1/interactions/id-{number}?q=refund"))).collect();
    for search in searches {
        asked.push(Asked::get(format!("/v1/interactions?{search}&{facets}&sort=start_time&limit=100")));
        asked.push(Asked::get(format!("/v1/interactions?{search}&sort=-csat&limit=3")));
        asked.push(Asked::get(format!("/v1/overview?{search}&interval=hour")));
        for format in ["ndjson", "csv", "parquet"] {
            asked.push(Asked::get(format!("/v1/export?{search}&format={format}&sort=start_time")));
        }
    }
    let facets = ["organization", "country", "agent", "metadata.key0"];
    for group in [
        json!({}),
        json!({"q": "refund"}),
        json!({"q": "zanzibar"}),
        json!({"q": "id-5"}),
        json!({"filters": {"organization": "globex"}}),
        json!({"filters": {"-organization": "acme"}}),
        json!({"filters": {"country": ["Germany", "Peru"]}}),
    ] {
        let with = |more: Value| {
            let mut arguments = group.as_object().unwrap().clone();
            arguments.extend(more.as_object().unwrap().clone());
            Value::Object(arguments)
        };
        let mut search = with(json!({"facets": facets, "sort": "start_time"}));
        let filters = search.as_object_mut().unwrap().remove("filters");
        search.as_object_mut().unwrap().extend(filters.iter().flat_map(|it| it.as_object().unwrap().clone()));
        asked.push(Asked::post("/v1/search", search));
        asked.push(Asked::tool("search", with(json!({"sort": "start_time", "limit": 100}))));
        asked.push(Asked::tool("facets", with(json!({"facets": facets}))));
        asked.push(Asked::tool("overview", with(json!({"facets": facets, "interval": "hour"}))));
        asked.push(Asked::tool("compare", json!({"first": group, "second": {}, "facets": facets})));
    }
    asked.extend((0..10).map(|number| Asked::tool("show", json!({"id": format!("id-{number}")}))));
    asked
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_cannot_tell_that_other_organizations_exist() {
    let (documents, questions) = (generated(), questions());
    let permissions = [Permission::Search, Permission::Read];
    let all = Guarded::new(&documents);
    for organizations in [&["acme"][..], &["globex"], &["acme", "Acme"], &["globex", "nobody"], &["nobody"]] {
        let is_seen = |document: &&Document| {
            document.derived.head.organization.as_deref().is_some_and(|name| organizations.contains(&name))
        };
        let seen: Vec<_> = documents.iter().filter(is_seen).cloned().collect();
        let alone = Guarded::new(&seen);
        let (limited, unlimited) = (all.key(organizations, &permissions), alone.key(&["*"], &permissions));
        for asked in &questions {
            let among_others = asked.answer(&all, &limited).await;
            let by_itself = asked.answer(&alone, &unlimited).await;
            assert_eq!(said(&among_others), said(&by_itself), "{organizations:?}: {asked:?}");
        }
    }
}

/// Words in places that the stranger may not know about, each in a different place.
const PLANTED: [&str; 11] = [
    "plantedword",
    "plantedtopic",
    "plantedsummary",
    "plantedkeyword",
    "plantedcomment",
    "planteduser",
    "plantedagent",
    "plantedcountry",
    "plantedkey",
    "plantedvalue",
    "plantedorg",
];

fn planted() -> Document {
    let mut document = of("plantedorg", chat("planted-id", 0, &[(Role::User, "my plantedword, please")]));
    let head = &mut document.derived.head;
    head.topics_summary.topic = Some("plantedtopic".to_owned());
    head.topics_summary.summary = Some("a plantedsummary".to_owned());
    head.topics_summary.keywords = vec!["plantedkeyword".to_owned()];
    head.rating_comment = Some("plantedcomment".to_owned());
    head.user_id = Some("planteduser".to_owned());
    head.agent = Some("plantedagent".to_owned());
    head.country = Some("plantedcountry".to_owned());
    head.csat = Some(5);
    head.metadata.insert("plantedkey".to_owned(), Scalar::Text("plantedvalue".to_owned()));
    document
}

/// What a stranger may request of a route to learn about what was planted, and about what never existed.
fn tries(method: &Method, path: &str, receipt: &str) -> Vec<Asked> {
    let ids = ["planted-id", "never-was"];
    let words: Vec<String> = PLANTED
        .iter()
        .map(|word| format!("q={word}"))
        .chain(PLANTED.iter().map(|word| format!("q={}*", &word[..8])))
        .chain(
            ["", "q=planted-id", "q=planetdword~2", "q=plantedkey:x", "q=metadata.plantedkey:*"]
                .map(str::to_owned),
        )
        .chain(
            ["organization=plantedorg", "country=plantedcountry", "metadata.plantedkey=plantedvalue"]
                .map(str::to_owned),
        )
        .collect();
    let searches = |more: &str| -> Vec<_> {
        words.iter().map(|search| Asked::get(format!("{path}?{search}&{more}"))).collect()
    };
    let bodies = |bodies: &[Value]| -> Vec<_> {
        bodies
            .iter()
            .map(|body| Asked { method: method.clone(), uri: path.to_owned(), body: Some(body.clone()) })
            .collect()
    };
    let named = |names: &[&str], body: Option<Value>| -> Vec<_> {
        let base = path.split('{').next().unwrap();
        let asked = |name: &&str| Asked {
            method: method.clone(),
            uri: format!("{base}{}", encoded(name)),
            body: body.clone(),
        };
        names.iter().map(asked).collect()
    };
    let facets = "facets=organization,country,agent,topic,keywords,user_id,metadata.plantedkey&ranges=csat:3";
    match (method.as_str(), path) {
        ("GET", "/v1/interactions") => searches(facets),
        ("GET", "/v1/overview") => searches("facets=country,organization"),
        ("GET", "/v1/export") => ["ndjson", "csv", "parquet"]
            .iter()
            .flat_map(|format| searches(&format!("format={format}")))
            .collect(),
        ("POST", "/v1/search") => bodies(&[
            json!({"facets": ["organization", "country", "metadata.plantedkey"]}),
            json!({"q": "plantedword"}),
            json!({"q": "planted-id"}),
            json!({"organization": "plantedorg"}),
        ]),
        ("GET" | "DELETE", "/v1/interactions/{id}") => named(&ids, None),
        ("GET" | "DELETE", "/v1/interactions/") => ids
            .iter()
            .map(|id| Asked { method: method.clone(), uri: format!("{path}?id={id}"), body: None })
            .collect(),
        ("POST", "/v1/erasures") => bodies(&[
            json!({"ids": ids}),
            json!({"q": "plantedword"}),
            json!({"organization": "plantedorg"}),
            json!({"to": "2100-01-01"}),
        ]),
        ("GET", "/v1/erasures/{id}") => named(&[receipt, "never-was"], None),
        ("GET", "/v1/views") => vec![Asked::get(path)],
        ("PATCH", "/v1/views/{name}") => named(&["plantedview", "never-was"], Some(json!({"query": "q=b"}))),
        ("DELETE", "/v1/views/{name}") => named(&["plantedview", "never-was"], None),
        ("POST", "/v1/views") => bodies(&[json!({"name": "plantedview", "query": "q=a"})]),
        ("POST", "/mcp") => {
            let group = json!({"q": "plantedword OR planted*"});
            vec![
                Asked::tool("search", json!({"q": "plantedword"})),
                Asked::tool("search", json!({"q": "planted-id"})),
                Asked::tool("show", json!({"id": "planted-id"})),
                Asked::tool("facets", json!({"facets": ["organization", "country", "metadata.plantedkey"]})),
                Asked::tool("overview", json!({"interval": "hour"})),
                Asked::tool("compare", json!({"first": group, "second": {}, "facets": ["country"]})),
            ]
        }
        // What may be said about an interaction is decided where events are accepted (ingest/tests/log.rs); here there
        // is no sink, and everyone is told so alike.
        ("POST", "/v1/events" | "/v1/logs" | "/v1/traces") => {
            bodies(&[json!({"event": "interaction.ended", "interaction_id": "planted-id"})])
        }
        ("POST", "/v1/webhooks/{platform}") => named(&["vapi"], Some(json!({}))),
        // A stream has no end: `a_stream_reveals_nothing_of_other_organizations`.
        ("GET", "/v1/stream") => Vec::new(),
        // Numbers about the whole server, which have their own permission.
        ("GET", "/metrics") => vec![Asked::get(path)],
        // `what_others_searched_for_is_shown_to_those_who_could_search_it_themselves`.
        ("GET", "/v1/searches/slowest") => Vec::new(),
        ("GET", "/healthz" | "/readyz" | "/openapi.json") => vec![Asked::get(path)],
        _ => panic!("say here what a stranger may ask of `{method} {path}`"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_answers_a_stranger_as_if_nothing_was_there() {
    let (full, empty) = (Guarded::new(&[planted(), planted_too()]), Guarded::new(&[]));
    let owner = full.key(&["plantedorg"], &[Permission::Search, Permission::Erase]);
    let view = Asked::post("/v1/views", json!({"name": "plantedview", "query": "q=plantedword"}));
    assert_eq!(view.answer(&full, &owner).await.status, StatusCode::CREATED);
    let erasure = Asked::post("/v1/erasures", json!({"q": "plantedword"})).answer(&full, &owner).await.json();
    assert_eq!(erasure["matched"], 1, "the words can be found by those who may: {erasure}");
    full.world.eraser.0.lock().unwrap().clear();

    let permissions: Vec<_> =
        Permission::ALL.iter().copied().filter(|permission| *permission != Permission::Metrics).collect();
    let strangers = [&full, &empty].map(|guarded| guarded.key(&["initech"], &permissions));
    let description = Asked::get("/openapi.json").answer(&full, &strangers[0]).await.json();
    let described = description["paths"].as_object().unwrap().iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().keys().filter_map(|name| name.to_uppercase().parse().ok());
        methods.map(move |method: Method| (path.clone(), method))
    });
    let table = hearken_query::http::routes();
    let known = table.table().iter().map(|route| (route.path.replace("{*id}", "{id}"), route.method.clone()));
    // What the stranger creates comes last: a view with the same name is theirs alone.
    let routes: BTreeMap<_, _> = described
        .chain(known)
        .map(|(path, method)| ((method == Method::POST, path, method.to_string()), method))
        .collect();
    let mut num_asked = 0;
    for ((_, path, _), method) in routes {
        for asked in tries(&method, &path, erasure["id"].as_str().unwrap()) {
            let told = asked.answer(&full, &strangers[0]).await;
            let nothing = asked.answer(&empty, &strangers[1]).await;
            assert_eq!(said(&told), said(&nothing), "{asked:?}");
            let question = format!("{} {}", asked.uri, asked.body.unwrap_or_default());
            for word in PLANTED.iter().filter(|word| !question.contains(**word)) {
                assert!(!told.text().contains(word), "{question} was told `{word}`");
            }
            num_asked += 1;
        }
    }
    assert!(num_asked > 100, "{num_asked}");
    assert_eq!(*full.world.eraser.0.lock().unwrap(), Vec::<String>::new(), "a stranger erased something");
}

/// One of no known organization, visible only to keys for all.
fn planted_too() -> Document {
    let mut document = planted();
    let id = hearken_model::InteractionId::try_new("planted-id-2").unwrap();
    document.state.id = id;
    document.derived.head.id = "planted-id-2".to_owned();
    document.derived.head.organization = None;
    document
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_reveals_nothing_of_other_organizations() {
    let mut guarded = Guarded::new(&[planted()]);
    let permissions = [Permission::Search];
    let key = guarded.key(&["initech"], &permissions);
    let open = async |guarded: &Guarded, id: Option<&str>| {
        Events::open_with(&guarded.world, "/v1/stream?q=refund", id, Some(&key)).await
    };
    let mut events = open(&guarded, None).await;
    let (_, start, _) = events.next().await;
    let theirs = of("plantedorg", chat("planted-id-3", 1, &[(Role::User, "refund of plantedword")]));
    let ours = of("initech", chat("ours", 2, &[(Role::User, "refund")]));
    guarded.world.put(&[theirs, planted_too(), ours]);
    assert_eq!(events.next().await.2["id"], "ours");
    let mut events = open(&guarded, Some(&start)).await;
    events.next().await;
    assert_eq!(events.next().await.2["id"], "ours", "nor does a client that comes back hear of them");
}
