//! The signs of satisfaction, weighed against each other: people rate whether they got what they came for,
//! and how often they had to ask.
//!
//! Each sign is a number that grows with satisfaction. All count alike, in units of their spread over the
//! shared dialogues: weights learned from the few rated dialogues did worse on a source that was left out
//! (`docs/analysis.md`).

use hearken_model::Role;

use super::{MessageFeatures, Sign};
use crate::cues::{Cue, Cues};

/// How many signs there are.
pub(crate) const NUM_SIGNS: usize = 15;

/// Name, mean, spread (standard deviation) and weight of each sign. `cargo run --release -p hearken-analysis
/// --example weigh_csat` prints means and spreads.
#[rustfmt::skip]
pub(crate) const SPREADS: [(&str, f32, f32, f32); NUM_SIGNS] = [
    ("mood",            0.16, 0.20, 1.0),
    ("closing mood",    0.26, 0.26, 1.0),
    ("thanks",          0.59, 0.49, 1.0),
    ("warmth",          0.24, 0.43, 1.0),
    ("agreement",       0.25, 0.21, 1.0),
    ("refusals",       -0.06, 0.12, 1.0),
    ("apologies",      -0.35, 0.75, 1.0),
    ("inability",      -0.31, 0.70, 1.0),
    ("last deed",       0.04, 0.57, 1.0),
    ("repetition",     -0.30, 0.65, 1.5), // a weight of 1.5 follows what people said better in most sources
    ("agent repeats",  -0.13, 0.42, 1.0),
    ("open questions", -0.12, 0.36, 1.0),
    ("length",         -1.63, 0.73, 1.0),
    ("objections",     -0.03, 0.09, 1.0),
    ("failures",       -0.04, 0.26, 1.0),
];

/// Customer messages that decide the final mood.
pub(super) const CLOSING_TURNS: usize = 3;

/// Customer messages in which thanks at the end are looked for.
const LAST_TURNS: usize = 2;

/// The cap on every count: a fifth apology says no more than the fourth.
const COUNT_MAX: u32 = 4;

/// How much a feeling about a film or the news counts, compared with one about the service.
const ABOUT_WORKS_WEIGHT: f32 = 0.2;

/// An agent's courtesies with more words than this also give information.
const EMPTY_WORDS_MAX: u16 = 6;

/// A conversation is long from this many customer messages on.
const LONG_TURNS: u32 = 12;

/// Conversations about films or the news do not count as any longer than this many customer messages.
const UNHURRIED_TURNS: u32 = 5;

/// What is counted in one pass over the turns.
#[derive(Debug, Default)]
pub(super) struct SignCounts {
    /// Whether films or the news are discussed: then a "no" is mostly about those, and nobody is in a hurry.
    about_works: bool,
    num_customer: u32,
    /// Sum and number of the customer's moods, overall and in the last messages.
    moods: (f32, u32),
    closing_moods: (f32, u32),
    agreements: u32,
    refusals: u32,
    /// Offers that the customer turned down in so many words.
    declined_offers: u32,
    objections: u32,
    /// Objections that a reader would call one.
    evident_objections: u32,
    failures: u32,
    /// Failures after which the agent completed nothing.
    open_failures: u32,
    stated_repetitions: u32,
    /// Cues of the customer's last [`LAST_TURNS`] messages, once there was an answer.
    pub(super) last: Cues,
    /// Whether one of those messages is warmer than courtesy.
    has_evident_warmth: bool,
    /// All cues of customer and agent.
    pub(super) customer: Cues,
    pub(super) agent: Cues,
    apologies: u32,
    /// Apologies that are more than "unfortunately".
    evident_apologies: u32,
    inabilities: u32,
    /// Things that the agent said it could not do or find.
    evident_inabilities: u32,
    /// Whether the agent last completed something, or was unable to.
    last_deed: Option<Cue>,
    /// Whether the agent gave information after that.
    told_since: bool,
    /// Whether the agent completed something or handed over in a later message, one that is already counted.
    settled_since: bool,
    /// Whether the customer last reported a success or a failure.
    pub(super) last_word: Option<Cue>,
    /// Whether the customer asked something in a later message, one that is already counted.
    asked_since: bool,
    pub(super) has_human: bool,
    repetitions: u32,
    /// Whether a reader would see a repetition too: two requests about one account may share half of their
    /// words.
    has_evident_repetition: bool,
    agent_repetitions: u32,
    /// Whether the agent said the same nearly word for word.
    has_evident_agent_repetition: bool,
    open_questions: u32,
    /// Whether the customer had to ask again.
    has_evident_open_question: bool,
}

