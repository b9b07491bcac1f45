//! Raw → settings, section by section. Cross-field rules stand where the fields are read.

use std::net::SocketAddr;
use std::time::Duration;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use url::Url;

use crate::Secret;
use crate::error::shown;
use crate::keys::{self, LIBRDKAFKA, PRICE_KEYS, PRICES};
use crate::raw::{Located, RawValue, toml_value};
use crate::reader::{Complaint, Reader, parse_amount};
use crate::settings::*;

/// librdkafka's settings that Hearken sets itself, each with what to use instead.
const MANAGED_SETTINGS: &[(&str, &str)] = &[
    ("bootstrap.servers", "use `kafka.bootstrap_servers`"),
    ("metadata.broker.list", "use `kafka.bootstrap_servers`"),
    ("group.id", "use `kafka.group_id`"),
    ("enable.auto.commit", "leave it out: offsets are committed once events are durable"),
    ("enable.auto.offset.store", "leave it out: offsets are kept by the index"),
    (
        "auto.offset.reset",
        "leave it out: reading starts at the index's own offsets, else at the earliest record",
    ),
    ("isolation.level", "leave it out: records of aborted transactions are never read"),
];

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub(crate) fn resolve(reader: &mut Reader<'_>) -> Config {
    Config {
        kafka: kafka(reader),
        ingest: ingest(reader),
        index: index(reader),
        geoip: geoip(reader),
        analysis: analysis(reader),
        billing: billing(reader),
        http: http(reader),
        privacy: privacy(reader),
        log: log(reader),
    }
}

fn kafka(reader: &mut Reader<'_>) -> Option<KafkaConfig> {
    let librdkafka = librdkafka(reader);
    if !reader.has_section("kafka") {
        return None;
    }
    let servers = reader.list("kafka.bootstrap_servers");
    let servers =
        reader.required("kafka.bootstrap_servers", servers, "bootstrap_servers = \"localhost:9092\"");
    // One text with commas is librdkafka's own form and means the same as a list.
    let servers: Vec<String> = servers
        .iter()
        .flatten()
        .flat_map(|server| server.value.split(','))
        .map(|server| server.trim().to_owned())
        .filter(|server| !server.is_empty())
        .collect();
    for server in &servers {
        if let Err((not, help)) = server_address(server) {
            let problem = format!("`kafka.bootstrap_servers` has `{}`, which is not {not}", shown(server));
            reader.error_at("kafka.bootstrap_servers", problem, help);
        }
    }
    let topics = topics(reader);
    let dead_letter_topic = reader.parsed("kafka.dead_letter_topic", |t| topic_name(t).map(str::to_owned));
    let dead_letter_topic = dead_letter_topic.unwrap_or_else(|| "interactions.dlq".to_owned());
    if topics.contains(&dead_letter_topic) {
        let problem =
            format!("`kafka.dead_letter_topic` is `{dead_letter_topic}`, which `kafka.topics` reads too");
        reader.error_at(
            "kafka.dead_letter_topic",
            problem,
            "dead letters would come back for ever; name another",
        );
    }
    Some(KafkaConfig {
        bootstrap_servers: servers.join(","),
        topics,
        group_id: reader.text("kafka.group_id").unwrap_or_else(|| "hearken".to_owned()),
        dead_letter_topic,
        librdkafka,
    })
}

fn topics(reader: &mut Reader<'_>) -> Vec<String> {
    let key = "kafka.topics";
    let Some(topics) = reader.list(key) else { return vec!["interactions".to_owned()] };
    if topics.is_empty() {
        reader.error_at(key, "`kafka.topics` names no topic", "name at least one, or leave the key out");
    }
    let mut names: Vec<String> = Vec::with_capacity(topics.len());
    for Located { value: topic, origin } in topics {
        if let Err((not, help)) = topic_name(&topic) {
            reader.error(
                Some(origin),
                format!("`kafka.topics` has `{}`, which is not {not}", shown(&topic)),
                help,
            );
        } else if names.contains(&topic) {
            reader.error(Some(origin), format!("`kafka.topics` names `{topic}` twice"), "name it once");
        } else {
            names.push(topic);
        }
    }
    names
}

