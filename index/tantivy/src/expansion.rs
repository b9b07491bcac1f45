//! Terms that a prefix, a fuzzy word or a range of values stands for, read from a segment's term dictionary.

use std::sync::Arc;

use hearken_index::fuzzy;
use levenshtein_automata::{DFA, Distance, SINK_STATE};
use tantivy::index::InvertedIndexReader;
use tantivy::postings::TermInfo;
use tantivy_fst::Automaton;

use super::budget::SearchBudget;

/// Which terms are meant.
#[derive(Clone)]
pub(super) enum Expansion {
    /// All that begin with the bytes and are accepted.
    Prefix { prefix: Vec<u8>, accept: Option<Accept> },
    /// The class byte and a word at most this many edits away.
    Fuzzy { class: u8, automaton: Arc<DFA> },
}

/// Decides on what follows the prefix.
pub(super) type Accept = Arc<dyn Fn(&[u8]) -> bool + Send + Sync>;

impl Expansion {
    /// A word at most `distance` (1 or 2) edits away; swapping two neighbours is one.
    pub(super) fn fuzzy(class: u8, word: &str, distance: u8) -> Self {
        Expansion::Fuzzy { class, automaton: Arc::new(fuzzy::automaton(word, distance)) }
    }

    /// Calls `visit` with every term in order until it answers `false` or the budget is spent.
    pub(super) fn for_each(
        &self,
        index: &InvertedIndexReader,
        budget: &SearchBudget,
        mut visit: impl FnMut(&TermInfo) -> tantivy::Result<bool>,
    ) -> tantivy::Result<()> {
        // A walk that finds nothing costs something, too, and a query may have a thousand of them.
        if budget.is_spent() {
            return Ok(());
        }
        let mut num_postings = 0;
        let mut looked_at = 0;
        let mut goes_on = |info: &TermInfo| {
            const LOOK_EVERY: u64 = 1 << 16;
            num_postings += u64::from(info.doc_freq) + 1;
            if num_postings - looked_at > LOOK_EVERY {
                budget.read_postings(num_postings - looked_at);
                looked_at = num_postings;
                if budget.is_spent() {
                    return Ok(false);
                }
            }
            visit(info)
        };
        match self {
            Expansion::Prefix { prefix, accept } => {
                let mut terms = index.terms().range().ge(prefix).into_stream()?;
                while let Some((term, info)) = terms.next() {
                    let Some(rest) = term.strip_prefix(prefix.as_slice()) else { break };
                    if accept.as_ref().is_none_or(|accept| accept(rest)) && !goes_on(info)? {
                        break;
                    }
                }
            }
            Expansion::Fuzzy { class, automaton } => {
                let automaton = FuzzyTerm { class: *class, automaton };
                let mut terms = index.terms().search(automaton).into_stream()?;
                while let Some((_, info)) = terms.next() {
                    if !goes_on(info)? {
                        break;
                    }
                }
            }
        }
        budget.read_postings(num_postings - looked_at);
        Ok(())
    }
}

/// A class byte, then a word near enough.
struct FuzzyTerm<'a> {
    class: u8,
    automaton: &'a DFA,
}

impl Automaton for FuzzyTerm<'_> {
    /// `None` before the class byte.
    type State = Option<u32>;

    fn start(&self) -> Option<u32> {
        None
    }

    fn is_match(&self, state: &Option<u32>) -> bool {
        state.is_some_and(|state| matches!(self.automaton.distance(state), Distance::Exact(_)))
    }

    fn can_match(&self, state: &Option<u32>) -> bool {
        *state != Some(SINK_STATE)
    }

    fn accept(&self, state: &Option<u32>, byte: u8) -> Option<u32> {
        Some(match state {
            Some(state) => self.automaton.transition(*state, byte),
            None if byte == self.class => self.automaton.initial_state(),
            None => SINK_STATE,
        })
    }
}
