//! The one table of fields that can be filtered by, counted, sorted by and searched in.
//!
//! The query language, the search parameters, the index, the pages, exports, the API's description and
//! `docs/fields.md` all read it, so that a name means the same everywhere. CONTRIBUTING.md says how to add a field. `metadata.<key>` is not listed: it names a field for every key there is.

use std::borrow::Cow;
use std::fmt;

use crate::{Interaction, Money, Timestamp};

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

/// How a field is read from an interaction.
#[derive(Clone, Copy)]
pub enum FieldAccessor {
    /// At most one text.
    Text(fn(&Interaction) -> Option<&str>),
    /// Any number of texts, which may repeat.
    Texts(fn(&Interaction) -> &[String]),
    /// A whole number.
    Count(fn(&Interaction) -> Option<u64>),
    /// Seconds.
    Seconds(fn(&Interaction) -> Option<f64>),
    /// A decimal amount.
    Money(fn(&Interaction) -> Option<Money>),
    /// An instant.
    Time(fn(&Interaction) -> Option<Timestamp>),
}

impl FieldAccessor {
    /// The values as texts, in their order and as often as they are there: instants in RFC 3339, seconds and amounts
    /// as decimal numbers.
    pub fn texts<'i>(&self, interaction: &'i Interaction) -> Vec<Cow<'i, str>> {
        fn one<T: ToString>(value: Option<T>) -> Vec<Cow<'static, str>> {
            value.map(|value| Cow::Owned(value.to_string())).into_iter().collect()
        }
        match self {
            FieldAccessor::Text(read) => read(interaction).map(Cow::Borrowed).into_iter().collect(),
            FieldAccessor::Texts(read) => {
                read(interaction).iter().map(|text| Cow::Borrowed(text.as_str())).collect()
            }
            FieldAccessor::Count(read) => one(read(interaction)),
            FieldAccessor::Seconds(read) => one(read(interaction)),
            FieldAccessor::Money(read) => one(read(interaction)),
            FieldAccessor::Time(read) => one(read(interaction)),
        }
    }
}

/// One row of the table.
#[derive(Clone, Copy)]
pub struct Field {
    /// The name everywhere.
    pub name: &'static str,
    /// The name for people, in title case.
    pub label: &'static str,
    /// What it says, in Markdown, as a sentence or two; of a number also its bounds.
    pub description: &'static str,
    /// What it holds.
    pub kind: FieldKind,
    /// Whether its values can be counted one by one, by `facets=`.
    pub facet: bool,
    /// Whether results can be sorted by it.
    pub sort: bool,
    /// Where its value is.
    pub reading: FieldAccessor,
}

impl PartialEq for Field {
    /// There is one row of a name.
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Field {}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Field").field(&self.name).finish()
    }
}

impl Field {
    /// Whether values of the field are compared, and can be asked for by ranges.
    pub fn is_number(&self) -> bool {
        self.kind != FieldKind::Keyword
    }

    /// See [`FieldAccessor::texts`].
    pub fn texts<'i>(&self, interaction: &'i Interaction) -> Vec<Cow<'i, str>> {
        self.reading.texts(interaction)
    }

    const fn new(
        name: &'static str,
        label: &'static str,
        kind: FieldKind,
        facet: bool,
        reading: FieldAccessor,
    ) -> Field {
        Field { name, label, description: "", kind, facet, sort: false, reading }
    }

    /// Results can be sorted by it.
    const fn sorted(self) -> Field {
        Field { sort: true, ..self }
    }

    /// Its values are not counted.
    const fn uncounted(self) -> Field {
        Field { facet: false, ..self }
    }

    const fn saying(self, description: &'static str) -> Field {
        Field { description, ..self }
    }
}

const fn text(name: &'static str, label: &'static str, read: fn(&Interaction) -> Option<&str>) -> Field {
    Field::new(name, label, FieldKind::Keyword, true, FieldAccessor::Text(read))
}

const fn texts(name: &'static str, label: &'static str, read: fn(&Interaction) -> &[String]) -> Field {
    Field::new(name, label, FieldKind::Keyword, true, FieldAccessor::Texts(read))
}

const fn count(name: &'static str, label: &'static str, read: fn(&Interaction) -> Option<u64>) -> Field {
    Field::new(name, label, FieldKind::Integer, true, FieldAccessor::Count(read))
}

const fn seconds(name: &'static str, label: &'static str, read: fn(&Interaction) -> Option<f64>) -> Field {
    Field::new(name, label, FieldKind::Seconds, false, FieldAccessor::Seconds(read))
}

const fn money(name: &'static str, label: &'static str, read: fn(&Interaction) -> Option<Money>) -> Field {
    Field::new(name, label, FieldKind::Money, true, FieldAccessor::Money(read))
}

const fn time(name: &'static str, label: &'static str, read: fn(&Interaction) -> Option<Timestamp>) -> Field {
    Field::new(name, label, FieldKind::Time, false, FieldAccessor::Time(read))
}

