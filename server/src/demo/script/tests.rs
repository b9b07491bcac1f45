#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::LazyLock;

use hearken_model::{Direction, InteractionType, Role, Sentiment, Status};

use super::conversation::bundled;
use super::*;

/// 2026-11-22T20:45:00.123Z.
const NOW: Timestamp = Timestamp::from_millis(1_795_380_300_123);

const RECORDINGS: &str = "https://recordings.example";

/// A record parsed back by its carrier's rules: type, event time and data.
struct Read {
    key: String,
    kind: String,
    time: Timestamp,
    data: Value,
    due: Duration,
}

fn read(record: &DemoRecord) -> Read {
    let headers: BTreeMap<&str, &str> = record
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), std::str::from_utf8(value).unwrap()))
        .collect();
    let value: Value = serde_json::from_slice(&record.value).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (kind, time, data) = if let Some(kind) = headers.get("ce_type") {
        assert_eq!((headers["ce_specversion"], headers["content-type"]), ("1.0", "application/json"));
        assert!(!headers["ce_id"].is_empty() && !headers["ce_source"].is_empty());
        ((*kind).to_owned(), headers["ce_time"].to_owned(), value)
    } else if value.get("specversion").is_some() {
        assert!(headers["content-type"].starts_with("application/cloudevents+json"));
        assert!(!text(&value["id"]).is_empty() && !text(&value["source"]).is_empty());
        (text(&value["type"]), text(&value["time"]), value["data"].clone())
    } else {
        let time = ["at", "end_time", "start_time"].iter().find_map(|name| value.get(*name));
        (text(&value["event"]), text(time.unwrap()), value)
    };
    let time = Timestamp::parse(&time).unwrap();
    Read { key: record.key.clone(), kind, time, data, due: record.due }
}

fn events() -> Vec<Read> {
    script(NOW, RECORDINGS).iter().filter(|record| !record.malformed).map(read).collect()
}

/// Checks fields, allowed values and bounds against docs/reference.md#event-types.
fn check_shape(kind: &str, data: &Value) {
    let text = |name: &str| data[name].as_str().unwrap_or_else(|| panic!("{kind} without {name}: {data}"));
    assert!(!text("interaction_id").is_empty());
    if data.get("type").is_some() {
        assert!(InteractionType::from_name(text("type")).is_some());
    }
    if data.get("direction").is_some() {
        assert!(Direction::from_name(text("direction")).is_some());
    }
    if let Some(metadata) = data.get("metadata") {
        assert!(metadata.as_object().unwrap().values().all(|value| value.is_string() || value.is_number()));
    }
    match kind {
        "interaction.started" => assert!(Timestamp::parse(text("start_time")).is_ok()),
        "interaction.message" => check_message(data),
        "interaction.ended" => check_end(data),
        "interaction.completed" => {
            assert!(Timestamp::parse(text("start_time")).is_ok());
            check_end(data);
            data["transcript"].as_array().unwrap().iter().for_each(check_message);
        }
        "interaction.rated" => assert!((1..=5).contains(&data["rating"].as_u64().unwrap())),
        "interaction.analyzed" => {
            let known = [
                "csat",
                "csat_description",
                "topic",
                "summary",
                "sentiment",
                "sentiment_description",
                "keywords",
            ];
            let of_carrier = ["event", "interaction_id", "at"];
            for name in data.as_object().unwrap().keys() {
                assert!(known.contains(&name.as_str()) || of_carrier.contains(&name.as_str()), "{name}");
            }
            assert!(data.get("sentiment").is_none_or(|_| Sentiment::from_name(text("sentiment")).is_some()));
            assert!(data.get("csat").is_none_or(|csat| (1..=5).contains(&csat.as_u64().unwrap())));
        }
        other => panic!("unknown type {other}"),
    }
}

fn check_message(message: &Value) {
    let role = message["role"].as_str().unwrap();
    assert!(Role::from_name(role).is_some());
    assert!(!message["message"].as_str().unwrap().is_empty());
    assert!(message["offset_ms"].is_i64() != message["at"].is_string(), "one time, not two: {message}");
    assert!(message.get("confidence").is_none_or(|value| (0.0..=1.0).contains(&value.as_f64().unwrap())));
    if let Some(end) = message.get("end_offset_ms") {
        assert!(end.as_i64().unwrap() >= message["offset_ms"].as_i64().unwrap_or(0));
    }
    assert_eq!(message.get("tool").is_some(), role == "tool", "{message}");
    if let Some(tool) = message.get("tool") {
        assert!(tool["name"].is_string() && tool["arguments"].is_object() && tool["ok"].is_boolean());
    }
    if let Some(usage) = message.get("usage") {
        assert_eq!(role, "assistant");
        let cached = usage.get("cached_input_tokens").map_or(0, |cached| cached.as_u64().unwrap());
        assert!(
            cached <= usage["input_tokens"].as_u64().unwrap() && usage["output_tokens"].as_u64().unwrap() > 0
        );
    }
}

