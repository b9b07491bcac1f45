//! A document of a tier.

use std::sync::Arc;

use hearken_model::{Document, Role};
use tantivy::fieldnorm::FieldNormReader;

use super::cut::{CutText, Speaker};
use super::vocabulary::{Vocabulary, WordId};
use crate::schema::hash;

/// A document with its words, not yet in the engine.
pub(crate) struct LiveDocument {
    pub(crate) document: Arc<Document>,
    /// In the order of the transcript, then topic, summary and keywords.
    pub(crate) texts: Box<[(Speaker, Arc<CutText>)]>,
    /// All words, each once, ascending.
    distinct: Box<[WordId]>,
    /// What the numbers stand for.
    pub(crate) vocabulary: Arc<Vocabulary>,
    /// How many terms the engine makes of it.
    pub(crate) num_terms: u32,
    /// Hash of the id.
    pub(crate) tie: u64,
    bytes: usize,
    /// Nothing takes the place of what was there, not even a trace.
    pub(crate) is_removal: bool,
}

/// What a document takes beside its text: structure, derived values, its place in the tier.
const STRUCTURE_BYTES: usize = 3_000;
/// What a message takes beside its text.
const MESSAGE_BYTES: usize = 300;

impl LiveDocument {
    pub(super) fn new(
        document: Arc<Document>,
        texts: Box<[(Speaker, Arc<CutText>)]>,
        vocabulary: Arc<Vocabulary>,
    ) -> Self {
        let mut distinct: Vec<WordId> = texts.iter().flat_map(|(_, text)| text.ids()).collect();
        distinct.sort_unstable();
        distinct.dedup();
        let num_terms = |(speaker, text): &(Speaker, Arc<CutText>)| match speaker {
            Speaker::Role(_) => text.num_terms,
            // They have terms of their own beside those that they share.
            Speaker::Topic | Speaker::Summary | Speaker::Keywords => 2 * text.num_terms,
        };
        let text_bytes: usize = texts.iter().map(|(_, text)| text.bytes()).sum();
        LiveDocument {
            num_terms: texts.iter().map(num_terms).sum(),
            tie: hash(document.id().as_str()),
            bytes: STRUCTURE_BYTES
                + document.state.bytes()
                + MESSAGE_BYTES * document.state.messages.len()
                + text_bytes
                + size_of_val(&*distinct),
            is_removal: false,
            distinct: distinct.into(),
            document,
            texts,
            vocabulary,
        }
    }

    /// About how much memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether nobody may find it: it was erased, or is no interaction.
    pub(crate) fn is_hidden(&self) -> bool {
        self.document.state.is_hidden()
    }

    /// The class of lengths that ranking knows.
    pub(crate) fn length_class(&self) -> u8 {
        FieldNormReader::fieldnorm_to_id(self.num_terms)
    }

    /// Whether any of these words, ascending, occurs anywhere in it.
    pub(crate) fn has_any(&self, words: &[WordId]) -> bool {
        if words.len() <= self.distinct.len() {
            words.iter().any(|word| self.distinct.binary_search(word).is_ok())
        } else {
            self.distinct.iter().any(|word| words.binary_search(word).is_ok())
        }
    }

    /// The texts of those speakers.
    pub(crate) fn texts_of(&self, covers: impl Fn(Speaker) -> bool) -> impl Iterator<Item = &CutText> {
        self.texts.iter().filter(move |(speaker, _)| covers(*speaker)).map(|(_, text)| &**text)
    }
}

/// Whether words without a scope search what that speaker said.
pub(crate) fn is_common(speaker: Speaker) -> bool {
    speaker != Speaker::Role(Role::System)
}
