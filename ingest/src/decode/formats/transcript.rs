//! Builds a transcript in the order in which a system lists it.

use std::collections::HashMap;

use hearken_model::event::ID_BYTES_MAX;
use hearken_model::{InteractionId, MessageTime, MessageUpdate, Role, Timestamp, ToolCall};
use serde_json::Value;

/// What a transcript's times are relative to.
#[derive(Clone, Copy)]
pub(super) enum TimeOrigin {
    /// The interaction's start.
    Start,
    /// The epoch; the start is needed for the ends of messages.
    Epoch {
        /// When the interaction began.
        start: Timestamp,
    },
}

/// A transcript being read.
///
/// The order of the list wins over its times: a time that is missing, or earlier than its predecessor, is replaced by
/// its predecessor.
pub(super) struct TranscriptBuilder {
    interaction_id: InteractionId,
    origin: TimeOrigin,
    newest_ms: Option<i64>,
    messages: Vec<(String, MessageUpdate)>,
    /// Call id → index of its message.
    calls: HashMap<String, usize>,
}

impl TranscriptBuilder {
    pub(super) fn new(interaction_id: &InteractionId, origin: TimeOrigin) -> Self {
        TranscriptBuilder {
            interaction_id: interaction_id.clone(),
            origin,
            newest_ms: None,
            messages: Vec::new(),
            calls: HashMap::new(),
        }
    }

    /// Adds a message. If its id is missing or too long, it becomes `<interaction_id>#<n>`, with n from 0.
    pub(super) fn push(
        &mut self,
        id: Option<String>,
        at_ms: Option<i64>,
        role: Role,
        text: impl Into<String>,
    ) -> &mut MessageUpdate {
        let position = self.messages.len();
        let unknown_ms = match self.origin {
            TimeOrigin::Start => 0,
            TimeOrigin::Epoch { start } => start.as_millis(),
        };
        let at_ms = at_ms.max(self.newest_ms).unwrap_or(unknown_ms);
        self.newest_ms = Some(at_ms);
        let time = match self.origin {
            TimeOrigin::Start => MessageTime::OffsetMs(at_ms),
            TimeOrigin::Epoch { .. } => MessageTime::At(Timestamp::from_millis(at_ms)),
        };
        let id = id.filter(|id| (1..=ID_BYTES_MAX).contains(&id.len()));
        let id = id.unwrap_or_else(|| format!("{}#{position}", self.interaction_id));
        let position = u32::try_from(position).unwrap_or(u32::MAX);
        self.messages.push((id, MessageUpdate { position, ..MessageUpdate::new(time, role, text) }));
        let (_, message) = self.messages.last_mut().expect("it was pushed just now");
        message
    }

    /// When a message ended, in the same unit as its beginning.
    pub(super) fn end_offset_ms(&self, end_ms: i64) -> i64 {
        match self.origin {
            TimeOrigin::Start => end_ms,
            TimeOrigin::Epoch { start } => end_ms.saturating_sub(start.as_millis()),
        }
    }

    /// Adds a tool call.
    pub(super) fn call(
        &mut self,
        call_id: Option<String>,
        at_ms: Option<i64>,
        name: String,
        arguments: Option<Value>,
    ) -> &mut MessageUpdate {
        if let Some(call_id) = call_id {
            self.calls.insert(call_id, self.messages.len());
        }
        let message = self.push(None, at_ms, Role::Tool, "");
        message.tool = Some(ToolCall { name, arguments, result: None, ok: None });
        message.message = tool_text(message);
        message
    }

    /// Adds a tool's result to its call, or as a separate message if there is no call.
    pub(super) fn result(
        &mut self,
        call_id: Option<&str>,
        at_ms: Option<i64>,
        name: Option<String>,
        result: Option<Value>,
        ok: Option<bool>,
    ) {
        let place = call_id.and_then(|id| self.calls.get(id).copied());
        if place.is_none() {
            self.call(None, at_ms, name.unwrap_or_else(|| "tool".to_owned()), None);
        }
        let place = place.unwrap_or(self.messages.len() - 1);
        let end_offset_ms = at_ms.map(|at_ms| self.end_offset_ms(at_ms));
        let (_, message) = &mut self.messages[place];
        if let Some(tool) = &mut message.tool {
            tool.result = result;
            tool.ok = ok;
        }
        message.end_offset_ms = end_offset_ms;
        message.message = tool_text(message);
    }

    /// The agent's last message.
    pub(super) fn last_assistant(&mut self) -> Option<&mut MessageUpdate> {
        let mut newest_first = self.messages.iter_mut().rev().map(|(_, message)| message);
        newest_first.find(|message| message.role == Role::Assistant)
    }

    pub(super) fn into_messages(self) -> Vec<(String, MessageUpdate)> {
        self.messages
    }
}

/// The searchable text of a tool call: name, arguments and result.
pub(super) fn tool_text(message: &MessageUpdate) -> String {
    let Some(tool) = &message.tool else { return String::new() };
    let mut text = tool.name.clone();
    for part in [&tool.arguments, &tool.result].into_iter().flatten() {
        text.push(' ');
        match part {
            Value::String(part) => text.push_str(part),
            part => text.push_str(&part.to_string()),
        }
    }
    text
}
