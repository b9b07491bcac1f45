//! hearken-analysis

pub mod sentiment;
