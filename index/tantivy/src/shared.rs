//! The two tiers and the view of them that searches see, shared by the writer, the flush thread and all readers.
//!
//! | | searches find it | survives a crash |
//! |---|---|---|
//! | [`Shared::refresh`] | yes | no: the source is read again from the durable checkpoint |
//! | a flush: [`Shared::freeze`], commit, [`Shared::release`] | | yes, together with the checkpoint given to the refresh |

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use hearken_index::checkpoint::Checkpoint;
use hearken_model::{Document, InteractionId};
use parking_lot::Mutex;
use tantivy::schema::IndexRecordOption;
use tantivy::{DocAddress, DocSet, Searcher, TERMINATED, Term};

use super::columns::ColumnCache;
use super::live::{LiveDocument, LiveEntry, Tier, TierView};
use super::schema::{Fields, TOMBSTONE, id_hash};
use super::stored;
use super::view::View;

pub(super) struct Shared {
    pub(super) fields: Fields,
    pub(super) columns: Arc<ColumnCache>,
    view: ArcSwap<View>,
    tiers: Mutex<Tiers>,
}

struct Tiers {
    searcher: Searcher,
    /// Whether the searcher knows of any; mostly not, and then nobody has to look for one.
    has_tombstones: bool,
    /// What a flush writes. It stays until a flush succeeds.
    frozen: Option<Frozen>,
    live: Tier,
    /// What belongs to `live`.
    checkpoint: Arc<Checkpoint>,
    num_views: u64,
}

struct Frozen {
    tier: Tier,
    checkpoint: Arc<Checkpoint>,
}

/// What a flush has to write.
pub(super) struct ToFlush {
    pub(super) documents: TierView,
    pub(super) checkpoint: Arc<Checkpoint>,
    /// Whether an earlier flush failed to write it; more may have changed since.
    pub(super) is_retry: bool,
}

impl Shared {
    pub(super) fn new(fields: Fields, searcher: Searcher, checkpoint: Arc<Checkpoint>) -> Self {
        let view = View::new(0, searcher.clone(), TierView::default(), TierView::default(), 0);
        let has_tombstones = true; // until the first flush: to ask could fail
        let tiers =
            Tiers { searcher, has_tombstones, frozen: None, live: Tier::default(), checkpoint, num_views: 1 };
        Shared {
            fields,
            columns: Arc::default(),
            view: ArcSwap::from_pointee(view),
            tiers: Mutex::new(tiers),
        }
    }

    /// What searches see now.
    pub(super) fn view(&self) -> Arc<View> {
        self.view.load_full()
    }

    /// Approximate memory of the documents that are not durable yet.
    pub(super) fn live_bytes(&self) -> usize {
        self.tiers.lock().bytes()
    }

    /// Lets searches see these documents, in one step with the checkpoint they belong to.
    pub(super) fn refresh(
        &self,
        documents: &mut Vec<Arc<LiveDocument>>,
        checkpoint: &Checkpoint,
    ) -> tantivy::Result<()> {
        let mut tiers = self.tiers.lock();
        let mut entries = Vec::with_capacity(documents.len());
        for document in &*documents {
            let id = document.document.id();
            let replaces = match tiers.get(id) {
                Some(entry) => entry.replaces,
                None => self.locate(&tiers.searcher, tiers.has_tombstones, id)?,
            };
            entries.push(LiveEntry { document: Arc::clone(document), replaces });
        }
        documents.clear();
        entries.into_iter().for_each(|entry| tiers.live.put(entry));
        if *tiers.checkpoint != *checkpoint {
            tiers.checkpoint = Arc::new(checkpoint.clone());
        }
        self.publish(&mut tiers);
        Ok(())
    }

    /// Begins a flush: what changed is kept as it is, and a new tier takes what comes. What an earlier flush could not
    /// write is written first. `None` if everything is durable already.
    pub(super) fn freeze(&self, durable: &Checkpoint) -> Option<ToFlush> {
        let mut tiers = self.tiers.lock();
        let is_retry = tiers.frozen.is_some();
        if !is_retry {
            if tiers.live.len() == 0 && *tiers.checkpoint == *durable {
                return None;
            }
            let (tier, checkpoint) = (std::mem::take(&mut tiers.live), Arc::clone(&tiers.checkpoint));
            tiers.frozen = Some(Frozen { tier, checkpoint });
            self.publish(&mut tiers);
        }
        let frozen = tiers.frozen.as_ref()?;
        Some(ToFlush { documents: frozen.tier.view(), checkpoint: Arc::clone(&frozen.checkpoint), is_retry })
    }

