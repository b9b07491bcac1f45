//! Text with its matches marked.
//!
//! The API's fragments are escaped HTML with `<mark>` as the only element. They are parsed into text here and
//! escaped again by maud, so that a mistake in either place cannot bring a conversation's markup onto a page.

use hearken_model::{SUMMARY_SEPARATOR, SUMMARY_SPEAKERS};
use hearken_query::index::highlight::unescape;
use maud::{Markup, html};

use crate::labels;

const OPEN: &str = "<mark>";
const CLOSE: &str = "</mark>";

/// A fragment of a search answer.
pub(crate) fn fragment(escaped: &str) -> Markup {
    html! {
        @for (text, is_match) in pieces(escaped) {
            @if is_match { mark { (text) } } @else { (text) }
        }
    }
}

/// The fragments of one message or detail.
pub(crate) fn fragments(fragments: &[String]) -> Markup {
    html! {
        bdi { @for (idx, escaped) in fragments.iter().enumerate() {
            @if idx > 0 { " " } (fragment(escaped))
        } }
    }
}

/// A matching detail, as a line of a list.
pub(crate) fn detail(field: &str, escaped: &[String]) -> Markup {
    html! { li { span.place dir="auto" { (labels::detail(field)) } (fragments(escaped)) } }
}

/// `text` with marks at `ranges` (in bytes, from and to, ascending). Ranges that do not fit the text are
/// ignored.
pub(crate) fn ranges(text: &str, ranges: &[(usize, usize)]) -> Markup {
    let mut at = 0;
    let mut parts: Vec<(&str, bool)> = Vec::with_capacity(2 * ranges.len() + 1);
    for &(from, to) in ranges {
        let (Some(before), Some(matched)) = (text.get(at..from), text.get(from..to)) else { continue };
        parts.push((before, false));
        parts.push((matched, true));
        at = to;
    }
    parts.push((&text[at..], false));
    html! {
        @for (part, is_match) in parts {
            @if is_match { mark { (part) } } @else { (part) }
        }
    }
}

/// Why an interaction was judged as it was. Quotations may run in the other direction, so each is isolated.
pub(crate) fn reason(text: &str) -> Markup {
    let mut parts = text.split('“');
    let before = parts.next().unwrap_or_default();
    html! {
        bdi {
            (before)
            @for part in parts {
                "“"
                @match part.split_once('”') {
                    Some((quoted, after)) => { bdi { (quoted) } "”" (after) },
                    None => (part),
                }
            }
        }
    }
}

/// What several people said, as summaries have it. Each sentence may run in its own direction, whoever is named before it.
pub(crate) fn dialogue(text: &str) -> Markup {
    let sentences = text.split(SUMMARY_SEPARATOR).map(|sentence| {
        let speaker =
            SUMMARY_SPEAKERS.into_iter().find(|speaker| sentence.starts_with(speaker)).unwrap_or("");
        (speaker, &sentence[speaker.len()..])
    });
    html! {
        bdi { @for (idx, (speaker, said)) in sentences.enumerate() {
            @if idx > 0 { (SUMMARY_SEPARATOR) }
            (speaker) bdi { (said) }
        } }
    }
}

fn pieces(escaped: &str) -> Vec<(String, bool)> {
    let mut pieces = Vec::new();
    for part in escaped.split(OPEN).enumerate() {
        match part {
            (0, before) => pieces.push((unescape(before), false)),
            (_, part) => {
                let (matched, after) = part.split_once(CLOSE).unwrap_or((part, ""));
                pieces.push((unescape(matched), true));
                pieces.push((unescape(after), false));
            }
        }
    }
    pieces.retain(|(text, _)| !text.is_empty());
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_marks_survive_as_markup() {
        let hostile = "a <mark>re</mark>fund &lt;script&gt; <img src=x> &amp;lt;";
        assert_eq!(
            fragment(hostile).into_string(),
            "a <mark>re</mark>fund &lt;script&gt; &lt;img src=x&gt; &amp;lt;"
        );
    }

    #[test]
    fn what_a_reason_quotes_is_isolated() {
        let shown = |text: &str| reason(text).into_string();
        assert_eq!(shown("ended with “شكرا” twice"), "<bdi>ended with “<bdi>شكرا</bdi>” twice</bdi>");
        assert_eq!(shown("a “<b> b"), "<bdi>a “&lt;b&gt; b</bdi>");
    }

    #[test]
    fn each_sentence_of_a_summary_runs_its_own_way() {
        assert_eq!(
            dialogue("The customer asked: أين طلبي؟ – The agent: On its way.").into_string(),
            "<bdi>The customer asked: <bdi>أين طلبي؟</bdi> – The agent: <bdi>On its way.</bdi></bdi>"
        );
    }

    #[test]
    fn ranges_that_do_not_fit_are_left_out() {
        assert_eq!(ranges("über alles", &[(0, 5), (6, 99)]).into_string(), "<mark>über</mark> alles");
        assert_eq!(ranges("ü", &[(1, 2)]).into_string(), "ü");
    }
}
