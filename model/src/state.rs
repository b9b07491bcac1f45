//! What is known of one interaction, every value with its version: the join of docs/reference.md#folding.
//!
//! Folding is commutative, associative and idempotent: each value is kept if its (event time, record timestamp,
//! value bytes) is the largest seen, an erasure absorbs everything, and the newest event time is a maximum. So the
//! order of partitions, retries and replays make no difference, and no list of seen event ids is needed. The one
//! exception are the limits: an event that would exceed one is refused when it arrives, so order decides which.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::METADATA_KEYS_MAX;
use crate::time::nanos;
use crate::{
    Direction, End, Event, InteractionId, InteractionType, LlmAnalysis, MessageUpdate, Messages, Rating,
    Scalar, Sentiment, Timestamp, Usage,
};

/// Most messages one interaction may have.
pub const MESSAGES_MAX: usize = 10_000;
/// Most bytes of text and tool data one interaction may have.
pub const INTERACTION_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A value and the version that decides whether another replaces it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Versioned<T> {
    /// The value.
    #[serde(rename = "v")]
    pub value: T,
    /// Event time.
    #[serde(rename = "t", with = "nanos")]
    pub time: Timestamp,
    /// Record timestamp.
    #[serde(rename = "r", with = "nanos")]
    pub recorded_at: Timestamp,
}

impl<T: Serialize> Versioned<T> {
    /// Whether `self` must replace `other`: a larger (event time, record timestamp, value bytes).
    pub(crate) fn replaces(&self, other: &Self) -> bool {
        let by_time = (self.time, self.recorded_at).cmp(&(other.time, other.recorded_at));
        by_time.then_with(|| value_bytes(&self.value).cmp(&value_bytes(&other.value))) == Ordering::Greater
    }
}

/// The bytes that break a tie between versions. Plain data always serialises; were it ever not to, both sides
/// would compare equal and the first would stay.
pub(crate) fn value_bytes<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

/// Where the customer was: the address as far as privacy settings let it be kept, and what GeoIP said of it.
/// Looked up when the event arrives, because a dropped or truncated address cannot be looked up later.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// The address as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<String>,
    /// ISO 3166-1 alpha-2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country_code: Option<String>,
    /// English name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// English name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
}

/// What folding an event did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FoldOutcome {
    /// The state changed.
    Applied,
    /// The event said nothing new.
    Duplicate,
    /// The interaction is erased; the event was dropped.
    Erased,
}

/// An event that would take its interaction beyond a limit. Nothing of it was applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LimitExceeded {
    /// Beyond [`MESSAGES_MAX`].
    #[error("the interaction would have {0} messages, at most {MESSAGES_MAX} are kept")]
    Messages(usize),
    /// Beyond [`INTERACTION_BYTES_MAX`].
    #[error("the interaction would have {0} bytes, at most {INTERACTION_BYTES_MAX} are kept")]
    Bytes(usize),
    /// Beyond [`METADATA_KEYS_MAX`].
    #[error("the interaction would have {0} metadata keys, at most {METADATA_KEYS_MAX} are kept")]
    MetadataKeys(usize),
}

/// The origin of an interaction that is made from a sender's log.
///
/// A log can take back what it said, which a join cannot. So the interaction is recomputed from the log whenever that
/// grows, and what other events said is kept separately.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Projected {
    /// The id of the log.
    pub log: InteractionId,
    /// What events said of the interaction apart from the log.
    pub beside: State,
    /// The log no longer contains anything about it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_vacant: bool,
}

