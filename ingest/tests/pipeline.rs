//! Records in over a real protocol, documents out of a real index: the in-process broker stands in for Kafka.

#![allow(clippy::unwrap_used)]

mod wait;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hearken_analysis::Analyzer;
use hearken_billing::{Billing, BillingSettings};
use hearken_config::{
    IndexConfig, IngestConfig, IpPolicy, KafkaConfig, PrivacyConfig, RetentionOf, RetentionRule,
};
use hearken_geoip::GeoIp;
use hearken_index::Access;
use hearken_index_tantivy::{Index, IndexReader};
use hearken_ingest::{
    Assignment, Deriver, InProcessBroker, Ingest, IngestMetrics, IngestParts, OutgoingRecord, Retention,
};
use hearken_model::{Document, InteractionId, PersonalData, Status, Timestamp};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde_json::json;
use wait::wait_for;

const TOPIC: &str = "interactions";
const DEAD_LETTERS: &str = "interactions.dlq";

fn broker() -> InProcessBroker {
    // Only shown when a test fails.
    let _ = tracing_subscriber::fmt().with_env_filter("hearken_ingest=debug").with_test_writer().try_init();
    InProcessBroker::start(&[TOPIC, DEAD_LETTERS], 2).unwrap()
}

fn start(broker: &InProcessBroker, folder: &Path, idle_timeout: Duration) -> (Ingest, IndexReader) {
    start_with(broker, folder, idle_timeout, |_| {})
}

fn start_with(
    broker: &InProcessBroker,
    folder: &Path,
    idle_timeout: Duration,
    adjust: impl FnOnce(&mut IngestParts),
) -> (Ingest, IndexReader) {
    let (writer, reader) = Index::open(&folder.join("index"), |_| {}).unwrap();
    let metrics = IngestMetrics::for_test();
    let billing = Billing::new(BillingSettings::default());
    let mut parts = IngestParts {
        kafka: Some(KafkaConfig {
            bootstrap_servers: broker.bootstrap_servers(),
            topics: vec![TOPIC.into()],
            group_id: "hearken".into(),
            dead_letter_topic: DEAD_LETTERS.into(),
            librdkafka: InProcessBroker::CONSUMER_SETTINGS.into_iter().collect(),
        }),
        assignment: Assignment::ByHand,
        log: None,
        config: IngestConfig { idle_timeout, ..IngestConfig::default() },
        privacy: PrivacyConfig::default(),
        retention: Retention::default(),
        geoip: GeoIp::empty(),
        deriver: Deriver::new(Analyzer::built_in(), billing, idle_timeout, metrics.clone()),
        writer: Box::new(writer),
        reader: Arc::new(reader.clone()),
        metrics,
    };
    adjust(&mut parts);
    (Ingest::start(parts).unwrap(), reader)
}

fn produce(broker: &InProcessBroker, partition: i32, value: &[u8]) {
    let record = OutgoingRecord {
        key: Some(b"some key".to_vec()),
        value: Some(value.to_vec()),
        headers: vec![("trace".into(), b"t-1".to_vec())],
        partition: Some(partition),
        ..OutgoingRecord::default()
    };
    broker.produce(TOPIC, &record).unwrap();
}

fn say(broker: &InProcessBroker, partition: i32, message_id: &str, text: &str) {
    produce(broker, partition, message(message_id, text).as_bytes());
}

fn message(message_id: &str, text: &str) -> String {
    let event = json!({"event": "interaction.message", "interaction_id": "i-1", "message_id": message_id,
        "role": "user", "message": text, "at": "2026-05-01T12:00:00Z"});
    event.to_string()
}

fn document(reader: &IndexReader) -> Option<Document> {
    reader.get(&InteractionId::try_new("i-1").unwrap(), &Access::All).unwrap()
}

fn num_messages(reader: &IndexReader) -> usize {
    document(reader).map_or(0, |document| document.state.messages.len())
}

