//! One search from parameters to the answer, for the HTTP API and the pages alike.

use std::sync::Arc;
use std::time::Instant;

use hearken_index::highlight::{Highlight, HighlightOptions, Highlighter, highlights};
use hearken_index::query::{Query, ValueMatch};
use hearken_index::search::{FacetCount, Hit, SearchParts, SearchRequest};
use hearken_index::{Access, Search, SearchError};
use hearken_model::{Document, Interaction, InteractionId, Role};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::http::Caller;
use crate::keys::Permission;
use crate::language::{self, Notice};
use crate::parameters::{SearchParameters, decode_cursor, encode_cursor};
use crate::problem::Problem;
use crate::slowest::SearchKind;
use crate::state::AppState;
use crate::words;

/// The answer to a search.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SearchAnswer<Item = SearchItem> {
    /// Number of matching interactions, exact.
    pub total: u64,
    /// Duration of the search in milliseconds.
    pub took_ms: f64,
    /// Parts of the query that probably mean something else.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<Notice>,
    /// The page of interactions.
    pub items: Vec<Item>,
    /// The facets in the requested order, then those over ranges.
    #[serde(serialize_with = "in_order")]
    pub facets: Vec<(String, Vec<FacetCount>)>,
    /// Where the next page begins; `None` on the last page.
    pub next_cursor: Option<String>,
}

/// One interaction on a page.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SearchItem {
    /// Everything but the transcript.
    #[serde(flatten)]
    pub interaction: Interaction,
    /// The matching messages in transcript order, then the details.
    pub highlights: Vec<Highlight>,
    /// The first words said, where nothing else tells what it was about. Only for pages: the API has transcripts.
    #[serde(skip)]
    pub first_said: Option<String>,
}

impl SearchItem {
    /// Makes an item of a hit; `None` if there are no words to mark.
    pub(crate) fn new(hit: Hit, highlighter: Option<&mut Highlighter>) -> Result<Self, SearchError> {
        let interaction = hit.head()?;
        let first_said = if interaction.title().is_none() { first_said(&hit)? } else { None };
        Ok(SearchItem { interaction, highlights: marked(&hit, highlighter)?, first_said })
    }
}

/// What the customer said first, else what anybody else did.
fn first_said(hit: &Hit) -> Result<Option<String>, SearchError> {
    const CHARS_MAX: usize = 200;
    let said = hit.message_texts()?;
    let by = |roles: &[Role]| said.iter().find(|said| roles.contains(&said.role) && !said.message.is_empty());
    let first = by(&[Role::User]).or_else(|| by(&[Role::Assistant, Role::Human]));
    Ok(first.map(|said| said.message.chars().take(CHARS_MAX).collect()))
}

/// A [`SearchItem`] as JSON. What a list shows of an interaction is stored as the JSON of the API's answer, so that it
/// need not be parsed and serialised again.
struct ItemJson(Vec<u8>);

impl ItemJson {
    fn new(hit: Hit, highlighter: Option<&mut Highlighter>) -> Result<Self, SearchError> {
        let highlights = marked(&hit, highlighter)?;
        let mut json = hit.document.into_head_json().into_bytes();
        json.pop(); // the brace after the interaction's fields, of which there is always one: the id
        json.extend_from_slice(b",\"highlights\":");
        serde_json::to_writer(&mut json, &highlights)
            .map_err(|error| SearchError::Engine(Box::new(error)))?;
        json.push(b'}');
        Ok(ItemJson(json))
    }
}

/// The matches in a hit.
fn marked(hit: &Hit, highlighter: Option<&mut Highlighter>) -> Result<Vec<Highlight>, SearchError> {
    let Some(highlighter) = highlighter else { return Ok(Vec::new()) };
    Ok(highlighter.highlights(hit.message_texts()?, hit.details()?.iter()))
}

/// Marks the matches of a query's words on a page of results; `None` if it has no words.
pub(crate) fn highlighter(query: &Query) -> Option<Highlighter> {
    query.searches_words().then(|| Highlighter::new(query, HighlightOptions::PAGE))
}

/// One interaction as a whole.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InteractionAnswer {
    /// The interaction with its transcript.
    #[serde(flatten)]
    pub interaction: Interaction,
    /// The messages and details that match `q`; absent without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub highlights: Option<Vec<Highlight>>,
}

/// Serialises pairs as an object in their order.
pub(crate) fn in_order<T: Serialize, S: Serializer>(
    pairs: &[(String, T)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(pairs.len()))?;
    for (name, value) in pairs {
        map.serialize_entry(name, value)?;
    }
    map.end()
}

/// Answers a search.
///
/// # Errors
/// Everything listed for searches in [`crate::problem::CODES`].
pub async fn search(
    state: &AppState,
    parameters: SearchParameters,
    caller: &Caller,
) -> Result<SearchAnswer, Problem> {
    let started = Instant::now();
    let (asking, slowest) = (caller.clone(), Arc::clone(state.slowest()));
    let work = move |reader: &dyn Search, deadline| {
        let search = || answer(reader, &parameters, &asking, deadline, SearchItem::new);
        slowest.time(SearchKind::Search, &parameters, search, |answer| answer.total)
    };
    let mut answer = state.run(work).await?;
    if !caller.may(Permission::Search) {
        for item in &mut answer.items {
            words::take_out(&mut item.interaction);
            item.first_said = None;
        }
    }
    answer.took_ms = milliseconds_since(started);
    Ok(answer)
}

