//! The OpenAPI 3.1 description of the API: `openapi.json`, completed from the table of fields.

use std::sync::LazyLock;

use hearken_model::field::{FIELDS, Field, FieldAccessor, FieldKind};
use serde_json::{Value, json};

const WRITTEN: &str = include_str!("openapi.json");

/// Placeholder among a route's parameters for the filters of all fields.
const FILTERS: &str = "#/components/parameters/filters";

static DESCRIPTION: LazyLock<String> = LazyLock::new(|| {
    let mut api: Value =
        serde_json::from_str(WRITTEN).expect("openapi.json is JSON, as every test of it checks");
    add_filters(&mut api);
    for schema in ["SearchItem", "Interaction"] {
        add_properties(&mut api["components"]["schemas"][schema]);
    }
    format!("{api:#}\n")
});

/// The JSON text.
pub(super) fn description() -> &'static str {
    &DESCRIPTION
}

fn add_filters(api: &mut Value) {
    let operations = api["paths"].as_object_mut().into_iter().flat_map(|paths| paths.values_mut());
    for operation in operations.filter_map(Value::as_object_mut).flat_map(|methods| methods.values_mut()) {
        let Some(parameters) = operation.get_mut("parameters").and_then(Value::as_array_mut) else {
            continue;
        };
        if let Some(at) = parameters.iter().position(|parameter| parameter["$ref"] == FILTERS) {
            let filters = FIELDS
                .iter()
                .map(|field| json!({"$ref": format!("#/components/parameters/filter_{}", field.name)}));
            parameters.splice(at..=at, filters);
        }
    }
    let parameters = &mut api["components"]["parameters"];
    for (name, fields) in [
        ("facets", named(|field| field.facet)),
        ("ranges", named(|field| field.is_number() && field.kind != FieldKind::Time)),
        ("sort", named(|field| field.sort)),
    ] {
        if let Value::String(description) = &mut parameters[name]["description"] {
            *description = description.replace("{fields}", &fields);
        }
    }
    for field in FIELDS {
        parameters[format!("filter_{}", field.name)] = json!({
            "name": field.name,
            "in": "query",
            "description": filter_description(field),
            "schema": {"type": "array", "items": {"type": "string"}},
            "style": "form",
            "explode": true,
        });
    }
}

fn named(is_meant: impl Fn(&Field) -> bool) -> String {
    let names: Vec<_> = FIELDS.iter().filter(|field| is_meant(field)).map(|field| field.name).collect();
    names.join(", ")
}

fn filter_description(field: &Field) -> String {
    let name = field.name;
    let example = match field.kind {
        FieldKind::Keyword => None,
        FieldKind::Integer => Some("[2 TO 4}"),
        FieldKind::Seconds => Some("[60 TO 300}"),
        FieldKind::Money => Some("[0.05 TO 0.1}"),
        FieldKind::Time => Some("[2026-05-01T00:00:00Z TO 2026-05-02T00:00:00Z}"),
    };
    let values = match example {
        None => format!("Only interactions with one of these values of `{name}`"),
        Some(example) => format!(
            "Only interactions whose `{name}` is one of these values or lies in one of these ranges, as the query \
             language writes them behind `{name}:`, for instance `{example}`"
        ),
    };
    format!("{values}; repeat it for any-of, an empty value means missing, `-{name}=…` excludes.")
}

/// Adds the fields that `openapi.json` does not spell out, with their descriptions.
fn add_properties(schema: &mut Value) {
    for field in FIELDS {
        let is_inside = |part: &str| schema["properties"][part]["properties"].get(field.name).is_some();
        if is_inside("topics_summary") || is_inside("total_costs") {
            continue;
        }
        let property = &mut schema["properties"][field.name];
        if property.is_null() {
            *property = match field.reading {
                FieldAccessor::Text(_) => json!({"type": ["string", "null"]}),
                FieldAccessor::Texts(_) => json!({"type": "array", "items": {"type": "string"}}),
                FieldAccessor::Count(_) => json!({"type": ["integer", "null"]}),
                FieldAccessor::Seconds(_) => json!({"type": ["number", "null"]}),
                FieldAccessor::Money(_) => json!({"type": ["string", "null"]}),
                FieldAccessor::Time(_) => json!({"type": ["string", "null"], "format": "date-time"}),
            };
        }
        let unit = if field.kind == FieldKind::Seconds { " Seconds." } else { "" };
        property["description"] = format!("{}{unit}", field.description).into();
        if let Some(required) = schema["required"].as_array_mut()
            && !required.iter().any(|name| name == field.name)
        {
            required.push(field.name.into());
        }
    }
}
