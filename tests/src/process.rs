//! A child process that belongs to one test.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

use crate::wait::poll;

/// How much of a log a failure shows.
const LOG_TAIL_BYTES: usize = 4_000;

/// A running child. Dropping it kills it by its id; if the test is failing by then, the end of its log is shown.
#[derive(Debug)]
pub struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` with its output, both streams, appended to the file `log`.
    pub fn spawn(name: &'static str, command: &mut Command, log: &Path) -> Result<Process> {
        let open = || File::options().create(true).append(true).open(log);
        let output = open().with_context(|| format!("cannot write {}", log.display()))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("cannot start {name} ({:?})", command.get_program()))?;
        Ok(Process { name, child, log: log.to_owned() })
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything the process has printed.
    pub fn log(&self) -> String {
        std::fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// The end of what the process has printed.
    pub fn log_tail(&self) -> String {
        let log = self.log();
        let start = log.len().saturating_sub(LOG_TAIL_BYTES);
        let start = (start..log.len()).find(|at| log.is_char_boundary(*at)).unwrap_or(0);
        log[start..].to_owned()
    }

    /// How the process ended, if it has.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// An error with the end of the log, if the process has ended.
    pub fn check_running(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("{} ended with {status}; its log ends:\n{}", self.name, self.log_tail()),
        }
    }

    /// Asks `ready` until it answers `Ok`, gives up early if the process ends.
    pub fn wait_ready<T>(&mut self, patience: Duration, mut ready: impl FnMut() -> Result<T>) -> Result<T> {
        let answer = poll(patience, || match self.check_running() {
            Err(ended) => Ok(Err(ended)),
            Ok(()) => ready().map(Ok),
        });
        answer.unwrap_or_else(|not_ready| {
            let tail = self.log_tail();
            Err(not_ready
                .context(format!("{} not ready after {patience:?}; its log ends:\n{tail}", self.name)))
        })
    }

    /// Sends a signal by its name, for instance `STOP`.
    pub fn signal(&self, signal: &str) -> Result<()> {
        // The standard library can only send SIGKILL; the shell's `kill` is everywhere.
        let sent = Command::new("sh").arg("-c").arg(format!("kill -{signal} {}", self.id())).status()?;
        if !sent.success() {
            bail!("cannot send SIG{signal} to {} (process {})", self.name, self.id());
        }
        Ok(())
    }

    /// Sends SIGTERM and waits for the end.
    ///
    /// # Errors
    /// It is still running after `patience`; it is then left running, for `Drop` to kill.
    pub fn terminate(&mut self, patience: Duration) -> Result<ExitStatus> {
        if let Some(status) = self.child.try_wait()? {
            return Ok(status);
        }
        self.signal("TERM")?;
        let name = self.name;
        poll(patience, || match self.child.try_wait() {
            Ok(Some(status)) => Ok(status),
            Ok(None) => Err(anyhow!("{name} still runs {patience:?} after SIGTERM")),
            Err(error) => Err(error.into()),
        })
    }

    /// Sends SIGKILL and waits for the end.
    pub fn kill(&mut self) {
        // Both fail only when the process has already been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The process of a server that a test stops, kills and brings back: running, or not.
#[derive(Debug, Default)]
pub struct Server(Option<Process>);

impl Server {
    /// Starts the server, whatever was running before, and waits until `ready` answers `Ok`.
    pub fn run(
        &mut self,
        (name, command): (&'static str, &mut Command),
        log: &Path,
        patience: Duration,
        ready: impl FnMut() -> Result<()>,
    ) -> Result<()> {
        self.stop()?;
        let mut process = Process::spawn(name, command, log)?;
        process.wait_ready(patience, ready)?;
        self.0 = Some(process);
        Ok(())
    }

    /// Stops it in good order, if it runs.
    ///
    /// # Errors
    /// It has not ended after a minute; it is killed then.
    pub fn stop(&mut self) -> Result<()> {
        const PATIENCE: Duration = Duration::from_secs(60);
        self.0.take().map_or(Ok(()), |mut process| process.terminate(PATIENCE).map(drop))
    }

    /// Kills it as a power cut would, if it runs.
    pub fn kill(&mut self) {
        self.0 = None;
    }

    /// The running process.
    pub fn process(&self) -> Option<&Process> {
        self.0.as_ref()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- end of the log of {} ({}):\n{}", self.name, self.log.display(), self.log_tail());
        }
    }
}
