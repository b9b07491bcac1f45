//! An interaction's position in the list it was opened from. The list's address is part of the interaction's,
//! so a link that was shared, opened in another tab or kept for a week leads to the same neighbours.

use hearken_query::AppState;
use hearken_query::http::Caller;

use crate::clock::Clock;
use crate::handlers::page_of_list;
use crate::location::{Location, interaction_href, row_anchor};
use crate::paging;

/// Pages to look through, one search each: the list grows at its front while it is being read.
const PAGES_MAX: usize = 2;

/// A position in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListPosition {
    /// From 1.
    pub(crate) position: usize,
    /// Interactions in the list.
    pub(crate) total: u64,
    /// The address of its row.
    pub(crate) row: String,
    /// The address of the previous interaction, on whichever page it is.
    pub(crate) previous: Option<String>,
    /// The address of the next one.
    pub(crate) following: Option<String>,
}

impl ListPosition {
    /// Looks for an interaction on the list page at `location` and on the following ones; `None` if it is not
    /// there or the list is unavailable.
    pub(crate) async fn find(
        state: &AppState,
        caller: &Caller,
        clock: &Clock,
        location: &Location,
        id: &str,
    ) -> Option<ListPosition> {
        let mut list = location.clone();
        for _ in 0..PAGES_MAX {
            let (answer, limit) = page_of_list(state, caller, &list, clock).await.ok()?;
            let ids: Vec<&str> = answer.items.iter().map(|item| item.interaction.id.as_str()).collect();
            let next = answer.next_cursor.as_deref().map(|cursor| paging::next(&list, cursor, clock));
            let Some(idx) = ids.iter().position(|listed| *listed == id) else {
                list = next?;
                continue;
            };
            let on = |list: &Location, id: &str| interaction_href(id, list);
            let previous = match idx.checked_sub(1) {
                Some(before) => ids.get(before).map(|id| on(&list, id)),
                None => match paging::previous(&list) {
                    Some(page) => {
                        let before = page_of_list(state, caller, &page, clock).await.ok();
                        before.and_then(|(before, _)| Some(on(&page, &before.items.last()?.interaction.id)))
                    }
                    None => None,
                },
            };
            let following = match (ids.get(idx + 1), next) {
                (Some(id), _) => Some(on(&list, id)),
                (None, Some(page)) => {
                    let after = page_of_list(state, caller, &page, clock).await.ok();
                    after.and_then(|(after, _)| Some(on(&page, &after.items.first()?.interaction.id)))
                }
                (None, None) => None,
            };
            let position = (paging::number(&list) - 1).saturating_mul(limit) + idx + 1;
            let row = format!("{}#{}", list.href("/"), row_anchor(id));
            return Some(ListPosition { position, total: answer.total, row, previous, following });
        }
        None
    }
}
