//! How long after the broker's acknowledgement a search finds an event.
//!
//! Open loop: event number n is sent at n / rate, however the server is doing. Some events are probes, which say a word
//! that nobody else says; a thread of its own searches for each of them over HTTP, every [`SEARCH_INTERVAL`], until it is
//! found. So the times include the search itself and up to one interval.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, bail};
use hearken_tests::kafka_io::{Producer, Record};
use hearken_tests::{Hearken, HearkenConfig};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer};
use rdkafka::{ClientConfig, ClientContext, Message as _};
use serde_json::json;

use crate::broker::{Broker, NUM_PARTITIONS, TOPIC};
use crate::report::{self, Table};
use crate::stream::Stream;
use crate::usage::{self, Stopwatch};

/// Pause between two searches for a probe.
const SEARCH_INTERVAL: Duration = Duration::from_millis(1);
/// Probes a second.
const PROBES_PER_SECOND: usize = 20;
const PATIENCE: Duration = Duration::from_secs(30 * 60);
/// A probe that is not found by then is lost.
const PROBE_PATIENCE: Duration = Duration::from_secs(60);

/// What to send.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Events a second, probes included.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(20..))]
    rate: u32,
    /// Seconds to send for.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Interactions whose events are sent; what the run does not need is ingested before it begins [default: each
    /// real dialogue once].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    interactions: Option<u32>,
}

/// Runs the benchmark and prints its report.
///
/// # Errors
/// The dialogues or the binary are missing, there are too few events, or a probe was never found.
pub(crate) fn run(args: &Args) -> Result<()> {
    let machine = usage::machine();
    let broker = Broker::start()?;
    let servers = broker.bootstrap_servers();
    let num_interactions = args.interactions.map_or(usize::MAX, |number| number as usize);
    let num_interactions = num_interactions.min(broker.interactions_max());
    let stream = Stream::load((num_interactions < usize::MAX).then_some(num_interactions))?;
    let mut records: Vec<_> = stream.workload().map(|event| event.record).collect();
    let num_live = args.rate as usize * args.seconds as usize;
    let Some(num_backlog) = records.len().checked_sub(num_live) else {
        bail!("the dialogues have {} events, {num_live} are needed; see --interactions", records.len());
    };
    let live = records.split_off(num_backlog);

    let backlog = Producer::new(&servers, TOPIC)?;
    records.iter().try_for_each(|record| backlog.send(record))?;
    backlog.flush()?;
    let mut config = HearkenConfig::for_kafka(&servers);
    config.geoip_database = Some(stream.geoip_database.clone());
    let mut hearken = Hearken::start(&config)?;
    eprintln!("ingesting {num_backlog} events before the run begins");
    hearken.wait_ready(PATIENCE)?;

    let id = hearken.process_id().context("the server is not running")?;
    let watch = Stopwatch::start_for(id)?;
    let (acks_tx, acks_rx) = channel();
    let (delays, found) = thread::scope(|scope| {
        let searcher = scope.spawn(|| search(&hearken, acks_rx));
        let delays = send(&servers, live, args.rate, acks_tx);
        (delays, searcher.join())
    });
    let (delays, found) = (delays?, found.ok().context("the searching thread panicked")??);
    let used = watch.read(id)?;
    hearken.terminate()?;

    report::print(&format!(
        "{} events/s for {} s, {} of them probes; {num_backlog} events in the index before\n\
         broker: {}\nmachine: {machine}; meanwhile c used {:.2} cores and others {:.2}, broker and this benchmark included\n",
        args.rate,
        args.seconds,
        found.len(),
        broker.name(),
        used.cpu.as_secs_f64() / used.wall.as_secs_f64(),
        used.cores_of_others,
    ))?;
    let mut table = Table::new(["milliseconds", "p50", "p90", "p99", "max"]);
    table.row(percentiles("acknowledged → found by a search", found));
    table.row(percentiles("sent later than planned", delays));
    report::print(&table.to_markdown())
}

/// A probe that the broker has acknowledged.
struct Acknowledged {
    word: String,
    at: Instant,
}

/// Tells of each probe when it is acknowledged.
struct Acks(Sender<Result<Acknowledged>>);

