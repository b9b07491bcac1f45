//! Recursive descent over the grammar in [`super`].

use std::ops::Range as Span;

use hearken_index::query::{Query, Range, Scope, TextForm, ValueMatch};
use hearken_index::text::{MESSAGE_GAP, SLOP_MAX, Words};
use hearken_model::field::Field;

use super::bounds::{self, RangeEnd};
use super::doubts::{Doubt, NOTICES_MAX, Notice, WrittenWord, small_keyword};
use super::error::{ErrorAtByte, ParseError, ParseErrorKind, shown};
use super::lexer::{Chunk, Lexer, Operator, Suffix, ends_word, is_blank, is_quote};
use super::target::{self, Target};
use super::{DEPTH_MAX, EDITS_MAX, LEAVES_MAX, QUERY_BYTES_MAX};

/// Parses a query; an empty one is [`Query::All`].
///
/// # Errors
/// The text is not a valid query, or exceeds one of the bounds in [`super`].
pub fn parse(text: &str) -> Result<Query, ParseError> {
    Parser::new(text).and_then(|mut parser| parser.query()).map_err(|error| error.in_text(text))
}

/// The parts of a query that probably mean something else, at most [`NOTICES_MAX`]; none if it cannot be parsed.
pub fn notices(text: &str) -> Vec<Notice> {
    let Ok(mut parser) = Parser::new(text) else { return Vec::new() };
    if parser.query().is_err() {
        return Vec::new();
    }
    let notices = parser.doubts.into_iter().take(NOTICES_MAX);
    notices.filter_map(|doubt| doubt.notice(text)).collect()
}

/// Parses one value or range of a field of numbers or times, as written after `name:`. A single value becomes the range
/// of just that value.
///
/// # Errors
/// The text is anything else.
pub fn parse_range(field: &'static Field, text: &str) -> Result<Range, ParseError> {
    let range = Parser::new(text).and_then(|mut parser| parser.only_range(field));
    range.map_err(|error| error.in_text(text))
}

/// A part of a query; `None` if it has nothing to search for, like a lone dash.
type Part = Option<Query>;

struct Parser<'t> {
    lexer: Lexer<'t>,
    depth: usize,
    num_leaves: usize,
    /// Where the innermost `name:` begins.
    scope_start: Option<usize>,
    doubts: Vec<Doubt>,
}

impl<'t> Parser<'t> {
    fn new(text: &'t str) -> Result<Self, ErrorAtByte> {
        if text.len() > QUERY_BYTES_MAX {
            let message =
                format!("the query has {} bytes, at most {QUERY_BYTES_MAX} are allowed", text.len());
            return Err(ErrorAtByte::new(ParseErrorKind::TooLarge, 0, message).hint("search for fewer words"));
        }
        let lexer = Lexer { text, at: 0 };
        Ok(Parser { lexer, depth: 0, num_leaves: 0, scope_start: None, doubts: Vec::new() })
    }

    fn only_range(&mut self, field: &'static Field) -> Result<Range, ErrorAtByte> {
        self.lexer.skip_blanks();
        let part = self.scoped(&Target::Number(field))?;
        self.lexer.skip_blanks();
        match part {
            Some(Query::Range { range, .. }) if self.lexer.peek().is_none() => Ok(range),
            Some(Query::Exists { .. }) if self.lexer.peek().is_none() => Ok(bounds::everything(field.kind)),
            _ => Err(ErrorAtByte::value(
                self.lexer.at,
                format!("`{}` is filtered by one value or range", field.name),
            )
            .hint("for several, give the filter several times")),
        }
    }

    fn query(&mut self) -> Result<Query, ErrorAtByte> {
        self.lexer.skip_blanks();
        if self.lexer.peek().is_none() {
            return Ok(Query::All);
        }
        let query = self.or(&Target::Words(Scope::Default))?;
        if self.lexer.peek() == Some(')') {
            return Err(ErrorAtByte::syntax(self.lexer.at, "this parenthesis closes nothing")
                .instead(self.lexer.at..self.lexer.at + 1, "")
                .hint("remove it, or write `\\)` for the character itself"));
        }
        query.ok_or_else(|| {
            ErrorAtByte::syntax(0, "there is nothing to search for").instead(0..self.lexer.text.len(), "*").hint(
                "words are made of letters and digits; leave the query empty, or write `*`, for everything",
            )
        })
    }

