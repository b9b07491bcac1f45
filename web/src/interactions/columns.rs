//! The list's cells for an interaction, in order; the reader chooses which to show.

use hearken_model::Interaction;
use hearken_model::field::{FIELDS, Field, FieldAccessor, FieldKind, METADATA_PREFIX, field};
use maud::{Markup, html};

use crate::clock::Clock;
use crate::location::Location;
use crate::{format, labels};

/// Columns shown unless the address names others.
const SHOWN: [&str; 10] = [
    "sentiment",
    "csat",
    "topic",
    "agent",
    "status",
    "country",
    "browser",
    "duration",
    "messages_count",
    "start_time",
];

/// Columns placed before those of other fields, in this order.
const FIRST: [&str; 7] = ["sentiment", "csat", "rating", "topic", "agent", "organization", "status"];

/// Every column by the field that it shows first, and its width. Metadata is added separately.
fn all() -> impl Iterator<Item = (&'static str, Width)> {
    let first = FIRST.iter().filter_map(|name| field(name));
    // Texts, then numbers, then times, so that numbers are next to each other.
    let others = [Width::is_text as fn(Width) -> bool, Width::is_number, Width::is_time]
        .into_iter()
        .flat_map(|is_meant| FIELDS.iter().filter(move |field| is_meant(Width::of(field))));
    first
        .chain(others.filter(|field| !FIRST.contains(&field.name)))
        .map(|field| (field.name, Width::of(field)))
}

/// Most metadata columns, so that rows stay readable.
const METADATA_MAX: usize = 8;

/// The width of a cell. Rows share no table, so that they can fold on narrow screens; their cells line up
/// because each takes the same share of the same width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Width {
    Mark,
    Feeling,
    Status,
    Score,
    Text,
    Number,
    Amount,
    When,
}

impl Width {
    fn of(field: &Field) -> Width {
        match (field.name, field.kind) {
            ("sentiment", _) => Width::Feeling,
            ("direction" | "language" | "device", _) => Width::Mark,
            ("csat" | "rating", _) => Width::Score,
            ("status", _) => Width::Status,
            (_, FieldKind::Keyword) => Width::Text,
            (_, FieldKind::Integer | FieldKind::Seconds) => Width::Number,
            (_, FieldKind::Money) => Width::Amount,
            (_, FieldKind::Time) => Width::When,
        }
    }

    fn is_text(self) -> bool {
        !self.is_number() && !self.is_time()
    }

    fn is_number(self) -> bool {
        matches!(self, Width::Number | Width::Amount)
    }

    fn is_time(self) -> bool {
        self == Width::When
    }

    const fn class(self) -> &'static str {
        match self {
            Width::Mark => "w-mark",
            Width::Feeling => "w-feeling",
            Width::Status => "w-status",
            Width::Score => "w-score",
            Width::Text => "w-text",
            Width::Number => "w-number",
            Width::Amount => "w-amount",
            Width::When => "w-when",
        }
    }
}

/// The columns chosen by an address.
pub(super) struct Columns<'l> {
    chosen: Vec<(&'l str, Width)>,
    /// Decimal places of all costs.
    cost_digits: u32,
}

impl<'l> Columns<'l> {
    /// The columns named by the address, else the default ones. Unknown names are ignored.
    pub(super) fn of(location: &'l Location) -> Self {
        let named: Vec<&str> = location.all("columns").flat_map(|names| names.split(',')).collect();
        let mut chosen: Vec<(&str, Width)> = all().filter(|(name, _)| named.contains(name)).collect();
        let is_metadata =
            |name: &&&str| name.len() > METADATA_PREFIX.len() && name.starts_with(METADATA_PREFIX);
        let metadata = named.iter().filter(is_metadata).take(METADATA_MAX).map(|name| (*name, Width::Text));
        let at = chosen.iter().position(|(_, width)| *width == Width::Number).unwrap_or(chosen.len());
        chosen.splice(at..at, metadata);
        if chosen.is_empty() {
            chosen = all().filter(|(name, _)| SHOWN.contains(name)).collect();
        }
        Columns { chosen, cost_digits: 2 }
    }

