//! Tests every format with payloads of our own; `samples` reads those of the shared data.

#![allow(clippy::unwrap_used)]

mod samples;

use hearken_model::{Event, MessageTime, Role, State, Timestamp};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::RawRecord;
use crate::decode::{Decoded, Rejection, decode};

const RECORDED_MS: i64 = 1_700_000_000_000;

pub(super) fn record(value: impl Into<Vec<u8>>) -> RawRecord {
    RawRecord {
        topic: "webhooks".into(),
        partition: 0,
        offset: 7,
        key: Some(b"key-1".to_vec()),
        value: Some(value.into()),
        timestamp: Some(Timestamp::from_millis(RECORDED_MS)),
        headers: Vec::new(),
    }
}

pub(super) fn decoded(payload: &Value) -> Decoded {
    decode(&record(payload.to_string()), Timestamp::EPOCH)
}

/// The events of a payload; checks that decoding it again yields the same.
pub(super) fn events(payload: &Value) -> Vec<Event> {
    let first = decoded(payload);
    assert_eq!(first, decoded(payload));
    match first {
        Decoded::Events(events) => events,
        other => panic!("{other:?}"),
    }
}

/// The only event of a payload.
pub(super) fn event(payload: &Value) -> Event {
    <[Event; 1]>::try_from(events(payload)).unwrap().into_iter().next().unwrap()
}

pub(super) fn rejection(payload: &Value) -> Rejection {
    match decoded(payload) {
        Decoded::Rejected(rejection) => rejection,
        other => panic!("{other:?}"),
    }
}

pub(super) fn is_ignored(payload: &Value) -> bool {
    matches!(decoded(payload), Decoded::Ignored(_))
}

/// All events of one interaction, folded.
pub(super) fn folded(events: impl IntoIterator<Item = Event>) -> State {
    let mut events = events.into_iter().peekable();
    let mut state = State::new(events.peek().unwrap().interaction_id.clone());
    for event in events {
        state.fold(event, None).unwrap();
    }
    state
}

/// Who said what, in order; `offset_ms` from the start.
pub(super) fn said(state: &State) -> Vec<(Role, i64, String)> {
    let start = state.start_time().unwrap();
    let transcript = state.transcript().into_iter();
    transcript
        .map(|(at, _, message)| (message.role, at.millis_since(start), message.message.clone()))
        .collect()
}

/// Metadata as `key=value`.
pub(super) fn metadata(event: &Event) -> Vec<String> {
    event.started.metadata.iter().map(|(key, value)| format!("{key}={value}")).collect()
}

#[test]
fn what_has_no_known_shape_is_told_what_was_tried_and_what_is_nearest() {
    let reason = rejection(&json!({"hello": 1})).reason;
    assert!(reason.contains("nor of a known format (tried ElevenLabs webhook"), "{reason}");
    assert!(!reason.contains("nearest"), "{reason}");
    let reason =
        rejection(&json!({"type": "post_call_transcription", "event_timestamp": 5, "data": {}})).reason;
    assert!(
        reason.contains("nearest is ElevenLabs webhook, but `data.conversation_id` is missing"),
        "{reason}"
    );
    let payload = json!({"type": "post_call", "event_timestamp": 5, "data": {"conversation_id": "c"}});
    let reason = rejection(&payload).reason;
    assert!(
        reason.contains("but `type` is \"post_call\" and must be one of post_call_transcription"),
        "{reason}"
    );
}

#[test]
fn a_cloud_event_may_carry_a_foreign_payload() {
    let payload =
        json!({"type": "post_call_transcription", "event_timestamp": 5, "data": {"conversation_id": "c"}});
    let carried =
        json!({"specversion": "1.0", "id": "1", "source": "s", "type": "com.example.call", "data": payload});
    assert_eq!(events(&carried), events(&payload));
    let other =
        json!({"specversion": "1.0", "id": "1", "source": "s", "type": "com.example.call", "data": {}});
    assert!(rejection(&other).reason.contains("the event type `com.example.call` is unknown"));
}

#[test]
fn elevenlabs_counts_cached_tokens_in_and_keeps_credits_out_of_costs() {
    let usage = json!({"m": {"input": {"tokens": 10}, "input_cache_read": {"tokens": 90}, "output_total": {"tokens": 5}}});
    let payload = json!({"type": "post_call_transcription", "event_timestamp": 1_700_000_100, "data": {
        "conversation_id": "c", "agent_id": "a", "status": "done",
        "transcript": [{"role": "agent", "message": "hi", "time_in_call_secs": 1.5, "interrupted": true,
            "llm_usage": {"model_usage": usage}}],
        "metadata": {"start_time_unix_secs": 1_700_000_000, "call_duration_secs": 61, "cost": 300, "cost_fiat": 0.0425,
            "text_only": true, "feedback": {"type": "rating", "rating": 4, "comment": "fine"},
            "termination_reason": "Call transferred to +1 202"},
        "conversation_initiation_client_data": {"dynamic_variables": {"plan": "pro", "organization": "acme", "ip": "192.0.2.7",
            "system__time": "now", "nested": {"list": ["a", 1], "objects": [{}]}}}}});
    let event = event(&payload);
    let message = &event.messages[0].1;
    let usage = message.usage.unwrap();
    assert_eq!((usage.input_tokens, usage.cached_input_tokens, usage.output_tokens), (100, 90, 5));
    assert_eq!((message.time, message.interrupted), (MessageTime::OffsetMs(1_500), Some(true)));
    let end = event.end.clone().unwrap();
    assert_eq!(end.status.as_str(), "transferred");
    assert_eq!(end.end_time.unwrap().as_millis(), 1_700_000_061_000);
    let cost = end.cost.unwrap();
    assert_eq!((cost.amount.to_string().as_str(), cost.currency.as_str()), ("0.0425", "USD"));
    let rating = event.rating.clone().unwrap();
    assert_eq!((rating.rating, rating.rating_comment.as_deref()), (4, Some("fine")));
    assert_eq!(event.started.organization.as_deref(), Some("acme"));
    assert_eq!(event.started.interaction_type.unwrap().as_str(), "text_chat");
    let metadata = metadata(&event);
    assert!(metadata.contains(&"dynamic_variables.nested.list=a, 1".to_owned()), "{metadata:?}");
    assert!(!metadata.iter().any(|entry| entry.contains("system__")), "{metadata:?}");
    assert_eq!(event.started.ip_address.as_deref(), Some("192.0.2.7"));
    assert!(
        !metadata.iter().any(|entry| entry.contains("192.0.2.7")),
        "privacy settings decide of addresses"
    );
    assert!(metadata.contains(&"cost_credits=300".to_owned()), "{metadata:?}");
    for other in ["post_call_audio", "call_initiation_failure"] {
        assert!(is_ignored(&json!({"type": other, "event_timestamp": 5, "data": {"conversation_id": "c"}})));
    }
}

