//! Asking the cluster: the port's reading half.

use std::collections::BTreeMap;
use std::collections::hash_map::Entry;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use hearken_index::changes::{ChangePoint, ChangesSince};
use hearken_index::overview::{Overview, OverviewRequest};
use hearken_index::query::Query;
use hearken_index::ranking::Ranking;
use hearken_index::search::{
    Boundaries, FacetCount, Filter, Hit, RangeFacet, SearchError, SearchRequest, SearchResponse, Selection,
    Sort, SortKey, check_sort,
};
use hearken_index::{Access, Lookup, Search};
use hearken_model::field::field;
use hearken_model::{Document, InteractionId, Timestamp};
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::answer::{ClusterResponse, Found};
use super::client::Request;
use super::counts::{
    FACET_VALUES_MAX, Facet, Intervals, PAGE, count, distribution_aggregations, ranges_aggregations,
    read_distribution, read_ranges, unreadable,
};
use super::cursor::PageEnd;
use super::document::key;
use super::error::RequestError;
use super::index::Shared;
use super::lower::{self, LookedAt, Lowered};
use super::mapping::{ERASED, HEAD, HIDDEN, NEWEST_EVENT, REST, TIE, WRITTEN_AT, value_field};
use super::pit::Pit;
use super::words::Wanted;

/// Most hits that can be paged through by relevance, as with the embedded engine.
const RELEVANCE_HITS_MAX: usize = 10_000;
/// Most documents of which one text of a query is looked at here, because no query of the cluster says the same.
const LOOKED_AT_MAX: usize = 5_000;
/// Documents of one page of an export.
const EXPORT_PAGE: usize = 250;

/// What is done with one page of buckets after the other.
type VisitBuckets<'v> = &'v mut dyn FnMut(&[Value]) -> Result<ControlFlow<()>, SearchError>;

/// Asks the cluster. Clones share everything. All calls block.
#[derive(Clone)]
pub struct OpenSearchReader {
    shared: Arc<Shared>,
    ranking: Ranking,
}

