//! Events from a file into an index whose server is stopped: `hearken import --to index`.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use hearken_tests::engines::TestDir;
use hearken_tests::hearken::hearken_binary;
use hearken_tests::kafka_io::Record;
use hearken_tests::{Hearken, HearkenConfig};
use serde_json::{Map, Value};

use crate::report::{self, Table};
use crate::stream::Stream;
use crate::usage;

/// What to import.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Messages in the file.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1_000..))]
    messages: u32,
}

/// Runs the benchmark and prints its report.
///
/// # Errors
/// The dialogues or the binary are missing, or anything got lost on the way.
pub(crate) fn run(args: &Args) -> Result<()> {
    let machine = usage::machine();
    let real = Stream::load(None)?;
    let num_interactions = (args.messages as usize * real.num_interactions()).div_ceil(real.num_messages());
    let stream = Stream::load(Some(num_interactions))?;
    let folder = TestDir::new("hearken-import-")?;
    let file = folder.path().join("events.ndjson");
    let (num_events, num_bytes) = write(&stream, &file)?;

    let mut hearken = Hearken::start(&HearkenConfig {
        geoip_database: Some(stream.geoip_database.clone()),
        ..HearkenConfig::default()
    })?;
    hearken.terminate()?;
    let mut import = Command::new(hearken_binary()?);
    import.args(["import", "--to", "index", "--config"]).arg(hearken.dir().join("hearken.toml")).arg(&file);
    let started = Instant::now();
    let ended = import.env("XDG_STATE_HOME", folder.path()).output().context("cannot run `hearken`")?;
    let imported = started.elapsed();
    if !ended.status.success() {
        bail!("the import failed: {}", String::from_utf8_lossy(&ended.stderr));
    }
    let index_bytes = report::dir_bytes(&hearken.dir().join("index"))?;
    let started = Instant::now();
    hearken.restart()?;
    hearken.wait_ready(Duration::from_secs(10 * 60))?;
    let ready = started.elapsed();
    let total = hearken.search(&[("limit", "0")])?["total"].as_u64();
    if total != Some(stream.num_interactions() as u64) {
        bail!("a search counts {total:?} of {} interactions", stream.num_interactions());
    }
    hearken.terminate()?;

    let megabytes = num_bytes as f64 / 1e6;
    report::print(&format!(
        "{num_events} events of {} interactions with {} messages, {megabytes:.1} MB\nmachine: {machine}\n",
        stream.num_interactions(),
        stream.num_messages(),
    ))?;
    let mut table =
        Table::new(["what", "seconds", "messages/s", "events/s", "MB/s", "index MB", "seconds until ready"]);
    let seconds = imported.as_secs_f64();
    table.row([
        "hearken import --to index".to_owned(),
        format!("{seconds:.1}"),
        format!("{:.0}", stream.num_messages() as f64 / seconds),
        format!("{:.0}", num_events as f64 / seconds),
        format!("{:.1}", megabytes / seconds),
        format!("{:.1}", index_bytes as f64 / 1e6),
        format!("{:.2}", ready.as_secs_f64()),
    ]);
    report::print(&table.to_markdown())
}

/// Writes the events, one a line; how many, and how many bytes.
fn write(stream: &Stream, path: &Path) -> Result<(u64, u64)> {
    let bar = report::bar("writing", stream.num_events() as u64);
    let mut file = BufWriter::new(File::create(path)?);
    let (mut num_events, mut num_bytes) = (0, 0);
    for event in stream.workload() {
        let line = line(&event.record)?;
        file.write_all(&line)?;
        file.write_all(b"\n")?;
        num_events += 1;
        num_bytes += line.len() as u64 + 1;
        bar.inc(1);
    }
    file.flush()?;
    bar.finish_and_clear();
    Ok((num_events, num_bytes))
}

/// What a record says, without the headers that a file does not have: an event in binary mode becomes one in structured
/// mode.
fn line(record: &Record) -> Result<Vec<u8>> {
    let value = record.value.clone().unwrap_or_default();
    if record.header("ce_type").is_none() {
        return Ok(value);
    }
    let mut event = Map::new();
    for (name, _) in &record.headers {
        if let (Some(attribute), Some(text)) = (name.strip_prefix("ce_"), record.header(name)) {
            event.insert(attribute.to_owned(), text.into());
        }
    }
    event.insert("data".to_owned(), serde_json::from_slice(&value)?);
    Ok(Value::from(event).to_string().into_bytes())
}
