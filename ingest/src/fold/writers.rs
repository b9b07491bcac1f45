//! Two processes that write the same interactions, as happens while a partition moves between them, or when a process
//! that was thought dead keeps running. However their steps interleave, the result is what a single process would have
//! written.
#![allow(clippy::unwrap_used)]

use std::cell::RefCell;
use std::time::Duration;

use hearken_analysis::Analyzer;
use hearken_billing::{Billing, BillingSettings};
use hearken_index::Store as _;
use hearken_index::checkpoint::Checkpoint;
use hearken_index_memory::{MemoryReader, MemoryStore};
use hearken_model::{MessageTime, MessageUpdate, Role};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::*;
use crate::metrics::IngestMetrics;

const INTERACTIONS: [&str; 2] = ["a", "b"];

/// The next step.
#[derive(Debug, Clone)]
enum Step {
    /// A writer folds this event, unless it is in the middle of writing.
    Fold(usize, usize),
    /// A writer takes its next step: writes changes, refreshes, rereads a conflict, …
    GoOn(usize),
    /// A writer is killed and starts again: it rereads what it had not written.
    Crash(usize),
}

#[derive(Debug, Clone, PartialEq)]
enum Phase {
    Folding,
    Put,
    Conflicts(Vec<InteractionId>),
}

struct Writer {
    open: OpenInteractions,
    store: MemoryStore,
    reader: MemoryReader,
    phase: Phase,
    /// Folded, but not known to be written.
    unsettled: Vec<Event>,
}

impl Writer {
    fn new(store: MemoryStore, reader: MemoryReader) -> Self {
        let limits = CacheLimits { interactions_max: 1, ..LIMITS };
        let open = OpenInteractions::with_limits(limits);
        Writer { open, store, reader, phase: Phase::Folding, unsettled: Vec::new() }
    }

    fn fold(&mut self, event: Event) {
        assert_eq!(self.phase, Phase::Folding);
        self.unsettled.push(event.clone());
        self.open.fold(event, None, &self.reader).unwrap();
    }

    fn go_on(&mut self, deriver: &mut Deriver) {
        let store = &mut self.store;
        self.phase = match std::mem::replace(&mut self.phase, Phase::Folding) {
            Phase::Folding => {
                self.open.write_dirty(deriver, Instant::now(), None, |document| store.put(document));
                Phase::Put
            }
            Phase::Put => match store.refresh(&Checkpoint::default()).unwrap() {
                conflicts if conflicts.is_empty() => {
                    self.open.shrink();
                    self.unsettled.clear();
                    Phase::Folding
                }
                conflicts => Phase::Conflicts(conflicts),
            },
            Phase::Conflicts(mut conflicts) => {
                if let Some(id) = conflicts.pop() {
                    self.open.rejoin(&id, &self.reader).unwrap();
                    Phase::Conflicts(conflicts)
                } else {
                    self.open.write_dirty(deriver, Instant::now(), None, |document| store.put(document));
                    Phase::Put
                }
            }
        };
    }

    fn crash(&mut self) {
        let unsettled = std::mem::take(&mut self.unsettled);
        *self = Writer::new(self.store.another_writer(), self.reader.clone());
        unsettled.into_iter().for_each(|event| self.fold(event));
    }
}

fn event() -> impl Strategy<Value = Event> {
    let said = (0..3usize, 0..4i64, "[a-c]{1,3}");
    (0..INTERACTIONS.len(), 0..6i64, prop::option::weighted(0.9, said)).prop_map(
        |(interaction, time, said)| {
            let time = Timestamp::from_millis(1_700_000_000_000 + time);
            let mut event =
                Event::new(InteractionId::try_new(INTERACTIONS[interaction]).unwrap(), time, time);
            match said {
                Some((message, at, text)) => {
                    event.started.agent = (message == 0).then(|| text.clone());
                    let at = MessageTime::At(Timestamp::from_millis(1_700_000_000_000 + at));
                    let update = MessageUpdate::new(at, Role::User, text);
                    event.messages.push((format!("m-{message}"), update));
                }
                None => event.erase = true,
            }
            event
        },
    )
}

fn step(num_events: usize) -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..2usize, 0..num_events).prop_map(|(writer, event)| Step::Fold(writer, event)),
        8 => (0..2usize).prop_map(Step::GoOn),
        1 => (0..2usize).prop_map(Step::Crash),
    ]
}

