//! Paging through a list. An address remembers the cursors of earlier pages, because a cursor only leads
//! forward.

use crate::clock::Clock;
use crate::location::Location;
use crate::period;

/// Earlier pages that an address remembers. A cursor takes some 150 bytes, so addresses stay far below their
/// limit; from there, only the first page is left.
const BACK_MAX: usize = 50;

/// The page number of an address, from 1.
pub(crate) fn number(location: &Location) -> usize {
    let number = location.get("page").and_then(|page| page.parse().ok());
    number.filter(|number| *number > 0 && location.get("cursor").is_some()).unwrap_or(1)
}

/// The previous page; `None` if the address does not remember it.
pub(crate) fn previous(location: &Location) -> Option<Location> {
    location.get("cursor")?;
    let before = number(location).saturating_sub(1);
    let back = location.get("back").unwrap_or_default();
    if before <= 1 {
        return Some(location.first_page());
    }
    let (rest, cursor) = back.rsplit_once('.').unwrap_or(("", back));
    let before = before.to_string();
    let mut paging = vec![("cursor", cursor), ("page", before.as_str())];
    paging.extend(Some(("back", rest)).filter(|(_, rest)| !rest.is_empty()));
    paging.extend(location.get("as_of").map(|as_of| ("as_of", as_of)));
    (!cursor.is_empty()).then(|| location.turned_to(&paging))
}

/// The page that begins at `cursor`, the `next_cursor` of this one.
pub(crate) fn next(location: &Location, cursor: &str, clock: &Clock) -> Location {
    let back = location.get("back").unwrap_or_default();
    let mut cursors: Vec<&str> =
        back.split('.').chain(location.get("cursor")).filter(|c| !c.is_empty()).collect();
    cursors.drain(..cursors.len().saturating_sub(BACK_MAX));
    let (back, page) = (cursors.join("."), number(location).saturating_add(1).to_string());
    // A cursor belongs to one search, so a period that is relative to now must not move.
    let now = period::is_relative(location).then(|| clock.now.to_string());
    let as_of = location.get("as_of").or(now.as_deref());
    let mut paging = vec![("cursor", cursor), ("page", page.as_str())];
    paging.extend(Some(("back", back.as_str())).filter(|(_, back)| !back.is_empty()));
    paging.extend(as_of.map(|as_of| ("as_of", as_of)));
    location.turned_to(&paging)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_lead_back_the_way_they_came() {
        let clock = Clock::utc(hearken_model::Timestamp::parse("2026-11-22T12:34:56Z").unwrap());
        let mut here = Location::parse("q=a&since=7d");
        let mut visited = vec![here.clone()];
        for page in 1..=60 {
            here = next(&here, &format!("c{page}"), &clock);
            visited.push(here.clone());
        }
        assert_eq!(visited[1].query(), "q=a&since=7d&cursor=c1&page=2&as_of=2026-11-22T12%3A34%3A56Z");
        for page in (12..=61).rev() {
            let wanted = &visited[page - 2];
            here = previous(&here).unwrap();
            assert_eq!((here.get("cursor"), here.get("page")), (wanted.get("cursor"), wanted.get("page")));
        }
        assert_eq!(previous(&here), None, "only the first page is left");
        assert_eq!(previous(&visited[0]), None);
        assert_eq!(previous(&visited[1]), Some(Location::parse("q=a&since=7d")));
        assert_eq!(previous(&visited[2]).map(|page| page.query()), Some(visited[1].query()));
    }
}
