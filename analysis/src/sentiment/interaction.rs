//! The mood of a whole interaction, and a sentence that says why.

use hearken_model::{MoodChange, Sentiment};

use super::lexicon::Lexicon;
use super::text::{Kind, Token, hash_word, join, tokenize};

/// A message's weight is multiplied by this for each later message, down to [`RECENCY_MIN`].
const RECENCY: f32 = 0.7;
/// The weight of the oldest messages of a long interaction.
const RECENCY_MIN: f32 = 0.1;
/// Beyond this score, the interaction as a whole is positive or negative.
const LABEL_SCORE_MIN: f32 = 0.2;
/// The least distance of the means before and after a turning point from matter-of-fact.
const TURN_MOOD_MIN: f32 = 0.2;
/// The least difference between the means before and after a turning point.
const TURN_MIN: f32 = 0.5;
/// The weight of a courtesy, and the most it says about the mood: people are polite even to those they are
/// angry with.
const COURTESY_WEIGHT: f32 = 0.5;
const COURTESY_SCORE_MAX: f32 = 0.35;
/// Share of a feeling about a film or the news that counts as one about the conversation.
const ABOUT_WORKS_WEIGHT: f32 = 0.2;
/// Beyond this, a message is positive or negative enough to count as such.
const FELT_SCORE_MIN: f32 = 0.3;
/// A negative message without a complaint makes a negative interaction only beyond this.
const HURT_SCORE_MIN: f32 = 0.45;
/// A lone request is negative only beyond this: "my card was stolen, block it", but not "a dirty chai, please".
const URGENT_SCORE_MIN: f32 = 0.75;
/// Beyond this, the last message says how the conversation ended.
const ENDING_SCORE_MIN: f32 = 0.45;
/// The least score of a high point, or of a low point with the other sign.
const HIGH_POINT_SCORE_MIN: f32 = 0.4;
/// If the whole is not negative, only an open complaint is a low point, not a request that sounds a little
/// like one.
const LOW_POINT_SCORE_MIN: f32 = 0.65;
/// Thanks at the end with more than this score show that a problem was only stated, unless a message complains or
/// is angrier than the second.
const THANKFUL_SCORE_MIN: f32 = 0.5;
const ANGRY_SCORE_MIN: f32 = 0.85;
/// If more than half of the messages are negative, at least this many, and few are positive, then the whole is at most
/// this good, however polite the end.
const MOSTLY_BAD_MIN: usize = 3;
const MOSTLY_BAD_SCORE_MIN: f32 = 0.25;
/// Most words and characters of a quotation.
const QUOTE_WORDS: usize = 8;
const QUOTE_CHARS: usize = 60;
/// User messages that are judged: the last ones of a longer interaction.
const MESSAGES_MAX: usize = 500;

/// A user's message with its sentiment, from upstream or judged here.
#[derive(Clone, Copy, Debug, Default)]
pub struct UserMessage<'a> {
    /// What was said.
    pub text: &'a str,
    /// Its label; `None` without evidence.
    pub sentiment: Option<Sentiment>,
    /// −1 to 1; if upstream gave only a label, ±0.6 or 0 is assumed.
    pub score: Option<f32>,
    /// "ok, thanks": what anybody says, whatever they feel. Counts little if it is pleasant.
    pub is_courtesy: bool,
    /// Whether it is about a film or the news; feelings about those count little.
    pub is_about_works: bool,
    /// Whether it asks for something without an explicit complaint.
    pub is_mere_request: bool,
    /// Whether it gives thanks or takes leave.
    pub is_polite: bool,
    /// Whether a pleasant tone is no praise: it asks for something, or goes on with a "but".
    pub is_no_praise: bool,
    /// Whether it complains of the service in so many words.
    pub complains: bool,
}

