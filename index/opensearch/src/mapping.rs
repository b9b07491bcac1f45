//! The fields of an OpenSearch document, and the settings of the index that holds them.
//!
//! The mapping is strict and has a fixed number of fields, whatever events bring: metadata are `key\0value` terms of one
//! field, so that any key can be filtered and counted. What is stored is only the document itself, as two JSON texts
//! ([`hearken_model::Document::write_stored`]); everything else is made of it for searching.

use std::borrow::Cow;

use hearken_index::text::MESSAGE_GAP;
use hearken_index::values::FieldRef;
use hearken_model::field::{FIELDS, FieldKind};
use serde_json::{Map, Value, json};

use super::options::OpenSearchOptions;
use super::words::BESIDE;

/// Stored: what a list shows.
pub(crate) const HEAD: &str = "head";
/// Stored: the rest.
pub(crate) const REST: &str = "rest";
/// `true` for what nobody may find: tombstones, and what is no interaction.
pub(crate) const HIDDEN: &str = "hidden";
/// `true` for tombstones.
pub(crate) const ERASED: &str = "erased";
pub(crate) const LLM_PENDING: &str = "llm_pending";
pub(crate) const NEWEST_EVENT: &str = "newest_event";
pub(crate) const ACTIVE_UNTIL: &str = "active_until";
/// When it was written, microseconds since 1970 by the writer's clock: what followers poll by.
pub(crate) const WRITTEN_AT: &str = "written_at";
/// The hash of the id that breaks ties of a sort.
pub(crate) const TIE: &str = "tie";
/// `key\0value`, counted and filtered by.
pub(crate) const METADATA: &str = "metadata";
/// The keys alone.
pub(crate) const METADATA_KEYS: &str = "metadata_keys";
/// `key\0number` for values that are numbers, in the order of the numbers.
pub(crate) const METADATA_NUMBERS: &str = "metadata_numbers";
/// `field\0value` for values that are not their own folded form.
pub(crate) const FOLDED: &str = "folded";

/// Values longer than this are indexed, and shown by facets, by their beginning and a hash of the whole: Lucene's terms
/// end at 32 KiB.
const VALUE_BYTES_MAX: usize = 16 * 1024;

/// Raised whenever the same document would be indexed as other terms.
const VERSION: u64 = 1;

/// The field that holds the values of that row of the table of fields.
pub(crate) fn value_field(name: &str) -> String {
    format!("value.{name}")
}

/// For a field of instants: whole milliseconds, by which intervals are counted.
pub(crate) fn milliseconds_field(name: &str) -> String {
    format!("milliseconds.{name}")
}

/// For a field of numbers: the bucket of a distribution that its value is in.
pub(crate) fn bucket_field(name: &str) -> String {
    format!("bucket.{name}")
}

/// For a field of money: thousandths, and the rest in billionths. Their sums are exact where that of the whole would not be,
/// because the cluster adds up floats.
pub(crate) fn money_fields(name: &str) -> [String; 2] {
    [format!("thousandths.{name}"), format!("billionths.{name}")]
}

/// How [`money_fields`] split an amount.
pub(crate) const BILLIONTHS_A_THOUSANDTH: i64 = 1_000_000;

/// Whether values of that kind can be summed up.
pub(crate) fn is_summable(kind: FieldKind) -> bool {
    matches!(kind, FieldKind::Integer | FieldKind::Seconds | FieldKind::Money)
}

/// A value as a term.
pub(crate) fn term(value: &str) -> Cow<'_, str> {
    if value.len() <= VALUE_BYTES_MAX {
        return Cow::Borrowed(value);
    }
    Cow::Owned(format!("{}… {}", beginning(value), blake3::hash(value.as_bytes()).to_hex()))
}

/// A beginning of the value that its term is sure to begin with, too.
pub(crate) fn beginning(value: &str) -> &str {
    let cut = (0..=VALUE_BYTES_MAX.min(value.len())).rev().find(|at| value.is_char_boundary(*at));
    &value[..cut.unwrap_or(0)]
}

/// The term of a value in a field that holds the values of several names.
pub(crate) fn named_term(name: &str, value: &str) -> String {
    format!("{name}\0{}", term(value))
}

/// The name of a field in such terms.
pub(crate) fn term_name(field: FieldRef<'_>) -> Cow<'_, str> {
    match field {
        FieldRef::Known(field) => Cow::Borrowed(field.name),
        FieldRef::Metadata(key) => Cow::Owned(format!("{METADATA}.{}", metadata_key(key))),
    }
}

/// A metadata key without the character that ends a name; different keys stay different.
pub(crate) fn metadata_key(key: &str) -> Cow<'_, str> {
    if !key.contains(['\0', '\u{1}']) {
        return Cow::Borrowed(key);
    }
    Cow::Owned(key.replace('\u{1}', "\u{1}b").replace('\0', "\u{1}a"))
}

