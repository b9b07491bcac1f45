//! Turns a conversation into an analysis. A [`Memo`] keeps the work done on each message for the next call.

use std::sync::Arc;

use hearken_model::{Assessment, Role, Sentiment, Status};

use crate::csat::{self, Csat, EndState, MessageFeatures, Sides};
use crate::cues::CueMatcher;
use crate::keywords::{self, Keyword};
use crate::memo::{Memo, MessageTables, Read};
use crate::sentiment::{
    InteractionSentiment, MessageSentiment, SentimentModel, UserMessage, interaction_sentiment,
};
use crate::summary::{self, SummaryMessage};
use crate::topic::{Taxonomy, TopicMatcher};
use crate::words::word_table;

/// Version of the built-in analysers. Raised whenever one of them may answer differently, so that `hearken
/// index rebuild` knows what to analyse again.
pub const VERSION: u32 = 6;

/// One message of a conversation.
#[derive(Clone, Copy, Debug)]
pub struct Utterance<'a> {
    /// Unique in the conversation. For the caller only: the analysis depends on who said what and in which
    /// order, not on ids.
    pub id: &'a str,
    /// Who said it.
    pub role: Role,
    /// What was said.
    pub text: &'a str,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// The upstream sentiment, which overrides detection: the label, and a score from −1 to 1 if there is
    /// one.
    pub given_mood: Option<(Sentiment, Option<f32>)>,
}

impl Utterance<'_> {
    /// The upstream sentiment of a customer message.
    fn given(&self) -> Option<MessageSentiment> {
        let (sentiment, score) = self.given_mood.filter(|_| self.role == Role::User)?;
        let assumed = match sentiment {
            Sentiment::Positive => 0.6,
            Sentiment::Neutral => 0.0,
            Sentiment::Negative => -0.6,
        };
        let score = score.filter(|score| score.is_finite()).unwrap_or(assumed).clamp(-1.0, 1.0);
        Some(MessageSentiment { sentiment, score, confidence: 1.0 })
    }
}

/// The conversation to analyse.
#[derive(Clone, Copy, Debug)]
pub struct Conversation<'a> {
    /// The messages in transcript order.
    pub utterances: &'a [Utterance<'a>],
    /// The interaction's status.
    pub status: Status,
    /// Whether its end is known.
    pub ended: bool,
    /// Why it ended, in the producer's words.
    pub end_reason: Option<&'a str>,
    /// The upstream language; if there is one, none is detected.
    pub language: Option<&'a str>,
}

/// The result of the built-in analysers. `None` and empty mean that there was too little text to judge.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Analysis {
    /// One entry for each utterance; only customer messages have a sentiment.
    pub messages: Vec<Option<MessageSentiment>>,
    /// BCP 47: given or detected.
    pub language: Option<String>,
    /// Mood, satisfaction, topic, summary and keywords; all quoted, counted or estimated from the transcript.
    pub assessment: Assessment,
}

/// The built-in analysers. Cheap to clone, and pure, so that one instance serves every thread.
#[derive(Clone)]
pub struct Analyzer {
    parts: Arc<Parts>,
}

struct Parts {
    tables: MessageTables,
    sentiment: &'static SentimentModel,
}

impl std::fmt::Debug for Analyzer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Analyzer").field("version", &VERSION).finish_non_exhaustive()
    }
}

impl Analyzer {
    /// With the default taxonomy.
    pub fn built_in() -> Self {
        Analyzer::with_taxonomy(Taxonomy::built_in())
    }

    /// With an operator's taxonomy.
    pub fn with_taxonomy(taxonomy: Taxonomy) -> Self {
        let words = word_table();
        let topics = TopicMatcher::new(&taxonomy, &words);
        let tables = MessageTables { words, cues: CueMatcher::new(), topics };
        Analyzer { parts: Arc::new(Parts { tables, sentiment: SentimentModel::built_in() }) }
    }

