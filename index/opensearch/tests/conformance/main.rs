//! The suite that every engine keeps, against a real node, and what only this engine does.
#![allow(clippy::unwrap_used)]

mod faulty;

use std::any::Any;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use hearken_index::checkpoint::{Checkpoint, PartitionPosition};
use hearken_index::conformance::asked::{
    checked, counted_ranges, hit_ids, page_through, parts, scanned_ranges, words,
};
use hearken_index::conformance::made_up::conversation;
use hearken_index::conformance::{NUM_GENERATED, OpenEngine, RULES};
use hearken_index::interval::{Interval, Zone};
use hearken_index::overview::OverviewRequest;
use hearken_index::query::{Query, Scope, TextForm};
use hearken_index::search::{
    Boundaries, Filter, FilterValue, RangeFacet, SearchError, SearchParts, Selection, Sort,
};
use hearken_index::{Access, Lookup, Maintain, Search, Store, StoreError};
use hearken_index_opensearch::{OpenSearchError, OpenSearchIndex, OpenSearchOptions, Rebuild, prepare};
use hearken_model::{Document, InteractionId, Role, Timestamp};
use hearken_tests::engine_or_skip;
use hearken_tests::engines::OpenSearch;

use faulty::Faulty;

/// The node's address, once it runs.
static URL: OnceLock<String> = OnceLock::new();

/// What this engine promises beyond the suite.
const OWN: &[(&str, fn())] = &[
    ("the_later_of_two_writers_learns_of_the_earlier", the_later_of_two_writers_learns_of_the_earlier),
    ("a_late_write_does_not_undo_an_erasure", a_late_write_does_not_undo_an_erasure),
    ("pages_by_relevance_show_each_hit_once", pages_by_relevance_show_each_hit_once),
    ("no_page_shows_what_another_process_has_erased", no_page_shows_what_another_process_has_erased),
    (
        "pages_go_on_when_the_cluster_opens_no_point_in_time",
        pages_go_on_when_the_cluster_opens_no_point_in_time,
    ),
    ("cursors_of_nothing_are_refused", cursors_of_nothing_are_refused),
    ("a_facet_is_exact_over_shards_that_differ", a_facet_is_exact_over_shards_that_differ),
    ("a_node_that_is_away_is_survived", a_node_that_is_away_is_survived),
    ("a_cluster_that_is_away_is_an_error", a_cluster_that_is_away_is_an_error),
    ("a_cluster_that_is_too_busy_is_not_available", a_cluster_that_is_too_busy_is_not_available),
    ("an_index_that_does_not_fit_is_refused", an_index_that_does_not_fit_is_refused),
    ("a_new_index_takes_the_place_of_the_old_one", a_new_index_takes_the_place_of_the_old_one),
    ("what_another_process_writes_is_told", what_another_process_writes_is_told),
    ("days_are_those_of_a_zone", days_are_those_of_a_zone),
    ("only_what_a_busy_cluster_refused_is_sent_again", only_what_a_busy_cluster_refused_is_sent_again),
    ("a_cluster_that_takes_nothing_is_told_of", a_cluster_that_takes_nothing_is_told_of),
    (
        "nothing_is_written_to_an_index_that_is_being_rebuilt",
        nothing_is_written_to_an_index_that_is_being_rebuilt,
    ),
    ("a_document_that_is_never_taken_holds_up_no_other", a_document_that_is_never_taken_holds_up_no_other),
    ("credentials_go_with_every_request", credentials_go_with_every_request),
    (
        "a_node_is_spoken_to_only_if_its_certificate_is_trusted",
        a_node_is_spoken_to_only_if_its_certificate_is_trusted,
    ),
    ("a_part_of_an_answer_is_none", a_part_of_an_answer_is_none),
    ("what_is_erased_is_out_of_answers_at_once", what_is_erased_is_out_of_answers_at_once),
    // What differs from the embedded engine.
    ("scores_are_those_of_a_shard", scores_are_those_of_a_shard),
    ("a_repeated_word_out_of_place_is_looked_for_in_few", a_repeated_word_out_of_place_is_looked_for_in_few),
    ("a_prefix_in_a_phrase_stands_for_1024_words", a_prefix_in_a_phrase_stands_for_1024_words),
    ("intervals_are_whole_milliseconds", intervals_are_whole_milliseconds),
    ("large_sums_and_percentiles_are_floats", large_sums_and_percentiles_are_floats),
    ("facets_show_the_beginning_of_a_long_value", facets_show_the_beginning_of_a_long_value),
];

/// An index of its own on the one node.
fn options() -> OpenSearchOptions {
    static NUM_OPENED: AtomicUsize = AtomicUsize::new(0);
    let number = NUM_OPENED.fetch_add(1, Ordering::Relaxed);
    OpenSearchOptions {
        replicas: 0,
        refresh_on_write: true,
        ..OpenSearchOptions::new(vec![URL.get().unwrap().clone()], format!("test{number}"))
    }
}

fn index_of(options: &OpenSearchOptions) -> OpenSearchIndex {
    prepare(options).unwrap();
    OpenSearchIndex::connect(options.clone()).unwrap()
}

fn index() -> OpenSearchIndex {
    index_of(&options())
}

