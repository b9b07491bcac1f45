//! Sessions: browsers show a key once, and a cookie from then on.
//!
//! They are kept in memory: a restart signs everyone out, which costs them one visit to the sign-in page, and no
//! stealable token is on disk. A session permits what its key permits at each request.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::keys::hex;

/// A session ends after it has been unused for this long.
pub const SESSION_IDLE_MAX: Duration = Duration::from_secs(8 * 3_600);
/// Most sessions; beyond that, the one idle longest ends.
const SESSIONS_MAX: usize = 10_000;
const TOKEN_BYTES: usize = 32;

#[derive(Debug, Default)]
pub(super) struct Sessions {
    /// Keyed by the hash of the token, so that the time of a look-up reveals nothing about tokens.
    open: Mutex<HashMap<blake3::Hash, Session>>,
}

#[derive(Debug)]
struct Session {
    /// The key that was shown; its permissions are looked up at each request.
    key_id: String,
    used_at: Instant,
    guard: SessionGuard,
}

/// Tells whether a session is still open.
#[derive(Debug, Clone)]
pub(super) struct SessionGuard(Arc<AtomicBool>);

impl SessionGuard {
    fn open() -> Self {
        SessionGuard(Arc::new(AtomicBool::new(true)))
    }

    pub(super) fn is_open(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn close(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl Sessions {
    /// Starts a session for the holder of this key; returns the token for the cookie.
    pub(super) fn begin(&self, key_id: &str, now: Instant) -> std::io::Result<String> {
        let mut random = [0; TOKEN_BYTES];
        getrandom::fill(&mut random)?;
        let token = hex(&random);
        let mut open = self.lock();
        end_idle(&mut open, now);
        if open.len() >= SESSIONS_MAX {
            let idlest = open.iter().min_by_key(|(_, session)| session.used_at).map(|(hash, _)| *hash);
            if let Some(session) = idlest.and_then(|hash| open.remove(&hash)) {
                session.guard.close();
            }
        }
        let session = Session { key_id: key_id.to_owned(), used_at: now, guard: SessionGuard::open() };
        open.insert(blake3::hash(token.as_bytes()), session);
        Ok(token)
    }

    /// The id of the key that the session was started with, if it is still open; marks the session as used now.
    pub(super) fn resume(&self, token: &str, now: Instant) -> Option<(String, SessionGuard)> {
        let mut open = self.lock();
        let hash = blake3::hash(token.as_bytes());
        let session = open.get_mut(&hash)?;
        if is_idle(session, now) {
            session.guard.close();
            open.remove(&hash);
            return None;
        }
        session.used_at = now;
        Some((session.key_id.clone(), session.guard.clone()))
    }

    /// Ends a session.
    pub(super) fn end(&self, token: &str) {
        if let Some(session) = self.lock().remove(&blake3::hash(token.as_bytes())) {
            session.guard.close();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<blake3::Hash, Session>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn end_idle(open: &mut HashMap<blake3::Hash, Session>, now: Instant) {
    open.retain(|_, session| {
        let ends = is_idle(session, now);
        if ends {
            session.guard.close();
        }
        !ends
    });
}

fn is_idle(session: &Session, now: Instant) -> bool {
    now.saturating_duration_since(session.used_at) >= SESSION_IDLE_MAX
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn sessions_end_when_told_or_idle_and_are_bounded() {
        let sessions = Sessions::default();
        let start = Instant::now();
        let token = sessions.begin("k", start).unwrap();
        let (key_id, guard) = sessions.resume(&token, start + SESSION_IDLE_MAX / 2).unwrap();
        assert_eq!(key_id, "k");
        assert!(sessions.resume("", start).is_none() && sessions.resume(&token[1..], start).is_none());
        let later = start + SESSION_IDLE_MAX + SESSION_IDLE_MAX / 4;
        assert!(sessions.resume(&token, later).is_some(), "it was used in between");
        assert!(sessions.resume(&token, later + SESSION_IDLE_MAX).is_none());
        assert!(!guard.is_open());

        let token = sessions.begin("k", later).unwrap();
        let (_, guard) = sessions.resume(&token, later).unwrap();
        sessions.end(&token);
        assert!(sessions.resume(&token, later).is_none() && !guard.is_open());

        let first = sessions.begin("k", later).unwrap();
        for _ in 0..SESSIONS_MAX {
            sessions.begin("k", later + Duration::from_secs(1)).unwrap();
        }
        assert!(sessions.resume(&first, later + Duration::from_secs(1)).is_none());
        assert_eq!(sessions.lock().len(), SESSIONS_MAX);
    }
}
