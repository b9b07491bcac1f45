//! Searching the index: the port's reading half.

use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hearken_index::Access;
use hearken_index::changes::{ChangePoint, Changes, ChangesSince};
use hearken_index::overview::{Overview, OverviewRequest};
use hearken_index::query::Query;
use hearken_index::ranking::Ranking;
use hearken_index::search::{
    Cursor, Filter, Hit, SearchError, SearchRequest, SearchResponse, Selection, Sort, SortKey, check_sort,
};
use hearken_model::{Document, InteractionId, Timestamp};
use parking_lot::Mutex;

use super::budget::SearchBudget;
use super::collect::{Collection, engine};
use super::columns::ColumnCache;
use super::cursor::PageEnd;
use super::facets::Facet;
use super::lower::{Lowered, Lowering};
use super::ranges::RangeCounts;
use super::schema::NEWEST_EVENT;
use super::shared::Shared;
use super::sort::{self, Order, Top};
use super::statistics::{Histogram, Values};
use super::stored;
use super::view::View;

/// Most hits that can be paged through by relevance.
pub const RELEVANCE_HITS_MAX: usize = 10_000;
/// How long a view stays pinned after its last use.
pub const VIEW_PINNED_FOR: Duration = Duration::from_secs(60);
/// Most views pinned at a time; the oldest goes first. Each holds on to the files of its moment.
pub const VIEWS_MAX: usize = 64;
/// Hits that an export finds in one pass; it keeps 100 bytes for each.
const EXPORT_CHUNK: usize = 50_000;

/// Reads the index as of its last refresh. Clones share everything. All calls block.
#[derive(Clone)]
pub struct IndexReader {
    shared: Arc<Shared>,
    views: PinnedViews,
    changes: Changes,
    ranking: Ranking,
}

/// What the index holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Interactions that can be found.
    pub interactions: u64,
    /// Tombstones.
    pub erased: u64,
}

impl IndexReader {
    pub(super) fn new(shared: Arc<Shared>, views: PinnedViews, changes: Changes) -> Self {
        IndexReader { shared, views, changes, ranking: Ranking::DEFAULT }
    }

    /// The same index, ranked in another way: to measure what a way of ranking is worth.
    pub fn ranked_by(self, ranking: Ranking) -> Self {
        IndexReader { ranking, ..self }
    }

    /// The document of one interaction, `None` if it was never seen or may not be. A caller that may see everything gets a
    /// tombstone of what was erased; for others it is not there.
    ///
    /// # Errors
    /// [`SearchError::Engine`].
    pub fn get(&self, id: &InteractionId, access: &Access) -> Result<Option<Document>, SearchError> {
        let may_see = |document: &Document| access.admits(document.derived.head.organization.as_deref());
        Ok(self.shared.get(id).map_err(engine)?.filter(may_see))
    }

    /// Whether [`IndexReader::get`] finds something.
    ///
    /// # Errors
    /// [`SearchError::Engine`].
    pub fn holds(&self, id: &InteractionId, access: &Access) -> Result<bool, SearchError> {
        match access {
            Access::All => self.shared.holds(id).map_err(engine),
            Access::Only(_) => Ok(self.get(id, access)?.is_some()),
        }
    }

