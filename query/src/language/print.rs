//! Writes a query back as text: for people to read and for links, or without what it searches for.

use std::fmt::Display;

use hearken_index::query::{Edge, Query, Range, TextForm, ValueMatch};
use hearken_model::field::METADATA_PREFIX;

use super::lexer::{SIGNS, ends_word, is_blank, is_quote};
use super::target::scope_name;

/// Replaces what was searched for.
pub(crate) const HIDDEN: &str = "…";

/// The query as text. Whatever [`super::parse`] returned parses to the same tree again.
pub fn print(query: &Query) -> String {
    let mut printer = Printer { out: String::new(), hides: false };
    printer.write(query, Precedence::Top);
    printer.out
}

/// The query with `…` in place of each word, value and metadata key, for readers who must not learn what was searched
/// for.
pub(crate) fn shape(query: &Query) -> String {
    let mut printer = Printer { out: String::new(), hides: true };
    printer.write(query, Precedence::Top);
    printer.out
}

/// A field's name in a shape; metadata keys are hidden, because they may hold anything.
pub(crate) fn shown_field(field: &str) -> &str {
    if field.starts_with(METADATA_PREFIX) { "metadata.…" } else { field }
}

/// Where a part stands, and thus whether it needs parentheses. Only necessary ones are written, so that the output
/// never nests deeper than the parsed text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Precedence {
    Top,
    InOr,
    InAnd,
    InNot,
}

struct Printer {
    out: String,
    /// Whether to write a shape.
    hides: bool,
}

impl Printer {
    fn write(&mut self, query: &Query, place: Precedence) {
        match query {
            Query::All => self.out.push('*'),
            Query::And(parts) if parts.is_empty() => self.out.push('*'),
            Query::Or(parts) if parts.is_empty() => self.out.push_str("NOT *"),
            Query::And(parts) => self.write_list(parts, " ", Precedence::InAnd, place),
            Query::Or(parts) => self.write_list(parts, " OR ", Precedence::InOr, place),
            Query::Not(inner) => {
                self.out.push_str("NOT ");
                self.write(inner, Precedence::InNot);
            }
            Query::Text { scope, text, form } => {
                let name = scope_name(*scope);
                if !name.is_empty() {
                    self.out.push_str(name);
                    self.out.push(':');
                }
                self.write_text(text, *form);
            }
            Query::Value { field, value } => {
                self.write_name(field);
                match value {
                    _ if self.hides => self.out.push_str(HIDDEN),
                    ValueMatch::Is(value) if is_plain(value) => self.out.push_str(value),
                    ValueMatch::Is(value) => write_quoted(value, &mut self.out),
                    ValueMatch::StartsWith(beginning) => write_word(beginning, &mut self.out),
                }
                if matches!(value, ValueMatch::StartsWith(_)) {
                    self.out.push('*');
                }
            }
            Query::Range { field, range } => {
                self.write_name(field);
                if self.hides {
                    return self.out.push_str("[… TO …]");
                }
                let exact = !field.starts_with(METADATA_PREFIX);
                let short = match range {
                    Range::Integer(from, to) => short_range(from, to, exact),
                    Range::Seconds(from, to) => short_range(from, to, exact),
                    Range::Number(from, to) => short_range(from, to, exact),
                    Range::Money(from, to) => short_range(from, to, exact),
                    Range::Time(from, to) => short_range(from, to, exact),
                };
                self.out.push_str(&short.unwrap_or_else(|| range.to_string()));
            }
            Query::Exists { field } => {
                self.write_name(field);
                self.out.push('*');
            }
        }
    }

    fn write_list(&mut self, parts: &[Query], between: &str, inside: Precedence, place: Precedence) {
        let parenthesised = place > inside && parts.len() > 1 || place == inside && place != Precedence::Top;
        if parenthesised {
            self.out.push('(');
        }
        for (idx, part) in parts.iter().enumerate() {
            if idx > 0 {
                self.out.push_str(between);
            }
            self.write(part, inside);
        }
        if parenthesised {
            self.out.push(')');
        }
    }

