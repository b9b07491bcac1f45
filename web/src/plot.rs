//! SVG bars. Bars start at zero; every mark is a link with its numbers in words.

use maud::{Markup, html};

/// One bar.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bar {
    /// What it says, with its unit.
    pub(crate) label: String,
    /// Its length, at least 0.
    pub(crate) value: f64,
    /// The interactions behind it.
    pub(crate) href: String,
}

/// Small bars side by side, without axes.
pub(crate) fn strip(title: &str, bars: &[Bar]) -> Markup {
    const HEIGHT: f64 = 32.0;
    const STEP: f64 = 10.0;
    let largest = bars.iter().map(|bar| bar.value).fold(0.0, f64::max);
    let height =
        |value: f64| if largest > 0.0 && value > 0.0 { (value / largest * HEIGHT).max(1.5) } else { 0.0 };
    html! {
        svg.strip viewBox={ "0 0 " (STEP * bars.len() as f64) " " (HEIGHT) } preserveAspectRatio="none" role="group" aria-label=(title) {
            @for (idx, bar) in bars.iter().enumerate() {
                @if bar.value > 0.0 {
                    a href=(bar.href) aria-label=(bar.label) tabindex="-1" {
                        title { (bar.label) }
                        rect.catch x=(STEP * idx as f64) y="0" width=(STEP) height=(HEIGHT) {}
                        rect.bar x=(STEP * idx as f64 + 1.0) y=(format!("{:.1}", HEIGHT - height(bar.value)))
                            width=(STEP - 2.0) height=(format!("{:.1}", height(bar.value))) {}
                    }
                }
            }
        }
    }
}
