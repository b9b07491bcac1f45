//! Tests the three carriers, every type, and the reason for each mistake.

#![allow(clippy::unwrap_used)]

use hearken_model::{Direction, InteractionType, MessageTime, Role, Scalar, Status};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const RECORDED_MS: i64 = 1_700_000_000_000;

fn record(value: &[u8], headers: &[(&str, &str)]) -> RawRecord {
    RawRecord {
        topic: "interactions".into(),
        partition: 0,
        offset: 7,
        key: Some(b"i-1".to_vec()),
        value: Some(value.to_vec()),
        timestamp: Some(Timestamp::from_millis(RECORDED_MS)),
        headers: headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Some(value.as_bytes().to_vec())))
            .collect(),
    }
}

/// The only event of a native record.
fn decoded(record: &RawRecord, accepted_at: Timestamp) -> Result<Event, Rejection> {
    match decode(record, accepted_at) {
        Decoded::Events(events) => Ok(<[Event; 1]>::try_from(events).unwrap().into_iter().next().unwrap()),
        Decoded::Rejected(rejection) => Err(rejection),
        Decoded::Ignored(what) => panic!("ignored: {what}"),
    }
}

fn bare(event_type: &str, data: Value) -> Result<Event, Rejection> {
    let mut object = data;
    object["event"] = json!(event_type);
    decoded(&record(object.to_string().as_bytes(), &[]), Timestamp::EPOCH)
}

fn structured(event_type: &str, data: Value) -> Value {
    json!({"specversion": "1.0", "id": "e-1", "source": "/chat", "type": event_type,
           "time": "2026-05-01T12:00:00Z", "data": data})
}

fn decode_value(value: &Value) -> Result<Event, Rejection> {
    decoded(&record(value.to_string().as_bytes(), &[]), Timestamp::EPOCH)
}

fn reason(outcome: Result<Event, Rejection>) -> String {
    outcome.unwrap_err().reason
}

#[test]
fn the_three_carriers_say_the_same() {
    let data = json!({"interaction_id": "i-1", "role": "user", "message": "hi", "message_id": "m-1"});
    let headers = [
        ("ce_specversion", "1.0"),
        ("ce_id", "e-1"),
        ("ce_source", "/chat"),
        ("ce_type", "interaction.message"),
        ("ce_time", "2026-05-01T12:00:00Z"),
        ("content-type", "application/json"),
    ];
    let by_structured = decode_value(&structured("interaction.message", data.clone())).unwrap();
    let by_binary = decoded(&record(data.to_string().as_bytes(), &headers), Timestamp::EPOCH).unwrap();
    let mut bare_data = data.clone();
    bare_data["time"] = json!("2026-05-01T12:00:00Z");
    assert_eq!(by_structured, by_binary);
    assert_eq!(by_structured, bare("interaction.message", bare_data).unwrap());

    let mut base64 = structured("interaction.message", Value::Null);
    base64.as_object_mut().unwrap().remove("data");
    base64["data_base64"] =
        json!(base64::Engine::encode(&base64::engine::general_purpose::STANDARD, data.to_string()));
    let by_base64 = record(
        base64.to_string().as_bytes(),
        &[("content-type", "application/cloudevents+json; charset=utf-8")],
    );
    assert_eq!(decoded(&by_base64, Timestamp::EPOCH).unwrap(), by_structured);
}

