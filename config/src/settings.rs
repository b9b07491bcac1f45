//! What the other rooms get: every value checked, with its default.
//!
//! `sample.toml` explains each key to operators; a test holds its values and these defaults together.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use hearken_billing::BillingSettings;
use hearken_model::PersonalData;
use ipnet::IpNet;
use rust_decimal::Decimal;

use crate::Secret;

/// The whole configuration.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    /// The brokers that events come from; without it they come in over HTTP only.
    pub kafka: Option<KafkaConfig>,
    /// How the stream is folded and made searchable.
    pub ingest: IngestConfig,
    /// Where interactions are kept.
    pub index: IndexConfig,
    /// Countries and cities of addresses; without it both stay empty.
    pub geoip: Option<GeoipConfig>,
    /// What judges mood, satisfaction and topic.
    pub analysis: AnalysisConfig,
    /// Units and prices.
    pub billing: BillingSettings,
    /// The API and the pages.
    pub http: HttpConfig,
    /// What is kept of people.
    pub privacy: PrivacyConfig,
    /// Log lines.
    pub log: LogConfig,
}

/// `[kafka]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KafkaConfig {
    /// Brokers to begin with, `host:port` joined by commas, as librdkafka wants them.
    pub bootstrap_servers: String,
    /// Topics to read; at least one, each once.
    pub topics: Vec<String>,
    /// Consumer group under which offsets are committed (for lag tools; the index has its own).
    pub group_id: String,
    /// Where records go that cannot be understood; never one of `topics`.
    pub dead_letter_topic: String,
    /// librdkafka's own settings by their own names, passed through (TLS, SASL, …). Never one that Hearken
    /// sets itself.
    pub librdkafka: LibrdkafkaSettings,
}

/// librdkafka's settings by name. `Debug` redacts whatever may be a secret.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct LibrdkafkaSettings(pub(crate) BTreeMap<String, String>);

impl LibrdkafkaSettings {
    /// (name, value), by name. The values may be secrets: hand them to librdkafka and to nothing else.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The value of one setting.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

impl FromIterator<(&'static str, &'static str)> for LibrdkafkaSettings {
    fn from_iter<I: IntoIterator<Item = (&'static str, &'static str)>>(settings: I) -> Self {
        let owned = settings.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        LibrdkafkaSettings(owned.collect())
    }
}

impl fmt::Debug for LibrdkafkaSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Names with these words hold secrets, or (`sasl.oauthbearer.config`, `*.pem`) may hold them.
        const SECRET_WORDS: [&str; 8] = [
            "password",
            "passphrase",
            "secret",
            "token",
            "pem",
            "jaas",
            "oauthbearer.config",
            "assertion.private",
        ];
        let redacted = self.iter().map(|(name, value)| {
            let secret = SECRET_WORDS.iter().any(|word| name.to_ascii_lowercase().contains(word));
            (name, if secret { "[redacted]" } else { value })
        });
        f.debug_map().entries(redacted).finish()
    }
}

/// `[ingest]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngestConfig {
    /// An interaction without end is `abandoned` after this long without an event.
    pub idle_timeout: Duration,
    /// An event can be found this long after it was read.
    pub refresh_interval: Duration,
    /// … and is durable after this long; never shorter than `refresh_interval`.
    pub flush_interval: Duration,
    /// About how much memory what is not durable yet may take, in MiB, 32 or more, so that the largest interaction fits.
    /// Beyond it the source waits.
    pub live_mebibytes: u32,
}

impl Default for IngestConfig {
    fn default() -> Self {
        IngestConfig {
            idle_timeout: Duration::from_secs(30 * 60),
            refresh_interval: Duration::from_millis(5),
            flush_interval: Duration::from_secs(1),
            live_mebibytes: 128,
        }
    }
}

/// `[index]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexConfig {
    /// Which engine keeps the interactions.
    pub engine: IndexEngine,
    /// Folder of the tantivy engine, from the working directory when it is relative.
    pub path: PathBuf,
    /// Interactions without an event for this long are removed; `None` keeps them forever.
    pub retention: Option<Duration>,
    /// Exceptions for some of them; the first that matches an interaction decides.
    pub retention_rules: Vec<RetentionRule>,
}

impl Default for IndexConfig {
    fn default() -> Self {
        IndexConfig {
            engine: IndexEngine::Tantivy,
            path: "hearken-data/index".into(),
            retention: None,
            retention_rules: Vec::new(),
        }
    }
}

