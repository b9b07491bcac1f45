//! What a word is: one set of rules for the engine, the highlights and the tests' oracle.
//!
//! A word is a run of letters, digits and combining marks. Soft hyphens, joiners, non-joiners and marks of direction inside
//! it are nothing; everything else separates. Three refinements:
//!
//! - Scripts written without spaces (Chinese, Japanese, Korean, Thai, Lao, Khmer, Burmese): every character with
//!   its marks is a word of its own, so that any part of a text is found as a phrase of its characters.
//! - Emoji and other pictographs are words, so that they are found; skin tones and presentation selectors are folded
//!   away, a flag is one. They still separate like any other sign: a pictograph takes no place of its own but
//!   stands where the word before it does, so `"thank you so"` finds `thank you 😊 so`.
//! - Words are compared folded: letter case, compatibility forms (`ﬁ`, `Ａ`), accents, the vowel signs of Arabic, the points
//!   of Hebrew, and whose digits they are (`١٢`, `12`) never matter, nor which of the ways to write alef, yeh or kaf a
//!   keyboard has; marks that carry meaning, such as those of Hindi or Thai, stay.

use std::borrow::Cow;

use rust_stemmers::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{decompose_canonical, is_combining_mark};

/// Most positions that the words of a phrase may be out of place.
pub const SLOP_MAX: u32 = 50;

/// Empty positions between two messages (topic, summary, each keyword, each detail). A phrase of `n` words with slop `s` cannot
/// cross it while `n + s ≤ MESSAGE_GAP`; longer sloppy phrases are refused, exact ones never cross.
pub const MESSAGE_GAP: u32 = 64;

/// Longer words are cut to this many bytes, in documents and queries alike.
pub const WORD_BYTES_MAX: usize = 256;

/// What a word is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WordKind {
    /// Letters, digits and their marks.
    Letters,
    /// One character of a script without spaces.
    Character,
    /// A pictograph.
    Symbol,
}

/// Where a word stands in its text, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word {
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
    /// What it is made of.
    pub kind: WordKind,
    /// Which place of the text, from 0. A pictograph shares the place of the word before it, if there is one.
    pub position: u32,
}

/// Reads a text word by word without allocating for each.
pub struct Words<'t> {
    text: &'t str,
    at: usize,
    folded: String,
    num_positions: u32,
}

impl<'t> Words<'t> {
    /// From the beginning of the text.
    pub fn new(text: &'t str) -> Self {
        Self::reusing(text, String::new())
    }

    /// Like `new`, with a buffer from [`Words::into_buffer`].
    pub fn reusing(text: &'t str, buffer: String) -> Self {
        Words { text, at: 0, folded: buffer, num_positions: 0 }
    }

    /// The buffer, for the next text.
    pub fn into_buffer(self) -> String {
        self.folded
    }

    /// The folded form of the word that [`Words::next_word`] returned last. Never empty after it did.
    pub fn folded(&self) -> &str {
        &self.folded
    }

    /// How many places the words so far take.
    pub fn num_positions(&self) -> u32 {
        self.num_positions
    }

    fn word(&mut self, start: usize, end: usize, kind: WordKind) -> Word {
        if kind != WordKind::Symbol || self.num_positions == 0 {
            self.num_positions = self.num_positions.saturating_add(1);
        }
        Word { start, end, kind, position: self.num_positions - 1 }
    }

    /// The next word, `None` at the end.
    pub fn next_word(&mut self) -> Option<Word> {
        self.next_beginning(|_| true).map(|(word, _)| word)
    }

