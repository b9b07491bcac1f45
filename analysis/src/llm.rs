//! Analysis by a language model behind an OpenAI-compatible endpoint, if one is configured.
//!
//! Separate from the built-in analysers, which stay pure. In reading order:
//!
//! - [`Excerpt`]: the part of a conversation that the model sees, bounded and fenced as data, and its fingerprint.
//! - `question`: the question, and the JSON schema of the answer.
//! - `answer`: the answer, an [`Assessment`](hearken_model::Assessment), checked against the schema and for
//!   what a schema cannot express.
//! - [`LlmClient`]: one request.
//! - [`with_retries`]: when and how often a request is retried.
//!
//! `ingest` decides what happens to an answer, and enforces spending limits and concurrency.

mod answer;
mod client;
mod excerpt;
mod question;
mod retries;

pub use answer::Unusable;
pub use client::{AskError, Endpoint, EndpointError, LlmClient, Reply};
pub use excerpt::{EXCERPT_BYTES_MIN, Excerpt};
pub use retries::with_retries;

/// Version of the question. Raised with every change, so that each answer records what was asked.
pub const LLM_VERSION: &str = "1";
