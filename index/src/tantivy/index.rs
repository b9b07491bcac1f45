//! The index as ingest and query see it: documents in, searches out.

use std::path::Path;
use std::sync::Arc;

use hearken_model::{Document, InteractionId};

use super::document::DocumentBuilder;
use super::error::EngineError;
use super::flusher::Durable;
use super::reader::IndexReader;
use super::schema::schema;
use super::writer::{Monitor, RefreshReport, Writer, WriterOptions};
use crate::changes::Changes;
use crate::checkpoint::Checkpoint;

/// Opens an index.
pub struct Index;

impl Index {
    /// Opens the index in that directory, or creates it. `adjust` may change how it is written, but not its fields.
    ///
    /// # Errors
    /// See [`Writer::open`].
    pub fn open(
        path: &Path,
        adjust: impl FnOnce(&mut WriterOptions),
    ) -> Result<(IndexWriter, IndexReader), EngineError> {
        let (schema, fields, tokenizers) = schema();
        let mut options = WriterOptions::new(schema, tokenizers);
        adjust(&mut options);
        let writer = Writer::open(path, options)?;
        let changes = Changes::new();
        let reader = IndexReader::new(writer.reader(), Arc::new(fields.clone()), changes.clone());
        let builder = DocumentBuilder::new(fields);
        Ok((IndexWriter { writer, builder, changed: Vec::new(), changes }, reader))
    }
}

/// Writes interactions. One thread owns it; all calls block. See [`super::writer`] for what becomes visible and
/// durable when.
pub struct IndexWriter {
    writer: Writer,
    builder: DocumentBuilder,
    /// Put since the last refresh.
    changed: Vec<InteractionId>,
    changes: Changes,
}

impl IndexWriter {
    /// Puts the document in the place of the one with its id. Visible after the next refresh.
    ///
    /// # Errors
    /// [`EngineError::Restart`].
    pub fn put(&mut self, document: &Document) -> Result<(), EngineError> {
        let (id, built) = self.builder.build(document);
        self.writer.replace(id, built)?;
        self.changed.push(document.id().clone());
        Ok(())
    }

    /// See [`Writer::refresh`].
    ///
    /// # Errors
    /// See [`Writer::refresh`].
    pub fn refresh(&mut self, checkpoint: &Checkpoint) -> Result<RefreshReport, EngineError> {
        let refreshed = self.writer.refresh(checkpoint);
        match &refreshed {
            Ok(_) => self.changes.publish(self.changed.drain(..)),
            // Gone with the rest of the batch; it will be put again.
            Err(EngineError::Restart { .. }) => self.changed.clear(),
            Err(_) => {}
        }
        refreshed
    }

    /// See [`Writer::flush_now`].
    ///
    /// # Errors
    /// See [`Writer::flush_now`].
    pub fn flush_now(&self) -> Result<(), EngineError> {
        self.writer.flush_now()
    }

    /// See [`Writer::merge_all`].
    ///
    /// # Errors
    /// See [`Writer::merge_all`].
    pub fn merge_all(&mut self) -> Result<(), EngineError> {
        self.writer.merge_all()
    }

    /// Where to go on reading after [`Index::open`].
    pub fn checkpoint(&self) -> Arc<Checkpoint> {
        self.writer.checkpoint()
    }

    /// What is durable now.
    pub fn durable(&self) -> Arc<Durable> {
        self.writer.monitor().durable()
    }

    /// For metrics, readiness and the source.
    pub fn monitor(&self) -> Monitor {
        self.writer.monitor()
    }
}
