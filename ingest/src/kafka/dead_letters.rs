//! The dead-letter topic: records that could not be understood, unchanged, with the reason and their origin.

use std::borrow::Cow;
use std::time::Duration;

use hearken_config::KafkaConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::FutureRecord;
use tracing::{info, warn};

use super::consumer::Quiet;
use super::producer::LazyProducer;
use crate::decode::Rejection;
use crate::record::RawRecord;

/// How much to keep of a value that is too large for the topic (docs/reference.md#bad-records).
const TRUNCATED_BYTES: usize = 64 * 1024;
/// How long a dead letter may take before its partition is stopped. The other partitions wait meanwhile, so it is
/// short: a stopped partition is retried, and resumes by itself.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(5);
/// Timeout for requests about the topic.
const ADMIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Writes dead letters, acknowledged by all in-sync replicas. Clones share the connection.
#[derive(Clone)]
pub(crate) struct DeadLetters {
    producer: LazyProducer,
    config: KafkaConfig,
    withholds_payloads: bool,
}

impl DeadLetters {
    /// With `withholds_payloads`, a dead letter says where its record is and why it was refused, but nothing of what
    /// the record said.
    pub(crate) fn open(config: &KafkaConfig, withholds_payloads: bool) -> Result<Self, KafkaError> {
        let mut client = super::client_config(config);
        client
            .set("acks", "all")
            // Recreating the topic would stop an idempotent producer for good. Without idempotence a dead letter may
            // appear twice, which is allowed.
            .set("enable.idempotence", "false")
            .set("linger.ms", "0")
            .set("message.timeout.ms", DELIVERY_TIMEOUT.as_millis().to_string())
            // How soon a previously missing topic is noticed.
            .set("topic.metadata.refresh.interval.ms", "2000");
        if config.librdkafka.get("message.max.bytes").is_none() {
            // The producer must not refuse what the broker would accept: the broker's limit decides.
            client.set("message.max.bytes", "1000000000");
        }
        let producer = LazyProducer::new(client)?;
        Ok(DeadLetters { producer, config: config.clone(), withholds_payloads })
    }

