//! Characters of a query: where words end, what is escaped, what is quoted.

use super::doubts::regular_expression;
use super::error::{ErrorAtByte, shown};

/// A place in the text. It never backtracks by more than one word, so parsing is linear.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lexer<'t> {
    pub(super) text: &'t str,
    pub(super) at: usize,
}

/// A run of characters without blanks, quotation marks or parentheses, with escapes resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chunk {
    /// The text.
    pub(super) text: String,
    /// Where it begins, in bytes of the query.
    pub(super) start: usize,
    /// What is attached to its end.
    pub(super) suffix: Suffix,
}

/// What may be attached to a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Suffix {
    None,
    /// `*`
    Star,
    /// `~` and the digits after it, with the position of the `~`.
    Tilde {
        number: String,
        start: usize,
    },
}

/// Whether the character opens or closes a phrase.
pub(super) fn is_quote(c: char) -> bool {
    matches!(c, '"' | '“' | '”' | '„')
}

/// Whether the character is skipped before a word: a space, or an invisible one, as pasted text may contain.
pub(super) fn is_blank(c: char) -> bool {
    let is_invisible = matches!(c, '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}');
    c.is_whitespace() || is_invisible
}

/// Whether the character ends a word.
pub(super) fn ends_word(c: char) -> bool {
    c.is_whitespace() || is_quote(c) || matches!(c, '(' | ')')
}

/// What joins or negates parts of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    And,
    Or,
    Not,
}

/// Operators that need no blanks around them.
pub(super) const SIGNS: [(&str, Operator); 2] = [("&&", Operator::And), ("||", Operator::Or)];

impl<'t> Lexer<'t> {
    pub(super) fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn peek_second(&self) -> Option<char> {
        self.rest().chars().nth(1)
    }

    pub(super) fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    pub(super) fn eat(&mut self, wanted: char) -> bool {
        let eaten = self.peek() == Some(wanted);
        if eaten {
            self.at += wanted.len_utf8();
        }
        eaten
    }

    pub(super) fn skip_blanks(&mut self) {
        self.at = self.text.len() - self.rest().trim_start_matches(is_blank).len();
    }

    /// Whether `&&` or `||` stands here: they also end words.
    pub(super) fn at_sign(&self) -> bool {
        SIGNS.iter().any(|(sign, _)| self.rest().starts_with(sign))
    }

    /// The operator that stands here, with its text.
    pub(super) fn operator(&self) -> Option<(Operator, &'static str)> {
        let keywords = [("AND", Operator::And), ("OR", Operator::Or), ("NOT", Operator::Not)];
        let keyword = keywords.into_iter().find(|(keyword, _)| self.at_keyword(keyword));
        let found = keyword.or_else(|| SIGNS.into_iter().find(|(sign, _)| self.rest().starts_with(sign)));
        found.map(|(text, operator)| (operator, text))
    }

    /// Whether the keyword stands here as a separate word.
    pub(super) fn at_keyword(&self, keyword: &str) -> bool {
        self.rest().strip_prefix(keyword).is_some_and(|behind| Lexer { text: behind, at: 0 }.at_word_end())
    }

    /// Whether a word ends here.
    fn at_word_end(&self) -> bool {
        self.peek().is_none_or(ends_word) && !self.at_gershayim() || self.at_sign()
    }

    /// Whether the quotation mark here is the sign inside a Hebrew abbreviation; keyboards have no other key for it.
    fn at_gershayim(&self) -> bool {
        let is_hebrew = |c: Option<char>| c.is_some_and(|c| matches!(c, 'א'..='ת'));
        self.peek().is_some_and(is_quote)
            && is_hebrew(self.peek_second())
            && is_hebrew(self.text[..self.at].chars().next_back())
    }

    /// The identifier before a colon that makes it a scope: `name:`, unless `//` follows. Moves past the colon.
    ///
    /// `metadata.` takes any key, escapes included; every other name is ASCII letters, digits, `_` and `.`.
    pub(super) fn eat_scope_name(&mut self) -> Option<String> {
        let mut ahead = *self;
        let mut name = String::new();
        let is_metadata = self.rest().starts_with(hearken_model::field::METADATA_PREFIX);
        loop {
            match ahead.peek()? {
                ':' => break,
                '\\' if is_metadata => {
                    ahead.bump();
                    name.push(ahead.bump()?);
                }
                c if is_metadata && !ends_word(c) && !ahead.at_sign() => {
                    ahead.bump();
                    name.push(c);
                }
                c if c == '_' || c.is_ascii_alphabetic() => {
                    ahead.bump();
                    name.push(c);
                }
                c if !name.is_empty() && (c == '.' || c.is_ascii_digit()) => {
                    ahead.bump();
                    name.push(c);
                }
                _ => return None,
            }
        }
        ahead.bump();
        if name.is_empty() || ahead.rest().starts_with("//") {
            return None;
        }
        *self = ahead;
        Some(name)
    }

