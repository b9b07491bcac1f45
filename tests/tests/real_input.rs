//! Real dialogues go in through Kafka and are found: every interaction, dead letter, search total and facet count
//! against a second opinion that uses none of the product's code.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use hearken_tests::data::{self, Address, Dialogue, UserAgent};
use hearken_tests::engines::Kafka;
use hearken_tests::kafka_io::{Producer, ReadRecord, Record, read_all};
use hearken_tests::real_input::check::{Truth, differences};
use hearken_tests::real_input::scan::Scan;
use hearken_tests::real_input::{Expected, Fold, Options, Workload, WorkloadRecord};
use hearken_tests::{Hearken, HearkenConfig, engine_or_skip, wait_until};
use rdkafka::mocking::MockCluster;
use serde_json::Value;

const TOPIC: &str = "interactions";
const DEAD_LETTER_TOPIC: &str = "interactions.dlq";
const NUM_PARTITIONS: i32 = 4;
const NUM_QUERIES: usize = 200;
/// A broken build differs everywhere; the first few differences tell as much as all.
const DIFFERENCES_SHOWN: usize = 20;
/// Two cores, an unoptimised build and 430,000 records.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

#[test]
fn some_hundred_real_dialogues_through_the_in_process_broker() {
    let data_dir = engine_or_skip!(data::data_dir());
    // Every 75th, so that each collection and language has its share.
    let dialogues: Vec<_> = data::dialogues(&data_dir).unwrap().into_iter().step_by(75).collect();
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic(TOPIC, NUM_PARTITIONS, 1).unwrap();
    cluster.create_topic(DEAD_LETTER_TOPIC, 1, 1).unwrap();
    ingest_and_compare(&cluster.bootstrap_servers(), &data_dir, &dialogues);
}

#[test]
fn every_real_dialogue_through_apache_kafka() {
    let data_dir = engine_or_skip!(data::data_dir());
    let kafka = engine_or_skip!(Kafka::start());
    kafka.create_topic(TOPIC, NUM_PARTITIONS).unwrap();
    kafka.create_topic(DEAD_LETTER_TOPIC, 1).unwrap();
    let dialogues = data::dialogues(&data_dir).unwrap();
    ingest_and_compare(&kafka.bootstrap_servers(), &data_dir, &dialogues);
}

fn ingest_and_compare(bootstrap_servers: &str, data_dir: &Path, dialogues: &[Dialogue]) {
    let (user_agents, addresses) = (data::user_agents(data_dir).unwrap(), data::addresses(data_dir).unwrap());
    let mut source = Source::new(bootstrap_servers, dialogues, &user_agents, &addresses);

    // One half waits on the broker when the server starts, the other arrives while it runs.
    source.produce(num_records_about(dialogues) / 2);
    let mut config = HearkenConfig::for_kafka(bootstrap_servers);
    config.geoip_database = Some(data::geoip_database(data_dir));
    let mut hearken = Hearken::start(&config).unwrap();
    hearken.wait_ready(PATIENCE).unwrap();
    assert_eq!(
        num_ingested(&hearken),
        source.num_produced,
        "ready means that all that was on the broker is read"
    );
    source.produce(usize::MAX);
    let num_produced = source.num_produced;
    wait_until(PATIENCE, "every record to be ingested", || num_ingested(&hearken) == num_produced);
    wait_until(PATIENCE, "every record to be searchable", || {
        hearken.metric("hearken_ingest_lag_records", &[]).is_ok_and(|lag| lag == 0.0)
    });

    let expected = source.fold.expected();
    let truth = Truth::new(&user_agents, &addresses);
    let unended = expected.iter().filter(|interaction| interaction.end_ms.is_none()).count();
    wait_until(PATIENCE, "interactions without an end to be abandoned", || {
        total(&hearken, &[("status", "abandoned")]) == unended
    });
    let answers = fetch_all(&hearken, &expected);
    compare_interactions(&expected, &answers, &truth);
    compare_dead_letters(bootstrap_servers, &source.malformed);
    assert_eq!(total(&hearken, &[]), expected.len());
    for id in source.fold.erased() {
        assert_eq!(hearken.get(&interaction_path(id)).unwrap().0, 404, "`{id}` was erased");
    }
    compare_search_totals(&hearken, &expected, &answers);
    compare_facets(&hearken, &expected, &answers, &truth);

    hearken.restart().unwrap();
    hearken.wait_ready(PATIENCE).unwrap();
    assert_eq!(total(&hearken, &[]), expected.len(), "after a restart");
    hearken.terminate().unwrap();
}

