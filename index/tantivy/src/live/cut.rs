//! Texts cut into numbered words, once: every later version of an interaction shares those of its messages.

use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroUsize;
use std::sync::Arc;

use hearken_index::text::{WordKind, Words};
use hearken_model::{Document, InteractionId, Role};
use lru::LruCache;

use super::document::LiveDocument;
use super::vocabulary::{Vocabulary, WordId};

/// The number of a word, and in the lowest bit whether it shares the position of the word before it.
type PackedWord = u32;

/// One text, cut.
pub(crate) struct CutText {
    words: Box<[PackedWord]>,
    /// Places that the words take.
    pub(crate) num_positions: u32,
    /// Terms that the engine makes of it: words, stems that differ, and pairs of characters.
    pub(crate) num_terms: u32,
}

impl CutText {
    /// The words in order, with their positions from 0.
    pub(crate) fn words(&self) -> impl Iterator<Item = (WordId, u32)> + '_ {
        let mut next = 0_u32;
        self.words.iter().map(move |place| {
            if place & 1 == 0 {
                next += 1;
            }
            (place >> 1, next.saturating_sub(1))
        })
    }

    /// The words in order.
    pub(crate) fn ids(&self) -> impl Iterator<Item = WordId> + '_ {
        self.words.iter().map(|place| place >> 1)
    }

    /// Bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        size_of::<CutText>() + size_of_val(&*self.words)
    }
}

/// Whose words a text holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaker {
    /// A message.
    Role(Role),
    Topic,
    Summary,
    Keywords,
    /// One of [`hearken_model::Details`].
    Details,
}

/// Interactions whose cut texts are remembered for their next version. About 1 KB each.
const REMEMBERED_MAX: NonZeroUsize = NonZeroUsize::new(20_000).expect("it is not 0");
/// Words of a vocabulary, about 40 MB, before the documents that follow begin with an empty one.
const VOCABULARY_WORDS_MAX: usize = 250_000;

/// Cuts documents, and remembers what it cut.
pub(crate) struct Cutter {
    vocabulary: Arc<Vocabulary>,
    /// The texts of an interaction's last version, in the order in which it was cut.
    known: LruCache<InteractionId, Vec<CachedCut>>,
    hasher: RandomState,
    buffers: Buffers,
}

/// A text that was cut before, known again by its hash: nobody can make up two texts of one hash, whose keys are random.
struct CachedCut {
    text_hash: u64,
    cut: Arc<CutText>,
}

#[derive(Default)]
struct Buffers {
    words: Vec<PackedWord>,
    folded: String,
}

impl Cutter {
    pub(crate) fn new() -> Self {
        Cutter {
            vocabulary: Arc::default(),
            known: LruCache::new(REMEMBERED_MAX),
            hasher: RandomState::new(),
            buffers: Buffers::default(),
        }
    }

    /// Cuts what is searched by words. Messages that the version before had are not cut again.
    pub(crate) fn cut(&mut self, document: Arc<Document>) -> LiveDocument {
        if self.vocabulary.len() > VOCABULARY_WORDS_MAX {
            self.vocabulary = Arc::default();
            self.known.clear();
        }
        let mut texts = Vec::new();
        if document.state.is_hidden() {
            self.known.pop(document.id());
        } else {
            let before = self.known.pop(document.id()).unwrap_or_default();
            let mut now = Vec::with_capacity(before.len() + 1);
            let mut at = 0;
            for_each_text(&document, |speaker, text| {
                let text_hash = self.hasher.hash_one(text);
                // In the order of before: mostly the next one.
                let found = before[at..]
                    .iter()
                    .position(|known| known.text_hash == text_hash)
                    .map(|skipped| at + skipped);
                let found =
                    found.or_else(|| before[..at].iter().position(|known| known.text_hash == text_hash));
                let cut = match found {
                    Some(found) => {
                        at = found + 1;
                        Arc::clone(&before[found].cut)
                    }
                    None => Arc::new(self.buffers.cut(text, &self.vocabulary)),
                };
                now.push(CachedCut { text_hash, cut: Arc::clone(&cut) });
                texts.push((speaker, cut));
            });
            self.known.put(document.id().clone(), now);
        }
        LiveDocument::new(document, texts.into(), Arc::clone(&self.vocabulary))
    }
}

/// Calls `visit` with everything that words are searched in: messages in the order of the transcript, topic, summary,
/// keywords, details.
fn for_each_text(document: &Document, mut visit: impl FnMut(Speaker, &str)) {
    for (_, _, message) in document.state.transcript() {
        visit(Speaker::Role(message.role), &message.message);
    }
    let topics = &document.derived.head.topics_summary;
    if let Some(topic) = &topics.topic {
        visit(Speaker::Topic, topic);
    }
    if let Some(summary) = topics.said() {
        visit(Speaker::Summary, &summary);
    }
    for keyword in &topics.keywords {
        visit(Speaker::Keywords, keyword);
    }
    for detail in document.derived.head.details() {
        visit(Speaker::Details, &detail.text);
    }
}

impl Buffers {
    fn cut(&mut self, text: &str, vocabulary: &Vocabulary) -> CutText {
        self.words.clear();
        let mut after_character = false;
        let mut words = Words::reusing(text, std::mem::take(&mut self.folded));
        let (mut num_positions, mut num_terms) = (0, 0_u32);
        vocabulary.write(|vocabulary| {
            while let Some(word) = words.next_word() {
                let stands_beside = words.num_positions() == num_positions;
                num_positions = words.num_positions();
                let id = vocabulary.add(words.folded(), word.kind);
                self.words.push(id << 1 | PackedWord::from(stands_beside));
                num_terms += 1;
                match word.kind {
                    WordKind::Letters => {
                        num_terms += u32::from(vocabulary.get(id).stem.is_some());
                        after_character = false;
                    }
                    WordKind::Character => {
                        num_terms += u32::from(after_character);
                        after_character = true;
                    }
                    // It separates nothing: the characters around it still make a pair.
                    WordKind::Symbol => {}
                }
            }
        });
        self.folded = words.into_buffer();
        CutText { words: self.words.as_slice().into(), num_positions, num_terms }
    }
}
