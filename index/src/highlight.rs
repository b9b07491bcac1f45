//! Which messages and details of an interaction a query matched, and where.
//!
//! Works on the stored texts with the rules of [`crate::text`], so that words, word forms, phrases, prefixes and
//! fuzzy words are marked exactly where the index found them. Only conditions that must or may hold are marked, not
//! excluded ones, and only in texts that their scope covers.

use std::collections::HashMap;
use std::rc::Rc;

use hearken_model::{Detail, Interaction, MessageText, Role};
use levenshtein_automata::{DFA, Distance};
use serde::Serialize;
use unicode_normalization::char::is_combining_mark;

use crate::fuzzy;
use crate::phrase::PhraseMatcher;
use crate::query::{Query, Scope, TextForm};
use crate::text::{English, Token, Word, WordKind, Words, tokens};

/// How much is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HighlightOptions {
    /// Most messages of one interaction; the first that match are taken.
    pub messages_max: usize,
    /// Most details of one interaction; the first that match are taken.
    pub details_max: usize,
    /// Most fragments of one message or detail.
    pub fragments_max: usize,
    /// Characters of a fragment, marks not counted.
    pub fragment_chars: usize,
    /// Most ranges of one message or detail.
    pub ranges_max: usize,
}

impl HighlightOptions {
    /// For a page of results: a few fragments of each interaction.
    pub const PAGE: Self = HighlightOptions {
        messages_max: 3,
        details_max: 3,
        fragments_max: 2,
        fragment_chars: 160,
        ranges_max: 100,
    };
    /// For one interaction: every message and detail that matches.
    pub const WHOLE: Self = HighlightOptions {
        messages_max: usize::MAX,
        details_max: usize::MAX,
        fragments_max: 3,
        fragment_chars: 160,
        ranges_max: 10_000,
    };
}

/// A message or a detail that matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Highlight {
    /// Which.
    #[serde(flatten)]
    pub place: HighlightPlace,
    /// What matched: bytes of its text from, to (exclusive), in order and apart from each other.
    pub ranges: Vec<(usize, usize)>,
    /// HTML-escaped fragments with the matches inside `<mark>`.
    pub fragments: Vec<String>,
}

/// Where something matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum HighlightPlace {
    /// In a message.
    Message {
        /// The message.
        message_id: String,
        /// Who said it.
        role: Role,
        /// Milliseconds from the interaction's start.
        offset_ms: i64,
    },
    /// In a detail.
    Detail {
        /// Its field: `caller`, `metadata.order`.
        field: String,
    },
}

impl Highlight {
    /// Whether it is of the message of that id.
    pub fn is_of_message(&self, id: &str) -> bool {
        matches!(&self.place, HighlightPlace::Message { message_id, .. } if message_id == id)
    }
}

/// What matches in one interaction with its transcript; see [`Highlighter`] for several.
pub fn highlights(query: &Query, interaction: &Interaction, options: HighlightOptions) -> Vec<Highlight> {
    let messages = interaction.transcript.iter().flatten().map(MessageText::from);
    Highlighter::new(query, options).highlights(messages, interaction.details())
}

/// Finds the matches of one query in any number of interactions.
pub struct Highlighter {
    options: HighlightOptions,
    english: English,
    conditions: Vec<Condition>,
    /// Folded word → the slots it fits; conversations repeat their words.
    fitting: HashMap<Box<str>, Rc<[Fitting]>>,
    /// Which bytes a word that fits anything can begin with: most words need not even be looked up.
    beginnings: [bool; 256],
    words: Vec<Word>,
}

/// A text of the query.
struct Condition {
    scope: Scope,
    slots: Vec<Fits>,
    /// Which slots want a pictograph, which shares its place with a word.
    is_symbol: Vec<bool>,
    matcher: PhraseMatcher,
    /// Whether the words stand side by side, so that they are marked as one.
    is_exact: bool,
    /// The positions of each slot in the current text, shifted as `matcher` wants them.
    positions: Vec<Vec<u32>>,
}

/// Which words fit a slot.
enum Fits {
    Word(String),
    Stem(String),
    Prefix(String),
    Fuzzy(Box<DFA>),
}

/// One slot of one condition.
#[derive(Clone, Copy)]
struct Fitting {
    condition: usize,
    slot: usize,
}

/// Distinct words remembered; about 10 MB.
const FITTING_MAX: usize = 1 << 16;

