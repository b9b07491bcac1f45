//! hearken-web
