//! Search totals by looking at every word of every message: docs/reference.md#query-language for plain words and exact
//! phrases.

use std::collections::{BTreeMap, HashMap, HashSet};

use fastrand::Rng;
use rust_stemmers::{Algorithm, Stemmer};
use serde_json::Value;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::{decompose_canonical, is_combining_mark};

use super::fold::Expected;

/// Roles whose words an unscoped query finds.
const SEARCHED_ROLES: [&str; 4] = ["user", "assistant", "human", "tool"];

type Word = u32;

/// The words of everything that unscoped queries search.
pub struct Scan {
    words: HashMap<String, Word>,
    /// What a word is when its English form is ignored.
    stems: Vec<Word>,
    stem_ids: HashMap<String, Word>,
    /// Text by text, interaction by interaction.
    interactions: Vec<Vec<Vec<Word>>>,
    stemmer: Stemmer,
}

/// A query and the words that it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// All of these, in any form, anywhere in the interaction.
    Words(Vec<String>),
    /// These words in this order, exactly, within one text.
    Phrase(String),
    /// The first but not the second.
    WordWithout(String, String),
}

impl Query {
    /// As a user types it.
    pub fn text(&self) -> String {
        match self {
            Query::Words(words) => words.join(" "),
            Query::Phrase(phrase) => format!("\"{phrase}\""),
            Query::WordWithout(wanted, unwanted) => format!("{wanted} NOT {unwanted}"),
        }
    }
}

/// Words, or the stems of words, that must follow each other.
struct Pattern {
    words: Vec<Word>,
    stemmed: bool,
}

impl Default for Scan {
    fn default() -> Scan {
        Scan {
            words: HashMap::new(),
            stems: Vec::new(),
            stem_ids: HashMap::new(),
            interactions: Vec::new(),
            stemmer: Stemmer::create(Algorithm::English),
        }
    }
}

/// What a detected summary says of who spoke, which is no word of theirs and not searched.
const SPEAKERS: [&str; 4] = ["The customer asked: ", "The agent: ", "A colleague: ", "The customer: "];

impl Scan {
    /// Adds an interaction: what was said comes from what went in. Topic, summary and keywords may be detected, so
    /// they are those of `answer`, the API's interaction; so are its details.
    pub fn add(&mut self, expected: &Expected, answer: &Value) {
        let said =
            expected.transcript.iter().filter(|message| SEARCHED_ROLES.contains(&message.text("role")));
        let mut texts: Vec<_> = said.map(|message| self.intern(message.text("message"))).collect();
        let about = &answer["topics_summary"];
        let keywords = about["keywords"].as_array().into_iter().flatten();
        for text in [&about["topic"]].into_iter().chain(keywords) {
            texts.push(self.intern(text.as_str().unwrap_or_default()));
        }
        let summary = about["summary"].as_str().unwrap_or_default();
        let said = summary.split(" – ").map(|sentence| {
            let words = SPEAKERS.iter().find_map(|speaker| sentence.strip_prefix(speaker));
            words.unwrap_or(sentence)
        });
        let said = said.collect::<Vec<_>>().join(" – ");
        texts.push(self.intern(&said));
        for field in ["user_id", "caller", "url", "rating_comment"] {
            texts.push(self.intern(answer[field].as_str().unwrap_or_default()));
        }
        for value in answer["metadata"].as_object().into_iter().flat_map(serde_json::Map::values) {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            texts.push(self.intern(&text));
        }
        self.interactions.push(texts);
    }

    /// How many interactions match.
    pub fn total(&self, query: &Query) -> usize {
        let (wanted, unwanted) = match query {
            Query::Words(words) => (words.iter().map(|word| self.any_form(word)).collect(), None),
            Query::Phrase(phrase) => (vec![self.exactly(phrase)], None),
            Query::WordWithout(wanted, unwanted) => {
                (vec![self.any_form(wanted)], Some(self.any_form(unwanted)))
            }
        };
        let matches = |texts: &&Vec<Vec<Word>>| {
            wanted.iter().all(|pattern| self.has(texts, pattern))
                && !unwanted.as_ref().is_some_and(|pattern| self.has(texts, pattern))
        };
        self.interactions.iter().filter(matches).count()
    }

