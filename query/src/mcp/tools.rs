//! What the tools do.

use std::collections::BTreeMap;

use hearken_index::highlight::Place as Found;
use hearken_index::search::FacetCount;
use hearken_model::Message;
use hearken_model::field::nearest;
use rmcp::model::JsonObject;
use serde_json::{Map, Value, json};

use super::invalid;
use super::shortened::{beginning, facts, head, highlights, message};
use crate::http::Caller;
use crate::keys::Permission;
use crate::overview::{INTERVAL_DEFAULT, OverviewAnswer, overview, parse_interval};
use crate::parameters::{FACET_SIZE_MAX, SearchParameters, pairs_of_json};
use crate::problem::Problem;
use crate::search::{self, SearchItem};
use crate::state::AppState;

/// Interactions of a page unless `limit` says otherwise.
const LIMIT_DEFAULT: usize = 10;
/// Messages and details of one interaction that `show` names as matches.
const MATCHES_MAX: usize = 10;
/// Room for the braces, names and numbers of an answer around what it lists.
const FRAME_BYTES: usize = 200;

/// On whose behalf a tool asks, and how long its answer may be.
pub(super) struct Ask<'a> {
    pub(super) state: &'a AppState,
    pub(super) caller: &'a Caller,
    /// Bytes of JSON.
    pub(super) bytes_max: usize,
}

/// Refuses arguments that a tool does not have.
pub(super) fn refuse_unknown(
    arguments: &JsonObject,
    known: Option<&Map<String, Value>>,
) -> Result<(), Problem> {
    let names = || known.into_iter().flat_map(Map::keys).map(String::as_str);
    let Some(unknown) = arguments.keys().find(|name| names().all(|known| known != name.as_str())) else {
        return Ok(());
    };
    let shown: String = unknown.chars().take(64).collect();
    let hint = match nearest(unknown, names()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are {}; fields stand in `filters`", names().collect::<Vec<_>>().join(", ")),
    };
    Err(Problem { hint: Some(hint), ..invalid(unknown, format!("there is no argument `{shown}`")) })
}

