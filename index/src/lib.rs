//! The interaction index: one document an interaction, replaced as it grows.
//!
//! [`query`], [`search`] and [`checkpoint`] are the port: the words in which the rest of Hearken speaks to an
//! index, whatever engine does the work. [`text`] decides what a word is, for the engine, the highlights and the
//! tests alike. Only `tantivy/` names tantivy.

pub mod checkpoint;
pub mod query;
pub mod search;
pub mod tantivy;
