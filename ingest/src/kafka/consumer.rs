//! The consumer's settings, and what it reports besides records: the partitions' ends, and whether a broker is
//! reachable.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use hearken_config::KafkaConfig;
use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::statistics::Statistics;
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaRespErr;
use tracing::{debug, info, warn};

use crate::source::{Assignment, TopicPartition};
use crate::status::Outage;

pub(super) fn consumer_config(config: &KafkaConfig, assignment: Assignment) -> ClientConfig {
    let mut client = super::client_config(config);
    client
        .set("group.id", &config.group_id)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        // The starting offset is always given; one that no longer exists must be an error, and not skip anything.
        .set("auto.offset.reset", "error")
        .set("enable.partition.eof", "true")
        .set("statistics.interval.ms", "1000")
        .set("topic.metadata.refresh.interval.ms", "5000");
    if assignment == Assignment::ByGroup {
        client.set("partition.assignment.strategy", "cooperative-sticky"); // members that stay keep their partitions
    }
    for (name, default) in [
        ("check.crcs", "true"), // off by default, and a flipped bit would be indexed
        // The pace of fetches. A fetch waits for its first event as long as the broker allows, so an idle stream costs
        // the broker two fetches a second, and the first event after a pause is fetched at once. What a fetch brought
        // is still in the client's queue when the client decides whether to fetch again, and a single record there
        // makes it wait for the backoff (1000 ms by default): so a busy stream is fetched once per backoff, with
        // everything that has come meanwhile. Each fetch wakes five threads, which costs more than a few events do.
        // docs/benchmarks.md compares.
        ("queued.min.messages", "1"),
        ("fetch.queue.backoff.ms", "10"),
        ("fetch.error.backoff.ms", "100"),       // after a broker restart
        ("reconnect.backoff.max.ms", "1000"), // 10 s by default: too long for a stream that should be fresh
        ("queued.max.messages.kbytes", "16384"), // 64 MB by default, for each partition
    ] {
        if config.librdkafka.get(name).is_none() {
            client.set(name, default);
        }
    }
    client
}

/// What is known about the brokers. Clones share it.
#[derive(Clone)]
pub(super) struct Brokers(Arc<Mutex<BrokerState>>);

struct BrokerState {
    /// The last known end of each partition; −1 if unknown.
    ends: HashMap<TopicPartition, i64>,
    /// Where the client last reached the end of each partition. The last offsets before it may be transaction markers,
    /// which polling does not show.
    met_ends: HashMap<TopicPartition, i64>,
    /// How many statistics have arrived.
    num_statistics: u64,
    /// Set while there is no connection.
    outage: Option<Outage>,
    /// What the group has assigned; `None` if partitions are assigned by hand, so that all are ours.
    owned: Option<BTreeSet<TopicPartition>>,
    /// What the group has asked for and not been answered yet.
    rebalances: VecDeque<Rebalance>,
    /// The client is about to end: the group is answered at once, whatever it asks for.
    is_closing: bool,
}

/// A request of the group. The client waits until it is fulfilled.
#[derive(Debug)]
pub(super) enum Rebalance {
    /// These partitions are ours from now on, in addition to those we have.
    Assigned(Vec<TopicPartition>),
    /// These are no longer ours.
    Revoked(Vec<TopicPartition>),
}