#[test]
fn events_of_several_partitions_meet_in_one_interaction_and_a_restart_reads_nothing_twice() {
    let broker = broker();
    let folder = tempfile::tempdir().unwrap();
    say(&broker, 0, "m-1", "my parcel is late");
    say(&broker, 1, "m-2", "hello?");
    let (ingest, reader) = start(&broker, folder.path(), Duration::from_secs(1_000_000_000));
    wait_for("both messages", || (num_messages(&reader) == 2).then_some(()));
    wait_for("readiness", || ingest.status().reasons().is_empty().then_some(()));
    ingest.stop().unwrap();
    drop(reader);

    say(&broker, 1, "m-3", "anyone there?");
    let (ingest, reader) = start(&broker, folder.path(), Duration::from_secs(1_000_000_000));
    wait_for("the third message", || (num_messages(&reader) == 3).then_some(()));
    let head = document(&reader).unwrap().derived.head;
    assert_eq!((head.messages_count, head.status), (3, Some(Status::InProgress)));
    ingest.stop().unwrap();
}

#[test]
fn what_was_said_in_a_large_interaction_outlives_a_stop_at_any_moment() {
    let broker = broker();
    let folder = tempfile::tempdir().unwrap();
    say(&broker, 0, "m-0", &"a very long story ".repeat(20_000));
    for round in 0..3 {
        let (ingest, reader) = start(&broker, folder.path(), Duration::from_secs(1_000_000_000));
        wait_for("readiness", || ingest.status().reasons().is_empty().then_some(()));
        assert_eq!(num_messages(&reader), 1 + 2 * round, "what was on the broker at the start is searchable");
        say(&broker, 0, &format!("m-{round}a"), "and then");
        wait_for("the next message", || (num_messages(&reader) == 2 + 2 * round).then_some(()));
        say(&broker, 0, &format!("m-{round}b"), "and then it was written less often");
        ingest.stop().unwrap();
    }
    let (ingest, reader) = start(&broker, folder.path(), Duration::from_secs(1_000_000_000));
    wait_for("all messages", || (num_messages(&reader) == 7).then_some(()));
    ingest.stop().unwrap();
}

#[test]
fn a_record_that_cannot_be_understood_becomes_a_dead_letter_and_the_stream_continues() {
    let broker = broker();
    let folder = tempfile::tempdir().unwrap();
    produce(&broker, 1, b"{not json");
    say(&broker, 1, "m-1", "still here");
    let (ingest, reader) = start(&broker, folder.path(), Duration::from_secs(1_000_000_000));
    wait_for("the message behind the bad record", || (num_messages(&reader) == 1).then_some(()));
    ingest.stop().unwrap();

    let dead = first_record(&broker, DEAD_LETTERS, |message| {
        let headers = message.headers().unwrap();
        let header = |name: &str| {
            let found = headers.iter().find(|header| header.key == name).and_then(|header| header.value);
            String::from_utf8(found.unwrap_or_default().to_vec()).unwrap()
        };
        assert!(header("hearken-reason").contains("not JSON"), "{}", header("hearken-reason"));
        assert_eq!(header("hearken-topic"), TOPIC);
        assert_eq!((header("hearken-partition").as_str(), header("hearken-offset").as_str()), ("1", "0"));
        assert_eq!(header("trace"), "t-1");
        (message.key().unwrap().to_vec(), message.payload().unwrap().to_vec())
    });
    assert_eq!(dead, (b"some key".to_vec(), b"{not json".to_vec()));
}

/// As when two senders of different organizations begin an interaction with the same id at once: to the intake, neither
/// exists yet.
#[test]
fn a_record_of_one_organization_adds_nothing_to_an_interaction_of_another() {
    let broker = broker();
    let folder = tempfile::tempdir().unwrap();
    let started = json!({"event": "interaction.started", "interaction_id": "i-1", "organization": "acme",
        "at": "2026-05-01T11:59:00Z"});
    produce(&broker, 0, started.to_string().as_bytes());
    let by = |organization: &str, message_id: &str, text: &str| OutgoingRecord {
        value: Some(message(message_id, text).into_bytes()),
        headers: vec![("hearken-organization".into(), organization.into())],
        partition: Some(0),
        ..OutgoingRecord::default()
    };
    broker.produce(TOPIC, &by("globex", "m-1", "let me in")).unwrap();
    broker.produce(TOPIC, &by("acme", "m-2", "my parcel is late")).unwrap();
    let (ingest, reader) = start(&broker, folder.path(), Duration::from_secs(1_000_000_000));
    wait_for("the message behind the stranger's", || (num_messages(&reader) > 0).then_some(()));
    ingest.stop().unwrap();

    let document = document(&reader).unwrap();
    let ids: Vec<_> = document.state.messages.keys().map(|id| id.as_str()).collect();
    assert_eq!(ids, ["m-2"]);
    let dead = first_record(&broker, DEAD_LETTERS, |message| message.payload().unwrap().to_vec());
    assert_eq!(dead, message("m-1", "let me in").into_bytes());
}

