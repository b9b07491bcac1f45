//! The words of a tier, numbered, so that a document is searched by comparing numbers.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;

use hearken_index::text::{English, WordKind};

/// A word's number in its [`Vocabulary`].
pub(crate) type WordId = u32;

/// Numbers words and remembers their English stems. Only grows; one that has become large is replaced by an empty one
/// for the tiers after it.
#[derive(Default)]
pub(crate) struct Vocabulary {
    words: RwLock<VocabularyWords>,
}

/// What is known of all words.
#[derive(Default)]
pub(crate) struct VocabularyWords {
    ids: HashMap<Arc<str>, WordId>,
    entries: Vec<VocabularyEntry>,
    /// Stem → the words that have it, those included that are their own.
    stems: HashMap<Arc<str>, Vec<WordId>>,
    english: English,
}

/// One word.
pub(crate) struct VocabularyEntry {
    /// Folded.
    pub(crate) text: Arc<str>,
    /// `None` where the word is its own stem.
    pub(crate) stem: Option<Arc<str>>,
    pub(crate) kind: WordKind,
}

impl Vocabulary {
    /// How many words there are.
    pub(crate) fn len(&self) -> usize {
        self.words.read().entries.len()
    }

    /// Looks words up; keep it short: threads that cut messages wait.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&VocabularyWords) -> T) -> T {
        look(&self.words.read())
    }

    /// Looks words up and adds those that are new.
    pub(super) fn write<T>(&self, add: impl FnOnce(&mut VocabularyWords) -> T) -> T {
        add(&mut self.words.write())
    }
}

impl VocabularyWords {
    /// The number of a folded word, new or not.
    pub(super) fn add(&mut self, folded: &str, kind: WordKind) -> WordId {
        if let Some(id) = self.ids.get(folded) {
            return *id;
        }
        let id = WordId::try_from(self.entries.len()).expect("a vocabulary is replaced long before");
        let text: Arc<str> = folded.into();
        let stem = self.english.stem(folded);
        let stem: Option<Arc<str>> = (stem != folded).then(|| stem.as_ref().into());
        self.stems.entry(stem.clone().unwrap_or_else(|| Arc::clone(&text))).or_default().push(id);
        self.ids.insert(Arc::clone(&text), id);
        self.entries.push(VocabularyEntry { text, stem, kind });
        id
    }

    /// What is known of a word.
    pub(crate) fn get(&self, id: WordId) -> &VocabularyEntry {
        &self.entries[id as usize]
    }

    /// The number of that word, if it occurs.
    pub(crate) fn id(&self, folded: &str) -> Option<WordId> {
        self.ids.get(folded).copied()
    }

    /// All words of which that is the stem.
    pub(crate) fn with_stem(&self, stem: &str) -> &[WordId] {
        self.stems.get(stem).map_or(&[], Vec::as_slice)
    }

    /// Every word with its number, in no order.
    pub(crate) fn all(&self) -> impl Iterator<Item = (WordId, &VocabularyEntry)> {
        (0..).zip(&self.entries)
    }
}
