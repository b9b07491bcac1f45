//! Matching interactions as they change, for event streams.
//!
//! At short intervals, a follower asks the index what changed since its point, and then, by an ordinary search, which
//! of these interactions match. Nothing is lost between two points: a point advances only with the last item found up
//! to it, so a client that comes back with the point of an item it has seen may get an item twice, but misses none.

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hearken_index::changes::ChangePoint;
use hearken_index::query::Query;
use hearken_index::search::{FilterValue, SearchParts, SearchRequest, Selection, Sort, SortKey};
use hearken_index::{Search, SearchError};

use crate::http::Caller;
use crate::keys::Permission;
use crate::parameters::SearchParameters;
use crate::problem::Problem;
use crate::search::{SearchItem, highlighter, resolve};
use crate::state::AppState;
use crate::words;

/// Pause between two checks of the index.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Most changes per check, and thus most documents it may read.
const CHANGES_MAX: usize = 500;
/// How long a follower without matches waits before it reports its point.
const QUIET_AFTER: Duration = Duration::from_secs(15);

/// What a follower reports.
#[derive(Debug, Clone, PartialEq)]
pub enum FollowEvent {
    /// A matching interaction has changed.
    Changed {
        /// The interaction.
        item: Box<SearchItem>,
        /// Come back with this point to miss nothing after it.
        point: ChangePoint,
    },
    /// What happened since the follower's point is no longer known: search again.
    Gap {
        /// See [`FollowEvent::Changed`].
        point: ChangePoint,
    },
    /// Nothing matched for a while.
    Quiet {
        /// See [`FollowEvent::Changed`].
        point: ChangePoint,
    },
}

/// Follows one search.
pub struct SearchFollower {
    state: AppState,
    selection: Selection,
    hides_words: bool,
    point: ChangePoint,
    pending: VecDeque<FollowEvent>,
    told_at: Instant,
    _place: tokio::sync::OwnedSemaphorePermit,
}

impl SearchFollower {
    /// Follows from now, or from a point that an earlier follower reported. Only the query and filters of the
    /// parameters matter.
    ///
    /// # Errors
    /// The query cannot be parsed, or too many streams are open.
    pub async fn open(
        state: &AppState,
        parameters: SearchParameters,
        caller: &Caller,
        point: Option<ChangePoint>,
    ) -> Result<Self, Problem> {
        let place = state.stream_place()?;
        let query = parameters.text().map(str::to_owned);
        let (access, seen) = (caller.access().clone(), caller.access().clone());
        let resolved = state
            .run(move |reader: &dyn Search, _| query.map(|text| resolve(reader, &text, &seen)).transpose());
        let query = resolved.await?.unwrap_or(Query::All);
        words::refuse(caller, &query, &parameters)?;
        let selection = parameters.selection(query, access);
        let point = point.unwrap_or_else(|| state.reader().changes_now());
        let mut follower = SearchFollower {
            state: state.clone(),
            selection,
            hides_words: !caller.may(Permission::Search),
            point,
            pending: VecDeque::new(),
            told_at: Instant::now(),
            _place: place,
        };
        // Makes the index refuse an invalid search here, not in the middle of the stream.
        follower.matching(BTreeSet::from([String::new()])).await?;
        Ok(follower)
    }

    /// The follower's current point.
    pub fn point(&self) -> ChangePoint {
        self.point
    }

    /// Waits for the next event. `None` once the server stops.
    pub async fn next(&mut self) -> Option<FollowEvent> {
        let state = self.state.clone();
        tokio::select! {
            event = self.told() => Some(event),
            () = state.stopping() => None,
        }
    }

