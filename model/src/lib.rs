//! The vocabulary of Hearken: events, the interaction they fold into, messages, time and money.
//!
//! Pure data and pure rules, no I/O and no clock. In reading order:
//!
//! - [`time`]: the instant that everything is ordered by.
//! - [`event`]: what producers say happened, after decoding.
//! - [`assessment`]: how an interaction went, as upstream, a language model or detection says.
//! - [`state`]: what is known of one interaction, every value with its version; [`State::fold`] is the join
//!   that makes order and repetition irrelevant (docs/reference.md#folding).
//! - [`document`]: the stored document: the state plus what was derived from it.
//! - [`stored`]: how a document is stored, and read for a page of results.
//! - [`interaction`]: the public view of a document (docs/reference.md#interaction).
//! - [`field`]: the one table of fields that can be filtered, faceted, sorted and searched by.
//! - [`money`]: decimal amounts.
//! - [`error`]: an error and its causes in one line.
//! - [`speech`]: what silence is.
//! - [`personal_data`]: the kinds that can be kept out of what is stored.
//!
//! ```
//! use hearken_model::*;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let id = InteractionId::try_new("chat-1")?;
//! let at = Timestamp::parse("2026-05-01T12:00:00Z")?;
//! let mut event = Event::new(id.clone(), at, at);
//! let said = MessageUpdate::new(MessageTime::At(at), Role::User, "Where is my parcel?");
//! event.messages.push(("m-1".to_owned(), said));
//!
//! let mut state = State::new(id);
//! assert_eq!(state.fold(event.clone(), None)?, FoldOutcome::Applied);
//! assert_eq!(state.fold(event, None)?, FoldOutcome::Duplicate);
//! # Ok(())
//! # }
//! ```

pub mod assessment;
pub mod details;
pub mod document;
pub mod error;
pub mod event;
pub mod field;
pub mod interaction;
pub mod messages;
pub mod money;
pub mod personal_data;
pub mod speech;
pub mod state;
pub mod stored;
pub mod time;

pub use assessment::Assessment;
pub use details::{Detail, Details};
pub use document::{Derived, Document};
pub use error::error_chain;
pub use event::{
    Direction, End, Event, InteractionId, InteractionType, InvalidId, LlmAnalysis, MessageTime,
    MessageUpdate, MoodChange, Rating, Role, Scalar, Sentiment, StartedFields, Status, ToolCall, Usage,
};
pub use interaction::{
    AnalysisInfo, CostSource, Interaction, Message, SUMMARY_SEPARATOR, SUMMARY_SPEAKERS, TopicsSummary,
    TotalCosts, UsageTotals,
};
pub use messages::Messages;
pub use money::{Cost, Money};
pub use personal_data::PersonalData;
pub use state::{FoldOutcome, LimitExceeded, State, Versioned};
pub use stored::{LazyDocument, MessageText};
pub use time::{InvalidTime, Timestamp};
