//! From the query tree to tantivy's queries.

use std::ops::Bound;
use std::sync::Arc;

use hearken_model::Role;
use hearken_model::field::FieldKind;
use tantivy::query::{
    AllQuery, BooleanQuery, EmptyQuery, ExistsQuery, Occur, Query as EngineQuery, RangeQuery, TermQuery,
};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{Searcher, Term};

use super::budget::{Budget, CONDITIONS_MAX, WORDS_MAX};
use super::collect::engine;
use super::columns::ColumnCache;
use super::document::{Owner, TermKind, class};
use super::expansion::{Accept, Expansion};
use super::schema::{
    ACTIVE_UNTIL, ERASED, Fields, ValueCase, beginning, term_name, value_term, value_term_prefix,
};
use super::value_terms::ValueTermsQuery;
use super::words::{Section, Slot, WordsQuery};
use crate::access::Access;
use crate::fuzzy::FUZZY_CHARS_MAX;
use crate::query::{Edge, Query, Range, Scope, TextForm, ValueMatch};
use crate::ranking::Ranking;
use crate::search::{Filter, FilterValue, SearchError, Selection};
use crate::text::{English, MESSAGE_GAP, SLOP_MAX, Token, WordKind, fold_case, tokens};
use crate::values::{self, FieldRef};

type Boxed = Box<dyn EngineQuery>;

/// Lowers the parts of one search.
pub(super) struct Lowering<'a> {
    fields: &'a Fields,
    columns: &'a Arc<ColumnCache>,
    budget: Arc<Budget>,
    english: English,
    /// How to rank, where that matters.
    ranking: Option<Ranking>,
    num_conditions: usize,
    num_words: usize,
}

impl<'a> Lowering<'a> {
    pub(super) fn new(
        fields: &'a Fields,
        columns: &'a Arc<ColumnCache>,
        budget: Arc<Budget>,
        ranking: Option<Ranking>,
    ) -> Self {
        let english = English::default();
        Lowering { fields, columns, budget, english, ranking, num_conditions: 0, num_words: 0 }
    }

    /// The selection, without the filter on one field if a facet asks for that; never a tombstone.
    pub(super) fn selection(
        &mut self,
        searcher: &Searcher,
        selection: &Selection,
        without: Option<&str>,
    ) -> Result<Boxed, SearchError> {
        let Some(query) = without_wordless(&selection.query) else {
            return Ok(Box::new(EmptyQuery));
        };
        let mut clauses = Vec::new();
        self.conjunct(&query, &mut clauses)?;
        let mut excludes_tombstones = excludes_tombstones(&query);
        for (name, filter) in selection.filters.iter().filter(|(name, _)| without != Some(name)) {
            clauses.append(&mut self.filter(name, filter)?);
            let wants_a_value = !filter.any_of.is_empty() && !filter.any_of.contains(&FilterValue::Missing);
            excludes_tombstones |= wants_a_value && name != "id";
        }
        if let Access::Only(organizations) = &selection.access {
            let any_of = organizations
                .iter()
                .map(|organization| {
                    let term = value_term("organization", ValueCase::Exact, organization);
                    (Occur::Should, self.term(&term))
                })
                .collect();
            clauses.push((Occur::Must, unscored(BooleanQuery::new(any_of))));
            excludes_tombstones = true;
        }
        if let Some(to) = selection.to {
            let query = self.column_range("start_time", Bound::Unbounded, Bound::Excluded(to.as_nanos()))?;
            clauses.push((Occur::Must, query));
            excludes_tombstones = true;
        }
        if let Some(from) = selection.from {
            let query =
                self.column_range(ACTIVE_UNTIL, Bound::Included(from.as_nanos()), Bound::Unbounded)?;
            clauses.push((Occur::Must, query));
            excludes_tombstones = true;
        }
        if !excludes_tombstones && self.has_tombstones(searcher).map_err(engine)? {
            clauses.push((Occur::MustNot, self.term(ERASED)));
        }
        Ok(conjunction(clauses))
    }

    fn has_tombstones(&self, searcher: &Searcher) -> tantivy::Result<bool> {
        Ok(searcher.doc_freq(&Term::from_field_text(self.fields.terms, ERASED))? > 0)
    }