fn story() -> impl Strategy<Value = (Vec<Event>, Vec<Step>)> {
    prop::collection::vec(event(), 1..8)
        .prop_flat_map(|events| (Just(events.clone()), prop::collection::vec(step(events.len()), 0..40)))
}

fn deriver() -> Deriver {
    let billing = Billing::new(BillingSettings::default());
    Deriver::new(Analyzer::built_in(), billing, Duration::from_secs(60), IngestMetrics::for_test())
}

/// What the index must hold in the end.
fn undisturbed(id: &InteractionId, events: &[Event], deriver: &mut Deriver) -> Option<Document> {
    let mut state = State::new(id.clone());
    let of_it = events.iter().filter(|event| event.interaction_id == *id);
    let num_events = of_it.map(|event| state.fold(event.clone(), None).unwrap()).count();
    if state.erased {
        return Some(Document::tombstone(id.clone()));
    }
    let derived = deriver.derive(&state, &mut Memo::default(), None);
    (num_events > 0).then(|| Document { derived, ..Document::new(state) })
}

#[test]
fn two_writers_leave_what_one_would_have() {
    let deriver = RefCell::new(deriver());
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let outcome = runner.run(&story(), |(events, steps)| {
        let deriver = &mut *deriver.borrow_mut();
        let (store, reader) = hearken_index_memory::open();
        let another = store.another_writer();
        let mut writers = [store, another].map(|store| Writer::new(store, reader.clone()));
        let mut is_folded = vec![false; events.len()];
        for step in steps {
            match step {
                Step::Fold(writer, event) if writers[writer].phase == Phase::Folding => {
                    writers[writer].fold(events[event].clone());
                    is_folded[event] = true;
                }
                Step::Fold(..) => {}
                Step::GoOn(writer) => writers[writer].go_on(deriver),
                Step::Crash(writer) => writers[writer].crash(),
            }
        }
        // Neither starves: both take turns until everything is written.
        let is_settled = |writer: &Writer| writer.phase == Phase::Folding && writer.unsettled.is_empty();
        let mut num_steps = 0;
        let mut left: Vec<usize> = (0..events.len()).filter(|event| !is_folded[*event]).collect();
        loop {
            for writer in &mut writers {
                if writer.phase == Phase::Folding
                    && let Some(event) = left.pop()
                {
                    writer.fold(events[event].clone());
                }
                if !is_settled(writer) {
                    writer.go_on(deriver);
                }
            }
            num_steps += 1;
            prop_assert!(num_steps < 200, "they block each other forever");
            if left.is_empty() && writers.iter().all(is_settled) {
                break;
            }
        }
        for id in INTERACTIONS.map(|id| InteractionId::try_new(id).unwrap()) {
            let stored = Lookup::get(&reader, &id, &Access::All).unwrap();
            let stored = stored.map(|document| Document { revision: 0, ..document });
            prop_assert_eq!(stored, undisturbed(&id, &events, deriver));
        }
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn a_late_write_does_not_bring_back_what_was_erased() {
    let (store, reader) = hearken_index_memory::open();
    let mut late = Writer::new(store.another_writer(), reader.clone());
    let mut eraser = Writer::new(store, reader.clone());
    let deriver = &mut deriver();
    let id = InteractionId::try_new("a").unwrap();
    let at = Timestamp::from_millis(1_700_000_000_000);
    let mut said = Event::new(id.clone(), at, at);
    said.messages.push(("m-1".into(), MessageUpdate::new(MessageTime::At(at), Role::User, "my secret")));

    late.fold(said);
    late.go_on(deriver); // it is about to write, and is stopped there
    eraser.fold(Event { erase: true, ..Event::new(id.clone(), at, at) });
    for _ in 0..2 {
        eraser.go_on(deriver);
    }
    assert_eq!((&eraser.phase, eraser.unsettled.len()), (&Phase::Folding, 0));
    late.go_on(deriver);
    assert_eq!(late.phase, Phase::Conflicts(vec![id.clone()]));
    while late.phase != Phase::Folding {
        late.go_on(deriver);
    }
    let stored = Lookup::get(&reader, &id, &Access::All).unwrap().unwrap();
    assert!(stored.state.erased && stored.state.messages.is_empty(), "{stored:?}");
    assert!(late.open.document(&id, &reader).unwrap().state.erased);
}