    async fn told(&mut self) -> FollowEvent {
        loop {
            if let Some(event) = self.pending.pop_front() {
                self.told_at = Instant::now();
                return event;
            }
            let caught_up = self.look().await;
            if self.pending.is_empty() && self.told_at.elapsed() > QUIET_AFTER {
                self.pending.push_back(FollowEvent::Quiet { point: self.point });
            } else if self.pending.is_empty() && caught_up {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
    }

    /// Whether there is nothing more to check for now.
    async fn look(&mut self) -> bool {
        let since = self.state.reader().changes_since(self.point, CHANGES_MAX);
        if since.is_gap {
            self.point = since.until;
            self.pending.push_back(FollowEvent::Gap { point: self.point });
        }
        let caught_up = since.ids.len() < CHANGES_MAX;
        if since.ids.is_empty() {
            return caught_up;
        }
        let ids = since.ids.into_iter().map(String::from).collect();
        match self.matching(ids).await {
            Ok(items) => {
                let before = self.point;
                self.point = since.until;
                let num_items = items.len();
                for (idx, item) in items.into_iter().enumerate() {
                    let point = if idx + 1 == num_items { self.point } else { before };
                    self.pending.push_back(FollowEvent::Changed { item: Box::new(item), point });
                }
                caught_up
            }
            // The pool is full or the search took too long: the point stays, and the next check retries.
            Err(problem) => {
                tracing::debug!(code = problem.code, "an event stream could not read its changes");
                true
            }
        }
    }

    /// The interactions among these that match the search, by start, oldest first.
    async fn matching(&mut self, ids: BTreeSet<String>) -> Result<Vec<SearchItem>, Problem> {
        let mut selection = self.selection.clone();
        let filter = selection.filters.entry("id".to_owned()).or_default();
        let asked = std::mem::take(&mut filter.any_of);
        filter.any_of = ids
            .into_iter()
            .map(FilterValue::Is)
            .filter(|id| asked.is_empty() || asked.contains(id))
            .collect();
        if filter.any_of.is_empty() {
            return Ok(Vec::new());
        }
        let hides_words = self.hides_words;
        let sort = Sort::Fields(vec![SortKey { field: "start_time".to_owned(), descending: false }]);
        let work = move |reader: &dyn Search, deadline| {
            let parts = SearchParts {
                selection,
                facets: Vec::new(),
                facet_size: 1,
                ranges: Vec::new(),
                sort,
                limit: CHANGES_MAX,
                cursor: None,
                deadline: Some(deadline),
            };
            let request = SearchRequest::try_new(parts).map_err(SearchError::from)?;
            let response = reader.search(&request)?;
            let mut highlighter = highlighter(&request.selection.query);
            let items = response.hits.into_iter().map(|hit| {
                let mut item = SearchItem::new(hit, highlighter.as_mut())?;
                if hides_words {
                    words::take_out(&mut item.interaction);
                }
                Ok::<_, SearchError>(item)
            });
            Ok::<_, Problem>(items.collect::<Result<_, _>>()?)
        };
        self.state.run(work).await
    }
}

/// The point of a follower that begins now, for pages rendered before they follow.
pub fn point_now(state: &AppState) -> String {
    state.seal().text(state.reader().changes_now())
}

/// Turns points into opaque texts: a point counts the changes of all organizations, and no caller may learn how busy
/// the others are. A text from another run of the process, or a forged one, becomes a point of an unknown run: a gap,
/// not an error.
pub(crate) struct Seal([u8; 32]);

impl Seal {
    pub(crate) fn new() -> Self {
        let mut key = [0; 32];
        getrandom::fill(&mut key)
            .expect("without random numbers the standard library's maps would not work either");
        Seal(key)
    }

    /// A point as text, for `Last-Event-ID`.
    pub(crate) fn text(&self, point: ChangePoint) -> String {
        let mut nonce = [0; 8];
        getrandom::fill(&mut nonce).expect("see `new`");
        let mut sealed = [0; 24];
        sealed[..8].copy_from_slice(&nonce);
        sealed[8..16].copy_from_slice(&(point.num_changes ^ self.mask(&nonce)).to_le_bytes());
        let tag = self.tag(point.run, &sealed[..16]);
        sealed[16..].copy_from_slice(&tag);
        URL_SAFE_NO_PAD.encode(sealed)
    }

    /// The point that a text encodes, in a run of the process.
    pub(crate) fn point(&self, text: &str, run: u64) -> ChangePoint {
        let unknown = ChangePoint { run: 0, num_changes: 0 };
        let sealed = URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
        let Ok(sealed) = <[u8; 24]>::try_from(sealed) else { return unknown };
        let [nonce, masked, tag]: [[u8; 8]; 3] =
            [0, 8, 16].map(|from| std::array::from_fn(|idx| sealed[from + idx]));
        if self.tag(run, &sealed[..16]) != tag {
            return unknown;
        }
        ChangePoint { run, num_changes: u64::from_le_bytes(masked) ^ self.mask(&nonce) }
    }

    fn mask(&self, nonce: &[u8; 8]) -> u64 {
        let hash = blake3::keyed_hash(&self.0, nonce);
        u64::from_le_bytes(first_eight(hash.as_bytes()))
    }

    fn tag(&self, run: u64, sealed: &[u8]) -> [u8; 8] {
        let hash = blake3::keyed_hash(&self.0, &[&run.to_le_bytes(), sealed].concat());
        first_eight(hash.as_bytes())
    }
}

fn first_eight(bytes: &[u8; 32]) -> [u8; 8] {
    std::array::from_fn(|idx| bytes[idx])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_point_comes_back_and_reveals_nothing() {
        let seal = Seal::new();
        let point = ChangePoint { run: 7, num_changes: 12_345 };
        let text = seal.text(point);
        assert_eq!(seal.point(&text, 7), point);
        assert_ne!(text, seal.text(point), "equal texts would reveal that nothing happened");
        let unknown = ChangePoint { run: 0, num_changes: 0 };
        assert_eq!(seal.point(&text, 8), unknown);
        assert_eq!(Seal::new().point(&text, 7), unknown);
        for wrong in ["", "7-12345", &text[1..], &format!("A{}", &text[1..]), "ä"] {
            assert!(wrong == text || seal.point(wrong, 7) == unknown, "{wrong}");
        }
    }
}
