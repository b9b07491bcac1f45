//! The query tree: what the query language means, independent of any engine.
//!
//! `query` parses text into it, the engines lower it, [`crate::highlight`] finds in messages what it matched, and
//! the tests' oracle evaluates it plainly.

use std::fmt;

use crate::decimal::Decimal;
use crate::search::SearchError;
use crate::text::{MESSAGE_GAP, SLOP_MAX, Words, tokens};

/// Most text and value conditions in one query.
pub const CONDITIONS_MAX: usize = 1_024;
/// Most words in all texts of one query.
pub const WORDS_MAX: usize = 2_048;

/// Which words are searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// What users, assistants, humans and tools said, topic, summary and keywords, and, ranked below, the
    /// [`hearken_model::Details`]: words without a scope.
    Default,
    /// Only what users, assistants, humans and tools said.
    Transcript,
    /// Only what that role said.
    Role(hearken_model::Role),
    /// The topic's words.
    Topic,
    /// The summary's words.
    Summary,
    /// The keywords' words.
    Keywords,
}

/// How a text is matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TextForm {
    /// Unquoted: one word matches its English forms; a text that falls into several words (`55-A12`, an e-mail
    /// address, a run of Chinese) is a phrase of its parts.
    Word,
    /// Quoted: exact word forms in sequence, at most `slop` positions out of place, never across two messages.
    Phrase {
        /// 0 is exact; at most [`crate::text::SLOP_MAX`].
        slop: u32,
    },
    /// Every word that begins with the text.
    Prefix,
    /// Every word at most `distance` edits away; a transposition is one edit.
    Fuzzy {
        /// 1 or 2.
        distance: u8,
    },
}

impl TextForm {
    /// Whether a text of that many words can be matched in this way.
    ///
    /// # Errors
    /// [`SearchError::Invalid`]: words so far out of place could match across two messages.
    pub fn check(self, num_words: usize) -> Result<(), SearchError> {
        let slop = match self {
            TextForm::Phrase { slop } => slop,
            TextForm::Word | TextForm::Prefix | TextForm::Fuzzy { .. } => 0,
        };
        if slop > SLOP_MAX {
            return Err(SearchError::Invalid(format!(
                "words can be at most {SLOP_MAX} positions out of place"
            )));
        }
        if slop > 0 && num_words as u32 + slop > MESSAGE_GAP {
            let words_max = MESSAGE_GAP - slop;
            return Err(SearchError::Invalid(format!(
                "a phrase with words {slop} positions out of place can have at most {words_max} words"
            )));
        }
        Ok(())
    }
}

/// How a whole value is matched; letter case never matters in the query language.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ValueMatch {
    /// The whole value.
    Is(String),
    /// Its beginning.
    StartsWith(String),
}

/// One end of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Edge<T> {
    /// `*`
    Open,
    /// The value belongs to the range.
    Inclusive(T),
    /// The value does not.
    Exclusive(T),
}

/// A range over one kind of field (see [`hearken_model::field::FieldKind`]). Shown in the brackets of the query language,
/// which reads it back: `[60 TO 300}`.
#[derive(Debug, Clone, PartialEq)]
pub enum Range {
    /// Over an integer field.
    Integer(Edge<i64>, Edge<i64>),
    /// Over seconds.
    Seconds(Edge<f64>, Edge<f64>),
    /// Over money.
    Money(Edge<hearken_model::Money>, Edge<hearken_model::Money>),
    /// Over instants.
    Time(Edge<hearken_model::Timestamp>, Edge<hearken_model::Timestamp>),
    /// Over metadata values that are numbers, compared exactly.
    Number(Edge<Decimal>, Edge<Decimal>),
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Range::Integer(from, to) => in_brackets(from, to, f),
            Range::Seconds(from, to) => in_brackets(from, to, f),
            Range::Number(from, to) => in_brackets(from, to, f),
            Range::Money(from, to) => in_brackets(from, to, f),
            Range::Time(from, to) => in_brackets(from, to, f),
        }
    }
}

fn in_brackets<T: fmt::Display>(from: &Edge<T>, to: &Edge<T>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let end = |edge: &Edge<T>, f: &mut fmt::Formatter<'_>| match edge {
        Edge::Open => f.write_str("*"),
        Edge::Inclusive(value) | Edge::Exclusive(value) => value.fmt(f),
    };
    f.write_str(if matches!(from, Edge::Exclusive(_)) { "{" } else { "[" })?;
    end(from, f)?;
    f.write_str(" TO ")?;
    end(to, f)?;
    f.write_str(if matches!(to, Edge::Exclusive(_)) { "}" } else { "]" })
}

/// A query.
#[derive(Debug, Clone, PartialEq)]
pub enum Query {
    /// Every interaction.
    All,
    /// Words somewhere in the scope.
    Text {
        /// Where.
        scope: Scope,
        /// As the user wrote it, without quotes and escapes.
        text: String,
        /// How.
        form: TextForm,
    },
    /// A whole value of a field of [`hearken_model::field::FIELDS`], or `metadata.<key>`.
    Value {
        /// The field.
        field: String,
        /// The value.
        value: ValueMatch,
    },
    /// A range of a field's values.
    Range {
        /// The field.
        field: String,
        /// From, to.
        range: Range,
    },
    /// The field has any value: `field:*`.
    Exists {
        /// The field.
        field: String,
    },
    /// All of them; none at all matches everything.
    And(Vec<Query>),
    /// Any of them; none at all matches nothing.
    Or(Vec<Query>),
    /// Everything but.
    Not(Box<Query>),
}

impl Query {
    /// Whether words are searched for that can be more or less relevant; what is excluded does not count.
    pub fn searches_words(&self) -> bool {
        match self {
            Query::Text { .. } => true,
            Query::And(parts) | Query::Or(parts) => parts.iter().any(Query::searches_words),
            Query::All | Query::Value { .. } | Query::Range { .. } | Query::Exists { .. } | Query::Not(_) => {
                false
            }
        }
    }

    /// The query without texts that hold no word, such as a lone `?`: they say nothing. `None` if nothing is left.
    pub fn without_wordless(&self) -> Option<Query> {
        let kept = |parts: &[Query]| -> Option<Vec<Query>> {
            let kept: Vec<Query> = parts.iter().filter_map(Query::without_wordless).collect();
            (parts.is_empty() || !kept.is_empty()).then_some(kept)
        };
        match self {
            Query::Text { text, .. } => Words::new(text).next_word().map(|_| self.clone()),
            Query::And(parts) => kept(parts).map(Query::And),
            Query::Or(parts) => kept(parts).map(Query::Or),
            Query::Not(part) => Some(Query::Not(Box::new(part.without_wordless()?))),
            Query::All | Query::Value { .. } | Query::Range { .. } | Query::Exists { .. } => {
                Some(self.clone())
            }
        }
    }

    /// Whether every match scores alike, so that only the rules for ties order them.
    pub fn scores_alike(&self) -> bool {
        match self {
            // A word that begins so, or is so near, is worth the same wherever it stands.
            Query::Text { text, form: TextForm::Prefix | TextForm::Fuzzy { .. }, .. } => {
                tokens(text).len() <= 1
            }
            Query::Text { .. } => false,
            Query::And(parts) => parts.iter().all(Query::scores_alike),
            Query::Or(_) => !self.searches_words(),
            Query::All | Query::Value { .. } | Query::Range { .. } | Query::Exists { .. } | Query::Not(_) => {
                true
            }
        }
    }
}
