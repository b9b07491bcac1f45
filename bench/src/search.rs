//! How long searches take: `hearken serve` over HTTP, bare tantivy in this process, OpenSearch over HTTP, all with the
//! same interactions.
//!
//! - [`corpus`]: the interactions. [`question`]: what is asked.
//! - [`engine`]: how it is measured; [`halt`]: while the others stand still. [`bare`], [`served`], [`opensearch`]: what is measured. [`http`]: the client.

mod bare;
mod corpus;
mod engine;
mod halt;
mod http;
mod opensearch;
mod question;
mod served;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::ValueEnum as _;
use hearken_index_tantivy::Index;
use hearken_index_tantivy::Monitor;
use hearken_tests::engines::OpenSearch;
use hearken_tests::kafka_io::Producer;
use hearken_tests::{Hearken, HearkenConfig};

use crate::broker::{Broker, TOPIC};
use crate::report::{self, Table};
use crate::stream::Stream;
use crate::usage;
use bare::{Bare, BareEngine, BareWriter};
use corpus::{Corpus, Made};
use engine::{Measured, SearchSystem, measure};
use halt::Halted;
use opensearch::{Node, OpenSearchEngine};
use question::{Question, QuestionKind};
use served::Served;

/// Hits of every search.
const PAGE: usize = 20;
/// Interactions between two refreshes, or commits, while the indexes are filled.
const BATCH: usize = 2_000;
/// Events of one real dialogue, on average: engines that are given whole documents get that many fewer a second.
const EVENTS_AN_INTERACTION: u32 = 14;
const PATIENCE: Duration = Duration::from_secs(10 * 60);
const HEAP_MIB: u32 = 2_048;

/// What to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Interactions in the index.
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(2_000..))]
    interactions: u32,
    /// Seconds that each kind of search is measured for, with each number of clients.
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Numbers of clients.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 8])]
    clients: Vec<usize>,
    /// Kinds of search [default: all ten].
    #[arg(long, value_delimiter = ',', value_enum, default_values_t = QuestionKind::value_variants().iter().copied(), hide_default_value = true)]
    kinds: Vec<QuestionKind>,
    /// Events a second that are ingested in the second half; 0 leaves it out.
    #[arg(long, default_value_t = 1_000)]
    rate: u32,
    /// Leaves OpenSearch out.
    #[arg(long)]
    without_opensearch: bool,
}

/// Runs the benchmark and prints its report.
///
/// # Errors
/// The dialogues or the binary are missing, or anything was not answered.
pub(crate) fn run(args: &Args) -> Result<()> {
    let machine = usage::machine();
    let corpus = Corpus::load()?;
    let broker = (args.rate > 0).then(Broker::start).transpose()?;
    let config = match &broker {
        Some(broker) => HearkenConfig::for_kafka(broker.bootstrap_servers()),
        None => HearkenConfig::default(),
    };
    let mut hearken = Hearken::start(&config)?;
    hearken.terminate()?;
    let mut node = if args.without_opensearch {
        None
    } else {
        eprintln!("starting OpenSearch");
        match OpenSearch::start_with_heap(HEAP_MIB) {
            Ok(node) => Some(Node::start(node)?),
            Err(missing) => {
                eprintln!("{missing}; it is left out");
                None
            }
        }
    };

    let (bare, bare_writer) = Bare::create()?;
    let filled = Instant::now();
    let mut bare_writer = fill(args, &corpus, &hearken, bare_writer, node.as_mut())?;
    let filled = filled.elapsed();
    bare.reload()?;
    hearken.restart()?;
    hearken.wait_ready(PATIENCE)?;
    let served_segments = hearken.metric("hearken_index_segments", &[])?;
    report::print(&format!(
        "{} interactions, put into all indexes in {:.0} s; segments: tantivy {}, hearken {served_segments}\nmachine: {machine}\n",
        args.interactions,
        filled.as_secs_f64(),
        bare.num_segments()?,
    ))?;

    let frequency = |word: &str| bare.frequency(word);
    let pick = |kind: &QuestionKind| question::pick(*kind, &corpus, args.interactions as usize, &frequency);
    let questions: Vec<Vec<Question>> = args.kinds.iter().map(pick).collect::<Result<_>>()?;

    let plain = BareEngine { bare: &bare, with_snippets: false };
    let with_snippets = BareEngine { bare: &bare, with_snippets: true };
    let served = Served { base_url: hearken.base_url() };
    let mut results = Results::default();
    eprintln!("searching");
    let kafka = broker.as_ref().and_then(Broker::process_id);
    let opensearch = node.as_ref().and_then(Node::process_id);
    let halted = Halted::new([hearken.process_id(), kafka, opensearch])?;
    let (a, b) = (all(args, &plain, &questions)?, all(args, &with_snippets, &questions)?);
    drop(halted);
    let halted = Halted::new([kafka, opensearch])?;
    let c = all(args, &served, &questions)?;
    drop(halted);
    let halted = Halted::new([hearken.process_id(), kafka])?;
    let d = node.as_ref().map(|node| all(args, &OpenSearchEngine { base_url: node.base_url() }, &questions));
    drop(halted);
    results.push("idle", [Some(a), Some(b), Some(c), d.transpose()?]);

    if let Some(broker) = &broker {
        eprintln!("searching while {} events/s are ingested", args.rate);
        let stream =
            Stream::load((broker.interactions_max() < usize::MAX).then(|| broker.interactions_max()))?;
        let num_made = args.interactions as usize;
        let documents_a_second = (args.rate / EVENTS_AN_INTERACTION).max(1) as usize;
        let feed = |stop: &AtomicBool| {
            whole_feed(stop, &corpus, num_made, documents_a_second, |made| {
                made.iter().try_for_each(|made| bare_writer.add(made))?;
                bare_writer.commit()
            })
        };
        let halted = Halted::new([hearken.process_id(), kafka, opensearch])?;
        let (a, b) =
            beside(feed, || Ok((all(args, &plain, &questions)?, all(args, &with_snippets, &questions)?)))?;
        drop(halted);
        let halted = Halted::new([opensearch])?;
        let servers = broker.bootstrap_servers();
        let feed = |stop: &AtomicBool| kafka_feed(stop, &servers, &stream, args.rate);
        let c = beside(feed, || all(args, &served, &questions))?;
        drop(halted);
        let halted = Halted::new([hearken.process_id(), kafka])?;
        let d = node.as_mut().map(|node| {
            let engine = OpenSearchEngine { base_url: node.base_url() };
            // OpenSearch makes them searchable once a second on its own.
            let feed = |stop: &AtomicBool| {
                whole_feed(stop, &corpus, num_made, documents_a_second, |made| {
                    made.iter().try_for_each(|made| node.add(made))?;
                    node.send()
                })
            };
            beside(feed, || all(args, &engine, &questions))
        });
        drop(halted);
        results.push("ingesting", [Some(a), Some(b), Some(c), d.transpose()?]);
    }
    hearken.terminate()?;
    results.print(args)
}

