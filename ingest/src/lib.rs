//! Ingest: from a record on the broker to a searchable document.
//!
//! See `ingest/README.md` for a picture. In the order of a record's journey:
//!
//! - [`source`]: the port for event sources.
//! - [`kafka`]: one of them, and the dead letters; only this module names rdkafka.
//! - [`log`]: the other: a local, fsynced log of events received without Kafka.
//! - [`intake`]: checks events received over HTTP or from files, and makes them durable, in the log or in Kafka.
//! - [`queue`]: the bounded queue to the pipeline.
//! - [`decode`]: record → events, ignored, or the reason for rejection; also recognises foreign formats.
//! - [`enrich`], [`user_agent`]: address → place, User-Agent → browser, system, device.
//! - [`fold`]: events → state, behind a bounded cache.
//! - [`derive`]: state → everything computed from it.
//! - [`erasure`]: erasures requested here rather than by an event.
//! - [`retention`]: how long interactions are kept.
//! - [`halted`]: partitions whose dead letters cannot be written, until they can.
//! - [`patience`]: waits for a remote index that does not answer.
//! - [`pipeline`]: the thread that does all this, batch by batch, and makes it searchable.
//! - [`llm`]: a language model's analysis, alongside the stream.
//!
//! ```
//! use hearken_ingest::{Decoded, RawRecord, decode};
//! use hearken_model::Timestamp;
//!
//! let value = r#"{"event": "interaction.message", "interaction_id": "chat-1", "role": "user", "message": "Hello?"}"#;
//! let record = RawRecord {
//!     topic: "interactions".into(),
//!     partition: 0,
//!     offset: 7,
//!     key: None,
//!     value: Some(value.into()),
//!     timestamp: None,
//!     headers: Vec::new(),
//! };
//! let Decoded::Events(events) = decode(&record, Timestamp::EPOCH) else { panic!("it is a native event") };
//! let (_id, message) = &events[0].messages[0];
//! assert_eq!(message.message, "Hello?");
//! ```

mod decode;
mod derive;
mod enrich;
mod erasure;
mod fold;
mod halted;
mod intake;
mod kafka;
mod llm;
mod log;
mod metrics;
mod patience;
mod pipeline;
mod queue;
mod record;
mod retention;
mod source;
mod status;
pub mod user_agent;

pub use decode::{Decoded, Rejection, RejectionKind, decode};
pub use derive::Deriver;
pub use erasure::{EraseError, Eraser};
pub use intake::{Incoming, Intake, IntakeError, Sender, Taken};
pub use kafka::{InProcessBroker, KafkaError, OutgoingRecord};
pub use llm::{DailyBudget, LlmAnalyst, LlmParts};
pub use log::{LocalLog, LogError};
pub use metrics::{IngestMetrics, RecordOutcome};
pub use pipeline::{Ingest, IngestError, IngestParts};
pub use record::RawRecord;
pub use retention::Retention;
pub use source::Assignment;
pub use status::IngestStatus;
