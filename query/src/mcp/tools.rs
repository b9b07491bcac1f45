//! The implementation of the tools.

use std::collections::{BTreeMap, HashMap};

use hearken_index::highlight::{Highlight, HighlightPlace};
use hearken_index::search::FacetCount;
use hearken_model::Message;
use hearken_model::field::nearest;
use rmcp::model::JsonObject;
use serde_json::{Map, Value, json};

use super::shortened::{beginning, count, facts, head, highlights, message};
use super::{invalid, too_long};
use crate::http::Caller;
use crate::keys::Permission;
use crate::overview::{INTERVAL_DEFAULT, OverviewAnswer, overview, parse_interval};
use crate::parameters::{FACET_SIZE_MAX, SearchParameters, pairs_of_json};
use crate::problem::Problem;
use crate::search::{self, SearchItem};
use crate::state::AppState;

/// Interactions per page unless `limit` says otherwise.
const LIMIT_DEFAULT: usize = 10;
/// Most matching messages and details that `show` lists.
const MATCHES_MAX: usize = 10;
/// The name of the counts over time, listed besides those of fields.
const OVER_TIME: &str = "over_time";
/// Room for the braces, names and numbers around an answer's lists.
const FRAME_BYTES: usize = 200;

/// On whose behalf a tool asks, and how long its answer may be.
pub(super) struct Ask<'a> {
    pub(super) state: &'a AppState,
    pub(super) caller: &'a Caller,
    /// Size limit in bytes of JSON.
    pub(super) bytes_max: usize,
}

/// Refuses arguments that the tool does not have.
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
        None => {
            format!("the arguments are {}; fields go into `filters`", names().collect::<Vec<_>>().join(", "))
        }
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
                // The cursor must point after the last interaction that fits, which takes another search.
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
            Some(Value::Number(number)) => Ok(Some(number.to_string())), // a message's number
            Some(_) => Err(invalid(name, format!("`{name}` must be a text"))),
        };
        let id = text("id")?.ok_or_else(|| invalid("id", "`id` is missing"))?;
        let place = text("cursor")?.as_deref().map(Continuation::parse).transpose()?;
        let answer = search::interaction(self.state, id, text("q")?, self.caller).await?;

        let interaction = &answer.interaction;
        let mut shown = if place.is_some() { json!({"id": interaction.id}) } else { head(interaction) };
        if shown.to_string().len() > self.bytes_max / 2 {
            shown = facts(interaction);
            shown["note"] = "metadata and more are left out: they are too long".into();
        }
        let Some(messages) = interaction.transcript.as_deref() else {
            shown["note"] = "this key does not permit reading what was said".into();
            return Ok(shown);
        };
        if let Some(highlights) = &answer.highlights {
            let room = self.bytes_max / 4;
            let (matches, next) = matches(highlights, messages, place, room);
            shown["matches"] = matches.into();
            if let Some(next) = next {
                shown["next_match"] = next.into();
            }
        }
        let room = self.bytes_max.saturating_sub(shown.to_string().len() + FRAME_BYTES);
        let (said, next) = said(messages, place.unwrap_or_default(), room);
        shown["messages"] = said.into();
        shown["num_messages"] = messages.len().into();
        if let Some(next) = next {
            shown["next_cursor"] = next.to_string().into();
        }
        Ok(shown)
    }

    pub(super) async fn facets(&self, mut arguments: JsonObject) -> Result<Value, Problem> {
        self.require_search()?;
        let place = place(&mut arguments)?;
        let parameters = SearchParameters { limit: 0, ..parameters(arguments)? };
        if parameters.facets.is_empty() && parameters.ranges.is_empty() {
            return Err(invalid("facets", "`facets` is missing"));
        }
        let answer = search::search(self.state, parameters, self.caller).await?;
        let frame = without_nothing(json!({"total": answer.total, "notices": answer.notices}));
        self.page(frame, lists(&answer.facets), place)
    }

    pub(super) async fn overview(&self, mut arguments: JsonObject) -> Result<Value, Problem> {
        self.require_search()?;
        let place = place(&mut arguments)?;
        let interval = arguments.remove("interval").filter(|interval| !interval.is_null());
        let length = match &interval {
            None => INTERVAL_DEFAULT,
            Some(interval) => parse_interval(interval.as_str().unwrap_or_default())?,
        };
        let answer = overview(self.state, parameters(arguments)?, self.caller, length).await?;
        let mut lists = lists(&answer.facets);
        if interval.is_some() {
            let over_time = answer.over_time.iter().map(|count| json!(count)).collect();
            lists.insert(0, (OVER_TIME.to_owned(), over_time));
        }
        let mut frame = sums(&answer);
        frame["without_start"] = answer.without_start.into();
        if interval.is_some() {
            frame["interval"] = answer.interval.into();
        }
        self.page(frame, lists, place)
    }

    pub(super) async fn compare(&self, mut arguments: JsonObject) -> Result<Value, Problem> {
        self.require_search()?;
        let place = place(&mut arguments)?;
        let (first, second) = (group(&mut arguments, "first")?, group(&mut arguments, "second")?);
        let counted = parameters(arguments)?;
        let of = |group: SearchParameters| {
            // Values are matched up between the groups, so as many as possible are requested.
            let group =
                SearchParameters { facets: counted.facets.clone(), facet_size: FACET_SIZE_MAX, ..group };
            overview(self.state, group, self.caller, INTERVAL_DEFAULT)
        };
        let (first, second) = (of(first).await?, of(second).await?);
        let lists = first.facets.iter().zip(&second.facets).map(|((name, one), (_, other))| {
            let rows = differences((first.total, one), (second.total, other), counted.facet_size);
            (name.clone(), rows)
        });
        let frame = json!({"first": sums(&first), "second": sums(&second)});
        self.page(frame, lists.collect(), place)
    }

    /// The rows from a place on that fit into one answer; the first page also has everything that is not a list.
    fn page(&self, frame: Value, lists: Lists, place: Option<Continuation>) -> Result<Value, Problem> {
        let mut shown = if place.is_some() { json!({}) } else { frame };
        let room = self.bytes_max.saturating_sub(shown.to_string().len() + FRAME_BYTES);
        let (mut facets, next) = rows(lists, place.unwrap_or_default(), room);
        if next.is_some() && next == place {
            return Err(too_long("a row")); // only possible if the field's name is that long
        }
        if let Some(over_time) = facets.remove(OVER_TIME) {
            shown[OVER_TIME] = over_time;
        }
        shown["facets"] = facets.into();
        if let Some(next) = next {
            shown["next_cursor"] = next.to_string().into();
        }
        Ok(shown)
    }

    fn require_search(&self) -> Result<(), Problem> {
        self.caller.require_any(&[Permission::Search, Permission::Metadata])
    }
}

