//! Where imported events go: to a running server, or through ingest's intake to Kafka or into a stopped index.

use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use hearken_config::Config;
use hearken_ingest::{
    Assignment, Incoming, Ingest, IngestMetrics, IngestParts, Intake, IntakeError, LocalLog, LogError,
    Retention, Sender, Taken,
};
use hearken_model::Timestamp;
use prometheus::Registry;
use serde::Deserialize;
use tokio::runtime::Runtime;

use crate::client::Client;
use crate::{app, engine};

/// How long to keep trying while a destination accepts nothing.
const PATIENCE: Duration = Duration::from_secs(5 * 60);
const PAUSE: Duration = Duration::from_millis(200);

/// Events of one file that are sent together.
pub(super) struct ImportBatch {
    events: Vec<Vec<u8>>,
    /// The position of each in the file.
    positions: Vec<u64>,
    num_bytes: usize,
    modified_us: i64,
    first: u64,
}

impl ImportBatch {
    pub(super) fn new(first: u64, modified_us: i64) -> Self {
        ImportBatch { events: Vec::new(), positions: Vec::new(), num_bytes: 0, modified_us, first }
    }

    pub(super) fn push(&mut self, position: u64, event: Vec<u8>) {
        if self.events.is_empty() {
            self.first = position;
        }
        self.num_bytes += event.len();
        self.events.push(event);
        self.positions.push(position);
    }

    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    pub(super) fn num_bytes(&self) -> usize {
        self.num_bytes
    }

    pub(super) fn position(&self, idx: usize) -> u64 {
        self.positions.get(idx).copied().unwrap_or(self.first)
    }

    /// The time that stands in for an event's moment of acceptance: the file's time plus a microsecond for each event
    /// before it. It is the same no matter how often the event is sent.
    fn accepted_at(&self, position: u64) -> Timestamp {
        let us = self.modified_us.saturating_add(i64::try_from(position).unwrap_or(i64::MAX));
        Timestamp::from_nanos(us.saturating_mul(1_000))
    }
}

/// Where events go.
pub enum Destination {
    /// A running server.
    Server(Client),
    /// The topic to read, or the index by way of its log.
    Local(Box<Local>),
}

/// Ingest's intake in this process.
pub struct Local {
    runtime: Runtime,
    intake: Intake,
    index: Option<(Ingest, LocalLog)>,
}

impl Destination {
    /// The first topic of `[kafka]`.
    ///
    /// # Errors
    /// There is no `[kafka]`, or librdkafka refuses its settings.
    pub fn kafka(config: &Config) -> anyhow::Result<Self> {
        let Some(kafka) = &config.kafka else {
            bail!("`--to kafka` needs the section [kafka] in the configuration");
        };
        let metrics = IngestMetrics::new(&Registry::new())?;
        let local =
            Local { runtime: runtime()?, intake: Intake::to_kafka(kafka, None, metrics)?, index: None };
        Ok(Destination::Local(Box::new(local)))
    }

    /// The configured index, whose server must be stopped.
    ///
    /// # Errors
    /// The index cannot be opened, or ingest cannot be started.
    pub fn index(config: &Config) -> anyhow::Result<Self> {
        let registry = Registry::new();
        let metrics = IngestMetrics::new(&registry)?;
        let (writer, reader) = engine::open_tantivy(config, &registry)?;
        let reader = Arc::new(reader);
        let log = app::open_log(config, &writer.checkpoint())?;
        let intake = Intake::to_log(log.clone(), reader.clone(), metrics.clone());
        let ingest = Ingest::start(IngestParts {
            kafka: None,
            assignment: Assignment::ByHand,
            log: Some(log.clone()),
            config: config.ingest.clone(),
            privacy: config.privacy.clone(),
            retention: Retention::new(&config.index),
            geoip: app::open_geoip(config)?,
            deriver: app::deriver(config, metrics.clone())?,
            writer: Box::new(writer),
            reader,
            metrics,
        })?;
        Ok(Destination::Local(Box::new(Local { runtime: runtime()?, intake, index: Some((ingest, log)) })))
    }

