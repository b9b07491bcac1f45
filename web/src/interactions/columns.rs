//! What the list says of each interaction: cells that can be chosen, in this order.

use hearken_model::field::METADATA_PREFIX;
use hearken_model::{Interaction, Money};
use maud::{Markup, html};

use crate::clock::Clock;
use crate::location::Location;
use crate::{format, labels};

/// What is shown unless the address names others.
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

/// Every cell there is, by the field that it shows first, and its width. Metadata comes beside.
const COLUMNS: [(&str, Width); 26] = [
    ("sentiment", Width::Mark),
    ("csat", Width::Score),
    ("rating", Width::Score),
    ("topic", Width::Text),
    ("agent", Width::Text),
    ("organization", Width::Text),
    ("status", Width::Status),
    ("end_reason", Width::Text),
    ("direction", Width::Mark),
    ("integration", Width::Text),
    ("llm_model", Width::Text),
    ("language", Width::Mark),
    ("country", Width::Text),
    ("city", Width::Text),
    ("ip_address", Width::Text),
    ("browser", Width::Text),
    ("os", Width::Text),
    ("device", Width::Mark),
    ("url_host", Width::Text),
    ("user_id", Width::Text),
    ("caller", Width::Text),
    ("duration", Width::Number),
    ("messages_count", Width::Number),
    ("billable_messages", Width::Number),
    ("total_costs", Width::Amount),
    ("start_time", Width::When),
];

/// Most metadata columns: rows stay rows.
const METADATA_MAX: usize = 8;

/// How much room a cell gets. Rows have no common table, so that they can fold on narrow screens: their cells stand
/// under each other because each has the same share of the same width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Width {
    Mark,
    Status,
    Score,
    Text,
    Number,
    Amount,
    When,
}

impl Width {
    const fn class(self) -> &'static str {
        match self {
            Width::Mark => "w-mark",
            Width::Status => "w-status",
            Width::Score => "w-score",
            Width::Text => "w-text",
            Width::Number => "w-number",
            Width::Amount => "w-amount",
            Width::When => "w-when",
        }
    }
}

/// The chosen columns of an address.
pub(super) struct Columns<'l> {
    chosen: Vec<(&'l str, Width)>,
}

impl<'l> Columns<'l> {
    /// Those that the address names, else the usual ones. Names that nothing is known by are passed over.
    pub(super) fn of(location: &'l Location) -> Self {
        let named: Vec<&str> = location.all("columns").flat_map(|names| names.split(',')).collect();
        let mut chosen: Vec<(&str, Width)> =
            COLUMNS.into_iter().filter(|(name, _)| named.contains(name)).collect();
        let is_metadata =
            |name: &&&str| name.len() > METADATA_PREFIX.len() && name.starts_with(METADATA_PREFIX);
        let metadata = named.iter().filter(is_metadata).take(METADATA_MAX).map(|name| (*name, Width::Text));
        let at = chosen.iter().position(|(_, width)| *width == Width::Number).unwrap_or(chosen.len());
        chosen.splice(at..at, metadata);
        if chosen.is_empty() {
            chosen = COLUMNS.into_iter().filter(|(name, _)| SHOWN.contains(name)).collect();
        }
        Columns { chosen }
    }

    /// Whether a column is shown.
    fn has(&self, name: &str) -> bool {
        self.chosen.iter().any(|(chosen, _)| *chosen == name)
    }

