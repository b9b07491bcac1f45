//! Real dialogues as a stream of records, and what must come of it.
//!
//! - [`fact`]: what one record says, in the tests' own words.
//! - [`workload`]: dialogues → interleaved records with duplicates, edits, late records and malformed ones.
//! - [`forms`]: the three forms in which a fact is written as a record.
//! - [`malformed`]: the records that must become dead letters.
//! - [`fold`]: facts → the interactions expected of them, by docs/reference.md alone.
//! - [`check`]: an expected interaction against the one that the API answers, field by field.
//! - [`source`]: the workload on its way to a broker.
//! - [`compare`]: a running server against all of it.
//! - [`scan`]: search totals by looking at every word of every message.
//!
//! None of it uses the product's code: it is the second opinion.

pub mod check;
pub mod compare;
pub mod fact;
pub mod fold;
pub mod forms;
pub mod malformed;
pub mod post;
pub mod scan;
pub mod source;
pub mod workload;

pub use fold::{Expected, Fold};
pub use post::Poster;
pub use source::WorkloadProducer;
pub use workload::{Options, Workload, WorkloadRecord, seed};
