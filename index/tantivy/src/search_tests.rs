//! The engine with its documents in every state: what every engine must do, what only this one does, and real
//! conversations.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use hearken_index::checkpoint::Checkpoint;
use hearken_index::conformance::asked::{
    checked, counted_ranges, page_through, parts, scanned_ranges, shown, words,
};
use hearken_index::conformance::made_up::{self, Rng, at, conversation};
use hearken_index::conformance::{OpenEngine, generated};
use hearken_index::highlight::{HighlightOptions, Highlighter};
use hearken_index::oracle;
use hearken_index::query::{Edge, Query, Range, Scope, TextForm};
use hearken_index::ranking::Ranking;
use hearken_index::search::{Boundaries, RangeFacet, SearchError, SearchParts, Selection, Sort};
use hearken_index::{Access, conformance_tests};
use hearken_model::{Document, InteractionId, MessageText, Role, Scalar};
use proptest::prelude::*;

use crate::cursor::PageEnd;
use crate::{Counts, Index, IndexReader, IndexWriter, SimulatedDisk, WriterOptions};

/// Where documents are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spread {
    /// In the engine's files, in several segments.
    Stored,
    /// Not flushed yet.
    Live,
    /// In files, frozen while they wait for a flush, and newer than that: in equal parts.
    Everywhere,
}

/// An index that flushes only when told to.
fn open() -> (SimulatedDisk, IndexWriter, IndexReader) {
    let disk = SimulatedDisk::new();
    let flush_interval = Duration::from_secs(3_600);
    let options = WriterOptions { flush_interval, ..WriterOptions::default() };
    let opened = Index::open_storage("simulated".into(), Arc::new(disk.clone()), options);
    let (writer, reader) = opened.unwrap();
    (disk, writer, reader)
}

/// Puts the batches, and brings each to where it belongs.
fn spread(batches: &[Vec<Document>], spread: Spread) -> (IndexWriter, IndexReader) {
    let (disk, mut writer, reader) = open();
    let num_batches = batches.len();
    for (at, batch) in batches.iter().enumerate() {
        batch.iter().for_each(|document| writer.put(document.clone()));
        writer.refresh(&Checkpoint::default()).unwrap();
        let is_last_of = |third: usize| at + 1 == (third * num_batches).div_ceil(3);
        match spread {
            Spread::Stored => writer.flush_now().unwrap(),
            Spread::Live => {}
            Spread::Everywhere if at < num_batches.div_ceil(3) => writer.flush_now().unwrap(),
            Spread::Everywhere if is_last_of(2) => {
                // What is frozen stays frozen.
                disk.fail_after(0, usize::MAX, ErrorKind::StorageFull);
                writer.flush_now().unwrap_err();
            }
            Spread::Everywhere => {}
        }
    }
    let num_live_documents = writer.monitor().stats().num_live_documents;
    let is_all_flushed = match num_batches {
        0 => true,
        1 => spread != Spread::Live,
        _ => spread == Spread::Stored,
    };
    assert_eq!(num_live_documents == 0, is_all_flushed);
    (writer, reader)
}

/// The port of an index with these batches spread so.
fn opened(batches: &[Vec<Document>], tiers: Spread) -> OpenEngine {
    let (writer, reader) = spread(batches, tiers);
    OpenEngine { store: Box::new(writer), search: Arc::new(reader.clone()), lookup: Arc::new(reader) }
}

mod everywhere {
    super::conformance_tests!(|batches| super::opened(batches, super::Spread::Everywhere));
}

mod stored {
    super::conformance_tests!(|batches| super::opened(batches, super::Spread::Stored));
}

mod live {
    super::conformance_tests!(|batches| super::opened(batches, super::Spread::Live));
}

struct World {
    _writer: IndexWriter,
    reader: IndexReader,
    documents: Vec<Document>,
}

fn indexed(documents: Vec<Document>) -> World {
    let batches: Vec<Vec<Document>> =
        documents.chunks(documents.len().div_ceil(3).max(1)).map(<[_]>::to_vec).collect();
    let (writer, reader) = spread(&batches, Spread::Everywhere);
    World { _writer: writer, reader, documents }
}