    /// Analyses a conversation; `memo` is the same interaction's, or empty.
    pub fn analyze(&self, conversation: &Conversation<'_>, memo: &mut Memo) -> Analysis {
        let Conversation { utterances, status, ended, .. } = *conversation;
        let Reading { language, messages, turns } = self.read(conversation, memo);
        let mood = interaction_mood(utterances, &messages, &turns);
        let turns: Vec<MessageFeatures> = turns.into_iter().map(|(_, turn)| turn).collect();
        let (mood, csat) = agreed(mood, |mood| satisfaction(conversation, &turns, mood));
        let (sentiment, sentiment_description) = mood.map(|mood| (mood.sentiment, mood.description)).unzip();
        let (csat, csat_description) = csat.map(|csat| (csat.score, csat.description)).unzip();
        let window: Vec<Read<'_>> = memo.window(utterances).collect();
        let keywords = keywords_of(&window);
        let topic =
            self.parts.tables.topics.decide(window.iter().map(|read| (read.role, &*read.depth.topics)));
        let over = ended || status != Status::InProgress;
        Analysis {
            messages,
            language,
            assessment: Assessment {
                csat,
                csat_description,
                topic: topic.map(str::to_owned).or_else(|| topic_from(&keywords)),
                summary: summary_of(&window, over),
                sentiment,
                sentiment_description,
                keywords: (!keywords.is_empty())
                    .then(|| keywords.into_iter().map(|keyword| keyword.text).collect()),
            },
        }
    }
}

/// What each message of a conversation says, before the conversation is judged as a whole.
struct Reading {
    language: Option<String>,
    /// One entry for each utterance, as in [`Analysis::messages`].
    messages: Vec<Option<MessageSentiment>>,
    /// The last messages, which satisfaction is judged by, with their positions among the utterances.
    turns: Vec<(usize, MessageFeatures)>,
}

impl Analyzer {
    fn read(&self, conversation: &Conversation<'_>, memo: &mut Memo) -> Reading {
        let utterances = conversation.utterances;
        let language = memo.read(conversation, &self.parts.tables);
        let mut messages = memo.judge(utterances, language.as_deref(), self.parts.sentiment);
        for (utterance, mood) in utterances.iter().zip(&mut messages) {
            *mood = utterance.given().or(*mood);
        }
        let mut turns = turns(utterances, memo, &messages);
        calm_indifference(utterances, &mut turns, &mut messages);
        Reading { language, messages, turns }
    }

    /// The values of `csat`'s signs, each with the mean and spread used to weigh it. For measurements:
    /// `examples/weigh_csat`.
    pub fn signs(&self, conversation: &Conversation<'_>) -> [(&'static str, f32, f32, f32); csat::NUM_SIGNS] {
        let Reading { turns, .. } = self.read(conversation, &mut Memo::default());
        let values = csat::values(&turns.into_iter().map(|(_, turn)| turn).collect::<Vec<_>>());
        std::array::from_fn(|n| {
            let (name, mean, spread, _) = csat::SPREADS[n];
            (name, mean, spread, values[n])
        })
    }
}