/// Puts the interactions into every index.
fn fill(
    args: &Args,
    corpus: &Corpus,
    hearken: &Hearken,
    mut bare: BareWriter,
    mut node: Option<&mut Node>,
) -> Result<BareWriter> {
    let bar = report::bar("filling", u64::from(args.interactions));
    let (mut writer, _) = Index::open(&hearken.dir().join("index"), |_| {})?;
    let checkpoint = writer.checkpoint();
    for number in 0..args.interactions as usize {
        let made = corpus.make(number)?;
        writer.put(made.document.clone());
        bare.add(&made)?;
        if let Some(node) = &mut node {
            node.add(&made)?;
        }
        if (number + 1).is_multiple_of(BATCH) {
            writer.refresh(&checkpoint)?;
            bare.commit()?;
            bar.set_position(number as u64);
        }
    }
    writer.refresh(&checkpoint)?;
    wait_for_merges(&writer.monitor());
    writer.flush_now()?;
    if let Some(node) = node {
        node.refresh()?;
    }
    let bare = bare.finish()?;
    bar.finish_and_clear();
    Ok(bare)
}

/// Returns when no merge has ended for a while. Whoever closes an index gives up the merges under way.
fn wait_for_merges(index: &Monitor) {
    let mut last = (index.stats().num_merges, Instant::now());
    while last.1.elapsed() < Duration::from_secs(10) {
        thread::sleep(Duration::from_millis(200));
        let num_merges = index.stats().num_merges;
        if num_merges != last.0 {
            last = (num_merges, Instant::now());
        }
    }
}

/// By number of clients, then kind.
type OfEngine = Vec<Vec<Measured>>;

fn all<E: SearchSystem>(args: &Args, engine: &E, questions: &[Vec<Question>]) -> Result<OfEngine> {
    let prepared =
        questions.iter().map(|of_kind| of_kind.iter().map(|question| engine.prepare(question)).collect());
    let prepared: Vec<Vec<E::Prepared>> = prepared.collect::<Result<_>>()?;
    let lasting = Duration::from_secs_f64(args.seconds);
    let clients = args.clients.iter().map(|num_clients| {
        let bar = report::bar(engine.name(), prepared.len() as u64);
        let kinds = prepared.iter().map(|questions| {
            bar.inc(1);
            measure(engine, questions, *num_clients, lasting)
        });
        let kinds = kinds
            .collect::<Result<Vec<_>>>()
            .with_context(|| format!("{} with {num_clients} clients", engine.name()));
        bar.finish_and_clear();
        kinds
    });
    clients.collect()
}

