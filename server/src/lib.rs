//! The `hearken` program: commands, assembly, signals. The only room that touches the environment, signals and the
//! process's exit.
//!
//! - [`cli`]: the commands and their exit codes.
//! - [`app`]: puts the rooms together; the commands and the tests use the same assembly.
//! - [`engine`]: opens the engine of the index; `cluster`: what commands do with one on OpenSearch.
//! - [`http_events`]: events over HTTP, from the API's hands into ingest's.
//! - [`erasures`]: erasures over HTTP, likewise.
//! - [`commands`]: what each command does.
//! - [`client`], [`terminal`], [`pager`]: the API as a client sees it, its answers in a terminal, and page by page.
//! - [`import`]: past conversations from files.
//! - [`demo`]: the bundled conversations, the recordings and the GeoIP file of the demo.
//! - [`rebuild`]: rewrites the index from its stored documents.
//! - [`fail_points`]: where the crash tests kill the program; a release build has none.
//! - [`logging`], [`metrics`]: log lines, and the metrics that belong to no other room.

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
