//! The payloads of the shared data, read in place.
//!
//! Data: `HEARKEN_TEST_DATA`, or else `../shared/data` beside the project. Without it these tests are skipped, or fail
//! with `HEARKEN_REQUIRE_ENGINES=1`.

use std::path::{Path, PathBuf};

use super::*;

/// The text of a sample; `None` if the shared data is missing.
fn sample(file: &str) -> Option<String> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let data = std::env::var_os("HEARKEN_TEST_DATA").map_or_else(beside, PathBuf::from);
    if !data.join("samples").is_dir() {
        let is_required = std::env::var_os("HEARKEN_REQUIRE_ENGINES").is_some_and(|value| value == "1");
        assert!(!is_required, "no `samples` in {}; set HEARKEN_TEST_DATA to their folder", data.display());
        eprintln!("skipped: no `samples` in {}; set HEARKEN_TEST_DATA to their folder", data.display());
        return None;
    }
    Some(std::fs::read_to_string(data.join("samples").join(file)).unwrap())
}

fn sample_json(file: &str) -> Option<Value> {
    sample(file).map(|text| serde_json::from_str(&text).unwrap())
}

#[test]
fn elevenlabs() {
    let Some(payload) = sample_json("elevenlabs/post_call_transcription.json") else { return };
    let event = event(&payload);
    let started = &event.started;
    assert_eq!(event.interaction_id.as_str(), "conv_01jtest");
    assert_eq!(started.agent.as_deref(), Some("Support line"));
    assert_eq!(started.direction.unwrap().as_str(), "inbound");
    assert_eq!(started.caller.as_deref(), Some("+12025550142"));
    assert_eq!(started.language.as_deref(), Some("en"));
    assert_eq!(started.start_time.unwrap().as_millis(), 1_763_811_000_000);
    assert_eq!(event.time.as_millis(), 1_763_811_154_000);
    let end = event.end.clone().unwrap();
    assert_eq!(end.end_time.unwrap().as_millis(), 1_763_811_153_000);
    assert_eq!((end.status.as_str(), end.cost), ("finished", None), "credits are no money");
    assert_eq!(event.assessment.csat, Some(4));
    assert_eq!(event.assessment.csat_description.as_deref(), Some("said 'good'"));
    assert_eq!(event.assessment.topic.as_deref(), Some("Internet outage"));
    assert_eq!(event.assessment.summary.as_deref(), Some("Customer reported an outage; agent confirmed it."));
    let tool = event.messages[2].1.tool.clone().unwrap();
    assert_eq!((tool.name.as_str(), tool.ok), ("lookup_outage", Some(true)));
    assert_eq!(tool.arguments, Some(json!({"zip": "94107"})));
    assert_eq!(tool.result, Some(json!({"outage": true})));
    assert_eq!(event.messages[2].1.usage.unwrap().input_tokens, 812);
    assert!(metadata(&event).contains(&"evaluation.solved=success".to_owned()));
    let expected = [
        (Role::Assistant, 0, "Hello, how can I help?".to_owned()),
        (Role::User, 4_000, "My internet has been down since Monday.".to_owned()),
        (Role::Tool, 8_000, r#"lookup_outage {"zip":"94107"} {"outage":true}"#.to_owned()),
    ];
    assert_eq!(said(&folded([event])), expected);
}

#[test]
fn vapi() {
    let Some(payload) = sample_json("vapi/end-of-call-report.json") else { return };
    let event = event(&payload);
    assert_eq!(event.interaction_id.as_str(), "7420f27a-30fd-4f49-a995-5549ae7cc00d");
    assert_eq!(event.started.organization.as_deref(), Some("o1"));
    assert_eq!(event.started.caller.as_deref(), Some("+12025550142"));
    assert_eq!(event.started.direction.unwrap().as_str(), "inbound");
    assert_eq!(event.started.start_time.unwrap().to_string(), "2026-11-22T11:30:00Z");
    let end = event.end.clone().unwrap();
    assert_eq!(end.end_time.unwrap().to_string(), "2026-11-22T11:32:33Z");
    assert_eq!((end.status.as_str(), end.end_reason.as_deref()), ("finished", Some("customer-ended-call")));
    assert_eq!(end.cost.unwrap().amount.to_string(), "0.1632");
    assert_eq!(end.recording_url.as_deref(), Some("https://storage.example/rec.wav"));
    assert_eq!(event.assessment.summary.as_deref(), Some("Customer reported an outage."));
    assert!(metadata(&event).contains(&"structured_data.issue=outage".to_owned()));
    let usage = event.messages[1].1.usage.unwrap();
    assert_eq!((usage.input_tokens, usage.output_tokens), (8_211, 310));
    let roles: Vec<_> = said(&folded([event])).into_iter().map(|(role, ..)| role).collect();
    assert_eq!(roles, [Role::System, Role::Assistant, Role::User, Role::Tool]);
}

#[test]
fn retell() {
    let Some(payload) = sample_json("retell/call_analyzed.json") else { return };
    let event = event(&payload);
    assert_eq!(event.interaction_id.as_str(), "call_a1");
    assert_eq!(event.started.agent.as_deref(), Some("Support"));
    assert_eq!(event.started.agent_version.as_deref(), Some("3"));
    assert_eq!(event.started.caller.as_deref(), Some("+12025550142"));
    let end = event.end.clone().unwrap();
    assert_eq!(end.end_time.unwrap().as_millis(), 1_763_811_154_400);
    assert_eq!(end.cost.unwrap().amount.to_string(), "0.46", "46 cents");
    assert_eq!(event.assessment.sentiment.unwrap().as_str(), "negative");
    assert_eq!(event.assessment.topic.as_deref(), Some("billing"));
    assert!(metadata(&event).contains(&"dynamic_variables.customer_name=Ann".to_owned()));
    let said = said(&folded([event]));
    let words: Vec<_> = said.iter().map(|(role, _, words)| (*role, words.as_str())).collect();
    let expected = [
        (Role::Assistant, "Hello"),
        (Role::Tool, r#"find_invoice {"name":"Ann"} {"duplicates":1}"#),
        (Role::User, "[pressed 1]"),
        (Role::System, "Start → Billing"),
    ];
    assert_eq!(words, expected);
}

#[test]
fn otlp_logs_and_spans() {
    for file in ["otel-genai/otlp-logs.json", "otel-genai/otlp-traces.json"] {
        let Some(payload) = sample_json(file) else { return };
        let state = folded(events(&payload));
        assert_eq!(state.id.as_str(), "conv_5j66UpCpwteGg4YSxUnt7lPY");
        assert_eq!(state.agent.as_ref().unwrap().value, "support-bot");
        assert_eq!(state.agent_version.as_ref().unwrap().value, "1.4.2");
        let transcript = state.transcript();
        let said: Vec<_> = transcript.iter().map(|(_, _, said)| (said.role, said.message.as_str())).collect();
        let expected = [
            (Role::User, "Where is my order 3348917502?"),
            (Role::Assistant, "It left our warehouse this morning."),
        ];
        assert_eq!(said, expected, "{file}");
        let (at, _, answer) = transcript[1];
        assert_eq!(at.as_nanos(), 1_763_811_001_234_000_000);
        assert_eq!(answer.llm_model.as_deref(), Some("gpt-4o-2024-08-06"));
        assert_eq!(answer.usage.map(|usage| (usage.input_tokens, usage.output_tokens)), Some((52, 47)));
    }
}

/// The examples of the conventions: each is one call or a few, with messages as JSON.
#[test]
fn the_examples_of_the_genai_conventions() {
    let Some(sections) = sample_json("otel-genai/examples-llm-calls.json") else { return };
    let mut num_said = 0;
    for section in sections.as_array().unwrap() {
        let lists = section["json"].as_array().unwrap();
        let messages = lists.iter().filter(|list| list[0]["parts"].is_array());
        for (n, list) in messages.enumerate() {
            let is_output = list[0].get("finish_reason").is_some();
            let name = if is_output { "gen_ai.output.messages" } else { "gen_ai.input.messages" };
            let attributes = json!([{"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
                {"key": "gen_ai.conversation.id", "value": {"stringValue": "c"}},
                {"key": name, "value": {"stringValue": list.to_string()}}]);
            let span = json!({"traceId": "ab", "spanId": n.to_string(), "startTimeUnixNano": "1700000000000000000",
                "endTimeUnixNano": "1700000001000000000", "attributes": attributes});
            let payload = json!({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]});
            let state = folded(events(&payload));
            num_said += state.messages.len();
            assert!(!state.messages.is_empty(), "{}: {list}", section["section"]);
            let texts = state.messages.values().map(|message| &message.value.message);
            assert!(texts.clone().all(|text| !text.is_empty()), "{list}");
            assert!(
                !texts.clone().any(|text| text.contains("Alright, the user wants a joke")),
                "a thought is not said"
            );
        }
    }
    assert!(num_said > 20, "{num_said}");
}

#[test]
fn contact_lens() {
    let Some(payload) = sample_json("amazon-connect/contact-lens-voice.json") else { return };
    let event = event(&payload);
    assert_eq!(event.interaction_id.as_str(), "key-1", "the file does not say; the record's key does");
    assert_eq!(event.started.language.as_deref(), Some("en-US"));
    assert_eq!(event.started.interaction_type.unwrap().as_str(), "voice_call");
    assert_eq!(event.assessment.sentiment.unwrap().as_str(), "positive");
    assert!(metadata(&event).contains(&"categories=Cancellation".to_owned()));
    let customer = &event.messages[1].1;
    assert_eq!(customer.sentiment.unwrap().as_str(), "negative");
    assert_eq!(customer.end_offset_ms, Some(7_370));
    let expected = [
        (Role::Human, 0, "Thanks for calling. How can I help?".to_owned()),
        (Role::User, 3_010, "I'd like to cancel my plan.".to_owned()),
    ];
    assert_eq!(said(&folded([event])), expected);
}

#[test]
fn rasa() {
    for (file, expected) in [
        (
            "rasa/kafka_events.jsonl",
            &["user: where is my order 3348917502", "assistant: It is on its way."][..],
        ),
        ("rasa/tracker_moodbot.events.jsonl", &["user: /greet", "user: /mood_great"]),
    ] {
        let Some(lines) = sample(file) else { return };
        let payloads: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let (known, ignored): (Vec<_>, Vec<_>) =
            payloads.into_iter().partition(|payload| !is_ignored(payload));
        assert!(ignored.iter().all(|payload| payload["event"] == "action_execution_rejected"), "{file}");
        let sessions = rasa_sessions(&known);
        assert_eq!(sessions.len(), 1, "{file}");
        assert_eq!(sessions[0].1, expected, "{file}");
    }
}
