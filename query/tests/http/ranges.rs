//! Facets over ranges, and filters by range.

use hearken_model::Role;
use serde_json::{Value, json};

use crate::world::{World, chat, documents, encoded, small};

/// Values and counts of one facet.
fn counted(answer: &Value, facet: &str) -> Vec<(Value, u64)> {
    let entries = answer["facets"][facet].as_array().unwrap_or_else(|| panic!("{answer}"));
    entries.iter().map(|entry| (entry["value"].clone(), entry["count"].as_u64().unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_are_counted_in_order_with_their_ends() {
    let world = small();
    let answer = world.get("/v1/interactions?facets=country&ranges=duration:15,+20,60&ranges=csat:2,4").await;
    let text = answer.text();
    let facets = &text[text.find("\"facets\"").unwrap()..];
    assert!(
        facets.starts_with(concat!(
            r#""facets":{"country":[{"value":"Germany","count":2},{"value":"France","count":1},{"value":null,"count":1}],"#,
            r#""duration":[{"value":"[* TO 15}","from":null,"to":15.0,"count":1},"#,
            r#"{"value":"[15 TO 20}","from":15.0,"to":20.0,"count":0},"#,
            r#"{"value":"[20 TO 60}","from":20.0,"to":60.0,"count":3},"#,
            r#"{"value":"[60 TO *]","from":60.0,"to":null,"count":0}],"#,
            r#""csat":[{"value":"[* TO 2}","from":null,"to":2,"count":1},"#,
            r#"{"value":"[2 TO 4}","from":2,"to":4,"count":1},"#,
            r#"{"value":"[4 TO *]","from":4,"to":null,"count":1},"#,
            r#"{"value":null,"count":1}]}"#
        )),
        "{facets}"
    );

    let answer =
        world.get("/v1/interactions?ranges=total_costs:0.050,0.1&ranges=start_time:15m").await.json();
    assert_eq!(
        answer["facets"]["total_costs"],
        json!([
            {"value": "[* TO 0.05}", "from": null, "to": "0.05", "count": 0},
            {"value": "[0.05 TO 0.1}", "from": "0.05", "to": "0.1", "count": 1},
            {"value": "[0.1 TO *]", "from": "0.1", "to": null, "count": 2},
            {"value": null, "count": 1},
        ])
    );
    let interval = |from: &str, to: &str, count: u64| {
        let (from, to) = (format!("2026-05-01T{from}:00Z"), format!("2026-05-01T{to}:00Z"));
        json!({"value": format!("[{from} TO {to}}}"), "from": from, "to": to, "count": count})
    };
    assert_eq!(
        answer["facets"]["start_time"],
        json!([interval("10:00", "10:15", 2), interval("10:15", "10:30", 1), interval("10:30", "10:45", 1)])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_value_of_a_range_selects_what_it_counts_as_query_and_as_filter() {
    let world = small();
    let asked = [
        ("duration", "15,20"),
        ("csat", "2,4"),
        ("rating", "3"),
        ("messages_count", "2"),
        ("total_costs", "0.05,0.1"),
        ("start_time", "week"),
        ("start_time", "10m"),
        ("end_time", "day"),
    ];
    for (field, boundaries) in asked {
        let answer = world.get(&format!("/v1/interactions?ranges={field}:{boundaries}&limit=0")).await.json();
        let counts = counted(&answer, field);
        assert_eq!(counts.iter().map(|(_, count)| count).sum::<u64>(), 4, "{field}");
        for (value, count) in counts {
            let (query, filter) = match value.as_str() {
                Some(value) => (format!("{field}:{value}"), encoded(value)),
                None => (format!("-{field}:*"), String::new()),
            };
            assert_eq!(world.search(&query).await.json()["total"], count, "{query}");
            let filtered = world.get(&format!("/v1/interactions?{field}={filter}")).await;
            assert_eq!(filtered.json()["total"], count, "{field}={value}");
            let excluded = world.get(&format!("/v1/interactions?-{field}={filter}")).await;
            assert_eq!(excluded.json()["total"], 4 - count, "-{field}={value}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_are_any_of_inside_a_field_and_all_of_between() {
    let world = small();
    for (parameters, ids) in [
        ("duration=[* TO 15}", vec!["chinese-4"]),
        ("duration=[* TO 15}&duration=[20 TO 60}", vec!["chinese-4", "praise-3", "delivery-2", "refund/1 ä"]),
        ("duration=20&country=Germany", vec!["praise-3", "refund/1 ä"]),
        ("duration=>15&-csat=[4 TO *]", vec!["delivery-2", "refund/1 ä"]),
        ("csat=[2 TO 4}&csat=5", vec!["praise-3", "refund/1 ä"]),
        ("csat=[2 TO 4}&csat=", vec!["chinese-4", "refund/1 ä"]),
        ("csat=*", vec!["praise-3", "delivery-2", "refund/1 ä"]),
        ("-csat=", vec!["praise-3", "delivery-2", "refund/1 ä"]),
        ("total_costs=<0.1&total_costs=0.25", vec!["praise-3", "delivery-2"]),
        ("start_time=2026-05-01&csat=1", vec!["delivery-2"]),
        ("start_time=[2026-05-01T10:05:00Z TO 2026-05-01T10:20:00Z}", vec!["delivery-2"]),
        ("end_time=", vec!["chinese-4", "praise-3", "delivery-2", "refund/1 ä"]),
        ("country=[a TO z]", vec![]),
        ("-country=>a", vec!["chinese-4", "praise-3", "delivery-2", "refund/1 ä"]),
    ] {
        let query: Vec<String> = parameters
            .split('&')
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap();
                format!("{name}={}", encoded(value))
            })
            .collect();
        let query = query.join("&");
        let answer = world.get(&format!("/v1/interactions?{query}")).await;
        assert_eq!(answer.ids(), ids, "{parameters}");
        let exported = world.get(&format!("/v1/export?ranges=csat:2&{query}")).await;
        assert_eq!(exported.text().lines().count(), ids.len(), "{parameters}");
        let overview = world.get(&format!("/v1/overview?{query}")).await;
        assert_eq!(overview.json()["total"], ids.len(), "{parameters}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_facet_over_ranges_leaves_out_its_own_filter() {
    let world = small();
    let filter = encoded("[2 TO 4}");
    let uri = format!("/v1/interactions?csat={filter}&country=Germany&ranges=csat:2,4&facets=country");
    let answer = world.get(&uri).await.json();
    assert_eq!(answer["total"], 1);
    let counts: Vec<u64> = counted(&answer, "csat").into_iter().map(|(_, count)| count).collect();
    assert_eq!(counts, [0, 1, 1]);
    assert_eq!(counted(&answer, "country"), [(json!("Germany"), 1)]);
    // The overview keeps it: all of its numbers are about one selection.
    let overview = world.get(&format!("/v1/overview?csat={filter}&ranges=csat:2,4")).await.json();
    assert_eq!(
        counted(&overview, "csat"),
        [(json!("[* TO 2}"), 0), (json!("[2 TO 4}"), 1), (json!("[4 TO *]"), 0)]
    );
    assert_eq!(counted(&overview, "sentiment"), [(json!("negative"), 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_ranges_go_by_post() {
    let world = small();
    let by_query = "/v1/interactions?ranges=duration:15,20&ranges=csat:2&csat=%5B2%20TO%20*%5D&-duration=10";
    let mut got = world.get(by_query).await.json();
    let body = json!({
        "ranges": ["duration:15,20", "csat:2"], "csat": "[2 TO *]", "-duration": [10]
    });
    let mut posted = world.post("/v1/search", body.to_string()).await.json();
    assert_eq!(posted["total"], 2);
    got["took_ms"] = json!(0);
    posted["took_ms"] = json!(0);
    assert_eq!(posted, got);
    let one = world.post("/v1/search", json!({"ranges": "csat:2"}).to_string()).await.json();
    assert_eq!(counted(&one, "csat").len(), 3);
    for none in [json!({"ranges": null}), json!({"ranges": []}), json!({"ranges": ""})] {
        assert_eq!(world.post("/v1/search", none.to_string()).await.json()["facets"], json!({}));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_remembers_the_ranges_that_were_filtered_by() {
    let world = World::new(&documents());
    let page = |filter: &str| format!("/v1/interactions?limit=1&duration={}", encoded(filter));
    let first = world.get(&page("[15 TO 60}")).await.json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let next = world.get(&format!("{}&cursor={cursor}", page("[15 TO 60}"))).await;
    assert_eq!(next.ids(), ["delivery-2"]);
    let other = world.get(&format!("{}&cursor={cursor}", page("[15 TO 61}"))).await;
    assert_eq!(other.code(), "invalid_cursor");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_ranges_say_what_is_wrong_and_how_to_fix_it() {
    let world = small();
    let many = (0..101).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    let many = format!("duration:{many}");
    for (ranges, detail, hint) in [
        ("duraton:60", "`duraton` is not a field", "`duration`"),
        ("x:60", "`x` is not a field", "csat, rating"),
        ("country:1,2", "`country` holds text", "`facets=country`"),
        ("metadata.plan:1", "`metadata.plan` holds text", "`facets=metadata.plan`"),
        ("duration", "boundaries are missing", "`ranges=duration:60,300,900`"),
        ("duration:,", "boundaries are missing", "`ranges=duration:60,300,900`"),
        ("csat:4,2", "`2` is not above", "ascending"),
        ("csat:2,2", "`2` is not above", "ascending"),
        ("csat:1.5", "`1.5` is not a whole number", "csat"),
        ("duration:soon", "`soon` is not a number of seconds", "duration"),
        ("total_costs:0.1,free", "`free` is not an amount", "total_costs"),
        ("start_time:1s", "`1s` is not an interval", "`15m`"),
        ("start_time:day,week", "is not an interval", "`15m`"),
        (&many, "more than 100 boundaries", "`ranges=duration:60,300,900`"),
        ("csat:2&ranges=csat:3", "`csat` is given twice", ""),
        ("csat:2&facets=country,csat", "by ranges and by value", "`facets`"),
    ] {
        let answer = world.get(&format!("/v1/interactions?ranges={ranges}")).await;
        let problem = answer.json();
        assert_eq!(
            (answer.code(), &problem["parameter"]),
            ("invalid_parameter".to_owned(), &json!("ranges"))
        );
        assert!(problem["detail"].as_str().unwrap().contains(detail), "{ranges}: {problem}");
        assert!(problem["hint"].as_str().unwrap_or_default().contains(hint), "{ranges}: {problem}");
    }
    let answer = world.get("/v1/interactions?facets=duration").await.json();
    assert!(answer["hint"].as_str().unwrap().contains("`ranges=duration:"), "{answer}");
    let answer = world.get("/v1/interactions?csat=high").await.json();
    assert_eq!(answer["parameter"], "csat");
    assert!(answer["detail"].as_str().unwrap().contains("`high` is not a whole number"), "{answer}");
    // Durations are read as the query language reads them.
    let answer = world.get("/v1/interactions?ranges=duration:15s,1m").await.json();
    assert_eq!(counted(&answer, "duration")[1], (json!("[15 TO 60}"), 3));
}

/// This time in minutes of the world's clock, which begins on 2026-05-01 at 10:00 UTC.
fn at(time: &str) -> i64 {
    use hearken_model::Timestamp;
    Timestamp::parse(time).unwrap().millis_since(Timestamp::parse("2026-05-01T10:00:00Z").unwrap()) / 60_000
}

#[tokio::test(flavor = "multi_thread")]
async fn intervals_are_the_days_and_weeks_of_a_zone() {
    let chats = [
        ("sunday-evening", "2026-11-16T03:00:00Z"), // 19:00 on Sunday the 15th in Los Angeles
        ("monday", "2026-11-16T08:00:00Z"),
        ("before-dawn", "2026-11-01T07:30:00Z"), // the day of 25 hours: from 7:00 to 8:00 on the next
        ("late", "2026-11-02T07:30:00Z"),
        ("spring", "2026-03-09T06:30:00Z"), // the day of 23 hours: from 8:00 to 7:00 on the next
    ];
    let documents: Vec<_> =
        chats.iter().map(|(id, time)| chat(id, at(time), &[(Role::User, "hello")])).collect();
    let world = World::new(&documents);
    let count = async |interval: &str, zone: &str| {
        let uri = format!("/v1/interactions?ranges=start_time:{interval}&tz={zone}");
        let counts = counted(&world.get(&uri).await.json(), "start_time");
        let overview = world.get(&format!("/v1/overview?interval={interval}&tz={zone}")).await.json();
        let over_time = overview["over_time"].as_array().unwrap();
        assert_eq!(over_time.len(), counts.len());
        for ((range, count), interval) in counts.iter().zip(over_time) {
            assert!(
                range.as_str().unwrap().starts_with(&format!("[{} TO", interval["from"].as_str().unwrap()))
            );
            assert_eq!(interval["count"], *count);
            let found =
                world.get(&format!("/v1/interactions?start_time={}", encoded(range.as_str().unwrap()))).await;
            assert_eq!(found.json()["total"], *count, "a bar leads to what it counts");
        }
        counts
            .into_iter()
            .map(|(range, count)| (range.as_str().unwrap().to_owned(), count))
            .collect::<Vec<_>>()
    };
    let range = |from: &str, to: &str, count| (format!("[{from} TO {to}}}"), count);
    assert_eq!(
        count("week", "America/Los_Angeles").await,
        [
            range("2026-03-02T08:00:00Z", "2026-03-09T07:00:00Z", 1),
            range("2026-10-26T07:00:00Z", "2026-11-02T08:00:00Z", 2),
            range("2026-11-09T08:00:00Z", "2026-11-16T08:00:00Z", 1),
            range("2026-11-16T08:00:00Z", "2026-11-23T08:00:00Z", 1),
        ]
    );
    assert_eq!(
        count("day", "America/Los_Angeles").await,
        [
            range("2026-03-08T08:00:00Z", "2026-03-09T07:00:00Z", 1),
            range("2026-11-01T07:00:00Z", "2026-11-02T08:00:00Z", 2),
            range("2026-11-15T08:00:00Z", "2026-11-16T08:00:00Z", 1),
            range("2026-11-16T08:00:00Z", "2026-11-17T08:00:00Z", 1),
        ]
    );
    assert_eq!(
        count("week", "").await.last(),
        Some(&range("2026-11-16T00:00:00Z", "2026-11-23T00:00:00Z", 2))
    );
    assert_eq!(
        count("day", "Asia/Kolkata").await[0],
        range("2026-03-08T18:30:00Z", "2026-03-09T18:30:00Z", 1)
    );

    let body = json!({"ranges": "start_time:week", "tz": "America/Los_Angeles"}).to_string();
    assert_eq!(counted(&world.post("/v1/search", body).await.json(), "start_time")[2].1, 1);
    for (wrong, hint) in [("Europe/Berln", "`Europe/Berlin`"), ("nowhere", "IANA")] {
        let problem = world.get(&format!("/v1/overview?tz={wrong}")).await.json();
        assert_eq!((&problem["code"], &problem["parameter"]), (&json!("invalid_parameter"), &json!("tz")));
        assert!(problem["hint"].as_str().unwrap().contains(hint), "{problem}");
    }
}
