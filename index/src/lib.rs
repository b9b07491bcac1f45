//! The interaction index: one document an interaction, replaced as it grows. What can be asked of it, and the rules that
//! every engine keeps; the engines are separate crates, below this one's folder.
//!
//! - [`query`], [`search`], [`overview`] and [`checkpoint`]: what the rest of Hearken asks of an index and gets back,
//!   whatever the engine. [`Access`] says on whose behalf, in every question.
//! - [`text`], [`phrase`], [`fuzzy`], [`values`], [`ranking`]: what a word is, when words stand near enough, what can be
//!   filtered, counted and sorted, and what comes first; [`highlight`] marks it.
//! - [`changes`]: what event streams follow.
//! - `conformance`, with the feature of that name: what every engine must do, as tests.
//! - [`Search`], [`Store`] with [`Lookup`], and [`Maintain`]: what an engine does for queries, for ingest and for the server.
//!
//! ```
//! use hearken_index::highlight::{HighlightOptions, Highlighter};
//! use hearken_index::query::{Query, Scope, TextForm};
//! use hearken_model::{Role, MessageText};
//!
//! let query = Query::Text { scope: Scope::Default, text: "refund".to_owned(), form: TextForm::Word };
//! let said = MessageText { id: "m-1".into(), role: Role::User, offset_ms: 0, message: "I was refunded twice.".into() };
//! let found = Highlighter::new(&query, HighlightOptions::PAGE).highlights([said], []);
//! assert_eq!(found[0].fragments, ["I was <mark>refunded</mark> twice."]);
//! ```

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
