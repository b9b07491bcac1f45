//! Queries that are valid but probably mean something else: syntax from other languages that is plain words here.
//!
//! The text is still read literally; a notice says how it was read and what to write instead.

use hearken_index::text::Words;
use serde::Serialize;

use super::error::shown;
use super::lexer::{ends_word, is_quote};
use super::parser::parse;
use super::target::Target;

/// Most notices of one query.
pub const NOTICES_MAX: usize = 8;
/// Most alternatives that a regular expression is expanded into.
const ALTERNATIVES_MAX: usize = 8;

/// A part of a query that probably means something else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// Position in characters (Unicode code points), counted from 0.
    pub position: usize,
    /// How it was read and what to write instead: a sentence without its full stop.
    pub message: String,
    /// The whole query as it was probably meant.
    #[serde(skip)]
    pub corrected: String,
}

/// A doubt about a part of the text, located in bytes.
#[derive(Debug)]
pub(super) struct Doubt {
    pub(super) start: usize,
    pub(super) end: usize,
    /// How it was read, and what to write.
    pub(super) message: String,
    /// The replacement.
    pub(super) instead: String,
}

impl Doubt {
    /// The notice, unless the corrected text would not be a query.
    pub(super) fn notice(self, text: &str) -> Option<Notice> {
        let corrected = format!("{}{}{}", &text[..self.start], self.instead, &text[self.end..]);
        parse(&corrected).ok()?;
        Some(Notice { position: text[..self.start].chars().count(), message: self.message, corrected })
    }
}

/// A word as it was written.
pub(super) struct WrittenWord<'t> {
    pub(super) text: &'t str,
    pub(super) start: usize,
    pub(super) end: usize,
    /// Where the `name:` before it begins, if the word is its value.
    pub(super) scope_start: Option<usize>,
}