#[test]
fn personal_data_is_in_no_document_no_file_and_no_dead_letter() {
    let broker = broker();
    let folder = tempfile::tempdir().unwrap();
    let privacy =
        PrivacyConfig { redact: PersonalData::ALL.to_vec(), ip: IpPolicy::Drop, ..Default::default() };
    let refused = json!({"event": "interaction.rated", "interaction_id": "i-2", "rating": "jane@example.com",
        "ip_address": "203.0.113.77"});
    produce(&broker, 1, refused.to_string().as_bytes());
    let told = json!({"event": "interaction.message", "interaction_id": "i-1", "message_id": "m-1", "role": "user",
        "message": "I am jane@example.com, card 4111 1111 1111 1111", "caller": "+49 30 901820",
        "ip_address": "203.0.113.77"});
    produce(&broker, 1, told.to_string().as_bytes());
    let (ingest, reader) = start_with(&broker, folder.path(), Duration::from_secs(1_000_000_000), |parts| {
        parts.privacy = privacy
    });
    wait_for("the message behind the bad record", || (num_messages(&reader) == 1).then_some(()));
    let interaction = document(&reader).unwrap().interaction();
    ingest.stop().unwrap();
    assert_eq!(interaction.transcript.unwrap()[0].message, "I am [email], card [card]");
    assert_eq!((interaction.caller.as_deref(), interaction.ip_address), (Some("[phone]"), None));

    let planted = ["jane@example.com", "4111", "901820", "203.0.113.77"];
    for entry in std::fs::read_dir(folder.path().join("index")).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(planted.iter().all(|planted| !text.contains(planted)));
    }
    let (reason, dead) = first_record(&broker, DEAD_LETTERS, |message| {
        let headers = message.headers().unwrap();
        let reason = headers.iter().find(|header| header.key == "hearken-reason").unwrap().value.unwrap();
        let texts: Vec<_> = headers.iter().map(|header| format!("{header:?}")).collect();
        (
            String::from_utf8(reason.to_vec()).unwrap(),
            (message.key().is_some(), message.payload().is_some(), texts.len()),
        )
    });
    assert_eq!(reason, "`rating` has an invalid value");
    assert_eq!(
        dead,
        (false, false, 5),
        "only what says where it was: topic, partition, offset, reason, withheld"
    );
}

#[test]
fn what_is_older_than_its_retention_goes_and_stays_away_when_the_topics_are_read_again() {
    let broker = broker();
    say(&broker, 0, "m-1", "a matter of the past");
    let young = json!({"event": "interaction.started", "interaction_id": "young", "organization": "acme"});
    produce(&broker, 0, young.to_string().as_bytes());
    let retention = || {
        let rule = RetentionRule {
            of: RetentionOf::Organization("acme".into()),
            retention: Duration::from_secs(24 * 60 * 60),
        };
        let month = Duration::from_secs(30 * 24 * 60 * 60);
        Retention::new(&IndexConfig {
            retention: Some(month),
            retention_rules: vec![rule],
            ..Default::default()
        })
    };
    let is_there = |reader: &IndexReader, id: &str| {
        reader.get(&InteractionId::try_new(id).unwrap(), &Access::All).unwrap().is_some()
    };
    let kept = tempfile::tempdir().unwrap();
    let forever = Duration::from_secs(1_000_000_000);
    let (ingest, reader) = start(&broker, kept.path(), forever);
    wait_for("both", || (is_there(&reader, "i-1") && is_there(&reader, "young")).then_some(()));
    ingest.stop().unwrap();
    drop(reader);

    // What was kept before is removed; in a new index it never appears.
    let (ingest, reader) = start_with(&broker, kept.path(), forever, |parts| parts.retention = retention());
    wait_for("its removal", || (!is_there(&reader, "i-1")).then_some(()));
    assert!(is_there(&reader, "young"));
    ingest.stop().unwrap();
    drop(reader);
    let new = tempfile::tempdir().unwrap();
    let (ingest, reader) = start_with(&broker, new.path(), forever, |parts| parts.retention = retention());
    wait_for("the event behind", || is_there(&reader, "young").then_some(()));
    assert!(!is_there(&reader, "i-1"));
    ingest.stop().unwrap();
}

