//! Sentiment of messages and of whole interactions.
//!
//! English is judged by a linear model over hashed words, word pairs and pieces of words, plus the sums of a
//! lexicon (`features`, `linear`). Other languages are judged only by a lexicon of strong words (`foreign`),
//! and not at all if none of those occurs. `docs/analysis.md` says how well; `examples/train_sentiment`
//! writes the model.

pub mod features;
mod foreign;
mod interaction;
pub mod lexicon;
pub mod linear;
mod names;
pub mod text;

use std::sync::LazyLock;

pub use hearken_model::Sentiment;
pub use interaction::{InteractionSentiment, UserMessage, interaction_sentiment};

use features::{Plain, extract};
use lexicon::Lexicon;
use linear::Linear;

static MODEL_BYTES: &[u8] = include_bytes!("../models/sentiment.bin");

/// Share of words that must be known for a text without a given language to be taken for English.
const ENGLISH_SHARE_MIN: f32 = 0.6;

/// In texts of at most this many words, known words alone do not prove English.
const FEW_WORDS: u32 = 2;

/// What a message says about its writer's mood.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MessageSentiment {
    /// The most likely label.
    pub sentiment: Sentiment,
    /// −1 (certainly negative) to 1 (certainly positive): the probability of positive minus that of negative.
    /// Its sign never contradicts the label; within ±0.5 for neutral.
    pub score: f32,
    /// Calibrated probability that the label is right, 0.33 to 1. Estimated by hand for languages other than
    /// English.
    pub confidence: f32,
}

impl MessageSentiment {
    /// From probabilities of negative, neutral and positive.
    fn from_probabilities([negative, neutral, positive]: [f32; 3]) -> Self {
        let score = (positive - negative).clamp(-1.0, 1.0);
        let (sentiment, confidence) = if positive > negative && positive > neutral {
            (Sentiment::Positive, positive)
        } else if negative > positive && negative > neutral {
            (Sentiment::Negative, negative)
        } else {
            (Sentiment::Neutral, neutral)
        };
        Self { sentiment, score, confidence: confidence.min(1.0) }
    }
}

/// The built-in model: pure, shared, and without state between messages.
pub struct SentimentModel {
    linear: Linear<'static>,
    english: &'static Lexicon,
}

impl SentimentModel {
    /// The model in the binary. The first call reads the lexicons (about a millisecond), later ones are free.
    pub fn built_in() -> &'static Self {
        static MODEL: LazyLock<SentimentModel> = LazyLock::new(|| SentimentModel {
            linear: Linear::open(MODEL_BYTES)
                .expect("the embedded model has this version, which a test checks"),
            english: Lexicon::english(),
        });
        &MODEL
    }

    /// Whether the embedded model was trained with the embedded lexicon.
    pub fn matches_lexicon(&self) -> bool {
        self.linear.lexicon_checksum == self.english.checksum
    }

    /// Judges one message. `language` is a BCP 47 tag, given or detected; `None` if unknown.
    ///
    /// Returns `None` without evidence: no words, only digits or names, or no strong word of the language. Of
    /// a long text, reads the first 2,000 and the last 500 bytes.
    pub fn score(&self, text: &str, language: Option<&str>) -> Option<MessageSentiment> {
        let language =
            language.map(primary).filter(|language| !matches!(language.as_str(), "" | "und" | "mul" | "zxx"));
        let english = language.as_ref().is_none_or(|language| language.as_str() == "en");
        if !english {
            // Language detection errs on short texts; clear English words are evidence of their own.
            let tag = language.as_ref().map_or("", Primary::as_str);
            return foreign::score(text, Some(tag)).or_else(|| self.score_english(text, 0.75, 3));
        }
        if language.is_some() {
            return self.score_english(text, 0.0, 1).or_else(|| foreign::score(text, None));
        }
        match self.judge_english(text, ENGLISH_SHARE_MIN, 1) {
            // "gracias" occurs in English comments too; without an English sentiment word it is Spanish.
            Some((_, plain)) if plain.num_words <= FEW_WORDS && plain.num_hits == 0 => {
                let moved = |found: &MessageSentiment| found.sentiment != Sentiment::Neutral;
                foreign::score(text, None)
                    .filter(moved)
                    .or_else(|| self.score_english(text, ENGLISH_SHARE_MIN, 1))
            }
            Some((probabilities, _)) => Some(MessageSentiment::from_probabilities(probabilities)),
            None => foreign::score(text, None),
        }
    }

    /// Judges English if at least `share` of the words, and at least `least` of them (or an emoji), are
    /// known.
    fn score_english(&self, text: &str, share: f32, least: u32) -> Option<MessageSentiment> {
        let (probabilities, _) = self.judge_english(text, share, least)?;
        Some(MessageSentiment::from_probabilities(probabilities))
    }

    fn judge_english(&self, text: &str, share: f32, least: u32) -> Option<([f32; 3], Plain)> {
        let mut tokens = Vec::with_capacity(text.len().min(2_500) / 4 + 8);
        let mut sum = self.linear.start();
        let plain = extract(text, self.english, &mut tokens, &mut sum);
        let enough_words = sum.known >= least && sum.known as f32 >= share * plain.num_words as f32;
        let only_emoji = plain.num_words == 0 && plain.num_emoji_hits > 0;
        (enough_words || only_emoji).then(|| (sum.probabilities(&plain), plain))
    }
}

/// The first part of a language tag in lower case, at most three letters, without allocation.
struct Primary([u8; 3], usize);

impl Primary {
    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0[..self.1]).unwrap_or_default()
    }
}

fn primary(tag: &str) -> Primary {
    let mut letters = [0; 3];
    let mut len = 0;
    for byte in tag.bytes().take_while(u8::is_ascii_alphabetic).take(3) {
        letters[len] = byte.to_ascii_lowercase();
        len += 1;
    }
    Primary(letters, len)
}
