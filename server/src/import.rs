//! `hearken import`: past conversations from files, into a running server, into Kafka, or into a stopped index.
//!
//! - [`files`]: finds the files and decompresses their text.
//! - [`json`], [`rows`], [`transcript`]: turn a file's text into events, one by one.
//! - [`progress`]: records how far each file has come, so that an interrupted import continues where it stopped.
//! - [`destination`]: where the events go.
//!
//! Interrupting an import never causes duplicates: events that are sent again have the same ids and times, even if the
//! file has none. An event without a time gets one from the file's time and its position in the file.

mod destination;
mod files;
mod json;
mod progress;
mod rows;
mod transcript;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Instant;

use anyhow::{Context as _, bail};
use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

pub use destination::Destination;
pub use files::FileKind;
pub use progress::Progress;
pub use rows::Mapping;
pub use transcript::Speakers;

use self::destination::ImportBatch;
use self::files::ImportFile;

/// Most events in a batch, and most bytes.
const BATCH_EVENTS_MAX: usize = 5_000;
const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Most reasons listed in the summary; the others are counted.
const REASONS_MAX: usize = 20;

/// What to import, and how.
pub struct Import {
    /// Files, folders, and `-` for standard input.
    pub paths: Vec<String>,
    /// The kind of all files; by default each name tells.
    pub kind: Option<FileKind>,
    /// Maps CSV columns to fields.
    pub mapping: Mapping,
    /// The role of each speaker in transcripts.
    pub speakers: Speakers,
    /// Whether to ignore the progress of an earlier import.
    pub again: bool,
    /// Whether the summary goes to standard output, as JSON.
    pub json: bool,
}

/// Counts of the events so far.
#[derive(Default)]
struct ImportCounts {
    num_files: usize,
    num_ignored_files: usize,
    /// Files that an earlier import had already finished.
    num_finished_before: usize,
    num_events: u64,
    num_accepted: u64,
    num_before: u64,
    /// By file and reason: the count, and the position of the first, from 1.
    skipped: BTreeMap<(String, String), (u64, u64)>,
}

impl ImportCounts {
    fn skip(&mut self, file: &str, position: u64, reason: String) {
        let entry = self.skipped.entry((file.to_owned(), reason)).or_insert((0, position + 1));
        entry.0 += 1;
    }

    fn num_skipped(&self) -> u64 {
        self.skipped.values().map(|(count, _)| count).sum()
    }
}

/// An event of a file, or why it was skipped.
type Item = Result<Vec<u8>, String>;
/// The events of a file, in order; an error means that the rest cannot be read.
type Items = Box<dyn Iterator<Item = anyhow::Result<Item>>>;

impl Import {
    /// Imports everything, and reports on standard error what was skipped and why.
    ///
    /// # Errors
    /// A file cannot be read, the destination accepts nothing, or nothing could be imported at all.
    pub fn run(self, destination: Destination, mut progress: Progress) -> anyhow::Result<()> {
        let started = Instant::now();
        let (sources, num_ignored_files) = files::list(&self.paths, self.kind)?;
        let mut tally =
            ImportCounts { num_files: sources.len(), num_ignored_files, ..ImportCounts::default() };
        let bar = progress_bar(sources.iter().map(|source| source.size_bytes).sum());
        for source in &sources {
            let imported = self.import_file(source, &destination, &mut progress, &bar, &mut tally);
            imported.with_context(|| {
                format!("`{}` was not imported to its end; run the command again to continue", source.name)
            })?;
        }
        bar.set_message("waiting until everything is searchable");
        destination.finish()?;
        bar.finish_and_clear();
        progress.forget_finished();
        self.sum_up(&tally, started)
    }