fn opened(batches: &[Vec<Document>]) -> OpenEngine {
    let index = index();
    let mut store = index.store();
    // The suite's documents bear no revisions.
    let mut revisions: HashMap<InteractionId, u64> = HashMap::new();
    for batch in batches {
        for document in batch {
            let revision = revisions.entry(document.id().clone()).or_default();
            *revision += 1;
            store.put(Arc::new(Document { revision: *revision, ..document.clone() }));
        }
        assert_eq!(store.refresh(&Checkpoint::default()).unwrap(), []);
    }
    OpenEngine { store: Box::new(store), search: Arc::new(index.reader()), lookup: Arc::new(index.reader()) }
}

/// One node for all of them: it takes half a minute to start. `HEARKEN_TEST_RULE` chooses by name.
#[test]
fn opensearch_keeps_every_rule() {
    let node = engine_or_skip!(OpenSearch::start());
    URL.set(node.base_url()).unwrap();
    NUM_GENERATED.store(150, Ordering::Relaxed);
    let only = std::env::var("HEARKEN_TEST_RULE").unwrap_or_default();
    let mut broken = Vec::new();
    let mut run = |name: &str, rule: &dyn Fn()| {
        if name.contains(&only)
            && let Err(panic) = catch_unwind(AssertUnwindSafe(rule))
        {
            broken.push(format!("{name}: {}", message(&*panic)));
        }
    };
    // It waits for the cluster, half a minute as a rule.
    let options = options();
    let cleaning = thread::spawn(move || what_was_erased_leaves_the_files(&options));
    OWN.iter().for_each(|(name, rule)| run(name, rule));
    RULES.iter().for_each(|(name, rule)| run(name, &|| rule(opened)));
    if let Err(panic) = cleaning.join() {
        broken.push(format!("what_was_erased_leaves_the_files: {}", message(&*panic)));
    }
    assert!(broken.is_empty(), "{}", broken.join("\n\n"));
}

/// What a panic said.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

fn id(text: &str) -> InteractionId {
    InteractionId::try_new(text).unwrap()
}

fn said(id: &str, revision: u64, text: &str) -> Arc<Document> {
    Arc::new(Document { revision, ..conversation(id, &[(Role::User, text)]) })
}

fn at_offset(next_offset: i64) -> Checkpoint {
    let mut checkpoint = Checkpoint::default();
    checkpoint.set("topic", 0, PartitionPosition { next_offset, fingerprint: None });
    checkpoint
}

fn the_later_of_two_writers_learns_of_the_earlier() {
    let index = index();
    let (mut one, mut other) = (index.store(), index.store());
    one.put(said("a", 1, "refund"));
    assert_eq!(one.refresh(&at_offset(1)).unwrap(), []);
    other.put(said("a", 1, "order"));
    other.put(said("b", 1, "order"));
    assert_eq!(other.refresh(&at_offset(2)).unwrap(), [id("a")]);
    // All else was written, but the source is not read past the conflict.
    assert_eq!(*other.durable().checkpoint, at_offset(1));
    let reader = index.reader();
    let total = |text: &str| reader.search(&checked(&parts(words(text)))).unwrap().total;
    assert_eq!((total("refund"), total("order")), (1, 1));

    // What is read for the next try is what was written last, and says so.
    let found = Lookup::get(&reader, &id("a"), &Access::All).unwrap().unwrap();
    assert_eq!(found, *said("a", 1, "refund"));
    other.put(said("a", 2, "refund order"));
    assert_eq!(other.refresh(&at_offset(2)).unwrap(), []);
    assert_eq!(*other.durable().checkpoint, at_offset(2));
    assert_eq!((total("refund"), total("order")), (1, 2));
    // Of several puts between two refreshes the newest counts.
    one.put(said("a", 3, "first"));
    one.put(said("a", 4, "second"));
    assert_eq!(one.refresh(&at_offset(3)).unwrap(), []);
    assert_eq!((total("first"), total("second")), (0, 1));
}

fn a_late_write_does_not_undo_an_erasure() {
    let index = index();
    let (mut one, mut late) = (index.store(), index.store());
    one.put(said("Ada's order", 1, "refund"));
    one.refresh(&Checkpoint::default()).unwrap();
    one.put(Arc::new(Document { revision: 2, ..Document::tombstone(id("Ada's order")) }));
    assert_eq!(one.refresh(&Checkpoint::default()).unwrap(), []);
    late.put(said("Ada's order", 2, "refund twice"));
    assert_eq!(late.refresh(&Checkpoint::default()).unwrap(), [id("Ada's order")]);
    let reader = index.reader();
    let left = Lookup::get(&reader, &id("Ada's order"), &Access::All).unwrap().unwrap();
    assert_eq!((left.state.erased, left.revision, left.id()), (true, 2, &id("Ada's order")));

    // Nothing that is left of it knows its id.
    let (mut num_stored, mut stored) = (0, String::new());
    let mut visit = |document: Document| {
        num_stored += 1;
        stored = format!("{document:?}");
        ControlFlow::Continue(())
    };
    reader.for_each_stored(&mut visit).unwrap();
    assert_eq!((num_stored, reader.num_stored().unwrap()), (1, 1));
    assert!(stored.contains("is_id_hashed: true") && !stored.contains("Ada"), "{stored}");
}

