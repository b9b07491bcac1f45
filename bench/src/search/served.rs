//! `hearken serve` over HTTP.

use anyhow::{Context, Result};
use reqwest::{Method, Url};

use super::PAGE;
use super::corpus::{FACETS, FILTER};
use super::engine::SearchSystem;
use super::http::Connection;
use super::question::{DEPTH, Question, QuestionKind};

/// Most hits of one page, to get to a deep one.
const PAGE_MAX: usize = 100;

/// Asks it.
pub(crate) struct Served<'a> {
    pub(crate) base_url: &'a str,
}

impl SearchSystem for Served<'_> {
    /// The request's path and query.
    type Prepared = String;
    type Client = Connection;

    fn name(&self) -> &'static str {
        "hearken"
    }

    fn prepare(&self, question: &Question) -> Result<String> {
        let words = question.words.join(" ");
        let facets = FACETS.join(",");
        let parameters = match question.kind {
            QuestionKind::Filter => vec![(FILTER, words)],
            QuestionKind::Or => vec![("q", question.words.join(" OR "))],
            QuestionKind::Phrase => vec![("q", format!("\"{words}\""))],
            QuestionKind::Prefix => vec![("q", format!("{words}*"))],
            QuestionKind::Facets => vec![("q", words), ("facets", facets)],
            QuestionKind::ByDate | QuestionKind::DeepCursor => {
                vec![("q", words), ("sort", "-start_time".to_owned())]
            }
            QuestionKind::RareWord | QuestionKind::CommonWord | QuestionKind::And => vec![("q", words)],
        };
        let search = Url::parse_with_params(&format!("{}/v1/interactions", self.base_url), parameters)?;
        let search = format!("{}?{}", search.path(), search.query().unwrap_or_default());
        if question.kind != QuestionKind::DeepCursor {
            return Ok(format!("{search}&limit={PAGE}"));
        }
        let mut client = self.connect()?;
        let mut cursor = String::new();
        for _ in 0..DEPTH / PAGE_MAX {
            let page =
                client.ask_json(Method::GET, &format!("{search}&limit={PAGE_MAX}{cursor}"), String::new())?;
            let next = page["next_cursor"].as_str().context("there are too few matches for a deep cursor")?;
            cursor = format!("&cursor={next}");
        }
        Ok(format!("{search}&limit={PAGE}{cursor}"))
    }

    fn connect(&self) -> Result<Connection> {
        Connection::open(self.base_url)
    }

    fn ask(&self, client: &mut Connection, target: &String) -> Result<u64> {
        client.ask(Method::GET, target, String::new())?;
        Ok(0)
    }

    fn count(&self, client: &mut Connection, target: &String) -> Result<u64> {
        client.ask_json(Method::GET, target, String::new())?["total"]
            .as_u64()
            .context("an answer without a total")
    }
}
