//! The public view of an interaction (docs/reference.md#interaction), field by field, as JSON shows it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    Direction, InteractionType, Money, MoodChange, Role, Scalar, Sentiment, Status, Timestamp, ToolCall,
    Usage,
};

/// An interaction as users see it. Absent data is `null`, never a made-up value.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)] // a document stored before a field existed reads as not having it
pub struct Interaction {
    /// Names it everywhere, and is never used again; 1 to 512 bytes.
    pub id: String,
    /// Whose interaction it is; `None` while no event has said so.
    pub organization: Option<String>,
    /// The AI agent's name.
    pub agent: Option<String>,
    /// The version of the agent, in the producer's spelling.
    pub agent_version: Option<String>,
    /// The model that most assistant messages name, the later on a tie; else the one that `started` gave.
    pub llm_model: Option<String>,
    /// Every model that took part, in the order of first mention in the transcript; the model that `started` gave comes last if nothing else named it.
    pub llm_models: Vec<String>,
    /// The channel; `type` in JSON.
    #[serde(rename = "type")]
    pub interaction_type: Option<InteractionType>,
    /// Where it stands; `None` only in what is left of an erased one.
    pub status: Option<Status>,
    /// Why it ended, in the producer's words.
    pub end_reason: Option<String>,
    /// Who started it.
    pub direction: Option<Direction>,
    /// The platform that it came through.
    pub integration: Option<String>,
    /// Messages of users, assistants and humans; those of tools and the system do not count.
    pub messages_count: u64,
    /// Names of the tools that were called, in the order of their first call.
    pub tools: Vec<String>,
    /// Those of them with a call that did not work.
    pub failed_tools: Vec<String>,
    /// Seconds from the end of the first user message to the next assistant message.
    pub first_response: Option<f64>,
    /// Seconds: the longest such wait after any user message.
    pub slowest_response: Option<f64>,
    /// Seconds: the longest time of a call in which nobody spoke.
    pub longest_silence: Option<f64>,
    /// Messages whose speaker was interrupted; `None` where no message says either way.
    pub interruptions: Option<u64>,
    /// Billable units of a chat; `None` for anything else.
    pub billable_messages: Option<u64>,
    /// Billable units of a call whose duration is known; `None` for anything else.
    pub billable_minutes: Option<u64>,
    /// As given, else the earliest message.
    pub start_time: Option<Timestamp>,
    /// `None` until it has ended, or where the end does not say when.
    pub end_time: Option<Timestamp>,
    /// Seconds, 0 or more: from the start to the end, or to the last message's end while there is none.
    pub duration: Option<f64>,
    /// The customer's browser or app, without version.
    pub browser: Option<String>,
    /// The customer's operating system, without version.
    pub os: Option<String>,
    /// `desktop`, `mobile`, `tablet`, `bot` or `other`.
    pub device: Option<String>,
    /// The customer's address, as far as `[privacy] ip` lets it be kept.
    pub ip_address: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country_code: Option<String>,
    /// English name.
    pub country: Option<String>,
    /// English name.
    pub city: Option<String>,
    /// The page or platform on which it took place.
    pub url: Option<String>,
    /// The host of `url`, if it has one.
    pub url_host: Option<String>,
    /// BCP 47 tag: as given, else detected.
    pub language: Option<String>,
    /// The customer, in the producer's naming.
    pub user_id: Option<String>,
    /// The telephone number that called or was called.
    pub caller: Option<String>,
    /// Where the recording is.
    pub recording_url: Option<String>,
    /// The producer's own data by flattened key, at most 64 keys.
    pub metadata: BTreeMap<String, Scalar>,
    /// Tokens of all messages; `None` when no message says.
    pub usage: Option<UsageTotals>,
    /// What it cost.
    pub total_costs: TotalCosts,
    /// Satisfaction as judged by `analysis.by`, 1 to 5; `None` when there is too little to judge by.
    pub csat: Option<u8>,
    /// Why `csat` is what it is.
    pub csat_description: Option<String>,
    /// What the customer answered when asked, 1 to 5; never mixed with `csat`.
    pub rating: Option<u8>,
    /// What the customer wrote with it.
    pub rating_comment: Option<String>,
    /// What it was about and how it felt.
    pub topics_summary: TopicsSummary,
    /// The lowest sentiment of any customer message.
    pub worst_moment: Option<Sentiment>,
    /// How the customer's mood moved from beginning to end.
    pub sentiment_change: Option<MoodChange>,
    /// Whose values the analysed ones are; `None` only in what is left of an erased one.
    pub analysis: Option<AnalysisInfo>,
    /// The messages in order; left out of search results.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transcript: Option<Vec<Message>>,
}

