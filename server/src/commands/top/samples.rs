//! Samples of `/metrics`, and what two of them show: rates and percentiles of the time between.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// One sample of `/metrics`.
#[derive(Debug)]
pub(super) struct Samples {
    at: Instant,
    samples: Vec<Sample>,
}

#[derive(Debug, PartialEq)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

impl Samples {
    /// Reads Prometheus text. Other lines are skipped.
    pub(super) fn parse(text: &str, at: Instant) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        Samples { at, samples: lines.filter_map(sample).collect() }
    }

    fn of<'s>(&'s self, name: &'s str, labels: &'s [(&str, &str)]) -> impl Iterator<Item = &'s Sample> {
        let has = |sample: &Sample, (label, value): &(&str, &str)| {
            sample.labels.get(*label).is_some_and(|found| found == value)
        };
        self.samples
            .iter()
            .filter(move |sample| sample.name == name && labels.iter().all(|label| has(sample, label)))
    }

    /// The sum of a metric's samples with these labels; `None` when there are none.
    pub(super) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        self.of(name, labels).map(|sample| sample.value).reduce(|sum, value| sum + value)
    }

    /// The values of a label.
    pub(super) fn values<'s>(&'s self, name: &'s str, label: &str) -> BTreeSet<&'s str> {
        self.of(name, &[]).filter_map(|sample| sample.labels.get(label).map(String::as_str)).collect()
    }

    /// How fast a counter has grown per second since an earlier sample; `None` if that is the same sample or lacks the
    /// counter.
    pub(super) fn rate(&self, before: &Samples, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let seconds = self.at.duration_since(before.at).as_secs_f64();
        let grown = self.sum(name, labels)? - before.sum(name, labels).unwrap_or(0.0);
        // A restarted server counts from 0.
        (seconds > 0.0).then(|| grown.max(0.0) / seconds)
    }

    /// The number of seconds below which this share of the observations since an earlier sample lies, estimated as
    /// Prometheus does; if there were none since, of all observations since the start. `None` if there were none at
    /// all.
    pub(super) fn quantile(
        &self,
        before: &Samples,
        name: &str,
        labels: &[(&str, &str)],
        part: f64,
    ) -> Option<f64> {
        let now = self.buckets(name, labels);
        let earlier = before.buckets(name, labels);
        let since: Vec<_> = now
            .iter()
            .map(|(bound, count)| {
                let earlier =
                    earlier.iter().find(|(known, _)| known == bound).map_or(0.0, |(_, count)| *count);
                (*bound, (count - earlier).max(0.0))
            })
            .collect();
        quantile(&since, part).or_else(|| quantile(&now, part))
    }

    /// Upper bounds in ascending order, each with the number of observations that do not exceed it.
    fn buckets(&self, name: &str, labels: &[(&str, &str)]) -> Vec<(f64, f64)> {
        let name = format!("{name}_bucket");
        let mut buckets: Vec<(f64, f64)> = Vec::new();
        for sample in self.of(&name, labels) {
            let Some(bound) = sample.labels.get("le").and_then(|bound| bound.parse::<f64>().ok()) else {
                continue; // Rust parses `+Inf` as Prometheus writes it
            };
            match buckets.iter_mut().find(|(known, _)| *known == bound) {
                Some((_, count)) => *count += sample.value,
                None => buckets.push((bound, sample.value)),
            }
        }
        buckets.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        buckets
    }
}

fn quantile(buckets: &[(f64, f64)], part: f64) -> Option<f64> {
    let (_, total) = *buckets.last()?;
    let rank = part * total;
    let mut below = (0.0, 0.0);
    for (bound, count) in buckets {
        if *count >= rank && *count > 0.0 {
            let (lower, fewer) = below;
            // Nothing is known beyond the last bound.
            return Some(match bound.is_finite() {
                true => lower + (bound - lower) * ((rank - fewer) / (count - fewer)).clamp(0.0, 1.0),
                false => lower,
            });
        }
        below = (*bound, *count);
    }
    None
}

/// `name{label="value",…} number`
fn sample(line: &str) -> Option<Sample> {
    let name_end = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(name_end);
    let mut labels = BTreeMap::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        loop {
            rest = rest.trim_start_matches([',', ' ']);
            if let Some(behind) = rest.strip_prefix('}') {
                rest = behind;
                break;
            }
            let (label, behind) = rest.split_once("=\"")?;
            let (value, behind) = quoted(behind)?;
            labels.insert(label.to_owned(), value);
            rest = behind;
        }
    }
    let value = rest.split_whitespace().next()?.parse().ok()?;
    Some(Sample { name: name.to_owned(), labels, value })
}

/// The text up to the closing quotation mark, and the rest after it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                escaped => value.push(escaped),
            },
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Duration;

    use super::*;

    const PAGE: &str = "# TYPE requests counter\n\
        requests{route=\"/v1/{*id}\",status=\"200\"} 10\n\
        requests{route=\"a \\\"b\\\\\",status=\"500\"} 2.5\n\
        seconds_bucket{le=\"0.1\"} 10\nseconds_bucket{le=\"0.2\"} 20\nseconds_bucket{le=\"+Inf\"} 20\n\
        broken{ 1\nalone 3\n";

    #[test]
    fn samples_are_read_with_whatever_their_labels_hold() {
        let samples = Samples::parse(PAGE, Instant::now());
        assert_eq!(samples.sum("requests", &[]), Some(12.5));
        assert_eq!(samples.sum("requests", &[("status", "500")]), Some(2.5));
        assert_eq!(samples.values("requests", "route"), BTreeSet::from(["/v1/{*id}", "a \"b\\"]));
        assert_eq!((samples.sum("alone", &[]), samples.sum("broken", &[])), (Some(3.0), None));
    }

    #[test]
    fn rates_and_percentiles_are_of_what_lies_between_two_looks() {
        let start = Instant::now();
        let before = Samples::parse(PAGE, start);
        let later = PAGE.replace("} 10\n", "} 30\n").replace("} 20\n", "} 40\n");
        let now = Samples::parse(&later, start + Duration::from_secs(10));
        assert_eq!(now.rate(&before, "requests", &[("status", "200")]), Some(2.0));
        assert_eq!(before.rate(&before, "requests", &[]), None);
        // Twenty more, all at most 0.1 s.
        assert_eq!(now.quantile(&before, "seconds", &[], 0.5), Some(0.05));
        // Nothing new since, so the quantile is that of all observations, half of them in each bucket.
        assert_eq!(
            before.quantile(&before, "seconds", &[], 0.75).map(|s| (s * 1e6).round()),
            Some(150_000.0)
        );
        assert_eq!(now.quantile(&before, "nothing", &[], 0.5), None);
    }
}