/// Real dialogues in ten languages, some of every set.
fn dialogues(of_each: usize) -> Option<Vec<Document>> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let data = std::env::var_os("HEARKEN_TEST_DATA").map_or(root.join("shared/data"), Into::into);
    let Ok(entries) = std::fs::read_dir(data.join("dialogues")) else {
        assert!(
            std::env::var_os("HEARKEN_REQUIRE_ENGINES").is_none_or(|value| value != "1"),
            "{data:?} is missing"
        );
        eprintln!("skipped: there are no dialogues in {data:?}");
        return None;
    };
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut documents = Vec::new();
    for file in files {
        let rows = zstd::decode_all(std::fs::File::open(&file).unwrap()).unwrap();
        let rows: Vec<&str> = std::str::from_utf8(&rows).unwrap().lines().collect();
        for row in rows.iter().step_by(rows.len().div_ceil(of_each)) {
            let row: serde_json::Value = serde_json::from_str(row).unwrap();
            let turns: Vec<(Role, &str)> = row["turns"]
                .as_array()
                .unwrap()
                .iter()
                .map(|turn| {
                    (Role::from_name(turn["role"].as_str().unwrap()).unwrap_or(Role::Tool), &turn["text"])
                })
                .map(|(role, text)| (role, text.as_str().unwrap_or_default()))
                .collect();
            let mut document = conversation(&format!("dialogue-{}", documents.len()), &turns);
            let head = &mut document.derived.head;
            head.user_id = Some(head.id.clone());
            head.language = row["language"].as_str().map(str::to_owned);
            head.integration = row["dataset"].as_str().map(str::to_owned);
            head.csat = Some((documents.len() % 5) as u8 + 1).filter(|csat| *csat > 1);
            documents.push(document);
        }
    }
    Some(documents)
}

/// A query that somebody might make of words that were said: found as they were, bent, shuffled or misspelt.
fn asked_of(documents: &[Document], rng: &mut Rng) -> Option<Query> {
    let transcript = documents[rng.below(documents.len())].transcript();
    let message = transcript.get(rng.below(transcript.len().max(1)))?;
    let words = hearken_index::text::tokens(&message.message);
    if words.is_empty() {
        return None;
    }
    let num_words = (1 + rng.below(4)).min(words.len());
    let from = rng.below(words.len() - num_words + 1);
    let mut chosen: Vec<String> =
        words[from..from + num_words].iter().map(|token| token.folded.clone()).collect();
    let form = match rng.below(8) {
        0..3 => TextForm::Word,
        3 => TextForm::Phrase { slop: 0 },
        4 => {
            chosen.rotate_left(1);
            TextForm::Phrase { slop: 1 + rng.below(6) as u32 }
        }
        5 => {
            let last = chosen.last_mut()?;
            let num_chars = 1 + rng.below(last.chars().count());
            *last = last.chars().take(num_chars).collect();
            TextForm::Prefix
        }
        6 => {
            chosen.truncate(1);
            let mut chars: Vec<char> = chosen[0].chars().collect();
            let (one, other) = (rng.below(chars.len()), rng.below(chars.len()));
            chars.swap(one, other);
            chosen[0] = chars.into_iter().collect();
            TextForm::Fuzzy { distance: 1 + rng.below(2) as u8 }
        }
        _ => {
            chosen.truncate(1);
            TextForm::Word
        }
    };
    let scope = match rng.below(6) {
        0 => Scope::Role(message.role),
        1 => Scope::Transcript,
        _ => Scope::Default,
    };
    let text = Query::Text { scope, text: chosen.join(" "), form };
    Some(match rng.below(6) {
        0 => Query::And(vec![text, asked_of(documents, rng)?]),
        1 => Query::Or(vec![text, asked_of(documents, rng)?]),
        2 => Query::And(vec![text, Query::Not(Box::new(asked_of(documents, rng)?))]),
        _ => text,
    })
}

