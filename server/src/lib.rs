//! hearken
