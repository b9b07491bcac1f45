//! From a [`Document`] to what tantivy indexes.
//!
//! The words of all roles, topic, summary and keywords are one text with positions. Roles follow each other, user
//! first, and four columns say where each one's words end, so that `user:refund` is a term and a range of positions
//! and needs no terms of its own. Topic, summary and keywords are short and have terms of their own beside the
//! common ones; system messages have only their own, because words without a scope do not search them.

use std::collections::HashMap;

use hearken_model::field::FIELDS;
use hearken_model::{Document, Role, Scalar};
use tantivy::fieldnorm::FieldNormReader;
use tantivy::{TantivyDocument, Term};

use super::encoding::{GAP, NEXT, SAME, push_length_prefixed};
use super::schema::{ERASED, Fields, LLM_PENDING, ValueCase, hash, metadata_key, term_name, value_term};
use crate::text::{English, MESSAGE_GAP, WordKind, Words, fold_case, has_forms};
use crate::values::{self, FieldRef};

/// Whose words a term of `text` stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Owner {
    /// Anything but system messages.
    Any,
    System,
    Topic,
    Summary,
    Keywords,
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
pub(super) fn class(owner: Owner, kind: TermKind) -> u8 {
    b'A' + 3 * owner as u8 + kind as u8
}

/// The roles in the order in which their words stand; the ends of the first four are columns.
const ROLES: [Role; 5] = [Role::User, Role::Assistant, Role::Human, Role::Tool, Role::System];

/// Builds documents; keeps what is worth keeping from one to the next.
pub(super) struct DocumentBuilder {
    fields: Fields,
    english: English,
    /// Word → its stem, empty when the word is its own. English repeats itself, and so do replaced documents.
    stems: HashMap<Box<str>, Box<str>>,
    head: Vec<u8>,
    rest: Vec<u8>,
    encoded: String,
    word: String,
    character: String,
}

/// About 8 MB.
const STEMS_MAX: usize = 1 << 16;

impl DocumentBuilder {
    pub(super) fn new(fields: Fields) -> Self {
        DocumentBuilder {
            fields,
            english: English::default(),
            stems: HashMap::new(),
            head: Vec::new(),
            rest: Vec::new(),
            encoded: String::new(),
            word: String::new(),
            character: String::new(),
        }
    }

    /// The term to replace and the document to put in its place.
    pub(super) fn build(&mut self, document: &Document) -> (Term, TantivyDocument) {
        self.head.clear();
        self.rest.clear();
        document
            .write_stored(&mut self.head, &mut self.rest)
            .expect("documents have only string keys and plain values, and memory takes every byte");
        let [head, rest] =
            [&self.head, &self.rest].map(|json| std::str::from_utf8(json).expect("JSON is UTF-8"));
        // Room for the stored document, its words, which take as much at the most, and its values: it is copied less.
        let mut built = TantivyDocument::with_capacity(2 * (head.len() + rest.len()) + 1024);
        built.add_text(self.fields.head, head);
        built.add_text(self.fields.rest, rest);
        if document.state.erased {
            let mut terms = String::new();
            push_length_prefixed(&mut terms, &value_term("id", ValueCase::Exact, document.id().as_str()));
            push_length_prefixed(&mut terms, ERASED);
            built.add_text(self.fields.terms, &terms);
        } else {
            self.add_text(&mut built, document);
            self.add_values(&mut built, document);
            self.add_numbers(&mut built, document);
        }
        (self.fields.id_term(document.id()), built)
    }

