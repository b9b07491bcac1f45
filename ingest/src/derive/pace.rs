//! The pace of a conversation: how long the customer waited, and how long nobody spoke.

use std::collections::{HashMap, HashSet};

use hearken_model::speech::silences;
use hearken_model::{InteractionType, MessageTime, MessageUpdate, Role, State, Timestamp};

use super::{Transcript, is_counted, value};

/// Seconds and counts; `None` if the necessary times are missing.
pub(super) struct Pace {
    pub(super) first_response: Option<f64>,
    pub(super) slowest_response: Option<f64>,
    pub(super) longest_silence: Option<f64>,
    pub(super) interruptions: Option<u64>,
}

impl Pace {
    pub(super) fn of(state: &State, transcript: &Transcript<'_>) -> Pace {
        let is_call = value(&state.interaction_type) == Some(InteractionType::VoiceCall);
        let untimed = Untimed::of(state);
        let start = state.start_time();
        let spoken: Vec<SpokenInterval> = transcript
            .iter()
            .filter(|(_, _, message)| is_counted(message.role))
            .map(|(at, _, message)| {
                let begin = Some(*at).filter(|_| !untimed.has(message));
                // A written message has no duration; for speech, the end must be given.
                let said = message.end_offset_ms.zip(start);
                let said = said.map(|(end_offset_ms, start)| start.plus_millis(end_offset_ms).max(*at));
                SpokenInterval { role: message.role, begin, end: said.or(begin.filter(|_| !is_call)) }
            })
            .collect();
        let waits = waits(&spoken);
        let first = spoken.iter().position(|spoken| spoken.role == Role::User);
        let nanos = |nanos: Option<i64>| nanos.map(|nanos| nanos as f64 / 1e9);
        Pace {
            first_response: nanos(first.and_then(|first| waits[first])),
            slowest_response: nanos(waits.into_iter().flatten().max()),
            longest_silence: nanos(longest_silence(&spoken).filter(|_| is_call)),
            interruptions: interruptions(transcript),
        }
    }
}

/// When somebody spoke or wrote; `None` if unknown.
struct SpokenInterval {
    role: Role,
    begin: Option<Timestamp>,
    end: Option<Timestamp>,
}

/// Event times that replace missing message times: in a transcript that came whole and without times, several messages
/// have the time of its single event.
struct Untimed(HashSet<Timestamp>);

impl Untimed {
    fn of(state: &State) -> Untimed {
        let mut counts: HashMap<Timestamp, (u32, bool)> = HashMap::new();
        for message in state.messages.values() {
            if event_time(&message.value) == Some(message.time) {
                let (count, has_followers) = counts.entry(message.time).or_default();
                *count += 1;
                *has_followers |= message.value.position > 0;
            }
        }
        let is_shared = |&(_, (count, has_followers)): &(Timestamp, (u32, bool))| count > 1 && has_followers;
        Untimed(counts.into_iter().filter(is_shared).map(|(time, _)| time).collect())
    }

    fn has(&self, message: &MessageUpdate) -> bool {
        !self.0.is_empty() && event_time(message).is_some_and(|time| self.0.contains(&time))
    }
}

/// The message's time, if it may be that of its event.
fn event_time(message: &MessageUpdate) -> Option<Timestamp> {
    match message.time {
        MessageTime::At(at) if message.end_offset_ms.is_none() => Some(at),
        _ => None,
    }
}

/// For each position at which the customer spoke, the nanoseconds until the agent's next message.
fn waits(spoken: &[SpokenInterval]) -> Vec<Option<i64>> {
    let mut waits = vec![None; spoken.len()];
    let mut answer: Option<&SpokenInterval> = None;
    for (said, wait) in spoken.iter().zip(&mut waits).rev() {
        match said.role {
            Role::Assistant => answer = Some(said),
            Role::User => {
                let times = answer.and_then(|answer| answer.begin).zip(said.end);
                // The agent may start before the customer has finished.
                *wait = times.map(|(begin, end)| begin.nanos_since(end).max(0));
            }
            _ => {}
        }
    }
    waits
}

/// The longest silence in nanoseconds; `None` if silence cannot be determined.
fn longest_silence(spoken: &[SpokenInterval]) -> Option<i64> {
    let speeches: Option<Vec<_>> = spoken.iter().map(|said| Some((said.begin?, said.end))).collect();
    let longest = silences(&speeches?)?.into_iter().map(|(from, to)| to.nanos_since(from)).max();
    Some(longest.unwrap_or(0))
}

/// How many messages were interrupted; `None` if no message says either way.
fn interruptions(transcript: &Transcript<'_>) -> Option<u64> {
    let said = || transcript.iter().filter_map(|(_, _, message)| message.interrupted);
    said().next()?;
    Some(said().filter(|is_interrupted| *is_interrupted).count() as u64)
}
