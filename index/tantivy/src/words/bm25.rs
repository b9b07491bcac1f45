//! BM25 as tantivy computes it, over documents that tantivy alone does not count: those of the live tier.

use tantivy::Score;
use tantivy::query::Bm25Weight;

/// Scores one word, or one phrase, by how often it stands in a text and how long that is.
#[derive(Clone)]
pub(crate) struct Bm25(Bm25Weight);

/// What is known of all texts.
#[derive(Clone, Copy)]
pub(super) struct Statistics {
    pub(super) num_documents: u64,
    pub(super) num_words: u64,
}

impl Bm25 {
    /// For words with these document frequencies; a phrase is worth the sum of its words. `None` without documents or
    /// words.
    pub(super) fn new(frequencies: &[u64], statistics: Statistics) -> Option<Self> {
        let Statistics { num_documents, num_words } = statistics;
        let mean_length = num_words as Score / num_documents as Score;
        let word = |frequency: u64| {
            let frequency = frequency.min(num_documents);
            Bm25Weight::for_one_term_without_explain(frequency, num_documents, mean_length)
        };
        // Words differ by a factor alone, so the rarest says how much they are worth together. One in nearly every document
        // would not: it may be worth 0.
        let rarest = frequencies.iter().min().filter(|_| num_documents > 0 && num_words > 0)?;
        let rarest = word(*rarest);
        let most = rarest.max_score();
        if most == 0.0 {
            return Some(Bm25(rarest));
        }
        let sum: Score = frequencies.iter().map(|frequency| word(*frequency).max_score()).sum();
        Some(Bm25(rarest.boost_by(sum / most)))
    }

    /// The same, with its weight multiplied.
    pub(super) fn boost_by(&self, boost: Score) -> Bm25 {
        Bm25(self.0.boost_by(boost))
    }

    /// The score of a text of that length (its code) in which the word stands so often.
    #[inline]
    pub(crate) fn score(&self, length: u8, frequency: u32) -> Score {
        self.0.score(length, frequency)
    }

    /// The same of a text with details, in which the word stands so often of these times: there it counts nothing, or so
    /// many times as much where it stands nowhere else.
    #[inline]
    pub(crate) fn score_with_details(
        &self,
        length: u8,
        frequency: u32,
        in_details: u32,
        factor: Score,
    ) -> Score {
        match frequency.saturating_sub(in_details) {
            0 => factor * self.score(length, frequency),
            elsewhere => self.score(length, elsewhere),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_phrase_is_worth_the_sum_of_its_words() {
        for (num_documents, num_words) in [(1, 3), (1_000, 90_000), (30_000_000, 12_000_000_000)] {
            let statistics = Statistics { num_documents, num_words };
            let score = |frequencies: &[u64]| Bm25::new(frequencies, statistics).unwrap().score(40, 2);
            let sum = score(&[1]) + score(&[7]) + score(&[num_documents]);
            for phrase in [score(&[1, 7, num_documents]), score(&[num_documents, 7, 1])] {
                assert!((phrase - sum).abs() <= 1e-5 * sum, "{phrase} {sum}");
            }
        }
        assert!(Bm25::new(&[0], Statistics { num_documents: 0, num_words: 0 }).is_none());
        let large = Statistics { num_documents: 30_000_000, num_words: 12_000_000_000 };
        let everywhere = Bm25::new(&[30_000_000, 30_000_000], large).unwrap();
        assert_eq!(everywhere.score(40, 2), 0.0);
    }
}
