//! The tools and resources as callers see them: names, descriptions and argument schemas.

use std::sync::{Arc, LazyLock};

use percent_encoding::percent_decode_str;
use rmcp::model::{JsonObject, ResourceTemplate, Tool, ToolAnnotations};
use serde_json::{Map, Value, json};

use super::{TOKENS_DEFAULT, TOKENS_MAX, TOKENS_MIN};

/// The address of an interaction, as an RFC 6570 URI template.
pub(super) const INTERACTION: &str = "hearken://interactions/{id}{?cursor}";

/// An interaction as a resource.
pub(super) fn interaction() -> ResourceTemplate {
    ResourceTemplate::new(INTERACTION, "interaction")
        .with_description(
            "One interaction: its facts, then its messages in order, as many as fit. `next_cursor` leads to the rest.",
        )
        .with_mime_type("application/json")
}

/// The arguments of `show` for an address of the form [`INTERACTION`]; `None` for any other.
pub(super) fn read_address(uri: &str) -> Option<JsonObject> {
    let rest = uri.strip_prefix("hearken://interactions/")?;
    let (id, query) = rest.split_once('?').unwrap_or((rest, ""));
    let id = percent_decode_str(id).decode_utf8().ok()?;
    let mut arguments = JsonObject::from_iter([("id".to_owned(), Value::from(id))]);
    match query.strip_prefix("cursor=") {
        Some(cursor) => drop(arguments.insert("cursor".to_owned(), cursor.into())),
        None if query.is_empty() => {}
        None => return None,
    }
    Some(arguments)
}

/// Every tool.
pub(super) static TOOLS: LazyLock<Vec<Tool>> = LazyLock::new(|| {
    let selection = [q(), filters(), from(), to(), tz()];
    let more_rows = cursor(
        "For the rows that did not fit: an earlier answer's `next_cursor`; every other argument must be unchanged.",
    );
    let counts = [facets(), facet_size(), ranges(), more_rows.clone()];
    let search = [
        sort(),
        limit(),
        cursor("An earlier answer's `next_cursor`; every other argument must be unchanged."),
    ];
    let two = [group("first"), group("second")];
    vec![
        tool(
            "search",
            "Find interactions: a page of facts, with the messages that match. `total` is exact; `next_cursor` leads to \
             the next page; `show` reads one of the ids.",
            &[],
            selection.iter().chain(&search),
        ),
        tool(
            "show",
            "Read one interaction: its facts, then its messages in order, as many as fit. `next_cursor` leads to the \
             rest; a cursor is the number of a message, so you can jump to any message.",
            &["id"],
            [
                id(),
                ("q", json!({"type": "string", "description": "Lists the messages that match this query in `matches`; continue with the cursor `next_match`."})),
                cursor("Where to continue: an earlier answer's `next_cursor`, or a message's number `n`."),
            ]
            .iter(),
        ),
        tool(
            "facets",
            "Count interactions by the values of fields, most frequent first. Counts are exact; a facet leaves out its \
             own filter; `null` counts those without a value. `next_cursor` leads to the rows that did not fit.",
            &["facets"],
            selection.iter().chain(&counts),
        ),
        tool(
            "overview",
            "Sum up a group of interactions: how many, by sentiment, CSAT, country, agent, model and topic (or `facets`), \
             and sums and percentiles of costs, durations and waiting times. `next_cursor` leads to the rows that did not \
             fit.",
            &[],
            selection.iter().chain(&counts).chain(&[interval()]),
        ),
        tool(
            "compare",
            "Compare two groups of interactions, for instance two versions of an agent or two weeks: the sums and \
             percentiles of each, and the values whose share differs most. `next_cursor` leads to the rows that did not fit.",
            &["first", "second"],
            two.iter().chain(&counts[..2]).chain(&[more_rows]),
        ),
    ]
});

