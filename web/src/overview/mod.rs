//! `/overview`: how many, how they feel, what about, where from, at what cost, and what changed.

mod measure;
mod stretches;
mod volume;

use hearken_model::{Money, Timestamp};
use hearken_query::Problem;
use maud::{Markup, html};

use crate::clock::Clock;
use crate::interactions::{chips, range, search_box};
use crate::layout::{self, Page, Section};
use crate::location::Location;
use crate::period::Period;
use crate::plot::{self, Axis, Bar};
use crate::reader::Reader;
use crate::{format, labels};

pub(crate) use measure::{Measured, Numbers, measure, volume};
pub(crate) use volume::{BARS, Volume};

use stretches::DAY_MS;

/// What the page shows.
pub(crate) struct OverviewView<'v> {
    pub(crate) location: &'v Location,
    pub(crate) reader: &'v Reader,
    pub(crate) clock: &'v Clock,
    /// What the measured interactions started in.
    pub(crate) period: Period,
    pub(crate) measured: Result<Measured, Problem>,
}

/// The document.
pub(crate) fn page(view: &OverviewView<'_>) -> Markup {
    let location = view.location;
    let problem = view.measured.as_ref().err();
    let main = html! {
        h1.visually-hidden { "Overview" }
        (search_box(location, problem, "/overview", html! {}))
        div.strip {
            (range(location, view.clock, "/overview"))
            @if let Ok(measured) = &view.measured {
                p.outcome { a href=(location.href("/")) { (format::interactions(measured.whole.total)) } }
            }
        }
        (chips(location, view.clock, "/overview"))
        @match &view.measured {
            Ok(measured) if measured.whole.total == 0 => div.empty {
                h2 { "Nothing to plot" }
                p { "No interaction matches. " a href="/overview" { "All interactions" } }
            },
            Ok(measured) => (plots(view, measured)),
            Err(problem) => div.empty { h2 { (problem.title) } p { (layout::sentence(&problem.detail)) } },
        }
    };
    layout::document(Page {
        title: "Overview",
        section: Section::Overview,
        kept: location.clone(),
        reader: Some(view.reader),
        clock: view.clock,
        scripts: &["suggest.js"],
        main,
    })
}

fn plots(view: &OverviewView<'_>, measured: &Measured) -> Markup {
    html! {
        (totals(measured))
        h2.visually-hidden { "Over time" }
        div.plots { (over_time(view, measured)) }
        div.plots.wide {
            @for (dimension, values) in &measured.by {
                @if !values.is_empty() { (comparison(view.location, measured, dimension, values)) }
            }
        }
    }
}

fn totals(measured: &Measured) -> Markup {
    let Measured { whole, before, currency, .. } = measured;
    let unknown = || labels::NOT_AVAILABLE.to_owned();
    let tile = |name: &str, value: String, change: Option<String>| {
        html! {
            div.total { span.faint { (name) } strong { (value) } @if let Some(change) = change { span.faint { (change) } } }
        }
    };
    let percent = |percent: f64| format!("{percent:.1} %");
    let points = |of: fn(&Numbers) -> Option<f64>, unit: &str| {
        let (now, then) = (of(whole)?, of(before.as_ref()?)?);
        Some(format!("{:+.1}{unit} against the period before", now - then))
    };
    let growth = |of: fn(&Numbers) -> Option<f64>| {
        let (now, then) = (of(whole)?, of(before.as_ref()?)?);
        (then > 0.0).then(|| format!("{:+.0} % against the period before", (now / then - 1.0) * 100.0))
    };
    html! {
        div.totals {
            (tile("Interactions", format::count(whole.total), growth(|numbers| Some(numbers.total as f64))))
            (tile("Negative", whole.negative_percent().map_or_else(unknown, percent), points(Numbers::negative_percent, " points")))
            (tile("CSAT, detected, mean", whole.csat.map_or_else(unknown, |csat| format!("{csat:.2}/5")), points(|numbers| numbers.csat, "")))
            (tile("Cost, where known", whole.cost.map_or_else(unknown, |cost| format::money(cost, currency.as_deref())), growth(Numbers::cost_as_number)))
            (tile("Duration, median", whole.duration.map_or_else(unknown, format::duration), growth(|numbers| numbers.duration)))
        }
    }
}