    /// One filter.
    fn filter(&mut self, name: &str, filter: &Filter) -> Result<Vec<(Occur, Boxed)>, SearchError> {
        let mut clauses = Vec::new();
        match filter.any_of.as_slice() {
            [] => {}
            [value] => clauses.push((Occur::Must, self.filter_value(name, value)?)),
            any_of => {
                let any_of = any_of.iter().map(|value| Ok((Occur::Should, self.filter_value(name, value)?)));
                let any_of = any_of.collect::<Result<Vec<_>, SearchError>>()?;
                clauses.push((Occur::Must, unscored(BooleanQuery::new(any_of))));
            }
        }
        for value in &filter.none_of {
            clauses.push((Occur::MustNot, self.filter_value(name, value)?));
        }
        Ok(clauses)
    }

    fn filter_value(&mut self, name: &str, value: &FilterValue) -> Result<Boxed, SearchError> {
        self.count_condition()?;
        let field = find(name)?;
        match value {
            FilterValue::Missing => Ok(all_but(self.exists(field)?)),
            FilterValue::Within(range) => self.range(name, range),
            FilterValue::Is(value) if field.is_keyword() => {
                Ok(self.term(&value_term(&term_name(field), ValueCase::Exact, value)))
            }
            FilterValue::Is(_) => Err(SearchError::Invalid(format!("`{name}` is filtered by ranges"))),
        }
    }

    /// Adds the clauses of a condition that must hold.
    fn conjunct(&mut self, query: &Query, clauses: &mut Vec<(Occur, Boxed)>) -> Result<(), SearchError> {
        match query {
            Query::All => clauses.push((Occur::Must, Box::new(AllQuery) as Boxed)),
            Query::And(parts) => {
                for part in parts {
                    self.conjunct(part, clauses)?;
                }
                if parts.is_empty() {
                    clauses.push((Occur::Must, Box::new(AllQuery) as Boxed));
                }
            }
            Query::Not(part) => {
                let part = self.lower(part)?;
                clauses.push((Occur::MustNot, part));
            }
            _ => clauses.push((Occur::Must, self.lower(query)?)),
        }
        Ok(())
    }

    fn lower(&mut self, query: &Query) -> Result<Boxed, SearchError> {
        Ok(match query {
            Query::All => Box::new(AllQuery),
            Query::And(_) | Query::Not(_) => {
                let mut clauses = Vec::new();
                self.conjunct(query, &mut clauses)?;
                conjunction(clauses)
            }
            Query::Or(parts) if parts.is_empty() => Box::new(EmptyQuery),
            Query::Or(parts) => {
                let parts = parts.iter().map(|part| Ok((Occur::Should, self.lower(part)?)));
                Box::new(BooleanQuery::new(parts.collect::<Result<Vec<_>, SearchError>>()?))
            }
            Query::Text { scope, text, form } => {
                self.count_condition()?;
                let Some(mut words) = self.text(*scope, text, *form)? else {
                    return Ok(Box::new(EmptyQuery));
                };
                let is_scored = matches!(form, TextForm::Word | TextForm::Phrase { .. });
                if let Some(ranking) = self.ranking
                    && *scope == Scope::Default
                    && is_scored
                {
                    let num_words = self.num_words;
                    for (scope, weight) in [
                        (Scope::Topic, ranking.topic),
                        (Scope::Keywords, ranking.keywords),
                        (Scope::Summary, ranking.summary),
                    ] {
                        words.bonuses.extend(self.text(scope, text, *form)?.map(|bonus| (bonus, weight)));
                    }
                    self.num_words = num_words; // the same words once more are no larger query
                }
                Box::new(words)
            }
            Query::Value { field, value } => {
                self.count_condition()?;
                self.value(find(field)?, value)?
            }
            Query::Range { field, range } => {
                self.count_condition()?;
                self.range(field, range)?
            }
            Query::Exists { field } => {
                self.count_condition()?;
                self.exists(find(field)?)?
            }
        })
    }

    /// `None` if the text holds no word.
    fn text(&mut self, scope: Scope, text: &str, form: TextForm) -> Result<Option<WordsQuery>, SearchError> {
        let tokens = tokens(text);
        self.num_words += tokens.len();
        if self.num_words > WORDS_MAX {
            return Err(SearchError::TooExpensive(format!("more than {WORDS_MAX} words")));
        }
        let slop = match form {
            TextForm::Phrase { slop } => slop,
            _ => 0,
        };
        if slop > SLOP_MAX {
            return Err(SearchError::Invalid(format!(
                "words can be at most {SLOP_MAX} positions out of place"
            )));
        }
        if slop > 0 && tokens.len() as u32 + slop > MESSAGE_GAP {
            let words_max = MESSAGE_GAP - slop;
            return Err(SearchError::Invalid(format!(
                "a phrase with words {slop} positions out of place can have at most {words_max} words"
            )));
        }
        let (owner, section) = owner_of(scope);
        let slots = self.slots(owner, &tokens, form)?;
        let (field, budget) = (self.fields.text, Arc::clone(&self.budget));
        let (columns, bonuses) = (Arc::clone(self.columns), Vec::new());
        let ranking = self.ranking.unwrap_or_default();
        let words = WordsQuery { field, slots, slop, section, ranking, bonuses, columns, budget };
        Ok((!words.slots.is_empty()).then_some(words))
    }

