//! What silence is, for numbers and pages alike.

/// The gaps in which nobody speaks, in order. Speeches are (begin, end), sorted by begin; they may overlap. The time before
/// the first and after the last is not silence: it is unknown when the line was open.
pub fn silences<T: Copy + Ord>(speeches: impl IntoIterator<Item = (T, T)>) -> Vec<(T, T)> {
    let mut silences = Vec::new();
    let mut spoken_until: Option<T> = None;
    for (begin, end) in speeches {
        if let Some(until) = spoken_until.filter(|until| *until < begin) {
            silences.push((until, begin));
        }
        spoken_until = spoken_until.max(Some(end));
    }
    silences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speech_over_speech_is_no_silence() {
        assert_eq!(
            silences([(5, 10), (12, 20), (13, 15), (18, 19), (20, 21), (30, 31)]),
            [(10, 12), (21, 30)]
        );
        assert_eq!(silences([(5, 10)]), []);
        assert_eq!(silences::<i64>([]), []);
    }
}