    /// The same for a list of these interactions, with the decimal points of their costs aligned.
    pub(super) fn aligned<'i>(self, interactions: impl Iterator<Item = &'i Interaction>) -> Self {
        let amounts = interactions.filter_map(|interaction| interaction.total_costs.amount);
        Columns { cost_digits: format::digits(amounts), ..self }
    }

    /// Whether a column is shown.
    fn has(&self, name: &str) -> bool {
        self.chosen.iter().any(|(chosen, _)| *chosen == name)
    }

    /// The head of the list: column names, which sort if the field can.
    pub(super) fn head(&self, location: &Location, sort: &str) -> Markup {
        html! {
            div.facts.head role="group" aria-label="Columns" {
                @for (name, width) in &self.chosen {
                    @if field(name).is_some_and(|field| field.sort) {
                        @let (next, arrow, said) = turned(name, sort);
                        a class=(width.class()) href=(location.set("sort", &next).href("/"))
                            title={ (labels::field(name)) ", sort: " (said) } aria-current=[(!arrow.is_empty()).then_some("true")] {
                            (short(name)) @if !arrow.is_empty() { span aria-hidden="true" { (arrow) } }
                        }
                    } @else {
                        span class=(width.class()) title=(labels::field(name)) { (short(name)) }
                    }
                }
            }
        }
    }

    /// The cells of one interaction.
    pub(super) fn cells(&self, interaction: &Interaction, clock: &Clock) -> Markup {
        html! {
            div.facts {
                @for (name, width) in &self.chosen {
                    span class=(width.class()) { (self.cell(name, interaction, clock)) }
                }
            }
        }
    }

    fn cell(&self, name: &str, interaction: &Interaction, clock: &Clock) -> Markup {
        let Some(field) = field(name) else {
            let key = name.strip_prefix(METADATA_PREFIX).unwrap_or(name);
            return plain(name, interaction.metadata.get(key).map(ToString::to_string).as_deref());
        };
        let about = &interaction.topics_summary;
        match name {
            "sentiment" => shown(name, about.sentiment.map(|sentiment| {
                labels::feeling(sentiment, interaction.worst_moment, interaction.sentiment_change)
            })),
            "csat" => shown(name, interaction.csat.map(labels::score)),
            "rating" => shown(name, interaction.rating.map(labels::score)),
            "topic" => html! { span.strong { (plain(name, about.topic.as_deref())) } },
            "agent" => self.agent(interaction),
            "status" => shown(name, interaction.status.map(|status| html! {
                span class={ "status " (status.as_str()) } { (labels::sentence_case(status.as_str())) }
            })),
            "country" => {
                let city = interaction.city.as_deref().filter(|_| !self.has("city"));
                several(name, [city, interaction.country.as_deref()], ", ")
            }
            "browser" => {
                let os = interaction.os.as_deref().filter(|_| !self.has("os"));
                several(name, [interaction.browser.as_deref(), os], " · ")
            }
            "messages_count" => number(name, Some(interaction.messages_count), ["message", "messages"]),
            "billable_messages" => number(name, interaction.billable_messages, ["billable", "billable"]),
            _ => match field.reading {
                FieldAccessor::Text(read) => plain(name, read(interaction)),
                FieldAccessor::Texts(read) => plain(name, Some(read(interaction).join(", ").as_str())),
                FieldAccessor::Count(read) => shown(name, read(interaction).map(|count| html! { (format::count(count)) })),
                FieldAccessor::Seconds(read) => {
                    shown(name, read(interaction).map(|seconds| html! { (format::duration(seconds)) }))
                }
                FieldAccessor::Money(read) => {
                    let currency = interaction.total_costs.currency.as_deref();
                    shown(name, read(interaction).map(|amount| html! { (format::money_of(amount, currency, self.cost_digits)) }))
                }
                FieldAccessor::Time(read) => shown(name, read(interaction).map(|instant| format::ago(instant, clock))),
            },
        }
    }

    fn agent(&self, interaction: &Interaction) -> Markup {
        let organization = interaction.organization.as_deref().filter(|_| !self.has("organization"));
        html! {
            @if let Some(kind) = interaction.interaction_type {
                span.kind title=(labels::sentence_case(kind.as_str())) { (labels::icon(kind.as_str())) }
                span.visually-hidden { (labels::sentence_case(kind.as_str())) " with " }
            }
            bdi.strong { (interaction.agent.as_deref().unwrap_or("–")) }
            @if let Some(organization) = organization { " " bdi { (organization) } }
        }
    }
}

/// The menu of columns. `keys` are the metadata keys to offer.
pub(super) fn menu<'k>(location: &Location, keys: impl Iterator<Item = &'k str>) -> Markup {
    let columns = Columns::of(location);
    let rest = location.without("columns");
    let mut metadata: Vec<String> = keys.map(|key| format!("{METADATA_PREFIX}{key}")).collect();
    metadata.extend(
        columns
            .chosen
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .filter(|name| name.starts_with(METADATA_PREFIX)),
    );
    metadata.sort_unstable();
    metadata.dedup();
    let names = all().map(|(name, _)| name).chain(metadata.iter().map(String::as_str));
    html! {
        details #columns.menu.end {
            summary { "Columns" }
            form.choice action="/" method="get" {
                @for (name, value) in rest.pairs() { input type="hidden" name=(name) value=(value); }
                div.checks { @for name in names {
                    label { input type="checkbox" name="columns" value=(name) checked[columns.has(name)]; bdi { (labels::field(name)) } }
                } }
                div.between {
                    button.primary type="submit" { "Show" }
                    a.quiet href=(rest.href("/")) { "Reset columns" }
                }
            }
        }
    }
}

