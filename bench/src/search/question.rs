//! What is asked: ten kinds of search, each with many different words, picked from the interactions with a fixed seed.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use fastrand::Rng;

use super::corpus::{COUNTRIES, Corpus};

/// Different questions of a kind; there are fewer common words.
const QUESTIONS_MAX: usize = 200;
/// Interactions that are looked at for the questions of a kind.
const LOOKS_MAX: usize = 20_000;
const SEED: u64 = 5;
/// Hits before the page that a deep cursor asks for.
pub(crate) const DEPTH: usize = 1_000;

/// A kind of search. Every one wants the first 20 and the exact total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum QuestionKind {
    /// A word in 5 to 100 interactions.
    RareWord,
    /// A word in a tenth of the interactions or more.
    CommonWord,
    /// Two words, each in 0.5 % to 10 % of the interactions, both required.
    And,
    /// Either of two such words.
    Or,
    /// Three words beside each other.
    Phrase,
    /// The first four letters of a word in 0.5 % to 10 %.
    Prefix,
    /// A country, newest first.
    Filter,
    /// A word in 0.5 % to 10 %, and five facets.
    Facets,
    /// A common word, newest first.
    ByDate,
    /// The same, after [`DEPTH`] hits.
    DeepCursor,
}

impl QuestionKind {
    /// In the report.
    pub(crate) fn name(self) -> &'static str {
        match self {
            QuestionKind::RareWord => "rare word",
            QuestionKind::CommonWord => "common word",
            QuestionKind::And => "AND",
            QuestionKind::Or => "OR",
            QuestionKind::Phrase => "phrase",
            QuestionKind::Prefix => "prefix",
            QuestionKind::Filter => "filter only",
            QuestionKind::Facets => "word + 5 facets",
            QuestionKind::ByDate => "sort by date",
            QuestionKind::DeepCursor => "deep cursor",
        }
    }

    /// Whether hits come newest first instead of best first.
    pub(crate) fn is_by_date(self) -> bool {
        matches!(self, QuestionKind::Filter | QuestionKind::ByDate | QuestionKind::DeepCursor)
    }
}

/// One search.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Question {
    pub(crate) kind: QuestionKind,
    /// Lower-case ASCII words, which every engine cuts alike; for [`QuestionKind::Filter`] the country.
    pub(crate) words: Vec<String>,
}

/// Picks the questions of a kind. `frequency` says how many interactions contain a word.
///
/// # Errors
/// There are none, because there are too few interactions.
pub(crate) fn pick(
    kind: QuestionKind,
    corpus: &Corpus,
    num_interactions: usize,
    frequency: &dyn Fn(&str) -> Result<u64>,
) -> Result<Vec<Question>> {
    if kind == QuestionKind::Filter {
        return Ok(COUNTRIES
            .iter()
            .map(|country| Question { kind, words: vec![(*country).to_owned()] })
            .collect());
    }
    let all = num_interactions as u64;
    let (rare, medium, common) =
        (5..=100.min(all / 500), all / 200..=all / 10, (all / 10).max(DEPTH as u64 + 200)..=all);
    let mut random = Rng::with_seed(SEED + kind as u64);
    let mut picked = BTreeSet::new();
    for _ in 0..LOOKS_MAX {
        let text = corpus.make(random.usize(..num_interactions))?.text;
        let lines: Vec<&str> = text.lines().collect();
        let line = lines[random.usize(..lines.len())];
        let mut any = |range: &std::ops::RangeInclusive<u64>, text: &str| -> Result<Option<String>> {
            let words: Vec<&str> = text.split_whitespace().collect();
            for _ in 0..10.min(words.len()) {
                let word = words[random.usize(..words.len())].to_ascii_lowercase();
                if is_plain(&word) && range.contains(&frequency(&word)?) {
                    return Ok(Some(word));
                }
            }
            Ok(None)
        };
        let words: Option<Vec<String>> = match kind {
            QuestionKind::RareWord => any(&rare, &text)?.map(|word| vec![word]),
            QuestionKind::CommonWord | QuestionKind::ByDate | QuestionKind::DeepCursor => {
                any(&common, &text)?.map(|word| vec![word])
            }
            QuestionKind::Facets => any(&medium, &text)?.map(|word| vec![word]),
            QuestionKind::And => {
                any(&medium, &text)?.zip(any(&medium, &text)?).map(|(one, other)| vec![one, other])
            }
            QuestionKind::Or => {
                let other = corpus.make(text.len() % num_interactions)?.text;
                any(&medium, &text)?.zip(any(&medium, &other)?).map(|(one, other)| vec![one, other])
            }
            QuestionKind::Prefix => {
                any(&medium, &text)?.filter(|word| word.len() > 4).map(|word| vec![word[..4].to_owned()])
            }
            QuestionKind::Phrase => {
                let words: Vec<String> = line.split(' ').map(str::to_ascii_lowercase).collect();
                let three: Vec<_> =
                    words.windows(3).filter(|three| three.iter().all(|word| is_plain(word))).collect();
                (!three.is_empty()).then(|| three[line.len() % three.len()].to_vec())
            }
            QuestionKind::Filter => None,
        };
        let is_new = |words: &Vec<String>| words.len() < 2 || words[0] != words[1];
        picked.extend(words.filter(is_new).map(|words| Question { kind, words }));
        if picked.len() >= QUESTIONS_MAX {
            break;
        }
    }
    if picked.is_empty() {
        bail!("{num_interactions} interactions are too few to ask for `{}`", kind.name());
    }
    let mut picked: Vec<_> = picked.into_iter().collect();
    random.shuffle(&mut picked);
    Ok(picked)
}

/// Cut in the same way by every engine.
fn is_plain(word: &str) -> bool {
    (3..=15).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_lowercase())
}
