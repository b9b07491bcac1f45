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
    /// All words, each once, ascending, with how often each stands in [`Texts::Common`].
    words: Box<[(WordId, u32)]>,
    signature: Signature,
    /// What the numbers stand for.
    pub(crate) vocabulary: Arc<Vocabulary>,
    /// How many terms the engine makes of it.
    pub(crate) num_terms: u32,
    /// How many of them are not of details: what is attached to a conversation makes it no longer.
    length: u32,
    /// Hash of the id.
    pub(crate) tie: u64,
    bytes: usize,
    /// Whether nobody may find it: it was erased, or is not an interaction.
    is_hidden: bool,
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
        let words = texts.iter().flat_map(|(speaker, text)| {
            let is_common = u32::from(Texts::Common.covers(*speaker));
            text.ids().map(move |word| (word, is_common))
        });
        let mut words: Vec<(WordId, u32)> = words.collect();
        words.sort_unstable_by_key(|(word, _)| *word);
        words.dedup_by(|(word, count), (kept, sum)| {
            let is_same = word == kept;
            *sum += if is_same { *count } else { 0 };
            is_same
        });
        let num_terms = |(speaker, text): &(Speaker, Arc<CutText>)| match speaker {
            Speaker::Role(_) => text.num_terms,
            // They have their own terms in addition to those that they share.
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
                + size_of_val(&*words),
            is_hidden: document.state.is_hidden(),
            is_removal: false,
            signature: Signature::of(words.iter().map(|(word, _)| *word)),
            words: words.into(),
            document,
            texts,
            vocabulary,
        }
    }

    /// About how much memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The class of lengths that ranking knows.
    pub(crate) fn length_class(&self) -> u8 {
        FieldNormReader::fieldnorm_to_id(self.length)
    }

    /// How often each of these words, ascending, stands in [`Texts::Common`], if it stands anywhere. The shorter list is gone
    /// through, and its words are looked up in the longer one.
    fn counts(&self, words: &[WordId]) -> impl Iterator<Item = u32> {
        let own = &self.words;
        let (asked, gone_through) =
            if words.len() <= own.len() { (words, &[][..]) } else { (&[][..], &**own) };
        let looked_up =
            asked.iter().filter_map(|word| own.binary_search_by_key(word, |(word, _)| *word).ok());
        let fitting = gone_through.iter().filter(|(word, _)| words.binary_search(word).is_ok());
        looked_up.map(|at| own[at].1).chain(fitting.map(|(_, count)| *count))
    }

    /// The document as a scan goes through it.
    pub(crate) fn scanned(self: &Arc<Self>) -> ScannedDocument {
        ScannedDocument { signature: self.signature, is_hidden: self.is_hidden, document: Arc::clone(self) }
    }

    /// Those of its texts.
    pub(crate) fn texts_of(&self, texts: Texts) -> impl Iterator<Item = &CutText> {
        self.texts.iter().filter(move |(speaker, _)| texts.covers(*speaker)).map(|(_, text)| &**text)
    }
}

/// A document, with what is enough to rule most documents out. A tier is scanned, and of a thousand documents, each behind
/// pointers of its own, only those are then touched that may match.
pub(crate) struct ScannedDocument {
    signature: Signature,
    is_hidden: bool,
    pub(crate) document: Arc<LiveDocument>,
}

impl ScannedDocument {
    /// Whether nobody may find it.
    pub(crate) fn is_hidden(&self) -> bool {
        self.is_hidden
    }

    /// Whether any of these words, ascending, occurs anywhere in it.
    pub(crate) fn has_any(&self, words: &[WordId]) -> bool {
        self.signature.may_have_any(words) && self.document.counts(words).next().is_some()
    }

    /// How often these words, ascending, stand in [`Texts::Common`].
    pub(crate) fn num_common(&self, words: &[WordId]) -> u32 {
        if self.signature.may_have_any(words) { self.document.counts(words).sum() } else { 0 }
    }
}

/// A Bloom filter with one hash over a document's words: a word whose bit is not set is not in the document. With a hundred
/// different words, one in eleven others passes.
#[derive(Clone, Copy)]
struct Signature([u64; SIGNATURE_BITS / 64]);

const SIGNATURE_BITS: usize = 1_024;

impl Signature {
    fn of(words: impl Iterator<Item = WordId>) -> Self {
        let mut bits = [0; SIGNATURE_BITS / 64];
        for (at, bit) in words.map(Self::place) {
            bits[at] |= bit;
        }
        Signature(bits)
    }

    fn may_have_any(&self, words: &[WordId]) -> bool {
        words.iter().map(|word| Self::place(*word)).any(|(at, bit)| self.0[at] & bit != 0)
    }

    /// Words are numbered in turn, so their numbers spread evenly without a hash.
    fn place(word: WordId) -> (usize, u64) {
        let bit = word as usize % SIGNATURE_BITS;
        (bit / 64, 1 << (bit % 64))
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