/// Values are texts for librdkafka. They may be secrets, so no message repeats one.
fn librdkafka(reader: &mut Reader<'_>) -> LibrdkafkaSettings {
    let mut settings = LibrdkafkaSettings::default();
    if reader.raw.values.contains_key(LIBRDKAFKA) {
        let help = "write a table `[kafka.librdkafka]`, or variables such as HEARKEN_KAFKA__LIBRDKAFKA__SECURITY_PROTOCOL";
        reader.error_at(LIBRDKAFKA, format!("`{LIBRDKAFKA}` is not a table"), help);
    }
    let raw = reader.raw;
    for (path, located) in raw.values.range(format!("{LIBRDKAFKA}.")..format!("{LIBRDKAFKA}/")) {
        let name = &path[LIBRDKAFKA.len() + 1..];
        if let Some((_, help)) = MANAGED_SETTINGS.iter().find(|(managed, _)| *managed == name) {
            reader.error(Some(located.origin.clone()), format!("`{name}` is set by Hearken itself"), *help);
        }
        let text = match &located.value {
            RawValue::Variable(text) | RawValue::String(text) | RawValue::Number(text) => text.clone(),
            RawValue::Boolean(boolean) => boolean.to_string(),
            RawValue::Datetime(_) | RawValue::Array(_) | RawValue::Table(_) => {
                let problem = format!("`{}` is neither text nor number nor true or false", shown(path));
                reader.error(Some(located.origin.clone()), problem, "write its value in quotes");
                continue;
            }
        };
        settings.0.insert(name.to_owned(), text);
    }
    settings
}

fn ingest(reader: &mut Reader<'_>) -> IngestConfig {
    let default = IngestConfig::default();
    let ms = Duration::from_millis(1);
    let idle_timeout = reader.duration("ingest.idle_timeout", ms, 365 * DAY);
    let refresh_interval = reader.duration("ingest.refresh_interval", ms, MINUTE);
    let flush_interval = reader.duration("ingest.flush_interval", ms, 10 * MINUTE);
    let config = IngestConfig {
        idle_timeout: idle_timeout.unwrap_or(default.idle_timeout),
        refresh_interval: refresh_interval.unwrap_or(default.refresh_interval),
        flush_interval: flush_interval.unwrap_or(default.flush_interval),
    };
    if config.flush_interval < config.refresh_interval {
        let key = match flush_interval {
            Some(_) => "ingest.flush_interval",
            None => "ingest.refresh_interval",
        };
        let problem = "`ingest.flush_interval` is shorter than `ingest.refresh_interval`";
        reader.error_at(
            key,
            problem,
            "what is not yet searchable cannot be flushed; make it at least as long",
        );
    }
    config
}

fn index(reader: &mut Reader<'_>) -> IndexConfig {
    let default = IndexConfig::default();
    let opensearch =
        reader.choice("index.engine", &[("tantivy", false), ("opensearch", true)]).unwrap_or(false);
    // Read whichever engine is chosen, so that mistakes are found before the switch.
    let settings = OpenSearchConfig {
        urls: reader.list("index.opensearch.urls").map(|urls| web_urls(reader, urls)).unwrap_or_default(),
        index_prefix: reader.text("index.opensearch.index_prefix").unwrap_or_else(|| "hearken".to_owned()),
        credentials: credentials(reader),
        ca_file: reader.path("index.opensearch.ca_file"),
    };
    if opensearch && settings.urls.is_empty() {
        reader.required("index.opensearch.urls", None::<()>, "urls = [\"https://localhost:9200\"]");
    }
    IndexConfig {
        engine: if opensearch { IndexEngine::OpenSearch(settings) } else { IndexEngine::Tantivy },
        path: reader.path("index.path").unwrap_or(default.path),
        retention: reader.duration("index.retention", Duration::from_secs(60 * 60), 36_500 * DAY),
    }
}

fn web_urls(reader: &mut Reader<'_>, urls: Vec<Located<String>>) -> Vec<String> {
    let key = "index.opensearch.urls";
    if urls.is_empty() {
        reader.error_at(key, format!("`{key}` names no address"), "name at least one");
    }
    let mut checked = Vec::with_capacity(urls.len());
    for Located { value, origin } in urls {
        match web_url(&value) {
            Ok(url) => checked.push(url),
            // Without the text, which may hold a password.
            Err((not, help)) => {
                reader.error(Some(origin), format!("`{key}` has an entry that is not {not}"), help);
            }
        }
    }
    checked
}

