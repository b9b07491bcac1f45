//! `/overview`: how many, how they felt, what they were about, where they came from, their costs, and what
//! changed.

mod measure;
mod stretches;
mod volume;

use hearken_model::{Money, Timestamp};
use hearken_query::Problem;
use hearken_query::index::overview::Distribution;
use hearken_query::search::SearchAnswer;
use maud::{Markup, html};

use crate::clock::Clock;
use crate::current_user::CurrentUser;
use crate::interactions::{chips, facets_panel, failed, range, search_box};
use crate::layout::{self, Page, Section};
use crate::location::Location;
use crate::period::Period;
use crate::plot::{self, Axis, Bar};
use crate::{format, labels};

pub(crate) use measure::{Comparison, Measured, Numbers, measure, volume};
pub(crate) use volume::{BARS, Volume};

use measure::{COMPARED_MIN, Dimension, Rank, VALUES_COUNTED};

/// What the page shows.
pub(crate) struct OverviewView<'v> {
    pub(crate) location: &'v Location,
    pub(crate) user: &'v CurrentUser,
    pub(crate) clock: &'v Clock,
    /// The period in which the measured interactions started.
    pub(crate) period: Period,
    pub(crate) measured: Result<Measured, Problem>,
    /// The same search for the API.
    pub(crate) api: &'v Location,
    /// The list's facets, if available.
    pub(crate) facets: Option<SearchAnswer>,
}

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
        div.split {
            (facets_panel(location, view.api, view.facets.as_ref(), "/overview"))
            div #results.results tabindex="-1" {
                a.button.narrow-only href="#filters" { "Filters" }
                @match &view.measured {
                    Ok(measured) if measured.whole.total == 0 => div.empty {
                        h2 { "Nothing to plot" }
                        p { "No interaction matches. " a href="/overview" { "All interactions" } }
                    },
                    Ok(measured) => (plots(view, measured)),
                    Err(problem) => (failed(location, problem, "/overview")),
                }
            }
        }
    };
    layout::document(Page {
        title: "Overview",
        section: Section::Overview,
        kept: location.clone(),
        user: Some(view.user),
        clock: view.clock,
        scripts: &["suggest.js", "plots.js", "facets.js", "overview.js"],
        main,
    })
}

fn plots(view: &OverviewView<'_>, measured: &Measured) -> Markup {
    html! {
        (totals(view.location, measured))
        h2.visually-hidden { "Over time" }
        div.plots { (over_time(view, measured)) }
        h2.visually-hidden { "What changed" }
        div.plots.wide {
            @for dimension in &measured.by {
                @if dimension.values.iter().any(|value| value.value.is_some()) { (comparison(view, measured, dimension)) }
            }
            (distributions(measured))
        }
    }
}

fn totals(location: &Location, measured: &Measured) -> Markup {
    let Measured { whole, before, .. } = measured;
    let unknown = || labels::NOT_AVAILABLE.to_owned();
    let tile = |name: &str, value: String, change: Option<String>| {
        html! {
            div.total {
                span.faint { (name) } strong { (value) }
                @match (before, change) {
                    (Some(before), _) if !measured.has_before() => {
                        span.faint title=(format!("The previous period has only {}, too few to compare with", format::interactions(before.total))) { "–" }
                    }
                    (_, Some(change)) => span.faint { (change) " vs. the previous period" },
                    _ => {}
                }
            }
        }
    };
    let percent = |percent: f64| format!("{percent:.1} %");
    let points = |of: fn(&Numbers) -> Option<f64>, unit: &str| {
        let (now, then) = (of(whole)?, of(before.as_ref()?)?);
        Some(format!("{:+.1}{unit}", now - then).replace('-', "−"))
    };
    let growth = |of: fn(&Numbers) -> Option<f64>| {
        let (now, then) = (of(whole)?, of(before.as_ref()?)?);
        (then > 0.0).then(|| self::growth(now, then))
    };
    html! {
        div.totals {
            (tile("Interactions", format::count(whole.total), growth(|numbers| Some(numbers.total as f64))))
            (tile("Negative", whole.negative_percent().map_or_else(unknown, percent), points(Numbers::negative_percent, " points")))
            (tile("Mean CSAT, detected", whole.csat.map_or_else(unknown, |csat| format!("{csat:.2}/5")), points(|numbers| numbers.csat, "")))
            @if measured.has_one_currency() {
                (tile("Cost, where known", whole.cost.map_or_else(unknown, |cost| format::money(cost, measured.currency())), growth(Numbers::cost_as_number)))
            } @else {
                (currencies(location, &measured.currencies))
            }
            (tile("Median duration", whole.duration.map_or_else(unknown, format::duration), growth(|numbers| numbers.duration)))
        }
    }
}

