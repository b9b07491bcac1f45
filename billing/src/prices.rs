//! Dated prices of models: the operator's own above a built-in table.

use std::collections::HashMap;
use std::sync::LazyLock;

use chrono::NaiveDate;
use hearken_model::{Money, Timestamp, Usage};
use rust_decimal::Decimal;

use crate::names;

/// The built-in table, in US dollars.
pub(crate) const BUILT_IN_CURRENCY: &str = "USD";

/// Makers whose prefix in the built-in table means their own API: a bare name of theirs means it too. Other
/// prefixes are hosts, and a bare name does not say which.
const MAKER_PREFIXES: &[&str] =
    &["deepseek/", "gemini/", "minimax/", "mistral/", "moonshot/", "xai/", "zai/"];

/// Prices per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ModelPrice {
    /// Input tokens that were not read from a cache.
    pub input_per_million: Money,
    /// Input tokens that were; `None` charges the input price.
    pub cached_input_per_million: Option<Money>,
    /// Output tokens.
    pub output_per_million: Money,
}

/// An operator's price of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnPrice {
    /// The model's name, matched like any other: `gpt-4o` also prices `openai/gpt-4o-2024-08-06`.
    pub model: String,
    /// First day (UTC) of this price; `None` means always. Before it, the built-in table applies.
    pub effective_from: Option<NaiveDate>,
    /// The price, in `billing.currency`.
    pub price: ModelPrice,
}

/// Sums of tokens, wide enough for any number of messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tokens {
    uncached_input: u128,
    cached_input: u128,
    output: u128,
}

impl Tokens {
    /// Cached tokens are part of the input tokens and counted once, see [`Usage::including_cached`].
    pub(crate) fn add(&mut self, usage: Usage) {
        let Usage { input_tokens, cached_input_tokens, .. } = usage.including_cached();
        self.uncached_input += u128::from(input_tokens.saturating_sub(cached_input_tokens));
        self.cached_input += u128::from(cached_input_tokens);
        self.output += u128::from(usage.output_tokens);
    }
}

impl ModelPrice {
    /// The exact cost; `None` when it is beyond what a decimal can hold (28 digits).
    pub(crate) fn cost(&self, tokens: Tokens) -> Option<Money> {
        let part = |tokens: u128, per_million: Money| {
            let millions = Decimal::try_from_i128_with_scale(i128::try_from(tokens).ok()?, 6).ok()?;
            millions.checked_mul(per_million)
        };
        let cached = self.cached_input_per_million.unwrap_or(self.input_per_million);
        let input = part(tokens.uncached_input, self.input_per_million)?;
        let input = input.checked_add(part(tokens.cached_input, cached)?)?;
        Some(input.checked_add(part(tokens.output, self.output_per_million)?)?.normalize())
    }
}

/// The prices of one model, by first day; `None` says that there is no price per token from then on.
type History = Vec<(NaiveDate, Option<ModelPrice>)>;

/// Prices by model name.
#[derive(Debug, Clone, Default)]
pub(crate) struct PriceTable {
    by_name: HashMap<String, History>,
    /// Names that are not in the table but can only mean one price; `None` where they could mean several.
    aliases: HashMap<String, Option<History>>,
}

static BUILT_IN: LazyLock<PriceTable> =
    LazyLock::new(|| PriceTable::parse(include_str!("../prices/litellm.tsv")));

/// All prices of a deployment.
#[derive(Debug, Clone)]
pub(crate) struct Prices {
    own: PriceTable,
    built_in: Option<&'static PriceTable>,
}

impl Prices {
    /// The built-in table applies only when estimates are in its currency: there are no exchange rates here.
    pub(crate) fn new(currency: &str, own: Vec<OwnPrice>) -> Self {
        let rows = own
            .into_iter()
            .map(|own| (own.model, own.effective_from.unwrap_or(NaiveDate::MIN), Some(own.price)));
        Prices { own: PriceTable::new(rows), built_in: (currency == BUILT_IN_CURRENCY).then(|| &*BUILT_IN) }
    }

    /// The price of a model at an instant; `None` when it is not known.
    pub(crate) fn find(&self, model: &str, at: Timestamp) -> Option<&ModelPrice> {
        let (model, day) = (model.trim(), at.to_datetime().date_naive());
        let own = names::candidates(model).find_map(|name| self.own.at(name, day));
        match own {
            Some(price) => price,
            None => self.built_in?.find(model, day),
        }
    }
}

impl PriceTable {
    fn new(rows: impl IntoIterator<Item = (String, NaiveDate, Option<ModelPrice>)>) -> Self {
        let mut by_name: HashMap<String, History> = HashMap::new();
        for (model, from, price) in rows {
            by_name.entry(model).or_default().push((from, price));
        }
        for history in by_name.values_mut() {
            history.sort_by_key(|(from, _)| *from);
        }
        PriceTable { by_name, aliases: HashMap::new() }
    }

    /// Reads the built-in table: tab-separated model, first day, input, cached input (may be empty) and output
    /// price per million, or `-` for no price per token. Unreadable rows are skipped; a test makes sure
    /// that there are none.
    ///
    /// The first day of a model's first row is when it was first seen, not when it took effect: that row has no start.
    fn parse(text: &str) -> Self {
        let mut table = PriceTable::new(text.lines().filter_map(parse_row));
        for history in table.by_name.values_mut() {
            if let Some((from, _)) = history.first_mut() {
                *from = NaiveDate::MIN;
            }
        }
        table.add_aliases();
        table
    }

