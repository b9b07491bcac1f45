//! Words, phrases, prefixes and fuzzy words as a tantivy query of our own.
//!
//! tantivy's phrase query knows neither Lucene's slop nor alternatives for a word, and none of its queries can be
//! confined to the positions of one role or stopped by a deadline. This one is a list of slots, each with the terms
//! that may stand there: a single slot is a word, several are a phrase.
//!
//! - [`slot`]: the postings of a slot. [`bm25`], [`similarity`]: scores.
//! - [`word`]: one word, wherever it stands. [`positions`]: words whose places matter.

mod bm25;
mod positions;
mod similarity;
mod slot;
mod word;

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use tantivy::index::{InvertedIndexReader, SegmentId};
use tantivy::postings::{Postings, SegmentPostings, TermInfo};
use tantivy::query::{
    BitSetDocSet, ConstScorer, EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight,
};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{BitSet, DocId, DocSet, Score, Searcher, SegmentReader, TERMINATED, Term};

use super::budget::{PHRASE_EXPANSIONS_MAX, SearchBudget};
use super::columns::ColumnCache;
use super::expansion::Expansion;
use super::schema::TEXT_LENGTH;
pub(super) use bm25::Bm25;
use bm25::Statistics;
use hearken_index::phrase::PhraseMatcher;
use positions::{Bounds, PositionsScorer};
use similarity::Similarity;
use slot::SlotPostings;
pub(super) use word::WordScorer;

/// What may stand at one place of a phrase.
#[derive(Clone)]
pub(super) struct Slot {
    /// Its place, from 0.
    pub(super) offset: u32,
    /// Any of these terms.
    pub(super) terms: Vec<String>,
    /// Or any of those that this stands for.
    pub(super) expansion: Option<Expansion>,
    /// Which words of the query it stands for: one, or two that are a pair.
    pub(super) tokens: Range<usize>,
}

/// Between which two columns of [`super::schema::ROLE_ENDS`] the positions of a match must lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TextSection {
    /// `None` is the beginning of the text.
    pub(super) from: Option<usize>,
    pub(super) to: usize,
}

/// Finds documents by their words.
#[derive(Clone)]
pub(super) struct WordsQuery {
    pub(super) field: Field,
    pub(super) slots: Vec<Slot>,
    pub(super) slop: u32,
    pub(super) section: Option<TextSection>,
    /// What adds a multiple of its score where it also matches; never decides whether a document matches.
    pub(super) bonuses: Vec<(WordsQuery, Score)>,
    /// The same words in details, and how many times its score a document is worth that has them there alone.
    pub(super) details: Option<(Box<WordsQuery>, Score)>,
    /// Where scores are wanted, see [`WordsQuery::prepare`].
    pub(super) prepared: Option<Arc<SearchStatistics>>,
    pub(super) columns: Arc<ColumnCache>,
    pub(super) budget: Arc<SearchBudget>,
}

impl std::fmt::Debug for WordsQuery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.slots.iter().map(|slot| &slot.terms)).finish()
    }
}

/// Where the terms of each slot are in one segment, `None` for those that are not there.
type SlotTerms = Vec<Vec<Option<TermInfo>>>;

/// What scores need to know of all segments, and of the documents that are not in one yet, before the first is searched.
pub(super) struct SearchStatistics {
    known: HashMap<SegmentId, SlotTerms>,
    pub(super) bm25: Option<Bm25>,
}

/// What the documents add to the statistics that are not in the engine yet.
pub(super) struct LiveStatistics {
    /// How many there are.
    pub(super) num_documents: u64,
    /// How many terms they have.
    pub(super) num_terms: u64,
    /// In how many of them each of the slots' words stand.
    pub(super) frequencies: Vec<u64>,
}

impl Query for WordsQuery {
    fn weight(&self, enable_scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.words_weight(enable_scoring.is_scoring_enabled())))
    }
}

