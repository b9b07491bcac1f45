//! One interaction in the list: who, where, how it felt and when; what it was about; why it matched.

use hearken_model::{Interaction, Timestamp};
use hearken_query::search::SearchItem;
use maud::{Markup, html};

use crate::location::{Location, interaction_path, message_anchor};
use crate::{format, labels, marked};

pub(super) fn row(item: &SearchItem, location: &Location, now: Timestamp) -> Markup {
    let interaction = &item.interaction;
    let href = location.only(|name, _| name == "q").href(&interaction_path(&interaction.id));
    html! {
        li.row data-id=(interaction.id) {
            div.facts {
                (feeling(interaction))
                (who(interaction))
                (place(interaction))
                (client(interaction))
                span.numbers {
                    span.length title="Duration" { (interaction.duration.map_or("–".to_owned(), format::duration)) }
                    span.messages title="Messages" { (messages(interaction.messages_count)) }
                }
                span.when {
                    @if let Some(start) = interaction.start_time { (format::ago(start, now)) }
                    @else { span.faint { "–" } }
                }
            }
            a.open href=(href) { bdi { (headline(interaction)) } }
            @if !item.highlights.is_empty() {
                ul.quotes {
                    @for quote in &item.highlights {
                        li {
                            a.said href={ (href) "#" (message_anchor(&quote.message_id)) } {
                                (labels::speaker(quote.role, None)) " " (format::offset(quote.offset_ms))
                            }
                            " "
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
pub(crate) fn headline(interaction: &Interaction) -> &str {
    let about = &interaction.topics_summary;
    about.summary.as_deref().or(about.topic.as_deref()).unwrap_or(&interaction.id)
}

fn feeling(interaction: &Interaction) -> Markup {
    html! {
        span.feeling {
            @match interaction.topics_summary.sentiment {
                Some(sentiment) => (labels::sentiment(sentiment)),
                None => span.faint title="Sentiment is not available" { "–" },
            }
        }
        span.csat title="CSAT" {
            @match interaction.csat { Some(csat) => (labels::score(csat)), None => span.faint { "–" } }
        }
    }
}

fn who(interaction: &Interaction) -> Markup {
    html! {
        span.topic { @if let Some(topic) = &interaction.topics_summary.topic { bdi { (topic) } } @else { span.faint { "No topic" } } }
        span.who {
            @if let Some(kind) = interaction.interaction_type {
                span title=(labels::sentence_case(kind.as_str())) { (labels::icon(kind.as_str())) }
                span.visually-hidden { (labels::sentence_case(kind.as_str())) " with " }
            }
            bdi { (interaction.agent.as_deref().unwrap_or("–")) }
            @if let Some(organization) = &interaction.organization { " " bdi.faint { (organization) } }
        }
        span.state { @if let Some(status) = interaction.status {
            span class={ "status " (status.as_str()) } { (labels::sentence_case(status.as_str())) }
        } }
    }
}

fn place(interaction: &Interaction) -> Markup {
    let place: Vec<&str> =
        [&interaction.city, &interaction.country].into_iter().filter_map(|part| part.as_deref()).collect();
    html! { span.place { @if place.is_empty() { span.faint { "–" } } @else { bdi { (place.join(", ")) } } } }
}

fn client(interaction: &Interaction) -> Markup {
    let client: Vec<&str> =
        [&interaction.browser, &interaction.os].into_iter().filter_map(|part| part.as_deref()).collect();
    html! { span.client { @if client.is_empty() { span.faint { "–" } } @else { bdi { (client.join(" · ")) } } } }
}

fn messages(count: u64) -> String {
    if count == 1 { "1 message".to_owned() } else { format!("{} messages", format::count(count)) }
}
