//! A query, evaluated on the documents of a tier one after another.
//!
//! It is lowered together with the engine's query and must mean the same. What its words stand for is looked up once, in each
//! vocabulary; after that a document is searched by comparing numbers.

use std::ops::Range;

use hearken_index::phrase::PhraseMatcher;
use hearken_model::Role;
use levenshtein_automata::{DFA, Distance};
use tantivy::Score;

use super::cut::{CutText, Speaker};
use super::document::{LiveDocument, ScannedDocument, Texts};
use super::vocabulary::{Vocabulary, WordId};
use crate::budget::SearchBudget;
use crate::words::Bm25;

/// What a document must fulfil, and what it is worth then.
pub(crate) enum LiveQuery {
    /// Every document, each worth so much.
    All(Score),
    /// No document.
    None,
    /// Those that somebody may find.
    Visible,
    /// Words; worth what they score.
    Words(Box<WordsCondition>),
    /// A condition on values; it filters and does not rank.
    Test(Box<dyn Fn(&LiveDocument) -> bool + Send + Sync>),
    /// All of them; worth the sum.
    And(Vec<LiveQuery>),
    /// Any of them; worth the sum of those that hold.
    Or(Vec<LiveQuery>),
    /// Everything but; worth nothing.
    Not(Box<LiveQuery>),
}

/// Words that are searched for.
pub(crate) struct WordsCondition {
    pub(crate) texts: Texts,
    pub(crate) slots: Vec<SlotWords>,
    /// How the words must stand to each other, where there are several.
    pub(crate) matcher: PhraseMatcher,
    pub(crate) ranked: Option<Ranked>,
    /// The positions of each slot in the current text, shifted as `matcher` wants them.
    pub(crate) positions: Vec<Vec<u32>>,
}

/// How much words are worth where they match; else they are worth 1.
pub(crate) struct Ranked {
    pub(crate) bm25: Bm25,
    /// What adds a multiple of its score where it also matches.
    pub(crate) bonuses: Vec<(WordsCondition, Score)>,
    /// The factor for its score where it matches in details alone.
    pub(crate) in_details: Score,
}

impl Ranked {
    /// Only by how often they stand.
    pub(crate) fn plainly(bm25: Bm25) -> Self {
        Ranked { bm25, bonuses: Vec::new(), in_details: 1.0 }
    }
}

/// Which words fit at one place of a phrase.
pub(crate) enum Fits {
    /// This one, folded.
    Word(String),
    /// All with this stem.
    Stem(String),
    /// All that begin so.
    Prefix(String),
    /// All that are near enough.
    Fuzzy(Box<DFA>),
}

/// One place of a phrase: the words that fit, ascending, in each of the vocabularies.
pub(crate) struct SlotWords {
    words: Vec<Box<[WordId]>>,
    /// The same as the engine's terms: the word that is its own stem apart from its other forms.
    terms: Vec<Vec<Box<[WordId]>>>,
}

impl Fits {
    /// Looks up what fits.
    pub(crate) fn look_up<'v>(
        &self,
        vocabularies: impl IntoIterator<Item = &'v Vocabulary>,
        budget: &SearchBudget,
    ) -> SlotWords {
        let words: Vec<(&Vocabulary, Box<[WordId]>)> = vocabularies
            .into_iter()
            .map(|vocabulary| (vocabulary, self.look_up_in(vocabulary, budget)))
            .collect();
        let terms = |(vocabulary, words): &(&Vocabulary, Box<[WordId]>)| match self {
            Fits::Stem(_) => {
                let (stems, forms): (Vec<_>, Vec<_>) =
                    vocabulary.read(|known| words.iter().partition(|word| known.get(**word).stem.is_none()));
                vec![stems.into(), forms.into()]
            }
            _ => vec![words.clone()],
        };
        SlotWords {
            terms: words.iter().map(terms).collect(),
            words: words.into_iter().map(|(_, words)| words).collect(),
        }
    }

    fn look_up_in(&self, vocabulary: &Vocabulary, budget: &SearchBudget) -> Box<[WordId]> {
        const LOOK_EVERY: WordId = 1 << 12;
        vocabulary.read(|words| match self {
            Fits::Word(folded) => words.id(folded).into_iter().collect(),
            Fits::Stem(stem) => words.with_stem(stem).into(),
            Fits::Prefix(_) | Fits::Fuzzy(_) => words
                .all()
                .take_while(|(id, _)| id % LOOK_EVERY != 0 || !budget.is_spent())
                .filter(|(_, entry)| match self {
                    Fits::Prefix(prefix) => entry.text.starts_with(prefix.as_str()),
                    Fits::Fuzzy(automaton) => matches!(automaton.eval(&*entry.text), Distance::Exact(_)),
                    Fits::Word(_) | Fits::Stem(_) => false,
                })
                .map(|(id, _)| id)
                .collect(),
        })
    }
}

impl LiveQuery {
    /// What the document is worth, if it fulfils the query. `vocabulary` is the place of its own among those that the
    /// words were looked up in.
    pub(crate) fn score(&mut self, document: &ScannedDocument, vocabulary: usize) -> Option<Score> {
        match self {
            LiveQuery::All(score) => Some(*score),
            LiveQuery::None => None,
            LiveQuery::Visible => (!document.is_hidden()).then_some(0.0),
            LiveQuery::Words(words) => words.score(document, vocabulary),
            LiveQuery::Test(test) => test(&document.document).then_some(0.0),
            LiveQuery::And(parts) => {
                parts.iter_mut().try_fold(0.0, |sum, part| Some(sum + part.score(document, vocabulary)?))
            }
            LiveQuery::Or(parts) => {
                let scores = parts.iter_mut().filter_map(|part| part.score(document, vocabulary));
                scores.reduce(|a, b| a + b)
            }
            LiveQuery::Not(part) => part.score(document, vocabulary).is_none().then_some(0.0),
        }
    }
}

