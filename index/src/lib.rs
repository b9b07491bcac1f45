//! The interaction index: one document an interaction, replaced as it grows.
//!
//! [`query`], [`search`] and [`checkpoint`] are the port: the words in which the rest of Hearken speaks to an
//! index, whatever engine does the work, with [`overview`] for charts and [`ranking`] for what comes first. [`Access`]
//! says on whose behalf, in every question. [`text`] decides what a word is, for the engine, the [highlights](highlight) and the tests alike. Only `tantivy/` names tantivy.

mod access;
pub mod changes;
pub mod checkpoint;
pub mod decimal;
mod fuzzy;
pub mod highlight;
pub mod interval;
#[cfg(any(test, feature = "oracle"))]
pub mod oracle;
pub mod overview;
mod phrase;
pub mod query;
pub mod ranking;
pub mod search;
#[cfg(test)]
mod search_tests;
pub mod tantivy;
pub mod text;
mod values;

pub use access::{Access, NoOrganizations, Organizations};
pub use ranking::Ranking;
pub use search::SearchError;
pub use tantivy::{EngineError, Index, IndexReader, IndexWriter, OldIndex};