    /// The head of the list: names, which sort where the field can.
    pub(super) fn head(&self, location: &Location, sort: &str) -> Markup {
        html! {
            div.facts.head role="group" aria-label="Columns" {
                @for (name, width) in &self.chosen {
                    @let field = hearken_model::field::field(name);
                    @if field.is_some_and(|field| field.sort) {
                        @let (next, arrow, said) = turned(name, sort);
                        a class=(width.class()) href=(location.set("sort", &next).href("/"))
                            title={ "Sort: " (said) } aria-current=[(!arrow.is_empty()).then_some("true")] {
                            (short(name)) @if !arrow.is_empty() { span aria-hidden="true" { (arrow) } }
                        }
                    } @else {
                        span class=(width.class()) { (short(name)) }
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
        let about = &interaction.topics_summary;
        let text = |value: &Option<String>| plain(name, value.as_deref());
        match name {
            "sentiment" => shown(name, about.sentiment.map(labels::sentiment)),
            "csat" => shown(name, interaction.csat.map(labels::score)),
            "rating" => shown(name, interaction.rating.map(labels::score)),
            "topic" => html! { span.strong { (text(&about.topic)) } },
            "agent" => self.agent(interaction),
            "organization" => text(&interaction.organization),
            "status" => shown(name, interaction.status.map(|status| html! {
                span class={ "status " (status.as_str()) } { (labels::sentence_case(status.as_str())) }
            })),
            "end_reason" => text(&interaction.end_reason),
            "direction" => plain(name, interaction.direction.map(|direction| direction.as_str())),
            "integration" => text(&interaction.integration),
            "llm_model" => text(&interaction.llm_model),
            "language" => text(&interaction.language),
            "country" => {
                let city = interaction.city.as_deref().filter(|_| !self.has("city"));
                several(name, [city, interaction.country.as_deref()], ", ")
            }
            "city" => text(&interaction.city),
            "ip_address" => text(&interaction.ip_address),
            "browser" => {
                let os = interaction.os.as_deref().filter(|_| !self.has("os"));
                several(name, [interaction.browser.as_deref(), os], " · ")
            }
            "os" => text(&interaction.os),
            "device" => text(&interaction.device),
            "url_host" => text(&interaction.url_host),
            "user_id" => text(&interaction.user_id),
            "caller" => text(&interaction.caller),
            "duration" => shown(name, interaction.duration.map(|duration| html! { (format::duration(duration)) })),
            "messages_count" => number(name, Some(interaction.messages_count), ["message", "messages"]),
            "billable_messages" => number(name, interaction.billable_messages, ["billable", "billable"]),
            "total_costs" => {
                let costs = &interaction.total_costs;
                let amount = |amount: Money| html! { (format::money(amount, costs.currency.as_deref())) };
                shown(name, costs.amount.map(amount))
            }
            "start_time" => shown(name, interaction.start_time.map(|start| format::ago(start, clock))),
            name => {
                let key = name.strip_prefix(METADATA_PREFIX).unwrap_or(name);
                plain(name, interaction.metadata.get(key).map(ToString::to_string).as_deref())
            }
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

/// The menu in which columns are chosen. `keys` are metadata keys that are offered.
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
    let names = COLUMNS.iter().map(|(name, _)| *name).chain(metadata.iter().map(String::as_str));
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
                    a.quiet href=(rest.href("/")) { "Usual columns" }
                }
            }
        }
    }
}

/// The order that a click on a column's name asks for, the arrow that tells the present one, and its words.
fn turned(name: &str, sort: &str) -> (String, &'static str, &'static str) {
    match sort.strip_prefix('-') {
        Some(field) if field == name => (name.to_owned(), " ↓", "smallest first"),
        None if sort == name => (format!("-{name}"), " ↑", "largest first"),
        _ => (format!("-{name}"), "", "largest first"),
    }
}

/// A column's name, as short as it is unmistakable.
fn short(name: &str) -> &str {
    match name {
        "billable_messages" => "Billable",
        "country" => "Place",
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

/// A count; its unit is for those who do not see the head of the list.
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
        let location = Location::parse(&format!("columns={}", COLUMNS.map(|(name, _)| name).join(",")));
        let columns = Columns::of(&location);
        assert_eq!(columns.chosen.len(), COLUMNS.len());
        let cells = columns.cells(&Interaction::default(), &Clock::utc(Timestamp::EPOCH)).into_string();
        assert_eq!(cells.matches('–').count(), COLUMNS.len() - 1, "all but the count of messages: {cells}");
        let known = Interaction {
            country: Some("Germany".into()),
            city: Some("Berlin".into()),
            ..Interaction::default()
        };
        let place = |query: &str| {
            Columns::of(&Location::parse(query)).cells(&known, &Clock::utc(Timestamp::EPOCH)).into_string()
        };
        assert!(place("columns=country").contains("Berlin, Germany"));
        assert!(!place("columns=country,city").contains("Berlin, Germany"), "nothing is said twice");
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
        assert!(!head("columns=topic", "-csat").contains("<a"), "what cannot be sorted by is no link");
    }
}
