//! What indexing and searching cost, on real dialogues recombined into many interactions.
//!
//! `cargo run --release -p hearken-index --example measure -- 100000 [directory of dialogues]`
//!
//! Prints the CPU time of building and writing documents against their event JSON, the size of the index against the
//! same, and percentiles of kinds of search on one thread; beside them, where there is such a thing, a bare tantivy
//! index with one text field that does the same collection and reads the same stored documents.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use hearken_index::checkpoint::Checkpoint;
use hearken_index::highlight::{HighlightOptions, Highlighter};
use hearken_index::query::{Query, Scope, TextForm};
use hearken_index::search::{Filter, SearchRequest, Selection, Sort, SortKey};
use hearken_index::{Index, IndexReader};
use hearken_model::{
    Document, Event, InteractionId, InteractionType, MessageTime, MessageUpdate, Role, Sentiment, State,
    Status, Timestamp,
};

type Turns = Vec<(Role, String)>;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let num_documents: usize = arguments.next().map_or(20_000, |number| number.parse().unwrap());
    let data = arguments.next().unwrap_or_else(|| "../shared/data/dialogues".to_owned());
    let turns = read(&data);
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, reader) = Index::open(directory.path(), |_| {}).unwrap();

    let mut bare = Bare::new();
    let mut event_bytes = 0;
    let mut documents = Vec::new();
    let (mut cpu, mut wall) = (Duration::ZERO, Duration::ZERO);
    for number in 0..num_documents {
        let (document, bytes) = made(number, &turns);
        event_bytes += bytes;
        documents.push(document);
        if documents.len() == 2_000 || number + 1 == num_documents {
            bare.write(&documents);
            let (cpu_before, started) = (cpu_time(), Instant::now());
            for document in documents.drain(..) {
                writer.put(&document).unwrap();
            }
            writer.refresh(&Checkpoint::default()).unwrap();
            cpu += cpu_time() - cpu_before;
            wall += started.elapsed();
        }
    }
    writer.flush_now().unwrap();
    let stats = writer.monitor().stats();
    let mb = event_bytes as f64 / 1e6;
    println!("{num_documents} interactions, {mb:.0} MB of event JSON, {} segments", stats.num_segments);
    println!(
        "put and refresh: {:.1} MB per CPU-second (merges included), {:.1} MB/s",
        mb / cpu.as_secs_f64(),
        mb / wall.as_secs_f64()
    );
    println!("bare tantivy: {:.1} MB per CPU-second", mb / bare.cpu.as_secs_f64());
    println!("index: {:.2} of the event JSON", stats.index_bytes as f64 / event_bytes as f64);
    writer.merge_all().unwrap();
    writer.refresh(&Checkpoint::default()).unwrap();
    writer.flush_now().unwrap();
    let stats = writer.monitor().stats();
    println!(
        "merged: {:.2} of the event JSON, {} segments",
        stats.index_bytes as f64 / event_bytes as f64,
        stats.num_segments
    );
    by_extension(directory.path());
    bare.merge();
    searches(&reader, &bare);
}

/// A plain index: the default tokenizer, no word forms, no roles, no ids to replace.
struct Bare {
    _directory: tempfile::TempDir,
    fields: Vec<tantivy::schema::Field>,
    writer: tantivy::IndexWriter,
    index: tantivy::Index,
    cpu: Duration,
}

impl Bare {
    fn new() -> Self {
        use tantivy::schema::{FAST, STORED, STRING, Schema, TEXT};
        let mut schema = Schema::builder();
        let mut fields = vec![schema.add_text_field("text", TEXT), schema.add_bytes_field("stored", STORED)];
        for name in FACETS {
            fields.push(schema.add_text_field(name, STRING | FAST));
        }
        fields.push(schema.add_i64_field("start_time", FAST));
        let directory = tempfile::tempdir().unwrap();
        let index = tantivy::Index::create_in_dir(directory.path(), schema.build()).unwrap();
        let writer = index.writer_with_num_threads(1, 64_000_000).unwrap();
        Bare { _directory: directory, fields, writer, index, cpu: Duration::ZERO }
    }