/// One entry of `[[index.retention_rules]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionRule {
    /// Whose interactions.
    pub of: RetentionOf,
    /// How long they are kept after the newest event.
    pub retention: Duration,
}

/// Whose interactions a [`RetentionRule`] is about; letter case counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RetentionOf {
    /// Of an organization.
    Organization(String),
    /// Of an agent.
    Agent(String),
}

/// `index.engine`
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IndexEngine {
    /// In this process, in `index.path`.
    Tantivy,
    /// An OpenSearch cluster.
    OpenSearch(OpenSearchConfig),
}

/// `[index.opensearch]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenSearchConfig {
    /// Nodes, `http` or `https`, without credentials; at least one.
    pub urls: Vec<String>,
    /// The names of all indices begin with it.
    pub index_prefix: String,
    /// As whom requests are made; `None` is as nobody.
    pub credentials: Option<OpenSearchCredentials>,
    /// Certificates to trust instead of the system's, PEM.
    pub ca_file: Option<PathBuf>,
    /// Parts of the index, fixed when it is prepared; at least 1.
    pub shards: u32,
    /// Replicas of each shard.
    pub replicas: u32,
    /// How often the cluster lets searches see what was written; fixed when the index is prepared.
    pub refresh_interval: Duration,
}

/// As whom requests to OpenSearch are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenSearchCredentials {
    /// A user, and the file with the password.
    Password {
        /// Name of the user.
        username: String,
        /// See [`Secret::from_file`].
        password_file: PathBuf,
    },
    /// The file with an API key: see [`Secret::from_file`].
    ApiKey(PathBuf),
}

/// `[geoip]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GeoipConfig {
    /// One file, or one for IPv4 and one for IPv6; at least one.
    pub databases: Vec<PathBuf>,
}

/// `[analysis]`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AnalysisConfig {
    /// Who analyses.
    pub engine: AnalysisEngine,
    /// The operator's topics; `None` is the built-in taxonomy.
    pub taxonomy_file: Option<PathBuf>,
}

/// `analysis.engine`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum AnalysisEngine {
    /// Models inside the program, no network.
    #[default]
    BuiltIn,
    /// An OpenAI-compatible endpoint alongside the stream, falling back to the built-in analysers.
    OpenAi(OpenAiConfig),
}

/// `[analysis.openai]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenAiConfig {
    /// Base of the API without a slash at the end: `<url>/chat/completions` is called.
    pub url: String,
    /// Model to ask for.
    pub model: String,
    /// Where the key is; `None` sends none (local servers).
    pub api_key: Option<ApiKey>,
    /// For one request, retries not included.
    pub timeout: Duration,
    /// Retries after a time-out, 429 or 5xx.
    pub retries: u32,
    /// Requests at the same time, at least 1.
    pub concurrency: u32,
    /// An interaction without an end is asked about after this long without an event.
    pub rest_after: Duration,
    /// Most bytes of a conversation that are sent; of a longer one beginning and end.
    pub excerpt_bytes: u32,
    /// Spending limit per UTC day in `billing.currency`; when it is reached the built-in analysers answer.
    pub budget_per_day: Decimal,
}

/// The key of an LLM endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApiKey {
    /// Taken from the environment variable that `api_key_env` names.
    Value(Secret),
    /// In a file: see [`Secret::from_file`].
    File(PathBuf),
}

/// `[http]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpConfig {
    /// Address of the API and the pages.
    pub listen: SocketAddr,
    /// Hashed API keys; `None` lets every request do everything.
    pub keys_file: Option<PathBuf>,
    /// Where events go that come in over HTTP.
    pub ingest: HttpIngest,
    /// Events that each key may send a second; `None` is as many as it likes.
    pub events_per_second: Option<NonZeroU32>,
    /// Where it is written down who asked what; `None` is nowhere.
    pub audit_log: Option<PathBuf>,
    /// A separate address for metrics, which needs no key; `None` serves them with the API, for a key.
    pub metrics_listen: Option<SocketAddr>,
    /// Proxies that are believed who sent a request and whether it was encrypted.
    pub trusted_proxies: Vec<IpNet>,
    /// Names under which the server may be reached without keys, in addition to those of loopback.
    pub allowed_hosts: Vec<String>,
    /// Hosts whose recordings of calls the pages play: in lower case, with a port where it is not the usual one, `*.` in
    /// front for every host below.
    pub recording_hosts: Vec<String>,
    /// What encrypts connections; `None` leaves that to a proxy.
    pub tls: Option<TlsConfig>,
    /// How users are named whom a trusted proxy has signed on; `None` believes no proxy that.
    pub sign_on: Option<SignOnConfig>,
    /// What the webhooks of platforms are signed with.
    pub webhooks: WebhooksConfig,
}

