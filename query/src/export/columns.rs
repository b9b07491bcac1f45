//! The columns of an interaction as a row, for every format that has columns.

use hearken_model::field::{FIELDS, Reading};
use hearken_model::{Interaction, Message};

/// Where a column's cell comes from.
pub(super) enum Source {
    /// A value that stands in the interaction.
    Read(Reading),
    /// A text that is made of it.
    Made(fn(&Interaction) -> Option<String>),
}

use Source::{Made, Read};

/// Every column: the fields, and what rows have beside them.
pub(super) fn columns() -> impl Iterator<Item = (&'static str, &'static Source)> {
    static OF_FIELDS: std::sync::LazyLock<Vec<(&'static str, Source)>> =
        std::sync::LazyLock::new(|| FIELDS.iter().map(|field| (field.name, Read(field.reading))).collect());
    OF_FIELDS.iter().chain(BESIDE).map(|(name, source)| (*name, source))
}

static BESIDE: &[(&str, Source)] = &[
    ("recording_url", Read(Reading::Text(|i| i.recording_url.as_deref()))),
    ("input_tokens", Read(Reading::Count(|i| i.usage.as_ref().map(|usage| usage.input_tokens)))),
    (
        "cached_input_tokens",
        Read(Reading::Count(|i| i.usage.as_ref().map(|usage| usage.cached_input_tokens))),
    ),
    ("output_tokens", Read(Reading::Count(|i| i.usage.as_ref().map(|usage| usage.output_tokens)))),
    ("currency", Read(Reading::Text(|i| i.total_costs.currency.as_deref()))),
    ("costs_llm", Read(Reading::Money(|i| i.total_costs.llm))),
    ("costs_platform", Read(Reading::Money(|i| i.total_costs.platform))),
    ("costs_analysis", Read(Reading::Money(|i| i.total_costs.analysis))),
    ("csat_description", Read(Reading::Text(|i| i.csat_description.as_deref()))),
    ("rating_comment", Read(Reading::Text(|i| i.rating_comment.as_deref()))),
    ("summary", Read(Reading::Text(|i| i.topics_summary.summary.as_deref()))),
    ("sentiment_description", Read(Reading::Text(|i| i.topics_summary.sentiment_description.as_deref()))),
    (
        "metadata",
        Made(|i| (!i.metadata.is_empty()).then(|| serde_json::to_string(&i.metadata).unwrap_or_default())),
    ),
    ("transcript", Made(|i| i.transcript.as_deref().filter(|said| !said.is_empty()).map(transcript))),
];

/// One line a message: who said what.
fn transcript(messages: &[Message]) -> String {
    let lines: Vec<_> = messages.iter().map(|m| format!("{}: {}", m.role.as_str(), m.message)).collect();
    lines.join("\n")
}
