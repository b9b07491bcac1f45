//! One pass over a message: words, numbers, names, marks and emoji as hashed [`Token`]s.
//!
//! Nothing here depends on the language; that is up to the readers of the tokens. The hashes are part of the
//! model's format: changing them requires training again.

/// Bytes read from the beginning of a long text. Customers voice feelings in the first and in the last lines.
const HEAD_BYTES: usize = 2_000;
/// Bytes read from the end of a long text.
const TAIL_BYTES: usize = 500;
/// Most bytes of a word; longer ones are ids, keys or noise.
pub(crate) const WORD_BYTES_MAX: usize = 32;

/// What a [`Token`] stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Letters, perhaps with digits and apostrophes inside.
    Word,
    /// Digits. Up to two digits keep their value, longer numbers keep only their length.
    Number,
    /// `@someone`, `[NAME]`.
    Name,
    /// A web address.
    Url,
    /// An emoji or emoticon.
    Emoji,
    /// `!`, possibly repeated: [`Token::repeat`].
    Exclamation,
    /// `?`, possibly repeated.
    Question,
    /// Any other mark that ends a clause: comma, full stop, line break, dots.
    Break,
}

/// One piece of a message.
#[derive(Clone, Copy, Debug)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// Hash of the lower-case form, with runs of a letter shortened to two.
    pub hash: u64,
    /// The same with runs shortened to one if the word was elongated (`goood`); else equal to `hash`.
    pub squeezed: u64,
    /// Written in capitals, at least two letters.
    pub caps: bool,
    /// A letter was repeated three times or more.
    pub elongated: bool,
    /// How often a mark was repeated, at least 1.
    pub repeat: u8,
    /// Byte range in the bounded text.
    pub start: u32,
    /// End of the byte range.
    pub end: u32,
    /// Valence from the lexicon, −4 to 4; 0 from [`tokenize`], filled in by the features.
    pub valence: i8,
    /// Classes from the lexicon; filled in by the features.
    pub classes: u16,
    /// Part of a phrase in the lexicon that contains a negation.
    pub in_negated_phrase: bool,
}

impl Token {
    fn new(kind: Kind, hash: u64, start: usize, end: usize) -> Self {
        Self {
            kind,
            hash,
            squeezed: hash,
            caps: false,
            elongated: false,
            repeat: 1,
            start: start as u32,
            end: end as u32,
            valence: 0,
            classes: 0,
            in_negated_phrase: false,
        }
    }
}

/// One step of the hash: rotate, mix in, multiply.
#[inline(always)]
pub(crate) const fn step(hash: u64, value: u64) -> u64 {
    (hash.rotate_left(5) ^ value).wrapping_mul(0x517c_c1b7_2722_0a95)
}

/// Hash of a lower-case word, as [`tokenize`] computes it.
pub(crate) fn hash_word(word: &str) -> u64 {
    word.bytes().fold(0, |hash, byte| step(hash, u64::from(byte)))
}

/// Hash of consecutive words, from their hashes.
pub(crate) fn join(left: u64, right: u64) -> u64 {
    step(left ^ 0x9e37_79b9_7f4a_7c15, right)
}

/// The parts of `text` that are read: all of a short one, the beginning and end of a long one.
pub(crate) fn bounded(text: &str) -> (&str, &str) {
    if text.len() <= HEAD_BYTES + TAIL_BYTES {
        return (text, "");
    }
    let mut head = HEAD_BYTES;
    while !text.is_char_boundary(head) {
        head -= 1;
    }
    let mut tail = text.len() - TAIL_BYTES;
    while !text.is_char_boundary(tail) {
        tail += 1;
    }
    (&text[..head], &text[tail..])
}

/// Splits `text` (at most a few kilobytes, see [`bounded`]) into `tokens`, and passes each word's normalised
/// bytes to `word`.
pub(crate) fn tokenize(text: &str, tokens: &mut Vec<Token>, mut word: impl FnMut(&[u8])) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        let next = match byte {
            b' ' | b'\t' | b'\r' => at + 1,
            b'a'..=b'z' | b'A'..=b'Z' => take_word(text, at, tokens, &mut word),
            b'0'..=b'9' => take_number(bytes, at, tokens),
            128.. => {
                let Some(c) = text[at..].chars().next() else { break };
                if is_letter(c) { take_word(text, at, tokens, &mut word) } else { take_symbol(c, at, tokens) }
            }
            b'@' | b'[' => take_name(bytes, at, tokens),
            b':' | b';' | b'=' | b'<' | b'>' | b'(' | b')' | b'^' => take_emoticon(bytes, at, tokens),
            b'!' | b'?' | b'.' => take_run(bytes, at, tokens),
            b',' | b'\n' => push_mark(tokens, Kind::Break, u64::from(byte), 1, at, at + 1),
            _ => at + 1,
        };
        at = next;
    }
}

