//! Languages other than English: a lexicon of strong words (`lexicon/other.txt`), negation and emphasis,
//! nothing learned.
//!
//! It answers only if it finds a known word, so `None` is common, and better than a guess.

mod table;

use super::MessageSentiment;
use super::lexicon::Lexicon;
use super::text::{Kind, Token, bounded, tokenize};
use table::{ForeignWord, LANGUAGES_MAX, Meaning, Met, Table};

/// Words that a negation affects after it, and before it in languages that negate behind.
const REACH: u8 = 3;
/// The sum beyond which a text is positive: one plain word is enough, a faint one is not.
const POSITIVE_MIN: f32 = 1.6;
/// The same if something is asked: one strong word, or two.
const POSITIVE_ASKING_MIN: f32 = 2.7;
/// The same for negative texts: complaints are voiced more faintly than praise.
const NEGATIVE_MIN: f32 = 1.4;

/// Judges `text` in `language` (a primary subtag), or in the language of most of its known words. `None`
/// without a hit.
pub(super) fn score(text: &str, language: Option<&str>) -> Option<MessageSentiment> {
    let table = Table::built_in();
    let only = match language.map(|tag| table.language(tag)) {
        // No lexicon for this language, but emoji are still evidence.
        Some(None) => Some(LANGUAGES_MAX),
        Some(known) => known,
        None => None,
    };
    let mut tallies = [HitCounts::default(); LANGUAGES_MAX + 1];
    let (head, tail) = bounded(text);
    for part in [head, tail].into_iter().filter(|part| !part.is_empty()) {
        read(part, table, only, &mut tallies);
    }
    let best = match only {
        Some(language) => language,
        None => most_hits(&tallies),
    };
    tallies[best].judge(tallies[LANGUAGES_MAX].emoji, only.is_some())
}

/// The language with the most known words; the stronger result on a tie.
fn most_hits(tallies: &[HitCounts]) -> usize {
    let rank = |tally: &HitCounts| (tally.hits + tally.marks, (tally.sum.abs() * 10.0) as u32);
    (0..LANGUAGES_MAX).max_by_key(|idx| rank(&tallies[*idx])).unwrap_or(0)
}

/// What was found in one language so far.
#[derive(Clone, Copy, Default)]
struct HitCounts {
    sum: f32,
    /// Words with a valence.
    hits: u32,
    /// Matter-of-fact words and classes.
    marks: u32,
    /// Whether something is asked or ordered, so that "a good hotel" is a wish rather than praise.
    asks: bool,
    /// Words that the last negation still affects.
    reach: u8,
    /// Words after the last hit that can still negate it, and that hit.
    behind: u8,
    last: f32,
    last_works: bool,
    emphasis: f32,
    /// Sum of emoji; only in the last tally, which belongs to no language.
    emoji: f32,
}

impl HitCounts {
    fn word(&mut self, word: ForeignWord) {
        match word.meaning {
            Meaning::Not | Meaning::NotAfter => {
                self.marks += 1;
                // "funktioniert nicht", "iyi değil": in languages that negate behind, this reverses the last
                // word.
                if self.behind > 0 && (self.last_works || word.meaning == Meaning::NotAfter) {
                    self.sum -= self.last;
                    self.sum += turned(self.last, self.last_works);
                    self.behind = 0;
                } else if word.meaning == Meaning::Not {
                    self.reach = REACH + 1;
                }
            }
            Meaning::Very => {
                self.marks += 1;
                self.emphasis = 1.3;
                return;
            }
            Meaning::Fact => {
                self.marks += 1;
                self.asks = true;
            }
            Meaning::Courtesy => {
                self.marks += 1;
                if self.behind > 0 {
                    self.sum -= self.last;
                    self.hits = self.hits.saturating_sub(1);
                    self.behind = 0;
                }
            }
            Meaning::Phrase => {
                self.sum += f32::from(word.valence);
                self.hits += 1;
            }
            Meaning::Valence | Meaning::Works => {
                let works = word.meaning == Meaning::Works;
                let mut valence = f32::from(word.valence) * self.emphasis.max(1.0);
                if self.reach > 0 {
                    valence = turned(valence, works);
                } else {
                    self.last = valence;
                    self.last_works = works;
                    self.behind = REACH + 1;
                }
                self.sum += valence;
                self.hits += 1;
            }
        }
        self.emphasis = 1.0;
    }