impl WordsQuery {
    /// Looks everything up that scores need. `common` is what is known of the same words anywhere, if these are theirs in
    /// topic, keywords or summary.
    pub(super) fn prepare(
        &mut self,
        searcher: &Searcher,
        live: &LiveStatistics,
        common: Option<&SearchStatistics>,
    ) -> tantivy::Result<Arc<SearchStatistics>> {
        let known = self.look_up(searcher, common.map(|common| &common.known))?;
        let num_tokens = |reader: &SegmentReader| Ok(reader.inverted_index(self.field)?.total_num_tokens());
        let num_tokens = searcher.segment_readers().iter().map(num_tokens).sum::<tantivy::Result<u64>>()?;
        // Deleted documents included, as they are in the frequencies of terms.
        let max_docs = searcher.segment_readers().iter().map(|reader| u64::from(reader.max_doc()));
        let statistics = Statistics {
            num_documents: max_docs.sum::<u64>() + live.num_documents,
            num_words: num_tokens + live.num_terms,
        };
        let sum = |infos: &mut dyn Iterator<Item = &TermInfo>| {
            infos.map(|info| u64::from(info.doc_freq)).sum::<u64>()
        };
        let frequencies: Vec<u64> = match self.slots.as_slice() {
            // The forms of a word count as one word, so that none of them is worth more than another.
            [slot] if slot.expansion.is_none() => {
                let engine = sum(&mut known.values().flatten().flatten().flatten());
                vec![engine + live.frequencies.first().copied().unwrap_or_default()]
            }
            slots => {
                let with_term = slots.iter().enumerate().filter(|(_, slot)| !slot.terms.is_empty());
                let frequency = |(at, _): (usize, &Slot)| {
                    let first = known.values().filter_map(|known| known.get(at)?.first()?.as_ref());
                    sum(&mut { first }) + live.frequencies.get(at).copied().unwrap_or_default()
                };
                with_term.map(frequency).collect()
            }
        };
        let bm25 = Bm25::new(&frequencies, statistics);
        let prepared = Arc::new(SearchStatistics { known, bm25 });
        self.prepared = Some(Arc::clone(&prepared));
        Ok(prepared)
    }

    /// Looks up what is needed to count the same words in details. `common` is what is known of them anywhere.
    pub(super) fn prepare_count(
        &mut self,
        searcher: &Searcher,
        common: &SearchStatistics,
    ) -> tantivy::Result<()> {
        let known = self.look_up(searcher, Some(&common.known))?;
        self.prepared = Some(Arc::new(SearchStatistics { known, bm25: None }));
        Ok(())
    }

    fn words_weight(&self, scores: bool) -> WordsWeight {
        let prepared = self.prepared.clone().filter(|_| scores);
        let is_anywhere = |weight: &WordsWeight| {
            let known = weight.prepared.iter().flat_map(|prepared| prepared.known.values());
            known.flatten().flatten().any(Option::is_some)
        };
        let bonuses = self.bonuses.iter().filter(|_| prepared.is_some());
        let bonuses = bonuses.map(|(words, boost)| (words.words_weight(scores), *boost));
        let bonuses = bonuses.filter(|(weight, _)| is_anywhere(weight)).collect();
        let details = self.details.as_ref().filter(|_| prepared.is_some());
        let details = details.map(|(words, factor)| (words.words_weight(scores), *factor));
        let details = details
            .filter(|(weight, _)| is_anywhere(weight))
            .map(|(weight, factor)| (Box::new(weight), factor));
        WordsWeight { query: self.clone(), prepared, bonuses, details, scores }
    }

