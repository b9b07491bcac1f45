//! The one table of fields that can be filtered by, counted, sorted by and searched in.
//!
//! The query language, the search parameters, the index and the documentation all read it, so that a name means
//! the same everywhere. `metadata.<key>` is not listed: it names a field for every key there is.

/// What a field holds, and so what can be asked of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// Text values, matched whole: filter, facet, scope.
    Keyword,
    /// Whole numbers: filter, range, facet over ranges; a facet when it is marked so.
    Integer,
    /// Seconds as a decimal number: filter, range, facet over ranges.
    Seconds,
    /// A decimal amount: filter, range, facet over ranges; a facet when it is marked so.
    Money,
    /// An instant: filter, range, facet over ranges.
    Time,
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// The name everywhere.
    pub name: &'static str,
    /// What it holds.
    pub kind: FieldKind,
    /// Whether its values can be counted one by one, by `facets=`.
    pub facet: bool,
    /// Whether results can be sorted by it.
    pub sort: bool,
}

const fn keyword(name: &'static str) -> Field {
    Field { name, kind: FieldKind::Keyword, facet: true, sort: false }
}

const fn number(name: &'static str, kind: FieldKind, facet: bool, sort: bool) -> Field {
    Field { name, kind, facet, sort }
}

/// Every field but metadata.
pub const FIELDS: &[Field] = &[
    keyword("id"),
    keyword("organization"),
    keyword("agent"),
    keyword("llm_model"),
    keyword("llm_models"),
    keyword("type"),
    keyword("status"),
    keyword("end_reason"),
    keyword("direction"),
    keyword("integration"),
    keyword("browser"),
    keyword("os"),
    keyword("device"),
    keyword("ip_address"),
    keyword("country_code"),
    keyword("country"),
    keyword("city"),
    keyword("url"),
    keyword("url_host"),
    keyword("language"),
    keyword("user_id"),
    keyword("caller"),
    keyword("sentiment"),
    keyword("topic"),
    keyword("keywords"),
    number("csat", FieldKind::Integer, true, true),
    number("rating", FieldKind::Integer, true, true),
    number("messages_count", FieldKind::Integer, true, true),
    number("billable_messages", FieldKind::Integer, true, true),
    number("billable_minutes", FieldKind::Integer, true, false),
    number("start_time", FieldKind::Time, false, true),
    number("end_time", FieldKind::Time, false, true),
    number("duration", FieldKind::Seconds, false, true),
    number("total_costs", FieldKind::Money, true, true),
];

/// Scopes of the query language that search words, beside the fields that match whole values.
pub const TEXT_SCOPES: &[&str] =
    &["transcript", "user", "assistant", "human", "tool", "system", "topic", "summary", "keywords"];

/// What a metadata field's name begins with.
pub const METADATA_PREFIX: &str = "metadata.";

/// The field of that name.
pub fn field(name: &str) -> Option<&'static Field> {
    FIELDS.iter().find(|field| field.name == name)
}

/// The name nearest to `wrong` among `names`, if one is near enough to be meant.
pub fn nearest<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const SIMILARITY_MIN: f64 = 0.6;
    names
        .into_iter()
        .map(|name| (strsim::normalized_damerau_levenshtein(wrong, name), name))
        .filter(|(similarity, _)| *similarity >= SIMILARITY_MIN)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}