/// The order that a click on a column's name asks for, the arrow of the current order, and its description.
fn turned(name: &str, sort: &str) -> (String, &'static str, &'static str) {
    match sort.strip_prefix('-') {
        Some(field) if field == name => (name.to_owned(), " ↓", "smallest first"),
        None if sort == name => (format!("-{name}"), " ↑", "largest first"),
        _ => (format!("-{name}"), "", "largest first"),
    }
}

/// A column's shortest unambiguous name.
fn short(name: &str) -> &str {
    match name {
        "billable_messages" => "Billable",
        "llm_model" => "Model",
        "messages_count" => "Messages",
        "start_time" => "Start",
        "total_costs" => "Costs",
        _ => match labels::field(name) {
            std::borrow::Cow::Borrowed(label) => label,
            std::borrow::Cow::Owned(_) => name,
        },
    }
}

fn shown(name: &str, content: Option<Markup>) -> Markup {
    match content {
        Some(content) => content,
        None => html! { span.none title={ (labels::field(name)) " is not available" } { "–" } },
    }
}

fn plain(name: &str, value: Option<&str>) -> Markup {
    let cell = |value: &str| {
        let value = labels::value(name, value);
        html! { bdi title=(value) { (value) } }
    };
    shown(name, value.filter(|value| !value.is_empty()).map(cell))
}

/// A count; its unit is for readers who do not see the head of the list.
fn number(name: &str, value: Option<u64>, [one, several]: [&str; 2]) -> Markup {
    let unit = |value| if value == 1 { one } else { several };
    shown(name, value.map(|value| html! { (format::count(value)) span.unit { " " (unit(value)) } }))
}

fn several(name: &str, values: [Option<&str>; 2], between: &str) -> Markup {
    let known: Vec<&str> = values.into_iter().flatten().collect();
    plain(name, Some(known.join(between)).as_deref())
}

#[cfg(test)]
mod tests {
    use hearken_model::Timestamp;

    use super::*;

    fn names(query: &str) -> String {
        let location = Location::parse(query);
        let columns = Columns::of(&location);
        columns.chosen.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_address_names_the_columns_and_unknown_names_are_passed_over() {
        assert_eq!(names(""), SHOWN.join(" "));
        assert_eq!(names("columns=nonsense"), SHOWN.join(" "));
        assert_eq!(names("columns=start_time&columns=csat&columns=x"), "csat start_time");
        assert_eq!(names("columns=metadata.plan,duration,topic"), "topic metadata.plan duration");
    }

    #[test]
    fn every_column_shows_its_field_and_says_what_is_missing() {
        let names: Vec<_> = FIELDS.iter().map(|field| field.name).collect();
        let location = Location::parse(&format!("columns={}", names.join(",")));
        let columns = Columns::of(&location);
        assert_eq!(columns.chosen.len(), FIELDS.len());
        let cells = columns.cells(&Interaction::default(), &Clock::utc(Timestamp::EPOCH)).into_string();
        assert_eq!(cells.matches('–').count(), FIELDS.len() - 1, "all but the count of messages: {cells}");
        let known = Interaction {
            country: Some("Germany".into()),
            city: Some("Berlin".into()),
            ..Interaction::default()
        };
        let place = |query: &str| {
            Columns::of(&Location::parse(query)).cells(&known, &Clock::utc(Timestamp::EPOCH)).into_string()
        };
        assert!(place("columns=country").contains("Berlin, Germany"));
        assert!(!place("columns=country,city").contains("Berlin, Germany"), "no value is repeated");
    }

    #[test]
    fn the_head_sorts_and_turns_the_order() {
        let head = |query: &str, sort: &str| {
            let location = Location::parse(query);
            Columns::of(&location).head(&location, sort).into_string()
        };
        assert!(
            head("q=x&columns=csat", "relevance").contains("href=\"/?q=x&amp;columns=csat&amp;sort=-csat\"")
        );
        assert!(head("columns=csat", "-csat").contains("sort=csat\""));
        assert!(!head("columns=topic", "-csat").contains("<a"), "an unsortable column has no link");
    }
}
