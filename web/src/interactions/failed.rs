//! A search that failed: what is wrong with its address, and links that mend it.

use hearken_model::field::{FIELDS, nearest};
use hearken_query::Problem;
use maud::{Markup, html};

use super::toolbar::SORTS;
use crate::labels::excerpt;
use crate::layout::sentence;
use crate::location::{Location, PARAMETERS};

/// A link that mends an address.
struct Mend {
    to: Location,
    label: Markup,
}

/// An error outside the search box, in place of the list. The box itself says what is wrong with its text.
pub(crate) fn failed(location: &Location, problem: &Problem, path: &str) -> Markup {
    let parameter = problem.parameter.as_deref();
    if parameter == Some("q") {
        return html! {};
    }
    let meant =
        parameter.filter(|_| problem.code == "unknown_parameter").and_then(|name| meant(location, name));
    // A link says what a hint would.
    let hint = problem.hint.as_deref().filter(|_| meant.is_none() && parameter != Some("sort"));
    html! {
        div.empty {
            h2 { (problem.title) }
            p { (sentence(&problem.detail)) @if let Some(hint) = hint { " " (sentence(hint)) } }
            @if parameter == Some("sort") {
                p { "Sort by:" }
                ul.orders { @for (sort, name) in SORTS {
                    li { a href=(location.set("sort", sort).href(path)) { (name) } }
                } }
            }
            p.buttons { @for mend in meant.into_iter().chain(without(location, problem)) {
                a.button href=(mend.to.href(path)) { span { (mend.label) } }
            } }
        }
    }
}

/// The address with the name that an unknown parameter is nearest to.
fn meant(location: &Location, name: &str) -> Option<Mend> {
    let (sign, bare) = name.strip_prefix('-').map_or(("", name), |bare| ("-", bare));
    let names = FIELDS.iter().map(|field| field.name).chain(PARAMETERS);
    let meant = format!("{sign}{}", nearest(&bare.to_ascii_lowercase(), names)?);
    let value = location.get(name).unwrap_or_default();
    let label = html! { "Search " code { bdi { (meant) "=" (excerpt(value)) } } " instead" };
    Some(Mend { to: location.renamed(name, &meant), label })
}

/// The address without what is wrong in it.
fn without(location: &Location, problem: &Problem) -> Option<Mend> {
    let (to, label) = match (problem.code, problem.parameter.as_deref()?) {
        ("cursor_expired" | "invalid_cursor", _) => {
            (location.first_page(), html! { "Start from the first page" })
        }
        (_, "tz") => (location.without("tz"), html! { "Use my time zone" }),
        (_, "since" | "until") => (location.without("since").without("until"), html! { "Search all time" }),
        (_, "sort") => return None,
        (_, name) => (location.without(name), html! { "Search without " code { bdi { (excerpt(name)) } } }),
    };
    Some(Mend { to, label })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(query: &str, code: &'static str, name: &str) -> String {
        let problem = Problem {
            parameter: Some(name.into()),
            hint: Some("did you mean it?".into()),
            ..Problem::new(code, "no")
        };
        failed(&Location::parse(query), &problem, "/overview").into_string()
    }

    #[test]
    fn a_misspelt_filter_is_mended_by_a_link() {
        let html = shown("q=a&-contry=Mali&-contry=Chad", "unknown_parameter", "-contry");
        assert!(html.contains("href=\"/overview?q=a&amp;-country=Mali&amp;-country=Chad\""), "{html}");
        assert!(html.contains("Search <code><bdi>-country=Mali</bdi></code> instead"), "{html}");
        assert!(html.contains("href=\"/overview?q=a\"") && !html.contains("Did you mean"), "{html}");
        assert!(shown("sinse=7d", "unknown_parameter", "sinse").contains("href=\"/overview?since=7d\""));
    }

    #[test]
    fn orders_are_offered_by_their_names() {
        let html = shown("q=a&sort=foo", "invalid_parameter", "sort");
        assert!(html.contains("href=\"/overview?q=a&amp;sort=-start_time\">Newest<"), "{html}");
    }

    #[test]
    fn a_mistake_in_the_box_is_told_there_alone() {
        assert_eq!(shown("q=agent:", "invalid_query", "q"), "");
    }
}