    fn or(&mut self, target: &Target) -> Result<Part, ErrorAtByte> {
        let mut alternatives = Vec::new();
        loop {
            alternatives.extend(self.and(target)?);
            self.lexer.skip_blanks();
            match self.lexer.operator() {
                Some((Operator::Or, text)) => self.lexer.at += text.len(),
                _ => return Ok(any_of(alternatives)),
            }
        }
    }

    fn and(&mut self, target: &Target) -> Result<Part, ErrorAtByte> {
        let mut parts = Vec::new();
        let mut wants_more = true;
        let mut last = None;
        loop {
            self.lexer.skip_blanks();
            let at = self.lexer.at;
            let at_end = matches!(self.lexer.peek(), None | Some(')'));
            let operator = self.lexer.operator().filter(|(operator, _)| *operator != Operator::Not);
            match (wants_more, operator) {
                (true, Some((_, text))) => {
                    let message = match last {
                        Some(last) => format!("there is nothing between `{last}` and `{text}`"),
                        None => format!("`{text}` has nothing before it"),
                    };
                    let (part, meant) = self.without(at..at + text.len());
                    return Err(ErrorAtByte::syntax(at, message).instead(part, meant).hint(both_sides(text)));
                }
                (true, None) if at_end => {
                    let message = match last {
                        Some(last) => format!("something after `{last}` is missing here"),
                        None => "something to search for is missing here".to_owned(),
                    };
                    let (part, meant) = self.without_operator_before(at);
                    return Err(ErrorAtByte::syntax(at, message).instead(part, meant));
                }
                (false, Some((Operator::And, text))) => {
                    self.lexer.at += text.len();
                    (wants_more, last) = (true, Some(text));
                }
                (false, _) if at_end || operator.is_some() => return Ok(all_of(parts)),
                _ => {
                    self.doubt_small_keyword(!parts.is_empty());
                    parts.extend(self.not(target)?);
                    wants_more = false;
                }
            }
        }
    }

    /// What the text is without this part of it; a keyword that is all there is was meant as a word.
    fn without(&self, part: Span<usize>) -> (Span<usize>, String) {
        let text = self.lexer.text;
        let is_word = |text: &str| text.contains(char::is_alphanumeric);
        let meant = match &text[part.clone()] {
            _ if is_word(&text[..part.start]) || is_word(&text[part.end..]) => String::new(),
            word if is_word(word) => format!("\"{word}\""),
            _ => return (0..text.len(), "*".to_owned()),
        };
        (part, meant)
    }

    /// The same for the operator that ends before this byte.
    fn without_operator_before(&self, at: usize) -> (Span<usize>, String) {
        let before = self.lexer.text[..at].trim_end_matches(is_blank);
        let len = ["AND", "OR", "NOT", "&&", "||", "-", "!"]
            .into_iter()
            .find(|operator| before.ends_with(operator))
            .map_or(0, str::len);
        self.without(before.len() - len..before.len())
    }

    /// A lower-case `or` between two words is searched for as a word, which few conversations contain.
    fn doubt_small_keyword(&mut self, is_behind_something: bool) {
        let start = self.lexer.at;
        let rest = self.lexer.rest();
        let word = &rest[..rest.find(ends_word).unwrap_or(rest.len())];
        let Some((keyword, message)) = small_keyword(word) else { return };
        let end = start + word.len();
        let mut behind = Lexer { text: self.lexer.text, at: end };
        behind.skip_blanks();
        let is_before_something = !matches!(behind.peek(), None | Some(')'))
            && behind.operator().is_none_or(|(operator, _)| operator == Operator::Not);
        if is_before_something && (is_behind_something || keyword == "NOT") {
            self.doubts.push(Doubt { start, end, message, instead: keyword.to_owned() });
        }
    }

    /// Whether this sign stands here at the beginning of a word. Several signs, or one alone, are punctuation.
    fn eat_prefix(&mut self, sign: char) -> bool {
        let before_something =
            self.lexer.peek_second().is_some_and(|c| !c.is_whitespace() && c != sign && c != ')');
        before_something && self.lexer.eat(sign)
    }

