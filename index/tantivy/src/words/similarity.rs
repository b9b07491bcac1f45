//! How well a document fits words: BM25, and more where they stand in topic, keywords or summary, too, or less where they
//! stand in details alone.

use tantivy::columnar::Column;
use tantivy::query::Scorer;
use tantivy::{COLLECT_BLOCK_BUFFER_LEN, DocId, Score, TERMINATED};

use super::Count;
use super::bm25::Bm25;

/// Scores the documents of one segment, which must come in ascending order.
pub(super) struct Similarity {
    weight: Bm25,
    /// See [`super::super::schema::TEXT_LENGTH`].
    lengths: Column<u64>,
    bonuses: Vec<Bonus>,
    details: Option<InDetails>,
    /// For the last score that was asked for: how often the words must stand in a text to reach it, however short it is.
    enough: (Score, u32),
}

/// Words that stand so often are scored in any case.
const FREQUENCY_ENOUGH: u32 = 64;

/// Mostly far ahead, so its position is cached.
struct Bonus {
    scorer: Box<dyn Scorer>,
    doc: DocId,
}

/// How often the words stand in details.
struct InDetails {
    words: Box<dyn Count>,
    doc: DocId,
    /// What a document is worth that has them there alone.
    factor: Score,
}

impl Similarity {
    /// `bonuses` add their own scores, which never decide whether a document matches. `details` has the words in details,
    /// and how many times its score a document is worth that has them there alone.
    pub(super) fn new(
        weight: Bm25,
        lengths: Column<u64>,
        bonuses: Vec<Box<dyn Scorer>>,
        details: Option<(Box<dyn Count>, Score)>,
    ) -> Self {
        let bonuses = bonuses.into_iter().map(|scorer| Bonus { doc: scorer.doc(), scorer });
        let bonuses = bonuses.filter(|bonus| bonus.doc != TERMINATED).collect();
        let details = details.map(|(words, factor)| InDetails { doc: words.doc(), words, factor });
        Similarity { weight, lengths, bonuses, details, enough: (0.0, 0) }
    }

    /// Of one document.
    pub(super) fn score(&mut self, doc: DocId, frequency: u32) -> Score {
        let length = length_class(self.lengths.first(doc));
        let mut score = match &mut self.details {
            None => self.weight.score(length, frequency),
            Some(details) => {
                if details.doc < doc {
                    details.doc = details.words.seek(doc);
                }
                let in_details = if details.doc == doc { details.words.frequency() } else { 0 };
                self.weight.score_with_details(length, frequency, in_details, details.factor)
            }
        };
        for bonus in &mut self.bonuses {
            if bonus.doc < doc {
                bonus.doc = bonus.scorer.seek(doc);
            }
            if bonus.doc == doc {
                score += bonus.scorer.score();
            }
        }
        score
    }

    /// The same of at most [`COLLECT_BLOCK_BUFFER_LEN`] documents at once, which is several times as fast. Instead of a
    /// score below `at_least` any other below it may be said.
    pub(super) fn score_all(
        &mut self,
        at_least: Score,
        docs: &[DocId],
        frequencies: &[u32],
        scores: &mut [Score],
    ) {
        let enough = self.enough_for(at_least);
        let Similarity { weight, lengths, bonuses, details, .. } = self;
        if enough > 1 {
            // Most documents have the words once or twice, and many of the best have them more often.
            for ((score, frequency), doc) in scores.iter_mut().zip(frequencies).zip(docs) {
                *score = if *frequency < enough {
                    0.0
                } else {
                    weight.score(length_class(lengths.first(*doc)), *frequency)
                };
            }
        } else {
            let mut classes = [None; COLLECT_BLOCK_BUFFER_LEN];
            lengths.first_vals(docs, &mut classes[..docs.len()]);
            for ((score, class), frequency) in scores.iter_mut().zip(&classes).zip(frequencies) {
                *score = weight.score(length_class(*class), *frequency);
            }
        }
        if let Some(details) = details {
            let mut at = 0;
            while docs.last().is_some_and(|last| details.doc <= *last) {
                at += docs[at..].partition_point(|doc| *doc < details.doc);
                if docs[at] == details.doc {
                    let length = length_class(lengths.first(docs[at]));
                    let in_details = details.words.frequency();
                    scores[at] =
                        weight.score_with_details(length, frequencies[at], in_details, details.factor);
                    at += 1;
                }
                let Some(next) = docs.get(at) else { break };
                details.doc = details.words.seek(*next);
            }
        }
        for bonus in bonuses {
            let mut at = 0;
            while docs.last().is_some_and(|last| bonus.doc <= *last) {
                at += docs[at..].partition_point(|doc| *doc < bonus.doc);
                if docs[at] == bonus.doc {
                    if frequencies[at] < enough && scores[at] == 0.0 {
                        scores[at] = weight.score(length_class(lengths.first(docs[at])), frequencies[at]);
                    }
                    scores[at] += bonus.scorer.score();
                    at += 1;
                }
                let Some(next) = docs.get(at) else { break };
                bonus.doc = bonus.scorer.seek(*next);
            }
        }
    }

    fn enough_for(&mut self, at_least: Score) -> u32 {
        if self.enough.0 != at_least {
            const SHORTEST: u8 = 0;
            let reaches = |frequency: &u32| self.weight.score(SHORTEST, *frequency) >= at_least;
            self.enough = (at_least, (1..FREQUENCY_ENOUGH).find(reaches).unwrap_or(FREQUENCY_ENOUGH));
        }
        self.enough.1
    }
}

/// A document without a length has no words.
fn length_class(length: Option<u64>) -> u8 {
    length.and_then(|length| u8::try_from(length).ok()).unwrap_or_default()
}
