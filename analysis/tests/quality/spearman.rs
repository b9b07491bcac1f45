//! Rank correlation.

/// Spearman's correlation, with ties at their mean rank.
pub(crate) fn spearman(pairs: &[(f64, f64)]) -> f64 {
    let x = ranks(pairs.iter().map(|pair| pair.0).collect());
    let y = ranks(pairs.iter().map(|pair| pair.1).collect());
    let mean = (pairs.len() as f64 + 1.0) / 2.0;
    let covariance: f64 = x.iter().zip(&y).map(|(x, y)| (x - mean) * (y - mean)).sum();
    let spread = |ranks: &[f64]| ranks.iter().map(|rank| (rank - mean).powi(2)).sum::<f64>().sqrt();
    covariance / (spread(&x) * spread(&y)).max(f64::MIN_POSITIVE)
}

/// The rank of each value, from 1.
pub(crate) fn ranks(values: Vec<f64>) -> Vec<f64> {
    let mut sorted = values.clone();
    sorted.sort_by(f64::total_cmp);
    let rank = |value: f64| {
        let below = sorted.partition_point(|other| *other < value);
        let up_to = sorted.partition_point(|other| *other <= value);
        (below + 1 + up_to) as f64 / 2.0
    };
    values.into_iter().map(rank).collect()
}
