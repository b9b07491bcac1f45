//! The table of every known key, and the nearest one to a wrong name.

/// Every key, by its dotted path. `sample.toml` explains each; a test holds the two together.
pub(crate) const KEYS: &[&str] = &[
    "kafka.bootstrap_servers",
    "kafka.topics",
    "kafka.group_id",
    "kafka.dead_letter_topic",
    LIBRDKAFKA,
    "ingest.idle_timeout",
    "ingest.refresh_interval",
    "ingest.flush_interval",
    "ingest.live_mebibytes",
    "index.engine",
    "index.path",
    "index.retention",
    RETENTION_RULES,
    "index.opensearch.urls",
    "index.opensearch.index_prefix",
    "index.opensearch.username",
    "index.opensearch.password_file",
    "index.opensearch.api_key_file",
    "index.opensearch.ca_file",
    "index.opensearch.shards",
    "index.opensearch.replicas",
    "index.opensearch.refresh_interval",
    "geoip.database",
    "analysis.engine",
    "analysis.taxonomy_file",
    "analysis.openai.url",
    "analysis.openai.model",
    "analysis.openai.api_key_file",
    "analysis.openai.api_key_env",
    "analysis.openai.timeout",
    "analysis.openai.retries",
    "analysis.openai.concurrency",
    "analysis.openai.rest_after",
    "analysis.openai.excerpt_bytes",
    "analysis.openai.budget_per_day",
    "billing.currency",
    "billing.free_welcome",
    "billing.free_without_user_message",
    "billing.free_call_under",
    "billing.minute_rounding",
    "billing.price_per_message",
    "billing.price_per_minute",
    PRICES,
    "http.listen",
    "http.keys_file",
    "http.ingest",
    "http.events_per_second",
    "http.metrics_listen",
    "http.audit_log",
    "http.allowed_hosts",
    "http.recording_hosts",
    "http.trusted_proxies",
    "http.tls.certificate",
    "http.tls.key",
    "http.sign_on.user_header",
    "http.sign_on.organizations_header",
    "http.sign_on.permissions",
    "http.webhooks.elevenlabs_secret_file",
    "http.webhooks.vapi_secret_file",
    "http.webhooks.retell_secret_file",
    "privacy.ip",
    "privacy.redact",
    "privacy.dead_letter_payload",
    "log.format",
    "log.level",
];

/// A table with keys of librdkafka's own, which are not ours to know.
pub(crate) const LIBRDKAFKA: &str = "kafka.librdkafka";
/// A list of tables.
pub(crate) const PRICES: &str = "billing.prices";
/// A list of tables.
pub(crate) const RETENTION_RULES: &str = "index.retention_rules";
/// The keys of one entry of [`RETENTION_RULES`].
pub(crate) const RETENTION_RULE_KEYS: &[&str] = &["organization", "agent", "retention"];
/// The keys of one entry of [`PRICES`].
pub(crate) const PRICE_KEYS: &[&str] =
    &["model", "effective_from", "input_per_million", "cached_input_per_million", "output_per_million"];

/// What a dotted path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PathKind {
    /// A setting.
    Key,
    /// A table of settings, such as `index.opensearch`.
    Section,
    /// Nothing that we know.
    Unknown,
}

pub(crate) fn known(path: &str) -> PathKind {
    let inside = |key: &&str| key.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'));
    match path {
        _ if KEYS.contains(&path) => PathKind::Key,
        _ if KEYS.iter().any(inside) => PathKind::Section,
        _ => PathKind::Unknown,
    }
}

/// The known key or section nearest to a wrong one.
pub(crate) fn nearest(path: &str) -> &'static str {
    // Nobody mistypes a key into a longer one than this; the bound keeps hostile input cheap.
    let path: String = path.chars().take(100).collect();
    let last = |path: &str| path.rsplit('.').next().map(str::to_owned);
    // A typing error is nearer than the wrong section, the wrong section nearer than two typing errors.
    let same_name = |candidate: &str| if last(candidate) == last(&path) { 2 } else { usize::MAX };
    let distance = |candidate: &&str| same_name(candidate).min(strsim::osa_distance(candidate, &path));
    let sections = KEYS.iter().flat_map(|key| key.match_indices('.').map(|(dot, _)| &key[..dot]));
    KEYS.iter().copied().chain(sections).min_by_key(distance).expect("the table is not empty")
}

/// The key of a price entry nearest to a wrong one.
pub(crate) fn nearest_price_key(name: &str) -> &'static str {
    let name: String = name.chars().take(100).collect();
    let nearest = PRICE_KEYS.iter().min_by_key(|key| strsim::osa_distance(key, &name));
    nearest.expect("the table is not empty")
}

/// The environment variable of a key: `http.listen` is `HEARKEN_HTTP__LISTEN`.
pub(crate) fn variable(path: &str) -> String {
    format!("HEARKEN_{}", path.replace('.', "__").to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_key_is_found_through_typing_errors_and_wrong_sections() {
        assert_eq!(nearest("kafka.topcis"), "kafka.topics");
        assert_eq!(nearest("http.refresh_interval"), "ingest.refresh_interval");
        assert_eq!(nearest("kafak"), "kafka");
        assert_eq!(nearest("listen"), "http.listen");
        assert_eq!(nearest("index.opensearch.url"), "index.opensearch.urls");
        assert_eq!(nearest_price_key("input_per_milion"), "input_per_million");
    }

    #[test]
    fn sections_and_keys_are_told_apart() {
        assert_eq!(known("index.opensearch"), PathKind::Section);
        assert_eq!(known("index.engine"), PathKind::Key);
        assert_eq!(known("index.open"), PathKind::Unknown);
        assert_eq!(known(""), PathKind::Unknown);
    }
}