#[test]
fn real_dialogues_are_found_and_counted_as_a_scan_does() {
    let Some(documents) = dialogues(60) else { return };
    let batches: Vec<Vec<Document>> = documents.chunks(100).map(<[_]>::to_vec).collect();
    let (writer, reader) = spread(&batches, Spread::Everywhere);
    let world = World { _writer: writer, reader, documents };
    let mut rng = Rng(11);
    let mut num_found = 0;
    for _ in 0..1_500 {
        let Some(query) = asked_of(&world.documents, &mut rng) else { continue };
        let selection = Selection::new(query, Access::All);
        let expected = oracle::find(&world.documents, &selection);
        // The facet of a value that each has of its own says which were found without reading them.
        let mut asked = SearchParts { limit: 0, ..parts(selection) };
        asked.facets = ["user_id", "language", "integration", "csat"].map(str::to_owned).into();
        let lengths = Boundaries::Integer(vec![2, 5, 10, 20, 50]);
        asked.ranges = vec![RangeFacet { field: "messages_count".to_owned(), boundaries: lengths }];
        let mut answer = world.reader.search(&checked(&asked)).unwrap();
        assert_eq!(answer.total, expected.len() as u64, "{:?}", asked.selection.query);
        let (_, lengths) = answer.facets.pop().unwrap();
        assert_eq!(counted_ranges(&lengths), scanned_ranges(&expected, &asked.ranges[0]));
        for (name, counts) in &answer.facets {
            let counted: BTreeMap<_, _> = counts.iter().map(|c| (shown(&c.value), c.count)).collect();
            assert_eq!(counted, oracle::facet(&expected, name), "{name} of {:?}", asked.selection.query);
        }
        num_found += usize::from(answer.total > 0);
    }
    assert!(num_found > 1_100, "most queries find what they were made of, {num_found} did");
}

/// What happens between two pages: a flush, a merge, or neither.
fn flush_or_merge(writer: &IndexWriter, number: usize) {
    match number % 3 {
        0 => writer.merge_all().unwrap(),
        1 => writer.flush_now().unwrap(),
        _ => {}
    }
}

