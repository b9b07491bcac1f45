//! Wires the crates together. `serve`, `demo` and the tests all start this one assembly.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use hearken_analysis::llm::{Endpoint, LlmClient};
use hearken_analysis::{Analyzer, Taxonomy};
use hearken_billing::Billing;
use hearken_config::{
    AnalysisConfig, AnalysisEngine, ApiKey, Config, HttpConfig, HttpIngest, IndexEngine, Secret,
    SignOnConfig, TlsConfig, WebhooksConfig,
};
use hearken_geoip::GeoIp;
use hearken_index::checkpoint::Checkpoint;
use hearken_index::{Lookup, Maintain, Search};
use hearken_ingest::{
    Assignment, DailyBudget, Deriver, Ingest, IngestMetrics, IngestParts, IngestStatus, Intake, LlmAnalyst,
    LlmParts, LocalLog, Retention,
};
use hearken_query::audit::AuditLog;
use hearken_query::erasures::{self, Erasures};
use hearken_query::http::{Gate, LiveTls, Proxies, ServeOptions, SignOn};
use hearken_query::keys::{KeyFile, LiveKeys};
use hearken_query::reload::{Reloaded, reload_on_change};
use hearken_query::views::{self, SavedViews};
use hearken_query::webhooks::Platform;
use hearken_query::{AppState, Limits, http};
use prometheus::Registry;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{info, warn};

use crate::engine::{self, Engine};
use crate::erasures::ServerErasures;
use crate::http_events::HttpEvents;

/// How often the GeoIP files are checked for changes.
const GEOIP_INTERVAL: Duration = Duration::from_secs(2);
/// How long requests in progress may take when the server stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
/// Most connections to the address that serves only metrics.
const METRICS_CONNECTIONS_MAX: usize = 32;

/// Which part of the work a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Role {
    /// Everything.
    #[default]
    All,
    /// Reads Kafka and writes the index.
    Ingest,
    /// Answers queries. Other processes write.
    Query,
}

/// A running Hearken: ingest, index, API and pages.
pub struct App {
    address: SocketAddr,
    ingest: Ingest,
    llm: Option<LlmAnalyst>,
    search: Arc<dyn Search>,
    monitor: Arc<dyn Maintain>,
    registry: Registry,
    stopping: watch::Sender<bool>,
    http: JoinHandle<std::io::Result<()>>,
    geoip: JoinHandle<()>,
    /// Removes from the files what retention has removed; `None` without retention.
    cleaning: Option<JoinHandle<()>>,
    keys: Option<LiveKeys>,
    watching_keys: Option<JoinHandle<()>>,
    is_encrypted: bool,
    watching_tls: Option<JoinHandle<()>>,
    audit: Option<AuditLog>,
}

