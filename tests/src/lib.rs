//! hearken-tests
