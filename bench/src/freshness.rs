//! How long after the broker's acknowledgement a search finds an event.
//!
//! Open loop: event number n is sent at n / rate, however the server is doing. Some events are probes, which say a word
//! that nobody else says; a thread of its own searches for each of them over HTTP, every [`SEARCH_INTERVAL`], until it is
//! found. So the times include the search itself and up to one interval. Another thread looks how far the index is durable.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, bail};
use hearken_tests::kafka_io::{Producer, Record};
use hearken_tests::real_input::WorkloadRecord;
use hearken_tests::real_input::fact::Said;
use hearken_tests::{Hearken, HearkenConfig};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer};
use rdkafka::{ClientConfig, ClientContext, Message as _};
use serde_json::{Map, Value, json};

use crate::broker::{Broker, NUM_PARTITIONS, TOPIC};
use crate::busy_disk::BusyDisk;
use crate::peer;
use crate::report::{self, Table};
use crate::stream::Stream;
use crate::usage::{self, Stopwatch};

/// Pause between two looks at the durable offset.
const DURABLE_INTERVAL: Duration = Duration::from_millis(20);
/// Pause between two searches for a probe.
pub(crate) const SEARCH_INTERVAL: Duration = Duration::from_millis(1);
/// Probes a second.
const PROBES_PER_SECOND: usize = 20;
const PATIENCE: Duration = Duration::from_secs(30 * 60);
/// A probe that is not found by then is lost.
pub(crate) const PROBE_PATIENCE: Duration = Duration::from_secs(60);

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
    /// Keep the disk busy: 64 MiB written and synced, over and over.
    #[arg(long)]
    busy_disk: bool,
    /// Feed OpenSearch the same events afterwards, by `_bulk`, at the same rate.
    #[arg(long)]
    opensearch: bool,
}

/// One event of the run.
#[derive(Clone)]
pub(crate) struct Event {
    /// As the broker gets it.
    pub(crate) record: Record,
    /// As one would index it with only a search engine.
    pub(crate) plain: Value,
    /// Of a probe, the word that only it says.
    pub(crate) word: Option<String>,
}

/// When events are sent.
#[derive(Clone, Copy)]
pub(crate) struct Schedule {
    rate: u32,
}

impl Schedule {
    /// So many events a second.
    pub(crate) fn at(rate: u32) -> Self {
        Schedule { rate }
    }

    /// Gives each event to `send` at its time; how late each one was.
    pub(crate) fn run(
        self,
        events: Vec<Event>,
        mut send: impl FnMut(Event) -> Result<()>,
    ) -> Result<Vec<Duration>> {
        let bar = report::bar("sending", events.len() as u64);
        let started = Instant::now();
        let mut delays = Vec::with_capacity(events.len());
        for (number, event) in events.into_iter().enumerate() {
            let due = started + Duration::from_secs_f64(number as f64 / f64::from(self.rate));
            thread::sleep(due.saturating_duration_since(Instant::now()));
            delays.push(due.elapsed());
            send(event)?;
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(delays)
    }
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
    let mut events: Vec<_> = stream.workload().map(event).collect();
    let num_live = args.rate as usize * args.seconds as usize;
    let Some(num_backlog) = events.len().checked_sub(num_live) else {
        bail!("the dialogues have {} events, {num_live} are needed; see --interactions", events.len());
    };
    let mut live = events.split_off(num_backlog);
    let probe_every = (args.rate as usize / PROBES_PER_SECOND).max(1);
    for (number, event) in live.iter_mut().enumerate().step_by(probe_every) {
        *event = probe(&format!("probe{number}"), event.record.partition);
    }

    let backlog = Producer::new(&servers, TOPIC)?;
    events.iter().try_for_each(|event| backlog.send(&event.record))?;
    backlog.flush()?;
    let mut config = HearkenConfig::for_kafka(&servers);
    config.geoip_database = Some(stream.geoip_database.clone());
    let mut hearken = Hearken::start(&config)?;
    eprintln!("ingesting {num_backlog} events before the run begins");
    hearken.wait_ready(PATIENCE)?;

    let schedule = Schedule::at(args.rate);
    let busy_disk = args.busy_disk.then(BusyDisk::start).transpose()?;
    let id = hearken.process_id().context("the server is not running")?;
    let watch = Stopwatch::start_for(id)?;
    let (acks_tx, acks_rx) = channel();
    let (durable_tx, durable_rx) = channel();
    let again = args.opensearch.then(|| live.clone());
    let (delays, found, durable) = thread::scope(|scope| {
        let searcher = scope.spawn(|| search(&hearken, acks_rx, durable_tx));
        let watcher = scope.spawn(|| watch_durable(&hearken, durable_rx));
        let delays = send(&servers, live, schedule, acks_tx);
        (delays, searcher.join(), watcher.join())
    });
    let delays = delays?;
    let found = found.ok().context("the searching thread panicked")??;
    let durable = durable.ok().context("the thread that looks at the durable offset panicked")??;
    let used = watch.read(id)?;
    let disk = match busy_disk.map(BusyDisk::stop).transpose()? {
        Some(num_bytes) => {
            format!("; disk kept busy with {:.0} MB/s", num_bytes as f64 / 1e6 / used.wall.as_secs_f64())
        }
        None => String::new(),
    };
    hearken.terminate()?;
    let broker_name = broker.name();
    drop((hearken, broker)); // OpenSearch has the machine to itself
    let peer = again.map(|events| peer::freshness(events, schedule)).transpose()?;

    report::print(&format!(
        "{} events/s for {} s, {} of them probes; {num_backlog} events in the index before{disk}\n\
         broker: {broker_name}\nmachine: {machine}; meanwhile c used {:.2} cores and others {:.2}, broker and this benchmark included\n",
        args.rate,
        args.seconds,
        found.len(),
        used.cpu.as_secs_f64() / used.wall.as_secs_f64(),
        used.cores_of_others,
    ))?;
    let mut table = Table::new(["milliseconds", "p50", "p90", "p99", "max"]);
    table.row(percentiles("acknowledged → found by a search", found));
    table.row(percentiles("acknowledged → durable", durable));
    if let Some(peer) = peer {
        table.row(percentiles("OpenSearch 3.6: `_bulk` answered → found by a search", peer));
    }
    table.row(percentiles("sent later than planned", delays));
    report::print(&table.to_markdown())
}

/// An event of the stream, for both engines.
pub(crate) fn event(WorkloadRecord { record, fact }: WorkloadRecord) -> Event {
    let mut plain = Map::new();
    if let Some(fact) = fact {
        plain.insert("interaction_id".into(), fact.interaction_id.into());
        plain.extend(fact.fields);
        if let Said::Message(message) = fact.said {
            plain.extend(message.fields);
        }
    }
    Event { record, plain: plain.into(), word: None }
}

/// A probe that the broker has acknowledged.
pub(crate) struct Acknowledged {
    word: String,
    partition: i32,
    offset: i64,
    at: Instant,
}

/// Reports when each probe is acknowledged.
struct Acks(Sender<Result<Acknowledged>>);

impl ClientContext for Acks {}

impl ProducerContext for Acks {
    type DeliveryOpaque = Box<Option<String>>;