    /// A word that the rules split, as Chinese is, is a phrase of its parts.
    fn any_form(&self, word: &str) -> Pattern {
        let exactly = self.exactly(word);
        let stem = |word: Word| self.stems.get(word as usize).copied().unwrap_or(Word::MAX);
        Pattern { words: exactly.words.into_iter().map(stem).collect(), stemmed: true }
    }

    /// Queries are made of words that are there; one that is not becomes a number that no text has.
    fn exactly(&self, phrase: &str) -> Pattern {
        let known = |word: &String| self.words.get(word).copied();
        let words: Option<Vec<_>> = tokens(phrase).iter().map(known).collect();
        Pattern { words: words.unwrap_or(vec![Word::MAX]), stemmed: false }
    }

    fn has(&self, texts: &[Vec<Word>], pattern: &Pattern) -> bool {
        let form = |word: Word| if pattern.stemmed { self.stems[word as usize] } else { word };
        let matches =
            |window: &[Word]| window.iter().zip(&pattern.words).all(|(word, wanted)| form(*word) == *wanted);
        texts.iter().any(|text| text.windows(pattern.words.len()).any(matches))
    }

    fn intern(&mut self, text: &str) -> Vec<Word> {
        tokens(text).into_iter().map(|token| self.intern_token(token)).collect()
    }

    fn intern_token(&mut self, token: String) -> Word {
        if let Some(word) = self.words.get(&token) {
            return *word;
        }
        let stem = self.stemmer.stem(&token).into_owned();
        let next_stem = self.stem_ids.len() as Word;
        self.stems.push(*self.stem_ids.entry(stem).or_insert(next_stem));
        let word = self.words.len() as Word;
        self.words.insert(token, word);
        word
    }

    /// `num` queries made of what is there: words from frequent to rare, pairs, phrases, exclusions, and words in
    /// other scripts. The same seed gives the same queries.
    pub fn queries(&self, num: usize, seed: u64) -> Vec<Query> {
        let mut rng = Rng::with_seed(seed);
        let mut spelling: Vec<&str> = vec![""; self.words.len()];
        for (word, id) in &self.words {
            spelling[*id as usize] = word;
        }
        let by_frequency = self.words_by_frequency();
        // Evenly over the logarithm of the rank: as many common words as rare ones.
        let word = |rng: &mut Rng| loop {
            let rank = (by_frequency.len() as f64).powf(rng.f64()) as usize;
            let word = spelling[by_frequency[rank.min(by_frequency.len() - 1)] as usize];
            if is_plain(word) {
                return word.to_owned();
            }
        };
        let mut queries = Vec::new();
        let mut seen = HashSet::new();
        while queries.len() < num {
            let query = match queries.len() % 10 {
                0..4 => Query::Words(vec![word(&mut rng)]),
                4 => Query::Words(vec![word(&mut rng), word(&mut rng)]),
                5 => Query::WordWithout(word(&mut rng), word(&mut rng)),
                6 | 7 => self.phrase(&mut rng, &spelling, 2, is_plain),
                8 => self.phrase(&mut rng, &spelling, 3, is_plain),
                // Two neighbours of a script without spaces are one word to a user.
                _ => match self.phrase(&mut rng, &spelling, 2, is_unspaced) {
                    Query::Phrase(pair) => Query::Words(vec![pair.replace(' ', "")]),
                    other => other,
                },
            };
            if seen.insert(query.text()) {
                queries.push(query);
            }
        }
        queries
    }