impl WordsCondition {
    fn score(&mut self, document: &ScannedDocument, vocabulary: usize) -> Option<Score> {
        let frequency = self.frequency(document, vocabulary, self.texts);
        if frequency == 0 {
            return None;
        }
        if self.ranked.is_none() {
            return Some(1.0);
        }
        let in_details = match self.texts {
            Texts::Common => self.frequency(document, vocabulary, Texts::Of(Speaker::Details)),
            Texts::Transcript | Texts::Of(_) => 0,
        };
        let Ranked { bm25, bonuses, in_details: factor } = self.ranked.as_mut()?;
        let length = document.document.length_class();
        let mut score = bm25.score_with_details(length, frequency, in_details, *factor);
        for (bonus, weight) in bonuses {
            let frequency = bonus.frequency(document, vocabulary, bonus.texts);
            if let (Some(ranked), 1..) = (&bonus.ranked, frequency) {
                score += *weight * ranked.bm25.score(length, frequency);
            }
        }
        Some(score)
    }

    /// In how many of the documents the words of each of these slots stand, those of two as a pair of neighbours; forms of a
    /// word are added up as in the engine, which does not know whether they stand in the same documents. The scopes of roles
    /// share the words of all but system messages, as they share them in the engine.
    pub(crate) fn frequencies<'d>(
        &self,
        of: impl IntoIterator<Item = Range<usize>>,
        documents: impl Iterator<Item = (usize, &'d ScannedDocument)> + Clone,
    ) -> Vec<u64> {
        let texts = match self.texts {
            Texts::Of(Speaker::Role(Role::System)) => self.texts,
            Texts::Common | Texts::Transcript | Texts::Of(Speaker::Role(_)) => Texts::Common,
            Texts::Of(_) => self.texts,
        };
        let contains = |words: &[WordId], document: &ScannedDocument| match texts {
            Texts::Common => document.num_common(words) > 0,
            Texts::Transcript | Texts::Of(_) => {
                document.has_any(words)
                    && document.document.texts_of(texts).any(|text| num_fitting(text, words, false) > 0)
            }
        };
        let num_terms = |slot: &SlotWords| {
            let num_terms = |(vocabulary, document): (usize, &ScannedDocument)| {
                slot.terms[vocabulary].iter().filter(|words| contains(words, document)).count() as u64
            };
            documents.clone().map(num_terms).sum()
        };
        let num_pairs = |pair: &[SlotWords]| {
            let mut matcher = PhraseMatcher::new(&[0, 1], &[0, 1], 0);
            let mut positions = [Vec::new(), Vec::new()];
            let has_pair = |(vocabulary, document): &(usize, &ScannedDocument)| {
                pair.iter().all(|slot| document.has_any(&slot.words[*vocabulary]))
                    && document
                        .document
                        .texts_of(texts)
                        .any(|text| num_matches(text, pair, *vocabulary, &mut matcher, &mut positions) > 0)
            };
            documents.clone().filter(has_pair).count() as u64
        };
        let frequency = |slots: Range<usize>| match &self.slots[slots] {
            [slot] => num_terms(slot),
            slots => num_pairs(slots),
        };
        of.into_iter().map(frequency).collect()
    }

    /// How often the words stand in those texts as they should; at least whether they do where nothing is ranked.
    fn frequency(&mut self, document: &ScannedDocument, vocabulary: usize, texts: Texts) -> u32 {
        let WordsCondition { slots, matcher, ranked, positions, .. } = self;
        if let ([slot], Texts::Common) = (slots.as_slice(), texts) {
            return document.num_common(&slot.words[vocabulary]);
        }
        if slots.is_empty() || !slots.iter().all(|slot| document.has_any(&slot.words[vocabulary])) {
            return 0;
        }
        let counts = ranked.is_some();
        let mut frequency = 0;
        for text in document.document.texts_of(texts) {
            frequency += match slots.as_slice() {
                [slot] => num_fitting(text, &slot.words[vocabulary], counts),
                _ => num_matches(text, slots, vocabulary, matcher, positions),
            };
            if frequency > 0 && !counts {
                break;
            }
        }
        frequency
    }
}

fn num_fitting(text: &CutText, words: &[WordId], counts: bool) -> u32 {
    let mut fitting = text.ids().filter(|id| contains(words, *id));
    if counts { fitting.count() as u32 } else { u32::from(fitting.next().is_some()) }
}

fn num_matches(
    text: &CutText,
    slots: &[SlotWords],
    vocabulary: usize,
    matcher: &mut PhraseMatcher,
    positions: &mut [Vec<u32>],
) -> u32 {
    positions.iter_mut().for_each(Vec::clear);
    for (id, position) in text.words() {
        for (slot, (words, positions)) in slots.iter().zip(&mut *positions).enumerate() {
            if contains(&words.words[vocabulary], id) {
                positions.push(position + matcher.shift(slot));
            }
        }
    }
    if positions.iter().any(Vec::is_empty) { 0 } else { matcher.count(positions) }
}

fn contains(words: &[WordId], id: WordId) -> bool {
    match words {
        [] => false,
        [only] => *only == id,
        [..] if words.len() <= 8 => words.contains(&id),
        _ => words.binary_search(&id).is_ok(),
    }
}
