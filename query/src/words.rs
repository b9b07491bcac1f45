//! Hides the words people said from callers who may know everything else.
//!
//! A key with `metadata` but without `search` sees facts: times, counts, costs, places, facets, how satisfied people
//! were. What was said is left out of every answer, and cannot be searched for either: a match, or a count of matches,
//! would reveal it just as well.

use hearken_index::query::Query;
use hearken_model::Interaction;

use crate::http::Caller;
use crate::keys::Permission;
use crate::parameters::SearchParameters;
use crate::problem::Problem;

/// The field whose values are words people said.
const KEYWORDS: &str = "keywords";

/// Refuses a word search to callers who may not know the words.
///
/// # Errors
/// `forbidden`, which names `search`.
pub fn refuse(caller: &Caller, query: &Query, parameters: &SearchParameters) -> Result<(), Problem> {
    if caller.may(Permission::Search) {
        return Ok(());
    }
    let counts_words = parameters.facets.iter().any(|name| name == KEYWORDS);
    if asks_for_words(query) || counts_words || parameters.filters.contains_key(KEYWORDS) {
        return caller.require(Permission::Search).map_err(|problem| {
            let hint = "search by fields instead, for instance `country:Germany`".to_owned();
            Problem { hint: Some(hint), ..problem }
        });
    }
    Ok(())
}

fn asks_for_words(query: &Query) -> bool {
    match query {
        Query::Text { .. } => true,
        Query::Value { field, .. } | Query::Exists { field } => field == KEYWORDS,
        Query::Range { .. } | Query::All => false,
        Query::And(parts) | Query::Or(parts) => parts.iter().any(asks_for_words),
        Query::Not(part) => asks_for_words(part),
    }
}

/// Removes what people said, and all text derived from it.
pub(crate) fn take_out(interaction: &mut Interaction) {
    interaction.transcript = None;
    interaction.recording_url = None;
    interaction.csat_description = None;
    interaction.rating_comment = None;
    interaction.topics_summary.summary = None;
    interaction.topics_summary.sentiment_description = None;
    interaction.topics_summary.keywords.clear();
}
