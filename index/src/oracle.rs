//! A slow, plain reading of queries and filters over documents: what the engines must agree with.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use hearken_model::field::FieldKind;
use hearken_model::{Document, Role, Scalar, Timestamp};

use crate::interval::{Interval, Zone};
use crate::query::{Edge, Query, Range, Scope, TextForm, ValueMatch};
use crate::search::{Boundaries, Filter, FilterValue, RangeFacet, Selection, SortKey};
use crate::text::{English, Token, WordKind, fold_case, tokens};
use crate::values::{self, FieldRef};

/// The ids that the selection finds.
pub fn find<'d>(
    documents: impl IntoIterator<Item = &'d Document>,
    selection: &Selection,
) -> Vec<&'d Document> {
    documents.into_iter().filter(|document| selects(selection, document)).collect()
}

/// The counts of a facet over what `matches` says, missing under `None`.
pub fn facet(matches: &[&Document], name: &str) -> BTreeMap<Option<String>, u64> {
    let mut counts = BTreeMap::new();
    for document in matches {
        let values = shown_values(document, name);
        if values.is_empty() {
            *counts.entry(None).or_default() += 1;
        }
        for value in values {
            *counts.entry(Some(value)).or_default() += 1;
        }
    }
    counts
}

/// The counts of a facet over ranges: of listed boundaries every range, of intervals those that are not empty,
/// ascending; missing last under `None` if there is any.
pub fn ranges(matches: &[&Document], facet: &RangeFacet) -> Vec<(Option<Range>, u64)> {
    let name = facet.field.as_str();
    let ranges = match &facet.boundaries {
        Boundaries::Every(interval) => intervals(matches, name, interval),
        listed => listed.ranges(),
    };
    let count = |range: Range| {
        let count = matches.iter().filter(|document| in_range(document, name, &range)).count();
        (Some(range), count as u64)
    };
    let mut counts: Vec<_> = ranges.into_iter().map(count).collect();
    let num_missing = matches.iter().filter(|document| shown_values(document, name).is_empty()).count();
    if num_missing > 0 {
        counts.push((None, num_missing as u64));
    }
    counts
}

/// The intervals that instants of the documents lie in. Whole weeks begin on Mondays, as 5 January 1970 was one.
fn intervals(matches: &[&Document], name: &str, interval: &Interval) -> Vec<Range> {
    const DAY_NANOS: i128 = 86_400_000_000_000;
    if interval.zone != Zone::default() {
        let instants = matches.iter().filter_map(|document| values::number(document, name));
        let around: BTreeSet<_> = instants.map(|instant| interval.around(instant)).collect();
        let instant = |nanos: Option<i64>| nanos.map(Timestamp::from_nanos);
        let range = |(begin, end)| {
            let from = instant(begin).map_or(Edge::Open, Edge::Inclusive);
            Range::Time(from, instant(end).map_or(Edge::Open, Edge::Exclusive))
        };
        return around.into_iter().map(range).collect();
    }
    let length = interval.length.as_nanos() as i128;
    let origin = if length % (7 * DAY_NANOS) == 0 { 4 * DAY_NANOS } else { 0 };
    let instants = matches.iter().filter_map(|document| values::number(document, name)).map(i128::from);
    let begins: BTreeSet<i128> =
        instants.map(|instant| instant - (instant - origin).rem_euclid(length)).collect();
    let edge = |at: i128, edge: fn(Timestamp) -> Edge<Timestamp>| {
        i64::try_from(at).map_or(Edge::Open, |nanos| edge(Timestamp::from_nanos(nanos)))
    };
    let range = |begin| Range::Time(edge(begin, Edge::Inclusive), edge(begin + length, Edge::Exclusive));
    begins.into_iter().map(range).collect()
}

/// Compares by sort keys alone: missing last both ways.
pub fn compare(a: &Document, b: &Document, sort: &[SortKey]) -> std::cmp::Ordering {
    sort.iter().fold(std::cmp::Ordering::Equal, |order, key| {
        order.then_with(|| match (values::number(a, &key.field), values::number(b, &key.field)) {
            (Some(a), Some(b)) if key.descending => b.cmp(&a),
            (Some(a), Some(b)) => a.cmp(&b),
            (a, b) => a.is_none().cmp(&b.is_none()),
        })
    })
}

fn selects(selection: &Selection, document: &Document) -> bool {
    let head = &document.derived.head;
    !document.state.is_hidden()
        && evaluate(&selection.query, document).unwrap_or(false)
        && selection.filters.iter().all(|(name, filter)| passes(filter, document, name))
        && selection.access.admits(head.organization.as_deref())
        && selection.to.is_none_or(|to| head.start_time.is_some_and(|start| start < to))
        && selection.from.is_none_or(|from| {
            let last = head.end_time.map(|end| end.as_nanos()).or_else(|| {
                let duration = (head.duration.unwrap_or(0.0) * 1e9).round() as i64;
                head.start_time.map(|start| start.as_nanos() + duration)
            });
            last.is_some_and(|last| last >= from.as_nanos())
        })
}

