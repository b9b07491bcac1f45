//! The bundled conversations, `server/demo/conversations.json`, all written for this project.
//!
//! Times in the file are relative, so that the conversations can be replayed as if they had just happened. An unknown
//! key is an error, so that a typo in the file fails the tests instead of being ignored.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

const CONVERSATIONS: &str = include_str!("../../../demo/conversations.json");

/// The bundled conversations in file order.
pub(super) fn bundled() -> Vec<DemoConversation> {
    serde_json::from_str(CONVERSATIONS).expect("the bundled conversations are well formed: a test reads them")
}

/// One conversation and how it is replayed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DemoConversation {
    pub id: String,
    pub organization: String,
    pub agent: String,
    pub agent_version: Option<String>,
    pub llm_model: String,
    pub r#type: String,
    pub language: String,
    pub direction: String,
    pub integration: String,
    pub caller: Option<String>,
    pub user_agent: Option<String>,
    pub ip_address: Option<String>,
    pub url: Option<String>,
    pub user_id: String,
    pub metadata: Map<String, Value>,
    pub carrier: Carrier,
    /// Sent as one `interaction.completed` instead of event by event.
    #[serde(default)]
    pub completed: bool,
    /// How it ends; without it, no end is ever sent.
    pub status: Option<String>,
    pub end_reason: Option<String>,
    pub cost: Option<Value>,
    pub rating: Option<u8>,
    pub rating_comment: Option<String>,
    /// Data of an `interaction.analyzed` from upstream.
    pub analysis: Option<Map<String, Value>>,
    pub messages: Vec<DemoMessage>,
}

/// The form in which a conversation's events are written (docs/reference.md#carriers).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Carrier {
    /// CloudEvents in structured mode: one JSON object.
    Structured,
    /// CloudEvents in binary mode: attributes in `ce_*` headers.
    Binary,
    /// A bare JSON object.
    Bare,
}

/// A message; only its time is relative.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DemoMessage {
    /// Milliseconds since the start of the previous message, or of the conversation.
    #[serde(skip_serializing)]
    pub after_ms: i64,
    /// How long it took to say, in milliseconds.
    #[serde(skip_serializing)]
    pub end_after_ms: Option<i64>,
    pub role: String,
    #[serde(rename(serialize = "message"))]
    pub text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interrupted: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Value>,
}
