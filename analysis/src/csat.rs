//! An estimate of the customer's satisfaction, 1 to 5, with its reasons.
//!
//! A sum of signs: mood over time, effort (long, repeated, asked again), resolution (thanks, success, something done,
//! transfer, abandonment, a question left open). Every sign that counts can be named, and the description names the
//! strongest. A support signal, not a verdict: `docs/analysis.md` says how little such estimates agree with surveys.

use crate::cues::{Cue, Cues};
use hearken_model::{Role, Sentiment, Status};

/// With fewer words than this in the conversation, satisfaction is not judged.
const WORDS_MIN: u32 = 10;

/// The features of one message that the estimate uses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn {
    pub(crate) role: Role,
    pub(crate) num_words: u16,
    pub(crate) cues: Cues,
    /// Whether its last sentence is a question.
    pub(crate) asks: bool,
    /// −1 to 1, where known.
    pub(crate) mood: Option<f32>,
    /// Bloom signature of its content words.
    pub(crate) signature: u64,
}

/// The estimate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Csat {
    pub(crate) score: u8,
    pub(crate) description: String,
    /// The signs alone suggested another score, which the mood rules out.
    pub(crate) is_bounded: bool,
}

/// One sign: how much it moves the estimate, and its wording; empty where the wording would contradict the mood that is
/// shown.
type Sign = (f32, &'static str);

/// The interaction's sentiment, which the estimate and its reasons never contradict.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mood {
    /// Of the whole.
    pub(crate) whole: Sentiment,
    /// At the end.
    pub(crate) ended: Sentiment,
}

impl Mood {
    /// The scores that a mood allows: a good mood rules out dissatisfaction, a bad one satisfaction.
    fn possible(mood: Option<Mood>) -> std::ops::RangeInclusive<u8> {
        match mood.map(|mood| mood.whole) {
            Some(Sentiment::Positive) => 3..=5,
            Some(Sentiment::Negative) => 1..=3,
            Some(Sentiment::Neutral) | None => 1..=5,
        }
    }
}

/// Where the estimate starts: conversations without any sign tend to be rated a little above the middle.
const START: f32 = 3.4;

/// Most signs that the description names.
const REASONS_MAX: usize = 3;

/// Most turns that are judged; in a longer conversation, the last ones.
pub(crate) const TURNS_MAX: usize = 200;

/// How many messages each side has in the whole conversation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sides {
    pub(crate) num_customer: usize,
    pub(crate) num_agent: usize,
}

/// How the conversation stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome<'a> {
    pub(crate) status: Status,
    pub(crate) ended: bool,
    /// The producer's word for why it ended.
    pub(crate) end_reason: Option<&'a str>,
}

impl Outcome<'_> {
    fn failed(&self) -> bool {
        self.status == Status::Failed || self.reason_has(&["error", "fail"])
    }

    fn transferred(&self) -> bool {
        self.status == Status::Transferred || self.reason_has(&["transfer", "forward", "escalat"])
    }

    /// Whether the end reason contains one of these lower-case words.
    fn reason_has(&self, words: &[&str]) -> bool {
        let reason = self.end_reason.unwrap_or_default().to_ascii_lowercase();
        words.iter().any(|word| reason.contains(word))
    }
}

/// Estimates satisfaction from the last [`TURNS_MAX`] turns. `None` without a message from each side or with fewer than
/// ten words in all.
pub(crate) fn estimate(
    turns: &[Turn],
    sides: Sides,
    outcome: Outcome<'_>,
    mood: Option<Mood>,
) -> Option<Csat> {
    let num_words: u32 = turns.iter().map(|turn| u32::from(turn.num_words)).sum();
    if sides.num_customer == 0 || sides.num_agent == 0 || num_words < WORDS_MIN {
        return None;
    }
    let mut signs: Vec<Sign> = Vec::with_capacity(12);
    mood_signs(turns, mood, &mut signs);
    resolution_signs(turns, outcome, &mut signs);
    effort_signs(turns, sides, &mut signs);
    let sum: f32 = START + signs.iter().map(|(weight, _)| weight).sum::<f32>();
    let possible = Mood::possible(mood);
    let by_signs = sum.round().clamp(1.0, 5.0) as u8;
    let score = by_signs.clamp(*possible.start(), *possible.end());
    let is_bounded = score != by_signs;
    Some(match describe(score, signs) {
        Some(description) => Csat { score, description, is_bounded },
        None => Csat { score: MIDDLE, description: UNDECIDED.to_owned(), is_bounded },
    })
}