fn pages_by_relevance_show_each_hit_once() {
    let index = index();
    let mut store = index.store();
    for number in 0..30 {
        store.put(said(&format!("i{number}"), 1, &"refund ".repeat(number % 5 + 1)));
    }
    store.refresh(&Checkpoint::default()).unwrap();
    let reader = index.reader();
    let asked = SearchParts { sort: Sort::Relevance, limit: 7, ..parts(words("refund")) };
    let first = reader.search(&checked(&asked)).unwrap();
    // What comes in between pages is on none of them.
    let mut number = 100;
    let mut seen = page_through(&reader, asked.clone(), || {
        store.put(said(&format!("i{number}"), 1, "refund refund refund"));
        store.refresh(&Checkpoint::default()).unwrap();
        number += 1;
    });
    let num_seen = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!((seen.len(), num_seen), (30, 30));
    assert!(first.hits.windows(2).all(|pair| pair[0].score >= pair[1].score));

    // A page of before an erasure could show what is erased.
    store.put(Arc::new(Document { revision: 2, ..Document::tombstone(id("i3")) }));
    store.refresh(&Checkpoint::default()).unwrap();
    let next = SearchParts { cursor: first.next, ..asked };
    assert!(matches!(reader.search(&checked(&next)), Err(SearchError::CursorExpired)));
}

fn no_page_shows_what_another_process_has_erased() {
    let options = options();
    let (ours, theirs) = (index_of(&options), OpenSearchIndex::connect(options).unwrap());
    let mut store = theirs.store();
    for id in ["a", "b"] {
        store.put(said(id, 1, "refund"));
    }
    store.refresh(&Checkpoint::default()).unwrap();
    let reader = ours.reader();
    let asked = SearchParts { sort: Sort::Relevance, limit: 1, ..parts(words("refund")) };
    let first = reader.search(&checked(&asked)).unwrap();
    let last = SearchParts { cursor: first.next, ..asked.clone() };
    let last = hit_ids(&reader.search(&checked(&last)).unwrap().hits).remove(0);
    store.put(said("c", 1, "refund refund"));
    store.put(Arc::new(Document { revision: 2, ..Document::tombstone(id(&last)) }));
    store.refresh(&Checkpoint::default()).unwrap();
    // A cursor of now may share the point in time of before.
    let first = reader.search(&checked(&asked)).unwrap();
    let next = SearchParts { cursor: first.next, limit: 10, ..asked };
    match reader.search(&checked(&next)) {
        Ok(answer) => assert!(!hit_ids(&answer.hits).contains(&last), "`{last}` was erased"),
        Err(error) => assert!(matches!(error, SearchError::CursorExpired), "{error}"),
    }
}

fn pages_go_on_when_the_cluster_opens_no_point_in_time() {
    let options = options();
    let mut store = index_of(&options).store();
    for id in ["a", "b"] {
        store.put(said(id, 1, "refund"));
    }
    store.refresh(&Checkpoint::default()).unwrap();
    let opens = "point_in_time?keep_alive";
    let node = Faulty::before(&options.urls[0], move |request, forward| {
        if request.path.contains(opens) && request.number_of(opens) > 1 {
            return (
                429,
                r#"{"error":{"type":"rejected_execution_exception","reason":"too many"}}"#.to_owned(),
            );
        }
        forward(&request.body)
    });
    let ours = OpenSearchOptions { urls: vec![node.url.clone()], ..options };
    let reader = OpenSearchIndex::connect(ours).unwrap().reader();
    let asked = SearchParts { sort: Sort::Relevance, limit: 1, ..parts(words("refund")) };
    // Until cursors no longer share the first one.
    while node.bodies(opens).len() < 2 {
        let first = reader.search(&checked(&asked)).unwrap();
        let next = SearchParts { cursor: first.next, ..asked.clone() };
        assert_eq!(reader.search(&checked(&next)).unwrap().hits.len(), 1);
    }
}

fn cursors_of_nothing_are_refused() {
    let index = index();
    let other = index_of(&options());
    for (index, number) in [(&index, 2), (&other, 3)] {
        let mut store = index.store();
        (0..number).for_each(|number| store.put(said(&format!("i{number}"), 1, "refund")));
        store.refresh(&Checkpoint::default()).unwrap();
    }
    let asked = SearchParts { sort: Sort::Relevance, limit: 1, ..parts(words("refund")) };
    let answer = other.reader().search(&checked(&asked)).unwrap();
    let stranger = SearchParts { cursor: answer.next, ..asked.clone() };
    // The point in time of another index shows nothing of it.
    let found = index.reader().search(&checked(&stranger)).unwrap();
    assert_eq!((found.total, found.hits.len()), (0, 0));
    for token in [
        r#"{"after":[1.0,1,1,"i"],"pit":"AAAA","num_before":1}"#,
        r#"{"after":["x","y","z","i"],"pit":"AAAA","num_before":1}"#,
        r#"{"after":[1],"pit":"AAAA","num_before":1}"#,
        r#"{"after":[1.0,1,1,"i"],"num_before":1}"#,
    ] {
        let cursor = Some(hearken_index::search::Cursor::new(token.to_owned()));
        let made_up = SearchParts { cursor, ..asked.clone() };
        let answer = index.reader().search(&checked(&made_up));
        assert!(
            matches!(answer, Err(SearchError::Invalid(_) | SearchError::CursorExpired)),
            "{token}: {answer:?}"
        );
    }
}