impl OpenSearchReader {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        OpenSearchReader { shared, ranking: Ranking::DEFAULT }
    }

    /// The document as it was written last, whether searches see it yet or not.
    fn stored(&self, id: &InteractionId) -> Result<Option<Document>, SearchError> {
        let path = format!("/{}/_doc/{}", self.shared.alias, key(id));
        let answer = self.shared.client.send(Request::new(Method::GET, path))?;
        if answer.status == 404 {
            // Either there is no document, or no index.
            let body: Value = answer.read()?;
            return if body["found"] == false { Ok(None) } else { Err(answer.refusal().into()) };
        }
        if answer.status != 200 {
            return Err(answer.refusal().into());
        }
        let found: Found = answer.read()?;
        let document = found.document()?;
        let revision = document.revision;
        let is_erased = document.state.erased;
        Ok(Some(if is_erased { Document { revision, ..Document::tombstone(id.clone()) } } else { document }))
    }

    /// Calls `visit` with everything that is stored when this is called: also with tombstones, which know no more than the hash
    /// of their id, and with what is no interaction.
    ///
    /// # Errors
    /// [`SearchError::Engine`].
    pub fn for_each_stored(
        &self,
        visit: &mut dyn FnMut(Document) -> ControlFlow<()>,
    ) -> Result<(), SearchError> {
        self.show_all()?;
        let pit = Pit::open_for_export(&self.shared)?;
        let order = [json!({TIE: "asc"}), json!({WRITTEN_AT: "asc"})];
        let mut visit = |found: Found| Ok::<_, SearchError>(visit(found.document()?));
        let visited =
            self.pages(&json!({"match_all": {}}), &order, EXPORT_PAGE, Some(&pit), None, &mut visit);
        pit.close(&self.shared);
        visited
    }

    /// How many documents [`for_each_stored`](Self::for_each_stored) visits.
    ///
    /// # Errors
    /// [`SearchError::Engine`].
    pub fn num_stored(&self) -> Result<u64, SearchError> {
        self.show_all()?;
        let body = json!({"size": 0, "track_total_hits": true, "query": {"match_all": {}}});
        Ok(self.ask(&body, None, None)?.total())
    }

    /// Lets searches see what was written so far.
    fn show_all(&self) -> Result<(), SearchError> {
        let request = Request::new(Method::POST, format!("/{}/_refresh", self.shared.alias));
        let _: Value = self.shared.client.ask(request)?;
        Ok(())
    }

    fn find(&self, id: &InteractionId, access: &Access) -> Result<Option<Document>, SearchError> {
        let may_see = |document: &Document| access.admits(document.derived.head.organization.as_deref());
        Ok(self.stored(id)?.filter(may_see))
    }

    /// Searches what is visible now, or in a point in time.
    fn ask(
        &self,
        body: &Value,
        pit: Option<&Pit>,
        deadline: Option<Instant>,
    ) -> Result<ClusterResponse, SearchError> {
        let path = match pit {
            // The point in time knows its index.
            Some(_) => "/_search?allow_partial_search_results=false".to_owned(),
            None => format!("/{}/_search?allow_partial_search_results=false", self.shared.alias),
        };
        let answer: ClusterResponse =
            self.shared.client.ask(Request::new(Method::POST, path).json(body).by(deadline))?;
        Ok(answer.check()?)
    }

    /// The body of a search, in a point in time if there is one.
    fn body(query: Value, pit: Option<&Pit>) -> Map<String, Value> {
        let mut body = Map::new();
        body.insert("query".to_owned(), query);
        if let Some(pit) = pit {
            body.insert("pit".to_owned(), pit.body());
        }
        body
    }

    /// The selection as a query. Texts that no query of the cluster says are looked at here first.
    fn lower(
        &self,
        selection: &Selection,
        ranking: Option<&Ranking>,
        deadline: Option<Instant>,
    ) -> Result<Lowered, SearchError> {
        let query = selection.query.without_wordless();
        let mut looked_at = LookedAt::new();
        for wanted in query.as_ref().map(lower::to_look_at).transpose()?.unwrap_or_default() {
            if let Entry::Vacant(vacant) = looked_at.entry(wanted.key()) {
                vacant.insert(self.look_at(&wanted, selection, deadline)?);
            }
        }
        lower::selection(selection, query.as_ref(), &looked_at, ranking)
    }

    /// The `_id`s of the documents that match, of those that a selection may find at all.
    fn look_at(
        &self,
        wanted: &Wanted<'_>,
        selection: &Selection,
        deadline: Option<Instant>,
    ) -> Result<Vec<String>, SearchError> {
        let mut filters = lower::always(selection);
        filters.push(wanted.candidates());
        let query = json!({"bool": {"filter": filters}});
        let mut matching = Vec::new();
        let mut num_seen = 0;
        let order = [json!({TIE: "asc"}), json!({value_field("id"): "asc"})];
        self.pages(&query, &order, EXPORT_PAGE, None, deadline, &mut |found| {
            num_seen += 1;
            if num_seen > LOOKED_AT_MAX {
                return Err(SearchError::TooExpensive(format!(
                    "the words of a `\"…\"~` that repeats a word stand in more than {LOOKED_AT_MAX} interactions; \
                     write it without `~`, or choose rarer words"
                )));
            }
            if wanted.matches(&found.document()?) {
                matching.push(found.key.clone());
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(matching)
    }

    /// Calls `visit` with every document of a query in order.
    fn pages(
        &self,
        query: &Value,
        order: &[Value],
        page: usize,
        pit: Option<&Pit>,
        deadline: Option<Instant>,
        visit: &mut dyn FnMut(Found) -> Result<ControlFlow<()>, SearchError>,
    ) -> Result<(), SearchError> {
        let mut after: Option<Vec<Value>> = None;
        loop {
            let mut body = Self::body(query.clone(), pit);
            body.insert("size".to_owned(), page.into());
            body.insert("sort".to_owned(), json!(order));
            body.insert("_source".to_owned(), json!([HEAD, REST]));
            body.insert("track_total_hits".to_owned(), false.into());
            body.insert("version".to_owned(), true.into());
            if let Some(after) = after.take() {
                body.insert("search_after".to_owned(), Value::Array(after));
            }
            let answer = self.ask(&Value::Object(body), pit, deadline)?;
            let num_found = answer.hits.hits.len();
            for found in answer.hits.hits {
                after = Some(found.sort.clone());
                if visit(found)?.is_break() {
                    return Ok(());
                }
            }
            if num_found < page {
                return Ok(());
            }
        }
    }

    fn search_page(&self, request: &SearchRequest) -> Result<SearchResponse, SearchError> {
        if request.deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return Err(SearchError::DeadlineExceeded);
        }
        let by_score = request.sort == Sort::Relevance && !request.selection.query.scores_alike();
        let order = match &request.sort {
            Sort::Fields(keys) => order(keys),
            Sort::Relevance => relevance(by_score),
        };
        let end = request.cursor.as_ref().map(|cursor| PageEnd::read(cursor, &order)).transpose()?;
        let is_relevance = request.sort == Sort::Relevance;
        if end.as_ref().is_some_and(|end| end.pit.is_some() != is_relevance) {
            return Err(SearchError::Invalid("the cursor belongs to another sort".to_owned()));
        }
        let pit = end.as_ref().and_then(|end| end.pit.clone()).map(Pit::known);
        if let Some(end) = end.as_ref().filter(|_| pit.is_some()) {
            if end.num_before.saturating_add(request.limit) > RELEVANCE_HITS_MAX {
                return Err(SearchError::TooExpensive(format!(
                    "at most {RELEVANCE_HITS_MAX} hits can be paged through by relevance; sort by a field"
                )));
            }
            if self.num_erased(request.deadline)? != end.num_erased {
                return Err(SearchError::CursorExpired);
            }
        }

        let ranking = (by_score && request.limit > 0).then_some(&self.ranking);
        let lowered = self.lower(&request.selection, ranking, request.deadline)?;
        // What is counted without its own filter must be found at first: that filter comes after.
        let counted = |name: &str| {
            request.facets.iter().any(|facet| facet == name)
                || request.ranges.iter().any(|facet| facet.field == name)
        };
        let mut query = lowered.without(counted);
        if pit.is_some() {
            // A cursor is made up by whoever sends it; it must not lead into another index.
            query = json!({"bool": {"must": [query], "filter": [{"term": {"_index": self.shared.alias}}]}});
        }
        let mut body = Self::body(query, pit.as_ref());
        if let Some(filters) = lowered.filters(counted) {
            body.insert("post_filter".to_owned(), filters);
        }
        // One more than asked for tells whether there is a next page.
        let size = if request.limit == 0 { 0 } else { request.limit + 1 };
        body.insert("size".to_owned(), size.into());
        body.insert("track_total_hits".to_owned(), true.into());
        if size > 0 {
            body.insert("sort".to_owned(), json!(order));
            body.insert("_source".to_owned(), json!([HEAD, REST]));
            if by_score {
                body.insert("track_scores".to_owned(), true.into());
            }
            if let Some(end) = &end {
                body.insert("search_after".to_owned(), json!(end.after));
            }
        }
        let facets = facets(&request.facets, request.facet_size)?;
        let mut aggregations = Map::new();
        for (idx, facet) in facets.iter().enumerate() {
            let others = lowered.filters(|name| counted(name) && name != facet.name);
            aggregations.insert(format!("facet{idx}"), filtered(others, facet.aggregations()));
        }
        for (idx, facet) in request.ranges.iter().enumerate() {
            let others = lowered.filters(|name| counted(name) && name != facet.field);
            aggregations.insert(format!("range{idx}"), filtered(others, range_aggregations(facet)?));
        }
        if !aggregations.is_empty() {
            body.insert("aggs".to_owned(), Value::Object(aggregations));
        }
        let answer = self.ask(&Value::Object(body), pit.as_ref(), request.deadline);
        let mut answer = answer.map_err(|error| of_cursor(error, request.cursor.is_some()))?;

        let mut counted_facets = Vec::with_capacity(facets.len() + request.ranges.len());
        for (idx, facet) in facets.iter().enumerate() {
            let counts = match facet.read(answer.aggregation(&format!("facet{idx}")))? {
                Some(counts) => counts,
                None => {
                    let query = lowered.without(|name| name == facet.name);
                    self.all_values(facet, &query, pit.as_ref(), request.deadline)?
                }
            };
            counted_facets.push((facet.name.to_owned(), counts));
        }
        for (idx, facet) in request.ranges.iter().enumerate() {
            let counts = self.ranges(
                facet,
                answer.aggregation(&format!("range{idx}")),
                &lowered.without(|name| name == facet.field),
                pit.as_ref(),
                request.deadline,
            )?;
            counted_facets.push((facet.field.clone(), counts));
        }

        let total = answer.total();
        let found = std::mem::take(&mut answer.hits.hits);
        let has_more = found.len() > request.limit;
        let mut hits = Vec::with_capacity(found.len());
        let mut last = None;
        for mut found in found.into_iter().take(request.limit) {
            let score = found.score.filter(|_| by_score);
            last = Some(std::mem::take(&mut found.sort));
            hits.push(Hit { document: found.into_lazy()?, score });
        }
        let next = match last.filter(|_| has_more) {
            None => None,
            Some(after) => {
                let num_before = end.as_ref().map_or(0, |end| end.num_before) + hits.len();
                self.next_page(request, end, after, num_before)?.map(|end| end.to_cursor())
            }
        };
        Ok(SearchResponse { total, hits, facets: counted_facets, next })
    }

    /// Where the next page begins. By relevance, pages are of one point in time.
    fn next_page(
        &self,
        request: &SearchRequest,
        end: Option<PageEnd>,
        after: Vec<Value>,
        num_before: usize,
    ) -> Result<Option<PageEnd>, SearchError> {
        if request.sort != Sort::Relevance {
            return Ok(Some(PageEnd { after, pit: None, num_before, num_erased: 0 }));
        }
        if num_before >= RELEVANCE_HITS_MAX {
            return Ok(None);
        }
        Ok(Some(match end {
            Some(end) => PageEnd { after, num_before, ..end },
            None => {
                let num_erased = || self.num_erased(request.deadline);
                let opened = self.shared.pits.shared(&self.shared, num_erased, request.deadline)?;
                PageEnd { after, pit: Some(opened.id), num_before, num_erased: opened.num_erased }
            }
        }))
    }

    /// How many tombstones searches see: where one more is, a point in time may show what is no longer to be seen.
    fn num_erased(&self, deadline: Option<Instant>) -> Result<u64, SearchError> {
        let body = json!({"size": 0, "track_total_hits": true, "query": {"term": {ERASED: true}}});
        Ok(self.ask(&body, None, deadline)?.total())
    }

    /// Counts all values of a facet, page by page, where the most frequent of each shard do not tell.
    fn all_values(
        &self,
        facet: &Facet<'_>,
        query: &Value,
        pit: Option<&Pit>,
        deadline: Option<Instant>,
    ) -> Result<Vec<FacetCount>, SearchError> {
        let own = if pit.is_none() { Some(Pit::open(&self.shared, deadline)?) } else { None };
        let pit = own.as_ref().or(pit);
        let mut all: Vec<(Value, u64)> = Vec::new();
        let answer = {
            let missing = facet.aggregations()["missing"].clone();
            let mut body = Self::body(query.clone(), pit);
            body.insert("size".to_owned(), 0.into());
            body.insert("aggs".to_owned(), json!({"missing": missing}));
            self.ask(&Value::Object(body), pit, deadline)?
        };
        let num_missing = count(answer.aggregation("missing"))?;
        let counted =
            self.composite(query, &facet.source(), facet.first_after(), pit, deadline, &mut |buckets| {
                for bucket in buckets {
                    let term = &bucket["key"]["value"];
                    if !facet.has(term) {
                        return Ok(ControlFlow::Break(()));
                    }
                    all.push((term.clone(), count(bucket)?));
                }
                if all.len() > FACET_VALUES_MAX {
                    return Err(SearchError::TooExpensive(format!(
                        "`{}` has more than {FACET_VALUES_MAX} different values",
                        facet.name
                    )));
                }
                Ok(ControlFlow::Continue(()))
            });
        if let Some(own) = own {
            own.close(&self.shared);
        }
        counted?;
        facet.first(all, num_missing)
    }

    /// Calls `visit` with the buckets of a composite aggregation, page by page.
    fn composite(
        &self,
        query: &Value,
        source: &Value,
        mut after: Option<Value>,
        pit: Option<&Pit>,
        deadline: Option<Instant>,
        visit: VisitBuckets<'_>,
    ) -> Result<(), SearchError> {
        loop {
            let mut composite = json!({"size": PAGE, "sources": [source]});
            if let Some(after) = after.take() {
                composite["after"] = after;
            }
            let mut body = Self::body(query.clone(), pit);
            body.insert("size".to_owned(), 0.into());
            body.insert("aggs".to_owned(), json!({"all": {"composite": composite}}));
            let answer = self.ask(&Value::Object(body), pit, deadline)?;
            let page = answer.aggregation("all");
            let buckets = page["buckets"].as_array().ok_or_else(|| unreadable("composite"))?;
            if visit(buckets)?.is_break() || buckets.len() < PAGE {
                return Ok(());
            }
            after = Some(page["after_key"].clone());
        }
    }

    /// The counts of a facet over ranges; `answer` is the answer to [`range_aggregations`].
    fn ranges(
        &self,
        facet: &RangeFacet,
        answer: &Value,
        query: &Value,
        pit: Option<&Pit>,
        deadline: Option<Instant>,
    ) -> Result<Vec<FacetCount>, SearchError> {
        let Boundaries::Every(interval) = &facet.boundaries else { return read_ranges(facet, answer) };
        let mut intervals = Intervals::new(&facet.field, interval);
        self.intervals(&mut intervals, answer, query, pit, deadline)?;
        Ok(intervals.facet())
    }

    /// Counts by intervals; `answer` is the answer to [`Intervals::span`].
    fn intervals(
        &self,
        intervals: &mut Intervals<'_>,
        answer: &Value,
        query: &Value,
        pit: Option<&Pit>,
        deadline: Option<Instant>,
    ) -> Result<(), SearchError> {
        let source = intervals.source(&answer["first"], &answer["last"], &answer["missing"])?;
        let Some(source) = source else { return Ok(()) };
        self.composite(query, &source, None, pit, deadline, &mut |buckets| {
            intervals.add(buckets)?;
            Ok(ControlFlow::Continue(()))
        })
    }

    fn overview_in(&self, request: &OverviewRequest, pit: &Pit) -> Result<Overview, SearchError> {
        request.check()?;
        if request.deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return Err(SearchError::DeadlineExceeded);
        }
        let query = self.lower(&request.selection, None, request.deadline)?.without(|_| false);
        let mut over_time = Intervals::new("start_time", &request.interval);
        let facets = facets(&request.facets, request.facet_size)?;
        let distributions: Vec<_> = request.distributions.iter().filter_map(|name| field(name)).collect();
        let mut aggregations = Map::new();
        aggregations.insert("over_time".to_owned(), filtered(None, over_time.span()));
        for (idx, facet) in facets.iter().enumerate() {
            aggregations.insert(format!("facet{idx}"), filtered(None, facet.aggregations()));
        }
        for (idx, facet) in request.ranges.iter().enumerate() {
            aggregations.insert(format!("range{idx}"), filtered(None, range_aggregations(facet)?));
        }
        for (idx, field) in distributions.iter().enumerate() {
            let of_field = Value::Object(distribution_aggregations(field));
            aggregations.insert(format!("distribution{idx}"), filtered(None, of_field));
        }
        let mut body = Self::body(query.clone(), Some(pit));
        body.insert("size".to_owned(), 0.into());
        body.insert("track_total_hits".to_owned(), true.into());
        body.insert("aggs".to_owned(), Value::Object(aggregations));
        let answer = self.ask(&Value::Object(body), Some(pit), request.deadline)?;

        self.intervals(&mut over_time, answer.aggregation("over_time"), &query, Some(pit), request.deadline)?;
        let mut counted = Vec::with_capacity(facets.len() + request.ranges.len());
        for (idx, facet) in facets.iter().enumerate() {
            let counts = match facet.read(answer.aggregation(&format!("facet{idx}")))? {
                Some(counts) => counts,
                None => self.all_values(facet, &query, Some(pit), request.deadline)?,
            };
            counted.push((facet.name.to_owned(), counts));
        }
        for (idx, facet) in request.ranges.iter().enumerate() {
            let part = answer.aggregation(&format!("range{idx}"));
            counted
                .push((facet.field.clone(), self.ranges(facet, part, &query, Some(pit), request.deadline)?));
        }
        let distribution = |(idx, field): (usize, &&'static hearken_model::field::Field)| {
            let part = answer.aggregation(&format!("distribution{idx}"));
            Ok::<_, SearchError>((field.name.to_owned(), read_distribution(field, part)?))
        };
        Ok(Overview {
            total: answer.total(),
            over_time: over_time.over_time(),
            without_start: over_time.num_missing,
            facets: counted,
            distributions: distributions.iter().enumerate().map(distribution).collect::<Result<_, _>>()?,
        })
    }

    /// The ids of what a query finds, by newest event.
    fn ids(&self, filter: Vec<Value>, order: &str, limit: usize) -> Result<Vec<InteractionId>, SearchError> {
        let id = value_field("id");
        let mut ids = Vec::new();
        let mut after: Option<Vec<Value>> = None;
        while ids.len() < limit {
            let size = (limit - ids.len()).min(PAGE);
            let mut body = json!({
                "size": size, "track_total_hits": false, "_source": false, "docvalue_fields": [id],
                "query": {"bool": {"filter": filter, "must_not": [{"term": {HIDDEN: true}}]}},
                "sort": [{NEWEST_EVENT: order}, {TIE: "asc"}, {id.clone(): "asc"}],
            });
            if let Some(after) = after.take() {
                body["search_after"] = Value::Array(after);
            }
            let answer = self.ask(&body, None, None)?;
            let num_found = answer.hits.hits.len();
            for found in answer.hits.hits {
                let text = found.field(&id).ok_or_else(|| unreadable("id"))?;
                ids.push(InteractionId::try_new(text).map_err(|error| SearchError::Engine(Box::new(error)))?);
                after = Some(found.sort);
            }
            if num_found < size {
                break;
            }
        }
        Ok(ids)
    }
}

