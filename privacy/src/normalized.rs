//! A text as the detectors read it: digits of every script as ASCII, dashes and spaces of every width as one, and without
//! invisible characters, which messengers put around numbers and people put into them to evade detection.

use std::ops::Range;

/// The visible characters, each with the byte at which it begins in the text.
pub(crate) struct NormalizedText {
    pub(crate) chars: Vec<char>,
    starts: Vec<usize>,
}

impl NormalizedText {
    pub(crate) fn new(text: &str) -> NormalizedText {
        let mut chars = Vec::with_capacity(text.len());
        let mut starts = Vec::with_capacity(text.len() + 1);
        let mut rest = text.char_indices();
        while let Some((at, c)) = rest.next() {
            let folded = match (c, text.as_bytes().get(at + 1..at + 3)) {
                // As addresses of web pages write them.
                ('%', Some([b'4', b'0'])) => Some('@'),
                ('%', Some([b'2', b'B' | b'b'])) => Some('+'),
                ('%', Some([b'2', b'0'])) => Some(' '),
                _ => None,
            };
            let folded = match folded {
                Some(decoded) => {
                    rest.nth(1);
                    Some(decoded)
                }
                None => fold(c),
            };
            if let Some(c) = folded {
                chars.push(c);
                starts.push(at);
            }
        }
        starts.push(text.len());
        NormalizedText { chars, starts }
    }

    /// The byte of the text at which the character of that index begins, or the text's end. Invisible characters belong
    /// to the one before them.
    pub(crate) fn byte(&self, index: usize) -> usize {
        self.starts[index]
    }

    /// The character, or `None` outside the text.
    pub(crate) fn get(&self, index: usize) -> Option<char> {
        self.chars.get(index).copied()
    }

    /// The character before, `None` at the beginning.
    pub(crate) fn before(&self, index: usize) -> Option<char> {
        self.get(index.checked_sub(1)?)
    }

    /// Whether nothing but spaces and punctuation comes before.
    pub(crate) fn is_at_start(&self, index: usize) -> bool {
        self.chars[..index].iter().rev().all(|c| !c.is_alphanumeric() && *c != '@')
    }

    /// Whether nothing but spaces and punctuation comes from here on.
    pub(crate) fn is_at_end(&self, index: usize) -> bool {
        self.chars[index..].iter().all(|c| !c.is_alphanumeric() && *c != '@')
    }

    /// Lower-case text of at most `length` characters before the index, without the names of kinds in brackets: what was
    /// redacted says nothing about what follows.
    pub(crate) fn before_lowercase(&self, index: usize, length: usize) -> String {
        let mut before = String::with_capacity(length);
        let mut is_bracketed = false;
        for c in self.chars[index.saturating_sub(length)..index].iter().flat_map(|c| c.to_lowercase()) {
            match c {
                '[' => is_bracketed = true,
                ']' if !is_bracketed => before.clear(),
                ']' => is_bracketed = false,
                _ if is_bracketed => {}
                _ => before.push(c),
            }
        }
        before
    }

    /// Masks what was found, so that no other detector matches it.
    pub(crate) fn blank(&mut self, range: Range<usize>) {
        let (start, end) = (range.start, range.end);
        self.chars[range].fill('x');
        self.chars[start] = '[';
        self.chars[end - 1] = ']';
    }
}

/// Letters and digits of scripts that put spaces between words.
pub(crate) fn is_word(c: char) -> bool {
    c.is_alphanumeric() && !is_unspaced(c)
}

/// Scripts in which a number or an address stands among words without a space.
pub(crate) fn is_unspaced(c: char) -> bool {
    matches!(u32::from(c),
        0x0E00..=0x0EFF // Thai, Lao
        | 0x1000..=0x109F | 0x1780..=0x17FF // Burmese, Khmer
        | 0x1100..=0x11FF | 0xAC00..=0xD7AF // Korean, whose particles follow without a space
        | 0x2E80..=0x9FFF | 0xF900..=0xFAFF | 0xFF66..=0xFF9F | 0x20000..=0x3FFFF) // Chinese, Japanese
}

fn fold(c: char) -> Option<char> {
    Some(match c {
        '\0'..='\x7f' => c,
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => ' ',
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{30fc}' => '-',
        '\u{ad}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{20e3}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{34f}' => return None,
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        _ => digit(c).and_then(|value| char::from_digit(value, 10)).unwrap_or(c),
    })
}

/// The value of a decimal digit of one of the scripts that people write numbers with.
fn digit(c: char) -> Option<u32> {
    const ZEROS: [u32; 14] =
        [0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xe50, 0x1d7ce];
    let code = u32::from(c);
    ZEROS.iter().map(|zero| code.wrapping_sub(*zero)).find(|value| *value < 10)
}
