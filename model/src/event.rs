//! What producers say happened, decoded: the input of the fold.
//!
//! One [`Event`] can carry any mixture of metadata, messages, an end, a rating and analysis, because the fields of
//! `interaction.started` may ride along with every type (docs/reference.md#event-types) and a foreign payload brings
//! several at once. Every carrier and every format is decoded to this one type.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use crate::{Assessment, Cost, Timestamp};

/// Most bytes an interaction id, or a message id, may have.
pub const ID_BYTES_MAX: usize = 512;
/// Most metadata keys an interaction may have, nested keys counted after flattening.
pub const METADATA_KEYS_MAX: usize = 64;

/// Names one interaction; unique in the deployment, never used again, 1 to 512 bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InteractionId(String);

/// A text that cannot name an interaction.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// No characters at all.
    #[error("the id is empty")]
    Empty,
    /// Longer than [`ID_BYTES_MAX`].
    #[error("the id has {0} bytes, at most {ID_BYTES_MAX} are allowed")]
    TooLong(usize),
}

impl InteractionId {
    /// Checks the bounds; every other text is an id.
    pub fn try_new(id: impl Into<String>) -> Result<Self, InvalidId> {
        let id = id.into();
        match id.len() {
            0 => Err(InvalidId::Empty),
            1..=ID_BYTES_MAX => Ok(InteractionId(id)),
            too_long => Err(InvalidId::TooLong(too_long)),
        }
    }

    /// The id's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for InteractionId {
    type Error = InvalidId;
    fn try_from(id: String) -> Result<Self, InvalidId> {
        Self::try_new(id)
    }
}

impl From<InteractionId> for String {
    fn from(id: InteractionId) -> String {
        id.0
    }
}

impl fmt::Display for InteractionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Declares an enum with the names that its values have in events, answers and queries.
macro_rules! named_values {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$variant_meta])* #[serde(rename = $text)] $variant,)+ }

        impl $name {
            /// Every value, in the order of declaration.
            pub const ALL: &'static [$name] = &[$($name::$variant,)+];

            /// The value's name in events, answers and queries.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text,)+ }
            }

            /// The value of that name, `None` for any other text.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($text => Some($name::$variant),)+ _ => None }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(self.as_str()) }
        }
    };
}

named_values! {
    /// Who said a message.
    Role {
        /// The customer.
        User = "user",
        /// The AI agent.
        Assistant = "assistant",
        /// A person who took over from the agent: searchable, never billable.
        Human = "human",
        /// Instructions and notices; searched only by the scope `system:`.
        System = "system",
        /// A tool's call or result.
        Tool = "tool",
    }
}

named_values! {
    /// The channel of an interaction.
    InteractionType {
        /// Written messages.
        TextChat = "text_chat",
        /// A spoken call.
        VoiceCall = "voice_call",
    }
}

named_values! {
    /// Where an interaction stands (docs/reference.md#status).
    Status {
        /// No end is known yet.
        InProgress = "in_progress",
        /// Ended normally.
        Finished = "finished",
        /// Without an end and silent for longer than the idle timeout, or ended as such.
        Abandoned = "abandoned",
        /// Handed to someone else.
        Transferred = "transferred",
        /// Broken off by an error.
        Failed = "failed",
    }
}

named_values! {
    /// Who started the interaction.
    Direction {
        /// The customer did.
        Inbound = "inbound",
        /// The agent did.
        Outbound = "outbound",
    }
}

named_values! {
    /// How the customer's mood changed, see [`MoodChange::from_scores`].
    MoodChange {
        /// The end was clearly better than the beginning.
        Improved = "improved",
        /// Neither.
        Steady = "steady",
        /// The end was clearly worse than the beginning.
        Worsened = "worsened",
    }
}

impl MoodChange {
    /// Compares the mean of the last third of the customer's scores, at least one of them, with that of the first:
    /// half a point makes a change. `None` with fewer than two scores.
    pub fn from_scores(scores: &[f64]) -> Option<MoodChange> {
        const CHANGE_MIN: f64 = 0.5;
        if scores.len() < 2 {
            return None;
        }
        let third = (scores.len() / 3).max(1);
        let mean = |scores: &[f64]| scores.iter().sum::<f64>() / scores.len() as f64;
        let change = mean(&scores[scores.len() - third..]) - mean(&scores[..third]);
        // Scores are decimals: 0.7 − 0.2 must be exactly half a point.
        let change = (change * 1e9).round() / 1e9;
        Some(match change {
            change if change >= CHANGE_MIN => MoodChange::Improved,
            change if change <= -CHANGE_MIN => MoodChange::Worsened,
            _ => MoodChange::Steady,
        })
    }
}

