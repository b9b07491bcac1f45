//! Past one machine: several ingest processes in one consumer group write to one OpenSearch, and other processes answer.
//! Under load some are killed, added, and stopped for longer than their session lasts. At the end the index holds what the
//! fold of the stream says and what an undisturbed server on one machine answers, whose index then moves to the cluster.
//!
//! `HEARKEN_CRASH_SEED` picks the stream; it is printed.
#![allow(clippy::unwrap_used)]

use std::io::Write as _;
use std::path::PathBuf;
use std::process::Output;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hearken_tests::data::{self, Address, Dialogue, UserAgent};
use hearken_tests::engines::{Kafka, OpenSearch};
use hearken_tests::kafka_io::{Producer, Record, lag};
use hearken_tests::real_input::check::Truth;
use hearken_tests::real_input::compare::{
    assert_none_differ, compare_dead_letters, compare_interactions, fetch_all, interaction_path, total,
};
use hearken_tests::real_input::{self, Expected, Options, WorkloadProducer};
use hearken_tests::{Hearken, HearkenConfig, engine_or_skip, wait_until};
use reqwest::blocking::Client;
use serde_json::{Value, json};

const TOPIC: &str = "interactions";
const DEAD_LETTER_TOPIC: &str = "interactions.dlq";
const GROUP: &str = "hearken";
const PATIENCE: Duration = Duration::from_secs(3 * 60);
/// On two cores three nodes, a broker and six processes take their time.
const PATIENCE_OF_NODES: Duration = Duration::from_secs(10 * 60);
/// The shortest that Kafka allows unless it is told otherwise.
const SESSION_TIMEOUT: Duration = Duration::from_secs(6);
/// How many records arrive at once, and the pause between.
const BURST: usize = 20;

/// What is running, and what is sent.
struct Stage {
    kafka: Kafka,
    cluster: String,
    shards: usize,
    replicas: usize,
    num_partitions: i32,
    geoip_database: PathBuf,
    dialogues: Vec<Dialogue>,
    user_agents: Vec<UserAgent>,
    addresses: Vec<Address>,
    seed: u64,
}

impl Stage {
    fn new(kafka: Kafka, nodes: &[OpenSearch], num_partitions: i32, num_dialogues: usize) -> Option<Stage> {
        let data_dir = hearken_tests::outcome::available_or_skip(data::data_dir())?;
        kafka.create_topic(TOPIC, num_partitions).unwrap();
        kafka.create_topic(DEAD_LETTER_TOPIC, 1).unwrap();
        let dialogues = data::dialogues(&data_dir).unwrap();
        let seed = real_input::seed();
        say(&format!("scale-out: HEARKEN_CRASH_SEED={seed}"));
        Some(Stage {
            cluster: nodes.iter().map(OpenSearch::base_url).collect::<Vec<_>>().join(","),
            shards: nodes.len(),
            replicas: usize::from(nodes.len() > 1),
            num_partitions,
            geoip_database: data::geoip_database(&data_dir),
            dialogues: dialogues.iter().step_by(dialogues.len() / num_dialogues).cloned().collect(),
            user_agents: data::user_agents(&data_dir).unwrap(),
            addresses: data::addresses(&data_dir).unwrap(),
            seed,
            kafka,
        })
    }

    fn servers(&self) -> String {
        self.kafka.bootstrap_servers()
    }