/// Runs `work` while `feed` runs, which ends when it is told to.
fn beside<T>(
    feed: impl FnOnce(&AtomicBool) -> Result<()> + Send,
    work: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let feeding = scope.spawn(|| feed(&stop));
        let done = work();
        stop.store(true, Ordering::Relaxed);
        feeding.join().ok().context("what was ingested beside the searches panicked")??;
        done
    })
}

/// Calls `each` this many times a second until told to stop or until it has no more.
fn paced(stop: &AtomicBool, a_second: u32, mut each: impl FnMut() -> Result<bool>) -> Result<()> {
    let started = Instant::now();
    for number in 0_u64.. {
        let due = started + Duration::from_secs_f64(number as f64 / f64::from(a_second));
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if stop.load(Ordering::Relaxed) || !each()? {
            break;
        }
    }
    Ok(())
}

/// Real dialogues through Kafka.
fn kafka_feed(stop: &AtomicBool, servers: &str, stream: &Stream, rate: u32) -> Result<()> {
    let producer = Producer::new(servers, TOPIC)?;
    let mut events = stream.workload();
    paced(stop, rate, || {
        events.next().map_or(Ok(false), |event| producer.send(&event.record).map(|()| true))
    })?;
    if !stop.load(Ordering::Relaxed) {
        eprintln!("all real dialogues were ingested before the searches ended");
    }
    producer.flush()
}

/// Feeds this many whole interactions a second to `write`, which makes them searchable.
fn whole_feed(
    stop: &AtomicBool,
    corpus: &Corpus,
    from: usize,
    a_second: usize,
    mut write: impl FnMut(&[Made]) -> Result<()>,
) -> Result<()> {
    let mut number = from;
    paced(stop, 1, || {
        let made =
            (number..number + a_second).map(|number| corpus.make(number)).collect::<Result<Vec<_>>>()?;
        number += a_second;
        write(&made).map(|()| true)
    })
}

/// What was measured, the engines in order: a, b, c, d.
#[derive(Default)]
struct Results(Vec<(&'static str, [Option<OfEngine>; 4])>);

impl Results {
    fn push(&mut self, state: &'static str, engines: [Option<OfEngine>; 4]) {
        self.0.push((state, engines));
    }

    fn print(&self, args: &Args) -> Result<()> {
        report::print(
            "a: tantivy, in process; b: the same and its snippets; c: hearken serve; d: OpenSearch.\n\
             c / a and c / b are p50 without 0.3 ms: the target is 1.3.\n",
        )?;
        for (state, engines) in &self.0 {
            for (idx, num_clients) in args.clients.iter().enumerate() {
                report::print(&format!(
                    "{state}, {num_clients} client{}:\n",
                    if *num_clients == 1 { "" } else { "s" }
                ))?;
                let mut table = Table::new([
                    "ms",
                    "matches",
                    "a p50",
                    "a p99",
                    "b p50",
                    "b p99",
                    "c p50",
                    "c p99",
                    "d p50",
                    "d p99",
                    "c / a",
                    "c / b",
                    "d / c p50",
                    "d / c p99",
                    "a /s",
                    "c /s",
                    "d /s",
                ]);
                for (kind_idx, kind) in args.kinds.iter().enumerate() {
                    let of =
                        |engine: usize| engines[engine].as_ref().map(|of_engine| &of_engine[idx][kind_idx]);
                    table.row(row(*kind, [0, 1, 2, 3].map(of)));
                }
                report::print(&table.to_markdown())?;
            }
        }
        Ok(())
    }
}

fn row(kind: QuestionKind, [a, b, c, d]: [Option<&Measured>; 4]) -> [String; 17] {
    let time =
        |measured: Option<&Measured>, share| measured.map_or(f64::NAN, |measured| measured.percentile(share));
    let shown = |value: f64| if value.is_nan() { String::new() } else { format!("{value:.2}") };
    let rate =
        |measured: Option<&Measured>| measured.map_or(String::new(), |m| format!("{:.0}", m.per_second));
    let over = |base| shown((time(c, 0.5) - 0.3) / time(base, 0.5));
    let matches = [a, c, d].map(|measured| measured.map_or(String::new(), |m| format!("{:.0}", m.matches)));
    [
        kind.name().to_owned(),
        matches.join(" "),
        shown(time(a, 0.5)),
        shown(time(a, 0.99)),
        shown(time(b, 0.5)),
        shown(time(b, 0.99)),
        shown(time(c, 0.5)),
        shown(time(c, 0.99)),
        shown(time(d, 0.5)),
        shown(time(d, 0.99)),
        over(a),
        over(b),
        shown(time(d, 0.5) / time(c, 0.5)),
        shown(time(d, 0.99) / time(c, 0.99)),
        rate(a),
        rate(c),
        rate(d),
    ]
}