fn credentials(reader: &mut Reader<'_>) -> Option<(String, std::path::PathBuf)> {
    let username = reader.text("index.opensearch.username");
    let password_file = reader.path("index.opensearch.password_file");
    match (username, password_file) {
        (Some(username), Some(password_file)) => Some((username, password_file)),
        (None, None) => None,
        (Some(_), None) => {
            let problem = "`index.opensearch.username` stands alone";
            reader.error_at("index.opensearch.username", problem, "set `password_file` too");
            None
        }
        (None, Some(_)) => {
            let problem = "`index.opensearch.password_file` stands alone";
            reader.error_at("index.opensearch.password_file", problem, "set `username` too");
            None
        }
    }
}

fn geoip(reader: &mut Reader<'_>) -> Option<GeoipConfig> {
    if !reader.has_section("geoip") {
        return None;
    }
    let databases = reader.list("geoip.database");
    let databases = reader.required("geoip.database", databases, "database = \"city.mmdb\"")?;
    if databases.is_empty() {
        reader.error_at("geoip.database", "`geoip.database` names no file", "name one, or leave [geoip] out");
    }
    Some(GeoipConfig { databases: databases.into_iter().map(|path| path.value.into()).collect() })
}

fn analysis(reader: &mut Reader<'_>) -> AnalysisConfig {
    let openai = reader.choice("analysis.engine", &[("built-in", false), ("openai", true)]).unwrap_or(false);
    let model = reader.text("analysis.openai.model");
    let settings = OpenAiConfig {
        url: openai_url(reader).unwrap_or_else(|| "https://api.openai.com/v1".to_owned()),
        model: model.clone().unwrap_or_default(),
        api_key: api_key(reader),
        timeout: reader.duration("analysis.openai.timeout", SECOND, 10 * MINUTE).unwrap_or(30 * SECOND),
        retries: reader.number("analysis.openai.retries", 0, 10).unwrap_or(3),
        concurrency: reader.number("analysis.openai.concurrency", 1, 256).unwrap_or(4),
        budget_per_day: reader.amount("analysis.openai.budget_per_day").unwrap_or(Decimal::TEN),
    };
    if openai {
        reader.required(
            "analysis.openai.model",
            model,
            "model = \"gpt-5-mini\", or the name your server gives it",
        );
    }
    AnalysisConfig {
        engine: if openai { AnalysisEngine::OpenAi(settings) } else { AnalysisEngine::BuiltIn },
        taxonomy_file: reader.path("analysis.taxonomy_file"),
    }
}

fn openai_url(reader: &mut Reader<'_>) -> Option<String> {
    let key = "analysis.openai.url";
    let text = reader.text(key)?;
    // Without the text, which may hold a password.
    web_url(&text).map_err(|(not, help)| reader.error_at(key, format!("`{key}` is not {not}"), help)).ok()
}

fn api_key(reader: &mut Reader<'_>) -> Option<ApiKey> {
    let env_key = "analysis.openai.api_key_env";
    let file = reader.path("analysis.openai.api_key_file");
    let Some(name) = reader.text(env_key) else { return file.map(ApiKey::File) };
    if file.is_some() {
        let problem = "`api_key_env` and `api_key_file` are both set";
        reader.error_at(env_key, problem, "keep one of them");
    }
    match reader.raw.variables.get(&name).map(|value| value.trim()) {
        Some(value) if !value.is_empty() => Some(ApiKey::Value(Secret::new(value))),
        // Without the name's text: whoever pastes the key itself here must not find it in a log.
        _ => {
            let problem = format!("`{env_key}` names an environment variable that is not set");
            reader.error_at(env_key, problem, "set that variable, or use `api_key_file`");
            None
        }
    }
}