type Property = (&'static str, Value);

fn tool<'p>(
    name: &'static str,
    description: &'static str,
    required: &[&str],
    properties: impl Iterator<Item = &'p Property>,
) -> Tool {
    let mut all: Map<String, Value> =
        properties.map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    all.insert(
        "max_tokens".to_owned(),
        json!({
            "type": "integer", "minimum": TOKENS_MIN, "maximum": TOKENS_MAX, "default": TOKENS_DEFAULT,
            "description": "Longest answer in tokens; a token counts as four bytes.",
        }),
    );
    let schema = Map::from_iter([
        ("type".to_owned(), json!("object")),
        ("properties".to_owned(), Value::Object(all)),
        ("required".to_owned(), json!(required)),
        ("additionalProperties".to_owned(), json!(false)),
    ]);
    let reads = ToolAnnotations::new().read_only(true).destructive(false).idempotent(true).open_world(false);
    Tool::new(name, description, Arc::new(schema)).with_annotations(reads)
}

fn q() -> Property {
    let description = "What to search for; without it, everything. Words are all required, in any English form; \
        \"exact phrase\", AND, OR, NOT, parentheses, refun*, refnud~1. Scopes: user:, assistant:, topic:, summary:, or a \
        field, such as csat:<=2, duration:[60 TO 300], agent:\"Ada L\", metadata.plan:pro, -csat:* for missing.";
    ("q", json!({"type": "string", "description": description}))
}

fn filters() -> Property {
    let description = "Only interactions whose field has this value, or one of these, by field: {\"country\": \
        [\"Germany\", \"France\"], \"sentiment\": \"negative\"}. `-field` excludes, null means missing, and numbers take \
        ranges: {\"csat\": \"<=2\"}. Fields include organization, agent, agent_version, llm_model, type, status, \
        end_reason, direction, language, country, city, device, sentiment, topic, keywords, tools, failed_tools, csat, \
        rating, duration, messages_count, total_costs, currency and metadata.<key>.";
    // One branch per type, because clients that translate schemas for another model provider do not support lists of
    // types.
    let one = ["string", "number", "boolean", "null"].map(|name| json!({"type": name}));
    let many = json!({"type": "array", "items": {"anyOf": one}});
    let value = json!({"anyOf": [one[0], one[1], one[2], one[3], many]});
    ("filters", json!({"type": "object", "additionalProperties": value, "description": description}))
}

fn from() -> Property {
    (
        "from",
        json!({"type": "string", "description": "Active at or after this time, such as 2026-05-01T00:00:00Z."}),
    )
}

fn to() -> Property {
    ("to", json!({"type": "string", "description": "Active before this time."}))
}

fn tz() -> Property {
    (
        "tz",
        json!({"type": "string", "description": "The time zone of days and weeks, such as Europe/Berlin."}),
    )
}

fn sort() -> Property {
    let description = "Order: relevance, or fields such as -start_time or csat,-duration. By default relevance where the \
        query has words, else newest first.";
    ("sort", json!({"type": "string", "description": description}))
}

fn limit() -> Property {
    (
        "limit",
        json!({"type": "integer", "minimum": 1, "maximum": 100, "default": 10, "description": "Most interactions per page."}),
    )
}

fn cursor(description: &str) -> Property {
    ("cursor", json!({"type": "string", "description": description}))
}

fn id() -> Property {
    ("id", json!({"type": "string", "description": "The interaction's id."}))
}

fn facets() -> Property {
    let items = json!({"type": "string"});
    (
        "facets",
        json!({"type": "array", "items": items, "description": "The fields whose values are counted, such as country or metadata.plan."}),
    )
}

fn facet_size() -> Property {
    (
        "facet_size",
        json!({"type": "integer", "minimum": 1, "maximum": 1000, "default": 10, "description": "Most values per field."}),
    )
}

fn ranges() -> Property {
    let items = json!({"type": "string"});
    let description = "Counts by ranges: duration:60,300,900 or start_time:day.";
    ("ranges", json!({"type": "array", "items": items, "description": description}))
}

fn interval() -> Property {
    let description = "Also counts over time, by minute, hour, day, week, or a number with m, h, d or w.";
    ("interval", json!({"type": "string", "description": description}))
}

/// One of the groups to compare.
fn group(name: &'static str) -> Property {
    let properties: Map<String, Value> =
        [q(), filters(), from(), to()].into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
    let description = "A group of interactions.";
    (
        name,
        json!({"type": "object", "properties": properties, "additionalProperties": false, "description": description}),
    )
}
