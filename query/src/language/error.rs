//! Why a query could not be parsed, where, and what to do about it.

use std::ops::Range;

/// A query that could not be parsed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParseError {
    /// The kind of mistake.
    pub kind: ParseErrorKind,
    /// Position in characters (Unicode code points), counted from 0.
    pub position: usize,
    /// What is wrong: a sentence without its full stop.
    pub message: String,
    /// How to fix it.
    pub hint: Option<String>,
    /// The whole query without this mistake, if the intent is clear.
    pub corrected: Option<String>,
}

/// The kinds of mistakes, each with a stable code in answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParseErrorKind {
    /// The text is not a valid query.
    Syntax,
    /// `name:` does not name a field.
    UnknownField,
    /// A value that its field cannot hold.
    Value,
    /// Longer, deeper or with more parts than is allowed.
    TooLarge,
}

impl ParseErrorKind {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            ParseErrorKind::Syntax => "invalid_query",
            ParseErrorKind::UnknownField => "unknown_field",
            ParseErrorKind::Value => "invalid_query_value",
            ParseErrorKind::TooLarge => "query_too_large",
        }
    }
}

/// An error at a byte of the text; [`ErrorAtByte::in_text`] converts to characters only once, when the error is final.
#[derive(Debug)]
pub(super) struct ErrorAtByte {
    pub(super) kind: ParseErrorKind,
    pub(super) byte: usize,
    pub(super) message: String,
    pub(super) hint: Option<String>,
    /// A range of bytes, and its replacement.
    pub(super) instead: Option<(Range<usize>, String)>,
}

impl ErrorAtByte {
    pub(super) fn new(kind: ParseErrorKind, byte: usize, message: impl Into<String>) -> Self {
        ErrorAtByte { kind, byte, message: message.into(), hint: None, instead: None }
    }

    pub(super) fn syntax(byte: usize, message: impl Into<String>) -> Self {
        Self::new(ParseErrorKind::Syntax, byte, message)
    }

    pub(super) fn value(byte: usize, message: impl Into<String>) -> Self {
        Self::new(ParseErrorKind::Value, byte, message)
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Sets what that part of the text was meant to be.
    pub(super) fn instead(mut self, part: Range<usize>, meant: impl Into<String>) -> Self {
        self.instead = Some((part, meant.into()));
        self
    }

    pub(super) fn in_text(self, text: &str) -> ParseError {
        let position = text.char_indices().take_while(|(byte, _)| *byte < self.byte).count();
        let corrected = self.instead.and_then(|(part, meant)| {
            let corrected = format!("{}{meant}{}", text.get(..part.start)?, text.get(part.end..)?);
            Some(corrected.trim().to_owned())
        });
        ParseError { kind: self.kind, position, message: self.message, hint: self.hint, corrected }
    }
}

/// The first characters of a text, short enough for a message.
pub(super) fn shown(text: &str) -> String {
    const SHOWN_CHARS: usize = 64;
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
