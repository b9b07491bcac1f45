//! The engine against the oracle, over made-up and over real conversations.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hearken_index::checkpoint::Checkpoint;
use hearken_index::decimal::Decimal;
use hearken_index::highlight::{HighlightOptions, Highlighter};
use hearken_index::oracle;
use hearken_index::overview::OverviewRequest;
use hearken_index::query::{Edge, Query, Range, Scope, TextForm, ValueMatch};
use hearken_index::ranking::Ranking;
use hearken_index::search::{
    BOUNDARIES_MAX, Boundaries, Cursor, FacetCount, Filter, FilterValue, Hit, RangeEnds, RangeFacet,
    SearchError, SearchRequest, Selection, Sort, SortKey,
};
use hearken_index::{Access, Organizations};
use hearken_model::{
    Document, Event, InteractionId, InteractionType, MessageTime, MessageUpdate, Money, Role, Said, Scalar,
    Sentiment, State, Status, Timestamp,
};
use proptest::prelude::*;

use crate::cursor::PageEnd;
use crate::{Index, IndexReader, IndexWriter, SimulatedDisk, WriterOptions};

/// Words that meet each other's forms, prefixes, misspellings and scripts.
const WORDS: &[&str] = &[
    "refund",
    "refunds",
    "refunded",
    "refudn",
    "refu",
    "order",
    "orders",
    "ordering",
    "the",
    "a",
    "not",
    "Café",
    "cafe",
    "Straße",
    "strasse",
    "MÜNCHEN",
    "55-A12",
    "A12",
    "55",
    "ada@example.com",
    "https://example.com/a?b=1",
    "don't",
    "退款",
    "退",
    "款",
    "我要退款",
    "订单",
    "手机",
    "iPhone手机",
    "환불",
    "환불을",
    "ありがとう",
    "カード",
    "คืนเงิน",
    "เงิน",
    "धनवापसी",
    "हिन्दी",
    "👍",
    "👍🏽",
    "😀",
    "🇩🇪",
    "ordre",
    "Größe",
    "ÉTÉ",
    "x",
    "…",
    "universe",
    "university",
    "news",
    "re\u{AD}fund",
    "می\u{200C}خواهم",
    "میخواهم",
    "كِتَابٌ",
    "کتاب",
    "שָׁלוֹם",
    "שלום",
    "ΟΔΟΣ",
    "οδος",
    "१२",
    "12",
];

struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
    fn maybe<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        (self.below(4) > 0).then(|| self.pick(from))
    }
    fn text(&mut self, words_max: usize) -> String {
        let num_words = self.below(words_max + 1);
        (0..num_words).map(|_| self.pick(WORDS)).collect::<Vec<_>>().join(self.pick(&[" ", " ", ", ", ""]))
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_760_000_000_000 + seconds * 1_000)
}

fn message(role: Role, text: &str, seconds: i64) -> MessageUpdate {
    MessageUpdate::new(MessageTime::At(at(seconds)), role, text)
}

/// A document with those messages and nothing else.
fn conversation(id: &str, messages: &[(Role, &str)]) -> Document {
    let id = InteractionId::try_new(id).unwrap();
    let mut state = State::new(id.clone());
    let mut event = Event::new(id, at(0), at(0));
    for (number, (role, text)) in messages.iter().enumerate() {
        event.messages.push((format!("m{number:03}"), message(*role, text, number as i64)));
    }
    state.fold(event, None).unwrap();
    let mut document = Document { state, derived: Default::default() };
    document.derived.head.id = document.id().as_str().to_owned();
    document.derived.head.messages_count = messages.len() as u64;
    document.derived.head.start_time = document.state.start_time();
    document
}

