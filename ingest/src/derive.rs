//! Everything computed from a state: the rules of docs/reference.md on interactions, status and billing, as pure
//! functions.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use hearken_analysis::sentiment::MessageSentiment;
use hearken_analysis::{Analysis, Analyzer, Conversation, Memo, Utterance};
use hearken_billing::{AnalysisUsage, Billing, BillingInput, BillingMessage};
use hearken_model::document::DerivedMessage;
use hearken_model::{
    Derived, Interaction, MessageUpdate, Role, State, Status, Timestamp, TopicsSummary, Usage, UsageTotals,
};

use crate::llm;
use crate::metrics::IngestMetrics;
use crate::user_agent::{UserAgent, UserAgentParser};

mod assessment;
mod mood;
mod pace;
mod tools;

#[cfg(test)]
mod tests;

pub(crate) use assessment::of_upstream;
use pace::Pace;

/// What deriving needs besides the state.
pub struct Deriver {
    analyzer: Analyzer,
    billing: Billing,
    user_agents: UserAgentParser,
    idle_timeout: Duration,
    /// With a language model: the size limit of the excerpts it gets.
    excerpt_bytes: Option<usize>,
    metrics: IngestMetrics,
}

type Transcript<'a> = [(Timestamp, &'a str, &'a MessageUpdate)];

impl Deriver {
    /// Assembles the analysers.
    pub fn new(analyzer: Analyzer, billing: Billing, idle_timeout: Duration, metrics: IngestMetrics) -> Self {
        let user_agents = UserAgentParser::new();
        Deriver { analyzer, billing, user_agents, idle_timeout, excerpt_bytes: None, metrics }
    }

    /// Also marks what a language model still has to be asked about, with excerpts of at most `excerpt_bytes`.
    pub fn with_llm(self, excerpt_bytes: usize) -> Self {
        Deriver { excerpt_bytes: Some(excerpt_bytes), ..self }
    }

    /// Derives everything. `now` is `None` while the backlog is being read; then nothing is judged abandoned.
    pub fn derive(&mut self, state: &State, memo: &mut Memo, now: Option<Timestamp>) -> Derived {
        let transcript = state.transcript();
        let start_time = state.start_time();
        let end = state.end.as_ref().map(|end| &end.value);
        let end_time = end.and_then(|end| end.end_time);
        let duration = duration(state, end_time);
        let status = status(state, now, self.idle_timeout);
        let (llm_model, llm_models) = models(state, &transcript);
        let client = self.client(state);
        let analysis = self.analyse(state, &transcript, status, memo);
        let (messages_mood, language) = (analysis.messages, analysis.language);
        let (assessment, analysis_info) = assessment::choose(state, analysis.assessment);
        let bill = self.billing.bill(&BillingInput {
            interaction_type: value(&state.interaction_type),
            duration,
            messages: billing_messages(&transcript),
            llm_model: llm_model.as_deref(),
            upstream_cost: end.and_then(|end| end.cost.as_ref()),
            analysis: analysis_usage(state),
        });
        let address = value(&state.address).unwrap_or_default();
        let url: Option<String> = value(&state.url);
        let rating = value(&state.rating);
        let url_host = url.as_deref().and_then(url_host);
        let (tools, failed_tools) = tools::called(&transcript);
        let pace = Pace::of(state, &transcript);
        debug_assert_eq!(messages_mood.len(), transcript.len(), "a mood, known or not, for each message");
        debug_assert_eq!(bill.billable.len(), transcript.len(), "billable or not, for each message");
        let messages: Vec<DerivedMessage> = transcript
            .iter()
            .zip(messages_mood)
            .zip(bill.billable)
            .map(|(((_, _, message), detected), billable)| derived_message(message, detected, billable))
            .collect();
        let (worst_moment, sentiment_change) = mood::course(&transcript, &messages);
        let head = Interaction {
            id: state.id.as_str().to_owned(),
            organization: value(&state.organization),
            agent: value(&state.agent),
            agent_version: value(&state.agent_version),
            usage: usage(&transcript, llm_model.as_deref()),
            llm_model,
            llm_models,
            interaction_type: value(&state.interaction_type),
            status: Some(status),
            end_reason: end.and_then(|end| end.end_reason.clone()),
            direction: value(&state.direction),
            integration: value(&state.integration),
            messages_count: transcript.iter().filter(|(_, _, message)| is_counted(message.role)).count()
                as u64,
            tools,
            failed_tools,
            first_response: pace.first_response,
            slowest_response: pace.slowest_response,
            longest_silence: pace.longest_silence,
            interruptions: pace.interruptions,
            billable_messages: bill.billable_messages,
            billable_minutes: bill.billable_minutes,
            start_time,
            end_time,
            duration,
            browser: client.browser,
            os: client.os,
            device: client.device.map(|device| device.to_string()),
            ip_address: address.ip_address,
            country_code: address.country_code,
            country: address.country,
            city: address.city,
            url,
            url_host,
            language: value(&state.language).or(language),
            user_id: value(&state.user_id),
            caller: value(&state.caller),
            recording_url: end.and_then(|end| end.recording_url.clone()),
            metadata: state.metadata.iter().map(|(key, value)| (key.clone(), value.value.clone())).collect(),
            total_costs: bill.total_costs,
            csat: assessment.csat,
            csat_description: assessment.csat_description,
            rating: rating.as_ref().map(|rating| rating.rating),
            rating_comment: rating.and_then(|rating| rating.rating_comment),
            topics_summary: TopicsSummary {
                topic: assessment.topic,
                summary: assessment.summary,
                sentiment: assessment.sentiment,
                sentiment_description: assessment.sentiment_description,
                keywords: assessment.keywords.unwrap_or_default(),
            },
            worst_moment,
            sentiment_change,
            analysis: Some(analysis_info),
            transcript: None,
        };
        let llm_pending = self.excerpt_bytes.is_some_and(|bytes| llm::is_pending(state, &transcript, bytes));
        Derived { messages, head, llm_pending }
    }

