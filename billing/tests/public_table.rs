//! The built-in table says what the public one says, digit by digit.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::path::{Path, PathBuf};

use hearken_billing::{Billing, BillingSettings};
use hearken_model::{Money, Timestamp, Usage};

#[path = "../examples/update_prices/listed.rs"]
mod listed;

use listed::PerToken;

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
    Some(listed::open(&path).unwrap())
}

#[test]
fn every_model_that_is_priced_by_the_token_costs_what_the_public_table_says() {
    let Some(json) = public_table() else { return };
    let billing = Billing::new(BillingSettings::default());
    let now = Timestamp::parse("2100-01-01T00:00:00Z").unwrap();
    let usage = Usage { input_tokens: 1_234_567, cached_input_tokens: 234_567, output_tokens: 98_765 };
    let (mut num_priced, mut num_unpriced) = (0, 0);
    for (model, per_token) in listed::language_models(&json).unwrap() {
        let cost = billing.price_usage(model, usage, now);
        let Some(PerToken { input, cached_input, output }) = per_token else {
            num_unpriced += 1;
            assert_eq!(cost, None, "{model} has no price by the token");
            continue;
        };
        num_priced += 1;
        let cached = cached_input.unwrap_or(input);
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