impl Highlighter {
    /// For the texts of that query.
    pub fn new(query: &Query, options: HighlightOptions) -> Self {
        let english = English::default();
        let mut conditions = Vec::new();
        collect(query, true, &english, &mut conditions);
        let mut beginnings = [false; 256];
        for fits in conditions.iter().flat_map(|condition| &condition.slots) {
            match fits {
                // A stem keeps the first letter of its word.
                Fits::Word(text) | Fits::Stem(text) | Fits::Prefix(text) => match text.as_bytes().first() {
                    Some(first) => beginnings[usize::from(*first)] = true,
                    None => beginnings = [true; 256],
                },
                Fits::Fuzzy(_) => beginnings = [true; 256],
            }
        }
        Highlighter { options, english, conditions, fitting: HashMap::new(), beginnings, words: Vec::new() }
    }

    /// The messages that match, in order, and then the details.
    pub fn highlights<'i>(
        &mut self,
        messages: impl IntoIterator<Item = MessageText<'i>>,
        details: impl IntoIterator<Item = Detail<'i>>,
    ) -> Vec<Highlight> {
        if self.conditions.is_empty() {
            return Vec::new();
        }
        let HighlightOptions { messages_max, details_max, .. } = self.options;
        let messages = messages.into_iter().filter_map(|MessageText { id, role, offset_ms, message }| {
            let place = || HighlightPlace::Message { message_id: id.into_owned(), role, offset_ms };
            self.highlight(Some(role), &message, place)
        });
        let mut matching: Vec<Highlight> = messages.take(messages_max).collect();
        let details = details.into_iter().filter_map(|Detail { field, text }| {
            self.highlight(None, &text, || HighlightPlace::Detail { field: field.into_owned() })
        });
        matching.extend(details.take(details_max));
        matching
    }

    /// What matches in a text that this role said, or in a detail.
    fn highlight(
        &mut self,
        role: Option<Role>,
        text: &str,
        place: impl FnOnce() -> HighlightPlace,
    ) -> Option<Highlight> {
        let ranges = self.ranges(role, text);
        let fragments = fragments(text, &ranges, self.options);
        (!ranges.is_empty()).then(|| Highlight { place: place(), fragments, ranges })
    }

    fn ranges(&mut self, role: Option<Role>, text: &str) -> Vec<(usize, usize)> {
        for condition in &mut self.conditions {
            condition.positions.iter_mut().for_each(Vec::clear);
        }
        self.words.clear();
        let mut words = Words::new(text);
        let mut any = false;
        while let Some((word, is_wanted)) = words.next_beginning(|first| self.beginnings[usize::from(first)])
        {
            self.words.push(word);
            if !is_wanted {
                continue;
            }
            for place in &*self.fitting(words.folded()) {
                let condition = &mut self.conditions[place.condition];
                if covers(condition.scope, role) {
                    let shift = condition.matcher.shift(place.slot);
                    condition.positions[place.slot].push(word.position.saturating_add(shift));
                    any = true;
                }
            }
        }
        if !any {
            return Vec::new();
        }
        let mut ranges = Vec::new();
        for condition in &mut self.conditions {
            condition.mark(&self.words, self.options.ranges_max, &mut ranges);
        }
        joined(ranges, self.options.ranges_max)
    }

    fn fitting(&mut self, folded: &str) -> Rc<[Fitting]> {
        if let Some(places) = self.fitting.get(folded) {
            return Rc::clone(places);
        }
        let mut places = Vec::new();
        for (condition, Condition { slots, .. }) in self.conditions.iter().enumerate() {
            for (slot, fits) in slots.iter().enumerate() {
                let fits = match fits {
                    Fits::Word(word) => word == folded,
                    // A stem keeps the first letter of its word; most words need not be stemmed at all.
                    Fits::Stem(wanted) => {
                        wanted.as_bytes().first() == folded.as_bytes().first()
                            && self.english.stem(folded) == *wanted
                    }
                    Fits::Prefix(prefix) => folded.starts_with(prefix.as_str()),
                    Fits::Fuzzy(automaton) => matches!(automaton.eval(folded), Distance::Exact(_)),
                };
                if fits {
                    places.push(Fitting { condition, slot });
                }
            }
        }
        if self.fitting.len() >= FITTING_MAX {
            self.fitting.clear();
        }
        let places: Rc<[Fitting]> = places.into();
        self.fitting.insert(folded.into(), Rc::clone(&places));
        places
    }
}