impl SignCounts {
    pub(super) fn of(turns: &[MessageFeatures]) -> SignCounts {
        let about_works = talks_of_works(turns.iter());
        let mut tally = SignCounts { about_works, ..SignCounts::default() };
        let first_answer = turns.iter().position(MessageFeatures::is_by_agent).unwrap_or(turns.len());
        for (n, turn) in turns.iter().enumerate().rev() {
            match turn.role {
                Role::User => {
                    let before = &turns[..n];
                    tally.declined_offers += u32::from(declines_offer(turn, before));
                    let turn = MessageFeatures { cues: answered_cues(turn, before), ..*turn };
                    tally.add_customer(&turn, about_works && turn.is_no_complaint(), n > first_answer);
                }
                Role::Assistant | Role::Human => tally.add_agent(turn),
                Role::System | Role::Tool => {}
            }
        }
        tally.repetitions = repetitions(by_customer(turns), 6, 2, (1, 2));
        tally.has_evident_repetition =
            tally.repetitions > 0 && repetitions(by_customer(turns), 6, 3, (3, 4)) > 0;
        tally.agent_repetitions = repetitions(by_agent(turns), 6, 3, (3, 5));
        tally.has_evident_agent_repetition = repetitions(by_agent(turns), 6, 4, (9, 10)) > 0;
        (tally.open_questions, tally.has_evident_open_question) = open_questions(turns);
        tally
    }

    /// Called from the last message to the first. Thanks count once there was an answer to be thankful for.
    fn add_customer(&mut self, turn: &MessageFeatures, about_works: bool, is_answered: bool) {
        self.num_customer += 1;
        let cues = turn.cues;
        if let Some(mood) = turn.mood {
            let mood = if about_works { ABOUT_WORKS_WEIGHT * mood } else { mood };
            self.moods = (self.moods.0 + mood, self.moods.1 + 1);
            if self.num_customer as usize <= CLOSING_TURNS {
                self.closing_moods = (self.closing_moods.0 + mood, self.closing_moods.1 + 1);
            }
        }
        self.agreements += u32::from(cues.has(Cue::Agrees));
        self.refusals += u32::from(cues.has(Cue::Refuses));
        self.objections += u32::from(cues.has(Cue::Objects));
        let is_unhappy = turn.mood.is_some_and(|mood| mood < OBJECTION_MOOD_MAX);
        self.evident_objections +=
            u32::from(cues.has(Cue::Objects) && (is_unhappy || cues.has(Cue::Declines)));
        self.stated_repetitions += u32::from(cues.has(Cue::Repetition));
        if self.num_customer as usize <= LAST_TURNS && is_answered {
            // Warm words about a film are none for the service, and none are warm that sound matter-of-fact.
            let is_about_film = about_works && !cues.has(Cue::Thanks);
            let is_cold = turn.mood.is_some_and(|mood| mood < WARM_MOOD_MIN);
            self.last.insert(if is_about_film || is_cold { cues.without(Cue::Warm) } else { cues });
            let is_warm = cues.has(Cue::Warm) && !is_about_film && !is_cold;
            self.has_evident_warmth |= is_warm && (cues.has(Cue::Success) || !turn.is_courtesy());
        }
        self.customer.insert(cues);
        // "A disaster" then describes the film's plot.
        if about_works {
            return;
        }
        self.failures += u32::from(cues.has(Cue::Failure));
        self.open_failures += u32::from(cues.has(Cue::Failure) && !self.settled_since);
        if self.num_customer as usize <= CLOSING_TURNS {
            // The later one wins: a solved problem is gone, and vice versa. A complaint is also over once the
            // agent has done something about it, or the customer asks about something else.
            let found = [Cue::Failure, Cue::Success].into_iter().find(|cue| cues.has(*cue));
            let is_over = self.asked_since || self.settled_since;
            self.last_word = self.last_word.or(found.filter(|cue| *cue == Cue::Success || !is_over));
            self.asked_since |= turn.is_mere_question();
        }
    }

