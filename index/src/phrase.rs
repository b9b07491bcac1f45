//! When words stand near enough to each other: exact and sloppy phrases, as Lucene counts moves.
//!
//! Every slot of a phrase has an offset and a list of positions. A position minus its slot's offset says where the
//! phrase would begin; a match is one position for each slot whose beginnings differ by at most the slop, so moving
//! a word by one costs one and swapping two neighbours costs two. A word that the phrase repeats needs as many
//! places.

/// Matches one phrase; keeps its buffers from one document to the next.
#[derive(Debug, Clone)]
pub struct PhraseMatcher {
    slop: u32,
    /// Added to the positions of each slot instead of subtracting its offset, so that nothing is negative.
    shifts: Vec<u32>,
    /// Slots of the same word, by offset, where there are several and order is not given by the slop being 0.
    repeated: Vec<Vec<usize>>,
    heads: Vec<usize>,
    chosen: Vec<u32>,
}

impl PhraseMatcher {
    /// Equal words have equal numbers in `words[slot]`.
    pub fn new(offsets: &[u32], words: &[usize], slop: u32) -> Self {
        let last = offsets.iter().copied().max().unwrap_or(0);
        let mut repeated: Vec<Vec<usize>> = Vec::new();
        if slop > 0 {
            for slot in 0..offsets.len() {
                match repeated.iter_mut().find(|group| words[group[0]] == words[slot]) {
                    Some(group) => group.push(slot),
                    None => repeated.push(vec![slot]),
                }
            }
            repeated.retain(|group| group.len() > 1);
            repeated.iter_mut().for_each(|group| group.sort_by_key(|slot| offsets[*slot]));
        }
        PhraseMatcher {
            slop,
            shifts: offsets.iter().map(|offset| last - offset).collect(),
            repeated,
            heads: vec![0; offsets.len()],
            chosen: vec![0; offsets.len()],
        }
    }

    /// Whether the words must stand exactly as they are asked for: a match is a position that all lists share.
    pub fn is_exact(&self) -> bool {
        self.slop == 0
    }

    /// What to add to the positions of that slot.
    pub fn shift(&self, slot: usize) -> u32 {
        self.shifts[slot]
    }

    /// Calls `visit` with the shifted positions of each match. `lists` holds the shifted positions of every slot in
    /// ascending order.
    pub fn for_each(&mut self, lists: &[Vec<u32>], mut visit: impl FnMut(&[u32])) {
        self.heads.iter_mut().for_each(|head| *head = 0);
        loop {
            let (mut first, mut last, mut first_slot) = (u32::MAX, 0, 0);
            for (slot, list) in lists.iter().enumerate() {
                let Some(&at) = list.get(self.heads[slot]) else { return };
                self.chosen[slot] = at;
                last = last.max(at);
                if at < first {
                    (first, first_slot) = (at, slot);
                }
            }
            if last - first <= self.slop && self.places_are_distinct(lists, first) {
                visit(&self.chosen);
            }
            self.heads[first_slot] += 1;
        }
    }

    /// How many matches there are.
    pub fn count(&mut self, lists: &[Vec<u32>]) -> u32 {
        let mut count = 0;
        self.for_each(lists, |_| count += 1);
        count
    }

    /// Gives repeated words different places in the window that begins at `first`. The windows of such slots are
    /// alike except for their shift, so taking the first free place in order of offset finds places if there are any.
    fn places_are_distinct(&mut self, lists: &[Vec<u32>], first: u32) -> bool {
        for group in &self.repeated {
            let mut free_from = 0i64;
            for &slot in group {
                let shift = i64::from(self.shifts[slot]);
                let list = &lists[slot][self.heads[slot]..];
                let place =
                    list.iter().map(|at| (*at, i64::from(*at) - shift)).find(|(_, p)| *p >= free_from);
                match place {
                    Some((at, position)) if at - first <= self.slop => {
                        self.chosen[slot] = at;
                        free_from = position + 1;
                    }
                    _ => return false,
                }
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Whether the words, each standing at its index of the text, match.
    fn matches(phrase: &[u8], slop: u32, text: &[u8]) -> bool {
        let offsets: Vec<u32> = (0..phrase.len() as u32).collect();
        let words: Vec<usize> = phrase.iter().map(|word| usize::from(*word)).collect();
        let mut matcher = PhraseMatcher::new(&offsets, &words, slop);
        let lists: Vec<Vec<u32>> = (0..phrase.len())
            .map(|slot| {
                let places = (0..text.len()).filter(|at| text[*at] == phrase[slot]);
                places.map(|at| at as u32 + matcher.shift(slot)).collect()
            })
            .collect();
        matcher.count(&lists) > 0
    }

    /// Tries every choice of different places.
    fn matches_plainly(phrase: &[u8], slop: u32, text: &[u8], chosen: &mut Vec<usize>) -> bool {
        if chosen.len() == phrase.len() {
            let starts = chosen.iter().enumerate().map(|(slot, at)| *at as i64 - slot as i64);
            return starts.clone().max().unwrap_or(0) - starts.min().unwrap_or(0) <= i64::from(slop);
        }
        (0..text.len()).any(|at| {
            if text[at] != phrase[chosen.len()] || chosen.contains(&at) {
                return false;
            }
            chosen.push(at);
            let found = matches_plainly(phrase, slop, text, chosen);
            chosen.pop();
            found
        })
    }

    #[test]
    fn moves_are_counted_as_lucene_counts_them() {
        assert!(matches(b"ab", 0, b"xabx") && !matches(b"ab", 0, b"axb"));
        assert!(matches(b"ab", 1, b"axb") && !matches(b"ab", 1, b"ba"));
        assert!(matches(b"ab", 2, b"ba"));
        assert!(matches(b"aba", 0, b"ababa") && !matches(b"aa", 50, b"a"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn a_phrase_matches_exactly_when_some_choice_of_places_does(
            phrase in "[abc]{1,4}", slop in 0u32..6, text in "[abcd]{0,9}"
        ) {
            let plainly = matches_plainly(phrase.as_bytes(), slop, text.as_bytes(), &mut Vec::new());
            prop_assert_eq!(matches(phrase.as_bytes(), slop, text.as_bytes()), plainly);
        }
    }
}