    fn write(&mut self, documents: &[Document]) {
        let before = cpu_time();
        for document in documents {
            let mut built = tantivy::TantivyDocument::default();
            let head = &document.derived.head;
            let transcript = document.state.transcript();
            let text: Vec<&str> = transcript.iter().map(|(_, _, message)| message.message.as_str()).collect();
            built.add_text(self.fields[0], text.join("\n"));
            built.add_bytes(self.fields[1], &serde_json::to_vec(document).unwrap());
            let values = [&head.country, &head.city, &head.agent, &head.language, &head.browser];
            for (field, value) in self.fields[2..].iter().zip(values) {
                built.add_text(*field, value.as_deref().unwrap_or_default());
            }
            built.add_i64(self.fields[7], head.start_time.unwrap().as_nanos());
            self.writer.add_document(built).unwrap();
        }
        self.writer.commit().unwrap();
        self.cpu += cpu_time() - before;
    }

    fn merge(&mut self) {
        let segments = self.index.searchable_segment_ids().unwrap();
        self.writer.merge(&segments).wait().unwrap();
    }

    /// Median milliseconds of the same search: top 20, exact total, facets, stored documents read.
    fn search(&self, words: &[&str], is_phrase: bool, facets: bool) -> f64 {
        use tantivy::aggregation::AggregationCollector;
        use tantivy::collector::{Count, TopDocs};
        use tantivy::query::{BooleanQuery, Occur, PhraseQuery, Query, TermQuery};
        use tantivy::schema::IndexRecordOption::WithFreqs;
        let terms: Vec<_> =
            words.iter().map(|word| tantivy::Term::from_field_text(self.fields[0], word)).collect();
        let query: Box<dyn Query> = if is_phrase {
            Box::new(PhraseQuery::new(terms))
        } else {
            let term = |term| (Occur::Must, Box::new(TermQuery::new(term, WithFreqs)) as Box<dyn Query>);
            Box::new(BooleanQuery::new(terms.into_iter().map(term).collect()))
        };
        let names = if facets { &FACETS[..] } else { &[] };
        let aggregations = names
            .iter()
            .map(|name| ((*name).to_owned(), serde_json::json!({"terms": {"field": name, "size": 10}})))
            .collect::<serde_json::Map<_, _>>();
        let aggregations: tantivy::aggregation::agg_req::Aggregations =
            serde_json::from_value(aggregations.into()).unwrap();
        let searcher = self.index.reader().unwrap().searcher();
        let mut times = Vec::new();
        for _ in 0..200 {
            let started = Instant::now();
            let top = TopDocs::with_limit(20).order_by_score();
            let hits = if facets {
                let facets = AggregationCollector::from_aggs(aggregations.clone(), Default::default());
                searcher.search(&*query, &(top, Count, facets)).unwrap().0
            } else {
                searcher.search(&*query, &(top, Count)).unwrap().0
            };
            for (_, address) in hits {
                let stored: tantivy::TantivyDocument = searcher.doc(address).unwrap();
                let json = tantivy::schema::Value::as_bytes(&stored.get_first(self.fields[1]).unwrap());
                let document: Document = serde_json::from_slice(json.unwrap()).unwrap();
                std::hint::black_box(document);
            }
            times.push(started.elapsed());
        }
        times.sort();
        times[times.len() / 2].as_secs_f64() * 1e3
    }
}

const FACETS: [&str; 5] = ["country", "city", "agent", "language", "browser"];

fn by_extension(directory: &std::path::Path) {
    let mut sizes = std::collections::BTreeMap::<String, u64>::new();
    for entry in std::fs::read_dir(directory).unwrap().map(Result::unwrap) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let extension = name.rsplit('.').next().unwrap_or_default().to_owned();
        *sizes.entry(extension).or_default() += entry.metadata().unwrap().len();
    }
    for (extension, bytes) in sizes {
        println!("  {extension}: {:.1} MB", bytes as f64 / 1e6);
    }
}