/// Letters, and the marks that are part of Indic, Arabic and Thai words.
fn is_letter(c: char) -> bool {
    c.is_alphabetic()
        || matches!(c, '\u{0300}'..='\u{036f}' | '\u{0900}'..='\u{0dff}' | '\u{064b}'..='\u{065f}')
}

fn push_mark(tokens: &mut Vec<Token>, kind: Kind, hash: u64, repeat: u8, start: usize, end: usize) -> usize {
    let hash = step(0x6d61_726b, hash);
    tokens.push(Token { repeat, ..Token::new(kind, hash, start, end) });
    end
}

fn take_word(text: &str, start: usize, tokens: &mut Vec<Token>, word: &mut impl FnMut(&[u8])) -> usize {
    let bytes = text.as_bytes();
    // `buffer` holds `^word$`, so that pieces of words show where a word begins and ends.
    let mut buffer = [0_u8; WORD_BYTES_MAX + 2];
    buffer[0] = b'^';
    let (mut hash, mut squeezed, mut len) = (0, 0, 1);
    let (mut upper, mut lower, mut elongated) = (0_u32, 0_u32, false);
    let (mut last, mut run) = (0_u8, 0_u32);
    let mut push = |byte: u8, last: &mut u8, run: &mut u32, elongated: &mut bool| {
        *run = if byte == *last && byte < 128 { *run + 1 } else { 1 };
        *last = byte;
        if *run >= 3 {
            *elongated = true;
            return;
        }
        hash = step(hash, u64::from(byte));
        if *run == 1 {
            squeezed = step(squeezed, u64::from(byte));
        }
        if len <= WORD_BYTES_MAX {
            buffer[len] = byte;
            len += 1;
        }
    };
    let mut at = start;
    while at < bytes.len() {
        let byte = bytes[at];
        match byte {
            b'a'..=b'z' => {
                lower += 1;
                push(byte, &mut last, &mut run, &mut elongated);
                at += 1;
            }
            b'A'..=b'Z' => {
                upper += 1;
                push(byte | 0x20, &mut last, &mut run, &mut elongated);
                at += 1;
            }
            b'0'..=b'9' => {
                push(byte, &mut last, &mut run, &mut elongated);
                at += 1;
            }
            b'\'' if bytes.get(at + 1).is_some_and(u8::is_ascii_alphabetic) => {
                push(b'\'', &mut last, &mut run, &mut elongated);
                at += 1;
            }
            128.. => {
                let Some(c) = text[at..].chars().next() else { break };
                let width = c.len_utf8();
                if c == '\u{2019}' && bytes.get(at + width).is_some_and(u8::is_ascii_alphabetic) {
                    push(b'\'', &mut last, &mut run, &mut elongated);
                } else if is_letter(c) {
                    for c in c.to_lowercase() {
                        let mut utf8 = [0; 4];
                        for byte in c.encode_utf8(&mut utf8).bytes() {
                            push(byte, &mut last, &mut run, &mut elongated);
                        }
                    }
                    if c.is_uppercase() {
                        upper += 1;
                    } else {
                        lower += 1;
                    }
                } else {
                    break;
                }
                at += width;
            }
            _ => break,
        }
    }
    if bytes[at..].starts_with(b"://") || (bytes.get(at) == Some(&b'.') && hash == const { www() }) {
        let end = bytes[at..].iter().position(u8::is_ascii_whitespace).map_or(bytes.len(), |len| at + len);
        return push_mark(tokens, Kind::Url, 0, 1, start, end);
    }
    buffer[len] = b'$';
    word(&buffer[..=len]);
    tokens.push(Token {
        squeezed: if elongated { squeezed } else { hash },
        caps: upper >= 2 && lower == 0,
        elongated,
        ..Token::new(Kind::Word, hash, start, at)
    });
    at
}

/// Drops `www` after the third letter of a run.
const fn www() -> u64 {
    step(step(0, b'w' as u64), b'w' as u64)
}

