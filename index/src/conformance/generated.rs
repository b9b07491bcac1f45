//! Generated selections and facets.

use std::collections::BTreeMap;
use std::time::Duration;

use hearken_model::{Money, Role, Timestamp};
use proptest::prelude::*;

use super::asked::FACETS;
use super::made_up::{WORDS, at};
use crate::decimal::Decimal;
use crate::query::{Edge, Query, Range, Scope, TextForm, ValueMatch};
use crate::search::{Boundaries, Filter, FilterValue, RangeFacet, Selection};
use crate::{Access, Organizations};

pub fn text_query() -> impl Strategy<Value = Query> {
    let scope = prop_oneof![
        6 => Just(Scope::Default),
        1 => Just(Scope::Transcript),
        3 => prop::sample::select(Role::ALL).prop_map(Scope::Role),
        1 => Just(Scope::Topic),
        1 => Just(Scope::Summary),
        1 => Just(Scope::Keywords),
    ];
    let form = prop_oneof![
        3 => Just(TextForm::Word),
        2 => Just(TextForm::Phrase { slop: 0 }),
        2 => (1u32..8).prop_map(|slop| TextForm::Phrase { slop }),
        1 => Just(TextForm::Prefix),
        1 => (1u8..3).prop_map(|distance| TextForm::Fuzzy { distance }),
    ];
    let word =
        prop_oneof![4 => prop::sample::select(WORDS).prop_map(str::to_owned), 1 => "[a-e退款ก환é]{1,4}"];
    (scope, prop::collection::vec(word, 1..4), form).prop_map(|(scope, words, form)| Query::Text {
        scope,
        text: words.join(" "),
        form,
    })
}

pub fn edge<T: Clone + std::fmt::Debug + 'static>(
    value: impl Strategy<Value = T>,
) -> impl Strategy<Value = Edge<T>> {
    (value, 0..3).prop_map(|(value, kind)| match kind {
        0 => Edge::Open,
        1 => Edge::Inclusive(value),
        _ => Edge::Exclusive(value),
    })
}

pub fn value_query() -> impl Strategy<Value = Query> {
    let is = |field: &'static str, values: &'static [&'static str]| {
        (prop::sample::select(values), any::<bool>()).prop_map(move |(value, whole)| Query::Value {
            field: field.to_owned(),
            value: match whole {
                true => ValueMatch::Is(value.to_owned()),
                false => ValueMatch::StartsWith(value.chars().take(2).collect()),
            },
        })
    };
    let range = |field: &'static str, range: BoxedStrategy<Range>| {
        range.prop_map(move |range| Query::Range { field: field.to_owned(), range })
    };
    let number = || prop::sample::select(&[0i64, 1, 3, 5, 9][..]);
    let seconds = || prop::sample::select(&[0.0, 0.1, 61.5, 7_200.0][..]);
    let decimal = || {
        prop::sample::select(&["0", "0.1", "12", "1.2e1", "9007199254740993"][..])
            .prop_map(|number| Decimal::parse(number).unwrap())
    };
    let money =
        || prop::sample::select(&["0.1", "0.25", "-1.5"][..]).prop_map(|m| m.parse::<Money>().unwrap());
    let time = || prop::sample::select(vec![at(0), at(3_600), at(86_400)]);
    prop_oneof![
        is("agent", &["ada l", "ADA L", "bob", "νικος", "josé", "Jo"]),
        is("country", &["germany", "TÜRKIYE", "中国", "x", "istanbul", "GROSSE", "groß"]),
        is("id", &["made-up:1", "Made-Up:22", "none"]),
        is("metadata.plan", &["PRO", "free", "12"]),
        is("keywords", &["Café", "退款", "…"]),
        range("csat", (edge(number()), edge(number())).prop_map(|(a, b)| Range::Integer(a, b)).boxed()),
        range("duration", (edge(seconds()), edge(seconds())).prop_map(|(a, b)| Range::Seconds(a, b)).boxed()),
        range("total_costs", (edge(money()), edge(money())).prop_map(|(a, b)| Range::Money(a, b)).boxed()),
        range("end_time", (edge(time()), edge(time())).prop_map(|(a, b)| Range::Time(a, b)).boxed()),
        range(
            "metadata.plan",
            (edge(decimal()), edge(decimal())).prop_map(|(a, b)| Range::Number(a, b)).boxed()
        ),
        prop::sample::select(FACETS).prop_map(|field| Query::Exists { field: field.to_owned() }),
        Just(Query::All),
    ]
}

pub fn query() -> impl Strategy<Value = Query> {
    let leaf = prop_oneof![4 => text_query(), 1 => value_query()];
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Query::And),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Query::Or),
            inner.prop_map(|query| Query::Not(Box::new(query))),
        ]
    })
}