    fn not(&mut self, target: &Target) -> Result<Part, ErrorAtByte> {
        if self.eat_prefix('+') {
            return self.not(target);
        }
        let negated = match self.lexer.operator() {
            Some((Operator::Not, text)) => {
                self.lexer.at += text.len();
                true
            }
            _ => self.eat_prefix('-') || self.eat_prefix('!'),
        };
        if !negated {
            return self.item(target);
        }
        self.lexer.skip_blanks();
        let at = self.lexer.at;
        if matches!(self.lexer.peek(), None | Some(')'))
            || self.lexer.operator().is_some_and(|(operator, _)| operator != Operator::Not)
        {
            let (part, meant) = self.without_operator_before(at);
            return Err(ErrorAtByte::syntax(at, "`NOT` is followed by nothing to exclude")
                .instead(part, meant)
                .hint("write `\\NOT` for the word itself"));
        }
        self.enter(at)?;
        let inner = self.not(target)?;
        self.depth -= 1;
        Ok(inner.map(|inner| Query::Not(Box::new(inner))))
    }

    fn item(&mut self, target: &Target) -> Result<Part, ErrorAtByte> {
        let start = self.lexer.at;
        match self.lexer.peek() {
            Some('(') => self.group(target),
            Some(c) if is_quote(c) => self.phrase(target),
            _ => match self.lexer.eat_scope_name() {
                Some(name) => {
                    let target = Target::find(&name).ok_or_else(|| {
                        let rest = self.lexer.rest();
                        let value = &rest[..rest.find(ends_word).unwrap_or(rest.len())];
                        target::unknown(&name, value, start)
                    })?;
                    let outer = self.scope_start.replace(start);
                    let part = self.scoped(&target);
                    self.scope_start = outer;
                    part
                }
                None if matches!(target, Target::Words(_)) => self.words(target),
                None => self.value(target),
            },
        }
    }

    /// What follows `name:`.
    fn scoped(&mut self, target: &Target) -> Result<Part, ErrorAtByte> {
        self.lexer.skip_blanks();
        match self.lexer.peek() {
            c if matches!(c, None | Some(')')) || self.lexer.at_sign() => {
                let name = target.name();
                let error = ErrorAtByte::syntax(self.lexer.at, format!("`{name}:` has no value"));
                // Everything said has words, so that only these scopes and fields may be without any.
                let (meant, hint) = match target {
                    Target::Words(Scope::Transcript | Scope::Role(_) | Scope::Summary) => (
                        format!("\"{name}\""),
                        format!("write what to search for after it, like `{name}:refund`"),
                    ),
                    _ => (format!("{name}:*"), format!("`{name}:*` finds interactions that have any")),
                };
                let start = self.scope_start.unwrap_or(self.lexer.at);
                Err(error.instead(start..self.lexer.at, meant).hint(hint))
            }
            Some('(') => self.group(target),
            Some(c) if is_quote(c) => self.phrase(target),
            _ if matches!(target, Target::Words(_)) => self.words(target),
            _ => self.value(target),
        }
    }

    fn group(&mut self, target: &Target) -> Result<Part, ErrorAtByte> {
        let start = self.lexer.at;
        self.lexer.bump();
        self.enter(start)?;
        let outer = self.scope_start.take();
        self.lexer.skip_blanks();
        if self.lexer.peek() == Some(')') {
            let (part, meant) = self.without(start..self.lexer.at + 1);
            return Err(ErrorAtByte::syntax(start, "there is nothing between the parentheses")
                .instead(part, meant)
                .hint("remove them, or write `\\(` for the character itself"));
        }
        if self.lexer.peek().is_none() {
            return Err(unclosed(start, self.lexer.at));
        }
        let inner = self.or(target)?;
        self.depth -= 1;
        self.scope_start = outer;
        if self.lexer.eat(')') { Ok(inner) } else { Err(unclosed(start, self.lexer.at)) }
    }