    fn words_by_frequency(&self) -> Vec<Word> {
        let mut counts: BTreeMap<Word, usize> = BTreeMap::new();
        for word in self.interactions.iter().flatten().flatten() {
            *counts.entry(*word).or_default() += 1;
        }
        let mut words: Vec<_> = counts.into_iter().collect();
        words.sort_by_key(|(word, count)| (std::cmp::Reverse(*count), *word));
        words.into_iter().map(|(word, _)| word).collect()
    }

    /// Words that follow each other somewhere; a single word if the texts hold no such words.
    fn phrase(&self, rng: &mut Rng, spelling: &[&str], len: usize, wanted: fn(&str) -> bool) -> Query {
        for _ in 0..100_000 {
            let texts = &self.interactions[rng.usize(..self.interactions.len())];
            if texts.is_empty() {
                continue;
            }
            let text = &texts[rng.usize(..texts.len())];
            if text.len() < len {
                continue;
            }
            let start = rng.usize(..=text.len() - len);
            let words: Vec<_> =
                text[start..start + len].iter().map(|word| spelling[*word as usize]).collect();
            if words.iter().all(|word| wanted(word)) {
                return Query::Phrase(words.join(" "));
            }
        }
        Query::Words(vec![format!("nowhere{}", rng.u32(..))])
    }
}

/// Words by docs/reference.md#query-language with case and accents ignored. Every character of a script without spaces is a word
/// of its own.
pub fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut word = String::new();
    let decomposed = |c: char| {
        let mut parts = Vec::new();
        if is_hangul(c) {
            parts.push(c)
        } else {
            decompose_canonical(c, |part| parts.push(part))
        }
        parts
    };
    for c in text.nfc().flat_map(decomposed) {
        if ('\u{300}'..='\u{36f}').contains(&c) {
            continue; // an accent
        }
        if is_unspaced_char(c) {
            tokens.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
            tokens.push(c.to_string());
        } else if c.is_alphanumeric() || is_combining_mark(c) {
            word.extend(c.to_lowercase());
        } else if !word.is_empty() {
            tokens.push(std::mem::take(&mut word));
        }
    }
    tokens.extend((!word.is_empty()).then_some(word));
    tokens
}

/// Whether a word leaves no doubt about the rules: no digits that could be glued to a unit, no letters that some
/// call an accented form and others a letter (`ß`, `ø`), and none of the query language's own words.
fn is_plain(word: &str) -> bool {
    let operator = matches!(word, "and" | "or" | "not" | "to");
    let latin = word.chars().all(|c| c.is_ascii_lowercase());
    let devanagari = word.chars().all(|c| ('\u{900}'..='\u{97f}').contains(&c));
    !operator && word.len() >= 2 && (latin || devanagari)
}

fn is_unspaced(word: &str) -> bool {
    let mut chars = word.chars();
    chars.next().is_some_and(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)) && chars.next().is_none()
}

/// Han, kana, Hangul and Thai.
fn is_unspaced_char(c: char) -> bool {
    is_hangul(c)
        || matches!(c, '\u{e00}'..='\u{e7f}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}')
}

/// A syllable of Korean: a character to its readers, though it decomposes into letters.
fn is_hangul(c: char) -> bool {
    matches!(c, '\u{ac00}'..='\u{d7a3}')
}

#[cfg(test)]
mod tests {
    use super::tokens;

    #[test]
    fn words_are_split_as_the_reference_says() {
        assert_eq!(tokens("Don’t call 55-A12!"), ["don", "t", "call", "55", "a12"]);
        assert_eq!(tokens("Café ÜBER naïve"), ["cafe", "uber", "naive"]);
        assert_eq!(tokens("去故宫2次"), ["去", "故", "宫", "2", "次"]);
        assert_eq!(tokens("नमस्ते दुनिया"), ["नमस्ते", "दुनिया"]);
        assert_eq!(tokens("DSA가 한국어"), ["dsa", "가", "한", "국", "어"]);
    }
}
