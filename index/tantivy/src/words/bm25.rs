//! BM25 as tantivy computes it, whose `k1` and `b` are constants of its own.

use std::sync::Arc;

use tantivy::Score;
use tantivy::fieldnorm::FieldNormReader;

use hearken_index::ranking::Ranking;

/// Scores one word, or one phrase, by how often it stands in a text and how long that is.
#[derive(Clone)]
pub(crate) struct Bm25 {
    weight: Score,
    /// What a frequency is held against, by the code of the text's length.
    norms: Arc<[Score; 256]>,
}

/// What is known of all texts.
#[derive(Clone, Copy)]
pub(super) struct Statistics {
    /// Above 0.
    pub(super) num_documents: u64,
    pub(super) num_words: u64,
}

impl Bm25 {
    /// For words that are in so many documents each; a phrase is worth the sum of its words.
    pub(super) fn new(
        frequencies: impl IntoIterator<Item = u64>,
        statistics: Statistics,
        ranking: &Ranking,
    ) -> Self {
        let Ranking { k1, b, .. } = *ranking;
        let rarities = frequencies.into_iter().map(|frequency| rarity(frequency, statistics.num_documents));
        let mean_length = statistics.num_words as Score / statistics.num_documents as Score;
        let norm = |code: usize| {
            let length = FieldNormReader::id_to_fieldnorm(u8::try_from(code).unwrap_or(u8::MAX));
            k1 * (1.0 - b + b * length as Score / mean_length)
        };
        let norms = Arc::new(std::array::from_fn(norm));
        Bm25 { weight: rarities.sum::<Score>() * (1.0 + k1), norms }
    }

    /// The same, worth so many times as much.
    pub(super) fn boost_by(&self, boost: Score) -> Bm25 {
        Bm25 { weight: self.weight * boost, norms: Arc::clone(&self.norms) }
    }

    /// The score of a text of that length (its code) in which the word stands so often.
    #[inline]
    pub(crate) fn score(&self, length: u8, frequency: u32) -> Score {
        let frequency = frequency as Score;
        self.weight * (frequency / (frequency + self.norms[usize::from(length)]))
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

/// The inverse document frequency.
fn rarity(frequency: u64, num_documents: u64) -> Score {
    let frequency = frequency.min(num_documents);
    (1.0 + ((num_documents - frequency) as Score + 0.5) / (frequency as Score + 0.5)).ln()
}

#[cfg(test)]
mod tests {
    use tantivy::query::Bm25Weight;

    use super::*;

    #[test]
    fn scores_are_those_of_tantivy_with_its_k1_and_b() {
        let ranking = Ranking { k1: 1.2, b: 0.75, ..Ranking::DEFAULT };
        for (frequency, num_documents, num_words) in [(1, 1, 3), (7, 1_000, 90_000), (900, 1_000, 12)] {
            let statistics = Statistics { num_documents, num_words };
            let ours = Bm25::new([frequency], statistics, &ranking).boost_by(1.5);
            let mean_length = num_words as Score / num_documents as Score;
            let theirs = Bm25Weight::for_one_term_without_explain(frequency, num_documents, mean_length);
            for length in 0..=255 {
                for times in [1, 2, 50] {
                    let (ours, theirs) = (ours.score(length, times), 1.5 * theirs.score(length, times));
                    assert!((ours - theirs).abs() <= 1e-5 * theirs, "{ours} {theirs}");
                }
            }
        }
    }
}
