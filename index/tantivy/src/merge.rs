//! Which segments are merged: few enough for cheap commits, none too large to be rewritten.
//!
//! Every commit looks each replaced id up in every segment, and every search opens every segment, so their number is what
//! both cost. But each merge costs processor time. Segments are therefore grouped by size, as in a log-structured merge,
//! with the smallest in one group, and a group is merged once it is large enough. Replaced documents are deleted ones: a
//! large segment that has collected many is rewritten alone; a smaller one is about to be merged anyway.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tantivy::SegmentMeta;
use tantivy::indexer::{MergeCandidate, MergePolicy};

/// The bounds of merging.
#[derive(Debug, Clone, PartialEq)]
pub struct MergeBounds {
    /// Segments up to this many documents are one group.
    pub small_documents: u32,
    /// So many segments of a group are merged into one.
    pub group_segments: usize,
    /// A segment of which a larger part than this is deleted is rewritten alone. 0 < ratio < 1.
    pub deleted_ratio: f32,
    /// But not one with fewer documents, deleted ones included: its group will be merged soon.
    pub rewrite_documents_min: u32,
    /// No merge makes a larger segment, so that rewriting one (for an erasure, or its deletions) is bounded.
    pub segment_documents_max: u32,
    /// How many merges run at a time; the second lets small segments be merged while large ones are.
    pub num_threads: usize,
}

impl Default for MergeBounds {
    fn default() -> Self {
        Self {
            small_documents: 100,
            group_segments: 12,
            deleted_ratio: 0.3,
            rewrite_documents_min: 10_000,
            segment_documents_max: 250_000,
            num_threads: 2,
        }
    }
}

/// Groups span a factor of about 1.7, tantivy's own measure: narrower ones wait too long for their twelfth member.
const GROUP_SPAN_LOG2: f64 = 0.75;

/// While the disk fails, merges would be begun in vain at every commit: only small ones are tried.
const DOCUMENTS_MAX_WHILE_DISK_FAILS: u32 = 2_000;

/// [`MergeBounds`] as tantivy asks for them.
#[derive(Debug, Clone)]
pub(super) struct BoundedMergePolicy {
    pub(super) bounds: MergeBounds,
    pub(super) disk_fails: Arc<AtomicBool>,
}

impl MergePolicy for BoundedMergePolicy {
    fn compute_merge_candidates(&self, segments: &[SegmentMeta]) -> Vec<MergeCandidate> {
        let sizes: Vec<Size> = segments.iter().map(Size::of).collect();
        let documents_max = if self.disk_fails.load(Ordering::Relaxed) {
            DOCUMENTS_MAX_WHILE_DISK_FAILS
        } else {
            self.bounds.segment_documents_max
        };
        candidates(&sizes, &self.bounds, documents_max)
            .into_iter()
            .map(|group| MergeCandidate(group.into_iter().map(|i| segments[i].id()).collect()))
            .collect()
    }
}

#[derive(Debug, Clone, Copy)]
struct Size {
    alive: u32,
    deleted: u32,
}

impl Size {
    fn of(segment: &SegmentMeta) -> Self {
        Self { alive: segment.num_docs(), deleted: segment.num_deleted_docs() }
    }

    fn deleted_ratio(self) -> f32 {
        self.deleted as f32 / (self.alive + self.deleted).max(1) as f32
    }
}

/// Indices of the segments to merge, one list a merge; no segment is in two.
fn candidates(sizes: &[Size], bounds: &MergeBounds, documents_max: u32) -> Vec<Vec<usize>> {
    let mut merges = Vec::new();
    let mut by_size: Vec<usize> = Vec::new();
    for (i, size) in sizes.iter().enumerate() {
        let is_large = size.alive + size.deleted >= bounds.rewrite_documents_min;
        if size.alive > documents_max {
            continue;
        } else if is_large && size.deleted_ratio() > bounds.deleted_ratio {
            merges.push(vec![i]);
        } else {
            by_size.push(i);
        }
    }
    by_size.sort_by_key(|&i| std::cmp::Reverse(sizes[i].alive));
    let log2 = |i: usize| f64::from(sizes[i].alive.max(bounds.small_documents).max(1)).log2();
    let mut rest = by_size.as_slice();
    while let Some(&largest) = rest.first() {
        let floor = log2(largest) - GROUP_SPAN_LOG2;
        let end = rest.iter().position(|&i| log2(i) < floor).unwrap_or(rest.len());
        let (group, smaller) = rest.split_at(end);
        rest = smaller;
        merges.extend(merges_of_group(group, sizes, bounds.group_segments, documents_max));
    }
    merges
}

