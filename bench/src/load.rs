//! What a steady stream of events costs in processor time, the server's and the broker's, without searches.
//!
//! Each rate is sent twice: to the broker alone, and with the server reading. The broker is warm by then: it has taken the
//! backlog, and has been left alone until it came to rest.

use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use hearken_tests::kafka_io::Producer;
use hearken_tests::{Hearken, HearkenConfig};

use crate::broker::{Broker, TOPIC};
use crate::freshness::{Event, Schedule, event, send};
use crate::report::{self, Table};
use crate::stream::Stream;
use crate::usage::{self, Stopwatch};

const PATIENCE: Duration = Duration::from_secs(30 * 60);
/// A broker that takes less than this share of a core is at rest.
const AT_REST_CORES: f64 = 0.05;
/// Looked at over this time.
const AT_REST_WINDOW: Duration = Duration::from_secs(3);

/// What to send.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Events a second, one run each; 0 is an idle stream.
    #[arg(long, value_delimiter = ',', default_values_t = [0, 200, 1_000, 5_000])]
    rates: Vec<u32>,
    /// Seconds of each run.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Keep one core busy with something else.
    #[arg(long)]
    busy_core: bool,
}

/// What one run used.
struct Run {
    rate: u32,
    /// Cores of the broker alone, and of broker and server together with the stream.
    broker_alone: f64,
    broker: f64,
    server: f64,
    server_mib: f64,
}

/// Runs the benchmark and prints its report.
///
/// # Errors
/// The dialogues or the binary are missing, there are too few events, or no real Kafka can be started.
pub(crate) fn run(args: &Args) -> Result<()> {
    let machine = usage::machine();
    let broker = Broker::start()?;
    let servers = broker.bootstrap_servers();
    let broker_id = broker.process_id().context("this needs Apache Kafka, a process of its own")?;
    let stream = Stream::load(None)?;
    let mut events: Vec<Event> = stream.workload().map(event).collect();
    let num_live = 2 * args.rates.iter().map(|rate| *rate as usize).sum::<usize>() * args.seconds as usize;
    let Some(num_backlog) = events.len().checked_sub(num_live) else {
        bail!("the dialogues have {} events, {num_live} are needed; send fewer", events.len());
    };
    let mut live = events.split_off(num_backlog).into_iter();
    let backlog = Producer::new(&servers, TOPIC)?;
    events.iter().try_for_each(|event| backlog.send(&event.record))?;
    backlog.flush()?;
    drop(backlog);

    let mut alone = Vec::new();
    for rate in &args.rates {
        wait_for_rest(broker_id)?;
        alone.push(cores_of(broker_id, || stream_events(&servers, &mut live, *rate, args.seconds))?.0);
    }
    let mut config = HearkenConfig::for_kafka(&servers);
    config.geoip_database = Some(stream.geoip_database.clone());
    let mut hearken = Hearken::start(&config)?;
    eprintln!("ingesting {} events before the run begins", num_backlog + num_live / 2);
    hearken.wait_ready(PATIENCE)?;
    let id = hearken.process_id().context("the server is not running")?;
    wait_for_rest(id)?;
    let busy_core = args.busy_core.then(BusyCore::start);
    let mut runs = Vec::new();
    for (rate, broker_alone) in args.rates.iter().zip(alone) {
        wait_for_rest(broker_id)?;
        let of_broker = Stopwatch::start_for(broker_id)?;
        let (server, ()) = cores_of(id, || stream_events(&servers, &mut live, *rate, args.seconds))?;
        let broker = of_broker.read(broker_id)?;
        let server_mib = usage::anonymous_bytes(id)? as f64 / f64::from(1 << 20);
        let broker = broker.cpu.as_secs_f64() / broker.wall.as_secs_f64();
        runs.push(Run { rate: *rate, broker_alone, broker, server, server_mib });
    }
    drop(busy_core);
    hearken.terminate()?;

    let beside = if args.busy_core { "; one core kept busy by something else" } else { "" };
    report::print(&format!(
        "{} s a rate, no searches; {} events in the index before{beside}\nbroker: {}\nmachine: {machine}\n",
        args.seconds,
        num_backlog + num_live / 2,
        broker.name(),
    ))?;
    let mut table = Table::new([
        "events/s",
        "server, cores",
        "server, µs an event",
        "broker, cores",
        "broker alone, cores",
        "server, MiB resident",
    ]);
    for Run { rate, broker_alone, broker, server, server_mib } in runs {
        let per_event =
            if rate == 0 { "–".to_owned() } else { format!("{:.0}", server * 1e6 / f64::from(rate)) };
        table.row([
            rate.to_string(),
            format!("{server:.3}"),
            per_event,
            format!("{broker:.3}"),
            format!("{broker_alone:.3}"),
            format!("{server_mib:.0}"),
        ]);
    }
    report::print(&table.to_markdown())
}

/// Sends the next events at that rate, or waits as long.
pub(crate) fn stream_events(
    servers: &str,
    live: &mut impl Iterator<Item = Event>,
    rate: u32,
    seconds: u32,
) -> Result<()> {
    if rate == 0 {
        thread::sleep(Duration::from_secs(seconds.into()));
        return Ok(());
    }
    let events: Vec<Event> = live.take(rate as usize * seconds as usize).collect();
    send(servers, events, Schedule::at(rate), channel().0).map(drop)
}

/// How many cores the process used meanwhile.
fn cores_of<T>(id: u32, work: impl FnOnce() -> Result<T>) -> Result<(f64, T)> {
    let watch = Stopwatch::start_for(id)?;
    let done = work()?;
    let used = watch.read(id)?;
    Ok((used.cpu.as_secs_f64() / used.wall.as_secs_f64(), done))
}

/// A broker's JVM takes more than a core for its first half minute, and a server merges after a backlog.
pub(crate) fn wait_for_rest(id: u32) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let (cores, ()) = cores_of(id, || {
            thread::sleep(AT_REST_WINDOW);
            Ok(())
        })?;
        if cores < AT_REST_CORES || Instant::now() > deadline {
            return Ok(());
        }
    }
}

/// A process that does nothing but take a core.
struct BusyCore(std::process::Child);

impl BusyCore {
    fn start() -> Option<BusyCore> {
        let spinning = std::process::Command::new("sh").args(["-c", "while :; do :; done"]).spawn();
        spinning.map(BusyCore).ok()
    }
}

impl Drop for BusyCore {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