fn made_up(number: usize, rng: &mut Rng) -> Document {
    let roles =
        [Role::User, Role::Assistant, Role::User, Role::Assistant, Role::Human, Role::System, Role::Tool];
    let texts: Vec<(Role, String)> = (0..rng.below(8)).map(|_| (rng.pick(&roles), rng.text(9))).collect();
    let messages: Vec<(Role, &str)> = texts.iter().map(|(role, text)| (*role, text.as_str())).collect();
    let mut document = conversation(&format!("Made-Up:{number}"), &messages);
    let head = &mut document.derived.head;
    let owned = |value: Option<&str>| value.map(str::to_owned);
    head.organization = owned(rng.maybe(&["acme", "Acme", "globex"]));
    head.agent = owned(rng.maybe(&["Ada L", "ada l", "Bob", "Adalbert", "ΝΙΚΟΣ", "JOSE\u{301}"]));
    head.llm_models = ["gpt-4o", "claude"][..rng.below(3)].iter().map(|m| (*m).to_owned()).collect();
    head.llm_model = head.llm_models.first().cloned();
    head.interaction_type = rng.maybe(&[InteractionType::TextChat, InteractionType::VoiceCall]);
    head.status = rng.maybe(&[Status::InProgress, Status::Finished]);
    head.country = owned(rng.maybe(&["Germany", "France", "Türkiye", "中国", "İstanbul", "Große"]));
    head.url = Some(format!("https://example.com/{}", "long/".repeat(rng.below(400))));
    head.start_time = rng.maybe(&[at(0), at(3_600), at(86_400), at(90_000)]);
    head.duration = rng.maybe(&[0.0, 0.1, 61.5, 7_200.0]);
    head.end_time = rng.maybe(&[at(4_000), at(100_000)]).filter(|_| head.start_time.is_some());
    head.csat = rng.maybe(&[1, 2, 3, 4, 5]);
    head.rating = rng.maybe(&[1, 5]);
    head.billable_messages = rng.maybe(&[0, 3, 9]);
    head.total_costs.amount = rng.maybe(&["0", "0.10", "0.25", "-1.5"]).map(|amount| amount.parse().unwrap());
    head.topics_summary.topic = Some(rng.text(3)).filter(|topic| !topic.is_empty());
    head.topics_summary.summary = Some(rng.text(8)).filter(|summary| !summary.is_empty());
    head.topics_summary.keywords = (0..rng.below(4)).map(|_| rng.pick(WORDS).to_owned()).collect();
    head.topics_summary.sentiment = rng.maybe(Sentiment::ALL);
    if let Some(plan) =
        rng.maybe(&["pro", "Pro", "free", "12", "9007199254740992", "9007199254740993", "1e400"])
    {
        head.metadata.insert("plan".to_owned(), Scalar::Text(plan.to_owned()));
    }
    if let Some(seats) = rng.maybe(&[1, 5, 12]) {
        head.metadata.insert("plan.seats\0odd".to_owned(), Scalar::Number(seats.into()));
        head.metadata.insert("seats".to_owned(), Scalar::Number(seats.into()));
    }
    document
}

struct World {
    _writer: IndexWriter,
    reader: IndexReader,
    documents: Vec<Document>,
}

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
    assert_eq!(num_live_documents == 0, spread == Spread::Stored || num_batches == 0);
    (writer, reader)
}

fn indexed(documents: Vec<Document>) -> World {
    let batches: Vec<Vec<Document>> =
        documents.chunks(documents.len().div_ceil(3).max(1)).map(<[_]>::to_vec).collect();
    let (writer, reader) = spread(&batches, Spread::Everywhere);
    World { _writer: writer, reader, documents }
}

/// Three hundred made-up interactions in several segments and tiers, some replaced and some erased on the way.
fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| made_up_world(Spread::Everywhere))
}

/// The same interactions, all in one tier.
fn other_worlds() -> &'static [World; 2] {
    static WORLDS: OnceLock<[World; 2]> = OnceLock::new();
    WORLDS.get_or_init(|| [Spread::Stored, Spread::Live].map(made_up_world))
}

fn made_up_world(tiers: Spread) -> World {
    let mut rng = Rng(7);
    let mut documents: BTreeMap<String, Document> = BTreeMap::new();
    let mut batches = Vec::new();
    for _ in 0..12 {
        let mut batch = Vec::new();
        for _ in 0..40 {
            let number = rng.below(300);
            let document = if rng.below(20) == 0 {
                Document::tombstone(InteractionId::try_new(format!("Made-Up:{number}")).unwrap())
            } else {
                made_up(number, &mut rng)
            };
            batch.push(document.clone());
            documents.insert(document.id().as_str().to_owned(), document);
        }
        batches.push(batch);
    }
    let (writer, reader) = spread(&batches, tiers);
    World { _writer: writer, reader, documents: documents.into_values().collect() }
}

