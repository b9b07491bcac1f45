//! Everything else that is known: topics, details, costs, satisfaction, and who derived it.

use hearken_model::{CostSource, Interaction, Money, Scalar};
use maud::{Markup, html};

use crate::clock::Clock;
use crate::format;
use crate::labels::{self, NOT_AVAILABLE};
use crate::location::Location;

pub(super) fn panel(interaction: &Interaction, clock: &Clock) -> Markup {
    html! {
        (topics(interaction))
        (satisfaction(interaction))
        (facts(interaction, clock))
        (costs(interaction))
        (metadata(interaction))
        (origin(interaction, clock))
    }
}

fn section(title: &str, content: Markup) -> Markup {
    html! { section.card { h2 { (title) } (content) } }
}

/// A line of a list: a name, and a value that also finds more like it.
fn fact(field: &str, value: Option<&str>) -> Markup {
    shown_fact(field, value, value.map(|value| labels::value(field, value).into_owned()))
}

fn shown_fact(field: &str, value: Option<&str>, shown: Option<String>) -> Markup {
    let more = |value: &str| Location::default().with(field, value).href("/");
    html! {
        div {
            dt { (labels::field(field)) }
            dd { @match (value, shown) {
                (Some(value), Some(shown)) if !value.is_empty() =>
                    a href=(more(value)) title={ "More with this " (labels::field(field).to_lowercase()) } { bdi { (shown) } },
                _ => span.faint { (NOT_AVAILABLE) },
            } }
        }
    }
}

/// A line whose value is no filter.
fn plain(name: &str, value: Option<Markup>) -> Markup {
    html! { div { dt { (name) } dd { @match value { Some(value) => (value), None => span.faint { (NOT_AVAILABLE) } } } } }
}

fn topics(interaction: &Interaction) -> Markup {
    let about = &interaction.topics_summary;
    section(
        "Topics summary",
        html! {
            dl {
                (fact("topic", about.topic.as_deref()))
                (plain("Summary", about.summary.as_ref().map(|summary| html! { bdi { (summary) } })))
                div {
                    dt { "Sentiment" }
                    dd {
                        @match about.sentiment {
                            Some(sentiment) => a href={ "/?sentiment=" (sentiment) } { (labels::sentiment(sentiment)) },
                            None => span.faint { (NOT_AVAILABLE) },
                        }
                        @if let Some(why) = &about.sentiment_description { p.why { bdi { (why) } } }
                    }
                }
                div {
                    dt { "Keywords" }
                    dd {
                        @if about.keywords.is_empty() { span.faint { (NOT_AVAILABLE) } }
                        @else { ul.tags { @for keyword in &about.keywords {
                            li { a.tag href=(Location::default().with("keywords", keyword).href("/")) { bdi { (keyword) } } }
                        } } }
                    }
                }
            }
        },
    )
}

fn satisfaction(interaction: &Interaction) -> Markup {
    let scored = |field: &str, score: Option<u8>, why: Option<&String>| {
        let href = |score: u8| Location::default().with(field, &score.to_string()).href("/");
        html! {
            @match score {
                Some(score) => a href=(href(score)) { (labels::score(score)) },
                None => span.faint { (NOT_AVAILABLE) },
            }
            @if let Some(why) = why { p.why { bdi { (why) } } }
        }
    };
    section(
        "Satisfaction",
        html! {
            dl {
                (plain("CSAT, detected", Some(scored("csat", interaction.csat, interaction.csat_description.as_ref()))))
                (plain("Rating by the customer", Some(scored("rating", interaction.rating, interaction.rating_comment.as_ref()))))
            }
        },
    )
}

