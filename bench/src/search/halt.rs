//! Keeping the engines that are not measured from taking time of the one that is.

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};

/// Processes that stand still until this is dropped.
pub(crate) struct Halted(Vec<Pid>);

impl Halted {
    /// Halts those that there are.
    pub(crate) fn new<const N: usize>(processes: [Option<u32>; N]) -> Result<Halted> {
        let mut halted = Halted(Vec::with_capacity(N));
        for id in processes.into_iter().flatten() {
            let process = i32::try_from(id).ok().and_then(Pid::from_raw).context("no process id")?;
            kill_process(process, Signal::STOP).with_context(|| format!("process {id} cannot be halted"))?;
            halted.0.push(process);
        }
        Ok(halted)
    }
}

impl Drop for Halted {
    fn drop(&mut self) {
        for process in &self.0 {
            // It may have ended meanwhile.
            let _ = kill_process(*process, Signal::CONT);
        }
    }
}
