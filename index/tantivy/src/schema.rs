//! The fields of a tantivy document, and how values become terms.
//!
//! Commits happen every few milliseconds and each indexed field costs a term dictionary in every segment, so there
//! are two: `text` for words, `terms` for whole values. Everything that is counted, sorted or compared as a number
//! is a column. The document itself is stored as two JSON texts, see [`hearken_model::stored`].

use std::borrow::Cow;

use hearken_index::values::FieldRef;
use hearken_model::InteractionId;
use hearken_model::field::FIELDS;
use siphasher::sip::SipHasher13;
use tantivy::Term;
use tantivy::schema::{FAST, Field, IndexRecordOption, STORED, Schema, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::TokenizerManager;

use super::encoding::{Encoded, LengthPrefixed};

/// Columns in addition to those of the field table.
pub(super) const NEWEST_EVENT: &str = "newest_event";
pub(super) const ACTIVE_UNTIL: &str = "active_until";
pub(super) const TIE: &str = "tie";
pub(super) const METADATA: &str = "metadata";
/// How many terms the text has but those of details, as the class of lengths that ranking knows ([`FieldNormReader::fieldnorm_to_id`]).
///
/// A column and not tantivy's own field norms: with those, tantivy computes the best score of every term of every
/// segment that it writes or merges (256 numbers each) to skip documents that cannot be among the best. With exact
/// totals none can be skipped.
///
/// [`FieldNormReader::fieldnorm_to_id`]: tantivy::fieldnorm::FieldNormReader::fieldnorm_to_id
pub(super) const TEXT_LENGTH: &str = "text_length";

/// The field of words. The number counts how documents have been cut into them: with it, an index whose words are those of
/// another version is one with other fields, and asks for a rebuild.
const TEXT: &str = "text-2";

/// Values longer than this are indexed by their beginning and a hash of the whole.
const TERM_BYTES_MAX: usize = 1024;

/// The fields by name.
#[derive(Debug, Clone)]
pub(super) struct Fields {
    pub(super) text: Field,
    pub(super) terms: Field,
    pub(super) head: Field,
    pub(super) rest: Field,
    /// The columns of keyword fields that are facets, in the order of the table: (name, column).
    pub(super) keywords: Vec<(&'static str, Field)>,
    /// The columns of all other fields, in the order of the table.
    pub(super) numbers: Vec<(&'static str, Field)>,
    pub(super) metadata: Field,
    pub(super) newest_event: Field,
    pub(super) active_until: Field,
    pub(super) tie: Field,
    pub(super) text_length: Field,
    /// Where in the positions of `text` the words of each role end, see [`super::document`].
    pub(super) role_ends: [Field; ROLE_ENDS.len()],
}

/// The columns of [`Fields::role_ends`], in the order in which the roles' words stand in `text`.
pub(super) const ROLE_ENDS: [&str; 4] = ["user_end", "assistant_end", "human_end", "tool_end"];

/// The schema, its fields and its tokenizers.
pub(super) fn schema() -> (Schema, Fields, TokenizerManager) {
    let mut builder = Schema::builder();
    let words = TextFieldIndexing::default()
        .set_tokenizer("encoded")
        .set_index_option(IndexRecordOption::WithFreqsAndPositions)
        .set_fieldnorms(false);
    let values = TextFieldIndexing::default()
        .set_tokenizer("length_prefixed")
        .set_index_option(IndexRecordOption::Basic)
        .set_fieldnorms(false);
    let text = builder.add_text_field(TEXT, TextOptions::default().set_indexing_options(words));
    let terms = builder.add_text_field("terms", TextOptions::default().set_indexing_options(values));
    // Text, not bytes: tantivy reads stored bytes back one at a time.
    let head = builder.add_text_field("head", STORED);
    let rest = builder.add_text_field("rest", STORED);
    let mut keywords = Vec::new();
    let mut numbers = Vec::new();
    for field in FIELDS {
        if field.is_number() {
            numbers.push((field.name, builder.add_i64_field(field.name, FAST)));
        } else if field.facet {
            keywords.push((field.name, builder.add_text_field(field.name, FAST)));
        }
    }
    let metadata = builder.add_text_field(METADATA, FAST);
    let newest_event = builder.add_i64_field(NEWEST_EVENT, FAST);
    let active_until = builder.add_i64_field(ACTIVE_UNTIL, FAST);
    let tie = builder.add_u64_field(TIE, FAST);
    let text_length = builder.add_u64_field(TEXT_LENGTH, FAST);
    let role_ends = ROLE_ENDS.map(|name| builder.add_u64_field(name, FAST));
    let tokenizers = TokenizerManager::default();
    tokenizers.register("encoded", Encoded::default());
    tokenizers.register("length_prefixed", LengthPrefixed::default());
    let fields = Fields {
        text,
        terms,
        head,
        rest,
        keywords,
        numbers,
        metadata,
        newest_event,
        active_until,
        tie,
        text_length,
        role_ends,
    };
    (builder.build(), fields, tokenizers)
}

/// Term of the documents that nobody may find: tombstones, and what is not an interaction.
pub(super) const HIDDEN: &str = "erased\0"; // when there were only tombstones; indexes have it
/// Term of the tombstones alone.
pub(super) const TOMBSTONE: &str = "tombstone\0";
/// Term of the documents that a language model has still to be asked about.
pub(super) const LLM_PENDING: &str = "llm_pending\0";

/// The two classes of terms that a whole value has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ValueCase {
    /// As it is.
    Exact,
    /// Folded, only where that differs.
    Folded,
}

/// The term of a whole value; `name` comes from [`term_name`].
pub(super) fn value_term(name: &str, case: ValueCase, value: &str) -> String {
    let mut term = value_term_prefix(name, case);
    if value.len() <= TERM_BYTES_MAX {
        term.push_str(value);
    } else {
        term.push_str(beginning(value));
        term.push('\u{1}');
        term.push_str(&format!("{:016x}", hash(value)));
    }
    term
}

/// What every value term of that field begins with.
pub(super) fn value_term_prefix(name: &str, case: ValueCase) -> String {
    let separator = match case {
        ValueCase::Exact => '\0',
        ValueCase::Folded => '\u{1}',
    };
    let mut term = String::with_capacity(name.len() + 32);
    term.push_str(name);
    term.push(separator);
    term
}

/// The part of a value that is certain to be the beginning of its term.
pub(super) fn beginning(value: &str) -> &str {
    let cut = (0..=TERM_BYTES_MAX.min(value.len())).rev().find(|at| value.is_char_boundary(*at));
    &value[..cut.unwrap_or(0)]
}

/// The name of a field in terms, free of the characters that end it there.
pub(super) fn term_name(field: FieldRef<'_>) -> Cow<'static, str> {
    match field {
        FieldRef::Known(field) => Cow::Borrowed(field.name),
        FieldRef::Metadata(key) => Cow::Owned(format!("{METADATA}.{}", metadata_key(key))),
    }
}

/// A metadata key without the characters that end a name, no two keys alike.
pub(super) fn metadata_key(key: &str) -> Cow<'_, str> {
    if !key.contains(['\0', '\u{1}', '\u{2}']) {
        return Cow::Borrowed(key);
    }
    Cow::Owned(key.replace('\u{2}', "\u{2}c").replace('\0', "\u{2}a").replace('\u{1}', "\u{2}b"))
}

impl Fields {
    /// The term that names one interaction's document.
    pub(super) fn id_term(&self, id: &InteractionId) -> Term {
        Term::from_field_text(self.terms, &value_term("id", ValueCase::Exact, id.as_str()))
    }

    /// The term that names the tombstone of what had an id with that hash.
    pub(super) fn tombstone_term(&self, id_hash: &str) -> Term {
        Term::from_field_text(self.terms, &tombstone_value(id_hash))
    }
}

/// See [`Fields::tombstone_term`].
pub(super) fn tombstone_value(id_hash: &str) -> String {
    value_term("erased_id", ValueCase::Exact, id_hash)
}

/// What a tombstone keeps of an id, which may itself tell of somebody. Stored, and nobody may make up two ids that share
/// one: what was erased absorbs everything.
pub(super) fn id_hash(id: &InteractionId) -> String {
    blake3::hash(id.as_str().as_bytes()).to_hex().to_string()
}

/// The tie-breaker of equal sort keys. Only its stability while a result is paged through matters.
pub(super) fn hash(text: &str) -> u64 {
    // Stored, so it must stay the same with every toolchain. SipHash: texts that share a hash cannot be made up in numbers
    // that would hurt.
    SipHasher13::new().hash(text.as_bytes())
}
