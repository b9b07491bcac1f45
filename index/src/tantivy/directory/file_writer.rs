//! A file being written: buffered in RAM, and on the disk once it outgrows the buffer.
//!
//! How large a file becomes is not known when it is opened. What goes to the disk is synced at the end, on the thread
//! that writes it (a merge, or a large batch), so that a failure is the writer's own and nothing ever names the file.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tantivy::directory::{AntiCallToken, FileHandle, OwnedBytes, TerminatingWrite};

use super::manifest::FileSum;
use super::storage::StorageFile;
use super::{Shared, Tier};

pub(super) struct FileWriter {
    shared: Arc<Shared>,
    name: String,
    buffer: Vec<u8>,
    /// `Some` once the file outgrew the buffer, which then stays empty.
    spilled: Option<Box<dyn StorageFile>>,
    bytes: u64,
    hasher: crc32fast::Hasher,
}

impl FileWriter {
    pub(super) fn new(shared: Arc<Shared>, name: String) -> Self {
        Self { shared, name, buffer: Vec::new(), spilled: None, bytes: 0, hasher: crc32fast::Hasher::new() }
    }

    fn spill(&mut self) -> io::Result<()> {
        {
            let mut state = self.shared.state.lock();
            state.refuse_if_closed()?;
            state.on_disk.insert(self.name.clone());
        }
        let mut file = self.shared.storage.create(&self.name)?;
        if let Err(closed) = self.shared.state.lock().refuse_if_closed() {
            // The instance that was opened meanwhile does not know the file.
            let _ = self.shared.storage.remove(&self.name);
            return Err(closed);
        }
        let buffer = self.take_buffer();
        file.write_all(&buffer)?;
        self.spilled = Some(file);
        Ok(())
    }

    fn write_through(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.spilled {
            Some(file) => file.write_all(bytes),
            None => {
                self.buffer.extend_from_slice(bytes);
                self.shared.buffered_bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                if self.buffer.len() > self.shared.spill_bytes { self.spill() } else { Ok(()) }
            }
        }
    }

    /// Brings the file to its tier.
    fn finish(&mut self) -> io::Result<(Arc<dyn FileHandle>, Tier)> {
        match self.spilled.take() {
            Some(mut file) => {
                file.sync()?;
                Ok((self.shared.storage.map(&self.name)?, Tier::Spilled))
            }
            None => {
                let mut buffer = self.take_buffer();
                buffer.shrink_to_fit();
                Ok((Arc::new(OwnedBytes::new(buffer)), Tier::Ram))
            }
        }
    }

    fn note_failure(&self) {
        self.shared.disk_fails.store(true, Ordering::Relaxed);
    }

    fn take_buffer(&mut self) -> Vec<u8> {
        let buffer = std::mem::take(&mut self.buffer);
        self.shared.buffered_bytes.fetch_sub(buffer.len() as u64, Ordering::Relaxed);
        buffer
    }
}

impl Write for FileWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_through(bytes).inspect_err(|_| self.note_failure())?;
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl TerminatingWrite for FileWriter {
    fn terminate_ref(&mut self, _: AntiCallToken) -> io::Result<()> {
        let sum = FileSum { bytes: self.bytes, crc32: std::mem::take(&mut self.hasher).finalize() };
        let (handle, tier) = self.finish().inspect_err(|_| self.note_failure())?;
        let mut state = self.shared.state.lock();
        state.refuse_if_closed()?;
        state.insert(self.name.clone(), handle, sum, tier);
        Ok(())
    }
}

impl Drop for FileWriter {
    /// A file that was not terminated was never there; what it left on the disk is collected by the next flush.
    fn drop(&mut self) {
        self.take_buffer();
        self.shared.state.lock().writing.remove(&self.name);
    }
}