impl WrittenWord<'_> {
    fn raw(&self) -> &str {
        &self.text[self.start..self.end]
    }

    fn next(&self) -> Option<char> {
        self.text[self.end..].chars().next()
    }

    fn here(&self, message: String, instead: String) -> Option<Doubt> {
        Some(Doubt { start: self.start, end: self.end, message, instead })
    }

    /// The doubt about this word, if any.
    pub(super) fn doubt(&self, target: &Target) -> Option<Doubt> {
        let regular_expression = self.regular_expression(target);
        if regular_expression.is_some() || self.raw().contains('\\') {
            return regular_expression;
        }
        let is_words = matches!(target, Target::Words(_));
        self.percent(target).or_else(|| self.single_quotes(is_words)).or_else(|| match target {
            Target::Words(_) => self.weight().or_else(|| self.wildcard()).or_else(|| self.comparison()),
            Target::Keyword(field) => {
                self.excluded_value().or_else(|| if field.facet { self.list() } else { None })
            }
            Target::Metadata(_) => self.excluded_value(),
            Target::Number(_) => None,
        })
    }

    /// `/refun[dt]/`
    fn regular_expression(&self, target: &Target) -> Option<Doubt> {
        let inner = regular_expression(self.raw())?;
        let instead = match written_out(inner) {
            Some(words) if words.len() == 1 => words.into_iter().next()?,
            Some(words) => format!("({})", words.join(" OR ")),
            None => match literal_beginning(inner) {
                Some(beginning) => format!("{beginning}*"),
                None if matches!(target, Target::Words(_)) => {
                    let separated = |c: char| if c.is_alphanumeric() { c } else { ' ' };
                    let words = inner.chars().map(separated).collect::<String>();
                    format!("\"{}\"", words.split_whitespace().collect::<Vec<_>>().join(" "))
                }
                None => return None,
            },
        };
        let read = if matches!(target, Target::Words(_)) { "read as words" } else { "compared as it stands" };
        let message = format!(
            "`{}` is {read}, because there are no regular expressions; write `{}`",
            shown(self.raw()),
            shown(&instead)
        );
        self.here(message, instead)
    }

    /// `refund^2`, or `^2` directly after a phrase or a parenthesis.
    fn weight(&self) -> Option<Doubt> {
        let at = self.raw().rfind('^')?;
        let (word, weight) = self.raw().split_at(at);
        let digits = weight.strip_prefix('^').filter(|digits| !digits.is_empty())?;
        if !digits.chars().all(|c| c.is_ascii_digit() || c == '.') {
            return None;
        }
        let before = self.text[..self.start].chars().next_back();
        let is_behind = before.is_some_and(|c| !c.is_whitespace() && c != '(');
        let what = if num_words(word) > 0 { format!(": `{}`", shown(word)) } else { String::new() };
        if num_words(word) == 0 && !is_behind {
            return None;
        }
        let message = format!(
            "words have no weights, so `{weight}` is searched for as another word; leave it out{what}"
        );
        let start = self.start + word.len();
        Some(Doubt { start, end: self.end, message, instead: String::new() })
    }

    /// `re?und`
    fn wildcard(&self) -> Option<Doubt> {
        let raw = self.raw();
        let parts: Vec<&str> = raw.split('?').collect();
        let is_letters = |part: &&str| !part.is_empty() && part.chars().all(char::is_alphabetic);
        if parts.len() < 2 || !parts.iter().all(is_letters) || num_words(&parts.concat()) != 1 {
            return None;
        }
        let num_letters = parts.len() - 1;
        let (instead, meant) = match num_letters {
            1 => (format!("{}~1", parts.concat()), "for words one letter away"),
            2 => (format!("{}~2", parts.concat()), "for words two letters away"),
            _ => (format!("{}*", parts[0]), "for words that begin alike"),
        };
        let message =
            format!("`?` separates words and stands for no letter; {meant} write `{}`", shown(&instead));
        self.here(message, instead)
    }

    /// `refun%`
    fn percent(&self, target: &Target) -> Option<Doubt> {
        let beginning = self.raw().strip_suffix('%').filter(|word| word.chars().all(char::is_alphabetic))?;
        if beginning.is_empty() || matches!(target, Target::Number(_)) {
            return None;
        }
        let instead = format!("{beginning}*");
        let message =
            format!("`%` stands for nothing; for words that begin alike write `{}`", shown(&instead));
        self.here(message, instead)
    }

    /// `country=Germany`, `csat<=2`
    fn comparison(&self) -> Option<Doubt> {
        let raw = self.raw();
        let at = raw.find(['=', '<', '>', '!'])?;
        let (name, rest) = raw.split_at(at);
        let operator = ["==", "!=", "<=", ">=", "=", "<", ">"].into_iter().find(|o| rest.starts_with(o))?;
        let value = &rest[operator.len()..];
        if value.is_empty() && !self.next().is_some_and(|c| is_quote(c) || c == '(') {
            return None;
        }
        let target = Target::find(name)?;
        let instead = match (operator, target) {
            ("=" | "==", _) => format!("{name}:{value}"),
            ("!=", _) => format!("-{name}:{value}"),
            (_, Target::Number(_) | Target::Metadata(_)) => format!("{name}:{operator}{value}"),
            _ => return None,
        };
        let message = format!(
            "`{}` is read as words; a colon makes `{name}` a field: `{}`",
            shown(raw),
            shown(&instead)
        );
        self.here(message, instead)
    }

    /// `'refund policy'`
    fn single_quotes(&self, is_words: bool) -> Option<Doubt> {
        let open = self.raw().chars().next().filter(|c| matches!(c, '\'' | '‘'))?;
        let close = if open == '‘' { '’' } else { '\'' };
        let content = &self.text[self.start + open.len_utf8()..];
        let is_close = |(at, c): &(usize, char)| {
            let (before, behind) =
                (content[..*at].chars().next_back(), content[at + c.len_utf8()..].chars().next());
            *c == close && before.is_some_and(|c| !c.is_whitespace()) && behind.is_none_or(ends_word)
        };
        let (at, _) = content.char_indices().find(is_close)?;
        let quoted = &content[..at];
        let wanted_words = if is_words { 2 } else { 1 };
        if quoted.contains(is_quote) || quoted.contains('\\') || num_words(quoted) < wanted_words {
            return None;
        }
        let end = self.start + open.len_utf8() + at + close.len_utf8();
        let instead = format!("\"{quoted}\"");
        let message = format!("single quotation marks quote nothing; write `{}`", shown(&instead));
        Some(Doubt { start: self.start, end, message, instead })
    }

    /// `country:-Germany`
    fn excluded_value(&self) -> Option<Doubt> {
        let start = self.scope_start?;
        let value = self.raw().strip_prefix(['-', '!'])?;
        if !value.starts_with(char::is_alphabetic) {
            return None;
        }
        let instead = format!("-{}{value}", &self.text[start..self.start]);
        let message = format!(
            "`{}` is compared as it stands; to exclude a value write `{}`",
            shown(self.raw()),
            shown(&instead)
        );
        Some(Doubt { start, end: self.end, message, instead })
    }

    /// `country:Germany,France`
    fn list(&self) -> Option<Doubt> {
        let is_plain = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_');
        let parts: Vec<&str> = self.raw().split(',').collect();
        if parts.len() < 2 || !parts.iter().all(|part| is_plain(part)) {
            return None;
        }
        let instead = format!("({})", parts.join(" OR "));
        let message = format!(
            "`{}` is one value with a comma; for any of several write `{}`",
            shown(self.raw()),
            shown(&instead)
        );
        self.here(message, instead)
    }
}

