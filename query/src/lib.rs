//! hearken-query