fn a_facet_is_exact_over_shards_that_differ() {
    let index = index_of(&OpenSearchOptions { shards: 3, ..options() });
    let mut store = index.store();
    let mut documents = Vec::new();
    // More values than a shard tells of, none frequent: the most frequent of each shard say little.
    for number in 0..900 {
        let mut document = Document { revision: 1, ..conversation(&format!("i{number}"), &[]) };
        document.derived.head.country = Some(format!("c{}", number * 7 % 450));
        document.derived.head.city =
            Some(if number % 3 > 0 { "Berlin".to_owned() } else { format!("c{number}") });
        documents.push(document.clone());
        store.put(Arc::new(document));
    }
    store.refresh(&Checkpoint::default()).unwrap();
    let mut asked = parts(Selection::new(Query::All, Access::All));
    asked.facets = vec!["country".to_owned(), "city".to_owned()];
    (asked.facet_size, asked.limit) = (2, 0);
    let answer = index.reader().search(&checked(&asked)).unwrap();
    let counted = |at: usize| {
        let counts = answer.facets[at].1.iter();
        counts.map(|counted| (counted.value.as_str().unwrap().to_owned(), counted.count)).collect::<Vec<_>>()
    };
    let all: Vec<&Document> = documents.iter().collect();
    for (at, field) in ["country", "city"].into_iter().enumerate() {
        let mut expected: Vec<(String, u64)> = hearken_index::oracle::facet(&all, field)
            .into_iter()
            .filter_map(|(value, count)| Some((value?, count)))
            .collect();
        expected.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        expected.truncate(2);
        assert_eq!(counted(at), expected, "{field}");
    }
}

fn a_node_that_is_away_is_survived() {
    let mut options = options();
    let away = format!("http://127.0.0.1:{}", hearken_tests::engines::free_port().unwrap());
    options.urls.insert(0, away);
    let index = index_of(&options);
    let mut store = index.store();
    for number in 1..=6 {
        store.put(said("a", number, "refund"));
        assert_eq!(store.refresh(&Checkpoint::default()).unwrap(), []);
        assert_eq!(index.reader().search(&checked(&parts(words("refund")))).unwrap().total, 1);
    }
}

fn a_cluster_that_is_away_is_an_error() {
    let away = format!("http://127.0.0.1:{}", hearken_tests::engines::free_port().unwrap());
    let options = OpenSearchOptions { urls: vec![away.clone()], ..options() };
    let why = OpenSearchIndex::connect(options).err().unwrap().to_string();
    assert!(why.contains(&away), "{why}");
    let missing = OpenSearchIndex::connect(self::options()).err().unwrap();
    assert!(matches!(missing, OpenSearchError::NotPrepared(_)), "{missing}");
}

fn a_cluster_that_is_too_busy_is_not_available() {
    let options = options();
    index_of(&options);
    for status in [429, 503] {
        let node = Faulty::before(&options.urls[0], move |request, forward| {
            if request.path.contains("_search") { (status, "{}".to_owned()) } else { forward(&request.body) }
        });
        let ours = OpenSearchOptions { urls: vec![node.url.clone()], ..options.clone() };
        let reader = OpenSearchIndex::connect(ours).unwrap().reader();
        let answer = reader.search(&checked(&parts(words("refund"))));
        assert!(matches!(answer, Err(SearchError::Unavailable(_))), "{status}: {answer:?}");
    }
}

fn an_index_that_does_not_fit_is_refused() {
    let options = options();
    let made = prepare(&options).unwrap();
    assert!(made.is_new);
    assert!(!prepare(&options).unwrap().is_new, "the second time there is nothing to do");
    // A field more, as a version to come might have.
    let url = format!("{}/{}/_mapping", options.urls[0], made.index);
    let more = serde_json::json!({"properties": {"surprise": {"type": "keyword"}}});
    assert!(reqwest::blocking::Client::new().put(url).json(&more).send().unwrap().status().is_success());
    for refused in
        [prepare(&options).err().unwrap(), OpenSearchIndex::connect(options.clone()).err().unwrap()]
    {
        let OpenSearchError::DoesNotFit { index, differences } = refused else { panic!("{refused}") };
        assert_eq!(
            (index, differences),
            (made.index.clone(), vec!["`properties.surprise` is unknown".to_owned()])
        );
    }
}