impl Ask<'_> {
    pub(super) async fn search(&self, arguments: JsonObject) -> Result<Value, Problem> {
        self.require_search()?;
        let is_limited = arguments.contains_key("limit");
        let mut parameters = parameters(arguments)?;
        if !is_limited {
            parameters.limit = LIMIT_DEFAULT;
        }
        loop {
            let answer = search::search(self.state, parameters.clone(), self.caller).await?;
            let frame = json!({
                "total": answer.total, "notices": answer.notices, "next_cursor": answer.next_cursor, "items": [],
            });
            let room = self.bytes_max.saturating_sub(frame.to_string().len());
            let (items, all_fit) = fitting(answer.items.iter().map(found), room);
            if !all_fit && answer.items.len() > 1 {
                // The cursor stands behind the last interaction that fits, which only another search knows.
                parameters.limit = items.len().max(1);
                continue;
            }
            let mut shown = frame;
            shown["items"] = match answer.items.as_slice() {
                [item] if !all_fit => json!([{"id": item.interaction.id}]),
                _ => items.into(),
            };
            return Ok(without_nothing(shown));
        }
    }

    pub(super) async fn show(&self, arguments: JsonObject) -> Result<Value, Problem> {
        self.caller.require_any(&[Permission::Read, Permission::Metadata])?;
        let text = |name: &str| match arguments.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())), // of a message
            Some(_) => Err(invalid(name, format!("`{name}` is a text"))),
        };
        let id = text("id")?.ok_or_else(|| invalid("id", "`id` is missing"))?;
        let cursor = text("cursor")?;
        let place = cursor.as_deref().map_or(Ok(Place::default()), Place::parse)?;
        let answer = search::interaction(self.state, id, text("q")?, self.caller).await?;

        let interaction = &answer.interaction;
        let mut shown = if cursor.is_some() { json!({"id": interaction.id}) } else { head(interaction) };
        if shown.to_string().len() > self.bytes_max / 2 {
            shown = facts(interaction);
            shown["note"] = "metadata and more are left out: they are too long".into();
        }
        let Some(messages) = interaction.transcript.as_deref() else {
            shown["note"] = "this key may not know what was said".into();
            return Ok(shown);
        };
        if let Some(highlights) = &answer.highlights {
            let number_of = |id: &str| messages.iter().position(|message| message.id == id);
            let matches = highlights.iter().take(MATCHES_MAX).map(|highlight| match &highlight.place {
                Found::Message { message_id, .. } => {
                    json!({"n": number_of(message_id), "fragments": highlight.fragments})
                }
                Found::Detail { field } => {
                    json!({"field": field, "fragments": highlight.fragments})
                }
            });
            shown["matches"] = fitting(matches, self.bytes_max / 4).0.into();
        }
        let room = self.bytes_max.saturating_sub(shown.to_string().len() + FRAME_BYTES);
        let (said, next) = said(messages, place, room);
        shown["messages"] = said.into();
        shown["num_messages"] = messages.len().into();
        if let Some(next) = next {
            shown["next_cursor"] = next.to_string().into();
        }
        Ok(shown)
    }

    pub(super) async fn facets(&self, arguments: JsonObject) -> Result<Value, Problem> {
        self.require_search()?;
        let parameters = SearchParameters { limit: 0, ..parameters(arguments)? };
        if parameters.facets.is_empty() && parameters.ranges.is_empty() {
            return Err(invalid("facets", "`facets` is missing"));
        }
        let answer = search::search(self.state, parameters, self.caller).await?;
        let facets: Map<_, _> =
            answer.facets.into_iter().map(|(name, counts)| (name, json!(counts))).collect();
        Ok(without_nothing(json!({"total": answer.total, "notices": answer.notices, "facets": facets})))
    }

    pub(super) async fn overview(&self, mut arguments: JsonObject) -> Result<Value, Problem> {
        self.require_search()?;
        let interval = arguments.remove("interval").filter(|interval| !interval.is_null());
        let length = match &interval {
            None => INTERVAL_DEFAULT,
            Some(interval) => parse_interval(interval.as_str().unwrap_or_default())?,
        };
        let answer = overview(self.state, parameters(arguments)?, self.caller, length).await?;
        let mut answer = serde_json::to_value(answer).map_err(|error| Problem::internal(&error))?;
        if let (None, Some(answer)) = (interval, answer.as_object_mut()) {
            answer.retain(|name, _| !matches!(name.as_str(), "interval" | "over_time"));
        }
        Ok(answer)
    }

    pub(super) async fn compare(&self, mut arguments: JsonObject) -> Result<Value, Problem> {
        self.require_search()?;
        let (first, second) = (group(&mut arguments, "first")?, group(&mut arguments, "second")?);
        let counted = parameters(arguments)?;
        let of = |group: SearchParameters| {
            // Values are matched over both groups, so that as many as possible are asked for.
            let group =
                SearchParameters { facets: counted.facets.clone(), facet_size: FACET_SIZE_MAX, ..group };
            overview(self.state, group, self.caller, INTERVAL_DEFAULT)
        };
        let (first, second) = (of(first).await?, of(second).await?);
        let facets: Map<_, _> = first
            .facets
            .iter()
            .zip(&second.facets)
            .map(|((name, one), (_, other))| {
                let rows = differences((first.total, one), (second.total, other), counted.facet_size);
                (name.clone(), rows.into())
            })
            .collect();
        Ok(json!({"first": sums(&first)?, "second": sums(&second)?, "facets": facets}))
    }

    fn require_search(&self) -> Result<(), Problem> {
        self.caller.require_any(&[Permission::Search, Permission::Metadata])
    }
}

/// The search parameters that the arguments stand for.
fn parameters(mut arguments: JsonObject) -> Result<SearchParameters, Problem> {
    match arguments.remove("filters") {
        None | Some(Value::Null) => {}
        Some(Value::Object(filters)) => arguments.extend(filters),
        Some(_) => return Err(invalid("filters", "`filters` is an object of values by field")),
    }
    let json = Value::Object(arguments).to_string();
    let (parameters, []) = SearchParameters::parse(pairs_of_json(json.as_bytes())?, [])?;
    Ok(parameters)
}

/// One of the groups that are compared.
fn group(arguments: &mut JsonObject, name: &str) -> Result<SearchParameters, Problem> {
    let Some(Value::Object(group)) = arguments.remove(name) else {
        let detail = format!("`{name}` is an object of `q`, `filters`, `from` and `to`");
        return Err(invalid(name, detail));
    };
    let known = ["q", "filters", "from", "to"].map(|name| (name.to_owned(), Value::Null));
    refuse_unknown(&group, Some(&known.into_iter().collect()))?;
    parameters(group)
}

/// An interaction of a page, with what matched.
fn found(item: &SearchItem) -> Value {
    let mut shown = facts(&item.interaction);
    let matches = highlights(&item.highlights);
    if !matches.is_empty() {
        shown["highlights"] = matches.into();
    }
    shown
}

