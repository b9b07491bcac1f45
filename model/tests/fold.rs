//! The fold is a join: any order, any repetition, the same result (docs/reference.md#folding).

#![allow(clippy::unwrap_used)]

use hearken_model::{
    Assessment, Document, End, Event, FoldOutcome, InteractionId, LazyDocument, LimitExceeded, LlmAnalysis,
    MessageText, MessageTime, MessageUpdate, Rating, Role, Scalar, Sentiment, StartedFields, State, Status,
    Timestamp,
};
use proptest::prelude::*;

fn id() -> InteractionId {
    InteractionId::try_new("i-1").unwrap()
}

fn event(time_ms: i64) -> Event {
    Event::new(id(), Timestamp::from_millis(time_ms), Timestamp::from_millis(time_ms))
}

fn message(text: &str, time: MessageTime) -> MessageUpdate {
    MessageUpdate::new(time, Role::User, text)
}

fn said(time_ms: i64, message_id: &str, text: &str) -> Event {
    let at = MessageTime::At(Timestamp::from_millis(time_ms));
    Event { messages: vec![(message_id.to_owned(), message(text, at))], ..event(time_ms) }
}

fn answer(by: &str, of: &str) -> LlmAnalysis {
    LlmAnalysis {
        by: by.to_owned(),
        version: "1".to_owned(),
        of: of.to_owned(),
        assessment: Assessment::default(),
        usage: Default::default(),
    }
}

fn satisfied(csat: Option<u8>) -> Assessment {
    Assessment { csat, ..Assessment::default() }
}

fn folded(events: impl IntoIterator<Item = Event>) -> State {
    let mut state = State::new(id());
    for event in events {
        state.fold(event, None).unwrap();
    }
    state
}

/// Few times, few ids and few values, so that versions collide all the time.
fn any_event() -> impl Strategy<Value = Event> {
    let text = || prop::sample::select(vec!["a", "b", "c"]).prop_map(str::to_owned);
    let started =
        (prop::option::of(text()), prop::option::of(text()), prop::option::of(0..3_i64), text(), 0..3_u8)
            .prop_map(|(organization, agent, start, key, flag)| StartedFields {
                organization,
                agent,
                start_time: start.map(Timestamp::from_millis),
                metadata: [(key, Scalar::Bool(flag > 1))].into_iter().collect(),
                ..StartedFields::default()
            });
    let time = prop_oneof![
        (0..3_i64).prop_map(|ms| MessageTime::At(Timestamp::from_millis(ms))),
        (-2..3_i64).prop_map(MessageTime::OffsetMs)
    ];
    let messages =
        prop::collection::vec((text(), (text(), time).prop_map(|(text, time)| message(&text, time))), 0..3);
    let end = prop::option::of((prop::option::of(0..3_i64), 0..3_usize).prop_map(|(end_time, status)| End {
        end_time: end_time.map(Timestamp::from_millis),
        status: [Status::Finished, Status::Failed, Status::Transferred][status],
        end_reason: None,
        recording_url: None,
        cost: None,
    }));
    let rating = prop::option::of((1..=5_u8).prop_map(|rating| Rating { rating, rating_comment: None }));
    let analysis =
        (prop::option::of(1..=5_u8), prop::option::of(text())).prop_map(|(csat, topic)| Assessment {
            csat,
            topic,
            sentiment: csat.map(|csat| if csat > 3 { Sentiment::Positive } else { Sentiment::Negative }),
            ..Assessment::default()
        });
    let llm = prop::option::of(
        (text(), text(), prop::option::of(1..=5_u8))
            .prop_map(|(by, of, csat)| LlmAnalysis { assessment: satisfied(csat), ..answer(&by, &of) }),
    );
    let said = (started, messages, end, rating, analysis, llm);
    (0..4_i64, 0..3_i64, said, prop::bool::weighted(0.02)).prop_map(
        |(time, recorded_at, (started, messages, end, rating, assessment, llm_analysis), erase)| Event {
            recorded_at: Timestamp::from_millis(recorded_at),
            started,
            messages,
            end,
            rating,
            assessment,
            llm_analysis,
            erase,
            ..event(time)
        },
    )
}

