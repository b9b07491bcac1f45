//! An estimate of the customer's satisfaction, 1 to 5, with its reasons.
//!
//! The estimate adds up signs (`signs`) and what is known about the outcome. Every sign that counts can be
//! named, and the description names the strongest. It is a signal for support, not a verdict:
//! `docs/analysis.md` says how little such estimates agree with what people say themselves.

use hearken_model::{Role, Sentiment, Status};

use crate::cues::{Cue, Cues};
use crate::language::Language;

mod signs;

use signs::SignCounts;
pub(crate) use signs::{NUM_SIGNS, SPREADS, talks_of_works};

/// Satisfaction is not judged in conversations with fewer words than this.
const WORDS_MIN: u32 = 10;

/// The features of one message that the estimate uses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MessageFeatures {
    pub(crate) role: Role,
    pub(crate) num_words: u16,
    pub(crate) cues: Cues,
    /// Its own language, if it is clear.
    pub(crate) language: Option<Language>,
    /// Whether its last sentence is a question.
    pub(crate) asks: bool,
    /// −1 to 1, if known.
    pub(crate) mood: Option<f32>,
    /// Bloom signature of its content words.
    pub(crate) signature: u64,
}

/// Pleasant messages of at most this many words are courtesies; the second limit applies to thanks and
/// goodbyes, the third to both in one.
const COURTESY_WORDS_MAX: [u16; 3] = [5, 12, 20];

impl MessageFeatures {
    /// Whether anybody would say it, whatever they feel: "great, thanks", "that is all, bye".
    pub(crate) fn is_courtesy(&self) -> bool {
        let takes_leave = self.cues.has_any(&[Cue::Farewell, Cue::NothingElse]);
        let gives_thanks = self.cues.has(Cue::Thanks) && !self.cues.has(Cue::Success);
        let [short, polite, parting] = COURTESY_WORDS_MAX;
        self.num_words <= short
            || (self.num_words <= polite && (takes_leave || gives_thanks))
            || (self.num_words <= parting && takes_leave && gives_thanks)
            // "I appreciate your help, even though we have got nowhere": polite, whatever its length.
            || (gives_thanks && self.cues.has(Cue::Objects))
    }

    /// Whether it gives thanks or takes leave without an explicit complaint.
    pub(crate) fn is_polite(&self) -> bool {
        self.cues.has_any(&[Cue::Thanks, Cue::Farewell, Cue::NothingElse]) && !self.complains()
    }

    /// Whether a pleasant tone is no praise: it declines politely, asks for something, or goes on with a "but".
    pub(crate) fn is_no_praise(&self) -> bool {
        let requests = self.requests();
        // Thanks in a request are for what is still to come.
        let praises =
            self.cues.has_any(&[Cue::Success, Cue::Warm]) || (self.cues.has(Cue::Thanks) && !requests);
        if self.cues.has(Cue::NothingElse) && !self.cues.has_any(&[Cue::Thanks, Cue::Success]) {
            return true;
        }
        match self.cues.has(Cue::Objects) {
            true => praises && !self.cues.has(Cue::Success),
            false => requests && !praises,
        }
    }

    /// Whether it asks something without an explicit complaint.
    pub(crate) fn is_mere_question(&self) -> bool {
        self.asks && !self.complains()
    }

    /// Whether it asks for something without an explicit complaint: "a single shot dirty chai, please".
    pub(crate) fn is_mere_request(&self) -> bool {
        self.requests() && !self.complains()
    }

    /// Whether it asks for something, with a question or in so many words.
    fn requests(&self) -> bool {
        self.asks || self.cues.has(Cue::Requests)
    }

    /// Whether it leaves a choice to the agent, and little else.
    pub(crate) fn is_indifferent(&self) -> bool {
        const WORDS_MAX: u16 = 16;
        self.role == Role::User
            && self.cues.has(Cue::Indifferent)
            && self.num_words <= WORDS_MAX
            && !self.complains()
    }

    /// Whether it complains explicitly.
    pub(crate) fn complains(&self) -> bool {
        self.cues.has(Cue::Failure) || !self.is_no_complaint()
    }