/// The first values that fit into so many bytes, and whether these are all.
fn fitting(values: impl Iterator<Item = Value>, mut room: usize) -> (Vec<Value>, bool) {
    let mut fitting = Vec::new();
    for value in values {
        let num_bytes = value.to_string().len() + 1;
        if num_bytes > room {
            return (fitting, false);
        }
        room -= num_bytes;
        fitting.push(value);
    }
    (fitting, true)
}

fn without_nothing(mut answer: Value) -> Value {
    if let Some(answer) = answer.as_object_mut() {
        answer.retain(|name, value| name == "items" || !value.is_null() && value != &json!([]));
    }
    answer
}

/// A place in a transcript: a message, and a character of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Place {
    message: usize,
    character: usize,
}

impl Place {
    fn parse(text: &str) -> Result<Self, Problem> {
        let (message, character) = text.split_once('.').unwrap_or((text, "0"));
        match (message.parse(), character.parse()) {
            (Ok(message), Ok(character)) => Ok(Place { message, character }),
            _ => Err(invalid("cursor", "`cursor` is an answer's `next_cursor` or the number of a message")),
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.character {
            0 => write!(f, "{}", self.message),
            character => write!(f, "{}.{character}", self.message),
        }
    }
}

/// The messages from a place on that fit into so many bytes, and where to go on. A message that is too long for an answer
/// of its own is told in parts.
fn said(messages: &[Message], place: Place, mut room: usize) -> (Vec<Value>, Option<Place>) {
    let mut shown = Vec::new();
    for (number, said) in messages.iter().enumerate().skip(place.message) {
        let from = if number == place.message { place.character } else { 0 };
        let start = said.message.char_indices().nth(from).map_or(said.message.len(), |(at, _)| at);
        let text = &said.message[start..];
        let mut row = message(number, said);
        let frame = Value::Object(row.clone()).to_string().len() + r#","message":"#.len() + 1;
        let part = beginning(text, room.saturating_sub(frame));
        let is_whole = part.len() == text.len();
        if !is_whole && !shown.is_empty() {
            return (shown, Some(Place { message: number, character: 0 }));
        }
        row.insert("message".to_owned(), part.into());
        if !is_whole {
            row.insert("goes_on".to_owned(), true.into());
            shown.push(Value::Object(row));
            return (shown, Some(Place { message: number, character: from + part.chars().count() }));
        }
        let row = Value::Object(row);
        let num_bytes = row.to_string().len() + 1;
        if num_bytes > room && !shown.is_empty() {
            return (shown, Some(Place { message: number, character: 0 }));
        }
        room = room.saturating_sub(num_bytes);
        shown.push(row);
    }
    (shown, None)
}

/// How many a group has, and its sums and percentiles.
fn sums(answer: &OverviewAnswer) -> Result<Value, Problem> {
    let distributions = answer.distributions.iter().filter(|(_, distribution)| distribution.count > 0);
    let distributions: Map<_, _> =
        distributions.map(|(name, distribution)| (name.clone(), json!(distribution))).collect();
    Ok(json!({"total": answer.total, "distributions": distributions}))
}

/// The values of a facet in both groups, those first whose share differs most. A count is `null` where a group has too many
/// values to know.
fn differences(first: (u64, &[FacetCount]), second: (u64, &[FacetCount]), rows_max: usize) -> Vec<Value> {
    let by_value = |counts: &[FacetCount]| -> BTreeMap<String, u64> {
        counts.iter().map(|count| (count.value.to_string(), count.count)).collect()
    };
    let of = [first, second].map(|(total, counts)| (total, counts.len() >= FACET_SIZE_MAX, by_value(counts)));
    let mut rows = BTreeMap::new();
    for count in first.1.iter().chain(second.1) {
        let key = count.value.to_string();
        let [one, other] = of.each_ref().map(|(total, is_cut, counts)| {
            let count = counts.get(&key).copied().or((!is_cut).then_some(0));
            (count, count.map(|count| share(count, *total)))
        });
        let difference = (one.1.unwrap_or(0.0) - other.1.unwrap_or(0.0)).abs();
        let row = json!({
            "value": count.value, "first": one.0, "second": other.0, "first_share": one.1, "second_share": other.1,
        });
        rows.insert(key, (difference, row));
    }
    let mut rows: Vec<_> = rows.into_values().collect();
    rows.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    rows.into_iter().take(rows_max).map(|(_, row)| row).collect()
}

/// A part of a whole, to four digits.
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { (part as f64 / whole as f64 * 10_000.0).round() / 10_000.0 }
}
