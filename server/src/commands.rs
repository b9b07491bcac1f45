//! One module per command.

pub mod audit;
pub mod backup;
pub mod config;
pub mod demo;
pub mod import;
pub mod index;
pub mod keys;
pub mod mcp;
pub mod remote;
pub mod serve;
pub mod shell;
pub mod top;