    fn import_file(
        &self,
        source: &ImportFile,
        destination: &Destination,
        progress: &mut Progress,
        bar: &ProgressBar,
        tally: &mut ImportCounts,
    ) -> anyhow::Result<()> {
        let before = if self.again { None } else { progress.of(source) };
        let before = before.unwrap_or_default();
        if before.is_finished {
            bar.inc(source.size_bytes);
            tally.num_finished_before += 1;
            return Ok(());
        }
        let modified_us = before.modified_us.unwrap_or(source.modified_us);
        bar.set_message(source.name.clone());
        let text = source.open(bar)?;
        let items: Items = match source.kind {
            FileKind::Json => json::items(text),
            FileKind::Csv => rows::items(text, &self.mapping, &source.stem)?,
            FileKind::Transcript => transcript::items(text, &self.speakers, &source.stem),
        };
        let mut batch = ImportBatch::new(before.num_items, modified_us);
        let mut position = 0;
        for item in items {
            let item = item?;
            if position < before.num_items {
                position += 1;
                tally.num_before += 1;
                continue;
            }
            match item {
                Ok(event) => batch.push(position, event),
                Err(reason) => tally.skip(&source.name, position, reason),
            }
            position += 1;
            tally.num_events += 1;
            if batch.len() >= BATCH_EVENTS_MAX || batch.num_bytes() >= BATCH_BYTES_MAX {
                send(&batch, destination, &source.name, tally)?;
                progress.keep(source, position, modified_us, false)?;
                batch = ImportBatch::new(position, modified_us);
            }
        }
        if batch.len() > 0 {
            send(&batch, destination, &source.name, tally)?;
        }
        progress.keep(source, position, modified_us, true)
    }

    fn sum_up(&self, tally: &ImportCounts, started: Instant) -> anyhow::Result<()> {
        let seconds = started.elapsed().as_secs_f64().max(0.001);
        let skipped = || tally.skipped.iter();
        if self.json {
            let skipped = skipped().map(|((file, reason), (count, first))| {
                json!({"file": file, "reason": reason, "count": count, "first": first})
            });
            let summary = json!({
                "files": tally.num_files, "accepted": tally.num_accepted, "seconds": seconds,
                "imported_before": tally.num_before, "skipped": skipped.collect::<Vec<_>>(),
            });
            writeln!(std::io::stdout(), "{summary}")?;
        }
        eprintln!(
            "imported {} events of {} files in {} ({} events/s)",
            HumanCount(tally.num_accepted),
            tally.num_files,
            HumanDuration(started.elapsed()),
            HumanCount((tally.num_accepted as f64 / seconds) as u64),
        );
        if tally.num_before > 0 || tally.num_finished_before > 0 {
            eprintln!(
                "{} events and {} files had been imported before; `--again` imports them again",
                HumanCount(tally.num_before),
                tally.num_finished_before
            );
        }
        if tally.num_ignored_files > 0 {
            eprintln!(
                "{} files in folders were ignored: their names are not those of event files",
                tally.num_ignored_files
            );
        }
        if tally.num_skipped() > 0 {
            eprintln!("skipped {}:", HumanCount(tally.num_skipped()));
            for ((file, reason), (count, first)) in skipped().take(REASONS_MAX) {
                eprintln!("  {file}: {count} × {reason} (first: {first})");
            }
            if tally.skipped.len() > REASONS_MAX {
                eprintln!("  … and {} other reasons; `--json` lists all", tally.skipped.len() - REASONS_MAX);
            }
        }
        if tally.num_accepted == 0 && tally.num_skipped() > 0 {
            bail!("nothing could be imported");
        }
        Ok(())
    }
}

fn send(
    batch: &ImportBatch,
    destination: &Destination,
    file: &str,
    tally: &mut ImportCounts,
) -> anyhow::Result<()> {
    let rejected = destination.send(batch)?;
    tally.num_accepted += (batch.len() - rejected.len()) as u64;
    for (idx, reason) in rejected {
        tally.skip(file, batch.position(idx), reason);
    }
    Ok(())
}

fn progress_bar(num_bytes: u64) -> ProgressBar {
    let template = "{wide_bar} {bytes}/{total_bytes} {bytes_per_sec}, {eta} left  {msg}";
    let style = ProgressStyle::with_template(template).unwrap_or(ProgressStyle::default_bar());
    ProgressBar::with_draw_target(Some(num_bytes), ProgressDrawTarget::stderr()).with_style(style)
}