    /// Looks up every term in every segment. Scores need all of them before the first segment is searched. What stands in
    /// topic, keywords, summary or details stands among the `common` terms, too: most need not be looked up.
    fn look_up(
        &self,
        searcher: &Searcher,
        common: Option<&HashMap<SegmentId, SlotTerms>>,
    ) -> tantivy::Result<HashMap<SegmentId, SlotTerms>> {
        let segments = searcher.segment_readers().iter();
        segments
            .map(|reader| {
                let common = common.and_then(|common| common.get(&reader.segment_id()));
                Ok((reader.segment_id(), self.look_up_in(reader, common)?))
            })
            .collect()
    }

    fn look_up_in(&self, reader: &SegmentReader, common: Option<&SlotTerms>) -> tantivy::Result<SlotTerms> {
        let index = reader.inverted_index(self.field)?;
        let is_worth = |slot: usize, term: usize| {
            common.is_none_or(|common| {
                common.get(slot).and_then(|slot| slot.get(term)).is_none_or(Option::is_some)
            })
        };
        let info = |slot: usize, (at, term): (usize, &String)| {
            if !is_worth(slot, at) {
                return Ok(None);
            }
            index.get_term_info(&Term::from_field_text(self.field, term))
        };
        let infos =
            |(at, slot): (usize, &Slot)| slot.terms.iter().enumerate().map(|term| info(at, term)).collect();
        Ok(self.slots.iter().enumerate().map(infos).collect::<std::io::Result<_>>()?)
    }
}

struct WordsWeight {
    query: WordsQuery,
    prepared: Option<Arc<SearchStatistics>>,
    bonuses: Vec<(WordsWeight, Score)>,
    details: Option<(Box<WordsWeight>, Score)>,
    scores: bool,
}

/// A scorer that also says how often the words stand in the current document.
trait Count: Scorer {
    fn frequency(&self) -> u32;
}

impl Weight for WordsWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        if let [Slot { terms, expansion: Some(expansion), .. }] = self.query.slots.as_slice()
            && terms.is_empty()
        {
            let documents = self.expanded(reader, expansion)?;
            return Ok(Box::new(ConstScorer::new(BitSetDocSet::from(documents), boost)));
        }
        Ok(match self.count(reader, boost)? {
            Some(scorer) => scorer,
            None => Box::new(EmptyScorer),
        })
    }

    fn explain(&self, _reader: &SegmentReader, _doc: DocId) -> tantivy::Result<Explanation> {
        Ok(Explanation::new("words", 1.0))
    }
}

