//! One record as a source delivered it, before decoding.

use std::sync::Arc;

use hearken_model::Timestamp;

/// A record from an event source, with everything that a dead letter must carry unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawRecord {
    /// The topic; all records of a topic share its name.
    pub topic: Arc<str>,
    /// The partition.
    pub partition: i32,
    /// The record's own offset; the next one to read is one higher.
    pub offset: i64,
    /// The record's key.
    pub key: Option<Vec<u8>>,
    /// The record's value; `None` is a Kafka tombstone.
    pub value: Option<Vec<u8>>,
    /// The record's timestamp, as the producer or the broker set it.
    pub timestamp: Option<Timestamp>,
    /// Headers in order; names may repeat.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

impl RawRecord {
    /// The value of the first header with this name, ignoring case, if it is UTF-8.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(value.as_deref()?).ok()
    }

    /// Total size of key, value and headers in bytes.
    pub fn size_bytes(&self) -> usize {
        let length = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len);
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + length(value)).sum();
        length(&self.key) + length(&self.value) + headers
    }
}
