//! How far the source has been read: the payload of every commit of the index.
//!
//! A checkpoint and the documents it belongs to become visible together and durable together, so whatever a crash
//! leaves behind says where reading must resume.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The position of every partition of every source topic.
///
/// A partition that is missing has never been read. Ordered maps, so that equal checkpoints are equal bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Source topic → partition → position.
    pub topics: BTreeMap<String, BTreeMap<i32, PartitionPosition>>,
    /// Source topic → partition → the record by which the topic is known again.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub anchors: BTreeMap<String, BTreeMap<i32, Anchor>>,
}

/// Where reading of one partition resumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionPosition {
    /// The first offset that is *not* yet in the index (exclusive end), as Kafka's committed offsets count.
    pub next_offset: i64,
    /// What the record before `next_offset` looked like; `None` where it is not known, for instance after a reset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
}

/// A record that was read and must still be where it was, as long as the broker keeps it: otherwise the topic is another
/// one of the same name. Unlike the record before the position, it was seen in its place again after later ones were
/// read, so it cannot be of the newcomer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// The record's offset.
    pub offset: i64,
    /// What it looked like.
    #[serde(flatten)]
    pub fingerprint: Fingerprint,
}

/// Distinguishes a recreated topic from the one that was read: the offset alone cannot, once the new topic has outgrown it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// The record's timestamp, milliseconds since 1970 UTC.
    pub timestamp_ms: i64,
    /// A hash of the record's key.
    pub key_hash: u64,
}

impl Checkpoint {
    /// Where reading of that partition resumes; `None` if it has never been read.
    pub fn position(&self, topic: &str, partition: i32) -> Option<PartitionPosition> {
        self.topics.get(topic)?.get(&partition).copied()
    }

    /// Sets the position of one partition.
    pub fn set(&mut self, topic: &str, partition: i32, position: PartitionPosition) {
        match self.topics.get_mut(topic) {
            Some(partitions) => {
                partitions.insert(partition, position);
            }
            None => {
                self.topics.insert(topic.to_owned(), BTreeMap::from([(partition, position)]));
            }
        }
    }

    /// The record by which that partition's topic is known again.
    pub fn anchor(&self, topic: &str, partition: i32) -> Option<Anchor> {
        self.anchors.get(topic)?.get(&partition).copied()
    }

    /// Sets the record by which one partition's topic is known again.
    pub fn set_anchor(&mut self, topic: &str, partition: i32, anchor: Anchor) {
        self.anchors.entry(topic.to_owned()).or_default().insert(partition, anchor);
    }

    /// Forgets one partition: it is read from its beginning again, whatever topic it belongs to now.
    pub fn remove(&mut self, topic: &str, partition: i32) {
        if let Some(partitions) = self.topics.get_mut(topic) {
            partitions.remove(&partition);
        }
        if let Some(partitions) = self.anchors.get_mut(topic) {
            partitions.remove(&partition);
        }
    }

    /// As the commit payload carries it.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self)
            .expect("string and integer keys, plain values: nothing that JSON cannot hold")
    }

    /// Reads a commit payload.
    ///
    /// # Errors
    /// When the text is not a checkpoint, which a checksummed commit of ours never is.
    pub fn from_json(payload: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(payload)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_checkpoint_survives_its_json() {
        let mut checkpoint = Checkpoint::default();
        let fingerprint = Some(Fingerprint { timestamp_ms: 1_767_225_600_000, key_hash: u64::MAX });
        checkpoint.set("interactions", 0, PartitionPosition { next_offset: 42, fingerprint });
        checkpoint.set("interactions", 1, PartitionPosition { next_offset: 0, fingerprint: None });
        checkpoint.set("other", 7, PartitionPosition { next_offset: i64::MAX, fingerprint: None });
        let anchor = Anchor { offset: 7, fingerprint: Fingerprint { timestamp_ms: -1, key_hash: 0 } };
        checkpoint.set_anchor("interactions", 0, anchor);
        let read = Checkpoint::from_json(&checkpoint.to_json()).unwrap();
        assert_eq!(read, checkpoint);
        assert_eq!(read.position("interactions", 0).unwrap().next_offset, 42);
        assert_eq!(read.position("interactions", 2), None);
        assert_eq!((read.anchor("interactions", 0), read.anchor("interactions", 1)), (Some(anchor), None));
    }

    #[test]
    fn a_checkpoint_without_anchors_is_read() {
        let read = Checkpoint::from_json(r#"{"topics":{"interactions":{"3":{"next_offset":9}}}}"#).unwrap();
        assert_eq!(read.position("interactions", 3).unwrap().next_offset, 9);
        assert_eq!(read.anchor("interactions", 3), None);
    }

    #[test]
    fn a_partition_that_is_forgotten_leaves_nothing() {
        let mut checkpoint = Checkpoint::default();
        checkpoint.set("interactions", 0, PartitionPosition { next_offset: 42, fingerprint: None });
        let anchor = Anchor { offset: 7, fingerprint: Fingerprint { timestamp_ms: -1, key_hash: 0 } };
        checkpoint.set_anchor("interactions", 0, anchor);
        checkpoint.remove("interactions", 0);
        assert_eq!(
            (checkpoint.position("interactions", 0), checkpoint.anchor("interactions", 0)),
            (None, None)
        );
    }
}
