//! The live tier: what changed since the last flush, in memory, as documents cut into words.
//!
//! - [`cut`], [`vocabulary`]: texts as numbered words, each cut once.
//! - [`document`], [`tier`]: documents, and how searches come to see them.
//! - [`condition`]: a query, evaluated on one document after another.

mod condition;
mod cut;
mod document;
mod tier;
mod vocabulary;

pub(super) use condition::{Fits, LiveQuery, Ranked, WordsCondition};
pub(super) use cut::{CutText, Cutter, Speaker};
pub(super) use document::{LiveDocument, ScannedDocument, Texts};
pub(super) use tier::{LiveEntry, Tier, TierView};
pub(super) use vocabulary::{Vocabulary, VocabularyWords};
