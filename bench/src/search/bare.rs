//! Bare tantivy in this process: one text field with the default tokenizer, the facets as columns, what is shown stored.

use anyhow::{Context, Result};
use serde_json::json;
use tantivy::aggregation::AggregationCollector;
use tantivy::aggregation::agg_req::Aggregations;
use tantivy::collector::{Collector, Count, TopDocs};
use tantivy::query::{BooleanQuery, Occur, PhraseQuery, Query, RangeQuery, RegexQuery, TermQuery};
use tantivy::schema::{FAST, Field, INDEXED, IndexRecordOption, STORED, STRING, Schema, TEXT, Value as _};
use tantivy::snippet::SnippetGenerator;
use tantivy::{DocAddress, Index, IndexReader, IndexWriter, Order, Searcher, TantivyDocument, Term};

use super::PAGE;
use super::corpus::{FACETS, FILTER, Made, facet_value};
use super::engine::SearchSystem;
use super::question::{DEPTH, Question, QuestionKind};

const WRITER_BYTES: usize = 64 << 20;

/// The index.
pub(crate) struct Bare {
    index: Index,
    reader: IndexReader,
    fields: Fields,
    _dir: tempfile::TempDir,
}

#[derive(Clone)]
struct Fields {
    text: Field,
    head: Field,
    facets: Vec<(&'static str, Field)>,
    start_time: Field,
}

/// Writes to it.
pub(crate) struct BareWriter {
    writer: IndexWriter<TantivyDocument>,
    fields: Fields,
}

impl Bare {
    /// An empty index.
    pub(crate) fn create() -> Result<(Bare, BareWriter)> {
        let mut schema = Schema::builder();
        let fields = Fields {
            text: schema.add_text_field("text", TEXT | STORED),
            head: schema.add_text_field("head", STORED),
            facets: FACETS.map(|facet| (facet, schema.add_text_field(facet, STRING | FAST))).to_vec(),
            start_time: schema.add_i64_field("start_time", FAST | INDEXED),
        };
        let dir = tempfile::tempdir()?;
        let index = Index::create_in_dir(dir.path(), schema.build())?;
        let writer = index.writer_with_num_threads(1, WRITER_BYTES)?;
        let reader = index.reader()?;
        Ok((Bare { index, reader, fields: fields.clone(), _dir: dir }, BareWriter { writer, fields }))
    }

    /// In how many interactions a word is.
    pub(crate) fn frequency(&self, word: &str) -> Result<u64> {
        Ok(self.reader.searcher().doc_freq(&Term::from_field_text(self.fields.text, word))?)
    }

    /// What has been committed is seen from now on.
    pub(crate) fn reload(&self) -> Result<()> {
        Ok(self.reader.reload()?)
    }

    /// Segments of the newest commit.
    pub(crate) fn num_segments(&self) -> Result<usize> {
        Ok(self.index.searchable_segment_ids()?.len())
    }

    fn query(&self, question: &Question) -> Result<Box<dyn Query>> {
        let terms: Vec<Term> =
            question.words.iter().map(|word| Term::from_field_text(self.fields.text, word)).collect();
        let all = |occur: Occur| {
            let term = |term: &Term| -> (Occur, Box<dyn Query>) {
                (occur, Box::new(TermQuery::new(term.clone(), IndexRecordOption::WithFreqs)))
            };
            Box::new(BooleanQuery::new(terms.iter().map(term).collect()))
        };
        Ok(match question.kind {
            QuestionKind::Phrase => Box::new(PhraseQuery::new(terms)),
            QuestionKind::Prefix => {
                Box::new(RegexQuery::from_pattern(&format!("{}.*", question.words[0]), self.fields.text)?)
            }
            QuestionKind::Filter => {
                let (_, field) =
                    self.fields.facets.iter().find(|(name, _)| *name == FILTER).context("no filter")?;
                let term = Term::from_field_text(*field, &question.words[0]);
                Box::new(TermQuery::new(term, IndexRecordOption::Basic))
            }
            QuestionKind::Or => all(Occur::Should),
            _ if terms.len() == 1 => Box::new(TermQuery::new(terms[0].clone(), IndexRecordOption::WithFreqs)),
            _ => all(Occur::Must),
        })
    }
}

impl BareWriter {
    /// Adds an interaction.
    pub(crate) fn add(&mut self, made: &Made) -> Result<()> {
        let mut document = TantivyDocument::default();
        document.add_text(self.fields.text, &made.text);
        document.add_text(self.fields.head, serde_json::to_string(&made.document.derived.head)?);
        for (facet, field) in &self.fields.facets {
            document.add_text(*field, facet_value(&made.document, facet));
        }
        let start = made.document.derived.head.start_time.context("no start")?;
        document.add_i64(self.fields.start_time, start.as_nanos());
        self.writer.add_document(document)?;
        Ok(())
    }

