//! A disk that another process keeps busy.

use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use anyhow::{Context, Result};

/// What is written between two syncs.
const WRITE_BYTES: usize = 64 << 20;

/// Writes 64 MiB and syncs them, without pause, into a file next to those of the server. Stops when dropped.
pub(crate) struct BusyDisk {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<std::io::Result<u64>>>,
}

impl BusyDisk {
    /// Begins to write.
    pub(crate) fn start() -> Result<BusyDisk> {
        let mut file = tempfile::tempfile().context("no file to keep the disk busy with")?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new()
            .name("busy-disk".into())
            .spawn(move || write_until(&mut file, &stopped))?;
        Ok(BusyDisk { stop, thread: Some(thread) })
    }

    /// Stops, and returns how many bytes were written.
    pub(crate) fn stop(mut self) -> Result<u64> {
        self.stop.store(true, Ordering::Release);
        let thread = self.thread.take().context("it was stopped before")?;
        thread.join().ok().context("the busy disk's thread panicked")?.context("the disk failed")
    }
}

impl Drop for BusyDisk {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
    }
}

fn write_until(file: &mut File, stopped: &AtomicBool) -> std::io::Result<u64> {
    let block = vec![0xA5; 1 << 20];
    let mut num_bytes = 0;
    while !stopped.load(Ordering::Acquire) {
        file.rewind()?;
        for _ in 0..WRITE_BYTES / block.len() {
            file.write_all(&block)?;
            num_bytes += block.len() as u64;
        }
        file.sync_all()?;
    }
    Ok(num_bytes)
}
