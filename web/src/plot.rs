//! SVG bars. Bars start at zero, or at the start of their scale; every mark is a link that says its numbers
//! in words. Plots stretch in percent of their width and keep their height in pixels, so that text and strokes
//! have one size on every screen.

use maud::{Markup, html};

/// One bar.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bar {
    /// Its text, with the unit.
    pub(crate) label: String,
    /// Its length, at least 0.
    pub(crate) value: f64,
    /// The interactions behind it, if there are any.
    pub(crate) href: Option<String>,
    /// Whether it counts only part of a stretch of time; drawn hatched.
    pub(crate) is_partial: bool,
}

/// The bar of one mark: a link as large as its column, so that small values can be hit too. `x` and `width` are
/// percent.
fn bar(bar: &Bar, tone: &str, [x, y, width, height]: [f64; 4], value_height: f64) -> Markup {
    let of_bar = |class: &str| {
        html! {
            rect class=(class) x=(percent(x + width * 0.1)) y=(round(y + height - value_height))
                width=(percent(width * 0.8)) height=(round(value_height)) {}
        }
    };
    html! {
        @if let Some(href) = &bar.href {
            a href=(href) aria-label=(bar.label) {
                title { (bar.label) }
                rect.catch x=(percent(x)) y=(y) width=(percent(width)) height=(height) {}
                (of_bar(&format!("bar {tone}")))
                @if bar.is_partial { (of_bar("hatch")) }
            }
        }
    }
}

/// Small bars side by side, without axes.
pub(crate) fn strip(title: &str, bars: &[Bar]) -> Markup {
    const HEIGHT: f64 = 35.0; // in pixels, as the style sheet has it, without the border
    let step = 100.0 / bars.len().max(1) as f64;
    let largest = bars.iter().map(|bar| bar.value).fold(0.0, f64::max);
    let height =
        |value: f64| if largest > 0.0 && value > 0.0 { (value / largest * HEIGHT).max(1.5) } else { 0.0 };
    html! {
        svg.strip role="group" aria-label=(title) {
            @for (idx, each) in bars.iter().enumerate() {
                (bar(each, "", [step * idx as f64, 0.0, step, HEIGHT], height(each.value)))
            }
        }
    }
}

/// The vertical axis of columns.
#[derive(Clone, Copy)]
pub(crate) struct Axis<'a> {
    /// Formats a value of the axis.
    pub(crate) text: &'a dyn Fn(f64) -> String,
    /// Both ends of the axis, given the largest value.
    pub(crate) ends: fn(f64) -> (f64, f64),
    /// A class that sets the columns' colour.
    pub(crate) tone: &'a str,
}

/// Columns with both axes. `ticks` names each column, but only some names are drawn. Scripts allow brushing
/// from bound to bound.
pub(crate) fn columns(
    title: &str,
    unit: &str,
    bars: &[Bar],
    ticks: &[String],
    bounds: &str,
    axis: Axis<'_>,
) -> Markup {
    // In pixels; the style sheet has the height of the numbers beside it.
    const HEIGHT: f64 = 148.0;
    const TOP: f64 = 8.0;
    const BOTTOM: f64 = 20.0;
    let (bottom, top) = (axis.ends)(bars.iter().map(|bar| bar.value).fold(0.0, f64::max));
    let plot_height = HEIGHT - TOP - BOTTOM;
    let step = 100.0 / bars.len().max(1) as f64;
    let y = |value: f64| TOP + plot_height * (1.0 - ((value - bottom) / (top - bottom)).clamp(0.0, 1.0));
    let x = |idx: usize| step * idx as f64;
    // At most six names fit, and every second of them on narrow plots.
    let every = bars.len().div_ceil(6).max(1);
    let values = [top, f64::midpoint(bottom, top), bottom];
    html! {
        figure.plot.card data-bounds=(bounds) {
            figcaption { (title) span.faint { ", " (unit) } }
            div.chart {
                div.values { @for value in values { span { ((axis.text)(value)) } } }
                svg height=(HEIGHT) role="group" aria-label={ (title) ", " (unit) } {
                    @for value in values {
                        line class=(if value == bottom { "zero" } else { "grid" }) x1="0" x2="100%" y1=(round(y(value))) y2=(round(y(value))) {}
                    }
                    @for (idx, each) in bars.iter().enumerate() {
                        (bar(each, axis.tone, [x(idx), TOP, step, plot_height], TOP + plot_height - y(each.value)))
                        @if idx % every == 0 && idx + every / 2 < bars.len().max(1 + every / 2) {
                            text.second[idx / every % 2 == 1] x=(percent(x(idx))) y=(HEIGHT - 4.0) { (ticks.get(idx).map_or("", String::as_str)) }
                        }
                    }
                }
            }
        }
    }
}

