//! Past one machine: several ingest processes in one consumer group write to one OpenSearch, and another process answers.
//! Under load one is killed, one is added, and one is stopped for longer than its session lasts and comes back. At the end
//! the index holds what the fold of the stream says and what an undisturbed server on one machine answers.
//!
//! `HEARKEN_CRASH_SEED` picks the stream; it is printed.
#![allow(clippy::unwrap_used)]

use std::io::Write as _;
use std::time::{Duration, Instant};

use hearken_tests::data;
use hearken_tests::engines::{Kafka, OpenSearch};
use hearken_tests::real_input::check::Truth;
use hearken_tests::real_input::compare::{
    assert_none_differ, compare_dead_letters, compare_interactions, fetch_all, interaction_path, total,
};
use hearken_tests::real_input::{self, Options, WorkloadProducer};
use hearken_tests::{Hearken, HearkenConfig, engine_or_skip, wait_until};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

const TOPIC: &str = "interactions";
const DEAD_LETTER_TOPIC: &str = "interactions.dlq";
const GROUP: &str = "hearken";
const NUM_PARTITIONS: i32 = 4;
const PATIENCE: Duration = Duration::from_secs(3 * 60);
/// The shortest that Kafka allows unless it is told otherwise.
const SESSION_TIMEOUT: Duration = Duration::from_secs(6);
/// How many records arrive at once, and the pause between.
const BURST: usize = 20;
const PAUSE: Duration = Duration::from_millis(5);