#[test]
fn vapi_reports_cost_in_dollars_and_tokens_for_the_whole_call() {
    let payload = |reason: &str| {
        json!({"message": {"type": "end-of-call-report", "timestamp": 1_700_000_100_000_i64, "endedReason": reason,
            "startedAt": "2023-11-14T22:13:20Z", "endedAt": "2023-11-14T22:14:20Z", "cost": 0.0750,
            "costs": [{"type": "model", "model": {"model": "gpt-4o"}, "promptTokens": 100, "cachedPromptTokens": 40,
                "completionTokens": 7}],
            "call": {"id": "call-1", "orgId": "org", "type": "outboundPhoneCall", "metadata": {"plan": "pro"}},
            "artifact": {"messages": [
                {"role": "bot", "message": "hi", "time": 1_700_000_001_000_i64, "endTime": 1_700_000_002_000_i64},
                {"role": "tool_calls", "toolCalls": [{"id": "t", "function": {"name": "refund", "arguments": "{}"}}],
                    "time": 1_700_000_003_000_i64},
                {"role": "tool_call_result", "toolCallId": "t", "error": "no", "time": 1_700_000_004_000_i64},
                {"role": "user", "message": "bye", "secondsFromStart": 5.5}]},
            "analysis": {"summary": "s", "structuredData": {"csat": 2, "topic": "Refund", "order": {"id": 5}}}}})
    };
    let event = event(&payload("customer-ended-call"));
    let bot = &event.messages[0].1;
    let usage = bot.usage.unwrap();
    assert_eq!((usage.input_tokens, usage.cached_input_tokens, usage.output_tokens), (100, 40, 7));
    assert_eq!((bot.llm_model.as_deref(), bot.end_offset_ms), (Some("gpt-4o"), Some(2_000)));
    let tool = event.messages[1].1.tool.clone().unwrap();
    assert_eq!((tool.ok, tool.result), (Some(false), Some(json!("no"))));
    assert_eq!(event.end.clone().unwrap().cost.unwrap().amount.to_string(), "0.075");
    assert_eq!(event.started.direction.unwrap().as_str(), "outbound");
    assert_eq!(event.started.organization.as_deref(), Some("org"));
    assert_eq!((event.assessment.csat, event.assessment.topic.as_deref()), (Some(2), Some("Refund")));
    assert!(metadata(&event).contains(&"structured_data.order.id=5".to_owned()));
    let said = said(&folded([event]));
    assert_eq!(said.last().unwrap(), &(Role::User, 5_500, "bye".to_owned()));
    for (reason, status) in [
        ("customer-ended-call", "finished"),
        ("assistant-forwarded-call", "transferred"),
        ("call.in-progress.error-transfer-failed", "failed"),
        ("silence-timed-out", "abandoned"),
        ("customer-did-not-answer", "failed"),
        ("pipeline-error-openai-llm-failed", "failed"),
    ] {
        assert_eq!(super::tests::event(&payload(reason)).end.unwrap().status.as_str(), status, "{reason}");
    }
}

#[test]
fn a_deletion_at_vapi_erases_and_other_messages_are_ignored() {
    let of = |kind: &str| json!({"message": {"type": kind, "call": {"id": "call-1"}, "session": {"id": "session-1"}}});
    for (kind, id) in [("call.deleted", "call-1"), ("session.deleted", "session-1")] {
        let event = event(&of(kind));
        assert!(event.erase);
        assert_eq!(event.interaction_id.as_str(), id);
    }
    for kind in
        ["status-update", "transcript[transcriptType=\"final\"]", "conversation-update", "call.delete.failed"]
    {
        assert!(is_ignored(&of(kind)), "{kind}");
    }
    let reason = rejection(&json!({"message": {"type": "call.deleted"}})).reason;
    assert_eq!(reason, "`message.call.id` is missing");
}

fn retell_call(stage: &str) -> Value {
    json!({"event_type": stage, "call": {"call_id": "c", "agent_id": "a", "call_status": "ended", "direction": "outbound",
        "from_number": "+1", "to_number": "+2", "start_timestamp": 1_700_000_000_000_i64,
        "end_timestamp": 1_700_000_060_000_i64, "disconnection_reason": "call_transfer", "metadata": {"plan": "pro"},
        "transcript_object": [
            {"role": "agent", "content": "hi", "words": [{"word": "hi", "start": 0.7, "end": 1.25}]},
            {"role": "transfer_target", "content": "Carla here", "words": [{"word": "Carla", "start": 30.0, "end": 31.0}]}],
        "transcript_with_tool_calls": [
            {"role": "agent", "content": "hi"},
            {"role": "tool_call_invocation", "tool_call_id": "t", "name": "find", "arguments": "{}"},
            {"role": "tool_call_result", "tool_call_id": "t", "content": "none", "successful": false},
            {"role": "transfer_target", "content": "Carla here"}],
        "call_cost": {"combined_cost": 46.5},
        "call_analysis": {"call_summary": "s", "user_sentiment": "Unknown", "custom_analysis_data": {"csat": 9}}}})
}

