//! A backlog on Kafka until all of it can be searched, against the bare parts.

use std::time::Duration;

use anyhow::{Result, bail};

use crate::bare;
use crate::broker::Broker;
use crate::report::{self, Table};
use crate::server::{self, Ingested};
use crate::stream::{Produced, Stream};
use crate::usage::{self, Used};

/// Threads that cost less than this share of the whole are not listed.
const LISTED_SHARE: f64 = 0.005;

/// What to ingest.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Interactions: fewer are picked evenly from the real dialogues, more repeat them under new ids [default: each
    /// real dialogue once].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    interactions: Option<u32>,
}

/// Runs the benchmark and prints its report.
///
/// # Errors
/// The dialogues or the binary are missing, or any event got lost on the way.
pub(crate) fn run(args: &Args) -> Result<()> {
    let machine = usage::machine();
    let broker = Broker::start()?;
    let servers = broker.bootstrap_servers();
    let mut num_interactions = args.interactions.map(|number| number as usize);
    if num_interactions.is_none_or(|number| number > broker.interactions_max())
        && broker.interactions_max() < usize::MAX
    {
        num_interactions = Some(broker.interactions_max());
    }
    let stream = Stream::load(num_interactions)?;
    let produced = stream.produce(&servers)?;
    if produced.documents.len() != stream.num_interactions() {
        bail!("two dialogues have one id");
    }
    let consumed = bare::consume(&servers, &produced)?;
    let (indexed, bare_index_bytes) = bare::index(&produced)?;
    let ingested = server::ingest(&servers, &stream, &produced)?;

    report::print(&format!(
        "{} events of {} interactions, {:.1} MB of event JSON, {:.0} bytes an event\nbroker: {}\nmachine: {machine}\n",
        produced.num_events,
        stream.num_interactions(),
        megabytes(produced.raw_bytes),
        produced.raw_bytes as f64 / produced.num_events as f64,
        broker.name(),
    ))?;
    report::print(&rates(&produced, &consumed, &indexed, &ingested.used).to_markdown())?;
    report::print(&sizes(&produced, bare_index_bytes, &ingested))?;
    report::print(&threads(&ingested).to_markdown())
}

fn rates(produced: &Produced, consumed: &Used, indexed: &Used, ingested: &Used) -> Table {
    let mut table = Table::new([
        "what",
        "seconds",
        "events/s",
        "MB/s",
        "CPU-seconds",
        "MB per CPU-second",
        "cores busy with others",
    ]);
    let rows = [
        ("a: bare rdkafka, read", consumed),
        ("b: bare tantivy, index", indexed),
        ("c: hearken serve, all of it", ingested),
    ];
    for (what, used) in rows {
        let (wall, cpu) = (used.wall.as_secs_f64(), used.cpu.as_secs_f64());
        table.row([
            what.to_owned(),
            format!("{wall:.2}"),
            format!("{:.0}", produced.num_events as f64 / wall),
            format!("{:.1}", megabytes(produced.raw_bytes) / wall),
            format!("{cpu:.2}"),
            format!("{:.1}", megabytes(produced.raw_bytes) / cpu),
            format!("{:.2}", used.cores_of_others),
        ]);
    }
    for (what, base) in [("c / a", consumed), ("c / b", indexed)] {
        let rate = base.wall.as_secs_f64() / ingested.wall.as_secs_f64();
        let per_cpu = base.cpu.as_secs_f64() / ingested.cpu.as_secs_f64();
        let [rate, per_cpu] = [rate, per_cpu].map(|ratio| format!("{ratio:.3}"));
        let blank = String::new;
        table.row([what.to_owned(), blank(), rate.clone(), rate, blank(), per_cpu, blank()]);
    }
    table
}

fn sizes(produced: &Produced, bare_index_bytes: u64, ingested: &Ingested) -> String {
    format!(
        "c: listening after {:.2} s of these seconds; resident beyond the page cache at most {:.0} MiB; index {:.1} MB \
         in {} segments, {:.2} of the event JSON (b: {:.2})\n",
        ingested.start.as_secs_f64(),
        ingested.anonymous_bytes_max as f64 / f64::from(1 << 20),
        megabytes(ingested.index_bytes),
        ingested.num_segments,
        ingested.index_bytes as f64 / produced.raw_bytes as f64,
        bare_index_bytes as f64 / produced.raw_bytes as f64,
    )
}

/// Where c's processor time went.
fn threads(ingested: &Ingested) -> Table {
    let whole = ingested.used.cpu.as_secs_f64();
    let alive: Duration = ingested.threads.values().sum();
    // tantivy starts a new indexing thread for every commit.
    let ended = ingested.used.cpu.saturating_sub(alive);
    let mut by_cost: Vec<_> =
        ingested.threads.iter().map(|(name, cpu)| (name.as_str(), cpu.as_secs_f64())).collect();
    by_cost.push(("(threads that ended: indexing)", ended.as_secs_f64()));
    by_cost.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    let mut table = Table::new(["threads of c", "CPU-seconds", "share"]);
    for (name, cpu) in by_cost.into_iter().filter(|(_, cpu)| cpu / whole >= LISTED_SHARE) {
        table.row([name.to_owned(), format!("{cpu:.2}"), format!("{:.1} %", 100.0 * cpu / whole)]);
    }
    table
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