/// The mood of an interaction.
#[derive(Clone, Debug, PartialEq)]
pub struct InteractionSentiment {
    /// The overall label.
    pub sentiment: Sentiment,
    /// −1 to 1; its sign agrees with the label, within ±0.2 for neutral.
    pub score: f32,
    /// One or two short English sentences that give the reason: the turning point, the strongest message, how
    /// it ended. Plain text of at most 400 characters; each quotation has at most eight words of a message.
    pub description: String,
    /// The final mood, consistent with the description.
    pub ended: Sentiment,
}

/// A mood of at most this strength yields to signs of the opposite direction.
const WEAK_SCORE_MAX: f32 = 0.5;

impl InteractionSentiment {
    /// The same interaction as neutral, if its mood is weak enough to allow that. The reasons stay.
    pub(crate) fn tempered(&self) -> Option<InteractionSentiment> {
        if self.score.abs() > WEAK_SCORE_MAX || self.sentiment == Sentiment::Neutral {
            return None;
        }
        let description = self.description.replacen(word(self.sentiment), word(Sentiment::Neutral), 1);
        let score = self.score.clamp(-LABEL_SCORE_MIN, LABEL_SCORE_MIN);
        Some(InteractionSentiment { sentiment: Sentiment::Neutral, score, description, ended: self.ended })
    }
}

/// The first word of a description.
const fn word(sentiment: Sentiment) -> &'static str {
    match sentiment {
        Sentiment::Positive => "Positive",
        Sentiment::Neutral => "Neutral",
        Sentiment::Negative => "Negative",
    }
}

/// One judged message.
#[derive(Clone, Copy)]
struct Judged<'a> {
    text: &'a str,
    /// The score of its wording.
    score: f32,
    /// The part of the score that is about the conversation.
    felt: f32,
    sentiment: Sentiment,
    is_courtesy: bool,
    is_about_works: bool,
    is_mere_request: bool,
    is_polite: bool,
    is_no_praise: bool,
    complains: bool,
}

impl Judged<'_> {
    /// Whether it is a request that sounds a little like a complaint.
    fn only_sounds_bad(&self) -> bool {
        self.is_mere_request && self.score > -URGENT_SCORE_MIN
    }

    /// The score that is more than courtesy.
    fn meant(&self) -> f32 {
        if self.is_courtesy { 0.0 } else { self.felt }
    }
}

