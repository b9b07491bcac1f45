//! The address holds the state: its parameters in order, and links that change one of them.
//!
//! The names are the API's (`hearken_query::parameters`), so a search's parameters also work on a page. A few
//! exist only on pages; [`Location::api`] leaves them out.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Everything but RFC 3986's unreserved characters is encoded in a path segment.
pub(crate) const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Parameters that only pages have: when interactions started (see [`crate::period`]), the time zone, the
/// list's columns, the pages before this one, and how the overview compares values.
const ONLY_OF_PAGES: [&str; 9] = ["since", "until", "tz", "columns", "as_of", "back", "page", "order", "all"];

/// Which page of the list, and as of when.
const PAGING: [&str; 4] = ["cursor", "back", "page", "as_of"];

/// API parameters that, like those of pages, mean nothing when empty. An empty filter means "missing" and
/// stays.
const MEANINGLESS_WHEN_EMPTY: [&str; 7] = ["q", "from", "to", "sort", "cursor", "limit", "facet_size"];

/// Parameters of the list that are not filters, as people write them.
pub(crate) const PARAMETERS: [&str; 9] =
    ["q", "from", "to", "sort", "limit", "since", "until", "tz", "columns"];

/// The parameters of an address, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Location {
    pairs: Vec<(String, String)>,
}

impl Location {
    /// Parses the part after `?`. Text that cannot be decoded counts as no parameters; the search reports it.
    pub(crate) fn parse(query: &str) -> Self {
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap_or_default();
        let says_something = |(name, value): &(String, String)| {
            let name = name.as_str();
            !value.is_empty() || !MEANINGLESS_WHEN_EMPTY.contains(&name) && !ONLY_OF_PAGES.contains(&name)
        };
        Location { pairs: pairs.into_iter().filter(says_something).collect() }
    }

    /// The parameters.
    pub(crate) fn pairs(&self) -> &[(String, String)] {
        &self.pairs
    }

