//! The metrics of ingest (docs/reference.md#metrics).

use hearken_model::{Money, Timestamp};
use prometheus::{
    Gauge, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, core::Collector,
};

use crate::decode::RejectionKind;

/// The outcome of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordOutcome {
    /// It changed an interaction.
    Applied,
    /// It said nothing new.
    Duplicate,
    /// Known but irrelevant.
    Ignored,
    /// Its interaction is erased.
    Erased,
    /// It went to the dead-letter topic.
    DeadLetter,
}

impl RecordOutcome {
    /// The label's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            RecordOutcome::Applied => "applied",
            RecordOutcome::Duplicate => "duplicate",
            RecordOutcome::Ignored => "ignored",
            RecordOutcome::Erased => "erased",
            RecordOutcome::DeadLetter => "dead_letter",
        }
    }
}

/// Counters, gauges and histograms of ingest. Cheap to clone.
#[derive(Clone)]
pub struct IngestMetrics {
    records: IntCounterVec,
    dead_letters: IntCounterVec,
    replayed_records: IntCounter,
    bytes: IntCounterVec,
    lag: IntGaugeVec,
    durable_lag: IntGaugeVec,
    durable_offset: IntGaugeVec,
    broker_connected: IntGauge,
    freshness: Histogram,
    open_interactions: IntGauge,
    lookups: IntCounterVec,
    analysis_seconds: HistogramVec,
    analysis: IntCounterVec,
    llm_spent: Gauge,
    llm_budget_spent: IntGauge,
    refresh_seconds: Histogram,
    stopped_partitions: IntGaugeVec,
    restarts: IntCounterVec,
    conflicts: IntCounter,
    partitions: IntGauge,
}

/// From 1 ms to about a minute, doubling: the target is tens of milliseconds, the concern is seconds.
fn latency_buckets() -> Vec<f64> {
    (0..17).map(|exponent| 0.001 * f64::from(1 << exponent)).collect()
}

/// From 10 µs to a third of a second, doubling, for built-in analysis; then up to two minutes, for a language model.
fn analysis_buckets() -> Vec<f64> {
    let built_in = (0..16).map(|exponent| 0.000_01 * f64::from(1 << exponent));
    built_in.chain([1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0]).collect()
}

