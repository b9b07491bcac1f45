//! The part of a conversation that the model sees.

use hearken_model::Role;
use uuid::Uuid;

/// The smallest bound that leaves room for any text.
pub const EXCERPT_BYTES_MIN: usize = 1_000;

/// A message takes at most this part of the excerpt, so that one long message does not hide the others.
const MESSAGE_PART: usize = 4;
/// Marks what was cut out of the middle of a message.
const CUT: &str = " […] ";

/// A conversation as JSON, bounded in bytes, keeping its beginning and end: an array of `{"role", "text"}`,
/// with `{"omitted": n}` in place of messages that were left out.
///
/// The text contains no `<` and no `>`, which are written as JSON escapes, so nothing that anybody said can look
/// like the end of the fence around it. System messages are left out: they are instructions to the agent, not
/// conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    json: String,
}

impl Excerpt {
    /// The excerpt of a transcript, of at most `bytes_max` bytes (at least [`EXCERPT_BYTES_MIN`]) plus the
    /// brackets. `None` if the customer said nothing: there is nothing to analyse.
    pub fn of<'a>(transcript: impl IntoIterator<Item = (Role, &'a str)>, bytes_max: usize) -> Option<Self> {
        let bytes_max = bytes_max.max(EXCERPT_BYTES_MIN);
        let mut is_said_by_customer = false;
        let messages: Vec<String> = transcript
            .into_iter()
            .filter(|(role, text)| *role != Role::System && !text.trim().is_empty())
            .map(|(role, text)| {
                is_said_by_customer |= role == Role::User;
                encode(role, text, bytes_max / MESSAGE_PART)
            })
            .collect();
        is_said_by_customer.then(|| Excerpt { json: join(&messages, bytes_max) })
    }

    /// The JSON.
    pub fn as_json(&self) -> &str {
        &self.json
    }

    /// A fingerprint that is the same for the same text on every machine and in every version.
    pub fn fingerprint(&self) -> String {
        Uuid::new_v5(&Uuid::NAMESPACE_OID, self.json.as_bytes()).to_string()
    }
}

fn encode(role: Role, text: &str, bytes_max: usize) -> String {
    let text = serde_json::Value::from(cut(text.trim(), bytes_max)).to_string();
    let text = text.replace('<', "\\u003c").replace('>', "\\u003e");
    format!("{{\"role\":\"{role}\",\"text\":{text}}}")
}

/// The text without control characters. If its encoded form exceeds the bound, the middle is cut out.
fn cut(text: &str, bytes_max: usize) -> String {
    let plain = |c: char| if c.is_control() && c != '\n' { ' ' } else { c };
    if text.chars().map(encoded_bytes).sum::<usize>() <= bytes_max {
        return text.chars().map(plain).collect();
    }
    let within = |chars: &mut dyn Iterator<Item = char>| {
        let mut bytes = 0;
        chars
            .take_while(|c| {
                bytes += encoded_bytes(*c);
                bytes <= bytes_max / 2
            })
            .map(plain)
            .collect::<String>()
    };
    let head = within(&mut text.chars());
    let tail = within(&mut text.chars().rev());
    head + CUT + &tail.chars().rev().collect::<String>()
}

/// Encoded size of a character in JSON.
fn encoded_bytes(c: char) -> usize {
    match c {
        '<' | '>' => 6,
        '"' | '\\' | '\n' => 2,
        c => c.len_utf8(),
    }
}

/// All messages if they fit; else as many as fit into one half from the beginning and into the other from the
/// end.
fn join(messages: &[String], bytes_max: usize) -> String {
    let bytes = |message: &String| message.len() + 1;
    if messages.iter().map(bytes).sum::<usize>() <= bytes_max {
        return format!("[{}]", messages.join(","));
    }
    let fitting = |messages: &mut dyn Iterator<Item = &String>| {
        let sums = messages.scan(0, |sum, message| {
            *sum += bytes(message);
            Some(*sum)
        });
        sums.take_while(|sum| *sum <= bytes_max / 2).count()
    };
    let num_first = fitting(&mut messages.iter());
    let num_last = fitting(&mut messages[num_first..].iter().rev());
    let last = messages.len() - num_last;
    let omitted = format!("{{\"omitted\":{}}}", last - num_first);
    let kept = messages[..num_first].iter().chain([&omitted]).chain(&messages[last..]);
    format!("[{}]", kept.map(String::as_str).collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn read(excerpt: &Excerpt) -> Value {
        serde_json::from_str(excerpt.as_json()).unwrap()
    }

    #[test]
    fn a_short_conversation_is_shown_whole_without_system_messages() {
        let transcript =
            [(Role::System, "be kind"), (Role::User, " my \"parcel\"\nis late "), (Role::Tool, " ")];
        let excerpt = Excerpt::of(transcript, 1_000).unwrap();
        assert_eq!(read(&excerpt), json!([{"role": "user", "text": "my \"parcel\"\nis late"}]));
        assert_eq!(excerpt.fingerprint(), Excerpt::of(transcript, 9_000).unwrap().fingerprint());
        assert_eq!(Excerpt::of([(Role::Assistant, "hello?")], 1_000), None);
    }

    #[test]
    fn a_long_conversation_keeps_its_beginning_and_its_end() {
        let texts: Vec<String> = (0..500).map(|n| format!("message number {n}")).collect();
        let excerpt = Excerpt::of(texts.iter().map(|text| (Role::User, text.as_str())), 2_000).unwrap();
        let shown = read(&excerpt);
        let shown = shown.as_array().unwrap();
        assert_eq!(shown.first().unwrap()["text"], "message number 0");
        assert_eq!(shown.last().unwrap()["text"], "message number 499");
        let omitted = shown.iter().find_map(|entry| entry["omitted"].as_u64()).unwrap();
        assert_eq!(omitted as usize + shown.len() - 1, 500);
    }

    #[test]
    fn another_text_has_another_fingerprint() {
        let of = |text| Excerpt::of([(Role::User, text)], 1_000).unwrap().fingerprint();
        assert_ne!(of("thanks"), of("no thanks"));
        assert_eq!(of("thanks"), "111a293d-8a73-5851-9c3f-120bf477469e", "stored answers rely on it");
    }

    proptest! {
        #[test]
        fn any_text_stays_json_inside_the_fence_and_within_bounds(
            texts in prop::collection::vec("(\\PC|[<>\"\\\\\u{0}\n]){0,400}", 1..30),
            bytes_max in 0_usize..4_000,
        ) {
            let said = texts.iter().map(|text| (Role::User, text.as_str()));
            if let Some(excerpt) = Excerpt::of(said, bytes_max) {
                prop_assert!(!excerpt.as_json().contains(['<', '>']));
                prop_assert!(read(&excerpt).as_array().is_some_and(|shown| !shown.is_empty()));
                prop_assert!(excerpt.as_json().len() <= bytes_max.max(EXCERPT_BYTES_MIN) + 30);
            }
        }
    }
}
