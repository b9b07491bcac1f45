//! The best hits of a search in the order of its sort keys.
//!
//! A key is a value turned into a number that sorts ascending in every case; missing values sort last. Equal keys
//! are ordered by the `tie` column, a hash of the id, and equal hashes by the id itself, which is read from the
//! stored document only then. So the order depends on nothing but the documents, and a cursor can say where it was.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use hearken_index::search::{SORT_KEYS_MAX, SearchError, SortKey};
use tantivy::columnar::Column;
use tantivy::{COLLECT_BLOCK_BUFFER_LEN, DocAddress, DocId, Score};

use super::columns::SegmentColumns;
use super::live::LiveDocument;
use super::lower::column_value;
use super::schema::TIE;
use super::stored;
use super::view::{DocLocation, View};

/// What orders the hits.
#[derive(Debug, Clone)]
pub(super) enum Order {
    /// By score, then newest first.
    Relevance,
    /// By columns.
    Fields(Vec<SortKey>),
}

/// Missing after present, then ascending.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct SortValue {
    is_missing: bool,
    value: u64,
}

/// A candidate.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Candidate {
    keys: [SortValue; SORT_KEYS_MAX],
    pub(super) tie: u64,
    pub(super) place: DocLocation,
    pub(super) score: Score,
}

impl Candidate {
    fn rank(&self) -> (&[SortValue; SORT_KEYS_MAX], u64) {
        (&self.keys, self.tie)
    }
}

impl Eq for Candidate {}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank()).then_with(|| self.place.cmp(&other.place))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Only hits that come after this one count.
#[derive(Debug, Clone)]
pub(super) struct After {
    keys: [SortValue; SORT_KEYS_MAX],
    tie: u64,
    id: String,
}

/// Keeps the first `size` entries, and all that share the hash of the last.
pub(super) struct Top {
    order: Order,
    size: usize,
    after: Option<After>,
    entries: BinaryHeap<Candidate>,
}

/// The columns of one segment.
pub(super) struct SegmentKeys {
    columns: Vec<Column<i64>>,
    tie: Column<u64>,
}

/// What orders hits of equal scores, descending.
pub(super) const NEWEST_FIRST: &str = "start_time";

impl Top {
    pub(super) fn new(order: Order, size: usize, after: Option<After>) -> Self {
        Top { order, size, after, entries: BinaryHeap::new() }
    }

    pub(super) fn scores(&self) -> bool {
        matches!(self.order, Order::Relevance)
    }

    /// Hits with a lower score will not be among the best; 0 where scores do not decide.
    pub(super) fn score_at_least(&self) -> Score {
        if self.scores() { self.worst().map_or(0.0, |worst| worst.score) } else { 0.0 }
    }

    pub(super) fn open(&self, segment: &SegmentColumns) -> tantivy::Result<SegmentKeys> {
        let columns = match &self.order {
            Order::Relevance => vec![segment.integers(NEWEST_FIRST)?],
            Order::Fields(keys) => {
                keys.iter().map(|key| segment.integers(&key.field)).collect::<tantivy::Result<_>>()?
            }
        };
        Ok(SegmentKeys { columns, tie: segment.unsigned(TIE)? })
    }

    /// `docs` are at most [`COLLECT_BLOCK_BUFFER_LEN`]; `scores` are theirs where they count.
    pub(super) fn collect(
        &mut self,
        view: &View,
        segment: u32,
        columns: &SegmentKeys,
        docs: &[DocId],
        scores: &[Score],
    ) -> tantivy::Result<()> {
        let at_least = self.score_at_least();
        if at_least > 0.0 && scores.iter().all(|score| *score < at_least) {
            return Ok(());
        }
        let mut firsts = [SortValue::default(); COLLECT_BLOCK_BUFFER_LEN];
        match &self.order {
            Order::Relevance => {
                for (first, score) in firsts.iter_mut().zip(scores) {
                    *first = score_key(*score);
                }
            }
            Order::Fields(sort) => {
                let mut values = [None; COLLECT_BLOCK_BUFFER_LEN];
                columns.columns[0].first_vals(docs, &mut values[..docs.len()]);
                for (first, value) in firsts.iter_mut().zip(&values[..docs.len()]) {
                    *first = key(*value, sort[0].descending);
                }
            }
        }
        // Most matches are no candidates: columns are read only as far as that is still open.
        let mut worst_first = self.worst().map(|worst| worst.keys[0]);
        for (at, (&doc, &first)) in docs.iter().zip(&firsts).enumerate() {
            if worst_first.is_some_and(|worst_first| first > worst_first) {
                continue;
            }
            let worst = self.worst();
            let mut keys = [SortValue::default(); SORT_KEYS_MAX];
            keys[0] = first;
            match &self.order {
                Order::Relevance => keys[1] = key(columns.columns[0].first(doc), true),
                Order::Fields(sort) => {
                    for (slot, by) in sort.iter().enumerate().skip(1) {
                        keys[slot] = key(columns.columns[slot].first(doc), by.descending);
                    }
                }
            }
            if worst.is_some_and(|worst| keys > worst.keys) {
                continue;
            }
            let tie = columns.tie.first(doc).unwrap_or(0);
            if worst.is_some_and(|worst| (&keys, tie) > worst.rank()) {
                continue;
            }
            let place = DocLocation::Stored(DocAddress::new(segment, doc));
            let score = scores.get(at).copied().unwrap_or(0.0);
            let entry = Candidate { keys, tie, place, score };
            if self.comes_after(view, &entry)? {
                self.push(entry);
                worst_first = self.worst().map(|worst| worst.keys[0]);
            }
        }
        Ok(())
    }

