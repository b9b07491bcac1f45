//! What events cost over OpenSearch: ingest processes and cluster, in a backlog and at steady rates, while nobody searches.
//!
//! All processes wait for their partitions before anything is sent, and the cluster has come to rest, so that a run is the
//! work and nothing else. The one node stands for a core of a cluster, not for a cluster: its replicas are elsewhere.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use hearken_tests::engines::OpenSearch;
use hearken_tests::kafka_io::{Producer, lag};
use hearken_tests::{Hearken, HearkenConfig};
use reqwest::blocking::Client;
use serde_json::{Value, json};

use crate::broker::{Broker, NUM_PARTITIONS, TOPIC};
use crate::freshness::{Event, event};
use crate::load::{stream_events, wait_for_rest};
use crate::report::{self, Table};
use crate::stream::Stream;
use crate::usage::{self, process_cpu};

const PATIENCE: Duration = Duration::from_secs(30 * 60);
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// The `refresh_interval` that means: only when somebody asks.
const ON_DEMAND: &str = "-1";

/// What to send, and through how many processes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Events of the backlog.
    #[arg(long, default_value_t = 60_000, value_parser = clap::value_parser!(u32).range(1..))]
    backlog: u32,
    /// Ingest processes that read it, each with a partition; one run each.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 2, 4])]
    processes: Vec<i32>,
    /// Events a second for one ingest process; one run each, with each refresh interval.
    #[arg(long, value_delimiter = ',', default_values_t = [0, 200, 1_000])]
    rates: Vec<u32>,
    /// How soon OpenSearch shows what was written, as its `refresh_interval`; -1 is never, but for one refresh at the end.
    #[arg(long, value_delimiter = ',', default_values = ["1s", "200ms", ON_DEMAND], allow_hyphen_values = true)]
    refresh: Vec<String>,
    /// Seconds of each run at a rate.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// `ingest.refresh_interval` of the processes: how long a batch may be [default: theirs].
    #[arg(long)]
    batch: Option<String>,
    /// Heap of OpenSearch, MiB.
    #[arg(long, default_value_t = 2_048)]
    heap_mib: u32,
}

/// Runs the benchmark and prints its report.
///
/// # Errors
/// The dialogues, the binary, Kafka or OpenSearch are missing, there are too few events, or one got lost.
pub(crate) fn run(args: &Args) -> Result<()> {
    let machine = usage::machine();
    let broker = Broker::start()?;
    eprintln!("starting OpenSearch");
    let node = OpenSearch::start_with_heap(args.heap_mib).map_err(|missing| anyhow::anyhow!("{missing}"))?;
    let stream = Stream::load(None)?;
    let mut events: Vec<Event> = stream.workload().map(event).collect();
    let num_live: usize = args.rates.iter().map(|rate| *rate as usize * args.seconds as usize).sum();
    let num_needed = args.backlog as usize + num_live * args.refresh.len();
    ensure!(
        num_needed <= events.len(),
        "the dialogues have {} events, {num_needed} are needed",
        events.len()
    );
    let mut live = events.split_off(args.backlog as usize).into_iter();
    let bench = Bench { args, servers: broker.bootstrap_servers(), broker: &broker, node, stream: &stream };

    report::print(&format!(
        "one OpenSearch 3.6 node, {} MiB of heap, one shard, no replica\nbroker: {}\nmachine: {machine}\n",
        args.heap_mib,
        broker.name(),
    ))?;
    report::print(&format!("A backlog of {} events:\n", events.len()))?;
    let mut table = Table::new([
        "processes and partitions",
        "seconds",
        "events/s",
        "ingest, µs an event",
        "OpenSearch, µs an event",
        "writes an event",
        "ingest, µs a write",
        "OpenSearch, µs a write",
        "index, MB",
    ]);
    // A JVM that has just started compiles what it runs: the first run is not shown.
    bench.backlog("warm-up", &events, 1)?;
    for num_processes in &args.processes {
        let row = bench.backlog(&format!("backlog-{num_processes}"), &events, *num_processes)?;
        eprintln!("{}", row.join(" "));
        table.row(row);
    }
    report::print(&table.to_markdown())?;

    report::print(&format!("One ingest process, {} s a rate:\n", args.seconds))?;
    let mut table = Table::new([
        "refresh",
        "events/s",
        "ingest, cores",
        "ingest, µs an event",
        "OpenSearch, cores",
        "OpenSearch, µs an event",
        "writes an event",
        "refreshes",
        "ms a refresh",
    ]);
    for refresh in &args.refresh {
        for row in bench.steady(&mut live, refresh)? {
            eprintln!("{}", row.join(" "));
            table.row(row);
        }
    }
    report::print(&table.to_markdown())
}

/// What runs are made on.
struct Bench<'a> {
    args: &'a Args,
    servers: String,
    broker: &'a Broker,
    node: OpenSearch,
    stream: &'a Stream,
}

