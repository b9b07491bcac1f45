//! `hearken demo`: the whole product without any setup.
//!
//! An in-process broker, the bundled conversations replayed through it, ingest, a throw-away index, API and pages. The
//! bundled conversations arrive at once. Then it simulates the days of a support desk: the past week within a few
//! seconds, and from then on message by message, without end.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::ControlFlow;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, bail};
use hearken_config::{Config, GeoipConfig, KafkaConfig, LogConfig};
use hearken_index::Access;
use hearken_index::query::Query;
use hearken_index::search::{Selection, SortKey};
use hearken_ingest::{InProcessBroker, OutgoingRecord};
use hearken_model::Timestamp;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::signal::unix::{SignalKind, signal};

use crate::app::{App, Role, index_in};
use crate::demo::recordings;
use crate::demo::script::{Day, DemoRecord, script};
use crate::logging;

const TOPIC: &str = "interactions";
const DEAD_LETTER_TOPIC: &str = "interactions.dlq";
const PARTITIONS: i32 = 4;
/// `--exit` promises an end within this time.
const EXIT_TIMEOUT: Duration = Duration::from_secs(60);
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// Runs the demo until Ctrl-C, or with `exit` until everything is searchable.
///
/// # Errors
/// The broker, the index or the listener cannot be started, or `--exit` takes too long.
pub fn run(exit: bool, listen: Option<SocketAddr>) -> anyhow::Result<()> {
    logging::start(&LogConfig {
        level: "warn,librdkafka=off,rdkafka=off".to_owned(),
        ..LogConfig::default()
    })?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(demo(exit, listen))
}

async fn demo(exit: bool, listen: Option<SocketAddr>) -> anyhow::Result<()> {
    let started = Instant::now();
    let mut terminate = signal(SignalKind::terminate())?;
    let folder = tempfile::tempdir().context("cannot make a temporary directory for the demo's index")?;
    let broker = InProcessBroker::start(&[TOPIC, DEAD_LETTER_TOPIC], PARTITIONS)
        .context("cannot start the broker inside the program")?;
    let recordings_host = recordings::serve().await.context("cannot serve the demo's recordings")?;
    let config = config(folder.path(), &broker, recordings_host, exit, listen)?;
    let app = App::start(config, Role::All).await?;

    let (now, recordings) = (now(), format!("http://{recordings_host}"));
    play_history(&app, &broker, &script(now, &recordings)).await?;

    if exit {
        let line = summary(&app, started)?;
        app.stop().await?;
        writeln!(std::io::stdout(), "{line}")?;
        return Ok(());
    }
    invite(&app)?;
    tokio::select! {
        played = play_days(&app, &broker, Day::around(now, &recordings)) => played?,
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
        error = app.failed() => return Err(error),
    }
    app.stop().await
}

fn config(
    folder: &std::path::Path,
    broker: &InProcessBroker,
    recordings_host: SocketAddr,
    exit: bool,
    listen: Option<SocketAddr>,
) -> anyhow::Result<Config> {
    let geoip = folder.join("demo.mmdb");
    std::fs::write(&geoip, crate::demo::geoip::database()?).context("cannot write the demo's GeoIP file")?;
    let mut config = Config {
        kafka: Some(KafkaConfig {
            bootstrap_servers: broker.bootstrap_servers(),
            topics: vec![TOPIC.to_owned()],
            group_id: "hearken-demo".to_owned(),
            dead_letter_topic: DEAD_LETTER_TOPIC.to_owned(),
            librdkafka: InProcessBroker::CONSUMER_SETTINGS.into_iter().collect(),
        }),
        geoip: Some(GeoipConfig { databases: vec![geoip] }),
        ..Config::default()
    };
    config.index.path = index_in(folder);
    config.http.recording_hosts = vec![recordings_host.to_string()];
    let is_free = |address: &SocketAddr| std::net::TcpListener::bind(address).is_ok();
    config.http.listen = match listen {
        Some(address) => address,
        None if !exit && is_free(&LISTEN) => LISTEN,
        None => SocketAddr::new(LISTEN.ip(), 0),
    };
    config.http.refuse_exposure()?;
    Ok(config)
}

