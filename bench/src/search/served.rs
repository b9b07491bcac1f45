//! `hearken serve` over HTTP.

use anyhow::{Context, Result};

use super::PAGE;
use super::corpus::{FACETS, FILTER};
use super::engine::SearchSystem;
use super::http::{Connection, encoded};
use super::question::{DEPTH, QuestionKind, Question};

/// Most hits of one page, to get to a deep one.
const PAGE_MAX: usize = 100;

/// Asks it.
pub(crate) struct Served<'a> {
    pub(crate) base_url: &'a str,
}

impl SearchSystem for Served<'_> {
    /// The request's target.
    type Prepared = String;
    type Client = Connection;

    fn name(&self) -> &'static str {
        "hearken"
    }

    fn prepare(&self, question: &Question) -> Result<String> {
        let words = question.words.join(" ");
        let query = match question.kind {
            QuestionKind::Filter => format!("{FILTER}={}", encoded(&words)),
            QuestionKind::Or => format!("q={}", encoded(&question.words.join(" OR "))),
            QuestionKind::Phrase => format!("q={}", encoded(&format!("\"{words}\""))),
            QuestionKind::Prefix => format!("q={}", encoded(&format!("{words}*"))),
            QuestionKind::Facets => format!("q={}&facets={}", encoded(&words), FACETS.join(",")),
            QuestionKind::ByDate | QuestionKind::DeepCursor => format!("q={}&sort=-start_time", encoded(&words)),
            QuestionKind::RareWord | QuestionKind::CommonWord | QuestionKind::And => format!("q={}", encoded(&words)),
        };
        let search = format!("/v1/interactions?{query}");
        if question.kind != QuestionKind::DeepCursor {
            return Ok(format!("{search}&limit={PAGE}"));
        }
        let mut client = self.connect()?;
        let mut cursor = String::new();
        for _ in 0..DEPTH / PAGE_MAX {
            let page = client.ask_json("GET", &format!("{search}&limit={PAGE_MAX}{cursor}"), "")?;
            let next = page["next_cursor"].as_str().context("there are too few matches for a deep cursor")?;
            cursor = format!("&cursor={next}");
        }
        Ok(format!("{search}&limit={PAGE}{cursor}"))
    }

    fn connect(&self) -> Result<Connection> {
        Connection::open(self.base_url)
    }

    fn ask(&self, client: &mut Connection, target: &String) -> Result<u64> {
        client.ask("GET", target, "")?;
        Ok(0)
    }

    fn count(&self, client: &mut Connection, target: &String) -> Result<u64> {
        client.ask_json("GET", target, "")?["total"].as_u64().context("an answer without a total")
    }
}