    /// Answers a search.
    ///
    /// # Errors
    /// Every [`SearchError`].
    pub fn search(&self, request: &SearchRequest) -> Result<SearchResponse, SearchError> {
        let page = self.page(request)?;
        let budget = Arc::new(SearchBudget::new(request.deadline));
        let ranks = matches!(page.order, Order::Relevance) && page.size > 0;
        let mut lowering = self.lowering(&page.view, &budget, ranks);

        // One pass finds the page and counts every facet that no filter is set on.
        let filters = &request.selection.filters;
        let mut collection = counting(request, |name| !filters.contains_key(name))?;
        collection.top = (page.size > 0).then(|| Top::new(page.order.clone(), page.size, page.after.clone()));
        let query = lowering.selection(&request.selection, None)?;
        collection.run(&page.view, self.columns(), query, &budget)?;

        // A facet with a filter counts what there would be without that filter.
        for name in filters.keys() {
            let mut counts = counting(request, |counted| counted == name)?;
            if counts.facets.is_empty() && counts.ranges.is_empty() {
                continue;
            }
            let mut lowering = self.lowering(&page.view, &budget, false);
            let query = lowering.selection(&request.selection, Some(name))?;
            counts.run(&page.view, self.columns(), query, &budget)?;
            collection.facets.append(&mut counts.facets);
            collection.ranges.append(&mut counts.ranges);
        }

        let total = collection.total;
        let (hits, next) = match collection.top {
            Some(top) => self.hits(request, page, top)?,
            None => (Vec::new(), None),
        };
        let mut facets: Vec<_> =
            collection.facets.into_iter().map(|facet| facet.finish(request.facet_size)).collect();
        facets.sort_by_key(|(name, _)| request.facets.iter().position(|wanted| wanted == name));
        let mut ranges: Vec<_> = collection.ranges.into_iter().map(RangeCounts::finish).collect();
        ranges.sort_by_key(|(name, _)| request.ranges.iter().position(|wanted| wanted.field == *name));
        facets.append(&mut ranges);
        Ok(SearchResponse { total, hits, facets, next })
    }

    /// Numbers for charts.
    ///
    /// # Errors
    /// Every [`SearchError`] but [`SearchError::CursorExpired`].
    pub fn overview(&self, request: &OverviewRequest) -> Result<Overview, SearchError> {
        self.overview_of(&self.shared.view(), request)
    }

    /// Several of them, all of one view.
    ///
    /// # Errors
    /// Every [`SearchError`] but [`SearchError::CursorExpired`].
    pub fn overviews(&self, requests: &[OverviewRequest]) -> Result<Vec<Overview>, SearchError> {
        let view = self.shared.view();
        requests.iter().map(|request| self.overview_of(&view, request)).collect()
    }

    fn overview_of(&self, view: &View, request: &OverviewRequest) -> Result<Overview, SearchError> {
        request.check()?;
        let budget = Arc::new(SearchBudget::new(request.deadline));
        let mut lowering = self.lowering(view, &budget, false);
        let mut collection = Collection {
            facets: request.facets.iter().map(|name| Facet::new(name)).collect::<Result<_, _>>()?,
            ranges: request.ranges.iter().map(RangeCounts::new).collect::<Result<_, _>>()?,
            histogram: Some(Histogram::new("start_time", request.interval.clone())),
            values: request.distributions.iter().map(|name| Values::new(name)).collect::<Result<_, _>>()?,
            ..Collection::default()
        };
        let query = lowering.selection(&request.selection, None)?;
        collection.run(view, self.columns(), query, &budget)?;
        let without_start = collection.histogram.as_ref().map_or(0, |histogram| histogram.num_missing);
        let facets = collection.facets.into_iter().map(|facet| facet.finish(request.facet_size));
        Ok(Overview {
            total: collection.total,
            over_time: collection.histogram.map(Histogram::finish).unwrap_or_default(),
            without_start,
            facets: facets.chain(collection.ranges.into_iter().map(RangeCounts::finish)).collect(),
            distributions: collection.values.into_iter().map(Values::finish).collect(),
        })
    }

