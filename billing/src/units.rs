//! How many messages or minutes are billable.

use std::time::Duration;

use hearken_model::Role;

use crate::{BillingMessage, BillingSettings};

const MICROS_PER_MINUTE: u128 = 60_000_000;

/// What a part of a minute counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MinuteRounding {
    /// Every started minute counts: 61 s is two, 60 s is one.
    #[default]
    Up,
    /// To the nearest minute, 30 s up: 89 s is one, 90 s is two.
    Nearest,
    /// Only full minutes: 119 s is one.
    Down,
}

/// Which messages of a chat are billable, in transcript order.
///
/// Assistant messages are, from the first user message on. A message's own `billable` wins, except on what a
/// `human` said, which is never billable.
pub(crate) fn chat_messages(settings: &BillingSettings, messages: &[BillingMessage<'_>]) -> Vec<bool> {
    let first_user = messages.iter().position(|message| message.role == Role::User);
    let free_until = match first_user {
        _ if !settings.free_welcome && first_user.is_some() => 0,
        Some(first_user) => first_user,
        None if settings.free_without_user_message => messages.len(),
        None => 0,
    };
    let by_rule =
        |(idx, message): (usize, &BillingMessage<'_>)| message.role == Role::Assistant && idx >= free_until;
    messages
        .iter()
        .enumerate()
        .map(|(idx, message)| stated(message).unwrap_or(by_rule((idx, message))))
        .collect()
}

/// Where messages are not the unit, only the producer's own `billable` makes one billable.
pub(crate) fn stated_messages(messages: &[BillingMessage<'_>]) -> Vec<bool> {
    messages.iter().map(|message| stated(message).unwrap_or(false)).collect()
}

fn stated(message: &BillingMessage<'_>) -> Option<bool> {
    match message.role {
        Role::Human => Some(false),
        _ => message.billable,
    }
}

/// Billable minutes of a call of `duration` seconds; negative counts as 0, NaN as unknown.
pub(crate) fn call_minutes(settings: &BillingSettings, duration: f64) -> Option<u64> {
    if duration.is_nan() {
        return None;
    }
    // Whole microseconds: coarser than a float's error, finer than anything that is billed.
    // `as` saturates, so that negative is 0 and infinity is the largest.
    let micros = u128::from((duration * 1e6).round() as u64);
    if micros < Duration::as_micros(&settings.free_call_under) {
        return Some(0);
    }
    let minutes = match settings.minute_rounding {
        MinuteRounding::Up => micros.div_ceil(MICROS_PER_MINUTE),
        MinuteRounding::Nearest => (micros + MICROS_PER_MINUTE / 2) / MICROS_PER_MINUTE,
        MinuteRounding::Down => micros / MICROS_PER_MINUTE,
    };
    u64::try_from(minutes).ok()
}
