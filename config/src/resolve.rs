//! Raw → settings, section by section. Cross-field rules stand where the fields are read.

mod analysis;
mod billing;
mod formats;
mod index;
mod kafka;

use std::time::Duration;

use hearken_model::PersonalData;

use crate::error::shown;
use crate::raw::Located;
use crate::reader::Reader;
use crate::settings::*;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub(crate) fn resolve(reader: &mut Reader<'_>) -> Config {
    Config {
        kafka: kafka::kafka(reader),
        ingest: ingest(reader),
        index: index::index(reader),
        geoip: geoip(reader),
        analysis: analysis::analysis(reader),
        billing: billing::billing(reader),
        http: http(reader),
        privacy: privacy(reader),
        log: log(reader),
    }
}

fn ingest(reader: &mut Reader<'_>) -> IngestConfig {
    let default = IngestConfig::default();
    let ms = Duration::from_millis(1);
    let idle_timeout = reader.duration("ingest.idle_timeout", ms, 365 * DAY);
    let refresh_interval = reader.duration("ingest.refresh_interval", ms, MINUTE);
    let flush_interval = reader.duration("ingest.flush_interval", ms, 10 * MINUTE);
    // One interaction takes at most 8 MB of text, and about as much again beside it.
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

fn http(reader: &mut Reader<'_>) -> HttpConfig {
    let default = HttpConfig::default();
    let hosts = reader.list("http.allowed_hosts").unwrap_or_default();
    HttpConfig {
        listen: reader.parsed("http.listen", formats::listen_address).unwrap_or(default.listen),
        keys_file: reader.path("http.keys_file"),
        ingest: http_ingest(reader),
        metrics_listen: reader.parsed("http.metrics_listen", formats::listen_address),
        allowed_hosts: hosts.into_iter().map(|host| host.value).collect(),
        webhooks: WebhooksConfig {
            elevenlabs_secret_file: reader.path("http.webhooks.elevenlabs_secret_file"),
            vapi_secret_file: reader.path("http.webhooks.vapi_secret_file"),
            retell_secret_file: reader.path("http.webhooks.retell_secret_file"),
        },
    }
}

fn http_ingest(reader: &mut Reader<'_>) -> HttpIngest {
    let key = "http.ingest";
    let choices = [("index", HttpIngest::Index), ("kafka", HttpIngest::Kafka)];
    let ingest = reader.choice(key, &choices).unwrap_or_default();
    if ingest == HttpIngest::Kafka && !reader.has_section("kafka") {
        let problem = "`http.ingest` is \"kafka\" and there is no [kafka]";
        reader.error_at(key, problem, "say in [kafka] where the brokers are, or use \"index\"");
    }
    ingest
}

fn privacy(reader: &mut Reader<'_>) -> PrivacyConfig {
    let policies = [("keep", IpPolicy::Keep), ("truncate", IpPolicy::Truncate), ("drop", IpPolicy::Drop)];
    PrivacyConfig {
        ip: reader.choice("privacy.ip", &policies).unwrap_or_default(),
        redact: redact(reader),
        dead_letter_payload: reader.boolean("privacy.dead_letter_payload").unwrap_or(true),
    }
}

fn redact(reader: &mut Reader<'_>) -> Vec<PersonalData> {
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

fn log(reader: &mut Reader<'_>) -> LogConfig {
    let default = LogConfig::default();
    let formats = [("text", LogFormat::Text), ("json", LogFormat::Json)];
    LogConfig {
        format: reader.choice("log.format", &formats).unwrap_or_default(),
        level: reader.parsed("log.level", formats::log_level).unwrap_or(default.level),
    }
}
