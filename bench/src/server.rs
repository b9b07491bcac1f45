//! `hearken serve` as it is shipped, on a backlog.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use hearken_tests::{Hearken, HearkenConfig};

use crate::report;
use crate::stream::{Produced, Stream};
use crate::usage::{Stopwatch, Used, anonymous_bytes, process_cpu, thread_cpu};

const PATIENCE: Duration = Duration::from_secs(30 * 60);
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// The server counts as quiet when a second costs it less than this: nothing to merge or flush is left.
const QUIET_CPU_PER_SECOND: Duration = Duration::from_millis(100);

/// What it took to ingest everything.
pub(crate) struct Ingested {
    /// From the start of the process until everything could be searched; `cpu` until it was durable and merged, too.
    pub(crate) used: Used,
    /// From the start of the process until it listened; part of the time above.
    pub(crate) start: Duration,
    /// Most resident bytes beyond the page cache that were seen, looking every 20 ms.
    pub(crate) anonymous_bytes_max: u64,
    /// Bytes of the index after the server was stopped.
    pub(crate) index_bytes: u64,
    /// Processor time by the threads that were alive at the end.
    pub(crate) threads: BTreeMap<String, Duration>,
    /// Segments at the end.
    pub(crate) num_segments: u64,
}

/// Starts a server with an empty index and waits until all events are searchable, durable, and merged.
///
/// # Errors
/// Any event was not applied or any interaction is missing.
pub(crate) fn ingest(bootstrap_servers: &str, stream: &Stream, produced: &Produced) -> Result<Ingested> {
    let mut config = HearkenConfig::for_kafka(bootstrap_servers);
    config.geoip_database = Some(stream.geoip_database.clone());
    hearken_tests::hearken::hearken_binary()?; // built before the clock runs

    let bar = report::bar("hearken serve", produced.num_events);
    let watch = Stopwatch::start_for_child()?;
    let started = Instant::now();
    let mut hearken = Hearken::start(&config)?;
    let start = started.elapsed();
    let id = hearken.process_id().context("the server is not running")?;
    let mut anonymous_bytes_max = 0;
    for look in 0_u64.. {
        anonymous_bytes_max = anonymous_bytes_max.max(anonymous_bytes(id)?);
        if hearken.get("/readyz")?.0 == 200 {
            break;
        }
        if look.is_multiple_of(25) {
            bar.set_position(num_applied(&hearken)?);
        }
        if started.elapsed() > PATIENCE {
            bail!("not everything was searchable within {PATIENCE:?}");
        }
        std::thread::sleep(POLL_INTERVAL);
    }
    let mut used = watch.read(id)?;
    bar.finish_and_clear();

    check(&hearken, stream, produced)?;
    wait_quiet(&hearken, id, produced)?;
    used.cpu = process_cpu(id)?;
    let threads = thread_cpu(id)?;
    anonymous_bytes_max = anonymous_bytes_max.max(anonymous_bytes(id)?);
    let num_segments = hearken.metric("hearken_index_segments", &[])? as u64;
    hearken.terminate()?;
    let index_bytes = report::dir_bytes(&hearken.dir().join("index"))?;
    Ok(Ingested { used, start, anonymous_bytes_max, index_bytes, threads, num_segments })
}

fn num_applied(hearken: &Hearken) -> Result<u64> {
    Ok(hearken.metric("hearken_ingest_records_total", &[("outcome", "applied")])? as u64)
}

/// A figure about work that was not done would be worth nothing.
fn check(hearken: &Hearken, stream: &Stream, produced: &Produced) -> Result<()> {
    let applied = num_applied(hearken)?;
    if applied != produced.num_events {
        bail!("{applied} of {} events were applied", produced.num_events);
    }
    let total = hearken.search(&[("limit", "0")])?["total"].as_u64();
    if total != Some(stream.num_interactions() as u64) {
        bail!("a search counts {total:?} of {} interactions", stream.num_interactions());
    }
    Ok(())
}

/// Waits until everything is durable and no merge is left, so that all the work is on the bill.
fn wait_quiet(hearken: &Hearken, id: u32, produced: &Produced) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    let mut before = process_cpu(id)?;
    while Instant::now() < deadline {
        std::thread::sleep(Duration::from_secs(1));
        let cpu = process_cpu(id)?;
        let is_quiet = cpu.saturating_sub(before) < QUIET_CPU_PER_SECOND;
        let durable = hearken.metric("hearken_ingest_durable_offset", &[])? as u64;
        if is_quiet && durable == produced.num_events {
            return Ok(());
        }
        before = cpu;
    }
    bail!("not everything was durable and merged within {PATIENCE:?}")
}