    /// Calls `visit` with every match in order, in one view, with memory that does not grow with the matches.
    ///
    /// # Errors
    /// Every [`SearchError`] but [`SearchError::DeadlineExceeded`]: `visit` says when to stop.
    pub fn for_each(
        &self,
        selection: &Selection,
        sort: &[SortKey],
        mut visit: impl FnMut(Document) -> ControlFlow<()>,
    ) -> Result<(), SearchError> {
        check_sort(sort)?;
        let view = self.shared.view();
        let mut after = None;
        loop {
            let budget = Arc::new(SearchBudget::new(None));
            let mut lowering = self.lowering(&view, &budget, false);
            let query = lowering.selection(selection, None)?;
            let top = Top::new(Order::Fields(sort.to_vec()), EXPORT_CHUNK, after.take());
            let mut collection = Collection { top: Some(top), ..Collection::default() };
            collection.run(&view, self.columns(), query, &budget)?;
            let entries = collection.top.map(|top| top.finish(&view)).transpose().map_err(engine)?;
            let entries = entries.unwrap_or_default();
            for entry in &entries {
                let document = stored::document(&view, entry.place).map_err(engine)?;
                if visit(document).is_break() {
                    return Ok(());
                }
            }
            let Some(last) = entries.last().filter(|_| entries.len() >= EXPORT_CHUNK) else { return Ok(()) };
            let id = stored::id(&view, last.place).map_err(engine)?;
            after = Some(sort::after(sort, &sort::cursor_keys(sort, last), last.tie, &id)?);
        }
    }

    /// Interactions in progress whose newest event is not after `cutoff`, longest idle first, at most `limit`.
    ///
    /// # Errors
    /// [`SearchError::Engine`].
    pub fn idle_since(&self, cutoff: Timestamp, limit: usize) -> Result<Vec<InteractionId>, SearchError> {
        self.ids(|lowering| lowering.idle_since(cutoff), false, limit)
    }

    /// Interactions that a language model has still to be asked about and that have ended, or whose newest event is
    /// not after `rested_since`; the newest first, at most `limit`.
    ///
    /// # Errors
    /// [`SearchError::Engine`].
    pub fn llm_pending(
        &self,
        rested_since: Timestamp,
        limit: usize,
    ) -> Result<Vec<InteractionId>, SearchError> {
        self.ids(|lowering| lowering.llm_pending(rested_since), true, limit)
    }

    /// What these filters find of which the newest event is not after `cutoff`, oldest first, at most `limit`.
    ///
    /// # Errors
    /// [`SearchError::Engine`].
    pub fn silent_since(
        &self,
        cutoff: Timestamp,
        filters: &BTreeMap<String, Filter>,
        limit: usize,
    ) -> Result<Vec<InteractionId>, SearchError> {
        let selection = Selection { filters: filters.clone(), ..Selection::new(Query::All, Access::All) };
        self.ids(|lowering| lowering.silent_since(cutoff, &selection), false, limit)
    }

