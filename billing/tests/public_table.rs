//! The built-in table says what the public one says, digit by digit.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hearken_billing::{Billing, BillingSettings};
use hearken_model::{Money, Timestamp, Usage};
use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Listed<'a> {
    mode: Option<String>,
    #[serde(borrow)]
    input_cost_per_token: Option<&'a RawValue>,
    #[serde(borrow)]
    cache_read_input_token_cost: Option<&'a RawValue>,
    #[serde(borrow)]
    output_cost_per_token: Option<&'a RawValue>,
}

fn public_table() -> Option<String> {
    let data = std::env::var_os("HEARKEN_TEST_DATA").map(PathBuf::from);
    let data = data.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"));
    let path = data.join("pricing/litellm_model_prices.json.zst");
    if !path.exists() {
        assert!(
            std::env::var("HEARKEN_REQUIRE_ENGINES").as_deref() != Ok("1"),
            "{} is required",
            path.display()
        );
        println!("skipped: {} is not here", path.display());
        return None;
    }
    let bytes = zstd::decode_all(std::fs::File::open(path).unwrap()).unwrap();
    Some(String::from_utf8(bytes).unwrap())
}

fn decimal(number: &RawValue) -> Money {
    Money::from_str_exact(number.get()).or_else(|_| Money::from_scientific(number.get())).unwrap()
}

#[test]
fn every_model_that_is_priced_by_the_token_costs_what_the_public_table_says() {
    let Some(json) = public_table() else { return };
    let listed: BTreeMap<&str, &RawValue> = serde_json::from_str(&json).unwrap();
    let billing = Billing::new(BillingSettings::default(), vec![]);
    let now = Timestamp::parse("2100-01-01T00:00:00Z").unwrap();
    let usage = Usage { input_tokens: 1_234_567, cached_input_tokens: 234_567, output_tokens: 98_765 };
    let (mut num_priced, mut num_unpriced) = (0, 0);
    for (model, entry) in listed.into_iter().filter(|(model, _)| *model != "sample_spec") {
        let entry: Listed<'_> = serde_json::from_str(entry.get()).unwrap();
        if !matches!(entry.mode.as_deref(), Some("chat" | "completion" | "responses")) {
            continue;
        }
        let price = |number: Option<&RawValue>| number.map(decimal);
        let (input, output) = (price(entry.input_cost_per_token), price(entry.output_cost_per_token));
        let cost = billing.price_usage(model, usage, now);
        let (Some(input), Some(output)) = (input, output) else {
            num_unpriced += 1;
            assert_eq!(cost, None, "{model} has no price by the token");
            continue;
        };
        if input.is_zero() && output.is_zero() {
            num_unpriced += 1;
            assert_eq!(cost, None, "{model} costs 0, which is not known to be free");
            continue;
        }
        num_priced += 1;
        let cached = price(entry.cache_read_input_token_cost).unwrap_or(input);
        let expected =
            input * Money::from(1_000_000) + cached * Money::from(234_567) + output * Money::from(98_765);
        // The public table's own binary noise, in the 16th digit, is all that may differ.
        let noise = expected * Money::new(1, 11);
        let cost = cost.unwrap_or_else(|| panic!("{model} has no price"));
        assert!((cost - expected).abs() <= noise, "{model}: {cost} is not {expected}");
    }
    println!("{num_priced} models priced, {num_unpriced} known to have no price by the token");
    assert!(num_priced > 3000);
}