fn billing(reader: &mut Reader<'_>) -> BillingConfig {
    let default = BillingConfig::default();
    let rounding =
        [("up", MinuteRounding::Up), ("nearest", MinuteRounding::Nearest), ("down", MinuteRounding::Down)];
    BillingConfig {
        currency: reader.parsed("billing.currency", currency).unwrap_or(default.currency),
        free_welcome: reader.boolean("billing.free_welcome").unwrap_or(default.free_welcome),
        free_without_user_message: reader
            .boolean("billing.free_without_user_message")
            .unwrap_or(default.free_without_user_message),
        free_call_under: reader
            .duration("billing.free_call_under", Duration::ZERO, DAY)
            .unwrap_or(default.free_call_under),
        minute_rounding: reader
            .choice("billing.minute_rounding", &rounding)
            .unwrap_or(default.minute_rounding),
        price_per_message: reader.amount("billing.price_per_message"),
        price_per_minute: reader.amount("billing.price_per_minute"),
        prices: prices(reader),
    }
}

fn prices(reader: &mut Reader<'_>) -> Vec<ModelPriceConfig> {
    let Some(located) = reader.raw.values.get(PRICES) else { return Vec::new() };
    let from_variable = match &located.value {
        RawValue::Variable(text) => toml_value(text.trim(), &located.origin),
        _ => None,
    };
    let Some(RawValue::Array(entries)) = from_variable.as_ref().or(Some(&located.value)) else {
        let help = "write `[[billing.prices]]` tables, or [{ model = \"…\", … }] in a variable";
        reader.error_at(PRICES, format!("`{PRICES}` is not a list of tables"), help);
        return Vec::new();
    };
    let mut prices: Vec<ModelPriceConfig> = Vec::with_capacity(entries.len());
    for entry in entries {
        let Some(price) = price(reader, entry) else { continue };
        let same = |other: &ModelPriceConfig| {
            (&other.model, other.effective_from) == (&price.model, price.effective_from)
        };
        if prices.iter().any(same) {
            let problem =
                format!("`{PRICES}` has two prices for `{}` from the same day", shown(&price.model));
            reader.error(Some(entry.origin.clone()), problem, "give the newer one its `effective_from`");
        }
        prices.push(price);
    }
    prices
}

fn price(reader: &mut Reader<'_>, entry: &Located<RawValue>) -> Option<ModelPriceConfig> {
    let RawValue::Table(fields) = &entry.value else {
        reader.error(
            Some(entry.origin.clone()),
            format!("`{PRICES}` has an entry that is not a table"),
            "write { model = \"…\", … }",
        );
        return None;
    };
    for (name, _) in fields.iter().filter(|(name, _)| !PRICE_KEYS.contains(&name.value.as_str())) {
        let problem = format!("unknown key `{PRICES}.{}`", shown(&name.value));
        let help = format!("the nearest known key is `{PRICES}.{}`", keys::nearest_price_key(&name.value));
        reader.error(Some(name.origin.clone()), problem, help);
    }
    let model = required_field(reader, entry, fields, "model", |text| Ok(text.to_owned()));
    let input = required_field(reader, entry, fields, "input_per_million", parse_amount);
    let output = required_field(reader, entry, fields, "output_per_million", parse_amount);
    Some(ModelPriceConfig {
        effective_from: field(reader, fields, "effective_from", date),
        cached_input_per_million: field(reader, fields, "cached_input_per_million", parse_amount),
        model: model?,
        input_per_million: input?,
        output_per_million: output?,
    })
}

type Fields = [(Located<String>, Located<RawValue>)];

fn field<T>(
    reader: &mut Reader<'_>,
    fields: &Fields,
    name: &str,
    parse: impl Fn(&str) -> Result<T, Complaint>,
) -> Option<T> {
    let (_, located) = fields.iter().find(|(key, _)| key.value == name)?;
    // TOML has dates of its own; both spellings mean the same.
    let as_text = match &located.value {
        RawValue::Datetime(text) => {
            Located { value: RawValue::String(text.clone()), origin: located.origin.clone() }
        }
        _ => located.clone(),
    };
    reader.parse_located(&format!("{PRICES}.{name}"), &as_text, parse)
}

fn required_field<T>(
    reader: &mut Reader<'_>,
    entry: &Located<RawValue>,
    fields: &Fields,
    name: &str,
    parse: impl Fn(&str) -> Result<T, Complaint>,
) -> Option<T> {
    if !fields.iter().any(|(key, _)| key.value == name) {
        let problem = format!("an entry of `{PRICES}` has no `{name}`");
        reader.error(Some(entry.origin.clone()), problem, format!("add `{name}`"));
        return None;
    }
    field(reader, fields, name, parse)
}