    /// The ids of the matches, by newest event.
    fn ids(
        &self,
        query: impl FnOnce(&mut Lowering<'_>) -> Result<Lowered, SearchError>,
        newest_first: bool,
        limit: usize,
    ) -> Result<Vec<InteractionId>, SearchError> {
        let view = self.shared.view();
        let budget = Arc::new(SearchBudget::new(None));
        let query = query(&mut self.lowering(&view, &budget, false))?;
        let key = SortKey { field: NEWEST_EVENT.to_owned(), descending: newest_first };
        let top = Top::new(Order::Fields(vec![key]), limit, None);
        let mut collection = Collection { top: Some(top), ..Collection::default() };
        collection.run(&view, self.columns(), query, &budget)?;
        let entries = collection.top.map(|top| top.finish(&view)).transpose().map_err(engine)?;
        let ids = entries.unwrap_or_default().into_iter().take(limit).map(|entry| {
            let id = stored::id(&view, entry.place).map_err(engine)?;
            InteractionId::try_new(id).map_err(|error| SearchError::Engine(Box::new(error)))
        });
        ids.collect()
    }

    /// The point behind everything that searches see, for [`IndexReader::changes_since`].
    pub fn changes_now(&self) -> ChangePoint {
        self.changes.now()
    }

    /// Interactions that were put and became visible after that point, at most `max`. These are ids of every
    /// organization: show only what a search under the caller's [`Access`] finds again.
    pub fn changes_since(&self, point: ChangePoint, max: usize) -> ChangesSince {
        self.changes.since(point, max)
    }

    /// How many interactions have not ended.
    ///
    /// # Errors
    /// [`SearchError::Engine`].
    pub fn count_in_progress(&self) -> Result<u64, SearchError> {
        let view = self.shared.view();
        self.count(&view, |lowering| lowering.in_progress())
    }

    /// How many interactions there are.
    ///
    /// # Errors
    /// [`SearchError::Engine`].
    pub fn counts(&self) -> Result<Counts, SearchError> {
        let view = self.shared.view();
        let erased = self.count(&view, |lowering| lowering.erased())?;
        Ok(Counts { interactions: view.num_documents().saturating_sub(erased), erased })
    }

    fn count(&self, view: &View, query: impl FnOnce(&Lowering<'_>) -> Lowered) -> Result<u64, SearchError> {
        let budget = Arc::new(SearchBudget::new(None));
        let query = query(&self.lowering(view, &budget, false));
        let mut matches = Collection::default();
        matches.run(view, self.columns(), query, &budget)?;
        Ok(matches.total)
    }

    fn columns(&self) -> &Arc<ColumnCache> {
        &self.shared.columns
    }

    fn lowering<'a>(&'a self, view: &'a View, budget: &Arc<SearchBudget>, ranks: bool) -> Lowering<'a> {
        let ranking = ranks.then_some(self.ranking);
        Lowering::new(&self.shared.fields, self.columns(), view, Arc::clone(budget), ranking)
    }

    /// Which view, which order, how many and from where.
    fn page(&self, request: &SearchRequest) -> Result<PageRequest, SearchError> {
        let newest = || self.shared.view();
        let wrong_cursor = || SearchError::Invalid("the cursor belongs to another sort".to_owned());
        let page = |view, order, size, after, offset| PageRequest { view, order, size, after, offset };
        // One more than asked for tells whether there is a next page.
        let size = if request.limit == 0 { 0 } else { request.limit + 1 };
        let by_relevance = if request.selection.query.scores_alike() {
            Order::Fields(vec![SortKey { field: sort::NEWEST_FIRST.to_owned(), descending: true }])
        } else {
            Order::Relevance
        };
        let cursor = request.cursor.as_ref().map(PageEnd::from_cursor).transpose()?;
        match (&request.sort, &cursor) {
            (Sort::Relevance, None) => Ok(page(newest(), by_relevance, size, None, 0)),
            (Sort::Relevance, Some(PageEnd::Pinned { view, offset })) => {
                let view = self.views.get(*view).ok_or(SearchError::CursorExpired)?;
                if offset.saturating_add(request.limit) > RELEVANCE_HITS_MAX {
                    return Err(SearchError::TooExpensive(format!(
                        "at most {RELEVANCE_HITS_MAX} hits can be paged through by relevance; sort by a field"
                    )));
                }
                let size = if size == 0 { 0 } else { size + offset };
                Ok(page(view, by_relevance, size, None, *offset))
            }
            (Sort::Fields(keys), cursor) => {
                let after = match cursor {
                    None => None,
                    Some(PageEnd::After { keys: values, tie, id }) => {
                        Some(sort::after(keys, values, *tie, id)?)
                    }
                    Some(PageEnd::Pinned { .. }) => return Err(wrong_cursor()),
                };
                Ok(page(newest(), Order::Fields(keys.clone()), size, after, 0))
            }
            (Sort::Relevance, Some(PageEnd::After { .. })) => Err(wrong_cursor()),
        }
    }

    fn hits(
        &self,
        request: &SearchRequest,
        page: PageRequest,
        top: Top,
    ) -> Result<(Vec<Hit>, Option<Cursor>), SearchError> {
        let entries = top.finish(&page.view).map_err(engine)?;
        let scored = matches!(page.order, Order::Relevance);
        let mut hits = Vec::with_capacity(request.limit);
        for entry in entries.iter().skip(page.offset).take(request.limit) {
            let document = stored::lazy_document(&page.view, entry.place).map_err(engine)?;
            hits.push(Hit { document, score: scored.then_some(entry.score) });
        }
        let end = page.offset + request.limit;
        let (Some(last), true) = (hits.last(), entries.len() > end) else { return Ok((hits, None)) };
        let next = match &request.sort {
            Sort::Relevance if end >= RELEVANCE_HITS_MAX => None,
            Sort::Relevance => {
                let view = self.views.pin(page.view);
                Some(PageEnd::Pinned { view, offset: end }.to_cursor())
            }
            Sort::Fields(keys) => {
                let (entry, id) = (&entries[end - 1], last.id()?);
                Some(PageEnd::After { keys: sort::cursor_keys(keys, entry), tie: entry.tie, id }.to_cursor())
            }
        };
        Ok((hits, next))
    }
}

/// What counts the facets that are wanted.
fn counting(request: &SearchRequest, wanted: impl Fn(&str) -> bool) -> Result<Collection, SearchError> {
    let facets = request.facets.iter().filter(|name| wanted(name)).map(|name| Facet::new(name));
    let ranges = request.ranges.iter().filter(|facet| wanted(&facet.field)).map(RangeCounts::new);
    Ok(Collection {
        facets: facets.collect::<Result<_, _>>()?,
        ranges: ranges.collect::<Result<_, _>>()?,
        ..Collection::default()
    })
}

struct PageRequest {
    view: Arc<View>,
    order: Order,
    size: usize,
    after: Option<sort::After>,
    offset: usize,
}

/// Views that relevance cursors page on. Clones share them.
#[derive(Clone)]
pub(super) struct PinnedViews(Arc<Mutex<Pins>>);

impl PinnedViews {
    pub(super) fn new() -> Self {
        PinnedViews(Arc::new(Mutex::new(Pins::new())))
    }

    /// Lets go of every view before that one, which may show what was erased since; their cursors have expired.
    pub(super) fn expire_before(&self, view: &View) {
        let mut views = self.0.lock();
        views.oldest = views.oldest.max(view.number);
        let oldest = views.oldest;
        views.pinned.retain(|pinned| pinned.view.number >= oldest);
    }

    fn get(&self, number: u64) -> Option<Arc<View>> {
        self.0.lock().get(number)
    }

    fn pin(&self, view: Arc<View>) -> u64 {
        self.0.lock().pin(view)
    }
}

struct Pins {
    next: u64,
    /// Views before this one are no longer pinned.
    oldest: u64,
    pinned: VecDeque<PinnedView>,
}

struct PinnedView {
    number: u64,
    view: Arc<View>,
    used_at: Instant,
}

/// Most memory that the documents over the commits of all pinned views may take; the oldest view goes first.
const PINNED_BYTES_MAX: usize = 256 << 20;

impl Pins {
    fn new() -> Self {
        // Numbers keep growing across restarts, so that an old cursor never finds somebody else's view.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Pins { next: now.as_micros() as u64, oldest: 0, pinned: VecDeque::new() }
    }

    fn get(&mut self, number: u64) -> Option<Arc<View>> {
        self.drop_expired();
        let pinned = self.pinned.iter_mut().find(|pinned| pinned.number == number)?;
        pinned.used_at = Instant::now();
        Some(Arc::clone(&pinned.view))
    }

    /// The number of that view, pinned from now on.
    fn pin(&mut self, view: Arc<View>) -> u64 {
        self.drop_expired();
        let known = self.pinned.iter_mut().find(|pinned| pinned.view.number == view.number);
        if let Some(pinned) = known {
            pinned.used_at = Instant::now();
            return pinned.number;
        }
        let bytes =
            |views: &VecDeque<PinnedView>| views.iter().map(|pinned| pinned.view.live_bytes).sum::<usize>();
        while self.pinned.len() >= VIEWS_MAX || bytes(&self.pinned) + view.live_bytes > PINNED_BYTES_MAX {
            if self.pinned.pop_front().is_none() {
                break;
            }
        }
        self.next += 1;
        self.pinned.push_back(PinnedView { number: self.next, view, used_at: Instant::now() });
        self.next
    }

    fn drop_expired(&mut self) {
        self.pinned.retain(|pinned| pinned.used_at.elapsed() < VIEW_PINNED_FOR);
    }
}
