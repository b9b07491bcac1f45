//! How good a list of hits is, and how sure the difference between two ways of ranking.

use std::collections::HashSet;

use fastrand::Rng;

/// Hits that are judged.
pub(crate) const DEPTH: usize = 10;
const RESAMPLES: usize = 2_000;
const SEED: u64 = 5;

/// What the first [`DEPTH`] hits are worth, each from 0 to 1.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Quality {
    /// Normalized discounted cumulative gain: 1 when nothing better could have stood there.
    pub(crate) ndcg: f64,
    /// The share of the places that a relevant hit has.
    pub(crate) precision: f64,
    /// 1 divided by the place of the first relevant hit.
    pub(crate) reciprocal_rank: f64,
}

/// Judges hits, best first.
pub(crate) fn judge(hits: &[String], relevant: &HashSet<String>) -> Quality {
    let gain = |place: usize| 1.0 / ((place + 2) as f64).log2();
    let places: Vec<usize> =
        (0..hits.len().min(DEPTH)).filter(|place| relevant.contains(&hits[*place])).collect();
    let ideal: f64 = (0..relevant.len().min(DEPTH)).map(gain).sum();
    Quality {
        ndcg: if ideal > 0.0 { places.iter().copied().map(gain).sum::<f64>() / ideal } else { 0.0 },
        precision: places.len() as f64 / DEPTH as f64,
        reciprocal_rank: places.first().map_or(0.0, |place| 1.0 / (place + 1) as f64),
    }
}

/// The mean; not a number without values.
pub(crate) fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let (sum, num) = values.into_iter().fold((0.0, 0_usize), |(sum, num), value| (sum + value, num + 1));
    sum / num as f64
}

/// Between which bounds the sum of the families' mean differences lies in 95 of 100 draws of as many questions, with
/// replacement, within each family.
pub(crate) fn interval(families: &[Vec<f64>]) -> (f64, f64) {
    let mut random = Rng::with_seed(SEED);
    let mut drawn: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let draw =
                |values: &Vec<f64>| mean((0..values.len()).map(|_| values[random.usize(..values.len())]));
            families.iter().map(draw).sum()
        })
        .collect();
    drawn.sort_by(f64::total_cmp);
    (drawn[RESAMPLES / 40], drawn[RESAMPLES - 1 - RESAMPLES / 40])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_worth_what_its_relevant_hits_are_worth_at_their_places() {
        let hits: Vec<String> = ["a", "b", "c"].map(str::to_owned).into();
        let relevant = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<HashSet<_>>();
        assert_eq!(judge(&hits, &relevant(&["a", "b", "c"])).ndcg, 1.0);
        let second = judge(&hits, &relevant(&["b"]));
        assert!((second.ndcg - 1.0 / 3_f64.log2()).abs() < 1e-12);
        assert_eq!((second.precision, second.reciprocal_rank), (0.1, 0.5));
        assert_eq!(judge(&hits, &relevant(&["d"])), Quality::default());
    }

    #[test]
    fn the_same_difference_everywhere_is_certain_and_opposite_ones_are_not() {
        let (low, high) = interval(&[vec![0.1; 50], vec![0.2; 50]]);
        assert!((low - 0.3).abs() < 1e-9 && (high - 0.3).abs() < 1e-9);
        let (low, high) = interval(&[(0..50).map(|at| if at % 2 == 0 { 0.1 } else { -0.1 }).collect()]);
        assert!(low < 0.0 && high > 0.0);
    }
}
