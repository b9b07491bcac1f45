//! Events received without Kafka: through the intake into the local log, and from there into a real index.

#![allow(clippy::unwrap_used)]

mod wait;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hearken_analysis::Analyzer;
use hearken_billing::{Billing, BillingSettings};
use hearken_config::{IngestConfig, PrivacyConfig};
use hearken_geoip::GeoIp;
use hearken_index::{Access, Organizations};
use hearken_index_tantivy::{Index, IndexReader};
use hearken_ingest::{
    Assignment, Deriver, Incoming, Ingest, IngestMetrics, IngestParts, Intake, LocalLog, Retention, Sender,
    Taken,
};
use hearken_model::{Document, InteractionId};
use serde_json::{Value, json};
use wait::wait_for;

struct World {
    ingest: Ingest,
    intake: Intake,
    reader: IndexReader,
    log: LocalLog,
}

const LONG: Duration = Duration::from_secs(1_000_000_000);

fn start(folder: &Path) -> World {
    let (writer, reader) = Index::open(&folder.join("index"), |_| {}).unwrap();
    let metrics = IngestMetrics::for_test();
    let log = LocalLog::open(&folder.join("log"), &writer.checkpoint()).unwrap();
    let billing = Billing::new(BillingSettings::default());
    let intake = Intake::to_log(log.clone(), Arc::new(reader.clone()), metrics.clone());
    let ingest = Ingest::start(IngestParts {
        kafka: None,
        assignment: Assignment::ByHand,
        log: Some(log.clone()),
        config: IngestConfig { idle_timeout: LONG, ..IngestConfig::default() },
        privacy: PrivacyConfig::default(),
        retention: Retention::default(),
        geoip: GeoIp::empty(),
        deriver: Deriver::new(Analyzer::built_in(), billing, LONG, metrics.clone()),
        writer: Box::new(writer),
        reader: Arc::new(reader.clone()),
        metrics,
    });
    World { ingest: ingest.unwrap(), intake, reader, log }
}

impl World {
    fn send(&self, events: &[Value], sender: &Sender) -> Taken {
        let events = events
            .iter()
            .map(|event| Incoming { value: event.to_string().into_bytes(), ..Incoming::default() });
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(self.intake.take(events.collect(), sender)).unwrap()
    }

    fn document(&self, id: &str) -> Option<Document> {
        self.reader.get(&InteractionId::try_new(id).unwrap(), &Access::All).unwrap()
    }

    fn num_messages(&self, id: &str) -> usize {
        self.document(id).map_or(0, |document| document.state.messages.len())
    }

    fn organization(&self, id: &str) -> Option<String> {
        Some(self.document(id)?.state.organization?.value)
    }
}

fn said(id: &str, text: &str) -> Value {
    json!({"event": "interaction.message", "interaction_id": id, "role": "user", "message": text})
}

fn sender(organizations: &[&str]) -> Sender {
    Sender {
        access: Access::Only(Organizations::try_new(organizations.iter().copied()).unwrap()),
        may_erase: true,
    }
}

#[test]
fn what_was_accepted_is_found_counts_once_and_leaves_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let world = start(folder.path());
    wait_for("readiness", || world.ingest.status().reasons().is_empty().then_some(()));
    let taken = world.send(
        &[said("i", "hello"), json!({"event": "interaction.message"}), said("i", "hello")],
        &Sender::anybody(),
    );
    assert_eq!(taken.accepted, 2);
    assert_eq!(taken.rejected.len(), 1);
    assert!(
        taken.rejected[0].0 == 1 && taken.rejected[0].1.contains("`interaction_id` is missing"),
        "{taken:?}"
    );
    wait_for("both messages", || (world.num_messages("i") == 2).then_some(()));
    world.ingest.stop().unwrap();
    drop((world.intake, world.log, world.reader));

    let world = start(folder.path());
    assert_eq!(world.log.num_unread(), 0, "the index has it durably");
    assert!(
        std::fs::read_dir(folder.path().join("log")).unwrap().next().is_none(),
        "and nothing stays behind"
    );
    world.send(&[said("i", "again")], &Sender::anybody());
    wait_for("the third message", || (world.num_messages("i") == 3).then_some(()));
    world.ingest.stop().unwrap();
}

#[test]
fn what_was_accepted_just_before_a_stop_is_in_the_index_after_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    for round in 1..=5 {
        let world = start(folder.path());
        for number in 0..20 {
            let event = json!({"event": "interaction.message", "interaction_id": "i", "role": "user",
                "message_id": format!("{round}-{number}"), "message": "hello", "at": "2026-05-01T12:00:00Z"});
            assert_eq!(world.send(&[event], &Sender::anybody()).accepted, 1);
        }
        world.ingest.stop().unwrap();
    }
    let world = start(folder.path());
    wait_for("all of them", || (world.num_messages("i") == 100).then_some(()));
    wait_for("readiness", || world.ingest.status().reasons().is_empty().then_some(()));
    world.ingest.stop().unwrap();
}

#[test]
fn a_sender_for_one_organization_cannot_reach_anothers_interactions() {
    let folder = tempfile::tempdir().unwrap();
    let world = start(folder.path());
    let started = |id: &str, organization: &str| json!({"event": "interaction.started", "interaction_id": id, "organization": organization});
    world.send(&[started("theirs", "b"), said("unknown", "whose?")], &Sender::anybody());
    wait_for("their interaction", || world.organization("theirs"));
    wait_for("another one", || world.document("unknown"));
    let invalid = "`interaction_id` is not valid";

    // Filled in if none is named.
    assert_eq!(world.send(&[said("mine", "hi")], &sender(&["a"])).accepted, 1);
    wait_for("the organization", || (world.organization("mine").as_deref() == Some("a")).then_some(()));
    // Anything of another organization is refused like an invalid id.
    let erase = |id: &str| json!({"event": "interaction.erased", "interaction_id": id});
    for event in [
        said("theirs", "hi"),
        started("theirs", "a"),
        said("unknown", "hi"),
        erase("theirs"),
        erase("nobody's"),
    ] {
        let taken = world.send(std::slice::from_ref(&event), &sender(&["a"]));
        assert_eq!(taken, Taken { accepted: 0, rejected: vec![(0, invalid.to_owned())] }, "{event}");
    }
    let taken = world.send(&[started("new", "b")], &sender(&["a"]));
    assert!(taken.rejected[0].1.contains("not one of those"), "{taken:?}");
    let taken = world.send(&[said("new", "x"), started("new-2", "c")], &sender(&["a", "c"]));
    assert!(taken.accepted == 1 && taken.rejected[0].1.contains("name one of them"), "{taken:?}");
    // Nobody can erase without the permission.
    let cannot_erase = Sender { may_erase: false, ..sender(&["a"]) };
    assert!(world.send(&[erase("mine")], &cannot_erase).rejected[0].1.contains("permission `erase`"));
    assert_eq!(world.send(&[erase("mine")], &sender(&["a"])).accepted, 1);
    wait_for("the erasure", || world.document("mine").filter(|document| document.state.erased));
    assert_eq!(world.num_messages("theirs"), 0);
    world.ingest.stop().unwrap();
}
