//! What is asked and which dialogues answer it. Nothing is judged by hand here: the collections' own labels say what a
//! dialogue is about, and a dialogue answers to words that its customer said.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use fastrand::Rng;
use hearken_tests::data::Dialogue;

use super::collection::source;
use super::hash;
use super::labels::labels;

/// Fewest dialogues that a label must stand for: as many as are judged.
const LABELLED_MIN: usize = 10;
/// Dialogues that are looked for, half of them by what their customer began with.
const KNOWN_ITEMS: usize = 6_000;
/// Words that a known item is looked for by.
const KNOWN_WORDS: usize = 3;
/// Dialogues in which such a word is: rarer ones find nothing else, commoner ones nobody remembers a dialogue by.
const KNOWN_WORD_IN: std::ops::RangeInclusive<usize> = 100..=3_000;
const SEED: u64 = 5;

/// How a question came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// The words of a label, or of two that go together, in the collection that is labelled so.
    Topical,
    /// Words of the first message in which a customer says enough, in all collections.
    Opening,
    /// Words of any message of a customer, in all collections.
    Passing,
}

impl Family {
    /// All of them.
    pub(crate) const ALL: [Family; 3] = [Family::Topical, Family::Opening, Family::Passing];
}

/// One question.
pub(crate) struct Question {
    pub(crate) family: Family,
    /// The collection that it comes from.
    pub(crate) source: String,
    pub(crate) words: String,
    /// The ids that answer it.
    pub(crate) relevant: HashSet<String>,
}

impl Question {
    /// Whether weights may be chosen by it; the others only judge the choice.
    pub(crate) fn is_for_tuning(&self) -> bool {
        hash(&format!("{}\0{}", self.source, self.words)).is_multiple_of(2)
    }
}

/// Every question, always the same.
pub(crate) fn questions(dialogues: &[Dialogue]) -> Vec<Question> {
    let mut questions = topical(dialogues);
    questions.extend(known_items(dialogues));
    questions
}

fn topical(dialogues: &[Dialogue]) -> Vec<Question> {
    let mut num_of_source: BTreeMap<String, usize> = BTreeMap::new();
    let mut labelled: BTreeMap<(String, String), HashSet<String>> = BTreeMap::new();
    for dialogue in dialogues {
        let source = source(dialogue);
        *num_of_source.entry(source.clone()).or_default() += 1;
        let labels = labels(dialogue);
        let mut add = |words: String| {
            labelled.entry((source.clone(), words)).or_default().insert(dialogue.interaction_id());
        };
        for (at, label) in labels.all.iter().enumerate() {
            add(label.clone());
            // Two labels that a dialogue has both: `hotel taxi`.
            let others = labels.all[..at].iter().filter(|_| labels.combine);
            others.for_each(|other| add(together(other, label)));
        }
    }
    let telling = |source: &str, num: usize| {
        let half = num_of_source.get(source).map_or(0, |all| all / 2);
        (LABELLED_MIN..=half).contains(&num)
    };
    labelled
        .into_iter()
        .filter(|((source, _), relevant)| telling(source, relevant.len()))
        .map(|((source, words), relevant)| Question { family: Family::Topical, source, words, relevant })
        .collect()
}

fn together(one: &str, other: &str) -> String {
    let mut words: Vec<&str> = one.split(' ').collect();
    words.extend(other.split(' ').filter(|word| !one.split(' ').any(|known| known == *word)));
    words.join(" ")
}

fn known_items(dialogues: &[Dialogue]) -> Vec<Question> {
    let mut frequencies: HashMap<String, usize> = HashMap::new();
    for dialogue in dialogues {
        let said: HashSet<String> = dialogue.turns.iter().flat_map(|turn| plain_words(&turn.text)).collect();
        said.into_iter().for_each(|word| *frequencies.entry(word).or_default() += 1);
    }
    let mut random = Rng::with_seed(SEED);
    let mut order: Vec<&Dialogue> = dialogues.iter().collect();
    random.shuffle(&mut order);
    let ask = |(number, dialogue): (usize, &Dialogue)| {
        let family = if number.is_multiple_of(2) { Family::Opening } else { Family::Passing };
        let mut messages: Vec<_> = dialogue.turns.iter().filter(|turn| turn.role == "user").collect();
        if family == Family::Passing {
            random.shuffle(&mut messages);
        }
        messages.into_iter().find_map(|message| {
            let telling: BTreeSet<String> = plain_words(&message.text)
                .filter(|word| frequencies.get(word).is_some_and(|num| KNOWN_WORD_IN.contains(num)))
                .collect();
            let mut words: Vec<String> = telling.into_iter().collect();
            random.shuffle(&mut words);
            words.truncate(KNOWN_WORDS);
            (words.len() == KNOWN_WORDS).then(|| Question {
                family,
                source: source(dialogue),
                words: words.join(" "),
                relevant: HashSet::from([dialogue.interaction_id()]),
            })
        })
    };
    order.into_iter().enumerate().filter_map(ask).take(KNOWN_ITEMS).collect()
}

/// Words of letters without syntax of the query language.
fn plain_words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.chars().count() >= 3 && word.chars().all(char::is_alphabetic))
        .map(str::to_lowercase)
        .filter(|word| !["and", "not"].contains(&word.as_str()))
}
