//! The English lexicon: valences and classes of words, phrases, emoticons and emoji.

use std::sync::LazyLock;

use super::text::{hash_word, join, step};

const ENGLISH: &str = include_str!("lexicon/en.txt");

/// Classes of an [`LexiconEntry`], as bits.
pub mod class {
    /// Negates what follows: `not`, `never`.
    pub const NEGATOR: u16 = 1;
    /// Strengthens what follows: `very`.
    pub const BOOSTER: u16 = 2;
    /// Weakens what follows: `slightly`.
    pub const DAMPER: u16 = 4;
    /// Gives more weight to what follows: `but`.
    pub const CONTRAST: u16 = 8;
    /// Begins a question.
    pub const QUESTION: u16 = 16;
    /// Asks for something.
    pub const REQUEST: u16 = 32;
    /// Effort: waiting, repeating.
    pub const EFFORT: u16 = 64;
    /// Thanks.
    pub const THANKS: u16 = 128;
    /// Something went wrong with the service.
    pub const SERVICE: u16 = 256;
    /// Something was fixed.
    pub const RESOLVED: u16 = 512;
    /// The first two words of a longer phrase.
    pub const PREFIX: u16 = 1024;
    /// A phrase: counts in place of its words.
    pub const PHRASE: u16 = 2048;
}

/// The lexicon's entry for a word or phrase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LexiconEntry {
    /// −4 (furious) to 4 (delighted).
    pub valence: i8,
    /// Bits of [`class`].
    pub classes: u16,
}

/// Hash table from word and phrase hashes to entries: open addressing, at most half full.
pub struct Lexicon {
    slots: Vec<(u64, LexiconEntry)>,
    mask: usize,
    /// Changes with any entry, so that a model trained on another lexicon is noticed.
    pub checksum: u64,
    /// Number of entries.
    pub num_entries: usize,
}

impl Lexicon {
    /// The English lexicon, parsed once.
    pub fn english() -> &'static Self {
        static LEXICON: LazyLock<Lexicon> = LazyLock::new(|| Lexicon::parse(ENGLISH));
        &LEXICON
    }

    /// Reads the format explained at the top of `lexicon/en.txt`. Malformed lines are ignored.
    fn parse(source: &str) -> Self {
        let mut entries: Vec<(u64, LexiconEntry)> = Vec::new();
        for line in source.lines().filter(|line| !line.starts_with('#')) {
            let Some((head, items)) = line.split_once(": ") else { continue };
            let mut head = head.split(' ');
            let Some(valence) = head.next().and_then(|value| value.parse().ok()) else { continue };
            let classes = head.map(class_bit).fold(0, |bits, bit| bits | bit);
            let entry = LexiconEntry { valence, classes };
            for item in split_items(items) {
                for form in forms(item) {
                    push_entries(&form, entry, &mut entries);
                }
            }
        }
        Self::from_entries(&entries)
    }

    fn from_entries(entries: &[(u64, LexiconEntry)]) -> Self {
        let size = (entries.len() * 2).next_power_of_two().max(16);
        let mut lexicon = Self {
            slots: vec![(0, LexiconEntry::default()); size],
            mask: size - 1,
            checksum: 0,
            num_entries: 0,
        };
        for (hash, entry) in entries {
            lexicon.insert(*hash, *entry);
        }
        lexicon.checksum = lexicon.slots.iter().fold(0, |sum, (hash, entry)| {
            step(step(sum, *hash), (entry.valence as u8 as u64) << 16 | u64::from(entry.classes))
        });
        lexicon
    }

    /// If an entry is given twice, the stronger valence wins and classes add up.
    fn insert(&mut self, hash: u64, entry: LexiconEntry) {
        let mut at = (hash >> 32) as usize & self.mask;
        loop {
            let (known, old) = &mut self.slots[at];
            if *known == hash {
                if entry.valence.abs() > old.valence.abs() {
                    old.valence = entry.valence;
                }
                old.classes |= entry.classes;
                return;
            }
            if *known == 0 {
                self.slots[at] = (hash, entry);
                self.num_entries += 1;
                return;
            }
            at = (at + 1) & self.mask;
        }
    }

    /// The entry for the hash of a word or phrase.
    #[inline]
    pub fn get(&self, hash: u64) -> Option<LexiconEntry> {
        let mut at = (hash >> 32) as usize & self.mask;
        loop {
            let (known, entry) = self.slots[at];
            if known == hash {
                return Some(entry);
            }
            if known == 0 {
                return None;
            }
            at = (at + 1) & self.mask;
        }
    }
}

fn class_bit(name: &str) -> u16 {
    match name {
        "negator" => class::NEGATOR,
        "booster" => class::BOOSTER,
        "damper" => class::DAMPER,
        "contrast" => class::CONTRAST,
        "question" => class::QUESTION,
        "request" => class::REQUEST,
        "effort" => class::EFFORT,
        "thanks" => class::THANKS,
        "service" => class::SERVICE,
        "resolved" => class::RESOLVED,
        _ => 0,
    }
}

/// Splits at spaces, except inside double quotes.
fn split_items(items: &str) -> impl Iterator<Item = &str> {
    items.split('"').enumerate().flat_map(|(idx, part)| {
        let quoted = idx % 2 == 1;
        let whole = quoted.then_some(part);
        let words = (!quoted).then(|| part.split(' '));
        whole.into_iter().chain(words.into_iter().flatten()).filter(|item| !item.is_empty())
    })
}

/// The forms that `word~` and `word^` stand for.
fn forms(item: &str) -> Vec<String> {
    if let Some(verb) = item.strip_suffix('~').filter(|stem| stem.len() > 2) {
        let stem = verb.strip_suffix('e');
        let ending_in_y = verb.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'o', 'u']));
        let (third, past) = match (stem, ending_in_y) {
            (Some(_), _) => (format!("{verb}s"), format!("{verb}d")),
            (_, Some(stem)) => (format!("{stem}ies"), format!("{stem}ied")),
            _ if verb.ends_with("sh") || verb.ends_with('s') => (format!("{verb}es"), format!("{verb}ed")),
            _ => (format!("{verb}s"), format!("{verb}ed")),
        };
        let present = format!("{}ing", stem.unwrap_or(verb));
        return vec![verb.to_owned(), third, past, present];
    }
    if let Some(word) = item.strip_suffix('^').filter(|stem| stem.len() > 2) {
        let adverb = match (word.strip_suffix("le"), word.strip_suffix('y')) {
            (Some(stem), _) => format!("{stem}ly"),
            (_, Some(stem)) => format!("{stem}ily"),
            _ => format!("{word}ly"),
        };
        return vec![word.to_owned(), adverb];
    }
    vec![item.to_owned()]
}

/// Adds a word, or a phrase together with its first two words, by which it is found.
fn push_entries(form: &str, mut entry: LexiconEntry, entries: &mut Vec<(u64, LexiconEntry)>) {
    let mut hash = 0;
    for (idx, word) in form.split(' ').map(hash_word).enumerate() {
        if idx == 2 {
            entries.push((hash, LexiconEntry { valence: 0, classes: class::PREFIX }));
        }
        hash = if idx == 0 { word } else { join(hash, word) };
        if idx == 1 {
            entry.classes |= class::PHRASE;
        }
    }
    entries.push((hash, entry));
}
