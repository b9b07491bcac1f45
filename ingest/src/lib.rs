//! hearken-ingest