    /// Makes what was added searchable.
    pub(crate) fn commit(&mut self) -> Result<()> {
        self.writer.commit()?;
        Ok(())
    }

    /// Commits and waits for merges.
    pub(crate) fn finish(mut self) -> Result<BareWriter> {
        self.commit()?;
        let index = self.writer.index().clone();
        self.writer.wait_merging_threads()?;
        Ok(BareWriter { writer: index.writer_with_num_threads(1, WRITER_BYTES)?, fields: self.fields })
    }
}

/// Asks it.
pub(crate) struct BareEngine<'a> {
    pub(crate) bare: &'a Bare,
    /// Whether tantivy's own snippets are made of the hits.
    pub(crate) with_snippets: bool,
}

/// A question lowered.
pub(crate) struct Lowered {
    query: Box<dyn Query>,
    kind: QuestionKind,
    aggregations: Aggregations,
}

impl SearchSystem for BareEngine<'_> {
    type Prepared = Lowered;
    type Client = ();

    fn name(&self) -> &'static str {
        if self.with_snippets { "tantivy with snippets" } else { "tantivy" }
    }

    fn prepare(&self, question: &Question) -> Result<Lowered> {
        let mut query = self.bare.query(question)?;
        if question.kind == QuestionKind::DeepCursor {
            let searcher = self.bare.reader.searcher();
            let top = TopDocs::with_limit(DEPTH).order_by_fast_field::<i64>("start_time", Order::Desc);
            let last = searcher.search(&*query, &top)?.last().and_then(|(start, _)| *start);
            let before = Term::from_field_i64(self.bare.fields.start_time, last.unwrap_or(i64::MAX));
            let range = RangeQuery::new(std::ops::Bound::Unbounded, std::ops::Bound::Excluded(before));
            query = Box::new(BooleanQuery::new(vec![(Occur::Must, query), (Occur::Must, Box::new(range))]));
        }
        let aggregation = |facet: &str| (facet.to_owned(), json!({"terms": {"field": facet, "size": 10}}));
        let aggregations: serde_json::Map<_, _> = FACETS.into_iter().map(aggregation).collect();
        let aggregations = serde_json::from_value(aggregations.into())?;
        Ok(Lowered { query, kind: question.kind, aggregations })
    }

    fn connect(&self) -> Result<()> {
        Ok(())
    }

    fn ask(&self, (): &mut (), lowered: &Lowered) -> Result<u64> {
        // One for the whole answer: a commit may come between the hits and what they show.
        let searcher = self.bare.reader.searcher();
        let by_score = || TopDocs::with_limit(PAGE).order_by_score();
        if lowered.kind.is_by_date() {
            let by_date = TopDocs::with_limit(PAGE).order_by_fast_field::<i64>("start_time", Order::Desc);
            let (top, total) = collect(&searcher, lowered, (by_date, Count))?;
            self.show(&searcher, lowered, top.into_iter().map(|(_, address)| address))?;
            return Ok(total as u64);
        }
        if lowered.kind == QuestionKind::Facets {
            let facets = AggregationCollector::from_aggs(lowered.aggregations.clone(), Default::default());
            let (top, total, facets) = collect(&searcher, lowered, (by_score(), Count, facets))?;
            std::hint::black_box(facets);
            self.show(&searcher, lowered, top.into_iter().map(|(_, address)| address))?;
            return Ok(total as u64);
        }
        let (top, total) = collect(&searcher, lowered, (by_score(), Count))?;
        self.show(&searcher, lowered, top.into_iter().map(|(_, address)| address))?;
        Ok(total as u64)
    }
}

fn collect<C: Collector>(searcher: &Searcher, lowered: &Lowered, collector: C) -> Result<C::Fruit> {
    Ok(searcher.search(&*lowered.query, &collector)?)
}

impl BareEngine<'_> {
    /// Reads what the hits show.
    fn show(
        &self,
        searcher: &Searcher,
        lowered: &Lowered,
        hits: impl Iterator<Item = DocAddress>,
    ) -> Result<()> {
        let snippets = self.with_snippets && lowered.kind != QuestionKind::Filter;
        let text = self.bare.fields.text;
        let snippets =
            snippets.then(|| SnippetGenerator::create(searcher, &*lowered.query, text)).transpose()?;
        for hit in hits {
            let document: TantivyDocument = searcher.doc(hit)?;
            let head = document.get_first(self.bare.fields.head);
            std::hint::black_box(head.and_then(|head| head.as_str().map(str::len)));
            if let Some(snippets) = &snippets {
                std::hint::black_box(snippets.snippet_from_doc(&document).to_html());
            }
        }
        Ok(())
    }
}
