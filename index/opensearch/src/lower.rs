//! From the query tree and the filters to the query DSL.

use std::collections::{BTreeMap, HashMap};

use hearken_index::Access;
use hearken_index::query::{CONDITIONS_MAX, Edge, Query, Range, Scope, TextForm, ValueMatch, WORDS_MAX};
use hearken_index::ranking::Ranking;
use hearken_index::search::{Filter, FilterValue, SearchError, Selection};
use hearken_index::text::{English, fold_case};
use hearken_index::values::{self, FieldRef};
use hearken_model::field::FieldKind;
use hearken_model::{Status, Timestamp};
use serde_json::{Value, json};

use super::mapping::{
    ACTIVE_UNTIL, FOLDED, HIDDEN, LLM_PENDING, METADATA, METADATA_KEYS, METADATA_NUMBERS, NEWEST_EVENT,
    beginning, metadata_key, named_term, term, term_name, value_field,
};
use super::words::{Wanted, any_of};

/// Texts that [must be looked at](Wanted::must_be_looked_at), and the `_id`s of the documents that match.
pub(crate) type LookedAt<'q> = HashMap<(Scope, &'q str, TextForm), Vec<String>>;

/// A selection as queries of the cluster. Only the first scores; the others decide what matches.
pub(crate) struct Lowered {
    /// The query itself, scored if that was asked for.
    query: Value,
    /// Access, time and tombstones.
    always: Vec<Value>,
    /// The filters, by field.
    filters: BTreeMap<String, Vec<Value>>,
}

impl Lowered {
    /// A selection that finds nothing.
    fn nothing() -> Self {
        Lowered { query: json!({"match_none": {}}), always: Vec::new(), filters: BTreeMap::new() }
    }

    /// The whole selection except for the filters on those fields.
    pub(crate) fn without(&self, is_left_out: impl Fn(&str) -> bool) -> Value {
        let filters = self.filters.iter().filter(|(name, _)| !is_left_out(name));
        let filters = self.always.iter().chain(filters.flat_map(|(_, filters)| filters));
        json!({"bool": {"must": [self.query], "filter": filters.collect::<Vec<_>>()}})
    }

    /// The filters on the fields that are wanted, as one query; `None` if there are none.
    pub(crate) fn filters(&self, is_wanted: impl Fn(&str) -> bool) -> Option<Value> {
        let filters: Vec<&Value> = self
            .filters
            .iter()
            .filter(|(name, _)| is_wanted(name))
            .flat_map(|(_, filters)| filters)
            .collect();
        (!filters.is_empty()).then(|| json!({"bool": {"filter": filters}}))
    }
}

/// The texts of a query that must be looked at.
pub(crate) fn to_look_at(query: &Query) -> Result<Vec<Wanted<'_>>, SearchError> {
    let mut found = Vec::new();
    let mut rest = vec![query];
    while let Some(query) = rest.pop() {
        match query {
            Query::And(parts) | Query::Or(parts) => rest.extend(parts),
            Query::Not(part) => rest.push(part),
            Query::Text { scope, text, form } => {
                found.extend(Wanted::new(*scope, text, *form)?.filter(Wanted::must_be_looked_at));
            }
            Query::All | Query::Value { .. } | Query::Range { .. } | Query::Exists { .. } => {}
        }
    }
    Ok(found)
}

/// Lowers one selection; `ranking` says how to score if that matters.
pub(crate) fn selection(
    selection: &Selection,
    query: Option<&Query>,
    looked_at: &LookedAt<'_>,
    ranking: Option<&Ranking>,
) -> Result<Lowered, SearchError> {
    let Some(query) = query else { return Ok(Lowered::nothing()) };
    let mut lowering =
        Lowering { english: English::default(), ranking, looked_at, num_conditions: 0, num_words: 0 };
    let query = lowering.lower(query)?;
    let query =
        if ranking.is_some() { query } else { json!({"constant_score": {"filter": query, "boost": 0.0}}) };
    let mut filters = BTreeMap::new();
    for (name, filter) in &selection.filters {
        filters.insert(name.clone(), lowering.filter(name, filter)?);
    }
    Ok(Lowered { query, always: always(selection), filters })
}

/// What is true of everything that a selection may find, whatever the query.
pub(crate) fn always(selection: &Selection) -> Vec<Value> {
    let mut always = vec![json!({"bool": {"must_not": [{"term": {HIDDEN: true}}]}})];
    always.extend(access(&selection.access));
    if let Some(to) = selection.to {
        always.push(json!({"range": {value_field("start_time"): {"lt": to.as_nanos()}}}));
    }
    if let Some(from) = selection.from {
        always.push(json!({"range": {ACTIVE_UNTIL: {"gte": from.as_nanos()}}}));
    }
    always
}

fn access(access: &Access) -> Option<Value> {
    match access {
        Access::All => None,
        Access::Only(organizations) => {
            let terms: Vec<_> = organizations.iter().map(term).collect();
            Some(json!({"terms": {value_field("organization"): terms}}))
        }
    }
}

