//! What silence is, for numbers and pages alike.

/// The gaps in which nobody speaks, in order. Speeches are (begin, end), sorted by begin; they may overlap, and the end of the
/// last may be unknown. The time before the first and after the last is not silence: it is unknown when the line was open.
/// `None` where silence cannot be told: with fewer than two speeches, or when one before the last does not say when it ended.
pub fn silences<T: Copy + Ord>(speeches: &[(T, Option<T>)]) -> Option<Vec<(T, T)>> {
    let (_, before) = speeches.split_last().filter(|(_, before)| !before.is_empty())?;
    let mut silences = Vec::new();
    let mut spoken_until: Option<T> = None;
    for ((_, end), (next, _)) in before.iter().zip(&speeches[1..]) {
        let until = spoken_until.max(Some((*end)?));
        silences.extend(until.filter(|until| until < next).map(|until| (until, *next)));
        spoken_until = until;
    }
    Some(silences)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_speech_is_not_silence() {
        let ended = |speeches: &[(i64, i64)]| -> Vec<(i64, Option<i64>)> {
            speeches.iter().map(|(begin, end)| (*begin, Some(*end))).collect()
        };
        assert_eq!(
            silences(&ended(&[(5, 10), (12, 20), (13, 15), (18, 19), (20, 21), (30, 31)])),
            Some(vec![(10, 12), (21, 30)])
        );
        assert_eq!(silences(&ended(&[(5, 10), (6, 7)])), Some(vec![]));
        assert_eq!(silences(&ended(&[(5, 10)])), None);
        assert_eq!(silences::<i64>(&[]), None);
    }

    #[test]
    fn a_speech_without_an_end_may_have_continued() {
        assert_eq!(silences(&[(0, Some(2)), (5, None)]), Some(vec![(2, 5)]));
        assert_eq!(silences(&[(0, None), (5, Some(6))]), None);
    }
}