    /// Whether an agent, a person or not, said it.
    pub(crate) fn is_by_agent(&self) -> bool {
        matches!(self.role, Role::Assistant | Role::Human)
    }

    /// Whether it contains no certain complaint about the service.
    pub(crate) fn is_no_complaint(&self) -> bool {
        !self.cues.has_any(&[Cue::WantsPerson, Cue::Repetition])
    }
}

/// The estimate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Csat {
    pub(crate) score: u8,
    pub(crate) description: String,
    /// Whether the signs alone suggested another score, which the mood rules out.
    pub(crate) is_bounded: bool,
}

/// One sign.
#[derive(Clone, Copy, Debug)]
struct Sign {
    /// CSAT points by which it moves the estimate.
    weight: f32,
    /// Its wording; empty if there is nothing to name, or if it would contradict the mood that is shown.
    reason: &'static str,
    /// Whether it alone may make a customer dissatisfied.
    is_grave: bool,
}

impl Sign {
    const NONE: Sign = Sign::minor(0.0, "");

    const fn minor(weight: f32, reason: &'static str) -> Sign {
        Sign { weight, reason, is_grave: false }
    }

    const fn grave(weight: f32, reason: &'static str) -> Sign {
        Sign { weight, reason, is_grave: true }
    }

    /// Whether it is strong enough to be named, and has a wording.
    fn can_be_named(&self) -> bool {
        self.weight.abs() >= TELLING_WEIGHT_MIN && !self.reason.is_empty()
    }

    /// Whether it counts against satisfaction, and can be named.
    fn is_complaint(&self) -> bool {
        self.weight < 0.0 && self.can_be_named()
    }
}

/// The interaction's sentiment, which the estimate and its reasons never contradict.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mood {
    /// The overall mood.
    pub(crate) whole: Sentiment,
    /// The overall score, −1 to 1.
    pub(crate) score: f32,
    /// The mood at the end.
    pub(crate) ended: Sentiment,
}

impl Mood {
    /// A mood below this is too bad for a middling score.
    const BAD_SCORE: f32 = -0.5;

    /// The scores that a mood allows: a good mood, or a mixed one that ends well, rules out dissatisfaction;
    /// a bad mood rules out satisfaction.
    fn possible(mood: Option<Mood>) -> std::ops::RangeInclusive<u8> {
        let Some(mood) = mood else { return 1..=5 };
        match (mood.whole, mood.ended) {
            (Sentiment::Positive, _) => 3..=5,
            (Sentiment::Negative, _) if mood.score < Mood::BAD_SCORE => 1..=2,
            (Sentiment::Negative, _) | (Sentiment::Neutral, Sentiment::Negative) => 1..=3,
            (Sentiment::Neutral, Sentiment::Positive) => 3..=5,
            (Sentiment::Neutral, Sentiment::Neutral) => 2..=5,
        }
    }
}

/// Where the estimate starts, in CSAT points: people rate a typical conversation a little above the middle.
const START: f32 = 3.7;

/// Most signs named by the description.
const REASONS_MAX: usize = 3;

/// Most turns that are judged: the last ones of a longer conversation.
pub(crate) const TURNS_MAX: usize = 200;

/// How many messages each side has in the whole conversation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sides {
    pub(crate) num_customer: usize,
    pub(crate) num_agent: usize,
}

/// The conversation's current or final state.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EndState<'a> {
    pub(crate) status: Status,
    pub(crate) ended: bool,
    /// The producer's reason for the end.
    pub(crate) end_reason: Option<&'a str>,
}

impl EndState<'_> {
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

/// The values of the signs in the order of [`SPREADS`], for measurements.
pub(crate) fn values(turns: &[MessageFeatures]) -> [f32; NUM_SIGNS] {
    SignCounts::of(turns).values()
}