/// Answers a search as JSON.
///
/// # Errors
/// Those of [`search`].
pub(crate) async fn search_json(
    state: &AppState,
    parameters: SearchParameters,
    caller: &Caller,
) -> Result<Vec<u8>, Problem> {
    if !caller.may(Permission::Search) {
        let answer = search(state, parameters, caller).await?;
        return serde_json::to_vec(&answer).map_err(|error| Problem::internal(&error));
    }
    let started = Instant::now();
    let (caller, slowest) = (caller.clone(), Arc::clone(state.slowest()));
    let work = move |reader: &dyn Search, deadline| {
        let search = || answer(reader, &parameters, &caller, deadline, ItemJson::new);
        let mut answer = slowest.time(SearchKind::Search, &parameters, search, |answer| answer.total)?;
        answer.took_ms = milliseconds_since(started);
        answer.to_json().map_err(|error| Problem::internal(&error))
    };
    state.run(work).await
}

impl SearchAnswer<ItemJson> {
    /// The JSON that a [`SearchAnswer`] of [`SearchItem`]s serialises to.
    fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        let SearchAnswer { total, took_ms, notices, items, facets, next_cursor } = self;
        let num_bytes: usize = items.iter().map(|ItemJson(json)| json.len() + 1).sum();
        let mut json = Vec::with_capacity(num_bytes + 1024);
        json.extend_from_slice(b"{\"total\":");
        serde_json::to_writer(&mut json, total)?;
        json.extend_from_slice(b",\"took_ms\":");
        serde_json::to_writer(&mut json, took_ms)?;
        if !notices.is_empty() {
            json.extend_from_slice(b",\"notices\":");
            serde_json::to_writer(&mut json, notices)?;
        }
        json.extend_from_slice(b",\"items\":[");
        for (at, ItemJson(item)) in items.iter().enumerate() {
            if at > 0 {
                json.push(b',');
            }
            json.extend_from_slice(item);
        }
        json.extend_from_slice(b"],\"facets\":");
        in_order(facets, &mut serde_json::Serializer::new(&mut json))?;
        json.extend_from_slice(b",\"next_cursor\":");
        serde_json::to_writer(&mut json, next_cursor)?;
        json.push(b'}');
        Ok(json)
    }
}

fn milliseconds_since(started: Instant) -> f64 {
    (started.elapsed().as_secs_f64() * 1e5).round() / 1e2
}

/// Returns one interaction; `q` marks the messages and details that match it.
///
/// # Errors
/// `not_found` for ids that were never seen, are erased or belong to another organization; errors in the query.
pub async fn interaction(
    state: &AppState,
    id: String,
    q: Option<String>,
    caller: &Caller,
) -> Result<InteractionAnswer, Problem> {
    let (access, may_read) = (caller.access().clone(), caller.may(Permission::Read));
    if q.as_deref().is_some_and(|q| !q.trim().is_empty()) {
        caller.require(Permission::Read)?;
    }
    let id = InteractionId::try_new(id).map_err(|_| Problem::no_such_interaction())?;
    let work = move |reader: &dyn Search, _| {
        let document = visible(reader, &id, &access)?.ok_or_else(Problem::no_such_interaction)?;
        let text = q.as_deref().filter(|text| !text.trim().is_empty());
        let query = text.map(|text| resolve(reader, text, &access)).transpose()?;
        let mut interaction = document.interaction();
        if !may_read {
            words::take_out(&mut interaction);
        }
        let highlights = query.map(|query| highlights(&query, &interaction, HighlightOptions::WHOLE));
        Ok::<_, Problem>(InteractionAnswer { interaction, highlights })
    };
    state.run(work).await
}

fn answer<Item>(
    reader: &dyn Search,
    parameters: &SearchParameters,
    caller: &Caller,
    deadline: Instant,
    show: impl Fn(Hit, Option<&mut Highlighter>) -> Result<Item, SearchError>,
) -> Result<SearchAnswer<Item>, Problem> {
    let request = request(reader, parameters, caller, deadline)?;
    let response = reader.search(&request)?;
    debug_assert!(response.hits.len() as u64 <= response.total, "what is shown is counted");
    let SearchParts { selection, sort, .. } = &*request;
    let mut highlighter = highlighter(&selection.query);
    let mut items = Vec::with_capacity(response.hits.len());
    for hit in response.hits {
        if Instant::now() > deadline {
            return Err(SearchError::DeadlineExceeded.into());
        }
        items.push(show(hit, highlighter.as_mut())?);
    }
    let notices = parameters.text().filter(|text| !is_id(&selection.query, text)).map(language::notices);
    Ok(SearchAnswer {
        total: response.total,
        took_ms: 0.0,
        notices: notices.unwrap_or_default(),
        items,
        next_cursor: response.next.map(|cursor| encode_cursor(&cursor, selection, sort)),
        facets: response.facets,
    })
}