/// What the index has done since it was made.
#[derive(Clone, Copy)]
struct Done {
    num_writes: u64,
    num_refreshes: u64,
    refresh_millis: u64,
    bytes: u64,
}

/// Processor time so far.
#[derive(Clone, Copy)]
struct Cpu {
    ingest: Duration,
    opensearch: Duration,
}

impl Bench<'_> {
    /// A row about that many processes with the backlog.
    fn backlog(&self, group: &str, events: &[Event], num_processes: i32) -> Result<[String; 9]> {
        let topic = format!("{TOPIC}-{group}");
        let Broker::Apache(kafka) = self.broker else { bail!("this needs Apache Kafka") };
        kafka.create_topic(&topic, num_processes)?;
        let mut processes = self.start(&topic, group, num_processes)?;
        wait_for(|| Ok(partitions(&processes)?.iter().all(|number| *number == 1.0)))
            .context("the processes did not get a partition each")?;
        wait_for_rest(self.node_id()?)?;

        let before = self.cpu(&processes)?;
        let started = Instant::now();
        let producer = Producer::new(&self.servers, &topic)?;
        for Event { record, .. } in events {
            let record = hearken_tests::kafka_io::Record {
                partition: record.partition % num_processes,
                ..record.clone()
            };
            producer.send(&record)?;
        }
        producer.flush()?;
        self.wait_read(group, &topic)?;
        let wall = started.elapsed();
        self.ask("POST", &format!("{group}/_refresh"), None)?;
        wait_for_rest(self.node_id()?)?; // merges are on the bill
        let used = self.cpu(&processes)?.since(before);
        let done = self.done(group)?;
        self.check(&processes, events.len())?;
        processes.iter_mut().try_for_each(Hearken::terminate)?;

        let (num_events, num_writes) = (events.len() as f64, done.num_writes as f64);
        Ok([
            num_processes.to_string(),
            format!("{:.1}", wall.as_secs_f64()),
            format!("{:.0}", num_events / wall.as_secs_f64()),
            micros(used.ingest, num_events),
            micros(used.opensearch, num_events),
            format!("{:.2}", num_writes / num_events),
            micros(used.ingest, num_writes),
            micros(used.opensearch, num_writes),
            format!("{:.1}", done.bytes as f64 / 1e6),
        ])
    }

    /// A row for each rate, with this `refresh_interval`.
    fn steady(&self, live: &mut impl Iterator<Item = Event>, refresh: &str) -> Result<Vec<[String; 9]>> {
        let group = format!("steady{}", refresh.replace('-', ""));
        let mut processes = self.start(TOPIC, &group, 1)?;
        wait_for(|| Ok(partitions(&processes)?.iter().sum::<f64>() == f64::from(NUM_PARTITIONS)))
            .context("the process did not get the partitions")?;
        // What was sent with the interval before.
        self.wait_read(&group, TOPIC)?;
        self.ask(
            "PUT",
            &format!("{group}/_settings"),
            Some(&json!({"index": {"refresh_interval": refresh}})),
        )?;
        let mut rows = Vec::new();
        for rate in &self.args.rates {
            self.ask("POST", &format!("{group}/_refresh"), None)?;
            wait_for_rest(self.node_id()?)?;
            let (cpu_before, before) = (self.cpu(&processes)?, self.done(&group)?);
            let started = Instant::now();
            stream_events(&self.servers, live, *rate, self.args.seconds)?;
            self.wait_read(&group, TOPIC)?;
            if refresh == ON_DEMAND {
                self.ask("POST", &format!("{group}/_refresh"), None)?;
            }
            let wall = started.elapsed().as_secs_f64();
            let used = self.cpu(&processes)?.since(cpu_before);
            let done = self.done(&group)?.since(before);
            let num_events = f64::from(*rate) * f64::from(self.args.seconds);
            let per_event = |cpu| if *rate == 0 { "–".to_owned() } else { micros(cpu, num_events) };
            rows.push([
                if refresh == ON_DEMAND { "on demand, once".to_owned() } else { refresh.to_owned() },
                rate.to_string(),
                format!("{:.3}", used.ingest.as_secs_f64() / wall),
                per_event(used.ingest),
                format!("{:.3}", used.opensearch.as_secs_f64() / wall),
                per_event(used.opensearch),
                if *rate == 0 {
                    "–".to_owned()
                } else {
                    format!("{:.2}", done.num_writes as f64 / num_events)
                },
                done.num_refreshes.to_string(),
                format!("{:.1}", done.refresh_millis as f64 / done.num_refreshes.max(1) as f64),
            ]);
        }
        processes.iter_mut().try_for_each(Hearken::terminate)?;
        Ok(rows)
    }

    /// Ingest processes of one group over an index of its name.
    fn start(&self, topic: &str, group: &str, num_processes: i32) -> Result<Vec<Hearken>> {
        let url = self.node.base_url();
        let mut environment = vec![
            ("HEARKEN_KAFKA__TOPICS", topic),
            ("HEARKEN_KAFKA__GROUP_ID", group),
            ("HEARKEN_INDEX__ENGINE", "opensearch"),
            ("HEARKEN_INDEX__OPENSEARCH__URLS", &url),
            ("HEARKEN_INDEX__OPENSEARCH__INDEX_PREFIX", group),
            ("HEARKEN_INDEX__OPENSEARCH__REPLICAS", "0"),
            ("HEARKEN_HTTP__INGEST", "kafka"),
        ];
        environment
            .extend(self.args.batch.as_deref().map(|batch| ("HEARKEN_INGEST__REFRESH_INTERVAL", batch)));
        let config = HearkenConfig {
            geoip_database: Some(self.stream.geoip_database.clone()),
            environment: environment.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
            arguments: vec!["--role".into(), "ingest".into()],
            ..HearkenConfig::for_kafka(&self.servers)
        };
        let prepared = Hearken::stopped(&config)?.command(&["index", "prepare"])?;
        ensure!(prepared.status.success(), "{}", String::from_utf8_lossy(&prepared.stderr));
        (0..num_processes).map(|_| Hearken::start(&config)).collect()
    }

    /// Waits until the group has committed everything.
    fn wait_read(&self, group: &str, topic: &str) -> Result<()> {
        wait_for(|| Ok(lag(&self.servers, group, topic)? == 0)).context("not everything was read")
    }

    /// A figure about work that was not done would be worth nothing.
    fn check(&self, processes: &[Hearken], num_events: usize) -> Result<()> {
        let applied =
            |process: &Hearken| process.metric("hearken_ingest_records_total", &[("outcome", "applied")]);
        let num_applied: f64 = processes.iter().map(applied).sum::<Result<_>>()?;
        ensure!(num_applied >= num_events as f64, "{num_applied} of {num_events} events were applied");
        Ok(())
    }

    fn node_id(&self) -> Result<u32> {
        self.node.process_id().context("OpenSearch is not running")
    }

    fn cpu(&self, processes: &[Hearken]) -> Result<Cpu> {
        let of_one = |process: &Hearken| process_cpu(process.process_id().context("a process has ended")?);
        let ingest = processes.iter().map(of_one).sum::<Result<_>>()?;
        Ok(Cpu { ingest, opensearch: process_cpu(self.node_id()?)? })
    }

    fn done(&self, index: &str) -> Result<Done> {
        let stats = self.ask("GET", &format!("{index}/_stats/indexing,refresh,store"), None)?;
        let number = |pointer: &str| {
            let value = stats.pointer(&format!("/_all/primaries/{pointer}"));
            value.and_then(Value::as_u64).with_context(|| format!("no `{pointer}` in {stats}"))
        };
        Ok(Done {
            num_writes: number("indexing/index_total")?,
            num_refreshes: number("refresh/total")?,
            refresh_millis: number("refresh/total_time_in_millis")?,
            bytes: number("store/size_in_bytes")?,
        })
    }

    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        let request = Client::new().request(method.parse()?, format!("{}/{path}", self.node.base_url()));
        let request = if let Some(body) = body { request.json(body) } else { request };
        let answer = request.send()?;
        let (status, text) = (answer.status(), answer.text()?);
        ensure!(status.is_success(), "{method} {path} answers {status}: {text}");
        Ok(serde_json::from_str(&text)?)
    }
}

