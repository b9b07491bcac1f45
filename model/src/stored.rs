//! How a document is stored: as two JSON texts, what a list shows of it and everything else, so that a page of results
//! reads only what it shows and, only where words are to be marked in it, what was said, borrowed from the stored text.
//! Reading a [`Document`] whole costs several times as much.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::document::{DerivedMessage, is_zero};
use crate::time::nanos;
use crate::{
    Derived, Details, Document, Interaction, Message, MessageTime, Role, State, Timestamp, Versioned,
};

impl Document {
    /// Writes the two texts: [`Derived::head`], and the rest.
    ///
    /// # Errors
    /// Those of the writers; documents themselves have only string keys and plain values.
    pub fn write_stored(
        &self,
        head: impl std::io::Write,
        rest: impl std::io::Write,
    ) -> serde_json::Result<()> {
        #[derive(Serialize)]
        struct Rest<'d> {
            state: &'d State,
            messages: &'d [DerivedMessage],
            #[serde(skip_serializing_if = "std::ops::Not::not")]
            llm_pending: bool,
            #[serde(skip_serializing_if = "is_zero")]
            revision: u64,
        }
        let Derived { head: shown, messages, llm_pending } = &self.derived;
        let (state, llm_pending, revision) = (&self.state, *llm_pending, self.revision);
        serde_json::to_writer(head, shown)?;
        serde_json::to_writer(rest, &Rest { state, messages, llm_pending, revision })
    }

    /// Reads what [`Document::write_stored`] wrote.
    ///
    /// # Errors
    /// It was written by something else.
    pub fn read_stored(head: &str, rest: &str) -> serde_json::Result<Document> {
        #[derive(Deserialize)]
        struct Rest {
            state: State,
            messages: Vec<DerivedMessage>,
            #[serde(default)]
            llm_pending: bool,
            #[serde(default)]
            revision: u64,
        }
        let head = serde_json::from_str(head)?;
        let Rest { state, messages, llm_pending, revision } = serde_json::from_str(rest)?;
        Ok(Document { state, derived: Derived { head, messages, llm_pending }, revision })
    }
}

/// A document that is read only as far as needed: stored as JSON, or still in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct LazyDocument(Content);

#[derive(Debug, Clone, PartialEq)]
enum Content {
    Stored { head: String, rest: String },
    InMemory(Arc<Document>),
}

/// What was said in one message, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageText<'t> {
    /// The message.
    pub id: Cow<'t, str>,
    /// Who said it.
    pub role: Role,
    /// Milliseconds from the interaction's start.
    pub offset_ms: i64,
    /// What was said.
    pub message: Cow<'t, str>,
}

impl<'m> From<&'m Message> for MessageText<'m> {
    fn from(message: &'m Message) -> MessageText<'m> {
        MessageText {
            id: Cow::Borrowed(&message.id),
            role: message.role,
            offset_ms: message.timestamp,
            message: Cow::Borrowed(&message.message),
        }
    }
}

impl LazyDocument {
    /// Of what [`Document::write_stored`] wrote.
    pub fn stored(head: String, rest: String) -> LazyDocument {
        LazyDocument(Content::Stored { head, rest })
    }

    /// Of a document that is not stored yet.
    pub fn in_memory(document: Arc<Document>) -> LazyDocument {
        LazyDocument(Content::InMemory(document))
    }

    /// The public view without its transcript, as the JSON object that the API shows.
    pub fn into_head_json(self) -> String {
        match self.0 {
            Content::Stored { head, .. } => head,
            Content::InMemory(document) => serde_json::to_string(&document.derived.head)
                .expect("documents have only string keys and plain values"),
        }
    }

    /// The public view without its transcript.
    ///
    /// # Errors
    /// What is stored is not a document.
    pub fn head(&self) -> serde_json::Result<Interaction> {
        match &self.0 {
            Content::Stored { head, .. } => serde_json::from_str(head),
            Content::InMemory(document) => Ok(document.derived.head.clone()),
        }
    }

    /// The interaction's id.
    ///
    /// # Errors
    /// What is stored is not a document.
    pub fn id(&self) -> serde_json::Result<String> {
        #[derive(Deserialize)]
        struct Named {
            id: String,
        }
        match &self.0 {
            Content::Stored { head, .. } => serde_json::from_str(head).map(|named: Named| named.id),
            Content::InMemory(document) => Ok(document.id().as_str().to_owned()),
        }
    }

    /// What people paste to find it, other than what was said.
    ///
    /// # Errors
    /// What is stored is not a document.
    pub fn details(&self) -> serde_json::Result<Details> {
        match &self.0 {
            Content::Stored { head, .. } => serde_json::from_str(head),
            Content::InMemory(document) => Ok(Details::from(&document.derived.head)),
        }
    }

    /// What was said, in the order of [`Document::transcript`].
    ///
    /// # Errors
    /// What is stored is not a document.
    pub fn message_texts(&self) -> serde_json::Result<Vec<MessageText<'_>>> {
        let rest = match &self.0 {
            Content::Stored { rest, .. } => rest,
            Content::InMemory(document) => return Ok(texts_in(document)),
        };
        let SpokenRest { state } = serde_json::from_str(rest)?;
        let given = state.start_time.map(|start| start.value);
        let start = given.or_else(|| state.messages.values().map(Versioned::<Part<'_>>::begins).min());
        let mut said: Vec<_> = state
            .messages
            .into_iter()
            .map(|(Text(id), Versioned { value: Part { position, time, role, message }, .. })| {
                let at = time.instant(start.unwrap_or(state.newest_event));
                ((at, position), MessageText { id, role, offset_ms: time.offset_ms(start), message })
            })
            .collect();
        // They come by id; a stable sort keeps that where instant and position are equal.
        said.sort_by_key(|(place, _)| *place);
        Ok(said.into_iter().map(|(_, said)| said).collect())
    }
}

fn texts_in(document: &Document) -> Vec<MessageText<'_>> {
    let start = document.state.start_time();
    let transcript = document.state.transcript().into_iter();
    transcript
        .map(|(_, id, message)| MessageText {
            id: Cow::Borrowed(id),
            role: message.role,
            offset_ms: message.time.offset_ms(start),
            message: Cow::Borrowed(&message.message),
        })
        .collect()
}

/// The parts of the rest that matter here, under their names.
#[derive(Deserialize)]
struct SpokenRest<'t> {
    #[serde(borrow)]
    state: SpokenState<'t>,
}

#[derive(Deserialize)]
struct SpokenState<'t> {
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
        self.value.time.implied_start(self.time)
    }
}

/// A text that is borrowed where it can be, also as a key.
#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
struct Text<'t>(#[serde(borrow)] Cow<'t, str>);
