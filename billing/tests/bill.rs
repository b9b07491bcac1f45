//! What interactions are billed for.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use hearken_billing::{
    AnalysisUsage, Bill, Billing, BillingInput, BillingMessage, BillingSettings, MinuteRounding, ModelPrice,
    OwnPrice,
};
use hearken_model::InteractionType::{TextChat, VoiceCall};
use hearken_model::Role::{Assistant, Human, System, Tool, User};
use hearken_model::{Cost, CostSource, InteractionType, Money, Role, Timestamp, Usage};

fn money(text: &str) -> Money {
    Money::from_str_exact(text).unwrap()
}

fn at(day: &str) -> Timestamp {
    Timestamp::parse(&format!("{day}T12:00:00Z")).unwrap()
}

fn said(role: Role) -> BillingMessage<'static> {
    BillingMessage { role, billable: None, llm_model: None, usage: None, at: at("2026-12-01") }
}

fn used(model: &str, input_tokens: u64, cached_input_tokens: u64, output_tokens: u64) -> BillingMessage<'_> {
    let usage = Some(Usage { input_tokens, cached_input_tokens, output_tokens });
    BillingMessage { llm_model: Some(model), usage, ..said(Assistant) }
}

fn asked(model: &str, input_tokens: u64) -> AnalysisUsage<'_> {
    let usage = Usage { input_tokens, ..Usage::default() };
    AnalysisUsage { llm_model: model, usage, at: at("2026-12-01") }
}

fn own(model: &str, from: Option<&str>, input: &str, cached: Option<&str>, output: &str) -> OwnPrice {
    OwnPrice {
        model: model.to_owned(),
        effective_from: from.map(|day| day.parse().unwrap()),
        price: ModelPrice {
            input_per_million: money(input),
            cached_input_per_million: cached.map(money),
            output_per_million: money(output),
        },
    }
}

fn billing(own_prices: Vec<OwnPrice>) -> Billing {
    Billing::new(BillingSettings { prices: own_prices, ..BillingSettings::default() })
}

fn costing(billing: &Billing, messages: Vec<BillingMessage<'_>>) -> hearken_model::TotalCosts {
    billing.bill(&BillingInput { messages, ..BillingInput::default() }).total_costs
}

fn llm(billing: &Billing, messages: Vec<BillingMessage<'_>>) -> Option<String> {
    costing(billing, messages).llm.map(|cost| cost.to_string())
}

fn chat(settings: BillingSettings, messages: Vec<BillingMessage<'_>>) -> Bill {
    let input = BillingInput { interaction_type: Some(TextChat), messages, ..BillingInput::default() };
    Billing::new(settings).bill(&input)
}

fn minutes(settings: BillingSettings, duration: f64) -> Option<u64> {
    let input = BillingInput {
        interaction_type: Some(VoiceCall),
        duration: Some(duration),
        messages: vec![said(User), said(Assistant)],
        ..BillingInput::default()
    };
    let bill = Billing::new(settings).bill(&input);
    assert_eq!(bill.billable_messages, None);
    assert_eq!(bill.billable, [false, false]);
    bill.billable_minutes
}

#[test]
fn a_chat_counts_assistant_messages_from_the_first_user_message_on() {
    let talk = [Assistant, System, User, Assistant, Tool, Human, Assistant, User].map(said).to_vec();
    let bill = chat(BillingSettings::default(), talk.clone());
    assert_eq!(bill.billable_messages, Some(2));
    assert_eq!(bill.billable_minutes, None);
    assert_eq!(bill.billable, [false, false, false, true, false, false, true, false]);
    let welcome_too = BillingSettings { free_welcome: false, ..BillingSettings::default() };
    assert_eq!(chat(welcome_too, talk).billable_messages, Some(3));
}

#[test]
fn a_chat_without_a_user_message_counts_nothing() {
    let talk = vec![said(Assistant), said(Assistant)];
    assert_eq!(chat(BillingSettings::default(), talk.clone()).billable_messages, Some(0));
    assert_eq!(chat(BillingSettings::default(), vec![]).billable_messages, Some(0));
    let counted = BillingSettings { free_without_user_message: false, ..BillingSettings::default() };
    assert_eq!(chat(counted, talk).billable_messages, Some(2));
}

