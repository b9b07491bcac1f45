//! An extractive summary: the sentences that say what was asked, what was done and how it ended, each with its speaker.
//!
//! Only the speakers' names are our own words. Searches leave them out (`TopicsSummary::said`), because they
//! would match every summary.

use hearken_model::{Role, SUMMARY_SEPARATOR, SUMMARY_SPEAKERS};

use crate::cues::{Cue, Cues};
use crate::language::Language;
use crate::memo::MessageTables;
use crate::tokens::{TokenKind, Tokens};

/// Most characters of one sentence; three of them with their speakers stay within 440.
const SENTENCE_CHARS_MAX: usize = 130;

/// The sentence that best represents a message, and how well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pick {
    start: u16,
    end: u16,
    /// Score as a request (in a customer's message) or as an action (in an agent's).
    score: i16,
    /// Whether it asks anything.
    asks: bool,
    /// Whether it asks for something in so many words, or has a word of the taxonomy.
    is_request: bool,
    /// Whether it says that something was completed or handed over.
    done: bool,
    /// The sentence that best shows how the conversation ended, if this is the last message.
    closing: (u16, u16),
    closing_score: i16,
}

/// Chooses the sentence of one message.
pub(crate) fn pick(tokens: &Tokens, role: Role, language: Language, tables: &MessageTables) -> Pick {
    let mut best = Pick { score: i16::MIN, closing_score: i16::MIN, ..Pick::default() };
    for sentence in &tokens.sentences {
        let sentence_tokens = tokens.of(sentence);
        let cues = tables.cues.find(sentence_tokens);
        let (mut telling, mut known, mut ideographs, mut words) = (0i16, 0i16, 0i16, 0i16);
        for token in sentence_tokens {
            known += i16::from(tables.topics.knows(token));
            match token.kind {
                TokenKind::Ideograph => ideographs += 1,
                TokenKind::Number => telling += 1,
                TokenKind::Word => {
                    words += 1;
                    let info = tables.words.get(&token.hash);
                    let stop = info.is_some_and(|info| info.is_stop_word(language));
                    telling += i16::from(!stop);
                }
            }
        }
        telling = (telling + ideographs / 3).min(8);
        known = if ideographs > 0 { (known / 3).min(4) } else { known.min(4) };
        let asks = sentence.question || cues.has(Cue::Requests);
        let score = if role == Role::User {
            // What comes after a request explains it: "and one of them with milk".
            let is_first = i16::from(asks && !best.asks);
            request_score(telling, known, asks, cues) + 2 * is_first
        } else {
            action_score(telling, known, sentence.question, cues)
        };
        let (Ok(start), Ok(end)) = (u16::try_from(sentence.start), u16::try_from(sentence.end)) else {
            break;
        };
        if score > best.score {
            let done = cues.has_any(&[Cue::Done, Cue::HandsOver]);
            best = Pick {
                start,
                end,
                score,
                asks,
                is_request: cues.has(Cue::Requests) || known > 0,
                done,
                ..best
            };
        }
        // A phone number alone ends nothing.
        let closing_score = closing_score(telling, sentence.question, words + ideographs, cues);
        if closing_score > best.closing_score {
            best = Pick { closing: (start, end), closing_score, ..best };
        }
    }
    best
}

fn request_score(telling: i16, known: i16, asks: bool, cues: Cues) -> i16 {
    let mut score = telling + 2 * known + 3 * i16::from(asks);
    if cues.has_any(&[Cue::Failure, Cue::WantsPerson]) {
        score += 3;
    }
    if cues.has_any(&[Cue::Greeting, Cue::Thanks, Cue::Farewell, Cue::NothingElse, Cue::Courtesy]) {
        score -= 3;
    }
    score
}

fn action_score(telling: i16, known: i16, question: bool, cues: Cues) -> i16 {
    let mut score = telling + known - 5 * i16::from(question);
    if cues.has_any(&[Cue::Done, Cue::HandsOver]) {
        score += 8;
    }
    if cues.has_any(&[Cue::Unable, Cue::Regret]) {
        score += 3;
    }
    // "Please confirm the following details".
    if cues.has(Cue::Requests) {
        score -= 5;
    }
    if cues.has_any(&[Cue::Courtesy, Cue::Farewell, Cue::Greeting]) {
        score -= 8;
    }
    score
}

fn closing_score(telling: i16, question: bool, num_words: i16, cues: Cues) -> i16 {
    let mut score = telling.min(3) + i16::from(question);
    if num_words < 2 {
        return -1;
    }
    if cues.has_any(&[Cue::Success, Cue::Failure, Cue::WantsPerson]) {
        score += 4;
    }
    if cues.has_any(&[Cue::Thanks, Cue::NothingElse]) {
        score += 2;
    } else if cues.has(Cue::Farewell) {
        score -= 4;
    }
    score
}