impl WordsWeight {
    /// Reads the words' postings; `None` if one of the words is not in the segment.
    fn count(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Option<Box<dyn Count>>> {
        let index = reader.inverted_index(self.query.field)?;
        let columns = self.query.columns.of(reader);
        let bounds = self.query.section.map(|section| Bounds::open(&columns, section)).transpose()?;
        let has_positions = self.query.slots.len() > 1 || bounds.is_some();
        let option = match (has_positions, self.scores) {
            (true, _) => IndexRecordOption::WithFreqsAndPositions,
            (false, true) => IndexRecordOption::WithFreqs,
            (false, false) => IndexRecordOption::Basic,
        };
        let known = self.prepared.as_ref().and_then(|prepared| prepared.known.get(&reader.segment_id()));
        let known = match known {
            Some(known) => Cow::Borrowed(known),
            None => Cow::Owned(self.query.look_up_in(reader, None)?),
        };
        let mut slots = Vec::with_capacity(self.query.slots.len());
        for (slot, infos) in self.query.slots.iter().zip(&*known) {
            let lists = self.lists(&index, infos, slot, option)?;
            if lists.is_empty() {
                return Ok(None);
            }
            slots.push(SlotPostings::new(lists));
        }
        let similarity = match self.prepared.as_ref().and_then(|prepared| prepared.bm25.as_ref()) {
            None => None,
            Some(similarity) => {
                let bonuses =
                    self.bonuses.iter().map(|(weight, factor)| weight.scorer(reader, boost * factor));
                let details = match &self.details {
                    Some((weight, factor)) => weight.count(reader, boost)?.map(|words| (words, *factor)),
                    None => None,
                };
                Some(Similarity::new(
                    similarity.boost_by(boost),
                    columns.unsigned(TEXT_LENGTH)?,
                    bonuses.collect::<tantivy::Result<_>>()?,
                    details,
                ))
            }
        };
        Ok(match slots.pop() {
            Some(slot) if !has_positions => Some(Box::new(WordScorer::new(slot, similarity, boost))),
            last => {
                slots.extend(last);
                let (matcher, budget) = (self.query.matcher(), Arc::clone(&self.query.budget));
                Some(Box::new(PositionsScorer::new(slots, matcher, bounds, similarity, boost, budget)))
            }
        })
    }

    /// The documents of a lone prefix or fuzzy word.
    fn expanded(&self, reader: &SegmentReader, expansion: &Expansion) -> tantivy::Result<BitSet> {
        let index = &reader.inverted_index(self.query.field)?;
        let columns = self.query.columns.of(reader);
        let bounds = self.query.section.map(|section| Bounds::open(&columns, section)).transpose()?;
        let mut documents = BitSet::with_max_value(reader.max_doc());
        let mut positions = Vec::new();
        expansion.for_each(index, &self.query.budget, |info| {
            match &bounds {
                None => insert_all(index, info, &mut documents)?,
                Some(bounds) => {
                    let option = IndexRecordOption::WithFreqsAndPositions;
                    let mut postings = index.read_postings_from_terminfo(info, option)?;
                    while postings.doc() != TERMINATED {
                        if !documents.contains(postings.doc()) {
                            let (from, to) = bounds.of(postings.doc());
                            postings.positions(&mut positions);
                            if positions.iter().any(|position| (from..to).contains(position)) {
                                documents.insert(postings.doc());
                            }
                        }
                        postings.advance();
                    }
                }
            }
            Ok(true)
        })?;
        Ok(documents)
    }

    fn lists(
        &self,
        index: &InvertedIndexReader,
        infos: &[Option<TermInfo>],
        slot: &Slot,
        option: IndexRecordOption,
    ) -> tantivy::Result<Vec<SegmentPostings>> {
        let mut lists = Vec::with_capacity(infos.len());
        for info in infos.iter().flatten() {
            lists.push(index.read_postings_from_terminfo(info, option)?);
        }
        if let Some(expansion) = &slot.expansion {
            expansion.for_each(index, &self.query.budget, |info| {
                lists.push(index.read_postings_from_terminfo(info, option)?);
                if lists.len() > PHRASE_EXPANSIONS_MAX {
                    let reason = "a prefix or fuzzy word inside a phrase stands for too many words";
                    self.query.budget.refuse(reason.to_owned());
                }
                Ok(lists.len() <= PHRASE_EXPANSIONS_MAX)
            })?;
        }
        Ok(lists)
    }
}

impl WordsQuery {
    fn matcher(&self) -> PhraseMatcher {
        let offsets: Vec<u32> = self.slots.iter().map(|slot| slot.offset).collect();
        let same = |a: &Slot, b: &Slot| a.terms == b.terms && a.expansion.is_none() && b.expansion.is_none();
        let first_alike = |slot: &Slot| self.slots.iter().position(|other| same(other, slot));
        let words: Vec<usize> =
            self.slots.iter().enumerate().map(|(at, slot)| first_alike(slot).unwrap_or(at)).collect();
        PhraseMatcher::new(&offsets, &words, self.slop)
    }
}

/// Adds every document of a term.
pub(super) fn insert_all(
    index: &InvertedIndexReader,
    info: &tantivy::postings::TermInfo,
    documents: &mut BitSet,
) -> tantivy::Result<()> {
    let mut block = index.read_block_postings_from_terminfo(info, IndexRecordOption::Basic)?;
    while !block.docs().is_empty() {
        for doc in block.docs() {
            documents.insert(*doc);
        }
        block.advance();
    }
    Ok(())
}
