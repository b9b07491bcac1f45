//! What was erased is in no answer at once, and after `wait=true` in no file of the server, however it is written.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use hearken_tests::hearken::{Hearken, HearkenConfig, hearken_binary};
use hearken_tests::kafka_io::{Producer, Record};
use hearken_tests::wait::wait_until;
use rdkafka::mocking::MockCluster;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);

/// Sends a request and gives back status and JSON.
fn send(hearken: &Hearken, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
    let client = reqwest::blocking::Client::builder().timeout(PATIENCE).build().unwrap();
    let url = format!("{}{path}", hearken.base_url());
    let mut request = client.request(method.parse().unwrap(), url);
    if let Some(body) = body {
        request = request.header("content-type", "application/json").body(body.to_string());
    }
    let response = request.send().unwrap();
    (response.status().as_u16(), response.json().unwrap())
}

/// `hearken erase ARGUMENTS`, asking that server.
fn erase_in_a_terminal(hearken: &Hearken, arguments: &[&str]) -> Output {
    let mut command = Command::new(hearken_binary().unwrap());
    command.arg("erase").args(arguments).env("HEARKEN_URL", hearken.base_url());
    command.env("HOME", hearken.dir()).current_dir(hearken.dir()).output().unwrap()
}

fn message(id: &str, organization: &str, text: &str) -> Value {
    json!({"event": "interaction.message", "interaction_id": id, "message_id": "m-1", "role": "user", "message": text,
        "organization": organization, "user_id": format!("user of {id}"), "at": "2026-05-01T12:00:00Z"})
}

fn total(hearken: &Hearken, q: &str) -> u64 {
    hearken.search(&[("q", q)]).unwrap()["total"].as_u64().unwrap()
}

/// The files below that hold the text in any of three encodings.
fn files_with(folder: &Path, text: &str) -> Vec<String> {
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let escaped: String = text
        .encode_utf16()
        .map(|unit| match u8::try_from(unit) {
            Ok(byte) if byte.is_ascii() => char::from(byte).to_string(),
            _ => format!("\\u{unit:04x}"),
        })
        .collect();
    let needles = [text.as_bytes().to_vec(), utf16, escaped.into_bytes()];
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_with(&path, text));
            continue;
        }
        // One that was removed meanwhile holds nothing.
        let Ok(bytes) = fs::read(&path) else { continue };
        if needles.iter().any(|needle| bytes.windows(needle.len()).any(|window| window == needle)) {
            found.push(path.display().to_string());
        }
    }
    found
}

