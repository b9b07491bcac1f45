//! The rules, each a test.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hearken_model::{Document, InteractionId, Money, Role, Scalar, Status, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::asked::{by, check, check_ranges, checked, ids, page_through, parts, words};
use super::made_up::{at, conversation};
use super::{NUM_GENERATED, Open, OpenEngine, World, generated};
use crate::checkpoint::Checkpoint;
use crate::overview::{INTERVALS_MAX, OverviewRequest};
use crate::query::{Edge, Query, Range, Scope, TextForm};
use crate::search::{
    Boundaries, Cursor, FacetCount, Filter, FilterValue, RangeEnds, RangeFacet, SearchError, SearchParts,
    Selection, Sort, SortKey,
};
use crate::{Access, Organizations, oracle};

fn runner() -> TestRunner {
    let cases = NUM_GENERATED.load(Ordering::Relaxed);
    TestRunner::new(Config { cases, max_shrink_iters: 2_000, failure_persistence: None, ..Config::default() })
}

/// Whatever is asked, the same interactions, totals and counts as a scan finds.
pub fn every_answer_is_what_a_scan_finds(open: Open) {
    let world = World::made_up(open);
    let strategy = (generated::selection(), generated::range_facets());
    let run = runner().run(&strategy, |(selection, ranges)| {
        check(&world, &selection);
        check_ranges(&world, &selection, &ranges);
        Ok(())
    });
    run.unwrap();
}

/// The same of single conditions.
pub fn single_conditions_find_what_a_scan_finds(open: Open) {
    let world = World::made_up(open);
    let strategy = prop_oneof![generated::text_query(), generated::value_query()];
    let run = runner().run(&strategy, |query| {
        check(&world, &Selection::new(query, Access::All));
        Ok(())
    });
    run.unwrap();
}

/// Words without a scope find user ids, callers, addresses, comments and metadata; scopes of what was said do not.
pub fn what_people_paste_is_found_but_not_as_something_said(open: Open) {
    let mut pasted = conversation("pasted", &[(Role::User, "where is it?"), (Role::System, "be brief")]);
    let head = &mut pasted.derived.head;
    head.user_id = Some("u_8f3a-22".to_owned());
    head.caller = Some("+49 30 1234567".to_owned());
    head.url = Some("https://shop.example/orders?id=55-A12&tab=1".to_owned());
    head.rating_comment = Some("Never answered my questions".to_owned());
    let metadata = [("order", "77-B34"), ("ticket.city", "退款 München")];
    head.metadata = metadata.map(|(key, value)| (key.to_owned(), Scalar::Text(value.to_owned()))).into();
    head.metadata.insert("seats".to_owned(), Scalar::Number(41_517.into()));
    let world = World::of(open, vec![pasted, conversation("other", &[(Role::User, "hello")])]);
    let total = |scope, text: &str, form| {
        let query = Query::Text { scope, text: text.to_owned(), form };
        let selection = Selection::new(query, Access::All);
        check(&world, &selection);
        world.search.search(&checked(&parts(selection))).unwrap().total
    };
    let (word, phrase) = (TextForm::Word, TextForm::Phrase { slop: 0 });
    for (text, form) in [
        ("u_8f3a-22", word),
        ("+49 30 1234567", word),
        ("(30) 1234567", word),
        ("https://shop.example/orders?id=55-A12&tab=1", word),
        ("55-a12", word),
        ("question", word), // a form of it
        ("my questions", phrase),
        ("answered questions", TextForm::Phrase { slop: 1 }),
        ("77-B34", word),
        ("77-B", TextForm::Prefix),
        ("shp", TextForm::Fuzzy { distance: 1 }),
        ("款 münchen", word),
        ("41517", word),
    ] {
        assert_eq!(total(Scope::Default, text, form), 1, "{text} {form:?}");
        let scopes = Role::ALL.iter().map(|role| Scope::Role(*role));
        let scopes = scopes.chain([Scope::Transcript, Scope::Topic, Scope::Summary, Scope::Keywords]);
        for scope in scopes {
            assert_eq!(total(scope, text, form), 0, "{scope:?} {text}");
        }
    }
    // Not across two of them, nor names of keys.
    for (text, form) in
        [("1234567 https", phrase), ("tab 1 never", phrase), ("order", phrase), ("seats", word)]
    {
        assert_eq!(total(Scope::Default, text, form), 0, "{text}");
    }
}

