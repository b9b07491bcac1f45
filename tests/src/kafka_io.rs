//! Writes and reads records as any Kafka client does; nothing here knows Hearken.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rdkafka::ClientConfig;
use rdkafka::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, Headers as _, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

const PATIENCE: Duration = Duration::from_secs(60);

/// Headers in order; names may repeat, a value may be absent.
pub type Headers = Vec<(String, Option<Vec<u8>>)>;

/// One record to write, or as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The partition, chosen by the writer.
    pub partition: i32,
    /// The key, usually the interaction id.
    pub key: Option<Vec<u8>>,
    /// The value; `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    /// The headers.
    pub headers: Headers,
    /// Milliseconds since the epoch.
    pub timestamp_ms: i64,
}

impl Record {
    /// The value of the header `name` as text, `None` when it is missing or not UTF-8.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(header, _)| header == name)?;
        std::str::from_utf8(value.as_deref()?).ok()
    }
}

/// A record and where it was in its partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadRecord {
    /// The offset.
    pub offset: i64,
    /// The record.
    pub record: Record,
}

/// Writes records to one topic.
pub struct Producer {
    producer: BaseProducer<DeliveryCheck>,
    failures: Arc<AtomicU64>,
    topic: String,
}

struct DeliveryCheck(Arc<AtomicU64>);

impl ClientContext for DeliveryCheck {}

impl ProducerContext for DeliveryCheck {
    type DeliveryOpaque = ();
    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if result.is_err() {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Producer {
    /// A producer that keeps the order within a partition and repeats nothing.
    pub fn new(bootstrap_servers: &str, topic: &str) -> Result<Producer> {
        let failures = Arc::new(AtomicU64::new(0));
        let producer = ClientConfig::new()
            .set("bootstrap.servers", bootstrap_servers)
            .set("acks", "all")
            // Retries without idempotence could repeat a record, and the offsets below are counted on.
            .set("retries", "0")
            .set("linger.ms", "5")
            .create_with_context(DeliveryCheck(failures.clone()))?;
        Ok(Producer { producer, failures, topic: topic.to_owned() })
    }

    /// Queues one record; blocks while the queue is full.
    pub fn send(&self, record: &Record) -> Result<()> {
        let mut headers = OwnedHeaders::new_with_capacity(record.headers.len());
        for (key, value) in &record.headers {
            headers = headers.insert(Header { key, value: value.as_deref() });
        }
        let mut queued: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(&self.topic)
            .partition(record.partition)
            .timestamp(record.timestamp_ms)
            .headers(headers);
        queued.key = record.key.as_deref();
        queued.payload = record.value.as_deref();
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.producer.send(queued) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back))
                    if Instant::now() < deadline =>
                {
                    self.producer.poll(Duration::from_millis(10));
                    queued = back;
                }
                Err((error, _)) => return Err(error).context("a record cannot be queued"),
            }
        }
    }

    /// Waits until the broker has acknowledged everything sent so far.
    pub fn flush(&self) -> Result<()> {
        self.producer.flush(PATIENCE).context("the broker did not acknowledge everything")?;
        match self.failures.load(Ordering::Relaxed) {
            0 => Ok(()),
            failures => bail!("{failures} records were not accepted by the broker"),
        }
    }
}

/// Writes records to one topic in transactions, whose marks take offsets too.
pub struct TransactionalProducer {
    producer: BaseProducer,
    topic: String,
}

impl TransactionalProducer {
    /// Waits until the broker's coordinator knows it.
    pub fn new(bootstrap_servers: &str, topic: &str) -> Result<TransactionalProducer> {
        let producer: BaseProducer = ClientConfig::new()
            .set("bootstrap.servers", bootstrap_servers)
            .set("transactional.id", "hearken-tests")
            .create()?;
        producer.init_transactions(PATIENCE).context("no transactions can be begun")?;
        Ok(TransactionalProducer { producer, topic: topic.to_owned() })
    }

