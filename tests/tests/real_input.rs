//! Real dialogues go in through Kafka and are found: every interaction, dead letter, search total and facet count
//! against a second opinion that uses none of the product's code.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use hearken_tests::data::{self, Dialogue};
use hearken_tests::engines::Kafka;
use hearken_tests::real_input::check::Truth;
use hearken_tests::real_input::compare::{
    assert_none_differ, compare_dead_letters, compare_interactions, fetch_all, interaction_path, total,
};
use hearken_tests::real_input::scan::Scan;
use hearken_tests::real_input::{Expected, Options, WorkloadProducer};
use hearken_tests::{Hearken, HearkenConfig, engine_or_skip, wait_until};
use rdkafka::mocking::MockCluster;
use serde_json::Value;

const TOPIC: &str = "interactions";
const DEAD_LETTER_TOPIC: &str = "interactions.dlq";
const NUM_PARTITIONS: i32 = 4;
const NUM_QUERIES: usize = 200;
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
    let config = HearkenConfig::for_in_process_broker(cluster.bootstrap_servers());
    ingest_and_compare(config, &data_dir, &dialogues);
}

#[test]
fn every_real_dialogue_through_apache_kafka() {
    let data_dir = engine_or_skip!(data::data_dir());
    let kafka = engine_or_skip!(Kafka::start());
    kafka.create_topic(TOPIC, NUM_PARTITIONS).unwrap();
    kafka.create_topic(DEAD_LETTER_TOPIC, 1).unwrap();
    let dialogues = data::dialogues(&data_dir).unwrap();
    ingest_and_compare(HearkenConfig::for_kafka(kafka.bootstrap_servers()), &data_dir, &dialogues);
}

fn ingest_and_compare(mut config: HearkenConfig, data_dir: &Path, dialogues: &[Dialogue]) {
    let (user_agents, addresses) = (data::user_agents(data_dir).unwrap(), data::addresses(data_dir).unwrap());
    let options = Options { num_partitions: NUM_PARTITIONS, ..Options::default() };
    let bootstrap_servers = config.bootstrap_servers.clone().unwrap();
    let to = (bootstrap_servers.as_str(), TOPIC);
    let mut source = WorkloadProducer::new(to, options, dialogues, &user_agents, &addresses).unwrap();

    // One half waits on the broker when the server starts, the other arrives while it runs.
    source.produce(num_records_about(dialogues) / 2).unwrap();
    config.geoip_database = Some(data::geoip_database(data_dir));
    let mut hearken = Hearken::start(&config).unwrap();
    hearken.wait_ready(PATIENCE).unwrap();
    assert_eq!(
        num_ingested(&hearken),
        source.num_produced,
        "ready means that all that was on the broker is read"
    );
    source.produce(usize::MAX).unwrap();
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
    compare_dead_letters(to, DEAD_LETTER_TOPIC, &source.malformed);
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

fn num_records_about(dialogues: &[Dialogue]) -> usize {
    dialogues.iter().map(|dialogue| dialogue.turns.len() + 2).sum()
}

fn num_ingested(hearken: &Hearken) -> u64 {
    hearken.metric("hearken_ingest_records_total", &[("topic", TOPIC)]).unwrap_or(0.0) as u64
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