    /// `"…"` and what may follow it.
    fn phrase(&mut self, target: &Target) -> Result<Part, ErrorAtByte> {
        let start = self.lexer.at;
        let text = self.lexer.quoted()?;
        let slop = self.lexer.eat_slop()?;
        match target {
            Target::Words(scope) => {
                let num_words = num_words(&text);
                let slop = slop.map_or(Ok(0), |(at, number)| checked_slop(&number, num_words, at))?;
                if num_words == 0 {
                    return self.wordless(*scope, start);
                }
                self.leaf(Query::Text { scope: *scope, text, form: TextForm::Phrase { slop } }, start)
            }
            _ if let Some((at, _)) = slop => Err(ErrorAtByte::syntax(
                start,
                format!("`{}` is matched as a whole, not by near words", target.name()),
            )
            .instead(at..self.lexer.at, "")
            .hint("remove the `~`")),
            Target::Number(_) => {
                let query = bounds::exactly(target, &text, start).map_err(|error| self.any(error, start))?;
                self.leaf(query, start)
            }
            Target::Keyword(_) | Target::Metadata(_) => self.leaf(is(target, text), start),
        }
    }

    /// A word of a text scope.
    fn words(&mut self, target: &Target) -> Result<Part, ErrorAtByte> {
        let Target::Words(scope) = *target else { return self.value(target) };
        let Chunk { text, start, suffix } = self.lexer.word(|_| false)?;
        self.doubt(target, start, &suffix);
        let num_words = num_words(&text);
        let form = match suffix {
            Suffix::Star if text.is_empty() => return self.everything(scope, start),
            Suffix::Star if num_words == 0 => {
                return Err(ErrorAtByte::syntax(start, "`*` needs the beginning of a word before it")
                    .hint("write it like `refun*`"));
            }
            Suffix::Star => TextForm::Prefix,
            Suffix::Tilde { number, start: at } => {
                TextForm::Fuzzy { distance: checked_distance(&number, at)? }
            }
            Suffix::None => TextForm::Word,
        };
        if num_words == 0 {
            return self.wordless(scope, start);
        }
        self.leaf(Query::Text { scope, text, form }, start)
    }

    /// `*` alone.
    fn everything(&mut self, scope: Scope, start: usize) -> Result<Part, ErrorAtByte> {
        let exists = |field: &str| Query::Exists { field: field.to_owned() };
        let query = match scope {
            Scope::Default => Query::All,
            Scope::Topic => exists("topic"),
            Scope::Keywords => exists("keywords"),
            Scope::Transcript | Scope::Role(_) | Scope::Summary => {
                return Err(ErrorAtByte::syntax(
                    start,
                    "`*` alone works for fields that are matched as a whole",
                )
                .hint("give the beginning of a word, like `refun*`"));
            }
        };
        self.leaf(query, start)
    }

    /// A part without a single word. Punctuation is left out, unless a scope was given for it.
    fn wordless(&self, scope: Scope, start: usize) -> Result<Part, ErrorAtByte> {
        if scope == Scope::Default {
            return Ok(None);
        }
        Err(ErrorAtByte::syntax(start, "there is no word to search for here")
            .hint("words are made of letters and digits"))
    }

    /// A value that its field cannot hold: that there is any is the nearest thing that can be searched for.
    fn any(&self, error: ErrorAtByte, start: usize) -> ErrorAtByte {
        match error.kind {
            ParseErrorKind::Value if error.instead.is_none() => error.instead(start..self.lexer.at, "*"),
            _ => error,
        }
    }

    /// A value of a field that is matched as a whole or compared.
    fn value(&mut self, target: &Target) -> Result<Part, ErrorAtByte> {
        let start = self.lexer.at;
        self.read_value(target).map_err(|error| self.any(error, start))
    }

    fn read_value(&mut self, target: &Target) -> Result<Part, ErrorAtByte> {
        let start = self.lexer.at;
        if matches!(self.lexer.peek(), Some('[' | '{')) {
            let query = self.range(target)?;
            return self.leaf(query, start);
        }
        if let Some(operator) =
            ["<=", ">=", "<", ">", "="].into_iter().find(|o| self.lexer.rest().starts_with(o))
        {
            self.lexer.at += operator.len();
            let query = self.comparison(target, operator, start)?;
            return self.leaf(query, start);
        }
        let Chunk { text, suffix, .. } = self.lexer.word(|_| false)?;
        self.doubt(target, start, &suffix);
        let query = match (suffix, target) {
            (Suffix::Star, _) if text.is_empty() => Query::Exists { field: target.name().to_owned() },
            (Suffix::Star, Target::Number(field)) => {
                return Err(ErrorAtByte::value(
                    start,
                    format!("`{}` has no beginnings to match", field.name),
                )
                .hint("use a range, like `>=2` or `[1 TO 3]`"));
            }
            (Suffix::Star, _) => {
                Query::Value { field: target.name().to_owned(), value: ValueMatch::StartsWith(text) }
            }
            (Suffix::Tilde { start: at, .. }, _) => {
                return Err(ErrorAtByte::syntax(
                    at,
                    format!("`{}` is matched exactly, `~` does not work", target.name()),
                )
                .instead(at..self.lexer.at, "")
                .hint("put the value in quotation marks if the `~` belongs to it"));
            }
            (Suffix::None, Target::Number(_)) => bounds::exactly(target, &text, start)?,
            (Suffix::None, _) => is(target, text),
        };
        self.leaf(query, start)
    }

