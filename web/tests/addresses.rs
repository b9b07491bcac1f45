//! The pages' own addresses, requested as a browser would.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use hearken_index::checkpoint::Checkpoint;
use hearken_index_tantivy::{Index, IndexWriter};
use hearken_model::{Document, Event, InteractionId, MessageTime, MessageUpdate, Role, State, Timestamp};
use hearken_query::AppState;
use hearken_query::http::{Gate, Peer, SignOn};
use hearken_query::keys::{KeyFile, LiveKeys, NewKey, Permission};
use percent_encoding::percent_decode_str;
use tempfile::TempDir;
use tower::ServiceExt;

struct Pages {
    router: Router,
    _writer: IndexWriter,
    _directory: TempDir,
}

impl Pages {
    fn new(documents: &[Document]) -> Pages {
        Pages::behind(Gate::default(), documents)
    }

    fn behind(gate: Gate, documents: &[Document]) -> Pages {
        let directory = TempDir::new().unwrap();
        let (mut writer, reader) = Index::open(directory.path(), |_| {}).unwrap();
        for document in documents {
            writer.put(document.clone());
        }
        writer.refresh(&Checkpoint::default()).unwrap();
        let state =
            AppState::builder(Arc::new(reader), prometheus::Registry::new()).gate(gate).build().unwrap();
        let routes = hearken_query::http::routes().merge(hearken_web::routes());
        let router = hearken_query::http::finish(routes, state);
        Pages { router, _writer: writer, _directory: directory }
    }

    async fn get(&self, address: &str) -> (StatusCode, String) {
        self.send(Request::get(address).body(Body::empty()).unwrap()).await
    }

    async fn send(&self, request: Request<Body>) -> (StatusCode, String) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8_lossy(&body).into_owned())
    }
}

fn chat(id: &str) -> Document {
    let id = InteractionId::try_new(id).unwrap();
    let said = MessageUpdate::new(MessageTime::At(Timestamp::EPOCH), Role::User, format!("hello {id}"));
    let mut event = Event::new(id.clone(), Timestamp::EPOCH, Timestamp::EPOCH);
    event.messages.push(("m1".to_owned(), said));
    let mut state = State::new(id.clone());
    state.fold(event, None).unwrap();
    let mut document = Document::new(state);
    document.derived.head.id = id.to_string();
    document
}

/// The values of an attribute in a page, unescaped.
fn values(page: &str, attribute: &str) -> Vec<String> {
    let before = format!(" {attribute}=\"");
    let values = page.split(&before).skip(1).filter_map(|rest| rest.split('"').next());
    let unescaped = |value: &str| {
        value.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    };
    values.map(unescaped).collect()
}