impl Cpu {
    fn since(self, before: Cpu) -> Cpu {
        Cpu {
            ingest: self.ingest.saturating_sub(before.ingest),
            opensearch: self.opensearch.saturating_sub(before.opensearch),
        }
    }
}

impl Done {
    fn since(self, before: Done) -> Done {
        Done {
            num_writes: self.num_writes - before.num_writes,
            num_refreshes: self.num_refreshes - before.num_refreshes,
            refresh_millis: self.refresh_millis - before.refresh_millis,
            bytes: self.bytes,
        }
    }
}

/// How many partitions each process has.
fn partitions(processes: &[Hearken]) -> Result<Vec<f64>> {
    processes.iter().map(|process| process.metric("hearken_ingest_partitions", &[])).collect()
}

fn wait_for(mut condition: impl FnMut() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match condition() {
            Ok(true) => return Ok(()),
            Ok(false) if Instant::now() >= deadline => bail!("waited {PATIENCE:?} in vain"),
            Err(error) if Instant::now() >= deadline => return Err(error),
            // A broker that is busy answers with an error at times.
            Ok(false) | Err(_) => thread::sleep(LOOK_EVERY),
        }
    }
}

fn micros(time: Duration, number: f64) -> String {
    format!("{:.0}", time.as_secs_f64() * 1e6 / number)
}