#[test]
fn event_time_is_the_envelopes_then_the_datas_own_then_the_records() {
    let time = |outcome: Result<Event, Rejection>| outcome.unwrap().time.to_string();
    let data = json!({"interaction_id": "i", "start_time": "2026-01-01T00:00:00Z"});
    assert_eq!(time(decode_value(&structured("interaction.started", data.clone()))), "2026-05-01T12:00:00Z");
    assert_eq!(time(bare("interaction.started", data)), "2026-01-01T00:00:00Z");
    let data = json!({"interaction_id": "i", "start_time": "2026-01-01T00:00:00Z", "end_time": "2026-01-01T00:05:00Z"});
    assert_eq!(time(bare("interaction.ended", data)), "2026-01-01T00:05:00Z");
    let untimed = bare("interaction.ended", json!({"interaction_id": "i"})).unwrap();
    assert_eq!(untimed.time.as_millis(), RECORDED_MS);
    assert_eq!(untimed.end.unwrap().end_time.unwrap().as_millis(), RECORDED_MS);
    let mut unstamped = record(br#"{"event":"interaction.started","interaction_id":"i"}"#, &[]);
    unstamped.timestamp = None;
    assert_eq!(decoded(&unstamped, Timestamp::from_millis(5)).unwrap().time.as_millis(), 5);
}

#[test]
fn a_message_takes_its_id_from_the_data_then_the_event_then_its_content() {
    let id = |value: Result<Event, Rejection>| value.unwrap().messages[0].0.clone();
    let data = json!({"interaction_id": "i", "role": "user", "message": "hi"});
    assert_eq!(id(decode_value(&structured("interaction.message", data.clone()))), "e-1");
    let first = id(bare("interaction.message", data.clone()));
    assert_eq!(
        first,
        id(bare("interaction.message", data.clone())),
        "reading a record again gives the same id"
    );
    let mut other = data;
    other["message"] = json!("hi!");
    assert_ne!(first, id(bare("interaction.message", other)));
}

#[test]
fn started_fields_may_ride_along_and_metadata_is_flattened() {
    let event = bare(
        "interaction.message",
        json!({"interaction_id": "i", "role": "assistant", "message": "", "offset_ms": -50, "llm_model": "gpt-4o",
               "organization": "acme", "agent": null, "type": "voice_call", "direction": "outbound",
               "metadata": {"plan": "pro", "order": {"id": 55, "gift": false, "note": null}}, "nobody_knows": [1]}),
    )
    .unwrap();
    assert_eq!(event.started.organization.as_deref(), Some("acme"));
    assert_eq!(event.started.agent, None);
    assert_eq!(event.started.interaction_type, Some(InteractionType::VoiceCall));
    assert_eq!(event.started.direction, Some(Direction::Outbound));
    assert_eq!(event.started.llm_model, None, "in a message it is the message's model");
    let message = &event.messages[0].1;
    assert_eq!((message.role, message.time), (Role::Assistant, MessageTime::OffsetMs(-50)));
    assert_eq!(message.llm_model.as_deref(), Some("gpt-4o"));
    let keys: Vec<_> = event.started.metadata.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(keys, ["order.gift=false", "order.id=55", "plan=pro"]);
    assert_eq!(event.started.metadata["order.gift"], Scalar::Bool(false));
}

#[test]
fn a_completed_interaction_brings_everything_at_once() {
    let event = bare(
        "interaction.completed",
        json!({"interaction_id": "i", "organization": "acme", "llm_model": "gpt-4o", "status": "transferred",
               "start_time": "2026-01-01T00:00:00Z", "end_time": "2026-01-01T00:01:00Z",
               "cost": {"amount": 0.10, "currency": "usd"},
               "transcript": [{"role": "user", "message": "a", "offset_ms": 0}, {"role": "human", "message": "b", "id": "x",
                               "tool": {"name": "t", "arguments": {"k": [1]}, "ok": true}}]}),
    )
    .unwrap();
    let end = event.end.unwrap();
    assert_eq!(end.status, Status::Transferred);
    let cost = end.cost.unwrap();
    assert_eq!((cost.amount.to_string().as_str(), cost.currency.as_str()), ("0.1", "USD"));
    assert_eq!(event.started.llm_model.as_deref(), Some("gpt-4o"));
    let ids: Vec<_> = event.messages.iter().map(|(id, message)| (id.as_str(), message.position)).collect();
    assert_eq!(ids, [("i#0", 0), ("x", 1)]);
}

#[test]
fn each_mistake_is_reported_with_its_place_and_a_fix() {
    let text = |value: &str| reason(decoded(&record(value.as_bytes(), &[]), Timestamp::EPOCH));
    assert!(text("{").contains("not JSON"));
    assert!(text("[]").contains("an array"));
    assert!(text("  ").contains("empty"));
    assert!(text("{}").contains("neither a CloudEvent"));
    let tombstone = RawRecord { value: None, ..record(b"", &[]) };
    assert!(reason(decoded(&tombstone, Timestamp::EPOCH)).contains("empty"));

    let cases = [
        ("interaction.mesage", json!({"interaction_id": "i"}), "did you mean `interaction.message`?"),
        ("interaction.started", json!({}), "`interaction_id` is missing"),
        ("interaction.started", json!({"interaction_id": 5}), "`interaction_id` is 5; it must be a string"),
        ("interaction.started", json!({"interaction_id": "x".repeat(513)}), "513 bytes"),
        (
            "interaction.started",
            json!({"interaction_id": "i", "type": "fax"}),
            "one of text_chat, voice_call",
        ),
        ("interaction.started", json!({"interaction_id": "i", "start_time": "noon"}), "RFC 3339"),
        (
            "interaction.started",
            json!({"interaction_id": "i", "metadata": {"a": {"b": [1]}}}),
            "`metadata.a.b` is [1]",
        ),
        ("interaction.message", json!({"interaction_id": "i", "message": "x"}), "`role` is missing"),
        (
            "interaction.message",
            json!({"interaction_id": "i", "role": "bot", "message": "x"}),
            "`role` is \"bot\"",
        ),
        ("interaction.message", json!({"interaction_id": "i", "role": "user"}), "`message` is missing"),
        ("interaction.ended", json!({"interaction_id": "i", "status": "in_progress"}), "`status`"),
        (
            "interaction.ended",
            json!({"interaction_id": "i", "cost": {"amount": "1", "currency": "dollar"}}),
            "ISO 4217",
        ),
        (
            "interaction.ended",
            json!({"interaction_id": "i", "cost": {"amount": -1, "currency": "USD"}}),
            "`cost.amount`",
        ),
        ("interaction.rated", json!({"interaction_id": "i", "rating": 6}), "from 1 to 5"),
        ("interaction.rated", json!({"interaction_id": "i"}), "`rating` is missing"),
        ("interaction.analyzed", json!({"interaction_id": "i", "keywords": [1]}), "an array of strings"),
        ("interaction.completed", json!({"interaction_id": "i"}), "`transcript` is missing"),
        (
            "interaction.completed",
            json!({"interaction_id": "i", "transcript": [{"role": "user", "message": "a"}, {"role": "user"}]}),
            "`transcript[1].message` is missing",
        ),
    ];
    for (event_type, data, expected) in cases {
        let reason = reason(bare(event_type, data.clone()));
        assert!(reason.contains(expected), "{event_type} {data}: {reason}");
    }
    for missing in ["id", "source", "type"] {
        let mut event = structured("interaction.started", json!({"interaction_id": "i"}));
        event.as_object_mut().unwrap().remove(missing);
        assert!(reason(decode_value(&event)).contains(&format!("`{missing}` is missing")));
    }
    let mut old = structured("interaction.started", json!({"interaction_id": "i"}));
    old["specversion"] = json!("0.3");
    assert!(reason(decode_value(&old)).contains("only `1.0`"));
}

#[test]
fn a_models_analysis_is_distinguished_from_upstreams_by_its_author() {
    let analysis = json!({"by": "a-model", "version": "1", "of": "f-1", "at": "2026-05-01T12:00:00Z",
        "usage": [{"llm_model": "a-model", "input_tokens": 7, "output_tokens": 3}]});
    let with = |analysis: Value| {
        let data = json!({"interaction_id": "i", "csat": 4, "topic": "Refund", "analysis": analysis});
        bare("interaction.analyzed", data).unwrap()
    };
    let event = with(analysis.clone());
    let llm = event.llm_analysis.unwrap();
    assert_eq!((llm.by.as_str(), llm.of.as_str(), llm.assessment.csat), ("a-model", "f-1", Some(4)));
    assert_eq!(llm.usage["a-model"].input_tokens, 7);
    assert_eq!((event.assessment.csat, event.assessment.topic), (None, None));
    // Any other field of that name is upstream's own, and no reason to refuse the event.
    let mut without = analysis.clone();
    without.as_object_mut().unwrap().remove("of");
    let mut unread = analysis;
    unread["usage"] = json!([{"llm_model": "a-model", "input_tokens": "many"}]);
    for other in [json!(null), json!("by hand"), json!({"by": 7}), json!([]), without, unread] {
        let event = with(other.clone());
        assert_eq!((event.assessment.csat, event.llm_analysis), (Some(4), None), "{other}");
    }
    assert!(
        reason(bare("interaction.analyzed", json!({"interaction_id": "i", "csat": 6})))
            .contains("from 1 to 5")
    );
}

#[test]
fn half_a_surrogate_pair_is_read_as_the_replacement_character() {
    let text = |json: &str| {
        let record = record(json.as_bytes(), &[]);
        decoded(&record, Timestamp::EPOCH).unwrap()
    };
    let halves = [
        (r"thanks \ud83d", "thanks \u{FFFD}"),
        (r"\uDE00 low first", "\u{FFFD} low first"),
        (r"\ud83d\ud83d\ude00", "\u{FFFD}😀"),
        (r"\ud83d\n", "\u{FFFD}\n"),
        (r"\ud83d\u0041", "\u{FFFD}A"),
        (r"\ud83dx", "\u{FFFD}x"),
        (r"\\ud83d and \ud83d", r"\ud83d and �"),
        (r#"\"\ud83d\""#, "\"\u{FFFD}\""),
        (r"whole \ud83d\ude00, half \ude00", "whole 😀, half \u{FFFD}"),
    ];
    for (written, read) in halves {
        let event = text(&format!(
            r#"{{"event":"interaction.message","interaction_id":"i","role":"user","message":"{written}",
                "tool":{{"name":"t","arguments":{{"deep":["{written}"]}}}},"metadata":{{"a{written}":"{written}"}}}}"#
        ));
        let message = &event.messages[0].1;
        assert_eq!(message.message, read);
        assert_eq!(message.tool.as_ref().unwrap().arguments, Some(json!({"deep": [read]})));
        let metadata: Vec<_> =
            event.started.metadata.iter().map(|(key, value)| (key.clone(), value)).collect();
        assert_eq!(metadata, [(format!("a{read}"), &Scalar::Text(read.to_owned()))]);
        // In the attributes of a CloudEvent, too, and in base64 data.
        let data = format!(r#"{{"interaction_id":"i","agent":"{written}"}}"#);
        let base64 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &data);
        for data in [format!(r#""data":{data}"#), format!(r#""data_base64":"{base64}""#)] {
            let event = text(&format!(
                r#"{{"specversion":"1.0","type":"interaction.started","id":"{written}","source":"{written}",{data}}}"#
            ));
            assert_eq!(event.started.agent.as_deref(), Some(read));
        }
    }
    // Programs that do not escape write its three bytes, which are not valid UTF-8.
    let mut raw = br#"{"event":"interaction.started","interaction_id":"i","agent":"thanks "#.to_vec();
    raw.extend_from_slice(b"\xED\xA0\xBD\"}");
    let event = decoded(&record(&raw, &[]), Timestamp::EPOCH).unwrap();
    assert_eq!(event.started.agent.as_deref(), Some("thanks \u{FFFD}"));
}

#[test]
fn what_is_broken_in_another_way_stays_refused_and_is_told_its_place() {
    let text = |json: &str| reason(decoded(&record(json.as_bytes(), &[]), Timestamp::EPOCH));
    assert!(text(r#"{"event": "\ud83d", "interaction_id" 5}"#).contains("line 1 column 38"));
    assert!(text(r#"{"event": "\ud83d"#).contains("EOF"));
    assert!(text(r#"{"event": "\ud8"}"#).contains("not JSON"));
    assert!(text(r#"{"event": "\"#).contains("not JSON"));
}

#[test]
fn a_byte_order_mark_before_the_record_is_skipped() {
    let marked = |json: &[u8]| [b"\xEF\xBB\xBF", json].concat();
    let data = br#"{"interaction_id":"i","agent":"Ada"}"#;
    let headers = [
        ("ce_specversion", "1.0"),
        ("ce_id", "e-1"),
        ("ce_source", "/chat"),
        ("ce_type", "interaction.started"),
    ];
    let binary = decoded(&record(&marked(data), &headers), Timestamp::EPOCH).unwrap();
    assert_eq!(binary.started.agent.as_deref(), Some("Ada"));
    let bare = br#"{"event":"interaction.started","interaction_id":"i","agent":"Ada"}"#;
    let bare = decoded(&record(&marked(bare), &[]), Timestamp::EPOCH).unwrap();
    assert_eq!(bare.started.agent.as_deref(), Some("Ada"));
    let base64 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, marked(data));
    let structured = json!({"specversion": "1.0", "id": "e-1", "source": "/chat", "type": "interaction.started",
        "data_base64": base64});
    assert_eq!(decode_value(&structured).unwrap().started.agent.as_deref(), Some("Ada"));
    assert!(reason(decoded(&record(&marked(b" "), &[]), Timestamp::EPOCH)).contains("empty"));
}

#[test]
fn metadata_of_more_than_64_keys_is_refused() {
    let metadata: serde_json::Map<_, _> = (0..65).map(|n| (n.to_string(), json!(n))).collect();
    assert!(
        reason(bare("interaction.started", json!({"interaction_id": "i", "metadata": metadata})))
            .contains("64 keys")
    );
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(value in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decoded(&record(&value, &[("ce_type", "interaction.message")]), Timestamp::EPOCH);
        let _ = decoded(&record(&value, &[]), Timestamp::EPOCH);
    }

    #[test]
    fn no_escapes_make_it_panic(value in r#"\{"event":"(\\\\|\\\\u|d83d|de00|"|\\}|.){0,40}"#) {
        let _ = decode(&record(value.as_bytes(), &[]), Timestamp::EPOCH);
    }

    #[test]
    fn no_field_of_a_wrong_type_makes_it_panic(
        name in prop::sample::select(vec!["interaction_id", "role", "message", "at", "offset_ms", "metadata", "usage",
            "tool", "cost", "transcript", "rating", "keywords", "timestamp", "confidence", "analysis"]),
        value in prop::sample::select(vec![json!(null), json!(1e300), json!(-1), json!(""), json!([[]]), json!({"a": {}}),
            json!("9999-12-31T23:59:59Z"), json!(u64::MAX)]),
        event_type in prop::sample::select(vec!["interaction.message", "interaction.completed", "interaction.ended",
            "interaction.rated", "interaction.analyzed"]),
    ) {
        let mut data = json!({"interaction_id": "i", "role": "user", "message": "m", "transcript": []});
        data[name] = value;
        let _ = bare(event_type, data);
    }
}