/// What the URL standard does to a path: `.` and `..` are removed, percent-encoded or not.
fn as_browsers_ask(address: &str) -> String {
    let (path, query) = address.split_once('?').map_or((address, None), |(path, query)| (path, Some(query)));
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/').skip(1) {
        match &*percent_decode_str(segment).decode_utf8_lossy() {
            ".." => drop(segments.pop()),
            "." => {}
            _ => segments.push(segment),
        }
    }
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    format!("/{}{query}", segments.join("/"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_interaction_in_the_list_opens_whatever_its_id() {
    let cjk = "退".repeat(170) + "ab";
    let ids = [
        "stream", "a/b", "/a", "a//b", "a/text", "a?q=b", "a#b", "100%", "%2F", "a b", "a+b", "a&b=c", ".",
        "..", "../a", "a/../b", "\\", "\"><b>", &cjk,
    ];
    let documents: Vec<Document> = ids.iter().map(|id| chat(id)).collect();
    let pages = Pages::new(&documents);
    let (status, list) = pages.get("/?q=hello&limit=100").await;
    assert_eq!(status, StatusCode::OK);
    let rows: Vec<&str> = list.split("<li class=\"row\"").skip(1).collect();
    assert_eq!(rows.len(), ids.len());
    for row in rows {
        let row = format!(" {row}");
        let id = values(&row, "data-id").remove(0);
        let href = values(&row, "href").remove(0);
        assert!(ids.contains(&&*id), "{id}");
        let (status, page) = pages.get(&as_browsers_ask(&href)).await;
        assert_eq!(status, StatusCode::OK, "{href}");
        assert!(page.contains("<mark>hello</mark>"), "{href}");
        let article = page.split("<article").nth(1).unwrap();
        assert_eq!(values(article, "data-id")[0], id);
        let links = values(article, "href");
        let json = links.iter().find(|link| link.starts_with("/v1/interactions/")).unwrap();
        let (_, json) = pages.get(&as_browsers_ask(json)).await;
        assert!(json.starts_with("{\"id\":"), "{json}");
        let text = links.iter().find(|link| link.contains("format=text")).unwrap();
        let (_, text) = pages.get(&as_browsers_ask(text)).await;
        assert!(text.starts_with(&format!("Interaction: {id}\n")), "{text}");
    }
    for nothing in ["/interactions/b", "/interactions/%FF", "/interactions/", "/interactions/?id=b"] {
        assert_eq!(pages.get(nothing).await.0, StatusCode::NOT_FOUND, "{nothing}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_whom_a_proxy_signs_on_sees_pages_and_what_is_theirs() {
    let folder = TempDir::new().unwrap();
    let keys = LiveKeys::open(KeyFile::new(folder.path().join("keys.toml"))).unwrap();
    let sign_on = SignOn::new("X-User", "X-Groups", &["metadata".to_owned()]).unwrap();
    let gate = Gate::with_keys(keys).signed_on_by_proxy(Some(sign_on));
    let of = |organization: &str| {
        let mut document = chat(organization);
        document.derived.head.organization = Some(organization.to_owned());
        document
    };
    let pages = Pages::behind(gate, &[of("acme"), of("globex")]);
    let asked = async |address: &str, is_vouched_for: bool| {
        let request = Request::get(address).header("x-user", "Ann").header("x-groups", "acme");
        let mut request = request.body(Body::empty()).unwrap();
        let peer = Peer::direct("192.0.2.1".parse().unwrap(), true);
        request.extensions_mut().insert(Peer { is_vouched_for, ..peer });
        pages.send(request).await
    };
    let (status, page) = asked("/", true).await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("<bdi>Ann</bdi>") && page.contains("Signed in for acme"), "{page}");
    assert!(page.contains("/interactions/acme") && !page.contains("globex"), "{page}");
    let (_, account) = asked("/account", true).await;
    assert!(account.contains("Signed in by the proxy") && !account.contains("Sign out"), "{account}");
    // Readers who may not see what was said still get the rest, whatever they searched for.
    let (status, page) = asked("/interactions/acme?q=organization:acme", true).await;
    assert_eq!(status, StatusCode::OK, "{page}");
    assert!(!page.contains("hello acme") && !page.contains("format=text"), "{page}");
    assert_eq!(asked("/interactions/globex", true).await.0, StatusCode::NOT_FOUND);

    for address in ["/", "/account", "/interactions/acme"] {
        let (status, page) = asked(address, false).await;
        assert_eq!((status, page.as_str()), (StatusCode::SEE_OTHER, ""), "a stranger is led to sign in");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_begins_with_a_key_and_ends_when_its_reader_signs_out() {
    let folder = TempDir::new().unwrap();
    let file = KeyFile::new(folder.path().join("keys.toml"));
    let new = NewKey {
        name: "Team Ada".to_owned(),
        organizations: vec!["*".to_owned()],
        permissions: [Permission::Search].into_iter().collect(),
        expires: None,
    };
    let (_, token) = file.create(new).unwrap();
    let pages = Pages::behind(Gate::with_keys(LiveKeys::open(file).unwrap()), &[chat("c1")]);
    let form = |path: &str, site: &str, cookie: &str| {
        let body = format!("key={}&to=%2F%3Fq%3Dhello", token.expose());
        let request = Request::post(path).header("sec-fetch-site", site).header("cookie", cookie);
        pages.router.clone().oneshot(request.body(Body::from(body)).unwrap())
    };
    let list = async |cookie: &str| {
        pages.send(Request::get("/").header("cookie", cookie).body(Body::empty()).unwrap()).await
    };
    let forged = form("/signin", "cross-site", "").await.unwrap();
    assert!(forged.status() == StatusCode::FORBIDDEN && !forged.headers().contains_key("set-cookie"));
    let signed_in = form("/signin", "same-origin", "").await.unwrap();
    assert_eq!(
        (signed_in.status(), signed_in.headers()["location"].to_str().unwrap()),
        (StatusCode::SEE_OTHER, "/?q=hello")
    );
    let set = signed_in.headers()["set-cookie"].to_str().unwrap();
    assert!(
        set.contains("HttpOnly") && set.contains("SameSite=Strict") && !set.contains(token.expose()),
        "{set}"
    );
    let cookie = set.split(';').next().unwrap();
    let (status, page) = list(cookie).await;
    assert!(status == StatusCode::OK && page.contains("Team Ada"), "{page}");

    assert_eq!(form("/signout", "cross-site", cookie).await.unwrap().status(), StatusCode::FORBIDDEN);
    assert_eq!(list(cookie).await.0, StatusCode::OK, "another site cannot sign anyone out");
    let signed_out = form("/signout", "same-origin", cookie).await.unwrap();
    assert!(signed_out.headers()["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(list(cookie).await.0, StatusCode::SEE_OTHER, "a cookie kept after signing out is worthless");
}

/// A page without the parts that differ from one request to the next.
fn lasting(page: &str) -> String {
    let mut page = page.to_owned();
    for (before, behind) in [("data-point=\"", "\""), ("<span class=\"faint\"> · ", "</span>")] {
        let mut parts = page.split(before);
        let mut lasting = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            lasting.push_str(before);
            lasting.push_str(part.split_once(behind).map_or(part, |(_, rest)| rest));
        }
        page = lasting;
    }
    page
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_shows_a_stranger_what_it_shows_where_nothing_is() {
    let folder = TempDir::new().unwrap();
    let gate = || {
        let keys = LiveKeys::open(KeyFile::new(folder.path().join("keys.toml"))).unwrap();
        let permissions = ["search", "read", "erase"].map(str::to_owned);
        let sign_on = SignOn::new("X-User", "X-Groups", &permissions).unwrap();
        Gate::with_keys(keys).signed_on_by_proxy(Some(sign_on))
    };
    let mut planted = chat("planted-id");
    let head = &mut planted.derived.head;
    head.organization = Some("plantedorg".to_owned());
    head.agent = Some("plantedagent".to_owned());
    head.country = Some("plantedcountry".to_owned());
    head.start_time = Some(Timestamp::EPOCH);
    head.topics_summary.topic = Some("plantedtopic".to_owned());
    let (full, empty) = (Pages::behind(gate(), &[planted]), Pages::behind(gate(), &[]));
    let asked = async |pages: &Pages, groups: &str, request: axum::http::request::Builder, body: &str| {
        let request = request.header("x-user", "Ann").header("x-groups", groups);
        let mut request = request.body(Body::from(body.to_owned())).unwrap();
        let peer = Peer::direct("192.0.2.1".parse().unwrap(), true);
        request.extensions_mut().insert(Peer { is_vouched_for: true, ..peer });
        pages.send(request).await
    };
    let form = |path: &str| {
        Request::post(path).header("content-type", "application/x-www-form-urlencoded").header("host", "a")
    };
    let view = "do=create&name=plantedview&query=q%3Dhello";
    let (status, answer) = asked(&full, "plantedorg", form("/views"), view).await;
    assert!(status.is_redirection(), "{status} {answer}");
    let (_, list) = asked(&full, "plantedorg", Request::get("/?q=hello"), "").await;
    assert!(list.contains("planted-id") && list.contains("plantedview"), "its owner sees it: {list}");

    for route in hearken_web::routes().table() {
        let tries: &[&str] = match (route.method.as_str(), route.path) {
            ("GET", "/") => &[
                "/",
                "/?q=hello",
                "/?q=planted-id",
                "/?q=plantdtopic~1",
                "/?q=plantedorg:x",
                "/?country=plantedcountry",
                "/?agent=plantedagent",
                "/?from=1970-01-01",
                "/?sort=start_time",
            ],
            ("GET", "/overview") => {
                &["/overview", "/overview?q=hello", "/overview?from=1970-01-01&to=1971-01-01"]
            }
            ("GET", "/views") => &["/views"],
            ("GET", "/views/{name}") => &["/views/plantedview", "/views/never-was"],
            ("GET", "/interactions/{*id}") => &[
                "/interactions/planted-id",
                "/interactions/planted-id?q=hello",
                "/interactions/planted-id?format=text",
                "/interactions/never-was",
            ],
            ("GET", "/interactions/") => &["/interactions/?id=planted-id"],
            ("GET", "/erase") => &["/erase?id=planted-id", "/erase?id=never-was"],
            ("GET", "/erasures/{id}") => &["/erasures/never-was"],
            // These are about keys and sessions, not about interactions.
            ("GET", "/account" | "/signin" | "/assets/{version}/{name}") => &[],
            // Forms do what the API does; those that name a view are tested below.
            ("POST", _) => &[],
            (method, path) => panic!("say here what a stranger may ask of `{method} {path}`"),
        };
        for address in tries {
            let (status, page) = asked(&full, "initech", Request::get(*address), "").await;
            let (same_status, nothing) = asked(&empty, "initech", Request::get(*address), "").await;
            assert_eq!((status, lasting(&page)), (same_status, lasting(&nothing)), "{address}");
        }
    }
    for view in ["do=rename&view=plantedview&name=mine", "do=delete&view=plantedview"] {
        let told = asked(&full, "initech", form("/views"), view).await;
        assert_eq!(told, asked(&empty, "initech", form("/views"), view).await, "{view}");
    }
    let (_, list) = asked(&full, "plantedorg", Request::get("/views"), "").await;
    assert!(list.contains("plantedview"), "a stranger deleted it");
}

#[tokio::test(flavor = "multi_thread")]
async fn erasing_asks_first_and_only_pages_of_ours_may_ask() {
    let pages = Pages::new(&[chat("a/b?c")]);
    let (status, page) = pages.get("/erase?id=a%2Fb%3Fc").await;
    assert_eq!(status, StatusCode::OK);
    assert!(
        page.contains("This cannot be undone.") && page.contains("name=\"id\" value=\"a/b?c\""),
        "{page}"
    );
    assert_eq!(pages.get("/erase?id=b").await.0, StatusCode::NOT_FOUND);
    assert_eq!(pages.get("/erasures/b").await.0, StatusCode::NOT_FOUND);
    let post = |site: &str, body: &'static str| {
        Request::post("/erase").header("sec-fetch-site", site).body(Body::from(body)).unwrap()
    };
    assert_eq!(pages.send(post("cross-site", "id=a%2Fb%3Fc")).await.0, StatusCode::FORBIDDEN);
    assert_eq!(pages.send(post("same-origin", "id=b")).await.0, StatusCode::NOT_FOUND);
    // Nobody may erase on this server, and the page says so.
    let (status, page) = pages.send(post("same-origin", "id=a%2Fb%3Fc")).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(page.contains("This server cannot erase."), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_of_an_interaction_leads_to_its_neighbours_across_pages() {
    let documents: Vec<Document> = (0..44).map(|idx| chat(&format!("c{idx}"))).collect();
    let pages = Pages::new(&documents);
    let link = |page: &str, rel: &str| {
        let tag =
            page.split('<').find(|tag| tag.starts_with("a ") && tag.contains(&format!("rel=\"{rel}\"")));
        values(tag.unwrap(), "href").remove(0)
    };
    let place = |page: &str| page.split("id=\"place\">").nth(1).unwrap_or(page)[..8].to_owned();
    for list in ["/?q=hello", "/?sort=start_time&agent="] {
        let (_, first) = pages.get(list).await;
        let (_, second) = pages.get(&link(&first, "next")).await;
        let row = format!(" {}", second.split("<li class=\"row\"").nth(1).unwrap());
        let (status, page) = pages.get(&values(&row, "href")[0]).await;
        assert_eq!((status, place(&page).as_str()), (StatusCode::OK, "21 of 44"), "{list}");
        let (_, before) = pages.get(&link(&page, "prev")).await;
        assert_eq!(place(&before), "20 of 44", "{list}");
        let (_, again) = pages.get(&link(&before, "next")).await;
        assert_eq!(place(&again), "21 of 44", "{list}");
        let id = |page: &str| values(page.split("<article").nth(1).unwrap(), "data-id")[0].clone();
        assert_eq!(id(&again), id(&page), "{list}");
    }
}

#[tokio::test]
async fn an_unknown_address_answers_a_browser_with_a_page_and_a_program_with_a_problem() {
    let pages = Pages::new(&[]);
    for (address, accept, media_type) in [
        ("/nothing", "text/html,*/*;q=0.8", "text/html; charset=utf-8"),
        ("/nothing", "*/*", "application/problem+json"),
        ("/v1/nothing", "text/html", "application/problem+json"),
    ] {
        let request = Request::get(address).header("accept", accept).body(Body::empty()).unwrap();
        let response = pages.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert_eq!(response.headers()["content-type"], media_type, "{address} {accept}");
    }
}