/// The names of the text fields below `text`.
pub(crate) const TEXTS: [&str; 10] =
    ["all", "details", "user", "assistant", "human", "tool", "system", "topic", "summary", "keywords"];

/// The settings of a new index.
pub(crate) fn settings(options: &OpenSearchOptions) -> Value {
    json!({
        "number_of_shards": options.shards,
        "number_of_replicas": options.replicas,
        "refresh_interval": format!("{}ms", options.refresh_interval.as_millis()),
        // A removed interaction may come back at once, with its first revision.
        "gc_deletes": "0ms",
        // What was erased leaves the files, however small its share of a segment.
        "merge.policy.expunge_deletes_allowed": 0,
        "analysis": {
            "tokenizer": {"hearken": {"type": "whitespace", "max_token_length": 1 << 16}},
            "filter": {"hearken": {
                "type": "pattern_capture", "preserve_original": false, "patterns": [format!("([^{BESIDE}]+)")],
            }},
            "analyzer": {"hearken": {"type": "custom", "tokenizer": "hearken", "filter": ["hearken"]}},
        },
    })
}

/// The fields of its documents.
pub(crate) fn mapping() -> Value {
    let keyword = || json!({"type": "keyword"});
    let term_only = || json!({"type": "keyword", "doc_values": false});
    let number = || json!({"type": "long"});
    let column_only = |kind: &str| json!({"type": kind, "index": false});
    let stored = || json!({"type": "object", "enabled": false});
    let text = || json!({"type": "text", "analyzer": "hearken", "position_increment_gap": MESSAGE_GAP});

    let (mut values, mut milliseconds, mut buckets) = (Map::new(), Map::new(), Map::new());
    let (mut thousandths, mut billionths) = (Map::new(), Map::new());
    for field in FIELDS {
        let name = || field.name.to_owned();
        values.insert(name(), if field.is_number() { number() } else { keyword() });
        if field.kind == FieldKind::Time {
            milliseconds.insert(name(), column_only("long"));
        }
        if is_summable(field.kind) {
            buckets.insert(name(), column_only("integer"));
        }
        if field.kind == FieldKind::Money {
            thousandths.insert(name(), column_only("long"));
            billionths.insert(name(), column_only("integer"));
        }
    }
    let texts: Map<String, Value> = TEXTS.iter().map(|name| ((*name).to_owned(), text())).collect();
    json!({
        "dynamic": "strict",
        "_meta": {"hearken": VERSION},
        "_source": {"includes": [HEAD, REST]},
        "properties": {
            HEAD: stored(),
            REST: stored(),
            HIDDEN: {"type": "boolean"},
            ERASED: {"type": "boolean"},
            LLM_PENDING: {"type": "boolean"},
            NEWEST_EVENT: number(),
            ACTIVE_UNTIL: number(),
            WRITTEN_AT: number(),
            TIE: column_only("long"),
            "text": {"properties": texts},
            "value": {"properties": values},
            "milliseconds": {"properties": milliseconds},
            "bucket": {"properties": buckets},
            "thousandths": {"properties": thousandths},
            "billionths": {"properties": billionths},
            METADATA: keyword(),
            METADATA_KEYS: term_only(),
            METADATA_NUMBERS: term_only(),
            FOLDED: term_only(),
        },
    })
}

/// The differences between the mapping found and the one wanted, each as a clause of a sentence.
pub(crate) fn differences(wanted: &Value, found: &Value) -> Vec<String> {
    let mut differences = Vec::new();
    for part in ["_meta", "properties"] {
        compare(part, &wanted[part], &found[part], &mut differences);
    }
    if found["dynamic"] != wanted["dynamic"] {
        differences.push("`dynamic` is not `strict`".to_owned());
    }
    differences
}

fn compare(path: &str, wanted: &Value, found: &Value, differences: &mut Vec<String>) {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => {
            for (key, value) in wanted {
                match found.get(key) {
                    Some(other) => compare(&format!("{path}.{key}"), value, other, differences),
                    None => differences.push(format!("`{path}.{key}` is missing")),
                }
            }
            for key in found.keys().filter(|key| !wanted.contains_key(*key)) {
                differences.push(format!("`{path}.{key}` is unknown"));
            }
        }
        _ if wanted == found => {}
        _ => differences.push(format!("`{path}` is {found}, not {wanted}")),
    }
}
