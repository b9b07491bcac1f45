//! What a refresh costs: documents are replaced at a steady rate in an index that is refreshed every 20 ms and
//! flushed beside it, and every refresh is timed. The load is open: a late refresh makes the next one late, too.
//!
//! ```text
//! cargo run --release -p hearken-index --example refresh_cost -- [key=value …]
//! ```
//! Keys: `documents` (100000) in the index at the start, `batch` (20) documents a refresh, `seconds` (30),
//! `cadence_ms` (20), `open` (2000) documents that are replaced again and again, `small`, `group`, `ratio`, `rewrite`,
//! `threads` (of [`MergeBounds`]), `flush_ms` (1000).
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hearken_index::checkpoint::{Checkpoint, PartitionPosition};
use hearken_index::tantivy::{MergeBounds, Writer, WriterOptions};
use tantivy::schema::{FAST, Field, STORED, STRING, Schema, TEXT};
use tantivy::tokenizer::TokenizerManager;
use tantivy::{TantivyDocument, Term};

/// About as many fields as an interaction has.
const NUM_FACETS: usize = 16;
const NUM_NUMBERS: usize = 10;

struct Fields {
    id: Field,
    texts: [Field; 3],
    stored: Field,
    facets: Vec<Field>,
    numbers: Vec<Field>,
}

fn schema() -> (Schema, Fields) {
    let mut schema = Schema::builder();
    let fields = Fields {
        id: schema.add_text_field("id", STRING | STORED),
        texts: ["user", "assistant", "summary"].map(|name| schema.add_text_field(name, TEXT)),
        stored: schema.add_bytes_field("stored", STORED),
        facets: (0..NUM_FACETS).map(|n| schema.add_text_field(&format!("facet{n}"), FAST)).collect(),
        numbers: (0..NUM_NUMBERS).map(|n| schema.add_i64_field(&format!("number{n}"), FAST)).collect(),
    };
    (schema.build(), fields)
}

/// SplitMix64: the same run every time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }

    /// Few words are frequent, many are rare.
    fn text(&mut self, num_words: u64) -> String {
        let mut text = String::new();
        for _ in 0..num_words {
            let ceiling = 10 + self.below(30_000);
            text.push_str(&format!("w{} ", self.below(ceiling)));
        }
        text
    }
}

fn document(fields: &Fields, id: u64, random: &mut Random) -> (Term, TantivyDocument) {
    let id = format!("interaction-{id:08}");
    let mut document = TantivyDocument::new();
    document.add_text(fields.id, &id);
    let mut stored = String::new();
    for (field, num_words) in fields.texts.iter().zip([40, 80, 10]) {
        let text = random.text(num_words);
        document.add_text(*field, &text);
        stored.push_str(&text);
    }
    stored.push_str(&random.text(80)); // names and versions around the text
    document.add_bytes(fields.stored, stored.as_bytes());
    for (n, field) in fields.facets.iter().enumerate() {
        document.add_text(*field, format!("value {}", random.below(4 + n as u64 * n as u64)));
    }
    for field in &fields.numbers {
        document.add_i64(*field, random.below(1 << 30) as i64);
    }
    (Term::from_field_text(fields.id, &id), document)
}

fn checkpoint(next_offset: i64) -> Checkpoint {
    let mut checkpoint = Checkpoint::default();
    checkpoint.set("bench", 0, PartitionPosition { next_offset, fingerprint: None });
    checkpoint
}

/// `p50 / p99 / max` in milliseconds.
fn percentiles(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |q: f64| times[((times.len() - 1) as f64 * q) as usize].as_secs_f64() * 1e3;
    format!("{:.1} / {:.1} / {:.1} ms", at(0.5), at(0.99), at(1.0))
}

