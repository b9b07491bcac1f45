//! Metrics of the index and the build (docs/reference.md#metrics), read on each scrape.

use std::sync::Arc;

use hearken_index::Maintain;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Histogram, HistogramOpts, IntGauge, IntGaugeVec, Opts, Registry};

/// Sizes and counts of the index at the moment of the scrape.
struct IndexCollector {
    monitor: Arc<dyn Maintain>,
    documents: IntGauge,
    bytes: IntGauge,
    live_bytes: IntGauge,
    segments: IntGauge,
    merges: IntGauge,
}

impl IndexCollector {
    fn new(monitor: Arc<dyn Maintain>) -> prometheus::Result<Self> {
        Ok(IndexCollector {
            monitor,
            documents: IntGauge::new(
                "hearken_index_documents",
                "Interactions in the index, including tombstones of erased ones.",
            )?,
            bytes: IntGauge::new("hearken_index_bytes", "Bytes of the index on disk.")?,
            live_bytes: IntGauge::new(
                "hearken_index_live_bytes",
                "Approximate memory of the documents that are not durable yet.",
            )?,
            segments: IntGauge::new("hearken_index_segments", "Segments of the index.")?,
            merges: IntGauge::new("hearken_index_merges", "Merges since the start.")?,
        })
    }

    fn gauges(&self) -> [&IntGauge; 5] {
        [&self.documents, &self.bytes, &self.live_bytes, &self.segments, &self.merges]
    }
}

impl Collector for IndexCollector {
    fn desc(&self) -> Vec<&Desc> {
        self.gauges().into_iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let stats = self.monitor.stats();
        self.documents.set(stats.num_documents as i64);
        self.bytes.set(stats.index_bytes as i64);
        self.live_bytes.set(stats.live_bytes as i64);
        self.segments.set(stats.num_segments as i64);
        self.merges.set(stats.num_merges as i64);
        self.gauges().into_iter().flat_map(Collector::collect).collect()
    }
}

/// Registers the index's metrics.
///
/// # Errors
/// They are registered already.
pub fn register_index(registry: &Registry, monitor: Arc<dyn Maintain>) -> prometheus::Result<()> {
    registry.register(Box::new(IndexCollector::new(monitor)?))
}

/// Registers and returns the histogram of flush times.
///
/// # Errors
/// It is registered already.
pub fn flush_seconds(registry: &Registry) -> prometheus::Result<Histogram> {
    let buckets = (0..15).map(|exponent| 0.001 * f64::from(1 << exponent)).collect();
    let options = HistogramOpts::new("hearken_index_flush_seconds", "Time to make the index durable.");
    let histogram = Histogram::with_opts(options.buckets(buckets))?;
    registry.register(Box::new(histogram.clone()))?;
    Ok(histogram)
}

/// Registers `build_info`.
///
/// # Errors
/// It is registered already.
pub fn register_build_info(registry: &Registry) -> prometheus::Result<()> {
    let info = IntGaugeVec::new(
        Opts::new("hearken_build_info", "The running build; always 1."),
        &["version", "revision"],
    )?;
    info.with_label_values(&[
        env!("CARGO_PKG_VERSION"),
        option_env!("HEARKEN_REVISION").unwrap_or("unknown"),
    ])
    .set(1);
    registry.register(Box::new(info))
}