    /// The first value of a parameter.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Every value of a parameter.
    pub(crate) fn all<'l>(&'l self, name: &'l str) -> impl Iterator<Item = &'l str> {
        self.pairs.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether a parameter has this value, among others.
    pub(crate) fn has(&self, name: &str, value: &str) -> bool {
        self.pairs.iter().any(|(known, its)| known == name && its == value)
    }

    /// This address with one more value, from its first page.
    pub(crate) fn with(&self, name: &str, value: &str) -> Location {
        let mut changed = self.first_page();
        changed.pairs.push((name.to_owned(), value.to_owned()));
        changed
    }

    /// This address with this value as the only one of its parameter, from its first page.
    pub(crate) fn set(&self, name: &str, value: &str) -> Location {
        self.without(name).with(name, value)
    }

    /// This address without a parameter, from its first page.
    pub(crate) fn without(&self, name: &str) -> Location {
        self.only(|known, _| known != name && !PAGING.contains(&known))
    }

    /// This address without one value of a parameter, from its first page.
    pub(crate) fn without_value(&self, name: &str, value: &str) -> Location {
        self.only(|known, its| (known != name || its != value) && !PAGING.contains(&known))
    }

    /// This address with another name for a parameter, from its first page.
    pub(crate) fn renamed(&self, name: &str, to: &str) -> Location {
        let mut renamed = self.first_page();
        for (known, _) in renamed.pairs.iter_mut().filter(|(known, _)| known == name) {
            to.clone_into(known);
        }
        renamed
    }

    /// This address from its first page.
    pub(crate) fn first_page(&self) -> Location {
        self.only(|name, _| !PAGING.contains(&name))
    }

    /// This address on another page of its list.
    pub(crate) fn turned_to(&self, paging: &[(&str, &str)]) -> Location {
        let mut turned = self.first_page();
        turned.pairs.extend(paging.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        turned
    }

    /// Only the parameters that select interactions, and the zone: no paging, order, columns or facets.
    pub(crate) fn selection(&self) -> Location {
        let first_page = self.first_page();
        first_page
            .only(|name, _| !["limit", "sort", "facets", "facet_size", "ranges", "columns"].contains(&name))
    }

    /// The same selection for the API, which lacks the pages' parameters: `q` replaces `since` and `until`.
    pub(crate) fn api(&self, q: Option<&str>) -> Location {
        let mut api = self.only(|name, _| !ONLY_OF_PAGES.contains(&name) && name != "q");
        if let Some(q) = q {
            api.pairs.insert(0, ("q".to_owned(), q.to_owned()));
        }
        api
    }

    /// Only the parameters that `passes` accepts.
    pub(crate) fn only(&self, passes: impl Fn(&str, &str) -> bool) -> Location {
        let pairs = self.pairs.iter().filter(|(name, value)| passes(name, value));
        Location { pairs: pairs.cloned().collect() }
    }

    /// The part after `?`; empty if there are no parameters.
    pub(crate) fn query(&self) -> String {
        serde_urlencoded::to_string(&self.pairs).unwrap_or_default()
    }

    /// The address of `path` with these parameters.
    pub(crate) fn href(&self, path: &str) -> String {
        match self.query() {
            query if query.is_empty() => path.to_owned(),
            query => format!("{path}?{query}"),
        }
    }
}

/// The address of an interaction's page with these parameters; its JSON is the same with `/v1` in front.
/// Browsers remove `.` and `..` from paths, even percent-encoded, so these ids are a parameter, which
/// replaces a filter of that name.
pub(crate) fn interaction_href(id: &str, parameters: &Location) -> String {
    if is_parameter(id) {
        return parameters.set("id", id).href("/interactions/");
    }
    parameters.href(&format!("/interactions/{}", utf8_percent_encode(id, SEGMENT)))
}

/// Whether an id must be a parameter of its address rather than part of the path.
pub(crate) fn is_parameter(id: &str) -> bool {
    matches!(id, "." | "..")
}

/// The fragment of an interaction's row in the list, also the id of the row's link: browsers focus it.
pub(crate) fn row_anchor(id: &str) -> String {
    format!("i-{}", utf8_percent_encode(id, SEGMENT))
}

/// The fragment of a message, also its element's id: free of white space, whatever the message's id is.
pub(crate) fn message_anchor(message_id: &str) -> String {
    format!("m-{}", utf8_percent_encode(message_id, SEGMENT))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_link_keeps_every_parameter_but_the_one_it_changes_and_the_page() {
        let here = Location::parse(
            "q=refund&country=Germany&country=&-agent=Ada+L&cursor=c&back=a.b&page=4&as_of=x",
        );
        assert_eq!(
            here.with("csat", "1").href("/"),
            "/?q=refund&country=Germany&country=&-agent=Ada+L&csat=1"
        );
        assert_eq!(here.without_value("country", "").href("/"), "/?q=refund&country=Germany&-agent=Ada+L");
        assert_eq!(here.without("country").href("/"), "/?q=refund&-agent=Ada+L");
        assert_eq!(here.set("q", "a&b=c").href("/"), "/?country=Germany&country=&-agent=Ada+L&q=a%26b%3Dc");
    }

    #[test]
    fn an_empty_filter_means_missing_and_an_empty_search_box_means_nothing() {
        assert_eq!(Location::parse("q=&from=&country=").href("/"), "/?country=");
    }

    #[test]
    fn the_api_is_asked_without_the_words_of_pages() {
        let here =
            Location::parse("country=&q=a&since=7d&until=2026-11-01&tz=UTC&columns=csat&sort=csat&page=2");
        assert_eq!(here.api(Some("a b")).query(), "q=a+b&country=&sort=csat");
        assert_eq!(here.api(None).query(), "country=&sort=csat");
    }

    proptest! {
        #[test]
        fn any_parameters_come_back_from_their_own_link(pairs in prop::collection::vec((".{1,9}", ".{1,9}"), 0..6)) {
            let here = Location { pairs };
            prop_assert_eq!(Location::parse(&here.query()), here);
        }

        #[test]
        fn any_id_fits_into_one_path_segment_and_one_html_id(id in ".{1,40}") {
            let href = interaction_href(&id, &Location::default());
            let segment = href.strip_prefix("/interactions/").unwrap();
            prop_assert!(matches!(&*id, "." | "..") || !segment.contains(['/', '?', '#', ' ', '"', '<']));
            prop_assert!(!message_anchor(&id).contains(char::is_whitespace));
        }
    }
}
