//! The messages of an interaction, and how much they hold.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize, Serializer};

use crate::state::value_bytes;
use crate::{MessageUpdate, Versioned};

/// Messages by id. They keep their size while they are joined: adding it up again at every event would take time proportional to the
/// length of the conversation.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(from = "BTreeMap<String, Versioned<MessageUpdate>>")]
pub struct Messages {
    by_id: BTreeMap<String, Versioned<MessageUpdate>>,
    /// Computed on demand: most readers of a stored document never need it.
    bytes: OnceLock<usize>,
}

impl Messages {
    /// Bytes of their ids, texts and tool data.
    pub fn bytes(&self) -> usize {
        let added_up =
            || self.by_id.iter().map(|(id, message)| id.len() + message_bytes(&message.value)).sum();
        let bytes = *self.bytes.get_or_init(added_up);
        debug_assert_eq!(bytes, added_up());
        bytes
    }

    /// Keeps of that message what has the larger version, and says whether that changed anything.
    pub(crate) fn join(&mut self, id: String, incoming: Versioned<MessageUpdate>) -> bool {
        let (id_bytes, added) = (id.len(), message_bytes(&incoming.value));
        let known = self.by_id.get_mut(&id);
        if known.as_ref().is_some_and(|known| !incoming.replaces(known)) {
            return false;
        }
        let removed = match known {
            Some(known) => id_bytes + message_bytes(&std::mem::replace(known, incoming).value),
            None => {
                self.by_id.insert(id, incoming);
                0
            }
        };
        if let Some(bytes) = self.bytes.get_mut() {
            *bytes = *bytes + id_bytes + added - removed;
        }
        true
    }

    /// Forgets a message.
    pub fn remove(&mut self, id: &str) {
        let removed = self.by_id.remove(id).map_or(0, |message| id.len() + message_bytes(&message.value));
        if let Some(bytes) = self.bytes.get_mut() {
            *bytes -= removed;
        }
    }
}

impl Deref for Messages {
    type Target = BTreeMap<String, Versioned<MessageUpdate>>;

    fn deref(&self) -> &Self::Target {
        &self.by_id
    }
}

impl IntoIterator for Messages {
    type Item = (String, Versioned<MessageUpdate>);
    type IntoIter = std::collections::btree_map::IntoIter<String, Versioned<MessageUpdate>>;

    fn into_iter(self) -> Self::IntoIter {
        self.by_id.into_iter()
    }
}

impl From<BTreeMap<String, Versioned<MessageUpdate>>> for Messages {
    fn from(by_id: BTreeMap<String, Versioned<MessageUpdate>>) -> Self {
        Messages { by_id, bytes: OnceLock::new() }
    }
}

impl PartialEq for Messages {
    fn eq(&self, other: &Self) -> bool {
        self.by_id == other.by_id
    }
}

impl Serialize for Messages {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.by_id.serialize(serializer)
    }
}

fn message_bytes(message: &MessageUpdate) -> usize {
    let json = |value: &Option<serde_json::Value>| value.as_ref().map_or(0, |value| value_bytes(value).len());
    let tool = message.tool.as_ref();
    message.message.len()
        + message.llm_model.as_ref().map_or(0, String::len)
        + tool.map_or(0, |tool| tool.name.len() + json(&tool.arguments) + json(&tool.result))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{MessageTime, Role, Timestamp};

    fn said(text: &str, millis: i64) -> Versioned<MessageUpdate> {
        let time = Timestamp::from_millis(millis);
        let value = MessageUpdate::new(MessageTime::At(time), Role::User, text);
        Versioned { value, time, recorded_at: time }
    }

    proptest! {
        #[test]
        fn the_size_that_is_kept_is_the_size(
            steps in prop::collection::vec(("[a-c]{1,2}", "[a-zä]{0,20}", 0i64..3, 0..5u8), 0..30)
        ) {
            let mut messages = Messages::default();
            for (id, text, millis, what) in steps {
                match what {
                    0 => messages.remove(&id),
                    _ => { messages.join(id, said(&text, millis)); }
                }
                // Told as it is kept, and as it is where nobody has kept it.
                let fresh = Messages::from((*messages).clone());
                prop_assert_eq!(messages.bytes(), fresh.bytes());
                prop_assert_eq!(&messages, &fresh);
            }
        }
    }
}
