//! Interactions over time as bars; each leads to the interactions that it counts.

use hearken_model::Timestamp;
use maud::{Markup, html};

use super::stretches::Stretches;
use crate::clock::Clock;
use crate::format;
use crate::location::Location;
use crate::period::Period;
use crate::plot;

/// Bars of the strip above the list.
pub(crate) const BARS: usize = 60;

/// Counts of stretches of time, without gaps.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Volume {
    pub(crate) stretches: Stretches,
    /// Interactions that started in each.
    pub(crate) counts: Vec<u64>,
    /// What the counted interactions started in.
    pub(crate) period: Period,
}

impl Volume {
    /// The strip above the list. Scripts let it be brushed, from bound to bound.
    pub(crate) fn strip(&self, location: &Location, clock: &Clock) -> Markup {
        let stretches: Vec<_> = self.stretches.iter().map(|(from, to)| self.period.clip(from, to)).collect();
        let bars: Vec<plot::Bar> = stretches
            .iter()
            .zip(&self.counts)
            .map(|((from, to), count)| plot::Bar {
                label: format!("{}: {}", format::exact(*from, clock), format::interactions(*count)),
                value: *count as f64,
                href: (*count > 0).then(|| stretch(location, *from, *to, "/")),
            })
            .collect();
        let bounds = stretches.iter().map(|(from, _)| *from).chain(stretches.last().map(|(_, to)| *to));
        let bounds: Vec<String> = bounds.map(|bound| bound.as_millis().to_string()).collect();
        html! {
            figure.histogram data-bounds=(bounds.join(" ")) { (plot::strip("Interactions by start", &bars)) }
        }
    }
}

/// The address of what started in a stretch of time.
pub(crate) fn stretch(location: &Location, from: Timestamp, to: Timestamp, path: &str) -> String {
    location.set("since", &from.to_string()).set("until", &to.to_string()).href(path)
}
