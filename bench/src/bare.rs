//! The bare parts: rdkafka that only reads, tantivy that only indexes. Both in this process.

use std::time::Duration;

use anyhow::{Result, bail};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tantivy::schema::{STORED, STRING, Schema, TEXT};
use tantivy::{Index, TantivyDocument};

use crate::broker::{NUM_PARTITIONS, TOPIC};
use crate::report;
use crate::stream::{PlainDocument, Produced};
use crate::usage::{Stopwatch, Used};

/// Memory that the writer may use before it writes a segment.
const WRITER_BYTES: usize = 64 << 20;
const POLL_TIMEOUT: Duration = Duration::from_secs(60);
/// How often a progress bar is told.
const TOLD_EVERY: u64 = 1_000;

/// Reads the topic from its beginning to its end and does nothing with it.
///
/// # Errors
/// Anything but exactly the events that were produced comes back.
pub(crate) fn consume(bootstrap_servers: &str, produced: &Produced) -> Result<Used> {
    let bar = report::bar("bare rdkafka", produced.num_events);
    let watch = Stopwatch::start()?;
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap_servers)
        .set("group.id", "hearken-bench")
        .set("enable.auto.commit", "false")
        .set("fetch.queue.backoff.ms", "10")
        .set("check.crcs", "true")
        .create()?;
    let mut partitions = TopicPartitionList::new();
    for partition in 0..NUM_PARTITIONS {
        partitions.add_partition_offset(TOPIC, partition, Offset::Beginning)?;
    }
    consumer.assign(&partitions)?;
    let (mut num_events, mut raw_bytes) = (0, 0);
    while num_events < produced.num_events {
        let Some(message) = consumer.poll(POLL_TIMEOUT) else {
            bail!("the broker has only {num_events} of {} events", produced.num_events);
        };
        raw_bytes += message?.payload_len() as u64;
        num_events += 1;
        if num_events.is_multiple_of(TOLD_EVERY) {
            bar.set_position(num_events);
        }
    }
    let used = watch.read(std::process::id())?;
    bar.finish_and_clear();
    if raw_bytes != produced.raw_bytes {
        bail!("{raw_bytes} bytes came back of {} that were produced", produced.raw_bytes);
    }
    Ok(used)
}

/// Indexes every interaction once: its id, its text with tantivy's own tokenizer, its JSON. One indexing thread, one
/// commit, merges finished. Returns the bytes of the index, too.
pub(crate) fn index(produced: &Produced) -> Result<(Used, u64)> {
    let bar = report::bar("bare tantivy", produced.documents.len() as u64);
    let mut schema = Schema::builder();
    let id = schema.add_text_field("id", STRING);
    let text = schema.add_text_field("text", TEXT);
    let stored = schema.add_text_field("stored", STORED);
    let dir = tempfile::tempdir()?;
    let index = Index::create_in_dir(dir.path(), schema.build())?;

    let watch = Stopwatch::start()?;
    let mut writer = index.writer_with_num_threads::<TantivyDocument>(1, WRITER_BYTES)?;
    for (number, plain) in produced.documents.iter().enumerate() {
        let PlainDocument { id: id_text, text: said, stored: json } = plain;
        let mut document = TantivyDocument::default();
        document.add_text(id, id_text);
        document.add_text(text, said);
        document.add_text(stored, json);
        writer.add_document(document)?;
        if (number as u64).is_multiple_of(TOLD_EVERY) {
            bar.set_position(number as u64);
        }
    }
    writer.commit()?;
    writer.wait_merging_threads()?;
    let used = watch.read(std::process::id())?;
    bar.finish_and_clear();
    Ok((used, report::dir_bytes(dir.path())?))
}
