//! What a search sees: the engine's last commit and, over it, the documents that changed since.
//!
//! A view never changes. Every answer comes from one view: with two places for
//! the truth, a second look could find a document in both, or in neither.

use std::sync::{Arc, OnceLock};

use tantivy::{DocAddress, DocId, Searcher};

use super::live::{LiveDocument, ScannedDocument, TierView, Vocabulary};

/// One state of the index.
pub(super) struct View {
    /// Tells views apart.
    pub(super) number: u64,
    /// The last commit that searches have come to see.
    pub(super) searcher: Searcher,
    /// What is being written, newer than the commit.
    frozen: TierView,
    /// What came after that.
    live: TierView,
    /// Bytes of both tiers.
    pub(super) live_bytes: usize,
    overlay: OnceLock<Overlay>,
}

/// What lies over the commit.
pub(super) struct Overlay {
    /// The newest version of each changed interaction, by vocabulary.
    groups: Vec<(Arc<Vocabulary>, Vec<ScannedDocument>)>,
    /// The documents of each segment that are replaced, ascending.
    replaced: Vec<Vec<DocId>>,
    num_terms: u64,
}

/// Where a document of a view is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum DocLocation {
    /// In the commit.
    Stored(DocAddress),
    /// Over it: the vocabulary, and the document among those that were cut with it.
    Live(u32, u32),
}

impl View {
    pub(super) fn new(
        number: u64,
        searcher: Searcher,
        frozen: TierView,
        live: TierView,
        live_bytes: usize,
    ) -> Self {
        View { number, searcher, frozen, live, live_bytes, overlay: OnceLock::new() }
    }

    /// What changed since the last flush began.
    pub(super) fn live(&self) -> &TierView {
        &self.live
    }

    /// Documents, tombstones included.
    pub(super) fn num_documents(&self) -> u64 {
        let overlay = self.overlay();
        self.searcher.num_docs() - overlay.num_replaced() as u64 + overlay.num_documents() as u64
    }

    /// What lies over the commit; put together when it is first asked for.
    pub(super) fn overlay(&self) -> &Overlay {
        self.overlay.get_or_init(|| Overlay::new(&self.searcher, &self.frozen, &self.live))
    }
}

impl Overlay {
    fn new(searcher: &Searcher, frozen: &TierView, live: &TierView) -> Self {
        let mut overlay = Overlay {
            groups: Vec::new(),
            replaced: vec![Vec::new(); searcher.segment_readers().len()],
            num_terms: 0,
        };
        let newer: std::collections::HashSet<&str> = if frozen.is_empty() {
            Default::default()
        } else {
            live.iter().map(|entry| entry.document.document.id().as_str()).collect()
        };
        let frozen =
            frozen.iter().map(|entry| (entry, newer.contains(entry.document.document.id().as_str())));
        for (entry, is_outdated) in frozen.chain(live.iter().map(|entry| (entry, false))) {
            if let Some(address) = entry.replaces {
                overlay.replaced[address.segment_ord as usize].push(address.doc_id);
            }
            if !is_outdated {
                overlay.push(&entry.document);
            }
        }
        for replaced in &mut overlay.replaced {
            replaced.sort_unstable();
            replaced.dedup();
        }
        overlay
    }

    fn push(&mut self, document: &Arc<LiveDocument>) {
        self.num_terms += u64::from(document.num_terms);
        match self.groups.iter_mut().find(|(vocabulary, _)| Arc::ptr_eq(vocabulary, &document.vocabulary)) {
            Some((_, documents)) => documents.push(document.scanned()),
            None => self.groups.push((Arc::clone(&document.vocabulary), vec![document.scanned()])),
        }
    }

    /// The vocabularies that the documents were cut with.
    pub(super) fn vocabularies(&self) -> impl Iterator<Item = &Vocabulary> {
        self.groups.iter().map(|(vocabulary, _)| &**vocabulary)
    }

    /// Every document with the place of its vocabulary.
    pub(super) fn documents(&self) -> impl Iterator<Item = (usize, &ScannedDocument)> + Clone {
        let groups = self.groups.iter().enumerate();
        groups.flat_map(|(vocabulary, (_, documents))| {
            documents.iter().map(move |document| (vocabulary, document))
        })
    }

    /// Every document with its place.
    pub(super) fn places(&self) -> impl Iterator<Item = (DocLocation, &ScannedDocument)> {
        let groups = (0..).zip(&self.groups);
        groups.flat_map(|(vocabulary, (_, documents))| {
            let documents = (0..).zip(documents);
            documents.map(move |(at, document)| (DocLocation::Live(vocabulary, at), document))
        })
    }

    /// The document at [`DocLocation::Live`].
    pub(super) fn document(&self, vocabulary: u32, at: u32) -> &Arc<LiveDocument> {
        &self.groups[vocabulary as usize].1[at as usize].document
    }

    /// How many documents there are.
    pub(super) fn num_documents(&self) -> usize {
        self.groups.iter().map(|(_, documents)| documents.len()).sum()
    }

    /// How many terms they have.
    pub(super) fn num_terms(&self) -> u64 {
        self.num_terms
    }

    /// The documents of a segment that are replaced, ascending.
    pub(super) fn replaced(&self, segment: usize) -> &[DocId] {
        &self.replaced[segment]
    }

    /// How many documents of the commit are replaced.
    pub(super) fn num_replaced(&self) -> usize {
        self.replaced.iter().map(Vec::len).sum()
    }
}
