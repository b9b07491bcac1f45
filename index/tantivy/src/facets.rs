//! Exact facet counts: every segment counts the ordinals of its own dictionary, then values are added up by text.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::ops::Range;

use hearken_index::search::{FacetCount, SearchError};
use hearken_index::values::{self, FieldRef};
use hearken_model::Document;
use hearken_model::field::{FieldKind, METADATA_PREFIX};
use tantivy::columnar::{Cardinality, Column, StrColumn};
use tantivy::{COLLECT_BLOCK_BUFFER_LEN, DocId};

use super::columns::SegmentColumns;
use super::schema::{METADATA, metadata_key};

/// Most different values of one facet; beyond it the search is refused, never counted wrongly.
pub(super) const FACET_VALUES_MAX: usize = 1_000_000;

/// Counts one field.
pub(super) struct Facet {
    name: String,
    /// What a metadata value begins with in its column.
    prefix: Option<Vec<u8>>,
    /// For numbers, what they are.
    kind: Option<FieldKind>,
    texts: HashMap<Box<str>, u64>,
    numbers: HashMap<i64, u64>,
    num_missing: u64,
}

/// The counts of one segment.
pub(super) enum SegmentFacet {
    /// No document of the segment has a value.
    Absent {
        num_missing: u64,
    },
    Texts {
        column: StrColumn,
        ordinals: Range<u64>,
        /// One for each of `ordinals`.
        counts: Vec<u32>,
        num_missing: u64,
    },
    Numbers {
        column: Column<i64>,
        counts: HashMap<i64, u64>,
        num_missing: u64,
    },
}

impl Facet {
    pub(super) fn new(name: &str) -> Result<Self, SearchError> {
        let field = FieldRef::find(name)
            .ok_or_else(|| SearchError::Invalid(format!("there is no field `{name}`")))?;
        let (prefix, kind) = match field {
            FieldRef::Metadata(key) => {
                let mut prefix = metadata_key(key).into_owned().into_bytes();
                prefix.push(0);
                (Some(prefix), None)
            }
            FieldRef::Known(field) if !field.facet => {
                return Err(SearchError::Invalid(format!("`{name}` is not a facet")));
            }
            FieldRef::Known(field) if field.kind == FieldKind::Keyword => (None, None),
            FieldRef::Known(field) => (None, Some(field.kind)),
        };
        Ok(Facet {
            name: name.to_owned(),
            prefix,
            kind,
            texts: HashMap::new(),
            numbers: HashMap::new(),
            num_missing: 0,
        })
    }

    pub(super) fn open(&self, columns: &SegmentColumns) -> tantivy::Result<SegmentFacet> {
        if self.kind.is_some() {
            let column = columns.integers(&self.name)?;
            return Ok(SegmentFacet::Numbers { column, counts: HashMap::new(), num_missing: 0 });
        }
        let name = if self.prefix.is_some() { METADATA } else { &self.name };
        let Some(column) = columns.texts(name)? else {
            return Ok(SegmentFacet::Absent { num_missing: 0 });
        };
        let ordinals = match &self.prefix {
            None => 0..column.num_terms() as u64,
            Some(prefix) => ordinals_of(&column, prefix)?,
        };
        let counts = vec![0; (ordinals.end - ordinals.start) as usize];
        Ok(SegmentFacet::Texts { column, ordinals, counts, num_missing: 0 })
    }

    /// Adds up a segment.
    pub(super) fn merge(&mut self, segment: SegmentFacet) -> Result<(), SearchError> {
        match segment {
            SegmentFacet::Absent { num_missing } => self.num_missing += num_missing,
            SegmentFacet::Numbers { counts, num_missing, .. } => {
                self.num_missing += num_missing;
                for (number, count) in counts {
                    *self.numbers.entry(number).or_default() += count;
                }
            }
            SegmentFacet::Texts { column, ordinals, counts, num_missing } => {
                self.num_missing += num_missing;
                let counted: Vec<(u64, u32)> = ordinals.zip(counts).filter(|(_, count)| *count > 0).collect();
                let ordinals: Vec<u64> = counted.iter().map(|(ordinal, _)| *ordinal).collect();
                let skipped = self.prefix.as_ref().map_or(0, Vec::len);
                let mut counts = counted.iter().map(|(_, count)| u64::from(*count));
                let texts = &mut self.texts;
                column
                    .dictionary()
                    .sorted_ords_to_term_cb(&ordinals, |term| {
                        let text = String::from_utf8_lossy(&term[skipped..]);
                        let count = counts.next().unwrap_or(0);
                        match texts.get_mut(&*text) {
                            Some(sum) => *sum += count,
                            None => {
                                texts.insert(text.into(), count);
                            }
                        }
                    })
                    .map_err(|error| SearchError::Engine(Box::new(error)))?;
            }
        }
        Ok(())
    }

