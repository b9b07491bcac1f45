//! Transcripts: lines of `Speaker: text`, optionally preceded by a time. A file is one interaction, named after the
//! file.

use std::io::{BufRead, Read as _};

use anyhow::Context as _;
use serde_json::{Value, json};

use super::{Item, Items};

/// Longest transcript; an interaction has at most 8 MB of text.
const TRANSCRIPT_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Text before a colon that is longer than this is not a name.
const SPEAKER_CHARS_MAX: usize = 60;

/// Speaker names in lower case, by role.
const ROLES: &[(&str, &[&str])] = &[
    ("user", &["user", "customer", "client", "caller", "visitor", "guest", "kunde", "kundin", "cliente"]),
    (
        "assistant",
        &["assistant", "agent", "bot", "ai", "chatbot", "virtual assistant", "assistent", "asistente"],
    ),
    ("human", &["human", "operator", "representative", "human agent", "supervisor"]),
    ("system", &["system"]),
    ("tool", &["tool", "function"]),
];

/// The role of a speaker with this name.
pub(super) fn role_of(name: &str) -> Option<&'static str> {
    let name = name.trim().to_lowercase();
    ROLES.iter().find(|(_, names)| names.contains(&name.as_str())).map(|(role, _)| *role)
}

/// Names and roles in addition to the built-in ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Speakers(pub Vec<(String, String)>);

impl Speakers {
    fn role_of(&self, name: &str) -> Option<&str> {
        let named = self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name.trim()));
        named.map(|(_, role)| role.as_str()).or_else(|| role_of(name))
    }
}

pub(super) fn items(text: Box<dyn BufRead>, speakers: &Speakers, stem: &str) -> Items {
    let read = || -> anyhow::Result<Item> {
        let mut bytes = Vec::new();
        text.take(TRANSCRIPT_BYTES_MAX + 1).read_to_end(&mut bytes).context("cannot read the file")?;
        if bytes.len() as u64 > TRANSCRIPT_BYTES_MAX {
            return Ok(Err(format!("longer than {TRANSCRIPT_BYTES_MAX} bytes")));
        }
        Ok(event(&String::from_utf8_lossy(&bytes), speakers, stem))
    };
    Box::new(std::iter::once(read()))
}

struct TranscriptLine<'a> {
    role: &'a str,
    offset_ms: Option<i64>,
    text: String,
}

fn event(text: &str, speakers: &Speakers, id: &str) -> Item {
    let mut turns: Vec<TranscriptLine<'_>> = Vec::new();
    for line in text.trim_start_matches('\u{feff}').lines() {
        let (offset_ms, said) = split_time(line.trim());
        // An indented line continues the message, unless it begins with a known speaker.
        let is_indented = line.starts_with([' ', '\t']) && !turns.is_empty();
        let is_speaker = |name: &str| is_name(name) && (!is_indented || speakers.role_of(name).is_some());
        let spoken = said.split_once(':').filter(|(name, _)| is_speaker(name));
        match spoken {
            Some((name, said)) => {
                let role = speakers.role_of(name).ok_or_else(|| {
                    format!("the role of `{name}` is unknown; give it with `--speaker \"{name}=user\"` or another role")
                })?;
                turns.push(TranscriptLine { role, offset_ms, text: said.trim().to_owned() });
            }
            None if said.is_empty() => {}
            // A line without a speaker continues the previous message.
            None => match turns.last_mut() {
                Some(turn) => {
                    turn.text.push('\n');
                    turn.text.push_str(said);
                }
                None => return Err("it does not begin with `Speaker: text`".to_owned()),
            },
        }
    }
    if turns.is_empty() {
        return Err("there is no line of `Speaker: text`".to_owned());
    }
    let transcript = turns.into_iter().filter(|turn| !turn.text.is_empty()).map(|turn| {
        let mut message = json!({"role": turn.role, "message": turn.text});
        if let Some(offset_ms) = turn.offset_ms {
            message["offset_ms"] = Value::from(offset_ms);
        }
        message
    });
    let transcript: Vec<_> = transcript.collect();
    let event = json!({"event": "interaction.completed", "interaction_id": id, "transcript": transcript});
    Ok(event.to_string().into_bytes())
}

/// Whether the text before a colon may be a name.
fn is_name(text: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '.' | '-' | '_' | '\'' | '(' | ')');
    let starts_well = text.chars().next().is_some_and(char::is_alphabetic);
    starts_well && text.chars().count() <= SPEAKER_CHARS_MAX && text.chars().all(is_part)
}

/// A time such as `[01:23]`, `(1:02:03)` or `01:23` before the speaker, and the rest of the line.
fn split_time(line: &str) -> (Option<i64>, &str) {
    let bare = line.trim_start_matches(['[', '(']);
    let end = bare.find(|c: char| !c.is_ascii_digit() && c != ':' && c != '.').unwrap_or(bare.len());
    match offset_of(&bare[..end]) {
        None => (None, line),
        Some(offset_ms) => {
            let rest = bare[end..].trim_start_matches([']', ')', ' ', '-', '–']);
            (Some(offset_ms), rest.trim_start())
        }
    }
}

fn offset_of(time: &str) -> Option<i64> {
    let parts: Vec<&str> = time.split(':').collect();
    if !(2..=3).contains(&parts.len()) {
        return None;
    }
    let (last, whole) = parts.split_last()?;
    let (seconds, fraction) = last.split_once('.').unwrap_or((last, ""));
    let mut total = 0_i64;
    for part in whole.iter().chain([&seconds]) {
        total = total.checked_mul(60)?.checked_add(part.parse().ok()?)?;
    }
    let ms: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    total.checked_mul(1_000)?.checked_add(ms)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(text: &str, speakers: &[(&str, &str)]) -> Result<Value, String> {
        let pairs = speakers.iter().map(|(name, role)| ((*name).to_owned(), (*role).to_owned()));
        event(text, &Speakers(pairs.collect()), "call-7").map(|event| serde_json::from_slice(&event).unwrap())
    }

    #[test]
    fn speakers_times_and_continued_lines_are_read() {
        let text = "\u{feff}[00:01] Customer: Hi.\n  I have a question: where is it?\n\n(0:04.25) Ada: Let me look.\n1:00:05 BOT: Here.\n";
        let event = read(text, &[("ada", "human")]).unwrap();
        let wanted = json!([
            {"role": "user", "message": "Hi.\nI have a question: where is it?", "offset_ms": 1000},
            {"role": "human", "message": "Let me look.", "offset_ms": 4250},
            {"role": "assistant", "message": "Here.", "offset_ms": 3_605_000},
        ]);
        assert_eq!(event["transcript"], wanted);
        assert_eq!(event["interaction_id"], "call-7");
    }

    #[test]
    fn an_unknown_speaker_is_asked_for() {
        let reason = read("Customer: Hi\nBob: Hello", &[]).unwrap_err();
        assert!(reason.contains("`Bob`") && reason.contains("--speaker \"Bob=user\""), "{reason}");
        assert!(read("just text", &[]).unwrap_err().contains("does not begin"));
        assert!(read("\n \n", &[]).unwrap_err().contains("no line"));
    }
}
