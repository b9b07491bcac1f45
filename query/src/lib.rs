//! Search: the query language, the search parameters and the HTTP API.
//!
//! - [`language`]: text in, [`hearken_index::query::Query`] out, and back.
//! - [`parameters`]: turns a request's names and values into one checked search.
//! - [`state`]: what every answer needs (index, limits, metrics), built once by `server`.
//! - [`search`]: one search from parameters to the answer, for the HTTP API and the pages alike.
//! - [`slowest`]: the slowest searches of the last hour.
//! - [`erasures`]: removes interactions from every answer and every file, with a receipt.
//! - [`export`], [`follow`], [`overview`]: every match as a stream, matches as they change, numbers for charts.
//! - [`events`]: events received over HTTP, for a sink that `server` provides.
//! - `mcp`: tools for AI agents, over the Model Context Protocol.
//! - [`webhooks`]: verifies that a webhook comes from the platform it names.
//! - [`views`]: searches saved under a name.
//! - [`words`]: hides what people said from those who may not read it.
//! - [`problem`]: the one place that turns errors into status, stable code and public text.
//! - [`keys`]: who may do what; [`audit`]: who did what.
//! - [`http`]: the routes.
//! - [`reload`]: files that may be replaced while the server runs.
//!
//! ```
//! use hearken_query::language::{parse, print};
//!
//! # fn main() -> Result<(), hearken_query::language::ParseError> {
//! let query = parse("refund AND (csat:<=2 OR rating:1)")?;
//! assert_eq!(parse(&print(&query))?, query);
//! assert!(parse("refund AND (").is_err());
//! # Ok(())
//! # }
//! ```

pub mod audit;
mod durable;
pub mod erasures;
pub mod events;
pub mod export;
pub mod follow;
pub mod http;
pub mod keys;
pub mod language;
mod mcp;
pub mod overview;
pub mod parameters;
pub mod problem;
pub mod reload;
pub mod search;
pub mod slowest;
pub mod state;
pub mod views;
pub mod webhooks;
pub mod words;
mod zone;

/// Requests to an index and its answers, for crates that only reach it through this one.
pub use hearken_index as index;
pub use http::router;
pub use problem::Problem;
pub use state::{AppState, AppStateBuilder, Limits};
