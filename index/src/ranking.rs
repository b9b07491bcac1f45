//! What makes one match better than another.

/// What ranking by relevance weighs: BM25 over everything that was said with topic, summary and keywords, plus so many
/// times the BM25 of the same words in each of these three alone. Words that stand only in the details (`user_id`,
/// metadata, …) are worth less than any of that. `docs/adr/0006-what-ranking-weighs.md` has the reasons and what each
/// setting measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranking {
    /// What a word of the topic is worth, where the same word in the transcript is worth 1. From 0.
    pub topic: f32,
    /// What a word of the keywords is worth. From 0.
    pub keywords: f32,
    /// What a word of the summary is worth. From 0.
    pub summary: f32,
    /// What a word is worth that stands in the details alone. From 0 to 1.
    pub details: f32,
}

impl Ranking {
    /// What every search is ranked by.
    pub const DEFAULT: Ranking = Ranking { topic: 2.0, keywords: 1.5, summary: 1.0, details: 0.01 };
}