impl App {
    /// Opens the index, starts ingest and listens.
    ///
    /// # Errors
    /// Whatever keeps it from starting, with the path or address concerned. Unreachable brokers are no error; it waits
    /// for them.
    pub async fn start(config: Config, role: Role) -> anyhow::Result<App> {
        let registry = Registry::new();
        crate::metrics::register_build_info(&registry)?;
        let metrics = IngestMetrics::new(&registry)?;
        let geoip = open_geoip(&config)?;
        let deriver = deriver(&config, metrics.clone())?;
        let llm_client = llm_client(&config.analysis)?;

        let tls = open_tls(&config.http)?;
        let audit = config.http.audit_log.clone().map(AuditLog::open).transpose()?;
        let Engine { store, lookup, search, maintain: monitor } = engine::open(&config, &registry)?;
        let views = SavedViews::open(views::path_beside(&config.index.path))?;
        crate::metrics::register_index(&registry, Arc::clone(&monitor))?;

        let listener = tokio::net::TcpListener::bind(config.http.listen).await.with_context(|| {
            format!("cannot listen on `{}`; is the port in use? see `http.listen`", config.http.listen)
        })?;
        let address = listener.local_addr()?;
        let metrics_listener = match config.http.metrics_listen {
            None => None,
            Some(address) => Some(tokio::net::TcpListener::bind(address).await.with_context(|| {
                format!("cannot listen on `{address}`; is the port in use? see `http.metrics_listen`")
            })?),
        };

        let log = match &config.index.engine {
            IndexEngine::Tantivy => Some(open_log(&config, &store.durable().checkpoint)?),
            IndexEngine::OpenSearch(_) => None,
        };
        let intake = intake(&config, log.as_ref(), &lookup, metrics.clone())?;
        let retention = Retention::new(&config.index);
        let ingest = Ingest::start(IngestParts {
            kafka: config.kafka.clone(),
            assignment: assignment(&config.index.engine, role),
            log,
            config: config.ingest.clone(),
            privacy: config.privacy.clone(),
            retention: retention.clone(),
            geoip: geoip.clone(),
            deriver,
            writer: store,
            reader: Arc::clone(&lookup),
            metrics: metrics.clone(),
        })?;
        let llm = match llm_client {
            None => None,
            Some(client) => llm_parts(&config, client, lookup, ingest.status(), metrics)?
                .map(LlmAnalyst::start)
                .transpose()?,
        };

        let cleaning = retention
            .is_any()
            .then(|| tokio::spawn(crate::retention::keep_files_clean(ingest.status(), Arc::clone(&monitor))));
        let eraser = ServerErasures { eraser: ingest.eraser(), index: Arc::clone(&monitor) };
        let erasures = Erasures::open(Arc::new(eraser), erasures::path_beside(&config.index.path))?;
        let readiness = readiness(ingest.status(), Arc::clone(&monitor));
        let (stopping, stopped) = watch::channel(false);
        let keys = open_keys(&config.http)?;
        let gate = match &keys {
            Some(keys) => Gate::with_keys(keys.clone()).signed_on_by_proxy(sign_on(&config.http)?),
            None => Gate::without_keys(address, &config.http.allowed_hosts),
        };
        let state = AppState::builder(Arc::clone(&search), registry.clone())
            .gate(gate)
            .audit(audit.clone())
            .readiness(readiness)
            .views(views)
            .limits(Limits { events_per_second: config.http.events_per_second, ..Limits::default() })
            .events(Arc::new(HttpEvents(intake)))
            .webhook_secrets(webhook_secrets(&config.http.webhooks)?)
            .erasures(erasures)
            .recording_hosts(config.http.recording_hosts.clone())
            .stopping(stopped.clone());
        let state = state.build()?;
        let options = ServeOptions {
            connections_max: state.limits().connections_max,
            proxies: Proxies::new(&config.http.trusted_proxies),
            tls: tls.clone(),
            ..ServeOptions::default()
        };
        let router = match role {
            Role::Ingest => http::finish(http::routes_of_operations(), state.clone()),
            Role::All | Role::Query => {
                http::finish(http::routes().merge(hearken_web::routes()), state.clone())
            }
        };
        if let Some(listener) = metrics_listener {
            let router = http::metrics_alone(state);
            let options =
                ServeOptions { connections_max: METRICS_CONNECTIONS_MAX, ..ServeOptions::default() };
            tokio::spawn(http::serve(listener, router, options, stopped.clone()));
        }
        let http = tokio::spawn(http::serve(listener, router, options, stopped));
        let watching_keys = keys.clone().map(|keys| tokio::spawn(keys.keep_current()));
        let is_encrypted = tls.is_some();
        let watching_tls = tls.map(|tls| tokio::spawn(tls.keep_current()));
        let geoip = tokio::spawn(watch_geoip(geoip));
        info!(%address, "listening");
        Ok(App {
            address,
            ingest,
            llm,
            search,
            monitor,
            registry,
            stopping,
            http,
            geoip,
            cleaning,
            keys,
            watching_keys,
            is_encrypted,
            watching_tls,
            audit,
        })
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same address as a URL.
    pub fn url(&self) -> String {
        let scheme = if self.is_encrypted { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// The newest view of the index.
    pub fn search(&self) -> &dyn Search {
        &*self.search
    }

    /// Sizes, counts and what is durable.
    pub fn monitor(&self) -> &dyn Maintain {
        &*self.monitor
    }

    /// All metrics.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// What ingest still waits for.
    pub fn ingest_status(&self) -> IngestStatus {
        self.ingest.status()
    }

    /// Waits until a task ends that must not.
    pub async fn failed(&self) -> anyhow::Error {
        loop {
            tokio::time::sleep(Duration::from_millis(500)).await;
            if self.ingest.is_finished() {
                return anyhow::anyhow!("the ingest thread has ended; see the log");
            }
            if self.llm.as_ref().is_some_and(LlmAnalyst::is_finished) {
                return anyhow::anyhow!("the analysis by a language model has ended; see the log");
            }
            if self.http.is_finished() {
                return anyhow::anyhow!("the HTTP server has ended; see the log");
            }
        }
    }

    /// Stops: accepts no new requests, finishes those in progress, makes the last batch durable, commits offsets.
    ///
    /// # Errors
    /// The last flush failed.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.geoip.abort();
        let _ = self.stopping.send(true); // fails only if the HTTP server is already gone
        if tokio::time::timeout(DRAIN_TIMEOUT, self.http).await.is_err() {
            warn!("some requests did not end in time and were cut off");
        }
        for watching in [self.cleaning, self.watching_keys, self.watching_tls].into_iter().flatten() {
            watching.abort();
        }
        if let Some(audit) = self.audit {
            tokio::task::spawn_blocking(move || audit.close()).await?;
        }
        if let Some(keys) = self.keys {
            keys.write_uses();
        }
        if let Some(llm) = self.llm {
            llm.stop().await;
        }
        tokio::task::spawn_blocking(move || self.ingest.stop()).await??;
        info!("stopped; everything is durable");
        Ok(())
    }
}

/// The keys that clients need, if the server requires keys.
fn open_keys(config: &HttpConfig) -> anyhow::Result<Option<LiveKeys>> {
    let Some(path) = &config.keys_file else { return Ok(None) };
    let keys = LiveKeys::open(KeyFile::new(path))?;
    if keys.current().is_empty() {
        let file = path.display();
        warn!(%file, "there are no keys yet, so every request is refused; create one with `hearken keys create`");
    }
    Ok(Some(keys))
}

/// The certificate for encrypted connections, if configured.
fn open_tls(config: &HttpConfig) -> anyhow::Result<Option<LiveTls>> {
    let Some(TlsConfig { certificate, key }) = &config.tls else {
        let is_reachable = !config.listen.ip().to_canonical().is_loopback();
        if is_reachable && config.trusted_proxies.is_empty() {
            warn!("keys and conversations go over the network without encryption; see `[http.tls]`");
        }
        return Ok(None);
    };
    Ok(Some(LiveTls::open(certificate.clone(), key.clone()).context("`[http.tls]` cannot be used")?))
}

/// How a proxy names the users it signs on, if configured.
fn sign_on(config: &HttpConfig) -> anyhow::Result<Option<SignOn>> {
    let Some(SignOnConfig { user_header, organizations_header, permissions }) = &config.sign_on else {
        return Ok(None);
    };
    let sign_on = SignOn::new(user_header, organizations_header, permissions);
    Ok(Some(sign_on.context("`[http.sign_on]` cannot be used")?))
}

/// Who decides which partitions this process reads.
fn assignment(engine: &IndexEngine, role: Role) -> Assignment {
    match (engine, role) {
        (_, Role::Query) => Assignment::Nothing,
        (IndexEngine::Tantivy, _) => Assignment::ByHand,
        (IndexEngine::OpenSearch(_), _) => Assignment::ByGroup,
    }
}

/// Opens the files that locate addresses, if there are any.
///
/// # Errors
/// One of them cannot be read.
pub fn open_geoip(config: &Config) -> anyhow::Result<GeoIp> {
    Ok(match &config.geoip {
        None => GeoIp::empty(),
        Some(geoip) => GeoIp::open(&geoip.databases)?,
    })
}

/// Opens the log of events received over HTTP, next to the index that reads it.
///
/// # Errors
/// It cannot be read, or accepted events are damaged.
pub fn open_log(config: &Config, checkpoint: &Checkpoint) -> anyhow::Result<LocalLog> {
    let folder = crate::rebuild::beside(&config.index.path, "log");
    Ok(LocalLog::open(&folder, checkpoint)?)
}

/// The secrets that platforms sign their webhooks with.
fn webhook_secrets(config: &WebhooksConfig) -> anyhow::Result<BTreeMap<Platform, Vec<u8>>> {
    let files = [
        (Platform::ElevenLabs, &config.elevenlabs_secret_file),
        (Platform::Vapi, &config.vapi_secret_file),
        (Platform::Retell, &config.retell_secret_file),
    ];
    let mut secrets = BTreeMap::new();
    for (platform, file) in files {
        let Some(file) = file else { continue };
        let secret = Secret::from_file(file).with_context(|| {
            format!("cannot read `http.webhooks.{}_secret_file` `{}`", platform.name(), file.display())
        })?;
        anyhow::ensure!(!secret.expose().is_empty(), "the webhook secret in `{}` is empty", file.display());
        secrets.insert(platform, secret.expose().as_bytes().to_vec());
    }
    Ok(secrets)
}

/// The intake for events received over HTTP.
fn intake(
    config: &Config,
    log: Option<&LocalLog>,
    reader: &Arc<dyn Lookup>,
    metrics: IngestMetrics,
) -> anyhow::Result<Intake> {
    Ok(match (config.http.ingest, &config.kafka, log) {
        (HttpIngest::Kafka, Some(kafka), _) => Intake::to_kafka(kafka, Some(Arc::clone(reader)), metrics)?,
        (_, _, Some(log)) => Intake::to_log(log.clone(), Arc::clone(reader), metrics),
        (_, _, None) => anyhow::bail!("`http.ingest` must be \"kafka\": there is no local log"),
    })
}

/// Sets up analysis, billing and the other rules of docs/reference.md, as configured.
///
/// # Errors
/// The taxonomy file cannot be read.
pub fn deriver(config: &Config, metrics: IngestMetrics) -> anyhow::Result<Deriver> {
    let analyzer = Analyzer::with_taxonomy(taxonomy(&config.analysis)?);
    let deriver =
        Deriver::new(analyzer, Billing::new(config.billing.clone()), config.ingest.idle_timeout, metrics);
    Ok(match &config.analysis.engine {
        AnalysisEngine::BuiltIn => deriver,
        AnalysisEngine::OpenAi(openai) => deriver.with_llm(openai.excerpt_bytes as usize),
    })
}

fn taxonomy(config: &AnalysisConfig) -> anyhow::Result<Taxonomy> {
    match &config.taxonomy_file {
        None => Ok(Taxonomy::built_in()),
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("cannot read `analysis.taxonomy_file` `{}`", path.display()))?;
            Taxonomy::from_toml(&text)
                .with_context(|| format!("`analysis.taxonomy_file` `{}`", path.display()))
        }
    }
}