    fn slots(&self, owner: Owner, tokens: &[Token], form: TextForm) -> Result<Vec<Slot>, SearchError> {
        let term = |kind, first: &str, second: &str| {
            let mut term = String::from(char::from(class(owner, kind)));
            term.push_str(first);
            term.push_str(second);
            term
        };
        let slot = |token: &Token, terms, expansion| Slot { offset: token.word.position, terms, expansion };
        let exact = |token: &Token| slot(token, vec![term(TermKind::Word, &token.folded, "")], None);
        match (form, tokens) {
            (TextForm::Word, [token]) => {
                let stem = self.english.stem(&token.folded);
                let mut terms = Vec::new();
                if self.english.stem(&stem) == stem {
                    terms.push(term(TermKind::Word, &stem, ""));
                }
                // Also for a word too short to have forms itself: `doing` has the stem `do`.
                if stem.bytes().all(|b| b.is_ascii_lowercase()) {
                    terms.push(term(TermKind::Stem, &stem, ""));
                }
                Ok(vec![slot(token, terms, None)])
            }
            (TextForm::Phrase { slop: 1.. }, _) => Ok(tokens.iter().map(exact).collect()),
            (TextForm::Word | TextForm::Phrase { .. }, _) => Ok(paired(tokens, exact, &term)),
            (TextForm::Prefix, [before @ .., last]) => {
                let prefix = term(TermKind::Word, &last.folded, "").into_bytes();
                let mut slots = paired(before, exact, &term);
                slots.push(slot(last, Vec::new(), Some(Expansion::Prefix { prefix, accept: None })));
                Ok(slots)
            }
            (TextForm::Prefix, []) => Ok(Vec::new()),
            (TextForm::Fuzzy { distance }, _) => tokens
                .iter()
                .map(|token| {
                    if token.word.kind != WordKind::Letters || distance == 0 {
                        return Ok(exact(token));
                    }
                    if token.folded.chars().count() > FUZZY_CHARS_MAX {
                        return Err(SearchError::TooExpensive(format!(
                            "a fuzzy word can have at most {FUZZY_CHARS_MAX} characters"
                        )));
                    }
                    let class = class(owner, TermKind::Word);
                    let expansion = Expansion::fuzzy(class, &token.folded, distance);
                    Ok(slot(token, Vec::new(), Some(expansion)))
                })
                .collect(),
        }
    }

    fn value(&mut self, field: FieldRef<'_>, value: &ValueMatch) -> Result<Boxed, SearchError> {
        if !field.is_keyword() {
            let FieldRef::Known(known) = field else { return Ok(Box::new(EmptyQuery)) };
            let number = match value {
                ValueMatch::Is(text) => values::parse(known.kind, text),
                ValueMatch::StartsWith(_) => None,
            };
            let Some(number) = number else {
                return Err(SearchError::Invalid(format!("`{}` holds numbers or times", known.name)));
            };
            return self.column_range(known.name, Bound::Included(number), Bound::Included(number));
        }
        let name = term_name(field);
        Ok(match value {
            ValueMatch::Is(value) => {
                let folded = fold_case(value);
                let terms = [ValueCase::Exact, ValueCase::Folded]
                    .map(|case| (Occur::Should, self.term(&value_term(&name, case, &folded))));
                unscored(BooleanQuery::new(terms.into()))
            }
            ValueMatch::StartsWith(start) => {
                let folded = fold_case(start);
                let ranges = [ValueCase::Exact, ValueCase::Folded]
                    .map(|case| value_term_prefix(&name, case) + beginning(&folded));
                self.value_terms(ranges.into(), None)
            }
        })
    }

    fn exists(&self, field: FieldRef<'_>) -> Result<Boxed, SearchError> {
        Ok(match field {
            FieldRef::Known(known) if known.name == "id" => Box::new(AllQuery),
            FieldRef::Known(known) => unscored(ExistsQuery::new(known.name.to_owned(), false)),
            FieldRef::Metadata(_) => {
                self.value_terms(vec![value_term_prefix(&term_name(field), ValueCase::Exact)], None)
            }
        })
    }

