//! Names of fields and values on the pages.

use std::borrow::Cow;

use hearken_model::field::{self, METADATA_PREFIX};
use hearken_model::{InteractionType, MoodChange, Role, Sentiment, Timestamp};
use hearken_query::index::query::{Edge, Range};
use hearken_query::language;
use maud::{Markup, html};

use crate::clock::Clock;
use crate::format;

/// Shown for an unknown value.
pub(crate) const NOT_AVAILABLE: &str = "not available";

/// Most characters of a reader's own text in a link or a message.
pub(crate) const EXCERPT_CHARS: usize = 80;

/// The beginning of a text that may be too long to be shown.
pub(crate) fn excerpt(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(EXCERPT_CHARS) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// Shown for a value that there cannot be.
pub(crate) const DOES_NOT_APPLY: &str = "does not apply";

/// Fields whose values are our own words, not users'.
const OWN_VALUES: [&str; 7] =
    ["type", "status", "direction", "sentiment", "worst_moment", "sentiment_change", "device"];

/// A field's human-readable name.
pub(crate) fn field(name: &str) -> Cow<'_, str> {
    let key = || name.strip_prefix(METADATA_PREFIX).unwrap_or(name);
    Cow::Borrowed(field::field(name).map_or_else(key, |field| field.label))
}

/// The name of a field in which a search found a match.
pub(crate) fn detail(name: &str) -> Cow<'_, str> {
    if name == "rating_comment" { Cow::Borrowed("Rating Comment") } else { field(name) }
}

/// A human-readable value, or range of values, of a field; empty means missing.
pub(crate) fn value<'v>(field: &str, value: &'v str) -> Cow<'v, str> {
    if value.is_empty() {
        return Cow::Borrowed(NOT_AVAILABLE);
    }
    if let Some(range) = range(field, value, &Clock::utc(Timestamp::EPOCH)) {
        return Cow::Owned(range);
    }
    match field {
        "csat" | "rating" if value.parse::<i64>().is_ok() => Cow::Owned(format!("{value}/5")),
        field if OWN_VALUES.contains(&field) => Cow::Owned(sentence_case(value)),
        _ => Cow::Borrowed(value),
    }
}

/// Whether an interaction of this kind can have a value of the field.
pub(crate) fn applies(field: &str, kind: InteractionType) -> bool {
    match field {
        "billable_minutes" | "longest_silence" | "interruptions" | "recording_url" | "caller" => {
            kind != InteractionType::TextChat
        }
        "billable_messages" => kind != InteractionType::VoiceCall,
        _ => true,
    }
}

/// A filter in words: `Country is Germany`, `Duration: at least 1m 00s`, `CSAT is missing`.
pub(crate) fn filter(name: &str, value: &str, is_excluded: bool, clock: &Clock) -> String {
    let field = field(name);
    if value.is_empty() {
        return format!("{field} is {}", if is_excluded { "known" } else { "missing" });
    }
    match range(name, value, clock) {
        Some(range) if is_excluded => format!("{field}: not {range}"),
        Some(range) => format!("{field}: {range}"),
        None => format!("{field} {} {}", if is_excluded { "is not" } else { "is" }, self::value(name, value)),
    }
}

/// A range of numbers or times in words; `None` if the value is not a range.
fn range(field: &str, value: &str, clock: &Clock) -> Option<String> {
    let field = field::field(field).filter(|field| field.is_number())?;
    Some(match language::parse_range(field, value).ok()? {
        Range::Integer(Edge::Inclusive(from), Edge::Inclusive(to)) if from == to => return None,
        Range::Integer(from, to) => between(from, to, AMOUNTS, |count| count.to_string()),
        Range::Seconds(from, to) => between(from, to, AMOUNTS, format::duration),
        Range::Money(from, to) => between(from, to, AMOUNTS, |amount| amount.to_string()),
        Range::Time(from, to) => between(from, to, TIMES, |instant| format::exact(instant, clock)),
        Range::Number(..) => return None,
    })
}

