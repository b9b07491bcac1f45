//! Checks that the API does what its description says.

use std::collections::BTreeSet;

use hearken_model::field::FIELDS;
use hearken_query::problem::CODES;
use serde_json::Value;

use crate::world::{World, encoded, small};

async fn description(world: &World) -> Value {
    world.get("/openapi.json").await.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_filter_and_code_is_described() {
    let api = description(&small()).await;
    let paths = api["paths"].as_object().unwrap();
    let described = paths.iter().flat_map(|(path, methods)| {
        methods.as_object().unwrap().keys().map(move |method| (path.clone(), method.to_uppercase()))
    });
    let routes = hearken_query::http::routes();
    let there_are = routes.table().iter().map(|route| {
        // The paths for ids of all kinds share one address of interactions.
        let path = if route.path == "/v1/interactions/" { "/v1/interactions/{id}" } else { route.path };
        (path.replace("{*", "{"), route.method.to_string())
    });
    assert_eq!(described.collect::<BTreeSet<_>>(), there_are.collect());
    for field in FIELDS {
        let parameter = &api["components"]["parameters"][format!("filter_{}", field.name)];
        assert_eq!(parameter["name"], field.name);
    }
    let sort = api["components"]["parameters"]["sort"]["description"].as_str().unwrap();
    for field in FIELDS.iter().filter(|field| field.sort) {
        assert!(sort.contains(field.name), "{}", field.name);
    }
    let codes: Vec<_> = CODES.iter().map(|(code, ..)| *code).collect();
    assert_eq!(
        api["components"]["schemas"]["Problem"]["properties"]["code"]["enum"],
        serde_json::json!(codes)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn real_answers_fit_their_schemas() {
    let world = small();
    let api = description(&world).await;
    let one = format!("/v1/interactions/{}", encoded("refund/1 ä"));
    for (schema, uri) in [
        ("SearchAnswer", "/v1/interactions?q=refund&facets=csat,country,metadata.plan&limit=1".to_owned()),
        ("SearchAnswer", "/v1/interactions?limit=2".to_owned()),
        ("SearchAnswer", "/v1/interactions?q=refund%20or%20re%3Fund".to_owned()),
        (
            "SearchAnswer",
            "/v1/interactions?ranges=csat:2,4&ranges=total_costs:0.1&ranges=start_time:day".to_owned(),
        ),
        ("Interaction", format!("{one}?q=refund")),
        ("Interaction", one),
        ("Interaction", "/v1/export?id=praise-3".to_owned()),
        ("Overview", "/v1/overview".to_owned()),
        ("Overview", "/v1/overview?ranges=duration:15".to_owned()),
        ("Views", "/v1/views".to_owned()),
        ("Readiness", "/readyz".to_owned()),
        ("SlowestSearches", "/v1/searches/slowest".to_owned()),
        ("Problem", "/v1/interactions?q=contry:x".to_owned()),
        ("Problem", "/nothing".to_owned()),
    ] {
        let answer = world.get(&uri).await.json();
        check(&api, &api["components"]["schemas"][schema], &answer, &uri);
    }
    let receipt = world.post("/v1/erasures", r#"{"q": "refund"}"#).await.json();
    check(&api, &api["components"]["schemas"]["ErasureReceipt"], &receipt, "/v1/erasures");
}

/// The part of JSON Schema that the description uses.
fn check(api: &Value, schema: &Value, value: &Value, at: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        let pointer = reference.strip_prefix('#').unwrap();
        return check(api, api.pointer(pointer).unwrap_or_else(|| panic!("{reference}")), value, at);
    }
    if let Some(alternatives) = schema["oneOf"].as_array() {
        let alternative = &alternatives[usize::from(value.is_null())];
        return check(api, alternative, value, at);
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(name) => vec![name],
        Value::Array(names) => names.iter().map(|name| name.as_str().unwrap()).collect(),
        _ => return,
    };
    let fits = types.iter().any(|name| match *name {
        "null" => value.is_null(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other}"),
    });
    assert!(fits, "{at}: {value} is none of {types:?}");
    if let Some(values) = schema["enum"].as_array() {
        assert!(values.contains(value), "{at}: {value} is none of {values:?}");
    }
    for (idx, item) in value.as_array().into_iter().flatten().enumerate() {
        check(api, &schema["items"], item, &format!("{at}[{idx}]"));
    }
    let Some(object) = value.as_object() else { return };
    for name in schema["required"].as_array().into_iter().flatten() {
        assert!(object.contains_key(name.as_str().unwrap()), "{at}: {name} is missing");
    }
    for (name, value) in object {
        let at = format!("{at}.{name}");
        match (&schema["properties"][name], &schema["additionalProperties"]) {
            (Value::Null, Value::Bool(false)) => panic!("{at} is not described"),
            (Value::Null, additional) => check(api, additional, value, &at),
            (property, _) => check(api, property, value, &at),
        }
    }
}
