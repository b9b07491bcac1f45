//! The topic of a conversation, from a taxonomy that an operator can replace.
//!
//! A topic is a name with example phrases. The examples become weighted terms: single words, and pairs of
//! nearby words. A word counts for its share of its phrase, a pair counts more than its words, and a term
//! counts less the more topics share it (inverse topic frequency). A conversation's topic is the one whose
//! terms were said most, with most weight on the customer's first messages; below a threshold there is none.

use hearken_model::Role;
use serde::Deserialize;

use crate::tokens::{Gap, Token, TokenKind, Tokens};
use crate::words::{HashedMap, WordInfo, word_table};

/// Topics with the phrases that identify them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Taxonomy {
    /// In any order; if two topics have equal evidence, the earlier wins.
    #[serde(rename = "topic")]
    pub topics: Vec<Topic>,
}

/// One topic of a [`Taxonomy`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topic {
    /// The value of the interaction's `topic`.
    pub name: String,
    /// What customers say about it: phrases of a few words, in any language.
    pub examples: Vec<String>,
}

/// Why a taxonomy cannot be used.
#[derive(Debug)]
pub enum TaxonomyError {
    /// Not TOML, or not in the format of the default file; the message names the line.
    Syntax(String),
    /// A topic without a name, or without an example that has a telling word.
    EmptyTopic(String),
    /// More topics than [`TOPICS_MAX`].
    TooMany(usize),
}

/// Most topics in a taxonomy.
pub const TOPICS_MAX: usize = 1_000;

impl std::fmt::Display for TaxonomyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            TaxonomyError::Syntax(message) => write!(f, "the taxonomy cannot be read: {message}"),
            TaxonomyError::EmptyTopic(name) => {
                write!(f, "topic `{name}` needs a name and an example with at least one telling word")
            }
            TaxonomyError::TooMany(count) => write!(f, "{count} topics, at most {TOPICS_MAX} are allowed"),
        }
    }
}

impl std::error::Error for TaxonomyError {}

impl Taxonomy {
    /// The default: customer service in general, banking, insurance, telephony, IT, travel, food and leisure.
    pub fn built_in() -> Taxonomy {
        Taxonomy::from_toml(include_str!("../taxonomy.toml")).expect("the bundled taxonomy is read by a test")
    }

    /// Reads `[[topic]]` tables with `name` and `examples`.
    ///
    /// # Errors
    /// If the text does not have that form, or a topic could never be recognised.
    pub fn from_toml(text: &str) -> Result<Taxonomy, TaxonomyError> {
        let taxonomy: Taxonomy =
            toml::from_str(text).map_err(|error| TaxonomyError::Syntax(error.to_string()))?;
        if taxonomy.topics.len() > TOPICS_MAX {
            return Err(TaxonomyError::TooMany(taxonomy.topics.len()));
        }
        let (words, kept) = (word_table(), not_filler());
        let mut tokens = Tokens::default();
        for topic in &taxonomy.topics {
            let identifies = topic.examples.iter().any(|example| {
                tokens.scan(example);
                !telling_tokens(&tokens.tokens, &words, &kept).is_empty()
            });
            if topic.name.trim().is_empty() || !identifies {
                return Err(TaxonomyError::EmptyTopic(topic.name.clone()));
            }
        }
        Ok(taxonomy)
    }
}

/// One message's evidence for topics: index and hundredths.
pub(crate) type TopicScores = Box<[(u16, u16)]>;

/// What a word of full weight counts.
const UNIT: f32 = 100.0;

/// A pair of words counts for this many times its share of the phrase.
const PAIR_FACTOR: f32 = 1.5;

/// A term in many examples of one topic counts at most this much, before its rarity is applied.
const TERM_WEIGHT_MAX: f32 = 1.25;

/// Words for details that come up in every conversation and alone say little about the topic.
const DETAILS: &str = "address phone number name email mail date time price city area street code zip account details
    information info service problem issue work change update book booking buy check cost pay online app
    place visit visiting see look rating way plan type food    adresse telefon telefonnummer nummer namen datum zeit preis stadt postleitzahl indirizzo numero telefono prezzo
    nome dirección precio nombre fecha téléphone numéro prix nom";
const DETAIL_FACTOR: f32 = 0.3;

/// Words of a pair stand at most this many tokens apart.
const PAIR_TOKENS_MAX: usize = 4;