    /// The next word, and whether the first byte of its folded form is wanted; if not, [`Words::folded`] may be of
    /// another word: most words of a text are none that is looked for, and need not be folded to know it.
    pub(crate) fn next_beginning(&mut self, is_wanted: impl Fn(u8) -> bool) -> Option<(Word, bool)> {
        let bytes = self.text.as_bytes();
        while let Some(&first) = bytes.get(self.at) {
            if first.is_ascii() && !first.is_ascii_alphanumeric() {
                self.at += 1;
                continue;
            }
            let start = self.at;
            let ascii_len =
                bytes[start..].iter().position(|b| !b.is_ascii_alphanumeric()).unwrap_or(bytes.len() - start);
            let ascii_end = start + ascii_len;
            if ascii_len > 0 && bytes.get(ascii_end).is_none_or(u8::is_ascii) {
                self.at = ascii_end;
                let is_wanted = is_wanted(first.to_ascii_lowercase());
                if is_wanted {
                    fold_ascii(&self.text[start..ascii_end], &mut self.folded);
                }
                return Some((self.word(start, ascii_end, WordKind::Letters), is_wanted));
            }
            if let Some(word) = self.next_any(start) {
                return Some((word, self.folded.bytes().next().is_some_and(is_wanted)));
            }
        }
        None
    }

    /// The word that begins at `start`, where some character beyond ASCII is near; `None` for a separator, which
    /// is passed over.
    fn next_any(&mut self, start: usize) -> Option<Word> {
        let mut chars = self.text[start..].char_indices().peekable();
        let (_, first) = chars.next()?;
        let kind = match class(first) {
            Class::Separator | Class::Mark | Class::Nothing => {
                self.at = start + first.len_utf8();
                return None;
            }
            Class::Letter => WordKind::Letters,
            Class::Character => WordKind::Character,
            Class::Symbol | Class::Flag => WordKind::Symbol,
        };
        let mut pairs_with_flag = class(first) == Class::Flag;
        let mut end = start + first.len_utf8();
        while let Some((at, c)) = chars.peek() {
            let class = class(*c);
            let belongs = match class {
                Class::Mark => true,
                Class::Nothing => kind != WordKind::Symbol,
                Class::Letter => kind == WordKind::Letters,
                Class::Symbol => kind == WordKind::Symbol && is_skin_tone(*c),
                Class::Flag => std::mem::take(&mut pairs_with_flag),
                Class::Character | Class::Separator => false,
            };
            if !belongs {
                break;
            }
            if class != Class::Nothing {
                end = start + at + c.len_utf8();
            }
            chars.next();
        }
        self.at = chars.peek().map_or(self.text.len(), |(at, _)| start + at);
        fold_word(&self.text[start..end], kind, &mut self.folded);
        Some(self.word(start, end, kind))
    }
}

/// A word and its folded form, for queries, highlights and the oracle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Where it stands.
    pub word: Word,
    /// Its folded form.
    pub folded: String,
}

/// All words of a text, in order. A pictograph that is repeated (`😊😊`) is one.
pub fn tokens(text: &str) -> Vec<Token> {
    let mut words = Words::new(text);
    let mut tokens: Vec<Token> = Vec::new();
    while let Some(word) = words.next_word() {
        let folded = words.folded();
        let mut beside = tokens.iter().rev().take_while(|token| token.word.position == word.position);
        if !beside.any(|token| token.folded == folded) {
            tokens.push(Token { word, folded: folded.to_owned() });
        }
    }
    tokens
}

/// Strips English word forms (Porter 2).
pub struct English {
    stemmer: Stemmer,
}

impl Default for English {
    fn default() -> Self {
        English { stemmer: Stemmer::create(Algorithm::English) }
    }
}

impl English {
    /// The stem of a folded word; the word itself unless it is plain ASCII letters.
    pub fn stem<'w>(&self, folded: &'w str) -> Cow<'w, str> {
        if has_forms(folded) { self.stemmer.stem(folded) } else { Cow::Borrowed(folded) }
    }
}

/// Whether a folded word may have English forms: 3 to 32 ASCII letters.
pub fn has_forms(folded: &str) -> bool {
    (3..=32).contains(&folded.len()) && folded.bytes().all(|b| b.is_ascii_lowercase())
}

