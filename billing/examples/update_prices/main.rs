//! Brings `prices/litellm.tsv` up to date from LiteLLM's public table of model prices.
//!
//! ```sh
//! cargo run -p hearken-billing --example update_prices -- 2026-11-22 model_prices.json[.zst]
//! ```
//!
//! The day is the first on which changed prices count. The file only grows: what it says of earlier days stays,
//! also for models that have left the public table; a model whose price differs from its newest row gets a row
//! with the day. Models that cannot be priced by the token get `-`, so that their name is known and does not
//! take the price of another: those that cost 0 (which there means free, local or unknown alike), and those
//! priced by the second or the request.
#![allow(clippy::print_stdout)] // a tool for developers, whose output is its result

mod listed;

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use chrono::NaiveDate;
use rust_decimal::Decimal;

use listed::PerToken;

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/prices/litellm.tsv");
const HEADER: &str = "\
# Prices of language models in US dollars per million tokens. Made by `cargo run -p hearken-billing --example
# update_prices`, which only adds rows; do not edit. From LiteLLM's model_prices_and_context_window.json,
# Copyright (c) 2023 Berri AI, MIT License: see NOTICE beside this file.
# model, first day seen, input, cached input (empty: as input), output; `-`: no price by the token
";
/// More digits than this are what binary fractions leave behind (1.0000000000000001e-07).
const SIGNIFICANT_DIGITS: u32 = 12;

/// A model's rows: first day → the rest of the line.
type Rows = BTreeMap<NaiveDate, String>;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [day, source] = &arguments[..] else { return Err("usage: update_prices YYYY-MM-DD FILE".into()) };
    let json = listed::open(Path::new(source))?;
    let old = match std::fs::read_to_string(TABLE) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        old => old?,
    };
    let new = update(&old, &json, day.parse()?)?;
    println!("{} rows before, {} now", rows(&old), rows(&new));
    std::fs::write(TABLE, new)?;
    Ok(())
}

fn rows(table: &str) -> usize {
    table.lines().filter(|line| !line.starts_with('#')).count()
}

/// The old table and what the public one says from `day` on.
fn update(old: &str, json: &str, day: NaiveDate) -> Result<String, Box<dyn Error>> {
    let mut table: BTreeMap<&str, Rows> = BTreeMap::new();
    for line in old.lines().filter(|line| !line.starts_with('#')) {
        let (model, rest) = line.split_once('\t').ok_or("a row without a day")?;
        let (from, price) = rest.split_once('\t').ok_or("a row without a price")?;
        table.entry(model).or_default().insert(from.parse()?, price.to_owned());
    }
    for (model, per_token) in listed::language_models(json)? {
        let price = price(per_token).map_err(|e| format!("{model}: {e}"))?;
        let rows = table.entry(model).or_default();
        match rows.last_key_value() {
            Some((_, newest)) if *newest == price => {}
            Some((from, _)) if *from >= day => {
                return Err(
                    format!("{model} has a row from {from}; rows are only added, take a later day").into()
                );
            }
            _ => {
                rows.insert(day, price);
            }
        }
    }
    let lines = table.iter().flat_map(|(model, rows)| {
        rows.iter().map(move |(from, price)| format!("{model}\t{from}\t{price}\n"))
    });
    Ok(HEADER.to_owned() + &lines.collect::<String>())
}

/// `input<TAB>cached<TAB>output`, or `-`.
fn price(per_token: Option<PerToken>) -> Result<String, &'static str> {
    let Some(PerToken { input, cached_input, output }) = per_token else { return Ok("-".to_owned()) };
    let cached = cached_input.map(per_million).transpose()?;
    let cached = cached.map(|cached| cached.to_string()).unwrap_or_default();
    Ok(format!("{}\t{cached}\t{}", per_million(input)?, per_million(output)?))
}

fn per_million(per_token: Decimal) -> Result<Decimal, &'static str> {
    let per_million = per_token.checked_mul(Decimal::from(1_000_000)).ok_or("a price beyond all bounds")?;
    let rounded = per_million.round_sf(SIGNIFICANT_DIGITS).ok_or("a price beyond all bounds")?;
    Ok(rounded.normalize())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn updated(old: &str, json: &str, day: &str) -> Result<Vec<String>, String> {
        let new = update(old, json, day.parse().unwrap()).map_err(|error| error.to_string())?;
        Ok(new.lines().filter(|line| !line.starts_with('#')).map(|line| line.replace('\t', " ")).collect())
    }

    #[test]
    fn prices_keep_their_digits_and_lose_binary_noise() {
        let json = r#"{"m": {"mode": "chat", "input_cost_per_token": 1.0000000000000001e-07,
            "cache_read_input_token_cost": 7.5e-08, "output_cost_per_token": 0.0000021},
            "sample_spec": {"mode": "one of: chat"}, "e": {"mode": "embedding", "input_cost_per_token": 1}}"#;
        assert_eq!(updated("", json, "2026-01-01").unwrap(), ["m 2026-01-01 0.1 0.075 2.1"]);
    }

    #[test]
    fn what_has_no_price_by_the_token_is_kept_as_such() {
        let json = r#"{"free": {"mode": "chat", "input_cost_per_token": 0.0, "output_cost_per_token": 0},
            "timed": {"mode": "chat", "output_cost_per_second": 1}, "half": {"mode": "chat",
            "input_cost_per_token": null, "output_cost_per_token": 1e-6}}"#;
        let rows = ["free 2026-01-01 -", "half 2026-01-01 -", "timed 2026-01-01 -"];
        assert_eq!(updated("", json, "2026-01-01").unwrap(), rows);
    }

    #[test]
    fn rows_are_only_added() {
        let old = "gone\t2026-01-01\t1\t\t2\nkept\t2026-01-01\t1\t\t2\nnew\t2026-01-01\t1\t\t2\n";
        let json = r#"{"kept": {"mode": "chat", "input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6},
            "new": {"mode": "chat", "input_cost_per_token": 1e-6, "output_cost_per_token": 3e-6}}"#;
        let rows =
            ["gone 2026-01-01 1  2", "kept 2026-01-01 1  2", "new 2026-01-01 1  2", "new 2026-02-01 1  3"];
        assert_eq!(updated(old, json, "2026-02-01").unwrap(), rows);
        assert!(updated(old, json, "2026-01-01").unwrap_err().contains("take a later day"));
    }
}
