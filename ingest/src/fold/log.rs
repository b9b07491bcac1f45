//! Logs: what some systems report about a sender, and from which interactions are made.
//!
//! A log is folded and stored like an interaction, but no search finds it. Whenever it has grown, its interactions are
//! rebuilt: see [`State::project`](hearken_model::State::project). That takes time in proportion to the log, which has
//! the limits of an interaction.

use std::sync::Arc;

use hearken_index::{Lookup, SearchError};
use hearken_model::state::Address;
use hearken_model::{Event, InteractionId, State};

use super::OpenInteractions;
use crate::decode::rasa::{self, Session};

/// An event and its address in the form to fold: a log keeps the address with the entry, because entries may differ.
pub(super) fn entry(mut event: Event, address: Option<Address>) -> (Event, Option<Address>) {
    match address {
        Some(address) if event.is_log_entry => {
            rasa::set_address(&mut event, address);
            (event, None)
        }
        address => (event, address),
    }
}

impl OpenInteractions {
    /// Rebuilds the interactions of the logs that have changed since the last write. Returns how many logs gave up what
    /// they said about interactions that are past their retention, as `is_over` decides. None does so while the backlog
    /// is being read, because what comes next may be recent enough.
    pub(crate) fn project_logs(
        &mut self,
        reader: &dyn Lookup,
        is_over: &dyn Fn(&State) -> bool,
        is_backlog_read: bool,
    ) -> Result<u64, SearchError> {
        let is_log = |id: &&InteractionId| self.open.peek(*id).is_some_and(|open| open.document.state.is_log);
        let logs: Vec<_> = self.dirty.iter().filter(is_log).cloned().collect();
        let mut num_cut = 0;
        for log in logs {
            let over = self.project(&log, reader, is_over)?;
            let has_entries = over.iter().any(|session| !session.entries.is_empty());
            if !is_backlog_read {
                if has_entries {
                    self.unjudged_logs.insert(log);
                }
                continue;
            }
            num_cut += u64::from(has_entries);
            let entries = &mut Arc::make_mut(&mut self.load(&log, reader)?.document).state.messages;
            over.iter().flat_map(|session| &session.entries).for_each(|entry| {
                entries.remove(entry);
            });
            // If one of them is in the index, the next retention pass finds it there.
            over.iter().for_each(|session| self.forget(&session.id));
        }
        Ok(num_cut)
    }

    /// If an interaction comes from a log, rebuilds that log's interactions.
    pub(crate) fn touch_log_of(
        &mut self,
        id: &InteractionId,
        reader: &dyn Lookup,
    ) -> Result<(), SearchError> {
        let projected = self.load(id, reader)?.document.state.projected.as_ref();
        match projected.map(|projected| projected.log.clone()) {
            Some(log) => self.touch_log(&log, reader),
            None => Ok(()),
        }
    }

    fn touch_log(&mut self, log: &InteractionId, reader: &dyn Lookup) -> Result<(), SearchError> {
        // A log that is gone must not come back as an interaction.
        if self.load(log, reader)?.document.state.is_log {
            self.mark_dirty(log.clone());
        }
        Ok(())
    }

    /// Rebuilds the interactions of the logs that mentioned some that were too old while the backlog was being read.
    pub(crate) fn touch_unjudged_logs(&mut self, reader: &dyn Lookup) -> Result<(), SearchError> {
        let unjudged = std::mem::take(&mut self.unjudged_logs);
        unjudged.iter().try_for_each(|log| self.touch_log(log, reader))
    }

