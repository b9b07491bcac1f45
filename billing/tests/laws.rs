//! Properties of every bill.
#![allow(clippy::unwrap_used)]

use hearken_billing::{
    AnalysisUsage, Bill, Billing, BillingInput, BillingMessage, BillingSettings, ModelPrice, OwnPrice,
};
use hearken_model::{
    Cost, End, Event, InteractionId, InteractionType, MessageTime, MessageUpdate, Money, Role, StartedFields,
    State, Status, Timestamp, Usage,
};
use proptest::prelude::*;

/// Prices in cents per million tokens, 10⁻⁸ per token, so that the check is integer arithmetic.
const PRICES: [(&str, u64, Option<u64>, u64); 3] =
    [("a", 250, Some(125), 1000), ("b", 15, None, 60), ("c", 3, Some(0), 7)];

fn billing(with_platform: bool) -> Billing {
    let per_million = |price: u64| Money::new(i64::try_from(price).unwrap(), 2);
    let own = PRICES.map(|(model, input, cached, output)| OwnPrice {
        model: model.to_owned(),
        effective_from: None,
        price: ModelPrice {
            input_per_million: per_million(input),
            cached_input_per_million: cached.map(per_million),
            output_per_million: per_million(output),
        },
    });
    let price = with_platform.then(|| Money::new(3, 3));
    let settings =
        BillingSettings { price_per_message: price, price_per_minute: price, ..BillingSettings::default() };
    Billing::new(BillingSettings { prices: own.to_vec(), ..settings })
}

/// The same by hand, in 10⁻⁸ of the currency.
fn by_hand(messages: &[BillingMessage<'_>]) -> Option<i128> {
    let mut sum = None;
    for message in messages {
        let Some(usage) = message.usage.filter(|usage| *usage != Usage::default()) else { continue };
        let Some((_, input, cached, output)) =
            PRICES.iter().find(|(name, ..)| Some(*name) == message.llm_model)
        else {
            continue;
        };
        let cached_tokens = usage.cached_input_tokens;
        let cost = usage.input_tokens.checked_sub(cached_tokens).unwrap_or(usage.input_tokens) * input
            + cached_tokens * cached.unwrap_or(*input)
            + usage.output_tokens * output;
        sum = Some(sum.unwrap_or(0) + i128::from(cost));
    }
    sum
}

fn any_role() -> impl Strategy<Value = Role> {
    prop::sample::select(vec![Role::User, Role::Assistant, Role::Human, Role::System, Role::Tool])
}

fn any_message() -> impl Strategy<Value = BillingMessage<'static>> {
    let usage = (0u64..5_000_000, 0u64..5_000_000, 0u64..100_000).prop_map(
        |(input_tokens, cached_input_tokens, output_tokens)| Usage {
            input_tokens,
            cached_input_tokens,
            output_tokens,
        },
    );
    let model = prop::sample::select(vec![Some("a"), Some("b"), Some("c"), Some("nobody"), None]);
    (any_role(), any::<Option<bool>>(), model, prop::option::of(usage), 0i64..4_000_000_000_000).prop_map(
        |(role, billable, llm_model, usage, at)| BillingMessage {
            role,
            billable,
            llm_model,
            usage,
            at: Timestamp::from_millis(at),
        },
    )
}

fn any_type() -> impl Strategy<Value = Option<InteractionType>> {
    prop::sample::select(vec![None, Some(InteractionType::TextChat), Some(InteractionType::VoiceCall)])
}

