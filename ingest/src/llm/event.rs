//! The answer as a record: an `interaction.analyzed` that says who analysed, from what, and at what cost.

use std::collections::BTreeMap;

use hearken_analysis::llm::LLM_VERSION;
use hearken_model::{Assessment, State, Timestamp, Usage};
use serde_json::json;
use uuid::Uuid;

use crate::kafka::OutgoingRecord;

/// An answer, and what is needed to send it.
pub(super) struct Answered<'a> {
    /// The interaction as it was when the model was asked.
    pub(super) state: &'a State,
    /// The fingerprint of the excerpt.
    pub(super) of: &'a str,
    pub(super) model: &'a str,
    pub(super) assessment: &'a Assessment,
    /// Usage of this answer and the attempts before it.
    pub(super) used: Usage,
}

/// The record for an answer; `now` is the time of sending.
///
/// Its event time is that of the newest event that was analysed: an answer is not activity, so it neither reopens an
/// interaction nor keeps one from being abandoned. Among answers about the same event the record's timestamp decides,
/// so it never goes back, whatever the clock does.
pub(super) fn record(answered: &Answered<'_>, now: Timestamp) -> OutgoingRecord {
    let Answered { state, of, model, assessment, used } = *answered;
    let earlier = state.llm_analysis.as_ref();
    let sent_at = earlier.map_or(now, |earlier| now.max(earlier.recorded_at.plus_millis(1)));
    let usage = usage(earlier.map(|earlier| &earlier.value.usage), model, used);
    let usage: Vec<_> = usage
        .iter()
        .map(|(model, usage)| {
            json!({
                "llm_model": model,
                "input_tokens": usage.input_tokens,
                "cached_input_tokens": usage.cached_input_tokens,
                "output_tokens": usage.output_tokens,
            })
        })
        .collect();
    let name = (state.id.as_str(), model, of, sent_at.as_nanos());
    let name = serde_json::to_vec(&name).expect("strings and a number always serialise");
    let event = json!({
        "specversion": "1.0",
        "type": "interaction.analyzed",
        "source": "hearken",
        "id": Uuid::new_v5(&Uuid::NAMESPACE_OID, &name).to_string(),
        "time": state.newest_event,
        "datacontenttype": "application/json",
        "data": {
            "interaction_id": state.id,
            "csat": assessment.csat,
            "csat_description": assessment.csat_description,
            "topic": assessment.topic,
            "summary": assessment.summary,
            "sentiment": assessment.sentiment,
            "sentiment_description": assessment.sentiment_description,
            "keywords": assessment.keywords,
            "analysis": {
                "by": model,
                "version": LLM_VERSION,
                "at": state.newest_event,
                "of": of,
                "usage": usage,
            },
        },
    });
    OutgoingRecord {
        key: Some(state.id.as_str().as_bytes().to_vec()),
        value: Some(event.to_string().into_bytes()),
        headers: vec![("content-type".to_owned(), b"application/cloudevents+json".to_vec())],
        timestamp: Some(sent_at),
        partition: None,
    }
}

/// All usage so far for this interaction: its state keeps only one answer, which must not forget the cost of earlier
/// ones.
fn usage(earlier: Option<&BTreeMap<String, Usage>>, model: &str, used: Usage) -> BTreeMap<String, Usage> {
    let mut usage = earlier.cloned().unwrap_or_default();
    if used != Usage::default() {
        *usage.entry(model.to_owned()).or_default() += used;
    }
    usage
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use hearken_model::{Event, InteractionId, Sentiment};

    use super::*;
    use crate::{Decoded, RawRecord, decode};

    fn assessment(topic: &str) -> Assessment {
        Assessment {
            sentiment: Some(Sentiment::Negative),
            sentiment_description: Some("The parcel is late.".to_owned()),
            csat: Some(2),
            csat_description: Some("Nothing was resolved.".to_owned()),
            topic: Some(topic.to_owned()),
            summary: Some("Asked for a parcel.".to_owned()),
            keywords: Some(vec!["late parcel".to_owned()]),
        }
    }

    /// The event as read back from the topic.
    fn sent(record: OutgoingRecord) -> Event {
        let record = RawRecord {
            topic: "interactions".into(),
            partition: 0,
            offset: 0,
            key: record.key,
            value: record.value,
            timestamp: record.timestamp,
            headers: record.headers.into_iter().map(|(name, value)| (name, Some(value))).collect(),
        };
        match decode(&record, Timestamp::EPOCH) {
            Decoded::Events(events) => events.into_iter().next().unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_answer_comes_back_unchanged_is_not_activity_and_remembers_every_expense() {
        let mut state = State::new(InteractionId::try_new("i-1").unwrap());
        state.newest_event = Timestamp::from_nanos(1_777_636_800_123_456_789);
        let used = Usage { input_tokens: 100, cached_input_tokens: 10, output_tokens: 7 };
        for (model, topic, now_ms) in
            [("a", "Late delivery", 5_000), ("a", "Refund", 4_000), ("b", "Other", 0)]
        {
            let assessment = assessment(topic);
            let answered = Answered { state: &state, of: "f-1", model, assessment: &assessment, used };
            let event = sent(record(&answered, Timestamp::from_millis(now_ms)));
            assert_eq!(event.time, state.newest_event);
            let before = state.newest_event;
            state.fold(event, None).unwrap();
            assert_eq!(state.newest_event, before);
            let llm = &state.llm_analysis.as_ref().unwrap().value;
            assert_eq!(
                llm.assessment.topic.as_deref(),
                Some(topic),
                "the later answer stands although the clock went back"
            );
            assert_eq!((llm.by.as_str(), llm.of.as_str(), llm.assessment.csat), (model, "f-1", Some(2)));
            assert!(state.topic.is_none(), "none of it counts as upstream's");
        }
        let usage = &state.llm_analysis.unwrap().value.usage;
        let twice = Usage { input_tokens: 200, cached_input_tokens: 20, output_tokens: 14 };
        assert_eq!(
            usage.iter().map(|(m, u)| (m.as_str(), *u)).collect::<Vec<_>>(),
            [("a", twice), ("b", used)]
        );
    }
}
