//! The words of `lexicon/other.txt`, looked up by hash: whole words, stems, phrases and, in scripts without
//! spaces, substrings.

use std::sync::LazyLock;

use super::super::text::{join, step};

const SOURCE: &str = include_str!("../lexicon/other.txt");

/// Most languages in the file; a bit set of them fits a `u32`.
pub(super) const LANGUAGES_MAX: usize = 24;
/// Characters of the longest entry to look for in a text without spaces.
const SCAN_CHARS: usize = 10;
/// Bytes between two finds in such a text beyond which a negation has no effect: two characters.
const SCAN_GAP_BYTES: usize = 6;

const WORD: u64 = 0;
const PHRASE: u64 = 0x7068_7261;
const SCAN: u64 = 0x7363_616e;

/// The effect of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Reverses what follows.
    Not,
    /// Reverses what precedes it.
    NotAfter,
    /// Strengthens what follows.
    Very,
    /// Says that something works, helps or arrived: nothing by itself, a complaint when negated.
    Works,
    /// Matter-of-fact.
    Fact,
    /// Has a valence of its own.
    Valence,
    /// Several words with a valence of their own, negation included.
    Phrase,
    /// Several words that mean nothing together, although one of them does alone.
    Courtesy,
}

/// An entry of one language.
#[derive(Clone, Copy, Debug)]
pub(super) struct ForeignWord {
    pub(super) meaning: Meaning,
    /// −3 to 3.
    pub(super) valence: i8,
}

/// A word found in a text: `^word$`, and the hashes of the words before it, nearest first.
pub(super) struct Met<'a> {
    pub(super) word: &'a [u8],
    pub(super) before: [u64; 3],
}

/// Open addressing; an entry may occur once for each language.
pub(super) struct Table {
    slots: Vec<Option<(u64, u8, ForeignWord)>>,
    languages: Vec<&'static str>,
}