/// A bar in a table row.
pub(crate) fn meter(value: f64, largest: f64) -> Markup {
    let width = if largest > 0.0 { (value / largest * 100.0).clamp(0.0, 100.0) } else { 0.0 };
    html! {
        svg viewBox="0 0 100 10" preserveAspectRatio="none" width="100%" height="10" aria-hidden="true" {
            rect.bar x="0" y="0" width=(round(width)) height="10" {}
        }
    }
}

/// One decimal place: enough for pixels, and pages stay shorter.
fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// A share of the width, as SVG writes it.
pub(crate) fn percent(value: f64) -> String {
    format!("{}%", (value * 100.0).round() / 100.0)
}

/// From zero to a round number.
pub(crate) fn from_zero(largest: f64) -> (f64, f64) {
    (0.0, round_up(largest))
}

/// From zero to a round number of seconds, minutes, hours or days, half of which is round too.
pub(crate) fn from_zero_seconds(largest: f64) -> (f64, f64) {
    const MINUTE: f64 = 60.0;
    const HOUR: f64 = 60.0 * MINUTE;
    const DAY: f64 = 24.0 * HOUR;
    const ROUND: [f64; 13] = [
        10.0,
        20.0,
        MINUTE,
        2.0 * MINUTE,
        4.0 * MINUTE,
        10.0 * MINUTE,
        20.0 * MINUTE,
        HOUR,
        2.0 * HOUR,
        4.0 * HOUR,
        12.0 * HOUR,
        DAY,
        2.0 * DAY,
    ];
    if largest <= 5.0 {
        return (0.0, round_up(largest));
    }
    let round = ROUND.into_iter().find(|round| *round >= largest);
    (0.0, round.unwrap_or_else(|| round_up(largest / DAY) * DAY))
}

/// The next of 1, 2, 4, 5 and 10 times a power of ten; half of it is a round number too.
fn round_up(largest: f64) -> f64 {
    if largest <= 0.0 || !largest.is_finite() {
        return 1.0;
    }
    let power = 10_f64.powf(largest.log10().floor());
    let step = [1.0, 2.0, 4.0, 5.0].into_iter().find(|step| step * power >= largest);
    step.unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_on_zero_and_fill_the_height_they_are_worth() {
        let bar = |value| Bar { label: "x".into(), value, href: Some("/".into()), is_partial: value == 5.0 };
        let axis = Axis { text: &|value| value.to_string(), ends: from_zero, tone: "" };
        let svg = columns("T", "unit", &[bar(0.0), bar(5.0), bar(10.0)], &[], "", axis).into_string();
        assert!(svg.contains("y=\"8\" width=\"26.67%\" height=\"120\""), "the largest fills the plot: {svg}");
        assert!(svg.contains("y=\"68\" width=\"26.67%\" height=\"60\""), "half of it half: {svg}");
        assert_eq!(svg.matches("class=\"hatch\"").count(), 1, "a partial bar is hatched: {svg}");
    }

    #[test]
    fn axes_end_at_round_numbers() {
        assert_eq!([0.0, 0.034, 3.0, 9.0, 130.0].map(round_up), [1.0, 0.04, 4.0, 10.0, 200.0]);
        let seconds =
            [3.0, 7.0, 45.0, 61.0, 200.0, 4_000.0, 700_000.0].map(|largest| from_zero_seconds(largest).1);
        assert_eq!(seconds, [4.0, 10.0, 60.0, 120.0, 240.0, 7_200.0, 864_000.0]);
    }
}
