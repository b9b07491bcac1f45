//! What a conversation was about and how it went, worked out without any network, or asked of a language model.
//!
//! The built-in analysers are pure and versioned: the same conversation always gives the same [`Analysis`], and
//! [`VERSION`] names the analysers that gave it. In reading order:
//!
//! - [`Analyzer`]: a conversation in, an [`Analysis`] out; the [`Memo`] makes a growing conversation cost its new message.
//! - [`sentiment`]: mood of messages and interactions.
//! - `tokens`, `words`, `cues`: one pass over a text, the common words of each language, the phrases that tell how it goes.
//! - `language`, `topic`, `keywords`, `summary`, `csat`: one analyser each.
//! - [`llm`]: the same questions to a model behind an OpenAI-compatible endpoint; the only module with a network.
//!
//! `docs/analysis.md` describes methods, limits and measured quality.

pub mod llm;
pub mod sentiment;

mod analyzer;
mod csat;
mod cues;
mod keywords;
mod language;
mod memo;
mod summary;
mod tokens;
mod topic;
mod words;

pub use analyzer::{Analysis, Analyzer, Conversation, Utterance, VERSION};
pub use memo::Memo;
pub use sentiment::{MessageSentiment, Sentiment};
pub use topic::{TOPICS_MAX, Taxonomy, TaxonomyError, Topic};
