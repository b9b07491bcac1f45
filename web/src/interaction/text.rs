//! A conversation as plain text, to paste into a ticket.

use std::fmt::Write as _;

use hearken_model::Interaction;

use crate::clock::Clock;
use crate::{format, labels};

/// A header, then one line per message. Control characters other than line breaks and tabs are dropped,
/// because the text may end up in a terminal.
pub(crate) fn plain_text(interaction: &Interaction, clock: &Clock) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            let _ = writeln!(text, "{name}: {value}"); // writing to a string cannot fail
        }
    };
    line("Interaction", Some(interaction.id.clone()));
    line("Agent", interaction.agent.clone());
    line("Organization", interaction.organization.clone());
    line("Start", interaction.start_time.map(|at| format::exact(at, clock)));
    line("Duration", interaction.duration.map(format::duration));
    line("Status", interaction.status.map(|status| labels::sentence_case(status.as_str())));
    line("Topic", interaction.topics_summary.topic.clone());
    line("Summary", interaction.topics_summary.summary.clone());
    text.push('\n');
    for message in interaction.transcript.as_deref().unwrap_or_default() {
        let speaker = labels::speaker(message.role, interaction.agent.as_deref());
        let _ = writeln!(text, "{}  {speaker}: {}", format::offset(message.timestamp), message.message);
    }
    text.retain(|character| !character.is_control() || matches!(character, '\n' | '\t'));
    text
}
