use axum::http::StatusCode;
use hearken_model::{Document, Role};
use serde_json::json;

use crate::streams::Events;
use crate::world::{World, chat, documents, encoded, small};

#[tokio::test(flavor = "multi_thread")]
async fn a_search_answers_what_the_reference_names() {
    let world = small();
    let answer = world.get("/v1/interactions?q=refund&facets=sentiment,country&limit=1").await;
    assert_eq!(answer.status, StatusCode::OK);
    let json = answer.json();
    assert_eq!(json["total"], 1);
    assert!(json["took_ms"].is_number());
    assert_eq!(json["next_cursor"], json!(null));
    let item = &json["items"][0];
    assert_eq!(item["id"], "refund/1 ä");
    assert_eq!(item["start_time"], "2026-05-01T10:00:00Z");
    assert_eq!(item["total_costs"]["amount"], "0.10");
    assert!(item.get("transcript").is_none());
    let marked = &item["highlights"][0];
    assert_eq!(
        (&marked["message_id"], &marked["role"], &marked["offset_ms"]),
        (&json!("m0"), &json!("user"), &json!(0))
    );
    assert_eq!(marked["fragments"][0], "I want a &lt;b&gt;<mark>refund</mark>&lt;/b&gt;, order 55-A12");
    assert_eq!(item["highlights"][1]["fragments"][0], "Your <mark>refunds</mark> are on the way");
    let facets = answer.text();
    assert!(
        facets.contains(r#""facets":{"sentiment":[{"value":"negative","count":1}],"country":[{"value":"Germany","count":1}]}"#),
        "{facets}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_are_any_of_inside_a_field_and_all_of_between() {
    let world = small();
    for (parameters, ids) in [
        ("country=Germany", vec!["praise-3", "refund/1 ä"]),
        ("country=Germany&country=France", vec!["praise-3", "delivery-2", "refund/1 ä"]),
        ("country=Germany&sentiment=positive", vec!["praise-3"]),
        ("country=", vec!["chinese-4"]),
        ("-country=Germany", vec!["chinese-4", "delivery-2"]),
        ("-country=", vec!["praise-3", "delivery-2", "refund/1 ä"]),
        ("metadata.plan=pro", vec!["refund/1 ä"]),
        ("csat=5", vec!["praise-3"]),
        ("total_costs=0.1", vec!["refund/1 ä"]),
        ("id=praise-3&id=delivery-2", vec!["praise-3", "delivery-2"]),
        ("from=2026-05-01T10:15:00Z", vec!["chinese-4", "praise-3"]),
        ("to=2026-05-01T10:10:00Z", vec!["refund/1 ä"]),
        ("from=2026-05-02", vec![]),
        ("q=csat:%3C%3D2&sort=csat", vec!["delivery-2", "refund/1 ä"]),
        ("sort=-csat,start_time", vec!["praise-3", "refund/1 ä", "delivery-2", "chinese-4"]),
        ("sort=total_costs", vec!["praise-3", "refund/1 ä", "delivery-2", "chinese-4"]),
    ] {
        let answer = world.get(&format!("/v1/interactions?{parameters}")).await;
        assert_eq!(answer.ids(), ids, "{parameters}");
        assert_eq!(answer.json()["total"], ids.len(), "{parameters}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_facet_leaves_out_its_own_filter_and_counts_missing() {
    let world = small();
    let answer = world.get("/v1/interactions?country=Germany&facets=country&limit=0").await.json();
    assert_eq!(answer["total"], 2);
    assert_eq!(answer["items"], json!([]));
    assert_eq!(
        answer["facets"]["country"],
        json!([{"value": "Germany", "count": 2}, {"value": "France", "count": 1}, {"value": null, "count": 1}])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_search_goes_by_post() {
    let world = small();
    let body = json!({"q": "csat:*", "country": ["Germany", "France"], "facets": ["country"], "sort": "csat", "limit": 2});
    let posted = world.post("/v1/search", body.to_string()).await;
    assert_eq!(posted.ids(), ["delivery-2", "refund/1 ä"]);
    let got = world
        .get("/v1/interactions?q=csat:*&country=Germany&country=France&facets=country&sort=csat&limit=2")
        .await;
    let (mut posted, mut got) = (posted.json(), got.json());
    posted["took_ms"] = json!(0);
    got["took_ms"] = json!(0);
    assert_eq!(posted, got);
    let missing = world.post("/v1/search", r#"{"country": null}"#).await;
    assert_eq!(missing.ids(), ["chinese-4"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn cursors_page_over_everything_once_in_every_order() {
    let chats: Vec<Document> =
        (0..25).map(|n| chat(&format!("c{n}"), n % 7, &[(Role::User, "the same words")])).collect();
    let world = World::new(&chats);
    for parameters in ["sort=start_time", "sort=-start_time,duration", "q=words", "q=words&sort=relevance"] {
        let mut seen = Vec::new();
        let mut cursor = String::new();
        loop {
            let answer = world.get(&format!("/v1/interactions?limit=10&{parameters}{cursor}")).await;
            assert_eq!(answer.json()["total"], 25, "{}", answer.text());
            seen.extend(answer.ids());
            match answer.json()["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(seen.len(), 25, "{parameters}");
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 25, "{parameters}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pasted_id_is_found_whatever_it_looks_like() {
    let odd = ["conv:17", "(", "\"x", "a b c", "NOT", "-5", "a*b", "https://x/y"];
    let chats: Vec<Document> = odd.iter().map(|id| chat(id, 0, &[(Role::User, "hello")])).collect();
    let world = World::new(&chats);
    for id in odd {
        assert_eq!(world.search(&format!(" {id} ")).await.ids(), [id]);
        let answer = world.get(&format!("/v1/interactions/{}", encoded(id))).await;
        assert_eq!(answer.json()["id"], id);
    }
    assert_eq!(world.search("conv:18").await.code(), "unknown_field");

    let own = chat("55-A12", 0, &[(Role::User, "hello")]);
    let other = chat("other", 1, &[(Role::User, "see 55-A12, I mean 55-A12")]);
    let mut ids = World::new(&[own, other]).search("55-A12").await.ids();
    ids.sort();
    assert_eq!(ids, ["55-A12", "other"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_probably_meant_otherwise_is_answered_with_a_notice() {
    let mut documents = documents();
    documents.push(chat("a or b", 50, &[(Role::User, "refund or not")]));
    let world = World::new(&documents);
    let answer = world.search("  refund or thank").await;
    assert_eq!(answer.ids(), [""; 0]);
    let notices = &answer.json()["notices"];
    assert_eq!(notices.as_array().unwrap().len(), 1);
    assert_eq!(notices[0]["position"], 9);
    assert!(notices[0]["message"].as_str().unwrap().contains("write `OR`"), "{notices}");
    assert_eq!(world.search("refund or not").await.ids(), ["a or b"]);
    assert_eq!(world.search("refund || thank").await.json()["total"], 3);
    assert_eq!(world.search("!refund && thank").await.ids(), ["praise-3"]);
    for fine in ["refund", "refund OR thank", "", " a or b "] {
        assert!(world.search(fine).await.json().get("notices").is_none(), "{fine}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn order_numbers_beyond_what_floats_hold_are_told_apart() {
    let orders = ["9007199254740992", "9007199254740993", "123456789012345678901234567890", "1e3"];
    let order = |(start, order): (usize, &&str)| {
        let mut document = chat(order, start as i64, &[(Role::User, "where is it?")]);
        let text = hearken_model::Scalar::Text((*order).to_owned());
        document.derived.head.metadata.insert("order".to_owned(), text);
        document
    };
    let world = World::new(&orders.iter().enumerate().map(order).collect::<Vec<_>>());
    let ids = async |q: &str| {
        let mut ids = world.search(q).await.ids();
        ids.sort();
        ids
    };
    assert_eq!(
        ids("metadata.order:>=9007199254740993").await,
        ["123456789012345678901234567890", "9007199254740993"]
    );
    assert_eq!(ids("metadata.order:[9007199254740993 TO 9007199254740993.0]").await, ["9007199254740993"]);
    assert_eq!(ids("metadata.order:<1000.5").await, ["1e3"]);
    assert_eq!(
        ids("metadata.order:>123456789012345678901234567889").await,
        ["123456789012345678901234567890"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn words_are_found_whatever_signs_they_are_written_with() {
    let mut greek = chat("greek", 9, &[(Role::User, "ok")]);
    greek.derived.head.agent = Some("ΝΙΚΟΣ".to_owned());
    let world = World::new(&[
        greek,
        chat("german", 0, &[(Role::User, "Wo bleibt die Rück\u{AD}erstattung?")]),
        chat("persian", 1, &[(Role::User, "می\u{200C}خواهم پولم را پس بگیرم")]),
        chat("arabic", 2, &[(Role::User, "أُرِيدُ اِسْتِرْدَادَ المَبْلَغِ")]),
        chat("hebrew", 3, &[(Role::User, "שָׁלוֹם, אני רוצה החזר")]),
        chat("hindi", 4, &[(Role::User, "क\u{94D}\u{200D}षमा करें")]),
    ]);
    for (q, id) in [
        ("Rückerstattung", "german"),
        ("ruck\u{AD}erstattung", "german"),
        ("میخواهم", "persian"),
        ("می\u{200C}خواهم", "persian"),
        ("\"میخواهم پولم\"", "persian"),
        ("اريد استرداد المبلغ", "arabic"),
        ("اِسْتِرْدَاد*", "arabic"),
        ("שלום", "hebrew"),
        ("שָׁלוֹם", "hebrew"),
        ("क\u{94D}षमा", "hindi"),
        ("agent:νικος", "greek"),
    ] {
        assert_eq!(world.search(q).await.ids(), [id], "{q}");
    }
    let marked = world.search("Rückerstattung").await.json();
    let fragment = &marked["items"][0]["highlights"][0]["fragments"][0];
    assert_eq!(*fragment, "Wo bleibt die <mark>Rück\u{AD}erstattung</mark>?");
}

/// An order number, a phone number, a user id, an address: what people paste is found, and the hit says where.
#[tokio::test(flavor = "multi_thread")]
async fn what_people_paste_is_found_with_the_field_that_it_stands_in() {
    let text = |text: &str| hearken_model::Scalar::Text(text.to_owned());
    let mut pasted = chat("pasted", 0, &[(Role::User, "hello")]);
    let head = &mut pasted.derived.head;
    head.user_id = Some("u_8f3a-22".to_owned());
    head.caller = Some("+49 30 1234567".to_owned());
    head.url = Some("https://shop.example.com/cart?order=9&tab=2#top".to_owned());
    head.rating_comment = Some("Slow & <b>rude</b>".to_owned());
    head.metadata = [("order".to_owned(), text("55-A12")), ("tier".to_owned(), text("gold"))].into();
    let mut said = chat("said", 1, &[(Role::User, "my order 55-A12")]);
    said.derived.head.metadata.insert("order".to_owned(), text("55-A12"));
    let world = World::new(&[pasted, said]);
    // First in memory, then on disk.
    for _ in 0..2 {
        for (q, field, fragment) in [
            ("u_8f3a-22", "user_id", "<mark>u_8f3a-22</mark>"),
            ("+49 30 1234567", "caller", "+<mark>49</mark> <mark>30</mark> <mark>1234567</mark>"),
            ("\"30-1234567\"", "caller", "+49 <mark>30 1234567</mark>"),
            (
                "https://shop.example.com/cart?order=9&tab=2#top",
                "url",
                "<mark>https://shop.example.com/cart?order=9&amp;tab=2#top</mark>",
            ),
            ("rude", "rating_comment", "Slow &amp; &lt;b&gt;<mark>rude</mark>&lt;/b&gt;"),
            ("gol*", "metadata.tier", "<mark>gold</mark>"),
        ] {
            let answer = world.search(q).await;
            assert_eq!(answer.ids(), ["pasted"], "{q}");
            let json = answer.json();
            assert!(json.get("notices").is_none(), "{json}");
            let highlights = &json["items"][0]["highlights"];
            let expected =
                json!({"field": field, "fragments": [fragment], "ranges": highlights[0]["ranges"]});
            assert_eq!(*highlights, json!([expected]), "{q}");
            let asked = format!("/v1/interactions/pasted?q={}", encoded(q));
            assert_eq!(world.get(&asked).await.json()["highlights"], *highlights, "{q}");
        }
        let answer = world.search("55-A12").await;
        assert_eq!(answer.ids(), ["said", "pasted"], "what was said ranks higher");
        let highlights = &answer.json()["items"][0]["highlights"];
        assert_eq!(
            (&highlights[0]["message_id"], &highlights[1]["field"]),
            (&json!("m0"), &json!("metadata.order"))
        );
        assert_eq!(world.search("transcript:55-A12").await.ids(), ["said"]);
        assert_eq!(world.search("user:gold OR topic:gold").await.ids(), [""; 0]);
        world.writer.flush_now().unwrap();
    }
}

/// Ids that look like routes, like parts of addresses, or like nothing at all.
#[tokio::test(flavor = "multi_thread")]
async fn every_id_can_be_asked_for() {
    let cjk = "退".repeat(170) + "ab";
    let ids = [
        "stream", "export", "search", "a/b", "/a", "a/", "a//b", "a/text", "a/stream", "?", "a?q=b", "#",
        "a#b", "%", "100%", "%2F", "a%2Fb", "%zz", "a b", " a", "+", "a+b", "a&b=c", ".", "..", "../a",
        "a/../b", "..%2F", "\\", "a\nb", "\u{0}", "é", "e\u{301}", "{id}", ":id", "*", "\u{feff}", "𝒶", &cjk,
    ];
    assert_eq!(cjk.len(), 512);
    let chats: Vec<Document> = ids.iter().map(|id| chat(id, 0, &[(Role::User, "hello")])).collect();
    let mut world = World::new(&chats);
    for id in ids {
        let answer = world.get(&format!("/v1/interactions/{}?q=hello", encoded(id))).await;
        assert_eq!(answer.json()["id"], id);
        assert_eq!(world.get(&format!("/v1/interactions/?id={}", encoded(id))).await.json()["id"], id);
        assert_eq!(world.get(&format!("/v1/interactions?id={}", encoded(id))).await.ids(), [id]);
        assert_eq!(world.get(&format!("/v1/export?id={}", encoded(id))).await.json()["id"], id);
        let mut events = Events::open(&world, &format!("/v1/stream?id={}", encoded(id)), None).await;
        events.next().await;
        world.put(&[chat("other", 0, &[(Role::User, "hello")]), chat(id, 0, &[(Role::User, "hello again")])]);
        assert_eq!(events.next().await.2["id"], id);
    }
    // Slashes need no encoding.
    for (path, id) in
        [("a/b", "a/b"), ("a//b", "a//b"), ("/a", "/a"), ("a/text", "a/text"), ("a/../b", "a/../b")]
    {
        assert_eq!(world.get(&format!("/v1/interactions/{path}")).await.json()["id"], id);
    }
    for nothing in ["%FF", "b", "", "?id=b", "?id=", "a/b/c"] {
        let answer = world.get(&format!("/v1/interactions/{nothing}")).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (StatusCode::NOT_FOUND, "not_found"),
            "{nothing}"
        );
    }
    assert_eq!(world.get("/v1/interactions/?id=..&limit=1").await.code(), "unknown_parameter");
    assert_eq!(world.get("/v1/interactions/..?id=..").await.code(), "unknown_parameter");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_interaction_comes_whole_with_marks_for_a_query() {
    let world = small();
    let path = format!("/v1/interactions/{}", encoded("refund/1 ä"));
    let plain = world.get(&path).await.json();
    assert_eq!(plain["transcript"].as_array().unwrap().len(), 2);
    assert!(plain.get("highlights").is_none());
    let marked = world.get(&format!("{path}?q=user:refund")).await.json();
    let message = plain["transcript"][0]["message"].as_str().unwrap();
    let range = &marked["highlights"][0]["ranges"][0];
    let (from, to) = (range[0].as_u64().unwrap() as usize, range[1].as_u64().unwrap() as usize);
    assert_eq!(&message[from..to], "refund");
    assert_eq!(marked["highlights"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_erased_is_as_unknown_as_what_never_was() {
    let mut world = World::new(&documents());
    let id = hearken_model::InteractionId::try_new("praise-3").unwrap();
    world.put(&[Document::tombstone(id)]);
    let erased = world.get("/v1/interactions/praise-3").await;
    let unknown = world.get("/v1/interactions/praise-4").await;
    assert_eq!((erased.status, &erased.body), (StatusCode::NOT_FOUND, &unknown.body));
    assert_eq!(world.search("praise-3").await.json()["total"], 0);
}

/// What must be found, and what must not: the language over real documents.
#[tokio::test(flavor = "multi_thread")]
async fn words_are_found_as_people_mean_them() {
    let world = small();
    for (q, ids) in [
        ("REFUND", vec!["refund/1 ä"]),
        ("refunded", vec!["refund/1 ä"]),
        ("\"refunded\"", vec![]),
        ("refnud~1", vec!["refund/1 ä"]),
        ("55-A12", vec!["refund/1 ä"]),
        ("assistant:order", vec![]),
        ("退款", vec!["chinese-4"]),
        ("human:pleasure", vec!["praise-3"]),
        ("\"great thank\"~2", vec!["praise-3"]),
        ("\"great thank\"", vec![]),
        ("-csat:*", vec!["chinese-4"]),
        ("metadata.plan:PRO", vec!["refund/1 ä"]),
        ("agent:ad* -country:germany", vec!["delivery-2"]),
    ] {
        assert_eq!(world.search(q).await.ids(), ids, "{q}");
    }
}
