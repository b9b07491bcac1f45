//! Accepts events over HTTP and from files. Each is checked like a record from Kafka, and counts as accepted only once
//! it is durable, in the [local log](crate::LocalLog) or in Kafka.
//!
//! There is no dead-letter topic here: the sender is still there and learns what is wrong with the event.

use std::sync::Arc;
use std::time::Duration;

use futures::future::try_join_all;
use hearken_config::KafkaConfig;
use hearken_index::{Access, Lookup, Organizations, SearchError};
use hearken_model::{Event, LimitExceeded, State, Timestamp};

use crate::decode::{
    ACCEPTED_AT_HEADER, Decoded, ORGANIZATION_HEADER, Rejection, RejectionKind, decode, invalid_id,
};
use crate::fold::is_permitted;
use crate::kafka::{EventProducer, KafkaError, OutgoingRecord};
use crate::log::{self, LocalLog, LogError, LogRecord, PARTITION, TOPIC};
use crate::metrics::{IngestMetrics, RecordOutcome};
use crate::pipeline::now;
use crate::record::RawRecord;

/// How long events may take to become durable; after that, the sender must retry.
const DURABLE_TIMEOUT: Duration = Duration::from_secs(10);
/// Anything smaller fits into an interaction, whatever it holds.
const LARGE_BYTES: usize = 64 * 1024;

/// An event as received, unchecked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Incoming {
    /// The event; anything but JSON is rejected.
    pub value: Vec<u8>,
    /// What came with it, under the names of Kafka's headers: `content-type`, `ce_id`, ….
    pub headers: Vec<(String, String)>,
    /// Replaces the time of acceptance if the event itself has no time; by default the current time.
    pub timestamp: Option<Timestamp>,
}

/// The outcome for events that were sent together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taken {
    /// How many are durable.
    pub accepted: usize,
    /// The position of each of the others, and why it was not accepted.
    pub rejected: Vec<(usize, String)>,
}