    /// A document that is in no segment.
    pub(super) fn collect_live(
        &mut self,
        view: &View,
        place: DocLocation,
        document: &LiveDocument,
        score: Score,
    ) -> tantivy::Result<()> {
        let mut keys = [SortValue::default(); SORT_KEYS_MAX];
        match &self.order {
            Order::Relevance => {
                keys[0] = score_key(score);
                keys[1] = key(column_value(document, NEWEST_FIRST), true);
            }
            Order::Fields(sort) => {
                for (slot, by) in keys.iter_mut().zip(sort) {
                    *slot = key(column_value(document, &by.field), by.descending);
                }
            }
        }
        let entry = Candidate { keys, tie: document.tie, place, score };
        if self.worst().is_none_or(|worst| entry.rank() <= worst.rank()) && self.comes_after(view, &entry)? {
            self.push(entry);
        }
        Ok(())
    }

    /// The last of the hits so far, once there are as many as are wanted.
    fn worst(&self) -> Option<&Candidate> {
        self.entries.peek().filter(|_| self.entries.len() >= self.size)
    }

    fn comes_after(&self, view: &View, entry: &Candidate) -> tantivy::Result<bool> {
        let Some(after) = &self.after else { return Ok(true) };
        Ok(match entry.rank().cmp(&(&after.keys, after.tie)) {
            Ordering::Less => false,
            Ordering::Greater => true,
            Ordering::Equal => stored::id(view, entry.place)? > after.id,
        })
    }

    fn push(&mut self, entry: Candidate) {
        if self.size == 0 {
            return;
        }
        self.entries.push(entry);
        if self.entries.len() <= self.size {
            return;
        }
        if let Some(worst) = self.entries.pop()
            && self.entries.peek().is_some_and(|next| next.rank() == worst.rank())
        {
            self.entries.push(worst);
        }
    }

    /// The entries in order; more than `size` where hashes are shared.
    pub(super) fn finish(self, view: &View) -> tantivy::Result<Vec<Candidate>> {
        let mut entries = self.entries.into_sorted_vec();
        for alike in entries.chunk_by_mut(|a, b| a.rank() == b.rank()).filter(|alike| alike.len() > 1) {
            let mut named = Vec::with_capacity(alike.len());
            for entry in &*alike {
                named.push((stored::id(view, entry.place)?, entry.clone()));
            }
            named.sort_by(|a, b| a.0.cmp(&b.0));
            for (place, (_, entry)) in alike.iter_mut().zip(named) {
                *place = entry;
            }
        }
        Ok(entries)
    }
}

/// The cursor's keys for an entry of a search by fields.
pub(super) fn cursor_keys(sort: &[SortKey], entry: &Candidate) -> Vec<Option<i64>> {
    let value = |(key, by): (&SortValue, &SortKey)| {
        let value = if by.descending { !key.value } else { key.value };
        (!key.is_missing).then(|| tantivy::u64_to_i64(value))
    };
    entry.keys.iter().zip(sort).map(value).collect()
}

/// Back from a cursor.
pub(super) fn after(
    sort: &[SortKey],
    keys: &[Option<i64>],
    tie: u64,
    id: &str,
) -> Result<After, SearchError> {
    if keys.len() != sort.len() {
        return Err(SearchError::Invalid("the cursor belongs to another sort".to_owned()));
    }
    let mut after = After { keys: [SortValue::default(); SORT_KEYS_MAX], tie, id: id.to_owned() };
    for (slot, (value, by)) in keys.iter().zip(sort).enumerate() {
        after.keys[slot] = key(*value, by.descending);
    }
    Ok(after)
}

/// The best first.
fn score_key(score: Score) -> SortValue {
    SortValue { is_missing: false, value: !u64::from(score.max(0.0).to_bits()) }
}

fn key(value: Option<i64>, descending: bool) -> SortValue {
    match value.map(tantivy::i64_to_u64) {
        None => SortValue { is_missing: true, value: 0 },
        Some(value) => SortValue { is_missing: false, value: if descending { !value } else { value } },
    }
}
