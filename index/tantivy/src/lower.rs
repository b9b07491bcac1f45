//! From the query tree to tantivy's queries, and to the same conditions for the live tier.

use std::ops::{Bound, RangeBounds};
use std::sync::Arc;

use hearken_index::fuzzy::{self, FUZZY_CHARS_MAX};
use hearken_index::phrase::PhraseMatcher;
use hearken_index::query::{CONDITIONS_MAX, Edge, Query, Range, TextForm, ValueMatch, WORDS_MAX};
use hearken_index::ranking::Ranking;
use hearken_index::search::{Filter, FilterValue, SearchError, Selection};
use hearken_index::text::{English, Token, WordKind, fold_case, tokens};
use hearken_index::values::{self, FieldRef};
use hearken_index::{Access, Organizations};
use hearken_model::field::FieldKind;
use hearken_model::{Role, Status, Timestamp};
use tantivy::Term;
use tantivy::query::{
    AllQuery, BooleanQuery, EmptyQuery, ExistsQuery, Occur, Query as EngineQuery, RangeQuery, TermQuery,
};
use tantivy::schema::{Field, IndexRecordOption};

use super::budget::SearchBudget;
use super::collect::engine;
use super::columns::ColumnCache;
use super::document::{TermKind, TermOwner, class};
use super::expansion::{Accept, Expansion};
use super::live::{Fits, LiveDocument, LiveQuery, Ranked, Speaker, Texts, WordsCondition};
use super::schema::{
    ACTIVE_UNTIL, Fields, HIDDEN, LLM_PENDING, NEWEST_EVENT, ValueCase, beginning, term_name, value_term,
    value_term_prefix,
};
use super::value_terms::ValueTermsQuery;
use super::view::View;
use super::words::{LiveStatistics, Slot, TextSection, WordsQuery};

type Boxed = Box<dyn EngineQuery>;

/// A query for the last commit and the same for the live tier.
pub(super) struct Lowered {
    pub(super) engine: Boxed,
    pub(super) live: LiveQuery,
}

impl Lowered {
    fn new(engine: impl EngineQuery, live: LiveQuery) -> Self {
        Lowered { engine: Box::new(engine), live }
    }

    /// A condition on values: it filters and does not rank.
    fn test(engine: Boxed, test: impl Fn(&LiveDocument) -> bool + Send + Sync + 'static) -> Self {
        Lowered { engine, live: LiveQuery::Test(Box::new(test)) }
    }

    fn nothing() -> Self {
        Lowered::new(EmptyQuery, LiveQuery::None)
    }

    /// Worth 1, as tantivy has it.
    fn everything() -> Self {
        Lowered::new(AllQuery, LiveQuery::All(1.0))
    }
}

type Clause = (Occur, Lowered);