/// Why none of the events could be accepted. Sending them again is right, and creates no duplicates.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// The log cannot be written.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The brokers do not accept them.
    #[error("kafka does not accept the events")]
    Kafka(#[from] KafkaError),
    /// The index cannot be asked whose interaction it is.
    #[error("the index cannot be read")]
    Index(#[from] SearchError),
    /// They may still become durable.
    #[error("the events were not durable after {} s", DURABLE_TIMEOUT.as_secs())]
    TimedOut,
}

/// Accepts events that do not come from Kafka. Clones share everything.
#[derive(Clone)]
pub struct Intake {
    to: IntakeDestination,
    /// For what is known about the interactions that senders mention.
    reader: Option<Arc<dyn Lookup>>,
    metrics: IngestMetrics,
}

/// On whose behalf events are sent.
#[derive(Debug, Clone)]
pub struct Sender {
    /// Whose interactions they may send events about. If limited to some organizations, an event that names none gets
    /// theirs, and an interaction of another one is refused like an invalid id.
    pub access: Access,
    /// Whether they may erase.
    pub may_erase: bool,
}

impl Sender {
    /// A sender without restrictions.
    pub fn anybody() -> Self {
        Sender { access: Access::All, may_erase: true }
    }
}

#[derive(Clone)]
enum IntakeDestination {
    Log(LocalLog),
    Kafka(EventProducer),
}

/// A checked event as records to keep.
struct CheckedEvent {
    record: RawRecord,
    /// The interaction it is about, or the first of several.
    key: Vec<u8>,
}

/// The position of each rejected event, and why.
type Rejected = Vec<(usize, String)>;

impl Intake {
    /// Events go to the local log.
    pub fn to_log(log: LocalLog, reader: Arc<dyn Lookup>, metrics: IngestMetrics) -> Self {
        Intake { to: IntakeDestination::Log(log), reader: Some(reader), metrics }
    }

    /// Events go to the first topic that is read. Without a reader of the index, nothing is accepted from senders
    /// limited to some organizations.
    ///
    /// # Errors
    /// librdkafka refuses the settings; the brokers are not contacted here.
    pub fn to_kafka(
        config: &KafkaConfig,
        reader: Option<Arc<dyn Lookup>>,
        metrics: IngestMetrics,
    ) -> Result<Self, KafkaError> {
        Ok(Intake { to: IntakeDestination::Kafka(EventProducer::open(config)?), reader, metrics })
    }

    /// Checks these events and makes the good ones durable, all of them or none. Needs a multi-threaded runtime.
    ///
    /// # Errors
    /// They could not be made durable, or not in time.
    pub async fn take(&self, events: Vec<Incoming>, sender: &Sender) -> Result<Taken, IntakeError> {
        let num_events = events.len();
        let (checked, rejected) = tokio::task::block_in_place(|| self.check(events, sender))?;
        let accepted = num_events - rejected.len();
        if !checked.is_empty() {
            let kept = tokio::time::timeout(DURABLE_TIMEOUT, self.keep(checked)).await;
            kept.map_err(|_| IntakeError::TimedOut)??;
        }
        Ok(Taken { accepted, rejected })
    }

    /// The events that can be accepted, and the positions of the others with the reasons.
    fn check(
        &self,
        events: Vec<Incoming>,
        sender: &Sender,
    ) -> Result<(Vec<CheckedEvent>, Rejected), IntakeError> {
        let accepted_at = now();
        let (mut checked, mut rejected) = (Vec::with_capacity(events.len()), Vec::new());
        for (idx, incoming) in events.into_iter().enumerate() {
            // Events that come together without times keep their order.
            let nanos = i64::try_from(idx).unwrap_or(i64::MAX).saturating_mul(1_000);
            let spread = Timestamp::from_nanos(accepted_at.as_nanos().saturating_add(nanos));
            let timestamp = incoming.timestamp.unwrap_or(spread);
            match self.check_one(incoming, timestamp, sender)? {
                Ok(Some(event)) => checked.push(event),
                Ok(None) => self.metrics.record(TOPIC, RecordOutcome::Ignored), // there is nothing to keep
                Err(Rejection { kind, reason }) => {
                    self.metrics.dead_letter(TOPIC, kind);
                    rejected.push((idx, reason));
                }
            }
        }
        Ok((checked, rejected))
    }

    /// The record to keep; `None` if it is understood and says nothing about an interaction.
    fn check_one(
        &self,
        incoming: Incoming,
        timestamp: Timestamp,
        sender: &Sender,
    ) -> Result<Result<Option<CheckedEvent>, Rejection>, IntakeError> {
        let headers = incoming.headers.into_iter().map(|(name, value)| (name, Some(value.into_bytes())));
        let mut record = RawRecord {
            topic: log::topic(),
            partition: PARTITION,
            offset: 0,
            key: None,
            value: Some(incoming.value),
            timestamp: Some(timestamp),
            headers: headers.collect(),
        };
        let is_large = record.value.as_ref().is_some_and(|value| value.len() > LARGE_BYTES);
        let events = match decode(&record, timestamp) {
            Decoded::Events(events) => events,
            Decoded::Ignored(_) => return Ok(Ok(None)),
            Decoded::Rejected(rejection) => return Ok(Err(rejection)),
        };
        if is_large && let Err(limit) = fit(&events) {
            return Ok(Err(RejectionKind::OverLimit.because(limit.to_string())));
        }
        if !sender.may_erase && events.iter().any(|event| event.erase) {
            let reason = "this erases an interaction, which needs a key with the permission `erase`";
            return Ok(Err(RejectionKind::InvalidValue.because(reason)));
        }
        if let Access::Only(organizations) = &sender.access {
            match self.bind(&events, organizations)? {
                Ok(organization) => {
                    record.headers.push((ORGANIZATION_HEADER.to_owned(), Some(organization.into_bytes())));
                }
                Err(rejection) => return Ok(Err(rejection)),
            }
        }
        let key = events.first().map(|event| event.interaction_id.as_str().as_bytes().to_vec());
        Ok(Ok(Some(CheckedEvent { record, key: key.unwrap_or_default() })))
    }

    /// The sender's organization that all these events are about.
    fn bind(
        &self,
        events: &[Event],
        organizations: &Organizations,
    ) -> Result<Result<String, Rejection>, SearchError> {
        let only = (organizations.iter().count() == 1).then(|| organizations.iter().next()).flatten();
        let mut bound: Option<String> = None;
        for event in events {
            let Some(reader) = &self.reader else { return Ok(Err(invalid_id())) };
            let state = reader.get(&event.interaction_id, &Access::All)?.map(|document| document.state);
            let state = state.unwrap_or_else(|| State::new(event.interaction_id.clone()));
            let known = state.organization.as_ref().map(|known| known.value.as_str());
            let named = event.started.organization.as_deref();
            let Some(organization) = named.or(bound.as_deref()).or(known).or(only).map(str::to_owned) else {
                let reason = "`organization` is missing, and the key is for several; name one of them";
                return Ok(Err(RejectionKind::MissingField.because(reason)));
            };
            if named.is_some() && !organizations.contains(&organization) {
                let reason = "`organization` is not one of those that the key is for";
                return Ok(Err(RejectionKind::InvalidValue.because(reason)));
            }
            let is_theirs = organizations.contains(&organization)
                && bound.as_ref().is_none_or(|bound| *bound == organization)
                && is_permitted(&state, &organization, event);
            if !is_theirs {
                return Ok(Err(invalid_id()));
            }
            bound = Some(organization);
        }
        Ok(Ok(bound.unwrap_or_default()))
    }

    async fn keep(&self, events: Vec<CheckedEvent>) -> Result<(), IntakeError> {
        match &self.to {
            IntakeDestination::Log(log) => {
                let records = events.into_iter().map(|CheckedEvent { record, .. }| LogRecord {
                    timestamp: record.timestamp.unwrap_or(Timestamp::from_millis(0)),
                    headers: text_headers(record.headers).collect(),
                    value: record.value.unwrap_or_default(),
                });
                let receipt = log.append(&records.collect::<Vec<_>>())?;
                Ok(receipt.durable().await?)
            }
            IntakeDestination::Kafka(producer) => {
                let records = events.into_iter().map(|CheckedEvent { key, record }| {
                    let headers =
                        record.headers.into_iter().map(|(name, value)| (name, value.unwrap_or_default()));
                    let accepted_at =
                        record.timestamp.map(|time| (ACCEPTED_AT_HEADER.to_owned(), time.to_string().into()));
                    OutgoingRecord {
                        key: Some(key),
                        value: record.value,
                        headers: headers.chain(accepted_at).collect(),
                        timestamp: record.timestamp,
                        partition: None,
                    }
                });
                let records: Vec<_> = records.collect();
                try_join_all(records.iter().map(|record| producer.write(record))).await?;
                Ok(())
            }
        }
    }
}

/// Whether each event fits into an interaction of its own. One that does not is refused here, where its sender learns
/// of it; by the time it is folded there is nobody to tell.
fn fit(events: &[Event]) -> Result<(), LimitExceeded> {
    events
        .iter()
        .try_for_each(|event| State::new(event.interaction_id.clone()).fold(event.clone(), None).map(drop))
}

fn text_headers(headers: Vec<(String, Option<Vec<u8>>)>) -> impl Iterator<Item = (String, String)> {
    headers
        .into_iter()
        .map(|(name, value)| (name, String::from_utf8_lossy(&value.unwrap_or_default()).into_owned()))
}