/// Values that the made-up interactions have, and some that they have not.
pub const CSATS: &[i64] = &[0, 1, 2, 3, 4, 5];
pub const SECONDS: &[f64] = &[0.0, 0.1, 60.0, 61.5, 7_200.0, 9_000.0];
pub const COSTS: &[&str] = &["-1.5", "0", "0.1", "0.2", "0.25"];
pub const STARTS: &[i64] = &[0, 1_800, 3_600, 4_000, 86_400, 90_000, 100_000];

pub fn costs() -> Vec<Money> {
    COSTS.iter().map(|amount| amount.parse().unwrap()).collect()
}

pub fn filters() -> impl Strategy<Value = BTreeMap<String, Filter>> {
    fn values(
        field: &'static str,
        value: impl Strategy<Value = FilterValue> + 'static,
    ) -> impl Strategy<Value = (&'static str, Vec<FilterValue>)> {
        let value = prop_oneof![1 => Just(FilterValue::Missing), 4 => value];
        prop::collection::vec(value, 0..3).prop_map(move |values| (field, values))
    }
    fn within<T: Copy + std::fmt::Debug + 'static>(
        from: Vec<T>,
        range: fn(Edge<T>, Edge<T>) -> Range,
    ) -> impl Strategy<Value = FilterValue> {
        let value = || prop::sample::select(from.clone());
        let two = (edge(value()), edge(value())).prop_map(move |(from, to)| range(from, to));
        let one = value().prop_map(move |value| range(Edge::Inclusive(value), Edge::Inclusive(value)));
        prop_oneof![two, one].prop_map(FilterValue::Within)
    }
    let is = |values: &'static [&'static str]| {
        prop::sample::select(values).prop_map(|value| FilterValue::Is(value.to_owned()))
    };
    let starts: Vec<Timestamp> = STARTS.iter().map(|seconds| at(*seconds)).collect();
    let filter = prop_oneof![
        values("country", is(&["Germany", "France", "germany", "[a TO b}"])),
        values("csat", within(CSATS.to_vec(), Range::Integer)),
        values("llm_models", is(&["claude", "gpt-4o"])),
        values("metadata.plan", is(&["pro", "Pro"])),
        values("total_costs", within(costs(), Range::Money)),
        values("duration", within(SECONDS.to_vec(), Range::Seconds)),
        values("start_time", within(starts.clone(), Range::Time)),
        values("end_time", within(starts, Range::Time)),
    ];
    prop::collection::vec((filter, any::<bool>()), 0..3).prop_map(|filters| {
        let mut by_name: BTreeMap<String, Filter> = BTreeMap::new();
        for ((name, mut values), excludes) in filters {
            let filter = by_name.entry(name.to_owned()).or_default();
            if excludes { filter.none_of.append(&mut values) } else { filter.any_of.append(&mut values) }
        }
        by_name
    })
}

pub fn range_facets() -> impl Strategy<Value = Vec<RangeFacet>> {
    fn some<T: Clone + std::fmt::Debug + 'static>(of: Vec<T>) -> impl Strategy<Value = Vec<T>> {
        let sizes = 1..=of.len();
        prop::sample::subsequence(of, sizes)
    }
    let facet = |field: &'static str| move |boundaries| RangeFacet { field: field.to_owned(), boundaries };
    let every = || {
        let minutes = [1, 60, 90, 24 * 60, 7 * 24 * 60, 14 * 24 * 60, 365 * 24 * 60];
        prop::sample::select(minutes.to_vec())
            .prop_map(|m| Boundaries::Every(Duration::from_secs(m * 60).into()))
    };
    (
        some(CSATS.to_vec()).prop_map(Boundaries::Integer).prop_map(facet("csat")),
        some(vec![0, 1, 2, 5, 100]).prop_map(Boundaries::Integer).prop_map(facet("messages_count")),
        some(SECONDS.to_vec()).prop_map(Boundaries::Seconds).prop_map(facet("duration")),
        some(costs()).prop_map(Boundaries::Money).prop_map(facet("total_costs")),
        every().prop_map(facet("start_time")),
        every().prop_map(facet("end_time")),
    )
        .prop_map(|(a, b, c, d, e, f)| vec![a, b, c, d, e, f])
        .prop_flat_map(some)
}

pub fn selection() -> impl Strategy<Value = Selection> {
    let access = prop_oneof![
        4 => Just(Access::All),
        1 => prop::collection::vec(prop::sample::select(&["acme", "globex", "none"][..]), 1..3)
            .prop_map(|names| Access::Only(Organizations::try_new(names).unwrap())),
    ];
    let time = || prop::option::weighted(0.2, prop::sample::select(vec![at(0), at(3_600), at(90_000)]));
    (query(), filters(), access, time(), time()).prop_map(|(query, filters, access, from, to)| Selection {
        query,
        filters,
        access,
        from,
        to,
    })
}