/// What cannot be done is refused, before it costs anything.
pub fn impossible_requests_are_refused(open: Open) {
    let world = World::made_up(open);
    let search = &world.search;
    let all = || parts(Selection::new(Query::All, Access::All));
    let made_up = SearchParts { cursor: Some(Cursor::new("made up".to_owned())), ..all() };
    assert!(matches!(search.search(&checked(&made_up)), Err(SearchError::Invalid(_))));
    let late = SearchParts { deadline: Some(std::time::Instant::now()), ..all() };
    assert!(matches!(search.search(&checked(&late)), Err(SearchError::DeadlineExceeded)));
}

/// Followers learn of every interaction that became visible.
pub fn what_changed_is_told(open: Open) {
    let OpenEngine { mut store, search, .. } = open(&[]);
    let before = search.changes_now();
    store.put(Arc::new(conversation("new", &[(Role::User, "refund")])));
    assert_eq!(search.changes_since(before, 10).ids, []);
    store.refresh(&Checkpoint::default()).unwrap();
    let since = search.changes_since(before, 10);
    assert_eq!(since.ids.iter().map(|id| id.as_str()).collect::<Vec<_>>(), ["new"]);
    assert_eq!((since.is_gap, since.until), (false, search.changes_now()));
}

/// A flush makes durable what was refreshed with the checkpoint it came with.
pub fn a_flush_makes_the_checkpoint_durable(open: Open) {
    let OpenEngine { mut store, .. } = open(&[]);
    let mut checkpoint = Checkpoint::default();
    let position = crate::checkpoint::PartitionPosition { next_offset: 7, fingerprint: None };
    checkpoint.set("topic", 0, position);
    let before = store.durable().sequence;
    store.put(Arc::new(conversation("new", &[])));
    store.refresh(&checkpoint).unwrap();
    store.flush().unwrap();
    let durable = store.durable();
    assert_eq!(*durable.checkpoint, checkpoint);
    assert!(durable.sequence > before);
}

pub fn every_sort_orders_all_matches_and_pages_through_each_once(open: Open) {
    let world = World::made_up(open);
    let all = oracle::find(&world.documents, &Selection::new(Query::All, Access::All));
    let fields = hearken_model::field::FIELDS.iter().filter(|field| field.sort);
    let mut sorts: Vec<Vec<SortKey>> =
        fields.map(|field| vec![by(field.name, field.name.len() % 2 == 0)]).collect();
    sorts.push(vec![by("csat", false), by("rating", true), by("total_costs", true), by("start_time", false)]);
    for sort in sorts {
        let request = SearchParts {
            sort: Sort::Fields(sort.clone()),
            limit: 7,
            ..parts(Selection::new(Query::All, Access::All))
        };
        let seen = page_through(&*world.search, request, || ());
        let named = |id: &String| all.iter().find(|document| document.id().as_str() == id).unwrap();
        assert!(seen.windows(2).all(|pair| oracle::compare(named(&pair[0]), named(&pair[1]), &sort).is_le()));
        assert_eq!(
            {
                let mut seen = seen.clone();
                seen.sort();
                seen
            },
            ids(all.iter().copied()),
            "{sort:?}"
        );

        let mut exported = Vec::new();
        let mut visit = |document: Document| {
            exported.push(document.id().as_str().to_owned());
            ControlFlow::Continue(())
        };
        world.search.for_each(&Selection::new(Query::All, Access::All), &sort, &mut visit).unwrap();
        assert_eq!(exported, seen);
    }
}

