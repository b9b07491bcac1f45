//! The first hits of searches that a support lead would make, for a person to read and judge.

use anyhow::Result;
use hearken_index::Access;
use hearken_index::highlight::{HighlightOptions, Highlighter};
use hearken_index::search::Selection;
use hearken_index_tantivy::IndexReader;
use hearken_query::language;

use super::by_relevance;
use crate::report;

/// Hits that are judged.
const DEPTH: usize = 5;

/// What is searched for. docs/adr/0006 has the judgements.
const SEARCHES: [&str; 15] = [
    "cancel flight",
    "lost credit card",
    "refund",
    "speak to a manager",
    "proof of insurance",
    "change seat",
    "laptop running slow",
    "order pizza",
    "wrong order",
    "internet not working",
    "book hotel cheap parking",
    "dispute charge",
    "password reset",
    "vegetarian restaurant",
    "claim status",
];

/// Prints them.
pub(crate) fn print(reader: &IndexReader) -> Result<()> {
    for search in SEARCHES {
        let query = language::parse(search).map_err(|error| anyhow::anyhow!("{search}: {error}"))?;
        let selection = Selection::new(query.clone(), Access::All);
        let answer = reader.search(&by_relevance(selection, DEPTH)?)?;
        report::print(&format!("## {search} ({} found)", answer.total))?;
        let mut highlighter = Highlighter::new(&query, HighlightOptions::PAGE);
        for hit in &answer.hits {
            let marked = highlighter.highlights(hit.message_texts()?, hit.details()?.iter());
            let head = hit.head()?;
            let topics = &head.topics_summary;
            report::print(&format!(
                "- {:.1} {} [{}] {}\n  {}\n  summary: {}\n  keywords: {}",
                hit.score.unwrap_or_default(),
                head.id,
                head.messages_count,
                topics.topic.as_deref().unwrap_or("no topic"),
                marked
                    .iter()
                    .flat_map(|highlight| &highlight.fragments)
                    .cloned()
                    .collect::<Vec<_>>()
                    .join(" / "),
                topics.summary.as_deref().unwrap_or("none"),
                topics.keywords.join(", "),
            ))?;
        }
    }
    Ok(())
}