proptest! {
    #[test]
    fn a_document_read_lazily_shows_the_same_messages_in_the_same_order(events in prop::collection::vec(any_event(), 1..12)) {
        let mut document = Document::new(folded(events));
        document.derived.head.id = "i-1".to_owned();
        document.revision = 3;
        let (mut head, mut rest) = (Vec::new(), Vec::new());
        document.write_stored(&mut head, &mut rest).unwrap();
        let (head, rest) = (String::from_utf8(head).unwrap(), String::from_utf8(rest).unwrap());
        prop_assert_eq!(&Document::read_stored(&head, &rest).unwrap(), &document);
        let lazy = LazyDocument::stored(head, rest);
        let transcript = document.transcript();
        prop_assert_eq!(lazy.message_texts().unwrap(), transcript.iter().map(MessageText::from).collect::<Vec<_>>());
        prop_assert_eq!(lazy.id().unwrap(), "i-1");
        prop_assert_eq!(lazy.head().unwrap(), document.derived.head);
    }

    #[test]
    fn any_order_and_any_repetition_give_the_same_state(
        events in prop::collection::vec(any_event(), 1..12),
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let expected = folded(events.clone());
        let mut disturbed: Vec<Event> = order.iter().map(|index| index.get(&events).clone()).collect();
        disturbed.extend(events.iter().rev().cloned());
        prop_assert_eq!(&folded(disturbed), &expected);
        // Replaying any prefix once more changes nothing.
        let replayed = events.iter().chain(&events[..events.len() / 2]).cloned();
        prop_assert_eq!(&folded(replayed), &expected);
    }

    #[test]
    fn joining_parts_equals_folding_the_whole(
        left in prop::collection::vec(any_event(), 0..6),
        right in prop::collection::vec(any_event(), 0..6),
    ) {
        let mut joined = folded(left.clone());
        joined.join(folded(right.clone()));
        prop_assert_eq!(joined, folded(left.into_iter().chain(right)));
    }

    #[test]
    fn an_event_that_was_folded_is_a_duplicate(events in prop::collection::vec(any_event(), 1..8)) {
        let mut state = folded(events.clone());
        let before = state.clone();
        for event in events {
            prop_assert_ne!(state.fold(event, None).unwrap(), FoldOutcome::Applied);
        }
        prop_assert_eq!(state, before);
    }

    #[test]
    fn a_stored_state_reads_back_as_it_was(events in prop::collection::vec(any_event(), 1..8)) {
        let state = folded(events);
        let read: State = serde_json::from_slice(&serde_json::to_vec(&state).unwrap()).unwrap();
        prop_assert_eq!(read, state);
    }
}

#[test]
fn an_edit_with_a_later_time_wins_whenever_it_arrives() {
    let edits = [said(1, "m", "first"), said(9, "m", "final"), said(5, "m", "interim")];
    let state = folded(edits);
    assert_eq!(state.messages["m"].value.message, "final");
}

#[test]
fn the_newest_end_wins_and_a_message_after_it_is_kept() {
    let ended = |time_ms, status| Event {
        end: Some(End { end_time: None, status, end_reason: None, recording_url: None, cost: None }),
        ..event(time_ms)
    };
    let state =
        folded([ended(5, Status::Failed), said(9, "late", "still there?"), ended(3, Status::Finished)]);
    assert_eq!(state.end.unwrap().value.status, Status::Failed);
    assert!(state.messages.contains_key("late"));
}

#[test]
fn what_upstream_and_a_model_say_are_kept_apart_whatever_their_times() {
    let upstream = Event { assessment: satisfied(Some(1)), ..event(1) };
    let asked = |time_ms, of: &str| Event {
        llm_analysis: Some(LlmAnalysis { assessment: satisfied(Some(5)), ..answer("a-model", of) }),
        ..event(time_ms)
    };
    let state = folded([asked(9, "newer"), upstream, asked(5, "older")]);
    assert_eq!(state.csat.unwrap().value, 1);
    let llm = state.llm_analysis.unwrap().value;
    assert_eq!((llm.assessment.csat, llm.of.as_str()), (Some(5), "newer"));
}

#[test]
fn an_erasure_absorbs_what_came_before_and_what_comes_after() {
    let mut state = folded([said(1, "m", "my card is 4111"), Event { erase: true, ..event(2) }]);
    assert_eq!(state.fold(said(3, "m2", "again"), None).unwrap(), FoldOutcome::Erased);
    assert!(state.erased && state.messages.is_empty());
    assert!(!serde_json::to_string(&state).unwrap().contains("4111"));
}

#[test]
fn the_transcript_is_ordered_by_instant_then_position_then_id_and_offsets_follow_a_late_start() {
    let offset = |ms| MessageTime::OffsetMs(ms);
    let mut state = folded([
        Event { messages: vec![("b".into(), message("later", offset(2_000)))], ..event(100_000) },
        Event { messages: vec![("a".into(), message("sooner", offset(1_000)))], ..event(99_000) },
    ]);
    assert_eq!(
        state.start_time(),
        Some(Timestamp::from_millis(98_000)),
        "said at its event time, less its offset"
    );
    let start =
        StartedFields { start_time: Some(Timestamp::from_millis(50_000)), ..StartedFields::default() };
    state.fold(Event { started: start, ..event(0) }, None).unwrap();
    let transcript: Vec<_> =
        state.transcript().into_iter().map(|(at, id, _)| (at.as_millis(), id.to_owned())).collect();
    assert_eq!(transcript, [(51_000, "a".to_owned()), (52_000, "b".to_owned())]);
}

#[test]
fn what_goes_beyond_a_limit_is_refused_whole_and_changes_nothing() {
    let mut state = folded([said(1, "m", "hello")]);
    let before = state.clone();
    let at = MessageTime::At(Timestamp::EPOCH);
    let flood = (0..10_001).map(|n| (n.to_string(), message("x", at))).collect();
    let too_many = state.fold(Event { messages: flood, ..event(2) }, None);
    assert_eq!(too_many, Err(LimitExceeded::Messages(10_002)));
    let huge = message(&"x".repeat(8 * 1024 * 1024), at);
    let too_large = state.fold(Event { messages: vec![("h".into(), huge)], ..event(2) }, None);
    assert!(matches!(too_large, Err(LimitExceeded::Bytes(_))));
    assert_eq!(state, before);
    // The same size again, as a replacement of itself, is no growth.
    let large = message(&"y".repeat(5 * 1024 * 1024), at);
    state.fold(Event { messages: vec![("l".into(), large.clone())], ..event(3) }, None).unwrap();
    state.fold(Event { messages: vec![("l".into(), large)], ..event(4) }, None).unwrap();
}
