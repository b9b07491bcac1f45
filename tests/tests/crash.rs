//! Exactly once in effect: `hearken serve` is killed again and again while a stream of duplicates, reorderings across
//! partitions, edits, late ratings, erasures and malformed records arrives. At the end the index holds what the fold
//! of the stream says and what an undisturbed server answers, field by field, and every dead letter is there.
//!
//! `HEARKEN_CRASH_KILLS` and `HEARKEN_CRASH_SEED` set how often and which; both are printed.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::time::{Duration, Instant};

use fastrand::Rng;
use hearken_tests::data;
use hearken_tests::engines::Kafka;
use hearken_tests::real_input::check::Truth;
use hearken_tests::real_input::compare::{
    assert_none_differ, compare_dead_letters, compare_interactions, fetch_all, interaction_path, total,
};
use hearken_tests::real_input::{self, Fold, Options, Poster, WorkloadProducer};
use hearken_tests::{Hearken, HearkenConfig, engine_or_skip, wait_until};
use rdkafka::mocking::MockCluster;

const TOPIC: &str = "interactions";
const DEAD_LETTER_TOPIC: &str = "interactions.dlq";
const NUM_PARTITIONS: i32 = 4;
const PATIENCE: Duration = Duration::from_secs(5 * 60);
/// Kills with Apache Kafka unless the environment says otherwise, and with the in-process broker.
const NUM_KILLS: (usize, usize) = (60, 6);
/// Kills without Kafka unless the environment says otherwise.
const NUM_HTTP_KILLS: usize = 30;
/// One kill in this many is at a fail point; the others are at any moment.
const FAIL_POINT_EVERY: usize = 3;
/// A random kill comes within this time after the start of the process: before it listens as well as long after.
const RANDOM_KILL_WITHIN: Duration = Duration::from_millis(1_500);
/// A fail point that was not passed often enough by then is tried again later; this time the kill is a random one.
const FAIL_POINT_PATIENCE: Duration = Duration::from_secs(10);
/// How many records arrive at once.
const BURST: std::ops::RangeInclusive<usize> = 1..=6;
/// The pause between bursts, so that there are refreshes and flushes between them.
const PAUSE: Duration = Duration::from_millis(15);
/// SIGABRT, by which the program ends itself at a fail point.
const ABORTED: i32 = 6;

/// Every fail point with Kafka, with the passes among which the one that kills is picked.
const KAFKA_FAIL_POINTS: [(&str, u64); 19] = [
    ("decode", 60),
    ("decoded", 60),
    ("folded", 60),
    ("document-replace", 40),
    ("dead-letters-flushed", 2),
    ("index-refresh", 12),
    ("index-refreshed", 12),
    ("index-freeze", 3),
    ("index-write", 3),
    ("index-written", 3),
    ("index-sync-file", 20),
    ("index-sync-directory", 3),
    ("index-rename-meta", 3),
    ("index-meta-renamed", 3),
    ("index-committed", 3),
    ("index-release", 3),
    ("index-released", 3),
    ("index-merge-end", 1),
    ("offset-commit", 2),
];

/// The same with events over HTTP and the local log.
const LOG_FAIL_POINTS: [(&str, u64); 23] = [
    ("decode", 60),
    ("decoded", 60),
    ("folded", 60),
    ("document-replace", 40),
    ("index-refresh", 12),
    ("index-refreshed", 12),
    ("index-freeze", 3),
    ("index-write", 3),
    ("index-written", 3),
    ("index-sync-file", 20),
    ("index-sync-directory", 3),
    ("index-rename-meta", 3),
    ("index-meta-renamed", 3),
    ("index-committed", 3),
    ("index-release", 3),
    ("index-released", 3),
    ("index-merge-end", 1),
    ("log-appended", 60),
    ("log-write", 40),
    ("log-sync", 40),
    ("log-durable", 40),
    ("log-segment-created", 1),
    ("log-segment-remove", 1),
];

