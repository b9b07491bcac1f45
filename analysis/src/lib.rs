//! What a conversation was about and how it went, determined offline or by a language model.
//!
//! The built-in analysers are pure and versioned: the same conversation always gives the same [`Analysis`], and
//! [`VERSION`] names the analysers that gave it. In reading order:
//!
//! - [`Analyzer`]: turns a conversation into an [`Analysis`]; with a [`Memo`], a growing conversation costs
//!   only its new messages.
//! - [`sentiment`]: the mood of messages and interactions.
//! - `tokens`, `words`, `cues`: one pass over a text, the common words of each language, the phrases that
//!   show how it is going.
//! - `language`, `topic`, `keywords`, `summary`, `csat`: one analyser each.
//! - [`llm`]: the same questions, put to a model behind an OpenAI-compatible endpoint; the only module that
//!   uses the network.
//!
//! `docs/analysis.md` describes methods, limits and measured quality.
//!
//! ```
//! use hearken_analysis::{Analyzer, Conversation, Memo, Sentiment, Utterance};
//! use hearken_model::{Role, Status};
//!
//! let said = |id, role, text| Utterance { id, role, text, at_ms: 0, given_mood: None };
//! let utterances = [
//!     said("1", Role::User, "This is terrible, my parcel arrived broken and nobody answers me!"),
//!     said("2", Role::Assistant, "I am sorry to hear that. I have refunded the order."),
//! ];
//! let conversation =
//!     Conversation { utterances: &utterances, status: Status::Finished, ended: true, end_reason: None, language: None };
//! let analysis = Analyzer::built_in().analyze(&conversation, &mut Memo::default());
//! assert_eq!(analysis.assessment.sentiment, Some(Sentiment::Negative));
//! assert_eq!(analysis.language.as_deref(), Some("en"));
//! ```

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