/// Interactions in progress.
pub(crate) fn in_progress() -> Value {
    json!({"term": {value_field("status"): Status::InProgress.as_str()}})
}

/// Interactions whose newest event is not after that.
pub(crate) fn silent_since(cutoff: Timestamp) -> Value {
    json!({"range": {NEWEST_EVENT: {"lte": cutoff.as_nanos()}}})
}

/// Interactions that a language model has still to be asked about and that have ended, or whose newest event is not after
/// `rested_since`.
pub(crate) fn llm_pending(rested_since: Timestamp) -> Value {
    let stirring = json!({"bool": {"filter": [in_progress()], "must_not": [silent_since(rested_since)]}});
    json!({"bool": {"filter": [{"term": {LLM_PENDING: true}}], "must_not": [stirring]}})
}

struct Lowering<'a> {
    english: English,
    ranking: Option<&'a Ranking>,
    looked_at: &'a LookedAt<'a>,
    num_conditions: usize,
    num_words: usize,
}

impl Lowering<'_> {
    fn filter(&mut self, name: &str, filter: &Filter) -> Result<Vec<Value>, SearchError> {
        let mut filters = Vec::new();
        if !filter.any_of.is_empty() {
            filters.push(any_of(self.filter_values(name, &filter.any_of)?));
        }
        if !filter.none_of.is_empty() {
            filters.push(json!({"bool": {"must_not": self.filter_values(name, &filter.none_of)?}}));
        }
        Ok(filters)
    }

    fn filter_values(&mut self, name: &str, values: &[FilterValue]) -> Result<Vec<Value>, SearchError> {
        values.iter().map(|value| self.filter_value(name, value)).collect()
    }

    fn filter_value(&mut self, name: &str, value: &FilterValue) -> Result<Value, SearchError> {
        self.count_condition()?;
        let field = find(name)?;
        match value {
            FilterValue::Missing => Ok(not(exists(field))),
            FilterValue::Within(range) => self::range(name, range),
            FilterValue::Is(value) if field.is_keyword() => Ok(exact(field, value)),
            FilterValue::Is(_) => Err(SearchError::Invalid(format!("`{name}` is filtered by ranges"))),
        }
    }

    fn lower(&mut self, query: &Query) -> Result<Value, SearchError> {
        Ok(match query {
            Query::All => self.unscored(json!({"match_all": {}})),
            Query::And(parts) if parts.is_empty() => self.unscored(json!({"match_all": {}})),
            Query::And(parts) => {
                let (mut wanted, mut unwanted) = (Vec::new(), Vec::new());
                for part in parts {
                    match part {
                        Query::Not(part) => unwanted.push(self.lower(part)?),
                        part => wanted.push(self.lower(part)?),
                    }
                }
                if wanted.is_empty() {
                    wanted.push(self.unscored(json!({"match_all": {}})));
                }
                json!({"bool": {"must": wanted, "must_not": unwanted}})
            }
            Query::Or(parts) => any_of(parts.iter().map(|part| self.lower(part)).collect::<Result<_, _>>()?),
            Query::Not(part) => {
                let part = self.lower(part)?;
                self.unscored(not(part))
            }
            Query::Text { scope, text, form } => {
                self.count_condition()?;
                let Some(wanted) = Wanted::new(*scope, text, *form)? else {
                    return Ok(json!({"match_none": {}}));
                };
                self.num_words += wanted.num_words();
                if self.num_words > WORDS_MAX {
                    return Err(SearchError::TooExpensive(format!("more than {WORDS_MAX} words")));
                }
                match self.looked_at.get(&wanted.key()) {
                    Some(ids) => json!({"constant_score": {"filter": {"ids": {"values": ids}}}}),
                    None => wanted.lower(&self.english, self.ranking),
                }
            }
            Query::Value { field, value } => {
                self.count_condition()?;
                let value = self::value(find(field)?, value)?;
                self.unscored(value)
            }
            Query::Range { field, range } => {
                self.count_condition()?;
                let range = self::range(field, range)?;
                self.unscored(range)
            }
            Query::Exists { field } => {
                self.count_condition()?;
                let exists = exists(find(field)?);
                self.unscored(exists)
            }
        })
    }

    /// Conditions on values decide what matches; they do not rank.
    fn unscored(&self, query: Value) -> Value {
        if self.ranking.is_some() {
            json!({"constant_score": {"filter": query, "boost": 0.0}})
        } else {
            query
        }
    }

    fn count_condition(&mut self) -> Result<(), SearchError> {
        self.num_conditions += 1;
        if self.num_conditions > CONDITIONS_MAX {
            return Err(SearchError::TooExpensive(format!("more than {CONDITIONS_MAX} conditions")));
        }
        Ok(())
    }
}

fn not(query: Value) -> Value {
    json!({"bool": {"must_not": [query]}})
}

/// Finds exactly that value, letter case included.
fn exact(field: FieldRef<'_>, value: &str) -> Value {
    match field {
        FieldRef::Known(known) => json!({"term": {value_field(known.name): term(value)}}),
        FieldRef::Metadata(key) => json!({"term": {METADATA: named_term(&metadata_key(key), value)}}),
    }
}

