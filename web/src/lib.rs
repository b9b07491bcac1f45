//! The pages: server-rendered HTML over the same searches as the API, with the address as the only state.
//!
//! - [`location`]: an address's parameters, and the links that change one of them.
//! - [`clock`] and [`period`]: the reader's zone, and when interactions must have started.
//! - [`layout`]: the frame of every page.
//! - [`interactions`]: `/`, the list with search box, facets and chips.
//! - [`interaction`]: `/interactions/{id}`, one conversation.
//! - [`overview`]: `/overview`, plots over the same selection.
//! - [`views`]: `/views`, searches that people gave a name.
//! - [`account`]: signing in with a key, and out again.
//! - [`erase`]: erasing an interaction, and the receipt.
//! - [`recording`]: which recordings are played.
//! - [`paging`] and [`place`]: the pages of a list, and where an interaction stands in it.
//! - [`marked`]: text in which matches are marked.
//! - [`labels`] and [`format`]: fields, values, times and amounts as people read them.
//! - [`plot`]: SVG bars and lines.
//! - [`assets`]: style sheet and scripts, embedded and cached by content.
//! - [`handlers`]: the routes.
//!
//! Everything that a conversation carries is hostile text: it reaches a page only through maud's escaping, and the
//! policy in [`handlers`] forbids inline scripts and styles. Pages work without scripts; scripts add keys, live
//! growth, suggestions and brushing.
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
