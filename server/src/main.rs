//! The `hearken` program: arguments, environment and exit codes; everything else is in the library.

use std::process::ExitCode;

/// tantivy makes and drops a table of 4 MB and more at every refresh, on a thread that ends with it; the system's
/// allocator gives such memory back to the kernel each time. docs/adr/0005 has the measurement.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    hearken::cli::run(std::env::args_os(), std::env::vars())
}
