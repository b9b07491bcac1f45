//! One interaction in the list: who, where, how it felt and when; what it was about; why it matched.

use std::borrow::Cow;

use hearken_query::index::highlight::HighlightPlace;
use hearken_query::search::SearchItem;
use maud::{Markup, html};

use super::ListView;
use super::columns::Columns;
use crate::location::{interaction_href, message_anchor, row_anchor};
use crate::{format, labels, marked};

pub(super) fn row(item: &SearchItem, view: &ListView<'_>, columns: &Columns<'_>) -> Markup {
    let interaction = &item.interaction;
    let href = interaction_href(&interaction.id, view.location);
    // A link without an address looks the same and leads nowhere.
    let opens = view.user.opens_interactions();
    html! {
        li.row data-id=(interaction.id) {
            (columns.cells(interaction, view.clock))
            a.open id=(row_anchor(&interaction.id)) href=[opens.then_some(&href)] tabindex=[(!opens).then_some("0")] { (marked::dialogue(&headline(item))) }
            @if !item.highlights.is_empty() {
                ul.quotes {
                    @for quote in &item.highlights {
                        @match &quote.place {
                            HighlightPlace::Message { message_id, role, offset_ms } => li {
                                a.said href=[opens.then(|| format!("{href}#{}", message_anchor(message_id)))] {
                                    (labels::speaker(*role, None)) " " (format::offset(*offset_ms))
                                }
                                (marked::fragments(&quote.fragments))
                            },
                            HighlightPlace::Detail { field } => (marked::detail(field, &quote.fragments)),
                        }
                    }
                }
            }
        }
    }
}

/// What was said, else what it was about, else how it began, else its id.
fn headline(item: &SearchItem) -> Cow<'_, str> {
    let interaction = &item.interaction;
    let said = interaction.topics_summary.said().or_else(|| interaction.title().map(Cow::Owned));
    said.or(item.first_said.as_deref().map(Cow::Borrowed)).unwrap_or(Cow::Borrowed(&interaction.id))
}