named_values! {
    /// How something feels.
    Sentiment {
        /// Pleased.
        Positive = "positive",
        /// Neither.
        Neutral = "neutral",
        /// Displeased.
        Negative = "negative",
    }
}

/// A metadata value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Scalar {
    /// `true` or `false`.
    Bool(bool),
    /// Any JSON number.
    Number(serde_json::Number),
    /// Any text.
    Text(String),
}

impl Scalar {
    /// The text that filters, facets and searches by words use: numbers and booleans as JSON writes them.
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Scalar::Text(text) => Cow::Borrowed(text),
            other => Cow::Owned(other.to_string()),
        }
    }
}

impl fmt::Display for Scalar {
    /// See [`Scalar::text`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scalar::Bool(value) => value.fmt(f),
            Scalar::Number(value) => value.fmt(f),
            Scalar::Text(value) => f.write_str(value),
        }
    }
}

/// Tokens that a model call used. `input_tokens` includes the cached ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// All input tokens, cached ones included.
    #[serde(default)]
    pub input_tokens: u64,
    /// Those of them that were read from a cache.
    #[serde(default)]
    pub cached_input_tokens: u64,
    /// Output tokens.
    #[serde(default)]
    pub output_tokens: u64,
}

impl Usage {
    /// The same with input tokens that include the cached ones. More cached than input tokens can only mean that those
    /// were counted without them. Saturates.
    #[must_use]
    pub fn including_cached(self) -> Usage {
        let input_tokens = if self.cached_input_tokens > self.input_tokens {
            self.input_tokens.saturating_add(self.cached_input_tokens)
        } else {
            self.input_tokens
        };
        Usage { input_tokens, ..self }
    }
}

/// A tool's part in a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The tool's name.
    pub name: String,
    /// What it was called with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<serde_json::Value>,
    /// What it answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<serde_json::Value>,
    /// Whether it worked, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ok: Option<bool>,
}

impl AddAssign for Usage {
    /// Saturates: counts come from producers and endpoints, which may send anything.
    fn add_assign(&mut self, other: Usage) {
        self.input_tokens = self.input_tokens.saturating_add(other.input_tokens);
        self.cached_input_tokens = self.cached_input_tokens.saturating_add(other.cached_input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(other.output_tokens);
    }
}

/// When a message was said: an instant, or milliseconds from the interaction's start, which may be learnt later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MessageTime {
    /// The instant.
    #[serde(rename = "at", with = "crate::time::nanos")]
    At(Timestamp),
    /// Milliseconds from `start_time`; negative before it.
    #[serde(rename = "offset_ms")]
    OffsetMs(i64),
}

impl MessageTime {
    /// The instant, in an interaction that began at `start`.
    pub const fn instant(self, start: Timestamp) -> Timestamp {
        match self {
            MessageTime::At(at) => at,
            MessageTime::OffsetMs(offset_ms) => start.plus_millis(offset_ms),
        }
    }

    /// Milliseconds from the interaction's start; 0 where neither is known.
    pub fn offset_ms(self, start: Option<Timestamp>) -> i64 {
        match self {
            MessageTime::At(at) => start.map_or(0, |start| at.millis_since(start)),
            MessageTime::OffsetMs(offset_ms) => offset_ms,
        }
    }

    /// When the interaction began at the latest, as far as this message knows: one that gives only its distance from the
    /// start is taken to have been said at its event time.
    pub const fn implied_start(self, event_time: Timestamp) -> Timestamp {
        match self {
            MessageTime::At(at) => at,
            MessageTime::OffsetMs(offset_ms) => event_time.plus_millis(offset_ms.saturating_neg()),
        }
    }
}

/// One message as its event brought it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MessageUpdate {
    /// Place of the message in the event that brought it, from 0.
    #[serde(default)]
    pub position: u32,
    /// When it was said.
    pub time: MessageTime,
    /// Who said it.
    pub role: Role,
    /// What was said.
    pub message: String,
    /// End of the speech, milliseconds from `start_time`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_offset_ms: Option<i64>,
    /// Upstream's sentiment of this message; wins over detection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sentiment: Option<Sentiment>,
    /// Upstream's score, −1 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sentiment_score: Option<f64>,
    /// The model that wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub llm_model: Option<String>,
    /// Tokens used for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// What the producer says on billing; wins over the rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billable: Option<bool>,
    /// Whether the speaker was interrupted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interrupted: Option<bool>,
    /// The speech recogniser's confidence, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// The tool call or its result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<ToolCall>,
}