    fn source(&self) -> WorkloadProducer<'_> {
        let options = Options {
            seed: self.seed,
            num_partitions: self.num_partitions,
            duplicates: 0.1,
            malformed: 0.01,
            late: 0.1,
            scattered: 0.3, // so that several processes write the same interactions
            edited: 0.03,
            unended: 0.05,
            erased: 0.03,
            ..Options::default()
        };
        let into = (self.servers(), TOPIC);
        WorkloadProducer::new((&into.0, into.1), options, &self.dialogues, &self.user_agents, &self.addresses)
            .unwrap()
    }

    fn num_records(&self) -> usize {
        self.dialogues.iter().map(|dialogue| dialogue.turns.len() + 2).sum()
    }

    /// The environment of a process over the cluster.
    fn over_cluster(&self, group: &str, index_prefix: &str, session: Duration) -> Vec<(String, String)> {
        let (shards, replicas) = (self.shards.to_string(), self.replicas.to_string());
        let session = session.as_millis().to_string();
        [
            ("HEARKEN_INDEX__ENGINE", "opensearch"),
            ("HEARKEN_INDEX__OPENSEARCH__URLS", &self.cluster),
            ("HEARKEN_INDEX__OPENSEARCH__INDEX_PREFIX", index_prefix),
            ("HEARKEN_INDEX__OPENSEARCH__SHARDS", &shards),
            ("HEARKEN_INDEX__OPENSEARCH__REPLICAS", &replicas),
            ("HEARKEN_HTTP__INGEST", "kafka"),
            ("HEARKEN_INGEST__IDLE_TIMEOUT", "10s"), // what is idle is looked for as often as that is short
            ("HEARKEN_KAFKA__GROUP_ID", group),
            ("HEARKEN_KAFKA__LIBRDKAFKA__SESSION_TIMEOUT_MS", &session),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    fn process(&self, role: &str) -> HearkenConfig {
        HearkenConfig {
            geoip_database: Some(self.geoip_database.clone()),
            arguments: vec!["--role".to_owned(), role.to_owned()],
            environment: self.over_cluster(GROUP, "hearken", SESSION_TIMEOUT),
            ..HearkenConfig::for_kafka(self.servers())
        }
    }

    fn start(&self, role: &str) -> Hearken {
        Hearken::start(&self.process(role)).unwrap()
    }

    /// A query process. Nothing starts before the index is there.
    fn start_first(&self) -> Hearken {
        let mut query = Hearken::stopped(&self.process("query")).unwrap();
        succeeded(&query.command(&["index", "prepare"]).unwrap());
        query.restart().unwrap();
        query
    }

    /// What the server on one machine answers that reads the same stream without being disturbed, and that server.
    fn undisturbed(&self, expected: &[Expected], patience: Duration) -> (Hearken, Vec<Value>) {
        let mut config = HearkenConfig::for_kafka(self.servers());
        config.geoip_database = Some(self.geoip_database.clone());
        config.environment = [("HEARKEN_KAFKA__GROUP_ID", "alone"), ("HEARKEN_INGEST__IDLE_TIMEOUT", "10s")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec();
        let mut alone = Hearken::start(&config).unwrap();
        alone.wait_ready(patience).unwrap();
        wait_settled(&alone, expected, patience);
        let answers = fetch_all(&alone, expected);
        (alone, answers)
    }

    /// What every query process answers is what the stream says, and what the undisturbed server does. That server, stopped.
    fn compare(
        &self,
        queries: &[&Hearken],
        source: &WorkloadProducer<'_>,
        patience: Duration,
    ) -> (Hearken, Vec<Value>) {
        let expected = source.fold.expected();
        let (mut alone, wanted) = self.undisturbed(&expected, patience);
        for query in queries {
            wait_settled(query, &expected, patience);
            let answers = fetch_all(query, &expected);
            compare_interactions(&expected, &answers, &Truth::new(&self.user_agents, &self.addresses));
            for id in source.fold.erased() {
                assert_eq!(query.get(&interaction_path(id)).unwrap().0, 404, "`{id}` was erased");
            }
            assert_alike(&answers, &wanted);
        }
        compare_dead_letters((&self.servers(), TOPIC), DEAD_LETTER_TOPIC, &source.malformed);
        alone.terminate().unwrap();
        (alone, wanted)
    }

    /// Waits until the group has read everything.
    fn wait_read(&self, patience: Duration) {
        wait_until(patience, "the group to have read everything", || {
            lag(&self.servers(), GROUP, TOPIC).is_ok_and(|lag| lag == 0)
        });
    }
}

/// Sends that many records of the stream, or all that are left, with pauses that set its pace.
fn produce(source: &mut WorkloadProducer<'_>, num_records: usize, pause: Duration) {
    let mut num_left = num_records;
    while num_left > 0 {
        let num_produced = source.produce(BURST.min(num_left)).unwrap() as usize;
        if num_produced == 0 {
            return;
        }
        num_left -= num_produced;
        std::thread::sleep(pause); // nothing is waited for
    }
}

fn wait_settled(hearken: &Hearken, expected: &[Expected], patience: Duration) {
    let unended = expected.iter().filter(|interaction| interaction.end_ms.is_none()).count();
    wait_until(patience, "interactions without an end to be abandoned", || {
        total(hearken, &[("status", "abandoned")]) == unended
    });
    wait_until(patience, "everything to be found", || total(hearken, &[]) == expected.len());
}

fn assert_alike(answers: &[Value], wanted: &[Value]) {
    let differing = answers.iter().zip(wanted).filter(|(answer, wanted)| answer != wanted);
    let differing: Vec<_> =
        differing.map(|(answer, wanted)| format!("{answer} instead of {wanted}")).collect();
    assert_none_differ("interactions", &differing, wanted.len());
}

fn num_partitions_of(process: &Hearken) -> f64 {
    process.metric("hearken_ingest_partitions", &[]).unwrap()
}

fn num_conflicts<'h>(processes: impl IntoIterator<Item = &'h Hearken>) -> f64 {
    let of_one = |process: &Hearken| process.metric("hearken_ingest_conflicts_total", &[]).unwrap();
    processes.into_iter().map(of_one).sum()
}

#[test]
fn killed_added_and_returning_processes_leave_what_an_undisturbed_one_does() {
    const PAUSE: Duration = Duration::from_millis(5);
    // Both take their time to start.
    let (kafka, opensearch) = std::thread::scope(|scope| {
        let opensearch = scope.spawn(OpenSearch::start);
        (Kafka::start(), opensearch.join().unwrap())
    });
    let (kafka, opensearch) = (engine_or_skip!(kafka), engine_or_skip!(opensearch));
    let Some(stage) = Stage::new(kafka, std::slice::from_ref(&opensearch), 4, 200) else { return };
    let mut source = stage.source();
    let query = stage.start_first();
    let mut first = stage.start("ingest");
    let second = stage.start("ingest");

    let started = Instant::now();
    let num_records = stage.num_records();
    produce(&mut source, num_records / 4, PAUSE);
    first.kill();
    let third = stage.start("ingest");
    produce(&mut source, num_records / 4, PAUSE);
    second.pause().unwrap();
    produce(&mut source, num_records / 8, PAUSE);
    wait_until(PATIENCE, "the third process to have every partition", || num_partitions_of(&third) == 4.0);
    produce(&mut source, num_records / 8, PAUSE);
    second.resume().unwrap();
    produce(&mut source, usize::MAX, PAUSE);
    stage.wait_read(PATIENCE);
    let in_how_long = started.elapsed();

    let (mut alone, wanted) = stage.compare(&[&query], &source, PATIENCE);
    let num_conflicts = num_conflicts([&second, &third]);
    assert!(num_conflicts > 0.0, "two processes have written the same interactions");
    for process in [second, third, query].iter_mut() {
        process.terminate().unwrap();
    }
    say(&format!(
        "scale-out: {} records in {:.0} s, {} interactions equal field by field, {} erased, {num_conflicts} conflicts",
        source.num_produced,
        in_how_long.as_secs_f64(),
        wanted.len(),
        source.fold.erased().len(),
    ));
    an_index_moves(&stage, &source, &mut alone, &wanted);
    a_restart_of_a_static_member_moves_no_partition(&stage);
}

/// The index of the server on one machine moves to the cluster, and there into another one; then it is gone on with.
fn an_index_moves(stage: &Stage, source: &WorkloadProducer<'_>, alone: &mut Hearken, wanted: &[Value]) {
    let command = |alone: &Hearken, arguments: &[&str]| alone.command(arguments).unwrap();
    let copy = ["index", "copy", "--from", "tantivy", "--to", "opensearch"];
    let url = |path: &str| format!("{}/{path}", stage.cluster);
    let ask = |request: reqwest::blocking::RequestBuilder| -> Value {
        let answer = request.send().unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().unwrap());
        answer.json().unwrap()
    };
    let client = Client::new();
    let stats: Value =
        serde_json::from_str(&succeeded(&command(alone, &["index", "stats", "--json"])).0).unwrap();
    let num_documents = stats["documents"].as_u64().unwrap();
    assert_eq!(
        num_documents,
        (wanted.len() + source.fold.erased().len()) as u64,
        "erased ones leave a tombstone"
    );

    let environment = stage.over_cluster("alone", "moved", SESSION_TIMEOUT);
    alone.reconfigure(environment.clone(), Vec::new());
    let not_prepared = failed(&command(alone, &copy));
    assert!(not_prepared.contains("run `hearken index prepare`"), "{not_prepared}");
    succeeded(&command(alone, &["index", "prepare"]));

    // Interrupted after the first batch, and run again.
    let interrupted = |alone: &mut Hearken, arguments: &[&str]| {
        let abort = ("FAILPOINTS_ABORT".to_owned(), "index-batch-copied=1".to_owned());
        alone.reconfigure(environment.iter().cloned().chain([abort]).collect(), Vec::new());
        let told = failed(&command(alone, arguments));
        alone.reconfigure(environment.clone(), Vec::new());
        told
    };
    let told = interrupted(alone, &copy);
    let check = |alone: &Hearken| {
        number_in(&succeeded(&command(alone, &["index", "check"])).0, " documents verified")
    };
    let num_copied = check(alone);
    assert!((1..num_documents).contains(&num_copied), "{num_copied} of {num_documents}: {told}");
    let copied = |num_copied: u64, num_left: u64| {
        format!("copied {num_copied} documents; {num_left} were there already")
    };
    let verified = format!("{num_documents} documents verified: counts and checksums are equal\n");
    for num_left in [num_copied, num_documents] {
        let (out, err) = succeeded(&command(alone, &copy));
        assert_eq!(out, verified);
        assert!(err.contains(&copied(num_documents - num_left, num_left)), "{err}");
    }

    // A document that another one was put in the place of is noticed, and so is one too many.
    let found = ask(client.get(url("moved/_search?size=2&version=true")));
    let [one, other] = [0, 1].map(|at| &found["hits"]["hits"][at]);
    let id = one["_id"].as_str().unwrap();
    let version = one["_version"].as_u64().unwrap() + 1;
    let at = |id: &str| url(&format!("moved/_doc/{id}?version={version}&version_type=external"));
    ask(client.put(at(id)).json(&other["_source"]));
    let differs = failed(&command(alone, &copy));
    assert!(differs.contains("documents of `moved` are not what"), "{differs}");
    ask(client.put(at("surplus")).json(&other["_source"]));
    let differs = failed(&command(alone, &copy));
    assert!(differs.contains(&format!("`moved` has {} documents", num_documents + 1)), "{differs}");
    for id in [id, "surplus"] {
        ask(client.delete(url(&format!("moved/_doc/{id}?refresh=true"))));
    }
    // For a moment the cluster remembers the versions of what it deleted, and takes no older ones.
    wait_until(PATIENCE, "the copy to be whole again", || {
        let copied = command(alone, &copy);
        copied.status.success() && String::from_utf8_lossy(&copied.stdout) == verified
    });

    // An index of another version is refused, and made anew beside itself.
    ask(client.put(url("moved/_mapping")).json(&json!({"properties": {"surprise": {"type": "keyword"}}})));
    for arguments in [["index", "check"], ["index", "prepare"]] {
        let refused = failed(&command(alone, &arguments));
        assert!(refused.contains("surprise") && refused.contains("`hearken index rebuild`"), "{refused}");
    }
    interrupted(alone, &["index", "rebuild"]);
    let left = failed(&command(alone, &["index", "rebuild"]));
    assert!(left.contains("the index `moved-000002` is there already"), "{left}");
    ask(client.delete(url("moved-000002")));
    let (_, rebuilt) = succeeded(&command(alone, &["index", "rebuild"]));
    assert!(
        rebuilt.contains(&format!("rebuilt {num_documents} documents; `moved-000002` is now `moved`")),
        "{rebuilt}"
    );
    assert_eq!(check(alone), num_documents);
    let behind = ask(client.get(url("_alias/moved")));
    assert_eq!(behind.as_object().unwrap().keys().collect::<Vec<_>>(), ["moved-000002"]);
    assert!(client.head(url("moved-000001")).send().unwrap().status().is_success(), "the old one is kept");
    let (told, _) = succeeded(&command(alone, &["index", "stats"]));
    assert_eq!(number_in(&told, " documents in "), num_documents, "{told}");

    // The group has the offsets, and what was erased absorbs what comes late.
    alone.restart().unwrap();
    alone.wait_ready(PATIENCE).unwrap();
    let expected = source.fold.expected();
    wait_settled(alone, &expected, PATIENCE);
    let num_read = |alone: &Hearken| alone.metric("hearken_ingest_records_total", &[]).unwrap();
    assert_eq!(num_read(alone), 0.0, "the group had read everything");
    assert_alike(&fetch_all(alone, &expected), wanted);
    let erased = source.fold.erased()[0].to_owned();
    let late =
        json!({"event": "interaction.message", "interaction_id": erased, "role": "user", "message": "again"});
    let record = Record {
        partition: 0,
        key: Some(erased.as_bytes().to_vec()),
        value: Some(late.to_string().into_bytes()),
        headers: Vec::new(),
        timestamp_ms: 0,
    };
    let producer = Producer::new(&stage.servers(), TOPIC).unwrap();
    producer.send(&record).unwrap();
    producer.flush().unwrap();
    wait_until(PATIENCE, "the late message to be read", || num_read(alone) == 1.0);
    assert_eq!(alone.get(&interaction_path(&erased)).unwrap().0, 404);
    alone.terminate().unwrap();
}

