//! One pass over a text: words, single characters of scripts without spaces, and sentences.
//!
//! Every analyser reads these tokens, so a text is scanned only once. Words are compared by 64-bit hashes of
//! their lower-cased form; there is no allocation per word.

mod hash;
mod word;

pub(crate) use hash::{combine, hash_text};

use hash::{FNV_START, finish, fnv_bytes};
use word::scan_word;

/// What separates a token from the previous one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gap {
    /// Nothing: neighbouring characters of a script without spaces, or an elision (`l'hôtel`).
    None,
    /// White space or a hyphen inside a compound (`check-in`).
    Space,
    /// Other punctuation; phrases never cross it.
    Break,
    /// The end of a sentence, or the start of the text.
    Sentence,
}

/// What a token is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// A word of a script that uses spaces.
    Word,
    /// Contains a digit.
    Number,
    /// One Han, kana, Hangul, Thai, Lao, Khmer or Burmese character.
    Ideograph,
}

/// How a word is capitalised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    /// No capital at the start.
    Lower,
    /// `Paris`, `WiFi`.
    Title,
    /// `PIN`; at least two letters.
    Upper,
}

/// One token. Offsets are bytes of the text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token {
    /// Hash of the lower-cased word without apostrophes.
    pub(crate) hash: u64,
    /// Hash of the word without common English endings; equals `hash` when there are none.
    pub(crate) stem: u64,
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) kind: TokenKind,
    pub(crate) case: Case,
    pub(crate) gap: Gap,
}

impl Token {
    /// Number of bytes in the text.
    pub(crate) fn len(&self) -> usize {
        (self.end - self.start) as usize
    }

    /// The text of the token.
    pub(crate) fn text<'t>(&self, text: &'t str) -> &'t str {
        text.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

/// One sentence: its bytes, its tokens, and whether it is a question.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sentence {
    pub(crate) start: u32,
    /// Includes the closing punctuation.
    pub(crate) end: u32,
    pub(crate) first_token: u32,
    pub(crate) end_token: u32,
    pub(crate) question: bool,
}

/// Text beyond this many bytes is not tokenised: a pasted log must cost no more than a long answer.
pub(crate) const TEXT_BYTES_MAX: usize = 16 * 1024;

/// The tokens of one text; reused for further texts to avoid allocation.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    pub(crate) tokens: Vec<Token>,
    pub(crate) sentences: Vec<Sentence>,
}

impl Tokens {
    /// Replaces the content with the tokens of `text`.
    pub(crate) fn scan(&mut self, text: &str) {
        self.tokens.clear();
        self.sentences.clear();
        let text = prefix(text, TEXT_BYTES_MAX);
        let bytes = text.as_bytes();
        let mut at = 0;
        let mut gap = Gap::Sentence;
        let mut sentence = OpenSentence::default();
        while at < bytes.len() {
            let (c, size) = char_at(text, at);
            match class_of(c) {
                Class::Letter => {
                    let token = scan_word(text, at, gap);
                    at = token.end as usize;
                    sentence.open(token.start, self.tokens.len());
                    self.tokens.push(token);
                    gap = Gap::None;
                }
                Class::Ideograph => {
                    let end = at + size;
                    let hash = finish(fnv_bytes(FNV_START, &bytes[at..end]));
                    sentence.open(offset(at), self.tokens.len());
                    self.tokens.push(Token {
                        hash,
                        stem: hash,
                        start: offset(at),
                        end: offset(end),
                        kind: TokenKind::Ideograph,
                        case: Case::Lower,
                        gap,
                    });
                    at = end;
                    gap = Gap::None;
                }
                Class::Space => {
                    at += size;
                    if c == '\n' {
                        self.close(&mut sentence, offset(at - size));
                        gap = Gap::Sentence;
                    } else if gap == Gap::None {
                        gap = Gap::Space;
                    }
                }
                Class::Hyphen => {
                    at += size;
                    let joined = gap == Gap::None && !self.tokens.is_empty() && next_is_letter(text, at);
                    gap = gap.max_with(if joined { Gap::Space } else { Gap::Break });
                }
                Class::Terminator => {
                    let question = is_question(c);
                    at += size;
                    if ends_sentence(text, at, c) && !self.after_abbreviation(text, c) {
                        sentence.question |= question;
                        // Swallow the rest of `?!`, `...` and a closing quote.
                        while at < bytes.len() {
                            let (next, size) = char_at(text, at);
                            if !matches!(class_of(next), Class::Terminator)
                                && !matches!(next, '"' | '”' | '’' | '»' | ')')
                            {
                                break;
                            }
                            sentence.question |= is_question(next);
                            at += size;
                        }
                        self.close(&mut sentence, offset(at));
                        gap = Gap::Sentence;
                    } else {
                        gap = gap.max_with(Gap::Break);
                    }
                }
                Class::Apostrophe | Class::Other => {
                    // After an elision (`l'`), the next word follows without a break.
                    let elision = matches!(class_of(c), Class::Apostrophe)
                        && gap == Gap::None
                        && next_is_letter(text, at + size);
                    at += size;
                    gap = gap.max_with(if elision { Gap::None } else { Gap::Break });
                }
            }
        }
        let end = offset(text.trim_end().len());
        self.close(&mut sentence, end);
    }