impl Condition {
    /// Adds the ranges of at most `ranges_max` matches.
    fn mark(&mut self, words: &[Word], ranges_max: usize, ranges: &mut Vec<(usize, usize)>) {
        let Condition { matcher, positions, is_exact, is_symbol, .. } = self;
        let shifts: Vec<u32> = (0..positions.len()).map(|slot| matcher.shift(slot)).collect();
        let mut num_matches = 0;
        matcher.for_each(positions, |chosen| {
            num_matches += 1;
            if num_matches > ranges_max {
                return;
            }
            let places = chosen.iter().zip(&shifts).zip(&*is_symbol);
            let places = places.filter_map(|((at, shift), is_symbol)| word_at(words, at - shift, *is_symbol));
            let places = places.map(|word| (word.start, word.end));
            if *is_exact {
                ranges.extend(places.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))));
            } else {
                ranges.extend(places);
            }
        });
    }
}

/// The word at that place, or the pictograph next to it; the other if only that is there, because a fuzzy word of one
/// letter finds pictographs too.
fn word_at(words: &[Word], position: u32, is_symbol: bool) -> Option<&Word> {
    let first = words.partition_point(|word| word.position < position);
    let there = || words[first..].iter().take_while(|word| word.position == position);
    there().find(|word| (word.kind == WordKind::Symbol) == is_symbol).or(there().next())
}

/// Ordered, with those that touch or overlap made one.
fn joined(mut ranges: Vec<(usize, usize)>, ranges_max: usize) -> Vec<(usize, usize)> {
    ranges.sort_unstable();
    let mut joined: Vec<(usize, usize)> = Vec::with_capacity(ranges.len());
    for (start, end) in ranges {
        match joined.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => joined.push((start, end)),
        }
    }
    joined.truncate(ranges_max);
    joined
}

fn collect(query: &Query, is_wanted: bool, english: &English, conditions: &mut Vec<Condition>) {
    match query {
        Query::And(parts) | Query::Or(parts) => {
            parts.iter().for_each(|part| collect(part, is_wanted, english, conditions));
        }
        Query::Not(part) => collect(part, !is_wanted, english, conditions),
        Query::Text { scope, text, form } if is_wanted => {
            if covers_messages(*scope) {
                conditions.extend(condition(*scope, &tokens(text), *form, english));
            }
        }
        Query::Text { .. }
        | Query::All
        | Query::Value { .. }
        | Query::Range { .. }
        | Query::Exists { .. } => {}
    }
}

fn condition(scope: Scope, tokens: &[Token], form: TextForm, english: &English) -> Option<Condition> {
    if tokens.is_empty() {
        return None;
    }
    let fits = |(slot, token): (usize, &Token)| {
        let folded = &token.folded;
        match form {
            TextForm::Word if tokens.len() == 1 => Fits::Stem(english.stem(folded).into_owned()),
            TextForm::Prefix if slot + 1 == tokens.len() => Fits::Prefix(folded.clone()),
            TextForm::Fuzzy { distance: distance @ 1.. }
                if token.word.kind == WordKind::Letters
                    && folded.chars().count() <= fuzzy::FUZZY_CHARS_MAX =>
            {
                Fits::Fuzzy(Box::new(fuzzy::automaton(folded, distance)))
            }
            _ => Fits::Word(folded.clone()),
        }
    };
    let slop = match form {
        TextForm::Phrase { slop } => slop,
        _ => 0,
    };
    let offsets: Vec<u32> = tokens.iter().map(|token| token.word.position).collect();
    let alike = |token: &Token| tokens.iter().position(|other| other.folded == token.folded).unwrap_or(0);
    let words: Vec<usize> = tokens.iter().map(alike).collect();
    Some(Condition {
        scope,
        slots: tokens.iter().enumerate().map(fits).collect(),
        is_symbol: tokens.iter().map(|token| token.word.kind == WordKind::Symbol).collect(),
        matcher: PhraseMatcher::new(&offsets, &words, slop),
        is_exact: slop == 0,
        positions: vec![Vec::new(); tokens.len()],
    })
}

fn covers_messages(scope: Scope) -> bool {
    Role::ALL.iter().any(|role| covers(scope, Some(*role)))
}

/// Whether a scope covers what that role said, or details.
fn covers(scope: Scope, role: Option<Role>) -> bool {
    match scope {
        Scope::Default => role != Some(Role::System),
        Scope::Transcript => role.is_some_and(|role| role != Role::System),
        Scope::Role(wanted) => role == Some(wanted),
        Scope::Topic | Scope::Summary | Scope::Keywords => false,
    }
}

/// Fragments around the matches, in order.
fn fragments(message: &str, ranges: &[(usize, usize)], options: HighlightOptions) -> Vec<String> {
    let mut fragments = Vec::new();
    let mut rest = ranges;
    while let Some(first) = rest.first().filter(|_| fragments.len() < options.fragments_max) {
        let (start, end) = window(message, *first, options.fragment_chars);
        let num_inside = rest.iter().take_while(|(from, _)| *from < end).count();
        fragments.push(marked(message, (start, end), &rest[..num_inside]));
        rest = &rest[num_inside..];
    }
    fragments
}