proptest! {
    #[test]
    fn costs_are_exact_and_their_parts_sum_to_the_whole(
        messages in prop::collection::vec(any_message(), 0..30),
        interaction_type in any_type(),
        duration in prop::option::of(0.0f64..10_000.0),
        analysis in prop::option::of(1u64..1_000_000),
        with_platform: bool,
    ) {
        let analysis = analysis.map(|input_tokens| AnalysisUsage {
            llm_model: "b",
            usage: Usage { input_tokens, ..Usage::default() },
            at: Timestamp::EPOCH,
        });
        let expected_analysis = analysis.map(|used| Money::from(used.usage.input_tokens) * Money::new(15, 8));
        let analysis = analysis.into_iter().collect();
        let expected_llm = by_hand(&messages).map(|cost| Money::from_i128_with_scale(cost, 8).normalize());
        let input = BillingInput { interaction_type, duration, messages, analysis, ..BillingInput::default() };
        let bill = billing(with_platform).bill(&input);
        let costs = &bill.total_costs;
        prop_assert_eq!(costs.llm, expected_llm);
        prop_assert_eq!(costs.analysis, expected_analysis);
        let parts: Vec<Money> = [costs.llm, costs.platform, costs.analysis].into_iter().flatten().collect();
        prop_assert_eq!(costs.amount, (!parts.is_empty()).then(|| parts.iter().sum::<Money>()));
        prop_assert_eq!(costs.amount.is_some(), costs.currency.is_some() && costs.source.is_some());

        prop_assert_eq!(bill.billable.len(), input.messages.len());
        let flags = bill.billable.iter().filter(|billable| **billable).count() as u64;
        prop_assert!(bill.billable_messages.is_none_or(|units| units == flags));
        prop_assert!(bill.billable_messages.is_none() || bill.billable_minutes.is_none());
        let people = input.messages.iter().zip(&bill.billable).filter(|(message, _)| message.role == Role::Human);
        prop_assert!(people.into_iter().all(|(_, billable)| !billable));
        if let (Some(minutes), Some(duration)) = (bill.billable_minutes, duration) {
            let started = if duration < 10.0 { 0 } else { (duration / 60.0).ceil() as u64 };
            prop_assert_eq!(minutes, started, "{} s", duration);
        }
        let units = bill.billable_messages.or(bill.billable_minutes);
        let platform = units.filter(|_| with_platform).map(|units| Money::from(units) * Money::new(3, 3));
        prop_assert_eq!(costs.platform, platform.map(|cost| cost.normalize()));
    }

    #[test]
    fn the_order_of_messages_never_changes_a_cost(
        messages in prop::collection::vec(any_message(), 0..30).prop_flat_map(|m| (Just(m.clone()), Just(m).prop_shuffle())),
    ) {
        let costs = |messages| {
            let input = BillingInput { messages, llm_model: Some("b"), ..BillingInput::default() };
            billing(false).bill(&input).total_costs
        };
        prop_assert_eq!(costs(messages.0), costs(messages.1));
    }

    #[test]
    fn neither_order_nor_repetition_of_events_changes_a_bill(
        (messages, order) in prop::collection::vec(any_message(), 1..12).prop_flat_map(|messages| {
            // Every event twice, in any order.
            let twice: Vec<usize> = (0..messages.len() + 2).flat_map(|idx| [idx, idx]).collect();
            (Just(messages), Just(twice).prop_shuffle())
        }),
        upstream in prop::option::of(0i64..1_000_000),
    ) {
        let events = events(&messages, upstream);
        let in_order: Vec<usize> = (0..events.len()).collect();
        prop_assert_eq!(bill_of(&events, &order), bill_of(&events, &in_order));
    }
}

/// One event for each message, one with metadata and one with the end.
fn events(messages: &[BillingMessage<'_>], upstream: Option<i64>) -> Vec<Event> {
    let id = InteractionId::try_new("i").unwrap();
    let event = |at| Event::new(id.clone(), at, at);
    let started = StartedFields {
        interaction_type: Some(InteractionType::TextChat),
        llm_model: Some("b".to_owned()),
        ..StartedFields::default()
    };
    let cost = upstream.map(|amount| Cost { amount: Money::new(amount, 4), currency: "EUR".to_owned() });
    let end = End { status: Status::Finished, end_time: None, end_reason: None, recording_url: None, cost };
    let said = messages.iter().enumerate().map(|(idx, message)| {
        let update = MessageUpdate {
            llm_model: message.llm_model.map(str::to_owned),
            usage: message.usage,
            billable: message.billable,
            ..MessageUpdate::new(MessageTime::At(message.at), message.role, "")
        };
        // Some ids twice: an edit, of which the later wins.
        Event { messages: vec![(format!("m{}", idx % 8), update)], ..event(message.at) }
    });
    let started = Event { started, ..event(Timestamp::EPOCH) };
    let ended = Event { end: Some(end), ..event(Timestamp::EPOCH) };
    said.chain([started, ended]).collect()
}

/// The bill of what the events fold into, in the order of their positions.
fn bill_of(events: &[Event], order: &[usize]) -> Bill {
    let mut state = State::new(InteractionId::try_new("i").unwrap());
    for &idx in order {
        state.fold(events[idx].clone(), None).unwrap();
    }
    let transcript = state.transcript();
    let messages = transcript.iter().map(|(at, _, update)| BillingMessage {
        role: update.role,
        billable: update.billable,
        llm_model: update.llm_model.as_deref(),
        usage: update.usage,
        at: *at,
    });
    billing(true).bill(&BillingInput {
        interaction_type: state.interaction_type.as_ref().map(|versioned| versioned.value),
        duration: None,
        messages: messages.collect(),
        llm_model: state.llm_model.as_ref().map(|versioned| versioned.value.as_str()),
        upstream_cost: state.end.as_ref().and_then(|end| end.value.cost.as_ref()),
        analysis: Vec::new(),
    })
}
