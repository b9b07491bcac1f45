//! Records: no bytes make decoding panic, the same record gives the same events, and folding them twice changes nothing
//! the second time.
#![no_main]

use hearken_ingest::{Decoded, RawRecord, decode};
use hearken_model::{FoldOutcome, State, Timestamp};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|value: &[u8]| {
    let record = RawRecord {
        topic: "interactions".into(),
        partition: 0,
        offset: 0,
        key: None,
        value: Some(value.to_vec()),
        timestamp: Some(Timestamp::from_millis(1_700_000_000_000)),
        headers: Vec::new(),
    };
    let decoded = decode(&record, Timestamp::EPOCH);
    assert_eq!(decoded, decode(&record, Timestamp::from_millis(5)), "the clock has a part in it");
    match decoded {
        Decoded::Events(events) => {
            assert!(!events.is_empty());
            for event in events {
                let mut state = State::new(event.interaction_id.clone());
                if state.fold(event.clone(), None).is_ok() {
                    assert_ne!(state.fold(event, None), Ok(FoldOutcome::Applied), "folded twice");
                }
            }
        }
        Decoded::Ignored(what) => assert!(!what.is_empty()),
        Decoded::Rejected(rejection) => assert!(!rejection.reason.is_empty()),
    }
});