/// Sends history through the broker and waits until all of it is searchable.
async fn play_history(app: &App, broker: &InProcessBroker, history: &[DemoRecord]) -> anyhow::Result<()> {
    let bar = ProgressBar::new(history.len() as u64).with_style(
        ProgressStyle::with_template("{msg:12} {wide_bar} {pos}/{len} events")
            .unwrap_or(ProgressStyle::default_bar()),
    );
    bar.set_message("replaying");
    for record in history {
        broker.produce(TOPIC, &outgoing(record))?;
    }
    tokio::task::block_in_place(|| broker.flush(EXIT_TIMEOUT))?;
    let deadline = Instant::now() + EXIT_TIMEOUT;
    loop {
        let taken = records_taken(app);
        bar.set_position(taken);
        if taken >= history.len() as u64 && app.ingest_status().reasons().is_empty() {
            bar.finish_and_clear();
            return Ok(());
        }
        if Instant::now() >= deadline {
            bail!(
                "the demo's events were not searchable after {} s: {:?}",
                EXIT_TIMEOUT.as_secs(),
                app.ingest_status().reasons()
            );
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Records that are searchable or in the dead-letter topic.
fn records_taken(app: &App) -> u64 {
    let families = app.registry().gather();
    let freshness = families.iter().filter(|family| family.name() == "hearken_ingest_freshness_seconds");
    let searchable = freshness
        .flat_map(|family| family.get_metric())
        .map(|metric| metric.get_histogram().get_sample_count());
    searchable.sum::<u64>() + dead_letters(app)
}

fn dead_letters(app: &App) -> u64 {
    let families = app.registry().gather();
    let records = families.iter().filter(|family| family.name() == "hearken_ingest_records_total");
    let dead = records.flat_map(|family| family.get_metric()).filter(|metric| {
        metric.get_label().iter().any(|label| label.name() == "outcome" && label.value() == "dead_letter")
    });
    dead.map(|metric| metric.get_counter().get_value() as u64).sum()
}

/// How many records may be sent ahead of what is searchable: the broker keeps only the last 5 MB of a partition.
const AHEAD_MAX: u64 = 500;

/// Plays the past as fast as it becomes searchable, and the rest as it falls due, without end.
async fn play_days(app: &App, broker: &InProcessBroker, days: Day) -> anyhow::Result<()> {
    let started = tokio::time::Instant::now();
    let taken_before = records_taken(app);
    for (number, record) in (0_u64..).zip(days) {
        tokio::time::sleep_until(started + record.due).await;
        if number % (AHEAD_MAX / 2) == 0 {
            while taken_before + number > records_taken(app) + AHEAD_MAX / 2 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        broker.produce(TOPIC, &outgoing(&record))?;
    }
    Ok(())
}

fn outgoing(record: &DemoRecord) -> OutgoingRecord {
    OutgoingRecord {
        key: Some(record.key.clone().into_bytes()),
        value: Some(record.value.clone()),
        headers: record.headers.clone(),
        ..OutgoingRecord::default()
    }
}

fn now() -> Timestamp {
    Timestamp::from(SystemTime::now()).floor_millis()
}

fn summary(app: &App, started: Instant) -> anyhow::Result<String> {
    let (mut interactions, mut messages) = (0, 0);
    let by_start = SortKey { field: "start_time".to_owned(), descending: true };
    app.search().for_each(&Selection::new(Query::All, Access::All), &[by_start], &mut |document| {
        interactions += 1;
        messages += document.derived.head.messages_count;
        ControlFlow::Continue(())
    })?;
    Ok(format!(
        "demo: {interactions} interactions with {messages} messages searchable, {} dead letters, in {:.1} s",
        dead_letters(app),
        started.elapsed().as_secs_f64()
    ))
}

fn invite(app: &App) -> anyhow::Result<()> {
    let base = format!("http://{}", app.address());
    writeln!(
        std::io::stdout(),
        "\nHearken listens on {base}/\n\n\
         Three searches to begin with:\n  \
         {base}/?q=refund\n  \
         {base}/?q=%22out+for+delivery%22\n  \
         {base}/?q=status:transferred+csat:%3C%3D2\n\n\
         The same for programs:\n  \
         curl -s '{base}/v1/interactions?q=refund&facets=country,sentiment&limit=3'\n\n\
         The past week is being filled in; then people write and call without end. Ctrl-C ends it and removes everything."
    )?;
    Ok(())
}
