//! The columns of an interaction, for every tabular format.

use hearken_model::field::{FIELDS, FieldAccessor};
use hearken_model::{Interaction, Message, Timestamp};

/// Where a column's cell comes from.
pub(super) enum CellSource {
    /// A field of the interaction.
    Read(FieldAccessor),
    /// A text derived from it.
    Made(fn(&Interaction) -> Option<String>),
    /// What was said: the columns of [`MESSAGE`] where the format supports lists, else [`transcript`].
    Transcript,
}

use CellSource::{Made, Read};

/// Where the values of a message column come from.
pub(super) enum MessageAccessor {
    /// A text.
    Text(fn(&Message) -> Option<&str>),
    /// A number.
    Number(fn(&Message) -> Option<f64>),
    /// A time.
    Time(fn(&Message) -> Timestamp),
}

/// The columns of a message.
pub(super) static MESSAGE: &[(&str, MessageAccessor)] = &[
    ("id", MessageAccessor::Text(|m| Some(&m.id))),
    ("role", MessageAccessor::Text(|m| Some(m.role.as_str()))),
    ("at", MessageAccessor::Time(|m| m.at)),
    ("message", MessageAccessor::Text(|m| Some(&m.message))),
    ("sentiment", MessageAccessor::Text(|m| m.sentiment.map(|sentiment| sentiment.as_str()))),
    ("sentiment_score", MessageAccessor::Number(|m| m.sentiment_score)),
    ("llm_model", MessageAccessor::Text(|m| m.llm_model.as_deref())),
    ("tool", MessageAccessor::Text(|m| m.tool.as_ref().map(|tool| tool.name.as_str()))),
];

/// Every column: the fields, plus those that only rows have.
pub(super) fn columns() -> impl Iterator<Item = (&'static str, &'static CellSource)> {
    static OF_FIELDS: std::sync::LazyLock<Vec<(&'static str, CellSource)>> =
        std::sync::LazyLock::new(|| FIELDS.iter().map(|field| (field.name, Read(field.reading))).collect());
    OF_FIELDS.iter().chain(BESIDE).map(|(name, source)| (*name, source))
}

static BESIDE: &[(&str, CellSource)] = &[
    ("recording_url", Read(FieldAccessor::Text(|i| i.recording_url.as_deref()))),
    ("input_tokens", Read(FieldAccessor::Count(|i| i.usage.as_ref().map(|usage| usage.input_tokens)))),
    (
        "cached_input_tokens",
        Read(FieldAccessor::Count(|i| i.usage.as_ref().map(|usage| usage.cached_input_tokens))),
    ),
    ("output_tokens", Read(FieldAccessor::Count(|i| i.usage.as_ref().map(|usage| usage.output_tokens)))),
    ("costs_llm", Read(FieldAccessor::Money(|i| i.total_costs.llm))),
    ("costs_platform", Read(FieldAccessor::Money(|i| i.total_costs.platform))),
    ("costs_analysis", Read(FieldAccessor::Money(|i| i.total_costs.analysis))),
    ("csat_description", Read(FieldAccessor::Text(|i| i.csat_description.as_deref()))),
    ("rating_comment", Read(FieldAccessor::Text(|i| i.rating_comment.as_deref()))),
    ("summary", Read(FieldAccessor::Text(|i| i.topics_summary.summary.as_deref()))),
    (
        "sentiment_description",
        Read(FieldAccessor::Text(|i| i.topics_summary.sentiment_description.as_deref())),
    ),
    (
        "metadata",
        Made(|i| (!i.metadata.is_empty()).then(|| serde_json::to_string(&i.metadata).unwrap_or_default())),
    ),
    ("transcript", CellSource::Transcript),
];

/// One line per message: who said what.
pub(super) fn transcript(messages: &[Message]) -> String {
    let lines: Vec<_> = messages.iter().map(|m| format!("{}: {}", m.role.as_str(), m.message)).collect();
    lines.join("\n")
}