/// Instead of a sum that would add different currencies up: one filter for each.
fn currencies(location: &Location, currencies: &[String]) -> Markup {
    html! {
        div.total {
            span.faint { "Costs are in " (currencies.len()) " currencies:" }
            p { @for (idx, currency) in currencies.iter().enumerate() {
                @if idx > 0 { " · " }
                a href=(location.set("currency", currency).href("/overview")) { bdi { (currency) } }
            } }
        }
    }
}

/// Small multiples over a shared time axis.
fn over_time(view: &OverviewView<'_>, measured: &Measured) -> Markup {
    let OverviewView { location, clock, period, .. } = view;
    let list = location.without("order").without("all");
    let bars = |value: &dyn Fn(&Numbers) -> Option<f64>, text: &dyn Fn(f64) -> String| -> Vec<Bar> {
        let bar = |(stretch, numbers): ((Timestamp, Timestamp), &Numbers)| {
            let said = value(numbers).map_or(labels::NOT_AVAILABLE.to_owned(), text);
            Bar {
                label: format!("{}: {said}", volume::named(stretch, *period, clock)),
                value: value(numbers).unwrap_or(0.0),
                href: (numbers.total > 0)
                    .then(|| volume::href(&list, period.clip(stretch.0, stretch.1), "/")),
                is_partial: volume::is_partial(stretch, *period, clock),
            }
        };
        measured.stretches.iter().zip(&measured.over_time).map(bar).collect()
    };
    let ticks =
        measured.stretches.iter().map(|(begin, _)| volume::tick(begin, measured.stretches.length_ms, clock));
    let ticks: Vec<String> = ticks.collect();
    let bounds = volume::bounds(&measured.stretches, *period);
    let currency = measured.currency();
    let duration = |seconds: f64| format::duration(seconds);
    let money = |amount: f64| Money::try_from(amount).unwrap_or_default();
    let largest = measured.over_time.iter().filter_map(Numbers::cost_as_number).fold(0.0, f64::max);
    let (_, top) = plot::from_zero(largest);
    // Ends of axes are round, so nothing follows the point of large ones; the title has the currency.
    let digits = if top < 10.0 { format::digits([top, top / 2.0].map(money)) } else { 0 };
    let amount = |amount: f64| format::money(money(amount), currency);
    let amount_tick = |amount: f64| format::money_of(money(amount), None, digits);
    // There are no halves of interactions.
    let whole =
        |number: f64| if number.fract() == 0.0 { format::count(number as u64) } else { String::new() };
    let percent = |percent: f64| format!("{} %", (percent * 10.0).round() / 10.0);
    let score = |score: f64| format!("{score:.0}");
    let plot = |title: &str, unit: &str, bars: &[Bar], axis: Axis<'_>| {
        plot::columns(title, unit, bars, &ticks, &bounds, axis)
    };
    let of_csat: fn(f64) -> (f64, f64) = |_| (1.0, 5.0);
    html! {
        (plot("Volume", "interactions", &bars(&|n| Some(n.total as f64), &|v| format::interactions(v as u64)), Axis { text: &whole, ends: plot::from_zero, tone: "" }))
        (plot("Negative", "share of those with a sentiment", &bars(&Numbers::negative_percent, &|v| format!("{v:.0} % negative")), Axis { text: &percent, ends: plot::from_zero, tone: "negative" }))
        (plot("Positive", "share of those with a sentiment", &bars(&Numbers::positive_percent, &|v| format!("{v:.0} % positive")), Axis { text: &percent, ends: plot::from_zero, tone: "positive" }))
        (plot("CSAT", "mean of 1 to 5, detected", &bars(&|n| n.csat, &|v| format!("{v:.1} of 5")), Axis { text: &score, ends: of_csat, tone: "" }))
        @if measured.has_one_currency() { (plot("Cost", currency.unwrap_or("where known"), &bars(&Numbers::cost_as_number, &amount), Axis { text: &amount_tick, ends: plot::from_zero, tone: "" })) }
        (plot("Duration", "median", &bars(&|n| n.duration, &duration), Axis { text: &format::duration_tick, ends: plot::from_zero_seconds, tone: "" }))
    }
}