    fn comparison(&mut self, target: &Target, operator: &str, start: usize) -> Result<Query, ErrorAtByte> {
        self.lexer.skip_blanks();
        let (text, byte) = self.bound(|_| false)?;
        if text.is_empty() {
            return Err(ErrorAtByte::syntax(byte, format!("there is no value after `{operator}`")));
        }
        let at = |inclusive| RangeEnd::At { text: text.clone(), byte, inclusive };
        match operator {
            "=" if !matches!(target, Target::Number(_)) => Ok(is(target, text)),
            "=" => bounds::exactly(target, &text, byte),
            "<" => bounds::range(target, RangeEnd::Open, at(false), start),
            "<=" => bounds::range(target, RangeEnd::Open, at(true), start),
            ">" => bounds::range(target, at(false), RangeEnd::Open, start),
            _ => bounds::range(target, at(true), RangeEnd::Open, start),
        }
    }

    fn range(&mut self, target: &Target) -> Result<Query, ErrorAtByte> {
        let start = self.lexer.at;
        let malformed = |at: usize, message: &str| {
            ErrorAtByte::syntax(at, message).hint("write it like `[60 TO 300]`, `{60 TO 300}` or `[60 TO *]`")
        };
        let from_inclusive = self.lexer.bump() == Some('[');
        self.lexer.skip_blanks();
        let (from, from_byte) = self.range_end()?;
        let written_from = &self.lexer.text[from_byte..self.lexer.at];
        self.lexer.skip_blanks();
        if !self.lexer.at_keyword("TO") {
            return Err(malformed(self.lexer.at, "`TO` is missing between the two ends of the range"));
        }
        self.lexer.at += "TO".len();
        self.lexer.skip_blanks();
        let (to, to_byte) = self.range_end()?;
        let ends = from_byte..self.lexer.at;
        let swapped = format!("{} TO {written_from}", &self.lexer.text[to_byte..ends.end]);
        self.lexer.skip_blanks();
        let to_inclusive = match self.lexer.bump() {
            Some(']') => true,
            Some('}') => false,
            _ => {
                let end = self.lexer.at;
                return Err(malformed(start, "the range is never closed").instead(end..end, "]"));
            }
        };
        if from.is_empty() || to.is_empty() {
            let byte = if from.is_empty() { from_byte } else { to_byte };
            return Err(malformed(byte, "an end of the range is missing"));
        }
        let bound = |text: String, byte: usize, inclusive: bool| match text.as_str() {
            "*" => RangeEnd::Open,
            _ => RangeEnd::At { text, byte, inclusive },
        };
        let (from, to) = (bound(from, from_byte, from_inclusive), bound(to, to_byte, to_inclusive));
        bounds::range(target, from, to, start).map_err(|error| match target {
            // Each end is a value, so it is their order that is wrong.
            Target::Number(_) | Target::Metadata(_) if error.byte == start => error.instead(ends, swapped),
            _ => error,
        })
    }

    fn range_end(&mut self) -> Result<(String, usize), ErrorAtByte> {
        if self.lexer.peek() == Some('*') {
            self.lexer.bump();
            return Ok(("*".to_owned(), self.lexer.at - 1));
        }
        self.bound(|c| matches!(c, ']' | '}'))
    }

    /// The text of a bound, quoted or not, and where it begins.
    fn bound(&mut self, ends: impl Fn(char) -> bool) -> Result<(String, usize), ErrorAtByte> {
        let byte = self.lexer.at;
        if self.lexer.peek().is_some_and(is_quote) {
            return Ok((self.lexer.quoted()?, byte));
        }
        let word = self.lexer.word(ends)?;
        match word.suffix {
            Suffix::None => Ok((word.text, byte)),
            _ => Err(ErrorAtByte::syntax(byte, "an end of a range is one value, without `*` and `~`")),
        }
    }

