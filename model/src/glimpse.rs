//! A stored document read for a page of results: its public view and, only where words are to be marked in it, what was
//! said, borrowed from the stored text. Reading a [`crate::Document`] whole costs several times as much.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;

use crate::time::nanos;
use crate::{Interaction, Message, MessageTime, Role, Timestamp, Versioned};

/// A stored document of which only the public view without its transcript was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Glimpse {
    /// The public view without its transcript.
    pub head: Interaction,
    stored: String,
}

/// What was said in one message, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said<'t> {
    /// The message.
    pub id: Cow<'t, str>,
    /// Who said it.
    pub role: Role,
    /// Milliseconds from the interaction's start.
    pub offset_ms: i64,
    /// What was said.
    pub message: Cow<'t, str>,
}

impl<'m> From<&'m Message> for Said<'m> {
    fn from(message: &'m Message) -> Said<'m> {
        Said {
            id: Cow::Borrowed(&message.id),
            role: message.role,
            offset_ms: message.timestamp,
            message: Cow::Borrowed(&message.message),
        }
    }
}

impl Glimpse {
    /// Reads the JSON of a [`crate::Document`].
    ///
    /// # Errors
    /// It is none.
    pub fn of_stored(stored: String) -> serde_json::Result<Glimpse> {
        #[derive(Deserialize)]
        struct Stored {
            derived: Derived,
        }
        #[derive(Deserialize)]
        struct Derived {
            head: Interaction,
        }
        let Stored { derived: Derived { head } } = serde_json::from_str(&stored)?;
        Ok(Glimpse { head, stored })
    }

    /// What was said, in the order of [`crate::Document::transcript`].
    ///
    /// # Errors
    /// What is stored is no document.
    pub fn said(&self) -> serde_json::Result<Vec<Said<'_>>> {
        let Stored { state } = serde_json::from_str(&self.stored)?;
        let given = state.start_time.map(|start| start.value);
        let start = given.or_else(|| state.messages.values().map(Versioned::<Part<'_>>::begins).min());
        let mut said: Vec<_> = state
            .messages
            .into_iter()
            .map(|(Text(id), Versioned { value: Part { position, time, role, message }, .. })| {
                let (at, offset_ms) = match time {
                    MessageTime::At(at) => (at, start.map_or(0, |start| at.millis_since(start))),
                    MessageTime::OffsetMs(offset_ms) => {
                        (start.unwrap_or(state.newest_event).plus_millis(offset_ms), offset_ms)
                    }
                };
                ((at, position), Said { id, role, offset_ms, message })
            })
            .collect();
        // They come by id; a stable sort keeps that where instant and position are equal.
        said.sort_by_key(|(place, _)| *place);
        Ok(said.into_iter().map(|(_, said)| said).collect())
    }
}

/// The parts of [`crate::Document`] that matter here, under its names.
#[derive(Deserialize)]
struct Stored<'t> {
    #[serde(borrow)]
    state: State<'t>,
}

#[derive(Deserialize)]
struct State<'t> {
    #[serde(with = "nanos")]
    newest_event: Timestamp,
    #[serde(default)]
    start_time: Option<Versioned<Timestamp>>,
    #[serde(borrow, default)]
    messages: BTreeMap<Text<'t>, Versioned<Part<'t>>>,
}

#[derive(Deserialize)]
struct Part<'t> {
    #[serde(default)]
    position: u32,
    time: MessageTime,
    role: Role,
    #[serde(borrow)]
    message: Cow<'t, str>,
}

impl Versioned<Part<'_>> {
    /// When the interaction began, as far as this message knows.
    fn begins(&self) -> Timestamp {
        match self.value.time {
            MessageTime::At(at) => at,
            MessageTime::OffsetMs(offset_ms) => self.time.plus_millis(offset_ms.saturating_neg()),
        }
    }
}

/// A text that is borrowed where it can be, also as a key.
#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
struct Text<'t>(#[serde(borrow)] Cow<'t, str>);