    /// Ends a flush: searches see the commit instead of what was frozen.
    pub(super) fn release(&self, searcher: Searcher) -> tantivy::Result<()> {
        // Most is looked up before anybody has to wait.
        let view = self.view();
        let tombstone = Term::from_field_text(self.fields.terms, TOMBSTONE);
        let has_tombstones = searcher.doc_freq(&tombstone)? > 0;
        let mut known = HashMap::new();
        for entry in view.live().iter() {
            let id = entry.document.document.id();
            known.insert(id, self.locate(&searcher, has_tombstones, id)?);
        }
        let mut tiers = self.tiers.lock();
        tiers.live.locate_all(|id| match known.get(id) {
            Some(address) => Ok(*address),
            None => self.locate(&searcher, has_tombstones, id),
        })?;
        let frozen = tiers.frozen.take();
        (tiers.searcher, tiers.has_tombstones) = (searcher, has_tombstones);
        self.publish(&mut tiers);
        let searcher = tiers.searcher.clone();
        drop(tiers);
        drop(frozen); // a second's documents: nobody should wait for that
        self.columns.retain(&searcher);
        Ok(())
    }

    fn publish(&self, tiers: &mut Tiers) {
        let frozen = tiers.frozen.as_ref().map(|frozen| frozen.tier.view()).unwrap_or_default();
        let bytes = tiers.bytes();
        let view = View::new(tiers.num_views, tiers.searcher.clone(), frozen, tiers.live.view(), bytes);
        tiers.num_views += 1;
        self.view.store(Arc::new(view));
    }

    /// The newest document of that id.
    pub(super) fn get(&self, id: &InteractionId) -> tantivy::Result<Option<Document>> {
        let (searcher, has_tombstones) = {
            let tiers = self.tiers.lock();
            if let Some(entry) = tiers.get(id) {
                let document = Arc::clone(&entry.document);
                drop(tiers);
                return Ok((!document.is_removal).then(|| Document::clone(&document.document)));
            }
            (tiers.searcher.clone(), tiers.has_tombstones)
        };
        let Some(address) = self.locate(&searcher, has_tombstones, id)? else { return Ok(None) };
        let document = stored::stored_document(&searcher, address)?;
        Ok(Some(if document.state.erased { Document::tombstone(id.clone()) } else { document }))
    }

    /// Whether there is a document of that id.
    pub(super) fn holds(&self, id: &InteractionId) -> tantivy::Result<bool> {
        let (searcher, has_tombstones) = {
            let tiers = self.tiers.lock();
            if let Some(entry) = tiers.get(id) {
                return Ok(!entry.document.is_removal);
            }
            (tiers.searcher.clone(), tiers.has_tombstones)
        };
        Ok(self.locate(&searcher, has_tombstones, id)?.is_some())
    }

    /// Where the commit has the document of that id, or its tombstone.
    fn locate(
        &self,
        searcher: &Searcher,
        has_tombstones: bool,
        id: &InteractionId,
    ) -> tantivy::Result<Option<DocAddress>> {
        match self.locate_term(searcher, &self.fields.id_term(id))? {
            None if has_tombstones => self.locate_term(searcher, &self.fields.tombstone_term(&id_hash(id))),
            found => Ok(found),
        }
    }

    fn locate_term(&self, searcher: &Searcher, term: &Term) -> tantivy::Result<Option<DocAddress>> {
        // What changes has mostly changed a short while ago: it is in the small segments, whose terms are also cheaper to
        // look through than those of the large ones.
        let mut segments: Vec<_> = searcher.segment_readers().iter().enumerate().collect();
        segments.sort_unstable_by_key(|(_, reader)| reader.num_docs());
        for (segment, reader) in segments {
            let index = reader.inverted_index(self.fields.terms)?;
            let Some(mut postings) = index.read_postings(term, IndexRecordOption::Basic)? else { continue };
            while postings.doc() != TERMINATED {
                if !reader.is_deleted(postings.doc()) {
                    return Ok(Some(DocAddress::new(segment as u32, postings.doc())));
                }
                postings.advance();
            }
        }
        Ok(None)
    }
}

impl Tiers {
    fn get(&self, id: &InteractionId) -> Option<&LiveEntry> {
        self.live.get(id).or_else(|| self.frozen.as_ref()?.tier.get(id))
    }

    fn bytes(&self) -> usize {
        self.live.bytes() + self.frozen.as_ref().map_or(0, |frozen| frozen.tier.bytes())
    }
}