/// `[http.tls]`: files in PEM form, read again when they change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsConfig {
    /// The certificate, with the chain behind it.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// `[http.sign_on]`: there are a `keys_file` and trusted proxies then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignOnConfig {
    /// The header that names the user.
    pub user_header: String,
    /// The header that names the user's organizations, joined by commas.
    pub organizations_header: String,
    /// What such users may do: names of permissions, at least one.
    pub permissions: Vec<String>,
}

/// `[http.webhooks]`: without a file, the webhooks of that platform need an API key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WebhooksConfig {
    /// Holds the secret of the ElevenLabs webhook.
    pub elevenlabs_secret_file: Option<PathBuf>,
    /// Holds the secret that Vapi sends with each message.
    pub vapi_secret_file: Option<PathBuf>,
    /// Holds the API key that Retell signs with.
    pub retell_secret_file: Option<PathBuf>,
}

/// `http.ingest`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HttpIngest {
    /// Into the local log, and from there into the index.
    #[default]
    Index,
    /// To the first topic of `[kafka]`, which is then there.
    Kafka,
}

impl Default for HttpConfig {
    fn default() -> Self {
        HttpConfig {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080),
            keys_file: None,
            ingest: HttpIngest::default(),
            events_per_second: None,
            audit_log: None,
            metrics_listen: None,
            trusted_proxies: Vec::new(),
            allowed_hosts: Vec::new(),
            recording_hosts: Vec::new(),
            tls: None,
            sign_on: None,
            webhooks: WebhooksConfig::default(),
        }
    }
}

/// Refused: other machines could reach an API that asks for no key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExposedWithoutKeys {
    /// The address that is not loopback.
    pub listen: SocketAddr,
}

impl fmt::Display for ExposedWithoutKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`http.listen` is `{}`, which other machines can reach, and there are no API keys; create one with \
             `hearken keys create` and name its file in `http.keys_file`, or listen on 127.0.0.1",
            self.listen
        )
    }
}

impl std::error::Error for ExposedWithoutKeys {}

impl HttpConfig {
    /// Whoever starts a listener asks this first: without keys only loopback is safe.
    ///
    /// # Errors
    /// When `listen` is not a loopback address and there is no `keys_file`.
    pub fn refuse_exposure(&self) -> Result<(), ExposedWithoutKeys> {
        // To canonical form, because `::ffff:127.0.0.1` is loopback too.
        let loopback = self.listen.ip().to_canonical().is_loopback();
        if loopback || self.keys_file.is_some() {
            Ok(())
        } else {
            Err(ExposedWithoutKeys { listen: self.listen })
        }
    }
}

/// `[privacy]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrivacyConfig {
    /// What becomes of addresses after GeoIP has seen them.
    pub ip: IpPolicy,
    /// Kinds of personal data to replace in texts, each once.
    pub redact: Vec<PersonalData>,
    /// Whether dead letters carry the record as it came, unless [`PrivacyConfig::withholds_payloads`].
    pub dead_letter_payload: bool,
}

impl Default for PrivacyConfig {
    fn default() -> Self {
        PrivacyConfig { ip: IpPolicy::Keep, redact: Vec::new(), dead_letter_payload: true }
    }
}

impl PrivacyConfig {
    /// Whether dead letters and the log must do without what a record said: what cannot be understood cannot be redacted,
    /// nor can its address be found and truncated.
    pub fn withholds_payloads(&self) -> bool {
        !self.dead_letter_payload || !self.redact.is_empty() || self.ip != IpPolicy::Keep
    }
}

/// `privacy.ip`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IpPolicy {
    /// Stored as they came.
    #[default]
    Keep,
    /// The last 8 bits of IPv4 and the last 80 bits of IPv6 set to zero.
    Truncate,
    /// Not stored.
    Drop,
}

/// `[log]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// For people or for machines.
    pub format: LogFormat,
    /// Level, or levels by target, as tracing's `EnvFilter` reads them: `info` or `warn,hearken_ingest=debug`.
    pub level: String,
}

impl Default for LogConfig {
    fn default() -> Self {
        LogConfig { format: LogFormat::Text, level: "info".to_owned() }
    }
}

/// `log.format`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// One line of text an event.
    #[default]
    Text,
    /// One JSON object an event.
    Json,
}
