//! What each command does.

pub mod config;
pub mod demo;
pub mod index;
pub mod keys;
pub mod serve;
