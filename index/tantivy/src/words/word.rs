//! One word, wherever it stands: documents are read, and scored, a block at a time.

use tantivy::query::Scorer;
use tantivy::{COLLECT_BLOCK_BUFFER_LEN, DocId, DocSet, Score, TERMINATED};

use super::Count;
use super::similarity::Similarity;
use super::slot::SlotPostings;

/// Documents read after a seek: a caller that seeks wants few.
const AFTER_SEEK: usize = 4;

/// Finds the documents in which a word stands.
pub(crate) struct WordScorer {
    postings: SlotPostings,
    /// Where scores are wanted.
    similarity: Option<Similarity>,
    boost: Score,
    /// The documents read ahead, of which `at` is the current one.
    docs: [DocId; COLLECT_BLOCK_BUFFER_LEN],
    frequencies: [u32; COLLECT_BLOCK_BUFFER_LEN],
    /// From `at` on, once `are_scored`.
    scores: [Score; COLLECT_BLOCK_BUFFER_LEN],
    are_scored: bool,
    at: usize,
    len: usize,
}

impl WordScorer {
    pub(super) fn new(postings: SlotPostings, similarity: Option<Similarity>, boost: Score) -> Self {
        let mut scorer = WordScorer {
            postings,
            similarity,
            boost,
            docs: [TERMINATED; COLLECT_BLOCK_BUFFER_LEN],
            frequencies: [0; COLLECT_BLOCK_BUFFER_LEN],
            scores: [0.0; COLLECT_BLOCK_BUFFER_LEN],
            are_scored: false,
            at: 0,
            len: 0,
        };
        scorer.read(COLLECT_BLOCK_BUFFER_LEN);
        scorer
    }

    /// Takes as many documents and their scores as are available, from the current one on; 0 after the last. Instead of a
    /// score below `at_least` any other below it may be said.
    pub(crate) fn take_scored(
        &mut self,
        at_least: Score,
        docs: &mut [DocId; COLLECT_BLOCK_BUFFER_LEN],
        scores: &mut [Score; COLLECT_BLOCK_BUFFER_LEN],
    ) -> usize {
        let num_taken = self.len - self.at;
        if num_taken > 0 {
            self.score_all(at_least);
            docs[..num_taken].copy_from_slice(&self.docs[self.at..self.len]);
            scores[..num_taken].copy_from_slice(&self.scores[self.at..self.len]);
            self.read(COLLECT_BLOCK_BUFFER_LEN);
        }
        num_taken
    }

    fn read(&mut self, num_docs: usize) {
        self.len = self.postings.take(&mut self.docs[..num_docs], &mut self.frequencies[..num_docs]);
        self.at = 0;
        self.are_scored = false;
    }

    fn score_all(&mut self, at_least: Score) {
        if self.are_scored {
            return;
        }
        let rest = self.at..self.len;
        let scores = &mut self.scores[rest.clone()];
        match &mut self.similarity {
            Some(similarity) => {
                similarity.score_all(at_least, &self.docs[rest.clone()], &self.frequencies[rest], scores);
            }
            None => scores.fill(self.boost),
        }
        self.are_scored = true;
    }
}

impl DocSet for WordScorer {
    fn advance(&mut self) -> DocId {
        self.at += 1;
        if self.at >= self.len {
            self.read(COLLECT_BLOCK_BUFFER_LEN);
        }
        self.doc()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        let rest = &self.docs[self.at..self.len];
        if rest.last().is_some_and(|last| target <= *last) {
            self.at += rest.partition_point(|doc| *doc < target);
        } else {
            if self.postings.doc < target {
                self.postings.seek(target);
            }
            self.read(AFTER_SEEK);
        }
        self.doc()
    }

    fn doc(&self) -> DocId {
        if self.at < self.len { self.docs[self.at] } else { TERMINATED }
    }

    fn fill_buffer(&mut self, buffer: &mut [DocId; COLLECT_BLOCK_BUFFER_LEN]) -> usize {
        let mut num_taken = 0;
        while num_taken < buffer.len() && self.at < self.len {
            let num = (self.len - self.at).min(buffer.len() - num_taken);
            buffer[num_taken..num_taken + num].copy_from_slice(&self.docs[self.at..self.at + num]);
            num_taken += num;
            self.at += num;
            if self.at >= self.len {
                self.read(COLLECT_BLOCK_BUFFER_LEN);
            }
        }
        num_taken
    }

    fn size_hint(&self) -> u32 {
        u32::try_from(self.postings.cost).unwrap_or(u32::MAX)
    }

    fn cost(&self) -> u64 {
        self.postings.cost
    }
}

impl Count for WordScorer {
    fn frequency(&self) -> u32 {
        if self.at < self.len { self.frequencies[self.at] } else { 0 }
    }
}

impl Scorer for WordScorer {
    fn score(&mut self) -> Score {
        // A caller that reads one document after the other wants all of their scores.
        if self.len > AFTER_SEEK {
            self.score_all(0.0);
        }
        match &mut self.similarity {
            None => self.boost,
            Some(_) if self.are_scored => self.scores[self.at],
            Some(similarity) => similarity.score(self.docs[self.at], self.frequencies[self.at]),
        }
    }
}
