//! One search from parameters to the answer, for the HTTP API and the pages alike.

use std::time::Instant;

use hearken_index::highlight::{HighlightOptions, Highlighter, MessageHighlight, highlights};
use hearken_index::query::{Query, ValueMatch};
use hearken_index::search::{FacetCount, Hit, SearchRequest};
use hearken_index::{IndexReader, SearchError};
use hearken_model::{Document, Interaction, InteractionId};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::language;
use crate::parameters::{SearchParameters, decode_cursor, encode_cursor};
use crate::problem::Problem;
use crate::state::AppState;

/// What a caller may see: `None` is every organization. Part of every search, widened by nothing.
pub type Organizations = Option<Vec<String>>;

/// The answer to a search.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SearchAnswer {
    /// Interactions that match, exact.
    pub total: u64,
    /// Milliseconds that the search took.
    pub took_ms: f64,
    /// The page.
    pub items: Vec<SearchItem>,
    /// The facets in the order in which they were asked for.
    #[serde(serialize_with = "in_order")]
    pub facets: Vec<(String, Vec<FacetCount>)>,
    /// Where the next page begins; `None` on the last.
    pub next_cursor: Option<String>,
}

/// One interaction of a page.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SearchItem {
    /// Everything but the transcript.
    #[serde(flatten)]
    pub interaction: Interaction,
    /// The messages that match, in transcript order.
    pub highlights: Vec<MessageHighlight>,
}

impl SearchItem {
    /// Shows a hit; `None` when there are no words to mark.
    pub(crate) fn new(hit: Hit, highlighter: Option<&mut Highlighter>) -> Result<Self, SearchError> {
        let highlights = match highlighter {
            Some(highlighter) => {
                let said = hit.glimpse.said().map_err(|error| SearchError::Engine(Box::new(error)))?;
                highlighter.highlights(said)
            }
            None => Vec::new(),
        };
        Ok(SearchItem { interaction: hit.glimpse.head, highlights })
    }
}

/// Marks what a query's words match on a page of results; `None` when it has no words.
pub(crate) fn highlighter(query: &Query) -> Option<Highlighter> {
    crate::parameters::searches_words(query).then(|| Highlighter::new(query, HighlightOptions::PAGE))
}

/// One interaction as a whole.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InteractionAnswer {
    /// The interaction with its transcript.
    #[serde(flatten)]
    pub interaction: Interaction,
    /// The messages that match `q`; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub highlights: Option<Vec<MessageHighlight>>,
}

/// Writes pairs as an object that keeps their order.
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
/// Everything that [`crate::problem::CODES`] lists for searches.
pub async fn search(
    state: &AppState,
    parameters: SearchParameters,
    organizations: Organizations,
) -> Result<SearchAnswer, Problem> {
    let started = Instant::now();
    let work = move |reader: &IndexReader, deadline| answer(reader, &parameters, organizations, deadline);
    let mut answer = state.run(work).await?;
    answer.took_ms = (started.elapsed().as_secs_f64() * 1e5).round() / 1e2;
    Ok(answer)
}

/// Answers with one interaction; `q` marks the messages that match it.
///
/// # Errors
/// `not_found` for ids that were never seen, are erased or belong to another organization; the query's errors.
pub async fn interaction(
    state: &AppState,
    id: String,
    q: Option<String>,
    organizations: Organizations,
) -> Result<InteractionAnswer, Problem> {
    let id = InteractionId::try_new(id).map_err(|_| Problem::no_such_interaction())?;
    let work = move |reader: &IndexReader, _| {
        let document = visible(reader, &id, &organizations)?.ok_or_else(Problem::no_such_interaction)?;
        let text = q.as_deref().map(str::trim).filter(|text| !text.is_empty());
        let query = text.map(|text| resolve(reader, text)).transpose()?;
        let interaction = document.interaction();
        let messages = interaction.transcript.as_deref().unwrap_or_default();
        let highlights = query.map(|query| highlights(&query, messages, HighlightOptions::WHOLE));
        Ok::<_, Problem>(InteractionAnswer { interaction, highlights })
    };
    state.run(work).await
}

fn answer(
    reader: &IndexReader,
    parameters: &SearchParameters,
    organizations: Organizations,
    deadline: Instant,
) -> Result<SearchAnswer, Problem> {
    let request = request(reader, parameters, organizations, deadline)?;
    let response = reader.search(&request)?;
    let SearchRequest { selection, sort, .. } = &request;
    let mut highlighter = highlighter(&selection.query);
    let mut items = Vec::with_capacity(response.hits.len());
    for hit in response.hits {
        if Instant::now() > deadline {
            return Err(SearchError::DeadlineExceeded.into());
        }
        items.push(SearchItem::new(hit, highlighter.as_mut())?);
    }
    Ok(SearchAnswer {
        total: response.total,
        took_ms: 0.0,
        items,
        next_cursor: response.next.map(|cursor| encode_cursor(&cursor, selection, sort)),
        facets: response.facets,
    })
}

/// The request to the index that the parameters stand for.
fn request(
    reader: &IndexReader,
    parameters: &SearchParameters,
    organizations: Organizations,
    deadline: Instant,
) -> Result<SearchRequest, Problem> {
    let query = parameters.text().map_or(Ok(Query::All), |text| resolve(reader, text))?;
    let sort = parameters.effective_sort(&query);
    let selection = parameters.selection(query, organizations);
    let cursor =
        parameters.cursor.as_deref().map(|text| decode_cursor(text, &selection, &sort)).transpose()?;
    Ok(SearchRequest {
        selection,
        facets: parameters.facets.clone(),
        facet_size: parameters.facet_size,
        sort,
        limit: parameters.limit,
        cursor,
        deadline: Some(deadline),
    })
}

/// Parses a query. A text that is the id of an interaction finds that one too, beside those that its words are found
/// in, and even if it is no query: ids may hold anything.
///
/// # Errors
/// It can be parsed neither as a query nor is it an id.
pub fn resolve(reader: &IndexReader, text: &str) -> Result<Query, Problem> {
    let text = text.trim();
    let parsed = language::parse(text);
    let id = InteractionId::try_new(text).ok();
    let is_id = id.map_or(Ok(false), |id| reader.holds(&id))?;
    if !is_id {
        return Ok(parsed?);
    }
    let by_id = Query::Value { field: "id".to_owned(), value: ValueMatch::Is(text.to_owned()) };
    Ok(match parsed {
        Ok(parsed) if crate::parameters::searches_words(&parsed) => Query::Or(vec![by_id, parsed]),
        Ok(_) | Err(_) => by_id,
    })
}

/// The document of an interaction that the caller may see.
fn visible(
    reader: &IndexReader,
    id: &InteractionId,
    organizations: &Organizations,
) -> Result<Option<Document>, SearchError> {
    let may_see = |document: &Document| match (organizations, &document.derived.head.organization) {
        (None, _) => true,
        (Some(organizations), Some(organization)) => organizations.contains(organization),
        (Some(_), None) => false,
    };
    Ok(reader.get(id)?.filter(|document| !document.state.erased && may_see(document)))
}