/// The client of the language model, if one is configured.
fn llm_client(config: &AnalysisConfig) -> anyhow::Result<Option<LlmClient>> {
    let AnalysisEngine::OpenAi(openai) = &config.engine else { return Ok(None) };
    let api_key =
        match &openai.api_key {
            None => None,
            Some(ApiKey::Value(secret)) => Some(secret.clone()),
            Some(ApiKey::File(path)) => Some(Secret::from_file(path).with_context(|| {
                format!("cannot read `analysis.openai.api_key_file` `{}`", path.display())
            })?),
        };
    let endpoint = Endpoint {
        url: openai.url.clone(),
        model: openai.model.clone(),
        api_key: api_key.map(|secret| secret.expose().to_owned()),
        timeout: openai.timeout,
    };
    if is_open_to_readers(&openai.url) {
        warn!(url = openai.url, "conversations go to the language model without encryption; use https");
    }
    Ok(Some(LlmClient::new(endpoint, &taxonomy(config)?)?))
}

/// Whether others can read what is sent: plain `http` to another machine.
pub(crate) fn is_open_to_readers(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else { return false };
    let host = rest.split('/').next().unwrap_or_default();
    let host = host.strip_prefix('[').map_or_else(|| host.split(':').next(), |v6| v6.split(']').next());
    let host = host.unwrap_or_default();
    let is_loopback = |address: IpAddr| address.to_canonical().is_loopback();
    host != "localhost" && !host.parse().is_ok_and(is_loopback)
}