/// Customer messages with evidence that count as the request, and the weight of each.
const FIRST_ASKED: u32 = 2;
const CUSTOMER_FIRST_PERCENT: u32 = 100;
/// The weight of later ones, which often fill in details.
const CUSTOMER_PERCENT: u32 = 60;
/// The weight of agents' messages, which repeat and offer.
const AGENT_PERCENT: u32 = 30;
/// Most terms of one message that count; a pasted log has many.
const MESSAGE_TERMS_MAX: usize = 64;
/// The most that one message counts for one topic.
const MESSAGE_SCORE_MAX: u32 = 400;
/// The least evidence for a topic: about half a telling word.
const TOPIC_SCORE_MIN: u32 = 45;
/// The score that the topic's clearest message needs, and how much more with each further message with
/// evidence.
const CLEAR_SCORE_MIN: u16 = 45;
const CLEAR_SCORE_STEP: u16 = 6;
const CLEAR_SCORE_MAX: u16 = 115;

/// A taxonomy prepared for matching.
#[derive(Clone, Debug)]
pub(crate) struct TopicMatcher {
    names: Vec<String>,
    /// Maps a term to its part of `postings`, which is empty for words that only occur in pairs.
    terms: HashedMap<u64, (u32, u32)>,
    postings: Vec<(u16, u16)>,
}

impl TopicMatcher {
    pub(crate) fn new(taxonomy: &Taxonomy, words: &HashedMap<u64, WordInfo>) -> Self {
        let weights = term_weights(taxonomy, words);
        let num_topics = taxonomy.topics.len().min(TOPICS_MAX) as f32;
        let mut terms: Vec<_> = weights.into_iter().collect();
        // The table's content must not depend on the order of a map.
        terms.sort_unstable_by_key(|(term, _)| *term);
        let mut matcher = TopicMatcher {
            names: taxonomy
                .topics
                .iter()
                .take(TOPICS_MAX)
                .map(|topic| topic.name.trim().to_owned())
                .collect(),
            terms: HashedMap::default(),
            postings: Vec::new(),
        };
        for (term, topics) in terms {
            let strongest = topics.iter().map(|(_, weight)| *weight).fold(0.0, f32::max);
            let start = matcher.postings.len() as u32;
            if strongest > 0.0 {
                let shared_by: f32 = topics.iter().map(|(_, weight)| weight / strongest).sum();
                let rarity = ((num_topics + 1.0) / shared_by).ln() / (num_topics + 1.0).ln();
                for (topic, weight) in topics {
                    let score = (weight.min(TERM_WEIGHT_MAX) * rarity * rarity * UNIT).round();
                    if score >= 1.0 {
                        matcher.postings.push((topic, score as u16));
                    }
                }
            }
            matcher.terms.insert(term, (start, matcher.postings.len() as u32));
        }
        matcher
    }

    /// The name of a topic.
    fn name(&self, topic: u16) -> Option<&str> {
        self.names.get(usize::from(topic)).map(String::as_str)
    }

    /// Decides the topic of a conversation from who said each message, and its evidence.
    pub(crate) fn decide<'s>(
        &self,
        messages: impl Iterator<Item = (Role, &'s [(u16, u16)])>,
    ) -> Option<&str> {
        let mut sums = vec![0u32; self.names.len()];
        let mut strongest = vec![0u16; self.names.len()];
        let (mut num_asked, mut num_messages) = (0, 0u16);
        for (role, scores) in messages.filter(|(_, scores)| !scores.is_empty()) {
            num_messages = num_messages.saturating_add(1);
            let percent = if role == Role::User {
                num_asked += 1;
                if num_asked <= FIRST_ASKED { CUSTOMER_FIRST_PERCENT } else { CUSTOMER_PERCENT }
            } else {
                AGENT_PERCENT
            };
            for &(topic, score) in scores {
                if let Some(sum) = sums.get_mut(usize::from(topic)) {
                    *sum += u32::from(score).min(MESSAGE_SCORE_MAX) * percent;
                    strongest[usize::from(topic)] = strongest[usize::from(topic)].max(score);
                }
            }
        }
        // Stray words add up: the longer the conversation, the clearer one message must be.
        let clear =
            (CLEAR_SCORE_MIN + CLEAR_SCORE_STEP * num_messages.saturating_sub(1)).min(CLEAR_SCORE_MAX);
        let (topic, sum) = (0u16..).zip(sums).max_by_key(|(topic, sum)| (*sum, std::cmp::Reverse(*topic)))?;
        // If stray words outweigh every clear message, the runner-up is no topic either.
        let is_clear = strongest[usize::from(topic)] >= clear;
        self.name(topic).filter(|_| is_clear && sum >= TOPIC_SCORE_MIN * 100)
    }

    /// Whether a word is part of any example.
    pub(crate) fn knows(&self, token: &Token) -> bool {
        self.terms.contains_key(&token.stem)
    }