    fn client(&mut self, state: &State) -> UserAgent {
        match &state.user_agent {
            None => UserAgent::default(),
            Some(user_agent) => {
                let (client, outcome) = self.user_agents.parse(&user_agent.value);
                self.metrics.lookup("user_agent", outcome.as_str());
                client
            }
        }
    }

    fn analyse(
        &self,
        state: &State,
        transcript: &Transcript<'_>,
        status: Status,
        memo: &mut Memo,
    ) -> Analysis {
        let started = std::time::Instant::now();
        let utterances: Vec<_> = transcript
            .iter()
            .map(|(at, id, message)| Utterance {
                id,
                role: message.role,
                text: &message.message,
                at_ms: at.as_millis(),
                given_mood: message
                    .sentiment
                    .map(|sentiment| (sentiment, message.sentiment_score.map(|score| score as f32))),
            })
            .collect();
        let end = state.end.as_ref().map(|end| &end.value);
        let analysis = self.analyzer.analyze(
            &Conversation {
                utterances: &utterances,
                status,
                ended: end.is_some(),
                end_reason: end.and_then(|end| end.end_reason.as_deref()),
                language: state.language.as_ref().map(|language| language.value.as_str()),
            },
            memo,
        );
        self.metrics.analysed(started.elapsed().as_secs_f64());
        analysis
    }
}

/// What is known about one message: what upstream says, or else what was detected.
fn derived_message(
    message: &MessageUpdate,
    detected: Option<MessageSentiment>,
    billable: bool,
) -> DerivedMessage {
    DerivedMessage {
        sentiment: message.sentiment.or(detected.map(|detected| detected.sentiment)),
        sentiment_score: match (message.sentiment, message.sentiment_score) {
            (None, None) => detected.map(|detected| rounded(f64::from(detected.score))),
            (_, score) => score,
        },
        billable,
    }
}

fn value<T: Clone>(versioned: &Option<hearken_model::Versioned<T>>) -> Option<T> {
    versioned.as_ref().map(|versioned| versioned.value.clone())
}

/// Scores are shown with three digits; more would claim a precision that no detector has.
fn rounded(score: f64) -> f64 {
    (score * 1000.0).round() / 1000.0
}