/// One dimension as a table whose first number is also a bar, with changes since the previous period.
fn comparison(view: &OverviewView<'_>, measured: &Measured, dimension: &Dimension) -> Markup {
    let field = dimension.field;
    let name = labels::field(field).into_owned();
    let list = view.location.without("order").without("all");
    let largest = dimension.values.iter().map(|value| value.now.total).max().unwrap_or(0);
    let currency = measured.currency();
    let digits = format::digits(dimension.values.iter().filter_map(|value| value.now.cost));
    let has_before = measured.has_before();
    let unknown = || "–".to_owned();
    let head = |title: &str, rank: Rank, wide: bool| {
        let Comparison { rank: current, descending, .. } = measured.comparison;
        let is_current = current == rank;
        let is_next_descending = !(is_current && descending);
        let rank_name = Rank::ALL.into_iter().find(|(known, _)| *known == rank).map_or("", |(_, name)| name);
        let order = format!("{}{rank_name}", if is_next_descending { "-" } else { "" });
        let sorted = is_current.then_some(if descending { "descending" } else { "ascending" });
        html! {
            th.number[!wide] scope="col" colspan=[wide.then_some("2")] aria-sort=[sorted] {
                a href=(view.location.set("order", &order).href("/overview"))
                    title=(if is_next_descending { "Largest first" } else { "Smallest first" }) {
                    (title) @if is_current { span aria-hidden="true" { (if descending { " ↓" } else { " ↑" }) } }
                }
            }
        }
    };
    html! {
        section.plot.card #(format!("by-{field}")) {
            div.between {
                h2 { "By " (name.to_lowercase().replace("llm", "LLM")) }
                span {
                    (shown_of(dimension))
                    @if measured.comparison.all == Some(field) {
                        a.quiet href=(view.location.without("all").href("/overview")) { "Fewer" }
                    } @else if dimension.values.len() < dimension.num_values {
                        a.quiet href={ (view.location.set("all", field).href("/overview")) "#by-" (field) } aria-label={ "All values of " (name) } { "All" }
                    }
                }
            }
            div.scroll tabindex="0" role="region" aria-label={ "By " (name.to_lowercase()) } {
                table.ranking {
                    thead { tr {
                        th scope="col" { (name) }
                        (head("Interactions", Rank::Interactions, true))
                        @if has_before { (head("Change", Rank::Change, false)) }
                        (head("Negative", Rank::Negative, false))
                        (head("CSAT", Rank::Csat, false))
                        @if measured.has_one_currency() { (head("Cost", Rank::Cost, false)) }
                        (head("Duration", Rank::Duration, false))
                    } }
                    tbody { @for value in &dimension.values {
                        @let now = &value.now;
                        @let before = value.before.as_ref().filter(|_| has_before);
                        @let text = value.value.as_deref().unwrap_or_default();
                        @let these = list.set(field, text);
                        @let said = labels::value(field, text);
                        tr {
                            th scope="row" { a href=(these.href("/")) title=(said) { bdi { (said) } } }
                            td.number data-head="Interactions" { (format::count(now.total)) }
                            td.meter { a href=(these.href("/")) tabindex="-1" aria-hidden="true" { (plot::meter(now.total as f64, largest as f64)) } }
                            @if has_before { td.number data-head="Change" { (before.map_or_else(|| html! { "–" }, |before| change(now.total, before.total))) } }
                            td.number data-head="Negative" { @match now.negative_percent() {
                                Some(percent) => {
                                    @if now.negative > 0 {
                                        a href=(these.set("sentiment", "negative").href("/")) aria-label=(format!("{percent:.0} % negative with {said}")) { (format!("{percent:.0} %")) }
                                    } @else { "0 %" }
                                    @let compared = before.filter(|before| before.total >= COMPARED_MIN);
                                    @if let Some(before) = compared.and_then(Numbers::negative_percent) { (points(percent - before)) }
                                }
                                None => (unknown()),
                            } }
                            td.number data-head="CSAT" { (now.csat.map_or_else(unknown, |csat| format!("{csat:.1}"))) }
                            @if measured.has_one_currency() { td.number data-head="Cost" { (now.cost.map_or_else(unknown, |cost| format::money_of(cost, currency, digits))) } }
                            td.number data-head="Duration" { (now.duration.map_or_else(unknown, format::duration)) }
                        }
                    } }
                }
            }
        }
    }
}

/// `6 of 52`, unless all values are shown.
fn shown_of(dimension: &Dimension) -> Markup {
    let Dimension { values, num_values, num_ranked, .. } = dimension;
    // No more than this many are counted in each period.
    let at_least = if *num_values >= VALUES_COUNTED { "at least " } else { "" };
    let title = format!("The first of the {num_ranked} most frequent values");
    html! {
        @if values.len() < *num_values {
            span.faint title=[(values.len() < *num_ranked && num_ranked < num_values).then_some(title)] {
                (values.len()) " of " (at_least) (num_values)
            }
        }
    }
}

