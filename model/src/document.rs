//! The stored document: one for each interaction, replaced as it grows, the only truth.

use serde::{Deserialize, Serialize};

use crate::{Interaction, InteractionId, Message, Sentiment, State, Timestamp};

/// What is stored for one interaction: the versions that folding needs, hidden, and what was derived from them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// The folded state.
    pub state: State,
    /// Everything computed from it.
    pub derived: Derived,
    /// Counts the writes of this document: what is put is one more than what it was made from. Where several processes
    /// write to an engine, a put takes effect only if what is stored is older, so that none undoes another's. 0 was
    /// never put.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub revision: u64,
}

pub(crate) fn is_zero(revision: &u64) -> bool {
    *revision == 0
}

/// What is computed from a state: user agent, analysis, billing and the rules of docs/reference.md.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Derived {
    /// The public view without its transcript.
    pub head: Interaction,
    /// One entry for each message of [`State::transcript`], in that order.
    pub messages: Vec<DerivedMessage>,
    /// Whether a language model has still to be asked about the conversation as it is now.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub llm_pending: bool,
}

/// What is computed for one message.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DerivedMessage {
    /// Upstream's, else detected; user messages only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sentiment: Option<Sentiment>,
    /// −1 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sentiment_score: Option<f64>,
    /// Whether it counts as a billable unit.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub billable: bool,
}

impl Document {
    /// A state of which nothing is derived yet, and which was never put.
    pub fn new(state: State) -> Self {
        Document { state, derived: Derived::default(), revision: 0 }
    }

    /// What remains of an erased interaction: its id, so that nothing of it comes back. Engines keep a hash of that.
    pub fn tombstone(id: InteractionId) -> Self {
        let mut state = State::new(id);
        state.erased = true;
        state.newest_event = Timestamp::EPOCH;
        let mut document = Document::new(state);
        document.derive_nothing();
        document
    }

    /// Leaves nothing derived but the id, as for a state that [is hidden](State::is_hidden).
    pub fn derive_nothing(&mut self) {
        let head = Interaction { id: self.id().as_str().to_owned(), ..Interaction::default() };
        self.derived = Derived { head, ..Derived::default() };
    }

    /// The interaction's id.
    pub fn id(&self) -> &InteractionId {
        &self.state.id
    }

    /// The messages as the public view shows them, in transcript order.
    pub fn transcript(&self) -> Vec<Message> {
        let start = self.state.start_time();
        let derived =
            self.derived.messages.iter().cloned().chain(std::iter::repeat(DerivedMessage::default()));
        self.state
            .transcript()
            .into_iter()
            .zip(derived)
            .map(|((at, id, update), derived)| Message {
                id: id.to_owned(),
                role: update.role,
                timestamp: update.time.offset_ms(start),
                at,
                end_offset_ms: update.end_offset_ms,
                message: update.message.clone(),
                sentiment: derived.sentiment,
                sentiment_score: derived.sentiment_score,
                llm_model: update.llm_model.clone(),
                usage: update.usage,
                billable: derived.billable,
                interrupted: update.interrupted,
                confidence: update.confidence,
                tool: update.tool.clone(),
            })
            .collect()
    }

    /// The public view, transcript included.
    pub fn interaction(&self) -> Interaction {
        Interaction { transcript: Some(self.transcript()), ..self.derived.head.clone() }
    }
}