fn value(field: FieldRef<'_>, value: &ValueMatch) -> Result<Value, SearchError> {
    if let FieldRef::Known(known) = field
        && !field.is_keyword()
    {
        let number = match value {
            ValueMatch::Is(text) => values::parse(known.kind, text),
            ValueMatch::StartsWith(_) => None,
        };
        let Some(number) = number else {
            return Err(SearchError::Invalid(format!("`{}` holds numbers or times", known.name)));
        };
        return Ok(json!({"term": {value_field(known.name): number}}));
    }
    let name = term_name(field);
    Ok(match value {
        // A value that is its own folded form is indexed only once.
        ValueMatch::Is(value) => {
            let folded = fold_case(value);
            any_of(vec![exact(field, &folded), json!({"term": {FOLDED: named_term(&name, &folded)}})])
        }
        ValueMatch::StartsWith(start) => {
            let folded = fold_case(start);
            let start = beginning(&folded);
            let among_exact = match field {
                FieldRef::Known(known) => json!({"prefix": {value_field(known.name): {"value": start}}}),
                FieldRef::Metadata(key) => {
                    json!({"prefix": {METADATA: {"value": named_term(&metadata_key(key), start)}}})
                }
            };
            any_of(vec![among_exact, json!({"prefix": {FOLDED: {"value": named_term(&name, start)}}})])
        }
    })
}

/// Finds what has any value in the field.
pub(crate) fn exists(field: FieldRef<'_>) -> Value {
    match field {
        FieldRef::Known(known) => json!({"exists": {"field": value_field(known.name)}}),
        FieldRef::Metadata(key) => json!({"term": {METADATA_KEYS: metadata_key(key)}}),
    }
}

/// A range of the values of a field.
pub(crate) fn range(name: &str, range: &Range) -> Result<Value, SearchError> {
    let field = find(name)?;
    let (from, to) = match (field, range) {
        (FieldRef::Metadata(key), Range::Number(from, to)) => {
            let key = metadata_key(key);
            let mut bounds = serde_json::Map::new();
            let bound =
                |number: &hearken_index::decimal::Decimal| Value::from(named_term(&key, &number.sort_key()));
            let (name, from) = match from {
                Edge::Open => ("gte", format!("{key}\0").into()),
                Edge::Inclusive(from) => ("gte", bound(from)),
                Edge::Exclusive(from) => ("gt", bound(from)),
            };
            bounds.insert(name.to_owned(), from);
            let (name, to) = match to {
                Edge::Open => ("lt", format!("{key}\u{1}").into()),
                Edge::Inclusive(to) => ("lte", bound(to)),
                Edge::Exclusive(to) => ("lt", bound(to)),
            };
            bounds.insert(name.to_owned(), to);
            return Ok(json!({"range": {METADATA_NUMBERS: bounds}}));
        }
        (FieldRef::Known(known), Range::Integer(from, to)) if known.kind == FieldKind::Integer => {
            (edge(*from, |v| v), edge(*to, |v| v))
        }
        (FieldRef::Known(known), Range::Seconds(from, to)) if known.kind == FieldKind::Seconds => {
            (edge(*from, values::seconds), edge(*to, values::seconds))
        }
        (FieldRef::Known(known), Range::Money(from, to)) if known.kind == FieldKind::Money => {
            (edge(*from, values::money), edge(*to, values::money))
        }
        (FieldRef::Known(known), Range::Time(from, to)) if known.kind == FieldKind::Time => {
            (edge(*from, Timestamp::as_nanos), edge(*to, Timestamp::as_nanos))
        }
        _ => return Err(SearchError::Invalid(format!("`{name}` cannot be compared with such a range"))),
    };
    Ok(number_range(&value_field(name), from, to))
}

/// Finds numbers between two ends; a missing one never is.
pub(crate) fn number_range(field: &str, from: Edge<i64>, to: Edge<i64>) -> Value {
    let mut bounds = serde_json::Map::new();
    match from {
        Edge::Open => {}
        Edge::Inclusive(from) => drop(bounds.insert("gte".to_owned(), from.into())),
        Edge::Exclusive(from) => drop(bounds.insert("gt".to_owned(), from.into())),
    }
    match to {
        Edge::Open => {}
        Edge::Inclusive(to) => drop(bounds.insert("lte".to_owned(), to.into())),
        Edge::Exclusive(to) => drop(bounds.insert("lt".to_owned(), to.into())),
    }
    if bounds.is_empty() { json!({"exists": {"field": field}}) } else { json!({"range": {field: bounds}}) }
}

fn edge<T: Copy>(edge: Edge<T>, number: impl Fn(T) -> i64) -> Edge<i64> {
    match edge {
        Edge::Open => Edge::Open,
        Edge::Inclusive(value) => Edge::Inclusive(number(value)),
        Edge::Exclusive(value) => Edge::Exclusive(number(value)),
    }
}

fn find(name: &str) -> Result<FieldRef<'_>, SearchError> {
    FieldRef::find(name).ok_or_else(|| SearchError::Invalid(format!("there is no field `{name}`")))
}