/// How the stream arrives.
#[derive(Clone, Copy)]
enum Way<'a> {
    /// Through the broker at this address.
    Kafka(&'a str),
    /// By `POST /v1/events`, without any Kafka.
    Http,
}

#[test]
fn killed_a_few_times_with_the_in_process_broker() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic(TOPIC, NUM_PARTITIONS, 1).unwrap();
    cluster.create_topic(DEAD_LETTER_TOPIC, 1, 1).unwrap();
    let config = HearkenConfig::for_in_process_broker(cluster.bootstrap_servers());
    kill_and_compare(config, NUM_KILLS.1);
}

#[test]
fn killed_many_times_with_apache_kafka() {
    let kafka = engine_or_skip!(Kafka::start());
    kafka.create_topic(TOPIC, NUM_PARTITIONS).unwrap();
    kafka.create_topic(DEAD_LETTER_TOPIC, 1).unwrap();
    let num_kills = from_environment("HEARKEN_CRASH_KILLS").unwrap_or(NUM_KILLS.0 as u64);
    kill_and_compare(HearkenConfig::for_kafka(kafka.bootstrap_servers()), num_kills as usize);
}

#[test]
fn killed_many_times_without_any_kafka() {
    let num_kills = from_environment("HEARKEN_CRASH_KILLS").unwrap_or(NUM_HTTP_KILLS as u64);
    kill_and_compare(HearkenConfig::default(), num_kills as usize);
}

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().expect("a number of kills"))
}