#[test]
fn erased_text_is_out_of_every_answer_at_once_and_out_of_every_file_when_verified() {
    let mut hearken = Hearken::start(&HearkenConfig::default()).unwrap();
    let secret = |id: &str| format!("Grüße vom geheimen Zebra {id}Qx7");
    let ids: Vec<String> = (0..40).map(|number| format!("call-{number}")).collect();
    let events: Vec<_> = ids.iter().map(|id| message(id, "acme", &secret(id))).collect();
    assert_eq!(send(&hearken, "POST", "/v1/events", Some(&json!(events))).0, 202);
    wait_until(PATIENCE, "all of them", || total(&hearken, "zebra") == 40);
    wait_until(PATIENCE, "the text in a file", || !files_with(&hearken.dir(), &secret("call-7")).is_empty());

    assert_eq!(total(&hearken, "7Qx7"), 1);
    let (status, receipt) = send(&hearken, "DELETE", "/v1/interactions/call-7", None);
    assert_eq!(status, 200, "{receipt}");
    assert_eq!((&receipt["matched"], &receipt["erased"]), (&json!(1), &json!(1)));
    assert_eq!((total(&hearken, "zebra"), total(&hearken, "7Qx7")), (39, 0));
    assert_eq!(hearken.get("/v1/interactions/call-7").unwrap().0, 404);
    let receipt_path = format!("/v1/erasures/{}?wait=true", receipt["id"].as_str().unwrap());
    let receipt = hearken.get_json(&receipt_path).unwrap();
    assert_eq!(receipt["files"], "verified", "{receipt}");
    assert!(receipt["out_of_reach"].to_string().contains("backups"), "{receipt}");
    assert_eq!(files_with(&hearken.dir(), &secret("call-7")), Vec::<String>::new());
    assert_eq!(total(&hearken, "zebra"), 39, "the others stay");

    let body = json!({"organization": "acme"});
    let (status, receipt) = send(&hearken, "POST", "/v1/erasures?wait=true", Some(&body));
    assert_eq!(
        (status, &receipt["erased"], &receipt["files"]),
        (200, &json!(39), &json!("verified")),
        "{receipt}"
    );
    for id in &ids {
        assert_eq!(files_with(&hearken.dir(), &secret(id)), Vec::<String>::new(), "{id}");
        assert_eq!(files_with(&hearken.dir(), &format!("user of {id}")), Vec::<String>::new(), "{id}");
    }
    assert_eq!(total(&hearken, ""), 0);

    hearken.terminate().unwrap();
    let rebuilt = hearken.command(&["index", "rebuild"]).unwrap();
    assert!(rebuilt.status.success(), "{}", String::from_utf8_lossy(&rebuilt.stderr));
    assert_eq!(files_with(&hearken.dir(), "call-7"), Vec::<String>::new(), "not even the id");
    hearken.restart().unwrap();
    let again = json!([message("call-7", "acme", "back again"), message("another", "acme", "hello")]);
    assert_eq!(send(&hearken, "POST", "/v1/events", Some(&again)).0, 202);
    wait_until(PATIENCE, "the event behind", || total(&hearken, "hello") == 1);
    assert_eq!(total(&hearken, "back"), 0, "what was erased stays erased");
    assert_eq!(hearken.get_json(&receipt_path).unwrap()["files"], "verified", "receipts outlive a restart");
}

#[test]
fn what_names_nothing_or_too_little_is_refused_and_erases_nothing() {
    let hearken = Hearken::start(&HearkenConfig::default()).unwrap();
    assert_eq!(send(&hearken, "POST", "/v1/events", Some(&message("i-1", "acme", "hello"))).0, 202);
    wait_until(PATIENCE, "the event", || total(&hearken, "hello") == 1);
    for (body, code) in [
        (json!({}), "invalid_body"),
        (json!({"q": " "}), "invalid_body"),
        (json!({"ids": "i-1"}), "invalid_body"),
        (json!({"ids": ["i-1"], "q": "hello"}), "invalid_body"),
        (json!({"q": "hello", "limit": 1}), "invalid_parameter"),
        (json!({"q": "hello", "contry": "Germany"}), "unknown_parameter"),
        (json!({"q": "(hello"}), "invalid_query"),
    ] {
        let (status, problem) = send(&hearken, "POST", "/v1/erasures", Some(&body));
        assert_eq!((status, problem["code"].as_str()), (400, Some(code)), "{body}: {problem}");
    }
    assert_eq!(send(&hearken, "DELETE", "/v1/interactions/i-1?force=true", None).0, 400);
    assert_eq!(send(&hearken, "DELETE", "/v1/interactions/i-2", None).0, 404);
    assert_eq!(hearken.get("/v1/erasures/nobody").unwrap().0, 404);
    let (status, receipt) = send(&hearken, "POST", "/v1/erasures", Some(&json!({"ids": ["i-2"]})));
    assert_eq!((status, &receipt["matched"], &receipt["files"]), (200, &json!(0), &json!("verified")));
    assert_eq!(total(&hearken, "hello"), 1);
    let (_, first) = send(&hearken, "DELETE", "/v1/interactions/i-1", None);
    let (status, again) = send(&hearken, "DELETE", "/v1/interactions/i-1", None);
    assert_eq!((status, &first["erased"], &again["erased"]), (200, &json!(1), &json!(0)), "{again}");
}