    /// A maker's own name without its prefix, and without its date, where everything it could mean costs the same.
    fn add_aliases(&mut self) {
        for (name, history) in &self.by_name {
            let bare = match MAKER_PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix)) {
                Some(bare) => bare,
                None if name.contains('/') => continue,
                None => name,
            };
            for alias in [Some(bare), names::without_date(bare)].into_iter().flatten() {
                if self.by_name.contains_key(alias) {
                    continue;
                }
                self.aliases
                    .entry(alias.to_owned())
                    .and_modify(|known| {
                        if known.as_ref() != Some(history) {
                            *known = None;
                        }
                    })
                    .or_insert_with(|| Some(history.clone()));
            }
        }
    }

    /// The entry for exactly this name on a day: `None` if there is none, `Some(None)` if it is known to have no price.
    fn at(&self, name: &str, day: NaiveDate) -> Option<Option<&ModelPrice>> {
        at(self.by_name.get(name)?, day)
    }

    fn find(&self, model: &str, day: NaiveDate) -> Option<&ModelPrice> {
        let alias = |name| at(self.aliases.get(name)?.as_ref()?, day);
        let exact = names::candidates(model).find_map(|name| self.at(name, day));
        exact.or_else(|| names::candidates(model).find_map(alias)).flatten()
    }
}

/// The newest price in effect on a day.
fn at(history: &History, day: NaiveDate) -> Option<Option<&ModelPrice>> {
    history.iter().rev().find(|(from, _)| *from <= day).map(|(_, price)| price.as_ref())
}

fn parse_row(row: &str) -> Option<(String, NaiveDate, Option<ModelPrice>)> {
    if row.starts_with('#') {
        return None;
    }
    let columns: Vec<_> = row.split('\t').collect();
    let price = match columns[..] {
        [_, _, "-"] => None,
        [_, _, input, cached, output] => {
            let amount = |text: &str| Decimal::from_str_exact(text).ok();
            Some(ModelPrice {
                input_per_million: amount(input)?,
                cached_input_per_million: if cached.is_empty() { None } else { Some(amount(cached)?) },
                output_per_million: amount(output)?,
            })
        }
        _ => return None,
    };
    Some((columns[0].to_owned(), columns[1].parse().ok()?, price))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn table(rows: &[&str]) -> PriceTable {
        PriceTable::parse(&rows.iter().map(|row| row.replace(' ', "\t")).collect::<Vec<_>>().join("\n"))
    }

    fn input(table: &PriceTable, model: &str, day: &str) -> Option<String> {
        table.find(model, day.parse().unwrap()).map(|price| price.input_per_million.to_string())
    }

    #[test]
    fn every_row_of_the_built_in_table_is_read_and_no_price_is_negative_or_all_zero() {
        let rows =
            include_str!("../prices/litellm.tsv").lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(BUILT_IN.by_name.values().map(Vec::len).sum::<usize>(), rows);
        assert!(rows > 3000, "{rows}");
        for (_, price) in BUILT_IN.by_name.values().flatten() {
            let Some(price) = price else { continue };
            let all = [
                Some(price.input_per_million),
                price.cached_input_per_million,
                Some(price.output_per_million),
            ];
            assert!(all.iter().flatten().all(|amount| !amount.is_sign_negative()));
            assert!(!(price.input_per_million.is_zero() && price.output_per_million.is_zero()));
        }
    }

    #[test]
    fn a_day_takes_the_newest_price_that_has_begun_and_the_first_counts_from_ever() {
        let table = table(&["m 2026-01-01 1  1", "m 2026-03-01 2  2", "m 2026-04-01 -", "m 2026-05-01 3  3"]);
        let on = |day| input(&table, "m", day);
        assert_eq!(on("2020-01-01").as_deref(), Some("1"));
        assert_eq!(on("2026-02-28").as_deref(), Some("1"));
        assert_eq!(on("2026-03-01").as_deref(), Some("2"));
        assert_eq!(on("2026-04-30"), None);
        assert_eq!(on("2030-01-01").as_deref(), Some("3"));
    }

    #[test]
    fn a_name_that_could_mean_several_prices_has_none() {
        let day = "2026-02-01";
        let dated = table(&["c-20250101 2026-01-01 1  1", "c-20250601 2026-01-01 1  1"]);
        assert_eq!(input(&dated, "c", day).as_deref(), Some("1"));
        let differing = table(&["c-20250101 2026-01-01 1  1", "c-20250601 2026-01-01 2  1"]);
        assert_eq!(input(&differing, "c", day), None);
        assert_eq!(input(&differing, "c-20250601", day).as_deref(), Some("2"));
        let maker = table(&["xai/g 2026-01-01 1  1", "groq/h 2026-01-01 1  1"]);
        assert_eq!(input(&maker, "g", day).as_deref(), Some("1"));
        assert_eq!(input(&maker, "h", day), None);
    }

    #[test]
    fn a_name_known_to_have_no_price_does_not_take_that_of_another() {
        let table = table(&["copilot/m 2026-01-01 -", "m 2026-01-01 1  1"]);
        assert_eq!(input(&table, "copilot/m", "2026-02-01"), None);
        assert_eq!(input(&table, "other/m", "2026-02-01").as_deref(), Some("1"));
    }
}