/// Customer messages that the final mood is taken from.
const CLOSING_TURNS: usize = 3;

/// How much a feeling about a film or a book counts, compared with one about the service.
const ABOUT_WORKS_WEIGHT: f32 = 0.2;

fn mood_signs(turns: &[Turn], shown: Option<Mood>, signs: &mut Vec<Sign>) {
    let talks_of_works = talks_of_works(turns);
    let (mut sum, mut count) = (0.0f32, 0u32);
    let (mut closing, mut closing_count, mut last) = (0.0f32, 0u32, 0usize);
    for turn in turns.iter().rev().filter(|turn| turn.role == Role::User) {
        last += 1;
        let Some(mood) = turn.mood else { continue };
        let mood =
            if talks_of_works && turn.cues.has(Cue::AboutWorks) { ABOUT_WORKS_WEIGHT * mood } else { mood };
        sum += mood;
        count += 1;
        if last <= CLOSING_TURNS {
            closing += mood;
            closing_count += 1;
        }
    }
    if count == 0 {
        return;
    }
    let mean = sum / count as f32;
    let closing = if closing_count == 0 { mean } else { closing / closing_count as f32 };
    let agrees = |at: fn(Mood) -> Sentiment, score: f32| match shown.map(at) {
        Some(Sentiment::Positive) => score > 0.0,
        Some(Sentiment::Negative) => score < 0.0,
        Some(Sentiment::Neutral) | None => false,
    };
    let reason = |agrees: bool, score: f32, [bad, good]: [&'static str; 2]| match agrees {
        true if score < 0.0 => bad,
        true => good,
        false => "",
    };
    let of_whole = agrees(|mood| mood.whole, mean);
    signs.push((2.0 * mean, reason(of_whole, mean, ["the mood was negative", "the mood was positive"])));
    let of_end = agrees(|mood| mood.ended, closing);
    let at_end = ["it ended in a bad mood", "it ended in a good mood"];
    signs.push((0.8 * closing, reason(of_end, closing, at_end)));
}

/// Whether the customer mostly talks about films, books or songs: "a disaster" then describes one of those.
fn talks_of_works(turns: &[Turn]) -> bool {
    let by_customer = || turns.iter().filter(|turn| turn.role == Role::User);
    by_customer().filter(|turn| turn.cues.has(Cue::AboutWorks)).count() * 2 > by_customer().count()
}

fn resolution_signs(turns: &[Turn], outcome: Outcome<'_>, signs: &mut Vec<Sign>) {
    let talks_of_works = talks_of_works(turns);
    let mut closing = Cues::default();
    let mut earlier = Cues::default();
    let mut agent = Cues::default();
    let (mut from_end, mut num_failures, mut num_unable, mut has_human) = (0usize, 0u32, 0u32, false);
    // The later cue wins: a problem that was solved is no longer there, and vice versa.
    let mut last_word: Option<Cue> = None;
    for turn in turns.iter().rev() {
        match turn.role {
            Role::User => {
                from_end += 1;
                if talks_of_works && turn.cues.has(Cue::AboutWorks) {
                    continue;
                }
                if from_end <= CLOSING_TURNS && last_word.is_none() {
                    last_word = [Cue::Failure, Cue::Success].into_iter().find(|cue| turn.cues.has(*cue));
                }
                num_failures += u32::from(turn.cues.has(Cue::Failure));
                if from_end <= CLOSING_TURNS { closing.insert(turn.cues) } else { earlier.insert(turn.cues) }
            }
            Role::Assistant | Role::Human => {
                has_human |= turn.role == Role::Human;
                num_unable += u32::from(turn.cues.has(Cue::Unable));
                agent.insert(turn.cues);
            }
            Role::System | Role::Tool => {}
        }
    }
    if closing.has(Cue::Thanks) {
        signs.push((0.35, "the customer gave thanks at the end"));
    }
    if last_word == Some(Cue::Success) {
        signs.push((0.35, "the customer confirmed success"));
    }
    if last_word == Some(Cue::Failure) {
        signs.push((-0.8, "the problem was still there at the end"));
    } else if num_failures > 0 {
        signs.push((-0.25 * num_failures.min(4) as f32, "the customer told of failures on the way"));
    }
    if agent.has(Cue::Done) {
        signs.push((0.25, "something was completed"));
    }
    if num_unable > 0 {
        signs.push((-0.15 * num_unable.min(4) as f32, "the agent could not help with everything"));
    }
    if closing.has(Cue::WantsPerson) || earlier.has(Cue::WantsPerson) {
        signs.push((-0.6, "the customer asked for a person or complained formally"));
    }
    if has_human || agent.has(Cue::HandsOver) || outcome.transferred() {
        signs.push((-0.2, "it was handed over"));
    }
    outcome_signs(turns, outcome, signs);
}

