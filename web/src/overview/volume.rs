//! Interactions over time as bars; each leads to its interactions.

use hearken_model::Timestamp;
use maud::{Markup, html};

use crate::format;
use crate::location::Location;
use crate::plot;

/// Bars of the strip above the list.
pub(crate) const BARS: usize = 60;

/// Counts of equal stretches of time, without gaps.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Volume {
    /// Begin of a stretch, and interactions that began in it.
    pub(crate) counts: Vec<(Timestamp, u64)>,
    /// Length of a stretch.
    pub(crate) stretch_ms: i64,
}

impl Volume {
    /// The strip above the list. Scripts let it be brushed.
    pub(crate) fn strip(&self, location: &Location) -> Markup {
        let (Some((first, _)), Some((last, _))) = (self.counts.first(), self.counts.last()) else {
            return html! {};
        };
        let bars: Vec<plot::Bar> =
            self.counts.iter().map(|(begin, count)| self.bar(location, *begin, *count)).collect();
        html! {
            figure.histogram data-from=(first) data-to=(last.plus_millis(self.stretch_ms)) {
                (plot::strip("Interactions over time", &bars))
            }
        }
    }

    fn bar(&self, location: &Location, begin: Timestamp, count: u64) -> plot::Bar {
        plot::Bar {
            label: format!("{}: {}", format::exact(begin), format::interactions(count)),
            value: count as f64,
            href: stretch(location, begin, self.stretch_ms, "/"),
        }
    }
}

/// The address of what was active in a stretch of time.
pub(crate) fn stretch(location: &Location, begin: Timestamp, stretch_ms: i64, path: &str) -> String {
    let end = begin.plus_millis(stretch_ms);
    location.set("from", &begin.to_string()).set("to", &end.to_string()).href(path)
}