    fn range(&self, name: &str, range: &Range) -> Result<Boxed, SearchError> {
        let field = find(name)?;
        let wrong_kind = || SearchError::Invalid(format!("`{name}` cannot be compared with such a range"));
        let (from, to) = match (field, range) {
            (FieldRef::Metadata(_), Range::Number(from, to)) => {
                let (from, to) = (*from, *to);
                let accept: Accept = Arc::new(move |value: &[u8]| {
                    let number = std::str::from_utf8(value).ok().and_then(|value| value.parse::<f64>().ok());
                    number.is_some_and(|number| holds(from, to, number))
                });
                let prefix = value_term_prefix(&term_name(field), ValueCase::Exact);
                return Ok(self.value_terms(vec![prefix], Some(accept)));
            }
            (FieldRef::Known(known), Range::Integer(from, to)) if known.kind == FieldKind::Integer => {
                (bound(*from, |v| v), bound(*to, |v| v))
            }
            (FieldRef::Known(known), Range::Seconds(from, to)) if known.kind == FieldKind::Seconds => {
                (bound(*from, values::seconds), bound(*to, values::seconds))
            }
            (FieldRef::Known(known), Range::Money(from, to)) if known.kind == FieldKind::Money => {
                (bound(*from, values::money), bound(*to, values::money))
            }
            (FieldRef::Known(known), Range::Time(from, to)) if known.kind == FieldKind::Time => {
                (bound(*from, |v| v.as_nanos()), bound(*to, |v| v.as_nanos()))
            }
            _ => return Err(wrong_kind()),
        };
        self.column_range(name, from, to)
    }

    /// Documents whose value in a column of integers lies in the range; missing values never do.
    pub(super) fn column_range(
        &self,
        name: &str,
        from: Bound<i64>,
        to: Bound<i64>,
    ) -> Result<Boxed, SearchError> {
        let column = self.fields.number_column(name).ok_or_else(|| no_such_field(name))?;
        if from == Bound::Unbounded && to == Bound::Unbounded {
            return Ok(unscored(ExistsQuery::new(name.to_owned(), false)));
        }
        let term = |value: i64| Term::from_field_i64(column, value);
        Ok(unscored(RangeQuery::new(from.map(term), to.map(term))))
    }

    fn value_terms(&self, prefixes: Vec<String>, accept: Option<Accept>) -> Boxed {
        let ranges = prefixes
            .into_iter()
            .map(|prefix| Expansion::Prefix { prefix: prefix.into_bytes(), accept: accept.clone() })
            .collect();
        Box::new(ValueTermsQuery { field: self.fields.terms, ranges, budget: Arc::clone(&self.budget) })
    }

    pub(super) fn term(&self, term: &str) -> Boxed {
        let term = Term::from_field_text(self.fields.terms, term);
        unscored(TermQuery::new(term, IndexRecordOption::Basic))
    }

    fn count_condition(&mut self) -> Result<(), SearchError> {
        self.num_conditions += 1;
        if self.num_conditions > CONDITIONS_MAX {
            return Err(SearchError::TooExpensive(format!("more than {CONDITIONS_MAX} conditions")));
        }
        Ok(())
    }
}

impl Fields {
    fn number_column(&self, name: &str) -> Option<Field> {
        match name {
            ACTIVE_UNTIL => Some(self.active_until),
            super::schema::NEWEST_EVENT => Some(self.newest_event),
            _ => self.numbers.iter().find(|(column, _)| *column == name).map(|(_, field)| *field),
        }
    }
}

/// All clauses together; tantivy finds nothing by exclusions alone. Everything is only asked for where nothing else is.
fn conjunction(mut clauses: Vec<(Occur, Boxed)>) -> Boxed {
    clauses.retain(|(occur, query)| *occur != Occur::Must || !query.is::<AllQuery>());
    if clauses.iter().all(|(occur, _)| *occur != Occur::Must) {
        clauses.push((Occur::Must, unscored(AllQuery)));
    }
    if clauses.len() == 1
        && let Some((_, only)) = clauses.pop()
    {
        return only;
    }
    Box::new(BooleanQuery::new(clauses))
}

/// Conditions on values decide, they do not rank.
fn unscored(query: impl EngineQuery) -> Boxed {
    Box::new(tantivy::query::ConstScoreQuery::new(Box::new(query), 0.0))
}

fn all_but(query: Boxed) -> Boxed {
    conjunction(vec![(Occur::MustNot, query)])
}

