//! The interaction index: one document an interaction, replaced as it grows. What can be asked of it, and the rules that
//! every engine keeps; the engines are crates of their own, below this one's folder.
//!
//! - [`query`], [`search`], [`overview`] and [`checkpoint`]: the words in which the rest of Hearken speaks to an index,
//!   whatever engine does the work. [`Access`] says on whose behalf, in every question.
//! - [`text`], [`phrase`], [`fuzzy`], [`values`], [`ranking`]: what a word is, when words stand near enough, what can be
//!   filtered, counted and sorted, and what comes first; [`highlight`] marks it.
//! - [`changes`]: what event streams follow.
//! - `conformance`, with the feature of that name: what every engine must do, as tests.
//! - [`Search`], [`Store`] with [`Lookup`], and [`Maintain`]: what an engine does for those who ask, who write and who
//!   keep an eye on it.

mod access;
pub mod changes;
pub mod checkpoint;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod decimal;
pub mod fuzzy;
pub mod highlight;
pub mod interval;
#[cfg(any(test, feature = "oracle"))]
pub mod oracle;
pub mod overview;
pub mod phrase;
mod port;
pub mod query;
pub mod ranking;
pub mod search;
pub mod text;
pub mod values;

pub use access::{Access, NoOrganizations, Organizations};
pub use port::{Durable, FlushTrouble, IndexStats, Lookup, Maintain, Search, Store, StoreError};
pub use ranking::Ranking;
pub use search::SearchError;