/// What bounds are called: from one on, above it, below it, up to it.
type BoundNames = [&'static str; 4];
const AMOUNTS: BoundNames = ["at least", "over", "under", "at most"];
const TIMES: BoundNames = ["from", "after", "before", "until"];

fn between<T: Copy + PartialEq>(
    from: Edge<T>,
    to: Edge<T>,
    [least, over, under, most]: BoundNames,
    shown: impl Fn(T) -> String,
) -> String {
    match (from, to) {
        (Edge::Open, Edge::Open) => "anything".to_owned(),
        (Edge::Inclusive(from), Edge::Inclusive(to)) if from == to => shown(from),
        (Edge::Inclusive(from), Edge::Open) => format!("{least} {}", shown(from)),
        (Edge::Exclusive(from), Edge::Open) => format!("{over} {}", shown(from)),
        (Edge::Open, Edge::Inclusive(to)) => format!("{most} {}", shown(to)),
        (Edge::Open, Edge::Exclusive(to)) => format!("{under} {}", shown(to)),
        (Edge::Inclusive(from), Edge::Inclusive(to)) => format!("{} to {}", shown(from), shown(to)),
        (Edge::Inclusive(from), Edge::Exclusive(to)) => format!("{} to {under} {}", shown(from), shown(to)),
        (Edge::Exclusive(from), Edge::Inclusive(to)) => format!("{over} {} to {}", shown(from), shown(to)),
        (Edge::Exclusive(from), Edge::Exclusive(to)) => {
            format!("{over} {} to {under} {}", shown(from), shown(to))
        }
    }
}

/// `in_progress` as `In progress`.
pub(crate) fn sentence_case(name: &str) -> String {
    let words = name.replace('_', " ");
    let mut characters = words.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => words,
    }
}

/// A sentiment by shape, by word and, only then, by colour.
pub(crate) fn sentiment(sentiment: Sentiment) -> Markup {
    let name = sentiment.as_str();
    html! {
        span class={ "feel " (name) } { (icon(name)) (sentence_case(name)) }
    }
}

/// How an interaction felt: `Negative → Positive` if the mood rose from its worst moment, else the sentiment,
/// with an arrow if it moved. Arrows come with words for readers who do not see them.
pub(crate) fn feeling(sentiment: Sentiment, worst: Option<Sentiment>, change: Option<MoodChange>) -> Markup {
    let arrow = |arrow: &str, said: &str| {
        html! { " " span title=(sentence_case(said)) aria-hidden="true" { (arrow) } span.visually-hidden { (said) } }
    };
    html! {
        @match (change, worst.filter(|worst| *worst != sentiment)) {
            (Some(MoodChange::Improved), Some(worst)) => {
                span class={ "feel " (worst.as_str()) } { (sentence_case(worst.as_str())) }
                " " span aria-hidden="true" { "→" } span.visually-hidden { "rose to" } " "
                (self::sentiment(sentiment))
            }
            (Some(MoodChange::Improved), None) => { (self::sentiment(sentiment)) (arrow("↗", "the mood improved")) }
            (Some(MoodChange::Worsened), _) => { (self::sentiment(sentiment)) (arrow("↘", "the mood worsened")) }
            (Some(MoodChange::Steady) | None, _) => (self::sentiment(sentiment)),
        }
    }
}

/// Detected satisfaction or a rating, as digits and steps.
pub(crate) fn score(score: u8) -> Markup {
    html! {
        span.score {
            svg.steps viewBox="0 0 30 12" width="30" height="12" aria-hidden="true" {
                @for step in 1..=5_u8 {
                    @let height = 2 + 2 * u32::from(step);
                    rect class=(if step <= score { "on" } else { "off" })
                        x=(6 * (u32::from(step) - 1)) y=(12 - height) width="4" height=(height) rx="1" {}
                }
            }
            (score) "/5"
        }
    }
}

/// One of the symbols defined by the layout.
pub(crate) fn icon(name: &str) -> Markup {
    html! { svg.icon width="16" height="16" aria-hidden="true" { use href={ "#icon-" (name) } {} } }
}

/// Who speaks: the agent by name, the others by role.
pub(crate) fn speaker(role: Role, agent: Option<&str>) -> Cow<'_, str> {
    match (role, agent) {
        (Role::Assistant, Some(agent)) => Cow::Borrowed(agent),
        (Role::Human, _) => Cow::Borrowed("human agent"),
        (role, _) => Cow::Borrowed(role.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mood_that_rose_says_from_where() {
        let said = |sentiment, worst, change| {
            let shown = feeling(sentiment, Some(worst), change).into_string();
            (shown.contains("→"), shown.contains("↗"), shown.contains("Negative"))
        };
        let rose = Some(MoodChange::Improved);
        assert_eq!(said(Sentiment::Positive, Sentiment::Negative, rose), (true, false, true));
        assert_eq!(said(Sentiment::Negative, Sentiment::Negative, rose), (false, true, true));
        assert_eq!(
            said(Sentiment::Positive, Sentiment::Negative, Some(MoodChange::Steady)),
            (false, false, false)
        );
    }
}