/// Estimates satisfaction from the last [`TURNS_MAX`] turns. `None` without a message from each side, with
/// fewer than ten words in total, or if the customer has said nothing since the first answer and nothing went
/// wrong.
pub(crate) fn estimate(
    turns: &[MessageFeatures],
    sides: Sides,
    outcome: EndState<'_>,
    mood: Option<Mood>,
) -> Option<Csat> {
    let num_words: u32 = turns.iter().map(|turn| u32::from(turn.num_words)).sum();
    if sides.num_customer == 0 || sides.num_agent == 0 || num_words < WORDS_MIN {
        return None;
    }
    let tally = SignCounts::of(turns);
    let mut signs: Vec<Sign> = Vec::with_capacity(NUM_SIGNS + 6);
    let has_reacted = has_reacted(turns);
    let mut moods = mood_reasons(tally.moods(), mood);
    if !has_reacted {
        // Nothing has ended yet, and a request that sounds a little like a complaint is not one.
        let is_bad = mood.is_some_and(|mood| mood.score < Mood::BAD_SCORE);
        moods = [if is_bad { moods[0] } else { Sign::NONE }, Sign::NONE];
    }
    let ended_well = mood.is_some_and(|mood| mood.ended == Sentiment::Positive);
    signs.extend(tally.signs(moods, ended_well));
    outcome_signs(turns, &tally, outcome, mood, &mut signs);
    if !has_reacted {
        signs.retain(Sign::is_complaint);
        if signs.is_empty() {
            return None;
        }
    }
    let start = if has_reacted { START } else { f32::from(MIDDLE) };
    let sum: f32 = start + signs.iter().map(|sign| sign.weight).sum::<f32>();
    let possible = Mood::possible(mood);
    // A customer who got something and had no complaint is not dissatisfied, nor is one with whom only trifles went
    // wrong.
    let is_grave = signs.iter().any(|sign| sign.is_grave && sign.is_complaint());
    let is_sad = mood.is_some_and(|mood| mood.whole == Sentiment::Negative);
    let failed = outcome.failed() || outcome.status == Status::Abandoned;
    let is_middling = !is_grave || (tally.got_something() && !is_sad && !failed);
    // Nor is anybody furious who gives thanks.
    let least = if is_middling { MIDDLE } else { 1 + u8::from(tally.last.has(Cue::Thanks)) };
    let by_signs = sum.round().clamp(1.0, 5.0) as u8;
    // "Mixed" needs something that can be said against it.
    let only_good = signs.iter().any(Sign::can_be_named) && !signs.iter().any(Sign::is_complaint);
    let least = if only_good { least.max(MIDDLE + 1) } else { least };
    let score = by_signs.max(least).clamp(*possible.start(), *possible.end());
    let is_bounded = score != by_signs;
    let went_wrong = signs.iter().any(|sign| sign.weight < 0.0 && !sign.reason.is_empty());
    Some(match describe(score, signs) {
        Some(description) => Csat { score, description, is_bounded },
        None if *possible.end() < MIDDLE => {
            Csat { score: MIDDLE - 1, description: BAD_MOOD.to_owned(), is_bounded }
        }
        None if score > MIDDLE && !went_wrong => {
            Csat { score: MIDDLE + 1, description: SMOOTH.to_owned(), is_bounded }
        }
        None => Csat { score: MIDDLE, description: UNDECIDED.to_owned(), is_bounded },
    })
}

/// Whether the customer has said anything since the first answer. Until then they may be angry, but have
/// nothing to be satisfied with.
fn has_reacted(turns: &[MessageFeatures]) -> bool {
    let mut turns =
        turns.iter().skip_while(|turn| turn.role != Role::User).skip_while(|turn| !turn.is_by_agent());
    turns.any(|turn| turn.role == Role::User)
}

/// The reasons that the overall and the final mood give, with their direction; never one that contradicts the
/// mood shown.
fn mood_reasons((whole, closing): (f32, f32), shown: Option<Mood>) -> [Sign; 2] {
    let reason = |shown: Option<Sentiment>, score: f32, [bad, good]: [&'static str; 2]| match shown {
        Some(Sentiment::Positive) if score > 0.0 => Sign::minor(1.0, good),
        Some(Sentiment::Negative) if score < 0.0 => Sign::grave(-1.0, bad),
        _ => Sign::NONE,
    };
    [
        reason(shown.map(|mood| mood.whole), whole, ["the mood was negative", "the mood was positive"]),
        reason(shown.map(|mood| mood.ended), closing, ["it ended in a bad mood", "it ended in a good mood"]),
    ]
}