impl ClientContext for Acks {}

impl ProducerContext for Acks {
    type DeliveryOpaque = Box<Option<String>>;

    fn delivery(&self, result: &DeliveryResult<'_>, word: Box<Option<String>>) {
        let told = match (result, *word) {
            (Err((error, record)), _) => {
                Err(anyhow::anyhow!("partition {}: not accepted: {error}", record.partition()))
            }
            (Ok(_), Some(word)) => Ok(Acknowledged { word, at: Instant::now() }),
            (Ok(_), None) => return,
        };
        let _ = self.0.send(told); // nobody listens any more only when the run has failed
    }
}

/// Sends the events at their times and tells how late each one was.
fn send(
    servers: &str,
    records: Vec<Record>,
    rate: u32,
    acks: Sender<Result<Acknowledged>>,
) -> Result<Vec<Duration>> {
    let producer: ThreadedProducer<Acks> = ClientConfig::new()
        .set("bootstrap.servers", servers)
        .set("acks", "all")
        .set("linger.ms", "1")
        .create_with_context(Acks(acks))?;
    let bar = report::bar("sending", records.len() as u64);
    let probe_every = (rate as usize / PROBES_PER_SECOND).max(1);
    let started = Instant::now();
    let mut delays = Vec::with_capacity(records.len());
    for (number, mut record) in records.into_iter().enumerate() {
        let word = number.is_multiple_of(probe_every).then(|| format!("probe{number}"));
        if let Some(word) = &word {
            record = probe(word, record.partition);
        }
        let due = started + Duration::from_secs_f64(number as f64 / f64::from(rate));
        thread::sleep(due.saturating_duration_since(Instant::now()));
        delays.push(due.elapsed());
        let now_ms = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_millis();
        let headers =
            record.headers.iter().fold(rdkafka::message::OwnedHeaders::new(), |headers, (key, value)| {
                headers.insert(rdkafka::message::Header { key, value: value.as_deref() })
            });
        let mut queued = BaseRecord::<[u8], [u8], _>::with_opaque_to(TOPIC, Box::new(word))
            .partition(record.partition % NUM_PARTITIONS)
            .timestamp(i64::try_from(now_ms)?)
            .headers(headers);
        queued.key = record.key.as_deref();
        queued.payload = record.value.as_deref();
        producer.send(queued).map_err(|(error, _)| error).context("an event cannot be queued")?;
        bar.inc(1);
    }
    producer.flush(PROBE_PATIENCE)?;
    bar.finish_and_clear();
    Ok(delays)
}

/// A message that nothing else in the index is found with.
fn probe(word: &str, partition: i32) -> Record {
    let event = json!({
        "event": "interaction.message", "interaction_id": word, "id": "m0", "role": "user",
        "message": format!("Please look up my order {word}, it has not arrived yet."),
    });
    Record {
        partition,
        key: Some(word.as_bytes().to_vec()),
        value: Some(event.to_string().into_bytes()),
        headers: Vec::new(),
        timestamp_ms: 0,
    }
}

/// Searches for each probe until it is found, and tells how long that took. A probe that was acknowledged while the one
/// before was still looked for has waited for that, too.
fn search(hearken: &Hearken, acks: Receiver<Result<Acknowledged>>) -> Result<Vec<Duration>> {
    let mut found = Vec::new();
    for acknowledged in acks {
        let Acknowledged { word, at } = acknowledged?;
        while hearken.search(&[("q", &word), ("limit", "0")])?["total"] == 0 {
            if at.elapsed() > PROBE_PATIENCE {
                bail!("`{word}` was not found within {PROBE_PATIENCE:?}");
            }
            thread::sleep(SEARCH_INTERVAL);
        }
        found.push(at.elapsed());
    }
    Ok(found)
}

fn percentiles(what: &str, mut times: Vec<Duration>) -> [String; 5] {
    times.sort_unstable();
    let at = |share: f64| {
        let last = times.len().saturating_sub(1);
        let time = times.get((last as f64 * share).round() as usize).copied().unwrap_or_default();
        format!("{:.1}", time.as_secs_f64() * 1e3)
    };
    [what.to_owned(), at(0.5), at(0.9), at(0.99), at(1.0)]
}
