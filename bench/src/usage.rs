//! What processes and the machine have used, as Linux counts it under `/proc`.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// Linux reports processor time in hundredths of a second, whatever the kernel's own tick.
const TICK: Duration = Duration::from_millis(10);

/// What a stretch of time has cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Used {
    /// By the clock.
    pub(crate) wall: Duration,
    /// Processor time, user and system, of the process that was measured.
    pub(crate) cpu: Duration,
    /// Cores that everything else on the machine kept busy meanwhile, the broker included.
    pub(crate) cores_of_others: f64,
}

/// Measures a stretch of time.
#[derive(Debug)]
pub(crate) struct Stopwatch {
    started: Instant,
    machine_before: Duration,
    own_before: Duration,
}

impl Stopwatch {
    /// Starts measuring this process, all of its threads.
    pub(crate) fn start() -> Result<Stopwatch> {
        Stopwatch::start_for(std::process::id())
    }

    /// Starts measuring the process `id`.
    pub(crate) fn start_for(id: u32) -> Result<Stopwatch> {
        Ok(Stopwatch { own_before: process_cpu(id)?, ..Stopwatch::start_for_child()? })
    }

    /// Starts measuring a process that is about to be started.
    pub(crate) fn start_for_child() -> Result<Stopwatch> {
        Ok(Stopwatch { started: Instant::now(), machine_before: machine_cpu()?, own_before: Duration::ZERO })
    }

    /// What was used since the start by the process `id`, which must be the one that the start was about.
    pub(crate) fn read(&self, id: u32) -> Result<Used> {
        let wall = self.started.elapsed();
        let cpu = process_cpu(id)?.saturating_sub(self.own_before);
        let machine = machine_cpu()?.saturating_sub(self.machine_before);
        let cores_of_others = machine.saturating_sub(cpu).as_secs_f64() / wall.as_secs_f64();
        Ok(Used { wall, cpu, cores_of_others })
    }
}

/// Processor time of a process since it began, threads that have ended included.
pub(crate) fn process_cpu(id: u32) -> Result<Duration> {
    stat_cpu(&read(&format!("/proc/{id}/stat"))?)
}

/// Processor time of the threads that are alive, by name; numbers at the end of names are left out.
pub(crate) fn thread_cpu(id: u32) -> Result<BTreeMap<String, Duration>> {
    let mut by_name = BTreeMap::new();
    for thread in fs::read_dir(format!("/proc/{id}/task"))?.flatten() {
        // A thread may end between the listing and the look.
        let Ok(stat) = fs::read_to_string(thread.path().join("stat")) else { continue };
        let name =
            stat.split_once('(').and_then(|(_, rest)| rest.rsplit_once(')')).map_or("", |(name, _)| name);
        let name = name.trim_end_matches(|end: char| end.is_ascii_digit());
        *by_name.entry(name.to_owned()).or_default() += stat_cpu(&stat)?;
    }
    Ok(by_name)
}

/// Resident bytes of a process beyond the page cache.
pub(crate) fn anonymous_bytes(id: u32) -> Result<u64> {
    let status = read(&format!("/proc/{id}/status"))?;
    let kibibytes = status.lines().find_map(|line| line.strip_prefix("RssAnon:")?.split_whitespace().next());
    let kibibytes: u64 = kibibytes.context("no `RssAnon` in /proc/<id>/status")?.parse()?;
    Ok(kibibytes * 1024)
}

/// One line about the machine: processor, cores, kernel, load.
pub(crate) fn machine() -> String {
    let line = |path: &str| fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    let cpuinfo = line("/proc/cpuinfo");
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("unknown processor", |(_, model)| model);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load: Vec<_> = line("/proc/loadavg").split(' ').take(3).map(str::to_owned).collect();
    let kernel = line("/proc/sys/kernel/osrelease");
    format!("{cores} cores ({model}), Linux {kernel}, load average {} before the run", load.join(" "))
}

/// Busy time of all processors since boot.
fn machine_cpu() -> Result<Duration> {
    let stat = read("/proc/stat")?;
    let columns = stat.lines().next().unwrap_or_default().split_whitespace().skip(1);
    let ticks: Vec<u64> = columns.map(str::parse).collect::<Result<_, _>>().context("/proc/stat")?;
    // user nice system idle iowait irq softirq; what follows is counted in them or was taken by the host.
    let busy = [0, 1, 2, 5, 6].iter().filter_map(|column| ticks.get(*column)).sum::<u64>();
    Ok(ticks_to_time(busy))
}

/// `utime` and `stime` of proc_pid_stat(5): the 14th and 15th column, counted behind the name, which may hold blanks.
fn stat_cpu(stat: &str) -> Result<Duration> {
    let (_, columns) = stat.rsplit_once(')').context("a process's `stat` without a name")?;
    let ticks: Vec<u64> =
        columns.split_whitespace().skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
    Ok(ticks_to_time(ticks.iter().sum()))
}

fn ticks_to_time(ticks: u64) -> Duration {
    Duration::from_millis(ticks * TICK.as_millis() as u64)
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {path}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn processor_time_is_read_behind_a_name_with_blanks_and_brackets() {
        let stat = "7 (a) b) c) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 1 0 9 9 9";
        assert_eq!(stat_cpu(stat).unwrap(), Duration::from_secs(3));
    }

    #[test]
    fn this_process_has_memory_and_threads() {
        assert!(anonymous_bytes(std::process::id()).unwrap() > 0);
        assert!(!thread_cpu(std::process::id()).unwrap().is_empty());
    }
}
