//! One interaction in the list: who, where, how it felt and when; what it was about; why it matched.

use hearken_model::Interaction;
use hearken_query::search::SearchItem;
use maud::{Markup, html};

use super::columns::Columns;
use crate::clock::Clock;
use crate::location::{Location, interaction_href, message_anchor, row_anchor};
use crate::{format, labels, marked};

pub(super) fn row(item: &SearchItem, location: &Location, columns: &Columns<'_>, clock: &Clock) -> Markup {
    let interaction = &item.interaction;
    let href = interaction_href(&interaction.id, location);
    html! {
        li.row data-id=(interaction.id) {
            (columns.cells(interaction, clock))
            a.open id=(row_anchor(&interaction.id)) href=(href) { bdi { (headline(interaction)) } }
            @if !item.highlights.is_empty() {
                ul.quotes {
                    @for quote in &item.highlights {
                        li {
                            a.said href={ (href) "#" (message_anchor(&quote.message_id)) } {
                                (labels::speaker(quote.role, None)) " " (format::offset(quote.offset_ms))
                            }
                            bdi { @for (idx, fragment) in quote.fragments.iter().enumerate() {
                                @if idx > 0 { " " } (marked::fragment(fragment))
                            } }
                        }
                    }
                }
            }
        }
    }
}

/// What the conversation was about, or failing that its id.
fn headline(interaction: &Interaction) -> &str {
    let about = &interaction.topics_summary;
    about.summary.as_deref().or(about.topic.as_deref()).unwrap_or(&interaction.id)
}
