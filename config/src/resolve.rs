//! Raw → settings, section by section. Cross-field rules stand where the fields are read.

mod analysis;
mod billing;
mod formats;
mod index;
mod kafka;

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use hearken_model::PersonalData;
use ipnet::IpNet;

use crate::error::shown;
use crate::raw::Located;
use crate::reader::SettingsReader;
use crate::settings::*;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub(crate) fn resolve(reader: &mut SettingsReader<'_>) -> Config {
    let index = index::index(reader);
    Config {
        kafka: kafka::kafka(reader),
        ingest: ingest(reader),
        geoip: geoip(reader),
        analysis: analysis::analysis(reader),
        billing: billing::billing(reader),
        http: http(reader, &index.engine),
        privacy: privacy(reader),
        log: log(reader),
        index,
    }
}

fn ingest(reader: &mut SettingsReader<'_>) -> IngestConfig {
    let default = IngestConfig::default();
    let ms = Duration::from_millis(1);
    let idle_timeout = reader.duration("ingest.idle_timeout", ms, 365 * DAY);
    let refresh_interval = reader.duration("ingest.refresh_interval", ms, MINUTE);
    let flush_interval = reader.duration("ingest.flush_interval", ms, 10 * MINUTE);
    // One interaction takes at most 8 MB of text, and about as much again for the rest.
    let live_mebibytes = reader.number("ingest.live_mebibytes", 32, 65_536);
    let config = IngestConfig {
        live_mebibytes: live_mebibytes.unwrap_or(default.live_mebibytes),
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

fn geoip(reader: &mut SettingsReader<'_>) -> Option<GeoipConfig> {
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

fn http(reader: &mut SettingsReader<'_>, engine: &IndexEngine) -> HttpConfig {
    let default = HttpConfig::default();
    let trusted_proxies = proxies(reader);
    let hosts = reader.list("http.allowed_hosts").unwrap_or_default();
    HttpConfig {
        listen: reader.parsed("http.listen", formats::listen_address).unwrap_or(default.listen),
        keys_file: reader.path("http.keys_file"),
        ingest: http_ingest(reader, engine),
        events_per_second: reader.number("http.events_per_second", 1, u32::MAX).and_then(NonZeroU32::new),
        audit_log: reader.path("http.audit_log"),
        metrics_listen: reader.parsed("http.metrics_listen", formats::listen_address),
        sign_on: sign_on(reader, !trusted_proxies.is_empty()),
        trusted_proxies,
        tls: tls(reader),
        allowed_hosts: hosts.into_iter().map(|host| host.value).collect(),
        recording_hosts: recording_hosts(reader),
        webhooks: WebhooksConfig {
            elevenlabs_secret_file: reader.path("http.webhooks.elevenlabs_secret_file"),
            vapi_secret_file: reader.path("http.webhooks.vapi_secret_file"),
            retell_secret_file: reader.path("http.webhooks.retell_secret_file"),
        },
    }
}

fn http_ingest(reader: &mut SettingsReader<'_>, engine: &IndexEngine) -> HttpIngest {
    let key = "http.ingest";
    let choices = [("index", HttpIngest::Index), ("kafka", HttpIngest::Kafka)];
    let ingest = reader.choice(key, &choices).unwrap_or_default();
    if ingest == HttpIngest::Kafka && !reader.has_section("kafka") {
        let problem = "`http.ingest` is \"kafka\" and there is no [kafka]";
        reader.error_at(key, problem, "say in [kafka] where the brokers are, or use \"index\"");
    }
    if ingest == HttpIngest::Index && matches!(engine, IndexEngine::OpenSearch(_)) {
        let problem = "`index.engine` is \"opensearch\" and `http.ingest` is not \"kafka\"";
        let help = "write ingest = \"kafka\" below [http]: the local log is one process's alone";
        reader.error_at(if reader.has_section("http") { key } else { "index.engine" }, problem, help);
    }
    ingest
}

fn tls(reader: &mut SettingsReader<'_>) -> Option<TlsConfig> {
    if !reader.has_section("http.tls") {
        return None;
    }
    let certificate = reader.path("http.tls.certificate");
    let certificate =
        reader.required("http.tls.certificate", certificate, "certificate = \"/etc/hearken/tls.crt\"");
    let key = reader.path("http.tls.key");
    let key = reader.required("http.tls.key", key, "key = \"/etc/hearken/tls.key\"");
    Some(TlsConfig { certificate: certificate?, key: key? })
}

/// What permissions a key may have, by the names that `query` knows.
const PERMISSIONS: [&str; 6] = ["search", "read", "metadata", "ingest", "erase", "metrics"];

fn sign_on(reader: &mut SettingsReader<'_>, are_there_proxies: bool) -> Option<SignOnConfig> {
    let section = "http.sign_on";
    if !reader.has_section(section) {
        return None;
    }
    if !are_there_proxies {
        let problem = "`[http.sign_on]` has no effect, because there are no `http.trusted_proxies`";
        reader.error_at(section, problem, "name the addresses of the proxy that signs users on");
    }
    if !reader.raw.values.contains_key("http.keys_file") {
        let problem = "`[http.sign_on]` needs `http.keys_file`: without keys, everybody may do everything";
        reader.error_at(section, problem, "name a file for the keys; it may stay empty");
    }
    let user_header = reader.parsed("http.sign_on.user_header", formats::header_name);
    let user_header =
        reader.required("http.sign_on.user_header", user_header, "user_header = \"X-Forwarded-User\"");
    let organizations_header = reader.parsed("http.sign_on.organizations_header", formats::header_name);
    let organizations_header = reader.required(
        "http.sign_on.organizations_header",
        organizations_header,
        "organizations_header = \"X-Forwarded-Groups\"",
    );
    let key = "http.sign_on.permissions";
    let listed = reader.list(key);
    let listed = reader.required(key, listed, "permissions = [\"search\", \"read\"]")?;
    if listed.is_empty() {
        reader.error_at(key, format!("`{key}` is empty"), "name at least one permission");
    }
    let mut permissions = Vec::new();
    for Located { value, origin } in listed {
        if PERMISSIONS.contains(&value.as_str()) {
            permissions.push(value);
            continue;
        }
        let problem = format!("`{key}` names `{}`, which is not a permission", shown(&value));
        reader.error(Some(origin), problem, format!("write some of {}", PERMISSIONS.join(", ")));
    }
    Some(SignOnConfig { user_header: user_header?, organizations_header: organizations_header?, permissions })
}

fn proxies(reader: &mut SettingsReader<'_>) -> Vec<IpNet> {
    let mut proxies = Vec::new();
    for Located { value, origin } in reader.list("http.trusted_proxies").unwrap_or_default() {
        match value.parse::<IpNet>().or_else(|_| value.parse::<IpAddr>().map(IpNet::from)) {
            Ok(proxy) => proxies.push(proxy),
            Err(_) => reader.error(
                Some(origin),
                "`http.trusted_proxies` has an entry that is not an address",
                "write addresses or networks, such as \"10.0.0.5\" or \"10.0.0.0/8\"",
            ),
        }
    }
    proxies
}

fn recording_hosts(reader: &mut SettingsReader<'_>) -> Vec<String> {
    let mut hosts = Vec::new();
    for Located { value, origin } in reader.list("http.recording_hosts").unwrap_or_default() {
        match formats::host_pattern(&value) {
            Some(host) => hosts.push(host),
            None => {
                let problem =
                    format!("`http.recording_hosts` names `{}`, which is not a host", shown(&value));
                let hint = "write names without a scheme or a path, such as \"recordings.example.com\" or \
                    \"*.example.com\"";
                reader.error(Some(origin), problem, hint);
            }
        }
    }
    hosts
}

fn privacy(reader: &mut SettingsReader<'_>) -> PrivacyConfig {
    let policies = [("keep", IpPolicy::Keep), ("truncate", IpPolicy::Truncate), ("drop", IpPolicy::Drop)];
    PrivacyConfig {
        ip: reader.choice("privacy.ip", &policies).unwrap_or_default(),
        redact: redact(reader),
        dead_letter_payload: reader.boolean("privacy.dead_letter_payload").unwrap_or(true),
    }
}

fn redact(reader: &mut SettingsReader<'_>) -> Vec<PersonalData> {
    let mut kinds = Vec::new();
    for Located { value, origin } in reader.list("privacy.redact").unwrap_or_default() {
        match PersonalData::ALL.into_iter().find(|kind| kind.as_str() == value) {
            Some(kind) if kinds.contains(&kind) => {}
            Some(kind) => kinds.push(kind),
            None => {
                let names = PersonalData::ALL.map(|kind| format!("\"{kind}\"")).join(", ");
                let problem = format!(
                    "`privacy.redact` names `{}`, which is not a kind of personal data",
                    shown(&value)
                );
                reader.error(Some(origin), problem, format!("write some of {names}"));
            }
        }
    }
    kinds
}

fn log(reader: &mut SettingsReader<'_>) -> LogConfig {
    let default = LogConfig::default();
    let formats = [("text", LogFormat::Text), ("json", LogFormat::Json)];
    LogConfig {
        format: reader.choice("log.format", &formats).unwrap_or_default(),
        level: reader.parsed("log.level", formats::log_level).unwrap_or(default.level),
    }
}
