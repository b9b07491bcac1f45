//! A row in the table of fields is enough for every surface to know the field.

use hearken_model::Interaction;
use hearken_model::field::{FIELDS, FieldAccessor, FieldKind};
use serde_json::{Value, json};

use crate::world::{encoded, small};

/// The table that the documentation must have.
fn documented() -> String {
    let mut table = String::from(
        "# Fields\n\n\
         Every field can be a filter (`country=Germany`) and a scope of the query language (`country:Germany`); numbers\n\
         and times take ranges (`csat:<=2`). This table follows from `model/src/field.rs`, and a test compares them.\n\
         `metadata.<key>` is a filter, a facet and a scope for every key there is.\n\n\
         | field | name on the pages | holds | facet | sort | meaning |\n|---|---|---|---|---|---|\n",
    );
    for field in FIELDS {
        let holds = match (field.kind, field.reading) {
            (_, FieldAccessor::Texts(_)) => "texts",
            (FieldKind::Keyword, _) => "text",
            (FieldKind::Integer, _) => "whole number",
            (FieldKind::Seconds, _) => "seconds",
            (FieldKind::Money, _) => "amount",
            (FieldKind::Time, _) => "time",
        };
        let [facet, sort] = [field.facet, field.sort].map(|is_so| if is_so { "yes" } else { "" });
        let row = [&format!("`{}`", field.name), field.label, holds, facet, sort, field.description];
        table.push_str(&format!("| {} |\n", row.join(" | ")));
    }
    table
}

#[test]
fn the_documentation_has_the_table() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/fields.md");
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    if written != documented() && std::env::var_os("HEARKEN_WRITE_DOCS").is_some() {
        std::fs::write(&path, documented()).unwrap();
        return;
    }
    assert!(written == documented(), "docs/fields.md is not the table; run this with HEARKEN_WRITE_DOCS=1");
}

#[test]
fn every_row_says_what_it_is() {
    for (at, field) in FIELDS.iter().enumerate() {
        assert!(FIELDS[..at].iter().all(|other| other.name != field.name && other.label != field.label));
        assert!(field.description.ends_with('.') && !field.description.contains('|'), "{}", field.name);
        assert!(field.label.starts_with(char::is_uppercase), "{}", field.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_filters_counts_sorts_and_is_shown_and_exported() {
    let world = small();
    let shown = serde_json::to_value(Interaction::default()).unwrap();
    let csv = world.get("/v1/export?format=csv").await.text();
    let columns: Vec<_> = csv.lines().next().unwrap().trim_start_matches('\u{feff}').split(',').collect();
    for field in FIELDS {
        let name = field.name;
        let parts = [&shown, &shown["topics_summary"], &shown["total_costs"]];
        assert!(parts.iter().any(|part| part.get(name).is_some()), "{name} is not shown");
        assert!(columns.contains(&name), "{name} is not exported");

        let all = world.get("/v1/interactions?limit=0").await.json()["total"].as_u64().unwrap();
        let total = |answer: Value| answer["total"].as_u64().unwrap();
        let has = total(world.get(&format!("/v1/interactions?q={name}:*&limit=0")).await.json());
        let has_not = total(world.get(&format!("/v1/interactions?{name}=&limit=0")).await.json());
        assert_eq!(has + has_not, all, "{name}");

        let facet = world.get(&format!("/v1/interactions?facets={name}&facet_size=1000&limit=0")).await;
        assert_eq!(facet.status.is_success(), field.facet, "{name}");
        if field.facet {
            for counted in facet.json()["facets"][name].as_array().unwrap() {
                let value = match &counted["value"] {
                    Value::Null => String::new(),
                    Value::String(text) => encoded(text),
                    other => other.to_string(),
                };
                let found =
                    total(world.get(&format!("/v1/interactions?{name}={value}&limit=0")).await.json());
                assert_eq!(json!(found), counted["count"], "{name}={value}");
            }
        }
        let sorted = world.get(&format!("/v1/interactions?sort=-{name}")).await;
        assert_eq!(sorted.status.is_success(), field.sort, "{name}");
        let ranges = match field.kind {
            FieldKind::Time => "day",
            _ => "2,4",
        };
        let counted = world.get(&format!("/v1/interactions?ranges={name}:{ranges}&limit=0")).await;
        assert_eq!(counted.status.is_success(), field.is_number(), "{name}");
    }
}