fn searches(reader: &IndexReader, bare: &Bare) {
    let text = |scope, text: &str, form| Query::Text { scope, text: text.to_owned(), form };
    let word = |word| text(Scope::Default, word, TextForm::Word);
    let newest = Sort::Fields(vec![SortKey { field: "start_time".to_owned(), descending: true }]);
    let five = FACETS.map(str::to_owned).to_vec();
    let germany = |query| {
        let mut selection = Selection { query, ..Selection::default() };
        let filter = Filter { any_of: vec![Some("Germany".to_owned())], none_of: Vec::new() };
        selection.filters.insert("country".to_owned(), filter);
        selection
    };
    let plain = |query| Selection { query, ..Selection::default() };
    let and = Query::And(vec![word("table"), word("restaurant")]);
    let or = Query::Or(vec![word("table"), word("flight")]);
    let user = text(Scope::Role(Role::User), "restaurant", TextForm::Word);
    let phrase = text(Scope::Default, "reserve a table", TextForm::Phrase { slop: 0 });
    let near = text(Scope::Default, "table reserve", TextForm::Phrase { slop: 4 });
    let cases: Vec<(&str, Selection, Sort, Vec<String>)> = vec![
        ("rare word", plain(word("vegetarian")), Sort::Relevance, vec![]),
        ("common word", plain(word("you")), Sort::Relevance, vec![]),
        ("and", plain(and), Sort::Relevance, vec![]),
        ("or", plain(or), Sort::Relevance, vec![]),
        ("role", plain(user), Sort::Relevance, vec![]),
        ("phrase", plain(phrase), Sort::Relevance, vec![]),
        ("sloppy phrase", plain(near), Sort::Relevance, vec![]),
        ("prefix", plain(text(Scope::Default, "res", TextForm::Prefix)), Sort::Relevance, vec![]),
        ("a*", plain(text(Scope::Default, "a", TextForm::Prefix)), Sort::Relevance, vec![]),
        (
            "fuzzy",
            plain(text(Scope::Default, "restuarant", TextForm::Fuzzy { distance: 1 })),
            Sort::Relevance,
            vec![],
        ),
        ("filter only", germany(Query::All), newest.clone(), vec![]),
        ("word + 5 facets", plain(word("restaurant")), Sort::Relevance, five.clone()),
        ("word + filter + 5 facets", germany(word("restaurant")), Sort::Relevance, five.clone()),
        ("all + 5 facets by date", plain(Query::All), newest.clone(), five),
        ("common word by date", plain(word("you")), newest.clone(), vec![]),
    ];
    println!(
        "{:28} {:>9} {:>9} {:>9} {:>9}",
        "top 20 and exact total", "matches", "p50 ms", "p99 ms", "marks ms"
    );
    for (name, selection, sort, facets) in cases {
        let request = SearchRequest {
            selection,
            facets,
            facet_size: 10,
            sort,
            limit: 20,
            cursor: None,
            deadline: None,
        };
        let mut times = Vec::new();
        let mut marks = Vec::new();
        let mut total = 0;
        for _ in 0..200 {
            let started = Instant::now();
            let answer = reader.search(&request).unwrap();
            times.push(started.elapsed());
            total = answer.total;
            let started = Instant::now();
            let mut highlighter = Highlighter::new(&request.selection.query, HighlightOptions::PAGE);
            for hit in &answer.hits {
                std::hint::black_box(highlighter.highlights(&hit.document.transcript()));
            }
            marks.push(started.elapsed());
        }
        times.sort();
        marks.sort();
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        println!(
            "{name:28} {total:>9} {:>9.2} {:>9.2} {:>9.2}",
            ms(times[times.len() / 2]),
            ms(times[times.len() - 1]),
            ms(marks[marks.len() / 2])
        );
    }
    for (name, words, is_phrase, facets) in [
        ("rare word", &["vegetarian"][..], false, false),
        ("common word", &["you"], false, false),
        ("and", &["table", "restaurant"], false, false),
        ("phrase", &["reserve", "a", "table"], true, false),
        ("word + 5 facets", &["restaurant"], false, true),
    ] {
        println!("bare tantivy, {name}: p50 {:.2} ms", bare.search(words, is_phrase, facets));
    }
    let started = Instant::now();
    let mut num_exported = 0;
    let Sort::Fields(keys) = &newest else { return };
    reader
        .for_each(&Selection::default(), keys, |_| {
            num_exported += 1;
            ControlFlow::Continue(())
        })
        .unwrap();
    println!("export: {:.0} interactions/s", f64::from(num_exported) / started.elapsed().as_secs_f64());
}

