//! `[index]` and `[index.opensearch]`.

use std::time::Duration;

use crate::error::shown;
use crate::keys::{RETENTION_RULE_KEYS, RETENTION_RULES};
use crate::raw::{Located, RawValue, toml_value};
use crate::reader::{Complaint, SettingsReader};
use crate::settings::{
    IndexConfig, IndexEngine, OpenSearchConfig, OpenSearchCredentials, RetentionOf, RetentionRule,
};

use super::formats::web_url;

const RETENTION_MIN: Duration = Duration::from_secs(60 * 60);
const RETENTION_MAX: Duration = Duration::from_secs(36_500 * 24 * 60 * 60);

pub(super) fn index(reader: &mut SettingsReader<'_>) -> IndexConfig {
    let default = IndexConfig::default();
    let opensearch =
        reader.choice("index.engine", &[("tantivy", false), ("opensearch", true)]).unwrap_or(false);
    // Read whichever engine is chosen, so that mistakes are found before the switch.
    let settings = OpenSearchConfig {
        urls: reader.list("index.opensearch.urls").map(|urls| web_urls(reader, urls)).unwrap_or_default(),
        index_prefix: reader
            .parsed("index.opensearch.index_prefix", index_name)
            .unwrap_or_else(|| "hearken".to_owned()),
        credentials: credentials(reader),
        ca_file: reader.path("index.opensearch.ca_file"),
        shards: reader.number("index.opensearch.shards", 1, 1_024).unwrap_or(1),
        replicas: reader.number("index.opensearch.replicas", 0, 10).unwrap_or(1),
        refresh_interval: reader
            .duration(
                "index.opensearch.refresh_interval",
                Duration::from_millis(100),
                Duration::from_secs(60),
            )
            .unwrap_or(Duration::from_secs(1)),
    };
    if opensearch && settings.urls.is_empty() {
        reader.required("index.opensearch.urls", None::<()>, "urls = [\"https://localhost:9200\"]");
    }
    if opensearch && !reader.has_section("kafka") {
        let problem = "`index.engine` is \"opensearch\" and there is no [kafka]";
        let help = "say in [kafka] where the brokers are: events reach the processes of a cluster through it";
        reader.error_at("index.engine", problem, help);
    }
    IndexConfig {
        engine: if opensearch { IndexEngine::OpenSearch(settings) } else { IndexEngine::Tantivy },
        path: reader.path("index.path").unwrap_or(default.path),
        retention: reader.duration("index.retention", RETENTION_MIN, RETENTION_MAX),
        retention_rules: retention_rules(reader),
    }
}

fn retention_rules(reader: &mut SettingsReader<'_>) -> Vec<RetentionRule> {
    let Some(located) = reader.raw.values.get(RETENTION_RULES) else { return Vec::new() };
    let from_variable;
    let entries = match &located.value {
        RawValue::Array(entries) => entries,
        RawValue::Variable(text) => match toml_value(text.trim(), &located.origin) {
            Some(RawValue::Array(entries)) => {
                from_variable = entries;
                &from_variable
            }
            _ => return not_a_list(reader),
        },
        _ => return not_a_list(reader),
    };
    let entries = entries.clone();
    entries.iter().filter_map(|entry| retention_rule(reader, entry)).collect()
}

fn not_a_list(reader: &mut SettingsReader<'_>) -> Vec<RetentionRule> {
    let problem = format!("`{RETENTION_RULES}` is not a list of tables");
    reader.error_at(RETENTION_RULES, problem, "write [[index.retention_rules]] above each");
    Vec::new()
}

fn retention_rule(reader: &mut SettingsReader<'_>, entry: &Located<RawValue>) -> Option<RetentionRule> {
    let RawValue::Table(fields) = &entry.value else {
        not_a_list(reader);
        return None;
    };
    for (name, _) in fields.iter().filter(|(name, _)| !RETENTION_RULE_KEYS.contains(&name.value.as_str())) {
        let problem = format!("unknown key `{RETENTION_RULES}.{}`", shown(&name.value));
        let help = format!("use one of {}", RETENTION_RULE_KEYS.join(", "));
        reader.error(Some(name.origin.clone()), problem, help);
    }
    let field = |name: &str| fields.iter().find(|(key, _)| key.value == name).map(|(_, value)| value);
    let mut name_of = |name: &str| {
        let value = field(name)?;
        reader.parse_located(&format!("{RETENTION_RULES}.{name}"), value, |text| Ok(text.to_owned()))
    };
    let of = match (name_of("organization"), name_of("agent")) {
        (Some(organization), None) => Some(RetentionOf::Organization(organization)),
        (None, Some(agent)) => Some(RetentionOf::Agent(agent)),
        _ => {
            let problem =
                format!("an entry of `{RETENTION_RULES}` names not just one of organization and agent");
            reader.error(Some(entry.origin.clone()), problem, "name one; write another entry for the other");
            None
        }
    };
    let Some(retention) = field("retention") else {
        let problem = format!("an entry of `{RETENTION_RULES}` has no `retention`");
        reader.error(Some(entry.origin.clone()), problem, "add `retention`, such as \"90d\"");
        return None;
    };
    let key = format!("{RETENTION_RULES}.retention");
    let retention = reader.duration_of(&key, retention, RETENTION_MIN, RETENTION_MAX)?;
    Some(RetentionRule { of: of?, retention })
}

fn web_urls(reader: &mut SettingsReader<'_>, urls: Vec<Located<String>>) -> Vec<String> {
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

/// What OpenSearch lets the name of an index begin with; patterns and lists of names are not.
fn index_name(text: &str) -> Result<String, Complaint> {
    let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    match text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.len() <= 100
        && text.chars().all(is_allowed)
    {
        true => Ok(text.to_owned()),
        false => Err((
            "what the name of an index may begin with".to_owned(),
            "write lower-case letters, digits, - and _, beginning with a letter".to_owned(),
        )),
    }
}

fn credentials(reader: &mut SettingsReader<'_>) -> Option<OpenSearchCredentials> {
    let username = reader.text("index.opensearch.username");
    let password_file = reader.path("index.opensearch.password_file");
    let api_key_file = reader.path("index.opensearch.api_key_file");
    if api_key_file.is_some() && (username.is_some() || password_file.is_some()) {
        let problem = "`index.opensearch` has an `api_key_file` and a user";
        reader.error_at("index.opensearch.api_key_file", problem, "leave one of them out");
        return None;
    }
    match (username, password_file) {
        (Some(username), Some(password_file)) => {
            Some(OpenSearchCredentials::Password { username, password_file })
        }
        (None, None) => api_key_file.map(OpenSearchCredentials::ApiKey),
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