/// Rows by the name of what they count.
type Lists = Vec<(String, Vec<Value>)>;

fn lists(facets: &[(String, Vec<FacetCount>)]) -> Lists {
    let rows = |counts: &[FacetCount]| counts.iter().map(|count| json!(count)).collect();
    facets.iter().map(|(name, counts)| (name.clone(), rows(counts))).collect()
}

/// The rows from a place on that fit into this many bytes, and where to continue.
fn rows(lists: Lists, place: Continuation, mut room: usize) -> (Map<String, Value>, Option<Continuation>) {
    let mut shown = Map::new();
    for (number, (name, rows)) in lists.into_iter().enumerate().skip(place.item) {
        let from = if number == place.item { place.offset } else { 0 };
        let frame = json!({name.as_str(): []}).to_string().len();
        let rows: Vec<_> = rows.into_iter().skip(from).map(count).collect();
        let num_rows = rows.len();
        let (fitting, all_fit) = match room.checked_sub(frame) {
            Some(room) => fitting(rows.into_iter(), room),
            None => (Vec::new(), false),
        };
        let next = Continuation { item: number, offset: from + fitting.len() };
        room = room.saturating_sub(frame + fitting.iter().map(num_bytes).sum::<usize>());
        if !fitting.is_empty() || all_fit && num_rows == 0 {
            shown.insert(name, fitting.into());
        }
        if !all_fit {
            return (shown, Some(next));
        }
    }
    (shown, None)
}

/// Where to continue listing rows.
fn place(arguments: &mut JsonObject) -> Result<Option<Continuation>, Problem> {
    match arguments.remove("cursor") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Continuation::parse(&text).map(Some),
        Some(_) => Err(invalid("cursor", "`cursor` must be a text")),
    }
}

/// The search parameters given by the arguments.
fn parameters(mut arguments: JsonObject) -> Result<SearchParameters, Problem> {
    match arguments.remove("filters") {
        None | Some(Value::Null) => {}
        Some(Value::Object(filters)) => arguments.extend(filters),
        Some(_) => return Err(invalid("filters", "`filters` must be an object of values by field")),
    }
    let json = Value::Object(arguments).to_string();
    let (parameters, []) = SearchParameters::parse(pairs_of_json(json.as_bytes())?, [])?;
    Ok(parameters)
}

/// One of the groups to compare.
fn group(arguments: &mut JsonObject, name: &str) -> Result<SearchParameters, Problem> {
    let Some(Value::Object(group)) = arguments.remove(name) else {
        let detail = format!("`{name}` must be an object of `q`, `filters`, `from` and `to`");
        return Err(invalid(name, detail));
    };
    let known = ["q", "filters", "from", "to"].map(|name| (name.to_owned(), Value::Null));
    refuse_unknown(&group, Some(&known.into_iter().collect()))?;
    parameters(group)
}

/// An interaction on a page, with what matched.
fn found(item: &SearchItem) -> Value {
    let mut shown = facts(&item.interaction);
    let matches = highlights(&item.highlights);
    if !matches.is_empty() {
        shown["highlights"] = matches.into();
    }
    shown
}