impl Table {
    /// The table of the embedded file, read once.
    pub(super) fn built_in() -> &'static Self {
        static TABLE: LazyLock<Table> = LazyLock::new(|| Table::parse(SOURCE));
        &TABLE
    }

    fn parse(source: &'static str) -> Self {
        let mut table = Self { slots: vec![None; 1 << 14], languages: Vec::new() };
        for line in source.lines().filter(|line| !line.starts_with('#')) {
            if let Some(tag) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                table.languages.push(tag);
            } else if let Some((head, words)) = line.split_once(": ")
                && let Some(word) = meaning(head)
                && !table.languages.is_empty()
            {
                for entry in words.split_whitespace() {
                    table.insert(entry, word);
                }
            }
        }
        table.languages.truncate(LANGUAGES_MAX);
        table
    }

    fn insert(&mut self, entry: &str, mut word: ForeignWord) {
        let language = self.languages.len() - 1;
        let unspaced = matches!(self.languages[language], "zh" | "ja" | "th");
        let hash = if unspaced {
            hash_bytes(SCAN, entry.as_bytes())
        } else if let Some(stem) = entry.strip_suffix('*') {
            hash_bytes(WORD, stem.as_bytes())
        } else if entry.contains('_') {
            word.meaning = match word.meaning {
                Meaning::Valence => Meaning::Phrase,
                Meaning::Fact => Meaning::Courtesy,
                other => other,
            };
            let mut words = entry.split('_').map(|part| whole(part.as_bytes()));
            let first = words.next().unwrap_or_default();
            words.fold(first ^ PHRASE, join)
        } else {
            whole(entry.as_bytes())
        };
        let mask = self.slots.len() - 1;
        let mut at = (hash >> 32) as usize & mask;
        while let Some((known, of, _)) = self.slots[at] {
            // The first meaning of a word in a language wins.
            if known == hash && usize::from(of) == language {
                return;
            }
            at = (at + 1) & mask;
        }
        self.slots[at] = Some((hash, language as u8, word));
    }

    /// Index of a language by its primary subtag; `None` if it has no lexicon.
    pub(super) fn language(&self, tag: &str) -> Option<usize> {
        let tag = match tag {
            "nb" | "no" | "nn" => "da",
            "iw" => "he",
            "in" | "ms" => "id",
            "yue" | "cmn" => "zh",
            tag => tag,
        };
        self.languages.iter().position(|known| *known == tag)
    }

    /// Calls `each` with the language and meaning of every entry with this hash.
    fn find(&self, hash: u64, mut each: impl FnMut(usize, ForeignWord)) {
        let mask = self.slots.len() - 1;
        let mut at = (hash >> 32) as usize & mask;
        while let Some((known, language, word)) = self.slots[at] {
            if known == hash {
                each(usize::from(language), word);
            }
            at = (at + 1) & mask;
        }
    }

    /// Looks a word up: phrases that end in it, then itself, then its longest stem, once for each language.
    /// Returns the word's own hash, for the phrases to come.
    pub(super) fn look_up(
        &self,
        met: &Met<'_>,
        only: Option<usize>,
        mut each: impl FnMut(usize, ForeignWord),
    ) -> u64 {
        let wanted = |language: usize| only.is_none_or(|only| only == language);
        let word = &met.word[1..met.word.len() - 1];
        let own = whole(word);
        let [one, two, three] = met.before;
        let mut seen = 0_u32;
        for (first, rest) in [(three, &[two, one][..]), (two, &[one]), (one, &[])] {
            if first != 0 {
                let joined = rest.iter().chain([&own]).fold(first ^ PHRASE, |hash, next| join(hash, *next));
                self.find(joined, |language, word| {
                    if wanted(language) {
                        if word.meaning == Meaning::Courtesy {
                            seen |= 1 << language;
                        }
                        each(language, word);
                    }
                });
            }
        }
        let mut once = |language: usize, word: ForeignWord| {
            if wanted(language) && seen & (1 << language) == 0 {
                seen |= 1 << language;
                each(language, word);
            }
        };
        self.find(own, &mut once);
        let mut hashes = [0; super::super::text::WORD_BYTES_MAX];
        let mut hash = WORD;
        for (slot, byte) in hashes.iter_mut().zip(word) {
            hash = step(hash, u64::from(*byte));
            *slot = hash;
        }
        for len in (2..=word.len().min(hashes.len())).rev() {
            self.find(hashes[len - 1], &mut once);
        }
        own
    }

    /// Finds entries anywhere in a text without spaces, the longest first. `each` is also told whether there
    /// was a gap since the language's last find.
    pub(super) fn scan(
        &self,
        text: &str,
        only: Option<usize>,
        mut each: impl FnMut(usize, ForeignWord, bool),
    ) {
        let mut ends = [0_usize; LANGUAGES_MAX];
        for (at, _) in text.char_indices() {
            let mut hashes = [(0, 0); SCAN_CHARS];
            let (mut hash, mut count) = (SCAN, 0);
            for (slot, (offset, c)) in hashes.iter_mut().zip(text[at..].char_indices()) {
                let end = at + offset + c.len_utf8();
                hash = hash_bytes(hash, &text.as_bytes()[at + offset..end]);
                *slot = (hash, end);
                count += 1;
            }
            for (hash, end) in hashes[..count].iter().rev() {
                self.find(*hash, |language, word| {
                    if ends[language] <= at && only.is_none_or(|only| only == language) {
                        each(language, word, at > ends[language] + SCAN_GAP_BYTES);
                        ends[language] = *end;
                    }
                });
            }
        }
    }
}

fn meaning(head: &str) -> Option<ForeignWord> {
    let meaning = match head {
        "not" => Meaning::Not,
        "not-after" => Meaning::NotAfter,
        "very" => Meaning::Very,
        "works" => Meaning::Works,
        "0" => Meaning::Fact,
        valence => {
            return valence.parse().ok().map(|valence| ForeignWord { meaning: Meaning::Valence, valence });
        }
    };
    Some(ForeignWord { meaning, valence: 0 })
}

fn hash_bytes(seed: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(seed, |hash, byte| step(hash, u64::from(*byte)))
}

/// Hash of a whole word, distinct from that of any stem.
fn whole(word: &[u8]) -> u64 {
    step(hash_bytes(WORD, word), u64::from(b'$'))
}