    /// Records what is doubtful about the word just read.
    fn doubt(&mut self, target: &Target, start: usize, suffix: &Suffix) {
        if *suffix == Suffix::None && self.doubts.len() < NOTICES_MAX {
            let (text, end) = (self.lexer.text, self.lexer.at);
            let written = WrittenWord { text, start, end, scope_start: self.scope_start };
            self.doubts.extend(written.doubt(target));
        }
    }

    fn leaf(&mut self, query: Query, byte: usize) -> Result<Part, ErrorAtByte> {
        self.num_leaves += 1;
        if self.num_leaves > LEAVES_MAX {
            let message = format!("the query has more than {LEAVES_MAX} words and values");
            return Err(
                ErrorAtByte::new(ParseErrorKind::TooLarge, byte, message).hint("search for fewer words")
            );
        }
        Ok(Some(query))
    }

    fn enter(&mut self, byte: usize) -> Result<(), ErrorAtByte> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            let message = format!("parentheses and `NOT` are nested more than {DEPTH_MAX} deep");
            return Err(ErrorAtByte::new(ParseErrorKind::TooLarge, byte, message));
        }
        Ok(())
    }
}

fn both_sides(operator: &str) -> String {
    if operator.starts_with(char::is_alphabetic) {
        format!("put something on both sides of it, or write `\\{operator}` for the word")
    } else {
        "put something on both sides of it, or leave it out".to_owned()
    }
}

fn unclosed(start: usize, end: usize) -> ErrorAtByte {
    ErrorAtByte::syntax(start, "the parenthesis is never closed")
        .instead(end..end, ")")
        .hint("close it, or write `\\(` for the character itself")
}

fn is(target: &Target, text: String) -> Query {
    Query::Value { field: target.name().to_owned(), value: ValueMatch::Is(text) }
}

/// Flattens nested lists of the same kind, so that printed text parses to the same tree.
fn all_of(parts: Vec<Query>) -> Part {
    let flat = parts.into_iter().flat_map(|part| match part {
        Query::And(inner) => inner,
        part => vec![part],
    });
    one_or(flat.collect(), Query::And)
}

fn any_of(parts: Vec<Query>) -> Part {
    let flat = parts.into_iter().flat_map(|part| match part {
        Query::Or(inner) => inner,
        part => vec![part],
    });
    one_or(flat.collect(), Query::Or)
}

fn one_or(mut parts: Vec<Query>, join: fn(Vec<Query>) -> Query) -> Part {
    if parts.len() < 2 { parts.pop() } else { Some(join(parts)) }
}

fn num_words(text: &str) -> usize {
    let mut words = Words::new(text);
    std::iter::from_fn(|| words.next_word()).count()
}

fn checked_slop(number: &str, num_words: usize, at: usize) -> Result<u32, ErrorAtByte> {
    let slop_max = (MESSAGE_GAP as usize).saturating_sub(num_words).min(SLOP_MAX as usize);
    let too_far = |message: String| {
        ErrorAtByte::syntax(at, message)
            .instead(
                at..at + 1 + number.len(),
                format!("~{}", if number.is_empty() { slop_max.min(3) } else { slop_max }),
            )
            .hint("write it like `\"near words\"~3`")
    };
    if number.is_empty() {
        return Err(too_far("`~` after a phrase needs a number of positions".to_owned()));
    }
    match number.parse::<u32>() {
        Ok(slop) if slop == 0 || slop as usize <= slop_max => Ok(slop),
        _ => Err(too_far(format!(
            "`~{}` is too far: the words of this phrase may be at most {slop_max} positions out of place",
            shown(number)
        ))),
    }
}

fn checked_distance(number: &str, at: usize) -> Result<u8, ErrorAtByte> {
    match number {
        "" | "2" => Ok(EDITS_MAX),
        "1" => Ok(1),
        _ => Err(ErrorAtByte::syntax(at, format!("`~{}` is not an allowed number of edits", shown(number)))
            .instead(at..at + 1 + number.len(), format!("~{EDITS_MAX}"))
            .hint(format!("at most {EDITS_MAX} edits are allowed: write `~1` or `~2`"))),
    }
}
