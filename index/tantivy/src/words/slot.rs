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
        match self.lists.as_mut_slice() {
            [list] => {
                let num_taken = take_below(list, TERMINATED, docs, frequencies);
                self.doc = list.doc();
                num_taken
            }
            [first, second] => {
                let num_taken = take_both(first, second, docs, frequencies);
                self.doc = first.doc().min(second.doc());
                num_taken
            }
            _ => self.take_all(docs, frequencies),
        }
    }

    fn take_all(&mut self, docs: &mut [DocId], frequencies: &mut [u32]) -> usize {
        let mut num_taken = 0;
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

/// Takes the documents of one list that are below `end`.
fn take_below(list: &mut SegmentPostings, end: DocId, docs: &mut [DocId], frequencies: &mut [u32]) -> usize {
    let mut num_taken = 0;
    let mut doc = list.doc();
    for (place, frequency) in docs.iter_mut().zip(frequencies) {
        if doc >= end {
            break;
        }
        *place = doc;
        *frequency = list.term_freq();
        num_taken += 1;
        doc = list.advance();
    }
    num_taken
}

/// Takes the documents of two lists, run by run: one of a word's forms is mostly far more frequent than the other.
fn take_both(
    first: &mut SegmentPostings,
    second: &mut SegmentPostings,
    docs: &mut [DocId],
    frequencies: &mut [u32],
) -> usize {
    let mut num_taken = 0;
    while num_taken < docs.len() {
        let (one, other) = (first.doc(), second.doc());
        if one != other {
            let (list, end) = if one < other { (&mut *first, other) } else { (&mut *second, one) };
            num_taken += take_below(list, end, &mut docs[num_taken..], &mut frequencies[num_taken..]);
            continue;
        }
        if one == TERMINATED {
            break;
        }
        docs[num_taken] = one;
        frequencies[num_taken] = first.term_freq() + second.term_freq();
        num_taken += 1;
        first.advance();
        second.advance();
    }
    num_taken
}