const fn is_counted(role: Role) -> bool {
    matches!(role, Role::User | Role::Assistant | Role::Human)
}

/// See docs/reference.md#status.
fn status(state: &State, now: Option<Timestamp>, idle_timeout: Duration) -> Status {
    match (&state.end, now) {
        (Some(end), _) => end.value.status,
        (None, Some(now))
            if now.nanos_since(state.newest_event) as i128 >= idle_timeout.as_nanos() as i128 =>
        {
            Status::Abandoned
        }
        (None, _) => Status::InProgress,
    }
}

/// Seconds from the start to the end, or to the end of the last message while there is no end. An end before the start
/// is a contradiction, so the duration is unknown.
fn duration(state: &State, end_time: Option<Timestamp>) -> Option<f64> {
    let start = state.start_time()?;
    let nanos = end_time.or_else(|| state.last_message_end())?.nanos_since(start);
    (nanos >= 0).then_some(nanos as f64 / 1e9)
}

/// The model that most assistant messages name (on a tie, the later one), or else the one given at the start; and all
/// models.
fn models(state: &State, transcript: &Transcript<'_>) -> (Option<String>, Vec<String>) {
    let mut all: Vec<String> = Vec::new();
    let mut mentions: HashMap<&str, (usize, usize)> = HashMap::new(); // model → (count, index of the last)
    for (place, (_, _, message)) in transcript.iter().enumerate() {
        let Some(model) = message.llm_model.as_deref() else { continue };
        if !all.iter().any(|known| known == model) {
            all.push(model.to_owned());
        }
        if message.role == Role::Assistant {
            let mention = mentions.entry(model).or_default();
            *mention = (mention.0 + 1, place);
        }
    }
    let most_named =
        mentions.into_iter().max_by_key(|(_, mention)| *mention).map(|(model, _)| model.to_owned());
    let given = value(&state.llm_model);
    if let Some(given) = &given
        && !all.contains(given)
    {
        all.push(given.clone());
    }
    (most_named.or(given), all)
}

/// Sums over all messages; `None` if none of them states its usage.
fn usage(transcript: &Transcript<'_>, llm_model: Option<&str>) -> Option<UsageTotals> {
    let mut by_model: BTreeMap<String, Usage> = BTreeMap::new();
    let mut sum = Usage::default();
    let mut is_known = false;
    for (_, _, message) in transcript {
        let Some(usage) = message.usage else { continue };
        is_known = true;
        sum += usage;
        if let Some(model) = message.llm_model.as_deref().or(llm_model) {
            *by_model.entry(model.to_owned()).or_default() += usage;
        }
    }
    is_known.then_some(UsageTotals {
        input_tokens: sum.input_tokens,
        cached_input_tokens: sum.cached_input_tokens,
        output_tokens: sum.output_tokens,
        by_model,
    })
}

/// The host of a URL; a text without a scheme is read as host and path.
fn url_host(text: &str) -> Option<String> {
    let parsed = url::Url::parse(text).ok().filter(url::Url::has_host);
    let parsed =
        parsed.or_else(|| url::Url::parse(&format!("http://{text}")).ok().filter(|_| text.contains('.')))?;
    parsed.host_str().filter(|host| !host.is_empty()).map(str::to_owned)
}

/// Priced as of the day on which the answer arrived, because the event time is that of the conversation.
fn analysis_usage(state: &State) -> Vec<AnalysisUsage<'_>> {
    let Some(llm) = &state.llm_analysis else { return Vec::new() };
    let used = llm.value.usage.iter();
    used.map(|(model, usage)| AnalysisUsage { llm_model: model, usage: *usage, at: llm.recorded_at })
        .collect()
}

fn billing_messages<'a>(transcript: &Transcript<'a>) -> Vec<BillingMessage<'a>> {
    transcript
        .iter()
        .map(|(at, _, message)| BillingMessage {
            role: message.role,
            billable: message.billable,
            llm_model: message.llm_model.as_deref(),
            usage: message.usage,
            at: *at,
        })
        .collect()
}