fn http(reader: &mut Reader<'_>) -> HttpConfig {
    let default = HttpConfig::default();
    HttpConfig {
        listen: reader.parsed("http.listen", listen_address).unwrap_or(default.listen),
        keys_file: reader.path("http.keys_file"),
    }
}

fn privacy(reader: &mut Reader<'_>) -> PrivacyConfig {
    let policies = [("keep", IpPolicy::Keep), ("truncate", IpPolicy::Truncate), ("drop", IpPolicy::Drop)];
    let redact = reader.list("privacy.redact").unwrap_or_default();
    PrivacyConfig {
        ip: reader.choice("privacy.ip", &policies).unwrap_or_default(),
        redact: redact.into_iter().map(|kind| kind.value).collect(),
    }
}

fn log(reader: &mut Reader<'_>) -> LogConfig {
    let default = LogConfig::default();
    let formats = [("text", LogFormat::Text), ("json", LogFormat::Json)];
    LogConfig {
        format: reader.choice("log.format", &formats).unwrap_or_default(),
        level: reader.parsed("log.level", log_level).unwrap_or(default.level),
    }
}

fn server_address(text: &str) -> Result<(), Complaint> {
    let host_and_port = text.split_once("://").map_or(text, |(_, rest)| rest);
    let port = host_and_port.rsplit_once(':').filter(|(host, _)| !host.ends_with(':')).map(|(_, port)| port);
    let port_fits =
        port.is_none_or(|port| port.ends_with(']') || port.parse::<u16>().is_ok_and(|port| port > 0));
    match port_fits && !text.contains(char::is_whitespace) && !host_and_port.starts_with(':') {
        true => Ok(()),
        false => Err(("a broker's address".into(), "write host:port, such as \"localhost:9092\"".into())),
    }
}

/// Kafka's own rule for names.
fn topic_name(text: &str) -> Result<&str, Complaint> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    match text.len() <= 249 && text.chars().all(fits) && !matches!(text, "." | "..") {
        true => Ok(text),
        false => Err((
            "a topic's name".into(),
            "use at most 249 letters, digits, dots, underscores and hyphens".into(),
        )),
    }
}

fn web_url(text: &str) -> Result<String, Complaint> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let Some(url) = url else {
        return Err(("a web address".into(), "write it like \"https://host:port\"".into()));
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err((
            "free of credentials".into(),
            "move user name and password to keys of their own".into(),
        ));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// Three capital letters; whether such a currency exists is the operator's business.
fn currency(text: &str) -> Result<String, Complaint> {
    match text.len() == 3 && text.chars().all(|c| c.is_ascii_uppercase()) {
        true => Ok(text.to_owned()),
        false => Err(("an ISO 4217 code".into(), "write three capital letters, such as \"USD\"".into())),
    }
}

fn date(text: &str) -> Result<NaiveDate, Complaint> {
    text.parse().map_err(|_| ("a day".into(), "write it like \"2026-05-01\"".into()))
}

/// An address, not a name: which of a name's addresses would be listened on is a guess. `localhost` is none.
fn listen_address(text: &str) -> Result<SocketAddr, Complaint> {
    let numeric = match text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}"),
        None => text.to_owned(),
    };
    numeric.parse().map_err(|_| {
        (
            "an address to listen on".into(),
            "write an IP address and a port, such as \"127.0.0.1:8080\"".into(),
        )
    })
}

fn log_level(text: &str) -> Result<String, Complaint> {
    let level = |level: &str| matches!(level, "off" | "error" | "warn" | "info" | "debug" | "trace");
    let target = |target: &str| {
        !target.is_empty() && target.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':'))
    };
    let directive = |directive: &str| match directive.trim().split_once('=') {
        Some((name, of_target)) => target(name) && level(of_target),
        None => level(directive.trim()),
    };
    match text.split(',').all(directive) {
        true => Ok(text.to_owned()),
        false => Err((
            "a log level".into(),
            "write off, error, warn, info, debug or trace, or such as \"info,hearken_ingest=debug\"".into(),
        )),
    }
}