    fn write_text(&mut self, text: &str, form: TextForm) {
        let is_phrase = matches!(form, TextForm::Phrase { .. });
        if self.hides {
            let words = vec![HIDDEN; text.split_whitespace().count().max(1)].join(" ");
            let quote = if is_phrase { "\"" } else { "" };
            self.out.extend([quote, &words, quote]);
        } else if is_phrase {
            write_quoted(text, &mut self.out);
        } else {
            if form == TextForm::Word && matches!(text, "AND" | "OR" | "NOT") {
                self.out.push('\\');
            }
            write_word(text, &mut self.out);
        }
        match form {
            TextForm::Word | TextForm::Phrase { slop: 0 } => {}
            TextForm::Phrase { slop } => self.out.push_str(&format!("~{slop}")),
            TextForm::Prefix => self.out.push('*'),
            TextForm::Fuzzy { distance } => self.out.push_str(&format!("~{distance}")),
        }
    }

    fn write_name(&mut self, field: &str) {
        match field.strip_prefix(METADATA_PREFIX) {
            Some(key) if !self.hides => {
                self.out.push_str(METADATA_PREFIX);
                let special = |at: usize, c| ends_word(c) || matches!(c, '\\' | ':') || is_sign(&key[at..]);
                write_escaped(key, special, &mut self.out);
            }
            _ => self.out.push_str(shown_field(field)),
        }
        self.out.push(':');
    }
}

/// Writes a word with its escapes.
fn write_word(word: &str, out: &mut String) {
    let special = |at: usize, c: char| match c {
        '\\' | '*' | '~' => true,
        '-' | '+' | '!' | '<' | '>' | '=' | '[' | '{' | '/' => at == 0,
        '&' | '|' => is_sign(&word[at..]),
        c if at == 0 && is_blank(c) => true,
        ':' => is_name(&word[..at]) && !word[at + 1..].starts_with("//"),
        c => ends_word(c),
    };
    write_escaped(word, special, out);
}

/// Whether an operator begins here.
fn is_sign(text: &str) -> bool {
    SIGNS.iter().any(|(sign, _)| text.starts_with(sign))
}

/// Whether a colon after this text would make it a scope.
fn is_name(text: &str) -> bool {
    text.starts_with(METADATA_PREFIX)
        || text.starts_with(|c: char| c == '_' || c.is_ascii_alphabetic())
            && text.chars().all(|c| c == '_' || c == '.' || c.is_ascii_alphanumeric())
}

fn write_quoted(text: &str, out: &mut String) {
    out.push('"');
    write_escaped(text, |_, c| c == '\\' || is_quote(c), out);
    out.push('"');
}

fn write_escaped(text: &str, special: impl Fn(usize, char) -> bool, out: &mut String) {
    for (at, c) in text.char_indices() {
        if special(at, c) {
            out.push('\\');
        }
        out.push(c);
    }
}

/// Whether a value needs no quotation marks.
fn is_plain(value: &str) -> bool {
    value.starts_with(char::is_alphanumeric)
        && value.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '@'))
}

/// A range with one end, or of one value, in the form without brackets.
fn short_range<T: PartialEq + Display>(from: &Edge<T>, to: &Edge<T>, exact: bool) -> Option<String> {
    match (from, to) {
        (Edge::Inclusive(from), Edge::Inclusive(to)) if exact && from == to => Some(from.to_string()),
        (Edge::Inclusive(from), Edge::Open) => Some(format!(">={from}")),
        (Edge::Exclusive(from), Edge::Open) => Some(format!(">{from}")),
        (Edge::Open, Edge::Inclusive(to)) => Some(format!("<={to}")),
        (Edge::Open, Edge::Exclusive(to)) => Some(format!("<{to}")),
        _ => None,
    }
}
