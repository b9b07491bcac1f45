//! Words: Hearken cuts and folds them, the cluster's analyzer only takes them apart again at the spaces.
//!
//! A text becomes its words with spaces between; what stands at the same place is joined by `|`: a pictograph and the word
//! before it, and a word and its stem, which is marked so that no prefix or misspelt word meets it. Words hold letters,
//! digits, marks and pictographs alone (see [`hearken_index::text`]), so a message cannot forge a marker.

use std::fmt::Write as _;

use hearken_index::fuzzy::FUZZY_CHARS_MAX;
use hearken_index::phrase::PhraseMatcher;
use hearken_index::query::{Scope, TextForm};
use hearken_index::ranking::Ranking;
use hearken_index::search::SearchError;
use hearken_index::text::{English, Token, WordKind, tokens};
use hearken_model::{Document, Role};
use serde_json::{Value, json};

/// Stands between words that share a place.
pub(crate) const BESIDE: char = '|';
/// Stands before a stem: longer than any number of edits of a fuzzy word.
const STEM: &str = "===";

/// Cuts texts for the index.
#[derive(Default)]
pub(crate) struct Cutter {
    english: English,
}

impl Cutter {
    /// The words of a text as the analyzer takes them; `None` if there are none.
    pub(crate) fn cut(&self, text: &str) -> Option<String> {
        let mut cut = String::with_capacity(text.len() + text.len() / 2);
        let mut last_position = None;
        for Token { word, folded } in tokens(text) {
            if !cut.is_empty() {
                cut.push(if last_position == Some(word.position) { BESIDE } else { ' ' });
            }
            last_position = Some(word.position);
            cut.push_str(&folded);
            if word.kind == WordKind::Letters {
                let stem = self.english.stem(&folded);
                if stem != folded {
                    let _ = write!(cut, "{BESIDE}{STEM}{stem}"); // a string takes everything
                }
            }
        }
        (!cut.is_empty()).then_some(cut)
    }
}

/// A text of a query.
pub(crate) struct Wanted<'q> {
    pub(crate) scope: Scope,
    pub(crate) form: TextForm,
    tokens: Vec<Token>,
    text: &'q str,
}

impl<'q> Wanted<'q> {
    /// `None` if it holds no word.
    pub(crate) fn new(scope: Scope, text: &'q str, form: TextForm) -> Result<Option<Self>, SearchError> {
        let tokens = tokens(text);
        form.check(tokens.len())?;
        let is_fuzzy = matches!(form, TextForm::Fuzzy { distance: 1.. });
        let is_long = |token: &Token| {
            token.word.kind == WordKind::Letters && token.folded.chars().count() > FUZZY_CHARS_MAX
        };
        if is_fuzzy && tokens.iter().any(is_long) {
            return Err(SearchError::TooExpensive(format!(
                "a fuzzy word can have at most {FUZZY_CHARS_MAX} characters"
            )));
        }
        Ok((!tokens.is_empty()).then_some(Wanted { scope, form, tokens, text }))
    }

    pub(crate) fn num_words(&self) -> usize {
        self.tokens.len()
    }

    /// What tells it apart from others.
    pub(crate) fn key(&self) -> (Scope, &'q str, TextForm) {
        (self.scope, self.text, self.form)
    }

    /// Whether no query of the cluster says the same: a phrase with words out of place that repeats a word, or of which two
    /// share a place.
    pub(crate) fn must_be_looked_at(&self) -> bool {
        if !matches!(self.form, TextForm::Phrase { slop: 1.. }) {
            return false;
        }
        let repeats = |(at, token): (usize, &Token)| {
            self.tokens[..at]
                .iter()
                .any(|other| other.folded == token.folded || other.word.position == token.word.position)
        };
        self.tokens.iter().enumerate().any(repeats)
    }

    /// Finds what every match has: all of its words.
    pub(crate) fn candidates(&self) -> Value {
        let in_field = |field: &String| {
            let terms = self.tokens.iter().map(|token| json!({"term": {field: token.folded}}));
            json!({"bool": {"filter": terms.collect::<Vec<_>>()}})
        };
        any_of(fields(self.scope).iter().map(in_field).collect())
    }

