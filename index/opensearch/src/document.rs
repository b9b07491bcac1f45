//! From a document to what is sent to the cluster.

use hearken_index::decimal::Decimal;
use hearken_index::overview::distribution_bucket;
use hearken_index::text::fold_case;
use hearken_index::values::{self, FieldRef};
use hearken_model::field::{FIELDS, FieldKind};
use hearken_model::{Document, InteractionId};
use serde_json::{Map, Value, json};
use siphasher::sip::SipHasher13;

use super::mapping::{
    ACTIVE_UNTIL, BILLIONTHS_A_THOUSANDTH, ERASED, FOLDED, HEAD, HIDDEN, LLM_PENDING, METADATA,
    METADATA_KEYS, METADATA_NUMBERS, NEWEST_EVENT, REST, TIE, WRITTEN_AT, is_summable, metadata_key,
    named_term, term, term_name,
};
use super::words::{Cutter, for_each_text};

const NANOS_PER_MILLISECOND: i64 = 1_000_000;

/// The `_id` of an interaction's document: a hash, because the tombstone of an erased interaction must not give away its id,
/// and a late write must still run into it.
pub(crate) fn key(id: &InteractionId) -> String {
    blake3::hash(id.as_str().as_bytes()).to_hex().to_string()
}

/// The same for a document, which may itself know no more than the hash.
pub(crate) fn key_of(document: &Document) -> String {
    if document.state.is_id_hashed { document.id().as_str().to_owned() } else { key(document.id()) }
}

/// The document as it is sent.
pub(crate) fn source(document: &Document, written_at: i64, cutter: &Cutter) -> Value {
    let tombstone = document.state.erased.then(|| hashed_tombstone(document));
    let stored = tombstone.as_ref().unwrap_or(document);
    let (mut head, mut rest) = (Vec::new(), Vec::new());
    stored
        .write_stored(&mut head, &mut rest)
        .expect("documents have only string keys and plain values, and memory takes every byte");
    let text = |json: Vec<u8>| Value::String(String::from_utf8(json).expect("JSON is UTF-8"));
    let mut source = Map::new();
    source.insert(HEAD.to_owned(), text(head));
    source.insert(REST.to_owned(), text(rest));
    source.insert(WRITTEN_AT.to_owned(), written_at.into());
    // Stored as a signed number: only its order matters, and that the order never changes.
    let tie = SipHasher13::new().hash(stored.id().as_str().as_bytes());
    source.insert(TIE.to_owned(), tie.cast_signed().into());
    if document.state.is_hidden() {
        source.insert(HIDDEN.to_owned(), true.into());
        if tombstone.is_some() {
            source.insert(ERASED.to_owned(), true.into());
        }
        return Value::Object(source);
    }
    add_texts(document, cutter, &mut source);
    add_values(document, &mut source);
    add_numbers(document, &mut source);
    if document.derived.llm_pending {
        source.insert(LLM_PENDING.to_owned(), true.into());
    }
    Value::Object(source)
}

/// The tombstone as it is stored: with nothing but the hash.
fn hashed_tombstone(document: &Document) -> Document {
    let hash = InteractionId::try_new(key_of(document)).expect("a hash has fewer bytes than an id may have");
    let mut tombstone = Document::tombstone(hash);
    tombstone.state.is_id_hashed = true;
    tombstone.revision = document.revision;
    tombstone
}

fn add_texts(document: &Document, cutter: &Cutter, source: &mut Map<String, Value>) {
    let mut texts: Map<String, Value> = Map::new();
    let mut push = |field: &str, cut: String| match texts.get_mut(field) {
        Some(Value::Array(cuts)) => cuts.push(cut.into()),
        _ => {
            texts.insert(field.to_owned(), json!([cut]));
        }
    };
    for_each_text(document, |field, text| {
        let Some(cut) = cutter.cut(text) else { return };
        if !matches!(field, "system" | "details") {
            push("all", cut.clone());
        }
        push(field, cut);
    });
    source.insert("text".to_owned(), Value::Object(texts));
}

fn add_values(document: &Document, source: &mut Map<String, Value>) {
    let mut values: Map<String, Value> = Map::new();
    let mut folded_terms: Vec<Value> = Vec::new();
    let mut fold = |name: &str, value: &str| {
        let folded = fold_case(value);
        if folded != value {
            folded_terms.push(named_term(name, &folded).into());
        }
    };
    for field in FIELDS.iter().filter(|field| !field.is_number()) {
        let mut of_field = Vec::new();
        values::for_each_text(document, field, |value| {
            of_field.push(Value::from(term(value)));
            fold(field.name, value);
        });
        if !of_field.is_empty() {
            values.insert(field.name.to_owned(), Value::Array(of_field));
        }
    }
    let (mut metadata, mut keys, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
    for (key, value) in &document.derived.head.metadata {
        let value = value.text();
        fold(&term_name(FieldRef::Metadata(key)), &value);
        let key = metadata_key(key);
        metadata.push(Value::from(named_term(&key, &value)));
        if let Some(number) = Decimal::parse(&value) {
            numbers.push(Value::from(named_term(&key, &number.sort_key())));
        }
        keys.push(Value::from(key));
    }
    source.insert("value".to_owned(), Value::Object(values));
    for (name, terms) in
        [(METADATA, metadata), (METADATA_KEYS, keys), (METADATA_NUMBERS, numbers), (FOLDED, folded_terms)]
    {
        if !terms.is_empty() {
            source.insert(name.to_owned(), Value::Array(terms));
        }
    }
}

fn add_numbers(document: &Document, source: &mut Map<String, Value>) {
    let mut add = |group: &str, name: &str, number: i64| {
        let group = source.entry(group).or_insert_with(|| json!({}));
        group[name] = number.into();
    };
    for field in FIELDS.iter().filter(|field| field.is_number()) {
        let Some(number) = values::number_of(document, field) else { continue };
        add("value", field.name, number);
        if field.kind == FieldKind::Time {
            add("milliseconds", field.name, number.div_euclid(NANOS_PER_MILLISECOND));
        }
        if is_summable(field.kind) {
            add("bucket", field.name, i64::from(distribution_bucket(number)));
        }
        if field.kind == FieldKind::Money {
            add("thousandths", field.name, number.div_euclid(BILLIONTHS_A_THOUSANDTH));
            add("billionths", field.name, number.rem_euclid(BILLIONTHS_A_THOUSANDTH));
        }
    }
    source.insert(NEWEST_EVENT.to_owned(), document.state.newest_event.as_nanos().into());
    if let Some(active_until) = values::active_until(document) {
        source.insert(ACTIVE_UNTIL.to_owned(), active_until.into());
    }
}
