//! One interaction in, its bill out.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hearken_model::{Cost, CostSource, InteractionType, Money, Role, Timestamp, TotalCosts, Usage};
use rust_decimal::Decimal;

use crate::prices::{BUILT_IN_CURRENCY, Prices, Tokens};
use crate::{MinuteRounding, ModelPrice, OwnPrice, units};

/// `[billing]`: the rules of docs/reference.md#billing, which are the default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BillingSettings {
    /// ISO 4217 code of all estimates. The built-in prices are in US dollars and apply to `USD` only.
    pub currency: String,
    /// Assistant messages before the first user message are free.
    pub free_welcome: bool,
    /// A chat in which the user never wrote is free.
    pub free_without_user_message: bool,
    /// Calls shorter than this are free.
    pub free_call_under: Duration,
    /// What a part of a minute counts as.
    pub minute_rounding: MinuteRounding,
    /// Platform price of one billable message.
    pub price_per_message: Option<Money>,
    /// Platform price of one billable minute.
    pub price_per_minute: Option<Money>,
    /// The operator's own prices of models, which win over the built-in table. Of two prices for the same model from the
    /// same day the later in the list counts.
    pub prices: Vec<OwnPrice>,
}

impl Default for BillingSettings {
    fn default() -> Self {
        BillingSettings {
            currency: BUILT_IN_CURRENCY.to_owned(),
            free_welcome: true,
            free_without_user_message: true,
            free_call_under: Duration::from_secs(10),
            minute_rounding: MinuteRounding::Up,
            price_per_message: None,
            price_per_minute: None,
            prices: Vec::new(),
        }
    }
}

/// What a bill depends on, and nothing else.
#[derive(Debug, Clone, Default)]
pub struct BillingInput<'a> {
    /// Decides between messages and minutes.
    pub interaction_type: Option<InteractionType>,
    /// Seconds.
    pub duration: Option<f64>,
    /// The whole transcript, in its order.
    pub messages: Vec<BillingMessage<'a>>,
    /// The interaction's model, for messages that used tokens and name none.
    pub llm_model: Option<&'a str>,
    /// What the producer says it cost; wins over the estimate.
    pub upstream_cost: Option<&'a Cost>,
    /// What models used to analyse it.
    pub analysis: Vec<AnalysisUsage<'a>>,
}

/// What one model used to analyse an interaction.
#[derive(Debug, Clone, Copy)]
pub struct AnalysisUsage<'a> {
    /// The model.
    pub llm_model: &'a str,
    /// Its tokens.
    pub usage: Usage,
    /// When it was asked, which decides between dated prices.
    pub at: Timestamp,
}

/// The part of a message that billing depends on.
#[derive(Debug, Clone, Copy)]
pub struct BillingMessage<'a> {
    /// Who said it.
    pub role: Role,
    /// What the producer says; wins over the rules.
    pub billable: Option<bool>,
    /// The model that wrote it.
    pub llm_model: Option<&'a str>,
    /// Tokens used for it, whatever its role.
    pub usage: Option<Usage>,
    /// Its instant, which decides between dated prices.
    pub at: Timestamp,
}

/// Units and costs of one interaction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bill {
    /// Of a chat; otherwise `None`.
    pub billable_messages: Option<u64>,
    /// Of a call whose duration is known; otherwise `None`.
    pub billable_minutes: Option<u64>,
    /// For each message of the input, whether it counts as a unit. In a chat exactly `billable_messages` do.
    pub billable: Vec<bool>,
    /// What it cost.
    pub total_costs: TotalCosts,
}

/// Computes bills.
#[derive(Debug, Clone)]
pub struct Billing {
    settings: BillingSettings,
    prices: Prices,
}

impl Billing {
    /// With these rules and prices.
    pub fn new(settings: BillingSettings) -> Self {
        let prices = Prices::new(&settings.currency, settings.prices.clone());
        Billing { settings, prices }
    }