impl Brokers {
    /// Nothing is known or connected yet.
    pub(super) fn new(assignment: Assignment) -> Self {
        let outage = Some(Outage { since: Instant::now(), cause: None });
        Brokers(Arc::new(Mutex::new(BrokerState {
            ends: HashMap::new(),
            met_ends: HashMap::new(),
            num_statistics: 0,
            outage,
            owned: (assignment == Assignment::ByGroup).then(BTreeSet::new),
            rebalances: VecDeque::new(),
            is_closing: false,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, BrokerState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn outage(&self) -> Option<Outage> {
        self.lock().outage.clone()
    }

    pub(super) fn end(&self, partition: &TopicPartition) -> Option<i64> {
        self.lock().ends.get(partition).copied()
    }

    pub(super) fn set_end(&self, partition: TopicPartition, end: i64) {
        self.lock().ends.insert(partition, end);
    }

    /// Where the client last reached the ends of partitions, if reported after `num_statistics`, and the new number.
    pub(super) fn met_ends_since(&self, num_statistics: u64) -> Option<(u64, HashMap<TopicPartition, i64>)> {
        let known = self.lock();
        (known.num_statistics != num_statistics).then(|| (known.num_statistics, known.met_ends.clone()))
    }

    /// Every known partition, with its end or −1; with a group, only the assigned ones.
    pub(super) fn ends(&self) -> Vec<(TopicPartition, i64)> {
        let known = self.lock();
        let is_owned =
            |partition: &TopicPartition| known.owned.as_ref().is_none_or(|owned| owned.contains(partition));
        let ends = known.ends.iter().filter(|(partition, _)| is_owned(partition));
        ends.map(|(partition, end)| (partition.clone(), *end)).collect()
    }

    pub(super) fn own(&self, partition: TopicPartition) {
        if let Some(owned) = &mut self.lock().owned {
            owned.insert(partition);
        }
    }

    pub(super) fn disown(&self, partition: &TopicPartition) {
        let mut known = self.lock();
        known.ends.remove(partition);
        known.met_ends.remove(partition);
        if let Some(owned) = &mut known.owned {
            owned.remove(partition);
        }
    }

    /// The group's next request.
    pub(super) fn next_rebalance(&self) -> Option<Rebalance> {
        self.lock().rebalances.pop_front()
    }

    /// From now on the client answers the group by itself.
    pub(super) fn set_closing(&self) {
        self.lock().is_closing = true;
    }

    /// Records whether a broker is connected, as statistics or an answer show.
    pub(super) fn heard_connected(&self, is_connected: bool) {
        let mut known = self.lock();
        match (&known.outage, is_connected) {
            (Some(_), true) => {
                info!("connected to kafka");
                known.outage = None;
            }
            (None, false) => {
                warn!("lost the connection to every kafka broker; searches go on, reading resumes by itself");
                known.outage = Some(Outage { since: Instant::now(), cause: None });
            }
            _ => {}
        }
    }

    /// Keeps the newest cause of an outage, but "all brokers are down" only if nothing better is known. Returns whether
    /// this is news: during an outage the same error arrives every second.
    fn heard_error(&self, code: Option<RDKafkaErrorCode>, reason: &str) -> bool {
        let Some(outage) = &mut self.lock().outage else { return true };
        let is_cause = code != Some(RDKafkaErrorCode::AllBrokersDown);
        if !is_cause && outage.cause.is_some() {
            return false;
        }
        let is_news = outage.cause.as_deref().is_none_or(|known| stable_part(known) != stable_part(reason));
        outage.cause = Some(reason.to_owned());
        is_news
    }
}

/// A reason from librdkafka without the leading broker and the trailing times.
fn stable_part(reason: &str) -> &str {
    let reason = reason.split(" (after ").next().unwrap_or_default();
    reason.split_once(": ").map_or(reason, |(_, what)| what)
}

/// For the clients besides the consumer, which already reports the same trouble.
#[derive(Clone)]
pub(super) struct Quiet;

impl ClientContext for Quiet {
    fn log(&self, _level: RDKafkaLogLevel, facility: &str, message: &str) {
        debug!(facility, message, "librdkafka");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        debug!(%error, reason, "kafka client reports an error and keeps trying");
    }
}

impl ConsumerContext for Quiet {}

/// Receives librdkafka's statistics and errors.
pub(super) struct KafkaContext {
    pub(super) brokers: Brokers,
}

impl ClientContext for KafkaContext {
    fn stats(&self, statistics: Statistics) {
        self.brokers.heard_connected(statistics.brokers.values().any(|broker| broker.state == "UP"));
        let mut known = self.brokers.lock();
        for (topic, statistics) in statistics.topics {
            let topic: Arc<str> = topic.into();
            for (partition, statistics) in statistics.partitions {
                if partition >= 0 {
                    let end = known.ends.entry((topic.clone(), partition)).or_insert(-1);
                    *end = (*end).max(statistics.hi_offset.max(statistics.ls_offset));
                    known.met_ends.insert((topic.clone(), partition), statistics.eof_offset);
                }
            }
        }
        known.num_statistics += 1;
    }

    /// [`KafkaContext::error`] reports failed connections, too.
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        match level {
            _ if facility == "FAIL" => debug!(facility, message, "librdkafka"),
            RDKafkaLogLevel::Debug | RDKafkaLogLevel::Info => debug!(facility, message, "librdkafka"),
            _ => warn!(facility, message, "librdkafka"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let code = error.rdkafka_error_code();
        // The end of a partition is not an error, and polling reports it, too.
        if code != Some(RDKafkaErrorCode::PartitionEOF) && self.brokers.heard_error(code, reason) {
            warn!(%error, reason, "kafka client reports an error and keeps trying");
        }
    }
}

impl ConsumerContext for KafkaContext {
    /// Called while polling. The reader takes over and gives up partitions, because it has to ask others first.
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        wanted: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        let is_assigned = wanted == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        if self.brokers.lock().is_closing {
            let answered = match is_assigned {
                true => consumer.incremental_assign(partitions),
                false => consumer.incremental_unassign(partitions),
            };
            if let Err(error) = answered {
                debug!(%error, "could not answer the group");
            }
            return;
        }
        let partitions = partitions.elements();
        let partitions = partitions.iter().map(|found| (found.topic().into(), found.partition())).collect();
        let rebalance =
            if is_assigned { Rebalance::Assigned(partitions) } else { Rebalance::Revoked(partitions) };
        self.brokers.lock().rebalances.push_back(rebalance);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_logged_once_with_its_cause() {
        let refused = "127.0.0.1:9092/1: Connect to ipv4#127.0.0.1:9092 failed: Connection refused";
        let (transport, all_down) =
            (Some(RDKafkaErrorCode::BrokerTransportFailure), Some(RDKafkaErrorCode::AllBrokersDown));
        let brokers = Brokers::new(Assignment::ByHand);
        assert!(brokers.heard_error(all_down, "1/1 brokers are down"));
        assert!(brokers.heard_error(transport, &format!("{refused} (after 0ms in state CONNECT)")));
        assert!(!brokers.heard_error(transport, &format!("{refused} (after 7ms in state CONNECT)")));
        assert!(!brokers.heard_error(all_down, "1/1 brokers are down"));
        assert!(
            brokers.outage().and_then(|outage| outage.cause).is_some_and(|cause| cause.starts_with(refused))
        );
        brokers.heard_connected(true);
        assert_eq!(brokers.outage(), None);
        brokers.heard_connected(false);
        assert_eq!(brokers.outage().and_then(|outage| outage.cause), None);
    }
}
