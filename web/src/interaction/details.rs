//! Everything else that is known: topics, details, costs, satisfaction, and who derived it.

use hearken_model::field::{FIELDS, Field, Reading};
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
                (plain("Keywords", tags("keywords", &about.keywords)))
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

/// Fields with a place of their own on the page.
const ELSEWHERE: [&str; 6] = ["sentiment", "topic", "keywords", "csat", "rating", "total_costs"];

fn facts(interaction: &Interaction, clock: &Clock) -> Markup {
    let lines = FIELDS.iter().filter(|field| !ELSEWHERE.contains(&field.name));
    section(
        "Details",
        html! {
            dl {
                @for field in lines { (line(field, interaction, clock)) }
                (plain("Recording", interaction.recording_url.as_deref().map(recording)))
            }
        },
    )
}

fn line(field: &Field, interaction: &Interaction, clock: &Clock) -> Markup {
    match field.reading {
        Reading::Text(read) => fact(field.name, read(interaction)),
        Reading::Texts(read) => plain(field.label, tags(field.name, read(interaction))),
        Reading::Count(read) => {
            let count = read(interaction);
            shown_fact(field.name, count.map(|count| count.to_string()).as_deref(), count.map(format::count))
        }
        Reading::Seconds(read) => {
            plain(field.label, read(interaction).map(|seconds| html! { (format::duration(seconds)) }))
        }
        Reading::Money(read) => {
            let currency = interaction.total_costs.currency.as_deref();
            plain(field.label, read(interaction).map(|amount| html! { (format::money(amount, currency)) }))
        }
        Reading::Time(read) => plain(field.label, read(interaction).map(|at| format::instant(at, clock))),
    }
}

/// Values that also find more like each; `None` without any.
fn tags(field: &str, values: &[String]) -> Option<Markup> {
    let tag = |value: &String| {
        let href = Location::default().with(field, value).href("/");
        html! { li { a.tag href=(href) { bdi { (value) } } } }
    };
    (!values.is_empty()).then(|| html! { ul.tags { @for value in values { (tag(value)) } } })
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