/// Lowers the parts of one search.
pub(super) struct Lowering<'a> {
    fields: &'a Fields,
    columns: &'a Arc<ColumnCache>,
    view: &'a View,
    budget: Arc<SearchBudget>,
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
        view: &'a View,
        budget: Arc<SearchBudget>,
        ranking: Option<Ranking>,
    ) -> Self {
        let english = English::default();
        Lowering { fields, columns, view, budget, english, ranking, num_conditions: 0, num_words: 0 }
    }

    /// The selection, without the filter on one field if a facet asks for that; never a tombstone.
    pub(super) fn selection(
        &mut self,
        selection: &Selection,
        without: Option<&str>,
    ) -> Result<Lowered, SearchError> {
        let Some(query) = selection.query.without_wordless() else {
            return Ok(Lowered::nothing());
        };
        // The live tier has its tombstones tested first, and the engine where no other condition excludes them.
        let mut clauses = vec![];
        self.conjunct(&query, &mut clauses)?;
        let mut excludes_tombstones = excludes_tombstones(&query);
        for (name, filter) in selection.filters.iter().filter(|(name, _)| without != Some(name)) {
            clauses.append(&mut self.filter(name, filter)?);
            let wants_a_value = !filter.any_of.is_empty() && !filter.any_of.contains(&FilterValue::Missing);
            excludes_tombstones |= wants_a_value && name != "id";
        }
        if let Access::Only(organizations) = &selection.access {
            clauses.push((Occur::Must, self.access(organizations)));
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
        if !excludes_tombstones && self.has_tombstones().map_err(engine)? {
            clauses.push((Occur::MustNot, self.erased()));
        }
        let Lowered { engine, live } = conjunction(clauses);
        Ok(Lowered { engine, live: LiveQuery::And(vec![LiveQuery::Visible, live]) })
    }

    fn access(&self, organizations: &Organizations) -> Lowered {
        let any_of = organizations.iter().map(|organization| {
            let term = value_term("organization", ValueCase::Exact, organization);
            (Occur::Should, self.term(&term))
        });
        let engine = unscored(BooleanQuery::new(any_of.collect()));
        let access = Access::Only(organizations.clone());
        Lowered::test(engine, move |document| {
            access.admits(document.document.derived.head.organization.as_deref())
        })
    }

    /// Traces of erased interactions.
    pub(super) fn erased(&self) -> Lowered {
        Lowered { engine: self.term(HIDDEN), live: LiveQuery::Not(Box::new(LiveQuery::Visible)) }
    }

    fn has_tombstones(&self) -> tantivy::Result<bool> {
        Ok(self.view.searcher.doc_freq(&Term::from_field_text(self.fields.terms, HIDDEN))? > 0)
    }

    /// Interactions in progress.
    pub(super) fn in_progress(&self) -> Lowered {
        let term = value_term("status", ValueCase::Exact, Status::InProgress.as_str());
        Lowered::test(self.term(&term), is_in_progress)
    }

    /// Interactions in progress whose newest event is not after `cutoff`.
    pub(super) fn idle_since(&self, cutoff: Timestamp) -> Result<Lowered, SearchError> {
        let idle = self.column_range(NEWEST_EVENT, Bound::Unbounded, Bound::Included(cutoff.as_nanos()))?;
        Ok(conjunction(vec![(Occur::Must, self.in_progress()), (Occur::Must, idle)]))
    }

    /// What the selection finds of which the newest event is not after `cutoff`.
    pub(super) fn silent_since(
        &mut self,
        cutoff: Timestamp,
        selection: &Selection,
    ) -> Result<Lowered, SearchError> {
        let silent = self.column_range(NEWEST_EVENT, Bound::Unbounded, Bound::Included(cutoff.as_nanos()))?;
        Ok(conjunction(vec![(Occur::Must, self.selection(selection, None)?), (Occur::Must, silent)]))
    }

    /// Interactions that a language model has still to be asked about and that have ended, or whose newest event is not
    /// after `rested_since`.
    pub(super) fn llm_pending(&self, rested_since: Timestamp) -> Result<Lowered, SearchError> {
        let rested = Bound::Included(rested_since.as_nanos());
        let rested = self.column_range(NEWEST_EVENT, Bound::Unbounded, rested)?;
        let stirring = conjunction(vec![(Occur::Must, self.in_progress()), (Occur::MustNot, rested)]);
        let pending = Lowered::test(self.term(LLM_PENDING), |document| document.document.derived.llm_pending);
        Ok(conjunction(vec![(Occur::Must, pending), (Occur::MustNot, stirring)]))
    }

    /// One filter.
    fn filter(&mut self, name: &str, filter: &Filter) -> Result<Vec<Clause>, SearchError> {
        let mut clauses = Vec::new();
        match filter.any_of.as_slice() {
            [] => {}
            [value] => clauses.push((Occur::Must, self.filter_value(name, value)?)),
            any_of => {
                let any_of = any_of.iter().map(|value| self.filter_value(name, value));
                let Lowered { engine, live } = disjunction(any_of.collect::<Result<_, _>>()?);
                clauses.push((Occur::Must, Lowered { engine: unscored(engine), live }));
            }
        }
        for value in &filter.none_of {
            clauses.push((Occur::MustNot, self.filter_value(name, value)?));
        }
        Ok(clauses)
    }

    fn filter_value(&mut self, name: &str, value: &FilterValue) -> Result<Lowered, SearchError> {
        self.count_condition()?;
        let field = find(name)?;
        match value {
            FilterValue::Missing => Ok(conjunction(vec![(Occur::MustNot, self.exists(field)?)])),
            FilterValue::Within(range) => self.range(name, range),
            FilterValue::Is(value) if field.is_keyword() => {
                let engine = self.term(&value_term(&term_name(field), ValueCase::Exact, value));
                let value = value.clone();
                Ok(keyword_test(engine, field, move |has| has == value))
            }
            FilterValue::Is(_) => Err(SearchError::Invalid(format!("`{name}` is filtered by ranges"))),
        }
    }

    /// Adds the clauses of a condition that must hold.
    fn conjunct(&mut self, query: &Query, clauses: &mut Vec<Clause>) -> Result<(), SearchError> {
        match query {
            Query::All => clauses.push((Occur::Must, Lowered::everything())),
            Query::And(parts) => {
                for part in parts {
                    self.conjunct(part, clauses)?;
                }
                if parts.is_empty() {
                    clauses.push((Occur::Must, Lowered::everything()));
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

    fn lower(&mut self, query: &Query) -> Result<Lowered, SearchError> {
        Ok(match query {
            Query::All => Lowered::everything(),
            Query::And(_) | Query::Not(_) => {
                let mut clauses = Vec::new();
                self.conjunct(query, &mut clauses)?;
                conjunction(clauses)
            }
            Query::Or(parts) if parts.is_empty() => Lowered::nothing(),
            Query::Or(parts) => {
                let parts = parts.iter().map(|part| self.lower(part));
                disjunction(parts.collect::<Result<_, _>>()?)
            }
            Query::Text { scope, text, form } => {
                self.count_condition()?;
                match self.ranked_text(Texts::from(*scope), text, *form)? {
                    Some((words, condition)) => Lowered::new(words, LiveQuery::Words(Box::new(condition))),
                    None => Lowered::nothing(),
                }
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

    /// Words, and what they are worth if ranks are wanted. `None` if the text holds no word.
    fn ranked_text(
        &mut self,
        texts: Texts,
        text: &str,
        form: TextForm,
    ) -> Result<Option<(WordsQuery, WordsCondition)>, SearchError> {
        let Some((mut words, mut condition)) = self.text(texts, text, form)? else { return Ok(None) };
        let Some(ranking) = self.ranking else { return Ok(Some((words, condition))) };
        let prepared = words
            .prepare(&self.view.searcher, &self.live_statistics(&words, &condition), None)
            .map_err(engine)?;
        if texts == Texts::Common && prepared.bm25.is_some() {
            let in_details = Texts::Of(Speaker::Details);
            if let Some(mut details) = self.words(in_details, &tokens(text), form)? {
                details.prepare_count(&self.view.searcher, &prepared).map_err(engine)?;
                words.details = Some((Box::new(details), ranking.details));
            }
        }
        let mut bonuses = Vec::new();
        if texts == Texts::Common && matches!(form, TextForm::Word | TextForm::Phrase { .. }) {
            let num_words = self.num_words;
            for (speaker, weight) in [
                (Speaker::Topic, ranking.topic),
                (Speaker::Keywords, ranking.keywords),
                (Speaker::Summary, ranking.summary),
            ] {
                let texts = Texts::Of(speaker);
                let Some((mut bonus, mut condition)) = self.text(texts, text, form)? else { continue };
                let live = self.live_statistics(&bonus, &condition);
                let prepared = bonus.prepare(&self.view.searcher, &live, Some(&prepared)).map_err(engine)?;
                condition.ranked = prepared.bm25.clone().map(Ranked::plainly);
                words.bonuses.push((bonus, weight));
                bonuses.push((condition, weight));
            }
            self.num_words = num_words; // the same words once more are no larger query
        }
        let in_details = ranking.details;
        condition.ranked = prepared.bm25.clone().map(|bm25| Ranked { bm25, bonuses, in_details });
        Ok(Some((words, condition)))
    }

    /// What the live tier adds to what is known of the words.
    fn live_statistics(&self, words: &WordsQuery, condition: &WordsCondition) -> LiveStatistics {
        let overlay = self.view.overlay();
        let slots = words.slots.iter().map(|slot| slot.tokens.clone());
        LiveStatistics {
            num_documents: overlay.num_documents() as u64,
            num_terms: overlay.num_terms(),
            frequencies: condition.frequencies(slots, overlay.documents()),
        }
    }

    /// `None` if the text holds no word.
    fn text(
        &mut self,
        texts: Texts,
        text: &str,
        form: TextForm,
    ) -> Result<Option<(WordsQuery, WordsCondition)>, SearchError> {
        let tokens = tokens(text);
        self.num_words += tokens.len();
        if self.num_words > WORDS_MAX {
            return Err(SearchError::TooExpensive(format!("more than {WORDS_MAX} words")));
        }
        form.check(tokens.len())?;
        let Some(words) = self.words(texts, &tokens, form)? else { return Ok(None) };
        Ok(Some((words, self.condition(texts, &tokens, form, slop_of(form)))))
    }

    /// Words for the engine; `None` if there are none.
    fn words(
        &self,
        texts: Texts,
        tokens: &[Token],
        form: TextForm,
    ) -> Result<Option<WordsQuery>, SearchError> {
        let (owner, section) = owner_of(texts);
        let slots = self.slots(owner, tokens, form)?;
        let words = WordsQuery {
            field: self.fields.text,
            slots,
            slop: slop_of(form),
            section,
            bonuses: Vec::new(),
            details: None,
            prepared: None,
            columns: Arc::clone(self.columns),
            budget: Arc::clone(&self.budget),
        };
        Ok((!words.slots.is_empty()).then_some(words))
    }

    /// The same words for the live tier, which needs no pairs of characters.
    fn condition(&self, texts: Texts, tokens: &[Token], form: TextForm, slop: u32) -> WordsCondition {
        let fits = |(at, token): (usize, &Token)| match form {
            TextForm::Word if tokens.len() == 1 => Fits::Stem(self.english.stem(&token.folded).into_owned()),
            TextForm::Prefix if at + 1 == tokens.len() => Fits::Prefix(token.folded.clone()),
            TextForm::Fuzzy { distance: distance @ 1.. } if token.word.kind == WordKind::Letters => {
                Fits::Fuzzy(Box::new(fuzzy::automaton(&token.folded, distance)))
            }
            _ => Fits::Word(token.folded.clone()),
        };
        let overlay = self.view.overlay();
        let slots: Vec<_> = tokens
            .iter()
            .enumerate()
            .map(fits)
            .map(|fits| fits.look_up(overlay.vocabularies(), &self.budget))
            .collect();
        let offsets: Vec<u32> = tokens.iter().map(|token| token.word.position).collect();
        let alike = |token: &Token| tokens.iter().position(|other| other.folded == token.folded).unwrap_or(0);
        let words: Vec<usize> = tokens.iter().map(alike).collect();
        WordsCondition {
            texts,
            matcher: PhraseMatcher::new(&offsets, &words, slop),
            ranked: None,
            positions: vec![Vec::new(); slots.len()],
            slots,
        }
    }

    fn slots(&self, owner: TermOwner, tokens: &[Token], form: TextForm) -> Result<Vec<Slot>, SearchError> {
        let term = |kind, first: &str, second: &str| {
            let mut term = String::from(char::from(class(owner, kind)));
            term.push_str(first);
            term.push_str(second);
            term
        };
        let slot = |at: usize, terms, expansion| Slot {
            offset: tokens[at].word.position,
            terms,
            expansion,
            tokens: at..at + 1,
        };
        let exact = |at: usize| slot(at, vec![term(TermKind::Word, &tokens[at].folded, "")], None);
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
                Ok(vec![slot(0, terms, None)])
            }
            (TextForm::Phrase { slop: 1.. }, _) => Ok((0..tokens.len()).map(exact).collect()),
            (TextForm::Word | TextForm::Phrase { .. }, _) => Ok(paired(tokens, exact, &term)),
            (TextForm::Prefix, [before @ .., last]) => {
                let prefix = term(TermKind::Word, &last.folded, "").into_bytes();
                let mut slots = paired(before, exact, &term);
                slots.push(slot(before.len(), Vec::new(), Some(Expansion::Prefix { prefix, accept: None })));
                Ok(slots)
            }
            (TextForm::Prefix, []) => Ok(Vec::new()),
            (TextForm::Fuzzy { distance }, _) => tokens
                .iter()
                .enumerate()
                .map(|(at, token)| {
                    if token.word.kind != WordKind::Letters || distance == 0 {
                        return Ok(exact(at));
                    }
                    if token.folded.chars().count() > FUZZY_CHARS_MAX {
                        return Err(SearchError::TooExpensive(format!(
                            "a fuzzy word can have at most {FUZZY_CHARS_MAX} characters"
                        )));
                    }
                    let class = class(owner, TermKind::Word);
                    let expansion = Expansion::fuzzy(class, &token.folded, distance);
                    Ok(slot(at, Vec::new(), Some(expansion)))
                })
                .collect(),
        }
    }

    fn value(&mut self, field: FieldRef<'_>, value: &ValueMatch) -> Result<Lowered, SearchError> {
        if !field.is_keyword() {
            let FieldRef::Known(known) = field else { return Ok(Lowered::nothing()) };
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
                let folded = fold_case(value).into_owned();
                let terms = [ValueCase::Exact, ValueCase::Folded]
                    .map(|case| (Occur::Should, self.term(&value_term(&name, case, &folded))));
                let engine = unscored(BooleanQuery::new(terms.into()));
                keyword_test(engine, field, move |has| fold_case(has) == folded)
            }
            ValueMatch::StartsWith(start) => {
                let folded = fold_case(start);
                let start = beginning(&folded).to_owned();
                let ranges =
                    [ValueCase::Exact, ValueCase::Folded].map(|case| value_term_prefix(&name, case) + &start);
                let engine = self.value_terms(ranges.into(), None);
                keyword_test(engine, field, move |has| fold_case(has).starts_with(&start))
            }
        })
    }

    fn exists(&self, field: FieldRef<'_>) -> Result<Lowered, SearchError> {
        Ok(match field {
            FieldRef::Known(known) if known.name == "id" => Lowered::everything(),
            FieldRef::Known(known) => {
                let engine = unscored(ExistsQuery::new(known.name.to_owned(), false));
                if known.kind == FieldKind::Keyword {
                    keyword_test(engine, field, |_| true)
                } else {
                    Lowered::test(engine, move |document| {
                        values::number_of(&document.document, known).is_some()
                    })
                }
            }
            FieldRef::Metadata(_) => {
                let prefix = value_term_prefix(&term_name(field), ValueCase::Exact);
                keyword_test(self.value_terms(vec![prefix], None), field, |_| true)
            }
        })
    }

    fn range(&self, name: &str, range: &Range) -> Result<Lowered, SearchError> {
        let field = find(name)?;
        let wrong_kind = || SearchError::Invalid(format!("`{name}` cannot be compared with such a range"));
        let (from, to) = match (field, range) {
            (FieldRef::Metadata(_), Range::Number(from, to)) => {
                let (from, to) = (from.clone(), to.clone());
                let is_within = move |value: &str| values::number_within(value, &from, &to);
                let accept: Accept = Arc::new({
                    let is_within = is_within.clone();
                    move |value: &[u8]| std::str::from_utf8(value).is_ok_and(&is_within)
                });
                let prefix = value_term_prefix(&term_name(field), ValueCase::Exact);
                return Ok(keyword_test(self.value_terms(vec![prefix], Some(accept)), field, is_within));
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
    fn column_range(&self, name: &str, from: Bound<i64>, to: Bound<i64>) -> Result<Lowered, SearchError> {
        let (name, column) = self.fields.number_column(name).ok_or_else(|| no_such_field(name))?;
        let engine = if from == Bound::Unbounded && to == Bound::Unbounded {
            unscored(ExistsQuery::new(name.to_owned(), false))
        } else {
            let term = |value: i64| Term::from_field_i64(column, value);
            unscored(RangeQuery::new(from.map(term), to.map(term)))
        };
        Ok(Lowered::test(engine, move |document| {
            column_value(document, name).is_some_and(|value| (from, to).contains(&value))
        }))
    }

    fn value_terms(&self, prefixes: Vec<String>, accept: Option<Accept>) -> Boxed {
        let ranges = prefixes
            .into_iter()
            .map(|prefix| Expansion::Prefix { prefix: prefix.into_bytes(), accept: accept.clone() })
            .collect();
        Box::new(ValueTermsQuery { field: self.fields.terms, ranges, budget: Arc::clone(&self.budget) })
    }

    fn term(&self, term: &str) -> Boxed {
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
    fn number_column(&self, name: &str) -> Option<(&'static str, Field)> {
        match name {
            ACTIVE_UNTIL => Some((ACTIVE_UNTIL, self.active_until)),
            NEWEST_EVENT => Some((NEWEST_EVENT, self.newest_event)),
            _ => self.numbers.iter().find(|(column, _)| *column == name).copied(),
        }
    }
}

/// What the engine has in that column.
pub(super) fn column_value(document: &LiveDocument, name: &str) -> Option<i64> {
    let document = &document.document;
    if document.state.is_hidden() {
        return None;
    }
    match name {
        ACTIVE_UNTIL => values::active_until(document),
        NEWEST_EVENT => Some(document.state.newest_event.as_nanos()),
        _ => values::number(document, name),
    }
}

/// A condition on the values of a field that holds text.
fn keyword_test(
    engine: Boxed,
    field: FieldRef<'_>,
    holds: impl Fn(&str) -> bool + Send + Sync + 'static,
) -> Lowered {
    match field {
        FieldRef::Known(field) => Lowered::test(engine, move |document| {
            let mut any = false;
            values::for_each_text(&document.document, field, |value| any |= holds(value));
            any
        }),
        FieldRef::Metadata(key) => {
            let key = key.to_owned();
            Lowered::test(engine, move |document| {
                document.document.derived.head.metadata.get(&key).is_some_and(|value| holds(&value.text()))
            })
        }
    }
}

fn is_in_progress(document: &LiveDocument) -> bool {
    document.document.derived.head.status == Some(Status::InProgress)
}

/// All clauses together; tantivy finds nothing by exclusions alone. Everything is only asked for where nothing else is.
fn conjunction(mut clauses: Vec<Clause>) -> Lowered {
    clauses.retain(|(occur, part)| *occur != Occur::Must || !part.engine.is::<AllQuery>());
    if clauses.iter().all(|(occur, _)| *occur != Occur::Must) {
        clauses.push((Occur::Must, Lowered { engine: unscored(AllQuery), live: LiveQuery::All(0.0) }));
    }
    if clauses.len() == 1
        && let Some((_, only)) = clauses.pop()
    {
        return only;
    }
    let mut engine = Vec::with_capacity(clauses.len());
    let mut live = Vec::with_capacity(clauses.len());
    for (occur, part) in clauses {
        engine.push((occur, part.engine));
        live.push(match occur {
            Occur::MustNot => LiveQuery::Not(Box::new(part.live)),
            Occur::Must | Occur::Should => part.live,
        });
    }
    Lowered::new(BooleanQuery::new(engine), LiveQuery::And(live))
}

/// Any of the parts.
fn disjunction(parts: Vec<Lowered>) -> Lowered {
    let (engine, live) = parts.into_iter().map(|part| ((Occur::Should, part.engine), part.live)).unzip();
    Lowered::new(BooleanQuery::new(engine), LiveQuery::Or(live))
}

/// Conditions on values filter and do not rank.
fn unscored(query: impl EngineQuery) -> Boxed {
    Box::new(tantivy::query::ConstScoreQuery::new(Box::new(query), 0.0))
}

/// The slots of an exact phrase. Neighbouring characters are looked up as pairs, which are far rarer than either;
/// every second pair is enough.
fn paired(
    tokens: &[Token],
    exact: impl Fn(usize) -> Slot,
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
            tokens: second - 1..second + 1,
        };
        if is_character(at) && is_character(at + 1) {
            slots.push(pair_at(at + 1));
            at += 2;
        } else if is_character(at) && at > 0 && is_character(at - 1) {
            slots.push(pair_at(at));
            at += 1;
        } else {
            slots.push(exact(at));
            at += 1;
        }
    }
    slots
}

fn owner_of(texts: Texts) -> (TermOwner, Option<TextSection>) {
    let section = |from, to| (TermOwner::Any, Some(TextSection { from, to }));
    match texts {
        Texts::Common => (TermOwner::Any, None),
        Texts::Transcript => section(None, 3),
        Texts::Of(Speaker::Role(Role::User)) => section(None, 0),
        Texts::Of(Speaker::Role(Role::Assistant)) => section(Some(0), 1),
        Texts::Of(Speaker::Role(Role::Human)) => section(Some(1), 2),
        Texts::Of(Speaker::Role(Role::Tool)) => section(Some(2), 3),
        Texts::Of(Speaker::Role(Role::System)) => (TermOwner::System, None),
        Texts::Of(Speaker::Topic) => (TermOwner::Topic, None),
        Texts::Of(Speaker::Summary) => (TermOwner::Summary, None),
        Texts::Of(Speaker::Keywords) => (TermOwner::Keywords, None),
        Texts::Of(Speaker::Details) => (TermOwner::Details, None),
    }
}

fn slop_of(form: TextForm) -> u32 {
    match form {
        TextForm::Phrase { slop } => slop,
        TextForm::Word | TextForm::Prefix | TextForm::Fuzzy { .. } => 0,
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