fn request(selection: Selection) -> SearchRequest {
    SearchRequest {
        selection,
        facets: Vec::new(),
        facet_size: 1_000,
        ranges: Vec::new(),
        sort: Sort::Fields(vec![SortKey { field: "start_time".to_owned(), descending: true }]),
        limit: 1_000,
        cursor: None,
        deadline: None,
    }
}

fn ids<'d>(documents: impl IntoIterator<Item = &'d Document>) -> Vec<String> {
    let mut ids: Vec<String> = documents.into_iter().map(|d| d.id().as_str().to_owned()).collect();
    ids.sort();
    ids
}

fn hit_ids(hits: &[Hit]) -> Vec<String> {
    let mut ids: Vec<String> = hits.iter().map(|hit| hit.id().unwrap()).collect();
    ids.sort();
    ids
}

const FACETS: &[&str] = &[
    "country",
    "organization",
    "agent",
    "llm_models",
    "keywords",
    "topic",
    "type",
    "status",
    "csat",
    "total_costs",
    "messages_count",
    "metadata.plan",
    "metadata.seats",
    "metadata.plan.seats\0odd",
    "metadata.none",
    "sentiment",
];

/// A facet's value as the oracle writes it.
fn shown(value: &serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// Same interactions, totals and counts; every page in order; relevance finds the same.
fn check(world: &World, selection: &Selection) {
    let expected = oracle::find(&world.documents, selection);
    let mut asked = request(selection.clone());
    asked.facets = FACETS.iter().map(|name| (*name).to_owned()).collect();
    let answer = world.reader.search(&asked).unwrap();
    assert_eq!(hit_ids(&answer.hits), ids(expected.iter().copied()), "{selection:?}");
    assert_eq!(answer.total, expected.len() as u64);
    for (name, counts) in &answer.facets {
        let counted: BTreeMap<_, _> = counts.iter().map(|c| (shown(&c.value), c.count)).collect();
        assert_eq!(counted.len(), counts.len(), "a value of `{name}` comes twice");
        let mut unfiltered = selection.clone();
        let has_filter = unfiltered.filters.remove(name).is_some();
        let matches = if has_filter { oracle::find(&world.documents, &unfiltered) } else { expected.clone() };
        assert_eq!(counted, oracle::facet(&matches, name), "facet {name} of {selection:?}");
    }
    let names: Vec<&String> = answer.facets.iter().map(|(name, _)| name).collect();
    assert_eq!(names, asked.facets.iter().collect::<Vec<_>>());

    let relevant = SearchRequest { sort: Sort::Relevance, ..request(selection.clone()) };
    let relevant = world.reader.search(&relevant).unwrap();
    assert_eq!(hit_ids(&relevant.hits), ids(expected.iter().copied()));
    assert!(relevant.hits.windows(2).all(|pair| pair[0].score >= pair[1].score));
}

/// Same counts by ranges, each without its own filter, and their ends.
fn check_ranges(world: &World, selection: &Selection, ranges: &[RangeFacet]) {
    let mut asked = SearchRequest { limit: 0, ranges: ranges.to_vec(), ..request(selection.clone()) };
    asked.facets = vec!["sentiment".to_owned()];
    let answer = world.reader.search(&asked).unwrap();
    let names: Vec<&String> = answer.facets.iter().map(|(name, _)| name).collect();
    assert_eq!(names, asked.facets.iter().chain(ranges.iter().map(|facet| &facet.field)).collect::<Vec<_>>());
    let expected = oracle::find(&world.documents, selection);
    for (facet, (name, counts)) in ranges.iter().zip(&answer.facets[1..]) {
        let mut unfiltered = selection.clone();
        let has_filter = unfiltered.filters.remove(name).is_some();
        let matches = if has_filter { oracle::find(&world.documents, &unfiltered) } else { expected.clone() };
        assert_eq!(counted_ranges(counts), scanned_ranges(&matches, facet), "{facet:?} of {selection:?}");
    }
}

fn counted_ranges(counts: &[FacetCount]) -> Vec<(Option<String>, u64)> {
    counts.iter().map(|counted| (shown(&counted.value), counted.count)).collect()
}

fn scanned_ranges(matches: &[&Document], facet: &RangeFacet) -> Vec<(Option<String>, u64)> {
    let counts = oracle::ranges(matches, facet).into_iter();
    counts.map(|(range, count)| (range.map(|range| range.to_string()), count)).collect()
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
        let mut asked = SearchRequest { limit: 0, ..request(selection) };
        asked.facets = ["user_id", "language", "integration", "csat"].map(str::to_owned).into();
        let lengths = Boundaries::Integer(vec![2, 5, 10, 20, 50]);
        asked.ranges = vec![RangeFacet { field: "messages_count".to_owned(), boundaries: lengths }];
        let mut answer = world.reader.search(&asked).unwrap();
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

fn text_query() -> impl Strategy<Value = Query> {
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

fn edge<T: Clone + std::fmt::Debug + 'static>(
    value: impl Strategy<Value = T>,
) -> impl Strategy<Value = Edge<T>> {
    (value, 0..3).prop_map(|(value, kind)| match kind {
        0 => Edge::Open,
        1 => Edge::Inclusive(value),
        _ => Edge::Exclusive(value),
    })
}

fn value_query() -> impl Strategy<Value = Query> {
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

fn query() -> impl Strategy<Value = Query> {
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
const CSATS: &[i64] = &[0, 1, 2, 3, 4, 5];
const SECONDS: &[f64] = &[0.0, 0.1, 60.0, 61.5, 7_200.0, 9_000.0];
const COSTS: &[&str] = &["-1.5", "0", "0.1", "0.2", "0.25"];
const STARTS: &[i64] = &[0, 1_800, 3_600, 4_000, 86_400, 90_000, 100_000];

fn costs() -> Vec<Money> {
    COSTS.iter().map(|amount| amount.parse().unwrap()).collect()
}

fn filters() -> impl Strategy<Value = BTreeMap<String, Filter>> {
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

fn range_facets() -> impl Strategy<Value = Vec<RangeFacet>> {
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

fn selection() -> impl Strategy<Value = Selection> {
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

fn by(field: &str, descending: bool) -> SortKey {
    SortKey { field: field.to_owned(), descending }
}

fn words(text: &str) -> Selection {
    let query = Query::Text { scope: Scope::Default, text: text.to_owned(), form: TextForm::Word };
    Selection::new(query, Access::All)
}

/// The ids of all pages, which change nothing but the cursor.
fn page_through(reader: &IndexReader, mut request: SearchRequest, mut between: impl FnMut()) -> Vec<String> {
    let mut seen = Vec::new();
    loop {
        let answer = reader.search(&request).unwrap();
        assert!(answer.hits.len() <= request.limit);
        seen.extend(answer.hits.iter().map(|hit| hit.id().unwrap()));
        let Some(next) = answer.next else { return seen };
        assert_eq!(answer.hits.len(), request.limit, "only the last page is short");
        request.cursor = Some(next);
        between();
    }
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
        (0..3).map(|batch| (0..50).map(|n| made_up(50 * batch + n, &mut rng)).collect()).collect();
    let spreads = [Spread::Stored, Spread::Live, Spread::Everywhere];
    let tiers = spreads.map(|tiers| spread(&batches, tiers));
    for text in ["refund", "order", "55-A12", "退款", "the a", "Café", "👍"] {
        for form in [TextForm::Word, TextForm::Phrase { slop: 0 }, TextForm::Phrase { slop: 3 }] {
            for scope in [Scope::Default, Scope::Role(Role::User), Scope::Topic] {
                let query = Query::Text { scope, text: text.to_owned(), form };
                let scores = tiers.each_ref().map(|(_, reader)| -> BTreeMap<String, Option<f32>> {
                    let selection = Selection::new(query.clone(), Access::All);
                    let asked = SearchRequest { sort: Sort::Relevance, ..request(selection) };
                    let hits = reader.search(&asked).unwrap().hits;
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
fn every_sort_orders_all_matches_and_pages_through_each_once() {
    let world = world();
    let all = oracle::find(&world.documents, &Selection::new(Query::All, Access::All));
    let fields = hearken_model::field::FIELDS.iter().filter(|field| field.sort);
    let mut sorts: Vec<Vec<SortKey>> =
        fields.map(|field| vec![by(field.name, field.name.len() % 2 == 0)]).collect();
    sorts.push(vec![by("csat", false), by("rating", true), by("total_costs", true), by("start_time", false)]);
    for sort in sorts {
        let request = SearchRequest {
            sort: Sort::Fields(sort.clone()),
            limit: 7,
            ..request(Selection::new(Query::All, Access::All))
        };
        let seen = page_through(&world.reader, request, || ());
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
        let visit = |document: Document| {
            exported.push(document.id().as_str().to_owned());
            ControlFlow::Continue(())
        };
        world.reader.for_each(&Selection::new(Query::All, Access::All), &sort, visit).unwrap();
        assert_eq!(exported, seen);
    }
}

#[test]
fn an_export_ends_when_it_is_told_to() {
    let mut num_visited = 0;
    let visit = |_| {
        num_visited += 1;
        if num_visited == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    world()
        .reader
        .for_each(&Selection::new(Query::All, Access::All), &[by("start_time", false)], visit)
        .unwrap();
    assert_eq!(num_visited, 3);
}

#[test]
fn pages_neither_skip_nor_repeat_what_stays_while_others_are_written() {
    let (_disk, mut writer, reader) = open();
    for number in 0..50 {
        writer.put(conversation(&format!("stays-{number}"), &[(Role::User, "refund")]));
    }
    writer.refresh(&Checkpoint::default()).unwrap();
    let request = SearchRequest { limit: 6, ..request(words("refund")) };
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
    let request = SearchRequest { sort: Sort::Relevance, limit: 6, ..request(words("refund")) };
    let mut number = 0;
    let seen = page_through(&reader, request.clone(), || {
        writer.put(conversation(&format!("i{number}"), &[(Role::User, "nothing")]));
        writer.refresh(&Checkpoint::default()).unwrap();
        number += 1;
        flush_or_merge(&writer, number);
    });
    assert_eq!(seen.iter().collect::<std::collections::BTreeSet<_>>().len(), 20);
    assert_eq!(seen.len(), 20);
    let unknown =
        SearchRequest { cursor: Some(PageEnd::Pinned { view: 1, offset: 6 }.to_cursor()), ..request };
    assert!(matches!(reader.search(&unknown), Err(SearchError::CursorExpired)));
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
    let answer =
        world.reader.search(&SearchRequest { sort: Sort::Relevance, ..request(words("refund")) }).unwrap();
    let order: Vec<String> = answer.hits.iter().map(|hit| hit.id().unwrap()).collect();
    assert_eq!(order, ["topic", "twice", "newer", "once"]);
}

/// The ids of what a query finds, best first.
fn ranked(reader: &IndexReader, query: Query) -> Vec<String> {
    let selection = Selection::new(query, Access::All);
    let request = SearchRequest { sort: Sort::Relevance, ..request(selection) };
    reader.search(&request).unwrap().hits.iter().map(|hit| hit.id().unwrap()).collect()
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
            let request = SearchRequest { sort: Sort::Relevance, limit, ..request(query.clone()) };
            let answer = world.reader.search(&request).unwrap();
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
    let length_ignored = Ranking { b: 0.0, ..Ranking::DEFAULT };
    assert_eq!(ranked(&world.reader.ranked_by(length_ignored), words("refund").query), ["long", "short"]);
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
fn an_interaction_of_another_organization_is_not_there() {
    let (_disk, mut writer, reader) = open();
    let put = |writer: &mut IndexWriter, id: &str, organization: Option<&str>| {
        let mut document = conversation(id, &[(Role::User, "refund")]);
        document.derived.head.organization = organization.map(str::to_owned);
        writer.put(document);
    };
    put(&mut writer, "ours", Some("acme"));
    put(&mut writer, "theirs", Some("globex"));
    put(&mut writer, "unknown", None);
    writer.put(Document::tombstone(InteractionId::try_new("erased").unwrap()));
    writer.refresh(&Checkpoint::default()).unwrap();

    let acme = Access::Only(Organizations::try_new(["acme"]).unwrap());
    let seen = |access: &Access| {
        ["ours", "theirs", "unknown", "erased", "never"].map(|id| {
            let id = InteractionId::try_new(id).unwrap();
            let found = reader.get(&id, access).unwrap().is_some();
            assert_eq!(reader.holds(&id, access).unwrap(), found, "{id:?}");
            found
        })
    };
    assert_eq!(seen(&Access::All), [true, true, true, true, false]);
    assert_eq!(seen(&acme), [true, false, false, false, false]);

    // Not even a facet that leaves out the filter on organizations tells of others.
    let mut asked = request(Selection::new(Query::All, acme));
    asked.facets = vec!["organization".to_owned()];
    let theirs = Filter { any_of: vec![FilterValue::Is("globex".to_owned())], none_of: vec![] };
    asked.selection.filters.insert("organization".to_owned(), theirs);
    let answer = reader.search(&asked).unwrap();
    assert_eq!(answer.total, 0);
    let count = FacetCount { value: "acme".into(), ends: None, count: 1 };
    assert_eq!(answer.facets, [("organization".to_owned(), vec![count])]);
}

#[test]
fn replaced_and_erased_interactions_leave_no_trace_in_any_answer() {
    let (_disk, mut writer, reader) = open();
    let id = InteractionId::try_new("Order 7/ä").unwrap();
    let mut document = conversation(id.as_str(), &[(Role::User, "refund")]);
    document.derived.head.status = Some(Status::InProgress);
    document.derived.head.country = Some("Germany".to_owned());
    writer.put(document.clone());
    writer.refresh(&Checkpoint::default()).unwrap();
    assert_eq!(reader.get(&id, &Access::All).unwrap().unwrap(), document);
    assert_eq!(reader.count_in_progress().unwrap(), 1);
    assert_eq!(reader.idle_since(at(0), 10).unwrap(), std::slice::from_ref(&id));
    assert_eq!(reader.idle_since(at(-1), 10).unwrap(), []);

    writer.put(Document::tombstone(id.clone()));
    writer.refresh(&Checkpoint::default()).unwrap();
    assert!(reader.get(&id, &Access::All).unwrap().unwrap().state.erased);
    let everything = [Query::All, Query::Not(Box::new(words("nothing").query)), Query::And(Vec::new())];
    for query in everything {
        let mut asked = request(Selection::new(query, Access::All));
        asked.facets = vec!["country".to_owned()];
        let missing = Filter { any_of: vec![FilterValue::Missing], none_of: vec![] };
        asked.selection.filters.insert("country".to_owned(), missing);
        let answer = reader.search(&asked).unwrap();
        assert_eq!((answer.total, answer.hits.len()), (0, 0));
        assert_eq!(answer.facets, [("country".to_owned(), vec![])]);
    }
    assert_eq!(reader.idle_since(at(100), 10).unwrap(), []);
    assert_eq!(reader.counts().unwrap(), crate::Counts { interactions: 0, erased: 1 });
}

#[test]
fn a_facet_keeps_the_most_frequent_values_and_counts_the_missing() {
    let mut documents = Vec::new();
    for (number, country) in ["b", "a", "a", "c", "c", ""].iter().enumerate() {
        let mut document = conversation(&format!("i{number}"), &[]);
        document.derived.head.country = Some((*country).to_owned()).filter(|country| !country.is_empty());
        documents.push(document);
    }
    let world = indexed(documents);
    let mut asked = request(Selection::new(Query::All, Access::All));
    asked.facets = vec!["country".to_owned()];
    asked.facet_size = 2;
    let counted = &world.reader.search(&asked).unwrap().facets[0].1;
    let counted: Vec<_> = counted.iter().map(|facet| (facet.value.clone(), facet.count)).collect();
    assert_eq!(counted, [("a".into(), 2), ("c".into(), 2), (serde_json::Value::Null, 1)]);
}

#[test]
fn ranges_come_in_order_with_the_empty_ones_and_missing_last() {
    let mut documents = Vec::new();
    for (number, duration) in [Some(300.0), Some(59.999), Some(1_000.0), None, Some(-1.0)].iter().enumerate()
    {
        let mut document = conversation(&format!("i{number}"), &[]);
        document.derived.head.duration = *duration;
        documents.push(document);
    }
    let world = indexed(documents);
    let facet = |field: &str, boundaries| RangeFacet { field: field.to_owned(), boundaries };
    let counted = |facet: &RangeFacet| {
        let asked =
            SearchRequest { ranges: vec![facet.clone()], ..request(Selection::new(Query::All, Access::All)) };
        world.reader.search(&asked).unwrap().facets.remove(0).1
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

    let second = Duration::from_secs(1);
    for refused in [
        facet("nope", Boundaries::Integer(vec![1])),
        facet("country", Boundaries::Integer(vec![1])),
        facet("metadata.seats", Boundaries::Integer(vec![1])),
        facet("csat", Boundaries::Seconds(vec![1.0])),
        facet("duration", Boundaries::Every(second.into())),
        facet("csat", Boundaries::Integer(vec![])),
        facet("csat", Boundaries::Integer(vec![2, 1])),
        facet("csat", Boundaries::Integer((0..=BOUNDARIES_MAX as i64).collect())),
        facet("start_time", Boundaries::Every(Duration::ZERO.into())),
    ] {
        let asked = SearchRequest {
            ranges: vec![refused.clone()],
            ..request(Selection::new(Query::All, Access::All))
        };
        assert!(matches!(world.reader.search(&asked), Err(SearchError::Invalid(_))), "{refused:?}");
    }
}

/// Beyond the last instant that can be written there is no boundary.
#[test]
fn the_first_and_the_last_interval_are_open() {
    let starting = |id: &str, nanos: i64| {
        let mut document = conversation(id, &[]);
        document.derived.head.start_time = Some(Timestamp::from_nanos(nanos));
        document
    };
    let world = indexed(vec![starting("first", i64::MIN), starting("last", i64::MAX)]);
    let boundaries = Boundaries::Every(Duration::from_secs(24 * 60 * 60).into());
    let ranges = vec![RangeFacet { field: "start_time".to_owned(), boundaries }];
    let counts = &world
        .reader
        .search(&SearchRequest { ranges, ..request(Selection::new(Query::All, Access::All)) })
        .unwrap()
        .facets[0]
        .1;
    let shown: Vec<_> =
        counts.iter().map(|counted| (counted.value.as_str().unwrap(), counted.count)).collect();
    assert_eq!(shown, [("[* TO 1677-09-22T00:00:00Z}", 1), ("[2262-04-11T00:00:00Z TO *]", 1)]);
}

#[test]
fn more_intervals_than_can_be_shown_are_refused() {
    let documents = (0..=hearken_index::overview::INTERVALS_MAX).map(|number| {
        let mut document = conversation(&format!("i{number}"), &[]);
        document.derived.head.start_time = Some(at(number as i64 * 60));
        document
    });
    let world = indexed(documents.collect());
    let every = |minutes: u64| {
        let boundaries = Boundaries::Every(Duration::from_secs(minutes * 60).into());
        let ranges = vec![RangeFacet { field: "start_time".to_owned(), boundaries }];
        world.reader.search(&SearchRequest {
            ranges,
            limit: 0,
            ..request(Selection::new(Query::All, Access::All))
        })
    };
    assert!(matches!(every(1), Err(SearchError::TooExpensive(_))));
    assert!(every(2).is_ok());
}

#[test]
fn hostile_requests_are_refused_or_stopped() {
    let reader = &world().reader;
    let error = |query: Query| reader.search(&request(Selection::new(query, Access::All))).unwrap_err();
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

    let late = SearchRequest {
        deadline: Some(std::time::Instant::now()),
        ..request(Selection::new(Query::All, Access::All))
    };
    assert!(matches!(reader.search(&late), Err(SearchError::DeadlineExceeded)));
    // Each of these walks every dictionary; together they take many times as long as they may.
    let fuzzy = |n: usize| text(format!("refundorderword{n}"), TextForm::Fuzzy { distance: 2 });
    let slow = Selection::new(Query::Or((0..1_000).map(fuzzy).collect()), Access::All);
    let soon = std::time::Instant::now() + Duration::from_millis(1);
    let slow = SearchRequest { deadline: Some(soon), ..request(slow) };
    assert!(matches!(reader.search(&slow), Err(SearchError::DeadlineExceeded)));
    assert!(reader.search(&SearchRequest { deadline: None, ..slow }).is_ok());
    for asked in [
        SearchRequest { facets: vec!["nope".to_owned()], ..request(Selection::new(Query::All, Access::All)) },
        SearchRequest {
            sort: Sort::Fields(vec![by("country", true)]),
            ..request(Selection::new(Query::All, Access::All))
        },
        SearchRequest { sort: Sort::Fields(vec![]), ..request(Selection::new(Query::All, Access::All)) },
        SearchRequest { limit: 1_001, ..request(Selection::new(Query::All, Access::All)) },
        SearchRequest {
            cursor: Some(PageEnd::After { keys: vec![], tie: 0, id: String::new() }.to_cursor()),
            ..request(Selection::new(Query::All, Access::All))
        },
        SearchRequest {
            cursor: Some(Cursor::new("made up".to_owned())),
            ..request(Selection::new(Query::All, Access::All))
        },
    ] {
        assert!(matches!(reader.search(&asked), Err(SearchError::Invalid(_))));
    }
}

/// tantivy seeks a range backwards here, which its own arithmetic does not expect (see the dev profile).
#[test]
fn what_is_neither_in_a_range_nor_says_a_phrase_is_found() {
    let range = Range::Seconds(Edge::Inclusive(0.0), Edge::Open);
    let range = Query::Range { field: "duration".to_owned(), range };
    let phrase = Query::Text { scope: Scope::Default, text: "55-A12".to_owned(), form: TextForm::Word };
    let query = Query::Not(Box::new(Query::And(vec![range, phrase])));
    check(world(), &Selection::new(query, Access::All));
}

#[test]
fn an_overview_counts_over_time_and_sums_up() {
    let world = world();
    let asked = OverviewRequest {
        selection: Selection::new(Query::All, Access::All),
        interval: Duration::from_secs(3_600).into(),
        facets: vec!["sentiment".to_owned()],
        facet_size: 10,
        ranges: vec![RangeFacet { field: "csat".to_owned(), boundaries: Boundaries::Integer(vec![2, 4]) }],
        distributions: vec!["duration".to_owned(), "total_costs".to_owned(), "csat".to_owned()],
        deadline: None,
    };
    let overview = world.reader.overview(&asked).unwrap();
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

#[test]
fn weeks_begin_on_mondays() {
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
    let world = indexed(documents.map(|(id, start)| starting(id, start)).to_vec());
    let weeks = |num_weeks: u64| {
        let overview = world.reader.overview(&OverviewRequest {
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, max_shrink_iters: 2_000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn the_engine_agrees_with_the_oracle(selection in selection(), ranges in range_facets()) {
        check(world(), &selection);
        check_ranges(world(), &selection, &ranges);
    }

    #[test]
    fn each_tier_alone_agrees_with_the_oracle(selection in selection(), ranges in range_facets()) {
        for world in other_worlds() {
            check(world, &selection);
            check_ranges(world, &selection, &ranges);
        }
    }

    #[test]
    fn messages_are_highlighted_exactly_where_the_index_finds_them(query in text_query()) {
        let Query::Text { scope, .. } = &query else { unreachable!("it makes only texts") };
        prop_assume!(!matches!(scope, Scope::Topic | Scope::Summary | Scope::Keywords));
        let mut highlighter = Highlighter::new(&query, HighlightOptions::WHOLE);
        for document in &world().documents {
            for message in document.transcript() {
                let alone = conversation("alone", &[(message.role, &message.message)]);
                let found = !highlighter.highlights(alone.transcript().iter().map(Said::from)).is_empty();
                prop_assert_eq!(found, oracle::evaluate(&query, &alone).unwrap_or(false), "{:?}", message.message);
            }
        }
    }

    #[test]
    fn single_conditions_agree_with_the_oracle(query in prop_oneof![text_query(), value_query()]) {
        check(world(), &Selection::new(query, Access::All));
    }
}