/// Judges an interaction by its user's messages, in the order in which they were said. `None` if none has a
/// sentiment.
///
/// Later messages weigh more than earlier ones, strong ones more than matter-of-fact ones, and a final
/// courtesy less, so that "ok thanks" does not whitewash an angry call.
pub fn interaction_sentiment(messages: &[UserMessage<'_>]) -> Option<InteractionSentiment> {
    let recent = &messages[messages.len().saturating_sub(MESSAGES_MAX)..];
    let judged: Vec<Judged<'_>> = recent.iter().filter_map(judged).collect();
    if judged.is_empty() {
        return None;
    }
    let (lowest, highest) = bounds(&judged);
    let score = weighted_mean(&judged).clamp(lowest, highest);
    let sentiment = label(score, LABEL_SCORE_MIN);
    let last = &judged[judged.len() - 1];
    let ended = match last.is_courtesy || (last.is_no_praise && last.felt > 0.0) {
        true => Sentiment::Neutral,
        false => label(last.felt, ENDING_SCORE_MIN),
    };
    Some(InteractionSentiment { sentiment, score, description: describe(sentiment, ended, &judged), ended })
}

/// The moods that the messages support. A negative one needs a negative message, and more than one request
/// that merely sounds negative ("will I have to pay extra?") or a problem that is only stated before thanks at the end;
/// where most messages are negative, no other is possible. A positive one needs more than courtesies and requests, and a
/// last word before them that is no complaint.
fn bounds(judged: &[Judged<'_>]) -> (f32, f32) {
    let is_bad = |message: &&Judged<'_>| message.sentiment == Sentiment::Negative;
    let hurting = |message: &&Judged<'_>| message.complains || message.score < -HURT_SCORE_MIN;
    let mut hurting = judged.iter().filter(is_bad).filter(hurting);
    let hurts = match (hurting.next(), hurting.next()) {
        (Some(lone), None) if judged.len() == 1 => !lone.only_sounds_bad(),
        (Some(lone), None) => !lone.is_mere_request,
        (first, _) => first.is_some(),
    };
    let mut meant = judged.iter().rev().filter(|message| !message.is_courtesy).peekable();
    let ends_badly = meant.peek().is_some_and(|last| last.felt < -FELT_SCORE_MIN);
    let pleases = meant.any(|message| {
        message.sentiment == Sentiment::Positive && message.felt > FELT_SCORE_MIN && !message.is_no_praise
    });
    let is_thankful = judged.last().is_some_and(|last| last.is_polite && last.score > THANKFUL_SCORE_MIN);
    let is_calm = judged.iter().all(|message| !message.complains && message.score > -ANGRY_SCORE_MIN);
    let hurts = hurts && (ends_badly || !is_thankful || !is_calm);
    let bad = judged.iter().filter(is_bad).count();
    let good = judged.iter().filter(|message| message.meant() > FELT_SCORE_MIN).count();
    if bad >= MOSTLY_BAD_MIN && bad * 2 > judged.len() && good * 3 <= bad {
        return (-1.0, -MOSTLY_BAD_SCORE_MIN);
    }
    let lowest = if hurts { -1.0 } else { -LABEL_SCORE_MIN };
    let highest = if pleases && !ends_badly { 1.0 } else { LABEL_SCORE_MIN };
    (lowest, highest)
}

fn judged<'a>(message: &UserMessage<'a>) -> Option<Judged<'a>> {
    let sentiment = message.sentiment?;
    let assumed = match sentiment {
        Sentiment::Positive => 0.6,
        Sentiment::Neutral => 0.0,
        Sentiment::Negative => -0.6,
    };
    let score = message.score.filter(|score| score.is_finite()).unwrap_or(assumed).clamp(-1.0, 1.0);
    let felt = if message.is_about_works { ABOUT_WORKS_WEIGHT * score } else { score };
    // "No, that's all" may be matter-of-fact, and "fine, whatever" is no courtesy.
    let is_polite = message.is_polite && score > -FELT_SCORE_MIN;
    Some(Judged {
        text: message.text,
        score,
        felt,
        sentiment,
        is_courtesy: message.is_courtesy && (score > 0.0 || is_polite),
        is_about_works: message.is_about_works,
        is_mere_request: message.is_mere_request,
        is_polite,
        is_no_praise: message.is_no_praise,
        complains: message.complains,
    })
}

fn label(score: f32, least: f32) -> Sentiment {
    if score > least {
        Sentiment::Positive
    } else if score < -least {
        Sentiment::Negative
    } else {
        Sentiment::Neutral
    }
}