#[test]
fn retell_counts_cents_and_tells_transfer_targets_from_the_agent() {
    let event = event(&retell_call("call_analyzed"));
    let end = event.end.clone().unwrap();
    assert_eq!(end.cost.unwrap().amount.to_string(), "0.465");
    assert_eq!(end.status.as_str(), "transferred");
    assert_eq!(event.started.caller.as_deref(), Some("+2"), "of an outbound call it is who was called");
    assert_eq!((event.assessment.sentiment, event.assessment.csat), (None, None));
    let expected = [
        (Role::Assistant, 700, "hi".to_owned()),
        (Role::Tool, 700, "find {} none".to_owned()),
        (Role::Human, 30_000, "Carla here".to_owned()),
    ];
    assert_eq!(said(&folded([event])), expected);
    for stage in ["transcript_updated", "transfer_started"] {
        assert!(is_ignored(&retell_call(stage)));
    }
}

#[test]
fn a_retell_chat_has_instants_and_is_open_until_it_ends() {
    let chat = |stage: &str, status: &str| {
        json!({"event": stage, "chat": {"chat_id": "c", "chat_status": status, "start_timestamp": 1_700_000_000_000_i64,
            "message_with_tool_calls": [
                {"message_id": "m1", "role": "agent", "content": "hi", "created_timestamp": 1_700_000_001_000_i64},
                {"message_id": "m2", "role": "user", "content": "yo", "created_timestamp": 1_700_000_002_000_i64}],
            "chat_analysis": {"chat_summary": "s", "user_sentiment": "Positive"}}})
    };
    let started = event(&chat("chat_started", "ongoing"));
    assert_eq!((started.messages.len(), started.end.is_none()), (0, true));
    let ended = event(&chat("chat_ended", "ended"));
    let analyzed = event(&chat("chat_analyzed", "ended"));
    assert_eq!(ended.assessment.summary, None);
    assert_eq!(analyzed.assessment.sentiment.unwrap().as_str(), "positive");
    assert_eq!(analyzed.messages[1].0, "m2");
    assert_eq!(analyzed.started.interaction_type.unwrap().as_str(), "text_chat");
}

/// Checks that folding gives the same in every order and with repetitions, whatever the records' own timestamps.
fn assert_order_does_not_matter(payloads: &[Value]) {
    let at = |payload: &Value, recorded_ms: i64| {
        let mut record = record(payload.to_string());
        record.timestamp = Some(Timestamp::from_millis(recorded_ms));
        match decode(&record, Timestamp::EPOCH) {
            Decoded::Events(events) => events,
            other => panic!("{other:?}"),
        }
    };
    let expected = folded(payloads.iter().enumerate().flat_map(|(n, payload)| at(payload, n as i64)));
    let number = payloads.len();
    proptest!(|(order in prop::collection::vec(0..number, 0..10))| {
        // Every payload at least once, shuffled.
        let first = order.iter().copied().map(|n| (n, n as i64));
        let all = (0..number).map(|n| (n, n as i64));
        let state = folded(first.chain(all).flat_map(|(n, recorded_ms)| at(&payloads[n], recorded_ms)));
        prop_assert_eq!(&state, &expected);
    });
}

#[test]
fn the_order_of_retells_webhooks_does_not_matter() {
    let mut ended = retell_call("call_ended");
    ended["call"]["call_cost"] = json!({"combined_cost": 1});
    let payloads = [retell_call("call_started"), ended, retell_call("call_analyzed")];
    assert_order_does_not_matter(&payloads);
    let late_retry = [&payloads[2], &payloads[1]].map(event);
    let cost = folded(late_retry).end.unwrap().value.cost.unwrap();
    assert_eq!(cost.amount.to_string(), "0.465", "a repeated end does not undo what the analysis says");
}

/// What a system sends about one conversation as it proceeds; for every format except Retell, OpenTelemetry and Rasa,
/// which have their own tests.
fn as_it_goes_on() -> Vec<(&'static str, Vec<Value>)> {
    let elevenlabs = |at: i64, said: &[&str]| {
        let said: Vec<_> = said
            .iter()
            .map(|text| json!({"role": "user", "message": text, "time_in_call_secs": 1}))
            .collect();
        json!({"type": "post_call_transcription", "event_timestamp": at, "data": {"conversation_id": "c", "transcript": said,
            "metadata": {"start_time_unix_secs": 5, "call_duration_secs": at}, "analysis": {"transcript_summary": said.len().to_string()}}})
    };
    let vapi = |at: i64, kind: &str| {
        json!({"message": {"type": kind, "timestamp": at, "call": {"id": "c"}, "cost": at, "artifact": {
            "messages": [{"role": "user", "message": "hi", "time": 4}, {"role": "bot", "message": "ho", "time": at}]}}})
    };
    let livekit = |at: f64, items: &[&str]| {
        let items: Vec<_> = items.iter().map(|text| {
            json!({"id": text, "type": "message", "role": "user", "content": [text], "created_at": 2.0, "metrics": {}})
        }).collect();
        json!({"job_id": "j", "timestamp": at, "usage": [], "events": [], "chat_history": {"items": items}})
    };
    let contact_lens = json!({"Channel": "CHAT", "Participants": [{"ParticipantId": "a", "ParticipantRole": "AGENT"}],
        "Transcript": [{"Id": "1", "Content": "hi", "ParticipantId": "a", "BeginOffsetMillis": 1},
            {"Id": "2", "Content": "ho", "BeginOffsetMillis": 1}],
        "CustomerMetadata": {"ContactId": "c", "InputS3Uri": "a_20240131T09:59_UTC"}});
    let chatwoot = |event: &str, id: i64, text: &str, at: i64| {
        json!({"event": event, "id": id, "content": text, "created_at": 5, "updated_at": at, "account": {"id": 1},
            "conversation": {"id": 2, "status": "open"}, "message_type": "incoming"})
    };
    let resolved = json!({"event": "conversation_status_changed", "id": 2, "status": "resolved", "account": {"id": 1},
        "created_at": 5, "last_activity_at": 9, "updated_at": 9.5,
        "messages": [{"id": 1, "content": "edited", "created_at": 5, "updated_at": 8, "message_type": 0}]});
    let intercom = |at: i64, state: &str, parts: &[&str]| {
        let parts: Vec<_> = parts
            .iter()
            .map(|text| json!({"id": text, "body": text, "created_at": 6, "author": {"type": "bot"}}))
            .collect();
        json!({"type": "conversation", "id": "1", "created_at": 4, "updated_at": at, "state": state,
            "source": {"id": "0", "body": "<p>hi", "author": {"type": "user"}}, "conversation_parts": {"conversation_parts": parts}})
    };
    let zendesk = |status: &str, at: &str, comments: &[i64]| {
        let comments: Vec<_> = comments.iter().map(|id| {
            json!({"id": id, "author_id": id, "html_body": format!("<b>{id}"), "created_at": "2023-11-14T22:13:20Z"})
        }).collect();
        json!({"ticket": {"id": 1, "requester_id": 2, "status": status, "created_at": "2023-11-14T22:13:20Z", "updated_at": at},
            "comments": comments})
    };
    vec![
        ("ElevenLabs", vec![elevenlabs(10, &["a"]), elevenlabs(20, &["a", "b"])]),
        ("Vapi", vec![vapi(10, "end-of-call-report"), vapi(20, "end-of-call-report")]),
        ("Vapi, deleted", vec![vapi(10, "end-of-call-report"), vapi(20, "call.deleted")]),
        ("LiveKit", vec![livekit(10.0, &["a"]), livekit(20.0, &["a", "b"])]),
        ("Contact Lens", vec![contact_lens]),
        (
            "Chatwoot",
            vec![
                chatwoot("message_created", 1, "first", 5),
                chatwoot("message_created", 3, "second", 6),
                chatwoot("message_updated", 1, "edited", 8),
                resolved,
            ],
        ),
        (
            "Intercom",
            vec![intercom(5, "open", &[]), intercom(7, "open", &["a"]), intercom(9, "closed", &["a", "b"])],
        ),
        (
            "Zendesk",
            vec![
                zendesk("open", "2023-11-14T22:14:00Z", &[2]),
                zendesk("solved", "2023-11-15T00:00:00Z", &[2, 3]),
            ],
        ),
    ]
}