/// The bytes that a fragment shows: some context, the match, and what follows, cut between words where it can be.
fn window(message: &str, (from, to): (usize, usize), chars: usize) -> (usize, usize) {
    let before = message[..from].char_indices().rev().take(chars / 3).last().map_or(from, |(at, _)| at);
    let start = if before == 0 {
        0
    } else {
        let context = &message[before..from];
        let word = context.char_indices().find(|(_, c)| c.is_whitespace()).map(|(at, c)| at + c.len_utf8());
        let mark = context.char_indices().find(|(_, c)| !is_combining_mark(*c)).map(|(at, _)| at);
        before + word.or(mark).unwrap_or(context.len())
    };
    let after = message[start..].char_indices().nth(chars).map_or(message.len(), |(at, _)| start + at);
    if after == message.len() {
        return (start, after);
    }
    let tail_from = to.clamp(start, after);
    let word = message[tail_from..after].rfind(char::is_whitespace).map(|at| tail_from + at);
    let end = word.unwrap_or_else(|| {
        let marks = message[after..].chars().take_while(|c| is_combining_mark(*c)).take(chars);
        after + marks.map(char::len_utf8).sum::<usize>()
    });
    (start, end)
}

fn marked(message: &str, (start, end): (usize, usize), ranges: &[(usize, usize)]) -> String {
    let mut fragment = String::with_capacity(end - start + 32);
    if start > 0 {
        fragment.push_str("… ");
    }
    let mut at = start;
    for &(from, to) in ranges {
        let (from, to) = (from.max(at), to.min(end));
        escape(&message[at..from], &mut fragment);
        fragment.push_str("<mark>");
        escape(&message[from..to], &mut fragment);
        fragment.push_str("</mark>");
        at = to;
    }
    escape(&message[at..end], &mut fragment);
    if end < message.len() {
        fragment.push_str(" …");
    }
    fragment
}

