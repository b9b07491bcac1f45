//! The commented sample file that is the manual.

/// Every key with its meaning and its default, as TOML that loads and changes nothing. Keys without a default
/// are commented out with an example (`#key = …`).
pub fn sample() -> &'static str {
    include_str!("sample.toml")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::path::Path;

    use super::*;
    use crate::keys::{KEYS, PRICE_KEYS};
    use crate::{AnalysisEngine, Config, IngestConfig, LibrdkafkaSettings};

    /// The sample with its examples switched on; `without` are lines to leave out.
    fn with_examples(without: &[&str]) -> String {
        let on = |line: &str| match line.strip_prefix('#') {
            Some(rest) if rest.starts_with(|c: char| c == '[' || c.is_ascii_lowercase()) => rest.to_owned(),
            _ => line.to_owned(),
        };
        let kept = |line: &String| !without.iter().any(|start| line.starts_with(start));
        sample().lines().map(on).filter(kept).collect::<Vec<_>>().join("\n")
    }

    fn load(text: &str) -> Config {
        Config::load(Some((Path::new("sample.toml"), text)), []).unwrap_or_else(|errors| panic!("{errors}"))
    }

    #[test]
    fn the_sample_as_it_is_changes_nothing() {
        let config = Config::load(Some((Path::new("sample.toml"), sample())), []).unwrap();
        assert_eq!(config, Config::default());
    }

    #[test]
    fn the_sample_shows_every_default() {
        // A key that only has an example is switched off, so that switching it on is a decision.
        let spoken: IngestConfig =
            Config::load(Some((Path::new("sample.toml"), sample())), []).unwrap().ingest;
        assert_eq!(spoken, IngestConfig::default());
        for key in [
            "idle_timeout",
            "refresh_interval",
            "flush_interval",
            "live_mebibytes",
            "engine",
            "path",
            "listen",
            "ip",
            "redact",
            "level",
        ] {
            assert!(sample().lines().any(|line| line.starts_with(&format!("{key} = "))), "{key}");
        }
    }

    #[test]
    fn every_known_key_is_explained_in_its_section() {
        let mut section = String::new();
        let mut found = Vec::new();
        for line in with_examples(&[]).lines() {
            if let Some(name) = line.strip_prefix('[') {
                section = name.trim_matches(['[', ']']).to_owned();
                found.push(section.clone());
            } else if let Some((key, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
                found.push(format!("{section}.{key}"));
            }
        }
        let price_keys = PRICE_KEYS.iter().map(|key| format!("billing.prices.{key}"));
        for key in KEYS.iter().map(ToString::to_string).chain(price_keys) {
            assert!(found.contains(&key), "{key} is missing in sample.toml");
        }
    }

    #[test]
    fn the_examples_are_valid_and_those_with_a_default_show_it() {
        let text = with_examples(&["api_key_env", "api_key_file = \"/run/secrets/opensearch-key"])
            .replace("engine = \"built-in\"", "engine = \"openai\"");
        let config = load(&text);
        assert_eq!(config.http.keys_file.as_deref(), Some(Path::new("hearken-data/keys.toml")));

        let kafka = config.kafka.unwrap();
        let bare = Config::load(Some((Path::new("f"), "[kafka]\nbootstrap_servers = 'localhost:9092'")), [])
            .unwrap();
        assert_eq!(kafka.librdkafka.get("security.protocol"), Some("SASL_SSL"));
        assert_eq!(
            crate::KafkaConfig { librdkafka: LibrdkafkaSettings::default(), ..kafka },
            bare.kafka.unwrap()
        );

        let bare = "[kafka]\nbootstrap_servers = 'k:1'\n[analysis]\nengine = 'openai'\n[analysis.openai]\nmodel = 'gpt-5-mini'\napi_key_file = '/run/secrets/openai'";
        let bare = load(bare);
        assert!(matches!(bare.analysis.engine, AnalysisEngine::OpenAi(_)));
        assert_eq!(config.analysis.engine, bare.analysis.engine);
        assert_eq!(config.billing.prices.len(), 1);
        assert_eq!(config.geoip.unwrap().databases, [Path::new("city.mmdb")]);
    }
}