/// Most words of a [title](Interaction::title).
const TITLE_WORDS_MAX: usize = 8;

impl Interaction {
    /// What it was about in at most eight words of its own: `Refund · damaged shoes`. `None` where nothing is known of
    /// it but its id.
    pub fn title(&self) -> Option<String> {
        let about = &self.topics_summary;
        let first_said = |roles: &[Role]| {
            let messages = self.transcript.as_deref().unwrap_or_default();
            let said = messages.iter().find(|message| roles.contains(&message.role));
            said.map(|message| message.message.as_str())
        };
        let said = about.said();
        // Without what came of it.
        let request = said.as_deref().and_then(|said| said.split(SUMMARY_SEPARATOR).next());
        let Some(topic) = about.topic.as_deref() else {
            let keywords = || (!about.keywords.is_empty()).then(|| about.keywords.join(" · "));
            let asked = request.or_else(|| first_said(&[Role::User])).and_then(shortened);
            // Where the customer has said nothing, the greeting is all that there is.
            let greeting = || first_said(&[Role::Assistant, Role::Human]).and_then(shortened);
            return asked.or_else(keywords).or_else(greeting);
        };
        // A key phrase from the request: others may be about something else that came up.
        let request = request.map(str::to_lowercase);
        let is_asked = |keyword: &&String| {
            let is_verb = keyword.ends_with("ed") && keyword.contains(' ');
            !is_verb && request.as_deref().is_none_or(|request| request.contains(&keyword.to_lowercase()))
        };
        // The one that adds most to the topic.
        let says_more = |keyword: &&String| {
            let topic = topic.to_lowercase();
            keyword.split_whitespace().any(|word| !topic.contains(&word.to_lowercase()))
        };
        let num_words = topic.split_whitespace().count();
        let keyword = about
            .keywords
            .iter()
            .filter(|keyword| is_asked(keyword) && says_more(keyword))
            .filter(|keyword| num_words + keyword.split_whitespace().count() <= TITLE_WORDS_MAX)
            .max_by_key(|keyword| keyword.split_whitespace().count() > 1);
        match keyword {
            Some(keyword) => Some(format!("{topic} · {keyword}")),
            None => shortened(topic),
        }
    }
}

/// The first words, with an ellipsis where there are more; `None` without any.
fn shortened(text: &str) -> Option<String> {
    const TITLE_CHARS_MAX: usize = 80;
    let mut words = text.split_whitespace();
    let mut title: String = words.by_ref().take(TITLE_WORDS_MAX).collect::<Vec<_>>().join(" ");
    let mut is_cut = words.next().is_some();
    if let Some((end, _)) = title.char_indices().nth(TITLE_CHARS_MAX) {
        title.truncate(end);
        is_cut = true;
    }
    if is_cut {
        title.push('…');
    }
    (!title.is_empty()).then_some(title)
}

/// One message of a transcript.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Unique within the interaction; at most 512 bytes.
    pub id: String,
    /// Who said it.
    pub role: Role,
    /// Milliseconds from `start_time`; negative before it.
    pub timestamp: i64,
    /// The instant it was said.
    pub at: Timestamp,
    /// When speech ended, in milliseconds from `start_time`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_offset_ms: Option<i64>,
    /// What was said.
    pub message: String,
    /// Upstream's, else detected; detected for user messages only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sentiment: Option<Sentiment>,
    /// −1 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sentiment_score: Option<f64>,
    /// The model that wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub llm_model: Option<String>,
    /// Tokens used for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// Whether it counts as a billable unit.
    pub billable: bool,
    /// Whether the speaker was interrupted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interrupted: Option<bool>,
    /// The speech recogniser's confidence, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// The tool call and its result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<ToolCall>,
}

/// Sums of the messages' usage; they saturate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageTotals {
    /// All input tokens, cached ones included.
    pub input_tokens: u64,
    /// Those of them that were read from a cache.
    pub cached_input_tokens: u64,
    /// Output tokens.
    pub output_tokens: u64,
    /// By the model that each message names, else by the interaction's.
    pub by_model: BTreeMap<String, Usage>,
}

