//! From a document of the live tier to what tantivy indexes.
//!
//! The words of all roles, topic, summary, keywords and details are one text with positions. Roles follow each other,
//! user first, and four columns say where each one's words end, so that `user:refund` is a term and a range of positions
//! and needs no terms of its own. Topic, summary, keywords and details are short and have their own terms in addition to the
//! common ones; system messages have only their own, because words without a scope do not search them.

use hearken_index::text::{MESSAGE_GAP, WordKind, fold_case};
use hearken_index::values::{self, FieldRef};
use hearken_model::field::FIELDS;
use hearken_model::{Document, InteractionId, Role};
use tantivy::{TantivyDocument, Term};

use super::encoding::{GAP, NEXT, SAME, push_length_prefixed};
use super::live::{CutText, LiveDocument, Speaker, Texts, VocabularyWords};
use super::schema::{
    Fields, HIDDEN, LLM_PENDING, TOMBSTONE, ValueCase, id_hash, metadata_key, term_name, tombstone_value,
    value_term,
};

/// Whose words a term of `text` stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum TermOwner {
    /// Anything but system messages.
    Any,
    System,
    Topic,
    Summary,
    Keywords,
    Details,
}

/// What a term of `text` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum TermKind {
    /// A folded word.
    Word,
    /// The stem of a word that is not its own stem.
    Stem,
    /// A character of a script without spaces and the one before it; stands at the position of the second.
    Pair,
}

/// The first byte of a term.
pub(super) fn class(owner: TermOwner, kind: TermKind) -> u8 {
    b'A' + 3 * owner as u8 + kind as u8
}

/// The roles in the order in which their words stand; the ends of the first four are columns.
const ROLES: [Role; 5] = [Role::User, Role::Assistant, Role::Human, Role::Tool, Role::System];

/// A document, and what it replaces.
pub(super) struct Replacement {
    /// Whatever has one of these terms goes.
    pub(super) terms: Vec<Term>,
    /// `None` leaves nothing in its place.
    pub(super) document: Option<TantivyDocument>,
}

/// Builds documents; keeps its buffers from one to the next.
pub(super) struct DocumentBuilder {
    fields: Fields,
    head: Vec<u8>,
    rest: Vec<u8>,
    encoded: String,
}

impl DocumentBuilder {
    pub(super) fn new(fields: Fields) -> Self {
        DocumentBuilder { fields, head: Vec::new(), rest: Vec::new(), encoded: String::new() }
    }

    /// What to replace, and by what.
    pub(super) fn build(&mut self, live: &LiveDocument) -> Replacement {
        let mut terms = vec![self.fields.id_term(live.document.id())];
        if live.is_removal {
            return Replacement { terms, document: None };
        }
        let tombstone = live.document.state.erased.then(|| hashed_tombstone(&live.document));
        let document = tombstone.as_ref().unwrap_or(&live.document);
        self.head.clear();
        self.rest.clear();
        document
            .write_stored(&mut self.head, &mut self.rest)
            .expect("documents have only string keys and plain values, and memory takes every byte");
        let [head, rest] =
            [&self.head, &self.rest].map(|json| std::str::from_utf8(json).expect("JSON is UTF-8"));
        // Room for the stored document, its words, which take as much at most, and its values: it is copied less.
        let mut built = TantivyDocument::with_capacity(2 * (head.len() + rest.len()) + 1024);
        built.add_text(self.fields.head, head);
        built.add_text(self.fields.rest, rest);
        if document.state.is_hidden() {
            let mut values = String::new();
            push_length_prefixed(&mut values, HIDDEN);
            if tombstone.is_some() {
                push_length_prefixed(&mut values, TOMBSTONE);
                push_length_prefixed(&mut values, &tombstone_value(document.id().as_str()));
                terms.push(self.fields.tombstone_term(document.id().as_str()));
            } else {
                push_length_prefixed(
                    &mut values,
                    &value_term("id", ValueCase::Exact, document.id().as_str()),
                );
            }
            built.add_text(self.fields.terms, &values);
            built.add_u64(self.fields.tie, live.tie); // by it the cleaner knows what was there before
        } else {
            self.add_text(&mut built, live);
            self.add_values(&mut built, document);
            self.add_numbers(&mut built, document, live.tie);
        }
        Replacement { terms, document: Some(built) }
    }

    fn add_text(&mut self, built: &mut TantivyDocument, live: &LiveDocument) {
        self.encoded.clear();
        let mut position = 0;
        for (role, end_column) in ROLES.iter().zip(self.fields.role_ends.map(Some).into_iter().chain([None]))
        {
            if *role == Role::System {
                let heads = [
                    (Speaker::Topic, TermOwner::Topic),
                    (Speaker::Summary, TermOwner::Summary),
                    (Speaker::Keywords, TermOwner::Keywords),
                    (Speaker::Details, TermOwner::Details),
                ];
                for (speaker, owner) in heads {
                    self.push_texts(live, speaker, owner, &mut position);
                }
            }
            let owner = if *role == Role::System { TermOwner::System } else { TermOwner::Any };
            self.push_texts(live, Speaker::Role(*role), owner, &mut position);
            if let Some(column) = end_column {
                built.add_u64(column, position);
            }
        }
        built.add_u64(self.fields.text_length, u64::from(live.length_class()));
        built.add_text(self.fields.text, &self.encoded);
    }

