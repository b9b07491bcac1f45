//! The features of a message for the linear model: hashed words, word pairs and pieces of words, and a few
//! dozen plain numbers (the lexicon's sums after negation and emphasis, marks, capitals). The trainer and the
//! model share this file.

use super::lexicon::{Lexicon, class};
use super::names::without_names;
use super::text::{Kind, Token, bounded, join, step, tokenize};

/// Groups of hashed features. Each is divided by the square root of its size, so that long texts do not
/// dominate.
pub const GROUPS: usize = 4;
/// Single words; a negated word is a separate feature.
pub const WORDS: usize = 0;
/// Two neighbouring words.
pub const PAIRS: usize = 1;
/// Three to five neighbouring bytes of a word.
pub const PIECES: usize = 2;
/// Combinations of the plain numbers, in coarse steps.
pub const SHAPES: usize = 3;
/// Number of plain features.
pub const PLAIN: usize = 28;

/// Words after a negation that it affects, unless the clause ends earlier.
const NEGATION_REACH: u8 = 4;

/// Receives hashed features as they are found.
pub trait Sink {
    /// Receives one feature of a group.
    fn feature(&mut self, group: usize, hash: u64);
    /// Receives one word by its plain hash, before anything else is known about it.
    fn word(&mut self, hash: u64);
}

/// What [`extract`] returns besides the hashed features.
#[derive(Clone, Debug)]
pub struct Plain {
    /// The plain features, each about −1 to 1.
    pub values: [f32; PLAIN],
    /// Words found.
    pub num_words: u32,
    /// Words, phrases and emoji with a valence.
    pub num_hits: u32,
    /// Emoji and emoticons with a valence.
    pub num_emoji_hits: u32,
}

/// Reads `text` (of a long one, the beginning and end) into `sink`; `tokens` is scratch space.
pub fn extract(text: &str, lexicon: &Lexicon, tokens: &mut Vec<Token>, sink: &mut impl Sink) -> Plain {
    tokens.clear();
    let (head, tail) = bounded(text);
    for part in [head, tail] {
        tokenize(&without_names(part), tokens, |word| pieces(word, sink));
    }
    look_up(tokens, lexicon);
    join_phrases(tokens, lexicon);
    hashed(tokens, sink);
    let sums = Sums::of(tokens);
    sums.shapes(sink);
    sums.plain()
}

/// Pieces of `^word$`, three to five bytes long.
fn pieces(word: &[u8], sink: &mut impl Sink) {
    for start in 0..word.len().saturating_sub(2) {
        let mut hash = 0x7069_6563;
        for (len, byte) in word[start..].iter().take(5).enumerate() {
            hash = step(hash, u64::from(*byte));
            if len >= 2 {
                sink.feature(PIECES, hash);
            }
        }
    }
}

fn look_up(tokens: &mut [Token], lexicon: &Lexicon) {
    for token in tokens {
        if !matches!(token.kind, Kind::Word | Kind::Number | Kind::Emoji) {
            continue;
        }
        let entry = lexicon.get(token.hash);
        if entry.is_none() && token.elongated {
            token.hash = token.squeezed;
        }
        if let Some(entry) = entry.or_else(|| lexicon.get(token.squeezed)) {
            token.valence = entry.valence;
            token.classes = entry.classes;
        }
    }
}

/// A phrase counts in place of its words: its first word carries its valence and classes, the others nothing.
fn join_phrases(tokens: &mut [Token], lexicon: &Lexicon) {
    let is_word = |token: &Token| matches!(token.kind, Kind::Word | Kind::Number);
    let mut at = 0;
    while at + 1 < tokens.len() {
        let run = tokens[at..].iter().take(4).take_while(|token| is_word(token)).count();
        let mut found = None;
        if run >= 2 {
            let mut hash = tokens[at].hash;
            for len in 2..=run {
                hash = join(hash, tokens[at + len - 1].hash);
                let entry = lexicon.get(hash);
                if let Some(entry) = entry.filter(|entry| entry.classes & class::PHRASE != 0) {
                    found = Some((len, entry));
                }
                if len == 2 && entry.is_none_or(|entry| entry.classes & class::PREFIX == 0) {
                    break;
                }
            }
        }
        let Some((len, entry)) = found else {
            at += 1;
            continue;
        };
        let phrase = &mut tokens[at..at + len];
        let negated = phrase.iter().any(|token| token.classes & class::NEGATOR != 0);
        for token in phrase {
            token.valence = 0;
            token.in_negated_phrase = negated;
            token.classes &= !(class::NEGATOR | class::BOOSTER | class::DAMPER | class::CONTRAST);
        }
        tokens[at].valence = entry.valence;
        tokens[at].classes |= entry.classes;
        at += len;
    }
}

