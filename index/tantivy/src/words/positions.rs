//! Words whose places matter: phrases, and words in what one role said.

use std::sync::Arc;

use hearken_index::phrase::PhraseMatcher;
use tantivy::columnar::Column;
use tantivy::query::Scorer;
use tantivy::{DocId, DocSet, Score, TERMINATED};

use super::similarity::Similarity;
use super::slot::SlotPostings;
use super::{Count, TextSection};
use crate::budget::SearchBudget;
use crate::columns::SegmentColumns;
use crate::schema::ROLE_ENDS;

/// The positions that a scope covers, document by document.
pub(super) struct Bounds {
    from: Option<Column<u64>>,
    to: Column<u64>,
}

impl Bounds {
    pub(super) fn open(columns: &SegmentColumns, section: TextSection) -> tantivy::Result<Self> {
        let column = |end: usize| columns.unsigned(ROLE_ENDS[end]);
        Ok(Bounds { from: section.from.map(column).transpose()?, to: column(section.to)? })
    }

    pub(super) fn of(&self, doc: DocId) -> (u32, u32) {
        let end =
            |column: &Column<u64>| column.first(doc).map_or(0, |end| u32::try_from(end).unwrap_or(u32::MAX));
        (self.from.as_ref().map_or(0, end), end(&self.to))
    }
}

/// Finds the documents in which the words stand as they should.
pub(super) struct PositionsScorer {
    slots: Vec<SlotPostings>,
    /// The slots, the rarest first: it leads.
    order: Vec<usize>,
    matcher: PhraseMatcher,
    bounds: Option<Bounds>,
    similarity: Option<Similarity>,
    boost: Score,
    positions: Vec<Vec<u32>>,
    /// Matches in the current document.
    frequency: u32,
    num_looked_at: u32,
    budget: Arc<SearchBudget>,
    doc: DocId,
}

impl PositionsScorer {
    pub(super) fn new(
        slots: Vec<SlotPostings>,
        matcher: PhraseMatcher,
        bounds: Option<Bounds>,
        similarity: Option<Similarity>,
        boost: Score,
        budget: Arc<SearchBudget>,
    ) -> Self {
        // Positions are matched in the slots' own order.
        let mut order: Vec<usize> = (0..slots.len()).collect();
        order.sort_by_key(|slot| slots[*slot].cost);
        let mut scorer = PositionsScorer {
            positions: vec![Vec::new(); slots.len()],
            slots,
            order,
            matcher,
            bounds,
            similarity,
            boost,
            frequency: 0,
            num_looked_at: 0,
            budget,
            doc: 0,
        };
        scorer.settle();
        scorer
    }

    /// Moves on from where the leading slot is to the first document that matches.
    fn settle(&mut self) -> DocId {
        let leader = self.order[0];
        self.doc = loop {
            let candidate = self.slots[leader].doc;
            if candidate == TERMINATED || self.is_over() {
                break TERMINATED;
            }
            let beyond = self.order[1..].iter().find_map(|slot| {
                let slot = &mut self.slots[*slot];
                let doc = if slot.doc < candidate { slot.seek(candidate) } else { slot.doc };
                (doc > candidate).then_some(doc)
            });
            match beyond {
                Some(TERMINATED) => break TERMINATED,
                Some(doc) => {
                    self.slots[leader].seek(doc);
                }
                None => {
                    self.frequency = self.count(candidate);
                    if self.frequency > 0 {
                        break candidate;
                    }
                    self.slots[leader].advance();
                }
            }
        };
        self.doc
    }

    fn count(&mut self, doc: DocId) -> u32 {
        let PositionsScorer { slots, order, positions, matcher, bounds, .. } = self;
        // An exact phrase is where all slots say that it begins: the rarest words leave the fewest places to look at.
        let first = if matcher.is_exact() { order[0] } else { 0 };
        for &slot in order.iter() {
            slots[slot].positions(matcher.shift(slot), &mut positions[slot]);
            if slot == 0
                && let Some(bounds) = bounds
            {
                let (from, to) = bounds.of(doc);
                let shift = matcher.shift(0);
                positions[0].retain(|position| (from + shift..to.saturating_add(shift)).contains(position));
            }
            if matcher.is_exact() && slot != first {
                let others = std::mem::take(&mut positions[slot]);
                retain_common(&mut positions[first], &others);
                positions[slot] = others;
                if positions[first].is_empty() {
                    return 0;
                }
            }
        }
        if matcher.is_exact() { positions[first].len() as u32 } else { matcher.count(positions) }
    }

    fn is_over(&mut self) -> bool {
        const LOOK_EVERY: u32 = 1_024;
        self.num_looked_at = self.num_looked_at.wrapping_add(1);
        self.num_looked_at.is_multiple_of(LOOK_EVERY) && self.budget.is_spent()
    }
}

/// Keeps what is in both lists, which are ascending.
fn retain_common(list: &mut Vec<u32>, others: &[u32]) {
    let mut others = others.iter().copied().peekable();
    list.retain(|position| {
        while others.next_if(|other| other < position).is_some() {}
        others.peek() == Some(position)
    });
}

impl DocSet for PositionsScorer {
    fn advance(&mut self) -> DocId {
        if self.doc == TERMINATED {
            return TERMINATED;
        }
        self.slots[self.order[0]].advance();
        self.settle()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        if self.doc >= target {
            return self.doc;
        }
        self.slots[self.order[0]].seek(target);
        self.settle()
    }

    fn doc(&self) -> DocId {
        self.doc
    }

    fn size_hint(&self) -> u32 {
        let num_slots = self.slots.len() as u64;
        let share = if num_slots > 1 { 10 * num_slots } else { 1 };
        u32::try_from(self.slots[self.order[0]].cost / share).unwrap_or(u32::MAX)
    }

    fn cost(&self) -> u64 {
        self.slots[self.order[0]].cost * 10 * self.slots.len() as u64
    }
}

impl Count for PositionsScorer {
    fn frequency(&self) -> u32 {
        self.frequency
    }
}

impl Scorer for PositionsScorer {
    fn score(&mut self) -> Score {
        match &mut self.similarity {
            Some(similarity) => similarity.score(self.doc, self.frequency),
            None => self.boost,
        }
    }
}