/// Writes the workload to the broker and remembers what it means.
struct Source<'a> {
    workload: Workload<'a>,
    producer: Producer,
    fold: Fold,
    num_produced: u64,
    next_offsets: BTreeMap<i32, i64>,
    /// Malformed records by partition and offset.
    malformed: BTreeMap<(i32, i64), Record>,
}

impl<'a> Source<'a> {
    fn new(
        servers: &str,
        dialogues: &'a [Dialogue],
        user_agents: &'a [UserAgent],
        addresses: &'a [Address],
    ) -> Self {
        let options = Options { num_partitions: NUM_PARTITIONS, ..Options::default() };
        Source {
            workload: Workload::new(options, dialogues, user_agents, addresses),
            producer: Producer::new(servers, TOPIC).unwrap(),
            fold: Fold::default(),
            num_produced: 0,
            next_offsets: BTreeMap::new(),
            malformed: BTreeMap::new(),
        }
    }

    /// Writes up to `num_max` records and waits until the broker has them.
    fn produce(&mut self, num_max: usize) {
        for WorkloadRecord { record, fact } in self.workload.by_ref().take(num_max) {
            self.producer.send(&record).unwrap();
            self.num_produced += 1;
            let next_offset = self.next_offsets.entry(record.partition).or_default();
            match fact {
                Some(fact) => self.fold.add(&fact),
                None => drop(self.malformed.insert((record.partition, *next_offset), record)),
            }
            *next_offset += 1;
        }
        self.producer.flush().unwrap();
    }
}

fn num_records_about(dialogues: &[Dialogue]) -> usize {
    dialogues.iter().map(|dialogue| dialogue.turns.len() + 2).sum()
}

fn num_ingested(hearken: &Hearken) -> u64 {
    hearken.metric("hearken_ingest_records_total", &[("topic", TOPIC)]).unwrap_or(0.0) as u64
}

fn total(hearken: &Hearken, parameters: &[(&str, &str)]) -> usize {
    let parameters: Vec<_> = parameters.iter().copied().chain([("limit", "0")]).collect();
    let answer = hearken.search(&parameters).unwrap();
    answer["total"].as_u64().unwrap() as usize
}

fn interaction_path(id: &str) -> String {
    let mut url = url::Url::parse("http://localhost/v1/interactions").unwrap();
    url.path_segments_mut().unwrap().push(id); // escapes slashes and the like
    url.path().to_owned()
}