/// One message as the summary sees it.
#[derive(Clone, Copy)]
pub(crate) struct SummaryMessage<'a> {
    pub(crate) role: Role,
    pub(crate) text: &'a str,
    pub(crate) pick: Pick,
}

/// The least score of a request: a few telling words, or a question.
const REQUEST_SCORE_MIN: i16 = 3;

/// The first message with this score is the request, whatever comes later.
const CLEAR_REQUEST_SCORE_MIN: i16 = 4;

/// A request is expected in this many first messages of the customer; later ones are about details.
const REQUEST_REACH: usize = 4;

/// The least score of an action: something done, refused or announced.
const ACTION_SCORE_MIN: i16 = 3;

/// The summary of a conversation; `None` if it has no recognisable request. `over` means that no message will
/// follow.
pub(crate) fn summarize(said: &[SummaryMessage<'_>], over: bool) -> Option<String> {
    let asked = request(said)?;
    let done = action(said, asked);
    let ended = if over { ending(said, done.unwrap_or(asked)) } else { None };
    let mut summary = String::with_capacity(256);
    for (index, closing) in [(Some(asked), false), (done, false), (ended, true)] {
        let Some(SummaryMessage { role, text, pick }) = index.and_then(|index| said.get(index)) else {
            continue;
        };
        let (start, end) = if closing { pick.closing } else { (pick.start, pick.end) };
        let Some(sentence) = text.get(usize::from(start)..usize::from(end)) else { continue };
        if !summary.is_empty() {
            summary.push_str(SUMMARY_SEPARATOR);
        }
        let [asked, agent, colleague, customer] = SUMMARY_SPEAKERS;
        summary.push_str(match role {
            Role::User if summary.is_empty() && pick.asks => asked,
            Role::User => customer,
            Role::Human => colleague,
            _ => agent,
        });
        push_shortened(&mut summary, sentence.trim());
    }
    (!summary.is_empty()).then_some(summary)
}

/// The customer's first clear request, if they do not take long to get to it; else their first clear statement, else
/// the clearest.
fn request(said: &[SummaryMessage<'_>]) -> Option<usize> {
    let requests = || said.iter().enumerate().filter(|(_, said)| said.role == Role::User);
    let is_clear = |said: &SummaryMessage<'_>| said.pick.score >= CLEAR_REQUEST_SCORE_MIN;
    let asking = requests().take(REQUEST_REACH).find(|(_, said)| said.pick.is_request && is_clear(said));
    let clear = asking.or_else(|| requests().find(|(_, said)| is_clear(said)));
    let best = || {
        requests()
            .filter(|(_, said)| said.pick.score >= REQUEST_SCORE_MIN)
            .max_by_key(|(index, said)| (said.pick.score, std::cmp::Reverse(*index)))
    };
    clear.or_else(best).map(|(index, _)| index)
}

/// The last thing that the agent completed after the request, else its strongest statement; on a tie, the later one.
fn action(said: &[SummaryMessage<'_>], asked: usize) -> Option<usize> {
    let agents = said.iter().enumerate().skip(asked + 1).filter(|(_, said)| {
        matches!(said.role, Role::Assistant | Role::Human) && said.pick.score >= ACTION_SCORE_MIN
    });
    let rank = |(index, said): &(usize, &SummaryMessage<'_>)| match said.pick.done {
        true => (true, 0, *index),
        false => (false, said.pick.score, *index),
    };
    agents.max_by_key(rank).map(|(index, _)| index)
}

/// The customer's last message, if it follows the sentences chosen so far and has any content.
fn ending(said: &[SummaryMessage<'_>], after: usize) -> Option<usize> {
    let last = said.iter().rposition(|said| said.role == Role::User)?;
    (last > after && said[last].pick.closing_score > 0).then_some(last)
}

/// Appends the sentence on one line, cut at a word and with an ellipsis if it is long.
fn push_shortened(summary: &mut String, sentence: &str) {
    let cut = match sentence.char_indices().nth(SENTENCE_CHARS_MAX) {
        Some((end, _)) => &sentence[..end],
        None => sentence,
    };
    let shortened = if cut.len() < sentence.len() {
        let at = cut.rfind(char::is_whitespace).filter(|at| *at > cut.len() / 2).unwrap_or(cut.len());
        &cut[..at]
    } else {
        cut
    };
    let mut words = shortened.split_whitespace();
    if let Some(first) = words.next() {
        summary.push_str(first);
    }
    for word in words {
        summary.push(' ');
        summary.push_str(word);
    }
    if cut.len() < sentence.len() {
        summary.push('…');
    }
}