#[test]
fn what_a_message_says_of_itself_wins_except_for_people_who_took_over() {
    let stating = |role, billable| BillingMessage { billable: Some(billable), ..said(role) };
    let talk = vec![
        stating(Assistant, true),
        stating(User, true),
        stating(Assistant, false),
        stating(Tool, true),
        stating(Human, true),
    ];
    assert_eq!(chat(BillingSettings::default(), talk).billable, [true, true, false, true, false]);
}

#[test]
fn a_call_counts_started_minutes_and_is_free_when_short() {
    let cases = [
        (0.0, 0),
        (9.999, 0),
        (10.0, 1),
        (59.0, 1),
        (60.0, 1),
        (60.001, 2),
        (61.0, 2),
        (120.0, 2),
        (0.1 + 59.9, 1),
        (-5.0, 0),
    ];
    for (seconds, expected) in cases {
        assert_eq!(minutes(BillingSettings::default(), seconds), Some(expected), "{seconds} s");
    }
    assert_eq!(minutes(BillingSettings::default(), f64::NAN), None);
    assert!(minutes(BillingSettings::default(), f64::INFINITY).is_some());
}

#[test]
fn rounding_and_the_free_time_are_the_operators_choice() {
    let with = |minute_rounding, free_call_under, seconds| {
        minutes(BillingSettings { minute_rounding, free_call_under, ..BillingSettings::default() }, seconds)
            .unwrap()
    };
    assert_eq!(with(MinuteRounding::Nearest, Duration::ZERO, 89.0), 1);
    assert_eq!(with(MinuteRounding::Nearest, Duration::ZERO, 90.0), 2);
    assert_eq!(with(MinuteRounding::Down, Duration::ZERO, 119.0), 1);
    assert_eq!(with(MinuteRounding::Up, Duration::ZERO, 1.0), 1);
    assert_eq!(with(MinuteRounding::Up, Duration::from_secs(30), 29.0), 0);
}

#[test]
fn without_a_type_or_a_duration_nothing_is_counted() {
    let input = BillingInput { duration: Some(60.0), messages: vec![said(User)], ..BillingInput::default() };
    let bill = billing(vec![]).bill(&input);
    assert_eq!((bill.billable_messages, bill.billable_minutes), (None, None));
    let unknown = BillingInput { interaction_type: Some(VoiceCall), ..BillingInput::default() };
    assert_eq!(billing(vec![]).bill(&unknown).billable_minutes, None);
}

#[test]
fn an_unknown_amount_is_absent_and_never_zero() {
    let costs = costing(&billing(vec![]), vec![said(User), said(Assistant)]);
    assert_eq!(costs, hearken_model::TotalCosts::default());
    let unpriced =
        costing(&billing(vec![]), vec![used("nobody-knows-it", 5, 0, 5), used("another", 1, 0, 0)]);
    assert_eq!((unpriced.amount, unpriced.llm, unpriced.source), (None, None, None));
    assert_eq!(unpriced.unpriced_models, ["another", "nobody-knows-it"]);
}

#[test]
fn what_has_no_price_is_listed_and_the_rest_is_summed() {
    let billing = billing(vec![own("m", None, "2", None, "4")]);
    let costs = costing(&billing, vec![used("m", 1_000_000, 0, 500_000), used("unknown", 1, 0, 1)]);
    assert_eq!(costs.amount, Some(money("4")));
    assert_eq!(costs.currency.as_deref(), Some("USD"));
    assert_eq!(costs.source, Some(CostSource::Estimate));
    assert_eq!(costs.unpriced_models, ["unknown"]);
}

#[test]
fn cached_tokens_are_counted_once_at_their_own_price() {
    let with_cache = billing(vec![own("m", None, "3", Some("0.30"), "15")]);
    assert_eq!(llm(&with_cache, vec![used("m", 1000, 800, 100)]).as_deref(), Some("0.00234"));
    let without = billing(vec![own("m", None, "3", None, "15")]);
    assert_eq!(llm(&without, vec![used("m", 1000, 800, 0)]).as_deref(), Some("0.003"));
    // More cached than there are: they were counted apart.
    assert_eq!(llm(&with_cache, vec![used("m", 1000, 5000, 0)]).as_deref(), Some("0.0045"));
    let apart = billing(vec![own("m", None, "1", Some("0.10"), "5")]);
    assert_eq!(llm(&apart, vec![used("m", 5, 128_955, 50)]).as_deref(), Some("0.0131505"));
    let huge = used("m", 1, u64::MAX, 0);
    assert!(llm(&with_cache, vec![huge, huge]).is_some(), "hostile counts saturate");
}