/// Declares the state's single-valued fields once: their storage and their join.
macro_rules! state {
    ($($(#[$meta:meta])* $field:ident: $type:ty,)+) => {
        /// Everything known of one interaction.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        pub struct State {
            /// The interaction.
            pub id: InteractionId,
            /// Removed for good: nothing else is kept, nothing comes back.
            #[serde(default, skip_serializing_if = "std::ops::Not::not")]
            pub erased: bool,
            /// The id is not the interaction's own but a hash of it: all that an engine keeps of what was erased.
            #[serde(default, skip_serializing_if = "std::ops::Not::not")]
            pub is_id_hashed: bool,
            /// Not an interaction but a sender's log, of which interactions are made: see [`State::project`].
            #[serde(default, skip_serializing_if = "std::ops::Not::not")]
            pub is_log: bool,
            /// What of this comes from a log, if any of it does.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub projected: Option<Box<Projected>>,
            /// The largest event time seen.
            #[serde(with = "nanos")]
            pub newest_event: Timestamp,
            $($(#[$meta])* #[serde(default, skip_serializing_if = "Option::is_none")] pub $field: Option<Versioned<$type>>,)+
            /// Metadata by flattened key; every key has its own version.
            #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
            pub metadata: BTreeMap<String, Versioned<Scalar>>,
            /// Messages by id.
            #[serde(default, skip_serializing_if = "is_empty")]
            pub messages: Messages,
        }

        impl State {
            /// A state that knows nothing but the id. [`State::fold`] the first event into it.
            pub fn new(id: InteractionId) -> Self {
                State {
                    id,
                    erased: false,
                    is_id_hashed: false,
                    is_log: false,
                    projected: None,
                    newest_event: Timestamp::from_nanos(i64::MIN),
                    $($field: None,)+
                    metadata: BTreeMap::new(),
                    messages: Messages::default(),
                }
            }

            /// Joins everything that `other`, a state of the same interaction, knows into this one.
            pub fn join(&mut self, other: State) -> FoldOutcome {
                if self.erased {
                    return if other.erased { FoldOutcome::Duplicate } else { FoldOutcome::Erased };
                }
                if other.erased {
                    *self = State { erased: true, newest_event: Timestamp::EPOCH, ..State::new(self.id.clone()) };
                    return FoldOutcome::Applied;
                }
                let mut changed = other.newest_event > self.newest_event || other.is_log && !self.is_log;
                self.is_log |= other.is_log;
                self.newest_event = self.newest_event.max(other.newest_event);
                $(changed |= join_value(&mut self.$field, other.$field);)+
                for (key, value) in other.metadata {
                    changed |= join_entry(&mut self.metadata, key, value);
                }
                for (id, message) in other.messages {
                    changed |= self.messages.join(id, message);
                }
                if changed { FoldOutcome::Applied } else { FoldOutcome::Duplicate }
            }
        }
    };
}

state! {
    /// Whose interaction it is.
    organization: String,
    /// The AI agent's name.
    agent: String,
    /// The version of the agent, in the producer's spelling.
    agent_version: String,
    /// As `started` gave it; the messages may say otherwise.
    llm_model: String,
    /// The channel.
    interaction_type: InteractionType,
    /// The platform that it came through.
    integration: String,
    /// Who started it.
    direction: Direction,
    /// As given; else the earliest message stands in for it.
    start_time: Timestamp,
    /// The browser's own description of itself.
    user_agent: String,
    /// Address and place.
    address: Address,
    /// The page or platform on which it took place.
    url: String,
    /// As given, not detected.
    language: String,
    /// The customer, in the producer's naming.
    user_id: String,
    /// The telephone number that called or was called.
    caller: String,
    /// The end.
    end: End,
    /// The customer's rating.
    rating: Rating,
    /// Upstream's satisfaction, 1 to 5. Each field of upstream's analysis has a version of its own.
    csat: u8,
    /// Upstream's reason for it.
    csat_description: String,
    /// Upstream's topic.
    topic: String,
    /// Upstream's summary.
    summary: String,
    /// Upstream's sentiment of the whole.
    sentiment: Sentiment,
    /// Upstream's reason for it.
    sentiment_description: String,
    /// Upstream's key phrases; an empty list says that there are none.
    keywords: Vec<String>,
    /// A language model's analysis: below upstream's, above detection.
    llm_analysis: LlmAnalysis,
}

fn is_empty(messages: &Messages) -> bool {
    messages.is_empty()
}

fn join_value<T: Serialize>(slot: &mut Option<Versioned<T>>, incoming: Option<Versioned<T>>) -> bool {
    let Some(incoming) = incoming else { return false };
    match slot {
        Some(current) if !incoming.replaces(current) => false,
        _ => {
            *slot = Some(incoming);
            true
        }
    }
}

fn join_entry<T: Serialize>(
    map: &mut BTreeMap<String, Versioned<T>>,
    key: String,
    incoming: Versioned<T>,
) -> bool {
    match map.get_mut(&key) {
        None => {
            map.insert(key, incoming);
            true
        }
        Some(current) if incoming.replaces(current) => {
            *current = incoming;
            true
        }
        Some(_) => false,
    }
}

impl State {
    /// Folds one event of this interaction in. `address` is the event's `ip_address` after GeoIP and privacy.
    ///
    /// # Errors
    /// The event would take the interaction beyond a limit; the state is unchanged then.
    pub fn fold(&mut self, event: Event, address: Option<Address>) -> Result<FoldOutcome, LimitExceeded> {
        let update = State::from_event(event, address);
        if !self.erased && !update.erased {
            self.check_limits(&update)?;
        }
        if let Some(projected) = &mut self.projected {
            projected.beside.join(update.clone());
        }
        Ok(self.join(update))
    }

    /// Replaces what `log` contributed to this interaction with what it contributes now: one event, or `None` for nothing
    /// any more. Says whether that changed anything. An erased interaction does not change.
    pub fn project(&mut self, log: &InteractionId, contributed: Option<(Event, Option<Address>)>) -> bool {
        if self.erased {
            return false;
        }
        let beside = match &self.projected {
            Some(projected) => projected.beside.clone(),
            None => self.clone(),
        };
        let mut next = beside.clone();
        let is_vacant = contributed.is_none();
        if let Some((event, address)) = contributed {
            next.join(State::from_event(event, address));
        }
        next.projected = Some(Box::new(Projected { log: log.clone(), beside, is_vacant }));
        let is_changed = next != *self;
        *self = next;
        is_changed
    }

    /// Joins another copy of the same interaction, which another process has folded. What comes from a log is not joined,
    /// because a log can take it back: [project](State::project) the returned log again.
    pub fn join_copy(&mut self, mut other: State) -> Option<InteractionId> {
        let (ours, theirs) = (self.projected.take(), other.projected.take());
        let log = ours.as_ref().or(theirs.as_ref()).map(|projected| projected.log.clone());
        let beside =
            |of: State, projected: Option<Box<Projected>>| projected.map_or(of, |known| known.beside);
        let other_beside = beside(other, theirs);
        *self = beside(std::mem::replace(self, State::new(other_beside.id.clone())), ours);
        self.join(other_beside);
        if let (Some(log), false) = (&log, self.erased) {
            let projected = Projected { log: log.clone(), beside: self.clone(), is_vacant: true };
            self.projected = Some(Box::new(projected));
        }
        log
    }

    /// Whether nobody may find this: it is erased, a log, or an interaction that its log took back entirely.
    pub fn is_hidden(&self) -> bool {
        let was_taken_back = |projected: &Projected| projected.is_vacant && projected.beside.is_blank();
        self.erased || self.is_log || self.projected.as_deref().is_some_and(was_taken_back)
    }

    fn is_blank(&self) -> bool {
        *self == State::new(self.id.clone())
    }

    /// The state that knows just this one event.
    fn from_event(event: Event, address: Option<Address>) -> State {
        let (time, recorded_at) = (event.time, event.recorded_at);
        fn at<T>(time: Timestamp, recorded_at: Timestamp) -> impl Fn(T) -> Versioned<T> {
            move |value| Versioned { value, time, recorded_at }
        }
        let text = at::<String>(time, recorded_at);
        let started = event.started;
        let assessment = event.assessment;
        State {
            id: event.interaction_id,
            erased: event.erase,
            is_id_hashed: false,
            is_log: event.is_log_entry,
            projected: None,
            newest_event: time,
            organization: started.organization.map(&text),
            agent: started.agent.map(&text),
            agent_version: started.agent_version.map(&text),
            llm_model: started.llm_model.map(&text),
            interaction_type: started.interaction_type.map(at(time, recorded_at)),
            integration: started.integration.map(&text),
            direction: started.direction.map(at(time, recorded_at)),
            start_time: started.start_time.map(at(time, recorded_at)),
            user_agent: started.user_agent.map(&text),
            address: address.map(at(time, recorded_at)),
            url: started.url.map(&text),
            language: started.language.map(&text),
            user_id: started.user_id.map(&text),
            caller: started.caller.map(&text),
            end: event.end.map(at(time, recorded_at)),
            rating: event.rating.map(at(time, recorded_at)),
            csat: assessment.csat.map(at(time, recorded_at)),
            csat_description: assessment.csat_description.map(&text),
            topic: assessment.topic.map(&text),
            summary: assessment.summary.map(&text),
            sentiment: assessment.sentiment.map(at(time, recorded_at)),
            sentiment_description: assessment.sentiment_description.map(&text),
            keywords: assessment.keywords.map(at(time, recorded_at)),
            llm_analysis: event.llm_analysis.map(at(time, recorded_at)),
            metadata: started
                .metadata
                .into_iter()
                .map(|(key, value)| (key, at(time, recorded_at)(value)))
                .collect(),
            messages: latest_of_each(event.messages, at(time, recorded_at)),
        }
    }

    fn check_limits(&self, update: &State) -> Result<(), LimitExceeded> {
        let messages = self.messages.len() + new_keys(&self.messages, &update.messages);
        if messages > MESSAGES_MAX {
            return Err(LimitExceeded::Messages(messages));
        }
        let metadata_keys = self.metadata.len() + new_keys(&self.metadata, &update.metadata);
        if metadata_keys > METADATA_KEYS_MAX {
            return Err(LimitExceeded::MetadataKeys(metadata_keys));
        }
        // An upper bound that ignores replacements is enough to pass almost every event without joining a copy.
        let bytes = self.bytes() + update.bytes();
        if bytes > INTERACTION_BYTES_MAX {
            let mut joined = self.clone();
            joined.join(update.clone());
            if joined.bytes() > INTERACTION_BYTES_MAX {
                return Err(LimitExceeded::Bytes(joined.bytes()));
            }
        }
        Ok(())
    }

    /// Bytes of text and tool data held, roughly what they take in memory beyond the structure itself.
    pub fn bytes(&self) -> usize {
        let text = |field: &Option<Versioned<String>>| field.as_ref().map_or(0, |text| text.value.len());
        let fields = [
            &self.organization,
            &self.agent,
            &self.agent_version,
            &self.llm_model,
            &self.integration,
            &self.user_agent,
            &self.url,
            &self.language,
            &self.user_id,
            &self.caller,
            &self.csat_description,
            &self.topic,
            &self.summary,
            &self.sentiment_description,
        ];
        fields.into_iter().map(text).sum::<usize>()
            + self
                .rating
                .as_ref()
                .and_then(|rating| rating.value.rating_comment.as_ref())
                .map_or(0, String::len)
            + self.keywords.as_ref().map_or(0, |keywords| keywords.value.iter().map(String::len).sum())
            + self.llm_analysis.as_ref().map_or(0, |llm| value_bytes(&llm.value).len())
            + self.projected.as_ref().map_or(0, |projected| projected.beside.bytes())
            + self.metadata.iter().map(|(key, value)| key.len() + scalar_bytes(&value.value)).sum::<usize>()
            + self.messages.bytes()
    }

    /// The start: as given, else the earliest message; `None` without either.
    pub fn start_time(&self) -> Option<Timestamp> {
        let given = self.start_time.as_ref().map(|start| start.value);
        given.or_else(|| {
            self.messages.values().map(|message| message.value.time.implied_start(message.time)).min()
        })
    }

    /// The end of the message that ended last; `None` without messages.
    pub fn last_message_end(&self) -> Option<Timestamp> {
        let start = self.start_time()?;
        let ends = self.messages.values().map(|message| {
            let at = message.value.time.instant(start);
            message.value.end_offset_ms.map_or(at, |end_offset_ms| start.plus_millis(end_offset_ms).max(at))
        });
        ends.max()
    }

    /// Messages in transcript order with their instants: by instant, then position in their event, then id.
    pub fn transcript(&self) -> Vec<(Timestamp, &str, &MessageUpdate)> {
        let start = self.start_time().unwrap_or(self.newest_event);
        let mut transcript: Vec<_> = self
            .messages
            .iter()
            .map(|(id, message)| (message.value.time.instant(start), id.as_str(), &message.value))
            .collect();
        transcript.sort_by_key(|(at, id, message)| (*at, message.position, *id));
        transcript
    }
}

/// One event may repeat a message id: the same rule decides, so the larger value bytes stand.
fn latest_of_each(
    messages: Vec<(String, MessageUpdate)>,
    version: impl Fn(MessageUpdate) -> Versioned<MessageUpdate>,
) -> Messages {
    let mut latest = Messages::default();
    for (id, mut message) in messages {
        message.usage = message.usage.map(Usage::including_cached);
        latest.join(id, version(message));
    }
    latest
}

fn new_keys<T>(known: &BTreeMap<String, T>, incoming: &BTreeMap<String, T>) -> usize {
    incoming.keys().filter(|key| !known.contains_key(*key)).count()
}

fn scalar_bytes(value: &Scalar) -> usize {
    match value {
        Scalar::Text(text) => text.len(),
        Scalar::Bool(_) | Scalar::Number(_) => 8,
    }
}