fn outcome_signs(turns: &[Turn], outcome: Outcome<'_>, signs: &mut Vec<Sign>) {
    let last = turns.iter().rfind(|turn| matches!(turn.role, Role::User | Role::Assistant | Role::Human));
    let waits = last.is_some_and(|turn| turn.role == Role::User && turn.asks);
    match outcome.status {
        _ if outcome.failed() => signs.push((-1.0, "it failed")),
        Status::Abandoned if waits => signs.push((-1.0, "a question was left open")),
        Status::Abandoned => signs.push((-0.3, "it was left without an end")),
        Status::Finished | Status::Transferred if outcome.ended && waits => {
            signs.push((-0.5, "the last question got no answer"));
        }
        _ => {}
    }
}

/// Customer messages that count as no effort.
const EASY_TURNS: usize = 10;

/// Content words that two messages must share to be the same request.
const SAME_WORDS_MIN: u32 = 4;

/// How many earlier customer messages a repetition is searched in.
const REPETITION_TURNS: usize = 6;

fn effort_signs(turns: &[Turn], sides: Sides, signs: &mut Vec<Sign>) {
    let long = sides.num_customer.saturating_sub(EASY_TURNS);
    if long > 0 {
        signs.push((-(0.04 * long as f32).min(0.6), "it took many messages"));
    }
    let stated =
        turns.iter().filter(|turn| turn.role == Role::User && turn.cues.has(Cue::Repetition)).count();
    let repeated = repetitions(turns) + stated.min(2) as u32;
    if repeated > 0 {
        signs.push((-(0.65 * repeated as f32).min(1.3), "the customer had to repeat things"));
    }
}

/// Customer messages that repeat one of the few before them.
fn repetitions(turns: &[Turn]) -> u32 {
    let mut recent = [0u64; REPETITION_TURNS];
    let mut repeated = 0;
    for (n, turn) in turns.iter().filter(|turn| turn.role == Role::User).enumerate() {
        let same = |other: &u64| {
            let shared = (other & turn.signature).count_ones();
            shared >= SAME_WORDS_MIN && shared * 4 >= (other | turn.signature).count_ones() * 3
        };
        repeated += u32::from(recent.iter().any(same));
        recent[n % REPETITION_TURNS] = turn.signature;
    }
    repeated.min(3)
}

/// The description when no sign is strong enough to be named.
const MIDDLE: u8 = 3;
const UNDECIDED: &str = "Mixed: no clear sign either way.";

/// A weaker sign is not named.
const TELLING_WEIGHT_MIN: f32 = 0.1;

/// The reasons of an estimate; `None` where there are none.
fn describe(score: u8, mut signs: Vec<Sign>) -> Option<String> {
    let label = match score {
        ..=1 => "Very dissatisfied",
        2 => "Dissatisfied",
        3 => "Mixed",
        4 => "Satisfied",
        _ => "Very satisfied",
    };
    // Only reasons that agree with the score; for a middling score, the strongest in either direction.
    let strength = |sign: &Sign| match score {
        ..=2 => -sign.0,
        3 => sign.0.abs(),
        _ => sign.0,
    };
    signs.retain(|sign| strength(sign) >= TELLING_WEIGHT_MIN && !sign.1.is_empty());
    signs.sort_by(|a, b| strength(b).total_cmp(&strength(a)));
    signs.truncate(REASONS_MAX);
    let (last, others) = signs.split_last()?;
    let mut description = format!("{label}: ");
    for (n, (_, reason)) in others.iter().enumerate() {
        description.push_str(if n == 0 { "" } else { ", " });
        description.push_str(reason);
    }
    description.push_str(if others.is_empty() { "" } else { " and " });
    description.push_str(last.1);
    description.push('.');
    Some(description)
}