    /// Whether the document matches, for those that [must be looked at](Wanted::must_be_looked_at).
    pub(crate) fn matches(&self, document: &Document) -> bool {
        let TextForm::Phrase { slop } = self.form else { return false };
        let offsets: Vec<u32> = self.tokens.iter().map(|token| token.word.position).collect();
        let first_alike = |token: &Token| self.tokens.iter().position(|other| other.folded == token.folded);
        let words: Vec<usize> = self.tokens.iter().map(|token| first_alike(token).unwrap_or(0)).collect();
        let mut matcher = PhraseMatcher::new(&offsets, &words, slop);
        let mut is_found = false;
        for_each_text(document, |field, text| {
            if is_found || !covers(self.scope, field) {
                return;
            }
            let said = tokens(text);
            let lists: Vec<Vec<u32>> = (0..self.tokens.len())
                .map(|slot| {
                    let fits = said.iter().filter(|token| token.folded == self.tokens[slot].folded);
                    fits.map(|token| token.word.position.saturating_add(matcher.shift(slot))).collect()
                })
                .collect();
            is_found = matcher.count(&lists) > 0;
        });
        is_found
    }

    /// As a query; `ranking` says how to score it if that matters.
    pub(crate) fn lower(&self, english: &English, ranking: Option<&Ranking>) -> Value {
        let fields = fields(self.scope);
        let leaves: Vec<Value> = fields.iter().map(|field| self.in_field(field, english)).collect();
        let Some(ranking) = ranking else { return any_of(leaves) };
        let is_ranked =
            self.tokens.len() > 1 || !matches!(self.form, TextForm::Prefix | TextForm::Fuzzy { .. });
        if !is_ranked {
            return json!({"constant_score": {"filter": any_of(leaves)}});
        }
        if self.scope != Scope::Default {
            return json!({"dis_max": {"queries": leaves}});
        }
        let boosted = |query: Value, boost: f32| json!({"bool": {"must": query, "boost": boost}});
        let mut leaves = leaves.into_iter();
        let mut queries: Vec<Value> = leaves.next().into_iter().collect();
        queries.extend(leaves.map(|details| boosted(details, ranking.details)));
        // The words of these fields are in the field of everything, too, so this only adds to the score.
        if matches!(self.form, TextForm::Word | TextForm::Phrase { .. }) {
            let bonuses = [
                ("text.topic", ranking.topic),
                ("text.keywords", ranking.keywords),
                ("text.summary", ranking.summary),
            ];
            queries.extend(bonuses.map(|(field, weight)| boosted(self.in_field(field, english), weight)));
        }
        any_of(queries)
    }

    fn in_field(&self, field: &str, english: &English) -> Value {
        let exact = || {
            let mut phrase = String::new();
            for token in &self.tokens {
                let separator = if phrase.is_empty() { "" } else { " " };
                let _ = write!(phrase, "{separator}{}", token.folded); // a string takes everything
            }
            phrase
        };
        let shares_places = self.tokens.windows(2).any(|pair| pair[0].word.position == pair[1].word.position);
        match (self.form, self.tokens.as_slice()) {
            (TextForm::Word, [token]) => {
                let stem = english.stem(&token.folded);
                let mut terms = Vec::new();
                if english.stem(&stem) == stem {
                    terms.push(stem.to_string());
                }
                // Also for a word too short to have forms itself: `doing` has the stem `do`.
                if stem.bytes().all(|b| b.is_ascii_lowercase()) {
                    terms.push(format!("{STEM}{stem}"));
                }
                // At one place, so that the forms of a word count as one word.
                json!({"match": {field: terms.join(&BESIDE.to_string())}})
            }
            (TextForm::Phrase { .. }, [token]) => json!({"term": {field: token.folded}}),
            (TextForm::Word | TextForm::Phrase { .. }, _) if !shares_places => {
                let slop = if let TextForm::Phrase { slop } = self.form { slop } else { 0 };
                json!({"match_phrase": {field: {"query": exact(), "slop": slop}}})
            }
            (_, [token]) => multi_term(self.form, field, token),
            _ => self.spans(field),
        }
    }

