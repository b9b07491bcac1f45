//! How LiteLLM's public table is read. The check of the built-in table (`tests/public_table.rs`) reads it the same way
//! and computes for itself what must come of it.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use hearken_model::Money;
use serde::Deserialize;
use serde_json::value::RawValue;

const MODES: [&str; 3] = ["chat", "completion", "responses"];

/// What is read of a model. Prices keep their digits: a float would not.
#[derive(Deserialize)]
pub(crate) struct Listed<'a> {
    mode: Option<String>,
    #[serde(borrow)]
    input_cost_per_token: Option<&'a RawValue>,
    #[serde(borrow)]
    cache_read_input_token_cost: Option<&'a RawValue>,
    #[serde(borrow)]
    output_cost_per_token: Option<&'a RawValue>,
}

/// Prices of one token.
pub(crate) struct PerToken {
    pub(crate) input: Money,
    /// `None`: as `input`.
    pub(crate) cached_input: Option<Money>,
    pub(crate) output: Money,
}

/// The table's JSON, plain or `.zst`.
pub(crate) fn open(path: &Path) -> std::io::Result<String> {
    let mut json = String::new();
    let file = std::fs::File::open(path)?;
    match path.extension().is_some_and(|extension| extension == "zst") {
        true => zstd::Decoder::new(file)?.read_to_string(&mut json)?,
        false => std::io::BufReader::new(file).read_to_string(&mut json)?,
    };
    Ok(json)
}

/// Every language model of the table by name, with its prices; `None` where it cannot be priced by the token: it costs
/// 0 (which there means free, local or unknown alike), or is priced by the second or the request.
pub(crate) fn language_models(json: &str) -> Result<BTreeMap<&str, Option<PerToken>>, String> {
    let listed: BTreeMap<&str, &RawValue> = serde_json::from_str(json).map_err(|error| error.to_string())?;
    let mut models = BTreeMap::new();
    for (model, entry) in listed {
        let entry: Listed<'_> =
            serde_json::from_str(entry.get()).map_err(|error| format!("{model}: {error}"))?;
        // `sample_spec` documents the format; its mode is a sentence.
        if entry.mode.as_deref().is_some_and(|mode| MODES.contains(&mode)) {
            models.insert(model, entry.per_token().map_err(|error| format!("{model}: {error}"))?);
        }
    }
    Ok(models)
}

impl Listed<'_> {
    fn per_token(&self) -> Result<Option<PerToken>, String> {
        let (Some(input), Some(output)) = (self.input_cost_per_token, self.output_cost_per_token) else {
            return Ok(None);
        };
        let (input, output) = (price(input)?, price(output)?);
        if input.is_zero() && output.is_zero() {
            return Ok(None);
        }
        let cached_input = self.cache_read_input_token_cost.map(price).transpose()?;
        Ok(Some(PerToken { input, cached_input, output }))
    }
}

fn price(number: &RawValue) -> Result<Money, String> {
    let text = number.get();
    let price = Money::from_str_exact(text).or_else(|_| Money::from_scientific(text));
    match price {
        Ok(price) if !price.is_sign_negative() => Ok(price),
        _ => Err(format!("a price of {text}")),
    }
}
