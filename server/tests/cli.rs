//! The commands as a person types them: exit codes, stdout and stderr.

#![allow(clippy::unwrap_used)]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use hearken_index::Access;
use hearken_index::checkpoint::Checkpoint;
use hearken_index_tantivy::Index;
use hearken_model::{Document, InteractionId, Sentiment};
use serde_json::json;

fn hearken(args: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hearken"));
    command.args(args).current_dir(folder).env_clear().output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn what_needs_a_cluster_is_refused_without_one_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    for command in [&["serve", "--role", "ingest"][..], &["serve", "--role", "query"], &["index", "prepare"]]
    {
        let output = hearken(command, folder.path());
        assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(1), ""), "{command:?}");
        let said = stderr(&output);
        assert!(said.contains("`index.engine") && said.contains("\"tantivy\""), "{command:?}: {said}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was begun");
}

#[test]
fn the_demo_runs_with_nothing_set_up_and_ends_with_a_summary() {
    let folder = tempfile::tempdir().unwrap();
    let output = hearken(&["demo", "--exit"], folder.path());
    assert!(output.status.success(), "{}", stderr(&output));
    let out = stdout(&output);
    let summary = out.lines().last().unwrap();
    assert!(summary.starts_with("demo: 72 interactions"), "{summary}");
    assert!(summary.contains("2 dead letters"), "{summary}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "the demo leaves nothing behind");
}

#[test]
fn wrong_use_exits_with_2_and_help_with_0() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(hearken(&["sevre"], folder.path()).status.code(), Some(2));
    assert_eq!(hearken(&["serve", "--nope"], folder.path()).status.code(), Some(2));
    let help = hearken(&["--help"], folder.path());
    assert_eq!(help.status.code(), Some(0));
    assert!(stdout(&help).contains("demo"));
}

#[test]
fn the_sample_is_a_configuration_that_check_calls_fine() {
    let folder = tempfile::tempdir().unwrap();
    let sample = hearken(&["config", "sample"], folder.path());
    assert!(sample.status.success());
    std::fs::write(folder.path().join("hearken.toml"), &sample.stdout).unwrap();
    let check = hearken(&["config", "check", "hearken.toml"], folder.path());
    assert!(check.status.success(), "{}", stderr(&check));
    assert!(stdout(&check).contains("hearken.toml is fine"));
}

#[test]
fn a_mistake_in_the_configuration_is_reported_with_file_line_and_the_nearest_name() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("hearken.toml"), "[ingest]\nrefresh_intervall = \"20ms\"\n").unwrap();
    for args in [&["config", "check", "hearken.toml"][..], &["serve"], &["serve", "--config", "hearken.toml"]]
    {
        let output = hearken(args, folder.path());
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        let told = stderr(&output);
        assert!(told.contains("hearken.toml:2") && told.contains("refresh_interval"), "{args:?}: {told}");
    }
}

#[test]
fn a_listener_that_others_could_reach_is_refused_without_keys() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("hearken.toml"), "[http]\nlisten = \"0.0.0.0:0\"\n").unwrap();
    let output = hearken(&["serve"], folder.path());
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("hearken keys create"), "{}", stderr(&output));
}

#[test]
fn keys_are_made_once_asked_for_by_a_running_server_and_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let config =
        "[http]\nlisten = \"0.0.0.0:0\"\nkeys_file = \"keys.toml\"\nmetrics_listen = \"127.0.0.1:0\"\n";
    std::fs::write(folder.path().join("hearken.toml"), config).unwrap();
    let mut server = Command::new(env!("CARGO_BIN_EXE_hearken"))
        .arg("serve")
        .current_dir(folder.path())
        .env_clear()
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let port = line.trim().rsplit(':').next().unwrap().to_owned();
    let status = |key: &str| {
        let mut stream = std::net::TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
        let head = format!(
            "GET /v1/interactions HTTP/1.1\r\nhost: hearken.example\r\nauthorization: Bearer {key}\r\nconnection: close\r\n\r\n"
        );
        std::io::Write::write_all(&mut stream, head.as_bytes()).unwrap();
        let mut answer = String::new();
        std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
        answer[9..12].to_owned()
    };
    assert_eq!(status("hk_00000000_0"), "401");

    let create = [
        "keys",
        "create",
        "--name",
        "team",
        "--organizations",
        "acme,globex",
        "--permissions",
        "search,read",
    ];
    let made = hearken(&create, folder.path());
    assert!(made.status.success(), "{}", stderr(&made));
    let key = stdout(&made).trim().to_owned();
    assert!(key.starts_with("hk_") && !key.contains(char::is_whitespace), "{key}");
    assert_eq!(hearken(&create, folder.path()).status.code(), Some(1), "the name is taken");
    assert_eq!(status(&key), "200", "a new key is known at once");

    let list = hearken(&["keys", "list", "--json"], folder.path());
    let rows: serde_json::Value = serde_json::from_str(&stdout(&list)).unwrap();
    assert_eq!(rows[0]["organizations"], json!(["acme", "globex"]));
    let secret = key.rsplit('_').next().unwrap();
    let kept = std::fs::read_to_string(folder.path().join("keys.toml")).unwrap();
    assert!(!stdout(&list).contains(secret) && !kept.contains(secret));
    assert!(hearken(&["keys", "revoke", "team"], folder.path()).status.success());
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while status(&key) != "401" {
        assert!(std::time::Instant::now() < patience, "it never ended");
    }
    assert_eq!(hearken(&["keys", "revoke", "team"], folder.path()).status.code(), Some(1));

    for wrong in
        [&create[..6], &["keys", "create", "--name", "a", "--organizations", "b", "--permissions", "all"]]
    {
        assert_eq!(hearken(wrong, folder.path()).status.code(), Some(2), "{wrong:?}");
    }
    server.kill().unwrap();
    server.wait().unwrap();
    std::fs::write(folder.path().join("hearken.toml"), "").unwrap();
    let nowhere = hearken(&create, folder.path());
    assert!(stderr(&nowhere).contains("http.keys_file"), "{}", stderr(&nowhere));
}