/// Lower-case `or`, `and` and `not` with something on either side.
pub(super) fn small_keyword(word: &str) -> Option<(&'static str, String)> {
    let keyword = ["AND", "OR", "NOT"].into_iter().find(|keyword| keyword.eq_ignore_ascii_case(word))?;
    let meant = match keyword {
        "OR" => "for either of two write `OR`",
        "AND" => "write `AND`, or leave it out: all words are required anyway",
        _ => "to exclude what follows write `NOT`",
    };
    (keyword != word).then(|| (keyword, format!("`{word}` is searched for as a word; {meant}")))
}

/// The text between the slashes of `/…/`, if it is a single word and not a path.
pub(super) fn regular_expression(word: &str) -> Option<&str> {
    let inner = word.strip_prefix('/')?.strip_suffix('/')?;
    let is_regular = !inner.is_empty() && !inner.contains('/');
    is_regular.then_some(inner)
}

/// Every word that a simple expression matches: letters, `[ab]`, `a?`, `(a|b)`.
fn written_out(expression: &str) -> Option<Vec<String>> {
    let mut done: Vec<String> = Vec::new();
    let mut open = vec![String::new()];
    let mut chars = expression.chars().peekable();
    while let Some(c) = chars.next() {
        let mut choices: Vec<String> = match c {
            '[' => std::iter::from_fn(|| chars.next_if(|c| c.is_alphanumeric())).map(String::from).collect(),
            '(' => {
                let inside: String =
                    std::iter::from_fn(|| chars.next_if(|c| c.is_alphanumeric() || *c == '|')).collect();
                inside.split('|').map(str::to_owned).collect()
            }
            '|' => {
                done.append(&mut open);
                open.push(String::new());
                continue;
            }
            c if c.is_alphanumeric() => vec![c.to_string()],
            _ => return None,
        };
        if matches!(c, '[' | '(') && chars.next() != Some(if c == '[' { ']' } else { ')' }) {
            return None;
        }
        if chars.next_if_eq(&'?').is_some() {
            choices.push(String::new());
        }
        open = open
            .iter()
            .flat_map(|word| choices.iter().map(move |choice| format!("{word}{choice}")))
            .collect();
        if open.len() + done.len() > ALTERNATIVES_MAX {
            return None;
        }
    }
    done.append(&mut open);
    let is_written_out = !done.is_empty() && done.iter().all(|word| num_words(word) > 0);
    is_written_out.then_some(done)
}

/// The letters that every match of an expression begins with, if there are enough to search for.
fn literal_beginning(expression: &str) -> Option<&str> {
    let expression = expression.strip_prefix('^').unwrap_or(expression);
    let end = expression.find(|c: char| !c.is_alphanumeric()).unwrap_or(expression.len());
    // `?`, `*` and `{` make the letter before them optional; after `|` anything may match.
    let is_optional = expression[end..].starts_with(['?', '*', '{']);
    let last = expression[..end].chars().next_back().map_or(0, char::len_utf8);
    let beginning = if is_optional { &expression[..end - last] } else { &expression[..end] };
    (!expression.contains('|') && beginning.chars().count() >= 2).then_some(beginning)
}

fn num_words(text: &str) -> usize {
    let mut words = Words::new(text);
    std::iter::from_fn(|| words.next_word()).count()
}
