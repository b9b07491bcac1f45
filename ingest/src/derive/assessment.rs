//! Decides which assessment of an interaction wins: upstream's, then a language model's, then detection's.
//!
//! Upstream wins value by value, because it may know only some of them. A model's answer is one judgement of the whole:
//! where it gives no value ("too little to judge by"), detection does not fill it in, or `analysis.by` would be wrong.
//!
//! Values that upstream leaves out are only filled in where they agree with those it gives: CSAT, sentiment and their
//! descriptions come from one reading, and must not contradict each other.

use hearken_model::{AnalysisInfo, Assessment, LlmAnalysis, Sentiment, State, Versioned};

use super::value;

/// The assessment that wins, and whose it is.
pub(super) fn choose(state: &State, detected: Assessment) -> (Assessment, AnalysisInfo) {
    let (upstream, llm) = (of_upstream(state), state.llm_analysis.as_ref());
    let info = info(state, &upstream, llm);
    let beneath = llm.map_or(detected, |llm| llm.value.assessment.clone());
    let agreeing = agreeing(beneath, &upstream);
    (upstream.or(agreeing), info)
}

/// The reading without what upstream's values contradict: a satisfaction that upstream's mood rules out, or vice versa.
fn agreeing(mut reading: Assessment, upstream: &Assessment) -> Assessment {
    if let Some(sentiment) = upstream.sentiment.filter(|sentiment| Some(*sentiment) != reading.sentiment) {
        reading.csat_description = None; // its reasons may refer to a mood that is not shown
        reading.csat = reading.csat.filter(|csat| !rules_out(sentiment, *csat));
    }
    if let (Some(sentiment), Some(csat)) = (reading.sentiment, upstream.csat)
        && rules_out(sentiment, csat)
    {
        (reading.sentiment, reading.sentiment_description) = (None, None);
    }
    reading
}

/// Nobody in a good mood is dissatisfied, and nobody in a bad mood is satisfied.
fn rules_out(sentiment: Sentiment, csat: u8) -> bool {
    match sentiment {
        Sentiment::Positive => csat <= 2,
        Sentiment::Neutral => false,
        Sentiment::Negative => csat >= 4,
    }
}

/// What upstream has given.
pub(crate) fn of_upstream(state: &State) -> Assessment {
    Assessment {
        csat: value(&state.csat),
        csat_description: value(&state.csat_description),
        topic: value(&state.topic),
        summary: value(&state.summary),
        sentiment: value(&state.sentiment),
        sentiment_description: value(&state.sentiment_description),
        keywords: value(&state.keywords),
    }
}

/// `analysis.at` is the event time of the newest event that was analysed, which also dates a model's answer.
fn info(state: &State, upstream: &Assessment, llm: Option<&Versioned<LlmAnalysis>>) -> AnalysisInfo {
    if !upstream.is_empty() {
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