pub fn an_export_ends_when_it_is_told_to(open: Open) {
    let mut num_visited = 0;
    let mut visit = |_: Document| {
        num_visited += 1;
        if num_visited == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let world = World::made_up(open);
    let sort = [by("start_time", false)];
    world.search.for_each(&Selection::new(Query::All, Access::All), &sort, &mut visit).unwrap();
    assert_eq!(num_visited, 3);
}

pub fn an_interaction_of_another_organization_is_not_there(open: Open) {
    let said = |id: &str, organization: Option<&str>| {
        let mut document = conversation(id, &[(Role::User, "refund")]);
        document.derived.head.organization = organization.map(str::to_owned);
        document
    };
    let erased = Document::tombstone(InteractionId::try_new("erased").unwrap());
    let documents =
        vec![said("ours", Some("acme")), said("theirs", Some("globex")), said("unknown", None), erased];
    let world = World::of(open, documents);
    let search = &world.search;

    let acme = Access::Only(Organizations::try_new(["acme"]).unwrap());
    let seen = |access: &Access| {
        ["ours", "theirs", "unknown", "erased", "never"].map(|id| {
            let id = InteractionId::try_new(id).unwrap();
            let found = search.get(&id, access).unwrap().is_some();
            assert_eq!(search.holds(&id, access).unwrap(), found, "{id:?}");
            found
        })
    };
    assert_eq!(seen(&Access::All), [true, true, true, true, false]);
    assert_eq!(seen(&acme), [true, false, false, false, false]);

    // Not even a facet that leaves out the filter on organizations tells of others.
    let mut asked = parts(Selection::new(Query::All, acme));
    asked.facets = vec!["organization".to_owned()];
    let theirs = Filter { any_of: vec![FilterValue::Is("globex".to_owned())], none_of: vec![] };
    asked.selection.filters.insert("organization".to_owned(), theirs);
    let answer = search.search(&checked(&asked)).unwrap();
    assert_eq!(answer.total, 0);
    let count = FacetCount { value: "acme".into(), ends: None, count: 1 };
    assert_eq!(answer.facets, [("organization".to_owned(), vec![count])]);
}

pub fn replaced_and_erased_interactions_leave_no_trace_in_any_answer(open: Open) {
    let OpenEngine { mut store, search, lookup } = open(&[]);
    let id = InteractionId::try_new("Order 7/ä").unwrap();
    let mut document = conversation(id.as_str(), &[(Role::User, "refund")]);
    document.derived.head.status = Some(Status::InProgress);
    document.derived.head.country = Some("Germany".to_owned());
    document.revision = 1;
    store.put(Arc::new(document.clone()));
    store.refresh(&Checkpoint::default()).unwrap();
    assert_eq!(search.get(&id, &Access::All).unwrap().unwrap(), document);
    assert_eq!(lookup.count_in_progress().unwrap(), 1);
    assert_eq!(lookup.idle_since(at(0), 10).unwrap(), std::slice::from_ref(&id));
    assert_eq!(lookup.idle_since(at(-1), 10).unwrap(), []);

    store.put(Arc::new(Document { revision: 2, ..Document::tombstone(id.clone()) }));
    store.refresh(&Checkpoint::default()).unwrap();
    assert!(search.get(&id, &Access::All).unwrap().unwrap().state.erased);
    let everything = [Query::All, Query::Not(Box::new(words("nothing").query)), Query::And(Vec::new())];
    for query in everything {
        let mut asked = parts(Selection::new(query, Access::All));
        asked.facets = vec!["country".to_owned()];
        let missing = Filter { any_of: vec![FilterValue::Missing], none_of: vec![] };
        asked.selection.filters.insert("country".to_owned(), missing);
        let answer = search.search(&checked(&asked)).unwrap();
        assert_eq!((answer.total, answer.hits.len()), (0, 0));
        assert_eq!(answer.facets, [("country".to_owned(), vec![])]);
    }
    assert_eq!(lookup.idle_since(at(100), 10).unwrap(), []);
    assert_eq!(lookup.count_in_progress().unwrap(), 0);
}

pub fn what_was_removed_is_gone_without_a_trace_and_may_come_again(open: Open) {
    let OpenEngine { mut store, search, .. } = open(&[vec![conversation("a", &[(Role::User, "refund")])]]);
    let id = InteractionId::try_new("a").unwrap();
    let all = || search.search(&checked(&parts(Selection::new(Query::All, Access::All)))).unwrap().total;
    assert_eq!(all(), 1);
    store.remove(id.clone(), 2);
    assert_eq!(all(), 1, "not before the refresh");
    store.refresh(&Checkpoint::default()).unwrap();
    assert_eq!(all(), 0);
    assert_eq!(search.get(&id, &Access::All).unwrap(), None);
    assert!(!search.holds(&id, &Access::All).unwrap());
    let back = Document { revision: 3, ..conversation("a", &[(Role::User, "back")]) };
    store.put(Arc::new(back.clone()));
    store.refresh(&Checkpoint::default()).unwrap();
    assert_eq!((all(), search.get(&id, &Access::All).unwrap()), (1, Some(back)));
}

pub fn what_is_silent_is_found_by_its_filters_oldest_first(open: Open) {
    let heard = |id: &str, seconds: i64, agent: &str| {
        let mut document = conversation(id, &[(Role::User, "refund")]);
        document.state.newest_event = at(seconds);
        document.derived.head.agent = Some(agent.to_owned());
        document
    };
    let erased = Document::tombstone(InteractionId::try_new("erased").unwrap());
    let documents = vec![heard("late", 9, "Ada"), heard("old", 2, "Ada"), heard("older", 1, "Bob"), erased];
    let OpenEngine { lookup, store: _store, .. } = open(&[documents]);
    let silent = |seconds, agent: Option<&str>, limit| {
        let filter = |name: &str| Filter { any_of: vec![FilterValue::Is(name.to_owned())], none_of: vec![] };
        let filters = agent.map(|name| ("agent".to_owned(), filter(name))).into_iter().collect();
        let ids = lookup.silent_since(at(seconds), &filters, limit).unwrap();
        ids.into_iter().map(|id| id.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(silent(2, None, 10), ["older", "old"]);
    assert_eq!(silent(2, None, 1), ["older"]);
    assert_eq!(silent(100, Some("Ada"), 10), ["old", "late"]);
    assert_eq!(silent(0, None, 10), Vec::<String>::new());
}

pub fn a_facet_keeps_the_most_frequent_values_and_counts_the_missing(open: Open) {
    let mut documents = Vec::new();
    for (number, country) in ["b", "a", "a", "c", "c", ""].iter().enumerate() {
        let mut document = conversation(&format!("i{number}"), &[]);
        document.derived.head.country = Some((*country).to_owned()).filter(|country| !country.is_empty());
        documents.push(document);
    }
    let world = World::of(open, documents);
    let mut asked = parts(Selection::new(Query::All, Access::All));
    asked.facets = vec!["country".to_owned()];
    asked.facet_size = 2;
    let counted = &world.search.search(&checked(&asked)).unwrap().facets[0].1;
    let counted: Vec<_> = counted.iter().map(|facet| (facet.value.clone(), facet.count)).collect();
    assert_eq!(counted, [("a".into(), 2), ("c".into(), 2), (serde_json::Value::Null, 1)]);
}

pub fn ranges_come_in_order_with_the_empty_ones_and_missing_last(open: Open) {
    let mut documents = Vec::new();
    for (number, duration) in [Some(300.0), Some(59.999), Some(1_000.0), None, Some(-1.0)].iter().enumerate()
    {
        let mut document = conversation(&format!("i{number}"), &[]);
        document.derived.head.duration = *duration;
        documents.push(document);
    }
    let world = World::of(open, documents);
    let facet = |field: &str, boundaries| RangeFacet { field: field.to_owned(), boundaries };
    let counted = |facet: &RangeFacet| {
        let asked =
            SearchParts { ranges: vec![facet.clone()], ..parts(Selection::new(Query::All, Access::All)) };
        world.search.search(&checked(&asked)).unwrap().facets.remove(0).1
    };
    let counts = counted(&facet("duration", Boundaries::Seconds(vec![60.0, 300.0, 900.5])));
    let shown: Vec<_> = counts.iter().map(|counted| (counted.value.as_str(), counted.count)).collect();
    assert_eq!(
        shown,
        [
            (Some("[* TO 60}"), 2),
            (Some("[60 TO 300}"), 0),
            (Some("[300 TO 900.5}"), 1),
            (Some("[900.5 TO *]"), 1),
            (None, 1),
        ]
    );
    let open = serde_json::Value::Null;
    assert_eq!(counts[0].ends, Some(RangeEnds { from: open.clone(), to: 60.0.into() }));
    assert_eq!(counts[3].ends, Some(RangeEnds { from: 900.5.into(), to: open }));
    assert_eq!(counts[4].ends, None);
}

/// Beyond the last instant that can be written there is no boundary.
pub fn the_first_and_the_last_interval_are_open(open: Open) {
    let starting = |id: &str, nanos: i64| {
        let mut document = conversation(id, &[]);
        document.derived.head.start_time = Some(Timestamp::from_nanos(nanos));
        document
    };
    let world = World::of(open, vec![starting("first", i64::MIN), starting("last", i64::MAX)]);
    let boundaries = Boundaries::Every(Duration::from_secs(24 * 60 * 60).into());
    let ranges = vec![RangeFacet { field: "start_time".to_owned(), boundaries }];
    let counts = &world
        .search
        .search(&checked(&SearchParts { ranges, ..parts(Selection::new(Query::All, Access::All)) }))
        .unwrap()
        .facets[0]
        .1;
    let shown: Vec<_> =
        counts.iter().map(|counted| (counted.value.as_str().unwrap(), counted.count)).collect();
    assert_eq!(shown, [("[* TO 1677-09-22T00:00:00Z}", 1), ("[2262-04-11T00:00:00Z TO *]", 1)]);
}

pub fn more_intervals_than_can_be_shown_are_refused(open: Open) {
    let documents = (0..=INTERVALS_MAX).map(|number| {
        let mut document = conversation(&format!("i{number}"), &[]);
        document.derived.head.start_time = Some(at(number as i64 * 60));
        document
    });
    let world = World::of(open, documents.collect());
    let every = |minutes: u64| {
        let boundaries = Boundaries::Every(Duration::from_secs(minutes * 60).into());
        let ranges = vec![RangeFacet { field: "start_time".to_owned(), boundaries }];
        world.search.search(&checked(&SearchParts {
            ranges,
            limit: 0,
            ..parts(Selection::new(Query::All, Access::All))
        }))
    };
    assert!(matches!(every(1), Err(SearchError::TooExpensive(_))));
    assert!(every(2).is_ok());
}

pub fn what_is_neither_in_a_range_nor_says_a_phrase_is_found(open: Open) {
    let range = Range::Seconds(Edge::Inclusive(0.0), Edge::Open);
    let range = Query::Range { field: "duration".to_owned(), range };
    let phrase = Query::Text { scope: Scope::Default, text: "55-A12".to_owned(), form: TextForm::Word };
    let query = Query::Not(Box::new(Query::And(vec![range, phrase])));
    check(&World::made_up(open), &Selection::new(query, Access::All));
}

pub fn an_overview_counts_over_time_and_sums_up(open: Open) {
    let world = World::made_up(open);
    let asked = OverviewRequest {
        selection: Selection::new(Query::All, Access::All),
        interval: Duration::from_secs(3_600).into(),
        facets: vec!["sentiment".to_owned()],
        facet_size: 10,
        ranges: vec![RangeFacet { field: "csat".to_owned(), boundaries: Boundaries::Integer(vec![2, 4]) }],
        distributions: vec!["duration".to_owned(), "total_costs".to_owned(), "csat".to_owned()],
        deadline: None,
    };
    let overview = world.search.overview(&asked).unwrap();
    let two = world.search.overviews(&[asked.clone(), asked.clone()]).unwrap();
    assert_eq!(two, [overview.clone(), overview.clone()]);
    let all = oracle::find(&world.documents, &Selection::new(Query::All, Access::All));
    assert_eq!(overview.total, all.len() as u64);
    let csats: Vec<u64> = overview.facets[1].1.iter().map(|counted| counted.count).collect();
    let expected = oracle::ranges(&all, &asked.ranges[0]);
    assert_eq!(csats, expected.iter().map(|(_, count)| *count).collect::<Vec<_>>());
    let counted: u64 = overview.over_time.iter().map(|interval| interval.count).sum();
    assert_eq!(counted + overview.without_start, overview.total);
    for interval in &overview.over_time {
        let begins = interval.from.as_nanos();
        let inside = |start: Timestamp| (begins..begins + 3_600_000_000_000).contains(&start.as_nanos());
        let started = all.iter().filter(|d| d.derived.head.start_time.is_some_and(inside)).count();
        assert_eq!(interval.count, started as u64);
    }
    let mut costs: Vec<Money> = all.iter().filter_map(|d| d.derived.head.total_costs.amount).collect();
    costs.sort();
    let (_, total_costs) = &overview.distributions[1];
    let shown = |amount: Money| serde_json::Value::String(amount.normalize().to_string());
    assert_eq!(total_costs.count, costs.len() as u64);
    assert_eq!(total_costs.sum, shown(costs.iter().sum()));
    assert_eq!(total_costs.p50, shown(costs[costs.len().div_ceil(2) - 1]));
    assert_eq!((&total_costs.min, &total_costs.max), (&shown(costs[0]), &shown(costs[costs.len() - 1])));
}

pub fn weeks_begin_on_mondays(open: Open) {
    let starting = |id: &str, start: &str| {
        let mut document = conversation(id, &[]);
        document.derived.head.start_time = Some(Timestamp::parse(start).unwrap());
        document
    };
    let documents = [
        ("sunday", "2026-05-03T23:59:59.999Z"),
        ("monday", "2026-05-04T00:00:00Z"),
        ("next-sunday", "2026-05-10T12:00:00Z"),
        ("before-1970", "1969-12-31T00:00:00Z"),
    ];
    let world = World::of(open, documents.map(|(id, start)| starting(id, start)).to_vec());
    let weeks = |num_weeks: u64| {
        let overview = world.search.overview(&OverviewRequest {
            selection: Selection::new(Query::All, Access::All),
            interval: Duration::from_secs(num_weeks * 7 * 24 * 60 * 60).into(),
            facets: Vec::new(),
            facet_size: 10,
            ranges: Vec::new(),
            distributions: Vec::new(),
            deadline: None,
        });
        let over_time = overview.unwrap().over_time;
        over_time.iter().map(|week| (week.from.to_string(), week.count)).collect::<Vec<_>>()
    };
    let monday = |day: &str, count| (format!("{day}T00:00:00Z"), count);
    assert_eq!(weeks(1), [monday("1969-12-29", 1), monday("2026-04-27", 1), monday("2026-05-04", 2)]);
    assert_eq!(weeks(2), [monday("1969-12-22", 1), monday("2026-04-27", 3)]);
}