fn facts(interaction: &Interaction, clock: &Clock) -> Markup {
    let number = |value: Option<u64>| value.map(|value| value.to_string());
    let text = |value: &Option<u64>| value.map(format::count);
    section(
        "Details",
        html! {
            dl {
                (fact("agent", interaction.agent.as_deref()))
                (fact("organization", interaction.organization.as_deref()))
                (fact("llm_model", interaction.llm_model.as_deref()))
                @if interaction.llm_models.len() > 1 {
                    (plain("All models", Some(html! { bdi { (interaction.llm_models.join(", ")) } })))
                }
                (fact("type", interaction.interaction_type.map(|kind| kind.as_str())))
                (fact("status", interaction.status.map(|status| status.as_str())))
                (fact("end_reason", interaction.end_reason.as_deref()))
                (fact("direction", interaction.direction.map(|direction| direction.as_str())))
                (fact("integration", interaction.integration.as_deref()))
                (shown_fact("messages_count", Some(&interaction.messages_count.to_string()), Some(format::count(interaction.messages_count))))
                (shown_fact("billable_messages", number(interaction.billable_messages).as_deref(), text(&interaction.billable_messages)))
                (shown_fact("billable_minutes", number(interaction.billable_minutes).as_deref(), text(&interaction.billable_minutes)))
                (plain("Start", interaction.start_time.map(|at| format::instant(at, clock))))
                (plain("End", interaction.end_time.map(|at| format::instant(at, clock))))
                (plain("Duration", interaction.duration.map(|duration| html! { (format::duration(duration)) })))
                (fact("language", interaction.language.as_deref()))
                (fact("browser", interaction.browser.as_deref()))
                (fact("os", interaction.os.as_deref()))
                (fact("device", interaction.device.as_deref()))
                (fact("ip_address", interaction.ip_address.as_deref()))
                (fact("country", interaction.country.as_deref()))
                (fact("country_code", interaction.country_code.as_deref()))
                (fact("city", interaction.city.as_deref()))
                (fact("url", interaction.url.as_deref()))
                (fact("url_host", interaction.url_host.as_deref()))
                (fact("user_id", interaction.user_id.as_deref()))
                (fact("caller", interaction.caller.as_deref()))
                (plain("Recording", interaction.recording_url.as_deref().map(recording)))
                (shown_fact("id", Some(&interaction.id), Some(interaction.id.clone())))
            }
        },
    )
}

/// Addresses of conversations are followed only when they are of the web: `javascript:` is hostile text too.
fn recording(url: &str) -> Markup {
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    html! { @if is_web { a href=(url) rel="noreferrer noopener external" { bdi { (url) } } } @else { bdi { (url) } } }
}

fn costs(interaction: &Interaction) -> Markup {
    let costs = &interaction.total_costs;
    let amount = |amount: Option<Money>| {
        amount.map(|amount| html! { span.number { (format::money(amount, costs.currency.as_deref())) } })
    };
    section(
        "Costs",
        html! {
            dl {
                (plain("Total", amount(costs.amount)))
                (plain("LLM", amount(costs.llm)))
                (plain("Platform", amount(costs.platform)))
                (plain("Analysis", amount(costs.analysis)))
                (plain("Source", costs.source.map(|source| html! { (match source {
                    CostSource::Estimate => "estimated from usage and prices",
                    CostSource::Upstream => "reported by the producer",
                }) })))
                @if !costs.unpriced_models.is_empty() {
                    (plain("Without a price", Some(html! { bdi { (costs.unpriced_models.join(", ")) } })))
                }
            }
            @if let Some(usage) = interaction.usage.as_ref().filter(|usage| !usage.by_model.is_empty()) {
                div.scroll tabindex="0" role="region" aria-label="Tokens by model" {
                    table {
                        caption.visually-hidden { "Tokens by model" }
                        thead { tr { th scope="col" { "Tokens" } th.number scope="col" { "in" } th.number scope="col" { "cached" } th.number scope="col" { "out" } } }
                        tbody { @for (model, usage) in &usage.by_model { tr {
                            th scope="row" { bdi { (model) } }
                            td.number { (format::count(usage.input_tokens)) }
                            td.number { (format::count(usage.cached_input_tokens)) }
                            td.number { (format::count(usage.output_tokens)) }
                        } } }
                    }
                }
            }
        },
    )
}

fn metadata(interaction: &Interaction) -> Markup {
    if interaction.metadata.is_empty() {
        return html! {};
    }
    let text = |value: &Scalar| value.to_string();
    section(
        "Metadata",
        html! {
            dl { @for (key, value) in &interaction.metadata {
                @let field = format!("{}{key}", hearken_model::field::METADATA_PREFIX);
                (shown_fact(&field, Some(&text(value)), Some(text(value))))
            } }
        },
    )
}

/// Who produced the automatic values.
fn origin(interaction: &Interaction, clock: &Clock) -> Markup {
    html! {
        p.origin.faint { @match &interaction.analysis {
            Some(analysis) => {
                "Topic, summary, sentiment and CSAT by " strong { (analysis.by) }
                @if let Some(version) = &analysis.version { " " (version) }
                ", from events up to " (format::ago(analysis.at, clock)) ". Signals for support, not facts."
            },
            None => "Not analysed yet.",
        } }
    }
}