    /// Rebuilds the interactions of a log; returns those past their retention.
    fn project(
        &mut self,
        log: &InteractionId,
        reader: &dyn Lookup,
        is_over: &dyn Fn(&State) -> bool,
    ) -> Result<Vec<Session>, SearchError> {
        let state = &self.load(log, reader)?.document.state;
        let (sessions, organization) = (rasa::sessions(state), state.organization.clone());
        let (mut erased, mut over) = (Vec::new(), Vec::new());
        for mut session in sessions {
            let open = self.load(&session.id, reader)?;
            let state = &open.document.state;
            let is_of_another = match (&state.organization, &organization) {
                (Some(theirs), Some(ours)) => theirs.value != ours.value,
                _ => false,
            };
            if is_of_another && state.projected.is_none() {
                // Naming a sender must not give access to another organization's interaction.
            } else if state.erased {
                erased.extend(session.entries);
            } else if session.told.is_none() && state.projected.is_none() {
                // That conversation never existed.
            } else {
                let is_changed = Arc::make_mut(&mut open.document).state.project(log, session.told.take());
                let state = &open.document.state;
                let is_over = !state.is_hidden() && is_over(state);
                if is_changed {
                    self.mark_dirty(session.id.clone());
                }
                if is_over {
                    over.push(session);
                }
            }
        }
        // Erased content must not stay in the log either, nor come back to it when events are read again.
        let entries = &mut Arc::make_mut(&mut self.load(log, reader)?.document).state.messages;
        erased.iter().for_each(|entry| {
            entries.remove(entry);
        });
        Ok(over)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::{Duration, Instant};

    use hearken_analysis::Analyzer;
    use hearken_billing::{Billing, BillingSettings};
    use hearken_index_tantivy::{Index, IndexReader, IndexWriter};
    use hearken_model::{Rating, Timestamp};
    use serde_json::{Value, json};

    use super::*;
    use crate::derive::Deriver;
    use crate::metrics::IngestMetrics;
    use crate::{Decoded, RawRecord, decode};

    struct World {
        open: OpenInteractions,
        deriver: Deriver,
        writer: IndexWriter,
        reader: IndexReader,
        /// Anything older is past its retention.
        cutoff: Timestamp,
        is_backlog_read: bool,
        _folder: tempfile::TempDir,
    }

    impl World {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let (writer, reader) = Index::open(&folder.path().join("index"), |_| {}).unwrap();
            let billing = Billing::new(BillingSettings::default());
            let metrics = IngestMetrics::for_test();
            let deriver = Deriver::new(Analyzer::built_in(), billing, Duration::from_secs(60), metrics);
            let open = OpenInteractions::new();
            let cutoff = Timestamp::EPOCH;
            World { open, deriver, writer, reader, cutoff, is_backlog_read: true, _folder: folder }
        }

        /// One batch, after which only the index is remembered.
        fn batch(&mut self, payloads: &[Value]) {
            for payload in payloads {
                let record = RawRecord {
                    topic: "rasa_core_events".into(),
                    partition: 0,
                    offset: 0,
                    key: None,
                    value: Some(payload.to_string().into_bytes()),
                    timestamp: Some(Timestamp::EPOCH),
                    headers: Vec::new(),
                };
                let Decoded::Events(events) = decode(&record, Timestamp::EPOCH) else { panic!("{payload}") };
                let at = |event: Event| {
                    let ip_address = event.started.ip_address.clone();
                    let address = ip_address.map(|ip| Address { ip_address: Some(ip), ..Address::default() });
                    (event, address)
                };
                self.open.fold_all(events.into_iter().map(at).collect(), &self.reader).unwrap();
            }
            let cutoff = self.cutoff;
            let is_over = |state: &State| state.newest_event < cutoff;
            self.open.project_logs(&self.reader, &is_over, self.is_backlog_read).unwrap();
            let writer = &mut self.writer;
            self.open.write_dirty(&mut self.deriver, Instant::now(), None, |document| {
                match is_over(&document.state) && !document.state.is_hidden() {
                    true => writer.remove(document.id().clone()),
                    false => writer.put(document),
                }
            });
            self.writer.refresh(&Default::default()).unwrap();
            self.open.clear();
        }

        fn state(&mut self, id: &str) -> State {
            let id = InteractionId::try_new(id).unwrap();
            self.open.load(&id, &self.reader).unwrap().document.state.clone()
        }

        fn said(&mut self, id: &str) -> Vec<String> {
            let state = self.state(id);
            state.transcript().into_iter().map(|(_, _, message)| message.message.clone()).collect()
        }
    }

    const FIRST: &str = "ada@2023-11-14T22:13:20Z";
    const SECOND: &str = "ada@2023-11-14T22:15:00Z";
    const UNKNOWN: &str = "ada@start";

    fn rasa(event: &str, at: i64, text: &str) -> Value {
        json!({"sender_id": "ada", "event": event, "timestamp": 1_700_000_000 + at, "text": text, "metadata": {}})
    }