    /// Words side by side, some of which stand for many words or share a place.
    fn spans(&self, field: &str) -> Value {
        let mut places: Vec<Value> = Vec::new();
        for (at, token) in self.tokens.iter().enumerate() {
            let is_last = at + 1 == self.tokens.len();
            let stands_for_many = match self.form {
                TextForm::Prefix => is_last,
                TextForm::Fuzzy { distance } => distance > 0 && token.word.kind == WordKind::Letters,
                TextForm::Word | TextForm::Phrase { .. } => false,
            };
            let span = if stands_for_many {
                json!({"span_multi": {"match": multi_term(self.form, field, token)}})
            } else {
                json!({"span_term": {field: token.folded}})
            };
            let is_beside = at > 0 && self.tokens[at - 1].word.position == token.word.position;
            match places.last_mut().filter(|_| is_beside) {
                Some(place) => *place = json!({"span_containing": {"big": place.take(), "little": span}}),
                None => places.push(span),
            }
        }
        match places.pop() {
            Some(only) if places.is_empty() => only,
            last => {
                places.extend(last);
                json!({"span_near": {"clauses": places, "slop": 0, "in_order": true}})
            }
        }
    }
}

/// A prefix or a fuzzy word; any other word as it is.
fn multi_term(form: TextForm, field: &str, token: &Token) -> Value {
    match form {
        TextForm::Prefix => json!({"prefix": {field: {"value": token.folded}}}),
        TextForm::Fuzzy { distance: distance @ 1.. } if token.word.kind == WordKind::Letters => {
            json!({"fuzzy": {field: {
                // With this rewrite all words count, not only the nearest.
                "value": token.folded, "fuzziness": distance.min(2), "transpositions": true, "rewrite": "constant_score",
            }}})
        }
        _ => json!({"term": {field: token.folded}}),
    }
}

/// The fields that a scope searches. The first of [`Scope::Default`] holds everything but details and system messages.
fn fields(scope: Scope) -> Vec<String> {
    let names: &[&str] = match scope {
        Scope::Default => &["all", "details"],
        Scope::Transcript => &["user", "assistant", "human", "tool"],
        Scope::Role(role) => &[role_field(role)],
        Scope::Topic => &["topic"],
        Scope::Summary => &["summary"],
        Scope::Keywords => &["keywords"],
    };
    names.iter().map(|name| format!("text.{name}")).collect()
}

/// Whether a scope searches the texts that [`for_each_text`] gives under that name.
fn covers(scope: Scope, field: &str) -> bool {
    match scope {
        Scope::Default => field != "system",
        Scope::Transcript => matches!(field, "user" | "assistant" | "human" | "tool"),
        Scope::Role(role) => field == role_field(role),
        Scope::Topic => field == "topic",
        Scope::Summary => field == "summary",
        Scope::Keywords => field == "keywords",
    }
}

fn role_field(role: Role) -> &'static str {
    match role {
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Human => "human",
        Role::Tool => "tool",
        Role::System => "system",
    }
}

/// Calls `visit` with every text that can be searched, and its field.
pub(crate) fn for_each_text(document: &Document, mut visit: impl FnMut(&'static str, &str)) {
    for message in document.state.messages.values() {
        visit(role_field(message.value.role), &message.value.message);
    }
    let head = &document.derived.head;
    let topics = &head.topics_summary;
    topics.topic.iter().for_each(|topic| visit("topic", topic));
    if let Some(summary) = topics.said() {
        visit("summary", &summary);
    }
    topics.keywords.iter().for_each(|keyword| visit("keywords", keyword));
    head.details().for_each(|detail| visit("details", &detail.text));
}

/// Any of the queries.
pub(crate) fn any_of(mut queries: Vec<Value>) -> Value {
    match queries.pop() {
        None => json!({"match_none": {}}),
        Some(only) if queries.is_empty() => only,
        Some(last) => {
            queries.push(last);
            json!({"bool": {"should": queries, "minimum_should_match": 1}})
        }
    }
}
