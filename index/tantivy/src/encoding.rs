//! How the words of a document travel through tantivy: already cut, folded and stemmed, as one string.
//!
//! tantivy makes new tokenizers for every segment, fifty times a second, so a cache of stems cannot live in one.
//! The document builder does the work and writes every term behind a marker; the tokenizer here only cuts.
//! Words hold no control characters (see [`hearken_index::text`]), so markers cannot be forged by a message.

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

use hearken_index::text::MESSAGE_GAP;

/// A term at the next position.
pub(super) const NEXT: u8 = 1;
/// A term at the same position as the one before.
pub(super) const SAME: u8 = 2;
/// [`MESSAGE_GAP`] empty positions.
pub(super) const GAP: u8 = 3;

/// Cuts encoded words.
#[derive(Clone, Default)]
pub(super) struct Encoded {
    token: Token,
}

pub(super) struct EncodedStream<'a> {
    rest: &'a str,
    next_position: usize,
    token: &'a mut Token,
}

impl Tokenizer for Encoded {
    type TokenStream<'a> = EncodedStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> EncodedStream<'a> {
        self.token.reset();
        EncodedStream { rest: text, next_position: 0, token: &mut self.token }
    }
}

impl TokenStream for EncodedStream<'_> {
    fn advance(&mut self) -> bool {
        while let Some(&marker) = self.rest.as_bytes().first() {
            self.rest = &self.rest[1..];
            match marker {
                GAP => {
                    self.next_position += MESSAGE_GAP as usize;
                    continue;
                }
                NEXT => {
                    self.token.position = self.next_position;
                    self.next_position += 1;
                }
                _ => {}
            }
            let end = self.rest.bytes().position(|b| b <= GAP).unwrap_or(self.rest.len());
            let (term, rest) = self.rest.split_at(end);
            self.token.text.clear();
            self.token.text.push_str(term);
            self.rest = rest;
            return true;
        }
        false
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}

/// Writes a term of any content so that [`LengthPrefixed`] finds its end.
pub(super) fn push_length_prefixed(terms: &mut String, term: &str) {
    terms.push_str(itoa(term.len(), &mut [0; 20]));
    terms.push(':');
    terms.push_str(term);
}

fn itoa(mut number: usize, digits: &mut [u8; 20]) -> &str {
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return std::str::from_utf8(&digits[at..]).expect("decimal digits");
        }
    }
}

/// Cuts terms that each stand behind their length in bytes and a colon.
#[derive(Clone, Default)]
pub(super) struct LengthPrefixed {
    token: Token,
}

pub(super) struct LengthPrefixedStream<'a> {
    rest: &'a str,
    token: &'a mut Token,
}

impl Tokenizer for LengthPrefixed {
    type TokenStream<'a> = LengthPrefixedStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> LengthPrefixedStream<'a> {
        self.token.reset();
        self.token.position = 0;
        LengthPrefixedStream { rest: text, token: &mut self.token }
    }
}

impl TokenStream for LengthPrefixedStream<'_> {
    fn advance(&mut self) -> bool {
        let Some((length, rest)) = self.rest.split_once(':') else { return false };
        let Some((term, rest)) = length.parse().ok().and_then(|length| rest.split_at_checked(length)) else {
            return false;
        };
        self.token.text.clear();
        self.token.text.push_str(term);
        self.rest = rest;
        true
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}
