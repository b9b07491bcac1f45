//! Every way in that needs no Kafka, and the terminal: the real program against a running server and a stopped index.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use hearken_tests::hearken::hearken_binary;
use hearken_tests::{Hearken, HearkenConfig, wait_until};
use rdkafka::mocking::MockCluster;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);

/// `hearken ARGUMENTS`, asking that server, with a state folder of its own.
fn command(hearken: &Hearken, arguments: &[&str]) -> Command {
    let mut command = Command::new(hearken_binary().unwrap());
    command
        .args(arguments)
        .env("HEARKEN_URL", hearken.base_url())
        .env("XDG_STATE_HOME", hearken.dir().join("state"));
    command.env("HOME", hearken.dir()).current_dir(hearken.dir());
    command
}

fn run(hearken: &Hearken, arguments: &[&str]) -> Output {
    command(hearken, arguments).output().unwrap()
}

fn stdout_of(hearken: &Hearken, arguments: &[&str]) -> String {
    let output = run(hearken, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn import(hearken: &Hearken, arguments: &[&str]) -> Value {
    let arguments: Vec<_> = ["import", "--json"].iter().chain(arguments).copied().collect();
    serde_json::from_str(&stdout_of(hearken, &arguments)).unwrap()
}

fn num_messages(hearken: &Hearken) -> u64 {
    let answer = hearken.search(&[("limit", "100")]).unwrap();
    answer["items"].as_array().unwrap().iter().map(|item| item["messages_count"].as_u64().unwrap()).sum()
}

/// Files of every kind, one of them with a line that is not an event.
fn write_files(folder: &Path) {
    fs::create_dir_all(folder.join("more")).unwrap();
    let lines = [
        json!({"event": "interaction.message", "interaction_id": "chat-1", "role": "user", "message": "Where is my parcel?"}),
        json!({"event": "interaction.message", "interaction_id": "chat-1", "role": "assistant", "message": "On its way."}),
        json!({"event": "interaction.message", "interaction_id": "chat-1", "role": "assistant", "message": "On its way."}),
    ];
    let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
    let text = format!("{}\n{{broken\n{}\n{}\n", lines[0], lines[1], lines[2]);
    fs::write(folder.join("chats.ndjson.zst"), zstd::encode_all(text.as_bytes(), 1).unwrap()).unwrap();
    let array = json!([
        {"event": "interaction.completed", "interaction_id": "call-1", "type": "voice_call", "start_time": "2026-05-01T10:00:00Z",
         "transcript": [{"role": "user", "message": "I want a refund", "offset_ms": 0}]},
        {"event": "interaction.nonsense", "interaction_id": "call-2"},
    ]);
    fs::write(folder.join("more/calls.json"), serde_json::to_string_pretty(&array).unwrap()).unwrap();
    fs::write(
        folder.join("more/rows.csv"),
        "interaction_id,role,message\nrow-1,Customer,\"Hello, there\"\nrow-1,Bot,Hi\n",
    )
    .unwrap();
    fs::write(
        folder.join("more/call-7.txt"),
        "[0:01] Customer: My invoice is wrong.\n[0:05] Agent: Let me see.\n",
    )
    .unwrap();
    fs::write(folder.join("more/picture.png"), [0; 10]).unwrap();
}

#[test]
fn files_of_every_kind_are_imported_once_however_often() {
    let hearken = Hearken::start(&HearkenConfig::default()).unwrap();
    let folder = hearken.dir().join("files");
    write_files(&folder);
    for _ in 0..2 {
        let summary = import(&hearken, &["files"]);
        assert_eq!((&summary["files"], &summary["accepted"]), (&json!(4), &json!(7)), "{summary}");
        let skipped = summary["skipped"].as_array().unwrap();
        assert_eq!(skipped.len(), 2, "{summary}");
        let reasons = summary["skipped"].to_string();
        assert!(
            reasons.contains("not JSON") && reasons.contains("`interaction.nonsense` is unknown"),
            "{reasons}"
        );
        wait_until(PATIENCE, "all messages", || num_messages(&hearken) == 8);
    }
    let shown: Value = hearken.get_json("/v1/interactions/call-7").unwrap();
    assert_eq!(shown["transcript"][1]["timestamp"], 5_000);
    // Standard input has no name: what it holds is said, compressed or not.
    let mut piped =
        command(&hearken, &["import", "--kind", "transcript", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    let text = zstd::encode_all(&b"Customer: Is this a pipe?\n"[..], 1).unwrap();
    piped.stdin.take().unwrap().write_all(&text).unwrap();
    assert!(piped.wait().unwrap().success());
    wait_until(PATIENCE, "what came through the pipe", || num_messages(&hearken) == 9);
    // Nothing at all imported is a failure; a file that is not there, wrong use of the words or not, is one too.
    fs::write(folder.join("bad.json"), "{broken").unwrap();
    assert_eq!(run(&hearken, &["import", "files/bad.json"]).status.code(), Some(1));
    assert_eq!(run(&hearken, &["import", "files/nothing.json"]).status.code(), Some(1));
    assert_eq!(run(&hearken, &["import"]).status.code(), Some(2));
}

/// Messages without ids and without times, which only their place in the file distinguishes.
fn many_messages(path: &Path, num_interactions: usize, num_each: usize) {
    let mut file = fs::File::create(path).unwrap();
    for number in 0..num_interactions * num_each {
        let id = format!("chat-{}", number % num_interactions);
        let event =
            json!({"event": "interaction.message", "interaction_id": id, "role": "user", "message": "ok"});
        writeln!(file, "{event}").unwrap();
    }
}

#[test]
fn a_killed_import_resumes_and_duplicates_nothing() {
    let mut hearken = Hearken::start(&HearkenConfig::default()).unwrap();
    many_messages(&hearken.dir().join("many.ndjson"), 50, 1_000);
    let mut killed = command(&hearken, &["import", "many.ndjson"]).stderr(Stdio::null()).spawn().unwrap();
    wait_until(PATIENCE, "the first messages", || {
        hearken.metric("hearken_ingest_records_total", &[("topic", "http")]).is_ok_and(|count| count > 0.0)
    });
    killed.kill().unwrap();
    killed.wait().unwrap();
    hearken.kill();
    hearken.restart().unwrap();
    let summary = import(&hearken, &["many.ndjson"]);
    assert_eq!(summary["accepted"].as_u64().unwrap() + summary["imported_before"].as_u64().unwrap(), 50_000);
    wait_until(PATIENCE, "all messages", || num_messages(&hearken) >= 50_000);
    hearken.restart().unwrap();
    hearken.wait_ready(PATIENCE).unwrap();
    assert_eq!(num_messages(&hearken), 50_000);
}

#[test]
fn a_stopped_index_takes_files_without_a_server_and_resumes_after_a_kill() {
    let mut hearken = Hearken::start(&HearkenConfig::default()).unwrap();
    many_messages(&hearken.dir().join("many.ndjson"), 20, 500);
    let busy = hearken.command(&["import", "--to", "index", "many.ndjson"]).unwrap();
    assert_eq!(busy.status.code(), Some(1), "the server has the index");
    hearken.terminate().unwrap();
    let import = || {
        command(&hearken, &["import", "--to", "index", "--config", "hearken.toml", "--json", "many.ndjson"])
    };
    let mut killed = import().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let state = hearken.dir().join("state/hearken");
    wait_until(PATIENCE, "something to go on from", || {
        fs::read_dir(&state).is_ok_and(|files| files.count() > 0) || killed.try_wait().unwrap().is_some()
    });
    killed.kill().unwrap();
    killed.wait().unwrap();
    let imported = import().output().unwrap();
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    let summary: Value = serde_json::from_slice(&imported.stdout).unwrap();
    assert_eq!(summary["accepted"].as_u64().unwrap() + summary["imported_before"].as_u64().unwrap(), 10_000);
    hearken.restart().unwrap();
    hearken.wait_ready(PATIENCE).unwrap();
    assert_eq!(num_messages(&hearken), 10_000);
}

#[test]
fn hostile_requests_are_refused_with_a_reason_and_others_are_still_answered() {
    let mut hearken = Hearken::start(&HearkenConfig::default()).unwrap();
    let client = reqwest::blocking::Client::builder().timeout(PATIENCE).build().unwrap();
    let url = format!("{}/v1/events", hearken.base_url());
    let said = |message: &str| {
        format!(r#"{{"event":"interaction.message","interaction_id":"i","role":"user","message":{message}}}"#)
    };
    let with = |more: &str| format!(r#"{{"event":"interaction.started","interaction_id":"i",{more}}}"#);
    let (deep, digits) = ("[".repeat(100_000), "9".repeat(1_000));
    let nested = "[".repeat(100_000) + &"]".repeat(100_000);
    let invalid = [said("\"").as_bytes(), b"\xff\xfe\xed\xa0\"}"].concat();
    let zeros = vec![b' '; 64 * 1024 * 1024];
    let bomb = zstd::encode_all(&zeros[..], 1).unwrap();
    // Or answered 202 with a reason for the one event.
    let (refused, too_large) = ([400, 202], [413, 413]);
    for (what, body, encoding, status) in [
        ("an open end", deep.into_bytes(), "", refused),
        ("depth", nested.as_bytes().to_vec(), "", refused),
        ("depth in a field", with(&format!(r#""metadata":{{"a":{nested}}}"#)).into_bytes(), "", refused),
        (
            "depth by names",
            with(&format!(r#""metadata":{}1{}"#, r#"{"a":"#.repeat(5_000), "}".repeat(5_000))).into_bytes(),
            "",
            refused,
        ),
        ("bytes that are no text", invalid, "", refused),
        ("a message of 10 MB", said(&format!("\"{}\"", "word ".repeat(2_000_000))).into_bytes(), "", refused),
        ("a number without an end", with(&format!(r#""start_time":{digits}"#)).into_bytes(), "", refused),
        ("a number beyond all numbers", with(r#""start_time":1e999"#).into_bytes(), "", refused),
        ("a bomb in a bomb", zstd::encode_all(&bomb[..], 1).unwrap(), "zstd", refused),
        ("a bomb", bomb, "zstd", too_large),
    ] {
        let mut request = client.post(&url).body(body);
        if !encoding.is_empty() {
            request = request.header("content-encoding", encoding);
        }
        let answer = request.send().unwrap();
        let (told, text) = (answer.status().as_u16(), answer.text().unwrap());
        assert!(status.contains(&told), "{what}: {told} {text}");
        assert!(text.len() < 2_000, "{what} is not sent back: {} bytes", text.len());
        let told: Value = serde_json::from_str(&text).unwrap();
        let is_refused = told["accepted"] == 0 && told["rejected"][0]["reason"].is_string();
        assert!(is_refused || told["detail"].is_string(), "{what}: {told}");
    }
    let bytes = "%00%ff%0d%0aset-cookie:%20a=b";
    for (path, status) in [
        (format!("/v1/interactions/{bytes}"), 404),
        ("/v1/interactions/..%2f..%2fetc%2fpasswd".to_owned(), 404),
        (format!("/v1/interactions?q={bytes}"), 200),
        (format!("/v1/interactions?q={}", "a".repeat(40_000)), 414),
        ("//v1//interactions".to_owned(), 404),
        (format!("/assets/{bytes}/{bytes}"), 400),
    ] {
        assert_eq!(hearken.get(&path).unwrap().0, status, "{path:.60}");
    }
    let huge =
        client.get(format!("{}/healthz", hearken.base_url())).header("x-a", "a".repeat(200_000)).send();
    assert_eq!(huge.unwrap().status(), 431);

    let good = client.post(&url).body(said("\"zebra\"")).send().unwrap();
    assert_eq!(good.json::<Value>().unwrap()["accepted"], 1);
    wait_until(PATIENCE, "an event behind all that", || {
        hearken.search(&[("q", "zebra")]).is_ok_and(|answer| answer["total"] == 1)
    });
    assert!(hearken.ended().unwrap().is_none() && !hearken.log().contains("panicked"));
}

#[test]
fn the_terminal_searches_shows_exports_and_follows() {
    let hearken = Hearken::start(&HearkenConfig::default()).unwrap();
    write_files(&hearken.dir().join("files"));
    import(&hearken, &["files"]);
    wait_until(PATIENCE, "all messages", || num_messages(&hearken) == 8);

    let found = stdout_of(&hearken, &["search", "refund", "--facets", "type"]);
    assert!(found.contains("call-1") && found.contains("I want a refund"), "{found}");
    assert!(
        found.contains("voice_call") && !found.contains('\u{1b}'),
        "no colours where nobody looks: {found}"
    );
    let json: Value = serde_json::from_str(&stdout_of(&hearken, &["search", "refund", "--json"])).unwrap();
    assert_eq!(json["total"], 1);
    let shown = stdout_of(&hearken, &["show", "call-7"]);
    assert!(shown.contains("0:05") && shown.contains("Let me see."), "{shown}");
    let exported = stdout_of(&hearken, &["export", "--filter", "type=voice_call"]);
    assert_eq!(serde_json::from_str::<Value>(exported.trim()).unwrap()["id"], "call-1");
    stdout_of(&hearken, &["export", "--format", "csv", "-o", "all.csv"]);
    let csv = fs::read_to_string(hearken.dir().join("all.csv")).unwrap();
    assert!(["chat-1", "call-1", "row-1", "call-7"].iter().all(|id| csv.contains(id)), "{csv}");

    let wrong = run(&hearken, &["search", "contry:x"]);
    let said = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(wrong.status.code() == Some(1) && said.contains("country"), "{said}");
    assert_eq!(run(&hearken, &["show", "nobody"]).status.code(), Some(1));
    for shell in ["bash", "zsh", "fish"] {
        assert!(stdout_of(&hearken, &["completions", shell]).contains("facets"), "{shell}");
    }
    stdout_of(&hearken, &["man", "pages"]);
    let page = fs::read_to_string(hearken.dir().join("pages/hearken-search.1")).unwrap();
    assert!(page.starts_with(".") && page.contains("facets"), "{page}");

    let mut tail = command(&hearken, &["tail", "parcel", "--json"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    // Whoever follows sees what changes from the moment on that the server has heard of them.
    let (told_tx, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || told_tx.send(lines.next()));
    let mut number = 0;
    wait_until(PATIENCE, "a line of what changes", || {
        number += 1;
        let event = json!({"event": "interaction.message", "interaction_id": "chat-1", "role": "user", "message": format!("parcel {number}")});
        let client = reqwest::blocking::Client::new();
        client.post(format!("{}/v1/events", hearken.base_url())).body(event.to_string()).send().unwrap();
        match told.recv_timeout(Duration::from_millis(200)) {
            Ok(line) => {
                let item: Value = serde_json::from_str(&line.unwrap().unwrap()).unwrap();
                assert_eq!(item["id"], "chat-1");
                true
            }
            Err(_) => false,
        }
    });
    tail.kill().unwrap();
    tail.wait().unwrap();
}

#[test]
fn files_and_requests_go_to_kafka_where_that_is_wanted_and_come_back() {
    let broker = MockCluster::new(1).unwrap();
    broker.create_topic("interactions", 2, 1).unwrap();
    let mut hearken =
        Hearken::start(&HearkenConfig::for_in_process_broker(broker.bootstrap_servers())).unwrap();
    hearken.terminate().unwrap();
    write_files(&hearken.dir().join("files"));
    for _ in 0..2 {
        let summary = import(&hearken, &["--to", "kafka", "--config", "hearken.toml", "files"]);
        assert_eq!(summary["accepted"], 7, "{summary}");
    }
    hearken.spawn(&[("HEARKEN_HTTP__INGEST", "kafka")]).unwrap();
    hearken.wait_listening().unwrap();
    hearken.wait_ready(PATIENCE).unwrap();
    // Both imports were read. The two equal messages of one file, which name neither an id nor a time, are two, and not four.
    assert_eq!(num_messages(&hearken), 8);
    let event = json!({"event": "interaction.message", "interaction_id": "chat-9", "role": "user", "message": "zebra"});
    let twice = json!([event, event]);
    let request = reqwest::blocking::Client::new().post(format!("{}/v1/events", hearken.base_url()));
    assert_eq!(request.body(twice.to_string()).send().unwrap().status(), 202);
    wait_until(PATIENCE, "both messages that were sent", || num_messages(&hearken) == 10);
    let of_kafka = [("topic", "interactions"), ("outcome", "applied")];
    assert!(hearken.metric("hearken_ingest_records_total", &of_kafka).unwrap() > 0.0);
    assert_eq!(hearken.metric("hearken_ingest_records_total", &[("topic", "http")]).unwrap(), 0.0);
}

/// What a person sees of `hearken ARGUMENTS` in a terminal of six lines.
fn in_a_terminal(hearken: &Hearken, arguments: &str, environment: &[(&str, &str)]) -> String {
    let line = format!("stty rows 6 cols 100; exec {} {arguments}", hearken_binary().unwrap().display());
    let mut script = Command::new("script");
    script.args(["-qec", &line, "/dev/null"]).envs([("TERM", "xterm"), ("SHELL", "/bin/sh")]);
    script.env("HEARKEN_URL", hearken.base_url()).env("HOME", hearken.dir()).current_dir(hearken.dir());
    let output = script.env_remove("NO_COLOR").envs(environment.iter().copied()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_terminal_gets_colours_and_pages_and_a_profile_says_which_server() {
    let hearken = Hearken::start(&HearkenConfig::default()).unwrap();
    write_files(&hearken.dir().join("files"));
    import(&hearken, &["files"]);
    wait_until(PATIENCE, "all messages", || num_messages(&hearken) == 8);

    let prefixed = |shown: &str| shown.lines().filter(|line| line.starts_with("page:")).count();
    let pager = ("PAGER", "sed s/^/page:/");
    let shown = in_a_terminal(&hearken, "show call-7", &[pager]);
    assert!(prefixed(&shown) > 6 && shown.contains("Let me see.") && shown.contains("\u{1b}["), "{shown}");
    let shown = in_a_terminal(&hearken, "show call-7", &[pager, ("NO_COLOR", "1")]);
    assert!(prefixed(&shown) > 6 && !shown.contains('\u{1b}'), "{shown}");
    assert_eq!(prefixed(&in_a_terminal(&hearken, "search nothing", &[pager])), 0, "it fits");
    assert_eq!(prefixed(&in_a_terminal(&hearken, "show call-7 --json", &[pager])), 0, "that is for programs");
    for pager in ["", "cat", "no-such-pager"] {
        let shown = in_a_terminal(&hearken, "show call-7", &[("PAGER", pager)]);
        assert!(shown.contains("Let me see."), "{pager}: {shown}");
    }

    let folder = hearken.dir().join(".config/hearken");
    fs::create_dir_all(&folder).unwrap();
    let profiles =
        format!("[default]\nurl = \"{}\"\n[away]\nurl = \"http://127.0.0.1:1\"\n", hearken.base_url());
    fs::write(folder.join("profiles.toml"), profiles).unwrap();
    let run = |profile: &[&str], variable: &str| {
        let mut search = command(&hearken, &[&["search", "refund", "--json"], profile].concat());
        search.env_remove("HEARKEN_URL").env_remove("XDG_CONFIG_HOME").env("HEARKEN_PROFILE", variable);
        search.output().unwrap()
    };
    assert!(String::from_utf8(run(&[], "").stdout).unwrap().contains("call-1"));
    for away in [run(&["--profile", "away"], ""), run(&[], "away")] {
        let said = String::from_utf8_lossy(&away.stderr).into_owned();
        assert!(away.status.code() == Some(1) && said.contains("127.0.0.1:1"), "{said}");
    }
    let unknown = run(&["--profile", "nobody"], "");
    let said = String::from_utf8_lossy(&unknown.stderr).into_owned();
    assert!(unknown.status.code() == Some(1) && said.contains("away, default"), "{said}");
}

#[test]
fn a_server_with_keys_and_a_certificate_serves_other_machines_and_notes_who_did_what() {
    let mut hearken = Hearken::start(&HearkenConfig::default()).unwrap();
    hearken.terminate().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    fs::write(hearken.dir().join("tls.crt"), made.cert.pem()).unwrap();
    fs::write(hearken.dir().join("tls.key"), made.signing_key.serialize_pem()).unwrap();
    let mut environment = vec![
        ("HEARKEN_HTTP__LISTEN", "0.0.0.0:0"),
        ("HEARKEN_HTTP__KEYS_FILE", "keys.toml"),
        ("HEARKEN_HTTP__AUDIT_LOG", "audit.jsonl"),
        ("HEARKEN_HTTP__TLS__CERTIFICATE", "tls.crt"),
        ("HEARKEN_HTTP__TLS__KEY", "tls.key"),
        ("SSL_CERT_FILE", "tls.crt"),
    ];
    hearken.spawn(&environment).unwrap();
    hearken.wait_listening().unwrap();
    let port = hearken.base_url().strip_prefix("https://0.0.0.0:").unwrap().to_owned();
    let url = format!("https://localhost:{port}");
    environment.push(("HEARKEN_URL", &url));
    let run = |arguments: &[&str], key: &str| {
        let mut command = command(&hearken, arguments);
        command.envs(environment.iter().copied()).env("HEARKEN_KEY", key).output().unwrap()
    };
    let config = ["--config", "hearken.toml"];
    let create = ["keys", "create", "--name", "me", "--organizations", "*", "--permissions", "search,ingest"];
    let key = String::from_utf8(run(&[&create[..], &config].concat(), "").stdout).unwrap();
    let key = key.trim();
    fs::write(
        hearken.dir().join("one.ndjson"),
        json!({"event": "interaction.message", "interaction_id": "one", "role": "user", "message": "zanzibar"})
            .to_string(),
    )
    .unwrap();
    assert!(run(&["search", ""], key).status.success(), "a new key is known at once");
    let imported = run(&["import", "one.ndjson"], key);
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    wait_until(PATIENCE, "the message", || {
        String::from_utf8_lossy(&run(&["search", "zanzibar", "--json"], key).stdout).contains("\"one\"")
    });
    assert_eq!(run(&["show", "one"], key).status.code(), Some(1), "the key does not permit it");
    let profiles = hearken.dir().join(".config/hearken/profiles.toml");
    fs::create_dir_all(profiles.parent().unwrap()).unwrap();
    fs::write(hearken.dir().join("my.key"), format!("{key}\n")).unwrap();
    let key_file = hearken.dir().join("my.key").display().to_string();
    fs::write(profiles, format!("[default]\nkey_file = \"{key_file}\"\n")).unwrap();
    let found = run(&["search", "zanzibar", "--json"], "");
    assert!(String::from_utf8_lossy(&found.stdout).contains("\"one\""), "{found:?}");

    hearken.terminate().unwrap();
    let run = |arguments: &[&str]| {
        command(&hearken, arguments).envs([("HEARKEN_HTTP__AUDIT_LOG", "audit.jsonl")]).output().unwrap()
    };
    let checked = run(&[&["audit", "check"][..], &config].concat());
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    let log = fs::read_to_string(hearken.dir().join("audit.jsonl")).unwrap();
    for done in
        ["keys create", "POST /v1/events", "GET /v1/interactions\"", "\"object\":\"one\"", "\"status\":403"]
    {
        assert!(log.contains(done), "{done}: {log}");
    }
    assert!(!log.contains("zanzibar") && !log.contains(key.rsplit('_').next().unwrap()), "{log}");
    fs::write(hearken.dir().join("audit.jsonl"), log.replacen("keys create", "keys revoke", 1)).unwrap();
    let checked = run(&[&["audit", "check"][..], &config].concat());
    let told = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.code() == Some(1) && told.contains("line 1 "), "{told}");
}
