//! A query written back as text, for people to read and for links.

use std::fmt::Display;

use hearken_index::query::{Edge, Query, Range, TextForm, ValueMatch};
use hearken_model::field::METADATA_PREFIX;

use super::lexer::{SIGNS, ends_word, is_blank, is_quote};
use super::target::scope_name;

/// The query as text. What [`super::parse`] returned parses to the same tree again.
pub fn print(query: &Query) -> String {
    let mut out = String::new();
    write(query, Precedence::Top, &mut out);
    out
}

/// Where a part stands, and so whether it needs parentheses. No more are written than are needed, so that printing
/// never nests deeper than the text that was parsed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Precedence {
    Top,
    InOr,
    InAnd,
    InNot,
}

fn write(query: &Query, place: Precedence, out: &mut String) {
    match query {
        Query::All => out.push('*'),
        Query::And(parts) if parts.is_empty() => out.push('*'),
        Query::Or(parts) if parts.is_empty() => out.push_str("NOT *"),
        Query::And(parts) => write_list(parts, " ", Precedence::InAnd, place, out),
        Query::Or(parts) => write_list(parts, " OR ", Precedence::InOr, place, out),
        Query::Not(inner) => {
            out.push_str("NOT ");
            write(inner, Precedence::InNot, out);
        }
        Query::Text { scope, text, form } => {
            let name = scope_name(*scope);
            if !name.is_empty() {
                out.push_str(name);
                out.push(':');
            }
            write_text(text, *form, out);
        }
        Query::Value { field, value } => {
            write_name(field, out);
            match value {
                ValueMatch::Is(value) if is_plain(value) => out.push_str(value),
                ValueMatch::Is(value) => write_quoted(value, out),
                ValueMatch::StartsWith(beginning) => {
                    write_word(beginning, out);
                    out.push('*');
                }
            }
        }
        Query::Range { field, range } => {
            write_name(field, out);
            let exact = !field.starts_with(METADATA_PREFIX);
            let short = match range {
                Range::Integer(from, to) => short_range(from, to, exact),
                Range::Seconds(from, to) => short_range(from, to, exact),
                Range::Number(from, to) => short_range(from, to, exact),
                Range::Money(from, to) => short_range(from, to, exact),
                Range::Time(from, to) => short_range(from, to, exact),
            };
            out.push_str(&short.unwrap_or_else(|| range.to_string()));
        }
        Query::Exists { field } => {
            write_name(field, out);
            out.push('*');
        }
    }
}

fn write_list(parts: &[Query], between: &str, inside: Precedence, place: Precedence, out: &mut String) {
    let parenthesised = place > inside && parts.len() > 1 || place == inside && place != Precedence::Top;
    if parenthesised {
        out.push('(');
    }
    for (idx, part) in parts.iter().enumerate() {
        if idx > 0 {
            out.push_str(between);
        }
        write(part, inside, out);
    }
    if parenthesised {
        out.push(')');
    }
}

fn write_text(text: &str, form: TextForm, out: &mut String) {
    match form {
        TextForm::Word if matches!(text, "AND" | "OR" | "NOT") => {
            out.push('\\');
            out.push_str(text);
        }
        TextForm::Word => write_word(text, out),
        TextForm::Phrase { slop } => {
            write_quoted(text, out);
            if slop > 0 {
                out.push_str(&format!("~{slop}"));
            }
        }
        TextForm::Prefix => {
            write_word(text, out);
            out.push('*');
        }
        TextForm::Fuzzy { distance } => {
            write_word(text, out);
            out.push_str(&format!("~{distance}"));
        }
    }
}

fn write_name(field: &str, out: &mut String) {
    match field.strip_prefix(METADATA_PREFIX) {
        Some(key) => {
            out.push_str(METADATA_PREFIX);
            write_escaped(key, |at, c| ends_word(c) || matches!(c, '\\' | ':') || is_sign(&key[at..]), out);
        }
        None => out.push_str(field),
    }
    out.push(':');
}

/// A word with its escapes.
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

/// Whether a colon behind it would make it a scope.
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

/// Whether a value can stand without quotation marks.
fn is_plain(value: &str) -> bool {
    value.starts_with(char::is_alphanumeric)
        && value.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '@'))
}

/// A range with one end, or of one value, without brackets.
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
