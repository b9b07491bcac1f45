//! `[kafka]`: servers, topics, and librdkafka's own settings.

use crate::error::shown;
use crate::keys::LIBRDKAFKA;
use crate::raw::{Located, RawValue};
use crate::reader::SettingsReader;
use crate::settings::{KafkaConfig, LibrdkafkaSettings};

use super::formats::{server_address, topic_name};

/// What offsets and metrics call what came in over HTTP.
const HTTP_TOPIC: &str = "http";

const READER: &str = "leave it out: reading to the end and measuring the lag rely on it";
const GROUP: &str = "leave it out: how partitions move between processes relies on it";
const WRITER: &str = "leave it out: no dead letter may be lost";

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
    ("enable.partition.eof", READER),
    ("statistics.interval.ms", READER),
    ("topic.metadata.refresh.interval.ms", READER),
    ("partition.assignment.strategy", GROUP),
    ("group.protocol", GROUP),
    ("acks", WRITER),
    ("request.required.acks", WRITER),
    ("enable.idempotence", WRITER),
    ("linger.ms", WRITER),
    ("queue.buffering.max.ms", WRITER),
    ("message.timeout.ms", WRITER),
    ("delivery.timeout.ms", WRITER),
];

pub(super) fn kafka(reader: &mut SettingsReader<'_>) -> Option<KafkaConfig> {
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
            "dead letters would be read again forever; name another",
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

fn topics(reader: &mut SettingsReader<'_>) -> Vec<String> {
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
        } else if topic == HTTP_TOPIC {
            let problem = format!(
                "`kafka.topics` names `{topic}`, under which events that come in over HTTP are counted"
            );
            reader.error(Some(origin), problem, "name a topic of another name");
        } else if names.contains(&topic) {
            reader.error(Some(origin), format!("`kafka.topics` names `{topic}` twice"), "name it once");
        } else {
            names.push(topic);
        }
    }
    names
}

/// Values are texts for librdkafka. They may be secrets, so no message repeats one.
fn librdkafka(reader: &mut SettingsReader<'_>) -> LibrdkafkaSettings {
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