    /// Sends a batch and waits until it is durable; returns which events were rejected, and why.
    pub(super) fn send(&self, batch: &ImportBatch) -> anyhow::Result<Vec<(usize, String)>> {
        match self {
            Destination::Server(client) => send_to_server(client, batch),
            Destination::Local(local) => local.send(batch),
        }
    }

    /// Waits until everything sent has arrived, if that can be known here.
    pub(super) fn finish(self) -> anyhow::Result<()> {
        let Destination::Local(local) = self else { return Ok(()) };
        let Some((ingest, log)) = local.index else { return Ok(()) };
        while log.num_unread() > 0 {
            if ingest.is_finished() {
                break;
            }
            if let Some(reason) =
                ingest.status().reasons().into_iter().find(|reason| reason.contains("stopped"))
            {
                bail!(reason);
            }
            std::thread::sleep(PAUSE);
        }
        Ok(ingest.stop()?)
    }
}

fn runtime() -> anyhow::Result<Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?)
}

impl Local {
    fn send(&self, batch: &ImportBatch) -> anyhow::Result<Vec<(usize, String)>> {
        let give_up_at = Instant::now() + PATIENCE;
        loop {
            let events = batch.events.iter().zip(&batch.positions).map(|(event, position)| Incoming {
                value: event.clone(),
                headers: Vec::new(),
                timestamp: Some(batch.accepted_at(*position)),
            });
            let events: Vec<_> = events.collect();
            match self.runtime.block_on(self.intake.take(events, &Sender::anybody())) {
                Ok(Taken { rejected, .. }) => return Ok(rejected),
                // The index is slower than the disk; retry as soon as there is room.
                Err(IntakeError::Log(LogError::IndexBehind)) if self.is_running() => {}
                Err(
                    IntakeError::Log(LogError::DiskBehind) | IntakeError::TimedOut | IntakeError::Kafka(_),
                ) if Instant::now() < give_up_at => {}
                Err(error) => return Err(error.into()),
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn is_running(&self) -> bool {
        self.index.as_ref().is_some_and(|(ingest, _)| !ingest.is_finished())
    }
}

#[derive(Deserialize)]
struct EventsAnswer {
    rejected: Vec<RejectedEvent>,
}

#[derive(Deserialize)]
struct RejectedEvent {
    index: usize,
    reason: String,
}

/// Events that are not consecutive in the file are sent run by run, because each time follows from the position.
fn send_to_server(client: &Client, batch: &ImportBatch) -> anyhow::Result<Vec<(usize, String)>> {
    let mut rejected = Vec::new();
    let mut begin = 0;
    while begin < batch.len() {
        let is_run = |idx: usize| batch.positions[idx] - batch.positions[begin] == (idx - begin) as u64;
        let end = (begin + 1..batch.len()).find(|idx| !is_run(*idx)).unwrap_or(batch.len());
        let accepted_at = batch.accepted_at(batch.positions[begin]);
        let answer = send_run(client, &batch.events[begin..end], accepted_at)?;
        rejected.extend(answer.rejected.into_iter().map(|item| (begin + item.index, item.reason)));
        begin = end;
    }
    Ok(rejected)
}

fn send_run(client: &Client, events: &[Vec<u8>], accepted_at: Timestamp) -> anyhow::Result<EventsAnswer> {
    let mut body = Vec::new();
    let mut encoder = zstd::Encoder::new(&mut body, 1)?;
    for (idx, event) in events.iter().enumerate() {
        encoder.write_all(if idx == 0 { b"[" } else { b"," })?;
        encoder.write_all(event)?;
    }
    encoder.write_all(b"]")?;
    encoder.finish()?;
    let parameters = [("accepted_at".to_owned(), accepted_at.to_string())];
    let give_up_at = Instant::now() + PATIENCE;
    loop {
        let sent = client.post("/v1/events", &parameters, "application/json", Some("zstd"), body.clone());
        match sent {
            Ok(response) => return response.json().context("the server's answer cannot be understood"),
            Err(error) if error.is_passing && Instant::now() < give_up_at => {
                std::thread::sleep(error.retry_after.unwrap_or(PAUSE));
            }
            Err(error) => return Err(error.into()),
        }
    }
}
