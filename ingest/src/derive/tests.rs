//! Tests what is derived about the course of a conversation.
#![allow(clippy::unwrap_used)]

use hearken_analysis::{Analyzer, Memo};
use hearken_billing::{Billing, BillingSettings};
use hearken_model::{Event, Interaction, MoodChange, Sentiment, State, Timestamp, TopicsSummary};
use serde_json::{Value, json};

use super::Deriver;
use crate::decode::{Decoded, decode};
use crate::metrics::IngestMetrics;
use crate::record::RawRecord;

fn events(value: &Value) -> Vec<Event> {
    let record = RawRecord {
        topic: "interactions".into(),
        partition: 0,
        offset: 0,
        key: None,
        value: Some(value.to_string().into_bytes()),
        timestamp: Some(Timestamp::from_millis(1_800_000_000_000)),
        headers: Vec::new(),
    };
    match decode(&record, Timestamp::EPOCH) {
        Decoded::Events(events) => events,
        other => panic!("{other:?}"),
    }
}

/// The public view of the interaction made by these records.
fn derived(records: &[Value]) -> Interaction {
    let mut events = records.iter().flat_map(events);
    let first = events.next().unwrap();
    let mut state = State::new(first.interaction_id.clone());
    state.fold(first, None).unwrap();
    events.for_each(|event| {
        state.fold(event, None).unwrap();
    });
    let metrics = IngestMetrics::new(&prometheus::Registry::new()).unwrap();
    let billing = Billing::new(BillingSettings::default());
    let mut deriver =
        Deriver::new(Analyzer::built_in(), billing, std::time::Duration::from_secs(60), metrics);
    deriver.derive(&state, &mut Memo::default(), None).head
}

fn completed(kind: &str, transcript: Value) -> Interaction {
    derived(&[json!({"event": "interaction.completed", "interaction_id": "i", "type": kind,
        "start_time": "2026-05-01T12:00:00Z", "transcript": transcript})])
}

fn waits(interaction: &Interaction) -> [Option<f64>; 3] {
    [interaction.first_response, interaction.slowest_response, interaction.longest_silence]
}

#[test]
fn waiting_runs_from_the_end_of_what_the_customer_said() {
    let call = completed(
        "voice_call",
        json!([
            {"role": "assistant", "message": "hello", "offset_ms": 500, "end_offset_ms": 2_000},
            {"role": "user", "message": "my parcel", "offset_ms": 2_500, "end_offset_ms": 4_000},
            {"role": "tool", "message": "", "offset_ms": 4_100, "tool": {"name": "find"}},
            {"role": "assistant", "message": "one moment", "offset_ms": 5_250, "end_offset_ms": 6_000},
            {"role": "user", "message": "thanks", "offset_ms": 9_000, "end_offset_ms": 11_000},
            {"role": "user", "message": "still there?", "offset_ms": 10_500, "end_offset_ms": 11_500},
            {"role": "assistant", "message": "yes", "offset_ms": 13_000, "end_offset_ms": 13_500},
            {"role": "user", "message": "and now", "offset_ms": 13_600, "end_offset_ms": 14_500},
            {"role": "assistant", "message": "done", "offset_ms": 14_000, "end_offset_ms": 15_000},
            {"role": "user", "message": "bye", "offset_ms": 15_100, "end_offset_ms": 15_200},
        ]),
    );
    assert_eq!(waits(&call), [Some(1.25), Some(2.0), Some(3.0)]);

    let chat = completed(
        "text_chat",
        json!([
            {"role": "user", "message": "hi", "at": "2026-05-01T12:00:00.100Z"},
            {"role": "human", "message": "I take over", "at": "2026-05-01T12:00:01Z"},
            {"role": "assistant", "message": "hello", "at": "2026-05-01T12:00:02.350Z"},
        ]),
    );
    assert_eq!(waits(&chat), [Some(2.25), Some(2.25), None], "silence is for calls");
}

#[test]
fn what_has_no_times_has_no_waits() {
    let said = |role: &str| json!({"role": role, "message": "hello"});
    assert_eq!(waits(&completed("text_chat", json!([said("user"), said("assistant")]))), [None; 3]);
    let unanswered = completed("text_chat", json!([{"role": "user", "message": "hi", "offset_ms": 0}]));
    assert_eq!(waits(&unanswered), [None; 3]);
    // Nothing says when the customer spoke.
    let call = completed(
        "voice_call",
        json!([{"role": "user", "message": "hi", "offset_ms": 0}, {"role": "assistant", "message": "yes", "offset_ms": 9_000}]),
    );
    assert_eq!(waits(&call), [None; 3]);
    // Events within the same second still have their own times.
    let event = |id: &str, role: &str, time: &str| {
        json!({"event": "interaction.message", "interaction_id": "i", "type": "text_chat", "message_id": id,
            "role": role, "message": "hello", "time": time})
    };
    let chat = derived(&[
        event("1", "user", "2026-05-01T12:00:00Z"),
        event("2", "tool", "2026-05-01T12:00:00Z"),
        event("3", "assistant", "2026-05-01T12:00:04Z"),
    ]);
    assert_eq!(waits(&chat), [Some(4.0), Some(4.0), None]);
}