#[test]
fn a_terminal_erases_by_id_and_by_query_once_the_user_confirms() {
    let hearken = Hearken::start(&HearkenConfig::default()).unwrap();
    let events = json!([
        message("i-1", "acme", "hello"),
        message("i-2", "acme", "hello there"),
        message("i-3", "acme", "goodbye")
    ]);
    assert_eq!(send(&hearken, "POST", "/v1/events", Some(&events)).0, 202);
    wait_until(PATIENCE, "the events", || total(&hearken, "") == 3);

    let unasked = erase_in_a_terminal(&hearken, &["i-1"]);
    assert_eq!((unasked.status.code(), total(&hearken, "")), (Some(1), 3), "nobody can be asked");
    let erased = erase_in_a_terminal(&hearken, &["i-1", "--yes"]);
    let said = String::from_utf8(erased.stdout).unwrap();
    assert!(erased.status.success() && said.starts_with("1 of 1 erased"), "{said}");
    assert_eq!(total(&hearken, ""), 2);
    let arguments = ["--query", "user_id:\"user of i-2\"", "--yes", "--json", "--wait"];
    let erased = erase_in_a_terminal(&hearken, &arguments);
    let receipt: Value = serde_json::from_slice(&erased.stdout).unwrap();
    assert_eq!((&receipt["erased"], &receipt["files"]), (&json!(1), &json!("verified")), "{receipt}");
    assert_eq!((total(&hearken, ""), total(&hearken, "goodbye")), (1, 1));
}

#[test]
fn an_erasure_is_verified_while_events_come_in_and_somebody_pages() {
    let hearken = Hearken::start(&HearkenConfig::default()).unwrap();
    let events: Vec<_> = (0..30)
        .map(|number| message(&format!("i-{number}"), "acme", &format!("zebra kw{number}q")))
        .collect();
    assert_eq!(send(&hearken, "POST", "/v1/events", Some(&json!(events))).0, 202);
    wait_until(PATIENCE, "all of them", || total(&hearken, "zebra") == 30);
    wait_until(PATIENCE, "the text in a file", || !files_with(&hearken.dir(), "kw5q").is_empty());
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0.. {
                if is_done.load(Ordering::Acquire) {
                    break;
                }
                let event = message(&format!("load-{}", number % 50), "acme", &format!("giraffe {number}"));
                assert_eq!(send(&hearken, "POST", "/v1/events", Some(&event)).0, 202);
            }
        });
        let page = hearken.search(&[("q", "zebra"), ("limit", "10")]).unwrap();
        let (status, receipt) = send(&hearken, "POST", "/v1/erasures?wait=true", Some(&json!({"q": "kw5q"})));
        is_done.store(true, Ordering::Release);
        assert_eq!((status, &receipt["files"]), (200, &json!("verified")), "{receipt}");
        assert_eq!(files_with(&hearken.dir(), "kw5q"), Vec::<String>::new());
        let cursor = page["next_cursor"].as_str().unwrap();
        let (status, _) = hearken.get(&format!("/v1/interactions?q=zebra&limit=10&cursor={cursor}")).unwrap();
        assert_eq!(status, 410, "the next page would be of what there was before");
    });
    assert_eq!(total(&hearken, "zebra"), 29);
}