    fn add_agent(&mut self, turn: &MessageFeatures) {
        let cues = turn.cues;
        self.has_human |= turn.role == Role::Human;
        self.apologies += u32::from(cues.has_any(&[Cue::Sorry, Cue::Regret]));
        self.evident_apologies += u32::from(cues.has(Cue::Sorry));
        self.inabilities += u32::from(cues.has_any(&[Cue::Unable, Cue::Regret]));
        self.evident_inabilities += u32::from(cues.has(Cue::Unable));
        self.agent.insert(cues);
        self.settled_since |= cues.has_any(&[Cue::Done, Cue::HandsOver]);
        // "It is cheap. Anything else?" says something, "Anything else?" does not.
        let is_short = turn.num_words <= EMPTY_WORDS_MAX && cues.has_any(&[Cue::Courtesy, Cue::Farewell]);
        let is_empty = is_short || cues.has_any(&[Cue::Unable, Cue::Regret]);
        let only_asks = turn.asks && !cues.has(Cue::Courtesy);
        self.told_since |= self.last_deed.is_none() && !is_empty && !only_asks;
        self.last_deed = self.last_deed.or([Cue::Done, Cue::Unable].into_iter().find(|cue| cues.has(*cue)));
    }

    /// Whether something was completed, or thanks were given at the end, and there was no complaint.
    pub(super) fn got_something(&self) -> bool {
        (self.agent.has(Cue::Done) || (self.last.has(Cue::Thanks) && self.last_deed.is_none()))
            && self.open_failures == 0
            && !self.customer.has_any(&[Cue::WantsPerson, Cue::Repetition])
    }

    /// A count as a share of the customer's messages.
    fn share(&self, count: u32) -> f32 {
        count as f32 / self.num_customer.max(1) as f32
    }

    /// The means of the customer's moods, overall and in the last messages.
    pub(super) fn moods(&self) -> (f32, f32) {
        let mean = |(sum, count): (f32, u32)| if count == 0 { 0.0 } else { sum / count as f32 };
        let whole = mean(self.moods);
        (whole, if self.closing_moods.1 == 0 { whole } else { mean(self.closing_moods) })
    }

    /// The values of the signs, in the order of [`SPREADS`].
    pub(super) fn values(&self) -> [f32; NUM_SIGNS] {
        let flag = |is: bool| f32::from(u8::from(is));
        let less = |count: u32| -(count.min(COUNT_MAX) as f32);
        let (mood, closing_mood) = self.moods();
        // In talk about films, "no" states a taste and the same question comes up for film after film.
        let doubt = if self.about_works { 0.0 } else { 1.0 };
        let length =
            if self.about_works { self.num_customer.min(UNHURRIED_TURNS) } else { self.num_customer };
        [
            mood,
            closing_mood,
            flag(self.last.has(Cue::Thanks)),
            flag(self.last.has(Cue::Warm)),
            self.share(self.agreements),
            -doubt * self.share(self.refusals),
            less(self.apologies),
            less(self.inabilities),
            match self.last_deed {
                Some(Cue::Done) => 1.0,
                // "No, there is no pool" does not undo a booking.
                Some(_) if self.agent.has(Cue::Done) => 0.0,
                Some(_) => -1.0,
                None => 0.0,
            },
            doubt * less(self.repetitions + self.stated_repetitions),
            doubt * less(self.agent_repetitions),
            -4.0 * self.share(self.open_questions),
            -(length.max(1) as f32).ln(),
            -doubt * self.share(self.objections),
            less(self.failures),
        ]
    }