/// Folds letter case only, as [`Words`] do: how the query language compares whole values. A letter with its accent is the
/// same in one character and in two. What a value begins with, its folded form begins with, too.
pub fn fold_case(value: &str) -> Cow<'_, str> {
    if value.is_ascii() {
        if !value.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Cow::Borrowed(value);
        }
        return Cow::Owned(value.to_ascii_lowercase());
    }
    let mut folded = String::with_capacity(value.len());
    for c in value.chars().flat_map(char::to_lowercase) {
        if is_unspaced(u32::from(c)) {
            folded.push(c);
            continue;
        }
        decompose_canonical(c, |c| match c {
            // The dot of `İ`.
            '\u{307}' if folded.ends_with('i') => {}
            c => push_letter(c, &mut folded),
        });
    }
    if folded == value { Cow::Borrowed(value) } else { Cow::Owned(folded) }
}

/// Adds a lower-case letter in the form that all forms of it are compared in.
fn push_letter(c: char, folded: &mut String) {
    match c {
        'ß' => folded.push_str("ss"),
        'ς' => folded.push('σ'),
        'ı' => folded.push('i'),
        'ſ' => folded.push('s'),
        'µ' => folded.push('μ'),
        other => folded.push(other),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Separator,
    /// Invisible, or a mere ornament: no part of a word, and does not end one.
    Nothing,
    Mark,
    Letter,
    Character,
    Symbol,
    Flag,
}

fn class(c: char) -> Class {
    let code = u32::from(c);
    if is_nothing(code) {
        return Class::Nothing;
    }
    if code < 0x300 {
        return if c.is_alphanumeric() { Class::Letter } else { Class::Separator };
    }
    if is_pictograph(code) {
        return if (0x1F1E6..=0x1F1FF).contains(&code) { Class::Flag } else { Class::Symbol };
    }
    if is_combining_mark(c) || is_trailing_jamo(code) {
        return Class::Mark;
    }
    if !c.is_alphanumeric() {
        return Class::Separator;
    }
    if is_unspaced(code) { Class::Character } else { Class::Letter }
}

/// Soft hyphen, joiner, non-joiner, word joiner, byte order mark, marks of direction, and the stroke that stretches Arabic
/// words. The zero-width space is none of them: it stands between words.
fn is_nothing(code: u32) -> bool {
    matches!(code, 0xAD | 0x61C | 0x640 | 0x180E | 0x200C..=0x200F | 0x2060 | 0xFEFF)
}

/// Vowels and finals of decomposed Korean, and the half-width voicing marks of Japanese: they belong to the
/// character before them.
fn is_trailing_jamo(code: u32) -> bool {
    matches!(code, 0x1160..=0x11FF | 0xD7B0..=0xD7FF | 0xFF9E..=0xFF9F)
}

/// Letters of scripts that are written without spaces, or, as Korean, searched as if they were.
fn is_unspaced(code: u32) -> bool {
    matches!(code,
        0x0E00..=0x0EFF // Thai, Lao
        | 0x1000..=0x109F | 0x1780..=0x17FF // Burmese, Khmer
        | 0x1100..=0x115F | 0xA960..=0xA97F | 0xAC00..=0xD7AF | 0x3130..=0x318F | 0xFFA0..=0xFFDC // Hangul
        | 0x2E80..=0x2FDF | 0x3005..=0x3007 | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF
        | 0x20000..=0x3FFFF // Han
        | 0x3021..=0x3029 | 0x3031..=0x312F | 0x31A0..=0x31FF | 0xFF66..=0xFF9F // kana, Bopomofo
    )
}

fn is_pictograph(code: u32) -> bool {
    matches!(code, 0x2300..=0x23FF | 0x2600..=0x27BF | 0x2B00..=0x2BFF | 0x1F000..=0x1FAFF)
}

fn is_skin_tone(c: char) -> bool {
    matches!(u32::from(c), 0x1F3FB..=0x1F3FF)
}

fn fold_ascii(word: &str, folded: &mut String) {
    folded.clear();
    folded.push_str(&word[..word.len().min(WORD_BYTES_MAX)]);
    folded.make_ascii_lowercase();
}

fn fold_word(word: &str, kind: WordKind, folded: &mut String) {
    folded.clear();
    if kind == WordKind::Character && is_stable(word) {
        folded.push_str(word);
        return;
    }
    for c in word.nfkd() {
        if is_dropped(c, kind) {
            continue;
        }
        for c in c.to_lowercase() {
            match c {
                'æ' => folded.push_str("ae"),
                'œ' => folded.push_str("oe"),
                'ø' => folded.push('o'),
                'đ' => folded.push('d'),
                'ł' => folded.push('l'),
                // The lower case of a few capitals brings its own accent.
                '\u{300}'..='\u{36F}' => {}
                // Hamza and madda on alef, which are as often left out; elsewhere they make another letter.
                '\u{653}'..='\u{655}' if folded.ends_with('ا') => {}
                'ٱ' => folded.push('ا'),
                'ی' => folded.push('ي'),
                'ک' => folded.push('ك'),
                other => match digit(other) {
                    Some(digit) => folded.push(digit),
                    None => push_letter(other, folded),
                },
            }
        }
        if folded.len() > 4 * WORD_BYTES_MAX {
            break;
        }
    }
    if !folded.is_ascii() {
        *folded = folded.nfc().collect();
    }
    // A word of which nothing is left to begin a word with stays as it is.
    let begins_none = |first| matches!(class(first), Class::Separator | Class::Mark);
    if folded.chars().next().is_none_or(begins_none) {
        folded.clear();
        folded.push_str(word);
    }
    if folded.len() > WORD_BYTES_MAX {
        let cut = (0..=WORD_BYTES_MAX).rev().find(|at| folded.is_char_boundary(*at)).unwrap_or(0);
        folded.truncate(cut);
    }
}

/// One character that folding leaves as it is: most Chinese, Japanese and Korean ones.
fn is_stable(word: &str) -> bool {
    let mut chars = word.chars();
    let code = chars.next().map_or(0, u32::from);
    chars.next().is_none()
        && matches!(code, 0x3041..=0x3096 | 0x30A1..=0x30FA | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xAC00..=0xD7A3)
}

/// The ASCII form of a decimal digit of another script that is written with spaces.
fn digit(c: char) -> Option<char> {
    /// The zeros; nine digits follow each.
    const ZEROS: [u32; 14] =
        [0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xDE6, 0xF20];
    let code = u32::from(c);
    if !(0x660..0xF2A).contains(&code) {
        return None;
    }
    ZEROS
        .iter()
        .find(|zero| (**zero..**zero + 10).contains(&code))
        .and_then(|zero| char::from_digit(code - zero, 10))
}

fn is_dropped(c: char, kind: WordKind) -> bool {
    match u32::from(c) {
        code if is_nothing(code) => true,
        // What some marks that stand alone, and the Catalan `ŀ`, decompose to.
        0x20 | 0xB7 => true,
        0x300..=0x36F | 0x1AB0..=0x1AFF | 0x1DC0..=0x1DFF | 0xFE20..=0xFE2F => true,
        // Points and accents of Hebrew.
        0x591..=0x5BD | 0x5BF | 0x5C1..=0x5C2 | 0x5C4..=0x5C5 | 0x5C7 | 0xFB1E => true,
        // Vowel signs of Arabic and signs of recitation, except hamza and madda.
        0x610..=0x61A | 0x64B..=0x652 | 0x656..=0x65F | 0x670 => true,
        0x6D6..=0x6DC | 0x6DF..=0x6E8 | 0x6EA..=0x6ED | 0x8CA..=0x8E1 | 0x8E3..=0x8FF => true,
        // Presentation selectors and the frames of key caps.
        0xFE00..=0xFE0F | 0xE0100..=0xE01EF | 0x20D0..=0x20FF => true,
        _ => kind == WordKind::Symbol && is_skin_tone(c),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn words(text: &str) -> Vec<String> {
        tokens(text).into_iter().map(|token| token.folded).collect()
    }

    #[test]
    fn everything_but_letters_digits_and_marks_separates() {
        assert_eq!(words("order 55-A12, ada@example.com"), ["order", "55", "a12", "ada", "example", "com"]);
        assert_eq!(words("don't  wait\n_now_"), ["don", "t", "wait", "now"]);
        assert_eq!(words(" … -- !"), [""; 0]);
    }

    #[test]
    fn case_and_accents_are_folded_composed_or_not() {
        assert_eq!(words("CAFÉ Cafe\u{301} Straße ÉCLAIR"), ["cafe", "cafe", "strasse", "eclair"]);
        assert_eq!(words("İstanbul ΟΔΟΣ οδος ﬁne ＡＢＣ"), ["istanbul", "οδοσ", "οδοσ", "fine", "abc"]);
        assert_eq!(words("Łódź Ærø"), ["lodz", "aero"]);
    }

    #[test]
    fn what_is_invisible_inside_a_word_is_nothing() {
        assert_eq!(words("die Rück\u{AD}erstattung"), ["die", "ruckerstattung"]);
        assert_eq!(words("re\u{AD}fund re\u{2060}fund re\u{FEFF}fund re\u{200E}fund"), ["refund"; 4]);
        assert_eq!(words("می\u{200C}خواهم"), words("میخواهم"));
        assert_eq!(words("क\u{94D}\u{200D}ष र\u{94D}\u{200C}य"), words("क\u{94D}ष र\u{94D}य"));
        assert_eq!(words("退\u{200D}款"), ["退", "款"]);
        assert_eq!(words("\u{FEFF}refund\u{AD} \u{AD} late\u{200F}."), ["refund", "late"]);
        assert_eq!(words("one\u{200B}two"), ["one", "two"], "the zero-width space stands between words");
        assert_eq!(words("👩\u{200D}💻"), ["👩", "💻"]);
        let ends: Vec<_> = tokens("re\u{AD}fund\u{AD} x").iter().map(|token| token.word.end).collect();
        assert_eq!(ends, [8, 12], "what follows a word is no part of it");
    }

    #[test]
    fn vowel_signs_and_points_are_accents() {
        assert_eq!(words("مُحَمَّدٌ كِتَابٌ"), ["محمد", "كتاب"]);
        assert_eq!(words("هٰذا الرَّحْمٰنِ كتـــاب"), ["هذا", "الرحمن", "كتاب"]);
        assert_eq!(words("שָׁלוֹם בְּרֵאשִׁית"), ["שלום", "בראשית"]);
        assert_eq!(words("\u{FB2A}\u{FB31}"), ["שב"]);
        assert_eq!(words("ـ ـــ"), [""; 0], "a stroke alone is an ornament");
    }

    #[test]
    fn letters_of_arabic_keyboards_are_one() {
        assert_eq!(words("أحمد إلى آب ٱلله"), words("احمد الى اب الله"));
        assert_eq!(words("أ"), words("ا\u{654}"), "composed or not");
        assert_eq!(words("کتابی"), words("كتابي"));
        assert_ne!(words("سئل"), words("سيل"));
        assert_ne!(words("على"), words("علي"));
    }

    #[test]
    fn digits_are_the_same_in_every_script() {
        assert_eq!(words("١٢٣ ۱۲۳ १२३ ১২৩ １２３"), ["123"; 5]);
        assert_eq!(words("طلب٤٥"), ["طلب45"]);
    }

    #[test]
    fn whole_values_fold_case_as_words_do_and_keep_their_accents() {
        for (one, other) in [
            ("νικος", "ΝΙΚΟΣ"),
            ("İstanbul", "istanbul"),
            ("I\u{307}stanbul", "ISTANBUL"),
            ("DIYARBAKIR", "dıyarbakır"),
            ("STRAẞE", "straße"),
            ("Strasse", "Straße"),
            ("JOSÉ", "jose\u{301}"),
            ("ÅNGSTRÖM", "\u{212B}ngström"),
            ("ПРИВЕТ", "привет"),
            ("İ", "ı"),
        ] {
            assert_eq!(fold_case(one), fold_case(other), "{one} {other}");
        }
        for (one, other) in [("José", "Jose"), ("한국", "하국"), ("a", "b"), ("ż", "z")] {
            assert_ne!(fold_case(one), fold_case(other), "{one} {other}");
        }
        assert!(matches!(fold_case("plain-value 退款 한국"), Cow::Borrowed(_)));
    }

    #[test]
    fn marks_that_carry_meaning_stay_inside_their_word() {
        assert_eq!(words("हिन्दी में"), ["हिन्दी", "में"]);
        assert_ne!(words("कि"), words("की"));
    }

    #[test]
    fn scripts_without_spaces_fall_into_characters() {
        assert_eq!(words("我要退款"), ["我", "要", "退", "款"]);
        assert_eq!(words("iPhone手机15"), ["iphone", "手", "机", "15"]);
        assert_eq!(words("환불을"), ["환", "불", "을"]);
        assert_eq!(words("ที่นี่"), ["ที่", "นี่"]);
        assert_eq!(words("ありがとう"), ["あ", "り", "が", "と", "う"]);
        let decomposed: String = "환불 が".nfd().collect();
        assert_eq!(words(&decomposed), words("환불 が"));
    }

    #[test]
    fn a_pictograph_separates_and_takes_no_place_of_its_own() {
        let places = |text: &str| -> Vec<(String, u32)> {
            tokens(text).into_iter().map(|token| (token.folded, token.word.position)).collect()
        };
        let place = |word: &str, position| (word.to_owned(), position);
        assert_eq!(places("you 😊 so"), [place("you", 0), place("😊", 0), place("so", 1)]);
        assert_eq!(places("😊😊 so"), [place("😊", 0), place("so", 1)]);
    }

    #[test]
    fn emoji_are_words_whatever_their_skin_or_presentation() {
        assert_eq!(words("thanks👍🏽❤️"), ["thanks", "👍", "❤"]);
        assert_eq!(words("🇩🇪🇫🇷"), ["🇩🇪", "🇫🇷"]);
        assert_eq!(words("😀😃"), ["😀", "😃"]);
        assert_eq!(words("1️⃣"), ["1"]);
    }

    #[test]
    fn endless_words_are_cut() {
        assert_eq!(words(&"a".repeat(10_000))[0].len(), WORD_BYTES_MAX);
        assert!(words(&"é日".repeat(10_000)).iter().all(|word| word.len() <= WORD_BYTES_MAX));
        assert!(words(&format!("é{}", "\u{915}\u{94d}".repeat(10_000)))[0].len() <= WORD_BYTES_MAX);
    }

    #[test]
    fn english_forms_share_a_stem_and_other_words_are_left_alone() {
        let english = English::default();
        for form in ["refund", "refunds", "refunded", "refunding"] {
            assert_eq!(english.stem(form), "refund");
        }
        assert_eq!(english.stem("a12s"), "a12s");
        assert_eq!(english.stem("straßes"), "straßes");
    }

    proptest! {
        #[test]
        fn a_folded_value_stays_as_it_is_and_begins_as_the_value_does(value in "[aİıIiβςΣßẞé\u{301}\u{307}\u{323}退한]{0,8}|\\PC{0,20}", len in 0_usize..20) {
            let folded = fold_case(&value);
            prop_assert_eq!(fold_case(&folded), folded.as_ref());
            let beginning: String = value.chars().take(len).collect();
            prop_assert!(folded.starts_with(&*fold_case(&beginning)));
            if value.starts_with(&*folded) || value.starts_with(&*fold_case(&beginning)) {
                prop_assert!(folded.starts_with(&*fold_case(&beginning)));
            }
        }

        #[test]
        fn a_word_folded_is_a_word_that_folds_to_itself(text in "[\\p{Arabic}\\p{Hebrew}\\p{Greek}\\p{Latin}\\p{Devanagari} ]{0,20}") {
            for word in words(&text) {
                prop_assert_eq!(words(&word), [word.clone()]);
            }
        }

        #[test]
        fn words_are_in_order_inside_the_text_and_never_empty(text in "\\PC{0,60}|[\\x00-\\u{10FFFF}]{0,40}") {
            let mut end = 0;
            for token in tokens(&text) {
                prop_assert!(token.word.start >= end && token.word.end > token.word.start);
                end = token.word.end;
                prop_assert!(text.get(token.word.start..end).is_some());
                prop_assert!(!token.folded.is_empty() && token.folded.len() <= WORD_BYTES_MAX);
                prop_assert!(!token.folded.chars().any(char::is_control));
            }
        }
    }
}
