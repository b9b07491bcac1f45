//! Analysis by a language model behind an OpenAI-compatible endpoint, for whoever configures one.
//!
//! Apart from the built-in analysers, which never come here and stay pure. In reading order:
//!
//! - [`Excerpt`]: what of a conversation is shown to the model, bounded and fenced as data; its fingerprint.
//! - `question`: what is asked, and the JSON schema of the answer.
//! - [`Answer`]: the answer, checked against everything that the schema says and some that it cannot say.
//! - [`LlmClient`]: one request.
//! - [`with_retries`]: when and how often a request is made again.
//!
//! What becomes of an answer, spending limits and concurrency are `ingest`'s.

mod answer;
mod client;
mod excerpt;
mod question;
mod retries;

pub use answer::{Answer, Unusable};
pub use client::{AskError, Endpoint, EndpointError, LlmClient, Reply};
pub use excerpt::{EXCERPT_BYTES_MIN, Excerpt};
pub use retries::with_retries;

/// Version of the question; raised whenever it changes, so that answers tell what they were asked.
pub const LLM_VERSION: &str = "1";