    /// The signs with their weights in CSAT points, and the reasons that the text supports. If it ended well,
    /// nothing is said to be missing. What is counted may be vague, what is named may not: a reason needs more
    /// evidence than its sign.
    pub(super) fn signs(&self, [mood, closing_mood]: [Sign; 2], ended_well: bool) -> [Sign; NUM_SIGNS] {
        let is_long = self.num_customer >= LONG_TURNS && !self.about_works;
        let good = |is: bool, reason: &'static str| Sign::minor(1.0, if is { reason } else { "" });
        let minor = |is: bool, reason: &'static str| Sign::minor(-1.0, if is { reason } else { "" });
        let grave = |is: bool, reason: &'static str| Sign::grave(-1.0, if is { reason } else { "" });
        let repeats = self.has_evident_repetition || self.stated_repetitions > 0;
        let (deed, inability) = (self.agent.has(Cue::Done), self.last_deed == Some(Cue::Unable));
        let is_content = ended_well || self.last.has_any(&[Cue::Thanks, Cue::Success, Cue::Agrees]);
        let got_nothing = !deed && !is_content && !self.told_since;
        // One per sign: the reason that the text supports, and its direction.
        let reasons: [Sign; NUM_SIGNS] = [
            mood,
            closing_mood,
            good(self.last.has(Cue::Thanks), "the customer gave thanks at the end"),
            good(self.has_evident_warmth, "the customer was warm towards the end"),
            good(
                self.share(self.agreements) >= MOSTLY_AGREED_MIN && self.agreements >= 2 && !self.about_works,
                "the customer mostly agreed",
            ),
            minor(self.declined_offers >= 2, "the customer turned offers down"),
            minor(self.evident_apologies >= 2, "the agent apologised more than once"),
            Sign {
                is_grave: got_nothing && !self.last.has(Cue::NothingElse),
                ..minor(self.evident_inabilities > 0, "not everything was possible")
            },
            if deed {
                good(true, "something was completed")
            } else {
                // A customer who was told the address in the end got something.
                grave(inability && got_nothing, "nothing was completed")
            },
            grave(repeats, "the customer had to repeat things"),
            minor(self.has_evident_agent_repetition, "the agent repeated itself"),
            minor(self.has_evident_open_question, "a question had to be asked again"),
            minor(is_long, "it took many messages"),
            minor(self.evident_objections >= 2, "the customer objected"),
            // As the last word, a failure is reported among the outcome signs.
            if self.open_failures > 0 {
                grave(self.last_word.is_none(), PROBLEMS_ON_THE_WAY)
            } else {
                minor(self.failures > 0, PROBLEMS_ON_THE_WAY)
            },
        ];
        let values = self.values();
        std::array::from_fn(|n| {
            let (_, mean, spread, weight) = SPREADS[n];
            let most = if n < NUM_MOODS { MOOD_DEVIATION_MAX } else { DEVIATION_MAX };
            let deviation = ((values[n] - mean) / spread).clamp(-most, most);
            let Sign { weight: direction, reason, is_grave } = reasons[n];
            // Less of something good than usual is no reason, nor is more of something bad than usual.
            let reason = if deviation * direction > 0.0 { reason } else { "" };
            Sign { weight: deviation * weight * POINTS_PER_SPREAD, reason, is_grave }
        })
    }
}

/// Said of problems that were not the last word.
pub(super) const PROBLEMS_ON_THE_WAY: &str = "the customer reported problems along the way";

/// "Mostly" agreed who did so in this share of their messages: many others only give details.
const MOSTLY_AGREED_MIN: f32 = 0.4;

/// The least mood of a warm message.
const WARM_MOOD_MIN: f32 = 0.2;

/// A "but" is an objection if the message is in a mood below this.
const OBJECTION_MOOD_MAX: f32 = -0.3;

/// How far one spread of a sign moves the estimate, in CSAT points.
const POINTS_PER_SPREAD: f32 = 0.22;

/// A sign counts for at most this many spreads, so that none decides alone. Open anger, which is rare in the
/// shared dialogues, may.
const DEVIATION_MAX: f32 = 2.5;
const MOOD_DEVIATION_MAX: f32 = 5.0;

/// The number of moods, which are the first signs.
const NUM_MOODS: usize = 2;

/// The cues of a customer's message given the one before it: an offer that "doesn't work" is refused.
fn answered_cues(turn: &MessageFeatures, before: &[MessageFeatures]) -> Cues {
    let refuses_offer = turn.cues.has(Cue::Refuses)
        && turn.num_words <= REFUSAL_WORDS_MAX
        && by_agent(before).next_back().is_some_and(|agent| agent.cues.has(Cue::Offers));
    if refuses_offer { turn.cues.without(Cue::Failure) } else { turn.cues }
}