impl Search for OpenSearchReader {
    fn get(&self, id: &InteractionId, access: &Access) -> Result<Option<Document>, SearchError> {
        self.find(id, access)
    }

    fn holds(&self, id: &InteractionId, access: &Access) -> Result<bool, SearchError> {
        Ok(self.find(id, access)?.is_some())
    }

    fn search(&self, request: &SearchRequest) -> Result<SearchResponse, SearchError> {
        self.search_page(request)
    }

    fn overview(&self, request: &OverviewRequest) -> Result<Overview, SearchError> {
        let mut overviews = self.overviews(std::slice::from_ref(request))?;
        overviews.pop().ok_or_else(|| unreadable("overview"))
    }

    fn overviews(&self, requests: &[OverviewRequest]) -> Result<Vec<Overview>, SearchError> {
        let deadline = requests.iter().filter_map(|request| request.deadline).max();
        if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return Err(SearchError::DeadlineExceeded);
        }
        let pit = Pit::open(&self.shared, deadline)?;
        let overviews = requests.iter().map(|request| self.overview_in(request, &pit)).collect();
        pit.close(&self.shared);
        overviews
    }

    fn for_each(
        &self,
        selection: &Selection,
        sort: &[SortKey],
        visit: &mut dyn FnMut(Document) -> ControlFlow<()>,
    ) -> Result<(), SearchError> {
        check_sort(sort)?;
        let query = self.lower(selection, None, None)?.without(|_| false);
        let pit = Pit::open_for_export(&self.shared)?;
        let mut visit = |found: Found| Ok::<_, SearchError>(visit(found.document()?));
        let visited = self.pages(&query, &order(sort), EXPORT_PAGE, Some(&pit), None, &mut visit);
        pit.close(&self.shared);
        visited
    }

    fn changes_now(&self) -> ChangePoint {
        self.shared.follower.now(&self.shared)
    }

    fn changes_since(&self, point: ChangePoint, max: usize) -> ChangesSince {
        self.shared.follower.since(&self.shared, point, max)
    }
}

