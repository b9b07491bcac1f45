//! Server-rendered HTML pages over the API's own searches. The address is the only state.
//!
//! - [`location`]: the address's parameters, and links that change one of them.
//! - [`clock`] and [`period`]: the reader's time zone, and when interactions must have started.
//! - [`layout`]: the frame of every page.
//! - [`interactions`]: `/`, the list with search box, facets and chips.
//! - [`interaction`]: `/interactions/{id}`, one conversation.
//! - [`overview`]: `/overview`, plots over the same selection.
//! - [`views`]: `/views`, saved searches.
//! - [`account`]: signing in with a key, and signing out.
//! - [`erase`]: erasing an interaction, and the receipt.
//! - [`recording`]: which recordings may be played.
//! - [`paging`] and [`place`]: paging through a list, and an interaction's position in it.
//! - [`marked`]: text with its matches marked.
//! - [`labels`] and [`format`]: human-readable fields, values, times and amounts.
//! - [`plot`]: SVG bars and lines.
//! - [`assets`]: the style sheet and scripts, embedded and cached by content.
//! - [`handlers`]: the routes.
//!
//! Everything in a conversation is hostile text: it reaches a page only through maud's escaping, and the
//! policy in [`handlers`] forbids inline scripts and styles. Pages work without scripts; scripts add keys,
//! live updates, suggestions and brushing.
//!
//! ```
//! let routes = hearken_query::http::routes().merge(hearken_web::routes());
//! assert!(routes.table().iter().any(|route| route.path == "/overview"));
//! ```

mod account;
mod assets;
mod clock;
mod current_user;
mod erase;
mod format;
mod handlers;
mod interaction;
mod interactions;
mod labels;
mod layout;
mod location;
mod marked;
mod overview;
mod paging;
mod period;
mod place;
mod plot;
mod recording;
#[cfg(test)]
mod tests;
mod views;

pub use handlers::{CONTENT_SECURITY_POLICY, routes};