#[test]
fn a_silent_interaction_is_abandoned_and_a_later_event_reopens_it() {
    let broker = broker();
    let folder = tempfile::tempdir().unwrap();
    say(&broker, 0, "m-1", "hello?");
    // The message is in the past, so it is idle from the start; one from the year 2200 keeps it open for good.
    let (ingest, reader) = start(&broker, folder.path(), Duration::from_secs(60));
    let status = || document(&reader).and_then(|document| document.derived.head.status);
    wait_for("abandonment", || (status() == Some(Status::Abandoned)).then_some(()));
    let later = json!({"event": "interaction.message", "interaction_id": "i-1", "role": "user", "message": "back",
        "at": "2200-01-01T00:00:00Z"});
    produce(&broker, 0, later.to_string().as_bytes());
    wait_for("reopening", || (status() == Some(Status::InProgress)).then_some(()));
    assert!(document(&reader).unwrap().state.newest_event > Timestamp::from_millis(7_000_000_000_000));
    ingest.stop().unwrap();
}

#[test]
fn what_was_erased_stays_erased() {
    let broker = broker();
    let folder = tempfile::tempdir().unwrap();
    say(&broker, 0, "m-1", "my secret");
    produce(&broker, 0, br#"{"event": "interaction.erased", "interaction_id": "i-1"}"#);
    let (ingest, reader) = start(&broker, folder.path(), Duration::from_secs(60));
    wait_for("the erasure", || document(&reader).filter(|document| document.state.erased));
    say(&broker, 1, "m-1", "my secret");
    produce(&broker, 1, br#"{"event": "interaction.started", "interaction_id": "another"}"#);
    wait_for("the event behind", || {
        reader.get(&InteractionId::try_new("another").unwrap(), &Access::All).unwrap()
    });
    assert!(document(&reader).unwrap().state.messages.is_empty());
    ingest.stop().unwrap();
}

#[test]
fn an_erasure_that_is_asked_for_here_is_written_to_the_topic_so_that_a_new_index_honours_it() {
    let broker = broker();
    say(&broker, 0, "m-1", "my secret");
    produce(&broker, 0, br#"{"event": "interaction.started", "interaction_id": "another"}"#);
    let id = InteractionId::try_new("i-1").unwrap();
    let forever = Duration::from_secs(1_000_000_000);
    let folder = tempfile::tempdir().unwrap();
    let (ingest, reader) = start(&broker, folder.path(), forever);
    wait_for("the message", || (num_messages(&reader) == 1).then_some(()));
    let eraser = ingest.eraser();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(eraser.erase(std::slice::from_ref(&id))).unwrap();
    assert!(document(&reader).unwrap().state.erased, "when it returns, and not later");
    runtime.block_on(eraser.erase(std::slice::from_ref(&id))).unwrap(); // repeating it is not an error
    ingest.stop().unwrap();
    drop(reader);

    let new = tempfile::tempdir().unwrap();
    let (ingest, reader) = start(&broker, new.path(), forever);
    wait_for("the erasure", || document(&reader).filter(|document| document.state.erased));
    wait_for("the other one", || {
        reader.get(&InteractionId::try_new("another").unwrap(), &Access::All).unwrap()
    });
    ingest.stop().unwrap();
}

fn first_record<T>(broker: &InProcessBroker, topic: &str, read: impl Fn(&BorrowedMessage<'_>) -> T) -> T {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", broker.bootstrap_servers())
        .set("group.id", "reader")
        .create()
        .unwrap();
    let mut assignment = TopicPartitionList::new();
    for partition in 0..2 {
        assignment.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&assignment).unwrap();
    wait_for("a record", || consumer.poll(Duration::from_millis(100)).map(|message| read(&message.unwrap())))
}
