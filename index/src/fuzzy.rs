//! Words that are a few edits away, for the engine and the highlights alike.

use std::sync::OnceLock;

use levenshtein_automata::{DFA, LevenshteinAutomatonBuilder};

/// Longer fuzzy words are refused: their automata would be large, and nobody misspells them by one letter.
pub const FUZZY_CHARS_MAX: usize = 64;

/// Accepts every word at most `distance` (1 or 2) edits away; swapping two neighbours is one edit.
pub fn automaton(word: &str, distance: u8) -> DFA {
    static BUILDERS: [OnceLock<LevenshteinAutomatonBuilder>; 2] = [OnceLock::new(), OnceLock::new()];
    let distance = distance.clamp(1, 2);
    let builder = &BUILDERS[usize::from(distance) - 1];
    builder.get_or_init(|| LevenshteinAutomatonBuilder::new(distance, true)).build_dfa(word)
}
