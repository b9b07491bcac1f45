//! Which parts of a model's name may be ignored to find its price: the provider before it and the date after it, in
//! the spellings of providers, gateways and clouds. Nothing else, so that no price is ever a guess.

use chrono::NaiveDate;

/// Programs that run models on the operator's own machines: without this prefix the name would find the price
/// of somebody who hosts the same model.
const LOCAL_PROVIDERS: &[&str] = &[
    "docker_model_runner",
    "hosted_vllm",
    "lemonade",
    "llamafile",
    "lm_studio",
    "localai",
    "ollama",
    "ollama_chat",
    "oobabooga",
    "vllm",
    "xinference",
];

/// Regions and vendors in names such as `us.anthropic.claude-…`. A list, because other names have dots too
/// (`gpt-3.5-turbo`).
const DOTTED_PROVIDERS: &[&str] = &[
    "ai21",
    "amazon",
    "anthropic",
    "ap",
    "apac",
    "au",
    "ca",
    "cohere",
    "deepseek",
    "eu",
    "global",
    "google",
    "jp",
    "meta",
    "minimax",
    "mistral",
    "moonshot",
    "moonshotai",
    "nvidia",
    "openai",
    "qwen",
    "sa",
    "twelvelabs",
    "uk",
    "us",
    "us-gov",
    "writer",
    "zai",
];

/// The names to look up for a model, best first: the full name, then with one provider prefix after another removed,
/// then each of these without its date.
pub(crate) fn candidates(name: &str) -> impl Iterator<Item = &str> {
    let undated = std::iter::successors(Some(name), |name| without_provider(name)).filter_map(without_date);
    std::iter::successors(Some(name), |name| without_provider(name)).chain(undated)
}

fn without_provider(name: &str) -> Option<&str> {
    if let Some((provider, rest)) = name.split_once('/') {
        return (!LOCAL_PROVIDERS.contains(&provider)).then_some(rest);
    }
    let (provider, rest) = name.split_once('.')?;
    DOTTED_PROVIDERS.contains(&provider).then_some(rest)
}

/// Without `-2024-08-06`, `-20240806` or `@20240806`, also where Bedrock's version follows (`-20240806-v1:0`).
pub(crate) fn without_date(name: &str) -> Option<&str> {
    cut_date(name).or_else(|| cut_date(without_version(name)?))
}

fn cut_date(name: &str) -> Option<&str> {
    let cut = |length: usize, starts: &[char], format: &str| {
        let (rest, date) = name.split_at_checked(name.len().checked_sub(length)?)?;
        let digits = date.strip_prefix(starts)?;
        // chrono alone would take `+024` for a year.
        let plain = digits.chars().all(|c| c.is_ascii_digit() || c == '-');
        (plain && !rest.is_empty() && NaiveDate::parse_from_str(digits, format).is_ok()).then_some(rest)
    };
    cut(11, &['-'], "%Y-%m-%d").or_else(|| cut(9, &['-', '@'], "%Y%m%d"))
}

fn without_version(name: &str) -> Option<&str> {
    let (rest, version) = name.rsplit_once("-v")?;
    version.chars().all(|c| c.is_ascii_digit() || c == ':').then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_go_first_and_dates_last() {
        let cases: [(&str, &[&str]); 9] = [
            ("gpt-4o", &["gpt-4o"]),
            (
                "openai/gpt-4o-2024-08-06",
                &["openai/gpt-4o-2024-08-06", "gpt-4o-2024-08-06", "openai/gpt-4o", "gpt-4o"],
            ),
            ("openrouter/openai/gpt-4o", &["openrouter/openai/gpt-4o", "openai/gpt-4o", "gpt-4o"]),
            ("claude-x@20240806", &["claude-x@20240806", "claude-x"]),
            ("claude-x-20240806", &["claude-x-20240806", "claude-x"]),
            (
                "us.anthropic.c-20240806-v1:0",
                &[
                    "us.anthropic.c-20240806-v1:0",
                    "anthropic.c-20240806-v1:0",
                    "c-20240806-v1:0",
                    "us.anthropic.c",
                    "anthropic.c",
                    "c",
                ],
            ),
            ("gpt-3.5-turbo-0125", &["gpt-3.5-turbo-0125"]),
            ("ollama/gpt-oss", &["ollama/gpt-oss"]),
            ("ft:gpt-4o-20241301", &["ft:gpt-4o-20241301"]),
        ];
        for (name, expected) in cases {
            assert_eq!(candidates(name).collect::<Vec<_>>(), expected, "{name}");
        }
    }

    #[test]
    fn odd_names_are_left_alone() {
        for name in ["", "/", ".", "-20240806", "é-2024-0é-06", "-v", "@", "x-+0240806", "日本-2024080"] {
            assert!(
                candidates(name).all(|candidate| name.ends_with(candidate) || name.starts_with(candidate))
            );
        }
        assert_eq!(without_date("-20240806"), None);
        assert_eq!(without_date("x-+0240806"), None);
    }
}