    /// The word that begins here. `ends` lists characters that end it besides those of [`ends_word`].
    ///
    /// # Errors
    /// `*` is not at the end of the word, or a backslash is the last character.
    pub(super) fn word(&mut self, ends: impl Fn(char) -> bool) -> Result<Chunk, ErrorAtByte> {
        let start = self.at;
        let mut text = String::new();
        let at_end = |lexer: &Self| lexer.at_word_end() || lexer.peek().is_some_and(&ends);
        if let Some(end) = self.regular_expression_end() {
            text.push_str(&self.text[start..end]);
            self.at = end;
            return Ok(Chunk { text, start, suffix: Suffix::None });
        }
        while let Some(c) = self.peek().filter(|_| !at_end(self)) {
            let here = self.at;
            self.bump();
            match c {
                '\\' => text.push(self.escaped(here)?),
                '*' if at_end(self) => return Ok(Chunk { text, start, suffix: Suffix::Star }),
                '*' => {
                    let end = here + self.text[here..].find(ends_word).unwrap_or(self.text.len() - here);
                    let after = if text.is_empty() { &self.text[here + 1..end] } else { "*" };
                    return Err(ErrorAtByte::syntax(
                        here,
                        "`*` stands for the rest of a word and belongs at its end",
                    )
                    .instead(here..end, after)
                    .hint("write it like `refun*`; for the character itself write `\\*`"));
                }
                '~' if !text.is_empty() => {
                    let digits = self.rest().len()
                        - self.rest().trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').len();
                    let number = self.rest()[..digits].to_owned();
                    let behind = Lexer { text: self.text, at: self.at + digits };
                    if at_end(&behind) {
                        *self = behind;
                        return Ok(Chunk { text, start, suffix: Suffix::Tilde { number, start: here } });
                    }
                    text.push(c);
                }
                c => text.push(c),
            }
        }
        Ok(Chunk { text, start, suffix: Suffix::None })
    }

    /// The end of the `/…/` that begins here; everything inside it is text.
    fn regular_expression_end(&self) -> Option<usize> {
        let rest = self.rest().strip_prefix('/')?;
        let len = rest.find(|c: char| c.is_whitespace() || is_quote(c) || c == '/')?;
        let end = self.at + 1 + len + 1;
        let is_one = self.text.get(self.at..end).and_then(regular_expression).is_some();
        (is_one && Lexer { text: self.text, at: end }.at_word_end()).then_some(end)
    }

    /// The text between the quotation mark here and the next one.
    pub(super) fn quoted(&mut self) -> Result<String, ErrorAtByte> {
        let start = self.at;
        self.bump();
        let mut text = String::new();
        loop {
            let here = self.at;
            let is_inside_word = self.at_gershayim();
            match self.bump() {
                None => {
                    return Err(ErrorAtByte::syntax(start, "the quotation mark is never closed")
                        .instead(here..here, "\"")
                        .hint("close it, or write `\\\"` for the character itself"));
                }
                Some(c) if is_quote(c) && !is_inside_word => return Ok(text),
                Some('\\') => text.push(self.escaped(here)?),
                Some(c) => text.push(c),
            }
        }
    }

    /// The number after a phrase's `~`; `None` without a `~`.
    pub(super) fn eat_slop(&mut self) -> Result<Option<(usize, String)>, ErrorAtByte> {
        let start = self.at;
        let behind = match self.rest().strip_prefix('~') {
            Some(behind) => behind,
            None => return Ok(None),
        };
        let number = &behind[..behind.len() - behind.trim_start_matches(|c: char| c.is_ascii_digit()).len()];
        self.at += 1 + number.len();
        match self.peek() {
            Some(c) if !self.at_word_end() && c != ']' && c != '}' => Err(ErrorAtByte::syntax(
                start,
                format!("`~{}` is not a number of positions", shown(self.rest())),
            )
            .hint("write it like `\"near words\"~3`")),
            _ => Ok(Some((start, number.to_owned()))),
        }
    }

    fn escaped(&mut self, backslash: usize) -> Result<char, ErrorAtByte> {
        self.bump().ok_or_else(|| {
            ErrorAtByte::syntax(backslash, "a backslash at the end has nothing to escape")
                .instead(backslash..backslash + 1, "")
                .hint("write `\\\\` for the character itself")
        })
    }
}