fn check_end(data: &Value) {
    assert!(Timestamp::parse(data["end_time"].as_str().unwrap()).is_ok());
    let status = Status::from_name(data["status"].as_str().unwrap());
    assert!(status.is_some_and(|status| status != Status::InProgress));
}

#[test]
fn the_bundle_is_as_varied_as_the_demo_promises() {
    let bundle = bundled();
    let distinct = |of: &dyn Fn(&DemoConversation) -> Option<String>| -> BTreeSet<String> {
        bundle.iter().filter_map(of).collect()
    };
    assert!(bundle.len() >= 64);
    assert_eq!(distinct(&|c| Some(c.id.clone())).len(), bundle.len(), "ids are unique");
    assert_eq!(distinct(&|c| Some(c.r#type.clone())).len(), 2);
    assert!(distinct(&|c| Some(c.language.clone())).len() >= 8);
    for language in ["en", "de", "fr", "es", "zh", "ja"] {
        assert!(bundle.iter().filter(|c| c.language == language).count() >= 4, "{language}");
    }
    assert!(distinct(&|c| Some(c.organization.clone())).len() >= 5);
    assert!(distinct(&|c| Some(c.agent.clone())).len() >= 5);
    assert!(distinct(&|c| c.user_agent.clone()).len() >= 15);
    assert!(distinct(&|c| c.end_reason.clone()).len() >= 5);
    assert_eq!(distinct(&|c| c.rating.map(|rating| rating.to_string())).len(), 5);
    assert!(bundle.iter().filter(|c| c.analysis.is_some()).count() >= 5);
    let lengths: Vec<usize> = bundle.iter().map(|c| c.messages.len()).collect();
    assert!(*lengths.iter().min().unwrap() >= 3 && *lengths.iter().max().unwrap() >= 20);
    assert!(bundle.iter().any(|c| c.messages.iter().any(|m| m.text.contains("<script>alert(1)</script>"))));
}

/// Checks that it only has documentation addresses, example hosts, and telephone numbers reserved for fiction in North
/// America, Berlin and France.
fn check_fiction(data: &Value) {
    let text = |name: &str| data[name].as_str();
    if let Some(address) = text("ip_address") {
        let documentation = match address.parse().unwrap() {
            IpAddr::V4(v4) => {
                [[192, 0, 2], [198, 51, 100], [203, 0, 113]].contains(&v4.octets()[..3].try_into().unwrap())
            }
            IpAddr::V6(v6) => v6.segments()[..2] == [0x2001, 0xdb8],
        };
        assert!(documentation, "{address}");
    }
    for url in [text("url"), text("recording_url")].into_iter().flatten() {
        let host = url.strip_prefix("https://").unwrap().split('/').next().unwrap();
        assert!(host.ends_with(".example"), "{url}");
    }
    if let Some(caller) = text("caller") {
        let kept = ["+1-555-01", "+49-30-23125-", "+33-1-99-00-"];
        assert!(kept.iter().any(|kept| caller.starts_with(kept)), "{caller}");
    }
}

#[test]
fn every_address_number_and_host_is_set_aside_for_examples() {
    let mut addresses = BTreeSet::new();
    for event in events() {
        check_fiction(&event.data);
        if let Some(address) = event.data["ip_address"].as_str() {
            assert!(addresses.insert(address.to_owned()), "{address} is used twice");
        }
    }
    assert!(addresses.iter().any(|address| address.contains(':')), "both address families");
}

fn country_of(reader: &maxminddb::Reader<Vec<u8>>, data: &Value) -> Option<String> {
    let address: IpAddr = data["ip_address"].as_str()?.parse().unwrap();
    let record: Value = reader.lookup(address).unwrap().decode().unwrap().unwrap();
    Some(record["country"]["iso_code"].as_str().unwrap().to_owned())
}

#[test]
fn conversations_come_from_where_their_language_is_spoken() {
    let reader = maxminddb::Reader::from_source(crate::demo::geoip::database().unwrap()).unwrap();
    let days: Vec<Read> = Day::around(NOW, RECORDINGS).take(500).map(|record| read(&record)).collect();
    for event in events().iter().chain(&days) {
        let Some(country) = country_of(&reader, &event.data) else { continue };
        let spoken_in: &[&str] = match event.data["language"].as_str().unwrap() {
            "de" => &["DE", "AT"],
            "fr" => &["FR"],
            "es" => &["ES", "MX"],
            "zh" => &["CN"],
            "ja" => &["JP"],
            "pt-BR" => &["BR"],
            "ar" => &["EG"],
            "it" => &["CH"],
            _ => &["US", "CA", "GB", "AU", "IN", "NL", "PT"],
        };
        assert!(spoken_in.contains(&country.as_str()), "{} from {country}", event.key);
    }
}

#[test]
fn every_event_is_what_the_reference_defines() {
    let mut kinds = BTreeMap::<String, usize>::new();
    for event in events() {
        assert_eq!(event.data["interaction_id"], event.key);
        check_shape(&event.kind, &event.data);
        *kinds.entry(event.kind).or_default() += 1;
    }
    assert_eq!(kinds.len(), 6, "{kinds:?}");
    assert!(kinds["interaction.rated"] >= 5 && kinds["interaction.analyzed"] >= 5);
}

#[test]
fn the_three_carriers_are_mixed() {
    let records = script(NOW, RECORDINGS);
    let by = |carrier: fn(&DemoRecord) -> bool| records.iter().filter(|record| carrier(record)).count();
    let binary = by(|record| record.headers.iter().any(|(name, _)| name == "ce_type"));
    let structured = by(|record| record.headers.len() == 1);
    let bare = by(|record| record.headers.is_empty());
    assert!(binary > 50 && structured > 50 && bare > 50, "{binary} {structured} {bare}");
}

#[test]
fn message_ids_are_unique_and_no_event_id_comes_twice() {
    let mut ids = BTreeSet::new();
    for record in script(NOW, RECORDINGS).iter().filter(|record| !record.malformed) {
        let value: Value = serde_json::from_slice(&record.value).unwrap();
        let ce_id = record
            .headers
            .iter()
            .find(|(name, _)| name == "ce_id")
            .map(|(_, id)| String::from_utf8_lossy(id));
        for id in [ce_id.as_deref(), value["id"].as_str(), value["message_id"].as_str()].into_iter().flatten()
        {
            assert!(ids.insert(id.to_owned()), "{id}");
        }
    }
}

#[test]
fn history_is_over_and_spread() {
    let mut days = BTreeSet::new();
    let mut last_of_history = Timestamp::EPOCH;
    for event in events() {
        assert_eq!(event.due, Duration::ZERO);
        last_of_history = last_of_history.max(event.time);
        assert!(NOW.millis_since(event.time) <= HISTORY_MS);
        days.insert(event.time.as_millis() / 86_400_000);
    }
    let idle_timeout_ms = 30 * 60 * 1_000;
    assert!(
        NOW.millis_since(last_of_history) > idle_timeout_ms,
        "the unfinished ones of history count as abandoned"
    );
    assert!(days.len() >= 7, "{days:?}");
}

/// The week before, and what someone who watches the demo for three hours sees.
static DAYS: LazyLock<(Vec<Read>, Vec<Read>)> = LazyLock::new(|| {
    let watched = Duration::from_secs(3 * 60 * 60);
    let seen = Day::around(NOW, RECORDINGS).take_while(|record| record.due <= watched);
    seen.map(|record| read(&record)).partition(|event| event.due == Duration::ZERO)
});

/// The number of conversations that begin in each hour.
fn by_hour(events: &[Read]) -> BTreeMap<i64, usize> {
    let mut first = BTreeMap::<&str, i64>::new();
    for event in events {
        let start =
            event.data["start_time"].as_str().map_or(event.time, |time| Timestamp::parse(time).unwrap());
        let hour = start.as_millis() / 3_600_000;
        let of_key = first.entry(&event.key).or_insert(hour);
        *of_key = hour.min(*of_key);
    }
    let mut hours = BTreeMap::new();
    first.into_values().for_each(|hour| *hours.entry(hour).or_default() += 1);
    hours
}

#[test]
fn a_day_is_like_the_days_before_and_no_conversation_is_played_again_and_again() {
    let (history, live) = &*DAYS;
    for event in history.iter().chain(live) {
        check_shape(&event.kind, &event.data);
        check_fiction(&event.data);
    }
    let hours = by_hour(history);
    assert!(hours.len() >= 160, "every hour of the week: {}", hours.len());
    let by_night = |from: i64, to: i64| -> usize {
        hours.iter().filter(|(hour, _)| (from..to).contains(&(*hour % 24))).map(|(_, count)| count).sum()
    };
    assert!(by_night(8, 20) > 3 * by_night(0, 6), "days are busier than nights: {hours:?}");
    // Live play continues where the week ends: no hour stands out.
    let busiest = *hours.values().max().unwrap();
    let watched = by_hour(live);
    assert!(watched.values().all(|count| *count <= busiest), "{watched:?}, {busiest}");

    // Hardly any two customers word it the same way.
    let mut told = BTreeMap::<String, String>::new();
    for event in live.iter().filter(|event| event.kind == "interaction.message") {
        told.entry(event.key.clone()).or_default().push_str(event.data["message"].as_str().unwrap());
    }
    let distinct: BTreeSet<&String> = told.values().collect();
    assert!(told.len() >= 20, "{}", told.len());
    assert_eq!(distinct.len(), told.len());
}

#[test]
fn the_week_before_has_everything_that_happens_at_a_desk() {
    let history = &DAYS.0;
    let distinct = |name: &str| -> BTreeSet<String> {
        history.iter().filter_map(|event| Some(event.data.get(name)?.to_string())).collect()
    };
    assert_eq!(distinct("type").len(), 2);
    assert!(distinct("organization").len() >= 6 && distinct("language").len() >= 8);
    assert!(distinct("user_agent").len() >= 15 && distinct("agent_version").len() == 2);
    assert!(distinct("status").len() >= 3 && distinct("rating").len() == 5);
    let said: Vec<&Value> = history
        .iter()
        .filter_map(|event| event.data.get("transcript").and_then(Value::as_array))
        .flatten()
        .collect();
    let num = |is: &dyn Fn(&Value) -> bool| said.iter().filter(|message| is(message)).count();
    assert!(num(&|message| message["interrupted"] == true) > 20);
    assert!(num(&|message| message["role"] == "human") > 100);
    assert!(num(&|message| message["tool"]["ok"] == false) > 50);
    let recorded = history.iter().filter_map(|event| event.data.get("recording_url")?.as_str());
    assert!(recorded.filter(|url| url.contains("/a") && url.contains(",u")).count() > 100);
    let ratings = history.iter().filter(|event| event.kind == "interaction.rated").count();
    let ends = history.iter().filter(|event| event.data.get("status").is_some()).count();
    assert!((ends / 5..ends * 4 / 5).contains(&ratings), "some are rated: {ratings} of {ends}");
}

#[test]
fn live_messages_come_at_a_human_pace_in_their_order_without_end() {
    let live = &DAYS.1;
    assert!(live.iter().map(|event| event.time).is_sorted());
    assert!(live.iter().all(|event| event.due.as_millis() as i64 == event.time.millis_since(NOW)));
    let in_an_hour = live.iter().filter(|event| event.due < Duration::from_secs(3_600)).count();
    assert!((50..2_000).contains(&in_an_hour), "{in_an_hour}");
    let mut last = BTreeMap::<&str, Duration>::new();
    for event in live.iter().filter(|event| event.data["role"] == "user") {
        if let Some(before) = last.insert(&event.key, event.due) {
            assert!(event.due - before >= Duration::from_secs(1), "{}", event.key);
        }
    }
    let year = Duration::from_secs(365 * 24 * 3_600);
    let later = NOW.plus_millis(year.as_millis() as i64);
    assert!(Day::around(later, RECORDINGS).nth(7_000).is_some());
}

#[test]
fn records_are_ordered_and_the_same_for_the_same_now() {
    let records = script(NOW, RECORDINGS);
    assert!(records.iter().map(|record| record.due).is_sorted());
    assert!(events().iter().map(|event| event.time).is_sorted());
    assert_eq!(records, script(NOW, RECORDINGS));
    assert_ne!(records, script(NOW.plus_millis(1), RECORDINGS));
    let day = || Day::around(NOW, RECORDINGS).take(500);
    assert!(day().eq(day()));
}

#[test]
fn two_records_are_malformed() {
    let records = script(NOW, RECORDINGS);
    let malformed: Vec<&DemoRecord> = records.iter().filter(|record| record.malformed).collect();
    assert_eq!(malformed.len(), 2);
    assert!(serde_json::from_slice::<Value>(&malformed[0].value).is_err());
}

#[test]
fn an_interrupted_speaker_is_still_speaking_when_the_next_one_begins() {
    let made_up = scenario::scenarios();
    let made_up =
        (0..200).map(|seed| made_up[seed as usize % made_up.len()].play(&mut fastrand::Rng::with_seed(seed)));
    let mut num_interrupted = 0;
    for conversation in bundled().into_iter().chain(made_up) {
        let times = timeline(&conversation);
        for (index, message) in conversation.messages.iter().enumerate() {
            if message.interrupted == Some(true) {
                assert!(times[index].end_ms > times[index + 1].start_ms, "{conversation:?} {index}");
                num_interrupted += 1;
            }
        }
    }
    assert!(num_interrupted > 10, "{num_interrupted}");
}

#[test]
fn no_slot_is_left_empty_and_every_ending_is_reached() {
    for scenario in scenario::scenarios() {
        let mut reached = BTreeSet::new();
        for seed in 0..200 {
            let conversation = scenario.play(&mut fastrand::Rng::with_seed(seed));
            for message in &conversation.messages {
                assert!(!message.text.is_empty() && !message.text.contains(['{', '}']), "{}", message.text);
            }
            reached.extend(conversation.messages.last().map(|message| message.text.clone()));
        }
        assert!(reached.len() >= scenario.endings.len(), "{}: {reached:?}", scenario.organization);
    }
}