/// The slots of an exact phrase. Neighbouring characters are looked up as pairs, which are far rarer than either;
/// every second pair is enough.
fn paired(
    tokens: &[Token],
    exact: impl Fn(&Token) -> Slot,
    term: &impl Fn(TermKind, &str, &str) -> String,
) -> Vec<Slot> {
    let is_character = |at: usize| tokens.get(at).is_some_and(|token| token.word.kind == WordKind::Character);
    let mut slots = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        let pair_at = |second: usize| Slot {
            offset: tokens[second].word.position,
            terms: vec![term(TermKind::Pair, &tokens[second - 1].folded, &tokens[second].folded)],
            expansion: None,
        };
        if is_character(at) && is_character(at + 1) {
            slots.push(pair_at(at + 1));
            at += 2;
        } else if is_character(at) && at > 0 && is_character(at - 1) {
            slots.push(pair_at(at));
            at += 1;
        } else {
            slots.push(exact(&tokens[at]));
            at += 1;
        }
    }
    slots
}

fn owner_of(scope: Scope) -> (Owner, Option<Section>) {
    let section = |from, to| (Owner::Any, Some(Section { from, to }));
    match scope {
        Scope::Default => (Owner::Any, None),
        Scope::Role(Role::User) => section(None, 0),
        Scope::Role(Role::Assistant) => section(Some(0), 1),
        Scope::Role(Role::Human) => section(Some(1), 2),
        Scope::Role(Role::Tool) => section(Some(2), 3),
        Scope::Transcript => section(None, 3),
        Scope::Role(Role::System) => (Owner::System, None),
        Scope::Topic => (Owner::Topic, None),
        Scope::Summary => (Owner::Summary, None),
        Scope::Keywords => (Owner::Keywords, None),
    }
}

/// Whether every match of a query scores alike, so that only the rules for ties order them.
pub(super) fn scores_alike(query: &Query) -> bool {
    match query {
        // A word that begins so, or is so near, is worth the same wherever it stands.
        Query::Text { text, form: TextForm::Prefix | TextForm::Fuzzy { .. }, .. } => tokens(text).len() <= 1,
        Query::Text { .. } => false,
        Query::And(parts) => parts.iter().all(scores_alike),
        Query::Or(_) => !query.searches_words(),
        Query::All | Query::Value { .. } | Query::Range { .. } | Query::Exists { .. } | Query::Not(_) => true,
    }
}

/// Whether a query, of which every text holds a word, by itself finds no tombstone: those have neither words nor values
/// but their id.
fn excludes_tombstones(query: &Query) -> bool {
    match query {
        Query::Text { .. } | Query::Range { .. } => true,
        Query::Value { field, .. } | Query::Exists { field } => field != "id",
        Query::And(parts) => parts.iter().any(excludes_tombstones),
        Query::Or(parts) => parts.iter().all(excludes_tombstones),
        Query::All | Query::Not(_) => false,
    }
}

/// The query without texts that hold no word, such as a lone `?`: they say nothing. `None` if nothing is left.
pub(crate) fn without_wordless(query: &Query) -> Option<Query> {
    let kept = |parts: &[Query]| -> Option<Vec<Query>> {
        let kept: Vec<Query> = parts.iter().filter_map(without_wordless).collect();
        (parts.is_empty() || !kept.is_empty()).then_some(kept)
    };
    match query {
        Query::Text { text, .. } => crate::text::Words::new(text).next_word().map(|_| query.clone()),
        Query::And(parts) => kept(parts).map(Query::And),
        Query::Or(parts) => kept(parts).map(Query::Or),
        Query::Not(part) => Some(Query::Not(Box::new(without_wordless(part)?))),
        Query::All | Query::Value { .. } | Query::Range { .. } | Query::Exists { .. } => Some(query.clone()),
    }
}

fn find(name: &str) -> Result<FieldRef<'_>, SearchError> {
    FieldRef::find(name).ok_or_else(|| no_such_field(name))
}

fn no_such_field(name: &str) -> SearchError {
    SearchError::Invalid(format!("there is no field `{name}`"))
}

fn bound<T: Copy>(edge: Edge<T>, number: impl Fn(T) -> i64) -> Bound<i64> {
    match edge {
        Edge::Open => Bound::Unbounded,
        Edge::Inclusive(value) => Bound::Included(number(value)),
        Edge::Exclusive(value) => Bound::Excluded(number(value)),
    }
}

fn holds(from: Edge<f64>, to: Edge<f64>, number: f64) -> bool {
    let above = match from {
        Edge::Open => true,
        Edge::Inclusive(from) => number >= from,
        Edge::Exclusive(from) => number > from,
    };
    let below = match to {
        Edge::Open => true,
        Edge::Inclusive(to) => number <= to,
        Edge::Exclusive(to) => number < to,
    };
    above && below && !number.is_nan()
}
