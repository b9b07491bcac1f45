//! The whole search call over a small index: parameters, query, lowering, search, highlights, cursors. What it finds and
//! counts is what a plain scan finds and counts.
//!
//! The input is the query, and in a second line, if there is one, the other parameters as a query string.
#![no_main]

use std::collections::BTreeSet;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use hearken_index::checkpoint::Checkpoint;
use hearken_index::highlight::{HighlightOptions, Highlighter};
use hearken_index::search::{SearchParts, SearchRequest, Selection, Sort};
use hearken_index::{Access, SearchError, oracle};
use hearken_index_tantivy::{Index, IndexReader, IndexWriter};
use hearken_model::{
    Document, Event, InteractionId, MessageTime, MessageUpdate, Role, Scalar, Sentiment, State, Timestamp,
};
use hearken_query::language::parse;
use hearken_query::parameters::{SearchParameters, decode_cursor, encode_cursor, pairs_of_query};
use libfuzzer_sys::fuzz_target;

/// What people say; a word of a query is soon one of these.
const SAID: [(Role, &str); 14] = [
    (Role::User, "I want a refund for order 55-A12, my address is ada@example.com"),
    (Role::User, "refunds refunded refnud"),
    (Role::Assistant, "your order is late, order 55-B12 is not"),
    (Role::User, "Thank you so much 😊 thank you"),
    (Role::User, "我要退款，订单还没有到。iPhone15"),
    (Role::Assistant, "환불을 받고 싶어요 คืนเงิน धनवापसी"),
    (Role::User, "Meine Straße in München, le café était fermé à l'été"),
    (Role::Human, "This is Carla from billing"),
    (Role::Tool, "lookup_order: status=shipped https://example.com/a?b=1"),
    (Role::System, "You are a secret shopper"),
    (Role::User, "a a a b a"),
    (Role::Assistant, "universe university 👍🏽👍 🇩🇪"),
    (Role::User, ""),
    (Role::User, "…"),
];
/// More than a search over it ever takes, less than anybody would wait for.
const TIMEOUT: Duration = Duration::from_secs(5);

struct World {
    reader: IndexReader,
    documents: Vec<Document>,
    _writer: std::sync::Mutex<IndexWriter>,
    _directory: tempfile::TempDir,
}

fn interaction(number: usize) -> Document {
    let id = InteractionId::try_new(format!("i:{number}/ä")).unwrap();
    let start = Timestamp::from_millis(1_777_000_000_000 + number as i64 * 3_600_000);
    let mut event = Event::new(id.clone(), start, start);
    for at in 0..number % 5 {
        let (role, text) = SAID[(number * 7 + at * 3) % SAID.len()];
        let time = MessageTime::At(start.plus_millis(at as i64 * 1_000));
        let message = MessageUpdate::new(time, role, text);
        event.messages.push((format!("m{at}"), message));
    }
    let mut state = State::new(id);
    state.fold(event, None).unwrap();
    let mut document = Document::new(state);
    let head = &mut document.derived.head;
    let any = |values: &[&str]| values.get(number % (values.len() + 1)).map(|value| (*value).to_owned());
    head.id = document.state.id.to_string();
    head.start_time = (number % 6 > 0).then_some(start);
    head.duration = (number % 4 > 0).then_some(number as f64 * 30.0);
    head.messages_count = (number % 5) as u64;
    head.country = any(&["Germany", "France", "Türkiye"]);
    head.agent = any(&["Ada L", "ada l"]);
    head.csat = (1..=5).nth(number % 7);
    head.total_costs.amount = any(&["0.10", "0.25", "-1"]).and_then(|amount| amount.parse().ok());
    head.topics_summary.sentiment = Sentiment::ALL.get(number % 4).copied();
    head.topics_summary.topic = any(&["Refund request", "late delivery"]);
    head.topics_summary.keywords = any(&["refund", "退款"]).into_iter().collect();
    head.metadata.extend(any(&["pro", "Pro", "12"]).map(|plan| ("plan".to_owned(), Scalar::Text(plan))));
    document
}

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let directory = tempfile::tempdir().unwrap();
        let (mut writer, reader) = Index::open(directory.path(), |_| {}).unwrap();
        let mut documents: Vec<Document> = (0..60).map(interaction).collect();
        documents.push(Document::tombstone(InteractionId::try_new("erased").unwrap()));
        for batch in documents.chunks(16) {
            batch.iter().for_each(|document| writer.put(document.clone()));
            writer.refresh(&Checkpoint::default()).unwrap();
        }
        World { reader, documents, _writer: writer.into(), _directory: directory }
    })
}