/// Processor time of the process so far.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(") ").next().unwrap_or_default();
    let ticks: u64 = after_name.split(' ').skip(11).take(2).filter_map(|t| t.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

fn main() {
    let given: HashMap<String, f64> = std::env::args()
        .skip(1)
        .map(|arg| {
            let (key, value) = arg.split_once('=').expect("key=value");
            (key.to_owned(), value.parse().expect("a number"))
        })
        .collect();
    let get = |key: &str, default: f64| given.get(key).copied().unwrap_or(default);
    let (num_documents, batch, open) = (get("documents", 1e5) as u64, get("batch", 20.0), get("open", 2e3));
    let cadence = Duration::from_secs_f64(get("cadence_ms", 20.0) / 1e3);

    let (schema, fields) = schema();
    let defaults = MergeBounds::default();
    let flushes: Arc<Mutex<Vec<(Duration, usize, u64)>>> = Arc::default();
    let options = WriterOptions {
        merge: MergeBounds {
            small_documents: get("small", f64::from(defaults.small_documents)) as u32,
            group_segments: get("group", defaults.group_segments as f64) as usize,
            deleted_ratio: get("ratio", f64::from(defaults.deleted_ratio)) as f32,
            rewrite_documents_min: get("rewrite", f64::from(defaults.rewrite_documents_min)) as u32,
            num_threads: get("threads", defaults.num_threads as f64) as usize,
            ..defaults
        },
        flush_interval: Duration::from_secs_f64(get("flush_ms", 1_000.0) / 1e3),
        on_flush: Some(Arc::new({
            let flushes = Arc::clone(&flushes);
            move |report| flushes.lock().unwrap().push((report.duration, report.num_files, report.bytes))
        })),
        ..WriterOptions::new(schema, TokenizerManager::default())
    };
    println!("{:?}", options.merge);
    let directory = tempfile::tempdir().unwrap();
    let mut random = Random(1);
    let mut writer = Writer::open(directory.path(), options.clone()).unwrap();
    let monitor = writer.monitor();

    let started = Instant::now();
    for id in 0..num_documents {
        let (term, document) = document(&fields, id, &mut random);
        writer.replace(term, document).unwrap();
        if id % 10_000 == 9_999 {
            writer.refresh(&checkpoint(id as i64)).unwrap();
        }
    }
    writer.refresh(&checkpoint(num_documents as i64)).unwrap();
    writer.flush_now().unwrap();
    println!(
        "backfill: {num_documents} documents in {:.1} s; {:?}",
        started.elapsed().as_secs_f64(),
        monitor.stats()
    );

    flushes.lock().unwrap().clear();
    let (mut totals, mut commits, mut lateness) = (Vec::new(), Vec::new(), Vec::new());
    let (mut segments, mut ram_bytes_max) = (Vec::new(), 0);
    let merges_before = monitor.stats().num_merges;
    let (started, processor_before) = (Instant::now(), processor_time());
    let num_refreshes = (get("seconds", 30.0) / cadence.as_secs_f64()) as u32;
    let mut newest = num_documents as f64;
    for n in 0..num_refreshes {
        let due = started + cadence * n;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        lateness.push(due.elapsed());
        for _ in 0..batch as usize {
            // Most changes are the next message of one of the open conversations; some begin a new one.
            newest += 0.1;
            let id = newest as u64 - random.below(open as u64);
            let (term, document) = document(&fields, id, &mut random);
            writer.replace(term, document).unwrap();
        }
        let report = writer.refresh(&checkpoint(i64::from(n))).unwrap();
        totals.push(report.duration);
        commits.push(report.commit);
        segments.push(monitor.stats().num_segments);
        ram_bytes_max = ram_bytes_max.max(monitor.stats().ram_bytes);
    }
    let elapsed = started.elapsed();
    let processor = processor_time() - processor_before;
    segments.sort_unstable();
    let stats = monitor.stats();
    println!("{num_refreshes} refreshes of {batch} documents, one every {cadence:?}; p50 / p99 / max:");
    println!("  refresh          {}", percentiles(totals));
    println!("  of that, commit  {}", percentiles(commits));
    println!("  begun late by    {}", percentiles(lateness));
    println!(
        "  segments         {} / {} / {}",
        segments[segments.len() / 2],
        segments[segments.len() * 99 / 100],
        segments[segments.len() - 1]
    );
    println!(
        "  merges           {} a second",
        (stats.num_merges - merges_before) as f64 / elapsed.as_secs_f64()
    );
    println!(
        "  processor        {:.0} % of one core",
        processor.as_secs_f64() / elapsed.as_secs_f64() * 100.0
    );
    println!("  RAM tier         {} KB at most", ram_bytes_max / 1_000);
    let flushes = std::mem::take(&mut *flushes.lock().unwrap());
    let num_files: usize = flushes.iter().map(|flush| flush.1).sum();
    let bytes: u64 = flushes.iter().map(|flush| flush.2).sum();
    println!(
        "  flushes          {} of {:.0} files and {:.0} KB each",
        flushes.len(),
        num_files as f64 / flushes.len() as f64,
        bytes as f64 / flushes.len() as f64 / 1e3
    );
    println!("  flush            {}", percentiles(flushes.into_iter().map(|flush| flush.0).collect()));

    writer.close().unwrap();
    let started = Instant::now();
    let writer = Writer::open(directory.path(), options).unwrap();
    let stats = writer.monitor().stats();
    println!(
        "open and verify {:.0} MB in {} segments: {:.2} s",
        stats.index_bytes as f64 / 1e6,
        stats.num_segments,
        started.elapsed().as_secs_f64()
    );
}
