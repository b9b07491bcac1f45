//! Whose values win where several have analysed: upstream's, then a language model's, then detection's.
//!
//! Upstream wins field by field, because it may know only some. A model's answer is one judgement of the whole: where
//! it says nothing ("too little to judge by"), detection does not fill in, or `analysis.by` would not be true.

use hearken_analysis::Analysis;
use hearken_model::{AnalysisInfo, LlmAnalysis, State, TopicsSummary, Versioned};

use super::value;

/// The winning values, and whose they are.
pub(super) struct Verdict {
    pub(super) csat: Option<u8>,
    pub(super) csat_description: Option<String>,
    pub(super) topics_summary: TopicsSummary,
    pub(super) info: AnalysisInfo,
}

impl Verdict {
    pub(super) fn of(state: &State, detected: Analysis) -> Self {
        let llm = state.llm_analysis.as_ref();
        let beneath = llm.map_or_else(|| of_detection(detected), |llm| of_llm(llm.value.clone()));
        let TopicsSummary { topic, summary, sentiment, sentiment_description, keywords } =
            beneath.topics_summary;
        Verdict {
            csat: value(&state.csat).or(beneath.csat),
            csat_description: described(&state.csat, &state.csat_description, beneath.csat_description),
            topics_summary: TopicsSummary {
                topic: value(&state.topic).or(topic),
                summary: value(&state.summary).or(summary),
                sentiment: value(&state.sentiment).or(sentiment),
                sentiment_description: described(
                    &state.sentiment,
                    &state.sentiment_description,
                    sentiment_description,
                ),
                keywords: value(&state.keywords).unwrap_or(keywords),
            },
            info: info(state, llm),
        }
    }
}

/// The values below upstream's.
struct Beneath {
    csat: Option<u8>,
    csat_description: Option<String>,
    topics_summary: TopicsSummary,
}

fn of_llm(llm: LlmAnalysis) -> Beneath {
    Beneath {
        csat: llm.csat,
        csat_description: llm.csat_description,
        topics_summary: TopicsSummary {
            topic: llm.topic,
            summary: llm.summary,
            sentiment: llm.sentiment,
            sentiment_description: llm.sentiment_description,
            keywords: llm.keywords,
        },
    }
}

fn of_detection(detected: Analysis) -> Beneath {
    Beneath {
        csat: detected.csat,
        csat_description: detected.csat_description,
        topics_summary: TopicsSummary {
            topic: detected.topic,
            summary: detected.summary,
            sentiment: detected.sentiment,
            sentiment_description: detected.sentiment_description,
            keywords: detected.keywords,
        },
    }
}

/// A description belongs to the value it describes: nobody else explains upstream's number.
fn described<T>(
    upstream: &Option<Versioned<T>>,
    upstream_description: &Option<Versioned<String>>,
    description: Option<String>,
) -> Option<String> {
    value(upstream_description).or(if upstream.is_some() { None } else { description })
}

/// `analysis.at` is the event time of the newest event that was analysed; a model's answer is dated by it.
fn info(state: &State, llm: Option<&Versioned<LlmAnalysis>>) -> AnalysisInfo {
    if upstream_says(state).contains(&true) {
        return AnalysisInfo { by: "upstream".to_owned(), version: None, at: state.newest_event };
    }
    match llm {
        Some(llm) => {
            AnalysisInfo { by: llm.value.by.clone(), version: Some(llm.value.version.clone()), at: llm.time }
        }
        None => AnalysisInfo {
            by: "built-in".to_owned(),
            version: Some(hearken_analysis::VERSION.to_string()),
            at: state.newest_event,
        },
    }
}

/// Which of the five values upstream has given.
pub(crate) fn upstream_says(state: &State) -> [bool; 5] {
    [
        state.csat.is_some(),
        state.topic.is_some(),
        state.summary.is_some(),
        state.sentiment.is_some(),
        state.keywords.is_some(),
    ]
}
