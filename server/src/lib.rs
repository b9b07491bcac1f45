//! The `hearken` program: commands, assembly, signals. The only room that touches the environment, signals and the
//! process's exit.
//!
//! - [`cli`]: the commands and their exit codes.
//! - [`app`]: wires the crates together; commands and tests use the same assembly.
//! - [`engine`]: opens the index engine; `cluster`: the index commands for OpenSearch.
//! - [`http_events`]: events over HTTP, from the API to ingest.
//! - [`erasures`]: erasures over HTTP, likewise.
//! - [`commands`]: what each command does.
//! - [`client`], [`terminal`], [`pager`]: an API client, and its answers in a terminal, page by page.
//! - [`import`]: past conversations from files.
//! - [`demo`]: the bundled conversations, the recordings and the GeoIP file of the demo.
//! - [`rebuild`]: rewrites the index from its stored documents.
//! - [`fail_points`]: where the crash tests kill the program; a release build has none.
//! - [`logging`], [`metrics`]: log lines, and the metrics that belong to no other room.
//!
//! ```no_run
//! use hearken::app::{App, Role};
//! use hearken_config::Config;
//!
//! # async fn serve() -> anyhow::Result<()> {
//! let app = App::start(Config::load(None, [])?, Role::All).await?;
//! println!("listening on {}", app.url());
//! app.stop().await
//! # }
//! ```

pub mod app;
pub mod cli;
pub mod client;
mod cluster;
pub mod commands;
pub mod demo;
pub mod engine;
mod erasures;
pub mod fail_points;
mod http_events;
pub mod import;
pub mod logging;
pub mod metrics;
pub mod pager;
pub mod rebuild;
mod retention;
pub mod terminal;
