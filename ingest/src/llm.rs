//! Analysis by a language model, alongside the stream: a query finds what to ask about, and the answer is sent as an event.
//!
//! ```text
//! index ── llm_pending ──► LlmAnalyst ──► endpoint          ended or rested, and not asked about this text yet
//!   ▲                          │
//!   └── fold ◄── Kafka ◄───────┘ `interaction.analyzed`     durable before it counts; a replay asks nobody
//! ```
//!
//! Nothing here delays a record: the index itself is the queue, with one page in memory, and at most `concurrency`
//! requests are in flight. A request's slot is freed only once its answer has come back through Kafka and is
//! searchable, so when the stream stalls, no more money is spent. In reading order:
//!
//! - [`is_pending`]: whether there is anything to ask.
//! - `analyst`: finds, asks, sends, waits.
//! - `event`: the answer as a record.
//! - `budget`: the daily spending limit, kept across restarts.

mod analyst;
mod budget;
mod event;

use hearken_analysis::llm::Excerpt;
use hearken_model::{MessageUpdate, Role, State, Timestamp};

use crate::derive::of_upstream;

pub use analyst::{LlmAnalyst, LlmParts};
pub use budget::DailyBudget;

/// Whether to ask a language model about this interaction: the customer spoke, upstream has not given every value, and
/// the transcript differs from the one behind the last answer.
pub(crate) fn is_pending(state: &State, transcript: &[TranscriptEntry<'_>], excerpt_bytes: usize) -> bool {
    if state.erased || of_upstream(state).is_complete() {
        return false;
    }
    match &state.llm_analysis {
        // Building the excerpt is more expensive, and only needed to compare with an existing answer.
        None => {
            transcript.iter().any(|(_, _, said)| said.role == Role::User && !said.message.trim().is_empty())
        }
        Some(llm) => excerpt(transcript, excerpt_bytes).is_some_and(|new| new.fingerprint() != llm.value.of),
    }
}

/// A message of [`State::transcript`].
pub(crate) type TranscriptEntry<'a> = (Timestamp, &'a str, &'a MessageUpdate);

/// The excerpt of a transcript that the model gets.
fn excerpt(transcript: &[TranscriptEntry<'_>], excerpt_bytes: usize) -> Option<Excerpt> {
    let said = transcript.iter().map(|(_, _, message)| (message.role, message.message.as_str()));
    Excerpt::of(said, excerpt_bytes)
}
