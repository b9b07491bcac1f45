//! OpenSearch over HTTP: one shard, the standard analyzer, the facets as keywords.

use std::fmt::Write as _;

use anyhow::{Context, Result, bail};
use hearken_tests::engines::OpenSearch;
use reqwest::Method;
use serde_json::{Value, json};

use super::PAGE;
use super::corpus::{FACETS, FILTER, Made, facet_value};
use super::engine::SearchSystem;
use super::http::Connection;
use super::question::{DEPTH, Question, QuestionKind};

const BULK_BYTES: usize = 4 << 20;
const SEARCH: &str = "/interactions/_search";
/// As much as Hearken shows of a hit: three messages.
const FRAGMENTS: usize = 3;

/// A running node with an index, and what is to be written to it.
pub(crate) struct Node {
    node: OpenSearch,
    connection: Connection,
    bulk: String,
}

impl Node {
    /// Makes the index.
    pub(crate) fn start(node: OpenSearch) -> Result<Node> {
        let mut connection = Connection::open(&node.base_url())?;
        let mut properties = serde_json::Map::new();
        properties.insert("text".into(), json!({"type": "text"}));
        properties.insert("head".into(), json!({"type": "object", "enabled": false}));
        properties.insert("id".into(), json!({"type": "keyword"}));
        properties.insert("start_time".into(), json!({"type": "date", "format": "epoch_millis"}));
        properties.extend(FACETS.map(|facet| (facet.to_owned(), json!({"type": "keyword"}))));
        let body = json!({
            "settings": {"number_of_shards": 1, "number_of_replicas": 0},
            "mappings": {"dynamic": false, "properties": properties},
        });
        connection.ask(Method::PUT, "/interactions", body.to_string())?;
        Ok(Node { node, connection, bulk: String::new() })
    }

    /// Its process.
    pub(crate) fn process_id(&self) -> Option<u32> {
        self.node.process_id()
    }

    /// Where it is.
    pub(crate) fn base_url(&self) -> String {
        self.node.base_url()
    }

    /// Adds an interaction, sent when there are enough.
    pub(crate) fn add(&mut self, made: &Made) -> Result<()> {
        let head = &made.document.derived.head;
        let start = head.start_time.context("no start")?.as_nanos() / 1_000_000;
        let mut row = json!({"id": head.id, "text": made.text, "head": head, "start_time": start});
        for facet in FACETS {
            row[facet] = facet_value(&made.document, facet).into();
        }
        writeln!(self.bulk, "{}\n{row}", json!({"index": {"_id": head.id}}))?;
        if self.bulk.len() >= BULK_BYTES { self.send() } else { Ok(()) }
    }

    /// Sends what was added.
    pub(crate) fn send(&mut self) -> Result<()> {
        if self.bulk.is_empty() {
            return Ok(());
        }
        let bulk = std::mem::take(&mut self.bulk);
        let answer =
            self.connection.ask_json(Method::POST, "/interactions/_bulk?filter_path=errors", bulk)?;
        if answer["errors"] != false { bail!("OpenSearch refused interactions") } else { Ok(()) }
    }

    /// Makes everything searchable.
    pub(crate) fn refresh(&mut self) -> Result<()> {
        self.send()?;
        self.connection.ask(Method::POST, "/interactions/_refresh", String::new())?;
        Ok(())
    }
}

/// Asks it.
pub(crate) struct OpenSearchEngine {
    pub(crate) base_url: String,
}

impl SearchSystem for OpenSearchEngine {
    /// The request's body.
    type Prepared = String;
    type Client = Connection;

    fn name(&self) -> &'static str {
        "OpenSearch"
    }

    fn prepare(&self, question: &Question) -> Result<String> {
        let words = question.words.join(" ");
        let query = match question.kind {
            QuestionKind::Filter => json!({"bool": {"filter": {"term": {FILTER: words}}}}),
            QuestionKind::Or => json!({"match": {"text": {"query": words, "operator": "or"}}}),
            QuestionKind::Phrase => json!({"match_phrase": {"text": words}}),
            QuestionKind::Prefix => json!({"prefix": {"text": {"value": words}}}),
            _ => json!({"match": {"text": {"query": words, "operator": "and"}}}),
        };
        let mut body = json!({
            "query": query, "size": PAGE, "track_total_hits": true, "_source": ["head"],
        });
        if question.kind != QuestionKind::Filter {
            body["highlight"] = json!({
                "encoder": "html", "fields": {"text": {"fragment_size": 160, "number_of_fragments": FRAGMENTS}},
            });
        }
        if question.kind.is_by_date() {
            body["sort"] = json!([{"start_time": "desc"}, {"id": "asc"}]);
        }
        if question.kind == QuestionKind::Facets {
            let facet = |facet: &str| (facet.to_owned(), json!({"terms": {"field": facet, "size": 10}}));
            body["aggs"] = Value::Object(FACETS.into_iter().map(facet).collect());
        }
        if question.kind == QuestionKind::DeepCursor {
            let mut deep = body.clone();
            deep["size"] = DEPTH.into();
            deep["_source"] = false.into();
            if let Some(deep) = deep.as_object_mut() {
                deep.remove("highlight");
            }
            let answer = self.connect()?.ask_json(Method::POST, SEARCH, deep.to_string())?;
            let hits = answer["hits"]["hits"].as_array().context("an answer without hits")?;
            body["search_after"] = hits.last().context("no hits")?["sort"].clone();
        }
        Ok(body.to_string())
    }

    fn connect(&self) -> Result<Connection> {
        Connection::open(&self.base_url)
    }

    fn ask(&self, client: &mut Connection, body: &String) -> Result<u64> {
        client.ask(Method::POST, SEARCH, body.clone())?;
        Ok(0)
    }

    fn count(&self, client: &mut Connection, body: &String) -> Result<u64> {
        let answer = client.ask_json(Method::POST, SEARCH, body.clone())?;
        answer["hits"]["total"]["value"].as_u64().context("an answer without a total")
    }
}