/// Words and pairs of words.
fn hashed(tokens: &[Token], sink: &mut impl Sink) {
    let mut reach = 0_u8;
    let mut previous = 0x7374_6172;
    for token in tokens {
        let mut hash = token.hash;
        match token.kind {
            Kind::Word => {
                sink.word(hash);
                if token.classes & class::NEGATOR != 0 {
                    reach = NEGATION_REACH + 1;
                } else if reach > 0 {
                    hash = step(hash, 0x6e6f_7400);
                }
                reach = reach.saturating_sub(1);
            }
            Kind::Break | Kind::Exclamation | Kind::Question => reach = 0,
            _ => {}
        }
        // "not bad" is neither "not" nor "bad".
        if !token.in_negated_phrase {
            sink.feature(WORDS, hash);
        }
        sink.feature(PAIRS, join(previous, token.hash));
        previous = token.hash;
    }
    sink.feature(PAIRS, join(previous, 0x656e_6400));
}

/// Everything counted or summed over a message.
#[derive(Default)]
struct Sums {
    positive: f32,
    negative: f32,
    strongest_positive: f32,
    strongest_negative: f32,
    clause: f32,
    last_clause: f32,
    first_clause: Option<f32>,
    emoji: f32,
    words: f32,
    numbers: f32,
    names: f32,
    caps: f32,
    elongated: f32,
    negators: f32,
    flipped: f32,
    contrasts: f32,
    boosters: f32,
    questions: f32,
    question_words: f32,
    exclamations: f32,
    dots: f32,
    requests: f32,
    effort: f32,
    thanks: f32,
    service: f32,
    resolved: f32,
    hits: u32,
    emoji_hits: u32,
    ends_in_question: bool,
}

impl Sums {
    fn of(tokens: &[Token]) -> Self {
        let mut sums = Self::default();
        let words = tokens.iter().filter(|token| token.kind == Kind::Word).count();
        let caps = tokens.iter().filter(|token| token.caps).count();
        // If everything is in capitals, capitals mean nothing.
        let caps_count = caps * 10 < words * 7;
        let mut reach = 0_u8;
        let mut emphasis = 1.0_f32;
        for (idx, token) in tokens.iter().enumerate() {
            sums.count(token);
            let has = |bits: u16| token.classes & bits != 0;
            match token.kind {
                Kind::Break | Kind::Exclamation | Kind::Question => {
                    sums.end_clause();
                    reach = 0;
                    emphasis = 1.0;
                    continue;
                }
                Kind::Emoji => {
                    let valence = f32::from(token.valence);
                    sums.emoji += valence;
                    sums.emoji_hits += u32::from(token.valence != 0);
                    sums.add(valence);
                    continue;
                }
                _ => {}
            }
            if has(class::CONTRAST) {
                sums.end_clause();
                sums.positive *= 0.6;
                sums.negative *= 0.6;
                sums.contrasts += 1.0;
                reach = 0;
            }
            let next_has_valence = tokens.get(idx + 1).is_some_and(|next| next.valence != 0);
            let mut valence = f32::from(token.valence);
            if has(class::BOOSTER) && next_has_valence {
                valence = 0.0;
            }
            if valence != 0.0 {
                valence *= emphasis;
                if token.caps && caps_count {
                    valence *= 1.3;
                }
                if token.elongated {
                    valence *= 1.2;
                }
                if reach > 0 {
                    valence *= if valence > 0.0 { -0.75 } else { -0.4 };
                    sums.flipped += 1.0;
                }
                sums.add(valence);
            }
            emphasis = if has(class::BOOSTER) {
                1.3
            } else if has(class::DAMPER) {
                0.6
            } else {
                1.0 + (emphasis - 1.0) * 0.5
            };
            reach = if has(class::NEGATOR) { NEGATION_REACH } else { reach.saturating_sub(1) };
        }
        sums.ends_in_question = tokens.last().is_some_and(|token| token.kind == Kind::Question);
        sums.end_clause();
        sums
    }