/// Where an amount comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CostSource {
    /// Computed from usage and prices.
    Estimate,
    /// The producer said so.
    Upstream,
}

/// What the interaction cost. Amounts are decimal strings in JSON; `null` is unknown, never free.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TotalCosts {
    /// The sum of the known parts, or upstream's word.
    pub amount: Option<Money>,
    /// ISO 4217.
    pub currency: Option<String>,
    /// For model tokens.
    pub llm: Option<Money>,
    /// For messages and minutes.
    pub platform: Option<Money>,
    /// For analysis by a model.
    pub analysis: Option<Money>,
    /// Models that were used and have no price, sorted.
    pub unpriced_models: Vec<String>,
    /// `None` while nothing is known.
    pub source: Option<CostSource>,
}

/// What it was about and how it felt.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicsSummary {
    /// A short name of what it was about.
    pub topic: Option<String>,
    /// What was asked, what was done, how it ended.
    pub summary: Option<String>,
    /// The customer's mood over the whole interaction; `None` when there is too little to judge by.
    pub sentiment: Option<Sentiment>,
    /// Why `sentiment` is what it is.
    pub sentiment_description: Option<String>,
    /// Key phrases, best first.
    pub keywords: Vec<String>,
}

/// What detected summaries put before the words of each speaker.
pub const SUMMARY_SPEAKERS: [&str; 4] =
    ["The customer asked: ", "The agent: ", "A colleague: ", "The customer: "];

/// What stands between the sentences of a detected summary, as dialogues are printed.
pub const SUMMARY_SEPARATOR: &str = " – ";

impl TopicsSummary {
    /// The summary without the words that say who said what: a search for "agent" means what people said.
    pub fn said(&self) -> Option<Cow<'_, str>> {
        let summary = self.summary.as_deref()?;
        let said = |sentence: &'_ str| -> usize {
            SUMMARY_SPEAKERS.into_iter().find(|speaker| sentence.starts_with(speaker)).map_or(0, str::len)
        };
        if !summary.split(SUMMARY_SEPARATOR).any(|sentence| said(sentence) > 0) {
            return Some(Cow::Borrowed(summary));
        }
        let sentences = summary.split(SUMMARY_SEPARATOR).map(|sentence| &sentence[said(sentence)..]);
        Some(Cow::Owned(sentences.collect::<Vec<_>>().join(SUMMARY_SEPARATOR)))
    }
}

/// Who derived the automatic values, and from what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnalysisInfo {
    /// `built-in`, a model's name, or `upstream`.
    pub by: String,
    /// The analyser's version.
    pub version: Option<String>,
    /// Event time of the newest event analysed.
    pub at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_in_the_conversations_own_words() {
        let titled = |topic: Option<&str>, keywords: &[&str], summary: Option<&str>| {
            let topics_summary = TopicsSummary {
                topic: topic.map(str::to_owned),
                summary: summary.map(str::to_owned),
                keywords: keywords.iter().map(|keyword| (*keyword).to_owned()).collect(),
                ..TopicsSummary::default()
            };
            Interaction { id: "i-1".to_owned(), topics_summary, ..Interaction::default() }.title()
        };
        let title = |title: &str| Some(title.to_owned());
        assert_eq!(
            titled(Some("Refund"), &["refund", "damaged shoes"], None),
            title("Refund · damaged shoes")
        );
        assert_eq!(titled(Some("Refund"), &["refund"], Some("x")), title("Refund"));
        assert_eq!(
            titled(
                Some("Hotel booking"),
                &["ticket office", "quiet room"],
                Some("The customer asked: A quiet room, please. – The agent: The ticket office is closed.")
            ),
            title("Hotel booking · quiet room")
        );
        assert_eq!(
            titled(None, &[], Some("one two three four five six seven eight nine")),
            title("one two three four five six seven eight…")
        );
        assert_eq!(
            titled(None, &[], Some("The customer asked: Where is it? – The agent: On its way.")),
            title("Where is it?")
        );
        assert_eq!(titled(None, &["blue boat"], None), title("blue boat"));
        assert_eq!(titled(None, &[], None), None, "an id is no title");
    }
}
