//! The vocabulary of Hearken: events, the interaction they fold into, messages, time and money.
//!
//! Pure data and pure rules, no I/O and no clock. In reading order:
//!
//! - [`time`]: the instant that everything is ordered by.
//! - [`event`]: what producers say happened, after decoding.
//! - [`state`]: what is known of one interaction, every value with its version; [`State::fold`] is the join
//!   that makes order and repetition irrelevant (contract, section 2.3).
//! - [`document`]: the stored document: the state plus what was derived from it.
//! - [`stored`]: how a document is stored, and read for a page of results.
//! - [`interaction`]: the public view of a document (contract, section 1).
//! - [`field`]: the one table of fields that can be filtered, faceted, sorted and searched by.
//! - [`money`]: decimal amounts.
//! - [`speech`]: what silence is.
//! - [`personal_data`]: the kinds that can be kept out of what is stored.

pub mod details;
pub mod document;
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

pub use details::{Detail, Details};
pub use document::{Derived, Document};
pub use event::{
    AnalysisUpdate, Direction, End, Event, InteractionId, InteractionType, InvalidId, LlmAnalysis,
    MessageTime, MessageUpdate, MoodChange, Rating, Role, Scalar, Sentiment, StartedFields, Status, ToolCall,
    Usage,
};
pub use interaction::{
    AnalysisInfo, CostSource, Interaction, Message, ModelUsage, TopicsSummary, TotalCosts, UsageTotals,
};
pub use messages::Messages;
pub use money::{Cost, Money};
pub use personal_data::PersonalData;
pub use state::{FoldOutcome, LimitExceeded, State, Versioned};
pub use stored::{Glimpse, Said};
pub use time::{InvalidTime, Timestamp};