fn take_number(bytes: &[u8], start: usize, tokens: &mut Vec<Token>) -> usize {
    let mut at = start;
    let mut hash = 0;
    while at < bytes.len() {
        let inner = matches!(bytes[at], b'.' | b',' | b':' | b'/' | b'-')
            && bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
        if !bytes[at].is_ascii_digit() && !inner {
            break;
        }
        hash = step(hash, u64::from(bytes[at]));
        at += 1;
    }
    let len = at - start;
    let small = len <= 2 || (len <= 5 && bytes[start..at].contains(&b'/'));
    let hash = if small { hash } else { step(0x6e75_6d62, len.min(6) as u64) };
    let end = at;
    tokens.push(Token::new(Kind::Number, hash, start, end));
    end
}

fn take_name(bytes: &[u8], start: usize, tokens: &mut Vec<Token>) -> usize {
    let len =
        bytes[start + 1..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    let end = start + 1 + len;
    match (bytes[start], bytes.get(end)) {
        (b'@', _) if len > 0 => push_mark(tokens, Kind::Name, 0, 1, start, end),
        (b'[', Some(b']')) if len > 0 => push_mark(tokens, Kind::Name, 0, 1, start, end + 1),
        _ => start + 1,
    }
}

/// Finds emoticons of two or three ASCII marks: anything with an eye-like beginning and a mouth-like end. The
/// lexicon decides which ones mean something.
fn take_emoticon(bytes: &[u8], start: usize, tokens: &mut Vec<Token>) -> usize {
    for len in [3, 2] {
        let Some(slice) = bytes.get(start..start + len) else { continue };
        let mouth = matches!(
            slice[len - 1],
            b')' | b'(' | b'/' | b'\\' | b'|' | b'[' | b']' | b'*' | b'3' | b'^' | b':' | b'='
        ) || (matches!(slice[len - 1], b'd' | b'D' | b'p' | b'P' | b'o' | b'O')
            && !bytes.get(start + len).is_some_and(u8::is_ascii_alphanumeric));
        let middle = len == 2 || matches!(slice[1], b'-' | b'\'' | b'_' | b':' | b'o');
        if mouth && middle && matches!(slice[0], b':' | b';' | b'=' | b'<' | b'>' | b'^' | b'(') {
            let hash = slice.iter().fold(0, |hash, byte| step(hash, u64::from(byte.to_ascii_lowercase())));
            tokens.push(Token::new(Kind::Emoji, hash, start, start + len));
            return start + len;
        }
    }
    match bytes[start] {
        b':' | b';' => push_mark(tokens, Kind::Break, u64::from(bytes[start]), 1, start, start + 1),
        _ => start + 1,
    }
}

fn take_run(bytes: &[u8], start: usize, tokens: &mut Vec<Token>) -> usize {
    let len = bytes[start..].iter().take_while(|byte| matches!(byte, b'!' | b'?' | b'.')).count();
    let run = &bytes[start..start + len];
    let repeat = |mark: u8| run.iter().filter(|byte| **byte == mark).count().min(255) as u8;
    let (exclamations, questions, dots) = (repeat(b'!'), repeat(b'?'), repeat(b'.'));
    let end = start + len;
    if questions > 0 {
        push_mark(tokens, Kind::Question, 1, questions, start, end);
    }
    if exclamations > 0 {
        push_mark(tokens, Kind::Exclamation, 2, exclamations, start, end);
    }
    if dots > 0 && questions + exclamations == 0 {
        push_mark(tokens, Kind::Break, if dots > 1 { 4 } else { 3 }, dots, start, end);
    }
    end
}

fn take_symbol(c: char, start: usize, tokens: &mut Vec<Token>) -> usize {
    let end = start + c.len_utf8();
    match c {
        '！' => push_mark(tokens, Kind::Exclamation, 2, 1, start, end),
        '？' | '؟' => push_mark(tokens, Kind::Question, 1, 1, start, end),
        '。' | '、' | '，' | '…' | '।' | '؛' | '،' => {
            push_mark(tokens, Kind::Break, 3, 1, start, end)
        }
        '\u{fe00}'..='\u{fe0f}' | '\u{200d}' | '\u{1f3fb}'..='\u{1f3ff}' => end,
        '\u{2190}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}' => {
            let mut utf8 = [0; 4];
            let hash = hash_word(c.encode_utf8(&mut utf8));
            if let Some(last) = tokens.last_mut()
                && last.kind == Kind::Emoji
                && last.hash == hash
            {
                last.repeat = last.repeat.saturating_add(1);
                last.end = end as u32;
                return end;
            }
            tokens.push(Token::new(Kind::Emoji, hash, start, end));
            end
        }
        _ => end,
    }
}