fn kill_and_compare(mut config: HearkenConfig, num_kills: usize) {
    let servers = config.bootstrap_servers.clone();
    let way = servers.as_deref().map_or(Way::Http, Way::Kafka);
    let data_dir = engine_or_skip!(data::data_dir());
    let seed = real_input::seed();
    say(&format!("crash rig: {num_kills} kills, HEARKEN_CRASH_SEED={seed}"));
    let started = Instant::now();
    let dialogues = data::dialogues(&data_dir).unwrap();
    // Some 75 records for each kill, from every collection and language.
    let num_dialogues = (num_kills * 5).clamp(60, dialogues.len());
    let dialogues: Vec<_> = dialogues.iter().step_by(dialogues.len() / num_dialogues).cloned().collect();
    let (user_agents, addresses) =
        (data::user_agents(&data_dir).unwrap(), data::addresses(&data_dir).unwrap());
    let options = Options {
        seed,
        num_partitions: NUM_PARTITIONS,
        duplicates: 0.1,
        malformed: 0.03,
        late: 0.1,
        scattered: 0.3,
        edited: 0.03,
        unended: 0.05,
        erased: 0.05,
        ..Options::default()
    };
    let fail_points = match way {
        Way::Kafka(_) => KAFKA_FAIL_POINTS.as_slice(),
        Way::Http => LOG_FAIL_POINTS.as_slice(),
    };
    config.geoip_database = Some(data::geoip_database(&data_dir));
    // Flushes as frequent as refreshes are, so that kills meet all of them.
    config.more = "[ingest]\nrefresh_interval = \"10ms\"\nflush_interval = \"40ms\"\n".to_owned();
    let mut rig = Rig {
        stream: match way {
            Way::Kafka(servers) => Stream::Kafka(
                WorkloadProducer::new(
                    (servers, TOPIC),
                    options.clone(),
                    &dialogues,
                    &user_agents,
                    &addresses,
                )
                .unwrap(),
            ),
            Way::Http => {
                Stream::Http(Poster::new(options.clone(), &dialogues, &user_agents, &addresses).unwrap())
            }
        },
        fail_points,
        hearken: Hearken::start(&config).unwrap(),
        rng: Rng::with_seed(seed),
        fail_points_ahead: VecDeque::new(),
        kills: BTreeMap::new(),
    };
    rig.hearken.kill();
    let records_per_kill =
        dialogues.iter().map(|dialogue| dialogue.turns.len() + 2).sum::<usize>() / num_kills;
    for kill in 0..num_kills {
        match kill % FAIL_POINT_EVERY {
            0 => rig.kill_at_fail_point(records_per_kill),
            _ => rig.kill_at_random(records_per_kill),
        }
    }
    let Rig { mut stream, mut hearken, kills, .. } = rig;
    // Without a broker the rest can only be sent to a server that runs.
    if let Stream::Kafka(source) = &mut stream {
        source.produce(usize::MAX).unwrap();
    }
    let in_how_long = started.elapsed();

    hearken.spawn(&[]).unwrap();
    hearken.wait_listening().unwrap();
    hearken.wait_ready(PATIENCE).unwrap();
    let topic = [("topic", stream.topic())];
    let num_read_at_last = hearken.metric("hearken_ingest_records_total", &topic).unwrap_or(0.0);
    if let Stream::Http(poster) = &mut stream {
        poster.post(hearken.base_url(), usize::MAX).unwrap();
        // What is on the broker at a start, or in the log, is searchable when the server is ready.
        hearken.restart().unwrap();
        hearken.wait_ready(PATIENCE).unwrap();
    }
    let expected = stream.fold().expected();
    let unended = expected.iter().filter(|interaction| interaction.end_ms.is_none()).count();
    let wait_abandoned = |hearken: &Hearken| {
        wait_until(PATIENCE, "interactions without an end to be abandoned", || {
            total(hearken, &[("status", "abandoned")]) == unended
        });
    };
    wait_abandoned(&hearken);
    let answers = fetch_all(&hearken, &expected);
    compare_interactions(&expected, &answers, &Truth::new(&user_agents, &addresses));
    assert_eq!(total(&hearken, &[]), expected.len(), "no second copy and nothing else");
    for id in stream.fold().erased() {
        assert_eq!(hearken.get(&interaction_path(id)).unwrap().0, 404, "`{id}` was erased");
    }
    if let (Stream::Kafka(source), Way::Kafka(servers)) = (&stream, way) {
        compare_dead_letters((servers, TOPIC), DEAD_LETTER_TOPIC, &source.malformed);
    }

    let mut undisturbed = Hearken::start(&config).unwrap();
    if matches!(way, Way::Http) {
        let mut again = Poster::new(options.clone(), &dialogues, &user_agents, &addresses).unwrap();
        again.post(undisturbed.base_url(), usize::MAX).unwrap();
        undisturbed.restart().unwrap();
    }
    undisturbed.wait_ready(PATIENCE).unwrap();
    wait_abandoned(&undisturbed);
    let wanted = fetch_all(&undisturbed, &expected);
    let differing = answers.iter().zip(&wanted).filter(|(answer, wanted)| answer != wanted);
    let differing: Vec<_> =
        differing.map(|(answer, wanted)| format!("{answer} instead of {wanted}")).collect();
    assert_none_differ("interactions", &differing, wanted.len());
    undisturbed.terminate().unwrap();
    hearken.terminate().unwrap();
    let check = hearken.command(&["index", "check"]).unwrap();
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));

    let missed: BTreeSet<_> =
        fail_points.iter().map(|(name, _)| *name).filter(|name| !kills.contains_key(name)).collect();
    say(&format!(
        "crash rig: killed {num_kills} times in {:.0} s, {kills:?}; {} records ({num_read_at_last} after the last kill), \
         {} interactions equal field by field, {} erased, {} malformed ones refused",
        in_how_long.as_secs_f64(),
        stream.num_records(),
        expected.len(),
        stream.fold().erased().len(),
        stream.num_malformed(),
    ));
    assert!((num_read_at_last as u64) < stream.num_records(), "something became durable between the kills");
    // Every fail point once, and some tries to spare for those that were not passed often enough.
    if num_kills / FAIL_POINT_EVERY > fail_points.len() + 5 {
        assert!(missed.is_empty(), "never killed at {missed:?}");
    }
}

