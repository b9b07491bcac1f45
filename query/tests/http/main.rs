//! The HTTP API over a small real index, without a socket.
#![allow(clippy::unwrap_used, missing_docs)]

mod errors;
mod events;
mod fields;
mod keys;
mod mcp;
mod network;
mod openapi;
mod operations;
mod ranges;
mod requests;
mod searches;
mod strangers;
mod streams;
mod support_lead;
mod tried;
mod views;
mod webhooks;
mod world;