#[test]
fn killed_added_and_returning_processes_leave_what_an_undisturbed_one_does() {
    let data_dir = engine_or_skip!(data::data_dir());
    // Both take their time to start.
    let (kafka, opensearch) = std::thread::scope(|scope| {
        let opensearch = scope.spawn(OpenSearch::start);
        (Kafka::start(), opensearch.join().unwrap())
    });
    let (kafka, opensearch) = (engine_or_skip!(kafka), engine_or_skip!(opensearch));
    kafka.create_topic(TOPIC, NUM_PARTITIONS).unwrap();
    kafka.create_topic(DEAD_LETTER_TOPIC, 1).unwrap();
    let (servers, cluster) = (kafka.bootstrap_servers(), opensearch.base_url());
    let servers = servers.as_str();
    let seed = real_input::seed();
    say(&format!("scale-out: HEARKEN_CRASH_SEED={seed}"));

    let dialogues = data::dialogues(&data_dir).unwrap();
    let dialogues: Vec<_> = dialogues.iter().step_by(dialogues.len() / 200).cloned().collect();
    let (user_agents, addresses) =
        (data::user_agents(&data_dir).unwrap(), data::addresses(&data_dir).unwrap());
    let options = Options {
        seed,
        num_partitions: NUM_PARTITIONS,
        duplicates: 0.1,
        malformed: 0.01,
        late: 0.1,
        scattered: 0.3, // so that several processes write the same interactions
        edited: 0.03,
        unended: 0.05,
        erased: 0.03,
        ..Options::default()
    };
    let mut source =
        WorkloadProducer::new((servers, TOPIC), options, &dialogues, &user_agents, &addresses).unwrap();
    let session = SESSION_TIMEOUT.as_millis().to_string();
    let process = |role: &str| {
        let mut config = HearkenConfig::for_kafka(servers);
        config.geoip_database = Some(data::geoip_database(&data_dir));
        config.arguments = vec!["--role".to_owned(), role.to_owned()];
        config.environment = [
            ("HEARKEN_INDEX__ENGINE", "opensearch"),
            ("HEARKEN_INDEX__OPENSEARCH__URLS", cluster.as_str()),
            ("HEARKEN_INDEX__OPENSEARCH__REPLICAS", "0"),
            ("HEARKEN_HTTP__INGEST", "kafka"),
            ("HEARKEN_INGEST__IDLE_TIMEOUT", "10s"), // what is idle is looked for as often as that is short
            ("HEARKEN_KAFKA__GROUP_ID", GROUP),
            ("HEARKEN_KAFKA__LIBRDKAFKA__SESSION_TIMEOUT_MS", session.as_str()),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
        config
    };

    // Nothing starts before the index is there.
    let mut query = Hearken::stopped(&process("query")).unwrap();
    let prepared = query.command(&["index", "prepare"]).unwrap();
    assert!(prepared.status.success(), "{}", String::from_utf8_lossy(&prepared.stderr));
    query.restart().unwrap();
    let mut first = Hearken::start(&process("ingest")).unwrap();
    let second = Hearken::start(&process("ingest")).unwrap();

    let mut produce = |num_records: usize| {
        let mut num_left = num_records;
        while num_left > 0 {
            let num_produced = source.produce(BURST.min(num_left)).unwrap() as usize;
            if num_produced == 0 {
                return;
            }
            num_left -= num_produced;
            std::thread::sleep(PAUSE); // sets the pace of the stream; nothing is waited for
        }
    };
    let started = Instant::now();
    let num_records: usize = dialogues.iter().map(|dialogue| dialogue.turns.len() + 2).sum();
    produce(num_records / 4);
    first.kill();
    let third = Hearken::start(&process("ingest")).unwrap();
    produce(num_records / 4);
    second.pause().unwrap();
    produce(num_records / 8);
    wait_until(PATIENCE, "the third process to have every partition", || {
        third.metric("hearken_ingest_partitions", &[]).unwrap() == f64::from(NUM_PARTITIONS)
    });
    produce(num_records / 8);
    second.resume().unwrap();
    produce(usize::MAX);
    wait_until(PATIENCE, "the group to have read everything", || committed(servers) == ends(servers));
    let in_how_long = started.elapsed();

    let expected = source.fold.expected();
    let unended = expected.iter().filter(|interaction| interaction.end_ms.is_none()).count();
    let wait_settled = |hearken: &Hearken| {
        wait_until(PATIENCE, "interactions without an end to be abandoned", || {
            total(hearken, &[("status", "abandoned")]) == unended
        });
        wait_until(PATIENCE, "everything to be found", || total(hearken, &[]) == expected.len());
    };
    wait_settled(&query);
    let answers = fetch_all(&query, &expected);
    compare_interactions(&expected, &answers, &Truth::new(&user_agents, &addresses));
    for id in source.fold.erased() {
        assert_eq!(query.get(&interaction_path(id)).unwrap().0, 404, "`{id}` was erased");
    }
    compare_dead_letters((servers, TOPIC), DEAD_LETTER_TOPIC, &source.malformed);
    let num_conflicts: f64 = [&second, &third]
        .map(|process| process.metric("hearken_ingest_conflicts_total", &[]).unwrap())
        .iter()
        .sum();
    assert!(num_conflicts > 0.0, "two processes have written the same interactions");

    let mut alone = HearkenConfig::for_kafka(servers);
    alone.geoip_database = Some(data::geoip_database(&data_dir));
    alone.environment = [("HEARKEN_KAFKA__GROUP_ID", "alone"), ("HEARKEN_INGEST__IDLE_TIMEOUT", "10s")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
    let mut alone = Hearken::start(&alone).unwrap();
    alone.wait_ready(PATIENCE).unwrap();
    wait_settled(&alone);
    let wanted = fetch_all(&alone, &expected);
    let differing = answers.iter().zip(&wanted).filter(|(answer, wanted)| answer != wanted);
    let differing: Vec<_> =
        differing.map(|(answer, wanted)| format!("{answer} instead of {wanted}")).collect();
    assert_none_differ("interactions", &differing, wanted.len());
    for process in [second, third, query, alone].iter_mut() {
        process.terminate().unwrap();
    }
    say(&format!(
        "scale-out: {} records in {:.0} s, {} interactions equal field by field, {} erased, {num_conflicts} conflicts",
        source.num_produced,
        in_how_long.as_secs_f64(),
        expected.len(),
        source.fold.erased().len(),
    ));
}

/// Where the group would read on, by partition.
fn committed(servers: &str) -> Vec<i64> {
    let consumer = consumer(servers);
    let mut list = TopicPartitionList::new();
    list.add_partition_range(TOPIC, 0, NUM_PARTITIONS - 1);
    let committed = consumer.committed_offsets(list, PATIENCE).unwrap();
    let offsets = committed.elements().into_iter().map(|element| match element.offset() {
        Offset::Offset(offset) => offset,
        _ => 0,
    });
    offsets.collect()
}

fn ends(servers: &str) -> Vec<i64> {
    let consumer = consumer(servers);
    (0..NUM_PARTITIONS)
        .map(|partition| consumer.fetch_watermarks(TOPIC, partition, PATIENCE).unwrap().1)
        .collect()
}

fn consumer(servers: &str) -> BaseConsumer {
    ClientConfig::new().set("bootstrap.servers", servers).set("group.id", GROUP).create().unwrap()
}

/// Past the test runner's capture: the seed is wanted above all when the run is cut off.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
