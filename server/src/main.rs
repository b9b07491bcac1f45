//! The `hearken` program: arguments, environment and exit codes; everything else is in the library.

use std::process::ExitCode;

/// tantivy makes and drops some 5 MB of buffers at every refresh and a thread of its own fills them; the system's
/// allocator gives such memory back to the kernel each time. docs/benchmarks.md has the measurement.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    hearken::cli::run(std::env::args_os(), std::env::vars())
}
