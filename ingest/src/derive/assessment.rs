//! Whose values stand where several have assessed an interaction: upstream's, then a language model's, then detection's.
//!
//! Upstream wins value by value, because it may know only some. A model's answer is one judgement of the whole: where
//! it says nothing ("too little to judge by"), detection does not fill in, or `analysis.by` would not be true.

use hearken_model::{AnalysisInfo, Assessment, LlmAnalysis, State, Versioned};

use super::value;

/// The assessment that stands, and whose it is.
pub(super) fn choose(state: &State, detected: Assessment) -> (Assessment, AnalysisInfo) {
    let (upstream, llm) = (of_upstream(state), state.llm_analysis.as_ref());
    let info = info(state, &upstream, llm);
    let beneath = llm.map_or(detected, |llm| llm.value.assessment.clone());
    (upstream.or(beneath), info)
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

/// `analysis.at` is the event time of the newest event that was analysed; a model's answer is dated by it.
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
