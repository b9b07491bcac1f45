//! The search box: the query language, with mistakes marked in place.

use std::borrow::Cow;

use hearken_model::field::{FIELDS, TEXT_SCOPES};
use hearken_query::{Problem, language};
use maud::{Markup, html};

use crate::labels::{self, excerpt};
use crate::layout::sentence;
use crate::location::Location;

/// The box as a form that keeps every other parameter of the address, and the controls beside it.
pub(crate) fn search_box(
    location: &Location,
    problem: Option<&Problem>,
    path: &str,
    beside: Markup,
) -> Markup {
    let q = location.get("q").unwrap_or_default();
    let mistake = problem.filter(|problem| problem.parameter.as_deref() == Some("q"));
    html! { div.search-row {
        form #search.search role="search" action=(path) method="get" {
            div.field {
                input #q type="search" name="q" value=(q) aria-label="Search interactions"
                    placeholder="Search transcripts…  user:refund country:Germany csat:<=2"
                    autocomplete="off" autocapitalize="off" spellcheck="false" enterkeyhint="search" dir="auto"
                    aria-invalid=[mistake.map(|_| "true")] aria-describedby=[mistake.map(|_| "mistake")]
                    data-position=[mistake.and_then(|mistake| mistake.position)]
                    data-fields=(fields()) data-scopes=(TEXT_SCOPES.join(" "));
                kbd.hint.js-only aria-hidden="true" { "/" }
            }
            @for (name, value) in location.without("q").pairs() {
                input type="hidden" name=(name) value=(value);
            }
            button.primary type="submit" { "Search" }
        }
        (beside) }
        @if let Some(mistake) = mistake {
            @let corrected = language::parse(q).err().and_then(|error| error.corrected);
            @let corrected = corrected.as_deref().map(|q| (q, location.set("q", q).href(path)));
            (shown_mistake(q, mistake, corrected))
        }
    }
}

/// The searchable fields, for suggestions.
fn fields() -> String {
    FIELDS.iter().map(|field| field.name).collect::<Vec<_>>().join(" ")
}

fn shown_mistake(q: &str, mistake: &Problem, corrected: Option<(&str, String)>) -> Markup {
    // Positions count characters. At the end there is no text to mark, so a blank is drawn.
    let position = mistake.position.map(|position| position.min(q.chars().count()));
    let split = position.map(|position| {
        let at = q.char_indices().nth(position).map_or(q.len(), |(at, _)| at);
        let (before, rest) = q.split_at(at);
        let before = end_of(before);
        let is_of_word = |character: char| character.is_alphanumeric() || character == '_';
        let word = rest.find(|character: char| !is_of_word(character)).unwrap_or(rest.len());
        let next = if word > 0 { word } else { rest.chars().next().map_or(0, char::len_utf8) };
        let (at, after) = rest.split_at(next);
        (before, excerpt(at), excerpt(after))
    });
    html! {
        div #mistake.mistake role="alert" {
            p {
                strong { (sentence(&mistake.detail)) }
                @if let Some((q, href)) = corrected { " " a href=(href) { "Search for " code { bdi { (excerpt(q)) } } " instead" } "." }
                @else if let Some(hint) = &mistake.hint { " " (sentence(hint)) }
            }
            @if let Some((before, at, after)) = split {
                code.query { (before) span.here { @if at.is_empty() { "\u{a0}" } @else { (at) } } (after) }
            }
        }
    }
}

/// The end of a text that may be too long to be shown.
fn end_of(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth_back(labels::EXCERPT_CHARS - 1) {
        Some((start, _)) if start > 0 => Cow::Owned(format!("…{}", &text[start..])),
        _ => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(q: &str, position: usize) -> String {
        let problem =
            Problem { position: Some(position), ..Problem::new("invalid_query", "a quote is not closed") };
        shown_mistake(q, &problem, None).into_string()
    }

    #[test]
    fn what_was_meant_is_a_link() {
        let location = Location::parse("q=a+contry:Chad&country=Mali&cursor=c");
        let problem = Problem::from(language::parse("a contry:Chad").unwrap_err());
        let html = search_box(&location, Some(&problem), "/overview", html! {}).into_string();
        assert!(html.contains("href=\"/overview?country=Mali&amp;q=a+country%3AChad\""), "{html}");
        assert!(html.contains("There is no field <code><bdi>contry</bdi></code>."), "{html}");
    }

    #[test]
    fn a_mistake_is_marked_at_its_word_or_sign_even_at_the_end() {
        assert!(shown("über \"x", 5).contains("über <span class=\"here\">&quot;</span>x"));
        assert!(shown("a contry:Chad", 2).contains("a <span class=\"here\">contry</span>:Chad"));
        assert!(shown("ab", 2).contains("ab<span class=\"here\">\u{a0}</span>"));
        assert!(shown("", 99).contains("<span class=\"here\">\u{a0}</span>"));
    }

    #[test]
    fn only_the_part_around_a_mistake_is_shown() {
        let q = format!("{} \"{}", "a".repeat(9_000), "é".repeat(9_000));
        let html = shown(&q, 9_001);
        assert!(html.contains("<code class=\"query\">…aaa") && html.contains("éé…</code>"), "{html}");
        assert!(html.len() < 1_000, "{html}");
    }

    #[test]
    fn the_search_box_keeps_filters_and_forgets_the_page() {
        let here = Location::parse("q=a%22%3E%3Cb&country=Germany&cursor=x&-agent=");
        let html = search_box(&here, None, "/", html! {}).into_string();
        assert!(html.contains("name=\"country\" value=\"Germany\""));
        assert!(html.contains("name=\"-agent\" value=\"\""));
        assert!(!html.contains("cursor"));
        assert!(html.contains("value=\"a&quot;&gt;&lt;b\""));
    }
}