/// What the API answers for each expected interaction, in the same order; `Null` for one that is not found.
fn fetch_all(hearken: &Hearken, expected: &[Expected]) -> Vec<Value> {
    const NUM_THREADS: usize = 4;
    let chunk_len = expected.len().div_ceil(NUM_THREADS).max(1);
    std::thread::scope(|scope| {
        let fetch = |chunk: &[Expected]| -> Vec<Value> {
            chunk
                .iter()
                .map(|interaction| hearken.get_json(&interaction_path(&interaction.id)).unwrap_or_default())
                .collect()
        };
        let threads: Vec<_> =
            expected.chunks(chunk_len).map(|chunk| scope.spawn(move || fetch(chunk))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

fn compare_interactions(expected: &[Expected], answers: &[Value], truth: &Truth<'_>) {
    let mut found = Vec::new();
    for (interaction, answer) in expected.iter().zip(answers) {
        let differing = differences(interaction, answer, truth);
        found
            .extend((!differing.is_empty()).then(|| format!("{}: {}", interaction.id, differing.join("; "))));
    }
    assert_none_differ("interactions", &found, expected.len());
}

fn compare_dead_letters(bootstrap_servers: &str, malformed: &BTreeMap<(i32, i64), Record>) {
    let dead_letters = read_all(bootstrap_servers, DEAD_LETTER_TOPIC).unwrap();
    let mut missing: BTreeSet<_> = malformed.keys().copied().collect();
    let mut found = Vec::new();
    for ReadRecord { record, offset } in &dead_letters {
        let number = |name: &str| record.header(name).and_then(|value| value.parse::<i64>().ok());
        let (partition, source_offset) = (number("hearken-partition"), number("hearken-offset"));
        let source = partition.zip(source_offset).map(|(partition, offset)| (partition as i32, offset));
        let Some((source, original)) = source.and_then(|source| Some((source, malformed.get(&source)?)))
        else {
            found.push(format!(
                "dead letter {offset} is of a good record: {source:?}, {:?}",
                record.header("hearken-reason")
            ));
            continue;
        };
        missing.remove(&source); // may come again: dead letters are written at least once
        let unchanged = (&record.key, &record.value, record.timestamp_ms)
            == (&original.key, &original.value, original.timestamp_ms);
        let headers: Vec<_> =
            record.headers.iter().filter(|(name, _)| !name.starts_with("hearken-")).cloned().collect();
        if !unchanged || headers != original.headers {
            found.push(format!(
                "the dead letter of {source:?} is not as it came: {record:?} instead of {original:?}"
            ));
        }
        if record.header("hearken-topic") != Some(TOPIC)
            || record.header("hearken-reason").is_none_or(str::is_empty)
        {
            found.push(format!(
                "the dead letter of {source:?} does not say topic and reason: {:?}",
                record.headers
            ));
        }
    }
    found.extend(
        missing.iter().map(|source| format!("no dead letter for {source:?}: {:?}", malformed[source])),
    );
    assert_none_differ("dead letters", &found, malformed.len());
}

fn compare_search_totals(hearken: &Hearken, expected: &[Expected], answers: &[Value]) {
    let mut scan = Scan::default();
    for (interaction, answer) in expected.iter().zip(answers) {
        scan.add(interaction, answer);
    }
    let mut found = Vec::new();
    for query in scan.queries(NUM_QUERIES, 7) {
        let (wanted, answered) = (scan.total(&query), total(hearken, &[("q", &query.text())]));
        if wanted != answered {
            found.push(format!("`{}` has a total of {answered}, a scan finds {wanted}", query.text()));
        }
    }
    assert_none_differ("search totals", &found, NUM_QUERIES);
}

fn compare_facets(hearken: &Hearken, expected: &[Expected], answers: &[Value], truth: &Truth<'_>) {
    // The code is known from the rows; its name is what the answers, compared before, call it.
    let names: BTreeMap<_, _> =
        answers.iter().map(|answer| (answer["country_code"].as_str(), answer["country"].as_str())).collect();
    let country =
        |interaction: &Expected| *names.get(&truth.address(interaction).map(|row| row.country.as_str()))?;
    let field = |name: &'static str| {
        move |interaction: &Expected| {
            interaction.fields.get(name).and_then(|value| value.as_str().map(str::to_owned))
        }
    };
    let wanted = [
        ("country", counts(expected, |interaction| country(interaction).map(str::to_owned))),
        ("type", counts(expected, field("type"))),
        ("language", counts(expected, field("language"))),
    ];
    let answer = hearken
        .search(&[("facets", "country,type,language"), ("facet_size", "1000"), ("limit", "0")])
        .unwrap();
    for (name, wanted) in wanted {
        let entries = answer["facets"][name].as_array().unwrap();
        let answered: Vec<_> = entries
            .iter()
            .map(|entry| (entry["value"].as_str().map(str::to_owned), entry["count"].as_u64().unwrap()))
            .collect();
        assert_eq!(answered, wanted, "facet `{name}`");
    }
}

/// Values with their counts: by count, then value; what is missing last.
fn counts(expected: &[Expected], value: impl Fn(&Expected) -> Option<String>) -> Vec<(Option<String>, u64)> {
    let mut counts: BTreeMap<Option<String>, u64> = BTreeMap::new();
    for interaction in expected {
        *counts.entry(value(interaction)).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by(|(a_value, a), (b_value, b)| {
        (a_value.is_none(), b, a_value).cmp(&(b_value.is_none(), a, b_value))
    });
    counts
}

#[track_caller]
fn assert_none_differ(what: &str, found: &[String], num_compared: usize) {
    let shown = found.iter().take(DIFFERENCES_SHOWN).map(|line| format!("  {line}\n")).collect::<String>();
    assert!(found.is_empty(), "{} of {num_compared} {what} differ, among them:\n{shown}", found.len());
}
