//! The documents that changed since a flush, as one that grows and as what searches see of it.

use std::collections::HashMap;
use std::sync::Arc;

use hearken_model::InteractionId;
use tantivy::DocAddress;

use super::document::LiveDocument;

/// Documents of a chunk. A view shares chunks with the one before it: what is copied to publish a change is one chunk
/// and the list of them.
const CHUNK_DOCUMENTS: usize = 64;

/// A document, and where in the engine's last commit the version is that it replaces.
#[derive(Clone)]
pub(crate) struct LiveEntry {
    pub(crate) document: Arc<LiveDocument>,
    /// `None` if the commit has none.
    pub(crate) replaces: Option<DocAddress>,
}

type Chunks = Vec<Arc<Vec<LiveEntry>>>;

/// A tier; one document an interaction.
#[derive(Default)]
pub(crate) struct Tier {
    chunks: Chunks,
    places: HashMap<InteractionId, usize>,
    bytes: usize,
}

/// What a tier was at some moment.
#[derive(Clone, Default)]
pub(crate) struct TierView {
    chunks: Chunks,
}

impl Tier {
    /// Replaces the document with the same id.
    pub(crate) fn put(&mut self, entry: LiveEntry) {
        self.bytes += entry.document.bytes();
        let place = self.places.get(entry.document.document.id()).copied();
        match place.and_then(|place| self.chunks.get_mut(place / CHUNK_DOCUMENTS).map(|chunk| (chunk, place)))
        {
            Some((chunk, place)) => {
                let slot = &mut Arc::make_mut(chunk)[place % CHUNK_DOCUMENTS];
                self.bytes -= slot.document.bytes();
                *slot = entry;
            }
            None => {
                let place = self.places.len();
                self.places.insert(entry.document.document.id().clone(), place);
                match self.chunks.last_mut().filter(|chunk| chunk.len() < CHUNK_DOCUMENTS) {
                    Some(chunk) => Arc::make_mut(chunk).push(entry),
                    None => {
                        let mut chunk = Vec::with_capacity(CHUNK_DOCUMENTS);
                        chunk.push(entry);
                        self.chunks.push(Arc::new(chunk));
                    }
                }
            }
        }
    }

    /// The entry of that id.
    pub(crate) fn get(&self, id: &InteractionId) -> Option<&LiveEntry> {
        let place = *self.places.get(id)?;
        self.chunks.get(place / CHUNK_DOCUMENTS)?.get(place % CHUNK_DOCUMENTS)
    }

    /// How many documents there are.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// About how much memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// What searches see of it from now on, whatever is put later.
    pub(crate) fn view(&self) -> TierView {
        TierView { chunks: self.chunks.clone() }
    }

    /// Determines again what every document replaces.
    pub(crate) fn locate_all<E>(
        &mut self,
        mut locate: impl FnMut(&InteractionId) -> Result<Option<DocAddress>, E>,
    ) -> Result<(), E> {
        for chunk in &mut self.chunks {
            for entry in Arc::make_mut(chunk) {
                entry.replaces = locate(entry.document.document.id())?;
            }
        }
        Ok(())
    }
}

impl TierView {
    /// Whether there is no document.
    pub(crate) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Every document.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &LiveEntry> {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }
}