    fn add_text(&mut self, built: &mut TantivyDocument, document: &Document) {
        self.encoded.clear();
        let mut position = 0;
        let transcript = document.state.transcript();
        for (role, end_column) in ROLES.iter().zip(self.fields.role_ends.map(Some).into_iter().chain([None]))
        {
            if *role == Role::System {
                self.push_head(document, &mut position);
            }
            let owner = if *role == Role::System { Owner::System } else { Owner::Any };
            for (_, _, message) in transcript.iter().filter(|(_, _, message)| message.role == *role) {
                self.push_message(&message.message, owner, &mut position);
            }
            if let Some(column) = end_column {
                built.add_u64(column, position);
            }
        }
        let num_terms = self.encoded.bytes().filter(|byte| matches!(*byte, NEXT | SAME)).count();
        let length = FieldNormReader::fieldnorm_to_id(u32::try_from(num_terms).unwrap_or(u32::MAX));
        built.add_u64(self.fields.text_length, u64::from(length));
        built.add_text(self.fields.text, &self.encoded);
    }

    fn push_head(&mut self, document: &Document, position: &mut u64) {
        let topics = &document.derived.head.topics_summary;
        if let Some(topic) = &topics.topic {
            self.push_message(topic, Owner::Topic, position);
        }
        if let Some(summary) = &topics.summary {
            self.push_message(summary, Owner::Summary, position);
        }
        for keyword in &topics.keywords {
            self.push_message(keyword, Owner::Keywords, position);
        }
    }

    /// Writes the terms of one message (topic, summary, keyword) and the gap behind it.
    fn push_message(&mut self, text: &str, owner: Owner, position: &mut u64) {
        let own = matches!(owner, Owner::Topic | Owner::Summary | Owner::Keywords).then_some(owner);
        let common = if owner == Owner::System { Owner::System } else { Owner::Any };
        let mut words = Words::reusing(text, std::mem::take(&mut self.word));
        self.character.clear();
        let mut num_positions = 0;
        while let Some(word) = words.next_word() {
            let advances = words.num_positions() > num_positions;
            num_positions = words.num_positions();
            let folded = words.folded();
            push(
                &mut self.encoded,
                if advances { NEXT } else { SAME },
                (common, own),
                TermKind::Word,
                [folded, ""],
            );
            if word.kind == WordKind::Symbol {
                continue; // it separates nothing: the characters around it still make a pair
            }
            if word.kind == WordKind::Character {
                if !self.character.is_empty() {
                    push(&mut self.encoded, SAME, (common, own), TermKind::Pair, [&self.character, folded]);
                }
                self.character.clear();
                self.character.push_str(folded);
            } else {
                self.character.clear();
                if has_forms(folded) {
                    self.push_stem(common, own, folded);
                }
            }
        }
        self.word = words.into_buffer();
        self.encoded.push(char::from(GAP));
        *position += u64::from(num_positions) + u64::from(MESSAGE_GAP);
    }

    fn push_stem(&mut self, common: Owner, own: Option<Owner>, folded: &str) {
        if !self.stems.contains_key(folded) {
            if self.stems.len() >= STEMS_MAX {
                self.stems.clear();
            }
            let stem = self.english.stem(folded);
            let stem = if stem == folded { "" } else { &stem };
            self.stems.insert(folded.into(), stem.into());
        }
        match self.stems.get(folded) {
            Some(stem) if !stem.is_empty() => {
                push(&mut self.encoded, SAME, (common, own), TermKind::Stem, [stem, ""]);
            }
            _ => {}
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
            let text;
            let value = match value {
                Scalar::Text(value) => value,
                other => {
                    text = other.to_string();
                    &text
                }
            };
            add_terms(&term_name(FieldRef::Metadata(key)), value);
            built.add_text(self.fields.metadata, format!("{}\0{value}", metadata_key(key)));
        }
        if document.derived.llm_pending {
            push_length_prefixed(&mut terms, LLM_PENDING);
        }
        built.add_text(self.fields.terms, &terms);
    }

    fn add_numbers(&mut self, built: &mut TantivyDocument, document: &Document) {
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
        built.add_u64(self.fields.tie, hash(document.id().as_str()));
    }
}

/// Writes a term for everybody and, where the text has terms of its own, that one at the same position.
fn push(
    encoded: &mut String,
    marker: u8,
    (common, own): (Owner, Option<Owner>),
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