/// Whether the customer turns down what the agent has just offered.
fn declines_offer(turn: &MessageFeatures, before: &[MessageFeatures]) -> bool {
    turn.cues.has(Cue::Declines)
        && !turn.cues.has_any(&[Cue::Thanks, Cue::NothingElse, Cue::Farewell])
        && by_agent(before).next_back().is_some_and(|agent| agent.cues.has(Cue::Offers))
}

/// A refusal with more words than this also says what is wrong.
const REFUSAL_WORDS_MAX: u16 = 8;

fn by_customer(turns: &[MessageFeatures]) -> impl Iterator<Item = &MessageFeatures> {
    turns.iter().filter(|turn| turn.role == Role::User)
}

fn by_agent(turns: &[MessageFeatures]) -> impl DoubleEndedIterator<Item = &MessageFeatures> {
    turns.iter().filter(|turn| turn.is_by_agent())
}

/// Whether the conversation is about films, books, songs or the news: "a disaster" then describes one of
/// those.
pub(crate) fn talks_of_works<'t>(turns: impl Iterator<Item = &'t MessageFeatures>) -> bool {
    let (mut about_works, mut all) = (0usize, 0usize);
    for turn in turns {
        about_works += usize::from(turn.cues.has(Cue::AboutWorks));
        all += 1;
    }
    about_works * 3 > all
}

/// A signature with more bits says nothing: long texts share most bits by chance.
const SIGNATURE_BITS_MAX: u32 = 32;

/// How often messages repeat one of the `reach` messages before them: at least `words_min` telling words are
/// the same, and they make up this part (numerator, denominator) of all.
fn repetitions<'t>(
    turns: impl Iterator<Item = &'t MessageFeatures>,
    reach: usize,
    words_min: u32,
    (numerator, denominator): (u32, u32),
) -> u32 {
    let mut recent = [0u64; 8];
    let recent = &mut recent[..reach];
    let mut repeated = 0;
    for (n, turn) in turns.enumerate() {
        let same = |other: &u64| {
            let shared = (other & turn.signature).count_ones();
            let all = (other | turn.signature).count_ones();
            let is_same = shared >= words_min && all <= SIGNATURE_BITS_MAX;
            match is_same {
                // A word-for-word repetition counts twice.
                true if shared > words_min && shared * 4 >= all * 3 => 2,
                true if shared * denominator >= all * numerator => 1,
                _ => 0,
            }
        };
        repeated += recent.iter().map(same).max().unwrap_or(0);
        recent[n % reach] = turn.signature;
    }
    repeated.min(COUNT_MAX)
}

/// Customer questions to which the agent's next message neither agrees nor shares a word, in the same language,
/// and itself ends in a question; and whether one of them was asked again soon after.
fn open_questions(turns: &[MessageFeatures]) -> (u32, bool) {
    let mut open = 0;
    let mut is_asked_again = false;
    for (n, pair) in turns.windows(2).enumerate() {
        let [asked, next] = pair else { continue };
        let is_comparable = match (asked.language, next.language) {
            (Some(one), Some(other)) => one == other,
            _ => true,
        };
        let is_passed_over = asked.role == Role::User
            && next.role != Role::User
            && asked.asks
            && next.asks
            && is_comparable
            && !next.cues.has(Cue::Agrees)
            && asked.signature & next.signature == 0;
        if is_passed_over {
            open += 1;
            is_asked_again |= by_customer(&turns[n + 2..])
                .take(ASKED_AGAIN_REACH)
                .any(|later| later.asks && is_same_question(asked.signature, later.signature));
        }
    }
    (open.min(OPEN_QUESTIONS_MAX), is_asked_again)
}

/// Most open questions that count.
const OPEN_QUESTIONS_MAX: u32 = 3;

/// A question is asked again in one of this many later customer messages.
const ASKED_AGAIN_REACH: usize = 3;

/// Whether most telling words of the one question are in the other, and more than one.
fn is_same_question(asked: u64, later: u64) -> bool {
    let shared = (asked & later).count_ones();
    shared >= 2 && shared * 5 >= asked.count_ones() * 3 && later.count_ones() <= SIGNATURE_BITS_MAX
}