    /// The bill of an interaction as it is known now.
    pub fn bill(&self, input: &BillingInput<'_>) -> Bill {
        let messages = &input.messages;
        let (billable, billable_messages, billable_minutes) = match input.interaction_type {
            Some(InteractionType::TextChat) => {
                let billable = units::chat_messages(&self.settings, messages);
                let num_billable = billable.iter().filter(|billable| **billable).count() as u64;
                (billable, Some(num_billable), None)
            }
            Some(InteractionType::VoiceCall) => {
                let minutes = input.duration.and_then(|seconds| units::call_minutes(&self.settings, seconds));
                (units::stated_messages(messages), None, minutes)
            }
            None => (units::stated_messages(messages), None, None),
        };
        let total_costs = match input.upstream_cost {
            Some(cost) => upstream_costs(cost),
            None => self.estimate(input, billable_messages, billable_minutes),
        };
        Bill { billable_messages, billable_minutes, billable, total_costs }
    }

    /// What these tokens of a model cost at an instant, in `billing.currency`; `None` without a price.
    pub fn price_usage(&self, model: &str, usage: Usage, at: Timestamp) -> Option<Money> {
        let mut tokens = Tokens::default();
        tokens.add(usage);
        self.prices.find(model, at)?.cost(tokens)
    }

    /// The sum of the known parts. An unknown part is `None`, and so is the sum when no part is known.
    fn estimate(&self, input: &BillingInput<'_>, messages: Option<u64>, minutes: Option<u64>) -> TotalCosts {
        let said = input
            .messages
            .iter()
            .filter_map(|message| Some((message.llm_model.or(input.llm_model)?, message.usage?, message.at)));
        let mut unpriced = BTreeSet::new();
        let llm = self.token_cost(said, &mut unpriced);
        let analysed =
            input.analysis.iter().map(|analysis| (analysis.llm_model, analysis.usage, analysis.at));
        let analysis = self.token_cost(analysed, &mut unpriced);
        let platform = unit_cost(messages, self.settings.price_per_message)
            .or_else(|| unit_cost(minutes, self.settings.price_per_minute));
        let known: Vec<Money> = [llm, platform, analysis].into_iter().flatten().collect();
        let sum = known.iter().try_fold(Decimal::ZERO, |sum, part| sum.checked_add(*part));
        let amount = sum.filter(|_| !known.is_empty()).map(|sum| sum.normalize());
        TotalCosts {
            amount,
            currency: amount.map(|_| self.settings.currency.clone()),
            llm,
            platform,
            analysis,
            unpriced_models: unpriced.into_iter().map(str::to_owned).collect(),
            source: amount.map(|_| CostSource::Estimate),
        }
    }

    /// The cost of all tokens that have a price; adds the models of those that have none to `unpriced`.
    ///
    /// Tokens are added up as integers before they are multiplied, once for each price, in the order of the
    /// prices: neither the order of messages nor rounding can change the result. Tokens without any model have
    /// no price and no name to list.
    fn token_cost<'a>(
        &self,
        used: impl Iterator<Item = (&'a str, Usage, Timestamp)>,
        unpriced: &mut BTreeSet<&'a str>,
    ) -> Option<Money> {
        let mut tokens_by_price: BTreeMap<&ModelPrice, (Tokens, BTreeSet<&str>)> = BTreeMap::new();
        // Some producers write all zeros for "unknown".
        for (model, usage, at) in used.filter(|(_, usage, _)| *usage != Usage::default()) {
            match self.prices.find(model, at) {
                Some(price) => {
                    let (tokens, models) = tokens_by_price.entry(price).or_default();
                    tokens.add(usage);
                    models.insert(model);
                }
                None => {
                    unpriced.insert(model);
                }
            }
        }
        let mut whole: Option<Money> = None;
        for (price, (tokens, models)) in tokens_by_price {
            let sum = price.cost(tokens).and_then(|cost| whole.unwrap_or_default().checked_add(cost));
            match sum {
                Some(sum) => whole = Some(sum.normalize()),
                None => unpriced.extend(models), // beyond 28 digits: no real usage, and better unknown than wrong
            }
        }
        whole
    }
}

/// Upstream's amount is for the whole: parts that do not add up to it would contradict it. It keeps its currency.
fn upstream_costs(cost: &Cost) -> TotalCosts {
    TotalCosts {
        amount: Some(cost.amount.normalize()),
        currency: Some(cost.currency.clone()),
        source: Some(CostSource::Upstream),
        ..TotalCosts::default()
    }
}

fn unit_cost(units: Option<u64>, price: Option<Money>) -> Option<Money> {
    Decimal::from(units?).checked_mul(price?).map(|cost| cost.normalize())
}