/// The first values that fit into this many bytes, and whether they are all.
fn fitting(values: impl Iterator<Item = Value>, mut room: usize) -> (Vec<Value>, bool) {
    let mut fitting = Vec::new();
    for value in values {
        let num_bytes = num_bytes(&value);
        if num_bytes > room {
            return (fitting, false);
        }
        room -= num_bytes;
        fitting.push(value);
    }
    (fitting, true)
}

/// The size of a value in a list.
fn num_bytes(value: &Value) -> usize {
    value.to_string().len() + 1
}

fn without_nothing(mut answer: Value) -> Value {
    if let Some(answer) = answer.as_object_mut() {
        answer.retain(|name, value| name == "items" || !value.is_null() && value != &json!([]));
    }
    answer
}

/// A position in something longer than one answer. In a transcript: a message, and a character in it. In counts: a
/// list, and a row in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Continuation {
    item: usize,
    offset: usize,
}

impl Continuation {
    fn parse(text: &str) -> Result<Self, Problem> {
        let (item, offset) = text.split_once('.').unwrap_or((text, "0"));
        match (item.parse(), offset.parse()) {
            (Ok(item), Ok(offset)) => Ok(Continuation { item, offset }),
            _ => Err(invalid(
                "cursor",
                "`cursor` must be an answer's `next_cursor` or the number of a message",
            )),
        }
    }
}

impl std::fmt::Display for Continuation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.offset {
            0 => write!(f, "{}", self.item),
            offset => write!(f, "{}.{offset}", self.item),
        }
    }
}

/// The matches from a position on, as many as fit into this many bytes, and the number of the message with the next
/// match. On the first page, details come before messages.
fn matches(
    highlights: &[Highlight],
    messages: &[Message],
    place: Option<Continuation>,
    room: usize,
) -> (Vec<Value>, Option<usize>) {
    let first = place.unwrap_or_default().item;
    let numbers: HashMap<_, _> =
        messages.iter().enumerate().map(|(number, message)| (message.id.as_str(), number)).collect();
    let number_of = |highlight: &Highlight| match &highlight.place {
        HighlightPlace::Message { message_id, .. } => numbers.get(message_id.as_str()).copied(),
        HighlightPlace::Detail { .. } => None,
    };
    let is_meant = |highlight: &&Highlight| match number_of(highlight) {
        Some(number) => number >= first,
        None => place.is_none(),
    };
    let mut found: Vec<_> = highlights.iter().filter(is_meant).collect();
    found.sort_by_key(|highlight| number_of(highlight)); // details have no number
    let rows = found.iter().take(MATCHES_MAX).map(|highlight| {
        let mut row = match &highlight.place {
            HighlightPlace::Message { .. } => json!({"n": number_of(highlight)}),
            HighlightPlace::Detail { field } => json!({"field": field}),
        };
        let whole = json!({"fragments": highlight.fragments});
        if num_bytes(&row) + num_bytes(&whole) <= room {
            row["fragments"] = whole["fragments"].clone();
        }
        row
    });
    let (shown, _) = fitting(rows, room);
    let next = found.into_iter().skip(shown.len()).find_map(number_of);
    (shown, next)
}

/// The messages from a position on that fit into this many bytes, and where to continue. A message too long for a
/// single answer is split.
fn said(messages: &[Message], place: Continuation, mut room: usize) -> (Vec<Value>, Option<Continuation>) {
    let mut shown = Vec::new();
    for (number, said) in messages.iter().enumerate().skip(place.item) {
        let from = if number == place.item { place.offset } else { 0 };
        let start = said.message.char_indices().nth(from).map_or(said.message.len(), |(at, _)| at);
        let text = &said.message[start..];
        let mut row = message(number, said);
        let frame = Value::Object(row.clone()).to_string().len() + r#","message":"#.len() + 1;
        let part = beginning(text, room.saturating_sub(frame));
        let is_whole = part.len() == text.len();
        if !is_whole && !shown.is_empty() {
            return (shown, Some(Continuation { item: number, offset: 0 }));
        }
        row.insert("message".to_owned(), part.into());
        if !is_whole {
            row.insert("goes_on".to_owned(), true.into());
            shown.push(Value::Object(row));
            return (shown, Some(Continuation { item: number, offset: from + part.chars().count() }));
        }
        let row = Value::Object(row);
        let num_bytes = row.to_string().len() + 1;
        if num_bytes > room && !shown.is_empty() {
            return (shown, Some(Continuation { item: number, offset: 0 }));
        }
        room = room.saturating_sub(num_bytes);
        shown.push(row);
    }
    (shown, None)
}

/// The size of a group, and its sums and percentiles.
fn sums(answer: &OverviewAnswer) -> Value {
    let distributions = answer.distributions.iter().filter(|(_, distribution)| distribution.count > 0);
    let distributions: Map<_, _> =
        distributions.map(|(name, distribution)| (name.clone(), json!(distribution))).collect();
    json!({"total": answer.total, "distributions": distributions})
}

/// The values of a facet in both groups, with those whose share differs most first. A count is `null` if a group has
/// too many values to know it.
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

/// A part's share of the whole, to four digits.
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { (part as f64 / whole as f64 * 10_000.0).round() / 10_000.0 }
}
