//! `[analysis]` and `[analysis.openai]`.

use std::time::Duration;

use rust_decimal::Decimal;

use crate::Secret;
use crate::reader::SettingsReader;
use crate::settings::{AnalysisConfig, AnalysisEngine, ApiKey, OpenAiConfig};

use super::formats::web_url;
use super::{DAY, MINUTE, SECOND};

pub(super) fn analysis(reader: &mut SettingsReader<'_>) -> AnalysisConfig {
    let openai = reader.choice("analysis.engine", &[("built-in", false), ("openai", true)]).unwrap_or(false);
    let model = reader.text("analysis.openai.model");
    let settings = OpenAiConfig {
        url: openai_url(reader).unwrap_or_else(|| "https://api.openai.com/v1".to_owned()),
        model: model.clone().unwrap_or_default(),
        api_key: api_key(reader),
        timeout: reader.duration("analysis.openai.timeout", SECOND, 10 * MINUTE).unwrap_or(30 * SECOND),
        retries: reader.number("analysis.openai.retries", 0, 10).unwrap_or(3),
        concurrency: reader.number("analysis.openai.concurrency", 1, 256).unwrap_or(4),
        rest_after: reader
            .duration("analysis.openai.rest_after", Duration::from_millis(1), 30 * DAY)
            .unwrap_or(10 * MINUTE),
        excerpt_bytes: reader.number("analysis.openai.excerpt_bytes", 1_000, 1_000_000).unwrap_or(32_000),
        budget_per_day: reader.amount("analysis.openai.budget_per_day").unwrap_or(Decimal::TEN),
    };
    if openai {
        reader.required(
            "analysis.openai.model",
            model,
            "model = \"gpt-5-mini\", or the name your server gives it",
        );
        if !reader.has_section("kafka") {
            reader.error_at(
                "analysis.engine",
                "`analysis.engine` is `openai`, and there is no `[kafka]`, where its answers are kept as events",
                "add `[kafka]`, or use \"built-in\"",
            );
        }
    }
    AnalysisConfig {
        engine: if openai { AnalysisEngine::OpenAi(settings) } else { AnalysisEngine::BuiltIn },
        taxonomy_file: reader.path("analysis.taxonomy_file"),
    }
}

fn openai_url(reader: &mut SettingsReader<'_>) -> Option<String> {
    let key = "analysis.openai.url";
    let text = reader.text(key)?;
    // Without the text, which may hold a password.
    web_url(&text).map_err(|(not, help)| reader.error_at(key, format!("`{key}` is not {not}"), help)).ok()
}

fn api_key(reader: &mut SettingsReader<'_>) -> Option<ApiKey> {
    let env_key = "analysis.openai.api_key_env";
    let file = reader.path("analysis.openai.api_key_file");
    let Some(name) = reader.text(env_key) else { return file.map(ApiKey::File) };
    if file.is_some() {
        let problem = "`api_key_env` and `api_key_file` are both set";
        reader.error_at(env_key, problem, "keep one of them");
    }
    match reader.raw.variables.get(&name).map(|value| value.trim()) {
        Some(value) if !value.is_empty() => Some(ApiKey::Value(Secret::new(value))),
        // Without the text: someone who pastes the key itself here must not find it in a log.
        _ => {
            let problem = format!("`{env_key}` names an environment variable that is not set");
            reader.error_at(env_key, problem, "set that variable, or use `api_key_file`");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::path::Path;

    use super::*;
    use crate::ConfigErrors;
    use crate::raw::RawConfig;

    /// Reads the section alone.
    fn read(more: &str, variables: &[(&str, &str)]) -> Result<OpenAiConfig, ConfigErrors> {
        let text = "[kafka]\n[analysis]\nengine = 'openai'\n[analysis.openai]\nmodel = 'm'\nurl = 'http://localhost:1/v1/'\n";
        let text = format!("{text}{more}");
        let variables = variables.iter().map(|(name, value)| (name.to_string(), value.to_string()));
        let raw = RawConfig::read(Some((Path::new("f"), &text)), variables).unwrap();
        let mut reader = SettingsReader::new(&raw);
        let config = analysis(&mut reader);
        match reader.finish(config)?.engine {
            AnalysisEngine::OpenAi(openai) => Ok(openai),
            AnalysisEngine::BuiltIn => panic!("openai was chosen"),
        }
    }

    #[test]
    fn an_api_key_comes_from_the_variable_that_is_named_or_from_a_file() {
        assert_eq!(read("", &[]).unwrap().api_key, None);
        assert_eq!(read("", &[]).unwrap().url, "http://localhost:1/v1");
        assert_eq!(read("api_key_file = 'f'", &[]).unwrap().api_key, Some(ApiKey::File("f".into())));
        let named = read("api_key_env = 'MY_KEY'", &[("MY_KEY", "sk-1\n")]).unwrap();
        assert_eq!(named.api_key, Some(ApiKey::Value(Secret::new("sk-1"))));
        assert!(!format!("{named:?}").contains("sk-1"));
        let both = read("api_key_env = 'K'\napi_key_file = 'f'", &[("K", "v")]).unwrap_err();
        assert!(both.to_string().contains("both set"), "{both}");
    }
}
