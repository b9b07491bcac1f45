//! The documents in which any of a slot's terms stands.

use tantivy::postings::{Postings, SegmentPostings};
use tantivy::{DocId, DocSet, TERMINATED};

/// Its terms' postings, read side by side.
pub(super) struct SlotPostings {
    lists: Vec<SegmentPostings>,
    pub(super) doc: DocId,
    pub(super) cost: u64,
}

impl SlotPostings {
    pub(super) fn new(lists: Vec<SegmentPostings>) -> Self {
        let cost = lists.iter().map(DocSet::cost).sum();
        let mut slot = SlotPostings { lists, doc: 0, cost };
        slot.find_first();
        slot
    }

    fn find_first(&mut self) -> DocId {
        self.doc = self.lists.iter().map(DocSet::doc).min().unwrap_or(TERMINATED);
        self.doc
    }

    pub(super) fn advance(&mut self) -> DocId {
        if let [list] = self.lists.as_mut_slice() {
            self.doc = list.advance();
            return self.doc;
        }
        for list in &mut self.lists {
            if list.doc() == self.doc {
                list.advance();
            }
        }
        self.find_first()
    }

    pub(super) fn seek(&mut self, target: DocId) -> DocId {
        for list in &mut self.lists {
            if list.doc() < target {
                list.seek(target);
            }
        }
        self.find_first()
    }

    /// Takes documents from the current one on and how often the terms stand in each, as many as there is room for
    /// and documents are left, and says how many that were.
    pub(super) fn take(&mut self, docs: &mut [DocId], frequencies: &mut [u32]) -> usize {
        let mut num_taken = 0;
        if let [list] = self.lists.as_mut_slice() {
            while num_taken < docs.len() && self.doc != TERMINATED {
                docs[num_taken] = self.doc;
                frequencies[num_taken] = list.term_freq();
                num_taken += 1;
                self.doc = list.advance();
            }
            return num_taken;
        }
        while num_taken < docs.len() && self.doc != TERMINATED {
            let (mut frequency, mut next) = (0, TERMINATED);
            for list in &mut self.lists {
                let mut doc = list.doc();
                if doc == self.doc {
                    frequency += list.term_freq();
                    doc = list.advance();
                }
                next = next.min(doc);
            }
            docs[num_taken] = self.doc;
            frequencies[num_taken] = frequency;
            num_taken += 1;
            self.doc = next;
        }
        num_taken
    }

    /// Where the terms stand in the current document, shifted, in ascending order.
    pub(super) fn positions(&mut self, shift: u32, positions: &mut Vec<u32>) {
        positions.clear();
        let mut num_lists = 0;
        for list in self.lists.iter_mut().filter(|list| list.doc() == self.doc) {
            list.append_positions_with_offset(shift, positions);
            num_lists += 1;
        }
        if num_lists > 1 {
            positions.sort_unstable();
        }
    }
}
