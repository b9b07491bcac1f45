//! Words, phrases, prefixes and fuzzy words as a tantivy query of our own.
//!
//! tantivy's phrase query knows neither Lucene's slop nor alternatives for a word, and none of its queries can be
//! confined to the positions of one role or stopped by a deadline. This one is a list of slots, each with the terms
//! that may stand there: a single slot is a word, several are a phrase.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use tantivy::columnar::Column;
use tantivy::index::{InvertedIndexReader, SegmentId};
use tantivy::postings::{Postings, SegmentPostings, TermInfo};
use tantivy::query::{
    BitSetDocSet, Bm25Weight, ConstScorer, EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight,
};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{BitSet, DocId, DocSet, Score, Searcher, SegmentReader, TERMINATED, Term};

use super::budget::{Budget, PHRASE_EXPANSIONS_MAX};
use super::expansion::Expansion;
use super::schema::{ROLE_ENDS, TEXT_LENGTH};
use crate::phrase::PhraseMatcher;

/// What may stand at one place of a phrase.
#[derive(Clone)]
pub(super) struct Slot {
    /// Its place, from 0.
    pub(super) offset: u32,
    /// Any of these terms.
    pub(super) terms: Vec<String>,
    /// Or any of those that this stands for.
    pub(super) expansion: Option<Expansion>,
}

/// Between which two columns of [`ROLE_ENDS`] the positions of a match must lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Section {
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
    pub(super) section: Option<Section>,
    /// What adds so many times its score where it matches, too; never decides whether a document matches.
    pub(super) bonuses: Vec<(WordsQuery, Score)>,
    pub(super) budget: Arc<Budget>,
}

impl std::fmt::Debug for WordsQuery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.slots.iter().map(|slot| &slot.terms)).finish()
    }
}

impl Query for WordsQuery {
    fn weight(&self, enable_scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.words_weight(enable_scoring)?))
    }
}

/// Where the terms of each slot are in one segment; those that are not there are left out.
type Known = Vec<Vec<TermInfo>>;

impl WordsQuery {
    fn words_weight(&self, enable_scoring: EnableScoring<'_>) -> tantivy::Result<WordsWeight> {
        let mut bonuses = Vec::new();
        let mut known = HashMap::new();
        let similarity = match enable_scoring {
            EnableScoring::Enabled { searcher, statistics_provider } => {
                known = self.look_up(searcher)?;
                for (words, boost) in &self.bonuses {
                    let weight = words.words_weight(enable_scoring)?;
                    if weight.known.values().flatten().any(|slot| !slot.is_empty()) {
                        bonuses.push((weight, *boost));
                    }
                }
                let num_documents = statistics_provider.total_num_docs()?;
                match self.slots.as_slice() {
                    // The forms of a word count as one word, so that none of them is worth more than another.
                    [slot] if slot.expansion.is_none() && num_documents > 0 => {
                        let infos = known.values().flatten().flatten();
                        let frequency: u64 = infos.map(|info| u64::from(info.doc_freq)).sum();
                        let num_words = statistics_provider.total_num_tokens(self.field)?;
                        Some(Bm25Weight::for_one_term_without_explain(
                            frequency.min(num_documents),
                            num_documents,
                            num_words as Score / num_documents as Score,
                        ))
                    }
                    slots => {
                        let first =
                            |slot: &Slot| Some(Term::from_field_text(self.field, slot.terms.first()?));
                        let terms: Vec<Term> = slots.iter().filter_map(first).collect();
                        let scorable = num_documents > 0 && !terms.is_empty();
                        scorable.then(|| Bm25Weight::for_terms(statistics_provider, &terms)).transpose()?
                    }
                }
            }
            EnableScoring::Disabled { .. } => None,
        };
        let scores = enable_scoring.is_scoring_enabled();
        Ok(WordsWeight { query: self.clone(), similarity, bonuses, scores, known })
    }

    /// Looks up every term in every segment. Scores need all of them before the first segment is searched.
    fn look_up(&self, searcher: &Searcher) -> tantivy::Result<HashMap<SegmentId, Known>> {
        let segments = searcher.segment_readers().iter();
        segments
            .map(|reader| {
                let index = reader.inverted_index(self.field)?;
                Ok((
                    reader.segment_id(),
                    self.slots.iter().map(|slot| self.infos(&index, slot)).collect::<Result<_, _>>()?,
                ))
            })
            .collect()
    }

    fn infos(&self, index: &InvertedIndexReader, slot: &Slot) -> tantivy::Result<Vec<TermInfo>> {
        let mut infos = Vec::with_capacity(slot.terms.len());
        for term in &slot.terms {
            infos.extend(index.get_term_info(&Term::from_field_text(self.field, term))?);
        }
        Ok(infos)
    }
}

struct WordsWeight {
    query: WordsQuery,
    similarity: Option<Bm25Weight>,
    bonuses: Vec<(WordsWeight, Score)>,
    scores: bool,
    /// By segment, where scores are wanted.
    known: HashMap<SegmentId, Known>,
}