fn a_new_index_takes_the_place_of_the_old_one() {
    let options = options();
    let old = index_of(&options);
    let mut store = old.store();
    store.put(said("a", 3, "refund"));
    store.refresh(&Checkpoint::default()).unwrap();
    let rebuild = Rebuild::begin(&options).unwrap();
    let new = OpenSearchIndex::connect(OpenSearchOptions {
        index_prefix: rebuild.index.clone(),
        ..options.clone()
    });
    let mut copy = new.unwrap().store();
    let mut visit = |document| {
        copy.put(Arc::new(document));
        ControlFlow::Continue(())
    };
    old.reader().for_each_stored(&mut visit).unwrap();
    copy.put(said("b", 1, "refund"));
    copy.refresh(&Checkpoint::default()).unwrap();
    let total = || old.reader().search(&checked(&parts(words("refund")))).unwrap().total;
    assert_eq!(total(), 1);
    rebuild.switch().unwrap();
    assert_eq!(total(), 2);
    let copied = Lookup::get(&old.reader(), &id("a"), &Access::All).unwrap().unwrap();
    assert_eq!(copied, *said("a", 3, "refund"));
}

fn what_another_process_writes_is_told() {
    let options = options();
    let ours = index_of(&options);
    let theirs = OpenSearchIndex::connect(options).unwrap();
    let reader = ours.reader();
    let before = reader.changes_now();
    let mut store = theirs.store();
    store.put(said("a", 1, "refund"));
    store.put(said("b", 1, "refund"));
    store.refresh(&Checkpoint::default()).unwrap();
    store.put(said("a", 2, "refund"));
    store.refresh(&Checkpoint::default()).unwrap();
    let mut told = Vec::new();
    let give_up_at = Instant::now() + Duration::from_secs(30);
    while told.len() < 2 && Instant::now() < give_up_at {
        let since = reader.changes_since(before, 10);
        assert!(!since.is_gap);
        told = since.ids;
        thread::yield_now();
    }
    told.sort();
    assert_eq!(told, [id("a"), id("b")]);

    // Of what is erased nobody is told.
    store.put(Arc::new(Document { revision: 3, ..Document::tombstone(id("a")) }));
    store.put(said("c", 1, "refund"));
    store.refresh(&Checkpoint::default()).unwrap();
    while told.len() < 3 && Instant::now() < give_up_at {
        told = reader.changes_since(before, 10).ids;
        thread::yield_now();
    }
    assert_eq!(told[2..], [id("c")]);
}

fn days_are_those_of_a_zone() {
    let nanos = |text: &str| Timestamp::parse(text).unwrap().as_nanos();
    // Berlin in 2026, over both changes of its clocks.
    let changes = [("2026-03-29T01:00:00Z", 7_200), ("2026-10-25T01:00:00Z", 3_600)];
    let berlin = Zone::new(3_600, changes.map(|(at, ahead)| (nanos(at) / 1_000_000_000, ahead)));
    let index = index();
    let mut store = index.store();
    let mut documents = Vec::new();
    for number in 0..200i64 {
        let mut document = Document { revision: 1, ..conversation(&format!("i{number}"), &[]) };
        let start = nanos("2026-03-28T20:30:00.000000001Z") + number * 27 * 3_600_000_000_000 / 20;
        let start = if number % 2 == 0 { start } else { start + 211 * 86_400_000_000_000 };
        document.derived.head.start_time = Some(Timestamp::from_nanos(start));
        documents.push(document.clone());
        store.put(Arc::new(document));
    }
    store.refresh(&Checkpoint::default()).unwrap();
    let all: Vec<&Document> = documents.iter().collect();
    for days in [1, 7] {
        let length = Duration::from_secs(days * 86_400);
        let boundaries = Boundaries::Every(Interval { length, zone: berlin.clone() });
        let facet = RangeFacet { field: "start_time".to_owned(), boundaries };
        let mut asked = parts(Selection::new(Query::All, Access::All));
        asked.ranges = vec![facet.clone()];
        let answer = index.reader().search(&checked(&asked)).unwrap();
        assert_eq!(counted_ranges(&answer.facets[0].1), scanned_ranges(&all, &facet));
    }
}

fn only_what_a_busy_cluster_refused_is_sent_again() {
    let options = options();
    let index = index_of(&options);
    let node = Faulty::before(&options.urls[0], |request, forward| {
        if !request.path.contains("_bulk") || request.number_of("_bulk") > 1 {
            return forward(&request.body);
        }
        // The first document is taken, the second is not.
        let lines: Vec<&str> = request.body.lines().collect();
        let (_, answer) = forward(&format!("{}\n{}\n", lines[0], lines[1]));
        let busy = r#",{"index":{"status":429,"error":{"type":"rejected_execution","reason":"busy"}}}]}"#;
        (200, format!("{}{busy}", answer.strip_suffix("]}").unwrap()))
    });
    let ours = OpenSearchOptions { urls: vec![node.url.clone()], ..options };
    let mut store = OpenSearchIndex::connect(ours).unwrap().store();
    store.put(said("a", 1, "refund"));
    store.put(said("b", 1, "refund"));
    assert_eq!(store.refresh(&at_offset(1)).unwrap(), []);
    assert_eq!(*store.durable().checkpoint, at_offset(1));
    assert_eq!(index.reader().search(&checked(&parts(words("refund")))).unwrap().total, 2);
    let sent: Vec<usize> = node.bodies("_bulk").iter().map(|body| body.lines().count()).collect();
    assert_eq!(sent, [4, 2]);
}