/// The text of a fragment, or of a part of it, without its escapes: for output other than pages.
pub fn unescape(html: &str) -> String {
    // The ampersand last, so that what was escaped twice is unescaped once.
    html.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

fn escape(text: &str, html: &mut String) {
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            c if c.is_control() => html.push(' '),
            c => html.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hearken_model::{Message, Timestamp};
    use proptest::prelude::*;

    fn message(text: &str) -> Message {
        Message {
            id: "m1".to_owned(),
            role: Role::User,
            timestamp: 250,
            at: Timestamp::EPOCH,
            end_offset_ms: None,
            message: text.to_owned(),
            sentiment: None,
            sentiment_score: None,
            llm_model: None,
            usage: None,
            billable: false,
            interrupted: None,
            confidence: None,
            tool: None,
        }
    }

    fn text(scope: Scope, text: &str, form: TextForm) -> Query {
        Query::Text { scope, text: text.to_owned(), form }
    }

    fn saying(text: &str) -> Interaction {
        Interaction { transcript: Some(vec![message(text)]), ..Interaction::default() }
    }

    fn fragments_of(query: &Query, said: &str) -> Vec<String> {
        let found = highlights(query, &saying(said), HighlightOptions::PAGE);
        found.into_iter().flat_map(|highlight| highlight.fragments).collect()
    }

    #[test]
    fn every_form_of_text_is_marked_where_it_stands() {
        let cases: &[(&str, TextForm, &str, &[&str])] = &[
            ("refund", TextForm::Word, "I was REFUNDED.", &["I was <mark>REFUNDED</mark>."]),
            ("refund", TextForm::Phrase { slop: 0 }, "I was refunded", &[]),
            (
                "my order",
                TextForm::Phrase { slop: 0 },
                "my order, order my",
                &["<mark>my order</mark>, order my"],
            ),
            ("my order", TextForm::Phrase { slop: 2 }, "order my", &["<mark>order</mark> <mark>my</mark>"]),
            ("55-a12", TextForm::Word, "order 55-A12!", &["order <mark>55-A12</mark>!"]),
            ("refu", TextForm::Prefix, "Refunds", &["<mark>Refunds</mark>"]),
            ("refnud", TextForm::Fuzzy { distance: 1 }, "refund", &["<mark>refund</mark>"]),
            ("退款", TextForm::Word, "我要退款。", &["我要<mark>退款</mark>。"]),
            ("cafe", TextForm::Word, "the café", &["the <mark>café</mark>"]),
        ];
        for (wanted, form, said, expected) in cases {
            let found = fragments_of(&text(Scope::Default, wanted, *form), said);
            assert_eq!(found, *expected, "{wanted} {form:?} in {said}");
        }
    }

    #[test]
    fn messages_are_hostile() {
        let said = "<script>alert('refund')</script> & \"refund\"\u{7}";
        assert_eq!(
            fragments_of(&text(Scope::Default, "refund", TextForm::Word), said),
            [
                "&lt;script&gt;alert(&#39;<mark>refund</mark>&#39;)&lt;/script&gt; &amp; &quot;<mark>refund</mark>&quot; "
            ]
        );
    }

    #[test]
    fn excluded_words_and_other_scopes_are_not_marked() {
        let word = |scope, word| text(scope, word, TextForm::Word);
        let not = Query::Not(Box::new(word(Scope::Default, "order")));
        let query = Query::And(vec![word(Scope::Default, "refund"), not]);
        assert_eq!(fragments_of(&query, "refund order"), ["<mark>refund</mark> order"]);
        assert_eq!(fragments_of(&word(Scope::Role(Role::Assistant), "refund"), "refund"), [""; 0]);
        assert_eq!(fragments_of(&word(Scope::Topic, "refund"), "refund"), [""; 0]);
    }

    #[test]
    fn details_are_marked_for_words_without_a_scope() {
        let mut interaction = saying("where is order 55-A12?");
        interaction.url = Some("https://example.com/orders?id=55-a12".to_owned());
        let order = hearken_model::Scalar::Text("<55-A12>".to_owned());
        interaction.metadata.insert("order".to_owned(), order);
        interaction.metadata.insert("plan".to_owned(), hearken_model::Scalar::Bool(true));
        let marked = |scope| {
            let query = text(scope, "55-A12", TextForm::Word);
            let found = highlights(&query, &interaction, HighlightOptions::PAGE);
            found.iter().map(|found| serde_json::to_value(found).unwrap_or_default()).collect::<Vec<_>>()
        };
        let [message, url, order] = marked(Scope::Default).try_into().unwrap_or_default();
        assert_eq!((&message["message_id"], &message["field"]), (&"m1".into(), &serde_json::Value::Null));
        assert_eq!((&url["field"], &url["message_id"]), (&"url".into(), &serde_json::Value::Null));
        assert_eq!(url["fragments"][0], "https://example.com/orders?id=<mark>55-a12</mark>");
        assert_eq!(order["field"], "metadata.order");
        assert_eq!(order["fragments"][0], "&lt;<mark>55-A12</mark>&gt;");
        assert_eq!(order["ranges"], serde_json::json!([[1, 7]]));
        for scope in [Scope::Transcript, Scope::Role(Role::User)] {
            assert_eq!(marked(scope).len(), 1, "{scope:?}");
        }
    }

    #[test]
    fn long_messages_show_a_fragment_around_each_match() {
        let filler = "lorem ipsum ".repeat(40);
        let said = format!("{filler}refund {filler}refund {filler}refund");
        let found = fragments_of(&text(Scope::Default, "refund", TextForm::Word), &said);
        assert_eq!(found.len(), HighlightOptions::PAGE.fragments_max);
        for fragment in found {
            assert!(fragment.starts_with("… ") && fragment.ends_with(" …"), "{fragment}");
            assert!(
                fragment.contains(" <mark>refund</mark> ") && fragment.chars().count() < 190,
                "{fragment}"
            );
        }
    }

    proptest! {
        #[test]
        fn ranges_are_apart_and_fragments_without_marks_are_parts_of_the_message(
            said in "([a-c é退款<&\u{301}\n]|ab | refund ){0,120}", wanted in "[a-c退]{1,3}( [a-c])?"
        ) {
            let options = HighlightOptions { fragment_chars: 20, ..HighlightOptions::PAGE };
            for form in [TextForm::Word, TextForm::Prefix, TextForm::Phrase { slop: 3 }, TextForm::Fuzzy { distance: 1 }] {
                for found in highlights(&text(Scope::Default, &wanted, form), &saying(&said), options) {
                    let mut end = 0;
                    for (from, to) in &found.ranges {
                        prop_assert!(end <= *from && from < to && said.get(*from..*to).is_some());
                        end = to + 1;
                    }
                    prop_assert!(!found.fragments.is_empty());
                    let mut escaped = String::new();
                    escape(&said, &mut escaped);
                    for fragment in &found.fragments {
                        prop_assert!(fragment.contains("<mark>"));
                        let plain = fragment.replace("<mark>", "").replace("</mark>", "");
                        let plain = plain.trim_start_matches("… ").trim_end_matches(" …");
                        prop_assert!(escaped.contains(plain), "{plain}");
                    }
                }
            }
        }
    }
}