#[test]
fn an_erased_conversation_leaves_the_log_that_told_of_it() {
    let hearken = Hearken::start(&HearkenConfig::default()).unwrap();
    let rasa = |at: i64, event: &str, text: &str| json!({"sender_id": "ada", "event": event, "timestamp": 1_700_000_000 + at, "text": text});
    let events = json!([
        rasa(0, "session_started", ""),
        rasa(1, "user", "my zebra kw1qz9vv"),
        rasa(100, "session_started", ""),
        rasa(101, "user", "my giraffe hj2pt8uu"),
    ]);
    assert_eq!(send(&hearken, "POST", "/v1/events", Some(&events)).0, 202);
    wait_until(PATIENCE, "both conversations", || total(&hearken, "my") == 2);
    wait_until(PATIENCE, "the text in a file", || !files_with(&hearken.dir(), "kw1q").is_empty());
    let (_, receipt) = send(&hearken, "POST", "/v1/erasures?wait=true", Some(&json!({"q": "zebra"})));
    assert_eq!((&receipt["erased"], &receipt["files"]), (&json!(1), &json!("verified")), "{receipt}");
    assert_eq!(files_with(&hearken.dir(), "kw1q"), Vec::<String>::new());
    assert_eq!((total(&hearken, "zebra"), total(&hearken, "giraffe")), (0, 1));
}

#[test]
fn what_is_older_than_its_retention_is_in_no_file_also_when_the_topics_are_read_again() {
    let broker = MockCluster::new(1).unwrap();
    broker.create_topic("interactions", 1, 1).unwrap();
    let producer = Producer::new(&broker.bootstrap_servers(), "interactions").unwrap();
    let secret = "vom geheimen Zebra Qx7";
    let (mut old, mut young) = (message("old", "acme", secret), message("young", "acme", "hello"));
    old["at"] = "2020-01-01T00:00:00Z".into();
    young["at"] = json!(null); // now
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    // Two conversations of one sender, which one log tells of.
    let rasa = |at: u64, event: &str, text: &str| json!({"sender_id": "ada", "event": event, "timestamp": at, "text": text});
    let (then, today) = (1_577_836_800, now.as_secs());
    let told = [
        rasa(then, "session_started", ""),
        rasa(then + 1, "user", "my zebra kw1qz9vv"),
        rasa(today - 1, "session_started", ""),
        rasa(today, "user", "my giraffe hj2pt8uu"),
    ];
    // The last one without its end, which compression may take from another text.
    let planted = [secret, "user of old", "kw1qz"];
    let holding = |hearken: &Hearken, text| files_with(&hearken.dir(), text);
    for event in [old, young].into_iter().chain(told) {
        let record = Record {
            partition: 0,
            key: None,
            value: Some(event.to_string().into_bytes()),
            headers: Vec::new(),
            timestamp_ms: i64::try_from(now.as_millis()).unwrap(),
        };
        producer.send(&record).unwrap();
    }
    producer.flush().unwrap();
    let config = HearkenConfig::for_in_process_broker(broker.bootstrap_servers());
    let mut hearken = Hearken::start(&config).unwrap();
    wait_until(PATIENCE, "all of them", || total(&hearken, "") == 4);
    for text in planted {
        wait_until(PATIENCE, &format!("`{text}` in a file"), || !holding(&hearken, text).is_empty());
    }

    // What was kept before goes, and soon out of the files; in a new index it does not appear at all.
    let retention = [("HEARKEN_INDEX__RETENTION", "7d")];
    hearken.terminate().unwrap();
    for is_new in [false, true] {
        if is_new {
            hearken.terminate().unwrap();
            fs::remove_dir_all(hearken.dir().join("index")).unwrap();
        }
        hearken.spawn(&retention).unwrap();
        hearken.wait_listening().unwrap();
        hearken.wait_ready(PATIENCE).unwrap();
        wait_until(PATIENCE, "its removal", || total(&hearken, "") == 2);
        assert_eq!(
            (total(&hearken, "zebra"), total(&hearken, "hello"), total(&hearken, "giraffe")),
            (0, 1, 1)
        );
        for text in planted {
            // A new log holds what is old in it until the backlog is read, and is cleaned half an hour later.
            if is_new && text == "kw1qz" {
                continue;
            }
            wait_until(PATIENCE, &format!("`{text}` in no file"), || holding(&hearken, text).is_empty());
        }
    }
}