    /// The reason, as far as anyone but the record's sender may see it.
    pub(crate) fn shown_reason<'r>(&self, rejection: &'r Rejection) -> Cow<'r, str> {
        rejection.shown_reason(self.withholds_payloads)
    }

    /// The topic's name.
    pub(crate) fn topic(&self) -> &str {
        &self.config.dead_letter_topic
    }

    /// [`DeadLetters::create_missing_topic`] in the background. Best effort: the first dead letter decides.
    pub(crate) fn ensure_topic(&self) {
        let dead_letters = self.clone();
        let started = std::thread::Builder::new()
            .name("dead-letter-topic".into())
            .spawn(move || dead_letters.create_missing_topic());
        if let Err(error) = started {
            warn!(%error, "could not check for the dead-letter topic");
        }
    }

    /// Creates the topic if it is missing and the brokers allow it.
    pub(crate) fn create_missing_topic(&self) {
        let topic = self.topic();
        let admin: AdminClient<Quiet> = match super::client_config(&self.config).create_with_context(Quiet) {
            Ok(admin) => admin,
            Err(error) => {
                return warn!(topic, %error, "could not ask the brokers about the dead-letter topic");
            }
        };
        match admin.inner().fetch_metadata(None, ADMIN_TIMEOUT) {
            Ok(metadata) if metadata.topics().iter().any(|known| known.name() == topic) => {}
            Ok(_) => create_topic(&admin, topic),
            Err(error) => warn!(topic, %error, "could not ask the brokers about the dead-letter topic"),
        }
    }

    /// Writes these records and waits until all are acknowledged. The results are in the same order.
    pub(crate) fn write(&self, records: &[(RawRecord, Rejection)]) -> Vec<Result<(), KafkaError>> {
        let deliveries: Vec<_> =
            records.iter().map(|(record, rejection)| self.send(record, rejection, None)).collect();
        let mut outcomes: Vec<_> = deliveries.into_iter().map(|delivery| delivery.and_then(wait)).collect();
        // A broker refuses a batch of records as a whole, so they are retried one by one, and cut only then.
        let is_alone = records.len() == 1;
        let mut broken: Option<KafkaError> = None;
        for ((record, rejection), outcome) in records.iter().zip(&mut outcomes) {
            if !outcome.as_ref().is_err_and(is_too_large) {
                continue;
            }
            if let Some(error) = &broken {
                *outcome = Err(error.clone()); // waiting again for each would take too long
                continue;
            }
            if !is_alone {
                *outcome = self.send(record, rejection, None).and_then(wait);
            }
            if outcome.as_ref().is_err_and(is_too_large) {
                *outcome = self.send(record, rejection, Some(TRUNCATED_BYTES)).and_then(wait);
            }
            broken = outcome.as_ref().err().filter(|error| !is_too_large(error)).cloned();
        }
        outcomes
    }

    fn send(
        &self,
        record: &RawRecord,
        rejection: &Rejection,
        truncate_bytes: Option<usize>,
    ) -> Result<rdkafka::producer::DeliveryFuture, KafkaError> {
        let mut headers = OwnedHeaders::new();
        let shown_headers = if self.withholds_payloads { &[] } else { record.headers.as_slice() };
        for (name, value) in shown_headers {
            headers = headers.insert(Header { key: name, value: value.as_deref() });
        }
        let reason = self.shown_reason(rejection);
        let offset = record.offset.to_string();
        let partition = record.partition.to_string();
        for (key, value) in [
            ("hearken-reason", reason.as_ref()),
            ("hearken-topic", &*record.topic),
            ("hearken-partition", partition.as_str()),
            ("hearken-offset", offset.as_str()),
        ] {
            headers = headers.insert(Header { key, value: Some(value) });
        }
        let (mut key, mut value) = (record.key.as_deref(), record.value.as_deref());
        if self.withholds_payloads {
            (key, value) = (None, None);
            headers = headers.insert(Header { key: "hearken-withheld", value: Some("true") });
        }
        if let (Some(bytes), Some(limit)) = (value, truncate_bytes) {
            value = Some(&bytes[..bytes.len().min(limit)]);
            headers = headers.insert(Header { key: "hearken-truncated", value: Some("true") });
        }
        let mut message = FutureRecord::<[u8], [u8]>::to(self.topic()).headers(headers);
        message.key = key;
        message.payload = value;
        message.timestamp = record.timestamp.map(|timestamp| timestamp.as_millis());
        self.producer.get()?.send_result(message).map_err(|(error, _)| error)
    }
}

fn create_topic(admin: &AdminClient<Quiet>, topic: &str) {
    let options =
        AdminOptions::new().request_timeout(Some(ADMIN_TIMEOUT)).operation_timeout(Some(ADMIN_TIMEOUT));
    let new_topic = NewTopic::new(topic, 1, TopicReplication::Fixed(-1)); // −1: the broker's own default
    match block_on(admin.create_topics(&[new_topic], &options)).as_deref() {
        Ok([Ok(topic)]) => info!(topic, "created the dead-letter topic"),
        Ok([Err((_, RDKafkaErrorCode::TopicAlreadyExists))]) => {}
        Ok([Err((topic, error))]) => warn!(topic, %error, "could not create the dead-letter topic"),
        Ok(_) => {}
        Err(error) => warn!(topic, %error, "could not create the dead-letter topic"),
    }
}

fn wait(delivery: rdkafka::producer::DeliveryFuture) -> Result<(), KafkaError> {
    match block_on(delivery) {
        Ok(Ok(_)) => Ok(()),
        Ok(Err((error, _))) => Err(error),
        Err(_) => Err(KafkaError::Canceled), // the producer was dropped before it answered
    }
}

fn is_too_large(error: &KafkaError) -> bool {
    let too_large = [RDKafkaErrorCode::MessageSizeTooLarge, RDKafkaErrorCode::InvalidMessageSize];
    error.rdkafka_error_code().is_some_and(|code| too_large.contains(&code))
}

/// Callers have their own threads and may block; librdkafka's threads complete these futures.
fn block_on<F: Future>(future: F) -> F::Output {
    futures::executor::block_on(future)
}