/// Every field but metadata.
pub static FIELDS: &[Field] = &[
    text("id", "ID", |i| Some(&i.id))
        .uncounted()
        .saying("Names the interaction everywhere, and is never used again. At most 512 bytes."),
    text("organization", "Organization", |i| i.organization.as_deref()).saying("Whose interaction it is."),
    text("agent", "Agent", |i| i.agent.as_deref()).saying("The AI agent's name."),
    text("agent_version", "Agent Version", |i| i.agent_version.as_deref())
        .saying("The version of the agent, as the producer names it."),
    text("llm_model", "LLM Model", |i| i.llm_model.as_deref())
        .saying("The model that most of the assistant's messages name, else the one given at the start."),
    texts("llm_models", "LLM Models", |i| &i.llm_models).saying("Every model that took part."),
    text("type", "Type", |i| i.interaction_type.map(|value| value.as_str()))
        .saying("`text_chat` or `voice_call`."),
    text("status", "Status", |i| i.status.map(|value| value.as_str()))
        .saying("`in_progress`, `finished`, `abandoned`, `transferred` or `failed`."),
    text("end_reason", "End Reason", |i| i.end_reason.as_deref())
        .saying("Why it ended, in the producer's words."),
    text("direction", "Direction", |i| i.direction.map(|value| value.as_str()))
        .saying("`inbound`: the customer began; `outbound`: the agent did."),
    text("integration", "Integration", |i| i.integration.as_deref())
        .saying("The platform that it came through."),
    text("language", "Language", |i| i.language.as_deref()).saying("BCP 47 tag, as given or detected."),
    text("country", "Country", |i| i.country.as_deref()).saying("English name of the address's country."),
    text("country_code", "Country Code", |i| i.country_code.as_deref())
        .saying("ISO 3166-1 code of the address's country."),
    text("city", "City", |i| i.city.as_deref()).saying("The address's city."),
    text("ip_address", "IP Address", |i| i.ip_address.as_deref())
        .saying("The customer's address, as far as privacy settings let it be kept."),
    text("browser", "Browser", |i| i.browser.as_deref())
        .saying("The customer's browser or app, from the User-Agent."),
    text("os", "OS", |i| i.os.as_deref()).saying("The customer's operating system, from the User-Agent."),
    text("device", "Device", |i| i.device.as_deref())
        .saying("`desktop`, `mobile`, `tablet`, `bot` or `other`, from the User-Agent."),
    text("url", "URL", |i| i.url.as_deref()).saying("The page or platform on which it took place."),
    text("url_host", "Site", |i| i.url_host.as_deref()).saying("The host of `url`."),
    text("user_id", "User", |i| i.user_id.as_deref()).saying("The customer, as the producer names them."),
    text("caller", "Caller", |i| i.caller.as_deref()).saying("The number that called or was called."),
    text("sentiment", "Sentiment", |i| i.topics_summary.sentiment.map(|value| value.as_str()))
        .saying("`positive`, `neutral` or `negative`: how the customer felt about it."),
    text("topic", "Topic", |i| i.topics_summary.topic.as_deref()).saying("What it was about."),
    texts("keywords", "Keywords", |i| &i.topics_summary.keywords)
        .saying("Words and phrases that set it apart from others."),
    text("worst_moment", "Worst Moment", |i| i.worst_moment.map(|value| value.as_str()))
        .saying("The lowest sentiment of any message of the customer."),
    text("sentiment_change", "Sentiment Change", |i| i.sentiment_change.map(|value| value.as_str())).saying(
        "`improved`, `steady` or `worsened`: the last third of the customer's messages against the first.",
    ),
    texts("tools", "Tools", |i| &i.tools).saying("The tools that were called."),
    texts("failed_tools", "Failed Tools", |i| &i.failed_tools)
        .saying("Those of them with a call that did not work."),
    count("csat", "CSAT", |i| i.csat.map(u64::from)).sorted().saying("Detected satisfaction, 1 to 5."),
    count("rating", "Rating", |i| i.rating.map(u64::from))
        .sorted()
        .saying("What the customer answered when asked, 1 to 5."),
    time("start_time", "Start Time", |i| i.start_time)
        .sorted()
        .saying("When it began: as given, else the earliest message."),
    time("end_time", "End Time", |i| i.end_time).sorted().saying("When it ended."),
    seconds("duration", "Duration", |i| i.duration)
        .sorted()
        .saying("From the start to the end, or to the last message's end while there is none."),
    seconds("first_response", "First Response", |i| i.first_response)
        .sorted()
        .saying("From the end of the customer's first message to the agent's next."),
    seconds("slowest_response", "Slowest Response", |i| i.slowest_response)
        .sorted()
        .saying("The longest that the customer waited for the agent's next message."),
    seconds("longest_silence", "Longest Silence", |i| i.longest_silence)
        .sorted()
        .saying("The longest time of a call in which nobody spoke."),
    count("interruptions", "Interruptions", |i| i.interruptions)
        .sorted()
        .saying("Messages whose speaker was interrupted; missing where no message says either way."),
    count("messages_count", "Messages Count", |i| Some(i.messages_count))
        .sorted()
        .saying("Messages of the customer, the agent and people who took over."),
    count("billable_messages", "Billable Messages", |i| i.billable_messages)
        .sorted()
        .saying("Messages of a chat that are billed."),
    count("billable_minutes", "Billable Minutes", |i| i.billable_minutes)
        .saying("Minutes of a call that are billed."),
    money("total_costs", "Total Costs", |i| i.total_costs.amount)
        .sorted()
        .saying("What it cost, in `currency`."),
    text("currency", "Currency", |i| i.total_costs.currency.as_deref())
        .saying("The currency of its costs, ISO 4217."),
];

/// Scopes of the query language that search words, as opposed to fields, which match whole values.
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