fn weighted_mean(judged: &[Judged<'_>]) -> f32 {
    let (mut sum, mut weights) = (0.0, 0.0);
    let mut recency = 1.0_f32;
    for message in judged.iter().rev() {
        let (score, courtesy) = match message.is_courtesy {
            true => (message.felt.min(COURTESY_SCORE_MAX), COURTESY_WEIGHT),
            false => (message.felt, 1.0),
        };
        let weight = recency * (0.25 + score.abs()) * courtesy;
        sum += weight * score;
        weights += weight;
        recency = (recency * RECENCY).max(RECENCY_MIN);
    }
    sum / weights
}

fn describe(sentiment: Sentiment, ended: Sentiment, judged: &[Judged<'_>]) -> String {
    let overall = word(sentiment);
    let strongest = |sign: f32| {
        judged
            .iter()
            .enumerate()
            .filter(|(_, message)| {
                message.score * sign > HIGH_POINT_SCORE_MIN
                    && !message.is_about_works
                    && !(if sign > 0.0 { message.is_no_praise } else { message.only_sounds_bad() })
            })
            .max_by(|(_, left), (_, right)| (left.score * sign).total_cmp(&(right.score * sign)))
            .map(|(idx, _)| idx)
    };
    let (best, worst) = (strongest(1.0), strongest(-1.0));
    let last = judged.len() - 1;
    let quote = |idx: usize| quote(judged[idx].text, judged[idx].score);
    if judged.len() == 1 {
        let only = quote(0);
        return if only.is_empty() { format!("{overall}.") } else { format!("{overall}: {only}.") };
    }
    let mut reasons = Vec::new();
    let leaves_aside =
        judged.iter().any(|message| message.is_about_works && message.score.abs() > FELT_SCORE_MIN);
    if leaves_aside {
        reasons.push("feelings about films, songs, books or news left aside".to_owned());
    } else if best.is_none()
        && worst.is_none()
        && [sentiment, ended] == [Sentiment::Neutral; 2]
        && !judged[last].is_polite
    {
        return format!("{overall}: matter-of-fact throughout.");
    }
    // Only if `sentiment_change` and the end agree with it.
    let scores: Vec<f64> = judged.iter().map(|message| f64::from(message.score)).collect();
    let change = MoodChange::from_scores(&scores);
    let turn = turning_point(judged).filter(|(_, rising)| {
        let (expected, denied) = match rising {
            true => (MoodChange::Improved, Sentiment::Negative),
            false => (MoodChange::Worsened, Sentiment::Positive),
        };
        change == Some(expected) && ended != denied
    });
    if let Some((idx, rising)) = turn {
        let (from, to) = if rising { ("low", "better") } else { ("well", "worse") };
        reasons.push(format!("began {from} and turned {to} at {}", quote(idx)));
    }
    let worst =
        worst.filter(|idx| sentiment == Sentiment::Negative || judged[*idx].score < -LOW_POINT_SCORE_MIN);
    for (idx, name) in [(worst, "low point"), (best, "high point")] {
        // The turning point and the end are already quoted.
        if let Some(idx) = idx.filter(|idx| turn.map(|(turn, _)| turn) != Some(*idx) && *idx != last) {
            reasons.push(format!("{name} {}", quote(idx)));
        }
    }
    let end = match ended {
        Sentiment::Neutral if judged[last].is_polite => "ended politely",
        _ if judged[last].is_courtesy => "ended agreeably",
        Sentiment::Neutral if judged[last].is_about_works => "ended",
        Sentiment::Positive => "ended on a positive note",
        Sentiment::Neutral => "ended matter-of-fact",
        Sentiment::Negative => "ended on a negative note",
    };
    let quoted_before = turn.is_some_and(|(idx, _)| idx == last);
    match quote_end(judged[last].text, judged[last].score) {
        words if quoted_before || words.is_empty() => reasons.push(end.to_owned()),
        words => reasons.push(format!("{end} with {words}")),
    }
    format!("{overall}: {}.", reasons.join("; "))
}

/// The message at which the mood changed most, and whether it improved.
fn turning_point(judged: &[Judged<'_>]) -> Option<(usize, bool)> {
    let total: f32 = judged.iter().map(Judged::meant).sum();
    let mut before = 0.0;
    let mut found: Option<(usize, f32)> = None;
    for (idx, message) in judged.iter().enumerate() {
        if idx > 0 {
            let (mean_before, mean_after) =
                (before / idx as f32, (total - before) / (judged.len() - idx) as f32);
            let change = mean_after - mean_before;
            // A turning point needs two opposite moods, not one that follows small talk, and a message that is more than
            // a courtesy and itself in the new mood.
            let opposite = mean_before * mean_after < 0.0
                && mean_before.abs() > TURN_MOOD_MIN
                && mean_after.abs() > TURN_MOOD_MIN
                && message.meant() * mean_after > 0.0
                && message.meant().abs() > TURN_MOOD_MIN
                && judged[..idx]
                    .iter()
                    .any(|earlier| earlier.meant() * mean_before.signum() > FELT_SCORE_MIN);
            if opposite && change.abs() >= TURN_MIN && found.is_none_or(|(_, most)| change.abs() > most.abs())
            {
                found = Some((idx, change));
            }
        }
        before += message.meant();
    }
    found.map(|(idx, change)| (idx, change > 0.0))
}

/// A few words of a message in quotation marks, around the strongest feeling; empty if there are none.
fn quote(text: &str, score: f32) -> String {
    let text = beginning(text);
    let longest = || sentences(text).max_by_key(|sentence| sentence.chars().count());
    quoted(telling_sentence(text, score).or_else(longest).unwrap_or(text))
}

/// The same of the last message: without a strong word, its last sentence, where thanks are.
fn quote_end(text: &str, score: f32) -> String {
    let text = beginning(text);
    quoted(telling_sentence(text, score).or_else(|| sentences(text).last()).unwrap_or(text))
}

/// The part of a message that is read for a quotation.
fn beginning(text: &str) -> &str {
    &text[..text.char_indices().nth(2_000).map_or(text.len(), |(at, _)| at)]
}

fn quoted(sentence: &str) -> String {
    let mut quoted = String::new();
    for (idx, word) in sentence.split_whitespace().enumerate() {
        let room = QUOTE_CHARS.saturating_sub(quoted.chars().count());
        if idx == QUOTE_WORDS || (word.chars().count() >= room && idx > 0) {
            quoted.push_str(" …");
            break;
        }
        if idx > 0 {
            quoted.push(' ');
        }
        quoted.extend(word.chars().take(room).filter(|c| !c.is_control() && !matches!(c, '“' | '”' | '"')));
    }
    let quoted = quoted.trim_matches([' ', ',', ';', '.']);
    if quoted.is_empty() { String::new() } else { format!("“{quoted}”") }
}

/// The sentence with the strongest word in the score's direction.
fn telling_sentence(text: &str, score: f32) -> Option<&str> {
    let lexicon = Lexicon::english();
    let mut tokens: Vec<Token> = Vec::new();
    tokenize(text, &mut tokens, |_| {});
    let valence =
        |hash: u64| lexicon.get(hash).map_or(0.0, |entry| f32::from(entry.valence) * score.signum());
    let mut strongest = (0.5, None);
    let mut previous = hash_word("");
    for token in tokens.iter().filter(|token| matches!(token.kind, Kind::Word | Kind::Emoji)) {
        let strength = valence(token.hash).max(valence(join(previous, token.hash)));
        if strength > strongest.0 {
            strongest = (strength, Some(token.start as usize));
        }
        previous = token.hash;
    }
    let at = strongest.1?;
    let (start, end) = sentence_bounds(text).find(|(_, end)| at < *end)?;
    let sentence = text[start..end].trim();
    // An emoji after the full stop says little without the sentence.
    Some(if sentence.chars().any(char::is_alphanumeric) { sentence } else { text.trim() })
}

/// The sentences with words in them.
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    sentence_bounds(text)
        .map(|(start, end)| text[start..end].trim())
        .filter(|sentence| sentence.chars().any(char::is_alphanumeric))
}

/// Where each sentence starts and ends. It includes the mark that ends it: "THREE weeks!" is not "THREE weeks". The full
/// stop in `4.5` ends none.
fn sentence_bounds(text: &str) -> impl Iterator<Item = (usize, usize)> {
    let mut start = 0;
    let ends = move |(idx, c): (usize, char)| {
        let end = idx + c.len_utf8();
        let ends = match c {
            '!' | '?' | '\n' | '。' | '！' | '？' | '।' => true,
            '.' => !text[end..].starts_with(char::is_alphanumeric),
            _ => false,
        };
        (ends || end == text.len()).then_some(end)
    };
    text.char_indices().filter_map(ends).map(move |end| (std::mem::replace(&mut start, end), end))
}