    /// Writes the terms of what one speaker said, and a gap behind each text.
    fn push_texts(&mut self, live: &LiveDocument, speaker: Speaker, owner: TermOwner, position: &mut u64) {
        for text in live.texts_of(Texts::Of(speaker)) {
            live.vocabulary.read(|words| self.push_text(text, words, owner));
            self.encoded.push(char::from(GAP));
            *position += u64::from(text.num_positions) + u64::from(MESSAGE_GAP);
        }
    }

    fn push_text(&mut self, text: &CutText, words: &VocabularyWords, owner: TermOwner) {
        let own = (!matches!(owner, TermOwner::Any | TermOwner::System)).then_some(owner);
        let common = if owner == TermOwner::System { TermOwner::System } else { TermOwner::Any };
        let mut next_position = 0;
        let mut character: Option<&str> = None;
        for (id, position) in text.words() {
            let word = words.get(id);
            let marker = if position == next_position { NEXT } else { SAME };
            next_position = position + 1;
            let encoded = &mut self.encoded;
            push(encoded, marker, (common, own), TermKind::Word, [&word.text, ""]);
            match word.kind {
                // It separates nothing: the characters around it still make a pair.
                WordKind::Symbol => {}
                WordKind::Character => {
                    if let Some(before) = character {
                        push(encoded, SAME, (common, own), TermKind::Pair, [before, &word.text]);
                    }
                    character = Some(&word.text);
                }
                WordKind::Letters => {
                    character = None;
                    if let Some(stem) = &word.stem {
                        push(encoded, SAME, (common, own), TermKind::Stem, [stem, ""]);
                    }
                }
            }
        }
    }

    fn add_values(&mut self, built: &mut TantivyDocument, document: &Document) {
        let mut terms = String::with_capacity(1024);
        let mut add_terms = |name: &str, value: &str| {
            push_length_prefixed(&mut terms, &value_term(name, ValueCase::Exact, value));
            let folded = fold_case(value);
            if folded != value {
                push_length_prefixed(&mut terms, &value_term(name, ValueCase::Folded, &folded));
            }
        };
        let mut columns = self.fields.keywords.iter().map(|(_, column)| *column);
        for field in FIELDS.iter().filter(|field| !field.is_number()) {
            let column = if field.facet { columns.next() } else { None };
            values::for_each_text(document, field, |value| {
                add_terms(field.name, value);
                if let Some(column) = column {
                    built.add_text(column, value);
                }
            });
        }
        for (key, value) in &document.derived.head.metadata {
            let value = value.text();
            add_terms(&term_name(FieldRef::Metadata(key)), &value);
            built.add_text(self.fields.metadata, format!("{}\0{value}", metadata_key(key)));
        }
        if document.derived.llm_pending {
            push_length_prefixed(&mut terms, LLM_PENDING);
        }
        built.add_text(self.fields.terms, &terms);
    }

    fn add_numbers(&mut self, built: &mut TantivyDocument, document: &Document, tie: u64) {
        let numbers = FIELDS.iter().filter(|field| field.is_number());
        for (field, (_, column)) in numbers.zip(&self.fields.numbers) {
            if let Some(number) = values::number_of(document, field) {
                built.add_i64(*column, number);
            }
        }
        built.add_i64(self.fields.newest_event, document.state.newest_event.as_nanos());
        if let Some(active_until) = values::active_until(document) {
            built.add_i64(self.fields.active_until, active_until);
        }
        built.add_u64(self.fields.tie, tie);
    }
}

/// The tombstone as it is stored.
fn hashed_tombstone(document: &Document) -> Document {
    if document.state.is_id_hashed {
        return document.clone(); // it comes from another index
    }
    let hash =
        InteractionId::try_new(id_hash(document.id())).expect("a hash has fewer bytes than an id may have");
    let mut tombstone = Document::tombstone(hash);
    tombstone.state.is_id_hashed = true;
    tombstone
}

/// Writes a term for everybody and, where the text has terms of its own, that one at the same position.
fn push(
    encoded: &mut String,
    marker: u8,
    (common, own): (TermOwner, Option<TermOwner>),
    kind: TermKind,
    term: [&str; 2],
) {
    for (marker, owner) in std::iter::once((marker, common)).chain(own.map(|own| (SAME, own))) {
        encoded.push(char::from(marker));
        encoded.push(char::from(class(owner, kind)));
        encoded.push_str(term[0]);
        encoded.push_str(term[1]);
    }
}