#[test]
fn the_price_is_that_of_the_messages_day() {
    let billing = billing(vec![own("m", None, "1", None, "1"), own("m", Some("2026-06-01"), "2", None, "2")]);
    let on = |day| vec![BillingMessage { at: at(day), ..used("m", 1_000_000, 0, 0) }];
    assert_eq!(llm(&billing, on("2026-05-31")).as_deref(), Some("1"));
    assert_eq!(llm(&billing, on("2026-06-01")).as_deref(), Some("2"));
    assert_eq!(llm(&billing, [on("2026-05-31"), on("2026-06-01")].concat()).as_deref(), Some("3"));
}

#[test]
fn the_operators_price_wins_from_its_first_day_on() {
    let billing = billing(vec![own("gpt-4o", Some("2026-06-01"), "1", None, "1")]);
    let on = |day, model| vec![BillingMessage { at: at(day), ..used(model, 1_000_000, 0, 0) }];
    assert_eq!(llm(&billing, on("2026-06-01", "gpt-4o")).as_deref(), Some("1"));
    assert_eq!(llm(&billing, on("2026-06-01", "openai/gpt-4o-2024-08-06")).as_deref(), Some("1"));
    assert_eq!(llm(&billing, on("2026-05-31", "gpt-4o")).as_deref(), Some("2.5"));
}

#[test]
fn built_in_names_are_found_exactly_then_without_provider_then_without_date() {
    let billing = billing(vec![]);
    let price = |model| llm(&billing, vec![used(model, 1_000_000, 0, 0)]);
    for name in [
        "gpt-4o",
        "gpt-4o-2024-08-06",
        "openai/gpt-4o",
        "openrouter/openai/gpt-4o",
        "gpt-4o-2031-01-01",
        " gpt-4o ",
    ] {
        assert_eq!(price(name).as_deref(), Some("2.5"), "{name}");
    }
    // A name that is listed itself keeps its own price.
    assert_eq!(price("gpt-4o-2024-05-13").as_deref(), Some("5"));
    assert!(price("us.anthropic.claude-sonnet-4-5-20250929-v1:0").is_some());
    assert!(price("claude-sonnet-4-5@20250929").is_some());
    for name in [
        "gpt-4o-turbo",
        "gpt",
        "gpt-4o2",
        "GPT 4o",
        "",
        "my-own-model",
        "ollama/gpt-4o",
        "github_copilot/gpt-4o",
    ] {
        assert_eq!(price(name), None, "{name}");
    }
}

#[test]
fn the_interactions_model_stands_in_for_messages_that_name_none() {
    let billing = billing(vec![own("m", None, "1", None, "1")]);
    let unnamed = BillingMessage { llm_model: None, ..used("", 2_000_000, 0, 0) };
    let input = BillingInput { messages: vec![unnamed], llm_model: Some("m"), ..BillingInput::default() };
    assert_eq!(billing.bill(&input).total_costs.llm, Some(money("2")));
    assert_eq!(costing(&billing, vec![unnamed]).amount, None);
}

#[test]
fn platform_prices_and_analysis_are_parts_of_the_amount() {
    let settings = BillingSettings {
        price_per_message: Some(money("0.01")),
        price_per_minute: Some(money("0.05")),
        ..BillingSettings::default()
    };
    let billing = Billing::new(BillingSettings { prices: vec![own("m", None, "1", None, "1")], ..settings });
    let bill = |interaction_type: Option<InteractionType>| {
        let input = BillingInput {
            interaction_type,
            duration: Some(61.0),
            messages: vec![said(User), used("m", 1000, 0, 0), said(Assistant)],
            analysis: vec![asked("m", 500), asked("unheard-of", 1)],
            ..BillingInput::default()
        };
        let costs = billing.bill(&input).total_costs;
        assert_eq!(costs.analysis, Some(money("0.0005")));
        assert_eq!(costs.unpriced_models, ["unheard-of"]);
        (costs.platform.map(|cost| cost.to_string()), costs.amount.map(|cost| cost.to_string()))
    };
    assert_eq!(bill(Some(TextChat)), (Some("0.02".into()), Some("0.0215".into())));
    assert_eq!(bill(Some(VoiceCall)), (Some("0.1".into()), Some("0.1015".into())));
    assert_eq!(bill(None), (None, Some("0.0015".into())));
}

