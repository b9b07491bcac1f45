//! No text and no variable makes loading panic.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use hearken_config::{Config, sample};
use proptest::prelude::*;

/// The sample with its examples switched on, so that every key is in it.
fn full_sample() -> String {
    let on = |line: &str| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with(|c: char| c == '[' || c.is_ascii_lowercase()) => rest.to_owned(),
        _ => line.to_owned(),
    };
    sample().lines().map(on).collect::<Vec<_>>().join("\n")
}

fn any_value() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,20}",
        Just("[".to_owned()),
        Just("[{ model = 1 }]".to_owned()),
        Just("{ a = { b = [1, 2] } }".to_owned()),
        Just("99999999999999999999999999999999999999y".to_owned()),
        Just("1e-999999999999".to_owned()),
        Just("0xffffffffffffffffffffffffffffffffffffffff".to_owned()),
        Just("-inf".to_owned()),
        Just("2026-13-99".to_owned()),
        Just("'''\u{0}é".to_owned()),
    ]
}

fn any_variable() -> impl Strategy<Value = (String, String)> {
    let known = prop::sample::select(vec![
        "KAFKA__TOPICS",
        "KAFKA__BOOTSTRAP_SERVERS",
        "KAFKA__LIBRDKAFKA__A_B",
        "KAFKA__LIBRDKAFKA__",
        "KAFKA__LIBRDKAFKA",
        "INGEST__IDLE_TIMEOUT",
        "BILLING__PRICES",
        "BILLING__PRICE_PER_MINUTE",
        "GEOIP__DATABASE",
        "HTTP__LISTEN",
        "ANALYSIS__OPENAI__URL",
        "LOG__LEVEL",
    ]);
    let name = prop_oneof![known.prop_map(str::to_owned), "[A-Z_é]{0,12}"];
    (name.prop_map(|name| format!("HEARKEN_{name}")), any_value())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn arbitrary_text_gives_settings_or_errors(text in "\\PC{0,200}", variables in prop::collection::vec(any_variable(), 0..4)) {
        let _ = Config::load(Some((Path::new("f"), &text)), variables);
    }

    #[test]
    fn a_damaged_sample_gives_settings_or_errors(at in 0usize..8000, length in 0usize..200, insert in any_value()) {
        let text: Vec<char> = full_sample().chars().collect();
        let at = at.min(text.len());
        let end = (at + length).min(text.len());
        let damaged: String = text[..at].iter().copied().chain(insert.chars()).chain(text[end..].iter().copied()).collect();
        if let Err(errors) = Config::load(Some((Path::new("f"), &damaged)), []) {
            prop_assert!(errors.iter().count() > 0);
            prop_assert!(!errors.to_string().is_empty());
        }
    }
}

#[test]
fn deep_nesting_is_an_error_and_not_a_stack_overflow() {
    let deep = format!("x = {}", "[".repeat(100_000));
    assert!(Config::load(Some((Path::new("f"), &deep)), []).is_err());
    let variables = [("HEARKEN_BILLING__PRICES".to_owned(), "[".repeat(100_000))];
    assert!(Config::load(None, variables).is_err());
}
