//! Everything else that is known: topics, details, costs, satisfaction, and which analyser derived it.

use hearken_model::field::{FIELDS, Field, FieldAccessor, METADATA_PREFIX, field};
use hearken_model::{CostSource, Interaction, Money, Status};
use maud::{Markup, html};

use crate::clock::Clock;
use crate::location::Location;
use crate::recording::is_web_address;
use crate::{format, labels, marked};

/// Fields shown besides those of the table, with their names in exports.
const BESIDE: [(&str, &str); 5] = [
    ("summary", "Summary"),
    ("sentiment_description", "Sentiment Description"),
    ("csat_description", "CSAT Description"),
    ("rating_comment", "Rating Comment"),
    ("recording_url", "Recording"),
];

/// Characters of a longer value that are shown at first: about five lines of the panel.
const VALUE_CHARS: usize = 280;
/// The same of a tag, which is one of many.
const TAG_CHARS: usize = 80;

/// Fields that the page shows elsewhere.
const ELSEWHERE: [&str; 6] = ["sentiment", "topic", "keywords", "csat", "rating", "total_costs"];

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

/// A card; empty if it has no lines.
fn section(title: &str, lines: Vec<Option<Markup>>) -> Markup {
    let lines: Vec<Markup> = lines.into_iter().flatten().collect();
    html! { @if !lines.is_empty() { section.card { h2 { (title) } dl { @for line in &lines { (line) } } } } }
}

/// A line of a list; `None` where the value is absent.
fn line(name: &str, value: Option<Markup>) -> Option<Markup> {
    value.map(|value| html! { div { dt { (name) } dd { (value) } } })
}

/// A field's line, whose value links to other interactions with the same one.
fn fact(field: &str, value: Option<&str>, shown: Option<Markup>) -> Option<Markup> {
    let value = value.filter(|value| !value.is_empty())?;
    let name = labels::field(field);
    let href = Location::default().with(field, value).href("/");
    let shown = shown.unwrap_or_else(|| html! { bdi { (labels::value(field, value)) } });
    let more = html! { a href=(href) title={ "More with this " (name) } { (shown) } };
    line(&name, Some(long(value, VALUE_CHARS, more)))
}

/// A text in full, or folded if it is so long that it would push everything else away.
fn long(text: &str, shown_chars: usize, shown: Markup) -> Markup {
    /// Fewer are not worth a click.
    const FOLDED_CHARS_MIN: usize = 80;
    if text.chars().nth(shown_chars + FOLDED_CHARS_MIN).is_none() {
        return shown;
    }
    let Some((end, _)) = text.char_indices().nth(shown_chars) else { return shown };
    html! {
        details.long {
            summary { bdi { (text[..end]) "…" } " " span.quiet { "all " (format::count(text.chars().count() as u64)) " characters" } }
            (shown)
        }
    }
}

fn words(text: &str) -> Markup {
    long(text, VALUE_CHARS, html! { bdi { (text) } })
}

fn topics(interaction: &Interaction) -> Markup {
    let about = &interaction.topics_summary;
    section(
        "Topics Summary",
        vec![
            fact("topic", about.topic.as_deref(), None),
            line(
                "Summary",
                about.summary.as_deref().map(|summary| long(summary, VALUE_CHARS, marked::dialogue(summary))),
            ),
            fact("sentiment", about.sentiment.map(|s| s.as_str()), about.sentiment.map(labels::sentiment)),
            line("Sentiment Description", about.sentiment_description.as_deref().map(marked::reason)),
            line("Keywords", tags("keywords", &about.keywords)),
        ],
    )
}

fn satisfaction(interaction: &Interaction) -> Markup {
    let scored = |field: &str, score: Option<u8>| {
        fact(field, score.map(|score| score.to_string()).as_deref(), score.map(labels::score))
    };
    section(
        "Satisfaction",
        vec![
            scored("csat", interaction.csat),
            line("CSAT Description", interaction.csat_description.as_deref().map(marked::reason)),
            scored("rating", interaction.rating),
            line("Rating Comment", interaction.rating_comment.as_deref().map(words)),
        ],
    )
}

fn facts(interaction: &Interaction, clock: &Clock) -> Markup {
    let fields = FIELDS.iter().filter(|field| !ELSEWHERE.contains(&field.name));
    let lines: Vec<Markup> = fields.filter_map(|field| of_table(field, interaction, clock)).collect();
    let recording = line("Recording", interaction.recording_url.as_deref().map(recording));
    html! {
        section.card {
            h2 { "Details" }
            dl { @for line in lines.iter().chain(&recording) { (line) } }
            (absent(interaction))
        }
    }
}

fn of_table(field: &Field, interaction: &Interaction, clock: &Clock) -> Option<Markup> {
    match field.reading {
        FieldAccessor::Text(read) => fact(field.name, read(interaction), None),
        // If tools were called and none failed, say so.
        FieldAccessor::Texts(read) if field.name == "failed_tools" && read(interaction).is_empty() => {
            line(field.label, (!interaction.tools.is_empty()).then(|| html! { "none" }))
        }
        FieldAccessor::Texts(read) => line(field.label, tags(field.name, read(interaction))),
        FieldAccessor::Count(read) => {
            let count = read(interaction);
            let shown = count.map(|count| html! { (format::count(count)) });
            fact(field.name, count.map(|count| count.to_string()).as_deref(), shown)
        }
        FieldAccessor::Seconds(read) => {
            line(field.label, read(interaction).map(|seconds| html! { (format::duration(seconds)) }))
        }
        FieldAccessor::Money(read) => {
            let currency = interaction.total_costs.currency.as_deref();
            line(field.label, read(interaction).map(|amount| html! { (format::money(amount, currency)) }))
        }
        FieldAccessor::Time(read) => {
            line(field.label, read(interaction).map(|at| format::instant(at, clock)))
        }
    }
}