/// Two ingest processes that the group knows by their names.
fn a_restart_of_a_static_member_moves_no_partition(stage: &Stage) {
    let member = |name: &str| {
        let mut config = stage.process("ingest");
        config.environment = stage.over_cluster("static", "moved", Duration::from_secs(60));
        config.environment.push(("HEARKEN_KAFKA__LIBRDKAFKA__GROUP_INSTANCE_ID".to_owned(), name.to_owned()));
        Hearken::start(&config).unwrap()
    };
    let (mut one, mut other) = (member("one"), member("other"));
    let share = |process: &Hearken| num_partitions_of(process) == 2.0;
    wait_until(PATIENCE, "each to have its share", || share(&one) && share(&other));
    one.wait_ready(PATIENCE).unwrap();
    let num_assignments = || other.log().matches("the group has assigned partitions").count();
    let before = num_assignments();
    one.restart().unwrap();
    wait_until(PATIENCE, "the restarted one to have its share", || share(&one));
    one.wait_ready(PATIENCE).unwrap();
    assert!(share(&other));
    assert_eq!(num_assignments(), before, "the other one was asked for nothing");
    one.terminate().unwrap();
    other.terminate().unwrap();
}

/// Three nodes with a copy of every shard, three ingest and two query processes. Under load one ingest process is killed and one
/// added, the node that manages the cluster is killed and comes back, and an ingest process is stopped for longer than its
/// session lasts. Both query processes are asked all the time.
#[test]
#[ignore = "ten minutes and 8 GB: by hand, as docs/scale-out.md says"]
fn a_cluster_that_loses_a_node_under_load_loses_nothing_else() {
    const PAUSE: Duration = Duration::from_millis(100);
    let (kafka, nodes) = std::thread::scope(|scope| {
        let nodes = scope.spawn(|| OpenSearch::start_cluster(3, 384));
        (Kafka::start(), nodes.join().unwrap())
    });
    let (kafka, mut nodes) = (engine_or_skip!(kafka), engine_or_skip!(nodes));
    let Some(stage) = Stage::new(kafka, &nodes, 6, 1_000) else { return };
    let mut source = stage.source();
    let queries = [stage.start_first(), stage.start("query")];
    let [mut first, second, third] = [0, 1, 2].map(|_| stage.start("ingest"));
    wait_until(PATIENCE_OF_NODES, "every shard to have its copy", || {
        let health =
            format!("{}/_cluster/health/hearken?wait_for_status=green&timeout=1s", nodes[0].base_url());
        reqwest::blocking::get(health).is_ok_and(|answer| answer.status().is_success())
    });

    let started = Instant::now();
    let is_over = AtomicBool::new(false);
    let (asked, ingest) = std::thread::scope(|scope| {
        let asking: Vec<_> = queries.iter().map(|query| scope.spawn(|| ask_until(query, &is_over))).collect();
        let eighth = stage.num_records() / 8;
        produce(&mut source, eighth, PAUSE);
        first.kill();
        let fourth = stage.start("ingest");
        say("scale-out: one ingest process killed, one added");
        produce(&mut source, eighth, PAUSE);
        let managing = managing_node(&nodes);
        nodes[managing].kill();
        say(&format!("scale-out: node-{}, which managed the cluster, killed", managing + 1));
        produce(&mut source, eighth, PAUSE);
        second.pause().unwrap();
        say("scale-out: an ingest process paused");
        produce(&mut source, eighth, PAUSE);
        wait_until(PATIENCE_OF_NODES, "the others to have every partition", || {
            num_partitions_of(&third) + num_partitions_of(&fourth) == 6.0
        });
        let killed = &mut nodes[managing];
        let back = scope.spawn(|| killed.restart().unwrap());
        produce(&mut source, eighth, PAUSE);
        second.resume().unwrap();
        say("scale-out: the paused process goes on");
        produce(&mut source, usize::MAX, PAUSE);
        back.join().unwrap();
        say("scale-out: the node is back");
        stage.wait_read(PATIENCE_OF_NODES);
        is_over.store(true, Ordering::Relaxed);
        let asked: Vec<Asked> = asking.into_iter().map(|asking| asking.join().unwrap()).collect();
        (asked, [second, third, fourth])
    });
    let in_how_long = started.elapsed();
    let (_, wanted) = stage.compare(&[&queries[0], &queries[1]], &source, PATIENCE_OF_NODES);
    say(&format!(
        "scale-out: {} records in {:.0} s, {} interactions equal field by field, {} erased, {} conflicts",
        source.num_produced,
        in_how_long.as_secs_f64(),
        wanted.len(),
        source.fold.erased().len(),
        num_conflicts(&ingest),
    ));
    for Asked { num_answers, num_failures, longest } in asked {
        say(&format!(
            "scale-out: a query process answered {num_answers} searches and failed {num_failures}; {:.1} s at the longest \
             without an answer",
            longest.as_secs_f64()
        ));
    }
    for mut process in ingest.into_iter().chain(queries) {
        process.terminate().unwrap();
    }
}