impl Lookup for OpenSearchReader {
    fn get(&self, id: &InteractionId, access: &Access) -> Result<Option<Document>, SearchError> {
        self.find(id, access)
    }

    fn idle_since(&self, cutoff: Timestamp, limit: usize) -> Result<Vec<InteractionId>, SearchError> {
        self.ids(vec![lower::in_progress(), lower::silent_since(cutoff)], "asc", limit)
    }

    fn llm_pending(&self, rested_since: Timestamp, limit: usize) -> Result<Vec<InteractionId>, SearchError> {
        self.ids(vec![lower::llm_pending(rested_since)], "desc", limit)
    }

    fn silent_since(
        &self,
        cutoff: Timestamp,
        filters: &BTreeMap<String, Filter>,
        limit: usize,
    ) -> Result<Vec<InteractionId>, SearchError> {
        let selection = Selection { filters: filters.clone(), ..Selection::new(Query::All, Access::All) };
        let query = self.lower(&selection, None, None)?.without(|_| false);
        self.ids(vec![query, lower::silent_since(cutoff)], "asc", limit)
    }

    fn count_in_progress(&self) -> Result<u64, SearchError> {
        let filter =
            json!({"bool": {"filter": [lower::in_progress()], "must_not": [{"term": {HIDDEN: true}}]}});
        Ok(self.ask(&json!({"size": 0, "track_total_hits": true, "query": filter}), None, None)?.total())
    }
}