    /// Writes values to a partition in one transaction, which is committed or aborted.
    pub fn send(&self, partition: i32, values: &[String], is_committed: bool) -> Result<()> {
        self.producer.begin_transaction()?;
        for value in values {
            let record: BaseRecord<'_, (), str> =
                BaseRecord::to(&self.topic).partition(partition).payload(value);
            self.producer.send(record).map_err(|(error, _)| error)?;
        }
        self.producer.flush(PATIENCE)?;
        if is_committed {
            self.producer.commit_transaction(PATIENCE).context("the transaction is not committed")
        } else {
            self.producer.abort_transaction(PATIENCE).context("the transaction is not aborted")
        }
    }
}

/// Every record that is in `topic` now, by partition and offset.
pub fn read_all(bootstrap_servers: &str, topic: &str) -> Result<Vec<ReadRecord>> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap_servers)
        .set("group.id", "hearken-tests-reader")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "false")
        .create()?;
    let ends = end_offsets(&consumer, topic)?;
    let mut wanted = TopicPartitionList::new();
    let mut missing: i64 = 0;
    for &(partition, low, high) in &ends {
        wanted.add_partition_offset(topic, partition, Offset::Offset(low))?;
        missing += high - low;
    }
    consumer.assign(&wanted)?;
    let mut records = Vec::new();
    let deadline = Instant::now() + PATIENCE;
    while missing > 0 {
        if Instant::now() >= deadline {
            bail!("{missing} records of `{topic}` could not be read within {PATIENCE:?}");
        }
        let Some(message) = consumer.poll(Duration::from_millis(100)) else { continue };
        let message = message?;
        let high =
            ends.iter().find(|(partition, ..)| *partition == message.partition()).map_or(0, |end| end.2);
        if message.offset() < high {
            missing -= 1;
            records.push(to_record(&message));
        }
    }
    records.sort_by_key(|read: &ReadRecord| (read.record.partition, read.offset));
    Ok(records)
}

/// The number of records in `topic`, all partitions together.
pub fn num_records(bootstrap_servers: &str, topic: &str) -> Result<i64> {
    let consumer: BaseConsumer = ClientConfig::new().set("bootstrap.servers", bootstrap_servers).create()?;
    Ok(end_offsets(&consumer, topic)?.iter().map(|(_, low, high)| high - low).sum())
}

/// How many records of `topic` the consumer group has not committed, all partitions together.
pub fn lag(bootstrap_servers: &str, group: &str, topic: &str) -> Result<i64> {
    let consumer: BaseConsumer =
        ClientConfig::new().set("bootstrap.servers", bootstrap_servers).set("group.id", group).create()?;
    let ends = end_offsets(&consumer, topic)?;
    let mut partitions = TopicPartitionList::new();
    for (partition, ..) in &ends {
        partitions.add_partition(topic, *partition);
    }
    let committed = consumer.committed_offsets(partitions, PATIENCE)?;
    let next = |partition, low| match committed.find_partition(topic, partition).map(|found| found.offset()) {
        Some(Offset::Offset(offset)) => offset,
        _ => low,
    };
    Ok(ends.into_iter().map(|(partition, low, high)| high - next(partition, low)).sum())
}

/// Partition, first offset, next offset.
fn end_offsets(consumer: &BaseConsumer, topic: &str) -> Result<Vec<(i32, i64, i64)>> {
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE)?;
    let partitions =
        metadata.topics().iter().flat_map(|topic| topic.partitions()).map(|partition| partition.id());
    partitions
        .map(|partition| {
            let (low, high) = consumer.fetch_watermarks(topic, partition, PATIENCE)?;
            Ok((partition, low, high))
        })
        .collect()
}

fn to_record(message: &impl Message) -> ReadRecord {
    let headers = message.headers().map(|headers| {
        headers.iter().map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect()
    });
    ReadRecord {
        offset: message.offset(),
        record: Record {
            partition: message.partition(),
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().map(<[u8]>::to_vec),
            headers: headers.unwrap_or_default(),
            timestamp_ms: message.timestamp().to_millis().unwrap_or(-1),
        },
    }
}