    fn delivery(&self, result: &DeliveryResult<'_>, word: Box<Option<String>>) {
        let told = match (result, *word) {
            (Err((error, record)), _) => {
                Err(anyhow::anyhow!("partition {}: not accepted: {error}", record.partition()))
            }
            (Ok(record), Some(word)) => Ok(Acknowledged {
                word,
                partition: record.partition(),
                offset: record.offset(),
                at: Instant::now(),
            }),
            (Ok(_), None) => return,
        };
        let _ = self.0.send(told); // nobody listens any more only when the run has failed
    }
}

/// Sends the events at their times and returns how late each one was.
pub(crate) fn send(
    servers: &str,
    events: Vec<Event>,
    schedule: Schedule,
    acks: Sender<Result<Acknowledged>>,
) -> Result<Vec<Duration>> {
    let producer: ThreadedProducer<Acks> = ClientConfig::new()
        .set("bootstrap.servers", servers)
        .set("acks", "all")
        .set("linger.ms", "1")
        .create_with_context(Acks(acks))?;
    let delays = schedule.run(events, |Event { record, word, .. }| {
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
        producer.send(queued).map_err(|(error, _)| error).context("an event cannot be queued")
    })?;
    producer.flush(PROBE_PATIENCE)?;
    Ok(delays)
}

/// A message that nothing else in the index is found with.
fn probe(word: &str, partition: i32) -> Event {
    let said = json!({
        "event": "interaction.message", "interaction_id": word, "id": "m0", "role": "user",
        "message": format!("Please look up my order {word}, it has not arrived yet."),
    });
    let record = Record {
        partition,
        key: Some(word.as_bytes().to_vec()),
        value: Some(said.to_string().into_bytes()),
        headers: Vec::new(),
        timestamp_ms: 0,
    };
    Event { record, plain: said, word: Some(word.to_owned()) }
}

/// Searches for each probe until it is found, and returns how long that took. A probe that was acknowledged while the one
/// before was still looked for has waited for that, too.
fn search(
    hearken: &Hearken,
    acks: Receiver<Result<Acknowledged>>,
    durable: Sender<Acknowledged>,
) -> Result<Vec<Duration>> {
    let mut found = Vec::new();
    for acknowledged in acks {
        let acknowledged = acknowledged?;
        let Acknowledged { word, at, .. } = &acknowledged;
        while hearken.search(&[("q", word), ("limit", "0")])?["total"] == 0 {
            if at.elapsed() > PROBE_PATIENCE {
                bail!("`{word}` was not found within {PROBE_PATIENCE:?}");
            }
            thread::sleep(SEARCH_INTERVAL);
        }
        found.push(at.elapsed());
        let _ = durable.send(acknowledged); // nobody listens any more only when the run has failed
    }
    Ok(found)
}

/// Looks at the durable offsets until those of all probes are behind them; how long that took for each one.
fn watch_durable(hearken: &Hearken, probes: Receiver<Acknowledged>) -> Result<Vec<Duration>> {
    let mut durable = Vec::new();
    for Acknowledged { word, partition, offset, at } in probes {
        let partition = partition.to_string();
        let labels = [("topic", TOPIC), ("partition", partition.as_str())];
        while hearken.metric("hearken_ingest_durable_offset", &labels)? <= offset as f64 {
            if at.elapsed() > PROBE_PATIENCE {
                bail!("`{word}` was not durable within {PROBE_PATIENCE:?}");
            }
            thread::sleep(DURABLE_INTERVAL);
        }
        durable.push(at.elapsed());
    }
    Ok(durable)
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