impl MessageUpdate {
    /// A message of which nothing else is known, the first of its event.
    pub fn new(time: MessageTime, role: Role, message: impl Into<String>) -> Self {
        MessageUpdate {
            position: 0,
            time,
            role,
            message: message.into(),
            end_offset_ms: None,
            sentiment: None,
            sentiment_score: None,
            llm_model: None,
            usage: None,
            billable: None,
            interrupted: None,
            confidence: None,
            tool: None,
        }
    }
}

/// The fields of `interaction.started`, any of which may ride along with other events.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StartedFields {
    /// Whose interaction it is.
    pub organization: Option<String>,
    /// The AI agent's name.
    pub agent: Option<String>,
    /// The version of the agent, in the producer's spelling.
    pub agent_version: Option<String>,
    /// The model that the agent runs on; what assistant messages name wins over it.
    pub llm_model: Option<String>,
    /// The channel; decides what is billed.
    pub interaction_type: Option<InteractionType>,
    /// The platform that the interaction came through.
    pub integration: Option<String>,
    /// Who started it.
    pub direction: Option<Direction>,
    /// When it began.
    pub start_time: Option<Timestamp>,
    /// The customer's `User-Agent` header, unparsed.
    pub user_agent: Option<String>,
    /// The customer's address as text, valid or not, before `[privacy] ip` applies.
    pub ip_address: Option<String>,
    /// The page or platform on which it took place; need not be a valid URL.
    pub url: Option<String>,
    /// BCP 47 tag; wins over the detected language.
    pub language: Option<String>,
    /// The customer, in the producer's naming.
    pub user_id: Option<String>,
    /// The telephone number that called or was called.
    pub caller: Option<String>,
    /// Nested keys flattened with dots; at most [`METADATA_KEYS_MAX`].
    pub metadata: BTreeMap<String, Scalar>,
}

/// The end of an interaction, kept or replaced as one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct End {
    /// When it ended; `None` when a completed interaction does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_time: Option<Timestamp>,
    /// How it ended; never [`Status::InProgress`].
    pub status: Status,
    /// Why, in the producer's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_reason: Option<String>,
    /// Where the recording is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording_url: Option<String>,
    /// Upstream's cost; wins over the estimate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
}

/// What the customer answered, kept or replaced as one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rating {
    /// 1 to 5.
    pub rating: u8,
    /// In the customer's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rating_comment: Option<String>,
}

/// What a language model answered when it was asked about the conversation, kept or replaced as one.
///
/// It wins over detection and loses to upstream, whatever the times: so it has a place of its own in the state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LlmAnalysis {
    /// The model's name.
    pub by: String,
    /// The version of what was asked.
    pub version: String,
    /// Fingerprint of the text that the model was given: another text asks for another answer.
    pub of: String,
    /// What it answered.
    #[serde(flatten)]
    pub assessment: Assessment,
    /// All that analysing this interaction has used, by model: earlier answers and unusable ones included. Tokens
    /// and not money, so that they are priced where all tokens are.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub usage: BTreeMap<String, Usage>,
}

/// One decoded event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The interaction it is about.
    pub interaction_id: InteractionId,
    /// Event time (docs/reference.md#folding): what decides between versions.
    pub time: Timestamp,
    /// The Kafka record's timestamp, or the moment of acceptance: the second key of a version.
    pub recorded_at: Timestamp,
    /// Metadata.
    pub started: StartedFields,
    /// Messages by id.
    pub messages: Vec<(String, MessageUpdate)>,
    /// The end.
    pub end: Option<End>,
    /// The customer's rating.
    pub rating: Option<Rating>,
    /// What upstream says in an `interaction.analyzed`; each value wins over detection.
    pub assessment: Assessment,
    /// A language model's analysis.
    pub llm_analysis: Option<LlmAnalysis>,
    /// Removes the interaction for good.
    pub erase: bool,
    /// An entry of a sender's log, whose id is the interaction's: interactions are made of the log.
    pub is_log_entry: bool,
}

impl Event {
    /// An event about `interaction_id` that says nothing yet.
    pub fn new(interaction_id: InteractionId, time: Timestamp, recorded_at: Timestamp) -> Self {
        Event {
            interaction_id,
            time,
            recorded_at,
            started: StartedFields::default(),
            messages: Vec::new(),
            end: None,
            rating: None,
            assessment: Assessment::default(),
            llm_analysis: None,
            erase: false,
            is_log_entry: false,
        }
    }
}