/// Signs for which no shared dialogue has a label: how it ended, and rare events. Weighed by hand.
fn outcome_signs(
    turns: &[MessageFeatures],
    tally: &SignCounts,
    outcome: EndState<'_>,
    mood: Option<Mood>,
    signs: &mut Vec<Sign>,
) {
    let ended_well = mood.is_some_and(|mood| mood.ended == Sentiment::Positive);
    match tally.last_word {
        Some(Cue::Success) => signs.push(Sign::minor(0.4, "the customer approved in the end")),
        Some(_) if ended_well => signs.push(Sign::grave(-0.3, signs::PROBLEMS_ON_THE_WAY)),
        Some(_) if tally.last.has(Cue::Thanks) => signs.push(Sign::grave(-0.8, signs::PROBLEMS_ON_THE_WAY)),
        Some(_) => signs.push(Sign::grave(-1.1, "the problem was still there at the end")),
        None => {}
    }
    if tally.customer.has(Cue::WantsPerson) {
        signs.push(Sign::grave(-0.8, "the customer asked for a person or complained formally"));
    }
    if tally.has_human || tally.agent.has(Cue::HandsOver) || outcome.transferred() {
        signs.push(Sign::minor(-0.3, "it was handed over"));
    }
    let last = turns.iter().rfind(|turn| matches!(turn.role, Role::User | Role::Assistant | Role::Human));
    let waits = last.is_some_and(|turn| turn.role == Role::User && turn.asks);
    match outcome.status {
        _ if outcome.failed() => signs.push(Sign::grave(-1.2, "it failed")),
        Status::Abandoned if waits => signs.push(Sign::grave(-1.2, "a question was left open")),
        Status::Abandoned => signs.push(Sign::grave(-0.4, "it was left without an end")),
        Status::Finished | Status::Transferred if outcome.ended && waits => {
            signs.push(Sign::grave(-0.6, "the last question got no answer"));
        }
        _ => {}
    }
}

/// The middling score, and the description if no sign is strong enough to be named.
const MIDDLE: u8 = 3;
const UNDECIDED: &str = "Mixed: no clear sign either way.";
/// The description if only the mood counts against it.
const BAD_MOOD: &str = "Dissatisfied: the mood was negative.";
/// The description if nothing bad happened and nothing else counts for it.
const SMOOTH: &str = "Satisfied: nothing went wrong.";

/// The least weight at which a sign is named.
const TELLING_WEIGHT_MIN: f32 = 0.1;

/// The reasons of an estimate; `None` if there are none.
fn describe(score: u8, mut signs: Vec<Sign>) -> Option<String> {
    let label = match score {
        ..=1 => "Very dissatisfied",
        2 => "Dissatisfied",
        3 => "Mixed",
        4 => "Satisfied",
        _ => "Very satisfied",
    };
    // Name only reasons that agree with the score; for a middling score, the strongest in either direction.
    let strength = |sign: &Sign| match score {
        ..=2 => -sign.weight,
        3 => sign.weight.abs(),
        _ => sign.weight,
    };
    signs.retain(|sign| strength(sign) >= TELLING_WEIGHT_MIN && !sign.reason.is_empty());
    signs.sort_by(|a, b| strength(b).total_cmp(&strength(a)));
    signs.truncate(REASONS_MAX);
    let (last, others) = signs.split_last()?;
    let mut description = format!("{label}: ");
    for (n, sign) in others.iter().enumerate() {
        description.push_str(if n == 0 { "" } else { ", " });
        description.push_str(sign.reason);
    }
    description.push_str(if others.is_empty() { "" } else { " and " });
    description.push_str(last.reason);
    description.push('.');
    Some(description)
}
