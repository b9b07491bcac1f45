//! Problems that people reported with other systems, tried on this one. `docs/tried.md` lists the reports.

use axum::http::StatusCode;
use hearken_model::{Document, Role, Scalar, Timestamp};
use serde_json::{Value, json};

use crate::streams::Events;
use crate::world::{World, chat, encoded, minute};

fn said(texts: &[&str]) -> World {
    let documents: Vec<Document> =
        texts.iter().enumerate().map(|(at, text)| chat(text, at as i64, &[(Role::User, text)])).collect();
    World::new(&documents)
}

/// Text between special characters is found as pasted, escaped, or quoted.
#[tokio::test(flavor = "multi_thread")]
async fn special_characters_in_what_is_searched_for() {
    let texts = [
        r"see C:\temp\notes",
        "term GO:0006275",
        "the path test/ is empty",
        "he said bar \"baz\" twice",
        "media$kits for the weekend",
        "kits on a weekend",
        "lcd 15\" screen",
        "בסיס של צה\"ל",
    ];
    let world = said(&texts);
    for (q, found) in [
        (r"C\:\\temp", 0),
        (r"user:C\:\\temp", 0),
        (r"GO\:0006275", 1),
        ("\"GO:0006275\"", 1),
        ("user:test/", 2),
        ("path test/ empty", 2),
        (r#"user:"bar \"baz\"""#, 3),
        (r#"\"baz"#, 3),
        ("\"media$kits weekend\"~10", 4),
        (r#"lcd 15\""#, 6),
        ("צה\"ל", 7),
        ("של צה\"ל", 7),
        ("צה״ל", 7),
    ] {
        assert_eq!(world.search(q).await.ids(), [texts[found]], "{q}");
    }
    let unclosed = world.search("lcd 15\"").await.json();
    assert_eq!((&unclosed["code"], &unclosed["position"]), (&json!("invalid_query"), &json!(6)));
    assert!(unclosed["hint"].as_str().unwrap().contains("\\\""));
    let pasted = world.search("CollabSeer: A Search Engine").await.json();
    assert!(pasted["hint"].as_str().unwrap().contains("\"CollabSeer:\""), "{pasted}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_special_character_alone_is_an_answer_or_a_problem_with_a_hint() {
    let world = said(&["hello"]);
    for sign in "+\"()/\\:-{}[]~*?!&|^<>=@#,;'%".chars() {
        for q in [sign.to_string(), format!("{sign}{sign}"), format!("hello {sign}"), format!("{sign} hello")]
        {
            let answer = world.search(&q).await;
            let is_explained = answer.status == StatusCode::BAD_REQUEST
                && answer.code() == "invalid_query"
                && answer.json()["position"].is_number();
            assert!(answer.status == StatusCode::OK || is_explained, "{q}: {}", answer.text());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn words_with_dashes_accents_and_underscores() {
    let texts = [
        "My name is Josè, nice to meet you",
        "The 4-Hour Workweek",
        "attached something_2020-07-13_with_important_words.pdf",
        "Rafhlaðan er í hleðslu",
        "S",
        "Scroll",
        "Bartsch-Gass 12",
        "HLEÐSLA",
    ];
    let world = said(&texts);
    for (q, found) in [
        ("jose", 0),
        ("Jose", 0),
        ("josé", 0),
        ("4 hour", 1),
        ("4-hour", 1),
        ("4hour OR \"4 hour\"", 1),
        ("important", 2),
        ("2020-07-13", 2),
        ("hleðslu", 3),
        ("hleslu~1", 3),
        ("scrol~2", 5),
        ("bartsch gass", 6),
        ("Bartsch-Gass", 6),
        ("hleðsla", 7),
    ] {
        assert_eq!(world.search(q).await.ids(), [texts[found]], "{q}");
    }
}

/// Emoji before a match, family emoji, letters beyond 16 bits.
#[tokio::test(flavor = "multi_thread")]
async fn marks_stand_where_the_words_are() {
    let texts = [
        "- 📧 I’m an active contributor to the list",
        "👨\u{200D}👩\u{200D}👧\u{200D}👧 went home",
        "🎺 trumpet 🎺",
        "𝚫𝑣𝚫𝑣𝚫𝑣 smile was here",
    ];
    let world = said(&texts);
    for (q, at, marked) in [
        ("contributor", 0, "contributor"),
        ("👨\u{200D}👩\u{200D}👧", 1, "👨"),
        ("trumpet", 2, "trumpet"),
        ("smile", 3, "smile"),
        ("δvδvδv", 3, "𝚫𝑣𝚫𝑣𝚫𝑣"),
    ] {
        let answer = world.search(q).await;
        assert_eq!(answer.ids(), [texts[at]], "{q}");
        let fragment =
            answer.json()["items"][0]["highlights"][0]["fragments"][0].as_str().unwrap().to_owned();
        assert!(fragment.contains(&format!("<mark>{marked}")), "{q}: {fragment}");
        let one = format!("/v1/interactions/{}?q={}", encoded(texts[at]), encoded(q));
        let one = world.get(&one).await.json();
        let range = &one["highlights"][0]["ranges"][0];
        let range = range[0].as_u64().unwrap() as usize..range[1].as_u64().unwrap() as usize;
        assert!(texts[at].get(range.clone()).unwrap().starts_with(marked), "{q}: {range:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_stay_numbers_and_formulas_become_text_in_a_table() {
    let mut document = chat("formulas", 0, &[(Role::User, "=cmd|' /C calc'!A0")]);
    let head = &mut document.derived.head;
    head.total_costs.amount = Some("-0.02".parse().unwrap());
    head.agent = Some("-2+3+cmd|'/c calc'!A1".to_owned());
    head.city = Some("-1,234.56".to_owned());
    head.rating_comment = Some("-- comment  ".to_owned());
    let world = World::new(&[document]);
    let text = world.get("/v1/export?format=csv").await.text();
    assert!(text.contains(",-0.02,"), "{text}");
    for cell in ["'-2+3+cmd|'/c calc'!A1", "\"-1,234.56\"", "'-- comment  "] {
        assert!(text.contains(cell), "{cell}: {text}");
    }
    assert!(!text.contains("\n=") && !text.contains(",=") && !text.contains("\"="), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_client_gets_nothing_old_and_one_that_was_away_too_long_learns_so() {
    let mut world = said(&["hello one", "hello two"]);
    let mut events = Events::open(&world, "/v1/stream?q=hello", None).await;
    let (_, start, first) = events.next().await;
    assert_eq!(first, json!({}), "the first event says only where the stream begins");
    world.put(&[chat("new", 9, &[(Role::User, "hello new")])]);
    assert_eq!(events.next().await.2["id"], "new");
    // A client that cannot send the header, and one whose point is from another run.
    let mut events = Events::open(&world, &format!("/v1/stream?q=hello&last_event_id={start}"), None).await;
    events.next().await;
    assert_eq!(events.next().await.2["id"], "new");
    for unknown in ["42", "0-0", "nonsense", "18446744073709551615-1"] {
        let mut events = Events::open(&world, "/v1/stream", Some(unknown)).await;
        events.next().await;
        assert_eq!(events.next().await.0, "gap", "{unknown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_with_slashes_are_not_parts_of_paths() {
    let ids = ["foo/bar", "test/123", "AC/DC", "AC/DC/T.N.T.", "my%2Fkey", "item/1/edit"];
    let world = said(&ids);
    for id in ids {
        for path in [encoded(id), id.replace('%', "%25").replace('/', "%2f"), id.replace('%', "%25")] {
            let answer = world.get(&format!("/v1/interactions/{path}")).await;
            assert_eq!(answer.json()["id"], id, "{path}");
        }
    }
}

fn minutes_until(time: &str) -> i64 {
    Timestamp::parse(time).unwrap().millis_since(minute(0)) / 60_000
}

/// The starts of the intervals that contain these times.
async fn begins(times: &[&str], interval: &str, zone: &str) -> Vec<String> {
    let documents: Vec<Document> =
        times.iter().map(|time| chat(time, minutes_until(time), &[(Role::User, "hello")])).collect();
    let world = World::new(&documents);
    let overview = world.get(&format!("/v1/overview?interval={interval}&tz={}", encoded(zone))).await.json();
    let counted: u64 =
        overview["over_time"].as_array().unwrap().iter().map(|i| i["count"].as_u64().unwrap()).sum();
    assert_eq!(counted, times.len() as u64, "nothing is counted twice or not at all");
    let begin = |interval: &Value| interval["from"].as_str().unwrap().to_owned();
    overview["over_time"].as_array().unwrap().iter().map(begin).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn weeks_days_and_halves_of_days_where_clocks_change() {
    // The week of 9 March 2025 in New York, where clocks went forward on that Sunday.
    let weeks =
        ["2025-03-05T12:00:00Z", "2025-03-10T03:59:00Z", "2025-03-10T04:00:00Z", "2025-03-17T04:00:00Z"];
    assert_eq!(
        begins(&weeks, "week", "America/New_York").await,
        ["2025-03-03T05:00:00Z", "2025-03-10T04:00:00Z", "2025-03-17T04:00:00Z"]
    );
    // The Sunday on which clocks go back from two hours ahead to one.
    let autumn = ["2024-10-26T22:30:00Z", "2024-10-27T22:30:00Z", "2024-10-27T23:30:00Z"];
    assert_eq!(
        begins(&autumn, "day", "Europe/Berlin").await,
        ["2024-10-26T22:00:00Z", "2024-10-27T23:00:00Z"]
    );
    assert_eq!(
        begins(&autumn, "week", "Europe/Berlin").await,
        ["2024-10-20T22:00:00Z", "2024-10-27T23:00:00Z"]
    );
    // Halves of days, of 11 and 12 hours.
    let halves =
        ["2016-03-26T23:30:00Z", "2016-03-27T09:59:00Z", "2016-03-27T10:00:00Z", "2016-03-27T22:00:00Z"];
    assert_eq!(
        begins(&halves, "12h", "CET").await,
        ["2016-03-26T23:00:00Z", "2016-03-27T10:00:00Z", "2016-03-27T22:00:00Z"]
    );
    // Odd lengths add up, too.
    let odd =
        ["2024-03-10T06:00:00Z", "2024-03-10T06:43:00Z", "2024-03-10T07:00:00Z", "2024-03-10T08:30:00Z"];
    assert!(begins(&odd, "43m", "America/New_York").await.len() >= 3);
    // Offsets from UTC.
    let night = ["2024-01-01T15:59:00Z", "2024-01-01T16:00:00Z"];
    for zone in ["+08:00", "+0800", "Asia/Shanghai", "Etc/GMT-8"] {
        let days = begins(&night, "day", zone).await;
        assert_eq!(days, ["2023-12-31T16:00:00Z", "2024-01-01T16:00:00Z"], "{zone}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_in_metadata_are_what_they_are() {
    let number = |at: i64, text: &str| {
        let mut document = chat(text, at, &[(Role::User, "hello")]);
        let value = serde_json::from_str::<Scalar>(text).unwrap_or_else(|_| Scalar::Text(text.to_owned()));
        document.derived.head.metadata.insert("n".to_owned(), value);
        document
    };
    let world = World::new(&[
        number(0, "0.1"),
        number(1, "1e21"),
        number(2, "-5"),
        number(3, "007"),
        number(4, "1,5"),
    ]);
    for (q, ids) in [
        ("metadata.n:[0.1 TO 0.1]", vec!["0.1"]),
        ("metadata.n:>=1000000000000000000000", vec!["1e21"]),
        ("metadata.n:<0", vec!["-5"]),
        ("metadata.n:[7 TO 7]", vec!["007"]),
        ("metadata.n:[1 TO 2]", vec![]),
    ] {
        assert_eq!(world.search(q).await.ids(), ids, "{q}");
    }
}