#[test]
fn a_missing_configuration_file_is_reported_with_how_to_get_one() {
    let folder = tempfile::tempdir().unwrap();
    let output = hearken(&["serve", "--config", "nowhere.toml"], folder.path());
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("nowhere.toml") && stderr(&output).contains("hearken config sample"));
}

#[test]
fn a_new_index_is_checked_counted_and_rebuilt() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("hearken.toml"), "[index]\npath = \"data/index\"\n").unwrap();
    let stats = hearken(&["index", "stats", "--json"], folder.path());
    assert!(stats.status.success(), "{}", stderr(&stats));
    let stats: serde_json::Value = serde_json::from_slice(&stats.stdout).unwrap();
    assert_eq!(stats["documents"], 0);
    for command in ["check", "rebuild", "check"] {
        let output = hearken(&["index", command], folder.path());
        assert!(output.status.success(), "{command}: {}", stderr(&output));
    }
    let reset = hearken(
        &["index", "reset-offset", "--topic", "t", "--partition", "0", "--to", "earliest"],
        folder.path(),
    );
    assert_eq!(reset.status.code(), Some(1));
    assert!(stderr(&reset).contains("never read"), "{}", stderr(&reset));
}

#[test]
fn a_rebuild_analyses_again_what_an_older_version_answered_and_asks_no_kafka() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("hearken.toml"), "[index]\npath = \"index\"\n").unwrap();
    let path = folder.path().join("index");
    let stored = json!({
        "state": {"id": "i-1", "newest_event": 1_000_000_000, "messages": {
            "m-1": {"v": {"time": {"at": 0}, "role": "user", "message":
                "Where is my parcel? It is a week late, this is terrible."}, "t": 0, "r": 0},
            "m-2": {"v": {"time": {"at": 1_000_000_000}, "role": "assistant", "message": "I am sorry to hear that."},
                "t": 1_000_000_000, "r": 0},
        }},
        "derived": {"head": {"id": "i-1", "status": "in_progress",
            "topics_summary": {"topic": "Of an older version", "keywords": []},
            "analysis": {"by": "built-in", "version": "0", "at": "1970-01-01T00:00:01Z"}}, "messages": []},
    });
    let stored: Document = serde_json::from_value(stored).unwrap();
    let mut asked = stored.clone();
    asked.state.id = InteractionId::try_new("asked").unwrap();
    let answer = json!({"v": {"by": "a-model", "version": "0", "of": "f", "topic": "Zebra parcels",
        "usage": {"gpt-4o": {"input_tokens": 1_000_000}}}, "t": 0, "r": 0});
    asked.state.llm_analysis = Some(serde_json::from_value(answer).unwrap());
    let (mut writer, reader) = Index::open(&path, |_| {}).unwrap();
    for document in [&stored, &asked] {
        writer.put(document.clone());
    }
    writer.refresh(&Checkpoint::default()).unwrap();
    writer.flush_now().unwrap();
    drop((writer, reader));

    let rebuilt = hearken(&["index", "rebuild"], folder.path());
    assert!(rebuilt.status.success(), "{}", stderr(&rebuilt));

    let (_writer, reader) = Index::open(&path, |_| {}).unwrap();
    let head = |id: &InteractionId| reader.get(id, &Access::All).unwrap().unwrap().derived.head;
    let again = head(stored.id());
    let info = again.analysis.unwrap();
    assert_eq!(info.version, Some(hearken_analysis::VERSION.to_string()));
    assert_ne!(again.topics_summary.topic.as_deref(), Some("Of an older version"));
    assert_eq!(again.topics_summary.sentiment, Some(Sentiment::Negative));
    // A language model's answer came as an event and does not change; its tokens are priced at today's prices.
    let asked = head(asked.id());
    assert_eq!(asked.analysis.unwrap().by, "a-model");
    assert_eq!(asked.topics_summary.topic.as_deref(), Some("Zebra parcels"));
    assert_eq!(asked.total_costs.analysis.map(|cost| cost.to_string()).as_deref(), Some("2.5"));
}

#[test]
fn a_second_process_is_refused_the_index_and_sigterm_ends_the_first_cleanly() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("hearken.toml"), "[http]\nlisten = \"127.0.0.1:0\"\n").unwrap();
    let mut server = Command::new(env!("CARGO_BIN_EXE_hearken"))
        .arg("serve")
        .current_dir(folder.path())
        .env_clear()
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("listening on http://127.0.0.1:"), "{line}");

    let second = hearken(&["index", "stats"], folder.path());
    assert_eq!(second.status.code(), Some(1));
    assert!(stderr(&second).contains("in use by another process"), "{}", stderr(&second));

    let killed = Command::new("kill").args(["-TERM", &server.id().to_string()]).status().unwrap();
    assert!(killed.success());
    assert_eq!(server.wait().unwrap().code(), Some(0));
    assert!(hearken(&["index", "check"], folder.path()).status.success());
}
