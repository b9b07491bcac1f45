//! The characters of a query: where words end, what is escaped, what is quoted.

use super::error::{Located, shown};

/// A place in the text. Reading never goes back further than one word, so parsing is linear.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'t> {
    pub(super) text: &'t str,
    pub(super) at: usize,
}

/// A run of characters without blanks, quotation marks and parentheses, escapes resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// What it says.
    pub(super) text: String,
    /// Where it begins, in bytes of the query.
    pub(super) start: usize,
    /// What was attached to its end.
    pub(super) suffix: Suffix,
}

/// What may be attached to a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Suffix {
    None,
    /// `*`
    Star,
    /// `~` and the digits behind it, with the place of the `~`.
    Tilde {
        number: String,
        start: usize,
    },
}

/// Whether the character opens and closes phrases.
pub(super) fn is_quote(c: char) -> bool {
    matches!(c, '"' | '“' | '”' | '„')
}

/// Whether the character ends a word.
pub(super) fn ends_word(c: char) -> bool {
    c.is_whitespace() || is_quote(c) || matches!(c, '(' | ')')
}

impl<'t> Reader<'t> {
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
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    /// Whether the keyword stands here as a word of its own.
    pub(super) fn at_keyword(&self, keyword: &str) -> bool {
        self.rest().strip_prefix(keyword).is_some_and(|behind| behind.chars().next().is_none_or(ends_word))
    }

    /// The identifier before a colon that makes it a scope: `name:`, unless `//` follows. Moves behind the colon.
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
                c if is_metadata && !ends_word(c) => {
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

    /// The word that begins here. `ends` tells which characters end it besides those of [`ends_word`].
    ///
    /// # Errors
    /// `*` stands anywhere but at the end, or a backslash is the last character.
    pub(super) fn word(&mut self, ends: impl Fn(char) -> bool) -> Result<Word, Located> {
        let start = self.at;
        let mut text = String::new();
        let at_end = |reader: &Self| reader.peek().is_none_or(|c| ends_word(c) || ends(c));
        while let Some(c) = self.peek().filter(|c| !ends_word(*c) && !ends(*c)) {
            let here = self.at;
            self.bump();
            match c {
                '\\' => text.push(self.escaped(here)?),
                '*' if at_end(self) => return Ok(Word { text, start, suffix: Suffix::Star }),
                '*' => {
                    return Err(Located::syntax(
                        here,
                        "`*` stands for the rest of a word and belongs at its end",
                    )
                    .hint("write it like `refun*`; for the character itself write `\\*`"));
                }
                '~' if !text.is_empty() => {
                    let digits = self.rest().len()
                        - self.rest().trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').len();
                    let number = self.rest()[..digits].to_owned();
                    let behind = Reader { text: self.text, at: self.at + digits };
                    if at_end(&behind) {
                        *self = behind;
                        return Ok(Word { text, start, suffix: Suffix::Tilde { number, start: here } });
                    }
                    text.push(c);
                }
                c => text.push(c),
            }
        }
        Ok(Word { text, start, suffix: Suffix::None })
    }

    /// What stands between the quotation mark here and the next one.
    pub(super) fn quoted(&mut self) -> Result<String, Located> {
        let start = self.at;
        self.bump();
        let mut text = String::new();
        loop {
            let here = self.at;
            match self.bump() {
                None => {
                    return Err(Located::syntax(start, "the quotation mark is never closed")
                        .hint("close it, or write `\\\"` for the character itself"));
                }
                Some(c) if is_quote(c) => return Ok(text),
                Some('\\') => text.push(self.escaped(here)?),
                Some(c) => text.push(c),
            }
        }
    }

    /// The number behind the `~` of a phrase, `None` without a `~`.
    pub(super) fn eat_slop(&mut self) -> Result<Option<(usize, String)>, Located> {
        let start = self.at;
        let behind = match self.rest().strip_prefix('~') {
            Some(behind) => behind,
            None => return Ok(None),
        };
        let number = &behind[..behind.len() - behind.trim_start_matches(|c: char| c.is_ascii_digit()).len()];
        self.at += 1 + number.len();
        match self.peek() {
            Some(c) if !ends_word(c) && c != ']' && c != '}' => {
                Err(Located::syntax(start, format!("`~{}` is not a number of positions", shown(self.rest())))
                    .hint("write it like `\"near words\"~3`"))
            }
            _ => Ok(Some((start, number.to_owned()))),
        }
    }

    fn escaped(&mut self, backslash: usize) -> Result<char, Located> {
        self.bump().ok_or_else(|| {
            Located::syntax(backslash, "a backslash at the end takes nothing literally")
                .hint("write `\\\\` for the character itself")
        })
    }
}