#[test]
fn the_order_and_repetition_of_every_formats_payloads_do_not_matter() {
    for (name, payloads) in as_it_goes_on() {
        eprintln!("{name}");
        assert_order_does_not_matter(&payloads);
    }
}

/// A span of one call to a model, with its history and answer.
fn otel_call(n: i64, history: &Value, answer: &Value) -> Value {
    let text = |value: &str| json!({"stringValue": value});
    let attributes = json!([
        {"key": "gen_ai.operation.name", "value": text("chat")},
        {"key": "gen_ai.conversation.id", "value": text("conv-1")},
        {"key": "gen_ai.response.model", "value": text("gpt-4o")},
        {"key": "gen_ai.usage.input_tokens", "value": {"intValue": (n * 10).to_string()}},
        {"key": "gen_ai.system_instructions", "value": text(r#"[{"type": "text", "content": "You help."}]"#)},
        {"key": "gen_ai.input.messages", "value": text(&history.to_string())},
        {"key": "gen_ai.output.messages", "value": text(&answer.to_string())},
    ]);
    let nanos = |seconds: i64| (1_700_000_000_000_000_000 + seconds * 1_000_000_000).to_string();
    let span = json!({"traceId": format!("{n:032x}"), "spanId": format!("{n:016x}"), "name": "chat gpt-4o",
        "startTimeUnixNano": nanos(10 * n), "endTimeUnixNano": nanos(10 * n + 2), "attributes": attributes});
    json!({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})
}

/// Three calls, each of which repeats all that was said before. The customer says "yes" twice.
fn otel_calls() -> [Value; 3] {
    let said = |role: &str, text: &str| json!({"role": role, "parts": [{"type": "text", "content": text}]});
    let call = json!({"role": "assistant", "parts": [
        {"type": "reasoning", "content": "Hm."},
        {"type": "tool_call", "id": "t1", "name": "refund", "arguments": {"order": 5}}]});
    let result = json!({"role": "tool", "parts": [{"type": "tool_call_response", "id": "t1", "response": {"ok": true}}]});
    let mut history = vec![said("user", "refund please"), said("assistant", "Sure?"), said("user", "yes")];
    let first = otel_call(1, &json!(history), &json!([call]));
    history.extend([call, result]);
    let second = otel_call(2, &json!(history), &json!([said("assistant", "Done. Anything else?")]));
    history.extend([said("assistant", "Done. Anything else?"), said("user", "yes")]);
    let third = otel_call(3, &json!(history), &json!([said("assistant", "Go on.")]));
    [first, second, third]
}

#[test]
fn every_call_of_a_model_repeats_the_history_and_each_turn_is_there_once() {
    let state = folded(otel_calls().iter().flat_map(events));
    let expected = [
        (Role::System, 0, "You help."),
        (Role::User, 0, "refund please"),
        (Role::Assistant, 0, "Sure?"),
        (Role::User, 0, "yes"),
        (Role::Tool, 2_000, r#"refund {"order":5}"#),
        (Role::Tool, 10_000, r#"refund {"ok":true}"#),
        (Role::Assistant, 12_000, "Done. Anything else?"),
        (Role::User, 20_000, "yes"),
        (Role::Assistant, 22_000, "Go on."),
    ];
    assert_eq!(said(&state), expected.map(|(role, at, text)| (role, at, text.to_owned())));
    let used: u64 =
        state.messages.values().filter_map(|message| message.value.usage).map(|u| u.input_tokens).sum();
    assert_eq!(used, 10 + 20 + 30, "the tokens of each call once");
    assert_order_does_not_matter(&otel_calls());
}

#[test]
fn otlp_is_read_from_protobuf_and_nothing_else_is_taken_for_it() {
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use prost::Message as _;
    for payload in otel_calls() {
        let request: ExportTraceServiceRequest = serde_json::from_value(payload.clone()).unwrap();
        let decoded = decode(&record(request.encode_to_vec()), Timestamp::EPOCH);
        assert_eq!(decoded, Decoded::Events(events(&payload)));
    }
    for other in [&b"\n"[..], b"\n\x00", b"\x0a\x02\x0a\x00", b"plain text", b"\xff\xfe"] {
        assert!(matches!(decode(&record(other), Timestamp::EPOCH), Decoded::Rejected(_)), "{other:?}");
    }
    let span = json!({"traceId": "0102", "spanId": "03", "name": "GET /", "startTimeUnixNano": "5"});
    assert!(is_ignored(&json!({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})));
}

#[test]
fn older_events_of_one_message_each_are_one_call() {
    let event = |n: i64, name: &str, body: Value| {
        json!({"timeUnixNano": (1_700_000_000_000_000_000 + n).to_string(), "eventName": name, "traceId": "ab", "spanId": "cd",
            "body": body})
    };
    let text = |text: &str| json!({"stringValue": text});
    let message = |fields: Value| json!({"kvlistValue": {"values": fields}});
    let function =
        message(json!([{"key": "name", "value": text("find")}, {"key": "arguments", "value": text("{}")}]));
    let call = message(json!([{"key": "id", "value": text("t")}, {"key": "function", "value": function}]));
    let records = json!([
        event(1, "gen_ai.system.message", message(json!([{"key": "content", "value": text("You help.")}]))),
        event(2, "gen_ai.user.message", message(json!([{"key": "content", "value": text("hi")}]))),
        event(
            3,
            "gen_ai.assistant.message",
            message(json!([
            {"key": "tool_calls", "value": {"arrayValue": {"values": [call]}}}]))
        ),
        event(
            4,
            "gen_ai.tool.message",
            message(json!([
            {"key": "id", "value": text("t")}, {"key": "content", "value": text("none")}]))
        ),
        event(
            5,
            "gen_ai.choice",
            message(json!([
            {"key": "message", "value": message(json!([{"key": "content", "value": text("Hello.")}]))}]))
        ),
    ]);
    let payload = json!({"resourceLogs": [{"scopeLogs": [{"scope": {"name": "livekit-agents"}, "logRecords": records}]}]});
    let state = folded(events(&payload));
    assert_eq!(state.id.as_str(), "ab", "the trace stands in for the conversation");
    assert_eq!(state.interaction_type.as_ref().unwrap().value.as_str(), "voice_call");
    let texts: Vec<_> = said(&state).into_iter().map(|(role, _, text)| format!("{role}: {text}")).collect();
    assert_eq!(
        texts,
        ["system: You help.", "user: hi", "tool: find {}", "tool: find none", "assistant: Hello."]
    );
}

#[test]
fn a_cut_history_is_a_dead_letter_with_its_place_and_an_evaluation_is_analysis() {
    let mut cut = otel_calls()[0].clone();
    cut["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["attributes"][5]["value"] =
        json!({"stringValue": "[{\"role\": \"us"});
    let reason = rejection(&cut).reason;
    assert!(
        reason.starts_with("`gen_ai.input.messages` of `resourceSpans[0].scopeSpans[0].spans[0]` is"),
        "{reason}"
    );
    let record = json!({"timeUnixNano": "1700000000000000000", "eventName": "gen_ai.evaluation.result", "attributes": [
        {"key": "gen_ai.conversation.id", "value": {"stringValue": "conv-1"}},
        {"key": "gen_ai.evaluation.name", "value": {"stringValue": "csat"}},
        {"key": "gen_ai.evaluation.score.value", "value": {"doubleValue": 4.0}},
        {"key": "gen_ai.evaluation.explanation", "value": {"stringValue": "thanked"}}]});
    let event = event(&json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}));
    assert_eq!(
        (event.assessment.csat, event.assessment.csat_description.as_deref()),
        (Some(4), Some("thanked"))
    );
}

#[test]
fn a_livekit_report_keeps_the_order_of_its_items() {
    let payload = json!({"job_id": "AJ_1", "room_id": "RM_1", "room": "support", "timestamp": 1_700_000_060.5,
        "events": [{"type": "error"}, {"type": "close", "reason": "participant_disconnected", "created_at": 1_700_000_059.0}],
        "usage": [{"type": "tts_usage", "characters_count": 9},
            {"type": "llm_usage", "model": "gpt-4o", "input_tokens": 100, "input_cached_tokens": 40, "output_tokens": 5}],
        "chat_history": {"items": [
            {"id": "item_1", "type": "message", "role": "system", "content": ["You help."], "created_at": 1_700_000_000.0},
            {"id": "item_2", "type": "message", "role": "user", "content": ["I want", {"type": "audio_content",
                "transcript": "a refund"}], "created_at": 1_700_000_009.0, "transcript_confidence": 0.9},
            {"id": "f", "type": "function_call", "call_id": "c", "name": "refund", "arguments": "{\"order\":5}",
                "created_at": 1_700_000_006.0},
            {"id": "g", "type": "function_call_output", "call_id": "c", "output": "done", "is_error": false,
                "created_at": 1_700_000_007.0},
            {"id": "item_3", "type": "message", "role": "assistant", "content": ["Done."], "created_at": 1_700_000_008.0,
                "interrupted": true, "metrics": {"started_speaking_at": 1_700_000_010.0, "stopped_speaking_at": 1_700_000_011.5}},
            {"type": "agent_handoff"}]}});
    let event = event(&payload);
    let end = event.end.clone().unwrap();
    assert_eq!((end.status.as_str(), end.end_time.unwrap().as_millis()), ("finished", 1_700_000_059_000));
    let answer = event.messages.last().unwrap().1.clone();
    assert_eq!((answer.interrupted, answer.end_offset_ms), (Some(true), Some(11_500)));
    assert_eq!(answer.usage.map(|usage| (usage.input_tokens, usage.cached_input_tokens)), Some((100, 40)));
    assert_eq!(event.messages[1].1.confidence, Some(0.9));
    assert_eq!(event.interaction_id.as_str(), "AJ_1");
    let expected = [
        (Role::System, 0, "You help."),
        (Role::User, 9_000, "I want\na refund"),
        (Role::Tool, 9_000, r#"refund {"order":5} done"#),
        (Role::Assistant, 10_000, "Done."),
    ];
    assert_eq!(said(&folded([event])), expected.map(|(role, at, text)| (role, at, text.to_owned())));
}

#[test]
fn chatwoot_tells_people_from_bots_and_keeps_private_notes_out() {
    let message = |id: i64, kind: &str, sender: &str, more: Value| {
        let mut message = json!({"event": "message_created", "id": id, "content": format!("text {id}"), "message_type": kind,
            "created_at": "2023-11-14T22:13:20Z", "sender": {"type": sender}, "account": {"id": 3, "name": "Acme"},
            "conversation": {"id": 17, "channel": "Channel::WebWidget", "meta": {"sender": {"email": "a@b.c"}},
                "additional_attributes": {"referer": "https://acme.example/help"}}});
        for (name, value) in more.as_object().unwrap() {
            message[name] = value.clone();
        }
        message
    };
    let said_by = |payload: &Value| event(payload).messages.first().map(|(_, message)| message.role);
    assert_eq!(said_by(&message(1, "incoming", "contact", json!({}))), Some(Role::User));
    assert_eq!(said_by(&message(2, "outgoing", "user", json!({}))), Some(Role::Human));
    assert_eq!(said_by(&message(3, "outgoing", "agent_bot", json!({}))), Some(Role::Assistant));
    assert_eq!(said_by(&message(4, "activity", "user", json!({}))), Some(Role::System));
    assert_eq!(said_by(&message(5, "outgoing", "user", json!({"private": true}))), None);
    let survey = message(
        6,
        "template",
        "user",
        json!({"event": "message_updated", "content_type": "input_csat",
        "content_attributes": {"submitted_values": {"csat_survey_response": {"rating": 2, "feedback_message": "slow"}}}}),
    );
    let rated = event(&survey);
    assert_eq!(rated.rating.clone().unwrap().rating_comment.as_deref(), Some("slow"));
    assert_eq!(rated.interaction_id.as_str(), "chatwoot/3/17");
    assert_eq!(rated.started.url.as_deref(), Some("https://acme.example/help"));
    let resolved = event(&json!({"event": "conversation_status_changed", "id": 17, "status": "resolved",
        "account": {"id": 3}, "timestamp": 1_700_000_100, "created_at": 1_700_000_000, "messages": []}));
    assert_eq!(resolved.interaction_id, rated.interaction_id);
    assert_eq!(resolved.end.unwrap().end_time.unwrap().as_millis(), 1_700_000_100_000);
    assert!(is_ignored(&json!({"event": "webwidget_triggered", "id": 1})));
    let export = json!({"id": 17, "account_id": 3, "inbox_id": 1, "meta": {"sender": {}}, "created_at": 1_700_000_000,
        "messages": [{"id": 1, "content": "hi", "message_type": 0, "created_at": 1_700_000_001, "sender_type": "Contact"},
            {"id": 2, "content": "<p>yo</p>", "message_type": 1, "created_at": 1_700_000_002, "sender_type": "AgentBot"}]});
    let expected = [(Role::User, 1_000, "hi".to_owned()), (Role::Assistant, 2_000, "yo".to_owned())];
    assert_eq!(said(&folded([event(&export)])), expected);
}

#[test]
fn intercom_conversations_lose_their_markup_and_keep_their_stars() {
    let author = |kind: &str, ai: bool| json!({"type": kind, "id": "1", "from_ai_agent": ai});
    let part = |id: &str, kind: &str, body: &str, author: Value, at: i64| json!({"id": id, "part_type": kind, "body": body, "author": author, "created_at": at});
    let parts = json!([
        part("2", "comment", "<p>Try <b>this</b></p>", author("bot", true), 1_700_000_010),
        part("3", "note", "<p>angry one</p>", author("admin", false), 1_700_000_011),
        part("4", "comment", "<p>I&#39;m Carla</p>", author("admin", false), 1_700_000_020),
        part("5", "close", "", author("admin", false), 1_700_000_030),
    ]);
    let conversation = json!({"type": "conversation", "id": "9", "created_at": 1_700_000_000, "updated_at": 1_700_000_030,
        "state": "closed", "source": {"id": "1", "type": "conversation", "body": "<p>Help &amp; refund</p>",
            "author": author("user", false), "url": "https://acme.example/"},
        "conversation_rating": {"rating": 5, "remark": "quick"}, "tags": {"tags": [{"name": "vip"}]},
        "conversation_parts": {"conversation_parts": parts}});
    let event = event(&conversation);
    assert_eq!(event.rating.clone().unwrap().rating, 5);
    assert_eq!(event.end.clone().unwrap().end_time.unwrap().as_millis(), 1_700_000_030_000);
    assert!(metadata(&event).contains(&"tags=vip".to_owned()));
    let wrapped = json!({"type": "notification_event", "topic": "conversation.admin.closed", "data": {"item": conversation}});
    assert_eq!(events(&wrapped), std::slice::from_ref(&event));
    let expected = [
        (Role::User, 0, "Help & refund"),
        (Role::Assistant, 10_000, "Try this"),
        (Role::Human, 20_000, "I'm Carla"),
    ];
    assert_eq!(said(&folded([event])), expected.map(|(role, at, text)| (role, at, text.to_owned())));
    assert!(is_ignored(
        &json!({"type": "notification_event", "topic": "user.created", "data": {"item": {"type": "user"}}})
    ));
}

#[test]
fn a_zendesk_ticket_is_said_by_who_asked_and_by_people() {
    let comment = |id: i64, author: i64, body: &str, public: bool, at: &str| json!({"id": id, "author_id": author, "plain_body": body, "public": public, "created_at": at});
    let payload = json!({"ticket": {"id": 5, "requester_id": 7, "status": "solved", "subject": "Refund", "priority": null,
            "created_at": "2023-11-14T22:13:20Z", "updated_at": "2023-11-14T22:20:00Z", "via": {"channel": "email"},
            "satisfaction_rating": {"score": "good"}, "custom_fields": [{"id": 11, "value": "pro"}]},
        "comments": [comment(1, 7, "Where is it?", true, "2023-11-14T22:13:20Z"),
            comment(2, 8, "secret", false, "2023-11-14T22:14:00Z"),
            comment(3, 8, "On its way.", true, "2023-11-14T22:15:00Z")]});
    let event = event(&payload);
    assert_eq!(event.interaction_id.as_str(), "zendesk/5");
    assert_eq!(event.end.clone().unwrap().end_reason.as_deref(), Some("solved"));
    for expected in ["satisfaction=good", "custom_fields.11=pro", "channel=email", "subject=Refund"] {
        assert!(metadata(&event).contains(&expected.to_owned()), "{expected}");
    }
    assert_eq!(event.rating, None);
    let expected =
        [(Role::User, 0, "Where is it?".to_owned()), (Role::Human, 100_000, "On its way.".to_owned())];
    assert_eq!(said(&folded([event])), expected);
}

#[test]
fn contact_lens_knows_the_contact_by_what_it_says_then_by_key_and_dates_it_by_its_file() {
    let mut payload = json!({"Channel": "VOICE", "Participants": [{"ParticipantId": "p", "ParticipantRole": "CUSTOMER"}],
        "Transcript": [{"Id": "1", "ParticipantId": "p", "Content": "hi", "BeginOffsetMillis": 5, "EndOffsetMillis": 9,
            "Sentiment": "MIXED"}],
        "ConversationCharacteristics": {"TotalConversationDurationMillis": 1_000,
            "Sentiment": {"OverallSentiment": {"CUSTOMER": -2.5}}}});
    let by_key = event(&payload);
    assert_eq!((by_key.interaction_id.as_str(), by_key.started.start_time), ("key-1", None));
    payload["CustomerMetadata"] =
        json!({"ContactId": "c-1", "InputS3Uri": "s3://b/2024/01/31/c-1_20240131T09:59_UTC.wav"});
    let event = event(&payload);
    assert_eq!(event.interaction_id.as_str(), "c-1");
    assert_eq!(event.started.start_time.unwrap().to_string(), "2024-01-31T09:59:00Z");
    assert_eq!(event.end.unwrap().end_time.unwrap().to_string(), "2024-01-31T09:59:01Z");
    assert_eq!(event.assessment.sentiment.unwrap().as_str(), "negative");
    assert_eq!(event.messages[0].1.sentiment, None, "mixed is none of the three");
}

/// One small, recognised payload of every format.
fn one_of_each() -> Vec<Value> {
    let chat = json!({"event": "chat_ended", "chat": {"chat_id": "c", "chat_status": "ended", "metadata": {"a": {"b": [1]}},
        "message_with_tool_calls": [{"role": "user", "content": "hi"}]}});
    let mut all = vec![
        json!({"type": "post_call_transcription", "event_timestamp": 1, "data": {"conversation_id": "c", "transcript": [
            {"role": "user", "message": "hi", "time_in_call_secs": 1, "tool_calls": [{"tool_name": "t", "request_id": "r"}],
            "tool_results": [{"request_id": "r", "result_value": "x"}]}], "metadata": {"start_time_unix_secs": 5}}}),
        json!({"message": {"type": "end-of-call-report", "timestamp": 1, "call": {"id": "c"}, "costs": [], "artifact": {
            "messages": [{"role": "user", "message": "hi", "time": 4}]}, "cost": 0.1}}),
        retell_call("call_analyzed"),
        chat,
        json!({"job_id": "j", "timestamp": 1.0, "usage": [], "events": [], "chat_history": {"items": [
            {"id": "i", "type": "message", "role": "user", "content": ["hi"], "created_at": 2.0, "metrics": {}}]}}),
        json!({"Channel": "CHAT", "Participants": [], "Transcript": [{"Content": "hi", "BeginOffsetMillis": 1}],
            "CustomerMetadata": {"InputS3Uri": "a_20240131T09:59_UTC"}}),
        json!({"event": "message_created", "id": 1, "content": "<b>hi", "created_at": 5, "account": {"id": 1},
            "conversation": {"id": 2}, "message_type": "incoming"}),
        json!({"id": 1, "inbox_id": 1, "account_id": 2, "messages": [{"id": 1, "content": "hi", "created_at": 5}]}),
        json!({"type": "conversation", "id": "1", "source": {"body": "<p>hi", "author": {}}, "created_at": 4,
            "conversation_parts": {"conversation_parts": [{"id": "2", "body": "&amp", "author": {"type": "bot"}}]}}),
        json!({"ticket": {"id": 1, "requester_id": 2, "created_at": "2023-11-14T22:13:20Z"}, "comments": [
            {"id": 3, "author_id": 2, "html_body": "<a href='x'>hi", "created_at": "2023-11-14T22:13:20Z"}]}),
    ];
    all.extend(otel_calls());
    all
}

/// The leaves of a payload: the values that readers look at.
fn places(value: &mut Value) -> Vec<&mut Value> {
    let is_leaf = value.as_object().is_none_or(Map::is_empty) && value.as_array().is_none_or(Vec::is_empty);
    match value {
        leaf if is_leaf => vec![leaf],
        Value::Object(object) => object.values_mut().flat_map(places).collect(),
        Value::Array(items) => items.iter_mut().flat_map(places).collect(),
        _ => Vec::new(),
    }
}

proptest! {
    #[test]
    fn no_value_in_a_place_where_it_does_not_belong_makes_a_format_panic(
        which in 0..13_usize,
        place in any::<prop::sample::Index>(),
        value in prop::sample::select(vec![json!(null), json!(1e300), json!(-1), json!(""), json!([[]]), json!({"a": {}}),
            json!(i64::MAX), json!(i64::MIN), json!("9999-12-31T23:59:59Z"), json!("[{"), json!("<a href"), json!("ä_UTC"),
            json!("x".repeat(600)), json!(0.1), json!("1e400")]),
    ) {
        let mut payload = one_of_each().swap_remove(which);
        prop_assert!(!matches!(decoded(&payload), Decoded::Rejected(_)), "{payload}");
        let mut places = places(&mut payload);
        let index = place.index(places.len());
        *places[index] = value;
        match decoded(&payload) {
            Decoded::Events(events) => prop_assert!(!events.is_empty()),
            Decoded::Ignored(_) | Decoded::Rejected(_) => {}
        }
    }

    #[test]
    fn no_markup_makes_it_panic(text in "[<>&;#/a-zäß \"=]{0,40}") {
        let _ = super::html::text(&text);
    }
}

fn rasa(event: &str, at: f64, more: Value) -> Value {
    let mut payload =
        json!({"sender_id": "ada", "event": event, "timestamp": 1_700_000_000.0 + at, "metadata": {}});
    for (name, value) in more.as_object().unwrap() {
        payload[name] = value.clone();
    }
    payload
}

fn rasa_said(event: &str, at: f64, text: &str) -> Value {
    rasa(event, at, json!({"text": text, "input_channel": "socketio"}))
}

/// The conversations derived from Rasa events, in any order: id, and who said what.
fn rasa_sessions(payloads: &[Value]) -> Vec<(String, Vec<String>)> {
    let log = folded(payloads.iter().flat_map(events));
    let sessions = super::rasa::sessions(&log).into_iter().filter_map(|session| {
        let (event, _) = session.told?;
        let said = event.messages.iter().map(|(_, message)| format!("{}: {}", message.role, message.message));
        Some((session.id.to_string(), said.collect()))
    });
    sessions.collect()
}

#[test]
fn rasa_takes_back_what_was_said() {
    let action = |at: f64| rasa("action", at, json!({"name": "utter"}));
    let listen = |at: f64| rasa("action", at, json!({"name": "action_listen"}));
    let begin = [
        rasa("session_started", 0.0, json!({})),
        listen(0.1),
        rasa_said("user", 1.0, "hi"),
        action(1.1),
        rasa_said("bot", 1.2, "hello"),
        listen(1.3),
        rasa_said("user", 2.0, "dammit"),
        action(2.1),
        rasa_said("bot", 2.2, "sorry?"),
    ];
    let said_after = |more: &[Value]| {
        let sessions = rasa_sessions(&[&begin[..], more].concat());
        assert_eq!(sessions.len(), 1);
        sessions[0].1.join(" | ")
    };
    assert_eq!(said_after(&[]), "user: hi | assistant: hello | user: dammit | assistant: sorry?");
    assert_eq!(said_after(&[rasa("undo", 3.0, json!({}))]), "user: hi | assistant: hello | user: dammit");
    assert_eq!(said_after(&[rasa("rewind", 3.0, json!({}))]), "user: hi | assistant: hello");
    let twice = [rasa("rewind", 3.0, json!({})), rasa("rewind", 3.1, json!({}))];
    assert_eq!(said_after(&twice), "");
    let again = [rasa("restart", 3.0, json!({})), rasa_said("user", 4.0, "anew")];
    assert_eq!(said_after(&again), "user: anew");
    // Without action events, an undo still revokes what the bot said.
    let without: Vec<_> = begin.iter().filter(|event| event["event"] != "action").cloned().collect();
    let undone = rasa_sessions(&[&without[..], &[rasa("undo", 3.0, json!({}))]].concat());
    assert_eq!(undone[0].1.join(" | "), "user: hi | assistant: hello | user: dammit");
}

/// Two conversations of a sender, the first of which revokes something.
fn rasa_stream() -> Vec<Value> {
    let start = |at: f64| rasa("session_started", at, json!({"metadata": {"assistant_id": "shop-bot"}}));
    let slot = rasa(
        "slot",
        0.01,
        json!({"name": "session_started_metadata",
        "value": {"ip": "81.2.69.160", "user_agent": "Mozilla/5.0", "url": "https://shop.example/", "plan": "pro"}}),
    );
    vec![
        start(0.0),
        slot,
        rasa_said("user", 1.0, "where is my order"),
        rasa("action", 1.1, json!({"name": "utter"})),
        rasa_said("bot", 1.2, "which one?"),
        rasa("undo", 1.3, json!({})),
        rasa_said("bot", 1.4, "on its way"),
        rasa("session_ended", 60.0, json!({})),
        start(5_000.0),
        rasa_said("user", 5_001.0, "and now?"),
        rasa_said("bot", 5_002.0, "delivered"),
    ]
}

proptest! {
    #[test]
    fn the_order_and_repetition_of_rasas_events_do_not_matter(
        order in Just((0..11_usize).collect::<Vec<_>>()).prop_shuffle(),
        repeated in prop::collection::vec(0..11_usize, 0..6),
    ) {
        let stream = rasa_stream();
        let shuffled: Vec<_> = order.iter().chain(&repeated).map(|n| stream[*n].clone()).collect();
        let expected = [
            ("ada@2023-11-14T22:13:20Z", "user: where is my order | assistant: on its way"),
            ("ada@2023-11-14T23:36:40Z", "user: and now? | assistant: delivered"),
        ];
        let sessions = rasa_sessions(&shuffled);
        let sessions: Vec<_> = sessions.iter().map(|(id, said)| (id.as_str(), said.join(" | "))).collect();
        let sessions: Vec<_> = sessions.iter().map(|(id, said)| (*id, said.as_str())).collect();
        prop_assert_eq!(sessions, expected);
    }
}

#[test]
fn rasas_metadata_is_the_only_place_for_where_the_customer_was() {
    let log = folded(rasa_stream().iter().flat_map(events));
    let first = super::rasa::sessions(&log).swap_remove(1).told.unwrap().0;
    assert_eq!(first.started.agent.as_deref(), Some("shop-bot"));
    assert_eq!(first.started.url.as_deref(), Some("https://shop.example/"));
    assert_eq!(first.started.user_agent.as_deref(), Some("Mozilla/5.0"));
    assert!(metadata(&first).contains(&"plan=pro".to_owned()), "{:?}", metadata(&first));
    assert_eq!(first.end.unwrap().end_time.unwrap().as_millis(), 1_700_000_060_000);
    let all = serde_json::to_string(&log).unwrap();
    assert!(!all.contains("81.2.69.160"), "the address is looked up and kept as privacy settings let it");
    let slot = events(&rasa_stream()[1]);
    assert_eq!(slot[0].started.ip_address.as_deref(), Some("81.2.69.160"));
    assert!(is_ignored(&rasa("slot", 1.0, json!({"name": "name", "value": "Ada"}))));
    assert!(is_ignored(&rasa("action_execution_rejected", 1.0, json!({}))));
    let reason = rejection(&json!({"sender_id": "ada", "event": "users", "timestamp": 5.0})).reason;
    assert!(reason.contains("nearest is Rasa event broker, but `event` is \"users\""), "{reason}");
}