fn registered<T: Collector + Clone + 'static>(
    registry: &Registry,
    metric: prometheus::Result<T>,
) -> prometheus::Result<T> {
    let metric = metric?;
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

impl IngestMetrics {
    /// Registers the metric families.
    ///
    /// # Errors
    /// A family of the same name is registered already.
    pub fn new(registry: &Registry) -> prometheus::Result<Self> {
        let counter = |name, help, labels: &[&str]| {
            registered(registry, IntCounterVec::new(Opts::new(name, help), labels))
        };
        let gauge = |name, help, labels: &[&str]| {
            registered(registry, IntGaugeVec::new(Opts::new(name, help), labels))
        };
        let histogram = |name, help| {
            registered(
                registry,
                Histogram::with_opts(HistogramOpts::new(name, help).buckets(latency_buckets())),
            )
        };
        let metrics = IngestMetrics {
            records: counter(
                "hearken_ingest_records_total",
                "Records read, by outcome.",
                &["topic", "outcome"],
            )?,
            dead_letters: counter(
                "hearken_ingest_dead_letters_total",
                "Records that went to the dead-letter topic, by the kind of mistake.",
                &["reason"],
            )?,
            replayed_records: registered(
                registry,
                IntCounter::new(
                    "hearken_ingest_replayed_records_total",
                    "Records read again because ingest went back to the durable offsets while running.",
                ),
            )?,
            bytes: counter(
                "hearken_ingest_bytes_total",
                "Bytes of key, value and headers read.",
                &["topic"],
            )?,
            lag: gauge(
                "hearken_ingest_lag_records",
                "Records on the broker that are not searchable yet.",
                &["topic", "partition"],
            )?,
            durable_lag: gauge(
                "hearken_ingest_durable_lag_records",
                "Records on the broker that are not durable yet: a crash now would read them again.",
                &["topic", "partition"],
            )?,
            broker_connected: registered(
                registry,
                IntGauge::new(
                    "hearken_ingest_broker_connected",
                    "Whether any Kafka broker is connected; also 1 without Kafka.",
                ),
            )?,
            durable_offset: gauge(
                "hearken_ingest_durable_offset",
                "Next offset of the durable index: a restart resumes here.",
                &["topic", "partition"],
            )?,
            freshness: histogram(
                "hearken_ingest_freshness_seconds",
                "Time from the record's timestamp on the broker until it was searchable.",
            )?,
            open_interactions: registered(
                registry,
                IntGauge::new("hearken_ingest_open_interactions", "Interactions in progress."),
            )?,
            lookups: counter(
                "hearken_enrich_lookups_total",
                "Enrichment look-ups by kind and outcome.",
                &["kind", "outcome"],
            )?,
            analysis_seconds: registered(
                registry,
                HistogramVec::new(
                    HistogramOpts::new("hearken_analysis_seconds", "Time to analyse one interaction.")
                        .buckets(analysis_buckets()),
                    &["engine"],
                ),
            )?,
            analysis: counter("hearken_analysis_total", "Interactions analysed.", &["engine", "outcome"])?,
            llm_spent: registered(
                registry,
                Gauge::new(
                    "hearken_analysis_spent_today",
                    "Spent today (UTC) on a language model, in billing.currency.",
                ),
            )?,
            llm_budget_spent: registered(
                registry,
                IntGauge::new(
                    "hearken_analysis_budget_exhausted",
                    "1 while the day's budget for a language model is spent.",
                ),
            )?,
            refresh_seconds: histogram("hearken_index_refresh_seconds", "Time to make a batch searchable.")?,
            stopped_partitions: gauge(
                "hearken_ingest_stopped_partitions",
                "1 for each partition that is stopped until an operator acts.",
                &["topic", "partition"],
            )?,
            restarts: counter(
                "hearken_ingest_restarts_total",
                "Times that ingest went back to the durable offsets, by reason.",
                &["reason"],
            )?,
            conflicts: registered(
                registry,
                IntCounter::new(
                    "hearken_ingest_conflicts_total",
                    "Interactions that another process had written in the meantime, joined and written again.",
                ),
            )?,
            partitions: registered(
                registry,
                IntGauge::new("hearken_ingest_partitions", "Partitions that this process reads."),
            )?,
        };
        metrics.restarts.with_label_values(&["index"]);
        for kind in RejectionKind::ALL {
            metrics.dead_letters.with_label_values(&[kind.as_str()]); // 0 at first, so that the first one is an increase
        }
        Ok(metrics)
    }

    /// Metrics on a separate registry.
    ///
    /// # Panics
    /// Never: nothing else is registered there.
    pub fn for_test() -> Self {
        Self::new(&Registry::new()).expect("a new registry has no families")
    }

    pub(crate) fn record(&self, topic: &str, outcome: RecordOutcome) {
        self.records.with_label_values(&[topic, outcome.as_str()]).inc();
    }

    pub(crate) fn dead_letter(&self, topic: &str, kind: RejectionKind) {
        self.record(topic, RecordOutcome::DeadLetter);
        self.dead_letters.with_label_values(&[kind.as_str()]).inc();
    }

    pub(crate) fn replayed(&self, num_records: u64) {
        self.replayed_records.inc_by(num_records);
    }

    pub(crate) fn broker_connected(&self, is_connected: bool) {
        self.broker_connected.set(i64::from(is_connected));
    }

    pub(crate) fn read(&self, topic: &str, size_bytes: usize) {
        self.bytes.with_label_values(&[topic]).inc_by(size_bytes as u64);
    }

    pub(crate) fn lookup(&self, kind: &str, outcome: &str) {
        self.lookups.with_label_values(&[kind, outcome]).inc();
    }

    pub(crate) fn lag(&self, topic: &str, partition: i32, records: i64) {
        self.lag.with_label_values(&[topic, &partition.to_string()]).set(records);
    }

    pub(crate) fn durable_lag(&self, topic: &str, partition: i32, records: i64) {
        self.durable_lag.with_label_values(&[topic, &partition.to_string()]).set(records);
    }

    pub(crate) fn durable_offset(&self, topic: &str, partition: i32, next_offset: i64) {
        self.durable_offset.with_label_values(&[topic, &partition.to_string()]).set(next_offset);
    }

    pub(crate) fn searchable(&self, recorded_at: Timestamp, now: Timestamp) {
        self.freshness.observe((now.nanos_since(recorded_at) as f64 / 1e9).max(0.0));
    }

    pub(crate) fn analysed(&self, seconds: f64) {
        self.analysis_seconds.with_label_values(&["built-in"]).observe(seconds);
        self.analysis.with_label_values(&["built-in", "ok"]).inc();
    }

    pub(crate) fn llm_analysed(&self, outcome: &str, seconds: f64) {
        self.analysis_seconds.with_label_values(&["openai"]).observe(seconds);
        self.analysis.with_label_values(&["openai", outcome]).inc();
    }

    pub(crate) fn llm_budget(&self, spent: Money, is_exhausted: bool) {
        self.llm_spent.set(spent.to_string().parse().unwrap_or(f64::NAN)); // a decimal is a number
        self.llm_budget_spent.set(i64::from(is_exhausted));
    }

    pub(crate) fn refreshed(&self, seconds: f64) {
        self.refresh_seconds.observe(seconds);
    }

    pub(crate) fn open_interactions(&self, count: u64) {
        self.open_interactions.set(count as i64);
    }

    pub(crate) fn stopped(&self, topic: &str, partition: i32, stopped: bool) {
        self.stopped_partitions.with_label_values(&[topic, &partition.to_string()]).set(i64::from(stopped));
    }

    pub(crate) fn conflicts(&self, num_conflicts: usize) {
        self.conflicts.inc_by(num_conflicts as u64);
    }

    pub(crate) fn partitions(&self, num_partitions: usize) {
        self.partitions.set(num_partitions as i64);
    }

    /// Removes a partition that is no longer read here.
    pub(crate) fn forget(&self, topic: &str, partition: i32) {
        let partition = partition.to_string();
        for gauge in [&self.lag, &self.durable_lag, &self.durable_offset, &self.stopped_partitions] {
            gauge.remove_label_values(&[topic, &partition]).ok(); // it may never have been set
        }
    }

    pub(crate) fn restarted(&self, reason: &str) {
        self.restarts.with_label_values(&[reason]).inc();
    }
}
