//! Matching interactions as they change, for event streams.
//!
//! A follower asks the index at short intervals what changed since its point, and then which of these interactions
//! its search matches, by the same search as everybody else's. Nothing is lost between two points: a point moves on
//! only with the last item found up to it, so that whoever comes back with the point of an item they have seen may
//! get an item twice, but misses none.

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use hearken_index::changes::ChangePoint;
use hearken_index::query::Query;
use hearken_index::search::{FilterValue, SearchRequest, Selection, Sort, SortKey};
use hearken_index::{Access, IndexReader};

use crate::parameters::SearchParameters;
use crate::problem::Problem;
use crate::search::{SearchItem, highlighter, resolve};
use crate::state::AppState;

/// Time between two looks at the index.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Most changes of one look; also how many documents it may read.
const CHANGES_MAX: usize = 500;
/// How long a follower with nothing to tell waits before it tells its point.
const QUIET_AFTER: Duration = Duration::from_secs(15);

/// What a follower tells.
#[derive(Debug, Clone, PartialEq)]
pub enum FollowEvent {
    /// An interaction that matches has changed.
    Changed {
        /// The interaction.
        item: Box<SearchItem>,
        /// Come back with this point to miss nothing after it.
        point: ChangePoint,
    },
    /// What happened since the point that the follower came back with is no longer known: search again.
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
pub struct Follower {
    state: AppState,
    selection: Selection,
    point: ChangePoint,
    pending: VecDeque<FollowEvent>,
    told_at: Instant,
    _place: tokio::sync::OwnedSemaphorePermit,
}

impl Follower {
    /// Follows from now, or from the point that an earlier follower told. Only the query and the filters of the
    /// parameters matter.
    ///
    /// # Errors
    /// The query cannot be parsed, or too many streams are open.
    pub async fn open(
        state: &AppState,
        parameters: SearchParameters,
        access: Access,
        point: Option<ChangePoint>,
    ) -> Result<Self, Problem> {
        let place = state.stream_place()?;
        let query = parameters.text().map(str::to_owned);
        let seen = access.clone();
        let resolved = state
            .run(move |reader: &IndexReader, _| query.map(|text| resolve(reader, &text, &seen)).transpose());
        let selection = parameters.selection(resolved.await?.unwrap_or(Query::All), access);
        let point = point.unwrap_or_else(|| state.reader().changes_now());
        let mut follower = Follower {
            state: state.clone(),
            selection,
            point,
            pending: VecDeque::new(),
            told_at: Instant::now(),
            _place: place,
        };
        // A search that the index refuses is refused here and not in the middle of the stream.
        follower.matching(BTreeSet::from([String::new()])).await?;
        Ok(follower)
    }

    /// Where the follower stands.
    pub fn point(&self) -> ChangePoint {
        self.point
    }

    /// The next thing to tell; waits for it. `None` when the server stops.
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

    /// Whether there is nothing more to look at for now.
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
            // The pool is full or the search took too long: the point stays, the next look tries again.
            Err(problem) => {
                tracing::debug!(code = problem.code, "a look of an event stream failed");
                true
            }
        }
    }

    /// Those of the interactions that the search matches, oldest start first.
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
        let sort = Sort::Fields(vec![SortKey { field: "start_time".to_owned(), descending: false }]);
        let work = move |reader: &IndexReader, deadline| {
            let request = SearchRequest {
                selection,
                facets: Vec::new(),
                facet_size: 1,
                ranges: Vec::new(),
                sort,
                limit: CHANGES_MAX,
                cursor: None,
                deadline: Some(deadline),
            };
            let response = reader.search(&request)?;
            let mut highlighter = highlighter(&request.selection.query);
            let items = response.hits.into_iter().map(|hit| SearchItem::new(hit, highlighter.as_mut()));
            Ok::<_, Problem>(items.collect::<Result<_, _>>()?)
        };
        self.state.run(work).await
    }
}

/// Where a follower stands that would begin now, for pages that are rendered before they follow.
pub fn point_now(state: &AppState) -> String {
    point_text(state.reader().changes_now())
}

/// A point as text, for `Last-Event-ID`.
pub fn point_text(point: ChangePoint) -> String {
    format!("{}-{}", point.run, point.num_changes)
}

/// The point that a text names. Anything else is a point of an unknown run: a gap, not an error.
pub fn parse_point(text: &str) -> ChangePoint {
    let parsed = text.split_once('-').and_then(|(run, num_changes)| {
        Some(ChangePoint { run: run.parse().ok()?, num_changes: num_changes.parse().ok()? })
    });
    parsed.unwrap_or(ChangePoint { run: 0, num_changes: 0 })
}