fn shown_values(document: &Document, name: &str) -> BTreeSet<String> {
    match FieldRef::find(name) {
        Some(FieldRef::Known(field)) if field.kind != FieldKind::Keyword => values::number(document, name)
            .map(|number| match values::shown(field.kind, number) {
                serde_json::Value::String(text) => text,
                other => other.to_string(),
            })
            .into_iter()
            .collect(),
        Some(field) => keyword_values(document, field).into_iter().collect(),
        None => BTreeSet::new(),
    }
}

fn passes(filter: &Filter, document: &Document, name: &str) -> bool {
    let values = shown_values(document, name);
    let has = |wanted: &FilterValue| match wanted {
        FilterValue::Missing => values.is_empty(),
        FilterValue::Is(wanted) => values.contains(wanted),
        FilterValue::Within(range) => in_range(document, name, range),
    };
    (filter.any_of.is_empty() || filter.any_of.iter().any(has)) && !filter.none_of.iter().any(has)
}

/// The text values of a keyword field or a metadata key.
fn keyword_values(document: &Document, field: FieldRef<'_>) -> Vec<String> {
    let mut values = Vec::new();
    match field {
        FieldRef::Known(field) => {
            values::for_each_value(document, field.name, |value| values.push(value.to_owned()))
        }
        FieldRef::Metadata(key) => {
            values.extend(document.derived.head.metadata.get(key).map(Scalar::to_string));
        }
    }
    values
}

/// Whether the document matches; `None` where the query says nothing because it holds no word.
pub fn evaluate(query: &Query, document: &Document) -> Option<bool> {
    match query {
        Query::All => Some(true),
        Query::And(parts) if parts.is_empty() => Some(true),
        Query::Or(parts) if parts.is_empty() => Some(false),
        Query::And(parts) => parts.iter().filter_map(|part| evaluate(part, document)).reduce(|a, b| a && b),
        Query::Or(parts) => parts.iter().filter_map(|part| evaluate(part, document)).reduce(|a, b| a || b),
        Query::Not(part) => evaluate(part, document).map(|matches| !matches),
        Query::Text { scope, text, form } => {
            let wanted = cut(text);
            (!wanted.is_empty())
                .then(|| texts(document, *scope).iter().any(|text| text_matches(&cut(text), &wanted, *form)))
        }
        Query::Value { field, value } => Some(has_value(document, field, value)),
        Query::Range { field, range } => Some(in_range(document, field, range)),
        Query::Exists { field } => Some(!shown_values(document, field).is_empty()),
    }
}

/// The messages, topic, summary, keywords or details that a scope covers.
fn texts(document: &Document, scope: Scope) -> Vec<Cow<'_, str>> {
    let head = &document.derived.head;
    let topics = &head.topics_summary;
    let messages = |accepts: &dyn Fn(Role) -> bool| {
        let messages = document.state.messages.values().map(|message| &message.value);
        messages.filter(|m| accepts(m.role)).map(|m| m.message.as_str().into()).collect()
    };
    let details = || {
        let texts = [&head.user_id, &head.caller, &head.url, &head.rating_comment].into_iter().flatten();
        let metadata = head.metadata.values().map(|value| Cow::Owned(value.to_string()));
        texts.map(|text| text.as_str().into()).chain(metadata)
    };
    match scope {
        Scope::Role(wanted) => messages(&|role| role == wanted),
        Scope::Transcript => messages(&|role| role != Role::System),
        Scope::Topic => topics.topic.iter().map(|topic| topic.into()).collect(),
        Scope::Summary => topics.said().into_iter().collect(),
        Scope::Keywords => topics.keywords.iter().map(|keyword| keyword.into()).collect(),
        Scope::Default => [Scope::Transcript, Scope::Topic, Scope::Summary, Scope::Keywords]
            .into_iter()
            .flat_map(|scope| texts(document, scope))
            .chain(details())
            .collect(),
    }
}

/// A word and its stem.
struct Cut {
    folded: String,
    stem: String,
    kind: WordKind,
    position: u32,
}