/// The search that two lines ask for, `None` where they are refused.
fn asked(text: &str) -> Option<(Selection, SearchParts)> {
    let (q, rest) = text.split_once('\n').unwrap_or((text, ""));
    let (parameters, []) = SearchParameters::parse(pairs_of_query(rest).ok()?, []).ok()?;
    let query = parse(q).ok()?;
    let sort = parameters.effective_sort(&query);
    let selection = parameters.selection(query, Access::All);
    let cursor = match parameters.cursor.as_deref() {
        Some(cursor) => Some(decode_cursor(cursor, &selection, &sort).ok()?),
        None => None,
    };
    let parts = SearchParts {
        selection: selection.clone(),
        facets: parameters.facets,
        facet_size: 1_000,
        ranges: parameters.ranges,
        sort,
        limit: parameters.limit,
        cursor,
        deadline: Some(Instant::now() + TIMEOUT),
    };
    Some((selection, parts))
}

fuzz_target!(|text: &str| {
    let Some((selection, parts)) = asked(text) else { return };
    let World { reader, documents, .. } = world();
    let no_facet = SearchParts { facets: vec!["id_of_all".to_owned()], ..parts.clone() };
    assert!(SearchRequest::try_new(no_facet).is_err(), "there is no such facet");
    let Ok(request) = SearchRequest::try_new(parts) else { return };
    let answer = match reader.search(&request) {
        Ok(answer) => answer,
        Err(SearchError::TooExpensive(_) | SearchError::Invalid(_) | SearchError::CursorExpired) => return,
        Err(error) => panic!("{error}: {error:?}"),
    };
    let expected: BTreeSet<String> =
        oracle::find(documents, &selection).into_iter().map(|document| document.id().to_string()).collect();
    assert_eq!(answer.total, expected.len() as u64, "{:?}", selection.query);

    for facet in &request.ranges {
        let mut unfiltered = selection.clone();
        unfiltered.filters.remove(&facet.field);
        let counts = oracle::ranges(&oracle::find(documents, &unfiltered), facet);
        let (_, counted) = answer.facets.iter().find(|(name, _)| *name == facet.field).unwrap();
        assert!(counted.iter().map(|counted| counted.count).eq(counts.iter().map(|(_, count)| *count)), "{facet:?}");
    }

    let mut highlighter = Highlighter::new(&selection.query, HighlightOptions::PAGE);
    for hit in &answer.hits {
        let id = hit.id().unwrap();
        assert!(expected.contains(&id), "{id} is not what {:?} asks for", selection.query);
        highlighter.highlights(hit.message_texts().unwrap(), hit.details().unwrap().iter());
    }
    // The next page begins where this one ends.
    if let Some(next) = answer.next {
        let next = decode_cursor(&encode_cursor(&next, &selection, &request.sort), &selection, &request.sort);
        let page = SearchParts { cursor: Some(next.unwrap()), ..(*request).clone() };
        let page = reader.search(&SearchRequest::try_new(page).unwrap()).unwrap();
        assert!(!page.hits.is_empty() && page.total == answer.total);
        let ids = |hits: &[hearken_index::search::Hit]| hits.iter().map(|hit| hit.id().unwrap()).collect::<BTreeSet<_>>();
        assert!(ids(&page.hits).is_disjoint(&ids(&answer.hits)));
    } else if request.cursor.is_none() && request.limit > 0 {
        assert_eq!(answer.hits.len(), expected.len());
    }
    // In any other order the same are found.
    if matches!(request.sort, Sort::Relevance) {
        let newest = hearken_index::search::SortKey { field: "start_time".to_owned(), descending: true };
        let by_date =
            SearchParts { sort: Sort::Fields(vec![newest]), cursor: None, limit: 100, ..(*request).clone() };
        let by_date = reader.search(&SearchRequest::try_new(by_date).unwrap()).unwrap();
        assert_eq!(by_date.hits.iter().map(|hit| hit.id().unwrap()).collect::<BTreeSet<_>>(), expected);
    }
});
