//! CSV: every row is a message.

use std::io::BufRead;

use anyhow::{Context as _, bail};
use serde_json::{Map, Value};

use super::Items;
use super::transcript::role_of;

/// Fields whose values are integers, numbers or booleans; all others are text.
const INTEGERS: &[&str] = &["offset_ms", "end_offset_ms"];
const NUMBERS: &[&str] = &["sentiment_score", "confidence"];
const BOOLEANS: &[&str] = &["billable", "interrupted"];
/// Fields that a message needs.
const REQUIRED: [&str; 3] = ["interaction_id", "role", "message"];

/// Maps CSV columns to fields of a message event. A column with a field's name needs no mapping.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mapping {
    /// Field and column.
    pub columns: Vec<(String, String)>,
    /// Field and its value in every row.
    pub constants: Vec<(String, String)>,
}

pub(super) fn items(text: Box<dyn BufRead>, mapping: &Mapping, stem: &str) -> anyhow::Result<Items> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::Headers).from_reader(text);
    let headers: Vec<String> =
        reader.headers().context("cannot read the first row")?.iter().map(str::to_owned).collect();
    let mut fields: Vec<(String, usize)> = Vec::new();
    for (field, column) in &mapping.columns {
        let Some(at) = headers.iter().position(|header| header == column) else {
            bail!("there is no column `{column}` for `{field}`; the file has {}", headers.join(", "));
        };
        fields.push((field.clone(), at));
    }
    let is_mapped = |name: &str, fields: &[(String, usize)]| fields.iter().any(|(field, _)| field == name);
    for (at, header) in headers.iter().enumerate() {
        if !header.is_empty()
            && !is_mapped(header, &fields)
            && !mapping.columns.iter().any(|(_, column)| column == header)
        {
            fields.push((header.clone(), at));
        }
    }
    let constants = mapping.constants.clone();
    for name in REQUIRED {
        if !is_mapped(name, &fields) && !constants.iter().any(|(field, _)| field == name) {
            bail!(
                "no column is named `{name}`; name one with `--map {name}=COLUMN`; the file has {}",
                headers.join(", ")
            );
        }
    }
    let stem = stem.to_owned();
    let mut row = 0_u64;
    let mut records = reader.into_records();
    Ok(Box::new(std::iter::from_fn(move || {
        let record = match records.next()? {
            Ok(record) => record,
            Err(error) if error.is_io_error() => return Some(Err(error.into())),
            Err(error) => return Some(Ok(Err(format!("not CSV: {error}")))),
        };
        row += 1;
        let values = fields.iter().filter_map(|(field, at)| Some((field.as_str(), record.get(*at)?)));
        let constants = constants.iter().map(|(field, value)| (field.as_str(), value.as_str()));
        let mut event = event(constants.chain(values));
        event.entry("message_id").or_insert_with(|| Value::from(format!("{stem}:{row}")));
        Some(Ok(Ok(Value::from(event).to_string().into_bytes())))
    })))
}

fn event<'a>(values: impl Iterator<Item = (&'a str, &'a str)>) -> Map<String, Value> {
    let mut event = Map::new();
    let mut metadata = Map::new();
    event.insert("event".to_owned(), Value::from("interaction.message"));
    for (field, text) in values.filter(|(_, text)| !text.is_empty()) {
        match field.strip_prefix("metadata.") {
            Some(key) => drop(metadata.insert(key.to_owned(), Value::from(text))),
            None => drop(event.insert(field.to_owned(), value_of(field, text))),
        }
    }
    if !metadata.is_empty() {
        event.insert("metadata".to_owned(), Value::from(metadata));
    }
    event
}

/// Text of the wrong type stays text, so that the event is rejected with the proper rule.
fn value_of(field: &str, text: &str) -> Value {
    let as_text = || Value::from(text);
    match field {
        "role" => Value::from(role_of(text).unwrap_or(text)),
        _ if INTEGERS.contains(&field) => text.trim().parse::<i64>().map_or_else(|_| as_text(), Value::from),
        _ if NUMBERS.contains(&field) => text.trim().parse::<f64>().map_or_else(|_| as_text(), Value::from),
        _ if BOOLEANS.contains(&field) => text.trim().parse::<bool>().map_or_else(|_| as_text(), Value::from),
        _ => as_text(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Cursor;

    use serde_json::json;

    use super::*;

    fn read(text: &str, mapping: &Mapping) -> anyhow::Result<Vec<Value>> {
        let items = items(Box::new(Cursor::new(text.to_owned())), mapping, "calls")?;
        Ok(items.map(|item| serde_json::from_slice(&item.unwrap().unwrap()).unwrap()).collect())
    }

    #[test]
    fn columns_are_fields_by_name_or_by_mapping() {
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        let mapping = Mapping {
            columns: vec![
                pair("interaction_id", "Conversation"),
                pair("message", "Text"),
                pair("role", "Who"),
            ],
            constants: vec![pair("agent", "Ada")],
        };
        let text = "Conversation,Who,Text,offset_ms,metadata.plan,note\nc-1,Customer,\"Hi, \nyou\",1500,pro,\nc-1,Bot,Hello,,,x\n";
        let wanted = [
            json!({"event": "interaction.message", "agent": "Ada", "interaction_id": "c-1", "message": "Hi, \nyou",
                "role": "user", "offset_ms": 1500, "metadata": {"plan": "pro"}, "message_id": "calls:1"}),
            json!({"event": "interaction.message", "agent": "Ada", "interaction_id": "c-1", "message": "Hello",
                "role": "assistant", "note": "x", "message_id": "calls:2"}),
        ];
        assert_eq!(read(text, &mapping).unwrap(), wanted);
    }

    #[test]
    fn a_missing_column_is_named_with_the_existing_ones() {
        let error = read("a,role,message\n", &Mapping::default()).unwrap_err().to_string();
        assert!(
            error.contains("--map interaction_id=COLUMN") && error.contains("a, role, message"),
            "{error}"
        );
        let columns = vec![("role".to_owned(), "nobody".to_owned())];
        let error = read("a\n", &Mapping { columns, ..Mapping::default() }).unwrap_err().to_string();
        assert!(error.contains("no column `nobody` for `role`"), "{error}");
    }
}