/// Cuts a text, and remembers it: thousands of queries look at the same messages.
fn cut(text: &str) -> Rc<[Cut]> {
    thread_local! {
        static KNOWN: RefCell<HashMap<String, Rc<[Cut]>>> = RefCell::default();
    }
    let known = KNOWN.with_borrow(|known| known.get(text).cloned());
    known.unwrap_or_else(|| {
        let english = English::default();
        let cut = |token: Token| Cut {
            stem: english.stem(&token.folded).into_owned(),
            folded: token.folded,
            kind: token.word.kind,
            position: token.word.position,
        };
        let cut: Rc<[Cut]> = tokens(text).into_iter().map(cut).collect();
        KNOWN.with_borrow_mut(|known| known.insert(text.to_owned(), Rc::clone(&cut)));
        cut
    })
}

fn text_matches(text: &[Cut], wanted: &[Cut], form: TextForm) -> bool {
    let equal = |a: &Cut, b: &Cut| a.folded == b.folded;
    let in_sequence = |matches: &dyn Fn(usize, &Cut) -> bool| {
        text.iter().any(|first| {
            (0..wanted.len()).all(|at| {
                let position = first.position + wanted[at].position;
                let from = text.partition_point(|token| token.position < position);
                text[from..]
                    .iter()
                    .take_while(|token| token.position == position)
                    .any(|token| matches(at, token))
            })
        })
    };
    match form {
        TextForm::Word if wanted.len() == 1 => text.iter().any(|token| token.stem == wanted[0].stem),
        TextForm::Word => in_sequence(&|at, token| equal(token, &wanted[at])),
        TextForm::Phrase { slop } => is_near(text, wanted, slop, &mut Vec::new()),
        TextForm::Prefix => in_sequence(&|at, token| {
            if at + 1 == wanted.len() {
                token.folded.starts_with(&wanted[at].folded)
            } else {
                equal(token, &wanted[at])
            }
        }),
        TextForm::Fuzzy { distance } => in_sequence(&|at, token| {
            let allowed = if wanted[at].kind == WordKind::Letters { usize::from(distance) } else { 0 };
            // Of different lengths by more than that, they need not be compared.
            let lengths = [&wanted[at], token].map(|word| word.folded.chars().count());
            lengths[0].abs_diff(lengths[1]) <= allowed && edits(&wanted[at].folded, &token.folded) <= allowed
        }),
    }
}

/// Tries every choice of different places for the words.
fn is_near(text: &[Cut], wanted: &[Cut], slop: u32, chosen: &mut Vec<usize>) -> bool {
    let starts =
        chosen.iter().zip(wanted).map(|(at, slot)| i64::from(text[*at].position) - i64::from(slot.position));
    if starts.clone().max().unwrap_or(0) - starts.min().unwrap_or(0) > i64::from(slop) {
        return false;
    }
    let Some(next) = wanted.get(chosen.len()) else { return true };
    (0..text.len()).any(|at| {
        if text[at].folded != next.folded || chosen.contains(&at) {
            return false;
        }
        chosen.push(at);
        let found = is_near(text, wanted, slop, chosen);
        chosen.pop();
        found
    })
}

/// Edits between two words; swapping two neighbours is one.
fn edits(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            table[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let changed = table[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let best = changed.min(table[i - 1][j] + 1).min(table[i][j - 1] + 1);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    best.min(table[i - 2][j - 2] + 1)
                } else {
                    best
                }
            };
        }
    }
    table[a.len()][b.len()]
}

fn has_value(document: &Document, field: &str, value: &ValueMatch) -> bool {
    shown_values(document, field).iter().any(|has| match value {
        ValueMatch::Is(value) => fold_case(has) == fold_case(value),
        ValueMatch::StartsWith(start) => fold_case(has).starts_with(&*fold_case(start)),
    })
}

fn in_range(document: &Document, field: &str, range: &Range) -> bool {
    fn within<T: PartialOrd>(from: Edge<T>, to: Edge<T>, value: T) -> bool {
        (match from {
            Edge::Open => true,
            Edge::Inclusive(from) => value >= from,
            Edge::Exclusive(from) => value > from,
        }) && match to {
            Edge::Open => true,
            Edge::Inclusive(to) => value <= to,
            Edge::Exclusive(to) => value < to,
        }
    }
    let head = &document.derived.head;
    let number = || values::number(document, field);
    match range {
        Range::Integer(from, to) => number().is_some_and(|value| within(*from, *to, value)),
        Range::Seconds(from, to) => head.duration.is_some_and(|value| within(*from, *to, value)),
        Range::Money(from, to) => head.total_costs.amount.is_some_and(|value| within(*from, *to, value)),
        Range::Time(from, to) => {
            let time = if field == "end_time" { head.end_time } else { head.start_time };
            time.is_some_and(|value| within(*from, *to, value))
        }
        Range::Number(from, to) => field
            .strip_prefix("metadata.")
            .and_then(|key| head.metadata.get(key))
            .is_some_and(|value| values::number_within(&value.to_string(), from, to)),
    }
}