    #[test]
    fn what_arrives_late_moves_messages_to_the_conversation_that_they_are_of() {
        let mut world = World::new();
        world.batch(&[rasa("user", 1, "first"), rasa("user", 101, "second")]);
        assert_eq!(world.said(UNKNOWN), ["first", "second"]);
        world.batch(&[rasa("session_started", 0, "")]);
        assert_eq!(world.said(FIRST), ["first", "second"]);
        assert!(world.state(UNKNOWN).is_hidden(), "nothing of it is left");
        assert_eq!(
            world.reader.counts().unwrap().interactions,
            1,
            "neither the log nor what was taken back is found"
        );
        // What other events say about a conversation stays, whatever the log says.
        world.batch(&[json!({"event": "interaction.rated", "interaction_id": FIRST, "rating": 5})]);
        world.batch(&[rasa("session_started", 100, ""), rasa("bot", 102, "hello"), rasa("undo", 103, "")]);
        assert_eq!(
            (world.said(FIRST), world.said(SECOND)),
            (vec!["first".to_owned()], vec!["second".to_owned()])
        );
        let rating = world.state(FIRST).rating.unwrap().value;
        assert_eq!(rating, Rating { rating: 5, rating_comment: None });
    }

    /// A session in which this was said, and one with "hello".
    fn two_sessions(said: &str) -> [Value; 4] {
        [
            rasa("session_started", 0, ""),
            rasa("user", 1, said),
            rasa("session_started", 100, ""),
            rasa("user", 101, "hello"),
        ]
    }

    #[test]
    fn an_erased_conversation_leaves_the_log_and_stays_away() {
        let mut world = World::new();
        let all = two_sessions("my secret");
        world.batch(&all);
        assert!(serde_json::to_string(&world.state("rasa-log/ada")).unwrap().contains("my secret"));
        world.batch(&[json!({"event": "interaction.erased", "interaction_id": FIRST})]);
        for _ in 0..2 {
            assert!(!serde_json::to_string(&world.state("rasa-log/ada")).unwrap().contains("my secret"));
            assert!(world.state(FIRST).erased);
            assert_eq!(world.said(SECOND), ["hello"], "the other one is unchanged");
            world.batch(&all); // everything is read again
        }
    }

    #[test]
    fn what_is_too_old_leaves_the_log_with_its_conversation_once_the_backlog_is_read() {
        let mut world = World::new();
        let all = two_sessions("my past");
        let log = |world: &mut World| serde_json::to_string(&world.state("rasa-log/ada")).unwrap();
        world.batch(&all);
        world.cutoff = Timestamp::from_millis((1_700_000_000 + 50) * 1_000);
        let first = InteractionId::try_new(FIRST).unwrap();
        world.open.touch_log_of(&first, &world.reader).unwrap();
        world.batch(&[]);
        assert!(!log(&mut world).contains("my past"), "retention has found its conversation");
        assert_eq!(world.said(SECOND), ["hello"], "the other one is unchanged");

        // Everything is read again, and what comes next may be recent enough.
        world.is_backlog_read = false;
        world.batch(&all);
        assert!(log(&mut world).contains("my past"));
        world.batch(&[rasa("user", 60, "and now")]);
        assert_eq!(world.said(FIRST), ["my past", "and now"]);
        world.cutoff = Timestamp::from_millis((1_700_000_000 + 70) * 1_000);
        world.batch(&[rasa("user", 102, "bye")]);
        world.is_backlog_read = true;
        world.open.touch_unjudged_logs(&world.reader).unwrap();
        world.batch(&[]);
        assert!(!log(&mut world).contains("my past"));
        assert_eq!(world.said(SECOND), ["hello", "bye"]);
    }

    #[test]
    fn every_conversation_keeps_the_address_that_it_came_with() {
        let mut world = World::new();
        let from = |at: i64, ip: &str| json!({"sender_id": "ada", "event": "user", "timestamp": 1_700_000_000 + at, "text": "hi", "metadata": {"ip": ip}});
        world.batch(&[
            rasa("session_started", 0, ""),
            from(1, "192.0.2.1"),
            rasa("session_started", 100, ""),
            from(101, "192.0.2.2"),
        ]);
        let mut address = |id: &str| world.state(id).address.unwrap().value.ip_address.unwrap();
        assert_eq!((address(FIRST).as_str(), address(SECOND).as_str()), ("192.0.2.1", "192.0.2.2"));
    }
}