#[test]
fn tools_interruptions_and_version_are_gathered() {
    let tool =
        |name: &str, ok: Value| json!({"role": "tool", "message": "", "tool": {"name": name, "ok": ok}});
    let mut chat = json!([
        tool("find", json!(true)),
        tool("book", json!(null)),
        tool("find", json!(false)),
        tool("pay", json!(true))
    ]);
    let known = completed("text_chat", chat.clone());
    assert_eq!(
        (known.tools.join(" "), known.failed_tools.join(" ")),
        ("find book pay".into(), "find".into())
    );
    assert_eq!(known.interruptions, None);
    chat[0]["interrupted"] = json!(false);
    assert_eq!(completed("text_chat", chat.clone()).interruptions, Some(0));
    chat[1]["interrupted"] = json!(true);
    assert_eq!(completed("text_chat", chat).interruptions, Some(1));
    let started = json!({"event": "interaction.started", "interaction_id": "i", "agent_version": "2.1"});
    assert_eq!(derived(&[started]).agent_version.as_deref(), Some("2.1"));
}

#[test]
fn the_mood_is_that_of_the_first_and_the_last_third() {
    let scored = |scores: &[f64]| {
        let messages: Vec<_> = scores
            .iter()
            .map(|score| {
                let sentiment = if *score < 0.0 { "negative" } else { "neutral" };
                json!({"role": "user", "message": "…", "sentiment": sentiment, "sentiment_score": score})
            })
            .collect();
        let interaction = completed("text_chat", json!(messages));
        (interaction.worst_moment, interaction.sentiment_change)
    };
    let (negative, neutral) = (Some(Sentiment::Negative), Some(Sentiment::Neutral));
    assert_eq!(scored(&[]), (None, None));
    assert_eq!(scored(&[0.2]), (neutral, None));
    assert_eq!(scored(&[0.2, 0.7]), (neutral, Some(MoodChange::Improved)));
    assert_eq!(scored(&[0.7, 0.2]), (neutral, Some(MoodChange::Worsened)));
    assert_eq!(scored(&[0.2, 0.69]), (neutral, Some(MoodChange::Steady)));
    assert_eq!(scored(&[0.0, -1.0, 0.0, 0.4]), (negative, Some(MoodChange::Steady)));
    assert_eq!(scored(&[-0.9, -0.1, 0.0, 0.0, 0.1, -0.1]), (negative, Some(MoodChange::Improved)));
}

#[test]
fn what_is_detected_contradicts_nothing_that_upstream_says() {
    let bad = json!([
        {"role": "user", "message": "This is terrible, it is still broken and I am very angry. I want to speak to a person."},
        {"role": "assistant", "message": "I am sorry, I did not understand that."},
        {"role": "user", "message": "That was no help at all. It still does not work, what an awful service."},
    ]);
    let with = |said: Value| {
        let mut analyzed = json!({"event": "interaction.analyzed", "interaction_id": "i"});
        analyzed.as_object_mut().unwrap().extend(said.as_object().unwrap().clone());
        let chat = json!({"event": "interaction.completed", "interaction_id": "i", "transcript": bad});
        derived(&[chat, analyzed])
    };
    let detected = with(json!({}));
    assert_eq!(detected.topics_summary.sentiment, Some(Sentiment::Negative));
    assert!(detected.csat.is_some_and(|csat| csat <= 2), "{:?}", detected.csat);

    let content = with(json!({"sentiment": "positive"}));
    assert_eq!((content.csat, content.csat_description), (None, None), "nobody content is dissatisfied");
    let satisfied = with(json!({"csat": 5}));
    let TopicsSummary { sentiment, sentiment_description, .. } = satisfied.topics_summary;
    assert_eq!((satisfied.csat, sentiment, sentiment_description), (Some(5), None, None));
    let angry = with(json!({"sentiment": "negative"}));
    assert_eq!((angry.csat, angry.csat_description), (detected.csat, detected.csat_description));
}