/// "I don't care" sounds bad, but not right after the agent asked for a preference. Upstream's sentiment stays.
fn calm_indifference(
    utterances: &[Utterance<'_>],
    turns: &mut [(usize, MessageFeatures)],
    messages: &mut [Option<MessageSentiment>],
) {
    let mut is_asked = false;
    for (place, turn) in turns {
        let judged = messages[*place].as_mut().filter(|judged| judged.sentiment == Sentiment::Negative);
        if let Some(judged) = judged
            && is_asked
            && turn.is_indifferent()
            && utterances[*place].given().is_none()
        {
            (judged.sentiment, judged.score) = (Sentiment::Neutral, 0.0);
            turn.mood = Some(0.0);
        }
        is_asked = turn.is_by_agent() && turn.asks;
    }
}

/// Customer messages that the overall mood is judged by: the last ones of a longer conversation.
const MOOD_MESSAGES_MAX: usize = 500;

/// `turns` are the messages that satisfaction is judged by, with their positions in `utterances`.
fn interaction_mood(
    utterances: &[Utterance<'_>],
    messages: &[Option<MessageSentiment>],
    turns: &[(usize, MessageFeatures)],
) -> Option<InteractionSentiment> {
    let about_works = csat::talks_of_works(turns.iter().map(|(_, turn)| turn));
    let mut turns = turns.iter().rev().peekable();
    let by_customer = utterances.iter().zip(messages).enumerate().rev();
    let mut moods: Vec<UserMessage<'_>> = by_customer
        .filter(|(_, (said, _))| said.role == Role::User)
        .take(MOOD_MESSAGES_MAX)
        .map(|(place, (utterance, judged))| {
            while turns.next_if(|(turn, _)| *turn > place).is_some() {}
            let turn = turns.next_if(|(turn, _)| *turn == place).map(|(_, turn)| turn);
            UserMessage {
                text: utterance.text,
                sentiment: judged.map(|judged| judged.sentiment),
                score: judged.map(|judged| judged.score),
                is_courtesy: turn.is_some_and(MessageFeatures::is_courtesy),
                is_about_works: about_works && turn.is_some_and(MessageFeatures::is_no_complaint),
                is_mere_request: turn.is_some_and(MessageFeatures::is_mere_request),
                is_polite: turn.is_some_and(MessageFeatures::is_polite),
                is_no_praise: turn.is_some_and(MessageFeatures::is_no_praise),
                complains: turn.is_some_and(MessageFeatures::complains),
            }
        })
        .collect();
    moods.reverse();
    interaction_sentiment(&moods)
}

/// Reconciles mood and satisfaction: a weak mood yields to the signs of satisfaction, and the signs yield to
/// a strong mood.
fn agreed(
    mood: Option<InteractionSentiment>,
    satisfaction: impl Fn(Option<csat::Mood>) -> Option<Csat>,
) -> (Option<InteractionSentiment>, Option<Csat>) {
    let shown = |mood: &InteractionSentiment| csat::Mood {
        whole: mood.sentiment,
        score: mood.score,
        ended: mood.ended,
    };
    let csat = satisfaction(mood.as_ref().map(shown));
    let is_bounded = csat.as_ref().is_some_and(|csat| csat.is_bounded);
    match mood.as_ref().filter(|_| is_bounded).and_then(InteractionSentiment::tempered) {
        Some(tempered) => {
            let csat = satisfaction(Some(shown(&tempered)));
            (Some(tempered), csat)
        }
        None => (mood, csat),
    }
}

/// The messages that satisfaction is judged by: the last ones, with their positions in `utterances`.
fn turns(
    utterances: &[Utterance<'_>],
    memo: &Memo,
    messages: &[Option<MessageSentiment>],
) -> Vec<(usize, MessageFeatures)> {
    let recent = memo.recent(utterances, csat::TURNS_MAX).into_iter();
    recent
        .map(|(index, signs)| {
            let turn = MessageFeatures {
                role: utterances[index].role,
                num_words: signs.num_words,
                cues: signs.cues,
                language: signs.language,
                asks: signs.asks,
                mood: messages[index].map(|judged| judged.score),
                signature: signs.signature,
            };
            (index, turn)
        })
        .collect()
}

fn satisfaction(
    conversation: &Conversation<'_>,
    turns: &[MessageFeatures],
    mood: Option<csat::Mood>,
) -> Option<Csat> {
    let utterances = conversation.utterances;
    let num_by = |is_side: fn(Role) -> bool| utterances.iter().filter(|said| is_side(said.role)).count();
    let sides = Sides {
        num_customer: num_by(|role| role == Role::User),
        num_agent: num_by(|role| matches!(role, Role::Assistant | Role::Human)),
    };
    let Conversation { status, ended, end_reason, .. } = *conversation;
    csat::estimate(turns, sides, EndState { status, ended, end_reason }, mood)
}

fn keywords_of(window: &[Read<'_>]) -> Vec<Keyword> {
    let messages: Vec<_> =
        window.iter().map(|read| (read.text, &read.depth.candidates, read.role == Role::User)).collect();
    keywords::rank(&messages)
}

fn summary_of(window: &[Read<'_>], over: bool) -> Option<String> {
    let said: Vec<SummaryMessage<'_>> = window
        .iter()
        .map(|read| SummaryMessage { role: read.role, text: read.text, pick: read.depth.pick })
        .collect();
    summary::summarize(&said, over)
}

/// The mentions that make a key phrase the topic: two by the customer, or one plus two by agents.
const TOPIC_MENTIONS_MIN: u32 = 4;

/// The topic if none of the taxonomy fits: a phrase that was repeated.
fn topic_from(keywords: &[Keyword]) -> Option<String> {
    let repeated = |keyword: &&Keyword| keyword.num_words > 1 && keyword.mentions >= TOPIC_MENTIONS_MIN;
    let mut letters = keywords.iter().find(repeated)?.text.chars();
    let first = letters.next()?;
    Some(first.to_uppercase().chain(letters).collect())
}