    /// Counts one document that is in no segment.
    pub(super) fn add(&mut self, document: &Document) {
        let Facet { name, prefix, kind, texts, numbers, num_missing } = self;
        let mut is_missing = true;
        let mut add = |text: &str| {
            is_missing = false;
            match texts.get_mut(text) {
                Some(count) => *count += 1,
                None => {
                    texts.insert(text.into(), 1);
                }
            }
        };
        if prefix.is_some() {
            let key = name.strip_prefix(METADATA_PREFIX).unwrap_or_default();
            if let Some(value) = document.derived.head.metadata.get(key) {
                add(&value.text());
            }
        } else if kind.is_none() {
            values::for_each_value(document, name, add);
        } else if let Some(number) = values::number(document, name) {
            is_missing = false;
            *numbers.entry(number).or_default() += 1;
        }
        *num_missing += u64::from(is_missing);
    }

    /// Refuses what would grow without bounds.
    pub(super) fn check(&self) -> Result<(), SearchError> {
        if self.texts.len() + self.numbers.len() > FACET_VALUES_MAX {
            return Err(SearchError::TooExpensive(format!(
                "`{}` has more than {FACET_VALUES_MAX} different values",
                self.name
            )));
        }
        Ok(())
    }

    /// The `size` most frequent values, then how many have none.
    pub(super) fn finish(self, size: usize) -> (String, Vec<FacetCount>) {
        let mut counts: Vec<FacetCount> = Vec::new();
        if let Some(kind) = self.kind {
            let mut numbers: Vec<(i64, u64)> = self.numbers.into_iter().collect();
            first(&mut numbers, size, |(number, count)| (Reverse(*count), *number));
            counts.extend(numbers.into_iter().map(|(number, count)| FacetCount {
                value: values::shown(kind, number),
                ends: None,
                count,
            }));
        } else {
            let mut texts: Vec<(Box<str>, u64)> = self.texts.into_iter().collect();
            first(&mut texts, size, |(text, count)| (Reverse(*count), text.clone()));
            counts.extend(texts.into_iter().map(|(text, count)| FacetCount {
                value: serde_json::Value::String(text.into()),
                ends: None,
                count,
            }));
        }
        if self.num_missing > 0 {
            counts.push(FacetCount { value: serde_json::Value::Null, ends: None, count: self.num_missing });
        }
        (self.name, counts)
    }
}

/// Sorts the first `size` by the key, and drops the others.
fn first<T, K: Ord>(items: &mut Vec<T>, size: usize, key: impl Fn(&T) -> K) {
    if items.len() > size && size > 0 {
        items.select_nth_unstable_by_key(size - 1, &key);
    }
    items.truncate(size);
    items.sort_by_key(key);
}

impl SegmentFacet {
    /// `docs` are at most [`COLLECT_BLOCK_BUFFER_LEN`].
    pub(super) fn collect(&mut self, docs: &[DocId]) {
        match self {
            SegmentFacet::Absent { num_missing } => *num_missing += docs.len() as u64,
            SegmentFacet::Numbers { column, counts, num_missing } => {
                let mut values = [None; COLLECT_BLOCK_BUFFER_LEN];
                column.first_vals(docs, &mut values[..docs.len()]);
                for value in &values[..docs.len()] {
                    match value {
                        Some(number) => *counts.entry(*number).or_default() += 1,
                        None => *num_missing += 1,
                    }
                }
            }
            SegmentFacet::Texts { column, ordinals, counts, num_missing } => {
                if column.ords().get_cardinality() == Cardinality::Multivalued {
                    for &doc in docs {
                        let mut is_missing = true;
                        for ordinal in column.term_ords(doc).filter(|ordinal| ordinals.contains(ordinal)) {
                            counts[(ordinal - ordinals.start) as usize] += 1;
                            is_missing = false;
                        }
                        *num_missing += u64::from(is_missing);
                    }
                    return;
                }
                let mut values = [None; COLLECT_BLOCK_BUFFER_LEN];
                column.ords().first_vals(docs, &mut values[..docs.len()]);
                for value in &values[..docs.len()] {
                    match value {
                        Some(ordinal) if ordinals.contains(ordinal) => {
                            counts[(ordinal - ordinals.start) as usize] += 1;
                        }
                        _ => *num_missing += 1,
                    }
                }
            }
        }
    }
}

/// The ordinals of the terms with that prefix, which ends in a zero byte.
fn ordinals_of(column: &StrColumn, prefix: &[u8]) -> tantivy::Result<Range<u64>> {
    let mut beyond = prefix.to_vec();
    if let Some(last) = beyond.last_mut() {
        *last = 1;
    }
    let first_from = |bound: &[u8]| -> std::io::Result<u64> {
        let mut terms = column.dictionary().range().ge(bound).limit(1).into_stream()?;
        Ok(if terms.advance() { terms.term_ord() } else { column.num_terms() as u64 })
    };
    Ok(first_from(prefix)?..first_from(&beyond)?)
}