/// How a query process fared.
struct Asked {
    num_answers: u64,
    num_failures: u64,
    /// The longest time without an answer.
    longest: Duration,
}

/// Searches one after the other until it is over.
fn ask_until(query: &Hearken, is_over: &AtomicBool) -> Asked {
    let mut asked = Asked { num_answers: 0, num_failures: 0, longest: Duration::ZERO };
    let mut answered = Instant::now();
    while !is_over.load(Ordering::Relaxed) {
        match query.get("/v1/interactions?q=please&facets=country,sentiment&limit=5") {
            Ok((200, _)) => {
                asked.num_answers += 1;
                asked.longest = asked.longest.max(answered.elapsed());
                answered = Instant::now();
            }
            Ok((status, body)) => {
                asked.num_failures += 1;
                say(&format!("scale-out: a search answers {status}: {body}"));
            }
            Err(error) => panic!("a query process does not answer: {error:#}"),
        }
        std::thread::sleep(Duration::from_millis(50)); // sets the pace
    }
    asked
}

/// Which node manages the cluster.
fn managing_node(nodes: &[OpenSearch]) -> usize {
    let url = format!("{}/_cat/cluster_manager?h=node", nodes[0].base_url());
    let name = reqwest::blocking::get(url).unwrap().text().unwrap();
    name.trim().strip_prefix("node-").unwrap().parse::<usize>().unwrap() - 1
}

/// What a command has printed, which must have done what it was asked.
#[track_caller]
fn succeeded(output: &Output) -> (String, String) {
    let [out, err] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
    assert!(output.status.success(), "{}: {out}{err}", output.status);
    (out, err)
}

/// What a command has said that must have failed.
#[track_caller]
fn failed(output: &Output) -> String {
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The number that stands before `what`.
#[track_caller]
fn number_in(text: &str, what: &str) -> u64 {
    let (before, _) = text.split_once(what).unwrap();
    before.rsplit(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()
}

/// Past the test runner's capture: the seed is wanted above all when the run is cut off.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