    /// The tokens of one sentence.
    pub(crate) fn of(&self, sentence: &Sentence) -> &[Token] {
        self.tokens.get(sentence.first_token as usize..sentence.end_token as usize).unwrap_or_default()
    }

    fn close(&mut self, sentence: &mut OpenSentence, end: u32) {
        let OpenSentence { start, question } = std::mem::take(sentence);
        let Some((start, first_token)) = start else { return };
        self.sentences.push(Sentence {
            start,
            end: end.max(start),
            first_token,
            end_token: offset(self.tokens.len()),
            question,
        });
    }

    /// `Dr. Strange`, `No. 3` and initials do not end a sentence.
    fn after_abbreviation(&self, text: &str, terminator: char) -> bool {
        let Some(last) = self.tokens.last().filter(|_| terminator == '.') else { return false };
        let word = last.text(text);
        (last.case != Case::Lower && word.len() == 1 && word != "I")
            || [
                "Mr", "Mrs", "Ms", "Dr", "St", "No", "Inc", "Mt", "Nr", "Hr", "Fr", "Sra", "Sr", "vs", "tel",
                "Tel", "ext", "approx", "ca",
            ]
            .contains(&word)
    }
}

/// The longest prefix of at most `bytes_max` bytes that ends at a character boundary.
pub(crate) fn prefix(text: &str, bytes_max: usize) -> &str {
    if text.len() <= bytes_max {
        return text;
    }
    let end = (0..=bytes_max).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    &text[..end]
}

#[derive(Default)]
struct OpenSentence {
    start: Option<(u32, u32)>,
    question: bool,
}

impl OpenSentence {
    fn open(&mut self, at: u32, token: usize) {
        self.start.get_or_insert((at, offset(token)));
    }
}

impl Gap {
    /// Of two separators, the stronger one counts.
    fn max_with(self, other: Gap) -> Gap {
        if (self as u8) < (other as u8) { other } else { self }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Letter,
    Ideograph,
    Space,
    Hyphen,
    Apostrophe,
    Terminator,
    Other,
}

fn class_of(c: char) -> Class {
    match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' => Class::Letter,
        ' ' | '\n' | '\t' | '\r' => Class::Space,
        '.' | '!' | '?' | '。' | '！' | '？' | '…' | '।' | '؟' | '．' => Class::Terminator,
        '-' | '‐' | '‑' => Class::Hyphen,
        '\'' | '’' => Class::Apostrophe,
        _ if c.is_ascii() => Class::Other,
        _ if is_ideograph(c) => Class::Ideograph,
        _ if c.is_alphanumeric() || is_mark(c) => Class::Letter,
        _ if c.is_whitespace() => Class::Space,
        _ => Class::Other,
    }
}

/// Scripts written without spaces, and Hangul, whose words carry endings: one token per character.
fn is_ideograph(c: char) -> bool {
    matches!(c as u32,
        0x0E01..=0x0E3A | 0x0E40..=0x0E4E | 0x0E80..=0x0EFF // Thai, Lao
        | 0x1000..=0x109F | 0x1780..=0x17D3 // Burmese, Khmer
        | 0x1100..=0x11FF | 0x3130..=0x318F | 0xAC00..=0xD7AF // Hangul
        | 0x3005..=0x3007 | 0x3041..=0x30FA | 0x30FC..=0x30FF | 0x31F0..=0x31FF | 0xFF66..=0xFF9F // kana
        | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x3FFFF) // Han
}

/// Marks and joiners that belong to the preceding word.
fn is_mark(c: char) -> bool {
    matches!(c as u32,
        0x0300..=0x036F | 0x0591..=0x05C7 | 0x0610..=0x061A | 0x064B..=0x065F | 0x0670
        | 0x0900..=0x0963 | 0x0971..=0x0DF3 | 0x200C | 0x200D)
}

fn is_question(c: char) -> bool {
    matches!(c, '?' | '？' | '؟')
}

/// A full stop inside `3.5` or `gmail.com` does not end a sentence; Chinese and Japanese ones need no space
/// after them.
fn ends_sentence(text: &str, after: usize, terminator: char) -> bool {
    if !matches!(terminator, '.' | '!' | '?') || after >= text.len() {
        return true;
    }
    !matches!(class_of(char_at(text, after).0), Class::Letter | Class::Other | Class::Hyphen)
}

fn next_is_letter(text: &str, at: usize) -> bool {
    at < text.len() && class_of(char_at(text, at).0) == Class::Letter
}

/// The character that starts at byte `at`, which must be a boundary inside the text.
fn char_at(text: &str, at: usize) -> (char, usize) {
    let byte = text.as_bytes()[at];
    if byte.is_ascii() {
        return (byte as char, 1);
    }
    let c = text[at..].chars().next().unwrap_or(char::REPLACEMENT_CHARACTER);
    (c, c.len_utf8())
}

fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