impl Weight for WordsWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let index = reader.inverted_index(self.query.field)?;
        let bounds = self.query.section.map(|section| Bounds::open(reader, section)).transpose()?;
        if let [Slot { terms, expansion: Some(expansion), .. }] = self.query.slots.as_slice()
            && terms.is_empty()
        {
            let documents = self.expanded(&index, reader, expansion, bounds.as_ref())?;
            return Ok(Box::new(ConstScorer::new(BitSetDocSet::from(documents), boost)));
        }
        let has_positions = self.query.slots.len() > 1 || bounds.is_some();
        let option = match (has_positions, self.scores) {
            (true, _) => IndexRecordOption::WithFreqsAndPositions,
            (false, true) => IndexRecordOption::WithFreqs,
            (false, false) => IndexRecordOption::Basic,
        };
        let mut slots = Vec::with_capacity(self.query.slots.len());
        let known = self.known.get(&reader.segment_id());
        for (at, slot) in self.query.slots.iter().enumerate() {
            let infos = match known {
                Some(known) => Cow::Borrowed(known[at].as_slice()),
                None => Cow::Owned(self.query.infos(&index, slot)?),
            };
            let lists = self.lists(&index, &infos, slot, option)?;
            if lists.is_empty() {
                return Ok(Box::new(EmptyScorer));
            }
            slots.push(SlotPostings::new(lists));
        }
        let mut bonuses = Vec::with_capacity(self.bonuses.len());
        for (weight, factor) in &self.bonuses {
            let scorer = weight.scorer(reader, boost * factor)?;
            if scorer.doc() != TERMINATED {
                bonuses.push(Bonus { doc: scorer.doc(), scorer });
            }
        }
        let lengths = match self.similarity {
            Some(_) => Some(reader.fast_fields().u64(TEXT_LENGTH)?),
            None => None,
        };
        let matcher = has_positions.then(|| self.query.matcher());
        // The rarest slot leads; positions are matched in the slots' own order.
        let mut order: Vec<usize> = (0..slots.len()).collect();
        order.sort_by_key(|slot| slots[*slot].cost);
        let mut scorer = WordsScorer {
            positions: vec![Vec::new(); slots.len()],
            slots,
            order,
            matcher,
            bounds,
            similarity: self.similarity.as_ref().map(|similarity| similarity.boost_by(boost)),
            boost,
            lengths,
            bonuses,
            frequency: 0,
            num_looked_at: 0,
            budget: Arc::clone(&self.query.budget),
            doc: 0,
        };
        scorer.settle();
        Ok(Box::new(scorer))
    }

    fn explain(&self, _reader: &SegmentReader, _doc: DocId) -> tantivy::Result<Explanation> {
        Ok(Explanation::new("words", 1.0))
    }
}