/// Past the test runner's capture: the seed is wanted above all when the run is cut off.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// The stream on its way.
enum Stream<'a> {
    Kafka(WorkloadProducer<'a>),
    Http(Poster<'a>),
}

impl Stream<'_> {
    fn topic(&self) -> &'static str {
        match self {
            Stream::Kafka(_) => TOPIC,
            Stream::Http(_) => "http",
        }
    }

    fn fold(&self) -> &Fold {
        match self {
            Stream::Kafka(source) => &source.fold,
            Stream::Http(poster) => &poster.fold,
        }
    }

    fn num_records(&self) -> u64 {
        match self {
            Stream::Kafka(source) => source.num_produced,
            Stream::Http(poster) => poster.num_posted,
        }
    }

    fn num_malformed(&self) -> usize {
        match self {
            Stream::Kafka(source) => source.malformed.len(),
            Stream::Http(poster) => poster.num_refused as usize,
        }
    }

    /// Writes up to `num_max` records; how many are written.
    fn produce(&mut self, hearken: &mut Hearken, num_max: usize) -> usize {
        match self {
            Stream::Kafka(source) => source.produce(num_max).unwrap() as usize,
            Stream::Http(_) if !hearken.is_listening() => 0,
            Stream::Http(poster) => poster.post(hearken.base_url(), num_max).unwrap(),
        }
    }
}

struct Rig<'a> {
    stream: Stream<'a>,
    fail_points: &'static [(&'static str, u64)],
    hearken: Hearken,
    rng: Rng,
    /// Fail points that are still to come in this round, in random order.
    fail_points_ahead: VecDeque<(&'static str, u64)>,
    kills: BTreeMap<&'static str, usize>,
}

impl Rig<'_> {
    /// Starts the server and kills it at a random moment while records arrive.
    fn kill_at_random(&mut self, num_records: usize) {
        let moment = Instant::now() + RANDOM_KILL_WITHIN.mul_f64(self.rng.f64());
        self.hearken.spawn(&[]).unwrap();
        self.produce_until(num_records, |_| Instant::now() >= moment);
        assert_eq!(self.hearken.ended().unwrap(), None, "{}", self.hearken.log());
        self.hearken.kill();
        *self.kills.entry("at random").or_default() += 1;
    }

    /// Starts the server, which ends itself at the next fail point while records arrive.
    fn kill_at_fail_point(&mut self, num_records: usize) {
        if self.fail_points_ahead.is_empty() {
            let mut fail_points = self.fail_points.to_vec();
            self.rng.shuffle(&mut fail_points);
            self.fail_points_ahead = fail_points.into();
        }
        let (name, passes) = self.fail_points_ahead.pop_front().expect("just filled");
        let abort = format!("{name}={}", self.rng.u64(1..=passes));
        self.hearken.spawn(&[("FAILPOINTS_ABORT", &abort)]).unwrap();
        let mut give_up_at = None;
        self.produce_until(num_records, |hearken| {
            if hearken.ended().unwrap().is_some() {
                return true;
            }
            if give_up_at.is_none() && hearken.log().contains("listening on ") {
                give_up_at = Some(Instant::now() + FAIL_POINT_PATIENCE);
            }
            give_up_at.is_some_and(|at| Instant::now() >= at)
        });
        match self.hearken.ended().unwrap() {
            Some(status) => {
                assert_eq!(status.signal(), Some(ABORTED), "at {abort}: {}", self.hearken.log());
                *self.kills.entry(name).or_default() += 1;
            }
            None => {
                *self.kills.entry("at random").or_default() += 1;
                self.fail_points_ahead.push_back((name, 1));
            }
        }
        self.hearken.kill();
    }

    /// Writes records in bursts until the end has come, at most `num_records`.
    fn produce_until(&mut self, mut num_records: usize, mut is_over: impl FnMut(&mut Hearken) -> bool) {
        while !is_over(&mut self.hearken) {
            let burst = self.rng.usize(BURST).min(num_records);
            num_records -= self.stream.produce(&mut self.hearken, burst);
            std::thread::sleep(PAUSE); // sets the pace of the stream; nothing is waited for
        }
    }
}
