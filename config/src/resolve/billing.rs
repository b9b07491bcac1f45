//! `[billing]` and `[[billing.prices]]`.

use std::time::Duration;

use hearken_billing::{BillingSettings, MinuteRounding, ModelPrice, OwnPrice};

use crate::error::shown;
use crate::keys::{self, PRICE_KEYS, PRICES};
use crate::raw::{Located, RawValue, toml_value};
use crate::reader::{Complaint, SettingsReader, parse_amount};

use super::DAY;
use super::formats::{currency, date};

pub(super) fn billing(reader: &mut SettingsReader<'_>) -> BillingSettings {
    let default = BillingSettings::default();
    let rounding =
        [("up", MinuteRounding::Up), ("nearest", MinuteRounding::Nearest), ("down", MinuteRounding::Down)];
    BillingSettings {
        currency: reader.parsed("billing.currency", currency).unwrap_or(default.currency),
        free_welcome: reader.boolean("billing.free_welcome").unwrap_or(default.free_welcome),
        free_without_user_message: reader
            .boolean("billing.free_without_user_message")
            .unwrap_or(default.free_without_user_message),
        free_call_under: reader
            .duration("billing.free_call_under", Duration::ZERO, DAY)
            .unwrap_or(default.free_call_under),
        minute_rounding: reader
            .choice("billing.minute_rounding", &rounding)
            .unwrap_or(default.minute_rounding),
        price_per_message: reader.amount("billing.price_per_message"),
        price_per_minute: reader.amount("billing.price_per_minute"),
        prices: prices(reader),
    }
}

fn prices(reader: &mut SettingsReader<'_>) -> Vec<OwnPrice> {
    let Some(located) = reader.raw.values.get(PRICES) else { return Vec::new() };
    let from_variable = match &located.value {
        RawValue::Variable(text) => toml_value(text.trim(), &located.origin),
        _ => None,
    };
    let Some(RawValue::Array(entries)) = from_variable.as_ref().or(Some(&located.value)) else {
        let help = "write `[[billing.prices]]` tables, or [{ model = \"…\", … }] in a variable";
        reader.error_at(PRICES, format!("`{PRICES}` is not a list of tables"), help);
        return Vec::new();
    };
    let mut prices: Vec<OwnPrice> = Vec::with_capacity(entries.len());
    for entry in entries {
        let Some(price) = price(reader, entry) else { continue };
        let same =
            |other: &OwnPrice| (&other.model, other.effective_from) == (&price.model, price.effective_from);
        if prices.iter().any(same) {
            let problem =
                format!("`{PRICES}` has two prices for `{}` from the same day", shown(&price.model));
            reader.error(Some(entry.origin.clone()), problem, "give the newer one its `effective_from`");
        }
        prices.push(price);
    }
    prices
}

fn price(reader: &mut SettingsReader<'_>, entry: &Located<RawValue>) -> Option<OwnPrice> {
    let RawValue::Table(fields) = &entry.value else {
        reader.error(
            Some(entry.origin.clone()),
            format!("`{PRICES}` has an entry that is not a table"),
            "write { model = \"…\", … }",
        );
        return None;
    };
    for (name, _) in fields.iter().filter(|(name, _)| !PRICE_KEYS.contains(&name.value.as_str())) {
        let problem = format!("unknown key `{PRICES}.{}`", shown(&name.value));
        let help = format!("the nearest known key is `{PRICES}.{}`", keys::nearest_price_key(&name.value));
        reader.error(Some(name.origin.clone()), problem, help);
    }
    let model = required_field(reader, entry, fields, "model", |text| Ok(text.to_owned()));
    let input = required_field(reader, entry, fields, "input_per_million", parse_amount);
    let output = required_field(reader, entry, fields, "output_per_million", parse_amount);
    Some(OwnPrice {
        effective_from: field(reader, fields, "effective_from", date),
        model: model?,
        price: ModelPrice {
            cached_input_per_million: field(reader, fields, "cached_input_per_million", parse_amount),
            input_per_million: input?,
            output_per_million: output?,
        },
    })
}

type Fields = [(Located<String>, Located<RawValue>)];

fn field<T>(
    reader: &mut SettingsReader<'_>,
    fields: &Fields,
    name: &str,
    parse: impl Fn(&str) -> Result<T, Complaint>,
) -> Option<T> {
    let (_, located) = fields.iter().find(|(key, _)| key.value == name)?;
    // TOML has dates of its own; both spellings mean the same.
    let as_text = match &located.value {
        RawValue::Datetime(text) => {
            Located { value: RawValue::String(text.clone()), origin: located.origin.clone() }
        }
        _ => located.clone(),
    };
    reader.parse_located(&format!("{PRICES}.{name}"), &as_text, parse)
}

fn required_field<T>(
    reader: &mut SettingsReader<'_>,
    entry: &Located<RawValue>,
    fields: &Fields,
    name: &str,
    parse: impl Fn(&str) -> Result<T, Complaint>,
) -> Option<T> {
    if !fields.iter().any(|(key, _)| key.value == name) {
        let problem = format!("an entry of `{PRICES}` has no `{name}`");
        reader.error(Some(entry.origin.clone()), problem, format!("add `{name}`"));
        return None;
    }
    field(reader, fields, name, parse)
}