fn a_cluster_that_takes_nothing_is_told_of() {
    let options = options();
    let index = index_of(&options);
    let is_busy = Arc::new(AtomicBool::new(true));
    let busy = Arc::clone(&is_busy);
    let node = Faulty::before(&options.urls[0], move |request, forward| {
        if request.path.contains("_bulk") && busy.load(Ordering::Relaxed) {
            return (429, r#"{"error":{"type":"rejected_execution","reason":"no room"}}"#.to_owned());
        }
        forward(&request.body)
    });
    let ours =
        OpenSearchOptions { urls: vec![node.url.clone()], patience: Duration::from_millis(100), ..options };
    let mut store = OpenSearchIndex::connect(ours).unwrap().store();
    store.put(said("a", 1, "refund"));
    let refused = store.refresh(&at_offset(1)).unwrap_err();
    assert!(matches!(refused, StoreError::NotWritten { num_waiting: 1, .. }), "{refused}");
    assert!(refused.to_string().contains("no room"), "{refused}");
    assert_eq!(*store.durable().checkpoint, Checkpoint::default());
    is_busy.store(false, Ordering::Relaxed);
    assert_eq!(store.refresh(&at_offset(1)).unwrap(), []);
    assert_eq!(*store.durable().checkpoint, at_offset(1));
    assert_eq!(index.reader().search(&checked(&parts(words("refund")))).unwrap().total, 1);
}

fn nothing_is_written_to_an_index_that_is_being_rebuilt() {
    let options = options();
    let index = index_of(&options);
    let rebuild = Rebuild::begin(&options).unwrap();
    let second = Rebuild::begin(&options).err().unwrap();
    assert!(matches!(second, OpenSearchError::LeftBehind(_)), "{second}");
    let impatient = OpenSearchOptions { patience: Duration::ZERO, ..options.clone() };
    let mut store = OpenSearchIndex::connect(impatient).unwrap().store();
    store.put(said("a", 1, "refund"));
    assert!(matches!(store.refresh(&at_offset(1)), Err(StoreError::NotWritten { num_waiting: 1, .. })));
    rebuild.switch().unwrap();
    assert_eq!(store.refresh(&at_offset(1)).unwrap(), []);
    assert_eq!(index.reader().num_stored().unwrap(), 1);

    // One that is given up leaves nothing behind.
    Rebuild::begin(&options).unwrap().give_up();
    store.put(said("b", 1, "refund"));
    assert_eq!(store.refresh(&at_offset(2)).unwrap(), []);
    Rebuild::begin(&options).unwrap().give_up();
}

fn a_document_that_is_never_taken_holds_up_no_other() {
    let options = options();
    let index = index_of(&options);
    let node = Faulty::before(&options.urls[0], |request, forward| {
        // The first one has a field too many.
        let body = if request.path.contains("_bulk") {
            request.body.replacen(r#""newest_event":"#, r#""surprise":1,"newest_event":"#, 1)
        } else {
            request.body.clone()
        };
        forward(&body)
    });
    let ours = OpenSearchOptions { urls: vec![node.url.clone()], ..options };
    let ours = OpenSearchIndex::connect(ours).unwrap();
    let mut store = ours.store();
    store.put(said("a", 1, "refund"));
    store.put(said("b", 1, "refund"));
    assert_eq!(store.refresh(&at_offset(1)).unwrap(), []);
    assert_eq!(*store.durable().checkpoint, at_offset(1));
    assert_eq!(ours.monitor().num_refused(), 1);
    assert_eq!(index.reader().search(&checked(&parts(words("refund")))).unwrap().total, 1);
}

fn credentials_go_with_every_request() {
    let options = options();
    let made = index_of(&options);
    let node = Faulty::before(&options.urls[0], |request, forward| forward(&request.body));
    let basic = OpenSearchOptions {
        urls: vec![node.url.clone()],
        username: Some("ada".to_owned()),
        password: Some("pass:word".to_owned()),
        ..options
    };
    let with_key = OpenSearchOptions { api_key: Some("a2V5".to_owned()), ..basic.clone() };
    for (options, expected) in [(basic, "Basic YWRhOnBhc3M6d29yZA=="), (with_key, "ApiKey a2V5")] {
        assert!(!format!("{options:?}").contains("pass:word"));
        let reader = OpenSearchIndex::connect(options).unwrap().reader();
        reader.search(&checked(&parts(words("refund")))).unwrap();
        let sent = node.take_authorizations();
        assert!(sent.len() >= 3 && sent.iter().all(|sent| sent == expected), "{sent:?}");
    }
    drop(made);
}

fn a_node_is_spoken_to_only_if_its_certificate_is_trusted() {
    let options = options();
    index_of(&options);
    let [ours, another] =
        [(); 2].map(|()| rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap());
    let node = Faulty::before_with_tls(&options.urls[0], &ours);
    let trusting = |pem: Option<String>| OpenSearchOptions {
        urls: vec![node.url.clone()],
        username: Some("ada".to_owned()),
        password: Some("pass:word".to_owned()),
        ca_pem: pem.map(String::into_bytes),
        ..options.clone()
    };
    let index = OpenSearchIndex::connect(trusting(Some(ours.cert.pem()))).unwrap();
    let mut store = index.store();
    store.put(said("a", 1, "refund"));
    store.refresh(&Checkpoint::default()).unwrap();
    assert_eq!(index.reader().search(&checked(&parts(words("refund")))).unwrap().total, 1);
    let sent = node.take_authorizations();
    assert!(sent.len() >= 4 && sent.iter().all(|sent| sent == "Basic YWRhOnBhc3M6d29yZA=="), "{sent:?}");
    for pem in [None, Some(another.cert.pem())] {
        let why = OpenSearchIndex::connect(trusting(pem)).err().unwrap().to_string();
        assert!(why.contains(&node.url) && why.contains("certificate"), "{why}");
    }
    assert_eq!(node.take_authorizations(), [""; 0], "a stranger learns no secret");
    let broken =
        OpenSearchIndex::connect(trusting(Some("-----BEGIN CERTIFICATE-----".to_owned()))).err().unwrap();
    assert!(matches!(broken, OpenSearchError::Options(_)), "{broken}");
}

fn a_part_of_an_answer_is_none() {
    let options = options();
    index_of(&options);
    let node = Faulty::before(&options.urls[0], |request, forward| {
        let (status, answer) = forward(&request.body);
        (status, answer.replace("\"failed\":0", "\"failed\":1"))
    });
    let ours = OpenSearchOptions { urls: vec![node.url.clone()], ..options };
    let reader = OpenSearchIndex::connect(ours).unwrap().reader();
    let answer = reader.search(&checked(&parts(words("refund"))));
    assert!(matches!(answer, Err(SearchError::Unavailable(_))), "{answer:?}");
}

fn what_is_erased_is_out_of_answers_at_once() {
    let hour = Duration::from_secs(3_600);
    let options = OpenSearchOptions { refresh_on_write: false, refresh_interval: hour, ..options() };
    let index = index_of(&options);
    let mut store = index.store();
    let total = || index.reader().search(&checked(&parts(words("refund")))).unwrap().total;
    store.put(said("a", 1, "refund"));
    store.put(said("b", 1, "refund"));
    store.refresh(&Checkpoint::default()).unwrap();
    assert_eq!(total(), 0, "the cluster shows it in an hour");
    assert!(Lookup::get(&index.reader(), &id("a"), &Access::All).unwrap().is_some(), "but it is there");
    store.put(Arc::new(Document { revision: 2, ..Document::tombstone(id("a")) }));
    store.refresh(&Checkpoint::default()).unwrap();
    assert_eq!(total(), 1);
}

fn what_was_erased_leaves_the_files(options: &OpenSearchOptions) {
    let index = index_of(options);
    let mut store = index.store();
    for number in 0..20 {
        store.put(said(&format!("i{number}"), 1, "refund"));
    }
    store.refresh(&Checkpoint::default()).unwrap();
    store.put(Arc::new(Document { revision: 2, ..Document::tombstone(id("i3")) }));
    store.refresh(&Checkpoint::default()).unwrap();
    let monitor = index.monitor();
    let cleaned: Result<(), StoreError> = monitor.clean_files();
    cleaned.unwrap();
    let url = format!("{}/{}/_stats/docs", options.urls[0], options.index_prefix);
    let stats: serde_json::Value = reqwest::blocking::get(url).unwrap().json().unwrap();
    assert_eq!(stats["_all"]["primaries"]["docs"], serde_json::json!({"count": 20, "deleted": 0}));
    assert_eq!(monitor.stats().num_documents, 20);
}

fn scores_are_those_of_a_shard() {
    let index = index_of(&OpenSearchOptions { shards: 3, ..options() });
    let mut store = index.store();
    (0..10).for_each(|number| store.put(said(&format!("i{number}"), 1, "refund")));
    store.refresh(&Checkpoint::default()).unwrap();
    let asked = SearchParts { sort: Sort::Relevance, ..parts(words("refund")) };
    let answer = index.reader().search(&checked(&asked)).unwrap();
    let mut scores: Vec<f32> = answer.hits.iter().filter_map(|hit| hit.score).collect();
    assert_eq!(scores.len(), 10);
    scores.dedup();
    // The embedded engine scores what is alike alike. Ten over three shards are not as many on each.
    assert!(scores.len() > 1, "{scores:?}");
}

fn a_repeated_word_out_of_place_is_looked_for_in_few() {
    let options = options();
    let index = index_of(&options);
    let mut store = index.store();
    (0..250).for_each(|number| store.put(said(&format!("i{number}"), 1, "now or never now")));
    store.refresh(&Checkpoint::default()).unwrap();
    // One page of matches comes again and again.
    let node = Faulty::before(&options.urls[0], |request, forward| {
        let mut body: serde_json::Value = serde_json::from_str(&request.body).unwrap_or_default();
        match body.as_object_mut().and_then(|body| body.remove("search_after")) {
            Some(_) => forward(&body.to_string()),
            None => forward(&request.body),
        }
    });
    let endless = OpenSearchOptions { urls: vec![node.url.clone()], ..options };
    let endless = OpenSearchIndex::connect(endless).unwrap().reader();
    let form = TextForm::Phrase { slop: 2 };
    let query = |text: &str| Query::Text { scope: Scope::Default, text: text.to_owned(), form };
    let asked = parts(Selection::new(query("now never now"), Access::All));
    assert_eq!(index.reader().search(&checked(&asked)).unwrap().total, 250);
    let Err(SearchError::TooExpensive(why)) = endless.search(&checked(&asked)) else {
        panic!("it was answered")
    };
    assert!(why.contains("more than 5000 interactions"), "{why}");
    assert_eq!(node.bodies("_search").len(), 21, "pages of 250");
    // Without a repeated word the cluster finds any number.
    let once = parts(Selection::new(query("now never"), Access::All));
    assert_eq!(endless.search(&checked(&once)).unwrap().total, 250);
}

fn a_prefix_in_a_phrase_stands_for_1024_words() {
    let index = index();
    let mut store = index.store();
    let numbers =
        |range: std::ops::Range<u32>| range.map(|number| format!("order z{number}z ")).collect::<String>();
    store.put(said("a", 1, &numbers(0..1_000)));
    store.refresh(&Checkpoint::default()).unwrap();
    let query =
        Query::Text { scope: Scope::Role(Role::User), text: "order z".to_owned(), form: TextForm::Prefix };
    let asked = parts(Selection::new(query, Access::All));
    assert_eq!(index.reader().search(&checked(&asked)).unwrap().total, 1);
    store.put(said("b", 1, &numbers(1_000..1_100)));
    store.refresh(&Checkpoint::default()).unwrap();
    let answer = index.reader().search(&checked(&asked));
    assert!(matches!(answer, Err(SearchError::TooExpensive(_))), "{answer:?}");
}

fn intervals_are_whole_milliseconds() {
    let index = index();
    let mut store = index.store();
    let mut document = Document { revision: 1, ..conversation("a", &[]) };
    document.derived.head.start_time = Some(Timestamp::from_nanos(1_500_000));
    store.put(Arc::new(document));
    store.refresh(&Checkpoint::default()).unwrap();
    let every = |length: Duration| {
        let boundaries = Boundaries::Every(Interval::from(length));
        let mut asked = parts(Selection::new(Query::All, Access::All));
        asked.ranges = vec![RangeFacet { field: "start_time".to_owned(), boundaries }];
        index.reader().search(&checked(&asked))
    };
    assert!(every(Duration::from_millis(1)).is_ok());
    let refused = every(Duration::from_micros(1_500));
    assert!(matches!(refused, Err(SearchError::Invalid(_))), "{refused:?}");
}

fn large_sums_and_percentiles_are_floats() {
    let index = index();
    let mut store = index.store();
    // The first number of billionths that a float does not know.
    let amount = "9007199.254740993";
    let seconds = 9_007_199.0;
    for number in 0..3 {
        let mut document = Document { revision: 1, ..conversation(&format!("i{number}"), &[]) };
        document.derived.head.total_costs.amount = Some(amount.parse().unwrap());
        document.derived.head.duration = Some(seconds);
        store.put(Arc::new(document));
    }
    store.refresh(&Checkpoint::default()).unwrap();
    let overview = index.reader().overview(&OverviewRequest {
        selection: Selection::new(Query::All, Access::All),
        interval: Interval::from(Duration::from_secs(60)),
        facets: Vec::new(),
        facet_size: 10,
        ranges: Vec::new(),
        distributions: vec!["total_costs".to_owned(), "duration".to_owned()],
        deadline: None,
    });
    let overview = overview.unwrap();
    let [(_, costs), (_, durations)] = &overview.distributions[..] else { panic!("{overview:?}") };
    assert_eq!(costs.sum, "27021597.764222979", "sums of money are exact");
    assert_eq!((&costs.min, &costs.max), (&"9007199.254740992".into(), &"9007199.254740992".into()));
    assert_eq!(durations.max.as_f64().unwrap(), seconds);
    let sum = durations.sum.as_f64().unwrap();
    assert!((sum / (3.0 * seconds) - 1.0).abs() < 1e-15, "{sum}");
}

fn facets_show_the_beginning_of_a_long_value() {
    let index = index();
    let mut store = index.store();
    let values = ["a", "b"].map(|end| "x".repeat(17 * 1024) + end);
    for (number, value) in values.iter().enumerate() {
        let mut document = Document { revision: 1, ..conversation(&format!("i{number}"), &[]) };
        document.derived.head.agent = Some(value.clone());
        store.put(Arc::new(document));
    }
    store.refresh(&Checkpoint::default()).unwrap();
    let mut asked = parts(Selection::new(Query::All, Access::All));
    asked.facets = vec!["agent".to_owned()];
    let answer = index.reader().search(&checked(&asked)).unwrap();
    let shown: Vec<&str> = answer.facets[0].1.iter().filter_map(|counted| counted.value.as_str()).collect();
    assert_eq!(shown.len(), 2, "the hash tells them apart");
    for shown in shown {
        assert!(shown.len() < values[0].len() && shown.starts_with(&values[0][..16 * 1024]));
    }
    let any_of = vec![FilterValue::Is(values[1].clone())];
    asked.selection.filters.insert("agent".to_owned(), Filter { any_of, none_of: Vec::new() });
    let answer = index.reader().search(&checked(&asked)).unwrap();
    assert_eq!(hit_ids(&answer.hits), ["i1"]);
}
