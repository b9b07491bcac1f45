//! How long after SIGKILL the server is ready again.
//!
//! The index is filled; then, several times, more events are produced at once, and the server is killed and started again. Each start opens and verifies the index, reads again what was not durable and what came
//! meanwhile, and is ready when all of that is searchable.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use hearken_tests::kafka_io::Producer;
use hearken_tests::{Hearken, HearkenConfig};

use crate::broker::{Broker, TOPIC};
use crate::report::{self, Table};
use crate::stream::Stream;
use crate::usage;

const PATIENCE: Duration = Duration::from_secs(60 * 60);
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// What to index, and how often to kill.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Messages in the index when the server is first killed.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1_000..))]
    messages: u32,
    /// How often to kill.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    kills: u32,
    /// Events between one start and the next kill, all of them produced at once.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..))]
    events: u32,
}

/// Runs the benchmark and prints its report.
///
/// # Errors
/// The dialogues or the binary are missing, or the server does not become ready.
pub(crate) fn run(args: &Args) -> Result<()> {
    let machine = usage::machine();
    let broker = Broker::start()?;
    let servers = broker.bootstrap_servers();
    let real = Stream::load(None)?;
    let wanted = args.messages as usize + (args.kills * args.events) as usize;
    // Messages are all events except a start and an end of each interaction.
    let num_interactions = (wanted * real.num_interactions()).div_ceil(real.num_messages());
    if num_interactions > broker.interactions_max() {
        bail!("{} would not keep {wanted} messages; a real Kafka does", broker.name());
    }
    let stream = Stream::load(Some(num_interactions))?;
    let mut events = stream.workload().map(|event| event.record);
    let producer = Producer::new(&servers, TOPIC)?;
    let mut produce = |most: usize| -> Result<usize> {
        let mut num_produced = 0;
        for event in events.by_ref().take(most) {
            producer.send(&event)?;
            num_produced += 1;
        }
        producer.flush()?;
        Ok(num_produced)
    };
    let num_live = (args.kills * args.events) as usize;
    let num_backlog = produce(stream.num_events() - num_live)?;

    let mut config = HearkenConfig::for_kafka(&servers);
    config.geoip_database = Some(stream.geoip_database.clone());
    let mut hearken = Hearken::start(&config)?;
    eprintln!("ingesting {num_backlog} events before the first kill");
    hearken.wait_ready(PATIENCE)?;

    let mut table = Table::new([
        "kill",
        "events produced before",
        "index MB",
        "listening after ms",
        "ready after ms",
        "records read again or new",
    ]);
    for kill in 1..=args.kills {
        let produced = produce(args.events as usize)?;
        hearken.kill();
        let index_bytes = report::dir_bytes(&hearken.dir().join("index"))?;
        let started = Instant::now();
        hearken.spawn(&[])?;
        hearken.wait_listening()?;
        let listening = started.elapsed();
        while hearken.get("/readyz")?.0 != 200 {
            if started.elapsed() > PATIENCE {
                bail!("not ready within {PATIENCE:?}");
            }
            std::thread::sleep(POLL_INTERVAL);
        }
        let ready = started.elapsed();
        let num_read = hearken.metric("hearken_ingest_records_total", &[])?;
        table.row([
            kill.to_string(),
            produced.to_string(),
            format!("{:.0}", index_bytes as f64 / 1e6),
            format!("{:.0}", listening.as_secs_f64() * 1e3),
            format!("{:.0}", ready.as_secs_f64() * 1e3),
            format!("{num_read:.0}"),
        ]);
    }
    produce(usize::MAX)?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let total = hearken.search(&[("limit", "0")])?["total"].as_u64();
        if total == Some(num_interactions as u64) {
            break;
        }
        if Instant::now() > deadline {
            bail!("a search counts {total:?} of {num_interactions} interactions");
        }
        std::thread::sleep(POLL_INTERVAL);
    }
    hearken.terminate()?;
    report::print(&format!(
        "{} messages of {num_interactions} interactions\nbroker: {}\nmachine: {machine}\n",
        stream.num_messages(),
        broker.name(),
    ))?;
    report::print(&table.to_markdown())
}
