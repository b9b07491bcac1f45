//! The columns of the segments, each opened once.
//!
//! To open a column is to find its name among the segment's columns and to read its header: a few microseconds, which
//! a search would pay in every segment for everything that it sorts, ranks and counts by.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tantivy::columnar::{Column, StrColumn};
use tantivy::fastfield::FastFieldReaders;
use tantivy::index::SegmentId;
use tantivy::{DocId, Searcher, SegmentReader};

/// The opened columns of all segments. Those of a segment never change, whatever is deleted.
#[derive(Default)]
pub(super) struct ColumnCache {
    segments: Mutex<HashMap<SegmentId, Arc<SegmentColumns>>>,
}

impl ColumnCache {
    /// The columns of one segment.
    pub(super) fn of(&self, reader: &SegmentReader) -> Arc<SegmentColumns> {
        let mut segments = self.segments.lock();
        let columns = segments.entry(reader.segment_id()).or_insert_with(|| {
            Arc::new(SegmentColumns {
                fast_fields: reader.fast_fields().clone(),
                max_doc: reader.max_doc(),
                integers: Mutex::default(),
                unsigned: Mutex::default(),
                texts: Mutex::default(),
            })
        });
        Arc::clone(columns)
    }

    /// Forgets the segments that are no longer searched, and with them the last handles of their files.
    pub(super) fn retain(&self, searcher: &Searcher) {
        let mut segments = self.segments.lock();
        if !segments.is_empty() {
            let searched = searcher.segment_readers();
            segments.retain(|id, _| searched.iter().any(|reader| reader.segment_id() == *id));
        }
    }
}

/// The columns of one segment.
pub(super) struct SegmentColumns {
    fast_fields: FastFieldReaders,
    max_doc: DocId,
    integers: Opened<Column<i64>>,
    unsigned: Opened<Column<u64>>,
    texts: Opened<Option<StrColumn>>,
}

/// By name.
type Opened<T> = Mutex<HashMap<Box<str>, T>>;

impl SegmentColumns {
    /// A column of integers, empty where the segment has no value.
    pub(super) fn integers(&self, name: &str) -> tantivy::Result<Column<i64>> {
        opened(&self.integers, name, || {
            let column = self.fast_fields.column_opt::<i64>(name)?;
            Ok(column.unwrap_or_else(|| Column::build_empty_column(self.max_doc)))
        })
    }

    /// A column of integers that are not negative, empty where the segment has no value.
    pub(super) fn unsigned(&self, name: &str) -> tantivy::Result<Column<u64>> {
        opened(&self.unsigned, name, || {
            let column = self.fast_fields.column_opt::<u64>(name)?;
            Ok(column.unwrap_or_else(|| Column::build_empty_column(self.max_doc)))
        })
    }

    /// A column of texts; `None` where the segment has no value.
    pub(super) fn texts(&self, name: &str) -> tantivy::Result<Option<StrColumn>> {
        opened(&self.texts, name, || self.fast_fields.str(name))
    }
}

fn opened<T: Clone>(
    columns: &Opened<T>,
    name: &str,
    open: impl FnOnce() -> tantivy::Result<T>,
) -> tantivy::Result<T> {
    let mut columns = columns.lock();
    if let Some(column) = columns.get(name) {
        return Ok(column.clone());
    }
    let column = open()?;
    columns.insert(name.into(), column.clone());
    Ok(column)
}