/// Words are worth the same in every tier: what ranks does not change when it is flushed.
#[test]
fn scores_are_the_same_before_and_after_a_flush() {
    let mut rng = Rng(3);
    let batches: Vec<Vec<Document>> =
        (0..3).map(|batch| (0..50).map(|n| made_up::made_up(50 * batch + n, &mut rng)).collect()).collect();
    let spreads = [Spread::Stored, Spread::Live, Spread::Everywhere];
    let tiers = spreads.map(|tiers| spread(&batches, tiers));
    for text in ["refund", "order", "55-A12", "退款", "the a", "Café", "👍", "refund ord", "+49 30"] {
        for form in [
            TextForm::Word,
            TextForm::Phrase { slop: 0 },
            TextForm::Phrase { slop: 3 },
            TextForm::Prefix,
            TextForm::Fuzzy { distance: 1 },
        ] {
            for scope in [Scope::Default, Scope::Role(Role::User), Scope::Topic] {
                let query = Query::Text { scope, text: text.to_owned(), form };
                let scores = tiers.each_ref().map(|(_, reader)| -> BTreeMap<String, Option<f32>> {
                    let selection = Selection::new(query.clone(), Access::All);
                    let asked = SearchParts { sort: Sort::Relevance, ..parts(selection) };
                    let hits = reader.search(&checked(&asked)).unwrap().hits;
                    hits.iter().map(|hit| (hit.id().unwrap(), hit.score)).collect()
                });
                let [stored, live, everywhere] = &scores;
                for other in [live, everywhere] {
                    assert!(stored.keys().eq(other.keys()), "{query:?}");
                    for ((id, stored), other) in stored.iter().zip(other.values()) {
                        let difference = stored.unwrap_or(0.0) - other.unwrap_or(0.0);
                        assert!(difference.abs() < 1e-4, "{id} {query:?}: {stored:?} {other:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn pages_neither_skip_nor_repeat_what_stays_while_others_are_written() {
    let (_disk, mut writer, reader) = open();
    for number in 0..50 {
        writer.put(conversation(&format!("stays-{number}"), &[(Role::User, "refund")]));
    }
    writer.refresh(&Checkpoint::default()).unwrap();
    let request = SearchParts { limit: 6, ..parts(words("refund")) };
    let mut num_written = 0;
    let seen = page_through(&reader, request, || {
        // New ones on both sides of every tie, and one that stays is replaced by its equal.
        for id in
            [format!("new-{num_written}"), format!("other-{num_written}"), format!("stays-{num_written}")]
        {
            writer.put(conversation(&id, &[(Role::User, "refund")]));
        }
        num_written += 1;
        writer.refresh(&Checkpoint::default()).unwrap();
        flush_or_merge(&writer, num_written);
    });
    let mut stayed: Vec<String> = seen.into_iter().filter(|id| id.starts_with("stays")).collect();
    stayed.sort();
    let mut expected: Vec<String> = (0..50).map(|number| format!("stays-{number}")).collect();
    expected.sort();
    assert_eq!(stayed, expected);
}

#[test]
fn relevance_pages_stay_on_their_view_until_it_expires() {
    let (_disk, mut writer, reader) = open();
    for number in 0..20 {
        writer.put(conversation(&format!("i{number}"), &[(Role::User, "refund")]));
    }
    writer.refresh(&Checkpoint::default()).unwrap();
    let request = SearchParts { sort: Sort::Relevance, limit: 6, ..parts(words("refund")) };
    let mut number = 0;
    let seen = page_through(&reader, request.clone(), || {
        writer.put(conversation(&format!("i{number}"), &[(Role::User, "nothing")]));
        writer.refresh(&Checkpoint::default()).unwrap();
        number += 1;
        flush_or_merge(&writer, number);
    });
    assert_eq!(seen.iter().collect::<std::collections::BTreeSet<_>>().len(), 20);
    assert_eq!(seen.len(), 20);
    let unknown = SearchParts { cursor: Some(PageEnd::Pinned { view: 1, offset: 6 }.to_cursor()), ..request };
    assert!(matches!(reader.search(&checked(&unknown)), Err(SearchError::CursorExpired)));
}

#[test]
fn a_better_match_comes_first_and_ties_go_to_the_newest() {
    let mut once =
        conversation("once", &[(Role::User, "a refund and much else that I would like to say today")]);
    let twice =
        conversation("twice", &[(Role::User, "refund, refund! and much else that I would like to say")]);
    let mut topic =
        conversation("topic", &[(Role::User, "money and much else that I would like to say now and here")]);
    topic.derived.head.topics_summary.topic = Some("Refund request".to_owned());
    once.derived.head.start_time = Some(at(-10));
    let mut newer = once.clone();
    newer.state =
        conversation("newer", &[(Role::User, "a refund and much else that I would like to say today")]).state;
    newer.derived.head.id = "newer".to_owned();
    newer.derived.head.start_time = Some(at(10));
    let world = indexed(vec![once, twice, topic, newer]);
    let answer = world
        .reader
        .search(&checked(&SearchParts { sort: Sort::Relevance, ..parts(words("refund")) }))
        .unwrap();
    let order: Vec<String> = answer.hits.iter().map(|hit| hit.id().unwrap()).collect();
    assert_eq!(order, ["topic", "twice", "newer", "once"]);
}

/// The ids of what a query finds, best first.
fn ranked(reader: &IndexReader, query: Query) -> Vec<String> {
    let selection = Selection::new(query, Access::All);
    let request = SearchParts { sort: Sort::Relevance, ..parts(selection) };
    reader.search(&checked(&request)).unwrap().hits.iter().map(|hit| hit.id().unwrap()).collect()
}

#[test]
fn a_short_page_is_the_beginning_of_a_long_one() {
    // Far more than are looked at together: how often the word and its forms stand, how long the texts are and whether
    // the topic has it, too, all change from one to the next.
    let document = |number: usize| {
        let said = format!(
            "{}{}{}",
            "refund ".repeat(number * 7 % 11),
            if number.is_multiple_of(3) { "refunds " } else { "" },
            "money ".repeat(number * 13 % 97)
        );
        let mut document = conversation(&format!("i{number}"), &[(Role::User, &said)]);
        document.derived.head.start_time = Some(at(number as i64 % 5));
        if number.is_multiple_of(17) {
            document.derived.head.topics_summary.topic = Some("Refunds".to_owned());
        }
        document
    };
    let world = indexed((0..900).map(document).collect());
    for query in [words("refund"), words("money"), words("refunds")] {
        let page = |limit| {
            let request = SearchParts { sort: Sort::Relevance, limit, ..parts(query.clone()) };
            let answer = world.reader.search(&checked(&request)).unwrap();
            let hits = answer.hits.iter().map(|hit| (hit.id().unwrap(), hit.score)).collect::<Vec<_>>();
            (answer.total, hits)
        };
        let (total, all) = page(1_000);
        assert_eq!(all.len() as u64, total);
        for limit in [1, 2, 5, 20, 100] {
            assert_eq!(page(limit), (total, all[..limit].to_vec()), "{limit} of {query:?}");
        }
    }
}

#[test]
fn what_a_conversation_is_about_comes_before_a_passing_mention() {
    let said = |id: &str, text| conversation(id, &[(Role::User, text)]);
    let mut in_passing = said("in passing", "hello good day a refund and much else that I would like to say");
    in_passing.derived.head.start_time = Some(at(10)); // would be first if topic, keywords and summary counted nothing
    let mut of_topic = said("topic", "hello good day and much else that I would like to say");
    of_topic.derived.head.topics_summary.topic = Some("Refund".to_owned());
    let mut of_keywords = said("keywords", "hello good day and much else that I would like to say");
    of_keywords.derived.head.topics_summary.keywords = vec!["refund".to_owned()];
    let mut of_summary = said("summary", "hello good day and much else that I would like to say");
    of_summary.derived.head.topics_summary.summary = Some("Refund".to_owned());
    let others = (0..20).map(|number| said(&format!("other {number}"), "something else altogether"));
    let world = indexed([in_passing, of_topic, of_keywords, of_summary].into_iter().chain(others).collect());

    let order = ranked(&world.reader, words("refund").query);
    assert_eq!(order.len(), 4);
    assert_eq!((order[0].as_str(), order[3].as_str()), ("topic", "in passing"));
    let none = Ranking { topic: 0.0, keywords: 0.0, summary: 0.0, ..Ranking::DEFAULT };
    assert_eq!(ranked(&world.reader.clone().ranked_by(none), words("refund").query)[0], "in passing");
}

#[test]
fn what_stands_in_details_alone_comes_last() {
    let said = |id: &str, text: &str| conversation(id, &[(Role::User, text)]);
    let long =
        said("long", &format!("order 55-A12 {}", "and much else that they would like to say ".repeat(500)));
    let mut detail = said("detail", "hello");
    detail
        .derived
        .head
        .metadata
        .insert("order".to_owned(), Scalar::Text("order 55-A12 order 55-A12".to_owned()));
    detail.derived.head.start_time = Some(at(10));
    let mut both = said("both", "order 55-A12");
    both.derived.head.url = Some("https://example.com/order/55-A12/order/55-A12".to_owned());
    both.derived.head.start_time = Some(at(-10));
    let mut plain = said("plain", "order 55-A12");
    // What is attached makes a conversation no longer.
    plain.derived.head.rating_comment = Some("nothing of it ".repeat(100));
    let others = (0..20).map(|number| said(&format!("other {number}"), "something else altogether"));
    let world = indexed([long, detail, both, plain].into_iter().chain(others).collect());
    let text = |text: &str, form| Query::Text { scope: Scope::Default, text: text.to_owned(), form };
    for query in [
        text("order", TextForm::Word),
        text("55-A12", TextForm::Word),
        text("order 55", TextForm::Phrase { slop: 2 }),
        text("order 55-A", TextForm::Prefix),
    ] {
        let selection = Selection::new(query.clone(), Access::All);
        let asked = SearchParts { sort: Sort::Relevance, ..parts(selection) };
        let hits = world.reader.search(&checked(&asked)).unwrap().hits;
        let order: Vec<String> = hits.iter().map(|hit| hit.id().unwrap()).collect();
        assert_eq!(order, ["plain", "both", "long", "detail"], "{query:?}");
        assert_eq!(hits[0].score, hits[1].score, "said again in details is said once: {query:?}");
    }
}

#[test]
fn neither_length_nor_repetition_swamps_what_is_short_and_to_the_point() {
    let filler = |words: usize| "and much else that they would like to say today ".repeat(words / 10);
    let said = |id: &str, text: String| conversation(id, &[(Role::User, &text)]);
    let world = indexed(vec![
        said("long", format!("refund {} refund {} refund", filler(1_000), filler(1_000))),
        said("short", format!("refund {}", filler(10))),
        said("repeats", format!("{} invoice {}", "parcel ".repeat(40), filler(10))),
        said("balanced", format!("parcel parcel parcel invoice invoice invoice {}", filler(50))),
    ]);
    assert_eq!(ranked(&world.reader, words("refund").query), ["short", "long"]);
    let both = Query::And(vec![words("parcel").query, words("invoice").query]);
    assert_eq!(ranked(&world.reader, both), ["balanced", "repeats"]);
}

#[test]
fn a_rare_word_counts_more_than_a_common_one() {
    let mut documents: Vec<Document> =
        (0..30).map(|number| conversation(&format!("other {number}"), &[(Role::User, "my order")])).collect();
    documents.push(conversation("rare", &[(Role::User, "my chargeback")]));
    let world = indexed(documents);
    let either = Query::Or(vec![words("order").query, words("chargeback").query]);
    assert_eq!(ranked(&world.reader, either)[0], "rare");
}

#[test]
fn hostile_requests_are_refused_or_stopped() {
    let (batches, _) = made_up::story();
    let (_writer, reader) = &spread(&batches, Spread::Everywhere);
    let error =
        |query: Query| reader.search(&checked(&parts(Selection::new(query, Access::All)))).unwrap_err();
    let text = |text: String, form| Query::Text { scope: Scope::Default, text, form };
    let many = Query::Or(vec![words("a").query; 10_000]);
    assert!(matches!(error(many), SearchError::TooExpensive(_)));
    let long = text("a ".repeat(10_000), TextForm::Phrase { slop: 0 });
    assert!(matches!(error(long), SearchError::TooExpensive(_)));
    let fuzzy = text("a".repeat(200), TextForm::Fuzzy { distance: 2 });
    assert!(matches!(error(fuzzy), SearchError::TooExpensive(_)));
    let sloppy = text("a ".repeat(40), TextForm::Phrase { slop: 50 });
    assert!(matches!(error(sloppy), SearchError::Invalid(_)));
    assert!(matches!(error(Query::Exists { field: "nope".to_owned() }), SearchError::Invalid(_)));
    let range = Query::Range { field: "csat".to_owned(), range: Range::Number(Edge::Open, Edge::Open) };
    assert!(matches!(error(range), SearchError::Invalid(_)));

    // Each of these walks every dictionary; together they take many times as long as they may.
    let fuzzy = |n: usize| text(format!("refundorderword{n}"), TextForm::Fuzzy { distance: 2 });
    let slow = Selection::new(Query::Or((0..1_000).map(fuzzy).collect()), Access::All);
    let soon = std::time::Instant::now() + Duration::from_millis(1);
    let slow = SearchParts { deadline: Some(soon), ..parts(slow) };
    assert!(matches!(reader.search(&checked(&slow)), Err(SearchError::DeadlineExceeded)));
    assert!(reader.search(&checked(&SearchParts { deadline: None, ..slow })).is_ok());
    let cursor = Some(PageEnd::After { keys: vec![], tie: 0, id: String::new() }.to_cursor());
    let asked = SearchParts { cursor, ..parts(Selection::new(Query::All, Access::All)) };
    assert!(matches!(reader.search(&checked(&asked)), Err(SearchError::Invalid(_))));
}

#[test]
fn tombstones_are_counted_apart() {
    let (_disk, mut writer, reader) = open();
    writer.put(conversation("kept", &[]));
    writer.put(Document::tombstone(InteractionId::try_new("erased").unwrap()));
    writer.refresh(&Checkpoint::default()).unwrap();
    assert_eq!(reader.counts().unwrap(), Counts { interactions: 1, erased: 1 });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, max_shrink_iters: 2_000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn messages_and_details_are_highlighted_exactly_where_the_index_finds_them(query in generated::text_query()) {
        let Query::Text { scope, .. } = &query else { unreachable!("it makes only texts") };
        prop_assume!(!matches!(scope, Scope::Topic | Scope::Summary | Scope::Keywords));
        static DOCUMENTS: LazyLock<Vec<Document>> = LazyLock::new(|| made_up::story().1);
        let mut highlighter = Highlighter::new(&query, HighlightOptions::WHOLE);
        for document in &*DOCUMENTS {
            for message in document.transcript() {
                let alone = conversation("alone", &[(message.role, &message.message)]);
                let found = !highlighter.highlights(alone.transcript().iter().map(MessageText::from), []).is_empty();
                prop_assert_eq!(found, oracle::evaluate(&query, &alone).unwrap_or(false), "{:?}", message.message);
            }
            for detail in document.derived.head.details() {
                let mut alone = conversation("alone", &[]);
                alone.derived.head.rating_comment = Some(detail.text.to_string());
                let found = !highlighter.highlights([], [detail]).is_empty();
                prop_assert_eq!(found, oracle::evaluate(&query, &alone).unwrap_or(false), "{:?}", alone.derived.head);
            }
        }
    }
}