impl WordsWeight {
    /// The documents of a lone prefix or fuzzy word.
    fn expanded(
        &self,
        index: &InvertedIndexReader,
        reader: &SegmentReader,
        expansion: &Expansion,
        bounds: Option<&Bounds>,
    ) -> tantivy::Result<BitSet> {
        let mut documents = BitSet::with_max_value(reader.max_doc());
        let mut positions = Vec::new();
        expansion.for_each(index, &self.query.budget, |info| {
            match bounds {
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
        infos: &[TermInfo],
        slot: &Slot,
        option: IndexRecordOption,
    ) -> tantivy::Result<Vec<SegmentPostings>> {
        let mut lists = Vec::with_capacity(infos.len());
        for info in infos {
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

/// The positions that a scope covers, document by document.
struct Bounds {
    from: Option<Column<u64>>,
    to: Column<u64>,
}

impl Bounds {
    fn open(reader: &SegmentReader, section: Section) -> tantivy::Result<Self> {
        let column = |end: usize| reader.fast_fields().u64(ROLE_ENDS[end]);
        Ok(Bounds { from: section.from.map(column).transpose()?, to: column(section.to)? })
    }

    fn of(&self, doc: DocId) -> (u32, u32) {
        let end =
            |column: &Column<u64>| column.first(doc).map_or(0, |end| u32::try_from(end).unwrap_or(u32::MAX));
        (self.from.as_ref().map_or(0, end), end(&self.to))
    }
}

/// The documents in which any of a slot's terms stands.
struct SlotPostings {
    lists: Vec<SegmentPostings>,
    doc: DocId,
    cost: u64,
}

impl SlotPostings {
    fn new(lists: Vec<SegmentPostings>) -> Self {
        let cost = lists.iter().map(DocSet::cost).sum();
        let mut slot = SlotPostings { lists, doc: 0, cost };
        slot.find_first();
        slot
    }

    fn find_first(&mut self) -> DocId {
        self.doc = self.lists.iter().map(DocSet::doc).min().unwrap_or(TERMINATED);
        self.doc
    }

    fn advance(&mut self) -> DocId {
        if let [list] = self.lists.as_mut_slice() {
            self.doc = list.advance();
            return self.doc;
        }
        for list in &mut self.lists {
            if list.doc() == self.doc {
                list.advance();
            }
        }
        self.find_first()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        for list in &mut self.lists {
            if list.doc() < target {
                list.seek(target);
            }
        }
        self.find_first()
    }

    fn frequency(&self) -> u32 {
        self.lists.iter().filter(|list| list.doc() == self.doc).map(Postings::term_freq).sum()
    }

    fn positions(&mut self, shift: u32, positions: &mut Vec<u32>) {
        positions.clear();
        let mut num_lists = 0;
        for list in self.lists.iter_mut().filter(|list| list.doc() == self.doc) {
            list.append_positions_with_offset(shift, positions);
            num_lists += 1;
        }
        if num_lists > 1 {
            positions.sort_unstable();
        }
    }
}

/// Looked at only where the words match; mostly far ahead, so its place is kept at hand.
struct Bonus {
    scorer: Box<dyn Scorer>,
    doc: DocId,
}

struct WordsScorer {
    slots: Vec<SlotPostings>,
    order: Vec<usize>,
    /// `None` where documents match whatever the positions.
    matcher: Option<PhraseMatcher>,
    bounds: Option<Bounds>,
    similarity: Option<Bm25Weight>,
    boost: Score,
    lengths: Option<Column<u64>>,
    bonuses: Vec<Bonus>,
    positions: Vec<Vec<u32>>,
    /// Matches in the current document, where positions were looked at.
    frequency: u32,
    num_looked_at: u32,
    budget: Arc<Budget>,
    doc: DocId,
}

impl WordsScorer {
    /// Moves on from where the leading slot is to the first document that matches.
    fn settle(&mut self) -> DocId {
        let leader = self.order[0];
        if self.matcher.is_none() {
            self.doc = self.slots[leader].doc;
            return self.doc;
        }
        self.doc = loop {
            let candidate = self.slots[leader].doc;
            if candidate == TERMINATED || self.is_over() {
                break TERMINATED;
            }
            let beyond = self.order[1..].iter().find_map(|slot| {
                let slot = &mut self.slots[*slot];
                let doc = if slot.doc < candidate { slot.seek(candidate) } else { slot.doc };
                (doc > candidate).then_some(doc)
            });
            match beyond {
                Some(TERMINATED) => break TERMINATED,
                Some(doc) => {
                    self.slots[leader].seek(doc);
                }
                None => {
                    self.frequency = self.count(candidate);
                    if self.frequency > 0 {
                        break candidate;
                    }
                    self.slots[leader].advance();
                }
            }
        };
        self.doc
    }

    fn count(&mut self, doc: DocId) -> u32 {
        let Some(matcher) = &mut self.matcher else { return 1 };
        for (slot, positions) in
            self.slots.iter_mut().zip(&mut self.positions).enumerate().map(|(at, pair)| {
                let (slot, positions) = pair;
                ((at, slot), positions)
            })
        {
            let (at, postings) = slot;
            postings.positions(matcher.shift(at), positions);
        }
        if let Some(bounds) = &self.bounds {
            let (from, to) = bounds.of(doc);
            let shift = matcher.shift(0);
            self.positions[0].retain(|position| (from + shift..to.saturating_add(shift)).contains(position));
        }
        matcher.count(&self.positions)
    }

    fn is_over(&mut self) -> bool {
        const LOOK_EVERY: u32 = 1_024;
        self.num_looked_at = self.num_looked_at.wrapping_add(1);
        self.num_looked_at.is_multiple_of(LOOK_EVERY) && self.budget.is_spent()
    }
}

impl DocSet for WordsScorer {
    fn advance(&mut self) -> DocId {
        if self.doc == TERMINATED {
            return TERMINATED;
        }
        self.slots[self.order[0]].advance();
        self.settle()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        if self.doc >= target {
            return self.doc;
        }
        self.slots[self.order[0]].seek(target);
        self.settle()
    }

    fn doc(&self) -> DocId {
        self.doc
    }

    fn size_hint(&self) -> u32 {
        let cost = self.slots[self.order[0]].cost;
        let share =
            if self.matcher.is_some() && self.slots.len() > 1 { 10 * self.slots.len() as u64 } else { 1 };
        u32::try_from(cost / share).unwrap_or(u32::MAX)
    }

    fn cost(&self) -> u64 {
        let cost = self.slots[self.order[0]].cost;
        if self.matcher.is_some() { cost * 10 * self.slots.len() as u64 } else { cost }
    }
}

impl Scorer for WordsScorer {
    fn score(&mut self) -> Score {
        let (Some(similarity), Some(lengths)) = (&self.similarity, &self.lengths) else {
            return self.boost;
        };
        let frequency = match self.matcher {
            Some(_) => self.frequency,
            None => self.slots[0].frequency(),
        };
        let length = lengths.first(self.doc).and_then(|length| u8::try_from(length).ok()).unwrap_or_default();
        let mut score = similarity.score(length, frequency);
        for bonus in &mut self.bonuses {
            if bonus.doc < self.doc {
                bonus.doc = bonus.scorer.seek(self.doc);
            }
            if bonus.doc == self.doc {
                score += bonus.scorer.score();
            }
        }
        score
    }
}
