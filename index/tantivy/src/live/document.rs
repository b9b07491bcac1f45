//! A document of a tier.

use std::sync::Arc;

use hearken_index::query::Scope;
use hearken_model::{Document, Role};
use tantivy::fieldnorm::FieldNormReader;

use super::cut::{CutText, Speaker};
use super::vocabulary::{Vocabulary, WordId};
use crate::schema::hash;

/// A document with its words, not yet in the engine.
pub(crate) struct LiveDocument {
    pub(crate) document: Arc<Document>,
    /// In the order of the transcript, then topic, summary, keywords and details.
    pub(crate) texts: Box<[(Speaker, Arc<CutText>)]>,
    /// All words, each once, ascending.
    distinct: Box<[WordId]>,
    /// What the numbers stand for.
    pub(crate) vocabulary: Arc<Vocabulary>,
    /// How many terms the engine makes of it.
    pub(crate) num_terms: u32,
    /// How many of them are not of details: what is attached to a conversation makes it no longer.
    length: u32,
    /// Hash of the id.
    pub(crate) tie: u64,
    bytes: usize,
    /// Removes the document without leaving a tombstone.
    pub(crate) is_removal: bool,
}

/// What a document takes in addition to its text: structure, derived values, its place in the tier.
const STRUCTURE_BYTES: usize = 3_000;
/// What a message takes in addition to its text.
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
            Speaker::Topic | Speaker::Summary | Speaker::Keywords | Speaker::Details => 2 * text.num_terms,
        };
        let is_detail = |(speaker, _): &&(Speaker, Arc<CutText>)| *speaker == Speaker::Details;
        let text_bytes: usize = texts.iter().map(|(_, text)| text.bytes()).sum();
        LiveDocument {
            num_terms: texts.iter().map(num_terms).sum(),
            length: texts.iter().filter(|text| !is_detail(text)).map(num_terms).sum(),
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

    /// Whether nobody may find it: it was erased, or is not an interaction.
    pub(crate) fn is_hidden(&self) -> bool {
        self.document.state.is_hidden()
    }

    /// The class of lengths that ranking knows.
    pub(crate) fn length_class(&self) -> u8 {
        FieldNormReader::fieldnorm_to_id(self.length)
    }

    /// Whether any of these words, ascending, occurs anywhere in it.
    pub(crate) fn has_any(&self, words: &[WordId]) -> bool {
        if words.len() <= self.distinct.len() {
            words.iter().any(|word| self.distinct.binary_search(word).is_ok())
        } else {
            self.distinct.iter().any(|word| words.binary_search(word).is_ok())
        }
    }

    /// Those of its texts.
    pub(crate) fn texts_of(&self, texts: Texts) -> impl Iterator<Item = &CutText> {
        self.texts.iter().filter(move |(speaker, _)| texts.covers(*speaker)).map(|(_, text)| &**text)
    }
}

/// Which of a document's texts words are searched in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Texts {
    /// All but system messages.
    Common,
    /// What users, assistants, humans and tools said.
    Transcript,
    /// Those of one speaker.
    Of(Speaker),
}

impl Texts {
    fn covers(self, speaker: Speaker) -> bool {
        match self {
            Texts::Common => speaker != Speaker::Role(Role::System),
            Texts::Transcript => matches!(speaker, Speaker::Role(role) if role != Role::System),
            Texts::Of(wanted) => speaker == wanted,
        }
    }
}

impl From<Scope> for Texts {
    fn from(scope: Scope) -> Texts {
        match scope {
            Scope::Default => Texts::Common,
            Scope::Transcript => Texts::Transcript,
            Scope::Role(role) => Texts::Of(Speaker::Role(role)),
            Scope::Topic => Texts::Of(Speaker::Topic),
            Scope::Summary => Texts::Of(Speaker::Summary),
            Scope::Keywords => Texts::Of(Speaker::Keywords),
        }
    }
}