#[test]
fn upstreams_cost_wins_and_keeps_its_currency() {
    let cost = Cost { amount: money("0.120"), currency: "EUR".into() };
    let input = BillingInput {
        interaction_type: Some(TextChat),
        messages: vec![said(User), used("gpt-4o", 1000, 0, 0), used("unknown", 1, 0, 0)],
        upstream_cost: Some(&cost),
        ..BillingInput::default()
    };
    let bill = billing(vec![]).bill(&input);
    assert_eq!(bill.billable_messages, Some(2));
    assert_eq!(bill.total_costs.amount.unwrap().to_string(), "0.12");
    assert_eq!(bill.total_costs.currency.as_deref(), Some("EUR"));
    assert_eq!(bill.total_costs.source, Some(CostSource::Upstream));
    assert_eq!((bill.total_costs.llm, bill.total_costs.platform), (None, None));
}

#[test]
fn dollars_of_the_built_in_table_are_not_taken_for_another_currency() {
    let settings = BillingSettings { currency: "EUR".into(), ..BillingSettings::default() };
    let billing = Billing::new(BillingSettings { prices: vec![own("m", None, "1", None, "1")], ..settings });
    let costs = costing(&billing, vec![used("gpt-4o", 1000, 0, 0), used("m", 1_000_000, 0, 0)]);
    assert_eq!(costs.amount, Some(money("1")));
    assert_eq!(costs.currency.as_deref(), Some("EUR"));
    assert_eq!(costs.unpriced_models, ["gpt-4o"]);
}

#[test]
fn tokens_beyond_all_bounds_are_unknown_and_do_not_panic() {
    let billing = billing(vec![own("dear", None, "79228162514264337593543950335", None, "1")]);
    let costs = costing(&billing, vec![used("dear", u64::MAX, 0, u64::MAX), used("gpt-4o", 1_000_000, 0, 0)]);
    assert_eq!(costs.unpriced_models, ["dear"]);
    assert_eq!(costs.amount, Some(money("2.5")));
    assert!(costing(&billing, vec![used("gpt-4o", u64::MAX, u64::MAX, u64::MAX); 3]).amount.is_some());
}

#[test]
fn tokens_reported_as_zero_do_not_cost_zero() {
    let costs = costing(&billing(vec![]), vec![used("gpt-4o", 0, 0, 0), used("unknown", 0, 0, 0)]);
    assert_eq!(costs, hearken_model::TotalCosts::default());
}

/// What people reported of other price lists; `docs/tried.md` lists the reports.
#[test]
fn cached_tokens_are_paid_once_and_at_their_own_price() {
    let billing = billing(vec![
        own("glm", None, "1.4", Some("0.26"), "4.4"),
        own("gpt", None, "2.5", Some("1.25"), "10"),
        own("plain", None, "3", None, "15"),
    ]);
    // All but one input token were cached.
    assert_eq!(llm(&billing, vec![used("glm", 27_147, 27_146, 351)]).as_deref(), Some("0.00860376"));
    // The input counts the cached tokens.
    assert_eq!(llm(&billing, vec![used("gpt", 2_006, 1_920, 300)]).as_deref(), Some("0.005615"));
    // Without a price of their own they cost what input costs, not nothing and not twice.
    assert_eq!(llm(&billing, vec![used("plain", 1_000, 1_000, 0)]).as_deref(), Some("0.003"));
    // Behind a provider's name and a date.
    assert_eq!(llm(&billing, vec![used("openai/gpt-2026-01-31", 1_000_000, 0, 0)]).as_deref(), Some("2.5"));
}