/// By how many, which is what the column is ordered by, and by what part of them a count grew or shrank since
/// the previous period.
fn change(now: u64, before: u64) -> Markup {
    let difference = match now.checked_sub(before) {
        Some(0) => "±0".to_owned(),
        Some(more) => format!("+{}", format::count(more)),
        None => format!("−{}", format::count(before - now)),
    };
    let part = match (now, before) {
        (_, 0) => Some("new".to_owned()),
        (0, _) => Some("gone".to_owned()),
        (now, before) => (before >= COMPARED_MIN && now != before).then(|| growth(now as f64, before as f64)),
    };
    html! {
        span title={ (format::count(now)) " now, " (format::count(before)) " in the previous period" } {
            (difference) @if let Some(part) = part { span.faint { ", " (part) } }
        }
    }
}

/// `+12 %`, `−3 %`, `±0 %`, or `×32` where percentages are too large to grasp. `before` is not 0.
fn growth(now: f64, before: f64) -> String {
    match ((now / before - 1.0) * 100.0).round() {
        0.0 => "±0 %".to_owned(),
        percent if percent > 999.0 => format!("×{}", format::count((now / before).round() as u64)),
        percent => format!("{percent:+.0} %").replace('-', "−"),
    }
}

/// How many percentage points a share rose or fell.
fn points(points: f64) -> Markup {
    let rounded = points.round();
    html! {
        @if rounded != 0.0 {
            " " span.faint title=(format!("{points:+.1} percentage points vs. the previous period")) {
                "(" (format!("{rounded:+.0}").replace('-', "−")) ")"
            }
        }
    }
}

/// Percentiles: the tail says more than the middle.
fn distributions(measured: &Measured) -> Markup {
    let currency = measured.currency();
    let text = |field: &str, value: &serde_json::Value| match (field, value) {
        ("total_costs", value) => {
            let amount = value.as_str().and_then(|amount| amount.parse::<Money>().ok());
            amount.map_or("–".to_owned(), |amount| format::money(amount, currency))
        }
        ("interruptions" | "messages_count", value) => value.as_u64().map_or("–".to_owned(), format::count),
        (_, value) => value.as_f64().map_or("–".to_owned(), format::duration),
    };
    let number = |value: &serde_json::Value| value.as_f64().or_else(|| value.as_str()?.parse().ok());
    let has_before = measured.has_before();
    let is_shown = |(field, now, _): &&(String, Distribution, Option<Distribution>)| {
        now.count > 0 && (field != "total_costs" || measured.has_one_currency())
    };
    html! {
        section.plot.card #by-field {
            h2 { "What interactions were like" }
            div.scroll tabindex="0" role="region" aria-label="What interactions were like" {
                table.ranking {
                    thead { tr {
                        th scope="col" { "Field" }
                        th.number scope="col" { "Interactions" }
                        th.number scope="col" { "Median" }
                        @if has_before { th.number scope="col" { "Change" } }
                        th.number scope="col" title="90 % are no larger than this" { "90th percentile" }
                        th.number scope="col" title="99 % are no larger than this" { "99th percentile" }
                        th.number scope="col" { "Largest" }
                    } }
                    tbody { @for (field, now, before) in measured.distributions.iter().filter(is_shown) {
                        tr {
                            th scope="row" { (labels::field(field)) }
                            td.number data-head="Interactions" { (format::count(now.count)) }
                            td.number data-head="Median" { (text(field, &now.p50)) }
                            @if has_before {
                                @let then = before.as_ref().filter(|before| before.count >= COMPARED_MIN);
                                @let then = then.and_then(|before| number(&before.p50)).filter(|then| *then > 0.0);
                                td.number data-head="Change" { @match number(&now.p50).zip(then) {
                                    Some((now, then)) => (growth(now, then)),
                                    None => "–",
                                } }
                            }
                            td.number data-head="90th percentile" { (text(field, &now.p90)) }
                            td.number data-head="99th percentile" { (text(field, &now.p99)) }
                            td.number data-head="Largest" { (text(field, &now.max)) }
                        }
                    } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_says_what_it_is_ordered_by_and_percentages_only_where_they_can_be_grasped() {
        let said = |now, before| {
            let html = change(now, before).into_string();
            let (_, shown) = html.split_once('>').unwrap();
            shown.replace("<span class=\"faint\">", "").replace("</span>", "")
        };
        let changes = [(64, 42), (25, 3), (7, 0), (0, 12), (12, 12), (12_000, 11)]
            .map(|(now, before)| said(now, before));
        assert_eq!(changes, ["+22, +52 %", "+22", "+7, new", "−12, gone", "±0", "+11,989, ×1,091"]);
        assert_eq!([growth(10.9, 1.0), growth(15_804.0, 1.0)], ["+990 %", "×15,804"]);
    }
}
