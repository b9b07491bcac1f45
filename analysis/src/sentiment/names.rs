//! Names carry no sentiment: nobody is displeased in Bad Homburg, nor pleased in Nice.

use std::borrow::Cow;

/// The placeholder for a name; the features recognise it.
const NAME: &str = "[NAME]";

/// Words after which a capital starts the name of a place or a person.
const BEFORE_NAMES: [&str; 16] = [
    "in", "at", "to", "from", "near", "via", "towards", "mr", "mrs", "ms", "miss", "dr", "prof", "sir",
    "called", "named",
];

/// The text with [`NAME`] in place of every recognisable name: capitals in mid-sentence, after a word that
/// introduces places or people. If most words are capitalised, capitals say nothing.
pub(super) fn without_names(text: &str) -> Cow<'_, str> {
    if !has_inner_capital(text) {
        return Cow::Borrowed(text);
    }
    let words: Vec<NameWord<'_>> = words(text).collect();
    let num_capital = words.iter().filter(|word| word.is_capital).count();
    if num_capital * 2 > words.len() {
        return Cow::Borrowed(text);
    }
    let mut replaced = String::new();
    let mut copied = 0;
    let mut at = 1;
    while at < words.len() {
        let begins = words[at].is_capital && announces_name(&words[..at]);
        if !begins {
            at += 1;
            continue;
        }
        let mut last = at;
        while !words[last].ends_phrase && words.get(last + 1).is_some_and(|next| next.is_capital) {
            last += 1;
        }
        replaced.push_str(&text[copied..words[at].start]);
        replaced.push_str(NAME);
        copied = words[last].end;
        at = last + 1;
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    replaced.push_str(&text[copied..]);
    Cow::Owned(replaced)
}

/// Whether these words may introduce a name.
fn announces_name(before: &[NameWord<'_>]) -> bool {
    let Some((last, earlier)) = before.split_last() else { return false };
    // `Mr.` does not end a sentence.
    let is_title = last.text.len() <= 4 && last.is_capital;
    if last.ends_phrase && !is_title {
        return false;
    }
    let is = |word: &NameWord<'_>, name: &str| word.text.eq_ignore_ascii_case(name);
    BEFORE_NAMES.iter().any(|name| is(last, name))
        || (is(last, "is") && earlier.last().is_some_and(|word| is(word, "name")))
}

/// A quick check: most messages have no capital but the first.
fn has_inner_capital(text: &str) -> bool {
    text.as_bytes().windows(2).any(|pair| pair[0] == b' ' && pair[1].is_ascii_uppercase())
}

struct NameWord<'t> {
    text: &'t str,
    start: usize,
    end: usize,
    /// `Nice`, but neither `I` nor `NICE`.
    is_capital: bool,
    /// Whether a mark follows.
    ends_phrase: bool,
}

fn words(text: &str) -> impl Iterator<Item = NameWord<'_>> {
    text.split_whitespace().map(move |piece| {
        let offset = piece.as_ptr() as usize - text.as_ptr() as usize;
        let word = piece.trim_matches(|c: char| !c.is_alphanumeric());
        let start = offset + piece.find(word).unwrap_or(0);
        let mut letters = word.chars();
        let is_capital = letters.next().is_some_and(char::is_uppercase) && letters.any(char::is_lowercase);
        NameWord {
            text: word,
            start,
            end: start + word.len(),
            is_capital,
            ends_phrase: !piece.ends_with(word) || word.is_empty(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_out_and_feelings_stay() {
        for (text, without) in [
            ("I need a hotel in Bad Homburg", "I need a hotel in [NAME]"),
            ("a train from Nice to Hope, please", "a train from [NAME] to [NAME], please"),
            ("I am at Best Western, Great Yarmouth now", "I am at [NAME], Great Yarmouth now"),
            ("my name is Joy Savage", "my name is [NAME]"),
            ("ask for Dr. Grim please, it is urgent", "ask for Dr. [NAME] please, it is urgent"),
        ] {
            assert_eq!(without_names(text), without);
        }
        for text in [
            "Bad service in my hotel",
            "This Is The Worst Service In Bad Homburg",
            "I arrived. Terrible food. Never again in my life",
            "to be honest I HATE it",
            "thanks to you I am happy",
            "",
            " ",
        ] {
            assert_eq!(without_names(text), text);
        }
    }
}