/// All fields without a value, folded: the unknown ones, and those that do not apply.
fn absent(interaction: &Interaction) -> Markup {
    let about = &interaction.topics_summary;
    let is_known = |name: &str| match name {
        "summary" => about.summary.is_some(),
        "sentiment_description" => about.sentiment_description.is_some(),
        "csat_description" => interaction.csat_description.is_some(),
        "rating_comment" => interaction.rating_comment.is_some(),
        "recording_url" => interaction.recording_url.is_some(),
        "failed_tools" => !interaction.tools.is_empty(),
        name => field(name).is_some_and(|field| field.texts(interaction).iter().any(|text| !text.is_empty())),
    };
    let names = FIELDS.iter().map(|field| (field.name, field.label)).chain(BESIDE);
    let absent = names.filter(|(name, _)| !is_known(name));
    let (inapplicable, unknown): (Vec<_>, Vec<_>) = absent.partition(|(name, _)| !applies(name, interaction));
    let total = inapplicable.len() + unknown.len();
    let list = |title: &str, fields: &[(&str, &str)]| {
        let filter = |name: &str| Location::default().with(name, "").href("/");
        html! {
            @if !fields.is_empty() {
                div { dt { (title) } dd { @for (idx, (name, label)) in fields.iter().enumerate() {
                    @if idx > 0 { ", " }
                    @if field(name).is_some_and(|field| !field.is_number() && field.name != "id") {
                        a href=(filter(name)) title="Interactions without it" { (label) }
                    } @else { (label) }
                } } }
            }
        }
    };
    html! {
        @if total > 0 {
            details.absent {
                summary { (total) @if total == 1 { " field has no value" } @else { " fields have no value" } }
                dl {
                    (list("Not available", &unknown))
                    (list("Does not apply", &inapplicable))
                }
            }
        }
    }
}

/// Whether this kind of interaction can have the field at all.
fn applies(name: &str, interaction: &Interaction) -> bool {
    match name {
        "end_time" | "end_reason" => interaction.status != Some(Status::InProgress),
        "sentiment_description" => interaction.topics_summary.sentiment.is_some(),
        "csat_description" => interaction.csat.is_some(),
        "rating_comment" => interaction.rating.is_some(),
        name => interaction.interaction_type.is_none_or(|kind| labels::applies(name, kind)),
    }
}

/// Values that each link to other interactions with the same one; `None` if there are none.
fn tags(field: &str, values: &[String]) -> Option<Markup> {
    let tag = |value: &String| {
        let href = Location::default().with(field, value).href("/");
        let tag = html! { a.tag href=(href) title={ "More with this " (labels::field(field)) } { bdi { (value) } } };
        html! { li { (long(value, TAG_CHARS, tag)) } }
    };
    (!values.is_empty()).then(|| html! { ul.tags { @for value in values { (tag(value)) } } })
}

/// The address, as a link only if it is a web address.
fn recording(url: &str) -> Markup {
    let shown = html! {
        @if is_web_address(url) { a href=(url) rel="noreferrer noopener external" { bdi { (url) } } } @else { bdi { (url) } }
    };
    long(url, VALUE_CHARS, shown)
}

fn costs(interaction: &Interaction) -> Markup {
    let costs = &interaction.total_costs;
    let amounts = [costs.amount, costs.llm, costs.platform, costs.analysis];
    let digits = format::digits(amounts.into_iter().flatten());
    let amount = |name: &str, amount: Option<Money>| {
        let shown =
            |amount| html! { span.number { (format::money_of(amount, costs.currency.as_deref(), digits)) } };
        line(name, amount.map(shown))
    };
    let source = costs.source.filter(|_| amounts.iter().any(Option::is_some)).map(|source| match source {
        CostSource::Estimate => "estimated from usage and prices",
        CostSource::Upstream => "reported by the producer",
    });
    let models = (!costs.unpriced_models.is_empty()).then(|| words(&costs.unpriced_models.join(", ")));
    html! {
        (section("Costs", vec![
            amount("Total Costs", costs.amount),
            amount("LLM", costs.llm),
            amount("Platform", costs.platform),
            amount("Analysis", costs.analysis),
            line("Source", source.map(|source| html! { (source) })),
            line("Without a price", models),
        ]))
        @if let Some(usage) = interaction.usage.as_ref().filter(|usage| !usage.by_model.is_empty()) {
            section.card {
                h2 { "Tokens" }
                div.scroll tabindex="0" role="region" aria-label="Tokens by model" {
                    table {
                        caption.visually-hidden { "Tokens by model" }
                        thead { tr { th scope="col" { "LLM Model" } th.number scope="col" { "in" } th.number scope="col" { "cached" } th.number scope="col" { "out" } } }
                        tbody { @for (model, usage) in &usage.by_model { tr {
                            th scope="row" { bdi { (model) } }
                            td.number { (format::count(usage.input_tokens)) }
                            td.number { (format::count(usage.cached_input_tokens)) }
                            td.number { (format::count(usage.output_tokens)) }
                        } } }
                    }
                }
            }
        }
    }
}

fn metadata(interaction: &Interaction) -> Markup {
    let lines = interaction.metadata.iter().map(|(key, value)| {
        let value = value.to_string();
        fact(&format!("{METADATA_PREFIX}{key}"), Some(&value), Some(html! { bdi { (value) } }))
    });
    section("Metadata", lines.collect())
}

/// Which analyser produced the automatic values.
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