/// The index request for the parameters.
fn request(
    reader: &dyn Search,
    parameters: &SearchParameters,
    caller: &Caller,
    deadline: Instant,
) -> Result<SearchRequest, Problem> {
    let access = caller.access();
    let query = parameters.text().map_or(Ok(Query::All), |text| resolve(reader, text, access))?;
    words::refuse(caller, &query, parameters)?;
    let sort = parameters.effective_sort(&query);
    let selection = parameters.selection(query, access.clone());
    let cursor =
        parameters.cursor.as_deref().map(|text| decode_cursor(text, &selection, &sort)).transpose()?;
    let parts = SearchParts {
        selection,
        facets: parameters.facets.clone(),
        facet_size: parameters.facet_size,
        ranges: parameters.ranges.clone(),
        sort,
        limit: parameters.limit,
        cursor,
        deadline: Some(deadline),
    };
    Ok(SearchRequest::try_new(parts).map_err(SearchError::from)?)
}

/// Parses a query. If the text is the id of a visible interaction, it finds that one, too, in addition to matches of
/// its words, and even if the text is not a valid query: ids may contain anything.
///
/// # Errors
/// It is neither a valid query nor an id.
pub fn resolve(reader: &dyn Search, text: &str, access: &Access) -> Result<Query, Problem> {
    let parsed = language::parse(text);
    let text = text.trim();
    let id = InteractionId::try_new(text).ok();
    let is_id = id.map_or(Ok(false), |id| reader.holds(&id, access))?;
    if !is_id {
        return Ok(parsed?);
    }
    let by_id = of_id(text);
    Ok(match parsed {
        Ok(parsed) if parsed.searches_words() => Query::Or(vec![by_id, parsed]),
        Ok(_) | Err(_) => by_id,
    })
}

fn of_id(id: &str) -> Query {
    Query::Value { field: "id".to_owned(), value: ValueMatch::Is(id.to_owned()) }
}

/// Whether [`resolve`] took the text for an id.
fn is_id(query: &Query, text: &str) -> bool {
    let by_id = of_id(text.trim());
    *query == by_id || matches!(query, Query::Or(parts) if parts.contains(&by_id))
}

/// The document of an interaction that the caller may see.
fn visible(
    reader: &dyn Search,
    id: &InteractionId,
    access: &Access,
) -> Result<Option<Document>, SearchError> {
    Ok(reader.get(id, access)?.filter(|document| !document.state.is_hidden()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hearken_index::query::{Scope, TextForm};
    use hearken_model::{Document, Event, InteractionId, MessageTime, MessageUpdate, Role, State, Timestamp};

    fn hit(id: &str, message: &str) -> Hit {
        let mut state = State::new(InteractionId::try_new(id).unwrap());
        let said = MessageUpdate::new(MessageTime::At(Timestamp::EPOCH), Role::User, message);
        let event = Event::new(state.id.clone(), Timestamp::EPOCH, Timestamp::EPOCH);
        state.fold(Event { messages: [("m1".to_owned(), said)].into(), ..event }, None).unwrap();
        let mut document = Document::new(state);
        document.derived.head.id = id.to_owned();
        let (mut head, mut rest) = (Vec::new(), Vec::new());
        document.write_stored(&mut head, &mut rest).unwrap();
        let [head, rest] = [head, rest].map(|json| String::from_utf8(json).unwrap());
        Hit { document: hearken_model::LazyDocument::stored(head, rest), score: None }
    }

    #[test]
    fn an_answer_made_of_stored_json_is_the_one_that_serializes() {
        let query = Query::Text { scope: Scope::Default, text: "refund".to_owned(), form: TextForm::Word };
        let hits = [hit("a\"b", "my <b>refund</b>"), hit("ü", "refunds\n")];
        let count = |value: serde_json::Value| FacetCount { value, ends: None, count: 2 };
        let facets = vec![("country".to_owned(), vec![count("DE".into()), count(serde_json::Value::Null)])];
        for (hits, next_cursor) in [(&hits[..], Some("c".to_owned())), (&hits[..1], None), (&[], None)] {
            let [mut one, mut other] = [(); 2].map(|()| highlighter(&query));
            let typed = hits.iter().map(|hit| SearchItem::new(hit.clone(), one.as_mut()).unwrap()).collect();
            let json = hits.iter().map(|hit| ItemJson::new(hit.clone(), other.as_mut()).unwrap()).collect();
            let (total, took_ms) = (2, 0.25);
            let notices = if hits.is_empty() { Vec::new() } else { language::notices("a or b") };
            let (facets, cursor) = (facets.clone(), next_cursor.clone());
            let typed = SearchAnswer::<SearchItem> {
                total,
                took_ms,
                notices: notices.clone(),
                items: typed,
                facets: facets.clone(),
                next_cursor: cursor,
            };
            let json = SearchAnswer::<ItemJson> { total, took_ms, notices, items: json, facets, next_cursor };
            let written = String::from_utf8(json.to_json().unwrap()).unwrap();
            assert_eq!(written, serde_json::to_string(&typed).unwrap());
        }
    }
}