fn facets(names: &[String], size: usize) -> Result<Vec<Facet<'_>>, SearchError> {
    names.iter().map(|name| Facet::new(name, size)).collect()
}

/// What is asked of a facet over ranges in the first request.
fn range_aggregations(facet: &RangeFacet) -> Result<Value, SearchError> {
    let (field, boundaries) = facet.numbers()?;
    Ok(match &facet.boundaries {
        Boundaries::Every(interval) => Intervals::new(field.name, interval).span(),
        _ => ranges_aggregations(field, &boundaries),
    })
}

/// Aggregations of what some filters find.
fn filtered(filters: Option<Value>, aggregations: Value) -> Value {
    let filter = filters.unwrap_or_else(|| json!({"match_all": {}}));
    json!({"filter": filter, "aggs": aggregations})
}

/// By fields, ties by the hash of the id.
fn order(keys: &[SortKey]) -> Vec<Value> {
    let key = |key: &SortKey| {
        let order = if key.descending { "desc" } else { "asc" };
        json!({value_field(&key.field): {"order": order, "missing": "_last"}})
    };
    keys.iter().map(key).chain(ties()).collect()
}

/// Best first, where scores differ; then the newest.
fn relevance(by_score: bool) -> Vec<Value> {
    let newest = json!({value_field("start_time"): {"order": "desc", "missing": "_last"}});
    let best = by_score.then(|| json!({"_score": "desc"}));
    best.into_iter().chain([newest]).chain(ties()).collect()
}

fn ties() -> [Value; 2] {
    [json!({TIE: "asc"}), json!({value_field("id"): "asc"})]
}

/// What the cluster says of a cursor that it does not know, or that is none.
fn of_cursor(error: SearchError, has_cursor: bool) -> SearchError {
    let SearchError::Engine(cause) = &error else { return error };
    match cause.downcast_ref::<RequestError>() {
        Some(RequestError::Refused { status: 404, .. }) if has_cursor => SearchError::CursorExpired,
        Some(RequestError::Refused { status: 400, .. }) if has_cursor => {
            SearchError::Invalid("this is not a cursor".to_owned())
        }
        _ => error,
    }
}