/// Merges as much of a large enough group as fits into one segment, smallest first.
fn merges_of_group(
    group: &[usize],
    sizes: &[Size],
    group_segments: usize,
    documents_max: u32,
) -> Option<Vec<usize>> {
    if group.len() < group_segments {
        return None;
    }
    let mut documents = 0;
    let merge: Vec<usize> = group
        .iter()
        .rev()
        .copied()
        .take_while(|&i| {
            documents += u64::from(sizes[i].alive);
            documents <= u64::from(documents_max)
        })
        .collect();
    (merge.len() >= 2).then_some(merge)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn size(alive: u32, deleted: u32) -> Size {
        Size { alive, deleted }
    }

    #[test]
    fn a_full_pile_of_fresh_segments_becomes_one() {
        let mut sizes = vec![size(50_000, 0)];
        sizes.extend([size(20, 0); 11]);
        assert!(candidates(&sizes, &MergeBounds::default(), 250_000).is_empty());
        sizes.push(size(7, 3));
        assert_eq!(candidates(&sizes, &MergeBounds::default(), 250_000)[0].len(), 12);
    }

    #[test]
    fn deletions_make_a_large_segment_be_rewritten_but_not_a_small_one() {
        let sizes = [size(600, 400), size(6_900, 3_100), size(7_100, 2_900)];
        assert_eq!(candidates(&sizes, &MergeBounds::default(), 250_000), [[1]]);
    }

    #[test]
    fn while_the_disk_fails_large_segments_are_left_alone() {
        let sizes = [size(100_000, 90_000); 13];
        assert!(candidates(&sizes, &MergeBounds::default(), DOCUMENTS_MAX_WHILE_DISK_FAILS).is_empty());
    }

    proptest! {
        #[test]
        fn no_segment_is_merged_twice_and_none_grows_too_large(
            sizes in proptest::collection::vec((0u32..300_000, 0u32..300_000), 0..80)
        ) {
            let sizes: Vec<Size> = sizes.into_iter().map(|(a, d)| size(a, d)).collect();
            let merges = candidates(&sizes, &MergeBounds::default(), 250_000);
            let mut seen = std::collections::HashSet::new();
            for merge in &merges {
                prop_assert!(merge.iter().map(|&i| u64::from(sizes[i].alive)).sum::<u64>() <= 250_000);
                prop_assert!(merge.iter().all(|&i| seen.insert(i)));
            }
        }

        #[test]
        fn merging_comes_to_rest(alive in proptest::collection::vec(1u32..2_000, 0..200)) {
            let bounds = MergeBounds::default();
            let mut sizes: Vec<Size> = alive.into_iter().map(|a| size(a, 0)).collect();
            let before = sizes.len();
            let mut rounds = 0;
            loop {
                let merges = candidates(&sizes, &bounds, bounds.segment_documents_max);
                if merges.is_empty() {
                    break;
                }
                let merged: std::collections::HashSet<usize> = merges.iter().flatten().copied().collect();
                let made: Vec<Size> =
                    merges.iter().map(|m| size(m.iter().map(|&i| sizes[i].alive).sum(), 0)).collect();
                sizes = sizes.iter().enumerate().filter(|(i, _)| !merged.contains(i)).map(|(_, s)| *s)
                    .chain(made).collect();
                rounds += 1;
                prop_assert!(rounds <= before, "merging for ever");
            }
        }
    }
}