fn llm_parts(
    config: &Config,
    client: LlmClient,
    reader: Arc<dyn Lookup>,
    status: IngestStatus,
    metrics: IngestMetrics,
) -> anyhow::Result<Option<LlmParts>> {
    let (AnalysisEngine::OpenAi(openai), Some(kafka)) = (&config.analysis.engine, &config.kafka) else {
        return Ok(None); // the configuration requires both or neither
    };
    let spent = crate::rebuild::beside(&config.index.path, "llm-spent.json");
    let budget = DailyBudget::open(openai.budget_per_day, Some(spent.clone())).with_context(|| {
        format!(
            "cannot read `{}`, which records what the language model has cost today; remove it",
            spent.display()
        )
    })?;
    Ok(Some(LlmParts {
        kafka: kafka.clone(),
        client,
        excerpt_bytes: openai.excerpt_bytes as usize,
        retries: openai.retries,
        concurrency: openai.concurrency as usize,
        rest_after: openai.rest_after,
        budget,
        billing: Billing::new(config.billing.clone()),
        reader,
        status,
        metrics,
    }))
}

fn readiness(status: IngestStatus, monitor: Arc<dyn Maintain>) -> hearken_query::state::Readiness {
    Arc::new(move || {
        let mut reasons = status.reasons();
        if let Some(trouble) = monitor.trouble() {
            let seconds = trouble.since.elapsed().as_secs();
            reasons.push(format!("nothing has become durable for {seconds} s: {}", trouble.cause));
        }
        reasons
    })
}

/// Reloads replaced GeoIP files for as long as the server runs.
async fn watch_geoip(geoip: GeoIp) {
    reload_on_change(
        GEOIP_INTERVAL,
        move || geoip.reload_if_changed(),
        |reloaded| match reloaded {
            Reloaded::Changed => info!("reloaded the GeoIP file"),
            Reloaded::Readable => {} // a refused file is reported once, and only read again after it changes
            Reloaded::Failed(error) => {
                warn!(error, "the new GeoIP file is refused; the old one stays in use")
            }
        },
    )
    .await;
}

/// Where the demo and tests keep their index.
pub fn index_in(folder: &std::path::Path) -> PathBuf {
    folder.join("index")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_http_to_another_machine_can_be_read_on_its_way() {
        for here in [
            "http://localhost:11434/v1",
            "http://127.0.0.1/v1",
            "http://[::1]:8000",
            "https://example.org/v1",
        ] {
            assert!(!is_open_to_readers(here), "{here}");
        }
        for open in [
            "http://example.org/v1",
            "http://localhost.example.org",
            "http://192.0.2.1:80",
            "http://[2001:db8::1]/v1",
        ] {
            assert!(is_open_to_readers(open), "{open}");
        }
    }
}