/// The dialogues' turns, without those of the smallest sets.
fn read(data: &str) -> Vec<Turns> {
    let mut files: Vec<_> = std::fs::read_dir(data).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut dialogues = Vec::new();
    for file in files {
        let rows = zstd::decode_all(std::fs::File::open(file).unwrap()).unwrap();
        for row in std::str::from_utf8(&rows).unwrap().lines() {
            let row: serde_json::Value = serde_json::from_str(row).unwrap();
            let turn = |turn: &serde_json::Value| {
                let role = turn["role"].as_str().and_then(Role::from_name).unwrap_or(Role::Tool);
                (role, turn["text"].as_str().unwrap_or_default().to_owned())
            };
            dialogues.push(row["turns"].as_array().unwrap().iter().map(turn).collect());
        }
    }
    dialogues
}

/// The first half of one dialogue, the second of another, and the bytes of their events.
fn made(number: usize, dialogues: &[Turns]) -> (Document, usize) {
    let mix = |salt: usize| number.wrapping_mul(2_654_435_761).wrapping_add(salt.wrapping_mul(40_503));
    let (first, second) = (&dialogues[mix(1) % dialogues.len()], &dialogues[mix(7) % dialogues.len()]);
    let turns = first[..first.len().div_ceil(2)].iter().chain(&second[second.len() / 2..]);
    let id = InteractionId::try_new(format!("018f-{:08x}-{number:08x}", mix(3) as u32)).unwrap();
    let start = Timestamp::from_millis(1_760_000_000_000 + (mix(5) % 2_592_000) as i64 * 1_000);
    let mut state = State::new(id.clone());
    let mut event_bytes = 0;
    for (at, (role, text)) in turns.enumerate() {
        let time = start.plus_millis(at as i64 * 9_000);
        let message = MessageUpdate {
            position: 0,
            time: MessageTime::At(time),
            role: *role,
            message: text.clone(),
            end_offset_ms: None,
            sentiment: None,
            sentiment_score: None,
            llm_model: None,
            usage: None,
            billable: None,
            interrupted: None,
            confidence: None,
            tool: None,
        };
        event_bytes += serde_json::json!({
            "specversion": "1.0", "id": format!("{id}-{at}"), "source": "/agents/ada",
            "type": "interaction.message", "time": time,
            "data": {"interaction_id": id, "role": role, "message": text}
        })
        .to_string()
        .len();
        let mut event = Event::new(id.clone(), time, time);
        event.messages.push((format!("{id}-{at}"), message));
        state.fold(event, None).unwrap();
    }
    let mut document = Document { state, derived: Default::default() };
    let head = &mut document.derived.head;
    let pick = |salt: usize, of: &[&str]| Some(of[mix(salt) / 7 % of.len()].to_owned());
    head.id = id.as_str().to_owned();
    head.organization = pick(11, &["acme", "globex", "initech"]);
    head.agent = pick(13, &["ada", "bob", "cleo", "dora"]);
    head.interaction_type = Some(InteractionType::TextChat);
    head.status = Some(Status::Finished);
    head.country = pick(17, &["Germany", "France", "Spain", "Italy", "Japan", "Brazil", "India", "Kenya"]);
    head.city = pick(19, &["Berlin", "Paris", "Madrid", "Rome", "Tokyo", "Recife", "Pune", "Nairobi"]);
    head.browser = pick(23, &["Chrome", "Safari", "Firefox", "Edge"]);
    head.os = pick(29, &["Windows", "macOS", "iOS", "Android"]);
    head.device = pick(31, &["desktop", "mobile"]);
    head.language = pick(37, &["en", "de", "fr", "zh", "ko"]);
    head.user_id = Some(format!("user-{}", mix(41) % 50_000));
    head.csat = Some((mix(43) / 3 % 5) as u8 + 1);
    head.topics_summary.sentiment = Some(Sentiment::ALL[mix(47) / 5 % 3]);
    head.topics_summary.topic = first.first().map(|(_, text)| text.chars().take(40).collect());
    head.start_time = Some(start);
    head.messages_count = document.state.messages.len() as u64;
    (document, event_bytes)
}

/// User and system time of this process so far.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks = |field: usize| fields[field].parse::<u64>().unwrap();
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}