    /// The evidence in one message, by topic index.
    pub(crate) fn score(&self, tokens: &[Token]) -> TopicScores {
        let mut scores: Vec<(u16, u16)> = Vec::new();
        let mut seen: Vec<u64> = Vec::new();
        // The last two known words: position and stem.
        let mut near: [Option<(usize, u64)>; 2] = [None; 2];
        for (at, token) in tokens.iter().enumerate() {
            if token.gap == Gap::Sentence {
                near = [None; 2];
            }
            let Some(&part) = self.terms.get(&token.stem) else { continue };
            if seen.len() >= MESSAGE_TERMS_MAX {
                break;
            }
            self.add(token.stem, part, &mut seen, &mut scores);
            for (before, stem) in near.into_iter().flatten() {
                let joined =
                    token.kind != TokenKind::Ideograph || (before + 1 == at && token.gap == Gap::None);
                if joined && at - before <= PAIR_TOKENS_MAX {
                    let pair = pair(stem, token.stem);
                    if let Some(&part) = self.terms.get(&pair) {
                        self.add(pair, part, &mut seen, &mut scores);
                    }
                }
            }
            near = [Some((at, token.stem)), near[0]];
        }
        scores.into_boxed_slice()
    }

    /// Adds a term's evidence, once per message.
    fn add(&self, term: u64, (start, end): (u32, u32), seen: &mut Vec<u64>, scores: &mut Vec<(u16, u16)>) {
        if seen.contains(&term) {
            return;
        }
        seen.push(term);
        for &(topic, weight) in &self.postings[start as usize..end as usize] {
            match scores.iter_mut().find(|(other, _)| *other == topic) {
                Some((_, score)) => *score = score.saturating_add(weight),
                None => scores.push((topic, weight)),
            }
        }
    }
}

/// Combines two words in either order.
fn pair(left: u64, right: u64) -> u64 {
    crate::tokens::combine(left.min(right), left.max(right))
}

/// Maps each term to its topics, with the share of their examples that it makes up. Words that identify a
/// topic only in pairs weigh 0.
fn term_weights(taxonomy: &Taxonomy, words: &HashedMap<u64, WordInfo>) -> HashedMap<u64, Vec<(u16, f32)>> {
    let mut weights: HashedMap<u64, Vec<(u16, f32)>> = HashedMap::default();
    let mut add = |term: u64, topic: u16, weight: f32| {
        let topics = weights.entry(term).or_default();
        match topics.iter_mut().find(|(other, _)| *other == topic) {
            Some((_, sum)) => *sum += weight,
            None => topics.push((topic, weight)),
        }
    };
    let mut tokens = Tokens::default();
    tokens.scan(DETAILS);
    let details: Vec<u64> = tokens.tokens.iter().map(|token| token.stem).collect();
    let kept = not_filler();
    for (index, topic) in (0u16..).zip(taxonomy.topics.iter().take(TOPICS_MAX)) {
        for example in &topic.examples {
            tokens.scan(example);
            let telling = telling_tokens(&tokens.tokens, words, &kept);
            let num_words = telling.iter().filter(|token| token.kind != TokenKind::Ideograph).count();
            for token in &telling {
                let share = match token.kind {
                    TokenKind::Ideograph => 0.0,
                    _ if num_words > 1 && details.contains(&token.stem) => DETAIL_FACTOR / num_words as f32,
                    _ => 1.0 / num_words as f32,
                };
                add(token.stem, index, share);
            }
            let num_pairs = telling.len().saturating_sub(1);
            for two in telling.windows(2) {
                add(pair(two[0].stem, two[1].stem), index, PAIR_FACTOR / num_pairs as f32);
            }
        }
    }
    weights
}

/// Filler in one language, but meaningful in another: `car` is "because" in French.
const NOT_FILLER: &str = "car sim main fare pin bar plan bill fee note son band down sedan cine buono";

fn not_filler() -> Vec<u64> {
    let mut tokens = Tokens::default();
    tokens.scan(NOT_FILLER);
    tokens.tokens.iter().map(|token| token.hash).collect()
}

/// The words of an example without any language's filler.
fn telling_tokens(tokens: &[Token], words: &HashedMap<u64, WordInfo>, kept: &[u64]) -> Vec<Token> {
    let is_filler = |token: &Token| words.get(&token.hash).is_some_and(|info| info.is_common());
    let is_telling = |token: &&Token| kept.contains(&token.hash) || !is_filler(token);
    tokens.iter().filter(is_telling).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_of_the_default_taxonomy_tells_something() {
        let (words, kept) = (word_table(), not_filler());
        let mut tokens = Tokens::default();
        let mut never_found = Vec::new();
        for topic in Taxonomy::built_in().topics {
            for example in topic.examples {
                tokens.scan(&example);
                let telling = telling_tokens(&tokens.tokens, &words, &kept);
                let ideographs = telling.iter().filter(|token| token.kind == TokenKind::Ideograph).count();
                if telling.is_empty() || ideographs == 1 {
                    never_found.push(example);
                }
            }
        }
        assert_eq!(never_found, Vec::<String>::new());
    }
}
