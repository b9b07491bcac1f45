//! Threads whose work can wait a little: merges and flushes.

use std::cell::Cell;

/// How much lower their priority is than that of the rest of the process, as a nice value. Five levels are a third of the processor time where there is
/// not enough for all ([sched(7)]): enough to keep up, and a refresh is not kept waiting by a merge.
///
/// [sched(7)]: https://man7.org/linux/man-pages/man7/sched.7.html
const NICENESS: i32 = 5;

thread_local! {
    static IS_BACKGROUND: Cell<bool> = const { Cell::new(false) };
}

/// Lowers the priority of the calling thread, once. Where the system cannot do that for a single thread, nothing happens.
pub(super) fn lower_priority() {
    if !cfg!(target_os = "linux") || IS_BACKGROUND.replace(true) {
        return;
    }
    let process = rustix::process::getpriority_process(None).unwrap_or_default();
    if let Err(error) = rustix::process::setpriority_process(None, process + NICENESS) {
        tracing::debug!(%error, "cannot lower the priority of a background thread");
    }
}

/// [`lower_priority`] if tantivy made the thread for merges; it offers no other place to do so.
pub(super) fn lower_priority_while_merging() {
    if std::thread::current().name().is_some_and(|name| name.starts_with("merge_thread")) {
        lower_priority();
    }
}