    fn step(&mut self) {
        self.reach = self.reach.saturating_sub(1);
        self.behind = self.behind.saturating_sub(1);
    }

    fn end_clause(&mut self) {
        self.reach = 0;
        self.behind = 0;
        self.emphasis = 1.0;
    }

    /// Judges a tally; `sure` means that the language was given.
    fn judge(&self, emoji: f32, sure: bool) -> Option<MessageSentiment> {
        let sum = self.sum + emoji;
        // Without a language, one faint or matter-of-fact word may mean anything.
        let enough = if sure {
            self.hits > 0 || self.marks >= 2 || emoji != 0.0
        } else {
            (self.hits > 0 && sum.abs() >= NEGATIVE_MIN) || self.hits + self.marks >= 3
        };
        enough.then(|| {
            let compound = sum / (sum * sum + 6.0).sqrt();
            // Hand-made probabilities: one strong word is right about three times in four.
            let strong = 0.5 + 0.45 * compound.abs();
            let weak = (1.0 - strong) * 0.25;
            let neutral = 1.0 - strong - weak;
            let positive_min = if self.asks { POSITIVE_ASKING_MIN } else { POSITIVE_MIN };
            MessageSentiment::from_probabilities(if sum >= positive_min {
                [weak, neutral, strong]
            } else if sum <= -NEGATIVE_MIN {
                [strong, neutral, weak]
            } else {
                let lean = (0.2 * compound).clamp(-0.2, 0.2);
                [0.22 - lean, 0.56, 0.22 + lean]
            })
        })
    }
}

/// A negated word: praise becomes a complaint, a complaint becomes faint praise, and what does not work is a
/// complaint.
fn turned(valence: f32, works: bool) -> f32 {
    match valence {
        _ if works => -2.0,
        valence if valence > 0.0 => -valence * 0.8,
        valence => -valence * 0.4,
    }
}

/// Adds the words of `text` to the tally of the language `only`, or of every language.
fn read(text: &str, table: &Table, only: Option<usize>, tallies: &mut [HitCounts; LANGUAGES_MAX + 1]) {
    let mut words: Vec<u8> = Vec::with_capacity(text.len() + text.len() / 4 + 16);
    let mut tokens: Vec<Token> = Vec::with_capacity(text.len() / 4 + 8);
    tokenize(text, &mut tokens, |word| words.extend(word));
    let english = Lexicon::english();
    let mut rest = words.as_slice();
    let mut before = [0_u64; 3];
    for token in &tokens {
        match token.kind {
            Kind::Word => {
                let len = rest.iter().position(|byte| *byte == b'$').map_or(rest.len(), |at| at + 1);
                let (word, after) = rest.split_at(len);
                rest = after;
                let source = text.get(token.start as usize..token.end as usize).unwrap_or_default();
                let unspaced = source.chars().next().is_some_and(is_unspaced);
                if unspaced {
                    table.scan(source, only, |language, word, gap| {
                        let tally = &mut tallies[language];
                        if gap {
                            tally.end_clause();
                        }
                        tally.word(word);
                        tally.step();
                    });
                    before = [0; 3];
                    continue;
                }
                tallies.iter_mut().for_each(HitCounts::step);
                let own =
                    table.look_up(&Met { word, before }, only, |language, word| tallies[language].word(word));
                before = [own, before[0], before[1]];
            }
            Kind::Emoji => {
                let valence = english.get(token.hash).map_or(0, |entry| entry.valence);
                tallies[LANGUAGES_MAX].emoji += f32::from(valence) * 0.8;
            }
            Kind::Break | Kind::Exclamation | Kind::Question => {
                tallies.iter_mut().for_each(HitCounts::end_clause);
                if token.kind == Kind::Question {
                    tallies.iter_mut().for_each(|tally| tally.asks = true);
                }
                before = [0; 3];
            }
            _ => {}
        }
    }
}

/// Scripts written without spaces between words.
fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{0e00}'..='\u{0eff}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}')
}