/// Small multiples over the same time.
fn over_time(view: &OverviewView<'_>, measured: &Measured) -> Markup {
    let OverviewView { location, clock, period, .. } = view;
    let bars = |value: &dyn Fn(&Numbers) -> Option<f64>, text: &dyn Fn(f64) -> String| -> Vec<Bar> {
        let stretches = measured.stretches.iter().map(|(from, to)| period.clip(from, to));
        let bar = |((from, to), numbers): ((Timestamp, Timestamp), &Numbers)| {
            let said = value(numbers).map_or(labels::NOT_AVAILABLE.to_owned(), text);
            Bar {
                label: format!("{}: {said}", format::exact(from, clock)),
                value: value(numbers).unwrap_or(0.0),
                href: (numbers.total > 0).then(|| volume::stretch(location, from, to, "/")),
            }
        };
        stretches.zip(&measured.over_time).map(bar).collect()
    };
    let ticks = measured.stretches.iter().map(|(begin, _)| tick(begin, measured.stretches.length_ms, clock));
    let ticks: Vec<String> = ticks.collect();
    let currency = measured.currency.as_deref();
    let duration = |seconds: f64| format::duration(seconds);
    let amount =
        |amount: f64| Money::try_from(amount).map_or(String::new(), |amount| format::money(amount, currency));
    let whole = |number: f64| format::count(number as u64);
    let plot = |title: &str, unit: &str, bars: &[Bar], axis: Axis<'_>| {
        plot::columns(title, unit, bars, &ticks, axis)
    };
    html! {
        (plot("Volume", "interactions", &bars(&|n| Some(n.total as f64), &|v| format::interactions(v as u64)), Axis { text: &whole, ends: None, tone: "" }))
        (plot("Negative", "share of interactions with a sentiment", &bars(&Numbers::negative_percent, &|v| format!("{v:.0} % negative")), Axis { text: &|v| format!("{} %", (v * 10.0).round() / 10.0), ends: None, tone: "negative" }))
        (plot("Positive", "share of interactions with a sentiment", &bars(&Numbers::positive_percent, &|v| format!("{v:.0} % positive")), Axis { text: &|v| format!("{} %", (v * 10.0).round() / 10.0), ends: None, tone: "positive" }))
        (plot("CSAT", "mean of 1 to 5, detected", &bars(&|n| n.csat, &|v| format!("{v:.1} of 5")), Axis { text: &|v| format!("{v:.1}"), ends: Some((1.0, 5.0)), tone: "" }))
        (plot("Cost", measured.currency.as_deref().unwrap_or("where known"), &bars(&Numbers::cost_as_number, &amount), Axis { text: &amount, ends: None, tone: "" }))
        (plot("Duration", "median", &bars(&|n| n.duration, &duration), Axis { text: &duration, ends: None, tone: "" }))
    }
}

/// Where a stretch begins, as short as its length allows.
fn tick(begin: Timestamp, length_ms: i64, clock: &Clock) -> String {
    let form = if length_ms < DAY_MS / 4 {
        "%H:%M"
    } else if length_ms < 28 * DAY_MS {
        "%-d %b"
    } else {
        "%b %Y"
    };
    clock.local(begin).format(form).to_string()
}

/// One dimension as a table whose first number is also a bar.
fn comparison(
    location: &Location,
    measured: &Measured,
    dimension: &str,
    values: &[(Option<String>, Numbers)],
) -> Markup {
    let largest = values.iter().map(|(_, numbers)| numbers.total).max().unwrap_or(0);
    let unknown = || "–".to_owned();
    html! {
        section.plot.card {
            h2 { "By " (labels::field(dimension).to_lowercase()) }
            div.scroll tabindex="0" role="region" aria-label={ "By " (labels::field(dimension).to_lowercase()) } {
                table.ranking {
                    thead { tr {
                        th scope="col" { (labels::field(dimension)) }
                        th scope="col" colspan="2" { "Interactions" }
                        th.number scope="col" { "Negative" }
                        th.number scope="col" { "CSAT" }
                        th.number scope="col" { "Cost" }
                        th.number scope="col" { "Duration" }
                    } }
                    tbody { @for (value, numbers) in values {
                        @let text = value.as_deref().unwrap_or_default();
                        @let these = location.set(dimension, text);
                        @let name = labels::value(dimension, text);
                        tr {
                            th scope="row" { a href=(these.href("/")) { bdi { (name) } } }
                            td.number { (format::count(numbers.total)) }
                            td.meter { a href=(these.href("/")) tabindex="-1" aria-hidden="true" { (plot::meter(numbers.total as f64, largest as f64)) } }
                            td.number { @match numbers.negative_percent() {
                                Some(percent) if numbers.negative > 0 =>
                                    a href=(these.set("sentiment", "negative").href("/")) aria-label=(format!("{percent:.0} % negative with {name}")) { (format!("{percent:.0} %")) },
                                Some(_) => "0 %",
                                None => (unknown()),
                            } }
                            td.number { (numbers.csat.map_or_else(unknown, |csat| format!("{csat:.1}"))) }
                            td.number { (numbers.cost.map_or_else(unknown, |cost| format::money(cost, measured.currency.as_deref()))) }
                            td.number { (numbers.duration.map_or_else(unknown, format::duration)) }
                        }
                    } }
                }
            }
        }
    }
}