    fn count(&mut self, token: &Token) {
        let one = |bits: u16| f32::from(u8::from(token.classes & bits != 0));
        match token.kind {
            Kind::Word => self.words += 1.0,
            Kind::Number => self.numbers += 1.0,
            Kind::Name | Kind::Url => self.names += 1.0,
            Kind::Exclamation => self.exclamations += f32::from(token.repeat.min(4)),
            Kind::Question => self.questions += 1.0,
            Kind::Break => self.dots += f32::from(u8::from(token.repeat > 1)),
            Kind::Emoji => {}
        }
        self.caps += f32::from(u8::from(token.caps));
        self.elongated += f32::from(u8::from(token.elongated));
        self.negators += one(class::NEGATOR);
        self.boosters += one(class::BOOSTER);
        self.question_words += one(class::QUESTION);
        self.requests += one(class::REQUEST);
        self.effort += one(class::EFFORT);
        self.thanks += one(class::THANKS);
        self.service += one(class::SERVICE);
        self.resolved += one(class::RESOLVED);
    }

    fn add(&mut self, valence: f32) {
        if valence > 0.0 {
            self.positive += valence;
            self.strongest_positive = self.strongest_positive.max(valence);
        } else {
            self.negative -= valence;
            self.strongest_negative = self.strongest_negative.max(-valence);
        }
        self.hits += u32::from(valence != 0.0);
        self.clause += valence;
    }

    /// An empty clause (`!!!`, a line break) does not replace the one before it.
    fn end_clause(&mut self) {
        if self.clause != 0.0 {
            self.first_clause.get_or_insert(self.clause);
            self.last_clause = self.clause;
            self.clause = 0.0;
        }
    }

    fn compound(&self) -> f32 {
        squash(self.positive - self.negative)
    }

    /// Combines coarse steps of the sums, so that a linear model can distinguish "great, another delay" from
    /// "great".
    fn shapes(&self, sink: &mut impl Sink) {
        let positive = step_of(self.positive);
        let negative = step_of(self.negative);
        let compound = (self.compound() * 4.0).round() as i64;
        let some = |value: f32| i64::from(value > 0.0);
        let length = (self.words + 1.0).log2() as i64;
        let crosses = [
            [positive, negative, some(self.contrasts)],
            [compound, some(self.questions), some(self.exclamations)],
            [compound, length, 0],
            [positive, some(self.service) + some(self.effort) * 2, some(self.questions)],
            [some(self.thanks), negative, some(self.resolved)],
            [compound, (self.negators as i64).min(2), some(self.flipped)],
            [some(self.requests), some(self.questions), some(self.service) + some(self.effort) * 2],
            [(self.emoji as i64).clamp(-3, 3), compound, 0],
        ];
        for (idx, cross) in crosses.iter().enumerate() {
            let hash =
                cross.iter().fold(0x7368_6170 + idx as u64, |hash, value| step(hash, (value + 16) as u64));
            sink.feature(SHAPES, hash);
        }
    }

    fn plain(&self) -> Plain {
        let share = |value: f32, half: f32| value / (value + half);
        let flag = |value: bool| f32::from(u8::from(value));
        let values = [
            self.compound(),
            share(self.positive, 3.0),
            share(self.negative, 3.0),
            self.strongest_positive.min(5.0) / 4.0,
            self.strongest_negative.min(5.0) / 4.0,
            squash(self.last_clause),
            squash(self.first_clause.unwrap_or_default()),
            squash(self.emoji),
            share(self.service, 1.0),
            share(self.thanks, 1.0),
            share(self.resolved, 1.0),
            share(self.effort, 1.0),
            share(self.negators, 2.0),
            self.exclamations.min(4.0) / 4.0,
            share(self.questions, 1.0),
            if self.words > 0.0 { self.caps / self.words } else { 0.0 },
            share(self.elongated, 1.0),
            share(self.requests, 2.0),
            share(self.contrasts, 1.0),
            (1.0 + self.words).ln() / 5.0,
            flag(self.hits == 0),
            flag(self.ends_in_question),
            share(self.numbers, 2.0),
            share(self.names, 1.0),
            share(self.flipped, 1.0),
            squash(self.positive.min(self.negative)),
            share(self.dots, 1.0),
            share(self.boosters, 1.0),
        ];
        Plain { values, num_words: self.words as u32, num_hits: self.hits, num_emoji_hits: self.emoji_hits }
    }
}

/// Maps a sum to −1 to 1; half-way at about 2.2.
fn squash(sum: f32) -> f32 {
    sum / (sum * sum + 15.0).sqrt()
}

fn step_of(sum: f32) -> i64 {
    match sum {
        sum if sum < 0.1 => 0,
        sum if sum < 1.4 => 1,
        sum if sum < 2.7 => 2,
        sum if sum < 4.5 => 3,
        _ => 4,
    }
}
