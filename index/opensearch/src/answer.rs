//! What the cluster answers a search with.

use serde::Deserialize;
use serde_json::{Map, Value};

use hearken_index::SearchError;
use hearken_model::{Document, LazyDocument};

use super::error::RequestError;

/// The body of an answer to `_search`.
#[derive(Debug, Deserialize)]
pub(crate) struct ClusterResponse {
    #[serde(default)]
    timed_out: bool,
    #[serde(rename = "_shards")]
    shards: Shards,
    pub(crate) hits: Hits,
    #[serde(default)]
    pub(crate) aggregations: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
struct Shards {
    total: u64,
    failed: u64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Hits {
    total: Option<Total>,
    #[serde(default)]
    pub(crate) hits: Vec<Found>,
}

#[derive(Debug, Deserialize)]
struct Total {
    value: u64,
}

/// One document of an answer.
#[derive(Debug, Deserialize)]
pub(crate) struct Found {
    #[serde(rename = "_id")]
    pub(crate) key: String,
    #[serde(rename = "_version", default)]
    pub(crate) version: u64,
    #[serde(rename = "_score")]
    pub(crate) score: Option<f32>,
    #[serde(rename = "_source")]
    source: Option<Source>,
    #[serde(default)]
    pub(crate) sort: Vec<Value>,
    #[serde(default)]
    fields: Map<String, Value>,
}

/// What is stored of it.
#[derive(Debug, Deserialize)]
pub(crate) struct Source {
    pub(crate) head: String,
    pub(crate) rest: String,
}

impl Source {
    pub(crate) fn document(&self) -> Result<Document, SearchError> {
        Document::read_stored(&self.head, &self.rest).map_err(|error| SearchError::Engine(Box::new(error)))
    }
}

impl ClusterResponse {
    /// Refuses an answer of which a part is missing: it would look like one of fewer interactions.
    pub(crate) fn check(self) -> Result<ClusterResponse, RequestError> {
        if self.timed_out || self.shards.failed > 0 {
            let reason = format!("{} shards did not answer", self.shards.failed);
            return Err(RequestError::Refused { status: 503, kind: "partial answer".to_owned(), reason });
        }
        // Of a point in time that is none.
        if self.shards.total == 0 {
            let (kind, reason) = ("no shards".to_owned(), "nothing was searched".to_owned());
            return Err(RequestError::Refused { status: 404, kind, reason });
        }
        Ok(self)
    }

    pub(crate) fn total(&self) -> u64 {
        self.hits.total.as_ref().map_or(0, |total| total.value)
    }

    /// The aggregation of that name; null if there is none.
    pub(crate) fn aggregation(&self, name: &str) -> &Value {
        self.aggregations.get(name).unwrap_or(&Value::Null)
    }
}

impl Found {
    pub(crate) fn into_lazy(self) -> Result<LazyDocument, SearchError> {
        let Source { head, rest } = self.source.ok_or_else(no_source)?;
        Ok(LazyDocument::stored(head, rest))
    }

    pub(crate) fn document(&self) -> Result<Document, SearchError> {
        let document = self.source.as_ref().ok_or_else(no_source)?.document()?;
        Ok(Document { revision: self.version, ..document })
    }

    /// The first value of a field that was asked for.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name)?.as_array()?.first()?.as_str()
    }
}

fn no_source() -> SearchError {
    RequestError::Unreadable("a document without what is stored of it".to_owned()).into()
}
